/* HDF5's datasets: their types, and their values. What lies in one piece is read where it lies in
 * the mapped file; what is in chunks or compressed is read by the library when it is loaded. */
#include "config.h"

#ifdef HAVE_HDF5

#include "data/child.h"
#include "data/hdf5.h"
#include "data/spill.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>

enum {
  PIECE = 16 << 20,           /* bytes read between two looks at whether to go on */
  FILTER_MOST = 1032,         /* filtered bytes grow to at most this many times their number */
  UNFILTERED_MOST = 64 << 20, /* chunks that were never written are a value, not bytes */
};

/* --- types ---------------------------------------------------------------------------- */

/* Floating-point numbers by their fields; the mantissa begins at bit 0. */
static const struct {
  const char *stored;
  size_t size, exponent_at, exponent, mantissa;
} floats[] = {{"f64", 8, 52, 11, 52},
              {"f32", 4, 23, 8, 23},
              {"f16", 2, 10, 5, 10},
              {"bf16", 2, 7, 8, 7},
              {"f8_e5m2", 1, 2, 5, 2}};

static const struct stored *float_type(hid_t type)
{
  size_t sign, exponent_at, exponent, mantissa_at, mantissa, size = h5.Tget_size(type);
  if (h5.Tget_fields(type, &sign, &exponent_at, &exponent, &mantissa_at, &mantissa) < 0 ||
      mantissa_at != 0 || h5.Tget_norm(type) != H5T_NORM_IMPLIED)
    return NULL;
  for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
    if (floats[i].size == size && floats[i].exponent_at == exponent_at &&
        floats[i].exponent == exponent && floats[i].mantissa == mantissa && sign == 8 * size - 1 &&
        h5.Tget_ebias(type) == ((size_t)1 << (exponent - 1)) - 1)
      return stored_find(floats[i].stored);
  return NULL;
}

static const struct stored *integer_type(hid_t type)
{
  static const char *const names[2][4] = {{"u8", "u16", "u32", "u64"}, {"i8", "i16", "i32", "i64"}};
  size_t size = h5.Tget_size(type);
  for (size_t i = 0; i < 4; i++)
    if (size == (size_t)1 << i)
      return stored_find(names[h5.Tget_sign(type) == H5T_SGN_2][i]);
  return NULL;
}

static bool is_member(hid_t type, unsigned index, const char *brief, const char *full)
{
  char *name = h5.Tget_member_name(type, index);
  bool is = name && (strcmp(name, brief) == 0 || strcmp(name, full) == 0);
  h5.free_memory(name);
  return is;
}

/* The type of both numbers of a complex one, to be closed; H5I_INVALID_HID: it is none. h5py calls
 * them r and i, MATLAB real and imag. */
static hid_t member_type(hid_t type)
{
  if (h5.Tget_class(type) != H5T_COMPOUND || h5.Tget_nmembers(type) != 2 ||
      !is_member(type, 0, "r", "real") || !is_member(type, 1, "i", "imag"))
    return H5I_INVALID_HID;
  hid_t real = h5.Tget_member_type(type, 0), imaginary = h5.Tget_member_type(type, 1);
  bool alike = real >= 0 && imaginary >= 0 && h5.Tget_class(real) == H5T_FLOAT &&
               h5.Tget_class(imaginary) == H5T_FLOAT && float_type(real) == float_type(imaginary) &&
               h5.Tget_order(real) == h5.Tget_order(imaginary) &&
               h5.Tget_member_offset(type, 0) == 0 &&
               h5.Tget_member_offset(type, 1) == h5.Tget_size(real) &&
               h5.Tget_size(type) == 2 * h5.Tget_size(real);
  if (imaginary >= 0)
    h5.Tclose(imaginary);
  if (alike || real < 0)
    return real;
  h5.Tclose(real);
  return H5I_INVALID_HID;
}

