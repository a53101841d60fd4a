/* Scale rules and arithmetics against what the reference implementations computed
 * (conformance/calibration): scales and zero points to the bit, reconstructions where they are
 * stored, mean squared errors to 1e-6. Left out: inputs with NaN or infinities, where the
 * references raise or give NaN and qscope calibrates on what is finite; ONNX Runtime's
 * min_real_range, which qscope does not have. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "quant/base/size.h"
#include "quant/quantizer.h"
#include "quant/scale_rule.h"
#include "tests/support/manifest.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

struct row {
  const char *config, *spec;
};

/* --- one vector ------------------------------------------------------------------------------- */

static struct fit *fit_of(const char *spec, const struct vector *input)
{
  struct quantizer quantizer;
  struct error error;
  struct fit *fit = NULL;
  struct shape shape = {.dims = (unsigned)input->dims};
  for (size_t i = 0; i < input->dims; i++)
    shape.dim[i] = input->dim[i];
  struct feed feed = feed_floats(vector_floats(input), input->count);
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK ||
      quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return fit;
}

static void round_trip(const struct fit *fit, const struct vector *input, float *y, uint16_t *codes)
{
  for (size_t start = 0; start < input->count; start += FEED_BLOCK) {
    size_t n = size_min(FEED_BLOCK, input->count - start);
    fit_round_trip(fit, start, n, vector_floats(input) + start, y + start,
                   codes ? codes + start : NULL);
  }
}

static void check_reconstruction(const json_t *entry, const char *spec, const struct fit *fit,
                                 const struct vector *input)
{
  float *y = calloc(input->count, sizeof *y);
  const char *file = manifest_text(entry, "dq_file");
  const json_t *expected = json_object_get(entry, "mse");
  double sum = 0;
  struct vector stored;
  assert_non_null(y);
  round_trip(fit, input, y, NULL);
  for (size_t i = 0; i < input->count; i++)
    sum += pow((double)vector_floats(input)[i] - (double)y[i], 2);
  double mse = sum / (double)input->count;
  if (json_is_number(expected) &&
      fabs(mse - json_number_value(expected)) > 1e-6 * json_number_value(expected))
    fail_msg("%s on %s: mse %.9g, expected %.9g", spec, manifest_text(entry, "input"), mse,
             json_number_value(expected));
  if (file && vector_load(&stored, "conformance/calibration/%s", file)) {
    for (size_t i = 0; i < stored.count; i++)
      if (y[i] != vector_floats(&stored)[i])
        fail_msg("%s: element %zu is %.9g, expected %.9g", spec, i, (double)y[i],
                 vector_number(&stored, i));
    vector_free(&stored);
  }
  free(y);
}

static void check_units(const json_t *entry, const char *spec, const struct fit *fit)
{
  const char *scales = manifest_text(entry, "scale_file");
  const char *zeros = manifest_text(entry, "zero_point_file");
  zeros = zeros ? zeros : manifest_text(entry, "zero_file");
  struct vector scale, zero = {.count = 0};
  assert_true(vector_load(&scale, "conformance/calibration/%s", scales));
  if (zeros)
    assert_true(vector_load(&zero, "conformance/calibration/%s", zeros));
  assert_int_equal(scale.count, fit_grain(fit)->units);
  for (size_t i = 0; i < scale.count; i++) {
    if (fit_scale(fit, i) != vector_floats(&scale)[i])
      fail_msg("%s: scale %zu is %.9g, expected %.9g", spec, i, (double)fit_scale(fit, i),
               vector_number(&scale, i));
    if (i < zero.count && fit_zero_point(fit, i) != lrint(vector_number(&zero, i)))
      fail_msg("%s: zero point %zu is %ld, expected %g", spec, i, fit_zero_point(fit, i),
               vector_number(&zero, i));
  }
  vector_free(&scale);
  if (zeros)
    vector_free(&zero);
}

static void check_single(const json_t *entry, const char *spec, const struct fit *fit)
{
  const char *input = manifest_text(entry, "input");
  const json_t *zero = json_object_get(entry, "zero_point");
  zero = zero ? zero : json_object_get(entry, "zero");
  float scale = (float)manifest_number(entry, "scale");
  if (fit_scale(fit, 0) != scale)
    fail_msg("%s on %s: scale %.9g, expected %.9g", spec, input, (double)fit_scale(fit, 0),
             (double)scale);
  if (zero && fit_zero_point(fit, 0) != lrint(json_number_value(zero)))
    fail_msg("%s on %s: zero point %ld, expected %g", spec, input, fit_zero_point(fit, 0),
             json_number_value(zero));
}

