/* ONNX models: a protocol buffer of graphs. Tensors are initializers, the values of Constant
 * nodes, and tensors among the attributes of other nodes, also in the graphs inside If, Loop and
 * Scan, in local functions and in the graphs for training. Those inside are named by the way to
 * them: "If_0/then_branch/weight". A name that occurs again gets its number behind it: "x#2".
 *
 * Stricter than the format: external data lies in the folder of the model; names hold no NUL. */
#include "config.h"

#include "data/onnx.h"
#include "quant/base/size.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  DEPTH_MOST = 64,        /* graphs inside graphs */
  PRODUCER_MOST = 256,    /* bytes of each text in front of the graph, when tasting */
  IR_VERSION_MOST = 1000, /* 13 is the last of 2025 */
  USUAL_MOST = 200,
};

#define BYTES(number)  PROTOBUF_KEY(number, PROTOBUF_BYTES)
#define VARINT(number) PROTOBUF_KEY(number, PROTOBUF_VARINT)

/* Fields of a ModelProto. */
enum { GRAPH = 7, OPSET = 8, ENTRY = 14, TRAINING = 20, FUNCTION = 25 };

/* A model begins with its version, and then has fields of a model only: texts are short. */
static bool tastes_of_model(const unsigned char *head, size_t length)
{
  const unsigned char *at = head, *end = head + length;
  uint64_t key, value;
  size_t fields = 0;
  for (; protobuf_varint(&at, end, &key) && protobuf_varint(&at, end, &value); fields++) {
    bool version = key == VARINT(1) && fields == 0 && value > 0 && value <= IR_VERSION_MOST;
    bool text = fields > 0 && key >= BYTES(2) && key <= BYTES(6) && (key & 7) == PROTOBUF_BYTES &&
                value <= PRODUCER_MOST;
    bool opset = fields > 0 && (key == BYTES(8) || key == BYTES(14)) && value <= PRODUCER_MOST;
    if (fields > 0 && (key == BYTES(GRAPH) || key == BYTES(TRAINING) || key == BYTES(FUNCTION)))
      return value > 0;
    if (!version && !text && !opset && !(fields > 0 && key == VARINT(5)))
      return false;
    if (version || key == VARINT(5))
      continue;
    if (value >= (size_t)(end - at))
      return value > (size_t)(end - at) || fields > 1;
    at += value;
  }
  return fields > 1;
}

bool onnx_tastes(const char *spec, const unsigned char *head, size_t length)
{
  return length > 0 ? tastes_of_model(head, length) : text_ends(spec, ".onnx");
}

/* --- names of graphs ------------------------------------------------------------------- */

static enum status add_scope(struct onnx *onnx, unsigned parent, unsigned *scope,
                             struct error *error)
{
  if (onnx->scopes == UINT_MAX ||
      !onnx_grow(&onnx->parent, onnx->scopes, &onnx->scopes_capacity, sizeof *onnx->parent))
    return error_memory(error, "the list of graphs");
  onnx->parent[onnx->scopes] = parent;
  *scope = (unsigned)onnx->scopes++;
  return STATUS_OK;
}

/* OUTER and then STEP; "graph_N" where that would be too long. */
static enum status enter(struct onnx *onnx, const struct onnx_path *outer, const char *step,
                         struct onnx_path *path, struct error *error)
{
  if (outer->depth == DEPTH_MOST)
    return error_set(error, STATUS_INPUT, "graphs nest deeper than %d", DEPTH_MOST);
  path->depth = outer->depth + 1;
  enum status status = add_scope(onnx, outer->scope, &path->scope, error);
  int length = snprintf(path->text, sizeof path->text, "%s%s/", outer->text, step);
  if (length < 0 || (size_t)length >= sizeof path->text)
    snprintf(path->text, sizeof path->text, "graph_%u/", path->scope);
  return status;
}

/* --- nodes ------------------------------------------------------------------------------- */

/* What of a node is needed; attributes are walked again. */
struct node {
  struct protobuf_span message, type, name, output;
  bool has_output;
  size_t index;
};

/* Its name, or its type and number, into TEXT; texts that C cannot have count as none. */
static void node_name(const struct node *node, char text[USUAL_MOST])
{
  if (node->name.size > 0 && node->name.size < USUAL_MOST &&
      !memchr(node->name.bytes, 0, node->name.size))
    snprintf(text, USUAL_MOST, "%.*s", (int)node->name.size, (const char *)node->name.bytes);
  else
    snprintf(text, USUAL_MOST, "%.*s_%zu", (int)size_min(node->type.size, 64),
             node->type.size ? (const char *)node->type.bytes : "", node->index);
}

static enum status walk_graph(struct source *source, const struct onnx_path *path,
                              struct protobuf_span graph, struct error *error);

