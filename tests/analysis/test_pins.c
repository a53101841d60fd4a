/* Figures of several quantizers: the shares of the error add up to the MSEs they were taken from,
 * the lane to their difference, and what is pinned stands beside every view on the same axes. */
#include "tests/analysis/tensors.h"

#include "analysis/figure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = FIGURE_PINS + 1 };

/* Results of SPECS on one tensor, the last one first, over its bins; and their figure. */
struct made {
  struct result *result[MOST];
  size_t count;
  struct figure *figure;
};

static struct result *measure(const struct tensor *tensor, const char *spec, size_t bins, double lo,
                              double hi)
{
  struct result *result = NULL;
  struct error error;
  struct quantizer quantizer = quantizer_of(spec);
  struct result_request request = {.bins = bins, .lo = lo, .hi = hi};
  if (result_compute(tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

static struct made make(const struct tensor *tensor, const char *const *specs, size_t count,
                        const struct view *view)
{
  struct made made = {.count = count};
  struct figure_pins pins = {.count = count - 1, .against = view->against};
  made.result[0] = measure(tensor, specs[count - 1], 50, view->lo, view->hi);
  for (size_t i = 0; i + 1 < count; i++) {
    made.result[i + 1] =
        measure(tensor, specs[i], 50, made.result[0]->original.lo, made.result[0]->original.hi);
    pins.result[i] = made.result[i + 1];
  }
  made.figure = figure_build_pinned(made.result[0], &pins, view, "model.npy", tensor, "qscope x");
  assert_non_null(made.figure);
  return made;
}

static void clear(struct made *made)
{
  figure_free(made->figure);
  for (size_t i = 0; i < made->count; i++)
    result_free(made->result[i]);
}

static struct view view_of(enum view_kind kind)
{
  struct view view = view_default();
  view.kind = kind;
  return view;
}

/* 1000 values -4.995 .. 4.995, a hundredth apart, and one of 40. */
static struct tensor uneven_tensor(float *values)
{
  for (int i = 0; i < 999; i++)
    values[i] = (float)(i - 499.5) / 100;
  values[999] = 40;
  return tensor_over(values, (struct shape){2, {10, 100}});
}

/* The first mark of KIND in PANEL whose label begins with LABEL. */
static const struct mark *find(const struct panel *panel, enum mark_kind kind, const char *label)
{
  for (size_t i = 0; i < panel->marks; i++) {
    const struct mark *mark = panel->mark[i];
    if (mark->kind == kind && mark->label && strncmp(mark->label, label, strlen(label)) == 0)
      return mark;
  }
  fail_msg("no mark \"%s\"", label);
  return NULL;
}

static double sum(const struct mark *mark)
{
  double total = 0;
  for (size_t i = 0; i < mark->n; i++)
    total += mark->y[i];
  return total;
}

static void near(double found, double expected, const char *what)
{
  if (!(fabs(found - expected) <= 1e-9 * fmax(fabs(expected), 1)))
    fail_msg("%s: %.12g, expected %.12g", what, found, expected);
}

static void shares_add_up(void **state)
{
  (void)state;
  float values[1000];
  struct tensor tensor = uneven_tensor(values);
  static const char *const specs[] = {"int8", "int4", "int8,range=-5:5"};
  struct view view = view_of(VIEW_COMPARE);
  for (view.against = 0; view.against < 2; view.against++) {
    struct made made = make(&tensor, specs, 3, &view);
    double whole = made.result[1 + view.against]->metrics.mse;
    assert_int_equal(made.figure->panels, 2);
    const struct panel *errors = made.figure->panel[0], *lane = made.figure->panel[1];
    near(sum(find(errors, MARK_STEPS, "A: int8")), 100 * made.result[1]->metrics.mse / whole, "A");
    near(sum(find(errors, MARK_STEPS, "B: int4")), 100 * made.result[2]->metrics.mse / whole, "B");
    near(sum(find(errors, MARK_BARS, "C: int8,sym,tensor,range=-5:5")),
         100 * made.result[0]->metrics.mse / whole, "C");
    assert_true(lane->lane && lane->y.lo == -lane->y.hi);
    const struct mark *more = find(lane, MARK_BARS, "+ C loses more");
    const struct mark *less =
        find(lane, MARK_BARS, view.against ? "\u2212 B loses more" : "\u2212 A loses more");
    near(sum(more) + sum(less), 100 * (made.result[0]->metrics.mse - whole) / whole, "the lane");
    for (size_t i = 0; i < more->n; i++)
      assert_true(more->y[i] >= 0 && less->y[i] <= 0 && (more->y[i] == 0 || less->y[i] == 0));
    /* One value of 40 is clipped at 5: that is nearly all of C's error, in the last bin. */
    assert_true(more->y[more->n - 1] > 0.99 * sum(more));
    assert_true(errors->x.lo == lane->x.lo && errors->x.hi == lane->x.hi);
    clear(&made);
  }
}

static void captions_name_the_letters(void **state)
{
  (void)state;
  float values[1000];
  struct tensor tensor = uneven_tensor(values);
  static const char *const specs[] = {"int8", "int8,range=-5:5"};
  static const enum view_kind kinds[] = {VIEW_HISTOGRAM, VIEW_ERROR, VIEW_CHANNELS, VIEW_COMPARE};
  for (size_t k = 0; k < 4; k++) {
    struct view view = view_of(kinds[k]);
    struct made made = make(&tensor, specs, 2, &view);
    assert_non_null(strstr(made.figure->caption[0],
                           "A: int8,sym,tensor,minmax; B: int8,sym,tensor,range=-5:5."));
    assert_non_null(strstr(made.figure->caption[1], "B: SQNR "));
    assert_non_null(strstr(made.figure->caption[3], "A is better by "));
    assert_non_null(strstr(made.figure->caption[3], "B clips 0.1 % of the values."));
    clear(&made);
  }
}

/* The area under a distribution is the number of elements in bins of the present one. */
static void the_error_of_a_pin(void **state)
{
  (void)state;
  float values[1000];
  struct tensor tensor = uneven_tensor(values);
  static const char *const specs[] = {"int4", "int8"};
  struct view view = view_of(VIEW_ERROR);
  struct made made = make(&tensor, specs, 2, &view);
  const struct panel *panel = made.figure->panel[0];
  const struct mark *steps = find(panel, MARK_STEPS, "A: int4");
  const struct histogram *present = &made.result[0]->error;
  double area = 0, width = (present->hi - present->lo) / (double)present->bins;
  for (size_t i = 0; i < steps->n; i++)
    area += steps->y[i] * (steps->x[i + 1] - steps->x[i]);
  near(area / width, 1000, "elements");
  assert_true(panel->x.hi >= made.result[1]->metrics.max_abs_error && panel->x.lo == -panel->x.hi);
  const struct mark *largest = find(made.figure->panel[1], MARK_LINE, "A: int4");
  for (size_t i = 0; i < largest->n; i++)
    assert_true(isnan(largest->y[i]) || largest->y[i] == made.result[1]->error_max[i]);
  assert_true(made.figure->panel[1]->y.hi > made.result[1]->metrics.max_abs_error);
  clear(&made);
}

/* int4 clipped at 0.05 has errors up to 40, of one value in a hundred thousand; all others, and all
 * of e4m3's, are within a few hundredths: that part is shown, and said. The error of each is
 * labelled, and like stands beside like: the largest errors alone. */
static void a_few_large_errors_do_not_hide_the_rest(void **state)
{
  (void)state;
  enum { N = 100000 };
  float *values = malloc(N * sizeof *values);
  assert_non_null(values);
  for (int i = 0; i < N; i++)
    values[i] = (float)(i % 1001 - 500) / 10000;
  values[77] = 40;
  struct tensor tensor = tensor_over(values, (struct shape){2, {100, N / 100}});
  static const char *const specs[] = {"int4,range=-0.05:0.05", "e4m3,range=-40:40"};
  struct view view = view_of(VIEW_ERROR);
  struct made made = make(&tensor, specs, 2, &view);
  const struct panel *errors = made.figure->panel[0], *largest = made.figure->panel[1];
  /* The 50 bins reach from -40 to 40: what is shown is the one or two in the middle. */
  assert_true(errors->x.hi < 4 && errors->x.lo > -4 && errors->x.hi > 0.002);
  find(errors, MARK_BARS, "B");
  find(errors, MARK_STEPS, "A: int4");
  find(largest, MARK_LINE, "B");
  find(largest, MARK_LINE, "A: int4");
  assert_int_equal(largest->marks, 2);
  assert_string_equal(largest->title, "Largest error against value");
  assert_non_null(strstr(made.figure->caption[3], "lie outside, up to "));
  assert_non_null(strstr(made.figure->title, "\u00b7 A and B"));
  clear(&made);
  free(values);
}

/* A tensor of twice the range and a tenth of the elements, beside the first: the x axis reaches
 * both, counts are scaled (the area is that of the present one), channels are left out, and there
 * is no difference value by value. The verdict's numbers are those of the two results. */
static void a_pin_of_another_tensor(void **state)
{
  (void)state;
  float values[1000], others[100];
  struct tensor tensor = uneven_tensor(values);
  for (int i = 0; i < 100; i++)
    others[i] = (float)(i - 49.5) * 80 / 49.5f;
  struct tensor other = tensor_over(others, (struct shape){2, {10, 10}});
  other.name = "other";
  struct result *present = measure(&tensor, "int8", 50, (double)NAN, (double)NAN),
                *pinned = measure(&other, "int4", 50, (double)NAN, (double)NAN);
  const struct figure_pins pins = {.count = 1, .result = {pinned}, .tensor = {&other}};
  static const enum view_kind kinds[] = {VIEW_HISTOGRAM, VIEW_ERROR, VIEW_CHANNELS, VIEW_COMPARE};
  for (size_t k = 0; k < 4; k++) {
    struct view view = view_of(kinds[k]);
    struct figure *figure =
        figure_build_pinned(present, &pins, &view, "model.npy", &tensor, "qscope x");
    assert_non_null(figure);
    assert_non_null(strstr(figure->caption[0], "A: int4,sym,tensor,minmax of other"));
    assert_non_null(strstr(figure->caption[3], "dB more of its signal than A, another tensor"));
    const struct panel *panel = figure->panel[0];
    if (kinds[k] == VIEW_HISTOGRAM || kinds[k] == VIEW_COMPARE) {
      const struct mark *mark = find(panel, MARK_STEPS, "A: int4");
      const double bin = (present->original.hi - present->original.lo) / 50;
      double area = 0;
      for (size_t i = 0; i < mark->n; i++)
        area += mark->y[i] * (mark->x[i + 1] - mark->x[i]) / bin;
      if (!(fabs(area - 1000) < 1e-6))
        fail_msg("the area is that of %g elements", area);
      assert_true(panel->x.lo <= -80 && panel->x.hi >= 80);
      assert_non_null(strstr(figure->caption[3], "scaled to as many elements"));
    }
    if (kinds[k] == VIEW_COMPARE)
      assert_non_null(strstr(figure->caption[3], "no difference of the two, value by value"));
    if (kinds[k] == VIEW_CHANNELS)
      assert_non_null(strstr(figure->caption[3], "A has other channels, of another tensor"));
    if (kinds[k] == VIEW_ERROR)
      assert_true(figure->panel[1]->x.hi >= 80);
    figure_free(figure);
  }
  result_free(present);
  result_free(pinned);
}

static void other_views_of_a_pin(void **state)
{
  (void)state;
  float values[1000];
  struct tensor tensor = uneven_tensor(values);
  static const char *const specs[] = {"int4", "int8"};
  struct view view = view_of(VIEW_HISTOGRAM);
  struct made made = make(&tensor, specs, 2, &view);
  assert_true(find(made.figure->panel[0], MARK_STEPS, "A: int4")->n > 0);
  clear(&made);
  view.kind = VIEW_CHANNELS;
  made = make(&tensor, specs, 2, &view);
  const struct mark *steps = find(made.figure->panel[1], MARK_STEPS, "A: int4");
  assert_int_equal(steps->n, 10);
  for (size_t i = 0; i < 10; i++)
    assert_true(steps->y[i] == made.result[1]->channels.channel[i].sqnr_db);
  clear(&made);
}

/* A pin that was measured over other bins is drawn per bin of the present one: the area under it is
 * all elements all the same. */
static void other_bins(void **state)
{
  (void)state;
  float values[1000];
  struct tensor tensor = uneven_tensor(values);
  static const char *const specs[] = {"int4", "int8,group=10"};
  const struct view view = view_of(VIEW_HISTOGRAM);
  struct result *present = measure(&tensor, "int8", 50, -45, 45);
  for (size_t s = 0; s < 2; s++) {
    struct figure_pins pins = {.count = 1};
    struct result *pin = measure(&tensor, specs[s], 20, -60, 60);
    pins.result[0] = pin;
    struct figure *figure = figure_build_pinned(present, &pins, &view, "x", &tensor, "qscope x");
    const struct mark *steps = find(figure->panel[0], MARK_STEPS, "A: int");
    double area = 0;
    for (size_t i = 0; i < steps->n; i++)
      area += steps->y[i] * (steps->x[i + 1] - steps->x[i]);
    near(area / (90.0 / 50), 1000, "elements");
    figure_free(figure);
    result_free(pin);
  }
  result_free(present);
}

/* Where there is nothing to compare, a sentence says why. */
static void nothing_to_compare(void **state)
{
  (void)state;
  const float whole[] = {3, -127};
  struct tensor tensor = tensor_over(whole, (struct shape){1, {2}});
  static const char *const exact[] = {"int8,scale=1", "int9,scale=1"};
  struct view view = view_of(VIEW_COMPARE);
  struct made made = make(&tensor, exact, 2, &view);
  assert_non_null(strstr(made.figure->panel[0]->title, "Neither"));
  struct figure_pins later = {.count = 1};
  struct figure *figure =
      figure_build_pinned(made.result[0], &later, &view, "x", &tensor, "qscope x");
  assert_non_null(strstr(figure->panel[0]->title, "not measured yet"));
  figure_free(figure);
  struct result *other = measure(&tensor, "int4", 7, -1, 1);
  later.result[0] = other;
  figure = figure_build_pinned(made.result[0], &later, &view, "x", &tensor, "qscope x");
  assert_non_null(strstr(figure->panel[0]->title, "No histogram"));
  figure_free(figure);
  result_free(other);
  figure = figure_build(made.result[0], &view, "x", &tensor, "qscope x");
  assert_non_null(strstr(figure->panel[0]->title, "Nothing is pinned"));
  figure_free(figure);
  clear(&made);
}

/* Every view of awkward tensors under two quantizers has sound axes, or a sentence. */
static void awkward_tensors(void **state)
{
  (void)state;
  static const float nan[] = {NAN, NAN, NAN}, zero[] = {0, 0, 0, 0}, same[] = {2.5f, 2.5f};
  static const float tiny[] = {1e-45f, -1e-45f}, huge[] = {3e38f, -3e38f}, one[] = {1, NAN, -3};
  const struct tensor tensors[] = {
      tensor_over(nan, (struct shape){1, {0}}),     tensor_over(nan, (struct shape){1, {3}}),
      tensor_over(zero, (struct shape){2, {2, 2}}), tensor_over(same, (struct shape){1, {2}}),
      tensor_over(tiny, (struct shape){1, {2}}),    tensor_over(huge, (struct shape){1, {2}}),
      tensor_over(one, (struct shape){1, {3}}),
  };
  static const char *const specs[][2] = {
      {"int8", "int2,asym"}, {"e4m3,scale=1,overflow=nonfinite", "int4,channel"}, {"bf16", "int8"}};
  for (size_t t = 0; t < sizeof tensors / sizeof *tensors; t++)
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
      for (size_t v = 0; v < 2 * view_table_length; v++) {
        struct view view = view_of((enum view_kind)(v / 2));
        view.log_counts = v % 2;
        if (!view_type_of(view.kind)->pinned)
          continue;
        struct made made = make(&tensors[t], specs[s], 2, &view);
        for (size_t p = 0; p < made.figure->panels; p++) {
          const struct panel *panel = made.figure->panel[p];
          if (panel->marks ? !(panel->x.lo < panel->x.hi && panel->y.lo < panel->y.hi &&
                               isfinite(panel->y.hi) && (!panel->y.log || panel->y.lo > 0))
                           : strlen(panel->title) <= 10)
            fail_msg("tensor %zu, %s, view %zu: x %g..%g, y %g..%g", t, specs[s][0], v, panel->x.lo,
                     panel->x.hi, panel->y.lo, panel->y.hi);
        }
        clear(&made);
      }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shares_add_up),
      cmocka_unit_test(captions_name_the_letters),
      cmocka_unit_test(the_error_of_a_pin),
      cmocka_unit_test(other_views_of_a_pin),
      cmocka_unit_test(other_bins),
      cmocka_unit_test(nothing_to_compare),
      cmocka_unit_test(awkward_tensors),
      cmocka_unit_test(a_pin_of_another_tensor),
      cmocka_unit_test(a_few_large_errors_do_not_hide_the_rest),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
