/* Bits by importance: a closed form, all allocations of a small layer tried out, and what the
 * method promises: never over the budget, never worse than one width for all. */
#include "tests/support/layer_runs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How many different numbers there are. */
static size_t distinct(const float *values, size_t count)
{
  size_t all = 0;
  for (size_t i = 0; i < count; i++) {
    size_t before = 0;
    while (before < i && values[before] != values[i])
      before++;
    all += before == i;
  }
  return all;
}

/* Tokens that each know one channel: the output's error is the sum over channels. */
static void make_diagonal(float *x, const float *size, size_t n)
{
  memset(x, 0, n * n * sizeof *x);
  for (size_t j = 0; j < n; j++)
    x[j * n + j] = size[j];
}

/* Two groups of equal weights; the inputs of the first are 8 times as large. With L = 2^(b-1) - 1
 * levels on a side errors go with 1 / L^2, so of the pairs with 8 bits together 5 and 3 lose 64 /
 * 15^2 + 1 / 3^2 = 0.40, 4 and 4 lose 1.33, 6 and 2 lose 1.07. */
static void test_closed_form(void **state)
{
  (void)state;
  enum { GROUP = 128, N = 2 * GROUP };
  static float weight[N], size[N], x[N * N];
  struct layer layer;
  struct layer_made made;
  layer_runs_fill(weight, GROUP, 1);
  memcpy(weight + GROUP, weight, GROUP * sizeof *weight);
  for (size_t j = 0; j < N; j++)
    size[j] = j < GROUP ? 8 : 1;
  make_diagonal(x, size, N);
  layer_runs_open(weight, 1, N, x, N, &layer);
  layer_runs_do(&layer, "bits,budget=4.28", "int4,group=128", NULL, &made);
  assert_in_range(distinct(made.weight, GROUP), 16, 31);       /* 5 bits */
  assert_in_range(distinct(made.weight + GROUP, GROUP), 4, 7); /* 3 bits */
  assert_true(made.stored_bits == GROUP * (5 + 3) + 2 * (32 + 3));
  const char *ratio = strstr(made.said, "50 % of 3, 50 % of 5 bits; 4 for all had ");
  assert_non_null(ratio);
  assert_true(fabs(strtod(ratio + 41, NULL) / (1.327 / 0.3956) - 1) < 0.2);
  layer_made_free(&made);
  layer_close(&layer);
}

/* --- all of them tried ------------------------------------------------------------------------ */

enum { ROWS = 3, GROUP = 16, GROUPS = 2, COLUMNS = GROUP * GROUPS, UNITS = ROWS * GROUPS };
enum { LEAST = 2, MOST = 5, WIDTHS = MOST - LEAST + 1 };

/* What each unit loses with each width, from one run of rtn for each; and which width MADE has. */
static void try_widths(struct layer *layer, const struct layer_made *made,
                       double error[UNITS][WIDTHS], int *width)
{
  for (int b = LEAST; b <= MOST; b++) {
    char spec[40];
    struct layer_made rtn;
    snprintf(spec, sizeof spec, "int%d,asym,group=%d", b, GROUP);
    layer_runs_do(layer, "rtn", spec, NULL, &rtn);
    for (size_t u = 0; u < UNITS; u++) {
      const size_t first = u * GROUP;
      error[u][b - LEAST] = 0;
      for (size_t i = first; i < first + GROUP; i++) {
        const double size = (double)layer->absmax[i % COLUMNS];
        error[u][b - LEAST] += pow(size * ((double)rtn.weight[i] - (double)layer->weight[i]), 2);
      }
      if (memcmp(made->weight + first, rtn.weight + first, GROUP * sizeof(float)) == 0)
        width[u] = b;
    }
    layer_made_free(&rtn);
  }
}

/* Steps along the hull are the best there is for what they cost; the last one that does not fit may
 * be as large as from the least to the most bits of a unit. So no shares that leave that much of
 * the budget lose less. */
static void test_all_shares(void **state)
{
  (void)state;
  static float weight[ROWS * COLUMNS], size[COLUMNS], x[COLUMNS * COLUMNS];
  const double budget = 3.5 + 37.0 / GROUP, weights = ROWS * COLUMNS;
  double error[UNITS][WIDTHS], loss = 0, least = HUGE_VAL;
  int width[UNITS] = {0};
  struct layer layer;
  struct layer_made made;
  char method[80];
  layer_runs_fill(weight, ROWS * COLUMNS, 2);
  for (size_t i = 0; i < ROWS * COLUMNS; i++)
    weight[i] *= (float)(1 + i / COLUMNS); /* rows of size 1, 2, 3 */
  layer_runs_fill(size, COLUMNS, 3);
  for (size_t j = 0; j < COLUMNS; j++)
    size[j] = fabsf(size[j]) * (j < GROUP ? 6 : 1);
  make_diagonal(x, size, COLUMNS);
  layer_runs_open(weight, ROWS, COLUMNS, x, COLUMNS, &layer);
  snprintf(method, sizeof method, "bits,budget=%.17g,least=%d,most=%d", budget, LEAST, MOST);
  layer_runs_do(&layer, method, "int4,asym,group=16", NULL, &made);
  assert_true(made.stored_bits <= budget * weights);
  try_widths(&layer, &made, error, width);
  double stored = 0;
  for (size_t u = 0; u < UNITS; u++) {
    assert_int_not_equal(width[u], 0);
    loss += error[u][width[u] - LEAST];
    stored += GROUP * width[u] + 32 + width[u] + 2;
  }
  assert_true(made.stored_bits == stored);
  const double room = budget * weights - (GROUP + 1) * (MOST - LEAST);
  for (size_t all = 0; all < (size_t)1 << (2 * UNITS); all++) {
    double cost = 0, sum = 0;
    for (size_t u = 0; u < UNITS; u++) {
      const size_t at = all >> (2 * u) & 3;
      cost += GROUP * (double)(at + LEAST) + 32 + (double)(at + LEAST) + 2;
      sum += error[u][at];
    }
    if (cost <= room)
      least = fmin(least, sum);
  }
  assert_true(isfinite(least) && loss <= least);
  assert_true(fabs(layer_runs_error(&layer, &made) / loss - 1) < 1e-5);
  layer_made_free(&made);
  layer_close(&layer);
}

