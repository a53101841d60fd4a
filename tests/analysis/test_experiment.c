/* The experiments: every conclusion holds, measured here; what the table says is sound; and a
 * conclusion that does not hold is noticed. The bounds of the rows are closed forms or were
 * computed independently, in double precision with another generator of random numbers. */
#include "analysis/exp_layer.h"
#include "analysis/experiment.h"
#include "analysis/figure.h"
#include "analysis/metrics.h"
#include "analysis/recipe.h"
#include "quant/quantizer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_row(const struct experiment *experiment, size_t i)
{
  const struct experiment_row *row = &experiment->row[i];
  const bool layer = row->spec && layer_trial_is(row->spec);
  struct quantizer quantizer;
  struct layer_task task;
  struct error error;
  assert_non_null(row->label);
  if (strlen(row->label) > 43) /* of 80 columns, beside the number and its bounds */
    print_error("%s: no room for \"%s\"\n", experiment->name, row->label);
  assert_true(strlen(row->label) <= 43);
  assert_true(row->least <= row->most);
  assert_true(row->metric || (row->a < i && row->b < i && row->a != row->b));
  assert_true(!row->source || strncmp(row->source, "synth:", 6) == 0);
  assert_true(i > 0 || (row->source && row->spec));
  assert_true(!row->source || row->spec); /* another tensor is another state */
  assert_true(!layer || experiment->weight);
  assert_true(!layer || !row->source ||
              strstr(row->source, "seed=")); /* not the weight's numbers */
  if (layer && layer_trial_parse(row->spec, &task, &error) != STATUS_OK)
    fail_msg("%s: %s", experiment->name, error.text);
  if (row->spec && !layer && quantizer_parse(row->spec, &quantizer, &error) != STATUS_OK)
    fail_msg("%s: %s", experiment->name, error.text);
}

static void the_table_is_sound(void **state)
{
  (void)state;
  assert_int_equal(experiment_table_length, 20);
  for (size_t k = 0; k < experiment_table_length; k++) {
    const struct experiment *experiment = experiment_table[k];
    assert_ptr_equal(experiment_find(experiment->name), experiment);
    assert_true(experiment->rows > 0 && experiment->rows <= EXPERIMENT_ROWS);
    assert_true(strlen(experiment->claim) > 20 && strlen(experiment->question) > 20);
    assert_true(strlen(experiment->see) > 20 && strlen(experiment->answer) > 20);
    assert_int_equal(experiment->question[strlen(experiment->question) - 1], '?');
    for (size_t i = 0; i < experiment->rows; i++)
      check_row(experiment, i);
    struct recipe recipe;
    struct error error;
    if (recipe_parse(experiment->recipe, &recipe, &error) != STATUS_OK)
      fail_msg("%s: %s", experiment->name, error.text);
    assert_true(strncmp(recipe.source, "synth:", 6) == 0);
    assert_true(recipe.quantizers >= 1 && recipe.quantizers <= FIGURE_PINS + 1);
    recipe_clear(&recipe);
  }
  assert_null(experiment_find("no-such-experiment"));
}

static void each_conclusion_holds(void **state)
{
  (void)state;
  for (size_t k = 0; k < experiment_table_length; k++) {
    const struct experiment *experiment = experiment_table[k];
    struct experiment_answer answer;
    struct error error;
    if (experiment_run(experiment, NULL, &answer, &error) != STATUS_OK)
      fail_msg("%s", error.text);
    for (size_t i = 0; i < experiment->rows; i++)
      if (!answer.within[i])
        print_error("%s: %s: %g\n", experiment->name, experiment->row[i].label, answer.value[i]);
    assert_true(answer.holds);
  }
}

