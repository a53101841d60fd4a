#include "tui/screen/heat_view.h"

#include "quant/base/size.h"
#include "tui/screen/channels_view.h"
#include "tui/screen/heat_cells.h"
#include "tui/screen/run_line.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
  LABELS = 7,     /* columns left of the map */
  HEAD = 1,       /* rows above, */
  FOOT = 2,       /* and below: column numbers, the scale of colours */
  RAMP = 24,      /* columns of the scale */
  TICKS = 32,     /* numbers along an axis */
  MARK_ABOVE = 1, /* in a text: the colour of what is above the scale, */
  MARK_BELOW = 2, /* and below */
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

/* --- numbers -------------------------------------------------------------------------------- */

void heat_view_forget(struct explorer *explorer)
{
  heat_free(explorer->heating.map);
  explorer->heating = (struct heating){.map = NULL};
}

/* True when both have the same elements in each cell, in maps of one size. */
static bool same_cells(const struct view *a, const struct view *b)
{
  return view_part_equal(&a->part, &b->part) && a->worst_first == b->worst_first &&
         (!a->worst_first || a->quantity == b->quantity);
}

static bool is_present(const struct explorer *explorer)
{
  const struct heating *heating = &explorer->heating;
  const struct rect map = map_place(place(explorer));
  return heating->map && state_same_numbers(&heating->of, &explorer->state) &&
         same_cells(&heating->of.view, &explorer->state.view) &&
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
  const struct heat_request request =
      heat_request_of(&state->view, heating->rows, heating->columns);
  engine_request_heat(explorer->engine, source, index, explorer->result->fit, state->knobs.axis,
                      &request);
}

/* Of the cells that RANGE is cut into, EACH long, the one that has PLACE, or is nearest to it. */
static size_t cell_of(const size_t range[2], size_t each, size_t place)
{
  const size_t inside = size_min(size_max(place, range[0]), range[1] - 1);
  return (inside - range[0]) / each;
}

/* Puts the cursor on another cell: its first element, as far as it was not in that row or column.
 */
static void stand_on(struct explorer *explorer, size_t down, size_t across)
{
  struct heating *heating = &explorer->heating;
  const struct view_part cell = heat_cell(heating->map, down, across);
  if (heating->down != down)
    heating->row = heat_row(heating->map, cell.row[0]);
  if (heating->across != across)
    heating->column = heat_column(heating->map, cell.column[0]);
  heating->down = down;
  heating->across = across;
}

