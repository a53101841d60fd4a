/* The format view: all positive numbers of each format on one axis, and the distance from each to
 * the next.
 *
 * Every format is scaled so that its largest number is 1, as a scale chosen by the largest value
 * does it; what is left to compare is where a format spends its codes. */
#include "analysis/format_numbers.h"
#include "analysis/views.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A small or large power of two as such: "2^-6"; any other number in digits. */
static char *print_number(double value, char *text, size_t size)
{
  int exponent;
  if (frexp(value, &exponent) > 0.5 || (value >= 0.1 && value < 1024))
    snprintf(text, size, "%.6g", value);
  else
    snprintf(text, size, "2^%d", exponent - 1);
  return text;
}

/* "e4m3: 8 bits, 253 levels, max 448, min 2^-9, normal from 2^-6". */
static bool facts_of(const struct quantizer *quantizer, const struct format_numbers *numbers,
                     char **out)
{
  const struct format *format = quantizer->format;
  char label[64], most[32], normal[32], least[32], ends[96];
  print_number(numbers->value[numbers->count - 1], most, sizeof most);
  print_number(numbers->value[0], least, sizeof least);
  if (format->exponent_bits)
    snprintf(ends, sizeof ends, "min %s, normal from %s", least,
             print_number(format_min_normal(format), normal, sizeof normal));
  else
    snprintf(ends, sizeof ends, "min %s", least);
  return fig_text(out, "%s%s: %d bits, %zu levels, max %s, %s", quantizer->asymmetric ? "u" : "",
                  format_label(format, label, sizeof label), format->bits,
                  format_levels(format, quantizer->asymmetric, quantizer->narrow), most, ends);
}

/* Below the smallest normal number steps do not shrink any more. */
static bool add_subnormals(struct panel *panel, const struct quantizer *quantizer,
                           const struct format_numbers *numbers)
{
  double normal = format_min_normal(quantizer->format);
  if (!quantizer->format->exponent_bits || !(numbers->value[0] < normal))
    return true;
  double most = numbers->value[numbers->count - 1];
  const double ends[] = {numbers->value[0] / most, normal / most};
  return panel_add_mark(panel, MARK_BAND, ROLE_REFERENCE, 2, ends, NULL, NULL);
}

static bool add_line(struct figure *figure, const struct quantizer *quantizer,
                     const struct format_numbers *numbers, size_t series, const double span[2])
{
  char *facts;
  if (!facts_of(quantizer, numbers, &facts))
    return false;
  struct panel *panel = figure_add_panel(figure, facts);
  double *place = mem_array(numbers->count, sizeof *place);
  double most = numbers->value[numbers->count - 1];
  bool done = panel && place && add_subnormals(panel, quantizer, numbers);
  for (size_t i = 0; done && i < numbers->count; i++)
    place[i] = numbers->value[i] / most;
  done = done &&
         panel_add_mark(panel, MARK_TICKS, (enum role)(ROLE_SERIES + series), numbers->count, place,
                        NULL, NULL) &&
         axis_set(&panel->x, "magnitude / largest of the format", NULL, span[0], span[1]);
  if (panel) {
    panel->ruler = true;
    panel->x.log = true;
  }
  free(place);
  free(facts);
  return done;
}

/* The corners of step / magnitude, which falls as 1 / magnitude as long as the step is the same:
 * straight on logarithmic axes. X and Y have room for two corners for each number. */
static size_t corners(const struct format_numbers *numbers, double *x, double *y)
{
  const double *value = numbers->value;
  double most = value[numbers->count - 1];
  size_t n = 0, i = 0;
  while (i + 1 < numbers->count) {
    size_t end = i + 1;
    double step = value[end] - value[i];
    while (end + 1 < numbers->count && fabs(value[end + 1] - value[end] - step) <= 1e-9 * step)
      end++;
    x[n] = value[i] / most;
    y[n++] = step / value[i];
    x[n] = value[end] / most;
    y[n++] = step / value[end];
    i = end;
  }
  return n;
}

static bool add_curve(struct panel *panel, const struct quantizer *quantizer,
                      const struct format_numbers *numbers, size_t series)
{
  char name[72], label[64];
  double *x = mem_array(2 * numbers->count, sizeof *x),
         *y = mem_array(2 * numbers->count, sizeof *y);
  snprintf(name, sizeof name, "%s%s", quantizer->asymmetric ? "u" : "",
           format_label(quantizer->format, label, sizeof label));
  size_t n = x && y ? corners(numbers, x, y) : 0;
  bool done = x && y &&
              (n == 0 ||
               panel_add_mark(panel, MARK_LINE, (enum role)(ROLE_SERIES + series), n, x, y, name));
  for (size_t i = 0; done && i < n; i++) {
    panel->y.lo = fmin(panel->y.lo, y[i] / 1.4);
    panel->y.hi = fmax(panel->y.hi, y[i] * 1.4);
  }
  free(x);
  free(y);
  return done;
}

