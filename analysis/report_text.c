/* The report for people: a tensor, then its quantizers side by side. */
#include "analysis/report_styles.h"

#include "data/transformed.h"

#include "data/source.h"
#include "quant/base/size.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
  PAGE_WIDTH = 80,
  LABEL_WIDTH = 16,
  CELL_WIDTH = 12, /* at least */
  CELL_TEXT = 48,
  MOST_ROWS = 48,
  MOST_CHECKS = 16,
  MOST_COLUMNS = 5, /* that fit PAGE_WIDTH */
};

/* One quantizer: its numbers as words, row by row as the labels below have it. */
struct column {
  char spec[QUANTIZER_TEXT], verdict[VERDICT_TEXT], drift[256];
  char pair[VERDICT_TEXT]; /* against the first quantizer of the tensor; empty for that one */
  bool checked, fitted, asked;
  double sqnr_db;
  struct report_theory theory;
  struct what_ifs what_ifs;
  double check[MOST_CHECKS];
  char cell[MOST_ROWS][CELL_TEXT];
};

struct report_page {
  const struct tensor *tensor; /* of the columns; only compared */
  size_t columns;
  struct column column[MOST_COLUMNS];
};

struct report_page *report_page_new(void)
{
  return calloc(1, sizeof(struct report_page));
}

void report_page_free(struct report_page *page)
{
  free(page);
}

/* --- the head: what is known of the tensor ----------------------------------------------- */

/* What static quantizers were calibrated on. */
static void print_calibration(const struct report_entry *entry, FILE *out)
{
  const struct report_calibration *calibration = entry->calibration;
  char data[512];
  if (!calibration)
    return;
  size_t batches = report_batches(entry);
  fprintf(out, "  calibrated on %s: %zu %s",
          calibration->data ? text_escape(calibration->data, data, sizeof data) : "itself", batches,
          batches == 1 ? "batch" : "batches");
  if (calibration->batching.on)
    fprintf(out, " along axis %d", calibration->batching.axis);
  if (calibration->drift && calibration->drift->finite)
    fprintf(out, ", %.6g .. %.6g", calibration->drift->min, calibration->drift->max);
  fputc('\n', out);
}

static void print_head(const struct report_entry *entry, FILE *out)
{
  const struct tensor *tensor = entry->tensor;
  const struct transformed *transformed = tensor_transformed(tensor);
  const struct facts *f = &entry->result->facts;
  char source[512], name[1024], shape[24 * SHAPE_MAX_DIMS];
  fprintf(out, "%s: %s\n", text_escape(source_title(entry->source), source, sizeof source),
          text_escape(tensor->name, name, sizeof name));
  fprintf(out,
          "  %s %s, %" PRIu64 " elements: %" PRIu64 " NaN, %" PRIu64 " Inf, %" PRIu64
          " zeros, %" PRIu64 " denormals\n",
          tensor->stored->name, shape_print(&tensor->shape, shape, sizeof shape), f->count, f->nan,
          f->inf, f->zeros, f->denormals);
  if (f->finite)
    fprintf(out, "  %.6g .. %.6g, absmax %.6g, mean %.4g, std %.4g, kurtosis %.4g\n", f->min,
            f->max, f->absmax, f->mean, f->std, f->kurtosis);
  if (f->finite && *papr_words(f->papr, name, sizeof name))
    fprintf(out, "  %s\n", name);
  if (transformed)
    fprintf(out, "  quantized after %s along axis %u; errors are those of the original\n",
            transform_print(&transformed->transform, name), transformed->axis);
  tensor = tensor_original(tensor);
  if (tensor->derived)
    fprintf(out, "  unpacked from %u tensor%s, %.3g bits per element as they are stored\n",
            tensor->derived->parts, tensor->derived->parts == 1 ? "" : "s",
            8 * (double)tensor->bytes / (double)tensor->count);
  if (entry->grid && entry->grid->kind != GRID_NONE)
    fprintf(out, "  already lies on %s\n", grid_print(entry->grid, name, sizeof name));
  print_calibration(entry, out);
  if (report_note(tensor))
    fprintf(out, "  note: %s\n", report_note(tensor));
}

