#include "analysis/heat.h"

#include "analysis/metrics.h"
#include "analysis/reconstruction.h"
#include "quant/base/size.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  STRIP = 32,     /* cells of a job across, where the rows of cells are few */
  FEW_ROWS = 16,  /* that they are */
  FEW_GROUPS = 4, /* in the part: cells are no longer groups */
};

const struct heat_quantity_type heat_quantities[HEAT_QUANTITIES] = {
    [HEAT_ERROR] = {"error", "mean squared error", NULL, false},
    [HEAT_SQNR] = {"sqnr", "SQNR", "dB", true},
    [HEAT_ABSMAX] = {"absmax", "largest |x|", NULL, false},
    [HEAT_SCALE] = {"scale", "largest scale", NULL, false},
};

bool heat_quantity_find(const char *name, enum heat_quantity *out)
{
  for (size_t i = 0; i < HEAT_QUANTITIES; i++)
    if (strcmp(heat_quantities[i].name, name) == 0) {
      *out = (enum heat_quantity)i;
      return true;
    }
  return false;
}

struct heat_request heat_request_of(const struct view *view, size_t down, size_t across)
{
  if (view->kind != VIEW_HEAT)
    return (struct heat_request){.down = 0};
  return (struct heat_request){down, across, view->part, view->worst_first, view->quantity};
}

/* --- how it is cut ---------------------------------------------------------------------------- */

/* "channel (axis 1)", "axis 0", "axes 0 to 2" for the axes FIRST..END-1. */
static void name_axes(unsigned first, unsigned end, unsigned channels, char *text, size_t size)
{
  if (end <= first)
    snprintf(text, size, "row");
  else if (end - first == 1)
    snprintf(text, size, first == channels ? "channel (axis %u)" : "axis %u", first);
  else
    snprintf(text, size, "axes %u to %u", first, end - 1);
}

static enum status lay_matrix(const struct tensor *tensor, int axis, struct heat *heat,
                              struct error *error)
{
  const struct granularity channels = {.kind = GRAIN_CHANNEL, .axis = axis};
  const struct shape *shape = &tensor->shape;
  struct grain grain;
  unsigned at;
  enum status status = grain_make(&channels, shape, &grain, error);
  if (status != STATUS_OK)
    return status;
  if (!shape_axis(shape, axis, &at))
    at = 0; /* a scalar */
  unsigned cut = grain.inner == 1 ? at : at + 1;
  heat->rows = grain.inner == 1 ? grain.outer : grain.outer * grain.channels;
  heat->columns = grain.inner == 1 ? grain.channels : grain.inner;
  name_axes(0, cut, at, heat->row_name, sizeof heat->row_name);
  name_axes(cut, shape->dims, at, heat->column_name, sizeof heat->column_name);
  heat->channels = grain.channels;
  heat->channels_down = grain.inner != 1;
  return STATUS_OK;
}

static bool clip_range(size_t range[2], size_t length)
{
  if (range[1] == 0)
    range[1] = length;
  return range[0] < range[1] && range[1] <= length;
}

/* Length of what shares a scale along the columns; 1 when that is no part of a row of them. */
static size_t group_of(const struct fit *fit, size_t columns)
{
  struct grain grain = fit_block_grain(fit);
  bool along = grain.kind == GRAIN_GROUP && grain.columns > 0 && columns % grain.columns == 0 &&
               grain.columns % grain.group == 0;
  return along ? grain.group : 1;
}

static enum status clip_part(const struct heat_request *request, struct heat *heat,
                             struct error *error)
{
  heat->part = request->part;
  if (heat->rows == 0 || heat->columns == 0)
    return error_set(error, STATUS_USAGE, "the tensor is empty: there is nothing to map");
  if (!clip_range(heat->part.row, heat->rows) || !clip_range(heat->part.column, heat->columns))
    return error_set(error, STATUS_USAGE,
                     "there is no part %zu:%zu,%zu:%zu of %zu rows and %zu columns",
                     request->part.row[0], request->part.row[1], request->part.column[0],
                     request->part.column[1], heat->rows, heat->columns);
  return STATUS_OK;
}

