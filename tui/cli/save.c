#include "tui/cli/save.h"

#include "analysis/reconstruction.h"
#include "data/npy_write.h"
#include "quant/base/size.h"
#include "quant/quantizer.h"

#include <stdlib.h>
#include <string.h>

bool save_wanted(const struct options *options)
{
  for (int i = 0; i < SAVE_KINDS; i++)
    if (options->save[i])
      return true;
  return false;
}

int save_to_stdout(const struct options *options)
{
  int found = options->layer.weight_out && strcmp(options->layer.weight_out, "-") == 0;
  for (int i = 0; i < SAVE_KINDS; i++)
    found += options->save[i] && strcmp(options->save[i], "-") == 0;
  return found;
}

/* --- codes and reconstruction: one element each ---------------------------------------- */

/* Number that code 0 of fit_round_trip stands for. */
static long code_offset(const struct quantizer *quantizer)
{
  long lowest = 0, highest = 0;
  if (format_is_integer(quantizer->format))
    quantizer_code_range(quantizer, &lowest, &highest);
  return lowest;
}

/* Smallest integer type that holds all codes of the scheme. */
static enum npy_type code_type(const struct quantizer *quantizer)
{
  struct quantizer whole = *quantizer;
  whole.limited = false;
  bool negative = code_offset(&whole) < 0;
  if (quantizer->format->bits <= 8)
    return negative ? NPY_I1 : NPY_U1;
  return negative ? NPY_I2 : NPY_U2;
}

/* Writes N codes, counted from 0, as numbers that start at OFFSET. */
static void write_codes(struct npy_writer *writer, enum npy_type type, long offset,
                        const uint16_t *codes, size_t n)
{
  uint8_t narrow[FEED_BLOCK];
  uint16_t wide[FEED_BLOCK];
  bool one_byte = type == NPY_I1 || type == NPY_U1;
  for (size_t i = 0; i < n; i++) {
    wide[i] = (uint16_t)(codes[i] + offset);
    narrow[i] = (uint8_t)wide[i];
  }
  npy_write_block(writer, one_byte ? (const void *)narrow : wide, n);
}

enum status save_code_array(const char *path, const struct quantizer *quantizer,
                            const struct shape *shape, const uint16_t *codes, struct error *error)
{
  const enum npy_type type = code_type(quantizer);
  const size_t count = shape_elements(shape);
  struct npy_writer *writer;
  enum status status = npy_write_begin(path, type, shape, &writer, error);
  if (status != STATUS_OK)
    return status;
  for (size_t start = 0; start < count; start += FEED_BLOCK)
    write_codes(writer, type, code_offset(quantizer), codes + start,
                size_min(FEED_BLOCK, count - start));
  return npy_write_end(writer, error);
}

/* Runs the quantizer once more, block by block; CODES and VALUES may be NULL. */
static enum status write_elements(const struct tensor *tensor, const struct fit *fit,
                                  struct npy_writer *codes, struct npy_writer *values,
                                  struct progress *progress, struct error *error)
{
  const struct feed feed = tensor_feed(tensor);
  const enum npy_type type = code_type(fit_quantizer(fit));
  const long offset = code_offset(fit_quantizer(fit));
  float scratch[FEED_BLOCK], y[FEED_BLOCK];
  uint16_t code[FEED_BLOCK];
  const bool transformed = tensor_transformed(tensor) != NULL;
  struct fit_part part = {.ahead = FEED_CHUNK};
  struct reconstruction both;
  enum status status = reconstruction_open(tensor, fit, progress, &both, error);
  for (size_t start = 0; status == STATUS_OK && start < feed.count; start += FEED_BLOCK) {
    size_t n = size_min(FEED_BLOCK, feed.count - start);
    const struct fit *own = fit_part_at(&part, fit, &feed, start, n);
    if (!own) {
      status = error_memory(error, "the scales");
      break;
    }
    fit_round_trip(own, start, n, feed_block(&feed, start, n, scratch), y, code);
    if (codes)
      write_codes(codes, type, offset, code, n);
    if (values)
      npy_write_block(values, transformed ? feed_block(&both.y, start, n, scratch) : y, n);
    if (progress_cancelled(progress))
      status = STATUS_CANCELLED;
  }
  status = reconstruction_check(&both, status, error);
  reconstruction_close(&both);
  fit_part_free(&part);
  return status;
}

/* Finishes WRITER (may be NULL) when all went well so far, else throws it away. */
static enum status close_writer(struct npy_writer *writer, enum status status, struct error *error)
{
  if (writer && status == STATUS_OK)
    return npy_write_end(writer, error);
  npy_write_discard(writer);
  return status;
}

static enum status save_elements(const struct options *options, const struct tensor *tensor,
                                 const struct fit *fit, struct progress *progress,
                                 struct error *error)
{
  struct npy_writer *codes = NULL, *values = NULL;
  enum status status = STATUS_OK;
  if (options->save[SAVE_CODES])
    status = npy_write_begin(options->save[SAVE_CODES], code_type(fit_quantizer(fit)),
                             &tensor->shape, &codes, error);
  if (status == STATUS_OK && options->save[SAVE_DEQUANTIZED])
    status =
        npy_write_begin(options->save[SAVE_DEQUANTIZED], NPY_F4, &tensor->shape, &values, error);
  if (status == STATUS_OK && (codes || values))
    status = write_elements(tensor, fit, codes, values, progress, error);
  status = close_writer(codes, status, error);
  return close_writer(values, status, error);
}

/* --- scales and zero points: one for each unit ---------------------------------------------- */

