#include "config.h"

#include "tui/screen/cells.h"

#include "quant/base/size.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

bool cells_resize(struct cells *cells, int rows, int columns)
{
  cells_free(cells);
  if (rows < 1 || columns < 1)
    return true;
  cells->cell = mem_array((size_t)rows * (size_t)columns, sizeof *cells->cell);
  if (!cells->cell)
    return false;
  cells->rows = rows;
  cells->columns = columns;
  cells_clear(cells);
  return true;
}

void cells_free(struct cells *cells)
{
  free(cells->cell);
  cells->cell = NULL;
  cells->rows = cells->columns = 0;
}

struct rect cells_all(const struct cells *cells)
{
  return (struct rect){0, 0, cells->rows, cells->columns};
}

void cells_clear(struct cells *cells)
{
  cells_fill(cells, cells_all(cells), ' ', (struct style){0});
}

struct cell *cells_at(const struct cells *cells, int row, int column)
{
  if (row < 0 || column < 0 || row >= cells->rows || column >= cells->columns)
    return NULL;
  return &cells->cell[(size_t)row * (size_t)cells->columns + (size_t)column];
}

void cells_put(struct cells *cells, int row, int column, uint32_t code, struct style style)
{
  struct cell *cell = cells_at(cells, row, column);
  if (cell)
    *cell = (struct cell){code, style};
}

void cells_fill(struct cells *cells, struct rect rect, uint32_t code, struct style style)
{
  for (int row = 0; row < rect.rows; row++)
    for (int column = 0; column < rect.columns; column++)
      cells_put(cells, rect.row + row, rect.column + column, code, style);
}

/* --- UTF-8 ------------------------------------------------------------------------- */

