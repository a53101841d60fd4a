/* The explorer's inside: what is looked at, what is shown of it, and what the user is doing.
 *
 * app.c runs the loop, actions.c changes it, paint.c draws it. Ownership: app.c makes and frees
 * it. Threads: the UI thread only. */
#ifndef QSCOPE_TUI_SCREEN_EXPLORER_H
#define QSCOPE_TUI_SCREEN_EXPLORER_H

#include "analysis/engine.h"
#include "analysis/figure.h"
#include "analysis/recipe.h"
#include "tui/screen/app.h"
#include "tui/screen/browser.h"
#include "tui/screen/cells.h"
#include "tui/screen/commands.h"
#include "tui/screen/experiments_page.h"
#include "tui/screen/export_form.h"
#include "tui/screen/glyphs.h"
#include "tui/screen/help.h"
#include "tui/screen/journal.h"
#include "tui/screen/layout.h"
#include "tui/screen/mouse.h"
#include "tui/screen/palette.h"
#include "tui/screen/session.h"
#include "tui/screen/stamping.h"
#include "tui/screen/state.h"
#include "tui/screen/trace.h"
#include "tui/screen/undo.h"
#include "tui/screen/view_parts.h"

/* Who gets the keys: the view, or what stands over it (overlay.c). */
enum mode {
  MODE_MAIN,
  MODE_BROWSER,
  MODE_HELP,
  MODE_PALETTE,
  MODE_CHECKS,
  MODE_SESSION,
  MODE_EXPERIMENTS,
  MODE_CHANGES,
  MODE_EXPORT,
  MODE_WELCOME,
  MODE_COUNT
};

/* A request that the engine works on. */
enum work {
  WORK_NONE,
  WORK_SHOW,
  WORK_REST,
  WORK_EXPORT,
  WORK_VIEW,
  WORK_PINS,
  WORK_STAMP,
  WORK_CHECK_STAMP
};

struct screen_view;

enum { COMPANIONS = 2 }; /* views that may stand beside the open one */

struct explorer {
  /* What is looked at. */
  struct source *source;
  struct source *part;  /* the channel alone, or the tensor transformed; NULL: neither was */
  struct state part_of; /* tensor, axis, channel and transform of `part` */
  struct source *aside; /* the same of a pin that has another transform, and what it is of */
  struct state aside_of;
  struct state state;
  struct undoing undo;

  /* What the engine does. */
  struct engine *engine;
  enum work work;
  const struct screen_view *asker; /* of WORK_VIEW */
  bool stopped;                    /* the user stopped the view's work: what is known stays */
  struct state requested;
  int requested_bins;
  bool wanted;        /* the state has changed: ask the engine */
  bool rest_stopped;  /* the user does not want what a partial result lacks */
  bool leaving;       /* q was pressed while a figure was still to be written */
  bool export_wanted; /* then write this: */
  struct state exported;
  struct stamping stamping;
  char export_path[1024]; /* to this file; "": to a new one */
  enum status fault;      /* what went wrong while the engine worked; the message says it */

  /* What is shown: the last numbers, exact unless the result says that it is an estimate. */
  struct result *result;
  struct state shown;
  /* While that has no histograms yet: the result before, whose are drawn; else NULL. */
  struct result *drawn;
  struct state drawn_of;
  struct figure *figure,
      *companion[COMPANIONS]; /* of the view, and of those that stand beside it */
  char *recipe;
  struct batching batching; /* of the recipe it was opened with; stays */

  /* How. */
  struct cells cells;
  const struct glyphs *glyphs;
  struct layout layout;
  enum focus focus;
  enum mode mode;
  struct browser browser;
  struct gather *gather; /* of the source: made when the browser is first opened */
  struct palette palette;
  struct session session;
  struct journal journal;
  struct experiments_page experiments;
  struct export_form form; /* of the export */
  bool no_hints;           /* their row belongs to the view */
  struct mouse mouse;
  bool no_mouse; /* it is the terminal's */
  struct help help;
  int check;                  /* the selected one of the page of checks */
  struct inspect_block block; /* the inspector's, as last drawn */
  bool block_known;
  size_t element;         /* the selected one of the block */
  size_t selected, first; /* place in the list of outliers; the first that is shown */
  struct board_place board;
  struct asking asking;
  struct sweeping sweep;
  struct heating heating;
  struct comparing compare;
  struct pinned pinned;
  struct value_cursor cursor;
  struct value_cursor number; /* of view K: a share of the largest */
  struct grid_watch grid;
  struct layering layer;
  char message[512];
  bool warning;
  int cursor_row, cursor_column; /* of a prompt; -1: none */

