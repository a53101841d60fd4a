/* What the figures are drawn with, for --version. */
#ifndef QSCOPE_TUI_FIGURE_LIBRARIES_H
#define QSCOPE_TUI_FIGURE_LIBRARIES_H

#include <stddef.h>

/* "Cairo 1.16.0, libpng 1.6.39", of the libraries that are loaded, into TEXT; returns TEXT. */
char *figure_libraries(char *text, size_t size);

#endif
