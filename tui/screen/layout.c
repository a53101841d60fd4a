#include "tui/screen/layout.h"

enum {
  LEAST_ROWS = 12,
  LEAST_COLUMNS = 40,
  FULL_ROWS = 18,
  FULL_COLUMNS = 66,
  SIDE_COLUMNS = 26, /* with a blank on either side */
  WIDE_COLUMNS = 110,
  WIDE_SIDE_COLUMNS = 34,
  TALL_BODY = 30,    /* from here on a second view fits below the first */
  PAIR_COLUMNS = 84, /* and from here on beside it: at 120 columns */
  TRIPLE_COLUMNS = 132,
};

static struct rect rect(int row, int column, int rows, int columns)
{
  return (struct rect){row, column, rows, columns};
}

/* Title, message, recipe and hints are rows of their own; the body is what remains. */
static void chrome(struct layout *layout, int rows, int columns)
{
  int message = layout->form == LAYOUT_FULL ? 2 : 1; /* a verdict takes two lines of 80 */
  layout->place[PLACE_TITLE] = rect(0, 0, 1, columns);
  layout->place[PLACE_MESSAGE] = rect(rows - 2 - message, 0, message, columns);
  layout->place[PLACE_RECIPE] = rect(rows - 2, 0, 1, columns);
  layout->place[PLACE_HINTS] = rect(rows - 1, 0, 1, columns);
  layout->body = rect(1, 0, rows - 3 - message, columns);
}

static void one_panel(struct layout *layout, enum focus focus)
{
  static const enum panel_place shown[FOCUS_COUNT] = {
      [FOCUS_PLOT] = PLACE_PLOT,
      [FOCUS_METRICS] = PLACE_METRICS,
      [FOCUS_KNOBS] = PLACE_KNOBS,
  };
  struct rect body = layout->body;
  if (focus != FOCUS_PLOT && body.columns > LEAST_COLUMNS + 3) /* a blank on either side */
    body = rect(body.row, body.column + 1, body.rows, body.columns - 2);
  layout->place[shown[focus]] = body;
}

/* COUNT places side by side over RECT, a blank column between them. */
static void beside(struct rect rect, struct rect *const *place, int count)
{
  for (int i = 0; i < count; i++) {
    int from = (rect.columns + 1) * i / count, to = (rect.columns + 1) * (i + 1) / count;
    *place[i] = (struct rect){rect.row, rect.column + from, rect.rows, to - from - 1};
  }
}

/* The first view is the largest, unless all stand side by side. */
static void place_figures(struct layout *layout, struct rect area, int figures)
{
  struct rect *const place[] = {&layout->place[PLACE_PLOT], &layout->place[PLACE_COMPANION],
                                &layout->place[PLACE_THIRD]};
  bool tall = area.rows >= TALL_BODY;
  int most = area.columns >= TRIPLE_COLUMNS ? 3 : area.columns >= PAIR_COLUMNS ? 2 : 1;
  *place[0] = area;
  if (figures > 1 && tall) {
    struct rect lower = area;
    lower.rows = area.rows * 2 / 5;
    lower.row += area.rows - lower.rows;
    place[0]->rows -= lower.rows;
    beside(lower, place + 1, most > 1 && figures > 2 ? 2 : 1);
  } else if (figures > 1) {
    beside(area, place, most < figures ? most : figures);
  }
}

static void all_panels(struct layout *layout, int figures)
{
  struct rect body = layout->body;
  int side = body.columns >= WIDE_COLUMNS ? WIDE_SIDE_COLUMNS : SIDE_COLUMNS;
  int plot = body.columns - side - 1;
  layout->frame = rect(body.row, plot, body.rows, 1);
  layout->place[PLACE_KNOBS] = rect(body.row, plot + 2, KNOB_ROWS, side - 2);
  int gap = KNOB_ROWS + 1; /* an empty row carries the line between the two */
  layout->place[PLACE_METRICS] = rect(body.row + gap, plot + 2, body.rows - gap, side - 2);
  place_figures(layout, rect(body.row, 0, body.rows, plot), figures);
}

struct layout layout_make(int rows, int columns, enum focus focus, int figures)
{
  struct layout layout = {.form = LAYOUT_LINE};
  if (rows < LEAST_ROWS || columns < LEAST_COLUMNS) {
    layout.place[PLACE_TITLE] = rect(0, 0, rows > 0 ? 1 : 0, columns);
    layout.body = rect(0, 0, rows, columns);
    return layout;
  }
  layout.form = rows >= FULL_ROWS && columns >= FULL_COLUMNS ? LAYOUT_FULL : LAYOUT_ONE;
  chrome(&layout, rows, columns);
  if (layout.form == LAYOUT_FULL)
    all_panels(&layout, figures);
  else
    one_panel(&layout, focus);
  return layout;
}
