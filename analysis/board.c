#include "analysis/board.h"

#include "analysis/result.h"
#include "data/tensor_digest.h"
#include "quant/base/clock.h"
#include "quant/base/size.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { REFINE_POINTS = 33, REFINE_ROUNDS = 2 };

/* A board in the making. */
struct making {
  struct board *board;
  struct probe probe;
  const struct tensor *tensor;
  const struct board_request *request;
  struct facts facts; /* of the tensor, for rows that are measured as a whole */
  bool facts_known;
  struct digest *own_digest;   /* made here */
  const struct digest *digest; /* of the tensor; NULL: none */
  struct result *minmax;       /* the same, to tell rows that choose nothing else */
  struct scaling minmax_scaling;
  struct error *error;
};

/* --- losses --------------------------------------------------------------------------------- */

static struct board_loss loss_of(const struct probe *probe, const struct loss *loss)
{
  double n = (double)probe->sample.finite, clipped = fmin(loss->clipped_error2, loss->error2);
  return (struct board_loss){.mse = loss->error2 / n,
                             .rounding_mse = isfinite(clipped) ? (loss->error2 - clipped) / n : 0,
                             .clipping_mse = clipped / n,
                             .sqnr_db = sqnr_db(probe->signal2, loss->error2),
                             .clip_rate = (double)loss->clipped / n};
}

static struct board_loss loss_of_result(const struct result *result)
{
  const struct metrics *m = &result->metrics;
  return (struct board_loss){m->mse, m->rounding_mse, m->clipping_mse, m->sqnr_db, m->clip_rate};
}

/* Measures the COUNT (at most BOARD_POINTS) points whose thresholds are set. */
static enum status measure_points(const struct probe *probe, struct board_point *point,
                                  size_t count, struct error *error)
{
  struct scaling scaling[BOARD_POINTS];
  struct loss loss[BOARD_POINTS];
  for (size_t i = 0; i < count; i++) {
    struct choice choice = probe_threshold(probe, point[i].threshold);
    scaling[i] = probe_scaling(probe, &choice);
  }
  enum status status = probe_measure(probe, scaling, count, loss, error);
  for (size_t i = 0; i < count && status == STATUS_OK; i++)
    point[i].loss = loss_of(probe, &loss[i]);
  return status;
}

/* --- the order ------------------------------------------------------------------------------ */

static double distance_db(double mse, double best)
{
  if (mse <= best)
    return 0;
  return best > 0 ? 10 * log10(mse / best) : (double)INFINITY;
}

/* The best that is known of the whole tensor: where all elements share a scale, the curve says,
 * too.
 */
static void measure_distances(struct board *board)
{
  double best = board->units == 1 && board->points ? board->best.loss.mse : HUGE_VAL;
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *row = &board->row[i];
    if (row->state != BOARD_DONE)
      continue;
    best = fmin(best, row->whole.mse);
    if (row->unit.mse < board->best.loss.mse)
      board->best = (struct board_point){row->threshold, row->unit};
  }
  for (size_t i = 0; i < board->rows; i++)
    if (board->row[i].state == BOARD_DONE)
      board->row[i].distance_db = distance_db(board->row[i].whole.mse, best);
}

static void tell(struct making *making)
{
  board_rank(making->board, making->request->by);
  if (making->request->news)
    making->request->news(making->request->context, making->board);
}

/* --- the curve ------------------------------------------------------------------------------ */

/* COUNT thresholds from LO to HI, evenly on a log axis. Powers in double, so that far ends of
 * float32 are reached; none is 0 or infinite in float32. */
static void spread(struct board_point *point, size_t count, double lo, double hi)
{
  for (size_t i = 0; i < count; i++) {
    double t = lo * pow(hi / lo, (double)i / (double)(count - 1));
    point[i].threshold = fmin(fmax(t, (double)FLT_TRUE_MIN), (double)FLT_MAX);
  }
}

static const struct board_point *least_error(const struct board_point *point, size_t count)
{
  const struct board_point *best = point;
  for (size_t i = 1; i < count; i++)
    if (point[i].loss.mse < best->loss.mse)
      best = &point[i];
  return best;
}

