/* The values of an ONNX tensor: raw bytes and packed floats are read where they lie in the file,
 * numbers that need converting when they are asked for. */
#include "config.h"

#include "data/onnx.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields of a TensorProto. */
enum {
  DIMS = 1,
  DATA_TYPE = 2,
  FLOAT_DATA = 4,
  INT32_DATA = 5,
  INT64_DATA = 7,
  NAME = 8,
  RAW_DATA = 9,
  DOUBLE_DATA = 10,
  UINT64_DATA = 11,
  EXTERNAL_DATA = 13,
  DATA_LOCATION = 14,
};
enum { NAME_MOST = 1 << 16, TYPE_STRING = 8 };

/* By ONNX's number of the type: as qscope stores it, and the field of numbers that may hold it. */
static const struct type {
  const char *stored;
  unsigned field;
} types[] = {
    [1] = {"f32", FLOAT_DATA},          [2] = {"u8", INT32_DATA},
    [3] = {"i8", INT32_DATA},           [4] = {"u16", INT32_DATA},
    [5] = {"i16", INT32_DATA},          [6] = {"i32", INT32_DATA},
    [7] = {"i64", INT64_DATA},          [9] = {"bool", INT32_DATA},
    [10] = {"f16", INT32_DATA},         [11] = {"f64", DOUBLE_DATA},
    [12] = {"u32", UINT64_DATA},        [13] = {"u64", UINT64_DATA},
    [14] = {"c64", FLOAT_DATA},         [15] = {"c128", DOUBLE_DATA},
    [16] = {"bf16", INT32_DATA},        [17] = {"f8_e4m3", INT32_DATA},
    [18] = {"f8_e4m3fnuz", INT32_DATA}, [19] = {"f8_e5m2", INT32_DATA},
    [20] = {"f8_e5m2fnuz", INT32_DATA}, [21] = {"u4", INT32_DATA},
    [22] = {"i4", INT32_DATA},          [23] = {"f4", INT32_DATA},
    [24] = {"f8_e8m0", INT32_DATA},
};

/* A TensorProto as it was read. */
struct parts {
  struct shape shape;
  uint64_t type;
  struct protobuf_span name;
  struct protobuf_span raw;
  bool has_raw, is_external;
  struct protobuf_span location;
  uint64_t offset, length;
  bool has_length;
};

bool onnx_grow(void *array, size_t count, size_t *capacity, size_t size)
{
  void *old, *grown;
  if (count < *capacity)
    return true;
  size_t more = *capacity ? 2 * *capacity : 64;
  memcpy(&old, array, sizeof old);
  if (!(grown = mem_resize(old, more, size)))
    return false;
  memcpy(array, &grown, sizeof grown);
  *capacity = more;
  return true;
}

/* --- what a TensorProto says -------------------------------------------------------- */

static enum status add_dim(struct shape *shape, uint64_t size, struct error *error)
{
  if (shape->dims == SHAPE_MAX_DIMS)
    return error_set(error, STATUS_INPUT, "more than %d dimensions", SHAPE_MAX_DIMS);
  if (size > INT64_MAX || size > SIZE_MAX)
    return error_set(error, STATUS_INPUT, "a size of the shape: %jd", (intmax_t)size);
  shape->dim[shape->dims++] = (size_t)size;
  return STATUS_OK;
}

static enum status add_dims(struct shape *shape, struct protobuf_span packed, struct error *error)
{
  const unsigned char *at = packed.bytes, *end = at + packed.size;
  enum status status = STATUS_OK;
  for (uint64_t size; at < end && status == STATUS_OK;)
    status = protobuf_varint(&at, end, &size)
                 ? add_dim(shape, size, error)
                 : error_set(error, STATUS_INPUT, "a size of the shape does not end");
  return status;
}

