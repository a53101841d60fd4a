/* .npy files: written here byte by byte as NumPy's format description says, and real ones. */
#include "tests/data/files.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_values(const char *path, const float *expected, size_t count)
{
  struct source *source = files_open(path);
  assert_int_equal(source_count(source), 1);
  assert_int_equal(source_tensor(source, 0)->count, count);
  float *values = files_values(source, 0);
  for (size_t i = 0; i < count; i++)
    if (values[i] != expected[i])
      fail_msg("%s: element %zu: expected %g, found %g", path, i, (double)expected[i],
               (double)values[i]);
  free(values);
  source_close(source);
}

/* 1, 2, 3 in every type; MARK is the byte order. */
static void test_types(void **state)
{
  (void)state;
  static const struct {
    const char *descr;
    unsigned size;
    unsigned char one[8], two[8], three[8]; /* little-endian */
  } types[] = {
      {"f2", 2, {0, 0x3C}, {0, 0x40}, {0, 0x42}},
      {"f4", 4, {0, 0, 0x80, 0x3F}, {0, 0, 0, 0x40}, {0, 0, 0x40, 0x40}},
      {"f8",
       8,
       {0, 0, 0, 0, 0, 0, 0xF0, 0x3F},
       {0, 0, 0, 0, 0, 0, 0, 0x40},
       {0, 0, 0, 0, 0, 0, 8, 0x40}},
      {"i1", 1, {1}, {2}, {3}},
      {"i2", 2, {1}, {2}, {3}},
      {"i4", 4, {1}, {2}, {3}},
      {"i8", 8, {1}, {2}, {3}},
      {"u1", 1, {1}, {2}, {3}},
      {"u2", 2, {1}, {2}, {3}},
      {"u4", 4, {1}, {2}, {3}},
      {"u8", 8, {1}, {2}, {3}},
  };
  const float expected[] = {1, 2, 3};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    for (const char *mark = "<>=|"; *mark; mark++) {
      unsigned size = types[i].size;
      const unsigned char *values[] = {types[i].one, types[i].two, types[i].three};
      unsigned char data[24];
      char descr[8], name[16];
      for (unsigned v = 0; v < 3; v++)
        for (unsigned b = 0; b < size; b++)
          data[v * size + b] = values[v][*mark == '>' ? size - 1 - b : b];
      snprintf(descr, sizeof descr, "'%c%s'", *mark, types[i].descr);
      snprintf(name, sizeof name, "%s.npy", types[i].descr);
      check_values(files_npy(name, descr, "False", "(3,)", data, 3 * size), expected, 3);
    }
}

/* Real and imaginary parts are tensors of their own, in either byte order, in C and Fortran order;
 * the pairs themselves are listed and not measured. The numbers are 1+2i, 3+4i, 5+6i, 7+8i. */
static void check_complex(const char *path, const float real[4], const float imaginary[4])
{
  static const char *const names[] = {"z.real", "z.imag"};
  struct error error = {0};
  struct source *source = files_open(path);
  assert_int_equal(source_count(source), 3);
  assert_int_equal(source_load(source, 0, NULL, &error), STATUS_INPUT);
  assert_string_equal(error.text, "complex numbers are measured by their parts: z.real and z.imag");
  for (size_t i = 0; i < 2; i++) {
    size_t index;
    assert_int_equal(source_find(source, names[i], &index, &error), STATUS_OK);
    float *values = files_values(source, index);
    assert_memory_equal(values, i ? imaginary : real, 4 * sizeof *values);
    free(values);
  }
  source_close(source);
}

static void test_complex(void **state)
{
  (void)state;
  static const float pairs[8] = {1, 2, 3, 4, 5, 6, 7, 8}, real[4] = {1, 3, 5, 7},
                     imaginary[4] = {2, 4, 6, 8};
  unsigned char big[sizeof pairs], bytes[sizeof pairs];
  double wide[8];
  bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  memcpy(bytes, pairs, sizeof bytes);
  for (size_t i = 0; i < sizeof big; i++)
    big[i] = bytes[i / 4 * 4 + 3 - i % 4];
  for (size_t i = 0; i < 8; i++)
    wide[i] = (double)pairs[i];
  check_complex(files_npy("z.npy", "'=c8'", "False", "(2,2)", pairs, sizeof pairs), real,
                imaginary);
  check_complex(files_npy("z.npy", little ? "'>c8'" : "'<c8'", "False", "(4,)", big, sizeof big),
                real, imaginary);
  check_complex(files_npy("z.npy", "'=c16'", "False", "(4,)", wide, sizeof wide), real, imaginary);
  check_complex(files_npy("z.npy", "'=c8'", "True", "(2,2)", pairs, sizeof pairs),
                (float[]){1, 5, 3, 7}, (float[]){2, 6, 4, 8});
}

