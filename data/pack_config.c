#include "config.h"

#include "data/pack_config.h"

#include "data/safetensors.h"
#include "data/source_types.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MOST = 16 << 20, DEPTH_MOST = 4, TOLD_MOST = 256 };

/* Where a configuration may be: the first of these that says something about quantization. */
static const struct {
  const char *file, *object; /* object: a key of the file's, or NULL: the file's own */
  const char *method;        /* where the object does not name it */
} places[] = {
    {"config.json", "quantization_config", ""},
    {"config.json", "compression_config", "compressed-tensors"},
    {"config.json", "quantization", "mlx"},
    {"quantize_config.json", NULL, "gptq"},
    {"quant_config.json", NULL, "awq"},
    {"hf_quant_config.json", "quantization", "modelopt"},
};

size_t pack_config_size(const json_t *object, const char *key)
{
  json_int_t value = json_integer_value(json_object_get(object, key));
  return value > 0 && value <= INT32_MAX ? (size_t)value : 0;
}

/* The first of KEYS that OBJECT has, as a number. */
static size_t first_size(const json_t *object, const char *const *keys)
{
  size_t value = 0;
  for (; *keys && value == 0; keys++)
    value = pack_config_size(object, *keys);
  return value;
}

static void copy_text(char *to, size_t size, const json_t *value)
{
  const char *text = json_string_value(value);
  if (text && *text)
    text_escape(text, to, size);
}

/* compressed-tensors: the weights of the first group. */
static const json_t *first_group(json_t *object)
{
  json_t *groups = json_object_get(object, "config_groups");
  void *first = json_object_iter(groups);
  return first ? json_object_get(json_object_iter_value(first), "weights") : NULL;
}

static void read_object(struct pack_config *config, json_t *object, const char *method)
{
  static const char *const bits[] = {"bits", "w_bit", "num_bits", NULL};
  static const char *const group[] = {"group_size", "q_group_size", NULL};
  /* The version of compressed-tensors is one of the library. */
  static const char *const format[] = {"checkpoint_format", "format", "version"};
  const json_t *weights = first_group(object),
               *block = json_object_get(object, "weight_block_size");
  const json_t *inner = weights ? weights : object;
  snprintf(config->method, sizeof config->method, "%s", method);
  copy_text(config->method, sizeof config->method, json_object_get(object, "quant_method"));
  for (size_t i = 0; i < sizeof format / sizeof *format && !*config->format; i++)
    copy_text(config->format, sizeof config->format, json_object_get(object, format[i]));
  config->bits = first_size(inner, bits);
  config->group = first_size(inner, group);
  if (!block)
    block = json_object_get(inner, "block_structure");
  for (size_t i = 0; i < 2; i++) {
    json_int_t size = json_integer_value(json_array_get(block, i));
    config->block[i] = size > 0 && size <= INT32_MAX ? (size_t)size : 0;
  }
  config->json = json_incref(object);
}

static bool is_file(const char *path)
{
  struct stat facts;
  return stat(path, &facts) == 0;
}