static void cut_cells(const struct fit *fit, const struct heat_request *request, struct heat *heat)
{
  size_t high = heat->part.row[1] - heat->part.row[0];
  size_t broad = heat->part.column[1] - heat->part.column[0];
  size_t group = heat_ranks_columns(heat) ? 1 : group_of(fit, heat->columns);
  heat->tall = size_div_up(high, size_min(size_max(request->down, 1), HEAT_MOST));
  heat->wide = size_div_up(broad, size_min(size_max(request->across, 1), HEAT_MOST));
  if (broad >= FEW_GROUPS * group)
    heat->wide = size_div_up(heat->wide, group) * group;
  heat->down = size_div_up(high, heat->tall);
  heat->across = size_div_up(broad, heat->wide);
}

struct view_part heat_cell(const struct heat *heat, size_t down, size_t across)
{
  struct view_part cell;
  cell.row[0] = heat->part.row[0] + down * heat->tall;
  cell.row[1] = size_min(cell.row[0] + heat->tall, heat->part.row[1]);
  cell.column[0] = heat->part.column[0] + across * heat->wide;
  cell.column[1] = size_min(cell.column[0] + heat->wide, heat->part.column[1]);
  return cell;
}

/* --- lines and ranks -------------------------------------------------------------------------- */

bool heat_ranks_rows(const struct heat *heat)
{
  return heat->order && heat->channels_down;
}

bool heat_ranks_columns(const struct heat *heat)
{
  return heat->order && !heat->channels_down;
}

size_t heat_row(const struct heat *heat, size_t place)
{
  return heat_ranks_rows(heat) ? heat->order[place] : place;
}

size_t heat_column(const struct heat *heat, size_t place)
{
  return heat_ranks_columns(heat) ? heat->order[place] : place;
}

size_t heat_place_of_row(const struct heat *heat, size_t row)
{
  return heat_ranks_rows(heat) ? heat->place[row] : row;
}

size_t heat_place_of_column(const struct heat *heat, size_t column)
{
  return heat_ranks_columns(heat) ? heat->place[column] : column;
}

size_t heat_channels(const struct heat *heat, const struct view_part *cell)
{
  const size_t *range = heat->channels_down ? cell->row : cell->column;
  const size_t lines = range[1] - range[0];
  return heat->order ? lines : size_min(lines, heat->channels);
}

size_t heat_channel(const struct heat *heat, const struct view_part *cell, size_t i)
{
  const size_t at = (heat->channels_down ? cell->row : cell->column)[0] + i;
  return (heat->order ? heat->order[at] : at) % heat->channels;
}

char *heat_lines(const struct heat *heat, bool rows, const size_t range[2], char *text, size_t size)
{
  enum { SOME = 3 };
  const bool ranked = rows ? heat_ranks_rows(heat) : heat_ranks_columns(heat);
  const size_t lines = range[1] - range[0], said = lines > SOME + 1 ? SOME : lines;
  if (!ranked && lines > 1) {
    snprintf(text, size, "%zu..%zu", range[0], range[1] - 1);
    return text;
  }
  int used = snprintf(text, size, "%zu", ranked ? heat->order[range[0]] : range[0]);
  for (size_t i = 1; i < said && (size_t)used < size; i++)
    used += snprintf(text + used, size - (size_t)used, ", %zu", heat->order[range[0] + i]);
  if (said < lines && (size_t)used < size)
    snprintf(text + used, size - (size_t)used, " and %zu more", lines - said);
  return text;
}

