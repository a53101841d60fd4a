/* alternate=ROUNDS: from minmax, ROUNDS times: the values are rounded to codes; with the codes
 * fixed, the scale (and the zero point) with the least squared error are solved for in closed form;
 * the values are rounded again. It stops when a round changes nothing.
 * The closed form is quant/line_fit.h. Neither step can raise the error, so it falls, from round to
 * round, to a local minimum, which need not be what mse finds. */
#include "quant/calibrators.h"
#include "quant/line_fit.h"
#include "quant/trial.h"

#include <math.h>

struct line {
  struct grid grid;
  struct unit unit;
};

/* N <= FEED_BLOCK. */
static void sum_block(void *state, const float *x, const uint64_t *counts, size_t n,
                      const void *context)
{
  const struct line *line = context;
  struct line_sums *sums = state;
  float y[FEED_BLOCK];
  line->grid.format->family->run(&line->grid, &line->unit, x, n, y, NULL);
  if (!counts) {
    kernels.line_sums(x, y, n, sums);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    double a = (double)x[i], b = (double)y[i], times = (double)counts[i];
    sums->x += times * a;
    sums->y += times * b;
    sums->xx += times * a * a;
    sums->xy += times * a * b;
    sums->yy += times * b * b;
  }
}

static void merge_sums(void *into, const void *from, const void *context)
{
  (void)context;
  struct line_sums *sum = into;
  const struct line_sums *part = from;
  sum->x += part->x;
  sum->y += part->y;
  sum->xx += part->xx;
  sum->xy += part->xy;
  sum->yy += part->yy;
}

struct alternation {
  const struct calibration *calibration;
  const struct sample *sample;
  struct scaling best;
  double least; /* the error of BEST */
};

/* Measures SCALING; keeps it when it is the best so far. */
static enum status measure(struct alternation *alternation, const struct scaling *scaling,
                           struct line_sums *sums, struct error *error)
{
  struct line line = {.grid = calibration_grid(alternation->calibration)};
  line.unit = calibration_unit(&line.grid, scaling);
  struct visitor visitor = {
      .state_size = sizeof *sums, .block = sum_block, .merge = merge_sums, .context = &line};
  enum status status = sample_visit(alternation->sample, &visitor, sums);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the sums of the refinement");
  if (status != STATUS_OK)
    return error_set(error, status, "cancelled");
  double found = line_error(sums);
  if (found < alternation->least) {
    alternation->least = found;
    alternation->best = *scaling;
  }
  return STATUS_OK;
}

static enum status alternate_from(const struct calibration *calibration,
                                  const struct sample *sample, long rounds,
                                  const struct choice *start, struct choice *choice, double *least,
                                  struct error *error)
{
  struct alternation alternation = {
      .calibration = calibration, .sample = sample, .least = HUGE_VAL};
  struct line_sums sums;
  struct scaling next, now;
  calibration_scale(calibration, start, &next);
  alternation.best = next; /* at the end of float32 no error may be a number */
  enum status status = measure(&alternation, &next, &sums, error);
  bool moving = true;
  for (long round = 0; round < rounds && status == STATUS_OK && moving; round++) {
    now = next;
    next = line_fit(calibration, now, &sums, (double)sample->finite);
    moving = next.scale != now.scale || next.zero != now.zero || next.offset != now.offset;
    if (moving)
      status = measure(&alternation, &next, &sums, error);
  }
  *choice = (struct choice){.lo = start->lo,
                            .hi = start->hi,
                            .has_scale = true,
                            .scale = alternation.best.scale,
                            .zero = alternation.best.zero,
                            .offset = alternation.best.offset};
  *least = alternation.least;
  return status;
}

enum status alternate_choose(const struct calibration *calibration, const struct sample *sample,
                             struct choice *choice, struct error *error)
{
  const struct choice minmax = {.lo = (double)sample->min, .hi = (double)sample->max};
  double least;
  return alternate_from(calibration, sample, lrint(calibration->parameter), &minmax, choice, &least,
                        error);
}

enum { FACTORS = 12, ROUNDS = 100 };

/* The range without LOW and HIGH times 3 percent of it at its ends. */
static struct choice shrunk(const struct sample *sample, int low, int high)
{
  double middle = ((double)sample->min + (double)sample->max) / 2;
  double half = ((double)sample->max - (double)sample->min) / 2;
  return (struct choice){.lo = middle - half * (1 - 0.06 * low),
                         .hi = middle + half * (1 - 0.06 * high)};
}

enum status free_minimum_least(const struct calibration *calibration, const struct sample *sample,
                               struct choice *choice, struct error *error)
{
  double least = HUGE_VAL;
  struct choice best = shrunk(sample, 0, 0);
  enum status status = STATUS_OK;
  for (int low = 0; low < FACTORS && status == STATUS_OK; low++) {
    struct trials trials = trials_make(calibration, sample, 2);
    for (int high = 0; high < FACTORS; high++) {
      struct choice candidate = shrunk(sample, low, high);
      trials_add(&trials, &candidate);
    }
    status = trials_measure(&trials, sample, error);
    for (int high = 0; high < FACTORS && status == STATUS_OK; high++)
      if (trials.error[high] < least) {
        least = trials.error[high];
        best = shrunk(sample, low, high);
      }
  }
  struct choice start[2] = {shrunk(sample, 0, 0), best}, found;
  least = HUGE_VAL;
  *choice = start[0];
  for (int i = 0; i < 2 && status == STATUS_OK; i++) {
    double error_of_found;
    status = alternate_from(calibration, sample, ROUNDS, &start[i], &found, &error_of_found, error);
    if (status == STATUS_OK && error_of_found < least) {
      least = error_of_found;
      *choice = found;
    }
  }
  return status;
}
