#include "quant/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Messages go to terminals. Who repeats what a file says escapes it; where that was forgotten, C0,
 * DEL and C1 (in UTF-8) become question marks. */
static void keep_quiet(char *text)
{
  for (unsigned char *at = (unsigned char *)text; *at; at++)
    if (*at < ' ' || *at == 0x7F)
      *at = '?';
    else if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0)
      at[0] = at[1] = '?';
}

enum status error_set(struct error *error, enum status status, const char *format, ...)
{
  if (error) {
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    keep_quiet(error->text);
  }
  return status;
}

void error_prefix(struct error *error, const char *format, ...)
{
  if (!error)
    return;
  char rest[sizeof error->text];
  memcpy(rest, error->text, sizeof rest);
  va_list arguments;
  va_start(arguments, format);
  int used = vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  if (used >= 0 && (size_t)used < sizeof error->text)
    snprintf(error->text + used, sizeof error->text - (size_t)used, "%s", rest);
  keep_quiet(error->text);
}

enum status error_memory(struct error *error, const char *what)
{
  return error_set(error, STATUS_MEMORY, "out of memory for %s", what);
}

int status_exit_code(enum status status)
{
  switch (status) {
  case STATUS_OK:
    return 0;
  case STATUS_FAILED:
    return 1;
  case STATUS_USAGE:
    return 2;
  case STATUS_OUTPUT:
    return 4;
  case STATUS_INPUT:
  case STATUS_MEMORY:
  case STATUS_CANCELLED:
    break;
  }
  return 3;
}
