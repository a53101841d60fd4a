/* The ggml block codecs against ggml's own bytes, with and without an importance vector, at every
 * level of the kernels; and what they do at the edges of float32. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/base/half.h"
#include "quant/block.h"
#include "quant/format.h"
#include "quant/kernels/kernels.h"
#include "tests/quant/ggml_blocks.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct block_setting plain = {.tensor_scale = 1};

/* The types that encode, under ggml's name in the vectors' file names; UNSPECIFIED: the row of
 * float32 subnormals is undefined C in the reference (manifest.json). */
static const struct {
  const char *name, *file;
  bool unspecified;
} types[] = {
    {"q4_0", "Q4_0", true},         {"q4_1", "Q4_1", true},      {"q5_0", "Q5_0", true},
    {"q5_1", "Q5_1", true},         {"q8_0", "Q8_0", true},      {"q2_k", "Q2_K", true},
    {"q3_k", "Q3_K", false},        {"q4_k", "Q4_K", false},     {"q5_k", "Q5_K", false},
    {"q6_k", "Q6_K", false},        {"iq4_nl", "IQ4_NL", false}, {"iq4_xs", "IQ4_XS", false},
    {"tq1_0", "TQ1_0", true},       {"tq2_0", "TQ2_0", true},    {"mxfp4_ggml", "MXFP4", true},
    {"nvfp4_ggml", "NVFP4", false}, {"q1_0", "Q1_0", false},     {"q2_0", "Q2_0", true},
};
enum { TYPES = sizeof types / sizeof types[0], ROWS = 24, COLUMNS = 1024, SUBNORMAL_ROW = 22 };

static const struct block_codec *codec_of(const struct kernels *level, const char *name)
{
  const struct block_codec *codec;
  for (size_t i = 0; (codec = block_codec_of(level, i)); i++)
    if (strcmp(codec->name, name) == 0)
      return codec;
  fail_msg("no codec %s", name);
  return NULL;
}

/* Equal as numbers or both NaN: the sign of zero is compared through the bytes. */
static bool same(float a, float b)
{
  return isnan(a) ? isnan(b) : a == b;
}

static size_t row_bytes(const struct block_codec *codec, size_t n)
{
  return n / codec->length * codec->bytes;
}

/* --- the reference vectors ------------------------------------------------------------------ */

struct reference {
  struct vector q, y;
};

static struct reference reference_load(const char *prefix, const char *file)
{
  struct reference r;
  assert_true(vector_load(&r.q, "conformance/formats/ggml/%s%s_q.npy", prefix, file));
  assert_true(vector_load(&r.y, "conformance/formats/ggml/%s%s_y.npy", prefix, file));
  return r;
}

static void reference_free(struct reference *r)
{
  vector_free(&r->q);
  vector_free(&r->y);
}

static void check_row(const struct block_codec *codec, const char *level, size_t row,
                      const float *x, const float *importance, size_t n,
                      const unsigned char *packed, const float *y)
{
  unsigned char *found = malloc(row_bytes(codec, n));
  float *back = malloc(n * sizeof *back);
  assert_true(found && back);
  codec->encode(&plain, x, importance, n, found);
  for (size_t i = 0; i < row_bytes(codec, n); i++)
    if (found[i] != packed[i])
      fail_msg("%s %s%s row %zu block %zu byte %zu: 0x%02x, reference 0x%02x", level, codec->name,
               importance ? " with importance" : "", row, i / codec->bytes, i % codec->bytes,
               found[i], packed[i]);
  codec->decode(&plain, packed, n / codec->length, back);
  for (size_t i = 0; i < n; i++)
    if (!same(back[i], y[i]))
      fail_msg("%s %s row %zu element %zu: %a, reference %a", level, codec->name, row, i,
               (double)back[i], (double)y[i]);
  free(found);
  free(back);
}

static void check_rows(const char *name, const struct reference *r, const struct vector *x,
                       const size_t *rows, size_t count, const float *importance, bool unspecified)
{
  const struct kernels *const *levels = kernels_available();
  size_t n = x->dim[1];
  for (size_t level = 0; levels[level]; level++) {
    const struct block_codec *codec = codec_of(levels[level], name);
    assert_int_equal(r->q.count, count * row_bytes(codec, n));
    for (size_t i = 0; i < count; i++) {
      size_t row = rows ? rows[i] : i;
      if (unspecified && row == SUBNORMAL_ROW)
        continue;
      check_row(codec, levels[level]->name, row, vector_floats(x) + row * n, importance, n,
                (const unsigned char *)r->q.data + i * row_bytes(codec, n),
                vector_floats(&r->y) + i * n);
    }
  }
}