void heat_view_find(struct explorer *explorer)
{
  struct heating *heating = &explorer->heating;
  const struct heat *map = heating->map;
  if (!map)
    return;
  const size_t row = size_min(heating->row, map->rows - 1),
               column = size_min(heating->column, map->columns - 1);
  heating->down = cell_of(map->part.row, map->tall, heat_place_of_row(map, row));
  heating->across = cell_of(map->part.column, map->wide, heat_place_of_column(map, column));
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
  heat_view_find(explorer);
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

/* The head of the map says it to those who see it. */
static void tell_order(struct explorer *explorer)
{
  const struct view *view = &explorer->state.view;
  if (explorer->spoken)
    explorer_say(explorer, "%s, the channels %s", heat_quantities[view->quantity].label,
                 view->worst_first ? "with the worst first" : "as the tensor has them");
}

void heat_view_quantity(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.quantity = (enum heat_quantity)((next.view.quantity + 1) % HEAT_QUANTITIES);
  explorer_go(explorer, &next);
  tell_order(explorer);
}

/* What a part is of depends on the order: of the lines that are ranked, all are shown again. */
void heat_view_sort(struct explorer *explorer)
{
  static const struct view_part all = {{0}, {0}};
  struct state next = explorer->state;
  struct view_part *part = &next.view.part;
  const struct heat *map = explorer->heating.map;
  const bool cut = map && is_present(explorer) && !view_part_equal(part, &all);
  if (!view_part_equal(part, &all) && !cut)
    return explorer_warn(explorer, "the map is being computed");
  if (cut && map->channels_down)
    *part = (struct view_part){{0, map->rows}, {map->part.column[0], map->part.column[1]}};
  else if (cut)
    *part = (struct view_part){{map->part.row[0], map->part.row[1]}, {0, map->columns}};
  if (cut && part->row[1] - part->row[0] == map->rows &&
      part->column[1] - part->column[0] == map->columns)
    *part = all;
  explorer->heating.depth = 0;
  next.view.worst_first = !next.view.worst_first;
  explorer_go(explorer, &next);
  tell_order(explorer);
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
  stand_on(explorer, found / map->across, found % map->across);
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
    stand_on(explorer, moved(heating->down, by, heating->map->down), heating->across);
}

void heat_view_step(struct explorer *explorer, int direction)
{
  struct heating *heating = &explorer->heating;
  if (heating->map)
    stand_on(explorer, heating->down, moved(heating->across, direction, heating->map->across));
}

/* One element is as far as the map goes: the inspector has its arithmetic. */
static void open_inspector(struct explorer *explorer, const struct view_part *cell)
{
  struct state next = explorer->state;
  const struct inspect_grid grid = inspect_grid_of(explorer->result->fit);
  const struct heat *map = explorer->heating.map;
  size_t index = heat_row(map, cell->row[0]) * map->columns + heat_column(map, cell->column[0]);
  next.view.kind = VIEW_INSPECTOR;
  next.view.block = (long)inspect_block_of(&grid, index, &explorer->element);
  explorer_go(explorer, &next);
}

static void go_to_part(struct explorer *explorer, const struct view_part *part)
{
  struct state next = explorer->state;
  next.view.part = *part;
  explorer_go(explorer, &next);
}

void heat_view_enter(struct explorer *explorer)
{
  enum { MOST = sizeof explorer->heating.outer / sizeof *explorer->heating.outer };
  struct heating *heating = &explorer->heating;
  if (!is_present(explorer) || explorer_stale(explorer) || !explorer->result->fit)
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
  if (!is_present(explorer) || explorer_stale(explorer) || explorer->result->partial)
    return explorer_warn(explorer, "the map is not there yet");
  const struct channels *channels = &explorer->result->channels;
  const struct view_part cell = heat_cell(heating->map, heating->down, heating->across);
  if (channels->count < 2 || explorer->state.view.channel >= 0)
    return explorer_warn(explorer, "there is no channel to open");
  const size_t count = heat_channels(heating->map, &cell);
  size_t worst = heat_channel(heating->map, &cell, 0);
  for (size_t i = 1; i < count; i++) {
    const size_t other = heat_channel(heating->map, &cell, i);
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

enum status heat_view_stand(struct explorer *explorer, const char *text, struct error *error)
{
  const struct heat *map = explorer->heating.map;
  unsigned long long row, column;
  int used = 0;
  if (sscanf(text, "%llu,%llu%n", &row, &column, &used) < 2 || text[used] || *text == '-')
    return error_set(error, STATUS_USAGE, "expected ROW,COLUMN, found '%s'", text);
  if (map && (row >= map->rows || column >= map->columns))
    return error_set(error, STATUS_USAGE, "there is no %s of %zu rows and %zu columns", text,
                     map->rows, map->columns);
  explorer->heating.row = (size_t)row;
  explorer->heating.column = (size_t)column;
  heat_view_find(explorer);
  return STATUS_OK;
}

bool heat_view_click(struct explorer *explorer, int row, int column)
{
  const struct rect map = map_place(place(explorer));
  if (!is_present(explorer) || row < map.row || column < map.column)
    return false;
  const struct blow blow = blow_up(explorer, map);
  const struct heat *heat = explorer->heating.map;
  const size_t down = (size_t)((row - map.row) * halves(explorer) / blow.rows),
               across = (size_t)((column - map.column) / blow.columns);
  if (row >= map.row + map.rows || down >= heat->down || across >= heat->across)
    return false;
  const struct view_part cell = heat_cell(heat, down, across);
  return run_cursor(explorer, "%zu,%zu", heat_row(heat, cell.row[0]),
                    heat_column(heat, cell.column[0]));
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

/* An axis of the map: cells of EACH lines, which take BLOW columns or half rows. */
struct numbering {
  const size_t *range;
  size_t each;
  int blow;
};

/* Round numbers of lines, or of ranks; at most MOST. */
static size_t round_numbers(const struct numbering *n, size_t most, double *tick)
{
  const struct axis axis = {
      .lo = (double)n->range[0], .hi = (double)n->range[1] - 1, .integral = true};
  if (n->range[1] - n->range[0] > 1)
    return axis_ticks(&axis, size_min(most, TICKS), tick);
  tick[0] = axis.lo;
  return 1;
}

/* Where the line at PLACE is drawn, in columns or half rows. */
static int drawn_at(const struct numbering *n, double place)
{
  return (int)(((size_t)place - n->range[0]) / n->each) * n->blow;
}

static void row_label(struct explorer *explorer, struct rect rect, int row, const char *mark,
                      size_t number)
{
  char text[24];
  const struct rect label = {rect.row + row, rect.column - LABELS, 1, LABELS - 1};
  snprintf(text, sizeof text, "%s%zu", mark, number);
  cells_text_right(&explorer->cells, label, 0, dim, text);
}

/* Each row that is ranked says which one it is, as far as there are rows for that. */
static void label_ranked_rows(struct explorer *explorer, struct rect rect, int blow)
{
  const struct heat *map = explorer->heating.map;
  const int parts = halves(explorer);
  for (size_t down = 0, said = SIZE_MAX; down < map->down; down++) {
    const size_t row = down * (size_t)blow / (size_t)parts;
    if (row != said && row < (size_t)rect.rows)
      row_label(explorer, rect, (int)row, "", heat_row(map, map->part.row[0] + down));
    said = row;
  }
}

/* Row numbers on the left, a pointer where the cursor is. */
static void paint_rows(struct explorer *explorer, struct rect rect, const struct blow *blow)
{
  const struct heating *heating = &explorer->heating;
  const struct heat *map = heating->map;
  const int parts = halves(explorer);
  const bool ranked = heat_ranks_rows(map);
  const struct numbering numbering = {map->part.row, map->tall, blow->rows};
  double tick[TICKS];
  const size_t ticks = round_numbers(&numbering, (size_t)rect.rows / 3 + 1, tick);
  if (ranked && map->tall == 1)
    label_ranked_rows(explorer, rect, blow->rows);
  else
    for (size_t i = 0; i < ticks; i++)
      row_label(explorer, rect, drawn_at(&numbering, tick[i]) / parts, ranked ? "#" : "",
                (size_t)tick[i]);
  const int from = (int)heating->down * blow->rows;
  for (int at = from; at < from + blow->rows; at++)
    cells_put(&explorer->cells, rect.row + at / parts, rect.column - 1,
              explorer->glyphs->code[GLYPH_POINTER], (struct style){.ink = PAINT_OUTLIER});
}

/* Column numbers below, and the same; a number that the pointer would cut is left out. */
static void paint_columns(struct explorer *explorer, struct rect rect, const struct blow *blow)
{
  const struct heating *heating = &explorer->heating;
  const struct heat *map = heating->map;
  const bool rank = heat_ranks_columns(map) && map->wide > 1;
  const struct numbering numbering = {map->part.column, map->wide, blow->columns};
  const int pointer = (int)heating->across * blow->columns;
  double tick[TICKS];
  char text[24];
  const size_t ticks = round_numbers(&numbering, (size_t)rect.columns / 9 + 1, tick);
  struct rect below = {rect.row + rect.rows, rect.column, 1, rect.columns};
  int free_from = 0;
  for (size_t i = 0; i < ticks; i++) {
    const size_t place = (size_t)tick[i], number = rank ? place : heat_column(map, place);
    const int width = snprintf(text, sizeof text, "%s%zu", rank ? "#" : "", number);
    const int at = drawn_at(&numbering, tick[i]), start = at < width / 2 ? 0 : at - width / 2;
    const bool cut = pointer >= start - 1 && pointer <= start + width;
    if (start < free_from || start + width > rect.columns || cut)
      continue;
    cells_text(&explorer->cells, below, 0, start, dim, text);
    free_from = start + width + 1;
  }
  cells_put(&explorer->cells, below.row, rect.column + pointer, explorer->glyphs->code[GLYPH_UP],
            (struct style){.ink = PAINT_OUTLIER});
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

/* How many cells are beyond the colours: above them, and below. */
static void count_beyond(const struct explorer *explorer, const struct axis *color,
                         size_t beyond[2])
{
  const struct heat *map = explorer->heating.map;
  const double *value = map->value[explorer->state.view.quantity];
  beyond[0] = beyond[1] = 0;
  for (size_t at = 0; at < map->down * map->across; at++) {
    const int level = colormap_level(color, value[at]);
    beyond[0] += level == COLORMAP_LEVELS;
    beyond[1] += level == COLORMAP_BELOW;
  }
}

/* What stands for cells beyond the scale, and how many there are: "^ 163 above p99  , 160 below
 * p1". The longest form that has room. */
static void beyond_text(const size_t beyond[2], int room, char *text, size_t size)
{
  static const struct {
    const char *above, *below;
    bool counted;
  } forms[] = {{" above p99", " below p1", true},
               {" above", " below", true},
               {" above", " below", false},
               {" >", " <", false}};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    char count[2][24] = {"", ""};
    for (int k = 0; k < 2 && forms[i].counted; k++)
      snprintf(count[k], sizeof count[k], " %zu", beyond[k]);
    if (snprintf(text, size, "%c%s%s  %c%s%s", MARK_ABOVE, count[0], forms[i].above, MARK_BELOW,
                 count[1], forms[i].below) <= room)
      return;
  }
  *text = '\0';
}

static void paint_beyond(struct explorer *explorer, struct rect line, int column,
                         const struct axis *color)
{
  const struct heat *map = explorer->heating.map;
  size_t beyond[2], special = 0;
  char text[96] = "";
  count_beyond(explorer, color, beyond);
  if (beyond[0] || beyond[1])
    beyond_text(beyond, line.columns - column, text, sizeof text);
  for (int i = 0; text[i]; i++, column++)
    if (text[i] == MARK_ABOVE || text[i] == MARK_BELOW)
      heat_put(&explorer->cells, line.row, line.column + column, explorer->glyphs,
               text[i] == MARK_ABOVE ? COLORMAP_LEVELS : COLORMAP_BELOW);
    else
      cells_put(&explorer->cells, line.row, line.column + column, (uint32_t)text[i], dim);
  for (size_t at = 0; at < map->down * map->across && !special; at++)
    special = map->special[at];
  if (special)
    paint_fitting(explorer, line, column + 2 * (*text != '\0'),
                  (const char *const[]){"x NaN", NULL});
}

/* "0.0012 [colours] 0.3 log", and what is beyond. */
static void paint_scale(struct explorer *explorer, struct rect line, const struct axis *color)
{
  const int ramp = line.columns < 3 * RAMP ? line.columns / 4 : RAMP;
  const char *unit = heat_quantities[explorer->state.view.quantity].unit;
  const int column = heat_scale(&explorer->cells, line, 1, explorer->glyphs, color, unit, ramp);
  paint_beyond(explorer, line, column + 2, color);
}

static void paint_head(struct explorer *explorer, struct rect rect)
{
  const struct heat *map = explorer->heating.map;
  const struct heat_quantity_type *type = &heat_quantities[explorer->state.view.quantity];
  int column = cells_text(&explorer->cells, rect, 0, 1, (struct style){.attributes = CELL_BOLD},
                          type->label);
  char every[256], rows[160], cells[96], size[64];
  const char *const order = !map->order            ? ""
                            : heat_ranks_rows(map) ? ", worst row first"
                                                   : ", worst column first";
  snprintf(size, sizeof size, "of %zu x %zu", map->tall, map->wide);
  snprintf(cells, sizeof cells, "%s%s", size, order);
  snprintf(rows, sizeof rows, "%s, down %s", cells, map->row_name);
  snprintf(every, sizeof every, "%s, across %s", rows, map->column_name);
  const char *const words[] = {every, rows, cells, map->order ? "(worst first)" : size, NULL};
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

/* "row 588", "row 12..15", "rank 0 row 588", "ranks 0..2 rows 588, 3, 41". */
static void lines_text(const struct heat *heat, bool rows, const size_t range[2], char *text,
                       size_t size)
{
  const char *const name = rows ? "row" : "column";
  char lines[80];
  heat_lines(heat, rows, range, lines, sizeof lines);
  if (!(rows ? heat_ranks_rows(heat) : heat_ranks_columns(heat)))
    snprintf(text, size, "%s %s", name, lines);
  else if (range[1] - range[0] == 1)
    snprintf(text, size, "rank %zu: %s %s", range[0], name, lines);
  else
    snprintf(text, size, "ranks %zu..%zu: %ss %s", range[0], range[1] - 1, name, lines);
}

char *heat_view_readout(const struct explorer *explorer, char *text, size_t size)
{
  const struct heating *heating = &explorer->heating;
  char rows[160], columns[160], sqnr[32], special[48] = "";
  *text = '\0';
  if (!is_present(explorer))
    return text;
  const struct heat *map = heating->map;
  size_t at = heating->down * map->across + heating->across;
  struct view_part cell = heat_cell(map, heating->down, heating->across);
  lines_text(map, true, cell.row, rows, sizeof rows);
  lines_text(map, false, cell.column, columns, sizeof columns);
  if (map->special[at])
    snprintf(special, sizeof special, ", %llu NaN or Inf", (unsigned long long)map->special[at]);
  snprintf(text, size, "%s, %s: MSE %.4g, SQNR %s, max |x| %.4g, scale %.4g%s", rows, columns,
           map->value[HEAT_ERROR][at],
           metric_print(metric_find("sqnr_db"), map->value[HEAT_SQNR][at], sqnr, sizeof sqnr),
           map->value[HEAT_ABSMAX][at], map->value[HEAT_SCALE][at], special);
  return text;
}
