/* Small floats and their scales, each code a byte or half of one: FP8, FP4, codebooks of
 * bitsandbytes, and its integers. Values are those that the definitions of the formats give. */
#include "tests/data/packs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char bytes[PACKS_MOST];
static float expected[PACKS_MOST], scale[PACKS_SCALES];

/* --- plain codes with scales ------------------------------------------------------------------ */

/* Value of an E4M3 code by the definition: sign, 4 bits of exponent with bias 7, 3 of fraction. */
static float e4m3(unsigned value)
{
  int exponent = (int)(value >> 3 & 15);
  float fraction = (float)(value & 7) / 8;
  float magnitude = exponent ? ldexpf(1 + fraction, exponent - 7) : ldexpf(fraction, -6);
  return value & 128 ? -magnitude : magnitude;
}

static void draw_e4m3(size_t count)
{
  packs_seed((uint32_t)count);
  for (size_t i = 0; i < count; i++)
    do
      bytes[i] = (unsigned char)packs_next(256);
    while ((bytes[i] & 127) == 127);
  for (size_t i = 0; i < 1024; i++)
    scale[i] = (float)(1 + packs_next(200)) / 64;
}

/* SCALES x of blocks of ROWS x COLUMNS. */
static void expect_blocks(size_t rows, size_t columns, size_t block_rows, size_t block_columns)
{
  size_t across = (columns + block_columns - 1) / block_columns;
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++)
      expected[r * columns + c] =
          e4m3(bytes[r * columns + c]) * scale[r / block_rows * across + c / block_columns];
}

static void check_fp8(const char *suffix, unsigned dims, size_t scale_rows, size_t scale_columns,
                      size_t block_rows, size_t block_columns)
{
  const size_t rows = 130, columns = 300;
  char name[PACKS_NAMED];
  snprintf(name, sizeof name, "down.weight_scale%s", suffix);
  draw_e4m3(rows * columns);
  const float input = 0.5f;
  const struct part parts[] = {
      {"down.weight", "F8_E4M3", 2, {rows, columns}, bytes},
      {name, "F32", dims, {scale_rows, scale_columns}, scale},
      {"down.input_scale", "F32", 0, {0}, &input},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 3);
  expect_blocks(rows, columns, block_rows, block_columns);
  struct source *source =
      packs_check("down.weight:dequantized", "f8_scaled", rows, columns, expected);
  size_t index;
  assert_int_equal(source_find(source, "down.weight", &index, NULL), STATUS_OK);
  float *codes = files_values(source, index);
  for (size_t i = 0; i < rows * columns; i++)
    assert_true(codes[i] == e4m3(bytes[i]));
  free(codes);
  assert_int_equal(source_find(source, "down.input_scale", &index, NULL), STATUS_OK);
  assert_string_equal(source_remark(source, index), "scale of the inputs of down.weight");
  source_close(source);
}

static void test_fp8(void **state)
{
  (void)state;
  check_fp8("", 0, 0, 0, 130, 300);
  check_fp8("", 1, 1, 0, 130, 300);
  check_fp8("", 1, 130, 0, 1, 300);
  check_fp8("", 2, 130, 1, 1, 300);
  check_fp8("", 2, 1, 1, 130, 300);
  check_fp8("", 2, 130, 3, 1, 128); /* groups of 128, the last of 44 */
  check_fp8("_inv", 2, 2, 3, 128, 128);
}

/* MXFP8: the scale of 32 columns is a power of two, as a byte. */
static void test_mxfp8(void **state)
{
  (void)state;
  const size_t rows = 6, columns = 96;
  unsigned char powers[18];
  draw_e4m3(rows * columns);
  for (size_t i = 0; i < sizeof powers; i++)
    powers[i] = (unsigned char)(120 + i);
  for (size_t i = 0; i < rows * columns; i++)
    expected[i] = ldexpf(e4m3(bytes[i]), powers[i / 32] - 127);
  const struct part parts[] = {
      {"down.weight", "F8_E4M3", 2, {rows, columns}, bytes},
      {"down.weight_scale", "U8", 2, {rows, columns / 32}, powers},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 2);
  source_close(packs_check("down.weight:dequantized", "f8_scaled", rows, columns, expected));
}

