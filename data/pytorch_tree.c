/* The tensors that a pickle of PyTorch describes. Known names: torch._utils' rebuild functions,
 * the storage classes, and containers; everything else is walked when it holds something, and
 * never run. */
#include "config.h"

#include "data/pytorch.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MOST = 64, STEPS_MOST = 1 << 22, NAME_MOST = 1 << 16, NOTE_MOST = 256 };

static const struct {
  const char *storage, *dtype; /* globals */
  const char *stored;
} dtypes[] = {
    {"torch FloatStorage", "torch float32", "f32"},
    {"torch DoubleStorage", "torch float64", "f64"},
    {"torch HalfStorage", "torch float16", "f16"},
    {"torch BFloat16Storage", "torch bfloat16", "bf16"},
    {"torch LongStorage", "torch int64", "i64"},
    {"torch IntStorage", "torch int32", "i32"},
    {"torch ShortStorage", "torch int16", "i16"},
    {"torch CharStorage", "torch int8", "i8"},
    {"torch ByteStorage", "torch uint8", "u8"},
    {"torch BoolStorage", "torch bool", "bool"},
    {"torch QInt8Storage", "torch qint8", "i8"},
    {"torch QUInt8Storage", "torch quint8", "u8"},
    {"torch QInt32Storage", "torch qint32", "i32"},
    {"torch ComplexFloatStorage", "torch complex64", "c64"},
    {"torch ComplexDoubleStorage", "torch complex128", "c128"},
    {"torch UInt16Storage", "torch uint16", "u16"},
    {"torch UInt32Storage", "torch uint32", "u32"},
    {"torch UInt64Storage", "torch uint64", "u64"},
    {"torch Float8_e4m3fnStorage", "torch float8_e4m3fn", "f8_e4m3"},
    {"torch Float8_e5m2Storage", "torch float8_e5m2", "f8_e5m2"},
    {"torch Float8_e4m3fnuzStorage", "torch float8_e4m3fnuz", "f8_e4m3fnuz"},
    {"torch Float8_e5m2fnuzStorage", "torch float8_e5m2fnuz", "f8_e5m2fnuz"},
    {"torch Float8_e8m0fnuStorage", "torch float8_e8m0fnu", "f8_e8m0"},
    /* Bytes, whose type stands beside the tensor. */
    {"torch.storage UntypedStorage", "", "u8"},
    {"torch UntypedStorage", "", "u8"},
    {"torch.storage _UntypedStorage", "", "u8"},
};

static const struct stored *dtype_of(const struct pickle_node *node, bool storage)
{
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (pickle_is_global(node, storage ? dtypes[i].storage : dtypes[i].dtype))
      return stored_find(dtypes[i].stored);
  return NULL;
}

int storage_compare(const void *left, const void *right)
{
  const struct storage *a = left, *b = right;
  int order = memcmp(a->key, b->key, size_min(a->key_length, b->key_length));
  return order ? order : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

/* ('storage', class, key, location, number of elements, and once upon a time a view of it). */
bool pytorch_storage_id(const struct pickle_node *node, const struct stored **stored,
                        struct storage *storage)
{
  const struct pickle_node *id = node && node->kind == PICKLE_PERSISTENT ? node->item[0] : NULL;
  const struct pickle_node *key = pickle_item(id, 2);
  size_t count;
  if (!pickle_is_text(pickle_item(id, 0), "storage") || !key || key->kind != PICKLE_TEXT ||
      !(*stored = dtype_of(pickle_item(id, 1), true)) || !pickle_size(pickle_item(id, 4), &count))
    return false;
  *storage = (struct storage){.key = key->text, .key_length = key->length};
  return size_mul(count, (*stored)->size, &storage->bytes);
}

/* --- the walk --------------------------------------------------------------------------------- */

struct walk {
  struct source *source;
  struct pytorch *pytorch;
  const char *unnamed;
  char name[NAME_MOST];
  size_t length, steps, skipped;
  char note[NOTE_MOST]; /* the classes that were skipped */
  struct error *error;
};

static const char *name_of(const struct walk *walk)
{
  return walk->length ? walk->name : walk->unnamed;
}

static enum status wrong(const struct walk *walk, const char *what)
{
  return error_set(walk->error, STATUS_INPUT, "%s: %s", SHOWN(name_of(walk)), what);
}

/* Parts of a name that say nothing: the dictionaries inside a module. */
static bool is_transparent(const char *text, size_t length)
{
  static const char *const names[] = {"_parameters", "_buffers", "_modules"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i]) == length && memcmp(text, names[i], length) == 0)
      return true;
  return false;
}

