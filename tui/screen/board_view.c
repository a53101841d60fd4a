#include "tui/screen/board_view.h"

#include "quant/base/size.h"
#include "tui/screen/plot.h"
#include "tui/screen/rows.h"
#include "tui/screen/run_line.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  CURVE_LEAST = 7, /* rows of the curve; with fewer there is the table alone */
  TABLE_LEAST = 6,
  TALL = 24,
  NAME_COLUMNS = 17,
  NAME_MOST = 26,
};

static const struct style dim = {.ink = PAINT_DIM}, bold = {.attributes = CELL_BOLD};

static const struct board *board_of(const struct explorer *explorer)
{
  return explorer->result ? explorer->result->board : NULL;
}

static bool is_complete(const struct board *board)
{
  return board && (*board->empty || board->judged == board->rows);
}

/* --- numbers -------------------------------------------------------------------------------- */

bool board_view_lacks(const struct explorer *explorer)
{
  return !explorer_stale(explorer) && !is_complete(board_of(explorer));
}

void board_view_ask(struct explorer *explorer)
{
  const struct state *state = &explorer->state;
  size_t index;
  struct source *source = explorer_part(explorer, &index);
  engine_request_board(explorer->engine, source, index, &state->knobs.quantizer, state->view.block,
                       state->knobs.axis, (struct calibrated){.batching = explorer->batching},
                       state->view.theory);
}

void board_view_request(struct result_request *request, bool export)
{
  request->board = export;
}

void board_view_take(struct explorer *explorer, struct engine_answer *answer)
{
  if (answer->status != STATUS_OK) {
    explorer->stopped = true;
    return explorer_warn(explorer, "%s", answer->error.text);
  }
  board_free(explorer->result->board);
  explorer->result->board = answer->board;
  board_rank(answer->board, (enum board_ranking)explorer->state.view.rank);
  explorer_refresh(explorer);
}

void board_view_keep(struct explorer *explorer, struct result *next)
{
  const struct state *old = &explorer->shown, *new = &explorer->requested;
  const struct board *board = board_of(explorer);
  long unit = new->view.block;
  const struct transform one = state_transform(old), other = state_transform(new);
  if (!is_complete(board) || !transform_equal(&one, &other) || old->tensor != new->tensor ||
      old->view.channel != new->view.channel || old->view.theory != new->view.theory ||
      (new->view.channel >= 0 && old->knobs.axis != new->knobs.axis) ||
      (unit < 0 ? old->view.block >= 0 : old->view.block != unit) ||
      !board_covers(board, &next->quantizer, unit < 0 ? PROBE_LARGEST : (size_t)unit))
    return;
  next->board = explorer->result->board;
  explorer->result->board = NULL;
}

char *board_view_verdict(const struct explorer *explorer, char *text, size_t size)
{
  const struct board *board = board_of(explorer);
  *text = '\0';
  if (board && !explorer_stale(explorer))
    board_verdict(board, &explorer->state.knobs.quantizer, text, size);
  return text;
}

/* Rows of the curve: what the table does not need, at least half of a small screen. */
static int curve_rows(const struct explorer *explorer, struct rect rect)
{
  int table = (int)board_of(explorer)->rows + 1;
  if (rect.rows < CURVE_LEAST + TABLE_LEAST)
    return 0;
  int least = rect.rows < TALL ? rect.rows / 2 : rect.rows * 2 / 5;
  return rect.rows - table > least ? rect.rows - table : least;
}

/* --- the selected row ----------------------------------------------------------------------- */

static const struct calibrator *knob_rule(const struct explorer *explorer)
{
  const struct quantizer *quantizer = &explorer->state.knobs.quantizer;
  return quantizer->by == BY_CALIBRATOR ? quantizer->calibrator : NULL;
}

static size_t selected_place(const struct explorer *explorer, const struct board *board)
{
  const struct calibrator *rule =
      explorer->board.chosen ? explorer->board.rule : knob_rule(explorer);
  for (size_t place = 0; place < board->rows; place++)
    if (board->row[board->rank[place]].calibrator == rule)
      return place;
  return 0;
}

static const struct board_row *selected_row(const struct explorer *explorer)
{
  const struct board *board = board_of(explorer);
  return board && !*board->empty ? &board->row[board->rank[selected_place(explorer, board)]] : NULL;
}

