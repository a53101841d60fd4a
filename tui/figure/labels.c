/* Labels that must not overlap, and the legend. */
#include "tui/figure/plot.h"

#include <cairo.h>
#include <math.h>

enum { LABEL_ROWS = 3 };
static const double swatch_width = 20, head_gap = 2, label_gap = 3;

struct legend_entry {
  const struct mark *mark;
  double x, y; /* left, baseline */
};

struct top_label {
  const char *text;
  double x; /* left */
  int row;
};

/* From the middle of a point to its edge. */
static double point_size(const struct mark *mark)
{
  return mark->role < ROLE_SERIES ? dot_radius : 3.4;
}

static bool in_frame(const struct box *frame, double x, double y)
{
  return x >= frame->x0 && x <= frame->x1 && y >= frame->y0 && y <= frame->y1;
}

static bool overlap(const struct box *a, const struct box *b)
{
  return a->x0 < b->x1 && b->x0 < a->x1 && a->y0 < b->y1 && b->y0 < a->y1;
}

static bool is_free(const struct plot *plot, const struct box *box)
{
  const struct box apart = {box->x0 - label_gap, box->y0, box->x1 + label_gap, box->y1};
  if (!in_frame(&plot->frame, box->x0, box->y0) || !in_frame(&plot->frame, box->x1, box->y1))
    return false;
  for (size_t i = 0; i < plot->boxes; i++)
    if (overlap(i < plot->points ? box : &apart, &plot->box[i]))
      return false;
  return true;
}

/* True when the line from (X0, Y0) to (X1, Y1) passes through BOX, as far as steps of a point or so
 * tell. */
static bool crosses(const struct box *box, double x0, double y0, double x1, double y1)
{
  int steps = (int)fmin(hypot(x1 - x0, y1 - y0) + 1, 2000);
  for (int i = 0; i <= steps; i++) {
    double t = (double)i / steps;
    if (in_frame(box, x0 + t * (x1 - x0), y0 + t * (y1 - y0)))
      return true;
  }
  return false;
}

static bool joins_points(const struct mark *mark)
{
  return mark->kind == MARK_SERIES || mark->kind == MARK_LINE || mark->kind == MARK_STEPS;
}

/* The line from point I of MARK to the next; of steps: the step. */
static bool covers_piece(const struct plot *plot, const struct box *box, const struct mark *mark,
                         size_t i)
{
  const size_t to = mark->kind == MARK_STEPS ? i : i + 1;
  return crosses(box, scale_place(&plot->x, mark->x[i]), scale_place(&plot->y, mark->y[i]),
                 scale_place(&plot->x, mark->x[i + 1]), scale_place(&plot->y, mark->y[to]));
}

/* True when a line passes behind BOX. */
static bool covers_line(const struct plot *plot, const struct box *box)
{
  for (size_t m = 0; m < plot->panel->marks; m++) {
    const struct mark *mark = plot->panel->mark[m];
    double at = mark->kind == MARK_VLINE ? scale_place(&plot->x, mark->x[0]) : (double)NAN;
    if (at >= box->x0 - 1 && at <= box->x1 + 1)
      return true;
    for (size_t i = 0; joins_points(mark) && i + 1 < mark->n; i++)
      if (covers_piece(plot, box, mark, i))
        return true;
  }
  return false;
}

/* True when BOX covers a point without a label of its own; those with one are obstacles anyway. */
static bool covers_point(const struct plot *plot, const struct box *box)
{
  for (size_t m = 0; m < plot->panel->marks; m++) {
    const struct mark *mark = plot->panel->mark[m];
    double by = point_size(mark) / 2;
    struct box around = {box->x0 - by, box->y0 - by, box->x1 + by, box->y1 + by};
    bool points = mark->kind == MARK_POINTS || mark->kind == MARK_SERIES;
    for (size_t i = 0; points && mark->n > 1 && i < mark->n; i++)
      if (in_frame(&around, scale_place(&plot->x, mark->x[i]), scale_place(&plot->y, mark->y[i])))
        return true;
  }
  return false;
}

