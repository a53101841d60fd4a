/* qscope plot --view tensors: the figure of all tensors of a source. */
#include "analysis/stats.h"
#include "tui/cli/commands.h"
#include "tui/cli/figure_out.h"
#include "tui/cli/work.h"

#include <stdlib.h>

/* What has a meaning for one tensor alone. */
static enum status check(const struct recipe *recipe, struct error *error)
{
  if (recipe->quantizers > 1)
    return error_set(error, STATUS_USAGE, "plot: expected one -q for the view tensors, found %zu",
                     recipe->quantizers);
  if (recipe->tensor)
    return error_set(error, STATUS_USAGE,
                     "plot: the view tensors shows those that --filter lets through, not one (-t)");
  if (recipe->transform.kind != TRANSFORM_NONE || recipe->compare.source || recipe->batching.on ||
      recipe->calibrate_on || recipe->view.channel >= 0)
    return error_set(error, STATUS_USAGE,
                     "plot: the view tensors takes each tensor as it is: no --transform, "
                     "--channel, --batches, --calibrate-on or --compare");
  return STATUS_OK;
}

static enum status draw(struct source *source, const struct recipe *wanted,
                        const struct options *options, struct error *error)
{
  struct recipe recipe = *wanted; /* borrows the strings */
  if (recipe.quantizers == 0)
    recipe.quantizer[recipe.quantizers++] = work_default_quantizer();
  struct stats *stats;
  enum status status = work_stats(source, &recipe.quantizer[0], recipe.view.axis, &stats, error);
  char *text = recipe_print(&recipe);
  struct figure *figure = NULL;
  if (status == STATUS_OK && text)
    figure = figure_of_tensors(source, stats, &recipe.quantizer[0], &recipe.view, text);
  if (status == STATUS_OK)
    status = figure_out_write(figure, options, error);
  figure_free(figure);
  free(text);
  free(stats);
  return status;
}

enum status plot_tensors(const struct recipe *recipe, const struct options *options,
                         struct error *error)
{
  struct source *source;
  enum status status = check(recipe, error);
  if (status == STATUS_OK)
    status = source_open_as(recipe->source, recipe->input_format, &source, error);
  if (status != STATUS_OK)
    return status;
  status = draw(source, recipe, options, error);
  source_close(source);
  return status;
}
