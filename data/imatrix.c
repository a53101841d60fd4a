/* The older files, little-endian throughout: the number of entries; for each the length of its
 * name, the name, how many chunks of text went through it, how many values there are, and the
 * values: means times chunks, as float32; at the end, where somebody wrote them, the number of
 * chunks in all and the name of the text. The numbers are 32 bits wide.
 *
 * A mean is a sum divided by its count, and 1 where the count is 0: an expert that was never asked.
 * In the older files the count is that of the chunks, and 0 leaves the sum as it is. */
#include "config.h"

#include "data/imatrix.h"

#include "data/rename.h"
#include "quant/base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUMS_SUFFIX   ".in_sum2"
#define COUNTS_SUFFIX ".counts"
#define OLDER_SUFFIX  ".sums"

enum {
  NAME_MOST = 1024, /* as of GGUF */
  ENTRY_LEAST = 4 + 1 + 4 + 4 + 4,
  ENTRIES_TASTED = 1 << 20,
};

/* --- means ---------------------------------------------------------------------------------- */

static const struct stored mean_type = {
    .name = "imatrix", .length = 1, .size = sizeof(float), .exact = true};

struct means {
  struct derived derived; /* sums, counts (where there are any) */
  size_t columns;         /* that share a count */
  float chunks;           /* the count of all, without counts */
};

static float feed_float(const struct feed *feed, size_t index)
{
  float value;
  return *feed_block(feed, index, 1, &value);
}

/* The mean of SUMS as llama.cpp has it: in float32. */
static void divide(float *sums, size_t n, float count, bool counted)
{
  for (size_t i = 0; i < n; i++)
    sums[i] = count > 0 ? sums[i] / count : counted ? 1 : sums[i];
}

static void decode_means(const struct derived *derived, size_t start, size_t n, float *out)
{
  const struct means *self = (const struct means *)derived;
  const bool counted = derived->parts > 1;
  const struct feed sums = tensor_feed(derived->part[0].tensor);
  struct feed counts = {.count = 0};
  if (counted)
    counts = tensor_feed(derived->part[1].tensor);
  for (size_t taken; n > 0; start += taken, out += taken, n -= taken) {
    taken = size_min(size_min(n, FEED_BLOCK), self->columns - start % self->columns);
    const float *values = feed_block(&sums, start, taken, out);
    if (values != out)
      memcpy(out, values, taken * sizeof *out);
    divide(out, taken, counted ? feed_float(&counts, start / self->columns) : self->chunks,
           counted);
  }
}

static enum status check_counts(struct derived *derived, struct error *error)
{
  const struct tensor *tensor = derived->part[1].tensor;
  const struct feed counts = tensor_feed(tensor);
  for (size_t i = 0; i < counts.count; i++) {
    float count = feed_float(&counts, i);
    if (!(count >= 0) || count > 1e30f)
      return error_set(error, STATUS_INPUT, "%s: expected numbers of 0 or more, found %g at %zu",
                       SHOWN(tensor->name), (double)count, i);
  }
  return STATUS_OK;
}

/* Offers the means of the tensor SUMS as NAME. COUNTS is a tensor too, or SIZE_MAX: CHUNKS is the
 * count of all. */
static enum status add_means(struct source *source, const char *name, size_t sums, size_t counts,
                             float chunks, struct error *error)
{
  const struct tensor *sum = &source->tensors[sums];
  struct means *means = mem_array(1, sizeof *means);
  char remark[120];
  if (!means)
    return error_memory(error, "a tensor");
  bool counted = counts != SIZE_MAX;
  struct tensor tensor = {
      .name = name, .shape = sum->shape, .stored = &mean_type, .count = sum->count};
  means->derived = (struct derived){.decode = decode_means,
                                    .check = counted ? check_counts : NULL,
                                    .parts = counted ? 2 : 1,
                                    .part[0].index = sums,
                                    .part[1].index = counted ? counts : 0};
  means->columns = counted ? sum->count / source->tensors[counts].count : sum->count;
  means->chunks = chunks;
  tensor.bytes = sum->bytes + (counted ? source->tensors[counts].bytes : 0);
  if (tensor.shape.dims == 2 && tensor.shape.dim[0] == 1)
    tensor.shape = (struct shape){.dims = 1, .dim = {sum->count}};
  if (counted)
    snprintf(remark, sizeof remark, "mean squared input: %s / %s", SUMS_SUFFIX, COUNTS_SUFFIX);
  else if (chunks > 0)
    snprintf(remark, sizeof remark, "mean squared input: %s / %g chunks", OLDER_SUFFIX,
             (double)chunks);
  else
    snprintf(remark, sizeof remark, "%s as they are: of no chunks", OLDER_SUFFIX);
  enum status status = source_add_derived(source, &tensor, &means->derived, error);
  return status == STATUS_OK ? source_set_remark(source, source->count - 1, remark, error) : status;
}

