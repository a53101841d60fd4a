/* ONNX from the inside: data/onnx.c walks the model's graphs, data/onnx_tensor.c finds and reads
 * the values of a tensor, data/onnx_scale.c ties scales and zero points to what they belong to.
 * Inside data/ only.
 *
 * Ownership: the source's state owns everything. Threads: as source.h says. */
#ifndef QSCOPE_DATA_ONNX_H
#define QSCOPE_DATA_ONNX_H

#include "data/protobuf.h"
#include "data/source_types.h"

enum { ONNX_PATH_MOST = 240 }; /* bytes of a subgraph's name, with its NUL */

/* Where a tensor's values are. */
struct onnx_values {
  struct protobuf_span message; /* a TensorProto, or the attribute that is the value itself */
  unsigned field;               /* of the message: the numbers to convert; 0: read in place */
  unsigned scope;               /* the graph that it is in */
  unsigned path_length;         /* of the tensor's name: what names the graph */
  unsigned char *owned;         /* converted numbers, or NULL */
  char *remark;                 /* or NULL */
};

/* A graph's name, in front of those of its tensors. */
struct onnx_path {
  unsigned scope;
  unsigned depth;
  char text[ONNX_PATH_MOST]; /* "", or ended by a slash */
};

/* A node that quantizes: the names of its input, scale and zero point (size 0 where there is
 * none), and the axis along which scales differ. */
struct onnx_tie {
  struct protobuf_span value, scale, zero;
  unsigned scope;
  int axis;
};

struct onnx {
  const struct map *map;
  struct onnx_values *values; /* of each tensor */
  size_t values_capacity;
  unsigned *parent; /* of each graph: the graph around it; graph 0 is its own */
  size_t scopes, scopes_capacity;
  struct onnx_tie *ties;
  size_t ties_count, ties_capacity;
  size_t sparse, strings, unknown; /* tensors that were skipped */
  struct protobuf_span location;   /* of external data, as last seen, and its map */
  const struct map *external;
};

/* Makes room for one more of COUNT elements of SIZE bytes in *ARRAY. */
bool onnx_grow(void *array, size_t count, size_t *capacity, size_t size);

/* Adds the tensor of message TENSOR to SOURCE, called PATH + NAME; its own name where NAME is
 * empty, USUAL where it has none. Tensors of text and of unknown types are counted and skipped. */
enum status onnx_add(struct source *source, const struct onnx_path *path,
                     struct protobuf_span tensor, struct protobuf_span name, const char *usual,
                     struct error *error);

/* Adds numbers that are field FIELD of ATTRIBUTE itself: a scalar, or a row. */
enum status onnx_add_numbers(struct source *source, const struct onnx_path *path,
                             struct protobuf_span attribute, unsigned field,
                             struct protobuf_span name, const char *usual, struct error *error);

/* Converts the numbers of tensor INDEX, as source_load. */
enum status onnx_load(struct source *source, size_t index, struct progress *progress,
                      struct error *error);

/* Remembers NODE of type TYPE when it quantizes or dequantizes. */
enum status onnx_tie(struct onnx *onnx, const struct onnx_path *path, struct protobuf_span node,
                     struct protobuf_span type, struct error *error);

/* Gives the tensors of all ties their remarks; call before names are made unique. */
enum status onnx_apply_ties(struct source *source, struct error *error);

/* The file at LOCATION, in the folder that the model is in, mapped. STATUS_INPUT when it is
 * elsewhere, whatever links lead there. */
enum status onnx_external(struct source *source, struct protobuf_span location,
                          const struct map **out, struct error *error);

#endif
