#include "analysis/inspect.h"

#include "analysis/metrics.h"
#include "quant/base/ascending.h"
#include "quant/base/size.h"
#include "quant/block.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the grid ----------------------------------------------------------------------------- */

struct inspect_grid inspect_grid_of(const struct fit *fit)
{
  struct inspect_grid grid = {.count = 0};
  if (!fit)
    return grid;
  grid.grain = fit_block_grain(fit);
  const struct grain *grain = &grid.grain;
  bool by_row = grain->kind == GRAIN_GROUP || grain->kind == GRAIN_TOKEN;
  if (grain->count == 0)
    return grid;
  grid.rows = by_row ? grain->count / grain->columns : grain->units;
  grid.columns = grain->count / grid.rows;
  grid.group = by_row ? size_min(grain->group, grid.columns) : grid.columns;
  grid.length =
      grain->kind == GRAIN_GROUP && grid.group <= INSPECT_MOST ? grid.group : INSPECT_WINDOW;
  grid.per_group = size_div_up(grid.group, grid.length);
  grid.per_row = grid.columns / grid.group * grid.per_group +
                 size_div_up(grid.columns % grid.group, grid.length);
  grid.count = grid.rows * grid.per_row;
  return grid;
}

/* First column of block IN of a row, and the one behind it. */
static void columns_of(const struct inspect_grid *grid, size_t in, size_t *start, size_t *end)
{
  size_t first = in / grid->per_group * grid->group;
  size_t group_end = first + size_min(grid->group, grid->columns - first);
  *start = first + in % grid->per_group * grid->length;
  *end = size_min(*start + grid->length, group_end);
}

size_t inspect_length(const struct inspect_grid *grid, size_t block)
{
  size_t start, end;
  columns_of(grid, block % grid->per_row, &start, &end);
  return end - start;
}

/* Rows are channels where scales belong to channels; else rows of the tensor. */
static bool by_channel(const struct inspect_grid *grid)
{
  return grid->grain.kind == GRAIN_CHANNEL;
}

static size_t storage_index(const struct inspect_grid *grid, size_t row, size_t column)
{
  return by_channel(grid) ? grain_element(&grid->grain, row, column) : row * grid->columns + column;
}

size_t inspect_element(const struct inspect_grid *grid, size_t block, size_t k)
{
  size_t start, end;
  columns_of(grid, block % grid->per_row, &start, &end);
  return storage_index(grid, block / grid->per_row, start + k);
}

static size_t block_at(const struct inspect_grid *grid, size_t row, size_t column)
{
  size_t within = column % grid->group;
  return row * grid->per_row + column / grid->group * grid->per_group + within / grid->length;
}

size_t inspect_block_of(const struct inspect_grid *grid, size_t index, size_t *k)
{
  size_t row = index / grid->columns, column = index % grid->columns;
  if (by_channel(grid)) {
    size_t run = index / grid->grain.inner;
    row = run % grid->grain.channels;
    column = run / grid->grain.channels * grid->grain.inner + index % grid->grain.inner;
  }
  *k = column % grid->group % grid->length;
  return block_at(grid, row, column);
}

/* --- the error of all blocks ------------------------------------------------------------------
 *
 * A job is a set of whole blocks, so that each sum is made by one thread, in storage order. Where
 * blocks lie one behind the other in storage it is a stretch of them; where the channels lie
 * between each other, it is the same stretch of every channel. */

struct errors_pass {
  const struct feed *feed;
  const struct fit *fit;
  struct inspect_grid grid;
  bool interleaved;
  size_t stretch; /* blocks of a job, along a row (interleaved) or at all */
  struct progress *progress;
  double *error2;
  struct fit_part *parts; /* of each worker */
  atomic_bool failed;     /* without memory for one */
};

static double squared_error(float x, float y)
{
  double error = (double)y - (double)x;
  return isfinite(x) ? error * error : 0;
}

/* Elements from storage INDEX on that lie in the same block, *block. */
static size_t same_block(const struct inspect_grid *grid, size_t index, size_t *block)
{
  size_t k;
  *block = inspect_block_of(grid, index, &k);
  size_t left = inspect_length(grid, *block) - k;
  return by_channel(grid) ? size_min(left, grid->grain.inner - index % grid->grain.inner) : left;
}

static void add_elements(struct errors_pass *pass, size_t start, size_t n, const float *x,
                         const float *y)
{
  for (size_t i = 0, end, block; i < n; i = end) {
    end = size_min(i + same_block(&pass->grid, start + i, &block), n);
    double sum = pass->error2[block];
    for (size_t j = i; j < end; j++)
      sum += squared_error(x[j], y[j]);
    pass->error2[block] = sum;
  }
}

