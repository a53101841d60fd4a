/* Fits of the formats with blocks of their own: the SQNR of CONVENTIONS 2.3 on the portable
 * tensors, any stretch of elements against the whole, ragged rows, threads, importance, bounds and
 * levels, and blocks that nobody means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/block.h"
#include "quant/quantizer.h"
#include "tests/support/portable.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct quantizer spec(const char *text)
{
  struct quantizer quantizer;
  struct error error;
  if (quantizer_parse(text, &quantizer, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return quantizer;
}

static struct fit *fit_of(const struct quantizer *quantizer, const float *x, size_t rows,
                          size_t columns)
{
  const struct shape shape = {.dims = 2, .dim = {rows, columns}};
  const struct feed feed = feed_floats(x, rows * columns);
  struct fit *fit = NULL;
  struct error error;
  if (quantizer_fit(quantizer, &feed, &shape, NULL, &fit, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return fit;
}

/* The whole tensor, block by block. */
static void reconstruct(const struct fit *fit, const float *x, size_t n, float *y, uint16_t *codes)
{
  for (size_t start = 0, take; start < n; start += take) {
    take = n - start < FEED_BLOCK ? n - start : FEED_BLOCK;
    fit_round_trip(fit, start, take, x + start, y + start, codes ? codes + start : NULL);
  }
}

/* --- CONVENTIONS 2.3 -------------------------------------------------------------------------- */

enum { COUNT = 1 << 20, COLUMNS = 4096 };

static double sqnr_of(const char *text, const float *x)
{
  static float y[COUNT];
  struct quantizer quantizer = spec(text);
  struct fit *fit = fit_of(&quantizer, x, COUNT / COLUMNS, COLUMNS);
  double signal2 = 0, error2 = 0;
  reconstruct(fit, x, COUNT, y, NULL);
  for (size_t i = 0; i < COUNT; i++) {
    double error = (double)x[i] - (double)y[i];
    signal2 += (double)x[i] * (double)x[i];
    error2 += error * error;
  }
  fit_free(fit);
  return 10 * log10(signal2 / error2);
}

static const struct published {
  const char *spec;
  double db[3]; /* Gaussian, Laplace, Student t; 0: none published */
} published[] = {
    {"mxfp8_e4m3", {30.65, 29.99, 29.39}},
    {"mxfp8_e4m3,scale-rule=ceil", {31.52, 0, 0}},
    {"mxfp8_e4m3,scale-rule=rceil", {31.52, 31.54, 31.41}},
    {"mxfp8_e4m3,scale-rule=even", {31.18, 30.83, 30.44}},
    {"mxfp8_e5m2", {25.36, 25.21, 25.00}},
    {"mxfp8_e5m2,scale-rule=rceil", {25.54, 25.56, 25.48}},
    {"mxfp8_e5m2,scale-rule=even", {25.54, 25.56, 25.48}},
    {"mxfp6_e2m3", {30.94, 30.29, 29.18}},
    {"mxfp6_e2m3,scale-rule=ceil", {28.77, 0, 0}},
    {"mxfp6_e2m3,scale-rule=rceil", {30.96, 30.24, 29.08}},
    {"mxfp6_e2m3,scale-rule=even", {30.99, 30.33, 29.20}},
    {"mxfp6_e3m2", {25.36, 25.21, 24.99}},
    {"mxfp6_e3m2,scale-rule=even", {25.54, 25.56, 25.48}},
    {"mxfp4", {18.79, 17.95, 17.00}},
    {"mxfp4,scale-rule=ceil", {16.82, 0, 0}},
    {"mxfp4,scale-rule=rceil", {18.76, 17.59, 16.49}},
    {"mxfp4,scale-rule=even", {19.03, 18.15, 17.18}},
    {"mxint8", {41.66, 40.00, 37.92}},
    {"mxint8,scale-rule=ceil", {35.64, 0, 0}},
    {"mxint8,scale-rule=rceil", {41.61, 39.93, 37.87}},
    {"nvfp4", {20.44, 20.66, 20.92}},
    {"q8_0", {45.44, 43.45, 41.4}},
    {"q6_k", {35.03, 33.29, 31.8}},
    {"q5_k", {28.85, 27.38, 26.5}},
    {"q4_k", {22.93, 21.47, 20.65}},
    {"q4_1", {22.13, 20.76, 19.9}},
    {"q4_0", {21.32, 19.43, 17.9}},
    {"iq4_nl", {22.37, 21.13, 19.85}},
    {"q3_k", {16.43, 15.09, 14.4}},
    {"q2_k", {10.57, 9.28, 9.06}},
    {"tq2_0", {1.87, 1.62, 1.96}},
};

