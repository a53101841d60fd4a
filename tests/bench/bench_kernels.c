/* How fast the kernels are, for each instruction set, on one thread, as shares of the speed at
 * which memory can be read. Absolute numbers do not travel between machines; the shares nearly do.
 * Run by `make bench`, never by `make check`; an argument limits it to the rows whose name contains
 * it.
 *
 * What bounds them: extremes, memory (measured: they read as fast as the limit). Round trips, the
 * division. The tally of reconstructions, widening float32 to double and the sums of seven terms.
 * The error pass, by leaving parts of it out (in cache, AVX2 and AVX-512 alike): the number of
 * instructions, four to five of which run at a time; a quarter of them count codes, a load and a
 * store for each element (by itself that takes a nanosecond for four); the sums of squares of x
 * take nearly as many; what is outside, a tenth of the time. Bins of values, arithmetic in double;
 * counting bins, the counter that each element loads and stores; errors by bin, the nearest cache
 * when there are thousands. */
#include "quant/codebook.h"
#include "quant/family.h"
#include "quant/feed.h"
#include "tests/bench/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ELEMENTS = 1 << 24, REPEATS = 5 };

struct bench {
  const struct kernels *kernels;
  const float *x;
  float y[FEED_BLOCK];
  uint16_t codes[FEED_BLOCK];
  struct unit unit, units[FEED_BLOCK];
  struct minifloat_grid grid;
  struct grid format; /* of the rows that are formats */
  struct unit format_unit;
  float scale, min[FEED_BLOCK], max[FEED_BLOCK];
  uint32_t finite[FEED_BLOCK];
  struct coded coded;
  struct tally_bounds bounds;
  const char *wanted; /* part of the names of the rows; NULL: all */
  double sink;        /* what was computed, so that no compiler can leave it out */
};

typedef void block_function(struct bench *bench, const float *x);

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

static void integer_pass_block(struct bench *bench, const float *x)
{
  struct tally tally = {0};
  bench->kernels->integer_tally(x, FEED_BLOCK, bench->unit, &bench->bounds, &tally, &bench->coded);
  bench->sink += tally.error2;
}

static void minifloat_pass_block(struct bench *bench, const float *x)
{
  struct tally tally = {0};
  bench->kernels->minifloat_tally(x, FEED_BLOCK, &bench->grid, bench->scale, &bench->bounds, &tally,
                                  &bench->coded);
  bench->sink += tally.error2;
}

static void integer_sse_block(struct bench *bench, const float *x)
{
  bench->sink += bench->kernels->integer_sse(x, FEED_BLOCK, bench->unit);
}

static void minifloat_sse_block(struct bench *bench, const float *x)
{
  bench->sink += bench->kernels->minifloat_sse(x, FEED_BLOCK, &bench->grid, bench->scale);
}

static void format_block(struct bench *bench, const float *x)
{
  bench->format.format->family->run(&bench->format, &bench->format_unit, x, FEED_BLOCK, bench->y,
                                    NULL);
}

static void format_codes_block(struct bench *bench, const float *x)
{
  bench->format.format->family->run(&bench->format, &bench->format_unit, x, FEED_BLOCK, bench->y,
                                    bench->codes);
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
    {"int8 lanes", integer_lanes_block},
    {"int8 groups of 128", group_block},
    {"int8 + tally", integer_tally_block},
    {"int8 error pass", integer_pass_block},
    {"e4m3 error pass", minifloat_pass_block},
    {"int8 sse", integer_sse_block},
    {"|x - y|^2.4", power_block},
    {"line sums", line_sums_block},
    {"e4m3 round trip", minifloat_block},
    {"e4m3 lanes", minifloat_lanes_block},
    {"e4m3 + tally", minifloat_tally_block},
    {"e4m3 sse", minifloat_sse_block},
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

/* Magnitudes: what bare powers of two stand for. */
static float *magnitudes(const float *x)
{
  float *positive = malloc(ELEMENTS * sizeof *positive);
  for (size_t i = 0; positive && i < ELEMENTS; i++)
    positive[i] = fabsf(x[i]);
  return positive;
}

/* Learned levels, as many as eight bits have: closer to each other near zero. */
static struct codebook *wide_codebook(void)
{
  float levels[256];
  for (int i = 0; i < 256; i++)
    levels[i] = (float)(i - 128) * (128 + fabsf((float)(i - 128))) / 256;
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

static void row(struct bench *bench, const char *name, block_function *run)
{
  if (bench->wanted && !strstr(name, bench->wanted))
    return;
  const struct row row = {bench->kernels->name, name, ELEMENTS,
                          sizeof(float),        1,    measure(bench, run)};
  rows_print(&row);
}

/* A format's round trip, without and with codes; CODEBOOK: the levels of one that learns them. */
static void format_rows(struct bench *bench, const char *name, const struct codebook *codebook)
{
  char text[64];
  bench->format = grid_make(format_find(name), false, false, false);
  if (codebook)
    bench->format.codebook = codebook;
  double max = codebook ? 128 : bench->format.format->family->max(bench->format.format);
  bench->format_unit =
      bench->format.format->family->unit(&bench->format, max > 1e4 ? 1 : 3.5f / (float)max, 0);
  row(bench, name, format_block);
  snprintf(text, sizeof text, "%s, codes", name);
  row(bench, text, format_codes_block);
}

static void level_rows(struct bench *bench, const struct kernels *level,
                       const struct codebook *codebook, const float *positive)
{
  const float *x = bench->x;
  static const char *const formats[] = {"int8",     "int4", "int16", "e4m3",   "e5m2", "e3m4",
                                        "e4m3fnuz", "e2m5", "e2m3",  "e3m2",   "e2m1", "float16",
                                        "bfloat16", "tf32", "nf4",   "bnb_fp4"};
  bench->kernels = level;
  kernels = *level;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    row(bench, rows[i].name, rows[i].run);
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
    format_rows(bench, formats[i], NULL);
  format_rows(bench, "lloyd=256", codebook);
  bench->x = positive;
  format_rows(bench, "e8m0", NULL);
  bench->x = x;
}

int main(int argc, char **argv)
{
  static struct bench bench;
  if (!rows_start("bench_kernels", &argc, argv))
    return 1;
  float *x = rows_bell_shaped(ELEMENTS), *positive = x ? magnitudes(x) : NULL;
  struct codebook *codebook = wide_codebook();
  if (!positive || !codebook) {
    fprintf(stderr, "bench_kernels: out of memory\n");
    free(codebook);
    free(positive);
    free(x);
    return 1;
  }
  bench.x = x;
  bench.wanted = argc > 1 ? argv[1] : NULL;
  prepare(&bench);
  for (const struct kernels *const *level = kernels_available(); *level; level++)
    level_rows(&bench, *level, codebook, positive);
  fprintf(stderr, "(%g)\n", bench.sink);
  free(codebook);
  free(positive);
  free(x);
  return 0;
}
