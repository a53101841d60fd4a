#include "quant/base/shape.h"

#include "quant/base/size.h"

#include <stdio.h>

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

bool shape_axis(const struct shape *shape, int axis, unsigned *resolved)
{
  int dims = (int)shape->dims;
  if (axis < -dims || axis >= dims)
    return false;
  *resolved = (unsigned)(axis < 0 ? axis + dims : axis);
  return true;
}
