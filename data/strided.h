/* Elements that do not lie in C order, or whose bytes are reversed: picked up one by one.
 *
 * Where neighbours lie far apart (a transposed matrix, Fortran order), each element would touch a
 * page of its own. Large tensors are therefore read in bands: a band of rows, each column of it in
 * one run, is kept by the thread that reads it until it asks for another.
 *
 * A tensor that is measured is read many times, so source_load puts the elements of a large one
 * into C order once, where there is room for that (strided_straighten), and bands serve where there
 * is not.
 *
 * Ownership: a band belongs to its thread and goes with it. Threads: any. */
#ifndef QSCOPE_DATA_STRIDED_H
#define QSCOPE_DATA_STRIDED_H

#include "data/tensor.h"
#include "quant/base/pool.h"

/* Elements START..START+N-1 of TENSOR (plain numbers) in C order, as floats. */
void strided_decode(const void *tensor, size_t start, size_t n, float *out);

/* The same for a tensor of which strided_in_bands is true; in bands where memory allows. */
void strided_decode_bands(const void *tensor, size_t start, size_t n, float *out);
bool strided_in_bands(const struct tensor *tensor);

/* Copies the elements of TENSOR, of which strided_in_bands is true, as they are stored but in C
 * order: TO has room for tensor->bytes. In parallel; counts progress in elements (announced by the
 * caller). False when that was cancelled. */
bool strided_straighten(const struct tensor *tensor, unsigned char *to, struct progress *progress);

/* Bands that were kept so far are not used any more: what they are of may have changed. */
void strided_forget(void);

/* The last axis that is longer than 1: neighbours along it are neighbours in C order. */
unsigned strided_fastest_axis(const struct shape *shape);

#endif