static void test_reference(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  struct vector x;
  assert_true(vector_load(&x, "conformance/formats/ggml/x.npy"));
  for (size_t t = 0; t < TYPES; t++) {
    struct reference r = reference_load("", types[t].file);
    check_rows(types[t].name, &r, &x, NULL, ROWS, NULL, types[t].unspecified);
    reference_free(&r);
  }
  vector_free(&x);
}

/* MSE and SQNR of ggml's own reconstructions, as the reference computed them, by our sums. */
static void test_reference_metrics(void **state)
{
  (void)state;
  static const struct tally_bounds nothing = {.clip_lo = -INFINITY, .clip_hi = INFINITY};
  if (!vectors_folder())
    skip();
  struct vector x, metrics;
  assert_true(vector_load(&x, "conformance/formats/ggml/x.npy"));
  assert_true(vector_load(&metrics, "conformance/formats/ggml/metrics.npy"));
  size_t compared = 0, n = x.dim[1];
  for (size_t t = 0; t < TYPES; t++) { /* in the order of metrics.npy */
    struct reference r = reference_load("", types[t].file);
    for (size_t row = 0; row < ROWS; row++) {
      double mse = vector_number(&metrics, (t * ROWS + row) * 2);
      double sqnr = vector_number(&metrics, (t * ROWS + row) * 2 + 1);
      struct tally tally = {0};
      if (!isfinite(mse) || !isfinite(sqnr))
        continue;
      kernels.tally(vector_floats(&x) + row * n, vector_floats(&r.y) + row * n, n, &nothing,
                    &tally);
      assert_true(fabs(tally.error2 / (double)n - mse) <= 1e-9 * mse);
      assert_true(fabs(10 * log10(tally.signal2 / tally.error2) - sqnr) <= 1e-9 * fabs(sqnr));
      compared++;
    }
    reference_free(&r);
  }
  assert_true(compared > 300);
  vector_free(&x);
  vector_free(&metrics);
}

static const size_t importance_rows[] = {1, 3, 5};

static void test_reference_importance(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  struct vector x, importance;
  assert_true(vector_load(&x, "conformance/formats/ggml/x.npy"));
  assert_true(vector_load(&importance, "conformance/formats/ggml/imatrix.npy"));
  for (size_t t = 0; t < TYPES; t++) {
    if (!codec_of(&kernels, types[t].name)->takes_importance)
      continue;
    struct reference r = reference_load("im_", types[t].file);
    check_rows(types[t].name, &r, &x, importance_rows, 3, vector_floats(&importance),
               types[t].unspecified);
    reference_free(&r);
  }
  vector_free(&x);
  vector_free(&importance);
}

/* Blocks around powers of two, where the reference's logarithm rounds up, and around the halves
 * of the scale's own rounding. */
static void test_reference_edges(void **state)
{
  (void)state;
  static const char *const edges[][2] = {{"mxfp4_ggml", "MXFP4_edge"},
                                         {"nvfp4_ggml", "NVFP4_edge"}};
  if (!vectors_folder())
    skip();
  for (size_t t = 0; t < 2; t++) {
    struct vector x;
    assert_true(vector_load(&x, "conformance/formats/ggml/%s_x.npy", edges[t][1]));
    struct reference r = reference_load("", edges[t][1]);
    check_rows(edges[t][0], &r, &x, NULL, x.dim[0], NULL, false);
    vector_free(&x);
    reference_free(&r);
  }
}

/* Sum of x^2 (x - y)^2: what the search of iq4_nl makes small. */
static double weighted_error(const float *x, const float *y, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    double weighted = (double)x[i] * ((double)x[i] - (double)y[i]);
    sum += weighted * weighted;
  }
  return sum;
}

/* ggml has a second function that packs iq4_nl, row by row and without the search for a scale:
 * variant=row. On the Gaussian rows the search errs no more in any block. */
