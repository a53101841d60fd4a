/* MATLAB's .mat of version 4 and 5 (to 7, compressed): numeric variables, also those in structs and
 * cells (s.field, c.0 from 0 on, both where there are several), by libmatio.
 *
 * Opening reads what describes the variables; the values of one are read when it is loaded.
 *
 * libmatio allocates what a file claims. So the lengths that lie open in the file are held against
 * its size first; what is compressed is tried in a child process with little memory
 * (data/child.h), which also writes the values that go to a temporary file. */
#include "config.h"

#include "data/source_types.h"
#include "quant/base/size.h"

#include <string.h>

#define MATLAB_5 "MATLAB 5.0 MAT-file"

bool matlab_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0)
    return length > strlen(MATLAB_5) && memcmp(head, MATLAB_5, strlen(MATLAB_5)) == 0;
  return text_ends(spec, ".mat");
}

/* --- what a file claims ----------------------------------------------------------------------- */

/* Version 4 has no first bytes of its own: a chain of headers of five 32-bit numbers, each before a
 * name and values. libmatio allocates the length of a name that a header claims, so all headers are
 * walked first. */
static bool is_version_5(const struct map *map)
{
  return map->size > strlen(MATLAB_5) && memcmp(map->bytes, MATLAB_5, strlen(MATLAB_5)) == 0;
}

static uint32_t number_at(const unsigned char *bytes, bool swapped)
{
  uint32_t number;
  memcpy(&number, bytes, sizeof number);
  return swapped ? __builtin_bswap32(number) : number;
}

/* Bytes of the variable whose header (TYPE, rows, columns, is complex, length of the name) begins
 * at HEAD; SIZE_MAX when there is no such number. */
static size_t version_4_size(const unsigned char *head, bool swapped)
{
  static const unsigned char widths[] = {8, 4, 4, 2, 2, 1};
  enum { SPARSE = 2 }; /* its imaginary parts are a column */
  uint32_t type = number_at(head, swapped), precision = type / 10 % 10;
  bool complex = type % 10 != SPARSE && number_at(head + 12, swapped) != 0;
  size_t bytes = number_at(head + 4, swapped);
  bool fits = precision < sizeof widths && size_mul(bytes, number_at(head + 8, swapped), &bytes) &&
              size_mul(bytes, complex ? 2 : 1, &bytes) &&
              size_mul(bytes, widths[precision], &bytes) &&
              size_add(bytes, number_at(head + 16, swapped), &bytes);
  return fits ? bytes : SIZE_MAX;
}

static enum status check_version_4(const struct map *map, struct error *error)
{
  enum { HEADER = 20, TYPE_MOST = 4999 };
  for (size_t at = 0; at < map->size;) {
    const unsigned char *head = map->bytes + at;
    size_t left = map->size - at;
    if (left < HEADER)
      return error_set(error, STATUS_INPUT, "not a MATLAB file of version 4 to 7");
    bool swapped = number_at(head, false) > TYPE_MOST;
    size_t size = version_4_size(head, swapped);
    if (number_at(head, swapped) > TYPE_MOST || size > left - HEADER)
      return error_set(error, STATUS_INPUT,
                       "not a MATLAB file of version 5 to 7, nor of version 4: the variable at "
                       "offset %zu does not fit in the %zu bytes that follow",
                       at, left);
    at += HEADER + size;
  }
  return STATUS_OK;
}

/* Version 5: 128 bytes of head, then elements, each a type, a length and so many bytes, filled up
 * to eight; or in the first four bytes a type and a length of up to four. Matrices hold elements.
 */
struct elements {
  const struct map *map;
  bool swapped;
  struct error *error;
};

enum { HEAD_5 = 128, ORDER_AT = 126, MATRIX = 14, COMPRESSED = 15, MATRICES_DEEP = 64 };

