/* Figures built from results: the numbers of the marks are checked against the result they came
 * from and against the few values of hand-made tensors; degenerate tensors give figures too. */
#include "tests/analysis/tensors.h"

#include "analysis/diff.h"
#include "analysis/figure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct made {
  struct result *result;
  struct figure *figure;
};

static struct made make(const struct tensor *tensor, const char *spec, const struct view *view,
                        size_t bins)
{
  struct made made = {NULL, NULL};
  struct error error;
  struct quantizer quantizer = quantizer_of(spec);
  struct result_request request = {.axis = view->axis,
                                   .bins = bins,
                                   .lo = view->lo,
                                   .hi = view->hi,
                                   .blocks = view->kind == VIEW_INSPECTOR};
  enum status status = result_compute(tensor, &quantizer, &request, NULL, &made.result, &error);
  if (status != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  made.figure = figure_build(made.result, view, "folder/model.npy", tensor, "qscope plot x");
  assert_non_null(made.figure);
  return made;
}

static void clear(struct made *made)
{
  figure_free(made->figure);
  result_free(made->result);
}

/* The K-th mark of KIND and ROLE in PANEL, or NULL. */
static const struct mark *find(const struct panel *panel, enum mark_kind kind, enum role role,
                               size_t k)
{
  for (size_t i = 0; i < panel->marks; i++)
    if (panel->mark[i]->kind == kind && panel->mark[i]->role == role && k-- == 0)
      return panel->mark[i];
  return NULL;
}

static struct view view_of(enum view_kind kind)
{
  struct view view = view_default();
  view.kind = kind;
  return view;
}

static double area(const struct mark *mark)
{
  double sum = 0;
  for (size_t i = 0; i < mark->n; i++)
    sum += mark->y[i] * (mark->x[i + 1] - mark->x[i]);
  return sum;
}

/* 1000 values -4.995 .. 4.995, a hundredth apart: about 100 in each of ten bins. */
static struct tensor even_tensor(float *values)
{
  for (int i = 0; i < 1000; i++)
    values[i] = (float)(i - 499.5) / 100;
  return tensor_over(values, (struct shape){1, {1000}});
}

static void bars_are_the_histogram(void **state)
{
  (void)state;
  float values[1000];
  struct tensor tensor = even_tensor(values);
  struct view view = view_of(VIEW_HISTOGRAM);
  struct made made = make(&tensor, "int8", &view, 10);
  const struct panel *panel = made.figure->panel[0];
  const struct mark *bars = find(panel, MARK_BARS, ROLE_ORIGINAL, 0);
  assert_int_equal(made.figure->panels, 1);
  assert_non_null(bars);
  assert_int_equal(bars->n, 10);
  for (size_t i = 0; i < 10; i++)
    if (bars->y[i] != (double)made.result->original.count[i] || fabs(bars->y[i] - 100) > 5)
      fail_msg("bin %zu: %g", i, bars->y[i]);
  assert_true(bars->x[0] == made.result->original.lo && bars->x[10] == made.result->original.hi);
  assert_true(bars->x[0] <= -4.99 && bars->x[10] >= 4.99);
  assert_true(panel->y.hi >= 100 && panel->y.hi < 170 && panel->y.lo == 0 && panel->y.integral);
  assert_string_equal(made.figure->recipe, "qscope plot x");
  clear(&made);
}

/* Spread over its cells, the reconstruction of an even distribution is even again: every inner
 * step is as high as the bars. As a comb of 15 levels in 100 bins it would have been seven times
 * as high. The area (elements times bin width) is that of the histogram. */
static void reconstruction_is_spread_over_cells(void **state)
{
  (void)state;
  float values[1000];
  struct tensor tensor = even_tensor(values);
  struct view view = view_of(VIEW_HISTOGRAM);
  struct made made = make(&tensor, "int4,narrow", &view, 100);
  const struct histogram *h = &made.result->reconstruction;
  const struct mark *steps = find(made.figure->panel[0], MARK_STEPS, ROLE_RECONSTRUCTION, 0);
  assert_non_null(steps);
  assert_int_equal(steps->n, 15);
  for (size_t i = 1; i + 1 < steps->n; i++)
    assert_true(fabs(steps->y[i] - 10) < 0.5);
  double width = (h->hi - h->lo) / (double)h->bins;
  double inside = (double)(histogram_total(h) - h->under - h->over);
  assert_true(fabs(area(steps) / width - inside) < 1e-6 * inside);
  clear(&made);
}

static void levels_and_thresholds(void **state)
{
  (void)state;
  float values[1000];
  struct tensor tensor = even_tensor(values);
  struct view view = view_of(VIEW_HISTOGRAM);
  struct made made = make(&tensor, "int4,range=-3.5:3.5", &view, 50);
  const struct panel *panel = made.figure->panel[0];
  const struct mark *ticks = find(panel, MARK_TICKS, ROLE_LEVEL, 0);
  assert_non_null(ticks);
  /* scale 0.5: the sixteen levels -4 .. 3.5. */
  assert_int_equal(ticks->n, 16);
  for (size_t i = 0; i < 16; i++)
    assert_true(fabs(ticks->x[i] - (-4 + 0.5 * (double)i)) < 1e-6);
  const struct mark *low = find(panel, MARK_VLINE, ROLE_CLIP, 0);
  const struct mark *high = find(panel, MARK_VLINE, ROLE_CLIP, 1);
  assert_true(low && high && fabs(low->x[0] + 4) < 1e-6 && fabs(high->x[0] - 3.5) < 1e-6);
  assert_non_null(strstr(high->label, "3.5"));
  /* Two bands; the share stands on the wider one. */
  const struct mark *left = find(panel, MARK_BAND, ROLE_CLIP, 0);
  const struct mark *right = find(panel, MARK_BAND, ROLE_CLIP, 1);
  assert_true(left && right);
  assert_null(left->label);
  assert_non_null(strstr(right->label, "% clipped"));
  assert_true(fabs(right->x[0] - 3.5) < 1e-6 && right->x[1] >= 4.99);
  clear(&made);

  view.lo = -1.1;
  view.hi = 1.1;
  made = make(&tensor, "int4,range=-3.5:3.5", &view, 50);
  ticks = find(made.figure->panel[0], MARK_TICKS, ROLE_LEVEL, 0);
  assert_int_equal(ticks->n, 5); /* -1 -0.5 0 0.5 1 */
  assert_null(find(made.figure->panel[0], MARK_VLINE, ROLE_CLIP, 0));
  assert_true(made.figure->panel[0]->x.lo == -1.1 && made.figure->panel[0]->x.hi == 1.1);
  clear(&made);
}

static void several_scales_have_no_common_levels(void **state)
{
  (void)state;
  float *values = random_values(64, 3, false);
  struct tensor tensor = tensor_over(values, (struct shape){2, {4, 16}});
  struct view view = view_of(VIEW_HISTOGRAM);
  struct made made = make(&tensor, "int4,channel", &view, 20);
  const struct panel *panel = made.figure->panel[0];
  const struct mark *steps = find(panel, MARK_STEPS, ROLE_RECONSTRUCTION, 0);
  assert_null(find(panel, MARK_TICKS, ROLE_LEVEL, 0));
  assert_null(find(panel, MARK_VLINE, ROLE_CLIP, 0));
  assert_non_null(steps);
  assert_int_equal(steps->n, 20);
  for (size_t i = 0; i < 20; i++)
    assert_true(steps->y[i] == (double)made.result->reconstruction.count[i]);
  clear(&made);
  free(values);
}

/* Half of the elements are 0: the linear axis is cut above the others and the caption says so;
 * the log axis is not. */
static void one_giant_bin(void **state)
{
  (void)state;
  float values[2000] = {0};
  for (int i = 0; i < 1000; i++)
    values[i] = (float)(i + 1) / 1000;
  struct tensor tensor = tensor_over(values, (struct shape){1, {2000}});
  struct view view = view_of(VIEW_HISTOGRAM);
  struct made made = make(&tensor, "int8,asym", &view, 50);
  assert_true(made.figure->panel[0]->y.hi < 60);
  assert_non_null(made.figure->caption[FIGURE_CAPTION_LINES - 1]);
  assert_non_null(strstr(made.figure->caption[FIGURE_CAPTION_LINES - 1], "axis is cut"));
  clear(&made);
  view.log_counts = true;
  made = make(&tensor, "int8,asym", &view, 50);
  assert_true(made.figure->panel[0]->y.hi > 1000 && made.figure->panel[0]->y.lo > 0);
  assert_null(made.figure->caption[FIGURE_CAPTION_LINES - 1]);
  clear(&made);
}

static void the_error_view(void **state)
{
  (void)state;
  float values[1000];
  struct tensor tensor = even_tensor(values);
  struct view view = view_of(VIEW_ERROR);
  struct made made = make(&tensor, "int4,range=-3.5:3.5", &view, 40);
  assert_int_equal(made.figure->panels, 2);
  const struct panel *distribution = made.figure->panel[0], *curve = made.figure->panel[1];
  const struct mark *bars = find(distribution, MARK_BARS, ROLE_ERROR, 0);
  const struct mark *half = find(curve, MARK_HLINE, ROLE_REFERENCE, 0);
  const struct mark *most = find(curve, MARK_LINE, ROLE_ERROR, 0);
  const struct mark *mean = find(curve, MARK_LINE, ROLE_MEDIAN, 0);
  assert_true(bars && half && most && mean);
  assert_true(fabs(half->x[0] - 0.25) < 1e-6); /* scale 0.5 */
  assert_int_equal(most->n, 40);
  for (size_t i = 0; i < 40; i++)
    assert_true(isnan(most->y[i]) || most->y[i] >= mean->y[i]);
  /* Clipped at 3.5, the largest value 4.995 has the largest error. */
  assert_true(fabs(most->y[39] - 1.495) < 1e-5);
  assert_true(curve->y.hi > 1.495);
  clear(&made);

  float exact[] = {-2, -1, 0, 1, 2};
  tensor = tensor_over(exact, (struct shape){1, {5}});
  made = make(&tensor, "int4,scale=1", &view, 40);
  assert_int_equal(made.figure->panels, 1);
  assert_int_equal(made.figure->panel[0]->marks, 0);
  assert_non_null(strstr(made.figure->panel[0]->title, "Exact"));
  clear(&made);
}

/* 30 channels of 32 ones, but channel 7 has 200 and channel 20 has 12. */
static void outlier_channels_are_named(void **state)
{
  (void)state;
  float values[30 * 32];
  for (size_t i = 0; i < 30 * 32; i++)
    values[i] = (i % 2 ? 1.0f : -0.7f) * (i / 32 == 7 ? 200 : i / 32 == 20 ? 12 : 1);
  struct tensor tensor = tensor_over(values, (struct shape){2, {30, 32}});
  struct view view = view_of(VIEW_CHANNELS);
  struct made made = make(&tensor, "int8", &view, 0);
  assert_int_equal(made.figure->panels, 3);
  const struct panel *absmax = made.figure->panel[0], *sqnr = made.figure->panel[1];
  const struct mark *bars = find(absmax, MARK_BARS, ROLE_ORIGINAL, 0);
  const struct mark *median = find(absmax, MARK_HLINE, ROLE_MEDIAN, 0);
  assert_true(bars && median);
  assert_int_equal(bars->n, 30);
  assert_true(bars->x[7] == 6.5 && bars->y[7] == 200 && bars->y[0] == 1);
  assert_true(median->x[0] == 1);
  assert_true(absmax->y.log); /* 200 times the median */
  const struct mark *first = find(absmax, MARK_POINTS, ROLE_OUTLIER, 0);
  const struct mark *second = find(absmax, MARK_POINTS, ROLE_OUTLIER, 1);
  assert_true(first && second);
  assert_true(first->n == 1 && first->x[0] == 7 && first->y[0] == 200);
  assert_string_equal(first->label, "7 (200\u00d7)");
  assert_string_equal(second->label, "20 (12\u00d7)");
  assert_null(find(absmax, MARK_POINTS, ROLE_OUTLIER, 2));
  assert_int_equal(find(sqnr, MARK_BARS, ROLE_RECONSTRUCTION, 0)->n, 30);
  clear(&made);
}

/* Channels of 32 values, each sign * (k + 1/4) steps of one scale by hand: the error of a value is
 * 1/4 step, but channel 3 has whole steps and channel 6 is 3/8 off. */
static void a_strip_has_the_error_of_each_channel(void **state)
{
  (void)state;
  enum { CHANNELS = 8, LENGTH = 32 };
  float values[CHANNELS * LENGTH];
  for (size_t i = 0; i < CHANNELS * LENGTH; i++) {
    size_t c = i / LENGTH;
    values[i] = (i % 2 ? 1.0f : -1.0f) * (2 + (c == 3 ? 0 : c == 6 ? 0.375f : 0.25f));
  }
  struct tensor tensor = tensor_over(values, (struct shape){2, {CHANNELS, LENGTH}});
  struct view view = view_of(VIEW_CHANNELS);
  struct made made = make(&tensor, "int8,scale=1", &view, 0);
  assert_int_equal(made.figure->panels, 3);
  const struct panel *strip = made.figure->panel[2];
  const struct mark *cells = strip->mark[0];
  assert_true(strip->ruler);
  assert_int_equal(cells->kind, MARK_CELLS);
  assert_int_equal(cells->n, CHANNELS);
  for (size_t c = 0; c < CHANNELS; c++)
    assert_true(cells->y[c] == (c == 3 ? 0 : c == 6 ? 0.140625 : 0.0625)); /* (3/8)^2, (1/4)^2 */
  assert_true(strip->color.lo == 0 && strip->color.hi == 0.140625 && !strip->color.log);
  assert_non_null(strstr(strip->title, "dark 0, light 0.141"));
  clear(&made);

  for (size_t i = 0; i < CHANNELS * LENGTH; i++)
    values[i] = roundf(values[i]);
  made = make(&tensor, "int8,scale=1", &view, 0); /* exact: there is nothing to colour */
  assert_int_equal(made.figure->panels, 2);
  clear(&made);
}

static void captions_say_it_in_words(void **state)
{
  (void)state;
  float values[] = {NAN, INFINITY, -INFINITY, NAN, NAN, 1, 2, 3};
  struct tensor tensor = tensor_over(values, (struct shape){2, {2, 4}});
  tensor.name = "w\033[2J";
  struct view view = view_of(VIEW_HISTOGRAM);
  view.channel = 1;
  struct made made = make(&tensor, "int8", &view, 10);
  char *const *caption = made.figure->caption;
  assert_non_null(strstr(made.figure->title, "w\\x1b[2J"));
  assert_non_null(strstr(made.figure->title, "channel 1"));
  assert_non_null(strstr(made.figure->title, "int8,sym,tensor,minmax"));
  assert_non_null(strstr(caption[0], "(2x4, f32) from model.npy, quantized as int8"));
  assert_non_null(strstr(caption[0], "channel 1 of axis 0"));
  assert_non_null(strstr(caption[1], "MSE "));
  assert_non_null(strstr(caption[1], "SQNR "));
  assert_non_null(strstr(caption[1], "clipped 0 % of the elements"));
  assert_non_null(strstr(caption[2], "3 NaN and 2 infinite elements are left out."));
  assert_null(strchr(made.figure->title, '\033'));
  clear(&made);
}

/* Tensors that have little to show: every view of every quantizer is a figure all the same. */
static void check_panels(const struct figure *figure, size_t tensor, const char *spec, size_t view)
{
  for (size_t p = 0; p < figure->panels; p++) {
    const struct panel *panel = figure->panel[p];
    if (panel->marks == 0) /* a sentence says why */
      assert_true(panel->title && strlen(panel->title) > 10);
    else if (!(panel->x.lo < panel->x.hi && panel->y.lo < panel->y.hi && isfinite(panel->y.hi) &&
               (!panel->y.log || panel->y.lo > 0)))
      fail_msg("tensor %zu, %s, view %zu: x %g..%g, y %g..%g", tensor, spec, view, panel->x.lo,
               panel->x.hi, panel->y.lo, panel->y.hi);
  }
}

static struct figure *figure_of_two(const struct tensor *a, const struct tensor *b, bool log_counts)
{
  const struct diff_request request = {.bins = 16, .lo = (double)NAN, .hi = (double)NAN};
  const struct figure_pair pair = {a, b, "a.npy", "dir/b.gguf"};
  struct view view = view_of(VIEW_COMPARE);
  struct diff *diff = NULL;
  struct error error;
  view.log_counts = log_counts;
  assert_int_equal(diff_compute(a, b, &request, NULL, &diff, &error), STATUS_OK);
  struct figure *figure = figure_of_pair(diff, &view, &pair, "qscope a.npy");
  diff_free(diff);
  assert_non_null(figure);
  return figure;
}

/* Sixteen values by hand: what is counted where, the error against the value, the channels. */
static void two_tensors(void **state)
{
  (void)state;
  const float a[] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 1, 1, 1, 16};
  float b[16];
  memcpy(b, a, sizeof a);
  b[3] = 3.5f;
  b[15] = 12;
  struct tensor x = tensor_over(a, (struct shape){2, {2, 8}}), y = tensor_over(b, x.shape);
  struct figure *figure = figure_of_two(&x, &y, false);
  assert_int_equal(figure->panels, 3);
  const struct panel *both = figure->panel[0], *error = figure->panel[1];
  assert_int_equal(both->marks, 2);
  assert_true(both->mark[0]->role == ROLE_ORIGINAL && both->mark[1]->role == ROLE_RECONSTRUCTION);
  assert_true(both->mark[0]->y[0] == 5 && both->mark[1]->y[0] == 5); /* the zeros: 0..1 */
  assert_true(both->mark[0]->y[15] == 1 && both->mark[1]->y[15] == 0 && both->mark[1]->y[12] == 1);
  assert_true(error->mark[0]->y[3] == 0.5 && error->mark[0]->y[15] == 4 &&
              error->mark[0]->y[1] == 0);
  assert_true(isnan(error->mark[0]->y[9])); /* nothing there */
  /* 140 / 0.25 and 259 / 16 */
  assert_true(fabs(figure->panel[2]->mark[0]->y[0] - 10 * log10(140 / 0.25)) < 1e-12);
  assert_true(fabs(figure->panel[2]->mark[0]->y[1] - 10 * log10(259 / 16.0)) < 1e-12);
  assert_non_null(strstr(figure->caption[0], "from a.npy; B: "));
  assert_non_null(strstr(figure->caption[0], "from b.gguf."));
  assert_string_equal(figure->recipe, "qscope a.npy");
  figure_free(figure);
  figure = figure_of_two(&x, &x, false); /* no error: nothing to draw of it */
  assert_int_equal(figure->panels, 1);
  assert_string_equal(figure->caption[2], "Identical.");
  figure_free(figure);
}

