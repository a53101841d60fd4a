#include "tui/screen/inspector.h"

#include "quant/base/size.h"
#include "tui/screen/rows.h"
#include "tui/screen/run_line.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  CELLS_MOST = 1024, /* of the strip */
  CELL_COLUMNS = 4,  /* of a block in the strip, when there are few */
  GAUGE_MOST = 11,
  LIST_FIXED = 34, /* columns of an element without its gauge */
  LIST_WIDTH = LIST_FIXED + 7,
  TALL = 14, /* rows from which on everything has its line */
};

/* --- which block -------------------------------------------------------------------------- */

/* The number of the selected block; false while nobody knows it, or there is none. */
static bool selected_block(const struct explorer *explorer, size_t *number)
{
  const struct result *result = explorer->result;
  long block = explorer->state.view.block;
  if (!result || explorer_stale(explorer) || (block < 0 && !result->blocks))
    return false;
  size_t count = inspect_grid_of(result->fit).count;
  if (count)
    *number = block < 0 ? result->blocks->worst : size_min((size_t)block, count - 1);
  return count > 0;
}

static void select_block(struct explorer *explorer, size_t number)
{
  struct state next = explorer->state;
  next.view.block = (long)number;
  explorer_step(explorer, &next);
  explorer_name(explorer);
}

/* Reads the selected block into explorer->block; the last one stays while numbers are stale. */
static bool load(struct explorer *explorer)
{
  size_t number;
  if (!explorer_stale(explorer)) {
    struct feed feed = tensor_feed(explorer_tensor(explorer));
    explorer->block_known =
        selected_block(explorer, &number) &&
        inspect_read(&feed, explorer->result->fit, number, &explorer->block, NULL) == STATUS_OK;
  }
  if (explorer->block_known && explorer->element >= explorer->block.length)
    explorer->element = explorer->block.length - 1;
  return explorer->block_known;
}

/* Who sees no list is told of the element. */
static void say_element(struct explorer *explorer)
{
  char formula[INSPECT_TEXT], loss[INSPECT_TEXT];
  if (!explorer->spoken || !load(explorer))
    return;
  inspect_formula(&explorer->block, explorer->element, formula, sizeof formula);
  inspect_loss(&explorer->block, explorer->element, loss, sizeof loss);
  explorer_say(explorer, "block %zu of 0 to %zu, element %zu: x = %.6g, %s; %s",
               explorer->block.number, explorer->block.count - 1, explorer->element,
               (double)explorer->block.x[explorer->element], formula, loss);
}

void inspector_move(struct explorer *explorer, int by)
{
  size_t number;
  if (!selected_block(explorer, &number))
    return;
  size_t last = inspect_grid_of(explorer->result->fit).count - 1;
  if (by < 0)
    number -= size_min(number, (size_t) - (long)by);
  else
    number += size_min(last - number, (size_t)by);
  select_block(explorer, number);
  say_element(explorer);
}

void inspector_step(struct explorer *explorer, int direction)
{
  size_t number;
  if (!selected_block(explorer, &number))
    return;
  const struct inspect_grid grid = inspect_grid_of(explorer->result->fit);
  size_t length = inspect_length(&grid, number), at = size_min(explorer->element, length - 1);
  if (direction > 0 && at + 1 == length && number + 1 < grid.count) {
    select_block(explorer, number + 1);
    explorer->element = 0;
  } else if (direction < 0 && at == 0 && number > 0) {
    select_block(explorer, number - 1);
    explorer->element = inspect_length(&grid, number - 1) - 1;
  } else if (direction > 0 ? at + 1 < length : at > 0) {
    explorer->element = direction > 0 ? at + 1 : at - 1;
  }
  say_element(explorer);
}

void inspector_request(struct result_request *request, bool export)
{
  (void)export;
  request->blocks = true;
}

bool inspector_incomplete(const struct result *result)
{
  return !result->blocks;
}

