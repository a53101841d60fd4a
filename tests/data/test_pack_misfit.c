/* Packs whose parts do not fit: the file opens with its tensors as they are, none is derived, and
 * the note says which part was expected and found. Wrong values are found when the weight is
 * loaded. Configurations that are damaged, hostile, or of something else. */
#include "tests/data/checkpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 5 };

static unsigned char data[1 << 16];

struct misfit {
  struct part parts[PARTS]; /* up to the first without a name */
  const char *note;         /* a part of it; "": no note at all */
};

static size_t count_parts(const struct misfit *misfit)
{
  size_t count = 0;
  while (count < PARTS && misfit->parts[count].name)
    count++;
  return count;
}

static void expect_note(const struct source *source, const char *fragment)
{
  if (*fragment ? !strstr(source_note(source), fragment) : *source_note(source))
    fail_msg("expected \"%s\" in \"%s\"", fragment, source_note(source));
}

static void check(const struct misfit *misfit)
{
  struct part parts[PARTS];
  size_t count = count_parts(misfit);
  memcpy(parts, misfit->parts, sizeof parts);
  for (size_t i = 0; i < count; i++)
    if (!parts[i].data)
      parts[i].data = data;
  files_clear();
  struct source *source = files_open(checkpoint_safetensors("model.safetensors", parts, count));
  assert_int_equal(source_count(source), count);
  expect_note(source, misfit->note);
  source_close(source);
}

/* The usual parts of four outputs or so, each with one thing wrong. */
#define QWEIGHT                                                                                    \
  {                                                                                                \
    "q.qweight", "I32", 2, {8, 32}, NULL                                                           \
  }
#define QZEROS                                                                                     \
  {                                                                                                \
    "q.qzeros", "I32", 2, {2, 4}, NULL                                                             \
  }
#define SCALES                                                                                     \
  {                                                                                                \
    "q.scales", "F16", 2, {2, 32}, NULL                                                            \
  }

static void test_gptq(void **state)
{
  (void)state;
  static const struct misfit misfits[] = {
      {{QWEIGHT, SCALES}, "1 packed weight is not unpacked: q.qweight: expected .qzeros beside it"},
      {{QWEIGHT, QZEROS}, "q.qweight: expected .scales beside it, found none"},
      {{{"q.qweight", "F32", 2, {8, 32}, NULL}, QZEROS, SCALES},
       "q.qweight: expected i32 u32 (any, any), found f32 8x32"},
      {{{"q.qweight", "I32", 1, {32}, NULL}, QZEROS, SCALES},
       "q.qweight: expected i32 u32 (any, any), found i32 32"},
      {{QWEIGHT, {"q.qzeros", "I32", 2, {3, 4}, NULL}, SCALES},
       "q.qzeros: expected i32 u32 (2, any), found i32 3x4"},
      {{QWEIGHT, {"q.qzeros", "I32", 2, {2, 5}, NULL}, SCALES},
       "q.qzeros: expected zero points of 2, 3, 4 or 8 bits for 32 outputs, found 5 words"},
      {{QWEIGHT, QZEROS, {"q.scales", "I8", 2, {2, 32}, NULL}},
       "q.scales: expected f16 bf16 f32 f64 (any, any), found i8 2x32"},
      {{QWEIGHT, QZEROS, {"q.scales", "F16", 2, {2, 31}, NULL}},
       "q.scales: expected f16 bf16 f32 f64 (any, 256), found f16 2x31"},
      {{QWEIGHT, QZEROS, SCALES, {"q.g_idx", "I32", 1, {63}, NULL}},
       "q.g_idx: expected i32 (64), found i32 63"},
      {{{"q.qweight", "I32", 2, {8, 32}, NULL},
        {"q.qzeros", "I32", 2, {3, 4}, NULL},
        {"q.scales", "F16", 2, {3, 32}, NULL}},
       "q.scales: expected a number of groups that divides 64 inputs, found 3"},
      {{{"q.qweight", "I32", 2, {8, 32}, NULL},
        {"q.qzeros", "I32", 2, {2, 3}, NULL},
        {"q.scales", "F16", 2, {2, 32}, NULL}},
       "q.qweight: expected a multiple of 3 rows, found 8"},
      {{{"q.qweight", "I32", 2, {0, 32}, NULL}, QZEROS, SCALES},
       "q.scales: expected a number of groups that divides 0 inputs, found 2"},
  };
  for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++)
    check(&misfits[i]);
}

