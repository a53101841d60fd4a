/* How fast the kernels are: elements per second and thread for each kernel and instruction set,
 * and the ratios to a plain read and to the int8 round trip of the same array in the same run.
 * Absolute numbers do not travel between machines; the ratios nearly do. Run by `make bench`, never
 * by `make check`. */
#include "quant/codebook.h"
#include "quant/family.h"
#include "quant/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ELEMENTS = 1 << 24, REPEATS = 5 };

struct bench {
  const struct kernels *kernels;
  const float *x;
  float y[FEED_BLOCK];
  uint16_t codes[FEED_BLOCK];
  struct unit unit, units[FEED_BLOCK];
  struct minifloat_grid grid;
  const struct codebook *codebook; /* of 256 levels */
  float scale, min[FEED_BLOCK], max[FEED_BLOCK];
  uint32_t finite[FEED_BLOCK];
  struct tally_bounds bounds;
  double sink; /* what was computed, so that no compiler can leave it out */
};

typedef void block_function(struct bench *bench, const float *x);

static void read_block(struct bench *bench, const float *x)
{
  uint32_t sum = 0;
  for (size_t i = 0; i < FEED_BLOCK; i++) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x[i], sizeof bits);
    sum += bits;
  }
  bench->sink += sum;
}

static void extremes_block(struct bench *bench, const float *x)
{
  struct extremes extremes = extremes_empty();
  bench->kernels->extremes(x, FEED_BLOCK, &extremes);
  bench->sink += (double)extremes.max;
}

static void extremes_lanes_block(struct bench *bench, const float *x)
{
  bench->kernels->extremes_lanes(x, FEED_BLOCK, bench->min, bench->max, bench->finite);
}

static void integer_block(struct bench *bench, const float *x)
{
  bench->kernels->integer_run(x, FEED_BLOCK, bench->unit, bench->y, NULL);
}

static void integer_codes_block(struct bench *bench, const float *x)
{
  bench->kernels->integer_run(x, FEED_BLOCK, bench->unit, bench->y, bench->codes);
}

static void integer_lanes_block(struct bench *bench, const float *x)
{
  bench->kernels->integer_lanes(x, FEED_BLOCK, bench->units, bench->y, NULL);
}

static void group_block(struct bench *bench, const float *x)
{
  for (size_t i = 0; i < FEED_BLOCK; i += 128)
    bench->kernels->integer_run(x + i, 128, bench->unit, bench->y + i, NULL);
}

static void minifloat_block(struct bench *bench, const float *x)
{
  bench->kernels->minifloat_run(x, FEED_BLOCK, &bench->grid, bench->scale, bench->y, NULL);
}

static void minifloat_codes_block(struct bench *bench, const float *x)
{
  bench->kernels->minifloat_run(x, FEED_BLOCK, &bench->grid, bench->scale, bench->y, bench->codes);
}

static void minifloat_lanes_block(struct bench *bench, const float *x)
{
  bench->kernels->minifloat_lanes(x, FEED_BLOCK, &bench->grid, bench->units, bench->y, NULL);
}

static void tally_block(struct bench *bench, const float *x)
{
  struct tally tally = {0};
  bench->kernels->tally(x, bench->y, FEED_BLOCK, &bench->bounds, &tally);
  bench->sink += tally.error2;
}

static void integer_tally_block(struct bench *bench, const float *x)
{
  integer_block(bench, x);
  tally_block(bench, x);
}

static void minifloat_tally_block(struct bench *bench, const float *x)
{
  minifloat_block(bench, x);
  tally_block(bench, x);
}

static void integer_sse_block(struct bench *bench, const float *x)
{
  bench->sink += bench->kernels->integer_sse(x, FEED_BLOCK, bench->unit);
}

static void minifloat_sse_block(struct bench *bench, const float *x)
{
  bench->sink += bench->kernels->minifloat_sse(x, FEED_BLOCK, &bench->grid, bench->scale);
}

static void nf4_block(struct bench *bench, const float *x)
{
  bench->kernels->codebook_run(x, FEED_BLOCK, &nf4_codebook, 3.5f, bench->y, NULL);
}

static void nf4_codes_block(struct bench *bench, const float *x)
{
  bench->kernels->codebook_run(x, FEED_BLOCK, &nf4_codebook, 3.5f, bench->y, bench->codes);
}

static void bnb_fp4_codes_block(struct bench *bench, const float *x)
{
  bench->kernels->codebook_run(x, FEED_BLOCK, &bnb_fp4_codebook, 3.5f, bench->y, bench->codes);
}

