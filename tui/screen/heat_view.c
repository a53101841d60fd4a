#include "tui/screen/heat_view.h"

#include "quant/base/size.h"
#include "tui/screen/channels_view.h"
#include "tui/screen/heat_cells.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
  LABELS = 7, /* columns left of the map */
  HEAD = 1,   /* rows above, */
  FOOT = 2,   /* and below: column numbers, the scale of colours */
  RAMP = 24,  /* columns of the scale */
  HALF = 0x2580,
};

static const struct style dim = {.ink = PAINT_DIM};

/* --- size ----------------------------------------------------------------------------------- */

/* Two cells of the map in one of the terminal, each in its colour. */
static int halves(const struct explorer *explorer)
{
  return heat_colored(explorer->glyphs) ? 2 : 1;
}

/* The place of the plot, and of the second one below it. */
static struct rect place(const struct explorer *explorer)
{
  struct rect rect = explorer->layout.place[PLACE_PLOT];
  rect.rows += explorer->layout.place[PLACE_COMPANION].rows;
  return rect;
}

static struct rect map_place(struct rect rect)
{
  return (struct rect){rect.row + HEAD, rect.column + LABELS, rect.rows - HEAD - FOOT,
                       rect.columns - LABELS};
}

/* --- numbers -------------------------------------------------------------------------------- */

void heat_view_forget(struct explorer *explorer)
{
  heat_free(explorer->heating.map);
  explorer->heating = (struct heating){.map = NULL};
}

static bool is_present(const struct explorer *explorer)
{
  const struct heating *heating = &explorer->heating;
  const struct rect map = map_place(place(explorer));
  return heating->map && state_same_numbers(&heating->of, &explorer->state) &&
         view_part_equal(&heating->of.view.part, &explorer->state.view.part) &&
         heating->columns == (size_t)map.columns &&
         heating->rows == (size_t)(map.rows * halves(explorer));
}

bool heat_view_lacks(const struct explorer *explorer)
{
  const struct rect map = map_place(place(explorer));
  return map.rows > 0 && map.columns > 0 && !explorer_stale(explorer) && explorer->result->fit &&
         !is_present(explorer);
}

void heat_view_ask(struct explorer *explorer)
{
  const struct state *state = &explorer->state;
  const struct rect map = map_place(place(explorer));
  struct heating *heating = &explorer->heating;
  size_t index;
  struct source *source = explorer_part(explorer, &index);
  heating->rows = (size_t)(map.rows * halves(explorer));
  heating->columns = (size_t)map.columns;
  heating->of = *state;
  heat_free(heating->map);
  heating->map = NULL;
  const struct heat_request request = {heating->rows, heating->columns, state->view.part};
  engine_request_heat(explorer->engine, source, index, explorer->result->fit, state->knobs.axis,
                      &request);
}

void heat_view_take(struct explorer *explorer, struct engine_answer *answer)
{
  struct heating *heating = &explorer->heating;
  if (answer->status != STATUS_OK) {
    explorer->stopped = true;
    return explorer_warn(explorer, "%s", answer->error.text);
  }
  heating->map = answer->heat;
  heating->ranked = false;
  heating->down = size_min(heating->down, heating->map->down - 1);
  heating->across = size_min(heating->across, heating->map->across - 1);
  explorer_refresh(explorer);
}

struct figure *heat_view_figure(const struct explorer *explorer, const struct engine_answer *answer,
                                const struct state *state, const char *recipe)
{
  if (!answer && !is_present(explorer))
    return figure_of_words(explorer_whole(explorer)->name, "computing the map");
  struct result result = answer ? *answer->result : *explorer->result; /* borrows everything */
  struct view view = state->view;
  view.axis = state->knobs.axis;
  if (!answer)
    result.heat = explorer->heating.map;
  return figure_build(&result, &view, source_spec(explorer->source), explorer_tensor(explorer),
                      recipe);
}

/* --- keys ----------------------------------------------------------------------------------- */

void heat_view_toggle(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.kind = next.view.kind == VIEW_HEAT ? VIEW_CHANNELS : VIEW_HEAT;
  explorer_go(explorer, &next);
}

void heat_view_quantity(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.quantity = (enum heat_quantity)((next.view.quantity + 1) % HEAT_QUANTITIES);
  explorer_go(explorer, &next);
}

