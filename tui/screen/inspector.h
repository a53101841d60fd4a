/* The inspector: view 7, one block of the tensor at a time.
 *
 * The block is read where it is drawn (it is small); the error of all blocks comes with the result.
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_INSPECTOR_H
#define QSCOPE_TUI_SCREEN_INSPECTOR_H

#include "tui/screen/explorer.h"

/* Goes BY blocks on (back when negative), as far as there are any. */
void inspector_move(struct explorer *explorer, int by);
/* Goes one element on or back, into the next block at the end of one. */
void inspector_step(struct explorer *explorer, int direction);

/* To block TEXT, or its element "BLOCK,ELEMENT"; to what is drawn at a place of the screen. */
enum status inspector_stand(struct explorer *explorer, const char *text, struct error *error);
bool inspector_click(struct explorer *explorer, int row, int column);

/* It needs the error of every block; true when RESULT lacks it. */
void inspector_request(struct result_request *request, bool export);
bool inspector_incomplete(const struct result *result);

/* Before NEXT replaces what is shown: a block that was chosen stays that of the same element, also
 * where blocks lie otherwise now. */
void inspector_follow(struct explorer *explorer, const struct result *next);

/* Draws the selected block, as much of it as RECT holds. */
void inspector_paint(struct explorer *explorer, struct rect rect);

#endif
