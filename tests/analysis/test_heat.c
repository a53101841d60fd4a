/* Heat maps against plain loops over the elements: the cell of each by its row and column, errors
 * by the fit, whatever the shape, the axis, the part and what shares a scale. */
#include "tests/analysis/tensors.h"

#include "analysis/colormap.h"
#include "analysis/heat.h"
#include "analysis/reconstruction.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fit *fit_of(const struct tensor *tensor, const char *spec)
{
  const struct quantizer quantizer = quantizer_of(spec);
  const struct feed feed = tensor_feed(tensor);
  struct fit *fit = NULL;
  struct error error = {0};
  if (quantizer_fit(&quantizer, &feed, &tensor->shape, NULL, &fit, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return fit;
}

static struct heat *map_of(const struct tensor *tensor, const struct fit *fit, int axis,
                           struct heat_request request)
{
  struct heat *heat = NULL;
  struct error error = {0};
  if (heat_compute(tensor, fit, axis, &request, NULL, &heat, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return heat;
}

static void near(double found, double expected, const char *what, size_t cell)
{
  if (isnan(expected) ? !isnan(found)
                      : !(found == expected || fabs(found - expected) <= 1e-9 * fabs(expected)))
    fail_msg("%s of cell %zu: found %.17g, expected %.17g", what, cell, found, expected);
}

/* The numbers of one cell, by walking over all elements of the matrix. */
static void check_cell(const struct heat *heat, size_t at, const float *x, const float *y,
                       const struct fit *fit)
{
  double error2 = 0, signal2 = 0, absmax = 0, scale = 0, n = 0;
  uint64_t special = 0;
  size_t down = at / heat->across, across = at % heat->across;
  for (size_t r = heat->part.row[0]; r < heat->part.row[1]; r++)
    for (size_t c = heat->part.column[0]; c < heat->part.column[1]; c++) {
      const size_t row = heat->order && heat->channels_down ? heat->order[r] : r;
      const size_t column = heat->order && !heat->channels_down ? heat->order[c] : c;
      size_t i = row * heat->columns + column;
      if ((r - heat->part.row[0]) / heat->tall != down ||
          (c - heat->part.column[0]) / heat->wide != across)
        continue;
      scale = fmax(scale, fabs((double)fit_scale(fit, grain_unit(fit_grain(fit), i))));
      if (!isfinite(x[i]) || !isfinite(y[i])) {
        special++;
        continue;
      }
      error2 += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
      signal2 += (double)x[i] * (double)x[i];
      absmax = fmax(absmax, fabs((double)x[i]));
      n++;
    }
  near(heat->value[HEAT_ERROR][at], n > 0 ? error2 / n : (double)NAN, "error", at);
  near(heat->value[HEAT_ABSMAX][at], n > 0 ? absmax : (double)NAN, "absmax", at);
  near(heat->value[HEAT_SCALE][at], scale, "scale", at);
  near(heat->value[HEAT_SQNR][at],
       n == 0        ? (double)NAN
       : error2 > 0  ? 10 * log10(signal2 / error2)
       : signal2 > 0 ? (double)INFINITY
                     : (double)NAN,
       "SQNR", at);
  assert_int_equal(heat->special[at], special);
}

/* How bad LINE is by the words of heat.h: over all of its elements, whatever the part; NaN: it has
 * no number. */
static double line_badness(const struct heat *heat, enum heat_quantity quantity, size_t line,
                           const float *x, const float *y, const struct fit *fit)
{
  double error2 = 0, signal2 = 0, absmax = 0, scale = 0, n = 0;
  const size_t length = heat->channels_down ? heat->columns : heat->rows;
  for (size_t k = 0; k < length; k++) {
    const size_t i = heat->channels_down ? line * heat->columns + k : k * heat->columns + line;
    scale = fmax(scale, fabs((double)fit_scale(fit, grain_unit(fit_grain(fit), i))));
    if (!isfinite(x[i]) || !isfinite(y[i]))
      continue;
    error2 += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    signal2 += (double)x[i] * (double)x[i];
    absmax = fmax(absmax, fabs((double)x[i]));
    n++;
  }
  if (quantity == HEAT_SCALE)
    return scale;
  if (!(n > 0))
    return (double)NAN;
  if (quantity == HEAT_ABSMAX)
    return absmax;
  if (quantity == HEAT_ERROR)
    return error2 / n;
  return error2 > 0 ? -10 * log10(signal2 / error2) : signal2 > 0 ? -HUGE_VAL : (double)NAN;
}

/* Every line once, none before one that is worse by more than rounding, gaps last. */
static void check_order(const struct heat *heat, enum heat_quantity quantity, const float *x,
                        const float *y, const struct fit *fit)
{
  const size_t lines = heat->channels_down ? heat->rows : heat->columns;
  double before = HUGE_VAL;
  for (size_t rank = 0; rank < lines; rank++) {
    const double now = line_badness(heat, quantity, heat->order[rank], x, y, fit);
    assert_int_equal(heat->place[heat->order[rank]], rank);
    assert_false(isnan(before) && !isnan(now));
    if (!isnan(now))
      assert_true(now <= before + 1e-9 * fabs(before));
    before = now;
  }
}

static void check_map(const struct tensor *tensor, const char *spec, int axis,
                      struct heat_request request)
{
  struct fit *fit = fit_of(tensor, spec);
  struct heat *heat = map_of(tensor, fit, axis, request);
  float *y = calloc(tensor->count, sizeof *y);
  for (size_t i = 0; i < tensor->count; i += FEED_BLOCK) {
    size_t n = tensor->count - i < FEED_BLOCK ? tensor->count - i : FEED_BLOCK;
    fit_round_trip(fit, i, n, (const float *)(const void *)tensor->data + i, y + i, NULL);
  }
  assert_true(heat->down <= request.down && heat->across <= request.across);
  assert_int_equal(heat->rows * heat->columns, tensor->count);
  assert_int_equal(heat->order != NULL, request.worst_first);
  if (heat->order)
    check_order(heat, request.quantity, (const float *)(const void *)tensor->data, y, fit);
  for (size_t at = 0; at < heat->down * heat->across; at++)
    check_cell(heat, at, (const float *)(const void *)tensor->data, y, fit);
  free(y);
  heat_free(heat);
  fit_free(fit);
}

static void test_against_loops(void **state)
{
  static const char *const specs[] = {"int4", "int8,channel=1", "int4,group=16", "e4m3,token",
                                      "q8_0"};
  static const struct shape shapes[] = {{2, {37, 64}}, {3, {3, 10, 32}}, {2, {200, 32}}};
  (void)state;
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
    size_t count = shape_elements(&shapes[k]);
    float *x = random_values(count, k, true);
    struct tensor tensor = tensor_over(x, shapes[k]);
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
      for (int axis = 0; axis < (int)shapes[k].dims; axis++) {
        check_map(&tensor, specs[s], axis, (struct heat_request){.down = 7, .across = 5});
        check_map(&tensor, specs[s], axis, (struct heat_request){.down = 512, .across = 512});
        check_map(&tensor, specs[s], axis,
                  (struct heat_request){4, 8, {.row = {1, 3}, .column = {5, 30}}, false, 0});
        for (enum heat_quantity quantity = 0; quantity < HEAT_QUANTITIES; quantity++) {
          check_map(&tensor, specs[s], axis,
                    (struct heat_request){7, 5, {{0}, {0}}, true, quantity});
          check_map(&tensor, specs[s], axis,
                    (struct heat_request){4, 8, {{1, 3}, {5, 30}}, true, quantity});
        }
      }
    free(x);
  }
}

/* How shapes become matrices. */
static void test_matrix(void **state)
{
  static const struct {
    struct shape shape;
    int axis;
    size_t rows, columns;
    const char *row, *column;
  } cases[] = {
      {{2, {6, 8}}, 0, 6, 8, "channel (axis 0)", "axis 1"},
      {{2, {6, 8}}, 1, 6, 8, "axis 0", "channel (axis 1)"},
      {{4, {6, 8, 3, 3}}, 0, 6, 72, "channel (axis 0)", "axes 1 to 3"},
      {{4, {6, 8, 3, 3}}, 1, 48, 9, "axes 0 to 1", "axes 2 to 3"},
      {{4, {6, 8, 3, 3}}, -1, 144, 3, "axes 0 to 2", "channel (axis 3)"},
      {{1, {12}}, 0, 1, 12, "row", "channel (axis 0)"},
      {{0, {0}}, 0, 1, 1, "row", "row"},
      {{3, {1, 4, 1}}, 1, 1, 4, "axis 0", "axes 1 to 2"},
  };
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    float *x = random_values(shape_elements(&cases[k].shape), 1, false);
    struct tensor tensor = tensor_over(x, cases[k].shape);
    struct fit *fit = fit_of(&tensor, "int8");
    struct heat *heat =
        map_of(&tensor, fit, cases[k].axis, (struct heat_request){.down = 9, .across = 9});
    assert_int_equal(heat->rows, cases[k].rows);
    assert_int_equal(heat->columns, cases[k].columns);
    assert_string_equal(heat->row_name, cases[k].row);
    assert_string_equal(heat->column_name, cases[k].column);
    heat_free(heat);
    fit_free(fit);
    free(x);
  }
}

/* As heat.h lays the matrix: the rows are the axes up to that of the channels, the last of which
 * counts fastest; channels of the last axis are the columns. */
static void test_channels_of_cells(void **state)
{
  static const struct {
    int axis;
    struct view_part cell;
    size_t count, channel[3];
  } cases[] = {{0, {{1, 2}, {0, 12}}, 1, {1}},      {1, {{4, 5}, {0, 4}}, 1, {1}},
               {1, {{2, 5}, {1, 2}}, 3, {2, 0, 1}}, {1, {{0, 6}, {0, 4}}, 3, {0, 1, 2}},
               {2, {{0, 6}, {3, 4}}, 1, {3}},       {-1, {{0, 1}, {1, 3}}, 2, {1, 2}},
               {-2, {{3, 4}, {0, 4}}, 1, {0}}};
  static const float x[24];
  const struct tensor tensor = tensor_over(x, (struct shape){3, {2, 3, 4}});
  struct fit *fit = fit_of(&tensor, "int8");
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct heat *heat =
        map_of(&tensor, fit, cases[i].axis, (struct heat_request){.down = 9, .across = 9});
    assert_int_equal(heat_channels(heat, &cases[i].cell), cases[i].count);
    for (size_t k = 0; k < cases[i].count; k++)
      assert_int_equal(heat_channel(heat, &cases[i].cell, k), cases[i].channel[k]);
    heat_free(heat);
  }
  fit_free(fit);
}

/* Magnitudes by hand: rows 1, 3 and 0 and 2 (equal, the first first); columns 2, 0, 1. The row of a
 * gap alone comes last. */
static void test_worst_first(void **state)
{
  const float x[] = {0, -2, 1, 0, 1, 8, 2, 0, 1, 4, 3, -1, (float)NAN, (float)NAN, (float)INFINITY};
  static const size_t rows[] = {1, 3, 0, 2, 4}, columns[] = {2, 0, 1};
  const struct tensor tensor = tensor_over(x, (struct shape){2, {5, 3}});
  const struct heat_request request = {5, 3, {{0}, {0}}, true, HEAT_ABSMAX},
                            coarse = {2, 2, {{0}, {0}}, true, HEAT_ABSMAX};
  const struct view_part cell = {{1, 3}, {0, 3}}, most = {{0, 5}, {1, 3}};
  struct fit *fit = fit_of(&tensor, "int8,scale=1");
  char text[64];
  (void)state;
  struct heat *heat = map_of(&tensor, fit, 0, request);
  assert_memory_equal(heat->order, rows, sizeof rows);
  assert_string_equal(heat_axis_label(heat, true, text, sizeof text),
                      "worst first: channel (axis 0)");
  assert_string_equal(heat_axis_label(heat, false, text, sizeof text), "axis 1");
  assert_int_equal(heat_channel(heat, &cell, 0), 3);
  assert_int_equal(heat_channel(heat, &cell, 1), 0);
  assert_int_equal(heat_row(heat, 1), 3);
  assert_int_equal(heat_place_of_row(heat, 3), 1);
  assert_int_equal(heat_column(heat, 1), 1);
  assert_string_equal(heat_lines(heat, true, cell.row, text, sizeof text), "3, 0");
  assert_string_equal(heat_lines(heat, true, most.row, text, sizeof text), "1, 3, 0 and 2 more");
  assert_string_equal(heat_lines(heat, false, most.column, text, sizeof text), "1..2");
  heat_free(heat);
  heat = map_of(&tensor, fit, 0, coarse);
  assert_string_equal(heat_axis_label(heat, true, text, sizeof text),
                      "rank, worst first: channel (axis 0)");
  near(heat->value[HEAT_ABSMAX][0], 4, "rows 1, 3 and 0, columns 0 and 1", 0);
  near(heat->value[HEAT_ABSMAX][1], 8, "rows 1, 3 and 0, column 2", 1);
  near(heat->value[HEAT_ABSMAX][3], 1, "rows 2 and 4, column 2", 3);
  heat_free(heat);
  heat = map_of(&tensor, fit, 1, request);
  assert_memory_equal(heat->order, columns, sizeof columns);
  assert_string_equal(heat_axis_label(heat, false, text, sizeof text),
                      "worst first: channel (axis 1)");
  assert_int_equal(heat_channel(heat, &cell, 0), 2);
  near(heat->value[HEAT_ABSMAX][3], 8, "row 1, column 2", 3);
  near(heat->value[HEAT_ABSMAX][10], 4, "row 3, column 0", 10);
  heat_free(heat);
  fit_free(fit);
}

/* A cell is a whole number of groups wide, until the part holds only a few of them. */
static void test_groups(void **state)
{
  float *x = random_values(4 * 1024, 1, false);
  struct tensor tensor = tensor_over(x, (struct shape){2, {4, 1024}});
  struct fit *fit = fit_of(&tensor, "int4,group=64"), *block = fit_of(&tensor, "q4_k");
  static const struct {
    size_t across, first, end, wide;
  } cases[] = {{512, 0, 0, 64}, {10, 0, 0, 128}, {512, 0, 255, 1}, {100, 128, 512, 64}};
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    struct heat *heat =
        map_of(&tensor, fit, 0,
               (struct heat_request){.down = 4,
                                     .across = cases[k].across,
                                     .part = {.column = {cases[k].first, cases[k].end}}});
    assert_int_equal(heat->wide, cases[k].wide);
    heat_free(heat);
  }
  struct heat *heat = map_of(&tensor, block, 0, (struct heat_request){.down = 4, .across = 512});
  assert_int_equal(heat->wide, 256);
  heat_free(heat);
  fit_free(block);
  fit_free(fit);
  free(x);
}