/* Who sees no table is told of the row. */
static void say_rule(struct explorer *explorer, const struct board_row *row)
{
  char name[BOARD_NAME], sqnr[32];
  board_name(row, name, sizeof name);
  if (!explorer->spoken)
    return;
  if (row->state != BOARD_DONE)
    return explorer_say(explorer, "%s: %s", name,
                        row->state == BOARD_REFUSED ? row->reason : "not computed yet");
  metric_print(metric_find("sqnr_db"), row->whole.sqnr_db, sqnr, sizeof sqnr);
  explorer_say(explorer, "%s: clips at %.4g, SQNR %s, %.3g dB below the best, %.3g %% clipped",
               name, row->threshold, sqnr, row->distance_db, 100 * row->whole.clip_rate);
}

static void select_row(struct explorer *explorer, const struct board_row *row)
{
  explorer->board.chosen = true;
  explorer->board.rule = row->calibrator;
  say_rule(explorer, row);
}

/* True when ROW lies behind OWN in DIRECTION along the thresholds; of equal ones the board counts.
 */
static bool comes_after(const struct board_row *own, const struct board_row *row, int direction)
{
  if (row->threshold < own->threshold || row->threshold > own->threshold)
    return direction > 0 ? row->threshold > own->threshold : row->threshold < own->threshold;
  return direction > 0 ? row > own : row < own;
}

void board_view_move(struct explorer *explorer, int by)
{
  const struct board *board = board_of(explorer);
  if (!board || *board->empty)
    return;
  size_t place = selected_place(explorer, board), step = (size_t)(by < 0 ? -by : by);
  place = by < 0 ? place - size_min(place, step) : size_min(place + step, board->rows - 1);
  select_row(explorer, &board->row[board->rank[place]]);
}

/* The next along the curve; of equal thresholds each comes in turn. */
void board_view_step(struct explorer *explorer, int direction)
{
  const struct board *board = board_of(explorer);
  const struct board_row *own = selected_row(explorer), *next = NULL;
  if (!own)
    return;
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *row = &board->row[i];
    if (row->state == BOARD_DONE && comes_after(own, row, direction) &&
        (!next || comes_after(row, next, direction)))
      next = row;
  }
  if (!next)
    return explorer_warn(explorer, "no rule clips %s", direction > 0 ? "later" : "earlier");
  select_row(explorer, next);
}

enum status board_view_stand(struct explorer *explorer, const char *text, struct error *error)
{
  const struct board *board = board_of(explorer);
  const struct board_row *near = NULL;
  char *end;
  const double threshold = strtod(text, &end);
  if (end == text || *end || !isfinite(threshold))
    return error_set(error, STATUS_USAGE, "expected a clip threshold, found '%s'", text);
  for (size_t i = 0; board && !*board->empty && i < board->rows; i++) {
    const struct board_row *row = &board->row[i];
    if (row->state == BOARD_DONE &&
        (!near || fabs(row->threshold - threshold) < fabs(near->threshold - threshold)))
      near = row;
  }
  if (near)
    select_row(explorer, near);
  return STATUS_OK;
}

bool board_view_click(struct explorer *explorer, int row, int column)
{
  const struct board *board = board_of(explorer);
  const struct figure *figure = explorer->figure;
  struct rect plot = explorer->layout.place[PLACE_PLOT];
  double threshold;
  if (!board || *board->empty || !figure || figure->panels == 0)
    return false;
  plot.rows = curve_rows(explorer, plot);
  return plot_value(plot, &figure->panel[0]->x, row, column, &threshold) &&
         run_cursor(explorer, "%.4g", threshold);
}

void board_view_enter(struct explorer *explorer)
{
  const struct board_row *row = selected_row(explorer);
  char name[BOARD_NAME];
  if (!row)
    return explorer_warn(explorer, "there is no calibrator to take");
  if (row->state == BOARD_REFUSED)
    return explorer_warn(explorer, "%s", row->reason);
  explorer_apply(explorer, &row->quantizer);
  explorer_say(explorer, "calibrator %s", board_name(row, name, sizeof name));
}

void board_view_rank(struct explorer *explorer)
{
  static const char *const words[BOARD_RANKINGS] = {
      "the SQNR of all values",
      "the bulk: the smallest 99 %, without the few that decide the total",
      "the median channel: every channel counts the same"};
  struct state next = explorer->state;
  next.view.rank = (next.view.rank + 1) % BOARD_RANKINGS;
  explorer_go(explorer, &next);
  explorer_say(explorer, "ranked by %s", words[next.view.rank]);
}

void board_view_settle(struct explorer *explorer)
{
  struct board *board = explorer->result ? explorer->result->board : NULL;
  if (!board || (int)board->by == explorer->state.view.rank)
    return;
  board_rank(board, (enum board_ranking)explorer->state.view.rank);
  explorer_refresh(explorer);
}

