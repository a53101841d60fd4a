/* The board: its curve against a loop over the elements, its rows against reports of their specs,
 * its optimum against every row, and tensors that leave nothing to choose. */
#include "tests/analysis/tensors.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

#include "analysis/board.h"
#include "analysis/figure.h"
#include "analysis/result.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct board *board_of(const struct tensor *tensor, const char *spec, size_t unit)
{
  const struct quantizer quantizer = quantizer_of(spec);
  const struct board_request request = {.unit = unit};
  struct board *board = NULL;
  struct error error = {0};
  enum status status = board_compute(tensor, &quantizer, &request, NULL, &board, &error);
  if (status != STATUS_OK)
    fail_msg("%s: %s", spec, error.text);
  return board;
}

static struct shape shape_of(size_t rows, size_t columns)
{
  return (struct shape){.dims = 2, .dim = {rows, columns}};
}

static void near(double found, double expected, double tolerance, const char *what)
{
  if (!(fabs(found - expected) <= tolerance * fmax(fabs(expected), DBL_MIN)))
    fail_msg("%s: found %.17g, expected %.17g", what, found, expected);
}

/* --- the curve against brute force ---------------------------------------------------------- */

/* Symmetric integers of BITS by the definitions: scale = T / max in float32, quotients rounded to
 * even, and an element is clipped when the clamp changed its code. */
static struct board_loss brute(const float *x, size_t n, double threshold, int bits)
{
  double most = ldexp(1, bits - 1) - 1, error2 = 0, clipped2 = 0, signal2 = 0;
  size_t clipped = 0;
  float scale = (float)threshold / (float)most;
  for (size_t i = 0; i < n; i++) {
    double code = rint((double)(x[i] / scale)), kept = fmin(fmax(code, -most - 1), most);
    double error = (double)x[i] - (double)((float)kept * scale);
    bool cut = code < kept || code > kept;
    error2 += error * error;
    clipped2 += cut ? error * error : 0;
    clipped += cut;
    signal2 += (double)x[i] * (double)x[i];
  }
  return (struct board_loss){error2 / (double)n, (error2 - clipped2) / (double)n,
                             clipped2 / (double)n, 10 * log10(signal2 / error2),
                             (double)clipped / (double)n};
}

static void check_curve(const float *x, size_t n, const char *spec, int bits)
{
  struct tensor tensor = tensor_over(x, shape_of(1, n));
  struct board *board = board_of(&tensor, spec, PROBE_LARGEST);
  assert_int_equal(board->points, BOARD_POINTS);
  double before = 0;
  for (size_t i = 0; i < board->points; i++) {
    const struct board_point *point = &board->point[i];
    struct board_loss expected = brute(x, n, point->threshold, bits);
    assert_true(point->threshold > before);
    before = point->threshold;
    near(point->loss.mse, expected.mse, 1e-11, "mse");
    near(point->loss.clipping_mse, expected.clipping_mse, 1e-11, "clipping");
    assert_true(fabs(point->loss.rounding_mse - expected.rounding_mse) < 1e-11 * expected.mse);
    near(point->loss.sqnr_db, expected.sqnr_db, 1e-11, "ratio");
    near(point->loss.clip_rate, expected.clip_rate, 1e-12, "clip rate");
  }
  assert_true(before > board->absmax);
  board_free(board);
}

static void test_curve(void **state)
{
  (void)state;
  enum { N = 70001 }; /* more than one span, and a ragged end */
  float *x = malloc(N * sizeof *x);
  portable_laplace(x, N);
  check_curve(x, N, "int8", 8);
  check_curve(x, 4097, "int3", 3);
  portable_student3(x, N);
  check_curve(x, 9999, "int4", 4);
  free(x);
}

