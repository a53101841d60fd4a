#include "tui/screen/metrics_panel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 48, PART = TEXT - 1 /* behind a ~ */, COLUMN_LEAST = 19, COLUMN_MOST = 34 };

/* One row: a metric by name, or a text made of several numbers. */
struct line {
  const char *label; /* NULL: the metric's own */
  const char *metric;
  void (*write)(const struct result *result, char *label, char *value);
  uint8_t ink;
  bool known; /* whatever the elements become: never an estimate */
};

static const char *metric_value(const char *name, const struct metrics *metrics, char *text)
{
  const struct metric *metric = metric_find(name);
  return metric_print(metric, metric->value(metrics), text, PART);
}

/* What a partial result does not know yet. */
static const char later[] = "...";

static void write_median(const struct result *result, char *label, char *value)
{
  snprintf(label, TEXT, " median ch");
  if (result->partial)
    snprintf(value, PART, "%s", later);
  else
    metric_value("channel_sqnr_median", &result->metrics, value);
}

static void write_worst(const struct result *result, char *label, char *value)
{
  if (result->partial) {
    snprintf(label, TEXT, " worst ch");
    snprintf(value, PART, "%s", later);
    return;
  }
  snprintf(label, TEXT, " ch %zu worst", result->metrics.worst_channel);
  metric_value("channel_sqnr_worst", &result->metrics, value);
}

/* Shares of the squared error, that add up to 100. */
static void write_split(const struct result *result, char *label, char *value)
{
  const struct metrics *metrics = &result->metrics;
  double clipping = metrics->clipping_mse / metrics->mse * 100;
  snprintf(label, TEXT, " rnd/clip");
  if (!(metrics->mse > 0))
    snprintf(value, PART, "n/a");
  else if (clipping == 0)
    snprintf(value, PART, "100/0 %%");
  else if (clipping < 0.05)
    snprintf(value, PART, ">99.9/<.1 %%");
  else
    snprintf(value, PART, "%.1f/%.1f %%", 100 - clipping, clipping);
}

static void write_levels(const struct result *result, char *label, char *value)
{
  snprintf(label, TEXT, "levels");
  const struct metric *used = metric_find("levels_used");
  char text[PART];
  metric_print(used, used->value(&result->metrics), text, sizeof text);
  snprintf(value, PART, "%.12s/%zu", text, result->metrics.levels);
}

static void number(char *value, double x)
{
  if (isnan(x))
    snprintf(value, PART, "n/a");
  else
    snprintf(value, PART, "%.5g", x);
}

#define FACT(field)                                                                                \
  static void write_##field(const struct result *result, char *label, char *value)                 \
  {                                                                                                \
    snprintf(label, TEXT, "%s", #field);                                                           \
    number(value, result->facts.field);                                                            \
  }
FACT(min)
FACT(max)
FACT(mean)
FACT(std)
FACT(kurtosis)
#undef FACT

static const struct line lines[] = {
    {"SQNR", "sqnr_db", NULL, PAINT_VALUE, false},
    {" bulk 99 %", "bulk_sqnr_db", NULL, PAINT_NONE, false},
    {NULL, NULL, write_worst, PAINT_NONE, true},
    {"MSE", "mse", NULL, PAINT_VALUE, false},
    {" RMSE", "rmse", NULL, PAINT_NONE, false},
    {NULL, NULL, write_split, PAINT_NONE, false},
    {"clipped", "clip_rate", NULL, PAINT_VALUE, false},
    {"max error", "max_abs_error", NULL, PAINT_NONE, false},
    {"cosine", "cosine", NULL, PAINT_NONE, false},
    {NULL, NULL, write_levels, PAINT_NONE, false},
    {"bits/elem", "bits_per_element", NULL, PAINT_VALUE, true},
    {NULL, NULL, write_median, PAINT_NONE, true},
    {"at rails", "rail_rate", NULL, PAINT_NONE, false},
    {"to zero", "zero_rate", NULL, PAINT_NONE, false},
    {"entropy", "code_entropy_bits", NULL, PAINT_NONE, false},
    {"bias", "mean_error", NULL, PAINT_NONE, false},
    {"papr", "papr", NULL, PAINT_NONE, true},
    {NULL, NULL, write_min, PAINT_DIM, true},
    {NULL, NULL, write_max, PAINT_DIM, true},
    {NULL, NULL, write_mean, PAINT_DIM, true},
    {NULL, NULL, write_std, PAINT_DIM, true},
    {NULL, NULL, write_kurtosis, PAINT_DIM, true},
};
enum { LINES_COUNT = sizeof lines / sizeof *lines, ESSENTIAL = 11 };

static void paint_line(struct cells *cells, struct rect rect, int row, const struct line *line,
                       const struct result *result)
{
  char label[TEXT], value[TEXT] = "~";
  char *text = value + (result->estimated && !line->known);
  if (line->write) {
    line->write(result, label, text);
  } else {
    snprintf(label, sizeof label, "%s", line->label);
    metric_value(line->metric, &result->metrics, text);
  }
  struct style dim = {.ink = PAINT_DIM}, style = {.ink = line->ink};
  if (line == lines)
    style.attributes = CELL_BOLD;
  int start = cells_text_right(cells, rect, row, style, value);
  cells_text(cells, (struct rect){rect.row, rect.column, rect.rows, start - 1}, row, 0, dim, label);
}

void metrics_paint(struct cells *cells, struct rect rect, const struct result *result)
{
  int columns = rect.rows < ESSENTIAL && rect.columns >= 2 * COLUMN_LEAST ? 2 : 1;
  int gap = columns - 1, width = (rect.columns - gap) / columns;
  if (width > COLUMN_MOST)
    width = COLUMN_MOST;
  for (int i = 0; i < LINES_COUNT && i < columns * rect.rows; i++) {
    struct rect part = {rect.row, rect.column + i / rect.rows * (width + gap), rect.rows, width};
    paint_line(cells, part, i % rect.rows, &lines[i], result);
  }
}