bool board_view_back(struct explorer *explorer)
{
  bool open = explorer->board.explaining;
  explorer->board.explaining = false;
  return open;
}

/* --- the table ------------------------------------------------------------------------------ */

/* A ratio in a column that says dB in its heading. */
static void ratio_text(double ratio, char *text, size_t size)
{
  if (isfinite(ratio))
    snprintf(text, size, "%.2f", ratio);
  else
    metric_print(metric_find("sqnr_db"), ratio, text, size);
}

static void sqnr_text(const void *board, const void *of, char *text, size_t size)
{
  const struct board_row *row = of;
  (void)board;
  ratio_text(row->whole.sqnr_db, text, size);
}

static void judged_text(const struct board_row *row, double value, char *text, size_t size)
{
  if (row->judged)
    ratio_text(value, text, size);
  else
    snprintf(text, size, "...");
}

static void bulk_text(const void *board, const void *of, char *text, size_t size)
{
  const struct board_row *row = of;
  (void)board;
  judged_text(row, row->bulk_sqnr_db, text, size);
}

static void channel_text(const void *board, const void *of, char *text, size_t size)
{
  const struct board_row *row = of;
  (void)board;
  judged_text(row, row->channel_sqnr_db, text, size);
}

static void distance_text(const void *board, const void *of, char *text, size_t size)
{
  const struct board_row *row = of;
  (void)board;
  if (row->distance_db > 0)
    snprintf(text, size, row->distance_db < 100 ? "-%.3f" : "-%.0f", row->distance_db);
  else
    snprintf(text, size, "best");
}

static void threshold_text(const void *board, const void *of, char *text, size_t size)
{
  const struct board_row *row = of;
  (void)board;
  snprintf(text, size, "%.4g", row->threshold);
}

static void clip_text(const void *board, const void *of, char *text, size_t size)
{
  const struct board_row *row = of;
  (void)board;
  double percent = 100 * row->whole.clip_rate;
  if (percent > 0 && percent < 0.001)
    snprintf(text, size, "<0.001 %%");
  else
    snprintf(text, size, "%.3g %%", percent);
}

static void share_text(const void *board, const void *of, char *text, size_t size)
{
  const struct board_row *row = of;
  snprintf(text, size, "%.3g %%", 100 * board_share(board, row));
}

static void time_text(const void *board, const void *of, char *text, size_t size)
{
  const struct board_row *row = of;
  (void)board;
  double ms = 1e3 * row->seconds;
  if (ms < 0.01)
    snprintf(text, size, "<.01 ms");
  else if (ms < 999.5)
    snprintf(text, size, ms < 1 ? "%.2f ms" : "%.3g ms", ms);
  else
    snprintf(text, size, "%.3g s", row->seconds);
}

