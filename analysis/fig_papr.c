/* What the figure of a sweep over distributions has beside its lines: what integers are expected to
 * keep, where floats keep more than that, and the tensor itself. */
#include "analysis/fig_sweep.h"
#include "analysis/sweep_kinds.h"
#include "analysis/views.h"

#include <math.h>
#include <string.h>

/* What an integer by minmax keeps at a peak over RMS of 0 dB, which falls by 1 dB for each dB of
 * it: papr_rule_db, for other widths, too. NaN: QUANTIZER is none. */
static double rule_of(const struct quantizer *quantizer)
{
  if (!format_is_integer(quantizer->format) || quantizer->asymmetric || quantizer->limited ||
      quantizer->by != BY_CALIBRATOR || strcmp(quantizer->calibrator->name, "minmax") != 0 ||
      strcmp(quantizer_granularity_name(quantizer), "tensor") != 0)
    return (double)NAN;
  return papr_rule_db(1) + 20 * log10((ldexp(1, quantizer->format->bits - 1) - 1) / 127);
}

/* The first line that has a rule; NaN: none has. */
static double first_rule(const struct sweep *sweep)
{
  double rule = (double)NAN;
  for (size_t i = 0; i < sweep->lines && isnan(rule); i++)
    rule = rule_of(&sweep->line[i]);
  return rule;
}

static bool add_rule(struct panel *panel, double rule)
{
  char label[48];
  const double x[] = {panel->x.lo, panel->x.hi}, y[] = {rule - x[0], rule - x[1]};
  snprintf(label, sizeof label, "%.2f dB less the peak", rule);
  return panel_add_mark(panel, MARK_LINE, ROLE_REFERENCE, 2, x, y, label);
}

/* The next point of LINE to the right of *X, which moves there; false: there is none. */
static bool next_point(const struct sweep *sweep, size_t line, double *x, double *y)
{
  double nearest = HUGE_VAL, at, height;
  for (size_t i = 0; i < sweep->rows; i++)
    if (sweep->row[i].line == line && sweep_is_elsewhere(sweep, &sweep->row[i]) &&
        fig_sweep_place(sweep, &sweep->row[i], &at, &height) && at > *x && at < nearest) {
      nearest = at;
      *y = height;
    }
  *x = nearest;
  return isfinite(nearest);
}

/* Where LINE comes above RULE, from left to right; NaN: nowhere. */
static double crossing(const struct sweep *sweep, size_t line, double rule)
{
  double x = -HUGE_VAL, y = 0, before_x = 0, before = (double)NAN;
  while (next_point(sweep, line, &x, &y)) {
    double above = y - (rule - x);
    if (before < 0 && above >= 0)
      return before_x + (x - before_x) * before / (before - above);
    before = above;
    before_x = x;
  }
  return (double)NAN;
}

static bool is_new_format(const struct sweep *sweep, size_t line)
{
  for (size_t i = 0; i < line; i++)
    if (sweep->line[i].format == sweep->line[line].format)
      return false;
  return true;
}

static bool add_crossings(struct panel *panel, const struct sweep *sweep, double rule)
{
  bool done = true;
  for (size_t i = 0; done && i < sweep->lines; i++) {
    const struct format *format = sweep->line[i].format;
    char words[96], label[64];
    const double x =
        format->exponent_bits && is_new_format(sweep, i) ? crossing(sweep, i, rule) : (double)NAN;
    if (isnan(x))
      continue;
    snprintf(words, sizeof words, "%s ahead from %.3g", format_label(format, label, sizeof label),
             pow(10, x / 20));
    done = panel_add_mark(panel, MARK_VLINE, ROLE_REFERENCE, 1, &x, NULL, words);
  }
  return done;
}

/* The rows that are measured on the tensor itself, in the shapes of their lines. */
static bool add_tensor(struct panel *panel, const struct sweep *sweep)
{
  char label[48];
  double x, y, place = (double)NAN;
  bool done = true;
  for (size_t i = 0; done && i < sweep->rows; i++) {
    const struct sweep_row *row = &sweep->row[i];
    if (sweep_is_elsewhere(sweep, row) || !fig_sweep_place(sweep, row, &x, &y))
      continue;
    place = x;
    done =
        sweep_line_is_fixed(sweep, row->line) ||
        panel_add_mark(panel, MARK_POINTS, (enum role)(ROLE_SERIES + row->line), 1, &x, &y, NULL);
  }
  snprintf(label, sizeof label, "this tensor %.3g", pow(10, place / 20));
  return done &&
         (isnan(place) || panel_add_mark(panel, MARK_VLINE, ROLE_OUTLIER, 1, &place, NULL, label));
}

bool fig_papr(struct panel *panel, const struct sweep *sweep)
{
  const double rule = sweep->metric == SWEEP_SQNR ? first_rule(sweep) : (double)NAN;
  return (isnan(rule) || (add_rule(panel, rule) && add_crossings(panel, sweep, rule))) &&
         add_tensor(panel, sweep);
}