void inspector_follow(struct explorer *explorer, const struct result *next)
{
  const struct state *to = &explorer->requested, *from = &explorer->shown;
  const struct inspect_block *block = &explorer->block;
  const struct inspect_grid grid = inspect_grid_of(next->fit);
  if (!explorer->block_known || to->view.block < 0 ||
      to->view.block != explorer->state.view.block || (size_t)to->view.block != block->number ||
      to->tensor != from->tensor || to->view.channel != from->view.channel || grid.count == 0)
    return;
  size_t index = block->index[size_min(explorer->element, block->length - 1)];
  explorer->state.view.block = (long)inspect_block_of(&grid, index, &explorer->element);
  explorer->requested.view.block = explorer->state.view.block;
}

/* --- where things are --------------------------------------------------------------------- */

/* The parts of the view, from above; the head is what is left. */
struct inspector_parts {
  bool tall;
  struct rect strip, elements, formula;
};

/* The lists that the elements stand in, beside each other. */
struct lists {
  int count, width;
  size_t rows, first; /* of each; the first element that is shown */
};

/* Small floats are written out bit by bit: on narrow screens that takes two lines. */
static int formula_rows(const struct explorer *explorer, struct rect rect)
{
  enum { WIDE = 64 };
  bool wraps = rect.columns < WIDE && !format_is_integer(explorer->block.format);
  return rect.rows < TALL ? 2 : wraps ? 4 : 3;
}

static struct inspector_parts parts_of(const struct explorer *explorer, struct rect rect)
{
  const bool tall = rect.rows >= TALL;
  const int head = tall ? 3 : 1, strip = tall ? 3 + (rect.rows >= 20) : 1,
            formula = formula_rows(explorer, rect);
  return (struct inspector_parts){
      tall,
      {rect.row + head, rect.column, strip, rect.columns},
      {rect.row + head + strip, rect.column, rect.rows - head - strip - formula, rect.columns},
      {rect.row + rect.rows - formula, rect.column, formula, rect.columns}};
}

/* The selected element is always among those that are shown. */
static struct lists lists_of(const struct explorer *explorer, struct rect rect)
{
  const int count = rect.columns / LIST_WIDTH > 1 ? rect.columns / LIST_WIDTH : 1;
  const size_t rows = rect.rows > 1 ? (size_t)rect.rows - 1 : 0, shown = rows * (size_t)count,
               length = explorer->block.length;
  size_t first = shown ? explorer->element / shown * shown : 0;
  first = first + shown > length && length > shown ? length - shown : first;
  return (struct lists){count, rect.columns / count, rows, first};
}

/* Cells of the strip, and columns of each. */
static size_t strip_cells(const struct inspect_errors *blocks, int columns, int *width)
{
  const size_t cells = size_min(size_min(blocks->count, CELLS_MOST), (size_t)columns);
  *width = (int)size_min((size_t)columns / cells, CELL_COLUMNS);
  return cells;
}

/* --- the mouse ---------------------------------------------------------------------------- */

enum status inspector_stand(struct explorer *explorer, const char *text, struct error *error)
{
  const struct result *result = explorer->result;
  unsigned long long block, element = 0;
  char *end;
  block = strtoull(text, &end, 10);
  if (end > text && *end == ',' && end[1] >= '0' && end[1] <= '9')
    element = strtoull(end + 1, &end, 10);
  if (*text < '0' || *text > '9' || *end)
    return error_set(error, STATUS_USAGE, "expected BLOCK or BLOCK,ELEMENT, found '%s'", text);
  if (!result || explorer_stale(explorer) || !result->fit)
    return STATUS_OK;
  const struct inspect_grid grid = inspect_grid_of(result->fit);
  if (block >= grid.count || element >= inspect_length(&grid, (size_t)block))
    return error_set(error, STATUS_USAGE, "there is no element %s of %zu blocks", text, grid.count);
  select_block(explorer, (size_t)block);
  explorer->element = (size_t)element;
  say_element(explorer);
  return STATUS_OK;
}

/* The worst block of the cell of the strip in COLUMN; false when there is none. */
static bool block_at(const struct explorer *explorer, struct rect strip, int column, size_t *block)
{
  const struct inspect_errors *blocks = explorer->result->blocks;
  int width;
  if (!blocks || blocks->count != explorer->block.count || column < strip.column + 1)
    return false;
  const size_t cells = strip_cells(blocks, strip.columns - 2, &width);
  const size_t cell = (size_t)((column - strip.column - 1) / width);
  bool found = false;
  for (size_t i = 0; cell < cells && i < blocks->count; i++)
    if (inspect_strip_cell(blocks, cells, i) == cell &&
        (!found || blocks->error2[i] > blocks->error2[*block])) {
      *block = i;
      found = true;
    }
  return found;
}