struct attribute {
  struct protobuf_span message, name;
  size_t items; /* tensors and graphs that it has had */
};

/* "node/attribute", with a number when the attribute is a list. */
static void attribute_name(const struct node *node, const struct attribute *attribute,
                           char text[2 * USUAL_MOST])
{
  char owner[USUAL_MOST];
  node_name(node, owner);
  int shown = (int)size_min(attribute->name.size, 100);
  const char *name = attribute->name.size ? (const char *)attribute->name.bytes : "";
  if (attribute->items > 0)
    snprintf(text, 2 * (size_t)USUAL_MOST, "%s/%.*s_%zu", owner, shown, name, attribute->items);
  else
    snprintf(text, 2 * (size_t)USUAL_MOST, "%s/%.*s", owner, shown, name);
}

/* A Constant's value is called as its output is, any other tensor as its node and attribute. */
static enum status add_tensor(struct source *source, const struct onnx_path *path,
                              const struct node *node, const struct attribute *attribute,
                              struct protobuf_span tensor, struct error *error)
{
  char usual[2 * USUAL_MOST];
  attribute_name(node, attribute, usual);
  bool constant = protobuf_is(node->type, "Constant");
  return onnx_add(source, path, tensor, constant ? node->output : (struct protobuf_span){0}, usual,
                  error);
}

static enum status enter_graph(struct source *source, const struct onnx_path *outer,
                               const struct node *node, const struct attribute *attribute,
                               struct protobuf_span graph, struct error *error)
{
  char step[2 * USUAL_MOST];
  struct onnx_path path;
  attribute_name(node, attribute, step);
  enum status status = enter(source->state, outer, step, &path, error);
  return status == STATUS_OK ? walk_graph(source, &path, graph, error) : status;
}

/* The numbers of a Constant that has no tensor: value_float, value_int, value_floats, value_ints.
 */
static enum status add_numbers(struct source *source, const struct onnx_path *path,
                               const struct node *node, const struct attribute *attribute,
                               struct error *error)
{
  static const struct {
    const char *name;
    unsigned field;
  } kinds[] = {{"value_float", 2}, {"value_int", 3}, {"value_floats", 7}, {"value_ints", 8}};
  char usual[2 * USUAL_MOST];
  struct onnx *onnx = source->state;
  attribute_name(node, attribute, usual);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (protobuf_is(attribute->name, kinds[i].name))
      return onnx_add_numbers(source, path, attribute->message, kinds[i].field, node->output, usual,
                              error);
  onnx->strings +=
      protobuf_is(attribute->name, "value_string") || protobuf_is(attribute->name, "value_strings");
  return STATUS_OK;
}

static enum status find_name(struct protobuf in, struct attribute *attribute)
{
  struct protobuf_field field;
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key)
    if (field.key == BYTES(1))
      attribute->name = field.span;
  return status;
}

static enum status walk_attribute(struct source *source, const struct onnx_path *path,
                                  const struct node *node, struct protobuf_span message,
                                  struct error *error)
{
  struct onnx *onnx = source->state;
  struct attribute attribute = {.message = message};
  struct protobuf in = protobuf_reader(onnx->map->bytes, message, error);
  struct protobuf_field field;
  enum status status = find_name(in, &attribute);
  if (status == STATUS_OK && protobuf_is(node->type, "Constant"))
    status = add_numbers(source, path, node, &attribute, error);
  while (status == STATUS_OK && (status = protobuf_next(&in, &field)) == STATUS_OK && field.key) {
    bool tensor = field.key == BYTES(5) || field.key == BYTES(10);
    bool graph = field.key == BYTES(6) || field.key == BYTES(11);
    onnx->sparse += field.key == BYTES(22) || field.key == BYTES(23);
    if (tensor)
      status = add_tensor(source, path, node, &attribute, field.span, error);
    else if (graph)
      status = enter_graph(source, path, node, &attribute, field.span, error);
    attribute.items += tensor || graph;
  }
  return status;
}

static enum status read_node(struct protobuf in, struct node *node)
{
  struct protobuf_field field;
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key)
    if (field.key == BYTES(2) && !node->has_output) {
      node->output = field.span;
      node->has_output = true;
    } else if (field.key == BYTES(3)) {
      node->name = field.span;
    } else if (field.key == BYTES(4)) {
      node->type = field.span;
    }
  return status;
}

static enum status walk_node(struct source *source, const struct onnx_path *path, struct node *node,
                             struct error *error)
{
  struct onnx *onnx = source->state;
  struct protobuf in = protobuf_reader(onnx->map->bytes, node->message, error);
  struct protobuf_field field;
  enum status status = read_node(in, node);
  if (status == STATUS_OK)
    status = onnx_tie(onnx, path, node->message, node->type, error);
  while (status == STATUS_OK && (status = protobuf_next(&in, &field)) == STATUS_OK && field.key)
    if (field.key == BYTES(5))
      status = walk_attribute(source, path, node, field.span, error);
  return status;
}

