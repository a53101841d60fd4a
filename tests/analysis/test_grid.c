/* Grids: tensors that were quantized are recognised, random ones never.
 *
 * Quantized tensors come from two places: from the arithmetic of this file, written down from the
 * definitions (k s, k s + m in float32), and from the program's own quantizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/grid.h"
#include "quant/quantizer.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 24, COLUMNS = 512, COUNT = ROWS * COLUMNS };
static const struct shape matrix = {.dims = 2, .dim = {ROWS, COLUMNS}};

static struct on_grid grid_of_tensor(const struct tensor *tensor)
{
  struct on_grid grid;
  struct error error;
  if (grid_find(tensor, NULL, &grid, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  return grid;
}

static void expect(const struct on_grid *grid, const char *text, const char *what)
{
  char found[GRID_TEXT];
  if (strcmp(grid_print(grid, found, sizeof found), text) != 0)
    fail_msg("%s: expected '%s', found '%s'", what, text, found);
}

static void expect_values(const float *x, const char *text, const char *what)
{
  struct tensor tensor = tensor_over(x, matrix);
  struct on_grid grid = grid_of_tensor(&tensor);
  expect(&grid, text, what);
}

/* Random whole numbers, every one of LEVELS at least once in 32 neighbours where there is room. */
static int code(size_t i, int levels)
{
  uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return (int)(x >> 40) % levels;
}

static float step(size_t unit)
{
  return 0.013f + 0.0007f * (float)code(unit + 77777, 1000);
}

static void test_steps(void **state)
{
  (void)state;
  float *x = calloc(COUNT, sizeof *x);
  for (size_t i = 0; i < COUNT; i++)
    x[i] = (float)(code(i, 255) - 127) * 0.0317f;
  expect_values(x, "a 8-bit grid, one for the tensor, 255 levels used", "int8");
  for (size_t i = 0; i < COUNT; i++)
    x[i] = (float)(code(i, 15) - 7) * step(i / COLUMNS);
  expect_values(x, "a 4-bit grid, one for each channel of axis 0, 15 levels used", "int4, rows");
  for (size_t i = 0; i < COUNT; i++)
    x[i] = (float)(code(i, 7) - 3) * step(i % COLUMNS);
  expect_values(x, "a 3-bit grid, one for each channel of axis 1, 7 levels used", "int3, columns");
  for (size_t i = 0; i < COUNT; i++)
    x[i] = (float)(code(i, 16) - 5) * step(i / 128);
  expect_values(x, "a 4-bit grid, groups of 128, 16 levels used", "uint4, zero point 5");
  for (size_t i = 0; i < COUNT; i++)
    x[i] = (float)code(i, 16) * step(i / 32) + 3.7f * step(i / 32 + 1000);
  expect_values(x, "a 4-bit grid with an offset, groups of 32, 16 levels used", "as q4_1");
  for (size_t i = 0; i < COUNT; i++)
    x[i] = (float)(code(i, 3) - 1) * 0.77f;
  expect_values(x, "a 2-bit grid, one for the tensor, 3 levels used", "ternary");
  for (size_t i = 0; i < COUNT; i++)
    x[i] = i % 50 ? 0 : (float)(code(i, 15) - 7) * 0.77f;
  expect_values(x, "a 4-bit grid, one for the tensor, 15 levels used", "sparse");
  free(x);
}

/* One value beside the grid, by a few units in the last place, is enough. */
static void test_one_violation(void **state)
{
  (void)state;
  float *x = calloc(COUNT, sizeof *x);
  for (size_t i = 0; i < COUNT; i++)
    x[i] = (float)(code(i, 15) - 7) * 0.0317f;
  expect_values(x, "a 4-bit grid, one for the tensor, 15 levels used", "all on it");
  x[COUNT - 3] = 5 * 0.0317f * (1 + 0x1p-20f);
  expect_values(x, "", "one not");
  x[COUNT - 3] = NAN;
  expect_values(x, "", "one no number");
  free(x);
}