/* N elements from storage index START. */
static void add_run(struct errors_pass *pass, unsigned worker, size_t start, size_t n)
{
  float scratch[FEED_BLOCK], y[FEED_BLOCK];
  size_t piece = FEED_BLOCK / pass->grid.length * pass->grid.length;
  for (size_t done = 0, part; done < n; done += part) {
    part = size_min(piece, n - done);
    const float *x = feed_block(pass->feed, start + done, part, scratch);
    const struct fit *fit =
        fit_part_at(&pass->parts[worker], pass->fit, pass->feed, start + done, part);
    if (!fit) {
      atomic_store(&pass->failed, true);
      return;
    }
    fit_round_trip(fit, start + done, part, x, y, NULL);
    add_elements(pass, start + done, part, x, y);
    if (progress_cancelled(pass->progress))
      return;
  }
  progress_advance(pass->progress, n);
}

static void add_stretch(struct errors_pass *pass, unsigned worker, size_t job)
{
  const struct inspect_grid *grid = &pass->grid;
  size_t first = job * pass->stretch, behind = size_min(first + pass->stretch, grid->count);
  size_t start = inspect_element(grid, first, 0);
  size_t end = behind < grid->count ? inspect_element(grid, behind, 0) : grid->grain.count;
  add_run(pass, worker, start, end - start);
}

/* The places from..to-1 of every channel: whole inner runs of all channels at once, else the part
 * of each. */
static void add_slab(struct errors_pass *pass, unsigned worker, size_t from, size_t to)
{
  const struct grain *grain = &pass->grid.grain;
  for (size_t k = from, next; k < to && !progress_cancelled(pass->progress); k = next) {
    size_t outer = k / grain->inner;
    next = size_min((outer + 1) * grain->inner, to);
    if (next - k == grain->inner) {
      add_run(pass, worker, outer * grain->channels * grain->inner, grain->channels * grain->inner);
      continue;
    }
    for (size_t c = 0; c < grain->channels; c++)
      add_run(pass, worker, grain_element(grain, c, k), next - k);
  }
}

static void errors_job(void *context, size_t job, unsigned worker)
{
  struct errors_pass *pass = context;
  if (!pass->interleaved)
    return add_stretch(pass, worker, job);
  size_t width = pass->stretch * pass->grid.length;
  add_slab(pass, worker, job * width, size_min((job + 1) * width, pass->grid.columns));
}

static enum status run_jobs(struct errors_pass *pass)
{
  const struct inspect_grid *grid = &pass->grid;
  pass->interleaved = by_channel(grid) && grid->grain.outer > 1;
  size_t each = grid->length * (pass->interleaved ? grid->rows : 1);
  pass->stretch = size_max(FEED_CHUNK / each, 1);
  /* Short parts of long inner runs would be read piece by piece. */
  if (pass->interleaved)
    pass->stretch = size_max(pass->stretch, size_min(grid->grain.inner, FEED_CHUNK) / grid->length);
  size_t blocks = pass->interleaved ? grid->per_row : grid->count;
  pass->parts = fit_parts_new(0);
  enum status status = STATUS_MEMORY;
  if (pass->parts)
    status = pool_for(size_div_up(blocks, pass->stretch), errors_job, pass, pass->progress);
  fit_parts_free(pass->parts);
  return status == STATUS_OK && atomic_load(&pass->failed) ? STATUS_MEMORY : status;
}

/* A block without a reconstruction errs more than any other. */
static double severity(double error2)
{
  return isnan(error2) ? (double)INFINITY : error2;
}

static void finish(struct inspect_errors *errors)
{
  for (size_t i = 0; i < errors->count; i++) {
    errors->total += isnan(errors->error2[i]) ? 0 : errors->error2[i];
    errors->most = fmax(errors->most, errors->error2[i]);
    if (severity(errors->error2[i]) > severity(errors->error2[errors->worst]))
      errors->worst = i;
  }
}

