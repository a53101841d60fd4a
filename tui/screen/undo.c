#include "tui/screen/undo.h"

#include "quant/base/size.h"
#include "tui/screen/explorer.h"
#include "tui/screen/heat_view.h"
#include "tui/screen/rows.h"
#include "tui/screen/terminal.h"

#include <stdio.h>

/* --- the present ------------------------------------------------------------------------------ */

static struct looks looks_of(const struct explorer *explorer)
{
  return (struct looks){explorer->glyphs, *terminal_theme(), explorer->no_hints};
}

static struct places places_of(const struct explorer *explorer)
{
  return (struct places){
      .cursor = explorer->cursor,
      .number = explorer->number,
      .outlier = explorer->selected,
      .element = explorer->element,
      .row = explorer->heating.row,
      .column = explorer->heating.column,
      .on_point = explorer->sweep.chosen,
      .point = explorer->sweep.row,
      .on_rule = explorer->board.chosen,
      .rule = explorer->board.rule,
      .on_method = explorer->layer.chosen,
      .method = explorer->layer.rows - explorer->layer.selected,
      .option = explorer->layer.option,
      .detail = (size_t)explorer->layer.detail,
      .closely = explorer->layer.open,
      .on_channel = explorer->layer.pointing,
      .channel = explorer->layer.channel,
      .explaining = explorer->board.explaining,
      .asking = explorer->asking.open,
      .focus = explorer->focus,
  };
}

static void set_looks(struct explorer *explorer, const struct looks *looks)
{
  const struct looks now = looks_of(explorer);
  explorer->glyphs = looks->glyphs;
  explorer->no_hints = looks->no_hints;
  if (!looks_equal(&now, looks))
    terminal_set_theme(&looks->theme);
}

static void set_places(struct explorer *explorer, const struct places *places)
{
  explorer->cursor = places->cursor;
  explorer->number = places->number;
  explorer->selected = places->outlier;
  explorer->element = places->element;
  explorer->heating.row = places->row;
  explorer->heating.column = places->column;
  heat_view_find(explorer);
  explorer->sweep.chosen = places->on_point;
  explorer->sweep.row = places->point;
  explorer->board.chosen = places->on_rule;
  explorer->board.rule = places->rule;
  explorer->layer.chosen = places->on_method && places->method <= explorer->layer.rows;
  explorer->layer.selected = explorer->layer.chosen ? explorer->layer.rows - places->method : 0;
  explorer->layer.option = places->option;
  explorer->layer.detail = (enum layer_detail)places->detail;
  explorer->layer.open = places->closely;
  explorer->layer.pointing = places->on_channel;
  explorer->layer.channel = places->channel;
  explorer->board.explaining = places->explaining;
  explorer->asking.open = places->asking;
  explorer->focus = places->focus;
}

static struct moment present(const struct explorer *explorer)
{
  return (struct moment){explorer->state, looks_of(explorer), places_of(explorer)};
}

/* --- changes ---------------------------------------------------------------------------------- */

void undo_begin(struct explorer *explorer)
{
  struct undoing *undo = &explorer->undo;
  if (undo->depth++ > 0)
    return;
  undo->done = false;
  undo->looks = looks_of(explorer);
  undo->places = places_of(explorer);
}

/* A command may have moved a cursor before it changed the state. */
void undo_remember(struct explorer *explorer, enum stride stride)
{
  struct undoing *undo = &explorer->undo;
  bool goes_on = stride != STRIDE_CHANGE && undo->stride == stride;
  struct moment moment = present(explorer);
  if (undo->depth > 0) {
    moment.looks = undo->looks;
    moment.places = undo->places;
  }
  if (!goes_on)
    history_push(&undo->history, &moment);
  undo->stride = stride;
  undo->done = true;
}

void undo_end(struct explorer *explorer)
{
  struct undoing *undo = &explorer->undo;
  undo->depth--;
  if (undo->depth > 0 || undo->done)
    return;
  const struct looks looks = looks_of(explorer);
  const struct places places = places_of(explorer);
  undo->depth++; /* what there was is remembered as it began */
  if (!looks_equal(&looks, &undo->looks))
    undo_remember(explorer, STRIDE_CHANGE);
  else if (!places_equal(&places, &undo->places))
    undo_remember(explorer, STRIDE_CURSOR);
  undo->depth--;
}