static enum status read_number(struct protobuf_span text, uint64_t *out, struct error *error)
{
  *out = 0;
  bool good = text.size > 0;
  for (size_t i = 0; i < text.size && good; i++) {
    unsigned digit = text.bytes[i] - (unsigned)'0';
    good = digit < 10 && !__builtin_mul_overflow(*out, 10, out) &&
           !__builtin_add_overflow(*out, digit, out);
  }
  if (good)
    return STATUS_OK;
  return error_set(error, STATUS_INPUT, "external data: expected a number of bytes, found \"%s\"",
                   SHOWN_PART(text.bytes, text.size));
}

/* One key and value of external_data; others ("checksum") are passed over. */
static enum status read_external(struct protobuf in, struct parts *parts)
{
  struct protobuf_field field;
  struct protobuf_span key = {0}, value = {0};
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key)
    if (field.key == PROTOBUF_KEY(1, PROTOBUF_BYTES))
      key = field.span;
    else if (field.key == PROTOBUF_KEY(2, PROTOBUF_BYTES))
      value = field.span;
  if (status != STATUS_OK)
    return status;
  if (protobuf_is(key, "location"))
    parts->location = value;
  if (protobuf_is(key, "offset"))
    return read_number(value, &parts->offset, in.error);
  parts->has_length |= protobuf_is(key, "length");
  return protobuf_is(key, "length") ? read_number(value, &parts->length, in.error) : STATUS_OK;
}

static enum status read_part(const struct protobuf *in, const struct protobuf_field *field,
                             struct parts *parts)
{
  switch (field->key) {
  case PROTOBUF_KEY(DIMS, PROTOBUF_VARINT):
    return add_dim(&parts->shape, field->value, in->error);
  case PROTOBUF_KEY(DIMS, PROTOBUF_BYTES):
    return add_dims(&parts->shape, field->span, in->error);
  case PROTOBUF_KEY(DATA_TYPE, PROTOBUF_VARINT):
    parts->type = field->value;
    return STATUS_OK;
  case PROTOBUF_KEY(NAME, PROTOBUF_BYTES):
    parts->name = field->span;
    return STATUS_OK;
  case PROTOBUF_KEY(RAW_DATA, PROTOBUF_BYTES):
    parts->raw = field->span;
    parts->has_raw = true;
    return STATUS_OK;
  case PROTOBUF_KEY(EXTERNAL_DATA, PROTOBUF_BYTES):
    return read_external(protobuf_reader(in->file, field->span, in->error), parts);
  case PROTOBUF_KEY(DATA_LOCATION, PROTOBUF_VARINT):
    parts->is_external = field->value == 1;
    return STATUS_OK;
  default:
    return STATUS_OK;
  }
}

/* Shape and type may be damaged: they are reported behind the name, which may follow them. */
static enum status read_parts(const struct onnx *onnx, struct protobuf_span message,
                              struct parts *parts, struct error *error)
{
  struct protobuf in = protobuf_reader(onnx->map->bytes, message, error);
  struct protobuf_field field;
  struct error first = {0};
  enum status status, worst = STATUS_OK;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key) {
    enum status now = read_part(&in, &field, parts);
    if (worst == STATUS_OK && now != STATUS_OK) {
      worst = now;
      first = *error;
    }
  }
  if (status == STATUS_OK && worst != STATUS_OK)
    *error = first;
  return status != STATUS_OK ? status : worst;
}

/* --- where the values lie ------------------------------------------------------------ */

static enum status check_size(const struct tensor *tensor, uint64_t found, const char *where,
                              struct error *error)
{
  char shape[160];
  if (found == tensor->bytes)
    return STATUS_OK;
  return error_set(error, STATUS_INPUT, "%s of %s: expected %zu bytes of %s, found %ju",
                   shape_print(&tensor->shape, shape, sizeof shape), tensor->stored->name,
                   tensor->bytes, where, (uintmax_t)found);
}