static enum status check_elements(const struct elements *in, size_t at, size_t end, unsigned depth)
{
  enum status status = STATUS_OK;
  while (status == STATUS_OK && end - at >= 8) {
    uint32_t type = number_at(in->map->bytes + at, in->swapped);
    size_t size = number_at(in->map->bytes + at + 4, in->swapped), start = at + 8;
    if (type >> 16) {
      at = start;
      continue;
    }
    if (size > end - start)
      return error_set(in->error, STATUS_INPUT,
                       "the element at offset %zu claims %zu bytes; %zu follow", at, size,
                       end - start);
    if (type == MATRIX && depth < MATRICES_DEEP)
      status = check_elements(in, start, start + size, depth + 1);
    if (type != COMPRESSED)
      size = size_min(size_div_up(size, 8) * 8, end - start);
    at = start + size;
  }
  return status;
}

static enum status check_version_5(const struct map *map, struct error *error)
{
  if (map->size < HEAD_5)
    return error_set(error, STATUS_INPUT, "%zu bytes; the head of a MATLAB file has %d", map->size,
                     HEAD_5);
  uint16_t order;
  memcpy(&order, map->bytes + ORDER_AT, sizeof order);
  struct elements in = {map, order != ('M' << 8 | 'I'), error};
  return check_elements(&in, HEAD_5, map->size, 0);
}

static enum status check_claims(const struct map *map, struct error *error)
{
  if (hdf5_tastes("", map->bytes, map->size))
    return error_set(error, STATUS_INPUT, "MATLAB 7.3, which is HDF5: open it as hdf5");
  return is_version_5(map) ? check_version_5(map, error) : check_version_4(map, error);
}

#ifndef HAVE_MATIO

enum status matlab_open(const char *spec, struct source *source, struct error *error)
{
  struct map *map;
  enum status status = source_map(source, spec, &map, error);
  if (status != STATUS_OK)
    return status;
  status = check_claims(map, error);
  if (status == STATUS_OK)
    status = error_set(error, STATUS_INPUT,
                       "a MATLAB file, which this build of qscope cannot read: it needs libmatio "
                       "(package libmatio-dev, matio-devel or libmatio); then configure and build "
                       "again");
  error_prefix(error, "%s: ", SHOWN(spec));
  return status;
}

#else

#include "data/child.h"
#include "data/map_range.h"
#include "data/spill.h"
#include "quant/base/library.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <matio.h>
#include <stdlib.h>

#define MATLAB_LIBRARY "libmatio"

/* mat.Open is Mat_Open of libmatio, which is loaded at the first file. */
#define MATIO_CALLS(CALL)                                                                          \
  CALL(Close)                                                                                      \
  CALL(Open)                                                                                       \
  CALL(VarFree)                                                                                    \
  CALL(VarGetCell)                                                                                 \
  CALL(VarGetNumberOfFields)                                                                       \
  CALL(VarGetStructFieldByIndex)                                                                   \
  CALL(VarGetStructFieldnames) CALL(VarReadDataLinear) CALL(VarReadInfo) CALL(VarReadNextInfo)
#define MATIO_CALL(name) LIBRARY_CALL(Mat_, name)
#define MATIO_NAME(name) LIBRARY_NAME(Mat_, name)
static const char *const names[] = {MATIO_CALLS(MATIO_NAME)};
static struct {
  MATIO_CALLS(MATIO_CALL)
} mat;
static struct library libmatio = {.name = MATLAB_LIBRARY,
                                  .file = MATIO_FILE,
                                  .packages = "matio, or libmatio with its number",
                                  .names = names,
                                  .count = sizeof names / sizeof *names,
                                  .calls = &mat};
static_assert(sizeof mat == sizeof names, "a name for each call");

enum {
  DEFLATE_MOST = 1032,
  MEMORY_LEAST = 128 << 20, /* that libmatio is given */
  MEMORY_TIMES = 8,         /* and so many times the size of the file */
  PIECE = 32 << 20,         /* bytes that are read at a time, or a share of the variable */
  PIECES = 8,
  DEEP_MOST = 16,        /* structs in structs */
  MEMBERS_MOST = 100000, /* of one struct or cell */
  NAME_MOST = 1 << 12,
};

/* Where a tensor is: in a variable, in its member, in a member of that ... */
struct place {
  char *variable;
  unsigned depth;
  size_t member[DEEP_MOST];
};

