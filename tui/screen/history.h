/* The moments before and after the present one, for undo: what was looked at, how it looked, and
 * where its cursors stood.
 *
 * Ownership: plain values; a history is embedded and holds no memory of its own. Threads: none. */
#ifndef QSCOPE_TUI_SCREEN_HISTORY_H
#define QSCOPE_TUI_SCREEN_HISTORY_H

#include "tui/screen/colors.h"
#include "tui/screen/glyphs.h"
#include "tui/screen/layout.h"
#include "tui/screen/state.h"

/* How everything looks. */
struct looks {
  const struct glyphs *glyphs;
  struct screen_theme theme;
  bool no_hints;
};

/* The cursor of the views over values. */
struct value_cursor {
  bool on;
  double x;
};

/* Where the cursors of the views stand, and what lies open in them. */
struct places {
  struct value_cursor cursor, number;
  size_t outlier, element;
  size_t row, column; /* of the element that the cursor of the heat map is on */
  bool on_point;      /* of the sweep: */
  size_t point;
  bool on_rule; /* of the board: */
  const struct calibrator *rule;
  bool on_method; /* of the layer: */
  size_t method;  /* its row, counted from the last: pins come before it */
  size_t option, detail, channel;
  bool closely, on_channel;
  bool explaining, asking;
  enum focus focus;
};

struct moment {
  struct state state;
  struct looks looks;
  struct places places;
};

bool looks_equal(const struct looks *a, const struct looks *b);
bool places_equal(const struct places *a, const struct places *b);

/* What turned BEFORE into AFTER, in a few words: "int4,sym,tensor,minmax", "view sweep", "theme
 * light", "cursor"; NAMES has those of the tensors. Returns TEXT. */
typedef const char *moment_namer(const void *names, size_t tensor);
char *moment_words(const struct moment *before, const struct moment *after, moment_namer *name,
                   const void *names, char *text, size_t size);

enum { HISTORY_LENGTH = 128 };

/* The oldest fall out. */
struct history {
  struct moment past[HISTORY_LENGTH], future[HISTORY_LENGTH]; /* the nearest last */
  size_t pasts, futures;
};

/* Remembers MOMENT, which is about to change; what could be redone is forgotten. */
void history_push(struct history *history, const struct moment *moment);
/* Exchanges MOMENT with the one before (after) it; false when there is none. */
bool history_undo(struct history *history, struct moment *moment);
bool history_redo(struct history *history, struct moment *moment);
void history_clear(struct history *history);

#endif
