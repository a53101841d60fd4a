#include "quant/base/shape.h"

#include "quant/base/size.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool shape_count(const struct shape *shape, size_t *count)
{
  size_t product = 1;
  bool empty = false;
  /* A zero anywhere makes the array empty, whatever the other sizes multiply to. */
  for (unsigned i = 0; i < shape->dims; i++)
    empty |= shape->dim[i] == 0;
  for (unsigned i = 0; i < shape->dims && !empty; i++)
    if (!size_mul(product, shape->dim[i], &product))
      return false;
  *count = empty ? 0 : product;
  return true;
}

size_t shape_elements(const struct shape *shape)
{
  size_t count = 0;
  return shape_count(shape, &count) ? count : 0;
}

char *shape_print(const struct shape *shape, char *text, size_t size)
{
  size_t used = 0;
  if (shape->dims == 0)
    snprintf(text, size, "scalar");
  for (unsigned i = 0; i < shape->dims && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%zu", i ? "x" : "", shape->dim[i]);
  return text;
}

/* The size at *TEXT, which moves behind it. */
static bool scan_size(const char **text, size_t *out)
{
  char *end;
  errno = 0;
  if (**text < '0' || **text > '9')
    return false;
  unsigned long long size = strtoull(*text, &end, 10);
  *text = end;
  *out = (size_t)size;
  return !errno && size <= SIZE_MAX;
}

/* A size that is left open. */
static bool scan_open(const char **text)
{
  size_t length = **text == '?' ? 1 : strncmp(*text, "-1", 2) == 0 ? 2 : 0;
  *text += length;
  return length > 0;
}

bool shape_scan(const char *text, struct shape *shape, int *open)
{
  *shape = (struct shape){0};
  if (open)
    *open = -1;
  for (;; text++) {
    if (shape->dims == SHAPE_MAX_DIMS)
      return false;
    if (open && *open < 0 && scan_open(&text))
      *open = (int)shape->dims;
    else if (!scan_size(&text, &shape->dim[shape->dims]))
      return false;
    shape->dims++;
    if (*text != 'x')
      return !*text;
  }
}

bool shape_axis(const struct shape *shape, int axis, unsigned *resolved)
{
  int dims = (int)shape->dims;
  if (axis < -dims || axis >= dims)
    return false;
  *resolved = (unsigned)(axis < 0 ? axis + dims : axis);
  return true;
}

bool shape_place(const struct shape *shape, const char *text, size_t *index)
{
  *index = 0;
  for (unsigned axis = 0; axis < shape->dims; axis++) {
    char *end;
    if (*text < '0' || *text > '9')
      return false;
    unsigned long long place = strtoull(text, &end, 10);
    if (place >= shape->dim[axis] || *end != (axis + 1 < shape->dims ? ',' : '\0'))
      return false;
    *index = *index * shape->dim[axis] + (size_t)place;
    text = end + 1;
  }
  return shape->dims > 0 || *text == '\0';
}