static void check_entry(const json_t *entry, const char *spec)
{
  struct vector input;
  const char *name = manifest_text(entry, "input");
  assert_true(vector_load(&input, "conformance/calibration/inputs/%s.npy", name));
  struct fit *fit = fit_of(spec, &input);
  if (json_object_get(entry, "scale_file"))
    check_units(entry, spec, fit);
  else
    check_single(entry, spec, fit);
  check_reconstruction(entry, spec, fit, &input);
  fit_free(fit);
  vector_free(&input);
}

static bool is_finite_number(const json_t *value)
{
  return json_is_number(value) && isfinite(json_number_value(value));
}

/* All entries of FAMILY whose configuration has a row; how many there were. */
static size_t check_family(const char *manifest, const char *family, const struct row *rows,
                           size_t length)
{
  size_t i, checked = 0;
  const json_t *entry;
  json_t *all = manifest_load(manifest);
  json_array_foreach(json_object_get(all, "entries"), i, entry) {
    const char *config = manifest_text(entry, "config");
    bool known =
        strcmp(manifest_text(entry, "family"), family) == 0 &&
        (is_finite_number(json_object_get(entry, "scale")) || json_object_get(entry, "scale_file"));
    for (size_t k = 0; k < length && known; k++)
      if (strcmp(rows[k].config, config) == 0) {
        check_entry(entry, rows[k].spec);
        checked++;
      }
  }
  json_decref(all);
  return checked;
}

#define CHECK(manifest, family, rows, count)                                                       \
  do {                                                                                             \
    if (!vectors_folder())                                                                         \
      skip();                                                                                      \
    assert_int_equal(check_family(manifest, family, rows, sizeof(rows) / sizeof *(rows)), count);  \
  } while (0)

/* --- the systems ----------------------------------------------------------------------------- */

#define TORCH ",scale-rule=pytorch,arithmetic=reciprocal"

static void test_pytorch(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"quint8_affine", "uint8" TORCH},
      {"quint8_symmetric", "uint8,sym" TORCH},
      {"qint8_symmetric", "int8" TORCH},
      {"qint8_affine", "int8,asym,signed" TORCH},
      {"quint8_affine_reduce", "uint8,codes=0:127" TORCH},
      {"qint8_symmetric_reduce", "int8,codes=-64:63" TORCH},
      {"qint8_symmetric_m127", "int8,narrow" TORCH},
      {"int4_symmetric", "int4" TORCH},
      {"uint4_affine", "uint4" TORCH},
      {"uint4_symmetric", "uint4,sym,codes=0:15" TORCH},
  };
  CHECK("torch", "torch_minmax", rows, 180);
}

static void test_pytorch_channels(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"qint8_symmetric_ax0", "int8,channel=0" TORCH},
      {"qint8_symmetric_ax1", "int8,channel=1" TORCH},
      {"quint8_affine_ax0", "uint8,channel=0" TORCH},
      {"quint8_affine_ax1", "uint8,channel=1" TORCH},
      {"qint8_symmetric_m127_ax0", "int8,narrow,channel=0" TORCH},
      {"qint8_symmetric_m127_ax1", "int8,narrow,channel=1" TORCH},
      {"int4_symmetric_ax0", "int4,channel=0" TORCH},
      {"int4_symmetric_ax1", "int4,channel=1" TORCH},
      {"uint4_affine_ax0", "uint4,channel=0" TORCH},
      {"uint4_affine_ax1", "uint4,channel=1" TORCH},
  };
  CHECK("torch", "torch_per_channel", rows, 10);
}

#define ORT ",scale-rule=onnxruntime"

static void test_onnxruntime(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"uint8_asym", "uint8" ORT},
      {"uint8_asym_reduce", "uint8,codes=0:127" ORT},
      {"uint8_sym", "uint8,sym" ORT},
      {"uint8_sym_reduce", "uint8,sym,codes=0:127" ORT},
      {"int8_asym", "int8,asym,signed" ORT},
      {"int8_asym_reduce", "int8,asym,signed,codes=-64:64" ORT},
      {"int8_sym", "int8" ORT},
      {"int8_sym_reduce", "int8,codes=-64:64" ORT},
      {"uint16_asym", "uint16" ORT},
      {"uint16_sym", "uint16,sym" ORT},
      {"int16_asym", "int16,asym,signed" ORT},
      {"int16_sym", "int16" ORT},
      {"uint4_asym", "uint4" ORT},
      {"uint4_sym", "uint4,sym" ORT},
      {"int4_asym", "int4,asym,signed" ORT},
      {"int4_sym", "int4" ORT},
  };
  CHECK("ort", "ort_scale_zp", rows, 288);
}

