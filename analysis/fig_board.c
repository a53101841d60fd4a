/* The board view: what every clip threshold would lose, and where each calibrator would cut. */
#include "analysis/board.h"
#include "analysis/views.h"
#include "quant/base/size.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_TEXT = 48 };

/* Of the best ratio, in dB: what is shown above and below it, and to its left. */
static const double best_room = 10, shown_below = 45, shown_left = 16;
static const double far = 8;         /* a row this many times off the curve is not on the axis */
static const double together = 0.02; /* share of the axis within which rows are one mark */

/* --- what is drawn -------------------------------------------------------------------------- */

/* Both quantities tell the same: dB on a linear axis, or squared error on a logarithmic one. */
static double ratio_db(const struct board *board, double mse)
{
  double error2 = mse * (double)board->finite;
  return error2 > 0 ? 10 * log10(board->signal2 / error2) : (double)NAN;
}

static double height_of(const struct board *board, const struct view *view, double mse)
{
  if (view->log_counts)
    return mse > 0 ? mse : (double)NAN;
  return ratio_db(board, mse);
}

static double whole_error(const struct board_loss *loss)
{
  return loss->mse;
}

static double rounding_error(const struct board_loss *loss)
{
  return loss->rounding_mse;
}

static double clipping_error(const struct board_loss *loss)
{
  return loss->clipping_mse;
}

static const struct part {
  const char *label;
  double (*of)(const struct board_loss *loss);
} parts[] = {
    {"all error", whole_error}, {"rounding", rounding_error}, {"clipping", clipping_error}};
enum { PARTS = sizeof parts / sizeof *parts };

static bool add_part(struct panel *panel, const struct board *board, const struct view *view,
                     size_t part)
{
  double x[BOARD_POINTS], y[BOARD_POINTS];
  for (size_t i = 0; i < board->points; i++) {
    x[i] = board->point[i].threshold;
    y[i] = height_of(board, view, parts[part].of(&board->point[i].loss));
  }
  return panel_add_mark(panel, MARK_LINE, (enum role)(ROLE_SERIES + part), board->points, x, y,
                        parts[part].label);
}

/* What a theory says; its ratios are those of the whole error. */
static bool add_line(struct panel *panel, const struct board *board, const struct view *view,
                     size_t number)
{
  const struct board_line *line = &board->line[number];
  double *y = mem_array(line->points, sizeof *y);
  double power = board->signal2 / (double)board->finite;
  for (size_t i = 0; y && i < line->points; i++)
    y[i] = view->log_counts ? power * pow(10, -line->sqnr_db[i] / 10) : line->sqnr_db[i];
  bool done = y && panel_add_mark(panel, MARK_LINE, (enum role)(ROLE_SERIES + PARTS + number),
                                  line->points, line->threshold, y, line->name);
  free(y);
  return done;
}

/* --- the axes ------------------------------------------------------------------------------- */

static bool is_drawn(const struct board *board, const struct board_row *row)
{
  return row->state == BOARD_DONE && row->threshold >= board->point[0].threshold / far &&
         row->threshold <= board->point[board->points - 1].threshold * far;
}

/* Where the curve begins to rise: thresholds that nobody wants take no room. */
static double interesting(const struct board *board)
{
  double least = ratio_db(board, board->best.loss.mse) - shown_left;
  for (size_t i = 0; i < board->points; i++)
    if (ratio_db(board, board->point[i].loss.mse) >= least)
      return board->point[i].threshold;
  return board->point[0].threshold;
}

static bool set_x(struct panel *panel, const struct board *board)
{
  double lo = interesting(board);
  double hi = fmax(1.3 * board->absmax, 1.1 * board->best.threshold);
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *row = &board->row[i];
    if (!is_drawn(board, row))
      continue;
    lo = fmin(lo, row->threshold / 1.05);
    hi = fmax(hi, row->threshold * 1.05);
  }
  panel->x.log = true;
  return axis_set(&panel->x, "clip threshold", NULL, lo, hi);
}

