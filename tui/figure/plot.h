/* A plot: one panel laid out on the canvas, with the scales of its axes. Internal to tui/figure/.
 *
 * Ownership: borrows canvas and panel. Threads: as the canvas. */
#ifndef QSCOPE_TUI_FIGURE_PLOT_H
#define QSCOPE_TUI_FIGURE_PLOT_H

#include "tui/figure/canvas.h"

enum { MOST_TICKS = 64, MOST_LABELS = 256 };

struct scale {
  const struct axis *axis;
  double from, to; /* where lo and hi are drawn */
  bool turned;     /* the labels of an x axis read upwards, because there are many names */
  size_t ticks;
  double tick[MOST_TICKS];
};

struct plot {
  const struct canvas *canvas;
  const struct panel *panel;
  struct box frame;
  struct scale x, y;
  bool has_rug, has_x_title;
  size_t boxes, points; /* what labels inside the frame must not overlap: first the points */
  struct box box[MOST_LABELS];
};

extern const double figure_margin;

/* --- scales: scale.c ------------------------------------------------------------------------ */

/* Where VALUE is drawn; far outside is just outside, NaN stays NaN. */
double scale_place(const struct scale *scale, double value);
/* The label of tick I. */
void scale_tick_text(const struct canvas *canvas, const struct scale *scale, size_t i, char *text,
                     size_t size);
/* The longest label, along the text. */
double scale_widest_tick(const struct canvas *canvas, const struct scale *scale);
/* As many ticks as fit: on x their labels must not touch, on y a line of text each. Names that
 * do not fit are turned, so that all of them are there. */
void scale_choose_ticks(const struct canvas *canvas, struct scale *scale, bool horizontal);

/* --- marks: marks.c ------------------------------------------------------------------------- */

extern const double dot_radius, rug_height;

struct style plot_style(const struct plot *plot, const struct mark *mark);
/* Where a bar of HEIGHT ends: a gap stays at the base, infinity reaches the top. */
double plot_bar_top(const struct plot *plot, double height);
void plot_dot(const struct plot *plot, const struct mark *mark, double x, double y, double radius);
/* The point of a role: a disc, or the shape of its series. */
void plot_point(const struct plot *plot, const struct mark *mark, double x, double y);
/* The marks inside the frame in the order in which they cover each other; the lines on it; and
 * the levels as a ruler under it. */
void plot_marks(struct plot *plot);
void plot_vlines(const struct plot *plot);
void plot_rug(const struct plot *plot);

/* --- labels and legend: labels.c ------------------------------------------------------------- */

/* Labels of single points: beside them, where no other label and preferably no bar stands. */
void labels_points(struct plot *plot);
/* The title, the legend (beside it, or in rows of its own) and the labels of lines and bands, from
 * TOP down; returns where the frame may begin. */
double labels_head(const struct plot *plot, double top);

/* --- the list below the panels: list.c ------------------------------------------------------- */

/* Height of the list of FIGURE, 0 without one. */
double list_height(const struct canvas *canvas, const struct figure *figure);
void list_draw(const struct canvas *canvas, const struct figure *figure, double top);

/* --- panels: panel.c ------------------------------------------------------------------------- */

/* Draws PANEL in AREA (with its labels); the frame begins at LEFT and ends at RIGHT. */
void panel_draw(const struct canvas *canvas, const struct panel *panel, const struct box *area,
                double left, double right, bool has_x_title);
extern const double tick_length;
/* What a frame from LEFT to RIGHT has around it: the height of the title, the legend and the labels
 * above, and of what names that stand upright have more than a line below. */
double panel_surround(const struct canvas *canvas, const struct panel *panel, double left,
                      double right, bool has_x_title);

#endif