static void test_reference_row_function(void **state)
{
  (void)state;
  enum { GAUSSIAN_ROWS = 3, N = COLUMNS };
  static const size_t rows[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                12, 13, 14, 15, 16, 17, 18, 19, 20, 21};
  static const struct block_setting row_function = {.variant = 1};
  static float back[N];
  static unsigned char packed[N];
  if (!vectors_folder())
    skip();
  struct vector x;
  assert_true(vector_load(&x, "conformance/formats/ggml/x.npy"));
  struct reference r = reference_load("", "IQ4_NL_rowref");
  assert_int_equal(r.y.count, sizeof rows / sizeof rows[0] * N);
  const struct kernels *const *levels = kernels_available();
  for (size_t level = 0; levels[level]; level++) {
    const struct block_codec *codec = codec_of(levels[level], "iq4_nl");
    assert_string_equal(codec->variants[row_function.variant], "row");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
      const unsigned char *q = (const unsigned char *)r.q.data + i * row_bytes(codec, N);
      const float *y = vector_floats(&r.y) + i * N, *row = vector_floats(&x) + rows[i] * N;
      codec->encode(&row_function, row, NULL, N, packed);
      assert_memory_equal(packed, q, row_bytes(codec, N));
      codec->decode(&row_function, packed, N / codec->length, back);
      for (size_t k = 0; k < N; k++)
        assert_true(same(back[k], y[k]));
      codec->encode(&plain, row, NULL, N, packed);
      codec->decode(&plain, packed, N / codec->length, back);
      for (size_t k = 0; i < GAUSSIAN_ROWS && k < N; k += codec->length)
        assert_true(weighted_error(row + k, back + k, codec->length) <=
                    weighted_error(row + k, y + k, codec->length));
    }
  }
  reference_free(&r);
  vector_free(&x);
}

/* The types that are only opened: ggml's own bytes, made with an importance vector. */
static void test_reference_grids(void **state)
{
  (void)state;
  static const char *const grids[][2] = {
      {"iq1_s", "IQ1_S"}, {"iq1_m", "IQ1_M"},     {"iq2_xxs", "IQ2_XXS"}, {"iq2_xs", "IQ2_XS"},
      {"iq2_s", "IQ2_S"}, {"iq3_xxs", "IQ3_XXS"}, {"iq3_s", "IQ3_S"}};
  if (!vectors_folder())
    skip();
  const struct kernels *const *levels = kernels_available();
  for (size_t t = 0; t < sizeof grids / sizeof grids[0]; t++) {
    struct reference r = reference_load("im_", grids[t][1]);
    float *y = malloc(r.y.count * sizeof *y);
    assert_non_null(y);
    for (size_t level = 0; levels[level]; level++) {
      const struct block_codec *codec = codec_of(levels[level], grids[t][0]);
      assert_null(codec->encode);
      assert_int_equal(r.q.count, row_bytes(codec, r.y.count));
      codec->decode(&plain, r.q.data, r.y.count / codec->length, y);
      for (size_t i = 0; i < r.y.count; i++)
        if (y[i] != vector_floats(&r.y)[i])
          fail_msg("%s %s element %zu: %a, reference %a", levels[level]->name, codec->name, i,
                   (double)y[i], (double)vector_floats(&r.y)[i]);
    }
    free(y);
    reference_free(&r);
  }
}

/* --- a file of ggml's ------------------------------------------------------------------------- */

struct bytes {
  unsigned char *data;
  size_t size;
};

static struct bytes file_read(const char *file)
{
  char path[1024];
  struct bytes bytes = {NULL, 0};
  snprintf(path, sizeof path, "%s/%s", vectors_folder(), file);
  FILE *stream = fopen(path, "rb");
  assert_non_null(stream);
  assert_int_equal(fseek(stream, 0, SEEK_END), 0);
  bytes.size = (size_t)ftell(stream);
  rewind(stream);
  bytes.data = malloc(bytes.size);
  assert_non_null(bytes.data);
  assert_int_equal(fread(bytes.data, 1, bytes.size, stream), bytes.size);
  fclose(stream);
  return bytes;
}

/* The first place where TEXT ends. */
static const unsigned char *behind(struct bytes bytes, const char *text)
{
  const unsigned char *found = memmem(bytes.data, bytes.size, text, strlen(text));
  assert_non_null(found);
  return found + strlen(text);
}

static uint64_t little_endian(const unsigned char *from, size_t size)
{
  uint64_t number = 0;
  while (size--)
    number = number << 8 | from[size];
  return number;
}

/* Data of tensor w.TYPE: its record is the name, two dimensions, the type and the offset from the
 * end of all records, rounded up to 32. */
