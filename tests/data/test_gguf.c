/* GGUF files and the block types of ggml: the project's own small files, and real ones.
 *
 * good/gguf-all-types.gguf holds the first 256 values of every tensor of the sample all-types.gguf,
 * and expected/gguf-all-types.npy what ggml itself decodes for them, a row per tensor: both were
 * written by ggml from trained weights (MIT). */
#include "tests/data/files.h"
#include "tests/data/ggufs.h"

#include "quant/base/size.h"
#include "quant/block.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct source *good(const char *name)
{
  struct source *source = files_open(files_data("good", name));
  assert_string_equal(source_type_name(source), "gguf");
  return source;
}

static size_t place_of(const struct source *source, const char *name)
{
  size_t index = 0;
  struct error error = {0};
  if (source_find(source, name, &index, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return index;
}

static void check_values(struct source *source, const char *name, const float *expected,
                         size_t count)
{
  size_t index = place_of(source, name);
  assert_int_equal(source_tensor(source, index)->count, count);
  float *values = files_values(source, index);
  assert_memory_equal(values, expected, count * sizeof *values);
  free(values);
}

static void check_shape(const struct source *source, const char *name, const char *expected)
{
  char text[100];
  shape_print(&source_tensor(source, place_of(source, name))->shape, text, sizeof text);
  assert_string_equal(text, expected);
}

/* Bit for bit what ggml decodes, for each of its 28 types. */
static void test_all_types(void **state)
{
  (void)state;
  struct source *source = good("gguf-all-types.gguf");
  struct source *reference = files_open(files_data("expected", "gguf-all-types.npy"));
  float *expected = files_values(reference, 0);
  assert_int_equal(source_count(source), 28);
  for (size_t i = 0; i < source_count(source); i++) {
    const struct tensor *tensor = source_tensor(source, i);
    assert_string_equal(tensor->name, tensor->stored->name);
    check_values(source, tensor->name, expected + 256 * i, 256);
  }
  free(expected);
  source_close(reference);
  source_close(source);
}

/* A feed can be asked for any stretch: parts of blocks at either end, within one block, nothing. */
static void test_any_stretch(void **state)
{
  (void)state;
  struct source *source = good("gguf-all-types.gguf");
  for (size_t i = 0; i < source_count(source); i++) {
    float *whole = files_values(source, i), part[257];
    struct feed feed = tensor_feed(source_tensor(source, i));
    for (size_t start = 0; start < 256 && !feed.direct; start += 1 + start % 7)
      for (size_t n = 0; n <= 256 - start; n += 1 + n % 11) {
        part[n] = -77;
        feed.decode(feed.self, start, n, part);
        assert_memory_equal(part, whole + start, n * sizeof *part);
        assert_true(part[n] == -77.0f);
      }
    free(whole);
  }
  source_close(source);
}

/* The codec of a stored type: ggml's two types of four-bit floats are not the formats of that name.
 */
static const struct block_codec *codec_of(const struct stored *stored)
{
  char name[32];
  snprintf(name, sizeof name, "%s%s", stored->name, strstr(stored->name, "fp4") ? "_ggml" : "");
  return block_codec_find(name);
}

/* scale * level + offset, from a block taken apart, is what the fast decoder gives. */
static void test_taken_apart(void **state)
{
  (void)state;
  size_t seen = 0;
  struct source *source = good("gguf-all-types.gguf");
  struct block_setting setting = {.tensor_scale = 1};
  for (size_t i = 0; i < source_count(source); i++) {
    const struct tensor *tensor = source_tensor(source, i);
    const struct block_codec *codec = codec_of(tensor->stored);
    struct block_parts parts;
    float fast[BLOCK_MOST], slow[BLOCK_MOST];
    if (tensor->stored->length == 1)
      continue;
    assert_non_null(codec);
    codec->take_apart(&setting, tensor->data, &parts);
    codec->decode(&setting, tensor->data, 1, fast);
    block_values(codec, &parts, slow);
    assert_memory_equal(fast, slow, codec->length * sizeof *fast);
    for (size_t j = 0; j < codec->length; j++)
      assert_true(parts.code[j] < parts.level_count);
    assert_true(parts.notes <= BLOCK_NOTES_MOST);
    seen++;
  }
  assert_int_equal(seen, 25);
  source_close(source);
}

/* Rows of the table that files rely on, against the codecs: same blocks. */
static void test_table_agrees_with_codecs(void **state)
{
  (void)state;
  size_t blocks = 0;
  for (size_t i = 0; i < stored_table_length; i++) {
    const struct stored *stored = &stored_table[i];
    if (stored->length <= 2 || !stored->decode) /* two to a byte: no blocks */
      continue;
    const struct block_codec *codec = codec_of(stored);
    assert_non_null(codec);
    assert_int_equal(codec->length, stored->length);
    assert_int_equal(codec->bytes, stored->size);
    blocks++;
  }
  assert_int_equal(blocks, 27);
}

/* Version 2; the types that quantize nothing, and two that ggml only computes with: values by the
 * definition d * q. */
static void test_plain_numbers(void **state)
{
  (void)state;
  struct source *source = good("gguf-plain-numbers.gguf");
  assert_int_equal(source_count(source), 9);
  check_values(source, "i8", (const float[]){-128, 0, 127}, 3);
  check_values(source, "i16", (const float[]){-32768, 0, 1}, 3);
  check_values(source, "i32", (const float[]){1, -2, 3, -4, 5, -6}, 6);
  check_values(source, "i64", (const float[]){-1, 0x1p40f}, 2);
  check_values(source, "f64", (const float[]){0.5f}, 1);
  check_values(source, "scalar", (const float[]){2.5f}, 1);
  check_shape(source, "i32", "3x2x1"); /* the file has the innermost size first */
  check_shape(source, "scalar", "scalar");
  check_shape(source, "empty", "4x0");
  free(files_values(source, place_of(source, "empty")));

  size_t index = place_of(source, "q8_1");
  const unsigned char *bytes = source_tensor(source, index)->data;
  float expected[BLOCK_MOST];
  for (size_t i = 0; i < 64; i++)
    expected[i] = (i < 32 ? 0.125f : -3.0f) * (float)(int8_t)bytes[36 * (i / 32) + 4 + i % 32];
  check_values(source, "q8_1", expected, 64);
  bytes = source_tensor(source, place_of(source, "q8_k"))->data;
  for (size_t i = 0; i < 256; i++)
    expected[i] = 0.1f * (float)(int8_t)bytes[4 + i];
  check_values(source, "q8_k", expected, 256);
  assert_true(expected[0] == 0.1f * -128.0f && expected[1] == 0.1f * 127.0f);
  source_close(source);
}

/* Every kind of metadata is skipped, arrays of arrays too; an alignment of 64, a gap before the
 * tensor and bytes behind it. */
static void test_metadata(void **state)
{
  (void)state;
  struct source *source = good("gguf-metadata.gguf");
  assert_int_equal(source_count(source), 1);
  check_values(source, "x\033[31m", (const float[]){1, 2}, 2);
  source_close(source);
  source = good("gguf-no-tensors.gguf");
  assert_int_equal(source_count(source), 0);
  source_close(source);
}

static void test_big_endian(void **state)
{
  (void)state;
  struct source *source = good("gguf-big-endian.gguf");
  check_shape(source, "x", "3x2");
  check_values(source, "x", (const float[]){1, -2, 3, -4, 5, -6}, 6);
  source_close(source);
}

/* The declarations of ggml's blocks: bytes, 16-bit words and 32-bit words, in their order. NULL for
 * those whose bytes ggml reads as wider words. */
static const struct layout {
  const char *name;
  uint32_t type;
  const char *fields; /* "2h16b": two words of 16 bits, sixteen bytes */
} layouts[] = {
    {"f32", 0, "256w"},
    {"f16", 1, "256h"},
    {"bf16", 30, "256h"},
    {"q4_0", 2, "1h16b"},
    {"q4_1", 3, "2h16b"},
    {"q5_0", 6, NULL},
    {"q5_1", 7, NULL},
    {"q8_0", 8, "1h32b"},
    {"q2_k", 10, "16b64b2h"},
    {"q3_k", 11, "32b64b12b1h"},
    {"q4_k", 12, "2h12b128b"},
    {"q5_k", 13, "2h12b32b128b"},
    {"q6_k", 14, "128b64b16b1h"},
    {"iq2_xxs", 16, NULL},
    {"iq2_xs", 17, "1h32h8b"},
    {"iq3_xxs", 18, NULL},
    {"iq1_s", 19, "1h32b8h"},
    {"iq4_nl", 20, "1h16b"},
    {"iq3_s", 21, "1h64b8b32b4b"},
    {"iq2_s", 22, "1h64b8b8b"},
    {"iq4_xs", 23, "1h1h4b128b"},
    {"iq1_m", 29, NULL},
    {"tq1_0", 34, "48b4b1h"},
    {"tq2_0", 35, "64b1h"},
    {"mxfp4", 39, "1b16b"},
    {"nvfp4", 40, "4b32b"},
    {"q1_0", 41, "1h16b"},
    {"q2_0", 42, "1h16b"},
};

/* SIZE bytes of blocks with the bytes of their words the other way round; false when FIELDS do not
 * fill them. */
static bool turn_fields(const char *fields, const unsigned char *from, size_t size,
                        unsigned char *to)
{
  size_t at = 0;
  while (at < size)
    for (const char *next = fields; *next;) {
      size_t count = strtoul(next, (char **)(uintptr_t)&next, 10);
      size_t word = *next == 'w' ? 4 : *next == 'h' ? 2 : 1;
      next++;
      for (; count > 0; count--, at += word)
        for (size_t i = 0; i < word && at + word <= size; i++)
          to[at + i] = from[at + word - 1 - i];
    }
  return at == size;
}

/* All types of ggml in big-endian order have the values that they have in little-endian order, or
 * are refused. */
static void test_big_endian_types(void **state)
{
  (void)state;
  struct source *little = good("gguf-all-types.gguf");
  struct ggufs file = {.big = true, .magic = "FUGG"};
  enum { LAYOUTS = sizeof layouts / sizeof *layouts };
  assert_int_equal(source_count(little), LAYOUTS);
  for (size_t i = 0; i < LAYOUTS; i++) {
    const struct tensor *tensor = source_tensor(little, place_of(little, layouts[i].name));
    unsigned char turned[1024];
    assert_true(tensor->bytes <= sizeof turned);
    assert_true(turn_fields(layouts[i].fields ? layouts[i].fields : "1b", tensor->data,
                            tensor->bytes, turned));
    ggufs_tensor(&file, layouts[i].name, layouts[i].type, 0, 256, turned, tensor->bytes);
  }
  struct source *big = files_open(ggufs_write(&file, "big.gguf"));
  for (size_t i = 0; i < LAYOUTS; i++) {
    struct error error = {0};
    size_t index = place_of(big, layouts[i].name);
    assert_string_equal(source_remark(big, index),
                        layouts[i].fields ? "" : "big-endian: listed only");
    if (!layouts[i].fields) {
      assert_int_equal(source_load(big, index, NULL, &error), STATUS_INPUT);
      assert_non_null(strstr(error.text, "in a big-endian file cannot be decoded"));
      continue;
    }
    float *expected = files_values(little, place_of(little, layouts[i].name));
    check_values(big, layouts[i].name, expected, 256);
    struct feed feed = tensor_feed(source_tensor(big, index));
    for (size_t start = 1; start < 256 && !feed.direct; start += 37) { /* parts of blocks */
      float part[256];
      feed.decode(feed.self, start, 256 - start, part);
      assert_memory_equal(part, expected + start, (256 - start) * sizeof *part);
    }
    free(expected);
  }
  source_close(big);
  source_close(little);
}

/* The two that no model is stored as: q8_1 is d, s and 32 bytes, q8_k a float32, 256 bytes and 16
 * sums of 16 bits. */
static void test_big_endian_activations(void **state)
{
  (void)state;
  struct source *little = good("gguf-plain-numbers.gguf");
  static const struct layout cases[] = {{"q8_1", 9, "2h32b"}, {"q8_k", 15, "1w256b16h"}};
  for (size_t i = 0; i < 2; i++) {
    size_t index = place_of(little, cases[i].name);
    const struct tensor *tensor = source_tensor(little, index);
    unsigned char turned[1024];
    struct ggufs file = {.big = true};
    assert_true(turn_fields(cases[i].fields, tensor->data, tensor->bytes, turned));
    ggufs_tensor(&file, "x", cases[i].type, 0, tensor->count, turned, tensor->bytes);
    struct source *big = files_open(ggufs_write(&file, "big.gguf"));
    float *expected = files_values(little, index);
    check_values(big, "x", expected, tensor->count);
    free(expected);
    source_close(big);
  }
  source_close(little);
}

/* The version and the first bytes tell the byte order; they have to agree. */
static void test_versions(void **state)
{
  (void)state;
  static const struct {
    bool big;
    const char *magic;
    uint32_t version;
    const char *fragment; /* NULL: opens */
  } cases[] = {
      {false, "GGUF", 2, NULL},
      {false, "GGUF", 3, NULL},
      {true, "GGUF", 3, NULL},
      {true, "FUGG", 3, NULL},
      {true, "GGUF", 2, "big-endian GGUF version 2; expected 3"},
      {true, "FUGG", 4, "big-endian GGUF version 4; expected 3"},
      {false, "FUGG", 3, "those of a big-endian file, but the version is not"},
      {false, "GGUF", 1, "GGUF version 1; expected 2 or 3"},
      {false, "GGUF", 4, "GGUF version 4; expected 2 or 3"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct ggufs file = {.big = cases[i].big, .magic = cases[i].magic, .version = cases[i].version};
    ggufs_floats(&file, "x", 2, 3, (const float[]){1, 2, 3, 4, 5, 6});
    const char *path = ggufs_write(&file, "version.gguf");
    if (cases[i].fragment) {
      files_refused(path, STATUS_INPUT, cases[i].fragment);
      continue;
    }
    struct source *source = files_open(path);
    check_shape(source, "x", "2x3");
    check_values(source, "x", (const float[]){1, 2, 3, 4, 5, 6}, 6);
    source_close(source);
  }
}

/* --- real files ---------------------------------------------------------------------- */

static struct source *sample(const char *name)
{
  const char *path = files_sample(name);
  if (!path)
    skip();
  return files_open(path);
}

/* What ggml decodes, for every value of the sample: its README allows the last bit, none differs.
 */
static void test_sample_all_types(void **state)
{
  (void)state;
  struct source *source = sample("gguf/all-types.gguf");
  struct source *reference = sample("gguf/all-types.dequant.npz");
  assert_int_equal(source_count(source), 28);
  assert_int_equal(source_count(reference), 28);
  for (size_t i = 0; i < 28; i++) {
    const char *name = source_tensor(source, i)->name;
    float *expected = files_values(reference, place_of(reference, name));
    assert_int_equal(source_tensor(source, i)->count, 6144);
    check_values(source, name, expected, 6144);
    free(expected);
  }
  source_close(reference);
  source_close(source);
}

static double sqnr_db(const float *x, const float *y, size_t n)
{
  double signal = 0, noise = 0;
  for (size_t i = 0; i < n; i++) {
    signal += (double)x[i] * (double)x[i];
    noise += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
  }
  return 10 * log10(signal / noise);
}

/* A language model and its own 4-bit copy, tensor by tensor. Q4_0 has 21.3 dB
 * on a Gaussian and 17.9 on Student's t (ggml's own quantizer); float16 keeps 11 bits, at least 66
 * dB; float32 is a copy. */
static void test_sample_model(void **state)
{
  (void)state;
  struct source *exact = sample("gguf/stories260K.gguf");
  struct source *coarse = sample("gguf/stories260K-q4_0.gguf");
  size_t types[3] = {0};
  assert_int_equal(source_count(exact), 48);
  assert_int_equal(source_count(coarse), 48);
  for (size_t i = 0; i < 48; i++) {
    const struct tensor *tensor = source_tensor(coarse, i);
    size_t other = place_of(exact, tensor->name);
    assert_int_equal(source_tensor(exact, other)->count, tensor->count);
    float *x = files_values(exact, other), *y = files_values(coarse, i);
    double found = sqnr_db(x, y, tensor->count);
    if (strcmp(tensor->stored->name, "q4_0") == 0) {
      types[0]++;
      assert_true(found > 17 && found < 24);
    } else if (strcmp(tensor->stored->name, "f16") == 0) {
      types[1]++;
      assert_true(found > 66);
    } else {
      types[2]++;
      assert_memory_equal(x, y, tensor->count * sizeof *x);
    }
    free(x);
    free(y);
  }
  assert_int_equal(types[0], 32);
  assert_int_equal(types[1], 5);
  assert_int_equal(types[2], 11);
  source_close(coarse);
  source_close(exact);
}

/* The Q6_K matrix is the transpose of a .npy that is also there. Q6_K has 35.0 dB on a Gaussian
 * and 33.3 on a Laplacian (ggml's own quantizer), and trained weights lie about there. */
static void test_sample_transposed(void **state)
{
  (void)state;
  enum { SIDE = 768 };
  struct source *source = sample("gguf/longformer-layer0-q4_k_m.gguf");
  struct source *matrix = sample("npy/longformer-l0-attn-output.npy");
  size_t index = place_of(source, "blk.0.attn_output.weight");
  assert_int_equal(source_count(source), 8);
  assert_string_equal(source_tensor(source, index)->stored->name, "q6_k");
  float *y = files_values(source, index), *x = files_values(matrix, 0);
  float *turned = mem_array((size_t)SIDE * SIDE, sizeof *turned);
  assert_non_null(turned);
  for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
    turned[i] = x[i % SIDE * SIDE + i / SIDE];
  double found = sqnr_db(turned, y, (size_t)SIDE * SIDE);
  assert_true(found > 33 && found < 36.5);
  free(turned);
  free(x);
  free(y);
  index = place_of(source, "blk.0.attn_qkv.weight");
  assert_string_equal(source_tensor(source, index)->stored->name, "q4_k");
  free(files_values(source, index));
  source_close(matrix);
  source_close(source);
}

static void test_sample_vocabulary(void **state)
{
  (void)state;
  struct source *source = sample("gguf/llama2-tiny-random-f16.gguf");
  assert_int_equal(source_count(source), 12);
  check_shape(source, "token_embd.weight", "32000x8");
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_types),
      cmocka_unit_test(test_any_stretch),
      cmocka_unit_test(test_taken_apart),
      cmocka_unit_test(test_table_agrees_with_codecs),
      cmocka_unit_test(test_plain_numbers),
      cmocka_unit_test(test_metadata),
      cmocka_unit_test(test_big_endian),
      cmocka_unit_test(test_big_endian_types),
      cmocka_unit_test(test_big_endian_activations),
      cmocka_unit_test(test_versions),
      cmocka_unit_test(test_sample_all_types),
      cmocka_unit_test(test_sample_model),
      cmocka_unit_test(test_sample_transposed),
      cmocka_unit_test(test_sample_vocabulary),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
