/* What the best fitting distribution predicts of every clip threshold, as a line of the board. */
#include "analysis/board.h"

#include "analysis/facts.h"
#include "analysis/theory_fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The levels that minmax gives the tensor; other thresholds stretch them. */
static enum status minmax_levels(const struct board *board, const struct tensor *tensor,
                                 const struct digest *digest, double **levels, size_t *count,
                                 struct error *error)
{
  const struct batch values = {tensor_feed(tensor), tensor->shape, digest, NULL};
  struct quantizer quantizer = board->quantizer;
  struct fit *fit;
  quantizer.by = BY_CALIBRATOR;
  quantizer.calibrator = calibrator_find("minmax");
  enum status status = quantizer_fit_values(&quantizer, &values, NULL, &fit, error);
  if (status != STATUS_OK)
    return status;
  *levels = fit_level_count(fit) <= THEORY_LEVELS_MOST ? fit_levels(fit, 0, count) : NULL;
  fit_free(fit);
  return STATUS_OK;
}

static bool add_prediction(struct board *board, const struct theory_fit *fit, const double *levels,
                           size_t count)
{
  double threshold[BOARD_POINTS], sqnr[BOARD_POINTS];
  char name[BOARD_NAME];
  struct theory_error error;
  for (size_t i = 0; i < board->points; i++) {
    threshold[i] = board->point[i].threshold;
    theory_error(&fit->d, levels, count, threshold[i] / board->absmax, &error);
    sqnr[i] = error.sqnr_db;
  }
  snprintf(name, sizeof name, "predicted (%s)", fit->d.type->name);
  if (!board_add_line(board, name, board->points, threshold, sqnr))
    return false;
  double best = theory_best_scale(&fit->d, levels, count);
  if (!(best > 0))
    return true;
  theory_error(&fit->d, levels, count, best, &error);
  threshold[0] = best * board->absmax;
  sqnr[0] = error.sqnr_db;
  return board_add_line(board, "predicted optimum", 1, threshold, sqnr);
}

enum status board_add_theory(struct board *board, const struct tensor *tensor, struct error *error)
{
  struct facts facts;
  struct digest *digest = NULL;
  struct theory_fits fits;
  double *levels = NULL;
  size_t count;
  if (board->units != 1 || board->points == 0 || *board->empty || board->quantizer.pow2)
    return STATUS_OK;
  enum status status = facts_of_tensor(tensor, NULL, &facts, &digest, error);
  if (status == STATUS_OK)
    status = theory_fit(tensor, &facts, digest, &fits, error);
  if (status == STATUS_OK && fits.examined)
    status = minmax_levels(board, tensor, digest, &levels, &count, error);
  if (status == STATUS_OK && levels && !add_prediction(board, &fits.fit[fits.best], levels, count))
    status = error_memory(error, "the board");
  free(levels);
  digest_free(digest);
  return status;
}
