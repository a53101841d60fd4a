#include "analysis/engine.h"

#include "analysis/counted.h"
#include "analysis/glimpse.h"
#include "data/tensor_hash.h"
#include "data/transformed.h"
#include "quant/base/clock.h"
#include "quant/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct job {
  uint64_t number;
  struct source *source;
  size_t tensor;
  struct quantizer quantizer;
  struct result_request request;
  bool board;           /* instead of a result */
  struct source *other; /* not NULL: what the tensor is compared with, instead of a result */
  size_t other_tensor;
  struct diff_request comparison;
  const struct fit *fit;      /* not NULL: a heat map under it instead of a result */
  const struct what_if *what; /* not NULL: a what-if instead of a result */
  struct what_if_case now;
  struct sweep *sweep; /* not NULL: to be run, instead of a result; the job's */
  bool lab;            /* instead of a result: what the method of `ask` does to the layer */
  struct layer_sources layer;
  struct layer_ask ask;
  bool parts;    /* of the sweep are answers */
  size_t hashes; /* not 0: hashes of so many tensors instead of a result */
  struct engine_hashed hashed[ENGINE_HASHES];
};

struct engine {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;  /* a job waits, the worker has finished, or quit was set */
  int read_end, write_end; /* one byte in the pipe for an answer that waits */

  /* Under the lock: */
  bool quit, waiting, running, answered;
  bool preparing;  /* the running job loads its tensor: not stale for another of that tensor */
  bool describing; /* it does not load it, but finds its facts: the same, but for estimates */
  uint64_t newest; /* number of the last request; 0 after a cancel: no answer is wanted */
  uint64_t count;
  struct job current, next;
  struct engine_answer answer;
  engine_idle_work *idle; /* NULL: none is left */
  void *idle_context;
  bool idling;                   /* it runs */
  bool sketch_wanted, sketching; /* a digest for estimates is to be made, is being made */
  bool sketch_owed;              /* after the numbers that an estimate was shown in place of */
  struct progress idle_progress; /* reset by the worker, under the lock */

  struct progress progress; /* of the running job; reset by the worker, under the lock */
  atomic_bool busy;
  atomic_llong since; /* microseconds of seconds_now, when the present job began */

  /* The worker's while it runs, the front end's (engine_cancel) while it does not. */
  bool facts_known;
  uint64_t facts_source; /* source_number */
  size_t facts_tensor;
  struct known known;
  struct cache *cache; /* of other tensors and earlier results */
  struct layer_bench bench;
};

/* --- the worker ------------------------------------------------------------------------- */

static void forget_facts(struct engine *engine)
{
  engine->facts_known = false;
  known_free(&engine->known);
}

/* They make room for those of another tensor. */
static void lay_facts_by(struct engine *engine)
{
  if (engine->facts_known)
    cache_keep_known(engine->cache, engine->facts_source, engine->facts_tensor, &engine->known);
  engine->known = (struct known){.digest = NULL};
  engine->facts_known = false;
}

/* True where they are known from before. */
static bool recall_facts(struct engine *engine, const struct job *job)
{
  uint64_t source = source_number(job->source);
  if (engine->facts_known && engine->facts_source == source && engine->facts_tensor == job->tensor)
    return true;
  lay_facts_by(engine);
  engine->facts_known = cache_take_known(engine->cache, source, job->tensor, &engine->known);
  engine->facts_source = source;
  engine->facts_tensor = job->tensor;
  return engine->facts_known;
}

static enum status find_facts(struct engine *engine, const struct job *job, struct error *error)
{
  if (recall_facts(engine, job))
    return STATUS_OK;
  enum status status = facts_of_tensor(source_tensor(job->source, job->tensor), &engine->progress,
                                       &engine->known.facts, &engine->known.digest, error);
  engine->facts_known = status == STATUS_OK;
  return status;
}

/* From here on the running job is PREPARING or not. STATUS_CANCELLED where a newer one waits. */
static enum status set_preparing(struct engine *engine, bool preparing)
{
  pthread_mutex_lock(&engine->lock);
  bool waiting = engine->waiting;
  engine->preparing = preparing && !waiting;
  pthread_mutex_unlock(&engine->lock);
  return waiting ? STATUS_CANCELLED : STATUS_OK;
}