static const unsigned char *gguf_data(struct bytes file, const char *type)
{
  enum { RECORD = 4 + 2 * 8 + 4 + 8, OFFSET = RECORD - 8 };
  char name[32];
  snprintf(name, sizeof name, "w.%s", type);
  size_t start = (size_t)(behind(file, "w.q2_0") + RECORD - file.data + 31) / 32 * 32;
  return file.data + start + little_endian(behind(file, name) + OFFSET, 8);
}

/* Values of array w.TYPE of an uncompressed .npz. */
static void npz_values(struct bytes file, const char *type, float *out, size_t n)
{
  char name[32];
  snprintf(name, sizeof name, "w.%s.npy", type);
  const unsigned char *from = behind(file, name);
  struct bytes rest = {file.data + (from - file.data), file.size - (size_t)(from - file.data)};
  from = behind(rest, "\x93NUMPY\1");
  from += 3 + little_endian(from + 1, 2);
  memcpy(out, from, n * sizeof *out);
}

/* samples/gguf/all-types.gguf: what ggml decodes, and for the types that need no importance
 * vector also what it packed. */
static void test_file(void **state)
{
  (void)state;
  enum { COUNT = 8, WIDTH = 768, N = COUNT * WIDTH };
  static const char *const names[] = {
      "q4_0",   "q4_1",    "q5_0",   "q5_1",  "q8_0",  "q2_k",  "q3_k",  "q4_k",    "q5_k",
      "q6_k",   "iq2_xxs", "iq2_xs", "iq1_s", "iq3_s", "iq2_s", "iq1_m", "iq3_xxs", "iq4_nl",
      "iq4_xs", "tq1_0",   "tq2_0",  "mxfp4", "nvfp4", "q1_0",  "q2_0"};
  static float x[N], y[N], expected[N];
  static unsigned char packed[2 * N];
  if (!vectors_folder())
    skip();
  struct bytes gguf = file_read("samples/gguf/all-types.gguf");
  struct bytes npz = file_read("samples/gguf/all-types.dequant.npz");
  npz_values(npz, "f32", x, N);
  for (size_t t = 0; t < sizeof names / sizeof names[0]; t++) {
    char name[32];
    snprintf(name, sizeof name, "%s%s", names[t], strstr(names[t], "fp4") ? "_ggml" : "");
    const struct block_codec *codec = block_codec_find(name);
    const unsigned char *stored = gguf_data(gguf, names[t]);
    assert_true(stored + row_bytes(codec, N) <= gguf.data + gguf.size);
    npz_values(npz, names[t], expected, N);
    codec->decode(&plain, stored, N / codec->length, y);
    for (size_t i = 0; i < N; i++)
      if (y[i] != expected[i])
        fail_msg("%s element %zu: %a, ggml %a", name, i, (double)y[i], (double)expected[i]);
    for (size_t row = 0; codec->encode && row < COUNT; row++)
      codec->encode(&plain, x + row * WIDTH, NULL, WIDTH, packed + row * row_bytes(codec, WIDTH));
    if (codec->encode)
      assert_memory_equal(packed, stored, row_bytes(codec, N));
  }
  free(gguf.data);
  free(npz.data);
}

/* --- ggml's bytes that travel ---------------------------------------------------------------- */

static unsigned char hex_byte(const char *text)
{
  unsigned byte = 0;
  assert_int_equal(sscanf(text, "%2x", &byte), 1);
  return (unsigned char)byte;
}

static void test_blocks(void **state)
{
  (void)state;
  const struct kernels *const *levels = kernels_available();
  float x[512];
  memcpy(x, ggml_input, sizeof x);
  assert_int_equal(sizeof ggml_blocks / sizeof ggml_blocks[0], TYPES);
  for (size_t t = 0; t < TYPES; t++)
    for (size_t level = 0; levels[level]; level++) {
      const struct block_codec *codec = codec_of(levels[level], ggml_blocks[t].name);
      unsigned char packed[2 * 292];
      assert_int_equal(strlen(ggml_blocks[t].packed), 2 * 2 * codec->bytes);
      codec->encode(&plain, x, NULL, 2 * codec->length, packed);
      for (size_t i = 0; i < 2 * codec->bytes; i++)
        if (packed[i] != hex_byte(ggml_blocks[t].packed + 2 * i))
          fail_msg("%s %s byte %zu", levels[level]->name, codec->name, i);
    }
}

/* --- the table ------------------------------------------------------------------------------- */

