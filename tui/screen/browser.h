/* The tensor browser: a list with a filter that narrows as you type.
 *
 * Ownership: embedded; browser_close frees its list. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_BROWSER_H
#define QSCOPE_TUI_SCREEN_BROWSER_H

#include "data/source.h"
#include "tui/screen/cells.h"
#include "tui/screen/glyphs.h"
#include "tui/screen/prompt.h"

struct browser {
  const struct source *source;
  size_t *match; /* indexes of the tensors that pass the filter */
  size_t matches, selected, top;
  bool filtering; /* keys go to the filter */
  struct prompt filter;
};

enum browser_answer { BROWSER_STAYS, BROWSER_LEAVES, BROWSER_CHOOSES };

/* Lists SOURCE with tensor CURRENT selected; false when memory runs out. */
bool browser_open(struct browser *browser, const struct source *source, size_t current);
void browser_close(struct browser *browser);

/* ROWS: how many the list shows, for paging. */
enum browser_answer browser_key(struct browser *browser, uint32_t key, int rows);
/* The selected tensor; only after BROWSER_CHOOSES. */
size_t browser_choice(const struct browser *browser);

void browser_paint(struct browser *browser, struct cells *cells, struct rect rect,
                   const struct glyphs *glyphs);

/* True when NAME passes FILTER: all its blank-separated words occur in NAME or STORED (any case).
 */
bool browser_passes(const char *filter, const char *name, const char *stored);

/* BYTES as people read it ("96.0 kB"), into TEXT; returns TEXT. */
char *bytes_text(size_t bytes, char *text, size_t size);

#endif
