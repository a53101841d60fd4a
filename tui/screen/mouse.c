#include "tui/screen/mouse.h"

#include "tui/screen/explorer.h"
#include "tui/screen/keys.h"
#include "tui/screen/plot.h"
#include "tui/screen/run_line.h"
#include "tui/screen/screen_view.h"
#include "tui/screen/x_window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHEEL_STEPS = 3, DRAG_LEAST = 2 };

/* --- what is on the screen ---------------------------------------------------------------- */

void mouse_forget(struct explorer *explorer)
{
  explorer->mouse.spots = 0;
  explorer->mouse.list.rows = 0;
}

void mouse_spot(struct explorer *explorer, struct rect rect, const char *key)
{
  struct mouse *mouse = &explorer->mouse;
  uint32_t code;
  char name[16];
  bool one = keys_parse(key, &code, 1) == 1;
  size_t length = strcspn(key, " ");
  /* "Up/Down" is no key. */
  if (one && mouse->spots < MOUSE_SPOTS && strlen(key_text(code, name, sizeof name)) == length &&
      memcmp(name, key, length) == 0)
    mouse->spot[mouse->spots++] = (struct mouse_spot){rect, code};
}

void mouse_list(struct explorer *explorer, struct rect rect)
{
  explorer->mouse.list = rect;
}

static bool is_in(const struct rect *rect, int row, int column)
{
  return row >= rect->row && row < rect->row + rect->rows && column >= rect->column &&
         column < rect->column + rect->columns;
}

/* The row of the list that is selected; -1: none is in sight. */
static int selected_row(const struct explorer *explorer)
{
  const struct rect *list = &explorer->mouse.list;
  for (int row = list->row; row < list->row + list->rows; row++) {
    const struct cell *cell = cells_at(&explorer->cells, row, list->column + 1);
    const struct cell *mark = cells_at(&explorer->cells, row, list->column);
    if (cell && mark && (cell->style.paper == PAINT_SELECTED || mark->code == '>'))
      return row;
  }
  return -1;
}

/* --- what it means ------------------------------------------------------------------------ */

typedef void key_function(struct explorer *explorer, uint32_t key);

static void press_times(struct explorer *explorer, key_function *key, int by)
{
  for (; by > 0; by--)
    key(explorer, KEY_CODE_DOWN);
  for (; by < 0; by++)
    key(explorer, KEY_CODE_UP);
}

/* A line is selected, and done what Enter does when it is already. */
static void click_list(struct explorer *explorer, key_function *key, int row)
{
  int selected = selected_row(explorer);
  if (selected == row)
    key(explorer, KEY_CODE_RETURN);
  else if (selected >= 0)
    press_times(explorer, key, row - selected);
}

static void run(struct explorer *explorer, const char *line)
{
  struct error error;
  if (run_line(explorer, line, &error) != STATUS_OK)
    explorer_warn(explorer, "%s", error.text);
}

/* The values between two shares of the window; the line is as precise as it needs to be. */
static void zoom_line(struct explorer *explorer, double from, double to)
{
  double lo, hi;
  char line[96];
  if (!x_window(explorer, &lo, &hi))
    return;
  double width = hi - lo, power = pow(10, 3 - floor(log10(width * fabs(to - from))));
  snprintf(line, sizeof line, "zoom %.9g:%.9g", round((lo + width * from) * power) / power,
           round((lo + width * to) * power) / power);
  run(explorer, line);
}

/* A click on the plot stands the cursor there, where the view has one. */
static void cursor_line(struct explorer *explorer, double at)
{
  double lo, hi;
  char line[48];
  if (!x_window(explorer, &lo, &hi))
    return;
  snprintf(line, sizeof line, "cursor %.9g", lo + (hi - lo) * at);
  run(explorer, line);
}

/* --- clip thresholds ------------------------------------------------------------------------ */

/* Those of the only scale: what the histogram draws. */
static bool thresholds(const struct explorer *explorer, double *lo, double *hi)
{
  const struct result *result = explorer->result;
  if (explorer->state.view.kind != VIEW_HISTOGRAM || explorer_stale(explorer) || !result->fit ||
      explorer->state.knobs.quantizer.by == BY_FORMAT || fit_grain(result->fit)->units != 1)
    return false;
  fit_range(result->fit, 0, lo, hi);
  return true;
}

/* Which of them stands at COLUMN, or beside it. */
static int handle_at(const struct explorer *explorer, int row, int column)
{
  double lo, hi, left, right, share;
  if (!thresholds(explorer, &lo, &hi) || !x_window(explorer, &left, &right) ||
      !x_window_share(explorer, row, column, &share))
    return 0;
  double width = right - left, at = left + width * share;
  double reach = width / plot_data_columns(explorer->layout.place[PLACE_PLOT].columns);
  bool upper = fabs(hi - at) <= fabs(lo - at);
  return fabs((upper ? hi : lo) - at) > reach ? 0 : upper ? 1 : -1;
}

static double rounded(double value, int digits)
{
  char text[32];
  snprintf(text, sizeof text, "%.*g", digits, value);
  return strtod(text, NULL);
}