static const struct stored *complex_type(hid_t type, H5T_order_t *order)
{
  hid_t half = member_type(type);
  const struct stored *each = half >= 0 ? float_type(half) : NULL;
  *order = half >= 0 ? h5.Tget_order(half) : H5T_ORDER_NONE;
  if (half >= 0)
    h5.Tclose(half);
  return !each             ? NULL
         : each->size == 8 ? stored_find("c128")
         : each->size == 4 ? stored_find("c64")
                           : NULL;
}

/* NULL: not numbers of a width and layout that is known. */
static const struct stored *stored_type(hid_t type, H5T_order_t *order)
{
  H5T_class_t class = h5.Tget_class(type);
  *order = h5.Tget_order(type);
  if (class == H5T_COMPOUND)
    return complex_type(type, order);
  if (class == H5T_ENUM) /* h5py's bool */
    return h5.Tget_size(type) == 1 && h5.Tget_nmembers(type) == 2 ? stored_find("bool") : NULL;
  if ((class != H5T_INTEGER && class != H5T_FLOAT) || h5.Tget_offset(type) != 0 ||
      h5.Tget_precision(type) != 8 * h5.Tget_size(type))
    return NULL;
  return class == H5T_FLOAT ? float_type(type) : integer_type(type);
}

/* --- listing -------------------------------------------------------------------------- */

/* False: not a shape that a tensor can have. A dataset without elements of any rank has one. */
static bool read_shape(const struct hdf5 *hdf5, hid_t space, struct shape *shape)
{
  hsize_t sizes[H5S_MAX_RANK];
  int dims = h5.Sget_simple_extent_ndims(space);
  H5S_class_t class = h5.Sget_simple_extent_type(space);
  if ((class != H5S_SCALAR && class != H5S_SIMPLE) || dims < 0 || dims > SHAPE_MAX_DIMS ||
      h5.Sget_simple_extent_dims(space, sizes, NULL) < 0)
    return false;
  *shape = (struct shape){.dims = (unsigned)dims};
  for (int i = 0; i < dims; i++) {
    hsize_t size = sizes[hdf5->matlab ? dims - 1 - i : i];
    if (size > SIZE_MAX)
      return false;
    shape->dim[i] = (size_t)size;
  }
  return true;
}

static enum status place(struct hdf5 *hdf5, hid_t dataset, hid_t plist, struct tensor *tensor,
                         struct error *error)
{
  hid_t space = h5.Dget_space(dataset);
  bool known = space >= 0 && read_shape(hdf5, space, &tensor->shape);
  if (space >= 0)
    h5.Sclose(space);
  if (!known) {
    hdf5->other++;
    tensor->stored = NULL;
    return STATUS_OK;
  }
  if (!shape_count(&tensor->shape, &tensor->count) ||
      !size_mul(tensor->count, tensor->stored->size, &tensor->bytes))
    return error_set(error, STATUS_INPUT, "larger than the address space");
  haddr_t start = h5.Dget_offset(dataset);
  if (h5.Pget_layout(plist) != H5D_CONTIGUOUS || start == HADDR_UNDEF)
    return STATUS_OK;
  if (start > hdf5->map->size || tensor->bytes > hdf5->map->size - start)
    return error_set(error, STATUS_INPUT,
                     "needs %zu bytes from offset %ju, but the file ends at %zu", tensor->bytes,
                     (uintmax_t)start, hdf5->map->size);
  tensor->data = hdf5->map->bytes + start;
  return STATUS_OK;
}

static enum status describe(struct hdf5 *hdf5, hid_t dataset, hid_t plist, struct tensor *tensor,
                            struct error *error)
{
  if (h5.Pget_layout(plist) == H5D_VIRTUAL || h5.Pget_external_count(plist) != 0) {
    hdf5->foreign++;
    return STATUS_OK;
  }
  hid_t type = h5.Dget_type(dataset);
  if (type < 0)
    return hdf5_failed(error, "its type");
  H5T_class_t class = h5.Tget_class(type);
  H5T_order_t order;
  tensor->stored = stored_type(type, &order);
  tensor->swapped = tensor->stored && tensor->stored->size > 1 && order == H5T_ORDER_BE;
  h5.Tclose(type);
  if (tensor->stored)
    return place(hdf5, dataset, plist, tensor, error);
  *(class == H5T_STRING ? &hdf5->text : &hdf5->other) += 1;
  return STATUS_OK;
}