static enum status place_external(struct source *source, const struct parts *parts,
                                  struct tensor *tensor, struct error *error)
{
  const struct map *map;
  enum status status = onnx_external(source, parts->location, &map, error);
  if (status == STATUS_OK && parts->has_length)
    status = check_size(tensor, parts->length, "external data", error);
  if (status != STATUS_OK)
    return status;
  if (parts->offset > map->size || tensor->bytes > map->size - parts->offset)
    return error_set(error, STATUS_INPUT,
                     "external data: %zu bytes from offset %ju, but %s ends at %zu", tensor->bytes,
                     (uintmax_t)parts->offset, SHOWN(path_base(map->path)), map->size);
  tensor->data = map->bytes + parts->offset;
  return STATUS_OK;
}

/* Numbers in a field of the message. One packed row of floats is as good as raw bytes. Varints
 * are counted when they are converted: here only what they could be. */
static enum status place_numbers(const struct onnx *onnx, struct onnx_values *values,
                                 struct tensor *tensor, struct error *error)
{
  struct protobuf in = protobuf_reader(onnx->map->bytes, values->message, error);
  struct protobuf_field field;
  size_t rows = 0, bytes = 0;
  bool fixed = true, packed = false;
  const unsigned char *row = onnx->map->bytes;
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key)
    if (field.key >> 3 == values->field) {
      rows++;
      packed = (field.key & 7) == PROTOBUF_BYTES;
      fixed &= (field.key & 7) != PROTOBUF_VARINT;
      row = field.span.bytes;
      bytes += field.span.size;
    }
  bool floats = values->field == FLOAT_DATA || values->field == DOUBLE_DATA;
  if (status == STATUS_OK && floats && fixed)
    status = check_size(tensor, bytes, "values", error);
  else if (status == STATUS_OK && bytes < tensor->bytes / tensor->stored->size)
    status =
        error_set(error, STATUS_INPUT, "%zu values, but %zu bytes hold them", tensor->count, bytes);
  if (status == STATUS_OK && (tensor->count == 0 || (floats && rows == 1 && packed))) {
    tensor->data = row;
    values->field = 0;
  }
  return status;
}

/* Of what stored type the tensor is, and how many bytes; with the numbers' field. */
static enum status set_type(struct tensor *tensor, const struct type *type, struct error *error)
{
  tensor->stored = stored_find(type->stored);
  if (shape_count(&tensor->shape, &tensor->count) &&
      size_mul(size_div_up(tensor->count, tensor->stored->length), tensor->stored->size,
               &tensor->bytes))
    return STATUS_OK;
  return error_set(error, STATUS_INPUT, "the shape is larger than the address space");
}

static enum status place(struct source *source, const struct parts *parts, struct tensor *tensor,
                         struct onnx_values *values, struct error *error)
{
  const struct type *type = &types[parts->type];
  tensor->shape = parts->shape;
  enum status status = set_type(tensor, type, error);
  if (status != STATUS_OK)
    return status;
  if (parts->is_external)
    return place_external(source, parts, tensor, error);
  if (!parts->has_raw) {
    values->field = type->field;
    return place_numbers(source->state, values, tensor, error);
  }
  tensor->data = parts->raw.bytes;
  return check_size(tensor, parts->raw.size, "raw data", error);
}

/* --- into the list --------------------------------------------------------------------- */

/* PATH + NAME, or PATH + USUAL; the caller frees it. */
static enum status make_name(const struct onnx_path *path, struct protobuf_span name,
                             const char *usual, char **out, struct error *error)
{
  struct protobuf_span chosen = {(const unsigned char *)usual, strlen(usual)};
  size_t length = strlen(path->text);
  if (name.size > 0)
    chosen = name;
  if (chosen.size > NAME_MOST)
    return error_set(error, STATUS_INPUT, "a name of %zu bytes; expected at most %d", chosen.size,
                     NAME_MOST);
  if (memchr(chosen.bytes, 0, chosen.size))
    return error_set(error, STATUS_INPUT, "the name of a tensor holds a NUL");
  *out = malloc(length + chosen.size + 1);
  if (!*out)
    return error_memory(error, "a tensor's name");
  memcpy(*out, path->text, length);
  memcpy(*out + length, chosen.bytes, chosen.size);
  (*out)[length + chosen.size] = '\0';
  return STATUS_OK;
}