/* Adds ".TEXT" to the name; a NUL in it becomes a visible sign. */
static enum status enter(struct walk *walk, const char *text, size_t length)
{
  if (length >= NAME_MOST - walk->length - 1)
    return wrong(walk, "a name of more than 65,534 bytes");
  if (walk->length)
    walk->name[walk->length++] = '.';
  for (size_t i = 0; i < length; i++)
    walk->name[walk->length++] = text[i] ? text[i] : '?';
  walk->name[walk->length] = 0;
  return STATUS_OK;
}

static void leave(struct walk *walk, size_t length)
{
  walk->length = length;
  walk->name[length] = 0;
}

static void skip(struct walk *walk, const struct pickle_node *global)
{
  char name[128];
  size_t used = strlen(walk->note);
  walk->skipped++;
  if (!global || global->kind != PICKLE_GLOBAL)
    return;
  snprintf(name, sizeof name, "%.*s.%.*s", (int)size_min(global->item[0]->length, 60),
           global->item[0]->text, (int)size_min(global->item[1]->length, 60),
           global->item[1]->text);
  if (!strstr(walk->note, name))
    snprintf(walk->note + used, sizeof walk->note - used, "%s%s", used ? ", " : "", SHOWN(name));
}

/* --- one tensor ------------------------------------------------------------------------------- */

struct view {
  const struct pickle_node *storage, *offset, *size, *stride;
  const struct pickle_node *dtype;  /* beside an untyped storage */
  const struct pickle_node *params; /* of a quantized tensor */
};