/* Ranks of several lines have no name of theirs; of one, it is the line's. */
char *heat_axis_label(const struct heat *heat, bool rows, char *text, size_t size)
{
  const bool ranked = rows ? heat_ranks_rows(heat) : heat_ranks_columns(heat);
  const size_t lines = rows ? heat->tall : heat->wide;
  snprintf(text, size, "%s%s%s", ranked && lines > 1 ? "rank, " : "", ranked ? "worst first: " : "",
           rows ? heat->row_name : heat->column_name);
  return text;
}

/* --- adding up -------------------------------------------------------------------------------- */

struct sums {
  double error2, signal2;
  float absmax, scale;
  uint64_t finite, special;
};

struct mapping {
  struct heat *heat;
  const struct reconstruction *both;
  const struct fit *fit;
  struct sums *cell;
  size_t strips, strip;   /* jobs across, cells of each */
  struct fit_part *parts; /* of each worker */
  atomic_bool failed;     /* without memory for one */
  struct progress *progress;
};

static void add_elements(struct sums *sums, const float *x, const float *y, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(x[i]) || !isfinite(y[i])) {
      sums->special++;
      continue;
    }
    double error = (double)x[i] - (double)y[i];
    sums->error2 += error * error;
    sums->signal2 += (double)x[i] * (double)x[i];
    sums->absmax = fmaxf(sums->absmax, fabsf(x[i]));
    sums->finite++;
  }
}

/* The largest scale that serves elements START..START+N-1. */
static float largest_scale(const struct fit *fit, size_t start, size_t n)
{
  const struct grain *grain = fit_grain(fit);
  float largest = 0;
  if (grain->units == 1)
    return fabsf(fit_scale(fit, 0));
  for (size_t i = 0, unit; i < n; i += grain_run(grain, start + i, n - i, &unit)) {
    grain_run(grain, start + i, n - i, &unit);
    largest = fmaxf(largest, fabsf(fit_scale(fit, unit)));
  }
  return largest;
}

/* The same where columns are ranked: neighbours belong to cells far from each other. */
static void add_scattered(const struct mapping *m, const struct fit *fit, struct sums *sums,
                          size_t start, size_t column, size_t n, const float *x, const float *y)
{
  const struct heat *heat = m->heat;
  for (size_t i = 0; i < n; i++) {
    const size_t place = heat->place[column + i];
    if (place < heat->part.column[0] || place >= heat->part.column[1])
      continue;
    struct sums *cell = &sums[(place - heat->part.column[0]) / heat->wide];
    add_elements(cell, x + i, y + i, 1);
    cell->scale = fmaxf(cell->scale, largest_scale(fit, start + i, 1));
  }
}

/* Elements of one row of the matrix, column COLUMN on, into the cells of the row of cells at SUMS.
 */
static void add_piece(const struct mapping *m, const struct fit *fit, struct sums *sums,
                      size_t start, size_t column, size_t n, const float *x, const float *y)
{
  const struct heat *heat = m->heat;
  if (heat_ranks_columns(heat))
    return add_scattered(m, fit, sums, start, column, n, x, y);
  for (size_t i = 0, taken; i < n; i += taken) {
    size_t along = column + i - heat->part.column[0], at = along / heat->wide;
    taken = size_min((at + 1) * heat->wide - along, n - i);
    add_elements(&sums[at], x + i, y + i, taken);
    sums[at].scale = fmaxf(sums[at].scale, largest_scale(fit, start + i, taken));
  }
}

/* The fit, or a part of it, for N elements from START. */
static const struct fit *fit_for(struct mapping *m, unsigned worker, size_t start, size_t n)
{
  const struct fit *fit = fit_part_at(&m->parts[worker], m->fit, &m->both->z, start, n);
  if (!fit)
    atomic_store(&m->failed, true);
  return fit;
}