static bool is_integer(const struct quantizer *quantizer)
{
  return quantizer->asymmetric || format_is_integer(quantizer->format);
}

/* Below which share of the largest number those of a FLOAT are closer than the steps of an integer
 * with the numbers INTEGERS, which are all equal; 0: nowhere. */
static double finer_below(const struct format_numbers *floats,
                          const struct format_numbers *integers)
{
  const double most = floats->value[floats->count - 1],
               step = integers->value[0] / integers->value[integers->count - 1];
  double below = 0;
  for (size_t i = 1; i < floats->count; i++)
    if ((floats->value[i] - floats->value[i - 1]) / most < step)
      below = floats->value[i] / most;
  return below;
}

/* "e4m3 is finer below 1/14" */
static void finer_words(const struct quantizer *quantizer, double below, char *text, size_t size)
{
  char label[64];
  const double over = 1 / below;
  format_label(quantizer->format, label, sizeof label);
  if (fabs(over - rint(over)) < 1e-6)
    snprintf(text, size, "%s is finer below 1/%.0f", label, over);
  else
    snprintf(text, size, "%s is finer below %.2g", label, below);
}

/* Where each float gets finer than the integer, when there is one. */
static bool add_crossings(struct panel *panel, const struct quantizer *quantizers,
                          const struct format_numbers *numbers, size_t count)
{
  size_t integers = 0, at = 0;
  bool done = true;
  for (size_t i = 0; i < count; i++)
    if (is_integer(&quantizers[i]) && ++integers == 1)
      at = i;
  for (size_t i = 0; done && integers == 1 && i < count; i++) {
    char words[96];
    const double below =
        quantizers[i].format->exponent_bits ? finer_below(&numbers[i], &numbers[at]) : 0;
    if (!(below > 0 && below < 1))
      continue;
    finer_words(&quantizers[i], below, words, sizeof words);
    done = panel_add_mark(panel, MARK_VLINE, ROLE_REFERENCE, 1, &below, NULL, words);
  }
  return done;
}

static bool add_steps(struct figure *figure, const struct quantizer *quantizers,
                      const struct format_numbers *numbers, size_t count, const double span[2])
{
  struct panel *panel = figure_add_panel(figure, "Distance to the next number");
  if (!panel || !axis_set(&panel->x, "magnitude / largest of the format", NULL, span[0], span[1]) ||
      !axis_set(&panel->y, "step / magnitude", NULL, 0.5, 1.4))
    return false;
  panel->x.log = panel->y.log = true;
  for (size_t i = 0; i < count; i++)
    if (!add_curve(panel, &quantizers[i], &numbers[i], i))
      return false;
  return add_crossings(panel, quantizers, numbers, count);
}

static const char words[] =
    "Ticks: all positive numbers of a format, scaled so that its largest is 1. Hatched: subnormal "
    "numbers, whose steps are equal. The largest relative error of rounding is half of step / "
    "magnitude: about the same everywhere for a float; for an integer, whose steps are all equal, "
    "small at the top and growing towards zero.";

/* From the smallest number of all formats to the largest, or the window that VIEW asks for. */
static void span_of(const struct format_numbers *numbers, size_t count, const struct view *view,
                    double span[2])
{
  double least = 0.5;
  for (size_t i = 0; i < count; i++)
    least = fmin(least, numbers[i].value[0] / numbers[i].value[numbers[i].count - 1]);
  bool zoomed = view->lo > 0 && view->lo < view->hi;
  span[0] = zoomed ? view->lo : least / 1.5;
  span[1] = zoomed ? view->hi : 1.15;
}

/* Draws quantizers whose NUMBERS are known and not empty. */
static bool draw(struct figure *figure, const struct quantizer *quantizers,
                 const struct format_numbers *numbers, size_t count, const struct view *view)
{
  double span[2];
  span_of(numbers, count, view, span);
  for (size_t i = 0; i < count; i++)
    if (!add_line(figure, &quantizers[i], &numbers[i], i, span))
      return false;
  return add_steps(figure, quantizers, numbers, count, span) &&
         (figure->caption[0] || fig_text(&figure->caption[0], "%s", words));
}

bool fig_format(struct figure *figure, const struct quantizer *quantizers, size_t count,
                const struct view *view)
{
  struct format_numbers *numbers = mem_array(count, sizeof *numbers);
  bool done = numbers, drawable = true;
  for (size_t i = 0; done && i < count; i++) {
    done = format_numbers_of(&quantizers[i], &numbers[i]);
    drawable = drawable && numbers[i].count > 0;
  }
  if (done)
    done = drawable ? draw(figure, quantizers, numbers, count, view)
                    : fig_nothing(figure, "A format without fixed numbers has no number line.");
  for (size_t i = 0; numbers && i < count; i++)
    free(numbers[i].value);
  free(numbers);
  return done;
}
