#include "config.h"

#include "data/pickle.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1024 };
#define ITEMS_MOST ((size_t)UINT32_MAX)

/* Nodes live in chunks, so that they never move. */
struct chunk {
  struct chunk *before;
  size_t used;
  struct pickle_node node[CHUNK];
};

struct pickle {
  struct chunk *chunks;
  size_t nodes;
  struct pickle_node *root;
};

/* A growing array of nodes: the stack, the memo. */
struct row {
  struct pickle_node **node;
  size_t count, capacity;
};

struct machine {
  struct pickle *pickle;
  const unsigned char *bytes;
  size_t size, at, start; /* start: of the opcode being done */
  struct row stack, memo;
  size_t *mark; /* heights of the stack */
  size_t marks, mark_capacity;
  bool stopped;
  struct error *error;
};

/* --- failures ---------------------------------------------------------------------------- */

static enum status wrong(struct machine *machine, const char *what)
{
  unsigned char code = machine->bytes[machine->start];
  return error_set(machine->error, STATUS_INPUT, "pickle: offset %zu, opcode 0x%02x: %s",
                   machine->start, code, what);
}

static enum status no_memory(struct machine *machine)
{
  return error_memory(machine->error, "a pickle");
}

/* --- nodes ------------------------------------------------------------------------------- */

static struct pickle_node *node_new(struct machine *machine, enum pickle_kind kind)
{
  struct pickle *pickle = machine->pickle;
  if (pickle->nodes == PICKLE_NODES)
    return NULL;
  if (!pickle->chunks || pickle->chunks->used == CHUNK) {
    struct chunk *chunk = malloc(sizeof *chunk);
    if (!chunk)
      return NULL;
    chunk->before = pickle->chunks;
    chunk->used = 0;
    pickle->chunks = chunk;
  }
  pickle->nodes++;
  struct pickle_node *node = &pickle->chunks->node[pickle->chunks->used++];
  *node = (struct pickle_node){.kind = kind};
  return node;
}

static bool has_items(const struct pickle_node *node)
{
  return node->kind >= PICKLE_TUPLE;
}

static bool items_add(struct pickle_node *node, struct pickle_node *const *item, size_t count)
{
  if (count == 0)
    return true;
  if (count > ITEMS_MOST - node->count)
    return false;
  if (node->count + count > node->capacity) {
    size_t capacity =
        size_min(size_max(2 * (size_t)node->capacity, node->count + count), ITEMS_MOST);
    struct pickle_node **grown = mem_resize(node->item, capacity, sizeof *grown);
    if (!grown)
      return false;
    node->item = grown;
    node->capacity = (uint32_t)capacity;
  }
  memcpy(node->item + node->count, item, count * sizeof *item);
  node->count += count;
  return true;
}

static bool row_grow(struct row *row)
{
  size_t capacity = row->capacity ? 2 * row->capacity : 64;
  struct pickle_node **grown = mem_resize(row->node, capacity, sizeof *grown);
  if (!grown)
    return false;
  row->node = grown;
  row->capacity = capacity;
  return true;
}

static bool row_add(struct row *row, struct pickle_node *node)
{
  if (row->count == row->capacity && !row_grow(row))
    return false;
  row->node[row->count++] = node;
  return true;
}

/* --- the stack ---------------------------------------------------------------------------- */

/* Values above the last mark. */
static size_t height(const struct machine *machine)
{
  return machine->stack.count - (machine->marks ? machine->mark[machine->marks - 1] : 0);
}

static enum status push(struct machine *machine, struct pickle_node *node)
{
  if (!node && machine->pickle->nodes == PICKLE_NODES)
    return wrong(machine, "more objects than qscope reads");
  return node && row_add(&machine->stack, node) ? STATUS_OK : no_memory(machine);
}

static struct pickle_node *pop(struct machine *machine)
{
  return height(machine) ? machine->stack.node[--machine->stack.count] : NULL;
}

static struct pickle_node *top(const struct machine *machine)
{
  return height(machine) ? machine->stack.node[machine->stack.count - 1] : NULL;
}

static enum status underflow(struct machine *machine)
{
  return wrong(machine, "the stack holds too few values");
}

/* What lies above the last mark, which goes away: *count values from *item on, still in place. */
static bool pop_to_mark(struct machine *machine, struct pickle_node ***item, size_t *count)
{
  if (machine->marks == 0)
    return false;
  *count = height(machine);
  machine->stack.count -= *count;
  *item = machine->stack.node + machine->stack.count;
  machine->marks--;
  return true;
}

