/* A layer's problem that stays open between the methods that are tried on it, for the engine.
 *
 * Ownership: a bench borrows its sources, which must stay open until layer_bench_close;
 * layer_answer_free. Threads: one at a time; runs are parallel inside. */
#ifndef QSCOPE_ANALYSIS_LAYER_BENCH_H
#define QSCOPE_ANALYSIS_LAYER_BENCH_H

#include "analysis/layer_lab.h"
#include "data/source.h"

enum layer_part { LAYER_WEIGHT, LAYER_ACTIVATION, LAYER_HELD_OUT, LAYER_PARTS };

/* Which tensors make the layer: tensor[I] of source[I]; no source: none (of held-out tokens). */
struct layer_sources {
  struct source *source[LAYER_PARTS];
  size_t tensor[LAYER_PARTS];
  double hold_out; /* or this share of the tokens; 0: none */
  bool transposed;
};

struct layer_place layer_sources_place(const struct layer_sources *of, enum layer_part part);
/* What is asked of them. */
struct layer_question layer_sources_question(const struct layer_sources *of);
bool layer_sources_equal(const struct layer_sources *a, const struct layer_sources *b);

struct layer_bench {
  bool open;
  struct layer_sources of;
  struct layer_problem problem;
};

/* What is known of the layer beside the row. */
struct layer_answer {
  struct layer_row row;          /* done or refused */
  struct layer_problem problem;  /* its numbers alone: it has no arrays, and nothing to close */
  float *input_max, *weight_max; /* largest magnitude of each input channel, in x and in W */
};

/* What is known of PROBLEM beside a row, which waits; NULL when memory runs out. */
struct layer_answer *layer_answer_new(const struct layer_problem *problem);

/* Runs ASK on the layer OF, which is loaded and opened first unless it is open already. Fails as
 * layer_problem_open does; what the method cannot do is a row that is refused. */
enum status layer_bench_run(struct layer_bench *bench, const struct layer_sources *of,
                            const struct layer_ask *ask, struct progress *progress,
                            struct layer_answer **out, struct error *error);
void layer_bench_close(struct layer_bench *bench);
void layer_answer_free(struct layer_answer *answer);

#endif