/* Errors of a transformed tensor are those of the original: a map of one cell has its MSE. */
static void test_transformed(void **state)
{
  float *x = random_values(16 * 64, 5, false);
  struct tensor tensor = tensor_over(x, (struct shape){2, {16, 64}});
  static const char *const words[] = {"smooth=1", "hadamard", "split=3"};
  (void)state;
  for (size_t w = 0; w < 3; w++) {
    struct transform transform;
    struct transformed *t;
    assert_int_equal(transform_parse(words[w], &transform, NULL), STATUS_OK);
    assert_int_equal(transformed_new(&tensor, &transform, 1, &t, NULL), STATUS_OK);
    assert_int_equal(transformed_prepare(t, NULL, NULL), STATUS_OK);
    const struct quantizer quantizer = quantizer_of("int4");
    const struct result_request request = {
        .axis = 1, .lo = NAN, .hi = NAN, .heat = {.down = 1, .across = 1}};
    struct result *result;
    assert_int_equal(result_compute(&t->tensor, &quantizer, &request, NULL, &result, NULL),
                     STATUS_OK);
    near(result->heat->value[HEAT_ERROR][0], result->metrics.mse, words[w], 0);
    near(result->heat->value[HEAT_SQNR][0], result->metrics.sqnr_db, words[w], 0);
    result_free(result);
    transformed_free(t);
  }
  free(x);
}

