/* What the explorer is drawn with, for --version. */
#ifndef QSCOPE_TUI_SCREEN_LIBRARIES_H
#define QSCOPE_TUI_SCREEN_LIBRARIES_H

#include <stddef.h>

/* "ncurses 6.4.20221231", of the library that is loaded, into TEXT; returns TEXT. */
char *screen_libraries(char *text, size_t size);

#endif