/* The arguments of the functions that make tensors of storages. */
static bool find_view(const struct pickle_node *node, struct view *view)
{
  static const struct {
    const char *name;
    size_t dtype, params; /* which argument, 0: none */
  } functions[] = {
      {"torch._utils _rebuild_tensor_v2", 0, 0},
      {"torch._utils _rebuild_tensor", 0, 0},
      {"torch._utils _rebuild_tensor_v3", 6, 0},
      {"torch._utils _rebuild_qtensor", 0, 4},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (pickle_calls(node, functions[i].name)) {
      const struct pickle_node *arguments = node->item[PICKLE_ARGUMENTS];
      *view = (struct view){.storage = pickle_item(arguments, 0),
                            .offset = pickle_item(arguments, 1),
                            .size = pickle_item(arguments, 2),
                            .stride = pickle_item(arguments, 3)};
      if (functions[i].dtype)
        view->dtype = pickle_item(arguments, functions[i].dtype);
      /* Where they are no tuple, there are none: of other kinds the items are something else. */
      const struct pickle_node *params = pickle_item(arguments, functions[i].params);
      if (functions[i].params && pickle_item(params, 0))
        view->params = params;
      return true;
    }
  return false;
}

static bool read_sizes(const struct pickle_node *node, unsigned dims, size_t *out)
{
  if (!node || (node->kind != PICKLE_TUPLE && node->kind != PICKLE_LIST) || node->count != dims)
    return false;
  for (unsigned i = 0; i < dims; i++)
    if (!pickle_size(node->item[i], &out[i]))
      return false;
  return true;
}

static enum status read_shape(const struct walk *walk, const struct view *view,
                              struct tensor *tensor)
{
  size_t stride[SHAPE_MAX_DIMS];
  char text[200];
  const struct pickle_node *size = view->size;
  if (!size || (size->kind != PICKLE_TUPLE && size->kind != PICKLE_LIST))
    return wrong(walk, "its size is no tuple");
  if (size->count > SHAPE_MAX_DIMS)
    return error_set(walk->error, STATUS_INPUT, "%s: %zu dimensions; expected at most %d",
                     SHOWN(name_of(walk)), size->count, SHAPE_MAX_DIMS);
  tensor->shape.dims = (unsigned)size->count;
  if (!read_sizes(size, tensor->shape.dims, tensor->shape.dim) ||
      !read_sizes(view->stride, tensor->shape.dims, stride))
    return wrong(walk, "size and stride are not whole numbers from 0 on, one for each dimension");
  if (!shape_count(&tensor->shape, &tensor->count) ||
      !size_mul(tensor->count, tensor->stored->size, &tensor->bytes))
    return error_set(walk->error, STATUS_INPUT, "%s: shape %s is larger than the address space",
                     SHOWN(name_of(walk)), shape_print(&tensor->shape, text, sizeof text));
  tensor_set_strides(tensor, stride);
  return STATUS_OK;
}

/* The place behind the last element, counted in elements from the first; false on overflow. */
static bool view_end(const struct tensor *tensor, size_t *out)
{
  *out = tensor->count > 0;
  for (unsigned axis = 0; axis < tensor->shape.dims && tensor->count > 0; axis++) {
    size_t step;
    if (!size_mul(tensor->shape.dim[axis] - 1, tensor->stride[axis], &step) ||
        !size_add(*out, step, out))
      return false;
  }
  return true;
}

static enum status check_place(const struct walk *walk, const struct tensor *tensor,
                               const struct storage *storage, size_t offset)
{
  size_t end, all;
  if (view_end(tensor, &end) && size_add(end, offset, &end) &&
      size_mul(end, tensor->stored->size, &all) && all <= storage->bytes)
    return STATUS_OK;
  return error_set(walk->error, STATUS_INPUT,
                   "%s: reaches beyond its storage %s of %zu bytes (%s, offset %zu)",
                   SHOWN(name_of(walk)), SHOWN_PART(storage->key, storage->key_length),
                   storage->bytes, tensor->stored->name, offset);
}

static const struct storage *find_storage(const struct walk *walk, const struct storage *id)
{
  return bsearch(id, walk->pytorch->storage, walk->pytorch->storages, sizeof *id, storage_compare);
}

/* "per tensor: scale 0.05, zero point 128". */
static enum status remark_quantized(struct walk *walk, size_t index,
                                    const struct pickle_node *params)
{
  char text[160] = "quantized: the values are codes";
  const struct pickle_node *scale = pickle_item(params, 1), *zero = pickle_item(params, 2);
  if (scale && scale->kind == PICKLE_FLOAT && zero && zero->kind == PICKLE_INT)
    snprintf(text, sizeof text, "quantized: (code - %jd) * %.9g", (intmax_t)zero->integer,
             scale->real);
  else if (params && params->count > 3)
    snprintf(text, sizeof text,
             "quantized per channel: the values are codes, scales and zero points are beside it");
  return source_set_remark(walk->source, index, text, walk->error);
}

static bool remember_view(struct walk *walk, size_t storage, size_t offset)
{
  struct checkpoint *checkpoint = walk->source->state;
  size_t count = walk->source->count;
  if (count >= checkpoint->capacity) { /* by more than one behind a shard of another type */
    size_t capacity = count < 32 ? 64 : 2 * count;
    struct view_of_storage *grown = mem_resize(checkpoint->view, capacity, sizeof *grown);
    if (!grown)
      return false;
    checkpoint->view = grown;
    checkpoint->capacity = capacity;
  }
  checkpoint->view[count] = (struct view_of_storage){walk->pytorch, storage, offset};
  return true;
}

static enum status add_tensor(struct walk *walk, const struct view *view)
{
  struct tensor tensor = {.name = name_of(walk), .swapped = walk->pytorch->swapped};
  struct storage id;
  size_t offset;
  if (!pytorch_storage_id(view->storage, &tensor.stored, &id))
    return wrong(walk, "its storage is of a class that qscope does not read");
  if (view->dtype && !(tensor.stored = dtype_of(view->dtype, false)))
    return wrong(walk, "a dtype that qscope does not read");
  const struct storage *storage = find_storage(walk, &id);
  if (!storage)
    return error_set(walk->error, STATUS_INPUT, "%s: its storage %s is not in the file",
                     SHOWN(name_of(walk)), SHOWN_PART(id.key, id.key_length));
  if (!pickle_size(view->offset, &offset))
    return wrong(walk, "its offset is not a whole number from 0 on");
  enum status status = read_shape(walk, view, &tensor);
  if (status == STATUS_OK)
    status = check_place(walk, &tensor, storage, offset);
  if (status != STATUS_OK)
    return status;
  offset *= tensor.stored->size;
  if (storage->data)
    tensor.data = storage->data + offset;
  size_t index = (size_t)(storage - walk->pytorch->storage), before = walk->source->count;
  if (!remember_view(walk, index, offset))
    return error_memory(walk->error, "the list of tensors");
  status = source_add(walk->source, &tensor, walk->error);
  return status == STATUS_OK && view->params ? remark_quantized(walk, before, view->params)
                                             : status;
}

/* --- everything
 * ------------------------------------------------------------------------------------ */

static enum status walk_node(struct walk *walk, const struct pickle_node *node, int depth);

static enum status walk_named(struct walk *walk, const char *text, size_t length,
                              const struct pickle_node *node, int depth)
{
  size_t before = walk->length;
  enum status status = is_transparent(text, length) ? STATUS_OK : enter(walk, text, length);
  if (status == STATUS_OK)
    status = walk_node(walk, node, depth);
  leave(walk, before);
  return status;
}

static enum status walk_dict(struct walk *walk, const struct pickle_node *node, int depth)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i + 1 < node->count && status == STATUS_OK; i += 2) {
    const struct pickle_node *key = node->item[i], *value = node->item[i + 1];
    char number[32];
    if (value->kind < PICKLE_TUPLE)
      continue;
    if (key->kind == PICKLE_TEXT) {
      status = walk_named(walk, key->text, key->length, value, depth);
    } else {
      int length = key->kind == PICKLE_INT
                       ? snprintf(number, sizeof number, "%jd", (intmax_t)key->integer)
                       : snprintf(number, sizeof number, "key%zu", i / 2);
      status = walk_named(walk, number, (size_t)length, value, depth);
    }
  }
  return status;
}

