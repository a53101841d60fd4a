/* PyTorch checkpoints from the inside: storages, which the container holds, and tensors, which a
 * pickle describes as views of them. data/pytorch.c knows the containers, data/pytorch_tree.c the
 * pickle. Inside data/ only.
 *
 * Ownership: the source's state owns everything. Threads: as source.h says. */
#ifndef QSCOPE_DATA_PYTORCH_H
#define QSCOPE_DATA_PYTORCH_H

#include "data/pickle.h"
#include "data/source_types.h"

struct storage {
  const char *key; /* not ended by NUL */
  size_t key_length;
  size_t bytes;
  const unsigned char *data; /* NULL while compressed */
  size_t member;             /* of the zip archive */
  bool owned;                /* DATA was allocated */
};

/* One file. */
struct pytorch {
  const struct map *map;
  struct storage *storage; /* sorted by key */
  size_t storages;
  bool swapped;       /* big-endian */
  const char *folder; /* zip: the members' common folder, "archive/" */
  size_t folder_length;
  struct pytorch *next;
};

/* What lies behind a tensor of the source. */
struct view_of_storage {
  struct pytorch *file;
  size_t storage, offset; /* in bytes */
};

/* The source's state: its files, one unless it is a folder of shards. */
struct checkpoint {
  struct pytorch *files;
  struct view_of_storage *view; /* of each tensor */
  size_t capacity;
  size_t inflated; /* bytes */
};

/* Appends the tensors of the file PATH to SOURCE, which is empty or holds other shards. Messages
 * start with the path. */
enum status pytorch_add(const char *path, struct source *source, struct error *error);

int storage_compare(const void *left, const void *right);

/* Bytes of an element of the storage that a persistent id names, its key and number of elements;
 * for the legacy container. False when NODE is no storage id. */
bool pytorch_storage_id(const struct pickle_node *node, const struct stored **stored,
                        struct storage *storage);

/* Adds every tensor of FILE's tree to SOURCE, named by its path; one without a path is UNNAMED.
 * What is no tensor is skipped; classes that qscope does not know go into the source's note.
 * STATUS_INPUT names the tensor that does not lie in its storage. */
enum status pytorch_walk(struct source *source, struct pytorch *file,
                         const struct pickle_node *root, const char *unnamed, struct error *error);

#endif
