/* Numbers without a header. Plain values are written here as the bytes that IEEE 754 and two's
 * complement give them; blocks are those of good/gguf-all-types.gguf, whose values ggml itself
 * decoded (expected/gguf-all-types.npy). */
#include "tests/data/files.h"

#include "data/source_types.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char spec_text[2000];

/* The spec of a file NAME with these bytes and OPTIONS. */
static const char *raw(const char *name, const void *bytes, size_t size, const char *options)
{
  snprintf(spec_text, sizeof spec_text, "raw:%s,%s", files_write(name, bytes, size), options);
  return spec_text;
}

static void check(const char *spec, const char *shape, const char *stored, const char *note,
                  const float *expected)
{
  char text[100];
  struct source *source = files_open(spec);
  const struct tensor *tensor = source_tensor(source, 0);
  assert_int_equal(source_count(source), 1);
  assert_string_equal(source_type_name(source), "raw");
  assert_string_equal(source_spec(source), spec);
  assert_string_equal(shape_print(&tensor->shape, text, sizeof text), shape);
  assert_string_equal(tensor->stored->name, stored);
  assert_string_equal(source_note(source), note);
  assert_null(source_input_format(source));
  float *values = files_values(source, 0);
  assert_memory_equal(values, expected, tensor->count * sizeof *values);
  free(values);
  source_close(source);
}

/* 1, 2, -3 and 0.5, in bfloat16 and float16, whose upper bytes are not zero. */
static const unsigned char brain[] = {0x80, 0x3F, 0, 0x40, 0x40, 0xC0, 0, 0x3F};
static const unsigned char half[] = {0, 0x3C, 0, 0x40, 0, 0xC2, 0, 0x38};
static const unsigned char half_big[] = {0x3C, 0, 0x40, 0, 0xC2, 0, 0x38, 0};
static const float four[] = {1, 2, -3, 0.5F};

static void test_stored_types(void **state)
{
  (void)state;
  check(raw("a.bin", brain, 8, "dtype=bf16"), "4", "bf16", "", four);
  check(raw("a.bin", brain, 8, "dtype=BFloat16"), "4", "bf16", "", four);
  check(raw("a.bin", half, 8, "dtype=half"), "4", "f16", "", four);
  check(raw("a.bin", half_big, 8, "dtype=float16,order=big"), "4", "f16", "", four);
  check(raw("a.bin", "\x38\x40\xC4\x30", 4, "dtype=e4m3"), "4", "f8_e4m3", "", four);
  check(raw("a.bin", "\x38\x40\xC4\x30", 4, "dtype=float8_e4m3fn,order=big"), "4", "f8_e4m3", "",
        four);
  check(raw("a.bin", "\xFF\x01\x80\x7F", 4, "dtype=int8"), "4", "i8", "",
        (const float[]){-1, 1, -128, 127});
  check(raw("a.bin", "\xFF\x01\x80\x7F", 4, "dtype=u8"), "4", "u8", "",
        (const float[]){255, 1, 128, 127});
  check(raw("a.bin", "\x01\x02\xFF\xFE", 4, "dtype=int16,order=big"), "2", "i16", "",
        (const float[]){258, -2});
  check(raw("a.bin", "\x21\xF8", 2, "dtype=i4"), "4", "i4", "", (const float[]){1, 2, -8, -1});
  check(raw("a.bin", "\0\1\2\0", 4, "dtype=bool"), "4", "bool", "", (const float[]){0, 1, 1, 0});
}

/* Every block type, out of the middle of a file of another type. */
static void test_blocks(void **state)
{
  (void)state;
  char spec[1000];
  struct source *blocks = files_open(files_data("good", "gguf-all-types.gguf"));
  struct source *reference = files_open(files_data("expected", "gguf-all-types.npy"));
  float *expected = files_values(reference, 0);
  for (size_t i = 0; i < source_count(blocks); i++) {
    const struct tensor *tensor = source_tensor(blocks, i);
    size_t offset = (size_t)(tensor->data - blocks->maps[0]->bytes);
    snprintf(spec, sizeof spec, "raw:%s,shape=2x%zu,dtype=%s,offset=0x%zx",
             files_data("good", "gguf-all-types.gguf"), tensor->count / 2, tensor->stored->name,
             offset);
    if (tensor->count / 2 % tensor->stored->length != 0) {
      files_refused(spec, STATUS_USAGE, "needs a multiple of 256");
      memcpy(strstr(spec, "shape=2"), "shape=1", 7);
      snprintf(strstr(spec, "shape=1"), 200, "shape=1x%zu,dtype=%s,offset=%zu", tensor->count,
               tensor->stored->name, offset);
    }
    struct source *source = files_open(spec);
    float *values = files_values(source, 0);
    assert_memory_equal(values, expected + i * 256, tensor->count * sizeof *values);
    free(values);
    source_close(source);
  }
  free(expected);
  source_close(reference);
  source_close(blocks);
}

