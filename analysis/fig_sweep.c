/* The figure of a sweep: SQNR against bits per element, one line for each spec; against the values
 * themselves where they are names that cost nothing (calibrators). */
#include "analysis/fig_sweep.h"

#include "analysis/views.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The points of one line that can be drawn, and the rows they stand for. */
struct points {
  size_t count, exact;
  double *x, *y;
  const struct sweep_row **row;
};

static double place_of(const struct sweep *sweep, const struct sweep_row *row)
{
  return sweep_of_names(sweep) ? (double)row->value : row->metrics.bits_per_element;
}

static void points_free(struct points *points)
{
  free(points->x);
  free(points->y);
  free(points->row);
}

static bool points_make(const struct sweep *sweep, size_t line, struct points *out)
{
  *out = (struct points){.x = mem_array(sweep->rows, sizeof *out->x),
                         .y = mem_array(sweep->rows, sizeof *out->y),
                         .row = mem_array(sweep->rows, sizeof *out->row)};
  if (!out->x || !out->y || !out->row)
    return false;
  for (size_t i = 0; i < sweep->rows; i++) {
    const struct sweep_row *row = &sweep->row[i];
    if (row->line != line)
      continue;
    out->exact += isinf(row->metrics.sqnr_db) != 0;
    if (!isfinite(row->metrics.sqnr_db))
      continue;
    out->x[out->count] = place_of(sweep, row);
    out->y[out->count] = row->metrics.sqnr_db;
    out->row[out->count++] = row;
  }
  return true;
}

/* True when the x axis does not say which value a point belongs to. */
static bool shows_values(const struct sweep *sweep)
{
  return !sweep_of_names(sweep) && strcmp(sweep_name(sweep), "bits") != 0;
}

/* The swept value beside each point. */
static bool add_values(struct panel *panel, const struct sweep *sweep, const struct points *points,
                       enum role role)
{
  char label[64];
  for (size_t i = 0; i < points->count && shows_values(sweep); i++) {
    const struct sweep_row *row = points->row[i];
    const char *text = sweep_of_points(sweep)
                           ? format_label(row->quantizer.format, label, sizeof label)
                           : sweep->value[row->value];
    if (!row->fixed &&
        !panel_add_mark(panel, MARK_POINTS, role, 1, &points->x[i], &points->y[i], text))
      return false;
  }
  return true;
}

static bool add_line(struct figure *figure, struct panel *panel, const struct sweep *sweep,
                     size_t line)
{
  struct points points;
  char label[QUANTIZER_TEXT];
  enum role role = (enum role)(ROLE_SERIES + line);
  bool done = points_make(sweep, line, &points);
  enum mark_kind kind = sweep_of_points(sweep) ? MARK_POINTS : MARK_SERIES;
  sweep_label(sweep, line, label);
  if (done && points.exact)
    done = fig_note(figure, "%s: %zu exact, which no axis of dB can show.", label, points.exact);
  if (done && points.count > 0) {
    bool level = sweep_of_names(sweep) && points.row[0]->fixed;
    const double *x = level ? points.y : points.x, *y = level ? NULL : points.y;
    done = panel_add_mark(panel, level ? MARK_HLINE : kind, role, level ? 1 : points.count, x, y,
                          label) &&
           (level || add_values(panel, sweep, &points, role));
  }
  points_free(&points);
  return done;
}

/* What was predicted of the points of LINE, where they have places of numbers. */
static bool add_predictions(struct panel *panel, const struct sweep *sweep, size_t line)
{
  struct points points;
  bool done = points_make(sweep, line, &points);
  if (done && points.count > 0 && sweep->theory) {
    for (size_t i = 0; i < points.count; i++)
      points.y[i] = points.row[i]->predicted_sqnr_db;
    done = panel_add_mark(panel, sweep_of_points(sweep) ? MARK_POINTS : MARK_LINE, ROLE_REFERENCE,
                          points.count, points.x, points.y, line == 0 ? "predicted" : NULL);
  }
  points_free(&points);
  return done;
}

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

static bool set_axes(struct panel *panel, const struct sweep *sweep)
{
  struct span x = {HUGE_VAL, -HUGE_VAL}, y = x;
  const char *names[SWEEP_VALUES];
  for (size_t i = 0; i < sweep->rows; i++) {
    span_add(&x, place_of(sweep, &sweep->row[i]));
    span_add(&y, sweep->row[i].metrics.sqnr_db);
  }
  for (size_t i = 0; i < sweep->values; i++)
    names[i] = sweep->value[i];
  x = widened(x, 0.06, 0.02);
  y = widened(y, 0.1, 0.2);
  return axis_set(&panel->y, "SQNR", "dB", y.lo, y.hi) &&
         (sweep_of_names(sweep) ? axis_set_names(&panel->x, sweep_name(sweep), sweep->values, names)
                                : axis_set(&panel->x, "stored bits per element", NULL, x.lo, x.hi));
}

static bool has_fixed(const struct sweep *sweep)
{
  for (size_t i = 0; i < sweep->rows; i++)
    if (sweep->row[i].fixed)
      return true;
  return false;
}

/* How to read the points. */
static const char *words_of(const struct sweep *sweep)
{
  if (sweep_of_names(sweep))
    return has_fixed(sweep) ? " A level line is a spec that takes no calibrator." : "";
  if (shows_values(sweep) && !sweep_of_points(sweep))
    return " Beside each point: the elements of a group or block. Scales and zero points count as "
           "stored bits.";
  return " Scales and zero points count as stored bits.";
}

static bool fill(struct figure *figure, const struct sweep *sweep, const char *source,
                 const struct tensor *tensor, const char *recipe)
{
  struct panel *panel = figure_add_panel(figure, NULL);
  char *subject = fig_subject(tensor, source, "");
  bool done = panel && subject && fig_text(&figure->recipe, "%s", recipe ? recipe : "") &&
              fig_text(&figure->caption[0], "%s.%s", subject, words_of(sweep)) &&
              set_axes(panel, sweep);
  free(subject);
  for (size_t i = 0; done && i < sweep->lines; i++)
    done = add_line(figure, panel, sweep, i) && add_predictions(panel, sweep, i);
  if (done && panel->marks == 0) {
    free(panel->title);
    panel->title = NULL;
    done = fig_text(&panel->title, "No quantizer has a ratio of signal to error here.");
  }
  return done;
}

struct figure *fig_sweep(const struct sweep *sweep, const char *source, const struct tensor *tensor,
                         const char *recipe)
{
  char name[256], *title;
  text_escape(tensor->name, name, sizeof name);
  struct figure *figure = fig_text(&title, "%s \u00b7 SQNR over %s", name, sweep_name(sweep))
                              ? figure_new(title)
                              : NULL;
  free(title);
  if (figure && !fill(figure, sweep, source, tensor, recipe)) {
    figure_free(figure);
    return NULL;
  }
  return figure;
}
