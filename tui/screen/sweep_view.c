#include "tui/screen/sweep_view.h"

#include "analysis/fig_sweep.h"
#include "quant/base/size.h"
#include "tui/screen/plot.h"
#include "tui/screen/rows.h"
#include "tui/screen/run_line.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  PLOT_LEAST = 10, /* rows; with fewer the plot stands alone */
  TALL = 22,       /* rows, from which on there is a table */
  NAME_LEAST = 24,
  NAME_MOST = 44,
};

static const struct style dim = {.ink = PAINT_DIM}, bold = {.attributes = CELL_BOLD};

/* --- the sweep ------------------------------------------------------------------------------ */

/* What STATE sweeps over. */
static const char *over_of(const struct state *state)
{
  return *state->view.over ? state->view.over : sweep_over_default(&state->knobs.quantizer);
}

static bool same_pins(const struct pins *a, const struct pins *b)
{
  bool same = a->count == b->count;
  for (size_t i = 0; i < a->count && same; i++)
    same = quantizer_equal(&a->quantizer[i], &b->quantizer[i]);
  return same;
}

static bool is_for(const struct explorer *explorer, const struct state *state)
{
  const struct sweeping *known = &explorer->sweep;
  return (known->sweep || *known->why) && state_same_numbers(&known->of, state) &&
         same_pins(&known->of.pins, &state->pins) &&
         strcmp(over_of(&known->of), over_of(state)) == 0;
}

/* The sweep of what is looked at, as far as it is known; NULL. */
static struct sweep *sweep_of(const struct explorer *explorer)
{
  return is_for(explorer, &explorer->state) ? explorer->sweep.sweep : NULL;
}

/* The sweep that STATE shows, without numbers: what is pinned has a line each. */
static enum status plan(const struct explorer *explorer, const struct state *state,
                        struct sweep **out, struct error *error)
{
  struct quantizer line[FIGURE_PINS + 1];
  size_t pins = state->pins.count;
  memcpy(line, state->pins.quantizer, pins * sizeof *line);
  line[pins] = state->knobs.quantizer;
  enum status status = sweep_plan_view(over_of(state), line, pins + 1, out, error);
  if (status != STATUS_OK)
    return status;
  (*out)->calibrated.batching = explorer->batching;
  (*out)->batching = explorer->batching;
  (*out)->theory = state->view.theory;
  sweep_rank(*out, state->view.metric);
  return status;
}

/* Gives SWEEP to the engine. */
static void request(struct explorer *explorer, struct sweep *sweep, bool parts)
{
  size_t index;
  struct source *source = explorer_part(explorer, &index);
  engine_request_sweep(explorer->engine, source, index, sweep, parts);
}

void sweep_view_forget(struct explorer *explorer)
{
  sweep_free(explorer->sweep.sweep);
  explorer->sweep = (struct sweeping){.sweep = NULL};
}

bool sweep_view_lacks(const struct explorer *explorer)
{
  const struct sweeping *known = &explorer->sweep;
  if (!explorer->result || explorer_stale(explorer))
    return false;
  return !is_for(explorer, &explorer->state) ||
         (!*known->why && known->sweep->done < known->sweep->rows);
}

/* Makes the plan of the present state the one that is shown; false when there is none. */
static bool begin(struct explorer *explorer)
{
  struct error error;
  struct sweep *sweep = NULL;
  enum status status = plan(explorer, &explorer->state, &sweep, &error);
  sweep_view_forget(explorer);
  explorer->sweep.of = explorer->state;
  explorer->sweep.sweep = sweep;
  if (status != STATUS_OK)
    snprintf(explorer->sweep.why, sizeof explorer->sweep.why, "%s", error.text);
  explorer_refresh(explorer);
  return status == STATUS_OK;
}

void sweep_view_ask(struct explorer *explorer)
{
  bool planned = sweep_of(explorer) || begin(explorer);
  struct sweep *copy = planned ? sweep_copy(explorer->sweep.sweep) : NULL;
  if (copy)
    return request(explorer, copy, true);
  explorer->work = WORK_NONE;
  explorer->stopped = planned;
  if (planned)
    explorer_warn(explorer, "out of memory: the sweep cannot be computed");
}

