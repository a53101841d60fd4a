#include "analysis/view.h"

#include "analysis/views.h"

#include <math.h>
#include <string.h>

const struct view_type view_table[] = {
    {"histogram", "Histogram", "original, reconstruction, levels and clip thresholds",
     VIEW_HISTOGRAM, fig_histogram, NULL, NULL},
    {"error", "Error", "distribution of the error, and error against value", VIEW_ERROR, fig_error,
     NULL, NULL},
    {"channels", "Channels", "largest magnitude and SQNR of each channel, outliers named",
     VIEW_CHANNELS, fig_channels, NULL, NULL},
    {"sweep", "Sweep", "SQNR against bits, groups, clip thresholds, formats; the Pareto front",
     VIEW_SWEEP, fig_sweep_view, NULL, NULL},
    {"compare", "Compare", "what a second file has lost of the tensor: both, and the error between",
     VIEW_COMPARE, NULL, NULL, fig_compare},
    {"board", "Board", "error against clip threshold, and what every calibrator chooses",
     VIEW_BOARD, fig_board, NULL, NULL},
    {"inspector", "Inspector", "one block with its codes and scales, and the error of all blocks",
     VIEW_INSPECTOR, fig_inspector, NULL, NULL},
    {"format", "Format", "the numbers of a format, and how far apart they are", VIEW_FORMAT, NULL,
     fig_format, NULL},
};
const size_t view_table_length = sizeof view_table / sizeof *view_table;

const struct view_type *view_type_of(enum view_kind kind)
{
  size_t i = 0;
  while (i + 1 < view_table_length && view_table[i].kind != kind)
    i++;
  return &view_table[i];
}

const struct view_type *view_find(const char *name)
{
  for (size_t i = 0; i < view_table_length; i++)
    if (strcmp(view_table[i].name, name) == 0)
      return &view_table[i];
  return NULL;
}

struct view view_default(void)
{
  return (struct view){
      .kind = VIEW_HISTOGRAM, .lo = NAN, .hi = NAN, .channel = -1, .block = VIEW_WORST_BLOCK};
}
