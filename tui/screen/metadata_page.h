/* The page of what a source says about itself: keys and values, searched as you type; a long value
 * on a page of its own.
 *
 * Ownership: embedded; borrows the source. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_METADATA_PAGE_H
#define QSCOPE_TUI_SCREEN_METADATA_PAGE_H

#include "data/source.h"
#include "tui/screen/cells.h"
#include "tui/screen/glyphs.h"
#include "tui/screen/prompt.h"

struct metadata_page {
  const struct source *source;
  size_t at, top;
  bool reading;   /* the selected value alone */
  bool searching; /* keys go to the search */
  struct prompt search;
  bool missed; /* nothing has what is searched for */
};

void metadata_move(struct metadata_page *page, long by);
/* The next entry, BY 1 or -1, that has the searched text in key or value. */
void metadata_next(struct metadata_page *page, int by);
/* A key of the search; false when it is none. */
bool metadata_search_key(struct metadata_page *page, uint32_t key);

void metadata_paint(struct metadata_page *page, struct cells *cells, struct rect rect,
                    const struct glyphs *glyphs);

#endif
