/* Packed checkpoints: the tests pack integers that they know, bit by bit as each layout is defined,
 * and expect exactly the values that those integers stand for. */
#include "tests/data/checkpoints.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 1 << 19, NAMED = 96 };

static uint32_t words[MOST], zero_words[MOST];
static unsigned char code[MOST], bytes[MOST];
static float expected[MOST], scale[MOST], bias[MOST];
static unsigned zero[MOST];
static int32_t order[MOST];

static uint32_t seed;

static unsigned next(unsigned below)
{
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % below;
}

/* Sets the BITS bits of CODE from bit POSITION of a row of words on, which lie STRIDE apart. */
static void put_bits(uint32_t *row, size_t stride, size_t position, unsigned bits, unsigned value)
{
  for (unsigned b = 0; b < bits; b++, position++)
    if (value >> b & 1)
      row[position / 32 * stride] |= 1u << position % 32;
}

/* Codes, zeros and scales of a weight of OUTPUTS x INPUTS. Scales are 64ths, so that products are
 * exact in any order. */
static void draw(size_t outputs, size_t inputs, size_t groups, unsigned bits)
{
  seed = (uint32_t)(outputs * 31 + inputs * 7 + bits);
  memset(words, 0, sizeof words);
  memset(zero_words, 0, sizeof zero_words);
  for (size_t i = 0; i < outputs * inputs; i++)
    code[i] = (unsigned char)next(1u << bits);
  for (size_t i = 0; i < outputs * groups; i++) {
    scale[i] = (float)(1 + next(200)) / 64;
    bias[i] = (float)next(100) / 4 - 12;
    zero[i] = 1 + next((1u << bits) - 1);
  }
}

/* (code - zero) * scale with scale and zero of [output][group] and the group of each input. */
static void expect_affine(size_t outputs, size_t inputs, size_t groups)
{
  for (size_t o = 0; o < outputs; o++)
    for (size_t i = 0; i < inputs; i++) {
      size_t place = o * groups + (size_t)order[i];
      expected[o * inputs + i] =
          (float)((int)code[o * inputs + i] - (int)zero[place]) * scale[place];
    }
}

static void natural_order(size_t inputs, size_t group)
{
  for (size_t i = 0; i < inputs; i++)
    order[i] = (int32_t)(i / group);
}

static void shuffled_order(size_t inputs, size_t group)
{
  natural_order(inputs, group);
  for (size_t i = inputs; i-- > 1;) {
    size_t k = next((unsigned)i + 1);
    int32_t other = order[k];
    order[k] = order[i];
    order[i] = other;
  }
}

/* FROM as [rows][columns], TO as [columns][rows]. */
static void transpose(const float *from, size_t rows, size_t columns, float *to)
{
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++)
      to[c * rows + r] = from[r * columns + c];
}

/* Opens the folder, whose only weight NAME has the expected values. */
static struct source *check(const char *name, const char *stored, size_t rows, size_t columns)
{
  struct source *source = files_open(files_folder());
  size_t index = checkpoint_expect(source, name, expected, rows * columns);
  const struct tensor *tensor = source_tensor(source, index);
  assert_string_equal(tensor->stored->name, stored);
  assert_int_equal(tensor->shape.dims, 2);
  assert_int_equal(tensor->shape.dim[0], rows);
  assert_int_equal(tensor->shape.dim[1], columns);
  return source;
}

/* --- GPTQ ------------------------------------------------------------------------------------- */

enum order_kind { NO_ORDER, NATURAL, SHUFFLED, ORDERS };

static void write_gptq(size_t outputs, size_t inputs, size_t group, unsigned bits, unsigned less,
                       enum order_kind kind, bool pytorch)
{
  static float across[MOST];
  size_t groups = inputs / group, zero_row = outputs * bits / 32;
  draw(outputs, inputs, groups, bits);
  (kind == SHUFFLED ? shuffled_order : natural_order)(inputs, group);
  for (size_t o = 0; o < outputs; o++)
    for (size_t i = 0; i < inputs; i++)
      put_bits(words + o, outputs, i * bits, bits, code[o * inputs + i]);
  for (size_t g = 0; g < groups; g++)
    for (size_t o = 0; o < outputs; o++)
      put_bits(zero_words + g * zero_row, 1, o * bits, bits, zero[o * groups + g] - less);
  transpose(scale, outputs, groups, across);
  const struct part parts[] = {
      {"a.q_proj.qweight", "I32", 2, {inputs * bits / 32, outputs}, words},
      {"a.q_proj.qzeros", "I32", 2, {groups, zero_row}, zero_words},
      {"a.q_proj.scales", "F32", 2, {groups, outputs}, across},
      {"a.q_proj.g_idx", "I32", 1, {inputs}, order},
  };
  size_t count = kind == NO_ORDER ? 3 : 4;
  if (pytorch)
    checkpoint_pytorch("pytorch_model.bin", parts, count, true);
  else
    checkpoint_safetensors("model.safetensors", parts, count);
  expect_affine(outputs, inputs, groups);
}

