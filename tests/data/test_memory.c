/* How much memory the program shows at its peak, which must not grow with the size of the tensors:
 * sparse files of 100 GB are listed, one of 600 MB is measured. Limits of memory, not of time; the
 * child's own peak, as the system tells it, and limits that the system holds. Not under the
 * sanitizers, which need memory of their own. */
#include "config.h"

#include "tests/data/files.h"

#include "quant/base/size.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { MEGABYTE = 1 << 20, WORDS = 8, TEXT = 1 << 16, MANY = 1000000, EACH = 256 };
static const size_t hundred_gigabytes = (size_t)100 << 30;

/* Runs the program with WORDS; *peak: bytes that were resident at most. The beginning of what it
 * printed, on either output, is in `printed`. */
static char printed[TEXT];

/* Bytes; 0: no limit. */
struct limits {
  rlim_t address_space, data;
};

static void set_limits(const struct limits *limits)
{
  const struct rlimit space = {limits->address_space, limits->address_space};
  const struct rlimit data = {limits->data, limits->data};
  if (limits->address_space)
    setrlimit(RLIMIT_AS, &space);
  if (limits->data)
    setrlimit(RLIMIT_DATA, &data);
}

static int run(const char *const *words, const struct limits *limits, size_t *peak)
{
  const char *program = getenv("QSCOPE_PROGRAM"), *all[WORDS + 2] = {program};
  char path[600];
  int status;
  struct rusage usage;
  for (size_t i = 0; i < WORDS && words[i]; i++)
    all[i + 1] = words[i];
  snprintf(path, sizeof path, "%s/printed.txt", files_folder());
  pid_t child = fork();
  if (child == 0) {
    int out = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    set_limits(limits);
    execv(program, (char *const *)(uintptr_t)all);
    _exit(127);
  }
  assert_int_equal(wait4(child, &status, 0, &usage), child);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  printed[fread(printed, 1, sizeof printed - 1, file)] = '\0';
  fclose(file);
  if (!WIFEXITED(status))
    fail_msg("%s %s ended by signal %d", words[0], words[1], WTERMSIG(status));
  *peak = (size_t)usage.ru_maxrss * 1024;
  return WEXITSTATUS(status);
}

static void expect_peak(const char *const *words, size_t most)
{
  size_t peak;
  int status = run(words, &(struct limits){0, 0}, &peak);
  if (status != 0)
    fail_msg("status %d: %s", status, printed);
  if (peak > most)
    fail_msg("%s %s: %zu MB resident; expected at most %zu", words[0], words[1], peak / MEGABYTE,
             most / MEGABYTE);
}

/* Makes the file PATH SIZE bytes longer, without writing them. */
static bool extend(const char *path, size_t size)
{
  int file = open(path, O_WRONLY);
  off_t end = file >= 0 ? lseek(file, 0, SEEK_END) : -1;
  bool done = end >= 0 && ftruncate(file, end + (off_t)size) == 0;
  close(file);
  return done;
}

/* The same of a file to be measured: in each megabyte a few numbers that lie on no grid. What is
 * nothing but zeros is looked at for much longer. */
static bool extend_mixed(const char *path, size_t size)
{
  float values[16];
  int file = open(path, O_RDWR);
  off_t end = file >= 0 ? lseek(file, 0, SEEK_END) : -1;
  bool done = end >= 0 && extend(path, size);
  for (size_t at = 0; done && at + sizeof values <= size; at += MEGABYTE) {
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
      values[i] = (float)((at / 16 + i) * 7919 % 4093) / 1009;
    done = pwrite(file, values, sizeof values, end + (off_t)at) == sizeof values;
  }
  close(file);
  return done;
}

static void need_a_program(void)
{
  const char *program = getenv("QSCOPE_PROGRAM");
  if (SANITIZED || !program || access(program, X_OK) != 0)
    skip();
}

static const char *sparse_npy(const char *name, const char *descr, const char *fortran,
                              const char *shape, size_t bytes)
{
  const char *path = files_npy(name, descr, fortran, shape, NULL, 0);
  if (!extend_mixed(path, bytes))
    skip();
  return path;
}

static void test_list_npy(void **state)
{
  (void)state;
  need_a_program();
  const char *path = sparse_npy("huge.npy", "'<f2'", "False", "(53687091200,)", hundred_gigabytes);
  expect_peak((const char *[WORDS]){"list", path}, 64 * (size_t)MEGABYTE);
  assert_non_null(strstr(printed, "53687091200"));
  assert_non_null(strstr(printed, "107374182400"));
  files_clear();
}