/* Bits per element as CONVENTIONS 1.4 lists them; the other sizes are ggml's. */
static void test_sizes(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    double bits;
  } rows[] = {{"q4_0", 4.5},     {"q4_1", 5},       {"q5_0", 5.5},        {"q5_1", 6},
              {"q8_0", 8.5},     {"q2_k", 2.625},   {"q3_k", 3.4375},     {"q4_k", 4.5},
              {"q5_k", 5.5},     {"q6_k", 6.5625},  {"iq4_xs", 4.25},     {"iq4_nl", 4.5},
              {"tq1_0", 1.6875}, {"tq2_0", 2.0625}, {"mxfp4_ggml", 4.25}, {"nvfp4_ggml", 4.5},
              {"q1_0", 1.125},   {"q2_0", 2.25},    {"iq2_xxs", 2.0625},  {"iq2_xs", 2.3125},
              {"iq2_s", 2.5625}, {"iq1_s", 1.5625}, {"iq3_xxs", 3.0625},  {"iq3_s", 3.4375},
              {"iq1_m", 1.75},   {"q8_k", 9.125},   {"q8_1", 9}};
  size_t count = sizeof rows / sizeof rows[0];
  for (size_t i = 0; i < count; i++) {
    const struct block_codec *codec = block_codec_find(rows[i].name);
    assert_non_null(codec);
    assert_true(8.0 * (double)codec->bytes / (double)codec->length == rows[i].bits);
    assert_int_equal(codec->length % codec->sub_length, 0);
    assert_in_range(codec->length / codec->sub_length, 1, BLOCK_SUBS_MOST);
    assert_in_range(codec->length, 1, BLOCK_MOST);
  }
  assert_null(block_codec_find("q4_2"));
  assert_null(block_codec_at(1000));
}

/* --- taking apart ---------------------------------------------------------------------------- */

static bool same_bits(float a, float b)
{
  return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof a) == 0;
}

/* Any bytes decode, to the same bits by either way, with codes that have a level. */
static void test_take_apart(void **state)
{
  (void)state;
  enum { BLOCKS = 64 };
  static struct block_parts parts;
  static float y[BLOCKS * BLOCK_MOST], values[BLOCK_MOST];
  static unsigned char packed[BLOCKS * 292];
  const struct kernels *const *levels = kernels_available();
  uint64_t random = 1;
  for (size_t i = 0; i < sizeof packed; i++)
    packed[i] = (unsigned char)(portable_next(&random) >> 40);
  for (size_t level = 0; levels[level]; level++) {
    const struct block_codec *codec;
    for (size_t c = 0; (codec = block_codec_of(levels[level], c)); c++) {
      codec->decode(&plain, packed, BLOCKS, y);
      for (size_t b = 0; b < BLOCKS; b++) {
        codec->take_apart(&plain, packed + b * codec->bytes, &parts);
        for (size_t i = 0; i < codec->length; i++)
          assert_true(parts.code[i] < parts.level_count);
        block_values(codec, &parts, values);
        for (size_t i = 0; i < codec->length; i++)
          if (!same_bits(values[i], y[b * codec->length + i]))
            fail_msg("%s %s block %zu element %zu: %a, %a", levels[level]->name, codec->name, b, i,
                     (double)values[i], (double)y[b * codec->length + i]);
        assert_in_range(parts.notes, 0, BLOCK_NOTES_MOST);
      }
    }
  }
}

/* What has been quantized is on the grid: packing it again changes nothing, for the types whose
 * scale follows from the largest element alone. */
static void test_again(void **state)
{
  (void)state;
  enum { N = 8192 };
  static const char *const names[] = {"q4_0", "q5_0", "q8_0",       "tq1_0",     "tq2_0",
                                      "q1_0", "q2_0", "mxfp4_ggml", "nvfp4_ggml"};
  static float x[N], y[N];
  static unsigned char once[2 * N], twice[2 * N];
  portable_gaussian(x, N);
  for (size_t t = 0; t < sizeof names / sizeof names[0]; t++) {
    const struct block_codec *codec = block_codec_find(names[t]);
    codec->encode(&plain, x, NULL, N, once);
    codec->decode(&plain, once, N / codec->length, y);
    codec->encode(&plain, y, NULL, N, twice);
    for (size_t i = 0; i < row_bytes(codec, N); i++)
      if (once[i] != twice[i])
        fail_msg("%s block %zu byte %zu: 0x%02x, then 0x%02x", names[t], i / codec->bytes,
                 i % codec->bytes, once[i], twice[i]);
  }
}

/* --- the edges of float32 -------------------------------------------------------------------- */

enum { EDGE_LENGTH = 1024 };