/* The tolerances of CONVENTIONS 2.3 are for 2^22 values; a quarter of them doubles the spread.
 * Heavy tails spread more: their few largest values decide. */
static void test_published(void **state)
{
  static float x[COUNT];
  static void (*const make[3])(float *, size_t) = {portable_gaussian, portable_laplace,
                                                   portable_student3};
  static const double tolerance[3] = {0.06, 0.06, 0.25};
  (void)state;
  for (int d = 0; d < 3; d++) {
    make[d](x, COUNT);
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
      if (published[i].db[d] == 0)
        continue;
      double db = sqnr_of(published[i].spec, x);
      if (!(fabs(db - published[i].db[d]) <= tolerance[d]))
        fail_msg("%s, tensor %d: %.3f dB, expected %.2f", published[i].spec, d, db,
                 published[i].db[d]);
    }
  }
}

/* --- the parts and the whole ------------------------------------------------------------------ */

static const char *const specs[] = {
    "mxfp8_e4m3",
    "mxfp8_e5m2",
    "mxfp6_e2m3",
    "mxfp6_e3m2",
    "mxfp4",
    "mxint8",
    "mxfp4,block=128",
    "mxfp6_e3m2,block=12",
    "nvfp4",
    "nvfp4,variant=vllm",
    "nvfp4,four-over-six",
    "q4_0,pad",
    "q4_1,pad",
    "q5_0,pad",
    "q5_1,pad",
    "q8_0,pad",
    "q2_k,pad",
    "q3_k,pad",
    "q4_k,pad",
    "q5_k,pad",
    "q6_k,pad",
    "iq4_nl,pad",
    "iq4_xs,pad",
    "tq1_0,pad",
    "tq2_0,pad",
    "q1_0,pad",
    "q2_0,pad",
    "mxfp4_ggml,pad",
    "nvfp4_ggml,pad",
};
enum { SPECS = sizeof specs / sizeof *specs };

/* Rows padded by hand, packed by the codec in one call each: what the fit must hold. */
static void check_packed(const struct fit *fit, const float *x, size_t rows, size_t columns)
{
  const struct quantizer *quantizer = fit_quantizer(fit);
  const struct block_codec *found = block_codec_find(quantizer->format->name);
  const size_t length = quantizer->block.length;
  const struct block_codec codec = length ? block_resized(found, length) : *found;
  struct block_setting setting = {.length = codec.length,
                                  .tensor_scale = 1,
                                  .variant = quantizer->block.variant,
                                  .four_over_six = quantizer->block.four_over_six};
  size_t blocks = (columns + codec.length - 1) / codec.length, packed_rows, row_bytes;
  float *row = calloc(blocks * codec.length, sizeof *row), absmax = 0;
  unsigned char *bytes = malloc(blocks * codec.bytes);
  for (size_t i = 0; i < rows * columns; i++)
    absmax = fmaxf(absmax, fabsf(x[i]));
  if (codec.tensor_scale)
    setting.tensor_scale = codec.tensor_scale(&setting, absmax);
  const unsigned char *packed = fit_packed(fit, &packed_rows, &row_bytes);
  assert_int_equal(packed_rows, rows);
  assert_int_equal(row_bytes, blocks * codec.bytes);
  for (size_t r = 0; r < rows; r++) {
    memcpy(row, x + r * columns, columns * sizeof *row);
    codec.encode(&setting, row, NULL, blocks * codec.length, bytes);
    assert_memory_equal(packed + r * row_bytes, bytes, row_bytes);
  }
  free(row);
  free(bytes);
}