static void test_list_safetensors(void **state)
{
  (void)state;
  need_a_program();
  const char *path = files_safetensors(
      "huge.safetensors",
      "{\"a\":{\"dtype\":\"BF16\",\"shape\":[200000,134217],\"data_offsets\":[0,53686800000]},"
      "\"b\":{\"dtype\":\"F8_E4M3\",\"shape\":[7,7669654914],\"data_offsets\":[53686800000,"
      "107374384398]}}",
      NULL, 0);
  if (!extend(path, 107374384398))
    skip();
  expect_peak((const char *[WORDS]){"list", path}, 64 * (size_t)MEGABYTE);
  assert_non_null(strstr(printed, "26843400000"));
  assert_non_null(strstr(printed, "53687584398"));
  files_clear();
}

/* Little-endian words of a GGUF file. */
static size_t put(unsigned char *bytes, size_t at, uint64_t value, size_t size)
{
  for (size_t i = 0; i < size; i++)
    bytes[at + i] = (unsigned char)(value >> 8 * i);
  return at + size;
}

static size_t put_head(unsigned char *bytes, uint64_t tensors)
{
  memcpy(bytes, "GGUF", 4);
  return put(bytes, put(bytes, put(bytes, 4, 3, 4), tensors, 8), 0, 8);
}

static size_t put_record(unsigned char *bytes, size_t at, const char *name, uint64_t count,
                         unsigned type, uint64_t place)
{
  at = put(bytes, at, strlen(name), 8);
  memcpy(bytes + at, name, strlen(name));
  at = put(bytes, at + strlen(name), 1, 4);
  at = put(bytes, at, count, 8);
  return put(bytes, put(bytes, at, type, 4), place, 8);
}

static void test_list_gguf(void **state)
{
  (void)state;
  need_a_program();
  enum { F16 = 1, RECORD_END = 64 };
  unsigned char bytes[RECORD_END] = {0};
  assert_true(put_record(bytes, put_head(bytes, 1), "w", hundred_gigabytes / 2, F16, 0) <=
              RECORD_END);
  const char *path = files_write("huge.gguf", bytes, sizeof bytes);
  if (!extend(path, hundred_gigabytes))
    skip();
  expect_peak((const char *[WORDS]){"list", path}, 64 * (size_t)MEGABYTE);
  assert_non_null(strstr(printed, "53687091200"));
  files_clear();
}

/* A list of strings of 100 kB each: 300 MB, of which the lengths are read. */
static void test_list_metadata(void **state)
{
  (void)state;
  enum { STRING = 8, ARRAY = 9, STRINGS = 3000, LENGTH = 100000, HEAD = 24 + 8 + 1 + 4 + 4 + 8 };
  need_a_program();
  unsigned char bytes[HEAD] = {0}, length[8];
  put(bytes, put_head(bytes, 0) - 8, 1, 8);
  put(bytes, 24, 1, 8);
  bytes[32] = 'k';
  put(bytes, put(bytes, put(bytes, 33, ARRAY, 4), STRING, 4), STRINGS, 8);
  const char *path = files_write("lists.gguf", bytes, sizeof bytes);
  if (!extend(path, (size_t)STRINGS * (8 + LENGTH)))
    skip();
  int file = open(path, O_WRONLY);
  put(length, 0, LENGTH, 8);
  for (size_t i = 0; i < STRINGS; i++)
    assert_int_equal(pwrite(file, length, 8, (off_t)(HEAD + i * (8 + LENGTH))), 8);
  close(file);
  expect_peak((const char *[WORDS]){"list", path, "--metadata"}, 64 * (size_t)MEGABYTE);
  assert_non_null(strstr(printed, "3000 x string"));
  files_clear();
}

/* Where a figure is written: measured once, without what a report looks for beside. */
static const char *picture(void)
{
  static char path[600];
  snprintf(path, sizeof path, "%s/figure.png", files_folder());
  return path;
}

/* Pages that were read are let go of on the way. */
static void test_measure(void **state)
{
  (void)state;
  need_a_program();
  const char *path = sparse_npy("large.npy", "'<f4'", "False", "(150, 1000000)", 600000000);
  expect_peak((const char *[WORDS]){"report", path, "-q", "int8"}, 256 * (size_t)MEGABYTE);
  files_clear();
}

