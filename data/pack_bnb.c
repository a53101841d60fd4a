/* bitsandbytes in 4 bits: weight, two codes in a byte, the first in the upper half; weight.absmax,
 * the scale of each block of 64 or so; weight.quant_map, the 16 values that codes stand for; and
 * weight.quant_state.bitsandbytes__nf4 (or fp4), bytes of JSON that give shape and block size.
 * Value: quant_map[code] * absmax.
 *
 * absmax may be quantized again ("nested"): bytes, each nested_quant_map[byte] * nested_absmax of
 * its block + an offset, which the JSON gives. */
#include "config.h"

#include "data/pack.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <string.h>

enum { STATE_MOST = 1 << 16, CODES = 16, NESTED_CODES = 256 };

struct bnb {
  struct derived derived;
  size_t block, nested_block; /* nested_block: 0 when absmax is not quantized */
  float offset;
};

enum { PART_CODES, PART_ABSMAX, PART_MAP, PART_NESTED_ABSMAX, PART_NESTED_MAP };

static float absmax_at(const struct bnb *self, size_t block)
{
  const struct tensor *absmax = self->derived.part[PART_ABSMAX].tensor;
  if (self->nested_block == 0)
    return pack_float(absmax, block);
  float value = pack_float(self->derived.part[PART_NESTED_MAP].tensor, absmax->data[block]);
  value *= pack_float(self->derived.part[PART_NESTED_ABSMAX].tensor, block / self->nested_block);
  return value + self->offset;
}

/* N codes from START on, all of one block. */
static void apply(const unsigned char *bytes, size_t start, size_t n, const float *map, float scale,
                  float *out)
{
  float values[CODES];
  for (size_t code = 0; code < CODES; code++)
    values[code] = map[code] * scale;
  size_t i = 0;
  if (start % 2 && n > 0)
    out[i++] = values[bytes[start / 2] & 15];
  const unsigned char *byte = bytes + (start + i) / 2;
  for (; i + 2 <= n; i += 2, byte++) {
    out[i] = values[*byte >> 4];
    out[i + 1] = values[*byte & 15];
  }
  if (i < n)
    out[i] = values[*byte >> 4];
}

static void decode_bnb(const struct derived *derived, size_t start, size_t n, float *out)
{
  const struct bnb *self = (const struct bnb *)derived;
  const unsigned char *bytes = derived->part[PART_CODES].tensor->data;
  float map[CODES];
  for (size_t code = 0; code < CODES; code++)
    map[code] = pack_float(derived->part[PART_MAP].tensor, code);
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(n, self->block - start % self->block);
    apply(bytes, start, taken, map, absmax_at(self, start / self->block), out);
  }
}

/* --- the parts -------------------------------------------------------------------------------- */

/* What the JSON says. */
struct state {
  struct shape shape;
  size_t count, block, nested_block;
  float offset;
};

static bool read_shape(const json_t *shape, struct state *state)
{
  size_t dims = json_array_size(shape);
  if (dims == 0 || dims > SHAPE_MAX_DIMS)
    return false;
  state->shape.dims = (unsigned)dims;
  for (size_t i = 0; i < dims; i++) {
    json_int_t size = json_integer_value(json_array_get(shape, i));
    if (size <= 0)
      return false;
    state->shape.dim[i] = (size_t)size;
  }
  return shape_count(&state->shape, &state->count);
}

static bool read_json(const json_t *root, struct state *state)
{
  state->block = pack_config_size(root, "blocksize");
  state->nested_block = pack_config_size(root, "nested_blocksize");
  state->offset = (float)json_number_value(json_object_get(root, "nested_offset"));
  return state->block > 0 && read_shape(json_object_get(root, "shape"), state);
}

