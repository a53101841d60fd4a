/* What a line of the palette may go on with: commands, formats, presets, calibrators and tensors by
 * name; words of specs, files, tensors, metrics where a command takes them.
 *
 * Ownership: plain values. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_SUGGEST_H
#define QSCOPE_TUI_SCREEN_SUGGEST_H

#include "analysis/names.h"
#include "data/source.h"
#include "tui/screen/commands.h"

enum { SUGGESTIONS = 128, SUGGESTION_TEXT = 192 };

enum suggestion_kind {
  SUGGEST_COMMAND,
  SUGGEST_SPEC,       /* a format or a preset: a quantizer */
  SUGGEST_CALIBRATOR, /* for the quantizer that is */
  SUGGEST_TENSOR,
  SUGGEST_PART, /* of the text that a command takes */
};

struct suggestion {
  enum suggestion_kind kind;
  enum command_id id;         /* SUGGEST_COMMAND */
  char text[SUGGESTION_TEXT]; /* what is written for it */
  char behind[2];             /* and what follows it: " ", "=", "/" or nothing */
  char about[96];
  int score;
};

/* The suggestions for a line with its cursor at byte AT, best first; they stand for the bytes FROM
 * up to TO of it. */
struct suggestions {
  size_t from, to, count;
  struct suggestion list[SUGGESTIONS];
};

void suggest(const char *line, size_t at, const struct source *source, struct suggestions *out);

/* The bytes of LINE that are a spec: all of it, or what a command takes; false: none are. */
bool suggest_spec(const char *line, size_t *from);

#endif
