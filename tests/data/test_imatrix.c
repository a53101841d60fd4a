/* Importance matrices of llama.cpp, of both kinds: written here as llama.cpp writes them. */
#include "tests/data/files.h"
#include "tests/data/ggufs.h"

#include "data/numbers.h"
#include "quant/fit.h"
#include "quant/kernels/kernels.h"
#include "quant/quantizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- writing -------------------------------------------------------------------------------- */

static void add_word(struct bytes *file, uint32_t value)
{
  for (unsigned i = 0; i < 32; i += 8)
    bytes_add(file, (unsigned char[]){(unsigned char)(value >> i)}, 1);
}

static void add_entry(struct bytes *file, const char *name, uint32_t chunks, size_t count,
                      const float *sums)
{
  add_word(file, (uint32_t)strlen(name));
  bytes_add(file, name, strlen(name));
  add_word(file, chunks);
  add_word(file, (uint32_t)count);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &sums[i], sizeof bits);
    add_word(file, bits);
  }
}

static const char *write_bytes(struct bytes *file, const char *name)
{
  const char *path = files_write(name, file->data, file->size);
  free(file->data);
  *file = (struct bytes){.size = 0};
  return path;
}

static void begin_gguf(struct ggufs *file)
{
  ggufs_text(file, "general.type", "imatrix");
  ggufs_texts(file, "imatrix.datasets", 1, (const char *const[]){"wiki.train.raw"});
  ggufs_u32(file, "imatrix.chunk_count", 3);
  ggufs_u32(file, "imatrix.chunk_size", 512);
}

/* --- what is read --------------------------------------------------------------------------- */

