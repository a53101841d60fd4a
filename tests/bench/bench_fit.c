/* How fast whole quantizers are: choosing the scales of a 4096 x 4096 tensor, and its round trip
 * with the tally, on all threads of the pool. Wall time per element; see bench_kernels.c for
 * what one thread does. Then every calibrator, per tensor, channel and group, beside one pass that
 * reads the tensor; and from a warm digest of it, stored as bfloat16 and as float16: what a key
 * press costs there. Arguments: specs instead of all this, "digest" for the digests alone (and
 * specs for these). */
#include "quant/base/clock.h"
#include "quant/base/half.h"
#include "quant/digest.h"
#include "quant/quantizer.h"
#include "tests/bench/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 4096, ELEMENTS = SIDE * SIDE, REPEATS = 3 };

static const char *const default_specs[] = {"int8",
                                            "int8,channel=0",
                                            "int8,channel=1",
                                            "int8,asym,group=128",
                                            "int4,group=32",
                                            "e4m3",
                                            "e4m3,channel=1",
                                            "int8,round=stochastic",
                                            "int8,percentile=99.9",
                                            "int8,channel=1,percentile=99",
                                            "int4,group=128,percentile=99",
                                            NULL};

struct pass {
  const struct fit *fit;
  const float *x;
};

static void round_trip_chunk(void *context, size_t chunk, unsigned worker)
{
  (void)worker;
  const struct pass *pass = context;
  const struct tally_bounds bounds = {-3, 3, -3, 3, 0};
  float y[FEED_BLOCK];
  struct tally tally = {0};
  for (size_t i = chunk * FEED_CHUNK; i < (chunk + 1) * FEED_CHUNK; i += FEED_BLOCK) {
    fit_round_trip(pass->fit, i, FEED_BLOCK, pass->x + i, y, NULL);
    kernels.tally(pass->x + i, y, FEED_BLOCK, &bounds, &tally);
  }
}

static void print_spec(const char *spec, const char *what, double seconds)
{
  char name[QUANTIZER_TEXT + 32];
  snprintf(name, sizeof name, "%s: %s", spec, what);
  const struct row row = {kernels.name, name, ELEMENTS, sizeof(float), pool_threads(), seconds};
  rows_print(&row);
}

static int bench_spec(const char *spec, const float *x)
{
  struct quantizer quantizer;
  struct error error;
  struct shape shape = {.dims = 2, .dim = {SIDE, SIDE}};
  struct feed feed = feed_floats(x, ELEMENTS);
  double fit_best = 1e30, trip_best = 1e30;
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK) {
    fprintf(stderr, "bench_fit: %s\n", error.text);
    return 1;
  }
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    struct fit *fit;
    double start = seconds_now();
    if (quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error) != STATUS_OK) {
      fprintf(stderr, "bench_fit: %s: %s\n", spec, error.text);
      return 1;
    }
    double middle = seconds_now();
    struct pass pass = {fit, x};
    pool_for(ELEMENTS / FEED_CHUNK, round_trip_chunk, &pass, NULL);
    double end = seconds_now();
    fit_free(fit);
    fit_best = middle - start < fit_best ? middle - start : fit_best;
    trip_best = end - middle < trip_best ? end - middle : trip_best;
  }
  print_spec(spec, "fit", fit_best);
  print_spec(spec, "trip + tally", trip_best);
  return 0;
}

/* --- calibrators ---------------------------------------------------------------------------- */

static void read_chunk(void *context, size_t chunk, unsigned worker)
{
  (void)worker;
  struct extremes extremes = extremes_empty();
  kernels.extremes((const float *)context + chunk * FEED_CHUNK, FEED_CHUNK, &extremes);
}

/* Seconds of one pass that takes the extremes. */
static double read_pass(float *x)
{
  double best = 1e30;
  for (int repeat = 0; repeat < 5 * REPEATS; repeat++) {
    double start = seconds_now();
    pool_for(ELEMENTS / FEED_CHUNK, read_chunk, x, NULL);
    double seconds = seconds_now() - start;
    best = seconds < best ? seconds : best;
  }
  return best;
}

/* Seconds of fitting SPEC; negative when the row has no meaning for it. Slow ones run once. */
static double fit_seconds(const char *spec, const float *x)
{
  struct quantizer quantizer;
  struct error error;
  struct shape shape = {.dims = 2, .dim = {SIDE, SIDE}};
  struct feed feed = feed_floats(x, ELEMENTS);
  double best = 1e30;
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK)
    return -1;
  for (int repeat = 0; repeat < REPEATS && (repeat == 0 || best < 0.5); repeat++) {
    struct fit *fit;
    double start = seconds_now();
    if (quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error) != STATUS_OK)
      return -1;
    double seconds = seconds_now() - start;
    best = seconds < best ? seconds : best;
    fit_free(fit);
  }
  return best;
}

