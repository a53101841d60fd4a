/* GPTQ, as AutoGPTQ and GPTQModel store it: qweight, 32-bit words of codes packed along the inputs,
 * one column for each output; qzeros, zero points packed along the outputs, one row for each group
 * of inputs; scales (groups x outputs); g_idx, the group of each input when the inputs were
 * quantized in an order of their own (desc_act).
 *
 * Value: (code - zero) * scale. Format 1, the usual one, stores zero - 1; "gptq_v2" stores zero. */
#include "config.h"

#include "data/pack_affine.h"
#include "quant/base/size.h"

#include <string.h>

/* Layers may differ from what the configuration says for all, so that shapes decide: the bits for
 * which the zero points of OUTPUTS fill WORDS words; 0 when there are none. */
static unsigned bits_of(size_t outputs, size_t words)
{
  static const unsigned bits[] = {2, 3, 4, 8};
  for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
    if (affine_words(outputs, bits[i], false) == words && outputs * bits[i] % 32 == 0)
      return bits[i];
  return 0;
}

/* Inputs that share a scale: the configured number where the groups agree with it. */
static size_t group_of(const struct pack *pack, size_t inputs, size_t groups)
{
  size_t group = pack->config->group;
  if (group > 0 && size_div_up(inputs, group) == groups)
    return group;
  return groups > 0 && inputs % groups == 0 ? inputs / groups : 0;
}

/* Sizes, before anything is made. */
struct sizes {
  size_t outputs, inputs, groups, group;
  unsigned bits;
};

static enum pack_outcome read_sizes(struct pack *pack, size_t zeros, size_t scales,
                                    struct sizes *sizes)
{
  const struct tensor *weight = pack_tensor(pack, pack->anchor), *zero = pack_tensor(pack, zeros);
  sizes->outputs = weight->shape.dim[1];
  sizes->groups = pack_tensor(pack, scales)->shape.dim[0];
  if (!pack_fits(pack, zeros, "i32 u32", 2, sizes->groups, ANY_SIZE))
    return PACK_MISFIT;
  sizes->bits = bits_of(sizes->outputs, zero->shape.dim[1]);
  if (sizes->bits == 0)
    return pack_misfit(pack,
                       "%s: expected zero points of 2, 3, 4 or 8 bits for %zu outputs, found "
                       "%zu words",
                       SHOWN(zero->name), sizes->outputs, zero->shape.dim[1]);
  if (weight->shape.dim[0] % (sizes->bits == 3 ? 3 : 1) != 0)
    return pack_misfit(pack, "%s: expected a multiple of 3 rows, found %zu", SHOWN(weight->name),
                       weight->shape.dim[0]);
  if (!size_mul(weight->shape.dim[0], 32, &sizes->inputs))
    return pack_misfit(pack, "%s: too large", SHOWN(weight->name));
  sizes->inputs /= sizes->bits;
  sizes->group = group_of(pack, sizes->inputs, sizes->groups);
  return PACK_MADE;
}

static enum pack_outcome make(struct pack *pack, const struct sizes *sizes, size_t zeros,
                              size_t scales, size_t order)
{
  bool second = strcmp(pack->config->format, "gptq_v2") == 0;
  struct affine *self = affine_new(pack, sizes->outputs, sizes->inputs, sizes->group);
  if (!self)
    return PACK_MEMORY;
  self->groups = sizes->groups;
  self->codes = (struct code_matrix){.part = pack_add_part(pack, pack->anchor),
                                     .bits = sizes->bits,
                                     .major_step = 1,
                                     .word_step = sizes->outputs};
  self->zero_stored = true;
  self->zero = second ? 0 : 1;
  self->zeros = (struct code_matrix){.part = pack_add_part(pack, zeros),
                                     .bits = sizes->bits,
                                     .major_step = pack_tensor(pack, zeros)->shape.dim[1],
                                     .word_step = 1};
  self->scales = pack_add_part(pack, scales);
  self->scale_row = 1;
  self->scale_group = sizes->outputs;
  if (order != NO_PART) {
    self->has_order = true;
    self->order = pack_add_part(pack, order);
  }
  return affine_made(pack, "gptq",
                     order != NO_PART ? ".qweight .qzeros .scales .g_idx"
                                      : ".qweight .qzeros .scales");
}

enum pack_outcome pack_gptq(struct pack *pack)
{
  size_t scales = pack_part(pack, "scales"), zeros = pack_part(pack, "qzeros");
  size_t order = pack_part(pack, "g_idx");
  struct sizes sizes = {0};
  const struct tensor *weight = pack_tensor(pack, pack->anchor);
  if (scales == NO_PART || zeros == NO_PART)
    return pack_misfit(pack, "%s: expected %s beside it, found none", SHOWN(weight->name),
                       scales == NO_PART ? ".scales" : ".qzeros");
  if (!pack_fits(pack, pack->anchor, "i32 u32", 2, ANY_SIZE, ANY_SIZE) ||
      !pack_fits(pack, scales, PACK_FLOATS, 2, ANY_SIZE, ANY_SIZE))
    return PACK_MISFIT;
  size_t words = weight->shape.dim[1], outputs = pack_tensor(pack, scales)->shape.dim[1];
  if (words != outputs && (words == outputs / 8 || strcmp(pack->config->method, "gptq") != 0))
    return PACK_OTHER; /* AWQ's: outputs are packed */
  if (!pack_fits(pack, scales, PACK_FLOATS, 2, ANY_SIZE, weight->shape.dim[1]))
    return PACK_MISFIT;
  enum pack_outcome outcome = read_sizes(pack, zeros, scales, &sizes);
  if (outcome != PACK_MADE)
    return outcome;
  if (order != NO_PART && !pack_fits(pack, order, "i32", 1, sizes.inputs))
    return PACK_MISFIT;
  if (sizes.group == 0)
    return pack_misfit(pack, "%s: expected a number of groups that divides %zu inputs, found %zu",
                       SHOWN(pack_tensor(pack, scales)->name), sizes.inputs, sizes.groups);
  return make(pack, &sizes, zeros, scales, order);
}
