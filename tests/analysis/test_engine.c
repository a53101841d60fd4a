/* The engine: answers, what a new request does to the old one, cancelling, errors. No sleeps: the
 * tests wait on the descriptor, as a front end does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/engine.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <poll.h>
#include <string.h>

static const struct result_request plain = {.lo = (double)NAN, .hi = (double)NAN};
static const char *const small = "synth:gaussian,shape=64x50,seed=3";
static const char *const large = "synth:gaussian,shape=1024x1024,seed=3";

struct bench {
  struct engine *engine;
  struct source *source;
};

static void open_bench(struct bench *bench, const char *spec)
{
  struct error error;
  if (source_open(spec, &bench->source, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  bench->engine = engine_new(ENGINE_CACHE);
  assert_non_null(bench->engine);
}

static void close_bench(struct bench *bench)
{
  engine_free(bench->engine);
  source_close(bench->source);
}

static uint64_t ask(struct bench *bench, const char *spec)
{
  struct quantizer quantizer = quantizer_of(spec);
  return engine_request(bench->engine, bench->source, 0, &quantizer, &plain);
}

static bool readable(const struct engine *engine, int milliseconds)
{
  struct pollfd descriptor = {.fd = engine_descriptor(engine), .events = POLLIN};
  return poll(&descriptor, 1, milliseconds) == 1;
}

/* The next answer; a minute without one is a failure. */
static struct engine_answer wait_for(struct bench *bench)
{
  struct engine_answer answer = {0};
  assert_true(readable(bench->engine, 60000));
  assert_true(engine_take(bench->engine, &answer));
  return answer;
}

static void test_answer(void **state)
{
  (void)state;
  struct bench bench;
  struct engine_answer nothing;
  size_t done, total;
  open_bench(&bench, small);
  assert_false(engine_take(bench.engine, &nothing));
  assert_false(readable(bench.engine, 0));
  uint64_t number = ask(&bench, "int8");
  struct engine_answer answer = wait_for(&bench);
  assert_int_equal(number, 1);
  assert_int_equal(answer.request, 1);
  assert_int_equal(answer.status, STATUS_OK);
  assert_int_equal(answer.result->facts.count, 64 * 50);
  /* The same numbers as without the engine. */
  struct quantizer quantizer = quantizer_of("int8");
  struct result *direct = NULL;
  struct error error;
  assert_int_equal(
      result_compute(source_tensor(bench.source, 0), &quantizer, &plain, NULL, &direct, &error),
      STATUS_OK);
  assert_memory_equal(&direct->metrics, &answer.result->metrics, sizeof direct->metrics);
  result_free(direct);
  result_free(answer.result);
  /* Taken is taken. */
  assert_false(engine_take(bench.engine, &nothing));
  assert_false(readable(bench.engine, 0));
  assert_false(engine_busy(bench.engine, &done, &total));
  assert_int_equal(done, total);
  close_bench(&bench);
}

/* The values of a tensor are counted once for all quantizers, as long as their bins stay: the
 * same histograms as without the engine, also when the tensor changed in between. */
static void test_values_are_counted_once(void **state)
{
  static const struct {
    const char *spec;
    size_t bins, tensor;
  } turns[] = {{"int8", 40, 0}, {"int4", 40, 0}, {"int4,channel", 40, 0},   {"int4", 41, 0},
               {"int8", 41, 1}, {"int4", 41, 0}, {"int8,range=-1:1", 41, 0}};
  (void)state;
  struct bench bench;
  open_bench(&bench, "synth:");
  for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
    struct quantizer quantizer = quantizer_of(turns[i].spec);
    struct result_request request = {
        .bins = turns[i].bins, .lo = (double)NAN, .hi = (double)NAN, .no_errors = true};
    struct result *direct = NULL;
    struct error error;
    engine_request(bench.engine, bench.source, turns[i].tensor, &quantizer, &request);
    struct engine_answer answer = wait_for(&bench);
    assert_int_equal(answer.status, STATUS_OK);
    assert_int_equal(result_compute(source_tensor(bench.source, turns[i].tensor), &quantizer,
                                    &request, NULL, &direct, &error),
                     STATUS_OK);
    assert_true(direct->original.lo == answer.result->original.lo);
    assert_memory_equal(direct->original.count, answer.result->original.count,
                        turns[i].bins * sizeof *direct->original.count);
    assert_memory_equal(direct->reconstruction.count, answer.result->reconstruction.count,
                        turns[i].bins * sizeof *direct->reconstruction.count);
    result_free(direct);
    result_free(answer.result);
  }
  close_bench(&bench);
}