/* The JSON of the file PATH; NULL when there is none, and *error says why. */
static json_t *read_json(const char *path, struct error *error)
{
  struct map *map;
  json_t *root = NULL;
  if (map_open(path, &map, error) != STATUS_OK)
    return NULL;
  if (map->size > FILE_MOST)
    error_set(error, STATUS_INPUT, "%s: %zu bytes; expected at most %d", SHOWN(path), map->size,
              FILE_MOST);
  else if (safetensors_json(map->bytes, map->size, &root, error) != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  map_close(map);
  return root;
}

/* --- what is told ----------------------------------------------------------------------------- */

struct telling {
  struct source *source;
  char key[512];
  size_t told; /* no more than TOLD_MOST: a layer's own settings may come by the thousand */
  struct error *error;
};

static enum status tell_value(struct telling *telling, const json_t *value)
{
  char *text = NULL;
  const char *shown = json_string_value(value);
  if (!shown)
    shown = text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
  if (!shown)
    return error_memory(telling->error, "the metadata");
  enum status status = source_tell(telling->source, telling->key, shown, telling->error);
  telling->told++;
  free(text);
  return status;
}

/* The values of OBJECT under keys joined by dots, DEPTH_MOST deep; deeper ones as JSON. */
static enum status tell_object(struct telling *telling, json_t *object, int depth)
{
  size_t length = strlen(telling->key);
  const char *key;
  json_t *value;
  enum status status = STATUS_OK;
  json_object_foreach(object, key, value) {
    snprintf(telling->key + length, sizeof telling->key - length, ".%s", key);
    if (telling->told < TOLD_MOST && status == STATUS_OK)
      status = json_is_object(value) && depth < DEPTH_MOST ? tell_object(telling, value, depth + 1)
                                                           : tell_value(telling, value);
    telling->key[length] = '\0';
  }
  return status;
}

static enum status tell(struct source *source, const char *name, json_t *object,
                        struct error *error)
{
  struct telling telling = {.source = source, .error = error};
  snprintf(telling.key, sizeof telling.key, "%s", name);
  return tell_object(&telling, object, 0);
}

/* What kind of model it is. */
static enum status tell_model(struct source *source, const json_t *root, struct error *error)
{
  static const char *const keys[] = {"model_type", "architectures", "dtype", "torch_dtype"};
  struct telling telling = {.source = source, .error = error};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < sizeof keys / sizeof *keys && status == STATUS_OK; i++) {
    snprintf(telling.key, sizeof telling.key, "%s", keys[i]);
    const json_t *value = json_object_get(root, keys[i]);
    status = value ? tell_value(&telling, value) : STATUS_OK;
  }
  return status;
}

static enum status note_config(struct source *source, const struct pack_config *config,
                               const char *file, struct error *error)
{
  char note[240], bits[32] = "", group[40] = "", format[48] = "";
  if (config->bits)
    snprintf(bits, sizeof bits, ", %zu bits", config->bits);
  if (config->group)
    snprintf(group, sizeof group, ", group %zu", config->group);
  if (*config->format)
    snprintf(format, sizeof format, ", %s", config->format);
  snprintf(note, sizeof note, "quantized: %s%s%s%s (%s)", *config->method ? config->method : "?",
           bits, group, format, file);
  return source_add_note(source, note, error);
}

/* "FOLDER/FILE" where PATH is the folder, or a file in it. */
static bool beside(const char *path, const char *file, char *text, size_t size)
{
  struct stat facts;
  bool folder = stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
  int length = folder ? snprintf(text, size, "%s/%s", path, file)
                      : snprintf(text, size, "%.*s%s", (int)(path_base(path) - path), path, file);
  return length > 0 && (size_t)length < size;
}

/* The files are few and small; a name that is longer than any path is not there. */
static enum status try_place(const char *path, size_t place, struct source *source,
                             struct pack_config *config, struct error *error)
{
  char name[4096];
  struct error problem = {0};
  if (!beside(path, places[place].file, name, sizeof name) || !is_file(name))
    return STATUS_OK;
  json_t *root = read_json(name, &problem);
  if (!root)
    return place > 0 && strcmp(places[place - 1].file, places[place].file) == 0
               ? STATUS_OK /* said already */
               : source_add_note(source, problem.text, error);
  json_t *object = places[place].object ? json_object_get(root, places[place].object) : root;
  enum status status = place == 0 ? tell_model(source, root, error) : STATUS_OK;
  if (status == STATUS_OK && json_is_object(object) && json_object_size(object) > 0) {
    read_object(config, object, places[place].method);
    status = note_config(source, config, places[place].file, error);
    if (status == STATUS_OK)
      status = tell(source, places[place].object ? places[place].object : places[place].file,
                    object, error);
  }
  json_decref(root);
  return status;
}

enum status pack_config_read(const char *path, struct source *source, struct pack_config *config,
                             struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < sizeof places / sizeof *places && status == STATUS_OK && !config->json;
       i++)
    status = try_place(path, i, source, config, error);
  return status;
}

void pack_config_free(struct pack_config *config)
{
  json_decref(config->json);
}
