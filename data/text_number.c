/* Cells of a line of text, and the numbers in them. */
#include "config.h"

#include "data/text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_MOST = 2048 }; /* bytes of a number that is still read as one */

static bool is_blank(const struct text_style *style, unsigned char c)
{
  return c == ' ' || c == '\r' || c == '\f' || c == '\v' || (c == '\t' && style->separator != '\t');
}

static bool ends_cell(const struct text_style *style, unsigned char c)
{
  return style->separator == ' ' ? is_blank(style, c) : c == (unsigned char)style->separator;
}

static const unsigned char *skip_blanks(const struct text_style *style, const unsigned char *at,
                                        const unsigned char *end)
{
  while (at < end && is_blank(style, *at))
    at++;
  return at;
}

/* Behind the quote that closes the cell which the quote at AT opens; NULL when none does. */
static const unsigned char *closing(const unsigned char *at, const unsigned char *end)
{
  const unsigned char quote = *at++;
  while ((at = memchr(at, quote, (size_t)(end - at)))) {
    at++;
    if (at == end || *at != quote)
      return at;
    at++;
  }
  return NULL;
}

/* A quoted cell, when the quotes enclose all of it; else it is a plain one. */
static bool next_quoted(const struct text_style *style, const unsigned char **at,
                        const unsigned char *end, struct text_cell *cell)
{
  const unsigned char *begin = *at, *behind = closing(begin, end);
  if (!behind)
    return false;
  const unsigned char *next = skip_blanks(style, behind, end);
  if (next < end && !(style->separator == ' ' ? next > behind : ends_cell(style, *next)))
    return false;
  *cell = (struct text_cell){begin + 1, behind - 1, true};
  *at = next == end ? NULL : style->separator == ' ' ? next : next + 1;
  return true;
}

bool text_next(const struct text_style *style, const unsigned char **at, const unsigned char *end,
               struct text_cell *cell)
{
  if (!*at)
    return false;
  const unsigned char *begin = skip_blanks(style, *at, end);
  if (style->separator == ' ' && (begin == end || *begin == '#' || *begin == '%'))
    return false; /* blanks at the end are no cell, nor is a comment behind the cells */
  *at = begin;
  if (begin < end && (*begin == '"' || *begin == '\'') && next_quoted(style, at, end, cell))
    return true;
  const unsigned char *stop = begin;
  while (stop < end && !ends_cell(style, *stop))
    stop++;
  *at = stop == end ? NULL : stop + 1;
  while (stop > begin && is_blank(style, stop[-1]))
    stop--;
  *cell = (struct text_cell){begin, stop, false};
  return true;
}

/* --- numbers -------------------------------------------------------------------------------- */

static locale_t plain;

static void make_plain(void)
{
  plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static double read_plain(const char *text, char **end)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_plain);
  return plain ? strtod_l(text, end, plain) : strtod(text, end);
}

/* TEXT in the notation of C: a point, and an exponent with E. */
static void to_c(char *text, char decimal)
{
  bool hexadecimal = strpbrk(text, "xX") != NULL;
  for (; *text; text++)
    if (*text == decimal)
      *text = '.';
    else if (*text == '.' && decimal != '.')
      *text = '?'; /* a point that groups digits: no number */
    else if (!hexadecimal && (*text == 'd' || *text == 'D'))
      *text = 'e';
}

static enum text_kind read_word(char *word, char decimal, double *value)
{
  static const char *const missing[] = {"", "nan", "+nan", "-nan", "na", "n/a", "null", "none"};
  *value = (double)NAN;
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
    if (strcasecmp(word, missing[i]) == 0)
      return TEXT_MISSING;
  char *end;
  size_t bare = strspn(word, "+-");
  if (word[bare] == 'n' || word[bare] == 'N') /* nan(...), which to_c would break */
    *value = read_plain(word, &end);
  else {
    to_c(word, decimal);
    *value = read_plain(word, &end);
  }
  return end > word && !*end ? TEXT_NUMBER : TEXT_WORD;
}

enum text_kind text_number(const struct text_style *style, const struct text_cell *cell,
                           double *value)
{
  char word[NUMBER_MOST + 1];
  size_t length = (size_t)(cell->end - cell->begin);
  *value = (double)NAN;
  if (length > NUMBER_MOST || memchr(cell->begin, '\0', length))
    return TEXT_WORD;
  memcpy(word, cell->begin, length);
  word[length] = '\0';
  char *begin = word + strspn(word, " \t");
  char *end = begin + strlen(begin);
  while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
    *--end = '\0';
  return read_word(begin, style->decimal, value);
}

static inline bool is_digit(unsigned char c)
{
  return c >= '0' && c <= '9';
}

/* Digits before and behind the point, as a whole number and the power of ten to multiply it with;
 * NULL when there are none, or more than fit. */
static const unsigned char *read_digits(const unsigned char *at, const unsigned char *end,
                                        char decimal, uint64_t *mantissa, int *exponent)
{
  const unsigned char *begin = at;
  uint64_t value = 0;
  for (; at < end && is_digit(*at); at++)
    value = 10 * value + (*at - '0');
  size_t digits = (size_t)(at - begin);
  *exponent = 0;
  if (at < end && *at == (unsigned char)decimal) {
    begin = ++at;
    for (; at < end && is_digit(*at); at++)
      value = 10 * value + (*at - '0');
    digits += (size_t)(at - begin);
    *exponent = digits <= 19 ? -(int)(at - begin) : 0;
  }
  *mantissa = value;
  return digits > 0 && digits <= 19 ? at : NULL;
}

static const unsigned char *read_exponent(const unsigned char *at, const unsigned char *end,
                                          int *exponent)
{
  bool negative = at < end && *at == '-';
  int value = 0;
  at += at < end && (*at == '-' || *at == '+');
  const unsigned char *begin = at;
  for (; at < end && is_digit(*at) && value < 1000; at++)
    value = 10 * value + (*at - '0');
  *exponent += negative ? -value : value;
  return at > begin ? at : NULL;
}

/* A whole number below 2^53 and a power of ten up to 10^22 are exact doubles, so that one product
 * or quotient is rounded correctly (Clinger 1990). */
static const unsigned char *read_exact(const unsigned char *at, const unsigned char *end,
                                       char decimal, double *value)
{
  static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  uint64_t mantissa;
  int exponent;
  bool negative = at < end && *at == '-';
  at = read_digits(at + negative, end, decimal, &mantissa, &exponent);
  if (at && at < end && (*at == 'e' || *at == 'E'))
    at = read_exponent(at + 1, end, &exponent);
  if (!at || FLT_EVAL_METHOD != 0 || mantissa > (uint64_t)1 << 53 || abs(exponent) > 22)
    return NULL;
  double number = (double)mantissa;
  number = exponent < 0 ? number / tens[-exponent] : number * tens[exponent];
  *value = negative ? -number : number;
  return at;
}

bool text_quick(const struct text_style *style, const unsigned char **at, const unsigned char *end,
                double *value)
{
  if (!*at)
    return false;
  const unsigned char *stop = read_exact(skip_blanks(style, *at, end), end, style->decimal, value);
  if (!stop)
    return false;
  const unsigned char *next = skip_blanks(style, stop, end);
  if (next < end && (style->separator == ' ' ? next == stop : !ends_cell(style, *next)))
    return false;
  *at = next == end ? NULL : style->separator == ' ' ? next : next + 1;
  return true;
}
