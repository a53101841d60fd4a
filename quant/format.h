/* The format table: one row for each way to store a number.
 *
 * Element formats map x / scale to the nearest of a finite set of values (the grid). What a row
 * does is its family's: the integers (quant/integer.c), the small floats (quant/minifloat.c).
 * Adding a format is one row here and, for a new family, one file; see family.h. Ownership: the
 * table is constant. Threads: immutable. */
#ifndef QSCOPE_QUANT_FORMAT_H
#define QSCOPE_QUANT_FORMAT_H

#include "quant/base/status.h"
#include "quant/kernels/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct family; /* family.h */

struct format {
  const char *name;    /* the canonical word: "int8", "float8_e4m3fn" */
  const char *aliases; /* space-separated, the short label for narrow screens first; or "" */
  const char *summary; /* one line for `qscope formats` */
  const struct family *family;
  int bits;                               /* stored bits of an element */
  int exponent_bits, mantissa_bits, bias; /* minifloats */
  enum minifloat_top top;
  bool raw_by_default; /* fp16, bf16: people mean the plain cast (scale=1) when they name no
                          calibrator */
  const struct codebook *codebook; /* codebooks */
  size_t learned;                  /* number of levels to learn from the tensor, else 0 */
  size_t block;                    /* elements that share a scale unless the spec says otherwise */
};

enum { FORMAT_CODE_BITS = 16 }; /* formats with more have no codes to save or to count */

extern const struct format format_table[];
extern const size_t format_table_length;

/* The row whose name or alias is WORD (case-insensitive), or NULL. "uint4" and the like are
 * not rows: the spec parser reads them as int4,asym. Rows are made for these words, too, and stay:
 *   eXmY[bB][all|fn|fnuz|ieee]  any small float up to 16 bits (float8_eXmY is the same): all codes
 *     finite unless said otherwise; bias 2^(X-1) - 1 (fnuz: 2^(X-1)) unless B is given. Words that
 *     name a row of the table are that row: e4m3 is float8_e4m3fn.
 *   lloyd=LEVELS  the best levels for the tensor. */
const struct format *format_find(const char *word);

/* The same, and codebook=FILE, which is read: *out is NULL when WORD is no format. A failure says
 * what is wrong with a word that would be one (STATUS_USAGE, STATUS_INPUT, STATUS_MEMORY). */
enum status format_parse(const char *word, const struct format **out, struct error *error);

/* The shortest name people use for FORMAT ("e4m3"), for narrow screens: copied to TEXT. */
char *format_label(const struct format *format, char *text, size_t size);

/* Largest finite value of the grid at scale 1: 127 for int8 (symmetric), 448 for e4m3. */
double format_max(const struct format *format);

/* Minifloats: smallest normal and subnormal numbers at scale 1; NaN where there is none. */
double format_min_normal(const struct format *format);
double format_min_subnormal(const struct format *format);

/* Number of codes (2^bits) and of distinct finite values (the two zeros are one value). */
size_t format_codes(const struct format *format);

/* What an element costs with its share of the block's scales: 4.5 for q4_k; elements alone: bits.
 */
double format_stored_bits(const struct format *format);
size_t format_levels(const struct format *format, bool asymmetric, bool narrow);

/* Value of CODE at scale 1 (exact in float32; NaN and infinities as the format has them).
 * Integers: CODE is the two's complement pattern of `bits` bits. */
float format_decode(const struct format *format, uint32_t code);

/* Element formats: code of X at scale 1, round half to even, overflow saturating to the largest
 * finite value. Infinity and NaN follow the reference casts: a format without infinity maps
 * infinity to NaN, a format with infinity keeps it, one without either clamps it and makes NaN a
 * zero of the other sign; integers clamp infinity and map NaN to 0. This is the reference path, one
 * value at a time; arrays go through the kernels. */
uint32_t format_encode(const struct format *format, float x);
/* The same, finite overflow giving infinity or NaN where the format has one (NONFINITE). */
uint32_t format_cast(const struct format *format, float x, bool nonfinite);

/* True when finite numbers may overflow to infinity or NaN in FORMAT (overflow=nonfinite). */
bool format_overflows(const struct format *format);

/* True when FORMAT has whole levels and a zero point. */
bool format_is_integer(const struct format *format);

/* True when FORMAT brings its own blocks: quant/block.h has a codec of its name. */
bool format_is_block(const struct format *format);

#endif