static void test_awq(void **state)
{
  (void)state;
  static const struct misfit misfits[] = {
      {{{"q.qweight", "I32", 2, {64, 4}, NULL},
        {"q.qzeros", "I32", 2, {2, 3}, NULL},
        {"q.scales", "F16", 2, {2, 32}, NULL}},
       "q.qzeros: expected i32 u32 (2, 4), found i32 2x3"},
      {{{"q.qweight", "I32", 2, {64, 4}, NULL},
        {"q.qzeros", "I32", 2, {3, 4}, NULL},
        {"q.scales", "F16", 2, {3, 32}, NULL}},
       "q.scales: expected a number of groups that divides 64 inputs, found 3"},
      {{{"q.qweight", "I32", 2, {64, 4}, NULL},
        {"q.qzeros", "I32", 2, {0, 4}, NULL},
        {"q.scales", "F16", 2, {0, 32}, NULL}},
       "q.scales: expected a number of groups that divides 64 inputs, found 0"},
  };
  for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++)
    check(&misfits[i]);
}

static const int64_t shape[] = {4, 64}, negative[] = {4, -64}, other[] = {5, 64};

#define PACKED                                                                                     \
  {                                                                                                \
    "w.weight_packed", "I32", 2, {4, 8}, NULL                                                      \
  }
#define WSHAPE                                                                                     \
  {                                                                                                \
    "w.weight_shape", "I64", 1, {2}, shape                                                         \
  }
#define WSCALE                                                                                     \
  {                                                                                                \
    "w.weight_scale", "F32", 2, {4, 2}, NULL                                                       \
  }

static void test_compressed(void **state)
{
  (void)state;
  static const struct misfit misfits[] = {
      {{PACKED, WSCALE}, "w.weight_packed: expected .weight_shape beside it, found none"},
      {{PACKED, WSHAPE}, "w.weight_packed: expected .weight_scale beside it, found none"},
      {{PACKED, {"w.weight_shape", "I64", 1, {3}, NULL}, WSCALE},
       "w.weight_shape: expected i64 i32 (2), found i64 3"},
      {{PACKED, {"w.weight_shape", "I64", 1, {2}, other}, WSCALE},
       "w.weight_shape: expected 4 rows, found 5"},
      {{PACKED, {"w.weight_shape", "I64", 1, {2}, negative}, WSCALE}, "columns"},
      {{{"w.weight_packed", "I32", 2, {4, 33}, NULL}, WSHAPE, WSCALE},
       "w.weight_packed: expected words of 2 to 8 bits for 64 columns, found 33 words"},
      {{PACKED, WSHAPE, {"w.weight_scale", "F32", 2, {3, 2}, NULL}},
       "w.weight_scale: expected f16 bf16 f32 f64 (4, any), found f32 3x2"},
      {{PACKED, WSHAPE, {"w.weight_scale", "F32", 2, {4, 3}, NULL}},
       "w.weight_scale: expected groups that divide 64 columns, found 3"},
      {{PACKED, WSHAPE, WSCALE, {"w.weight_zero_point", "I32", 2, {4, 2}, NULL}},
       "w.weight_zero_point: expected i32 (1, 2), found i32 4x2"},
      {{PACKED, WSHAPE, WSCALE, {"w.weight_g_idx", "I32", 1, {4}, NULL}},
       "w.weight_g_idx: expected i32 (64), found i32 4"},
  };
  for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++)
    check(&misfits[i]);
}