static void set_describing(struct engine *engine, bool describing)
{
  pthread_mutex_lock(&engine->lock);
  engine->describing = describing;
  pthread_mutex_unlock(&engine->lock);
}

static bool is_result(const struct job *job)
{
  return !job->board && !job->other && !job->what && !job->sweep && !job->fit && !job->lab &&
         !job->hashes;
}

/* True for answers at once that may come from a sample. */
static bool may_glimpse(const struct job *job)
{
  const struct tensor *tensor = source_tensor(job->source, job->tensor);
  return is_result(job) && job->request.at_once && !job->request.facts &&
         tensor->count >= ENGINE_SAMPLES && !tensor_transformed(tensor);
}

/* True where what is known of the tensor answers better than a sample. */
static bool knows_better(const struct engine *engine, const struct job *job)
{
  const struct known *known = &engine->known;
  return engine->facts_known &&
         ((known->digest && counted_can_answer(&job->quantizer)) ||
          (known->high && result_can_estimate(&job->quantizer, &job->request)));
}

/* An estimate from a sample into ANSWER, where that is worth it. A newer request of the tensor ends
 * it, though it may end nothing else. */
static enum status try_glimpse(struct engine *engine, const struct job *job,
                               struct engine_answer *answer)
{
  struct result_request request = job->request;
  bool known = recall_facts(engine, job);
  if (!may_glimpse(job) || knows_better(engine, job))
    return STATUS_OK;
  request.facts = known ? &engine->known.facts : NULL;
  request.original = known ? &engine->known.original : NULL;
  enum status status = set_preparing(engine, false);
  if (status == STATUS_OK)
    status = glimpse(source_tensor(job->source, job->tensor), &job->quantizer, &request,
                     &engine->progress, &answer->result);
  if (status != STATUS_OK || answer->result)
    return status;
  atomic_store(&engine->progress.done, 0);
  atomic_store(&engine->progress.total, 0);
  return set_preparing(engine, true);
}

/* What every request of this tensor needs. A newer one may have let it finish: then there is
 * nothing to compute for this one. Nor is there with an estimate in ANSWER. */
static enum status prepare(struct engine *engine, const struct job *job,
                           struct result_request *request, struct engine_answer *answer)
{
  struct error *error = &answer->error;
  enum status status = source_load(job->source, job->tensor, &engine->progress, error);
  if (status == STATUS_OK && job->other)
    status = source_load(job->other, job->other_tensor, &engine->progress, error);
  if (status == STATUS_OK && !request->facts && !job->other && !job->lab && !job->hashes) {
    bool known = recall_facts(engine, job);
    status = try_glimpse(engine, job, answer);
    if (status == STATUS_OK && !answer->result) {
      /* Who was shown an estimate may be shown another; who was not, waits for the facts. */
      set_describing(engine, !job->request.at_once);
      status = find_facts(engine, job, error);
      set_describing(engine, false);
    }
    if (status == STATUS_OK && !answer->result && !known) /* which tell more of some quantizers */
      status = try_glimpse(engine, job, answer);
    request->facts = &engine->known.facts;
    request->digest = engine->known.digest;
    request->original = &engine->known.original;
  }
  enum status stale = set_preparing(engine, false);
  return status == STATUS_OK ? stale : status;
}

static void forget_answer(struct engine_answer *answer)
{
  answer->result = NULL;
  answer->board = NULL;
  answer->diff = NULL;
  answer->sweep = NULL;
  answer->heat = NULL;
  answer->layer = NULL;
}

static void free_answer(struct engine_answer *answer)
{
  result_free(answer->result);
  board_free(answer->board);
  diff_free(answer->diff);
  sweep_free(answer->sweep);
  heat_free(answer->heat);
  layer_answer_free(answer->layer);
  forget_answer(answer);
}

static void drop_answer(struct engine *engine)
{
  char byte;
  if (engine->answered)
    free_answer(&engine->answer);
  engine->answered = false;
  while (read(engine->read_end, &byte, 1) > 0)
    continue;
}

static void wake_front_end(struct engine *engine)
{
  while (write(engine->write_end, "", 1) < 0 && errno == EINTR)
    continue;
}

/* Keeps the answer if it is still wanted; one that nobody took yet is an earlier part of it. */
static void deliver(struct engine *engine, struct engine_answer *answer)
{
  if (answer->request != engine->newest || answer->status == STATUS_CANCELLED) {
    free_answer(answer);
    return;
  }
  drop_answer(engine);
  engine->answer = *answer;
  engine->answered = true;
  wake_front_end(engine);
}

