/* The entry of a tensor in the header of a safetensors file, where it is written as every writer
 * writes it: {"dtype":"F16","shape":[8,4],"data_offsets":[0,64]}. Reading it so is ten times as
 * fast as reading any JSON, which files of many tensors need.
 *
 * Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_DATA_PLAIN_ENTRY_H
#define QSCOPE_DATA_PLAIN_ENTRY_H

#include "data/json_members.h"
#include "quant/base/shape.h"

#include <stdbool.h>

struct plain_entry {
  char dtype[16];
  struct shape shape;
  size_t begin, end; /* begin <= end */
};

/* True when VALUE is an object of exactly these three members, in any order, the type a word of
 * ASCII letters, digits and _, all numbers whole, of at most 18 digits, begin <= end: then JSON
 * says the same. False means nothing but that json_read must look. */
bool plain_entry_read(const struct json_text *value, struct plain_entry *entry);

#endif
