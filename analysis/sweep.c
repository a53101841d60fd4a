#include "analysis/sweep.h"

#include "analysis/result.h"
#include "analysis/sweep_kinds.h"
#include "analysis/theory_fit.h"
#include "data/source.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* --- the plan ------------------------------------------------------------------------------- */

struct standing {
  double bits, good; /* good: NaN where there is no metric */
  struct sweep_row *row;
};

/* Room for COUNT lines; for a row beyond them, too. */
static struct sweep *sweep_new(size_t count)
{
  struct sweep *sweep = mem_array(1, sizeof *sweep);
  if (!sweep)
    return NULL;
  sweep->present = SWEEP_NO_ROW;
  sweep->value = mem_array(SWEEP_VALUES, sizeof *sweep->value);
  sweep->line = mem_array(count, sizeof *sweep->line);
  sweep->row = mem_array(count * (SWEEP_VALUES + 1) + 1, sizeof *sweep->row);
  sweep->rank = mem_array(count * (SWEEP_VALUES + 1) + 1, sizeof *sweep->rank);
  sweep->standing = mem_array(count * (SWEEP_VALUES + 1) + 1, sizeof *sweep->standing);
  if (sweep->value && sweep->line && sweep->row && sweep->rank && sweep->standing)
    return sweep;
  sweep_free(sweep);
  return NULL;
}

