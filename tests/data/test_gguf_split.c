/* Models of GGUF in parts, as llama.cpp's gguf-split writes them: keys and tensors of the first
 * part, tensors of the others. */
#include "tests/data/files.h"
#include "tests/data/ggufs.h"

#include "data/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one part says of itself; the usual one where it is 0. */
struct part {
  unsigned number, count, tensors;
  bool silent;      /* no split.* keys */
  const char *name; /* of its tensor */
};

/* Part NUMBER of three writes the tensor "tNUMBER" with the value NUMBER. */
static void write_part(const char *stem, unsigned number, const struct part *odd)
{
  char file[80], tensor[16];
  struct ggufs part = {.big = number == 2}; /* byte orders may differ */
  float value = (float)number;
  snprintf(file, sizeof file, "%s-%05u-of-00003.gguf", stem, number);
  snprintf(tensor, sizeof tensor, "t%u", number);
  if (number == 1)
    ggufs_text(&part, "general.name", "three parts");
  if (!odd || !odd->silent) {
    ggufs_u16(&part, "split.no", (uint16_t)(odd && odd->number ? odd->number : number - 1));
    ggufs_u16(&part, "split.count", (uint16_t)(odd && odd->count ? odd->count : 3));
    ggufs_number(&part, "split.tensors.count", 5, odd && odd->tensors ? odd->tensors : 3, 4);
  }
  ggufs_floats(&part, odd && odd->name ? odd->name : tensor, 0, 1, &value);
  ggufs_write(&part, file);
}

static void write_model(const char *stem, unsigned odd_number, const struct part *odd)
{
  files_clear();
  for (unsigned i = 1; i <= 3; i++)
    write_part(stem, i, i == odd_number ? odd : NULL);
}

static const char *path_of(const char *file)
{
  static char path[400];
  snprintf(path, sizeof path, "%s/%s", files_folder(), file);
  return path;
}

static void check_model(const char *path)
{
  struct source *source = files_open(path);
  assert_string_equal(source_type_name(source), "gguf");
  assert_string_equal(source_note(source), "");
  assert_int_equal(source_count(source), 3);
  assert_string_equal(source_metadatum(source, 0)->value, "three parts");
  for (size_t i = 0; i < 3; i++) {
    char name[16];
    float *value = files_values(source, i);
    snprintf(name, sizeof name, "t%zu", i + 1);
    assert_string_equal(source_tensor(source, i)->name, name);
    assert_true(*value == (float)(i + 1));
    free(value);
  }
  source_close(source);
}

static void test_any_part_opens_all(void **state)
{
  (void)state;
  write_model("m", 0, NULL);
  check_model(path_of("m-00001-of-00003.gguf"));
  check_model(path_of("m-00002-of-00003.gguf"));
  check_model(path_of("m-00003-of-00003.gguf"));
  check_model(files_folder());
}

static void refused(unsigned number, const struct part *odd, const char *fragment)
{
  write_model("m", number, odd);
  files_refused(path_of("m-00001-of-00003.gguf"), STATUS_INPUT, fragment);
  files_refused(path_of("m-00003-of-00003.gguf"), STATUS_INPUT, fragment);
  files_refused(files_folder(), STATUS_INPUT, fragment);
}

static void test_parts_that_disagree(void **state)
{
  (void)state;
  refused(2, &(struct part){.number = 2}, "m-00002-of-00003.gguf: split.no: expected 1, found 2");
  refused(2, &(struct part){.count = 4}, "split.count: expected 3, found 4");
  refused(2, &(struct part){.silent = true}, "split.count: expected 3, found no such key");
  refused(2, &(struct part){.tensors = 9},
          "expected 3 as in the first part, found 9: a part of another model?");
  refused(2, &(struct part){.name = "t3"}, "two tensors are called t3");
  write_model("m", 0, NULL);
  unlink(path_of("m-00002-of-00003.gguf"));
  files_refused(path_of("m-00003-of-00003.gguf"), STATUS_INPUT,
                "m-00002-of-00003.gguf: cannot open: No such file");
  files_refused(files_folder(), STATUS_INPUT, "m-00002-of-00003.gguf: cannot open: No such file");
}

static void test_number_of_tensors(void **state)
{
  (void)state;
  struct part all = {.tensors = 4};
  files_clear();
  for (unsigned i = 1; i <= 3; i++)
    write_part("m", i, &all);
  files_refused(path_of("m-00001-of-00003.gguf"), STATUS_INPUT,
                "the parts hold 3 tensors, but split.tensors.count is 4");
}

/* A part under a name of its own is opened alone, and says so; a file that is no part is no part
 * whatever its name. */
static void test_names(void **state)
{
  (void)state;
  write_model("m", 0, NULL);
  char other[400];
  snprintf(other, sizeof other, "%s/renamed.gguf", files_folder());
  assert_int_equal(rename(path_of("m-00002-of-00003.gguf"), other), 0);
  struct source *source = files_open(other);
  assert_int_equal(source_count(source), 1);
  assert_non_null(strstr(source_note(source), "part 2 of 3 alone"));
  source_close(source);

  files_clear();
  write_part("m", 2, &(struct part){.silent = true});
  source = files_open(path_of("m-00002-of-00003.gguf"));
  assert_int_equal(source_count(source), 1);
  assert_string_equal(source_note(source), "");
  source_close(source);
}

/* A folder holds one model. */
static void test_folders(void **state)
{
  (void)state;
  write_model("m", 0, NULL);
  write_part("n", 1, NULL);
  files_refused(files_folder(), STATUS_INPUT, "holds several models");
  files_clear();
  struct ggufs file = {.big = false};
  ggufs_floats(&file, "x", 0, 1, (const float[]){1});
  ggufs_write(&file, "model.gguf");
  struct source *source = files_open(files_folder());
  assert_string_equal(source_type_name(source), "gguf");
  assert_int_equal(source_count(source), 1);
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_any_part_opens_all),
      cmocka_unit_test(test_parts_that_disagree),
      cmocka_unit_test(test_number_of_tensors),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_folders),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
