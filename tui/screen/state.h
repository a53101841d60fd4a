/* What is looked at: tensor, quantizer, view.
 *
 * Ownership: plain values. Threads: none. */
#ifndef QSCOPE_TUI_SCREEN_STATE_H
#define QSCOPE_TUI_SCREEN_STATE_H

#include "analysis/figure.h"
#include "analysis/view.h"
#include "data/transform.h"
#include "tui/screen/knobs.h"

/* Quantizers that are kept to compare the present one with, each with the transform before it: A, B
 * ... They go along to another tensor, unless they are held to theirs. */
struct pins {
  size_t count;
  struct quantizer quantizer[FIGURE_PINS];
  struct transform transform[FIGURE_PINS];
  size_t held[FIGURE_PINS]; /* 1 + the tensor that it stays with; 0: it goes along */
};

struct state {
  size_t tensor;
  struct knobs knobs;
  struct transform transform; /* along the axis of the knobs, while no channel is looked at alone */
  struct view view;           /* its axis follows the knob */
  struct pins pins;
  bool pairs; /* view 5 is about two files, not about what is pinned */
};

bool state_equal(const struct state *a, const struct state *b);

/* True when both need the same numbers: all but the kind of view and its count axis. */
bool state_same_numbers(const struct state *a, const struct state *b);

/* What is done to the tensor before it is quantized: the transform, unless a channel is alone. */
struct transform state_transform(const struct state *state);

/* FROM with the knobs of QUANTIZER; a group's length is kept where it has none. */
struct state state_with(const struct state *from, const struct quantizer *quantizer);

/* Makes STATE fit a tensor of SHAPE: an axis that does not exist becomes 0. */
void state_fit(struct state *state, const struct shape *shape);

#endif