struct matlab {
  const char *spec;
  mat_t *file;
  size_t size;          /* of the file */
  size_t loaded;        /* bytes, in memory */
  struct place *places; /* of each tensor */
  size_t places_count, places_capacity;
  size_t text, nested, sparse, other; /* variables that were skipped */
};

/* --- structs and cells ------------------------------------------------------------------------ */

static size_t elements_of(const matvar_t *variable)
{
  size_t count = 1;
  for (int i = 0; i < variable->rank; i++)
    if (!size_mul(count, variable->dims[i], &count))
      return 0;
  return variable->dims ? count : 0;
}

/* How many members there are: of each element of a struct all fields; 0: it has none. */
static size_t members_of(matvar_t *variable)
{
  size_t fields = variable->class_type == MAT_C_CELL     ? 1
                  : variable->class_type == MAT_C_STRUCT ? mat.VarGetNumberOfFields(variable)
                                                         : 0;
  size_t count;
  return size_mul(elements_of(variable), fields, &count) && variable->data ? count : 0;
}

/* Member INDEX, or NULL. */
static matvar_t *member_of(matvar_t *variable, size_t index)
{
  if (index >= members_of(variable))
    return NULL;
  if (variable->class_type == MAT_C_CELL)
    return index <= INT_MAX ? mat.VarGetCell(variable, (int)index) : NULL;
  size_t fields = mat.VarGetNumberOfFields(variable);
  return mat.VarGetStructFieldByIndex(variable, index % fields, index / fields);
}

/* Adds ".3", ".field" or ".3.field" to NAME. False where that has no room. */
static bool name_member(const matvar_t *variable, size_t fields, size_t index, char *name)
{
  size_t used = strlen(name), room = NAME_MOST - used, added = 0;
  bool several = variable->class_type == MAT_C_CELL || elements_of(variable) > 1;
  if (several)
    added = (size_t)snprintf(name + used, room, ".%zu", index / fields);
  if (variable->class_type == MAT_C_STRUCT && added < room) {
    char *const *fieldnames = mat.VarGetStructFieldnames(variable);
    const char *field = fieldnames ? fieldnames[index % fields] : NULL;
    added += (size_t)snprintf(name + used + added, room - added, ".%s", field ? field : "");
  }
  return added < room;
}

static matvar_t *follow(matvar_t *variable, const struct place *place)
{
  for (unsigned i = 0; i < place->depth && variable; i++)
    variable = member_of(variable, place->member[i]);
  return variable;
}

static enum status keep_place(struct matlab *matlab, const struct place *place, struct error *error)
{
  if (matlab->places_count == matlab->places_capacity) {
    size_t capacity = matlab->places_capacity ? 2 * matlab->places_capacity : 16;
    struct place *grown = mem_resize(matlab->places, capacity, sizeof *grown);
    if (!grown)
      return error_memory(error, "the list of variables");
    matlab->places = grown;
    matlab->places_capacity = capacity;
  }
  struct place copy = *place;
  copy.variable = strdup(place->variable);
  if (!copy.variable)
    return error_memory(error, "the list of variables");
  matlab->places[matlab->places_count++] = copy;
  return STATUS_OK;
}

/* --- listing ---------------------------------------------------------------------------- */

static const struct {
  enum matio_classes class;
  const char *stored, *complex;
} classes[] = {{MAT_C_DOUBLE, "f64", "c128"}, {MAT_C_SINGLE, "f32", "c64"},
               {MAT_C_INT8, "i8", NULL},      {MAT_C_UINT8, "u8", NULL},
               {MAT_C_INT16, "i16", NULL},    {MAT_C_UINT16, "u16", NULL},
               {MAT_C_INT32, "i32", NULL},    {MAT_C_UINT32, "u32", NULL},
               {MAT_C_INT64, "i64", NULL},    {MAT_C_UINT64, "u64", NULL}};

