#include "tui/screen/pins_view.h"

#include "tui/screen/cursor.h"
#include "tui/screen/pins.h"
#include "tui/screen/plot.h"
#include "tui/screen/rows.h"
#include "tui/screen/run_line.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_LEAST = 16, NAME_MOST = 44, FIGURE_LEAST = 6 };

/* A row of the table: the numbers of B, or what it has more than A. */
struct compared {
  const struct result *a, *b;
};

static void print(const struct compared *row, const char *name, char *text, size_t size)
{
  const struct metric *metric = metric_find(name);
  double b = metric->value(&row->b->metrics);
  bool about = row->b->estimated || (row->a && row->a->estimated);
  if (about && isfinite(b) && strcmp(name, "bits_per_element") != 0 && size > 1) {
    *text++ = '~';
    size--;
  }
  if (row->a)
    metric_difference(metric, metric->value(&row->a->metrics), b, text, size);
  else
    metric_print(metric, b, text, size);
}

#define COLUMN(field)                                                                              \
  static void print_##field(const void *whole, const void *row, char *text, size_t size)           \
  {                                                                                                \
    (void)whole;                                                                                   \
    print(row, #field, text, size);                                                                \
  }
COLUMN(sqnr_db)
COLUMN(bulk_sqnr_db)
COLUMN(channel_sqnr_worst)
COLUMN(bits_per_element)
COLUMN(clip_rate)
COLUMN(mse)
COLUMN(max_abs_error)
#undef COLUMN

static const struct rows_column columns[] = {
    {"SQNR", 9, print_sqnr_db},
    {"bits", 10, print_bits_per_element},
    {"bulk 99%", 9, print_bulk_sqnr_db},
    {"clipped", 9, print_clip_rate},
    {"MSE", 9, print_mse},
    {"worst ch", 9, print_channel_sqnr_worst},
    {"max error", 9, print_max_abs_error},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* --- rows ------------------------------------------------------------------------------------- */

static void paint_row(struct explorer *explorer, struct rect line, const struct rows_form *form,
                      const struct state *state, size_t i, const struct result *result,
                      struct style style)
{
  char name[PIN_NAME], shown[PIN_NAME], mark[5];
  const struct compared row = {NULL, result};
  cells_printf(&explorer->cells, line, 0, 1,
               (struct style){PAINT_KEY, style.paper, style.attributes}, "%c", (char)('A' + i));
  cells_text(&explorer->cells, line, 0, 3, style,
             text_shorten(&explorer->cells, pins_name(explorer, state, i, name, sizeof name),
                          form->name - 3, utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark),
                          shown, sizeof shown));
  if (result)
    rows_numbers(&explorer->cells, line, form, NULL, &row, style);
  else
    cells_text(&explorer->cells, line, 0, form->name + 1, (struct style){.ink = PAINT_DIM},
               explorer->pinned.stopped ? "not measured" : "measuring");
}

static void paint_pin(struct explorer *explorer, struct rect line, const struct rows_form *form,
                      size_t i)
{
  bool selected = i == explorer->state.view.against;
  const struct style style =
      rows_line(&explorer->cells, explorer->glyphs, line, (struct style){0}, selected);
  paint_row(explorer, line, form, &explorer->state, i, pins_result(explorer, &explorer->shown, i),
            style);
}

/* "B - A  better by 5.17 dB" */
static void paint_difference(struct explorer *explorer, struct rect line,
                             const struct rows_form *form)
{
  static const char *const words[] = {"worse by", "as good as", "better by"};
  static const uint8_t inks[] = {PAINT_WARNING, PAINT_NONE, PAINT_GOOD};
  size_t against = explorer->state.view.against;
  const struct result *pin = pins_result(explorer, &explorer->shown, against);
  if (!pin)
    return;
  const struct compared row = {pin, explorer->result};
  const struct metric *sqnr = metric_find("sqnr_db");
  int judged = metric_judge(sqnr, pin->metrics.sqnr_db, explorer->result->metrics.sqnr_db);
  struct style style = {.ink = inks[judged + 1]};
  char present = (char)('A' + explorer->state.pins.count), pinned = (char)('A' + against);
  if (form->name >= 18)
    cells_printf(&explorer->cells, line, 0, 1, style, "%c to %c: %s", pinned, present,
                 words[judged + 1]);
  else
    cells_printf(&explorer->cells, line, 0, 1, style, "%c %s", present, words[judged + 1]);
  rows_numbers(&explorer->cells, line, form, NULL, &row, style);
}

static void paint_table(struct explorer *explorer, struct rect rect)
{
  const struct rows_form form =
      rows_fit(columns, COLUMNS, rect.columns,
               rect.columns / 3 > NAME_LEAST ? rect.columns / 3 : NAME_LEAST, NAME_MOST);
  size_t pins = explorer->state.pins.count;
  struct rect line = {rect.row, rect.column, 1, rect.columns};
  cells_text(&explorer->cells, line, 0, 3, (struct style){.ink = PAINT_DIM}, "quantizer");
  rows_head(&explorer->cells, line, 0, &form, (struct style){.ink = PAINT_DIM});
  for (size_t i = 0; i < pins && line.row + 2 < rect.row + rect.rows; i++) {
    line.row++;
    paint_pin(explorer, line, &form, i);
  }
  line.row++;
  struct state shown = explorer->shown; /* that the numbers are of */
  shown.pins = explorer->state.pins;
  paint_row(explorer, line, &form, &shown, pins, explorer->result,
            (struct style){.attributes = CELL_BOLD});
  if (++line.row < rect.row + rect.rows)
    paint_difference(explorer, line, &form);
}

/* --- everything ------------------------------------------------------------------------------- */

/* Rows of the figure above the table. */
static int figure_rows(const struct explorer *explorer, struct rect rect)
{
  const int table = (int)explorer->state.pins.count + 3;
  return rect.rows - table < FIGURE_LEAST ? 0 : rect.rows - table;
}

bool pins_view_click(struct explorer *explorer, int row, int column)
{
  const struct rect rect = explorer->layout.place[PLACE_PLOT];
  const int place = row - rect.row - figure_rows(explorer, rect) - 1;
  struct error error;
  if (place < 0 || place >= (int)explorer->state.pins.count || column < rect.column ||
      column >= rect.column + rect.columns)
    return false;
  for (int by = place - (int)explorer->state.view.against; by != 0; by += by < 0 ? 1 : -1)
    if (run_line(explorer, by < 0 ? "up" : "down", &error) != STATUS_OK)
      return false;
  return true;
}

void pins_view_paint(struct explorer *explorer, struct rect rect)
{
  static const char hint[] = "Nothing to compare with: a pins this quantizer, and O opens a second "
                             "file.";
  char mark[5];
  if (explorer->state.pins.count == 0) {
    struct rect words = {rect.row + rect.rows / 2, rect.column + 2, 3, rect.columns - 3};
    cells_wrap(&explorer->cells, words, (struct style){.ink = PAINT_DIM}, hint,
               utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark));
    return;
  }
  const int figure = figure_rows(explorer, rect);
  if (figure)
    plot_figure(&explorer->cells, (struct rect){rect.row, rect.column, figure, rect.columns},
                explorer->figure, explorer->glyphs, cursor_value(explorer));
  paint_table(explorer,
              (struct rect){rect.row + figure, rect.column, rect.rows - figure, rect.columns});
}
