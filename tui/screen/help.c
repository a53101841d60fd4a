#include "config.h"

#include "tui/screen/help.h"

#include "analysis/names.h"
#include "tui/screen/explorer.h"
#include "tui/screen/keys.h"
#include "tui/screen/paint.h"
#include "tui/screen/run_line.h"
#include "tui/screen/screen_view.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_COLUMNS = 14, TEXT_COLUMN = KEYS_COLUMNS + 2, LINES = 3 * COMMAND_COUNT };

/* --- which commands ----------------------------------------------------------------------- */

static bool passes(const struct command *command, const char *filter)
{
  return !*filter || name_score(filter, command->name) || strcasestr(command->what, filter) ||
         strcasestr(command->why, filter);
}

/* Those with keys in SCOPE alone (HERE), or the others; of a page only where one is. */
static size_t add_group(int group, const char *filter, int scope, bool here, enum command_id *ids)
{
  size_t count = 0;
  for (int id = 0; id < COMMAND_COUNT; id++) {
    const struct command *command = &explorer_commands[id];
    if ((group < 0 || command->group == (enum command_group)group) &&
        (command->scope == scope) == here && passes(command, filter))
      ids[count++] = (enum command_id)id;
  }
  return count;
}

size_t help_commands(const char *filter, int scope, enum command_id *ids)
{
  size_t count = add_group(-1, filter, scope, true, ids);
  for (int group = 0; group < GROUP_COUNT; group++)
    count += add_group(group, filter, scope, false, ids + count);
  return count;
}

/* --- the lines of the page ---------------------------------------------------------------- */

struct line {
  enum { HEADING, WHAT, WHY } kind;
  enum command_id id;
};

struct page {
  size_t count, lines;
  enum command_id ids[COMMAND_COUNT];
  struct line line[LINES];
};

static int scope_of(const struct explorer *explorer)
{
  switch ((enum mode)explorer->help.over) {
  case MODE_BROWSER:
    return SCOPE_LIST;
  case MODE_CHECKS:
    return SCOPE_CHECKS;
  default:
    return explorer_scope(explorer);
  }
}

/* The commands of a view are headed by it, the others by their group. */
static int heading_of(enum command_id id, int scope)
{
  return explorer_commands[id].scope == scope ? -1 : (int)explorer_commands[id].group;
}

static void make_page(const struct explorer *explorer, struct page *page)
{
  int scope = scope_of(explorer), heading = GROUP_COUNT;
  page->count = help_commands(explorer->help.filter.text, scope, page->ids);
  page->lines = 0;
  for (size_t i = 0; i < page->count; i++) {
    enum command_id id = page->ids[i];
    if (heading_of(id, scope) != heading)
      page->line[page->lines++] = (struct line){HEADING, id};
    heading = heading_of(id, scope);
    page->line[page->lines++] = (struct line){WHAT, id};
    if (*explorer_commands[id].why)
      page->line[page->lines++] = (struct line){WHY, id};
  }
}

static int line_of(const struct page *page, enum command_id id)
{
  int at = 0;
  while (page->line[at].kind != WHAT || page->line[at].id != id)
    at++;
  return at;
}

/* --- keys --------------------------------------------------------------------------------- */

void help_open(struct explorer *explorer)
{
  explorer->help = (struct help){.over = (int)explorer->mode};
  explorer->mode = MODE_HELP;
}

static void close_help(struct explorer *explorer)
{
  explorer->mode = (enum mode)explorer->help.over;
}

static int rows_of(const struct explorer *explorer)
{
  int rows = explorer->cells.rows - explorer->layout.body.row -
             (explorer->layout.form != LAYOUT_LINE && !explorer->no_hints);
  return rows > 2 ? rows - 1 : 1;
}

static void select_by(struct explorer *explorer, long by)
{
  struct page page;
  make_page(explorer, &page);
  long to = explorer->help.selected + by, last = page.count ? (long)page.count - 1 : 0;
  explorer->help.selected = (int)(to < 0 ? 0 : to > last ? last : to);
}

/* As many commands as a page of lines has. */
static void select_page(struct explorer *explorer, int direction)
{
  struct page page;
  make_page(explorer, &page);
  if (page.count == 0)
    return;
  int at = line_of(&page, page.ids[explorer->help.selected]), by = 0;
  int end = at + direction * (rows_of(explorer) - 1);
  for (int i = at; i != end && i >= 0 && i < (int)page.lines; i += direction)
    by += i != at && page.line[i].kind == WHAT;
  select_by(explorer, (long)direction * (by ? by : 1));
}

static void run_selected(struct explorer *explorer)
{
  struct page page;
  make_page(explorer, &page);
  close_help(explorer);
  if (page.count)
    run_command(explorer, page.ids[explorer->help.selected]);
}

static bool moves(struct explorer *explorer, uint32_t key)
{
  bool blank = key == ' ' && explorer->help.filter.length == 0;
  if (key == KEY_CODE_DOWN || key == KEY_CODE_UP)
    select_by(explorer, key == KEY_CODE_DOWN ? 1 : -1);
  else if (key == KEY_CODE_PAGE_DOWN || key == KEY_CODE_PAGE_UP || blank)
    select_page(explorer, key == KEY_CODE_PAGE_UP ? -1 : 1);
  else if (key == KEY_CODE_HOME || key == KEY_CODE_END)
    select_by(explorer, key == KEY_CODE_END ? COMMAND_COUNT : -COMMAND_COUNT);
  else
    return false;
  return true;
}

