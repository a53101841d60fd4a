/* compressed-tensors, pack-quantized: weight_packed, 32-bit words with the codes of a row, each
 * code plus 2^(bits-1); weight_shape, the two sizes; weight_scale (rows x groups, rows x 1, or 1);
 * weight_zero_point where it is asymmetric, packed along the rows in the same way, or plain bytes;
 * weight_g_idx, the group of each column. Value: (code - zero) * scale.
 *
 * Where a code's bits do not divide 32, older files leave the highest bits of each word unused and
 * newer ones let codes cross words; the number of words tells which. */
#include "config.h"

#include "data/pack_affine.h"
#include "quant/base/size.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

enum { BITS_LEAST = 2, BITS_MOST = 8 };

struct sizes {
  size_t rows, columns, groups, group;
  unsigned bits;
  bool padded;
};

/* Element INDEX of a loaded part of 32- or 64-bit integers; SIZE_MAX for a negative one. */
static size_t integer_at(const struct tensor *part, size_t index)
{
  if (part->stored->size == sizeof(uint32_t)) {
    uint32_t word = pack_word(part->data, index);
    return word > INT32_MAX ? SIZE_MAX : word;
  }
  uint64_t word;
  memcpy(&word, part->data + index * sizeof word, sizeof word);
  word = le64toh(word);
  return word > INT64_MAX ? SIZE_MAX : (size_t)word;
}

static enum pack_outcome read_shape(struct pack *pack, size_t shape, struct sizes *sizes)
{
  const struct tensor *packed = pack_tensor(pack, pack->anchor);
  if (shape == NO_PART)
    return pack_misfit(pack, "%s: expected .weight_shape beside it, found none",
                       SHOWN(packed->name));
  if (!pack_fits(pack, shape, "i64 i32", 1, (size_t)2))
    return PACK_MISFIT;
  struct error error;
  enum status status = source_load(pack->source, shape, NULL, &error);
  if (status == STATUS_MEMORY)
    return PACK_MEMORY;
  if (status != STATUS_OK)
    return pack_misfit(pack, "%s: %.200s", SHOWN(pack_tensor(pack, shape)->name), error.text);
  sizes->rows = integer_at(pack_tensor(pack, shape), 0);
  sizes->columns = integer_at(pack_tensor(pack, shape), 1);
  if (sizes->rows != packed->shape.dim[0])
    return pack_misfit(pack, "%s: expected %zu rows, found %zu",
                       SHOWN(pack_tensor(pack, shape)->name), packed->shape.dim[0], sizes->rows);
  return PACK_MADE;
}

/* The only number of bits with which a row fills WORDS words; 0: none, or several. */
static unsigned only_bits(size_t columns, size_t words, bool padded)
{
  unsigned found = 0, count = 0;
  for (unsigned bits = BITS_LEAST; bits <= BITS_MOST; bits++)
    if (affine_words(columns, bits, padded) == words) {
      found = bits;
      count++;
    }
  return count == 1 ? found : 0;
}

/* As many bits as the configuration says; where that does not fit this layer, as do. */
static enum pack_outcome read_bits(struct pack *pack, struct sizes *sizes)
{
  const struct tensor *packed = pack_tensor(pack, pack->anchor);
  size_t words = packed->shape.dim[1], columns = sizes->columns, bits = pack->config->bits;
  if (columns == 0 || columns > SIZE_MAX / 64)
    return pack_misfit(pack, "%s: %zu columns", SHOWN(packed->name), columns);
  bool known = bits >= BITS_LEAST && bits <= BITS_MOST;
  for (int padded = 0; padded < 2; padded++)
    if (known && affine_words(columns, (unsigned)bits, padded) == words) {
      sizes->bits = (unsigned)bits;
      sizes->padded = padded;
      return PACK_MADE;
    }
  for (int padded = 0; padded < 2; padded++)
    if ((sizes->bits = only_bits(columns, words, padded)) > 0) {
      sizes->padded = padded;
      return PACK_MADE;
    }
  return pack_misfit(pack, "%s: expected words of 2 to 8 bits for %zu columns, found %zu words",
                     SHOWN(packed->name), columns, words);
}

