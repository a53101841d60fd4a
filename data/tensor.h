/* A tensor: name, shape, stored type, and bytes that it borrows from its source.
 *
 * Ownership: tensors belong to their source and die with it; strings and bytes are borrowed.
 * Threads: immutable after the source has loaded it; reading is safe from any thread. */
#ifndef QSCOPE_DATA_TENSOR_H
#define QSCOPE_DATA_TENSOR_H

#include "quant/base/shape.h"
#include "quant/base/status.h"
#include "quant/feed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* COUNT words of SIZE bytes each, from byte AT of a block on. */
struct word_run {
  unsigned at, size, count;
};

/* How numbers lie in a file: one row of stored_table each. Blocks lie along the last axis, which
 * is a whole number of them. */
struct stored {
  const char *name; /* "f32", "bf16", "q4_k": what `qscope list` and the report print */
  unsigned length;  /* elements of a block: 1 for plain numbers */
  unsigned size;    /* bytes of a block */
  bool exact;       /* every value is exactly a float32 (not so for f64, i32, i64, u32, u64) */
  bool integral;    /* integers and bool: usually not meant to be quantized */
  /* Decodes n contiguous elements (a multiple of length; little-endian; any alignment). NULL: such
   * tensors are listed, and source_load refuses them. */
  void (*decode)(const unsigned char *bytes, size_t n, float *out);
  /* The words within a block, which a big-endian file has the other way round; ends with a size of
   * 0. NULL: plain numbers (a word each), and blocks whose order is not known. */
  const struct word_run *words;
  float normal; /* its least normal number; 0: as float32, which its values are taken as */
};

extern const struct stored stored_table[];
extern const size_t stored_table_length;
const struct stored *stored_find(const char *name);

struct tensor;

/* Values that are computed from other tensors of the same source (packed codes and their scales, a
 * weight from both), piece by piece where they are asked for; never stored whole. A kind of them is
 * a larger struct that begins with this one. */
enum { DERIVED_PARTS = 8 };
struct derived {
  /* Elements start..start+n-1 in C order; any start, any n, from any thread. Cannot fail: whoever
   * adds the tensor has checked the parts, all but their values. */
  void (*decode)(const struct derived *self, size_t start, size_t n, float *out);
  /* When all parts are loaded, for the first time: STATUS_INPUT where values of theirs (indexes)
   * cannot be. NULL: nothing to check. */
  enum status (*check)(struct derived *self, struct error *error);
  bool raw; /* reads what the parts store by itself: they need no decoder of their own */
  unsigned parts;
  struct {
    size_t index;                /* in the source */
    const struct tensor *tensor; /* NULL until source_load has loaded all parts */
  } part[DERIVED_PARTS];
};

/* Ends the name of a derived tensor where the stored one already has the usual name: the codes are
 * "a.weight", the values that they mean "a.weight:dequantized". */
#define DERIVED_SUFFIX ":dequantized"

struct tensor {
  const char *name; /* as the file has it: may hold any bytes but NUL; escape before showing */
  struct shape shape;
  const struct stored *stored;
  size_t count; /* elements */
  size_t bytes; /* stored bytes; of a derived tensor, its share of those of its parts */
  const unsigned char *data;     /* NULL until the source has loaded it, and when derived */
  const struct derived *derived; /* NULL: stored. Else `stored` is a name, which decodes nothing */
  bool swapped;                  /* stored big-endian */
  bool strided;                  /* not stored in C order (read in it all the same), but: */
  size_t stride[SHAPE_MAX_DIMS]; /* distance of neighbours along each axis, in elements; may be 0 */
};

/* Says how the elements of TENSOR lie, whose shape is set: at STRIDE (one for each axis, in
 * elements of a plain stored type), or with the first axis fastest. */
void tensor_set_strides(struct tensor *tensor, const size_t *stride);
void tensor_set_fortran(struct tensor *tensor);

/* True for complex numbers, which are measured by their parts alone: tensors of their own, called
 * NAME.real and NAME.imag. */
bool tensor_is_complex(const struct tensor *tensor);

/* False until source_load has succeeded, where there is something to do. */
bool tensor_is_loaded(const struct tensor *tensor);

/* The least normal number of how TENSOR is stored: what is below, but not 0, is denormal. */
float tensor_least_normal(const struct tensor *tensor);

/* True when the elements fill one stretch of the data, in whatever order, each once. */
bool tensor_is_dense(const struct tensor *tensor);

/* The values of TENSOR in C order, as float32. TENSOR must be loaded and must outlive the feed;
 * TENSOR->data is lent directly when it is aligned native float32 in C order. */
struct feed tensor_feed(const struct tensor *tensor);

/* NAME with control characters (C0, DEL, C1), invalid UTF-8, and characters that are invisible or
 * reorder text (bidi marks, zero widths, line separators) written as \xNN byte by byte, for people;
 * at most SIZE bytes with the NUL, cut between characters. Returns TEXT. Other UTF-8, a backslash
 * too, passes unchanged: the text is for reading, not for reading back. */
char *text_escape(const char *name, char *text, size_t size);

#endif