/* The asymmetric curve and those of floats: what a range by hand reports. */
static void check_curve_by_reports(const char *spec, const char *by_hand)
{
  enum { N = 3000, EVERY = 24 };
  float *x = random_values(N, 5, false);
  struct tensor tensor = tensor_over(x, shape_of(1, N));
  struct board *board = board_of(&tensor, spec, PROBE_LARGEST);
  double reach = fmax(-board->min, board->max);
  for (size_t i = 3; i < board->points; i += EVERY) {
    char text[QUANTIZER_TEXT];
    double t = board->point[i].threshold, factor = t / reach;
    bool asymmetric = board->quantizer.asymmetric;
    snprintf(text, sizeof text, "%s,range=%.17g:%.17g", by_hand,
             asymmetric ? board->min * factor : -t, asymmetric ? board->max * factor : t);
    struct quantizer quantizer = quantizer_of(text);
    const struct result_request request = {.lo = (double)NAN, .hi = (double)NAN};
    struct result *result = NULL;
    struct error error = {0};
    if (result_compute(&tensor, &quantizer, &request, NULL, &result, &error) != STATUS_OK)
      fail_msg("%s: %s", text, error.text);
    near(board->point[i].loss.mse, result->metrics.mse, 1e-11, text);
    near(board->point[i].loss.clip_rate, result->metrics.clip_rate, 1e-12, text);
    near(board->point[i].loss.clipping_mse, result->metrics.clipping_mse, 1e-11, text);
    result_free(result);
  }
  board_free(board);
  free(x);
}

static void test_curve_of_other_grids(void **state)
{
  (void)state;
  check_curve_by_reports("int8,asym", "int8,asym");
  check_curve_by_reports("int4,asym", "int4,asym");
  check_curve_by_reports("int8,narrow", "int8,narrow");
  check_curve_by_reports("e4m3", "e4m3");
  check_curve_by_reports("e2m1", "e2m1");
  check_curve_by_reports("int8,round=zero", "int8,round=zero");
}

/* --- the rows against reports --------------------------------------------------------------- */

static void check_rows(const struct tensor *tensor, const char *spec)
{
  struct board *board = board_of(tensor, spec, PROBE_LARGEST);
  size_t done = 0;
  double before = -HUGE_VAL;
  assert_int_equal(board->done, board->rows);
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *row = &board->row[board->rank[i]];
    char text[QUANTIZER_TEXT], name[BOARD_NAME];
    if (row->state == BOARD_REFUSED) {
      assert_true(row->reason[0]);
      continue;
    }
    struct quantizer quantizer = quantizer_of(quantizer_print(&row->quantizer, text));
    assert_true(quantizer_equal(&quantizer, &row->quantizer));
    const struct result_request request = {.lo = (double)NAN, .hi = (double)NAN};
    struct result *result = NULL;
    assert_int_equal(result_compute(tensor, &quantizer, &request, NULL, &result, NULL), STATUS_OK);
    assert_true(row->scale == (double)fit_scale(result->fit, board->unit));
    near(row->whole.mse, result->metrics.mse, 1e-11, text);
    near(row->whole.sqnr_db, result->metrics.sqnr_db, 1e-11, text);
    near(row->whole.clip_rate, result->metrics.clip_rate, 1e-12, text);
    near(row->whole.clipping_mse, result->metrics.clipping_mse, 1e-10, text);
    assert_true(row->scale == (double)fit_scale(result->fit, board->unit));
    assert_int_equal(row->zero, fit_zero_point(result->fit, board->unit));
    result_free(result);
    assert_true(row->whole.mse >= before); /* ranked */
    before = row->whole.mse;
    assert_true(row->distance_db >= 0);
    assert_true(board->best.loss.mse <= row->unit.mse);
    assert_true(strlen(board_name(row, name, sizeof name)) > 0);
    done++;
  }
  assert_true(done >= 3);
  board_free(board);
}

