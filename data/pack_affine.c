/* Decodes packs of integers: runs of codes to bytes, then bytes to floats, each step one plain loop
 * that the compiler can vectorise. */
#include "config.h"

#include "data/map_range.h"
#include "data/pack_affine.h"
#include "quant/base/size.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { RUN = 2048, TABLE = 1024, WORD_BITS = 32 };

/* Which code of a word AWQ keeps in its nibble i is 0 2 4 6 1 3 5 7; so code k is in nibble: */
static const unsigned char nibble_of[8] = {0, 4, 1, 5, 2, 6, 3, 7};

size_t affine_words(size_t n, unsigned bits, bool padded)
{
  if (padded)
    return size_div_up(n, WORD_BITS / bits);
  return n / WORD_BITS * bits + size_div_up(n % WORD_BITS * bits, WORD_BITS);
}

/* --- codes ------------------------------------------------------------------------------------ */

static const unsigned char *matrix_bytes(const struct affine *self,
                                         const struct code_matrix *matrix)
{
  return self->derived.part[matrix->part].tensor->data;
}

static inline bool is_whole(const struct code_matrix *matrix)
{
  return matrix->padded || WORD_BITS % matrix->bits == 0;
}

static unsigned code_at(const struct code_matrix *matrix, const unsigned char *bytes, size_t major,
                        size_t minor)
{
  const unsigned bits = matrix->bits;
  const uint32_t mask = (1u << bits) - 1;
  size_t first = major * matrix->major_step;
  if (matrix->shuffled)
    return pack_word(bytes, first + minor / 8) >> 4 * nibble_of[minor % 8] & mask;
  if (is_whole(matrix)) {
    size_t each = WORD_BITS / bits;
    return pack_word(bytes, first + minor / each * matrix->word_step) >> minor % each * bits & mask;
  }
  size_t word = minor / WORD_BITS * bits + minor % WORD_BITS * bits / WORD_BITS;
  unsigned shift = (unsigned)(minor % WORD_BITS * bits % WORD_BITS);
  uint64_t pair = pack_word(bytes, first + word * matrix->word_step);
  if (shift + bits > WORD_BITS)
    pair |= (uint64_t)pack_word(bytes, first + (word + 1) * matrix->word_step) << WORD_BITS;
  return (unsigned)(pair >> shift) & mask;
}

/* Eight nibbles of a word as eight bytes, the lowest first. */
static inline void spread_nibbles(uint32_t word, unsigned char *out)
{
  uint64_t wide = word;
  wide = (wide | wide << 16) & 0x0000FFFF0000FFFFu;
  wide = (wide | wide << 8) & 0x00FF00FF00FF00FFu;
  wide = (wide | wide << 4) & 0x0F0F0F0F0F0F0F0Fu;
  wide = htole64(wide);
  memcpy(out, &wide, sizeof wide);
}

/* Whole words of codes along the minor index, from a word's first code on. */
static void whole_words(const struct code_matrix *matrix, const unsigned char *word, size_t words,
                        unsigned char *out)
{
  const unsigned bits = matrix->bits, each = WORD_BITS / bits;
  const uint32_t mask = (1u << bits) - 1;
  const size_t step = matrix->word_step * sizeof(uint32_t);
  if (bits == 4) {
    for (size_t i = 0; i < words; i++)
      spread_nibbles(pack_word(word + i * step, 0), out + 8 * i);
    return;
  }
  for (size_t i = 0; i < words; i++) {
    uint32_t codes = pack_word(word + i * step, 0);
    for (unsigned k = 0; k < each; k++)
      out[i * each + k] = (unsigned char)(codes >> k * bits & mask);
  }
}

