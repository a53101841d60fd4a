/* What the calibrator board of a 4096 x 4096 tensor costs, in float32 and in bfloat16, beside
 * one pass that reads the tensor and finds its extremes. int8 per tensor, all threads of the pool,
 * wall time. The curve is 145 thresholds and two refinements of 33, with an estimate before it when
 * that is long. */
#include "analysis/board.h"
#include "quant/base/clock.h"
#include "quant/base/size.h"
#include "tests/bench/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 4096, ELEMENTS = SIDE * SIDE, REPEATS = 3 };

/* The upper halves of the floats. */
static uint16_t *halves(const float *x)
{
  uint16_t *half = malloc(ELEMENTS * sizeof *half);
  for (size_t i = 0; half && i < ELEMENTS; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    half[i] = (uint16_t)(bits >> 16);
  }
  return half;
}

static struct tensor tensor_over(const void *data, const char *stored)
{
  const struct stored *type = stored_find(stored);
  return (struct tensor){.name = "bench",
                         .shape = {.dims = 2, .dim = {SIDE, SIDE}},
                         .stored = type,
                         .count = ELEMENTS,
                         .bytes = ELEMENTS * type->size,
                         .data = data};
}

static void read_chunk(void *context, size_t chunk, unsigned worker)
{
  (void)worker;
  const struct feed *feed = context;
  float scratch[FEED_BLOCK];
  struct extremes extremes = extremes_empty();
  for (size_t i = 0; i < FEED_CHUNK; i += FEED_BLOCK) {
    const float *x = feed_block(feed, chunk * FEED_CHUNK + i, FEED_BLOCK, scratch);
    kernels.extremes(x, FEED_BLOCK, &extremes);
  }
}

static double time_reading(const struct tensor *tensor)
{
  struct feed feed = tensor_feed(tensor);
  double best = 1e30;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    double start = seconds_now();
    pool_for(ELEMENTS / FEED_CHUNK, read_chunk, &feed, NULL);
    double took = seconds_now() - start;
    best = took < best ? took : best;
  }
  return best;
}

static void say(const struct tensor *tensor, const char *what, double seconds)
{
  char name[64];
  snprintf(name, sizeof name, "%s, %s", tensor->stored->name, what);
  const struct row row = {kernels.name,         name,           ELEMENTS,
                          tensor->stored->size, pool_threads(), seconds};
  rows_print(&row);
}

struct stopwatch {
  double start, curve;
};

static void note_curve(void *context, const struct board *board)
{
  struct stopwatch *watch = context;
  if (board->done == 0)
    watch->curve = seconds_now() - watch->start;
}

static int bench(const struct tensor *tensor)
{
  struct quantizer quantizer;
  struct error error;
  struct board *board;
  double pass = time_reading(tensor);
  struct stopwatch watch = {.start = seconds_now()};
  const struct board_request request = {
      .unit = PROBE_LARGEST, .news = note_curve, .context = &watch};
  if (quantizer_parse("int8", &quantizer, &error) != STATUS_OK ||
      board_compute(tensor, &quantizer, &request, NULL, &board, &error) != STATUS_OK) {
    fprintf(stderr, "bench_board: %s\n", error.text);
    return 1;
  }
  double whole = seconds_now() - watch.start;
  say(tensor, "one pass (extremes)", pass);
  say(tensor, "curve of the board", watch.curve);
  say(tensor, "the whole board", whole);
  board_free(board);
  return 0;
}

int main(int argc, char **argv)
{
  kernels_init();
  if (!rows_start("bench_board", &argc, argv))
    return 1;
  float *x = rows_bell_shaped(ELEMENTS);
  uint16_t *half = x ? halves(x) : NULL;
  if (!half) {
    fprintf(stderr, "bench_board: out of memory\n");
    return 1;
  }
  const struct tensor full = tensor_over(x, "f32"), short_ = tensor_over(half, "bf16");
  int failed = bench(&full) || bench(&short_);
  free(x);
  free(half);
  return failed;
}