  const struct app_options *options;
  bool presented;    /* the terminal is open, where there is one */
  bool resized;      /* what is drawn for the old size must be made again */
  struct kept_keys { /* pressed while a source was read, for what comes then */
    uint32_t key[64];
    size_t count;
  } kept;

  struct trace *trace; /* of --trace-frames; NULL without */
  bool scripted;       /* nobody is there to answer a dialog */
  bool spoken;         /* sentences in place of a screen */
  bool quit, copied, redraw;
  unsigned keys; /* handled so far */
};

/* The tensor that the numbers are of: the channel alone, the whole, or that transformed. */
const struct tensor *explorer_tensor(const struct explorer *explorer);
/* The source of it, and its place in there. */
struct source *explorer_part(const struct explorer *explorer, size_t *index);
/* The tensor as the source has it. */
const struct tensor *explorer_whole(const struct explorer *explorer);

/* Says SENTENCE in the message line; a warning stands out. */
void explorer_say(struct explorer *explorer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void explorer_warn(struct explorer *explorer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True when what is shown is not what is looked at. */
bool explorer_stale(const struct explorer *explorer);

/* The result whose histograms and errors by value are drawn; NULL: none yet. */
const struct result *explorer_drawn(const struct explorer *explorer);

/* How exact those are, where a figure of them is to be seen and the numbers are exact already. */
enum drawn { DRAWN_EXACT, DRAWN_ESTIMATE, DRAWN_STALE, DRAWN_NONE };
enum drawn explorer_drawing(const struct explorer *explorer);
/* True for figures of histograms and of errors by value. */
bool explorer_draws(enum view_kind kind);

/* True when the errors by value are to be seen: in the figure, or in the words on the cursor's bin.
 */
bool explorer_shows_errors(const struct explorer *explorer);

/* Asks the engine for what STATE looks at, which must be open, with BINS bins over LO..HI (ERRORS:
 * and the errors by value), under its knobs' quantizer. */
void explorer_request(struct explorer *explorer, const struct state *state, size_t bins, double lo,
                      double hi, bool errors);

/* Goes to NEXT: remembers the present for undo, and asks for new numbers when they differ. */
void explorer_go(struct explorer *explorer, const struct state *next);

/* The same for one of many small steps (to the next block): several in a row are undone at once.
 */
void explorer_step(struct explorer *explorer, const struct state *next);

/* Goes to tensor INDEX, all of it. */
void explorer_go_to(struct explorer *explorer, size_t index);

/* The view that stands beside the open one as number I, where there is room. */
enum view_kind explorer_companion(const struct explorer *explorer, int i);

/* Opens RECIPE in place of what is looked at; on failure everything stays. */
enum status explorer_enter(struct explorer *explorer, const struct recipe *recipe,
                           struct error *error);

/* Works until nothing more is to come by itself: every number is exact. The status says what went
 * wrong on the way. */
enum status explorer_settle(struct explorer *explorer, struct error *error);

/* Writes the figure of the view to PATH (NULL: a new file), when its numbers are there. */
void explorer_export(struct explorer *explorer, const char *path);

/* False where the view has no figure that could be written, which it says. */
bool explorer_has_figure(struct explorer *explorer);

/* Opens the terminal unless it is open. */
enum status explorer_present(struct explorer *explorer, struct error *error);

/* Makes the layout for the size that the screen has now. */
void explorer_relayout(struct explorer *explorer);

/* Does what waiting signals ask for: suspends, takes another size. */
void explorer_heed_signals(struct explorer *explorer);

/* Closes what stands over the view. */
void explorer_leave_page(struct explorer *explorer);
/* Opens the list of tensors, those that FILTER (browser.h; "": all) lets through. */
void explorer_list(struct explorer *explorer, const char *filter);

/* How many bins the histograms of the screen have. */
int explorer_bins(const struct explorer *explorer);

/* Opens SPEC in place of the present source; on failure says so and keeps everything. */
bool explorer_open(struct explorer *explorer, const char *spec);

/* The recipe of STATE: a new string that the caller frees. NULL when memory runs out. */
char *explorer_recipe(const struct explorer *explorer, const struct state *state);

/* The same of the present state with all that is pinned, whatever the view shows of it. */
char *explorer_session_recipe(const struct explorer *explorer);

/* Makes the recipe of the present state again. */
void explorer_name(struct explorer *explorer);
/* Builds figure and recipe again from the result (the view or the count axis changed). */
void explorer_refresh(struct explorer *explorer);

/* Takes QUANTIZER for the knobs; undo brings the others back. */
void explorer_apply(struct explorer *explorer, const struct quantizer *quantizer);

/* What happens at a command (actions.c). */
void explorer_command(struct explorer *explorer, enum command_id id);

/* Draws everything into explorer->cells (paint.c). */
void explorer_paint(struct explorer *explorer);

#endif
