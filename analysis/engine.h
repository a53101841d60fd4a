/* The engine: computes results in the background for a front end that must never wait.
 *
 * One request at a time; a new request cancels the one it makes stale. The front end polls the
 * file descriptor together with its keyboard. Ownership: the engine owns results until they are
 * taken. Threads: all functions from the front end's thread. */
#ifndef QSCOPE_ANALYSIS_ENGINE_H
#define QSCOPE_ANALYSIS_ENGINE_H

#include "analysis/cache.h"
#include "analysis/diff.h"
#include "analysis/layer_bench.h"
#include "analysis/result.h"
#include "analysis/sweep.h"
#include "analysis/what_if.h"
#include "data/source.h"

#include <stdbool.h>
#include <stdint.h>

struct engine;

enum {
  ENGINE_CACHE = 256 << 20,   /* bytes, enough for a long session */
  ENGINE_ESTIMATES = 4 << 20, /* elements; fewer are measured within a frame */
  ENGINE_SAMPLES = 2 << 20,   /* the same, where scales may have to be searched for */
};

/* CACHE: bytes of memory for earlier results and for what is known of other tensors; those that
 * were used last stay, and are answers at once when they are asked for again. NULL when memory runs
 * out.
 */
struct engine *engine_new(size_t cache);
/* Cancels, waits for the worker, frees. */
void engine_free(struct engine *engine);

/* Becomes readable when there is something to take. */
int engine_descriptor(const struct engine *engine);

/* Asks for a result and cancels whatever runs, except that a tensor which is just being loaded for
 * an older request goes on loading; an answer that nobody took is dropped. SOURCE must stay open
 * until the answer was taken or engine_cancel returned. Loads the tensor first when needed. What is
 * known of a tensor is kept and used again: who asks for an answer at once (result_request) of a
 * long tensor without a digest gets an estimate, as soon as the engine has had the time for
 * a digest on high bits; then, too, the descriptor becomes readable. Where such a digest is missing
 * or cannot tell, the estimate is from a sample (analysis/glimpse.h), if the exact answer would
 * take much longer; the facts of the tensor are not waited for. Who asks for parts (`in_parts`)
 * gets all numbers as an answer that is not complete, before what takes another pass, the
 * histograms and the errors by bin; but not where all of it comes in a moment. Returns the number
 * of the request (1, 2, ...). */
uint64_t engine_request(struct engine *engine, struct source *source, size_t tensor,
                        const struct quantizer *quantizer, const struct result_request *request);

/* Asks for the calibrator board of UNIT (negative: the one with the largest magnitude) and of the
 * channels along AXIS, whose rows
 * are calibrated as CALIBRATED says (what it refers to stays as the source does), in the same way.
 * Its parts are answers as they become known; the last one has `complete` set. An answer that
 * nobody took is replaced by the next, which has more. THEORY: with the predicted curve. */
uint64_t engine_request_board(struct engine *engine, struct source *source, size_t tensor,
                              const struct quantizer *quantizer, long unit, int axis,
                              struct calibrated calibrated, bool theory);

/* Asks for the error of tensor OTHER_TENSOR of OTHER against TENSOR of SOURCE, in the same way;
 * loads both. */
uint64_t engine_request_diff(struct engine *engine, struct source *source, size_t tensor,
                             struct source *other, size_t other_tensor,
                             const struct diff_request *request);

/* Asks for the answer to one row of the what-ifs, for NOW with its original and facts filled in by
 * the engine: tensor TENSOR of SOURCE, which is loaded first. */
uint64_t engine_request_what_if(struct engine *engine, struct source *source, size_t tensor,
                                const struct what_if_case *now, const struct what_if *what);

/* Asks for SWEEP (planned), which becomes the engine's, in the same way; what was measured before
 * is not measured again. PARTS: as they become known, as those of a board are; else all of it at
 * once.
 */
uint64_t engine_request_sweep(struct engine *engine, struct source *source, size_t tensor,
                              struct sweep *sweep, bool parts);

/* Asks for a heat map of tensor TENSOR of SOURCE, which is loaded first, under FIT: it must stay
 * until this answer or that of a later request was taken, or engine_cancel returned. */
uint64_t engine_request_heat(struct engine *engine, struct source *source, size_t tensor,
                             const struct fit *fit, int axis, const struct heat_request *heat);

/* Asks for what ASK's method does to the layer OF, in the same way; loads its tensors. The layer
 * stays open for the next such question, until engine_cancel. */
uint64_t engine_request_layer(struct engine *engine, const struct layer_sources *of,
                              const struct layer_ask *ask);

/* Asks for the hashes of tensors (data/tensor_hash.h), COUNT of them, in the same way. */
enum { ENGINE_HASHES = 8 };
struct engine_hashed {
  struct source *source;
  size_t tensor;
  uint64_t hash; /* the answer */
};
uint64_t engine_request_hashes(struct engine *engine, const struct engine_hashed *what,
                               size_t count);

/* Cancels and waits until no worker touches a source any more. */
void engine_cancel(struct engine *engine);

/* Cancels and waits for nobody: what runs goes on for a moment, sources must stay. */
void engine_stop(struct engine *engine);

/* True while a request is being worked on; *done and *total (elements; total 0: unknown). */
bool engine_busy(const struct engine *engine, size_t *done, size_t *total);

/* Seconds that a work will still take which has DONE of TOTAL after ELAPSED, if it goes on like
 * this; NaN while it is too early to tell. The same for what the engine works on. */
double work_left(double elapsed, size_t done, size_t total);
double engine_left(const struct engine *engine);

/* Work for when nothing is asked for: WORK runs on the engine's thread, again and again while it
 * returns true, never beside a request; a request cancels its PROGRESS and waits for it to return.
 * After each time the descriptor becomes readable; where a request waits, with its answer.
 * engine_cancel ends it. */
typedef bool engine_idle_work(void *context, struct progress *progress);
void engine_set_idle(struct engine *engine, engine_idle_work *work, void *context);
/* For such work alone: takes out what is known of a tensor, whose digests become the caller's (else
 * leaves *KNOWN as it is); and puts it (back), so that a request need not find it out. What comes
 * of small tensors, or does not fit into the cache as it is, is freed. */
void engine_take_known(struct engine *engine, const struct source *source, size_t tensor,
                       struct known *known);
void engine_offer_known(struct engine *engine, const struct source *source, size_t tensor,
                        const struct known *known);
/* Cancels such work and waits until it has returned. */
void engine_stop_idling(struct engine *engine);
/* True while there is such work left, or a digest for estimates is to be made. */
bool engine_idles(struct engine *engine);

struct engine_answer {
  uint64_t request;
  enum status status;
  struct error error;
  /* What was asked for; the taker frees it. NULL unless STATUS_OK. */
  struct result *result;
  struct board *board;
  struct diff *diff;
  struct sweep *sweep;
  struct heat *heat;
  struct layer_answer *layer;
  struct what_if_answer what_if; /* a plain value */
  size_t hashes;                 /* the same: */
  struct engine_hashed hashed[ENGINE_HASHES];
  bool complete; /* false: more will come for this request */
};

/* Takes the newest finished answer; false when there is none. Answers to cancelled requests are
 * dropped, never delivered. */
bool engine_take(struct engine *engine, struct engine_answer *answer);

#endif