/* Narrows the best point down between its neighbours. */
static enum status refine(struct making *making)
{
  struct board *board = making->board;
  struct board_point near[REFINE_POINTS];
  enum status status = STATUS_OK;
  const struct board_point *point = board->point;
  size_t count = board->points;
  board->best = *least_error(point, count);
  for (int round = 0; round < REFINE_ROUNDS && status == STATUS_OK; round++) {
    size_t at = (size_t)(least_error(point, count) - point);
    spread(near, REFINE_POINTS, point[at ? at - 1 : 0].threshold,
           point[size_min(at + 1, count - 1)].threshold);
    status = measure_points(&making->probe, near, REFINE_POINTS, making->error);
    point = near;
    count = REFINE_POINTS;
    const struct board_point *best = least_error(near, REFINE_POINTS);
    if (status == STATUS_OK && best->loss.mse < board->best.loss.mse)
      board->best = *best;
  }
  return status;
}

/* The curve of one value in sixteen or so, for whoever is waiting. */
static enum status estimate_curve(struct making *making)
{
  struct board *board = making->board;
  struct probe_few *few;
  enum status status = probe_take_few(&making->probe, &few, making->error);
  if (status != STATUS_OK)
    return status;
  if (probe_of_few(few)->sample.finite > 0) {
    status = measure_points(probe_of_few(few), board->point, BOARD_POINTS, making->error);
    if (status == STATUS_OK) {
      board->points = BOARD_POINTS;
      board->best = *least_error(board->point, BOARD_POINTS);
      board->estimate = true;
      tell(making);
    }
  }
  probe_few_free(few);
  return status;
}

/* From where nearly everything is cut, well below the bulk of the values, to twice the largest. */
static enum status draw_curve(struct making *making)
{
  struct board *board = making->board;
  double rms = sqrt(board->signal2 / (double)board->finite);
  double lo = fmin(rms / 2, board->absmax / 64);
  spread(board->point, BOARD_POINTS, lo, 2 * board->absmax);
  enum status status = STATUS_OK;
  if (making->request->news && probe_is_long(&making->probe))
    status = estimate_curve(making);
  if (status == STATUS_OK)
    status = measure_points(&making->probe, board->point, BOARD_POINTS, making->error);
  if (status != STATUS_OK)
    return status;
  board->estimate = false;
  board->points = BOARD_POINTS;
  return refine(making);
}

/* --- the rows ------------------------------------------------------------------------------- */

static bool same_scaling(const struct scaling *a, const struct scaling *b)
{
  return a->scale == b->scale && a->zero == b->zero && a->offset == b->offset;
}

/* Both keep them, or neither. */
static bool same_scales(const struct fit *a, const struct fit *b)
{
  size_t units = fit_grain(a)->units;
  for (size_t i = 0; i < units; i++)
    if (fit_scale(a, i) != fit_scale(b, i) || fit_zero_point(a, i) != fit_zero_point(b, i))
      return false;
  return true;
}

/* The same where the scales are gone: other ones would err otherwise. */
static bool same_errors(const struct result *a, const struct result *b)
{
  const struct metrics *one = &a->metrics, *other = &b->metrics;
  return one->mse == other->mse && one->mean_error == other->mean_error &&
         one->max_abs_error == other->max_abs_error && one->rail_rate == other->rail_rate;
}

static bool is_minmax(const struct board_row *row)
{
  return row->calibrator && strcmp(row->calibrator->name, "minmax") == 0;
}