/* --- arguments of opcodes ------------------------------------------------------------------ */

static bool take(struct machine *machine, size_t count, const unsigned char **out)
{
  if (count > machine->size - machine->at)
    return false;
  *out = machine->bytes + machine->at;
  machine->at += count;
  return true;
}

/* COUNT bytes (at most 8) as an unsigned little-endian number. */
static bool take_number(struct machine *machine, size_t count, uint64_t *out)
{
  const unsigned char *bytes;
  if (!take(machine, count, &bytes))
    return false;
  *out = 0;
  for (size_t i = count; i-- > 0;)
    *out = *out << 8 | bytes[i];
  return true;
}

/* Up to the next newline, which is left out. */
static bool take_line(struct machine *machine, const char **text, size_t *length)
{
  const unsigned char *from = machine->bytes + machine->at;
  const unsigned char *end = memchr(from, '\n', machine->size - machine->at);
  if (!end)
    return false;
  *text = (const char *)from;
  *length = (size_t)(end - from);
  machine->at += *length + 1;
  return true;
}

static enum status ends(struct machine *machine)
{
  return wrong(machine, "the pickle ends in the middle of it");
}

static enum status push_text(struct machine *machine, const char *text, size_t length)
{
  struct pickle_node *node = node_new(machine, PICKLE_TEXT);
  if (node) {
    node->text = text;
    node->length = length;
  }
  return push(machine, node);
}

static enum status push_integer(struct machine *machine, enum pickle_kind kind, int64_t value)
{
  struct pickle_node *node = node_new(machine, kind);
  if (node)
    node->integer = value;
  return push(machine, node);
}

/* --- opcodes ------------------------------------------------------------------------------- */

/* The opcodes do one of a few things, with a number ARGUMENT from the table. */
typedef enum status opcode_function(struct machine *machine, unsigned argument);

static enum status do_nothing(struct machine *machine, unsigned skip)
{
  const unsigned char *bytes;
  return take(machine, skip, &bytes) ? STATUS_OK : ends(machine);
}

static enum status do_stop(struct machine *machine, unsigned argument)
{
  (void)argument;
  machine->stopped = true;
  machine->pickle->root = pop(machine);
  return machine->pickle->root ? STATUS_OK : underflow(machine);
}

static enum status do_mark(struct machine *machine, unsigned argument)
{
  (void)argument;
  if (machine->marks == machine->mark_capacity) {
    size_t capacity = machine->mark_capacity ? 2 * machine->mark_capacity : 64;
    size_t *grown = mem_resize(machine->mark, capacity, sizeof *grown);
    if (!grown)
      return no_memory(machine);
    machine->mark = grown;
    machine->mark_capacity = capacity;
  }
  machine->mark[machine->marks++] = machine->stack.count;
  return STATUS_OK;
}

static enum status do_pop(struct machine *machine, unsigned argument)
{
  (void)argument;
  if (height(machine) == 0 && machine->marks > 0) { /* as Python does: it pops the mark */
    machine->marks--;
    return STATUS_OK;
  }
  return pop(machine) ? STATUS_OK : underflow(machine);
}

static enum status do_pop_mark(struct machine *machine, unsigned argument)
{
  (void)argument;
  struct pickle_node **item;
  size_t count;
  return pop_to_mark(machine, &item, &count) ? STATUS_OK : underflow(machine);
}

static enum status do_dup(struct machine *machine, unsigned argument)
{
  (void)argument;
  struct pickle_node *node = top(machine);
  return node ? push(machine, node) : underflow(machine);
}

static enum status do_none(struct machine *machine, unsigned argument)
{
  (void)argument;
  return push(machine, node_new(machine, PICKLE_NONE));
}

static enum status do_bool(struct machine *machine, unsigned value)
{
  return push_integer(machine, PICKLE_BOOL, value);
}

/* WIDTH bytes; four of them carry a sign. */
static enum status do_integer(struct machine *machine, unsigned width)
{
  uint64_t value;
  if (!take_number(machine, width, &value))
    return ends(machine);
  return push_integer(machine, PICKLE_INT, width == 4 ? (int32_t)value : (int64_t)value);
}

