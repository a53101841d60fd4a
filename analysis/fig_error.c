/* The error view: how large the error is, and for which values. */
#include "analysis/views.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
  if (result->error.bins == 0)
    return fig_nothing(figure, result->original.bins ? FIG_NO_ERRORS : FIG_NO_HISTOGRAM);
  if (!add_distribution(figure, result, view))
    return false;
  return !(result->metrics.max_abs_error > 0) ||
         fig_error_against_value(figure, &result->original, result->error_mean, result->error_max,
                                 half_step(result), view);
}

/* The distribution of another error: per bin of H, whose elements are counted in the panel. */
static bool add_distribution_of(struct panel *panel, const struct histogram *h,
                                const struct histogram *other, double weight, enum role role,
                                const char *label)
{
  double per_bin =
      weight * (h->hi - h->lo) / (double)h->bins * (double)other->bins / (other->hi - other->lo);
  double *edge = mem_array(other->bins + 1, sizeof *edge);
  double *height = mem_array(other->bins, sizeof *height);
  for (size_t i = 0; edge && i <= other->bins; i++)
    edge[i] = histogram_edge(other, i);
  for (size_t i = 0; height && i < other->bins; i++)
    height[i] = (double)other->count[i] * per_bin;
  bool done =
      edge && height && panel_add_mark(panel, MARK_STEPS, role, other->bins, edge, height, label);
  free(edge);
  free(height);
  panel->x.lo = fmin(panel->x.lo, other->lo);
  panel->x.hi = fmax(panel->x.hi, other->hi);
  fig_reach(panel, (double)histogram_peak(other) * per_bin);
  return done;
}

/* The largest error of each bin. */
static bool add_largest(struct panel *panel, const struct result *result, enum role role,
                        const char *label)
{
  const struct histogram *h = &result->original;
  double *centre = mem_array(h->bins, sizeof *centre);
  for (size_t i = 0; centre && i < h->bins; i++)
    centre[i] = (histogram_edge(h, i) + histogram_edge(h, i + 1)) / 2;
  bool done =
      centre && panel_add_mark(panel, MARK_LINE, role, h->bins, centre, result->error_max, label);
  free(centre);
  fig_reach(panel, largest(result->error_max, h->bins));
  return done;
}

/* Half the width of the part of H around 0 that holds all but 1 % of its elements. */
static double reach_of(const struct histogram *h)
{
  const double whole = (double)histogram_total(h), most = fmax(fabs(h->lo), fabs(h->hi));
  double outside = 0, reach = most;
  for (size_t lo = 0, hi = h->bins; lo < hi;) {
    const bool left = fabs(histogram_edge(h, lo)) > fabs(histogram_edge(h, hi));
    outside += (double)h->count[left ? lo : hi - 1];
    if (outside > 0.01 * whole)
      break;
    left ? lo++ : hi--;
    reach = fmax(fabs(histogram_edge(h, lo)), fabs(histogram_edge(h, hi)));
  }
  return reach;
}

/* Where a few errors lie far out, and the rest would be one thin line: only that is shown. */
static bool leave_out_the_few(struct figure *figure, struct panel *panel, double reach)
{
  const double all = fmax(fabs(panel->x.lo), fabs(panel->x.hi));
  if (!(reach > 0) || reach * 4 > all)
    return true;
  panel->x.lo = -1.1 * reach;
  panel->x.hi = 1.1 * reach;
  return fig_note(figure, "Fewer than 1 %% of the errors of any lie outside, up to %.3g.", all);
}

/* Of each only the largest error, so that like is compared with like. */
static bool name_largest(struct panel *panel, const struct figure_pins *pins)
{
  char *title = strdup("Largest error against value");
  if (!title)
    return false;
  free(panel->title);
  panel->title = title;
  for (size_t i = panel->marks; i-- > 0;)
    if (panel->mark[i]->role == ROLE_MEDIAN || panel->mark[i]->role == ROLE_REFERENCE)
      panel_remove_mark(panel, i);
  return fig_label_present(panel, ROLE_ERROR, pins);
}

static bool add_pins_distributions(struct figure *figure, struct panel *panel,
                                   const struct result *result, const struct figure_pins *pins)
{
  char label[PINS_LABEL];
  double reach = reach_of(&result->error);
  bool done = fig_label_present(panel, ROLE_ERROR, pins);
  for (size_t i = 0; done && i < pins->count; i++) {
    const struct result *pin = pins->result[i];
    if (!pin || !(pin->metrics.max_abs_error > 0) || pin->error.bins == 0)
      continue;
    done = add_distribution_of(panel, &result->error, &pin->error, pins_weight(pins, i, result),
                               pins_role(i), pins_label(pins, i, pin, label));
    reach = fmax(reach, reach_of(&pin->error));
  }
  return done && leave_out_the_few(figure, panel, reach);
}

static bool add_pins_largest(struct panel *panel, const struct figure_pins *pins,
                             const struct view *view)
{
  char label[PINS_LABEL];
  bool done = name_largest(panel, pins);
  for (size_t i = 0; done && i < pins->count; i++) {
    const struct result *pin = pins->result[i];
    if (!pin || !pin->error_max || !(pin->metrics.max_abs_error > 0))
      continue;
    done = add_largest(panel, pin, pins_role(i), pins_label(pins, i, pin, label));
    if (pins->tensor[i])
      fig_widen(panel, &pin->original, view);
  }
  return done;
}

bool fig_error_pins(struct figure *figure, const struct result *result,
                    const struct figure_pins *pins, const struct view *view)
{
  struct panel *const *panel = figure->panel;
  return (panel[0]->marks == 0 || add_pins_distributions(figure, panel[0], result, pins)) &&
         (figure->panels < 2 || panel[1]->marks == 0 || add_pins_largest(panel[1], pins, view));
}