static void test_gptq(void **state)
{
  (void)state;
  static const unsigned bits[] = {2, 3, 4, 8};
  for (size_t b = 0; b < 4; b++)
    for (unsigned less = 0; less < 2; less++)
      for (enum order_kind kind = NO_ORDER; kind < ORDERS; kind++) {
        char stored[16];
        files_clear();
        checkpoint_config(less ? "{\"quantization_config\":{\"quant_method\":\"gptq\"}}"
                               : "{\"quantization_config\":{\"quant_method\":\"gptq\","
                                 "\"checkpoint_format\":\"gptq_v2\"}}");
        write_gptq(64, 96, 32, bits[b], less, kind, false);
        snprintf(stored, sizeof stored, "gptq_int%u", bits[b]);
        source_close(check("a.q_proj.weight", stored, 64, 96));
      }
}

/* Groups of the whole row, and more groups than the table of a row's lines holds. */
static void test_gptq_groups(void **state)
{
  (void)state;
  files_clear();
  write_gptq(32, 128, 128, 4, 1, SHUFFLED, false);
  source_close(check("a.q_proj.weight", "gptq_int4", 32, 128));
  write_gptq(32, 1024, 8, 4, 1, SHUFFLED, false);
  source_close(check("a.q_proj.weight", "gptq_int4", 32, 1024));
}

/* Words are gathered in bands of rows, of which the last one is not full. */
static void test_gptq_bands(void **state)
{
  (void)state;
  static const unsigned bits[] = {3, 4, 8};
  for (size_t b = 0; b < 3; b++) {
    char stored[16];
    files_clear();
    write_gptq(160, 640, 64, bits[b], 1, b == 1 ? SHUFFLED : NO_ORDER, false);
    snprintf(stored, sizeof stored, "gptq_int%u", bits[b]);
    source_close(check("a.q_proj.weight", stored, 160, 640));
  }
}

/* A weight of more than 64 MB, nearly all zeros: its bands are read through the file. */
static void test_gptq_large(void **state)
{
  (void)state;
  enum { OUTPUTS = 17408, INPUTS = 8192, CODES = INPUTS / 8 * OUTPUTS * 4, ROWS = 3 };
  static const char header[] =
      "{\"l.qweight\":{\"dtype\":\"I32\",\"shape\":[1024,17408],\"data_offsets\":[0,71303168]},"
      "\"l.qzeros\":{\"dtype\":\"I32\",\"shape\":[1,2176],\"data_offsets\":[71303168,71311872]},"
      "\"l.scales\":{\"dtype\":\"F32\",\"shape\":[1,17408],\"data_offsets\":[71311872,71381504]}}";
  static const size_t rows[ROWS] = {0, 4095, OUTPUTS - 1};
  static float out[FEED_BLOCK];
  const uint32_t word = 0x87654321;
  const float half = 0.5f;
  files_clear();
  const char *path = files_safetensors("model.safetensors", header, NULL, 0);
  FILE *file = fopen(path, "r+b");
  const long start = 8 + (long)strlen(header);
  assert_non_null(file);
  assert_int_equal(ftruncate(fileno(file), start + 71381504), 0);
  for (size_t i = 0; i < ROWS; i++) { /* codes 1 to 8 in inputs 8 to 15 of each row */
    fseek(file, start + (long)(OUTPUTS + rows[i]) * 4, SEEK_SET);
    assert_int_equal(fwrite(&word, sizeof word, 1, file), 1);
    fseek(file, start + CODES + 8704 + (long)rows[i] * 4, SEEK_SET);
    assert_int_equal(fwrite(&half, sizeof half, 1, file), 1);
  }
  fclose(file);
  struct source *source = files_open(path);
  struct error error;
  assert_int_equal(source_load(source, 3, NULL, &error), STATUS_OK);
  struct feed feed = tensor_feed(source_tensor(source, 3));
  for (size_t i = 0; i < ROWS; i++) {
    feed.decode(feed.self, rows[i] * INPUTS, FEED_BLOCK, out);
    for (size_t k = 0; k < FEED_BLOCK; k++)
      assert_true(out[k] == 0.5f * (k >= 8 && k < 16 ? (float)k - 8 : -1));
  }
  assert_int_equal(source_verify(source, &error), STATUS_OK);
  source_close(source);
  files_clear();
}