/* The row of source_types. */
static void set_type(struct source *source)
{
  for (size_t i = 0; i < source_types_length; i++)
    if (strcmp(source_types[i].name, IMATRIX_TYPE) == 0)
      source->type = &source_types[i];
}

/* --- the newer kind: GGUF ------------------------------------------------------------------- */

static bool says_imatrix(const struct source *source)
{
  for (size_t i = 0; i < source_metadata_count(source); i++)
    if (strcmp(source_metadatum(source, i)->key, "general.type") == 0)
      return strcmp(source_metadatum(source, i)->value, "imatrix") == 0;
  return false;
}

struct named {
  const char *name;
  size_t index;
};

static int by_name(const void *left, const void *right)
{
  const struct named *a = left, *b = right;
  return strcmp(a->name, b->name);
}

/* Sums and counts fit: a count for each row of columns. */
static bool fits(const struct tensor *sums, const struct tensor *counts)
{
  const struct shape *shape = &sums->shape;
  return sums->count > 0 && counts->count > 0 && shape->dims > 0 &&
         sums->count / shape->dim[shape->dims - 1] == counts->count && sums->stored->decode &&
         counts->stored->decode;
}

/* The means of the sums at SUMS; *MISFITS counts those without counts that fit. */
static enum status offer(struct source *source, const struct named *names, size_t count,
                         size_t sums, size_t *misfits, struct error *error)
{
  char text[NAME_MOST + sizeof COUNTS_SUFFIX];
  const char *name = source->tensors[sums].name;
  size_t stem = strlen(name) - strlen(SUMS_SUFFIX);
  if (stem == 0 || stem > NAME_MOST)
    return STATUS_OK;
  snprintf(text, sizeof text, "%.*s" COUNTS_SUFFIX, (int)stem, name);
  const struct named key = {.name = text};
  const struct named *found = bsearch(&key, names, count, sizeof *names, by_name);
  if (!found || !fits(&source->tensors[sums], &source->tensors[found->index])) {
    ++*misfits;
    return STATUS_OK;
  }
  text[stem] = '\0';
  return add_means(source, text, sums, found->index, 0, error);
}

static enum status offer_all(struct source *source, struct named *names, struct error *error)
{
  size_t count = source->count, misfits = 0;
  char note[100];
  for (size_t i = 0; i < count; i++)
    names[i] = (struct named){source->tensors[i].name, i};
  qsort(names, count, sizeof *names, by_name);
  enum status status = STATUS_OK;
  for (size_t i = 0; i < count && status == STATUS_OK; i++)
    if (text_ends(source->tensors[i].name, SUMS_SUFFIX))
      status = offer(source, names, count, i, &misfits, error);
  if (status != STATUS_OK || misfits == 0)
    return status;
  snprintf(note, sizeof note,
           "%zu entries: " COUNTS_SUFFIX " beside " SUMS_SUFFIX " expected, one for each row",
           misfits);
  return source_add_note(source, note, error);
}

enum status imatrix_offer(struct source *source, struct error *error)
{
  if (!says_imatrix(source))
    return STATUS_OK;
  struct named *names = mem_array(source->count, sizeof *names);
  if (!names)
    return error_memory(error, "a list of names");
  enum status status = offer_all(source, names, error);
  free(names);
  set_type(source);
  return status;
}

/* --- the older kind ------------------------------------------------------------------------- */

struct reader {
  const unsigned char *bytes;
  size_t size, at; /* at <= size */
  struct error *error;
};

static uint32_t word_at(const unsigned char *bytes)
{
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
         (uint32_t)bytes[3] << 24;
}

