/* The screen as a file: text, with or without what makes a terminal colour it, or a picture in the
 * colours of the theme.
 *
 * Ownership: borrows. Threads: any. */
#ifndef QSCOPE_TUI_SCREEN_SAVE_SCREEN_H
#define QSCOPE_TUI_SCREEN_SAVE_SCREEN_H

#include "quant/base/status.h"
#include "tui/screen/colors.h"

/* Writes CELLS to PATH, whatever it is called: lines of text, with control sequences unless DEPTH
 * is DEPTH_MONO. STATUS_OUTPUT, STATUS_MEMORY. */
enum status print_screen(const struct cells *cells, const struct screen_theme *theme,
                         enum color_depth depth, const char *path, struct error *error);

/* Writes CELLS to PATH: .txt, .ansi (with the control sequences of ECMA-48 for the colours of
 * DEPTH), .svg or .png. DEPTH_MONO draws without colours, any other depth pictures in those that
 * THEME names. STATUS_USAGE: another kind of file. STATUS_OUTPUT, STATUS_MEMORY. */
enum status save_screen(const struct cells *cells, const struct screen_theme *theme,
                        enum color_depth depth, const char *path, struct error *error);

#endif
