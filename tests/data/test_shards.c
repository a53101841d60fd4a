/* Models of several files of PyTorch: an index, a folder without one, both beside safetensors; what
 * an index may name; symbolic links, as the cache of Hugging Face has them. */
#include "tests/data/checkpoints.h"

#include "data/source_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const float first[] = {1, 2, 3, 4}, second[] = {-1, -2};
static const struct part one = {"layer.0.weight", "F32", 2, {2, 2}, first};
static const struct part two = {"layer.1.weight", "F32", 1, {2}, second};

static void write_index(const char *name, const char *file_of_one, const char *file_of_two)
{
  char text[400];
  int length = snprintf(text, sizeof text,
                        "{\"metadata\":{\"total_size\":24},\"weight_map\":{"
                        "\"layer.0.weight\":\"%s\",\"layer.1.weight\":\"%s\"}}",
                        file_of_one, file_of_two);
  files_write(name, text, (size_t)length);
}

static void write_shards(const char *suffix, bool deflated)
{
  char name[80];
  files_clear();
  snprintf(name, sizeof name, "pytorch_model-00001-of-00002%s", suffix);
  checkpoint_pytorch(name, &one, 1, deflated);
  snprintf(name, sizeof name, "pytorch_model-00002-of-00002%s", suffix);
  checkpoint_pytorch(name, &two, 1, deflated);
}

static void check_both(const char *path, const char *type)
{
  struct source *source = files_open(path);
  size_t index;
  assert_string_equal(source_type_name(source), type);
  assert_int_equal(source_count(source), 2);
  assert_int_equal(source_find(source, "layer.1.weight", &index, NULL), STATUS_OK);
  float *values = files_values(source, index);
  assert_true(values[0] == -1 && values[1] == -2);
  free(values);
  assert_int_equal(source_find(source, "layer.0.weight", &index, NULL), STATUS_OK);
  values = files_values(source, index);
  assert_true(values[0] == 1 && values[3] == 4);
  free(values);
  source_close(source);
}

static const char *in_folder(const char *name)
{
  static char path[600];
  snprintf(path, sizeof path, "%s/%s", files_folder(), name);
  return path;
}

static void test_index(void **state)
{
  (void)state;
  for (int deflated = 0; deflated < 2; deflated++) {
    write_shards(".bin", deflated);
    write_index("pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin",
                "pytorch_model-00002-of-00002.bin");
    check_both(in_folder("pytorch_model.bin.index.json"), "pytorch");
    check_both(files_folder(), "pytorch");
  }
  write_shards(".pt", false);
  write_index("model.pt.index.json", "pytorch_model-00001-of-00002.pt",
              "pytorch_model-00002-of-00002.pt");
  check_both(files_folder(), "pytorch");
}

/* Other things of PyTorch that lie in such folders are left alone. */
static void test_folder(void **state)
{
  (void)state;
  write_shards(".bin", true);
  files_write("training_args.bin", "no checkpoint", 13);
  files_write("optimizer.pt", "no checkpoint", 13);
  check_both(files_folder(), "pytorch");
  unlink(in_folder("pytorch_model-00002-of-00002.bin"));
  struct source *source = files_open(files_folder());
  assert_int_equal(source_count(source), 1);
  assert_string_equal(source_note(source), "1 of 2 shards are missing");
  source_close(source);
}

static void test_safetensors_go_first(void **state)
{
  (void)state;
  const struct part both[] = {one, two};
  write_shards(".bin", false);
  checkpoint_safetensors("model.safetensors", both, 2);
  struct source *source = files_open(files_folder());
  assert_string_equal(source_note(source),
                      "*.bin files beside the *.safetensors files are not read");
  source_close(source);
  check_both(files_folder(), "safetensors");
}

/* As strict as with safetensors: names of the folder alone, and both sides agree. */
static void test_wrong_indexes(void **state)
{
  (void)state;
  static const struct {
    const char *one, *two, *fragment;
  } cases[] = {
      {"../x.bin", "pytorch_model-00002-of-00002.bin", "expected the name of a file in the same"},
      {"/etc/passwd", "pytorch_model-00002-of-00002.bin",
       "expected the name of a file in the same"},
      {"..", "pytorch_model-00002-of-00002.bin", "expected the name of a file in the same"},
      {"model.txt", "pytorch_model-00002-of-00002.bin", "model.txt: expected *.safetensors, *.bin"},
      {"pytorch_model-00001-of-00002.bin", "pytorch_model-00001-of-00002.bin",
       "the index places layer.1.weight in pytorch_model-00001-of-00002.bin, which does not hold"},
      {"pytorch_model-00002-of-00002.bin", "pytorch_model-00001-of-00002.bin",
       "layer.0.weight is in pytorch_model-00001-of-00002.bin, but the index places it in"},
      {"pytorch_model-00003-of-00003.bin", "pytorch_model-00002-of-00002.bin", "cannot open"},
  };
  write_shards(".bin", false);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_index("pytorch_model.bin.index.json", cases[i].one, cases[i].two);
    files_refused(in_folder("pytorch_model.bin.index.json"), STATUS_INPUT, cases[i].fragment);
    files_refused(files_folder(), STATUS_INPUT, cases[i].fragment);
  }
}

