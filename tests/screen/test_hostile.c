/* What a file says never reaches the terminal unescaped, wherever it is shown: every byte that the
 * program writes to a terminal is looked at, of the explorer and of the commands.
 *
 * The names hold sequences that the program itself has no use for (a blinking, concealed text; the
 * title "evil"), a C1 control as UTF-8, a change of the direction of writing, a newline, and bytes
 * that are no UTF-8. */
#include "config.h"

#include "tests/screen/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define EVIL                                                                                       \
  "\033[5;8mevil\033]0;evil\a\302\233"                                                             \
  "5m\342\200\256\n\377\233"
#define JSON_EVIL "\\u001b[5;8mevil\\u001b]0;evil\\u0007\\u009b5m\\u202e\\n"
#define CSV_EVIL                                                                                   \
  "evil\302\233"                                                                                   \
  "5m\342\200\256\377\233"

static const char tensors_file[] = "a" EVIL ".safetensors", other_file[] = "b" EVIL ".safetensors",
                  keys_file[] = "c" EVIL ".gguf", table_file[] = "d" EVIL ".csv";

/* --- the files -------------------------------------------------------------------------------- */

static void write_bytes(const char *name, const void *head, size_t head_size, const void *bytes,
                        size_t size)
{
  FILE *file = fopen(name, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(head, 1, head_size, file), head_size);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* The same names in both; the second also has one that the first lacks. */
static void write_tensors(const char *name, const char *more)
{
  char text[1024] = {0};
  uint64_t length = (uint64_t)snprintf(
      text, sizeof text - 64,
      "{\"__metadata__\":{\"" JSON_EVIL "\":\"" JSON_EVIL "\"},"
      "\"w" JSON_EVIL "\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
      "\"%s" JSON_EVIL ".x\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,32]}}",
      more);
  static const float values[8] = {1, -2, 3.5F, 4, 5, 6.25F, -7, 8};
  memcpy(text + length, values, sizeof values);
  write_bytes(name, &length, sizeof length, text, (size_t)length + sizeof values);
}

/* One key, one value, no tensor: "GGUF", version 3, no tensors, one entry. */
static void write_keys(void)
{
  enum { SIZE = sizeof EVIL }; /* with its NUL, which the format allows */
  uint64_t size = SIZE, counts[2] = {0, 1};
  uint32_t version = 3, string = 8;
  unsigned char bytes[200];
  size_t at = 0;
#define PUT(from, length) (memcpy(bytes + at, (from), (length)), at += (length))
  PUT(&version, 4);
  PUT(counts, 16);
  for (int i = 0; i < 2; i++) {
    PUT(&size, 8);
    PUT(EVIL, SIZE);
    if (i == 0)
      PUT(&string, 4);
  }
  write_bytes(keys_file, "GGUF", 4, bytes, at);
}

static int enter(void **state)
{
  if (fixture_enter(state) != 0)
    return -1;
  write_tensors(tensors_file, "first");
  write_tensors(other_file, "second");
  write_keys();
  static const char table[] = "# " CSV_EVIL "\n" CSV_EVIL ",b\n1,2\n3,4.5\n-6,7\n";
  write_bytes(table_file, "", 0, table, sizeof table - 1);
  return 0;
}

/* --- what may reach a terminal ---------------------------------------------------------------- */

static const char *const forbidden[] = {
    "[5;8m\033", "\033[5;8m",    "\033]0;evil", "\033]2;evil", "evil\a",
    "\302\233",  "\342\200\256", "\233",        "evil\033]0;", "\377",
};

static const char *found_in(const char *output, size_t length)
{
  for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
    const char *at = memmem(output, length, forbidden[i], strlen(forbidden[i]));
    /* 0x9b may be the end of a character of the program's own */
    bool inside = at && strcmp(forbidden[i], "\233") == 0 && at > output &&
                  ((unsigned char)at[-1] & 0x80) && (unsigned char)at[-1] != 0377;
    if (at && !inside)
      return at;
  }
  return NULL;
}

static void check_output(struct harness *harness, const char *what)
{
  size_t length;
  const char *output = harness_output(harness, &length), *at = found_in(output, length);
  if (at)
    fail_msg("%s: unescaped at byte %zu of %zu: %02x %02x %02x", what, (size_t)(at - output),
             length, (unsigned char)at[0], (unsigned char)at[1], (unsigned char)at[2]);
}