static void print_outliers(const struct result *result, const struct tensor *tensor, FILE *out)
{
  const struct channels *channels = &result->channels;
  size_t count = size_min(report_outliers(result), 5);
  if (channels->count == 1 && tensor->shape.dims > 1 &&
      tensor->shape.dim[channels->axis] > RESULT_CHANNELS_MOST)
    fprintf(out, "  %zu channels along axis %u are too many to tell apart: counted as one\n",
            tensor->shape.dim[channels->axis], channels->axis);
  if (count == 0)
    return;
  fprintf(out, "  largest of %zu channels along axis %u (absmax over the median channel's):",
          channels->count, channels->axis);
  for (size_t i = 0; i < count; i++)
    fprintf(out, "%s %zu (%.3g x)", i ? "," : "\n   ", channels->by_ratio[i],
            channels->channel[channels->by_ratio[i]].ratio);
  fputc('\n', out);
}

/* --- the columns ----------------------------------------------------------------------------- */

static const char *const unit_labels[] = {"scale", "zero point", "range", "ranges are"};
enum { UNIT_ROWS = sizeof unit_labels / sizeof unit_labels[0], RANGES_ROW = UNIT_ROWS - 1 };

/* Behind the metrics: what the quantizer costs on the data it was calibrated on. */
static const struct drift_row {
  const char *label, *metric;
  size_t offset;
} drift_rows[] = {
    {"calib. SQNR", "sqnr_db", offsetof(struct drift, sqnr_db)},
    {"calib. MSE", "mse", offsetof(struct drift, mse)},
    {"calib. max", "max_abs_error", offsetof(struct drift, max_abs_error)},
    {"calib. clipped", "clip_rate", offsetof(struct drift, clip_rate)},
};
enum { DRIFT_ROWS = sizeof drift_rows / sizeof drift_rows[0] };

static size_t first_drift_row(void)
{
  return size_min(UNIT_ROWS + metric_table_length, MOST_ROWS - DRIFT_ROWS);
}

static const char *row_label(size_t row)
{
  return row < UNIT_ROWS           ? unit_labels[row]
         : row < first_drift_row() ? metric_table[row - UNIT_ROWS].label
                                   : drift_rows[row - first_drift_row()].label;
}

static size_t row_count(void)
{
  return first_drift_row() + DRIFT_ROWS;
}

/* Rows on calibration are there when something was calibrated beforehand. */
static bool is_shown(const struct report_page *page, size_t row)
{
  bool optional = row == RANGES_ROW || row >= first_drift_row();
  return !optional || page->column[0].cell[row][0];
}

static void fill_units(struct column *column, const struct result *result)
{
  const struct report_unit unit = report_unit(result);
  size_t units = fit_grain(result->fit)->units;
  if (fit_grain(result->fit)->kind == GRAIN_TENSOR && units) {
    snprintf(column->cell[0], CELL_TEXT, "%.6g", unit.scale);
    snprintf(column->cell[1], CELL_TEXT, "%.0f", unit.zero_point);
    snprintf(column->cell[2], CELL_TEXT, "%.5g .. %.5g", unit.lo, unit.hi);
  } else {
    snprintf(column->cell[0], CELL_TEXT, "%zu scales", units);
    snprintf(column->cell[1], CELL_TEXT, "%s", result->quantizer.asymmetric ? "each" : "0");
    snprintf(column->cell[2], CELL_TEXT, "each");
  }
}

/* The sentence on calibration data and what came later. */
static void tell_drift(struct column *column, const struct metrics *metrics,
                       const struct drift *drift)
{
  const struct metric *clip = metric_find("clip_rate"), *sqnr = metric_find("sqnr_db");
  char here[CELL_TEXT], there[CELL_TEXT], db_here[CELL_TEXT], db_there[CELL_TEXT];
  snprintf(column->drift, sizeof column->drift,
           " Drift: %s of the values lie beyond the calibrated range, %s of the calibration data; "
           "SQNR %s against %s.",
           metric_print(clip, metrics->clip_rate, here, sizeof here),
           metric_print(clip, drift->clip_rate, there, sizeof there),
           metric_print(sqnr, metrics->sqnr_db, db_here, sizeof db_here),
           metric_print(sqnr, drift->sqnr_db, db_there, sizeof db_there));
}

static void fill_drift(struct column *column, const struct drift *drift)
{
  for (size_t i = 0; i < DRIFT_ROWS; i++) {
    double value;
    memcpy(&value, (const char *)drift + drift_rows[i].offset, sizeof value);
    metric_print(metric_find(drift_rows[i].metric), value, column->cell[first_drift_row() + i],
                 CELL_TEXT);
  }
}

