/* qscope theory: the best grids for a known distribution, and what they cost. */
#include "analysis/theory.h"

#include "analysis/export.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS_LEAST = 2, LEVELS_MOST = 1024, ROWS_MOST = 1024 };

/* What the reader of an old table should know. */
static const struct note {
  const char *distribution, *text;
} notes[] = {
    {"gaussian",
     "Max (1960) prints the Lloyd-Max MSE of 16 and 32 levels as 0.009497 and 0.002499: "
     "slightly low; they are 0.0095010 and 0.0025047"},
    {"laplace",
     "a widely reprinted column gives the uniform quantizer of 4, 8, 16, 32 levels 7.05, 11.39, "
     "15.84, 20.46 dB: up to 0.14 dB low; they are 7.071, 11.442, 15.960, 20.598; the steps agree"},
    {"gamma", "the MSE is not monotone in the number of levels: 3 uniform levels (0.2961) beat 4 "
              "(0.3200), because 0 is one of them"},
    {"uniform", "uniform and Lloyd-Max are the same: 20 log10(levels) dB, 6.02 dB a bit"},
};
enum { NOTES = sizeof notes / sizeof *notes };

/* One number of levels. */
struct row {
  size_t count;
  double step;
  struct theory_error uniform, best;
  double levels[LEVELS_MOST]; /* of Lloyd and Max */
  bool has_best;
};

static enum status compute(const struct distribution *d, size_t count, struct row *row)
{
  double levels[LEVELS_MOST];
  theory_symmetric(count, levels);
  *row = (struct row){.count = count, .step = theory_best_scale(d, levels, count)};
  theory_error(d, levels, count, row->step, &row->uniform);
  enum status status = theory_lloyd_max(d, count, row->levels);
  row->has_best = status == STATUS_OK;
  if (row->has_best)
    theory_error(d, row->levels, count, 1, &row->best);
  return status == STATUS_FAILED ? STATUS_OK : status; /* without: no cell for it */
}

/* --- which numbers of levels ---------------------------------------------------------------- */

struct counts {
  size_t count[ROWS_MOST], used;
};

static bool read_count(const char **text, size_t *out)
{
  char *end;
  errno = 0;
  unsigned long value = strtoul(*text, &end, 10);
  bool good = end != *text && **text >= '0' && **text <= '9' && errno == 0 &&
              value >= LEVELS_LEAST && value <= LEVELS_MOST;
  *text = end;
  *out = value;
  return good;
}

/* N, or FROM:TO in doublings, or FROM:TO:STEP. */
static bool read_item(const char **text, struct counts *out)
{
  size_t from, to, step = 0;
  if (!read_count(text, &from))
    return false;
  to = from;
  if (**text == ':') {
    ++*text;
    if (!read_count(text, &to) || to < from)
      return false;
    if (**text == ':') {
      char *end;
      step = strtoul(*text + 1, &end, 10);
      if (step < 1 || step > LEVELS_MOST || (*text)[1] == '-' || (*text)[1] == '+')
        return false;
      *text = end;
    }
  }
  for (size_t n = from; n <= to; n = step ? n + step : 2 * n) {
    if (out->used == ROWS_MOST)
      return false;
    out->count[out->used++] = n;
  }
  return true;
}

static enum status read_counts(const char *text, struct counts *out, struct error *error)
{
  const char *at = text;
  bool good = read_item(&at, out);
  while (good && *at == ',')
    at++, good = read_item(&at, out);
  if (good && *at == '\0')
    return STATUS_OK;
  return error_set(error, STATUS_USAGE,
                   "--levels: expected numbers from %d to %d such as 2:256 (doubling), 2:16:1 or "
                   "3,4,15; found '%s'",
                   LEVELS_LEAST, LEVELS_MOST, text);
}

/* --- JSON ----------------------------------------------------------------------------------- */

static json_t *error_json(const struct theory_error *error)
{
  return json_pack("{s:o,s:o,s:o,s:o}", "mse", export_number(error->mse), "rounding_mse",
                   export_number(error->rounding), "sqnr_db", export_number(error->sqnr_db),
                   "entropy_bits", export_number(error->entropy_bits));
}

static json_t *best_json(const struct row *row)
{
  if (!row->has_best)
    return json_null();
  json_t *object = error_json(&row->best), *levels = json_array(), *between = json_array();
  for (size_t i = 0; i < row->count; i++) {
    json_array_append_new(levels, export_number(row->levels[i]));
    if (i + 1 < row->count)
      json_array_append_new(between, export_number((row->levels[i] + row->levels[i + 1]) / 2));
  }
  json_object_set_new(object, "levels", levels);
  json_object_set_new(object, "thresholds", between);
  return object;
}

static json_t *row_json(const struct distribution *d, const struct row *row)
{
  json_t *object = json_object(), *uniform = error_json(&row->uniform);
  double n = (double)row->count;
  json_object_set_new(uniform, "step", export_number(row->step));
  json_object_set_new(uniform, "clip", export_number(row->step * n / 2));
  json_object_set_new(uniform, "clipping_mse", export_number(row->uniform.clipping));
  json_object_set_new(object, "levels", json_integer((json_int_t)row->count));
  json_object_set_new(object, "uniform", uniform);
  json_object_set_new(object, "lloyd_max", best_json(row));
  json_object_set_new(object, "panter_dite_mse", export_number(theory_panter_dite(d) / (n * n)));
  return object;
}

