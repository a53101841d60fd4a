/* The channels view: the largest magnitude and the SQNR of each channel, outliers by name, and a
 * strip of their errors. */
#include "analysis/fig_bars.h"
#include "analysis/heat.h"
#include "analysis/views.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED_OUTLIERS = 5 };

struct column {
  const struct channels *channels;
  double *edge, *absmax, *sqnr; /* count + 1, count, count */
};

static void column_free(struct column *column)
{
  free(column->edge);
  free(column->absmax);
  free(column->sqnr);
}

static bool column_make(const struct channels *channels, struct column *column)
{
  size_t n = channels->count;
  *column = (struct column){channels, mem_array(n + 1, sizeof(double)),
                            mem_array(n, sizeof(double)), mem_array(n, sizeof(double))};
  if (!column->edge || !column->absmax || !column->sqnr)
    return false;
  for (size_t i = 0; i <= n; i++)
    column->edge[i] = (double)i - 0.5;
  for (size_t i = 0; i < n; i++) {
    column->absmax[i] = channels->channel[i].absmax;
    column->sqnr[i] = channels->channel[i].sqnr_db;
  }
  return true;
}

/* The largest channels, when they stand out. */
static bool name_outliers(struct panel *panel, const struct channels *channels)
{
  for (size_t i = 0; i < size_min(channels->count, NAMED_OUTLIERS); i++) {
    size_t c = channels->by_ratio[i];
    const struct channel *channel = &channels->channel[c];
    if (!(channel->ratio >= fig_outlier_ratio))
      return true;
    char label[64];
    int used = snprintf(label, sizeof label, "%zu", c);
    if (isfinite(channel->ratio)) /* the median channel may be zero */
      snprintf(label + used, sizeof label - (size_t)used, " (%.3g\u00d7)", channel->ratio);
    if (!fig_name_bar(panel, (double)c, channel->absmax, label))
      return false;
  }
  return true;
}

static bool channel_axis(struct panel *panel, const struct column *column, const struct view *view)
{
  double lo, hi, last = (double)column->channels->count - 0.5;
  /* The window of the view is one of values: it does not apply to channel numbers. */
  struct view everything = *view;
  everything.lo = everything.hi = NAN;
  panel->x.integral = true;
  char label[64];
  snprintf(label, sizeof label, "channel (axis %u)", column->channels->axis);
  return fig_window(&everything, -0.5, last, &lo, &hi) && axis_set(&panel->x, label, NULL, lo, hi);
}

static bool add_absmax(struct figure *figure, const struct column *column, const struct view *view)
{
  const struct spread spread = column->channels->absmax;
  if (!(spread.most > 0))
    return fig_nothing(figure, "Every channel is zero.");
  struct panel *panel = figure_add_panel(figure, "Largest magnitude");
  return panel && channel_axis(panel, column, view) &&
         fig_magnitude_axis(panel, "max |x|", &spread, view->log_counts) &&
         panel_add_mark(panel, MARK_BARS, ROLE_ORIGINAL, column->channels->count, column->edge,
                        column->absmax, NULL) &&
         fig_median(panel, spread.median, "") && name_outliers(panel, column->channels);
}

/* The worst channel, when it stands below the others. */
static bool name_worst(struct panel *panel, const struct column *column, double median)
{
  size_t worst = 0;
  for (size_t i = 1; i < column->channels->count; i++)
    if (column->sqnr[i] < column->sqnr[worst] || isnan(column->sqnr[worst]))
      worst = i;
  double value = column->sqnr[worst];
  if (!isfinite(value) || value > median - fig_bad_db)
    return true;
  char label[64];
  snprintf(label, sizeof label, "%zu (%.1f dB)", worst, value);
  return fig_name_bar(panel, (double)worst, value, label);
}

static bool add_sqnr(struct figure *figure, const struct column *column, const struct view *view)
{
  const struct spread spread = column->channels->sqnr_db;
  if (spread.count == 0)
    return fig_nothing(figure, "No channel has an error.");
  struct panel *panel = figure_add_panel(figure, "Signal-to-quantization-noise ratio");
  return panel && channel_axis(panel, column, view) && fig_sqnr_axis(panel, &spread) &&
         panel_add_mark(panel, MARK_BARS, ROLE_RECONSTRUCTION, column->channels->count,
                        column->edge, column->sqnr, NULL) &&
         fig_median(panel, spread.median, " dB") && name_worst(panel, column, spread.median);
}

