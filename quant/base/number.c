#include "quant/base/number.h"

#include "quant/base/size.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reads_back(const char *text, double value)
{
  return !(strtod(text, NULL) < value) && !(strtod(text, NULL) > value);
}

char *number_print(double value, char *text)
{
  /* Whole numbers are not cut to "1e+02": that has fewer digits and is harder to read. */
  double size = fabs(value);
  int least = size >= 1 && size < 1e15 ? (int)floor(log10(size)) + 1 : 1;
  for (int digits = least; digits <= 17; digits++) {
    snprintf(text, NUMBER_TEXT, "%.*g", digits, value);
    if (reads_back(text, value))
      break;
  }
  return text;
}

size_t number_unit(const char **text)
{
  static const char units[] = "KMGT";
  const char *unit = **text ? strchr(units, toupper((unsigned char)**text)) : NULL;
  size_t factor = 1;
  if (!unit)
    return 1;
  bool binary = (*text)[1] == 'i';
  for (const char *step = units; step <= unit; step++)
    factor *= binary ? 1024 : 1000;
  *text += 1 + binary;
  return factor;
}

bool number_size(const char *text, size_t *out)
{
  char *end;
  bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  errno = 0;
  if (!isdigit((unsigned char)text[0]))
    return false;
  unsigned long long value = strtoull(text, &end, hexadecimal ? 16 : 10);
  const char *rest = end;
  size_t unit = number_unit(&rest);
  return !errno && !*rest && value <= SIZE_MAX && size_mul((size_t)value, unit, out);
}