static enum status write_json(const struct distribution *d, const struct counts *counts,
                              struct error *error)
{
  enum status status = STATUS_OK;
  json_t *root = json_object(), *rows = json_array(), *said = json_array();
  json_object_set_new(root, "distribution", json_string(d->type->name));
  json_object_set_new(root, "nu", export_number(d->nu));
  json_object_set_new(root, "panter_dite", export_number(theory_panter_dite(d)));
  json_object_set_new(root, "db_per_bit", export_number(theory_db_per_bit()));
  json_object_set_new(root, "sine_db", export_number(theory_sine_db()));
  json_object_set_new(root, "entropy_coded_gap_db", export_number(theory_entropy_coded_gap_db()));
  for (size_t i = 0; i < counts->used; i++) {
    struct row row;
    if (compute(d, counts->count[i], &row) != STATUS_OK)
      status = error_memory(error, "the best levels");
    json_array_append_new(rows, row_json(d, &row));
  }
  for (int i = 0; i < NOTES; i++)
    if (strcmp(notes[i].distribution, d->type->name) == 0)
      json_array_append_new(said, json_string(notes[i].text));
  json_object_set_new(root, "rows", rows);
  json_object_set_new(root, "notes", said);
  if (status == STATUS_OK)
    export_json(root, stdout);
  else
    json_decref(root);
  return status;
}

/* --- text and CSV --------------------------------------------------------------------------- */

enum { CELLS = 8, CELL = 32 };

static bool add_row(struct table *table, const struct row *row, bool csv)
{
  const double values[CELLS - 1] = {
      row->step,
      row->step * (double)row->count / 2,
      row->uniform.mse,
      row->uniform.sqnr_db,
      row->uniform.entropy_bits,
      row->has_best ? row->best.mse : (double)NAN,
      row->has_best ? row->best.sqnr_db : (double)NAN,
  };
  /* Digits: significant ones of steps and MSEs, decimals of the others. */
  static const int digits[] = {5, -4, 5, -3, -4, 5, -3};
  char cell[CELLS][CELL];
  const char *words[CELLS] = {cell[0]};
  snprintf(cell[0], CELL, "%zu", row->count);
  for (int i = 0; i < CELLS - 1; i++) {
    if (csv)
      snprintf(cell[i + 1], CELL, "%.17g", values[i]);
    else if (digits[i] > 0)
      snprintf(cell[i + 1], CELL, "%#.*g", digits[i], values[i]);
    else
      snprintf(cell[i + 1], CELL, "%.*f", -digits[i], values[i]);
    words[i + 1] = isnan(values[i]) ? "" : cell[i + 1];
  }
  return table_add(table, words);
}

static void print_notes(const struct distribution *d)
{
  printf("\nper bit %.2f dB; many levels: MSE about %.4g / levels^2 (Panter-Dite)\n",
         theory_db_per_bit(), theory_panter_dite(d));
  for (int i = 0; i < NOTES; i++)
    if (strcmp(notes[i].distribution, d->type->name) == 0)
      printf("note: %s\n", notes[i].text);
}

static void print_title(const struct distribution *d)
{
  char nu[32] = "";
  if (d->type->has_nu)
    snprintf(nu, sizeof nu, "=%g", d->nu);
  printf("%s%s, variance 1: the best uniform step, and the best levels\n", d->type->name, nu);
}

static enum status write_table(const struct distribution *d, const struct counts *counts, bool csv,
                               struct error *error)
{
  static const char *const text[] = {"levels", "step",    "clip",          "MSE",
                                     "dB",     "entropy", "Lloyd-Max MSE", "Lloyd-Max dB"},
                           *const keys[] = {
                               "levels",  "step",         "clip",          "mse",
                               "sqnr_db", "entropy_bits", "lloyd_max_mse", "lloyd_max_sqnr_db"};
  struct table table = {.columns = CELLS, .right = 255};
  bool good = table_add(&table, csv ? keys : text);
  for (size_t i = 0; i < counts->used && good; i++) {
    struct row row;
    good = compute(d, counts->count[i], &row) == STATUS_OK && add_row(&table, &row, csv);
  }
  if (!csv && good)
    print_title(d);
  enum status status = table_finish(&table, good, csv, error);
  if (!csv && status == STATUS_OK)
    print_notes(d);
  return status;
}

enum status theory_run(const struct options *options, struct error *error)
{
  struct distribution d;
  struct counts counts = {.used = 0};
  enum status status =
      distribution_parse(options->distribution ? options->distribution : "gaussian", &d, error);
  if (status != STATUS_OK)
    error_prefix(error, "--distribution: ");
  else
    status = read_counts(options->levels ? options->levels : "2:256", &counts, error);
  if (status != STATUS_OK)
    return status;
  return options->style == REPORT_JSON
             ? write_json(&d, &counts, error)
             : write_table(&d, &counts, options->style == REPORT_CSV, error);
}
