#include "tui/screen/what_if_view.h"

#include "quant/base/size.h"
#include "tui/screen/rows.h"

#include <math.h>
#include <stdio.h>

enum { NAME_COLUMNS = 10, NAME_MOST = 12, WORDS_LEAST = 12 };

/* --- numbers -------------------------------------------------------------------------------- */

/* Answers to the present state. */
static size_t known(const struct explorer *explorer)
{
  const struct asking *asking = &explorer->asking;
  return state_same_numbers(&asking->of, &explorer->state) ? asking->known : 0;
}

static struct what_if_case present(const struct explorer *explorer)
{
  const struct state *state = &explorer->state;
  return (struct what_if_case){.quantizer = state->knobs.quantizer,
                               .transform = state->transform,
                               .axis = state->knobs.axis,
                               .calibrated = {.batching = explorer->batching}};
}

bool what_if_lacks(const struct explorer *explorer)
{
  return explorer->asking.open && explorer->state.view.channel < 0 && !explorer_stale(explorer) &&
         known(explorer) < what_if_table_length;
}

void what_if_ask(struct explorer *explorer)
{
  struct asking *asking = &explorer->asking;
  const struct what_if_case now = present(explorer);
  asking->known = known(explorer);
  asking->of = explorer->state;
  engine_request_what_if(explorer->engine, explorer->source, explorer->state.tensor, &now,
                         &what_if_table[asking->known]);
}

void what_if_take(struct explorer *explorer, struct engine_answer *answer)
{
  struct asking *asking = &explorer->asking;
  if (answer->status == STATUS_OK && asking->known < what_if_table_length) {
    asking->answer[asking->known++] = answer->what_if;
    return;
  }
  explorer->stopped = true;
  explorer_warn(explorer, "%s", answer->error.text);
}

/* --- keys ----------------------------------------------------------------------------------- */

void what_if_toggle(struct explorer *explorer)
{
  struct asking *asking = &explorer->asking;
  if (explorer->state.view.channel >= 0)
    return explorer_warn(explorer, "a channel alone has no others to be compared with");
  asking->open = !asking->open;
  explorer->stopped = false;
}

void what_if_move(struct explorer *explorer, int by)
{
  long last = (long)what_if_table_length - 1, at = (long)explorer->asking.selected + by;
  explorer->asking.selected = (size_t)(at < 0 ? 0 : at > last ? last : at);
}

void what_if_enter(struct explorer *explorer)
{
  const struct asking *asking = &explorer->asking;
  const struct what_if_answer *answer = &asking->answer[asking->selected];
  const struct what_if_case now = present(explorer);
  char words[WHAT_IF_TEXT];
  if (asking->selected >= known(explorer))
    return explorer_warn(explorer, "this one is not measured yet");
  if (!answer->possible)
    return explorer_warn(explorer, "%s", answer->why_not);
  struct state next = explorer->state;
  next.knobs = knobs_of(&answer->quantizer, next.knobs.axis);
  next.transform = answer->transform;
  what_if_print(answer, &now, words);
  bool transforms = !transform_equal(&answer->transform, &now.transform);
  explorer_go(explorer, &next);
  explorer_say(explorer, "%s; u undoes it%s", words, transforms ? ", Backspace takes it off" : "");
}

bool what_if_back(struct explorer *explorer)
{
  bool open = explorer->asking.open;
  explorer->asking.open = false;
  return open;
}

/* --- the table ------------------------------------------------------------------------------ */

/* What a row is printed from. */
struct line {
  const struct what_if_answer *answer;
  double own; /* the present SQNR */
};

static void sqnr_text(const void *whole, const void *of, char *text, size_t size)
{
  (void)whole;
  metric_print(metric_find("sqnr_db"), ((const struct line *)of)->answer->sqnr_db, text, size);
}

static void gain_text(const void *whole, const void *of, char *text, size_t size)
{
  const struct line *line = of;
  double gain = line->answer->sqnr_db - line->own;
  (void)whole;
  if (isfinite(gain))
    snprintf(text, size, "%+.2f dB", gain);
  else
    snprintf(text, size, "%s", isnan(gain) ? "n/a" : gain > 0 ? "all" : "exact now");
}

static void bits_text(const void *whole, const void *of, char *text, size_t size)
{
  (void)whole;
  snprintf(text, size, "%.4g", ((const struct line *)of)->answer->bits_per_element);
}