static bool add_note(struct sweep *sweep, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool add_note(struct sweep *sweep, const char *format, ...)
{
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char **grown = mem_resize(sweep->note, sweep->notes + 1, sizeof *grown);
  if (!grown)
    return false;
  sweep->note = grown;
  return (sweep->note[sweep->notes] = strdup(text)) && ++sweep->notes;
}

/* What the parser says, without the spec that was made for it. */
static const char *reason(const struct error *why)
{
  const char *behind = strncmp(why->text, "spec \"", 6) == 0 ? strstr(why->text, "\": ") : NULL;
  return behind ? behind + 3 : why->text;
}

/* Appends the value to the list in TEXT, as far as it fits. */
static void list_value(char *text, size_t size, const char *value)
{
  size_t used = strlen(text);
  snprintf(text + used, size - used, "%s%s", used ? ", " : "", value);
}

/* One note for the values in MISSED; WHY belongs to the first of them. A spec that takes none of
 * the values (FIXED) is measured all the same. */
static bool note_missed(struct sweep *sweep, const struct quantizer *base, bool fixed,
                        const char *missed, const struct error *why)
{
  char spec[QUANTIZER_TEXT];
  quantizer_print(base, spec);
  if (fixed)
    return add_note(sweep, "%s: takes no %s, and is measured once as it is: %s", spec,
                    sweep->kind->name, reason(why));
  return add_note(sweep, "%s: without %s %s: %s", spec, sweep->kind->name, missed, reason(why));
}

/* True when A and B measure the same: the same quantizer on the same data. */
static bool are_twins(const struct sweep *sweep, const struct sweep_row *a,
                      const struct sweep_row *b)
{
  const bool elsewhere = sweep_is_elsewhere(sweep, a);
  return quantizer_equal(&a->quantizer, &b->quantizer) &&
         sweep_is_elsewhere(sweep, b) == elsewhere && (!elsewhere || a->value == b->value);
}

static const struct sweep_row *find_twin(const struct sweep *sweep, const struct sweep_row *of)
{
  for (const struct sweep_row *row = sweep->row; row < sweep->row + sweep->rows; row++)
    if (are_twins(sweep, row, of))
      return row;
  return NULL;
}

/* The rows of one spec; *taken tells whether it took any value. A view shows what several lines
 * have in common once. */
static bool plan_line(struct sweep *sweep, size_t line, bool view, bool *taken)
{
  const struct quantizer *base = &sweep->line[line];
  char missed[256] = "";
  struct error why = {0}, first = {0};
  *taken = false;
  for (size_t v = 0; v < sweep->values; v++) {
    struct sweep_row *row = &sweep->row[sweep->rows];
    *row = (struct sweep_row){.line = line, .value = v};
    const enum status status = sweep->kind->edit(base, sweep->value[v], &row->quantizer, &why);
    if (status == STATUS_MEMORY)
      return false;
    if (status == STATUS_OK) {
      *taken = true;
      sweep->rows += !view || !find_twin(sweep, row);
      continue;
    }
    if (!*missed)
      first = why;
    list_value(missed, sizeof missed, sweep->value[v]);
  }
  if (!*taken || sweep->kind->elsewhere)
    sweep->row[sweep->rows++] = (struct sweep_row){.line = line, .fixed = true, .quantizer = *base};
  return !*missed || note_missed(sweep, base, !*taken, missed, &first);
}

static enum status plan_lines(struct sweep *sweep, bool view, struct error *error)
{
  bool any = false;
  for (size_t i = 0; i < sweep->lines; i++) {
    bool taken = false;
    if (!plan_line(sweep, i, view, &taken))
      return error_memory(error, "the sweep");
    any = any || taken;
  }
  if (any)
    return STATUS_OK;
  return error_set(error, STATUS_USAGE, "nothing to sweep over: %s", sweep->note[0]);
}

enum status sweep_over_check(const char *over, struct error *error)
{
  struct sweep *sweep = sweep_new(1);
  enum status status = sweep ? sweep_read(sweep, over, error) : error_memory(error, "the sweep");
  if (status == STATUS_OK && strlen(over) >= VIEW_OVER)
    status = error_set(error, STATUS_USAGE, "%s: the list is longer than %d bytes",
                       sweep_name(sweep), VIEW_OVER - 1);
  sweep_free(sweep);
  return status;
}

static bool has_line(const struct sweep *sweep, const struct quantizer *quantizer)
{
  for (size_t i = 0; i < sweep->lines; i++)
    if (quantizer_equal(&sweep->line[i], quantizer))
      return true;
  return false;
}

/* Two lines that differ in the swept word alone are the same line. */
static bool takes_the_same(const struct sweep *sweep, const struct quantizer *a,
                           const struct quantizer *b)
{
  struct quantizer with_a, with_b;
  const char *value = sweep->value[0];
  return sweep->kind->edit(a, value, &with_a, NULL) == STATUS_OK &&
         sweep->kind->edit(b, value, &with_b, NULL) == STATUS_OK &&
         quantizer_equal(&with_a, &with_b);
}

static void add_companions(struct sweep *sweep)
{
  const struct quantizer *base = &sweep->line[0];
  struct quantizer other;
  for (size_t i = 0; i < SWEEP_COMPANIONS && sweep->kind->companions[i]; i++)
    if (sweep->kind->companions[i](base, &other) && !has_line(sweep, &other) &&
        !takes_the_same(sweep, base, &other))
      sweep->line[sweep->lines++] = other;
}

enum { WIDE = 8 /* bits */ };

/* Where nobody asks for them, formats that nobody weighs against 4 bits leave room for those that
 * people do. */
static void drop_wide_formats(struct sweep *sweep)
{
  size_t kept = 0;
  for (size_t i = 0; i < sweep->values; i++) {
    const struct format *format = format_find(sweep->value[i]);
    if (!format || format->bits <= WIDE)
      memmove(sweep->value[kept++], sweep->value[i], SWEEP_VALUE_TEXT);
  }
  sweep->values = kept;
}

/* The row of what people have, which is added where it is none of the values. */
static void mark_present(struct sweep *sweep)
{
  const struct sweep_row own = {.fixed = true, .quantizer = sweep->line[0]},
                         *row = find_twin(sweep, &own);
  sweep->present = row ? row - sweep->row : (long)sweep->rows;
  if (!row)
    sweep->row[sweep->rows++] = own;
}

static enum status plan(const char *over, const struct quantizer *quantizers, size_t count,
                        bool view, struct sweep **out, struct error *error)
{
  struct sweep *sweep = sweep_new(count + SWEEP_COMPANIONS);
  if (!sweep)
    return error_memory(error, "the sweep");
  size_t first = view ? count - 1 : 0; /* what people have */
  for (size_t i = 0; i < count; i++)
    sweep->line[i] = quantizers[(first + i) % count];
  sweep->lines = count;
  sweep->given = view ? 1 : count;
  enum status status = sweep_read(sweep, over, error);
  if (status == STATUS_OK && view && sweep->kind->points && !strchr(over, '='))
    drop_wide_formats(sweep);
  if (status == STATUS_OK && view && count == 1)
    add_companions(sweep);
  if (status == STATUS_OK)
    status = plan_lines(sweep, view, error);
  if (status == STATUS_OK && view)
    mark_present(sweep);
  if (status == STATUS_OK)
    sweep_rank(sweep, sweep->metric);
  if (status == STATUS_OK)
    *out = sweep;
  else
    sweep_free(sweep);
  return status;
}

enum status sweep_plan(const char *over, const struct quantizer *quantizers, size_t count,
                       struct sweep **out, struct error *error)
{
  return plan(over, quantizers, count, false, out, error);
}

enum status sweep_plan_view(const char *over, const struct quantizer *quantizers, size_t count,
                            struct sweep **out, struct error *error)
{
  return plan(over, quantizers, count, true, out, error);
}

void sweep_free(struct sweep *sweep)
{
  if (!sweep)
    return;
  for (size_t i = 0; i < sweep->notes; i++)
    free(sweep->note[i]);
  free(sweep->note);
  free(sweep->value);
  free(sweep->line);
  free(sweep->row);
  free(sweep->rank);
  free(sweep->standing);
  free(sweep);
}

struct sweep *sweep_copy(const struct sweep *sweep)
{
  struct sweep *copy = sweep_new(sweep->lines);
  if (!copy)
    return NULL;
  struct sweep own = *copy;
  *copy = *sweep;
  copy->value = memcpy(own.value, sweep->value, SWEEP_VALUES * sizeof *own.value);
  copy->line = memcpy(own.line, sweep->line, sweep->lines * sizeof *own.line);
  copy->row = memcpy(own.row, sweep->row, sweep->rows * sizeof *own.row);
  copy->rank = memcpy(own.rank, sweep->rank, sweep->rows * sizeof *own.rank);
  copy->standing = own.standing;
  copy->note = NULL;
  copy->notes = 0;
  bool good = true;
  for (size_t i = 0; i < sweep->notes && good; i++)
    good = add_note(copy, "%s", sweep->note[i]);
  if (good)
    return copy;
  sweep_free(copy);
  return NULL;
}

bool sweep_line_is_fixed(const struct sweep *sweep, size_t line)
{
  size_t i = 0;
  while (i + 1 < sweep->rows && sweep->row[i].line != line)
    i++;
  return sweep->row[i].fixed;
}

/* The spec of LINE without what the sweep replaces. */
static char *whole_label(const struct sweep *sweep, size_t line, char *text)
{
  char spec[QUANTIZER_TEXT], kept[QUANTIZER_TEXT];
  const struct sweep_kind *kind = sweep->kind;
  quantizer_print(&sweep->line[line], spec);
  if (sweep_line_is_fixed(sweep, line))
    return strcpy(text, spec);
  if (kind->replaced)
    spec_without(spec, kind->replaced, kept);
  else
    strcpy(kept, spec);
  size_t format = kind->any ? strcspn(kept, ",") : 0;
  snprintf(text, QUANTIZER_TEXT, "%s%.*s", kind->any ? kind->any : "", QUANTIZER_TEXT - 8,
           kept + format);
  return text;
}

char *sweep_label(const struct sweep *sweep, size_t line, char *text)
{
  char first[QUANTIZER_TEXT], whole[QUANTIZER_TEXT];
  whole_label(sweep, line, text);
  if (line < sweep->given)
    return text;
  spec_beyond(strcpy(whole, text), whole_label(sweep, 0, first), text);
  return *text ? text : strcpy(text, whole);
}

/* --- the front ------------------------------------------------------------------------------ */

static const struct {
  const char *name; /* of metric_table */
  bool less;        /* is better */
} ranks[SWEEP_METRICS] = {[SWEEP_SQNR] = {"sqnr_db", false},
                          [SWEEP_MSE] = {"mse", true},
                          [SWEEP_BULK] = {"bulk_sqnr_db", false}};

const char *sweep_metric_name(enum sweep_metric metric)
{
  return ranks[metric].name;
}

bool sweep_metric_find(const char *name, enum sweep_metric *out)
{
  for (size_t i = 0; i < SWEEP_METRICS; i++)
    if (strcmp(ranks[i].name, name) == 0) {
      *out = (enum sweep_metric)i;
      return true;
    }
  return false;
}

double sweep_metric_value(enum sweep_metric metric, const struct sweep_row *row)
{
  return row->state == SWEEP_DONE ? metric_find(ranks[metric].name)->value(&row->metrics)
                                  : (double)NAN;
}

/* The larger, the better; NaN: it does not exist. */
static double goodness(enum sweep_metric metric, const struct sweep_row *row)
{
  double value = sweep_metric_value(metric, row);
  return ranks[metric].less ? -value : value;
}

bool sweep_better(enum sweep_metric metric, const struct sweep_row *a, const struct sweep_row *b)
{
  double of_a = goodness(metric, a), of_b = goodness(metric, b);
  return of_a > of_b || (isnan(of_b) && !isnan(of_a));
}

static int in_order(const struct standing *a, const struct standing *b)
{
  return a->row < b->row ? -1 : a->row > b->row;
}

/* The best first, then what has no metric; among equals few bits first. */
static int by_metric(const void *one, const void *other)
{
  const struct standing *a = one, *b = other;
  if (isnan(a->good) || isnan(b->good))
    return isnan(a->good) && isnan(b->good) ? in_order(a, b) : isnan(a->good) ? 1 : -1;
  if (a->good != b->good)
    return a->good > b->good ? -1 : 1;
  return a->bits != b->bits ? (a->bits < b->bits ? -1 : 1) : in_order(a, b);
}

/* From the best to the worst a row is on the front when it costs less than all before it. */
void sweep_rank(struct sweep *sweep, enum sweep_metric metric)
{
  struct standing *standing = sweep->standing;
  double least = HUGE_VAL;
  sweep->metric = metric;
  for (size_t i = 0; i < sweep->rows; i++) {
    struct sweep_row *row = &sweep->row[i];
    row->pareto = false;
    standing[i] = (struct standing){row->metrics.bits_per_element, goodness(metric, row), row};
  }
  if (sweep->rows)
    qsort(standing, sweep->rows, sizeof *standing, by_metric);
  for (size_t i = 0; i < sweep->rows; i++) {
    const struct standing *at = &standing[i];
    sweep->rank[i] = (size_t)(at->row - sweep->row);
    at->row->pareto = !isnan(at->good) && at->bits < least && !sweep_is_elsewhere(sweep, at->row);
    least = at->row->pareto ? at->bits : least;
  }
}

/* --- measuring ------------------------------------------------------------------------------ */

/* A run of SWEEP over one tensor. */
struct run {
  struct sweep *sweep;
  const struct tensor *tensor;
  const struct sweep_request *request;
  struct result_request wanted; /* of each row: no metric of the channels is kept */
  struct sweep_data *data;      /* of the row, where it is not of the tensor */
  const struct theory_fit *fit; /* NULL when nothing is predicted */
  struct progress *progress;
};

static enum status predict(const struct run *run, struct sweep_row *row,
                           const struct result *result, struct error *error)
{
  struct theory_prediction prediction = {.sqnr_db = (double)NAN};
  const bool known = run->fit && !sweep_is_elsewhere(run->sweep, row);
  enum status status = known ? theory_predict(run->fit, result, &prediction, error) : STATUS_OK;
  row->predicted_sqnr_db = prediction.sqnr_db;
  return status;
}

/* What ROW is measured on, where that is not the tensor; batches and other data are the tensor's.
 */
static enum status go_elsewhere(const struct run *run, const struct sweep_row *row,
                                const struct tensor **tensor, struct result_request *wanted,
                                struct error *error)
{
  enum status status = sweep_data_open(run->data, run->sweep, row->value, run->progress, error);
  if (status != STATUS_OK)
    return status;
  *tensor = source_tensor(run->data->source, 0);
  wanted->facts = &run->data->facts;
  wanted->digest = run->data->digest;
  wanted->calibrated = (struct calibrated){.batching = {.on = false}};
  return STATUS_OK;
}

static enum status measure(const struct run *run, struct sweep_row *row, struct error *error)
{
  struct result *result;
  const struct tensor *tensor = run->tensor;
  struct result_request wanted = run->wanted;
  enum status status = sweep_is_elsewhere(run->sweep, row)
                           ? go_elsewhere(run, row, &tensor, &wanted, error)
                           : STATUS_OK;
  if (status == STATUS_OK)
    status = result_compute(tensor, &row->quantizer, &wanted, run->progress, &result, error);
  if (status == STATUS_OK) {
    row->metrics = result->metrics;
    status = predict(run, row, result, error);
    result_free(result);
  } else if (status != STATUS_CANCELLED) {
    char spec[QUANTIZER_TEXT];
    error_prefix(error, "%s: ", quantizer_print(&row->quantizer, spec));
  }
  return status;
}

/* The same quantizer in another line was measured already. */
static bool copy_twin(const struct sweep *sweep, struct sweep_row *row)
{
  for (const struct sweep_row *twin = sweep->row; twin < sweep->row + sweep->rows; twin++)
    if (twin->state == SWEEP_DONE && are_twins(sweep, twin, row)) {
      row->metrics = twin->metrics;
      row->predicted_sqnr_db = twin->predicted_sqnr_db;
      return true;
    }
  return false;
}

/* What is predicted is not kept. */
static bool recall(const struct run *run, struct sweep_row *row)
{
  const struct sweep_request *request = run->request;
  row->predicted_sqnr_db = (double)NAN;
  return !run->fit && request->recall &&
         request->recall(request->context, &row->quantizer, &row->metrics);
}

static enum status run_row(const struct run *run, struct sweep_row *row, struct error *error)
{
  const bool own = !sweep_is_elsewhere(run->sweep, row);
  if (copy_twin(run->sweep, row) || (own && recall(run, row)))
    return STATUS_OK;
  enum status status = measure(run, row, error);
  if (status == STATUS_OK && own && run->request->keep)
    run->request->keep(run->request->context, &row->quantizer, &row->metrics);
  return status;
}

static void tell(const struct run *run)
{
  sweep_rank(run->sweep, run->sweep->metric);
  if (run->request->news)
    run->request->news(run->request->context, run->sweep);
}

/* What does not fit this tensor is left out. */
static enum status run_or_leave_out(const struct run *run, struct sweep_row *row,
                                    struct error *error)
{
  struct sweep *sweep = run->sweep;
  struct error why = {.text = ""};
  enum status status = run_row(run, row, &why);
  if (status == STATUS_USAGE && add_note(sweep, "left out: %s", why.text)) {
    row->state = SWEEP_LEFT_OUT;
    row->note = sweep->notes - 1;
  } else if (status != STATUS_OK) {
    if (error)
      *error = why;
    return status;
  } else {
    row->state = SWEEP_DONE;
  }
  sweep->done++;
  return STATUS_OK;
}

static bool nothing_fits(const struct sweep *sweep)
{
  for (size_t i = 0; i < sweep->rows; i++)
    if (sweep->row[i].state != SWEEP_LEFT_OUT)
      return false;
  return sweep->rows > 0;
}

/* Progress goes by rows: their passes, each of which counts the elements, count for less. */
enum { ROW_WEIGHT = 16 };

static size_t row_weight(const struct run *run, const struct sweep_row *row)
{
  enum { SYNTHETIC = 1 << 20 };
  return ROW_WEIGHT * (sweep_is_elsewhere(run->sweep, row) ? SYNTHETIC : run->tensor->count) + 1;
}

/* Nothing was measured: the last reason is that of the whole. */
static enum status fail(struct sweep *sweep, struct error *error)
{
  char *last = sweep->note[--sweep->notes];
  error_set(error, STATUS_USAGE, "%s", last + strlen("left out: "));
  free(last);
  return STATUS_USAGE;
}

/* One of the rows that wait. */
static enum status take_row(const struct run *run, struct sweep_row *row, struct error *error)
{
  tell(run);
  enum status status = run_or_leave_out(run, row, error);
  progress_advance(run->progress, row_weight(run, row));
  return status;
}

/* Those that wait, in their order; those of the same data one after the other. */
static enum status take_rows(const struct run *run, struct error *error)
{
  struct sweep *sweep = run->sweep;
  enum status status = STATUS_OK;
  for (size_t value = 0; value < (sweep->kind->elsewhere ? sweep->values : 1); value++)
    for (size_t i = 0; i < sweep->rows && status == STATUS_OK; i++) {
      struct sweep_row *row = &sweep->row[i];
      if (row->state == SWEEP_WAITING && (!sweep_is_elsewhere(sweep, row) || row->value == value))
        status = take_row(run, row, error);
    }
  return status;
}

/* What people have is looked for first. */
static enum status run_rows(const struct run *run, struct error *error)
{
  struct sweep *sweep = run->sweep;
  struct sweep_row *present = sweep->present == SWEEP_NO_ROW ? NULL : &sweep->row[sweep->present];
  enum status status = STATUS_OK;
  size_t weight = 0;
  for (size_t i = 0; i < sweep->rows; i++)
    weight += sweep->row[i].state == SWEEP_WAITING ? row_weight(run, &sweep->row[i]) : 0;
  progress_expect(run->progress, weight);
  if (present && present->state == SWEEP_WAITING)
    status = take_row(run, present, error);
  if (status == STATUS_OK)
    status = take_rows(run, error);
  tell(run);
  return status == STATUS_OK && nothing_fits(sweep) ? fail(sweep, error) : status;
}

enum status sweep_run(struct sweep *sweep, const struct tensor *tensor,
                      const struct sweep_request *request, struct progress *progress,
                      struct error *error)
{
  static const struct sweep_request nothing = {.facts = NULL};
  struct sweep_data data = {.source = NULL};
  struct run run = {.sweep = sweep,
                    .tensor = tensor,
                    .request = request ? request : &nothing,
                    .data = &data,
                    .progress = progress};
  struct facts facts;
  struct digest *own = NULL;
  struct theory_fits fits = {.examined = 0};
  enum status status = STATUS_OK;
  if (run.request->facts)
    facts = *run.request->facts;
  else
    status = facts_of_tensor(tensor, progress, &facts, &own, error);
  const struct digest *digest = run.request->facts ? run.request->digest : own;
  if (status == STATUS_OK && sweep->theory)
    status = theory_fit(tensor, &facts, digest, &fits, error);
  run.fit = fits.examined ? &fits.fit[fits.best] : NULL;
  run.wanted = (struct result_request){.lo = (double)NAN,
                                       .hi = (double)NAN,
                                       .facts = &facts,
                                       .digest = digest,
                                       .calibrated = sweep->calibrated,
                                       .at_once = run.request->at_once};
  if (status == STATUS_OK)
    status = run_rows(&run, error);
  sweep_data_close(&data);
  digest_free(own);
  return status;
}
