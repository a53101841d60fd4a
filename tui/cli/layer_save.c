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

/* --- what is read stays ----------------------------------------------------------------------- */

static bool same_file(const char *path, const char *other)
{
  struct stat a, b;
  return path && other && stat(path, &a) == 0 && stat(other, &b) == 0 && S_ISREG(a.st_mode) &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

enum status layer_save_check(const struct options *options, const char *const *spec, size_t count,
                             struct error *error)
{
  const char *path[SAVE_KINDS + 3];
  char shown[256];
  memcpy(path, options->save, sizeof options->save);
  path[SAVE_KINDS] = options->layer.weight_out;
  path[SAVE_KINDS + 1] = options->output;
  path[SAVE_KINDS + 2] = options->data;
  for (size_t i = 0; i < sizeof path / sizeof *path; i++)
    for (size_t k = 0; k < count; k++)
      if (same_file(path[i], spec[k]))
        return error_set(error, STATUS_USAGE,
                         "%s: is what the layer is read from, and is not overwritten",
                         text_escape(path[i], shown, sizeof shown));
  return STATUS_OK;
}

/* --- matrices --------------------------------------------------------------------------------- */

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

static enum status save_array(const char *path, enum npy_type type, const struct shape *shape,
                              const void *values, struct error *error)
{
  struct npy_writer *writer;
  enum status status = npy_write_begin(path, type, shape, &writer, error);
  if (status != STATUS_OK)
    return status;
  npy_write_block(writer, values, shape_elements(shape));
  return npy_write_end(writer, error);
}

static enum status save_weight(const char *path, const struct layer_problem *problem,
                               const struct layer_made *made, struct error *error)
{
  void *turned;
  const float *values = as_stored(problem, made->weight, sizeof *values, &turned);
  if (!values)
    return error_memory(error, "the weight");
  enum status status =
      save_array(path, NPY_F4, &problem->question.weight.tensor->shape, values, error);
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

/* --- one for each group ----------------------------------------------------------------------- */

static struct shape group_shape(const struct layer_problem *problem,
                                const struct method_codes *codes)
{
  const size_t rows = problem->layer.rows;
  return codes->groups > 1 ? (struct shape){2, {rows, codes->groups}} : (struct shape){1, {rows}};
}

static enum status save_scales(const char *path, const struct layer_problem *problem,
                               const struct layer_row *row, const struct layer_made *made,
                               struct error *error)
{
  const struct shape shape = group_shape(problem, &made->codes);
  (void)row;
  return save_array(path, NPY_F4, &shape, made->codes.scale, error);
}

/* COUNT numbers as int32; 0 where there are none. */
static enum status save_whole(const char *path, const struct shape *shape, const float *values,
                              struct error *error)
{
  const size_t count = shape_elements(shape);
  int32_t *whole = mem_array(count, sizeof *whole);
  if (!whole)
    return error_memory(error, "whole numbers");
  for (size_t i = 0; values && i < count; i++)
    whole[i] = (int32_t)values[i];
  enum status status = save_array(path, NPY_I4, shape, whole, error);
  free(whole);
  return status;
}

/* As report has them: int32; 0 without one. */
static enum status save_zero_points(const char *path, const struct layer_problem *problem,
                                    const struct layer_row *row, const struct layer_made *made,
                                    struct error *error)
{
  const struct shape shape = group_shape(problem, &made->codes);
  const float *zero = made->codes.zero;
  (void)row;
  for (size_t i = 0; zero && i < shape_elements(&shape); i++)
    if (zero[i] != rintf(zero[i]))
      return error_set(error, STATUS_USAGE,
                       "--zero-points: this method's are no whole numbers; --weight-out saves what "
                       "they stand for");
  return save_whole(path, &shape, zero, error);
}

/* --- one for each channel --------------------------------------------------------------------- */

/* COUNT numbers of one kind, as float32. */
static enum status save_channels(const char *path, size_t count, const float *values,
                                 struct error *error)
{
  const struct shape shape = {1, {count}};
  return values ? save_array(path, NPY_F4, &shape, values, error) : error_memory(error, "channels");
}

/* As checkpoints of GPTQ have g_idx. */
static enum status save_group_index(const char *path, const struct layer_problem *problem,
                                    const struct layer_row *row, const struct layer_made *made,
                                    struct error *error)
{
  const size_t columns = problem->layer.columns;
  const struct granularity *granularity = &row->ask.weight.granularity;
  const size_t width = made->codes.groups > 1 ? granularity->group : columns;
  const struct shape shape = {1, {columns}};
  int32_t *index = mem_array(columns, sizeof *index);
  if (!index)
    return error_memory(error, "the groups of channels");
  for (size_t j = 0; j < columns; j++)
    index[j] = (int32_t)(made->codes.group ? made->codes.group[j] : j / width);
  enum status status = save_array(path, NPY_I4, &shape, index, error);
  free(index);
  return status;
}

/* Signs before a rotation are factors, too; 1 where nothing is done. */
static enum status save_factors(const char *path, const struct layer_problem *problem,
                                const struct layer_row *row, const struct layer_made *made,
                                struct error *error)
{
  const size_t columns = problem->layer.columns;
  const struct layer_inputs *inputs = &made->inputs;
  float *factor = mem_array(columns, sizeof *factor);
  (void)row;
  for (size_t j = 0; factor && j < columns; j++)
    factor[j] = (inputs->factor ? inputs->factor[j] : 1) * (inputs->sign ? inputs->sign[j] : 1);
  enum status status = save_channels(path, columns, factor, error);
  free(factor);
  return status;
}

/* 0 where nothing is added. */
static enum status save_bias(const char *path, const struct layer_problem *problem,
                             const struct layer_row *row, const struct layer_made *made,
                             struct error *error)
{
  float *none = made->bias ? NULL : mem_array(problem->layer.rows, sizeof *none);
  (void)row;
  enum status status =
      save_channels(path, problem->layer.rows, made->bias ? made->bias : none, error);
  free(none);
  return status;
}

/* --- all of it -------------------------------------------------------------------------------- */

static const struct kind {
  enum save_kind kind;
  bool of_codes; /* says nothing without codes */
  enum status (*save)(const char *path, const struct layer_problem *problem,
                      const struct layer_row *row, const struct layer_made *made,
                      struct error *error);
} kinds[] = {
    {SAVE_CODES, true, save_layer_codes},       {SAVE_SCALES, true, save_scales},
    {SAVE_ZERO_POINTS, true, save_zero_points}, {SAVE_GROUP_INDEX, true, save_group_index},
    {SAVE_FACTORS, false, save_factors},        {SAVE_BIAS, false, save_bias},
};

static enum status check_codes(const struct options *options, const struct layer_row *row,
                               const struct layer_made *made, struct error *error)
{
  const char *name = row->ask.method.method->name;
  bool of_codes = false;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    of_codes |= kinds[i].of_codes && options->save[kinds[i].kind];
  if (of_codes && !made->codes.code)
    return error_set(error, STATUS_USAGE,
                     "%s with this quantizer keeps no codes with a scale for each group; "
                     "--weight-out saves what it made",
                     name);
  if (of_codes && made->codes.group && !options->save[SAVE_GROUP_INDEX])
    return error_set(error, STATUS_USAGE,
                     "the groups of %s are not of neighbours: --group-index FILE.npy is needed, "
                     "too, which saves the channels of each; static-groups has neighbours",
                     name);
  return STATUS_OK;
}

enum status layer_save(const struct options *options, const struct layer_problem *problem,
                       const struct layer_row *row, const struct layer_made *made,
                       struct error *error)
{
  enum status status = check_codes(options, row, made, error);
  if (status == STATUS_OK && options->layer.weight_out)
    status = save_weight(options->layer.weight_out, problem, made, error);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds && status == STATUS_OK; i++)
    if (options->save[kinds[i].kind])
      status = kinds[i].save(options->save[kinds[i].kind], problem, row, made, error);
  return status;
}
