/* The numbers behind a figure, in long form: one row for each bar, point, tick and line. */
#include "analysis/export.h"
#include "analysis/figure.h"

#include <math.h>

static const char *const kind_names[] = {
    [MARK_BARS] = "bar",     [MARK_STEPS] = "step", [MARK_LINE] = "line",
    [MARK_POINTS] = "point", [MARK_TICKS] = "tick", [MARK_VLINE] = "vline",
    [MARK_HLINE] = "hline",  [MARK_BAND] = "band",  [MARK_SERIES] = "series",
    [MARK_CELLS] = "cell"};

static const char *const role_names[] = {
    [ROLE_ORIGINAL] = "original", [ROLE_RECONSTRUCTION] = "reconstruction",
    [ROLE_ERROR] = "error",       [ROLE_CLIP] = "clip",
    [ROLE_LEVEL] = "level",       [ROLE_OUTLIER] = "outlier",
    [ROLE_MEDIAN] = "median",     [ROLE_REFERENCE] = "reference",
    [ROLE_SERIES] = "series"};

/* One number of the mark: from X to X_TO where it has a width, Y where it has a height; of a cell
 * from Y to Y_TO, and its VALUE. */
struct point {
  double x, x_to, y, y_to, value;
};

static size_t points_of(const struct mark *mark)
{
  return mark->kind == MARK_BAND ? 1 : mark->n;
}

static struct point cell_of(const struct mark *mark, size_t i)
{
  const double *x = mark->x + i % mark->across, *y = mark->x + mark->across + 1 + i / mark->across;
  return (struct point){x[0], x[1], y[0], y[1], mark->y[i]};
}

static struct point point_of(const struct mark *mark, size_t i)
{
  const double none = (double)NAN;
  if (mark->kind == MARK_CELLS)
    return cell_of(mark, i);
  bool wide = mark->kind == MARK_BARS || mark->kind == MARK_STEPS || mark->kind == MARK_BAND;
  if (mark->kind == MARK_HLINE)
    return (struct point){none, none, mark->x[i], none, none};
  return (struct point){mark->x[i], wide ? mark->x[i + 1] : none, mark->y ? mark->y[i] : none, none,
                        none};
}

/* The middle of what reaches from FROM to TO; without TO, FROM. */
static double middle(double from, double to)
{
  return isnan(to) ? from : from / 2 + to / 2;
}

static void put_text(FILE *out, const char *text)
{
  fputc(',', out);
  export_csv_text(out, text ? text : "");
}

static void put_number(FILE *out, double value)
{
  fputc(',', out);
  export_csv_number(out, value);
}

static void put_mark(FILE *out, size_t number, const struct panel *panel, const struct mark *mark)
{
  enum role role = mark->role < ROLE_SERIES ? mark->role : ROLE_SERIES;
  for (size_t i = 0; i < points_of(mark); i++) {
    struct point point = point_of(mark, i);
    fprintf(out, "%zu", number);
    put_text(out, panel->title);
    put_text(out, mark->kind == MARK_CELLS ? panel->color.label
                  : mark->label            ? mark->label
                                           : role_names[role]);
    put_text(out, kind_names[mark->kind]);
    put_number(out, point.x);
    put_number(out, point.x_to);
    put_number(out, point.y);
    put_text(out, axis_name_at(&panel->x, middle(point.x, point.x_to)));
    put_text(out, panel->x.label);
    put_text(out, panel->x.unit);
    put_text(out, panel->y.label);
    put_text(out, panel->y.unit);
    put_number(out, point.y_to);
    put_number(out, point.value);
    put_text(out, axis_name_at(&panel->y, middle(point.y, point.y_to)));
    fputc('\n', out);
  }
}

void figure_csv(const struct figure *figure, FILE *out)
{
  fputs("panel,title,series,mark,x,x_to,y,x_name,x_axis,x_unit,y_axis,y_unit,y_to,value,y_name\n",
        out);
  for (size_t p = 0; p < figure->panels; p++)
    for (size_t m = 0; m < figure->panel[p]->marks; m++)
      put_mark(out, p + 1, figure->panel[p], figure->panel[p]->mark[m]);
}