static const struct rows_column columns[] = {
    {"SQNR", 9, sqnr_text}, {"gain", 10, gain_text}, {"bits", 7, bits_text}};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* The one with the largest SQNR of those that are known. */
static size_t best(const struct explorer *explorer)
{
  const struct what_if_answer *answer = explorer->asking.answer;
  size_t found = SIZE_MAX;
  for (size_t i = 0; i < known(explorer); i++)
    if (answer[i].possible && (found == SIZE_MAX || answer[i].sqnr_db > answer[found].sqnr_db))
      found = i;
  return found;
}

/* The words of the answer, cut: the name of the row says the rest. */
static void words_of(const struct explorer *explorer, const struct what_if_answer *answer,
                     char *text, size_t size)
{
  char word[TRANSFORM_TEXT], spec[QUANTIZER_TEXT];
  bool transforms = !transform_equal(&answer->transform, &explorer->state.transform);
  snprintf(text, size, "%s",
           transforms ? transform_print(&answer->transform, word)
                      : quantizer_print(&answer->quantizer, spec));
}

static void paint_answer(struct explorer *explorer, struct rect rect, const struct rows_form *form,
                         size_t row, struct style style)
{
  const struct what_if_answer *answer = &explorer->asking.answer[row];
  const struct line line = {answer, explorer->result->metrics.sqnr_db};
  char words[WHAT_IF_TEXT], shown[WHAT_IF_TEXT], mark[5];
  struct style dim = {style.paper ? style.ink : PAINT_DIM, style.paper, 0};
  int column = form->name + 1;
  if (!answer->possible) {
    cells_text(&explorer->cells, rect, 0, column, dim, answer->why_not);
    return;
  }
  column = rows_numbers(&explorer->cells, rect, form, NULL, &line, style);
  words_of(explorer, answer, words, sizeof words);
  utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
  if (rect.columns - column > WORDS_LEAST)
    cells_text(&explorer->cells, rect, 0, column + 2, dim,
               text_shorten(&explorer->cells, words, rect.columns - column - 3, mark, shown,
                            sizeof shown));
}

static void paint_row(struct explorer *explorer, struct rect rect, const struct rows_form *form,
                      size_t row)
{
  bool selected = row == explorer->asking.selected, answered = row < known(explorer);
  struct style style = {.ink = row == best(explorer) ? PAINT_GOOD : PAINT_NONE,
                        .attributes = row == best(explorer) ? CELL_BOLD : 0};
  style = rows_line(&explorer->cells, explorer->glyphs, rect, style, selected);
  cells_text(&explorer->cells, rect, 0, 2, style, what_if_table[row].name);
  if (answered)
    paint_answer(explorer, rect, form, row, style);
  else
    cells_text(&explorer->cells, rect, 0, form->name + 1,
               (struct style){selected ? PAINT_NONE : PAINT_DIM, style.paper, 0},
               explorer->stopped ? "stopped" : "computing");
}

int what_if_rows(void)
{
  return (int)what_if_table_length + 2;
}

void what_if_paint(struct explorer *explorer, struct rect rect)
{
  const struct style dim = {.ink = PAINT_DIM};
  const struct rows_form form = rows_fit(columns, COLUMNS, rect.columns, NAME_COLUMNS, NAME_MOST);
  const struct what_if *what = &what_if_table[explorer->asking.selected];
  size_t rows = rect.rows > 1 ? (size_t)rect.rows - 1 : 0, selected = explorer->asking.selected;
  bool explains = rows > what_if_table_length;
  size_t shown = size_min(rows, what_if_table_length);
  size_t first = shown && selected >= shown ? selected - shown + 1 : 0;
  char text[256], mark[5];
  cells_text(&explorer->cells, rect, 0, 2, dim, "what if");
  rows_head(&explorer->cells, rect, 0, &form, dim);
  mouse_list(explorer, (struct rect){rect.row + 1, rect.column, (int)shown, rect.columns});
  for (size_t i = 0; i < shown; i++)
    paint_row(explorer, (struct rect){rect.row + 1 + (int)i, rect.column, 1, rect.columns}, &form,
              first + i);
  if (!explains)
    return;
  snprintf(text, sizeof text, "%s: %s", what->what, what->why);
  utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
  cells_wrap(&explorer->cells,
             (struct rect){rect.row + 1 + (int)shown, rect.column + 2, rect.rows - 1 - (int)shown,
                           rect.columns - 2},
             dim, text, mark);
}