/* Other blocks are as the configuration says. */
static void test_fp8_blocks(void **state)
{
  (void)state;
  draw_e4m3(100 * 90);
  const struct part parts[] = {
      {"down.weight", "F8_E4M3", 2, {100, 90}, bytes},
      {"down.weight_scale_inv", "F32", 2, {4, 3}, scale},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 2);
  checkpoint_config("{\"quantization_config\":{\"quant_method\":\"fp8\","
                    "\"weight_block_size\":[30,40]}}");
  expect_blocks(100, 90, 30, 40);
  source_close(packs_check("down.weight:dequantized", "f8_scaled", 100, 90, expected));
}

/* Experts: planes of matrices, each with scales of its own. */
static void test_fp8_experts(void **state)
{
  (void)state;
  const size_t planes = 3, rows = 4, columns = 256;
  draw_e4m3(planes * rows * columns);
  const struct part parts[] = {
      {"experts.weight", "F8_E4M3", 3, {planes, rows, columns}, bytes},
      {"experts.weight_scale_inv", "F32", 3, {planes, 1, 2}, scale},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 2);
  for (size_t p = 0; p < planes; p++)
    for (size_t i = 0; i < rows * columns; i++)
      expected[p * rows * columns + i] =
          e4m3(bytes[p * rows * columns + i]) * scale[p * 2 + i % columns / 128];
  struct source *source = files_open(files_folder());
  size_t index =
      checkpoint_expect(source, "experts.weight:dequantized", expected, planes * rows * columns);
  assert_int_equal(source_tensor(source, index)->shape.dims, 3);
  source_close(source);
}

static void test_int8(void **state)
{
  (void)state;
  const size_t rows = 16, columns = 24;
  int8_t zeros[16];
  packs_draw(rows * columns, bytes, scale);
  for (size_t r = 0; r < rows; r++)
    zeros[r] = (int8_t)((int)packs_next(100) - 50);
  const struct part parts[] = {
      {"k.weight", "I8", 2, {rows, columns}, bytes},
      {"k.weight_scale", "F32", 2, {rows, 1}, scale},
      {"k.weight_zero_point", "I8", 2, {rows, 1}, zeros},
  };
  for (size_t asymmetric = 0; asymmetric < 2; asymmetric++) {
    files_clear();
    checkpoint_safetensors("model.safetensors", parts, 2 + asymmetric);
    for (size_t i = 0; i < rows * columns; i++)
      expected[i] =
          (float)((int8_t)bytes[i] - (asymmetric ? zeros[i / columns] : 0)) * scale[i / columns];
    source_close(packs_check("k.weight:dequantized", "i8_scaled", rows, columns, expected));
  }
}

/* LLM.int8: codes of 127 are the row's absmax, to a rounding. */
static void test_bnb_int8(void **state)
{
  (void)state;
  const size_t rows = 16, columns = 24;
  packs_draw(rows * columns, bytes, scale);
  bytes[0] = 127;
  const struct part parts[] = {
      {"k.weight", "I8", 2, {rows, columns}, bytes},
      {"k.SCB", "F32", 1, {rows}, scale},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 2);
  for (size_t i = 0; i < rows * columns; i++)
    expected[i] = (float)(int8_t)bytes[i] * scale[i / columns] * 7.874015718698502e-3f;
  assert_true(fabsf(expected[0] / scale[0] - 1) < 1e-6f);
  source_close(packs_check("k.weight:dequantized", "bnb_int8", rows, columns, expected));
}

/* torchao's names: the weight itself is not in the file. */
static void test_torchao(void **state)
{
  (void)state;
  draw_e4m3(8 * 20);
  const struct part parts[] = {
      {"0.weight:qdata", "F8_E4M3", 2, {8, 20}, bytes},
      {"0.weight:scale", "F32", 2, {8, 1}, scale},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 2);
  expect_blocks(8, 20, 1, 20);
  source_close(packs_check("0.weight", "f8_scaled", 8, 20, expected));
}

/* --- floats of 4 bits ------------------------------------------------------------------------- */

/* Value of an E2M1 code by the definition: sign, 2 bits of exponent with bias 1, 1 of fraction. */
static float e2m1(unsigned value)
{
  int exponent = (int)(value >> 1 & 3);
  float fraction = (float)(value & 1) / 2;
  float magnitude = exponent ? ldexpf(1 + fraction, exponent - 1) : fraction;
  return value & 8 ? -magnitude : magnitude;
}