static void fill(float *x, float value)
{
  for (size_t i = 0; i < EDGE_LENGTH; i++)
    x[i] = value;
}

typedef void edge(float *x);

static void edge_zero(float *x)
{
  fill(x, 0);
}

static void edge_signed_zeros(float *x)
{
  for (size_t i = 0; i < EDGE_LENGTH; i++)
    x[i] = i % 3 ? 0.0f : -0.0f;
}

static void edge_constant(float *x)
{
  fill(x, -0.7f);
}

static void edge_gaussian(float *x)
{
  portable_gaussian(x, EDGE_LENGTH);
}

static void scaled(float *x, float factor)
{
  portable_gaussian(x, EDGE_LENGTH);
  for (size_t i = 0; i < EDGE_LENGTH; i++)
    x[i] *= factor;
}

static void edge_subnormal(float *x)
{
  scaled(x, 1e-41f);
}

static void edge_one_subnormal(float *x)
{
  fill(x, 0);
  for (size_t i = 0; i < EDGE_LENGTH; i += 7)
    x[i] = 0x1p-149f;
}

static void edge_tiny(float *x)
{
  scaled(x, 1e-20f);
}

static void edge_small(float *x)
{
  scaled(x, 1e-7f);
}

static void edge_huge(float *x)
{
  scaled(x, 1e30f);
}

static void edge_largest(float *x)
{
  for (size_t i = 0; i < EDGE_LENGTH; i++)
    x[i] = i % 2 ? 0x1.fffffep127f : -0x1.fffffep127f;
}

static void edge_some_nan(float *x)
{
  edge_gaussian(x);
  for (size_t i = 0; i < EDGE_LENGTH; i += 11)
    x[i] = i % 2 ? NAN : -NAN;
}

static void edge_nan(float *x)
{
  fill(x, NAN);
}

static void edge_infinities(float *x)
{
  edge_gaussian(x);
  for (size_t i = 0; i < EDGE_LENGTH; i += 100)
    x[i] = i % 3 ? INFINITY : -INFINITY;
}

static void edge_infinite(float *x)
{
  fill(x, INFINITY);
}

static void edge_everything(float *x)
{
  uint64_t random = 99;
  for (size_t i = 0; i < EDGE_LENGTH; i++) {
    uint32_t bits = (uint32_t)(portable_next(&random) >> 32);
    memcpy(&x[i], &bits, sizeof bits);
  }
}

static const struct {
  const char *name;
  edge *make;
  bool zero; /* decodes to zeros */
} edges[] = {
    {"zero", edge_zero, true},
    {"signed zeros", edge_signed_zeros, true},
    {"constant", edge_constant, false},
    {"Gaussian", edge_gaussian, false},
    {"subnormal", edge_subnormal, false},
    {"one subnormal", edge_one_subnormal, false},
    {"tiny", edge_tiny, false},
    {"small", edge_small, false},
    {"huge", edge_huge, false},
    {"largest", edge_largest, false},
    {"some NaN", edge_some_nan, false},
    {"NaN", edge_nan, false},
    {"infinities", edge_infinities, false},
    {"infinite", edge_infinite, false},
    {"any bits", edge_everything, false},
};

/* An importance vector: one of the edges, with magnitudes. */
static const float *edge_importance(size_t which, float *memory)
{
  if (which == 0)
    return NULL;
  edges[which - 1].make(memory);
  for (size_t i = 0; i < EDGE_LENGTH; i++)
    memory[i] = fabsf(memory[i]);
  return memory;
}

/* Every level packs every edge to the same bytes (whatever they are: under the sanitizers this
 * also shows that nothing undefined happens), and zeros stay zeros. */
static void test_edges(void **state)
{
  (void)state;
  enum { EDGES = sizeof edges / sizeof edges[0] };
  static float x[EDGE_LENGTH], y[EDGE_LENGTH], memory[EDGE_LENGTH];
  static unsigned char expected[2 * EDGE_LENGTH], found[2 * EDGE_LENGTH];
  const struct kernels *const *levels = kernels_available();
  for (size_t t = 0; t < TYPES; t++)
    for (size_t e = 0; e < EDGES; e++)
      for (size_t weight = 0; weight <= EDGES; weight++) {
        const struct block_codec *codec = codec_of(levels[0], types[t].name);
        if (weight && !codec->takes_importance)
          break;
        const float *importance = edge_importance(weight, memory);
        edges[e].make(x);
        codec->encode(&plain, x, importance, EDGE_LENGTH, expected);
        codec->decode(&plain, expected, EDGE_LENGTH / codec->length, y);
        for (size_t i = 0; edges[e].zero && i < EDGE_LENGTH; i++)
          assert_true(y[i] == 0);
        for (size_t level = 1; levels[level]; level++) {
          codec_of(levels[level], types[t].name)->encode(&plain, x, importance, EDGE_LENGTH, found);
          if (memcmp(found, expected, row_bytes(codec, EDGE_LENGTH)) != 0)
            fail_msg("%s %s: %s, weights %s", levels[level]->name, types[t].name, edges[e].name,
                     weight ? edges[weight - 1].name : "none");
        }
      }
}