/* What the row's rule chooses for the unit that is shown, and what that loses. */
static enum status choose(struct making *making, struct board_row *row)
{
  struct choice choice;
  struct loss loss;
  double start = seconds_now();
  enum status status = probe_choose(&making->probe, &row->quantizer, &choice, making->error);
  row->seconds = seconds_now() - start;
  if (status != STATUS_OK)
    return status;
  struct scaling scaling = probe_scaling(&making->probe, &choice);
  status = probe_measure(&making->probe, &scaling, 1, &loss, making->error);
  row->unit = row->whole = loss_of(&making->probe, &loss);
  row->threshold = probe_threshold_of(&making->probe, &choice);
  probe_range(&making->probe, &scaling, &row->lo, &row->hi);
  row->scale = (double)scaling.scale;
  row->zero = probe_zero_point(&making->probe, &scaling);
  row->at_end = choice.at_end;
  memcpy(row->said, choice.note, sizeof row->said);
  if (is_minmax(row))
    making->minmax_scaling = scaling;
  else
    row->inert = same_scaling(&scaling, &making->minmax_scaling);
  return status;
}

/* The whole tensor, where the unit that is shown is not all of it. */
static enum status measure_whole(struct making *making, struct board_row *row)
{
  const struct result_request request = {.lo = (double)NAN,
                                         .hi = (double)NAN,
                                         .facts = making->facts_known ? &making->facts : NULL,
                                         .digest = making->digest,
                                         .calibrated = making->request->calibrated,
                                         .axis = making->request->axis,
                                         .timed = true};
  struct result *result = NULL;
  enum status status = result_compute(making->tensor, &row->quantizer, &request,
                                      making->probe.sample.progress, &result, making->error);
  if (status != STATUS_OK)
    return status;
  making->facts = result->facts;
  making->facts_known = true;
  row->whole = loss_of_result(result);
  board_take_metrics(row, &result->metrics);
  row->seconds = result->fit_seconds;
  if (is_minmax(row)) {
    making->minmax = result;
    return status;
  }
  row->inert = making->minmax &&
               (fit_is_on_demand(result->fit) ? same_errors(result, making->minmax)
                                              : same_scales(result->fit, making->minmax->fit));
  result_free(result);
  return status;
}

/* One draw of stochastic rounding depends on where an element stands. */
static bool unit_is_whole(const struct making *making)
{
  return making->board->units == 1 && making->board->quantizer.rounding != ROUND_STOCHASTIC;
}

/* A range that goes from batch to batch, for scales that are made at run time. */
static bool lacks_batches(const struct making *making, const struct quantizer *quantizer)
{
  const struct calibrated *calibrated = &making->request->calibrated;
  return (calibrated->on || calibrated->batching.on) && quantizer->by == BY_CALIBRATOR &&
         quantizer->calibrator->running && quantizer_is_dynamic(quantizer);
}

/* What is said of a contradiction, without the two words of the spec that contradict each other. */
static const char *behind_names(const char *sentence)
{
  const char *behind = *sentence == '"' ? strstr(sentence, "\": ") : NULL;
  return behind ? behind + 3 : sentence;
}

static bool refused(const struct making *making, struct board_row *row)
{
  struct error why = {0};
  const char *reason = NULL;
  if (lacks_batches(making, &row->quantizer))
    reason = "goes from batch to batch, but these scales are made at run time";
  else if (quantizer_check(&row->quantizer, &why) != STATUS_OK)
    reason = behind_names(why.text);
  else if (row->calibrator && row->calibrator->refuse)
    reason = row->calibrator->refuse(&row->quantizer);
  if (!reason)
    return false;
  snprintf(row->reason, sizeof row->reason, "%.*s", BOARD_REASON - 1, reason);
  row->state = BOARD_REFUSED;
  return true;
}

/* A rule that cannot be applied here says so when it is asked. */
static enum status take_refusal(const struct making *making, struct board_row *row,
                                enum status status)
{
  if (status != STATUS_USAGE)
    return status;
  snprintf(row->reason, sizeof row->reason, "%.*s", BOARD_REASON - 1, making->error->text);
  row->state = BOARD_REFUSED;
  return STATUS_OK;
}

/* The first of two steps: the unit that is shown. */
static enum status fill_unit(struct making *making, struct board_row *row)
{
  return refused(making, row) ? STATUS_OK : take_refusal(making, row, choose(making, row));
}

