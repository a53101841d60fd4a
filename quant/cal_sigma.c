/* Rules that measure in standard deviations. sigma=K: the mean -+ K standard deviations, no
 * further than the values reach. exclude=K: the extremes of the values within K standard deviations
 * of the mean.
 *
 * By Chebyshev's inequality at most 1 / K^2 of any values lie beyond K standard deviations, so
 * outliers that are more than that (2.8 percent for K = 6) hide themselves: exclude finds none. */
#include "quant/calibrators.h"
#include "quant/moments.h"

#include <math.h>
#include <stdio.h>

enum status sigma_choose(const struct calibration *calibration, const struct sample *sample,
                         struct choice *choice, struct error *error)
{
  struct moments moments;
  enum status status = sample_moments(sample, &moments, error);
  if (status != STATUS_OK)
    return status;
  double reach = calibration->parameter * moments.std;
  *choice = (struct choice){.lo = fmax(moments.mean - reach, (double)sample->min),
                            .hi = fmin(moments.mean + reach, (double)sample->max)};
  return STATUS_OK;
}

struct bounds {
  double lo, hi;
};

/* Of the values inside the bounds. */
struct inside {
  uint64_t count;
  float min, max; /* meaningless while COUNT is 0 */
};

static void merge_inside(void *into, const void *from, const void *context)
{
  (void)context;
  struct inside *sum = into;
  const struct inside *part = from;
  if (part->count == 0)
    return;
  sum->min = sum->count && sum->min < part->min ? sum->min : part->min;
  sum->max = sum->count && sum->max > part->max ? sum->max : part->max;
  sum->count += part->count;
}

static void find_inside(void *state, const float *x, const uint64_t *counts, size_t n,
                        const void *context)
{
  const struct bounds *bounds = context;
  struct inside found = {.min = INFINITY, .max = -INFINITY};
  for (size_t i = 0; i < n; i++) {
    bool in = (double)x[i] >= bounds->lo && (double)x[i] <= bounds->hi;
    found.count += in ? counts ? counts[i] : 1 : 0;
    found.min = in && x[i] < found.min ? x[i] : found.min;
    found.max = in && x[i] > found.max ? x[i] : found.max;
  }
  merge_inside(state, &found, NULL);
}

static void note_share(struct choice *choice, double k, double share)
{
  if (share > 0)
    snprintf(choice->note, sizeof choice->note, "%.3g %% of the values lie beyond %g sigma",
             100 * share, k);
  else
    snprintf(choice->note, sizeof choice->note,
             "nothing lies beyond %g sigma: outliers above %.2g %% of the values hide themselves",
             k, fmin(100, 100 / (k * k)));
}

enum status exclude_choose(const struct calibration *calibration, const struct sample *sample,
                           struct choice *choice, struct error *error)
{
  struct moments moments;
  enum status status = sample_moments(sample, &moments, error);
  if (status != STATUS_OK)
    return status;
  double k = calibration->parameter;
  struct bounds bounds = {moments.mean - k * moments.std, moments.mean + k * moments.std};
  struct inside inside;
  struct visitor visitor = {
      .state_size = sizeof inside, .block = find_inside, .merge = merge_inside, .context = &bounds};
  status = sample_visit(sample, &visitor, &inside);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the extremes without outliers");
  if (status != STATUS_OK)
    return error_set(error, status, "cancelled");
  *choice = (struct choice){.lo = (double)sample->min, .hi = (double)sample->max};
  if (inside.count > 0) { /* rounding may put even constant values outside */
    choice->lo = (double)inside.min;
    choice->hi = (double)inside.max;
  }
  note_share(choice, k, inside.count > 0 ? 1 - (double)inside.count / (double)sample->finite : 0);
  return STATUS_OK;
}
