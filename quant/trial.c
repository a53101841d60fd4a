#include "quant/trial.h"

#include "quant/base/size.h"

#include <float.h>
#include <math.h>

struct trials trials_make(const struct calibration *calibration, const struct sample *sample,
                          double norm)
{
  struct trials trials = {.calibration = calibration, .norm = norm};
  frexpf(sample_absmax(sample), &trials.exponent);
  if (trials.exponent < 1 - FLT_MAX_EXP) /* the factor must be a float32 */
    trials.exponent = 1 - FLT_MAX_EXP;
  return trials;
}

void trials_add(struct trials *trials, const struct choice *choice)
{
  calibration_scale(trials->calibration, choice, &trials->scaling[trials->count++]);
}

struct measurement {
  const struct trials *trials;
  struct grid grid;
  struct unit unit[TRIALS_MOST];
  float shrink;  /* 2^-exponent */
  double square; /* its square */
};

/* N <= FEED_BLOCK. */
static void measure_block(void *state, const float *x, const uint64_t *counts, size_t n,
                          const void *context)
{
  const struct measurement *m = context;
  const struct family *family = m->grid.format->family;
  double *errors = state, norm = m->trials->norm;
  float y[FEED_BLOCK];
  for (size_t i = 0; i < m->trials->count; i++) {
    if (norm == 2 && !counts) {
      errors[i] += m->square * family->sse(&m->grid, &m->unit[i], x, n);
      continue;
    }
    family->run(&m->grid, &m->unit[i], x, n, y, NULL);
    errors[i] += norm == 2 ? m->square * kernels.counted_error(x, y, counts, n)
                           : kernels.power_error(x, y, counts, n, norm, m->shrink);
  }
}

static void merge_errors(void *into, const void *from, const void *context)
{
  const struct measurement *m = context;
  double *sum = into;
  const double *errors = from;
  for (size_t i = 0; i < m->trials->count; i++)
    sum[i] += errors[i];
}

static enum status failure(enum status status, struct error *error)
{
  if (status == STATUS_MEMORY)
    return error_memory(error, "the errors of the candidates");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}

enum status trials_measure(struct trials *trials, const struct sample *sample, struct error *error)
{
  struct measurement m = {.trials = trials,
                          .grid = calibration_grid(trials->calibration),
                          .shrink = ldexpf(1, -trials->exponent),
                          .square = ldexp(1, -2 * trials->exponent)};
  for (size_t i = 0; i < trials->count; i++)
    m.unit[i] = calibration_unit(&m.grid, &trials->scaling[i]);
  struct visitor visitor = {.state_size = trials->count * sizeof *trials->error,
                            .block = measure_block,
                            .merge = merge_errors,
                            .context = &m};
  return failure(sample_visit(sample, &visitor, trials->error), error);
}

struct clipping {
  float lo, hi, shrink;
  double norm;
};

/* N <= FEED_BLOCK. */
static void clip_block(void *state, const float *x, const uint64_t *counts, size_t n,
                       const void *context)
{
  const struct clipping *clipping = context;
  float y[FEED_BLOCK], lo = clipping->lo, hi = clipping->hi;
  for (size_t i = 0; i < n; i++) {
    float raised = x[i] < lo ? lo : x[i];
    y[i] = raised > hi ? hi : raised;
  }
  *(double *)state += kernels.power_error(x, y, counts, n, clipping->norm, clipping->shrink);
}

static void merge_sum(void *into, const void *from, const void *context)
{
  (void)context;
  *(double *)into += *(const double *)from;
}

enum status trials_clipping(const struct trials *trials, size_t i, const struct sample *sample,
                            double *out, struct error *error)
{
  struct grid grid = calibration_grid(trials->calibration);
  struct unit unit = calibration_unit(&grid, &trials->scaling[i]);
  struct grid_end end[2];
  grid.format->family->ends(&grid, &unit, end);
  double scale = fabs((double)unit.scale), offset = (double)unit.offset;
  struct clipping clipping = {.lo = (float)(offset - (end[0].end + 1) * scale),
                              .hi = (float)(offset + (end[1].end + 1) * scale),
                              .shrink = ldexpf(1, -trials->exponent),
                              .norm = trials->norm};
  if (unit.scale < 0) { /* turned over */
    clipping.lo = (float)(offset - (end[1].end + 1) * scale);
    clipping.hi = (float)(offset + (end[0].end + 1) * scale);
  }
  struct visitor visitor = {
      .state_size = sizeof *out, .block = clip_block, .merge = merge_sum, .context = &clipping};
  return failure(sample_visit(sample, &visitor, out), error);
}
