/* Rules that shrink the range by fixed factors and keep the one with the least sum of
 * |x - y|^norm; the first of equals wins. The candidates are ranges, so the scale rule of the spec
 * makes scales and zero points of them: under a reference's own rule this is the reference.
 *
 * llmcompressor-mse: both ends by 1 - i / grid for i < maxshrink * grid, until PATIENCE factors in
 * a row are no improvement (vllm-project/llm-compressor: observers/mse.py). There the factors count
 * that improve no unit at all, so with several units patience does not run out; here it is for
 * a unit that stands alone.
 * gptq-mse: the same without patience (IST-DASLab/gptq: quant.py).
 * awq-clip: clips |x| at 1.00, 0.95 ... 0.55 of the unit's largest magnitude
 * (mit-han-lab/llm-awq: quantize/auto_clip.py; the error there is that of the layer's output, for
 * which activations are needed: here it is that of the weights alone).
 *
 * The references sum in float32: a sum beyond its largest number is infinite, and nothing is below
 * that. */
#include "quant/base/size.h"
#include "quant/calibrators.h"
#include "quant/sketch.h"
#include "quant/trial.h"

#include <float.h>
#include <math.h>

enum { NORM, MAX_SHRINK, GRID, PATIENCE, BATCH = 8 };

struct shrinking {
  double norm, grid;
  size_t candidates;
  size_t patience; /* 0: to the end */
  void (*range)(const struct sample *sample, float factor, struct choice *out);
};

struct search {
  const struct calibration *calibration;
  const struct sample *sample;
  const struct shrinking *rule;
  double least;
  size_t best, failures; /* factor number; factors in a row that did not improve */
  bool done;
};

static void shrink_ends(const struct sample *sample, float factor, struct choice *out)
{
  *out =
      (struct choice){.lo = (double)(factor * sample->min), .hi = (double)(factor * sample->max)};
}

static void clip_magnitudes(const struct sample *sample, float factor, struct choice *out)
{
  float clip = factor * sample_absmax(sample);
  *out = (struct choice){.lo = (double)fmaxf(sample->min, -clip),
                         .hi = (double)fminf(sample->max, clip)};
}

static float factor_of(const struct shrinking *rule, size_t i)
{
  return (float)(1 - (double)i / rule->grid);
}

/* Takes the measured trials, of factors NUMBER, into account. */
static void judge(struct search *search, const struct trials *trials, const size_t *number)
{
  double limit = ldexp((double)FLT_MAX, (int)-lrint(trials->exponent * trials->norm));
  for (size_t i = 0; i < trials->count && !search->done; i++) {
    bool better = trials->error[i] < search->least && trials->error[i] <= limit;
    if (better) {
      search->least = trials->error[i];
      search->best = number[i];
    }
    search->failures = better ? 0 : search->failures + 1;
    search->done = search->rule->patience > 0 && search->failures >= search->rule->patience;
  }
}

/* Measures factors NUMBER on SAMPLE; ERRORS (may be NULL) gets them. */
static enum status measure(struct search *search, const struct sample *sample, const size_t *number,
                           size_t count, double *errors, struct error *error)
{
  struct trials trials = trials_make(search->calibration, sample, search->rule->norm);
  struct choice choice;
  double clipping = 0;
  for (size_t i = 0; i < count; i++) {
    search->rule->range(sample, factor_of(search->rule, number[i]), &choice);
    trials_add(&trials, &choice);
  }
  enum status status = trials_measure(&trials, sample, error);
  if (status != STATUS_OK)
    return status;
  judge(search, &trials, number);
  for (size_t i = 0; errors && i < count; i++)
    errors[i] = trials.error[i];
  if (search->done || number[count - 1] + 1 == search->rule->candidates)
    return STATUS_OK;
  status = trials_clipping(&trials, count - 1, sample, &clipping, error);
  search->done = clipping > search->least * 1.001;
  return status;
}

