/* Lloyd-Max: the levels with the least squared error for the values of a tensor.
 *
 * Each level is the mean of the values nearest to it (S. P. Lloyd, "Least squares quantization in
 * PCM", 1957/1982; J. Max, "Quantizing for minimum distortion", 1960). The iteration starts from
 * the companding that is best for many levels (level density proportional to the cube root of the
 * value density: Panter and Dite, 1951) and works on a digest: count and sum of the values in bins
 * of 2^-11 of an octave, as sums before each bin, so that a round costs a search per level. The
 * first rounds take the digest for a density, the last for the values that it has. */
#include "quant/base/ascending.h"
#include "quant/base/size.h"
#include "quant/codebook.h"

#include <math.h>
#include <string.h>

enum { MANTISSA = 11, OCTAVES = 18, SIDE = OCTAVES << MANTISSA, BINS = 2 * SIDE };
enum {
  MOVES = 1 << 26, /* of levels, in all rounds */
  ROUNDS = 20000,
  CALM = 16,
  DENSE = 4, /* bins of a level */
};

/* A gain of a round that is not worth another, as a share of the squared error. */
#define LITTLE 1e-10

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

struct part {
  double mass, moment;
};

/* What lies below LIMIT, above which value number *FROM lies; moves *FROM on. SMOOTH: the values
 * are spread evenly over the space up to the middles between them. As points they would hold the
 * levels fast wherever a round moves a limit by less than the distance of two values. */
static struct part part_below(const struct digest *digest, double limit, bool smooth, size_t *from)
{
  const double *value = digest->value;
  size_t i = *from = first_above(digest->value, *from, digest->count, limit);
  struct part part = {digest->mass[i], digest->moment[i]};
  if (!smooth || i == 0 || i == digest->count)
    return part;
  i -= limit < (value[i - 1] + value[i]) / 2;
  if (i == 0 || i + 1 == digest->count)
    return part;
  double left = (value[i - 1] + value[i]) / 2, width = (value[i] + value[i + 1]) / 2 - left;
  double share = (limit - left) / width, mass = (digest->mass[i + 1] - digest->mass[i]) * share;
  return (struct part){digest->mass[i] + mass,
                       digest->moment[i] + mass * (value[i] - (1 - share) * width / 2)};
}

/* One round: every level to the mean of the values that are nearest to it in FROM; a level without
 * values stays. Returns the energy of the new levels, sum moment^2 / mass: by how much the squared
 * error is below the sum of the squared values. */
static double move_levels(const struct digest *digest, bool smooth, const double *from,
                          double *level, size_t levels)
{
  double sum = 0;
  struct part before = {0, 0};
  for (size_t k = 0, start = 0; k < levels; k++) {
    double limit = k + 1 < levels ? (from[k] + from[k + 1]) / 2 : HUGE_VAL;
    struct part below = part_below(digest, limit, smooth, &start);
    double mass = below.mass - before.mass, moment = below.moment - before.moment;
    level[k] = mass > 0 ? moment / mass : from[k];
    sum += mass > 0 ? moment * level[k] : 0;
    before = below;
  }
  return sum;
}

static double energy(const struct digest *digest)
{
  double sum = 0;
  for (size_t i = 0; i < digest->count; i++)
    sum += (digest->mass[i + 1] - digest->mass[i]) * digest->value[i] * digest->value[i];
  return sum;
}

/* FROM: LEVEL and MOMENTUM times its last step beyond it, as long as that keeps the order. */
static void extrapolate(const double *level, const double *previous, double momentum, double *from,
                        size_t levels)
{
  bool ordered = true;
  for (size_t k = 0; k < levels; k++) {
    from[k] = level[k] + momentum * (level[k] - previous[k]);
    ordered = ordered && (k == 0 || from[k] >= from[k - 1]);
  }
  if (!ordered)
    memcpy(from, level, levels * sizeof *from);
}

/* Lloyd's rounds alone need as many as the square of the number of levels; with momentum (Nesterov
 * 1983), begun anew whenever the error rises, about as many as there are levels. Until CALM rounds
 * running gain next to nothing. WORK has room for three times LEVELS. */
static enum status iterate(const struct digest *digest, bool smooth, double *level, size_t levels,
                           double *work, struct progress *progress)
{
  double *from = work, *next = from + levels, *previous = next + levels;
  double whole = energy(digest), best = -1;
  size_t most = size_min(ROUNDS, MOVES / levels);
  memcpy(from, level, levels * sizeof *level);
  for (size_t round = 0, age = 0, calm = 0; round < most && calm < CALM; round++) {
    if (progress_cancelled(progress))
      return STATUS_CANCELLED;
    double reached = move_levels(digest, smooth, from, next, levels);
    if (reached < best && age > 0) {
      memcpy(from, level, levels * sizeof *level);
      age = 0;
      continue;
    }
    calm = reached - best <= LITTLE * (whole - reached) ? calm + 1 : 0;
    best = reached;
    memcpy(previous, level, levels * sizeof *level);
    memcpy(level, next, levels * sizeof *level);
    extrapolate(level, previous, (double)age / ((double)age + 3), from, levels);
    age++;
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
  double *level = mem_array(4 * levels, sizeof *level);
  if (!level)
    return STATUS_MEMORY;
  start_levels(digest, level, levels);
  enum status status = STATUS_OK;
  if (levels <= digest->count / DENSE) /* else the bins are too few to look like a density */
    status = iterate(digest, true, level, levels, level + levels, progress);
  if (status == STATUS_OK)
    status = iterate(digest, false, level, levels, level + levels, progress);
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
