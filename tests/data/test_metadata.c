/* Metadata: what the good files say about themselves, and how long values are cut. */
#include "tests/data/files.h"

#include "data/source_types.h"

#include <stdlib.h>
#include <string.h>

static void check(const char *file, const char *const (*expected)[2], size_t count)
{
  struct source *source = files_open(files_data("good", file));
  assert_int_equal(source_metadata_count(source), count);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(source_metadatum(source, i)->key, expected[i][0]);
    assert_string_equal(source_metadatum(source, i)->value, expected[i][1]);
  }
  source_close(source);
}

/* Every type of value that GGUF has, as the file's generator wrote it. */
static void test_gguf(void **state)
{
  (void)state;
  static const char *const little[][2] = {{"u8", "1"},
                                          {"i8", "-1"},
                                          {"u16", "1"},
                                          {"i16", "-1"},
                                          {"u32", "7"},
                                          {"i32", "7"},
                                          {"f32", "1"},
                                          {"bool", "true"},
                                          {"string", "GGUF\\x00x"},
                                          {"array", "2 x string: \"a\", \"\""},
                                          {"nested", "2 x array: [1 x int32: 1], [0 x uint8]"},
                                          {"u64", "0"},
                                          {"i64", "0"},
                                          {"f64", "0"},
                                          {"general.alignment", "64"},
                                          {"", ""}};
  static const char *const big[][2] = {{"general.alignment", "16"}};
  check("gguf-metadata.gguf", little, sizeof little / sizeof *little);
  check("gguf-big-endian.gguf", big, 1);
}

static void test_safetensors(void **state)
{
  (void)state;
  static const char *const expected[][2] = {{"format", "pt"}};
  check("safetensors-metadata.safetensors", expected, 1);
  check("safetensors-metadata-null.safetensors", NULL, 0);
}

/* Numbers of a file that is built here: the ends of their types. */
static void test_numbers(void **state)
{
  (void)state;
  static const unsigned char file[] =
      "GGUF\3\0\0\0"
      "\0\0\0\0\0\0\0\0"
      "\4\0\0\0\0\0\0\0"
      "\1\0\0\0\0\0\0\0"
      "a"
      "\x0b\0\0\0"
      "\xff\xff\xff\xff\xff\xff\xff\xff"
      "\1\0\0\0\0\0\0\0"
      "b"
      "\x0a\0\0\0"
      "\xff\xff\xff\xff\xff\xff\xff\xff"
      "\1\0\0\0\0\0\0\0"
      "c"
      "\x0c\0\0\0"
      "\x18\x2d\x44\x54\xfb\x21\x09\x40"
      "\1\0\0\0\0\0\0\0"
      "d"
      "\x09\0\0\0"
      "\5\0\0\0"
      "\x09\0\0\0\0\0\0\0"
      "\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5\0\0\0\6\0\0\0\7\0\0\0\xf8\xff\xff\xff\x09\0\0\0";
  static const char *const expected[] = {"-1", "18446744073709551615", "3.141592653589793",
                                         "9 x int32: 1, 2, 3, 4, 5, 6, ..."};
  struct source *source = files_open(files_write("numbers.gguf", file, sizeof file - 1));
  assert_int_equal(source_metadata_count(source), 4);
  for (size_t i = 0; i < 4; i++)
    assert_string_equal(source_metadatum(source, i)->value, expected[i]);
  source_close(source);
}

/* A long text is cut between characters, and says how long it was. */
static void test_long_texts(void **state)
{
  (void)state;
  struct brief brief = {.used = 0};
  brief_quote(&brief, "\xc3\xa9\xc3\xa9\xc3\xa9", 6, 6);
  assert_string_equal(brief.text, "\xc3\xa9\xc3\xa9\xc3\xa9");
  brief = (struct brief){.used = 0};
  brief_quote(&brief, "\xc3\xa9\xc3\xa9\xc3\xa9", 6, 5);
  assert_string_equal(brief.text, "\xc3\xa9\xc3\xa9... (6 bytes)");
  brief = (struct brief){.used = 0};
  brief_quote(&brief, "\x80\x80\x80\x80\x80\x80", 6, 5); /* not UTF-8: cut anywhere */
  assert_string_equal(brief.text, "\x80\x80\x80\x80\x80... (6 bytes)");

  char text[100001];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  brief = (struct brief){.used = 0};
  for (int i = 0; i < 100; i++)
    brief_quote(&brief, text, 100, 100); /* more than there is room for */
  assert_int_equal(brief.used, sizeof brief.text - 1);

  struct source *source = files_open(files_data("good", "npy-f4.npy"));
  struct error error;
  for (int i = 0; i < 100; i++)
    assert_int_equal(source_tell(source, "key", text, &error), STATUS_OK);
  assert_int_equal(source_metadata_count(source), 100);
  const char *value = source_metadatum(source, 99)->value;
  assert_int_equal(strspn(value, "x"), BRIEF_TEXT);
  assert_string_equal(value + BRIEF_TEXT, "... (100000 bytes)");
  source_close(source);
}

/* Very many keys are counted, not kept. */
static void test_many_keys(void **state)
{
  (void)state;
  enum { KEPT = 4096, MORE = 904 };
  static unsigned char file[24 + (KEPT + MORE) * 13] = "GGUF\3\0\0\0";
  file[16] = (KEPT + MORE) & 255;
  file[17] = (KEPT + MORE) >> 8;
  struct source *source = files_open(files_write("keys.gguf", file, sizeof file));
  assert_int_equal(source_metadata_count(source), KEPT);
  assert_string_equal(source_note(source),
                      "the first 4096 keys are listed as metadata, 904 more are not");
  source_close(source);
}

/* What most tensors are stored as, in words: llama.cpp's number of it. */
static void test_file_type(void **state)
{
  (void)state;
  static const struct {
    unsigned char low, high;
    const char *value;
  } cases[] = {{0, 0, "0 (all F32)"},
               {15, 0, "15 (mostly Q4_K_M)"},
               {1, 4, "1025 (mostly F16, guessed)"},
               {4, 0, "4"},
               {255, 0, "255"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsigned char file[] = "GGUF\3\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
                           "\21\0\0\0\0\0\0\0general.file_type\4\0\0\0\0\0\0\0";
    file[sizeof file - 5] = cases[i].low;
    file[sizeof file - 4] = cases[i].high;
    struct source *source = files_open(files_write("type.gguf", file, sizeof file - 1));
    assert_string_equal(source_metadatum(source, 0)->value, cases[i].value);
    source_close(source);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gguf),      cmocka_unit_test(test_safetensors),
      cmocka_unit_test(test_numbers),   cmocka_unit_test(test_long_texts),
      cmocka_unit_test(test_many_keys), cmocka_unit_test(test_file_type)};
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