void heat_view_worst(struct explorer *explorer)
{
  struct heating *heating = &explorer->heating;
  const struct heat *map = heating->map;
  if (!map || !is_present(explorer))
    return explorer_warn(explorer, "the map is being computed");
  const bool goes_on =
      heating->ranked && heating->worst == heating->down * map->across + heating->across;
  size_t found =
      heat_next_worst(map, explorer->state.view.quantity, goes_on ? heating->worst : HEAT_BEGIN);
  heating->ranked = found != HEAT_BEGIN;
  if (!heating->ranked)
    return explorer_warn(explorer, "that was the last cell with a number; w begins again");
  heating->worst = found;
  heating->down = found / map->across;
  heating->across = found % map->across;
}

static size_t moved(size_t at, int by, size_t length)
{
  long to = (long)at + by;
  return to < 0 ? 0 : size_min((size_t)to, length - 1);
}

void heat_view_move(struct explorer *explorer, int by)
{
  struct heating *heating = &explorer->heating;
  if (heating->map)
    heating->down = moved(heating->down, by, heating->map->down);
}

void heat_view_step(struct explorer *explorer, int direction)
{
  struct heating *heating = &explorer->heating;
  if (heating->map)
    heating->across = moved(heating->across, direction, heating->map->across);
}

/* One element is as far as the map goes: the inspector has its arithmetic. */
static void open_inspector(struct explorer *explorer, const struct view_part *cell)
{
  struct state next = explorer->state;
  const struct inspect_grid grid = inspect_grid_of(explorer->result->fit);
  size_t index = cell->row[0] * explorer->heating.map->columns + cell->column[0];
  next.view.kind = VIEW_INSPECTOR;
  next.view.block = (long)inspect_block_of(&grid, index, &explorer->element);
  explorer_go(explorer, &next);
}

static void go_to_part(struct explorer *explorer, const struct view_part *part)
{
  struct state next = explorer->state;
  next.view.part = *part;
  explorer->heating.down = explorer->heating.across = 0;
  explorer_go(explorer, &next);
}

void heat_view_enter(struct explorer *explorer)
{
  enum { MOST = sizeof explorer->heating.outer / sizeof *explorer->heating.outer };
  struct heating *heating = &explorer->heating;
  if (!is_present(explorer) || explorer_stale(explorer))
    return explorer_warn(explorer, "the map is not there yet");
  struct view_part cell = heat_cell(heating->map, heating->down, heating->across);
  if (cell.row[1] - cell.row[0] == 1 && cell.column[1] - cell.column[0] == 1)
    return open_inspector(explorer, &cell);
  if (heating->depth < MOST)
    heating->outer[heating->depth++] = explorer->state.view.part;
  go_to_part(explorer, &cell);
}

void heat_view_channel(struct explorer *explorer)
{
  const struct heating *heating = &explorer->heating;
  size_t first, count;
  if (!is_present(explorer) || explorer_stale(explorer) || explorer->result->partial)
    return explorer_warn(explorer, "the map is not there yet");
  const struct channels *channels = &explorer->result->channels;
  const struct view_part cell = heat_cell(heating->map, heating->down, heating->across);
  if (channels->count < 2 || explorer->state.view.channel >= 0 ||
      !heat_channels(explorer_tensor(explorer), explorer->state.knobs.axis, &cell, &first, &count))
    return explorer_warn(explorer, "there is no channel to open");
  size_t worst = first;
  for (size_t i = 1; i < count; i++) {
    const size_t other = (first + i) % channels->count;
    if (channels->channel[other].mse > channels->channel[worst].mse)
      worst = other;
  }
  channels_view_open(explorer, worst);
  if (count > 1)
    explorer_say(explorer, "channel %zu loses most of the %zu in that cell; Backspace: all of them",
                 worst, count);
}

void heat_view_out(struct explorer *explorer)
{
  static const struct view_part all = {{0}, {0}};
  struct heating *heating = &explorer->heating;
  if (view_part_equal(&explorer->state.view.part, &all))
    return explorer_warn(explorer, "this is the whole tensor; Space shows the bars");
  go_to_part(explorer, heating->depth > 0 ? &heating->outer[--heating->depth] : &all);
}

/* --- colours -------------------------------------------------------------------------------- */

static bool color_axis(const struct explorer *explorer, struct axis *color)
{
  *color = (struct axis){.label = NULL};
  return heat_range(explorer->heating.map, explorer->state.view.quantity, &color->lo, &color->hi,
                    &color->log);
}