static void check_stretches(const struct fit *fit, const float *x, size_t n)
{
  float *y = malloc(n * sizeof *y), part[300];
  uint16_t *codes = malloc(n * sizeof *codes), part_codes[300];
  uint64_t stream = 7;
  reconstruct(fit, x, n, y, codes);
  for (int i = 0; i < 300; i++) {
    size_t start = portable_next(&stream) % n, length = 1 + portable_next(&stream) % 300;
    length = length < n - start ? length : n - start;
    bool with_codes = i % 2;
    fit_round_trip(fit, start, length, x + start, part, with_codes ? part_codes : NULL);
    assert_memory_equal(part, y + start, length * sizeof *part);
    if (with_codes)
      assert_memory_equal(part_codes, codes + start, length * sizeof *part_codes);
  }
  /* y = scale * level + offset, from what the fit says of each unit. */
  const struct grain *grain = fit_grain(fit);
  for (size_t i = 0; i < n; i++) {
    size_t unit = grain_unit(grain, i);
    float level = (float)fit_code_value(fit, unit, codes[i]);
    float value = fit_scale(fit, unit) * level;
    if (fit_has_offset(fit))
      value += fit_offset(fit, unit);
    assert_true(value == y[i]);
  }
  free(y);
  free(codes);
}

static void test_any_stretch(void **state)
{
  enum { ROWS = 7, RAGGED = 700 };
  static float x[ROWS * RAGGED];
  (void)state;
  portable_gaussian(x, ROWS * RAGGED);
  for (int i = 0; i < SPECS; i++) {
    struct quantizer quantizer = spec(specs[i]);
    struct fit *fit = fit_of(&quantizer, x, ROWS, RAGGED);
    check_packed(fit, x, ROWS, RAGGED);
    check_stretches(fit, x, ROWS * RAGGED);
    fit_free(fit);
  }
}

static void test_threads(void **state)
{
  enum { ROWS = 64, WIDE = 3000 };
  static float x[ROWS * WIDE], weights[WIDE];
  static const char *const some[] = {"nvfp4", "mxfp6_e3m2", "q4_k,pad", "q4_0,pad,importance=w"};
  (void)state;
  portable_student3(x, ROWS * WIDE);
  for (size_t i = 0; i < WIDE; i++)
    weights[i] = (float)(1 + i % 5);
  for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
    struct quantizer quantizer = spec(some[i]);
    size_t rows, bytes;
    if (quantizer.block.importance[0]) {
      quantizer.block.weights = weights;
      quantizer.block.weight_count = WIDE;
    }
    pool_set_threads(1);
    struct fit *one = fit_of(&quantizer, x, ROWS, WIDE);
    pool_set_threads(5);
    struct fit *five = fit_of(&quantizer, x, ROWS, WIDE);
    pool_set_threads(0);
    const unsigned char *a = fit_packed(one, &rows, &bytes), *b = fit_packed(five, &rows, &bytes);
    assert_memory_equal(a, b, rows * bytes);
    for (size_t unit = 0; unit < fit_grain(one)->units; unit++)
      assert_true(fit_scale(one, unit) == fit_scale(five, unit));
    fit_free(one);
    fit_free(five);
  }
}

/* --- importance ------------------------------------------------------------------------------- */

