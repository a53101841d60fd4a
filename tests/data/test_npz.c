/* .npz archives: the project's own small files, damaged ones, and real ones. */
#include "tests/data/files.h"

#include "data/map_range.h"
#include "data/spill.h"
#include "quant/base/size.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

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
  assert_null(source_tensor(source, index)->data); /* inflated when asked for, not before */
  float *values = files_values(source, index);
  assert_memory_equal(values, expected, count * sizeof *values);
  free(values);
  const unsigned char *kept = source_tensor(source, index)->data;
  assert_int_equal(source_load(source, index, NULL, NULL), STATUS_OK);
  assert_ptr_equal(source_tensor(source, index)->data, kept);
}

static const float matrix[] = {1, -2, 3, -4, 5, -6};

static void test_deflated(void **state)
{
  (void)state;
  static const float zeros[64 * 64];
  struct source *source = files_open(files_data("good", "npz-deflated.npz"));
  assert_string_equal(source_type_name(source), "npz");
  assert_int_equal(source_count(source), 4);
  check_values(source, "layer/weight", matrix, 6);
  check_values(source, "order", (const float[]){0, 1, 2, 3, 4, 5}, 6); /* Fortran, big-endian */
  check_values(source, "zeros", zeros, 64 * 64);
  check_values(source, "scalar", (const float[]){0.5f}, 1);
  assert_int_equal(source_verify(source, NULL), STATUS_OK);
  source_close(source);
}

/* Members that are no .npy are passed over; an array may be empty, and so may an archive. */
static void test_stored(void **state)
{
  (void)state;
  struct source *source = files_open(files_data("good", "npz-stored.npz"));
  assert_int_equal(source_count(source), 3);
  check_values(source, "a", matrix, 6);
  check_values(source, "b", (const float[]){1, 0}, 2);
  free(files_values(source, place_of(source, "none")));
  source_close(source);
  source = files_open(files_data("good", "npz-no-arrays.npz"));
  assert_int_equal(source_count(source), 0);
  source_close(source);
}

/* --- damage that shows when the values are read -------------------------------------- */

/* The stored member "a" of good/npz-stored.npz with one byte of its values changed. */
static void test_checksum(void **state)
{
  (void)state;
  unsigned char bytes[2048];
  FILE *file = fopen(files_data("good", "npz-stored.npz"), "rb");
  assert_non_null(file);
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  struct error error = {0};
  bytes[30 + strlen("a.npy") + 128 + 4] ^= 1;
  struct source *source = files_open(files_write("damaged.npz", bytes, size));
  assert_int_equal(source_load(source, place_of(source, "a"), NULL, &error), STATUS_INPUT);
  assert_non_null(strstr(error.text, "CRC"));
  assert_int_equal(source_load(source, place_of(source, "b"), NULL, NULL), STATUS_OK);
  source_close(source);
}

static void test_progress(void **state)
{
  (void)state;
  struct progress progress = {0};
  struct source *source = files_open(files_data("good", "npz-deflated.npz"));
  progress_cancel(&progress);
  assert_int_equal(source_load(source, 0, &progress, NULL), STATUS_CANCELLED);
  assert_null(source_tensor(source, 0)->data);
  check_values(source, "layer/weight", matrix, 6); /* and again, not cancelled */
  progress = (struct progress){0};
  assert_int_equal(source_load(source, 2, &progress, NULL), STATUS_OK);
  assert_int_equal(progress.done, 64 * 64);
  assert_int_equal(progress.total, 64 * 64);
  source_close(source);
}

/* --- an archive larger than any memory ----------------------------------------------- */

struct writer {
  unsigned char bytes[512];
  size_t size;
};

static void put(struct writer *to, uint64_t value, size_t size)
{
  for (size_t i = 0; i < size; i++, value >>= 8)
    to->bytes[to->size++] = (unsigned char)(value & 255);
}

static void put_text(struct writer *to, const char *text, size_t size)
{
  memcpy(to->bytes + to->size, text, size);
  to->size += size;
}