static int level_at(const struct explorer *explorer, const struct axis *color, size_t down,
                    size_t across)
{
  const struct heat *map = explorer->heating.map;
  if (down >= map->down)
    return COLORMAP_NONE;
  return colormap_level(color,
                        map->value[explorer->state.view.quantity][down * map->across + across]);
}

static bool is_special(const struct heat *map, size_t down, size_t across)
{
  return down < map->down && map->special[down * map->across + across] > 0;
}

/* --- the map -------------------------------------------------------------------------------- */

/* The rows and columns of the terminal that one cell of the map takes: a coarse map is blown up. */
struct blow {
  int rows, columns; /* rows in halves */
};

static struct blow blow_up(const struct explorer *explorer, struct rect rect)
{
  const struct heat *map = explorer->heating.map;
  struct blow blow = {rect.rows * halves(explorer) / (int)map->down,
                      rect.columns / (int)map->across};
  blow.rows = blow.rows < 1 ? 1 : blow.rows;
  blow.columns = blow.columns < 1 ? 1 : blow.columns;
  return blow;
}

static void paint_cell(struct explorer *explorer, struct rect rect, const struct axis *color,
                       const struct blow *blow, int row, int column)
{
  const struct heating *heating = &explorer->heating;
  const int parts = halves(explorer);
  size_t across = (size_t)(column / blow->columns);
  size_t upper = (size_t)(row * parts / blow->rows),
         lower = (size_t)((row * parts + parts - 1) / blow->rows);
  if (across >= heating->map->across || upper >= heating->map->down)
    return;
  int top = level_at(explorer, color, upper, across),
      bottom = level_at(explorer, color, lower, across);
  struct style style = {heat_paint(top), heat_paint(bottom), 0};
  uint32_t code = parts == 2 ? HALF : heat_letter(top);
  if (parts == 1)
    style = (struct style){top == COLORMAP_LEVELS ? PAINT_OUTLIER : PAINT_NONE, PAINT_NONE, 0};
  bool here = heating->across == across && (heating->down == upper || heating->down == lower);
  if (is_special(heating->map, upper, across) || is_special(heating->map, lower, across)) {
    code = 'x';
    style.ink = PAINT_WARNING;
  }
  if (here) {
    code = '+';
    style.ink = PAINT_OUTLIER;
    style.attributes = CELL_BOLD | (parts == 1 ? CELL_REVERSE : 0);
  }
  cells_put(&explorer->cells, rect.row + row, rect.column + column, code, style);
}

/* Row numbers on the left, a pointer where the cursor is. */
static void paint_rows(struct explorer *explorer, struct rect rect, const struct blow *blow)
{
  const struct heating *heating = &explorer->heating;
  const int parts = halves(explorer), each = rect.rows > 8 ? 4 : 2;
  size_t said = SIZE_MAX; /* a cell may be taller than the distance of two numbers */
  char text[24];
  for (int row = 0; row < rect.rows; row++) {
    size_t down = (size_t)(row * parts / blow->rows),
           lower = (size_t)((row * parts + parts - 1) / blow->rows);
    if (down >= heating->map->down)
      break;
    if (row % each == 0 && down != said) {
      said = down;
      snprintf(text, sizeof text, "%zu", heat_cell(heating->map, down, 0).row[0]);
      struct rect label = {rect.row + row, rect.column - LABELS, 1, LABELS - 1};
      cells_text_right(&explorer->cells, label, 0, dim, text);
    }
    if (down <= heating->down && heating->down <= lower)
      cells_put(&explorer->cells, rect.row + row, rect.column - 1,
                explorer->glyphs->code[GLYPH_POINTER], (struct style){.ink = PAINT_OUTLIER});
  }
}

/* Column numbers below, and the same. */
static void paint_columns(struct explorer *explorer, struct rect rect, const struct blow *blow)
{
  enum { EACH = 12 };
  const struct heating *heating = &explorer->heating;
  struct rect below = {rect.row + rect.rows, rect.column, 1, rect.columns};
  for (int column = 0; column + 4 < rect.columns; column += EACH) {
    size_t across = (size_t)(column / blow->columns);
    if (across < heating->map->across)
      cells_printf(&explorer->cells, below, 0, column, dim, "%zu",
                   heat_cell(heating->map, 0, across).column[0]);
  }
  cells_put(&explorer->cells, below.row, rect.column + (int)heating->across * blow->columns,
            explorer->glyphs->code[GLYPH_UP], (struct style){.ink = PAINT_OUTLIER});
}