static void test_onnxruntime_channels(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"int8_asym", "int8,asym,signed,channel" ORT},
      {"int8_sym", "int8,channel" ORT},
      {"uint8_asym", "uint8,channel" ORT},
      {"uint8_sym", "uint8,sym,channel" ORT},
  };
  CHECK("ort", "ort_per_channel_axis0", rows, 4);
}

#define TENSORS ",scale-rule=compressed-tensors,arithmetic=zero-first"

static void test_compressed_tensors(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"int8_sym", "int8" TENSORS},
      {"int8_asym", "int8,asym,signed" TENSORS},
      {"int4_sym", "int4" TENSORS},
      {"int4_asym", "int4,asym,signed" TENSORS},
  };
  CHECK("llmc", "compressed_tensors_minmax", rows, 72);
}

static void test_awq(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"int8_g-1", "uint8,channel,scale-rule=awq"},
      {"int8_g128", "uint8,group=128,scale-rule=awq"},
      {"int8_g64", "uint8,group=64,scale-rule=awq"},
      {"int8_g32", "uint8,group=32,scale-rule=awq"},
      {"int4_g-1", "uint4,channel,scale-rule=awq"},
      {"int4_g128", "uint4,group=128,scale-rule=awq"},
      {"int4_g64", "uint4,group=64,scale-rule=awq"},
      {"int4_g32", "uint4,group=32,scale-rule=awq"},
      {"int3_g-1", "uint3,channel,scale-rule=awq"},
      {"int3_g128", "uint3,group=128,scale-rule=awq"},
      {"int3_g64", "uint3,group=64,scale-rule=awq"},
      {"int3_g32", "uint3,group=32,scale-rule=awq"},
      {"int2_g-1", "uint2,channel,scale-rule=awq"},
      {"int2_g128", "uint2,group=128,scale-rule=awq"},
      {"int2_g64", "uint2,group=64,scale-rule=awq"},
      {"int2_g32", "uint2,group=32,scale-rule=awq"},
  };
  static const struct row symmetric[] = {
      {"int8_g-1", "int8,channel,scale-rule=floored-absmax"},
      {"int8_g128", "int8,group=128,scale-rule=floored-absmax"},
      {"int4_g-1", "int4,channel,scale-rule=floored-absmax"},
      {"int4_g128", "int4,group=128,scale-rule=floored-absmax"},
  };
  CHECK("weights", "awq_pseudo_quantize_zp", rows, 16);
  CHECK("weights", "autoawq_pseudo_quantize_sym", symmetric, 4);
}

static void test_gptq(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"int8_sym_row", "uint8,sym,channel,scale-rule=gptq"},
      {"int8_asym_row", "uint8,channel,scale-rule=gptq"},
      {"int4_sym_row", "uint4,sym,channel,scale-rule=gptq"},
      {"int4_asym_row", "uint4,channel,scale-rule=gptq"},
      {"int3_sym_row", "uint3,sym,channel,scale-rule=gptq"},
      {"int3_asym_row", "uint3,channel,scale-rule=gptq"},
      {"int2_sym_row", "uint2,sym,channel,scale-rule=gptq"},
      {"int2_asym_row", "uint2,channel,scale-rule=gptq"},
  };
  static const struct row flat[] = {
      {"int8_sym", "uint8,sym,scale-rule=gptq"},
      {"int8_asym", "uint8,scale-rule=gptq"},
      {"int4_sym", "uint4,sym,scale-rule=gptq"},
      {"int4_asym", "uint4,scale-rule=gptq"},
  };
  CHECK("weights", "gptq_find_params", rows, 8);
  CHECK("weights", "gptq_find_params_flat", flat, 72);
}

/* --- systems that tell a threshold or a grid instead of a scale ------------------------------- */

/* Calls CHECK with every entry of FAMILY and a row for its configuration; how many. */
typedef bool entry_function(const json_t *entry, const char *spec, const struct vector *input);

