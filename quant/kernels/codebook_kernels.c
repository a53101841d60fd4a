/* Codebooks: the search for the nearest level, and the sum of the scale searches. */
#include "quant/kernels/table.h"
#include "quant/kernels/wide.h"

/* A comparison with each bound, written out: the bounds stay in registers and the loops over
 * elements become vector code, which they do not around an inner loop. */
#define EACH_BOUND(STEP)                                                                           \
  STEP(0)                                                                                          \
  STEP(1)                                                                                          \
  STEP(2)                                                                                          \
  STEP(3)                                                                                          \
  STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11) STEP(12) STEP(13) STEP(14)

/* Bounds and levels of up to CODEBOOK_FEW levels; those that do not exist are never reached. */
struct few {
  float bound[CODEBOOK_FEW], level[CODEBOOK_FEW];
};

static struct few few_levels(const struct codebook *codebook)
{
  struct few few;
  for (size_t k = 0; k < CODEBOOK_FEW; k++) {
    few.bound[k] = k < codebook->size ? codebook->bound[k] : __builtin_inff();
    few.level[k] = codebook->level[k < codebook->size ? k : codebook->size - 1];
  }
  return few;
}

/* Entry FROM of an array, or one of the 1, 3 or 7 that follow STEP by STEP, by masks: the bits of
 * its number. */
WIDE_INLINE wide of_two(const wide *a, int from, int step, wide_int low)
{
  return wide_select(low, a[from + step], a[from]);
}

WIDE_INLINE wide of_four(const wide *a, int from, int step, wide_int high, wide_int low)
{
  return wide_select(high, of_two(a, from + 2 * step, step, low), of_two(a, from, step, low));
}

WIDE_INLINE wide of_eight(const wide *a, int from, int step, wide_int high, wide_int middle,
                          wide_int low)
{
  return wide_select(high, of_four(a, from + 4 * step, step, middle, low),
                     of_four(a, from, step, middle, low));
}

/* rank[i] = number of bounds below v[i], value[i] = the level of that rank: a binary search. The
 * arrays have room for KERNEL_BLOCK; what follows the N elements is searched too. */
static void search_few(const float *restrict v, size_t n, const struct codebook *codebook,
                       int32_t *restrict rank, float *restrict value)
{
  const struct few f = few_levels(codebook);
  wide bound[CODEBOOK_FEW], level[CODEBOOK_FEW];
  for (size_t k = 0; k < CODEBOOK_FEW; k++) {
    bound[k] = (wide){0} + f.bound[k];
    level[k] = (wide){0} + f.level[k];
  }
  for (size_t i = 0; i < n; i += WIDE) {
    wide x;
    memcpy(&x, v + i, sizeof x);
    wide_int eight = x > bound[7];
    wide_int four = x > of_two(bound, 3, 8, eight);
    wide_int two = x > of_four(bound, 1, 4, eight, four);
    wide_int one = x > of_eight(bound, 0, 2, eight, four, two);
    wide at = wide_select(one, of_eight(level, 1, 2, eight, four, two),
                          of_eight(level, 0, 2, eight, four, two));
    wide_int number = (eight & 8) | (four & 4) | (two & 2) | (one & 1);
    memcpy(value + i, &at, sizeof at);
    memcpy(rank + i, &number, sizeof number);
  }
}

/* The levels alone: comparing with each bound is quicker then. */
static void values_of_few(const float *v, size_t n, const struct codebook *codebook, float *value)
{
  const struct few f = few_levels(codebook);
  for (size_t i = 0; i < n; i++) {
    float at = f.level[0];
#define CHOOSE(k) at = v[i] > f.bound[k] ? f.level[(k) + 1] : at;
    EACH_BOUND(CHOOSE)
#undef CHOOSE
    value[i] = at;
  }
}

/* The same for any number: the bucket, and a binary search among the bounds that may part it,
 * halving by halving. One bound is the usual case. (Gathers of the machine are slower than the
 * loads that compilers make of this.) */
