#include "tui/screen/libraries.h"

#include <curses.h>
#include <stdio.h>

char *screen_libraries(char *text, size_t size)
{
  snprintf(text, size, "%s", curses_version());
  return text;
}
