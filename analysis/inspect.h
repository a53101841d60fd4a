/* One block of a quantized tensor under the microscope, and the error of all of them.
 *
 * A block is that of a format that brings its own (a super-block whole), or a run of elements that
 * share a scale: a group, where groups have at most INSPECT_MOST
 * elements; else (tensor, channel, token, longer groups) a window of INSPECT_WINDOW neighbours of
 * one unit, the last of a unit shorter. Neighbours are so in the order of the unit: those of a
 * channel that is a column stand below each other. Blocks are counted unit by unit.
 *
 * Ownership: inspect_errors_compute returns memory that inspect_errors_free frees; the rest are
 * plain values. Threads: inspect_errors_compute runs on the pool; finished errors are immutable. */
#ifndef QSCOPE_ANALYSIS_INSPECT_H
#define QSCOPE_ANALYSIS_INSPECT_H

#include "quant/base/pool.h"
#include "quant/base/status.h"
#include "quant/feed.h"
#include "quant/quantizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  INSPECT_WINDOW = 32,
  INSPECT_MOST = 256, /* elements of the largest block */
  INSPECT_SUBS = 16,  /* sub-blocks of a block, each with a scale of its own */
  INSPECT_NOTES = 4,
  INSPECT_TEXT = 160,            /* room for any sentence about an element */
  INSPECT_BLOCKS_MOST = 1 << 23, /* whose errors are compared */
};

/* Where the blocks lie: rows of neighbours, cut into groups that share a scale, cut into blocks. */
struct inspect_grid {
  struct grain grain;
  size_t rows, columns, group; /* elements of a row, of a group */
  size_t length;               /* of a block */
  size_t per_group, per_row;   /* blocks */
  size_t count;                /* of all blocks; 0 for an empty tensor */
};

/* NULL: of no fit, no block. */
struct inspect_grid inspect_grid_of(const struct fit *fit);
/* Elements of BLOCK (< count), and the storage index of its K-th. */
size_t inspect_length(const struct inspect_grid *grid, size_t block);
size_t inspect_element(const struct inspect_grid *grid, size_t block, size_t k);
/* The block of the element at storage INDEX, and its place there. */
size_t inspect_block_of(const struct inspect_grid *grid, size_t index, size_t *k);

/* The squared errors of all blocks: error2 = sum (y - x)^2 over the finite x of each; NaN for a
 * block without a reconstruction (MX: one NaN spoils it), which is worse than any other. */
struct inspect_errors {
  size_t count;
  double *error2;
  size_t worst;       /* the first with the largest */
  double total, most; /* sum and largest of those that are numbers */
};

/* Counts progress in elements. STATUS_CANCELLED, STATUS_MEMORY (also where there are more than
 * INSPECT_BLOCKS_MOST). The sums do not depend on the number of threads. */
enum status inspect_errors_compute(const struct feed *feed, const struct fit *fit,
                                   struct progress *progress, struct inspect_errors **out,
                                   struct error *error);
void inspect_errors_free(struct inspect_errors *errors);

/* 1 + the number of blocks with a larger error. */
size_t inspect_rank(const struct inspect_errors *errors, size_t block);

/* For a strip of CELLS cells (at most errors->count): the root of the largest error2 in each, as a
 * share of the largest of all (0 where there is none). CELL_OF says where a block went. */
void inspect_strip(const struct inspect_errors *errors, size_t cells, double *share);
size_t inspect_strip_cell(const struct inspect_errors *errors, size_t cells, size_t block);

/* A stored number of a block: a scale, a zero point, what stands above the sub-blocks. */
struct inspect_note {
  const char *name; /* "scale" */
  char type[16];    /* "float32", "uint4": as it is stored */
  double value;
  uint32_t bits;
};

struct inspect_sub {
  float scale, offset;                 /* y = level * scale (+ offset) */
  int32_t stored_scale, stored_offset; /* small integers of block formats; else 0 */
};

struct inspect_block {
  const struct format *format;
  bool asymmetric;
  size_t number, count; /* of all */
  size_t unit, length;
  size_t subs, sub_length; /* elements that share an entry of sub */
  struct inspect_sub sub[INSPECT_SUBS];
  bool has_offset;
  long zero; /* point; 0 without */
  struct inspect_note note[INSPECT_NOTES];
  size_t notes;
  size_t index[INSPECT_MOST]; /* storage index of each element */
  float x[INSPECT_MOST], y[INSPECT_MOST];
  long code[INSPECT_MOST];    /* integers: the grid number; else the bit pattern */
  double level[INSPECT_MOST]; /* what the code means at scale 1 */
  bool clipped[INSPECT_MOST];
  double step[INSPECT_MOST]; /* distance between the levels around x; NaN where there is none */
  size_t finite;
  double error2, mse, sqnr_db; /* of the finite elements; NaN where they do not exist */
};

/* Reads block NUMBER of what FEED holds under FIT. STATUS_USAGE when there is no such block,
 * STATUS_MEMORY. */
enum status inspect_read(const struct feed *feed, const struct fit *fit, size_t number,
                         struct inspect_block *out, struct error *error);

/* y - x of element K. */
double inspect_error(const struct inspect_block *block, size_t k);

/* The code as people write it: "-93", "0x3c". */
char *inspect_code(const struct inspect_block *block, size_t k, char *text, size_t size);
/* What happened to element K, with its numbers: how x became a code, how the code becomes y, what
 * is lost (and its share in error2). Each at most INSPECT_TEXT bytes, ASCII; returns TEXT. */
char *inspect_encoding(const struct inspect_block *block, size_t k, char *text, size_t size);
char *inspect_formula(const struct inspect_block *block, size_t k, char *text, size_t size);
char *inspect_loss(const struct inspect_block *block, size_t k, char *text, size_t size);
/* The stored number I: "scale 0.0123 (float32 0x3c4985f0)". */
char *inspect_note_text(const struct inspect_block *block, size_t i, char *text, size_t size);

#endif