/* The second: all of the tensor. */
static enum status finish_row(struct making *making, struct board_row *row)
{
  enum status status = STATUS_OK;
  if (row->state != BOARD_REFUSED && !unit_is_whole(making))
    status = take_refusal(making, row, measure_whole(making, row));
  if (status != STATUS_OK)
    return status;
  row->state = row->state == BOARD_REFUSED ? BOARD_REFUSED : BOARD_DONE;
  making->board->done++;
  measure_distances(making->board);
  return status;
}

static double cost_of(const struct board_row *row)
{
  return is_minmax(row) ? -1 : row->seconds; /* the others are compared with it */
}

/* Row numbers, quick rules first, as the unit that is shown took them. */
static void order_by_cost(const struct board *board, size_t *order)
{
  for (size_t i = 0; i < board->rows; i++) {
    size_t at = i;
    for (; at > 0 && cost_of(&board->row[i]) < cost_of(&board->row[order[at - 1]]); at--)
      order[at] = order[at - 1];
    order[at] = i;
  }
}

/* Where one scale serves all, row by row; else all rules on the unit that is shown, and then on
 * the whole tensor, which takes longer: the quick ones first. */
static enum status fill_rows(struct making *making, size_t *order, size_t step)
{
  struct board *board = making->board;
  struct progress *progress = making->probe.sample.progress;
  bool together = unit_is_whole(making);
  enum status status = STATUS_OK;
  for (size_t i = 0; i < board->rows && status == STATUS_OK && !together; i++)
    status = fill_unit(making, &board->row[i]);
  order_by_cost(board, order);
  for (size_t i = 0; i < board->rows && status == STATUS_OK; i++) {
    struct board_row *row = &board->row[order[i]];
    tell(making);
    status = together ? fill_unit(making, row) : STATUS_OK;
    if (status == STATUS_OK)
      status = finish_row(making, row);
    progress_advance(progress, step);
  }
  board_rank(board, making->request->by);
  return status;
}

/* The numbers beside the total, the best row first: that is the one that is looked at. */
static enum status judge_rows(struct making *making, const size_t *order, size_t step)
{
  struct board *board = making->board;
  struct progress *progress = making->probe.sample.progress;
  enum status status = STATUS_OK;
  for (size_t i = 0; i < board->rows && status == STATUS_OK; i++) {
    struct board_row *row = &board->row[order[i]];
    const struct result_request request = {.axis = making->request->axis,
                                           .lo = (double)NAN,
                                           .hi = (double)NAN,
                                           .facts = making->facts_known ? &making->facts : NULL,
                                           .digest = making->digest,
                                           .calibrated = making->request->calibrated};
    if (row->state == BOARD_DONE && !row->judged)
      status = board_judge(board, row, making->tensor, &request, progress, making->error);
    board->judged++;
    progress_advance(progress, step);
    if (status == STATUS_OK)
      tell(making);
  }
  board_rank(board, making->request->by);
  return status;
}

/* --- the plan ------------------------------------------------------------------------------- */

static struct board_row row_of(const struct quantizer *base, const struct calibrator *calibrator)
{
  struct board_row row = {.calibrator = calibrator, .quantizer = *base};
  struct quantizer *quantizer = &row.quantizer;
  if (!calibrator || (base->by == BY_CALIBRATOR && base->calibrator == calibrator))
    return row;
  quantizer->by = BY_CALIBRATOR;
  quantizer->calibrator = calibrator;
  quantizer->parameter = calibrator_default(calibrator, base->format);
  for (size_t i = 0; i < CALIBRATOR_OPTIONS; i++)
    quantizer->option[i] = calibrator->option[i].word ? calibrator->option[i].value : 0;
  quantizer->scale = quantizer->zero = quantizer->lo = quantizer->hi = 0;
  return row;
}

static bool plan_rows(struct board *board)
{
  bool by_hand = board->quantizer.by != BY_CALIBRATOR;
  board->row = mem_array(calibrator_table_length + by_hand, sizeof *board->row);
  board->rank = mem_array(calibrator_table_length + by_hand, sizeof *board->rank);
  if (!board->row || !board->rank)
    return false;
  for (size_t i = 0; i < calibrator_table_length; i++)
    board->row[board->rows++] = row_of(&board->quantizer, &calibrator_table[i]);
  if (by_hand)
    board->row[board->rows++] = row_of(&board->quantizer, NULL);
  board_rank(board, BOARD_BY_TOTAL);
  return true;
}

