#include "tui/screen/help.h"

#include "tui/screen/commands.h"

#include <stdio.h>

enum { KEYS_COLUMNS = 12, TEXT_COLUMN = KEYS_COLUMNS + 2 };

/* Where lines go: painted when they are inside, counted in any case. */
struct page {
  struct cells *cells; /* NULL: count only */
  struct rect rect;
  int top, line;
};

static void write_line(struct page *page, int column, struct style style, const char *text)
{
  if (page->cells)
    cells_text(page->cells, page->rect, page->line - page->top, column, style, text);
}

static void write_command(struct page *page, enum command_id id)
{
  const struct command *command = &explorer_commands[id];
  char keys[32];
  write_line(page, 2, (struct style){.ink = PAINT_KEY}, command_keys(id, keys, sizeof keys));
  write_line(page, TEXT_COLUMN, (struct style){0}, command->what);
  page->line++;
  if (!*command->why)
    return;
  write_line(page, TEXT_COLUMN + 2, (struct style){.ink = PAINT_DIM}, command->why);
  page->line++;
}

/* The groups before END. */
static void write_groups(struct page *page, int end)
{
  for (int group = 0; group < end; group++) {
    page->line += group > 0;
    write_line(page, 1, (struct style){.attributes = CELL_BOLD}, command_group_titles[group]);
    page->line++;
    for (int id = 0; id < COMMAND_COUNT; id++)
      if (explorer_commands[id].group == (enum command_group)group)
        write_command(page, (enum command_id)id);
  }
}

int help_lines(void)
{
  struct page page = {.cells = NULL};
  write_groups(&page, GROUP_COUNT);
  return page.line;
}

int help_line_of(enum command_group group)
{
  struct page page = {.cells = NULL};
  write_groups(&page, (int)group);
  return page.line + (group > 0);
}

void help_paint(struct cells *cells, struct rect rect, int top)
{
  cells_fill(cells, rect, ' ', (struct style){0});
  struct page page = {.cells = cells, .rect = rect, .top = top};
  write_groups(&page, GROUP_COUNT);
}