static size_t each_entry(const char *manifest, const char *family, const struct row *rows,
                         size_t length, entry_function *check)
{
  size_t i, checked = 0;
  const json_t *entry;
  json_t *all = manifest_load(manifest);
  json_array_foreach(json_object_get(all, "entries"), i, entry) {
    const char *config = manifest_text(entry, "config");
    struct vector input;
    if (strcmp(manifest_text(entry, "family"), family) != 0)
      continue;
    assert_true(vector_load(&input, "conformance/calibration/inputs/%s.npy",
                            manifest_text(entry, "input")));
    for (size_t k = 0; k < length; k++)
      if (strcmp(rows[k].config, config) == 0)
        checked += check(entry, rows[k].spec, &input);
    vector_free(&input);
  }
  json_decref(all);
  return checked;
}

/* AIMET: the step, and which number of steps the lowest code is. All zeros are left out: qscope has
 * scale 1 for them, AIMET 0.01 / 255. A widened range is float64 there and float32 here. */
static bool check_aimet(const json_t *entry, const char *spec, const struct vector *input)
{
  double delta = manifest_number(entry, "delta");
  long offset = (long)json_integer_value(json_object_get(entry, "offset")), lowest, highest;
  if (strcmp(manifest_text(entry, "input"), "zeros") == 0)
    return false;
  struct fit *fit = fit_of(spec, input);
  quantizer_code_range(fit_quantizer(fit), &lowest, &highest);
  bool widened = strcmp(manifest_text(entry, "input"), "micro") == 0;
  double off = fabs((double)fit_scale(fit, 0) - (double)(float)delta);
  if (off > (widened ? 1e-7 * delta : 0) || lowest - fit_zero_point(fit, 0) != offset)
    fail_msg("%s on %s: %.9g from %ld, expected %.9g from %ld", spec, manifest_text(entry, "input"),
             (double)fit_scale(fit, 0), lowest - fit_zero_point(fit, 0), delta, offset);
  check_reconstruction(entry, spec, fit, input);
  fit_free(fit);
  return true;
}

static void test_aimet(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"bw8_asym", "aimet-uint8"},
      {"bw4_asym", "uint4,aimet-tf,scale-rule=aimet,arithmetic=clamp-first"},
      {"bw8_sym", "aimet-int8"},
      {"bw4_sym", "int4,aimet-tf,scale-rule=aimet,arithmetic=clamp-first"},
      {"bw8_sym_strict", "aimet-int8-strict"},
      {"bw8_sym_unsigned", "uint8,sym,aimet-tf,scale-rule=aimet,arithmetic=clamp-first"},
  };
  if (!vectors_folder())
    skip();
  assert_int_equal(each_entry("aimet", "aimet_tf", rows, sizeof rows / sizeof *rows, check_aimet),
                   108);
}

/* NVIDIA: the threshold. Scales are a / 127, and 1 / FLT_MIN where all becomes 0. */
static bool check_nvidia(const json_t *entry, const char *spec, const struct vector *input)
{
  const char *file = manifest_text(entry, "amax_file");
  struct vector amax;
  if (!file && !json_is_number(json_object_get(entry, "amax")))
    return false; /* an input with NaN: the reference answers NaN */
  struct fit *fit = fit_of(spec, input);
  if (file)
    assert_true(vector_load(&amax, "conformance/calibration/%s", file));
  for (size_t i = 0; i < fit_grain(fit)->units; i++) {
    float a = file ? vector_floats(&amax)[i] : (float)manifest_number(entry, "amax");
    if (a > 0x1p-24f && fit_scale(fit, i) != a / 127)
      fail_msg("%s: scale %zu is %.9g, expected %.9g / 127", spec, i, (double)fit_scale(fit, i),
               (double)a);
  }
  check_reconstruction(entry, spec, fit, input);
  if (file)
    vector_free(&amax);
  fit_free(fit);
  return true;
}

static void test_nvidia(void **state)
{
  (void)state;
  static const struct row tensor[] = {{"int8", "tensorrt-int8"}};
  static const struct row channel[] = {{"int8", "tensorrt-int8-channel"}};
  static const struct row entropy[] = {{"torch_hist_int8", "tensorrt-int8-entropy"}};
  static const struct row mse[] = {{"torch_hist_int8", "tensorrt-int8-mse"}};
  static const struct row percentile[] = {{"torch_hist_p99.99", "tensorrt-int8-percentile"}};
  if (!vectors_folder())
    skip();
  assert_int_equal(each_entry("trt", "trt_max", tensor, 1, check_nvidia), 18);
  assert_int_equal(each_entry("trt", "trt_max_axis0", channel, 1, check_nvidia), 1);
  assert_int_equal(each_entry("trt", "trt_entropy", entropy, 1, check_nvidia), 18);
  assert_int_equal(each_entry("trt", "trt_mse", mse, 1, check_nvidia), 18);
  assert_int_equal(each_entry("trt", "trt_percentile", percentile, 1, check_nvidia), 18);
}