static void test_scaled(void **state)
{
  (void)state;
  static const struct misfit misfits[] = {
      {{{"w.weight", "F8_E4M3", 2, {4, 64}, NULL}, {"w.weight_scale", "F32", 1, {5}, NULL}},
       "w.weight_scale: expected scales for the tensor, rows or blocks of 4x64, found 5"},
      {{{"w.weight", "F8_E4M3", 2, {4, 64}, NULL}, {"w.weight_scale", "I8", 1, {4}, NULL}},
       "w.weight_scale: expected scales of f16 bf16 f32 f64, found i8"},
      {{{"w.weight", "F8_E4M3", 2, {4, 64}, NULL}, {"w.weight_scale", "F32", 2, {3, 1}, NULL}},
       "w.weight_scale: expected scales for the tensor"},
      {{{"w.weight", "F8_E4M3", 2, {0, 64}, NULL}, {"w.weight_scale", "F32", 1, {1}, NULL}},
       "w.weight_scale: expected scales for the tensor"},
      {{{"w.weight", "F8_E4M3", 3, {2, 4, 64}, NULL},
        {"w.weight_scale", "F32", 3, {3, 4, 1}, NULL}},
       "w.weight_scale: expected scales for the tensor"},
      {{{"w.weight", "I8", 2, {4, 64}, NULL},
        {"w.weight_scale", "F32", 1, {4}, NULL},
        {"w.weight_zero_point", "I8", 1, {3}, NULL}},
       "w.weight_zero_point: expected 4 zero points, found 3 of i8"},
      {{{"w.weight", "I8", 2, {4, 64}, NULL},
        {"w.weight_scale", "F32", 2, {4, 2}, NULL},
        {"w.weight_g_idx", "I32", 1, {64}, NULL}},
       "w.weight: columns in an order of their own (.weight_g_idx) are read of packed codes only"},
      /* Of something else: left alone without a word. */
      {{{"w.weight", "BF16", 2, {4, 64}, NULL}, {"w.weight_scale", "F32", 1, {4}, NULL}}, ""},
      {{{"w.weight_scale", "F32", 1, {4}, NULL}}, ""},
      {{{"layer_scales", "F32", 1, {4}, NULL}, {"a.scales", "F32", 1, {4}, NULL}}, ""},
      {{{"a.SCB", "F32", 1, {4}, NULL}, {"a.blocks", "F32", 1, {4}, NULL}}, ""},
  };
  for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++)
    check(&misfits[i]);
}

static void test_fp4(void **state)
{
  (void)state;
  static const struct misfit misfits[] = {
      {{{"w.weight_packed", "U8", 2, {4, 32}, NULL}},
       "w.weight_packed: expected .weight_scale beside it, found none"},
      {{{"w.weight_packed", "U8", 2, {4, 31}, NULL}, {"w.weight_scale", "U8", 2, {4, 2}, NULL}},
       "w.weight_packed: expected rows of whole groups of 16 bytes, found 31"},
      {{{"w.weight_packed", "U8", 2, {4, 32}, NULL}, {"w.weight_scale", "U8", 2, {4, 3}, NULL}},
       "w.weight_scale: expected u8 f8_e8m0 (4, 2), found u8 4x3"},
      {{{"w.weight_packed", "U8", 2, {4, 32}, NULL},
        {"w.weight_scale", "F8_E4M3", 2, {4, 4}, NULL},
        {"w.weight_global_scale", "F32", 1, {2}, NULL}},
       "w.weight_global_scale: expected one number of f16 bf16 f32 f64, found 2 of f32"},
      {{{"w.weight", "U32", 2, {4, 8}, NULL}, {"w.scales", "U8", 2, {4, 3}, NULL}},
       "w.scales: expected a u8 for each 16 or 32 codes of w.weight"},
      {{{"w.weight", "U32", 0, {0}, NULL}, {"w.scales", "U8", 0, {0}, NULL}},
       "w.scales: expected a u8 for each 16 or 32 codes of w.weight"},
      {{{"g_blocks", "U8", 3, {2, 4, 16}, NULL}, {"g_scales", "U8", 2, {2, 3}, NULL}},
       "g_scales: expected a u8 for each 16 bytes of g_blocks"},
  };
  for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++)
    check(&misfits[i]);
}

#define STATE "g.weight.quant_state.bitsandbytes__nf4"
#define CODES                                                                                      \
  {                                                                                                \
    "g.weight", "U8", 2, {32, 1}, NULL                                                             \
  }
#define ABSMAX                                                                                     \
  {                                                                                                \
    "g.weight.absmax", "F32", 1, {1}, NULL                                                         \
  }
#define MAP                                                                                        \
  {                                                                                                \
    "g.weight.quant_map", "F32", 1, {16}, NULL                                                     \
  }

static const char good[] = "{\"shape\":[8,8],\"blocksize\":64}      ";
static const char large[] = "{\"blocksize\":8,\"shape\":[9999999999,9999999999]}";
static const char minus[] = "{\"shape\":[-8,8],\"blocksize\":64}     ";
static const char block[] = "{\"shape\":[8,8],\"blocksize\":0}       ";
static const char broken[] = "{\"shape\":[8,8],\"blocksize\":64       ";
static const char small[] = "{\"shape\":[7,8],\"blocksize\":64}      ";

