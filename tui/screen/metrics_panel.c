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
  enum { NUMBER, KNOWN, FACT } of; /* FACT: of the elements; KNOWN: whatever they become */
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
    {"SQNR", "sqnr_db", NULL, PAINT_VALUE, NUMBER},
    {" bulk 99 %", "bulk_sqnr_db", NULL, PAINT_NONE, NUMBER},
    {NULL, NULL, write_worst, PAINT_NONE, KNOWN},
    {"MSE", "mse", NULL, PAINT_VALUE, NUMBER},
    {" RMSE", "rmse", NULL, PAINT_NONE, NUMBER},
    {NULL, NULL, write_split, PAINT_NONE, NUMBER},
    {"clipped", "clip_rate", NULL, PAINT_VALUE, NUMBER},
    {"max error", "max_abs_error", NULL, PAINT_NONE, NUMBER},
    {"cosine", "cosine", NULL, PAINT_NONE, NUMBER},
    {NULL, NULL, write_levels, PAINT_NONE, NUMBER},
    {"bits/elem", "bits_per_element", NULL, PAINT_VALUE, KNOWN},
    {NULL, NULL, write_median, PAINT_NONE, KNOWN},
    {"at rails", "rail_rate", NULL, PAINT_NONE, NUMBER},
    {"to zero", "zero_rate", NULL, PAINT_NONE, NUMBER},
    {"entropy", "code_entropy_bits", NULL, PAINT_NONE, NUMBER},
    {"bias", "mean_error", NULL, PAINT_NONE, NUMBER},
    {"papr", "papr", NULL, PAINT_NONE, FACT},
    {NULL, NULL, write_min, PAINT_DIM, FACT},
    {NULL, NULL, write_max, PAINT_DIM, FACT},
    {NULL, NULL, write_mean, PAINT_DIM, FACT},
    {NULL, NULL, write_std, PAINT_DIM, FACT},
    {NULL, NULL, write_kurtosis, PAINT_DIM, FACT},
};
enum { LINES_COUNT = sizeof lines / sizeof *lines, ESSENTIAL = 11 };

static void paint_line(struct cells *cells, struct rect rect, int row, const struct line *line,
                       const struct result *result)
{
  char label[TEXT], value[TEXT] = "~";
  const bool about =
      line->of == NUMBER ? result->estimated : line->of == FACT && result->facts_sampled;
  char *text = value + about;
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

/* --- two results ------------------------------------------------------------------------------ */

enum { PAIR_LABEL = 7, PAIR_NUMBER = 8, PAIR_BY = 8, PAIR_WORD = 7 };

/* Labels that leave room for two numbers. */
static const struct {
  const char *label, *metric;
} compared[] = {
    {"SQNR", "sqnr_db"},
    {" bulk", "bulk_sqnr_db"},
    {" worst", "channel_sqnr_worst"},
    {"MSE", "mse"},
    {"max err", "max_abs_error"},
    {"clipped", "clip_rate"},
    {"to zero", "zero_rate"},
    {"cosine", "cosine"},
    {"bits", "bits_per_element"},
    {"levels", "levels_used"},
    {"entropy", "code_entropy_bits"},
};
enum { COMPARED = sizeof compared / sizeof *compared };

/* Without its unit, for a narrow column: "31.48", "0.384%". */
static char *shorten(char *text)
{
  char *blank = strchr(text, ' ');
  if (blank && strcmp(blank, " %") == 0)
    strcpy(blank, "%");
  else if (blank)
    *blank = '\0';
  return text;
}

/* As many of DIGITS as leave a blank beside the next number. */
static void print_fitting(double value, int digits, char *text)
{
  do
    snprintf(text, TEXT, "%.*g", digits, value);
  while (strlen(text) >= PAIR_NUMBER && --digits > 0);
}

static char *short_number(const struct metric *metric, double value, char *text)
{
  if (metric->unit[0] == '\0' && isfinite(value) && metric->better < 0)
    print_fitting(value, 3, text);
  else if (metric->better > 0 && metric->unit[0] == '\0')
    print_fitting(value, 5, text);
  else if (metric->unit[0] == '%' && isfinite(value))
    snprintf(text, TEXT, "%.2g%%", value * 100);
  else
    metric_print(metric, value, text, TEXT);
  return shorten(text);
}

static void paint_compared(struct cells *cells, struct rect line, const char *label,
                           const struct metric *metric, const struct metrics_pair *pair,
                           const struct glyphs *glyphs)
{
  static const char *const words[] = {"worse", "", "better"};
  static const uint8_t inks[] = {PAINT_WARNING, PAINT_DIM, PAINT_GOOD};
  double a = metric->value(&pair->a->metrics), b = metric->value(&pair->b->metrics);
  int judged = metric_judge(metric, a, b), at = PAIR_LABEL;
  struct style dim = {.ink = PAINT_DIM}, judgement = {.ink = inks[judged + 1]};
  char text[TEXT];
  cells_text(cells, line, 0, 0, dim, label);
  cells_printf(cells, line, 0, at, dim, "%*s", PAIR_NUMBER, short_number(metric, a, text));
  at += PAIR_NUMBER;
  cells_printf(cells, line, 0, at, (struct style){.ink = PAINT_VALUE}, "%*s", PAIR_NUMBER,
               short_number(metric, b, text));
  at += PAIR_NUMBER;
  if (judged && at < line.columns)
    cells_put(cells, line.row, line.column + at, glyphs->code[judged > 0 ? GLYPH_UP : GLYPH_DOWN],
              judgement);
  at++;
  if (at + PAIR_BY <= line.columns)
    cells_printf(cells, line, 0, at, judgement, "%*s", PAIR_BY,
                 shorten(metric_difference(metric, a, b, text, sizeof text)));
  at += PAIR_BY + 1;
  if (at + PAIR_WORD <= line.columns)
    cells_text(cells, line, 0, at, judgement, words[judged + 1]);
}

void metrics_paint_pair(struct cells *cells, struct rect rect, const struct metrics_pair *pair,
                        const struct glyphs *glyphs)
{
  struct style bold = {.attributes = CELL_BOLD};
  bool about = pair->a->estimated || pair->b->estimated;
  cells_printf(cells, rect, 0, PAIR_LABEL, bold, "%*c%*c", PAIR_NUMBER, pair->a_name, PAIR_NUMBER,
               pair->b_name);
  if (about)
    cells_text(cells, rect, 0, 0, bold, "~");
  for (int i = 0; i < COMPARED && i + 1 < rect.rows; i++)
    paint_compared(cells, (struct rect){rect.row + 1 + i, rect.column, 1, rect.columns},
                   compared[i].label, metric_find(compared[i].metric), pair, glyphs);
}
