#include "config.h"

#include "data/json_members.h"

#include "data/map_range.h"
#include "data/source_types.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>

enum { LET_GO = 16 << 20 /* bytes of text after which its pages are let go of */ };

struct walk {
  const unsigned char *text;
  size_t size, at, let_go;
  char *key;
  size_t room;
  struct error *error;
};

static enum status invalid(const struct walk *walk, const char *what)
{
  return error_set(walk->error, STATUS_INPUT, "not valid JSON at byte %zu: %s", walk->at, what);
}

enum status json_read(const struct json_text *value, json_t **out, struct error *error)
{
  json_error_t json;
  *out = json_loadb((const char *)value->text, value->size,
                    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &json);
  if (!*out && json_error_code(&json) == json_error_out_of_memory)
    return error_memory(error, "a header");
  if (!*out)
    return error_set(error, STATUS_INPUT, "not valid JSON at byte %zu: %s",
                     value->offset + (size_t)json.position, SHOWN(json.text));
  return STATUS_OK;
}

static int next(const struct walk *walk)
{
  return walk->at < walk->size ? walk->text[walk->at] : -1;
}

static int next_behind_blanks(struct walk *walk)
{
  while (next(walk) == ' ' || next(walk) == '\t' || next(walk) == '\n' || next(walk) == '\r')
    walk->at++;
  return next(walk);
}

/* Past the string that begins here; false when it does not end. */
static bool skip_string(struct walk *walk)
{
  for (walk->at++; walk->at < walk->size; walk->at++)
    if (walk->text[walk->at] == '\\')
      walk->at++;
    else if (walk->text[walk->at] == '"') {
      walk->at++;
      return true;
    }
  walk->at = walk->size;
  return false;
}

static bool ends_word(int byte)
{
  switch (byte) {
  case -1:
  case ' ':
  case '\t':
  case '\r':
  case '\n':
  case ',':
  case ':':
  case '{':
  case '}':
  case '[':
  case ']':
  case '"':
    return true;
  default:
    return false;
  }
}

/* Past the value that begins here, as far as brackets and strings tell. */
static void skip_value(struct walk *walk)
{
  size_t depth = 0;
  do {
    int byte = next_behind_blanks(walk);
    if (byte == '"')
      skip_string(walk);
    else if (byte == '{' || byte == '[')
      walk->at++, depth++;
    else if ((byte == '}' || byte == ']') && depth > 0)
      walk->at++, depth--;
    else if (depth > 0 && (byte == ',' || byte == ':'))
      walk->at++;
    else
      while (!ends_word(next(walk)))
        walk->at++;
  } while (depth > 0 && walk->at < walk->size);
}

/* Nearly all keys are plain: printable ASCII without escapes, which means itself. */
static bool is_plain(const unsigned char *text, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (text[i] < 0x20 || text[i] > 0x7E || text[i] == '\\')
      return false;
  return true;
}

static enum status keep_key(struct walk *walk, const char *key, size_t length)
{
  if (length >= walk->room) {
    char *grown = mem_resize(walk->key, 2 * length + 64, 1);
    if (!grown)
      return error_memory(walk->error, "a name");
    walk->key = grown;
    walk->room = 2 * length + 64;
  }
  memcpy(walk->key, key, length);
  walk->key[length] = '\0';
  return STATUS_OK;
}

static enum status read_key(struct walk *walk)
{
  size_t start = walk->at;
  if (next(walk) != '"')
    return invalid(walk, "expected a key in quotes");
  if (!skip_string(walk))
    return invalid(walk, "a string does not end");
  const unsigned char *quoted = walk->text + start;
  size_t length = walk->at - start;
  if (is_plain(quoted + 1, length - 2))
    return keep_key(walk, (const char *)quoted + 1, length - 2);
  json_t *key = NULL;
  enum status status = json_read(&(struct json_text){quoted, length, start}, &key, walk->error);
  if (status == STATUS_OK)
    status = keep_key(walk, json_string_value(key), json_string_length(key));
  json_decref(key);
  return status;
}

static enum status read_member(struct walk *walk, json_member *member, void *context)
{
  enum status status = read_key(walk);
  if (status != STATUS_OK)
    return status;
  if (next_behind_blanks(walk) != ':')
    return invalid(walk, "expected \":\" behind a key");
  walk->at++;
  next_behind_blanks(walk);
  size_t start = walk->at;
  skip_value(walk);
  const struct json_text value = {walk->text + start, walk->at - start, start};
  status = member(context, walk->key, &value, walk->error);
  if (walk->at - walk->let_go > LET_GO) {
    map_let_go();
    walk->let_go = walk->at;
  }
  return status;
}

static enum status walk_object(struct walk *walk, json_member *member, void *context)
{
  enum status status = STATUS_OK;
  if (next_behind_blanks(walk) != '{')
    return invalid(walk, "expected \"{\"");
  walk->at++;
  bool more = next_behind_blanks(walk) != '}';
  while (status == STATUS_OK && more) {
    next_behind_blanks(walk);
    status = read_member(walk, member, context);
    more = status == STATUS_OK && next_behind_blanks(walk) == ',';
    walk->at += more;
  }
  if (status != STATUS_OK)
    return status;
  if (next(walk) != '}')
    return invalid(walk, "expected \",\" or \"}\"");
  walk->at++;
  return next_behind_blanks(walk) < 0 ? STATUS_OK : invalid(walk, "text behind the end");
}

enum status json_members(const unsigned char *text, size_t size, json_member *member, void *context,
                         struct error *error)
{
  struct walk walk = {.text = text, .size = size, .error = error};
  enum status status = walk_object(&walk, member, context);
  free(walk.key);
  return status;
}
