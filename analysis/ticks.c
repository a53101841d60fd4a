/* Ticks: nice numbers on linear axes, powers of ten on logarithmic ones. */
#include "analysis/figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* m * 10^e without the noise of a product with an inexact power: the division by 10^-e is
 * rounded once, so that 3 * 10^-1 is the double nearest to 0.3. */
static double decimal(double m, int e)
{
  return e < 0 ? m / pow(10, -e) : m * pow(10, e);
}

struct step {
  int mantissa, exponent; /* 1, 2 or 5 times a power of ten */
};

/* The next larger nice step. */
static struct step step_next(struct step step)
{
  switch (step.mantissa) {
  case 1:
    return (struct step){2, step.exponent};
  case 2:
    return (struct step){5, step.exponent};
  default:
    return (struct step){1, step.exponent + 1};
  }
}

static size_t linear_ticks(double lo, double hi, size_t most, bool integral, double *ticks)
{
  struct step step = {1, (int)floor(log10((hi - lo) / (double)most))};
  if (step.exponent < -300)
    return 0;
  if (integral && step.exponent < 0)
    step = (struct step){1, 0};
  for (;; step = step_next(step)) {
    double size = decimal(step.mantissa, step.exponent);
    /* A hair of tolerance, so that an end that is a tick up to rounding gets its tick. */
    double hair = 1e-9 * (hi - lo) / size;
    double first = ceil(lo / size - hair), last = floor(hi / size + hair);
    if (last - first + 1 > (double)most)
      continue;
    size_t n = 0;
    for (double k = first; k <= last && n < most; k++)
      ticks[n++] = decimal(k * step.mantissa, step.exponent) + 0.0; /* never -0 */
    return n;
  }
}

/* Below this many decades, as a ratio, powers of ten alone are too few. */
static const double few_decades = 500;

static size_t log_ticks(double lo, double hi, size_t most, bool integral, double *ticks)
{
  int first = (int)ceil(log10(lo) - 1e-9), last = (int)floor(log10(hi) + 1e-9);
  first = integral && first < 0 ? 0 : first;
  int stride = 1;
  while (last >= first && (size_t)((last - first) / stride + 1) > most)
    stride++;
  int start = first + ((-first % stride) + stride) % stride; /* a multiple of the stride */
  if (start + stride > last && first + stride <= last)
    start = first; /* one of those is no scale */
  size_t n = 0;
  for (int e = start; e <= last; e += stride)
    ticks[n++] = decimal(1, e);
  return n;
}

/* 1, 2 and 5 times the powers of ten, for axes of a decade or two. */
static size_t fine_log_ticks(double lo, double hi, size_t most, double *ticks)
{
  struct step step = {1, (int)floor(log10(lo))};
  size_t n = 0;
  for (double at; (at = decimal(step.mantissa, step.exponent)) <= hi * (1 + 1e-9);
       step = step_next(step)) {
    if (at < lo * (1 - 1e-9))
      continue;
    if (n == most)
      return 0;
    ticks[n++] = at;
  }
  return n;
}

/* All the names, or some that are equally far apart. */
static size_t name_ticks(const struct axis *axis, size_t most, double *ticks)
{
  const double from = axis->name_from, step = axis->name_step;
  size_t n = axis->names <= most ? axis->names : 0;
  for (size_t i = 0; i < n; i++)
    ticks[i] = (double)i;
  if (n == 0 && most > 0 && axis->lo < axis->hi)
    n = linear_ticks((axis->lo - from) / step, (axis->hi - from) / step, most, true, ticks);
  for (size_t i = 0; i < n; i++)
    ticks[i] = from + step * ticks[i];
  return n;
}

