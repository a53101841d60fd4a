/* The figure of all tensors of a source, from statistics that are made up here: what is drawn, what
 * has a number, what the words say. */
#include "analysis/figure.h"
#include "analysis/stats.h"
#include "data/source.h"
#include "quant/base/size.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct shown {
  struct source *source;
  struct stats *stats;
  struct quantizer quantizer;
  struct view view;
  struct figure *figure;
};

static size_t index_of(const struct shown *shown, const char *name)
{
  size_t index = 0;
  assert_int_equal(source_find(shown->source, name, &index, NULL), STATUS_OK);
  return index;
}

/* The gallery, whose tensors all have 30 dB and no channel that stands out. */
static struct shown shown_of(void)
{
  struct shown shown = {.view = view_default()};
  struct error error;
  assert_int_equal(source_open("synth:", &shown.source, &error), STATUS_OK);
  assert_int_equal(quantizer_parse("int8", &shown.quantizer, &error), STATUS_OK);
  shown.stats = mem_array(source_count(shown.source), sizeof *shown.stats);
  assert_non_null(shown.stats);
  for (size_t i = 0; i < source_count(shown.source); i++) {
    shown.stats[i].state = STATS_KNOWN;
    shown.stats[i].value[STAT_SQNR] = 30;
    shown.stats[i].value[STAT_OUTLIER] = 1;
  }
  shown.view.kind = VIEW_TENSORS;
  return shown;
}

static void draw(struct shown *shown)
{
  figure_free(shown->figure);
  shown->figure =
      figure_of_tensors(shown->source, shown->stats, &shown->quantizer, &shown->view, "recipe");
  assert_non_null(shown->figure);
}

static void clear(struct shown *shown)
{
  figure_free(shown->figure);
  free(shown->stats);
  source_close(shown->source);
}

static const struct mark *bars_of(const struct panel *panel)
{
  assert_int_equal(panel->mark[0]->kind, MARK_BARS);
  return panel->mark[0];
}

/* The bar of the tensor called NAME. */
static double bar_of(const struct panel *panel, const char *name)
{
  for (size_t i = 0; i < panel->x.names; i++)
    if (strcmp(panel->x.name[i], name) == 0)
      return bars_of(panel)->y[i];
  fail_msg("no bar is called %s", name);
  return 0;
}

/* The label of the point on the bar of NAME, or NULL. */
static const char *number_on(const struct panel *panel, const char *name)
{
  for (size_t i = 0; i < panel->marks; i++)
    if (panel->mark[i]->kind == MARK_POINTS &&
        strcmp(panel->x.name[(size_t)panel->mark[i]->x[0]], name) == 0)
      return panel->mark[i]->label;
  return NULL;
}

static void what_stands_out_has_a_number(void **state)
{
  (void)state;
  struct shown shown = shown_of();
  struct stats *bad = &shown.stats[index_of(&shown, "laplace")];
  struct stats *spread = &shown.stats[index_of(&shown, "uniform")];
  bad->value[STAT_SQNR] = 12;
  bad->value[STAT_OUTLIER] = 4;
  spread->value[STAT_OUTLIER] = 50;
  draw(&shown);
  const struct panel *sqnr = shown.figure->panel[0], *outlier = shown.figure->panel[1];
  assert_int_equal(shown.figure->panels, 2);
  assert_int_equal(bars_of(sqnr)->n, source_count(shown.source));
  assert_true(bar_of(sqnr, "laplace") == 12 && bar_of(sqnr, "uniform") == 30);
  assert_true(bar_of(outlier, "laplace") == 4 && bar_of(outlier, "uniform") == 50);
  assert_string_equal(number_on(sqnr, "laplace"), "1");
  assert_null(number_on(sqnr, "uniform"));
  assert_string_equal(number_on(outlier, "laplace"), "1");
  assert_string_equal(number_on(outlier, "uniform"), "2");
  assert_int_equal(shown.figure->words, 2);
  assert_string_equal(shown.figure->word[0], "1  laplace  12.0 dB 4\u00d7");
  assert_string_equal(shown.figure->word[1], "2  uniform  30.0 dB 50\u00d7");
  assert_null(shown.figure->caption[3]);
  assert_string_equal(shown.figure->recipe, "recipe");
  clear(&shown);
}

