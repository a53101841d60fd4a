#include "tui/cli/layer_run.h"

#include "quant/base/size.h"
#include "tui/cli/meter.h"
#include "tui/cli/work.h"

#include <string.h>

/* Reading the layer beside running a method on it, for the meter. */
enum { READ_WEIGHT = 1, RUN_WEIGHT = 16 };

/* --- the words -------------------------------------------------------------------------------- */

static enum status check_words(const struct layer_run *run, struct error *error)
{
  const struct recipe *recipe = run->recipe;
  int readers = 0;
  for (int i = 0; i < LAYER_PARTS; i++)
    readers += run->spec[i] && source_reads_stdin(run->spec[i]);
  if (readers > 1)
    return error_set(error, STATUS_USAGE, "only one source can be standard input");
  if (recipe->view.layer.hold_out > 0 && recipe->evaluate.source)
    return error_set(error, STATUS_USAGE, "--hold-out and --evaluate both name held-out tokens");
  return STATUS_OK;
}

static enum status plan_rows(struct layer_run *run, struct error *error)
{
  const struct recipe *recipe = run->recipe;
  const struct view_layer *layer = &recipe->view.layer;
  const size_t methods = layer->methods ? layer->methods : method_table_length;
  run->rows = recipe->quantizers * methods;
  run->row = mem_array(run->rows, sizeof *run->row);
  run->rank = mem_array(run->rows, sizeof *run->rank);
  if (!run->row || !run->rank)
    return error_memory(error, "the methods");
  for (size_t i = 0; i < run->rows; i++) {
    struct layer_ask *ask = &run->row[i].ask;
    ask->weight = recipe->quantizer[i / methods];
    ask->quantizes_activation = layer->quantizes_activation;
    ask->activation = layer->activation;
    ask->method =
        layer->methods ? layer->method[i % methods] : method_plain(&method_table[i % methods]);
  }
  return STATUS_OK;
}

enum status layer_run_plan(struct layer_run *run, const struct recipe *recipe, struct error *error)
{
  const char *const spec[LAYER_PARTS] = {
      [LAYER_WEIGHT] = recipe->source,
      [LAYER_ACTIVATION] = recipe->activation.source ? recipe->activation.source : LAYER_OWN_TOKENS,
      [LAYER_HELD_OUT] = recipe->evaluate.source};
  *run = (struct layer_run){
      .recipe = recipe,
      .of = {.hold_out = recipe->view.layer.hold_out, .transposed = recipe->view.layer.transposed}};
  for (int i = 0; i < LAYER_PARTS; i++)
    if (spec[i] && !(run->spec[i] = strdup(spec[i])))
      return error_memory(error, "the layer");
  enum status status = check_words(run, error);
  return status == STATUS_OK ? plan_rows(run, error) : status;
}

/* --- the layer -------------------------------------------------------------------------------- */

static enum status load(struct layer_run *run, enum layer_part part, struct error *error)
{
  const struct recipe *recipe = run->recipe;
  const char *const name[LAYER_PARTS] = {[LAYER_WEIGHT] = recipe->tensor,
                                         [LAYER_ACTIVATION] = recipe->activation.tensor,
                                         [LAYER_HELD_OUT] = recipe->evaluate.tensor};
  enum status status =
      source_open_as(run->spec[part], part == LAYER_WEIGHT ? recipe->input_format : NULL,
                     &run->of.source[part], error);
  if (status != STATUS_OK)
    return status;
  status = work_select_one(run->of.source[part], &name[part], name[part] != NULL,
                           &run->of.tensor[part], error);
  return status == STATUS_OK ? work_load(run->of.source[part], run->of.tensor[part], error)
                             : status;
}

/* Synthetic tokens are as wide as the layer where no shape is written; held-out ones are of the
 * same channels. */
static enum status load_tokens(struct layer_run *run, enum layer_part part, size_t columns,
                               struct error *error)
{
  if (!run->spec[part])
    return STATUS_OK;
  const char *like = part == LAYER_HELD_OUT ? run->spec[LAYER_ACTIVATION] : NULL;
  char *matched = layer_matched_source(run->spec[part], like, columns);
  if (!matched)
    return error_memory(error, "the layer");
  free(run->spec[part]);
  run->spec[part] = matched;
  return load(run, part, error);
}

static enum status open_problem(struct layer_run *run, struct error *error)
{
  size_t rows, columns;
  enum status status = load(run, LAYER_WEIGHT, error);
  if (status != STATUS_OK)
    return status;
  const struct layer_place weight = layer_sources_place(&run->of, LAYER_WEIGHT);
  status = layer_weight_shape(&weight, run->of.transposed, &rows, &columns, error);
  if (status == STATUS_OK)
    status = load_tokens(run, LAYER_ACTIVATION, columns, error);
  if (status == STATUS_OK)
    status = load_tokens(run, LAYER_HELD_OUT, columns, error);
  if (status != STATUS_OK)
    return status;
  const struct layer_question question = layer_sources_question(&run->of);
  status =
      layer_problem_open(&question, meter_task("the layer", READ_WEIGHT), &run->problem, error);
  run->open = status == STATUS_OK;
  return status;
}

/* --- running ---------------------------------------------------------------------------------- */

static enum status run_rows(struct layer_run *run, bool keep)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < run->rows && status == STATUS_OK; i++) {
    char name[METHOD_TEXT];
    struct layer_row *row = &run->row[i];
    status = layer_row_run(&run->problem, row, keep ? &run->made : NULL,
                           meter_task(method_print(&row->ask.method, name), RUN_WEIGHT));
  }
  layer_rank(run->row, run->rows, run->recipe->view.layer.sort, run->rank);
  return status;
}

/* Nothing could be done: the first reason is the error. */
static enum status check_rows(const struct layer_run *run, struct error *error)
{
  for (size_t i = 0; i < run->rows; i++)
    if (run->row[i].state == LAYER_DONE)
      return STATUS_OK;
  return error_set(error, STATUS_USAGE, "%s", run->row[0].reason);
}

enum status layer_run_all(struct layer_run *run, bool keep, struct error *error)
{
  meter_start(RUN_WEIGHT * run->rows + READ_WEIGHT);
  enum status status = open_problem(run, error);
  if (status == STATUS_OK)
    status = run_rows(run, keep);
  if (status == STATUS_OK)
    status = check_rows(run, error);
  for (int i = 0; i < LAYER_PARTS && status == STATUS_OK; i++)
    if (run->of.source[i])
      status = source_verify(run->of.source[i], error);
  return status;
}

void layer_run_clear(struct layer_run *run)
{
  layer_made_free(&run->made);
  for (size_t i = 0; run->row && i < run->rows; i++)
    layer_row_free(&run->row[i]);
  free(run->row);
  free(run->rank);
  if (run->open)
    layer_problem_close(&run->problem);
  for (int i = 0; i < LAYER_PARTS; i++) {
    source_close(run->of.source[i]);
    free(run->spec[i]);
  }
}
