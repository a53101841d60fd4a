/* What the program does to a tensor, against the speed at which memory can be read: the pass over a
 * tensor when it is opened (facts, digest), and the passes of a key press: everything in the table
 * of metrics, the histograms, and for scales of groups their choice as well. 4096 x 4096, on
 * one thread (processor time) and on all (wall time). Run by `make bench`, never by `make check`;
 * an argument limits it to the rows whose name contains it. */
#include "analysis/measure.h"
#include "data/tensor_digest.h"
#include "quant/base/half.h"
#include "quant/base/size.h"
#include "tests/bench/rows.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 4096, ELEMENTS = SIDE * SIDE, REPEATS = 5, BINS = 2048 };

struct bench {
  const struct tensor *tensor;
  struct feed feed;
  struct facts facts;
  struct quantizer quantizer;
  struct fit *fit;
  const char *wanted; /* part of the names of the rows */
};

/* False: it failed. */
typedef bool work(struct bench *bench);

/* --- work --------------------------------------------------------------------------------- */

static bool work_facts(struct bench *bench)
{
  struct error error;
  return facts_compute(&bench->feed, FLT_MIN, NULL, &bench->facts, &error) == STATUS_OK;
}

static void extremes_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct bench *bench = context;
  float scratch[FEED_BLOCK];
  struct extremes extremes = extremes_empty();
  (void)worker;
  for (size_t i = chunk * FEED_CHUNK; i < (chunk + 1) * FEED_CHUNK; i += FEED_BLOCK)
    kernels.extremes(feed_block(&bench->feed, i, FEED_BLOCK, scratch), FEED_BLOCK, &extremes);
}

static bool work_extremes(struct bench *bench)
{
  return pool_for(ELEMENTS / FEED_CHUNK, extremes_chunk, bench, NULL) == STATUS_OK;
}

static bool work_digest(struct bench *bench)
{
  struct digest *digest;
  struct error error;
  bool made = tensor_digest(bench->tensor, NULL, &digest, &error) == STATUS_OK;
  if (made)
    digest_free(digest);
  return made;
}

static void histogram_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct bench *bench = context;
  float scratch[FEED_BLOCK];
  struct histogram histogram;
  (void)worker;
  if (!histogram_init(&histogram, -4, 4, BINS))
    return;
  for (size_t i = chunk * FEED_CHUNK; i < (chunk + 1) * FEED_CHUNK; i += FEED_BLOCK)
    histogram_add(&histogram, feed_block(&bench->feed, i, FEED_BLOCK, scratch), FEED_BLOCK);
  histogram_free(&histogram);
}

static bool work_histogram(struct bench *bench)
{
  return pool_for(ELEMENTS / FEED_CHUNK, histogram_chunk, bench, NULL) == STATUS_OK;
}

static bool work_fit(struct bench *bench)
{
  struct error error;
  fit_free(bench->fit);
  bench->fit = NULL;
  return quantizer_fit(&bench->quantizer, &bench->feed, &bench->tensor->shape, NULL, &bench->fit,
                       &error) == STATUS_OK;
}

enum part { PART_METRICS, PART_ERRORS, PART_SCREEN };

/* The table of metrics and the channels; with the histograms and the error curve; or squared
 * errors, split in rounding and clipping, and the largest error alone, of tensor and channels. */
static bool measure(struct bench *bench, enum part part)
{
  struct error error;
  struct result *result = mem_array(1, sizeof *result);
  struct measure pass = {.feed = &bench->feed,
                         .fit = bench->fit,
                         .own = bench->fit,
                         .errors_only = part == PART_ERRORS};
  const struct granularity rows = {.kind = GRAIN_CHANNEL, .axis = 0};
  const struct result_request request = {.bins = BINS, .lo = (double)NAN, .hi = (double)NAN};
  if (!result)
    return false;
  result->facts = bench->facts;
  result->quantizer = bench->quantizer;
  bool made =
      grain_make(&rows, &bench->tensor->shape, &pass.channels, &error) == STATUS_OK &&
      measure_metrics(&pass, result, &error) == STATUS_OK &&
      (part != PART_SCREEN || measure_histograms(&pass, &request, result, &error) == STATUS_OK);
  result_free(result);
  return made;
}

static bool work_metrics(struct bench *bench)
{
  return measure(bench, PART_METRICS);
}

static bool work_errors(struct bench *bench)
{
  return measure(bench, PART_ERRORS);
}

static bool work_screen(struct bench *bench)
{
  return measure(bench, PART_SCREEN);
}

/* The scales are chosen on the way. */
static bool wait_and_measure(struct bench *bench, enum part part)
{
  struct error error;
  fit_free(bench->fit);
  bench->fit = NULL;
  const struct batch values = {.feed = bench->feed, .shape = bench->tensor->shape};
  return quantizer_fit_waiting(&bench->quantizer, &values, NULL, &bench->fit, &error) ==
             STATUS_OK &&
         measure(bench, part);
}