static void test_rows(void **state)
{
  (void)state;
  enum { ROWS = 24, COLUMNS = 160 };
  float *x = random_values((size_t)ROWS * COLUMNS, 7, true);
  struct tensor tensor = tensor_over(x, shape_of(ROWS, COLUMNS));
  static const char *const specs[] = {"int8",
                                      "int4,asym",
                                      "int8,channel",
                                      "e4m3",
                                      "int4,group=32",
                                      "int8,asym,token",
                                      "int8,scale-rule=signed",
                                      "int8,scale-rule=half-range",
                                      "int8,scale-rule=no-clip,channel",
                                      "int4,asym,scale-rule=free-minimum",
                                      "int4,asym,scale-rule=mlx,group=32",
                                      "int8,arithmetic=clamp-first",
                                      "int8,asym,arithmetic=reciprocal",
                                      "int8,scale-rule=nvidia,arithmetic=multiply",
                                      "int8,asym,arithmetic=zero-first",
                                      "int4,scale-rule=gptq",
                                      "int8,codes=-64:63",
                                      "uint8,asym",
                                      "pytorch-quint8",
                                      "tensorrt-int8",
                                      "aimet-int8",
                                      "gptq-int4",
                                      "int5,percentile=97",
                                      "e2m1,channel=1"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
    check_rows(&tensor, specs[i]);
  free(x);
}

/* A tensor that is known by its digest: the same rows as its reports, and the same curve as its
 * values in float32. */
static void test_short_floats(void **state)
{
  (void)state;
  enum { ROWS = 100, COLUMNS = 700 };
  float *x = random_values((size_t)ROWS * COLUMNS, 23, true);
  uint16_t *half = malloc((size_t)ROWS * COLUMNS * sizeof *half);
  for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    half[i] = isnan(x[i]) ? 0x7fc0 : (uint16_t)(bits >> 16);
    bits = (uint32_t)half[i] << 16;
    memcpy(&x[i], &bits, sizeof bits);
  }
  struct tensor full = tensor_over(x, shape_of(ROWS, COLUMNS)), counted = full;
  counted.stored = stored_find("bf16");
  counted.bytes = full.count * sizeof *half;
  counted.data = (const unsigned char *)half;
  static const char *const specs[] = {"int8", "int4,asym", "e4m3", "int8,channel"};
  for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
    check_rows(&counted, specs[s]);
    struct board *a = board_of(&counted, specs[s], PROBE_LARGEST),
                 *b = board_of(&full, specs[s], PROBE_LARGEST);
    assert_int_equal(a->finite, b->finite);
    for (size_t i = 0; i < a->points; i++) {
      near(a->point[i].loss.mse, b->point[i].loss.mse, 1e-11, specs[s]);
      near(a->point[i].loss.clip_rate, b->point[i].loss.clip_rate, 1e-12, specs[s]);
    }
    board_free(a);
    board_free(b);
  }
  free(half);
  free(x);
}

/* The parameter that was written stays; a range by hand has a row of its own. */
static void test_own_choice(void **state)
{
  (void)state;
  float *x = random_values(4000, 3, false);
  struct tensor tensor = tensor_over(x, shape_of(40, 100));
  struct board *board = board_of(&tensor, "int8,percentile=97.5", PROBE_LARGEST);
  char name[BOARD_NAME];
  bool found = false;
  for (size_t i = 0; i < board->rows; i++)
    found = found || strcmp(board_name(&board->row[i], name, sizeof name), "percentile=97.5") == 0;
  assert_true(found);
  struct quantizer own = quantizer_of("int8,percentile=97.5"), minmax = quantizer_of("int8"),
                   other = quantizer_of("int8,percentile=97"), bits = quantizer_of("int7");
  assert_true(board_covers(board, &own, PROBE_LARGEST));
  assert_true(board_covers(board, &minmax, PROBE_LARGEST));
  assert_false(board_covers(board, &other, PROBE_LARGEST));
  assert_false(board_covers(board, &bits, PROBE_LARGEST));
  board_free(board);

  board = board_of(&tensor, "int8,scale=0.02", PROBE_LARGEST);
  const struct board_row *row = &board->row[board->rows - 1];
  assert_null(row->calibrator);
  assert_string_equal(board_name(row, name, sizeof name), "by hand");
  near(row->threshold, (double)(0.02F) * 127, 1e-12, "threshold by hand");
  near(row->unit.mse, brute(x, 4000, (double)(0.02F) * 127, 8).mse, 1e-6, "loss by hand");
  board_free(board);
  free(x);
}

/* Percentile 100 is minmax: the row says so. */
static void test_inert(void **state)
{
  (void)state;
  float *x = random_values(2000, 9, false);
  struct tensor tensor = tensor_over(x, shape_of(20, 100));
  static const char *const specs[] = {"int8,percentile=100", "int8,percentile=100,channel"};
  for (size_t s = 0; s < 2; s++) {
    struct board *board = board_of(&tensor, specs[s], PROBE_LARGEST);
    for (size_t i = 0; i < board->rows; i++) {
      const struct board_row *row = &board->row[i];
      char note[BOARD_REASON];
      if (strcmp(row->calibrator->name, "percentile") == 0) {
        assert_true(row->inert);
        assert_string_equal(board_note(row, note, sizeof note), "same as minmax");
      }
      if (strcmp(row->calibrator->name, "minmax") == 0 || strcmp(row->calibrator->name, "mse") == 0)
        assert_false(row->inert);
    }
    board_free(board);
  }
  free(x);
}