static void degenerate_pairs(void **state)
{
  (void)state;
  static const float values[][2] = {{NAN, NAN},        {0, 0},          {2.5f, 2.5f},
                                    {1e-45f, -1e-45f}, {3e38f, -3e38f}, {INFINITY, 1},
                                    {-INFINITY, NAN},  {1, 2}};
  enum { VALUES = sizeof values / sizeof *values };
  for (size_t i = 0; i < VALUES * VALUES * 4; i++) {
    struct shape shape = {.dims = i & 1, .dim = {i & 2 ? 2 : 0}};
    struct tensor a = tensor_over(values[i / 4 / VALUES], shape),
                  b = tensor_over(values[i / 4 % VALUES], shape);
    struct figure *figure = figure_of_two(&a, &b, i & 2);
    assert_true(figure->panels >= 1);
    check_panels(figure, i, "pair", VIEW_COMPARE);
    figure_free(figure);
  }
}

static void degenerate_tensors(void **state)
{
  (void)state;
  static const float nan[] = {NAN, NAN, NAN}, zero[] = {0, 0, 0, 0}, same[] = {2.5f, 2.5f};
  static const float tiny[] = {1e-45f, -1e-45f}, huge[] = {3e38f, -3e38f}, inf[] = {INFINITY};
  const struct tensor tensors[] = {
      tensor_over(nan, (struct shape){1, {0}}),  tensor_over(nan, (struct shape){2, {0, 4}}),
      tensor_over(nan, (struct shape){1, {3}}),  tensor_over(zero, (struct shape){2, {2, 2}}),
      tensor_over(same, (struct shape){1, {2}}), tensor_over(same, (struct shape){0, {0}}),
      tensor_over(tiny, (struct shape){1, {2}}), tensor_over(huge, (struct shape){1, {2}}),
      tensor_over(inf, (struct shape){1, {1}}),  tensor_over(zero, (struct shape){1, {1}}),
  };
  static const char *const specs[] = {"int8", "int2,asym", "int4,channel",
                                      "e4m3", "bf16",      "int4,group=3,percentile=50"};
  for (size_t t = 0; t < sizeof tensors / sizeof *tensors; t++)
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
      for (size_t v = 0; v < 2 * view_table_length; v++) {
        struct view view = view_of((enum view_kind)(v / 2));
        if (view_table[v / 2].of_pair)
          continue;
        view.log_counts = v % 2;
        struct made made = make(&tensors[t], specs[s], &view, 16);
        assert_true(made.figure->panels >= 1);
        /* Numbers are quoted only where there are elements. */
        assert_true((made.result->facts.finite > 0) == (made.figure->caption[1] != NULL));
        check_panels(made.figure, t, specs[s], v);
        clear(&made);
      }
}