static void test_bnb(void **state)
{
  (void)state;
  static const struct misfit misfits[] = {
      {{ABSMAX, MAP, {STATE, "U8", 1, {36}, good}}, STATE ": expected the weight beside it"},
      {{CODES, MAP, {STATE, "U8", 1, {36}, good}}, STATE ": expected absmax beside it, found none"},
      {{CODES, ABSMAX, {STATE, "U8", 1, {36}, good}}, STATE ": expected quant_map beside it"},
      {{CODES, ABSMAX, MAP, {STATE, "U8", 1, {47}, large}}, STATE ": expected JSON with"},
      {{CODES, ABSMAX, MAP, {STATE, "U8", 1, {36}, minus}}, STATE ": expected JSON with"},
      {{CODES, ABSMAX, MAP, {STATE, "U8", 1, {36}, block}}, STATE ": expected JSON with"},
      {{CODES, ABSMAX, MAP, {STATE, "U8", 1, {36}, broken}}, STATE ": expected JSON with"},
      {{CODES, ABSMAX, MAP, {STATE, "U8", 1, {0}, good}}, STATE ": expected JSON with"},
      {{CODES, ABSMAX, MAP, {STATE, "I8", 1, {36}, good}}, STATE ": expected u8 (any), found i8"},
      {{CODES, ABSMAX, MAP, {STATE, "U8", 1, {36}, small}},
       "g.weight: expected 28 bytes of u8, found 32 of u8"},
      {{CODES, {"g.weight.absmax", "F32", 1, {2}, NULL}, MAP, {STATE, "U8", 1, {36}, good}},
       "g.weight.absmax: expected f32 u8 (1), found f32 2"},
      {{CODES, {"g.weight.absmax", "U8", 1, {1}, NULL}, MAP, {STATE, "U8", 1, {36}, good}},
       STATE ": expected \"nested_blocksize\" for an absmax of u8"},
      {{CODES, ABSMAX, {"g.weight.quant_map", "F32", 1, {15}, NULL}, {STATE, "U8", 1, {36}, good}},
       "g.weight.quant_map: expected f32 (16), found f32 15"},
  };
  for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++)
    check(&misfits[i]);
}

static void test_mlx(void **state)
{
  (void)state;
  static const struct misfit misfits[] = {
      {{{"v.weight", "U32", 2, {4, 8}, NULL},
        {"v.scales", "F16", 2, {4, 1}, NULL},
        {"v.biases", "F16", 2, {4, 1}, NULL}},
       "v.weight: expected bits and group_size in config.json that make 8 words of 1 groups"},
      {{{"v.weight", "U32", 2, {4, 8}, NULL},
        {"v.scales", "F16", 2, {4, 1}, NULL},
        {"v.biases", "F16", 2, {4, 2}, NULL}},
       "v.biases: expected f16 bf16 f32 f64 (4, 1), found f16 4x2"},
      {{{"v.weight", "U32", 2, {4, 8}, NULL},
        {"v.scales", "F16", 2, {3, 1}, NULL},
        {"v.biases", "F16", 2, {4, 1}, NULL}},
       "v.scales: expected f16 bf16 f32 f64 (4, any), found f16 3x1"},
      {{{"v.weight", "U32", 0, {0}, NULL},
        {"v.scales", "F16", 0, {0}, NULL},
        {"v.biases", "F16", 0, {0}, NULL}},
       "v.weight: expected u32 (any, any), found u32"},
  };
  for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++)
    check(&misfits[i]);
}

/* Two layers wrong: counted, the first one named. */
static void test_two(void **state)
{
  (void)state;
  static const struct misfit misfit = {
      {{"a.qweight", "I32", 2, {8, 32}, NULL}, {"b.qweight", "I32", 2, {8, 32}, NULL}},
      "2 packed weights are not unpacked: a.qweight: expected .scales beside it, found none"};
  check(&misfit);
}

/* --- names ------------------------------------------------------------------------------------ */

/* The usual name is taken twice over. */
static void test_names_taken(void **state)
{
  (void)state;
  static const struct part parts[] = {
      {"w.weight", "F8_E4M3", 2, {4, 64}, data},
      {"w.weight_scale", "F32", 1, {4}, data},
      {"w.weight:dequantized", "F32", 1, {4}, data},
  };
  files_clear();
  struct source *source = files_open(checkpoint_safetensors("model.safetensors", parts, 3));
  assert_int_equal(source_count(source), 3);
  expect_note(source, "w.weight:dequantized: another tensor is called so");
  source_close(source);
}