enum { FP4_ROWS = 6, FP4_COLUMNS = 64 };

/* Codes two in a byte, the first in the lower half; NVFP4's scales in zero_words as bytes. */
static unsigned char fp4_scale[256];

static void draw_fp4(bool powers, float factor, bool divides)
{
  const size_t group = powers ? 32 : 16;
  packs_draw(FP4_ROWS * FP4_COLUMNS / 2, bytes, scale);
  for (size_t i = 0; i < sizeof fp4_scale; i++)
    fp4_scale[i] = (unsigned char)(powers ? 120 + packs_next(16) : packs_next(126));
  for (size_t i = 0; i < FP4_ROWS * FP4_COLUMNS; i++) {
    unsigned byte = bytes[i / 2], value = i % 2 ? byte >> 4 : byte & 15;
    unsigned char s = fp4_scale[i / group];
    float real = powers ? ldexpf(1, s - 127) : divides ? e4m3(s) / factor : e4m3(s) * factor;
    expected[i] = e2m1(value) * real;
  }
}

static void test_nvfp4(void **state)
{
  (void)state;
  const float factor = 12.5f;
  const struct part compressed[] = {
      {"o.weight_packed", "U8", 2, {FP4_ROWS, FP4_COLUMNS / 2}, bytes},
      {"o.weight_scale", "F8_E4M3", 2, {FP4_ROWS, FP4_COLUMNS / 16}, fp4_scale},
      {"o.weight_global_scale", "F32", 1, {1}, &factor},
  };
  const struct part modelopt[] = {
      {"o.weight", "U8", 2, {FP4_ROWS, FP4_COLUMNS / 2}, bytes},
      {"o.weight_scale", "F8_E4M3", 2, {FP4_ROWS, FP4_COLUMNS / 16}, fp4_scale},
      {"o.weight_scale_2", "F32", 0, {0}, &factor},
  };
  files_clear();
  draw_fp4(false, factor, true);
  checkpoint_safetensors("model.safetensors", compressed, 3);
  source_close(packs_check("o.weight", "ct_nvfp4", FP4_ROWS, FP4_COLUMNS, expected));
  draw_fp4(false, factor, false);
  checkpoint_safetensors("model.safetensors", modelopt, 3);
  source_close(packs_check("o.weight:dequantized", "mo_nvfp4", FP4_ROWS, FP4_COLUMNS, expected));
}

static void test_mxfp4(void **state)
{
  (void)state;
  const struct part compressed[] = {
      {"o.weight_packed", "U8", 2, {FP4_ROWS, FP4_COLUMNS / 2}, bytes},
      {"o.weight_scale", "U8", 2, {FP4_ROWS, FP4_COLUMNS / 32}, fp4_scale},
  };
  const struct part blocks[] = {
      {"experts.gate_up_proj_blocks", "U8", 4, {2, 3, 2, 16}, bytes},
      {"experts.gate_up_proj_scales", "U8", 3, {2, 3, 2}, fp4_scale},
  };
  files_clear();
  draw_fp4(true, 1, false);
  checkpoint_safetensors("model.safetensors", compressed, 2);
  source_close(packs_check("o.weight", "ct_mxfp4", FP4_ROWS, FP4_COLUMNS, expected));
  checkpoint_safetensors("model.safetensors", blocks, 2);
  struct source *source = files_open(files_folder());
  size_t index =
      checkpoint_expect(source, "experts.gate_up_proj", expected, FP4_ROWS * FP4_COLUMNS);
  assert_string_equal(source_tensor(source, index)->stored->name, "oss_mxfp4");
  assert_int_equal(source_tensor(source, index)->shape.dims, 3);
  assert_int_equal(source_tensor(source, index)->shape.dim[2], 64);
  source_close(source);
}

/* MLX keeps the same bytes as 32-bit words. */
static void test_mlx_fp4(void **state)
{
  (void)state;
  for (int powers = 0; powers < 2; powers++) {
    const struct part parts[] = {
        {"o.weight", "U32", 2, {FP4_ROWS, FP4_COLUMNS / 8}, bytes},
        {"o.scales", "U8", 2, {FP4_ROWS, powers ? FP4_COLUMNS / 32 : FP4_COLUMNS / 16}, fp4_scale},
    };
    files_clear();
    draw_fp4(powers, 1, false);
    checkpoint_safetensors("model.safetensors", parts, 2);
    source_close(packs_check("o.weight:dequantized", powers ? "mlx_mxfp4" : "mlx_nvfp4", FP4_ROWS,
                             FP4_COLUMNS, expected));
  }
}