/* The positive numbers of E4M3 as its definition has them: eighths of 2^-6, then 1 + m/8 times a
 * power of two, up to 448 = 1.75 * 2^8. */
static size_t e4m3_numbers(double *out)
{
  size_t n = 0;
  for (int m = 1; m < 8; m++)
    out[n++] = ldexp(m, -9);
  for (int e = -6; e <= 8; e++)
    for (int m = 0; m < 8 - (e == 8); m++)
      out[n++] = ldexp(8 + m, e - 3);
  return n;
}

static void assert_ticks(const struct panel *panel, enum role role, const double *number, size_t n)
{
  const struct mark *mark = find(panel, MARK_TICKS, role, 0);
  assert_true(panel->ruler && panel->x.log);
  assert_non_null(mark);
  assert_int_equal(mark->n, n);
  for (size_t i = 0; i < n; i++)
    assert_true(mark->x[i] == number[i] / number[n - 1]);
}

static void number_lines_of_formats(void **state)
{
  (void)state;
  const struct quantizer quantizers[] = {quantizer_of("e4m3"), quantizer_of("int8"),
                                         quantizer_of("uint4")};
  double number[256];
  struct view view = view_of(VIEW_FORMAT);
  struct figure *figure = figure_of_quantizers(quantizers, 3, &view, "recipe");
  assert_int_equal(figure->panels, 4);
  size_t n = e4m3_numbers(number);
  assert_int_equal(n, 126);
  assert_ticks(figure->panel[0], ROLE_SERIES, number, n);
  for (n = 0; n < 127; n++)
    number[n] = (double)n + 1;
  assert_ticks(figure->panel[1], (enum role)(ROLE_SERIES + 1), number, n);
  assert_ticks(figure->panel[2], (enum role)(ROLE_SERIES + 2), number, 15);
  assert_string_equal(figure->panel[0]->title,
                      "e4m3: 8 bits, 253 levels, max 448, min 2^-9, normal from 2^-6");
  assert_string_equal(figure->panel[2]->title, "uint4: 4 bits, 16 levels, max 15, min 1");
  const struct mark *band = find(figure->panel[0], MARK_BAND, ROLE_REFERENCE, 0);
  assert_true(band->x[1] == ldexp(1, -6) / 448);
  assert_null(find(figure->panel[1], MARK_BAND, ROLE_REFERENCE, 0));
  assert_string_equal(figure->title, "e4m3, int8 and uint4");
  figure_free(figure);
}