static struct shape unit_shape(const struct grain *grain, const struct shape *shape)
{
  struct shape out = {.dims = 0};
  if (grain->kind == GRAIN_CHANNEL || grain->units == 0)
    return (struct shape){.dims = 1, .dim = {grain->units}};
  if (grain->kind == GRAIN_TENSOR)
    return out;
  /* Rows: all sizes but the last; groups: their number takes its place. */
  out = *shape;
  if (grain->kind == GRAIN_TOKEN)
    out.dims -= out.dims > 0;
  else if (out.dims > 0)
    out.dim[out.dims - 1] = grain->groups;
  return out;
}

static enum status save_units(const char *path, bool scales, const struct tensor *tensor,
                              const struct fit *fit, struct error *error)
{
  const struct grain *grain = fit_grain(fit);
  const struct shape shape = unit_shape(grain, &tensor->shape);
  struct npy_writer *writer;
  enum status status = npy_write_begin(path, scales ? NPY_F4 : NPY_I4, &shape, &writer, error);
  if (status != STATUS_OK)
    return status;
  const struct feed feed = tensor_feed(tensor);
  struct fit_part part = {.ahead = FEED_CHUNK};
  for (size_t unit = 0; unit < grain->units; unit++) {
    const struct fit *own = fit_part_at(&part, fit, &feed, grain_element(grain, unit, 0), 1);
    if (!own) {
      status = error_memory(error, "the scales");
      break;
    }
    float scale = fit_scale(own, unit);
    int32_t zero = (int32_t)fit_zero_point(own, unit);
    npy_write_block(writer, scales ? (const void *)&scale : &zero, 1);
  }
  fit_part_free(&part);
  return close_writer(writer, status, error);
}

/* The block formats' own rows of bytes. */
static enum status save_packed(const char *path, const struct tensor *tensor, const struct fit *fit,
                               struct error *error)
{
  if (!format_is_block(fit_quantizer(fit)->format))
    return error_set(error, STATUS_USAGE,
                     "--packed: %s has no blocks of its own (mxfp4 and q4_k have); --codes saves "
                     "its codes",
                     fit_quantizer(fit)->format->name);
  const struct grain blocks = fit_block_grain(fit);
  const struct feed feed = tensor_feed(tensor);
  struct fit_part part = {.ahead = FEED_CHUNK};
  struct npy_writer *writer;
  size_t bytes = 0;
  fit_packed_block(fit, 0, &bytes);
  const struct shape shape = {
      .dims = 2, .dim = {blocks.units / size_max(blocks.groups, 1), blocks.groups * bytes}};
  enum status status = npy_write_begin(path, NPY_U1, &shape, &writer, error);
  if (status != STATUS_OK)
    return status;
  for (size_t block = 0; block < blocks.units && status == STATUS_OK; block++) {
    const struct fit *own = fit_part_at(&part, fit, &feed, grain_element(&blocks, block, 0), 1);
    if (own)
      npy_write_block(writer, fit_packed_block(own, block, &bytes), bytes);
    else
      status = error_memory(error, "the packed tensor");
  }
  fit_part_free(&part);
  return close_writer(writer, status, error);
}

/* The levels: codebook=FILE reads them back. */
static enum status save_codebook(const char *path, const struct fit *fit, struct error *error)
{
  const struct codebook *codebook = fit_codebook(fit);
  if (!codebook)
    return error_set(error, STATUS_USAGE,
                     "--codebook: the levels of %s are no list (nf4, lloyd=16, codebook=FILE have "
                     "one); qscope formats --values prints them",
                     fit_quantizer(fit)->format->name);
  const struct shape shape = {.dims = 1, .dim = {codebook->count}};
  struct npy_writer *writer;
  enum status status = npy_write_begin(path, NPY_F4, &shape, &writer, error);
  if (status != STATUS_OK)
    return status;
  npy_write_block(writer, codebook->level, codebook->count);
  return npy_write_end(writer, error);
}

static enum status save_zero_points(const char *path, const struct tensor *tensor,
                                    const struct fit *fit, struct error *error)
{
  const struct format *format = fit_quantizer(fit)->format;
  if (fit_has_offset(fit))
    return error_set(error, STATUS_USAGE, "--zero-points: %s stores an offset, no zero point%s",
                     format->name, format_is_block(format) ? "; --packed saves its bytes" : "");
  return save_units(path, false, tensor, fit, error);
}

static enum status check_codes(const struct options *options, const struct fit *fit,
                               struct error *error)
{
  const struct format *format = fit_quantizer(fit)->format;
  if (options->save[SAVE_CODES] && format->bits > FORMAT_CODE_BITS)
    return error_set(error, STATUS_USAGE, "--codes: %s has %d bits, codes have at most %d",
                     format->name, format->bits, FORMAT_CODE_BITS);
  return STATUS_OK;
}

enum status save_all(const struct options *options, const struct tensor *tensor,
                     const struct result *result, struct progress *progress, struct error *error)
{
  enum status status = check_codes(options, result->fit, error);
  if (status == STATUS_OK)
    status = save_elements(options, tensor, result->fit, progress, error);
  if (status == STATUS_OK && options->save[SAVE_SCALES])
    status = save_units(options->save[SAVE_SCALES], true, tensor, result->fit, error);
  if (status == STATUS_OK && options->save[SAVE_ZERO_POINTS])
    status = save_zero_points(options->save[SAVE_ZERO_POINTS], tensor, result->fit, error);
  if (status == STATUS_OK && options->save[SAVE_PACKED])
    status = save_packed(options->save[SAVE_PACKED], tensor, result->fit, error);
  if (status == STATUS_OK && options->save[SAVE_CODEBOOK])
    status = save_codebook(options->save[SAVE_CODEBOOK], result->fit, error);
  return status;
}
