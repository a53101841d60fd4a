/* The compare view: two tensors over one axis, the error of the second against value, and the
 * channels that lost most. */
#include "analysis/views.h"

#include <math.h>

static bool add_both(struct figure *figure, const struct diff *diff, const struct view *view)
{
  const struct histogram *h = &diff->a_histogram;
  double lo, hi;
  struct panel *panel = figure_add_panel(figure, NULL);
  return panel && fig_window(view, h->lo, h->hi, &lo, &hi) &&
         axis_set(&panel->x, "value", NULL, lo, hi) &&
         fig_counts(panel, MARK_BARS, ROLE_ORIGINAL, h, "A") &&
         fig_counts(panel, MARK_STEPS, ROLE_RECONSTRUCTION, &diff->b_histogram, "B") &&
         fig_readable_counts(figure, panel, h, view->log_counts);
}

bool fig_compare(struct figure *figure, const struct diff *diff, const struct view *view)
{
  if (diff->count == 0)
    return fig_nothing(figure, "The tensors are empty: there is nothing to draw.");
  if (diff->a_histogram.bins == 0)
    return fig_nothing(figure, "No histogram was computed: there are no finite values.");
  if (!add_both(figure, diff, view))
    return false;
  if (!(diff->metrics.max_abs_error > 0))
    return true;
  return fig_error_against_value(figure, &diff->a_histogram, diff->error_mean, diff->error_max,
                                 (double)NAN, view) &&
         (diff->channels.count < 2 || fig_channel_sqnr(figure, &diff->channels, view));
}