/* --- bitsandbytes ----------------------------------------------------------------------------- */

static void test_bnb(void **state)
{
  (void)state;
  const size_t rows = 5, columns = 77, count = rows * columns, blocks = (count + 63) / 64;
  static const char *const types[] = {"nf4", "fp4"};
  float map[16];
  for (size_t type = 0; type < 2; type++) {
    char name[PACKS_NAMED], stored[16];
    const char json[] = "{\"quant_type\":\"nf4\",\"blocksize\":64,\"dtype\":\"bfloat16\","
                        "\"shape\":[5,77]}";
    snprintf(name, sizeof name, "g.weight.quant_state.bitsandbytes__%s", types[type]);
    snprintf(stored, sizeof stored, "bnb_%s", types[type]);
    packs_draw((count + 1) / 2, bytes, scale);
    for (size_t i = 0; i < 16; i++)
      map[i] = ((float)i - 7.3f) / 8;
    for (size_t i = 0; i < count; i++) {
      unsigned byte = bytes[i / 2];
      expected[i] = map[i % 2 ? byte & 15 : byte >> 4] * scale[i / 64];
    }
    const struct part parts[] = {
        {"g.weight", "U8", 2, {(count + 1) / 2, 1}, bytes},
        {"g.weight.absmax", "F32", 1, {blocks}, scale},
        {"g.weight.quant_map", "F32", 1, {16}, map},
        {name, "U8", 1, {sizeof json - 1}, json},
    };
    files_clear();
    checkpoint_safetensors("model.safetensors", parts, 4);
    source_close(packs_check("g.weight:dequantized", stored, rows, columns, expected));
    files_clear();
    checkpoint_pytorch("pytorch_model.bin", parts, 4, true);
    source_close(packs_check("g.weight:dequantized", stored, rows, columns, expected));
  }
}

/* The scales are quantized too: bytes, a map of 256, absmaxes of blocks of blocks, an offset. */
static void test_bnb_nested(void **state)
{
  (void)state;
  const size_t rows = 16, columns = 64, count = rows * columns, blocks = count / 8;
  const char json[] = "{\"quant_type\":\"nf4\",\"blocksize\":8,\"dtype\":\"bfloat16\","
                      "\"shape\":[16,64],\"nested_blocksize\":50,\"nested_dtype\":\"float32\","
                      "\"nested_offset\":0.125}";
  static unsigned char absmax[256];
  static float nested_map[256], nested[3] = {0.5f, 2, 0.25f};
  float map[16];
  packs_draw(count / 2, bytes, scale);
  for (size_t i = 0; i < 16; i++)
    map[i] = ((float)i - 7.3f) / 8;
  for (size_t i = 0; i < 256; i++) {
    nested_map[i] = ((float)i - 100) / 128;
    absmax[i] = (unsigned char)packs_next(256);
  }
  for (size_t i = 0; i < count; i++) {
    unsigned byte = bytes[i / 2];
    size_t block = i / 8;
    float s = nested_map[absmax[block]] * nested[block / 50] + 0.125f;
    expected[i] = map[i % 2 ? byte & 15 : byte >> 4] * s;
  }
  const struct part parts[] = {
      {"g.weight", "U8", 2, {count / 2, 1}, bytes},
      {"g.weight.absmax", "U8", 1, {blocks}, absmax},
      {"g.weight.nested_absmax", "F32", 1, {3}, nested},
      {"g.weight.nested_quant_map", "F32", 1, {256}, nested_map},
      {"g.weight.quant_map", "F32", 1, {16}, map},
      {"g.weight.quant_state.bitsandbytes__nf4", "U8", 1, {sizeof json - 1}, json},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 6);
  source_close(packs_check("g.weight:dequantized", "bnb_nf4", rows, columns, expected));
}