/* Integers: one step, so that step / magnitude is 1 / k. E4M3: between 1/16 and 1/8 wherever
 * numbers are normal. */
static void steps_of_formats(void **state)
{
  (void)state;
  const struct quantizer quantizers[] = {quantizer_of("e4m3"), quantizer_of("int8")};
  struct view view = view_of(VIEW_FORMAT);
  struct figure *figure = figure_of_quantizers(quantizers, 2, &view, NULL);
  const struct panel *panel = figure->panel[2];
  const struct mark *floats = find(panel, MARK_LINE, ROLE_SERIES, 0);
  const struct mark *integers = find(panel, MARK_LINE, (enum role)(ROLE_SERIES + 1), 0);
  assert_int_equal(integers->n, 2);
  assert_true(integers->x[0] == 1.0 / 127 && integers->y[0] == 1);
  assert_true(integers->x[1] == 1 && integers->y[1] == 1.0 / 127);
  for (size_t i = 0; i < floats->n; i++)
    if (floats->x[i] >= ldexp(1, -6) / 448)
      assert_true(floats->y[i] >= 1.0 / 16 && floats->y[i] <= 1.0 / 8);
  assert_true(floats->y[0] == 1);
  figure_free(figure);
}

/* Steps of int8 are 1/127 of the largest. The gaps of e4m3, over its largest, are 4/448 from 32 to
 * 64 and 2/448 below: finer below 32/448 = 1/14; those of e5m2 below 2048/57344 = 1/28. A format
 * that is named twice is drawn once. */