/* NaN-free values of any distribution, with any outliers, in float32 and rounded to bf16. */
static void test_random_is_on_none(void **state)
{
  (void)state;
  static uint16_t brain[COUNT];
  for (uint64_t seed = 1; seed <= 20; seed++) {
    float *x = random_values(COUNT, seed, false);
    expect_values(x, "", "random");
    struct tensor tensor = tensor_over(x, matrix);
    for (size_t i = 0; i < COUNT; i++) {
      uint32_t bits;
      memcpy(&bits, x + i, sizeof bits);
      brain[i] = (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }
    tensor.stored = stored_find("bf16");
    tensor.bytes = sizeof brain;
    tensor.data = (const unsigned char *)brain;
    struct on_grid grid = grid_of_tensor(&tensor);
    expect(&grid, "", "random, rounded to bf16");
    /* few values: none of the many small shapes either */
    for (size_t n = 1; n <= 40; n++) {
      struct shape shape = {.dims = 1, .dim = {n}};
      tensor = tensor_over(x, shape);
      grid = grid_of_tensor(&tensor);
      expect(&grid, "", "few random values");
    }
    free(x);
  }
}

static void test_own_quantizers(void **state)
{
  (void)state;
  static const struct {
    const char *spec, *text;
  } cases[] = {
      {"int8", "a 8-bit grid, one for the tensor, "},
      {"int8,channel", "a 8-bit grid, one for each channel of axis 0, "},
      {"int4,channel=1", "a 4-bit grid, one for each channel of axis 1, "},
      {"int4,asym,group=128,mse", "a 4-bit grid, groups of 128, "},
      {"int3,group=64", "a 3-bit grid, groups of 64, "},
      {"q4_0", "a 4-bit grid, groups of 32, "},
      {"q8_0", "a 8-bit grid, groups of 32, "},
      {"q4_1", "a 4-bit grid with an offset, groups of 32, "},
      {"q4_k", "a 4-bit grid with an offset, groups of 32, "},
      {"nf4,block=64", "the grid of nf4, groups of 64, 16 levels used"},
      {"e4m3,channel", "the grid of e4m3, one for each channel of axis 0, "},
      {"e5m2,scale=0.25", "the values of e5m2"},
      {"mxfp4", "the grid of e2m1, groups of 32, 15 levels used"},
      {"bf16", "the values of bf16"},
      {"fp16", "the values of f16"},
  };
  float *x = random_values(COUNT, 5, false), *y = calloc(COUNT, sizeof *y);
  struct feed feed = feed_floats(x, COUNT);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct quantizer quantizer = quantizer_of(cases[i].spec);
    struct fit *fit;
    assert_int_equal(quantizer_fit(&quantizer, &feed, &matrix, NULL, &fit, NULL), STATUS_OK);
    fit_round_trip(fit, 0, COUNT, x, y, NULL);
    fit_free(fit);
    struct tensor tensor = tensor_over(y, matrix);
    struct on_grid grid = grid_of_tensor(&tensor);
    char text[GRID_TEXT];
    if (strncmp(grid_print(&grid, text, sizeof text), cases[i].text, strlen(cases[i].text)) != 0)
      fail_msg("%s: expected '%s...', found '%s'", cases[i].spec, cases[i].text, text);
  }
  free(x);
  free(y);
}

/* What has no grid to speak of: nothing, one value, zeros, integers, blocks. */
static void test_nothing_to_say(void **state)
{
  (void)state;
  static float x[64];
  struct shape shapes[] = {{.dims = 1, .dim = {0}},
                           {.dims = 0},
                           {.dims = 2, .dim = {8, 8}},
                           {.dims = 2, .dim = {64, 1}},
                           {.dims = 3, .dim = {4, 1, 16}}};
  for (int constant = 0; constant < 2; constant++)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
      for (size_t k = 0; k < 64; k++)
        x[k] = constant ? 0.7f : 0;
      struct tensor tensor = tensor_over(x, shapes[i]);
      struct on_grid grid = grid_of_tensor(&tensor);
      expect(&grid, "", "constant");
    }
  struct tensor integers = tensor_over(x, shapes[2]);
  integers.stored = stored_find("i32");
  struct on_grid grid = grid_of_tensor(&integers);
  expect(&grid, "", "integers");
}

/* Rows and stretches of zeros neither hide a grid nor the value that is on none. */
static void test_sparse(void **state)
{
  (void)state;
  float *x = calloc(COUNT, sizeof *x);
  for (size_t i = 0; i < COUNT; i++)
    if (i / COLUMNS % 5 == 3 && i % COLUMNS < 200)
      x[i] = (float)(code(i, 15) - 7) * step(i / COLUMNS);
  expect_values(x, "a 4-bit grid, one for each channel of axis 0, 15 levels used", "sparse rows");
  for (size_t i = 0; i < COUNT; i++)
    x[i] = i % COLUMNS > 300 ? (float)(code(i, 16) - 5) * step(i / 64) : 0;
  expect_values(x, "a 4-bit grid, groups of 64, 16 levels used", "sparse groups");
  for (size_t i = 0; i < COUNT; i++)
    x[i] = i % COLUMNS % 37 == 0 ? (float)(code(i, 7) - 3) * step(i % COLUMNS) : 0;
  expect_values(x, "a 3-bit grid, one for each channel of axis 1, 7 levels used", "sparse columns");
  for (size_t i = 0; i < COUNT; i++)
    x[i] = i % 16 == 7 && i > COUNT - 3000 ? step(i) * 0.1234567f : 0;
  x[COUNT - 1] = 0.1f;
  for (size_t i = COUNT - 2000; i < COUNT - 1; i++)
    x[i] = step(i) / 3;
  expect_values(x, "", "values at the end");
  free(x);
}

static void test_cancelled(void **state)
{
  (void)state;
  float *x = calloc(COUNT, sizeof *x);
  struct progress progress = {0};
  struct on_grid grid;
  for (size_t i = 0; i < COUNT; i++)
    x[i] = (float)(code(i, 15) - 7);
  struct tensor tensor = tensor_over(x, matrix);
  progress_cancel(&progress);
  assert_int_equal(grid_find(&tensor, &progress, &grid, NULL), STATUS_CANCELLED);
  free(x);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_steps),
      cmocka_unit_test(test_one_violation),
      cmocka_unit_test(test_random_is_on_none),
      cmocka_unit_test(test_own_quantizers),
      cmocka_unit_test(test_nothing_to_say),
      cmocka_unit_test(test_sparse),
      cmocka_unit_test(test_cancelled),
  };
  return cmocka_run_group_tests_name("grid", tests, NULL, NULL);
}
