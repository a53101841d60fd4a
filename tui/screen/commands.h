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
  GROUP_LIST,
  GROUP_CHECKS,
  GROUP_SESSION,
  GROUP_EXPERIMENTS,
  GROUP_CHANGES,
  GROUP_COUNT
};

/* Where the keys of a command are: in every view, in one (its number in the table of
 * analysis/view.h), or on a page of its own, where there are no others. */
enum {
  SCOPE_EVERYWHERE = -1,
  SCOPE_PAIRS = 900,  /* view 5 when it is about two files */
  SCOPE_PAGES = 1000, /* views are below */
  SCOPE_LIST = SCOPE_PAGES,
  SCOPE_CHECKS,
  SCOPE_SESSION,
  SCOPE_EXPERIMENTS,
  SCOPE_CHANGES,
};

enum { TO_THE_END = 1 << 20 /* lines of a page: it stops at its ends */ };

/* What follows the name of a command in its line. */
enum command_text {
  TEXT_NONE,
  TEXT_SPEC,         /* a quantizer */
  TEXT_FILE,         /* a path, a source */
  TEXT_TENSOR,       /* the name of one */
  TEXT_RANGE,        /* LO:HI */
  TEXT_ASSERTION,    /* sqnr_db>=30 */
  TEXT_WORDS,        /* anything */
  TEXT_RECIPE,       /* a command line */
  TEXT_SWEEP,        /* what is swept over: bits=2:8 */
  TEXT_TRANSFORM,    /* smooth=0.5, none */
  TEXT_TOKENS,       /* the name of a tensor of the activation's source */
  TEXT_HELD_OUT,     /* of that of the held-out tokens */
  TEXT_METHOD,       /* a method with options */
  TEXT_METHOD_NAMES, /* several, with blanks between them */
  TEXT_OTHER_SPEC,   /* a quantizer that is not the knobs' */
  TEXT_COUNT
};
extern const char *const command_text_names[TEXT_COUNT]; /* "SPEC", "FILE" */

enum { COMMAND_KEYS = 4 };

struct command {
  const char *name, *keys;
  enum command_group group;
  const char *hint, *what, *why;
  int scope;
  enum command_text text;
};

extern const struct command explorer_commands[COMMAND_COUNT];
extern const char *const command_group_titles[GROUP_COUNT];

/* The command of KEY in SCOPE (a view or a page), or COMMAND_COUNT. */
enum command_id command_of_key(uint32_t key, int scope);

/* The command called by the first LENGTH bytes of NAME, or COMMAND_COUNT. */
enum command_id command_of_name(const char *name, size_t length);
/* The name nearest to what was typed, or NULL. */
const char *command_nearest(const char *typed);

/* The names of its keys, separated by blanks ("z + ="), into TEXT; returns TEXT. */
char *command_keys(enum command_id id, char *text, size_t size);
/* Name of its first key that is no other command's in SCOPE; of the first one when all are. */
char *command_key_in(enum command_id id, int scope, char *text, size_t size);
/* Name of the first key. */
char *command_first_key(enum command_id id, char *text, size_t size);

/* Commands, but for those of pages, whose name (or description, weaker) PATTERN means (names.h),
 * best first, with its score; at most COMMAND_COUNT. Returns how many. A pattern with ',' or '=' is
 * a quantizer, no name: nothing matches. */
size_t commands_match(const char *pattern, enum command_id *ids, int *scores);

#endif