char *utf8_encode(uint32_t code, char *text)
{
  unsigned char *out = (unsigned char *)text;
  if (code < 0x80) {
    *out++ = (unsigned char)code;
  } else if (code < 0x800) {
    *out++ = (unsigned char)(0xC0 | code >> 6);
    *out++ = (unsigned char)(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out++ = (unsigned char)(0xE0 | code >> 12);
    *out++ = (unsigned char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (unsigned char)(0x80 | (code & 0x3F));
  } else {
    *out++ = (unsigned char)(0xF0 | code >> 18);
    *out++ = (unsigned char)(0x80 | (code >> 12 & 0x3F));
    *out++ = (unsigned char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (unsigned char)(0x80 | (code & 0x3F));
  }
  *out = 0;
  return text;
}

uint32_t utf8_next(const char **text)
{
  const unsigned char *at = (const unsigned char *)*text;
  if (!*at)
    return 0;
  unsigned char lead = *at++;
  int more = lead < 0x80 ? 0 : lead >= 0xF0 && lead < 0xF5 ? 3 : lead >= 0xE0 ? 2 : 1;
  bool broken = lead >= 0x80 && (lead < 0xC2 || lead >= 0xF5);
  uint32_t code = more ? lead & (0x3Fu >> more) : lead;
  for (; !broken && more > 0; more--) {
    broken = (*at & 0xC0) != 0x80;
    if (!broken)
      code = code << 6 | (*at++ & 0x3F);
  }
  *text = (const char *)at;
  return broken ? 0xFFFD : code;
}

/* --- text -------------------------------------------------------------------------- */

/* What is shown for CODE, and how wide it is: anything odd is a question mark. */
static uint32_t shown(const struct cells *cells, uint32_t code, int *width)
{
  *width = 1;
  if (code >= ' ' && code < 0x7F)
    return code;
  if (cells->ascii || code < 0xA0 || code == 0xFFFD)
    return '?';
  *width = wcwidth((wchar_t)code);
  if (*width == 1 || *width == 2)
    return code;
  *width = 1;
  return '?';
}

/* How ASCII writes the few other characters that figures and verdicts use; NULL for none. */
static const char *ascii_twin(const struct cells *cells, uint32_t code)
{
  static const struct {
    uint32_t code;
    const char *twin;
  } twins[] = {{0xD7, "x"},    {0xB1, "+-"},   {0xBD, "1/2"},  {0xB7, "."},
               {0x2212, "-"},  {0x2013, "-"},  {0x2014, "-"},  {0x2026, "~"},
               {0x2264, "<="}, {0x2265, ">="}, {0x2192, "->"}, {0x3C3, "s"},
               {0x3BC, "u"},   {0xB5, "u"},    {0x394, "D"},   {0x221E, "inf"}};
  for (size_t i = 0; cells->ascii && code >= 0x80 && i < sizeof twins / sizeof *twins; i++)
    if (twins[i].code == code)
      return twins[i].twin;
  return NULL;
}

int cells_text(struct cells *cells, struct rect rect, int row, int column, struct style style,
               const char *text)
{
  uint32_t code;
  int width;
  if (row < 0 || row >= rect.rows)
    return column;
  while ((code = utf8_next(&text))) {
    const char *twin = ascii_twin(cells, code);
    if (twin) {
      column = cells_text(cells, rect, row, column, style, twin);
      continue;
    }
    code = shown(cells, code, &width);
    if (column < 0 || column + width > rect.columns)
      break;
    cells_put(cells, rect.row + row, rect.column + column, code, style);
    if (width == 2)
      cells_put(cells, rect.row + row, rect.column + column + 1, 0, style);
    column += width;
  }
  return column;
}

int cells_printf(struct cells *cells, struct rect rect, int row, int column, struct style style,
                 const char *format, ...)
{
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return cells_text(cells, rect, row, column, style, text);
}

/* Bytes of TEXT that fit into COLUMNS, broken before a word where there is one. */
static size_t line_length(const struct cells *cells, const char *text, int columns)
{
  const char *at = text, *blank = NULL;
  int used = 0, width;
  for (const char *next = text; *at; at = next) {
    uint32_t code = utf8_next(&next);
    shown(cells, code, &width);
    if (code == ' ')
      blank = at;
    if (used + width > columns)
      return (size_t)((code == ' ' || !blank ? at : blank) - text);
    used += width;
  }
  return (size_t)(at - text);
}

void cells_wrap(struct cells *cells, struct rect rect, struct style style, const char *text,
                const char *mark)
{
  char line[512];
  for (int row = 0; row < rect.rows && *text; row++) {
    size_t length = line_length(cells, text, rect.columns);
    bool cut = row + 1 == rect.rows && text[length];
    if (cut)
      length = line_length(cells, text, rect.columns - 1);
    snprintf(line, sizeof line, "%.*s%s", (int)size_min(length, 500), text, cut ? mark : "");
    cells_text(cells, rect, row, 0, style, line);
    text += length;
    text += *text == ' ';
  }
}

int text_width(const struct cells *cells, const char *text)
{
  int total = 0, width;
  for (uint32_t code; (code = utf8_next(&text)); total += width) {
    const char *twin = ascii_twin(cells, code);
    if (twin)
      width = (int)strlen(twin);
    else
      shown(cells, code, &width);
  }
  return total;
}

int cells_text_right(struct cells *cells, struct rect rect, int row, struct style style,
                     const char *text)
{
  int column = rect.columns - text_width(cells, text);
  if (column < 0)
    column = 0;
  cells_text(cells, rect, row, column, style, text);
  return column;
}

/* The part of TEXT behind which at most COLUMNS columns remain. */
static const char *text_tail(const struct cells *cells, const char *text, int columns)
{
  while (*text && text_width(cells, text) > columns)
    utf8_next(&text);
  return text;
}

char *text_cut(const struct cells *cells, const char *text, int columns, int head, const char *mark,
               char *out, size_t size)
{
  if (text_width(cells, text) <= columns) {
    snprintf(out, size, "%s", text);
    return out;
  }
  int used = 0, width;
  head = head < columns - 1 ? head : columns - 1;
  const char *at = text, *before = text;
  for (uint32_t code; used < head && (code = utf8_next(&at)); before = at) {
    shown(cells, code, &width);
    if (used + width > head)
      break;
    used += width;
  }
  const char *tail = text_tail(cells, before, columns > 0 ? columns - used - 1 : 0);
  snprintf(out, size, "%.*s%s%s", (int)(before - text), text, columns > 0 ? mark : "", tail);
  return out;
}

char *text_shorten(const struct cells *cells, const char *text, int columns, const char *mark,
                   char *out, size_t size)
{
  return text_cut(cells, text, columns, (columns - 1) / 2, mark, out, size);
}

char *cells_dump(const struct cells *cells)
{
  size_t room = (size_t)cells->rows * ((size_t)cells->columns * 4 + 1) + 1;
  char *text = mem_array(room, 1), *at = text;
  if (!text)
    return NULL;
  for (int row = 0; row < cells->rows; row++) {
    char *end = at;
    for (int column = 0; column < cells->columns; column++) {
      uint32_t code = cells_at(cells, row, column)->code;
      if (!code)
        continue;
      at += strlen(utf8_encode(code, at));
      if (code != ' ')
        end = at;
    }
    at = end;
    *at++ = '\n';
  }
  *at = 0;
  return text;
}
