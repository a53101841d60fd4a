/* alternating: the scale and the zero point of each unit against the output error.
 *
 * With input channels taken as uncorrelated, the mean squared output error is a sum over the
 * weights: h_j (w'_rj - w_rj)^2, h_j = mean x_j^2, each row by itself. Rounds alternate, each unit
 * alone: weights are rounded to the nearest code, which is best whatever h is; then the scale and
 * the zero point are solved for with these codes (quant/line_fit.h). Neither step can raise the
 * loss. The correlation of channels, which is left out here, is what gptq is about. */
#include "quant/base/size.h"
#include "quant/fit.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"
#include "quant/line_fit.h"
#include "quant/scale_rule.h"

#include <math.h>
#include <stdio.h>

enum { CHUNK = 1 << 16 }; /* elements that one job refines, at least */

struct refinement {
  const struct layer *layer;
  struct fit *fit;
  struct calibration calibration;
  size_t rounds, units; /* units of a chunk */
  double *loss;         /* of each chunk: after 0, 1, ... rounds */
  struct progress *progress;
};

/* Adds up UNIT under its present scale; returns the sum of the weights. */
static double sum_unit(const struct refinement *job, size_t unit, struct line_sums *sums)
{
  const struct grain *grain = fit_grain(job->fit);
  const size_t size = grain_unit_size(grain, unit), columns = job->layer->columns;
  double total = 0;
  *sums = (struct line_sums){0};
  for (size_t start = 0; start < size; start += FEED_BLOCK) {
    const size_t n = size_min(FEED_BLOCK, size - start);
    float x[FEED_BLOCK], y[FEED_BLOCK];
    double h[FEED_BLOCK];
    for (size_t k = 0; k < n; k++) {
      const size_t at = grain_element(grain, unit, start + k);
      x[k] = job->layer->weight[at];
      h[k] = job->layer->power[at % columns];
    }
    fit_run(job->fit, unit, x, n, y);
    for (size_t k = 0; k < n; k++) {
      const double a = (double)x[k], b = (double)y[k];
      total += h[k];
      sums->x += h[k] * a;
      sums->y += h[k] * b;
      sums->xx += h[k] * a * a;
      sums->xy += h[k] * a * b;
      sums->yy += h[k] * b * b;
    }
  }
  return total;
}

static bool differ(struct scaling a, struct scaling b)
{
  return a.scale != b.scale || a.zero != b.zero || a.offset != b.offset;
}

/* Refines UNIT until nothing moves; adds its least loss so far to LOSS of each round. */
static void refine_unit(const struct refinement *job, size_t unit, double *loss)
{
  struct line_sums sums;
  double count = sum_unit(job, unit, &sums), least = fmax(line_error(&sums), 0);
  struct scaling best = fit_scaling(job->fit, unit), now = best;
  bool moving = true;
  loss[0] += least;
  for (size_t round = 1; round <= job->rounds; round++) {
    const struct scaling next = moving ? line_fit(&job->calibration, now, &sums, count) : now;
    moving = moving && differ(next, now) && !progress_cancelled(job->progress);
    if (moving) {
      fit_set_scaling(job->fit, unit, next);
      now = next;
      sum_unit(job, unit, &sums);
      if (line_error(&sums) < least) {
        least = fmax(line_error(&sums), 0);
        best = now;
      }
    }
    loss[round] += least;
  }
  fit_set_scaling(job->fit, unit, best);
}

static void refine_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct refinement *job = context;
  const size_t first = chunk * job->units,
               end = size_min(fit_grain(job->fit)->units, first + job->units);
  (void)worker;
  for (size_t unit = first; unit < end; unit++) {
    refine_unit(job, unit, job->loss + chunk * (job->rounds + 1));
    progress_advance(job->progress, grain_unit_size(fit_grain(job->fit), unit) * job->rounds);
  }
}