/* q8_0: a float16 scale of 2, then codes; its scale is a word, which a big-endian file turns. */
static void test_order_of_blocks(void **state)
{
  (void)state;
  unsigned char block[34] = {0x40, 0, 1, 2, 3};
  float expected[32] = {2, 4, 6};
  check(raw("b.bin", block, 34, "dtype=q8_0,order=big"), "32", "q8_0", "", expected);
  files_refused(raw("b.bin", block, 22, "dtype=q5_0,order=big"), STATUS_USAGE,
                "order=big: the order of bytes in blocks of q5_0 is not defined");
  files_refused(raw("b.bin", block, 34, "dtype=q8_0,layout=fortran,shape=1x32"), STATUS_USAGE,
                "layout=fortran: q8_0 has 32 elements in one block");
}

static void test_shapes(void **state)
{
  (void)state;
  const float six[] = {0, 1, 2, 3, 4, 5}, turned[] = {0, 2, 4, 1, 3, 5};
  const char *six_bytes = "\0\1\2\3\4\5";
  check(raw("s.bin", six_bytes, 6, "dtype=u8,shape=2x3"), "2x3", "u8", "", six);
  check(raw("s.bin", six_bytes, 6, "dtype=u8,shape=2x3,layout=fortran"), "2x3", "u8", "", turned);
  check(raw("s.bin", six_bytes, 6, "dtype=u8,layout=c,shape=2x?"), "2x3", "u8", "", six);
  check(raw("s.bin", six_bytes, 6, "dtype=u8,shape=-1x3"), "2x3", "u8", "", six);
  check(raw("s.bin", six_bytes, 6, "dtype=u8,shape=-1x2x1"), "3x2x1", "u8", "", six);
  check(raw("s.bin", six_bytes, 6, "dtype=u8,shape=?x4"), "1x4", "u8",
        "2 bytes behind the tensor are not read", six);
  check(raw("s.bin", six_bytes, 6, "dtype=u8,offset=1,shape=2x2"), "2x2", "u8",
        "1 byte behind the tensor is not read", six + 1);
  check(raw("s.bin", six_bytes, 6, "dtype=u8,offset=0x2"), "4", "u8", "", six + 2);
  check(raw("s.bin", six_bytes, 6, "dtype=u8,offset=6,shape=0x3"), "0x3", "u8", "", six);
  files_refused(raw("s.bin", six_bytes, 6, "dtype=u8,shape=2x4"), STATUS_INPUT,
                "s.bin: data ends early: 2x4 of u8 from offset 0: expected 8 bytes, found 6");
  files_refused(raw("s.bin", six_bytes, 6, "dtype=f64"), STATUS_INPUT,
                "expected at least 8 bytes from offset 0, found 6");
  files_refused(raw("s.bin", six_bytes, 6, "dtype=u8,offset=6"), STATUS_INPUT,
                "expected at least 1 bytes from offset 6, found 0");
  files_refused(raw("s.bin", six_bytes, 6, "dtype=u8,offset=7"), STATUS_INPUT,
                "offset 7 lies behind the file's 6 bytes");
  files_refused(raw("s.bin", six_bytes, 6, "dtype=u8,shape=0x?"), STATUS_USAGE,
                "leave the open one no value");
  files_refused(raw("s.bin", six_bytes, 6, "dtype=i4,shape=1x3"), STATUS_USAGE,
                "row length 3; i4 needs a multiple of 2");
  files_refused(raw("s.bin", six_bytes, 6, "dtype=u8,shape=4294967296x4294967296"), STATUS_USAGE,
                "larger than the address space");
  files_refused(raw("s.bin", six_bytes, 6, "dtype=f64,shape=4611686018427387904"), STATUS_USAGE,
                "larger than the address space");
  files_refused(raw("s.bin", six_bytes, 6, "dtype=f64,shape=?x4611686018427387904"), STATUS_USAGE,
                "larger than the address space");
  files_refused(raw("s.bin", six_bytes, 0, "dtype=u8"), STATUS_INPUT, "the file is empty");
}