/* N codes from MINOR on where each may cross words: bits wait in `ahead` until a code is whole. */
static void crossing_codes(const struct code_matrix *matrix, const unsigned char *bytes,
                           size_t major, size_t minor, size_t n, unsigned char *out)
{
  const unsigned bits = matrix->bits;
  const uint64_t mask = (1u << bits) - 1;
  size_t position = minor % WORD_BITS * bits;
  size_t word = major * matrix->major_step +
                (minor / WORD_BITS * bits + position / WORD_BITS) * matrix->word_step;
  uint64_t ahead = 0;
  unsigned have = 0;
  for (unsigned shift = (unsigned)(position % WORD_BITS); n > 0; n--, have -= bits) {
    while (have < bits) { /* twice where the first word has but a bit or two left */
      ahead |= (uint64_t)(pack_word(bytes, word) >> shift) << have;
      have += WORD_BITS - shift;
      word += matrix->word_step;
      shift = 0;
    }
    *out++ = (unsigned char)(ahead & mask);
    ahead >>= bits;
  }
}

/* N codes of one row from COLUMN on where none crosses words: whole words, and what is around. */
static void aligned_codes(const struct code_matrix *matrix, const unsigned char *bytes, size_t row,
                          size_t column, size_t n, unsigned char *out)
{
  const size_t each = WORD_BITS / matrix->bits;
  size_t i = 0;
  for (; i < n && (column + i) % each; i++)
    out[i] = (unsigned char)code_at(matrix, bytes, row, column + i);
  size_t words = (n - i) / each;
  size_t first = row * matrix->major_step + (column + i) / each * matrix->word_step;
  whole_words(matrix, bytes + first * sizeof(uint32_t), words, out + i);
  for (i += words * each; i < n; i++)
    out[i] = (unsigned char)code_at(matrix, bytes, row, column + i);
}

/* --- bands ------------------------------------------------------------------------------------ */

/* Where the words of a row lie a row of words apart (GPTQ, AWQ), each is in a page, and often in
 * one set of the cache with all others. A band of neighbouring rows is therefore gathered at once,
 * each row's words one after the other, and kept by the thread until it asks for another band. */
enum {
  BAND_WORDS = 1 << 16,
  BAND_MOST = 64,
  BAND_LEAST = 2,
  BAND_PAD = 16,
  BAND_PIECE = 512,
  LARGE = 64 << 20, /* bytes: a band of more would make all of them resident, page by page */
};

static _Thread_local struct band {
  uint64_t owner; /* serial of an affine */
  size_t number;
  unsigned char words[BAND_WORDS * sizeof(uint32_t)]; /* as they are in the file */
} kept;

/* Words of a row, from one band row to the next; padded, so that they do not share a set. */
static size_t band_pitch(const struct affine *self)
{
  const struct code_matrix *codes = &self->codes;
  return BAND_PAD + (codes->shuffled ? self->columns
                                     : affine_words(self->columns, codes->bits, codes->padded));
}

static size_t rows_of_words(const struct affine *self)
{
  return self->codes.shuffled ? self->rows / 8 : self->rows;
}

/* Rows of words that a band holds; 0 where bands do not help. */
static size_t band_height(const struct affine *self)
{
  size_t height = size_min(BAND_MOST, BAND_WORDS / band_pitch(self));
  bool across = self->codes.shuffled || self->codes.word_step > 1;
  return across && height >= BAND_LEAST && rows_of_words(self) >= BAND_LEAST ? height : 0;
}

static void gather_band(const struct affine *self, const unsigned char *bytes, size_t number,
                        unsigned char *out)
{
  const size_t size = sizeof(uint32_t), pitch = band_pitch(self), words = pitch - BAND_PAD;
  const size_t first = number * self->band, across = rows_of_words(self);
  const size_t height = size_min(self->band, across - first);
  const bool large = words * across > LARGE / size;
  unsigned char stretch[BAND_MOST * sizeof(uint32_t)];
  for (size_t i = 0; i < words; i++) {
    const unsigned char *from = bytes + (i * across + first) * size;
    if (large) {
      map_copy(from, height * size, stretch);
      from = stretch;
    }
    for (size_t row = 0; row < height; row++)
      memcpy(out + (row * pitch + i) * size, from + row * size, size);
  }
}

