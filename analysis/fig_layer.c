/* The layer view: methods beside each other, and what one of them does to each channel. */
#include "analysis/fig_layer.h"

#include "analysis/views.h"
#include "quant/base/number.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const layer_detail_names[LAYER_DETAILS] = {
    "error of each output channel", "size of each input channel", "weights of each input channel",
    "what the search tried"};

static const struct layer_row *selected_row(const struct layer_shown *shown)
{
  const struct layer_row *row = shown->rows ? &shown->row[shown->selected] : NULL;
  return row && row->state == LAYER_DONE ? row : NULL;
}

bool layer_has_detail(const struct layer_shown *shown, enum layer_detail detail)
{
  const struct layer_row *row = selected_row(shown);
  return detail == LAYER_OUTPUT || detail == LAYER_INPUTS || detail == LAYER_WEIGHTS
             ? row && shown->facts
             : row && row->search.width > 0;
}

/* --- channels ------------------------------------------------------------------------------- */

/* Least and largest positive number of what is drawn. */
struct reach {
  double least, most;
};

static void reach_add(struct reach *reach, double value)
{
  if (!(value > 0) || !isfinite(value))
    return;
  reach->least = reach->least > 0 ? fmin(reach->least, value) : value;
  reach->most = fmax(reach->most, value);
}

/* One mark of N numbers: a bar each, or the line through their tops. */
static bool add_bars(struct panel *panel, enum mark_kind kind, enum role role, const double *value,
                     size_t n, const char *label, struct reach *reach)
{
  double *edge = mem_array(n + 1, sizeof *edge);
  for (size_t i = 0; edge && i <= n; i++)
    edge[i] = (double)i - (kind == MARK_BARS ? 0.5 : 0);
  for (size_t i = 0; i < n; i++)
    reach_add(reach, value[i]);
  bool done = edge && panel_add_mark(panel, kind, role, n, edge, value, label);
  free(edge);
  return done;
}

/* The channels have numbers from 0 on; magnitudes need a logarithmic axis. */
static bool set_axes(struct panel *panel, const char *across, const char *up, size_t n,
                     struct reach reach)
{
  panel->x.integral = true;
  panel->y.log = true;
  if (!(reach.least > 0))
    reach = (struct reach){0.1, 1};
  return axis_set(&panel->x, across, NULL, -0.5, (double)n - 0.5) &&
         axis_set(&panel->y, up, NULL, reach.least / 2, reach.most * 3);
}

/* Round to nearest with the same quantizers: what the others are measured against. */
static const struct layer_row *baseline(const struct layer_shown *shown,
                                        const struct layer_row *row)
{
  for (size_t i = 0; i < shown->rows; i++)
    if (&shown->row[i] != row && shown->row[i].state == LAYER_DONE &&
        strcmp(shown->row[i].ask.method.method->name, "rtn") == 0 &&
        layer_ask_same_quantizers(&shown->row[i].ask, &row->ask))
      return &shown->row[i];
  return NULL;
}

static bool add_worst(struct panel *panel, const struct layer_numbers *numbers)
{
  const struct layer_spread spread = layer_channel_spread(numbers);
  char label[64];
  if (!isfinite(spread.worst_db) || !(spread.worst_db < spread.median_db - 3))
    return true;
  snprintf(label, sizeof label, "%zu (%.1f dB)", spread.worst, spread.worst_db);
  const double x = (double)spread.worst, y = numbers->channel_mse[spread.worst];
  return panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &x, &y, label);
}

