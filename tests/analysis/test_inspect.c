/* Blocks: against the report's numbers, against brute force over single elements, and against
 * sentences worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/inspect.h"
#include "analysis/result.h"
#include "tests/analysis/reference.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct result_request with_blocks = {
    .lo = (double)NAN, .hi = (double)NAN, .blocks = true};

static struct result *result_of(const float *x, struct shape shape, const char *spec)
{
  struct tensor tensor = tensor_over(x, shape);
  struct quantizer quantizer = quantizer_of(spec);
  struct result *result = NULL;
  struct error error;
  if (result_compute(&tensor, &quantizer, &with_blocks, NULL, &result, &error) != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return result;
}

static const struct shape vector4 = {.dims = 1, .dim = {4}};
static const struct shape shapes[] = {
    {.dims = 0},
    {.dims = 1, .dim = {1}},
    {.dims = 1, .dim = {70}},
    {.dims = 2, .dim = {5, 70}},
    {.dims = 2, .dim = {3, 600}},
    {.dims = 3, .dim = {40, 7, 3}},
    {.dims = 3, .dim = {3, 5, 90}},
    {.dims = 2, .dim = {70, 1}},
};
static const char *const specs[] = {
    "int8",
    "int4,asym",
    "int8,channel",
    "int8,channel=-1",
    "e4m3,token",
    "int4,group=32",
    "int8,asym,group=300",
    "e5m2,group=1",
    "bf16",
    "int8,group=7,round=stochastic",
};
enum {
  SHAPES = sizeof shapes / sizeof *shapes,
  SPECS = sizeof specs / sizeof *specs,
};

static bool fits(const struct shape *shape, const char *spec)
{
  return shape->dims > 0 || !strstr(spec, "channel");
}

/* The error of one element, by a round trip of its own. */
static double error2_of(const float *x, const struct fit *fit, size_t index)
{
  float y;
  fit_round_trip(fit, index, 1, x + index, &y, NULL);
  double error = (double)y - (double)x[index];
  return isfinite(x[index]) ? error * error : 0;
}

/* Every element is in exactly one block, at the place that inspect_block_of says, and shares its
 * unit with the whole block; blocks without a group of their own have 32 elements but for the
 * last. Fills ERROR2 with the errors of the blocks. */
static void check_grid(const float *x, const struct fit *fit, size_t count, double *error2)
{
  const struct inspect_grid grid = inspect_grid_of(fit);
  char *seen = calloc(count, 1);
  for (size_t b = 0; b < grid.count; b++) {
    size_t length = inspect_length(&grid, b);
    assert_in_range(length, 1, INSPECT_MOST);
    error2[b] = 0;
    for (size_t k = 0, place; k < length; k++) {
      size_t index = inspect_element(&grid, b, k);
      assert_true(index < count && !seen[index]);
      seen[index] = 1;
      assert_int_equal(inspect_block_of(&grid, index, &place), b);
      assert_int_equal(place, k);
      assert_int_equal(grain_unit(fit_grain(fit), index),
                       grain_unit(fit_grain(fit), inspect_element(&grid, b, 0)));
      error2[b] += error2_of(x, fit, index);
    }
  }
  assert_null(memchr(seen, 0, count));
  free(seen);
}

static void check_block(const float *x, const struct result *result, size_t number, double error2)
{
  const struct inspect_errors *errors = result->blocks;
  struct feed feed = feed_floats(x, result->facts.count);
  struct inspect_block block;
  size_t rank = 1, finite = 0;
  assert_int_equal(inspect_read(&feed, result->fit, number, &block, NULL), STATUS_OK);
  reference_near("the block's error", block.error2, error2, 1e-12);
  reference_near("the strip's error", errors->error2[number], error2, 1e-12);
  for (size_t i = 0; i < errors->count; i++)
    rank += errors->error2[i] > errors->error2[number];
  assert_int_equal(inspect_rank(errors, number), rank);
  for (size_t k = 0; k < block.length; k++) {
    float y;
    uint16_t code;
    fit_round_trip(result->fit, block.index[k], 1, x + block.index[k], &y, &code);
    assert_memory_equal(&block.x[k], x + block.index[k], sizeof y);
    assert_true(y == block.y[k] || (isnan(y) && isnan(block.y[k])));
    finite += isfinite(block.x[k]) != 0;
    /* Rounding to the nearest errs by at most half the distance between the levels around. */
    if (isfinite(block.x[k]) && !block.clipped[k] && result->quantizer.rounding == ROUND_EVEN)
      assert_true(fabs(inspect_error(&block, k)) <= block.step[k] * 0.500001);
  }
  assert_int_equal(block.finite, finite);
  reference_near("mse", block.mse, finite ? error2 / (double)finite : (double)NAN, 1e-12);
}

