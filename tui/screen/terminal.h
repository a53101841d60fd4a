/* The terminal: the only part that knows curses.
 *
 * Shows a grid of cells, gives keys, and leaves the terminal as it found it on every way out.
 * Ownership: one terminal per process. Threads: the UI thread only. */
#ifndef QSCOPE_TUI_SCREEN_TERMINAL_H
#define QSCOPE_TUI_SCREEN_TERMINAL_H

#include "quant/base/status.h"
#include "tui/screen/app.h"
#include "tui/screen/cells.h"
#include "tui/screen/colors.h"
#include "tui/screen/glyphs.h"
#include "tui/screen/mouse.h"

/* STATUS_OUTPUT when there is no usable terminal; says which TERM it was. As theme_find for a theme
 * that cannot be used. */
enum status terminal_open(const struct app_options *options, struct error *error);
/* No terminal: cells of the size that OPTIONS name, which nothing shows, and no keys. As theme_find
 * for its theme. */
enum status terminal_absent(const struct app_options *options, struct error *error);
/* Puts everything back; safe to call twice. */
void terminal_close(void);

enum color_depth terminal_depth(void);
/* The colours; setting others takes effect with the next frame. */
const struct screen_theme *terminal_theme(void);
void terminal_set_theme(const struct screen_theme *theme);
/* True when the locale and the terminal (or, without one, a file) can show GLYPHS. */
bool terminal_has(const struct glyphs *glyphs);
/* The set called NAME where it can be shown, else the nearest before it in the table that can;
 * NULL, or there is none: the first that can. */
const struct glyphs *terminal_glyphs(const char *name);
/* Standard input of the explorer: a descriptor to poll. */
int terminal_descriptor(void);
/* Standard output when it was opened: the size it has now. */
void terminal_size(int *rows, int *columns);

/* The next key (see keys.h) if one waits; never blocks longer than the escape delay. */
bool terminal_key(uint32_t *key);
/* What the mouse did, after KEY_CODE_MOUSE; false when it is nothing of interest. */
bool terminal_mouse(struct mouse_event *event);
/* Asks the terminal for events of the mouse, or leaves the mouse to it; false when it has none. */
bool terminal_set_mouse(bool on);
/* True when the terminal is gone (end of input). */
bool terminal_lost(void);

/* Brings CELLS to the screen: only what changed is sent. The cursor shows at CURSOR_ROW,
 * CURSOR_COLUMN, or is hidden when they are negative. */
void terminal_show(const struct cells *cells, int cursor_row, int cursor_column);
/* Forgets what is on the screen: the next frame is sent whole. */
void terminal_forget(void);
/* After a resize signal: tells curses the new size. */
void terminal_resized(void);
/* Leaves the screen, stops the process, and takes the screen back when it continues. */
void terminal_suspend(void);
/* The same after a stop that nobody announced: everything is set and drawn again. */
void terminal_continue(void);
/* Asks for suspending, when the keys that wait are read; false: there is no terminal. */
bool terminal_stop(void);
/* Sends control text (an OSC sequence) past curses. */
void terminal_send(const char *text);

#endif
