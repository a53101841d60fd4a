/* alternate=ROUNDS: from minmax, ROUNDS times: the values are rounded to codes; with the codes
 * fixed, the scale (and the zero point) with the least squared error are solved for in closed form;
 * the values are rounded again. It stops when a round changes nothing.
 *
 * With the reconstruction y = s r of the present scale and sums over the values, the best scale
 * for these codes is s * sum x y / sum y^2. Asymmetric: the line x = a y + b has the best slope
 * and offset, so the best zero point is z - b / (a s); the neighbours of that and the present one
 * are compared, each with the scale that is best for it. Neither step can raise the error, so it
 * falls, from round to round, to a local minimum, which need not be what mse finds. */
#include "quant/calibrators.h"
#include "quant/trial.h"

#include <float.h>
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

/* The least error that the codes of SUMS can have when their zero point moves by SHIFT steps of
 * scale S, and the factor for the scale that gives it. */
static double solve(const struct line_sums *sums, double count, double shift, double *factor)
{
  double xy = sums->xy - shift * sums->x;
  double yy = sums->yy - 2 * shift * sums->y + count * shift * shift;
  *factor = yy > 0 ? xy / yy : 1;
  return sums->xx - *factor * (2 * xy - *factor * yy);
}

/* The zero point that is best with the codes of SUMS, and its scale. */
static struct scaling solve_both(const struct alternation *alternation, struct scaling now,
                                 const struct line_sums *sums)
{
  const struct calibration *calibration = alternation->calibration;
  double n = (double)alternation->sample->finite, s = (double)now.scale, factor;
  double least = solve(sums, n, 0, &factor);
  struct scaling next = now;
  double best = factor;
  double spread = n * sums->yy - sums->y * sums->y;
  if (calibration->asymmetric && spread > 0) {
    double a = (n * sums->xy - sums->x * sums->y) / spread, b = (sums->x - a * sums->y) / n;
    double wish = a > 0 ? (double)now.zero - b / (a * s) : (double)now.zero;
    double most = (double)format_levels(calibration->format, true, false) - 1;
    for (int up = 0; up < 2; up++) {
      double zero = fmin(fmax(floor(wish) + up, 0), most);
      double error = solve(sums, n, (zero - (double)now.zero) * s, &factor);
      if (error < least && factor > 0) {
        least = error;
        best = factor;
        next.zero = (long)zero;
      }
    }
  }
  if (best > 0)
    next.scale = calibration_stored_scale(calibration, fmaxf((float)(s * best), FLT_TRUE_MIN));
  return next;
}

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
  double found = sums->xx - 2 * sums->xy + sums->yy;
  if (found < alternation->least) {
    alternation->least = found;
    alternation->best = *scaling;
  }
  return STATUS_OK;
}

enum status alternate_choose(const struct calibration *calibration, const struct sample *sample,
                             struct choice *choice, struct error *error)
{
  struct alternation alternation = {
      .calibration = calibration, .sample = sample, .least = HUGE_VAL};
  struct line_sums sums;
  struct scaling next, now;
  *choice = (struct choice){.lo = (double)sample->min, .hi = (double)sample->max};
  calibration_scale(calibration, choice, &next);
  alternation.best = next; /* at the end of float32 no error may be a number */
  enum status status = measure(&alternation, &next, &sums, error);
  bool moving = true;
  for (long round = 0; round < lrint(calibration->parameter) && status == STATUS_OK && moving;
       round++) {
    now = next;
    next = solve_both(&alternation, now, &sums);
    moving = next.scale != now.scale || next.zero != now.zero;
    if (moving)
      status = measure(&alternation, &next, &sums, error);
  }
  choice->has_scale = true;
  choice->scale = alternation.best.scale;
  choice->zero = alternation.best.zero;
  return status;
}
