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

static double counted_squares(const float *x, const float *y, const uint64_t *counts, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    double error = (double)x[i] - (double)y[i];
    sum += (double)counts[i] * error * error;
  }
  return sum;
}

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
    errors[i] += norm == 2 ? m->square * counted_squares(x, y, counts, n)
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
  enum status status = sample_visit(sample, &visitor, trials->error);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the errors of the candidates");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}