/* 64 times 2.0 on a grid that ends at 1.27: the error is 0.73, and so on by hand. */
static void a_conclusion_that_does_not_hold(void **state)
{
  (void)state;
  static const struct experiment_row rows[] = {
      {"error", "synth:uniform,low=2,high=2,shape=64", "int8,scale=0.01", "max_abs_error", 0.72,
       0.74, 0, 0},
      {"levels", NULL, NULL, "levels_used", 1, 1, 0, 0},
      {"difference", NULL, NULL, NULL, 0.26, 0.28, 1, 0},
      {"another grid", NULL, "int8,scale=0.02", "max_abs_error", 0.1, 1, 0, 0},
  };
  struct experiment experiment = {.name = "hand-made", .rows = 4, .row = rows};
  struct experiment_answer answer;
  struct error error;
  char text[96];
  assert_int_equal(experiment_run(&experiment, NULL, &answer, &error), STATUS_OK);
  assert_true(fabs(answer.value[0] - 0.73) < 1e-6 && fabs(answer.value[2] - 0.27) < 1e-6);
  assert_true(answer.within[0] && answer.within[1] && answer.within[2]);
  assert_false(answer.within[3]); /* 2.0 is on it */
  assert_false(answer.holds);
  assert_string_equal(experiment_bounds(&experiment, 0, text, sizeof text), "0.72 to 0.74");
  assert_string_equal(experiment_metric(&experiment, 2), "levels_used");
  experiment.rows = 3;
  assert_int_equal(experiment_run(&experiment, NULL, &answer, &error), STATUS_OK);
  assert_true(answer.holds);

  static const struct experiment_row wrong[] = {
      {"x", "synth:uniform,shape=64", "int8", "no_such_metric", 0, 1, 0, 0}};
  experiment = (struct experiment){.name = "wrong", .rows = 1, .row = wrong};
  assert_int_equal(experiment_run(&experiment, NULL, &answer, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "experiment wrong: there is no metric no_such_metric"));
}

/* int8 with one scale for each of 16 channels is within half a step: about 50 dB of output, the
 * same on tokens that nothing was learned from; a second state of the same layer has 6 dB less for
 * each bit less. */
static void rows_about_a_layer(void **state)
{
  (void)state;
  static const struct experiment_row rows[] = {
      {"8 bits", "synth:gaussian,shape=4096x64", "-m rtn -q int8,channel", "output_sqnr_db", 40, 50,
       0, 0},
      {"other tokens", NULL, NULL, "held_out_sqnr_db", 40, 50, 0, 0},
      {"difference", NULL, NULL, NULL, -0.3, 0.3, 1, 0},
      {"7 bits", NULL, "-m rtn -q int7,channel", "output_sqnr_db", 34, 44, 0, 0},
      {"a bit", NULL, NULL, NULL, 5.5, 6.5, 0, 3},
      {"its bits", NULL, NULL, "layer_bits", 7.5, 7.5, 0, 0},
      {"a tensor again", "synth:gaussian,shape=64x64", "int8", "bits_per_element", 8, 8.01, 0, 0},
  };
  const struct experiment experiment = {
      .name = "hand-made", .weight = "synth:gaussian,shape=16x64", .rows = 7, .row = rows};
  struct experiment_answer answer;
  struct error error;
  if (experiment_run(&experiment, NULL, &answer, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  for (size_t i = 0; i < experiment.rows; i++)
    if (!answer.within[i])
      fail_msg("%s: %g", rows[i].label, answer.value[i]);

  static const struct experiment_row wrong[] = {
      {"of a tensor", "synth:gaussian,shape=4096x64", "-m rtn -q int8", "sqnr_db", 0, 1, 0, 0},
      {"too few tokens", "synth:gaussian,shape=2048x64", "-m rtn -q int8", "layer_bits", 0, 1, 0,
       0},
      {"too narrow", "synth:gaussian,shape=4096x32", "-m rtn -q int8", "layer_bits", 0, 1, 0, 0},
      {"no quantizer", "synth:gaussian,shape=4096x64", "-m rtn", "layer_bits", 0, 1, 0, 0},
      {"of a layer", "synth:gaussian,shape=64x64", "int8", "layer_bits", 0, 1, 0, 0},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const struct experiment one = {
        .name = "wrong", .weight = "synth:gaussian,shape=16x64", .rows = 1, .row = &wrong[i]};
    assert_int_equal(experiment_run(&one, NULL, &answer, &error), STATUS_USAGE);
  }
}

static void a_run_can_be_cancelled(void **state)
{
  (void)state;
  struct progress progress = {0};
  struct experiment_answer answer;
  struct error error;
  progress_cancel(&progress);
  assert_int_equal(experiment_run(experiment_table[0], &progress, &answer, &error),
                   STATUS_CANCELLED);
}

/* 52.87 dB at a peak of 1; 31.5 dB where the float crosses. */
static void the_rule_of_the_peak(void **state)
{
  (void)state;
  assert_true(fabs(papr_rule_db(1) - 52.87) < 0.005);
  assert_true(fabs(papr_rule_db(METRICS_PAPR_CROSSING) - 31.5) < 0.02);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_table_is_sound),
      cmocka_unit_test(each_conclusion_holds),
      cmocka_unit_test(a_conclusion_that_does_not_hold),
      cmocka_unit_test(rows_about_a_layer),
      cmocka_unit_test(a_run_can_be_cancelled),
      cmocka_unit_test(the_rule_of_the_peak),
  };
  return cmocka_run_group_tests_name("experiment", tests, NULL, NULL);
}