static void say_empty(struct board *board, const char *why)
{
  snprintf(board->empty, sizeof board->empty, "%.*s", BOARD_REASON - 1, why);
}

static void describe_unit(struct board *board, const struct probe *probe)
{
  const struct sample *sample = &probe->sample;
  board->unit = probe->unit;
  board->units = probe->grain.units;
  board->finite = sample->finite;
  board->min = (double)sample->min;
  board->max = (double)sample->max;
  board->absmax = sample->finite ? (double)sample_absmax(sample) : 0;
  board->signal2 = probe->signal2;
  if (sample->finite == 0)
    say_empty(board, "There are no finite values: nothing to choose a threshold for.");
  else if (!probe_has_values(probe))
    say_empty(board, "All values are zero: any threshold does.");
}

/* --- the whole ------------------------------------------------------------------------------ */

/* Lets the probe choose from what the request calibrates on. */
static enum status calibrate(struct making *making, struct batches *own)
{
  const struct calibrated *calibrated = &making->request->calibrated;
  const struct quantizer *quantizer = &making->board->quantizer;
  const struct batches *on = calibrated->on ? calibrated->on : own;
  struct probe *probe = &making->probe;
  enum status status = STATUS_OK;
  if (quantizer_is_dynamic(quantizer) || (!calibrated->on && !calibrated->batching.on))
    return STATUS_OK;
  if (!on)
    return error_memory(making->error, "the batches");
  if (calibrated->on)
    status = probe_calibrate(probe, false, on->whole, on->wholes, making->error);
  else
    status = batching_check(calibrated->batching, quantizer, &making->tensor->shape, making->error);
  if (status == STATUS_OK && !calibrated->on)
    status = batches_add(own, making->tensor, NULL, calibrated->batching, making->error);
  if (status == STATUS_OK)
    status = probe_calibrate(probe, true, on->batch, on->count, making->error);
  return status;
}

static enum status fill(struct making *making)
{
  struct board *board = making->board;
  struct progress *progress = making->probe.sample.progress;
  size_t step = size_max(making->tensor->count, 1);
  describe_unit(board, &making->probe);
  if (*board->empty)
    return STATUS_OK;
  progress_expect(progress, (2 * board->rows + 1) * step);
  enum status status = draw_curve(making);
  progress_advance(progress, step);
  size_t *order = mem_array(board->rows, sizeof *order);
  if (status == STATUS_OK)
    status = order ? fill_rows(making, order, step) : error_memory(making->error, "the board");
  if (status == STATUS_OK) {
    memcpy(order, board->rank, board->rows * sizeof *order);
    status = judge_rows(making, order, step);
  }
  free(order);
  return status;
}

static struct board *board_new(const struct quantizer *quantizer)
{
  struct board *board = mem_array(1, sizeof *board);
  if (!board)
    return NULL;
  board->quantizer = *quantizer;
  if (plan_rows(board))
    return board;
  board_free(board);
  return NULL;
}

/* Facts and digest of the tensor: those of the request, or, where a digest spares passes, made
 * here. */
static enum status know_tensor(struct making *making, struct progress *progress)
{
  const struct board_request *request = making->request;
  if (request->facts) {
    making->facts = *request->facts;
    making->facts_known = true;
    return STATUS_OK;
  }
  if (!tensor_has_digest(making->tensor) || request->digest)
    return STATUS_OK;
  making->facts_known = true;
  return facts_of_tensor(making->tensor, progress, &making->facts, &making->own_digest,
                         making->error);
}