/* What is known of the board so far. */
static void deliver_part(void *context, const struct board *board)
{
  struct engine *engine = context;
  struct engine_answer answer = {.request = engine->current.number, .board = board_copy(board)};
  if (!answer.board)
    return;
  pthread_mutex_lock(&engine->lock);
  deliver(engine, &answer);
  pthread_mutex_unlock(&engine->lock);
}

static void deliver_rows(void *context, const struct sweep *sweep)
{
  struct engine *engine = context;
  struct engine_answer answer = {.request = engine->current.number};
  if (!engine->current.parts || !(answer.sweep = sweep_copy(sweep)))
    return;
  pthread_mutex_lock(&engine->lock);
  deliver(engine, &answer);
  pthread_mutex_unlock(&engine->lock);
}

static bool recall_row(void *context, const struct quantizer *quantizer, struct metrics *out)
{
  struct engine *engine = context;
  return cache_find_metrics(engine->cache, source_number(engine->current.source),
                            engine->current.tensor, quantizer, out);
}

static void keep_row(void *context, const struct quantizer *quantizer,
                     const struct metrics *metrics)
{
  struct engine *engine = context;
  cache_keep_metrics(engine->cache, source_number(engine->current.source), engine->current.tensor,
                     quantizer, metrics);
}

/* The sweep of the job is its answer. */
static enum status run_sweep(struct engine *engine, const struct job *job,
                             const struct result_request *request, struct engine_answer *answer)
{
  bool itself = !job->sweep->calibrated.on && !job->sweep->calibrated.batching.on;
  const struct sweep_request wanted = {.at_once = true,
                                       .facts = request->facts,
                                       .digest = request->digest,
                                       .news = deliver_rows,
                                       .recall = itself ? recall_row : NULL,
                                       .keep = itself ? keep_row : NULL,
                                       .context = engine};
  answer->sweep = job->sweep;
  return sweep_run(job->sweep, source_tensor(job->source, job->tensor), &wanted, &engine->progress,
                   &answer->error);
}

/* For the next quantizer, while the bins stay. What there is not, is counted again. */
static void note_original(struct engine *engine, const struct result_request *request,
                          const struct result *result)
{
  struct histogram *known = &engine->known.original;
  if (request->original != known || !result || result->estimated || result->original.bins == 0)
    return;
  histogram_free(known);
  if (!histogram_copy(known, &result->original))
    histogram_free(known);
}

static enum status run_hashes(struct engine *engine, const struct job *job,
                              struct engine_answer *answer)
{
  enum status status = STATUS_OK;
  answer->hashes = job->hashes;
  for (size_t i = 0; i < job->hashes && status == STATUS_OK; i++) {
    struct engine_hashed *hashed = &answer->hashed[i];
    *hashed = job->hashed[i];
    progress_expect(&engine->progress, source_tensor(hashed->source, hashed->tensor)->count);
    status = tensor_hash(hashed->source, hashed->tensor, &engine->progress, &hashed->hash,
                         &answer->error);
  }
  return status;
}

static enum status compute(struct engine *engine, const struct job *job,
                           const struct result_request *request, struct engine_answer *answer)
{
  const struct tensor *tensor = source_tensor(job->source, job->tensor);
  const struct board_request board = {
      .unit = request->unit < 0 ? PROBE_LARGEST : (size_t)request->unit,
      .facts = request->facts,
      .digest = request->digest,
      .calibrated = request->calibrated,
      .axis = request->axis,
      .theory = request->theory,
      .news = deliver_part,
      .context = engine,
  };
  struct what_if_case now = job->now;
  now.original = tensor;
  now.facts = request->facts;
  now.digest = request->digest;
  if (job->hashes)
    return run_hashes(engine, job, answer);
  if (job->lab)
    return layer_bench_run(&engine->bench, &job->layer, &job->ask, &engine->progress,
                           &answer->layer, &answer->error);
  if (job->fit)
    return heat_compute(tensor, job->fit, request->axis, &request->heat, &engine->progress,
                        &answer->heat, &answer->error);
  if (job->what)
    return what_if_measure(job->what, &now, &engine->progress, &answer->what_if, &answer->error);
  if (job->other)
    return diff_compute(tensor, source_tensor(job->other, job->other_tensor), &job->comparison,
                        &engine->progress, &answer->diff, &answer->error);
  if (job->sweep)
    return run_sweep(engine, job, request, answer);
  if (job->board)
    return board_compute(tensor, &job->quantizer, &board, &engine->progress, &answer->board,
                         &answer->error);
  if (request->at_once && request->facts == &engine->known.facts && engine->known.high &&
      result_can_estimate(&job->quantizer, request))
    return result_estimate(tensor, &job->quantizer, request, engine->known.high, &answer->result,
                           &answer->error);
  return result_compute(tensor, &job->quantizer, request, &engine->progress, &answer->result,
                        &answer->error);
}