static bool set_y(struct panel *panel, const struct board *board, const struct view *view)
{
  double best = ratio_db(board, board->best.loss.mse), worst = HUGE_VAL;
  for (size_t i = 0; i < board->points; i++) {
    double ratio = ratio_db(board, board->point[i].loss.mse);
    if (!isnan(ratio) && board->point[i].threshold >= panel->x.lo)
      worst = fmin(worst, ratio);
    best = isnan(board->best.loss.mse) || board->best.loss.mse > 0 ? best : fmax(best, ratio);
  }
  double hi = isnan(best) ? 60 : best + best_room,
         lo = fmax(worst - 1, hi - best_room - shown_below);
  double power = board->signal2 / (double)board->finite;
  panel->y.log = view->log_counts;
  if (!view->log_counts)
    return axis_set(&panel->y, "SQNR", "dB", fmin(lo, hi - 1), hi);
  return axis_set(&panel->y, "mean squared error", NULL, power * pow(10, -hi / 10),
                  power * pow(10, -fmin(lo, hi - 1) / 10));
}

static bool on_axis(const struct axis *axis, double at)
{
  return at >= axis->lo && at <= axis->hi;
}

static bool add_threshold(struct panel *panel, double at, enum role role, const char *label)
{
  return !on_axis(&panel->x, at) || panel_add_mark(panel, MARK_VLINE, role, 1, &at, NULL, label);
}

/* --- the calibrators ------------------------------------------------------------------------ */

/* Rows whose marks would touch: one mark, with the numbers of all of them. */
struct group {
  double x, y;
  size_t count;
  size_t place[256]; /* in the ranking, ascending */
};

static double place_on(const struct axis *axis, double at)
{
  return axis->log ? log(at / axis->lo) / log(axis->hi / axis->lo)
                   : (at - axis->lo) / (axis->hi - axis->lo);
}

/* "1-4,7": the numbers of a group. */
static void group_text(const struct group *group, char *text, size_t size)
{
  size_t used = 0;
  *text = '\0';
  for (size_t i = 0, run; i < group->count && used + 12 < size; i += run) {
    for (run = 1; i + run < group->count && group->place[i + run] == group->place[i] + run;)
      run++;
    used += (size_t)snprintf(text + used, size - used, "%s%zu", i ? "," : "", group->place[i] + 1);
    if (run > 1)
      used += (size_t)snprintf(text + used, size - used, "%s%zu", run > 2 ? "\u2013" : ",",
                               group->place[i + run - 1] + 1);
  }
}

static bool near(const struct panel *panel, const struct group *group, double x, double y)
{
  return fabs(place_on(&panel->x, x) - place_on(&panel->x, group->x)) < together &&
         fabs(place_on(&panel->y, y) - place_on(&panel->y, group->y)) < 2 * together;
}

/* Puts the row at PLACE of the ranking into the first group that it would touch, or its own. */
static void group_row(const struct panel *panel, const struct board *board, const struct view *view,
                      size_t place, struct group *groups, size_t *count)
{
  const struct board_row *row = &board->row[board->rank[place]];
  double y = height_of(board, view, row->unit.mse);
  y = isnan(y) ? (view->log_counts ? panel->y.lo : panel->y.hi) : y;
  y = fmin(fmax(y, panel->y.lo), panel->y.hi);
  if (!is_drawn(board, row) || !on_axis(&panel->x, row->threshold))
    return;
  size_t g = 0;
  while (g < *count && !near(panel, &groups[g], row->threshold, y))
    g++;
  if (g == *count)
    groups[(*count)++] = (struct group){.x = row->threshold, .y = y};
  if (groups[g].count < sizeof groups[g].place / sizeof *groups[g].place)
    groups[g].place[groups[g].count++] = place;
}

static bool add_rows(struct panel *panel, const struct board *board, const struct view *view)
{
  struct group *groups = mem_array(board->rows, sizeof *groups);
  size_t count = 0;
  bool done = groups;
  for (size_t i = 0; done && i < board->rows; i++)
    group_row(panel, board, view, i, groups, &count);
  for (size_t g = 0; done && g < count; g++) {
    char label[GROUP_TEXT];
    group_text(&groups[g], label, sizeof label);
    done = panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &groups[g].x, &groups[g].y, label);
  }
  free(groups);
  return done;
}

static void ratio_text(double ratio, char *text, size_t size)
{
  if (isfinite(ratio))
    snprintf(text, size, "%.1f", ratio);
  else
    metric_print(metric_find("sqnr_db"), ratio, text, size);
}

