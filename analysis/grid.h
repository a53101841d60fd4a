/* Does a float tensor already lie on a quantization grid?
 *
 * It does when the values of each unit (the tensor, a channel, a group of neighbours) are whole
 * multiples of one step, perhaps from an offset on, with at most 256 levels; or the levels of a
 * small float or of nf4 times one scale; or when all values are numbers of a smaller float format,
 * perhaps times a power of two. All this up to the rounding of the stored type: a value stands for
 * the interval that rounds to it, and a step has to meet every interval.
 *
 * Chance is told from design by evidence: each value that is met counts for as many bits as it was
 * unlikely; what was free to choose is taken off. A grid is announced from 64 bits on (so that one
 * random tensor in 2^64 is called a grid), with two levels or more, when no value contradicts.
 * The first value that does ends the search: a tensor on no grid costs microseconds.
 *
 * Ownership: plain values. Threads: grid_find is itself parallel. */
#ifndef QSCOPE_ANALYSIS_GRID_H
#define QSCOPE_ANALYSIS_GRID_H

#include "data/tensor.h"
#include "quant/base/pool.h"

enum grid_kind {
  GRID_NONE,
  GRID_UNIFORM, /* multiples of a step */
  GRID_FORMAT,  /* levels of a format times a scale */
  GRID_VALUES,  /* numbers of a format, at most times a power of two */
};

enum grid_unit { GRID_OF_TENSOR, GRID_OF_CHANNEL, GRID_OF_GROUP };

struct on_grid {
  enum grid_kind kind;
  enum grid_unit unit; /* what shares a step or a scale */
  unsigned axis;       /* GRID_OF_CHANNEL */
  size_t group;        /* GRID_OF_GROUP: neighbours along the last axis */
  int bits;            /* GRID_UNIFORM: enough for the levels of every unit */
  bool offset;         /* GRID_UNIFORM: zero is no level */
  const char *format;  /* the others: its name */
  size_t levels;       /* the most that one unit uses; 0: not counted (GRID_VALUES) */
};

enum { GRID_TEXT = 96 };

/* The grid of TENSOR (loaded) that would take the fewest bits, scales of 16 bits included;
 * GRID_NONE for tensors that are no floats of 16 bits or more: integers, blocks and derived tensors
 * tell by their stored type. STATUS_CANCELLED, STATUS_MEMORY. */
enum status grid_find(const struct tensor *tensor, struct progress *progress, struct on_grid *out,
                      struct error *error);

/* "a 4-bit grid, groups of 128, 16 levels used", "the values of bf16"; "" for GRID_NONE. */
char *grid_print(const struct on_grid *grid, char *text, size_t size);

#endif