/* The same numbers on one thread and on four. */
static void test_threads(void **state)
{
  float *x = random_values(300 * 700, 5, true);
  struct tensor tensor = tensor_over(x, (struct shape){2, {300, 700}});
  struct fit *fit = fit_of(&tensor, "int4,group=7");
  const struct heat_request by_error = {9, 100, {{0}, {0}}, true, HEAT_ERROR};
  struct heat *heat[2], *ranked[2];
  (void)state;
  for (unsigned k = 0; k < 2; k++) {
    pool_set_threads(k ? 4 : 1);
    heat[k] = map_of(&tensor, fit, 0, (struct heat_request){.down = 9, .across = 100});
    ranked[k] = map_of(&tensor, fit, 1, by_error);
  }
  pool_set_threads(0);
  assert_memory_equal(ranked[0]->order, ranked[1]->order, 700 * sizeof(size_t));
  for (size_t q = 0; q < HEAT_QUANTITIES; q++)
    assert_memory_equal(ranked[0]->value[q], ranked[1]->value[q],
                        ranked[0]->down * ranked[0]->across * sizeof(double));
  heat_free(ranked[0]);
  heat_free(ranked[1]);
  for (size_t q = 0; q < HEAT_QUANTITIES; q++)
    assert_memory_equal(heat[0]->value[q], heat[1]->value[q],
                        heat[0]->down * heat[0]->across * sizeof(double));
  heat_free(heat[0]);
  heat_free(heat[1]);
  fit_free(fit);
  free(x);
}

