/* The MX and NVFP4 codecs: the reference vectors of conformance/formats/{mx,nvfp4} bit for bit at
 * every kernel level, the tables against the format rows, and blocks that nobody means: zeros,
 * NaN, infinities, denormals, the largest numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/block.h"
#include "quant/block_levels.h"
#include "quant/format.h"
#include "quant/kernels/kernels.h"
#include "tests/support/npy_vectors.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct block_codec *codec_of(const struct kernels *level, const char *name)
{
  const struct block_codec *codec;
  for (size_t i = 0; (codec = block_codec_of(level, i)); i++)
    if (strcmp(codec->name, name) == 0)
      return codec;
  fail_msg("no codec %s", name);
  return NULL;
}

static int word_index(const char *const *words, const char *word)
{
  for (int i = 0; words[i]; i++)
    if (strcmp(words[i], word) == 0)
      return i;
  fail_msg("no word %s", word);
  return -1;
}

static struct block_setting setting_of(const struct block_codec *codec)
{
  return (struct block_setting){.length = codec->length, .tensor_scale = 1};
}

static bool same_float(float a, float b)
{
  return a == b || (isnan(a) && isnan(b));
}

/* Same codes, but for the sign of a zero, on which the references themselves differ. */
static bool same_code(unsigned a, unsigned b, const float *levels)
{
  return a == b || (levels[a] == 0 && levels[b] == 0);
}

/* --- against the vectors -------------------------------------------------------------------- */

struct expected {
  struct vector x, scale, codes, y;
  bool has_codes, has_y;
};

static void expected_free(struct expected *expected)
{
  vector_free(&expected->x);
  vector_free(&expected->scale);
  if (expected->has_codes)
    vector_free(&expected->codes);
  if (expected->has_y)
    vector_free(&expected->y);
}

/* Encodes all of x; scales (the first note's bits), codes and values as EXPECTED has them, by
 * take_apart and by decode. */
static void check_vectors(const struct block_codec *codec, const struct block_setting *setting,
                          const struct expected *expected)
{
  const float *x = vector_floats(&expected->x);
  size_t blocks = expected->x.count / codec->length;
  unsigned char *packed = malloc(blocks * codec->bytes);
  float *decoded = malloc(expected->x.count * sizeof *decoded), y[BLOCK_MOST];
  const uint8_t *codes = expected->has_codes ? expected->codes.data : NULL;
  const float *values = expected->has_y ? vector_floats(&expected->y) : NULL;
  codec->encode(setting, x, NULL, expected->x.count, packed);
  codec->decode(setting, packed, blocks, decoded);
  for (size_t b = 0; b < blocks; b++) {
    struct block_parts parts;
    codec->take_apart(setting, packed + b * codec->bytes, &parts);
    block_values(codec, &parts, y);
    if (expected->scale.data)
      assert_int_equal(parts.note[0].bits, (uint32_t)vector_number(&expected->scale, b));
    for (size_t i = 0; i < codec->length; i++) {
      size_t at = b * codec->length + i;
      if (codes && !isnan(parts.scale[0]))
        assert_true(same_code(parts.code[i], codes[at], parts.levels));
      if (values && !same_float(y[i], values[at]))
        fail_msg("%s: block %zu element %zu: x %a gives %a, expected %a", codec->name, b, i,
                 (double)x[at], (double)y[i], (double)values[at]);
      assert_true(same_float(decoded[at], y[i]));
    }
  }
  free(packed);
  free(decoded);
}

static const struct mx_name {
  const char *codec, *file;
} mx_names[] = {{"mxfp8_e4m3", "fp8_e4m3"}, {"mxfp8_e5m2", "fp8_e5m2"}, {"mxfp6_e2m3", "fp6_e2m3"},
                {"mxfp6_e3m2", "fp6_e3m2"}, {"mxfp4", "fp4_e2m1"},      {"mxint8", "int8"}};
enum { MX_NAMES = sizeof mx_names / sizeof *mx_names };