static enum status walk_list(struct walk *walk, const struct pickle_node *node, int depth)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < node->count && status == STATUS_OK; i++) {
    char number[32];
    if (node->item[i]->kind < PICKLE_TUPLE)
      continue;
    int length = snprintf(number, sizeof number, "%zu", i);
    status = walk_named(walk, number, (size_t)length, node->item[i], depth);
  }
  return status;
}

/* Calls that pass a tensor on: which argument it is. */
static const struct pickle_node *passed_on(const struct pickle_node *node, size_t *step)
{
  static const char *const parameters[] = {"torch._utils _rebuild_parameter",
                                           "torch._utils _rebuild_parameter_with_state"};
  const struct pickle_node *arguments = node->item[PICKLE_ARGUMENTS];
  *step = 0;
  for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
    if (pickle_calls(node, parameters[i]))
      return pickle_item(arguments, 0);
  /* (function, class, arguments, state): the call that it would make. */
  *step = 1;
  return pickle_calls(node, "torch._tensor _rebuild_from_type_v2") ? arguments : NULL;
}

static bool is_container(const struct pickle_node *node)
{
  return pickle_calls(node, "collections OrderedDict") ||
         pickle_calls(node, "collections defaultdict") || pickle_calls(node, "builtins set") ||
         pickle_calls(node, "__builtin__ set") || pickle_calls(node, "torch Size");
}