/* A result that was computed before. */
static bool recall(struct engine *engine, const struct job *job, struct engine_answer *answer)
{
  if (!is_result(job))
    return false;
  answer->result = cache_find_result(engine->cache, source_number(job->source), job->tensor,
                                     &job->quantizer, &job->request);
  return answer->result != NULL;
}

/* Seconds since the present job began. */
static double elapsed(const struct engine *engine)
{
  return seconds_now() - 1e-6 * (double)atomic_load(&engine->since);
}

/* Numbers that take less come with the rest: its pass takes some 1.5 times as long as theirs, so
 * that all of it is there within a frame or two of a screen. */
static const double moment = 0.008; /* seconds */

/* The numbers alone, while what is to be drawn of them is measured. */
static void deliver_numbers(void *context, const struct result *numbers)
{
  struct engine *engine = context;
  struct engine_answer answer = {.request = engine->current.number};
  if (elapsed(engine) < moment ||
      source_verify(engine->current.source, &answer.error) != STATUS_OK ||
      !(answer.result = result_copy(numbers)))
    return;
  answer.result->numbers_only = true;
  pthread_mutex_lock(&engine->lock);
  deliver(engine, &answer);
  pthread_mutex_unlock(&engine->lock);
}

static enum status prepare_and_compute(struct engine *engine, const struct job *job,
                                       struct engine_answer *answer)
{
  struct result_request request = job->request;
  request.news = request.in_parts && !request.details ? deliver_numbers : NULL;
  request.context = engine;
  enum status status = prepare(engine, job, &request, answer);
  if (answer->result)
    return status;
  if (status == STATUS_OK)
    status = compute(engine, job, &request, answer);
  if (status == STATUS_OK)
    note_original(engine, &request, answer->result);
  return status;
}

static void run_job(struct engine *engine, const struct job *job, struct engine_answer *answer)
{
  bool recalled = recall(engine, job, answer);
  enum status status = recalled ? STATUS_OK : prepare_and_compute(engine, job, answer);
  if (answer->sweep != job->sweep) /* it never ran */
    sweep_free(job->sweep);
  /* What was read of a file that shrank is zeros: then nothing that was computed holds. */
  if (status == STATUS_OK || status == STATUS_CANCELLED) {
    enum status damage = source_verify(job->source, &answer->error);
    if (damage == STATUS_OK && job->other)
      damage = source_verify(job->other, &answer->error);
    for (int i = 0; job->lab && i < LAYER_PARTS && damage == STATUS_OK; i++)
      if (job->layer.source[i])
        damage = source_verify(job->layer.source[i], &answer->error);
    if (damage != STATUS_OK) {
      forget_facts(engine);
      layer_bench_close(&engine->bench);
      status = damage;
    }
  }
  if (status != STATUS_OK)
    free_answer(answer);
  else if (answer->result && !recalled)
    cache_keep_result(engine->cache, source_number(job->source), job->tensor, &job->quantizer,
                      &job->request, answer->result);
  answer->status = status;
  answer->complete = true;
}

/* True when estimates of the tensor would be worth a pass, now that its exact numbers are known. */
static bool lacks_high_digest(const struct engine *engine)
{
  uint64_t count = engine->known.facts.count;
  if (tensor_transformed(source_tensor(engine->current.source, engine->current.tensor)))
    return false; /* errors are measured on the way back */
  return engine->facts_known && engine->facts_source == source_number(engine->current.source) &&
         engine->facts_tensor == engine->current.tensor && !engine->known.digest &&
         !engine->known.high && count >= ENGINE_ESTIMATES && count <= HIGH_DIGEST_MOST;
}