enum status inspect_errors_compute(const struct feed *feed, const struct fit *fit,
                                   struct progress *progress, struct inspect_errors **out,
                                   struct error *error)
{
  struct errors_pass pass = {
      .feed = feed, .fit = fit, .grid = inspect_grid_of(fit), .progress = progress};
  if (pass.grid.count > INSPECT_BLOCKS_MOST)
    return error_set(error, STATUS_MEMORY,
                     "the errors of %zu blocks would take %zu MB; at most %d blocks are compared",
                     pass.grid.count, pass.grid.count * sizeof(double) >> 20, INSPECT_BLOCKS_MOST);
  struct inspect_errors *errors = mem_array(1, sizeof *errors);
  if (errors)
    errors->error2 = mem_array(pass.grid.count, sizeof *errors->error2);
  if (!errors || !errors->error2) {
    inspect_errors_free(errors);
    return error_memory(error, "the errors of the blocks");
  }
  errors->count = pass.grid.count;
  pass.error2 = errors->error2;
  enum status status = errors->count ? run_jobs(&pass) : STATUS_OK;
  if (status == STATUS_OK && progress_cancelled(progress))
    status = STATUS_CANCELLED;
  if (status != STATUS_OK) {
    inspect_errors_free(errors);
    return status == STATUS_MEMORY ? error_memory(error, "the errors of the blocks") : status;
  }
  finish(errors);
  *out = errors;
  return STATUS_OK;
}

void inspect_errors_free(struct inspect_errors *errors)
{
  if (errors)
    free(errors->error2);
  free(errors);
}

size_t inspect_rank(const struct inspect_errors *errors, size_t block)
{
  size_t rank = 1;
  for (size_t i = 0; i < errors->count; i++)
    rank += severity(errors->error2[i]) > severity(errors->error2[block]);
  return rank;
}

/* BLOCK * CELLS / COUNT without overflow: counts are far below 2^53. */
size_t inspect_strip_cell(const struct inspect_errors *errors, size_t cells, size_t block)
{
  size_t cell = (size_t)((double)block * (double)cells / (double)errors->count);
  return size_min(cell, cells - 1);
}

void inspect_strip(const struct inspect_errors *errors, size_t cells, double *share)
{
  for (size_t i = 0; i < cells; i++)
    share[i] = 0;
  for (size_t i = 0; i < errors->count; i++) {
    size_t cell = inspect_strip_cell(errors, cells, i);
    double error2 = errors->error2[i];
    double height = isnan(error2) ? 1 : errors->most > 0 ? sqrt(error2 / errors->most) : 0;
    share[cell] = fmax(share[cell], height);
  }
}

/* --- one block ---------------------------------------------------------------------------- */

static void add_note(struct inspect_block *block, const char *name, const char *type, double value,
                     uint32_t bits)
{
  struct inspect_note *note = &block->note[block->notes++];
  *note = (struct inspect_note){.name = name, .value = value, .bits = bits};
  snprintf(note->type, sizeof note->type, "%s", type);
}

/* The stored numbers of an element format: one scale, and the zero point of the asymmetric scheme.
 */
static void read_unit(const struct fit *fit, struct inspect_block *block)
{
  char type[16];
  float scale = fit_scale(fit, block->unit);
  uint32_t bits;
  memcpy(&bits, &scale, sizeof bits);
  block->subs = 1;
  block->sub_length = block->length;
  block->sub[0].scale = scale;
  block->zero = fit_zero_point(fit, block->unit);
  add_note(block, "scale", "float32", (double)scale, bits);
  snprintf(type, sizeof type, "uint%d", block->format->bits);
  if (block->asymmetric)
    add_note(block, "zero point", type, (double)block->zero, (uint32_t)block->zero);
}

/* The same of a format that brings its own blocks; false for the others. */
static bool read_parts(const struct fit *fit, struct inspect_block *block)
{
  struct block_parts parts;
  const struct block_codec *codec = fit_block_parts(fit, block->number, &parts);
  if (!codec)
    return false;
  for (size_t i = 0; i < parts.notes; i++)
    add_note(block, parts.note[i].name, parts.note[i].type, (double)parts.note[i].value,
             parts.note[i].bits);
  block->has_offset = parts.has_offset;
  block->sub_length = codec->sub_length;
  block->subs = size_div_up(block->length, codec->sub_length);
  for (size_t i = 0; i < block->subs; i++)
    block->sub[i] =
        (struct inspect_sub){parts.scale[i], parts.has_offset ? parts.offset[i] : 0,
                             parts.sub_scale[i], parts.has_offset ? parts.sub_offset[i] : 0};
  return true;
}

/* Storage runs: all of the block at once where it is contiguous, else element by element. */
static void read_elements(const struct feed *feed, const struct fit *fit,
                          struct inspect_block *block)
{
  float scratch[FEED_BLOCK];
  uint16_t codes[INSPECT_MOST];
  size_t n = block->length, last = block->index[n - 1] - block->index[0];
  size_t run = last == n - 1 ? n : 1;
  for (size_t i = 0; i < n; i += run) {
    const float *x = feed_block(feed, block->index[i], run, scratch);
    memcpy(block->x + i, x, run * sizeof *x);
    fit_round_trip(fit, block->index[i], run, x, block->y + i, codes + i);
  }
  long lowest = 0, highest;
  if (format_is_integer(block->format))
    quantizer_code_range(fit_quantizer(fit), &lowest, &highest);
  for (size_t i = 0; i < n; i++) {
    block->code[i] = (long)codes[i] + lowest;
    block->level[i] =
        format_is_integer(block->format)
            ? (double)(block->code[i] - block->zero)
            : fit_code_value(fit, grain_unit(fit_grain(fit), block->index[i]), codes[i]);
  }
}

