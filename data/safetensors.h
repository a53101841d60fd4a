/* What data/safetensors.c (one file) and data/shards.c (many, of PyTorch too) share.
 *
 * Ownership: the source owns what is added to it; the caller owns the JSON. Threads: as source.h
 * says. */
#ifndef QSCOPE_DATA_SAFETENSORS_H
#define QSCOPE_DATA_SAFETENSORS_H

#include "data/source_types.h"

#include <jansson.h>

#define INDEX_SUFFIX ".index.json"
#define SHARD_SUFFIX ".safetensors"

/* Appends the tensors of the file PATH, in order of place. Messages start with the path. */
enum status safetensors_add(const char *path, struct source *source, struct error *error);

/* The JSON object or array in TEXT, without duplicate keys. */
enum status safetensors_json(const unsigned char *text, size_t size, json_t **out,
                             struct error *error);

/* All tensors of the index PATH ("model.safetensors.index.json", "pytorch_model.bin.index.json");
 * of the folder PATH (of its index, if there is one), where safetensors go before PyTorch's;
 * *found: there are such files. */
enum status shards_open_index(const char *path, struct source *source, struct error *error);
enum status shards_open_folder(const char *path, struct source *source, bool *found,
                               struct error *error);

/* Where PATH is a model's folder in the cache of Hugging Face (refs/main names a folder of
 * snapshots/), that snapshot; else PATH. In the SIZE bytes of TEXT, or PATH itself. */
const char *shards_snapshot(const char *path, char *text, size_t size);

#endif