static void test_search(void **state)
{
  (void)state;
  assert_non_null(found_in(EVIL, strlen(EVIL)));
  assert_non_null(found_in(CSV_EVIL, strlen(CSV_EVIL)));
  assert_null(found_in("\\x1b[5;8mevil\\xc2\\x9b \342\226\233", 25));
}

/* --- the explorer ----------------------------------------------------------------------------- */

/* Views, list, metadata, help, a figure that is written, a filter, a tensor that is not there. */
static void explore(const char *const *arguments, int rows, int columns)
{
  static const char keys[] = "1234567nt\rtm\033?\033ep";
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "evil");
  for (const char *key = keys; *key; key++) {
    char bytes[2] = {*key, '\0'};
    assert_true(harness_press(harness, bytes, 1));
  }
  assert_true(harness_press(harness, "\033\033", 2));
  check_output(harness, arguments[0]);
  harness_bytes(harness, "q");
  harness_wait_end(harness);
  check_output(harness, arguments[0]); /* the recipe that it leaves, too */
  harness_end(harness);
}

static void test_explorer(void **state)
{
  (void)state;
  explore((const char *[]){tensors_file, NULL}, 24, 80);
  explore((const char *[]){tensors_file, NULL}, 40, 120);
  explore((const char *[]){table_file, NULL}, 24, 80);
  explore((const char *[]){tensors_file, "--compare", other_file, "--view", "compare", NULL}, 24,
          100);
}

/* --- commands --------------------------------------------------------------------------------- */

/* Ends with any status but that of a crash; says something of what is evil. */
static void test_commands(void **state)
{
  (void)state;
  static const char *const commands[][8] = {
      {"list", tensors_file, "--metadata"},
      {"list", tensors_file},
      {"list", tensors_file, "--json"},
      {"list", tensors_file, "--csv"},
      {"list", tensors_file, "--stats"},
      {"list", keys_file, "--metadata"},
      {"list", table_file},
      {"report", tensors_file, "-q", "int8"},
      {"report", tensors_file, "-q", "int8", "--json"},
      {"report", tensors_file, "-q", "int8", "--csv"},
      {"report", tensors_file, "-t", "missing" EVIL, "-q", "int8"},
      {"report", tensors_file, "-q", "int8," EVIL},
      {"report", table_file, "-q", "int4,group=2"},
      {"report", "synth:" EVIL, "-q", "int8"},
      {"report", "raw:" EVIL ",dtype=" EVIL, "-q", "int8"},
      {"inspect", tensors_file, "-q", "int8"},
      {"sweep", tensors_file, "--over", "bits=2:4"},
      {"board", tensors_file, "-q", "int8"},
      {"diff", tensors_file, other_file},
      {"diff", tensors_file, other_file, "--json"},
      {"diff", tensors_file, other_file, "--csv"},
      {"diff", tensors_file, "nowhere" EVIL},
      {"plot", tensors_file, "-q", "int8", "-o", "evil" EVIL ".png"},
      {"plot", tensors_file, "-q", "int8", "-o", "nowhere" EVIL "/evil.png"},
      {"replay", "evil" EVIL ".png", "--print"},
      {"list", "nowhere" EVIL},
      {"list", tensors_file, "--input-format", EVIL},
      {"list", tensors_file, "--" EVIL},
      {EVIL, tensors_file},
  };
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    char what[100];
    size_t length;
    snprintf(what, sizeof what, "command %zu: %s", i, i < 28 ? commands[i][0] : "");
    struct harness *harness = fixture_start(commands[i], &(struct harness_options){.columns = 200});
    int status = harness_wait_end(harness);
    if (!WIFEXITED(status))
      fail_msg("%s: wait status %x", what, status);
    const char *output = harness_output(harness, &length);
    if (!memmem(output, length, "evil", 4))
      fail_msg("%s says nothing of it: %.*s", what, (int)length, output);
    check_output(harness, what);
    harness_end(harness);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_search),
      cmocka_unit_test(test_explorer),
      cmocka_unit_test(test_commands),
  };
  return cmocka_run_group_tests_name("hostile", tests, enter, fixture_leave);
}
