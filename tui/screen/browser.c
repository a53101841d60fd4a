#include "config.h"

#include "tui/screen/browser.h"

#include "quant/base/size.h"
#include "tui/screen/keys.h"

#include <stdio.h>
#include <string.h>

bool browser_passes(const char *filter, const char *name, const char *stored)
{
  char words[PROMPT_TEXT], *rest = words;
  snprintf(words, sizeof words, "%s", filter);
  for (char *word; (word = strsep(&rest, " "));)
    if (*word && !strcasestr(name, word) && !strcasestr(stored, word))
      return false;
  return true;
}

/* Lists what passes, and keeps the selection on tensor CURRENT where it can. */
static void narrow(struct browser *browser, size_t current)
{
  browser->matches = browser->selected = browser->top = 0;
  for (size_t i = 0; i < source_count(browser->source); i++) {
    const struct tensor *tensor = source_tensor(browser->source, i);
    if (!browser_passes(browser->filter.text, tensor->name, tensor->stored->name))
      continue;
    if (i == current)
      browser->selected = browser->matches;
    browser->match[browser->matches++] = i;
  }
}

bool browser_open(struct browser *browser, const struct source *source, size_t current)
{
  *browser = (struct browser){.source = source};
  browser->match = mem_array(source_count(source), sizeof *browser->match);
  if (!browser->match)
    return false;
  narrow(browser, current);
  return true;
}

void browser_close(struct browser *browser)
{
  free(browser->match);
  *browser = (struct browser){.source = NULL};
}

size_t browser_choice(const struct browser *browser)
{
  return browser->match[browser->selected];
}

static void move(struct browser *browser, long by)
{
  if (browser->matches == 0)
    return;
  long at = (long)browser->selected + by, last = (long)browser->matches - 1;
  browser->selected = (size_t)(at < 0 ? 0 : at > last ? last : at);
}

static bool move_key(struct browser *browser, uint32_t key, int rows)
{
  const long page = rows > 1 ? rows - 1 : 1, all = (long)browser->matches;
  const struct {
    uint32_t key;
    long by;
  } moves[] = {
      {KEY_CODE_DOWN, 1},        {KEY_CODE_UP, -1},     {KEY_CODE_PAGE_DOWN, page},
      {KEY_CODE_PAGE_UP, -page}, {KEY_CODE_HOME, -all}, {KEY_CODE_END, all},
  };
  for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
    if (moves[i].key == key) {
      move(browser, moves[i].by);
      return true;
    }
  return false;
}

static enum browser_answer filter_key(struct browser *browser, uint32_t key)
{
  size_t current = browser->matches ? browser_choice(browser) : 0;
  if (key == KEY_CODE_ESCAPE || (key == KEY_CODE_BACKSPACE && browser->filter.length == 0)) {
    browser->filtering = false;
    prompt_clear(&browser->filter);
  } else if (!prompt_key(&browser->filter, key)) {
    return BROWSER_STAYS;
  }
  narrow(browser, current);
  return BROWSER_STAYS;
}

enum browser_answer browser_key(struct browser *browser, uint32_t key, int rows)
{
  if (move_key(browser, key, rows))
    return BROWSER_STAYS;
  if (key == KEY_CODE_RETURN)
    return browser->matches ? BROWSER_CHOOSES : BROWSER_STAYS;
  if (browser->filtering)
    return filter_key(browser, key);
  switch (key) {
  case '/':
  case 'f':
    browser->filtering = true;
    return BROWSER_STAYS;
  case 'j':
  case 'k':
    move(browser, key == 'j' ? 1 : -1);
    return BROWSER_STAYS;
  case KEY_CODE_ESCAPE:
  case KEY_CODE_BACKSPACE:
  case 'q':
  case 't':
    return BROWSER_LEAVES;
  default:
    return BROWSER_STAYS;
  }
}

