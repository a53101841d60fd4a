#include "config.h"

#include "data/protobuf.h"

#include <string.h>

enum {
  VARINT_MOST = 10, /* bytes */
  FIELDS_MOST = (1 << 29) - 1,
};

struct protobuf protobuf_reader(const unsigned char *file, struct protobuf_span message,
                                struct error *error)
{
  return (struct protobuf){file, message.bytes, message.bytes + message.size, error};
}

bool protobuf_varint(const unsigned char **at, const unsigned char *end, uint64_t *value)
{
  const unsigned char *byte = *at;
  *value = 0;
  for (unsigned i = 0; i < VARINT_MOST && byte < end; i++) {
    uint64_t seven = *byte & 127u;
    if (i == VARINT_MOST - 1 && *byte > 1)
      return false; /* bit 64 and beyond */
    *value |= seven << 7 * i;
    if (*byte++ < 128) {
      *at = byte;
      return true;
    }
  }
  return false;
}

bool protobuf_is(struct protobuf_span span, const char *text)
{
  return span.size == strlen(text) && memcmp(span.bytes, text, span.size) == 0;
}

static enum status damaged(const struct protobuf *in, const unsigned char *place, const char *what)
{
  return error_set(in->error, STATUS_INPUT, "%s at offset %zu", what, (size_t)(place - in->file));
}

static enum status take(struct protobuf *in, struct protobuf_field *field, uint64_t size)
{
  size_t left = (size_t)(in->end - in->at);
  if (size > left)
    return error_set(in->error, STATUS_INPUT,
                     "field %u at offset %zu: %ju bytes, but its message ends after %zu",
                     (unsigned)(field->key >> 3), (size_t)(in->at - in->file), (uintmax_t)size,
                     left);
  field->span = (struct protobuf_span){in->at, (size_t)size};
  in->at += size;
  return STATUS_OK;
}

enum status protobuf_next(struct protobuf *in, struct protobuf_field *field)
{
  const unsigned char *place = in->at;
  uint64_t key = 0, size;
  *field = (struct protobuf_field){0};
  if (in->at == in->end)
    return STATUS_OK;
  if (!protobuf_varint(&in->at, in->end, &key) || key >> 3 == 0 || key >> 3 > FIELDS_MOST)
    return damaged(in, place, "expected a field, found no number of one");
  field->key = (uint32_t)key;
  place = in->at;
  switch (key & 7) {
  case PROTOBUF_VARINT:
    if (!protobuf_varint(&in->at, in->end, &field->value))
      return damaged(in, place, "a number that does not end");
    field->span = (struct protobuf_span){place, (size_t)(in->at - place)};
    return STATUS_OK;
  case PROTOBUF_BYTES:
    if (!protobuf_varint(&in->at, in->end, &size))
      return damaged(in, place, "a length that does not end");
    return take(in, field, size);
  case PROTOBUF_FIXED64:
    return take(in, field, 8);
  case PROTOBUF_FIXED32:
    return take(in, field, 4);
  default:
    return damaged(in, place, "a field of an unknown or withdrawn wire type");
  }
}