/* Two kinds make one name: the first has it. */
static void test_names_made_twice(void **state)
{
  (void)state;
  static const struct part parts[] = {
      {"w.weight", "F8_E4M3", 2, {4, 64}, data},
      {"w.weight_scale", "F32", 1, {4}, data},
      {"w.weight_scale_inv", "F32", 1, {1}, data},
  };
  files_clear();
  struct source *source = files_open(checkpoint_safetensors("model.safetensors", parts, 3));
  assert_int_equal(source_count(source), 4);
  assert_string_equal(source_tensor(source, 3)->name, "w.weight:dequantized");
  expect_note(source, "w.weight:dequantized: another tensor is called so");
  assert_non_null(strstr(source_remark(source, 3), "a scale per row"));
  source_close(source);
}

/* --- values ----------------------------------------------------------------------------------- */

static void test_group_out_of_range(void **state)
{
  (void)state;
  static const int32_t wrong[] = {2, -1, INT32_MIN};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int32_t order[64] = {0};
    char message[120];
    order[63] = wrong[i];
    const struct part parts[] = {
        {"q.qweight", "I32", 2, {8, 32}, data},
        {"q.qzeros", "I32", 2, {2, 4}, data},
        {"q.scales", "F16", 2, {2, 32}, data},
        {"q.g_idx", "I32", 1, {64}, order},
    };
    struct error error = {0};
    files_clear();
    struct source *source = files_open(checkpoint_safetensors("model.safetensors", parts, 4));
    assert_int_equal(source_count(source), 5);
    assert_int_equal(source_load(source, 4, NULL, &error), STATUS_INPUT);
    snprintf(message, sizeof message, "q.g_idx: group %d of column 63; expected 0 to 1", wrong[i]);
    assert_string_equal(error.text, message);
    assert_false(tensor_is_loaded(source_tensor(source, 4)));
    assert_int_equal(source_load(source, 4, NULL, &error), STATUS_INPUT);
    source_close(source);
  }
}

/* --- configurations --------------------------------------------------------------------------- */

static void expect_config(const char *text, const char *note)
{
  static const struct part part = {"a", "F32", 1, {1}, data};
  files_clear();
  checkpoint_safetensors("model.safetensors", &part, 1);
  checkpoint_config(text);
  struct source *source = files_open(files_folder());
  expect_note(source, note);
  source_close(source);
}

static void test_configurations(void **state)
{
  (void)state;
  expect_config("{\"model_type\":\"llama\"}", "");
  expect_config("{\"quantization_config\":null}", "");
  expect_config("{\"quantization_config\":{}}", "");
  expect_config("", "config.json: not valid JSON");
  expect_config("{\"quantization_config\":", "config.json: not valid JSON");
  expect_config("[1,2,3]", "");
  expect_config("{\"quantization_config\":{\"quant_method\":\"gp\\u001b[31mtq\",\"bits\":4}}",
                "quantized: gp\\x1b[31mtq, 4 bits (config.json)");
  expect_config("{\"quantization_config\":{\"quant_method\":[4],\"bits\":-4,\"group_size\":1e99}}",
                "quantized: ? (config.json); nothing is unpacked: expected the parts of GPTQ, ");
  expect_config("{\"quantization_config\":{\"quant_method\":\"compressed-tensors\",\"format\":"
                "\"pack-quantized\",\"config_groups\":{\"group_0\":{\"weights\":{\"num_bits\":4,"
                "\"group_size\":128}}}}}",
                "quantized: compressed-tensors, 4 bits, group 128, pack-quantized (config.json)");
}

static void expect_told(const struct source *source, const char *key, const char *value)
{
  for (size_t i = 0; i < source_metadata_count(source); i++)
    if (strcmp(source_metadatum(source, i)->key, key) == 0) {
      assert_string_equal(source_metadatum(source, i)->value, value);
      return;
    }
  fail_msg("%s is not told", key);
}

static void test_metadata(void **state)
{
  (void)state;
  static const struct part part = {"a", "F32", 1, {1}, data};
  files_clear();
  checkpoint_safetensors("model.safetensors", &part, 1);
  checkpoint_config("{\"model_type\":\"llama\",\"architectures\":[\"LlamaForCausalLM\"],"
                    "\"vocab_size\":9,\"quantization_config\":{\"quant_method\":\"gptq\","
                    "\"bits\":4,\"sym\":true,\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":1}}}}}}}");
  struct source *source = files_open(files_folder());
  assert_int_equal(source_metadata_count(source), 6);
  expect_told(source, "model_type", "llama");
  expect_told(source, "architectures", "[\"LlamaForCausalLM\"]");
  expect_told(source, "quantization_config.quant_method", "gptq");
  expect_told(source, "quantization_config.bits", "4");
  expect_told(source, "quantization_config.sym", "true");
  expect_told(source, "quantization_config.a.b.c.d.e", "{\"f\":1}");
  source_close(source);
}