/* The lock is held before and after; a request cancels it, and it is made after the next. */
static void run_high_digest(struct engine *engine)
{
  const struct tensor *tensor = source_tensor(engine->current.source, engine->current.tensor);
  const struct facts *facts = &engine->known.facts;
  const struct extremes extremes = {
      .min = (float)facts->min, .max = (float)facts->max, .nan = facts->nan, .inf = facts->inf};
  engine->sketch_wanted = engine->sketch_owed = false;
  if (!lacks_high_digest(engine))
    return;
  engine->sketching = true;
  atomic_store(&engine->idle_progress.cancelled, false);
  pthread_mutex_unlock(&engine->lock);
  struct feed feed = tensor_feed(tensor);
  struct high_digest *high = NULL;
  enum status status = high_digest_make(&feed, &extremes, &engine->idle_progress, &high);
  pthread_mutex_lock(&engine->lock);
  engine->sketching = false;
  if (status == STATUS_OK)
    engine->known.high = high;
  if (!engine->waiting) /* else the answer does */
    wake_front_end(engine);
  pthread_cond_broadcast(&engine->changed);
}

/* One turn of the idle work; the lock is held before and after. */
static void run_idle(struct engine *engine)
{
  engine_idle_work *idle = engine->idle;
  void *context = engine->idle_context;
  engine->idling = true;
  atomic_store(&engine->idle_progress.cancelled, false);
  pthread_mutex_unlock(&engine->lock);
  bool more = idle(context, &engine->idle_progress);
  pthread_mutex_lock(&engine->lock);
  engine->idling = false;
  if (!more && engine->idle == idle && engine->idle_context == context)
    engine->idle = NULL;
  if (!engine->waiting)
    wake_front_end(engine);
  pthread_cond_broadcast(&engine->changed);
}

static void *work(void *argument)
{
  struct engine *engine = argument;
  pthread_mutex_lock(&engine->lock);
  for (;;) {
    while (!engine->waiting && !engine->quit)
      if (engine->sketch_wanted)
        run_high_digest(engine);
      else if (engine->idle)
        run_idle(engine);
      else
        pthread_cond_wait(&engine->changed, &engine->lock);
    if (engine->quit)
      break;
    struct job job = engine->next;
    struct engine_answer answer = {.request = job.number};
    engine->current = job;
    engine->waiting = engine->sketch_wanted = false;
    engine->running = engine->preparing = true;
    atomic_store(&engine->progress.done, 0);
    atomic_store(&engine->progress.total, 0);
    atomic_store(&engine->progress.cancelled, false);
    atomic_store(&engine->since, (long long)(1e6 * seconds_now()));
    pthread_mutex_unlock(&engine->lock);

    run_job(engine, &job, &answer);

    pthread_mutex_lock(&engine->lock);
    engine->running = false;
    engine->sketch_owed =
        answer.status == STATUS_OK && (job.request.at_once || engine->sketch_owed);
    engine->sketch_wanted = engine->sketch_owed && !(answer.result && answer.result->sampled > 0);
    deliver(engine, &answer);
    atomic_store(&engine->busy, engine->waiting);
    pthread_cond_broadcast(&engine->changed);
  }
  pthread_mutex_unlock(&engine->lock);
  return NULL;
}

/* --- the front end ------------------------------------------------------------------------ */

static bool open_pipe(struct engine *engine)
{
  int ends[2];
  if (pipe(ends) != 0)
    return false;
  for (int i = 0; i < 2; i++) {
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fcntl(ends[i], F_SETFL, O_NONBLOCK);
  }
  engine->read_end = ends[0];
  engine->write_end = ends[1];
  return true;
}

/* Signals belong to the front end's thread, but for those that a fault of the worker itself
 * raises (SIGBUS: a mapped file that shrank): a blocked one would end the process. */