void sweep_view_take(struct explorer *explorer, struct engine_answer *answer)
{
  struct sweeping *known = &explorer->sweep;
  if (answer->status != STATUS_OK)
    snprintf(known->why, sizeof known->why, "%s",
             *answer->error.text ? answer->error.text : "the sweep cannot be computed");
  if (answer->sweep) {
    sweep_free(known->sweep);
    known->sweep = answer->sweep;
  }
  explorer_refresh(explorer);
}

void sweep_view_settle(struct explorer *explorer)
{
  if (explorer->work != WORK_VIEW || is_for(explorer, &explorer->state))
    return;
  engine_cancel(explorer->engine);
  explorer->work = WORK_NONE;
}

/* --- the figure ----------------------------------------------------------------------------- */

struct figure *sweep_view_figure(const struct explorer *explorer,
                                 const struct engine_answer *answer, const struct state *state,
                                 const char *recipe)
{
  struct sweep *sweep = answer ? answer->sweep : sweep_of(explorer);
  if (!sweep || (!answer && *explorer->sweep.why))
    return figure_of_words(explorer_whole(explorer)->name,
                           sweep_of(explorer) || is_for(explorer, state) ? explorer->sweep.why
                                                                         : "computing the sweep");
  if (sweep->metric != state->view.metric)
    sweep_rank(sweep, state->view.metric);
  struct result result = *explorer->result; /* borrows everything */
  struct view view = state->view;
  result.sweep = sweep;
  view.axis = state->knobs.axis;
  return figure_build(&result, &view, source_spec(explorer->source), explorer_tensor(explorer),
                      recipe);
}

bool sweep_view_ask_export(struct explorer *explorer, int bins)
{
  const struct state *state = &explorer->exported;
  struct error error;
  struct sweep *sweep = NULL;
  (void)bins;
  if (explorer_stale(explorer) || !state_same_numbers(state, &explorer->shown)) {
    explorer_warn(explorer, "no figure was written: the quantizer has changed meanwhile");
    return false;
  }
  if (plan(explorer, state, &sweep, &error) != STATUS_OK) {
    explorer_warn(explorer, "%s", error.text);
    return false;
  }
  explorer->work = WORK_EXPORT;
  request(explorer, sweep, false);
  return true;
}

/* Rows of the plot: all of a small screen; on a large one what the table leaves, at least half. */
static int plot_rows(const struct sweep *sweep, struct rect rect)
{
  int table = (int)size_min(sweep->rows, 64) + 1;
  if (rect.rows < PLOT_LEAST)
    return rect.rows;
  if (rect.rows < TALL)
    return rect.rows - 1;
  return rect.rows - table > rect.rows / 2 ? rect.rows - table : rect.rows / 2;
}

/* --- the selected point --------------------------------------------------------------------- */

static size_t selected_row(const struct explorer *explorer, const struct sweep *sweep)
{
  return explorer->sweep.chosen ? explorer->sweep.row : (size_t)sweep->present;
}

static void select_row(struct explorer *explorer, size_t row)
{
  const struct sweep *sweep = explorer->sweep.sweep;
  char text[512];
  explorer->sweep.chosen = true;
  explorer->sweep.row = row;
  explorer_say(explorer, "%s", sweep_describe(sweep, &sweep->row[row], text, sizeof text));
}

/* Of the selected row in the ranking. */
static size_t selected_place(const struct explorer *explorer, const struct sweep *sweep)
{
  size_t row = selected_row(explorer, sweep), place = 0;
  while (place + 1 < sweep->rows && sweep->rank[place] != row)
    place++;
  return place;
}

void sweep_view_move(struct explorer *explorer, int by)
{
  const struct sweep *sweep = sweep_of(explorer);
  if (!sweep)
    return;
  size_t place = selected_place(explorer, sweep), step = (size_t)(by < 0 ? -by : by);
  place = by < 0 ? place - size_min(place, step) : size_min(place + step, sweep->rows - 1);
  select_row(explorer, sweep->rank[place]);
}