enum status hdf5_add_dataset(struct source *source, const char *path, struct error *error)
{
  struct hdf5 *hdf5 = source->state;
  struct tensor tensor = {.name = path};
  hid_t dataset = h5.Dopen2(hdf5->file, path, H5P_DEFAULT);
  hid_t plist = dataset >= 0 ? h5.Dget_create_plist(dataset) : H5I_INVALID_HID;
  enum status status = plist >= 0 ? describe(hdf5, dataset, plist, &tensor, error)
                                  : hdf5_failed(error, "cannot be opened");
  if (plist >= 0)
    h5.Pclose(plist);
  if (dataset >= 0)
    h5.Dclose(dataset);
  if (status == STATUS_OK && tensor.stored) {
    if (hdf5->matlab && tensor.shape.dims > 1)
      tensor_set_fortran(&tensor);
    status = source_add(source, &tensor, error);
  }
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(path));
  return status;
}

/* --- loading -------------------------------------------------------------------------- */

/* What the library would allocate is held against the file's size and the machine's memory. */
static enum status check_memory(const struct hdf5 *hdf5, const struct tensor *tensor,
                                struct error *error)
{
  size_t half = source_memory() / 2;
  if (tensor->bytes > UNFILTERED_MOST && tensor->bytes / FILTER_MOST > hdf5->map->size)
    return error_set(error, STATUS_INPUT, "claims %zu bytes, which a file of %zu cannot hold",
                     tensor->bytes, hdf5->map->size);
  if (!spill_is_file(tensor->bytes) && (hdf5->loaded > half || tensor->bytes > half - hdf5->loaded))
    return error_set(error, STATUS_MEMORY,
                     "needs %zu bytes beside the %zu that are loaded; half of this machine's "
                     "memory is %zu",
                     tensor->bytes, hdf5->loaded, half);
  return STATUS_OK;
}

/* Rows (along the first axis) of one piece: whole chunks, which are unpacked once. */
static enum status rows_of_piece(hid_t plist, size_t row, size_t element, hsize_t *rows,
                                 struct error *error)
{
  hsize_t chunk[H5S_MAX_RANK] = {1};
  size_t size = element;
  int dims = h5.Pget_layout(plist) == H5D_CHUNKED ? h5.Pget_chunk(plist, H5S_MAX_RANK, chunk) : 0;
  for (int i = 0; i < dims; i++)
    if (!size_mul(size, (size_t)chunk[i], &size) || size > source_memory() / 2)
      return error_set(error, STATUS_MEMORY,
                       "its chunks are larger than half of this machine's "
                       "memory");
  hsize_t least = size_max(1, PIECE / size_max(row, 1));
  *rows = dims > 0 && chunk[0] > 0 ? (least + chunk[0] - 1) / chunk[0] * chunk[0] : least;
  return STATUS_OK;
}

struct reading {
  hid_t dataset, type, space;
  int dims;
  hsize_t size[H5S_MAX_RANK];
};