/* --- what is promised ------------------------------------------------------------------------- */

/* Inputs with much in common, rows and columns of different size, groups that do not come out even:
 * at as many bits as rtn stores never worse, and never over a budget. */
static void test_promises(void **state)
{
  (void)state;
  enum { R = 20, N = 50, TOKENS = 80 };
  static const char *const specs[] = {"int4,asym,group=16", "int3,group=16,mse", "int5,channel",
                                      "int4,narrow,token"};
  static float weight[R * N], x[TOKENS * N];
  struct layer layer;
  layer_runs_fill(weight, R * N, 4);
  layer_runs_fill(x, TOKENS * N, 5);
  for (size_t i = 0; i < R * N; i++)
    weight[i] *= (float)(1 + i / N % 4);
  for (size_t i = 0; i < TOKENS * N; i++)
    x[i] = (x[i] + x[i / N * N]) * (float)(1 + i % N % 7);
  layer_runs_open(weight, R, N, x, TOKENS, &layer);
  for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
    struct layer_made rtn, made;
    layer_runs_do(&layer, "rtn", specs[k], NULL, &rtn);
    layer_runs_do(&layer, "bits", specs[k], NULL, &made);
    assert_true(made.stored_bits <= rtn.stored_bits);
    assert_true(layer_runs_error(&layer, &made) <= layer_runs_error(&layer, &rtn) * (1 + 1e-6));
    layer_made_free(&rtn);
    layer_made_free(&made);
    for (int hundredths = 530; hundredths < 1200; hundredths += 37) {
      const double budget = hundredths / 100.0;
      char method[64];
      snprintf(method, sizeof method, "bits,budget=%.17g", budget);
      layer_runs_do(&layer, method, specs[k], NULL, &made);
      assert_true(made.stored_bits <= budget * (R * N));
      layer_made_free(&made);
    }
  }
  layer_close(&layer);
}

/* Where all units are alike the map buys nothing. */
static void test_one_for_all(void **state)
{
  (void)state;
  float weight[8], x[8 * 8];
  const float one[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  struct layer layer;
  struct layer_made made;
  for (size_t i = 0; i < 8; i++)
    weight[i] = (float)(i % 4) * 0.3F - 0.5F;
  make_diagonal(x, one, 8);
  layer_runs_open(weight, 1, 8, x, 8, &layer);
  layer_runs_do(&layer, "bits", "int4,group=4", NULL, &made);
  assert_true(made.stored_bits == 8 * 4 + 2 * 32);
  assert_non_null(strstr(made.said, "4 bits for all"));
  layer_made_free(&made);
  layer_close(&layer);
}

static void test_refusals(void **state)
{
  (void)state;
  const float weight[4] = {1, 2, 3, 4}, x[4] = {1, 0, 0, 1};
  struct layer layer;
  layer_runs_open(weight, 2, 2, x, 2, &layer);
  layer_runs_refuse(&layer, "bits", "int4", "one scale for each output channel");
  layer_runs_refuse(&layer, "bits", "e4m3,channel", "integers");
  layer_runs_refuse(&layer, "bits", "q4_0", "integers");
  layer_runs_refuse(&layer, "bits,least=5,most=3", "int4,channel", "the other way round?");
  layer_runs_refuse(
      &layer, "bits,budget=17.5", "int4,channel",
      "a budget of 17.5 bits for each weight is too little: 2 bits and the scales take 18");
  layer_close(&layer);
}

static void test_threads(void **state)
{
  (void)state;
  enum { R = 33, N = 64 };
  static float weight[R * N], x[N * N];
  struct layer layer;
  struct layer_made one, four;
  layer_runs_fill(weight, R * N, 6);
  layer_runs_fill(x, N * N, 7);
  layer_runs_open(weight, R, N, x, N, &layer);
  pool_set_threads(1);
  layer_runs_do(&layer, "bits", "int4,group=16", NULL, &one);
  pool_set_threads(4);
  layer_runs_do(&layer, "bits", "int4,group=16", NULL, &four);
  pool_set_threads(0);
  assert_memory_equal(one.weight, four.weight, sizeof weight);
  assert_string_equal(one.said, four.said);
  layer_made_free(&one);
  layer_made_free(&four);
  layer_close(&layer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_closed_form), cmocka_unit_test(test_all_shares),
      cmocka_unit_test(test_promises),    cmocka_unit_test(test_one_for_all),
      cmocka_unit_test(test_refusals),    cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
