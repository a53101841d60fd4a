#include "config.h"

#include "tui/screen/browser.h"

#include "analysis/purpose.h"
#include "quant/base/size.h"
#include "tui/screen/keys.h"
#include "tui/screen/rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- opening, and what is selected -------------------------------------------------------- */

static size_t rows_of(const struct browser *browser)
{
  return catalog_rows(browser->catalog);
}

/* After the list has changed: what was selected stays so, or what hides it is. */
static void reselect(struct browser *browser)
{
  browser->selected = catalog_find(browser->catalog, browser->current);
}

static void select_row(struct browser *browser, size_t row)
{
  browser->selected = row;
  if (row < rows_of(browser))
    browser->current = catalog_row(browser->catalog, row).node;
}

/* Opens the groups above the selected tensor. */
static void reveal(struct browser *browser)
{
  for (uint32_t at = catalog_parent(browser->catalog, browser->current); at;
       at = catalog_parent(browser->catalog, at))
    catalog_open(browser->catalog, at, true);
  reselect(browser);
}

/* Where every tensor has room there is no need to open anything. */
static void open_all_that_fits(struct browser *browser, size_t room)
{
  if (source_count(browser->source) > room)
    return;
  catalog_open_all(browser->catalog, true);
  if (rows_of(browser) > room)
    catalog_open_all(browser->catalog, false);
}

bool browser_open(struct browser *browser, const struct source *source, struct gather *gather,
                  size_t current, int rows)
{
  enum { HEAD = 3 }; /* rows of title, columns and totals */
  *browser = (struct browser){.source = source, .gather = gather, .page = {.source = source}};
  browser->catalog = catalog_new(source, gather ? gather_stats(gather) : NULL);
  if (!browser->catalog)
    return false;
  browser->current = catalog_node(browser->catalog, current);
  browser->tree = catalog_has_groups(browser->catalog);
  catalog_set_tree(browser->catalog, browser->tree);
  open_all_that_fits(browser, rows > HEAD ? (size_t)(rows - HEAD) : 0);
  reveal(browser);
  return true;
}

void browser_close(struct browser *browser)
{
  catalog_free(browser->catalog);
  *browser = (struct browser){.source = NULL};
}

size_t browser_choice(const struct browser *browser)
{
  return catalog_row(browser->catalog, browser->selected).tensor;
}

void browser_update(struct browser *browser, int rows)
{
  size_t tensors[GATHER_FIRST], count = 0, known;
  if (!browser->gather || browser->metadata)
    return;
  known = gather_done(browser->gather);
  if (known != browser->known) {
    browser->known = known;
    catalog_refresh(browser->catalog);
    reselect(browser);
  }
  for (size_t i = 0; i < (size_t)rows && browser->top + i < rows_of(browser); i++) {
    struct catalog_row row = catalog_row(browser->catalog, browser->top + i);
    if (row.tensor != CATALOG_NONE && count < GATHER_FIRST)
      tensors[count++] = row.tensor;
  }
  gather_first(browser->gather, tensors, count);
}

/* --- keys --------------------------------------------------------------------------------- */

static size_t moved(size_t at, size_t count, long by)
{
  long to = (long)at + by, last = count ? (long)count - 1 : 0;
  return (size_t)(to < 0 ? 0 : to > last ? last : to);
}

/* How far COMMAND goes in a list of COUNT entries of which ROWS are shown; 0: not at all. */
static long step_of(enum browser_command command, size_t count, int rows)
{
  const long page = rows > 1 ? rows - 1 : 1, all = (long)count;
  switch (command) {
  case BROWSER_DOWN:
    return 1;
  case BROWSER_UP:
    return -1;
  case BROWSER_PAGE_DOWN:
    return page;
  case BROWSER_PAGE_UP:
    return -page;
  case BROWSER_HOME:
    return -all;
  case BROWSER_END:
    return all;
  default:
    return 0;
  }
}

static bool is_group(const struct browser *browser)
{
  return browser->selected < rows_of(browser) &&
         catalog_row(browser->catalog, browser->selected).tensor == CATALOG_NONE;
}

static void fold(struct browser *browser, bool open)
{
  catalog_open(browser->catalog, browser->current, open);
  reselect(browser);
}

