/* The explorer for the ear: no alternate screen, no box drawing, no cursor that jumps. Lines come
 * in, sentences go out, the same commands under the same names; menus have numbers.
 *
 * Works on any terminal, and through pipes. Ownership: borrows. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_LINEAR_H
#define QSCOPE_TUI_SCREEN_LINEAR_H

#include "tui/screen/explorer.h"

#include <stdio.h>

/* Reads lines from IN until its end, or until the user leaves; what is wrong with a line is said,
 * and the next is read. STATUS_INPUT: IN cannot be read. */
enum status linear_run(struct explorer *explorer, FILE *in, FILE *out, struct error *error);

#endif
