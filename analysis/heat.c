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
  return (struct heat_request){down, across, view->part};
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
  return STATUS_OK;
}

bool heat_channels(const struct tensor *tensor, int axis, const struct view_part *cell,
                   size_t *first, size_t *count)
{
  const struct granularity channels = {.kind = GRAIN_CHANNEL, .axis = axis};
  struct grain grain;
  if (grain_make(&channels, &tensor->shape, &grain, NULL) != STATUS_OK || grain.channels == 0)
    return false;
  const size_t *range = grain.inner == 1 ? cell->column : cell->row;
  *first = range[0] % grain.channels;
  *count = size_min(range[1] - range[0], grain.channels);
  return true;
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

static enum status cut_cells(const struct fit *fit, const struct heat_request *request,
                             struct heat *heat, struct error *error)
{
  heat->part = request->part;
  if (heat->rows == 0 || heat->columns == 0)
    return error_set(error, STATUS_USAGE, "the tensor is empty: there is nothing to map");
  if (!clip_range(heat->part.row, heat->rows) || !clip_range(heat->part.column, heat->columns))
    return error_set(error, STATUS_USAGE,
                     "there is no part %zu:%zu,%zu:%zu of %zu rows and %zu columns",
                     request->part.row[0], request->part.row[1], request->part.column[0],
                     request->part.column[1], heat->rows, heat->columns);
  size_t high = heat->part.row[1] - heat->part.row[0];
  size_t broad = heat->part.column[1] - heat->part.column[0];
  size_t group = group_of(fit, heat->columns);
  heat->tall = size_div_up(high, size_min(size_max(request->down, 1), HEAT_MOST));
  heat->wide = size_div_up(broad, size_min(size_max(request->across, 1), HEAT_MOST));
  if (broad >= FEW_GROUPS * group)
    heat->wide = size_div_up(heat->wide, group) * group;
  heat->down = size_div_up(high, heat->tall);
  heat->across = size_div_up(broad, heat->wide);
  return STATUS_OK;
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

/* Elements of one row of the matrix, column COLUMN on, into the cells of the row of cells at SUMS.
 */
static void add_piece(const struct mapping *m, const struct fit *fit, struct sums *sums,
                      size_t start, size_t column, size_t n, const float *x, const float *y)
{
  const struct heat *heat = m->heat;
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
  size_t from = first.column[0], to = last.column[1];
  if (to - from == heat->columns)
    add_rows(m, worker, sums, first.row[0], first.row[1]);
  else
    for (size_t row = first.row[0]; row < first.row[1] && !progress_cancelled(m->progress); row++)
      add_row(m, worker, sums, row, from, to);
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

static enum status add_up(const struct reconstruction *both, const struct fit *fit,
                          struct progress *progress, struct heat *heat, struct error *error)
{
  size_t cells = heat->down * heat->across;
  struct mapping m = {.heat = heat,
                      .both = both,
                      .fit = fit,
                      .cell = mem_array(cells, sizeof *m.cell),
                      .parts = fit_parts_new(0),
                      .strip = heat->down < FEW_ROWS ? STRIP : heat->across,
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

static enum status compute(const struct tensor *tensor, const struct fit *fit, int axis,
                           const struct heat_request *request, struct progress *progress,
                           struct heat *heat, struct error *error)
{
  struct reconstruction both;
  enum status status = lay_matrix(tensor, axis, heat, error);
  if (status == STATUS_OK)
    status = cut_cells(fit, request, heat, error);
  if (status != STATUS_OK)
    return status;
  if (!allocate(heat))
    return error_memory(error, "the heat map");
  progress_expect(progress, (heat->part.row[1] - heat->part.row[0]) *
                                (heat->part.column[1] - heat->part.column[0]));
  status = reconstruction_open(tensor, fit, progress, &both, error);
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
  if (!heat)
    return;
  for (size_t i = 0; i < HEAT_QUANTITIES; i++)
    free(heat->value[i]);
  free(heat->special);
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

static double badness(const struct heat *heat, enum heat_quantity quantity, size_t cell)
{
  const double value = heat->value[quantity][cell];
  return quantity == HEAT_SQNR ? -value : value;
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
