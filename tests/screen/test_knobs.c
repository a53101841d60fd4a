/* Knobs, state, history, prompt and browser filter: what keys do, without a screen. */
#include "tui/screen/browser.h"
#include "tui/screen/history.h"
#include "tui/screen/keys.h"
#include "tui/screen/knobs.h"
#include "tui/screen/prompt.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct shape shape = {.dims = 3, .dim = {8, 4, 6}};
static char message[256];

static struct knobs knobs_from(const char *spec)
{
  struct quantizer quantizer;
  struct error error;
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return knobs_of(&quantizer, 0);
}

static bool turn(struct knobs *knobs, enum knob knob, int direction)
{
  return knob_turn(knobs, knob, direction, &shape, message, sizeof message);
}

static void assert_spec(const struct knobs *knobs, const char *expected)
{
  char text[QUANTIZER_TEXT];
  assert_string_equal(quantizer_print(&knobs->quantizer, text), expected);
}

/* From every format, calibrator and scheme, every knob: the outcome is a valid quantizer that can
 * be written and read, or a reason. */
static void no_turn_leaves_the_valid(void **state)
{
  (void)state;
  static const char *const specs[] = {"int8",
                                      "int8,asym",
                                      "int2,narrow",
                                      "e4m3",
                                      "bf16",
                                      "uint1",
                                      "e5m2,overflow=nonfinite,pow2",
                                      "nf4",
                                      "lloyd=256",
                                      "tf32",
                                      "e8m0",
                                      "e3m3,scale-type=fp16",
                                      "int4,group=32",
                                      "int8,scale=0.1",
                                      "int8,range=-1:2,asym",
                                      "e5m2,channel=1,percentile=99.9",
                                      "uint8,sym,gptq-mse,norm=3,scale-rule=gptq",
                                      "int8,asym,signed,codes=-64:64,arithmetic=zero-first",
                                      "int8,narrow,scale-rule=nvidia,arithmetic=multiply",
                                      "uint4,scale-rule=free-minimum,eps=0.01",
                                      "e4m3,scale-rule=nvidia",
                                      "int4,group=32,scale-rule=signed,awq-clip"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
    for (int knob = 0; knob < KNOB_COUNT; knob++)
      for (int direction = -1; direction <= 1; direction += 2) {
        struct knobs knobs = knobs_from(specs[i]);
        for (int times = 0; times < 20; times++)
          if (!turn(&knobs, (enum knob)knob, direction)) {
            assert_true(strlen(message) > 10); /* says why */
            break;
          }
        char text[QUANTIZER_TEXT];
        struct quantizer again;
        struct error error;
        assert_int_equal(quantizer_check(&knobs.quantizer, &error), STATUS_OK);
        assert_int_equal(quantizer_parse(quantizer_print(&knobs.quantizer, text), &again, &error),
                         STATUS_OK);
        assert_true(quantizer_equal(&again, &knobs.quantizer));
      }
}

static void format_visits_all_and_returns(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("int4");
  size_t stops = 0;
  do {
    assert_true(turn(&knobs, KNOB_FORMAT, 1));
    stops++;
  } while (knobs.quantizer.format != format_find("int4") && stops < 100);
  assert_int_equal(stops, 18); /* the integers are one stop, and it remembers int4 */
}

static void bits_step_by_one_and_wrap(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("int7");
  turn(&knobs, KNOB_BITS, 1);
  assert_int_equal(knobs.quantizer.format->bits, 8);
  turn(&knobs, KNOB_BITS, 1);
  assert_int_equal(knobs.quantizer.format->bits, 9);
  for (int bits = 10; bits <= 16; bits++)
    turn(&knobs, KNOB_BITS, 1);
  assert_int_equal(knobs.quantizer.format->bits, 16);
  turn(&knobs, KNOB_BITS, 1);
  assert_int_equal(knobs.quantizer.format->bits, 2);
  turn(&knobs, KNOB_BITS, -1);
  assert_int_equal(knobs.quantizer.format->bits, 16);
}

static void wishes_survive_formats_that_cannot(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("int8,asym");
  turn(&knobs, KNOB_FORMAT, 1);
  assert_false(knobs.quantizer.asymmetric);
  assert_false(turn(&knobs, KNOB_SCHEME, 1));
  turn(&knobs, KNOB_FORMAT, -1);
  assert_spec(&knobs, "int8,asym,tensor,minmax");
}

/* Conventions of a system stay where they mean something, and come back where they did not. */
static void conventions_stay_or_come_back(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("int8,codes=-64:63,scale-rule=pytorch,arithmetic=reciprocal");
  turn(&knobs, KNOB_FORMAT, 1);
  assert_spec(&knobs, "float8_e4m3fn,tensor,minmax,scale-rule=pytorch");
  turn(&knobs, KNOB_FORMAT, -1);
  turn(&knobs, KNOB_BITS, -1);
  assert_spec(&knobs,
              "int7,sym,tensor,minmax,codes=-64:63,scale-rule=pytorch,arithmetic=reciprocal");
  turn(&knobs, KNOB_BITS, -1); /* six bits have fewer codes */
  assert_spec(&knobs, "int6,sym,tensor,minmax,scale-rule=pytorch,arithmetic=reciprocal");
  turn(&knobs, KNOB_BITS, 1);
  turn(&knobs, KNOB_BITS, 1);
  assert_spec(&knobs,
              "int8,sym,tensor,minmax,codes=-64:63,scale-rule=pytorch,arithmetic=reciprocal");
  knobs = knobs_from("int4,scale-rule=signed");
  turn(&knobs, KNOB_SCHEME, 1); /* a rule of symmetric quantizers */
  assert_spec(&knobs, "int4,asym,tensor,minmax");
  turn(&knobs, KNOB_SCHEME, 1);
  assert_spec(&knobs, "int4,sym,tensor,minmax,scale-rule=signed");
  knobs = knobs_from("uint8,sym,scale-rule=onnxruntime");
  turn(&knobs, KNOB_SCHEME, 1);
  assert_spec(&knobs, "int8,asym,tensor,minmax,scale-rule=onnxruntime");
}

/* The knob passes every calibrator that goes with the rest, and comes back. */
static void calibrators_that_refuse_are_skipped(void **state)
{
  (void)state;
  static const char *const specs[] = {"e4m3,minmax", "int8,channel", "uint8,scale-rule=awq"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    struct knobs knobs = knobs_from(specs[i]);
    const struct calibrator *first = knobs.quantizer.calibrator;
    size_t possible = 0, seen = 0;
    for (size_t k = 0; k < calibrator_table_length; k++) {
      struct quantizer with = knobs.quantizer;
      with.calibrator = &calibrator_table[k];
      with.parameter = calibrator_default(with.calibrator, with.format);
      calibrator_options(with.calibrator, with.option);
      possible += quantizer_check(&with, NULL) == STATUS_OK;
    }
    do {
      assert_true(turn(&knobs, KNOB_CALIBRATOR, 1));
      seen++;
    } while (knobs.quantizer.calibrator != first && seen <= calibrator_table_length);
    assert_int_equal(seen, possible);
  }
}

static void parameters_step_by_round_numbers(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("int8,sigma");
  turn(&knobs, KNOB_PARAMETER, 1);
  assert_spec(&knobs, "int8,sym,tensor,sigma=5");
  for (int i = 0; i < 7; i++)
    turn(&knobs, KNOB_PARAMETER, -1);
  assert_spec(&knobs, "int8,sym,tensor,sigma=0.6");
  knobs = knobs_from("int8,lp");
  turn(&knobs, KNOB_PARAMETER, 1);
  assert_spec(&knobs, "int8,sym,tensor,lp=3");
}

/* What the format fixes is refused with a word why; what it leaves open turns. */
static void blocks_turn_what_they_leave_open(void **state)
{
  (void)state;
  static const enum knob fixed[] = {KNOB_SCHEME, KNOB_RANGE, KNOB_GRANULARITY};
  struct knobs knobs = knobs_from("mxfp4");
  for (int i = 0; i < 3; i++) {
    assert_false(knob_active(&knobs, fixed[i]));
    assert_false(turn(&knobs, fixed[i], 1));
  }
  turn(&knobs, KNOB_CALIBRATOR, -1);
  assert_spec(&knobs, "mxfp4,scale-rule=even");
  turn(&knobs, KNOB_GROUP, 1);
  turn(&knobs, KNOB_PARAMETER, 1);
  assert_spec(&knobs, "mxfp4,block=64,scale-rule=even,round=away");
  turn(&knobs, KNOB_GROUP, -1);
  turn(&knobs, KNOB_PARAMETER, -1);
  turn(&knobs, KNOB_CALIBRATOR, 1);
  assert_spec(&knobs, "mxfp4");
  knobs = knobs_from("nvfp4");
  turn(&knobs, KNOB_CALIBRATOR, 1);
  turn(&knobs, KNOB_PARAMETER, 1);
  assert_spec(&knobs, "nvfp4,variant=torchao,four-over-six");
  knobs = knobs_from("q4_k");
  assert_false(turn(&knobs, KNOB_CALIBRATOR, 1));
  assert_false(turn(&knobs, KNOB_GROUP, 1));
  turn(&knobs, KNOB_PARAMETER, 1);
  assert_spec(&knobs, "q4_k,pad");
}

/* Rows of 6 are no blocks of 32: the key goes on, and the spec says what it took. */
static void rows_are_padded_on_the_way(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("nvfp4");
  turn(&knobs, KNOB_FORMAT, 1);
  assert_spec(&knobs, "q4_0,pad");
  turn(&knobs, KNOB_FORMAT, 1);
  assert_spec(&knobs, "q4_k,pad");
  turn(&knobs, KNOB_FORMAT, -1);
  turn(&knobs, KNOB_FORMAT, -1);
  assert_spec(&knobs, "nvfp4");
}

/* All the way round, through every block format. */
static void scales_come_back_after_blocks(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("int4,asym,group=64,mse");
  bool seen = false;
  do {
    turn(&knobs, KNOB_FORMAT, -1);
    seen |= format_is_block(knobs.quantizer.format);
    assert_int_equal(quantizer_check(&knobs.quantizer, NULL), STATUS_OK);
  } while (knobs.quantizer.format != format_find("int4"));
  assert_true(seen);
  assert_spec(&knobs, "int4,asym,group=64,mse");
}

static void percentiles_step_by_nines(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("int8,percentile=99.9");
  turn(&knobs, KNOB_PARAMETER, 1);
  assert_true(knobs.quantizer.parameter == 99.95);
  turn(&knobs, KNOB_PARAMETER, -1);
  turn(&knobs, KNOB_PARAMETER, -1);
  assert_true(knobs.quantizer.parameter == 99.5);
}

static void the_axis_is_shared_by_scale_and_view(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("int8");
  turn(&knobs, KNOB_AXIS, -1); /* wraps to the last of three */
  assert_int_equal(knobs.axis, 2);
  assert_spec(&knobs, "int8,sym,tensor,minmax");
  turn(&knobs, KNOB_GRANULARITY, 1);
  assert_spec(&knobs, "int8,sym,channel=2,minmax");
  const struct shape flat = {.dims = 1, .dim = {5}};
  assert_false(knob_turn(&knobs, KNOB_AXIS, 1, &flat, message, sizeof message));
}

static void groups_double(void **state)
{
  (void)state;
  struct knobs knobs = knobs_from("int4");
  turn(&knobs, KNOB_GROUP, 1); /* first it becomes a granularity */
  assert_spec(&knobs, "int4,sym,group=128,minmax");
  turn(&knobs, KNOB_GROUP, -1);
  turn(&knobs, KNOB_GROUP, -1);
  assert_spec(&knobs, "int4,sym,group=32,minmax");
}

static struct state state_from(const char *spec)
{
  return (struct state){.knobs = knobs_from(spec), .view = view_default()};
}

static void equality_sees_what_matters(void **state)
{
  (void)state;
  struct state a = state_from("int8"), b = a;
  assert_true(state_equal(&a, &b)); /* no window equals no window, though NaN differs from NaN */
  b.view.log_counts = true;
  assert_false(state_equal(&a, &b));
  assert_true(state_same_numbers(&a, &b));
  b = a;
  b.view.lo = 1;
  assert_false(state_same_numbers(&a, &b));
}

static void history_goes_both_ways(void **state)
{
  (void)state;
  static struct history history;
  struct moment now = {.state = state_from("int8")};
  for (size_t i = 0; i < HISTORY_LENGTH + 10; i++) { /* more than it holds */
    history_push(&history, &now);
    now.state.tensor++;
    now.places.outlier++;
  }
  size_t last = now.state.tensor, steps = 0;
  while (history_undo(&history, &now))
    steps++;
  assert_int_equal(steps, HISTORY_LENGTH);
  assert_int_equal(now.state.tensor, 10);
  assert_int_equal(now.places.outlier, 10);
  while (history_redo(&history, &now))
    ;
  assert_int_equal(now.state.tensor, last);
  history_undo(&history, &now);
  history_push(&history, &now);
  assert_false(history_redo(&history, &now)); /* a new branch forgets the old */
}

static const char *tensor_name(const void *names, size_t tensor)
{
  return ((const char *const *)names)[tensor];
}

/* What people read in the list of changes. */
static void changes_have_words(void **state)
{
  (void)state;
  static const char *const names[] = {"conv", "bias"};
  const struct moment before = {.state = state_from("int8"), .looks.glyphs = &glyphs_auto};
  char text[128];
  struct moment after = before;
  after.state.tensor = 1;
  assert_string_equal(moment_words(&before, &after, tensor_name, names, text, sizeof text),
                      "tensor bias");
  after = before;
  after.state.knobs = state_from("int4,asym,group=32").knobs;
  after.state.view.kind = VIEW_SWEEP;
  assert_string_equal(moment_words(&before, &after, tensor_name, names, text, sizeof text),
                      "int4,asym,group=32,minmax, view sweep");
  assert_string_equal(moment_words(&before, &after, tensor_name, names, text, 6), "int4,");
  after = before;
  after.looks.glyphs = &glyphs_ascii;
  after.looks.no_hints = true;
  assert_string_equal(moment_words(&before, &after, tensor_name, names, text, sizeof text),
                      "glyphs ascii, hints hidden");
  after = before;
  after.places.cursor = (struct value_cursor){true, 0.5};
  assert_string_equal(moment_words(&before, &after, tensor_name, names, text, sizeof text),
                      "cursor");
  after = before;
  after.state.pins.count = 1;
  assert_string_equal(moment_words(&before, &after, tensor_name, names, text, sizeof text),
                      "pin A");
}

static void an_axis_that_is_gone_becomes_the_first(void **state)
{
  (void)state;
  struct state a = state_from("int8,channel=2");
  const struct shape flat = {.dims = 1, .dim = {5}}, scalar = {.dims = 0};
  state_fit(&a, &flat);
  assert_int_equal(a.knobs.axis, 0);
  assert_int_equal(a.knobs.quantizer.granularity.axis, 0);
  a = state_from("int8,channel=-1");
  state_fit(&a, &shape);
  assert_int_equal(a.knobs.axis, 2);
  state_fit(&a, &scalar);
  assert_int_equal(a.knobs.axis, 0);
}

static void write_keys(struct prompt *prompt, const uint32_t *keys)
{
  for (; *keys; keys++)
    prompt_key(prompt, *keys);
}

static void prompt_edits(void **state)
{
  (void)state;
  struct prompt prompt;
  prompt_clear(&prompt);
  write_keys(&prompt, (const uint32_t[]){'a', ' ', 'b', 0xE9, 0x4E2D, KEY_CODE_BACKSPACE, 0});
  assert_string_equal(prompt.text, "a b\xc3\xa9");
  write_keys(&prompt, (const uint32_t[]){23, 0}); /* ^W */
  assert_string_equal(prompt.text, "a ");
  write_keys(&prompt, (const uint32_t[]){21, KEY_CODE_BACKSPACE, 0}); /* ^U, then nothing left */
  assert_string_equal(prompt.text, "");
  assert_false(prompt_key(&prompt, KEY_CODE_UP));
  for (int i = 0; i < 2 * PROMPT_TEXT; i++)
    prompt_key(&prompt, 'x');
  assert_int_equal(strlen(prompt.text), PROMPT_TEXT - 1);
}

static void sizes_as_people_read_them(void **state)
{
  (void)state;
  char text[32];
  assert_string_equal(bytes_text(0, text, sizeof text), "0 B");
  assert_string_equal(bytes_text(999, text, sizeof text), "999 B");
  assert_string_equal(bytes_text(98304, text, sizeof text), "98.3 kB");
  assert_string_equal(bytes_text(264192, text, sizeof text), "264 kB");
  assert_string_equal(bytes_text(999999, text, sizeof text), "1.0 MB");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_turn_leaves_the_valid),
      cmocka_unit_test(format_visits_all_and_returns),
      cmocka_unit_test(bits_step_by_one_and_wrap),
      cmocka_unit_test(wishes_survive_formats_that_cannot),
      cmocka_unit_test(conventions_stay_or_come_back),
      cmocka_unit_test(calibrators_that_refuse_are_skipped),
      cmocka_unit_test(parameters_step_by_round_numbers),
      cmocka_unit_test(blocks_turn_what_they_leave_open),
      cmocka_unit_test(rows_are_padded_on_the_way),
      cmocka_unit_test(scales_come_back_after_blocks),
      cmocka_unit_test(percentiles_step_by_nines),
      cmocka_unit_test(the_axis_is_shared_by_scale_and_view),
      cmocka_unit_test(groups_double),
      cmocka_unit_test(equality_sees_what_matters),
      cmocka_unit_test(history_goes_both_ways),
      cmocka_unit_test(changes_have_words),
      cmocka_unit_test(an_axis_that_is_gone_becomes_the_first),
      cmocka_unit_test(prompt_edits),
      cmocka_unit_test(sizes_as_people_read_them),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
