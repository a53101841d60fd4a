/* What data/safetensors.c (one file) and data/shards.c (many) share.
 *
 * Ownership: the source owns what is added to it; the caller owns the JSON. Threads: as source.h
 * says. */
#ifndef QSCOPE_DATA_SAFETENSORS_H
#define QSCOPE_DATA_SAFETENSORS_H

#include "data/source_types.h"

#include <jansson.h>

#define INDEX_SUFFIX ".safetensors.index.json"
#define SHARD_SUFFIX ".safetensors"

/* Appends the tensors of the file PATH, in order of place. Messages start with the path. */
enum status safetensors_add(const char *path, struct source *source, struct error *error);

/* The JSON object or array in TEXT, without duplicate keys. */
enum status safetensors_json(const unsigned char *text, size_t size, json_t **out,
                             struct error *error);

/* All tensors of the index PATH; of the folder PATH (of its index, if there is one). */
enum status shards_open_index(const char *path, struct source *source, struct error *error);
enum status shards_open_folder(const char *path, struct source *source, struct error *error);

#endif