static void test_same_name_twice(void **state)
{
  (void)state;
  write_shards(".bin", false);
  checkpoint_pytorch("pytorch_model-00002-of-00002.bin", &one, 1, false);
  files_refused(files_folder(), STATUS_INPUT, "layer.0.weight");
}

/* A zip of something else is no shard. */
static void test_zip_of_arrays(void **state)
{
  (void)state;
  files_clear();
  checkpoint_pytorch("pytorch_model.bin", &one, 1, false);
  struct source *source = files_open(in_folder("pytorch_model.bin"));
  assert_int_equal(source_count(source), 1);
  source_close(source);
  FILE *from = fopen(files_data("good", "npz-stored.npz"), "rb");
  char bytes[65536];
  assert_non_null(from);
  size_t size = fread(bytes, 1, sizeof bytes, from);
  fclose(from);
  files_write("pytorch_model.bin", bytes, size);
  files_refused(files_folder(), STATUS_INPUT, "a zip archive without a data.pkl");
}

/* snapshots/REVISION/FILE -> ../../blobs/HASH */
static void test_links(void **state)
{
  (void)state;
  char folder[600], link[700];
  write_shards(".bin", true);
  snprintf(folder, sizeof folder, "%s/snapshot", files_folder());
  assert_int_equal(mkdir(folder, 0700), 0);
  for (int i = 1; i < 3; i++) {
    char target[120];
    snprintf(target, sizeof target, "../pytorch_model-0000%d-of-00002.bin", i);
    snprintf(link, sizeof link, "%s/pytorch_model-0000%d-of-00002.bin", folder, i);
    assert_int_equal(symlink(target, link), 0);
  }
  check_both(folder, "pytorch");
  for (int i = 1; i < 3; i++) {
    snprintf(link, sizeof link, "%s/pytorch_model-0000%d-of-00002.bin", folder, i);
    unlink(link);
    assert_int_equal(symlink(path_base(link), link), 0); /* a link to itself */
  }
  files_refused(folder, STATUS_INPUT, "cannot open");
  for (int i = 1; i < 3; i++) {
    snprintf(link, sizeof link, "%s/pytorch_model-0000%d-of-00002.bin", folder, i);
    unlink(link);
  }
  rmdir(folder);
}

/* A model's folder in the cache: refs/main names the snapshot. */
static void test_cache(void **state)
{
  (void)state;
  static const char *const wrong[] = {"", "../..", "0123456789abcdef/", "ffff"};
  char command[1200];
  write_shards(".bin", true);
  snprintf(command, sizeof command,
           "cd '%s' && mkdir -p c/refs c/snapshots/0123abc && echo 0123abc >c/refs/main && "
           "mv pytorch_model-*.bin c/snapshots/0123abc && echo '{\"model_type\":\"x\"}' "
           ">c/snapshots/0123abc/config.json",
           files_folder());
  assert_int_equal(system(command), 0);
  check_both(in_folder("c"), "pytorch");
  struct source *source = files_open(in_folder("c"));
  assert_string_equal(source_metadatum(source, 0)->value, "x");
  assert_string_equal(source_spec(source), in_folder("c"));
  source_close(source);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    files_write("c/refs/main", wrong[i], strlen(wrong[i]));
    files_refused(in_folder("c"), STATUS_INPUT, "a directory without any");
  }
  snprintf(command, sizeof command, "rm -r '%s/c'", files_folder());
  assert_int_equal(system(command), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_index),
      cmocka_unit_test(test_folder),
      cmocka_unit_test(test_safetensors_go_first),
      cmocka_unit_test(test_wrong_indexes),
      cmocka_unit_test(test_same_name_twice),
      cmocka_unit_test(test_zip_of_arrays),
      cmocka_unit_test(test_links),
      cmocka_unit_test(test_cache),
  };
  return cmocka_run_group_tests_name("data/shards", tests, NULL, files_remove);
}
