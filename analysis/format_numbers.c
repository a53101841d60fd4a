#include "analysis/format_numbers.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static bool is_new(const struct format_numbers *numbers, double value)
{
  return numbers->count == 0 || value > numbers->value[numbers->count - 1];
}

/* Unsigned codes count 1, 2, ... as far as the levels go; every other code says what it is. */
static double number_of(const struct quantizer *quantizer, uint32_t code)
{
  return quantizer->asymmetric ? (double)code : (double)format_decode(quantizer->format, code);
}

bool format_numbers_of(const struct quantizer *quantizer, struct format_numbers *out)
{
  size_t codes = format_codes(quantizer->format), found = 0;
  *out = (struct format_numbers){0, mem_array(codes, sizeof *out->value)};
  if (!out->value)
    return false;
  for (size_t code = 0; code < codes; code++) {
    double value = number_of(quantizer, (uint32_t)code);
    if (value > 0 && isfinite(value))
      out->value[found++] = value;
  }
  qsort(out->value, found, sizeof *out->value, ascending);
  for (size_t i = 0; i < found; i++)
    if (is_new(out, out->value[i]))
      out->value[out->count++] = out->value[i];
  return true;
}

double format_share(const struct format_numbers *numbers, size_t place)
{
  return numbers->value[place] / numbers->value[numbers->count - 1];
}

/* How many numbers are not above SHARE of the largest. */
static size_t count_up_to(const struct format_numbers *numbers, double share)
{
  size_t first = 0, end = numbers->count;
  while (first < end) {
    const size_t middle = first + (end - first) / 2;
    if (format_share(numbers, middle) <= share)
      first = middle + 1;
    else
      end = middle;
  }
  return first;
}

size_t format_number_near(const struct format_numbers *numbers, double share)
{
  const size_t above = count_up_to(numbers, share);
  if (above == 0 || above == numbers->count)
    return above == 0 ? 0 : above - 1;
  const double lo = format_share(numbers, above - 1), hi = format_share(numbers, above);
  return share / lo <= hi / share ? above - 1 : above;
}

/* --- words ------------------------------------------------------------------------------------ */

/* Behind what TEXT holds already. */
__attribute__((format(printf, 3, 4))) static void add(char *text, size_t size, const char *format,
                                                      ...)
{
  const size_t used = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, size - used, format, arguments);
  va_end(arguments);
}

static void add_code(const struct quantizer *quantizer, double number, char *text, size_t size)
{
  const struct format *format = quantizer->format;
  if (quantizer->asymmetric || format_is_integer(format))
    return; /* the number is the code */
  for (size_t code = 0; code < format_codes(format); code++)
    if (number_of(quantizer, (uint32_t)code) >= number &&
        number_of(quantizer, (uint32_t)code) <= number)
      return add(text, size, " (code 0x%02zx)", code);
}

/* The distance, as a share of the largest, from the number at or below SHARE (or 0) to the next. */
static double step_at(const struct format_numbers *numbers, double share)
{
  const size_t above = size_min(count_up_to(numbers, share), numbers->count - 1);
  return format_share(numbers, above) - (above > 0 ? format_share(numbers, above - 1) : 0);
}

static const char *label_of(const struct quantizer *quantizer, char text[72])
{
  char label[64];
  snprintf(text, 72, "%s%s", quantizer->asymmetric ? "u" : "",
           format_label(quantizer->format, label, sizeof label));
  return text;
}

static void add_own(const struct quantizer *quantizer, const struct format_numbers *numbers,
                    size_t place, double scale, char *text, size_t size)
{
  const double *value = numbers->value, number = value[place];
  const bool last = place + 1 == numbers->count;
  char label[72];
  add(text, size, "%s: %.6g", label_of(quantizer, label), number);
  add_code(quantizer, number, text, size);
  add(text, size, ", number %zu of %zu", place + 1, numbers->count);
  if (last)
    add(text, size, ", the largest");
  else
    add(text, size, "; next %.6g, %.3g %% more", value[place + 1],
        100 * (value[place + 1] - number) / number);
  if (isnan(scale))
    add(text, size, "; in the data times its scale");
  else if (last)
    add(text, size, "; in the data %.5g", number * scale);
  else
    add(text, size, "; in the data %.5g and %.5g", number * scale, value[place + 1] * scale);
}

static bool same_numbers(const struct quantizer *a, const struct quantizer *b)
{
  return a->format == b->format && a->asymmetric == b->asymmetric && a->narrow == b->narrow;
}

static void add_other(const struct quantizer *quantizer, double share, double step, char *text,
                      size_t size)
{
  struct format_numbers numbers;
  char label[72];
  if (format_numbers_of(quantizer, &numbers) && numbers.count > 0)
    add(text, size, "; %s: steps %.3g times as wide", label_of(quantizer, label),
        step_at(&numbers, share) / step);
  free(numbers.value);
}

char *format_readout(const struct quantizer *quantizers, size_t count, double share, double scale,
                     char *text, size_t size)
{
  const struct quantizer *own = &quantizers[count - 1];
  struct format_numbers numbers;
  *text = '\0';
  if (format_numbers_of(own, &numbers) && numbers.count > 0) {
    const size_t place = format_number_near(&numbers, share);
    const double at = format_share(&numbers, place), step = step_at(&numbers, at);
    add_own(own, &numbers, place, scale, text, size);
    for (size_t i = 0; i + 1 < count; i++) {
      bool said = same_numbers(&quantizers[i], own);
      for (size_t k = 0; k < i; k++)
        said = said || same_numbers(&quantizers[i], &quantizers[k]);
      if (!said)
        add_other(&quantizers[i], at, step, text, size);
    }
  }
  free(numbers.value);
  return text;
}
