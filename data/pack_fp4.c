/* Weights in E2M1, two codes in a byte, the first in the lower half, with a scale for each 16
 * (NVFP4: an E4M3, and one for the tensor) or 32 (MXFP4: a power of two) columns.
 *
 * compressed-tensors: weight_packed, weight_scale, for NVFP4 weight_global_scale, by which scales
 * are divided. ModelOpt: weight, weight_scale, weight_scale_2, by which they are multiplied.
 * gpt-oss: P_blocks (..., groups, 16 bytes) and P_scales (..., groups).
 * MLX: weight as 32-bit words of eight codes, scales as bytes; no scale for the tensor. */
#include "config.h"

#include "data/pack.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct fp4 {
  struct derived derived; /* codes, scales, then the tensor's scale */
  size_t columns, group;
  bool powers;  /* scales are exponents of two, biased by 127; else E4M3 */
  bool divides; /* the tensor's scale divides */
  bool has_whole;
  const struct stored *e4m3;
};

enum { PART_CODES, PART_SCALES, PART_WHOLE };

static const float e2m1[16] = {0,     0.5f,  1,     1.5f,  2,     3,     4,     6,
                               -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

static float scale_at(const struct fp4 *self, size_t place)
{
  const struct tensor *scales = self->derived.part[PART_SCALES].tensor;
  if (self->powers)
    return scales->data[place] == 255 ? NAN : ldexpf(1, scales->data[place] - 127);
  float scale;
  self->e4m3->decode(scales->data + place, 1, &scale);
  if (!self->has_whole)
    return scale;
  float whole = pack_float(self->derived.part[PART_WHOLE].tensor, 0);
  return self->divides ? scale / whole : scale * whole;
}

/* Codes of one group. */
static void apply(const unsigned char *bytes, size_t start, size_t n, float scale, float *out)
{
  float values[16];
  for (size_t code = 0; code < 16; code++)
    values[code] = e2m1[code] * scale;
  size_t i = 0;
  if (start % 2 && n > 0)
    out[i++] = values[bytes[start / 2] >> 4];
  const unsigned char *byte = bytes + (start + i) / 2;
  for (; i + 2 <= n; i += 2, byte++) {
    out[i] = values[*byte & 15];
    out[i + 1] = values[*byte >> 4];
  }
  if (i < n)
    out[i] = values[*byte & 15];
}

/* Rows are whole groups, so that groups follow each other through the tensor. */
static void decode_fp4(const struct derived *derived, size_t start, size_t n, float *out)
{
  const struct fp4 *self = (const struct fp4 *)derived;
  const unsigned char *bytes = derived->part[PART_CODES].tensor->data;
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(n, self->group - start % self->group);
    apply(bytes, start, taken, scale_at(self, start / self->group), out);
  }
}

/* SHAPE is that of the weight; the scales are checked. */
static enum pack_outcome make(struct pack *pack, const char *type, size_t codes, size_t scales,
                              size_t whole, const struct shape *shape, size_t group,
                              const char *from)
{
  struct fp4 *self = pack_derive(pack, sizeof *self, decode_fp4);
  if (!self)
    return PACK_MEMORY;
  pack_add_part(pack, codes);
  pack_add_part(pack, scales);
  self->group = group;
  self->powers = group == 32;
  self->e4m3 = stored_find("f8_e4m3");
  self->has_whole = whole != NO_PART;
  self->divides = strcmp(type, "ct_nvfp4") == 0;
  if (whole != NO_PART)
    pack_add_part(pack, whole);
  return pack_made(pack, type, shape, "%s, group %zu, from %s", strchr(type, '_') + 1, group, from);
}

static bool fits_whole(struct pack *pack, size_t whole)
{
  const struct tensor *tensor = pack_tensor(pack, whole);
  if (tensor->count == 1 && pack_is_one_of(tensor, PACK_FLOATS) && !tensor->swapped)
    return true;
  pack_misfit(pack, "%s: expected one number of %s, found %zu of %s", SHOWN(tensor->name),
              PACK_FLOATS, tensor->count, tensor->stored->name);
  return false;
}

/* Bytes (rows x columns/2), and scales (rows x groups). */
static enum pack_outcome match(struct pack *pack, const char *type, size_t codes, size_t scales,
                               size_t whole, const char *from)
{
  size_t group = strstr(type, "mxfp4") ? 32 : 16;
  if (!pack_fits(pack, codes, "u8", 2, ANY_SIZE, ANY_SIZE))
    return PACK_MISFIT;
  const struct shape *bytes = &pack_tensor(pack, codes)->shape;
  if (bytes->dim[1] % (group / 2) != 0 || bytes->dim[1] > SIZE_MAX / 2)
    return pack_misfit(pack, "%s: expected rows of whole groups of %zu bytes, found %zu",
                       SHOWN(pack_tensor(pack, codes)->name), group / 2, bytes->dim[1]);
  if (!pack_fits(pack, scales, group == 32 ? "u8 f8_e8m0" : "f8_e4m3", 2, bytes->dim[0],
                 bytes->dim[1] / (group / 2)))
    return PACK_MISFIT;
  if (whole != NO_PART && !fits_whole(pack, whole))
    return PACK_MISFIT;
  const struct shape shape = {.dims = 2, .dim = {bytes->dim[0], 2 * bytes->dim[1]}};
  return make(pack, type, codes, scales, whole, &shape, group, from);
}

