/* The histogram view: what was there, what came back, and where the quantizer cuts. */
#include "analysis/views.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The distinct levels of the only scale of RESULT; none when there are several scales, whose
 * levels differ. False when memory runs out. */
static bool levels_of(const struct result *result, double **levels, size_t *count)
{
  *count = 0;
  *levels = NULL;
  if (!result->fit || fit_grain(result->fit)->units != 1)
    return true;
  *levels = fit_levels(result->fit, 0, count);
  return *levels != NULL;
}

/* Where the values that round to LEVEL[i] begin. */
static double cell_edge(const double *level, size_t count, size_t i)
{
  if (i == 0)
    return count > 1 ? level[0] - (level[1] - level[0]) / 2 : level[0];
  if (i == count)
    return count > 1 ? level[count - 1] + (level[count - 1] - level[count - 2]) / 2 : level[0];
  return level[i - 1] + (level[i] - level[i - 1]) / 2;
}

/* The reconstruction sits on levels, so that its histogram is a comb whose teeth say nothing
 * about the shape (and beat against the bins). Its elements are therefore spread over the cells
 * they were rounded from: each run of levels within one bin becomes one step, as wide as its
 * cells, with the elements per bin width as height. Total and place stay those of the histogram. */
static size_t spread_over_cells(const struct histogram *h, const double *level, size_t count,
                                double *edge, double *height)
{
  double scale = (double)h->bins / (h->hi - h->lo);
  size_t steps = 0, i = 0;
  while (i < count && level[i] < h->lo)
    i++;
  if (i < count)
    edge[0] = cell_edge(level, count, i);
  while (i < count && level[i] <= h->hi) {
    size_t bin = size_min((size_t)((level[i] - h->lo) * scale), h->bins - 1), next = i;
    while (next < count && level[next] <= h->hi &&
           size_min((size_t)((level[next] - h->lo) * scale), h->bins - 1) == bin)
      next++;
    edge[steps + 1] = cell_edge(level, count, next);
    height[steps] = (double)h->count[bin] / ((edge[steps + 1] - edge[steps]) * scale);
    steps++;
    i = next;
  }
  return steps;
}

static bool add_spread(struct panel *panel, enum role role, const struct histogram *h,
                       const double *level, size_t count, const char *label)
{
  size_t most = size_min(count, h->bins);
  double *edge = mem_array(most + 1, sizeof *edge), *height = mem_array(most, sizeof *height);
  bool done = edge && height;
  if (done) {
    size_t steps = spread_over_cells(h, level, count, edge, height);
    done = steps == 0 || panel_add_mark(panel, MARK_STEPS, role, steps, edge, height, label);
  }
  free(edge);
  free(height);
  return done;
}

static bool add_levels(struct panel *panel, const double *level, size_t count)
{
  size_t first = 0, n = 0;
  while (first < count && level[first] < panel->x.lo)
    first++;
  while (first + n < count && level[first + n] <= panel->x.hi)
    n++;
  return n == 0 || panel_add_mark(panel, MARK_TICKS, ROLE_LEVEL, n, level + first, NULL, "levels");
}

static bool add_threshold(struct panel *panel, double at)
{
  if (!(at >= panel->x.lo && at <= panel->x.hi))
    return true;
  char label[48];
  snprintf(label, sizeof label, "clip %s%.4g", at < 0 ? "\u2212" : "", fabs(at));
  return panel_add_mark(panel, MARK_VLINE, ROLE_CLIP, 1, &at, NULL, label);
}

static bool add_band(struct panel *panel, double from, double to, const char *label)
{
  double ends[2] = {from, to};
  return !(from < to) || panel_add_mark(panel, MARK_BAND, ROLE_CLIP, 2, ends, NULL, label);
}

/* The thresholds of the only scale, and what lies beyond them; the share of both sides together
 * stands on the wider one. */
static bool add_clipping(struct panel *panel, const struct result *result)
{
  if (!result->fit || fit_grain(result->fit)->units != 1)
    return true;
  double lo, hi;
  fit_range(result->fit, 0, &lo, &hi);
  if (!add_threshold(panel, lo) || !add_threshold(panel, hi))
    return false;
  if (!(result->metrics.clip_rate > 0))
    return true;
  char label[48];
  snprintf(label, sizeof label, "%.3g %% clipped", 100 * result->metrics.clip_rate);
  double left = fmin(lo, panel->x.hi), right = fmax(hi, panel->x.lo);
  bool on_right = panel->x.hi - right >= left - panel->x.lo;
  return add_band(panel, panel->x.lo, left, on_right ? NULL : label) &&
         add_band(panel, right, panel->x.hi, on_right ? label : NULL);
}

/* One bin that towers over everything (the zeros of an activation) would flatten the rest of a
 * linear axis. Such an axis ends above the second tallest bin and the caption says so. */
static double readable_peak(const struct histogram *h)
{
  uint64_t first = 0, second = 0;
  for (size_t i = 0; i < h->bins; i++) {
    if (h->count[i] >= first) {
      second = first;
      first = h->count[i];
    } else if (h->count[i] > second) {
      second = h->count[i];
    }
  }
  return second > 0 && first / second >= 8 ? (double)second : (double)first;
}