/* Heavy tails at few bits: minmax has coarse steps, a low percentile clips too much. */
static void test_verdict(void **state)
{
  (void)state;
  enum { N = 20000 };
  float *x = malloc(N * sizeof *x);
  portable_student3(x, N);
  struct tensor tensor = tensor_over(x, shape_of(10, N / 10));
  static const struct {
    const char *spec, *expected;
  } cases[] = {
      {"int4", "because its steps are too coarse: it cuts at "},
      {"int4,percentile=60", "because it clips too much: it cuts at "},
      {"int4,mse", "mse is within 0.01 dB of the best that is known here."},
      {"int4,channel", "minmax loses "},
      {"int4,channel", " over all 10 scales."},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct board *board = board_of(&tensor, cases[i].spec, PROBE_LARGEST);
    char text[512];
    board_verdict(board, &board->quantizer, text, sizeof text);
    if (!strstr(text, cases[i].expected))
      fail_msg("%s: \"%s\"", cases[i].spec, text);
    const struct quantizer other = quantizer_of("int3");
    assert_string_equal(board_verdict(board, &other, text, sizeof text), "");
    board_free(board);
  }
  free(x);
}

/* --- units ---------------------------------------------------------------------------------- */

/* The curve of a channel is that of the channel as a tensor of its own. */
static void test_units(void **state)
{
  (void)state;
  enum { ROWS = 6, COLUMNS = 500 };
  float *x = random_values((size_t)ROWS * COLUMNS, 11, false);
  x[4 * COLUMNS + 7] = 1000;
  struct tensor tensor = tensor_over(x, shape_of(ROWS, COLUMNS));
  struct board *board = board_of(&tensor, "int8,channel", PROBE_LARGEST);
  assert_int_equal(board->unit, 4);
  assert_int_equal(board->units, ROWS);
  assert_true(board->absmax == 1000);
  board_free(board);
  struct tensor alone = tensor_over(x + 2 * COLUMNS, shape_of(1, COLUMNS));
  struct board *whole = board_of(&alone, "int8", PROBE_LARGEST);
  board = board_of(&tensor, "int8,channel", 2);
  assert_int_equal(board->finite, COLUMNS);
  for (size_t i = 0; i < board->points; i++)
    assert_true(board->point[i].loss.mse == whole->point[i].loss.mse);
  for (size_t i = 0; i < board->rows; i++)
    assert_true(board->row[i].threshold == whole->row[i].threshold);
  board_free(board);
  board_free(whole);
  const struct quantizer quantizer = quantizer_of("int8,channel");
  const struct board_request request = {.unit = ROWS};
  struct error error;
  assert_int_equal(board_compute(&tensor, &quantizer, &request, NULL, &board, &error),
                   STATUS_USAGE);
  assert_non_null(strstr(error.text, "unit 6 does not exist"));
  free(x);
}

/* A digest says the same as the elements. */
static void test_digest(void **state)
{
  (void)state;
  enum { CODES = 500, N = 20000 };
  float value[CODES], *x = malloc(N * sizeof *x);
  uint64_t count[CODES] = {0}, seed = 1;
  for (size_t i = 0; i < CODES; i++)
    value[i] = (float)((double)i - 200) / 64;
  for (size_t i = 0; i < N; i++) {
    size_t code = (size_t)(portable_uniform(&seed) * portable_uniform(&seed) * CODES);
    count[code]++;
    x[i] = value[code];
  }
  struct tensor tensor = tensor_over(x, shape_of(1, N));
  struct digest *digest = digest_new(value, count, CODES);
  const struct quantizer quantizer = quantizer_of("int5,asym");
  const struct board_request request = {.unit = PROBE_LARGEST, .digest = digest};
  struct board *counted, *read = board_of(&tensor, "int5,asym", PROBE_LARGEST);
  assert_int_equal(board_compute(&tensor, &quantizer, &request, NULL, &counted, NULL), STATUS_OK);
  for (size_t i = 0; i < read->points; i++) {
    near(counted->point[i].loss.mse, read->point[i].loss.mse, 1e-11, "mse of a digest");
    near(counted->point[i].loss.clip_rate, read->point[i].loss.clip_rate, 1e-12, "clip rate");
  }
  for (size_t i = 0; i < read->rows; i++)
    if (strcmp(read->row[i].calibrator->name, "minmax") == 0)
      near(counted->row[i].whole.mse, read->row[i].whole.mse, 1e-11, "minmax of a digest");
  board_free(counted);
  board_free(read);
  digest_free(digest);
  free(x);
}