/* The words of one row of words, one after the other. */
static const unsigned char *band_row(const struct affine *self, const unsigned char *bytes,
                                     size_t row)
{
  size_t number = row / self->band;
  if (kept.owner != self->serial || kept.number != number) {
    gather_band(self, bytes, number, kept.words);
    kept.owner = self->serial;
    kept.number = number;
  }
  return kept.words + row % self->band * band_pitch(self) * sizeof(uint32_t);
}

/* --- rows of codes ---------------------------------------------------------------------------- */

/* N codes of one row in AWQ's words, STEP bytes apart: always the same nibble. */
static inline void nibbles(const unsigned char *words, size_t step, size_t row, size_t n,
                           unsigned char *out)
{
  const unsigned shift = 4u * nibble_of[row % 8];
  for (size_t i = 0; i < n; i++)
    out[i] = pack_word(words + i * step, 0) >> shift & 15;
}

static void shuffled_codes(const struct affine *self, const unsigned char *bytes, size_t row,
                           size_t column, size_t n, unsigned char *out)
{
  const size_t size = sizeof(uint32_t), step = self->codes.major_step * size;
  if (self->band > 0 && n >= BAND_PIECE)
    nibbles(band_row(self, bytes, row / 8) + column * size, size, row, n, out);
  else
    nibbles(bytes + column * step + row / 8 * size, step, row, n, out);
}

/* A band is gathered for pieces that are worth it. */
static void row_codes(const struct affine *self, size_t row, size_t column, size_t n,
                      unsigned char *out)
{
  const unsigned char *bytes = matrix_bytes(self, &self->codes);
  struct code_matrix matrix = self->codes;
  if (matrix.shuffled) {
    shuffled_codes(self, bytes, row, column, n, out);
    return;
  }
  if (self->band > 0 && n >= BAND_PIECE) {
    bytes = band_row(self, bytes, row);
    matrix.major_step = 0;
    matrix.word_step = 1;
  }
  (is_whole(&matrix) ? aligned_codes : crossing_codes)(&matrix, bytes, row, column, n, out);
}

/* --- values ----------------------------------------------------------------------------------- */

/* What a group's codes become: (code - zero) * scale + bias. */
struct line {
  float scale, zero, bias;
};

static struct line line_of(const struct affine *self, size_t row, size_t group)
{
  size_t place = row * self->scale_row + group * self->scale_group;
  struct line line = {.scale = pack_float(self->derived.part[self->scales].tensor, place),
                      .zero = self->zero};
  if (self->zero_stored)
    line.zero += (float)code_at(&self->zeros, matrix_bytes(self, &self->zeros),
                                self->zeros_by_row ? row : group, self->zeros_by_row ? group : row);
  if (self->has_bias)
    line.bias = pack_float(self->derived.part[self->bias].tensor, place);
  return line;
}

/* Codes and zeros are small integers: their difference is exact. */
static void apply(const struct line *line, const unsigned char *codes, size_t n, float *out)
{
  const float scale = line->scale, zero = line->zero;
  for (size_t i = 0; i < n; i++)
    out[i] = ((float)codes[i] - zero) * scale;
}

static void apply_bias(const struct line *line, const unsigned char *codes, size_t n, float *out)
{
  const float scale = line->scale, bias = line->bias;
  for (size_t i = 0; i < n; i++)
    out[i] = (float)codes[i] * scale + bias;
}

static size_t group_at(const struct affine *self, size_t column)
{
  const unsigned char *order = self->derived.part[self->order].tensor->data;
  return size_min(pack_word(order, column), self->groups - 1); /* checked, but of a mapped file */
}

