/* Packed integers: the tests pack codes that they know, bit by bit as each layout is defined, and
 * expect exactly the values that those stand for. */
#include "tests/data/packs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint32_t words[PACKS_MOST], zero_words[PACKS_MOST];
static unsigned char code[PACKS_MOST];
static float expected[PACKS_MOST], scale[PACKS_MOST], bias[PACKS_MOST];
static unsigned zero[PACKS_MOST];
static int32_t order[PACKS_MOST];

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
  packs_seed((uint32_t)(outputs * 31 + inputs * 7 + bits));
  memset(words, 0, sizeof words);
  memset(zero_words, 0, sizeof zero_words);
  for (size_t i = 0; i < outputs * inputs; i++)
    code[i] = (unsigned char)packs_next(1u << bits);
  for (size_t i = 0; i < outputs * groups; i++) {
    scale[i] = (float)(1 + packs_next(200)) / 64;
    bias[i] = (float)packs_next(100) / 4 - 12;
    zero[i] = 1 + packs_next((1u << bits) - 1);
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
    size_t k = packs_next((unsigned)i + 1);
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

/* --- GPTQ ------------------------------------------------------------------------------------- */

enum order_kind { NO_ORDER, NATURAL, SHUFFLED, ORDERS };

static void write_gptq(size_t outputs, size_t inputs, size_t group, unsigned bits, unsigned less,
                       enum order_kind kind, bool pytorch)
{
  static float across[PACKS_MOST];
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
        source_close(packs_check("a.q_proj.weight", stored, 64, 96, expected));
      }
}

/* Groups of the whole row, and more groups than the table of a row's lines holds. */
static void test_gptq_groups(void **state)
{
  (void)state;
  files_clear();
  write_gptq(32, 128, 128, 4, 1, SHUFFLED, false);
  source_close(packs_check("a.q_proj.weight", "gptq_int4", 32, 128, expected));
  write_gptq(32, 1024, 8, 4, 1, SHUFFLED, false);
  source_close(packs_check("a.q_proj.weight", "gptq_int4", 32, 1024, expected));
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
    source_close(packs_check("a.q_proj.weight", stored, 160, 640, expected));
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
  struct source *source = packs_check("a.q_proj.weight", "gptq_int4", 32, 96, expected);
  assert_string_equal(source_note(source), "quantized: gptq, 4 bits, group 40 (config.json)");
  source_close(source);
}

/* Parts in deflated members of a .bin are loaded when the weight is. */
static void test_gptq_of_pytorch(void **state)
{
  (void)state;
  files_clear();
  write_gptq(64, 64, 32, 4, 1, SHUFFLED, true);
  struct source *source = packs_check("a.q_proj.weight", "gptq_int4", 64, 64, expected);
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
  static float across[PACKS_MOST];
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
  source_close(packs_check("up.weight", "awq_int4", outputs, inputs, expected));
}

/* A row of words for each output, codes in their order; zeros and scales are filled up to WIDE
 * words of groups. */
static void check_gemv(size_t outputs, size_t inputs, size_t group, size_t wide)
{
  static float padded[PACKS_MOST];
  char config[128];
  const size_t groups = inputs / group, row = inputs / 8;
  draw(outputs, inputs, groups, 4);
  natural_order(inputs, group);
  memset(padded, 0, sizeof padded);
  for (size_t o = 0; o < outputs; o++) {
    for (size_t i = 0; i < inputs; i++)
      words[o * row + i / 8] |= (uint32_t)code[o * inputs + i] << 4 * (i % 8);
    for (size_t g = 0; g < groups; g++) {
      zero_words[o * wide + g / 8] |= (uint32_t)zero[o * groups + g] << 4 * (g % 8);
      padded[o * 8 * wide + g] = scale[o * groups + g];
    }
  }
  const struct part parts[] = {
      {"up.qweight", "I32", 2, {outputs, row}, words},
      {"up.qzeros", "I32", 2, {outputs, wide}, zero_words},
      {"up.scales", "F32", 2, {outputs, 8 * wide}, padded},
  };
  files_clear();
  checkpoint_safetensors("model.safetensors", parts, 3);
  snprintf(config, sizeof config, "{\"w_bit\":4,\"q_group_size\":%zu,\"version\":\"GEMV\"}", group);
  files_write("quant_config.json", config, strlen(config));
  expect_affine(outputs, inputs, groups);
  source_close(packs_check("up.weight", "awq_int4", outputs, inputs, expected));
}

static void test_gemv(void **state)
{
  (void)state;
  check_gemv(16, 1024, 128, 1);
  check_gemv(24, 1408, 128, 2);
  check_gemv(40, 256, 64, 2);
}

static void test_awq(void **state)
{
  (void)state;
  check_awq(16, 2112, 1056); /* words are gathered in a band, ... */
  check_awq(64, 8192, 128);  /* ... or in several */
  check_awq(48, 80, 40);
  const char config[] = "{\"w_bit\":4,\"q_group_size\":40,\"version\":\"GEMM\"}";
  files_write("quant_config.json", config, sizeof config - 1);
  struct source *source = packs_check("up.weight", "awq_int4", 48, 80, expected);
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
  source_close(packs_check("p.weight", stored, outputs, inputs, expected));
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
  source_close(packs_check("p.weight", "ct_int4", outputs, inputs, expected));
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
    source_close(packs_check("model.v.weight:dequantized", stored, rows, columns, expected));
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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gptq),        cmocka_unit_test(test_gptq_groups),
      cmocka_unit_test(test_gptq_bands),  cmocka_unit_test(test_gptq_large),
      cmocka_unit_test(test_gptq_ragged), cmocka_unit_test(test_gptq_of_pytorch),
      cmocka_unit_test(test_awq),         cmocka_unit_test(test_gemv),
      cmocka_unit_test(test_compressed),  cmocka_unit_test(test_compressed_one_scale),
      cmocka_unit_test(test_mlx),
  };
  return cmocka_run_group_tests_name("data/pack_integers", tests, NULL, files_remove);
}
