/* The experiments: the table, and how one is measured. */
#include "analysis/experiments.h"

#include "analysis/exp_layer.h"
#include "analysis/result.h"
#include "data/source.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>

const struct experiment *const experiment_table[] = {
    &exp_rulers,      &exp_clipping,    &exp_one_outlier, &exp_percentile,   &exp_calibrators,
    &exp_two_metrics, &exp_utilisation, &exp_fp8_or_int8, &exp_fp8_scale,    &exp_which_error,
    &exp_wasted_half, &exp_zero_point,  &exp_group_size,  &exp_ggml_blocks,  &exp_outlier_channels,
    &exp_smoothquant, &exp_awq,         &exp_gptq,        &exp_scale_search, &exp_moving_targets,
};
const size_t experiment_table_length = sizeof experiment_table / sizeof *experiment_table;

const struct experiment *experiment_find(const char *name)
{
  for (size_t i = 0; i < experiment_table_length; i++)
    if (strcmp(experiment_table[i]->name, name) == 0)
      return experiment_table[i];
  return NULL;
}

/* --- one state after the other ---------------------------------------------------------------- */

/* What the rows before have left open. */
struct bench {
  const char *at_source, *at_spec;
  struct source *source;
  struct result *result;
  struct layer_trial trial;
  float *y;     /* NULL until it is asked for */
  bool details; /* some row needs relative errors */
  struct progress *progress;
};

static void drop_result(struct bench *bench)
{
  result_free(bench->result);
  free(bench->y);
  bench->result = NULL;
  bench->y = NULL;
}

static void bench_clear(struct bench *bench)
{
  drop_result(bench);
  layer_trial_clear(&bench->trial);
  source_close(bench->source);
}

static enum status open_source(struct bench *bench, const char *spec, struct error *error)
{
  drop_result(bench);
  layer_trial_clear(&bench->trial);
  source_close(bench->source);
  bench->source = NULL;
  bench->at_source = spec;
  enum status status = source_open(spec, &bench->source, error);
  return status == STATUS_OK ? source_load(bench->source, 0, bench->progress, error) : status;
}

static enum status quantize(struct bench *bench, const char *spec, struct error *error)
{
  struct quantizer quantizer;
  struct result_request request = {.details = bench->details, .lo = (double)NAN, .hi = (double)NAN};
  drop_result(bench);
  bench->at_spec = spec;
  enum status status = quantizer_parse(spec, &quantizer, error);
  return status == STATUS_OK ? result_compute(source_tensor(bench->source, 0), &quantizer, &request,
                                              bench->progress, &bench->result, error)
                             : status;
}

/* A method on the layer of WEIGHT and the tokens that are open. */
static enum status run_layer(struct bench *bench, const char *weight, const char *spec,
                             struct error *error)
{
  enum status status = STATUS_OK;
  bench->at_spec = spec;
  if (bench->trial.layer.rows == 0)
    status = layer_trial_open(&bench->trial, weight, source_tensor(bench->source, 0),
                              bench->progress, error);
  return status == STATUS_OK ? layer_trial_run(&bench->trial, spec, bench->progress, error)
                             : status;
}

static bool differs(const char *a, const char *b)
{
  return !b || strcmp(a, b) != 0;
}

/* The state of ROW: that of the row before, as far as it says nothing else. */
static enum status set_up(struct bench *bench, const char *weight, const struct experiment_row *row,
                          struct error *error)
{
  enum status status = STATUS_OK;
  if (row->source && differs(row->source, bench->at_source))
    status = open_source(bench, row->source, error);
  const char *spec = row->spec ? row->spec : bench->at_spec;
  const bool layer = layer_trial_is(spec);
  const bool done = layer ? bench->trial.made.weight != NULL : bench->result != NULL;
  if (status == STATUS_OK && (!done || differs(spec, bench->at_spec)))
    status = layer ? run_layer(bench, weight, spec, error) : quantize(bench, spec, error);
  return status;
}

/* --- measuring -------------------------------------------------------------------------------- */

static const struct experiment_measure *measure_find(const char *name)
{
  for (size_t i = 0; i < experiment_measures_length; i++)
    if (strcmp(experiment_measures[i].name, name) == 0)
      return &experiment_measures[i];
  return NULL;
}

static enum status reconstruct(struct bench *bench, const float *x, size_t count,
                               struct error *error)
{
  if (!bench->y && !(bench->y = mem_array(count, sizeof *bench->y)))
    return error_memory(error, "a reconstruction");
  for (size_t start = 0; start < count; start += FEED_BLOCK)
    fit_round_trip(bench->result->fit, start, size_min(FEED_BLOCK, count - start), x + start,
                   bench->y + start, NULL);
  return STATUS_OK;
}

