/* GGUF, versions 2 and 3: "GGUF", a version, the numbers of tensors and of metadata entries, the
 * metadata (key, type, value), a record per tensor (name, sizes innermost first, type, place), and
 * from the next aligned byte on the tensors.
 *
 * Stricter than the format: names occur once, hold no NUL and at most NAME_MOST bytes; tensors do
 * not overlap. Gaps between them and bytes behind them are allowed. The metadata is checked and
 * told; general.alignment is obeyed. Of a big-endian file (version 3) the blocks whose words are
 * known (struct stored) are decoded. */
#include "config.h"

#include "data/gguf.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>

#define GGUF_MAGIC     "GGUF"
#define GGUF_MAGIC_BIG "FUGG"

enum {
  MAGIC_SIZE = 4,
  DIMS_MOST = 4,                /* as ggml has it */
  NAME_MOST = 1024,             /* ggml itself stops at 63 */
  ENTRY_LEAST = 8 + 4 + 1,      /* bytes of a metadata entry: length of the key, type, value */
  RECORD_LEAST = 8 + 4 + 4 + 8, /* of a tensor's record: length of the name, dims, type, place */
  ALIGNMENT_USUAL = 32,
};

/* By ggml's number of the type; NULL where it has none, or none any more. */
static const char *const tensor_types[] = {
    [0] = "f32",     [1] = "f16",      [2] = "q4_0",   [3] = "q4_1",    [6] = "q5_0",
    [7] = "q5_1",    [8] = "q8_0",     [9] = "q8_1",   [10] = "q2_k",   [11] = "q3_k",
    [12] = "q4_k",   [13] = "q5_k",    [14] = "q6_k",  [15] = "q8_k",   [16] = "iq2_xxs",
    [17] = "iq2_xs", [18] = "iq3_xxs", [19] = "iq1_s", [20] = "iq4_nl", [21] = "iq3_s",
    [22] = "iq2_s",  [23] = "iq4_xs",  [24] = "i8",    [25] = "i16",    [26] = "i32",
    [27] = "i64",    [28] = "f64",     [29] = "iq1_m", [30] = "bf16",   [34] = "tq1_0",
    [35] = "tq2_0",  [39] = "mxfp4",   [40] = "nvfp4", [41] = "q1_0",   [42] = "q2_0",
};

/* Big-endian files say so by their version, newer ones by their first bytes too. */
static bool has_magic(const unsigned char *bytes, size_t size)
{
  return size >= MAGIC_SIZE && (memcmp(bytes, GGUF_MAGIC, MAGIC_SIZE) == 0 ||
                                memcmp(bytes, GGUF_MAGIC_BIG, MAGIC_SIZE) == 0);
}

/* Numbers that files may still have; nothing decodes them any more. */
static const struct {
  unsigned number;
  const char *name;
} withdrawn_types[] = {
    {4, "Q4_2"},      {5, "Q4_3"},        {31, "Q4_0_4_4"},   {32, "Q4_0_4_8"},
    {33, "Q4_0_8_8"}, {36, "IQ4_NL_4_4"}, {37, "IQ4_NL_4_8"}, {38, "IQ4_NL_8_8"},
};

bool gguf_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0)
    return has_magic(head, length);
  return text_ends(spec, ".gguf");
}

/* --- the record of a tensor ---------------------------------------------------------- */

/* A name as C has it, into NAME (NAME_MOST + 1 bytes). */
static enum status read_name(struct gguf_reader *in, const char *what, char *name)
{
  const unsigned char *text;
  size_t length, place = in->at;
  enum status status = gguf_string(in, what, &text, &length);
  if (status != STATUS_OK)
    return status;
  if (length > NAME_MOST)
    return error_set(in->error, STATUS_INPUT, "%s at offset %zu: %zu bytes; expected at most %d",
                     what, place, length, NAME_MOST);
  if (memchr(text, 0, length))
    return error_set(in->error, STATUS_INPUT, "%s at offset %zu holds a NUL", what, place);
  memcpy(name, text, length);
  name[length] = '\0';
  return STATUS_OK;
}