/* Many requests at once: only the last is answered, whatever was running. */
static void test_newest_wins(void **state)
{
  (void)state;
  struct bench bench;
  struct engine_answer nothing;
  const char *specs[] = {"int8", "int4", "int8,channel", "e4m3", "int4,group=32"};
  open_bench(&bench, large);
  uint64_t last = 0;
  for (int i = 0; i < 20; i++)
    last = ask(&bench, specs[i % 5]);
  struct engine_answer answer = wait_for(&bench);
  assert_int_equal(last, 20);
  assert_int_equal(answer.request, last);
  assert_int_equal(answer.status, STATUS_OK);
  assert_int_equal(answer.result->quantizer.granularity.kind, GRAIN_GROUP);
  assert_false(engine_take(bench.engine, &nothing));
  result_free(answer.result);
  close_bench(&bench);
}

/* An answer that nobody took is dropped with the next request. */
static void test_untaken_answer(void **state)
{
  (void)state;
  struct bench bench;
  open_bench(&bench, small);
  ask(&bench, "int8");
  assert_true(readable(bench.engine, 60000));
  uint64_t second = ask(&bench, "int4");
  struct engine_answer answer = wait_for(&bench);
  assert_int_equal(answer.request, second);
  assert_int_equal(answer.result->quantizer.format->bits, 4);
  result_free(answer.result);
  close_bench(&bench);
}

/* A quarter in ten seconds: three more of these. */
static void test_time_left(void **state)
{
  (void)state;
  assert_true(work_left(10, 25, 100) == 30);
  assert_true(work_left(10, 120, 100) == 0);
  assert_true(isnan(work_left(0.5, 25, 100)));
  assert_true(isnan(work_left(10, 1, 100)));
  assert_true(isnan(work_left(10, 5, 0)));
}

static void test_cancel(void **state)
{
  (void)state;
  struct bench bench;
  struct engine_answer nothing;
  size_t done, total;
  open_bench(&bench, large);
  for (int i = 0; i < 10; i++) {
    ask(&bench, "int8,mse");
    assert_true(engine_busy(bench.engine, &done, &total));
    engine_cancel(bench.engine);
    assert_false(engine_busy(bench.engine, &done, &total));
    assert_false(engine_take(bench.engine, &nothing));
    assert_false(readable(bench.engine, 0));
  }
  engine_cancel(bench.engine); /* with nothing to cancel */
  /* After that it works as before. */
  ask(&bench, "int8");
  struct engine_answer answer = wait_for(&bench);
  assert_int_equal(answer.status, STATUS_OK);
  result_free(answer.result);
  close_bench(&bench);
}

/* Cancelling lets go of the source: it can be closed, and another one asked about. */
static void test_other_source(void **state)
{
  (void)state;
  struct bench bench;
  struct error error;
  open_bench(&bench, large);
  for (uint64_t i = 0; i < 6; i++) {
    ask(&bench, "int8");
    engine_cancel(bench.engine);
    source_close(bench.source);
    assert_int_equal(source_open(i % 2 ? large : small, &bench.source, &error), STATUS_OK);
  }
  ask(&bench, "int8");
  struct engine_answer answer = wait_for(&bench);
  assert_int_equal(answer.status, STATUS_OK);
  assert_int_equal(answer.result->facts.count, source_tensor(bench.source, 0)->count);
  result_free(answer.result);
  close_bench(&bench);
}

