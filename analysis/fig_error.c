/* The error view: how large the error is, and for which values. */
#include "analysis/views.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>

/* Half a step of the only scale of an integer quantizer: the largest error of rounding. NaN
 * where there is no such number. */
static double half_step(const struct result *result)
{
  if (!result->fit || fit_grain(result->fit)->units != 1 ||
      !format_is_integer(result->quantizer.format))
    return NAN;
  return (double)fit_scale(result->fit, 0) / 2;
}

static bool add_half_steps(struct panel *panel, double half)
{
  if (!(half <= panel->x.hi))
    return true;
  double left = -half;
  return panel_add_mark(panel, MARK_VLINE, ROLE_REFERENCE, 1, &left, NULL, NULL) &&
         panel_add_mark(panel, MARK_VLINE, ROLE_REFERENCE, 1, &half, NULL, "\u00b1\u00bd step");
}

static bool add_distribution(struct figure *figure, const struct result *result,
                             const struct view *view)
{
  const struct histogram *h = &result->error;
  if (!(result->metrics.max_abs_error > 0))
    return fig_nothing(figure, "Exact: no element has an error.");
  struct panel *panel = figure_add_panel(figure, "Distribution of the error");
  return panel &&
         axis_set(&panel->x, "error (reconstruction \u2212 original)", NULL, h->lo, h->hi) &&
         fig_counts(panel, MARK_BARS, ROLE_ERROR, h, NULL) &&
         add_half_steps(panel, half_step(result)) &&
         fig_count_axis(panel, (double)histogram_peak(h), view->log_counts);
}

static double largest(const double *value, size_t n)
{
  double most = 0;
  for (size_t i = 0; i < n; i++)
    most = value[i] > most ? value[i] : most;
  return most;
}

/* The smallest positive number, where a log axis may start; at most four decades below MOST. */
static double smallest(const double *value, size_t n, double most)
{
  double least = most;
  for (size_t i = 0; i < n; i++)
    if (value[i] > 0 && value[i] < least)
      least = value[i];
  return fmax(least, most * 1e-4);
}

static bool add_curves(struct panel *panel, const struct histogram *h, const double *error_mean,
                       const double *error_max, double half)
{
  double *centre = mem_array(h->bins, sizeof *centre);
  if (!centre)
    return false;
  for (size_t i = 0; i < h->bins; i++)
    centre[i] = h->lo + (h->hi - h->lo) * (((double)i + 0.5) / (double)h->bins);
  bool done =
      panel_add_mark(panel, MARK_LINE, ROLE_ERROR, h->bins, centre, error_max, "largest in bin") &&
      panel_add_mark(panel, MARK_LINE, ROLE_MEDIAN, h->bins, centre, error_mean, "mean in bin") &&
      (isnan(half) ||
       panel_add_mark(panel, MARK_HLINE, ROLE_REFERENCE, 1, &half, NULL, "half a step"));
  free(centre);
  return done;
}

bool fig_error_against_value(struct figure *figure, const struct histogram *h,
                             const double *error_mean, const double *error_max, double half,
                             const struct view *view)
{
  double lo, hi, most = largest(error_max, h->bins);
  if (!isfinite(most))
    return fig_nothing(figure, "The reconstruction overflows: its error is infinite.");
  struct panel *panel = figure_add_panel(figure, "Error against value");
  if (!panel || !fig_window(view, h->lo, h->hi, &lo, &hi) ||
      !axis_set(&panel->x, "value", NULL, lo, hi))
    return false;
  panel->y.log = view->log_counts;
  double least = smallest(error_mean, h->bins, most);
  return axis_set(&panel->y, "|error|", NULL, view->log_counts ? least / 1.5 : 0,
                  view->log_counts ? most * 1.5 : most * 1.08) &&
         add_curves(panel, h, error_mean, error_max, half);
}

bool fig_error(struct figure *figure, const struct result *result, const struct view *view)
{
  if (result->error.bins == 0 || !result->error_max || !result->error_mean)
    return fig_nothing(figure, "No histogram was computed.");
  if (!add_distribution(figure, result, view))
    return false;
  return !(result->metrics.max_abs_error > 0) ||
         fig_error_against_value(figure, &result->original, result->error_mean, result->error_max,
                                 half_step(result), view);
}