static void search_many(const float *restrict v, size_t n, const struct codebook *codebook,
                        int32_t *restrict rank, float *restrict value)
{
  const struct codebook_buckets b = codebook->buckets;
  const float *level = codebook->level, *bound = codebook->bound;
  int32_t bucket[KERNEL_BLOCK];
  for (size_t i = 0; i < n; i++) {
    int32_t at = (int32_t)(float_magnitude(v[i]) >> b.shift) - b.base;
    at = at > 0 ? at : 0;
    at = at < b.count - 1 ? at : b.count - 1;
    bucket[i] = at + ((int32_t)float_bits(v[i]) < 0 ? b.count : 0);
  }
  if (b.within == 1)
    for (size_t i = 0; i < n; i++) {
      int32_t at = b.rank[bucket[i]];
      at += v[i] > bound[at];
      rank[i] = at;
      value[i] = level[at];
    }
  else
    for (size_t i = 0; i < n; i++) {
      int32_t at = b.rank[bucket[i]];
      for (int32_t half = b.within / 2 + 1; half > 0; half /= 2)
        at += -(v[i] > bound[at + half - 1]) & half;
      rank[i] = at;
      value[i] = level[at];
    }
}

static void codebook_codes(const int32_t *rank, size_t n, const uint16_t *code, uint16_t *codes)
{
  if (code)
    for (size_t i = 0; i < n; i++)
      codes[i] = code[rank[i]];
  else
    for (size_t i = 0; i < n; i++)
      codes[i] = (uint16_t)rank[i];
}

/* Levels (and codes unless NULL) of N <= KERNEL_BLOCK quotients; NaN has those of zero. */
static void codebook_block(float *v, size_t n, const struct codebook *codebook, float *value,
                           uint16_t *codes)
{
  const int32_t zero = codebook->zero;
  const float zero_level = codebook->level[zero];
  int32_t rank[KERNEL_BLOCK];
  for (size_t i = n; i % WIDE; i++)
    v[i] = 0;
  if (codebook->size > CODEBOOK_FEW)
    search_many(v, n, codebook, rank, value);
  else if (codes)
    search_few(v, n, codebook, rank, value);
  else
    values_of_few(v, n, codebook, value);
  for (size_t i = 0; i < n; i++)
    value[i] = v[i] == v[i] ? value[i] : zero_level;
  if (!codes)
    return;
  for (size_t i = 0; i < n; i++)
    rank[i] = v[i] == v[i] ? rank[i] : zero;
  codebook_codes(rank, n, codebook->code, codes);
}

void KERNEL(codebook_run)(const float *x, size_t n, const struct codebook *codebook, float scale,
                          float *y, uint16_t *codes)
{
  const float inverse = 1 / scale;
  float v[KERNEL_BLOCK], value[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++)
      v[i] = x[done + i] * inverse;
    codebook_block(v, m, codebook, value, codes ? codes + done : NULL);
    for (size_t i = 0; i < m; i++) {
      float in = x[done + i], out = value[i] * scale;
      y[done + i] = in == in ? out : in;
    }
  }
}

void KERNEL(codebook_lanes)(const float *x, size_t n, const struct codebook *codebook,
                            const struct unit *units, float *y, uint16_t *codes)
{
  float v[KERNEL_BLOCK], value[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++)
      v[i] = x[done + i] * (1 / units[done + i].scale);
    codebook_block(v, m, codebook, value, codes ? codes + done : NULL);
    for (size_t i = 0; i < m; i++) {
      float in = x[done + i], out = value[i] * units[done + i].scale;
      y[done + i] = in == in ? out : in;
    }
  }
}

double KERNEL(codebook_sse)(const float *x, size_t n, const struct codebook *codebook, float scale)
{
  float copy[KERNEL_BLOCK], y[KERNEL_BLOCK];
  struct lanes error2 = {0};
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    const float *block = x + done;
    KERNEL(codebook_run)(block, m, codebook, scale, y, NULL);
    if (m % LANES) { /* zero need not be a level: the padding is made to have no error */
      memcpy(copy, block, m * sizeof *copy);
      block = copy;
      lanes_pad(copy, m, 0.0f);
      m = lanes_pad(y, m, 0.0f);
    }
    KERNEL(lanes_add_error2)(block, y, m, &error2);
  }
  return lanes_total(&error2);
}
