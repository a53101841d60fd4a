/* How fast the block codecs are: millions of elements per second and thread for packing, packing
 * with an importance vector, and unpacking, and the ratio to a plain int8 round trip of the same
 * array in the same run. Absolute numbers do not travel between machines; the ratios nearly do.
 * Run by `make bench`, never by `make check`; an argument limits it to the formats whose name
 * contains it. */
#include "quant/block.h"
#include "quant/kernels/kernels.h"

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

static void print_cell(double seconds, double int8)
{
  printf(" %10.1f %7.4f", ELEMENTS / seconds * 1e-6, int8 / seconds);
}

static void print_codec(struct bench *bench, const float *importance, double int8)
{
  printf("%-10s %-12s", bench->kernels->name, bench->codec->name);
  if (bench->codec->encode) {
    print_cell(measure(bench, encode_pass), int8);
    bench->importance = importance;
    if (bench->codec->takes_importance)
      print_cell(measure(bench, encode_pass), int8);
    else
      printf(" %10s %7s", "-", "-");
    bench->importance = NULL;
  } else {
    printf(" %10s %7s %10s %7s", "-", "-", "-", "-");
  }
  print_cell(measure(bench, decode_pass), int8);
  printf("\n");
}

int main(int argc, char **argv)
{
  struct bench bench = {.y = malloc(ELEMENTS * sizeof(float)),
                        .packed = calloc(ELEMENTS, 2 * sizeof(float))};
  float *x = malloc(ELEMENTS * sizeof *x), *importance = malloc(ROW * sizeof *importance);
  if (!x || !importance || !bench.y || !bench.packed) {
    fprintf(stderr, "bench_blocks: out of memory\n");
    return 1;
  }
  fill(x, importance);
  bench.x = x;
  printf("%-10s %-12s %18s %18s %18s\n", "level", "format", "pack M/s, of int8", "with importance",
         "unpack");
  for (const struct kernels *const *level = kernels_available(); *level; level++) {
    bench.kernels = *level;
    double int8 = measure(&bench, int8_pass);
    printf("%-10s %-12s %10.1f\n", (*level)->name, "int8", ELEMENTS / int8 * 1e-6);
    for (size_t i = 0; (bench.codec = block_codec_of(*level, i)); i++)
      if (argc < 2 || strstr(bench.codec->name, argv[1]))
        print_codec(&bench, importance, int8);
  }
  free(x);
  free(importance);
  free(bench.y);
  free(bench.packed);
  return 0;
}
