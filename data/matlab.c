/* MATLAB's .mat of version 4 and 5 (to 7, compressed): real numeric variables, by libmatio.
 *
 * Opening reads what describes the variables; the values of one are read when it is loaded. */
#include "config.h"

#include "data/source_types.h"

#include <string.h>

#define MATLAB_5 "MATLAB 5.0 MAT-file"

bool matlab_tastes(const char *spec, const unsigned char *head, size_t length)
{
  if (length > 0)
    return length > strlen(MATLAB_5) && memcmp(head, MATLAB_5, strlen(MATLAB_5)) == 0;
  return text_ends(spec, ".mat");
}

#ifndef HAVE_MATIO

enum status matlab_open(const char *spec, struct source *source, struct error *error)
{
  struct map *map;
  enum status status = source_map(source, spec, &map, error);
  if (status != STATUS_OK)
    return status;
  return error_set(
      error, STATUS_INPUT,
      "%s: a MATLAB file, which this build of qscope cannot read: it needs libmatio "
      "(package libmatio-dev, matio-devel or libmatio); then configure and build again",
      SHOWN(spec));
}

#else

#include "quant/base/size.h"

#include <matio.h>
#include <stdlib.h>

enum { DEFLATE_MOST = 1032 };

struct matlab {
  mat_t *file;
  size_t size;       /* of the file */
  matvar_t **values; /* of the tensors that are loaded */
  size_t values_count, loaded /* bytes */;
  size_t text, nested, sparse, other; /* variables that were skipped */
};

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

static enum status add_variable(struct source *source, const matvar_t *variable,
                                struct error *error)
{
  struct matlab *matlab = source->state;
  struct tensor tensor = {.name = variable->name ? variable->name : ""};
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
    status = source_add(source, &tensor, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(tensor.name));
  return status;
}

static enum status add_variables(struct source *source, struct error *error)
{
  struct matlab *matlab = source->state;
  enum status status = STATUS_OK;
  size_t seen = 0;
  for (matvar_t *variable; status == STATUS_OK && (variable = Mat_VarReadNextInfo(matlab->file));
       seen++) {
    status = add_variable(source, variable, error);
    Mat_VarFree(variable);
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
      {matlab->nested, "struct or cell", "structs or cells"},
      {matlab->sparse, "sparse matrix", "sparse matrices"},
      {matlab->other, "variable without numbers", "variables without numbers"}};
  return source_note_skipped(source, kinds, sizeof kinds / sizeof *kinds, error);
}

/* --- the source --------------------------------------------------------------------------- */

static enum status matlab_load(struct source *source, size_t index, struct progress *progress,
                               struct error *error)
{
  struct matlab *matlab = source->state;
  struct tensor *tensor = &source->tensors[index];
  size_t half = source_memory() / 2;
  if (matlab->loaded > half || tensor->bytes > half - matlab->loaded)
    return error_set(error, STATUS_MEMORY,
                     "needs %zu bytes beside the %zu that are loaded; half of this machine's "
                     "memory is %zu",
                     tensor->bytes, matlab->loaded, half);
  progress_expect(progress, tensor->count);
  matvar_t *variable = Mat_VarRead(matlab->file, tensor->name);
  if (!variable || (!variable->data && tensor->bytes > 0) || variable->nbytes < tensor->bytes) {
    Mat_VarFree(variable);
    return error_set(error, STATUS_INPUT, "the file is damaged: its values cannot be read");
  }
  matlab->values[index] = variable;
  tensor->data = tensor->bytes > 0 ? variable->data : (const unsigned char *)"";
  matlab->loaded += tensor->bytes;
  progress_advance(progress, tensor->count);
  return STATUS_OK;
}

static void matlab_close(struct source *source)
{
  struct matlab *matlab = source->state;
  for (size_t i = 0; i < matlab->values_count; i++)
    Mat_VarFree(matlab->values[i]);
  if (matlab->file)
    Mat_Close(matlab->file);
  free(matlab->values);
  free(matlab);
}

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

static enum status read_file(const char *spec, struct source *source, struct error *error)
{
  struct matlab *matlab = source->state;
  const struct map *map = source->maps[0];
  if (hdf5_tastes("", map->bytes, map->size))
    return error_set(error, STATUS_INPUT, "MATLAB 7.3, which is HDF5: open it as hdf5");
  enum status status = is_version_5(map) ? STATUS_OK : check_version_4(map, error);
  if (status != STATUS_OK)
    return status;
  matlab->size = map->size;
  matlab->file = Mat_Open(spec, MAT_ACC_RDONLY);
  if (!matlab->file)
    return error_set(error, STATUS_INPUT, "not a MATLAB file of version 4 to 7");
  status = add_variables(source, error);
  if (status == STATUS_OK)
    status = write_note(source, error);
  if (status != STATUS_OK)
    return status;
  if (!(matlab->values = mem_array(source->count, sizeof *matlab->values)))
    return error_memory(error, "the list of variables");
  matlab->values_count = source->count;
  return STATUS_OK;
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
    status = read_file(spec, source, error);
    if (status != STATUS_OK)
      error_prefix(error, "%s: ", SHOWN(spec));
  }
  return status;
}

#endif
