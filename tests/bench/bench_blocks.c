/* How fast the block codecs are on one thread: packing, packing with an importance vector, and
 * unpacking, beside a plain int8 round trip of the same array in the same run, by the float32 that
 * go in or come out. Absolute numbers do not travel between machines; the ratios nearly do.
 * Run by `make bench`, never by `make check`; an argument limits it to the formats whose name
 * contains it. */
#include "quant/block.h"
#include "quant/kernels/kernels.h"
#include "tests/bench/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ELEMENTS = 1 << 22, ROW = 4096, REPEATS = 3 };

struct bench {
  const struct kernels *kernels;
  const struct block_codec *codec;
  const float *x, *importance; /* importance: NULL or one row */
  float *y;
  unsigned char *packed;
};

typedef void pass(struct bench *bench);

static void int8_pass(struct bench *bench)
{
  const struct unit unit = {.scale = 4.0f / 127, .lo = -127, .hi = 127};
  for (size_t i = 0; i < ELEMENTS; i += ROW)
    bench->kernels->integer_run(bench->x + i, ROW, unit, bench->y + i, NULL);
}

static size_t row_bytes(const struct block_codec *codec)
{
  return ROW / codec->length * codec->bytes;
}

static void encode_pass(struct bench *bench)
{
  static const struct block_setting setting = {.tensor_scale = 1};
  unsigned char *to = bench->packed;
  for (size_t i = 0; i < ELEMENTS; i += ROW, to += row_bytes(bench->codec))
    bench->codec->encode(&setting, bench->x + i, bench->importance, ROW, to);
}

static void decode_pass(struct bench *bench)
{
  static const struct block_setting setting = {.tensor_scale = 1};
  const unsigned char *from = bench->packed;
  for (size_t i = 0; i < ELEMENTS; i += ROW, from += row_bytes(bench->codec))
    bench->codec->decode(&setting, from, ROW / bench->codec->length, bench->y + i);
}

/* Least processor time of one pass, in seconds. */
static double measure(struct bench *bench, pass *run)
{
  double best = 1e30;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    run(bench);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    best = seconds < best ? seconds : best;
  }
  return best;
}

/* Sums of twelve uniforms: as good as normal for this purpose. */
static void fill(float *x, float *importance)
{
  uint32_t state = 1;
  for (size_t i = 0; i < ELEMENTS; i++) {
    float sum = 0;
    for (int k = 0; k < 12; k++) {
      state = state * 1664525u + 1013904223u;
      sum += (float)(int32_t)state;
    }
    x[i] = sum * 0x1p-32f;
  }
  for (size_t i = 0; i < ROW; i++)
    importance[i] = 0.1f + x[i] * x[i];
}

static void print_pass(struct bench *bench, const char *what, pass *run)
{
  char name[64];
  snprintf(name, sizeof name, "%s%s", bench->codec ? bench->codec->name : "", what);
  const struct row row = {bench->kernels->name, name, ELEMENTS,
                          sizeof(float),        1,    measure(bench, run)};
  rows_print(&row);
}

static void print_codec(struct bench *bench, const float *importance)
{
  if (bench->codec->encode)
    print_pass(bench, " pack", encode_pass);
  bench->importance = importance;
  if (bench->codec->encode && bench->codec->takes_importance)
    print_pass(bench, " pack by importance", encode_pass);
  bench->importance = NULL;
  print_pass(bench, " unpack", decode_pass);
}

int main(int argc, char **argv)
{
  if (!rows_start("bench_blocks", &argc, argv))
    return 1;
  struct bench bench = {.y = malloc(ELEMENTS * sizeof(float)),
                        .packed = calloc(ELEMENTS, 2 * sizeof(float))};
  float *x = malloc(ELEMENTS * sizeof *x), *importance = malloc(ROW * sizeof *importance);
  if (!x || !importance || !bench.y || !bench.packed) {
    fprintf(stderr, "bench_blocks: out of memory\n");
    return 1;
  }
  fill(x, importance);
  bench.x = x;
  for (const struct kernels *const *level = kernels_available(); *level; level++) {
    bench.kernels = *level;
    bench.codec = NULL;
    print_pass(&bench, "int8 round trip", int8_pass);
    for (size_t i = 0; (bench.codec = block_codec_of(*level, i)); i++)
      if (argc < 2 || strstr(bench.codec->name, argv[1]))
        print_codec(&bench, importance);
  }
  free(x);
  free(importance);
  free(bench.y);
  free(bench.packed);
  return 0;
}