/* Python 2 gives an OrderedDict its contents as one argument, a list of pairs. */
static enum status walk_pairs(struct walk *walk, const struct pickle_node *pairs, int depth)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; pairs && i < pairs->count && status == STATUS_OK; i++) {
    const struct pickle_node *key = pickle_item(pairs->item[i], 0),
                             *value = pickle_item(pairs->item[i], 1);
    if (key && key->kind == PICKLE_TEXT && value)
      status = walk_named(walk, key->text, key->length, value, depth);
  }
  return status;
}

/* A subclass of tensors: the function and its arguments as a call of their own. */
static enum status walk_subclass(struct walk *walk, const struct pickle_node *four, int depth)
{
  struct pickle_node *parts[PICKLE_PARTS] = {(struct pickle_node *)(uintptr_t)pickle_item(four, 0),
                                             (struct pickle_node *)(uintptr_t)pickle_item(four, 2)};
  const struct pickle_node call = {.kind = PICKLE_CALL, .item = parts, .count = PICKLE_PARTS};
  return parts[0] && parts[1] ? walk_node(walk, &call, depth)
                              : wrong(walk, "a tensor subclass without its four arguments");
}

static enum status walk_call(struct walk *walk, const struct pickle_node *node, int depth)
{
  struct view view;
  size_t step;
  const struct pickle_node *inner = passed_on(node, &step);
  const struct pickle_node *contents = node->item[PICKLE_CONTENTS],
                           *state = node->item[PICKLE_STATE];
  if (inner)
    return step ? walk_subclass(walk, inner, depth) : walk_node(walk, inner, depth);
  if (find_view(node, &view)) {
    enum status status = add_tensor(walk, &view);
    return status == STATUS_OK && view.params ? walk_list(walk, view.params, depth) : status;
  }
  const struct pickle_node *pairs = pickle_item(node->item[PICKLE_ARGUMENTS], 0);
  enum status status = STATUS_OK;
  if (!is_container(node))
    skip(walk, node->item[PICKLE_CALLEE]);
  else if (pairs && pairs->kind == PICKLE_LIST)
    status = walk_pairs(walk, pairs, depth);
  if (status == STATUS_OK && contents)
    status = walk_node(walk, contents, depth);
  /* The state of an OrderedDict is not what it holds. */
  if (status == STATUS_OK && state && !is_container(node))
    status = walk_node(walk, state, depth);
  return status;
}

static enum status walk_node(struct walk *walk, const struct pickle_node *node, int depth)
{
  if (++walk->steps > STEPS_MOST)
    return wrong(walk, "more than four million objects on the way here: refused");
  if (depth == DEPTH_MOST)
    return wrong(walk, "nested more than 64 deep: refused");
  switch (node->kind) {
  case PICKLE_DICT:
    return walk_dict(walk, node, depth + 1);
  case PICKLE_LIST:
  case PICKLE_TUPLE:
    return walk_list(walk, node, depth + 1);
  case PICKLE_CALL:
    return walk_call(walk, node, depth + 1);
  default:
    return STATUS_OK;
  }
}

static enum status write_note(const struct walk *walk)
{
  char note[NOTE_MOST + 64];
  if (walk->skipped == 0)
    return STATUS_OK;
  snprintf(note, sizeof note, "%zu %s no tensor%s not built: %s", walk->skipped,
           walk->skipped == 1 ? "object is" : "objects are",
           walk->skipped == 1 ? " and was" : "s and were", walk->note);
  return source_add_note(walk->source, note, walk->error);
}

enum status pytorch_walk(struct source *source, struct pytorch *file,
                         const struct pickle_node *root, const char *unnamed, struct error *error)
{
  struct walk *walk = mem_array(1, sizeof *walk);
  if (!walk)
    return error_memory(error, "the names of a checkpoint");
  walk->source = source;
  walk->pytorch = file;
  walk->unnamed = unnamed;
  walk->error = error;
  enum status status = walk_node(walk, root, 0);
  if (status == STATUS_OK)
    status = write_note(walk);
  free(walk);
  return status == STATUS_OK ? source_check_names(source, error) : status;
}