static void where_floats_get_finer(void **state)
{
  (void)state;
  const struct quantizer quantizers[] = {quantizer_of("e5m2"), quantizer_of("e4m3,channel"),
                                         quantizer_of("e4m3"), quantizer_of("int8")};
  struct view view = view_of(VIEW_FORMAT);
  struct figure *figure = figure_of_quantizers(quantizers, 4, &view, NULL);
  assert_int_equal(figure->panels, 4);
  const struct mark *first = find(figure->panel[3], MARK_VLINE, ROLE_REFERENCE, 0),
                    *second = find(figure->panel[3], MARK_VLINE, ROLE_REFERENCE, 1);
  assert_true(fabs(first->x[0] - 1.0 / 28) < 1e-12 && fabs(second->x[0] - 1.0 / 14) < 1e-12);
  assert_string_equal(first->label, "e5m2 is finer below 1/28");
  assert_string_equal(second->label, "e4m3 is finer below 1/14");
  assert_string_equal(figure->title, "e5m2, e4m3 and int8");
  figure_free(figure);
}

/* bitsandbytes' fp4: 0, 1/192, 2/12, ...: the step above its smallest number is 31 times as large.
 */
static void steps_stay_on_the_axis(void **state)
{
  (void)state;
  const struct quantizer quantizer = quantizer_of("bnb_fp4");
  struct view view = view_of(VIEW_FORMAT);
  struct figure *figure = figure_of_quantizers(&quantizer, 1, &view, NULL);
  const struct mark *line = find(figure->panel[1], MARK_LINE, ROLE_SERIES, 0);
  assert_true(fabs(line->y[0] - 31) < 1e-3);
  for (size_t i = 0; i < line->n; i++)
    assert_true(line->y[i] > figure->panel[1]->y.lo && line->y[i] < figure->panel[1]->y.hi);
  figure_free(figure);
}