/* Blocks do not see each other, however many share a call of a search: a row of blocks is packed
 * as its blocks are one by one. With an importance vector the blocks of 32 without super-blocks
 * do see the row's mean square; of those, all levels must still agree. */
static void test_row_lengths(void **state)
{
  (void)state;
  enum { MOST = 19 };
  static float x[MOST * BLOCK_MOST], importance[MOST * BLOCK_MOST];
  static unsigned char expected[2 * MOST * BLOCK_MOST], found[2 * MOST * BLOCK_MOST];
  const struct kernels *const *levels = kernels_available();
  portable_laplace(x, MOST * BLOCK_MOST);
  for (size_t i = 0; i < MOST * BLOCK_MOST; i++)
    importance[i] = (float)(i % 13 + 1);
  for (size_t t = 0; t < TYPES; t++)
    for (size_t blocks = 1; blocks <= MOST; blocks += 1 + blocks / 4)
      for (int weighted = 0; weighted < 2; weighted++)
        for (size_t level = 0; levels[level]; level++) {
          const struct block_codec *codec = codec_of(levels[level], types[t].name);
          const float *weights = weighted ? importance : NULL;
          size_t n = codec->length;
          bool row_mean = weighted && codec->takes_importance &&
                          strchr(codec->name, '_')[1] < '2' && codec->name[0] == 'q';
          codec->encode(&plain, x, weights, blocks * n, found);
          for (size_t b = 0; !row_mean && b < blocks; b++)
            codec->encode(&plain, x + b * n, weighted ? weights + b * n : NULL, n,
                          expected + b * codec->bytes);
          if (row_mean && level == 0)
            memcpy(expected, found, blocks * codec->bytes);
          if (memcmp(found, expected, blocks * codec->bytes) != 0)
            fail_msg("%s %s, %zu blocks%s", levels[level]->name, codec->name, blocks,
                     weighted ? " with importance" : "");
        }
}

/* What the reference leaves undefined, and its documented ends. */
static void test_documented(void **state)
{
  (void)state;
  float x[256] = {0}, y[256];
  unsigned char packed[256];
  const struct block_codec *q4_0 = block_codec_find("q4_0"), *q8_0 = block_codec_find("q8_0");
  q4_0->encode(&plain, x, NULL, 32, packed);
  assert_int_equal(packed[0], 0x00);
  assert_int_equal(packed[1], 0x80); /* d = -0 */
  assert_int_equal(packed[2], 0x88);
  x[3] = NAN; /* counts as nothing for the scale, and has the code that x86 gives: 0 */
  x[5] = 4;
  q4_0->encode(&plain, x, NULL, 32, packed);
  q4_0->decode(&plain, packed, 1, y);
  assert_true(y[5] == 4 && y[0] == 0 && y[3] == 4);
  q8_0->encode(&plain, x, NULL, 32, packed);
  q8_0->decode(&plain, packed, 1, y);
  assert_true(fabsf(y[5] - 4) < 0.01f && y[3] == 0);
  x[5] = 65504 * 8.0f + 1e5f; /* d beyond float16 */
  q4_0->encode(&plain, x, NULL, 32, packed);
  q4_0->decode(&plain, packed, 1, y);
  assert_true(y[5] == INFINITY && isnan(y[0]));
}

/* --- float16 --------------------------------------------------------------------------------- */