char *bytes_text(size_t bytes, char *text, size_t size)
{
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = (double)bytes;
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
    value /= 1000;
  snprintf(text, size, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text;
}

/* --- drawing ------------------------------------------------------------------------------ */

enum { SHAPE_COLUMNS = 18, STORED_COLUMNS = 10, SIZE_COLUMNS = 9, NAME_LEAST = 14 };

/* What fits beside the name: the size goes first, then the shape, then the stored format. */
struct table {
  int name, shape, stored, size; /* widths; 0: left out */
};

static struct table table_of(int columns)
{
  struct table table = {.stored = STORED_COLUMNS};
  int left = columns - NAME_LEAST - table.stored;
  if (left >= SHAPE_COLUMNS)
    table.shape = SHAPE_COLUMNS;
  if (left >= SHAPE_COLUMNS + SIZE_COLUMNS)
    table.size = SIZE_COLUMNS;
  table.name = columns - table.stored - table.shape - table.size - 3;
  return table;
}

static struct rect column_of(struct rect line, int start, int width)
{
  return (struct rect){line.row, line.column + start, 1, width};
}

static void paint_line(const struct browser *browser, struct cells *cells, struct rect line,
                       size_t index, bool selected, const struct glyphs *glyphs)
{
  const struct tensor *tensor = source_tensor(browser->source, index);
  struct table table = table_of(line.columns);
  char name[512], shown[512], text[160], mark[5];
  struct style style = {.paper = selected ? PAINT_SELECTED : PAINT_NONE};
  struct style dim = {.ink = selected ? PAINT_NONE : PAINT_DIM, .paper = style.paper};
  if (tensor->stored->integral)
    style.ink = dim.ink;
  cells_fill(cells, line, ' ', style);
  if (selected)
    cells_put(cells, line.row, line.column, glyphs->code[GLYPH_POINTER], style);
  text_escape(tensor->name, name, sizeof name);
  text_shorten(cells, name, table.name, utf8_encode(glyphs->code[GLYPH_ELLIPSIS], mark), shown,
               sizeof shown);
  cells_text(cells, line, 0, 2, style, shown);
  int at = table.name + 3;
  cells_text(cells, column_of(line, at, table.stored - 1), 0, 0, dim, tensor->stored->name);
  at += table.stored;
  if (table.shape)
    cells_text(cells, column_of(line, at, table.shape - 1), 0, 0, dim,
               shape_print(&tensor->shape, text, sizeof text));
  at += table.shape;
  if (table.size)
    cells_text_right(cells, column_of(line, at, table.size - 1), 0, dim,
                     bytes_text(tensor->bytes, text, sizeof text));
}

static void paint_heading(const struct browser *browser, struct cells *cells, struct rect rect)
{
  struct style bold = {.attributes = CELL_BOLD}, dim = {.ink = PAINT_DIM};
  int column = cells_text(cells, rect, 0, 2, bold, "Tensors  ");
  if (browser->filtering || browser->filter.length) {
    column = cells_text(cells, rect, 0, column, (struct style){.ink = PAINT_KEY}, "/");
    column = cells_text(cells, rect, 0, column, (struct style){.ink = PAINT_VALUE},
                        browser->filter.text);
    column = cells_text(cells, rect, 0, column, (struct style){.attributes = CELL_REVERSE},
                        browser->filtering ? " " : "");
    column += 2;
  }
  cells_printf(cells, rect, 0, column, dim, "%zu of %zu", browser->matches,
               source_count(browser->source));
}

void browser_paint(struct browser *browser, struct cells *cells, struct rect rect,
                   const struct glyphs *glyphs)
{
  size_t rows = rect.rows > 2 ? (size_t)rect.rows - 2 : 1;
  if (browser->selected < browser->top)
    browser->top = browser->selected;
  if (browser->selected >= browser->top + rows)
    browser->top = browser->selected - rows + 1;
  cells_fill(cells, rect, ' ', (struct style){0});
  paint_heading(browser, cells, rect);
  for (size_t i = 0; i < rows && browser->top + i < browser->matches; i++) {
    size_t at = browser->top + i;
    struct rect line = {rect.row + 1 + (int)i, rect.column, 1, rect.columns};
    paint_line(browser, cells, line, browser->match[at], at == browser->selected, glyphs);
  }
  struct style dim = {.ink = PAINT_DIM};
  if (browser->matches == 0)
    cells_text(cells, rect, 2, 2, dim, "nothing matches; Backspace widens, Esc clears the filter");
  else
    cells_text(cells, rect, rect.rows - 1, 2, dim,
               source_remark(browser->source, browser_choice(browser)));
}