/* What is learned from a tensor has no numbers before. */
static void learned_levels_have_no_line(void **state)
{
  (void)state;
  const struct quantizer quantizer = quantizer_of("lloyd=16");
  struct view view = view_of(VIEW_FORMAT);
  struct figure *figure = figure_of_quantizers(&quantizer, 1, &view, NULL);
  assert_int_equal(figure->panels, 1);
  assert_int_equal(figure->panel[0]->marks, 0);
  assert_non_null(strstr(figure->panel[0]->title, "without fixed numbers"));
  figure_free(figure);
}

/* In the explorer the view shows the format of the one quantizer. */
static void the_format_view_of_a_result(void **state)
{
  (void)state;
  float value[4] = {1, 2, 3, 4};
  struct tensor tensor = tensor_over(value, (struct shape){1, {4}});
  struct view view = view_of(VIEW_FORMAT);
  struct made made = make(&tensor, "int4", &view, 16);
  assert_int_equal(made.figure->panels, 2);
  assert_int_equal(find(made.figure->panel[0], MARK_TICKS, ROLE_SERIES, 0)->n, 7);
  clear(&made);
}

/* Three groups of four with a step of 1 / 7 each, since each has a 1: errors of 0, one of 0.4 steps
 * and two of 0.3 steps. */
static const float three_blocks[12] = {1, 0, 1, 0, 1, 0.4f / 7, 0, 0, 1, 0.3f / 7, 0.3f / 7, 0};
static const double block_errors[3] = {0, 0.4 / 7, 0.424264068711928515 / 7}; /* 0.3 sqrt 2 */

