/* The list of tensors, the page of metadata, the help of both: what each key does there. */
#include "config.h"

#include "tests/screen/fixture.h"
#include "tui/screen/commands.h"
#include "tui/screen/keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* model.layers.2.w of 3, model.layers.10.w of 4 and head of 6 elements: 1, 2, ... */
static void write_levels(const char *path)
{
  char header[1024];
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  uint64_t length = (uint64_t)snprintf(
      header, sizeof header,
      "{\"model.layers.10.w\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},"
      "\"model.layers.2.w\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[16,28]},"
      "\"head\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[28,52]}}");
  fwrite(&length, sizeof length, 1, file);
  fwrite(header, 1, (size_t)length, file);
  static const float values[] = {1, 2, 3, 4, 1, 2, 3, 1, 2, 3, 4, 5, 6};
  fwrite(values, sizeof *values, sizeof values / sizeof *values, file);
  assert_int_equal(fclose(file), 0);
}

static void browser_filters_and_opens(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "t");
  assert_shows(harness, "3 of 3");
  type(harness, "/bi");
  assert_shows(harness, "1 of 3");
  assert_shows_not(harness, "bad");
  type(harness, "\r");
  assert_shows(harness, "-t bias");
  type(harness, "t/zzz");
  assert_shows(harness, "nothing matches");
  type(harness, "\033\033");
  assert_shows(harness, "-t bias");
  fixture_quit(harness);
}

/* The keys of the page in SCOPE, which OPENING opens, each from there. */
static void check_page_keys(struct harness *harness, int scope, const char *opening)
{
  for (int id = 0; id < COMMAND_COUNT; id++) {
    uint32_t keys[COMMAND_KEYS];
    size_t count = keys_parse(explorer_commands[id].keys, keys, COMMAND_KEYS);
    if (explorer_commands[id].scope != scope || id == COMMAND_LIST_NEXT ||
        id == COMMAND_LIST_BEFORE) /* those are for the metadata alone */
      continue;
    for (size_t i = 0; i < count; i++) {
      char buffer[2];
      assert_true(harness_press(harness, opening, (unsigned)strlen(opening)));
      char *before = screen_of(harness);
      assert_true(harness_press(harness, key_bytes(keys[i], buffer), 1));
      if (strcmp(before, harness_screen(harness)) == 0)
        fail_msg("key %s of %s changed nothing", explorer_commands[id].keys,
                 explorer_commands[id].name);
      free(before);
      assert_true(harness_press(harness, "\033\033\033", 3));
      assert_shows(harness, "help  q quit");
    }
  }
}

static void every_key_of_the_pages(void **state)
{
  (void)state;
  const char *arguments[] = {"levels.safetensors", NULL};
  write_levels("levels.safetensors");
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 24, .columns = 80});
  assert_true(harness_wait_settled(harness));
  check_page_keys(harness, SCOPE_LIST, "tkk"); /* on a level in the middle */
  check_page_keys(harness, SCOPE_CHECKS, "vj");
  fixture_quit(harness);
}

/* Facts of a file are searched as one types; a long one has the page for itself. */
static void metadata_is_searched(void **state)
{
  (void)state;
  static char header[1024], value[200];
  memset(value, 'x', sizeof value - 1);
  memcpy(value + sizeof value - 5, "END", 3);
  FILE *file = fopen("facts.safetensors", "wb");
  uint64_t length =
      (uint64_t)snprintf(header, sizeof header,
                         "{\"__metadata__\":{\"alpha\":\"one\",\"beta\":\"two of "
                         "them\",\"gamma\":\"%s\",\"delta\":\"another "
                         "two\"},\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                         value);
  fwrite(&length, sizeof length, 1, file);
  fwrite(header, 1, (size_t)length, file);
  fwrite("\0\0\200?", 1, 4, file);
  assert_int_equal(fclose(file), 0);
  const char *arguments[] = {"facts.safetensors", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 12, .columns = 40});
  assert_true(harness_wait_settled(harness));
  type(harness, "tm/TWO\r");
  assert_shows(harness, "/TWO");
  char *first = screen_of(harness);
  type(harness, "n");
  assert_string_not_equal(first, harness_screen(harness));
  type(harness, "n");
  assert_string_equal(first, harness_screen(harness)); /* there are two */
  free(first);
  type(harness, "/nowhere");
  assert_shows(harness, "is nowhere");
  type(harness, "\033/gamma\r");
  assert_shows_not(harness, "END");
  type(harness, "\r");
  assert_shows(harness, "END");
  type(harness, "\033\033\033");
  assert_shows(harness, "elements per bin");
  fixture_quit(harness);
}