static bool add_output(struct figure *figure, const struct layer_shown *shown)
{
  const struct layer_row *row = selected_row(shown), *rtn = baseline(shown, row);
  const struct layer_numbers *numbers = layer_row_numbers(row);
  struct reach reach = {0, 0};
  char label[METHOD_TEXT];
  struct panel *panel = figure_add_panel(figure, layer_detail_names[LAYER_OUTPUT]);
  bool done = panel && add_bars(panel, MARK_BARS, ROLE_ERROR, numbers->channel_mse, numbers->rows,
                                method_print(&row->ask.method, label), &reach);
  if (done && rtn)
    done = add_bars(panel, MARK_LINE, ROLE_REFERENCE, layer_row_numbers(rtn)->channel_mse,
                    numbers->rows, "rtn", &reach);
  return done && add_worst(panel, numbers) &&
         set_axes(panel, "output channel", "output MSE", numbers->rows, reach);
}

/* MAX of each input channel, and behind it times or over the factor. */
static bool add_scales(struct figure *figure, const struct layer_shown *shown, bool weight)
{
  const struct layer_row *row = selected_row(shown);
  const size_t n = shown->facts->problem.layer.columns;
  const float *max = weight ? shown->facts->weight_max : shown->facts->input_max;
  struct reach reach = {0, 0};
  double *before = mem_array(n, sizeof *before), *after = mem_array(n, sizeof *after);
  for (size_t j = 0; before && after && j < n; j++) {
    const double factor = row->factor ? (double)row->factor[j] : 1;
    before[j] = (double)max[j];
    after[j] = weight ? before[j] * factor : before[j] / factor;
  }
  struct panel *panel =
      figure_add_panel(figure, layer_detail_names[weight ? LAYER_WEIGHTS : LAYER_INPUTS]);
  bool done =
      before && after && panel &&
      add_bars(panel, MARK_BARS, ROLE_ORIGINAL, before, n, row->factor ? "before" : "max", &reach);
  if (done && row->factor)
    done = add_bars(panel, MARK_LINE, ROLE_RECONSTRUCTION, after, n,
                    weight ? "after, times its factor" : "after, over its factor", &reach);
  done = done && set_axes(panel, "input channel", weight ? "max |w|" : "max |x|", n, reach);
  free(before);
  free(after);
  return done;
}

/* --- searches ------------------------------------------------------------------------------- */

/* Edges of N cells around the places X. */
static double *edges_of(const double *x, size_t n)
{
  double *edge = mem_array(n + 1, sizeof *edge);
  for (size_t i = 1; edge && i < n; i++)
    edge[i] = (x[i - 1] + x[i]) / 2;
  if (edge) {
    edge[0] = n > 1 ? x[0] - (edge[1] - x[0]) : x[0] - 0.5;
    edge[n] = n > 1 ? x[n - 1] + (x[n - 1] - edge[n - 1]) : x[0] + 0.5;
  }
  return edge;
}

static bool add_surface(struct figure *figure, const struct method_search *search)
{
  double *x = edges_of(search->x, search->width), *y = edges_of(search->y, search->height);
  struct reach reach = {0, 0};
  const double at[2] = {search->x[search->best % search->width],
                        search->y[search->best / search->width]};
  for (size_t i = 0; i < search->width * search->height; i++)
    reach_add(&reach, search->value[i]);
  struct panel *panel = figure_add_panel(figure, layer_detail_names[LAYER_SEARCH]);
  if (panel)
    panel->color.log = reach.most > 100 * reach.least;
  bool done = x && y && panel &&
              axis_set(&panel->color, search->loss, NULL, reach.least, reach.most) &&
              axis_set(&panel->x, search->across, NULL, x[0], x[search->width]) &&
              axis_set(&panel->y, search->down, NULL, y[0], y[search->height]) &&
              panel_add_cells(panel, search->width, search->height, x, y, search->value) &&
              panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &at[0], &at[1], "best");
  free(x);
  free(y);
  return done;
}