static bool element_at(const struct explorer *explorer, struct rect rect, int row, int column,
                       size_t *element)
{
  const struct lists lists = lists_of(explorer, rect);
  const int list = (column - rect.column) / lists.width, line = row - rect.row - 1;
  if (column < rect.column || list >= lists.count || line < 0 || (size_t)line >= lists.rows)
    return false;
  *element = lists.first + (size_t)list * lists.rows + (size_t)line;
  return *element < explorer->block.length;
}

bool inspector_click(struct explorer *explorer, int row, int column)
{
  const struct inspector_parts parts = parts_of(explorer, explorer->layout.place[PLACE_PLOT]);
  size_t block = explorer->block.number, element = 0;
  if (!explorer->block_known || explorer_stale(explorer))
    return false;
  const bool on_strip = row >= parts.strip.row && row < parts.strip.row + parts.strip.rows;
  if (on_strip ? !block_at(explorer, parts.strip, column, &block)
               : !element_at(explorer, parts.elements, row, column, &element))
    return false;
  return run_cursor(explorer, on_strip ? "%zu" : "%zu,%zu", block, element);
}

/* --- head --------------------------------------------------------------------------------- */

static const struct style dim = {.ink = PAINT_DIM}, bold = {.attributes = CELL_BOLD};

/* "block 17 of 0..63  rank 3 of 64: 12 % of the error". */
static void paint_name(struct explorer *explorer, struct rect rect, int row)
{
  const struct inspect_block *block = &explorer->block;
  const struct inspect_errors *blocks = explorer->result->blocks;
  int column = cells_printf(&explorer->cells, rect, row, 1, bold, "block %zu", block->number);
  column =
      cells_printf(&explorer->cells, rect, row, column + 1, dim, "of 0..%zu", block->count - 1);
  if (!blocks || blocks->count != block->count)
    return;
  size_t rank = inspect_rank(blocks, block->number);
  struct style style = {.ink = rank == 1 ? PAINT_OUTLIER : PAINT_NONE};
  cells_printf(&explorer->cells, rect, row, column + 2, style,
               rank == 1           ? "the worst"
               : rect.columns < 45 ? "rank %zu"
                                   : "rank %zu by error",
               rank);
}

/* Scale, zero point and the like: with type and bits, with their type, or the numbers alone; then
 * what is stored of the selected element's sub-block. */
static void stored_text(const struct explorer *explorer, int detail, char *text, size_t size)
{
  const struct inspect_block *block = &explorer->block;
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < block->notes; i++, used = strlen(text)) {
    const struct inspect_note *note = &block->note[i];
    char words[INSPECT_TEXT];
    if (detail == 2)
      inspect_note_text(block, i, words, sizeof words);
    else if (detail == 1)
      snprintf(words, sizeof words, "%s %.6g %s", note->name, note->value, note->type);
    else
      snprintf(words, sizeof words, "%s %.4g", note->name, note->value);
    snprintf(text + used, size - used, "%s%s", i ? "  " : "", words);
  }
  if (block->subs < 2)
    return;
  size_t sub = explorer->element / block->sub_length;
  snprintf(text + used, size - used, "  sub-block %zu: %d", sub, block->sub[sub].stored_scale);
  used = strlen(text);
  if (block->has_offset)
    snprintf(text + used, size - used, ", %d", block->sub[sub].stored_offset);
}

static void paint_stored(struct explorer *explorer, struct rect rect, int row)
{
  char text[INSPECT_NOTES * INSPECT_TEXT + 64];
  int detail = 2;
  do
    stored_text(explorer, detail, text, sizeof text);
  while (text_width(&explorer->cells, text) >= rect.columns && detail-- > 0);
  cells_text(&explorer->cells, rect, row, 1, (struct style){.ink = PAINT_VALUE}, text);
}

