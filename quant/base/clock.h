/* A clock for measuring how long things take. Ownership: none. Threads: no state. */
#ifndef QSCOPE_QUANT_BASE_CLOCK_H
#define QSCOPE_QUANT_BASE_CLOCK_H

#include <time.h>

/* Seconds since some moment in the past; never goes back. */
static inline double seconds_now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

#endif