static void test_refusals(void **state)
{
  float x[6] = {1, 2, 3, 4, 5, 6};
  struct tensor tensor = tensor_over(x, (struct shape){2, {2, 3}});
  struct fit *fit = fit_of(&tensor, "int8");
  static const struct view_part parts[] = {{{0, 3}, {0, 0}}, {{0, 2}, {3, 4}}, {{5, 0}, {0, 0}}};
  struct progress progress = {0};
  struct heat *heat;
  struct error error;
  (void)state;
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
    struct heat_request request = {.down = 8, .across = 8, .part = parts[k]};
    assert_int_equal(heat_compute(&tensor, fit, 0, &request, NULL, &heat, &error), STATUS_USAGE);
    assert_non_null(strstr(error.text, "2 rows and 3 columns"));
  }
  progress_cancel(&progress);
  struct heat_request all = {.down = 8, .across = 8};
  assert_int_equal(heat_compute(&tensor, fit, 0, &all, &progress, &heat, &error), STATUS_CANCELLED);
  all.worst_first = true;
  assert_int_equal(heat_compute(&tensor, fit, 0, &all, &progress, &heat, &error), STATUS_CANCELLED);
  fit_free(fit);
}

/* --- colours ---------------------------------------------------------------------------------- */

static void test_range(void **state)
{
  enum { N = 1000 };
  double values[N];
  struct heat heat = {.down = 1, .across = N, .value = {values, values, values, values}};
  double lo, hi;
  bool log;
  (void)state;
  for (size_t i = 0; i < N; i++)
    values[i] = (double)i;
  assert_true(heat_range(&heat, HEAT_ABSMAX, &lo, &hi, &log));
  assert_true(log && lo == 11 && hi == 989); /* the least positive ones are left out, too */
  assert_true(heat_range(&heat, HEAT_SQNR, &lo, &hi, &log));
  assert_true(!log && lo == 10 && hi == 989);
  heat.across = 100;
  values[50] = (double)NAN;
  values[51] = (double)INFINITY;
  for (size_t i = 0; i < 50; i++)
    values[i] = 60;
  assert_true(heat_range(&heat, HEAT_ERROR, &lo, &hi, &log));
  assert_true(!log && lo == 52 && hi == 99);
  heat.across = 0;
  assert_false(heat_range(&heat, HEAT_ERROR, &lo, &hi, &log));
}