static void go_into(struct browser *browser)
{
  struct catalog_row row = catalog_row(browser->catalog, browser->selected);
  if (row.tensor == CATALOG_NONE && !row.open)
    fold(browser, true);
  else if (row.tensor == CATALOG_NONE)
    select_row(browser, moved(browser->selected, rows_of(browser), 1));
}

static void go_out(struct browser *browser)
{
  struct catalog_row row = catalog_row(browser->catalog, browser->selected);
  if (row.tensor == CATALOG_NONE && row.open && !catalog_is_filtered(browser->catalog))
    fold(browser, false);
  else if (browser->tree && row.depth > 0)
    select_row(browser,
               catalog_find(browser->catalog, catalog_parent(browser->catalog, browser->current)));
}

/* A wrong filter leaves the list as it is. */
static void refilter(struct browser *browser)
{
  struct error error;
  browser->wrong[0] = '\0';
  if (catalog_filter(browser->catalog, browser->filter.text, &error) != STATUS_OK) {
    snprintf(browser->wrong, sizeof browser->wrong, "%.255s", error.text);
    return;
  }
  reselect(browser);
  if (browser->filtering && browser->filter.length)
    select_row(browser, catalog_best(browser->catalog));
}

enum status browser_show(struct browser *browser, const char *words, struct error *error)
{
  if (browser->metadata) {
    prompt_set(&browser->page.search, words);
    metadata_next(&browser->page, 1);
    return browser->page.missed ? error_set(error, STATUS_USAGE, "nothing has '%s'", words)
                                : STATUS_OK;
  }
  prompt_set(&browser->filter, words);
  refilter(browser);
  return *browser->wrong ? error_set(error, STATUS_USAGE, "%s", browser->wrong) : STATUS_OK;
}

const char *browser_filter(const struct browser *browser)
{
  return *browser->wrong ? "" : browser->filter.text;
}

bool browser_write(struct browser *browser, uint32_t key)
{
  if (browser->metadata)
    return browser->page.searching && metadata_search_key(&browser->page, key);
  if (!browser->filtering)
    return false;
  if (key == KEY_CODE_ESCAPE || (key == KEY_CODE_BACKSPACE && browser->filter.length == 0)) {
    browser->filtering = false;
    prompt_clear(&browser->filter);
  } else if (!prompt_key(&browser->filter, key)) {
    return false;
  }
  refilter(browser);
  return true;
}

static void sort(struct browser *browser)
{
  catalog_sort(browser->catalog, browser->key, browser->reverse);
  reselect(browser);
}

static void set_tree(struct browser *browser, bool tree)
{
  browser->tree = tree;
  catalog_set_tree(browser->catalog, tree);
  if (tree)
    reveal(browser);
  reselect(browser);
}

static void fold_all(struct browser *browser)
{
  bool closed = false;
  for (size_t i = 0; i < rows_of(browser) && !closed; i++) {
    struct catalog_row row = catalog_row(browser->catalog, i);
    closed = row.tensor == CATALOG_NONE && !row.open;
  }
  catalog_open_all(browser->catalog, closed);
  reselect(browser);
}

static void clear_filter(struct browser *browser)
{
  prompt_clear(&browser->filter);
  refilter(browser);
}

static enum browser_answer do_on_page(struct browser *browser, enum browser_command command,
                                      int rows)
{
  struct metadata_page *page = &browser->page;
  long by = step_of(command, source_metadata_count(browser->source), rows);
  metadata_move(page, by);
  if (command == BROWSER_WRITE) {
    page->searching = true;
    prompt_clear(&page->search);
  } else if (command == BROWSER_NEXT || command == BROWSER_BEFORE) {
    metadata_next(page, command == BROWSER_NEXT ? 1 : -1);
  } else if (command == BROWSER_ENTER) {
    page->reading = !page->reading;
  } else if (command == BROWSER_CLEAR && page->reading) {
    page->reading = false;
  } else if (command == BROWSER_CLEAR || command == BROWSER_METADATA) {
    browser->metadata = false;
  }
  return command == BROWSER_LEAVE ? BROWSER_LEAVES : BROWSER_STAYS;
}