/* Columns in an order of their own: each has its group; the lines of a row are looked up once. */
static void decode_ordered(const struct affine *self, size_t row, size_t column, size_t n,
                           float *out)
{
  struct line table[TABLE];
  unsigned char codes[RUN];
  bool tabled = self->groups <= TABLE && self->groups <= n;
  for (size_t group = 0; tabled && group < self->groups; group++)
    table[group] = line_of(self, row, group);
  for (size_t taken; n > 0; column += taken, out += taken, n -= taken) {
    taken = size_min(n, RUN);
    row_codes(self, row, column, taken, codes);
    for (size_t i = 0; i < taken; i++) {
      size_t group = group_at(self, column + i);
      struct line line = tabled ? table[group] : line_of(self, row, group);
      out[i] = ((float)codes[i] - line.zero) * line.scale;
    }
  }
}

/* N values from their codes, group after group. */
static void apply_groups(const struct affine *self, size_t row, size_t column, size_t n,
                         const unsigned char *codes, float *out)
{
  for (size_t taken; n > 0; column += taken, codes += taken, out += taken, n -= taken) {
    size_t group = column / self->group;
    taken = size_min(n, (group + 1) * self->group - column);
    struct line line = line_of(self, row, group);
    (self->has_bias ? apply_bias : apply)(&line, codes, taken, out);
  }
}

static void decode_groups(const struct affine *self, size_t row, size_t column, size_t n,
                          float *out)
{
  unsigned char codes[RUN];
  for (size_t taken; n > 0; column += taken, out += taken, n -= taken) {
    taken = size_min(n, RUN);
    row_codes(self, row, column, taken, codes);
    apply_groups(self, row, column, taken, codes, out);
  }
}

static void decode_affine(const struct derived *derived, size_t start, size_t n, float *out)
{
  const struct affine *self = (const struct affine *)derived;
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    size_t row = start / self->columns, column = start % self->columns;
    taken = size_min(n, self->columns - column);
    (self->has_order ? decode_ordered : decode_groups)(self, row, column, taken, out);
  }
}

/* --- making one ------------------------------------------------------------------------------- */

/* Every column's group is one of the row's. All -1, as a model without an order of its own may
 * have it: in their natural order. */
static enum status check_order(struct derived *derived, struct error *error)
{
  struct affine *self = (struct affine *)derived;
  if (!self->has_order)
    return STATUS_OK;
  const struct tensor *order = derived->part[self->order].tensor;
  size_t unset = 0;
  while (unset < self->columns && pack_word(order->data, unset) == UINT32_MAX)
    unset++;
  if (unset == self->columns) {
    self->has_order = false;
    return STATUS_OK;
  }
  bool natural = true;
  for (size_t i = 0; i < self->columns; i++) {
    natural &= pack_word(order->data, i) == i / self->group;
    if (pack_word(order->data, i) >= self->groups)
      return error_set(error, STATUS_INPUT, "%s: group %jd of column %zu; expected 0 to %zu",
                       SHOWN(order->name), (intmax_t)(int32_t)pack_word(order->data, i), i,
                       self->groups - 1);
  }
  self->has_order = !natural;
  return STATUS_OK;
}

static _Atomic uint64_t serials;

struct affine *affine_new(struct pack *pack, size_t rows, size_t columns, size_t group)
{
  struct affine *self = pack_derive(pack, sizeof *self, decode_affine);
  if (!self)
    return NULL;
  self->derived.check = check_order;
  self->serial = atomic_fetch_add(&serials, 1) + 1;
  self->rows = rows;
  self->columns = columns;
  self->group = group;
  self->groups = size_div_up(columns, group);
  return self;
}

enum pack_outcome affine_made(struct pack *pack, const char *kind, const char *from)
{
  struct affine *self = (struct affine *)pack->derived;
  self->band = band_height(self);
  const struct shape shape = {.dims = 2, .dim = {self->rows, self->columns}};
  char type[24], group[40] = "one scale per row";
  snprintf(type, sizeof type, "%s_int%u", kind, self->codes.bits);
  if (self->scale_row == 0 && self->scale_group == 0)
    strcpy(group, "one scale");
  else if (self->groups > 1)
    snprintf(group, sizeof group, "group %zu", self->group);
  return pack_made(pack, type, &shape, "%s int%u, %s, from %s", kind, self->codes.bits, group,
                   from);
}