/* All factors on SAMPLE, in order; those never reached have an infinite error. */
static enum status measure_all(struct search *search, const struct sample *sample, double *errors,
                               struct error *error)
{
  enum status status = STATUS_OK;
  size_t candidates = search->rule->candidates, number[BATCH];
  for (size_t i = 0; i < candidates && !search->done && status == STATUS_OK; i += BATCH) {
    size_t count = size_min(BATCH, candidates - i);
    for (size_t k = 0; k < count; k++)
      number[k] = i + k;
    status = measure(search, sample, number, count, errors ? errors + i : NULL, error);
  }
  return status;
}

/* The factors whose error in the sketch is within a few thousandths of the least, on the values. */
static enum status settle(struct search *search, const double *errors, struct error *error)
{
  double near = search->least * 1.004;
  size_t candidates = search->rule->candidates, number[BATCH], count = 0;
  enum status status = STATUS_OK;
  *search = (struct search){.calibration = search->calibration,
                            .sample = search->sample,
                            .rule = search->rule,
                            .least = HUGE_VAL};
  for (size_t i = 0; i < candidates && status == STATUS_OK; i++) {
    if (errors[i] <= near)
      number[count++] = i;
    if (count == BATCH || (count > 0 && i + 1 == candidates)) {
      status = measure(search, search->sample, number, count, NULL, error);
      count = 0;
    }
  }
  return status;
}

/* Large units: a sketch tells which factors are worth measuring. With patience, which counts
 * every small improvement, nothing can be left out. */
static enum status search_sketch(struct search *search, struct error *error)
{
  size_t candidates = search->rule->candidates;
  struct sketch sketch;
  double *errors = mem_array(candidates, sizeof *errors);
  for (size_t i = 0; errors && i < candidates; i++)
    errors[i] = HUGE_VAL;
  enum status status = errors ? sketch_make(search->sample, &sketch) : STATUS_MEMORY;
  if (status != STATUS_OK) {
    free(errors);
    return status == STATUS_MEMORY ? error_memory(error, "the sketch of the values")
                                   : error_set(error, status, "cancelled");
  }
  status = measure_all(search, &sketch.sample, errors, error);
  if (status == STATUS_OK)
    status = settle(search, errors, error);
  sketch_free(&sketch);
  free(errors);
  return status;
}

static enum status search_factors(const struct calibration *calibration,
                                  const struct sample *sample, const struct shrinking *rule,
                                  struct choice *choice, struct error *error)
{
  struct search search = {
      .calibration = calibration, .sample = sample, .rule = rule, .least = HUGE_VAL};
  bool few = sample_is_small(sample) || rule->patience > 0 || rule->candidates <= 2 * BATCH;
  enum status status =
      few ? measure_all(&search, sample, NULL, error) : search_sketch(&search, error);
  rule->range(sample, factor_of(rule, search.best), choice);
  choice->at_end = search.best == 0 || search.best + 1 == rule->candidates;
  return status;
}

static enum status shrink_both(const struct calibration *calibration, const struct sample *sample,
                               size_t patience, struct choice *choice, struct error *error)
{
  const double *option = calibration->option;
  const struct shrinking rule = {.norm = option[NORM],
                                 .grid = option[GRID],
                                 .candidates =
                                     size_max((size_t)(option[MAX_SHRINK] * option[GRID]), 1),
                                 .patience = patience,
                                 .range = shrink_ends};
  return search_factors(calibration, sample, &rule, choice, error);
}

enum status llmcompressor_mse_choose(const struct calibration *calibration,
                                     const struct sample *sample, struct choice *choice,
                                     struct error *error)
{
  const struct grain *grain = sample_batch(sample, 0)->grain;
  bool alone = !grain || grain->units == 1;
  return shrink_both(calibration, sample, alone ? (size_t)calibration->option[PATIENCE] : 0, choice,
                     error);
}

enum status gptq_mse_choose(const struct calibration *calibration, const struct sample *sample,
                            struct choice *choice, struct error *error)
{
  return shrink_both(calibration, sample, 0, choice, error);
}

enum status awq_clip_choose(const struct calibration *calibration, const struct sample *sample,
                            struct choice *choice, struct error *error)
{
  static const struct shrinking rule = {
      .norm = 2, .grid = 20, .candidates = 10, .range = clip_magnitudes};
  return search_factors(calibration, sample, &rule, choice, error);
}
