#include "tui/cli/layer_save.h"

#include "data/npy_write.h"
#include "quant/base/size.h"
#include "tui/cli/save.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

bool layer_save_wanted(const struct options *options)
{
  return options->layer.weight_out || save_wanted(options);
}

/* --- what is read stays ------------------------------------------------------------------------
 */

static bool same_file(const char *path, const char *other)
{
  struct stat a, b;
  return path && other && stat(path, &a) == 0 && stat(other, &b) == 0 && S_ISREG(a.st_mode) &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

enum status layer_save_check(const struct options *options, const char *const *spec, size_t count,
                             struct error *error)
{
  const char *const path[] = {
      options->layer.weight_out,       options->save[SAVE_CODES], options->save[SAVE_SCALES],
      options->save[SAVE_ZERO_POINTS], options->output,           options->data};
  char shown[256];
  for (size_t i = 0; i < sizeof path / sizeof *path; i++)
    for (size_t k = 0; k < count; k++)
      if (same_file(path[i], spec[k]))
        return error_set(error, STATUS_USAGE,
                         "%s: is what the layer is read from, and is not overwritten",
                         text_escape(path[i], shown, sizeof shown));
  return STATUS_OK;
}

/* --- matrices ----------------------------------------------------------------------------------
 */

/* Elements of SIZE bytes of a ROWS x COLUMNS matrix as its tensor has them: BYTES, or a new array
 * in *TURNED where the tensor is transposed. NULL when memory runs out. */
static const void *as_stored(const struct layer_problem *problem, const void *bytes, size_t size,
                             void **turned)
{
  const size_t rows = problem->layer.rows, columns = problem->layer.columns;
  *turned = NULL;
  if (!problem->question.transposed)
    return bytes;
  char *out = *turned = mem_array(rows * columns, size);
  for (size_t r = 0; out && r < rows; r++)
    for (size_t j = 0; j < columns; j++)
      memcpy(out + (j * rows + r) * size, (const char *)bytes + (r * columns + j) * size, size);
  return out;
}

static enum status save_weight(const char *path, const struct layer_problem *problem,
                               const struct layer_made *made, struct error *error)
{
  const struct tensor *tensor = problem->question.weight.tensor;
  struct npy_writer *writer;
  void *turned;
  const float *values = as_stored(problem, made->weight, sizeof *values, &turned);
  if (!values)
    return error_memory(error, "the weight");
  enum status status = npy_write_begin(path, NPY_F4, &tensor->shape, &writer, error);
  if (status == STATUS_OK) {
    npy_write_block(writer, values, tensor->count);
    status = npy_write_end(writer, error);
  }
  free(turned);
  return status;
}

static enum status save_layer_codes(const char *path, const struct layer_problem *problem,
                                    const struct layer_row *row, const struct layer_made *made,
                                    struct error *error)
{
  void *turned;
  const uint16_t *codes = as_stored(problem, made->codes.code, sizeof *codes, &turned);
  if (!codes)
    return error_memory(error, "the codes");
  enum status status = save_code_array(path, &row->ask.weight,
                                       &problem->question.weight.tensor->shape, codes, error);
  free(turned);
  return status;
}

/* --- one for each group ------------------------------------------------------------------------
 */

static struct shape group_shape(const struct layer_problem *problem,
                                const struct method_codes *codes)
{
  const size_t rows = problem->layer.rows;
  return codes->groups > 1 ? (struct shape){2, {rows, codes->groups}} : (struct shape){1, {rows}};
}

static enum status save_scales(const char *path, const struct layer_problem *problem,
                               const struct method_codes *codes, struct error *error)
{
  const struct shape shape = group_shape(problem, codes);
  struct npy_writer *writer;
  enum status status = npy_write_begin(path, NPY_F4, &shape, &writer, error);
  if (status != STATUS_OK)
    return status;
  npy_write_block(writer, codes->scale, shape_elements(&shape));
  return npy_write_end(writer, error);
}

/* As report has them: int32; 0 without one. */
static enum status save_zero_points(const char *path, const struct layer_problem *problem,
                                    const struct method_codes *codes, struct error *error)
{
  const struct shape shape = group_shape(problem, codes);
  const size_t count = shape_elements(&shape);
  struct npy_writer *writer;
  for (size_t i = 0; codes->zero && i < count; i++)
    if (codes->zero[i] != rintf(codes->zero[i]))
      return error_set(error, STATUS_USAGE,
                       "--zero-points: this method's are no whole numbers; --weight-out saves what "
                       "they stand for");
  enum status status = npy_write_begin(path, NPY_I4, &shape, &writer, error);
  if (status != STATUS_OK)
    return status;
  for (size_t i = 0; i < count; i++) {
    const int32_t zero = codes->zero ? (int32_t)codes->zero[i] : 0;
    npy_write_block(writer, &zero, 1);
  }
  return npy_write_end(writer, error);
}

enum status layer_save(const struct options *options, const struct layer_problem *problem,
                       const struct layer_row *row, const struct layer_made *made,
                       struct error *error)
{
  enum status status = STATUS_OK;
  if (save_wanted(options) && !made->codes.code)
    return error_set(error, STATUS_USAGE,
                     "%s with this quantizer keeps no codes with a scale for each group; "
                     "--weight-out saves what it made",
                     row->ask.method.method->name);
  if (save_wanted(options) && made->codes.group)
    return error_set(
        error, STATUS_USAGE,
        "the groups of %s are not of neighbours, and nothing saves which channel is in "
        "which; static-groups makes them so, --weight-out saves what it made",
        row->ask.method.method->name);
  if (options->layer.weight_out)
    status = save_weight(options->layer.weight_out, problem, made, error);
  if (status == STATUS_OK && options->save[SAVE_CODES])
    status = save_layer_codes(options->save[SAVE_CODES], problem, row, made, error);
  if (status == STATUS_OK && options->save[SAVE_SCALES])
    status = save_scales(options->save[SAVE_SCALES], problem, &made->codes, error);
  if (status == STATUS_OK && options->save[SAVE_ZERO_POINTS])
    status = save_zero_points(options->save[SAVE_ZERO_POINTS], problem, &made->codes, error);
  return status;
}