/* Columns FIRST..END-1 of row ROW, block by block. */
static void add_row(struct mapping *m, unsigned worker, struct sums *sums, size_t row, size_t first,
                    size_t end)
{
  float room[2][FEED_BLOCK];
  for (size_t column = first, n; column < end; column += n) {
    size_t start = row * m->heat->columns + column;
    n = size_min(FEED_BLOCK, end - column);
    const struct fit *fit = fit_for(m, worker, start, n);
    if (!fit)
      return;
    const float *x = feed_block(&m->both->x, start, n, room[0]);
    const float *y = feed_block(&m->both->y, start, n, room[1]);
    add_piece(m, fit, sums, start, column, n, x, y);
  }
}

/* Whole rows are read together: there may be many short ones. */
static void add_rows(struct mapping *m, unsigned worker, struct sums *sums, size_t row, size_t end)
{
  float room[2][FEED_BLOCK];
  size_t columns = m->heat->columns, last = end * columns;
  for (size_t start = row * columns, n; start < last; start += n) {
    n = size_min(FEED_BLOCK, last - start);
    const struct fit *fit = fit_for(m, worker, start, n);
    if (!fit)
      return;
    const float *x = feed_block(&m->both->x, start, n, room[0]);
    const float *y = feed_block(&m->both->y, start, n, room[1]);
    for (size_t i = 0, taken; i < n; i += taken) {
      size_t column = (start + i) % columns;
      taken = size_min(columns - column, n - i);
      add_piece(m, fit, sums, start + i, column, taken, x + i, y + i);
    }
  }
}

static void map_job(void *context, size_t job, unsigned worker)
{
  struct mapping *m = context;
  const struct heat *heat = m->heat;
  size_t down = job / m->strips, strip = job % m->strips;
  struct sums *sums = m->cell + down * heat->across;
  struct view_part first = heat_cell(heat, down, strip * m->strip);
  struct view_part last = heat_cell(heat, down, size_min((strip + 1) * m->strip, heat->across) - 1);
  const bool scattered = heat_ranks_columns(heat);
  size_t from = scattered ? 0 : first.column[0], to = scattered ? heat->columns : last.column[1];
  if (to - from == heat->columns && !heat_ranks_rows(heat))
    add_rows(m, worker, sums, first.row[0], first.row[1]);
  else
    for (size_t at = first.row[0]; at < first.row[1] && !progress_cancelled(m->progress); at++)
      add_row(m, worker, sums, heat_row(heat, at), from, to);
  progress_advance(m->progress, (first.row[1] - first.row[0]) * (to - from));
}

static void finish_cell(const struct sums *sums, struct heat *heat, size_t at)
{
  double n = sums->finite ? (double)sums->finite : (double)NAN;
  heat->value[HEAT_ERROR][at] = sums->error2 / n;
  heat->value[HEAT_SQNR][at] = sums->finite ? sqnr_db(sums->signal2, sums->error2) : (double)NAN;
  heat->value[HEAT_ABSMAX][at] = sums->finite ? (double)sums->absmax : (double)NAN;
  heat->value[HEAT_SCALE][at] = (double)sums->scale;
  heat->special[at] = sums->special;
}

/* Cells of a job across: what lies scattered over a row is added up by whoever reads the row. */
static size_t strip_of(const struct heat *heat)
{
  enum { STRIPS = 64 };
  if (heat->down >= FEW_ROWS || heat_ranks_columns(heat))
    return heat->across;
  return size_max(STRIP, size_div_up(heat->across, STRIPS));
}

static enum status add_up(const struct reconstruction *both, const struct fit *fit,
                          struct progress *progress, struct heat *heat, struct error *error)
{
  size_t cells = heat->down * heat->across;
  struct mapping m = {.heat = heat,
                      .both = both,
                      .fit = fit,
                      .cell = mem_array(cells, sizeof *m.cell),
                      .parts = fit_parts_new(0),
                      .strip = strip_of(heat),
                      .progress = progress};
  m.strips = size_div_up(heat->across, m.strip);
  enum status status = m.cell && m.parts ? STATUS_OK : STATUS_MEMORY;
  if (status == STATUS_OK)
    status = pool_for(heat->down * m.strips, map_job, &m, progress);
  if (status == STATUS_OK && atomic_load(&m.failed))
    status = STATUS_MEMORY;
  if (status == STATUS_OK && progress_cancelled(progress))
    status = STATUS_CANCELLED;
  for (size_t at = 0; at < cells && status == STATUS_OK; at++)
    finish_cell(&m.cell[at], heat, at);
  fit_parts_free(m.parts);
  free(m.cell);
  return status == STATUS_MEMORY ? error_memory(error, "the heat map") : status;
}