/* The largest and the smallest positive height of the marks of PANEL that have heights. */
static void span_of_heights(const struct panel *panel, double *least, double *most)
{
  *least = HUGE_VAL;
  *most = 0;
  for (size_t m = 0; m < panel->marks; m++)
    for (size_t i = 0; panel->mark[m]->y && i < panel->mark[m]->n; i++) {
      double height = panel->mark[m]->y[i];
      *most = fmax(*most, height);
      *least = height > 0 ? fmin(*least, height) : *least;
    }
}

bool fig_readable_counts(struct figure *figure, struct panel *panel, const struct histogram *h,
                         bool log_counts)
{
  double least, most, readable = readable_peak(h);
  span_of_heights(panel, &least, &most);
  if (log_counts) {
    if (!fig_count_axis(panel, most, true))
      return false;
    /* A single element spread over wide cells is less than one per bin. */
    panel->y.lo = fmax(fmin(least / 1.5, panel->y.lo), 0.05);
    return true;
  }
  /* The reconstruction may rise above the original, within reason. */
  if (!fig_count_axis(panel, fmax(readable, fmin(most, 2.2 * readable)), false))
    return false;
  return most <= panel->y.hi ||
         fig_note(figure, "The count axis is cut: the tallest bin reaches %.0f elements.", most);
}

bool fig_histogram(struct figure *figure, const struct result *result, const struct view *view)
{
  const struct histogram *h = &result->original;
  double lo, hi;
  if (h->bins == 0 || !fig_window(view, h->lo, h->hi, &lo, &hi))
    return fig_nothing(figure, FIG_NO_HISTOGRAM);
  struct panel *panel = figure_add_panel(figure, NULL);
  if (!panel || !axis_set(&panel->x, "value", NULL, lo, hi) ||
      !fig_counts(panel, MARK_BARS, ROLE_ORIGINAL, h, "original"))
    return false;
  size_t count;
  double *level;
  if (!levels_of(result, &level, &count))
    return false;
  bool done = count > 0 ? add_spread(panel, ROLE_RECONSTRUCTION, &result->reconstruction, level,
                                     count, "reconstruction, spread over its cells")
                        : fig_counts(panel, MARK_STEPS, ROLE_RECONSTRUCTION,
                                     &result->reconstruction, "reconstruction");
  done = done && add_levels(panel, level, count) && add_clipping(panel, result) &&
         fig_readable_counts(figure, panel, h, view->log_counts);
  free(level);
  return done;
}

static double bin_width(const struct histogram *h)
{
  return (h->hi - h->lo) / (double)h->bins;
}

/* The reconstruction of RESULT alone, as an outline; counted per bin of H, which may be others. */
static bool add_reconstruction(struct panel *panel, const struct result *result,
                               const struct histogram *h, double weight, enum role role,
                               const char *label)
{
  size_t count;
  double *level;
  if (!levels_of(result, &level, &count))
    return false;
  bool done = count > 0 ? add_spread(panel, role, &result->reconstruction, level, count, label)
                        : fig_counts(panel, MARK_STEPS, role, &result->reconstruction, label);
  free(level);
  const struct mark *mark = done && panel->marks ? panel->mark[panel->marks - 1] : NULL;
  double per_bin = weight * bin_width(h) / bin_width(&result->reconstruction);
  for (size_t i = 0; mark && mark->role == role && i < mark->n; i++) {
    mark->y[i] *= per_bin;
    if (weight < 1 || weight > 1)
      fig_reach(panel, mark->y[i]);
  }
  return done;
}

/* The levels, whose ruler speaks for itself, leave their place in the legend to what is pinned. */
static void unlabel_levels(struct panel *panel)
{
  for (size_t i = 0; i < panel->marks; i++)
    if (panel->mark[i]->role == ROLE_LEVEL) {
      free(panel->mark[i]->label);
      panel->mark[i]->label = NULL;
    }
}

bool fig_histogram_pins(struct figure *figure, const struct result *result,
                        const struct figure_pins *pins, const struct view *view)
{
  struct panel *panel = figure->panel[0];
  char label[PINS_LABEL];
  bool others = false;
  unlabel_levels(panel);
  if (!fig_label(panel, ROLE_RECONSTRUCTION, pins_label(pins, pins->count, result, label)))
    return false;
  for (size_t i = 0; panel->marks && i < pins->count; i++) {
    const struct result *pin = pins->result[i];
    if (!pin || !pin->reconstruction.bins)
      continue;
    if (!add_reconstruction(panel, pin, &result->original, pins_weight(pins, i, result),
                            pins_role(i), pins_label(pins, i, pin, label)))
      return false;
    if (pins->tensor[i])
      fig_widen(panel, &pin->original, view);
    others = others || pins->tensor[i];
  }
  return !others ||
         fig_note(figure, "Counts of another tensor are scaled to as many elements as here.");
}