static enum status append(struct source *source, const struct tensor *tensor,
                          const struct onnx_values *values, struct error *error)
{
  struct onnx *onnx = source->state;
  if (!onnx_grow(&onnx->values, source->count, &onnx->values_capacity, sizeof *values))
    return error_memory(error, "the list of tensors");
  onnx->values[source->count] = *values;
  return source_add(source, tensor, error);
}

enum status onnx_add(struct source *source, const struct onnx_path *path,
                     struct protobuf_span message, struct protobuf_span name, const char *usual,
                     struct error *error)
{
  struct onnx *onnx = source->state;
  struct parts parts = {0};
  struct tensor tensor = {0};
  char *text = NULL;
  enum status damage = read_parts(onnx, message, &parts, error);
  struct error reason = damage == STATUS_OK ? (struct error){0} : *error;
  enum status status = make_name(path, name.size > 0 ? name : parts.name, usual, &text, error);
  if (status != STATUS_OK)
    return status;
  struct onnx_values values = {
      .message = message, .scope = path->scope, .path_length = (unsigned)strlen(path->text)};
  tensor.name = text;
  if (damage != STATUS_OK) {
    *error = reason;
    status = damage;
  } else if (parts.type == TYPE_STRING) {
    onnx->strings++;
  } else if (parts.type >= sizeof types / sizeof *types || !types[parts.type].stored) {
    onnx->unknown++;
  } else {
    status = place(source, &parts, &tensor, &values, error);
    if (status == STATUS_OK)
      status = append(source, &tensor, &values, error);
  }
  if (status == STATUS_INPUT)
    error_prefix(error, "%s: ", SHOWN(text));
  free(text);
  return status;
}

/* Fields of an AttributeProto that are values; their wire types say what they hold. */
enum { VALUE_FLOAT = 2, VALUE_INT = 3, VALUE_FLOATS = 7, VALUE_INTS = 8 };

/* How many numbers the field holds, packed or one by one. */
static enum status count_numbers(struct protobuf in, unsigned number, bool floats, size_t *count)
{
  struct protobuf_field field;
  enum status status;
  *count = 0;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key) {
    if (field.key >> 3 != number)
      continue;
    if ((field.key & 7) != PROTOBUF_BYTES)
      ++*count;
    else if (floats)
      *count += field.span.size / sizeof(float);
    else
      for (size_t i = 0; i < field.span.size; i++)
        *count += field.span.bytes[i] < 128;
  }
  return status;
}

enum status onnx_add_numbers(struct source *source, const struct onnx_path *path,
                             struct protobuf_span attribute, unsigned field,
                             struct protobuf_span name, const char *usual, struct error *error)
{
  struct onnx *onnx = source->state;
  bool floats = field == VALUE_FLOAT || field == VALUE_FLOATS;
  struct onnx_values values = {.message = attribute,
                               .field = field,
                               .scope = path->scope,
                               .path_length = (unsigned)strlen(path->text)};
  struct tensor tensor = {.shape.dims = field >= VALUE_FLOATS};
  char *text;
  enum status status = count_numbers(protobuf_reader(onnx->map->bytes, attribute, error), field,
                                     floats, &tensor.shape.dim[0]);
  if (status == STATUS_OK)
    status = make_name(path, name, usual, &text, error);
  if (status != STATUS_OK)
    return status;
  tensor.name = text;
  status = set_type(&tensor, &types[floats ? 1 : 7], error);
  if (status == STATUS_OK)
    status = append(source, &tensor, &values, error);
  free(text);
  return status;
}

/* --- converting ------------------------------------------------------------------------- */

struct numbers {
  unsigned char *to;
  size_t count, most; /* of numbers; those that are expected */
  unsigned size;      /* of one, in bytes */
  struct error *error;
};

