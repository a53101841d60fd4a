/* What the total error of a calibrator does not say: the bulk and the channels, each row measured
 * on the whole tensor; and the order of the rows by any of them. */
#include "analysis/board.h"
#include "analysis/result.h"

#include <math.h>
#include <string.h>

const char *const board_ranking_names[BOARD_RANKINGS] = {
    [BOARD_BY_TOTAL] = "total", [BOARD_BY_BULK] = "bulk", [BOARD_BY_CHANNEL] = "channel"};

bool board_ranking_find(const char *name, enum board_ranking *out)
{
  for (int i = 0; i < BOARD_RANKINGS; i++)
    if (strcmp(name, board_ranking_names[i]) == 0) {
      *out = (enum board_ranking)i;
      return true;
    }
  return false;
}

void board_take_metrics(struct board_row *row, const struct metrics *metrics)
{
  row->bulk_sqnr_db = metrics->bulk_sqnr_db;
  row->channel_sqnr_db = metrics->channel_sqnr_median;
  row->worst_channel_db = metrics->channel_sqnr_worst;
  row->judged = true;
}

/* ROW's choice as a spec that chooses nothing: no search is made twice. */
static struct quantizer by_hand(const struct board_row *row)
{
  struct quantizer quantizer = row->quantizer;
  quantizer.by = BY_SCALE;
  quantizer.scale = row->scale;
  quantizer.zero = (double)row->zero;
  return quantizer;
}

/* True when RESULT is of the grid that ROW chose: not every rule's can be written by hand. */
static bool is_of(const struct result *result, const struct board_row *row)
{
  double mse = result->metrics.mse;
  return fabs(mse - row->whole.mse) <= 1e-9 * fmax(mse, row->whole.mse);
}

/* An earlier row with the same grid, which has the same metrics. */
static const struct board_row *twin_of(const struct board *board, const struct board_row *row)
{
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *other = &board->row[i];
    if (other->judged && other->scale == row->scale && other->zero == row->zero &&
        other->lo == row->lo && other->hi == row->hi && other->whole.mse == row->whole.mse)
      return other;
  }
  return NULL;
}

enum status board_judge(const struct board *board, struct board_row *row,
                        const struct tensor *tensor, const struct result_request *request,
                        struct progress *progress, struct error *error)
{
  const struct board_row *twin = board->units == 1 ? twin_of(board, row) : NULL;
  struct quantizer quantizer = by_hand(row);
  struct result *result = NULL;
  enum status status = STATUS_USAGE;
  if (twin) {
    row->bulk_sqnr_db = twin->bulk_sqnr_db;
    row->channel_sqnr_db = twin->channel_sqnr_db;
    row->worst_channel_db = twin->worst_channel_db;
    row->judged = true;
    return STATUS_OK;
  }
  if (board->units == 1 && quantizer_check(&quantizer, NULL) == STATUS_OK)
    status = result_compute(tensor, &quantizer, request, progress, &result, NULL);
  if (status == STATUS_OK && !is_of(result, row)) {
    result_free(result);
    status = STATUS_USAGE;
  }
  if (status == STATUS_USAGE)
    status = result_compute(tensor, &row->quantizer, request, progress, &result, error);
  if (status == STATUS_OK) {
    board_take_metrics(row, &result->metrics);
    result_free(result);
  }
  return status;
}

/* --- the order ------------------------------------------------------------------------------ */

/* What ROW is ranked by: the larger the better; NaN: not known yet. */
static double merit(const struct board_row *row, enum board_ranking by)
{
  switch (by) {
  case BOARD_BY_BULK:
    return row->judged ? row->bulk_sqnr_db : (double)NAN;
  case BOARD_BY_CHANNEL:
    return row->judged ? row->channel_sqnr_db : (double)NAN;
  case BOARD_BY_TOTAL:
  case BOARD_RANKINGS:
    break;
  }
  return -row->whole.mse;
}

/* True when row A stands above row B; what is equal, or not known yet, by the total. */
static bool above(const struct board_row *a, const struct board_row *b, enum board_ranking by)
{
  static const int place[] = {[BOARD_DONE] = 0, [BOARD_REFUSED] = 1, [BOARD_WAITING] = 2};
  if (a->state != b->state)
    return place[a->state] < place[b->state];
  double one = merit(a, by), other = merit(b, by);
  if (isnan(one) != isnan(other))
    return a->state == BOARD_DONE && isnan(other);
  if (one > other || one < other)
    return a->state == BOARD_DONE && one > other;
  return a->state == BOARD_DONE && a->whole.mse < b->whole.mse;
}

void board_rank(struct board *board, enum board_ranking by)
{
  board->by = by;
  for (size_t i = 0; i < board->rows; i++) {
    size_t at = i;
    for (; at > 0 && above(&board->row[i], &board->row[board->rank[at - 1]], by); at--)
      board->rank[at] = board->rank[at - 1];
    board->rank[at] = i;
  }
}