/* --- nothing to choose ---------------------------------------------------------------------- */

static void check_sane(const struct board *board, const char *what)
{
  if (*board->empty) {
    assert_int_equal(board->points, 0);
    return;
  }
  for (size_t i = 0; i < board->points; i++)
    if (!(board->point[i].loss.mse >= 0) || isnan(board->point[i].loss.rounding_mse) ||
        !(board->point[i].threshold > 0))
      fail_msg("%s: point %zu is %g at %g", what, i, board->point[i].loss.mse,
               board->point[i].threshold);
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *row = &board->row[i];
    if (row->state != BOARD_DONE)
      continue;
    if (!(row->scale > 0) || !(row->whole.mse >= 0) || !(row->distance_db >= 0) ||
        board->best.loss.mse > row->unit.mse)
      fail_msg("%s: %s has scale %g, mse %g", what, row->calibrator->name, row->scale,
               row->whole.mse);
  }
}

static void test_degenerate(void **state)
{
  (void)state;
  static const struct {
    const char *what;
    size_t count;
    float x[4];
    bool empty;
  } cases[] = {
      {"all zero", 4, {0, 0, 0, -0.0F}, true},
      {"no finite value", 2, {NAN, INFINITY, 0, 0}, true},
      {"no element", 0, {0}, true},
      {"one element", 1, {3}, false},
      {"a constant", 4, {-2, -2, -2, -2}, false},
      {"two values", 4, {1, -3, 1, 1}, false},
      {"denormals", 4, {FLT_TRUE_MIN, -3 * FLT_TRUE_MIN, 0, 1e-40F}, false},
      {"the largest numbers", 4, {FLT_MAX, -FLT_MAX, FLT_MAX, 1}, false},
      {"with NaN", 4, {NAN, 1, -2, INFINITY}, false},
  };
  static const char *const specs[] = {"int8", "int4,asym", "e4m3", "int8,channel", "e5m2,group=2"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
      struct tensor tensor = tensor_over(cases[i].x, shape_of(1, cases[i].count));
      struct board *board = board_of(&tensor, specs[s], PROBE_LARGEST);
      if ((*board->empty != 0) != cases[i].empty)
        fail_msg("%s, %s: \"%s\"", cases[i].what, specs[s], board->empty);
      check_sane(board, cases[i].what);
      board_free(board);
    }
}

static void test_no_threshold(void **state)
{
  (void)state;
  float x[64] = {1, 2, 3};
  struct tensor tensor = tensor_over(x, shape_of(2, 32));
  static const char *const specs[] = {"q4_0", "mxfp4"};
  for (size_t s = 0; s < 2; s++) {
    struct board *board = board_of(&tensor, specs[s], PROBE_LARGEST);
    assert_non_null(strstr(board->empty, "brings its own blocks"));
    board_free(board);
  }
}

/* --- news, cancelling, further lines -------------------------------------------------------- */

struct watch {
  size_t calls, done;
  struct progress progress;
  size_t stop_at;
  struct board estimate; /* its curve; the pointers are stale */
};

static void watch_news(void *context, const struct board *board)
{
  struct watch *watch = context;
  assert_int_equal(board->points, BOARD_POINTS); /* the curve is there before any row */
  assert_true(!board->estimate || board->done == 0);
  if (board->estimate)
    watch->estimate = *board;
  assert_true(board->done >= watch->done);
  watch->done = board->done;
  if (++watch->calls == watch->stop_at)
    progress_cancel(&watch->progress);
}