static void fill(struct column *column, const struct report_entry *entry,
                 const struct report_judgement *judgement)
{
  const struct result *result = entry->result;
  quantizer_print(&result->quantizer, column->spec);
  verdict_print(&judgement->evidence, column->verdict, sizeof column->verdict);
  snprintf(column->pair, sizeof column->pair, "%s", judgement->pair.text);
  fill_units(column, result);
  snprintf(column->cell[RANGES_ROW], CELL_TEXT, "%s", report_ranges(entry));
  for (size_t row = UNIT_ROWS; row < first_drift_row(); row++) {
    const struct metric *metric = &metric_table[row - UNIT_ROWS];
    metric_print(metric, metric->value(&result->metrics), column->cell[row], CELL_TEXT);
  }
  column->sqnr_db = result->metrics.sqnr_db;
  column->fitted = entry->theory != NULL;
  if (entry->theory)
    column->theory = *entry->theory;
  column->asked = entry->what_ifs != NULL;
  if (entry->what_ifs)
    column->what_ifs = *entry->what_ifs;
  column->checked = entry->checks != NULL;
  for (size_t i = 0; entry->checks && i < size_min(check_table_length, MOST_CHECKS); i++)
    column->check[i] = check_value(&check_table[i], entry->checks);
  if (!entry->calibration || !entry->calibration->drift)
    return;
  fill_drift(column, entry->calibration->drift);
  if (!quantizer_is_dynamic(&result->quantizer))
    tell_drift(column, &result->metrics, entry->calibration->drift);
}

/* TEXT in lines of PAGE_WIDTH, broken between words, the first one indented by INDENT, the later
 * ones by 2. */
static void print_wrapped(const char *text, int indent, FILE *out)
{
  size_t at = 0;
  fprintf(out, "%*s", indent, "");
  while (*text) {
    size_t word = strcspn(text, " ");
    if (strncmp(text + word, " %", 2) == 0)
      word += 1 + strcspn(text + word + 1, " ");
    bool breaks = at && at + 1 + word + (size_t)indent > PAGE_WIDTH;
    at = breaks ? 2 + word : at + (at > 0) + word;
    fprintf(out, "%s%.*s", breaks ? "\n  " : at > word ? " " : "", (int)word, text);
    text += word + strspn(text + word, " ");
  }
  fputc('\n', out);
}

static char *print_db(double value, char *text)
{
  return metric_print(metric_find("sqnr_db"), value, text, CELL_TEXT);
}

/* Measured against predicted, best fit first named. */
static void print_theory(const struct column *column, FILE *out)
{
  const struct theory_fits *fits = &column->theory.fits;
  char measured[CELL_TEXT], here[CELL_TEXT], best[CELL_TEXT];
  fprintf(out, "\nmeasured against predicted, %s: %s", column->spec,
          print_db(column->sqnr_db, measured));
  if (!fits->examined) {
    fputs("; nothing to fit a distribution to\n", out);
    return;
  }
  fprintf(out, " against %s (%s, the best fit)\n",
          print_db(column->theory.prediction[fits->best].sqnr_db, here),
          fits->fit[fits->best].d.type->name);
  fprintf(out, "%-*s %9s %12s %10s %12s %12s\n", LABEL_WIDTH, "  fit", "KS", "ln p / value",
          "predicted", "best clip", "there");
  for (size_t i = 0; i < THEORY_FITS; i++) {
    const struct theory_fit *fit = &fits->fit[i];
    const struct theory_prediction *p = &column->theory.prediction[i];
    char name[CELL_TEXT], clip[CELL_TEXT] = "n/a";
    snprintf(name, sizeof name, "  %s", fit->d.type->name);
    if (fit->d.type->has_nu)
      snprintf(name, sizeof name, "  %s=%.3g", fit->d.type->name, fit->d.nu);
    if (!isnan(p->optimum_clip))
      snprintf(clip, sizeof clip, "%.5g", p->optimum_clip);
    fprintf(out, "%-*s %9.4f %12.4f %10s %12s %12s\n", LABEL_WIDTH, name, fit->ks,
            fit->log_likelihood, print_db(p->sqnr_db, here), clip,
            print_db(p->optimum_sqnr_db, best));
  }
}

