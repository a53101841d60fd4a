/* The quantizer: format + scheme + granularity + calibrator, written as a spec; and its fit,
 * the quantizer with the scales and zero points of one tensor.
 *
 * Ownership: a quantizer is a plain value. quantizer_fit returns a fit that the caller frees.
 * Threads: both are immutable once made; any number of threads may use a fit. */
#ifndef QSCOPE_QUANT_QUANTIZER_H
#define QSCOPE_QUANT_QUANTIZER_H

#include "quant/base/pool.h"
#include "quant/base/shape.h"
#include "quant/base/status.h"
#include "quant/calibrator.h"
#include "quant/digest.h"
#include "quant/feed.h"
#include "quant/format.h"
#include "quant/grain.h"
#include "quant/kernels/kernels.h"

enum { QUANTIZER_TEXT = 256 };

/* What the spec may say of a format that brings its own blocks. */
struct block_choice {
  size_t length;     /* block=N; 0: the format's */
  int rule, variant; /* scale-rule=, variant=: which of the codec's rules, variants */
  bool four_over_six;
  bool pad;                        /* fill ragged rows with zeros where the format would refuse */
  char importance[QUANTIZER_TEXT]; /* importance=FILE: the name; empty without */
  /* What FILE holds, lent by whoever read it: one for each column, or for each column of each
   * matrix of a tensor of three dimensions or more. */
  const float *weights;
  size_t weight_count;
};

struct quantizer {
  const struct format *format;
  bool asymmetric; /* integers only */
  bool narrow;     /* symmetric integers: -127..127 instead of -128..127 */
  bool nonfinite;  /* small floats: overflow gives infinity or NaN instead of the largest number */
  bool pow2;       /* scales are rounded up to a power of two */
  const struct format *scale_type; /* float16, bfloat16: scales are rounded to it; NULL: float32 */
  struct granularity granularity;
  const struct calibrator *calibrator; /* NULL when the scale or the range is given by hand */
  double parameter;                    /* the calibrator's; its default when none was written */
  double option[CALIBRATOR_OPTIONS];   /* of the calibrator, in the order of its row */
  const struct scale_rule *rule;       /* scale-rule= of an element format; NULL: the default */
  double eps;                          /* eps=E: least scale; 0: what the rule says */
  enum arithmetic arithmetic;          /* arithmetic=, integers */
  bool limited;                        /* codes=LO:HI, numbered as the scheme numbers them: */
  long code_lo, code_hi;
  bool unsigned_codes; /* "uint8,sym": symmetric, but codes and zero point count from 0 */
  bool signed_codes;   /* "signed": asymmetric, but codes and zero point count from -2^(bits-1) */
  enum { BY_CALIBRATOR, BY_SCALE, BY_RANGE, BY_FORMAT } by; /* BY_FORMAT: its blocks bring scales */
  double scale, zero; /* BY_SCALE; zero is the zero point of the asymmetric scheme */
  double lo, hi;      /* BY_RANGE */
  enum rounding rounding;
  uint64_t seed;             /* ROUND_STOCHASTIC */
  struct block_choice block; /* BY_FORMAT */
};

/* Reads a spec ("int4,asym,group=128,mse"); the grammar is in DESIGN and in the man page. On
 * failure (STATUS_USAGE) the message names the word, its position (counted from 1) and the
 * nearest word that exists, and *out is untouched. */
enum status quantizer_parse(const char *spec, struct quantizer *out, struct error *error);
/* The same; on failure *wrong is the position of the word, 0 when it is no word's fault. */
enum status quantizer_parse_word(const char *spec, struct quantizer *out, size_t *wrong,
                                 struct error *error);

/* The canonical spec, which parses to the same quantizer: format, sym|asym (integers), narrow
 * if set, granularity, calibrator or by-hand range, rounding if not even. Returns TEXT
 * (QUANTIZER_TEXT bytes). */
char *quantizer_print(const struct quantizer *quantizer, char *text);

/* Checks combinations (asym with a float format, axis against nothing yet); STATUS_USAGE with
 * the reason. quantizer_parse calls it; the explorer's knobs call it before they switch. */
enum status quantizer_check(const struct quantizer *quantizer, struct error *error);

/* "tensor", "channel", "token", "group" or "block"; "divide" and the like: as the spec has them. */
const char *quantizer_granularity_name(const struct quantizer *quantizer);
const char *quantizer_arithmetic_name(enum arithmetic arithmetic);

bool quantizer_equal(const struct quantizer *a, const struct quantizer *b);

/* Lowest and highest grid number of the scheme: -128,127 / -127,127 / 0,255; floats -+max (LONG_MAX
 * where the maximum is larger: bfloat16). */
void quantizer_code_range(const struct quantizer *quantizer, long *lowest, long *highest);

/* --- fit ---------------------------------------------------------------------------- */

struct fit; /* opaque: the quantizer, its grain, a scale and zero point for each unit */

