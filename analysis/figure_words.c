/* A figure in sentences, for whoever hears it instead of seeing it. */
#include "analysis/figure.h"

#include <math.h>
#include <stdio.h>

static void write_axis(FILE *out, const char *name, const struct axis *axis)
{
  if (axis->names && !axis->numbered) {
    fprintf(out, "%s: %s, %zu of them. ", name, axis->label ? axis->label : "", axis->names);
    return;
  }
  fprintf(out, "%s: %s%s%s, from %.4g to %.4g%s. ", name, axis->label ? axis->label : "values",
          axis->unit ? " in " : "", axis->unit ? axis->unit : "", axis->lo, axis->hi,
          axis->log ? ", logarithmic" : "");
}

/* "476", or the name that stands there. */
static void write_x(FILE *out, const struct axis *axis, double x)
{
  const char *name = axis_name_at(axis, x);
  if (name)
    fputs(name, out);
  else /* the middle of the bin around 0 is 0, but for rounding */
    fprintf(out, "%.4g", fabs(x) < 1e-9 * fabs(axis->hi - axis->lo) ? 0.0 : x);
}

/* The middle of a bin, or the place of a point. */
static double x_of(const struct mark *mark, size_t i)
{
  bool bins = mark->kind == MARK_BARS || mark->kind == MARK_STEPS;
  return bins ? mark->x[i] / 2 + mark->x[i + 1] / 2 : mark->x[i];
}

/* The first, the last, the largest and the smallest: where a curve begins, ends, and turns. */
static void write_course(FILE *out, const struct panel *panel, const struct mark *mark)
{
  size_t first = mark->n, last = 0, high = 0, low = 0;
  for (size_t i = 0; i < mark->n; i++) {
    if (isnan(mark->y[i]))
      continue;
    if (first == mark->n)
      first = high = low = i;
    high = mark->y[i] > mark->y[high] ? i : high;
    low = mark->y[i] < mark->y[low] ? i : low;
    last = i;
  }
  fprintf(out, "%s: ", mark->label ? mark->label : "values");
  if (first == mark->n) {
    fputs("no values.\n", out);
    return;
  }
  static const char *const words[] = {"begins with", "ends with", "is largest,", "is smallest,"};
  const size_t places[] = {first, last, high, low};
  for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
    fprintf(out, "%s%s %.4g at ", k ? ", " : "", words[k], mark->y[places[k]]);
    write_x(out, &panel->x, x_of(mark, places[k]));
  }
  fputs(".\n", out);
}

static void write_points(FILE *out, const struct panel *panel, const struct mark *mark)
{
  enum { MOST = 12 };
  fprintf(out, "%s: ", mark->label ? mark->label : "points");
  for (size_t i = 0; i < mark->n && i < MOST; i++) {
    fputs(i ? ", at " : "at ", out);
    write_x(out, &panel->x, mark->x[i]);
    fprintf(out, " %.4g", mark->y[i]);
  }
  if (mark->n > MOST)
    fprintf(out, ", and %zu more", mark->n - MOST);
  fputs(".\n", out);
}

/* A strip of cells is a course in colours; that without a title is the scale of another panel's
 * colours, which needs no words. */
static void write_strip(FILE *out, const struct panel *panel, const struct mark *mark)
{
  const struct mark bars = {.kind = MARK_BARS, .n = mark->across, .x = mark->x, .y = mark->y};
  if (panel->title)
    write_course(out, panel, &bars);
}

/* "down 12 to 15", and what that is where it has a name. */
static void write_reach(FILE *out, const struct axis *axis, const char *way, const double *edge)
{
  const char *name = axis_name_at(axis, edge[0] / 2 + edge[1] / 2);
  fprintf(out, "%s %.4g to %.4g", way, edge[0], edge[1]);
  if (name)
    fprintf(out, " (%s)", name);
}

/* Where the largest and the smallest cell are. */
static void write_cells(FILE *out, const struct panel *panel, const struct mark *mark)
{
  if (panel->ruler)
    return write_strip(out, panel, mark);
  const double *x = mark->x, *y = mark->x + mark->across + 1;
  size_t extreme[2] = {mark->n, mark->n};
  for (size_t i = 0; i < mark->n; i++) {
    if (isnan(mark->y[i]))
      continue;
    extreme[0] = extreme[0] == mark->n || mark->y[i] > mark->y[extreme[0]] ? i : extreme[0];
    extreme[1] = extreme[1] == mark->n || mark->y[i] < mark->y[extreme[1]] ? i : extreme[1];
  }
  for (size_t k = 0; k < 2 && extreme[k] < mark->n; k++) {
    size_t across = extreme[k] % mark->across, down = extreme[k] / mark->across;
    fprintf(out, "%s %.4g, ", k ? "The smallest is" : "The largest is", mark->y[extreme[k]]);
    write_reach(out, &panel->x, "across", x + across);
    fputs(", ", out);
    write_reach(out, &panel->y, "down", y + down);
    fputs(".\n", out);
  }
}

static void write_mark(FILE *out, const struct panel *panel, const struct mark *mark)
{
  const char *label = mark->label ? mark->label : "";
  switch (mark->kind) {
  case MARK_BARS:
  case MARK_STEPS:
  case MARK_LINE:
  case MARK_SERIES:
    return write_course(out, panel, mark);
  case MARK_CELLS:
    return write_cells(out, panel, mark);
  case MARK_POINTS:
    return write_points(out, panel, mark);
  case MARK_TICKS:
    if (mark->n)
      fprintf(out, "%zu levels, from %.4g to %.4g.\n", mark->n, mark->x[0], mark->x[mark->n - 1]);
    return;
  case MARK_VLINE:
  case MARK_HLINE:
    if (*label)
      fprintf(out, "%s.\n", label);
    return;
  case MARK_BAND:
    if (*label)
      fprintf(out, "from %.4g to %.4g: %s.\n", mark->x[0], mark->x[1], label);
    return;
  default:
    if (*label)
      fprintf(out, "%s.\n", label);
  }
}

void figure_words(const struct figure *figure, FILE *out)
{
  fprintf(out, "%s.\n", figure->title);
  for (size_t i = 0; i < figure->panels; i++) {
    const struct panel *panel = figure->panel[i];
    fprintf(out, "Panel %zu of %zu%s%s. ", i + 1, figure->panels, panel->title ? ": " : "",
            panel->title ? panel->title : "");
    write_axis(out, "Across", &panel->x);
    write_axis(out, panel->y.down ? "Down" : "Up", &panel->y);
    fputc('\n', out);
    for (size_t k = 0; k < panel->marks; k++)
      write_mark(out, panel, panel->mark[k]);
  }
  for (size_t i = 0; i < figure->words; i++)
    fprintf(out, "%s.\n", figure->word[i]);
}