/* PyTorch's float zero points: z = -min / s, where qscope keeps the minimum. */
static bool check_float_zeros(const json_t *entry, const char *spec, const struct vector *input)
{
  struct vector scale, zero;
  assert_true(
      vector_load(&scale, "conformance/calibration/%s", manifest_text(entry, "scale_file")));
  assert_true(
      vector_load(&zero, "conformance/calibration/%s", manifest_text(entry, "zero_point_file")));
  struct fit *fit = fit_of(spec, input);
  assert_int_equal(scale.count, fit_grain(fit)->units);
  for (size_t i = 0; i < scale.count; i++) {
    double expected = vector_number(&zero, i);
    assert_true(fit_scale(fit, i) == vector_floats(&scale)[i]);
    if ((double)(-fit_offset(fit, i) / fit_scale(fit, i)) != expected)
      fail_msg("%s: zero point %zu is %.9g, expected %.9g", spec, i,
               (double)(-fit_offset(fit, i) / fit_scale(fit, i)), expected);
  }
  fit_free(fit);
  vector_free(&zero);
  vector_free(&scale);
  return true;
}

static void test_float_zeros(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"quint8_float_qparams_ax0", "pytorch-float-qparams"},
      {"quint8_float_qparams_ax1", "pytorch-float-qparams,channel=1"},
  };
  if (!vectors_folder())
    skip();
  assert_int_equal(each_entry("torch", "torch_per_channel", rows, 2, check_float_zeros), 2);
}

/* The presets of the same conventions. */
static void test_presets(void **state)
{
  (void)state;
  static const struct row torch[] = {
      {"quint8_affine", "pytorch-quint8"},
      {"qint8_symmetric", "pytorch-qint8"},
      {"quint8_affine_reduce", "pytorch-fbgemm"},
  };
  static const struct row channels[] = {
      {"qint8_symmetric_ax0", "torchao-int8"},
      {"qint8_symmetric_m127_ax0", "pytorch-qint8-channel,eps=1.1920928955078125e-07"},
  };
  static const struct row ort[] = {
      {"uint8_asym", "onnxruntime-uint8"},
      {"int8_sym", "onnxruntime-int8"},
      {"uint8_sym", "onnxruntime-uint8-symmetric"},
      {"int8_asym", "onnxruntime-int8-asymmetric"},
      {"uint8_asym_reduce", "onnxruntime-uint8-reduced"},
      {"int8_sym_reduce", "onnxruntime-int8-reduced"},
  };
  static const struct row tensors[] = {
      {"int8_sym", "compressed-tensors-int8,tensor"},
      {"int8_asym", "compressed-tensors-int8-asymmetric,tensor"},
      {"int4_sym", "compressed-tensors-int4,tensor"},
  };
  static const struct row awq[] = {{"int4_g128", "awq-int4"}};
  static const struct row autoawq[] = {{"int4_g128", "autoawq-int4-symmetric"}};
  static const struct row gptq[] = {
      {"int4_sym_row", "gptq-int4,channel"},
      {"int4_asym_row", "gptq-int4-asymmetric,channel"},
  };
  CHECK("torch", "torch_minmax", torch, 54);
  CHECK("torch", "torch_per_channel", channels, 2);
  CHECK("ort", "ort_scale_zp", ort, 108);
  CHECK("llmc", "compressed_tensors_minmax", tensors, 54);
  CHECK("weights", "awq_pseudo_quantize_zp", awq, 1);
  CHECK("weights", "autoawq_pseudo_quantize_sym", autoawq, 1);
  CHECK("weights", "gptq_find_params", gptq, 2);
}

/* --- arithmetics ----------------------------------------------------------------------------- */

