/* The members of a large JSON object, one after the other. Jansson reads each key and each value by
 * itself, so that memory goes with the largest member and not with all of them (a tree of a
 * 100 MB header takes more than a gigabyte).
 *
 * Ownership: the key belongs to the walk, the text of the value to whoever gave it all; both are
 * gone after the call. Threads: no state. */
#ifndef QSCOPE_DATA_JSON_MEMBERS_H
#define QSCOPE_DATA_JSON_MEMBERS_H

#include "quant/base/status.h"

#include <jansson.h>
#include <stddef.h>

/* What may be a value: brackets and strings end, no more is known before it is read. */
struct json_text {
  const unsigned char *text;
  size_t size;
  size_t offset; /* in the whole, for messages */
};

/* Reads VALUE: with json_read, unless it is certain to be what that would accept. */
typedef enum status json_member(void *context, const char *key, const struct json_text *value,
                                struct error *error);

/* Calls MEMBER for each member of the object in TEXT, in order, until one fails. Whether keys of
 * the object occur once is for the caller to see. STATUS_INPUT when the text is not valid JSON
 * (what came before has been seen by then), STATUS_MEMORY. */
enum status json_members(const unsigned char *text, size_t size, json_member *member, void *context,
                         struct error *error);

/* The JSON value in VALUE, any kind, without duplicate keys. */
enum status json_read(const struct json_text *value, json_t **out, struct error *error);

#endif