static bool add_line(struct figure *figure, const struct method_search *search)
{
  const size_t n = search->width;
  const double at = search->x[search->best], least = search->value[search->best];
  struct reach reach = {0, 0};
  char label[64];
  for (size_t i = 0; i < n; i++)
    reach_add(&reach, search->value[i]);
  snprintf(label, sizeof label, "%.4g", at);
  struct panel *panel = figure_add_panel(figure, layer_detail_names[LAYER_SEARCH]);
  double lo = fmin(search->x[0], search->x[n - 1]), hi = fmax(search->x[0], search->x[n - 1]);
  const double room = hi > lo ? 0.03 * (hi - lo) : 0.5;
  if (panel)
    panel->y.log = reach.most > 20 * reach.least;
  return panel && axis_set(&panel->x, search->across, NULL, lo - room, hi + room) &&
         axis_set(&panel->y, search->loss, NULL,
                  panel->y.log ? reach.least / 1.5 : reach.least * 0.95,
                  panel->y.log ? reach.most * 1.5 : reach.most * 1.05) &&
         panel_add_mark(panel, MARK_SERIES, ROLE_SERIES, n, search->x, search->value, search->loss) &&
         panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &at, &least, label);
}

bool fig_layer_detail(struct figure *figure, const struct layer_shown *shown,
                      enum layer_detail detail)
{
  const struct layer_row *row = selected_row(shown);
  if (!layer_has_detail(shown, detail))
    return fig_nothing(figure, row ? "This method has searched nothing."
                                   : "Nothing is known of this method yet.");
  if (detail == LAYER_OUTPUT)
    return add_output(figure, shown);
  if (detail == LAYER_SEARCH)
    return row->search.height > 1 ? add_surface(figure, &row->search)
                                  : add_line(figure, &row->search);
  return add_scales(figure, shown, detail == LAYER_WEIGHTS);
}

/* --- all methods ------------------------------------------------------------------------------
 */

bool fig_layer_methods(struct figure *figure, const struct layer_shown *shown)
{
  enum { MOST = 128 };
  const size_t n = size_min(shown->rows, MOST);
  char text[MOST][METHOD_TEXT];
  const char *names[MOST];
  double x[MOST], output[MOST], held[MOST], weight[MOST], lo = 0, hi = 1;
  bool held_out = false;
  for (size_t i = 0; i < n; i++) {
    const struct layer_row *row = &shown->row[shown->rank[i]];
    const bool done = row->state == LAYER_DONE;
    names[i] = method_print(&row->ask.method, text[i]);
    x[i] = (double)i;
    output[i] = done ? row->calibration.output_sqnr_db : (double)NAN;
    weight[i] = done ? row->calibration.weight_sqnr_db : (double)NAN;
    held[i] = done && row->held_out.tokens ? row->held_out.output_sqnr_db : (double)NAN;
    held_out = held_out || !isnan(held[i]);
    const double all[] = {output[i], weight[i], held[i]};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
      if (isfinite(all[k])) {
        lo = fmin(lo, all[k]);
        hi = fmax(hi, all[k]);
      }
  }
  struct panel *panel = figure_add_panel(figure, NULL);
  return panel && axis_set_names(&panel->x, "method", n, names) &&
         axis_set(&panel->y, "SQNR", "dB", lo - 0.05 * (hi - lo), hi + 0.15 * (hi - lo)) &&
         panel_add_mark(panel, MARK_SERIES, ROLE_SERIES, n, x, output, "output") &&
         (!held_out || panel_add_mark(panel, MARK_SERIES, (enum role)(ROLE_SERIES + 1), n, x, held,
                                      "output, held-out tokens")) &&
         panel_add_mark(panel, MARK_SERIES, (enum role)(ROLE_SERIES + 2), n, x, weight, "weight");
}

bool fig_layer(struct figure *figure, const struct result *result, const struct view *view)
{
  const struct layer_shown *shown = result->layer;
  (void)view;
  if (!shown || !shown->rows)
    return fig_nothing(figure, "No method was run on the layer.");
  bool done = fig_layer_methods(figure, shown);
  for (int detail = 0; done && detail < LAYER_DETAILS; detail++)
    if (detail != LAYER_WEIGHTS && layer_has_detail(shown, (enum layer_detail)detail))
      done = fig_layer_detail(figure, shown, (enum layer_detail)detail);
  return done;
}
