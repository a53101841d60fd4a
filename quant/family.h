/* Families of element formats: what a format row leaves to code.
 *
 * A family is one constant table of functions in one file (integer.c, minifloat.c), and format
 * rows point at it; nothing else asks which family a format belongs to. A grid is a format under
 * a scheme (asymmetric, narrow): the values at scale 1 that x / scale is rounded to. A unit adds
 * its scale and the ends of its grid. Ownership: plain values that borrow the format. Threads: no
 * state. */
#ifndef QSCOPE_QUANT_FAMILY_H
#define QSCOPE_QUANT_FAMILY_H

#include "quant/format.h"
#include "quant/kernels/kernels.h"
#include "quant/rounding.h"

/* A format under a scheme. */
struct grid {
  const struct format *format;
  bool asymmetric, narrow;
  enum arithmetic arithmetic;      /* integers */
  bool limited;                    /* codes are limited to: */
  long code_lo, code_hi;           /* as stored: from 0 when asymmetric, else two's complement */
  bool nonfinite;                  /* overflow gives infinity or NaN, where the format has them */
  struct minifloat_grid minifloat; /* small floats */
  const struct codebook *codebook; /* codebooks; those that are learned get it from the fit */
};

/* How a grid ends, at scale 1: beyond END it would go on in steps of STEP, and the tie half a step
 * beyond goes to END when END is even. */
struct grid_end {
  double end, step;
  bool odd;
};

struct family {
  const char *name;
  bool has_zero_point; /* symmetric, narrow and asymmetric schemes; codes count from the lowest */
  bool even;           /* levels are whole numbers */
  bool doubles;        /* doubling a level of the lower half gives a level: see best_scale.h */
  bool signed_zero;    /* the codes 0 and 2^bits / 2 both mean 0 */
  double widest, narrowest; /* scales that a search looks at, relative to that of minmax */

  /* --- of a format --- */
  double (*max)(const struct format *format);
  size_t (*levels)(const struct format *format, bool asymmetric, bool narrow);
  float (*decode)(const struct format *format, uint32_t code);
  uint32_t (*encode)(const struct format *format, float x, bool nonfinite);

  /* --- of a grid --- */
  /* Fills the family's part of GRID. */
  void (*prepare)(struct grid *grid);
  struct unit (*unit)(const struct grid *grid, float scale, long zero);
  /* Level number INDEX, counted from the lowest, and the number of the one that is zero. */
  float (*level)(const struct grid *grid, const struct unit *unit, size_t index);
  size_t (*zero_level)(const struct grid *grid, const struct unit *unit);
  /* Both ends: [0] the lowest, turned over (END is its negative), [1] the highest. */
  void (*ends)(const struct grid *grid, const struct unit *unit, struct grid_end ends[2]);
  /* Value at scale 1 of a code that `run` writes for a unit of the symmetric scheme. */
  float (*code_value)(const struct grid *grid, const struct unit *unit, uint32_t code);

  /* --- round trips; contracts: kernels.h --- */
  void (*run)(const struct grid *grid, const struct unit *unit, const float *x, size_t n, float *y,
              uint16_t *codes);
  void (*lanes)(const struct grid *grid, const struct unit *units, const float *x, size_t n,
                float *y, uint16_t *codes);
  /* One element, any rounding; CODE may be NULL. */
  float (*value)(const struct grid *grid, const struct unit *unit, float x,
                 struct rounding_rule rule, size_t index, uint16_t *code);
  /* The error pass of formats of at most 8 bits; NULL: there is none. */
  void (*tally)(const struct grid *grid, const struct unit *unit, const float *x, size_t n,
                const struct tally_bounds *bounds, struct tally *tally, struct coded *coded);
  void (*coded)(const struct grid *grid, const struct unit *unit, const struct tally_bounds *bounds,
                struct coded *coded, struct tally *tally, uint32_t *count);
  /* Sum of (x - y)^2 of finite x. */
  double (*sse)(const struct grid *grid, const struct unit *unit, const float *x, size_t n);
};

extern const struct family integer_family, minifloat_family, codebook_family, power_family;
/* Formats with blocks of their own answer for the format alone: their fits are quant/block_fit.c.
 */
extern const struct family block_family;

/* The numbers that the kernels need of a small float. */
struct minifloat_grid format_grid(const struct format *format);

struct grid grid_make(const struct format *format, bool asymmetric, bool narrow, bool nonfinite);

/* Number of levels; those of a learned codebook are known once it is there. */
size_t grid_levels(const struct grid *grid);

#endif
