#include "tui/screen/channels_view.h"

#include "tui/screen/plot.h"
#include "tui/screen/rows.h"
#include "tui/screen/transform_knob.h"
#include "tui/screen/what_if_view.h"

#include <math.h>

/* --- keys ----------------------------------------------------------------------------------- */

void channels_view_move(struct explorer *explorer, int by)
{
  if (explorer->asking.open)
    return what_if_move(explorer, by);
  long last = explorer->result ? (long)explorer->result->channels.count - 1 : 0;
  long at = (long)explorer->selected + by;
  explorer->selected = (size_t)(at < 0 ? 0 : at > last ? (last < 0 ? 0 : last) : at);
}

void channels_view_enter(struct explorer *explorer)
{
  const struct result *result = explorer->result;
  if (explorer->asking.open)
    return what_if_enter(explorer);
  if (!result || result->channels.count < 2 || explorer_whole(explorer)->shape.dims == 0 ||
      explorer_stale(explorer)) {
    explorer_warn(explorer, "there is no channel to open");
    return;
  }
  channels_view_open(explorer, result->channels.by_ratio[explorer->selected]);
}

void channels_view_open(struct explorer *explorer, size_t channel)
{
  struct state next = explorer->state;
  next.view.channel = (long)channel;
  next.view.kind = VIEW_HISTOGRAM;
  next.view.lo = next.view.hi = NAN;
  explorer_go(explorer, &next);
}

void channels_view_leave(struct explorer *explorer)
{
  struct state next = explorer->state;
  if (next.view.channel < 0 && transform_off(explorer))
    return;
  if (next.view.channel < 0) {
    explorer_warn(explorer, "this is the whole tensor; Enter in view 3 opens a channel");
    return;
  }
  next.view.channel = -1;
  next.view.kind = VIEW_CHANNELS;
  next.view.lo = next.view.hi = NAN;
  explorer_go(explorer, &next);
}

/* --- the list ------------------------------------------------------------------------------- */

/* How many of ROWS the list takes. */
static int list_rows(const struct explorer *explorer, int rows)
{
  if (explorer->result->channels.count == 0)
    return 0;
  if (rows < 9)
    return rows;
  if (explorer->asking.open)
    return rows - what_if_rows() < 8 ? rows - 8 : what_if_rows();
  return rows / 4 + 1 > 14 ? 14 : rows / 4 + 1;
}

/* "40.00x"; where the median channel is zero there is no ratio. */
static char *ratio_text(const struct explorer *explorer, double ratio, char *text, size_t size)
{
  char mark[5];
  if (isfinite(ratio))
    snprintf(text, size, "%8.2f%s", ratio, utf8_encode(explorer->glyphs->code[GLYPH_TIMES], mark));
  else
    snprintf(text, size, "%9s", "-");
  return text;
}

static void outlier_line(struct explorer *explorer, struct rect line, size_t place)
{
  const struct channels *channels = &explorer->result->channels;
  size_t number = channels->by_ratio[place];
  const struct channel *channel = &channels->channel[number];
  bool selected = place == explorer->selected;
  struct style style = {.ink = channel->ratio >= 3 ? PAINT_OUTLIER : PAINT_NONE};
  char sqnr[32], ratio[32];
  style = rows_line(&explorer->cells, explorer->glyphs, line, style, selected);
  metric_print(metric_find("sqnr_db"), channel->sqnr_db, sqnr, sizeof sqnr);
  cells_printf(&explorer->cells, line, 0, 1, style, "%7zu %8.4g %s %9s %7.3g %%", number,
               channel->absmax, ratio_text(explorer, channel->ratio, ratio, sizeof ratio), sqnr,
               channel->clip_rate * 100);
}

static void paint_outliers(struct explorer *explorer, struct rect rect)
{
  const struct channels *channels = &explorer->result->channels;
  size_t rows = rect.rows > 1 ? (size_t)rect.rows - 1 : 0;
  if (explorer->selected < explorer->first)
    explorer->first = explorer->selected;
  if (rows && explorer->selected >= explorer->first + rows)
    explorer->first = explorer->selected - rows + 1;
  cells_printf(&explorer->cells, rect, 0, 1, (struct style){.ink = PAINT_DIM},
               "%7s %8s %9s %9s %9s", "channel", "max |x|", "of median", "SQNR", "clipped");
  mouse_list(explorer, (struct rect){rect.row + 1, rect.column, rect.rows - 1, rect.columns});
  for (size_t i = 0; i < rows && explorer->first + i < channels->count; i++)
    outlier_line(explorer, (struct rect){rect.row + 1 + (int)i, rect.column, 1, rect.columns},
                 explorer->first + i);
}

void channels_view_paint(struct explorer *explorer, struct rect rect)
{
  const struct channels *channels = &explorer->result->channels;
  int list = list_rows(explorer, rect.rows);
  if (list && explorer->selected >= channels->count)
    explorer->selected = channels->count - 1;
  struct rect plot = {rect.row, rect.column, rect.rows - list, rect.columns};
  plot_figure(&explorer->cells, plot, explorer->figure, explorer->glyphs,
              list ? (double)channels->by_ratio[explorer->selected] : (double)NAN);
  if (list)
    (explorer->asking.open ? what_if_paint : paint_outliers)(
        explorer, (struct rect){rect.row + plot.rows, rect.column, list, rect.columns});
}
