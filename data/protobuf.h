/* The wire format of Protocol Buffers, read where it lies: a message is a row of fields, each a
 * number, a wire type and a value. Nothing is copied or allocated, so that a tensor of gigabytes
 * costs nothing to step over.
 *
 * Ownership: fields borrow the bytes of the message. Threads: each reader belongs to its caller. */
#ifndef QSCOPE_DATA_PROTOBUF_H
#define QSCOPE_DATA_PROTOBUF_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protobuf_wire {
  PROTOBUF_VARINT = 0,
  PROTOBUF_FIXED64 = 1,
  PROTOBUF_BYTES = 2, /* text, bytes, a message, or packed numbers */
  PROTOBUF_FIXED32 = 5,
};

/* A field's number and wire type as one number, for comparisons and case labels. */
#define PROTOBUF_KEY(number, wire) ((uint32_t)(number) << 3 | (uint32_t)(wire))

struct protobuf_span {
  const unsigned char *bytes;
  size_t size;
};

struct protobuf_field {
  uint32_t key;              /* PROTOBUF_KEY; 0 behind the last field */
  uint64_t value;            /* of a varint */
  struct protobuf_span span; /* the value's bytes, of whatever wire type */
};

struct protobuf {
  const unsigned char *file; /* where offsets in messages count from */
  const unsigned char *at, *end;
  struct error *error;
};

struct protobuf protobuf_reader(const unsigned char *file, struct protobuf_span message,
                                struct error *error);

/* The next field. STATUS_INPUT, with its offset in the file: a field that does not end inside the
 * message, a number of more than 64 bits, a group or an unknown wire type, a field number of 0. */
enum status protobuf_next(struct protobuf *in, struct protobuf_field *field);

/* The next number of a packed row of varints; false at its end and where it is damaged. */
bool protobuf_varint(const unsigned char **at, const unsigned char *end, uint64_t *value);

/* True when SPAN holds exactly TEXT. */
bool protobuf_is(struct protobuf_span span, const char *text);

#endif
