#include "tui/screen/cursor.h"

#include "analysis/readout.h"
#include "tui/screen/compare_view.h"
#include "tui/screen/pins.h"
#include "tui/screen/screen_view.h"
#include "tui/screen/x_window.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool has_cursor(const struct explorer *explorer)
{
  return screen_view(explorer)->step == cursor_step;
}

double cursor_value(const struct explorer *explorer)
{
  return has_cursor(explorer) && explorer->cursor.on ? explorer->cursor.x : (double)NAN;
}

double cursor_share(const struct explorer *explorer)
{
  double lo, hi, x = cursor_value(explorer);
  bool inside = x_window(explorer, &lo, &hi) && x >= lo && x <= hi;
  return inside ? (x - lo) / (hi - lo) : 0.5;
}

static const struct histogram *bins_of(const struct explorer *explorer)
{
  const struct result *result = explorer_drawn(explorer);
  if (screen_view(explorer)->pairs)
    return compare_view_bins(explorer);
  return result && result->original.bins ? &result->original : NULL;
}

void cursor_set(struct explorer *explorer, double x)
{
  explorer->cursor = (struct value_cursor){true, x};
}

static void stand_on(struct explorer *explorer, const struct histogram *h, size_t bin)
{
  cursor_set(explorer, (histogram_edge(h, bin) + histogram_edge(h, bin + 1)) / 2);
}

static size_t highest(const struct histogram *h)
{
  size_t bin = 0;
  for (size_t i = 1; i < h->bins; i++)
    if (h->count[i] > h->count[bin])
      bin = i;
  return bin;
}

/* Beyond the window there may be more. */
static void leave_window(struct explorer *explorer, const struct histogram *h, int direction)
{
  double width = (h->hi - h->lo) / (double)h->bins, x = direction > 0 ? h->hi : h->lo;
  const struct facts *facts = &explorer->result->facts;
  if (isnan(explorer->state.view.lo) || (direction > 0 ? x >= facts->max : x <= facts->min))
    return explorer_warn(explorer, "there are no values further out");
  cursor_set(explorer, x + direction * width / 2);
  x_window_pan(explorer, direction);
}

void cursor_step(struct explorer *explorer, int direction)
{
  const struct histogram *h = bins_of(explorer);
  if (!h)
    return;
  const struct bin_edges edges = histogram_edges(h);
  size_t bin = explorer->cursor.on ? histogram_bin(&edges, explorer->cursor.x) : HISTOGRAM_OUTSIDE;
  if (bin == HISTOGRAM_OUTSIDE)
    stand_on(explorer, h, highest(h));
  else if (direction > 0 ? bin + 1 < h->bins : bin > 0)
    stand_on(explorer, h, direction > 0 ? bin + 1 : bin - 1);
  else
    leave_window(explorer, h, direction);
}

void cursor_end(struct explorer *explorer, int direction)
{
  enum { ALL = INT_MAX / 2 }; /* rows: the views stop at their ends */
  const struct histogram *h = bins_of(explorer);
  const struct screen_view *view = screen_view(explorer);
  if (view->end)
    view->end(explorer, direction);
  else if (!has_cursor(explorer) && view->move)
    view->move(explorer, direction * ALL);
  else if (!has_cursor(explorer))
    explorer_warn(explorer, "view %s has no cursor", view_type_of(view->kind)->name);
  else if (h)
    stand_on(explorer, h, direction > 0 ? h->bins - 1 : 0);
}

bool cursor_back(struct explorer *explorer)
{
  bool was = has_cursor(explorer) && explorer->cursor.on && explorer->work == WORK_NONE;
  explorer->cursor.on = explorer->cursor.on && !was;
  return was;
}

/* "; A 3.1 % of its" */
static void add_pin(const struct explorer *explorer, char *text, size_t size)
{
  const struct state *state = &explorer->state;
  struct readout readout;
  size_t used = strlen(text);
  const struct result *pin =
      state->pins.count ? pins_result(explorer, &explorer->shown, state->view.against) : NULL;
  if (pin && used < size && readout_at(pin, explorer->cursor.x, &readout) &&
      !isnan(readout.error_share))
    snprintf(text + used, size - used, "; %c %.3g %% of its", (char)('A' + state->view.against),
             100 * readout.error_share);
}

char *cursor_words(const struct explorer *explorer, char *text, size_t size)
{
  struct readout readout;
  double x = cursor_value(explorer);
  *text = '\0';
  if (isnan(x) || !bins_of(explorer))
    return text;
  const struct result *drawn = explorer_drawn(explorer);
  if (!readout_at(drawn, x, &readout)) {
    snprintf(text, size, "The cursor is at %.4g, out of sight: 0 shows the whole range.", x);
    return text;
  }
  bool about = explorer->drawn || drawn->estimated;
  size_t used = about ? (size_t)snprintf(text, size, "~ ") : 0;
  readout_print(&readout, &drawn->quantizer, text + used, size - used);
  add_pin(explorer, text, size);
  return text;
}