static void check_inspector(const struct tensor *tensor, long asked, size_t shown, double height,
                            const char *label)
{
  struct view view = view_of(VIEW_INSPECTOR);
  view.block = asked;
  struct made made = make(tensor, "int4,sym,narrow,group=4", &view, 0);
  const struct panel *panel = made.figure->panel[0];
  const struct mark *point = find(panel, MARK_POINTS, ROLE_OUTLIER, 0);
  assert_int_equal(point->n, 1);
  assert_true(point->x[0] == (double)shown + 0.5); /* the middle of its bar */
  assert_true(fabs(point->y[0] - height) < 1e-6);
  assert_string_equal(point->label, label);
  assert_true(point->x[0] < panel->x.hi && point->y[0] < panel->y.hi);
  assert_null(find(panel, MARK_POINTS, ROLE_OUTLIER, 1));
  assert_non_null(strstr(made.figure->title, "int4,"));
  clear(&made);
}

/* The point stands on the bar of the block that was asked for, or of the worst. */
static void the_inspector_marks_its_block(void **state)
{
  (void)state;
  float value[12];
  memcpy(value, three_blocks, sizeof value);
  struct tensor tensor = tensor_over(value, (struct shape){1, {12}});
  check_inspector(&tensor, VIEW_WORST_BLOCK, 2, block_errors[2], "block 2, rank 1");
  check_inspector(&tensor, 0, 0, block_errors[0], "block 0, rank 3");
  check_inspector(&tensor, 1, 1, block_errors[1], "block 1, rank 2");
  check_inspector(&tensor, 99, 2, block_errors[2], "block 2, rank 1"); /* the last */

  struct view view = view_of(VIEW_INSPECTOR);
  struct made made = make(&tensor, "int4,sym,narrow,group=4", &view, 0);
  const struct mark *bars = find(made.figure->panel[0], MARK_BARS, ROLE_ERROR, 0);
  assert_int_equal(bars->n, 3);
  for (size_t i = 0; i < 3; i++)
    assert_true(bars->x[i] == (double)i && fabs(bars->y[i] - block_errors[i]) < 1e-6);
  clear(&made);
}

/* A block whose error is no number has its point at the height of the highest bar; where nothing
 * errs, and where nothing was measured, there is a sentence instead. */
static void the_inspector_without_a_bar_to_mark(void **state)
{
  (void)state;
  float value[64] = {0};
  struct view view = view_of(VIEW_INSPECTOR);
  struct tensor tensor = tensor_over(value, (struct shape){1, {64}});
  struct made made = make(&tensor, "mxfp8", &view, 0);
  assert_string_equal(made.figure->panel[0]->title, "Exact: no block has an error.");
  assert_int_equal(made.figure->panel[0]->marks, 0);
  clear(&made);

  value[1] = 1.03f; /* between 1 and 1.125 of E4M3 */
  value[40] = NAN;
  made = make(&tensor, "mxfp8", &view, 0);
  const struct mark *point = find(made.figure->panel[0], MARK_POINTS, ROLE_OUTLIER, 0);
  assert_true(point->x[0] == 1.5 && fabs(point->y[0] - 0.03) < 1e-6);
  assert_string_equal(point->label, "block 1, rank 1");
  clear(&made);

  view.kind = VIEW_HISTOGRAM; /* so that make() measures no blocks */
  made = make(&tensor, "mxfp8", &view, 16);
  view.kind = VIEW_INSPECTOR;
  figure_free(made.figure);
  made.figure = figure_build(made.result, &view, "model.npy", &tensor, NULL);
  assert_string_equal(made.figure->panel[0]->title, "The error of the blocks was not measured.");
  clear(&made);
}

/* One row for each thing that is drawn, by hand. */
static void the_numbers_behind_a_figure(void **state)
{
  (void)state;
  static const char *const names[] = {"first", "second, quoted"};
  static const double x[] = {0, 1, 2}, y[] = {5, NAN}, at = 0.5;
  struct figure *figure = figure_new("t");
  struct panel *panel = figure_add_panel(figure, NULL), *other = figure_add_panel(figure, "P");
  assert_true(axis_set(&panel->x, "value", "m", 0, 2) && axis_set(&panel->y, "n", NULL, 0, 9) &&
              axis_set_names(&other->x, "rule", 2, names));
  panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, 2, x, y, NULL);
  panel_add_mark(panel, MARK_HLINE, ROLE_MEDIAN, 1, &at, NULL, "median");
  panel_add_mark(panel, MARK_BAND, ROLE_CLIP, 2, x, NULL, NULL);
  panel_add_mark(other, MARK_SERIES, ROLE_SERIES + 3, 2, x, y, "A");
  char *text = NULL;
  size_t size;
  FILE *memory = open_memstream(&text, &size);
  figure_csv(figure, memory);
  fclose(memory);
  assert_string_equal(text, "panel,title,series,mark,x,x_to,y,x_name,x_axis,x_unit,y_axis,y_unit,"
                            "y_to,value,y_name\n"
                            "1,,original,bar,0,1,5,,value,m,n,,,,\n"
                            "1,,original,bar,1,2,,,value,m,n,,,,\n"
                            "1,,median,hline,,,0.5,,value,m,n,,,,\n"
                            "1,,clip,band,0,1,,,value,m,n,,,,\n"
                            "2,P,A,series,0,,5,first,rule,,,,,,\n"
                            "2,P,A,series,1,,,\"second, quoted\",rule,,,,,,\n");
  free(text);
  figure_free(figure);
}

