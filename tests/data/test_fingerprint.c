/* Whether a file is the one that it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/fingerprint.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LENGTH = 20000 };

static void put(const char *name, size_t length, size_t changed, long time)
{
  static unsigned char bytes[LENGTH];
  FILE *file = fopen(name, "wb");
  assert_non_null(file);
  memset(bytes, 7, sizeof bytes);
  if (changed < sizeof bytes)
    bytes[changed] = 8;
  assert_int_equal(fwrite(bytes, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
  const struct timespec times[2] = {{.tv_sec = time, .tv_nsec = 5}, {.tv_sec = time, .tv_nsec = 5}};
  assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
}

static bool same(const char *spec, const struct fingerprint *before)
{
  struct fingerprint now;
  assert_true(fingerprint_take(spec, &now));
  return fingerprint_equal(&now, before);
}

/* Size, time, and the bytes at both ends count. */
static void test_file(void **state)
{
  (void)state;
  struct fingerprint before;
  put("a.bin", LENGTH, LENGTH, 100);
  assert_true(fingerprint_take("a.bin", &before));
  assert_int_equal(before.bytes, LENGTH);
  assert_true(before.time == UINT64_C(100000000005));
  assert_true(same("./a.bin", &before));
  put("a.bin", LENGTH, LENGTH, 101);
  assert_false(same("a.bin", &before));
  put("a.bin", LENGTH - 1, LENGTH, 100);
  assert_false(same("a.bin", &before));
  put("a.bin", LENGTH, 17, 100);
  assert_false(same("a.bin", &before));
  put("a.bin", LENGTH, LENGTH - 1, 100);
  assert_false(same("a.bin", &before));
  put("a.bin", LENGTH, LENGTH, 100);
  assert_true(same("a.bin", &before));
  put("empty", 0, LENGTH, 100);
  assert_true(fingerprint_take("empty", &before));
  assert_true(before.hash == UINT64_C(0xef46db3751d8e999)); /* XXH64 of nothing */
  assert_false(fingerprint_take("missing", &before));
}

/* A folder is its files; an index of shards is the folder that it lies in. */
static void test_folder(void **state)
{
  (void)state;
  struct fingerprint before, index;
  assert_int_equal(mkdir("model", 0700), 0);
  assert_false(fingerprint_take("model", &before));
  put("model/one", 100, LENGTH, 100);
  put("model/two", 5000, LENGTH, 200);
  put("model/m.index.json", 10, LENGTH, 50);
  assert_true(fingerprint_take("model", &before));
  assert_int_equal(before.bytes, 5110);
  assert_true(before.time == UINT64_C(200000000005));
  assert_true(fingerprint_take("model/m.index.json", &index));
  assert_true(fingerprint_equal(&before, &index));
  put("model/one", 100, 99, 100);
  assert_false(same("model", &before));
}

/* Which part of what names a source names a file. */
static void test_spec(void **state)
{
  (void)state;
  static const struct {
    const char *spec, *file;
  } rows[] = {{"a.npy", "a.npy"},
              {"/x/a,b.npy", "/x/a,b.npy"},
              {"raw:a.bin,dtype=f4", "a.bin"},
              {"synth:gaussian", NULL},
              {"synth:", NULL},
              {"-", NULL},
              {"raw:-,dtype=f4", NULL},
              {"", NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t length;
    const char *file = spec_file(rows[i].spec, &length);
    if (!rows[i].file) {
      assert_null(file);
      continue;
    }
    assert_non_null(file);
    assert_int_equal(length, strlen(rows[i].file));
    assert_memory_equal(file, rows[i].file, length);
  }
}

static void test_text(void **state)
{
  (void)state;
  const struct fingerprint some = {UINT64_MAX, 12, UINT64_C(0x00ff00ff00ff00ff)};
  struct fingerprint read;
  char text[FINGERPRINT_TEXT + 8];
  size_t length;
  fingerprint_print(&some, text);
  strcat(text, " rest");
  assert_true(fingerprint_scan(text, &read, &length));
  assert_true(fingerprint_equal(&some, &read));
  assert_string_equal(text + length, " rest");
  static const char *const wrong[] = {"", "1", "1 2", "x 2 3", "-"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_false(fingerprint_scan(wrong[i], &read, &length));
}

static char folder[] = "/tmp/qscope-fingerprint-XXXXXX";

static int enter(void **state)
{
  (void)state;
  return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
  (void)state;
  static const char *const files[] = {"a.bin", "empty", "model/one", "model/two",
                                      "model/m.index.json"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    unlink(files[i]);
  rmdir("model");
  return chdir("/") == 0 ? rmdir(folder) : -1;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_file),
      cmocka_unit_test(test_folder),
      cmocka_unit_test(test_spec),
      cmocka_unit_test(test_text),
  };
  return cmocka_run_group_tests_name("fingerprint", tests, enter, leave);
}
