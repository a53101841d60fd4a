/* HDF5 and MATLAB files: written here by the libraries where the build has them; where it has not,
 * the files of tests/data/optional (written by this test, too) are refused by name of the library.
 */
#include "config.h"

#include "quant/base/library.h"
#include "tests/data/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_HDF5
#define H5_USE_110_API
#include <hdf5.h>
#endif
#ifdef HAVE_MATIO
#include <matio.h>
#endif

#if defined HAVE_HDF5 || defined HAVE_MATIO
enum { ROWS = 3, COLUMNS = 4, ALL = ROWS * COLUMNS };

/* Tensor NAME has SHAPE, the stored type and the values START, START + STEP, ... in C order. */
static void check(struct source *source, const char *name, const char *stored, const char *shape,
                  float start, float step)
{
  size_t index;
  char text[100];
  struct error error = {0};
  if (source_find(source, name, &index, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  const struct tensor *tensor = source_tensor(source, index);
  assert_string_equal(tensor->stored->name, stored);
  assert_string_equal(shape_print(&tensor->shape, text, sizeof text), shape);
  float *values = files_values(source, index);
  for (size_t i = 0; i < tensor->count; i++)
    assert_true(values[i] == start + step * (float)i);
  free(values);
}
#endif

#ifdef HAVE_HDF5
static const float floats[ALL] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static void put(hid_t file, const char *name, hid_t type, hid_t plist, int dims)
{
  hid_t space = H5Screate_simple(dims, (const hsize_t[]){ROWS, COLUMNS}, NULL);
  hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
  assert_true(set >= 0);
  assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, floats) >= 0);
  H5Dclose(set);
  H5Sclose(space);
}

static void put_attribute(hid_t file, const char *name, const char *value)
{
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(value));
  hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(attribute, type, value) >= 0);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

/* Half precision, as h5py writes it: of five and ten bits. */
static hid_t half_type(void)
{
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_ebias(type, 15);
  H5Tset_precision(type, 16);
  H5Tset_size(type, 2);
  return type;
}

/* Chunks of 2 by 3, deflated. */
static hid_t deflated(void)
{
  hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(plist, 2, (const hsize_t[]){2, 3});
  H5Pset_deflate(plist, 9);
  return plist;
}

/* Pairs of floats, as h5py writes complex numbers. */
static void put_complex(hid_t file, const char *name, hid_t half, hid_t plist)
{
  float pairs[2 * ALL];
  for (size_t i = 0; i < 2 * ALL; i++)
    pairs[i] = (float)(i / 2) + (i % 2 ? 100 : 0);
  hid_t type = H5Tcreate(H5T_COMPOUND, 2 * H5Tget_size(half));
  hid_t memory = H5Tcreate(H5T_COMPOUND, 2 * sizeof(float));
  H5Tinsert(type, "r", 0, half);
  H5Tinsert(type, "i", H5Tget_size(half), half);
  H5Tinsert(memory, "r", 0, H5T_NATIVE_FLOAT);
  H5Tinsert(memory, "i", sizeof(float), H5T_NATIVE_FLOAT);
  hid_t space = H5Screate_simple(2, (const hsize_t[]){ROWS, COLUMNS}, NULL);
  hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
  assert_true(set >= 0);
  assert_true(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, pairs) >= 0);
  H5Dclose(set);
  H5Sclose(space);
  H5Tclose(memory);
  H5Tclose(type);
}