/* Values that a quantizer is fitted to: a tensor, or a batch of those that it is calibrated on. */
struct batch {
  struct feed feed;
  struct shape shape;
  const struct digest *digest; /* of all its values; NULL: none */
  /* Of the whole tensor, for what serves all of it (its one scale, that above the scales of
   * blocks): where they are known, and for values that are a sample of it. NULL: those of the
   * values. */
  const struct extremes *extremes;
};

/* Chooses scale and zero point of every unit of a tensor of SHAPE read from FEED. Counts
 * progress in elements. STATUS_USAGE (axis, hand range on the wrong side), STATUS_CANCELLED,
 * STATUS_MEMORY. A unit without finite values, or all zero, has scale 1 and zero point as the
 * scheme's zero; its codes are those of 0. A scale that would underflow to 0 is raised to the
 * smallest positive float32. */
enum status quantizer_fit(const struct quantizer *quantizer, const struct feed *feed,
                          const struct shape *shape, struct progress *progress, struct fit **out,
                          struct error *error);

/* The same of VALUES. With a digest one scale for the whole tensor costs no pass over it, and comes
 * out the same. (Sums over counts are rounded otherwise: mse keeps the first of candidates whose
 * errors agree to 1e-12, other searches may take the other one.) */
enum status quantizer_fit_values(const struct quantizer *quantizer, const struct batch *values,
                                 struct progress *progress, struct fit **out, struct error *error);

/* The same, but scales that the extremes of groups decide may be left to a pass over the feed that
 * goes on to use them, so that the tensor is read once: while fit_is_waiting, a block's scales are
 * there after fit_block. */
enum status quantizer_fit_waiting(const struct quantizer *quantizer, const struct batch *values,
                                  struct progress *progress, struct fit **out, struct error *error);
bool fit_is_waiting(const struct fit *fit);
/* Chooses the scales of the N values X of the feed from START on, a multiple of FEED_BLOCK; N is
 * FEED_BLOCK or reaches to the end of the feed. Several threads may do so with different blocks. */
void fit_block(struct fit *fit, size_t start, const float *x, size_t n);
/* After the last block: FIT is as quantizer_fit makes it. */
void fit_settle(struct fit *fit);

/* Where there are very many scales, a fit can do without them: each follows from the values that it
 * serves, and is made again wherever these are used. Such a fit answers for what all units have in
 * common (grain, levels, bits); scales, zero points, offsets and ranges are those of its parts, and
 * NaN or 0 in itself. */
struct fit_part;

/* Memory of a fit of QUANTIZER to a tensor of SHAPE while it is made; SIZE_MAX: more than there
 * are addresses. STATUS_USAGE as grain_make. */
enum status quantizer_fit_size(const struct quantizer *quantizer, const struct shape *shape,
                               size_t *bytes, size_t *scales, struct error *error);
/* True when parts of a fit can be made: the units lie one behind the other in storage, are of a
 * moderate size, and nothing but their own values decides their scales (no importance=). */
bool quantizer_can_fit_on_demand(const struct quantizer *quantizer, const struct shape *shape);
/* Of such; with a scale above those of blocks, one pass over FEED. As quantizer_fit. */
enum status quantizer_fit_on_demand(const struct quantizer *quantizer, const struct feed *feed,
                                    const struct shape *shape, struct progress *progress,
                                    struct fit **out, struct error *error);
bool fit_is_on_demand(const struct fit *fit);

/* A part of a fit, for one thread: all 0 at first but AHEAD. */
struct fit_part {
  size_t ahead;      /* elements of a part, where they will be used one after the other; else 0 */
  size_t start, end; /* elements of MADE */
  struct fit *made;
  double lo, hi; /* of the ranges of all units that parts were made of so far */
  bool any;      /* there were some */
};

/* FIT, if it keeps its scales; else a part of it, for elements start..start+n-1 (N > 0) of FEED,
 * which is the tensor's. It knows units, elements and blocks by their numbers in the whole, and is
 * good until PART is asked again. NULL: no memory. */
const struct fit *fit_part_at(struct fit_part *part, const struct fit *fit, const struct feed *feed,
                              size_t start, size_t n);
void fit_part_free(struct fit_part *part);
/* One for each worker of the pool, all with AHEAD. NULL: no memory. */
struct fit_part *fit_parts_new(size_t ahead);
void fit_parts_free(struct fit_part *parts); /* or NULL */
/* fit_round_trip by a part made for it alone, for whoever reads here and there. False, and Y is
 * NaN, without memory. */
bool fit_part_round_trip(const struct fit *fit, const struct feed *feed, size_t start, size_t n,
                         const float *x, float *y);

/* Calibrates on COUNT batches, in their order, for a tensor of SHAPE that is quantized later. With
 * a scale for each channel every batch has as many channels as SHAPE; with one for the tensor their
 * shapes do not matter. Batches without finite values count for nothing. STATUS_USAGE also when the
 * quantizer is dynamic. */
enum status quantizer_fit_batches(const struct quantizer *quantizer, const struct batch *batches,
                                  size_t count, const struct shape *shape,
                                  struct progress *progress, struct fit **out, struct error *error);