static void test_news(void **state)
{
  (void)state;
  float *x = random_values(3000, 13, false);
  struct tensor tensor = tensor_over(x, shape_of(30, 100));
  const struct quantizer quantizer = quantizer_of("int6");
  struct watch watch = {.stop_at = 0};
  const struct board_request request = {
      .unit = PROBE_LARGEST, .news = watch_news, .context = &watch};
  struct board *board = NULL;
  assert_int_equal(board_compute(&tensor, &quantizer, &request, &watch.progress, &board, NULL),
                   STATUS_OK);
  assert_int_equal(watch.calls, 2 * board->rows); /* each row, and what else is to be said of it */
  assert_int_equal(board->judged, board->rows);
  assert_true(atomic_load(&watch.progress.done) <= atomic_load(&watch.progress.total));
  board_free(board);
  watch = (struct watch){.stop_at = 2};
  board = NULL;
  assert_int_equal(board_compute(&tensor, &quantizer, &request, &watch.progress, &board, NULL),
                   STATUS_CANCELLED);
  assert_null(board);
  free(x);
}

/* Bulk and channels of every row are those of a report of its spec; each ranking is in the order of
 * its own numbers, and with outliers they differ. */
static void check_judged(const struct tensor *tensor, const char *spec, int axis)
{
  const struct quantizer quantizer = quantizer_of(spec);
  const struct board_request request = {.unit = PROBE_LARGEST, .axis = axis};
  struct board *board = NULL;
  assert_int_equal(board_compute(tensor, &quantizer, &request, NULL, &board, NULL), STATUS_OK);
  assert_int_equal(board->judged, board->rows);
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *row = &board->row[i];
    if (row->state != BOARD_DONE)
      continue;
    const struct result_request whole = {.axis = axis, .lo = (double)NAN, .hi = (double)NAN};
    struct result *result;
    assert_int_equal(result_compute(tensor, &row->quantizer, &whole, NULL, &result, NULL),
                     STATUS_OK);
    assert_true(row->judged);
    near(row->bulk_sqnr_db, result->metrics.bulk_sqnr_db, 1e-9, spec);
    near(row->channel_sqnr_db, result->metrics.channel_sqnr_median, 1e-9, spec);
    near(row->worst_channel_db, result->metrics.channel_sqnr_worst, 1e-9, spec);
    result_free(result);
  }
  for (int by = 0; by < BOARD_RANKINGS; by++) {
    double last = HUGE_VAL;
    board_rank(board, (enum board_ranking)by);
    for (size_t i = 0; i < board->rows; i++) {
      const struct board_row *row = &board->row[board->rank[i]];
      double value = by == BOARD_BY_BULK      ? row->bulk_sqnr_db
                     : by == BOARD_BY_CHANNEL ? row->channel_sqnr_db
                                              : row->whole.sqnr_db;
      if (row->state == BOARD_DONE)
        assert_true(value <= last + 1e-9);
      last = row->state == BOARD_DONE ? value : last;
    }
  }
  board_free(board);
}

