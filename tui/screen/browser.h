/* The tensor browser: the catalog of a source as a tree or a list, with a filter that narrows as
 * you type, columns that can be sorted by, statistics as they become known, and the page of what
 * the source says about itself.
 *
 * Ownership: embedded; browser_close frees its catalog. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_BROWSER_H
#define QSCOPE_TUI_SCREEN_BROWSER_H

#include "analysis/catalog.h"
#include "analysis/gather.h"
#include "data/source.h"
#include "tui/screen/cells.h"
#include "tui/screen/glyphs.h"
#include "tui/screen/prompt.h"

struct browser {
  const struct source *source;
  struct gather *gather; /* borrowed; NULL: no statistics */
  struct catalog *catalog;
  uint32_t current; /* the node that is selected */
  size_t selected;  /* its row */
  size_t top;
  size_t known; /* statistics, when the list was made */
  bool tree, reverse;
  enum catalog_key key;
  bool filtering; /* keys go to the filter */
  struct prompt filter;
  char wrong[256]; /* what is wrong with the filter, or "" */
  bool metadata;   /* that page is shown: */
  size_t fact, fact_top;
};

enum browser_answer { BROWSER_STAYS, BROWSER_LEAVES, BROWSER_CHOOSES };

/* Shows SOURCE with tensor CURRENT selected; false when memory runs out. */
bool browser_open(struct browser *browser, const struct source *source, struct gather *gather,
                  size_t current);
void browser_close(struct browser *browser);

/* ROWS: how many the list shows, for paging. */
enum browser_answer browser_key(struct browser *browser, uint32_t key, int rows);
/* The selected tensor; only after BROWSER_CHOOSES. */
size_t browser_choice(const struct browser *browser);

/* Takes what has become known since it was last called, and tells what is in sight. */
void browser_update(struct browser *browser, int rows);

void browser_paint(struct browser *browser, struct cells *cells, struct rect rect,
                   const struct glyphs *glyphs);
/* Keys and words for the hint bar, NULL-terminated. */
const char *const *browser_hints(const struct browser *browser);

/* BYTES as people read it ("96.0 kB"), into TEXT; returns TEXT. */
char *bytes_text(double bytes, char *text, size_t size);

#endif