static void paint_numbers(struct explorer *explorer, struct rect rect, int row)
{
  const struct inspect_block *block = &explorer->block;
  const struct inspect_errors *blocks = explorer->result->blocks;
  char mse[32], sqnr[32];
  int column =
      cells_printf(&explorer->cells, rect, row, 1, (struct style){0}, "MSE %s  SQNR %s",
                   metric_print(metric_find("mse"), block->mse, mse, sizeof mse),
                   metric_print(metric_find("sqnr_db"), block->sqnr_db, sqnr, sizeof sqnr));
  if (blocks && blocks->count == block->count && blocks->total > 0)
    cells_printf(&explorer->cells, rect, row, column + 2, dim, "%.3g %% of all error",
                 100 * block->error2 / blocks->total);
}

/* --- strip -------------------------------------------------------------------------------- */

/* One cell of the strip: WIDTH columns, EIGHTHS high; the worst stands out. */
static void paint_cell(struct explorer *explorer, struct rect rect, int column, int width,
                       int eighths, struct style style)
{
  for (int row = rect.rows - 1; row >= 0; row--, eighths -= 8) {
    int part = eighths < 0 ? 0 : eighths > 8 ? 8 : eighths;
    cells_fill(&explorer->cells, (struct rect){rect.row + row, rect.column + column, 1, width},
               explorer->glyphs->code[GLYPH_BAR_0 + part], style);
  }
}

/* The error of all blocks; MARK: a row for the cursor below, else the cell itself is marked. */
static void paint_strip(struct explorer *explorer, struct rect rect, bool mark)
{
  const struct inspect_errors *blocks = explorer->result->blocks;
  double share[CELLS_MOST];
  rect.column++;
  rect.columns -= 2;
  if (!blocks || blocks->count != explorer->block.count) {
    cells_text(&explorer->cells, rect, 0, 0, dim, "error of all blocks: computing");
    return;
  }
  int width;
  const size_t cells = strip_cells(blocks, rect.columns, &width);
  size_t here = inspect_strip_cell(blocks, cells, explorer->block.number);
  size_t worst = inspect_strip_cell(blocks, cells, blocks->worst);
  struct rect bars = rect;
  bars.rows -= mark;
  inspect_strip(blocks, cells, share);
  for (size_t i = 0; i < cells; i++) {
    struct style style = {.ink = i == worst ? PAINT_OUTLIER : PAINT_ERROR};
    if (i == here && !mark)
      style.attributes = CELL_REVERSE;
    paint_cell(explorer, bars, (int)i * width, width, (int)ceil(share[i] * 8 * bars.rows), style);
  }
  if (!mark)
    return;
  int at = (int)here * width + (width - 1) / 2, row = rect.row + rect.rows - 1;
  cells_fill(&explorer->cells, (struct rect){row, rect.column, 1, (int)cells * width},
             explorer->glyphs->code[GLYPH_HORIZONTAL], (struct style){.ink = PAINT_FRAME});
  cells_put(&explorer->cells, row, rect.column + at, explorer->glyphs->code[GLYPH_UP],
            (struct style){.ink = PAINT_KEY});
}

/* --- elements ----------------------------------------------------------------------------- */

/* Half a step down to half a step up, a point where the error is. */
static void paint_gauge(struct explorer *explorer, struct rect rect, int row, int column, int width,
                        size_t k, struct style style)
{
  const struct inspect_block *block = &explorer->block;
  double steps = inspect_error(block, k) / block->step[k];
  if (block->clipped[k]) {
    style.ink = style.paper ? style.ink : PAINT_CLIP;
    cells_text(&explorer->cells, rect, row, column, style, width < 7 ? "clip" : "clipped");
    return;
  }
  if (!isfinite(steps))
    return;
  struct style ground = {.ink = style.paper ? style.ink : PAINT_FRAME, .paper = style.paper};
  int top = rect.row + row, left = rect.column + column, middle = width / 2;
  for (int i = 0; i < width; i++)
    cells_put(&explorer->cells, top, left + i,
              explorer->glyphs->code[i == middle ? GLYPH_STEM : GLYPH_DOT], ground);
  int at = (int)lround((fmin(fmax(steps, -0.5), 0.5) + 0.5) * (width - 1));
  style.ink = style.paper ? style.ink : PAINT_ERROR;
  cells_put(&explorer->cells, top, left + at, explorer->glyphs->code[GLYPH_POINT], style);
}