/* The fields that the local and the central header share, then what ZIP64 adds. */
static void put_member(struct writer *to, bool central, uint64_t size)
{
  put(to, central ? 0x02014b50 : 0x04034b50, 4);
  put(to, 45, central ? 2 : 0);
  put(to, 45, 2);
  put(to, 0, 2 + 2 + 2 + 2 + 4); /* flags, stored, time, date, checksum */
  put(to, UINT32_MAX, 4);
  put(to, UINT32_MAX, 4);
  put(to, 5, 2);
  put(to, 20, 2);
  put(to, 0, central ? 2 + 2 + 2 + 4 + 4 : 0);
  put_text(to, "x.npy", 5);
  put(to, 1, 2);
  put(to, 16, 2);
  put(to, size, 8);
  put(to, size, 8);
}

static void put_end(struct writer *to, uint64_t start, uint64_t size)
{
  put(to, 0x06064b50, 4);
  put(to, 44, 8);
  put(to, 45, 2);
  put(to, 45, 2);
  put(to, 0, 4 + 4);
  put(to, 1, 8);
  put(to, 1, 8);
  put(to, size, 8);
  put(to, start, 8);
  put(to, 0x07064b50, 4);
  put(to, 0, 4);
  put(to, start + size, 8);
  put(to, 1, 4);
  put(to, 0x06054b50, 4);
  put(to, 0, 4);
  put(to, UINT16_MAX, 2);
  put(to, UINT16_MAX, 2);
  put(to, UINT32_MAX, 4);
  put(to, UINT32_MAX, 4);
  put(to, 0, 2);
}

/* One stored array of VALUES bytes, 7, a hole in the file, and 9; NULL where the file system
 * or the address space has no room for it. */
static const char *sparse_archive(uint64_t values)
{
  struct writer head = {0}, tail = {0};
  char text[128];
  put_member(&head, false, values + 128);
  snprintf(text, sizeof text, "{'descr': '|u1', 'fortran_order': False, 'shape': (%ju,), }",
           (uintmax_t)values);
  put_text(&head, "\x93NUMPY\1\0\x76\0", 10);
  head.size += (size_t)snprintf((char *)head.bytes + head.size, 119, "%-117s\n", text);
  uint64_t start = head.size + values;
  put_member(&tail, true, values + 128);
  put_end(&tail, start, tail.size);
  const char *path = files_write("sparse.npz", head.bytes, head.size);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  assert_true(file >= 0);
  bool written = pwrite(file, tail.bytes, tail.size, (off_t)start) == (ssize_t)tail.size &&
                 pwrite(file, "\x09", 1, (off_t)start - 1) == 1 &&
                 pwrite(file, "\x07", 1, (off_t)head.size) == 1;
  close(file);
  return written ? path : NULL;
}

/* Read where it lies, not unpacked. */
static void test_larger_than_memory(void **state)
{
  (void)state;
  static float scratch[FEED_BLOCK];
  struct error error = {0};
  struct source *source = NULL;
  const uint64_t values = (uint64_t)1 << 43;
  const char *path = sparse_archive(values);
  if (!path || source_open(path, &source, &error) == STATUS_MEMORY)
    skip();
  assert_string_equal(error.text, "");
  assert_int_equal(source_tensor(source, 0)->bytes, values);
  assert_int_equal(source_load(source, 0, NULL, &error), STATUS_OK);
  struct feed feed = tensor_feed(source_tensor(source, 0));
  assert_true(feed_block(&feed, 0, 1, scratch)[0] == 7);
  assert_true(feed_block(&feed, values / 2, 1, scratch)[0] == 0);
  assert_true(feed_block(&feed, values - 1, 1, scratch)[0] == 9);
  source_close(source);
}

/* --- an array that is unpacked into a temporary file ---------------------------------- */

enum { SPILLED = SPILL_FROM / sizeof(float) + 1000 };

