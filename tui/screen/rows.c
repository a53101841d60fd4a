#include "tui/screen/rows.h"

#include "quant/base/size.h"

struct rows_form rows_fit(const struct rows_column *column, int columns, int width, int least,
                          int most)
{
  struct rows_form form = {.column = column, .name = least};
  int used = least;
  while (form.columns < columns && used + column[form.columns].width + 1 <= width)
    used += column[form.columns++].width + 1;
  int spare = width > used ? width - used : 0;
  form.name += spare < most - least ? spare : most - least;
  return form;
}

size_t rows_first(size_t first, size_t selected, size_t shown, size_t count)
{
  if (shown && selected >= first + shown)
    first = selected - shown + 1;
  first = size_min(first, selected);
  return size_min(first, count > shown ? count - shown : 0);
}

struct style rows_line(struct cells *cells, const struct glyphs *glyphs, struct rect line,
                       struct style style, bool selected)
{
  if (selected)
    style = (struct style){.paper = PAINT_SELECTED, .attributes = style.attributes};
  cells_fill(cells, line, ' ', style);
  if (selected)
    cells_put(cells, line.row, line.column, glyphs->code[GLYPH_POINTER], style);
  return style;
}

void rows_head(struct cells *cells, struct rect rect, int row, const struct rows_form *form,
               struct style style)
{
  int at = form->name;
  for (int i = 0; i < form->columns; i++) {
    cells_printf(cells, rect, row, at, style, " %*s", form->column[i].width,
                 form->column[i].heading);
    at += form->column[i].width + 1;
  }
}

int rows_numbers(struct cells *cells, struct rect line, const struct rows_form *form,
                 const void *whole, const void *row, struct style style)
{
  int at = form->name;
  char text[64];
  for (int i = 0; i < form->columns; i++) {
    form->column[i].print(whole, row, text, sizeof text);
    cells_printf(cells, line, 0, at, style, " %*s", form->column[i].width, text);
    at += form->column[i].width + 1;
  }
  return at;
}
