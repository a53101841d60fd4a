/* Codebooks: the search for the nearest level, and the sum of the scale searches. */
#include "quant/kernels/table.h"

enum { FEW_LEVELS = 16 };

/* A comparison with each bound, written out: the bounds stay in registers and the loops over
 * elements become vector code, which they do not around an inner loop. */
#define EACH_BOUND(STEP)                                                                           \
  STEP(0)                                                                                          \
  STEP(1)                                                                                          \
  STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11) STEP(12)       \
      STEP(13) STEP(14)

/* Bounds and levels of up to FEW_LEVELS levels; those that do not exist are never reached. */
struct few {
  float bound[FEW_LEVELS], level[FEW_LEVELS];
};

static struct few few_levels(const struct codebook *codebook)
{
  struct few few;
  for (size_t k = 0; k < FEW_LEVELS; k++) {
    few.bound[k] = k < codebook->size ? codebook->bound[k] : __builtin_inff();
    few.level[k] = codebook->level[k < codebook->size ? k : codebook->size - 1];
  }
  return few;
}

/* rank[i] = number of bounds below v[i]. */
static void ranks_of_few(const float *v, size_t n, const struct codebook *codebook, int32_t *rank)
{
  const struct few f = few_levels(codebook);
  for (size_t i = 0; i < n; i++) {
    int32_t above = 0;
#define COUNT(k) above += v[i] > f.bound[k];
    EACH_BOUND(COUNT)
#undef COUNT
    rank[i] = above;
  }
}

/* value[i] = the level of that rank. */
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

/* The same for any number: a binary search of all values at once, halving by halving. */
static void ranks_of_many(const float *v, size_t n, const struct codebook *codebook, int32_t *rank)
{
  const float *bound = codebook->bound;
  memset(rank, 0, n * sizeof *rank);
  for (size_t half = codebook->size / 2; half > 0; half /= 2) {
    const float *middle = bound + half - 1;
    int32_t step = (int32_t)half;
    for (size_t i = 0; i < n; i++)
      rank[i] += v[i] > middle[rank[i]] ? step : 0;
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
static void codebook_block(const float *v, size_t n, const struct codebook *codebook, float *value,
                           uint16_t *codes)
{
  const int32_t zero = codebook->zero;
  const float zero_level = codebook->level[zero];
  const bool few = codebook->size <= FEW_LEVELS;
  int32_t rank[KERNEL_BLOCK];
  if (!few || codes)
    (few ? ranks_of_few : ranks_of_many)(v, n, codebook, rank);
  if (few)
    values_of_few(v, n, codebook, value);
  else
    for (size_t i = 0; i < n; i++)
      value[i] = codebook->level[rank[i]];
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
