#include "quant/sketch.h"

#include "quant/base/size.h"

#include <math.h>
#include <string.h>

enum { SMALL = 65536, MANTISSA = 11, OCTAVES = 15, BINS = OCTAVES << MANTISSA };

struct bin {
  uint64_t count;
  double sum; /* of |x| */
};

/* The bins of positive and of negative values, from the largest magnitude down; the last one takes
 * all that is smaller. */
struct bins {
  struct bin side[2][BINS];
};

static uint32_t bin_key(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits & 0x7fffffffU) >> (23 - MANTISSA);
}

static void bin_block(void *state, const float *x, const uint64_t *counts, size_t n,
                      const void *context)
{
  struct bins *bins = state;
  uint32_t top = *(const uint32_t *)context;
  for (size_t i = 0; i < n; i++) {
    uint32_t below = top - bin_key(x[i]);
    struct bin *bin = &bins->side[x[i] < 0][below < BINS ? below : BINS - 1];
    uint64_t times = counts ? counts[i] : 1;
    bin->count += times;
    bin->sum += (double)times * (double)fabsf(x[i]);
  }
}

static void merge_bins(void *into, const void *from, const void *context)
{
  (void)context;
  struct bin *sum = ((struct bins *)into)->side[0];
  const struct bin *bin = ((const struct bins *)from)->side[0];
  for (size_t i = 0; i < 2 * (size_t)BINS; i++) {
    sum[i].count += bin[i].count;
    sum[i].sum += bin[i].sum;
  }
}

static void put(struct sketch *sketch, const struct bin *bin, float sign)
{
  if (bin->count == 0)
    return;
  size_t i = sketch->sample.distinct++;
  sketch->values[i] = sign * (float)(bin->sum / (double)bin->count);
  sketch->counts[i] = bin->count;
}

static void put_all(struct sketch *sketch, const struct bins *bins)
{
  sketch->sample.distinct = 0;
  for (size_t i = 0; i < BINS; i++)
    put(sketch, &bins->side[1][i], -1);
  for (size_t i = BINS; i-- > 0;)
    put(sketch, &bins->side[0][i], 1);
  sketch->sample.values = sketch->values;
  sketch->sample.counts = sketch->counts;
  sketch->sample.batches = 0;
}

static void take(struct sketch *sketch, float value, uint64_t count)
{
  sketch->values[sketch->sample.distinct] = value;
  sketch->counts[sketch->sample.distinct++] = count;
}

/* A digest keeps its values, but for those that the last bins would take, so that a search sees the
 * same of a tensor whether it comes counted or not. */
static void put_counted(struct sketch *sketch, const struct sample *sample)
{
  uint32_t top = bin_key(sample_absmax(sample));
  struct bin last[2] = {{0, 0}, {0, 0}};
  size_t first = 0, end = sample->distinct;
  sketch->sample.distinct = 0;
  while (first < end && top - bin_key(sample->values[first]) < BINS - 1) {
    take(sketch, sample->values[first], sample->counts[first]);
    first++;
  }
  for (; first < end && top - bin_key(sample->values[first]) >= BINS - 1; first++) {
    struct bin *bin = &last[sample->values[first] < 0];
    bin->count += sample->counts[first];
    bin->sum += (double)sample->counts[first] * (double)fabsf(sample->values[first]);
  }
  put(sketch, &last[1], -1);
  put(sketch, &last[0], 1);
  for (; first < end; first++)
    take(sketch, sample->values[first], sample->counts[first]);
  sketch->sample.values = sketch->values;
  sketch->sample.counts = sketch->counts;
  sketch->sample.batches = 0;
}

static enum status sketch_counted(const struct sample *sample, struct sketch *out)
{
  out->exact = false;
  out->values = mem_array(sample->distinct + 2, sizeof *out->values);
  out->counts = mem_array(sample->distinct + 2, sizeof *out->counts);
  if (out->values && out->counts) {
    put_counted(out, sample);
    return STATUS_OK;
  }
  sketch_free(out);
  return STATUS_MEMORY;
}

bool sample_is_small(const struct sample *sample)
{
  return sample->values && (sample->counts ? sample->distinct : sample->finite) <= SMALL;
}

enum status sketch_make(const struct sample *sample, struct sketch *out)
{
  *out = (struct sketch){.sample = *sample, .exact = true};
  if (sample_is_small(sample))
    return sample->counts && sample->finite > SMALL ? sketch_counted(sample, out) : STATUS_OK;
  uint32_t top = bin_key(sample_absmax(sample));
  struct visitor visitor = {
      .state_size = sizeof(struct bins), .block = bin_block, .merge = merge_bins, .context = &top};
  struct bins *bins = mem_array(1, sizeof *bins);
  out->exact = false;
  out->values = mem_array(2 * (size_t)BINS, sizeof *out->values);
  out->counts = mem_array(2 * (size_t)BINS, sizeof *out->counts);
  enum status status =
      bins && out->values && out->counts ? sample_visit(sample, &visitor, bins) : STATUS_MEMORY;
  if (status == STATUS_OK)
    put_all(out, bins);
  else
    sketch_free(out);
  free(bins);
  return status;
}

void sketch_free(struct sketch *sketch)
{
  free(sketch->values);
  free(sketch->counts);
  sketch->values = NULL;
  sketch->counts = NULL;
}
