/* Lloyd-Max: the levels with the least squared error for the values of a tensor.
 *
 * Each level is the mean of the values nearest to it (S. P. Lloyd, "Least squares quantization in
 * PCM", 1957/1982; J. Max, "Quantizing for minimum distortion", 1960). The iteration starts from
 * the companding that is best for many levels (level density proportional to the cube root of the
 * value density: Panter and Dite, 1951) and works on a digest: count and sum of the values in bins
 * of 2^-11 of an octave, as sums before each bin, so that a round costs a search per level. */
#include "quant/base/size.h"
#include "quant/codebook.h"

#include <math.h>
#include <string.h>

enum { MANTISSA = 11, OCTAVES = 18, SIDE = OCTAVES << MANTISSA, BINS = 2 * SIDE };
enum { ROUNDS = 20000 };

struct bin {
  uint64_t count;
  double sum;
};

static uint32_t magnitude_key(float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits & 0x7fffffffu) >> (23 - MANTISSA);
}

/* Bins in ascending order of the values; those far below the largest magnitude share the two bins
 * next to zero. */
static void count_block(void *state, const float *x, const uint64_t *counts, size_t n,
                        const void *context)
{
  struct bin *bins = state;
  uint32_t top = *(const uint32_t *)context;
  for (size_t i = 0; i < n; i++) {
    uint32_t below = top - magnitude_key(x[i]);
    size_t from_zero = below < SIDE ? SIDE - 1 - below : 0;
    struct bin *bin = &bins[x[i] < 0 ? SIDE - 1 - from_zero : SIDE + from_zero];
    uint64_t times = counts ? counts[i] : 1;
    bin->count += times;
    bin->sum += (double)times * (double)x[i];
  }
}

static void merge(void *into, const void *from, const void *context)
{
  (void)context;
  struct bin *sum = into;
  const struct bin *bin = from;
  for (size_t i = 0; i < BINS; i++) {
    sum[i].count += bin[i].count;
    sum[i].sum += bin[i].sum;
  }
}

/* The values of the digest: the means of its bins, ascending, and sums before each. */
struct digest {
  size_t count;
  double *value, *mass, *moment; /* mass and moment have count + 1 entries */
};

static void digest_fill(struct digest *digest, const struct bin *bins)
{
  size_t n = 0;
  digest->mass[0] = digest->moment[0] = 0;
  for (size_t i = 0; i < BINS; i++) {
    if (bins[i].count == 0)
      continue;
    double count = (double)bins[i].count;
    digest->value[n] = bins[i].sum / count;
    digest->mass[n + 1] = digest->mass[n] + count;
    digest->moment[n + 1] = digest->moment[n] + bins[i].sum;
    n++;
  }
  digest->count = n;
}

/* Number of values at or below LIMIT, FROM of them already known to be. */
static size_t values_below(const struct digest *digest, double limit, size_t from)
{
  size_t low = from, high = digest->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (digest->value[middle] <= limit)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Level k at the (k + 1/2) / LEVELS quantile of the cube root of the density. */
static void start_levels(const struct digest *digest, double *level, size_t levels)
{
  size_t n = digest->count, next = 0;
  double total = 0, before = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < n; i++) {
      double left = i > 0 ? digest->value[i - 1] : digest->value[i];
      double right = i + 1 < n ? digest->value[i + 1] : digest->value[i];
      double width = (right - left) / 2;
      double part = cbrt((digest->mass[i + 1] - digest->mass[i]) * width * width);
      if (pass == 0)
        total += part;
      else
        for (before += part;
             next < levels && ((double)next + 0.5) * total <= before * (double)levels; next++)
          level[next] = digest->value[i];
    }
  for (; next < levels; next++)
    level[next] = digest->value[n - 1];
}

/* One round: every level to the mean of its values; a level without values stays. Returns by how
 * much the squared error falls: sum m (new - old)^2. */
static double move_levels(const struct digest *digest, double *level, size_t levels)
{
  double fall = 0, old = level[0];
  for (size_t k = 0, start = 0; k < levels; k++) {
    double next = k + 1 < levels ? level[k + 1] : HUGE_VAL;
    size_t end = values_below(digest, (old + next) / 2, start);
    double mass = digest->mass[end] - digest->mass[start];
    if (mass > 0) {
      level[k] = (digest->moment[end] - digest->moment[start]) / mass;
      fall += mass * (level[k] - old) * (level[k] - old);
    }
    old = next;
    start = end;
  }
  return fall;
}

/* Squared error of the levels on the digest, up to a constant: sum m v^2 - sum over cells of
 * moment^2 / mass, of which only the second part changes. */
static double energy(const struct digest *digest)
{
  double sum = 0;
  for (size_t i = 0; i < digest->count; i++)
    sum += (digest->mass[i + 1] - digest->mass[i]) * digest->value[i] * digest->value[i];
  return sum;
}

/* Until a round gains less than 1e-9 of what uniform levels of that number would leave at best. */
static enum status iterate(const struct digest *digest, double *level, size_t levels,
                           struct progress *progress)
{
  double n = (double)levels, least = 1e-9 * energy(digest) / (n * n);
  for (int round = 0; round < ROUNDS; round++) {
    if (progress_cancelled(progress))
      return STATUS_CANCELLED;
    if (move_levels(digest, level, levels) <= least)
      break;
  }
  return STATUS_OK;
}

static struct codebook *make_codebook(const double *level, size_t levels)
{
  float *distinct = mem_array(levels, sizeof *distinct);
  size_t kept = 0;
  if (!distinct)
    return NULL;
  for (size_t k = 0; k < levels; k++) {
    float value = (float)level[k];
    if (kept == 0 || value > distinct[kept - 1])
      distinct[kept++] = value;
  }
  struct codebook *codebook = codebook_new(distinct, kept);
  free(distinct);
  return codebook;
}

/* With as many levels as values, the values are the levels. */
static enum status search(const struct digest *digest, size_t levels, struct progress *progress,
                          struct codebook **out)
{
  if (digest->count <= levels) {
    *out = make_codebook(digest->value, digest->count);
    return *out ? STATUS_OK : STATUS_MEMORY;
  }
  double *level = mem_array(levels, sizeof *level);
  if (!level)
    return STATUS_MEMORY;
  start_levels(digest, level, levels);
  enum status status = iterate(digest, level, levels, progress);
  if (status == STATUS_OK) {
    *out = make_codebook(level, levels);
    status = *out ? STATUS_OK : STATUS_MEMORY;
  }
  free(level);
  return status;
}

enum status lloyd_learn(const struct sample *sample, size_t levels, struct codebook **out,
                        struct error *error)
{
  uint32_t top = magnitude_key(sample_absmax(sample));
  struct visitor visitor = {.state_size = BINS * sizeof(struct bin),
                            .block = count_block,
                            .merge = merge,
                            .context = &top};
  struct bin *bins = mem_array(BINS, sizeof *bins);
  double *memory = mem_array(3 * (size_t)BINS + 2, sizeof *memory);
  struct digest digest = {
      .value = memory, .mass = memory + BINS, .moment = memory + 2 * (size_t)BINS + 1};
  enum status status = STATUS_MEMORY;
  if (bins && memory)
    status = sample_visit(sample, &visitor, bins);
  if (status == STATUS_OK) {
    digest_fill(&digest, bins);
    status = search(&digest, levels, sample->progress, out);
  }
  free(bins);
  free(memory);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the digest of the Lloyd-Max search");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}
