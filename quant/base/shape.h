/* The shape of a tensor: up to SHAPE_MAX_DIMS sizes, outermost first, C order.
 *
 * A shape without dimensions is a scalar (one element). Ownership: plain values. */
#ifndef QSCOPE_QUANT_BASE_SHAPE_H
#define QSCOPE_QUANT_BASE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

enum { SHAPE_MAX_DIMS = 8 };

struct shape {
  unsigned dims;
  size_t dim[SHAPE_MAX_DIMS];
};

/* *count = product of the sizes; false when it does not fit. */
bool shape_count(const struct shape *shape, size_t *count);

/* Product of the sizes; the shape must have passed shape_count. */
size_t shape_elements(const struct shape *shape);

/* The index, in C order, of the element at the place TEXT: one number for each axis, from 0, with
 * commas between them. False when it is no such place. */
bool shape_place(const struct shape *shape, const char *text, size_t *index);

/* "128x64x3" ("scalar" without dimensions) into TEXT; returns TEXT. */
char *shape_print(const struct shape *shape, char *text, size_t size);

/* The shape that shape_print writes as TEXT, but "scalar": sizes with x between them. Where OPEN is
 * not NULL one size may be left open, by "?" or "-1": it becomes 0, and *open its axis; else *open
 * is -1. False when it is no shape, or has too many dimensions. */
bool shape_scan(const char *text, struct shape *shape, int *open);

/* Turns AXIS (-dims..dims-1, negative counts from the end) into 0..dims-1; false if outside. */
bool shape_axis(const struct shape *shape, int axis, unsigned *resolved);

#endif