void undo_forget(struct explorer *explorer)
{
  history_clear(&explorer->undo.history);
  explorer->undo.stride = STRIDE_CHANGE;
  explorer->undo.done = true;
}

bool undo_go(struct explorer *explorer, int by)
{
  struct history *history = &explorer->undo.history;
  struct moment moment = present(explorer);
  bool moved = false;
  for (; by > 0 && history_undo(history, &moment); by--)
    moved = true;
  for (; by < 0 && history_redo(history, &moment); by++)
    moved = true;
  if (!moved)
    return false;
  bool same = state_same_numbers(&explorer->state, &moment.state);
  explorer->undo.stride = STRIDE_CHANGE;
  explorer->undo.done = true;
  explorer->state = moment.state;
  explorer->wanted = explorer->wanted || !same;
  explorer->stopped = explorer->pinned.stopped = false;
  set_looks(explorer, &moment.looks);
  set_places(explorer, &moment.places);
  explorer_refresh(explorer);
  return true;
}

/* --- the page --------------------------------------------------------------------------------- */

/* Moments are counted from the oldest; the present one stands between past and future. */
static size_t moments(const struct undoing *undo)
{
  return undo->history.pasts + 1 + undo->history.futures;
}

static const struct moment *moment_at(const struct undoing *undo, const struct moment *now,
                                      size_t place)
{
  const struct history *history = &undo->history;
  if (place < history->pasts)
    return &history->past[place];
  return place == history->pasts ? now
                                 : &history->future[history->futures - (place - history->pasts)];
}

void undo_page_open(struct explorer *explorer)
{
  explorer->undo.selected = explorer->undo.history.pasts;
  explorer->mode = MODE_CHANGES;
}

void undo_page_move(struct explorer *explorer, int by)
{
  struct undoing *undo = &explorer->undo;
  long at = (long)undo->selected + by, last = (long)moments(undo) - 1;
  undo->selected = (size_t)(at < 0 ? 0 : at > last ? last : at);
}

void undo_page_enter(struct explorer *explorer)
{
  const struct undoing *undo = &explorer->undo;
  int by = (int)((long)undo->history.pasts - (long)undo->selected);
  explorer->mode = MODE_MAIN;
  if (by != 0)
    undo_go(explorer, by);
}

static const char *tensor_name(const void *explorer, size_t tensor)
{
  return source_tensor(((const struct explorer *)explorer)->source, tensor)->name;
}

static void paint_moment(struct explorer *explorer, struct rect line, const struct moment *now,
                         size_t place)
{
  const struct undoing *undo = &explorer->undo;
  bool selected = place == undo->selected, is_now = place == undo->history.pasts;
  struct style style = {.ink = place > undo->history.pasts ? PAINT_DIM : PAINT_NONE};
  char words[512], shown[1024], cut[1024], mark[5];
  snprintf(words, sizeof words, "as it was opened, or the oldest that is remembered");
  if (place > 0)
    moment_words(moment_at(undo, now, place - 1), moment_at(undo, now, place), tensor_name,
                 explorer, words, sizeof words);
  utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
  style = rows_line(&explorer->cells, explorer->glyphs, line, style, selected);
  int column = cells_printf(&explorer->cells, line, 0, 1, style, "%4zu %s", place,
                            is_now ? "now  " : "     ");
  cells_text(&explorer->cells, line, 0, column + 1, style,
             text_shorten(&explorer->cells, text_escape(words, shown, sizeof shown),
                          line.columns - column - 2, mark, cut, sizeof cut));
}

void undo_page_paint(struct explorer *explorer)
{
  enum { HEAD = 2 };
  struct undoing *undo = &explorer->undo;
  struct rect rect = explorer->layout.body;
  const struct moment now = present(explorer);
  size_t rows = rect.rows > HEAD ? (size_t)rect.rows - HEAD : 0, count = moments(undo);
  undo->first = rows_first(undo->first, undo->selected, rows, count);
  cells_fill(&explorer->cells, rect, ' ', (struct style){0});
  cells_text(&explorer->cells, rect, 0, 1, (struct style){.attributes = CELL_BOLD},
             "Changes, the oldest first; Enter goes back to one, or forth");
  for (size_t i = 0; i < rows && undo->first + i < count; i++)
    paint_moment(explorer, (struct rect){rect.row + HEAD + (int)i, rect.column, 1, rect.columns},
                 &now, undo->first + i);
}
