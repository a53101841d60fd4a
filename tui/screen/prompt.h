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
  size_t length, at; /* bytes; AT: where the cursor is */
  size_t selected;   /* in the list of suggestions, for whoever has one */
};

void prompt_clear(struct prompt *prompt);
/* TEXT, the cursor behind it; what does not fit is cut. */
void prompt_set(struct prompt *prompt, const char *text);
/* Puts TEXT in place of the bytes FROM up to TO, the cursor behind it; false (and nothing) when
 * there is no room. */
bool prompt_replace(struct prompt *prompt, size_t from, size_t to, const char *text);

/* A printable key is written at the cursor; Backspace, ^W and ^U delete what is before it. True
 * when the key was one of these. */
bool prompt_key(struct prompt *prompt, uint32_t key);
/* The same, and Left, Right, Home, End, ^A, ^E move; Delete and ^K delete what is behind. */
bool prompt_edit(struct prompt *prompt, uint32_t key);

#endif
