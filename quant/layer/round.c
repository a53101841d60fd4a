#include "quant/layer/round.h"

#include "quant/base/size.h"

#include <string.h>

struct round_job {
  const struct fit *fit;
  const float *values;
  size_t count;
  float *out;
  uint16_t *code;
};

static void round_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct round_job *job = context;
  const size_t first = chunk * FEED_CHUNK, end = size_min(job->count, first + FEED_CHUNK);
  float block[FEED_BLOCK];
  (void)worker;
  for (size_t start = first; start < end; start += FEED_BLOCK) {
    const size_t n = size_min(FEED_BLOCK, end - start);
    memcpy(block, job->values + start, n * sizeof *block);
    fit_round_trip(job->fit, start, n, block, job->out + start,
                   job->code ? job->code + start : NULL);
  }
}

/* Scales lie one behind the other for each group of each row. */
static bool has_rows(const struct fit *fit)
{
  const struct grain *grain = fit_grain(fit);
  return fit_quantizer(fit)->by != BY_FORMAT && (grain->kind != GRAIN_CHANNEL || grain->outer == 1);
}

static bool make_codes(const struct fit *fit, size_t rows, size_t columns,
                       struct method_codes *codes)
{
  const struct grain *grain = fit_grain(fit);
  codes->groups = grain->kind == GRAIN_GROUP ? grain->groups : 1;
  codes->code = mem_array(rows * columns, sizeof *codes->code);
  codes->scale = mem_array(rows * codes->groups, sizeof *codes->scale);
  if (fit_quantizer(fit)->asymmetric)
    codes->zero = mem_array(rows * codes->groups, sizeof *codes->zero);
  if (!codes->code || !codes->scale || (fit_quantizer(fit)->asymmetric && !codes->zero))
    return false;
  for (size_t i = 0; i < rows * codes->groups; i++) {
    const size_t unit = grain->kind == GRAIN_TENSOR ? 0 : i;
    codes->scale[i] = fit_scale(fit, unit);
    if (codes->zero)
      codes->zero[i] = fit_has_offset(fit) ? -fit_offset(fit, unit) / fit_scale(fit, unit)
                                           : (float)fit_zero_point(fit, unit);
  }
  return true;
}

enum status layer_round_fit(const struct fit *fit, const float *values, size_t rows, size_t columns,
                            float *out, double *bits, struct method_codes *codes,
                            struct progress *progress, struct error *error)
{
  struct round_job job = {.fit = fit, .values = values, .count = rows * columns, .out = out};
  if (bits)
    *bits = fit_bits_per_element(fit) * (double)job.count;
  if (codes && has_rows(fit) && !make_codes(fit, rows, columns, codes))
    return error_memory(error, "codes");
  job.code = codes ? codes->code : NULL;
  return pool_for(size_div_up(job.count, FEED_CHUNK), round_chunk, &job, progress);
}

enum status layer_round(const struct quantizer *quantizer, const float *values, size_t rows,
                        size_t columns, float *out, double *bits, struct method_codes *codes,
                        struct progress *progress, struct error *error)
{
  const struct shape shape = {2, {rows, columns}};
  const struct feed feed = feed_floats(values, rows * columns);
  struct fit *fit;
  enum status status = quantizer_fit(quantizer, &feed, &shape, progress, &fit, error);
  if (status != STATUS_OK)
    return status;
  status = layer_round_fit(fit, values, rows, columns, out, bits, codes, progress, error);
  fit_free(fit);
  return status;
}

enum status layer_round_turned(const struct layer_task *task, const struct quantizer *quantizer,
                               struct layer_made *made, struct error *error)
{
  const size_t rows = task->layer->rows, columns = task->layer->columns;
  float *weight = made->weight;
  layer_inputs_turn(&made->inputs, task->layer->weight, rows, columns, true, false, weight);
  enum status status = layer_round(quantizer, weight, rows, columns, weight, &made->stored_bits,
                                   task->keeps_codes ? &made->codes : NULL, task->progress, error);
  if (status == STATUS_OK)
    layer_inputs_turn(&made->inputs, weight, rows, columns, true, true, weight);
  return status;
}

bool layer_scales_rows(const struct quantizer *quantizer)
{
  const struct granularity *granularity = &quantizer->granularity;
  if (quantizer->by == BY_FORMAT)
    return false;
  if (granularity->kind == GRAIN_CHANNEL)
    return granularity->axis == 0 || granularity->axis == -2;
  return granularity->kind == GRAIN_GROUP || granularity->kind == GRAIN_TOKEN;
}

enum status layer_scale_bits(const struct quantizer *quantizer, double *bits, struct error *error)
{
  const float one = 1;
  const struct feed feed = feed_floats(&one, 1);
  const struct shape shape = {2, {1, 1}};
  struct fit *fit;
  enum status status = quantizer_fit(quantizer, &feed, &shape, NULL, &fit, error);
  if (status != STATUS_OK)
    return status;
  *bits = fit_bits_per_element(fit) - quantizer->format->bits;
  fit_free(fit);
  return STATUS_OK;
}