/* True when a bar stands behind BOX. */
static bool covers_bar(const struct plot *plot, const struct box *box)
{
  for (size_t m = 0; m < plot->panel->marks; m++) {
    const struct mark *mark = plot->panel->mark[m];
    for (size_t i = 0; mark->kind == MARK_BARS && i < mark->n; i++)
      if (scale_place(&plot->x, mark->x[i + 1]) > box->x0 &&
          scale_place(&plot->x, mark->x[i]) < box->x1 && plot_bar_top(plot, mark->y[i]) < box->y1)
        return true;
  }
  return false;
}

static void draw_point_label(struct plot *plot, const char *text, const struct box *box)
{
  const struct canvas *canvas = plot->canvas;
  plot->box[plot->boxes++] = *box;
  canvas_color(canvas, canvas->theme->background, 0.8);
  cairo_rectangle(canvas->cr, box->x0 - 1, box->y0 - 0.5, box->x1 - box->x0 + 2,
                  box->y1 - box->y0 + 1);
  cairo_fill(canvas->cr);
  canvas_text(canvas, TEXT_TICK, text, box->x0, box->y1 - 1.2, 0);
}

static bool is_point_label(const struct mark *mark)
{
  return mark->label && mark->kind == MARK_POINTS && mark->n == 1;
}

/* True when BOX is nearer to the point of MARK than to any other that has a label. */
static bool belongs(const struct plot *plot, const struct mark *mark, const struct box *box)
{
  double x = (box->x0 + box->x1) / 2, y = (box->y0 + box->y1) / 2;
  double own = hypot(scale_place(&plot->x, mark->x[0]) - x, scale_place(&plot->y, mark->y[0]) - y);
  for (size_t i = 0; i < plot->panel->marks; i++) {
    const struct mark *other = plot->panel->mark[i];
    if (is_point_label(other) &&
        hypot(scale_place(&plot->x, other->x[0]) - x, scale_place(&plot->y, other->y[0]) - y) < own)
      return false;
  }
  return true;
}

/* How good a place for a label is: it hides nothing, a bar or a line, or even a point. */
enum place { PLACE_GOOD, PLACE_FAIR, PLACE_POOR, PLACE_GRADES };

static bool is_place(const struct plot *plot, const struct mark *mark, const struct box *box,
                     enum place grade)
{
  return is_free(plot, box) && belongs(plot, mark, box) &&
         (grade >= PLACE_POOR || !covers_point(plot, box)) &&
         (grade >= PLACE_FAIR || !(covers_bar(plot, box) || covers_line(plot, box)));
}

/* The label of a single point: above it, else beside it, else below, else on a corner or a line
 * or two further away, in the best place there is; left out where nothing is free. */
static void label_point(struct plot *plot, const struct mark *mark)
{
  double x = scale_place(&plot->x, mark->x[0]), y = scale_place(&plot->y, mark->y[0]);
  double width = canvas_text_width(plot->canvas, TEXT_TICK, mark->label),
         height = text_size[TEXT_TICK];
  double centred = fmax(fmin(x - width / 2, plot->frame.x1 - width - 1), plot->frame.x0 + 1);
  double away = 2.2 + point_size(mark) / 2, left = x - width - away, right = x + away;
  double above = y - height - away, middle = y - height / 2, below = y + away;
  const double places[][2] = {
      {centred, above},
      {left - 1, middle},
      {right + 1, middle},
      {centred, below},
      {left, above},
      {right, above},
      {left, below},
      {right, below},
      {centred, above - height},
      {centred, below + height},
      {left, above - height},
      {right, above - height},
      {left, below + height},
      {right, below + height},
      {centred, above - 2 * height},
      {centred, below + 2 * height},
  };
  enum { PLACES = sizeof places / sizeof *places };
  if (plot->boxes == MOST_LABELS)
    return;
  for (size_t i = 0; i < PLACE_GRADES * PLACES; i++) {
    const double *place = places[i % PLACES];
    struct box box = {place[0], place[1], place[0] + width, place[1] + height};
    if (!is_place(plot, mark, &box, (enum place)(i / PLACES)))
      continue;
    draw_point_label(plot, mark->label, &box);
    return;
  }
}

