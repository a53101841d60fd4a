/* How fast whole quantizers are: choosing the scales of a 4096 x 4096 tensor, and its round trip
 * with the tally, on all threads of the pool. Wall time per element; see bench_kernels.c for
 * what one thread does. Arguments: specs instead of the built-in ones. */
#include "quant/quantizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

static float *bell_shaped(void)
{
  float *x = malloc(ELEMENTS * sizeof *x);
  uint32_t state = 1;
  for (size_t i = 0; x && i < ELEMENTS; i++) {
    float sum = 0;
    for (int k = 0; k < 4; k++) {
      state = state * 1664525u + 1013904223u;
      sum += (float)(int32_t)state;
    }
    x[i] = sum * 0x1p-31f;
  }
  return x;
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

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
    double start = now();
    if (quantizer_fit(&quantizer, &feed, &shape, NULL, &fit, &error) != STATUS_OK) {
      fprintf(stderr, "bench_fit: %s: %s\n", spec, error.text);
      return 1;
    }
    double middle = now();
    struct pass pass = {fit, x};
    pool_for(ELEMENTS / FEED_CHUNK, round_trip_chunk, &pass, NULL);
    double end = now();
    fit_free(fit);
    fit_best = middle - start < fit_best ? middle - start : fit_best;
    trip_best = end - middle < trip_best ? end - middle : trip_best;
  }
  printf("%-32s %10.3f %10.3f\n", spec, fit_best / ELEMENTS * 1e9, trip_best / ELEMENTS * 1e9);
  return 0;
}

int main(int argc, char **argv)
{
  kernels_init();
  const float *x = bell_shaped();
  if (!x) {
    fprintf(stderr, "bench_fit: out of memory\n");
    return 1;
  }
  printf("%s kernels, %u threads; nanoseconds per element\n", kernels.name, pool_threads());
  printf("%-32s %10s %10s\n", "quantizer", "fit", "trip+tally");
  if (argc > 1) {
    for (int i = 1; i < argc; i++)
      if (bench_spec(argv[i], x))
        return 1;
    return 0;
  }
  for (const char *const *spec = default_specs; *spec; spec++)
    if (bench_spec(*spec, x))
      return 1;
  return 0;
}