static bool read_rows(const struct reading *reading, hsize_t first, hsize_t rows,
                      unsigned char *values)
{
  hsize_t start[H5S_MAX_RANK] = {first}, count[H5S_MAX_RANK];
  memcpy(count, reading->size, sizeof count);
  count[0] = rows;
  hid_t memory = h5.Screate_simple(reading->dims, count, NULL);
  bool good =
      memory >= 0 &&
      h5.Sselect_hyperslab(reading->space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
      h5.Dread(reading->dataset, reading->type, memory, reading->space, H5P_DEFAULT, values) >= 0;
  if (memory >= 0)
    h5.Sclose(memory);
  return good;
}

static enum status read_values(const struct reading *reading, hid_t plist,
                               const struct tensor *tensor, unsigned char *values,
                               struct progress *progress, struct error *error)
{
  hsize_t step = 1, all = reading->size[0];
  size_t row = tensor->bytes / (size_t)(all ? all : 1);
  if (tensor->count == 0)
    return STATUS_OK;
  if (reading->dims == 0)
    return h5.Dread(reading->dataset, reading->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0
               ? hdf5_failed(error, "cannot be read")
               : STATUS_OK;
  enum status status = rows_of_piece(plist, row, tensor->stored->size, &step, error);
  for (hsize_t done = 0, rows; done < all && status == STATUS_OK; done += rows) {
    rows = all - done < step ? all - done : step;
    if (progress_cancelled(progress))
      return error_set(error, STATUS_CANCELLED, "cancelled");
    if (!read_rows(reading, done, rows, values + (size_t)done * row))
      return hdf5_failed(error, "cannot be read");
    progress_advance(progress, (size_t)rows * row / tensor->stored->size);
  }
  return status;
}

static enum status read_dataset(struct hdf5 *hdf5, const struct tensor *tensor,
                                unsigned char *values, struct progress *progress,
                                struct error *error)
{
  struct reading reading = {.dataset = h5.Dopen2(hdf5->file, tensor->name, H5P_DEFAULT)};
  if (reading.dataset < 0)
    return hdf5_failed(error, "cannot be opened");
  hid_t plist = h5.Dget_create_plist(reading.dataset);
  reading.type = h5.Dget_type(reading.dataset);
  reading.space = h5.Dget_space(reading.dataset);
  enum status status = STATUS_OK;
  if (plist < 0 || reading.type < 0 || reading.space < 0)
    status = hdf5_failed(error, "cannot be opened");
  else
    reading.dims = h5.Sget_simple_extent_dims(reading.space, reading.size, NULL);
  if (status == STATUS_OK)
    status = read_values(&reading, plist, tensor, values, progress, error);
  h5.Pclose(plist);
  h5.Tclose(reading.type);
  h5.Sclose(reading.space);
  h5.Dclose(reading.dataset);
  return status;
}

struct reader {
  struct hdf5 *hdf5;
  const struct tensor *tensor;
  unsigned char *values;
};

static bool read_only(void *state)
{
  const struct reader *reader = state;
  read_dataset(reader->hdf5, reader->tensor, reader->values, NULL, NULL);
  return true;
}

static enum status keep_values(struct hdf5 *hdf5, size_t index, struct tensor *tensor,
                               struct progress *progress, struct error *error)
{
  unsigned char *values = NULL;
  enum status status = spill_new(tensor->bytes, &values, error);
  if (status == STATUS_OK) {
    hdf5_lock();
    struct reader reader = {hdf5, tensor, values};
    status = child_try(&(struct trial){read_only, &reader, HDF5_LIBRARY, 0}, progress, error);
    if (status == STATUS_OK)
      status = read_dataset(hdf5, tensor, values, progress, error);
    hdf5_unlock();
  }
  if (status != STATUS_OK) {
    spill_free(values);
    return status;
  }
  tensor->data = values;
  hdf5->in_memory[index] = true;
  hdf5->loaded += spill_is_file(tensor->bytes) ? 0 : tensor->bytes;
  return STATUS_OK;
}

enum status hdf5_load(struct source *source, size_t index, struct progress *progress,
                      struct error *error)
{
  struct hdf5 *hdf5 = source->state;
  struct tensor *tensor = &source->tensors[index];
  if (tensor->data)
    return STATUS_OK;
  progress_expect(progress, tensor->count);
  enum status status = check_memory(hdf5, tensor, error);
  return status == STATUS_OK ? keep_values(hdf5, index, tensor, progress, error) : status;
}

#endif