static void codebook_codes_block(struct bench *bench, const float *x)
{
  bench->kernels->codebook_run(x, FEED_BLOCK, bench->codebook, 3.5f / 128, bench->y, bench->codes);
}

static void codebook_block(struct bench *bench, const float *x)
{
  bench->kernels->codebook_run(x, FEED_BLOCK, bench->codebook, 3.5f / 128, bench->y, NULL);
}

static void power_block(struct bench *bench, const float *x)
{
  bench->sink += bench->kernels->power_error(x, bench->y, NULL, FEED_BLOCK, 2.4, 1);
}

static void line_sums_block(struct bench *bench, const float *x)
{
  struct line_sums sums = {0};
  bench->kernels->line_sums(x, bench->y, FEED_BLOCK, &sums);
  bench->sink += sums.xy;
}

static const struct {
  const char *name;
  block_function *run;
} rows[] = {
    {"extremes", extremes_block},
    {"extremes_lanes", extremes_lanes_block},
    {"int8 round trip", integer_block},
    {"int8 with codes", integer_codes_block},
    {"int8 lanes", integer_lanes_block},
    {"int8 groups of 128", group_block},
    {"int8 + tally", integer_tally_block},
    {"int8 sse", integer_sse_block},
    {"|x - y|^2.4", power_block},
    {"line sums", line_sums_block},
    {"e4m3 round trip", minifloat_block},
    {"e4m3 with codes", minifloat_codes_block},
    {"e4m3 lanes", minifloat_lanes_block},
    {"e4m3 + tally", minifloat_tally_block},
    {"e4m3 sse", minifloat_sse_block},
    {"nf4 round trip", nf4_block},
    {"nf4 with codes", nf4_codes_block},
    {"codebook of 256", codebook_block},
    {"bnb_fp4 with codes", bnb_fp4_codes_block},
    {"codebook with codes", codebook_codes_block},
};

/* Least processor time of one pass over the array, in seconds. */
static double measure(struct bench *bench, block_function *run)
{
  double best = 1e30;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (size_t i = 0; i < ELEMENTS; i += FEED_BLOCK)
      run(bench, bench->x + i);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    best = seconds < best ? seconds : best;
  }
  return best;
}

/* Sums of uniforms: bell-shaped, absmax near 6 times the standard deviation. */
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

static struct codebook *wide_codebook(void)
{
  float levels[256];
  for (int i = 0; i < 256; i++)
    levels[i] = (float)(i - 128);
  return codebook_new(levels, 256);
}

static void prepare(struct bench *bench)
{
  bench->scale = 3.5f / 448;
  bench->grid = format_grid(format_find("e4m3"));
  bench->unit = (struct unit){.scale = 3.5f / 127, .lo = -128, .hi = 127};
  for (size_t i = 0; i < FEED_BLOCK; i++)
    bench->units[i] = bench->unit;
  bench->bounds = (struct tally_bounds){
      .clip_lo = -3.51f, .clip_hi = 3.51f, .rail_lo = -3.52f, .rail_hi = 3.5f, .bulk = 2.6f};
}

int main(void)
{
  static struct bench bench;
  float *x = bell_shaped();
  struct codebook *codebook = wide_codebook();
  if (!x || !codebook) {
    fprintf(stderr, "bench_kernels: out of memory\n");
    free(codebook);
    free(x);
    return 1;
  }
  bench.x = x;
  bench.codebook = codebook;
  prepare(&bench);
  double plain = measure(&bench, read_block);
  printf("plain read: %.2f G element/s, %.1f GB/s\n\n", ELEMENTS / plain * 1e-9,
         4 * ELEMENTS / plain * 1e-9);
  printf("%-10s %-20s %12s %10s %14s %8s\n", "level", "kernel", "G element/s", "ns/element",
         "of plain read", "of int8");
  for (const struct kernels *const *level = kernels_available(); *level; level++) {
    bench.kernels = *level;
    double int8 = measure(&bench, integer_block);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
      double seconds = measure(&bench, rows[i].run);
      printf("%-10s %-20s %12.2f %10.3f %14.2f %8.3f\n", (*level)->name, rows[i].name,
             ELEMENTS / seconds * 1e-9, seconds / ELEMENTS * 1e9, plain / seconds, int8 / seconds);
    }
  }
  fprintf(stderr, "(%g)\n", bench.sink);
  free(codebook);
  free(x);
  return 0;
}
