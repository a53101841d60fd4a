/* The calibrator board: one tensor (or one unit of it), one quantizer, every calibrator.
 *
 * The curve says what any clip threshold would lose: the whole error, its rounding and its clipping
 * part. The rows say what each calibrator of the table would choose, and what that costs. Curve and
 * marks belong to the unit that is shown; SQNR, MSE and clip rate of a row are those of the whole
 * tensor, as a report of the row's spec gives them. Where all elements share one scale, the two are
 * the same.
 *
 * Ownership: board_compute and board_copy return boards that the caller frees. Threads:
 * board_compute may run on any thread and is itself parallel; a finished board is immutable. */
#ifndef QSCOPE_ANALYSIS_BOARD_H
#define QSCOPE_ANALYSIS_BOARD_H

#include "data/batches.h"
#include "data/tensor.h"
#include "quant/probe.h"

#include <stdio.h>

enum {
  BOARD_POINTS = 145, /* of the curve, evenly on a log axis */
  BOARD_REASON = 256,
  BOARD_NAME = 64,
};

/* What a threshold loses. SQNR: +inf when nothing is lost. Next to FLT_MAX the end of a grid may
 * be infinite, and so is the error then. */
struct board_loss {
  double mse, rounding_mse, clipping_mse, sqnr_db, clip_rate;
};

struct board_point {
  double threshold; /* in the domain of x; see probe_threshold */
  struct board_loss loss;
};

/* Which SQNR says who is best: of all values, of the smallest 99 %, of the median channel. */
enum board_ranking { BOARD_BY_TOTAL, BOARD_BY_BULK, BOARD_BY_CHANNEL, BOARD_RANKINGS };
extern const char *const board_ranking_names[BOARD_RANKINGS]; /* "total", "bulk", "channel" */
bool board_ranking_find(const char *name, enum board_ranking *out);

enum board_state { BOARD_WAITING, BOARD_DONE, BOARD_REFUSED };

struct board_row {
  const struct calibrator
      *calibrator;            /* NULL: the scale or the range that the spec gives by hand */
  struct quantizer quantizer; /* its spec gives the same numbers */
  enum board_state state;
  char reason[BOARD_REASON]; /* BOARD_REFUSED: why */
  /* Of the unit that is shown: */
  double threshold, lo, hi; /* lo, hi: ends of the grid */
  double scale;
  long zero;
  struct board_loss unit;
  bool at_end;                                 /* the search ended at the edge of its range */
  char said[sizeof((struct choice *)0)->note]; /* what the rule has to say of its choice */
  /* Of the whole tensor: */
  struct board_loss whole;
  bool judged; /* these are known, too; NaN where they do not exist: */
  double bulk_sqnr_db, channel_sqnr_db, worst_channel_db;
  double distance_db; /* from the best that is known; 0 or more */
  bool inert;         /* the same scales as minmax; never for minmax itself */
  double seconds;     /* that choosing took */
};

/* A further curve: what a theory predicts, say. */
struct board_line {
  char name[BOARD_NAME];
  size_t points;
  double *threshold, *sqnr_db;
};

struct board {
  struct quantizer quantizer; /* as asked for */
  size_t unit, units;
  uint64_t finite; /* values of the unit */
  double min, max, absmax, signal2;
  char calibration[BOARD_NAME]; /* what rows were calibrated on, where not on the tensor at once */
  char empty[BOARD_REASON];     /* why there is nothing to choose, a sentence; else empty */
  bool estimate; /* the curve is from a few of the values yet; rows are always exact */
  size_t points; /* 0 until the curve is known */
  struct board_point point[BOARD_POINTS];
  struct board_point best; /* of the unit: of the curve, refined, and of all rows */
  size_t rows, done;       /* done: not waiting */
  size_t judged;           /* rows that nothing more will be known of: all of them at the end */
  enum board_ranking by;   /* what RANK goes by */
  struct board_row *row;   /* in the order of the table */
  size_t *rank;            /* row numbers: best first, then refused, then waiting */
  size_t lines;
  struct board_line *line;
};

/* Told after each part that has become known; the board may be copied, and is not finished. */
typedef void board_news(void *context, const struct board *board);

struct facts;

struct board_request {
  size_t unit; /* the unit to show, or PROBE_LARGEST */
  int axis;    /* of the channels; negative counts from the end */
  enum board_ranking by;
  const struct facts *facts;   /* of the tensor, when known; else NULL */
  const struct digest *digest; /* the same */
  struct calibrated calibrated;
  const char *calibration; /* what people call that; NULL: nothing */
  bool theory;             /* also board_add_theory */
  board_news *news;        /* may be NULL */
  void *context;
};

/* The board of TENSOR (loaded) under QUANTIZER, whose own calibrator is one of the rows, with its
 * parameter. A format that leaves no scale to choose gives a board that says so. STATUS_USAGE (no
 * such axis or unit), STATUS_CANCELLED, STATUS_MEMORY. */
enum status board_compute(const struct tensor *tensor, const struct quantizer *quantizer,
                          const struct board_request *request, struct progress *progress,
                          struct board **out, struct error *error);
void board_free(struct board *board);
/* NULL when memory runs out. */
struct board *board_copy(const struct board *board);

/* Puts the rows in the order of BY; those whose numbers are not known yet come last. */
void board_rank(struct board *board, enum board_ranking by);

struct result_request;
struct metrics;
/* Inside analysis/: measures bulk and channels of ROW, whose choice is known, on TENSOR; the total
 * is known already. Rows with one grid share the answer. */
enum status board_judge(const struct board *board, struct board_row *row,
                        const struct tensor *tensor, const struct result_request *request,
                        struct progress *progress, struct error *error);
void board_take_metrics(struct board_row *row, const struct metrics *metrics);

/* In one sentence what the peak of a board with one scale implies for int8 and fp8 (metrics.h);
 * empty for other boards. */
char *board_peak(const struct board *board, char *text, size_t size);

/* True when a board of QUANTIZER and UNIT for the same tensor would have the same rows. */
bool board_covers(const struct board *board, const struct quantizer *quantizer, size_t unit);

/* Adds a curve; the points are copied. False when memory runs out. */
bool board_add_line(struct board *board, const char *name, size_t points, const double *threshold,
                    const double *sqnr_db);

/* Adds two lines to a board of TENSOR (loaded) with one scale, up to 1024 levels and a curve: what
 * the best fitting distribution predicts (theory_fit.h) of each threshold, and, a single point, of
 * its own best threshold. Adds none to others. STATUS_MEMORY. */
enum status board_add_theory(struct board *board, const struct tensor *tensor, struct error *error);

/* The row's name: that of its calibrator, with the parameter when it is not the default. */
char *board_name(const struct board_row *row, char *text, size_t size);
/* Words that qualify the row: "same as minmax", "at the end of its search", the reason of a
 * refusal; empty for most. */
char *board_note(const struct board_row *row, char *text, size_t size);
/* In one sentence: how far QUANTIZER, whose row is known, stays behind the best, and whether it
 * clips too much or too little; empty while nobody knows. */
char *board_verdict(const struct board *board, const struct quantizer *quantizer, char *text,
                    size_t size);
/* Threshold of the row as a share of the largest magnitude. */
double board_share(const struct board *board, const struct board_row *row);

/* COUNT boards of TENSOR for machines: JSON with curves and rows, one array; comma-separated values
 * with one line for each row. */
void boards_json(struct board *const *boards, size_t count, const char *source,
                 const struct tensor *tensor, FILE *out);
void boards_csv(struct board *const *boards, size_t count, const char *source,
                const struct tensor *tensor, FILE *out);

#endif
