/* What an error does to the output of a layer: against plain sums over tokens, channels and inputs;
 * the same for any number of threads, for an output that is there already, and, but for rounding,
 * for either BLAS. */
#include "analysis/layer_measure.h"
#include "quant/base/blas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 300, COLUMNS = 530, TOKENS = 270 }; /* tiles of 256, blocks of 512 and their tails */

struct bench {
  float w[ROWS * COLUMNS], x[TOKENS * COLUMNS];
  struct layer layer;
  struct layer_made made;
  struct layer_output output;
};

static void fill(float *values, size_t count, uint32_t state)
{
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525U + 1013904223U;
    values[i] = (float)(int32_t)state * 0x1p-31F + 0.1F;
  }
}

/* rtn, with the biases 0.01, 0.02 ... where BIASED. */
static struct bench *new_bench(const char *activation, bool biased)
{
  struct bench *bench = calloc(1, sizeof *bench);
  struct layer_task task = {.quantizes_activation = activation != NULL};
  struct error error;
  assert_non_null(bench);
  fill(bench->w, (size_t)ROWS * COLUMNS, 1);
  fill(bench->x, (size_t)TOKENS * COLUMNS, 2);
  bench->output = (struct layer_output){bench->x, TOKENS, NULL};
  task.layer = &bench->layer;
  assert_int_equal(
      layer_open(bench->w, ROWS, COLUMNS, bench->x, TOKENS, NULL, &bench->layer, &error),
      STATUS_OK);
  assert_int_equal(method_parse("rtn", &task.method, &error), STATUS_OK);
  assert_int_equal(quantizer_parse("int4,asym,group=64", &task.weight, &error), STATUS_OK);
  if (activation)
    assert_int_equal(quantizer_parse(activation, &task.activation, &error), STATUS_OK);
  assert_int_equal(method_run(&task, &bench->made, &error), STATUS_OK);
  if (biased)
    bench->made.bias = malloc(ROWS * sizeof *bench->made.bias);
  for (size_t r = 0; biased && r < ROWS; r++)
    bench->made.bias[r] = 0.01F * (float)(r + 1);
  return bench;
}

static void free_bench(struct bench *bench)
{
  layer_output_free(&bench->output);
  layer_made_free(&bench->made);
  layer_close(&bench->layer);
  free(bench);
}

static struct layer_numbers measure(struct bench *bench)
{
  struct layer_numbers numbers;
  struct error error;
  assert_int_equal(
      layer_measure(&bench->layer, &bench->made, &bench->output, NULL, &numbers, &error),
      STATUS_OK);
  return numbers;
}

/* --- plain sums ------------------------------------------------------------------------------- */

struct plain {
  double power, error, weights, activations, reached, product, channel_error;
};

static void add_output(const struct bench *bench, const float *reached, size_t t, size_t r,
                       struct plain *sums)
{
  double y = 0, weights = bench->made.bias ? (double)bench->made.bias[r] : 0, activations = 0,
         both = 0;
  for (size_t j = 0; j < COLUMNS; j++) {
    const double x = (double)bench->x[t * COLUMNS + j], w = (double)bench->w[r * COLUMNS + j];
    const double d = (double)bench->made.weight[r * COLUMNS + j] - w,
                 a = (double)reached[t * COLUMNS + j] - x;
    y += x * w;
    weights += x * d;
    activations += a * w;
    both += a * d;
  }
  const double error = weights + activations + both;
  sums->power += y * y;
  sums->error += error * error;
  sums->weights += weights * weights;
  sums->activations += activations * activations;
  sums->reached += (y + error) * (y + error);
  sums->product += y * (y + error);
  if (r == 7)
    sums->channel_error += error * error;
}

static void near_to(double found, double expected)
{
  if (!(fabs(found - expected) <= 1e-5 * fabs(expected)))
    fail_msg("%.9g, not %.9g", found, expected);
}

