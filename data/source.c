#include "config.h"

#include "data/source.h"

#include "data/complex.h"
#include "data/source_types.h"
#include "data/stdin.h"
#include "data/text.h"
#include "quant/base/nearest.h"
#include "quant/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_HDF5
#define WITHOUT_HDF5 ""
#else
#define WITHOUT_HDF5 " (not in this build: libhdf5 is missing)"
#endif
#ifdef HAVE_MATIO
#define WITHOUT_MATIO ""
#else
#define WITHOUT_MATIO " (not in this build: libmatio is missing)"
#endif

const struct source_type source_types[] = {
    {"npy", NULL, "NumPy .npy, one array of any numeric type", npy_tastes, npy_open},
    {"pytorch", NULL, "PyTorch .pt, .pth, .bin, .ckpt: zip or older; its pickle is read, never run",
     pytorch_tastes, pytorch_open},
    {"npz", NULL, "NumPy .npz, a zip of .npy arrays, stored or deflated", npz_tastes, npz_open},
    {"gguf", NULL, "GGUF version 2 or 3, whole or in parts, with every tensor type of ggml",
     gguf_tastes, gguf_open},
    {"safetensors", NULL, "a .safetensors file, its index of shards, or a directory of them",
     safetensors_tastes, safetensors_open},
    {"onnx", NULL, "an ONNX model: initializers, constants, subgraphs, external data", onnx_tastes,
     onnx_open},
    {"hdf5", NULL, "HDF5, Keras .h5 and MATLAB 7.3" WITHOUT_HDF5, hdf5_tastes, hdf5_open},
    {"matlab", NULL, "MATLAB .mat of versions 4 and 5 to 7" WITHOUT_MATIO, matlab_tastes,
     matlab_open},
    {"imatrix", NULL, "an importance matrix of llama.cpp, of the older kind or as GGUF",
     imatrix_tastes, imatrix_open},
    {"synth",
     "synth:", "synthetic distributions: synth: (all of them) or synth:NAME,PARAMETER=VALUE,...",
     NULL, synth_open},
    {"raw", "raw:", "numbers without a header: raw:FILE,dtype=bf16,shape=4096x4096,offset=...",
     NULL, raw_open},
    {"text", NULL, "a table of numbers in text: comma, semicolon, tab or blanks between them",
     text_tastes, text_open},
};
const size_t source_types_length = sizeof source_types / sizeof *source_types;

