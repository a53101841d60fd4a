/* The side of qscope of `make bench-peers`: times of the work that tests/bench/peers.py does with
 * numpy and torch, on the same array, and the number that came out, so that both can be held
 * against each other. Argument: a file of 4096 x 4096 float32 in the machine's order. A JSON object
 * a line. */
#include "analysis/measure.h"
#include "quant/base/size.h"
#include "quant/sample.h"
#include "tests/bench/rows.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 4096, ELEMENTS = SIDE * SIDE, REPEATS = 3, BINS = 2048, CANDIDATES = 100 };

static struct feed feed;
static const struct shape shape = {.dims = 2, .dim = {SIDE, SIDE}};
static struct facts facts;

/* What came of a piece of work; NaN: it failed. */
typedef double work(const char *argument);

/* --- work --------------------------------------------------------------------------------- */

/* Fit, round trip and all metrics of the spec: the MSE. */
static double fake_quantize(const char *spec)
{
  struct quantizer quantizer;
  struct error error;
  struct fit *fit = NULL;
  struct result *result = mem_array(1, sizeof *result);
  const struct granularity whole = {.kind = GRAIN_TENSOR};
  struct measure pass = {.feed = &feed};
  double mse = (double)NAN;
  if (!result)
    return mse;
  if (quantizer_parse(spec, &quantizer, &error) == STATUS_OK &&
      quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error) == STATUS_OK &&
      grain_make(&whole, &shape, &pass.channels, &error) == STATUS_OK) {
    pass.fit = fit;
    result->facts = facts;
    result->quantizer = quantizer;
    if (measure_metrics(&pass, result, &error) == STATUS_OK)
      mse = result->metrics.mse;
  }
  result_free(result);
  fit_free(fit);
  return mse;
}

/* What the calibrator of the spec chooses: the scale. */
static double calibrate(const char *spec)
{
  struct quantizer quantizer;
  struct error error;
  struct fit *fit = NULL;
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK ||
      quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error) != STATUS_OK)
    return (double)NAN;
  double scale = (double)fit_scale(fit, 0);
  fit_free(fit);
  return scale;
}

struct histograms {
  struct histogram of_worker[256];
};

static void histogram_chunk(void *context, size_t chunk, unsigned worker)
{
  struct histograms *histograms = context;
  histogram_add(&histograms->of_worker[worker], feed.direct + chunk * FEED_CHUNK, FEED_CHUNK);
}

/* Sum of bin number times count: a number that a misplaced value changes. */
static double histogram(const char *argument)
{
  struct histograms all;
  double sum = 0;
  bool made = true;
  (void)argument;
  for (unsigned w = 0; w < pool_threads(); w++)
    made &= histogram_init(&all.of_worker[w], -4, 4, BINS);
  if (made)
    pool_for(ELEMENTS / FEED_CHUNK, histogram_chunk, &all, NULL);
  for (unsigned w = 0; w < pool_threads(); w++) {
    for (size_t i = 0; made && i < BINS; i++)
      sum += (double)i * (double)all.of_worker[w].count[i];
    histogram_free(&all.of_worker[w]);
  }
  return made ? sum : (double)NAN;
}

static double percentile(const char *argument)
{
  struct grain grain;
  struct error error;
  double value = (double)NAN;
  (void)argument;
  if (grain_make(&(struct granularity){.kind = GRAIN_TENSOR}, &shape, &grain, &error) != STATUS_OK)
    return value;
  struct sample sample = {.finite = facts.finite,
                          .min = (float)facts.min,
                          .max = (float)facts.max,
                          .feed = &feed,
                          .grain = &grain};
  if (sample_percentiles(&sample, true, (const double[]){99.99}, 1, &value, &error) != STATUS_OK)
    return (double)NAN;
  return value;
}

struct search {
  float scale;
  double sums[ELEMENTS / FEED_CHUNK];
};

static void search_chunk(void *context, size_t chunk, unsigned worker)
{
  struct search *search = context;
  const struct unit unit = {.scale = search->scale, .lo = -128, .hi = 127};
  (void)worker;
  search->sums[chunk] = kernels.integer_sse(feed.direct + chunk * FEED_CHUNK, FEED_CHUNK, unit);
}

/* The least MSE of int8 with thresholds 1 %, 2 % .. 100 % of the largest magnitude. */
static double mse_search(const char *argument)
{
  static struct search search;
  double best = (double)INFINITY;
  (void)argument;
  for (int k = 1; k <= CANDIDATES; k++) {
    double sum = 0;
    search.scale = (float)(facts.absmax * k / CANDIDATES / 127);
    pool_for(ELEMENTS / FEED_CHUNK, search_chunk, &search, NULL);
    for (size_t i = 0; i < ELEMENTS / FEED_CHUNK; i++)
      sum += search.sums[i];
    best = fmin(best, sum / ELEMENTS);
  }
  return best;
}

/* Facts, then the int8 round trip by minmax. */
static double minmax_report(const char *argument)
{
  struct error error;
  if (facts_compute(&feed, FLT_MIN, NULL, &facts, &error) != STATUS_OK)
    return (double)NAN;
  return fake_quantize(argument);
}

/* --- rows --------------------------------------------------------------------------------- */

static const struct {
  const char *name, *argument;
  work *run;
} rows[] = {
    {"fake-quantize + mse, per tensor", "int8", fake_quantize},
    {"fake-quantize + mse, per channel", "int8,channel", fake_quantize},
    {"int4, asymmetric, groups of 128", "int4,asym,group=128", fake_quantize},
    {"histogram, 2048 bins", NULL, histogram},
    {"percentile 99.99 of |x|", NULL, percentile},
    {"mse search, 100 candidates", NULL, mse_search},
    {"entropy (NVIDIA), 2048 bins", "int8,entropy", calibrate},
    {"HistogramObserver", "uint8,torch-histogram,scale-rule=pytorch,arithmetic=reciprocal",
     calibrate},
    {"minmax report", "int8", minmax_report},
};

static bool run_rows(unsigned threads)
{
  pool_set_threads(threads);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double best = (double)INFINITY, value = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
      double start = rows_clock(threads);
      value = rows[i].run(rows[i].argument);
      best = fmin(best, rows_clock(threads) - start);
    }
    if (isnan(value)) {
      fprintf(stderr, "bench_peers: %s: failed\n", rows[i].name);
      return false;
    }
    printf("{\"row\": \"%s\", \"threads\": %u, \"seconds\": %.6g, \"value\": %.17g}\n",
           rows[i].name, threads, best, value);
    fflush(stdout);
  }
  pool_set_threads(0);
  return true;
}

int main(int argc, char **argv)
{
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  float *x = malloc(ELEMENTS * sizeof *x);
  if (!file || !x || fread(x, sizeof *x, ELEMENTS, file) != ELEMENTS) {
    fprintf(stderr, "bench_peers: expected a file of %d float32\n", ELEMENTS);
    return 1;
  }
  fclose(file);
  kernels_init();
  feed = feed_floats(x, ELEMENTS);
  struct error error;
  bool made = facts_compute(&feed, FLT_MIN, NULL, &facts, &error) == STATUS_OK && run_rows(1) &&
              (pool_threads() == 1 || run_rows(pool_threads()));
  free(x);
  return made ? 0 : 1;
}
