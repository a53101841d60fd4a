/* Weights whose codes are plain numbers (8-bit floats, bytes) with a scale beside them: fp8
 * checkpoints with weight_scale, for the tensor, each row or each block; weight_scale_inv, which
 * in spite of its name multiplies too, for blocks of 128 x 128; torchao's qdata and scale;
 * compressed-tensors' naive, int, float and mxfp8 formats; LLM.int8's SCB. Value: (code - zero) *
 * scale.
 *
 * The codes are listed as the file has them, and the values that they mean beside them. */
#include "config.h"

#include "data/pack.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <string.h>

#define CODES "f8_e4m3 f8_e5m2 f8_e4m3fnuz f8_e5m2fnuz i8"

struct scaled {
  struct derived derived; /* codes, scales, then zeros */
  size_t rows, columns;   /* of a plane; planes follow each other */
  size_t block_rows, block_columns;
  size_t scale_plane, scale_row, scale_column; /* steps of the scales */
  const struct stored *scale;                  /* bytes are read as powers of two, as in MX */
  bool has_zero;
  float factor; /* behind the scale */
};

enum { PART_CODES, PART_SCALES, PART_ZEROS };

static float scale_at(const struct scaled *self, size_t place)
{
  const struct tensor *scales = self->derived.part[PART_SCALES].tensor;
  float value;
  self->scale->decode(scales->data + place * self->scale->size, 1, &value);
  return value;
}

/* Elements with one scale, which lie side by side. */
static void apply(const struct scaled *self, size_t start, size_t n, size_t place, float *out)
{
  const struct tensor *codes = self->derived.part[PART_CODES].tensor;
  const float scale = scale_at(self, place);
  const float zero = self->has_zero ? pack_float(self->derived.part[PART_ZEROS].tensor, place) : 0;
  const float factor = self->factor;
  codes->stored->decode(codes->data + start * codes->stored->size, n, out);
  for (size_t i = 0; i < n; i++)
    out[i] = (out[i] - zero) * scale * factor;
}

static void decode_scaled(const struct derived *derived, size_t start, size_t n, float *out)
{
  const struct scaled *self = (const struct scaled *)derived;
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    size_t line = start / self->columns, column = start % self->columns;
    size_t row = line % self->rows, block = column / self->block_columns;
    size_t end = size_min((block + 1) * self->block_columns, self->columns);
    taken = size_min(n, end - column);
    apply(self, start, taken,
          line / self->rows * self->scale_plane + row / self->block_rows * self->scale_row +
              block * self->scale_column,
          out);
  }
}

/* --- how scales lie --------------------------------------------------------------------------- */

/* Elements of an axis of SIZE that share a scale where there are COUNT: all, each its own, blocks
 * as configured, of 128, or as they divide; 0 when none of it fits. */
static size_t block_of(size_t size, size_t count, size_t configured)
{
  if (count <= 1)
    return count == 1 ? size_max(size, 1) : 0;
  if (count == size)
    return 1;
  if (configured > 0 && size_div_up(size, configured) == count)
    return configured;
  if (size_div_up(size, 128) == count)
    return 128;
  return size % count == 0 ? size / count : 0;
}

/* Scales of the same dimensions as the weight, or one for all, or one for each row. */
static bool place_scales(const struct pack *pack, const struct tensor *codes,
                         const struct tensor *scales, struct scaled *self)
{
  const struct shape *weight = &codes->shape, *scale = &scales->shape;
  unsigned dims = weight->dims;
  size_t scale_rows = scales->count, scale_columns = 1;
  self->columns = dims > 0 ? weight->dim[dims - 1] : 1;
  self->rows = dims > 1 ? weight->dim[dims - 2] : 1;
  if (scales->count == 1) {
    scale_rows = 1;
  } else if (scale->dims == dims && dims >= 2) {
    for (unsigned i = 0; i + 2 < dims; i++)
      if (scale->dim[i] != weight->dim[i])
        return false;
    scale_rows = scale->dim[dims - 2];
    scale_columns = scale->dim[dims - 1];
    self->scale_plane = scale_rows * scale_columns;
  } else if (scale->dims != 1 || dims != 2) {
    return false;
  }
  self->block_rows = block_of(self->rows, scale_rows, pack->config->block[0]);
  self->block_columns = block_of(self->columns, scale_columns, pack->config->block[1]);
  self->scale_row = scale_rows > 1 ? scale_columns : 0;
  self->scale_column = scale_columns > 1;
  return self->block_rows > 0 && self->block_columns > 0;
}

static void print_blocks(const struct scaled *self, const struct tensor *scales, char *text,
                         size_t size)
{
  if (scales->count == 1)
    snprintf(text, size, "one scale");
  else if (self->block_columns == self->columns && self->block_rows == 1)
    snprintf(text, size, "a scale per row");
  else
    snprintf(text, size, "a scale per %zu x %zu", self->block_rows, self->block_columns);
}

/* --- the kinds -------------------------------------------------------------------------------- */

/* What the parts of one kind are called. */
struct names {
  const char *type, *from;
  float factor;
};