/* Hand-made figures: copies, not borrowed arrays. */
static void the_model_copies(void **state)
{
  (void)state;
  struct figure *figure = figure_new("t");
  struct panel *panel = figure_add_panel(figure, NULL);
  double x[3] = {0, 1, 2}, y[2] = {5, 6};
  char label[] = "label";
  assert_true(axis_set(&panel->x, label, NULL, 0, 2) && axis_set(&panel->x, label, "u", 0, 2));
  struct mark *bars = panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, 2, x, y, label);
  struct mark *band = panel_add_mark(panel, MARK_BAND, ROLE_CLIP, 1, x, NULL, NULL);
  memset(x, 0, sizeof x);
  memset(y, 0, sizeof y);
  memset(label, '?', 3);
  assert_true(bars->x[2] == 2 && bars->y[1] == 6);
  assert_string_equal(bars->label, "label");
  assert_string_equal(panel->x.label, "label");
  assert_true(band->x[1] == 1 && !band->y);
  figure_free(figure);
  figure_free(NULL);
}

/* What a figure is of is told once for each tensor; it differs where a tensor that both name has
 * another hash. */
static void stamps(void **state)
{
  (void)state;
  static const char conv[] = "# xxh64 000000000000abcd conv\n",
                    other[] = "# xxh64 000000000000abce conv\n",
                    both[] = "# xxh64 000000000000abcd conv\n# xxh64 ffffffffffffffff b\\x0aias\n";
  char name[32];
  struct figure *figure = figure_new("x");
  assert_non_null(figure);
  assert_true(figure_add_stamp(figure, "conv", 0xabcd));
  assert_string_equal(figure->stamp, conv);
  assert_true(figure_add_stamp(figure, "b\nias", UINT64_MAX));
  assert_true(figure_add_stamp(figure, "conv", 0xabcd));
  assert_string_equal(figure->stamp, both);
  assert_false(figure_stamps_differ(conv, both, name, sizeof name));
  assert_false(figure_stamps_differ(both, conv, name, sizeof name));
  assert_true(figure_stamps_differ(other, both, name, sizeof name));
  assert_string_equal(name, "conv");
  assert_true(figure_stamps_differ(
      "# xxh64 000000000000abcd conv\n# xxh64 0000000000000000 b\\x0aias", both, name, 4));
  assert_string_equal(name, "b\\x");
  static const char *const odd[] = {"",
                                    "\n",
                                    "# xxh64",
                                    "# xxh64 0",
                                    "# sha256 000000000000abcd conv\n",
                                    "# xxh64 000000000000abcd \n"};
  assert_false(figure_stamps_differ(NULL, both, name, sizeof name));
  assert_false(figure_stamps_differ(both, NULL, name, sizeof name));
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    assert_false(figure_stamps_differ(odd[i], both, name, sizeof name));
  figure_free(figure);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bars_are_the_histogram),
      cmocka_unit_test(reconstruction_is_spread_over_cells),
      cmocka_unit_test(levels_and_thresholds),
      cmocka_unit_test(several_scales_have_no_common_levels),
      cmocka_unit_test(one_giant_bin),
      cmocka_unit_test(the_error_view),
      cmocka_unit_test(outlier_channels_are_named),
      cmocka_unit_test(a_strip_has_the_error_of_each_channel),
      cmocka_unit_test(captions_say_it_in_words),
      cmocka_unit_test(degenerate_tensors),
      cmocka_unit_test(two_tensors),
      cmocka_unit_test(degenerate_pairs),
      cmocka_unit_test(number_lines_of_formats),
      cmocka_unit_test(steps_of_formats),
      cmocka_unit_test(where_floats_get_finer),
      cmocka_unit_test(steps_stay_on_the_axis),
      cmocka_unit_test(learned_levels_have_no_line),
      cmocka_unit_test(the_format_view_of_a_result),
      cmocka_unit_test(the_inspector_marks_its_block),
      cmocka_unit_test(the_inspector_without_a_bar_to_mark),
      cmocka_unit_test(the_numbers_behind_a_figure),
      cmocka_unit_test(the_model_copies),
      cmocka_unit_test(stamps),
  };
  return cmocka_run_group_tests_name("figure", tests, NULL, NULL);
}
