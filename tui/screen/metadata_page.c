#include "config.h"

#include "tui/screen/metadata_page.h"

#include "quant/base/size.h"
#include "tui/screen/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct style dim = {.ink = PAINT_DIM}, bold = {.attributes = CELL_BOLD};

void metadata_move(struct metadata_page *page, long by)
{
  size_t count = source_metadata_count(page->source), step = (size_t)(by < 0 ? -by : by);
  size_t last = count ? count - 1 : 0;
  page->at = by < 0 ? page->at - size_min(page->at, step) : size_min(page->at + step, last);
}

static bool has(const struct metadata_page *page, size_t at)
{
  const struct metadatum *fact = source_metadatum(page->source, at);
  return strcasestr(fact->key, page->search.text) || strcasestr(fact->value, page->search.text);
}

/* Goes to the first entry from FROM on, and around, that has the text. */
static void seek(struct metadata_page *page, size_t from, int by)
{
  size_t count = source_metadata_count(page->source);
  page->missed = page->search.length > 0;
  for (size_t i = 0; i < count && page->search.length; i++) {
    size_t at = (from + (by < 0 ? count - i % count : i)) % count;
    if (has(page, at)) {
      page->at = at;
      page->missed = false;
      return;
    }
  }
}

void metadata_next(struct metadata_page *page, int by)
{
  size_t count = source_metadata_count(page->source);
  if (count)
    seek(page, (page->at + (by < 0 ? count - 1 : 1)) % count, by);
}

bool metadata_search_key(struct metadata_page *page, uint32_t key)
{
  if (key == KEY_CODE_RETURN) {
    page->searching = false;
  } else if (key == KEY_CODE_ESCAPE || (key == KEY_CODE_BACKSPACE && page->search.length == 0)) {
    page->searching = page->missed = false;
    prompt_clear(&page->search);
  } else if (prompt_key(&page->search, key)) {
    seek(page, page->at, 1);
  } else {
    return false;
  }
  return true;
}

/* --- drawing ------------------------------------------------------------------------------ */

/* TEXT so that it can be shown, whole; the caller frees. NULL when memory runs out. */
static char *escaped(const char *text)
{
  size_t size;
  if (!size_mul(strlen(text) + 1, 8, &size))
    return NULL;
  char *shown = malloc(size);
  return shown ? text_escape(text, shown, size) : NULL;
}

static void paint_value(struct cells *cells, struct rect rect, struct style style,
                        const char *value, const struct glyphs *glyphs)
{
  char mark[5], *text = escaped(value);
  if (text)
    cells_wrap(cells, rect, style, text, utf8_encode(glyphs->code[GLYPH_ELLIPSIS], mark));
  free(text);
}

static void paint_heading(const struct metadata_page *page, struct cells *cells, struct rect rect)
{
  int column =
      cells_printf(cells, rect, 0, 2, bold, "Metadata  %zu", source_metadata_count(page->source));
  if (!page->searching && page->search.length == 0)
    return;
  column = cells_text(cells, rect, 0, column + 2, (struct style){.ink = PAINT_KEY}, "/");
  column =
      cells_text(cells, rect, 0, column, (struct style){.ink = PAINT_VALUE}, page->search.text);
  column = cells_text(cells, rect, 0, column, (struct style){.attributes = CELL_REVERSE},
                      page->searching ? " " : "");
  if (page->missed)
    cells_text(cells, rect, 0, column + 1, (struct style){.ink = PAINT_WARNING}, "is nowhere");
}

static void paint_line(const struct metadata_page *page, struct cells *cells, struct rect line,
                       size_t at, const struct glyphs *glyphs)
{
  const struct metadatum *fact = source_metadatum(page->source, at);
  struct style style = {.paper = at == page->at ? PAINT_SELECTED : PAINT_NONE};
  char text[1024], shown[1024], mark[5];
  int keys = line.columns / 2;
  utf8_encode(glyphs->code[GLYPH_ELLIPSIS], mark);
  cells_fill(cells, line, ' ', style);
  text_escape(fact->key, text, sizeof text);
  cells_text(cells, line, 0, 2, style,
             text_shorten(cells, text, keys - 3, mark, shown, sizeof shown));
  style.ink = at == page->at ? PAINT_NONE : PAINT_VALUE;
  cells_text(cells, line, 0, keys, style, text_escape(fact->value, text, sizeof text));
}

static void paint_list(struct metadata_page *page, struct cells *cells, struct rect rect,
                       const struct glyphs *glyphs)
{
  size_t count = source_metadata_count(page->source);
  int detail = rect.rows >= 10 ? 3 : 1;
  size_t rows = rect.rows > detail + 1 ? (size_t)(rect.rows - detail - 1) : 1;
  if (page->at < page->top)
    page->top = page->at;
  if (page->at >= page->top + rows)
    page->top = page->at - rows + 1;
  for (size_t i = page->top; i < count && i < page->top + rows; i++)
    paint_line(page, cells,
               (struct rect){rect.row + 1 + (int)(i - page->top), rect.column, 1, rect.columns}, i,
               glyphs);
  struct rect below = {rect.row + rect.rows - detail, rect.column + 2, detail, rect.columns - 2};
  paint_value(cells, below, dim, source_metadatum(page->source, page->at)->value, glyphs);
}

void metadata_paint(struct metadata_page *page, struct cells *cells, struct rect rect,
                    const struct glyphs *glyphs)
{
  char key[1024];
  if (source_metadata_count(page->source) == 0) {
    cells_text(cells, rect, 0, 2, bold, "Metadata  0");
    cells_text(cells, rect, 2, 2, dim, "the source says nothing about itself");
  } else if (page->reading) {
    const struct metadatum *fact = source_metadatum(page->source, page->at);
    cells_text(cells, rect, 0, 2, bold, text_escape(fact->key, key, sizeof key));
    paint_value(cells,
                (struct rect){rect.row + 1, rect.column + 2, rect.rows - 1, rect.columns - 4},
                (struct style){0}, fact->value, glyphs);
  } else {
    paint_heading(page, cells, rect);
    paint_list(page, cells, rect, glyphs);
  }
}
