/* Scales and zero points of an ONNX model, tied to what they belong to: by the nodes that quantize,
 * whose inputs name them. */
#include "config.h"

#include "data/onnx.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS = 8 };

/* Which inputs of a node are a value, its scale and its zero point; the usual axis of scales. */
static const struct operation {
  const char *type;
  unsigned value, scale, zero;
  int axis;
} operations[] = {
    {"QuantizeLinear", 0, 1, 2, 1}, {"DequantizeLinear", 0, 1, 2, 1},
    {"QLinearConv", 0, 1, 2, 1},    {"QLinearConv", 3, 4, 5, 0},
    {"QLinearMatMul", 0, 1, 2, -2}, {"QLinearMatMul", 3, 4, 5, -1},
};

/* An attribute called axis: its number. */
static enum status read_axis(struct protobuf in, int *axis)
{
  struct protobuf_field field;
  struct protobuf_span name = {0};
  int64_t number = 0;
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key)
    if (field.key == PROTOBUF_KEY(1, PROTOBUF_BYTES))
      name = field.span;
    else if (field.key == PROTOBUF_KEY(3, PROTOBUF_VARINT))
      number = (int64_t)field.value;
  if (protobuf_is(name, "axis") && number >= -SHAPE_MAX_DIMS && number < SHAPE_MAX_DIMS)
    *axis = (int)number;
  return status;
}

static enum status read_inputs(struct protobuf in, struct protobuf_span inputs[INPUTS], int *axis)
{
  struct protobuf_field field;
  size_t count = 0;
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key) {
    if (field.key == PROTOBUF_KEY(1, PROTOBUF_BYTES) && count < INPUTS)
      inputs[count++] = field.span;
    else if (field.key == PROTOBUF_KEY(5, PROTOBUF_BYTES))
      status = read_axis(protobuf_reader(in.file, field.span, in.error), axis);
    if (status != STATUS_OK)
      return status;
  }
  return status;
}

enum status onnx_tie(struct onnx *onnx, const struct onnx_path *path, struct protobuf_span node,
                     struct protobuf_span type, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < sizeof operations / sizeof *operations && status == STATUS_OK; i++) {
    const struct operation *operation = &operations[i];
    struct protobuf_span inputs[INPUTS] = {0};
    int axis = operation->axis;
    if (!protobuf_is(type, operation->type))
      continue;
    status = read_inputs(protobuf_reader(onnx->map->bytes, node, error), inputs, &axis);
    if (!onnx_grow(&onnx->ties, onnx->ties_count, &onnx->ties_capacity, sizeof *onnx->ties))
      return error_memory(error, "the list of scales");
    onnx->ties[onnx->ties_count++] = (struct onnx_tie){.value = inputs[operation->value],
                                                       .scale = inputs[operation->scale],
                                                       .zero = inputs[operation->zero],
                                                       .scope = path->scope,
                                                       .axis = axis};
  }
  return status;
}

/* --- names to tensors ---------------------------------------------------------------- */

/* A tensor's own name, and the graph that it is in. */
struct label {
  unsigned scope;
  const char *name;
  size_t length, index;
};

static int compare_labels(const void *left, const void *right)
{
  const struct label *a = left, *b = right;
  if (a->scope != b->scope)
    return a->scope < b->scope ? -1 : 1;
  if (a->length != b->length)
    return a->length < b->length ? -1 : 1;
  return a->length ? memcmp(a->name, b->name, a->length) : 0;
}

struct labels {
  struct source *source;
  struct label *label;
};

/* The tensor called NAME in graph SCOPE or in one around it; SIZE_MAX when there is none. */
static size_t find(const struct labels *labels, unsigned scope, struct protobuf_span name)
{
  const struct onnx *onnx = labels->source->state;
  for (; name.size > 0; scope = onnx->parent[scope]) {
    struct label wanted = {scope, (const char *)name.bytes, name.size, 0};
    const struct label *found =
        bsearch(&wanted, labels->label, labels->source->count, sizeof wanted, compare_labels);
    if (found)
      return found->index;
    if (scope == 0)
      break;
  }
  return SIZE_MAX;
}

