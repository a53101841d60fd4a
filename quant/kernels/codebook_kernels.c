/* Codebooks: the search for the nearest level, and the sum of the scale searches. */
#include "quant/kernels/table.h"
#include "quant/kernels/wide.h"

typedef float four __attribute__((vector_size(16)));
typedef int32_t four_int __attribute__((vector_size(16)));
typedef uint32_t four_codes __attribute__((vector_size(16)));
enum { FOUR = 4 };

/* Bits of YES where MASK is set, else of NO. */
WIDE_INLINE four_int four_select(four_int mask, four_int yes, four_int no)
{
  return (mask & yes) | (~mask & no);
}

static void linear_buckets(const float *restrict v, size_t n,
                           const struct codebook_buckets *buckets, int32_t *restrict bucket)
{
  const struct codebook_buckets b = *buckets;
  for (size_t i = 0; i < n; i++) {
    float at = (v[i] - b.low) * b.slope;
    at = at > 0 ? at : 0;
    at = at < b.last ? at : b.last;
    bucket[i] = (int32_t)at;
  }
}

static void octave_buckets(const float *restrict v, size_t n,
                           const struct codebook_buckets *buckets, int32_t *restrict bucket)
{
  const struct codebook_buckets b = *buckets;
  for (size_t i = 0; i < n; i++) {
    int32_t at = (int32_t)(float_magnitude(v[i]) >> b.shift) - b.base;
    at = at > 0 ? at : 0;
    at = at < b.count - 1 ? at : b.count - 1;
    bucket[i] = b.count + (at ^ -(int32_t)(float_bits(v[i]) >> 31));
  }
}

/* Levels in place of N quotients V, codes in place of their buckets; NaN has those of zero. Four
 * buckets are loaded whole and turned into vectors: gathers of the machine are slower. */
WIDE_INLINE void search_pairs(float *restrict v, size_t n, const struct codebook *codebook,
                              int32_t *restrict bucket, bool codes)
{
  const struct codebook_bucket *at = codebook->buckets.at;
  const int32_t zero_code = codebook->code ? codebook->code[codebook->zero] : codebook->zero;
  const four zero_level = (four){0} + codebook->level[codebook->zero];
  for (size_t i = 0; i < n; i += FOUR) {
    four b[FOUR], x;
    for (size_t k = 0; k < FOUR; k++)
      memcpy(&b[k], &at[bucket[i + k]], sizeof b[k]);
    memcpy(&x, v + i, sizeof x);
    four front[2] = {__builtin_shufflevector(b[0], b[1], 0, 4, 1, 5),
                     __builtin_shufflevector(b[2], b[3], 0, 4, 1, 5)};
    four back[2] = {__builtin_shufflevector(b[0], b[1], 2, 6, 3, 7),
                    __builtin_shufflevector(b[2], b[3], 2, 6, 3, 7)};
    four bound = __builtin_shufflevector(front[0], front[1], 0, 1, 4, 5);
    four low = __builtin_shufflevector(front[0], front[1], 2, 3, 6, 7);
    four high = __builtin_shufflevector(back[0], back[1], 0, 1, 4, 5);
    four_int above = x > bound, nan = x != x;
    four_int level = four_select(above, (four_int)high, (four_int)low);
    level = four_select(nan, (four_int)zero_level, level);
    memcpy(v + i, &level, sizeof level);
    if (codes) {
      four_codes pair = (four_codes)__builtin_shufflevector(back[0], back[1], 2, 3, 6, 7);
      four_int code = four_select(above, (four_int)(pair >> 16), (four_int)(pair & 0xffff));
      code = four_select(nan, (four_int){0} + zero_code, code);
      memcpy(bucket + i, &code, sizeof code);
    }
  }
}

/* The same where several bounds may part a bucket: a binary search, halving by halving. */
static void search_many(float *restrict v, size_t n, const struct codebook *codebook,
                        int32_t *restrict bucket)
{
  const struct codebook_buckets b = codebook->buckets;
  const float *level = codebook->level, *bound = codebook->bound;
  for (size_t i = 0; i < n; i++) {
    int32_t at = (int32_t)b.at[bucket[i]].pair;
    for (int32_t half = b.within / 2 + 1; half > 0; half /= 2)
      at += -(v[i] > bound[at + half - 1]) & half;
    at = v[i] == v[i] ? at : codebook->zero;
    v[i] = level[at];
    bucket[i] = codebook->code ? codebook->code[at] : at;
  }
}

/* Levels of N <= KERNEL_BLOCK quotients in their place, and codes unless NULL. V has room for
 * KERNEL_BLOCK. */
static void codebook_block(float *v, size_t n, const struct codebook *codebook, uint16_t *codes)
{
  int32_t bucket[KERNEL_BLOCK];
  size_t padded = n;
  for (; padded % WIDE; padded++)
    v[padded] = 0;
  if (codebook->buckets.linear)
    linear_buckets(v, padded, &codebook->buckets, bucket);
  else
    octave_buckets(v, padded, &codebook->buckets, bucket);
  if (codebook->buckets.within > 1)
    search_many(v, n, codebook, bucket);
  else if (codes)
    search_pairs(v, n, codebook, bucket, true);
  else
    search_pairs(v, n, codebook, bucket, false);
  if (codes)
    for (size_t i = 0; i < n; i++)
      codes[i] = (uint16_t)bucket[i];
}

void KERNEL(codebook_run)(const float *x, size_t n, const struct codebook *codebook, float scale,
                          float *y, uint16_t *codes)
{
  const float inverse = 1 / scale;
  float v[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++)
      v[i] = x[done + i] * inverse;
    codebook_block(v, m, codebook, codes ? codes + done : NULL);
    for (size_t i = 0; i < m; i++) {
      float in = x[done + i], out = v[i] * scale;
      y[done + i] = in == in ? out : in;
    }
  }
}

void KERNEL(codebook_lanes)(const float *x, size_t n, const struct codebook *codebook,
                            const struct unit *units, float *y, uint16_t *codes)
{
  float v[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++)
      v[i] = x[done + i] * (1 / units[done + i].scale);
    codebook_block(v, m, codebook, codes ? codes + done : NULL);
    for (size_t i = 0; i < m; i++) {
      float in = x[done + i], out = v[i] * units[done + i].scale;
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