/* A layer's own settings by the thousand, and keys of a thousand letters: told in part. */
static void test_much_metadata(void **state)
{
  (void)state;
  static const struct part part = {"a", "F32", 1, {1}, data};
  static char text[200000];
  size_t used =
      (size_t)snprintf(text, sizeof text, "{\"quantization_config\":{\"x\":{\"%01000d\":1", 7);
  for (int i = 0; i < 10000; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, ",\"k%d\":%d", i, i);
  snprintf(text + used, sizeof text - used, "}}}");
  files_clear();
  checkpoint_safetensors("model.safetensors", &part, 1);
  checkpoint_config(text);
  struct source *source = files_open(files_folder());
  assert_int_equal(source_metadata_count(source), 256);
  expect_told(source, "quantization_config.x.k254", "254");
  source_close(source);
}

/* Deeper than Jansson reads; longer than qscope does; no regular file. */
static void test_hostile_configurations(void **state)
{
  (void)state;
  enum { DEEP = 100000, LONG = (16 << 20) + 1 };
  char *text = malloc(LONG + 1);
  assert_non_null(text);
  memset(text, '[', DEEP);
  text[DEEP] = '\0';
  expect_config(text, "config.json: not valid JSON");
  memset(text, ' ', LONG);
  text[LONG] = '\0';
  expect_config(text, "config.json: 16777217 bytes; expected at most 16777216");
  free(text);
}

/* Layers may have other bits or another packing than the configuration says; AWQ's other layouts
 * are not read. */
static void test_configuration_against_parts(void **state)
{
  (void)state;
  static const struct part gptq[] = {
      {"q.qweight", "I32", 2, {8, 32}, data},
      {"q.qzeros", "I32", 2, {2, 4}, data},
      {"q.scales", "F16", 2, {2, 32}, data},
  };
  static const struct part awq[] = {
      {"q.qweight", "I32", 2, {64, 4}, data},
      {"q.qzeros", "I32", 2, {2, 4}, data},
      {"q.scales", "F16", 2, {2, 32}, data},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", gptq, 3);
  checkpoint_config("{\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":3}}");
  struct source *source = files_open(files_folder());
  assert_string_equal(source_note(source), "quantized: gptq, 3 bits (config.json)");
  assert_string_equal(source_tensor(source, 3)->stored->name, "gptq_int4");
  source_close(source);
  checkpoint_safetensors("model.safetensors", awq, 3);
  source = files_open(files_folder());
  assert_string_equal(source_note(source), "quantized: gptq, 3 bits (config.json)");
  assert_string_equal(source_tensor(source, 3)->stored->name, "awq_int4");
  source_close(source);
  checkpoint_config("{\"quantization_config\":{\"quant_method\":\"awq\",\"version\":\"marlin\"}}");
  source = files_open(files_folder());
  expect_note(source, "q.qweight: AWQ version marlin; expected gemm or gemv");
  source_close(source);
  checkpoint_config("{\"quantization_config\":{\"quant_method\":\"awq\",\"version\":\"gemv\"}}");
  source = files_open(files_folder());
  expect_note(source, "q.qzeros: expected i32 u32 (64, any), found i32 2x4");
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gptq),
      cmocka_unit_test(test_awq),
      cmocka_unit_test(test_compressed),
      cmocka_unit_test(test_scaled),
      cmocka_unit_test(test_fp4),
      cmocka_unit_test(test_bnb),
      cmocka_unit_test(test_mlx),
      cmocka_unit_test(test_two),
      cmocka_unit_test(test_names_taken),
      cmocka_unit_test(test_names_made_twice),
      cmocka_unit_test(test_group_out_of_range),
      cmocka_unit_test(test_configurations),
      cmocka_unit_test(test_metadata),
      cmocka_unit_test(test_much_metadata),
      cmocka_unit_test(test_hostile_configurations),
      cmocka_unit_test(test_configuration_against_parts),
  };
  return cmocka_run_group_tests_name("data/pack misfits", tests, NULL, files_remove);
}
