/* One line of text that the user writes.
 *
 * Ownership: embedded. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_PROMPT_H
#define QSCOPE_TUI_SCREEN_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROMPT_TEXT = 512 };

struct prompt {
  char text[PROMPT_TEXT];
  size_t length;
  size_t selected; /* in the list of suggestions, for whoever has one */
};

void prompt_clear(struct prompt *prompt);
/* A printable key is appended; Backspace, ^U and ^W delete. True when the key was one of these. */
bool prompt_key(struct prompt *prompt, uint32_t key);

#endif