static enum pack_outcome read_state(struct pack *pack, struct state *state)
{
  const struct tensor *tensor = pack_tensor(pack, pack->anchor);
  struct error error = {0};
  if (!pack_fits(pack, pack->anchor, "u8", 1, ANY_SIZE))
    return PACK_MISFIT;
  if (tensor->count > STATE_MOST)
    return pack_misfit(pack, "%s: %zu bytes; expected at most %d", SHOWN(tensor->name),
                       tensor->count, STATE_MOST);
  enum status status = source_load(pack->source, pack->anchor, NULL, &error);
  if (status == STATUS_MEMORY)
    return PACK_MEMORY;
  if (status != STATUS_OK)
    return pack_misfit(pack, "%s: %.200s", SHOWN(tensor->name), error.text);
  json_t *root =
      json_loadb((const char *)tensor->data, tensor->count, JSON_REJECT_DUPLICATES, NULL);
  bool good = read_json(root, state);
  json_decref(root);
  return good ? PACK_MADE
              : pack_misfit(pack, "%s: expected JSON with \"shape\" and \"blocksize\"",
                            SHOWN(tensor->name));
}

static bool part_fits(struct pack *pack, size_t part, const char *suffix, const char *types,
                      size_t count)
{
  if (part != NO_PART)
    return pack_fits(pack, part, types, 1, count);
  pack_misfit(pack, "%s: expected %s beside it, found none",
              SHOWN(pack_tensor(pack, pack->anchor)->name), suffix);
  return false;
}

/* Plain absmax: nested_block becomes 0. */
static enum pack_outcome add_absmax(struct pack *pack, struct state *state, size_t absmax,
                                    size_t map)
{
  size_t blocks = size_div_up(state->count, state->block);
  if (!part_fits(pack, absmax, "absmax", "f32 u8", blocks))
    return PACK_MISFIT;
  bool nested = pack_is_one_of(pack_tensor(pack, absmax), "u8");
  pack_add_part(pack, absmax);
  pack_add_part(pack, map);
  if (!nested) {
    state->nested_block = 0;
    return PACK_MADE;
  }
  size_t inner = pack_part(pack, "nested_absmax"), values = pack_part(pack, "nested_quant_map");
  if (state->nested_block == 0)
    return pack_misfit(pack, "%s: expected \"nested_blocksize\" for an absmax of u8",
                       SHOWN(pack_tensor(pack, pack->anchor)->name));
  if (!part_fits(pack, inner, "nested_absmax", "f32", size_div_up(blocks, state->nested_block)) ||
      !part_fits(pack, values, "nested_quant_map", "f32", NESTED_CODES))
    return PACK_MISFIT;
  pack_add_part(pack, inner);
  pack_add_part(pack, values);
  return PACK_MADE;
}

static enum pack_outcome match(struct pack *pack, const char *type)
{
  size_t weight = pack_part(pack, NULL), map = pack_part(pack, "quant_map");
  struct state state = {0};
  if (weight == NO_PART)
    return pack_misfit(pack, "%s: expected the weight beside it, found none",
                       SHOWN(pack_tensor(pack, pack->anchor)->name));
  enum pack_outcome outcome = read_state(pack, &state);
  if (outcome != PACK_MADE)
    return outcome;
  const struct tensor *codes = pack_tensor(pack, weight);
  if (codes->count != size_div_up(state.count, 2) || !pack_is_one_of(codes, "u8") || codes->strided)
    return pack_misfit(pack, "%s: expected %zu bytes of u8, found %zu of %s", SHOWN(codes->name),
                       size_div_up(state.count, 2), codes->count, codes->stored->name);
  if (!part_fits(pack, map, "quant_map", "f32", CODES))
    return PACK_MISFIT;
  struct bnb *self = pack_derive(pack, sizeof *self, decode_bnb);
  if (!self)
    return PACK_MEMORY;
  pack_add_part(pack, weight);
  outcome = add_absmax(pack, &state, pack_part(pack, "absmax"), map);
  if (outcome != PACK_MADE)
    return outcome;
  self->block = state.block;
  self->nested_block = state.nested_block;
  self->offset = state.offset;
  pack->name = NULL;
  return pack_made(pack, type, &state.shape, "bitsandbytes %s, block %zu%s, from .weight .absmax%s",
                   type + 4, state.block, state.nested_block ? ", scales in 8 bits" : "",
                   state.nested_block ? " .nested_absmax" : "");
}

enum pack_outcome pack_bnb_nf4(struct pack *pack)
{
  return match(pack, "bnb_nf4");
}

enum pack_outcome pack_bnb_fp4(struct pack *pack)
{
  return match(pack, "bnb_fp4");
}