/* Facts are kept per tensor: another tensor of the same source has its own. */
static void test_facts_follow_the_tensor(void **state)
{
  (void)state;
  struct bench bench;
  struct quantizer quantizer = quantizer_of("int8");
  double deviation[2] = {0};
  open_bench(&bench, "synth:");
  assert_true(source_count(bench.source) >= 2);
  for (int round = 0; round < 4; round++) {
    size_t tensor = (size_t)round % 2;
    engine_request(bench.engine, bench.source, tensor, &quantizer, &plain);
    struct engine_answer answer = wait_for(&bench);
    assert_int_equal(answer.status, STATUS_OK);
    if (round < 2)
      deviation[tensor] = answer.result->facts.kurtosis;
    assert_true(answer.result->facts.kurtosis == deviation[tensor]);
    result_free(answer.result);
  }
  assert_true(deviation[0] != deviation[1]);
  close_bench(&bench);
}

/* What was asked for before comes back without a pass: nothing is counted, whatever lies between.
 * Without memory for it everything is computed again, to the same numbers. */
static void test_going_back(void **state)
{
  (void)state;
  const size_t memory[] = {ENGINE_CACHE, 0};
  struct metrics first = {0};
  for (int i = 0; i < 2; i++) {
    struct bench bench;
    struct engine_answer answer;
    size_t done, total;
    open_bench(&bench, small);
    engine_free(bench.engine);
    bench.engine = engine_new(memory[i]);
    const char *specs[] = {"int8", "int4,group=10", "int8"};
    for (int k = 0; k < 3; k++) {
      ask(&bench, specs[k]);
      answer = wait_for(&bench);
      if (i == 0 && k == 0)
        first = answer.result->metrics;
      if (k < 2)
        result_free(answer.result);
    }
    engine_busy(bench.engine, &done, &total);
    assert_true(memory[i] ? total == 0 : done > 0);
    assert_memory_equal(&answer.result->metrics, &first, sizeof first);
    result_free(answer.result);
    engine_cancel(bench.engine); /* what is known stays */
    ask(&bench, "int4,group=10");
    answer = wait_for(&bench);
    engine_busy(bench.engine, &done, &total);
    assert_true(memory[i] ? total == 0 : done > 0);
    result_free(answer.result);
    close_bench(&bench);
  }
}

/* The next answer, where work in between makes the descriptor readable, too. */
static struct engine_answer next_answer(struct bench *bench)
{
  struct engine_answer answer;
  do
    assert_true(readable(bench->engine, 60000));
  while (!engine_take(bench->engine, &answer));
  return answer;
}

static struct engine_answer request_for(struct bench *bench, const char *spec, bool at_once)
{
  struct quantizer quantizer = quantizer_of(spec);
  struct result_request request = plain;
  request.at_once = at_once;
  engine_request(bench->engine, bench->source, 0, &quantizer, &request);
  struct engine_answer answer = next_answer(bench);
  assert_true(answer.status == STATUS_OK && answer.complete);
  return answer;
}

/* Once a long tensor has been measured, the engine makes a digest for estimates by itself, and says
 * when it has; from then on who asks for an answer at once gets one, and the exact one by asking
 * again. A tensor that is short never has estimates. */
static void test_estimates(void **state)
{
  (void)state;
  struct bench bench;
  struct engine_answer answer;
  struct result_request request = plain;
  struct quantizer eight = quantizer_of("int8"), four = quantizer_of("int4");
  request.at_once = true;
  open_bench(&bench, "synth:gaussian,shape=2048x2048,seed=3");
  engine_request(bench.engine, bench.source, 0, &eight, &request);
  answer = wait_for(&bench);
  if (answer.result->estimated) { /* a slow machine shows a sample before that */
    result_free(answer.result);
    answer = request_for(&bench, "int8", false);
  }
  assert_true(answer.status == STATUS_OK && answer.complete && !answer.result->estimated);
  result_free(answer.result);
  while (engine_idles(bench.engine))
    readable(bench.engine, 1);
  assert_false(engine_take(bench.engine, &answer));
  engine_request(bench.engine, bench.source, 0, &four, &request);
  answer = wait_for(&bench);
  assert_true(answer.result->estimated && answer.complete && answer.result->sampled == 0);
  double least = answer.result->least_mse, most = answer.result->most_mse;
  result_free(answer.result);
  engine_request(bench.engine, bench.source, 0, &eight, &request); /* is remembered */
  answer = wait_for(&bench);
  assert_false(answer.result->estimated);
  result_free(answer.result);
  request.at_once = false;
  engine_request(bench.engine, bench.source, 0, &four, &request);
  answer = wait_for(&bench);
  assert_false(answer.result->estimated);
  assert_true(least <= answer.result->metrics.mse && answer.result->metrics.mse <= most);
  result_free(answer.result);
  close_bench(&bench);
}