static void blocks_add_up_to_the_report(void **state)
{
  (void)state;
  for (size_t i = 0; i < (size_t)SHAPES * SPECS; i++) {
    const struct shape *shape = &shapes[i / SPECS];
    const char *spec = specs[i % SPECS];
    if (!fits(shape, spec))
      continue;
    size_t count = shape_elements(shape);
    float *x = random_values(count, 11 + i, count > 4);
    double *error2 = calloc(count, sizeof *error2);
    struct result *result = result_of(x, *shape, spec);
    const struct inspect_errors *errors = result->blocks;
    check_grid(x, result->fit, count, error2);
    double total = 0;
    for (size_t b = 0; b < errors->count; b++) {
      check_block(x, result, b, error2[b]);
      total += error2[b];
      assert_true(errors->error2[b] <= errors->error2[errors->worst]);
      assert_true(b >= errors->worst || errors->error2[b] < errors->error2[errors->worst]);
    }
    reference_near("total", errors->total, total, 1e-12);
    double reported = result->metrics.mse * (double)result->facts.finite;
    reference_near("N x MSE", errors->total, result->facts.finite ? reported : 0, 1e-12);
    result_free(result);
    free(error2);
    free(x);
  }
}

static void lengths_of_blocks(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    size_t rows, columns, count, first, last;
  } rows[] = {
      {"int8", 5, 70, 11, 32, 30},            /* 350 = 10 x 32 + 30 */
      {"int8,token", 5, 70, 15, 32, 6},       /* 32 + 32 + 6 in each row */
      {"int8,group=32", 5, 70, 15, 32, 6},    /* the same */
      {"int8,group=256", 2, 600, 6, 256, 88}, /* groups as they are */
      {"int8,group=300", 2, 610, 42, 32, 10}, /* 9 x 32 + 12, twice, and 10, in each row */
      {"int8,channel", 3, 40, 6, 32, 8},
      {"int8,channel=1", 40, 3, 6, 32, 8},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct shape shape = {.dims = 2, .dim = {rows[i].rows, rows[i].columns}};
    float *x = random_values(shape_elements(&shape), i, false);
    struct result *result = result_of(x, shape, rows[i].spec);
    const struct inspect_grid grid = inspect_grid_of(result->fit);
    assert_int_equal(grid.count, rows[i].count);
    assert_int_equal(result->blocks->count, rows[i].count);
    assert_int_equal(inspect_length(&grid, 0), rows[i].first);
    assert_int_equal(inspect_length(&grid, grid.count - 1), rows[i].last);
    result_free(result);
    free(x);
  }
}

/* The second element of a column is a row below the first. */
static void a_column_is_read_downwards(void **state)
{
  (void)state;
  struct shape shape = {.dims = 2, .dim = {40, 3}};
  float *x = random_values(120, 5, false);
  struct result *result = result_of(x, shape, "int8,channel=1");
  const struct inspect_grid grid = inspect_grid_of(result->fit);
  assert_int_equal(inspect_element(&grid, 3, 7), 32 * 3 + 7 * 3 + 1); /* second half of column 1 */
  result_free(result);
  free(x);
}

static void expect(const char *spec, const float *x, size_t k, const char *encoding,
                   const char *formula, const char *loss)
{
  struct result *result = result_of(x, vector4, spec);
  struct feed feed = feed_floats(x, 4);
  struct inspect_block block;
  char text[INSPECT_TEXT];
  assert_int_equal(inspect_read(&feed, result->fit, 0, &block, NULL), STATUS_OK);
  assert_string_equal(inspect_encoding(&block, k, text, sizeof text), encoding);
  assert_string_equal(inspect_formula(&block, k, text, sizeof text), formula);
  assert_string_equal(inspect_loss(&block, k, text, sizeof text), loss);
  result_free(result);
}

