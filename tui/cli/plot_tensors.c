/* qscope plot --view tensors: the figure of all tensors of a source. */
#include "analysis/catalog.h"
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

/* No figure has gaps that only its caption tells of. */
static enum status check_gaps(const struct source *source, const struct stats *stats,
                              const char *filter, struct error *error)
{
  struct catalog *catalog = catalog_new(source, stats);
  enum status status =
      catalog ? catalog_filter(catalog, filter, error) : error_memory(error, "the list of tensors");
  size_t gaps = 0;
  if (status == STATUS_OK)
    catalog_set_tree(catalog, false);
  for (size_t i = 0; status == STATUS_OK && i < catalog_rows(catalog); i++)
    gaps += stats[catalog_row(catalog, i).tensor].state == STATS_NONE;
  catalog_free(catalog);
  if (gaps > 0)
    return error_set(error, STATUS_INPUT,
                     "%zu tensor%s cannot be read: the figure would have gaps; --filter leaves out",
                     gaps, gaps == 1 ? "" : "s");
  return status;
}

static enum status draw(struct source *source, const struct recipe *wanted,
                        const struct options *options, struct error *error)
{
  struct recipe recipe = *wanted; /* borrows the strings */
  if (recipe.quantizers == 0)
    recipe.quantizer[recipe.quantizers++] = work_default_quantizer();
  struct stats *stats;
  size_t unread = 0;
  enum status status =
      work_stats(source, &recipe.quantizer[0], recipe.view.axis, &stats, &unread, error);
  if (status == STATUS_OK && unread > 0)
    status = check_gaps(source, stats, recipe.view.filter, error);
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