static void clear(struct heat *heat)
{
  for (size_t i = 0; i < HEAT_QUANTITIES; i++)
    free(heat->value[i]);
  free(heat->special);
  free(heat->order);
  free(heat->place);
}

/* Elements that are read for the order, and for the map. */
static size_t expected(const struct heat_request *request, const struct heat *heat)
{
  const bool scattered = request->worst_first && !heat->channels_down;
  const size_t columns = heat->part.column[1] - heat->part.column[0];
  return (heat->part.row[1] - heat->part.row[0]) * (scattered ? heat->columns : columns) +
         (request->worst_first ? heat->rows * heat->columns : 0);
}

static bool allocate(struct heat *heat)
{
  bool made = true;
  for (size_t i = 0; i < HEAT_QUANTITIES; i++) {
    heat->value[i] = mem_array(heat->down * heat->across, sizeof *heat->value[i]);
    made = made && heat->value[i];
  }
  heat->special = mem_array(heat->down * heat->across, sizeof *heat->special);
  return made && heat->special;
}

static double badness(const struct heat *heat, enum heat_quantity quantity, size_t cell)
{
  const double value = heat->value[quantity][cell];
  return quantity == HEAT_SQNR ? -value : value;
}

/* --- the order -------------------------------------------------------------------------------- */

struct ranked {
  double badness; /* NaN: there is none */
  size_t line;
};

/* The worst first, what has no number last; of equals the first first. */
static int by_badness(const void *a, const void *b)
{
  const struct ranked *one = a, *other = b;
  if (isnan(one->badness) != isnan(other->badness))
    return isnan(one->badness) ? 1 : -1;
  if (one->badness > other->badness || one->badness < other->badness)
    return one->badness > other->badness ? -1 : 1;
  return (one->line > other->line) - (one->line < other->line);
}

/* LINES have a cell each, in the order of the tensor. */
static bool take_order(const struct heat *lines, enum heat_quantity quantity, struct heat *heat)
{
  const size_t count = lines->down * lines->across;
  struct ranked *ranked = mem_array(count, sizeof *ranked);
  heat->order = mem_array(count, sizeof *heat->order);
  heat->place = mem_array(count, sizeof *heat->place);
  const bool made = ranked && heat->order && heat->place;
  for (size_t i = 0; made && i < count; i++)
    ranked[i] = (struct ranked){badness(lines, quantity, i), i};
  if (made)
    qsort(ranked, count, sizeof *ranked, by_badness);
  for (size_t i = 0; made && i < count; i++) {
    heat->order[i] = ranked[i].line;
    heat->place[ranked[i].line] = i;
  }
  free(ranked);
  return made;
}

/* Ranks the lines of HEAT, whose matrix is laid: as a map with a cell for each of them. */
static enum status rank_lines(const struct reconstruction *both, const struct fit *fit,
                              enum heat_quantity quantity, struct progress *progress,
                              struct heat *heat, struct error *error)
{
  const bool down = heat->channels_down;
  struct heat lines = {.rows = heat->rows,
                       .columns = heat->columns,
                       .part = {{0, heat->rows}, {0, heat->columns}},
                       .tall = down ? 1 : heat->rows,
                       .wide = down ? heat->columns : 1,
                       .down = down ? heat->rows : 1,
                       .across = down ? 1 : heat->columns};
  enum status status = allocate(&lines) ? STATUS_OK : error_memory(error, "the heat map");
  if (status == STATUS_OK)
    status = add_up(both, fit, progress, &lines, error);
  if (status == STATUS_OK && !take_order(&lines, quantity, heat))
    status = error_memory(error, "the heat map");
  clear(&lines);
  return status;
}

