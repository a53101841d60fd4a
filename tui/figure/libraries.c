#include "tui/figure/libraries.h"

#include <cairo.h>
#include <png.h>
#include <stdio.h>

char *figure_libraries(char *text, size_t size)
{
  snprintf(text, size, "Cairo %s, libpng %s", cairo_version_string(), png_get_libpng_ver(NULL));
  return text;
}