/* True when A is further to the right than B; rows that are nowhere are on the left of all. */
static bool is_right_of(const struct sweep *sweep, size_t a, size_t b)
{
  double of_a, of_b, height;
  fig_sweep_place(sweep, &sweep->row[a], &of_a, &height);
  fig_sweep_place(sweep, &sweep->row[b], &of_b, &height);
  if (isnan(of_a) || isnan(of_b) || !(of_a < of_b || of_a > of_b))
    return isnan(of_b) ? !isnan(of_a) || a > b : !isnan(of_a) && a > b;
  return of_a > of_b;
}

void sweep_view_step(struct explorer *explorer, int direction)
{
  const struct sweep *sweep = sweep_of(explorer);
  if (!sweep)
    return;
  size_t from = selected_row(explorer, sweep), nearest = from;
  for (size_t i = 0; i < sweep->rows; i++) {
    size_t left = direction > 0 ? from : i, right = direction > 0 ? i : from;
    if (i == from || sweep->row[i].line != sweep->row[from].line ||
        sweep->row[i].state != SWEEP_DONE || !is_right_of(sweep, right, left))
      continue;
    bool nearer = nearest == from ||
                  (direction > 0 ? is_right_of(sweep, nearest, i) : is_right_of(sweep, i, nearest));
    nearest = nearer ? i : nearest;
  }
  if (nearest == from)
    return explorer_warn(explorer, "the line ends here; Up and Down go to better and worse points");
  select_row(explorer, nearest);
}

enum status sweep_view_select(struct explorer *explorer, const char *name, struct error *error)
{
  const struct sweep *sweep = sweep_of(explorer);
  size_t row;
  if (!sweep)
    return error_set(error, STATUS_USAGE, "there is no sweep yet (view 4)");
  enum status status = sweep_row_find(sweep, name, &row, error);
  if (status == STATUS_OK)
    select_row(explorer, row);
  return status;
}

/* The row whose point is drawn nearest to a cell, or sweep->rows; of several the one behind the
 * selected one, so that a second click goes on to the next. A cell is twice as tall as wide. */
static size_t row_near(const struct explorer *explorer, const struct sweep *sweep, struct rect rect,
                       int row, int column)
{
  enum { REACH = 4 };
  const struct panel *panel = explorer->figure->panel[0];
  size_t selected = selected_row(explorer, sweep), nearest = sweep->rows;
  int least = REACH + 1;
  for (size_t k = 1; k <= sweep->rows; k++) {
    size_t i = (selected + k) % sweep->rows;
    double x, y;
    int down, across;
    if (!fig_sweep_place(sweep, &sweep->row[i], &x, &y) ||
        !plot_cell(rect, panel, explorer->glyphs, x, y, &down, &across))
      continue;
    int distance = 2 * abs(down - row) + abs(across - column);
    if (distance < least) {
      least = distance;
      nearest = i;
    }
  }
  return nearest;
}

bool sweep_view_click(struct explorer *explorer, int row, int column)
{
  const struct sweep *sweep = sweep_of(explorer);
  struct rect rect = explorer->layout.place[PLACE_PLOT];
  if (!sweep || *explorer->sweep.why || !explorer->figure || explorer->figure->panels == 0)
    return false;
  rect.rows = plot_rows(sweep, rect);
  size_t near = row_near(explorer, sweep, rect, row, column);
  char line[SWEEP_NAME + sizeof "point "] = "point ";
  struct error error;
  if (near == sweep->rows)
    return false;
  sweep_row_name(sweep, &sweep->row[near], line + strlen(line));
  return run_line(explorer, line, &error) == STATUS_OK;
}

void sweep_view_enter(struct explorer *explorer)
{
  const struct sweep *sweep = sweep_of(explorer);
  char spec[QUANTIZER_TEXT];
  if (!sweep)
    return explorer_warn(explorer, "there is no point to take");
  const struct sweep_row *row = &sweep->row[selected_row(explorer, sweep)];
  if (row->state == SWEEP_LEFT_OUT)
    return explorer_warn(explorer, "%s", sweep->note[row->note]);
  struct quantizer quantizer = row->quantizer;
  explorer_apply(explorer, &quantizer);
  explorer_say(explorer, "took %s; u brings the other back", quantizer_print(&quantizer, spec));
}

/* --- keys ----------------------------------------------------------------------------------- */