static size_t place_of(const struct source *source, const char *name)
{
  size_t index = 0;
  struct error error = {0};
  if (source_find(source, name, &index, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return index;
}

static void check_values(struct source *source, const char *name, const char *shape,
                         const float *expected)
{
  char text[100];
  const size_t index = place_of(source, name);
  const struct tensor *tensor = source_tensor(source, index);
  assert_string_equal(shape_print(&tensor->shape, text, sizeof text), shape);
  float *values = files_values(source, index);
  for (size_t i = 0; i < tensor->count; i++)
    assert_true(values[i] == expected[i]);
  free(values);
}

static void check_metadatum(const struct source *source, const char *key, const char *value)
{
  for (size_t i = 0; i < source_metadata_count(source); i++)
    if (strcmp(source_metadatum(source, i)->key, key) == 0) {
      assert_string_equal(source_metadatum(source, i)->value, value);
      return;
    }
  fail_msg("no key %s", key);
}

static const float older_sums[] = {3, 0.75f, 0, 12}, other_sums[] = {0.5f, 2};

static void make_older(struct bytes *file)
{
  add_word(file, 2);
  add_entry(file, "blk.0.attn_q.weight", 3, 4, older_sums);
  add_entry(file, "output.weight", 0, 2, other_sums);
  add_word(file, 3);
  add_word(file, 14);
  bytes_add(file, "wiki.train.raw", 14);
}

static void check_older(const char *path)
{
  struct source *source = files_open(path);
  assert_string_equal(source_type_name(source), "imatrix");
  assert_string_equal(source_note(source), "");
  assert_int_equal(source_count(source), 4);
  check_values(source, "blk.0.attn_q.weight.sums", "4", older_sums);
  check_values(source, "blk.0.attn_q.weight", "4", (const float[]){1, 0.25f, 0, 4});
  check_values(source, "output.weight", "2", other_sums); /* no chunks: as they are */
  assert_string_equal(source_remark(source, place_of(source, "blk.0.attn_q.weight")),
                      "mean squared input: .sums / 3 chunks");
  check_metadatum(source, "imatrix.chunk_count", "3");
  check_metadatum(source, "imatrix.datasets", "wiki.train.raw");
  source_close(source);
}

static void test_older(void **state)
{
  (void)state;
  struct bytes file = {.size = 0};
  make_older(&file);
  check_older(write_bytes(&file, "any-name.bin"));
}

/* The end may be missing, in whole or but for the number of chunks, and the name of the text. */
static void test_older_ends(void **state)
{
  (void)state;
  for (unsigned words = 0; words <= 2; words++) {
    struct bytes file = {.size = 0};
    add_word(&file, 1);
    add_entry(&file, "a", 2, 1, (const float[]){8});
    for (unsigned i = 0; i < words; i++)
      add_word(&file, 0);
    struct source *source = files_open(write_bytes(&file, "imatrix.dat"));
    check_values(source, "a", "1", (const float[]){4});
    assert_int_equal(source_metadata_count(source), words > 0);
    source_close(source);
  }
}

/* Experts have counts of their own; one that was never asked gets ones. */
static void make_gguf(struct ggufs *file)
{
  begin_gguf(file);
  ggufs_floats(file, "blk.0.attn_q.weight.in_sum2", 1, 4, (const float[]){1536, 384, 0, 6144});
  ggufs_floats(file, "blk.0.attn_q.weight.counts", 1, 1, (const float[]){1536});
  ggufs_floats(file, "blk.0.ffn_up_exps.weight.in_sum2", 3, 2, (const float[]){4, 6, 7, 8, 9, 0});
  ggufs_floats(file, "blk.0.ffn_up_exps.weight.counts", 3, 1, (const float[]){2, 0, 3});
  ggufs_floats(file, "blk.0.ffn_up_exps.weight.in_sum", 3, 2, (const float[]){0, 0, 0, 0, 0, 0});
}

static void check_gguf(const char *path)
{
  struct source *source = files_open(path);
  assert_string_equal(source_type_name(source), "imatrix");
  assert_string_equal(source_note(source), "");
  assert_int_equal(source_count(source), 7);
  check_values(source, "blk.0.attn_q.weight", "4", (const float[]){1, 0.25f, 0, 4});
  check_values(source, "blk.0.ffn_up_exps.weight", "3x2", (const float[]){2, 3, 1, 1, 3, 0});
  check_values(source, "blk.0.ffn_up_exps.weight.counts", "3x1", (const float[]){2, 0, 3});
  check_metadatum(source, "imatrix.datasets", "1 x string: \"wiki.train.raw\"");
  source_close(source);
}

static void test_gguf(void **state)
{
  (void)state;
  for (int big = 0; big <= 1; big++) {
    struct ggufs file = {.big = big};
    make_gguf(&file);
    check_gguf(ggufs_write(&file, "imatrix.gguf"));
  }
}

/* Asked for by its type, it has to be one. */
static void test_asked_for(void **state)
{
  (void)state;
  struct source *source = NULL;
  struct error error;
  struct ggufs file = {.big = false};
  make_gguf(&file);
  assert_int_equal(source_open_as(ggufs_write(&file, "a.gguf"), "imatrix", &source, &error),
                   STATUS_OK);
  assert_int_equal(source_count(source), 7);
  source_close(source);
  ggufs_floats(&file, "x", 0, 1, (const float[]){1});
  assert_int_equal(source_open_as(ggufs_write(&file, "b.gguf"), "imatrix", &source, &error),
                   STATUS_INPUT);
  assert_non_null(strstr(error.text, "not an importance matrix"));
}

/* What does not fit is listed as it is. */
static void test_gguf_misfits(void **state)
{
  (void)state;
  struct ggufs file = {.big = false};
  begin_gguf(&file);
  ggufs_floats(&file, "a.in_sum2", 1, 2, (const float[]){1, 2});
  ggufs_floats(&file, "b.in_sum2", 1, 2, (const float[]){1, 2});
  ggufs_floats(&file, "b.counts", 2, 1, (const float[]){1, 2});
  ggufs_floats(&file, ".in_sum2", 1, 1, (const float[]){1});
  ggufs_floats(&file, "c.in_sum2", 1, 1, (const float[]){6});
  ggufs_floats(&file, "c.counts", 1, 1, (const float[]){2});
  struct source *source = files_open(ggufs_write(&file, "imatrix.gguf"));
  assert_int_equal(source_count(source), 7);
  check_values(source, "c", "1", (const float[]){3});
  assert_string_equal(source_note(source),
                      "2 entries: .counts beside .in_sum2 expected, one for each row");
  source_close(source);
  /* A model whose tensors happen to be called so is a model. */
  ggufs_floats(&file, "c.in_sum2", 1, 1, (const float[]){6});
  ggufs_floats(&file, "c.counts", 1, 1, (const float[]){2});
  source = files_open(ggufs_write(&file, "model.gguf"));
  assert_string_equal(source_type_name(source), "gguf");
  assert_int_equal(source_count(source), 2);
  source_close(source);
}

static void test_bad_counts(void **state)
{
  (void)state;
  static const float counts[] = {-1, NAN, INFINITY};
  for (size_t i = 0; i < 3; i++) {
    struct error error = {0};
    struct ggufs file = {.big = false};
    begin_gguf(&file);
    ggufs_floats(&file, "a.in_sum2", 2, 1, (const float[]){1, 2});
    ggufs_floats(&file, "a.counts", 2, 1, (const float[]){1, counts[i]});
    struct source *source = files_open(ggufs_write(&file, "imatrix.gguf"));
    assert_int_equal(source_load(source, place_of(source, "a"), NULL, &error), STATUS_INPUT);
    if (!strstr(error.text, "a.counts: expected numbers of 0 or more") ||
        !strstr(error.text, "at 1"))
      fail_msg("%s", error.text);
    source_close(source);
  }
}

/* A million entries, or values, that are not there cost no memory. */
static void test_older_refused(void **state)
{
  (void)state;
  static const uint32_t numbers[][2] = {{0, 0}, {1u << 20, 0},   {0x7FFFFFFF, 0}, {0xFFFFFFFF, 0},
                                        {1, 0}, {1, 0x7FFFFFFF}, {1, 0xFFFFFFFF}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct bytes file = {.size = 0};
    add_word(&file, numbers[i][0]);
    add_word(&file, numbers[i][1]);
    bytes_add(&file, "abcdefghijklmnop", 16);
    files_refused(write_bytes(&file, "imatrix.dat"), STATUS_INPUT, ": expected 1 to 1");
  }
  /* Cut anywhere, but where its end may be missing. */
  struct bytes whole = {.size = 0};
  make_older(&whole);
  size_t entries = whole.size - 4 - 4 - 14;
  for (size_t size = 0; size < whole.size; size++) {
    struct source *source = NULL;
    struct error error;
    enum status status = source_open(files_write("cut.imatrix", whole.data, size), &source, &error);
    assert_int_equal(status, size == entries || size == entries + 4 ? STATUS_OK : STATUS_INPUT);
    source_close(source);
  }
  free(whole.data);
}

/* --- as weights of a quantizer -------------------------------------------------------------- */

static void check_entry(const char *path, const char *name, size_t count, const float *expected)
{
  float *values = NULL;
  size_t found = 0;
  struct error error = {0};
  if (numbers_read_for(path, name, &values, &found, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  assert_int_equal(found, count);
  assert_memory_equal(values, expected, count * sizeof *values);
  free(values);
}

static void test_entries_by_name(void **state)
{
  (void)state;
  struct bytes older = {.size = 0};
  struct ggufs newer = {.big = false};
  struct error error = {0};
  float *values;
  size_t count;
  char path[2][400];
  make_older(&older);
  make_gguf(&newer);
  snprintf(path[0], sizeof path[0], "%s", write_bytes(&older, "imatrix.dat"));
  snprintf(path[1], sizeof path[1], "%s", ggufs_write(&newer, "imatrix.gguf"));
  for (size_t i = 0; i < 2; i++) {
    const float expected[] = {1, 0.25f, 0, 4};
    check_entry(path[i], "blk.0.attn_q.weight", 4, expected);
    check_entry(path[i], "model.layers.0.self_attn.q_proj.weight", 4, expected);
    check_entry(path[i], "model.layers.0.self_attn.q_proj.weight:dequantized", 4, expected);
    assert_int_equal(numbers_read_for(path[i], "blk.0.attn_q.bias", &values, &count, &error),
                     STATUS_USAGE);
    assert_non_null(strstr(error.text, "no entry for the tensor blk.0.attn_q.bias; the first one "
                                       "is blk.0.attn_q.weight"));
    assert_int_equal(numbers_read_for(path[i], "blk.0.attn_q.weight.sums", &values, &count, &error),
                     STATUS_USAGE);
  }
  check_entry(path[1], "blk.0.ffn_up_exps.weight", 6, (const float[]){2, 3, 1, 1, 3, 0});
  check_entry(path[1], "model.layers.0.mlp.experts.2.up_proj.weight", 2, (const float[]){3, 0});
  check_entry(path[1], "blk.0.ffn_up.0.weight", 2, (const float[]){2, 3});
  static const char *const strangers[] = {"blk.0.ffn_up.3.weight",
                                          "blk.0.ffn_up.9999999.weight",
                                          "blk.0.ffn_up..weight",
                                          "0.weight",
                                          ".weight",
                                          "7",
                                          ""};
  for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
    assert_int_equal(numbers_read_for(path[1], strangers[i], &values, &count, &error),
                     STATUS_USAGE);
  /* A file with one array is for any tensor. */
  check_entry(files_npy("w.npy", "'<f4'", "False", "(2,)", (const float[]){1, 2}, 8), "anything", 2,
              (const float[]){1, 2});
}

enum { COLUMNS = 1024, ROWS = 3 };

static float *reference(const char *name, size_t expected)
{
  char path[600];
  const char *shared = getenv("QSCOPE_SHARED");
  snprintf(path, sizeof path, "%s/conformance/formats/ggml/%s", shared ? shared : ".", name);
  FILE *file = fopen(path, "rb");
  if (!file)
    skip();
  fclose(file);
  struct source *source = files_open(path);
  assert_true(source_tensor(source, 0)->count >= expected);
  float *values = files_values(source, 0);
  source_close(source);
  return values;
}

/* Packs the rows X, as the tensor NAME, with the weights of PATH, and compares with what ggml made
 * of them. */
static void check_packed(const char *path, const char *name, const struct shape *shape,
                         const float *x, const char *type)
{
  char spec[400], file[64];
  struct quantizer quantizer;
  struct error error = {0};
  struct fit *fit = NULL;
  float *weights = NULL;
  size_t rows, bytes;
  const struct feed feed = feed_floats(x, ROWS * COLUMNS);
  snprintf(spec, sizeof spec, "%s,importance=imatrix", type);
  assert_int_equal(quantizer_parse(spec, &quantizer, &error), STATUS_OK);
  assert_int_equal(numbers_read_for(path, name, &weights, &quantizer.block.weight_count, &error),
                   STATUS_OK);
  quantizer.block.weights = weights;
  if (quantizer_fit(&quantizer, &feed, shape, NULL, &fit, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  const unsigned char *packed = fit_packed(fit, &rows, &bytes);
  snprintf(file, sizeof file, "im_%s_q.npy", type);
  float *expected = reference(file, rows * bytes);
  for (size_t i = 0; i < rows * bytes; i++)
    if (packed[i] != (unsigned char)expected[i])
      fail_msg("%s, %s: byte %zu: 0x%02x, ggml's 0x%02x", path, type, i, packed[i],
               (unsigned)expected[i]);
  free(expected);
  free(weights);
  fit_free(fit);
}

/* The bytes of ggml itself, quantized with the same weights: from the older kind, from GGUF, and
 * as three experts with a row each, whose counts differ. Powers of two, so that the means are the
 * very weights. */
static void test_bytes_of_ggml(void **state)
{
  (void)state;
  static const char *const types[] = {"Q4_0", "Q5_1", "Q2_K",   "Q3_K",  "Q4_K",
                                      "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"};
  static const size_t row[ROWS] = {1, 3, 5}; /* those that the reference quantized so */
  static const float count[ROWS] = {4, 1, 512};
  static float x[ROWS * COLUMNS], sums[ROWS * COLUMNS];
  float *all = reference("x.npy", 6 * COLUMNS), *weights = reference("imatrix.npy", COLUMNS);
  struct bytes older = {.size = 0};
  struct ggufs newer = {.big = false};
  char path[2][400];
  for (size_t i = 0; i < ROWS * COLUMNS; i++) {
    x[i] = all[row[i / COLUMNS] * COLUMNS + i % COLUMNS];
    sums[i] = weights[i % COLUMNS] * count[i / COLUMNS];
  }
  add_word(&older, 1);
  add_entry(&older, "w", 4, COLUMNS, sums);
  begin_gguf(&newer);
  ggufs_floats(&newer, "w.in_sum2", 1, COLUMNS, sums);
  ggufs_floats(&newer, "w.counts", 1, 1, count);
  ggufs_floats(&newer, "experts.in_sum2", ROWS, COLUMNS, sums);
  ggufs_floats(&newer, "experts.counts", ROWS, 1, count);
  snprintf(path[0], sizeof path[0], "%s", write_bytes(&older, "imatrix.dat"));
  snprintf(path[1], sizeof path[1], "%s", ggufs_write(&newer, "imatrix.gguf"));
  const struct shape matrix = {.dims = 2, .dim = {ROWS, COLUMNS}};
  const struct shape experts = {.dims = 3, .dim = {ROWS, 1, COLUMNS}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    check_packed(path[0], "w", &matrix, x, types[i]);
    check_packed(path[1], "w", &matrix, x, types[i]);
    check_packed(path[1], "experts", &experts, x, types[i]);
  }
  free(all);
  free(weights);
}

/* --- fixtures ------------------------------------------------------------------------------- */

static void test_fixtures(void **state)
{
  (void)state;
  struct bytes older = {.size = 0};
  struct ggufs newer = {.big = false};
  make_older(&older);
  make_gguf(&newer);
  files_golden(write_bytes(&older, "older"), "imatrix-older.dat");
  files_golden(ggufs_write(&newer, "newer"), "imatrix.gguf");
  check_older(files_data("good", "imatrix-older.dat"));
  check_gguf(files_data("good", "imatrix.gguf"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_older),         cmocka_unit_test(test_older_ends),
      cmocka_unit_test(test_gguf),          cmocka_unit_test(test_gguf_misfits),
      cmocka_unit_test(test_asked_for),     cmocka_unit_test(test_bad_counts),
      cmocka_unit_test(test_older_refused), cmocka_unit_test(test_entries_by_name),
      cmocka_unit_test(test_bytes_of_ggml), cmocka_unit_test(test_fixtures),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