/* Weights go to the codec as they are, row by row. */
static void test_importance(void **state)
{
  enum { ROWS = 3, WIDE = 512 };
  static float x[ROWS * WIDE], weights[WIDE];
  static unsigned char packed[WIDE];
  (void)state;
  portable_laplace(x, ROWS * WIDE);
  for (size_t i = 0; i < WIDE; i++)
    weights[i] = i % 3 ? 0.25f : 4;
  struct quantizer quantizer = spec("q4_k,importance=w.npy");
  quantizer.block.weights = weights;
  quantizer.block.weight_count = WIDE;
  struct fit *fit = fit_of(&quantizer, x, ROWS, WIDE);
  const struct block_codec *codec = block_codec_find("q4_k");
  const struct block_setting setting = {.length = codec->length, .tensor_scale = 1};
  size_t rows, bytes;
  const unsigned char *found = fit_packed(fit, &rows, &bytes);
  for (size_t r = 0; r < ROWS; r++) {
    codec->encode(&setting, x + r * WIDE, weights, WIDE, packed);
    assert_memory_equal(found + r * bytes, packed, bytes);
  }
  codec->encode(&setting, x, NULL, WIDE, packed);
  assert_memory_not_equal(found, packed, bytes); /* they matter */
  fit_free(fit);
}

/* Each matrix of a tensor of three dimensions may have weights of its own (experts), or share
 * them. */
static void test_importance_of_matrices(void **state)
{
  enum { MATRICES = 3, ROWS = 2, WIDE = 256, ALL = MATRICES * ROWS * WIDE };
  static float x[ALL], weights[MATRICES * WIDE];
  static unsigned char packed[WIDE];
  const struct shape shape = {.dims = 3, .dim = {MATRICES, ROWS, WIDE}};
  const struct feed feed = feed_floats(x, ALL);
  (void)state;
  portable_laplace(x, ALL);
  for (size_t i = 0; i < MATRICES * WIDE; i++)
    weights[i] = i % (i / WIDE + 2) ? 0.25f : 4;
  const struct block_codec *codec = block_codec_find("q4_k");
  const struct block_setting setting = {.length = codec->length, .tensor_scale = 1};
  for (size_t shared = 0; shared <= 1; shared++) {
    struct quantizer quantizer = spec("q4_k,importance=w.npy");
    struct error error;
    struct fit *fit = NULL;
    size_t rows, bytes;
    quantizer.block.weights = weights;
    quantizer.block.weight_count = shared ? WIDE : MATRICES * WIDE;
    assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error), STATUS_OK);
    const unsigned char *found = fit_packed(fit, &rows, &bytes);
    assert_int_equal(rows, MATRICES * ROWS);
    for (size_t r = 0; r < rows; r++) {
      codec->encode(&setting, x + r * WIDE, weights + (shared ? 0 : r / ROWS * WIDE), WIDE, packed);
      assert_memory_equal(found + r * bytes, packed, bytes);
    }
    fit_free(fit);
    quantizer.block.weight_count = 2 * WIDE;
    assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error), STATUS_USAGE);
    assert_non_null(strstr(error.text,
                           "expected 256 weights, one for each column, or 768, for each "
                           "matrix its own; found 512"));
  }
}

static void check_refused(const struct quantizer *quantizer, size_t columns, const char *expected)
{
  static const float x[512];
  const struct shape shape = {.dims = 1, .dim = {columns}};
  const struct feed feed = feed_floats(x, columns);
  struct fit *fit = NULL;
  struct error error;
  assert_int_equal(quantizer_fit(quantizer, &feed, &shape, NULL, &fit, &error), STATUS_USAGE);
  if (!strstr(error.text, expected))
    fail_msg("\"%s\" says nothing of \"%s\"", error.text, expected);
}

static void test_refusals(void **state)
{
  float weights[256] = {1};
  (void)state;
  struct quantizer quantizer = spec("q4_k");
  check_refused(&quantizer, 100, "the rows have 100 elements, which its blocks of 256");
  check_refused(&quantizer, 100, "\"pad\"");
  quantizer = spec("q4_k,importance=w.npy");
  check_refused(&quantizer, 256, "has not been read");
  quantizer.block.weights = weights;
  quantizer.block.weight_count = 255;
  check_refused(&quantizer, 256, "expected 256 weights, one for each column, found 255");
  quantizer.block.weight_count = 256;
  weights[3] = -1;
  check_refused(&quantizer, 256, "found -1 at 3");
  weights[3] = NAN;
  check_refused(&quantizer, 256, "at 3");
}

/* --- the spec --------------------------------------------------------------------------------- */

