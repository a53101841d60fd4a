#include "tui/screen/layout.h"

enum {
  LEAST_ROWS = 12,
  LEAST_COLUMNS = 40,
  FULL_ROWS = 18,
  FULL_COLUMNS = 66,
  SIDE_COLUMNS = 26, /* with a blank on either side */
  WIDE_COLUMNS = 110,
  WIDE_SIDE_COLUMNS = 34,
  TALL_BODY = 30, /* from here on a second view fits below the first */
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

static void all_panels(struct layout *layout)
{
  struct rect body = layout->body;
  int side = body.columns >= WIDE_COLUMNS ? WIDE_SIDE_COLUMNS : SIDE_COLUMNS;
  int plot = body.columns - side - 1;
  layout->frame = rect(body.row, plot, body.rows, 1);
  layout->place[PLACE_KNOBS] = rect(body.row, plot + 2, KNOB_ROWS, side - 2);
  int gap = KNOB_ROWS + 1; /* an empty row carries the line between the two */
  layout->place[PLACE_METRICS] = rect(body.row + gap, plot + 2, body.rows - gap, side - 2);
  int companion = body.rows >= TALL_BODY ? body.rows * 2 / 5 : 0;
  layout->place[PLACE_PLOT] = rect(body.row, 0, body.rows - companion, plot);
  layout->place[PLACE_COMPANION] =
      rect(body.row + body.rows - companion, 0, companion, companion ? plot : 0);
}

struct layout layout_make(int rows, int columns, enum focus focus)
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
    all_panels(&layout);
  else
    one_panel(&layout, focus);
  return layout;
}
