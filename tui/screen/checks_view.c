#include "tui/screen/checks_view.h"

#include "analysis/checks.h"

#include <string.h>

enum {
  VALUE_COLUMN = 19,
  VERDICT_COLUMN = 31,
  USUAL_COLUMN = 41,
  WHY_ROWS = 3,
  LEAST_ROWS = 8, /* with fewer, the list has all of them */
};

bool checks_view_lacks(const struct explorer *explorer)
{
  return explorer->mode == MODE_CHECKS && explorer->work == WORK_NONE &&
         !explorer_stale(explorer) && !explorer->result->checks;
}

void checks_view_move(struct explorer *explorer, int by)
{
  int last = (int)check_table_length - 1, to = explorer->check + by;
  explorer->check = to < 0 ? 0 : to > last ? last : to;
}

/* A sign beside the colour: what is not usual is seen without colours, too. */
static void paint_row(struct explorer *explorer, struct rect rect, int row, size_t index)
{
  const struct check *check = &check_table[index];
  const struct checks *checks = explorer_stale(explorer) ? NULL : explorer->result->checks;
  bool selected = (int)index == explorer->check;
  char value[48] = "";
  const char *verdict = "";
  if (checks) {
    check_print(check, check_value(check, checks), value, sizeof value);
    verdict = check_verdict(check, check_value(check, checks));
  }
  bool unknown = strcmp(verdict, "n/a") == 0, usual = unknown || strcmp(verdict, "usual") == 0;
  struct style plain = {.attributes = selected ? CELL_BOLD : 0};
  struct style marked = {.ink = unknown ? PAINT_DIM : usual ? PAINT_GOOD : PAINT_WARNING};
  cells_text(&explorer->cells, rect, row, 0, plain, selected ? ">" : " ");
  cells_text(&explorer->cells, rect, row, 2, plain, check->label);
  cells_text(&explorer->cells, rect, row, VALUE_COLUMN, (struct style){.ink = PAINT_VALUE}, value);
  cells_printf(&explorer->cells, rect, row, VERDICT_COLUMN, marked, "%s%s",
               usual || !*verdict ? "" : "! ", verdict);
  cells_text(&explorer->cells, rect, row, USUAL_COLUMN, (struct style){.ink = PAINT_DIM},
             check->usual);
}

static void paint_why(struct explorer *explorer, struct rect rect)
{
  char mark[5];
  const struct check *check = &check_table[explorer->check];
  cells_wrap(&explorer->cells, rect, (struct style){0}, check->why,
             utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark));
}

void checks_view_paint(struct explorer *explorer, struct rect rect)
{
  static const struct style bold = {.attributes = CELL_BOLD}, dim = {.ink = PAINT_DIM};
  char spec[QUANTIZER_TEXT];
  cells_fill(&explorer->cells, rect, ' ', (struct style){0});
  bool why = rect.rows >= LEAST_ROWS;
  int list = rect.rows - (why ? WHY_ROWS + 2 : 0), count = (int)check_table_length;
  int first = explorer->check >= list ? explorer->check - list + 1 : 0;
  if (why) {
    int column = cells_text(&explorer->cells, rect, 0, 1, bold, "checks of ");
    column = cells_text(&explorer->cells, rect, 0, column, bold,
                        quantizer_print(&explorer->state.knobs.quantizer, spec));
    if (explorer_stale(explorer) || !explorer->result->checks)
      cells_text(&explorer->cells, rect, 0, column + 2, dim, "being computed");
  }
  for (int i = first; i < count && i - first < list; i++)
    paint_row(explorer, rect, i - first + why, (size_t)i);
  struct rect below = {rect.row + rect.rows - WHY_ROWS, rect.column + 2, WHY_ROWS,
                       rect.columns - 3};
  if (why)
    paint_why(explorer, below);
}