static bool can_be_swept(const struct explorer *explorer, const struct state *state)
{
  struct sweep *sweep = NULL;
  bool planned = plan(explorer, state, &sweep, NULL) == STATUS_OK;
  sweep_free(sweep);
  return planned;
}

void sweep_view_turn(struct explorer *explorer, int by)
{
  struct state next = explorer->state;
  next.view.kind = VIEW_SWEEP;
  do
    snprintf(next.view.over, sizeof next.view.over, "%s", sweep_over_next(over_of(&next), by));
  while (!can_be_swept(explorer, &next) && strcmp(over_of(&next), over_of(&explorer->state)) != 0);
  explorer_go(explorer, &next);
  explorer_say(explorer, "over %s", next.view.over);
}

void sweep_view_rank(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.kind = VIEW_SWEEP;
  next.view.metric = (enum sweep_metric)((next.view.metric + 1) % SWEEP_METRICS);
  explorer_go(explorer, &next);
  explorer_say(explorer, "ranked by %s", metric_find(sweep_metric_name(next.view.metric))->label);
}

void sweep_view_toggle_front(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.kind = VIEW_SWEEP;
  next.view.front_hidden = !next.view.front_hidden;
  explorer_go(explorer, &next);
}

/* --- words ---------------------------------------------------------------------------------- */

char *sweep_view_verdict(const struct explorer *explorer, char *text, size_t size)
{
  const struct sweep *sweep = sweep_of(explorer);
  *text = '\0';
  return sweep && !explorer_stale(explorer) ? sweep_verdict(sweep, text, size) : text;
}

static void metric_text(const char *name, const void *of, char *text, size_t size)
{
  const struct sweep_row *row = of;
  const struct metric *metric = metric_find(name);
  metric_print(metric, metric->value(&row->metrics), text, size);
}

static void bits_text(const void *sweep, const void *row, char *text, size_t size)
{
  (void)sweep;
  metric_text("bits_per_element", row, text, size);
}

static void sqnr_text(const void *sweep, const void *row, char *text, size_t size)
{
  (void)sweep;
  metric_text("sqnr_db", row, text, size);
}

static void mse_text(const void *sweep, const void *row, char *text, size_t size)
{
  (void)sweep;
  metric_text("mse", row, text, size);
}

static void clip_text(const void *sweep, const void *row, char *text, size_t size)
{
  (void)sweep;
  metric_text("clip_rate", row, text, size);
}

static void bulk_text(const void *sweep, const void *row, char *text, size_t size)
{
  (void)sweep;
  metric_text("bulk_sqnr_db", row, text, size);
}

