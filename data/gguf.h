/* What the files that read GGUF share: data/gguf_value.c reads numbers, strings and the metadata,
 * data/gguf.c the tensors of one file, data/gguf_split.c models of one file and of many.
 *
 * Ownership: a reader borrows the bytes of a map. Threads: as source.h says. */
#ifndef QSCOPE_DATA_GGUF_H
#define QSCOPE_DATA_GGUF_H

#include "data/source_types.h"

#define GGUF_SUFFIX ".gguf"

struct gguf_reader {
  const unsigned char *bytes;
  size_t size, at; /* at <= size */
  bool big;        /* big-endian */
  struct error *error;
};

/* Metadata that a reader acts upon. */
enum gguf_fact {
  GGUF_ALIGNMENT,
  GGUF_SPLIT_NUMBER, /* of this part, from 0 */
  GGUF_SPLIT_COUNT,
  GGUF_SPLIT_TENSORS, /* of all parts together */
  GGUF_FACTS
};
struct gguf_facts {
  bool given[GGUF_FACTS];
  size_t value[GGUF_FACTS];
};

/* Bytes that follow; STATUS_INPUT when there are fewer than BYTES of them. */
size_t gguf_left(const struct gguf_reader *in);
enum status gguf_need(const struct gguf_reader *in, size_t bytes, const char *what);

/* An unsigned number of SIZE bytes. */
enum status gguf_word(struct gguf_reader *in, unsigned size, const char *what, uint64_t *out);

/* A number of things of at least LEAST bytes each, which must still fit into the file. */
enum status gguf_count(struct gguf_reader *in, size_t least, const char *what, size_t *out);

/* A string, borrowed from the file: not ended by a NUL. */
enum status gguf_string(struct gguf_reader *in, const char *what, const unsigned char **text,
                        size_t *length);

/* One key and its value: a fact, where it is one, and told to SOURCE (NULL: to nobody). */
enum status gguf_entry(struct gguf_reader *in, struct gguf_facts *facts, struct source *source);

/* Appends the tensors of the file PATH, whose names are not compared with those of others, and
 * tells its metadata if TOLD. Messages start with the path. */
enum status gguf_add(const char *path, bool told, struct gguf_facts *facts, struct source *source,
                     struct error *error);

/* Are FILE and OTHER called like parts of one model? */
bool gguf_same_model(const char *file, const char *other);

/* The facts of PATH alone. */
enum status gguf_peek(const char *path, struct gguf_facts *facts, struct error *error);

#endif
