/* The ggml block codecs against ggml's own bytes, with and without an importance vector, at every
 * level of the kernels; and what they do at the edges of float32. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/block.h"
#include "quant/kernels/kernels.h"
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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reference),
      cmocka_unit_test(test_reference_importance),
      cmocka_unit_test(test_reference_edges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