/* A number from LEAST to MOST. */
static enum status read_number(struct reader *in, const char *what, size_t least, size_t most,
                               size_t *out)
{
  size_t left = in->size - in->at;
  if (left < 4)
    return error_set(in->error, STATUS_INPUT,
                     "ends inside %s at offset %zu: expected 4 bytes, found %zu", what, in->at,
                     left);
  int32_t number = (int32_t)word_at(in->bytes + in->at);
  if (number < 0 || (size_t)number < least || (size_t)number > most)
    return error_set(in->error, STATUS_INPUT, "%s at offset %zu: expected %zu to %zu, found %d",
                     what, in->at, least, most, number);
  *out = (size_t)number;
  in->at += 4;
  return STATUS_OK;
}

/* How many things of SIZE bytes may follow the four bytes of their number. */
static size_t room(const struct reader *in, size_t size)
{
  size_t left = in->size - in->at;
  return size_min(left > 4 ? (left - 4) / size : 0, INT32_MAX);
}

static enum status read_name(struct reader *in, const char *what, char name[NAME_MOST + 1])
{
  size_t length = 0;
  enum status status =
      read_number(in, what, 1, size_max(size_min(room(in, 1), NAME_MOST), 1), &length);
  if (status != STATUS_OK)
    return status;
  if (length > in->size - in->at || memchr(in->bytes + in->at, 0, length))
    return error_set(in->error, STATUS_INPUT, "the name at offset %zu is cut, or holds a NUL",
                     in->at);
  memcpy(name, in->bytes + in->at, length);
  name[length] = '\0';
  in->at += length;
  return STATUS_OK;
}

/* The sums as a tensor, and their means. */
static enum status add_entry(struct reader *in, struct source *source, char *name, size_t chunks,
                             size_t values)
{
  char sums[NAME_MOST + sizeof OLDER_SUFFIX];
  snprintf(sums, sizeof sums, "%s" OLDER_SUFFIX, name);
  struct tensor tensor = {.name = sums,
                          .shape = {.dims = 1, .dim = {values}},
                          .stored = stored_find("f32"),
                          .count = values,
                          .bytes = values * sizeof(float),
                          .data = in->bytes + in->at};
  in->at += tensor.bytes;
  enum status status = source_add(source, &tensor, in->error);
  return status == STATUS_OK
             ? add_means(source, name, source->count - 1, SIZE_MAX, (float)chunks, in->error)
             : status;
}

static enum status read_entry(struct reader *in, struct source *source)
{
  char name[NAME_MOST + 1];
  size_t chunks = 0, values = 0;
  enum status status = read_name(in, "the length of a name", name);
  if (status != STATUS_OK)
    return status;
  status = read_number(in, "the number of chunks", 0, INT32_MAX, &chunks);
  if (status == STATUS_OK)
    status =
        read_number(in, "the number of values", 1, size_max(room(in, sizeof(float)), 1), &values);
  if (status == STATUS_OK && values > (in->size - in->at) / sizeof(float))
    status =
        error_set(in->error, STATUS_INPUT, "ends at offset %zu, before the only value", in->size);
  if (status == STATUS_OK)
    return add_entry(in, source, name, chunks, values);
  error_prefix(in->error, "%s: ", SHOWN(name));
  return status;
}

/* What may stand behind the entries. */
static enum status read_end(struct reader *in, struct source *source)
{
  size_t chunks = 0;
  char text[NAME_MOST + 1];
  if (in->at == in->size)
    return STATUS_OK;
  enum status status = read_number(in, "the number of all chunks", 0, INT32_MAX, &chunks);
  snprintf(text, sizeof text, "%zu", chunks);
  if (status == STATUS_OK)
    status = source_tell(source, "imatrix.chunk_count", text, in->error);
  if (status != STATUS_OK || in->at == in->size)
    return status;
  bool nameless = in->size - in->at == 4 && word_at(in->bytes + in->at) == 0;
  if (nameless)
    return STATUS_OK;
  status = read_name(in, "the length of the text's name", text);
  if (status == STATUS_OK && in->at < in->size)
    status = error_set(in->error, STATUS_INPUT, "%zu bytes behind its end at offset %zu",
                       in->size - in->at, in->at);
  return status == STATUS_OK ? source_tell(source, "imatrix.datasets", text, in->error) : status;
}