/* int8, scale 0.5: 0.75 is a tie between 1 and 2 and goes to 2; -70 is beyond -128 x 0.5.
 * uint4, scale 0.25, zero 5: codes 0..15 are -1.25..2.5; 0.3 / 0.25 = 1.2 -> 1.
 * e4m3, scale 0.5: 0.8 / 0.5 = 1.6, levels of 1..2 are 1/8 apart, 1.625 = 1.101 (binary), stored
 * exponent 0 + 7; -70 / 0.5 = -140 -> -144, y = -72, so the block's squared error is 4 and a
 * little; 0.0025 / 0.5 = 0.005, the step below 2^-6 is 2^-9, 0.005 x 512 = 2.56 -> 3. */
static void sentences_by_hand(void **state)
{
  (void)state;
  const float x[] = {0.75f, -70, 0.125f, NAN};
  expect("int8,scale=0.5", x, 0, "x / scale = 1.5 -> 2, code 2", "y = code 2 x 0.5 = 1",
         "y - x = 0.25 = 0.5 steps, 0.173 % of the block"); /* 0.0625 of 0.0625 + 36 + 0.015625 */
  expect("int8,scale=0.5", x, 3, "x is not a number; code 0", "y = nan: left out of all numbers",
         "y - x does not exist: x is nan");
}

static void more_sentences_by_hand(void **state)
{
  (void)state;
  const float x[] = {0.3f, -70, 0.8f, 0.0025f};
  expect("int8,scale=0.5", x, 1, "x / scale = -140 -> clipped to -128, code -128",
         "y = code -128 x 0.5 = -64", "y - x = 6 = 12 steps, 99.8 % of the block");
  expect("int4,asym,scale=0.25,zero=5", x, 0, "x / scale = 1.2 -> 1, + zero 5 = code 6",
         "y = (code 6 - zero 5) x 0.25 = 0.25",
         "y - x = -0.05 = -0.2 steps, 5.29e-05 % of the block");
  expect("e4m3,scale=0.5", x, 2, "x / scale = 1.6 -> 1.625, code 0x3d",
         "y = (0 0111 101 = 1.625 x 2^0) x 0.5 = 0.8125",
         "y - x = 0.0125 = 0.2 steps, 0.00391 % of the block");
  expect("e4m3,scale=0.5", x, 3, "x / scale = 0.005 -> 0.00585938, code 0x03",
         "y = (0 0000 011 = 0.375 x 2^-6) x 0.5 = 0.00292969",
         "y - x = 0.0004297 = 0.44 steps, 4.62e-06 % of the block");
}

static void stored_numbers(void **state)
{
  (void)state;
  const float x[] = {0.3f, -1, 0.8f, 2};
  struct feed feed = feed_floats(x, 4);
  struct result *result = result_of(x, vector4, "int4,asym,scale=0.25,zero=5");
  struct inspect_block block;
  char text[INSPECT_TEXT];
  assert_int_equal(inspect_read(&feed, result->fit, 0, &block, NULL), STATUS_OK);
  assert_int_equal(block.notes, 2);
  assert_string_equal(inspect_note_text(&block, 0, text, sizeof text),
                      "scale 0.25 (float32 0x3e800000)");
  assert_string_equal(inspect_note_text(&block, 1, text, sizeof text), "zero point 5 (uint4 0x5)");
  result_free(result);
}