/* Distance between the levels on either side of X (beyond the ends: of the last two); NaN where
 * there is one level alone. LEVELS ascend. */
static double step_around(const double *levels, size_t count, double x)
{
  if (count < 2 || isnan(x))
    return (double)NAN;
  size_t above = first_above(levels, 1, count - 1, x);
  return levels[above] - levels[above - 1];
}

/* Steps and clipping, which belong to the unit of each element. False when memory runs out. */
static bool measure_steps(const struct fit *fit, struct inspect_block *block)
{
  struct tally_bounds bounds;
  double *levels = NULL;
  size_t count = 0, of = SIZE_MAX;
  for (size_t i = 0; i < block->length; i++) {
    size_t unit = grain_unit(fit_grain(fit), block->index[i]);
    if (unit != of) {
      free(levels);
      levels = fit_levels(fit, unit, &count);
      fit_bounds(fit, unit, &bounds);
      of = unit;
    }
    if (!levels)
      return false;
    block->step[i] = step_around(levels, count, (double)block->x[i]);
    block->clipped[i] = block->x[i] < bounds.clip_lo || block->x[i] > bounds.clip_hi;
  }
  free(levels);
  return true;
}

static void measure(struct inspect_block *block)
{
  double signal2 = 0;
  for (size_t i = 0; i < block->length; i++) {
    if (!isfinite(block->x[i]))
      continue;
    block->finite++;
    block->error2 += squared_error(block->x[i], block->y[i]);
    signal2 += (double)block->x[i] * (double)block->x[i];
  }
  block->mse = block->finite ? block->error2 / (double)block->finite : (double)NAN;
  block->sqnr_db = block->finite ? sqnr_db(signal2, block->error2) : (double)NAN;
}

static enum status read_block(const struct feed *feed, const struct fit *whole,
                              struct inspect_block *out, struct error *error)
{
  struct fit_part part = {0};
  const struct fit *fit = fit_part_at(&part, whole, feed, out->index[0], out->length);
  if (!fit)
    return error_memory(error, "the scales of a block");
  if (!read_parts(fit, out))
    read_unit(fit, out);
  read_elements(feed, fit, out);
  measure(out);
  bool measured = measure_steps(fit, out);
  fit_part_free(&part);
  return measured ? STATUS_OK : error_memory(error, "the levels of a block");
}

enum status inspect_read(const struct feed *feed, const struct fit *fit, size_t number,
                         struct inspect_block *out, struct error *error)
{
  const struct quantizer *quantizer = fit_quantizer(fit);
  const struct inspect_grid grid = inspect_grid_of(fit);
  if (grid.count == 0)
    return error_set(error, STATUS_USAGE, "the tensor is empty: it has no block");
  if (number >= grid.count)
    return error_set(error, STATUS_USAGE, "expected a block from 0 to %zu, found %zu",
                     grid.count - 1, number);
  *out = (struct inspect_block){.format = quantizer->format,
                                .asymmetric = quantizer->asymmetric,
                                .number = number,
                                .count = grid.count,
                                .length = inspect_length(&grid, number)};
  for (size_t i = 0; i < out->length; i++)
    out->index[i] = inspect_element(&grid, number, i);
  out->unit = grain_unit(fit_grain(fit), out->index[0]);
  return read_block(feed, fit, out, error);
}

double inspect_error(const struct inspect_block *block, size_t k)
{
  return (double)block->y[k] - (double)block->x[k];
}

/* --- words -------------------------------------------------------------------------------- */

/* VALUE with as few digits as read back the same float32. */
static char *float_text(double value, char *text, size_t size)
{
  for (int digits = 3; digits <= FLT_DECIMAL_DIG; digits++) {
    snprintf(text, size, "%.*g", digits, value);
    if (!((float)strtod(text, NULL) != (float)value)) /* a NaN is done, too */
      break;
  }
  return text;
}

char *inspect_code(const struct inspect_block *block, size_t k, char *text, size_t size)
{
  if (format_is_integer(block->format))
    snprintf(text, size, "%ld", block->code[k]);
  else
    snprintf(text, size, "0x%0*lx", (block->format->bits + 3) / 4, (unsigned long)block->code[k]);
  return text;
}