/* A check takes two lines: the reading, and why one looks at it. */
static void print_checks(const struct column *column, FILE *out)
{
  fprintf(out, "\nchecks of %s:\n", column->spec);
  for (size_t i = 0; i < size_min(check_table_length, MOST_CHECKS); i++) {
    const struct check *check = &check_table[i];
    char value[CELL_TEXT];
    check_print(check, column->check[i], value, sizeof value);
    fprintf(out, "%-*s %12s  %-7s (usual: %s)\n", LABEL_WIDTH, check->label, value,
            check_verdict(check, column->check[i]), check->usual);
    print_wrapped(check->why, 2, out);
  }
}

static void print_what_ifs(const struct column *column, FILE *out)
{
  const struct what_ifs *all = &column->what_ifs;
  char db[CELL_TEXT], change[WHAT_IF_TEXT], line[256];
  fprintf(out, "\nwhat if, for %s (%s):\n", column->spec, print_db(column->sqnr_db, db));
  for (size_t i = 0; i < what_if_table_length; i++) {
    const struct what_if *what = &what_if_table[i];
    const struct what_if_answer *answer = &all->answer[i];
    if (!answer->possible) {
      fprintf(out, "  %-8s n/a: %s\n", what->name, answer->why_not);
      continue;
    }
    fprintf(out, "  %-8s %10s %+9.2f dB %8.4g bit  %s\n", what->name, print_db(answer->sqnr_db, db),
            answer->sqnr_db - column->sqnr_db, answer->bits_per_element,
            what_if_print(answer, &all->now, change));
    snprintf(line, sizeof line, "%s: %s", what->what, what->why);
    print_wrapped(line, 2, out);
  }
}

static size_t column_width(const struct column *column)
{
  size_t width = size_max(CELL_WIDTH, strlen(column->spec));
  for (size_t row = 0; row < row_count(); row++)
    width = size_max(width, strlen(column->cell[row]));
  return width + 2;
}

static size_t page_width(const struct report_page *page)
{
  size_t width = LABEL_WIDTH;
  for (size_t i = 0; i < page->columns; i++)
    width += column_width(&page->column[i]);
  return width;
}

static void print_row(const struct report_page *page, const char *label, size_t row, FILE *out)
{
  fprintf(out, "%-*s", LABEL_WIDTH, label);
  for (size_t i = 0; i < page->columns; i++)
    fprintf(out, "%*s", (int)column_width(&page->column[i]),
            label[0] ? page->column[i].cell[row] : page->column[i].spec);
  fputc('\n', out);
}

void report_page_print(struct report_page *page, FILE *out)
{
  if (page->columns == 0)
    return;
  fputc('\n', out);
  print_row(page, "", 0, out);
  for (size_t row = 0; row < row_count(); row++)
    if (is_shown(page, row))
      print_row(page, row_label(row), row, out);
  for (size_t i = 0; i < page->columns; i++) {
    const struct column *column = &page->column[i];
    char line[sizeof column->spec + sizeof column->verdict + sizeof column->drift];
    snprintf(line, sizeof line, "%s: %s%s", column->spec, column->verdict, column->drift);
    print_wrapped(line, 0, out);
  }
  for (size_t i = 0; i < page->columns; i++)
    if (page->column[i].pair[0])
      print_wrapped(page->column[i].pair, 0, out);
  for (size_t i = 0; i < page->columns; i++)
    if (page->column[i].fitted)
      print_theory(&page->column[i], out);
  for (size_t i = 0; i < page->columns; i++)
    if (page->column[i].checked)
      print_checks(&page->column[i], out);
  for (size_t i = 0; i < page->columns; i++)
    if (page->column[i].asked)
      print_what_ifs(&page->column[i], out);
  page->columns = 0;
}

bool report_page_add(struct report_page *page, const struct report_entry *entry,
                     const struct report_judgement *judgement, FILE *out)
{
  struct column column = {.spec = ""};
  fill(&column, entry, judgement);
  bool other = page->tensor != entry->tensor;
  if (other || page->columns == MOST_COLUMNS ||
      page_width(page) + column_width(&column) > PAGE_WIDTH)
    report_page_print(page, out);
  if (other) {
    if (page->tensor)
      fputc('\n', out);
    print_head(entry, out);
    print_outliers(entry->result, entry->tensor, out);
  }
  page->tensor = entry->tensor;
  page->column[page->columns++] = column;
  return true;
}