static void check_sums(const char *activation, bool biased)
{
  struct bench *bench = new_bench(activation, biased);
  struct plain sums = {0};
  struct error error;
  float *reached = malloc(sizeof bench->x);
  assert_non_null(reached);
  assert_int_equal(layer_inputs_apply(&bench->made.inputs, &bench->layer, bench->x, TOKENS, reached,
                                      NULL, &error),
                   STATUS_OK);
  for (size_t t = 0; t < TOKENS; t++)
    for (size_t r = 0; r < ROWS; r++)
      add_output(bench, reached, t, r, &sums);
  struct layer_numbers n = measure(bench);
  const double count = (double)TOKENS * ROWS;
  near_to(n.output_power, sums.power / count);
  near_to(n.output_mse, sums.error / count);
  near_to(n.weights_mse, sums.weights / count);
  near_to(n.activations_mse, sums.activations / count);
  near_to(n.output_sqnr_db, 10 * log10(sums.power / sums.error));
  near_to(n.cosine, sums.product / sqrt(sums.power * sums.reached));
  near_to(n.channel_mse[7], sums.channel_error / TOKENS);
  assert_true(fabs(n.interaction_mse - (n.output_mse - n.weights_mse - n.activations_mse)) <=
              1e-12 * n.output_mse);
  if (!activation)
    assert_true(n.activations_mse == 0 && n.interaction_mse == 0);
  layer_numbers_free(&n);
  free(reached);
  free_bench(bench);
}

static void test_sums(void **state)
{
  (void)state;
  check_sums(NULL, false);
  check_sums("int4,token", false);
  check_sums("int8", true);
}

/* --- what must not matter --------------------------------------------------------------------- */

static void same(const struct layer_numbers *a, const struct layer_numbers *b)
{
  assert_true(a->output_mse == b->output_mse && a->weights_mse == b->weights_mse &&
              a->activations_mse == b->activations_mse && a->output_power == b->output_power &&
              a->cosine == b->cosine && a->weight_mse == b->weight_mse);
  assert_memory_equal(a->channel_mse, b->channel_mse, ROWS * sizeof(double));
  assert_memory_equal(a->channel_power, b->channel_power, ROWS * sizeof(double));
}

static void test_threads(void **state)
{
  (void)state;
  struct bench *bench = new_bench("int8,token", true);
  pool_set_threads(1);
  struct layer_numbers one = measure(bench), again = measure(bench);
  same(&one, &again); /* the output was kept */
  free(bench->output.y);
  bench->output.y = NULL;
  pool_set_threads(3);
  struct layer_numbers three = measure(bench);
  same(&one, &three);
  pool_set_threads(0);
  layer_numbers_free(&one);
  layer_numbers_free(&again);
  layer_numbers_free(&three);
  free_bench(bench);
}

/* The numbers with GSL's plain BLAS, from a process of its own: the library is chosen once. */
static void measure_plainly(double *out, size_t count)
{
  int ends[2], how;
  assert_int_equal(pipe(ends), 0);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    setenv("QSCOPE_BLAS", "gsl", 1);
    struct bench *bench = new_bench("int8,token", true);
    const struct layer_numbers n = measure(bench);
    const double numbers[] = {n.output_mse, n.weights_mse, n.activations_mse, n.output_power};
    _exit(strcmp(blas()->name, "GSL") != 0 ||
          write(ends[1], numbers, sizeof numbers) != sizeof numbers);
  }
  assert_int_equal(waitpid(child, &how, 0), child);
  assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
  assert_int_equal(read(ends[0], out, count * sizeof *out), count * sizeof *out);
  close(ends[0]);
  close(ends[1]);
}

static void test_blas(void **state)
{
  (void)state;
  double plain[4];
  measure_plainly(plain, 4);
  struct bench *bench = new_bench("int8,token", true);
  struct layer_numbers n = measure(bench);
  near_to(n.output_mse, plain[0]);
  near_to(n.weights_mse, plain[1]);
  near_to(n.activations_mse, plain[2]);
  near_to(n.output_power, plain[3]);
  layer_numbers_free(&n);
  free_bench(bench);
}

static void test_cancelled(void **state)
{
  (void)state;
  struct bench *bench = new_bench("int8,token", false);
  struct progress progress = {0};
  struct layer_numbers numbers;
  struct error error;
  progress_cancel(&progress);
  assert_int_equal(
      layer_measure(&bench->layer, &bench->made, &bench->output, &progress, &numbers, &error),
      STATUS_CANCELLED);
  assert_null(bench->output.y);
  free_bench(bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_blas), /* first: nothing has chosen a library yet */
      cmocka_unit_test(test_sums),
      cmocka_unit_test(test_threads),
      cmocka_unit_test(test_cancelled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
