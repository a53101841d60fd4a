#include "tui/screen/grid_watch.h"

#include <stdio.h>

/* A search that a request interrupts begins again. */
static bool search(void *context, struct progress *progress)
{
  struct grid_watch *watch = context;
  struct error error;
  enum status status = source_load(watch->source, watch->tensor, progress, &error);
  if (status == STATUS_OK)
    status = grid_find(source_tensor(watch->source, watch->tensor), progress, &watch->grid, &error);
  if (status == STATUS_OK)
    status = source_verify(watch->source, &error);
  if (status == STATUS_CANCELLED)
    return true;
  if (status != STATUS_OK)
    watch->grid.kind = GRID_NONE;
  atomic_store(&watch->done, true);
  return false;
}

static bool is_present(const struct explorer *explorer)
{
  const struct grid_watch *watch = &explorer->grid;
  return watch->source == explorer->source && watch->tensor == explorer->state.tensor;
}

bool grid_watch_tend(struct explorer *explorer)
{
  struct grid_watch *watch = &explorer->grid;
  if (explorer->mode == MODE_BROWSER || explorer->work != WORK_NONE || explorer->wanted ||
      !explorer->result || (is_present(explorer) && atomic_load(&watch->done)))
    return false;
  if (is_present(explorer) && engine_idles(explorer->engine))
    return true;
  engine_stop_idling(explorer->engine);
  watch->source = explorer->source;
  watch->tensor = explorer->state.tensor;
  atomic_store(&watch->done, false);
  engine_set_idle(explorer->engine, search, watch);
  return true;
}

char *grid_watch_words(const struct explorer *explorer, char *text, size_t size)
{
  const struct grid_watch *watch = &explorer->grid;
  char grid[GRID_TEXT];
  *text = '\0';
  if (is_present(explorer) && atomic_load(&watch->done) && watch->grid.kind != GRID_NONE)
    snprintf(text, size, " It lies on %s.", grid_print(&watch->grid, grid, sizeof grid));
  return text;
}