void help_key(struct explorer *explorer, uint32_t key)
{
  struct help *help = &explorer->help;
  if (key == KEY_CODE_ESCAPE && help->filter.length)
    *help = (struct help){.over = help->over};
  else if (key == KEY_CODE_ESCAPE || key == '?' || key == KEY_CODE_F1)
    close_help(explorer);
  else if (key == KEY_CODE_RETURN)
    run_selected(explorer);
  else if (!moves(explorer, key) && prompt_key(&help->filter, key))
    help->selected = help->top = 0;
}

void help_click(struct explorer *explorer, int row)
{
  struct page page;
  make_page(explorer, &page);
  int at = explorer->help.top + row - explorer->layout.body.row - 1;
  if (row <= explorer->layout.body.row || at < 0 || at >= (int)page.lines ||
      page.line[at].kind == HEADING)
    return;
  for (size_t i = 0; i < page.count; i++)
    if (page.ids[i] == page.line[at].id)
      explorer->help.selected = (int)i;
  run_selected(explorer);
}

/* --- drawing ------------------------------------------------------------------------------ */

static void paint_heading(struct explorer *explorer, struct rect rect, int row, enum command_id id)
{
  int scope = scope_of(explorer);
  char text[96];
  if (explorer_commands[id].scope == scope && scope < SCOPE_PAGES)
    snprintf(text, sizeof text, "Here, in the view %s", view_type_of((enum view_kind)scope)->title);
  else
    snprintf(text, sizeof text, "%s", command_group_titles[explorer_commands[id].group]);
  cells_text(&explorer->cells, rect, row, 1, (struct style){.attributes = CELL_BOLD}, text);
}

static void paint_what(struct explorer *explorer, struct rect rect, int row, enum command_id id,
                       bool selected)
{
  struct style style = {.paper = selected ? PAINT_SELECTED : PAINT_NONE}, key = style;
  const struct command *command = &explorer_commands[id];
  char keys[32];
  key.ink = selected ? PAINT_NONE : PAINT_KEY;
  command_keys(id, keys, sizeof keys);
  cells_fill(&explorer->cells, (struct rect){rect.row + row, rect.column, 1, rect.columns}, ' ',
             style);
  cells_text(&explorer->cells, rect, row, 2, key, *keys ? keys : command->name);
  cells_text(&explorer->cells, rect, row, TEXT_COLUMN, style, command->what);
}

static void paint_why(struct explorer *explorer, struct rect rect, int row, enum command_id id)
{
  cells_text(&explorer->cells, rect, row, TEXT_COLUMN + 2, (struct style){.ink = PAINT_DIM},
             explorer_commands[id].why);
}

static void paint_filter(struct explorer *explorer, struct rect rect, size_t found)
{
  const struct prompt *filter = &explorer->help.filter;
  struct style dim = {.ink = PAINT_DIM};
  int column = cells_text(&explorer->cells, rect, 0, 1, (struct style){.ink = PAINT_KEY}, "? ");
  column = cells_text(&explorer->cells, rect, 0, column, (struct style){.ink = PAINT_VALUE},
                      filter->text);
  explorer->cursor_row = rect.row;
  explorer->cursor_column = column < rect.columns ? column : rect.columns - 1;
  if (filter->length == 0)
    cells_text(&explorer->cells, rect, 0, column + 1, dim, "type to find, Enter does it");
  else
    cells_printf(&explorer->cells, rect, 0, column + 2, dim, "%zu of %d", found,
                 (int)COMMAND_COUNT);
}

/* The selected command with its reason and its heading is in sight. */
static void scroll(struct explorer *explorer, const struct page *page, int rows)
{
  struct help *help = &explorer->help;
  int at = line_of(page, page->ids[help->selected]);
  int first = at > 0 && page->line[at - 1].kind == HEADING ? at - 1 : at;
  int last = at + (at + 1 < (int)page->lines && page->line[at + 1].kind == WHY);
  if (help->top > first)
    help->top = first;
  if (help->top + rows <= last)
    help->top = last - rows + 1;
}

void help_paint(struct explorer *explorer)
{
  static const char *const hints[] = {"Enter", "does it", "Up/Down", "select",
                                      "Esc ?", "close",   NULL};
  struct page page;
  int rows = rows_of(explorer);
  struct rect rect = explorer->layout.body;
  rect.rows = rows + 1;
  make_page(explorer, &page);
  cells_fill(&explorer->cells, rect, ' ', (struct style){0});
  paint_filter(explorer, rect, page.count);
  if (page.count)
    scroll(explorer, &page, rows);
  for (int row = 1; row <= rows && explorer->help.top + row - 1 < (int)page.lines; row++) {
    struct line line = page.line[explorer->help.top + row - 1];
    if (line.kind == HEADING)
      paint_heading(explorer, rect, row, line.id);
    else if (line.kind == WHAT)
      paint_what(explorer, rect, row, line.id, page.ids[explorer->help.selected] == line.id);
    else
      paint_why(explorer, rect, row, line.id);
  }
  paint_fixed_hints(explorer, hints);
}