static enum status read_all(struct reader *in, struct source *source)
{
  size_t entries = 0;
  enum status status =
      read_number(in, "the number of entries", 1, size_max(room(in, ENTRY_LEAST), 1), &entries);
  for (size_t i = 0; i < entries && status == STATUS_OK; i++)
    status = read_entry(in, source);
  if (status == STATUS_OK)
    status = read_end(in, source);
  return status == STATUS_OK ? source_check_names(source, in->error) : status;
}

/* Asked for by name: GGUF of another kind is none. */
static enum status open_gguf(const char *spec, struct source *source, struct error *error)
{
  enum status status = gguf_open(spec, source, error);
  if (status == STATUS_OK && !says_imatrix(source))
    status =
        error_set(error, STATUS_INPUT,
                  "%s: expected general.type \"imatrix\": not an importance matrix", SHOWN(spec));
  return status;
}

enum status imatrix_open(const char *spec, struct source *source, struct error *error)
{
  struct map *map;
  enum status status = source_map(source, spec, &map, error);
  if (status != STATUS_OK)
    return status;
  if (gguf_tastes("", map->bytes, map->size))
    return open_gguf(spec, source, error);
  struct reader in = {.bytes = map->bytes, .size = map->size, .error = error};
  status = read_all(&in, source);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(spec));
  return status;
}

/* No first bytes of its own: the first entry must look like one, with a name of a weight. */
static bool tastes_entry(const unsigned char *head, size_t length)
{
  if (length < 4 + ENTRY_LEAST)
    return false;
  uint32_t entries = word_at(head), name = word_at(head + 4);
  if (entries < 1 || entries > ENTRIES_TASTED || name < 1 || name > length - 16)
    return false;
  for (size_t i = 0; i < name; i++)
    if (head[8 + i] < '!' || head[8 + i] > '~')
      return false;
  int32_t chunks = (int32_t)word_at(head + 8 + name), values = (int32_t)word_at(head + 12 + name);
  return chunks >= 0 && values >= 1;
}

bool imatrix_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0)
    return tastes_entry(head, length);
  return text_ends(spec, "imatrix.dat") || text_ends(spec, ".imatrix");
}

/* --- entries by name ------------------------------------------------------------------------ */

static bool find_means(const struct source *source, const char *name, struct imatrix_entry *out)
{
  for (size_t i = 0; i < source->count; i++)
    if (source->tensors[i].derived && strcmp(source->tensors[i].name, name) == 0) {
      *out = (struct imatrix_entry){i, 0, source->tensors[i].count};
      return true;
    }
  return false;
}

/* "blk.0.ffn_up.3.weight" in "blk.0.ffn_up_exps.weight": its fourth row. */
static bool find_expert(const struct source *source, const char *name, struct imatrix_entry *out)
{
  char all[RENAME_TEXT + sizeof "_exps"];
  const char *end = text_ends(name, ".weight") ? name + strlen(name) - strlen(".weight") : name;
  const char *digits = end;
  size_t expert = 0;
  while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
    digits--;
  if (digits == end || end - digits > 6 || digits == name || digits[-1] != '.')
    return false;
  for (const char *digit = digits; digit < end; digit++)
    expert = 10 * expert + (size_t)(*digit - '0');
  snprintf(all, sizeof all, "%.*s_exps.weight", (int)(digits - 1 - name), name);
  if (!find_means(source, all, out))
    return false;
  const struct shape *shape = &source->tensors[out->index].shape;
  if (shape->dims != 2 || expert >= shape->dim[0])
    return false;
  out->first = expert * shape->dim[1];
  out->count = shape->dim[1];
  return true;
}

bool imatrix_find(const struct source *source, const char *name, struct imatrix_entry *out)
{
  char alias[RENAME_MOST][RENAME_TEXT], plain[RENAME_TEXT];
  if (text_ends(name, DERIVED_SUFFIX) && strlen(name) < sizeof plain) {
    snprintf(plain, sizeof plain, "%.*s", (int)(strlen(name) - strlen(DERIVED_SUFFIX)), name);
    name = plain;
  }
  size_t aliases = rename_aliases(name, alias);
  bool found = find_means(source, name, out) || find_expert(source, name, out);
  for (size_t i = 0; i < aliases && !found; i++)
    found = find_means(source, alias[i], out) || find_expert(source, alias[i], out);
  return found;
}
