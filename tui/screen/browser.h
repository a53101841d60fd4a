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
#include "tui/screen/metadata_page.h"
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
  struct metadata_page page;
};

/* What can be done in it; the page of metadata does what it has of these. */
enum browser_command {
  BROWSER_ENTER,
  BROWSER_WRITE, /* the filter, or what is searched for */
  BROWSER_SORT,
  BROWSER_REVERSE,
  BROWSER_TREE,
  BROWSER_METADATA,
  BROWSER_NEXT,
  BROWSER_BEFORE,
  BROWSER_CLEAR,
  BROWSER_LEAVE,
  BROWSER_DOWN,
  BROWSER_UP,
  BROWSER_PAGE_DOWN,
  BROWSER_PAGE_UP,
  BROWSER_HOME,
  BROWSER_END,
  BROWSER_INTO,
  BROWSER_OUT,
  BROWSER_FOLD,
  BROWSER_FOLD_ALL,
};

enum browser_answer { BROWSER_STAYS, BROWSER_LEAVES, BROWSER_CHOOSES };

/* Shows SOURCE with tensor CURRENT selected, all levels open where ROWS of the screen are enough;
 * false when memory runs out. */
bool browser_open(struct browser *browser, const struct source *source, struct gather *gather,
                  size_t current, int rows);
void browser_close(struct browser *browser);

/* ROWS: how many the list shows, for paging. */
enum browser_answer browser_do(struct browser *browser, enum browser_command command, int rows);
/* Shows only what WORDS, a filter, let through; on the page of metadata, goes to what has them.
 * STATUS_USAGE as filter_parse. */
enum status browser_show(struct browser *browser, const char *words, struct error *error);
/* The filter that holds; "": none. */
const char *browser_filter(const struct browser *browser);
/* A key while something is being written; false when it is none of that, but a command. */
bool browser_write(struct browser *browser, uint32_t key);
/* The selected tensor; only after BROWSER_CHOOSES. */
size_t browser_choice(const struct browser *browser);

/* Takes what has become known since it was last called, and tells what is in sight. */
void browser_update(struct browser *browser, int rows);

void browser_paint(struct browser *browser, struct cells *cells, struct rect rect,
                   const struct glyphs *glyphs);
/* Keys and words for the hint bar, NULL-terminated; NULL: those of the table of commands. */
const char *const *browser_hints(const struct browser *browser);

/* BYTES as people read it ("96.0 kB"), into TEXT; returns TEXT. */
char *bytes_text(double bytes, char *text, size_t size);

#endif