static void test_judged(void **state)
{
  (void)state;
  float *x = random_values(3000, 21, false);
  for (size_t i = 0; i < 3000; i += 100)
    x[i] *= 40; /* a column of outliers */
  struct tensor tensor = tensor_over(x, shape_of(30, 100));
  static const char *const specs[] = {"int4", "int4,asym", "int6,channel", "e4m3", "int4,narrow"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
    check_judged(&tensor, specs[i], (int)(i % 2));
  const struct quantizer quantizer = quantizer_of("int4");
  const struct board_request request = {.unit = PROBE_LARGEST, .by = BOARD_BY_BULK};
  struct board *board = NULL;
  assert_int_equal(board_compute(&tensor, &quantizer, &request, NULL, &board, NULL), STATUS_OK);
  size_t best = board->rank[0];
  board_rank(board, BOARD_BY_TOTAL);
  assert_int_not_equal(board->rank[0], best);
  char text[200];
  assert_non_null(strstr(board_peak(board, text, sizeof text), "peak / RMS "));
  board_free(board);
  free(x);
}

/* A long visit is announced by an estimate; what follows is exact, as without one. */
static void test_estimate(void **state)
{
  (void)state;
  enum { N = (1 << 21) + 12345 };
  float *x = malloc(N * sizeof *x);
  portable_laplace(x, N);
  struct tensor tensor = tensor_over(x, shape_of(1, N));
  const struct quantizer quantizer = quantizer_of("int4");
  struct watch *watch = calloc(1, sizeof *watch);
  const struct board_request request = {
      .unit = PROBE_LARGEST, .news = watch_news, .context = watch};
  struct board *board = NULL;
  watch->stop_at = 2; /* the curve is enough */
  assert_int_equal(board_compute(&tensor, &quantizer, &request, &watch->progress, &board, NULL),
                   STATUS_CANCELLED);
  assert_true(watch->estimate.estimate);
  for (size_t i = 0; i < BOARD_POINTS; i += 16) {
    const struct board_point *point = &watch->estimate.point[i];
    struct board_loss exact = brute(x, N, point->threshold, 4);
    assert_true(fabs(point->loss.sqnr_db - exact.sqnr_db) < 0.1);
    assert_true(fabs(point->loss.clip_rate - exact.clip_rate) < 0.01);
  }
  free(watch);
  free(x);
}

static void test_lines(void **state)
{
  (void)state;
  float *x = random_values(300, 17, false);
  struct tensor tensor = tensor_over(x, shape_of(3, 100));
  struct board *board = board_of(&tensor, "int8", PROBE_LARGEST);
  const double at[] = {1, 2}, ratio[] = {30, 40};
  assert_true(board_add_line(board, "a theory", 2, at, ratio));
  struct board *copy = board_copy(board);
  board_free(board);
  assert_int_equal(copy->lines, 1);
  assert_string_equal(copy->line[0].name, "a theory");
  assert_true(copy->line[0].sqnr_db[1] == 40 && copy->line[0].threshold[0] == 1);
  assert_int_equal(copy->done, copy->rows);
  board_free(copy);
  free(x);
}

/* --- the figure ----------------------------------------------------------------------------- */

/* True when the label of a group ("1-4,7", with a dash of print) holds NUMBER. */
static bool label_holds(const char *label, size_t number)
{
  static const char dash[] = "\u2013";
  while (*label) {
    char *end;
    unsigned long first = strtoul(label, &end, 10), last = first;
    if (strncmp(end, dash, strlen(dash)) == 0)
      last = strtoul(end + strlen(dash), &end, 10);
    if (number >= first && number <= last)
      return true;
    label = end + (*end == ',');
  }
  return false;
}

static size_t labels_with(const struct panel *panel, size_t number)
{
  size_t count = 0;
  for (size_t i = 0; i < panel->marks; i++)
    count += panel->mark[i]->kind == MARK_POINTS && label_holds(panel->mark[i]->label, number);
  return count;
}

/* Three lines, a mark for every calibrator, at its threshold and on its ratio, and all their names;
 * a theory's line comes along. */
static void check_figure(const struct tensor *tensor, const char *spec, bool log_counts)
{
  const struct quantizer quantizer = quantizer_of(spec);
  const struct result_request request = {
      .lo = (double)NAN, .hi = (double)NAN, .board = true, .unit = -1};
  struct result *result = NULL;
  struct view view = view_default();
  view.kind = VIEW_BOARD;
  view.log_counts = log_counts;
  assert_int_equal(result_compute(tensor, &quantizer, &request, NULL, &result, NULL), STATUS_OK);
  const double at[] = {1, 2}, ratio[] = {10, 20};
  assert_true(board_add_line(result->board, "a theory", 2, at, ratio));
  struct figure *figure = figure_build(result, &view, "test", tensor, "qscope");
  assert_int_equal(figure->panels, 1);
  const struct panel *panel = figure->panel[0];
  static const char *const lines[] = {"all error", "rounding", "clipping", "a theory"};
  for (size_t i = 0; i < 4; i++)
    assert_string_equal(panel->mark[i]->label, lines[i]);
  assert_true(panel->x.log && panel->x.lo > 0 && panel->x.hi > panel->x.lo);
  assert_true(panel->y.log == log_counts && panel->y.hi > panel->y.lo);
  size_t done = 0;
  for (size_t place = 0; place < result->board->rows; place++) {
    const struct board_row *row = &result->board->row[result->board->rank[place]];
    char name[BOARD_NAME];
    if (row->state != BOARD_DONE)
      continue;
    assert_int_equal(labels_with(panel, place + 1), 1);
    assert_non_null(strstr(figure->word[done++], board_name(row, name, sizeof name)));
  }
  assert_int_equal(figure->words, done);
  for (size_t i = 0; i < panel->marks; i++)
    if (panel->mark[i]->kind == MARK_POINTS)
      assert_true(panel->mark[i]->x[0] >= panel->x.lo && panel->mark[i]->x[0] <= panel->x.hi &&
                  panel->mark[i]->y[0] >= panel->y.lo && panel->mark[i]->y[0] <= panel->y.hi);
  figure_free(figure);
  result_free(result);
}

static void test_figure(void **state)
{
  (void)state;
  float *x = random_values(3000, 19, false);
  struct tensor tensor = tensor_over(x, shape_of(30, 100));
  static const char *const specs[] = {"int8", "int4,asym", "e4m3", "int3,channel", "int4,group=25"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
    for (int log_counts = 0; log_counts < 2; log_counts++)
      check_figure(&tensor, specs[i], log_counts);
  /* Values that are levels already: nothing is lost, and the axes are sound all the same. */
  for (size_t i = 0; i < 3000; i++)
    x[i] = (float)((double)i - 1500) / 1500 > 0 ? 127 : (float)(i % 100);
  check_figure(&tensor, "int8", false);
  check_figure(&tensor, "int8", true);
  free(x);
}

/* --- the reference's clipping curves -------------------------------------------------------- */

/* int8_m127: the narrow range, int8_m128: the full one; threshold i is amax * (i / 100) in float32.
 * The reference's own curves over 100 thresholds; all 56 of them. */
static void check_vector(const char *input, const char *config, double amax, const char *file)
{
  struct vector x, curve;
  char spec[QUANTIZER_TEXT];
  assert_true(vector_load(&x, "conformance/calibration/inputs/%s.npy", input));
  assert_true(vector_load(&curve, "conformance/calibration/%s", file));
  struct shape shape = {.dims = 1, .dim = {x.count}};
  const struct batch batch = {.feed = feed_floats(vector_floats(&x), x.count), .shape = shape};
  snprintf(spec, sizeof spec, "%.4s%s", config, config[strlen(config) - 1] == '7' ? ",narrow" : "");
  const struct quantizer quantizer = quantizer_of(spec);
  struct probe probe;
  struct scaling scaling[100];
  struct loss loss[100];
  assert_int_equal(probe_open(&quantizer, &batch, 0, NULL, &probe, NULL), STATUS_OK);
  assert_true((double)sample_absmax(&probe.sample) == amax);
  for (size_t i = 0; i < 100; i++) {
    struct choice choice =
        probe_threshold(&probe, (double)((float)amax * (float)((double)(i + 1) / 100)));
    scaling[i] = probe_scaling(&probe, &choice);
  }
  assert_int_equal(probe_measure(&probe, scaling, 100, loss, NULL), STATUS_OK);
  for (size_t i = 0; i < 100; i++) {
    double mse = loss[i].error2 / (double)x.count, expected = vector_number(&curve, i);
    if (!(fabs(mse - expected) <= 1e-9 * expected + 1e-15 * amax * amax))
      fail_msg("%s %s: threshold %zu has %.17g, expected %.17g", input, config, i + 1, mse,
               expected);
  }
  probe_close(&probe);
  vector_free(&x);
  vector_free(&curve);
}

static void test_vectors(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  char path[4096];
  snprintf(path, sizeof path, "%s/conformance/calibration/manifest_trt.json", vectors_folder());
  json_t *root = json_load_file(path, 0, NULL), *entry;
  size_t index, checked = 0;
  assert_non_null(root);
  json_array_foreach(json_object_get(root, "entries"), index, entry) {
    const char *family = json_string_value(json_object_get(entry, "family"));
    if (strcmp(family, "mse_curve") != 0)
      continue;
    check_vector(json_string_value(json_object_get(entry, "input")),
                 json_string_value(json_object_get(entry, "config")),
                 json_number_value(json_object_get(entry, "amax")),
                 json_string_value(json_object_get(entry, "curve_file")));
    checked++;
  }
  json_decref(root);
  assert_int_equal(checked, 56);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_curve),        cmocka_unit_test(test_curve_of_other_grids),
      cmocka_unit_test(test_rows),         cmocka_unit_test(test_short_floats),
      cmocka_unit_test(test_own_choice),   cmocka_unit_test(test_inert),
      cmocka_unit_test(test_verdict),      cmocka_unit_test(test_units),
      cmocka_unit_test(test_digest),       cmocka_unit_test(test_degenerate),
      cmocka_unit_test(test_no_threshold), cmocka_unit_test(test_news),
      cmocka_unit_test(test_estimate),     cmocka_unit_test(test_lines),
      cmocka_unit_test(test_figure),       cmocka_unit_test(test_vectors),
      cmocka_unit_test(test_judged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
