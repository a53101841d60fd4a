#include "tui/screen/channels_view.h"

#include "tui/screen/plot.h"
#include "tui/screen/rows.h"
#include "tui/screen/run_line.h"
#include "tui/screen/transform_knob.h"
#include "tui/screen/what_if_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- keys ----------------------------------------------------------------------------------- */

static const struct channels *channels_of(const struct explorer *explorer)
{
  return explorer->result && explorer->result->channels.count > 0 ? &explorer->result->channels
                                                                  : NULL;
}

/* Who sees no list is told of its line. */
static void say_channel(struct explorer *explorer)
{
  const struct channels *channels = channels_of(explorer);
  char sqnr[32];
  if (!explorer->spoken || !channels || explorer->selected >= channels->count)
    return;
  const size_t number = channels->by_ratio[explorer->selected];
  const struct channel *channel = &channels->channel[number];
  metric_print(metric_find("sqnr_db"), channel->sqnr_db, sqnr, sizeof sqnr);
  explorer_say(explorer,
               "channel %zu: max |x| %.4g, %.3g times the median, SQNR %s, clipped %.3g %%", number,
               channel->absmax, channel->ratio, sqnr, channel->clip_rate * 100);
}

static void select_channel(struct explorer *explorer, size_t number)
{
  const struct channels *channels = channels_of(explorer);
  for (size_t i = 0; channels && i < channels->count; i++)
    if (channels->by_ratio[i] == number)
      explorer->selected = i;
  say_channel(explorer);
}

void channels_view_move(struct explorer *explorer, int by)
{
  if (explorer->asking.open)
    return what_if_move(explorer, by);
  long last = explorer->result ? (long)explorer->result->channels.count - 1 : 0;
  long at = (long)explorer->selected + by;
  explorer->selected = (size_t)(at < 0 ? 0 : at > last ? (last < 0 ? 0 : last) : at);
  say_channel(explorer);
}

void channels_view_step(struct explorer *explorer, int direction)
{
  const struct channels *channels = channels_of(explorer);
  if (!channels || explorer->selected >= channels->count)
    return explorer_warn(explorer, "there are no channels yet");
  const size_t number = channels->by_ratio[explorer->selected];
  if (direction > 0 ? number + 1 == channels->count : number == 0)
    return explorer_warn(explorer, "this is the %s channel", direction > 0 ? "last" : "first");
  select_channel(explorer, direction > 0 ? number + 1 : number - 1);
}

enum status channels_view_stand(struct explorer *explorer, const char *text, struct error *error)
{
  const struct channels *channels = channels_of(explorer);
  char *end;
  const unsigned long long number = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || (channels && number >= channels->count))
    return error_set(error, STATUS_USAGE, "expected a channel (0 to %zu), found '%s'",
                     channels ? channels->count - 1 : 0, text);
  select_channel(explorer, (size_t)number);
  return STATUS_OK;
}

/* Of several in one column the one that stands out most: it is what the column shows. */
bool channels_view_click(struct explorer *explorer, int row, int column)
{
  const struct channels *channels = channels_of(explorer);
  const struct rect plot = explorer->layout.place[PLACE_PLOT];
  const struct figure *figure = explorer->figure;
  double from, to;
  if (!channels || !figure || figure->panels == 0 ||
      !plot_value(plot, &figure->panel[0]->x, row, column, &from))
    return false;
  const double width = (double)channels->count / plot_data_columns(plot.columns);
  to = from + width / 2;
  from -= width / 2;
  for (size_t i = 0; i < channels->count; i++) {
    const double number = (double)channels->by_ratio[i];
    if (number + 0.5 > from && number - 0.5 < to)
      return run_cursor(explorer, "%zu", channels->by_ratio[i]);
  }
  return false;
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