/* A length of WIDTH bytes, then as many of a number in two's complement. */
static enum status do_long(struct machine *machine, unsigned width)
{
  uint64_t length;
  const unsigned char *bytes;
  if (!take_number(machine, width, &length) || length > machine->size ||
      !take(machine, (size_t)length, &bytes))
    return ends(machine);
  if (length > sizeof(int64_t)) {
    enum status status = push_text(machine, (const char *)bytes, (size_t)length);
    if (status == STATUS_OK)
      top(machine)->kind = PICKLE_LONG;
    return status;
  }
  uint64_t value = length > 0 && bytes[length - 1] & 0x80 ? UINT64_MAX : 0;
  for (size_t i = (size_t)length; i-- > 0;)
    value = value << 8 | bytes[i];
  return push_integer(machine, PICKLE_INT, (int64_t)value);
}

/* A line of decimal digits; "00" and "01" are false and true; a trailing L is for long. */
static enum status do_decimal(struct machine *machine, unsigned argument)
{
  (void)argument;
  char digits[32];
  const char *text;
  size_t length;
  if (!take_line(machine, &text, &length))
    return ends(machine);
  if (length == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1'))
    return push_integer(machine, PICKLE_BOOL, text[1] - '0');
  if (length == 0 || length >= sizeof digits)
    return wrong(machine, "not a number of 64 bits");
  memcpy(digits, text, length);
  digits[length] = 0;
  char *end;
  long long value = strtoll(digits, &end, 10);
  if (end == digits || (*end && strcmp(end, "L") != 0))
    return wrong(machine, "not a number");
  return push_integer(machine, PICKLE_INT, value);
}

static enum status push_real(struct machine *machine, double value)
{
  struct pickle_node *node = node_new(machine, PICKLE_FLOAT);
  if (node)
    node->real = value;
  return push(machine, node);
}

static enum status do_real(struct machine *machine, unsigned argument)
{
  (void)argument;
  const unsigned char *bytes;
  uint64_t bits = 0;
  double value;
  if (!take(machine, sizeof bits, &bytes))
    return ends(machine);
  for (size_t i = 0; i < sizeof bits; i++) /* big-endian, the only one that is */
    bits = bits << 8 | bytes[i];
  memcpy(&value, &bits, sizeof value);
  return push_real(machine, value);
}

static enum status do_decimal_real(struct machine *machine, unsigned argument)
{
  (void)argument;
  char digits[64], *end;
  const char *text;
  size_t length;
  if (!take_line(machine, &text, &length))
    return ends(machine);
  snprintf(digits, sizeof digits, "%.*s", (int)size_min(length, sizeof digits - 1), text);
  double value = strtod(digits, &end);
  return end > digits ? push_real(machine, value) : wrong(machine, "not a number");
}

/* A length of WIDTH bytes, then the text. */
static enum status do_text(struct machine *machine, unsigned width)
{
  uint64_t length;
  const unsigned char *bytes;
  if (!take_number(machine, width, &length) || length > machine->size ||
      !take(machine, (size_t)length, &bytes))
    return ends(machine);
  return push_text(machine, (const char *)bytes, (size_t)length);
}

/* A line of text, in QUOTES or not; escapes stay as they are written. */
static enum status do_text_line(struct machine *machine, unsigned quotes)
{
  const char *text;
  size_t length;
  if (!take_line(machine, &text, &length))
    return ends(machine);
  if (quotes) {
    if (length < 2 || text[0] != text[length - 1] || (text[0] != '\'' && text[0] != '"'))
      return wrong(machine, "a string without quotes");
    text++;
    length -= 2;
  }
  return push_text(machine, text, length);
}

static enum status do_empty(struct machine *machine, unsigned kind)
{
  return push(machine, node_new(machine, kind));
}

/* What lies above the mark as one value. */
static enum status do_collect(struct machine *machine, unsigned kind)
{
  struct pickle_node **item, *node = node_new(machine, kind);
  size_t count;
  if (!pop_to_mark(machine, &item, &count))
    return underflow(machine);
  if (kind == PICKLE_DICT && count % 2)
    return wrong(machine, "a key without a value");
  if (node && !items_add(node, item, count))
    return no_memory(machine);
  return push(machine, node);
}

/* The last COUNT values as a tuple. */
static enum status do_tuple(struct machine *machine, unsigned count)
{
  struct pickle_node *node = node_new(machine, PICKLE_TUPLE);
  if (height(machine) < count)
    return underflow(machine);
  machine->stack.count -= count;
  if (node && !items_add(node, machine->stack.node + machine->stack.count, count))
    return no_memory(machine);
  return push(machine, node);
}

/* COUNT values into the container below them; what a call makes is a container, too. */
static enum status put_into(struct machine *machine, enum pickle_kind kind,
                            struct pickle_node **item, size_t count)
{
  struct pickle_node *node = top(machine);
  if (!node)
    return underflow(machine);
  if (kind == PICKLE_DICT && count % 2)
    return wrong(machine, "a key without a value");
  if (node->kind == PICKLE_CALL) {
    struct pickle_node **contents = &node->item[PICKLE_CONTENTS];
    if (!*contents && !(*contents = node_new(machine, kind)))
      return no_memory(machine);
    node = *contents;
  }
  if (node->kind != kind)
    return wrong(machine, "what it adds to is no container of that kind");
  return items_add(node, item, count) ? STATUS_OK : no_memory(machine);
}

static enum status do_put_many(struct machine *machine, unsigned kind)
{
  struct pickle_node **item;
  size_t count;
  return pop_to_mark(machine, &item, &count) ? put_into(machine, kind, item, count)
                                             : underflow(machine);
}

/* One item of a list, a key and a value of a dict. */
static enum status do_put(struct machine *machine, unsigned kind)
{
  size_t count = kind == PICKLE_DICT ? 2 : 1;
  if (height(machine) < count)
    return underflow(machine);
  machine->stack.count -= count;
  return put_into(machine, kind, machine->stack.node + machine->stack.count, count);
}

/* --- names and calls ------------------------------------------------------------------------- */

/* Module and name from the stack. */
static enum status do_stack_global(struct machine *machine, unsigned argument)
{
  (void)argument;
  struct pickle_node *name = pop(machine), *module = pop(machine), *both[] = {module, name};
  if (!name || !module)
    return underflow(machine);
  if (name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT)
    return wrong(machine, "a name that is no text");
  struct pickle_node *node = node_new(machine, PICKLE_GLOBAL);
  if (node && !items_add(node, both, 2))
    return no_memory(machine);
  return push(machine, node);
}

/* A line for each. */
static enum status do_global(struct machine *machine, unsigned argument)
{
  enum status status = do_text_line(machine, false);
  if (status == STATUS_OK)
    status = do_text_line(machine, false);
  return status == STATUS_OK ? do_stack_global(machine, argument) : status;
}

static enum status push_call(struct machine *machine, struct pickle_node *callee,
                             struct pickle_node *arguments)
{
  struct pickle_node *node = node_new(machine, PICKLE_CALL);
  struct pickle_node *parts[PICKLE_PARTS] = {callee, arguments};
  if (node && !items_add(node, parts, PICKLE_PARTS))
    return no_memory(machine);
  return push(machine, node);
}

/* Callee and EXTRA + 1 arguments: (arguments) or (arguments, keywords), the latter unused. */
static enum status do_call(struct machine *machine, unsigned extra)
{
  struct pickle_node *last = extra ? pop(machine) : NULL;
  struct pickle_node *arguments = pop(machine), *callee = pop(machine);
  if (!arguments || !callee || (extra && !last))
    return underflow(machine);
  return push_call(machine, callee, arguments);
}

/* The old ways to make an object: the class by name, or as the first value above the mark. */
static enum status do_instance(struct machine *machine, unsigned named)
{
  struct pickle_node **item, *callee, *arguments;
  size_t count;
  enum status status = named ? do_global(machine, 0) : STATUS_OK;
  if (status != STATUS_OK)
    return status;
  callee = named ? pop(machine) : NULL;
  if (!pop_to_mark(machine, &item, &count) || (!named && count == 0))
    return underflow(machine);
  if (!named) {
    callee = *item++;
    count--;
  }
  arguments = node_new(machine, PICKLE_TUPLE);
  if (!arguments || !items_add(arguments, item, count))
    return no_memory(machine);
  return push_call(machine, callee, arguments);
}

static enum status do_build(struct machine *machine, unsigned argument)
{
  (void)argument;
  struct pickle_node *state = pop(machine), *object = top(machine);
  if (!state || !object)
    return underflow(machine);
  if (object->kind == PICKLE_CALL)
    object->item[PICKLE_STATE] = state;
  return STATUS_OK;
}

static enum status do_persistent(struct machine *machine, unsigned from_stack)
{
  enum status status = from_stack ? STATUS_OK : do_text_line(machine, false);
  struct pickle_node *id = status == STATUS_OK ? pop(machine) : NULL;
  if (status != STATUS_OK)
    return status;
  if (!id)
    return underflow(machine);
  struct pickle_node *node = node_new(machine, PICKLE_PERSISTENT);
  if (node && !items_add(node, &id, 1))
    return no_memory(machine);
  return push(machine, node);
}

/* --- the memo --------------------------------------------------------------------------------- */

/* Picklers number their objects one after the other, so an index beyond all objects is no memo. */
static enum status remember(struct machine *machine, uint64_t index)
{
  struct pickle_node *node = top(machine);
  if (!node)
    return underflow(machine);
  if (index > machine->pickle->nodes)
    return wrong(machine, "a memo index beyond the objects so far");
  while (machine->memo.count <= index)
    if (!row_add(&machine->memo, NULL))
      return no_memory(machine);
  machine->memo.node[index] = node;
  return STATUS_OK;
}

static enum status recall(struct machine *machine, uint64_t index)
{
  if (index >= machine->memo.count || !machine->memo.node[index])
    return wrong(machine, "a memo index that holds nothing");
  return push(machine, machine->memo.node[index]);
}

static enum status do_put_memo(struct machine *machine, unsigned width)
{
  uint64_t index = machine->memo.count;
  if (width && !take_number(machine, width, &index))
    return ends(machine);
  return remember(machine, index);
}

static enum status do_get_memo(struct machine *machine, unsigned width)
{
  uint64_t index;
  return take_number(machine, width, &index) ? recall(machine, index) : ends(machine);
}

/* The index as a line of digits. */
static enum status do_memo_line(struct machine *machine, unsigned put)
{
  enum status status = do_decimal(machine, 0);
  if (status != STATUS_OK)
    return status;
  struct pickle_node *index = pop(machine);
  if (index->integer < 0)
    return wrong(machine, "a negative memo index");
  return put ? remember(machine, (uint64_t)index->integer)
             : recall(machine, (uint64_t)index->integer);
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct {
  opcode_function *run;
  unsigned argument;
} opcodes[256] = {
    [0x80] = {do_nothing, 1}, /* PROTO */
    [0x95] = {do_nothing, 8}, /* FRAME */
    ['.'] = {do_stop, 0},
    ['('] = {do_mark, 0},
    ['0'] = {do_pop, 0},
    ['1'] = {do_pop_mark, 0},
    ['2'] = {do_dup, 0},
    ['N'] = {do_none, 0},
    [0x88] = {do_bool, 1},
    [0x89] = {do_bool, 0},
    ['K'] = {do_integer, 1},
    ['M'] = {do_integer, 2},
    ['J'] = {do_integer, 4},
    [0x8a] = {do_long, 1},
    [0x8b] = {do_long, 4},
    ['I'] = {do_decimal, 0},
    ['L'] = {do_decimal, 0},
    ['G'] = {do_real, 0},
    ['F'] = {do_decimal_real, 0},
    ['U'] = {do_text, 1},  /* SHORT_BINSTRING */
    ['T'] = {do_text, 4},  /* BINSTRING */
    ['X'] = {do_text, 4},  /* BINUNICODE */
    [0x8c] = {do_text, 1}, /* SHORT_BINUNICODE */
    [0x8d] = {do_text, 8}, /* BINUNICODE8 */
    ['B'] = {do_text, 4},  /* BINBYTES */
    ['C'] = {do_text, 1},  /* SHORT_BINBYTES */
    [0x8e] = {do_text, 8}, /* BINBYTES8 */
    [0x96] = {do_text, 8}, /* BYTEARRAY8 */
    ['S'] = {do_text_line, true},
    ['V'] = {do_text_line, false},
    [']'] = {do_empty, PICKLE_LIST},
    ['}'] = {do_empty, PICKLE_DICT},
    [')'] = {do_empty, PICKLE_TUPLE},
    [0x8f] = {do_empty, PICKLE_LIST}, /* EMPTY_SET */
    ['l'] = {do_collect, PICKLE_LIST},
    ['d'] = {do_collect, PICKLE_DICT},
    ['t'] = {do_collect, PICKLE_TUPLE},
    [0x91] = {do_collect, PICKLE_LIST}, /* FROZENSET */
    [0x85] = {do_tuple, 1},
    [0x86] = {do_tuple, 2},
    [0x87] = {do_tuple, 3},
    ['a'] = {do_put, PICKLE_LIST},
    ['s'] = {do_put, PICKLE_DICT},
    ['e'] = {do_put_many, PICKLE_LIST},
    ['u'] = {do_put_many, PICKLE_DICT},
    [0x90] = {do_put_many, PICKLE_LIST}, /* ADDITEMS */
    ['c'] = {do_global, 0},
    [0x93] = {do_stack_global, 0},
    ['R'] = {do_call, 0},
    [0x81] = {do_call, 0}, /* NEWOBJ */
    [0x92] = {do_call, 1}, /* NEWOBJ_EX */
    ['i'] = {do_instance, true},
    ['o'] = {do_instance, false},
    ['b'] = {do_build, 0},
    ['P'] = {do_persistent, false},
    ['Q'] = {do_persistent, true},
    ['q'] = {do_put_memo, 1},
    ['r'] = {do_put_memo, 4},
    [0x94] = {do_put_memo, 0}, /* MEMOIZE */
    ['h'] = {do_get_memo, 1},
    ['j'] = {do_get_memo, 4},
    ['p'] = {do_memo_line, true},
    ['g'] = {do_memo_line, false},
};

static enum status run(struct machine *machine)
{
  enum status status = STATUS_OK;
  while (status == STATUS_OK && !machine->stopped) {
    if (machine->at == machine->size)
      return error_set(machine->error, STATUS_INPUT, "pickle: ends after %zu bytes without a STOP",
                       machine->size);
    machine->start = machine->at;
    unsigned char code = machine->bytes[machine->at++];
    status = opcodes[code].run ? opcodes[code].run(machine, opcodes[code].argument)
                               : wrong(machine, "not an opcode that qscope reads");
  }
  return status;
}

enum status pickle_read(const unsigned char *bytes, size_t size, size_t *used, struct pickle **out,
                        struct error *error)
{
  struct machine machine = {.bytes = bytes, .size = size, .error = error};
  machine.pickle = mem_array(1, sizeof *machine.pickle);
  /* The stack has a place before it has a value: empty rows of it are taken, too. */
  bool ready = machine.pickle && row_grow(&machine.stack);
  enum status status = ready ? run(&machine) : no_memory(&machine);
  free(machine.stack.node);
  free(machine.memo.node);
  free(machine.mark);
  if (status != STATUS_OK) {
    pickle_free(machine.pickle);
    return status;
  }
  if (used)
    *used = machine.at;
  *out = machine.pickle;
  return STATUS_OK;
}

void pickle_free(struct pickle *pickle)
{
  if (!pickle)
    return;
  for (struct chunk *chunk = pickle->chunks, *before; chunk; chunk = before) {
    before = chunk->before;
    for (size_t i = 0; i < chunk->used; i++)
      if (has_items(&chunk->node[i]))
        free(chunk->node[i].item);
    free(chunk);
  }
  free(pickle);
}

/* --- looking ---------------------------------------------------------------------------------- */

const struct pickle_node *pickle_root(const struct pickle *pickle)
{
  return pickle->root;
}

const struct pickle_node *pickle_next(const struct pickle *pickle, const struct pickle_node *node)
{
  const struct chunk *chunk = pickle->chunks;
  if (!node)
    return chunk ? chunk->node : NULL;
  while (node < chunk->node || node >= chunk->node + chunk->used)
    chunk = chunk->before;
  if (node + 1 < chunk->node + chunk->used)
    return node + 1;
  return chunk->before ? chunk->before->node : NULL;
}

bool pickle_is_text(const struct pickle_node *node, const char *text)
{
  return node && node->kind == PICKLE_TEXT && node->length == strlen(text) &&
         memcmp(node->text, text, node->length) == 0;
}

bool pickle_is_global(const struct pickle_node *node, const char *name)
{
  const char *blank = strchr(name, ' ');
  if (!node || node->kind != PICKLE_GLOBAL)
    return false;
  const struct pickle_node *module = node->item[0];
  return module->length == (size_t)(blank - name) &&
         memcmp(module->text, name, module->length) == 0 &&
         pickle_is_text(node->item[1], blank + 1);
}

bool pickle_calls(const struct pickle_node *node, const char *name)
{
  return node && node->kind == PICKLE_CALL && pickle_is_global(node->item[PICKLE_CALLEE], name);
}

const struct pickle_node *pickle_item(const struct pickle_node *node, size_t i)
{
  bool list = node && (node->kind == PICKLE_TUPLE || node->kind == PICKLE_LIST);
  return list && i < node->count ? node->item[i] : NULL;
}

bool pickle_size(const struct pickle_node *node, size_t *out)
{
  if (!node || node->kind != PICKLE_INT || node->integer < 0)
    return false;
  *out = (size_t)node->integer;
  return true;
}