/* Against the format table's own float16, which has been checked against a search. */
static void test_half(void **state)
{
  (void)state;
  const struct format *fp16 = format_find("fp16");
  for (uint32_t code = 0; code < 65536; code++) {
    float value = format_decode(fp16, code);
    assert_true(same_bits(half_to_float((uint16_t)code), value));
    if (isnan(value) || isinf(value)) {
      assert_int_equal(half_from_float(value), isnan(value) ? 0xfe00 : code);
      continue;
    }
    float next = format_decode(fp16, code + 1), middle = (value + next) / 2;
    for (int side = -1; side <= 1 && isfinite(next); side++) {
      float x = side ? nextafterf(middle, (float)side * INFINITY) : middle;
      assert_int_equal(half_from_float(x), format_encode(fp16, x));
    }
    assert_int_equal(half_from_float(value), code);
  }
  assert_int_equal(half_from_float(nextafterf(65520, 0)), 0x7bff);
  assert_int_equal(half_from_float(65520), 0x7c00);
  assert_int_equal(half_from_float(-1e30f), 0xfc00);
}

/* --- CONVENTIONS 2.3 ------------------------------------------------------------------------- */

/* SQNR in dB after one round trip in rows of 4096. */
static double sqnr(const struct block_codec *codec, const float *x, const float *importance,
                   size_t n)
{
  enum { ROW = 4096 };
  static float y[ROW];
  static unsigned char packed[2 * ROW];
  double signal = 0, error = 0;
  for (size_t done = 0; done < n; done += ROW) {
    codec->encode(&plain, x + done, importance, ROW, packed);
    codec->decode(&plain, packed, ROW / codec->length, y);
    for (size_t i = 0; i < ROW; i++) {
      double e = (double)y[i] - (double)x[done + i];
      signal += (double)x[done + i] * (double)x[done + i];
      error += e * e;
    }
  }
  return 10 * log10(signal / error);
}

static void check_db(const char *name, const char *what, double found, double expected,
                     double tolerance)
{
  if (expected != 0 && fabs(found - expected) > tolerance)
    fail_msg("%s, %s: %.3f dB, expected %.2f", name, what, found, expected);
}

/* The table's figures are for 2^21 other values of the same laws; these are 2^20. */
static void test_decibels(void **state)
{
  (void)state;
  enum { N = 1 << 20, ROW = 4096 };
  static const struct {
    const char *name;
    double normal, weighted, laplace; /* weighted: importance 1 throughout */
  } rows[] = {
      {"q8_0", 45.44, 0, 43.45},       {"q6_k", 35.03, 35.24, 33.29},
      {"q5_k", 28.85, 29.03, 27.38},   {"q5_1", 28.45, 29.43, 27.06},
      {"q5_0", 27.40, 27.87, 25.44},   {"q4_k", 22.93, 23.01, 21.47},
      {"q4_1", 22.13, 23.11, 20.76},   {"q4_0", 21.32, 21.77, 19.43},
      {"iq4_nl", 22.37, 22.51, 21.13}, {"iq4_xs", 22.30, 22.43, 21.06},
      {"nvfp4_ggml", 20.43, 0, 20.66}, {"mxfp4_ggml", 18.78, 0, 17.95},
      {"q3_k", 16.43, 16.80, 15.09},   {"q2_k", 10.57, 11.44, 9.28},
      {"tq1_0", 1.87, 0, 1.62},        {"tq2_0", 1.87, 0, 1.62},
  };
  float *normal = malloc(N * sizeof *normal), *laplace = malloc(N * sizeof *laplace);
  static float ones[ROW];
  assert_true(normal && laplace);
  portable_gaussian(normal, N);
  portable_laplace(laplace, N);
  for (size_t i = 0; i < ROW; i++)
    ones[i] = 1;
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    const struct block_codec *codec = block_codec_find(rows[r].name);
    check_db(rows[r].name, "normal", sqnr(codec, normal, NULL, N), rows[r].normal, 0.03);
    check_db(rows[r].name, "Laplace", sqnr(codec, laplace, NULL, N), rows[r].laplace, 0.05);
    if (codec->takes_importance)
      check_db(rows[r].name, "weighted", sqnr(codec, normal, ones, N), rows[r].weighted, 0.03);
  }
  free(normal);
  free(laplace);
}

int main(void)
{
  kernels_init();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reference),
      cmocka_unit_test(test_reference_metrics),
      cmocka_unit_test(test_reference_importance),
      cmocka_unit_test(test_reference_edges),
      cmocka_unit_test(test_reference_row_function),
      cmocka_unit_test(test_reference_grids),
      cmocka_unit_test(test_file),
      cmocka_unit_test(test_blocks),
      cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_take_apart),
      cmocka_unit_test(test_again),
      cmocka_unit_test(test_edges),
      cmocka_unit_test(test_row_lengths),
      cmocka_unit_test(test_documented),
      cmocka_unit_test(test_half),
      cmocka_unit_test(test_decibels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