static enum status compute(const struct tensor *tensor, const struct fit *fit, int axis,
                           const struct heat_request *request, struct progress *progress,
                           struct heat *heat, struct error *error)
{
  struct reconstruction both;
  enum status status = lay_matrix(tensor, axis, heat, error);
  if (status == STATUS_OK)
    status = clip_part(request, heat, error);
  if (status != STATUS_OK)
    return status;
  progress_expect(progress, expected(request, heat));
  status = reconstruction_open(tensor, fit, progress, &both, error);
  if (status == STATUS_OK && request->worst_first)
    status = rank_lines(&both, fit, request->quantity, progress, heat, error);
  if (status == STATUS_OK) {
    cut_cells(fit, request, heat);
    status = allocate(heat) ? STATUS_OK : error_memory(error, "the heat map");
  }
  if (status == STATUS_OK)
    status = add_up(&both, fit, progress, heat, error);
  status = reconstruction_check(&both, status, error);
  reconstruction_close(&both);
  return status;
}

enum status heat_compute(const struct tensor *tensor, const struct fit *fit, int axis,
                         const struct heat_request *request, struct progress *progress,
                         struct heat **out, struct error *error)
{
  struct heat *heat = mem_array(1, sizeof *heat);
  if (!heat)
    return error_memory(error, "the heat map");
  enum status status = compute(tensor, fit, axis, request, progress, heat, error);
  if (status == STATUS_OK)
    *out = heat;
  else
    heat_free(heat);
  return status == STATUS_CANCELLED ? error_set(error, status, "cancelled") : status;
}

void heat_free(struct heat *heat)
{
  if (heat)
    clear(heat);
  free(heat);
}

/* --- the range of colours --------------------------------------------------------------------- */

/* Selected, not sorted: the strip under the channels asks in every frame. */
bool heat_range_of(const double *value, size_t count, bool decibels, double *lo, double *hi,
                   bool *log)
{
  enum { FEW = 200 };
  static const double far = 30;
  size_t n = 0, zeros = 0;
  double *some = mem_array(count, sizeof *some);
  if (!some)
    return false;
  for (size_t i = 0; i < count; i++)
    if (isfinite(value[i])) {
      some[n++] = value[i];
      zeros += value[i] > 0 ? 0 : 1;
    }
  bool known = n > 0;
  if (known) {
    size_t cut = n > FEW ? n / 100 : 0;
    *hi = gsl_stats_select(some, 1, n, n - 1 - cut);
    *lo = gsl_stats_select(some, 1, n, cut);
    double least = zeros < n ? gsl_stats_select(some, 1, n, size_min(zeros + cut, n - 1)) : 0;
    *log = !decibels && least > 0 && *hi > far * least;
    if (*log)
      *lo = least;
  }
  free(some);
  return known;
}

bool heat_range(const struct heat *heat, enum heat_quantity quantity, double *lo, double *hi,
                bool *log)
{
  return heat_range_of(heat->value[quantity], heat->down * heat->across,
                       heat_quantities[quantity].decibels, lo, hi, log);
}

size_t heat_next_worst(const struct heat *heat, enum heat_quantity quantity, size_t after)
{
  const size_t cells = heat->down * heat->across;
  const double limit = after == HEAT_BEGIN ? HUGE_VAL : badness(heat, quantity, after);
  size_t worst = HEAT_BEGIN;
  for (size_t i = 0; i < cells; i++) {
    const double bad = badness(heat, quantity, i);
    const bool follows = after == HEAT_BEGIN || bad < limit || (bad == limit && i > after);
    if (!isnan(bad) && follows && (worst == HEAT_BEGIN || bad > badness(heat, quantity, worst)))
      worst = i;
  }
  return worst;
}
