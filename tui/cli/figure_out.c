#include "tui/cli/figure_out.h"

#include "data/tensor.h"
#include "data/tensor_hash.h"
#include "tui/cli/meter.h"
#include "tui/cli/work.h"

#include <stdio.h>

bool figure_out_wanted(const struct options *options)
{
  return options->output || options->data;
}

enum status figure_out_check(const struct options *options, struct error *error)
{
  char shown[256];
  if (options->output && !figure_is_name(options->output))
    return error_set(error, STATUS_USAGE,
                     "%s: expected a file name that ends in .png, .svg or .pdf",
                     text_escape(options->output, shown, sizeof shown));
  return STATUS_OK;
}

/* What the picture does not say itself. */
static void remark(const struct figure *figure, const struct options *options)
{
  char text[FIGURE_REMARK], shown[256];
  if (*figure_remark(figure, &options->figure, text))
    fprintf(stderr, "qscope: %s: %s\n", text_escape(options->output, shown, sizeof shown), text);
}

enum status figure_out_stamp(struct figure *figure, struct source *source, size_t index,
                             const struct options *options, struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  uint64_t hash;
  if (!figure || !options->output)
    return STATUS_OK;
  enum status status =
      tensor_hash(source, index, meter_task(tensor->name, tensor->count), &hash, error);
  if (status != STATUS_OK)
    work_place(source, index, error);
  else if (!figure_add_stamp(figure, tensor->name, hash))
    status = error_memory(error, "the figure");
  return status;
}

/* The figure that is made again may be of other values by now. */
static enum status check_stamp(const struct figure *figure, const struct options *options,
                               struct error *error)
{
  char name[256], shown[256];
  if (!options->app.stamp ||
      !figure_stamps_differ(options->app.stamp, figure->stamp, name, sizeof name))
    return STATUS_OK;
  return error_set(error, STATUS_FAILED,
                   "%s has other values than when that figure was made: %s shows the present ones",
                   name, text_escape(options->output, shown, sizeof shown));
}

enum status figure_out_write(const struct figure *figure, const struct options *options,
                             struct error *error)
{
  enum status status = figure ? STATUS_OK : error_memory(error, "the figure");
  if (status == STATUS_OK && options->output)
    status = figure_write(figure, options->output, &options->figure, error);
  if (status == STATUS_OK && options->output)
    remark(figure, options);
  if (status == STATUS_OK && options->data)
    status = figure_write_data(figure, options->data, error);
  if (status == STATUS_OK && options->output)
    status = check_stamp(figure, options, error);
  return status;
}
