/* Checkpoints of PyTorch: the project's own small files, written by hand with Python's pickle
 * module (PyTorch itself had no part in them), and real ones. The values were chosen. */
#include "tests/data/checkpoints.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t place_of(const struct source *source, const char *name)
{
  size_t index = 0;
  struct error error = {0};
  if (source_find(source, name, &index, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return index;
}

static void check(struct source *source, const char *name, const char *stored, const char *shape,
                  const float *expected)
{
  char text[200];
  size_t index = place_of(source, name);
  const struct tensor *tensor = source_tensor(source, index);
  assert_string_equal(tensor->stored->name, stored);
  assert_string_equal(shape_print(&tensor->shape, text, sizeof text), shape);
  float *values = files_values(source, index);
  assert_memory_equal(values, expected, tensor->count * sizeof *values);
  free(values);
}

static const float base[] = {1, -2, 3, -4, 5, -6}, transposed[] = {1, -4, -2, 5, 3, -6};

/* Views of one storage, every way of storing numbers, and every way of wrapping a tensor. */
static void test_zip(void **state)
{
  (void)state;
  struct source *source = files_open(files_data("good", "pt-zip.pt"));
  assert_string_equal(source_type_name(source), "pytorch");
  assert_int_equal(source_count(source), 19);
  check(source, "layer.weight", "f32", "2x3", base);
  check(source, "layer.transposed", "f32", "3x2", transposed);
  check(source, "tail", "f32", "2", (const float[]){5, -6});
  check(source, "expanded", "f32", "2x2", (const float[]){-2, 3, -2, 3});
  check(source, "scalar", "f32", "scalar", (const float[]){-6});
  check(source, "empty", "f32", "0x4", base);
  check(source, "half", "f16", "2", (const float[]){0.5f, -65504});
  check(source, "bf16", "bf16", "2", (const float[]){1, -2});
  check(source, "long", "i64", "2", (const float[]){7, -8});
  check(source, "mask", "bool", "2", (const float[]){1, 0});
  check(source, "fp8", "f8_e4m3", "4", (const float[]){1, 448, 0x1p-9f, -1});
  check(source, "param", "f32", "6", base);
  check(source, "quant", "u8", "3", (const float[]){0, 128, 255});
  check(source, "nested.list.0", "f32", "1", base);
  check(source, "nested.list.2.0", "f32", "1", base + 1);
  check(source, "nested.3", "f32", "1", base + 2);
  check(source, "module.w", "f32", "1", base + 3);
  check(source, "module.sub.b", "f32", "1", base + 4);
  check(source, "subclass", "f32", "2", base);
  assert_string_equal(source_remark(source, place_of(source, "quant")),
                      "quantized: (code - 128) * 0.25");
  assert_string_equal(source_note(source), "2 objects are no tensors and were not built: "
                                           "my.package.Net, my.package.Sub");
  source_close(source);
}

static void check_pair(const char *file)
{
  struct source *source = files_open(files_data("good", file));
  check(source, "w", "f32", "2x3", base);
  check(source, "t", "f32", "3x2", transposed);
  assert_string_equal(source_note(source), "");
  assert_int_equal(source_verify(source, NULL), STATUS_OK);
  source_close(source);
}

/* Only what fills its storage can be counted by its bytes. */
static void test_dense(void **state)
{
  (void)state;
  static const struct {
    size_t dim[3], stride[3];
    bool dense;
  } cases[] = {
      {{2, 3, 4}, {12, 4, 1}, true}, {{2, 3, 4}, {1, 2, 6}, true},  {{2, 3, 4}, {3, 1, 6}, true},
      {{2, 3, 4}, {0, 4, 1}, false}, {{3, 3, 1}, {2, 2, 9}, false}, {{2, 3, 1}, {4, 1, 1}, false},
      {{1, 3, 4}, {99, 4, 1}, true}, {{2, 3, 0}, {5, 5, 5}, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const size_t *dim = cases[i].dim;
    struct tensor tensor = {.shape = {.dims = 3, .dim = {dim[0], dim[1], dim[2]}},
                            .count = dim[0] * dim[1] * dim[2]};
    tensor_set_strides(&tensor, cases[i].stride);
    assert_int_equal(tensor_is_dense(&tensor), cases[i].dense);
  }
}

static void test_deflated(void **state)
{
  (void)state;
  check_pair("pt-deflated.pt");
}

static void test_big_endian(void **state)
{
  (void)state;
  check_pair("pt-big-endian.pt");
}

static void test_legacy(void **state)
{
  (void)state;
  check_pair("pt-legacy.pth");
  struct source *source = files_open(files_data("good", "pt-legacy.pth"));
  check(source, "i", "i32", "2", (const float[]){-1, 2});
  source_close(source);
  source = files_open(files_data("good", "pt-legacy-python2.pth"));
  check(source, "a.w", "f32", "6", base);
  source_close(source);
}

static void test_other_pickles(void **state)
{
  (void)state;
  struct source *source = files_open(files_data("good", "pt-zip-protocol-4.pt"));
  check(source, "w", "f32", "2x3", base);
  source_close(source);
  source = files_open(files_data("good", "pt-unnamed.pt"));
  check(source, "pt-unnamed", "f32", "3x2", transposed);
  source_close(source);
}

/* The longest name that is taken, and one byte more. */
static void test_long_names(void **state)
{
  (void)state;
  enum { MOST = 65534 };
  static char name[MOST + 2];
  const float x = 1.5f;
  const struct part part = {name, "F32", 1, {1}, &x};
  memset(name, 'n', MOST);
  struct source *source = files_open(checkpoint_pytorch("long.pt", &part, 1, false));
  check(source, name, "f32", "1", &x);
  source_close(source);
  name[MOST] = 'n';
  files_refused(checkpoint_pytorch("longer.pt", &part, 1, false), STATUS_INPUT,
                "a name of more than 65,534 bytes");
}

/* Channels of samples/README.md: their absmax over that of the median channel. */
static int ascending(const void *left, const void *right)
{
  float a = *(const float *)left, b = *(const float *)right;
  return (a > b) - (a < b);
}

static double ratio_of(const char *file, const char *name, size_t channel)
{
  struct source *source = files_open(files_sample(file));
  size_t index = place_of(source, name);
  const struct tensor *tensor = source_tensor(source, index);
  size_t channels = tensor->shape.dim[tensor->shape.dims - 1];
  float *values = files_values(source, index), *absmax = calloc(channels, sizeof *absmax);
  assert_non_null(absmax);
  for (size_t i = 0; i < tensor->count; i++)
    absmax[i % channels] = fmaxf(absmax[i % channels], fabsf(values[i]));
  float chosen = absmax[channel];
  qsort(absmax, channels, sizeof *absmax, ascending);
  double ratio =
      (double)chosen / ((double)absmax[(channels - 1) / 2] + (double)absmax[channels / 2]) * 2;
  free(values);
  free(absmax);
  source_close(source);
  return ratio;
}

static void test_samples(void **state)
{
  (void)state;
  if (!files_sample("pt/opt-125m-act-scales.pt"))
    skip();
  static const struct {
    const char *file;
    size_t tensors, values;
  } files[] = {
      {"pt/opt-125m-act-scales.pt", 73, 83712},       {"pt/qwen-1.8b-mean-diffs.pt", 1, 245760},
      {"pt/roberta-large-output.pt", 1, 7168},        {"pt/xlmr-base-output.pt", 1, 6144},
      {"pt/opt-125m-lora-optimizer.pt", 144, 589872}, {"pt-legacy/facenet-rnet.pt", 16, 100178},
      {"pt-legacy/lpips-alex-v0.0.pth", 5, 1152},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    struct source *source = files_open(files_sample(files[i].file));
    size_t values = 0;
    for (size_t k = 0; k < source_count(source); k++)
      values += source_tensor(source, k)->count;
    assert_int_equal(source_count(source), files[i].tensors);
    assert_int_equal(values, files[i].values);
    source_close(source);
  }
  assert_int_equal(lround(ratio_of("pt/opt-125m-act-scales.pt", "model.decoder.layers.6.fc1", 422)),
                   28);
  assert_int_equal(
      lround(ratio_of("pt/opt-125m-act-scales.pt", "model.decoder.layers.0.fc2", 1001)), 56);
  assert_int_equal(lround(ratio_of("pt/roberta-large-output.pt", "", 631)), 135);
  assert_int_equal(lround(ratio_of("pt/xlmr-base-output.pt", "", 741)), 154);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_zip),        cmocka_unit_test(test_dense),
      cmocka_unit_test(test_deflated),   cmocka_unit_test(test_big_endian),
      cmocka_unit_test(test_legacy),     cmocka_unit_test(test_other_pickles),
      cmocka_unit_test(test_long_names), cmocka_unit_test(test_samples),
  };
  return cmocka_run_group_tests_name("pytorch", tests, NULL, files_remove);
}
