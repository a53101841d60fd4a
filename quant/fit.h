/* What a fit is made of: shared by fitting.c, which makes it, and fit.c, which applies it.
 * Everybody else sees quantizer.h. */
#ifndef QSCOPE_QUANT_FIT_H
#define QSCOPE_QUANT_FIT_H

#include "quant/block.h"
#include "quant/family.h"
#include "quant/quantizer.h"

#include <stdatomic.h>

/* A fit of a block format: the packed tensor, and what is asked of it often. */
struct block_fit {
  struct block_codec codec; /* with the block length of the spec */
  size_t first;             /* the block that lies at PACKED: see fit_part.c */
  struct block_setting setting;
  size_t rows, columns, row_blocks;
  unsigned char *packed;  /* rows * row_blocks blocks */
  float *offset;          /* of each unit; NULL where the format has none */
  float lo, hi;           /* lowest and highest finite level */
  float lo_step, hi_step; /* from them to the next level */
};

/* Units whose ends are kept; more take less memory and more time. */
enum { FIT_ENDS_MOST = 1 << 22 };

enum { FIT_SMALL_UNIT = 1 << 20 }; /* elements: gathered for calibration; larger units stay */

struct fit {
  struct quantizer quantizer;
  const struct family *family; /* of the format */
  struct grain grain;
  struct grid grid;
  struct unit *unit;         /* grain.units of them, but: */
  bool on_demand;            /* a single one, without a scale: see quantizer_fit_on_demand */
  size_t first;              /* the unit that UNIT begins with: 0 but in parts of such fits */
  struct codebook *codebook; /* learned from the tensor; else NULL */
  struct block_fit *block;   /* NULL for element formats */
  /* Where extremes decide: the least and then the greatest value of each unit of the feed that SELF
   * or DIRECT names, which holds nothing else; NULL where some are not finite. */
  float *ends;
  const void *ends_self, *ends_direct;
  struct groups *waiting; /* for a pass that brings the values: see quantizer_fit_waiting */
  atomic_uint others;     /* owners beyond the first */
};

static inline struct unit *unit_of(const struct fit *fit, size_t unit)
{
  return &fit->unit[fit->on_demand ? 0 : unit - fit->first];
}

/* What calibrators are told about QUANTIZER. */
struct calibration fit_calibration(const struct quantizer *quantizer);

/* For searches over the scales of a fit that nobody else has yet, element formats only: the scaling
 * of UNIT, another one in its place, and the round trip of N values of UNIT, to nearest. */
struct scaling fit_scaling(const struct fit *fit, size_t unit);
void fit_set_scaling(struct fit *fit, size_t unit, struct scaling scaling);
void fit_run(const struct fit *fit, size_t unit, const float *x, size_t n, float *y);

/* Makes the scales of FIT those of PLAIN (which may be FIT; of the same quantizer and shape) times
 * RATIO (above 0), rounded as they are stored; zero points stay. */
void fit_stretch(struct fit *fit, const struct fit *plain, double ratio);

/* Ends of the grid of UNIT, in the domain of x. */
void unit_range(const struct grid *grid, const struct unit *unit, double *lo, double *hi);

/* The zero point of UNIT as people number codes; 0 where there is none. */
long unit_zero_point(const struct quantizer *quantizer, const struct grid *grid,
                     const struct unit *unit);

/* The zero point that QUANTIZER gives by hand, counted from 0. */
long fit_zero_by_hand(const struct quantizer *quantizer);

/* The scales of groups and tokens of the tensor FEED whose extremes decide: one pass, a scale as
 * soon as its group was read. Counts progress in elements (announced by the caller).
 * STATUS_CANCELLED. */
bool fit_groups_can(const struct fit *fit);
enum status fit_groups(struct fit *fit, const struct feed *feed, struct progress *progress);
/* True when that can be left to any pass over the tensor, block by block: each group lies in one
 * block of FEED_BLOCK elements. What fit_block needs to know is made; STATUS_MEMORY. */
bool fit_groups_can_wait(const struct fit *fit);
enum status fit_groups_wait(struct fit *fit, const struct feed *feed);
/* True when a block had a value that is not finite: then nothing is known of the ends. */
bool fit_groups_odd(const struct fit *fit);

/* SCALE, or the nearest of its sign that can be a scale: x / scale has to mean something. */
float fit_usable_scale(float scale);

/* Bounds for the tally of UNIT; `bulk` is left 0. */
void unit_bounds(const struct grid *grid, const struct unit *unit, enum rounding mode,
                 struct tally_bounds *bounds);

/* The last float32 that does not round beyond END under SCALE. */
float grid_last_inside(const struct grid_end *end, float scale, enum rounding mode);

/* --- block formats: the same duties as the functions of quantizer.h --------------------------- */

/* KEEP: else on demand. */
enum status block_quantizer_fit(const struct quantizer *quantizer, const struct batch *values,
                                bool keep, struct progress *progress, struct fit **out,
                                struct error *error);
/* Packs FEED, the matrix of shape PART, as the on-demand fit WHOLE says. NULL: no memory. */
struct fit *block_fit_part(const struct fit *whole, const struct feed *feed,
                           const struct shape *part);
void block_fit_free(struct block_fit *block);
void block_round_trip(const struct block_fit *block, size_t start, size_t n, float *y,
                      uint16_t *codes);
/* Reconstructions of the lowest and the highest level of UNIT, in ascending order. */
void block_range(const struct fit *fit, size_t unit, double *lo, double *hi);
/* Elements of MX and NVFP4 are clipped as their grid rounds; in all other formats a value is
 * clipped when it lies more than half a step beyond the end levels of its sub-block. */
void block_bounds(const struct fit *fit, size_t unit, struct tally_bounds *bounds);
double block_bits_per_element(const struct fit *fit);
double *block_unit_levels(const struct fit *fit, size_t unit, size_t *count);

#endif
