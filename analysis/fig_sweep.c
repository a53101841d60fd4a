/* The figure of a sweep: the metric against the stored bits per element, one line for each spec;
 * against the values themselves where they cost no bits (clip thresholds, calibrators). The Pareto
 * front is the stair of the best that so many bits can do. */
#include "analysis/fig_sweep.h"

#include "analysis/sweep_kinds.h"
#include "analysis/views.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- where rows stand ------------------------------------------------------------------------- */

/* NaN: nowhere, a level line. */
static double place_on_x(const struct sweep *sweep, const struct sweep_row *row)
{
  enum sweep_axis axis = sweep->kind->axis;
  if (axis == SWEEP_AXIS_BITS)
    return row->metrics.bits_per_element;
  if (axis == SWEEP_AXIS_PAPR)
    return row->state == SWEEP_DONE ? 20 * log10(row->metrics.papr) : (double)NAN;
  if (row->fixed)
    return (double)NAN;
  return axis == SWEEP_AXIS_NAMES ? (double)row->value : strtod(sweep->value[row->value], NULL);
}

/* NaN where a row has no height: not measured, exact, no signal. */
static double height_of(const struct sweep *sweep, const struct sweep_row *row)
{
  double value = sweep_metric_value(sweep->metric, row);
  return isfinite(value) && !(sweep->metric == SWEEP_MSE && value <= 0) ? value : (double)NAN;
}

bool fig_sweep_place(const struct sweep *sweep, const struct sweep_row *row, double *x, double *y)
{
  *x = place_on_x(sweep, row);
  *y = height_of(sweep, row);
  return !isnan(*x) && !isnan(*y);
}

/* Rows that can be drawn, and where. */
struct points {
  size_t count;
  double *x, *y;
  const struct sweep_row **row;
};

static void points_free(struct points *points)
{
  free(points->x);
  free(points->y);
  free(points->row);
}

static bool points_make(const struct sweep *sweep, struct points *out)
{
  size_t room = 2 * sweep->rows; /* of a stair */
  *out = (struct points){.x = mem_array(room, sizeof *out->x),
                         .y = mem_array(room, sizeof *out->y),
                         .row = mem_array(room, sizeof *out->row)};
  return out->x && out->y && out->row;
}

/* In the order of the rows; of data from left to right, wherever it turned out to be. */
static void points_add(struct points *points, const struct sweep *sweep,
                       const struct sweep_row *row)
{
  double x = place_on_x(sweep, row), y = height_of(sweep, row);
  size_t at = points->count;
  if (isnan(y))
    return;
  for (; sweep->kind->elsewhere && at > 0 && points->x[at - 1] > x; at--) {
    points->x[at] = points->x[at - 1];
    points->y[at] = points->y[at - 1];
    points->row[at] = points->row[at - 1];
  }
  points->x[at] = x;
  points->y[at] = y;
  points->row[at] = row;
  points->count++;
}

/* A row that is a value of its line, or a line by itself; not the present one that is none. */
static bool is_of_line(const struct sweep *sweep, const struct sweep_row *row, size_t line)
{
  return row->line == line && row->fixed == sweep_line_is_fixed(sweep, line);
}

/* --- the lines -------------------------------------------------------------------------------- */

/* The swept value beside each point; of many formats those of the front alone, of data those of the
 * first line, below and above which the others have theirs. */
static bool add_values(struct panel *panel, const struct sweep *sweep, const struct points *points,
                       bool front, enum role role)
{
  char label[SWEEP_VALUE_TEXT];
  if (!sweep->kind->shows_values || (sweep->kind->elsewhere && role != ROLE_SERIES))
    return true;
  for (size_t i = 0; i < points->count; i++) {
    const struct sweep_row *row = points->row[i];
    const char *text = sweep->kind->points
                           ? format_label(row->quantizer.format, label, sizeof label)
                           : sweep_value_label(sweep, row->value, label);
    if (!row->fixed && (!front || !sweep->kind->points || row->pareto) &&
        !panel_add_mark(panel, MARK_POINTS, role, 1, &points->x[i], &points->y[i], text))
      return false;
  }
  return true;
}

static bool add_points(struct panel *panel, const struct sweep *sweep, const struct points *points,
                       bool front, enum role role, const char *label)
{
  bool level = isnan(points->x[0]);
  if (level)
    return panel_add_mark(panel, MARK_HLINE, role, 1, points->y, NULL, label);
  return panel_add_mark(panel, sweep->kind->points ? MARK_POINTS : MARK_SERIES, role, points->count,
                        points->x, points->y, label) &&
         add_values(panel, sweep, points, front, role);
}

