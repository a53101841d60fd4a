/* MLX's affine quantization: weight, 32-bit words that hold the codes of a row as one stream of
 * bits; scales and biases, one of each for a group. Value: code * scale + bias. Words, groups and
 * the stream do not say how many bits a code has: the configuration does ("quantization": one
 * object for all, and objects under the names of layers that differ). */
#include "config.h"

#include "data/pack_affine.h"
#include "quant/base/size.h"

#include <string.h>

/* Words of a row that GROUPS groups need. */
static bool agrees(size_t bits, size_t group, size_t groups, size_t words)
{
  size_t columns;
  return bits >= 1 && bits <= 8 && group > 0 && size_mul(groups, group, &columns) &&
         columns % 32 == 0 && affine_words(columns, (unsigned)bits, false) == words;
}

/* The layer's own configuration, or that of all; false when neither agrees with the shapes. */
static bool configured(struct pack *pack, size_t groups, size_t words, size_t *bits, size_t *group)
{
  memcpy(pack->scratch, pack->stem, pack->stem_length);
  pack->scratch[pack->stem_length ? pack->stem_length - 1 : 0] = '\0';
  const json_t *own = json_object_get(pack->config->json, pack->scratch);
  *bits = pack_config_size(own, "bits");
  *group = pack_config_size(own, "group_size");
  if (agrees(*bits, *group, groups, words))
    return true;
  *bits = pack->config->bits;
  *group = pack->config->group;
  return agrees(*bits, *group, groups, words);
}

static enum pack_outcome make(struct pack *pack, size_t weight, size_t biases, size_t bits,
                              size_t group)
{
  const struct shape *packed = &pack_tensor(pack, weight)->shape;
  unsigned last = packed->dims - 1;
  size_t words = packed->dim[last], groups = pack_tensor(pack, pack->anchor)->shape.dim[last];
  size_t rows = words ? pack_tensor(pack, weight)->count / words : 0;
  struct affine *self = affine_new(pack, rows, groups * group, group);
  if (!self)
    return PACK_MEMORY;
  self->codes = (struct code_matrix){.part = pack_add_part(pack, weight),
                                     .bits = (unsigned)bits,
                                     .major_step = words,
                                     .word_step = 1};
  self->scales = pack_add_part(pack, pack->anchor);
  self->has_bias = true;
  self->bias = pack_add_part(pack, biases);
  self->scale_row = groups;
  self->scale_group = 1;
  enum pack_outcome outcome = affine_made(pack, "mlx", ".weight .scales .biases");
  pack->tensor.shape = *packed; /* experts come first */
  pack->tensor.shape.dim[last] = self->columns;
  return outcome;
}

enum pack_outcome pack_mlx(struct pack *pack)
{
  size_t weight = pack_part(pack, "weight"), biases = pack_part(pack, "biases");
  size_t bits, group;
  if (weight == NO_PART || biases == NO_PART || !pack_is_one_of(pack_tensor(pack, weight), "u32"))
    return PACK_OTHER;
  const struct shape *packed = &pack_tensor(pack, weight)->shape;
  const struct shape *scales = &pack_tensor(pack, pack->anchor)->shape;
  size_t outer = packed->dims == 3 ? packed->dim[0] : 0;
  size_t rows = packed->dims >= 2 ? packed->dim[packed->dims - 2] : 0;
  if (packed->dims != 3 && !pack_fits(pack, weight, "u32", 2, ANY_SIZE, ANY_SIZE))
    return PACK_MISFIT;
  if (packed->dims == 3 ? !pack_fits(pack, pack->anchor, PACK_FLOATS, 3, outer, rows, ANY_SIZE)
                        : !pack_fits(pack, pack->anchor, PACK_FLOATS, 2, rows, ANY_SIZE))
    return PACK_MISFIT;
  size_t groups = scales->dim[scales->dims - 1], words = packed->dim[packed->dims - 1];
  if (packed->dims == 3 ? !pack_fits(pack, biases, PACK_FLOATS, 3, outer, rows, groups)
                        : !pack_fits(pack, biases, PACK_FLOATS, 2, rows, groups))
    return PACK_MISFIT;
  if (!configured(pack, groups, words, &bits, &group))
    return pack_misfit(pack,
                       "%s: expected bits and group_size in config.json that make %zu words "
                       "of %zu groups, found bits %zu, group_size %zu",
                       SHOWN(pack_tensor(pack, weight)->name), words, groups, bits, group);
  return make(pack, weight, biases, bits, group);
}
