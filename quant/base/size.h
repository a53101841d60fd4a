/* Sizes that come from files: arithmetic that cannot wrap, and allocation that checks it.
 *
 * Ownership: mem_array, mem_room and mem_resize return memory that the caller frees with free().
 * Threads: no state. */
#ifndef QSCOPE_QUANT_BASE_SIZE_H
#define QSCOPE_QUANT_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* *out = a + b (a * b); false, and *out unspecified, when the result does not fit. */
static inline bool size_add(size_t a, size_t b, size_t *out)
{
  return !__builtin_add_overflow(a, b, out);
}

static inline bool size_mul(size_t a, size_t b, size_t *out)
{
  return !__builtin_mul_overflow(a, b, out);
}

static inline size_t size_min(size_t a, size_t b)
{
  return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b)
{
  return a > b ? a : b;
}

/* ceil(a / b) for b > 0, without overflow. */
static inline size_t size_div_up(size_t a, size_t b)
{
  return a / b + (a % b != 0);
}

/* COUNT zeroed elements of SIZE bytes; NULL when memory runs out or the product overflows.
 * Never NULL for a count of zero. */
static inline void *mem_array(size_t count, size_t size)
{
  size_t bytes;
  return size_mul(count, size, &bytes) ? calloc(count ? count : 1, size) : NULL;
}

/* The same, whatever may be in them: for what is written before it is read, because to zero large
 * memory takes as long as to fill it. */
static inline void *mem_room(size_t count, size_t size)
{
  size_t bytes;
  return size_mul(count, size, &bytes) ? malloc(bytes ? bytes : 1) : NULL;
}

/* BLOCK resized to COUNT elements; NULL (and BLOCK still valid) on failure. */
static inline void *mem_resize(void *block, size_t count, size_t size)
{
  size_t bytes;
  return size_mul(count ? count : 1, size, &bytes) ? realloc(block, bytes) : NULL;
}

#endif