static const char *write_hdf5(const char *name)
{
  const char *path = files_write(name, "", 0);
  hid_t plist = deflated(), outside = H5Pcreate(H5P_DATASET_CREATE), half = half_type();
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(file >= 0);
  H5Gclose(H5Gcreate2(file, "dense", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Gclose(H5Gcreate2(file, "dense/inner", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  put(file, "dense/inner/kernel:0", H5T_IEEE_F32LE, H5P_DEFAULT, 2);
  put(file, "dense/inner/bias:0", H5T_IEEE_F64BE, H5P_DEFAULT, 1);
  put(file, "packed", H5T_IEEE_F32BE, plist, 2);
  put(file, "half", half, H5P_DEFAULT, 2);
  put(file, "bytes", H5T_STD_I8LE, H5P_DEFAULT, 2);
  put(file, "words", H5T_STD_U16BE, plist, 2);
  H5Pset_external(outside, "qscope-test-outside.raw", 0, H5F_UNLIMITED);
  hid_t space = H5Screate_simple(1, (const hsize_t[]){ROWS}, NULL);
  H5Dclose(H5Dcreate2(file, "outside", H5T_IEEE_F32LE, space, H5P_DEFAULT, outside, H5P_DEFAULT));
  H5Sclose(space);
  H5Lcreate_hard(file, "/", file, "dense/inner/cycle", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/nowhere", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("../../other.h5", "/x", file, "far", H5P_DEFAULT, H5P_DEFAULT);
  put_attribute(file, "keras_version", "2.4.0");
  H5Tclose(half);
  H5Pclose(plist);
  H5Pclose(outside);
  H5Fclose(file);
  return path;
}

static void check_hdf5(const char *path)
{
  struct source *source = files_open(path);
  assert_string_equal(source_type_name(source), "hdf5");
  assert_int_equal(source_count(source), 6);
  check(source, "dense/inner/kernel:0", "f32", "3x4", 0, 1);
  check(source, "dense/inner/bias:0", "f64", "3", 0, 1);
  check(source, "packed", "f32", "3x4", 0, 1);
  check(source, "half", "f16", "3x4", 0, 1);
  check(source, "bytes", "i8", "3x4", 0, 1);
  check(source, "words", "u16", "3x4", 0, 1);
  assert_string_equal(source_note(source), "skipped: 1 dataset whose values lie elsewhere, 1 link "
                                           "into another file, 1 soft link");
  assert_int_equal(source_metadata_count(source), 1);
  assert_string_equal(source_metadatum(source, 0)->key, "keras_version");
  assert_string_equal(source_metadatum(source, 0)->value, "2.4.0");
  source_close(source);
}

static void test_hdf5(void **state)
{
  (void)state;
  check_hdf5(write_hdf5("a.h5"));
  check_hdf5(files_data("optional", "keras.h5"));
}

static const char *write_complex(const char *name)
{
  const char *path = files_write(name, "", 0);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), plist = deflated();
  put_complex(file, "plain", H5T_IEEE_F32LE, H5P_DEFAULT);
  put_complex(file, "turned", H5T_IEEE_F64BE, H5P_DEFAULT);
  put_complex(file, "packed", H5T_IEEE_F32LE, plist);
  H5Pclose(plist);
  H5Fclose(file);
  return path;
}

static void test_hdf5_complex(void **state)
{
  (void)state;
  struct source *source = files_open(write_complex("z.h5"));
  assert_int_equal(source_count(source), 9);
  check(source, "plain.real", "f32", "3x4", 0, 1);
  check(source, "plain.imag", "f32", "3x4", 100, 1);
  check(source, "turned.real", "f64", "3x4", 0, 1);
  check(source, "turned.imag", "f64", "3x4", 100, 1);
  check(source, "packed.real", "f32", "3x4", 0, 1);
  check(source, "packed.imag", "f32", "3x4", 100, 1);
  source_close(source);
}

static void test_hdf5_damaged(void **state)
{
  (void)state;
  files_refused(files_write("b.h5", "\x89HDF\r\n\x1a\n", 8), STATUS_INPUT,
                "b.h5: not a whole HDF5 file");
}

/* Chunks that a file claims and never wrote: no memory for them. */
static void test_hdf5_claims(void **state)
{
  (void)state;
  char path[600];
  snprintf(path, sizeof path, "%s", files_write("c.h5", "", 0));
  hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t space = H5Screate_simple(1, (const hsize_t[]){(hsize_t)1 << 45}, NULL);
  H5Pset_chunk(plist, 1, (const hsize_t[]){1024});
  H5Dclose(H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, plist, H5P_DEFAULT));
  H5Sclose(space);
  H5Pclose(plist);
  H5Fclose(file);
  struct source *source = files_open(path);
  struct error error = {0};
  assert_int_equal(source_load(source, 0, NULL, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "claims 140737488355328 bytes, which a file of"));
  source_close(source);
}
#else
static void test_hdf5(void **state)
{
  (void)state;
  files_refused(files_data("optional", "keras.h5"), STATUS_INPUT, "it needs libhdf5");
}
#endif

#ifdef HAVE_MATIO
static void put_variable(mat_t *file, const char *name, enum matio_classes class,
                         enum matio_types type, void *data, int flags,
                         enum matio_compression compression)
{
  matvar_t *variable = Mat_VarCreate(name, class, type, 2, (size_t[]){ROWS, COLUMNS}, data, flags);
  assert_non_null(variable);
  assert_int_equal(Mat_VarWrite(file, variable, compression), 0);
  Mat_VarFree(variable);
}

/* 3 x 4 doubles from START on, in C order. */
static matvar_t *matrix(const char *name, double start)
{
  double values[ALL];
  for (int i = 0; i < ALL; i++)
    values[i] = start + (i % ROWS) * COLUMNS + (i / ROWS);
  return Mat_VarCreate(name, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, (size_t[]){ROWS, COLUMNS}, values, 0);
}

/* s.a and s.b; t(1).a and t(2).a; c{1} a matrix, c{2} a struct with a field x, c{3} text. */
static const char *write_nested(const char *name, enum matio_compression compression)
{
  static const char *const both[] = {"a", "b"}, *const one[] = {"a"}, *const deep[] = {"x"};
  const char *path = files_write(name, "", 0);
  mat_t *file = Mat_CreateVer(path, "MATLAB 5.0 MAT-file, of a test", MAT_FT_MAT5);
  matvar_t *s = Mat_VarCreateStruct("s", 2, (size_t[]){1, 1}, (const char **)(uintptr_t)both, 2);
  matvar_t *t = Mat_VarCreateStruct("t", 2, (size_t[]){1, 2}, (const char **)(uintptr_t)one, 1);
  matvar_t *x = Mat_VarCreateStruct(NULL, 2, (size_t[]){1, 1}, (const char **)(uintptr_t)deep, 1);
  matvar_t *c = Mat_VarCreate("c", MAT_C_CELL, MAT_T_CELL, 2, (size_t[]){1, 3}, NULL, 0);
  assert_non_null(s);
  Mat_VarSetStructFieldByName(s, "a", 0, matrix(NULL, 10));
  Mat_VarSetStructFieldByName(s, "b", 0, matrix(NULL, 20));
  Mat_VarSetStructFieldByName(t, "a", 0, matrix(NULL, 30));
  Mat_VarSetStructFieldByName(t, "a", 1, matrix(NULL, 40));
  Mat_VarSetStructFieldByName(x, "x", 0, matrix(NULL, 60));
  char text[] = "abc";
  Mat_VarSetCell(c, 0, matrix(NULL, 50));
  Mat_VarSetCell(c, 1, x);
  Mat_VarSetCell(c, 2, Mat_VarCreate(NULL, MAT_C_CHAR, MAT_T_UINT8, 2, (size_t[]){1, 3}, text, 0));
  matvar_t *all[] = {s, t, c};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(Mat_VarWrite(file, all[i], compression), 0);
    Mat_VarFree(all[i]);
  }
  Mat_Close(file);
  return path;
}

static void test_nested(void **state)
{
  (void)state;
  for (int packed = 0; packed < 2; packed++) {
    struct source *source =
        files_open(write_nested("n.mat", packed ? MAT_COMPRESSION_ZLIB : MAT_COMPRESSION_NONE));
    assert_int_equal(source_count(source), 6);
    check(source, "c.1.x", "f64", "3x4", 60, 1); /* the last one first: places, not an order */
    check(source, "s.a", "f64", "3x4", 10, 1);
    check(source, "s.b", "f64", "3x4", 20, 1);
    check(source, "t.0.a", "f64", "3x4", 30, 1);
    check(source, "t.1.a", "f64", "3x4", 40, 1);
    check(source, "c.0", "f64", "3x4", 50, 1);
    assert_string_equal(source_note(source), "skipped: 1 variable of text");
    source_close(source);
  }
}

/* In MATLAB's order, the first axis fastest, so that C order counts from 0. */
static const char *write_matlab(const char *name)
{
  double doubles[ALL], behind[ALL];
  float singles[ALL];
  int16_t words[ALL];
  char text[ALL + 1] = "abcdefghijkl";
  for (int i = 0; i < ALL; i++) {
    doubles[i] = (i % ROWS) * COLUMNS + (i / ROWS);
    behind[i] = doubles[i] + 1;
    singles[i] = (float)doubles[i] / 2;
    words[i] = (int16_t)(doubles[i] - 5);
  }
  const char *path = files_write(name, "", 0);
  mat_t *file = Mat_CreateVer(path, "MATLAB 5.0 MAT-file, of a test", MAT_FT_MAT5);
  assert_non_null(file);
  put_variable(file, "doubles", MAT_C_DOUBLE, MAT_T_DOUBLE, doubles, 0, MAT_COMPRESSION_NONE);
  put_variable(file, "packed", MAT_C_SINGLE, MAT_T_SINGLE, singles, 0, MAT_COMPRESSION_ZLIB);
  put_variable(file, "words", MAT_C_INT16, MAT_T_INT16, words, 0, MAT_COMPRESSION_ZLIB);
  put_variable(file, "text", MAT_C_CHAR, MAT_T_UINT8, text, 0, MAT_COMPRESSION_NONE);
  mat_complex_split_t split = {doubles, behind};
  put_variable(file, "complex", MAT_C_DOUBLE, MAT_T_DOUBLE, &split, MAT_F_COMPLEX,
               MAT_COMPRESSION_NONE);
  Mat_Close(file);
  return path;
}

static void check_matlab(const char *path, float imaginary)
{
  struct source *source = files_open(path);
  struct error error = {0};
  size_t index;
  assert_string_equal(source_type_name(source), "matlab");
  assert_int_equal(source_count(source), 6);
  check(source, "doubles", "f64", "3x4", 0, 1);
  check(source, "packed", "f32", "3x4", 0, 0.5F);
  check(source, "words", "i16", "3x4", -5, 1);
  assert_int_equal(source_find(source, "complex", &index, &error), STATUS_OK);
  assert_int_equal(source_load(source, index, NULL, &error), STATUS_INPUT);
  check(source, "complex.real", "f64", "3x4", 0, 1);
  check(source, "complex.imag", "f64", "3x4", imaginary, imaginary > 0 ? 1 : 0);
  assert_string_equal(source_note(source), "skipped: 1 variable of text");
  source_close(source);
}

static void test_matlab(void **state)
{
  (void)state;
  check_matlab(write_matlab("a.mat"), 1);
  check_matlab(files_data("optional", "matlab-5.mat"), 0);
}
#else
static void test_matlab(void **state)
{
  (void)state;
  files_refused(files_data("optional", "matlab-5.mat"), STATUS_INPUT, "it needs libmatio");
}
#endif

/* The program itself is a library that is always there. */
static void test_loading(void **state)
{
  static const char *const names[] = {"malloc", "no_such_call"};
  void *calls[2] = {NULL, NULL};
  struct library library = {"libthis", NULL, "this", names, 1, calls, NULL};
  struct error error = {0};
  (void)state;
  assert_int_equal(library_load(&library, &error), STATUS_OK);
  assert_non_null(calls[0]);
  assert_int_equal(library_load(&library, &error), STATUS_OK);

  struct library older = {"libthis", NULL, "this", names, 2, calls, NULL};
  assert_int_equal(library_load(&older, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "needs libthis (package this)"));
  assert_non_null(strstr(error.text, "no_such_call"));
  assert_null(older.handle);

  struct library missing = {"libnone", "libnone.so.99", "none", names, 1, calls, NULL};
  assert_int_equal(library_load(&missing, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "cannot be loaded: libnone.so.99"));
}

#if defined HAVE_HDF5 && defined HAVE_MATIO
static bool copy(const char *path, const char *folder, const char *name)
{
  char command[1500];
  snprintf(command, sizeof command, "cp '%s' '%s/%s'", path, folder, name);
  return system(command) == 0;
}
#endif

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_loading),      cmocka_unit_test(test_hdf5),
#ifdef HAVE_HDF5
      cmocka_unit_test(test_hdf5_damaged), cmocka_unit_test(test_hdf5_claims),
      cmocka_unit_test(test_hdf5_complex),
#endif
      cmocka_unit_test(test_matlab),
#ifdef HAVE_MATIO
      cmocka_unit_test(test_nested),
#endif
  };
#if defined HAVE_HDF5 && defined HAVE_MATIO
  /* The two files of tests/data/optional, and seeds of tests/fuzz/corpus. */
  const char *keep = getenv("QSCOPE_TEST_WRITE");
  bool kept = !keep || (copy(write_hdf5("a.h5"), keep, "keras.h5") &&
                        copy(write_matlab("a.mat"), keep, "matlab-5.mat") &&
                        copy(write_complex("z.h5"), keep, "complex.h5") &&
                        copy(write_nested("n.mat", MAT_COMPRESSION_NONE), keep, "nested.mat") &&
                        copy(write_nested("m.mat", MAT_COMPRESSION_ZLIB), keep, "packed.mat"));
  if (!kept)
    return 1;
#endif
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