/* Where a tensor lies: first from the start of the data, later in the file. */
struct place {
  size_t begin, end, index;
};

static enum status read_shape(struct gguf_reader *in, struct shape *shape)
{
  uint64_t dims, size;
  enum status status = gguf_word(in, 4, "the number of dimensions", &dims);
  if (status == STATUS_OK && dims > DIMS_MOST)
    return error_set(in->error, STATUS_INPUT, "%ju dimensions at offset %zu; expected at most %d",
                     (uintmax_t)dims, in->at - 4, DIMS_MOST);
  shape->dims = status == STATUS_OK ? (unsigned)dims : 0;
  for (unsigned axis = shape->dims; axis-- > 0 && status == STATUS_OK;) {
    status = gguf_word(in, 8, "a size", &size);
    if (status == STATUS_OK && size > SIZE_MAX / 2)
      return error_set(in->error, STATUS_INPUT,
                       "size %ju at offset %zu is larger than the address space", (uintmax_t)size,
                       in->at - 8);
    shape->dim[axis] = status == STATUS_OK ? (size_t)size : 0;
  }
  return status;
}

static enum status read_type(struct gguf_reader *in, struct tensor *tensor)
{
  uint64_t type;
  enum status status = gguf_word(in, 4, "the type of a tensor", &type);
  if (status != STATUS_OK)
    return status;
  for (size_t i = 0; i < sizeof withdrawn_types / sizeof *withdrawn_types; i++)
    if (type == withdrawn_types[i].number)
      return error_set(in->error, STATUS_INPUT,
                       "tensor type %ju (%s) at offset %zu, which ggml has withdrawn",
                       (uintmax_t)type, withdrawn_types[i].name, in->at - 4);
  if (type >= sizeof tensor_types / sizeof *tensor_types || !tensor_types[type])
    return error_set(in->error, STATUS_INPUT, "unknown tensor type %ju at offset %zu",
                     (uintmax_t)type, in->at - 4);
  tensor->stored = stored_find(tensor_types[type]);
  return STATUS_OK;
}

/* count and bytes from shape and type. */
static enum status measure(struct tensor *tensor, struct error *error)
{
  const struct stored *stored = tensor->stored;
  unsigned dims = tensor->shape.dims;
  size_t row = dims > 0 ? tensor->shape.dim[dims - 1] : 1;
  char text[200];
  if (row % stored->length != 0)
    return error_set(error, STATUS_INPUT, "row length %zu; %s needs a multiple of %u", row,
                     stored->name, stored->length);
  if (!shape_count(&tensor->shape, &tensor->count) ||
      !size_mul(tensor->count / stored->length, stored->size, &tensor->bytes))
    return error_set(error, STATUS_INPUT, "shape %s of %s is larger than the address space",
                     shape_print(&tensor->shape, text, sizeof text), stored->name);
  return STATUS_OK;
}

static enum status read_offset(struct gguf_reader *in, size_t alignment, size_t *out)
{
  uint64_t offset;
  enum status status = gguf_word(in, 8, "the offset of a tensor", &offset);
  if (status == STATUS_OK && offset % alignment != 0)
    return error_set(in->error, STATUS_INPUT, "offset %ju is no multiple of the alignment %zu",
                     (uintmax_t)offset, alignment);
  if (status == STATUS_OK && offset > in->size)
    return error_set(in->error, STATUS_INPUT, "offset %ju lies behind the file's %zu bytes",
                     (uintmax_t)offset, in->size);
  *out = (size_t)offset;
  return status;
}

static enum status read_record(struct gguf_reader *in, struct source *source, size_t alignment,
                               struct place *place)
{
  char name[NAME_MOST + 1];
  struct tensor tensor = {.name = name};
  enum status status = read_name(in, "the name of a tensor", name);
  if (status != STATUS_OK)
    return status;
  status = read_shape(in, &tensor.shape);
  if (status == STATUS_OK)
    status = read_type(in, &tensor);
  if (status == STATUS_OK)
    status = measure(&tensor, in->error);
  if (status == STATUS_OK)
    status = read_offset(in, alignment, &place->begin);
  if (status != STATUS_OK) {
    error_prefix(in->error, "%s: ", SHOWN(name));
    return status;
  }
  tensor.swapped = in->big && tensor.stored->size > 1;
  place->index = source->count;
  return source_add(source, &tensor, in->error);
}

