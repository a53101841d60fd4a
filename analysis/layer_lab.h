/* The layer lab: a layer as people state it (tensors), runs of methods on it, and what they say.
 *
 * A problem is a weight and an activation as float matrices; a row is one method with its
 * quantizers, and what came of it on the calibration tokens and on held-out ones. Command line and
 * explorer show the same rows. No files, no screen.
 *
 * Ownership: layer_problem_close, layer_row_free; a problem borrows its tensors. Threads: one run
 * at a time on a problem (runs are parallel inside); a row that is done is immutable. */
#ifndef QSCOPE_ANALYSIS_LAYER_LAB_H
#define QSCOPE_ANALYSIS_LAYER_LAB_H

#include "analysis/layer_measure.h"
#include "analysis/view.h"
#include "data/tensor.h"

#include <stdio.h>

enum { LAYER_REASON = sizeof((struct error *)0)->text, LAYER_VERDICT = 1024 };

/* A method whose lead on the calibration tokens shrinks by more than this (dB) on held-out tokens
 * fits the former too closely. */
#define LAYER_OVERFIT_DB 0.5

/* --- the problem ------------------------------------------------------------------------------ */

/* A tensor and where it is from; the latter for messages and exports, as people wrote it. */
struct layer_place {
  const char *source;
  const struct tensor *tensor;
};

struct layer_question {
  struct layer_place weight, activation;
  struct layer_place held_out; /* tensor NULL: none */
  double hold_out; /* or this share of the activation's tokens, the last ones; 0: none. What is held
                      out is not calibrated on */
  bool transposed; /* the weight is input channels x output channels */
};

struct layer_problem {
  struct layer_question question;
  struct layer layer;    /* of the weight and the calibration tokens */
  const float *held_out; /* held_tokens x columns, or NULL */
  size_t held_tokens;
  struct layer_output output, held_output; /* of the two, kept from run to run */
  size_t half_energy; /* the fewest input channels that have half of the energy of x */
  bool same_draws;    /* the tokens are made of the weight's random numbers: synthetic, one seed */
  bool same_tokens;   /* the held-out tokens begin with the others: they are not held out */
  float *owned[3];    /* what had to be decoded */
};

/* Output and input channels of WEIGHT: the first size and the product of the others (transposed: of
 * a matrix, the other way round). STATUS_INPUT: fewer than two dimensions, or more where it is
 * transposed. Needs no data. */
enum status layer_weight_shape(const struct layer_place *weight, bool transposed, size_t *rows,
                               size_t *columns, struct error *error);

/* Tokens where nobody chose any: other draws than those of a synthetic weight, whose seed is 1. */
#define LAYER_OWN_TOKENS "synth:llm-activation,seed=2"

/* SOURCE, with a seed and a shape where it is a synthetic tensor without them. The seed is not the
 * one that weights have by default: the tokens would be made of the weight's own random numbers,
 * and a token that is a row of the weight has a product like no other. The shape is COLUMNS wide,
 * with as many tokens as methods need to learn from (twice the width, 512 to 4096). LIKE, unless
 * NULL, is what the tokens of the layer are, when SOURCE is for held-out ones: other tokens of the
 * same channels where it is the same distribution and names no channel-seed. A new string; NULL
 * when memory runs out. */
char *layer_matched_source(const char *source, const char *like, size_t columns);

/* Decodes the tensors, which must be loaded. Activations of more than two dimensions are tokens x
 * the last; one dimension is one token. STATUS_INPUT: sizes that do not match (the message names
 * both tensors and their shapes, and says when the transposed weight would fit), values that are no
 * finite numbers; STATUS_CANCELLED, STATUS_MEMORY. On failure nothing needs closing. */
enum status layer_problem_open(const struct layer_question *question, struct progress *progress,
                               struct layer_problem *out, struct error *error);
void layer_problem_close(struct layer_problem *problem);

/* --- runs ------------------------------------------------------------------------------------- */

/* What is run: a method and its quantizers. */
struct layer_ask {
  struct method_choice method;
  struct quantizer weight;
  bool quantizes_activation;
  struct quantizer activation;
};

enum layer_state { LAYER_WAITING, LAYER_DONE, LAYER_REFUSED };

struct layer_row {
  struct layer_ask ask;
  enum layer_state state;
  char reason[LAYER_REASON]; /* LAYER_REFUSED: why */
  struct layer_numbers calibration;
  struct layer_numbers held_out; /* tokens 0: there are none */
  double seconds;                /* that the method took, without the measuring */
  char said[METHOD_SAID];        /* what the method says that it did; may be empty */
  struct method_search search;   /* width 0: none */
  float *factor;                 /* of each input channel: x is divided by it; NULL: none */
};

/* What is run where nobody says: round to nearest, and the methods that people compare it with;
 * those that are about activations where these are quantized. Number I, or NULL behind the last. */
const struct method *layer_default_method(size_t i, bool quantizes_activation);

bool layer_ask_equal(const struct layer_ask *a, const struct layer_ask *b);
/* The same quantizers, so that methods can be compared. */
bool layer_ask_same_quantizers(const struct layer_ask *a, const struct layer_ask *b);

/* Runs ROW's ask on PROBLEM and fills ROW. What the method or a quantizer cannot do is the row's
 * reason, and no failure. MADE, unless NULL, gets what the method made (keeping codes) where the
 * row is done: layer_made_free. STATUS_CANCELLED leaves the row waiting. */
enum status layer_row_run(struct layer_problem *problem, struct layer_row *row,
                          struct layer_made *made, struct progress *progress);
void layer_row_free(struct layer_row *row);

/* --- what they say ---------------------------------------------------------------------------- */

/* The numbers that a row is ranked by: on held-out tokens where there are any. */
const struct layer_numbers *layer_row_numbers(const struct layer_row *row);

/* The row with the highest output SQNR among those that are done and have the quantizers of row
 * LIKE; COUNT when there is none. */
size_t layer_best(const struct layer_row *rows, size_t count, size_t like);

/* Numbers of the COUNT rows into RANK, in the order of SORT; those without a number last, equals as
 * they are. */
void layer_rank(const struct layer_row *rows, size_t count, enum layer_sort sort, size_t *rank);

/* Number of the first row with the quantizers of row I. */
size_t layer_group(const struct layer_row *rows, size_t i);

/* Median and least SQNR over the output channels (dB; INFINITY: no error; channels with neither
 * signal nor error do not count, NAN without any other), and the channel of the least. */
struct layer_spread {
  double median_db, worst_db;
  size_t worst;
};
struct layer_spread layer_channel_spread(const struct layer_numbers *numbers);

/* One row for each number that people see, in the order in which they see them; those of the
 * weights are the same on all tokens. */
struct layer_metric {
  const char *name; /* the key in JSON and CSV */
  double (*value)(const struct layer_numbers *numbers);
};
extern const struct layer_metric layer_metric_table[];
extern const size_t layer_metric_table_length;

/* Which method is best among the rows with the quantizers of row LIKE, by how much over rtn, at how
 * many bits, and why; whether weight and output disagree; who fits the calibration tokens too
 * closely. Empty while nothing is known. Into TEXT (LAYER_VERDICT bytes), which is returned. */
char *layer_verdict(const struct layer_problem *problem, const struct layer_row *rows, size_t count,
                    size_t like, char *text);

/* The rows that are done or refused, for machines. */
void layer_json(const struct layer_problem *problem, const struct layer_row *rows, size_t count,
                FILE *out);
void layer_csv(const struct layer_problem *problem, const struct layer_row *rows, size_t count,
               FILE *out);

#endif