static void bench_calibrators(float *x)
{
  static const char *const kinds[] = {"int8", "int8,asym", "int8,channel=0", "int4,group=128",
                                      "int4,asym,group=128"};
  print_spec("one pass", "extremes", read_pass(x));
  for (size_t i = 0; i < calibrator_table_length; i++)
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
      char spec[QUANTIZER_TEXT];
      snprintf(spec, sizeof spec, "%s,%s", kinds[k], calibrator_table[i].name);
      double seconds = fit_seconds(spec, x);
      if (seconds >= 0)
        print_spec(spec, "fit", seconds);
    }
}

/* --- digests -------------------------------------------------------------------------------- */

static struct digest *digest_of(const float *x, bool bfloat)
{
  static float value[DIGEST_MOST];
  static uint64_t count[DIGEST_MOST];
  memset(count, 0, sizeof count);
  for (uint32_t code = 0; code < DIGEST_MOST; code++) {
    uint32_t bits = code << 16;
    memcpy(&value[code], &bits, sizeof bits);
    value[code] = bfloat ? value[code] : half_to_float((uint16_t)code);
  }
  for (size_t i = 0; i < ELEMENTS; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    count[bfloat ? bits >> 16 : half_from_float(x[i])]++;
  }
  return digest_new(value, count, DIGEST_MOST);
}

static void bench_digest(const char *stored, const char *spec, const float *x,
                         const struct digest *digest)
{
  struct quantizer quantizer;
  struct error error;
  struct fit *fit;
  const struct shape shape = {.dims = 2, .dim = {SIDE, SIDE}};
  const struct batch values = {feed_floats(x, ELEMENTS), shape, digest, NULL};
  double best = 1e30;
  char name[QUANTIZER_TEXT + 32];
  if (quantizer_parse(spec, &quantizer, &error) != STATUS_OK)
    return;
  for (int repeat = 0; repeat < 3 * REPEATS && (repeat == 0 || best < 0.05); repeat++) {
    double start = rows_clock(1);
    if (quantizer_fit_values(&quantizer, &values, NULL, &fit, &error) != STATUS_OK)
      return;
    double seconds = rows_clock(1) - start;
    best = seconds < best ? seconds : best;
    fit_free(fit);
  }
  snprintf(name, sizeof name, "%s digest, %s: %.2f ms", stored, spec, 1e3 * best);
  const struct row row = {kernels.name, name, digest->distinct, sizeof(float), 1, best};
  rows_print(&row);
}

/* All calibrators, or SPECS (ending with NULL) alone. */
static void bench_digests(const float *x, char *const *specs)
{
  static const char *const kinds[] = {"int8", "int8,asym",  "int4,asym",
                                      "e4m3", "nf4,tensor", "int16"};
  for (int bfloat = 1; bfloat >= 0; bfloat--) {
    struct digest *digest = digest_of(x, bfloat);
    for (char *const *spec = specs; digest && *spec; spec++)
      bench_digest(bfloat ? "bf16" : "f16", *spec, x, digest);
    for (size_t i = 0; digest && !*specs && i < calibrator_table_length; i++)
      for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        char spec[QUANTIZER_TEXT];
        snprintf(spec, sizeof spec, "%s,%s", kinds[k], calibrator_table[i].name);
        bench_digest(bfloat ? "bf16" : "f16", spec, x, digest);
      }
    digest_free(digest);
  }
}

int main(int argc, char **argv)
{
  kernels_init();
  if (!rows_start("bench_fit", &argc, argv))
    return 1;
  float *x = rows_bell_shaped(ELEMENTS);
  if (!x) {
    fprintf(stderr, "bench_fit: out of memory\n");
    return 1;
  }
  if (argc > 1 && strcmp(argv[1], "digest") == 0) {
    bench_digests(x, argv + 2);
    return 0;
  }
  if (argc > 1) {
    for (int i = 1; i < argc; i++)
      if (bench_spec(argv[i], x))
        return 1;
    return 0;
  }
  for (const char *const *spec = default_specs; *spec; spec++)
    if (bench_spec(*spec, x))
      return 1;
  bench_calibrators(x);
  bench_digests(x, argv + argc);
  free(x);
  return 0;
}