/* The points themselves are obstacles to every label. */
void labels_points(struct plot *plot)
{
  for (size_t i = 0; i < plot->panel->marks && plot->boxes < MOST_LABELS; i++) {
    const struct mark *mark = plot->panel->mark[i];
    if (!is_point_label(mark))
      continue;
    double x = scale_place(&plot->x, mark->x[0]), y = scale_place(&plot->y, mark->y[0]);
    plot->box[plot->boxes++] = (struct box){x - point_size(mark), y - point_size(mark),
                                            x + point_size(mark), y + point_size(mark)};
  }
  plot->points = plot->boxes;
  for (size_t i = 0; i < plot->panel->marks; i++)
    if (is_point_label(plot->panel->mark[i]))
      label_point(plot, plot->panel->mark[i]);
}

static bool is_top_label(const struct mark *mark)
{
  return mark->label && (mark->kind == MARK_VLINE || mark->kind == MARK_BAND);
}

static bool is_legend_entry(const struct mark *mark)
{
  return mark->label && !is_point_label(mark) && !is_top_label(mark);
}

/* Where the label of a line or band is centred; NaN when that is outside the axis. */
static double top_centre(const struct plot *plot, const struct mark *mark)
{
  const struct axis *axis = &plot->panel->x;
  double at = mark->x[0];
  if (mark->kind == MARK_BAND)
    at = (fmax(mark->x[0], axis->lo) + fmin(mark->x[1], axis->hi)) / 2;
  return at >= axis->lo && at <= axis->hi ? scale_place(&plot->x, at) : (double)NAN;
}

/* Gives each label above the frame a row in which it touches no other; returns the number of
 * rows. Labels that find none are left out. */
static int labels_place_top(const struct plot *plot, struct top_label *labels, size_t *count)
{
  struct box taken[MOST_LABELS];
  int rows = 0;
  *count = 0;
  for (size_t i = 0; i < plot->panel->marks && *count < MOST_LABELS; i++) {
    const struct mark *mark = plot->panel->mark[i];
    double centre = is_top_label(mark) ? top_centre(plot, mark) : (double)NAN;
    if (isnan(centre))
      continue;
    double width = canvas_text_width(plot->canvas, TEXT_TICK, mark->label);
    double x = fmin(centre - width / 2, plot->frame.x1 - width);
    x = fmax(x, plot->frame.x0);
    for (int r = 0; r < LABEL_ROWS; r++) {
      struct box box = {x - 3, r, x + width + 3, r + 1};
      bool clear = true;
      for (size_t k = 0; k < *count; k++)
        clear = clear && !overlap(&box, &taken[k]);
      if (!clear)
        continue;
      taken[*count] = box;
      labels[(*count)++] = (struct top_label){mark->label, x, r};
      rows = r >= rows ? r + 1 : rows;
      break;
    }
  }
  return rows;
}

static void legend_swatch(const struct plot *plot, const struct mark *mark, double x,
                          double baseline)
{
  const struct canvas *canvas = plot->canvas;
  const struct style style = plot_style(plot, mark);
  double top = baseline - text_size[TEXT_TICK] * 0.75,
         middle = baseline - text_size[TEXT_TICK] * 0.35;
  switch (mark->kind) {
  case MARK_BARS:
    cairo_rectangle(canvas->cr, x, top, swatch_width, baseline - top);
    canvas_color(canvas, style.fill, 1);
    cairo_fill_preserve(canvas->cr);
    canvas_line(canvas, &(struct style){.stroke = style.stroke, .width = 0.5});
    cairo_stroke(canvas->cr);
    return;
  case MARK_TICKS:
    canvas_line(canvas, &style);
    for (int i = 0; i < 5; i++)
      canvas_segment(canvas, x + 1 + 3 * i, top, x + 1 + 3 * i, baseline);
    return;
  case MARK_POINTS:
    plot_point(plot, mark, x + swatch_width / 2, middle);
    return;
  case MARK_STEPS:
  case MARK_LINE:
  case MARK_VLINE:
  case MARK_HLINE:
  case MARK_BAND:
  case MARK_SERIES:
  case MARK_CELLS:
    break;
  }
  canvas_line(canvas, &style);
  canvas_segment(canvas, x, middle, x + swatch_width, middle);
  if (mark->kind == MARK_SERIES)
    plot_point(plot, mark, x + swatch_width / 2, middle);
}

