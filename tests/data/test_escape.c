/* Names from files never move the cursor, hide or reorder what a person reads. */
#include "tests/data/files.h"

#include <string.h>

static void escaped(const char *name, const char *expected)
{
  char text[256];
  assert_ptr_equal(text_escape(name, text, sizeof text), text);
  assert_string_equal(text, expected);
}

static void test_printable_text_passes(void **state)
{
  (void)state;
  escaped("", "");
  escaped("layers.0/weight [a]\\x41", "layers.0/weight [a]\\x41");
  escaped("caf\xC3\xA9 \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80",
          "caf\xC3\xA9 \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80");
}

static void test_controls(void **state)
{
  (void)state;
  escaped("\033[31mred\033[0m", "\\x1b[31mred\\x1b[0m");
  escaped("a\nb\rc\td\177", "a\\x0ab\\x0dc\\x09d\\x7f");
  escaped("\xC2\x9B"
          "2J\xC2\x80\xC2\xA0",
          "\\xc2\\x9b2J\\xc2\\x80\xC2\xA0"); /* C1; the no-break space stays */
}

static void test_invisible_and_reordering(void **state)
{
  (void)state;
  escaped("\xE2\x80\xAEx\xE2\x80\xAC", "\\xe2\\x80\\xaex\\xe2\\x80\\xac"); /* U+202E, U+202C */
  escaped("\xE2\x81\xA6\xE2\x81\xA9", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9");   /* U+2066, U+2069 */
  escaped("\xE2\x80\x8B", "\\xe2\\x80\\x8b");                              /* U+200B */
  escaped("\xE2\x80\xA8", "\\xe2\\x80\\xa8");                              /* U+2028 */
  escaped("\xEF\xBB\xBF", "\\xef\\xbb\\xbf");                              /* U+FEFF */
  escaped("\xE2\x80\x90", "\xE2\x80\x90"); /* U+2010, a hyphen, is harmless */
}

static void test_invalid_utf8(void **state)
{
  (void)state;
  escaped("a\xFF\x80z", "a\\xff\\x80z");
  escaped("\xC3", "\\xc3");                            /* cut off */
  escaped("\xE6\x97x", "\\xe6\\x97x");                 /* cut off */
  escaped("\xC0\xAF", "\\xc0\\xaf");                   /* overlong slash */
  escaped("\xC1\x9B", "\\xc1\\x9b");                   /* overlong [ */
  escaped("\xE0\x80\xAF", "\\xe0\\x80\\xaf");          /* overlong */
  escaped("\xED\xA0\x80", "\\xed\\xa0\\x80");          /* a surrogate */
  escaped("\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
  escaped("\xF8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80");
}

/* Cut between characters, never inside one, always ended. */
static void test_every_size(void **state)
{
  (void)state;
  const char *name = "a\033\xC3\xA9z";
  const char *expected[] = {
      "", "a", "a", "a", "a", "a\\x1b", "a\\x1b", "a\\x1b\xC3\xA9", "a\\x1b\xC3\xA9z"};
  const char *full = "a\\x1b\xC3\xA9z";
  for (size_t size = 1; size <= sizeof expected / sizeof *expected; size++) {
    char text[16];
    memset(text, '#', sizeof text);
    text_escape(name, text, size);
    assert_string_equal(text, expected[size - 1]);
    assert_int_equal(text[size], '#');
    assert_memory_equal(text, full, strlen(text));
  }
  char untouched[1] = {'#'};
  text_escape(name, untouched, 0);
  assert_int_equal(untouched[0], '#');
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_printable_text_passes),
      cmocka_unit_test(test_controls),
      cmocka_unit_test(test_invisible_and_reordering),
      cmocka_unit_test(test_invalid_utf8),
      cmocka_unit_test(test_every_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