/* What takes long is estimated from a sample at first: before the facts are known, and with them.
 * The searches are the slowest there are; with one thread they are never done at once. Then the
 * engine makes the digest for estimates, as ever. */
static void test_samples(void **state)
{
  (void)state;
  struct bench bench;
  struct engine_answer answer;
  double least = 0, most = 0, ratio = 0;
  pool_set_threads(1);
  open_bench(&bench, "synth:gaussian,shape=2048x2050,seed=3"); /* rows are ragged */
  for (int known = 0; known < 2; known++) {
    const char *spec = known ? "int8,group=32,mse" : "int4,group=128,lp";
    answer = request_for(&bench, spec, true);
    const struct result *sample = answer.result;
    assert_true(sample->estimated && sample->partial && sample->sampled > 0);
    assert_true(sample->facts_sampled == !known);
    least = sample->least_mse / sample->metrics.mse;
    most = sample->most_mse / sample->metrics.mse;
    ratio = sample->metrics.sqnr_db;
    result_free(answer.result);
    answer = request_for(&bench, spec, false);
    assert_true(!answer.result->estimated && answer.result->sampled == 0 && answer.result->fit);
    ratio = pow(10, (ratio - answer.result->metrics.sqnr_db) / 10);
    assert_true(least <= ratio && ratio <= most);
    result_free(answer.result);
  }
  while (engine_idles(bench.engine))
    readable(bench.engine, 1);
  answer = request_for(&bench, "int4", true);
  assert_true(answer.result->estimated && answer.result->sampled == 0);
  result_free(answer.result);
  close_bench(&bench);
  pool_set_threads(0);
}

/* A newer request ends a search for facts that it does not wait for. */
static void test_samples_are_not_held_up(void **state)
{
  (void)state;
  struct bench bench;
  struct engine_answer answer;
  struct quantizer slow = quantizer_of("int4,group=128,lp");
  struct result_request request = plain;
  pool_set_threads(1);
  open_bench(&bench, "synth:gaussian,shape=1024x2304,seed=3");
  for (int i = 0; i < 20; i++) {
    request.at_once = i % 2;
    engine_request(bench.engine, bench.source, 0, &slow, &request);
    for (int k = 0; k < i * 500; k++)
      atomic_thread_fence(memory_order_seq_cst);
  }
  answer = next_answer(&bench);
  assert_int_equal(answer.request, 20);
  assert_true(answer.status == STATUS_OK && answer.result->sampled > 0);
  result_free(answer.result);
  close_bench(&bench);
  pool_set_threads(0);
}

/* The numbers of what takes more than a moment (with one thread, a search for the scales of groups
 * always does), and then all of it. Whoever is slow to take the former gets the latter alone: so it
 * is asked until someone was fast enough. */
static struct engine_answer numbers_of(struct bench *bench, size_t *asked)
{
  struct result_request request = {
      .bins = 50, .lo = (double)NAN, .hi = (double)NAN, .in_parts = true};
  for (int turn = 0; turn < 28; turn++) {
    char spec[32];
    sprintf(spec, "int%d,group=%d,lp", 2 + turn % 7, 128 + turn / 7);
    struct quantizer quantizer = quantizer_of(spec);
    *asked = engine_request(bench->engine, bench->source, 0, &quantizer, &request);
    struct engine_answer answer = next_answer(bench);
    assert_true(answer.status == STATUS_OK && answer.request == *asked);
    assert_true(answer.result->numbers_only == !answer.complete);
    if (!answer.complete)
      return answer;
    result_free(answer.result);
  }
  fail();
  return (struct engine_answer){0};
}

