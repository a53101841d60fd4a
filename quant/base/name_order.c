#include "quant/base/name_order.h"

#include <string.h>

static bool digit(char c)
{
  return c >= '0' && c <= '9';
}

static int rank(char c)
{
  return c == '\0' ? 0 : name_separator(c) ? 1 + (c == '/') : 3 + (unsigned char)c;
}

static size_t digits(const char *text)
{
  size_t count = 0;
  while (digit(text[count]))
    count++;
  return count;
}

/* By the numbers that start at *a and *b, then by how they are written; moves behind both. */
static int number_order(const char **a, const char **b)
{
  const char *x = *a, *y = *b;
  while (*x == '0')
    x++;
  while (*y == '0')
    y++;
  long zeros = (x - *a) - (y - *b);
  size_t left = digits(x), right = digits(y);
  int order = left == right ? memcmp(x, y, left) : left < right ? -1 : 1;
  *a = x + left;
  *b = y + right;
  return order ? order : (zeros > 0) - (zeros < 0);
}

int name_order(const char *a, const char *b)
{
  for (;;) {
    if (digit(*a) && digit(*b)) {
      int order = number_order(&a, &b);
      if (order)
        return order;
    } else if (*a != *b) {
      return rank(*a) < rank(*b) ? -1 : 1;
    } else if (*a == '\0') {
      return 0;
    } else {
      a++, b++;
    }
  }
}