static void test_levels(void **state)
{
  struct axis plain = {.lo = 0, .hi = 64}, log = {.lo = 1, .hi = 16, .log = true},
              single = {.lo = 3, .hi = 3};
  (void)state;
  assert_int_equal(colormap_level(&plain, 0), 0);
  assert_int_equal(colormap_level(&plain, 31.5), 31);
  assert_int_equal(colormap_level(&plain, 64), 63);
  assert_int_equal(colormap_level(&plain, 64.1), COLORMAP_LEVELS);
  assert_int_equal(colormap_level(&plain, -0.1), COLORMAP_BELOW);
  assert_int_equal(colormap_level(&plain, (double)NAN), COLORMAP_NONE);
  assert_int_equal(colormap_level(&log, 4), 32);
  assert_int_equal(colormap_level(&log, 0), COLORMAP_BELOW);
  assert_int_equal(colormap_level(&single, 3), 0);
  /* Lightness (by the usual weights) grows from level to level: it reads in grey, too. */
  for (int level = 1; level < COLORMAP_LEVELS; level++) {
    double light[2];
    for (int k = 0; k < 2; k++) {
      uint32_t rgb = colormap_rgb(level - 1 + k);
      light[k] = 0.2126 * (rgb >> 16) + 0.7152 * (rgb >> 8 & 255) + 0.0722 * (rgb & 255);
    }
    assert_true(light[1] > light[0]);
  }
}

