/* Pickle, read without running it: the stream of Python's pickle module (protocols 0 to 5) as a
 * tree of values. Nothing is imported, called or built: what a pickle would call is a PICKLE_CALL
 * with the name of the function and its arguments, and it is the reader's business to know the
 * name.
 *
 * Nodes may be shared (the memo), and a hostile stream may make a list that contains itself:
 * whoever walks the tree bounds depth and steps. Memory is in proportion to the stream, at most
 * PICKLE_NODES nodes. Ownership: a pickle owns its nodes; texts are borrowed from the stream, which
 * must outlive it. Threads: immutable once read. */
#ifndef QSCOPE_DATA_PICKLE_H
#define QSCOPE_DATA_PICKLE_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PICKLE_NODES = 1 << 24 };

enum pickle_kind {
  PICKLE_NONE,
  PICKLE_BOOL,       /* integer: 0 or 1 */
  PICKLE_INT,        /* integer */
  PICKLE_LONG,       /* text: a number beyond 64 bits, little-endian two's complement */
  PICKLE_FLOAT,      /* real */
  PICKLE_TEXT,       /* text: str or bytes, not ended by NUL */
  PICKLE_TUPLE,      /* item, count */
  PICKLE_LIST,       /* item, count; sets too */
  PICKLE_DICT,       /* item: key, value, key, value ...; count of both */
  PICKLE_GLOBAL,     /* item: the texts of module and name */
  PICKLE_CALL,       /* item: the four of enum pickle_part */
  PICKLE_PERSISTENT, /* item[0]: the persistent id */
};

/* item[] of a call; all but the first may be NULL. */
enum pickle_part {
  PICKLE_CALLEE,
  PICKLE_ARGUMENTS, /* a tuple */
  PICKLE_STATE,     /* what __setstate__ would get */
  PICKLE_CONTENTS,  /* a list or dict of what was put in afterwards */
  PICKLE_PARTS
};

struct pickle_node {
  enum pickle_kind kind;
  uint32_t capacity; /* of item */
  union {
    int64_t integer;
    double real;
    struct {
      const char *text;
      size_t length;
    };
    struct {
      struct pickle_node **item;
      size_t count;
    };
  };
};

struct pickle;

/* Reads one pickle from the beginning of BYTES; *used (may be NULL) is its length. STATUS_INPUT
 * with the offset and the opcode at fault, STATUS_MEMORY. */
enum status pickle_read(const unsigned char *bytes, size_t size, size_t *used, struct pickle **out,
                        struct error *error);
void pickle_free(struct pickle *pickle);

const struct pickle_node *pickle_root(const struct pickle *pickle);

/* All nodes, in no order: the one after NODE (NULL: the first), NULL at the end. */
const struct pickle_node *pickle_next(const struct pickle *pickle, const struct pickle_node *node);

/* True when NODE is the text TEXT; the global NAME ("torch FloatStorage"); a call of it. */
bool pickle_is_text(const struct pickle_node *node, const char *text);
bool pickle_is_global(const struct pickle_node *node, const char *name);
bool pickle_calls(const struct pickle_node *node, const char *name);

/* Item I of a tuple or list, NULL when there is none. */
const struct pickle_node *pickle_item(const struct pickle_node *node, size_t i);

/* A whole number from 0 on. */
bool pickle_size(const struct pickle_node *node, size_t *out);

#endif
