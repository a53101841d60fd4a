#include "tui/cli/figure_out.h"

#include "data/tensor.h"

#include <stdio.h>

bool figure_out_wanted(const struct options *options)
{
  return options->output || options->data;
}

enum status figure_out_check(const struct options *options, struct error *error)
{
  char shown[256];
  if (!figure_out_wanted(options))
    return error_set(error, STATUS_USAGE,
                     "plot: expected -o FIG.png, .svg or .pdf, or --data FILE.csv");
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
  return status;
}