/* NULL: no numbers, counted as what they are. */
static const struct stored *stored_type(struct matlab *matlab, const matvar_t *variable)
{
  const char *name = NULL;
  enum matio_classes class = variable->class_type;
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (classes[i].class == class)
      name = variable->isComplex ? classes[i].complex : classes[i].stored;
  if (name && variable->isLogical && class == MAT_C_UINT8)
    name = "bool";
  if (name && variable->rank >= 0 && variable->rank <= SHAPE_MAX_DIMS && variable->dims)
    return stored_find(name);
  bool nested = class == MAT_C_STRUCT || class == MAT_C_CELL || class == MAT_C_OBJECT;
  *(class == MAT_C_CHAR     ? &matlab->text
    : class == MAT_C_SPARSE ? &matlab->sparse
    : nested                ? &matlab->nested
                            : &matlab->other) += 1;
  return NULL;
}

/* Every element takes a byte of the file at least, or of what it holds deflated. */
static enum status check_size(const struct matlab *matlab, struct tensor *tensor,
                              struct error *error)
{
  if (!shape_count(&tensor->shape, &tensor->count) ||
      !size_mul(tensor->count, tensor->stored->size, &tensor->bytes))
    return error_set(error, STATUS_INPUT, "larger than the address space");
  if (tensor->count / DEFLATE_MOST > matlab->size)
    return error_set(error, STATUS_INPUT,
                     "claims %zu elements, which a file of %zu bytes cannot "
                     "hold",
                     tensor->count, matlab->size);
  return STATUS_OK;
}

static enum status add_numbers(struct source *source, const matvar_t *variable, const char *name,
                               const struct place *place, struct error *error)
{
  struct matlab *matlab = source->state;
  struct tensor tensor = {.name = name};
  tensor.stored = stored_type(matlab, variable);
  if (!tensor.stored)
    return STATUS_OK;
  tensor.shape.dims = (unsigned)variable->rank;
  for (unsigned i = 0; i < tensor.shape.dims; i++)
    tensor.shape.dim[i] = variable->dims[i];
  enum status status = check_size(matlab, &tensor, error);
  if (tensor.shape.dims > 1)
    tensor_set_fortran(&tensor);
  if (status == STATUS_OK)
    status = keep_place(matlab, place, error);
  if (status == STATUS_OK)
    status = source_add(source, &tensor, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(tensor.name));
  return status;
}

static enum status add_variable(struct source *source, matvar_t *variable, char *name,
                                struct place *place, struct error *error);

/* NAME and PLACE are those of VARIABLE again afterwards. */
static enum status add_members(struct source *source, matvar_t *variable, char *name,
                               struct place *place, struct error *error)
{
  struct matlab *matlab = source->state;
  size_t count = members_of(variable), length = strlen(name);
  size_t fields = count ? count / elements_of(variable) : 1;
  enum status status = STATUS_OK;
  if (place->depth == DEEP_MOST || count > MEMBERS_MOST) {
    matlab->nested++;
    return STATUS_OK;
  }
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    matvar_t *member = member_of(variable, i);
    if (member && name_member(variable, fields, i, name)) {
      place->member[place->depth++] = i;
      status = add_variable(source, member, name, place, error);
      place->depth--;
    }
    name[length] = '\0';
  }
  return status;
}

static enum status add_variable(struct source *source, matvar_t *variable, char *name,
                                struct place *place, struct error *error)
{
  return members_of(variable) > 0 ? add_members(source, variable, name, place, error)
                                  : add_numbers(source, variable, name, place, error);
}

static enum status add_variables(struct source *source, struct error *error)
{
  struct matlab *matlab = source->state;
  enum status status = STATUS_OK;
  size_t seen = 0;
  for (matvar_t *variable; status == STATUS_OK && (variable = mat.VarReadNextInfo(matlab->file));
       seen++) {
    char name[NAME_MOST];
    struct place place = {.variable = variable->name ? variable->name : name};
    if ((size_t)snprintf(name, sizeof name, "%s", variable->name ? variable->name : "") <
        sizeof name)
      status = add_variable(source, variable, name, &place, error);
    else
      matlab->other++;
    mat.VarFree(variable);
  }
  if (status == STATUS_OK && seen == 0)
    return error_set(error, STATUS_INPUT, "no variable can be read; is it a MATLAB file?");
  return status == STATUS_OK ? source_check_names(source, error) : status;
}

