/* qscope diff: what a second file lost of a first, tensor by tensor. */
#include "analysis/checks.h"
#include "analysis/diff_table.h"
#include "data/outfile.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/meter.h"
#include "tui/cli/table.h"
#include "tui/cli/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALONE_MOST = 20 }; /* tensors without a partner that are listed for people */

struct run {
  const struct options *options;
  struct source *a, *b;
  struct rename_rule *rule;
  struct assertion *assertion;
  struct diff_table table;
  size_t failed; /* comparisons that an assertion does not hold for */
};

/* --- measuring ------------------------------------------------------------------------------ */

static enum status measure_row(struct run *run, const struct diff_row *row, struct diff **out,
                               struct error *error)
{
  const struct tensor *a = source_tensor(run->a, row->a);
  const struct diff_request request = {.axis = a->shape.dims > 1 ? run->options->view.axis : 0,
                                       .align = run->options->align,
                                       .brief = true,
                                       .grids = true,
                                       .lo = (double)NAN,
                                       .hi = (double)NAN};
  return work_diff(run->a, row->a, run->b, row->b, &request, out, error);
}

static void assert_row(struct run *run, const struct diff_row *row)
{
  bool good = true;
  for (size_t i = 0; i < run->options->check_count; i++) {
    const struct assertion *assertion = &run->assertion[i];
    double value = assertion->metric->value(&row->diff->metrics);
    struct error error;
    if (assertion_accepts(assertion, value))
      continue;
    good = false;
    if (isnan(value))
      error_set(&error, STATUS_FAILED, "check %s fails: there is no such number here",
                assertion->text);
    else
      error_set(&error, STATUS_FAILED, "check %s fails: found %.9g", assertion->text, value);
    work_place(run->b, row->b, &error);
    work_complain(&error);
  }
  run->failed += !good;
}

/* A tensor that cannot be read is reported at once, and the others follow. */
static enum status measure_all(struct run *run, struct error *error)
{
  enum status outcome = STATUS_OK;
  for (size_t i = 0; i < run->table.rows; i++) {
    struct diff_row *row = &run->table.row[i];
    struct diff *diff = NULL;
    struct error own = {0};
    if (row->state != DIFF_WAITING)
      continue;
    enum status status = measure_row(run, row, &diff, &own);
    if (status == STATUS_CANCELLED) {
      *error = own;
      return status;
    }
    diff_table_set(&run->table, i, status == STATUS_OK ? diff : NULL, status, &own);
    if (status == STATUS_OK) {
      assert_row(run, row);
      continue;
    }
    work_complain(&own);
    outcome = status;
    error_set(error, status, "not every tensor could be compared");
  }
  return outcome;
}

/* --- for people ----------------------------------------------------------------------------- */

static char *number(const char *metric, const struct diff *diff, char *text, size_t size)
{
  const struct metric *row = metric_find(metric);
  return metric_print(row, row->value(&diff->metrics), text, size);
}

/* Another name and the remark, in one cell. */
static void print_remark(const struct run *run, const struct diff_row *row, char *text, size_t size)
{
  const char *a = source_tensor(run->a, row->a)->name, *b = source_tensor(run->b, row->b)->name;
  char name[160], words[2 * DIFF_TEXT];
  diff_remark(row->diff, words, sizeof words);
  text[0] = '\0';
  if (strcmp(a, b) != 0)
    snprintf(text, size, "B: %s%s", text_escape(b, name, sizeof name), *words ? "; " : "");
  size_t used = strlen(text);
  snprintf(text + used, size - used, "%s", words);
}

