/* The built-in codebooks, as bitsandbytes has them (bitsandbytes-foundation/bitsandbytes,
 * bitsandbytes/functional.py, MIT): quantiles of the normal distribution, and a "fp4" that is not
 * E2M1. Bounds are the float32 midpoints of its PyTorch backend. The two zeros of fp4 are one. */
#include "quant/codebook.h"

#include <math.h>

static const float nf4_levels[16] = {-1.0f,        -0.6961928f,  -0.52507305f,  -0.3949175f,
                                     -0.28444138f, -0.18477343f, -0.091050036f, 0.0f,
                                     0.0795803f,   0.1609302f,   0.2461123f,    0.33791524f,
                                     0.44070983f,  0.562617f,    0.72295684f,   1.0f};
static const float nf4_bounds[16] = {-0.8480964f, -0.6106329f,  -0.45999527f,  -0.33967942f,
                                     -0.2346074f, -0.13791174f, -0.045525018f, 0.03979015f,
                                     0.12025525f, 0.20352125f,  0.29201376f,   0.38931254f,
                                     0.50166345f, 0.6427869f,   0.86147845f,   INFINITY};

struct codebook nf4_codebook = {
    .count = 16, .size = 16, .level = nf4_levels, .bound = nf4_bounds, .zero = 7};

static const float fp4_levels[16] = {
    -1.0f,         -0.6666667f, -0.5f, -0.33333334f, -0.25f, -0.16666667f, -0.0052083335f, 0.0f,
    0.0052083335f, 0.16666667f, 0.25f, 0.33333334f,  0.5f,   0.6666667f,   1.0f,           1.0f};
static const float fp4_bounds[16] = {-0.8333334f,  -0.5833334f, -0.4166667f,    -0.2916667f,
                                     -0.20833334f, -0.0859375f, -0.0026041667f, 0.0026041667f,
                                     0.0859375f,   0.20833334f, 0.2916667f,     0.4166667f,
                                     0.5833334f,   0.8333334f,  INFINITY,       INFINITY};
static const uint16_t fp4_codes[16] = {11, 10, 13, 12, 15, 14, 9, 0, 1, 6, 7, 4, 5, 2, 3};

struct codebook bnb_fp4_codebook = {.count = 15,
                                    .size = 16,
                                    .level = fp4_levels,
                                    .bound = fp4_bounds,
                                    .code = fp4_codes,
                                    .zero = 7};

/* Before main: the table of formats refers to them, and any thread may use it. */
__attribute__((constructor)) static void make_buckets(void)
{
  static struct codebook_bucket nf4_buckets[CODEBOOK_BUCKETS], fp4_buckets[CODEBOOK_BUCKETS];
  codebook_make_buckets(&nf4_codebook, nf4_buckets);
  codebook_make_buckets(&bnb_fp4_codebook, fp4_buckets);
}
