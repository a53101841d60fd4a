/* A transform: what is done to a tensor before it is quantized, and undone afterwards, along the
 * channels of one axis. Written as a word: "smooth=0.5", "hadamard", "hadamard=128", "split=4".
 *
 *   smooth=ALPHA   each channel j is divided by s_j = absmax_j^ALPHA and multiplied back:
 * SmoothQuant with nothing on the other side of the product. s_j counts as 32 stored bits, although
 * a layer before or behind can often take it up. hadamard[=N]   every N neighbours along the axis
 * are multiplied by the Walsh-Hadamard matrix of order N (Sylvester's, entries +-1), times
 * 1/sqrt(N). It is symmetric and orthogonal: the same product undoes it, and sums of squares stay,
 * those of the error too. N is a power of two that divides the length of the axis; without N the
 * largest, up to TRANSFORM_BLOCK_MOST. Costs no stored bits. split=K        the K channels of the
 * largest absmax stay in 16 bits (float16; bfloat16 where a value is beyond that), as LLM.int8()
 * does; the others are quantized without them.
 *
 * Ownership: plain values. Threads: none needed. */
#ifndef QSCOPE_DATA_TRANSFORM_H
#define QSCOPE_DATA_TRANSFORM_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum transform_kind { TRANSFORM_NONE, TRANSFORM_SMOOTH, TRANSFORM_HADAMARD, TRANSFORM_SPLIT };

enum { TRANSFORM_TEXT = 64, TRANSFORM_BLOCK_MOST = 1 << 14, TRANSFORM_CHANNELS_MOST = 1 << 20 };

struct transform {
  enum transform_kind kind;
  double parameter; /* ALPHA, N (0: the largest), K */
};

struct transform_type {
  const char *name;     /* "smooth" */
  const char *argument; /* "ALPHA" */
  const char *summary;  /* one line */
  enum transform_kind kind;
  double standard, least, most; /* of the argument; without one it is the standard */
  bool whole;                   /* the argument is a whole number */
};
extern const struct transform_type transform_table[];
extern const size_t transform_table_length;
const struct transform_type *transform_type_of(enum transform_kind kind); /* not of none */

/* Reads "smooth=0.5"; "none" is no transform. STATUS_USAGE names the word, the nearest, or what the
 * argument has to be; *out is then untouched. */
enum status transform_parse(const char *text, struct transform *out, struct error *error);

/* The word that transform_parse reads back ("none" for no transform), into TEXT of TRANSFORM_TEXT
 * bytes; returns it. */
char *transform_print(const struct transform *transform, char *text);

bool transform_equal(const struct transform *a, const struct transform *b);

#endif
