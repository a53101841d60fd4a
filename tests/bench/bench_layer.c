/* What the layer lab costs on a layer of 4096 x 4096 with 2048 tokens: each method, and what is
 * measured of it, beside the time of one plain product of the same size, W X, with the same BLAS;
 * and the memory at its peak in copies of W: W itself is one, tokens and outputs half a one each.
 * As for all methods but the first, the output without an error is there already. Each row is a
 * process of its own, for the peak's sake. Arguments: methods, instead of all. */
#include "analysis/layer_measure.h"
#include "quant/base/blas.h"
#include "quant/base/clock.h"
#include "quant/base/size.h"
#include "tests/bench/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIDE = 4096, TOKENS = 2048, SLAB = 256, REPEATS = 3 };

static const struct {
  const char *method, *weight, *activation;
} rows[] = {
    {"rtn", "int4,asym,group=128", NULL},       {"rtn", "int8,channel", "int8,token"},
    {"hadamard", "int8,channel", "int8,token"}, {"zeroquant", "int4", "int8"},
    {"bias", "int4,asym,group=128", NULL},      {"alternating", "int4,asym,group=128", NULL},
    {"joint", "int4,channel", "int8,token"},    {"awq", "int4,asym,group=128", NULL},
    {"awq,clip", "int4,asym,group=128", NULL},  {"smoothquant", "int8,channel", "int8,token"},
    {"gptq", "int4,asym,group=128", NULL},      {"gptq,actorder", "int4,asym,group=128", NULL},
};

static bool json;

/* --- the product ------------------------------------------------------------------------------ */

struct product {
  const float *x, *w;
  float *y;
};

static void multiply_slab(void *context, size_t slab, unsigned worker)
{
  const struct product *product = context;
  (void)worker;
  blas()->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, SLAB, SIDE, SIDE, 1,
                product->x + slab * SLAB * SIDE, SIDE, product->w, SIDE, 0,
                product->y + slab * SLAB * SIDE, SIDE);
}

/* Seconds of W X into Y, the least of a few. */
static double time_product(const float *x, const float *w, float *y)
{
  struct product product = {x, w, y};
  double best = 1e30;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    const double start = seconds_now();
    pool_for(TOKENS / SLAB, multiply_slab, &product, NULL);
    const double took = seconds_now() - start;
    best = took < best ? took : best;
  }
  return best;
}

/* --- rows ------------------------------------------------------------------------------------- */

struct timed {
  double run, measure; /* seconds; below 0: it failed */
};

static enum status run_row(size_t row, struct layer_output *output, const float *w,
                           struct timed *timed, struct error *error)
{
  struct layer layer;
  struct layer_made made;
  struct layer_numbers numbers;
  struct layer_task task = {.layer = &layer, .quantizes_activation = rows[row].activation != NULL};
  enum status status = method_parse(rows[row].method, &task.method, error);
  if (status == STATUS_OK)
    status = quantizer_parse(rows[row].weight, &task.weight, error);
  if (status == STATUS_OK && rows[row].activation)
    status = quantizer_parse(rows[row].activation, &task.activation, error);
  if (status == STATUS_OK)
    status = layer_open(w, SIDE, SIDE, output->x, TOKENS, NULL, &layer, error);
  if (status != STATUS_OK)
    return status;
  const double start = seconds_now();
  status = method_run(&task, &made, error);
  const double middle = seconds_now();
  timed->run = middle - start;
  if (status == STATUS_OK)
    status = layer_measure(&layer, &made, output, NULL, &numbers, error);
  timed->measure = seconds_now() - middle;
  return status; /* the process ends */
}

/* Runs ROW in a process of its own; *copies: its peak in copies of W. */
static struct timed run_alone(size_t row, struct layer_output *output, const float *w,
                              double *copies)
{
  struct timed timed = {-1, -1};
  struct rusage usage = {0};
  int ends[2], how;
  fflush(NULL);
  if (pipe(ends) != 0)
    return timed;
  const pid_t child = fork();
  if (child == 0) {
    struct error error = {0};
    if (run_row(row, output, w, &timed, &error) != STATUS_OK) {
      fprintf(stderr, "bench_layer: %s\n", error.text);
      timed.run = -1;
    }
    _exit(write(ends[1], &timed, sizeof timed) != sizeof timed);
  }
  close(ends[1]);
  if (child < 0 || read(ends[0], &timed, sizeof timed) != sizeof timed)
    timed.run = -1;
  close(ends[0]);
  if (child > 0)
    wait4(child, &how, 0, &usage);
  *copies = (double)usage.ru_maxrss * 1024 / ((double)SIDE * SIDE * sizeof(float));
  return timed;
}

static void print_row(size_t row, struct timed timed, double product, double copies)
{
  const double whole = timed.run + timed.measure;
  char name[96];
  snprintf(name, sizeof name, "%s: %s%s%s", rows[row].method, rows[row].weight,
           rows[row].activation ? " x " : "", rows[row].activation ? rows[row].activation : "");
  if (json)
    printf("{\"program\": \"bench_layer\", \"row\": \"%s\", \"threads\": %u, \"blas\": \"%s\", "
           "\"run_seconds\": %.6g, \"measure_seconds\": %.6g, \"products\": %.4g, "
           "\"peak_copies\": %.3g}\n",
           name, pool_threads(), blas()->name, timed.run, timed.measure, whole / product, copies);
  else
    printf("%-42s %8.3f %8.3f %8.3f %9.1f %8.2f\n", name, timed.run, timed.measure, whole,
           whole / product, copies);
  fflush(stdout);
}

static void print_product(double product)
{
  if (json)
    printf("{\"program\": \"bench_layer\", \"row\": \"one plain product\", \"threads\": %u, "
           "\"blas\": \"%s\", \"run_seconds\": %.6g}\n",
           pool_threads(), blas()->name, product);
  else
    printf("\nbench_layer: %d x %d, %d tokens, %u threads, %s\n%-42s %8s %8s %8s %9s %8s\n%-42s "
           "%8.3f\n",
           SIDE, SIDE, TOKENS, pool_threads(), blas()->name, "seconds", "run", "measure", "both",
           "products", "copies", "one plain product", product);
}

static bool wanted(const char *method, int argc, char **argv)
{
  bool any = false, found = false;
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--json") == 0)
      json = true;
    else {
      any = true;
      found = found || strcmp(argv[i], method) == 0;
    }
  return found || !any;
}

/* A method that the table has. */
static bool known(const char *text)
{
  struct method_choice choice;
  struct error error;
  return method_parse(text, &choice, &error) == STATUS_OK;
}

int main(int argc, char **argv)
{
  kernels_init();
  float *w = rows_bell_shaped((size_t)SIDE * SIDE), *x = rows_bell_shaped((size_t)TOKENS * SIDE);
  struct layer_output output = {x, TOKENS, mem_array((size_t)TOKENS * SIDE, sizeof(float))};
  if (!w || !x || !output.y) {
    fprintf(stderr, "bench_layer: out of memory\n");
    return 1;
  }
  const double product = time_product(x, w, output.y);
  wanted("", argc, argv);
  print_product(product);
  int failed = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (wanted(rows[i].method, argc, argv) && known(rows[i].method)) {
      double copies;
      const struct timed timed = run_alone(i, &output, w, &copies);
      failed = failed || timed.run < 0;
      if (timed.run >= 0)
        print_row(i, timed, product, copies);
    }
  layer_output_free(&output);
  free(w);
  free(x);
  return failed;
}