static bool add_row(const struct run *run, struct table *table, const struct diff_row *row)
{
  const struct diff *diff = row->diff;
  const struct tensor *a = source_tensor(run->a, row->a), *b = source_tensor(run->b, row->b);
  char stored[64], sqnr[32], mse[32], cosine[32], most[32], mean[32], bits[32],
      worst[64] = "", remark[4 * DIFF_TEXT];
  snprintf(stored, sizeof stored, "%s, %s", a->stored->name, b->stored->name);
  snprintf(bits, sizeof bits, "%.4g, %.4g", diff->a_bits, diff->b_bits);
  if (diff->worst_count)
    snprintf(worst, sizeof worst, "%zu: %.2f dB", diff->worst[0].channel, diff->worst[0].sqnr_db);
  print_remark(run, row, remark, sizeof remark);
  return table_add(table, (const char *const[]){
                              a->name, stored, number("sqnr_db", diff, sqnr, sizeof sqnr),
                              number("mse", diff, mse, sizeof mse),
                              number("cosine", diff, cosine, sizeof cosine),
                              number("max_abs_error", diff, most, sizeof most),
                              number("mean_error", diff, mean, sizeof mean), bits, worst, remark});
}

static bool add_total(const struct run *run, struct table *table)
{
  const struct diff_total total = diff_table_total(&run->table);
  char name[64], sqnr[32], mse[32], bits[32], remark[64] = "";
  snprintf(name, sizeof name, "total of %zu", total.tensors);
  snprintf(bits, sizeof bits, "%.4g, %.4g", total.a_bits, total.b_bits);
  metric_print(metric_find("sqnr_db"), total.sqnr_db, sqnr, sizeof sqnr);
  metric_print(metric_find("mse"), total.mse, mse, sizeof mse);
  if (total.identical)
    snprintf(remark, sizeof remark, "%zu identical", total.identical);
  return table_add(table, (const char *const[]){name, "", sqnr, mse, "", "", "", bits, "", remark});
}

static enum status print_table(const struct run *run, struct error *error)
{
  struct table table = {.columns = 10, .right = 0x7c};
  size_t top = run->options->top ? run->options->top : SIZE_MAX, shown = 0;
  bool good = table_add(&table, (const char *const[]){"tensor", "A, B", "SQNR", "MSE", "cosine",
                                                      "max error", "mean error", "bits/element",
                                                      "worst channel", "remark"});
  for (size_t i = 0; i < run->table.rows && shown < top && good; i++) {
    const struct diff_row *row = &run->table.row[run->table.rank[i]];
    if (row->diff) {
      good = add_row(run, &table, row);
      shown++;
    }
  }
  return table_finish(&table, good && add_total(run, &table), false, error);
}

static void print_misfits(const struct run *run)
{
  char name[160];
  for (size_t i = 0; i < run->table.rows; i++) {
    const struct diff_row *row = &run->table.row[run->table.rank[i]];
    if (row->state == DIFF_SHAPES)
      printf("not compared: %s: %s\n",
             text_escape(source_tensor(run->a, row->a)->name, name, sizeof name),
             row->reason ? row->reason : "other shapes");
  }
}

static void print_alone(const char *side, const struct source *source, const size_t *index,
                        size_t count, const struct source *other, const size_t *others,
                        size_t other_count)
{
  char name[160], near_name[160];
  for (size_t i = 0; i < size_min(count, ALONE_MOST); i++) {
    const char *near = match_nearest(source, index[i], other, others, other_count);
    printf("only in %s: %s", side,
           text_escape(source_tensor(source, index[i])->name, name, sizeof name));
    if (near)
      printf(" (near: %s)", text_escape(near, near_name, sizeof near_name));
    putchar('\n');
  }
  if (count > ALONE_MOST)
    printf("only in %s: %zu more\n", side, count - ALONE_MOST);
}

static enum status print_text(const struct run *run, struct error *error)
{
  const struct matching *m = &run->table.matching;
  enum status status = print_table(run, error);
  if (status != STATUS_OK)
    return status;
  print_misfits(run);
  print_alone("A", run->a, m->only_a, m->only_a_count, run->b, m->only_b, m->only_b_count);
  if (run->options->tensors == 0)
    print_alone("B", run->b, m->only_b, m->only_b_count, run->a, m->only_a, m->only_a_count);
  return STATUS_OK;
}

/* --- running -------------------------------------------------------------------------------- */