/* Sizes of offsets: decimal and hexadecimal, powers of 1000 and of 1024. */
static void test_offsets(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    size_t offset;
  } cases[] = {{"0", 0},     {"7", 7},      {"0x1f", 31},  {"0X1F", 31},   {"1k", 1000},
               {"1K", 1000}, {"1Ki", 1024}, {"2ki", 2048}, {"0x1K", 1000}, {"1M", 1000000}};
  static const char *const wrong[] = {"",
                                      "-1",
                                      "x",
                                      "1.5",
                                      "1KB",
                                      "1 ",
                                      "0x",
                                      "1Kii",
                                      "18446744073709551616",
                                      "99999999T",
                                      "999999999999999999Ti"};
  unsigned char *bytes = mem_array(1 << 20, 1);
  float value;
  char option[100];
  assert_non_null(bytes);
  for (size_t i = 0; i < 1 << 20; i++)
    bytes[i] = (unsigned char)(i * 2654435761u >> 24);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(option, sizeof option, "dtype=u8,shape=1,offset=%s", cases[i].text);
    struct source *source = files_open(raw("o.bin", bytes, 1 << 20, option));
    float *values = files_values(source, 0);
    value = (float)bytes[cases[i].offset];
    assert_memory_equal(values, &value, sizeof value);
    free(values);
    source_close(source);
  }
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    snprintf(option, sizeof option, "dtype=u8,offset=%s", wrong[i]);
    files_refused(raw("o.bin", bytes, 10, option), STATUS_USAGE, "expected a number of bytes");
  }
  free(bytes);
}

static void test_options(void **state)
{
  (void)state;
  static const struct {
    const char *options, *fragment;
  } wrong[] = {
      {"shape=2", "expected dtype=TYPE"},
      {"dtype=f33", "dtype=f33: no stored type; did you mean \"f32\"?"},
      {"dtype=bfloat61", "did you mean \"bfloat16\"?"},
      {"dtype=qqqqqq", "unknown dtype \"qqqqqq\"; there are: f64, f32"},
      {"dtype=c64", "dtype=c64: such values cannot be decoded"},
      {"dtype=u8,shape=2y3", "shape=2y3: expected 1 to 8 sizes"},
      {"dtype=u8,shape=", "shape=: expected 1 to 8 sizes"},
      {"dtype=u8,shape=2x", "shape=2x: expected 1 to 8 sizes"},
      {"dtype=u8,shape=?x-1", "shape=?x-1: expected 1 to 8 sizes"},
      {"dtype=u8,shape=-2x3", "shape=-2x3: expected 1 to 8 sizes"},
      {"dtype=u8,shape=1x1x1x1x1x1x1x1x1", "expected 1 to 8 sizes"},
      {"dtype=u8,shape=18446744073709551616", "expected 1 to 8 sizes"},
      {"dtype=u8,order=middle", "order=middle: expected little or big"},
      {"dtype=u8,layout=rows", "layout=rows: expected c or fortran"},
      {"dtype=u8,dtype=u8", "dtype is given twice"},
      {"dtype=u8,shpe=2", "unknown option \"shpe\"; did you mean \"shape\"?"},
      {"dtype=u8,big", "unknown option \"big\"; there are: dtype, shape, offset, order, layout"},
      {"dtpe=u8", "unknown option \"dtpe\"; did you mean \"dtype\"?"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    files_refused(raw("w.bin", "123456", 6, wrong[i].options), STATUS_USAGE, wrong[i].fragment);
  files_refused("raw:", STATUS_USAGE, "expected the name of a file");
}

/* A name may hold commas, and what looks like an option that there is not. */
static void test_names(void **state)
{
  (void)state;
  char folder[1000];
  const float expected[] = {'1'};
  check(raw("a,b.bin", "1", 1, "dtype=u8"), "1", "u8", "", expected);
  check(raw("a,key=2", "1", 1, "dtype=u8"), "1", "u8", "", expected);
  check(raw("a=b,c", "1", 1, "dtype=u8,shape=1"), "1", "u8", "", expected);
  struct source *source = files_open(raw("layer.0.bin", "1", 1, "dtype=u8"));
  assert_string_equal(source_tensor(source, 0)->name, "layer.0");
  source_close(source);
  snprintf(folder, sizeof folder, "raw:%s,dtype=u8", files_folder());
  files_refused(folder, STATUS_INPUT, "expected a regular file, found a directory");
  files_refused("raw:/dev/zero,dtype=u8", STATUS_INPUT, "found a character device");
  files_refused("raw:/no/such/file,dtype=u8", STATUS_INPUT, "/no/such/file: cannot open");
}

/* --input-format takes the place of the prefix. */
static void test_by_word(void **state)
{
  (void)state;
  struct source *source;
  const char *spec = raw("a.bin", brain, 8, "dtype=bf16") + strlen("raw:");
  assert_int_equal(source_open_as(spec, "raw", &source, NULL), STATUS_OK);
  assert_string_equal(source_input_format(source), "raw");
  source_close(source);
  assert_true(source_reads_stdin("-"));
  assert_true(source_reads_stdin("raw:-,dtype=u8"));
  assert_true(source_reads_stdin("raw:-"));
  assert_false(source_reads_stdin("raw:-x,dtype=u8"));
  assert_false(source_reads_stdin("-x"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stored_types),    cmocka_unit_test(test_blocks),
      cmocka_unit_test(test_order_of_blocks), cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_offsets),         cmocka_unit_test(test_options),
      cmocka_unit_test(test_names),           cmocka_unit_test(test_by_word),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