/* 4.7 million scales. */
static void test_measure_groups(void **state)
{
  (void)state;
  need_a_program();
  const char *path = sparse_npy("large.npy", "'<f4'", "False", "(150, 1000000)", 600000000);
  expect_peak((const char *[WORDS]){"report", path, "-q", "int8,group=32"}, 256 * (size_t)MEGABYTE);
  files_clear();
}

/* 7.5 million scales, which are not kept, and are written all the same. */
static void test_measure_many_groups(void **state)
{
  (void)state;
  enum { HEADER = 128, GROUPS = 7500000 };
  need_a_program();
  const char *path = sparse_npy("many.npy", "'|i1'", "False", "(150, 400000)", 60000000);
  char scales[700];
  struct stat info;
  snprintf(scales, sizeof scales, "%s/scales.npy", files_folder());
  expect_peak((const char *[WORDS]){"report", path, "-q", "int4,group=8", "--scales", scales},
              128 * (size_t)MEGABYTE);
  assert_int_equal(stat(scales, &info), 0);
  assert_int_equal(info.st_size, HEADER + GROUPS * sizeof(float));
  files_clear();
}

/* Scales for which there is no room are refused before anything is read. */
static void test_refuse_scales(void **state)
{
  (void)state;
  need_a_program();
  size_t peak;
  const char *path =
      sparse_npy("huge.npy", "'<f2'", "False", "(2, 26843545600)", hundred_gigabytes);
  assert_int_equal(run((const char *[WORDS]){"report", path, "-q", "int8,channel=1"},
                       &(struct limits){0, 0}, &peak),
                   3);
  assert_non_null(strstr(printed, "26843545600 scales for 53687091200 elements need some "));
  assert_non_null(strstr(printed, "let more elements share a scale"));
  assert_true(peak < 64 * (size_t)MEGABYTE);
  files_clear();
}

static void test_measure_digest(void **state)
{
  (void)state;
  need_a_program();
  const char *path = sparse_npy("large.npy", "'<f2'", "False", "(150, 1000000)", 300000000);
  expect_peak((const char *[WORDS]){"report", path, "-q", "e4m3"}, 256 * (size_t)MEGABYTE);
  files_clear();
}

/* In Fortran order every element of a row lies on a page of its own. */
static void test_measure_fortran(void **state)
{
  (void)state;
  need_a_program();
  const char *path = sparse_npy("large.npy", "'<f4'", "True", "(16000, 3000)", 192000000);
  expect_peak((const char *[WORDS]){"plot", path, "-q", "int8", "-o", picture()},
              256 * (size_t)MEGABYTE);
  files_clear();
}

/* MATLAB's version 4: five words, the name and its NUL, values. libmatio reads them in a child. */
static void test_measure_matlab(void **state)
{
  (void)state;
#ifndef HAVE_MATIO
  skip();
#endif
  enum { HEAD = 22, SINGLE = 10, COUNT = 75000000 };
  need_a_program();
  unsigned char bytes[HEAD] = {0};
  put(bytes, put(bytes, put(bytes, 0, SINGLE, 4), COUNT, 4), 1, 4);
  put(bytes, 16, 2, 4);
  bytes[20] = 'w';
  const char *path = files_write("large.mat", bytes, sizeof bytes);
  if (!extend_mixed(path, (size_t)COUNT * 4))
    skip();
  expect_peak((const char *[WORDS]){"list", path}, 64 * (size_t)MEGABYTE);
  assert_non_null(strstr(printed, "75000000"));
  expect_peak((const char *[WORDS]){"plot", path, "-q", "int8", "-o", picture()},
              256 * (size_t)MEGABYTE);
  files_clear();
}

/* --- copies: none, or in a temporary file ------------------------------------------------- */

/* A member's head (SIGNATURE and what only the directory has) and its name. */
static size_t put_member(unsigned char *bytes, size_t at, bool central, size_t size)
{
  at = put(bytes, at, central ? 0x02014b50 : 0x04034b50, 4);
  at = put(bytes, at, 20, central ? 4 : 2);
  at = put(bytes, at, 0, 2 + 2 + 2 + 2);
  at = put(bytes, put(bytes, put(bytes, at, 0, 4), size, 4), size, 4);
  at = put(bytes, put(bytes, at, 5, 2), 0, central ? 2 + 2 + 2 + 2 + 4 + 4 : 2);
  memcpy(bytes + at, "x.npy", 5);
  return at + 5;
}