bool fig_channel_sqnr(struct figure *figure, const struct channels *channels,
                      const struct view *view)
{
  struct column column;
  bool done = column_make(channels, &column) && add_sqnr(figure, &column, view);
  column_free(&column);
  return done;
}

static double largest(const double *value, size_t n)
{
  double most = 0;
  for (size_t i = 0; i < n; i++)
    most = isfinite(value[i]) && value[i] > most ? value[i] : most;
  return most;
}

/* A strip under the bars: the error itself, in the data's unit, where SQNR is relative to each
 * channel. There is none for one channel, nor where all are exact. */
static bool add_errors(struct figure *figure, const struct column *column, const struct view *view)
{
  static const double height[2] = {0, 1};
  size_t n = column->channels->count;
  double lo, hi, *mse = mem_array(n, sizeof *mse);
  bool log;
  if (!mse)
    return false;
  for (size_t i = 0; i < n; i++)
    mse[i] = column->channels->channel[i].mse;
  const bool telling = n > 1 && largest(mse, n) > 0;
  const bool ranged = telling && heat_range_of(mse, n, false, &lo, &hi, &log);
  struct panel *panel = ranged ? figure_add_panel(figure, NULL) : NULL;
  bool done = !telling; /* there is a range then, unless memory runs out */
  if (panel) {
    panel->ruler = true;
    panel->color.log = log;
    done = fig_text(&panel->title, "MSE of each channel, dark %.3g, light %.3g%s", lo, hi,
                    log ? ", logarithmic" : "") &&
           axis_set(&panel->color, "MSE", NULL, lo, hi) && channel_axis(panel, column, view) &&
           panel_add_cells(panel, n, 1, column->edge, height, mse);
  }
  free(mse);
  return done;
}

bool fig_channels(struct figure *figure, const struct result *result, const struct view *view)
{
  if (result->channels.count == 0)
    return fig_nothing(figure, result->partial ? "Channels come with the exact numbers."
                                               : "There are no channels.");
  struct column column;
  bool done = column_make(&result->channels, &column) && add_absmax(figure, &column, view) &&
              add_sqnr(figure, &column, view) && add_errors(figure, &column, view);
  column_free(&column);
  return done;
}

/* The panel of SQNR in FIGURE, or NULL. */
static struct panel *sqnr_panel(const struct figure *figure)
{
  for (size_t i = 0; i < figure->panels; i++)
    if (figure->panel[i]->marks && figure->panel[i]->y.unit &&
        strcmp(figure->panel[i]->y.unit, "dB") == 0)
      return figure->panel[i];
  return NULL;
}

static bool add_sqnr_of(struct panel *panel, const struct result *result, enum role role,
                        const char *label)
{
  struct column column;
  bool done = column_make(&result->channels, &column) &&
              panel_add_mark(panel, MARK_STEPS, role, result->channels.count, column.edge,
                             column.sqnr, label);
  for (size_t i = 0; done && i < result->channels.count; i++) {
    fig_reach(panel, column.sqnr[i]);
    if (isfinite(column.sqnr[i]))
      panel->y.lo = fmin(panel->y.lo, column.sqnr[i]);
  }
  column_free(&column);
  return done;
}

bool fig_channels_pins(struct figure *figure, const struct result *result,
                       const struct figure_pins *pins, const struct view *view)
{
  struct panel *panel = sqnr_panel(figure);
  char label[PINS_LABEL];
  (void)view;
  if (panel && !fig_label_present(panel, ROLE_RECONSTRUCTION, pins))
    return false;
  for (size_t i = 0; panel && i < pins->count; i++) {
    const struct result *pin = pins->result[i];
    if (pin && pins->tensor[i] &&
        !fig_note(figure, "%c has other channels, of another tensor.", (char)('A' + i)))
      return false;
    if (!pin || pins->tensor[i] || pin->partial || pin->channels.count != result->channels.count)
      continue;
    if (!add_sqnr_of(panel, pin, pins_role(i), pins_label(pins, i, pin, label)))
      return false;
  }
  return true;
}