/* The first of WORDS (the last is NULL) that has room from COLUMN of LINE on; else nothing. */
static void paint_fitting(struct explorer *explorer, struct rect line, int column,
                          const char *const *words)
{
  while (*words && column + (int)strlen(*words) > line.columns)
    words++;
  if (*words)
    cells_text(&explorer->cells, line, 0, column, dim, *words);
}

/* "0.0012 [colours] 0.3 log, MSE". */
static void paint_scale(struct explorer *explorer, struct rect line, const struct axis *color)
{
  int ramp = line.columns < 2 * RAMP ? line.columns / 4 : RAMP;
  const char *unit = heat_quantities[explorer->state.view.quantity].unit;
  int column = heat_scale(&explorer->cells, line, 1, explorer->glyphs, color, unit, ramp);
  static const char *const colors[] = {"colour of the 1st to the 99th percentile", "p1 to p99",
                                       NULL},
                           *const letters[] = {"^ above  , below  x NaN", "^ above  , below",
                                               "^ >  , <", NULL};
  paint_fitting(explorer, line, column + 2, halves(explorer) == 2 ? colors : letters);
}

static void paint_head(struct explorer *explorer, struct rect rect)
{
  const struct heat *map = explorer->heating.map;
  const struct heat_quantity_type *type = &heat_quantities[explorer->state.view.quantity];
  int column = cells_text(&explorer->cells, rect, 0, 1, (struct style){.attributes = CELL_BOLD},
                          type->label);
  char every[160], rows[112], cells[64];
  snprintf(cells, sizeof cells, "of %zu x %zu", map->tall, map->wide);
  snprintf(rows, sizeof rows, "%s, down %.40s", cells, map->row_name);
  snprintf(every, sizeof every, "%s, across %.40s", rows, map->column_name);
  const char *const words[] = {every, rows, cells, NULL};
  paint_fitting(explorer, rect, column + 1, words);
}

void heat_view_paint(struct explorer *explorer, struct rect rect)
{
  struct axis color;
  rect.rows += explorer->layout.place[PLACE_COMPANION].rows; /* the map has use for it */
  struct rect map = map_place(rect);
  if (map.rows < 1 || map.columns < 1)
    return;
  if (!is_present(explorer)) {
    cells_text(&explorer->cells, rect, rect.rows / 2, 2, dim,
               explorer->stopped ? "stopped: Space shows the bars" : "computing the map");
    return;
  }
  paint_head(explorer, rect);
  if (!color_axis(explorer, &color)) {
    cells_text(&explorer->cells, rect, rect.rows / 2, 2, dim, "no cell of the map has a number");
    return;
  }
  struct blow blow = blow_up(explorer, map);
  for (int row = 0; row < map.rows; row++)
    for (int column = 0; column < map.columns; column++)
      paint_cell(explorer, map, &color, &blow, row, column);
  paint_rows(explorer, map, &blow);
  paint_columns(explorer, map, &blow);
  paint_scale(explorer, (struct rect){map.row + map.rows + 1, rect.column, 1, rect.columns},
              &color);
}

/* --- the readout ---------------------------------------------------------------------------- */

/* "12..15", "12". */
static void range_text(const size_t range[2], char *text, size_t size)
{
  if (range[1] - range[0] == 1)
    snprintf(text, size, "%zu", range[0]);
  else
    snprintf(text, size, "%zu..%zu", range[0], range[1] - 1);
}

char *heat_view_readout(const struct explorer *explorer, char *text, size_t size)
{
  const struct heating *heating = &explorer->heating;
  char rows[48], columns[48], sqnr[32], special[48] = "";
  *text = '\0';
  if (!is_present(explorer))
    return text;
  const struct heat *map = heating->map;
  size_t at = heating->down * map->across + heating->across;
  struct view_part cell = heat_cell(map, heating->down, heating->across);
  range_text(cell.row, rows, sizeof rows);
  range_text(cell.column, columns, sizeof columns);
  if (map->special[at])
    snprintf(special, sizeof special, ", %llu NaN or Inf", (unsigned long long)map->special[at]);
  snprintf(text, size, "row %s, column %s: MSE %.4g, SQNR %s, max |x| %.4g, scale %.4g%s", rows,
           columns, map->value[HEAT_ERROR][at],
           metric_print(metric_find("sqnr_db"), map->value[HEAT_SQNR][at], sqnr, sizeof sqnr),
           map->value[HEAT_ABSMAX][at], map->value[HEAT_SCALE][at], special);
  return text;
}
