/* What synthetic tensors are drawn from: one row for each distribution. Internal to data/.
 *
 * Ownership: prepare allocates the gains of a plan, which synth.c frees. Threads: draw may run on
 * any number of threads, each with a generator of its own. */
#ifndef QSCOPE_DATA_SYNTH_H
#define QSCOPE_DATA_SYNTH_H

#include "quant/base/shape.h"
#include "quant/base/status.h"

#include <gsl/gsl_rng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYNTH_PARAMETERS = 4 };

struct synth_parameter {
  const char *name, *meaning;
  double standard, least, most;
};

/* What one tensor is drawn from. */
struct synth_plan {
  const struct distribution *distribution;
  struct shape shape;
  uint64_t seed, channel_seed; /* of the elements; of what a whole channel has: gains, outliers */
  bool channels_apart;         /* channel_seed was given; else it is seed */
  double scale, offset;
  double own[SYNTH_PARAMETERS]; /* the distribution's parameters */
  size_t rows, columns;         /* while it is drawn, as is what follows */
  double *row, *column, *also;  /* gains, also: of the columns; NULL where there are none */
  unsigned char *outlier;       /* columns that are outliers */
  unsigned long row_stream;     /* seeds what tokens have, where channels come from another seed */
  char remark[320];
};

struct distribution {
  const char *name, *remark;
  struct synth_parameter parameters[SYNTH_PARAMETERS];
  double (*draw)(const struct synth_plan *plan, const gsl_rng *rng, size_t row, size_t column);
  /* Fills plan->row or plan->column; NULL when the elements are all alike. */
  enum status (*prepare)(struct synth_plan *plan, gsl_rng *rng);
  enum { SYNTH_OF_COLUMNS, SYNTH_OF_ROWS, SYNTH_OF_BOTH } of; /* the gains that it fills */
  /* What a whole row goes through when it was drawn; NULL: nothing. */
  void (*finish)(float *row, size_t columns);
};
extern const struct distribution synth_table[];
extern const size_t synth_table_length;

/* A bijection of 32-bit words without structure (the finaliser of MurmurHash3). */
static inline uint32_t synth_scramble(uint32_t word)
{
  word = (word ^ word >> 16) * 0x85EBCA6Bu;
  word = (word ^ word >> 13) * 0xC2B2AE35u;
  return word ^ word >> 16;
}

#endif
