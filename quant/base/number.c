#include "quant/base/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

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