/* "41.2 40.1 39.8": total, bulk and median channel. */
static void ratios_text(const struct board_row *row, char *text, size_t size)
{
  char total[24], bulk[24], channel[24];
  ratio_text(row->whole.sqnr_db, total, sizeof total);
  ratio_text(row->bulk_sqnr_db, bulk, sizeof bulk);
  ratio_text(row->channel_sqnr_db, channel, sizeof channel);
  snprintf(text, size, row->judged ? "%s %s %s" : "%s", total, bulk, channel);
}

/* "3 percentile=99.99 41.2 40.1 39.8": what the numbers at the points stand for, and its ratios in
 * dB. */
static bool add_names(struct figure *figure, const struct board *board)
{
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *row = &board->row[board->rank[i]];
    char name[BOARD_NAME], sqnr[96], text[sizeof sqnr + GROUP_TEXT + BOARD_NAME];
    if (row->state != BOARD_DONE)
      continue;
    ratios_text(row, sqnr, sizeof sqnr);
    snprintf(text, sizeof text, "%zu %s %s%s", i + 1, board_name(row, name, sizeof name), sqnr,
             row->at_end  ? " !"
             : row->inert ? " ="
                          : "");
    if (!figure_add_word(figure, text))
      return false;
  }
  return true;
}

/* --- the view ------------------------------------------------------------------------------- */

static bool add_notes(struct figure *figure, const struct board *board)
{
  char names[256] = "", name[BOARD_NAME];
  size_t far_off = 0, used = 0;
  bool inert = false, at_end = false;
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *row = &board->row[i];
    inert = inert || (row->inert && !row->at_end);
    at_end = at_end || row->at_end;
    if (row->state != BOARD_DONE || is_drawn(board, row))
      continue;
    far_off++;
    if (used < sizeof names)
      used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                               board_name(row, name, sizeof name));
  }
  if (board->units > 1 &&
      !fig_note(figure,
                "Curve and marks: unit %zu of %zu; the ratios of the list are those of the whole "
                "tensor.",
                board->unit, board->units))
    return false;
  char peak[160];
  if (!fig_note(figure,
                "List: SQNR of all values, of the bulk, of the median channel (dB), best %s "
                "first.",
                board_ranking_names[board->by]) ||
      (*board_peak(board, peak, sizeof peak) &&
       !fig_note(figure, "%c%s.", toupper((unsigned char)*peak), peak + 1)))
    return false;
  return (!inert || fig_note(figure, "= chose the scales of minmax.")) &&
         (!at_end || fig_note(figure, "! ended at the edge of its search.")) &&
         (far_off == 0 || fig_note(figure, "Off the axis: %s.", names));
}

static bool add_marks(struct panel *panel, const struct board *board, const struct view *view)
{
  bool done = true;
  for (size_t i = 0; i < PARTS && done; i++)
    done = add_part(panel, board, view, i);
  for (size_t i = 0; i < board->lines && done; i++)
    done = add_line(panel, board, view, i);
  return done && add_threshold(panel, board->best.threshold, ROLE_MEDIAN, "best") &&
         add_threshold(panel, board->absmax, ROLE_REFERENCE, "absmax (1\u00d7)") &&
         add_rows(panel, board, view);
}

static bool draw_board(struct figure *figure, const struct board *board, const struct view *view)
{
  if (*board->empty || board->points == 0)
    return fig_nothing(figure, *board->empty ? board->empty : "The curve is being computed.");
  struct panel *panel = figure_add_panel(figure, board->estimate ? "~ estimate" : NULL);
  return panel && set_x(panel, board) && set_y(panel, board, view) &&
         add_marks(panel, board, view) && add_names(figure, board) && add_notes(figure, board);
}

bool fig_board(struct figure *figure, const struct result *result, const struct view *view)
{
  if (!result->board)
    return fig_nothing(figure, "The board was not computed.");
  struct board *ranked = board_copy(result->board);
  if (!ranked)
    return false;
  board_rank(ranked, (enum board_ranking)view->rank);
  bool done = draw_board(figure, ranked, view);
  board_free(ranked);
  return done;
}
