/* The command table: made from commands.def, used by keys, help, hints and palette.
 *
 * Ownership: constant. Threads: immutable. */
#ifndef QSCOPE_TUI_SCREEN_COMMANDS_H
#define QSCOPE_TUI_SCREEN_COMMANDS_H

#include "analysis/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_id {
#define COMMAND(id, ...) COMMAND_##id,
#include "tui/screen/commands.def"
#undef COMMAND
  COMMAND_COUNT
};

enum command_group {
  GROUP_KNOBS,
  GROUP_VIEW,
  GROUP_TENSOR,
  GROUP_OUTPUT,
  GROUP_PROGRAM,
  GROUP_COUNT
};

enum { COMMAND_KEYS = 4, COMMAND_EVERYWHERE = -1 };

struct command {
  const char *name, *keys;
  enum command_group group;
  const char *hint, *what, *why;
  int view; /* the only view where its keys are, or COMMAND_EVERYWHERE */
};

extern const struct command explorer_commands[COMMAND_COUNT];
extern const char *const command_group_titles[GROUP_COUNT];

/* The command of KEY in VIEW, or COMMAND_COUNT. */
enum command_id command_of_key(uint32_t key, enum view_kind view);

/* The names of its keys, separated by blanks ("z + ="), into TEXT; returns TEXT. */
char *command_keys(enum command_id id, char *text, size_t size);
/* Name of its first key that is no other command's in VIEW; of the first one when all are. */
char *command_key_in(enum command_id id, enum view_kind view, char *text, size_t size);
/* Name of the first key. */
char *command_first_key(enum command_id id, char *text, size_t size);

/* How well PATTERN matches the letters of TEXT in order: 0 not at all, more is better (runs and
 * word starts count extra). An empty pattern matches everything. Case does not matter. */
int fuzzy_score(const char *pattern, const char *text);

/* Commands whose name (or description, weaker) matches PATTERN, best first; at most COMMAND_COUNT.
 * Returns how many. A pattern with ',' or '=' is a quantizer, no name: nothing matches. */
size_t commands_match(const char *pattern, enum command_id *ids);

#endif