static const struct rows_column columns[] = {
    {"bits", 10, bits_text},   {"SQNR", 9, sqnr_text},      {"MSE", 9, mse_text},
    {"clipped", 9, clip_text}, {"bulk SQNR", 9, bulk_text},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* --- painting ------------------------------------------------------------------------------- */

/* The shape of the line, a star on the front, and the spec. */
static void paint_name(struct explorer *explorer, struct rect line, int width,
                       const struct sweep *sweep, const struct sweep_row *row, struct style style)
{
  char name[SWEEP_NAME], shown[SWEEP_NAME], mark[5];
  uint8_t paint;
  enum glyph glyph = plot_shape((enum role)(ROLE_SERIES + row->line), &paint);
  utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
  cells_put(&explorer->cells, line.row, line.column + 1, explorer->glyphs->code[glyph],
            (struct style){paint, style.paper, 0});
  cells_text(&explorer->cells, line, 0, 3, style, row->pareto ? "*" : " ");
  cells_text(&explorer->cells, line, 0, 5, style,
             text_cut(&explorer->cells, sweep_row_label(sweep, row, name), width - 6, width - 7,
                      mark, shown, sizeof shown));
}

/* Why a row has no numbers. */
static const char *absence(const struct sweep *sweep, const struct sweep_row *row)
{
  return row->state == SWEEP_LEFT_OUT ? sweep->note[row->note] : "computing";
}

static void paint_row(struct explorer *explorer, struct rect line, const struct rows_form *form,
                      const struct sweep *sweep, size_t index, bool selected)
{
  const struct sweep_row *row = &sweep->row[index];
  bool own = (long)index == sweep->present;
  struct style style = {.ink = row->state != SWEEP_DONE ? PAINT_DIM
                               : own                    ? PAINT_VALUE
                                                        : PAINT_NONE,
                        .attributes = own ? CELL_BOLD : 0};
  style = rows_line(&explorer->cells, explorer->glyphs, line, style, selected);
  paint_name(explorer, line, form->name, sweep, row, style);
  if (row->state == SWEEP_DONE)
    rows_numbers(&explorer->cells, line, form, sweep, row, style);
  else
    cells_text(&explorer->cells, line, 0, form->name + 1, style, absence(sweep, row));
}

static void paint_head(struct explorer *explorer, struct rect rect, const struct rows_form *form,
                       const struct sweep *sweep)
{
  if (sweep->done < sweep->rows)
    cells_printf(&explorer->cells, rect, 0, 1, dim, "%zu of %zu points", sweep->done, sweep->rows);
  else
    cells_printf(&explorer->cells, rect, 0, 1, dim, "* on the front");
  rows_head(&explorer->cells, rect, 0, form, dim);
}

static void paint_table(struct explorer *explorer, struct rect rect, const struct sweep *sweep)
{
  const struct rows_form form = rows_fit(columns, COLUMNS, rect.columns, NAME_LEAST, NAME_MOST);
  size_t rows = (size_t)rect.rows - 1, selected = selected_place(explorer, sweep),
         *first = &explorer->sweep.first;
  *first = rows_first(*first, selected, rows, sweep->rows);
  paint_head(explorer, rect, &form, sweep);
  for (size_t i = 0; i < rows && *first + i < sweep->rows; i++)
    paint_row(explorer, (struct rect){rect.row + 1 + (int)i, rect.column, 1, rect.columns}, &form,
              sweep, sweep->rank[*first + i], *first + i == selected);
}

/* The selected point in a line, as much of it as fits; bits and dB need no name. */
static void paint_readout(struct explorer *explorer, struct rect line, const struct sweep *sweep)
{
  const struct sweep_row *row = &sweep->row[selected_row(explorer, sweep)];
  char name[SWEEP_NAME], number[64];
  int column = cells_text(&explorer->cells, line, 0, 1, bold, sweep_row_name(sweep, row, name));
  if (row->state != SWEEP_DONE) {
    cells_text(&explorer->cells, line, 0, column + 2, dim, absence(sweep, row));
    return;
  }
  for (size_t i = 0; i < COLUMNS; i++) {
    size_t named = i < 2 ? 0 : (size_t)snprintf(number, sizeof number, "%s ", columns[i].heading);
    columns[i].print(sweep, row, number + named, sizeof number - named);
    if (column + 2 + text_width(&explorer->cells, number) > line.columns)
      return;
    column = cells_text(&explorer->cells, line, 0, column + 2,
                        (struct style){.ink = i ? PAINT_NONE : PAINT_VALUE}, number);
  }
}

/* The cell of the selected point stands out. */
static void paint_selected(struct explorer *explorer, struct rect rect, const struct sweep *sweep)
{
  const struct panel *panel = explorer->figure->panel[0];
  double x, y;
  int row, column;
  if (!fig_sweep_place(sweep, &sweep->row[selected_row(explorer, sweep)], &x, &y) ||
      !plot_cell(rect, panel, explorer->glyphs, x, y, &row, &column))
    return;
  struct cell *cell = cells_at(&explorer->cells, row, column);
  if (cell)
    cell->style.attributes |= CELL_REVERSE | CELL_BOLD;
}

void sweep_view_paint(struct explorer *explorer, struct rect rect)
{
  const struct sweep *sweep = sweep_of(explorer);
  int plot = sweep ? plot_rows(sweep, rect) : rect.rows;
  struct rect above = {rect.row, rect.column, plot, rect.columns},
              below = {rect.row + plot, rect.column, rect.rows - plot, rect.columns};
  plot_figure(&explorer->cells, above, explorer->figure, explorer->glyphs, (double)NAN);
  if (!sweep || *explorer->sweep.why)
    return;
  paint_selected(explorer, above, sweep);
  if (below.rows > 1)
    paint_table(explorer, below, sweep);
  else if (below.rows == 1)
    paint_readout(explorer, below, sweep);
}