static enum pack_outcome make(struct pack *pack, size_t weight, size_t scales, size_t zeros,
                              const struct names *names)
{
  const struct tensor *codes = pack_tensor(pack, weight), *scale = pack_tensor(pack, scales);
  char blocks[64], found[200], wanted[200];
  struct scaled *self = pack_derive(pack, sizeof *self, decode_scaled);
  if (!self)
    return PACK_MEMORY;
  pack_add_part(pack, weight);
  pack_add_part(pack, scales);
  self->factor = names->factor;
  self->scale = pack_is_one_of(scale, "u8") ? stored_find("f8_e8m0") : scale->stored;
  if (zeros != NO_PART) {
    pack_add_part(pack, zeros);
    self->has_zero = true;
  }
  if (codes->count == 0 || codes->strided || codes->swapped || scale->strided || scale->swapped ||
      !place_scales(pack, codes, scale, self))
    return pack_misfit(pack, "%s: expected scales for the tensor, rows or blocks of %s, found %s",
                       SHOWN(scale->name), shape_print(&codes->shape, wanted, sizeof wanted),
                       shape_print(&scale->shape, found, sizeof found));
  print_blocks(self, scale, blocks, sizeof blocks);
  return pack_made(pack, names->type, &codes->shape, "%s codes, %s, from %s", codes->stored->name,
                   blocks, names->from);
}

/* Zero points are laid out as the scales are. */
static bool zeros_fit(struct pack *pack, size_t zeros, size_t scales)
{
  const struct tensor *scale = pack_tensor(pack, scales), *zero = pack_tensor(pack, zeros);
  if (zero->count == scale->count && !zero->strided && !zero->swapped &&
      pack_is_one_of(zero, "u8 " CODES " " PACK_FLOATS))
    return true;
  pack_misfit(pack, "%s: expected %zu zero points, found %zu of %s", SHOWN(zero->name),
              scale->count, zero->count, zero->stored->name);
  return false;
}

/* The scale of activations, which belongs to the layer's input: said of its own tensor. */
static enum pack_outcome remark_input(struct pack *pack, const struct tensor *codes)
{
  size_t input = pack_part(pack, "input_scale");
  char text[SHOWN_SIZE + 64];
  if (input == NO_PART)
    return PACK_MADE;
  snprintf(text, sizeof text, "scale of the inputs of %s", SHOWN(codes->name));
  return source_set_remark(pack->source, input, text, NULL) == STATUS_OK ? PACK_MADE : PACK_MEMORY;
}

static enum pack_outcome match(struct pack *pack, size_t weight, size_t zeros, const char *types,
                               const struct names *names)
{
  if (weight == NO_PART || !pack_is_one_of(pack_tensor(pack, weight), types))
    return PACK_OTHER;
  bool mx = strncmp(pack_tensor(pack, weight)->stored->name, "f8", 2) == 0;
  if (!pack_is_one_of(pack_tensor(pack, pack->anchor),
                      mx ? PACK_FLOATS " f8_e8m0 u8" : PACK_FLOATS))
    return pack_misfit(pack, "%s: expected scales of %s, found %s",
                       SHOWN(pack_tensor(pack, pack->anchor)->name), PACK_FLOATS,
                       pack_tensor(pack, pack->anchor)->stored->name);
  if (zeros != NO_PART && !zeros_fit(pack, zeros, pack->anchor))
    return PACK_MISFIT;
  if (pack_part(pack, "weight_g_idx") != NO_PART)
    return pack_misfit(pack,
                       "%s: columns in an order of their own (.weight_g_idx) are read of "
                       "packed codes only",
                       SHOWN(pack_tensor(pack, weight)->name));
  enum pack_outcome outcome = make(pack, weight, pack->anchor, zeros, names);
  return outcome == PACK_MADE ? remark_input(pack, pack_tensor(pack, weight)) : outcome;
}

static const char *type_of(const struct pack *pack, size_t weight)
{
  bool bytes = weight != NO_PART && strcmp(pack_tensor(pack, weight)->stored->name, "i8") == 0;
  return bytes ? "i8_scaled" : "f8_scaled";
}

enum pack_outcome pack_scaled(struct pack *pack)
{
  size_t weight = pack_part(pack, "weight"), zeros = pack_part(pack, "weight_zero_point");
  return match(pack, weight, zeros, CODES,
               &(struct names){type_of(pack, weight),
                               zeros == NO_PART ? ".weight .weight_scale"
                                                : ".weight .weight_scale .weight_zero_point",
                               1});
}

enum pack_outcome pack_scaled_inverse(struct pack *pack)
{
  size_t weight = pack_part(pack, "weight");
  return match(pack, weight, NO_PART, CODES,
               &(struct names){type_of(pack, weight), ".weight .weight_scale_inv", 1});
}

/* LLM.int8: each row's absmax; codes go to 127. The factor is the one that bitsandbytes uses. */
enum pack_outcome pack_bnb_int8(struct pack *pack)
{
  return match(pack, pack_part(pack, "weight"), NO_PART, "i8",
               &(struct names){"bnb_int8", ".weight .SCB", 7.874015718698502e-3f});
}

/* Anchored at the codes, since "scale" ends many names. */
enum pack_outcome pack_torchao(struct pack *pack)
{
  size_t codes = pack->anchor, scale = pack_part(pack, "scale");
  size_t zeros = pack_part(pack, "zero_point");
  if (scale == NO_PART || !pack_is_one_of(pack_tensor(pack, codes), CODES))
    return PACK_OTHER;
  pack->name = NULL;
  pack->anchor = scale;
  return match(pack, codes, zeros, CODES,
               &(struct names){type_of(pack, codes),
                               zeros == NO_PART ? ":qdata :scale" : ":qdata :scale :zero_point",
                               1});
}