/* --- all tensors --------------------------------------------------------------------- */

/* From places in the data to places in the file, all within it. */
static enum status place_tensors(const struct gguf_reader *in, const struct source *source,
                                 struct place *places, size_t count, size_t start)
{
  char text[200];
  for (size_t i = 0; i < count; i++) {
    struct place *place = &places[i];
    const struct tensor *tensor = &source->tensors[place->index];
    if (tensor->bytes == 0) {
      place->begin = place->end = size_min(start, in->size);
      continue;
    }
    if (!size_add(place->begin, start, &place->begin) ||
        !size_add(place->begin, tensor->bytes, &place->end) || place->end > in->size)
      return error_set(in->error, STATUS_INPUT,
                       "%s: %s of %s needs %zu bytes from offset %zu, but the file ends at %zu",
                       SHOWN(tensor->name), shape_print(&tensor->shape, text, sizeof text),
                       tensor->stored->name, tensor->bytes, place->begin, in->size);
  }
  return STATUS_OK;
}

static int by_place(const void *left_place, const void *right_place)
{
  const struct place *a = left_place, *b = right_place;
  return a->begin != b->begin ? (a->begin < b->begin ? -1 : 1)
         : a->end != b->end   ? (a->end < b->end ? -1 : 1)
                              : 0;
}

static enum status check_overlaps(const struct gguf_reader *in, const struct source *source,
                                  struct place *places, size_t count)
{
  bool sorted = true; /* most writers do */
  for (size_t i = 1; i < count && sorted; i++)
    sorted = by_place(&places[i - 1], &places[i]) <= 0;
  if (!sorted)
    qsort(places, count, sizeof *places, by_place);
  for (size_t i = 1; i < count; i++)
    if (places[i].begin < places[i - 1].end && places[i].end > places[i].begin)
      return error_set(in->error, STATUS_INPUT,
                       "%s at offset %zu overlaps %s, which ends at offset %zu",
                       SHOWN(source->tensors[places[i].index].name), places[i].begin,
                       SHOWN(source->tensors[places[i - 1].index].name), places[i - 1].end);
  return STATUS_OK;
}

static bool decodes(const struct tensor *tensor)
{
  return !tensor->swapped || tensor->stored->length == 1 || tensor->stored->words;
}

/* Lends its bytes to a tensor that can be decoded; of the others the list says so. */
static enum status lend(const struct gguf_reader *in, struct source *source,
                        const struct place *place)
{
  struct tensor *tensor = &source->tensors[place->index];
  if (!decodes(tensor))
    return source_set_remark(source, place->index, "big-endian: listed only", in->error);
  tensor->data = in->bytes + place->begin;
  return STATUS_OK;
}

static enum status read_tensors(struct gguf_reader *in, struct source *source, size_t alignment,
                                size_t count, struct place *places)
{
  enum status status = STATUS_OK;
  size_t start = 0;
  struct progress *meter = source_meter(source, count);
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    status = read_record(in, source, alignment, &places[i]);
    progress_advance(meter, 1);
  }
  if (status == STATUS_OK && !size_mul(size_div_up(in->at, alignment), alignment, &start))
    status = error_set(in->error, STATUS_INPUT, "no room for data aligned to %zu bytes", alignment);
  if (status == STATUS_OK)
    status = place_tensors(in, source, places, count, start);
  for (size_t i = 0; i < count && status == STATUS_OK; i++)
    status = lend(in, source, &places[i]);
  return status == STATUS_OK ? check_overlaps(in, source, places, count) : status;
}

/* --- the file ------------------------------------------------------------------------ */