static enum status write_note(struct source *source, struct error *error)
{
  const struct matlab *matlab = source->state;
  const struct skipped kinds[] = {
      {matlab->text, "variable of text", "variables of text"},
      {matlab->nested, "struct or cell (empty, too large, too deep)",
       "structs or cells (empty, too large, too deep)"},
      {matlab->sparse, "sparse matrix", "sparse matrices"},
      {matlab->other, "variable without numbers", "variables without numbers"}};
  return source_note_skipped(source, kinds, sizeof kinds / sizeof *kinds, error);
}

/* --- values --------------------------------------------------------------------------------- */

static size_t memory_of(const struct matlab *matlab)
{
  size_t memory;
  return size_mul(matlab->size, MEMORY_TIMES, &memory) && size_add(memory, MEMORY_LEAST, &memory)
             ? memory
             : 0;
}

struct reading {
  const struct matlab *matlab;
  const struct tensor *tensor;
  const struct place *place;
  unsigned char *values;
  unsigned char *parts; /* room for a piece of a complex variable, else NULL */
};

/* libmatio has real and imaginary parts apart; a pair is SIZE bytes here. */
static bool read_pairs(mat_t *file, matvar_t *variable, unsigned char *parts, unsigned char *values,
                       size_t size, size_t first, size_t n)
{
  size_t half = size / 2;
  unsigned char *real = parts, *imaginary = parts + n * half;
  mat_complex_split_t split = {real, imaginary};
  bool good = mat.VarReadDataLinear(file, variable, &split, (int)first, 1, (int)n) == 0;
  for (size_t i = 0; i < n && good; i++) {
    memcpy(values + i * size, real + i * half, half);
    memcpy(values + i * size + half, imaginary + i * half, half);
  }
  return good;
}

static bool read_piece(mat_t *file, matvar_t *variable, const struct reading *reading, size_t first,
                       size_t n)
{
  size_t size = reading->tensor->stored->size;
  unsigned char *values = reading->values + first * size;
  return variable->isComplex
             ? read_pairs(file, variable, reading->parts, values, size, first, n)
             : mat.VarReadDataLinear(file, variable, values, (int)first, 1, (int)n) == 0;
}

/* It may have changed since it was listed. */
static bool is_as_listed(const matvar_t *variable, const struct tensor *tensor)
{
  return variable && elements_of(variable) == tensor->count &&
         (variable->isComplex != 0) == tensor_is_complex(tensor);
}

/* Elements that are read at a time. */
static size_t piece_of(const struct tensor *tensor)
{
  return size_max(tensor->count / PIECES, PIECE / tensor->stored->size);
}

/* In pieces, so that not all of a temporary file is resident. What is compressed is unpacked from
 * its beginning for each, so there are few. */
static bool read_values(mat_t *file, const struct reading *reading)
{
  const struct tensor *tensor = reading->tensor;
  size_t width = tensor->stored->size, piece = piece_of(tensor);
  matvar_t *whole = mat.VarReadInfo(file, reading->place->variable);
  matvar_t *variable = whole ? follow(whole, reading->place) : NULL;
  bool good = is_as_listed(variable, tensor);
  for (size_t done = 0, n; good && done < tensor->count; done += n) {
    n = size_min(tensor->count - done, piece);
    good = read_piece(file, variable, reading, done, n);
    map_passed(n * width);
  }
  mat.VarFree(whole);
  return good;
}

/* By a file of its own: two processes that share one move its place under each other. */
static bool read_apart(void *state)
{
  const struct reading *reading = state;
  mat_t *file = mat.Open(reading->matlab->spec, MAT_ACC_RDONLY);
  return file && read_values(file, reading);
}

static enum status check_load(const struct matlab *matlab, const struct tensor *tensor,
                              struct error *error)
{
  size_t half = source_memory() / 2;
  if (tensor->count > INT_MAX)
    return error_set(error, STATUS_INPUT, "%zu elements, more than %d: libmatio cannot read them",
                     tensor->count, INT_MAX);
  if (!spill_is_file(tensor->bytes) &&
      (matlab->loaded > half || tensor->bytes > half - matlab->loaded))
    return error_set(error, STATUS_MEMORY,
                     "needs %zu bytes beside the %zu that are loaded; half of this machine's "
                     "memory is %zu",
                     tensor->bytes, matlab->loaded, half);
  return STATUS_OK;
}