static enum browser_answer enter(struct browser *browser)
{
  if (browser->selected >= rows_of(browser))
    return BROWSER_STAYS;
  if (!is_group(browser))
    return BROWSER_CHOOSES;
  if (!catalog_is_filtered(browser->catalog))
    fold(browser, !catalog_row(browser->catalog, browser->selected).open);
  return BROWSER_STAYS;
}

static void show_metadata(struct browser *browser)
{
  browser->metadata = true;
  browser->page.reading = browser->page.searching = false;
}

/* The next column to sort by: behind the name what tells which tensors need care. */
static enum catalog_key next_key(enum catalog_key key)
{
  static const enum catalog_key order[KEY_COUNT] = {
      KEY_NAME, KEY_OUTLIER, KEY_SQNR, KEY_CLIP,  KEY_KURTOSIS, KEY_ABSMAX, KEY_STD,
      KEY_FILE, KEY_DTYPE,   KEY_ROLE, KEY_SHAPE, KEY_SIZE,     KEY_BYTES};
  size_t at = 0;
  while (order[at] != key)
    at++;
  return order[(at + 1) % KEY_COUNT];
}

/* What changes the list. */
static void arrange(struct browser *browser, enum browser_command command)
{
  if (command == BROWSER_TREE)
    return set_tree(browser, !browser->tree);
  if (command == BROWSER_SORT)
    browser->key = next_key(browser->key);
  browser->reverse = command == BROWSER_REVERSE && !browser->reverse;
  sort(browser);
}

enum browser_answer browser_do(struct browser *browser, enum browser_command command, int rows)
{
  if (browser->metadata)
    return do_on_page(browser, command, rows);
  bool some = browser->selected < rows_of(browser);
  switch (command) {
  case BROWSER_ENTER:
    return enter(browser);
  case BROWSER_WRITE:
    browser->filtering = true;
    break;
  case BROWSER_SORT:
  case BROWSER_REVERSE:
  case BROWSER_TREE:
    arrange(browser, command);
    break;
  case BROWSER_METADATA:
    show_metadata(browser);
    break;
  case BROWSER_CLEAR:
    if (browser->filter.length == 0)
      return BROWSER_LEAVES;
    clear_filter(browser);
    break;
  case BROWSER_LEAVE:
    return BROWSER_LEAVES;
  case BROWSER_INTO:
    if (some)
      go_into(browser);
    break;
  case BROWSER_OUT:
    if (some)
      go_out(browser);
    break;
  case BROWSER_FOLD:
    if (is_group(browser))
      fold(browser, !catalog_row(browser->catalog, browser->selected).open);
    break;
  case BROWSER_FOLD_ALL:
    fold_all(browser);
    break;
  case BROWSER_NEXT:
  case BROWSER_BEFORE:
    break; /* of the page alone */
  default:
    select_row(browser, moved(browser->selected, rows_of(browser),
                              step_of(command, rows_of(browser), rows)));
  }
  return BROWSER_STAYS;
}

const char *const *browser_hints(const struct browser *browser)
{
  static const char *const filter[] = {
      "Enter", "open", "Esc", "all", "", "dtype:bf16 size>1M kurtosis>10 !role:bias", NULL};
  static const char *const search[] = {"Enter", "done", "Esc", "none", NULL};
  static const char *const metadata[] = {"Enter", "read it", "/",       "search", "n N",
                                         "next",  "m",       "tensors", NULL};
  static const char *const reading[] = {"Up/Down", "next", "Enter", "all", NULL};
  const struct metadata_page *page = &browser->page;
  if (browser->metadata)
    return page->searching ? search : page->reading ? reading : metadata;
  return browser->filtering ? filter : NULL;
}

/* The same without the unit: "293 k". */
static char *count_text(double value, char *text, size_t size)
{
  bytes_text(value, text, size);
  text[strcspn(text, value < 999.5 ? " " : "B")] = '\0';
  return text;
}