/* Lays the legend right-aligned in rows from baseline TOP on; the first row shares its line with
 * the panel's title, which takes FIRST_LEFT. Returns the number of rows. */
static int legend_place(const struct plot *plot, double first_left, struct legend_entry *entries,
                        size_t *count)
{
  double left = first_left, right = plot->frame.x1, at = right;
  int rows = 0;
  size_t row_start = 0;
  *count = 0;
  /* From the last entry of a row to its first, so that the order reads from left to right. */
  double width[MOST_LABELS];
  for (size_t i = 0; i < plot->panel->marks && *count < MOST_LABELS; i++)
    if (is_legend_entry(plot->panel->mark[i])) {
      entries[*count].mark = plot->panel->mark[i];
      width[*count] = swatch_width + 4 +
                      canvas_text_width(plot->canvas, TEXT_TICK, plot->panel->mark[i]->label) + 10;
      (*count)++;
    }
  while (row_start < *count) {
    size_t end = row_start;
    double used = 0;
    while (end < *count && (end == row_start || used + width[end] <= right - left)) {
      used += width[end];
      end++;
    }
    if (rows == 0 && first_left > plot->frame.x0 && used > right - left) {
      rows = 1; /* nothing fits beside the title */
      left = plot->frame.x0;
      continue;
    }
    at = fmax(right - used + 10, plot->frame.x0);
    for (size_t i = row_start; i < end; at += width[i], i++) {
      entries[i].x = at;
      entries[i].y = rows;
    }
    rows++;
    left = plot->frame.x0;
    row_start = end;
  }
  return rows;
}

/* Above the left end of the frame; one that is longer begins further left. */
static void draw_panel_title(const struct plot *plot, const char *title, double baseline)
{
  const struct canvas *canvas = plot->canvas;
  const double most = canvas->width - 2 * figure_margin;
  char text[TEXT_MOST];
  canvas_fit(canvas, TEXT_LABEL, title, text, most);
  double x = canvas->width - figure_margin - canvas_text_width(canvas, TEXT_LABEL, text);
  canvas_text(canvas, TEXT_LABEL, text, fmin(plot->frame.x0, x), baseline, 0);
}

double labels_head(const struct plot *plot, double top)
{
  const struct canvas *canvas = plot->canvas;
  struct legend_entry entries[MOST_LABELS];
  struct top_label labels[MOST_LABELS];
  size_t legend, count;
  char words[TEXT_MOST], *title = plot->panel->title ? words : NULL;
  canvas_raise(canvas, title ? plot->panel->title : "", words, sizeof words);
  double left = plot->frame.x0 + (title ? canvas_text_width(canvas, TEXT_LABEL, title) + 12 : 0);
  int rows = legend_place(plot, left, entries, &legend);
  if (rows == 0 && title)
    rows = 1;
  if (title)
    draw_panel_title(plot, title, top + text_size[TEXT_LABEL]);
  for (size_t i = 0; i < legend; i++) {
    double baseline = top + text_size[TEXT_LABEL] + entries[i].y * text_row(TEXT_LABEL);
    legend_swatch(plot, entries[i].mark, entries[i].x, baseline);
    canvas_text(canvas, TEXT_TICK, entries[i].mark->label, entries[i].x + swatch_width + 4,
                baseline, 0);
  }
  top += rows * text_row(TEXT_LABEL) + (rows ? head_gap : 0);
  int label_rows = labels_place_top(plot, labels, &count);
  for (size_t i = 0; i < count; i++)
    canvas_text(canvas, TEXT_TICK, labels[i].text, labels[i].x,
                top + text_size[TEXT_TICK] + labels[i].row * text_row(TEXT_TICK), 0);
  return top + label_rows * text_row(TEXT_TICK) + (label_rows ? 1 : 0);
}