/* Help from a page begins with the page, and leads back to it. */
static void help_of_a_page(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "t?");
  assert_shows(harness, "The list of tensors (t), and metadata");
  assert_shows(harness, explorer_commands[COMMAND_LIST_FILTER].what);
  type(harness, "?");
  assert_shows(harness, "3 of 3");
  type(harness, "\033v?");
  assert_shows(harness, "The page of checks (v)");
  type(harness, "\033");
  assert_shows(harness, "checks of int8");
  type(harness, "\033");
  fixture_quit(harness);
}

/* Tree, predicates, sorting, and what a wrong filter says, at three sizes, without colours and with
 * ASCII alone. */
static void browser_shows_trees_and_statistics(void **state)
{
  (void)state;
  static const struct {
    int rows, columns;
  } sizes[] = {{24, 80}, {40, 120}, {12, 40}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const char *arguments[] = {"levels.safetensors", "--ascii", NULL};
    const struct harness_options options = {
        .rows = sizes[i].rows, .columns = sizes[i].columns, .environment = {"NO_COLOR=1"}};
    write_levels("levels.safetensors");
    struct harness *harness = fixture_start(arguments, &options);
    assert_true(harness_wait_settled(harness));
    type(harness, "t");
    assert_shows(harness, "3 of 3");
    assert_shows(harness, "layers"); /* "model.layers" is one level */
    assert_shows(harness, "10.w");   /* what is looked at is in sight */
    type(harness, "*");
    assert_shows(harness, "+ model.layers");
    type(harness, "*");
    assert_shows(harness, "  10.w");
    type(harness, "/size>3");
    assert_shows(harness, "2 of 3");
    assert_shows(harness, "- model.layers"); /* all that passes is in sight */
    type(harness, "\177");
    assert_shows(harness, "position 1: 'size>'");
    assert_shows(harness, "2 of 3"); /* the list stays */
    type(harness, "\033");
    assert_shows(harness, "3 of 3");
    type(harness, "/absmax>5.5");
    assert_shows(harness, "1 of 3");
    type(harness, "\033vs");
    assert_shows(harness, "by outlier"); /* what needs care comes first */
    type(harness, "m");
    assert_shows(harness, "nothing about itself");
    type(harness, "mt");
    assert_shows_not(harness, "3 of 3");
    fixture_quit(harness);
  }
}

/* The numbers of the views lead there from the list, too; in its filter they are characters. */
static void numbers_lead_to_views(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "t");
  assert_shows(harness, "3 of 3");
  type(harness, "2");
  assert_shows(harness, "--view error");
  assert_shows_not(harness, "3 of 3");
  type(harness, "t/9");
  assert_shows(harness, "0 of 3");
  type(harness, "\033");
  assert_shows(harness, "3 of 3");
  type(harness, "S3"); /* from no list: S is its reverse */
  assert_shows(harness, "--view channels");
  type(harness, "Y4");
  assert_shows(harness, "--view sweep");
  fixture_quit(harness);
}

/* The list has a figure of its own, which is named after the file; the dialog comes back to it. */
static void the_list_is_exported(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  unlink("model.safetensors-tensors.png");
  type(harness, "t"); /* and all tensors are measured */
  type(harness, "e");
  assert_shows(harness, "Export: tensors");
  assert_shows(harness, "model.safetensors-tensors.png");
  type(harness, "\033");
  assert_shows(harness, "3 of 3");
  type(harness, "/size>1\r");
  type(harness, "t");
  type(harness, "e\r");
  bool fonts =
      !harness_shows(harness, "font"); /* a bare machine has none, and the program says so */
  assert_true(!fonts || harness_shows(harness, "wrote model.safetensors-tensors.png"));
  assert_shows(harness, fonts ? "3 of 3" : "Export: tensors");
  type(harness, "\033\033");
  fixture_quit(harness);
  assert_int_equal(access("model.safetensors-tensors.png", R_OK), fonts ? 0 : -1);
}

static void a_recipe_opens_the_list(void **state)
{
  (void)state;
  write_levels("levels.safetensors");
  const char *arguments[] = {"levels.safetensors", "--view", "tensors", "--filter", "10", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 24, .columns = 80});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "1 of 3");
  assert_shows(harness, "1 tensor, ");
  type(harness, "1");
  assert_shows(harness, "--view histogram");
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(browser_filters_and_opens),
      cmocka_unit_test(every_key_of_the_pages),
      cmocka_unit_test(metadata_is_searched),
      cmocka_unit_test(help_of_a_page),
      cmocka_unit_test(browser_shows_trees_and_statistics),
      cmocka_unit_test(numbers_lead_to_views),
      cmocka_unit_test(the_list_is_exported),
      cmocka_unit_test(a_recipe_opens_the_list),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