static void test_spec(void **state)
{
  static const struct {
    const char *spec, *canonical;
  } good[] = {
      {"MXFP8", "mxfp8_e4m3"},
      {"mxfp4,block=32,scale-rule=floor", "mxfp4"},
      {"mxfp4,scale-rule=EVEN,block=64", "mxfp4,block=64,scale-rule=even"},
      {"mxfp4,round=away", "mxfp4,round=away"},
      {"mxfp4,pad", "mxfp4"}, /* it pads anyway */
      {"nvfp4,four-over-six,variant=torchao", "nvfp4,variant=torchao,four-over-six"},
      {"nvfp4,variant=modelopt", "nvfp4"},
      {"q4_k,pad,importance=w.npy", "q4_k,importance=w.npy,pad"},
      {"int4,block=64", "int4,sym,group=64,minmax"},
  };
  static const struct {
    const char *spec, *says;
  } bad[] = {
      {"mxfp4,sym", "\"sym\" contradicts \"mxfp4\""},
      {"mxfp4,group=16", "block=N"},
      {"q4_k,group=7", "its own blocks of 256"},
      {"q4_k,channel", "its own blocks of 256"},
      {"nvfp4,mse", "finds its scales itself"},
      {"q4_0,narrow", "fixes its codes"},
      {"q4_0,scale=1", "finds its scales itself"},
      {"q4_0,block=64", "its blocks have 32 elements"},
      {"mxfp4,block=7", "block=8 is the nearest"},
      {"mxfp4,block=1024", "block=256 is the nearest"},
      {"mxfp4,block=0", "a length"},
      {"mxfp4,round=stochastic", "even, away or to zero"},
      {"q4_0,round=away", "fixes the rounding"},
      {"mxfp4,scale-rule=up", "one of floor ceil rceil even"},
      {"nvfp4,scale-rule=even", "belongs to the MX formats"},
      {"mxfp4,variant=vllm", "belongs to nvfp4"},
      {"mxfp4,four-over-six", "belongs to nvfp4"},
      {"int4,pad", "groups need no padding"},
      {"q8_0,importance=w.npy", "looks at no weights"},
      {"int4,importance=w.npy", "looks at no weights"},
      {"q4_0,importance=-", "a file of weights"},
      {"mxfp4,mxfp4", "repeats"},
      {"int4,block=64,group=64", "contradicts"},
  };
  char text[QUANTIZER_TEXT];
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct quantizer quantizer = spec(good[i].spec), again;
    assert_string_equal(quantizer_print(&quantizer, text), good[i].canonical);
    again = spec(text);
    assert_true(quantizer_equal(&quantizer, &again));
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct quantizer quantizer;
    struct error error;
    if (quantizer_parse(bad[i].spec, &quantizer, &error) == STATUS_OK)
      fail_msg("%s was accepted", bad[i].spec);
    if (!strstr(error.text, bad[i].says))
      fail_msg("%s: \"%s\" says nothing of \"%s\"", bad[i].spec, error.text, bad[i].says);
  }
}

/* --- bounds, levels, bits --------------------------------------------------------------------- */

/* Ends of the grids with half a step more; ties go to the even neighbour. */
static void test_bounds(void **state)
{
  static const struct {
    const char *spec;
    double most, threshold; /* in units of the scale */
    bool tie_inside;
  } ends[] = {{"mxfp8_e4m3", 448, 464, true},
              {"mxfp8_e5m2", 57344, 61440, false},
              {"mxfp6_e2m3", 7.5, 7.75, false},
              {"mxfp6_e3m2", 28, 30, false},
              {"mxfp4", 6, 7, false},
              {"mxint8", 127 / 64.0, 127.5 / 64, false},
              {"mxfp4,round=zero", 6, 8, false},
              {"mxfp8_e4m3,round=away", 448, 464, false},
              {"nvfp4,variant=torchao_single", 6, 7, false}};
  static float x[32];
  (void)state;
  x[0] = 5;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    struct quantizer quantizer = spec(ends[i].spec);
    struct fit *fit = fit_of(&quantizer, x, 1, 32);
    struct tally_bounds bounds;
    double lo, hi, scale = (double)fit_scale(fit, 0);
    fit_bounds(fit, 0, &bounds);
    fit_range(fit, 0, &lo, &hi);
    assert_true(hi == ends[i].most * scale && lo == -hi);
    float threshold = (float)(ends[i].threshold * scale);
    if (!ends[i].tie_inside)
      threshold = nextafterf(threshold, 0);
    if (fabsf(bounds.clip_hi - threshold) > 0)
      fail_msg("%s: %a, expected %a", ends[i].spec, (double)bounds.clip_hi, (double)threshold);
    assert_true(bounds.clip_lo == -bounds.clip_hi);
    fit_free(fit);
  }
}