/* A last group that is shorter: the configuration gives the group's size. */
static void test_gptq_ragged(void **state)
{
  (void)state;
  files_clear();
  write_gptq(32, 96, 32, 4, 1, NO_ORDER, false);
  checkpoint_config("{\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4,"
                    "\"group_size\":40}}");
  natural_order(96, 40); /* three groups of 40, 40, 16 */
  expect_affine(32, 96, 3);
  struct source *source = check("a.q_proj.weight", "gptq_int4", 32, 96);
  assert_string_equal(source_note(source), "quantized: gptq, 4 bits, group 40 (config.json)");
  source_close(source);
}

/* Parts in deflated members of a .bin are loaded when the weight is. */
static void test_gptq_of_pytorch(void **state)
{
  (void)state;
  files_clear();
  write_gptq(64, 64, 32, 4, 1, SHUFFLED, true);
  struct source *source = check("a.q_proj.weight", "gptq_int4", 64, 64);
  assert_string_equal(source_type_name(source), "pytorch");
  assert_string_equal(source_remark(source, source_count(source) - 1),
                      "gptq int4, group 32, from .qweight .qzeros .scales .g_idx; 5.62 bits per "
                      "weight");
  source_close(source);
}

/* --- AWQ -------------------------------------------------------------------------------------- */

static void check_awq(size_t outputs, size_t inputs, size_t group)
{
  static const size_t output_of[] = {0, 2, 4, 6, 1, 3, 5, 7}; /* by nibble */
  static float across[MOST];
  const size_t groups = inputs / group, row = outputs / 8;
  draw(outputs, inputs, groups, 4);
  natural_order(inputs, group);
  for (size_t w = 0; w < row; w++)
    for (size_t nibble = 0; nibble < 8; nibble++) {
      size_t o = 8 * w + output_of[nibble];
      for (size_t i = 0; i < inputs; i++)
        words[i * row + w] |= (uint32_t)code[o * inputs + i] << 4 * nibble;
      for (size_t g = 0; g < groups; g++)
        zero_words[g * row + w] |= (uint32_t)zero[o * groups + g] << 4 * nibble;
    }
  transpose(scale, outputs, groups, across);
  const struct part parts[] = {
      {"up.qweight", "I32", 2, {inputs, row}, words},
      {"up.qzeros", "I32", 2, {groups, row}, zero_words},
      {"up.scales", "F32", 2, {groups, outputs}, across},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 3);
  expect_affine(outputs, inputs, groups);
  source_close(check("up.weight", "awq_int4", outputs, inputs));
}

static void test_awq(void **state)
{
  (void)state;
  check_awq(16, 2112, 1056); /* words are gathered in a band, ... */
  check_awq(64, 8192, 128);  /* ... or in several */
  check_awq(48, 80, 40);
  const char config[] = "{\"w_bit\":4,\"q_group_size\":40,\"version\":\"GEMM\"}";
  files_write("quant_config.json", config, sizeof config - 1);
  struct source *source = check("up.weight", "awq_int4", 48, 80);
  assert_string_equal(source_note(source),
                      "quantized: awq, 4 bits, group 40, GEMM (quant_config.json)");
  source_close(source);
}

/* --- compressed-tensors ----------------------------------------------------------------------- */

/* Position of code INDEX: PADDED leaves the rest of a word that holds no whole code unused. */
static size_t position_of(size_t index, unsigned bits, bool padded)
{
  size_t each = 32 / bits;
  return padded ? index / each * 32 + index % each * bits : index * bits;
}