static bool add_line(struct figure *figure, struct panel *panel, const struct sweep *sweep,
                     size_t line, bool front)
{
  struct points points;
  char label[QUANTIZER_TEXT];
  size_t exact = 0;
  bool done = points_make(sweep, &points);
  for (size_t i = 0; i < sweep->rows && done; i++)
    if (is_of_line(sweep, &sweep->row[i], line)) {
      points_add(&points, sweep, &sweep->row[i]);
      exact += sweep->row[i].state == SWEEP_DONE && isinf(sweep->row[i].metrics.sqnr_db);
    }
  sweep_label(sweep, line, label);
  if (done && exact)
    done = fig_note(figure, "%s: %zu exact, which no axis of dB can show.", label, exact);
  if (done && points.count > 0)
    done = add_points(panel, sweep, &points, front, (enum role)(ROLE_SERIES + line), label);
  points_free(&points);
  return done;
}

/* What was predicted of the rows of LINE, where they have places of numbers. */
static bool add_predictions(struct panel *panel, const struct sweep *sweep, size_t line)
{
  struct points points;
  bool done = points_make(sweep, &points);
  for (size_t i = 0; i < sweep->rows && done; i++)
    if (is_of_line(sweep, &sweep->row[i], line))
      points_add(&points, sweep, &sweep->row[i]);
  for (size_t i = 0; i < points.count && done; i++)
    points.y[i] = points.row[i]->predicted_sqnr_db;
  if (done && points.count > 0 && !isnan(points.x[0]))
    done = panel_add_mark(panel, sweep->kind->points ? MARK_POINTS : MARK_LINE, ROLE_REFERENCE,
                          points.count, points.x, points.y, line == 0 ? "predicted" : NULL) != NULL;
  points_free(&points);
  return done;
}

/* --- the front, and what people have ---------------------------------------------------------- */

static int by_place(const void *one, const void *other)
{
  const struct sweep_row *const *a = one, *const *b = other;
  double of_a = (*a)->metrics.bits_per_element, of_b = (*b)->metrics.bits_per_element;
  return of_a < of_b ? -1 : of_a > of_b;
}

/* From the points of the front, ascending in X, a stair: each holds until the next. */
static void make_stair(struct points *points, const struct sweep *sweep)
{
  size_t count = points->count;
  if (count)
    qsort(points->row, count, sizeof *points->row, by_place);
  points->count = 0;
  for (size_t i = 0; i < count; i++) {
    double x, y;
    fig_sweep_place(sweep, points->row[i], &x, &y);
    if (i > 0) {
      points->x[points->count] = x;
      points->y[points->count] = points->y[points->count - 1];
      points->count++;
    }
    points->x[points->count] = x;
    points->y[points->count++] = y;
  }
}

/* As a stair over bits; elsewhere as dots on the points, of which few are on it. */
static bool add_front(struct panel *panel, const struct sweep *sweep)
{
  bool stair = sweep->kind->axis == SWEEP_AXIS_BITS;
  struct points points;
  bool done = points_make(sweep, &points);
  for (size_t i = 0; i < sweep->rows && done; i++)
    if (sweep->row[i].pareto && !isnan(place_on_x(sweep, &sweep->row[i])))
      points_add(&points, sweep, &sweep->row[i]);
  if (done && stair)
    make_stair(&points, sweep);
  if (done && points.count > 1)
    done = panel_add_mark(panel, stair ? MARK_LINE : MARK_POINTS, ROLE_MEDIAN, points.count,
                          points.x, points.y, "Pareto front");
  points_free(&points);
  return done;
}

static bool add_present(struct panel *panel, const struct sweep *sweep)
{
  static const char label[] = "chosen";
  double x, y;
  if (sweep->present == SWEEP_NO_ROW)
    return true;
  if (fig_sweep_place(sweep, &sweep->row[sweep->present], &x, &y))
    return panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &x, &y, label);
  return isnan(y) || sweep_line_is_fixed(sweep, 0) ||
         panel_add_mark(panel, MARK_HLINE, ROLE_OUTLIER, 1, &y, NULL, label);
}

/* --- the axes --------------------------------------------------------------------------------- */

struct span {
  double lo, hi;
};

static void span_add(struct span *span, double value)
{
  if (!isfinite(value))
    return;
  span->lo = fmin(span->lo, value);
  span->hi = fmax(span->hi, value);
}

/* SPAN with a margin around it. */
static struct span widened(struct span span, double share, double least)
{
  double by = fmax(share * (span.hi - span.lo), least);
  return span.lo <= span.hi ? (struct span){span.lo - by, span.hi + by} : (struct span){0, 1};
}

/* The same on a logarithmic axis. */
static struct span widened_log(struct span span)
{
  double by = pow(fmax(span.hi / span.lo, 1.5), 0.08);
  return span.lo <= span.hi ? (struct span){span.lo / by, span.hi * by} : (struct span){0.1, 1};
}