static bool start_thread(struct engine *engine)
{
  sigset_t blocked, before;
  sigfillset(&blocked);
  const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    sigdelset(&blocked, faults[i]);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  bool started = pthread_create(&engine->thread, NULL, work, engine) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

/* What the engine has besides its thread. */
static void release(struct engine *engine)
{
  pthread_cond_destroy(&engine->changed);
  pthread_mutex_destroy(&engine->lock);
  close(engine->read_end);
  close(engine->write_end);
  forget_facts(engine);
  layer_bench_close(&engine->bench);
  cache_free(engine->cache);
  free(engine);
}

struct engine *engine_new(size_t cache)
{
  struct engine *engine = mem_array(1, sizeof *engine);
  struct cache *kept = cache_new(cache);
  if (!engine || !kept || !open_pipe(engine)) {
    cache_free(kept);
    free(engine);
    return NULL;
  }
  engine->cache = kept;
  pthread_mutex_init(&engine->lock, NULL);
  pthread_cond_init(&engine->changed, NULL);
  if (start_thread(engine))
    return engine;
  release(engine);
  return NULL;
}

void engine_free(struct engine *engine)
{
  if (!engine)
    return;
  engine_cancel(engine);
  pthread_mutex_lock(&engine->lock);
  engine->quit = true;
  pthread_cond_broadcast(&engine->changed);
  pthread_mutex_unlock(&engine->lock);
  pthread_join(engine->thread, NULL);
  release(engine);
}

int engine_descriptor(const struct engine *engine)
{
  return engine->read_end;
}

/* A job that waits and shall not run. */
static void drop_next(struct engine *engine)
{
  if (engine->waiting)
    sweep_free(engine->next.sweep);
  engine->waiting = false;
}

/* Makes JOB, which gets its number here, the newest request. */
static uint64_t submit(struct engine *engine, const struct job *job)
{
  pthread_mutex_lock(&engine->lock);
  uint64_t number = ++engine->count;
  drop_answer(engine);
  bool of_use = engine->preparing && engine->current.source == job->source &&
                engine->current.tensor == job->tensor && !(engine->describing && may_glimpse(job));
  if (engine->running && !of_use)
    progress_cancel(&engine->progress);
  if (engine->idling || engine->sketching)
    progress_cancel(&engine->idle_progress);
  engine->newest = number;
  drop_next(engine);
  engine->next = *job;
  engine->next.number = number;
  engine->waiting = true;
  atomic_store(&engine->busy, true);
  pthread_cond_broadcast(&engine->changed);
  pthread_mutex_unlock(&engine->lock);
  return number;
}

uint64_t engine_request(struct engine *engine, struct source *source, size_t tensor,
                        const struct quantizer *quantizer, const struct result_request *request)
{
  const struct job job = {
      .source = source, .tensor = tensor, .quantizer = *quantizer, .request = *request};
  return submit(engine, &job);
}

uint64_t engine_request_board(struct engine *engine, struct source *source, size_t tensor,
                              const struct quantizer *quantizer, long unit, int axis,
                              struct calibrated calibrated, bool theory)
{
  const struct job job = {
      .source = source,
      .tensor = tensor,
      .quantizer = *quantizer,
      .request = {.unit = unit, .axis = axis, .calibrated = calibrated, .theory = theory},
      .board = true};
  return submit(engine, &job);
}

uint64_t engine_request_diff(struct engine *engine, struct source *source, size_t tensor,
                             struct source *other, size_t other_tensor,
                             const struct diff_request *request)
{
  const struct job job = {.source = source,
                          .tensor = tensor,
                          .other = other,
                          .other_tensor = other_tensor,
                          .comparison = *request};
  return submit(engine, &job);
}

uint64_t engine_request_what_if(struct engine *engine, struct source *source, size_t tensor,
                                const struct what_if_case *now, const struct what_if *what)
{
  const struct job job = {.source = source, .tensor = tensor, .now = *now, .what = what};
  return submit(engine, &job);
}

uint64_t engine_request_sweep(struct engine *engine, struct source *source, size_t tensor,
                              struct sweep *sweep, bool parts)
{
  const struct job job = {.source = source, .tensor = tensor, .sweep = sweep, .parts = parts};
  return submit(engine, &job);
}

uint64_t engine_request_heat(struct engine *engine, struct source *source, size_t tensor,
                             const struct fit *fit, int axis, const struct heat_request *heat)
{
  const struct job job = {
      .source = source, .tensor = tensor, .fit = fit, .request = {.axis = axis, .heat = *heat}};
  return submit(engine, &job);
}

uint64_t engine_request_layer(struct engine *engine, const struct layer_sources *of,
                              const struct layer_ask *ask)
{
  const struct job job = {.source = of->source[LAYER_WEIGHT],
                          .tensor = of->tensor[LAYER_WEIGHT],
                          .lab = true,
                          .layer = *of,
                          .ask = *ask};
  return submit(engine, &job);
}

uint64_t engine_request_hashes(struct engine *engine, const struct engine_hashed *what,
                               size_t count)
{
  struct job job = {.source = what->source, .tensor = what->tensor, .hashes = count};
  memcpy(job.hashed, what, count * sizeof *what);
  return submit(engine, &job);
}

void engine_cancel(struct engine *engine)
{
  pthread_mutex_lock(&engine->lock);
  drop_next(engine);
  engine->newest = 0;
  engine->sketch_wanted = false;
  engine->idle = NULL;
  if (engine->running)
    progress_cancel(&engine->progress);
  if (engine->idling || engine->sketching)
    progress_cancel(&engine->idle_progress);
  while (engine->running || engine->idling || engine->sketching)
    pthread_cond_wait(&engine->changed, &engine->lock);
  layer_bench_close(&engine->bench); /* its sources may be closed next */
  drop_answer(engine);
  atomic_store(&engine->busy, false);
  pthread_mutex_unlock(&engine->lock);
}

void engine_stop(struct engine *engine)
{
  pthread_mutex_lock(&engine->lock);
  drop_next(engine);
  engine->newest = 0;
  if (engine->running)
    progress_cancel(&engine->progress);
  drop_answer(engine);
  atomic_store(&engine->busy, false);
  pthread_mutex_unlock(&engine->lock);
}

void engine_set_idle(struct engine *engine, engine_idle_work *idle, void *context)
{
  pthread_mutex_lock(&engine->lock);
  engine->idle = idle;
  engine->idle_context = context;
  pthread_cond_broadcast(&engine->changed);
  pthread_mutex_unlock(&engine->lock);
}

enum { WORTH_KNOWING = 1 << 16 /* elements: fewer are read faster than looked for */ };

void engine_take_known(struct engine *engine, const struct source *source, size_t tensor,
                       struct known *known)
{
  if (source_tensor(source, tensor)->count >= WORTH_KNOWING)
    cache_take_known(engine->cache, source_number(source), tensor, known);
}

void engine_offer_known(struct engine *engine, const struct source *source, size_t tensor,
                        const struct known *known)
{
  struct known lost = *known;
  uint64_t number = source_number(source);
  bool known_now =
      engine->facts_known && engine->facts_source == number && engine->facts_tensor == tensor;
  if (known_now || source_tensor(source, tensor)->count < WORTH_KNOWING)
    known_free(&lost);
  else
    cache_offer_known(engine->cache, number, tensor, known);
}

void engine_stop_idling(struct engine *engine)
{
  pthread_mutex_lock(&engine->lock);
  engine->idle = NULL;
  if (engine->idling)
    progress_cancel(&engine->idle_progress);
  while (engine->idling)
    pthread_cond_wait(&engine->changed, &engine->lock);
  pthread_mutex_unlock(&engine->lock);
}

bool engine_idles(struct engine *engine)
{
  pthread_mutex_lock(&engine->lock);
  bool idles = engine->idle || engine->idling || engine->sketch_wanted || engine->sketching;
  pthread_mutex_unlock(&engine->lock);
  return idles;
}

bool engine_busy(const struct engine *engine, size_t *done, size_t *total)
{
  *done = atomic_load(&engine->progress.done);
  *total = atomic_load(&engine->progress.total);
  return atomic_load(&engine->busy);
}

double work_left(double elapsed, size_t done, size_t total)
{
  const double part = total ? (double)done / (double)total : 0;
  if (elapsed < 1 || part < 0.02)
    return (double)NAN;
  return part < 1 ? elapsed * (1 - part) / part : 0;
}

double engine_left(const struct engine *engine)
{
  size_t done, total;
  if (!engine_busy(engine, &done, &total))
    return 0;
  return work_left(elapsed(engine), done, total);
}

bool engine_take(struct engine *engine, struct engine_answer *answer)
{
  pthread_mutex_lock(&engine->lock);
  bool taken = engine->answered;
  if (taken) {
    *answer = engine->answer;
    forget_answer(&engine->answer);
  }
  drop_answer(engine);
  pthread_mutex_unlock(&engine->lock);
  return taken;
}