static enum status compute(struct making *making, struct progress *progress)
{
  const struct quantizer *quantizer = &making->board->quantizer;
  struct error why;
  if (probe_check(quantizer, &why) != STATUS_OK) {
    say_empty(making->board, why.text);
    return STATUS_OK;
  }
  enum status status = know_tensor(making, progress);
  if (status != STATUS_OK)
    return status;
  making->digest = making->own_digest ? making->own_digest : making->request->digest;
  const struct batch batch = {tensor_feed(making->tensor), making->tensor->shape, making->digest,
                              NULL};
  status =
      probe_open(quantizer, &batch, making->request->unit, progress, &making->probe, making->error);
  if (status != STATUS_OK)
    return status;
  struct batches *own = batches_new(); /* of the tensor itself */
  status = calibrate(making, own);
  if (status == STATUS_OK)
    status = fill(making);
  probe_close(&making->probe);
  batches_free(own);
  return status;
}

enum status board_compute(const struct tensor *tensor, const struct quantizer *quantizer,
                          const struct board_request *request, struct progress *progress,
                          struct board **out, struct error *error)
{
  struct error unwanted;
  struct making making = {.board = board_new(quantizer),
                          .tensor = tensor,
                          .request = request,
                          .error = error ? error : &unwanted};
  if (!making.board)
    return error_memory(error, "the board");
  if (request->calibration)
    snprintf(making.board->calibration, BOARD_NAME, "%s", request->calibration);
  enum status status = compute(&making, progress);
  if (status == STATUS_OK && request->theory)
    status = board_add_theory(making.board, tensor, making.error);
  result_free(making.minmax);
  digest_free(making.own_digest);
  if (status == STATUS_OK)
    *out = making.board;
  else
    board_free(making.board);
  return status;
}

void board_free(struct board *board)
{
  if (!board)
    return;
  for (size_t i = 0; i < board->lines; i++) {
    free(board->line[i].threshold);
    free(board->line[i].sqnr_db);
  }
  free(board->line);
  free(board->row);
  free(board->rank);
  free(board);
}

bool board_add_line(struct board *board, const char *name, size_t points, const double *threshold,
                    const double *sqnr_db)
{
  struct board_line *grown = mem_resize(board->line, board->lines + 1, sizeof *grown);
  if (!grown)
    return false;
  board->line = grown;
  struct board_line *line = &grown[board->lines++];
  *line = (struct board_line){.points = points,
                              .threshold = mem_array(points, sizeof(double)),
                              .sqnr_db = mem_array(points, sizeof(double))};
  snprintf(line->name, sizeof line->name, "%s", name);
  if (!line->threshold || !line->sqnr_db)
    return false;
  memcpy(line->threshold, threshold, points * sizeof *threshold);
  memcpy(line->sqnr_db, sqnr_db, points * sizeof *sqnr_db);
  return true;
}

struct board *board_copy(const struct board *board)
{
  struct board *copy = mem_array(1, sizeof *copy);
  if (!copy)
    return NULL;
  *copy = *board;
  copy->line = NULL;
  copy->lines = 0;
  copy->row = mem_array(board->rows, sizeof *copy->row);
  copy->rank = mem_array(board->rows, sizeof *copy->rank);
  bool good = copy->row && copy->rank;
  if (good) {
    memcpy(copy->row, board->row, board->rows * sizeof *copy->row);
    memcpy(copy->rank, board->rank, board->rows * sizeof *copy->rank);
  }
  for (size_t i = 0; i < board->lines && good; i++) {
    const struct board_line *line = &board->line[i];
    good = board_add_line(copy, line->name, line->points, line->threshold, line->sqnr_db);
  }
  if (good)
    return copy;
  board_free(copy);
  return NULL;
}

bool board_covers(const struct board *board, const struct quantizer *quantizer, size_t unit)
{
  struct board_row base = row_of(quantizer, &calibrator_table[0]),
                   own = row_of(&board->quantizer, &calibrator_table[0]);
  if ((unit != PROBE_LARGEST && unit != board->unit) ||
      !quantizer_equal(&base.quantizer, &own.quantizer))
    return false;
  for (size_t i = 0; i < board->rows; i++)
    if (quantizer_equal(&board->row[i].quantizer, quantizer))
      return true;
  return false;
}
