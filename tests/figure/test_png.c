/* The file: chunks, resolution and words; and that a failure leaves everything as it was. */
#include "tests/figure/picture.h"

#include <dirent.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const double heights[] = {1, 2, 3};
static const struct figure_options small = {.width = 320, .height = 200, .dpi = 100};

static char *in_folder(const char *folder, const char *name)
{
  static char path[4200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static size_t files_in(const char *folder)
{
  size_t n = 0;
  DIR *directory = opendir(folder);
  assert_non_null(directory);
  while (readdir(directory))
    n++;
  closedir(directory);
  return n - 2;
}

static void header_and_words(void **state)
{
  (void)state;
  /* Pixels per metre: dpi / 0.0254, rounded. */
  static const struct {
    unsigned dpi, per_metre;
  } rows[] = {{72, 2835}, {96, 3780}, {100, 3937}, {200, 7874}, {300, 11811}, {400, 15748}};
  char *folder = folder_make();
  struct figure *figure = bars_figure(heights, 3);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct figure_options options = {.width = 320, .height = 200, .dpi = rows[i].dpi};
    struct picture picture;
    char *path = in_folder(folder, "a.png");
    write_or_skip(figure, path, &options);
    picture_read(path, &picture);
    assert_int_equal(picture.width, 320);
    assert_int_equal(picture.height, 200);
    assert_int_equal(picture.per_metre, rows[i].per_metre);
    assert_int_equal(picture.srgb_intent, PNG_sRGB_INTENT_PERCEPTUAL);
    assert_false(picture.has_time); /* the same figure is the same file */
    assert_string_equal(picture.title, figure->title);
    assert_string_equal(picture.recipe, figure->recipe);
    assert_int_equal(picture.recipe_kind, PNG_ITXT_COMPRESSION_NONE);
    assert_memory_equal(picture.software, "qscope ", 7);
    picture_free(&picture);
  }
  assert_int_equal(files_in(folder), 1); /* nothing temporary is left */
  figure_free(figure);
  folder_remove(folder);
}

static char *read_bytes(const char *path, size_t *size)
{
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *bytes = malloc(1 << 20);
  assert_non_null(bytes);
  *size = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

static void write_bytes(const char *path, const char *bytes, size_t size)
{
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void the_recipe_comes_back(void **state)
{
  (void)state;
  char *folder = folder_make(), *recipe;
  struct figure *figure = bars_figure(heights, 3);
  char *path = in_folder(folder, "a.png");
  struct error error;
  write_or_skip(figure, path, &small);
  assert_int_equal(figure_read_recipe(path, &recipe, &error), STATUS_OK);
  assert_string_equal(recipe, figure->recipe);
  free(recipe);
  figure_free(figure);
  folder_remove(folder);
}

static void write_twice_is_the_same_file(void **state)
{
  (void)state;
  char *folder = folder_make();
  struct figure *figure = bars_figure(heights, 3);
  char *path = in_folder(folder, "a.png");
  size_t first_size, second_size;
  write_or_skip(figure, path, &small);
  char *first = read_bytes(path, &first_size);
  write_or_skip(figure, path, &small);
  char *second = read_bytes(path, &second_size);
  assert_int_equal(first_size, second_size);
  assert_memory_equal(first, second, first_size);
  free(first);
  free(second);
  figure_free(figure);
  folder_remove(folder);
}

static enum status try_write(const char *path, struct error *error)
{
  struct figure *figure = bars_figure(heights, 3);
  enum status status = figure_write(figure, path, &small, error);
  figure_free(figure);
  if (status == STATUS_OUTPUT && strstr(error->text, "no font is installed"))
    skip();
  return status;
}

static void targets_that_cannot_be_written(void **state)
{
  (void)state;
  char *folder = folder_make();
  struct error error;
  assert_int_equal(try_write(in_folder(folder, "no/such/a.png"), &error), STATUS_OUTPUT);
  assert_non_null(strstr(error.text, "no/such/a.png: "));
  assert_non_null(strstr(error.text, "No such file"));
  assert_int_equal(try_write(folder, &error), STATUS_OUTPUT);
  assert_non_null(strstr(error.text, "directory"));
  if (access("/dev/full", W_OK) == 0) { /* the full disk that every Linux has */
    assert_int_equal(try_write("/dev/full", &error), STATUS_OUTPUT);
    assert_non_null(strstr(error.text, "/dev/full: "));
    assert_non_null(strstr(error.text, "No space left"));
    struct stat device;
    assert_int_equal(stat("/dev/full", &device), 0);
    assert_true(S_ISCHR(device.st_mode)); /* written to, not replaced */
  }
  assert_int_equal(try_write("", &error), STATUS_OUTPUT);
  assert_int_equal(files_in(folder), 0);
  folder_remove(folder);
}

/* A disk that fills up while an old figure is there: the old one stays. The limit on file sizes
 * stands in for the disk. */
static void a_failure_leaves_the_old_file(void **state)
{
  (void)state;
  char *folder = folder_make(), command[9000], *path = in_folder(folder, "a.png");
  struct error error;
  assert_int_equal(try_write(path, &error), STATUS_OK);
  size_t before_size, after_size;
  char *before = read_bytes(path, &before_size);
  snprintf(command, sizeof command, "ulimit -f 1; trap '' XFSZ; '%s' --write '%s'",
           getenv("QSCOPE_TEST_SELF"), path);
  int code = system(command);
  assert_true(code != 0);
  char *after = read_bytes(path, &after_size);
  assert_int_equal(before_size, after_size);
  assert_memory_equal(before, after, before_size);
  assert_int_equal(files_in(folder), 1);
  free(before);
  free(after);
  folder_remove(folder);
}

static void permissions_follow_the_umask(void **state)
{
  (void)state;
  char *folder = folder_make(), *path = in_folder(folder, "a.png");
  struct error error;
  struct stat found;
  mode_t old = umask(027);
  enum status status = try_write(path, &error);
  umask(old);
  assert_int_equal(status, STATUS_OK);
  assert_int_equal(stat(path, &found), 0);
  assert_int_equal(found.st_mode & 0777, 0640);
  folder_remove(folder);
}

static void a_link_stays_a_link(void **state)
{
  (void)state;
  char *folder = folder_make(), link_path[4200];
  struct error error;
  struct stat found;
  char *recipe;
  snprintf(link_path, sizeof link_path, "%s/link.png", folder);
  write_bytes(in_folder(folder, "real.png"), "old", 3);
  assert_int_equal(symlink("real.png", link_path), 0);
  assert_int_equal(try_write(link_path, &error), STATUS_OK);
  assert_int_equal(lstat(link_path, &found), 0);
  assert_true(S_ISLNK(found.st_mode));
  assert_int_equal(figure_read_recipe(in_folder(folder, "real.png"), &recipe, &error), STATUS_OK);
  free(recipe);
  folder_remove(folder);
}

/* --- reading what others wrote --------------------------------------------------------------- */

struct fake {
  int kind; /* libpng's compression code */
  const char *keyword, *text;
  bool behind, interlaced; /* the words follow the pixels */
};

static void write_fake(const char *path, const struct fake *fake)
{
  FILE *file = fopen(path, "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  unsigned char row[16 * 4] = {0}, *rows[16];
  char key[32], empty[1] = "", *text = strdup(fake->text);
  assert_true(file && info && text);
  snprintf(key, sizeof key, "%s", fake->keyword);
  png_text word = {
      .compression = fake->kind, .key = key, .text = text, .lang = empty, .lang_key = empty};
  for (int i = 0; i < 16; i++)
    rows[i] = row;
  png_init_io(png, file);
  png_set_IHDR(png, info, 16, 16, 8, PNG_COLOR_TYPE_RGB_ALPHA,
               fake->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
  if (!fake->behind)
    png_set_text(png, info, &word, 1);
  png_write_info(png, info);
  png_write_image(png, rows);
  if (fake->behind)
    png_set_text(png, info, &word, 1);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  fclose(file);
  free(text);
}

static void words_saved_again_by_other_tools(void **state)
{
  (void)state;
  static const int kinds[] = {PNG_TEXT_COMPRESSION_NONE, PNG_TEXT_COMPRESSION_zTXt,
                              PNG_ITXT_COMPRESSION_NONE, PNG_ITXT_COMPRESSION_zTXt};
  char *folder = folder_make(), *path = in_folder(folder, "a.png"), *recipe;
  struct error error;
  for (int i = 0; i < 16; i++) {
    struct fake fake = {kinds[i / 4], "qscope:recipe", "qscope plot a.npy", i % 2, i / 2 % 2};
    write_fake(path, &fake);
    if (figure_read_recipe(path, &recipe, &error) != STATUS_OK)
      fail_msg("%d: %s", i, error.text);
    assert_string_equal(recipe, fake.text);
    free(recipe);
  }
  folder_remove(folder);
}

static void expect_refusal(const char *path, const char *says)
{
  struct error error;
  char *recipe;
  assert_int_equal(figure_read_recipe(path, &recipe, &error), STATUS_INPUT);
  assert_null(recipe);
  if (!strstr(error.text, says))
    fail_msg("no <%s> in <%s>", says, error.text);
}

static void files_without_a_recipe(void **state)
{
  (void)state;
  char *folder = folder_make(), *path = in_folder(folder, "a.png");
  expect_refusal(path, "No such file");
  expect_refusal(folder, "expected a figure");
  write_bytes(path, "", 0);
  expect_refusal(path, "expected a figure");
  static const char array[] = "\x93NUMPY\1\0 not a picture";
  write_bytes(path, array, sizeof array);
  expect_refusal(path, "expected a figure");
  write_fake(path, &(struct fake){PNG_TEXT_COMPRESSION_NONE, "recipe", "boil", false, false});
  expect_refusal(path, "carries no recipe");
  char *huge = malloc(70001);
  assert_non_null(huge);
  memset(huge, 'x', 70000);
  huge[70000] = '\0';
  write_fake(path, &(struct fake){PNG_ITXT_COMPRESSION_zTXt, "qscope:recipe", huge, false, false});
  expect_refusal(path, "a.png: ");
  free(huge);
  folder_remove(folder);
}

static unsigned next(unsigned *seed)
{
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}

/* Cut and bent copies of a real figure, the same on every machine: each is read or refused. */
static void damaged_files_are_survived(void **state)
{
  (void)state;
  char *folder = folder_make(), *path = in_folder(folder, "a.png");
  struct error error;
  size_t size;
  unsigned seed = 4711;
  assert_int_equal(try_write(path, &error), STATUS_OK);
  char *bytes = read_bytes(path, &size), *bent = malloc(size);
  assert_non_null(bent);
  for (int i = 0; i < 600; i++) {
    /* Most of the damage goes to the chunks in front of the pixels. */
    size_t reach = i % 4 ? 400 : size, keep = i % 3 ? size : next(&seed) % size;
    memcpy(bent, bytes, size);
    for (unsigned k = next(&seed) % 4; k > 0; k--)
      bent[next(&seed) % reach] = (char)next(&seed);
    write_bytes(path, bent, keep);
    char *recipe = NULL;
    enum status status = figure_read_recipe(path, &recipe, &error);
    assert_true(status == STATUS_OK || status == STATUS_INPUT);
    assert_true((status == STATUS_OK) == (recipe != NULL));
    free(recipe);
  }
  free(bytes);
  free(bent);
  folder_remove(folder);
}

/* `--write PATH`: for the test that limits the file size of a process of its own. */
static int write_alone(const char *path)
{
  struct error error;
  struct figure *figure = bars_figure(heights, 3);
  enum status status = figure_write(figure, path, &small, &error);
  figure_free(figure);
  return status == STATUS_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
  if (argc == 3 && strcmp(argv[1], "--write") == 0)
    return write_alone(argv[2]);
  setenv("QSCOPE_TEST_SELF", argv[0], 1);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(header_and_words),
      cmocka_unit_test(the_recipe_comes_back),
      cmocka_unit_test(write_twice_is_the_same_file),
      cmocka_unit_test(targets_that_cannot_be_written),
      cmocka_unit_test(a_failure_leaves_the_old_file),
      cmocka_unit_test(permissions_follow_the_umask),
      cmocka_unit_test(a_link_stays_a_link),
      cmocka_unit_test(words_saved_again_by_other_tools),
      cmocka_unit_test(files_without_a_recipe),
      cmocka_unit_test(damaged_files_are_survived),
  };
  return cmocka_run_group_tests_name("png", tests, NULL, NULL);
}