/* Codes, scales and values that bitsandbytes computed: formats/nf4 of the conformance vectors. */
static void test_bnb_conformance(void **state)
{
  (void)state;
  static const char *const types[] = {"nf4", "fp4"};
  for (size_t type = 0; type < 2; type++) {
    static const char *const files[] = {"block_%s_packed", "block_%s_absmax", "%s_codebook",
                                        "block_%s_y"};
    struct source *sources[4];
    char json[100], state_name[PACKS_NAMED];
    for (size_t i = 0; i < 4; i++) {
      char name[100] = "../conformance/formats/nf4/", *end = name + strlen(name);
      const char *gap = strstr(files[i], "%s");
      snprintf(end, sizeof name - strlen(name), "%.*s%s%s.npy", (int)(gap - files[i]), files[i],
               types[type], gap + 2);
      if (!files_sample(name))
        skip();
      sources[i] = files_open(files_sample(name));
    }
    const struct tensor *packed = source_tensor(sources[0], 0);
    const struct tensor *absmax = source_tensor(sources[1], 0);
    const struct tensor *codebook = source_tensor(sources[2], 0);
    float *values = files_values(sources[3], 0);
    size_t count = source_tensor(sources[3], 0)->count;
    snprintf(json, sizeof json, "{\"blocksize\":64,\"shape\":[%zu]}", count);
    snprintf(state_name, sizeof state_name, "w.quant_state.bitsandbytes__%s", types[type]);
    assert_int_equal(packed->count * 2, count);
    const struct part parts[] = {
        {"w", "U8", 1, {packed->count}, packed->data},
        {"w.absmax", "F32", 1, {absmax->count}, absmax->data},
        {"w.quant_map", "F32", 1, {16}, codebook->data},
        {state_name, "U8", 1, {strlen(json)}, json},
    };
    files_clear();
    struct source *source = files_open(checkpoint_safetensors("model.safetensors", parts, 4));
    checkpoint_expect(source, "w:dequantized", values, count);
    source_close(source);
    free(values);
    for (size_t i = 0; i < 4; i++)
      source_close(sources[i]);
  }
}

/* --- several files ---------------------------------------------------------------------------- */

/* Codes in one shard, scales in the other; a weight without a stem. */
static void test_parts_of_two_shards(void **state)
{
  (void)state;
  draw_e4m3(8 * 20);
  const struct part codes = {"weight", "F8_E4M3", 2, {8, 20}, bytes};
  const struct part scales = {"weight_scale", "F32", 1, {8}, scale};
  files_clear();
  checkpoint_safetensors("model-00001-of-00002.safetensors", &codes, 1);
  checkpoint_safetensors("model-00002-of-00002.safetensors", &scales, 1);
  expect_blocks(8, 20, 1, 20);
  source_close(packs_check("weight:dequantized", "f8_scaled", 8, 20, expected));
}

static void test_sample(void **state)
{
  (void)state;
  const char *path = files_sample("safetensors/torchao-fp8-linear.safetensors");
  if (!path)
    skip();
  struct source *source = files_open(path);
  size_t codes, scales, weight;
  assert_int_equal(source_find(source, "0.weight:qdata", &codes, NULL), STATUS_OK);
  assert_int_equal(source_find(source, "0.weight:scale", &scales, NULL), STATUS_OK);
  assert_int_equal(source_find(source, "0.weight", &weight, NULL), STATUS_OK);
  float *c = files_values(source, codes), *s = files_values(source, scales);
  float *w = files_values(source, weight);
  for (size_t i = 0; i < 256 * 32; i++)
    assert_true(w[i] == c[i] * s[i / 32]);
  free(c);
  free(s);
  free(w);
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fp8),
      cmocka_unit_test(test_mxfp8),
      cmocka_unit_test(test_fp8_blocks),
      cmocka_unit_test(test_fp8_experts),
      cmocka_unit_test(test_int8),
      cmocka_unit_test(test_bnb_int8),
      cmocka_unit_test(test_torchao),
      cmocka_unit_test(test_nvfp4),
      cmocka_unit_test(test_mxfp4),
      cmocka_unit_test(test_mlx_fp4),
      cmocka_unit_test(test_bnb),
      cmocka_unit_test(test_bnb_nested),
      cmocka_unit_test(test_bnb_conformance),
      cmocka_unit_test(test_parts_of_two_shards),
      cmocka_unit_test(test_sample),
  };
  return cmocka_run_group_tests_name("data/pack_floats", tests, NULL, files_remove);
}