/* The range by hand; that of a symmetric scheme has two ends of one size. What stays is as exact as
 * scales are, what moves as a hand is. */
static void move_threshold(struct explorer *explorer, double share)
{
  struct quantizer next = explorer->state.knobs.quantizer;
  double left, right;
  char text[QUANTIZER_TEXT];
  if (!thresholds(explorer, &next.lo, &next.hi) || !x_window(explorer, &left, &right))
    return;
  const double at = rounded(left + (right - left) * share, 4);
  next.lo = explorer->mouse.handle < 0 ? at : rounded(next.lo, 7);
  next.hi = explorer->mouse.handle < 0 ? rounded(next.hi, 7) : at;
  if (!next.asymmetric) {
    next.lo = -fabs(at);
    next.hi = fabs(at);
  }
  next.by = BY_RANGE;
  next.calibrator = NULL;
  run(explorer, quantizer_print(&next, text));
}

/* --- events --------------------------------------------------------------------------------- */

static void press(struct explorer *explorer, const struct mouse_event *event, key_function *key)
{
  struct mouse *mouse = &explorer->mouse;
  double share;
  for (int i = 0; i < mouse->spots; i++)
    if (is_in(&mouse->spot[i].rect, event->row, event->column)) {
      uint32_t code = mouse->spot[i].key; /* the key may paint others */
      return key(explorer, code);
    }
  if (explorer->mode == MODE_PALETTE)
    return palette_click(explorer, event->row);
  if (explorer->mode == MODE_HELP)
    return help_click(explorer, event->row);
  if (is_in(&mouse->list, event->row, event->column))
    return click_list(explorer, key, event->row);
  const struct screen_view *view = screen_view(explorer);
  if (explorer->mode == MODE_MAIN && view->click &&
      view->click(explorer, event->row, event->column))
    return;
  mouse->dragging = explorer->mode == MODE_MAIN && x_window_is_over(explorer, event->row) &&
                    x_window_share(explorer, event->row, event->column, &share);
  mouse->row = event->row;
  mouse->from = mouse->to = event->column;
  mouse->handle = mouse->dragging ? handle_at(explorer, event->row, event->column) : 0;
}

/* The end of the selection, no further than the plot. */
static void drag(struct explorer *explorer, const struct mouse_event *event)
{
  struct mouse *mouse = &explorer->mouse;
  int step = event->column < mouse->to ? -1 : 1;
  double share;
  while (mouse->to != event->column &&
         x_window_share(explorer, mouse->row, mouse->to + step, &share))
    mouse->to += step;
}

static void release(struct explorer *explorer, const struct mouse_event *event)
{
  struct mouse *mouse = &explorer->mouse;
  double from, to, half;
  if (!mouse->dragging)
    return;
  drag(explorer, event);
  mouse->dragging = false;
  int left = mouse->from < mouse->to ? mouse->from : mouse->to;
  int right = mouse->from < mouse->to ? mouse->to : mouse->from;
  if (right == left && x_window_share(explorer, mouse->row, left, &from))
    return cursor_line(explorer, from);
  if (mouse->handle && x_window_share(explorer, mouse->row, mouse->to, &to))
    return move_threshold(explorer, to);
  if (!x_window_share(explorer, mouse->row, left, &from) ||
      !x_window_share(explorer, mouse->row, right, &to))
    return;
  if (right - left < DRAG_LEAST)
    return cursor_line(explorer, from);
  half = (to - from) / (right - left) / 2; /* whole columns */
  zoom_line(explorer, from - half, to + half);
}

static void wheel(struct explorer *explorer, const struct mouse_event *event, key_function *key)
{
  int direction = event->kind == MOUSE_WHEEL_UP ? 1 : -1;
  double at;
  if (explorer->mode != MODE_MAIN || !x_window_share(explorer, event->row, event->column, &at))
    return press_times(explorer, key, -direction * WHEEL_STEPS);
  x_window_zoom(explorer, direction, at);
}

void mouse_event(struct explorer *explorer, const struct mouse_event *event, key_function *key)
{
  switch (event->kind) {
  case MOUSE_PRESS:
    return press(explorer, event, key);
  case MOUSE_DRAG:
    if (explorer->mouse.dragging)
      drag(explorer, event);
    return;
  case MOUSE_RELEASE:
    return release(explorer, event);
  case MOUSE_WHEEL_UP:
  case MOUSE_WHEEL_DOWN:
    return wheel(explorer, event, key);
  }
}

void mouse_paint(struct explorer *explorer)
{
  const struct mouse *mouse = &explorer->mouse;
  struct rect plot = explorer->layout.place[PLACE_PLOT];
  int from = mouse->handle ? mouse->to : mouse->from;
  int left = from < mouse->to ? from : mouse->to, right = from < mouse->to ? mouse->to : from;
  for (int row = plot.row; mouse->dragging && row < plot.row + plot.rows; row++)
    for (int column = left; column <= right; column++) {
      struct cell *cell = cells_at(&explorer->cells, row, column);
      if (cell)
        cell->style.attributes ^= CELL_REVERSE;
    }
}
