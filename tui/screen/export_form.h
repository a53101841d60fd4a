/* The export dialog: file, kind, size, resolution, theme, and whether the numbers go with the
 * figure. What was chosen stays for the session; E writes with it, to a new file, without asking.
 *
 * Ownership: embedded in the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_EXPORT_FORM_H
#define QSCOPE_TUI_SCREEN_EXPORT_FORM_H

#include "tui/figure/draw.h"
#include "tui/screen/prompt.h"

enum export_field {
  EXPORT_FILE,
  EXPORT_SIZE,
  EXPORT_DPI,
  EXPORT_TEXTS, /* fields that are written; the others are turned: */
  EXPORT_KIND = EXPORT_TEXTS,
  EXPORT_THEME,
  EXPORT_DATA,
  EXPORT_FIELDS
};

struct export_form {
  struct figure_options options;
  bool known; /* OPTIONS are: the defaults, or what was chosen */
  bool data;  /* the numbers, too: FILE.csv */
  int over;   /* enum mode: what it was opened over */
  bool asked; /* the dialog was where the figure that is being made comes from */
  enum export_field field;
  struct prompt text[EXPORT_TEXTS];
  char confirmed[PROMPT_TEXT]; /* a file that is there, and may be written over */
};

struct explorer;
struct figure;
struct state;

/* Opens the dialog for the present view. */
void export_form_open(struct explorer *explorer);
void export_form_key(struct explorer *explorer, uint32_t key);
void export_form_paint(struct explorer *explorer);

/* Writes FIGURE (NULL: there was no memory for it) of STATE to explorer->export_path (empty: a new
 * file named after STATE), and says so; a failure opens the dialog again when it came from there.
 */
void export_write(struct explorer *explorer, const struct figure *figure,
                  const struct state *state);

#endif