/* --- graphs, functions, the model ---------------------------------------------------------- */

/* The fields of something that holds nodes. */
struct holder {
  unsigned node, initializer, sparse;
};
static const struct holder graph_fields = {1, 5, 15}, function_fields = {7, 0, 0};

static enum status walk_nodes(struct source *source, const struct onnx_path *path,
                              const struct holder *holder, struct protobuf_span message,
                              struct error *error)
{
  static const struct protobuf_span none;
  struct onnx *onnx = source->state;
  struct protobuf in = protobuf_reader(onnx->map->bytes, message, error);
  struct protobuf_field field;
  size_t nodes = 0;
  char usual[32];
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key) {
    if (field.key == BYTES(holder->node)) {
      struct node node = {.message = field.span, .index = nodes++};
      status = walk_node(source, path, &node, error);
    } else if (holder->initializer && field.key == BYTES(holder->initializer)) {
      snprintf(usual, sizeof usual, "tensor_%zu", source->count);
      status = onnx_add(source, path, field.span, none, usual, error);
    } else if (holder->sparse) {
      onnx->sparse += field.key == BYTES(holder->sparse);
    }
    if (status != STATUS_OK)
      return status;
  }
  return status;
}

static enum status walk_graph(struct source *source, const struct onnx_path *path,
                              struct protobuf_span graph, struct error *error)
{
  return walk_nodes(source, path, &graph_fields, graph, error);
}

static enum status walk_function(struct source *source, const struct onnx_path *outer,
                                 struct protobuf_span function, struct error *error)
{
  struct onnx *onnx = source->state;
  struct onnx_path path;
  struct attribute named = {0}; /* its name is field 1, as an attribute's is */
  char step[USUAL_MOST];
  enum status status = find_name(protobuf_reader(onnx->map->bytes, function, error), &named);
  if (status != STATUS_OK)
    return status;
  node_name(&(struct node){.type = {(const unsigned char *)"function", 8},
                           .name = named.name,
                           .index = onnx->scopes},
            step);
  status = enter(onnx, outer, step, &path, error);
  return status == STATUS_OK ? walk_nodes(source, &path, &function_fields, function, error)
                             : status;
}

/* A TrainingInfoProto: the graphs "initialization" and "algorithm". */
static enum status walk_training(struct source *source, const struct onnx_path *outer,
                                 struct protobuf_span training, struct error *error)
{
  struct onnx *onnx = source->state;
  struct protobuf in = protobuf_reader(onnx->map->bytes, training, error);
  struct protobuf_field field;
  struct onnx_path path;
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key) {
    if (field.key != BYTES(1) && field.key != BYTES(2))
      continue;
    const char *step = field.key == BYTES(1) ? "training/initialization" : "training/algorithm";
    status = enter(onnx, outer, step, &path, error);
    if (status == STATUS_OK)
      status = walk_graph(source, &path, field.span, error);
    if (status != STATUS_OK)
      return status;
  }
  return status;
}

/* --- what the model says about itself -------------------------------------------------------- */

/* Its two texts or numbers: of an OperatorSetId (domain, version), of an entry (key, value). */
static enum status tell_pair(struct source *source, struct protobuf_field pair, struct error *error)
{
  const struct onnx *onnx = source->state;
  struct protobuf in = protobuf_reader(onnx->map->bytes, pair.span, error);
  struct protobuf_field field;
  struct brief key = {.used = 0}, value = {.used = 0};
  bool opset = pair.key == BYTES(OPSET);
  enum status status;
  while ((status = protobuf_next(&in, &field)) == STATUS_OK && field.key) {
    if (field.key == BYTES(1))
      brief_quote(&key, field.span.bytes, field.span.size, BRIEF_TEXT / 2);
    else if (field.key == BYTES(2))
      brief_quote(&value, field.span.bytes, field.span.size, BRIEF_TEXT);
    else if (opset && field.key == VARINT(2))
      brief_print(&value, "%ju", (uintmax_t)field.value);
  }
  if (status != STATUS_OK)
    return status;
  if (!opset)
    return source_tell(source, key.text, value.text, error);
  struct brief name = {.used = 0};
  brief_print(&name, "opset %s", key.used ? key.text : "ai.onnx");
  return source_tell(source, name.text, value.text, error);
}