static void test_bool(void **state)
{
  (void)state;
  check_values(files_npy("b.npy", "'|b1'", "False", "(3,)", "\0\1\0", 3), (float[]){0, 1, 0}, 3);
}

/* Element (i, j, k) of a Fortran array of shape s0 x s1 x s2 is at i + s0 (j + s1 k). */
static void test_fortran_order(void **state)
{
  (void)state;
  enum { A = 3, B = 5, C = 1500 }; /* the last axis is longer than one piece of the decoder */
  static int16_t data[A * B * C];
  static float expected[A * B * C];
  for (size_t i = 0; i < A; i++)
    for (size_t j = 0; j < B; j++)
      for (size_t k = 0; k < C; k++) {
        int16_t value = (int16_t)((i * B + j) * C + k);
        data[i + A * (j + B * k)] = value;
        expected[(i * B + j) * C + k] = value;
      }
  check_values(files_npy("f.npy", "'<i2'", "True", "(3, 5, 1500)", data, sizeof data), expected,
               A * B * C);
  for (size_t i = 0; i < A * B * C; i++) {
    uint16_t word = (uint16_t)data[i];
    data[i] = (int16_t)(word >> 8 | word << 8);
  }
  check_values(files_npy("f.npy", "'>i2'", "True", "(3, 5, 1500)", data, sizeof data), expected,
               A * B * C);
}

/* Any stretch of a tensor reads as it does within the whole. */
static void test_any_stretch(void **state)
{
  (void)state;
  enum { COUNT = 3 * 5 * 1500 };
  static uint16_t data[COUNT];
  static float out[FEED_BLOCK];
  for (size_t i = 0; i < COUNT; i++)
    data[i] = (uint16_t)(i * 7);
  static const char *const forms[][2] = {
      {"'<u2'", "False"}, {"'>u2'", "False"}, {"'<u2'", "True"}, {"'>u2'", "True"}};
  for (size_t f = 0; f < 4; f++) {
    struct source *source =
        files_open(files_npy("a.npy", forms[f][0], forms[f][1], "(3, 5, 1500)", data, sizeof data));
    struct feed feed = tensor_feed(source_tensor(source, 0));
    float *whole = files_values(source, 0);
    for (size_t start = 0, n = 1; start + n <= COUNT; start += 211, n = (n * 3) % FEED_BLOCK)
      assert_memory_equal(feed_block(&feed, start, n, out), whole + start, n * sizeof *out);
    free(whole);
    source_close(source);
  }
}

static void test_direct_only_when_it_can_be(void **state)
{
  (void)state;
  float data[6] = {1, 2, 3, 4, 5, 6};
  static const struct {
    const char *descr, *fortran, *shape;
    bool direct;
  } cases[] = {
      {"'<f4'", "False", "(2, 3)", true},   {"'<f4'", "True", "(2, 3)", false},
      {"'<f4'", "True", "(6,)", true}, /* one axis: both orders are the same */
      {"'<f4'", "True", "(1, 6, 1)", true}, {"'>f4'", "False", "(2, 3)", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *path =
        files_npy("d.npy", cases[i].descr, cases[i].fortran, cases[i].shape, data, sizeof data);
    struct source *source = files_open(path);
    assert_int_equal(tensor_feed(source_tensor(source, 0)).direct != NULL, cases[i].direct);
    source_close(source);
  }
}

static void check_shape(const char *shape, unsigned dims, size_t count, size_t size)
{
  static const unsigned char data[64];
  struct source *source = files_open(files_npy("s.npy", "'<f4'", "False", shape, data, size));
  const struct tensor *tensor = source_tensor(source, 0);
  assert_int_equal(tensor->shape.dims, dims);
  assert_int_equal(tensor->count, count);
  assert_int_equal(tensor->bytes, 4 * count);
  free(files_values(source, 0));
  source_close(source);
}

static void test_shapes(void **state)
{
  (void)state;
  check_shape("()", 0, 1, 4);
  check_shape("(0,)", 1, 0, 0);
  check_shape("(3, 0, 2)", 3, 0, 0);
  check_shape("(1,1,1,1,1,1,1,2)", 8, 2, 8);
  check_shape("(2L, 3L)", 2, 6, 24); /* as Python 2 wrote it */
  check_shape("(4294967296, 4294967296, 0)", 3, 0, 0);
}

static void test_header_forms(void **state)
{
  (void)state;
  static const char *const headers[] = {
      "{'shape': (2,), 'descr': '<f4', 'fortran_order': False}",
      "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(2,)}   \n",
      "{ 'descr' : '<f4' , 'shape' : ( 2 , ) , 'fortran_order' : True , }\n",
  };
  const float data[] = {1, 2};
  for (unsigned version = 1; version <= 3; version++)
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
      char bytes[256] = "\x93NUMPY";
      size_t length = strlen(headers[i]), start = version == 1 ? 10 : 12;
      bytes[6] = (char)version;
      bytes[8] = (char)length;
      memcpy(bytes + start, headers[i], length);
      memcpy(bytes + start + length, data, sizeof data); /* seldom aligned: decoded, not lent */
      check_values(files_write("h.npy", bytes, start + length + sizeof data), data, 2);
    }
}