static bool work_key(struct bench *bench)
{
  return wait_and_measure(bench, PART_METRICS);
}

static bool work_key_errors(struct bench *bench)
{
  return wait_and_measure(bench, PART_ERRORS);
}

/* --- rows --------------------------------------------------------------------------------- */

static void row(struct bench *bench, const char *what, unsigned threads, work *run)
{
  char name[QUANTIZER_TEXT];
  snprintf(name, sizeof name, "%s, %s", bench->tensor->stored->name, what);
  struct row row = {kernels.name, name, ELEMENTS, bench->tensor->stored->size, threads, 1e30};
  if (bench->wanted && !strstr(name, bench->wanted))
    return;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    double start = rows_clock(threads);
    if (!run(bench)) {
      fprintf(stderr, "bench_passes: %s: failed\n", name);
      exit(1);
    }
    double seconds = rows_clock(threads) - start;
    row.seconds = seconds < row.seconds ? seconds : row.seconds;
  }
  rows_print(&row);
}

static void spec_rows(struct bench *bench, const char *spec, unsigned threads)
{
  char name[QUANTIZER_TEXT];
  struct error error;
  if (quantizer_parse(spec, &bench->quantizer, &error) != STATUS_OK || !work_fit(bench)) {
    fprintf(stderr, "bench_passes: %s: failed\n", spec);
    exit(1);
  }
  row(bench, spec, threads, work_metrics);
  snprintf(name, sizeof name, "%s, errors alone", spec);
  row(bench, name, threads, work_errors);
  if (bench->quantizer.granularity.kind == GRAIN_GROUP) {
    snprintf(name, sizeof name, "%s with its fit", spec);
    row(bench, name, threads, work_key);
    snprintf(name, sizeof name, "%s with its fit, errors alone", spec);
    row(bench, name, threads, work_key_errors);
  } else if (bench->quantizer.granularity.kind == GRAIN_TENSOR) {
    snprintf(name, sizeof name, "%s with histograms", spec);
    row(bench, name, threads, work_screen);
  }
  fit_free(bench->fit);
  bench->fit = NULL;
}

static void tensor_rows(struct bench *bench, unsigned threads)
{
  static const char *const specs[] = {
      "int8",           "int8,channel",         "e4m3",
      "e4m3,channel",   "int8,percentile=99.9", "int8,token",
      "int8,group=128", "int4,asym,group=128",  "int4,asym,group=32",
      "e4m3,group=128"};
  pool_set_threads(threads);
  if (!work_facts(bench))
    exit(1);
  row(bench, "range", threads, work_extremes);
  row(bench, "facts with p99", threads, work_facts);
  if (tensor_has_digest(bench->tensor))
    row(bench, "digest", threads, work_digest);
  row(bench, "histogram, 2048 bins", threads, work_histogram);
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
    spec_rows(bench, specs[i], threads);
  pool_set_threads(0);
}

/* The values in a type of 16 bits. */
static uint16_t *halves(const float *x, bool bfloat)
{
  uint16_t *half = malloc(ELEMENTS * sizeof *half);
  for (size_t i = 0; half && i < ELEMENTS; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    half[i] = bfloat ? (uint16_t)(bits >> 16) : half_from_float(x[i]);
  }
  return half;
}

static void bench_tensor(const void *data, const char *stored, const char *wanted)
{
  const struct stored *type = stored_find(stored);
  const struct tensor tensor = {.name = "bench",
                                .shape = {.dims = 2, .dim = {SIDE, SIDE}},
                                .stored = type,
                                .count = ELEMENTS,
                                .bytes = ELEMENTS * type->size,
                                .data = data};
  struct bench bench = {.tensor = &tensor, .feed = tensor_feed(&tensor), .wanted = wanted};
  tensor_rows(&bench, 1);
  if (pool_threads() > 1)
    tensor_rows(&bench, pool_threads());
}

int main(int argc, char **argv)
{
  kernels_init();
  if (!rows_start("bench_passes", &argc, argv))
    return 1;
  float *x = rows_bell_shaped(ELEMENTS);
  uint16_t *bf16 = x ? halves(x, true) : NULL, *f16 = x ? halves(x, false) : NULL;
  const char *wanted = argc > 1 ? argv[1] : NULL;
  if (!bf16 || !f16) {
    fprintf(stderr, "bench_passes: out of memory\n");
    return 1;
  }
  bench_tensor(x, "f32", wanted);
  bench_tensor(bf16, "bf16", wanted);
  bench_tensor(f16, "f16", wanted);
  free(x);
  free(bf16);
  free(f16);
  return 0;
}