/* One stored array of COUNT f32, a hole in the file. */
static const char *stored_npz(size_t count)
{
  enum { HEADER = 128 };
  unsigned char head[256] = {0}, tail[128] = {0};
  char text[128];
  size_t size = HEADER + count * sizeof(float), at = put_member(head, 0, false, size);
  snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu,), }", count);
  memcpy(head + at, "\x93NUMPY\1\0\x76\0", 10);
  memset(head + at + 10, ' ', HEADER - 10);
  memcpy(head + at + 10, text, strlen(text));
  head[at + HEADER - 1] = '\n';
  const char *path = files_write("stored.npz", head, at + HEADER);
  size_t entry = put_member(tail, 0, true, size);
  size_t end = put(tail, put(tail, put(tail, entry, 0x06054b50, 4), 0, 4), 1, 2);
  end = put(tail, put(tail, put(tail, end, 1, 2), entry, 4), at + size, 4);
  bool done = extend_mixed(path, count * sizeof(float));
  FILE *file = done ? fopen(path, "ab") : NULL;
  done = file && fwrite(tail, 1, end + 2, file) == end + 2;
  return file && fclose(file) == 0 && done ? path : NULL;
}

/* Read where it lies: there is no place for a temporary file. */
static void test_measure_stored_npz(void **state)
{
  (void)state;
  need_a_program();
  const char *path = stored_npz(75000000);
  if (!path)
    skip();
  setenv("TMPDIR", "/nonexistent", 1);
  expect_peak((const char *[WORDS]){"report", path, "-q", "int8"}, 256 * (size_t)MEGABYTE);
  assert_non_null(strstr(printed, "75000000 elements"));
  unsetenv("TMPDIR");
  files_clear();
}

static void test_measure_synthetic(void **state)
{
  (void)state;
  need_a_program();
  expect_peak(
      (const char *[WORDS]){"plot", "synth:uniform,shape=80000000", "-q", "int8", "-o", picture()},
      256 * (size_t)MEGABYTE);
  files_clear();
}

/* One of two channels: half of the tensor, copied. */
static void test_measure_channel(void **state)
{
  (void)state;
  need_a_program();
  const char *path = sparse_npy("large.npy", "'<f4'", "False", "(2, 75000000)", 600000000);
  expect_peak(
      (const char *[WORDS]){"plot", path, "--axis=0", "--channel=1", "-q", "int8", "-o", picture()},
      256 * (size_t)MEGABYTE);
  files_clear();
}

/* --- a million tensors ------------------------------------------------------------------------ */

static void test_million_gguf(void **state)
{
  (void)state;
  enum { U8 = 24, RECORD = 64, ALIGNMENT = 32 };
  need_a_program();
  unsigned char *bytes = mem_array(MANY, RECORD);
  char name[32];
  assert_non_null(bytes);
  size_t at = put_head(bytes, MANY);
  for (size_t i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "blk.%zu.w", i);
    at = put_record(bytes, at, name, 1, U8, i * ALIGNMENT);
  }
  const char *path = files_write("many.gguf", bytes, at);
  free(bytes);
  if (!extend(path, (size_t)ALIGNMENT * (MANY + 1)))
    skip();
  expect_peak((const char *[WORDS]){"list", path, "--json"},
              (64 + (size_t)EACH) * (size_t)MEGABYTE);
  files_clear();
}

static void test_million_safetensors(void **state)
{
  (void)state;
  enum { ENTRY = 96 };
  need_a_program();
  char *text = mem_array(MANY + 1, ENTRY);
  assert_non_null(text);
  size_t used = 8;
  for (size_t i = 0; i < MANY; i++)
    used += (size_t)snprintf(
        text + used, ENTRY,
        "%c\"h.%zu.w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}", i ? ',' : '{',
        i, i, i + 1);
  text[used++] = '}';
  put((unsigned char *)text, 0, used - 8, 8);
  const char *path = files_write("many.safetensors", text, used);
  free(text);
  if (!extend(path, MANY))
    skip();
  expect_peak((const char *[WORDS]){"list", path, "--json"},
              (64 + (size_t)EACH) * (size_t)MEGABYTE);
  files_clear();
}

/* --- streaming -------------------------------------------------------------------------------- */

enum { ROW = 32768, ROWS_MOST = 3200, STREAM_DATA = 48 << 20, STREAM_SPACE = 96 << 20 };

static const char *stream_npy(size_t rows)
{
  char shape[64];
  snprintf(shape, sizeof shape, "(%zu, %d)", rows, ROW);
  return sparse_npy("stream.npy", "'<f2'", "False", shape, rows * ROW * 2);
}

