#include "tests/bench/rows.h"

#include "quant/base/pool.h"
#include "quant/kernels/kernels.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORDS = 1 << 25, CHUNK = 1 << 16, AHEAD = 256, REPEATS = 8 }; /* 256 MiB of 64-bit words */

static struct {
  const char *program;
  bool json;
  unsigned threads; /* all of them */
  double one, all;  /* bytes a second */
} rows;

/* --- the limit ---------------------------------------------------------------------------- */

struct reading {
  const uint64_t *words;
  size_t ahead;                 /* words that are asked for before they are read; 0: none */
  uint64_t sums[WORDS / CHUNK]; /* kept, so that no compiler can leave the reading out */
};

static void read_chunk(void *context, size_t chunk, unsigned worker)
{
  struct reading *reading = context;
  const uint64_t *words = reading->words + chunk * CHUNK;
  uint64_t sum[8] = {0};
  (void)worker;
  for (size_t i = 0; i < CHUNK; i += 8) {
    if (reading->ahead)
      __builtin_prefetch(words + i + reading->ahead);
    for (size_t k = 0; k < 8; k++)
      sum[k] += words[i + k];
  }
  for (size_t k = 1; k < 8; k++)
    sum[0] += sum[k];
  reading->sums[chunk] = sum[0];
}

double rows_clock(unsigned threads)
{
  struct timespec time;
  clock_gettime(threads > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* The faster way of both: how much a processor fetches by itself differs from machine to machine,
 * and, where others share it, from day to day. */
static double read_rate(struct reading *reading, unsigned threads)
{
  double best = 1e30;
  pool_set_threads(threads);
  for (int repeat = 0; repeat < 2 * REPEATS; repeat++) {
    reading->ahead = repeat % 2 ? AHEAD : 0;
    double start = rows_clock(threads);
    pool_for(WORDS / CHUNK, read_chunk, reading, NULL);
    double seconds = rows_clock(threads) - start;
    best = seconds < best ? seconds : best;
  }
  pool_set_threads(0);
  return (double)WORDS * sizeof(uint64_t) / best;
}

static bool measure_limit(void)
{
  static struct reading reading;
  uint64_t *words = malloc((size_t)WORDS * sizeof *words);
  if (!words)
    return false;
  memset(words, 1, (size_t)WORDS * sizeof *words); /* pages of its own, not the one of zeros */
  reading.words = words;
  rows.threads = pool_threads();
  rows.one = read_rate(&reading, 1);
  rows.all = rows.threads > 1 ? read_rate(&reading, rows.threads) : rows.one;
  free(words);
  return true;
}

double rows_limit(unsigned threads)
{
  return threads > 1 ? rows.all : rows.one;
}

/* --- rows --------------------------------------------------------------------------------- */

static void print_limit(unsigned threads)
{
  const struct row limit = {.level = "-",
                            .name = "reading, the limit",
                            .elements = (size_t)WORDS * 2,
                            .size = 4,
                            .threads = threads,
                            .seconds = (double)WORDS * 8 / rows_limit(threads)};
  rows_print(&limit);
}

bool rows_start(const char *program, int *argc, char **argv)
{
  int kept = 1;
  for (int i = 1; i < *argc; i++)
    if (strcmp(argv[i], "--json") == 0)
      rows.json = true;
    else
      argv[kept++] = argv[i];
  *argc = kept;
  rows.program = program;
  if (!measure_limit()) {
    fprintf(stderr, "%s: out of memory\n", program);
    return false;
  }
  if (!rows.json)
    printf("\n%-10s %-34s %7s %10s %11s %7s %9s\n", "kernels", program, "threads", "ns/element",
           "G element/s", "GB/s", "of limit");
  print_limit(1);
  if (rows.threads > 1)
    print_limit(rows.threads);
  return true;
}

void rows_print(const struct row *row)
{
  double rate = (double)row->elements / row->seconds, bytes = rate * (double)row->size;
  double share = bytes / rows_limit(row->threads);
  if (rows.json)
    printf("{\"program\": \"%s\", \"kernels\": \"%s\", \"row\": \"%s\", \"threads\": %u, "
           "\"seconds\": %.6g, \"elements_per_second\": %.6g, \"bytes_per_second\": %.6g, "
           "\"share_of_limit\": %.4g}\n",
           rows.program, row->level, row->name, row->threads, row->seconds, rate, bytes, share);
  else
    printf("%-10s %-34s %7u %10.3f %11.3f %7.2f %9.3f\n", row->level, row->name, row->threads,
           1e9 / rate, rate * 1e-9, bytes * 1e-9, share);
  fflush(stdout);
}

float *rows_bell_shaped(size_t count)
{
  float *x = malloc(count * sizeof *x);
  uint32_t state = 1;
  for (size_t i = 0; x && i < count; i++) {
    float sum = 0;
    for (int k = 0; k < 4; k++) {
      state = state * 1664525u + 1013904223u;
      sum += (float)(int32_t)state;
    }
    x[i] = sum * 0x1p-31f;
  }
  return x;
}
