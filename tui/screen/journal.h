/* The session on disk while it goes on: each command is appended when it is done, with the state
 * that it led to (session_file.h has the format). However the program ends, a killed one too,
 * everything up to then is there, and a handler of signals has one line to write.
 *
 * Ownership: journal_end frees it. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_JOURNAL_H
#define QSCOPE_TUI_SCREEN_JOURNAL_H

#include "quant/base/status.h"

#include <stddef.h>
#include <stdint.h>

struct explorer;

struct journal {
  int file;        /* -1: none */
  size_t lines;    /* of the session that it has */
  uint64_t source; /* the number of the last one that was told */
  char *now;       /* the last state that it has; NULL: none */
  struct error error;
};

/* Begins a file, which signals_leave gets, too. */
void journal_begin(struct explorer *explorer);
/* Appends what is new. */
void journal_follow(struct explorer *explorer);
/* The user has left. STATUS_OUTPUT: the session is not kept, or not all of it. */
enum status journal_end(struct explorer *explorer, struct error *error);

#endif