static enum status read_version(struct gguf_reader *in)
{
  uint64_t version;
  if (in->size == 0)
    return error_set(in->error, STATUS_INPUT, "the file is empty; expected GGUF");
  if (!has_magic(in->bytes, in->size))
    return error_set(in->error, STATUS_INPUT,
                     "not a GGUF file: expected first bytes 47 47 55 46, found %s",
                     first_bytes(in->bytes, in->size, (char[BYTES_SHOWN]){0}));
  in->at = MAGIC_SIZE;
  enum status status = gguf_word(in, 4, "the version", &version);
  if (status != STATUS_OK)
    return status;
  in->big = (version & 0xFFFF) == 0 && version > 0;
  if (in->big && version != 3u << 24)
    return error_set(in->error, STATUS_INPUT, "big-endian GGUF version %u; expected 3",
                     __builtin_bswap32((uint32_t)version));
  if (!in->big && version != 2 && version != 3)
    return error_set(in->error, STATUS_INPUT, "GGUF version %ju; expected 2 or 3",
                     (uintmax_t)version);
  if (!in->big && memcmp(in->bytes, GGUF_MAGIC_BIG, MAGIC_SIZE) == 0)
    return error_set(in->error, STATUS_INPUT,
                     "the first bytes are those of a big-endian file, but the version is not");
  return STATUS_OK;
}

/* Up to the records of the tensors, of which there are *TENSORS. Tells the metadata to SOURCE. */
static enum status read_head(struct gguf_reader *in, struct gguf_facts *facts,
                             struct source *source, size_t *tensors)
{
  size_t entries = 0;
  *facts = (struct gguf_facts){.value[GGUF_ALIGNMENT] = ALIGNMENT_USUAL};
  enum status status = read_version(in);
  if (status == STATUS_OK)
    status = gguf_count(in, RECORD_LEAST, "the number of tensors", tensors);
  if (status == STATUS_OK)
    status = gguf_count(in, ENTRY_LEAST, "the number of metadata entries", &entries);
  for (size_t i = 0; i < entries && status == STATUS_OK; i++)
    status = gguf_entry(in, facts, source);
  return status;
}

static enum status read_file(struct gguf_reader *in, struct gguf_facts *facts,
                             struct source *source, struct source *told)
{
  size_t tensors = 0;
  enum status status = read_head(in, facts, told, &tensors);
  if (status != STATUS_OK)
    return status;
  size_t most = gguf_left(in) / RECORD_LEAST; /* the metadata took some of what there was */
  if (tensors > most)
    return error_set(in->error, STATUS_INPUT,
                     "%zu tensors, but the %zu bytes behind the metadata hold at most %zu", tensors,
                     gguf_left(in), most);
  struct place *places = mem_array(tensors, sizeof *places);
  if (!places)
    return error_memory(in->error, "the list of tensors");
  status = read_tensors(in, source, facts->value[GGUF_ALIGNMENT], tensors, places);
  free(places);
  return status;
}

/* Called for tensors without data alone. */
static enum status gguf_load(struct source *source, size_t index, struct progress *progress,
                             struct error *error)
{
  (void)progress;
  return error_set(error, STATUS_INPUT,
                   "values stored as %s in a big-endian file cannot be decoded: ggml keeps them in "
                   "the byte order of whatever machine wrote them",
                   source->tensors[index].stored->name);
}

enum status gguf_add(const char *path, bool told, struct gguf_facts *facts, struct source *source,
                     struct error *error)
{
  struct map *map;
  enum status status = source_map(source, path, &map, error);
  if (status != STATUS_OK)
    return status;
  struct gguf_reader in = {.bytes = map->bytes, .size = map->size, .error = error};
  source->load = gguf_load;
  status = read_file(&in, facts, source, told ? source : NULL);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  return status;
}

enum status gguf_peek(const char *path, struct gguf_facts *facts, struct error *error)
{
  struct map *map;
  size_t tensors;
  enum status status = map_open(path, &map, error);
  if (status != STATUS_OK)
    return status;
  struct gguf_reader in = {.bytes = map->bytes, .size = map->size, .error = error};
  status = read_head(&in, facts, NULL, &tensors);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  map_close(map);
  return status;
}