/* NumPy appends arrays to one file with repeated np.save: the first one is read. */
static void test_bytes_after_the_data(void **state)
{
  (void)state;
  const float data[] = {1, 2, 3};
  check_values(files_npy("t.npy", "'<f4'", "False", "(2,)", data, sizeof data), data, 2);
}

static void test_refused(void **state)
{
  (void)state;
  static const struct {
    const char *descr, *fortran, *shape, *fragment;
  } cases[] = {
      {"'|O'", "False", "(1,)", "Python objects"},
      {"'<c32'", "False", "(1,)", "complex numbers of another width"},
      {"'|S4'", "False", "(1,)", "byte strings"},
      {"'<U4'", "False", "(1,)", "text"},
      {"'|V2'", "False", "(1,)", "raw bytes"},
      {"'<M8[ns]'", "False", "(1,)", "dates"},
      {"'<f16'", "False", "(1,)", "unknown element type \"<f16\""},
      {"''", "False", "(1,)", "unknown element type"},
      {"[('a', '<f4')]", "False", "(1,)", "structured"},
      {"'<f4'", "0", "(1,)", "expected True or False"},
      {"'<f4'", "False", "(1, -1)", "a size of the shape"},
      {"'<f4'", "False", "1", "before the shape"},
      {"'<f4'", "False", "(1,1,1,1,1,1,1,1,1)", "more than 8 dimensions"},
      {"'<f4'", "False", "(18446744073709551616,)", "64 bits"},
      {"'<f4'", "False", "(4294967296, 4294967296)", "larger than the address space"},
      {"'<f4'", "False", "(4611686018427387904,)", "larger than the address space"},
      {"'<f4'", "False", "(3,)", "expected 12 bytes, found 8"},
      {"'<f4', 'descr': '<f4'", "False", "(1,)", "second header key"},
      {"'<f4', 'extra': 1", "False", "(1,)", "unknown header key \"extra\""},
      {"'<f4", "False", "(1,)", "expected"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    files_refused(
        files_npy("r.npy", cases[i].descr, cases[i].fortran, cases[i].shape, "\0\0\0\0\0\0\0\0", 8),
        STATUS_INPUT, cases[i].fragment);
}

/* Standard input is a pipe that holds what a file would. */
static void with_stdin(const void *bytes, size_t size, void (*check)(void))
{
  int ends[2], saved = dup(STDIN_FILENO);
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], bytes, size), size);
  close(ends[1]);
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  check();
  dup2(saved, STDIN_FILENO);
  close(saved);
}

static void check_pipe(void)
{
  check_values("-", (float[]){1, 2, 3}, 3);
}

static void check_short_pipe(void)
{
  files_refused("-", STATUS_INPUT, "standard input: data ends early");
}

static void check_empty_pipe(void)
{
  files_refused("-", STATUS_INPUT, "standard input: is empty");
}

static void test_standard_input(void **state)
{
  (void)state;
  const float data[] = {1, 2, 3};
  unsigned char bytes[512];
  FILE *file = fopen(files_npy("p.npy", "'<f4'", "False", "(3,)", data, sizeof data), "rb");
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  with_stdin(bytes, size, check_pipe);
  with_stdin(bytes, size - 1, check_short_pipe);
  with_stdin(bytes, 0, check_empty_pipe);
}