/* Five have numbers at most; 2.9 dB below the median and 2.9 times its channel are nothing. */
static void few_have_numbers(void **state)
{
  (void)state;
  struct shown shown = shown_of();
  size_t count = source_count(shown.source);
  for (size_t i = 0; i < 7; i++)
    shown.stats[count - 1 - i].value[STAT_SQNR] = 10 + (double)i;
  shown.stats[0].value[STAT_SQNR] = 27.1;
  shown.stats[0].value[STAT_OUTLIER] = 2.9;
  draw(&shown);
  assert_true(count > 14); /* the median is 30 */
  assert_int_equal(shown.figure->words, 5);
  for (size_t i = 0; i < 5; i++) {
    const char *name = source_tensor(shown.source, count - 1 - i)->name;
    assert_int_equal(number_on(shown.figure->panel[0], name)[0], '1' + (int)i);
  }
  clear(&shown);
}

static void what_has_no_number_is_told(void **state)
{
  (void)state;
  struct shown shown = shown_of();
  shown.stats[index_of(&shown, "laplace")].value[STAT_SQNR] = (double)INFINITY;
  shown.stats[index_of(&shown, "uniform")].state = STATS_NONE;
  shown.stats[index_of(&shown, "gaussian")].value[STAT_SQNR] = (double)NAN;
  draw(&shown);
  const struct panel *sqnr = shown.figure->panel[0];
  assert_true(isnan(bar_of(sqnr, "uniform")) && isnan(bar_of(sqnr, "gaussian")));
  assert_true(isfinite(sqnr->y.hi) && sqnr->y.lo < sqnr->y.hi);
  assert_non_null(strstr(shown.figure->caption[3], "Without any loss: 1."));
  assert_non_null(strstr(shown.figure->caption[3], "can be quantized: 2."));
  clear(&shown);
}

static void a_filter_leaves_some_or_none(void **state)
{
  (void)state;
  struct shown shown = shown_of();
  struct error error;
  shown.stats[index_of(&shown, "laplace")].value[STAT_SQNR] = 12;
  assert_int_equal(view_set_filter(&shown.view, "sqnr<20", &error), STATUS_OK);
  draw(&shown);
  assert_int_equal(bars_of(shown.figure->panel[0])->n, 1);
  assert_true(bar_of(shown.figure->panel[0], "laplace") == 12);
  assert_non_null(strstr(shown.figure->caption[0], "1 tensor of "));
  assert_non_null(strstr(shown.figure->caption[0], "sqnr<20"));
  assert_int_equal(view_set_filter(&shown.view, "sqnr<2", &error), STATUS_OK);
  draw(&shown);
  assert_int_equal(shown.figure->panels, 1);
  assert_int_equal(shown.figure->panel[0]->marks, 0);
  assert_int_equal(view_set_filter(&shown.view, "sqrn<2", &error), STATUS_USAGE);
  assert_string_equal(shown.view.filter, "sqnr<2"); /* a wrong one changes nothing */
  clear(&shown);
}

/* Nothing is known, all are exact, all are one number: there are axes, or a sentence. */
static void degenerate_statistics(void **state)
{
  (void)state;
  static const double sqnr[] = {(double)NAN, (double)INFINITY, 0, -5, 400};
  static const double ratio[] = {(double)NAN, (double)INFINITY, 0, 1, 1e300};
  struct shown shown = shown_of();
  for (size_t k = 0; k < sizeof sqnr / sizeof *sqnr; k++) {
    for (size_t i = 0; i < source_count(shown.source); i++) {
      shown.stats[i].value[STAT_SQNR] = sqnr[k];
      shown.stats[i].value[STAT_OUTLIER] = ratio[k];
    }
    shown.view.log_counts = k % 2;
    draw(&shown);
    for (size_t p = 0; p < shown.figure->panels; p++) {
      const struct panel *panel = shown.figure->panel[p];
      assert_true(panel->marks == 0 ||
                  (panel->y.lo < panel->y.hi && isfinite(panel->y.hi - panel->y.lo)));
      assert_true(panel->marks > 0 || strlen(panel->title) > 10);
    }
  }
  clear(&shown);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_stands_out_has_a_number),
      cmocka_unit_test(few_have_numbers),
      cmocka_unit_test(what_has_no_number_is_told),
      cmocka_unit_test(a_filter_leaves_some_or_none),
      cmocka_unit_test(degenerate_statistics),
  };
  return cmocka_run_group_tests_name("fig_tensors", tests, NULL, NULL);
}