/* The codes of every arithmetic on ties, beyond the ends, and on what is no number. */
static void check_codes(const json_t *entry, const char *key, const char *arithmetic,
                        const struct vector *input)
{
  const json_t *expected = json_object_get(entry, key), *code;
  double scale = manifest_number(entry, "scale");
  long zero = (long)json_integer_value(json_object_get(entry, "zero_point"));
  long lowest = (long)json_integer_value(json_object_get(entry, "quant_min"));
  uint16_t codes[64];
  float y[64];
  char spec[200];
  size_t i;
  if (!expected)
    return;
  assert_true(input->count <= 64);
  long highest = (long)json_integer_value(json_object_get(entry, "quant_max"));
  snprintf(spec, sizeof spec, "%s,scale=%.17g,zero=%ld,codes=%ld:%ld,arithmetic=%s",
           lowest < 0 ? "int8,asym,signed" : "uint8", scale, zero, lowest, highest, arithmetic);
  struct fit *fit = fit_of(spec, input);
  round_trip(fit, input, y, codes);
  json_array_foreach(expected, i, code) {
    if (json_is_null(code)) /* the reference leaves it open */
      continue;
    if (lowest + codes[i] != (long)json_integer_value(code))
      fail_msg("%s: %s of %g is %ld, expected %ld", spec, key, (double)vector_floats(input)[i],
               lowest + (long)codes[i], (long)json_integer_value(code));
  }
  fit_free(fit);
}

static void test_ties(void **state)
{
  (void)state;
  static const struct {
    const char *key, *arithmetic;
  } columns[] = {
      {"codes_torch_fake_quantize", "reciprocal"},
      {"codes_torch_quantize_per_tensor", "reciprocal"},
      {"codes_divide_rint_addzp_clamp", "divide"},
      {"codes_divide_addzp_clamp_rint", "zero-first"},
      {"codes_aimet_cpu", "clamp-first"},
  };
  struct vector input;
  size_t i, entries = 0;
  const json_t *entry;
  if (!vectors_folder())
    skip();
  json_t *all = manifest_load("qdq_ties");
  assert_true(vector_load(&input, "conformance/calibration/inputs/ties.npy"));
  json_array_foreach(json_object_get(all, "entries"), i, entry) {
    entries++;
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
      check_codes(entry, columns[k].key, columns[k].arithmetic, &input);
  }
  assert_int_equal(entries, 24);
  vector_free(&input);
  json_decref(all);
}

/* --- numbers of CONVENTIONS 2.4 -------------------------------------------------------------- */

static double decibels(const char *spec, const float *x, size_t n)
{
  struct vector input = {
      .type = 'f', .size = 4, .dims = 1, .dim = {n}, .count = n, .data = (void *)(uintptr_t)x};
  struct fit *fit = fit_of(spec, &input);
  float *y = calloc(n, sizeof *y);
  double signal = 0, error = 0;
  assert_non_null(y);
  round_trip(fit, &input, y, NULL);
  for (size_t i = 0; i < n; i++) {
    signal += (double)x[i] * (double)x[i];
    error += pow((double)x[i] - (double)y[i], 2);
  }
  free(y);
  fit_free(fit);
  return 10 * log10(signal / error);
}

static void test_golden(void **state)
{
  (void)state;
  enum { COUNT = 1 << 20 };
  static const struct {
    const char *spec;
    double gaussian, laplace, student, tolerance;
  } rows[] = {
      {"int8,scale-rule=qmax", 39.124, 32.950, 13.288, 6e-4},
      {"int8,scale-rule=half-range", 39.154, 32.985, 13.322, 6e-4},
      {"int8,scale-rule=signed", 39.188, 33.022, 13.356, 6e-4},
      {"uint8,scale-rule=affine", 39.26, 33.15, 15.80, 6e-3},
      {"int4,group=128,scale-rule=qmax", 18.616, 15.926, 12.98, 6e-3},
      {"int4,group=128,scale-rule=half-range", 19.119, 16.404, 13.37, 6e-3},
      {"int4,group=128,scale-rule=no-clip", 19.052, 16.393, 13.42, 6e-3},
      {"int4,group=128,scale-rule=signed", 19.740, 17.030, 13.98, 6e-3},
  };
  float *x = calloc(COUNT, sizeof *x);
  assert_non_null(x);
  for (int d = 0; d < 3; d++) {
    (d == 0 ? portable_gaussian : d == 1 ? portable_laplace : portable_student3)(x, COUNT);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      double expected = d == 0 ? rows[i].gaussian : d == 1 ? rows[i].laplace : rows[i].student;
      double found = decibels(rows[i].spec, x, COUNT);
      if (fabs(found - expected) > rows[i].tolerance)
        fail_msg("%s, tensor %d: %.4f dB, expected %.4f", rows[i].spec, d, found, expected);
    }
  }
  free(x);
}