/* True when the codes are bit patterns of small floats. */
static bool has_fields(const struct format *format)
{
  return format->exponent_bits > 0 && !format_is_block(format);
}

/* A small float taken apart: sign, exponent and mantissa bits, and what they mean:
 * "0 0111 100 = 1.5 x 2^0". */
static void fields_text(const struct inspect_block *block, size_t k, char *text, size_t size)
{
  const struct format *format = block->format;
  unsigned long code = (unsigned long)block->code[k];
  int exponent_bits = format->exponent_bits, mantissa_bits = format->mantissa_bits;
  char bits[24] = "";
  size_t used = 0;
  for (int i = exponent_bits + mantissa_bits; i >= 0; i--) {
    bits[used++] = code >> i & 1 ? '1' : '0';
    if (i == exponent_bits + mantissa_bits || (i == mantissa_bits && mantissa_bits))
      bits[used++] = ' ';
  }
  double value = block->level[k], least = format_min_normal(format);
  if (!isfinite(value) || value == 0) {
    snprintf(text, size, "%s = %g", bits, value);
    return;
  }
  int exponent = ilogb(fmax(fabs(value), least));
  snprintf(text, size, "%s = %.8g x 2^%d", bits, ldexp(value, -exponent), exponent);
}

char *inspect_encoding(const struct inspect_block *block, size_t k, char *text, size_t size)
{
  const struct inspect_sub *sub = &block->sub[k / block->sub_length];
  double x = (double)block->x[k], scale = (double)sub->scale;
  const char *what = block->has_offset ? "(x - offset)" : "x";
  const char *clipped = block->clipped[k] ? "clipped to " : "";
  char code[24];
  inspect_code(block, k, code, sizeof code);
  if (isnan(x))
    snprintf(text, size, "x is not a number; code %s", code);
  else if (scale == 0)
    snprintf(text, size, "the scale is 0: every code means the same; code %s", code);
  else
    snprintf(text, size, "%s / scale = %.6g -> %s%.6g", what, (x - (double)sub->offset) / scale,
             clipped, block->level[k]);
  size_t at = strlen(text);
  if (isnan(x) || scale == 0)
    return text;
  if (block->asymmetric)
    snprintf(text + at, size - at, ", + zero %ld = code %s", block->zero, code);
  else
    snprintf(text + at, size - at, ", code %s", code);
  return text;
}

char *inspect_formula(const struct inspect_block *block, size_t k, char *text, size_t size)
{
  const struct inspect_sub *sub = &block->sub[k / block->sub_length];
  char scale[32], fields[64], code[24], offset[32], plus[40] = "";
  double y = (double)block->y[k];
  float_text((double)sub->scale, scale, sizeof scale);
  inspect_code(block, k, code, sizeof code);
  if (block->has_offset)
    snprintf(plus, sizeof plus, " %c %s", sub->offset < 0 ? '-' : '+',
             float_text(fabs((double)sub->offset), offset, sizeof offset));
  if (has_fields(block->format))
    fields_text(block, k, fields, sizeof fields);
  else
    snprintf(fields, sizeof fields, "code %s = %.6g", code, block->level[k]);
  if (isnan(y))
    snprintf(text, size, "y = nan: left out of all numbers");
  else if (block->asymmetric)
    snprintf(text, size, "y = (code %s - zero %ld) x %s = %.6g", code, block->zero, scale, y);
  else if (format_is_integer(block->format))
    snprintf(text, size, "y = code %s x %s = %.6g", code, scale, y);
  else
    snprintf(text, size, "y = (%s) x %s%s = %.6g", fields, scale, plus, y);
  return text;
}

char *inspect_loss(const struct inspect_block *block, size_t k, char *text, size_t size)
{
  double error = inspect_error(block, k), step = block->step[k];
  if (!isfinite(block->x[k]))
    snprintf(text, size, "y - x does not exist: x is %g", (double)block->x[k]);
  else if (error == 0)
    snprintf(text, size, "y - x = 0: exact");
  else
    snprintf(text, size, "y - x = %.4g = %.3g steps, %.3g %% of the block", error, error / step,
             100 * error * error / block->error2);
  return text;
}

char *inspect_note_text(const struct inspect_block *block, size_t i, char *text, size_t size)
{
  const struct inspect_note *note = &block->note[i];
  char value[32];
  snprintf(text, size, "%s %s (%s 0x%x)", note->name, float_text(note->value, value, sizeof value),
           note->type, note->bits);
  return text;
}