static void refused_on_stdin(const char *path, const char *fragment)
{
  int saved = dup(STDIN_FILENO), file = open(path, O_RDONLY);
  assert_true(file >= 0);
  dup2(file, STDIN_FILENO);
  close(file);
  files_refused("-", STATUS_INPUT, fragment);
  dup2(saved, STDIN_FILENO);
  close(saved);
}

/* What arrives is kept, not what is promised: terabytes cost nothing. */
static void test_lies_on_standard_input(void **state)
{
  (void)state;
  refused_on_stdin(files_data("bad", "npy-shape-2e40-elements.npy"),
                   "standard input: data ends early: 1099511627776 of f32");
  refused_on_stdin(files_data("bad", "npy-header-length-4gb.npy"), "header of 4294967295 bytes");
  refused_on_stdin(files_data("bad", "npy-magic-only.npy"), "ends inside its prefix");
  refused_on_stdin("/dev/zero",
                   "standard input: unknown type of file, first bytes 00 00"); /* endless */
}

/* Grows over several steps. */
static void test_large_on_standard_input(void **state)
{
  (void)state;
  enum { COUNT = 300000 };
  uint16_t *values = malloc(2 * COUNT);
  for (size_t i = 0; i < COUNT; i++)
    values[i] = (uint16_t)i;
  const char *path = files_npy("l.npy", "'<u2'", "False", "(300000,)", values, 2 * COUNT);
  int saved = dup(STDIN_FILENO), file = open(path, O_RDONLY);
  dup2(file, STDIN_FILENO);
  close(file);
  struct source *source = files_open("-");
  float *found = files_values(source, 0);
  for (size_t i = 0; i < COUNT; i++)
    assert_true(found[i] == (float)values[i]);
  dup2(saved, STDIN_FILENO);
  close(saved);
  free(found);
  free(values);
  source_close(source);
}

/* Real files: what their README says of them. */
static void test_samples(void **state)
{
  (void)state;
  const char *path = files_sample("npy/longformer-l0-attn-norm-bias.npy");
  if (!path)
    skip();
  struct source *source = files_open(path);
  assert_string_equal(source_tensor(source, 0)->name, "longformer-l0-attn-norm-bias");
  assert_string_equal(source_tensor(source, 0)->stored->name, "f16");
  assert_int_equal(source_tensor(source, 0)->count, 768);
  float *values = files_values(source, 0);
  assert_true(fabsf(fabsf(values[588]) - 1.89f) < 0.01f);
  for (size_t i = 0; i < 768; i++)
    assert_true(fabsf(values[i]) <= fabsf(values[588]));
  free(values);
  source_close(source);
}

/* Column 588 has the largest magnitude of all columns, 5.2 times the median one. */
static int by_value(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

static void test_sample_outlier_column(void **state)
{
  (void)state;
  const char *path = files_sample("npy/longformer-l0-attn-output.npy");
  if (!path)
    skip();
  struct source *source = files_open(path);
  const struct tensor *tensor = source_tensor(source, 0);
  assert_int_equal(tensor->shape.dims, 2);
  assert_int_equal(tensor->shape.dim[0], 768);
  assert_int_equal(tensor->shape.dim[1], 768);
  float *values = files_values(source, 0), largest[768] = {0};
  for (size_t i = 0; i < 768 * 768; i++)
    largest[i % 768] = fmaxf(largest[i % 768], fabsf(values[i]));
  float outlier = largest[588];
  qsort(largest, 768, sizeof *largest, by_value);
  assert_true(outlier == largest[767]);
  assert_true(fabsf(outlier / largest[384] - 5.2f) < 0.05f);
  free(values);
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_types),
      cmocka_unit_test(test_bool),
      cmocka_unit_test(test_complex),
      cmocka_unit_test(test_fortran_order),
      cmocka_unit_test(test_any_stretch),
      cmocka_unit_test(test_direct_only_when_it_can_be),
      cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_header_forms),
      cmocka_unit_test(test_bytes_after_the_data),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_standard_input),
      cmocka_unit_test(test_lies_on_standard_input),
      cmocka_unit_test(test_large_on_standard_input),
      cmocka_unit_test(test_samples),
      cmocka_unit_test(test_sample_outlier_column),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