static void paint_element(struct explorer *explorer, struct rect rect, int row, size_t k)
{
  const struct inspect_block *block = &explorer->block;
  bool selected = k == explorer->element;
  char code[24];
  int gauge = rect.columns - LIST_FIXED - 1;
  gauge = gauge > GAUGE_MOST ? GAUGE_MOST : gauge - (gauge % 2 == 0);
  const struct rect line = {rect.row + row, rect.column, 1, LIST_FIXED + gauge};
  const struct style style =
      rows_line(&explorer->cells, explorer->glyphs, line, (struct style){0}, selected);
  struct style x = style, y = style;
  if (!selected) {
    x.ink = PAINT_ORIGINAL;
    y.ink = PAINT_RECONSTRUCTION;
  }
  cells_printf(&explorer->cells, rect, row, 1, style, "%3zu", k);
  cells_printf(&explorer->cells, rect, row, 5, x, "%10.4g", (double)block->x[k]);
  cells_printf(&explorer->cells, rect, row, 15, style, "%7s",
               inspect_code(block, k, code, sizeof code));
  cells_printf(&explorer->cells, rect, row, 22, y, "%11.4g", (double)block->y[k]);
  paint_gauge(explorer, rect, row, LIST_FIXED, gauge, k, style);
}

/* The elements in as many columns as fit, the selected one always among them. */
static void paint_elements(struct explorer *explorer, struct rect rect)
{
  const struct lists lists = lists_of(explorer, rect);
  const size_t rows = lists.rows, length = explorer->block.length;
  const int width = lists.width;
  for (int list = 0; list < lists.count && rows > 0; list++) {
    struct rect part = {rect.row, rect.column + list * width, rect.rows, width};
    size_t from = lists.first + (size_t)list * rows;
    if (from >= length)
      break;
    cells_printf(&explorer->cells, part, 0, 1, dim, "%3s %10s %6s %10s %s", "", "x", "code", "y",
                 width - LIST_FIXED < 11   ? " error"
                 : explorer->glyphs->ascii ? " step -.5...5"
                                           : " step -\302\275..\302\275");
    for (size_t i = 0; i < rows && from + i < length; i++)
      paint_element(explorer, part, 1 + (int)i, from + i);
  }
}

/* The selected element, its numbers written out; how it was encoded comes where there is room. */
static void paint_formula(struct explorer *explorer, struct rect rect)
{
  const struct inspect_block *block = &explorer->block;
  char text[INSPECT_TEXT], mark[5];
  struct rect line = {rect.row, rect.column + 1, 1, rect.columns - 1};
  utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
  if (rect.rows > 2) {
    inspect_encoding(block, explorer->element, text, sizeof text);
    cells_wrap(&explorer->cells, line, (struct style){0}, text, mark);
    line.row++;
  }
  line.rows = rect.row + rect.rows - 1 - line.row;
  inspect_formula(block, explorer->element, text, sizeof text);
  cells_wrap(&explorer->cells, line, (struct style){.ink = PAINT_RECONSTRUCTION}, text, mark);
  line.row += text_width(&explorer->cells, text) > line.columns ? line.rows : 1;
  line.rows = 1;
  inspect_loss(block, explorer->element, text, sizeof text);
  cells_wrap(&explorer->cells, line, (struct style){.ink = PAINT_ERROR}, text, mark);
}

/* --- everything --------------------------------------------------------------------------- */

static void paint_nothing(struct explorer *explorer, struct rect rect)
{
  bool empty = explorer->result && explorer->result->fit &&
               inspect_grid_of(explorer->result->fit).count == 0;
  cells_text(&explorer->cells, rect, rect.rows / 2, 2, dim,
             empty ? "The tensor is empty: it has no block." : "computing the error of all blocks");
}

void inspector_paint(struct explorer *explorer, struct rect rect)
{
  if (!load(explorer)) {
    paint_nothing(explorer, rect);
    return;
  }
  const struct inspector_parts parts = parts_of(explorer, rect);
  paint_name(explorer, rect, 0);
  if (parts.tall) {
    paint_stored(explorer, rect, 1);
    paint_numbers(explorer, rect, 2);
  }
  paint_strip(explorer, parts.strip, parts.tall);
  paint_elements(explorer, parts.elements);
  paint_formula(explorer, parts.formula);
}