/* Half a step beyond the end levels of an affine sub-block. */
static void test_affine_bounds(void **state)
{
  static float x[32];
  (void)state;
  for (int i = 0; i < 32; i++)
    x[i] = (float)(i % 16) + 100;
  struct quantizer quantizer = spec("q4_1");
  struct fit *fit = fit_of(&quantizer, x, 1, 32);
  struct tally_bounds bounds;
  double lo, hi;
  fit_bounds(fit, 0, &bounds);
  fit_range(fit, 0, &lo, &hi);
  assert_true(fit_has_offset(fit) && fit_offset(fit, 0) == 100 && fit_scale(fit, 0) == 1);
  assert_true(lo == 100 && hi == 115);
  assert_true(bounds.clip_lo == 99.5f && bounds.clip_hi == 115.5f);
  fit_free(fit);
}

static void test_levels_and_bits(void **state)
{
  static float x[512];
  static const struct {
    const char *spec;
    double bits; /* of 512 elements */
    size_t levels;
  } facts[] = {{"mxfp8_e4m3", 8.25, 253},
               {"mxfp4", 4.25, 15},
               {"mxfp6_e3m2", 6.25, 63},
               {"mxint8", 8.25, 255},
               {"mxfp4,block=16", 4.5, 15},
               {"nvfp4", 4.5 + 32 / 512.0, 15},
               {"nvfp4,variant=torchao_single", 4.5, 15},
               {"q4_0", 4.5, 16},
               {"q4_1", 5, 16},
               {"q2_k", 2.625, 4},
               {"q3_k", 3.4375, 8},
               {"q4_k", 4.5, 16},
               {"q6_k", 6.5625, 64},
               {"q8_0", 8.5, 255},
               {"iq4_xs", 4.25, 16},
               {"tq1_0", 1.6875, 3},
               {"tq2_0", 2.0625, 3}};
  (void)state;
  portable_gaussian(x, 512);
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
    struct quantizer quantizer = spec(facts[i].spec);
    struct fit *fit = fit_of(&quantizer, x, 1, 512);
    size_t count;
    double *levels = fit_levels(fit, 1, &count);
    if (fit_bits_per_element(fit) != facts[i].bits || count != facts[i].levels)
      fail_msg("%s: %g bits, %zu levels", facts[i].spec, fit_bits_per_element(fit), count);
    for (size_t k = 1; k < count; k++)
      assert_true(levels[k - 1] < levels[k]);
    free(levels);
    fit_free(fit);
  }
}

/* --- odd blocks ------------------------------------------------------------------------------- */

/* Zeros stay zeros; one bad value spoils its own block alone; nothing crashes on denormals and the
 * largest numbers. */