static enum status tell_field(struct source *source, struct protobuf_field field,
                              struct error *error)
{
  static const struct {
    uint32_t key;
    const char *name;
  } known[] = {{VARINT(1), "ir_version"},      {BYTES(2), "producer_name"},
               {BYTES(3), "producer_version"}, {BYTES(4), "domain"},
               {VARINT(5), "model_version"},   {BYTES(6), "doc_string"}};
  struct brief value = {.used = 0};
  if (field.key == BYTES(OPSET) || field.key == BYTES(ENTRY))
    return tell_pair(source, field, error);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].key == field.key) {
      if ((field.key & 7) == PROTOBUF_VARINT)
        brief_print(&value, "%ju", (uintmax_t)field.value);
      else
        brief_quote(&value, field.span.bytes, field.span.size, BRIEF_TEXT);
      return source_tell(source, known[i].name, value.text, error);
    }
  return STATUS_OK;
}

static enum status walk_model(struct source *source, struct error *error)
{
  struct onnx *onnx = source->state;
  struct protobuf_span model = {onnx->map->bytes, onnx->map->size};
  struct protobuf in = protobuf_reader(onnx->map->bytes, model, error);
  struct protobuf_field field;
  struct onnx_path path = {0};
  size_t graphs = 0;
  enum status status = add_scope(onnx, 0, &path.scope, error);
  while (status == STATUS_OK && (status = protobuf_next(&in, &field)) == STATUS_OK && field.key) {
    graphs += field.key == BYTES(GRAPH);
    if (field.key == BYTES(GRAPH))
      status = walk_graph(source, &path, field.span, error);
    else if (field.key == BYTES(FUNCTION))
      status = walk_function(source, &path, field.span, error);
    else if (field.key == BYTES(TRAINING))
      status = walk_training(source, &path, field.span, error);
    else
      status = tell_field(source, field, error);
  }
  if (status == STATUS_OK && graphs == 0)
    return error_set(error, STATUS_INPUT, "not an ONNX model: it has no graph");
  return status;
}

/* --- the source ----------------------------------------------------------------------------- */

static int by_name_then_place(const void *left, const void *right)
{
  const struct tensor *a = *(struct tensor *const *)left, *b = *(struct tensor *const *)right;
  int order = strcmp(a->name, b->name);
  return order ? order : (a > b) - (a < b);
}

/* Adds "#NUMBER" to the name of TENSOR. */
static bool renumber(struct tensor *tensor, size_t number)
{
  size_t size = strlen(tensor->name) + 24;
  char *name = malloc(size);
  if (!name)
    return false;
  snprintf(name, size, "%s#%zu", tensor->name, number);
  free((char *)(uintptr_t)tensor->name);
  tensor->name = name;
  return true;
}

static enum status make_unique(struct source *source, struct error *error)
{
  struct tensor **sorted = mem_array(source->count, sizeof *sorted);
  bool good = sorted;
  for (size_t i = 0; good && i < source->count; i++)
    sorted[i] = &source->tensors[i];
  if (good && source->count > 1)
    qsort(sorted, source->count, sizeof *sorted, by_name_then_place);
  for (size_t first = 0, i = 1; good && i < source->count; i++)
    if (strcmp(sorted[first]->name, sorted[i]->name) != 0)
      first = i;
    else
      good = renumber(sorted[i], i - first + 1);
  free(sorted);
  return good ? source_check_names(source, error) : error_memory(error, "a tensor's name");
}

/* "skipped: 2 sparse tensors, 1 tensor of text". */
static enum status write_note(struct source *source, struct error *error)
{
  const struct onnx *onnx = source->state;
  const struct skipped kinds[] = {
      {onnx->sparse, "sparse tensor", "sparse tensors"},
      {onnx->strings, "tensor of text", "tensors of text"},
      {onnx->unknown, "tensor of an unknown type", "tensors of unknown types"}};
  return source_note_skipped(source, kinds, sizeof kinds / sizeof *kinds, error);
}

static const char *onnx_remark(const struct source *source, size_t index)
{
  const struct onnx *onnx = source->state;
  return onnx->values[index].remark ? onnx->values[index].remark : "";
}

static void onnx_close(struct source *source)
{
  struct onnx *onnx = source->state;
  for (size_t i = 0; i < source->count && !source->tensors[i].derived; i++) {
    free(onnx->values[i].owned);
    free(onnx->values[i].remark);
  }
  free(onnx->values);
  free(onnx->parent);
  free(onnx->ties);
  free(onnx);
}

enum status onnx_open(const char *spec, struct source *source, struct error *error)
{
  struct onnx *onnx = mem_array(1, sizeof *onnx);
  struct map *map = NULL;
  if (!onnx)
    return error_memory(error, "a source");
  source->state = onnx;
  source->load = onnx_load;
  source->remark = onnx_remark;
  source->close = onnx_close;
  enum status status = source_map(source, spec, &map, error);
  if (status != STATUS_OK)
    return status;
  onnx->map = map;
  status = walk_model(source, error);
  if (status == STATUS_OK)
    status = onnx_apply_ties(source, error);
  if (status == STATUS_OK)
    status = make_unique(source, error);
  if (status == STATUS_OK)
    status = write_note(source, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(spec));
  return status;
}