static const char *deflated_archive(const float *values)
{
  static char path[512];
  char head[128];
  snprintf(path, sizeof path, "%s/spilled.npz", files_folder());
  unsigned char *bytes = mem_array(128 + (size_t)SPILLED * sizeof *values, 1);
  assert_non_null(bytes);
  int used = snprintf(head, sizeof head,
                      "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }", SPILLED);
  memcpy(bytes, "\x93NUMPY\1\0\x76\0", 10);
  memset(bytes + 10, ' ', 117);
  memcpy(bytes + 10, head, (size_t)used);
  bytes[127] = '\n';
  memcpy(bytes + 128, values, (size_t)SPILLED * sizeof *values);
  zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
  assert_non_null(zip);
  zip_source_t *from = zip_source_buffer(zip, bytes, 128 + (size_t)SPILLED * sizeof *values, 0);
  zip_int64_t index = zip_file_add(zip, "a.npy", from, 0);
  assert_true(index >= 0);
  zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_DEFLATE, 1);
  assert_int_equal(zip_close(zip), 0);
  free(bytes);
  return path;
}

static void test_temporary_file(void **state)
{
  (void)state;
  struct error error = {0};
  char before[512] = "";
  if (getenv("TMPDIR"))
    snprintf(before, sizeof before, "%s", getenv("TMPDIR"));
  float *expected = mem_array(SPILLED, sizeof *expected);
  assert_non_null(expected);
  for (size_t i = 0; i < SPILLED; i++)
    expected[i] = (float)(i / 1000);
  struct source *source = files_open(deflated_archive(expected));
  setenv("TMPDIR", "/nonexistent", 1);
  assert_int_equal(source_load(source, 0, NULL, &error), STATUS_MEMORY);
  assert_non_null(strstr(error.text, "a temporary file in /nonexistent"));
  setenv("TMPDIR", files_folder(), 1);
  float *values = files_values(source, 0);
  assert_memory_equal(values, expected, SPILLED * sizeof *values);
  free(values);
  map_let_go(); /* what was written is in the file */
  values = files_values(source, 0);
  assert_memory_equal(values, expected, SPILLED * sizeof *values);
  free(values);
  free(expected);
  source_close(source);
  if (*before)
    setenv("TMPDIR", before, 1);
  else
    unsetenv("TMPDIR");
  files_clear(); /* and the folder can be removed: nothing else is in it */
}

/* --- real files ---------------------------------------------------------------------- */

/* Sums in double precision and last values, by NumPy. */
static void test_samples(void **state)
{
  (void)state;
  static const struct {
    const char *file, *name, *stored, *shape;
    double sum, last;
  } rows[] = {
      {"npz/waifu2x-vgg7.npz", "conv2/W", "f32", "32x32x3x3", -28.743407544818638,
       0.11671926826238632},
      {"npz/waifu2x-vgg7.npz", "conv7/b", "f32", "3", 0.17743870615959167, 0.0647880956530571},
      {"npz/whisper-mel-filters.npz", "mel_80", "f32", "80x201", 1.999024092387117, 0},
      {"npz/wakeword-calibration.npz", "specs", "f64", "45x30x1x40", 16883.896003842354,
       0.7575094699859619},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *path = files_sample(rows[i].file);
    if (!path)
      skip();
    struct source *source = files_open(path);
    const struct tensor *tensor = source_tensor(source, place_of(source, rows[i].name));
    float *values = files_values(source, place_of(source, rows[i].name));
    char shape[100];
    double sum = 0;
    for (size_t j = 0; j < tensor->count; j++)
      sum += (double)values[j];
    assert_string_equal(tensor->stored->name, rows[i].stored);
    assert_string_equal(shape_print(&tensor->shape, shape, sizeof shape), rows[i].shape);
    assert_true(fabs(sum - rows[i].sum) < 1e-9 * fabs(rows[i].sum));
    assert_true(values[tensor->count - 1] == (float)rows[i].last);
    free(values);
    source_close(source);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_deflated),
      cmocka_unit_test(test_stored),
      cmocka_unit_test(test_checksum),
      cmocka_unit_test(test_progress),
      cmocka_unit_test(test_larger_than_memory),
      cmocka_unit_test(test_temporary_file),
      cmocka_unit_test(test_samples),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
