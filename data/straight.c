/* Tensors whose elements lie in another order (Fortran's, views of PyTorch) are copied into C order
 * when they are loaded: the passes of a report read them a dozen times, and each of them would go
 * over the whole file in small steps. Large copies are temporary files, small ones share a little
 * memory; where there is no room, or too much is copied already (a browser looks at all tensors of
 * a model), they are read in bands (data/strided.h). */
#include "config.h"

#include "data/source_types.h"
#include "data/spill.h"
#include "data/strided.h"
#include "quant/base/size.h"

#include <stdlib.h>

/* Of all copies of a source; the first file may be larger. */
static const size_t memory_most = SPILL_FROM, files_most = (size_t)8 << 30;

struct straight {
  size_t index;
  const unsigned char *before, *copy; /* copy: NULL where there was no room */
};

static bool is_tried(const struct source *source, size_t index)
{
  for (size_t i = 0; i < source->straight_count; i++)
    if (source->straight[i].index == index)
      return true;
  return false;
}

static bool has_room(const struct source *source, size_t bytes)
{
  if (!spill_is_file(bytes))
    return bytes <= memory_most - source->straight_memory;
  return source->straight_files == 0 ||
         (bytes <= files_most && source->straight_files <= files_most - bytes);
}

/* The copy takes the place of what the tensor had. */
static void replace(struct source *source, struct straight *straight, unsigned char *copy)
{
  struct tensor *tensor = &source->tensors[straight->index];
  straight->copy = tensor->data = copy;
  tensor->strided = false;
  *(spill_is_file(tensor->bytes) ? &source->straight_files : &source->straight_memory) +=
      tensor->bytes;
}

enum status straight_make(struct source *source, size_t index, struct progress *progress,
                          struct error *error)
{
  const struct tensor *tensor = &source->tensors[index];
  unsigned char *copy = NULL;
  if (!tensor->strided || !strided_in_bands(tensor) || !tensor_is_dense(tensor) ||
      is_tried(source, index))
    return STATUS_OK;
  struct straight *list = mem_resize(source->straight, source->straight_count + 1, sizeof *list);
  if (!list)
    return error_memory(error, "the list of copies");
  source->straight = list;
  struct straight *straight = &list[source->straight_count];
  *straight = (struct straight){.index = index, .before = tensor->data};
  if (has_room(source, tensor->bytes) && spill_new(tensor->bytes, &copy, NULL) == STATUS_OK) {
    progress_expect(progress, tensor->count);
    if (!strided_straighten(tensor, copy, progress)) {
      spill_free(copy);
      return error_set(error, STATUS_CANCELLED, "cancelled");
    }
    replace(source, straight, copy);
  }
  source->straight_count++;
  return STATUS_OK;
}

const unsigned char *straight_before(const struct source *source, size_t index)
{
  for (size_t i = 0; i < source->straight_count; i++)
    if (source->straight[i].index == index && source->straight[i].copy)
      return source->straight[i].before;
  return NULL;
}

void straight_free(struct source *source)
{
  for (size_t i = 0; i < source->straight_count; i++) {
    const struct straight *straight = &source->straight[i];
    if (straight->copy)
      source->tensors[straight->index].data = straight->before;
    spill_free(straight->copy);
  }
  free(source->straight);
}
