/* A command as a line of text: "bits-more", "quantizer int4,asym", "save-screen shot.svg". What
 * keys do, the palette, scripts and the log of the session write and read.
 *
 * Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_RUN_LINE_H
#define QSCOPE_TUI_SCREEN_RUN_LINE_H

#include "tui/screen/explorer.h"

/* The parts of a line; they borrow from it. */
struct line_parts {
  size_t name_start, name_length;
  enum command_id id; /* COMMAND_COUNT: no command is called so */
  size_t text_start;  /* of what follows it and the blanks */
};
struct line_parts line_split(const char *line);

/* Runs LINE; a quantizer alone is applied. STATUS_USAGE names an unknown command and the nearest
 * one, or says why the command cannot be done; the others are those of what it does. */
enum status run_line(struct explorer *explorer, const char *line, struct error *error);

/* Runs "cursor WORDS", as a click on a place does; false where nothing stands there. */
bool run_cursor(struct explorer *explorer, const char *words, ...)
    __attribute__((format(printf, 2, 3)));

/* What happens at a command without text (a key, a click): one that needs text opens its line. */
void run_command(struct explorer *explorer, enum command_id id);

#endif
