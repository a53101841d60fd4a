/* The preset table: every row is a spec that holds together; that presets equal their references is
 * for test_scale_rules and the tests of the calibrators, whose specs these are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "quant/preset.h"
#include "quant/quantizer.h"

static struct quantizer parse(const char *spec)
{
  struct quantizer quantizer;
  struct error error;
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return quantizer;
}

static void test_rows(void **state)
{
  (void)state;
  assert_true(preset_table_length >= 60);
  for (size_t i = 0; i < preset_table_length; i++) {
    const struct preset *row = &preset_table[i];
    char text[QUANTIZER_TEXT];
    struct quantizer by_name = parse(row->name), by_spec = parse(row->spec);
    struct quantizer again = parse(quantizer_print(&by_name, text));
    assert_true(quantizer_equal(&by_name, &by_spec) && quantizer_equal(&by_name, &again));
    assert_ptr_equal(preset_find(row->name), row); /* no two of a name */
    assert_null(format_find(row->name));
    assert_true(strlen(row->rules) > 5 && strlen(row->differs) > 2 && strlen(row->system) > 2);
    assert_non_null(strchr(row->reference, '/'));
  }
  assert_null(preset_find("int8"));
}

/* Words behind a preset take the place of what it says, and of nothing else. */
static void test_words_behind(void **state)
{
  (void)state;
  struct quantizer plain = parse("pytorch-qint8"), changed = parse("pytorch-qint8,channel=1,mse");
  assert_int_equal(changed.granularity.kind, GRAIN_CHANNEL);
  assert_string_equal(changed.calibrator->name, "mse");
  assert_true(changed.rule == plain.rule && changed.arithmetic == plain.arithmetic);
  changed = parse("PyTorch-QInt8,range=-1:1");
  assert_true(changed.by == BY_RANGE && changed.rule == plain.rule);
  changed = parse("llmcompressor-int4-mse,maxshrink=0.5");
  assert_true(changed.option[1] == 0.5 || changed.option[0] == 0.5);
  assert_int_equal(changed.granularity.group, 128);
  assert_int_equal(parse("gguf-q4_0,pad").block.pad, 1);
}

static void test_wrong_words_behind(void **state)
{
  (void)state;
  static const char *const cases[][2] = {
      {"pytorch-qint8,int4", "word 2"},
      {"pytorch-qint8,channel,group=3", "word 3"},
      {"pytorch-qint8,asym,narrow", "contradicts"},
      {"tensorrt-fp8,asym", "contradicts"},
      {"gguf-q4_0,mse", "word 2"},
      {"pytorch-qint8,norm=3", "no option"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct quantizer quantizer;
    struct error error;
    assert_int_equal(quantizer_parse(cases[i][0], &quantizer, &error), STATUS_USAGE);
    if (!strstr(error.text, cases[i][1]))
      fail_msg("no '%s' in: %s", cases[i][1], error.text);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),
      cmocka_unit_test(test_words_behind),
      cmocka_unit_test(test_wrong_words_behind),
  };
  return cmocka_run_group_tests_name("presets", tests, NULL, NULL);
}
