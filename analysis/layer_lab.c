/* Runs of methods on a layer, and their order. */
#include "analysis/layer_lab.h"

#include "quant/base/clock.h"
#include "quant/base/size.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

const struct method *layer_default_method(size_t i, bool quantizes_activation)
{
  static const char *const name[] = {"rtn", "gptq", "awq", "smoothquant", "llm.int8"};
  static const size_t all = sizeof name / sizeof *name, of_weights = 3;
  for (size_t k = 0; k < (quantizes_activation ? all : of_weights); k++) {
    const struct method *method = method_find(name[k]);
    if (method && i-- == 0)
      return method;
  }
  return NULL;
}

bool layer_ask_same_quantizers(const struct layer_ask *a, const struct layer_ask *b)
{
  return quantizer_equal(&a->weight, &b->weight) &&
         a->quantizes_activation == b->quantizes_activation &&
         (!a->quantizes_activation || quantizer_equal(&a->activation, &b->activation));
}

bool layer_ask_equal(const struct layer_ask *a, const struct layer_ask *b)
{
  return layer_ask_same_quantizers(a, b) && method_choice_equal(&a->method, &b->method);
}

/* --- runs ------------------------------------------------------------------------------------- */

static enum status measure(struct layer_problem *problem, const struct layer_made *made,
                           struct layer_row *row, struct progress *progress, struct error *error)
{
  const struct layer *layer = &problem->layer;
  enum status status =
      layer_measure(layer, made, &problem->output, progress, &row->calibration, error);
  if (status == STATUS_OK && problem->held_out)
    status = layer_measure(layer, made, &problem->held_output, progress, &row->held_out, error);
  return status;
}

/* What people look at beside the numbers moves from MADE to ROW; the factors are copied, since
 * MADE may be kept. */
static bool take(struct layer_made *made, size_t columns, struct layer_row *row)
{
  memcpy(row->said, made->said, sizeof row->said);
  row->search = made->search;
  made->search = (struct method_search){0};
  if (!made->inputs.factor)
    return true;
  row->factor = mem_array(columns, sizeof *row->factor);
  if (row->factor)
    memcpy(row->factor, made->inputs.factor, columns * sizeof *row->factor);
  return row->factor != NULL;
}

/* The row as it was before it was run. */
static void forget(struct layer_row *row)
{
  const struct layer_ask ask = row->ask;
  layer_row_free(row);
  row->ask = ask;
}

static enum status run(struct layer_problem *problem, struct layer_row *row,
                       struct layer_made *made, bool keep, struct progress *progress,
                       struct error *error)
{
  const struct layer_task task = {.layer = &problem->layer,
                                  .weight = row->ask.weight,
                                  .quantizes_activation = row->ask.quantizes_activation,
                                  .activation = row->ask.activation,
                                  .method = row->ask.method,
                                  .keeps_codes = keep,
                                  .progress = progress};
  const double start = seconds_now();
  enum status status = method_run(&task, made, error);
  row->seconds = seconds_now() - start;
  if (status != STATUS_OK)
    return status;
  status = measure(problem, made, row, progress, error);
  if (status == STATUS_OK && !take(made, problem->layer.columns, row))
    status = error_memory(error, "the input channels");
  if (status != STATUS_OK || !keep)
    layer_made_free(made);
  return status;
}

enum status layer_row_run(struct layer_problem *problem, struct layer_row *row,
                          struct layer_made *made, struct progress *progress)
{
  struct layer_made own;
  struct error error = {0};
  enum status status = run(problem, row, made ? made : &own, made != NULL, progress, &error);
  if (status == STATUS_OK) {
    row->state = LAYER_DONE;
    return STATUS_OK;
  }
  forget(row);
  if (status == STATUS_CANCELLED)
    return status;
  row->state = LAYER_REFUSED;
  snprintf(row->reason, sizeof row->reason, "%s", error.text);
  return STATUS_OK;
}

void layer_row_free(struct layer_row *row)
{
  layer_numbers_free(&row->calibration);
  layer_numbers_free(&row->held_out);
  free(row->search.x);
  free(row->search.y);
  free(row->search.value);
  free(row->factor);
  *row = (struct layer_row){.state = LAYER_WAITING};
}

/* --- their order ------------------------------------------------------------------------------ */

const struct layer_numbers *layer_row_numbers(const struct layer_row *row)
{
  return row->held_out.tokens ? &row->held_out : &row->calibration;
}

/* False for NaN, too: a layer without a signal has no best. */
static bool is_better(const struct layer_row *row, const struct layer_row *than)
{
  return layer_row_numbers(row)->output_sqnr_db > layer_row_numbers(than)->output_sqnr_db;
}

size_t layer_best(const struct layer_row *rows, size_t count, size_t like)
{
  size_t best = count;
  for (size_t i = 0; i < count; i++)
    if (rows[i].state == LAYER_DONE && layer_ask_same_quantizers(&rows[i].ask, &rows[like].ask) &&
        !isnan(layer_row_numbers(&rows[i])->output_sqnr_db) &&
        (best == count || is_better(&rows[i], &rows[best])))
      best = i;
  return best;
}

/* What a row is sorted by, the least first; NAN: nothing is known. */
static double sort_key(const struct layer_row *row, size_t number, enum layer_sort sort)
{
  if (sort == LAYER_BY_METHOD)
    return (double)number;
  if (row->state != LAYER_DONE)
    return row->state == LAYER_REFUSED ? HUGE_VAL : (double)NAN;
  const double keys[LAYER_SORTS] = {[LAYER_BY_OUTPUT] = -row->calibration.output_sqnr_db,
                                    [LAYER_BY_HELD_OUT] = -layer_row_numbers(row)->output_sqnr_db,
                                    [LAYER_BY_WEIGHT] = -row->calibration.weight_sqnr_db,
                                    [LAYER_BY_BITS] = row->calibration.bits_per_weight,
                                    [LAYER_BY_TIME] = row->seconds};
  return keys[sort];
}

static bool comes_before(const struct layer_row *rows, size_t a, size_t b, enum layer_sort sort)
{
  const double one = sort_key(&rows[a], a, sort), other = sort_key(&rows[b], b, sort);
  if (isnan(one) || isnan(other))
    return !isnan(one) && isnan(other);
  return one < other;
}

void layer_rank(const struct layer_row *rows, size_t count, enum layer_sort sort, size_t *rank)
{
  for (size_t i = 0; i < count; i++) {
    size_t at = i;
    for (; at > 0 && comes_before(rows, i, rank[at - 1], sort); at--)
      rank[at] = rank[at - 1];
    rank[at] = i;
  }
}

size_t layer_group(const struct layer_row *rows, size_t i)
{
  size_t first = 0;
  while (!layer_ask_same_quantizers(&rows[first].ask, &rows[i].ask))
    first++;
  return first;
}

struct layer_spread layer_channel_spread(const struct layer_numbers *numbers)
{
  struct layer_spread spread = {(double)NAN, (double)NAN, 0};
  double *sqnr = mem_array(numbers->rows, sizeof *sqnr);
  size_t count = 0;
  for (size_t r = 0; sqnr && r < numbers->rows; r++) {
    const double db = layer_channel_sqnr(numbers, r);
    if (isnan(db))
      continue;
    if (count == 0 || db < spread.worst_db) {
      spread.worst_db = db;
      spread.worst = r;
    }
    sqnr[count++] = db;
  }
  if (count)
    spread.median_db = gsl_stats_median(sqnr, 1, count);
  free(sqnr);
  return spread;
}
