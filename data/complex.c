#include "config.h"

#include "data/complex.h"

#include "data/strided.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 2 };

/* What the two numbers of a pair are stored as; NULL: it is no complex tensor. */
static const struct stored *half_of(const struct tensor *tensor)
{
  static const char *const kinds[][2] = {{"c64", "f32"}, {"c128", "f64"}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!tensor->derived && strcmp(tensor->stored->name, kinds[i][0]) == 0)
      return stored_find(kinds[i][1]);
  return NULL;
}

bool tensor_is_complex(const struct tensor *tensor)
{
  return half_of(tensor) != NULL;
}

struct half {
  struct derived derived;
  const struct stored *stored;
  unsigned which; /* 0: real */
};

/* Numbers twice as far apart as the pairs are. */
static void decode(const struct derived *derived, size_t start, size_t n, float *out)
{
  const struct half *self = (const struct half *)derived;
  const struct tensor *pairs = derived->part[0].tensor;
  struct tensor view = *pairs;
  size_t plain = PARTS;
  view.stored = self->stored;
  view.data += self->which * self->stored->size;
  view.strided = true;
  for (unsigned axis = view.shape.dims; axis-- > 0; plain *= view.shape.dim[axis])
    view.stride[axis] = pairs->strided ? PARTS * pairs->stride[axis] : plain;
  if (view.shape.dims == 0)
    view.strided = false;
  strided_decode(&view, start, n, out);
}

static enum status add_half(struct source *source, size_t index, unsigned which, const char *name,
                            struct error *error)
{
  static const char *const remarks[] = {"real part", "imaginary part"};
  const struct tensor *whole = &source->tensors[index];
  struct half *half = mem_array(1, sizeof *half);
  if (!half)
    return error_memory(error, "a tensor");
  *half = (struct half){.derived = {.decode = decode, .raw = true, .parts = 1},
                        .stored = half_of(whole),
                        .which = which};
  half->derived.part[0].index = index;
  struct tensor tensor = {.name = name,
                          .shape = whole->shape,
                          .stored = half->stored,
                          .count = whole->count,
                          .bytes = whole->bytes / PARTS};
  enum status status = source_add_derived(source, &tensor, &half->derived, error);
  return status == STATUS_OK ? source_set_remark(source, source->count - 1, remarks[which], error)
                             : status;
}

static enum status add_halves(struct source *source, size_t index, struct error *error)
{
  static const char *const suffixes[] = {".real", ".imag"};
  enum status status = STATUS_OK;
  for (unsigned which = 0; which < PARTS && status == STATUS_OK; which++) {
    size_t size = strlen(source->tensors[index].name) + sizeof ".real";
    char *name = malloc(size);
    if (!name)
      return error_memory(error, "a tensor's name");
    snprintf(name, size, "%s%s", source->tensors[index].name, suffixes[which]);
    if (name_index_find(&source->names, source->tensors, name) == NAME_NONE)
      status = add_half(source, index, which, name, error);
    free(name);
  }
  return status;
}

enum status complex_offer(struct source *source, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0, stored = source->count; i < stored && status == STATUS_OK; i++)
    if (tensor_is_complex(&source->tensors[i]))
      status = add_halves(source, i, error);
  return status;
}
