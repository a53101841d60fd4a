/* What a sweep says of its rows, in sentences. */
#include "analysis/sweep_kinds.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

char *sweep_row_name(const struct sweep *sweep, const struct sweep_row *row, char *text)
{
  char spec[QUANTIZER_TEXT];
  const bool elsewhere = sweep_is_elsewhere(sweep, row);
  snprintf(text, SWEEP_NAME, "%s%s%s", elsewhere ? sweep->value[row->value] : "",
           elsewhere ? " " : "", quantizer_print(&row->quantizer, spec));
  return text;
}

char *sweep_row_label(const struct sweep *sweep, const struct sweep_row *row, char *text)
{
  char value[SWEEP_VALUE_TEXT] = "this tensor", line[QUANTIZER_TEXT];
  if (!sweep->kind->elsewhere)
    return sweep_row_name(sweep, row, text);
  if (!row->fixed)
    sweep_value_label(sweep, row->value, value);
  snprintf(text, SWEEP_NAME, "%s: %s", value, sweep_label(sweep, row->line, line));
  return text;
}

enum status sweep_row_find(const struct sweep *sweep, const char *name, size_t *row,
                           struct error *error)
{
  struct quantizer quantizer;
  const char *blank = strchr(name, ' '), *spec = blank ? blank + 1 : name;
  enum status status = quantizer_parse(spec, &quantizer, error);
  if (status != STATUS_OK)
    return status;
  for (*row = 0; *row < sweep->rows; ++*row) {
    const struct sweep_row *at = &sweep->row[*row];
    const char *value = sweep_is_elsewhere(sweep, at) ? sweep->value[at->value] : "";
    const size_t length = blank ? (size_t)(blank - name) : 0;
    if (quantizer_equal(&at->quantizer, &quantizer) && strlen(value) == length &&
        memcmp(value, name, length) == 0)
      return STATUS_OK;
  }
  return error_set(error, STATUS_USAGE, "no point of the sweep is %s", name);
}

/* The best row of those that take no more bits than ROW; *more counts those that are better. */
static const struct sweep_row *best_below(const struct sweep *sweep, const struct sweep_row *row,
                                          size_t *more)
{
  const struct sweep_row *best = row;
  *more = 0;
  for (size_t i = 0; i < sweep->rows; i++) {
    const struct sweep_row *other = &sweep->row[i];
    if (other->state != SWEEP_DONE || sweep_is_elsewhere(sweep, other) ||
        other->metrics.bits_per_element > row->metrics.bits_per_element ||
        !sweep_better(sweep->metric, other, row))
      continue;
    ++*more;
    best = sweep_better(sweep->metric, other, best) ? other : best;
  }
  return best;
}

/* How much better, in dB, or how many times less. */
static void gain_text(enum sweep_metric metric, const struct sweep_row *a,
                      const struct sweep_row *b, char *text, size_t size)
{
  double of_a = sweep_metric_value(metric, a), of_b = sweep_metric_value(metric, b);
  if (!isfinite(of_a) || (metric == SWEEP_MSE && of_a <= 0))
    snprintf(text, size, "exact");
  else if (metric == SWEEP_MSE)
    snprintf(text, size, "MSE %.3g times less", of_b / of_a);
  else
    snprintf(text, size, "%.2f dB more", of_a - of_b);
}

char *sweep_verdict(const struct sweep *sweep, char *text, size_t size)
{
  const struct sweep_row *present =
      sweep->present == SWEEP_NO_ROW ? NULL : &sweep->row[sweep->present];
  char spec[QUANTIZER_TEXT], gain[64], peak[48] = "";
  size_t more;
  if (size)
    *text = '\0';
  if (!present || isnan(sweep_metric_value(sweep->metric, present)))
    return text;
  const struct sweep_row *best = best_below(sweep, present, &more);
  double bits = present->metrics.bits_per_element;
  gain_text(sweep->metric, best, present, gain, sizeof gain);
  if (sweep->kind->elsewhere)
    snprintf(peak, sizeof peak, "peak / RMS %.3g: ", present->metrics.papr);
  if (more == 0 && sweep->done == sweep->rows)
    snprintf(text, size, "%s%snothing here is better at %.4g bits or fewer", peak,
             *peak ? "" : "on the front: ", bits);
  else if (more)
    snprintf(text, size, "%s%s: %s at no more bits; %zu %s better", peak,
             quantizer_print(&best->quantizer, spec), gain, more,
             more == 1 ? "point is" : "points are");
  return text;
}

/* "1 bit more", "as many bits". */
static void cost_text(double bits, char *text, size_t size)
{
  if (fabs(bits) < 5e-5)
    snprintf(text, size, "as many bits");
  else
    snprintf(text, size, "%.4g bit%s %s", fabs(bits), fabs(fabs(bits) - 1) < 5e-5 ? "" : "s",
             bits > 0 ? "more" : "less");
}

/* How ROW stands to what people have. */
static void difference_text(const struct sweep *sweep, const struct sweep_row *row, char *text,
                            size_t size)
{
  const struct sweep_row *present = &sweep->row[sweep->present];
  double own = sweep_metric_value(SWEEP_SQNR, row), other = sweep_metric_value(SWEEP_SQNR, present);
  char cost[64];
  *text = '\0';
  cost_text(row->metrics.bits_per_element - present->metrics.bits_per_element, cost, sizeof cost);
  if (row == present)
    snprintf(text, size, "; the chosen one");
  else if (isfinite(own) && isfinite(other))
    snprintf(text, size, "; %.2f dB %s for %s", fabs(own - other), own >= other ? "more" : "less",
             cost);
}

char *sweep_describe(const struct sweep *sweep, const struct sweep_row *row, char *text,
                     size_t size)
{
  static const char *const names[] = {"bits_per_element", "sqnr_db", "mse", "clip_rate"};
  char name[SWEEP_NAME], number[4][32], difference[128] = "";
  for (size_t i = 0; i < 4; i++) {
    const struct metric *metric = metric_find(names[i]);
    metric_print(metric, metric->value(&row->metrics), number[i], sizeof number[i]);
  }
  sweep_row_name(sweep, row, name);
  if (row->state != SWEEP_DONE) {
    snprintf(text, size, "%s: %s", name,
             row->state == SWEEP_LEFT_OUT ? sweep->note[row->note] : "not measured yet");
    return text;
  }
  if (sweep_is_elsewhere(sweep, row))
    snprintf(difference, sizeof difference, "; peak / RMS %.3g", row->metrics.papr);
  else if (sweep->present != SWEEP_NO_ROW)
    difference_text(sweep, row, difference, sizeof difference);
  snprintf(text, size, "%s: %s, SQNR %s, MSE %s, %s clipped%s%s", name, number[0], number[1],
           number[2], number[3], row->pareto ? ", on the front" : "", difference);
  return text;
}