size_t axis_ticks(const struct axis *axis, size_t most, double *ticks)
{
  double lo = axis->lo, hi = axis->hi;
  if (axis->names > 0 && !axis->numbered)
    return name_ticks(axis, most, ticks);
  if (most == 0 || !(lo < hi) || !isfinite(hi - lo) || (axis->log && !(lo > 0)))
    return 0;
  if (axis->log) {
    if (!axis->integral && hi / lo < few_decades) {
      size_t fine = fine_log_ticks(lo, hi, most, ticks);
      if (fine >= 3)
        return fine;
    }
    size_t n = log_ticks(lo, hi, most, axis->integral, ticks);
    if (n >= 2 || most < 2)
      return n;
  }
  return linear_ticks(lo, hi, most, axis->integral, ticks);
}

/* The letter for 10^(3 * THIRD). */
static const char *const si_prefix[] = {"", "k", "M", "G", "T", "P", "E"};

/* Decimals that tell multiples of STEP apart. */
static int decimals_of(double step)
{
  int decimals = step > 0 && isfinite(step) ? -(int)floor(log10(step) + 1e-9) : 0;
  return decimals < 0 ? 0 : decimals;
}

/* Those, or as many more as VALUE itself has where it is no multiple of STEP, as a tick alone. */
static int decimals_for(double value, double step)
{
  int decimals = decimals_of(step);
  while (decimals < 9 && fabs(rint(value * pow(10, decimals)) - value * pow(10, decimals)) >
                             1e-9 * fabs(value) * pow(10, decimals))
    decimals++;
  return decimals;
}

static void drop_trailing_zeros(char *text)
{
  if (!strchr(text, '.'))
    return;
  char *end = text + strlen(text);
  while (end[-1] == '0')
    *--end = '\0';
  if (end[-1] == '.')
    end[-1] = '\0';
}

/* Large counts: "20k", "1.5M". */
static void print_si(double value, double step, char *text, size_t size)
{
  size_t third = 0;
  double unit = 1;
  while (fabs(value) >= unit * 1000 && third + 1 < sizeof si_prefix / sizeof *si_prefix) {
    unit *= 1000;
    third++;
  }
  snprintf(text, size, "%.*f", decimals_of(step / unit), value / unit);
  drop_trailing_zeros(text);
  strncat(text, si_prefix[third], size - strlen(text) - 1);
}

/* "2e-05" as people write it: "2e-5". */
static void print_scientific(double value, double step, char *text, size_t size)
{
  int exponent = (int)floor(log10(fabs(value)) + 1e-12);
  double mantissa =
      exponent < -300 ? value / 1e-300 / pow(10, exponent + 300) : value / pow(10, exponent);
  char digits[32];
  snprintf(digits, sizeof digits, "%.*f", decimals_of(step / pow(10, exponent)), mantissa);
  drop_trailing_zeros(digits);
  snprintf(text, size, "%se%d", digits, exponent);
}

/* From here on plain decimals are too long to compare at a glance. */
static const double plain_most = 1e5, plain_least = 1e-3;

char *axis_tick_text(const struct axis *axis, double value, double step, char *text, size_t size)
{
  if (size == 0)
    return text;
  if (axis->names && !axis->numbered) {
    const char *name = axis_name_at(axis, value);
    snprintf(text, size, "%s", name ? name : "");
    return text;
  }
  double magnitude = fmax(fabs(axis->lo), fabs(axis->hi));
  if (axis->log) { /* each tick has its own size; the distance matters within one decade only */
    magnitude = fabs(value);
    step = fmin(fabs(step), magnitude);
  }
  if (!isfinite(value))
    snprintf(text, size, "%s", isnan(value) ? "" : value < 0 ? "-inf" : "inf");
  else if (fabs(value) <= fabs(step) * 1e-9 || !(fabs(value) > 0))
    snprintf(text, size, "0");
  else if (axis->integral && (magnitude >= 1e4 || axis->log))
    print_si(value, step, text, size);
  else if (magnitude >= plain_most || magnitude < plain_least)
    print_scientific(value, step, text, size);
  else
    snprintf(text, size, "%.*f", decimals_for(value, step), value);
  if (axis->log)
    drop_trailing_zeros(text);
  return text;
}
