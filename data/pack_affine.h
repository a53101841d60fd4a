/* Packs of small integers, each (code - zero) * scale or code * scale + bias, where the columns of
 * a group share scale, zero and bias: GPTQ, AWQ, compressed-tensors, MLX. They differ in where
 * codes lie. Inside data/ only.
 *
 * The tensor is the weight as torch's Linear has it: rows are outputs, columns inputs. */
#ifndef QSCOPE_DATA_PACK_AFFINE_H
#define QSCOPE_DATA_PACK_AFFINE_H

#include "data/pack.h"

/* A matrix of codes in little-endian 32-bit words. Those of one `major` index follow each other,
 * the first in the lowest bits of its word, from word major * major_step on; the next word is
 * word_step further. */
struct code_matrix {
  unsigned part; /* number among the derived tensor's parts */
  unsigned bits;
  size_t major_step, word_step;
  bool padded;   /* no code crosses a word: the highest bits of each may be unused */
  bool shuffled; /* AWQ's: majors are inputs; a word's eight codes are in an order of their own */
};

struct affine {
  struct derived derived;
  uint64_t serial; /* no other has it, nor had: for what threads remember */
  size_t band;     /* rows of words that are gathered at a time; 0: none */
  size_t rows, columns;
  size_t group, groups; /* columns with one scale; groups of a row */
  struct code_matrix codes;
  unsigned
      scales; /* part; the scale of a row's group is at row * scale_row + group * scale_group */
  size_t scale_row, scale_group;
  bool zero_stored;
  struct code_matrix zeros; /* if stored: rows are minor, groups are major, or: */
  bool zeros_by_row;        /* the other way round */
  float zero;               /* added to stored ones; else the zero of all */
  bool has_bias;
  unsigned bias;  /* part: code * scale + bias, laid out as the scales are */
  bool has_order; /* part `order`: the group of each column, as 32-bit integers */
  unsigned order;
};

/* A new affine of the pack, rows x columns with groups of GROUP columns; NULL: no memory. Parts,
 * matrices and scales are the caller's to fill in. */
struct affine *affine_new(struct pack *pack, size_t rows, size_t columns, size_t group);

/* pack_made for KIND ("gptq") with the shape of the affine; FROM lists the parts. */
enum pack_outcome affine_made(struct pack *pack, const char *kind, const char *from);

/* Words for N codes of BITS: without gaps, or PADDED. */
size_t affine_words(size_t n, unsigned bits, bool padded);

#endif