/* The value of tensor INDEX if it is a single one. */
static bool single(const struct labels *labels, size_t index, double *out)
{
  float value;
  const struct tensor *tensor = &labels->source->tensors[index];
  if (tensor->count != 1 || source_load(labels->source, index, NULL, NULL) != STATUS_OK)
    return false;
  struct feed feed = tensor_feed(tensor);
  *out = (double)*feed_block(&feed, 0, 1, &value);
  return true;
}

/* --- remarks ------------------------------------------------------------------------- */

/* The first remark of a tensor stays. */
static bool remark(const struct labels *labels, size_t index, const char *text)
{
  struct onnx *onnx = labels->source->state;
  if (index == SIZE_MAX || onnx->values[index].remark)
    return true;
  onnx->values[index].remark = strdup(text);
  return onnx->values[index].remark;
}

static const char *shown(struct protobuf_span name, char text[SHOWN_SIZE])
{
  char cut[100];
  snprintf(cut, sizeof cut, "%.*s", (int)size_min(name.size, sizeof cut - 1),
           name.size ? (const char *)name.bytes : "");
  return text_escape(cut, text, SHOWN_SIZE);
}

static void describe_rows(const struct labels *labels, const struct onnx_tie *tie, size_t scale,
                          char *text, size_t size)
{
  const struct tensor *scales = &labels->source->tensors[scale];
  char name[SHOWN_SIZE];
  if (scales->shape.dims > 1)
    snprintf(text, size, "quantized in blocks: (code - zero point) * scale, %zu scales in %s",
             scales->count, shown(tie->scale, name));
  else
    snprintf(text, size,
             "quantized per channel of axis %d: (code - zero point) * scale, %zu scales in %s",
             tie->axis, scales->count, shown(tie->scale, name));
}

/* "quantized: (code - 128) * 0.05", or where the scales are. */
static void describe(const struct labels *labels, const struct onnx_tie *tie, size_t scale,
                     char *text, size_t size)
{
  double factor, offset = 0;
  size_t zero = find(labels, tie->scope, tie->zero);
  bool offset_known = tie->zero.size == 0 || (zero != SIZE_MAX && single(labels, zero, &offset));
  char name[SHOWN_SIZE];
  if (scale == SIZE_MAX)
    snprintf(text, size, "quantized: its scale %s is computed by the model",
             shown(tie->scale, name));
  else if (labels->source->tensors[scale].count != 1)
    describe_rows(labels, tie, scale, text, size);
  else if (single(labels, scale, &factor) && offset_known)
    snprintf(text, size, "quantized: (code - %g) * %.7g", offset, factor);
  else
    snprintf(text, size, "quantized: (code - zero point) * scale, which is %s",
             shown(tie->scale, name));
}

static bool apply(const struct labels *labels, const struct onnx_tie *tie)
{
  char text[2 * SHOWN_SIZE], name[SHOWN_SIZE];
  size_t value = find(labels, tie->scope, tie->value), scale = find(labels, tie->scope, tie->scale);
  bool good = true;
  if (value != SIZE_MAX) {
    describe(labels, tie, scale, text, sizeof text);
    good = remark(labels, value, text);
  }
  snprintf(text, sizeof text, "scale of %s", shown(tie->value, name));
  good = good && remark(labels, scale, text);
  snprintf(text, sizeof text, "zero point of %s", shown(tie->value, name));
  return good && remark(labels, find(labels, tie->scope, tie->zero), text);
}

enum status onnx_apply_ties(struct source *source, struct error *error)
{
  struct onnx *onnx = source->state;
  if (onnx->ties_count == 0 || source->count == 0)
    return STATUS_OK;
  struct labels labels = {source, mem_array(source->count, sizeof *labels.label)};
  bool good = labels.label;
  for (size_t i = 0; good && i < source->count; i++) {
    const char *name = source->tensors[i].name + onnx->values[i].path_length;
    labels.label[i] = (struct label){onnx->values[i].scope, name, strlen(name), i};
  }
  if (good)
    qsort(labels.label, source->count, sizeof *labels.label, compare_labels);
  for (size_t i = 0; i < onnx->ties_count && good; i++)
    good = apply(&labels, &onnx->ties[i]);
  free(labels.label);
  return good ? STATUS_OK : error_memory(error, "the remarks about scales");
}