/* True when scales are made at run time from the values they serve (tokens, groups, blocks of a
 * format): nothing can be calibrated beforehand. */
bool quantizer_is_dynamic(const struct quantizer *quantizer);

/* Lets go of FIT; the last owner frees it. */
void fit_free(struct fit *fit);
/* FIT, with one owner more. From any thread. */
struct fit *fit_share(struct fit *fit);
/* Memory that it takes. */
size_t fit_bytes(const struct fit *fit);

const struct quantizer *fit_quantizer(const struct fit *fit);
const struct grain *fit_grain(const struct fit *fit);
/* The levels at scale 1 of a format whose levels are a list (nf4, learned ones ...), or NULL. */
const struct codebook *fit_codebook(const struct fit *fit);

/* Scale, zero point (0 when symmetric) and representable range of UNIT, in the domain of x. */
float fit_scale(const struct fit *fit, size_t unit);
long fit_zero_point(const struct fit *fit, size_t unit);

/* Block formats with an offset (q4_1, q4_k): y = scale * level + offset; fit_offset is 0 without.
 */
bool fit_has_offset(const struct fit *fit);
float fit_offset(const struct fit *fit, size_t unit);
void fit_range(const struct fit *fit, size_t unit, double *lo, double *hi);

/* Number of distinct levels of a unit at scale 1. */
size_t fit_level_count(const struct fit *fit);

/* Largest magnitude of a level at scale 1, of units of the symmetric scheme. */
double fit_grid_max(const struct fit *fit);

/* True when finite elements may become infinite or NaN (overflow=nonfinite). */
bool fit_loses_numbers(const struct fit *fit);

/* Value at scale 1 of a code of UNIT. */
double fit_code_value(const struct fit *fit, size_t unit, uint32_t code);

/* Bounds for the tally: exact to the bit, the last float32 that is not clipped. `bulk` is left 0.
 */
void fit_bounds(const struct fit *fit, size_t unit, struct tally_bounds *bounds);

/* True when fit_tally can be used: element formats of at most 8 bits that are rounded to nearest by
 * a plain division. */
bool fit_can_tally(const struct fit *fit);
/* Adds up N elements of UNIT within BOUNDS in one sweep, where fit_round_trip and kernels.tally are
 * two; fit_coded adds what follows from their codes, for all runs of the unit since CODED was 0.
 * See integer_tally in kernels.h. */
void fit_tally(const struct fit *fit, size_t unit, const float *x, size_t n,
               const struct tally_bounds *bounds, struct tally *tally, struct coded *coded);
void fit_coded(const struct fit *fit, size_t unit, const struct tally_bounds *bounds,
               struct coded *coded, struct tally *tally, uint32_t *count);

/* The packed tensor of a block format as the format stores it: *rows rows of *row_bytes bytes, a
 * row for each of the tensor; borrowed from the fit. NULL for element formats, and on demand. */
const unsigned char *fit_packed(const struct fit *fit, size_t *rows, size_t *row_bytes);

/* Block number BLOCK (of fit_block_grain) of them, *bytes long; NULL for element formats. */
const unsigned char *fit_packed_block(const struct fit *fit, size_t block, size_t *bytes);

/* The blocks people inspect: those of a block format (super-blocks whole), else the units. */
struct grain fit_block_grain(const struct fit *fit);

/* Takes block number BLOCK (of fit_block_grain) of a block format apart; its codec. NULL, and PARTS
 * untouched, for element formats. */
struct block_parts;
const struct block_codec *fit_block_parts(const struct fit *fit, size_t block,
                                          struct block_parts *parts);

/* Reconstruction (and codes unless NULL) of elements start..start+n-1, n <= FEED_BLOCK, whose
 * values are X. START must be a multiple of fit_alignment (1 for element formats). Codes count
 * from 0 (integers: code - lowest code; floats: bit pattern). */
void fit_round_trip(const struct fit *fit, size_t start, size_t n, const float *x, float *y,
                    uint16_t *codes);
size_t fit_alignment(const struct fit *fit);

/* True for integers and small floats of up to 8 bits that divide, round to even and saturate:
 * kernels.group_errors. */
bool fit_can_group(const struct fit *fit);

/* Also in groups or tokens: OUT has the units from UNIT on for it, and what is known of their
 * values in FEED. */
bool fit_group_rows(const struct fit *fit, const struct feed *feed, size_t unit,
                    struct group_row *out);

/* All stored bits (codes + scales of their type + zero points of the code's width + the levels of
 * a learned codebook, float32) per element; 0 for an empty tensor. A scale has 32 bits, 16 with
 * scale-type=float16 or bfloat16, 8 with pow2 (an exponent). A cast (scale=1 by hand, no zero
 * point) stores codes alone: fp16 has exactly 16 bits. */
double fit_bits_per_element(const struct fit *fit);

/* All reconstruction values of UNIT in ascending order (duplicates removed), for the level
 * ticks: a new array that the caller frees, its length in *count. NULL when memory runs out. */
double *fit_levels(const struct fit *fit, size_t unit, size_t *count);

#endif
