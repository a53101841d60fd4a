/* What is said of a board and of its rows. */
#include "analysis/board.h"
#include "analysis/metrics.h"
#include "quant/base/number.h"

#include <math.h>
#include <string.h>

char *board_name(const struct board_row *row, char *text, size_t size)
{
  char number[NUMBER_TEXT];
  if (!row->calibrator)
    snprintf(text, size, "by hand");
  else if (row->calibrator->parameter)
    snprintf(text, size, "%s=%s", row->calibrator->name,
             number_print(row->quantizer.parameter, number));
  else
    snprintf(text, size, "%s", row->calibrator->name);
  return text;
}

char *board_note(const struct board_row *row, char *text, size_t size)
{
  if (row->state == BOARD_REFUSED)
    snprintf(text, size, "%s", row->reason);
  else
    snprintf(text, size, "%s%s%s%s%s", row->inert ? "same as minmax" : "",
             row->inert && row->at_end ? "; " : "", row->at_end ? "at the end of its search" : "",
             *row->said && (row->inert || row->at_end) ? "; " : "", row->said);
  return text;
}

/* What makes most of the error that ROW has and the best threshold has not. */
static const char *fault_of(const struct board *board, const struct board_row *row)
{
  const struct board_loss *own = &row->unit, *best = &board->best.loss;
  double excess = own->mse - best->mse;
  if (own->clipping_mse - best->clipping_mse > excess / 2)
    return "it clips too much";
  if (own->rounding_mse - best->rounding_mse <= excess / 2)
    return "";
  return row->threshold > board->best.threshold ? "its steps are too coarse"
                                                : "its steps fit these values less well";
}

char *board_verdict(const struct board *board, const struct quantizer *quantizer, char *text,
                    size_t size)
{
  static const double none = 0.01; /* dB */
  const struct board_row *row = NULL, *first = &board->row[board->rank[0]];
  char name[BOARD_NAME], best[BOARD_NAME];
  *text = '\0';
  for (size_t i = 0; i < board->rows && !row; i++)
    if (quantizer_equal(&board->row[i].quantizer, quantizer))
      row = &board->row[i];
  if (*board->empty || !row || row->state != BOARD_DONE || board->done < board->rows)
    return text;
  board_name(row, name, sizeof name);
  board_name(first, best, sizeof best);
  const char *fault = fault_of(board, row);
  if (row->distance_db < none)
    snprintf(text, size, "%s is within %.2f dB of the best that is known here.", name, none);
  else if (board->units > 1)
    snprintf(text, size, "%s loses %.2f dB to %s over all %zu scales.", name, row->distance_db,
             best, board->units);
  else
    snprintf(text, size, "%s loses %.2f dB to %s%s%s: it cuts at %.4g, the best threshold is %.4g.",
             name, row->distance_db, best, *fault ? ", because " : "", fault, row->threshold,
             board->best.threshold);
  return text;
}

char *board_peak(const struct board *board, char *text, size_t size)
{
  *text = '\0';
  if (board->units == 1 && !*board->empty)
    papr_words(board->absmax / sqrt(board->signal2 / (double)board->finite), text, size);
  return text;
}

double board_share(const struct board *board, const struct board_row *row)
{
  return row->threshold / board->absmax;
}
