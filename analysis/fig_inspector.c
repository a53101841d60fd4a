/* The inspector's figure: where among the blocks the error is. The block itself, number by number,
 * is for the explorer and `qscope inspect`. */
#include "analysis/views.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>

enum { CELLS_MOST = 512 };

static bool add_strip(struct panel *panel, const struct inspect_errors *blocks)
{
  size_t cells = size_min(blocks->count, CELLS_MOST);
  double *edge = mem_array(cells + 1, sizeof *edge), *height = mem_array(cells, sizeof *height);
  bool done = edge && height;
  if (done) {
    double most = sqrt(blocks->most);
    inspect_strip(blocks, cells, height);
    for (size_t i = 0; i < cells; i++)
      height[i] *= most;
    for (size_t i = 0; i <= cells; i++)
      edge[i] = (double)blocks->count * (double)i / (double)cells;
    done = panel_add_mark(panel, MARK_BARS, ROLE_ERROR, cells, edge, height,
                          cells < blocks->count ? "largest of neighbours" : NULL) &&
           axis_set(&panel->y, "root of the squared error", NULL, 0, most * 1.05);
  }
  free(edge);
  free(height);
  return done;
}

/* A point on top of BLOCK (at the top of all for NaN): a line would hide its bar. */
static bool add_block(struct panel *panel, const struct inspect_errors *blocks, size_t block)
{
  double at = (double)block + 0.5, error2 = blocks->error2[block];
  double height = sqrt(isnan(error2) ? blocks->most : error2);
  char *label;
  bool done = fig_text(&label, "block %zu, rank %zu", block, inspect_rank(blocks, block)) &&
              panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &at, &height, label);
  free(label);
  return done;
}

bool fig_inspector(struct figure *figure, const struct result *result, const struct view *view)
{
  const struct inspect_errors *blocks = result->blocks;
  if (!blocks)
    return fig_nothing(figure, "The error of the blocks was not measured.");
  if (!(blocks->most > 0))
    return fig_nothing(figure, "Exact: no block has an error.");
  size_t block = view->block < 0 ? blocks->worst : size_min((size_t)view->block, blocks->count - 1);
  struct panel *panel = figure_add_panel(figure, "Error of each block");
  if (!panel || !add_strip(panel, blocks))
    return false;
  panel->x.integral = true;
  return axis_set(&panel->x, "block", NULL, 0, (double)blocks->count) &&
         add_block(panel, blocks, block);
}