static bool set_x(struct panel *panel, const struct sweep *sweep)
{
  const struct sweep_kind *kind = sweep->kind;
  const char *names[SWEEP_VALUES];
  struct span x = {HUGE_VAL, -HUGE_VAL};
  for (size_t i = 0; i < sweep->values; i++)
    names[i] = sweep->value[i];
  if (kind->axis == SWEEP_AXIS_NAMES)
    return axis_set_names(&panel->x, kind->axis_label, sweep->values, names);
  for (size_t i = 0; i < sweep->rows; i++) /* room for what is not measured yet */
    if (sweep->row[i].state == SWEEP_DONE || kind->axis == SWEEP_AXIS_VALUES)
      span_add(&x, place_on_x(sweep, &sweep->row[i]));
  if (kind->axis == SWEEP_AXIS_BITS) {
    x = widened(x, 0.06, 0.02);
    return axis_set(&panel->x, "stored bits per element", NULL, x.lo, x.hi);
  }
  if (kind->axis == SWEEP_AXIS_PAPR) {
    x = widened(x, 0.1, 1);
    return axis_set(&panel->x, kind->axis_label, "dB", x.lo, x.hi);
  }
  panel->x.log = true;
  x = widened_log(x);
  return axis_set(&panel->x, kind->axis_label, NULL, x.lo, x.hi);
}

static bool set_y(struct panel *panel, const struct sweep *sweep)
{
  struct span y = {HUGE_VAL, -HUGE_VAL};
  for (size_t i = 0; i < sweep->rows; i++)
    span_add(&y, height_of(sweep, &sweep->row[i]));
  panel->y.log = sweep->metric == SWEEP_MSE;
  y = panel->y.log ? widened_log(y) : widened(y, 0.1, 0.2);
  if (panel->y.log)
    return axis_set(&panel->y, "mean squared error", NULL, y.lo, y.hi);
  return axis_set(&panel->y, sweep->metric == SWEEP_BULK ? "bulk SQNR" : "SQNR", "dB", y.lo, y.hi);
}

/* --- the figure ------------------------------------------------------------------------------- */

static bool has_fixed(const struct sweep *sweep)
{
  for (size_t i = 0; i < sweep->lines; i++)
    if (sweep_line_is_fixed(sweep, i))
      return true;
  return false;
}

/* How to read the points. */
static const char *words_of(const struct sweep *sweep)
{
  if (sweep->kind->elsewhere)
    return "Each line is a quantizer on the distributions named beside the first; this tensor's "
           "own points stand on its line. 20 dB: the largest magnitude is ten times the RMS.";
  if (sweep->kind->axis != SWEEP_AXIS_BITS)
    return has_fixed(sweep) ? "A level line is a spec that takes none of the values." : "";
  if (sweep->kind->shows_values && !sweep->kind->points)
    return "Beside each point: the elements of a group or block. Scales and zero points count as "
           "stored bits.";
  return "Scales and zero points count as stored bits.";
}

static bool fill_panel(struct figure *figure, const struct sweep *sweep, const struct view *view)
{
  struct panel *panel = figure_add_panel(figure, NULL);
  bool done = panel && set_x(panel, sweep) && set_y(panel, sweep);
  for (size_t i = 0; done && i < sweep->lines; i++)
    done = add_line(figure, panel, sweep, i, !view->front_hidden) &&
           (!sweep->theory || sweep->metric != SWEEP_SQNR || sweep->kind->elsewhere ||
            add_predictions(panel, sweep, i));
  if (done && sweep->kind->elsewhere)
    done = fig_papr(panel, sweep);
  else if (done && !view->front_hidden)
    done = add_front(panel, sweep);
  done = done && add_present(panel, sweep);
  if (done && panel->marks == 0)
    done =
        fig_text(&panel->title, "%s",
                 sweep->done < sweep->rows ? "The sweep is being computed."
                                           : "No quantizer has a ratio of signal to error here.");
  return done;
}

bool fig_sweep_view(struct figure *figure, const struct result *result, const struct view *view)
{
  if (!result->sweep)
    return fig_nothing(figure, "The sweep was not computed.");
  return fill_panel(figure, result->sweep, view) &&
         (!*words_of(result->sweep) || fig_note(figure, "%s", words_of(result->sweep)));
}

struct figure *fig_sweep(const struct sweep *sweep, const struct view *view, const char *source,
                         const struct tensor *tensor, const char *recipe)
{
  char name[256], *title, *subject = fig_subject(tensor, source, "");
  text_escape(tensor->name, name, sizeof name);
  struct figure *figure =
      fig_text(&title, "%s \u00b7 %s over %s", name,
               metric_find(sweep_metric_name(sweep->metric))->label, sweep_name(sweep))
          ? figure_new(title)
          : NULL;
  free(title);
  bool done = figure && subject && fig_text(&figure->recipe, "%s", recipe ? recipe : "") &&
              fig_text(&figure->caption[0], "%s. %s", subject, words_of(sweep)) &&
              fill_panel(figure, sweep, view);
  free(subject);
  if (done)
    return figure;
  figure_free(figure);
  return NULL;
}