static const char *stream_safetensors(size_t rows)
{
  char header[128];
  snprintf(header, sizeof header,
           "{\"w\":{\"dtype\":\"BF16\",\"shape\":[%zu,%d],\"data_offsets\":[0,%zu]}}", rows, ROW,
           rows * ROW * 2);
  const char *path = files_safetensors("stream.safetensors", header, NULL, 0);
  return extend_mixed(path, rows * ROW * 2) ? path : NULL;
}

/* Blocks of 34 bytes, whose scales are mostly 0. */
static const char *stream_gguf(size_t rows)
{
  enum { Q8_0 = 8, RECORD_END = 64 };
  unsigned char bytes[RECORD_END] = {0};
  put_record(bytes, put_head(bytes, 1), "w", rows * ROW, Q8_0, 0);
  const char *path = files_write("stream.gguf", bytes, sizeof bytes);
  return extend_mixed(path, rows * ROW / 32 * 34) ? path : NULL;
}

static const char *stream_raw(size_t rows)
{
  static char spec[700];
  const char *path = files_write("stream.raw", NULL, 0);
  snprintf(spec, sizeof spec, "raw:%s,dtype=f16,shape=-1x%d", path, ROW);
  return extend_mixed(path, rows * ROW * 2) ? spec : NULL;
}

/* The same limits hold for a tensor and for one of forty times its size: of memory, and of address
 * space beside the file, which is mapped whole. */
static void test_stream(void **state)
{
  static const struct {
    const char *name;
    const char *(*write)(size_t rows);
  } files[] = {{"npy", stream_npy},
               {"safetensors", stream_safetensors},
               {"gguf", stream_gguf},
               {"raw", stream_raw}};
  static const size_t sizes[] = {ROWS_MOST / 40, ROWS_MOST};
  (void)state;
  need_a_program();
  for (size_t i = 0; i < 2 * sizeof files / sizeof *files; i++) {
    size_t rows = sizes[i % 2], bytes = rows * ROW * 2 + rows * ROW / 16, peak;
    const char *source = files[i / 2].write(rows);
    if (!source)
      skip();
    const char *words[WORDS] = {"plot", source, "-q", "int8", "--threads=2", "-o", picture()};
    int status = run(words, &(struct limits){bytes + STREAM_SPACE, STREAM_DATA}, &peak);
    if (status != 0)
      fail_msg("%s, %zu rows: status %d: %s", files[i / 2].name, rows, status, printed);
    files_clear();
  }
}

/* --- too little ------------------------------------------------------------------------------- */

/* Under a limit of address space: an error with a message, never a crash. */
static void test_limit(void **state)
{
  (void)state;
  need_a_program();
  const char *path = sparse_npy("large.npy", "'<f4'", "False", "(150, 1000000)", 600000000);
  size_t peak, refused = 0;
  for (rlim_t limit = 48; limit <= 400; limit += 32) {
    int status = run((const char *[WORDS]){"report", path, "-q", "int8"},
                     &(struct limits){limit * (rlim_t)MEGABYTE, 0}, &peak);
    if (status != 3 && status != 127)
      fail_msg("%zu MB of address space: status %d: %s", (size_t)limit, status, printed);
    refused += status == 3 && strstr(printed, "cannot map: ") && strstr(printed, "(ulimit -v)");
  }
  assert_true(refused > 0);
  assert_int_equal(run((const char *[WORDS]){"list", "synth:"},
                       &(struct limits){400 * (rlim_t)MEGABYTE, 0}, &peak),
                   0);
  files_clear();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_list_npy),
      cmocka_unit_test(test_list_safetensors),
      cmocka_unit_test(test_list_gguf),
      cmocka_unit_test(test_list_metadata),
      cmocka_unit_test(test_measure),
      cmocka_unit_test(test_measure_groups),
      cmocka_unit_test(test_measure_many_groups),
      cmocka_unit_test(test_refuse_scales),
      cmocka_unit_test(test_measure_digest),
      cmocka_unit_test(test_measure_fortran),
      cmocka_unit_test(test_measure_matlab),
      cmocka_unit_test(test_measure_stored_npz),
      cmocka_unit_test(test_measure_synthetic),
      cmocka_unit_test(test_measure_channel),
      cmocka_unit_test(test_million_gguf),
      cmocka_unit_test(test_million_safetensors),
      cmocka_unit_test(test_stream),
      cmocka_unit_test(test_limit),
  };
  return cmocka_run_group_tests_name("memory", tests, NULL, files_remove);
}