bool text_ends(const char *text, const char *suffix)
{
  size_t length = strlen(text), tail = strlen(suffix);
  return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

const char *path_base(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

bool path_is_folder(const char *path)
{
  struct stat facts;
  return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

char *text_part(const void *bytes, size_t length, char text[SHOWN_SIZE])
{
  char part[41];
  snprintf(part, sizeof part, "%.*s", (int)size_min(length, sizeof part - 1), (const char *)bytes);
  return text_escape(part, text, SHOWN_SIZE);
}

char *first_bytes(const unsigned char *bytes, size_t size, char *text)
{
  text[0] = '\0';
  for (size_t i = 0; i < size_min(size, BYTES_SHOWN / 3); i++)
    snprintf(text + 3 * i, 4, "%02x ", bytes[i]);
  size_t used = strlen(text);
  if (used > 0)
    text[used - 1] = '\0';
  return text;
}

static bool is_stdin(const char *spec)
{
  return strcmp(spec, "-") == 0;
}

char *source_file_name(const char *path, char text[SHOWN_SIZE])
{
  snprintf(text, SHOWN_SIZE, "%s", is_stdin(path) ? "stdin" : path_base(path));
  char *dot = strrchr(text, '.');
  if (dot && dot > text)
    *dot = '\0';
  return text;
}

enum status source_unknown_word(const char *what, const char *word, const char *const *names,
                                size_t count, struct error *error)
{
  char list[400] = "";
  for (size_t i = 0, used = 0; i < count && used < sizeof list; i++)
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
  const char *near = nearest_word(word, names, count);
  return error_set(error, STATUS_USAGE, "unknown %s \"%s\"%s%s%s; there are: %s", what, SHOWN(word),
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", list);
}

/* Messages that begin with "-: ", or with no place, begin with a name that people know. */
static void call_stdin(struct error *error)
{
  static const char name[] = STDIN_NAME ": ";
  if (error && strncmp(error->text, "-: ", 3) == 0)
    memmove(error->text, error->text + 3, strlen(error->text + 3) + 1);
  if (error && strncmp(error->text, name, sizeof name - 1) != 0)
    error_prefix(error, "%s", name);
}

static enum status map_stdin(struct progress *progress, struct map **out, struct error *error)
{
  int file;
  enum status status = stdin_file(SIZE_MAX, &file, progress, error);
  return status == STATUS_OK
             ? map_open_file(fcntl(file, F_DUPFD_CLOEXEC, 0), STDIN_NAME, out, error)
             : status;
}

enum status source_keep(struct source *source, struct map *map, struct error *error)
{
  struct map **maps = mem_resize(source->maps, source->maps_count + 1, sizeof(struct map *));
  if (!maps) {
    map_close(map);
    return error_memory(error, "the list of files");
  }
  source->maps = maps;
  maps[source->maps_count++] = map;
  return STATUS_OK;
}

enum status source_map(struct source *source, const char *path, struct map **out,
                       struct error *error)
{
  enum status status =
      is_stdin(path) ? map_stdin(source->opening, out, error) : map_open(path, out, error);
  if (status == STATUS_OK)
    return source_keep(source, *out, error);
  if (is_stdin(path))
    call_stdin(error);
  return status;
}

void source_set_type(struct source *source, const char *name)
{
  for (size_t i = 0; i < source_types_length; i++)
    if (strcmp(source_types[i].name, name) == 0)
      source->type = &source_types[i];
}

struct progress *source_meter(struct source *source, size_t total)
{
  struct progress *meter = source->metered ? NULL : source->opening;
  source->metered = true;
  if (meter) {
    atomic_store(&meter->done, 0);
    atomic_store(&meter->total, total);
  }
  return meter;
}

enum status source_add(struct source *source, const struct tensor *tensor, struct error *error)
{
  if (progress_cancelled(source->opening))
    return error_set(error, STATUS_CANCELLED, "cancelled");
  if (source->count == source->capacity) {
    size_t capacity = source->capacity ? 2 * source->capacity : 16;
    struct tensor *tensors = mem_resize(source->tensors, capacity, sizeof *tensors);
    if (!tensors)
      return error_memory(error, "the list of tensors");
    source->tensors = tensors;
    source->capacity = capacity;
  }
  struct tensor copy = *tensor;
  copy.name = strdup(tensor->name);
  if (!copy.name)
    return error_memory(error, "a tensor's name");
  source->tensors[source->count++] = copy;
  return STATUS_OK;
}

enum status source_add_derived(struct source *source, const struct tensor *tensor,
                               struct derived *derived, struct error *error)
{
  struct derived **list =
      mem_resize(source->derived, source->derived_count + 1, sizeof(struct derived *));
  if (!list) {
    free(derived);
    return error_memory(error, "the list of tensors");
  }
  source->derived = list;
  list[source->derived_count++] = derived;
  struct tensor copy = *tensor;
  copy.derived = derived;
  return source_add(source, &copy, error);
}

enum status source_set_remark(struct source *source, size_t index, const char *text,
                              struct error *error)
{
  if (index >= source->remarks_count) {
    char **remarks = mem_resize(source->remarks, source->capacity, sizeof(char *));
    if (!remarks)
      return error_memory(error, "the list of remarks");
    source->remarks = remarks;
    while (source->remarks_count < source->capacity)
      remarks[source->remarks_count++] = NULL;
  }
  char *copy = strdup(text);
  if (!copy)
    return error_memory(error, "a remark");
  free(source->remarks[index]);
  source->remarks[index] = copy;
  return STATUS_OK;
}

enum status source_add_note(struct source *source, const char *text, struct error *error)
{
  size_t used = source->note ? strlen(source->note) : 0, size = used + strlen(text) + 3;
  char *note = mem_resize(source->note, size, 1);
  if (!note)
    return error_memory(error, "a note");
  snprintf(note + used, size - used, "%s%s", used ? "; " : "", text);
  source->note = note;
  return STATUS_OK;
}

enum status source_check_names(struct source *source, struct error *error)
{
  size_t twice;
  if (!name_index_extend(&source->names, source->tensors, source->count, 0, &twice))
    return error_memory(error, "the list of names");
  return twice == NAME_NONE ? STATUS_OK
                            : error_set(error, STATUS_INPUT, "two tensors are called %s",
                                        SHOWN(source->tensors[twice].name));
}

size_t source_memory(void)
{
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  size_t memory;
  bool known = pages > 0 && page > 0 && size_mul((size_t)pages, (size_t)page, &memory);
  return known ? memory : SIZE_MAX;
}

/* --- which type is it ---------------------------------------------------------- */

/* The first bytes of the file at SPEC; 0 for what is no regular file or cannot be read. */
static size_t read_head(const char *spec, unsigned char head[SOURCE_HEAD])
{
  struct stat facts;
  ssize_t length = 0;
  int file = open(spec, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0)
    return 0;
  if (fstat(file, &facts) == 0 && S_ISREG(facts.st_mode))
    length = pread(file, head, SOURCE_HEAD, 0);
  close(file);
  return length > 0 ? (size_t)length : 0;
}

static bool has_prefix(const struct source_type *type, const char *spec)
{
  return type->prefix && strncmp(spec, type->prefix, strlen(type->prefix)) == 0;
}

static const struct source_type *by_prefix(const char *spec)
{
  for (size_t i = 0; i < source_types_length; i++)
    if (has_prefix(&source_types[i], spec))
      return &source_types[i];
  return NULL;
}

const char *source_words(const struct source *source, const char *spec)
{
  return has_prefix(source->type, spec) ? spec + strlen(source->type->prefix) : spec;
}

size_t source_prefix(const char *spec)
{
  const struct source_type *type = by_prefix(spec);
  return type ? strlen(type->prefix) : 0;
}

bool source_reads_stdin(const char *spec)
{
  size_t prefix = source_prefix(spec);
  return is_stdin(spec + prefix) || (prefix && strncmp(spec + prefix, "-,", 2) == 0);
}

static const struct source_type *taste(const char *spec, const unsigned char *head, size_t length)
{
  for (size_t i = 0; i < source_types_length; i++)
    if (source_types[i].tastes && source_types[i].tastes(spec, head, length))
      return &source_types[i];
  return NULL;
}

const struct source_type *source_recognise(const char *path)
{
  unsigned char head[SOURCE_HEAD];
  size_t length = read_head(path, head);
  const struct source_type *type = length ? taste("", head, length) : NULL;
  return type == &source_types[source_types_length - 1] ? NULL : type;
}

/* "npy, pytorch, npz ...", for messages: into TEXT of TYPES_TEXT bytes; returns it. */
enum { TYPES_TEXT = 256 };
static char *type_names(char *text)
{
  text[0] = '\0';
  for (size_t i = 0, used = 0; i < source_types_length && used < TYPES_TEXT; i++)
    used += (size_t)snprintf(text + used, TYPES_TEXT - used, "%s%s", i ? ", " : "",
                             source_types[i].name);
  return text;
}

static enum status unknown_type(const char *spec, const unsigned char *head, size_t length,
                                struct error *error)
{
  struct stat facts;
  if (!is_stdin(spec) && stat(spec, &facts) != 0)
    return error_set(error, STATUS_INPUT, "%s: cannot open: %s", SHOWN(spec), strerror(errno));
  if (length == 0) { /* a pipe, a device, no permission: the map knows what to say */
    struct map *map;
    enum status status = map_open(spec, &map, error);
    if (status != STATUS_OK)
      return status;
    map_close(map);
    return error_set(error, STATUS_INPUT, "%s: the file is empty", SHOWN(spec));
  }
  return error_set(error, STATUS_INPUT,
                   "%s: unknown type of file, first bytes %s; expected one of: %s", SHOWN(spec),
                   first_bytes(head, length, (char[BYTES_SHOWN]){0}),
                   type_names((char[TYPES_TEXT]){0}));
}

/* The first bytes of a file, or of standard input, even where a file is called "-". */
static enum status look_at(const char *spec, unsigned char head[SOURCE_HEAD], size_t *length,
                           struct progress *progress, struct error *error)
{
  int file;
  *length = 0;
  if (!is_stdin(spec)) {
    *length = read_head(spec, head);
    return STATUS_OK;
  }
  enum status status = stdin_file(SOURCE_HEAD, &file, progress, error);
  ssize_t got = status == STATUS_OK ? pread(file, head, SOURCE_HEAD, 0) : 0;
  *length = got > 0 ? (size_t)got : 0;
  return status == STATUS_OK && got == 0 ? error_set(error, STATUS_INPUT, "is empty") : status;
}

static bool may_be_text(const unsigned char *head, size_t length)
{
  return length > 0 && !strchr("{[<", head[0]) && text_is_text(head, length);
}

/* By its prefix; by what the file holds first; by its name only when that says nothing. The name
 * of a folder is no more than one: whatever it ends in, it is as good as ".". */
static enum status find_type(const struct source *source, const struct source_type **out,
                             struct error *error)
{
  const char *spec = source->spec;
  unsigned char head[SOURCE_HEAD];
  size_t length;
  if ((*out = by_prefix(spec)))
    return STATUS_OK;
  enum status status = look_at(spec, head, &length, source->opening, error);
  if (status != STATUS_OK)
    return status;
  *out = length ? taste("", head, length) : NULL;
  if (!*out && !is_stdin(spec))
    *out = taste(path_is_folder(spec) ? "." : spec, head, 0);
  if (!*out && may_be_text(head, length)) /* it will say why it is no table */
    *out = &source_types[source_types_length - 1];
  return *out ? STATUS_OK : unknown_type(spec, head, length, error);
}

static enum status named_type(const char *name, const struct source_type **out, struct error *error)
{
  const char *names[32];
  size_t count = size_min(source_types_length, sizeof names / sizeof *names);
  for (size_t i = 0; i < count; i++) {
    names[i] = source_types[i].name;
    if (strcmp(name, names[i]) == 0) {
      *out = &source_types[i];
      return STATUS_OK;
    }
  }
  const char *near = nearest_word(name, names, count);
  return error_set(error, STATUS_USAGE,
                   "--input-format: unknown type \"%s\"%s%s%s; expected one of: %s", SHOWN(name),
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "",
                   type_names((char[TYPES_TEXT]){0}));
}

/* The type that NAME asks for; remembered where SPEC would not be recognised as such. */
static enum status choose_type(struct source *source, const char *name, struct error *error)
{
  const struct source_type *found = NULL;
  if (!name)
    return find_type(source, &source->type, error);
  enum status status = named_type(name, &source->type, error);
  if (status == STATUS_OK &&
      (find_type(source, &found, NULL) != STATUS_OK || found != source->type))
    source->asked = source->type;
  return status;
}

/* Said alike of all types, before one of them looks. */
static enum status check_not_empty(const struct source *source, struct error *error)
{
  struct stat facts;
  if (is_stdin(source->spec) || stat(source->spec, &facts) != 0 || !S_ISREG(facts.st_mode) ||
      facts.st_size > 0)
    return STATUS_OK;
  return error_set(error, STATUS_INPUT, "%s: the file is empty; expected %s", SHOWN(source->spec),
                   source->type->name);
}

enum status source_open(const char *spec, struct source **out, struct error *error)
{
  return source_open_as(spec, NULL, out, error);
}

static enum status index_names(struct source *source, struct error *error)
{
  size_t twice;
  return name_index_extend(&source->names, source->tensors, source->count, 0, &twice)
             ? STATUS_OK
             : error_memory(error, "the list of names");
}

uint64_t source_new_number(void)
{
  static atomic_uint_fast64_t numbers;
  return atomic_fetch_add(&numbers, 1) + 1;
}

uint64_t source_number(const struct source *source)
{
  return source->number;
}

enum status source_open_as(const char *spec, const char *type, struct source **out,
                           struct error *error)
{
  return source_open_watched(spec, type, NULL, out, error);
}

enum status source_open_watched(const char *spec, const char *type, struct progress *progress,
                                struct source **out, struct error *error)
{
  struct source *source = calloc(1, sizeof *source);
  if (!source || !(source->spec = strdup(spec))) {
    free(source);
    return error_memory(error, "a source");
  }
  source->number = source_new_number();
  source->opening = progress;
  enum status status = choose_type(source, type, error);
  if (status == STATUS_OK)
    status = check_not_empty(source, error);
  if (status == STATUS_OK)
    status = source->type->open(spec, source, error);
  if (status == STATUS_OK)
    status = metadata_note(source, error);
  if (status == STATUS_OK)
    status = index_names(source, error);
  if (status == STATUS_OK)
    status = complex_offer(source, error);
  if (status == STATUS_OK)
    status = index_names(source, error);
  if (status != STATUS_OK) {
    if (is_stdin(spec))
      call_stdin(error);
    source_close(source);
    return status;
  }
  source->opening = NULL;
  *out = source;
  return STATUS_OK;
}

void source_close(struct source *source)
{
  if (!source)
    return;
  straight_free(source);
  if (source->close)
    source->close(source);
  for (size_t i = 0; i < source->maps_count; i++)
    map_close(source->maps[i]);
  for (size_t i = 0; i < source->count; i++)
    free((char *)(uintptr_t)source->tensors[i].name);
  for (size_t i = 0; i < source->derived_count; i++)
    free(source->derived[i]);
  for (size_t i = 0; i < source->remarks_count; i++)
    free(source->remarks[i]);
  free(source->maps);
  free(source->derived);
  free(source->remarks);
  free(source->tensors);
  name_index_free(&source->names);
  free(source->spec);
  free(source->note);
  metadata_free(source);
  free(source);
}

/* --- what it holds --------------------------------------------------------------- */

const char *source_spec(const struct source *source)
{
  return source->spec;
}

const char *source_title(const char *spec)
{
  return is_stdin(spec) ? STDIN_NAME : spec;
}

const char *source_short_title(const char *spec)
{
  const char *base = path_base(spec);
  return *base ? source_title(base) : spec;
}

const char *source_type_name(const struct source *source)
{
  return source->type->name;
}

const char *source_input_format(const struct source *source)
{
  return source->asked ? source->asked->name : NULL;
}

size_t source_count(const struct source *source)
{
  return source->count;
}

const struct tensor *source_tensor(const struct source *source, size_t index)
{
  return &source->tensors[index];
}

/* How much TENSOR is worth a look: unpacked weights, matrices, rows; the codes of quantized weights
 * before a number alone, and that before other integers. */
static int interest(const struct tensor *tensor)
{
  unsigned long_axes = 0;
  for (unsigned i = 0; i < tensor->shape.dims; i++)
    long_axes += tensor->shape.dim[i] > 1;
  if (tensor->derived && !tensor->stored->decode) /* not the parts of complex numbers */
    return 5;
  if (!tensor->stored->decode || (tensor->stored->integral && tensor->stored->size > 1))
    return 0;
  if (tensor->stored->integral)
    return long_axes > 1 ? 2 : 0;
  return long_axes > 1 ? 4 : long_axes > 0 ? 3 : 1;
}

size_t source_first(const struct source *source)
{
  size_t best = 0;
  for (size_t i = 1; i < source->count; i++)
    if (interest(&source->tensors[i]) > interest(&source->tensors[best]))
      best = i;
  return best;
}

const char *source_note(const struct source *source)
{
  return source->note ? source->note : "";
}

const char *source_remark(const struct source *source, size_t index)
{
  if (index < source->remarks_count && source->remarks[index])
    return source->remarks[index];
  return source->remark && !source->tensors[index].derived ? source->remark(source, index) : "";
}

/* Up to five of the names that contain PART, into TEXT; how many there are in all. */
static size_t some_names(const struct source *source, const char *part, char *text, size_t size)
{
  enum { SHOW = 5 };
  size_t used = 0, found = 0;
  text[0] = '\0';
  for (size_t i = 0; i < source->count; i++) {
    const char *name = source->tensors[i].name;
    if (strstr(name, part) && ++found <= SHOW && used < size)
      used +=
          (size_t)snprintf(text + used, size - used, "%s%s", found > 1 ? ", " : "", SHOWN(name));
  }
  if (found > SHOW && used < size)
    snprintf(text + used, size - used, ", ...");
  return found;
}

/* The name nearest to NAME, or NULL when none is near or memory runs out. */
static const char *nearest_name(const struct source *source, const char *name)
{
  const char **names = mem_array(source->count, sizeof *names);
  for (size_t i = 0; names && i < source->count; i++)
    names[i] = source->tensors[i].name;
  const char *near = names ? nearest_word(name, names, source->count) : NULL;
  free(names);
  return near;
}

static enum status no_such_tensor(const struct source *source, const char *name,
                                  struct error *error)
{
  char list[320];
  const char *near = nearest_name(source, name);
  if (some_names(source, name, list, sizeof list) > 0)
    error_set(error, STATUS_INPUT, "%s: no tensor \"%s\"; names with it: %s",
              SHOWN(source_title(source->spec)), SHOWN(name), list);
  else if (near)
    error_set(error, STATUS_INPUT, "%s: no tensor \"%s\"; did you mean \"%s\"?",
              SHOWN(source_title(source->spec)), SHOWN(name), SHOWN(near));
  else if (some_names(source, "", list, sizeof list) > 0)
    error_set(error, STATUS_INPUT, "%s: no tensor \"%s\"; there are %zu: %s",
              SHOWN(source_title(source->spec)), SHOWN(name), source->count, list);
  else
    error_set(error, STATUS_INPUT, "%s: holds no tensors", SHOWN(source_title(source->spec)));
  return STATUS_INPUT;
}

enum status source_find(const struct source *source, const char *name, size_t *index,
                        struct error *error)
{
  char list[400];
  if (name && *name) {
    *index = name_index_find(&source->names, source->tensors, name);
    for (size_t i = source->names.seen; i < source->count && *index == NAME_NONE; i++)
      if (strcmp(source->tensors[i].name, name) == 0) /* of a source that was not opened */
        *index = i;
    return *index == NAME_NONE ? no_such_tensor(source, name, error) : STATUS_OK;
  }
  *index = 0;
  if (source->count == 1)
    return STATUS_OK;
  if (source->count == 0)
    return error_set(error, STATUS_INPUT, "%s: holds no tensors",
                     SHOWN(source_title(source->spec)));
  some_names(source, "", list, sizeof list);
  return error_set(error, STATUS_INPUT, "%s: holds %zu tensors, name one of: %s",
                   SHOWN(source_title(source->spec)), source->count, list);
}

/* RAW: its bytes alone are wanted. */
static enum status load_stored(struct source *source, size_t index, bool raw,
                               struct progress *progress, struct error *error)
{
  const struct tensor *tensor = &source->tensors[index];
  enum status status = STATUS_OK;
  if (!tensor->stored->decode && !raw)
    return error_set(error, STATUS_INPUT, "values stored as %s cannot be decoded",
                     tensor->stored->name);
  if (tensor->data)
    map_guard(); /* the program may have installed its own handlers since the file was opened */
  else
    status = source->load(source, index, progress, error);
  return status == STATUS_OK && !raw ? straight_make(source, index, progress, error) : status;
}

/* Part after part. The parts are tensors that the file holds, never derived ones. */
static enum status load_parts(struct source *source, const struct tensor *whole,
                              struct progress *progress, struct error *error)
{
  struct derived *derived = (struct derived *)(uintptr_t)whole->derived;
  for (unsigned i = 0; i < derived->parts; i++) {
    const struct tensor *part = &source->tensors[derived->part[i].index];
    enum status status = load_stored(source, derived->part[i].index, derived->raw, progress, error);
    if (status != STATUS_OK) {
      error_prefix(error, "%s: ", SHOWN(part->name));
      return status;
    }
  }
  if (tensor_is_loaded(whole)) /* others may be reading */
    return STATUS_OK;
  for (unsigned i = 0; i < derived->parts; i++)
    derived->part[i].tensor = &source->tensors[derived->part[i].index];
  enum status status = derived->check ? derived->check(derived, error) : STATUS_OK;
  if (status != STATUS_OK)
    derived->part[0].tensor = NULL;
  return status;
}

enum status source_load(struct source *source, size_t index, struct progress *progress,
                        struct error *error)
{
  const struct tensor *tensor = &source->tensors[index];
  if (source->base)
    return source->load(source, index, progress, error);
  if (tensor->derived)
    return load_parts(source, tensor, progress, error);
  if (tensor_is_complex(tensor))
    return error_set(error, STATUS_INPUT,
                     "complex numbers are measured by their parts: %s.real and %s.imag",
                     SHOWN(tensor->name), SHOWN(tensor->name));
  return load_stored(source, index, false, progress, error);
}

enum status source_verify(const struct source *source, struct error *error)
{
  enum { ASKED = 64 }; /* files that are closed: the last of so many are asked for their size */
  enum status status = source->base ? source_verify(source->base, error) : STATUS_OK;
  for (size_t i = 0; i < source->maps_count && status == STATUS_OK; i++) {
    const struct map *map = source->maps[i];
    if (map->file >= 0 || source->maps_count - i <= ASKED || map_failed(map))
      status = map_verify(map, error);
  }
  return status;
}
