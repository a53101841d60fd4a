/* The members of a large JSON object, one after the other. Jansson reads each key and each value by
 * itself, so that memory goes with the largest member and not with all of them (a tree of a
 * 100 MB header takes more than a gigabyte).
 *
 * Ownership: key and value belong to the walk; they are gone after the call. Threads: no state. */
#ifndef QSCOPE_DATA_JSON_MEMBERS_H
#define QSCOPE_DATA_JSON_MEMBERS_H

#include "quant/base/status.h"

#include <jansson.h>
#include <stddef.h>

typedef enum status json_member(void *context, const char *key, json_t *value, struct error *error);

/* Calls MEMBER for each member of the object in TEXT, in order, until one fails. Within values,
 * keys occur once; whether keys of the object itself do is for the caller to see. STATUS_INPUT when
 * the text is not valid JSON (what came before has been seen by then), STATUS_MEMORY. */
enum status json_members(const unsigned char *text, size_t size, json_member *member, void *context,
                         struct error *error);

/* The JSON value in TEXT, any kind, without duplicate keys. OFFSET of the text is for messages. */
enum status json_read(const unsigned char *text, size_t size, size_t offset, json_t **out,
                      struct error *error);

#endif