/* Checks main_x under NAME; SCALE, CODES and Y are file endings, NULL where there is no file. */
static void check_mx(const char *x, const struct mx_name *name, const char *rule, int rounding,
                     const char *scale, const char *codes, const char *y)
{
  struct expected expected = {.has_codes = codes != NULL, .has_y = y != NULL};
  assert_true(vector_load(&expected.x, "conformance/formats/mx/%s_x.npy", x));
  if (scale)
    assert_true(
        vector_load(&expected.scale, "conformance/formats/mx/%s_%s_%s.npy", x, name->file, scale));
  if (codes)
    assert_true(
        vector_load(&expected.codes, "conformance/formats/mx/%s_%s_%s.npy", x, name->file, codes));
  if (y)
    assert_true(vector_load(&expected.y, "conformance/formats/mx/%s_%s_%s.npy", x, name->file, y));
  for (const struct kernels *const *level = kernels_available(); *level; level++) {
    const struct block_codec *codec = codec_of(*level, name->codec);
    struct block_setting setting = setting_of(codec);
    setting.rule = word_index(codec->rules, rule);
    setting.rounding = rounding;
    check_vectors(codec, &setting, &expected);
  }
  expected_free(&expected);
}

static void test_mx_vectors(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  for (int i = 0; i < MX_NAMES; i++) {
    check_mx("main", &mx_names[i], "floor", ROUND_EVEN, "scale", "codes", "even");
    check_mx("edge", &mx_names[i], "floor", ROUND_EVEN, NULL, NULL, "exact");
  }
}

static void test_mx_away(void **state)
{
  static const int with_away[] = {0, 4, 5};
  (void)state;
  if (!vectors_folder())
    skip();
  for (int i = 0; i < 3; i++)
    check_mx("main", &mx_names[with_away[i]], "floor", ROUND_AWAY, "scale", NULL, "away");
}

static void test_mx_scale_rules(void **state)
{
  static const int with_rules[] = {0, 4};
  (void)state;
  if (!vectors_folder())
    skip();
  for (int i = 0; i < 2; i++) {
    const struct mx_name *name = &mx_names[with_rules[i]];
    check_mx("main", name, "ceil", ROUND_EVEN, "scalerule_ceil_scale", NULL, NULL);
    check_mx("main", name, "even", ROUND_EVEN, "scalerule_even_scale", NULL, NULL);
    check_mx("main", name, "rceil", ROUND_EVEN, "scalerule_rceil_scale", NULL, "scalerule_rceil_y");
  }
}

static float largest(const struct vector *x)
{
  float most = 0;
  for (size_t i = 0; i < x->count; i++)
    most = fmaxf(most, fabsf(vector_floats(x)[i]));
  return most;
}

static void test_nvfp4_vectors(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  const char *const *variants = block_codec_find("nvfp4")->variants;
  for (int v = 0; variants[v]; v++) {
    const char *folder = "conformance/formats/nvfp4";
    struct expected expected = {.has_codes = true, .has_y = true};
    struct vector scale = {0};
    assert_true(vector_load(&expected.x, "%s/x.npy", folder));
    assert_true(vector_load(&expected.scale, "%s/%s_scale.npy", folder, variants[v]));
    assert_true(vector_load(&expected.codes, "%s/%s_codes.npy", folder, variants[v]));
    assert_true(vector_load(&expected.y, "%s/%s_y.npy", folder, variants[v]));
    bool two_levels = strcmp(variants[v], "torchao_single") != 0;
    if (two_levels)
      assert_true(vector_load(&scale, "%s/%s_gscale.npy", folder, variants[v]));
    for (const struct kernels *const *level = kernels_available(); *level; level++) {
      const struct block_codec *codec = codec_of(*level, "nvfp4");
      struct block_setting setting = setting_of(codec);
      setting.variant = v;
      setting.tensor_scale = codec->tensor_scale(&setting, largest(&expected.x));
      if (two_levels)
        assert_true(setting.tensor_scale == vector_floats(&scale)[0]);
      check_vectors(codec, &setting, &expected);
    }
    if (two_levels)
      vector_free(&scale);
    expected_free(&expected);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mx_vectors),
      cmocka_unit_test(test_mx_away),
      cmocka_unit_test(test_mx_scale_rules),
      cmocka_unit_test(test_nvfp4_vectors),
  };
  kernels_init();
  return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