/* A temporary file is shared with the child: what that has read is there. */
static enum status keep_values(struct matlab *matlab, const struct reading *reading,
                               struct progress *progress, struct error *error)
{
  bool shared = spill_is_file(reading->tensor->bytes);
  struct reading state = *reading;
  enum status status = child_try(
      &(struct trial){read_apart, &state, MATLAB_LIBRARY, memory_of(matlab)}, progress, error);
  if (status != STATUS_OK || shared)
    return status;
  if (!read_values(matlab->file, reading))
    return error_set(error, STATUS_INPUT, "the file is damaged: its values cannot be read");
  matlab->loaded += reading->tensor->bytes;
  return STATUS_OK;
}

static enum status matlab_load(struct source *source, size_t index, struct progress *progress,
                               struct error *error)
{
  struct matlab *matlab = source->state;
  struct tensor *tensor = &source->tensors[index];
  struct reading reading = {matlab, tensor, &matlab->places[index], NULL, NULL};
  if (tensor->data)
    return STATUS_OK;
  progress_expect(progress, tensor->count);
  enum status status = check_load(matlab, tensor, error);
  if (status == STATUS_OK)
    status = spill_new(tensor->bytes, &reading.values, error);
  if (status == STATUS_OK && tensor_is_complex(tensor) &&
      !(reading.parts = mem_array(size_min(piece_of(tensor), tensor->count), tensor->stored->size)))
    status = error_memory(error, "the parts of complex numbers");
  if (status == STATUS_OK && tensor->count > 0)
    status = keep_values(matlab, &reading, progress, error);
  free(reading.parts);
  if (status != STATUS_OK) {
    spill_free(reading.values);
    return status;
  }
  tensor->data = reading.values;
  progress_advance(progress, tensor->count);
  return STATUS_OK;
}

static void matlab_close(struct source *source)
{
  struct matlab *matlab = source->state;
  for (size_t i = 0; i < source->count; i++)
    spill_free(source->tensors[i].data);
  if (matlab->file)
    mat.Close(matlab->file);
  for (size_t i = 0; i < matlab->places_count; i++)
    free(matlab->places[i].variable);
  free(matlab->places);
  free(matlab);
}

/* --- the source --------------------------------------------------------------------------- */

/* False when the memory does not reach: libmatio itself takes that for the end of the file. */
static bool list_only(void *state)
{
  const struct matlab *matlab = state;
  mat_t *file = mat.Open(matlab->spec, MAT_ACC_RDONLY);
  matvar_t *variable;
  errno = 0;
  while (file && (variable = mat.VarReadNextInfo(file)) && errno != ENOMEM)
    mat.VarFree(variable);
  return errno != ENOMEM;
}

static enum status read_file(struct source *source, struct error *error)
{
  struct matlab *matlab = source->state;
  const struct map *map = source->maps[0];
  matlab->spec = source->spec;
  matlab->size = map->size;
  enum status status = check_claims(map, error);
  if (status == STATUS_OK)
    status = library_load(&libmatio, error);
  if (status == STATUS_OK)
    status = child_try(&(struct trial){list_only, matlab, MATLAB_LIBRARY, memory_of(matlab)},
                       source->opening, error);
  if (status != STATUS_OK)
    return status;
  matlab->file = mat.Open(matlab->spec, MAT_ACC_RDONLY);
  if (!matlab->file)
    return error_set(error, STATUS_INPUT, "not a MATLAB file of version 4 to 7");
  status = add_variables(source, error);
  return status == STATUS_OK ? write_note(source, error) : status;
}

enum status matlab_open(const char *spec, struct source *source, struct error *error)
{
  struct matlab *matlab = mem_array(1, sizeof *matlab);
  struct map *map;
  if (!matlab)
    return error_memory(error, "a source");
  source->state = matlab;
  source->load = matlab_load;
  source->close = matlab_close;
  enum status status = source_map(source, spec, &map, error);
  if (status == STATUS_OK) {
    status = read_file(source, error);
    if (status != STATUS_OK)
      error_prefix(error, "%s: ", SHOWN(spec));
  }
  return status;
}

#endif