static enum status read_words(struct run *run, struct error *error)
{
  const struct options *options = run->options;
  enum status status = STATUS_OK;
  if (options->operands != 2)
    return error_set(error, STATUS_USAGE,
                     "diff: expected two sources, found %d; see "
                     "qscope diff --help",
                     options->operands);
  run->rule = mem_array(options->rename_count, sizeof *run->rule);
  run->assertion = mem_array(options->check_count, sizeof *run->assertion);
  if (!run->rule || !run->assertion)
    return error_memory(error, "the command line");
  for (size_t i = 0; i < options->rename_count && status == STATUS_OK; i++)
    status = rename_rule_parse(options->rename[i], &run->rule[i], error);
  for (size_t i = 0; i < options->check_count && status == STATUS_OK; i++) {
    status = assertion_parse(options->check[i], &run->assertion[i], error);
    if (status == STATUS_OK && !run->assertion[i].metric)
      status = error_set(error, STATUS_USAGE, "'%s' is a check of a quantizer; expected a metric",
                         options->check[i]);
    if (status != STATUS_OK)
      error_prefix(error, "--check: ");
  }
  return status;
}

static enum status match(struct run *run, struct error *error)
{
  const struct options *options = run->options;
  size_t *chosen = NULL, count = 0;
  enum status status = STATUS_OK;
  if (options->tensors || source_count(run->a) == 0)
    status = work_select(run->a, options->tensor, options->tensors, &chosen, &count, error);
  if (status == STATUS_OK && source_count(run->b) == 0)
    status = work_select(run->b, NULL, 0, &chosen, &count, error);
  if (status == STATUS_OK)
    status = diff_table_init(run->a, run->b, chosen, count, run->rule, options->rename_count,
                             options->align, &run->table, error);
  free(chosen);
  return status == STATUS_OK ? diff_table_check(&run->table, error) : status;
}

static size_t total_weight(const struct run *run)
{
  size_t weight = 0;
  for (size_t i = 0; i < run->table.rows; i++) {
    const struct tensor *a = source_tensor(run->a, run->table.row[i].a),
                        *b = source_tensor(run->b, run->table.row[i].b);
    if (run->table.row[i].state == DIFF_WAITING)
      weight += a->count * (size_t)(1 + !tensor_is_loaded(a) + !tensor_is_loaded(b));
  }
  return weight;
}

static enum status write_all(struct run *run, struct error *error)
{
  size_t top = run->options->top ? run->options->top : SIZE_MAX;
  const char *key = run->options->sort ? run->options->sort : "sqnr_db";
  enum status status = diff_table_rank(&run->table, key, error);
  if (status != STATUS_OK)
    return status;
  meter_clear();
  if (run->options->style == REPORT_TEXT)
    return print_text(run, error);
  (run->options->style == REPORT_JSON ? diff_table_json : diff_table_csv)(&run->table, top, stdout);
  return STATUS_OK;
}

static enum status compare(struct run *run, struct error *error)
{
  enum status status = match(run, error);
  if (status == STATUS_OK && run->options->sort) /* a wrong word costs no time */
    status = diff_table_rank(&run->table, run->options->sort, error);
  if (status != STATUS_OK)
    return status;
  meter_start(total_weight(run));
  enum status measured = measure_all(run, error);
  if (measured == STATUS_CANCELLED)
    return measured;
  struct error late;
  status = write_all(run, &late);
  if (status != STATUS_OK) {
    *error = late;
    return status;
  }
  if (measured == STATUS_OK && run->failed)
    return error_set(error, STATUS_FAILED, "%zu of %zu tensors fail a check", run->failed,
                     diff_table_total(&run->table).tensors);
  return measured;
}

enum status diff_run(const struct options *options, struct error *error)
{
  struct run run = {.options = options};
  enum status status = read_words(&run, error);
  if (status == STATUS_OK)
    status = source_open_as(options->operand[0], options->input_format, &run.a, error);
  if (status == STATUS_OK)
    status = source_open(options->operand[1], &run.b, error);
  if (status == STATUS_OK)
    status = compare(&run, error);
  diff_table_clear(&run.table);
  source_close(run.a);
  source_close(run.b);
  free(run.rule);
  free(run.assertion);
  return status;
}
