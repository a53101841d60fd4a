/* What the benchmarks share: the test array, the limit that this machine sets (reading memory with
 * one thread and with all), and the rows that say how near to it something comes.
 *
 * A row has ns/element, G element/s, GB/s of the stored bytes that it had to read, and the share of
 * the read bandwidth with as many threads. --json: a JSON object a line instead of a table.
 * Ownership: see each. Threads: one. */
#ifndef QSCOPE_TESTS_BENCH_ROWS_H
#define QSCOPE_TESTS_BENCH_ROWS_H

#include <stdbool.h>
#include <stddef.h>

struct row {
  const char *level;     /* the kernels */
  const char *name;      /* what was done */
  size_t elements, size; /* stored bytes of an element */
  unsigned threads;
  double seconds;
};

/* Reads --json (and takes it out of the arguments), measures the limit and prints it with the head
 * of the table. False when memory runs out. */
bool rows_start(const char *program, int *argc, char **argv);

/* Seconds on the clock for work on THREADS: processor time of one thread, as if the machine were
 * idle; wall time of more. */
double rows_clock(unsigned threads);

/* Bytes a second that THREADS (1 or all) read from an array far larger than the caches. */
double rows_limit(unsigned threads);

void rows_print(const struct row *row);

/* COUNT sums of uniforms: bell-shaped, within +-4, the same on every machine. The caller frees it;
 * NULL when memory runs out. */
float *rows_bell_shaped(size_t count);

#endif
