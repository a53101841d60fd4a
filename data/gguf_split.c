/* Models of GGUF: one file, or parts called "NAME-00001-of-00003.gguf". Any part opens all of them,
 * in their order; the first one brings the metadata. Each part says which one it is, how many there
 * are, and how many tensors they hold together: all of it must agree. */
#include "config.h"

#include "data/gguf.h"
#include "data/imatrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 5 };

/* What the name of a part says. */
struct part_name {
  size_t stem; /* length of what stands before "-00001-of-00003.gguf" */
  size_t number, count;
};

/* Reads DIGITS digits at TEXT. */
static bool read_digits(const char *text, size_t *out)
{
  *out = 0;
  for (unsigned i = 0; i < DIGITS; i++) {
    if (text[i] < '0' || text[i] > '9')
      return false;
    *out = 10 * *out + (size_t)(text[i] - '0');
  }
  return true;
}

static bool read_part_name(const char *path, struct part_name *out)
{
  static const char pattern[] = "-00000-of-00000" GGUF_SUFFIX;
  size_t length = strlen(path), tail = sizeof pattern - 1;
  if (length < tail || !text_ends(path, GGUF_SUFFIX))
    return false;
  const char *end = path + length - tail;
  out->stem = length - tail;
  return end[0] == '-' && read_digits(end + 1, &out->number) &&
         strncmp(end + 1 + DIGITS, "-of-", 4) == 0 && read_digits(end + 5 + DIGITS, &out->count) &&
         out->number >= 1 && out->number <= out->count;
}

bool gguf_same_model(const char *file, const char *other)
{
  struct part_name a = {0}, b = {0};
  return read_part_name(file, &a) && read_part_name(other, &b) && a.count == b.count &&
         a.stem == b.stem && strncmp(file, other, a.stem) == 0;
}

static enum status expect(const struct gguf_facts *facts, enum gguf_fact fact, const char *key,
                          size_t expected, struct error *error)
{
  if (!facts->given[fact])
    return error_set(error, STATUS_INPUT, "%s: expected %zu, found no such key", key, expected);
  if (facts->value[fact] != expected)
    return error_set(error, STATUS_INPUT, "%s: expected %zu, found %zu", key, expected,
                     facts->value[fact]);
  return STATUS_OK;
}

/* What part NUMBER of COUNT, counted from 1, says of itself; TENSORS is what the first one says. */
static enum status check_part(const struct gguf_facts *facts, size_t number, size_t count,
                              size_t tensors, struct error *error)
{
  enum status status = expect(facts, GGUF_SPLIT_COUNT, "split.count", count, error);
  if (status == STATUS_OK)
    status = expect(facts, GGUF_SPLIT_NUMBER, "split.no", number - 1, error);
  if (status == STATUS_OK && facts->given[GGUF_SPLIT_TENSORS] &&
      facts->value[GGUF_SPLIT_TENSORS] != tensors)
    status = error_set(error, STATUS_INPUT,
                       "split.tensors.count: expected %zu as in the first part, found %zu: a part "
                       "of another model?",
                       tensors, facts->value[GGUF_SPLIT_TENSORS]);
  return status;
}

/* The part NUMBER beside PATH. *TENSORS is set by the first part. */
static enum status add_part(const char *path, const struct part_name *name, size_t number,
                            size_t *tensors, struct source *source, struct error *error)
{
  struct gguf_facts facts;
  size_t size = strlen(path) + 1;
  char *part = malloc(size);
  if (!part)
    return error_memory(error, "a file's name");
  snprintf(part, size, "%.*s-%0*zu-of-%0*zu" GGUF_SUFFIX, (int)name->stem, path, DIGITS, number,
           DIGITS, name->count);
  enum status status = gguf_add(part, number == 1, &facts, source, error);
  if (status == STATUS_OK) {
    if (number == 1)
      *tensors = facts.value[GGUF_SPLIT_TENSORS];
    status = check_part(&facts, number, name->count, *tensors, error);
    if (status != STATUS_OK)
      error_prefix(error, "%s: ", SHOWN(part));
  }
  free(part);
  return status;
}

static enum status add_parts(const char *path, const struct part_name *name, struct source *source,
                             struct error *error)
{
  enum status status = STATUS_OK;
  size_t tensors = 0;
  for (size_t i = 1; i <= name->count && status == STATUS_OK; i++)
    status = add_part(path, name, i, &tensors, source, error);
  if (status == STATUS_OK && tensors > 0 && source->count != tensors)
    status = error_set(error, STATUS_INPUT,
                       "%s: the parts hold %zu tensors, but split.tensors.count is %zu",
                       SHOWN(path), source->count, tensors);
  return status;
}

/* A file on its own; of a part whose name says nothing of the others that is said. */
static enum status add_single(const char *path, struct source *source, struct error *error)
{
  char note[200];
  struct gguf_facts facts;
  enum status status = gguf_add(path, true, &facts, source, error);
  if (status != STATUS_OK || facts.value[GGUF_SPLIT_COUNT] < 2)
    return status;
  snprintf(note, sizeof note,
           "part %zu of %zu alone: the others are found by names that end in "
           "-00001-of-%05zu" GGUF_SUFFIX,
           facts.value[GGUF_SPLIT_NUMBER] + 1, facts.value[GGUF_SPLIT_COUNT],
           facts.value[GGUF_SPLIT_COUNT]);
  return source_add_note(source, note, error);
}

enum status gguf_open(const char *spec, struct source *source, struct error *error)
{
  struct part_name name = {0};
  struct gguf_facts facts = {.value = {0}};
  enum status status = STATUS_OK;
  bool named = read_part_name(spec, &name) && name.count > 1;
  if (named) /* a name alone makes no part */
    status = gguf_peek(spec, &facts, error);
  if (status != STATUS_OK)
    return status;
  status = facts.value[GGUF_SPLIT_COUNT] > 1 ? add_parts(spec, &name, source, error)
                                             : add_single(spec, source, error);
  if (status != STATUS_OK)
    return status;
  status = imatrix_offer(source, error);
  if (status == STATUS_OK)
    status = source_check_names(source, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(spec));
  return status;
}