char *bytes_text(double value, char *text, size_t size)
{
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
    value /= 1000;
  snprintf(text, size, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text;
}

/* --- columns ------------------------------------------------------------------------------ */

enum column {
  ROLE,
  DTYPE,
  SHAPE,
  SIZE,
  BYTES,
  ABSMAX,
  STD,
  KURTOSIS,
  OUTLIER,
  SQNR,
  CLIP,
  COLUMNS
};

/* Beside the name, in this order from left to right; RANK says which come first where there is
 * not room for all. The column that is sorted by is always there. */
static const struct column_row {
  const char *title;
  int width, rank;
  enum catalog_key key;
} columns[COLUMNS] = {
    [ROLE] = {"for", 6, 5, KEY_ROLE},
    [DTYPE] = {"stored", 9, 0, KEY_DTYPE},
    [SHAPE] = {"shape", 15, 2, KEY_SHAPE},
    [SIZE] = {"elements", 10, 9, KEY_SIZE},
    [BYTES] = {"bytes", 9, 1, KEY_BYTES},
    [ABSMAX] = {"absmax", 9, 7, KEY_ABSMAX},
    [STD] = {"std", 9, 8, KEY_STD},
    [KURTOSIS] = {"kurtosis", 9, 6, KEY_KURTOSIS},
    [OUTLIER] = {"outlier", 9, 3, KEY_OUTLIER},
    [SQNR] = {"SQNR", 8, 4, KEY_SQNR},
    [CLIP] = {"clipped", 9, 10, KEY_CLIP},
};

enum { NAME_LEAST = 20, NAME_WISH = 34 };

struct table {
  int name; /* its width */
  bool shown[COLUMNS];
};

static struct table table_of(const struct browser *browser, int width)
{
  struct table table = {.name = width - 3};
  for (int i = 0; i < COLUMNS; i++)
    if (columns[i].key == browser->key) {
      table.shown[i] = true;
      table.name -= columns[i].width;
    }
  for (int rank = 0; rank < COLUMNS; rank++)
    for (int i = 0; i < COLUMNS; i++) {
      int least = rank < 3 ? NAME_LEAST : rank < 5 ? NAME_LEAST + 4 : NAME_WISH;
      if (columns[i].rank != rank || table.shown[i] || table.name - columns[i].width < least)
        continue;
      table.shown[i] = true;
      table.name -= columns[i].width;
    }
  return table;
}

/* VALUE in as many digits as its column has room for, for cut digits would make it another number:
 * "0.04082", "12047", "5.5e-05", "148.4x". */
static void number_text(double value, bool times, char *text, size_t size)
{
  enum { ROOM = 8, DIGITS = 4 };
  int digits = DIGITS;
  if (fabs(value) >= 1e4 && fabs(value) < 1e6)
    value = round(value), digits = 6;
  do
    snprintf(text, size, times ? "%.*gx" : "%.*g", digits, value);
  while (strlen(text) > ROOM && --digits > 0);
}

static void stat_text(const struct browser *browser, const struct catalog_row *row, enum stat stat,
                      char *text, size_t size)
{
  double value;
  switch (catalog_stat(browser->catalog, row, stat, &value)) {
  case STATS_UNKNOWN:
    snprintf(text, size, "...");
    return;
  case STATS_COMPRESSED:
    snprintf(text, size, "packed");
    return;
  case STATS_NONE:
    snprintf(text, size, "-");
    return;
  case STATS_KNOWN:
    break;
  }
  if (isnan(value))
    snprintf(text, size, "-");
  else if (isinf(value))
    snprintf(text, size, "%s", stat == STAT_SQNR && value > 0 ? "exact" : "inf");
  else if (stat == STAT_SQNR)
    snprintf(text, size, "%.1f", value);
  else if (stat == STAT_CLIP)
    snprintf(text, size, "%.3g%%", 100 * value);
  else
    number_text(value, stat == STAT_OUTLIER, text, size);
}

static void column_text(const struct browser *browser, const struct catalog_row *row, int column,
                        char *text, size_t size)
{
  const struct tensor *tensor =
      row->tensor == CATALOG_NONE ? NULL : source_tensor(browser->source, row->tensor);
  text[0] = '\0';
  switch ((enum column)column) {
  case ROLE:
    snprintf(text, size, "%s", tensor ? purpose_table[purpose_of(tensor)].brief : "");
    break;
  case DTYPE:
    snprintf(text, size, "%s", row->stored ? row->stored->name : "mixed");
    break;
  case SHAPE:
    if (tensor)
      shape_print(&tensor->shape, text, size);
    else
      snprintf(text, size, "%zu tensor%s", row->tensors, row->tensors == 1 ? "" : "s");
    break;
  case SIZE:
    count_text(row->elements, text, size);
    break;
  case BYTES:
    bytes_text(row->bytes, text, size);
    break;
  case ABSMAX:
  case STD:
  case KURTOSIS:
  case OUTLIER:
  case SQNR:
  case CLIP:
    stat_text(browser, row, (enum stat)(STAT_ABSMAX + column - (int)ABSMAX), text, size);
    break;
  case COLUMNS:
    break;
  }
}

static bool from_right(int column)
{
  return column >= (int)SIZE;
}

/* --- drawing ------------------------------------------------------------------------------ */

static void paint_columns(const struct browser *browser, struct cells *cells, struct rect line,
                          const struct table *table, const struct catalog_row *row,
                          struct style style)
{
  int at = line.column + table->name + 3;
  for (int i = 0; i < COLUMNS; i++) {
    char text[224];
    if (!table->shown[i])
      continue;
    struct rect place = {line.row, at, 1, columns[i].width - 1};
    if (row)
      column_text(browser, row, i, text, sizeof text);
    else
      snprintf(text, sizeof text, "%s", columns[i].title);
    if (from_right(i) && text_width(cells, text) <= place.columns)
      cells_text_right(cells, place, 0, style, text);
    else
      cells_text(cells, place, 0, 0, style, text);
    at += columns[i].width;
  }
}

static void label_text(const struct catalog_row *row, char *shown, size_t size)
{
  char label[512];
  snprintf(label, sizeof label, "%.*s", (int)size_min(row->label_size, sizeof label - 1),
           row->label);
  text_escape(label, shown, size);
}

static void paint_line(const struct browser *browser, struct cells *cells, struct rect line,
                       size_t at, const struct glyphs *glyphs)
{
  const struct catalog_row row = catalog_row(browser->catalog, at);
  const struct table table = table_of(browser, line.columns);
  bool selected = at == browser->selected, group = row.tensor == CATALOG_NONE;
  struct style style = {.attributes = selected && !group ? CELL_BOLD : 0};
  char name[1024], shown[1024], mark[5];
  int indent = row.depth * 2 < (unsigned)table.name / 2 ? (int)row.depth * 2 : table.name / 2;
  if (group)
    style.ink = PAINT_KEY;
  else if (purpose_of(source_tensor(browser->source, row.tensor)) >= PURPOSE_SCALE)
    style.ink = PAINT_DIM;
  style = rows_line(cells, glyphs, line, style, selected);
  const struct style dim = {.ink = selected ? PAINT_NONE : PAINT_DIM, .paper = style.paper};
  if (group)
    cells_text(cells, line, 0, 2 + indent, style, row.open ? "-" : "+");
  if (browser->tree && catalog_has_groups(browser->catalog))
    indent += 2;
  label_text(&row, name, sizeof name);
  text_shorten(cells, name, table.name - indent, utf8_encode(glyphs->code[GLYPH_ELLIPSIS], mark),
               shown, sizeof shown);
  cells_text(cells, line, 0, 2 + indent, style, shown);
  paint_columns(browser, cells, line, &table, &row, dim);
}

/* The filter, how many pass, how many are not known yet. */
static void paint_heading(const struct browser *browser, struct cells *cells, struct rect rect)
{
  struct style bold = {.attributes = CELL_BOLD}, dim = {.ink = PAINT_DIM};
  size_t count = source_count(browser->source), pending = catalog_pending(browser->catalog);
  int column = 2;
  if (browser->filtering || browser->filter.length) {
    const char *text = browser->filter.text;
    while (*text && text_width(cells, text) > rect.columns - 22)
      utf8_next(&text);
    column = cells_text(cells, rect, 0, column, (struct style){.ink = PAINT_KEY}, "/");
    column = cells_text(cells, rect, 0, column, (struct style){.ink = PAINT_VALUE}, text);
    column = cells_text(cells, rect, 0, column, (struct style){.attributes = CELL_REVERSE},
                        browser->filtering ? " " : "");
    column += 2;
  } else {
    column = cells_text(cells, rect, 0, column, bold, "Tensors  ");
  }
  column = cells_printf(cells, rect, 0, column, dim, "%zu of %zu",
                        catalog_matches(browser->catalog), count);
  if (pending)
    column = cells_printf(cells, rect, 0, column, dim, ", %zu pending", pending);
  if (browser->key != KEY_NAME || browser->reverse)
    column = cells_printf(cells, rect, 0, column + 2, dim, "by %s%s",
                          catalog_keys[browser->key].word, browser->reverse ? ", reverse" : "");
  if (browser->gather && gather_done(browser->gather) < count)
    cells_printf(cells, rect, 0, column + 2, dim, "statistics %zu of %zu",
                 gather_done(browser->gather), count);
}

static char *totals_text(const struct browser *browser, char *text, size_t size)
{
  const struct catalog_row total = catalog_total(browser->catalog);
  char bytes[32], elements[32];
  snprintf(text, size, "%zu tensor%s, %s elements, %s", total.tensors,
           total.tensors == 1 ? "" : "s", count_text(total.elements, elements, sizeof elements),
           bytes_text(total.bytes, bytes, sizeof bytes));
  return text;
}

/* What is wrong with the filter; else what is selected says, and the totals where they have room.
 */
static void paint_foot(const struct browser *browser, struct cells *cells, struct rect rect)
{
  struct style dim = {.ink = PAINT_DIM};
  char text[320], totals[128];
  const char *remark = "";
  int column = 0;
  if (browser->selected < rows_of(browser) && !is_group(browser))
    remark = source_remark(browser->source, browser_choice(browser));
  if (*browser->wrong) {
    cells_text(cells, rect, 0, 2, (struct style){.ink = PAINT_WARNING}, browser->wrong);
    return;
  }
  totals_text(browser, totals, sizeof totals);
  if (*remark)
    column = cells_text(cells, rect, 0, 2, dim, text_escape(remark, text, sizeof text)) + 2;
  if (column == 0)
    cells_text(cells, rect, 0, 2, dim, totals);
  else if (column + text_width(cells, totals) <= rect.columns - 2)
    cells_text(cells, rect, 0, rect.columns - 2 - text_width(cells, totals), dim, totals);
}

static void scroll(size_t selected, size_t rows, size_t *top)
{
  if (selected < *top)
    *top = selected;
  if (selected >= *top + rows)
    *top = selected - rows + 1;
}

static void paint_tensors(struct browser *browser, struct cells *cells, struct rect rect,
                          const struct glyphs *glyphs)
{
  size_t rows = rect.rows > 3 ? (size_t)rect.rows - 3 : 1;
  struct rect line = {rect.row + 1, rect.column, 1, rect.columns};
  struct table table = table_of(browser, rect.columns);
  struct style under = {.ink = PAINT_DIM, .attributes = CELL_UNDERLINE};
  size_t most = rows_of(browser) > rows ? rows_of(browser) - rows : 0;
  scroll(browser->selected, rows, &browser->top);
  if (browser->top > most)
    browser->top = most;
  paint_heading(browser, cells, rect);
  cells_text(cells, line, 0, 2, under, "name");
  paint_columns(browser, cells, line, &table, NULL, under);
  for (size_t i = 0; i < rows && browser->top + i < rows_of(browser); i++) {
    line.row = rect.row + 2 + (int)i;
    paint_line(browser, cells, line, browser->top + i, glyphs);
  }
  if (rows_of(browser) == 0)
    cells_text(cells, rect, 2, 2, (struct style){.ink = PAINT_DIM},
               catalog_pending(browser->catalog)
                   ? "nothing passes yet; statistics are being computed"
                   : "nothing matches; Backspace widens, Esc clears the filter");
  paint_foot(browser, cells, (struct rect){rect.row + rect.rows - 1, rect.column, 1, rect.columns});
}

void browser_paint(struct browser *browser, struct cells *cells, struct rect rect,
                   const struct glyphs *glyphs)
{
  cells_fill(cells, rect, ' ', (struct style){0});
  if (browser->metadata)
    metadata_paint(&browser->page, cells, rect, glyphs);
  else
    paint_tensors(browser, cells, rect, glyphs);
}