static size_t words_for(size_t n, unsigned bits, bool padded)
{
  return (position_of(n - 1, bits, padded) + bits + 31) / 32;
}

struct compressed {
  unsigned bits;
  bool padded, asymmetric, ordered;
  size_t groups;
};

static void check_compressed(const struct compressed *kind)
{
  const size_t outputs = 40, inputs = 320, group = inputs / kind->groups;
  size_t row = words_for(inputs, kind->bits, kind->padded);
  size_t zero_rows = words_for(outputs, kind->bits, kind->padded);
  const int64_t shape[] = {(int64_t)outputs, (int64_t)inputs};
  char stored[16];
  draw(outputs, inputs, kind->groups, kind->bits);
  (kind->ordered ? shuffled_order : natural_order)(inputs, group);
  for (size_t o = 0; o < outputs; o++) {
    for (size_t i = 0; i < inputs; i++)
      put_bits(words + o * row, 1, position_of(i, kind->bits, kind->padded), kind->bits,
               code[o * inputs + i]);
    for (size_t g = 0; g < kind->groups; g++) {
      unsigned *z = &zero[o * kind->groups + g];
      *z = kind->asymmetric ? *z : 1u << (kind->bits - 1);
      put_bits(zero_words + g, kind->groups, position_of(o, kind->bits, kind->padded), kind->bits,
               *z);
    }
  }
  struct part parts[] = {
      {"p.weight_packed", "I32", 2, {outputs, row}, words},
      {"p.weight_shape", "I64", 1, {2}, shape},
      {"p.weight_scale", "F32", 2, {outputs, kind->groups}, scale},
      {"p.weight_zero_point", "I32", 2, {zero_rows, kind->groups}, zero_words},
      {"p.weight_g_idx", "I32", 1, {inputs}, order},
  };
  if (!kind->asymmetric)
    parts[3] = parts[4];
  checkpoint_safetensors("model.safetensors", parts,
                         3 + (size_t)kind->asymmetric + (size_t)kind->ordered);
  expect_affine(outputs, inputs, kind->groups);
  snprintf(stored, sizeof stored, "ct_int%u", kind->bits);
  source_close(check("p.weight", stored, outputs, inputs));
}

static void test_compressed(void **state)
{
  (void)state;
  static const struct compressed kinds[] = {
      {4, false, false, false, 10}, {4, false, true, false, 10}, {4, false, true, true, 10},
      {8, false, false, false, 1},  {8, false, true, false, 5},  {2, false, true, false, 10},
      {3, false, true, false, 10},  {3, true, true, false, 10},  {5, false, false, false, 10},
      {5, true, true, true, 10},    {6, true, false, false, 10}, {6, false, true, false, 10},
  };
  files_clear();
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    check_compressed(&kinds[i]);
}

/* One scale for all, as a scalar; an order that says "none" by -1. */
static void test_compressed_one_scale(void **state)
{
  (void)state;
  const size_t outputs = 8, inputs = 64;
  const int32_t shape[] = {8, 64};
  draw(outputs, inputs, 1, 4);
  for (size_t i = 0; i < inputs; i++)
    order[i] = -1;
  for (size_t o = 0; o < outputs; o++)
    for (size_t i = 0; i < inputs; i++) {
      put_bits(words + o * 8, 1, i * 4, 4, code[o * inputs + i]);
      expected[o * inputs + i] = (float)((int)code[o * inputs + i] - 8) * 0.375f;
    }
  const float one = 0.375f;
  const struct part parts[] = {
      {"p.weight_packed", "I32", 2, {outputs, 8}, words},
      {"p.weight_shape", "I32", 1, {2}, shape},
      {"p.weight_scale", "F32", 0, {0}, &one},
      {"p.weight_g_idx", "I32", 1, {inputs}, order},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 4);
  source_close(check("p.weight", "ct_int4", outputs, inputs));
}

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
  seed = (uint32_t)count;
  for (size_t i = 0; i < count; i++)
    do
      bytes[i] = (unsigned char)next(256);
    while ((bytes[i] & 127) == 127);
  for (size_t i = 0; i < 1024; i++)
    scale[i] = (float)(1 + next(200)) / 64;
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
  char name[NAMED];
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
  struct source *source = check("down.weight:dequantized", "f8_scaled", rows, columns);
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
  source_close(check("down.weight:dequantized", "f8_scaled", rows, columns));
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
  source_close(check("down.weight:dequantized", "f8_scaled", 100, 90));
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