/* --- what every rule must do ----------------------------------------------------------------- */

/* Any range gives a scale that is a number and not 0, and reconstructions of finite values stay
 * finite. */
static void test_degenerate(void **state)
{
  (void)state;
  static const float data[][4] = {
      {0, 0, 0, 0},
      {3.5f, 3.5f, 3.5f, 3.5f},
      {-0.1f, -0.1f, -0.1f, -0.1f},
      {1e-45f, 0, -1e-45f, 0},
      {3e38f, -3e38f, 1, 2},
      {5, 6, 7, 9},
      {-5, -6, -7, -9},
      {1e-30f, -1e-30f, 0, 1e-31f},
  };
  for (size_t r = 0; r < scale_rule_table_length; r++)
    for (int scheme = 0; scheme < 4; scheme++)
      for (size_t d = 0; d < sizeof data / sizeof *data; d++) {
        static const char *const heads[] = {"int8", "uint8,sym", "uint4", "int8,asym,signed"};
        const struct scale_rule *rule = &scale_rule_table[r];
        struct vector input = {.type = 'f',
                               .size = 4,
                               .dims = 1,
                               .dim = {4},
                               .count = 4,
                               .data = (void *)(uintptr_t)data[d]};
        char spec[100];
        float y[4];
        if (!(scheme < 2 ? rule->symmetric : rule->asymmetric))
          continue;
        snprintf(spec, sizeof spec, "%s,scale-rule=%s", heads[scheme], rule->name);
        struct fit *fit = fit_of(spec, &input);
        round_trip(fit, &input, y, NULL);
        struct tally_bounds bounds;
        fit_bounds(fit, 0, &bounds);
        if (!(fabsf(fit_scale(fit, 0)) > 0) || !isfinite(fit_scale(fit, 0)) ||
            !(bounds.clip_lo <= bounds.clip_hi))
          fail_msg("%s, data %zu: scale %g, clips %g..%g", spec, d, (double)fit_scale(fit, 0),
                   (double)bounds.clip_lo, (double)bounds.clip_hi);
        for (size_t i = 0; i < 4; i++)
          if (!isfinite(y[i]))
            fail_msg("%s, data %zu: %g becomes %g", spec, d, (double)data[d][i], (double)y[i]);
        fit_free(fit);
      }
}

/* A negative scale puts the heavier side on the lowest code; bounds and levels are in order. */
static void test_negative_scale(void **state)
{
  (void)state;
  static const float data[] = {-3, 8, 1, 0.49f};
  struct vector input = {
      .type = 'f', .size = 4, .dims = 1, .dim = {4}, .count = 4, .data = (void *)(uintptr_t)data};
  struct fit *fit = fit_of("int4,scale-rule=signed", &input);
  float y[4];
  uint16_t codes[4];
  double lo, hi;
  size_t count;
  struct tally_bounds bounds;
  round_trip(fit, &input, y, codes);
  assert_true(fit_scale(fit, 0) == -1);
  assert_true(y[0] == -3 && y[1] == 8 && y[2] == 1 && y[3] == 0);
  assert_int_equal(codes[1], 0); /* the lowest */
  fit_range(fit, 0, &lo, &hi);
  assert_true(lo == -7 && hi == 8);
  fit_bounds(fit, 0, &bounds);
  /* the tie at 8.5 rounds to the even 8; the one at -7.5 to 8, beyond the end */
  assert_true(bounds.clip_hi == 8.5f && bounds.clip_lo == nextafterf(-7.5f, 0));
  assert_true(bounds.rail_lo == -7 && bounds.rail_hi == 8);
  double *levels = fit_levels(fit, 0, &count);
  assert_int_equal(count, 16);
  assert_true(levels[0] == -7 && levels[15] == 8);
  free(levels);
  fit_free(fit);
}

static void test_free_minimum(void **state)
{
  (void)state;
  static const float data[] = {5, 5.5f, 6.5f, 12.5f};
  struct vector input = {
      .type = 'f', .size = 4, .dims = 1, .dim = {4}, .count = 4, .data = (void *)(uintptr_t)data};
  struct fit *fit = fit_of("uint4,scale-rule=free-minimum", &input);
  float y[4];
  uint16_t codes[4];
  round_trip(fit, &input, y, codes);
  assert_true(fit_scale(fit, 0) == 0.5f && fit_has_offset(fit) && fit_offset(fit, 0) == 5);
  assert_memory_equal(y, data, sizeof y);
  assert_int_equal(codes[3], 15);
  assert_true(fit_bits_per_element(fit) == 4 + 64.0 / 4);
  fit_free(fit);
}

