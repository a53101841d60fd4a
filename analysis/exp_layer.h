/* Experiments on a layer: a method on a synthetic weight and the tokens that the row names, judged
 * on other tokens. Internal to analysis/.
 *
 * A row of such an experiment has an activation for a source, whose first LAYER_TRIAL_HELD rows are
 * held out and whose others are what the method learns from, and a spec "-m METHOD -q SPEC" (and
 * perhaps "-a SPEC"), as `qscope layer` has them. METHOD may also be one of exp_method_table: what
 * is told of a method and wrong, or what is put together of two.
 *
 * Ownership: layer_trial_clear. Threads: one at a time; parallel inside. */
#ifndef QSCOPE_ANALYSIS_EXP_LAYER_H
#define QSCOPE_ANALYSIS_EXP_LAYER_H

#include "analysis/layer_measure.h"
#include "data/tensor.h"

enum { LAYER_TRIAL_HELD = 2048 };

struct layer_trial {
  struct source *source; /* of the weight */
  struct layer layer;    /* rows 0: none is open; its tokens are learned from */
  struct layer_task task;
  struct layer_made made;               /* weight NULL: nothing was run */
  struct layer_output output, held_out; /* of the tokens that are learned from; of the others */
  struct layer_numbers numbers;
};

/* Methods of experiments alone. */
extern const struct method *const exp_method_table[];
extern const size_t exp_method_table_length;

/* True when SPEC is one of a layer's. */
bool layer_trial_is(const char *spec);
/* Reads SPEC into the methods and quantizers of TASK. STATUS_USAGE. */
enum status layer_trial_parse(const char *spec, struct layer_task *task, struct error *error);

/* A layer of the synthetic source WEIGHT (opened once for a trial; half as many output channels as
 * input channels where it has no shape) and the loaded ACTIVATION, which
 * is borrowed. STATUS_USAGE (sizes that do not match), STATUS_CANCELLED, STATUS_MEMORY. */
enum status layer_trial_open(struct layer_trial *trial, const char *weight,
                             const struct tensor *activation, struct progress *progress,
                             struct error *error);
/* Runs SPEC on it. */
enum status layer_trial_run(struct layer_trial *trial, const char *spec, struct progress *progress,
                            struct error *error);
/* Fills trial->numbers: on held-out tokens, or on those that were learned from. */
enum status layer_trial_measure(struct layer_trial *trial, bool held_out, struct progress *progress,
                                struct error *error);
/* Closes the layer, and the weight, too. */
void layer_trial_clear(struct layer_trial *trial);

#endif