/* compressed-tensors (anchor weight_packed) and ModelOpt (anchor weight_scale_2). */
enum pack_outcome pack_fp4(struct pack *pack)
{
  size_t scales = pack_part(pack, "weight_scale"), packed = pack_part(pack, "weight_packed");
  size_t whole = pack_part(pack, "weight_global_scale");
  if (packed == NO_PART) {
    size_t weight = pack_part(pack, "weight");
    if (weight == NO_PART || scales == NO_PART || !pack_is_one_of(pack_tensor(pack, weight), "u8"))
      return PACK_OTHER;
    return match(pack, "mo_nvfp4", weight, scales, pack->anchor,
                 ".weight .weight_scale .weight_scale_2");
  }
  if (packed != pack->anchor)
    return PACK_OTHER;
  if (scales == NO_PART)
    return pack_misfit(pack, "%s: expected .weight_scale beside it, found none",
                       SHOWN(pack_tensor(pack, packed)->name));
  if (whole == NO_PART)
    return match(pack, "ct_mxfp4", packed, scales, NO_PART, ".weight_packed .weight_scale");
  return match(pack, "ct_nvfp4", packed, scales, whole,
               ".weight_packed .weight_scale .weight_global_scale");
}

/* gpt-oss: the last axis is the 16 bytes of a group. */
enum pack_outcome pack_fp4_blocks(struct pack *pack)
{
  size_t scales = pack_part(pack, "scales");
  const struct tensor *codes = pack_tensor(pack, pack->anchor);
  unsigned dims = codes->shape.dims;
  if (scales == NO_PART || !pack_is_one_of(codes, "u8") || dims < 3 ||
      codes->shape.dim[dims - 1] != 16)
    return PACK_OTHER;
  const struct tensor *scale = pack_tensor(pack, scales);
  bool fits = pack_is_one_of(scale, "u8 f8_e8m0") && scale->shape.dims == dims - 1 &&
              !scale->strided && !codes->strided;
  struct shape shape = {.dims = dims - 1};
  for (unsigned i = 0; i + 1 < dims; i++) {
    shape.dim[i] = codes->shape.dim[i];
    fits = fits && scale->shape.dim[i] == shape.dim[i];
  }
  if (!fits || !size_mul(shape.dim[dims - 2], 32, &shape.dim[dims - 2]))
    return pack_misfit(pack, "%s: expected a u8 for each 16 bytes of %s", SHOWN(scale->name),
                       SHOWN(codes->name));
  pack->name = NULL;
  return make(pack, "oss_mxfp4", pack->anchor, scales, NO_PART, &shape, 32, "_blocks _scales");
}

/* MLX's modes mxfp4 and nvfp4: no biases, and as many columns to a scale as the mode says. */
enum pack_outcome pack_mlx_fp4(struct pack *pack)
{
  size_t weight = pack_part(pack, "weight"), scales = pack->anchor;
  if (weight == NO_PART || pack_part(pack, "biases") != NO_PART ||
      !pack_is_one_of(pack_tensor(pack, weight), "u32") ||
      !pack_is_one_of(pack_tensor(pack, scales), "u8"))
    return PACK_OTHER;
  struct shape shape = pack_tensor(pack, weight)->shape;
  const struct shape *groups = &pack_tensor(pack, scales)->shape;
  bool fits = shape.dims >= 2 && groups->dims == shape.dims &&
              !pack_tensor(pack, weight)->strided && !pack_tensor(pack, weight)->swapped &&
              !pack_tensor(pack, scales)->strided;
  for (unsigned i = 0; fits && i + 1 < shape.dims; i++)
    fits = groups->dim[i] == shape.dim[i];
  size_t *columns = &shape.dim[fits ? shape.dims - 1 : 0],
         count = fits ? groups->dim[shape.dims - 1] : 0;
  fits = fits && size_mul(*columns, 8, columns) && count > 0 &&
         (*columns == 32 * count || *columns == 16 * count);
  if (!fits)
    return pack_misfit(pack, "%s: expected a u8 for each 16 or 32 codes of %s",
                       SHOWN(pack_tensor(pack, scales)->name),
                       SHOWN(pack_tensor(pack, weight)->name));
  bool powers = *columns == 32 * count;
  return make(pack, powers ? "mlx_mxfp4" : "mlx_nvfp4", weight, scales, NO_PART, &shape,
              powers ? 32 : 16, ".weight .scales");
}
