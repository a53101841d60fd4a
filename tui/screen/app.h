/* The explorer: the interactive program.
 *
 * Ownership: borrows the recipe. Threads: everything that touches curses runs on the calling
 * thread. */
#ifndef QSCOPE_TUI_SCREEN_APP_H
#define QSCOPE_TUI_SCREEN_APP_H

#include "analysis/engine.h"
#include "analysis/recipe.h"
#include "quant/base/status.h"

enum color_mode { COLOR_AUTO, COLOR_NEVER, COLOR_8, COLOR_16, COLOR_256 };

struct app_options {
  enum color_mode color; /* --color */
  const char *theme;     /* --theme, or NULL */
  const char *glyphs;    /* --glyphs, or NULL */
  bool ascii;            /* --ascii: no characters beyond ASCII */
  size_t cache;          /* --cache, in bytes */
  const char *trace;     /* --trace-frames, or NULL */
  const char *script;    /* --script, or NULL: there is no terminal then, */
  const char *const *line;
  size_t lines;      /* -c, in order, behind the script: nor here, */
  bool linear;       /* --linear: nor here, */
  const char *print; /* where the screen is written to in the end, as text, or NULL: nor here, */
  int rows, columns; /* but cells of this size (--screen), 80 x 24 where they are 0 */
  bool no_hints;     /* --hints no */
  bool no_mouse;     /* --mouse no */
  int escape_delay;  /* --escape-delay, in milliseconds */
  const char *stamp; /* of the figure that is opened again: what its tensors were; or NULL */
  bool restored;     /* --restore: it goes on with a session */
  bool forgets;      /* --ignore-config: the session is not kept */
  char notice[512];  /* what is wrong with the user's settings, or "" */
};

/* True when OPTIONS say what to do, and no one is there. */
static inline bool app_is_scripted(const struct app_options *options)
{
  return options->script || options->lines || options->print;
}

/* Opens the explorer on RECIPE (source NULL: the gallery) and returns when the user quits, or the
 * script ends; what the script says is the status then. The
 * terminal is as it was before, whatever happens. STATUS_INPUT when the source cannot be opened
 * (nothing was drawn, unless that took longer than a moment), STATUS_OUTPUT when there is no usable
 * terminal. */
enum status app_run(const struct recipe *recipe, const struct app_options *options,
                    struct error *error);

#endif