static enum pack_outcome read_groups(struct pack *pack, size_t scales, struct sizes *sizes)
{
  const struct tensor *scale = pack_tensor(pack, scales);
  sizes->groups = 1;
  sizes->group = sizes->columns;
  if (scale->count == 1)
    return pack_fits(pack, scales, PACK_FLOATS, scale->shape.dims, (size_t)1, (size_t)1, (size_t)1,
                     (size_t)1, (size_t)1, (size_t)1, (size_t)1, (size_t)1)
               ? PACK_MADE
               : PACK_MISFIT;
  if (!pack_fits(pack, scales, PACK_FLOATS, 2, sizes->rows, ANY_SIZE))
    return PACK_MISFIT;
  sizes->groups = scale->shape.dim[1];
  size_t group = pack->config->group;
  if (group > 0 && size_div_up(sizes->columns, group) == sizes->groups)
    sizes->group = group;
  else if (sizes->groups > 0 && sizes->columns % sizes->groups == 0)
    sizes->group = sizes->columns / sizes->groups;
  else
    return pack_misfit(pack, "%s: expected groups that divide %zu columns, found %zu",
                       SHOWN(scale->name), sizes->columns, sizes->groups);
  return PACK_MADE;
}

static bool zeros_fit(struct pack *pack, size_t zeros, const struct sizes *sizes)
{
  return zeros == NO_PART ||
         pack_fits(pack, zeros, "i32", 2, affine_words(sizes->rows, sizes->bits, sizes->padded),
                   sizes->groups);
}

static enum pack_outcome make(struct pack *pack, const struct sizes *sizes, size_t scales,
                              size_t zeros, size_t order)
{
  struct affine *self = affine_new(pack, sizes->rows, sizes->columns, sizes->group);
  if (!self)
    return PACK_MEMORY;
  self->groups = sizes->groups;
  self->codes = (struct code_matrix){.part = pack_add_part(pack, pack->anchor),
                                     .bits = sizes->bits,
                                     .major_step = pack_tensor(pack, pack->anchor)->shape.dim[1],
                                     .word_step = 1,
                                     .padded = sizes->padded};
  self->scales = pack_add_part(pack, scales);
  if (pack_tensor(pack, scales)->count > 1) {
    self->scale_row = sizes->groups;
    self->scale_group = 1;
  }
  self->zero = zeros == NO_PART ? (float)(1u << (sizes->bits - 1)) : 0;
  if (zeros != NO_PART) {
    self->zero_stored = true;
    self->zeros = self->codes;
    self->zeros.part = pack_add_part(pack, zeros);
    self->zeros.major_step = 1;
    self->zeros.word_step = sizes->groups;
  }
  if (order != NO_PART) {
    self->has_order = true;
    self->order = pack_add_part(pack, order);
  }
  char from[96];
  snprintf(from, sizeof from, ".weight_packed .weight_scale%s%s",
           zeros != NO_PART ? " .weight_zero_point" : "", order != NO_PART ? " .weight_g_idx" : "");
  return affine_made(pack, "ct", from);
}

enum pack_outcome pack_compressed(struct pack *pack)
{
  const struct tensor *packed = pack_tensor(pack, pack->anchor);
  size_t shape = pack_part(pack, "weight_shape"), scales = pack_part(pack, "weight_scale");
  size_t zeros = pack_part(pack, "weight_zero_point"), order = pack_part(pack, "weight_g_idx");
  struct sizes sizes = {0};
  if (pack_is_one_of(packed, "u8"))
    return PACK_OTHER; /* small floats */
  if (!pack_fits(pack, pack->anchor, "i32", 2, ANY_SIZE, ANY_SIZE))
    return PACK_MISFIT;
  if (scales == NO_PART)
    return pack_misfit(pack, "%s: expected .weight_scale beside it, found none",
                       SHOWN(packed->name));
  enum pack_outcome outcome = read_shape(pack, shape, &sizes);
  if (outcome == PACK_MADE)
    outcome = read_bits(pack, &sizes);
  if (outcome == PACK_MADE)
    outcome = read_groups(pack, scales, &sizes);
  if (outcome != PACK_MADE)
    return outcome;
  if (!zeros_fit(pack, zeros, &sizes) ||
      (order != NO_PART && !pack_fits(pack, order, "i32", 1, sizes.columns)))
    return PACK_MISFIT;
  return make(pack, &sizes, scales, zeros, order);
}
