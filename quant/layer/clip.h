/* AWQ's clip search: for each group of each row of a weight, the magnitude at which to clip it, by
 * the squared error of the group's share of the output (mit-han-lab/llm-awq:
 * quantize/auto_clip.py).
 *
 * Ownership: borrows all arrays. Threads: parallel inside. */
#ifndef QSCOPE_QUANT_LAYER_CLIP_H
#define QSCOPE_QUANT_LAYER_CLIP_H

#include "quant/layer/layer.h"
#include "quant/quantizer.h"

enum { CLIP_TOKENS = 512, CLIP_STEPS = 10, CLIP_GRID = 20 };

/* What is to be clipped. */
struct clip_task {
  const struct layer *layer;
  const float *weight; /* rows x columns: W, its columns already multiplied by FACTOR */
  const float *factor; /* of each column; NULL: all 1 */
  const struct quantizer *quantizer;
  struct progress *progress;
};

/* How many neighbours of a row QUANTIZER gives one scale, at most COLUMNS: the groups that are
 * clipped. */
size_t clip_group(const struct quantizer *quantizer, size_t columns);

/* MOST (rows x ceil(columns / clip_group)) = the best of 1 - i/20 times the largest magnitude, i =
 * 0..9, the first of equals; on every (tokens / 512)th token. STATUS_USAGE, STATUS_CANCELLED,
 * STATUS_MEMORY. */
enum status clip_search(const struct clip_task *task, float *most, struct error *error);

/* OUT (rows x columns; may be WEIGHT) = WEIGHT cut to the magnitudes MOST of its groups, SHRINK
 * times. */
void clip_apply(const float *weight, size_t rows, size_t columns, size_t group, const float *most,
                float shrink, float *out);

#endif
