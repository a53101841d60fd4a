/* Every good file, damaged in thousands of ways (the same ones each time): it opens and can be
 * read to its end, or is refused with a message; it never crashes. */
#include "tests/data/files.h"

#include "quant/base/size.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 1500, LARGEST = 8192 };

/* SplitMix64 */
static uint64_t random_state = 1;

static size_t random_below(size_t limit)
{
  uint64_t z = random_state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return limit ? (size_t)((z ^ z >> 31) % limit) : 0;
}

struct bytes {
  unsigned char data[2 * LARGEST];
  size_t size;
};

static void flip_bit(struct bytes *file)
{
  file->data[random_below(file->size)] ^= (unsigned char)(1u << random_below(8));
}

/* A character that means something to a parser. */
static void put_special(struct bytes *file)
{
  static const char special[] = "{}[]()'\",:0123456789-.eE \\\n\0\177\200\377";
  file->data[random_below(file->size)] = (unsigned char)special[random_below(sizeof special - 1)];
}

static void cut(struct bytes *file)
{
  file->size = random_below(file->size);
}

/* Removes or repeats a stretch in the middle. */
static void shift(struct bytes *file)
{
  size_t from = random_below(file->size), to = random_below(file->size);
  size_t tail = size_min(file->size - from, sizeof file->data - to);
  memmove(file->data + to, file->data + from, tail);
  file->size = to + tail;
}

/* One of the eight bytes of a length becomes anything. */
static void put_in_length(struct bytes *file)
{
  if (file->size > 12)
    file->data[random_below(12)] = (unsigned char)random_below(256);
}

/* Two, four or eight bytes become a number on the edge of something. */
static void put_number(struct bytes *file)
{
  static const uint64_t numbers[] = {0,         1,          255,       65535,
                                     INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
  size_t size = (size_t)2 << random_below(3);
  uint64_t number = numbers[random_below(sizeof numbers / sizeof *numbers)] - random_below(3);
  if (file->size < size)
    return;
  size_t place = random_below(file->size - size + 1);
  for (size_t i = 0; i < size; i++, number >>= 8)
    file->data[place + i] = (unsigned char)(number & 255);
}

static void (*const damages[])(struct bytes *) = {flip_bit, put_special,   cut,
                                                  shift,    put_in_length, put_number};

/* Damage that only the values show (a member of an archive) is found when they are loaded. */
static void read_tensor(struct source *source, size_t index)
{
  struct error error = {0};
  enum status status = source_load(source, index, NULL, &error);
  if (status == STATUS_OK) {
    free(files_values(source, index));
    return;
  }
  assert_int_equal(status, STATUS_INPUT);
  assert_true(strlen(error.text) > 0);
}

static void open_and_read(const char *path)
{
  struct source *source;
  struct error error = {0};
  enum status status = source_open(path, &source, &error);
  if (status != STATUS_OK) {
    assert_int_equal(status, STATUS_INPUT);
    assert_true(strlen(error.text) > strlen(path));
    return;
  }
  for (size_t i = 0; i < source_count(source); i++)
    read_tensor(source, i);
  assert_int_equal(source_verify(source, NULL), STATUS_OK);
  source_close(source);
}

static void damage_all(const char *path)
{
  static struct bytes good, damaged;
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  good.size = fread(good.data, 1, LARGEST, file);
  fclose(file);
  const char *suffix = strrchr(path, '.');
  for (size_t round = 0; round < ROUNDS; round++) {
    char name[64];
    damaged = good;
    for (size_t times = 1 + random_below(3); times > 0 && damaged.size > 0; times--)
      damages[random_below(sizeof damages / sizeof *damages)](&damaged);
    snprintf(name, sizeof name, "damaged%s", suffix);
    open_and_read(files_write(name, damaged.data, damaged.size));
  }
}

static void test_good_files_damaged(void **state)
{
  (void)state;
  size_t files = 0;
  char path[512];
  DIR *folder = opendir(files_data("good", ""));
  assert_non_null(folder);
  for (struct dirent *item; (item = readdir(folder));) {
    if (!strchr(item->d_name, '.') || item->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, "%s", files_data("good", item->d_name));
    damage_all(path);
    files++;
  }
  closedir(folder);
  assert_true(files >= 23);
}

/* The same for the index of shards, beside its good shards. */
static void test_index_damaged(void **state)
{
  (void)state;
  static const char *const names[] = {"model-00001-of-00002.safetensors",
                                      "model-00002-of-00002.safetensors"};
  static struct bytes shard;
  for (size_t i = 0; i < 2; i++) {
    FILE *file = fopen(files_data("good/shards-with-index", names[i]), "rb");
    assert_non_null(file);
    shard.size = fread(shard.data, 1, LARGEST, file);
    fclose(file);
    files_write(names[i], shard.data, shard.size);
  }
  char path[512];
  snprintf(path, sizeof path, "%s",
           files_data("good", "shards-with-index/model.safetensors.index.json"));
  char *suffix = strstr(path, ".safetensors.index.json");
  assert_non_null(suffix);
  damage_all(path);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_files_damaged),
      cmocka_unit_test(test_index_damaged),
  };
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