static void draw_bytes(size_t count)
{
  seed = (uint32_t)count + 1;
  for (size_t i = 0; i < count; i++)
    bytes[i] = (unsigned char)next(256);
  for (size_t i = 0; i < 1024; i++)
    scale[i] = (float)(1 + next(200)) / 64;
}

static void test_int8(void **state)
{
  (void)state;
  const size_t rows = 16, columns = 24;
  int8_t zeros[16];
  draw_bytes(rows * columns);
  for (size_t r = 0; r < rows; r++)
    zeros[r] = (int8_t)((int)next(100) - 50);
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
    source_close(check("k.weight:dequantized", "i8_scaled", rows, columns));
  }
}

/* LLM.int8: codes of 127 are the row's absmax, to a rounding. */
static void test_bnb_int8(void **state)
{
  (void)state;
  const size_t rows = 16, columns = 24;
  draw_bytes(rows * columns);
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
  source_close(check("k.weight:dequantized", "bnb_int8", rows, columns));
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
  source_close(check("0.weight", "f8_scaled", 8, 20));
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
  draw_bytes(FP4_ROWS * FP4_COLUMNS / 2);
  for (size_t i = 0; i < sizeof fp4_scale; i++)
    fp4_scale[i] = (unsigned char)(powers ? 120 + next(16) : next(126));
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
  source_close(check("o.weight", "ct_nvfp4", FP4_ROWS, FP4_COLUMNS));
  draw_fp4(false, factor, false);
  checkpoint_safetensors("model.safetensors", modelopt, 3);
  source_close(check("o.weight:dequantized", "mo_nvfp4", FP4_ROWS, FP4_COLUMNS));
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
  source_close(check("o.weight", "ct_mxfp4", FP4_ROWS, FP4_COLUMNS));
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
    source_close(
        check("o.weight:dequantized", powers ? "mlx_mxfp4" : "mlx_nvfp4", FP4_ROWS, FP4_COLUMNS));
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
    char name[NAMED], stored[16];
    const char json[] = "{\"quant_type\":\"nf4\",\"blocksize\":64,\"dtype\":\"bfloat16\","
                        "\"shape\":[5,77]}";
    snprintf(name, sizeof name, "g.weight.quant_state.bitsandbytes__%s", types[type]);
    snprintf(stored, sizeof stored, "bnb_%s", types[type]);
    draw_bytes((count + 1) / 2);
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
    source_close(check("g.weight:dequantized", stored, rows, columns));
    files_clear();
    checkpoint_pytorch("pytorch_model.bin", parts, 4, true);
    source_close(check("g.weight:dequantized", stored, rows, columns));
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
  draw_bytes(count / 2);
  for (size_t i = 0; i < 16; i++)
    map[i] = ((float)i - 7.3f) / 8;
  for (size_t i = 0; i < 256; i++) {
    nested_map[i] = ((float)i - 100) / 128;
    absmax[i] = (unsigned char)next(256);
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
  source_close(check("g.weight:dequantized", "bnb_nf4", rows, columns));
}

/* --- MLX -------------------------------------------------------------------------------------- */

/* code * scale + bias; a layer of its own bits; experts. */
static void test_mlx(void **state)
{
  (void)state;
  static const unsigned bits[] = {2, 3, 4, 5, 6, 8};
  const size_t rows = 12, columns = 192, group = 64, groups = 3;
  for (size_t b = 0; b < sizeof bits / sizeof *bits; b++) {
    size_t row = columns * bits[b] / 32;
    char config[200], stored[16];
    draw(rows, columns, groups, bits[b]);
    for (size_t r = 0; r < rows; r++)
      for (size_t c = 0; c < columns; c++) {
        size_t place = r * groups + c / group;
        put_bits(words + r * row, 1, c * bits[b], bits[b], code[r * columns + c]);
        expected[r * columns + c] = (float)code[r * columns + c] * scale[place] + bias[place];
      }
    struct part parts[] = {
        {"model.v.weight", "U32", 2, {rows, row}, words},
        {"model.v.scales", "F32", 2, {rows, groups}, scale},
        {"model.v.biases", "F32", 2, {rows, groups}, bias},
    };
    files_clear();
    checkpoint_safetensors("model.safetensors", parts, 3);
    snprintf(config, sizeof config,
             "{\"quantization\":{\"group_size\":32,\"bits\":4,\"model.v\":{\"group_size\":64,"
             "\"bits\":%u}}}",
             bits[b]);
    checkpoint_config(config);
    snprintf(stored, sizeof stored, "mlx_int%u", bits[b]);
    source_close(check("model.v.weight:dequantized", stored, rows, columns));
    for (size_t i = 0; i < 3; i++) {
      parts[i].dims = 3;
      parts[i].dim[2] = parts[i].dim[1];
      parts[i].dim[0] = 3;
      parts[i].dim[1] = 4;
    }
    checkpoint_safetensors("model.safetensors", parts, 3);
    struct source *source = files_open(files_folder());
    size_t index =
        checkpoint_expect(source, "model.v.weight:dequantized", expected, rows * columns);
    assert_int_equal(source_tensor(source, index)->shape.dim[0], 3);
    assert_int_equal(source_tensor(source, index)->shape.dim[2], columns);
    source_close(source);
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
  source_close(check("weight:dequantized", "f8_scaled", 8, 20));
}

/* --- fixtures --------------------------------------------------------------------------------- */

/* The file WRITTEN is what tests/data/good/NAME holds; set UPDATE_GOLDEN to write that anew. */
static void compare_fixture(const char *written, const char *name)
{
  static unsigned char wanted[8192], found[8192];
  char path[600];
  FILE *file = fopen(written, "rb");
  assert_non_null(file);
  size_t size = fread(wanted, 1, sizeof wanted, file);
  fclose(file);
  assert_true(size < sizeof wanted);
  snprintf(path, sizeof path, "%s", files_data("good", name));
  if (getenv("UPDATE_GOLDEN") && (file = fopen(path, "wb"))) {
    assert_int_equal(fwrite(wanted, 1, size, file), size);
    fclose(file);
  }
  file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fread(found, 1, sizeof found, file), size);
  fclose(file);
  assert_memory_equal(wanted, found, size);
}

/* tests/data/good/NAME holds COUNT parts, and DERIVED weights are made of them. */
static void open_fixture(const char *name, size_t count, size_t derived)
{
  struct source *source = files_open(files_data("good", name));
  assert_null(strstr(source_note(source), "not unpacked"));
  assert_int_equal(source_count(source), count + derived);
  assert_int_equal(source_first(source), count);
  for (size_t i = count; i < count + derived; i++)
    free(files_values(source, i));
  source_close(source);
}

/* tests/data/good/pack-*.safetensors: every kind once, as small as can be, for the tests that
 * damage files and let calls fail. */
static void check_fixture(const char *name, const struct part *parts, size_t count, size_t derived)
{
  compare_fixture(checkpoint_safetensors(name, parts, count), name);
  open_fixture(name, count, derived);
}

/* A folder with a configuration, without which MLX's codes cannot be read. */
static void test_fixture_of_a_folder(void **state)
{
  (void)state;
  const struct part parts[] = {
      {"v.weight", "U32", 2, {4, 12}, bytes},
      {"v.scales", "BF16", 2, {4, 2}, bytes},
      {"v.biases", "BF16", 2, {4, 2}, bytes},
      {"norm.weight", "BF16", 1, {4}, bytes},
  };
  const char config[] = "{\"model_type\": \"llama\", \"quantization\": {\"bits\": 6, "
                        "\"group_size\": 32}}\n";
  draw_bytes(512);
  files_clear();
  compare_fixture(checkpoint_safetensors("model.safetensors", parts, 4),
                  "model-mlx/model.safetensors");
  compare_fixture(files_write("config.json", config, sizeof config - 1), "model-mlx/config.json");
  open_fixture("model-mlx", 4, 1);
}

static void test_fixtures(void **state)
{
  (void)state;
  static const int64_t shape[] = {4, 32};
  static const char json[] = "{\"shape\":[8,8],\"blocksize\":64,\"nested_blocksize\":256,"
                             "\"nested_offset\":0.5}";
  const struct part integers[] = {
      {"g.qweight", "I32", 2, {2, 8}, bytes},
      {"g.qzeros", "I32", 2, {2, 1}, bytes},
      {"g.scales", "F16", 2, {2, 8}, bytes},
      {"g.g_idx", "I32", 1, {16}, order},
      {"a.qweight", "I32", 2, {16, 1}, bytes},
      {"a.qzeros", "I32", 2, {2, 1}, bytes},
      {"a.scales", "BF16", 2, {2, 8}, bytes},
      {"c.weight_packed", "I32", 2, {4, 4}, bytes},
      {"c.weight_shape", "I64", 1, {2}, shape},
      {"c.weight_scale", "F16", 2, {4, 2}, bytes},
      {"c.weight_zero_point", "I32", 2, {1, 2}, bytes},
      {"c.weight_g_idx", "I32", 1, {32}, order},
      {"i.weight", "I8", 2, {4, 8}, bytes},
      {"i.weight_scale", "F32", 2, {4, 1}, scale},
      {"i.weight_zero_point", "I8", 2, {4, 1}, bytes},
      {"b.weight", "I8", 2, {4, 8}, bytes},
      {"b.SCB", "F32", 1, {4}, scale},
  };
  const struct part floats[] = {
      {"f.weight", "F8_E4M3", 2, {4, 8}, bytes},
      {"f.weight_scale_inv", "BF16", 2, {1, 1}, bytes},
      {"t.weight:qdata", "F8_E5M2", 2, {4, 8}, bytes},
      {"t.weight:scale", "F32", 2, {4, 1}, scale},
      {"n.weight_packed", "U8", 2, {2, 16}, bytes},
      {"n.weight_scale", "F8_E4M3", 2, {2, 2}, bytes},
      {"n.weight_global_scale", "F32", 1, {1}, scale},
      {"x.weight_packed", "U8", 2, {2, 16}, bytes},
      {"x.weight_scale", "F8_E8M0", 2, {2, 1}, bytes},
      {"m.weight", "U8", 2, {2, 16}, bytes},
      {"m.weight_scale", "F8_E4M3", 2, {2, 2}, bytes},
      {"m.weight_scale_2", "F32", 0, {0}, scale},
      {"o_blocks", "U8", 3, {2, 2, 16}, bytes},
      {"o_scales", "U8", 2, {2, 2}, bytes},
      {"q.weight", "U8", 2, {32, 1}, bytes},
      {"q.weight.absmax", "U8", 1, {1}, bytes},
      {"q.weight.quant_map", "F32", 1, {16}, scale},
      {"q.weight.nested_absmax", "F32", 1, {1}, scale},
      {"q.weight.nested_quant_map", "F32", 1, {256}, scale},
      {"q.weight.quant_state.bitsandbytes__nf4", "U8", 1, {sizeof json - 1}, json},
  };
  draw_bytes(512);
  for (size_t i = 0; i < 32; i++)
    order[i] = (int32_t)(i / 3 % 2);
  files_clear();
  check_fixture("pack-integers.safetensors", integers, sizeof integers / sizeof *integers, 5);
  check_fixture("pack-floats.safetensors", floats, sizeof floats / sizeof *floats, 7);
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

/* Codes, scales and values that bitsandbytes computed: formats/nf4 of the conformance vectors. */
static void test_bnb_conformance(void **state)
{
  (void)state;
  static const char *const types[] = {"nf4", "fp4"};
  for (size_t type = 0; type < 2; type++) {
    static const char *const files[] = {"block_%s_packed", "block_%s_absmax", "%s_codebook",
                                        "block_%s_y"};
    struct source *sources[4];
    char json[100], state_name[NAMED];
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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gptq),
      cmocka_unit_test(test_gptq_groups),
      cmocka_unit_test(test_gptq_bands),
      cmocka_unit_test(test_gptq_large),
      cmocka_unit_test(test_gptq_ragged),
      cmocka_unit_test(test_gptq_of_pytorch),
      cmocka_unit_test(test_awq),
      cmocka_unit_test(test_compressed),
      cmocka_unit_test(test_compressed_one_scale),
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
      cmocka_unit_test(test_mlx),
      cmocka_unit_test(test_parts_of_two_shards),
      cmocka_unit_test(test_fixtures),
      cmocka_unit_test(test_fixture_of_a_folder),
      cmocka_unit_test(test_sample),
  };
  return cmocka_run_group_tests_name("data/pack", tests, NULL, files_remove);
}
