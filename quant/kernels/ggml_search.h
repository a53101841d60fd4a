/* The scale searches of the ggml types, many sub-blocks side by side.
 *
 * COUNT sub-blocks of N elements lie one after the other in X (and in WEIGHTS). The result of a
 * search is a scale and what makes the codes; the codes themselves are written only by those who
 * need them. Ownership: borrowed. Threads: no state. */
#ifndef QSCOPE_QUANT_KERNELS_GGML_SEARCH_H
#define QSCOPE_QUANT_KERNELS_GGML_SEARCH_H

#include "quant/kernels/ggml.h"

/* --- x = scale * l, l in -top .. top - 1 ---------------------------------------------------- */

struct symmetric_fit {
  float scale;
  float factor; /* l is factor * x, rounded */
  bool empty;   /* no magnitude reaches 1e-15: scale 0, and all codes are 0 (l = -top) */
};

/* 19 inverse scales around -top / first largest; weighted least squares decides. N is 16 or 32. */
void KERNEL(symmetric_search)(const float *x, const float *weights, size_t n, size_t count, int top,
                              struct symmetric_fit *fits);

/* Codes l + top of one sub-block. */
static inline void symmetric_codes(const struct symmetric_fit *fit, const float *restrict x,
                                   size_t n, int top, uint8_t *restrict code)
{
  for (size_t i = 0; i < n; i++)
    code[i] = (uint8_t)(magic_clamped(fit->factor * x[i], -top, top - 1) + top);
  if (fit->empty)
    memset(code, 0, n);
}

/* Codes l + top for a scale that has been stored: x / scale, rounded. */
static inline void symmetric_requantize(const float *restrict x, size_t n, float scale, int top,
                                        uint8_t *restrict code)
{
  for (size_t i = 0; i < n; i++)
    code[i] = (uint8_t)(magic_clamped(x[i] / scale, -top, top - 1) + top);
}

/* Q3_K's own: -4 / first largest, then up to five rounds that move one code at a time. Sub-blocks
 * of 16; weights x^2; codes l + 4 are written. */
void KERNEL(refine_search)(const float *x, size_t count, float *scales, uint8_t *codes);

/* --- x = scale * l + min, l in 0 .. top, min <= 0 ------------------------------------------- */

enum affine_weights { WEIGHT_MAGNITUDE, WEIGHT_RMS, WEIGHT_GIVEN };

struct affine_rule {
  int top;
  float first, step; /* candidates: (first + step * s + top) / (max - min), s = 0 .. steps */
  int steps;
  bool absolute; /* errors count with their magnitude, else squared */
  enum affine_weights weights;
};

struct affine_fit {
  float scale, min;
  float factor, origin; /* l is factor * (x - origin), rounded */
};

void KERNEL(affine_search)(const struct affine_rule *rule, const float *x, const float *weights,
                           size_t n, size_t count, struct affine_fit *fits);

static inline void affine_codes(const struct affine_fit *fit, const float *restrict x, size_t n,
                                int top, uint8_t *restrict code)
{
  for (size_t i = 0; i < n; i++)
    code[i] = (uint8_t)magic_clamped(fit->factor * (x[i] - fit->origin), 0, top);
}

static inline void affine_requantize(const float *restrict x, size_t n, float scale, float offset,
                                     int top, uint8_t *restrict code)
{
  for (size_t i = 0; i < n; i++)
    code[i] = (uint8_t)magic_clamped((x[i] + offset) / scale, 0, top);
}

/* Scale of N (<= 16) positive numbers on 0 .. top and their codes; ggml's fit of scales and mins
 * under an importance vector. */
float KERNEL(positive_fit)(const float *v, const float *weights, size_t n, int top, uint8_t *codes);

/* --- x = scale * level, the 16 levels of IQ4 ------------------------------------------------- */

extern const float KERNEL(iq4_levels)[16];

/* Scale of each sub-block of 32 after 15 candidates around -first largest / 127. */
void KERNEL(codebook_search)(const float *x, const float *weights, size_t count, float *scales);

/* Scale and codes (32 for each) of the sub-blocks from the one candidate -127 / first largest: what
 * ggml's row functions make, without a search. Where no magnitude reaches 1e-15 the scale is 0 and
 * the codes are those of zeros. */
void KERNEL(codebook_rows)(const float *x, size_t count, float *scales, uint8_t *codes);

/* Codes of the levels nearest to factor * x, the upper one on a tie and for NaN. */
void KERNEL(codebook_codes)(const float *x, size_t n, float factor, uint8_t *code);

#endif