static enum status put(struct numbers *numbers, uint64_t value)
{
  if (numbers->count == numbers->most)
    return error_set(numbers->error, STATUS_INPUT, "more than %zu values", numbers->most);
  for (unsigned i = 0; i < numbers->size; i++)
    numbers->to[numbers->count * numbers->size + i] = (unsigned char)(value >> 8 * i & 255);
  numbers->count++;
  return STATUS_OK;
}

/* A value must fit its type, signed or not. */
static enum status put_varint(struct numbers *numbers, uint64_t value)
{
  unsigned bits = 8 * numbers->size;
  int64_t number = (int64_t)value;
  bool fits = bits == 64 || (number >= -((int64_t)1 << (bits - 1)) && number < (int64_t)1 << bits);
  if (fits)
    return put(numbers, value);
  return error_set(numbers->error, STATUS_INPUT, "value %zu is %jd, which %u bits cannot hold",
                   numbers->count, (intmax_t)number, bits);
}

static enum status put_packed(struct numbers *numbers, struct protobuf_span row, bool fixed)
{
  const unsigned char *at = row.bytes, *end = at + row.size;
  size_t whole = fixed ? size_min(row.size / numbers->size, numbers->most - numbers->count) : 0;
  enum status status = STATUS_OK;
  if (fixed && whole * numbers->size != row.size)
    return error_set(numbers->error, STATUS_INPUT, "%zu bytes of values; expected %zu", row.size,
                     (numbers->most - numbers->count) * numbers->size);
  if (fixed && whole > 0)
    memcpy(numbers->to + numbers->count * numbers->size, at, row.size);
  numbers->count += whole;
  for (uint64_t value; !fixed && at < end && status == STATUS_OK;)
    status =
        protobuf_varint(&at, end, &value)
            ? put_varint(numbers, value)
            : error_set(numbers->error, STATUS_INPUT, "value %zu does not end", numbers->count);
  return status;
}

static enum status put_field(struct numbers *numbers, const struct protobuf_field *field,
                             bool fixed)
{
  unsigned wire = field->key & 7;
  if (wire == PROTOBUF_BYTES)
    return put_packed(numbers, field->span, fixed);
  if (fixed != (wire != PROTOBUF_VARINT))
    return error_set(numbers->error, STATUS_INPUT, "value %zu is of another type", numbers->count);
  return fixed ? put_packed(numbers, field->span, true) : put_varint(numbers, field->value);
}

static enum status convert(const struct onnx *onnx, const struct onnx_values *values, bool fixed,
                           struct numbers *numbers)
{
  struct protobuf in = protobuf_reader(onnx->map->bytes, values->message, numbers->error);
  struct protobuf_field field;
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key)
    if (field.key >> 3 == values->field &&
        (status = put_field(numbers, &field, fixed)) != STATUS_OK)
      return status;
  if (status == STATUS_OK && numbers->count < numbers->most)
    status = error_set(numbers->error, STATUS_INPUT, "%zu values; expected %zu", numbers->count,
                       numbers->most);
  return status;
}

/* Floats and doubles lie in fields of fixed size; one of a complex number is half of it. */
enum status onnx_load(struct source *source, size_t index, struct progress *progress,
                      struct error *error)
{
  struct onnx *onnx = source->state;
  struct onnx_values *values = &onnx->values[index];
  struct tensor *tensor = &source->tensors[index];
  const char *stored = tensor->stored->name;
  bool fixed = strcmp(stored, "f32") == 0 || strcmp(stored, "f64") == 0;
  struct numbers numbers = {
      .size = tensor->stored->size, .most = tensor->bytes / tensor->stored->size, .error = error};
  map_guard();
  if (progress_cancelled(progress))
    return error_set(error, STATUS_CANCELLED, "cancelled");
  if (!(numbers.to = mem_array(tensor->bytes, 1)))
    return error_memory(error, "a tensor's values");
  enum status status = convert(onnx, values, fixed, &numbers);
  if (status != STATUS_OK) {
    free(numbers.to);
    return status;
  }
  tensor->data = values->owned = numbers.to;
  return STATUS_OK;
}