static void test_parts(void **state)
{
  (void)state;
  struct bench bench;
  size_t asked, done, total;
  pool_set_threads(1);
  open_bench(&bench, large);
  struct engine_answer answer = numbers_of(&bench, &asked);
  struct result *numbers = answer.result;
  assert_true(!numbers->estimated && !numbers->partial && numbers->original.bins == 0);
  answer = next_answer(&bench);
  assert_true(answer.status == STATUS_OK && answer.complete && answer.request == asked);
  assert_true(!answer.result->numbers_only && answer.result->error2);
  assert_int_equal(answer.result->original.bins, 50);
  assert_memory_equal(&numbers->metrics, &answer.result->metrics, sizeof numbers->metrics);
  assert_false(engine_busy(bench.engine, &done, &total));
  assert_int_equal(done, total);
  result_free(answer.result);
  /* All of it was kept, not the part. */
  const struct result_request request = {
      .bins = 50, .lo = (double)NAN, .hi = (double)NAN, .in_parts = true};
  engine_request(bench.engine, bench.source, 0, &numbers->quantizer, &request);
  answer = next_answer(&bench);
  assert_true(answer.complete && !answer.result->numbers_only && answer.result->error2);
  result_free(answer.result);
  result_free(numbers);
  close_bench(&bench);
  pool_set_threads(0);
}

/* Between the parts: a newer request, a cancel, the end. */
static void test_parts_give_way(void **state)
{
  (void)state;
  struct engine_answer answer;
  size_t asked;
  pool_set_threads(1);
  for (int turn = 0; turn < 3; turn++) {
    struct bench bench;
    open_bench(&bench, large);
    answer = numbers_of(&bench, &asked);
    result_free(answer.result);
    if (turn == 0) {
      uint64_t number = ask(&bench, "int8");
      answer = next_answer(&bench);
      assert_true(answer.request == number && answer.complete && !answer.result->numbers_only);
      result_free(answer.result);
    } else if (turn == 1) {
      engine_cancel(bench.engine);
      assert_false(readable(bench.engine, 0));
      assert_false(engine_take(bench.engine, &answer));
    }
    close_bench(&bench);
  }
  pool_set_threads(0);
}

/* What idle work finds out of a tensor, a request does not find out again: here it is not true. */
struct teller {
  struct bench *bench;
  size_t size;
  bool taken;
};

static bool tell(void *context, struct progress *progress)
{
  struct teller *teller = context;
  struct engine *engine = teller->bench->engine;
  const struct source *source = teller->bench->source;
  struct known known = {.facts = {.count = teller->size, .finite = teller->size, .absmax = 1000}};
  (void)progress;
  engine_offer_known(engine, source, 0, &known);
  known = (struct known){.digest = NULL};
  engine_take_known(engine, source, 0, &known);
  teller->taken = known.facts.count > 0;
  engine_offer_known(engine, source, 0, &known);
  return false;
}