static const struct rows_column columns[] = {
    {"SQNR", 6, sqnr_text},          {"bulk", 6, bulk_text},        {"chan.", 6, channel_text},
    {"clips at", 8, threshold_text}, {"to best", 7, distance_text}, {"of max", 7, share_text},
    {"clipped", 9, clip_text},       {"time", 8, time_text},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void paint_head(struct explorer *explorer, struct rect rect, const struct rows_form *form)
{
  const struct board *board = board_of(explorer);
  if (board->done < board->rows)
    cells_printf(&explorer->cells, rect, 0, 1, dim, "%zu of %zu rules", board->done, board->rows);
  else
    cells_printf(&explorer->cells, rect, 0, 1, dim, "   best by %s",
                 board_ranking_names[board->by]);
  rows_head(&explorer->cells, rect, 0, form, dim);
}

/* The number of the mark, the name, and "=" where the rule chose what minmax chooses, "!" where its
 * search ended at its edge. */
static void paint_name(struct explorer *explorer, struct rect line, const struct rows_form *form,
                       const struct board_row *row, size_t place, struct style style)
{
  char name[BOARD_NAME], shown[BOARD_NAME], mark[5];
  utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
  if (row->state == BOARD_DONE)
    cells_printf(&explorer->cells, line, 0, 1, style, "%2zu", place + 1);
  text_cut(&explorer->cells, board_name(row, name, sizeof name), form->name - 6, form->name - 13,
           mark, shown, sizeof shown);
  int column = cells_text(&explorer->cells, line, 0, 4, style, shown);
  if (row->inert || row->at_end)
    cells_text(&explorer->cells, line, 0, column + 1, (struct style){PAINT_WARNING, style.paper, 0},
               row->at_end ? "!" : "=");
}

static void paint_numbers(struct explorer *explorer, struct rect line, const struct rows_form *form,
                          const struct board_row *row, struct style style)
{
  char text[BOARD_REASON];
  int column = rows_numbers(&explorer->cells, line, form, board_of(explorer), row, style);
  if (line.columns - column > 14)
    cells_text(&explorer->cells, line, 0, column + 2, (struct style){PAINT_DIM, style.paper, 0},
               board_note(row, text, sizeof text));
}

static void paint_row(struct explorer *explorer, struct rect line, const struct rows_form *form,
                      size_t place, bool selected)
{
  const struct board *board = board_of(explorer);
  const struct board_row *row = &board->row[board->rank[place]];
  bool own = quantizer_equal(&row->quantizer, &explorer->state.knobs.quantizer);
  struct style style = {.ink = row->state != BOARD_DONE ? PAINT_DIM
                               : own                    ? PAINT_VALUE
                                                        : PAINT_NONE,
                        .attributes = own ? CELL_BOLD : 0};
  style = rows_line(&explorer->cells, explorer->glyphs, line, style, selected);
  paint_name(explorer, line, form, row, place, style);
  if (row->state == BOARD_DONE)
    paint_numbers(explorer, line, form, row, style);
  else
    cells_text(&explorer->cells, line, 0, form->name + 1, style,
               row->state == BOARD_REFUSED ? row->reason : "computing");
}

static void paint_table(struct explorer *explorer, struct rect rect)
{
  const struct board *board = board_of(explorer);
  const struct rows_form form =
      rows_fit(columns, COLUMNS, rect.columns, NAME_COLUMNS + 4, NAME_MOST + 4);
  size_t rows = rect.rows > 1 ? (size_t)rect.rows - 1 : 0,
         selected = selected_place(explorer, board), *first = &explorer->board.first;
  *first = rows_first(*first, selected, rows, board->rows);
  paint_head(explorer, rect, &form);
  mouse_list(explorer, (struct rect){rect.row + 1, rect.column, rect.rows - 1, rect.columns});
  for (size_t i = 0; i < rows && *first + i < board->rows; i++)
    paint_row(explorer, (struct rect){rect.row + 1 + (int)i, rect.column, 1, rect.columns}, &form,
              *first + i, *first + i == selected);
}

/* --- the explanation ------------------------------------------------------------------------ */

/* The rule in sentences; then its spec, and what is to be said of its choice here. */
static void paint_explanation(struct explorer *explorer, struct rect rect)
{
  const struct board_row *row = selected_row(explorer);
  char name[BOARD_NAME], spec[QUANTIZER_TEXT], note[BOARD_REASON], text[2048], mark[5];
  const struct calibrator *rule = row->calibrator;
  utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
  int column = cells_text(&explorer->cells, rect, 0, 1, bold, board_name(row, name, sizeof name));
  if (rule && rule->reference)
    cells_printf(&explorer->cells, rect, 0, column + 2, dim, "as in %s", rule->reference);
  board_note(row, note, sizeof note);
  snprintf(text, sizeof text, "%s%s%s%s",
           !rule               ? "The scale or the range that the spec gives by hand."
           : rule->explanation ? rule->explanation
                               : rule->summary,
           *note ? " Here: " : "", note, *note ? "." : "");
  struct rect body = {rect.row + 1, rect.column + 1, rect.rows - 2, rect.columns - 2};
  cells_wrap(&explorer->cells, body, (struct style){0}, text, mark);
  cells_text(&explorer->cells,
             (struct rect){rect.row + rect.rows - 1, rect.column + 1, 1, rect.columns - 2}, 0, 0,
             (struct style){.ink = PAINT_VALUE}, quantizer_print(&row->quantizer, spec));
}

/* --- everything ----------------------------------------------------------------------------- */

void board_view_paint(struct explorer *explorer, struct rect rect)
{
  const struct board *board = board_of(explorer);
  if (!board || *board->empty) {
    cells_text(&explorer->cells, rect, rect.rows / 2, 2, dim,
               board ? board->empty : "computing the curve");
    return;
  }
  const struct board_row *row = selected_row(explorer);
  int curve = curve_rows(explorer, rect);
  double pointer = row->state == BOARD_DONE ? row->threshold : (double)NAN;
  if (curve && explorer->figure)
    plot_figure(&explorer->cells, (struct rect){rect.row, rect.column, curve, rect.columns},
                explorer->figure, explorer->glyphs, pointer);
  struct rect below = {rect.row + curve, rect.column, rect.rows - curve, rect.columns};
  if (explorer->board.explaining)
    paint_explanation(explorer, below);
  else
    paint_table(explorer, below);
}
