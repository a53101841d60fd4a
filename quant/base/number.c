#include "quant/base/number.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool reads_back(const char *text, double value)
{
  return !(strtod(text, NULL) < value) && !(strtod(text, NULL) > value);
}

char *number_print(double value, char *text)
{
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, NUMBER_TEXT, "%.*g", digits, value);
    if (reads_back(text, value))
      break;
  }
  return text;
}