static void nothing_to_read(void **state)
{
  (void)state;
  const float x[] = {NAN, NAN, INFINITY, NAN};
  struct feed none = feed_floats(x, 0), feed = feed_floats(x, 4);
  struct inspect_block block;
  struct error error;
  struct result *empty = result_of(x, (struct shape){.dims = 2, .dim = {0, 3}}, "int8");
  assert_int_equal(empty->blocks->count, 0);
  assert_int_equal(inspect_read(&none, empty->fit, 0, &block, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "empty"));
  struct result *result = result_of(x, vector4, "int8");
  assert_int_equal(inspect_read(&feed, result->fit, 1, &block, &error), STATUS_USAGE);
  assert_string_equal(error.text, "expected a block from 0 to 0, found 1");
  assert_int_equal(inspect_read(&feed, result->fit, 0, &block, &error), STATUS_OK);
  assert_int_equal(block.finite, 0);
  assert_true(isnan(block.mse) && isnan(block.sqnr_db));
  assert_true(result->blocks->total == 0);
  assert_int_equal(inspect_rank(result->blocks, 0), 1);
  result_free(empty);
  result_free(result);
}

/* Large enough for several jobs; channels between each other, and one behind the other. */
static void threads_do_not_matter(void **state)
{
  (void)state;
  static const char *const some[] = {"int8,channel=2", "int8,channel=1", "int4,group=48"};
  const struct shape shape = {.dims = 3, .dim = {70, 90, 50}};
  size_t count = shape_elements(&shape);
  float *x = random_values(count, 3, true);
  for (size_t i = 0; i < 3; i++) {
    pool_set_threads(1);
    struct result *one = result_of(x, shape, some[i]);
    pool_set_threads(5);
    struct result *five = result_of(x, shape, some[i]);
    double *error2 = calloc(one->blocks->count, sizeof *error2);
    check_grid(x, one->fit, count, error2);
    for (size_t b = 0; b < one->blocks->count; b++)
      reference_near("brute force", one->blocks->error2[b], error2[b], 1e-12);
    assert_memory_equal(one->blocks->error2, five->blocks->error2,
                        one->blocks->count * sizeof *error2);
    result_free(one);
    result_free(five);
    free(error2);
  }
  pool_set_threads(0);
  free(x);
}

static void cancelled_work_gives_nothing(void **state)
{
  (void)state;
  const float x[] = {1, 2, 3, 4};
  struct feed feed = feed_floats(x, 4);
  struct result *result = result_of(x, vector4, "int8");
  struct progress progress = {0};
  struct inspect_errors *errors = NULL;
  progress_cancel(&progress);
  assert_int_equal(inspect_errors_compute(&feed, result->fit, &progress, &errors, NULL),
                   STATUS_CANCELLED);
  assert_null(errors);
  result_free(result);
}

static void the_strip_keeps_the_largest(void **state)
{
  (void)state;
  double error2[] = {1, 4, 0, 0, 9, 16, 2.25}, share[7];
  const struct inspect_errors errors = {7, error2, 5, 32.25, 16};
  inspect_strip(&errors, 7, share);
  for (size_t i = 0; i < 7; i++) {
    assert_true(share[i] == sqrt(error2[i]) / 4);
    assert_int_equal(inspect_strip_cell(&errors, 7, i), i);
  }
  inspect_strip(&errors, 2, share); /* 0..3, 4..6 */
  assert_true(share[0] == 0.5 && share[1] == 1);
  assert_int_equal(inspect_strip_cell(&errors, 2, 3), 0);
  assert_int_equal(inspect_strip_cell(&errors, 2, 4), 1);
  assert_int_equal(inspect_rank(&errors, 5), 1);
  assert_int_equal(inspect_rank(&errors, 2), 6);
  assert_int_equal(inspect_rank(&errors, 3), 6); /* equals share a rank */
}

/* mxfp4 with the largest value 6: the scale is 1; 0.7 becomes 0.5 and -2.6 becomes -3, so the
 * squared error is 0.04 + 0.16. */
