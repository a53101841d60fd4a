#include "analysis/view.h"

#include "analysis/views.h"

#include <math.h>
#include <string.h>

const struct view_type view_table[] = {
    {"histogram", "Histogram", "original, reconstruction, levels and clip thresholds",
     VIEW_HISTOGRAM, fig_histogram},
    {"error", "Error", "distribution of the error, and error against value", VIEW_ERROR, fig_error},
    {"channels", "Channels", "largest magnitude and SQNR of each channel, outliers named",
     VIEW_CHANNELS, fig_channels},
    {"inspector", "Inspector", "one block with its codes and scales, and the error of all blocks",
     VIEW_INSPECTOR, fig_inspector},
};
const size_t view_table_length = sizeof view_table / sizeof *view_table;

const struct view_type *view_find(const char *name)
{
  for (size_t i = 0; i < view_table_length; i++)
    if (strcmp(view_table[i].name, name) == 0)
      return &view_table[i];
  return NULL;
}

struct view view_default(void)
{
  return (struct view){.kind = VIEW_HISTOGRAM, .lo = NAN, .hi = NAN, .channel = -1,
                       .block = VIEW_WORST_BLOCK};
}