/* The loss by round as MADE's search. */
static enum status tell_rounds(const struct refinement *job, size_t chunks, struct layer_made *made,
                               struct error *error)
{
  const size_t width = job->rounds + 1;
  struct method_search *search = &made->search;
  *search = (struct method_search){.across = "rounds",
                                   .loss = "output MSE, channels taken as uncorrelated",
                                   .width = width,
                                   .height = 1,
                                   .x = mem_array(width, sizeof(double)),
                                   .value = mem_array(width, sizeof(double)),
                                   .best = job->rounds};
  if (!search->x || !search->value)
    return error_memory(error, "the rounds");
  for (size_t i = 0; i < width; i++) {
    search->x[i] = (double)i;
    for (size_t chunk = 0; chunk < chunks; chunk++)
      search->value[i] += job->loss[chunk * width + i];
    search->value[i] /= (double)job->layer->rows;
  }
  while (search->best > 0 && search->value[search->best - 1] <= search->value[search->best])
    search->best--;
  snprintf(made->said, sizeof made->said,
           "%zu round%s: output MSE %.4g, %.4g before, channels taken as uncorrelated",
           search->best, search->best == 1 ? "" : "s", search->value[search->best],
           search->value[0]);
  return STATUS_OK;
}

static enum status refine(struct refinement *job, struct layer_made *made, struct error *error)
{
  const struct grain *grain = fit_grain(job->fit);
  const size_t size = size_div_up(grain->count, grain->units);
  job->units = size_div_up(CHUNK, size);
  const size_t chunks = size_div_up(grain->units, job->units);
  size_t sums;
  job->loss = size_mul(chunks, job->rounds + 1, &sums) ? mem_array(sums, sizeof *job->loss) : NULL;
  if (!job->loss)
    return error_memory(error, "the rounds");
  progress_expect(job->progress, grain->count * job->rounds);
  enum status status = pool_for(chunks, refine_chunk, job, job->progress);
  return status == STATUS_OK ? tell_rounds(job, chunks, made, error) : status;
}

static enum status choose(const struct layer_task *task, struct quantizer *out, struct error *error)
{
  const char *format = task->weight.format->name;
  *out = task->weight;
  if (out->by == BY_FORMAT || out->by == BY_SCALE)
    return error_set(error, STATUS_USAGE,
                     out->by == BY_FORMAT ? "%s chooses the scales of its blocks itself"
                                          : "%s has its scale by hand: there is none to refine",
                     format);
  if (out->rounding == ROUND_ZERO || out->rounding == ROUND_STOCHASTIC)
    return error_set(error, STATUS_USAGE, "the rounds need rounding to the nearest code");
  if (method_value(task, "free") > 0 && !out->asymmetric)
    return error_set(error, STATUS_USAGE, "free needs a zero point: %s,asym", format);
  if (method_value(task, "free") > 0)
    out->rule = scale_rule_find("free-minimum");
  return quantizer_check(out, error);
}

enum status alternating_run(const struct layer_task *task, struct layer_made *made,
                            struct error *error)
{
  const struct layer *layer = task->layer;
  const struct shape shape = {2, {layer->rows, layer->columns}};
  const size_t count = layer->rows * layer->columns;
  const struct feed feed = feed_floats(layer->weight, count);
  struct refinement job = {
      .layer = layer, .rounds = (size_t)method_value(task, "rounds"), .progress = task->progress};
  struct quantizer quantizer;
  enum status status = choose(task, &quantizer, error);
  if (status == STATUS_OK)
    status = quantizer_fit(&quantizer, &feed, &shape, task->progress, &job.fit, error);
  if (status != STATUS_OK)
    return status;
  job.calibration = fit_calibration(&quantizer);
  made->weight = mem_array(count, sizeof *made->weight);
  status = made->weight ? refine(&job, made, error) : error_memory(error, "the weights");
  if (status == STATUS_OK)
    status = layer_round_fit(job.fit, layer->weight, layer->rows, layer->columns, made->weight,
                             &made->stored_bits, task->keeps_codes ? &made->codes : NULL,
                             task->progress, error);
  fit_free(job.fit);
  free(job.loss);
  return status;
}
