#include "tui/screen/x_window.h"

#include "tui/screen/compare_view.h"
#include "tui/screen/plot.h"
#include "tui/screen/screen_view.h"

#include <math.h>

/* The window of the view, or of the numbers; false when there are none yet. */
static bool window(const struct explorer *explorer, double *lo, double *hi)
{
  *lo = explorer->state.view.lo;
  *hi = explorer->state.view.hi;
  if (!isnan(*lo) && !isnan(*hi))
    return true;
  const struct result *drawn = explorer_drawn(explorer);
  const struct histogram *h = drawn ? &drawn->original : NULL;
  if (screen_view(explorer)->pairs)
    h = compare_view_bins(explorer);
  if (!h || h->bins == 0)
    return false;
  *lo = h->lo;
  *hi = h->hi;
  return true;
}

bool x_window(const struct explorer *explorer, double *lo, double *hi)
{
  return screen_view(explorer)->window && window(explorer, lo, hi);
}

static bool has_window(struct explorer *explorer)
{
  if (screen_view(explorer)->window)
    return true;
  explorer_warn(explorer, "zoom and pan are for the histogram (1), the error (2), two files (5)");
  return false;
}

/* X to a thousandth of the WIDTH of the window: so that recipes stay readable. */
static double rounded(double x, double width)
{
  double power = pow(10, 3 - floor(log10(width)));
  return isfinite(power) && power > 0 ? round(x * power) / power : x;
}

void x_window_set(struct explorer *explorer, double lo, double hi)
{
  struct state next = explorer->state;
  next.view.lo = rounded(lo, hi - lo);
  next.view.hi = rounded(hi, hi - lo);
  explorer_go(explorer, &next);
}

void x_window_zoom(struct explorer *explorer, int direction, double at)
{
  double lo, hi;
  if (!has_window(explorer) || !window(explorer, &lo, &hi))
    return;
  double fixed = lo + (hi - lo) * at, width = (hi - lo) * (direction > 0 ? 0.5 : 2);
  double full = explorer->result ? explorer->result->facts.absmax : width / 2;
  if (direction > 0 && width / 2 < full * 1e-6)
    return explorer_warn(explorer, "no closer: float32 has not many values in between");
  if (direction < 0 && width / 2 > full * 4)
    return explorer_warn(explorer, "no further: everything is in sight; 0 shows the whole range");
  x_window_set(explorer, fixed - width * at, fixed + width * (1 - at));
}

void x_window_pan(struct explorer *explorer, int direction)
{
  double lo, hi;
  if (!has_window(explorer) || !window(explorer, &lo, &hi))
    return;
  double by = (hi - lo) / 8 * direction;
  double far = explorer->result ? 4 * explorer->result->facts.absmax : (double)INFINITY;
  if (fabs(lo + by) > far || fabs(hi + by) > far)
    return explorer_warn(explorer, "nothing further out; 0 shows the whole range");
  x_window_set(explorer, lo + by, hi + by);
}

bool x_window_share(const struct explorer *explorer, int row, int column, double *share)
{
  struct rect plot = explorer->layout.place[PLACE_PLOT];
  double lo, hi;
  int columns = plot_data_columns(plot.columns), left = plot.column + plot_data_left();
  if (!x_window(explorer, &lo, &hi) || row < plot.row || row >= plot.row + plot.rows ||
      column < left || column >= left + columns || explorer->layout.form == LAYOUT_LINE)
    return false;
  *share = (column - left + 0.5) / columns;
  return true;
}

bool x_window_is_over(const struct explorer *explorer, int row)
{
  return screen_view(explorer)->paint || !explorer->figure ||
         plot_is_over(explorer->layout.place[PLACE_PLOT], explorer->figure, row);
}