static enum status measure_layer(struct bench *bench, const struct experiment_measure *own,
                                 const char *name, double *value, struct error *error)
{
  if (!own || own->needs < NEEDS_RUN)
    return error_set(error, STATUS_USAGE, "a layer has no metric %s", name);
  const struct measured measured = {.trial = &bench->trial, .parameter = own->parameter};
  enum status status = STATUS_OK;
  if (own->needs != NEEDS_RUN)
    status =
        layer_trial_measure(&bench->trial, own->needs == NEEDS_HELD_OUT, bench->progress, error);
  if (status == STATUS_OK)
    *value = own->value(&measured);
  return status;
}

static enum status measure(struct bench *bench, const char *name, double *value,
                           struct error *error)
{
  const struct metric *metric = metric_find(name);
  const struct experiment_measure *own = measure_find(name);
  const struct tensor *tensor = source_tensor(bench->source, 0);
  if (layer_trial_is(bench->at_spec))
    return measure_layer(bench, own, name, value, error);
  if (metric)
    *value = metric->value(&bench->result->metrics);
  if (metric)
    return STATUS_OK;
  if (!own || own->needs >= NEEDS_RUN)
    return error_set(error, STATUS_USAGE, "there is no metric %s", name);
  const float *x = (const float *)(const void *)tensor->data; /* synthetic: float32, native */
  enum status status =
      own->needs == NEEDS_Y ? reconstruct(bench, x, tensor->count, error) : STATUS_OK;
  struct measured measured = {.x = x,
                              .y = bench->y,
                              .count = tensor->count,
                              .columns = tensor->shape.dim[tensor->shape.dims - 1],
                              .result = bench->result,
                              .parameter = own->parameter};
  if (status == STATUS_OK)
    *value = own->value(&measured);
  return status;
}

/* What takes passes of its own. */
static bool wants_details(const struct experiment *experiment)
{
  for (size_t i = 0; i < experiment->rows; i++)
    if (experiment->row[i].metric && (strstr(experiment->row[i].metric, "relative_error_p") ||
                                      strstr(experiment->row[i].metric, "kl_divergence")))
      return true;
  return false;
}

size_t experiment_states(const struct experiment *experiment)
{
  size_t states = 0;
  for (size_t i = 0; i < experiment->rows; i++)
    states += experiment->row[i].spec != NULL;
  return states;
}

enum status experiment_run(const struct experiment *experiment, struct progress *progress,
                           struct experiment_answer *answer, struct error *error)
{
  struct bench bench = {.progress = progress, .details = wants_details(experiment)};
  enum status status = STATUS_OK;
  answer->holds = true;
  for (size_t i = 0; i < experiment->rows && status == STATUS_OK; i++) {
    const struct experiment_row *row = &experiment->row[i];
    double *value = &answer->value[i];
    if (row->metric)
      status = set_up(&bench, experiment->weight, row, error);
    else
      *value = answer->value[row->a] - answer->value[row->b];
    if (status == STATUS_OK && row->metric)
      status = measure(&bench, row->metric, value, error);
    answer->within[i] = *value >= row->least && *value <= row->most;
    answer->holds = answer->holds && answer->within[i];
  }
  bench_clear(&bench);
  if (status != STATUS_OK)
    error_prefix(error, "experiment %s: ", experiment->name);
  return status;
}

/* --- words ------------------------------------------------------------------------------------ */

const char *experiment_metric(const struct experiment *experiment, size_t row)
{
  while (!experiment->row[row].metric)
    row = experiment->row[row].a;
  return experiment->row[row].metric;
}

char *experiment_print(const struct experiment *experiment, size_t row, double value, char *text,
                       size_t size)
{
  const char *name = experiment_metric(experiment, row);
  const struct metric *metric = metric_find(name);
  const struct experiment_measure *own = measure_find(name);
  struct metric like = {.unit = own ? own->unit : ""};
  if (isinf(value))
    snprintf(text, size, "%s", value > 0 ? "more" : "less");
  else
    metric_print(metric ? metric : &like, value, text, size);
  return text;
}

char *experiment_bounds(const struct experiment *experiment, size_t row, char *text, size_t size)
{
  const struct experiment_row *bounds = &experiment->row[row];
  char least[48], most[48];
  experiment_print(experiment, row, bounds->least, least, sizeof least);
  experiment_print(experiment, row, bounds->most, most, sizeof most);
  if (isinf(bounds->least) && isinf(bounds->most))
    *text = '\0';
  else if (isinf(bounds->most))
    snprintf(text, size, "at least %s", least);
  else if (isinf(bounds->least))
    snprintf(text, size, "at most %s", most);
  else if (bounds->least < bounds->most)
    snprintf(text, size, "%s to %s", least, most);
  else
    snprintf(text, size, "%s", least);
  return text;
}