static void test_parts(void **state)
{
  static const char *const wrong[] = {"",         "1:2",     "1:2,3",
                                      "2:1,0:4",  "0:1,4:4", "0:1,0:4x",
                                      "-1:2,0:4", "a:b,c:d", "0:99999999999999999999,0:1"};
  struct view_part part;
  char text[VIEW_PART_TEXT];
  (void)state;
  assert_true(view_part_scan("0:16,128:256", &part));
  assert_string_equal(view_part_print(&part, text), "0:16,128:256");
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_false(view_part_scan(wrong[i], &part));
  assert_string_equal(view_part_print(&(struct view_part){{0}, {0}}, text), "");
}

/* By hand: 9, 7, 7 (the first first), 1; the gap never. */
static void test_worst(void **state)
{
  double error[] = {7, (double)NAN, 9, 1, 7, 0}, sqnr[] = {3, 1, 2, (double)INFINITY, 2, 5};
  static const size_t by_error[] = {2, 0, 4, 3, 5}, by_sqnr[] = {1, 2, 4, 0, 5, 3};
  const struct heat heat = {
      .down = 2, .across = 3, .value = {[HEAT_ERROR] = error, [HEAT_SQNR] = sqnr}};
  size_t at = HEAT_BEGIN;
  (void)state;
  for (size_t i = 0; i < sizeof by_error / sizeof *by_error; i++) {
    at = heat_next_worst(&heat, HEAT_ERROR, at);
    assert_int_equal(at, by_error[i]);
  }
  assert_true(heat_next_worst(&heat, HEAT_ERROR, at) == HEAT_BEGIN);
  at = HEAT_BEGIN;
  for (size_t i = 0; i < sizeof by_sqnr / sizeof *by_sqnr; i++) {
    at = heat_next_worst(&heat, HEAT_SQNR, at);
    assert_int_equal(at, by_sqnr[i]);
  }
  assert_true(heat_next_worst(&heat, HEAT_SQNR, at) == HEAT_BEGIN);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_loops),
      cmocka_unit_test(test_matrix),
      cmocka_unit_test(test_channels_of_cells),
      cmocka_unit_test(test_worst_first),
      cmocka_unit_test(test_groups),
      cmocka_unit_test(test_transformed),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_range),
      cmocka_unit_test(test_levels),
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_worst),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