/* Ranges as wide as float32: nothing reconstructs to infinity or NaN, whatever makes the scale and
 * stores it, and both ends stay within two steps of where they were
 * (but for stored scales and rules that clip of themselves). */
static void check_ends(const char *spec, const float *x, size_t n)
{
  const struct vector input = {.type = 'f',
                               .size = sizeof *x,
                               .dims = 1,
                               .dim = {n},
                               .count = n,
                               .data = (void *)(uintptr_t)x};
  struct fit *fit = fit_of(spec, &input);
  float y[8], step = fabsf(fit_scale(fit, 0));
  bool wide = fit_has_offset(fit) || !format_is_integer(fit_quantizer(fit)->format) ||
              strstr(spec, "int2") || strstr(spec, "pow2") || strstr(spec, "type=") ||
              strstr(spec, "gptq");
  round_trip(fit, &input, y, NULL);
  for (size_t i = 0; i < n; i++)
    if (!isfinite(y[i]) || !(wide || fabsf(y[i] - x[i]) <= 2.01f * step))
      fail_msg("%s: %g gives %g, step %g", spec, (double)x[i], (double)y[i], (double)step);
  fit_free(fit);
}

static void test_ends_stay_finite(void **state)
{
  static const float huge[][4] = {{-FLT_MAX, FLT_MAX, 0, 1},
                                  {-FLT_MAX, FLT_MAX / 3, -1, 1e30f},
                                  {-FLT_MAX / 200, FLT_MAX, -1, 1e30f},
                                  {-FLT_MAX * 0.5f, FLT_MAX * 0.996f, 0, 0},
                                  {0, FLT_MAX, 0, 0},
                                  {-FLT_MAX, 0, 0, 0}};
  static const char *const formats[] = {"int8", "int4", "int2", "int16"};
  static const char *const tails[] = {"", ",pow2", ",scale-type=bfloat16",
                                      ",arithmetic=reciprocal"};
  (void)state;
  for (size_t r = 0; r <= scale_rule_table_length; r++)
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
      for (size_t t = 0; t < sizeof tails / sizeof *tails; t++)
        for (int asymmetric = 0; asymmetric < 2; asymmetric++) {
          const struct scale_rule *rule = &scale_rule_table[r];
          bool ours = r == scale_rule_table_length;
          char spec[128];
          if (!ours && (!(asymmetric ? rule->asymmetric : rule->symmetric) || rule->offset))
            continue;
          snprintf(spec, sizeof spec, "%s%s%s%s%s", formats[f], asymmetric ? ",asym" : "",
                   ours ? "" : ",scale-rule=", ours ? "" : rule->name, tails[t]);
          for (size_t i = 0; i < sizeof huge / sizeof *huge; i++)
            check_ends(spec, huge[i], 4);
        }
  static const char *const others[] = {"e4m3",
                                       "e5m2,pow2",
                                       "bfloat16",
                                       "nf4",
                                       "uint8,scale-rule=free-minimum",
                                       "uint4,scale-rule=mlx"};
  for (size_t s = 0; s < 6; s++)
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++)
      check_ends(others[s], huge[i], 4);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pytorch),
      cmocka_unit_test(test_pytorch_channels),
      cmocka_unit_test(test_onnxruntime),
      cmocka_unit_test(test_onnxruntime_channels),
      cmocka_unit_test(test_compressed_tensors),
      cmocka_unit_test(test_awq),
      cmocka_unit_test(test_gptq),
      cmocka_unit_test(test_aimet),
      cmocka_unit_test(test_nvidia),
      cmocka_unit_test(test_float_zeros),
      cmocka_unit_test(test_presets),
      cmocka_unit_test(test_ties),
      cmocka_unit_test(test_golden),
      cmocka_unit_test(test_degenerate),
      cmocka_unit_test(test_negative_scale),
      cmocka_unit_test(test_free_minimum),
      cmocka_unit_test(test_ends_stay_finite),
  };
  return cmocka_run_group_tests_name("scale rules", tests, NULL, NULL);
}
