#include "quant/moments.h"

#include <math.h>

/* Sums in eight lanes: compilers keep them in vectors, and the order is the same everywhere. */
enum { LANES = 8 };

struct sums {
  double value[LANES], absolute[LANES], square[LANES];
};

static void add(struct sums *sums, size_t lane, double value, double times)
{
  sums->value[lane] += times * value;
  sums->absolute[lane] += times * fabs(value);
  sums->square[lane] += times * value * value;
}

/* CONTEXT: the center that values are taken from. */
static void sum_block(void *state, const float *x, const uint64_t *counts, size_t n,
                      const void *context)
{
  const double center = *(const double *)context;
  struct sums sums = *(struct sums *)state;
  size_t i = 0;
  if (!counts)
    for (; i + LANES <= n; i += LANES)
      for (size_t lane = 0; lane < LANES; lane++)
        add(&sums, lane, (double)x[i + lane] - center, 1);
  for (; i < n; i++)
    add(&sums, i % LANES, (double)x[i] - center, counts ? (double)counts[i] : 1);
  *(struct sums *)state = sums;
}

static void merge_sums(void *into, const void *from, const void *context)
{
  (void)context;
  double *sum = into;
  const double *add = from;
  for (size_t i = 0; i < sizeof(struct sums) / sizeof(double); i++)
    sum[i] += add[i];
}

static double total(const double *lane)
{
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

enum status sample_moments(const struct sample *sample, struct moments *out, struct error *error)
{
  double center = 0, count = (double)sample->finite;
  struct sums sums;
  struct visitor visitor = {
      .state_size = sizeof sums, .block = sum_block, .merge = merge_sums, .context = &center};
  enum status status = sample_visit(sample, &visitor, &sums);
  if (status == STATUS_OK) {
    center = total(sums.value) / count;
    status = sample_visit(sample, &visitor, &sums);
  }
  if (status == STATUS_MEMORY)
    return error_memory(error, "the sums of a sample");
  if (status != STATUS_OK)
    return error_set(error, status, "cancelled");
  *out = (struct moments){.mean = center,
                          .std = sqrt(total(sums.square) / count),
                          .deviation = total(sums.absolute) / count};
  return STATUS_OK;
}