static void test_idle_work_leaves_facts(void **state)
{
  (void)state;
  static const struct {
    const char *spec;
    size_t size;
    bool kept; /* of few elements nothing is */
  } cases[] = {{"synth:gaussian,shape=256x256", 65536, true},
               {"synth:gaussian,shape=255x257", 65535, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bench bench;
    struct teller teller = {.bench = &bench, .size = cases[i].size};
    open_bench(&bench, cases[i].spec);
    engine_set_idle(bench.engine, tell, &teller);
    while (engine_idles(bench.engine))
      readable(bench.engine, 1);
    assert_int_equal(teller.taken, cases[i].kept);
    ask(&bench, "int8,scale=1");
    struct engine_answer answer = wait_for(&bench);
    assert_int_equal(answer.status, STATUS_OK);
    assert_int_equal(answer.result->facts.absmax == 1000, cases[i].kept);
    result_free(answer.result);
    close_bench(&bench);
  }
}

static void test_error_is_an_answer(void **state)
{
  (void)state;
  struct bench bench;
  open_bench(&bench, small);
  uint64_t number = ask(&bench, "int8,channel=7");
  struct engine_answer answer = wait_for(&bench);
  assert_int_equal(answer.request, number);
  assert_int_equal(answer.status, STATUS_USAGE);
  assert_null(answer.result);
  assert_non_null(strstr(answer.error.text, "64x50"));
  close_bench(&bench);
}

/* Freed while it works, and with an answer that nobody took. */
static void test_free_at_work(void **state)
{
  (void)state;
  for (int i = 0; i < 5; i++) {
    struct bench bench;
    open_bench(&bench, large);
    ask(&bench, "int4,mse");
    close_bench(&bench);
    open_bench(&bench, small);
    ask(&bench, "int8");
    assert_true(readable(bench.engine, 60000));
    close_bench(&bench);
  }
  engine_free(NULL);
}

/* A board comes in parts: each has more, the last is complete; it is that of board_compute. */
static void a_board_in_parts(void **state)
{
  (void)state;
  struct bench bench;
  open_bench(&bench, small);
  struct quantizer quantizer = quantizer_of("int4");
  uint64_t number = engine_request_board(bench.engine, bench.source, 0, &quantizer, -1, 0,
                                         (struct calibrated){0}, false);
  size_t done = 0, total;
  struct engine_answer answer;
  for (bool complete = false; !complete;) {
    answer = wait_for(&bench);
    assert_int_equal(answer.status, STATUS_OK);
    assert_int_equal(answer.request, number);
    assert_null(answer.result);
    assert_int_equal(answer.board->points, BOARD_POINTS);
    assert_true(answer.board->done >= done);
    done = answer.board->done;
    complete = answer.complete;
    if (complete)
      assert_int_equal(answer.board->done, answer.board->rows);
    else
      board_free(answer.board);
  }
  const struct board_request request = {.unit = PROBE_LARGEST};
  struct board *board = NULL;
  assert_int_equal(
      board_compute(source_tensor(bench.source, 0), &quantizer, &request, NULL, &board, NULL),
      STATUS_OK);
  assert_memory_equal(board->point, answer.board->point, sizeof board->point);
  assert_memory_equal(board->rank, answer.board->rank, board->rows * sizeof *board->rank);
  board_free(board);
  board_free(answer.board);
  assert_false(engine_busy(bench.engine, &done, &total));
  close_bench(&bench);
}

/* A new request cancels the board, and none of its parts comes any more. */
static void a_board_gives_way(void **state)
{
  (void)state;
  struct bench bench;
  open_bench(&bench, large);
  struct quantizer quantizer = quantizer_of("int8,asym");
  engine_request_board(bench.engine, bench.source, 0, &quantizer, -1, 0, (struct calibrated){0},
                       false);
  struct engine_answer answer = wait_for(&bench); /* its first part, perhaps a later one */
  board_free(answer.board);
  uint64_t number = ask(&bench, "int4");
  answer = wait_for(&bench);
  assert_int_equal(answer.request, number);
  assert_null(answer.board);
  assert_non_null(answer.result);
  result_free(answer.result);
  engine_request_board(bench.engine, bench.source, 0, &quantizer, -1, 0, (struct calibrated){0},
                       false);
  close_bench(&bench); /* in the middle of it */
}

static struct sweep *sweep_planned(const char *over, const char *spec)
{
  struct quantizer quantizer = quantizer_of(spec);
  struct sweep *sweep = NULL;
  assert_int_equal(sweep_plan(over, &quantizer, 1, &sweep, NULL), STATUS_OK);
  return sweep;
}

/* Takes answers until the sweep is complete. */
static struct sweep *sweep_answer(struct bench *bench, uint64_t number)
{
  size_t done = 0;
  for (;;) {
    struct engine_answer answer = wait_for(bench);
    assert_int_equal(answer.status, STATUS_OK);
    assert_int_equal(answer.request, number);
    assert_true(answer.sweep->done >= done);
    done = answer.sweep->done;
    if (answer.complete)
      return answer.sweep;
    sweep_free(answer.sweep);
  }
}

/* A sweep comes in parts, too, and is that of sweep_run; the second time without its passes. */
static void a_sweep_in_parts(void **state)
{
  (void)state;
  struct bench bench;
  open_bench(&bench, small);
  uint64_t number =
      engine_request_sweep(bench.engine, bench.source, 0, sweep_planned("bits", "int8"), true);
  struct sweep *first = sweep_answer(&bench, number), *own = sweep_planned("bits", "int8");
  assert_int_equal(sweep_run(own, source_tensor(bench.source, 0), NULL, NULL, NULL), STATUS_OK);
  number =
      engine_request_sweep(bench.engine, bench.source, 0, sweep_planned("bits=8,4", "int8"), false);
  struct engine_answer answer = wait_for(&bench);
  assert_true(answer.complete); /* nobody asked for parts */
  for (size_t i = 0; i < own->rows; i++)
    assert_memory_equal(&own->row[i].metrics.mse, &first->row[i].metrics.mse, sizeof(double));
  assert_memory_equal(&answer.sweep->row[0].metrics, &first->row[6].metrics,
                      sizeof first->row->metrics);
  assert_memory_equal(&answer.sweep->row[1].metrics, &first->row[2].metrics,
                      sizeof first->row->metrics);
  sweep_free(answer.sweep);
  sweep_free(own);
  sweep_free(first);
  close_bench(&bench);
}

/* Whether it waits, runs or is done: a sweep that nobody wants any more is freed. */
static void a_sweep_gives_way(void **state)
{
  (void)state;
  struct bench bench;
  open_bench(&bench, large);
  for (int i = 0; i < 3; i++)
    engine_request_sweep(bench.engine, bench.source, 0, sweep_planned("bits", "int8"), true);
  struct engine_answer answer = wait_for(&bench); /* the first part */
  sweep_free(answer.sweep);
  uint64_t number = ask(&bench, "int4");
  answer = wait_for(&bench);
  assert_int_equal(answer.request, number);
  assert_null(answer.sweep);
  result_free(answer.result);
  engine_request_sweep(bench.engine, bench.source, 0, sweep_planned("bits", "int8"), true);
  close_bench(&bench); /* in the middle of it */
}

static void a_board_that_cannot_be(void **state)
{
  (void)state;
  struct bench bench;
  open_bench(&bench, small);
  struct quantizer quantizer = quantizer_of("int8,channel");
  engine_request_board(bench.engine, bench.source, 0, &quantizer, 1000, 0, (struct calibrated){0},
                       false);
  struct engine_answer answer = wait_for(&bench);
  assert_int_equal(answer.status, STATUS_USAGE);
  assert_true(answer.complete && !answer.board);
  close_bench(&bench);
}

/* A second source: the same numbers as without the engine, and errors are answers. */
static void a_comparison(void **state)
{
  (void)state;
  const struct diff_request request = {.lo = (double)NAN, .hi = (double)NAN, .bins = 20};
  struct bench bench;
  struct source *other, *wider;
  struct error error;
  struct diff *direct = NULL;
  open_bench(&bench, small);
  assert_int_equal(source_open("synth:gaussian,shape=64x50,seed=4", &other, &error), STATUS_OK);
  assert_int_equal(source_open("synth:gaussian,shape=64x51", &wider, &error), STATUS_OK);
  engine_request_diff(bench.engine, bench.source, 0, other, 0, &request);
  struct engine_answer answer = wait_for(&bench);
  assert_true(answer.status == STATUS_OK && answer.complete && !answer.result && !answer.board);
  assert_int_equal(diff_compute(source_tensor(bench.source, 0), source_tensor(other, 0), &request,
                                NULL, &direct, &error),
                   STATUS_OK);
  assert_memory_equal(&answer.diff->metrics, &direct->metrics, sizeof direct->metrics);
  assert_int_equal(answer.diff->b_histogram.bins, 20);
  diff_free(direct);
  diff_free(answer.diff);
  engine_request_diff(bench.engine, bench.source, 0, wider, 0, &request);
  answer = wait_for(&bench);
  assert_true(answer.status == STATUS_USAGE && !answer.diff);
  assert_non_null(strstr(answer.error.text, "expected the shape 64x50, found 64x51"));
  engine_request_diff(bench.engine, bench.source, 0, other, 0, &request);
  close_bench(&bench); /* in the middle of it */
  source_close(other);
  source_close(wider);
}

static struct layer_ask layer_ask_of(const char *method, const char *spec)
{
  struct layer_ask ask = {.weight = quantizer_of(spec)};
  struct error error;
  assert_int_equal(method_parse(method, &ask.method, &error), STATUS_OK);
  return ask;
}

/* A method on a layer: its weight loses what a result of the quantizer says. The layer stays open
 * from one method to the next, and is opened again after a cancel. */
static void test_layer(void **state)
{
  (void)state;
  struct bench bench;
  struct error error;
  struct layer_sources of = {.tensor = {0}};
  open_bench(&bench, "synth:gaussian,shape=24x16,seed=3");
  of.source[LAYER_WEIGHT] = bench.source;
  assert_int_equal(
      source_open("synth:gaussian,shape=40x16,seed=4", &of.source[LAYER_ACTIVATION], &error),
      STATUS_OK);
  const struct layer_ask rtn = layer_ask_of("rtn", "int4,group=8"),
                         awq = layer_ask_of("awq", "int4,group=8");
  uint64_t number = engine_request_layer(bench.engine, &of, &rtn);
  struct engine_answer answer = wait_for(&bench);
  assert_int_equal(answer.request, number);
  assert_int_equal(answer.status, STATUS_OK);
  assert_true(answer.complete);
  assert_int_equal(answer.layer->row.state, LAYER_DONE);
  assert_true(layer_ask_equal(&answer.layer->row.ask, &rtn));
  assert_int_equal(answer.layer->problem.layer.rows, 24);
  assert_int_equal(answer.layer->problem.layer.columns, 16);
  assert_null(answer.layer->problem.layer.weight);
  const double first = answer.layer->row.calibration.output_mse;
  const double weight_db = answer.layer->row.calibration.weight_sqnr_db;
  layer_answer_free(answer.layer);
  struct result *direct = NULL;
  assert_int_equal(
      result_compute(source_tensor(bench.source, 0), &rtn.weight, &plain, NULL, &direct, &error),
      STATUS_OK);
  assert_float_equal(weight_db, direct->metrics.sqnr_db, 1e-9);
  result_free(direct);
  engine_request_layer(bench.engine, &of, &awq);
  engine_stop(bench.engine); /* whatever came of it is dropped */
  engine_request_layer(bench.engine, &of, &rtn);
  answer = wait_for(&bench);
  assert_true(layer_ask_equal(&answer.layer->row.ask, &rtn));
  assert_float_equal(answer.layer->row.calibration.output_mse, first, 0);
  layer_answer_free(answer.layer);
  engine_cancel(bench.engine);
  struct layer_sources misfit = of; /* 24 wide where 16 are expected */
  misfit.transposed = true;
  engine_request_layer(bench.engine, &misfit, &rtn);
  answer = wait_for(&bench);
  assert_int_equal(answer.status, STATUS_INPUT);
  assert_null(answer.layer);
  assert_non_null(strstr(answer.error.text, "input channels"));
  engine_cancel(bench.engine);
  source_close(of.source[LAYER_ACTIVATION]);
  close_bench(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_board_in_parts),
      cmocka_unit_test(a_board_gives_way),
      cmocka_unit_test(a_sweep_in_parts),
      cmocka_unit_test(a_sweep_gives_way),
      cmocka_unit_test(a_board_that_cannot_be),
      cmocka_unit_test(a_comparison),
      cmocka_unit_test(test_answer),
      cmocka_unit_test(test_values_are_counted_once),
      cmocka_unit_test(test_newest_wins),
      cmocka_unit_test(test_untaken_answer),
      cmocka_unit_test(test_time_left),
      cmocka_unit_test(test_cancel),
      cmocka_unit_test(test_other_source),
      cmocka_unit_test(test_facts_follow_the_tensor),
      cmocka_unit_test(test_going_back),
      cmocka_unit_test(test_estimates),
      cmocka_unit_test(test_samples),
      cmocka_unit_test(test_samples_are_not_held_up),
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_parts_give_way),
      cmocka_unit_test(test_idle_work_leaves_facts),
      cmocka_unit_test(test_layer),
      cmocka_unit_test(test_error_is_an_answer),
      cmocka_unit_test(test_free_at_work),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
