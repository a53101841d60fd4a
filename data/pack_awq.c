/* AWQ in its gemm layout: qweight (inputs x outputs/8), 32-bit words of eight 4-bit codes packed
 * along the outputs in the order 0 2 4 6 1 3 5 7; qzeros (groups x outputs/8) likewise; scales
 * (groups x outputs). Value: (code - zero) * scale.
 *
 * In the gemv layout, which only the configuration tells from it, all three have a row for each
 * output: qweight (outputs x inputs/8) packed along the inputs in their order, qzeros (outputs x
 * words) along the groups, scales (outputs x 8 words), filled up behind the last group. */
#include "config.h"

#include "data/pack_affine.h"

#include <string.h>
#include <strings.h>

enum { CODES = 8, BITS = 4 };

static enum pack_outcome make(struct pack *pack, size_t zeros, size_t scales)
{
  const struct shape *shape = &pack_tensor(pack, pack->anchor)->shape;
  size_t inputs = shape->dim[0], words = shape->dim[1];
  size_t groups = pack_tensor(pack, scales)->shape.dim[0];
  struct affine *self = affine_new(pack, CODES * words, inputs, inputs / groups);
  if (!self)
    return PACK_MEMORY;
  self->codes = (struct code_matrix){.part = pack_add_part(pack, pack->anchor),
                                     .bits = BITS,
                                     .major_step = words,
                                     .word_step = 1,
                                     .shuffled = true};
  self->zero_stored = true;
  self->zeros = self->codes;
  self->zeros.part = pack_add_part(pack, zeros);
  self->scales = pack_add_part(pack, scales);
  self->scale_row = 1;
  self->scale_group = CODES * words;
  return affine_made(pack, "awq", ".qweight .qzeros .scales");
}

static enum pack_outcome make_gemv(struct pack *pack, size_t zeros, size_t scales, size_t group)
{
  const struct shape *shape = &pack_tensor(pack, pack->anchor)->shape;
  size_t outputs = shape->dim[0], words = shape->dim[1];
  size_t wide = pack_tensor(pack, zeros)->shape.dim[1];
  struct affine *self = affine_new(pack, outputs, CODES * words, group);
  if (!self)
    return PACK_MEMORY;
  self->codes = (struct code_matrix){
      .part = pack_add_part(pack, pack->anchor), .bits = BITS, .major_step = words, .word_step = 1};
  self->zero_stored = self->zeros_by_row = true;
  self->zeros = self->codes;
  self->zeros.part = pack_add_part(pack, zeros);
  self->zeros.major_step = wide;
  self->scales = pack_add_part(pack, scales);
  self->scale_row = CODES * wide;
  self->scale_group = 1;
  return affine_made(pack, "awq", ".qweight .qzeros .scales, gemv");
}

static enum pack_outcome gemv(struct pack *pack, size_t zeros, size_t scales)
{
  const struct tensor *weight = pack_tensor(pack, pack->anchor);
  size_t outputs = weight->shape.dim[0], words = weight->shape.dim[1];
  if (words > SIZE_MAX / CODES)
    return pack_misfit(pack, "%s: too large", SHOWN(weight->name));
  size_t inputs = CODES * words, group = pack->config->group ? pack->config->group : inputs;
  if (!pack_fits(pack, zeros, "i32 u32", 2, outputs, ANY_SIZE))
    return PACK_MISFIT;
  size_t wide = pack_tensor(pack, zeros)->shape.dim[1];
  if (!pack_fits(pack, scales, PACK_FLOATS, 2, outputs, CODES * wide))
    return PACK_MISFIT;
  if (group == 0 || inputs % group != 0 || inputs / group > CODES * wide)
    return pack_misfit(pack, "%s: expected groups of %zu inputs, found %zu inputs and %zu scales",
                       SHOWN(weight->name), group, inputs, CODES * wide);
  return make_gemv(pack, zeros, scales, group);
}

enum pack_outcome pack_awq(struct pack *pack)
{
  size_t scales = pack_part(pack, "scales"), zeros = pack_part(pack, "qzeros");
  const struct tensor *weight = pack_tensor(pack, pack->anchor);
  const char *version = pack->config->format;
  bool told = strcmp(pack->config->method, "awq") == 0 && *version;
  if (told && strcasecmp(version, "gemv") == 0)
    return gemv(pack, zeros, scales);
  if (told && strcasecmp(version, "gemm") != 0)
    return pack_misfit(pack, "%s: AWQ version %s; expected gemm or gemv", SHOWN(weight->name),
                       SHOWN(version));
  size_t inputs = weight->shape.dim[0], words = weight->shape.dim[1];
  if (words > SIZE_MAX / CODES)
    return pack_misfit(pack, "%s: too large", SHOWN(weight->name));
  if (!pack_fits(pack, scales, PACK_FLOATS, 2, ANY_SIZE, CODES * words))
    return PACK_MISFIT;
  size_t groups = pack_tensor(pack, scales)->shape.dim[0];
  if (!pack_fits(pack, zeros, "i32 u32", 2, groups, words))
    return PACK_MISFIT;
  if (groups == 0 || inputs % groups != 0)
    return pack_misfit(pack, "%s: expected a number of groups that divides %zu inputs, found %zu",
                       SHOWN(pack_tensor(pack, scales)->name), inputs, groups);
  return make(pack, zeros, scales);
}