static void test_odd_blocks(void **state)
{
  enum { BLOCKS = 6, WIDE = 256 * BLOCKS };
  static float x[WIDE], y[WIDE];
  (void)state;
  portable_gaussian(x + 256 * 3, 256 * 3);
  for (int i = 0; i < 256; i++) {
    x[256 + i] = (i % 2 ? -FLT_TRUE_MIN : FLT_TRUE_MIN) * (float)i;
    x[512 + i] = i % 2 ? -FLT_MAX : FLT_MAX;
  }
  x[256 * 4 + 5] = NAN;
  for (int i = 0; i < SPECS; i++) {
    struct quantizer quantizer = spec(specs[i]);
    struct fit *fit = fit_of(&quantizer, x, 1, WIDE);
    reconstruct(fit, x, WIDE, y, NULL);
    for (int k = 0; k < 256; k++)
      assert_true(y[k] == 0);
    for (int k = 256 * 5; k < WIDE; k++)
      assert_true(isfinite(y[k]));
    struct tally_bounds bounds;
    for (size_t unit = 0; unit < fit_grain(fit)->units; unit++) {
      size_t count;
      fit_bounds(fit, unit, &bounds);
      assert_false(isnan(bounds.clip_lo) || isnan(bounds.clip_hi));
      free(fit_levels(fit, unit, &count));
    }
    fit_free(fit);
  }
}

/* MX and NVFP4: a block with NaN is NaN altogether; infinity too in MX, the largest code in NVFP4.
 */
static void test_not_a_number(void **state)
{
  static float x[64], y[64];
  (void)state;
  for (int i = 0; i < 64; i++)
    x[i] = 1;
  x[3] = NAN;
  struct quantizer quantizer = spec("mxfp4");
  struct fit *fit = fit_of(&quantizer, x, 1, 64);
  reconstruct(fit, x, 64, y, NULL);
  for (int i = 0; i < 64; i++)
    assert_true(i < 32 ? isnan(y[i]) : y[i] == 1);
  fit_free(fit);
  quantizer = spec("nvfp4,variant=torchao_single");
  x[3] = INFINITY;
  fit = fit_of(&quantizer, x, 1, 64);
  reconstruct(fit, x, 64, y, NULL);
  assert_true(y[3] == 6 * 448 && y[4] == 0);
  for (int i = 16; i < 64; i++)
    assert_true(fabsf(y[i] - 1) < 0.05f);
  fit_free(fit);
}

static void test_empty_and_scalar(void **state)
{
  static const float one[1] = {-2};
  (void)state;
  for (int i = 0; i < SPECS; i++) {
    struct quantizer quantizer = spec(specs[i]);
    struct shape shape = {.dims = 2, .dim = {0, 5}};
    struct feed feed = feed_floats(one, 0);
    struct fit *fit;
    assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, NULL), STATUS_OK);
    assert_true(fit_bits_per_element(fit) == 0);
    fit_free(fit);
    shape.dims = 0;
    feed.count = 1;
    assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, NULL), STATUS_OK);
    float y;
    fit_round_trip(fit, 0, 1, one, &y, NULL);
    if (!(y < 0 && y > -2.6f)) /* q1_0: the mean of a padded block */
      fail_msg("%s: %g", specs[i], (double)y);
    fit_free(fit);
  }
}

static void test_cancel(void **state)
{
  static float x[1 << 18];
  struct progress progress = {0};
  const struct shape shape = {.dims = 1, .dim = {1 << 18}};
  const struct feed feed = feed_floats(x, 1 << 18);
  struct quantizer quantizer = spec("nvfp4");
  struct fit *fit = NULL;
  struct error error;
  (void)state;
  assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, &progress, &fit, &error), STATUS_OK);
  assert_true(atomic_load(&progress.done) == atomic_load(&progress.total)); /* two passes */
  assert_true(atomic_load(&progress.total) == 2 * feed.count);
  fit_free(fit);
  progress_cancel(&progress);
  fit = NULL;
  assert_int_equal(quantizer_fit(&quantizer, &feed, &shape, &progress, &fit, &error),
                   STATUS_CANCELLED);
  assert_null(fit);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_published),
      cmocka_unit_test(test_any_stretch),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_importance),
      cmocka_unit_test(test_importance_of_matrices),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_spec),
      cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_affine_bounds),
      cmocka_unit_test(test_levels_and_bits),
      cmocka_unit_test(test_odd_blocks),
      cmocka_unit_test(test_not_a_number),
      cmocka_unit_test(test_empty_and_scalar),
      cmocka_unit_test(test_cancel),
  };
  kernels_init();
  return cmocka_run_group_tests_name("block_fit", tests, NULL, NULL);
}