static void a_block_format_by_hand(void **state)
{
  (void)state;
  float x[64] = {0};
  char text[INSPECT_TEXT];
  struct inspect_block block;
  struct feed feed = feed_floats(x, 64);
  x[32] = 6;
  x[33] = 0.7f;
  x[34] = -2.6f;
  struct result *result = result_of(x, (struct shape){.dims = 1, .dim = {64}}, "mxfp4");
  assert_int_equal(result->blocks->count, 2);
  assert_int_equal(result->blocks->worst, 1);
  assert_int_equal(inspect_read(&feed, result->fit, 1, &block, NULL), STATUS_OK);
  assert_true(block.y[0] == 6 && block.y[1] == 0.5f && block.y[2] == -3);
  assert_true(fabs(block.error2 - 0.2) < 1e-6);
  assert_string_equal(inspect_note_text(&block, 0, text, sizeof text), "scale 1 (e8m0 0x7f)");
  assert_string_equal(inspect_encoding(&block, 2, text, sizeof text),
                      "x / scale = -2.6 -> -3, code 0xd");
  assert_string_equal(inspect_formula(&block, 2, text, sizeof text),
                      "y = (code 0xd = -3) x 1 = -3");
  result_free(result);
}

/* Super-blocks are whole, ragged rows end in short ones, and y is what its parts say. */
static void block_formats_add_up(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    size_t count, subs, last; /* blocks; sub-blocks of the first; length of the last */
  } rows[] = {{"q4_k,pad", 27, 8, 188}, {"q3_k,pad", 27, 16, 188}, {"q4_1,pad", 198, 1, 28},
              {"mxfp4", 198, 1, 28},    {"nvfp4", 396, 1, 12},     {"iq4_nl,pad", 198, 1, 28}};
  const struct shape shape = {.dims = 2, .dim = {9, 700}};
  float *x = random_values(6300, 4, false);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct result *result = result_of(x, shape, rows[i].spec);
    const struct inspect_grid grid = inspect_grid_of(result->fit);
    struct feed feed = feed_floats(x, 6300);
    struct inspect_block block;
    double total = 0;
    assert_int_equal(result->blocks->count, rows[i].count);
    assert_int_equal(inspect_length(&grid, rows[i].count - 1), rows[i].last);
    for (size_t b = 0; b < rows[i].count; b++) {
      assert_int_equal(inspect_read(&feed, result->fit, b, &block, NULL), STATUS_OK);
      assert_true(b > 0 || block.subs == rows[i].subs);
      total += block.error2;
      reference_near("strip", result->blocks->error2[b], block.error2, 1e-12);
      for (size_t k = 0; k < block.length; k++) {
        const struct inspect_sub *sub = &block.sub[k / block.sub_length];
        float y = sub->scale * (float)block.level[k];
        assert_true((block.has_offset ? y + sub->offset : y) == block.y[k]);
        assert_true(block.x[k] == x[block.index[k]]);
      }
    }
    reference_near("N x MSE", total, result->metrics.mse * 6300, 1e-12);
    result_free(result);
  }
  free(x);
}

/* One NaN spoils a block of MX: it has no reconstruction, and errs more than any other. */
static void a_spoilt_block_is_the_worst(void **state)
{
  (void)state;
  float *x = random_values(320, 5, false);
  x[200] = NAN;
  struct result *result = result_of(x, (struct shape){.dims = 1, .dim = {320}}, "mxfp8");
  double share[10];
  assert_int_equal(result->blocks->worst, 200 / 32);
  assert_true(isnan(result->blocks->error2[200 / 32]));
  assert_int_equal(inspect_rank(result->blocks, 200 / 32), 1);
  assert_true(isfinite(result->blocks->total) && result->blocks->most > 0);
  inspect_strip(result->blocks, 10, share);
  assert_true(share[200 / 32] == 1);
  result_free(result);
  free(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_add_up_to_the_report),
      cmocka_unit_test(lengths_of_blocks),
      cmocka_unit_test(a_column_is_read_downwards),
      cmocka_unit_test(sentences_by_hand),
      cmocka_unit_test(more_sentences_by_hand),
      cmocka_unit_test(stored_numbers),
      cmocka_unit_test(nothing_to_read),
      cmocka_unit_test(threads_do_not_matter),
      cmocka_unit_test(cancelled_work_gives_nothing),
      cmocka_unit_test(a_block_format_by_hand),
      cmocka_unit_test(block_formats_add_up),
      cmocka_unit_test(a_spoilt_block_is_the_worst),
      cmocka_unit_test(the_strip_keeps_the_largest),
  };
  return cmocka_run_group_tests_name("inspect", tests, NULL, NULL);
}
