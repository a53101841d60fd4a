/* qscope board: every calibrator on one tensor, ranked, and the curve they choose from. */
#include "analysis/board.h"
#include "analysis/figure.h"
#include "analysis/result.h"
#include "data/transformed.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/figure_out.h"
#include "tui/cli/meter.h"
#include "tui/cli/picks.h"
#include "tui/cli/table.h"
#include "tui/cli/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BOARD_COLUMNS = 10 };

/* --- for people ----------------------------------------------------------------------------- */

static void print_metric(const char *name, double value, char *text, size_t size)
{
  metric_print(metric_find(name), value, text, size);
}

static bool add_row(struct table *table, const struct board *board, const struct board_row *row)
{
  char name[BOARD_NAME], clip[96], share[32], sqnr[32], bulk[32], channel[32], rate[32], away[32],
      time[32], note[128];
  if (board->quantizer.asymmetric)
    snprintf(clip, sizeof clip, "%.4g..%.4g", row->lo, row->hi);
  else
    snprintf(clip, sizeof clip, "%.5g", row->threshold);
  snprintf(share, sizeof share, "%.4g %%", 100 * board_share(board, row));
  print_metric("sqnr_db", row->whole.sqnr_db, sqnr, sizeof sqnr);
  print_metric("sqnr_db", row->bulk_sqnr_db, bulk, sizeof bulk);
  print_metric("sqnr_db", row->channel_sqnr_db, channel, sizeof channel);
  print_metric("clip_rate", row->whole.clip_rate, rate, sizeof rate);
  snprintf(away, sizeof away, "%.3f dB", row->distance_db);
  snprintf(time, sizeof time, row->seconds < 1e-5 ? "< 0.01 ms" : "%.3g ms", 1e3 * row->seconds);
  const char *const cells[BOARD_COLUMNS] = {
      board_name(row, name, sizeof name), clip, share, sqnr, bulk, channel, rate, away, time,
      board_note(row, note, sizeof note)};
  return table_add(table, cells);
}

static enum status print_rows(const struct board *board, struct error *error)
{
  static const char *const headings[BOARD_COLUMNS] = {
      "calibrator", "clips at", "of absmax",     "SQNR", "bulk",
      "channel",    "clipped",  "from the best", "time", ""};
  struct table table = {.columns = BOARD_COLUMNS, .right = 0x1fe};
  bool good = table_add(&table, headings);
  for (size_t i = 0; i < board->rows && good; i++)
    if (board->row[board->rank[i]].state == BOARD_DONE)
      good = add_row(&table, board, &board->row[board->rank[i]]);
  return table_finish(&table, good, false, error);
}

static void print_refusals(const struct board *board)
{
  char name[BOARD_NAME];
  for (size_t i = 0; i < board->rows; i++) {
    const struct board_row *row = &board->row[board->rank[i]];
    if (row->state == BOARD_REFUSED)
      printf("without %s: %s\n", board_name(row, name, sizeof name), row->reason);
  }
}

/* The last point that theory added is its optimum; the line before says whose. */
static void print_theory(const struct board *board)
{
  char sqnr[32];
  if (board->lines < 2 || board->line[board->lines - 1].points != 1)
    return;
  const struct board_line *best = &board->line[board->lines - 1];
  print_metric("sqnr_db", best->sqnr_db[0], sqnr, sizeof sqnr);
  printf("%s: best threshold %.5g (%.4g %% of absmax): %s\n", best[-1].name, best->threshold[0],
         100 * best->threshold[0] / board->absmax, sqnr);
}

/* Whose numbers these are; a rotation keeps squares, so that it makes no difference. */
static void print_transform(const struct tensor *tensor)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  char word[TRANSFORM_TEXT];
  if (!transformed)
    return;
  bool same = transformed->transform.kind == TRANSFORM_HADAMARD;
  printf("after %s along axis %u: %s\n", transform_print(&transformed->transform, word),
         transformed->axis,
         same ? "thresholds are of the transformed values"
              : "thresholds and SQNR are of the transformed values, bulk and channel of the "
                "original's");
}

static void print_head(const struct board *board, const struct tensor *tensor)
{
  char name[256], spec[QUANTIZER_TEXT], sqnr[32], data[4 * BOARD_NAME], peak[160];
  printf("%s  %s", text_escape(tensor->name, name, sizeof name),
         quantizer_print(&board->quantizer, spec));
  if (board->units > 1)
    printf("  unit %zu of 0..%zu", board->unit, board->units - 1);
  if (*board->calibration)
    printf("  calibrated on %s", text_escape(board->calibration, data, sizeof data));
  if (*board->empty) {
    printf("\n%s\n", board->empty);
    return;
  }
  print_metric("sqnr_db", board->best.loss.sqnr_db, sqnr, sizeof sqnr);
  printf("\nabsmax %.5g; best threshold %.5g (%.4g %% of absmax): %s\n", board->absmax,
         board->best.threshold, 100 * board->best.threshold / board->absmax, sqnr);
  print_theory(board);
  print_transform(tensor);
  if (*board_peak(board, peak, sizeof peak))
    printf("%s\n", peak);
  if (board->by != BOARD_BY_TOTAL)
    printf("ranked by %s SQNR\n", board_ranking_names[board->by]);
}

static enum status print_boards(struct board *const *boards, size_t count,
                                const struct tensor *tensor, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    if (i > 0)
      putchar('\n');
    print_head(boards[i], tensor);
    if (*boards[i]->empty)
      continue;
    status = print_rows(boards[i], error);
    print_refusals(boards[i]);
  }
  return status;
}

/* --- running -------------------------------------------------------------------------------- */

static enum status print_numbers(struct board *const *boards, size_t count,
                                 const struct source *source, const struct tensor *tensor,
                                 enum report_style style, struct error *error)
{
  if (style == REPORT_TEXT)
    return print_boards(boards, count, tensor, error);
  (style == REPORT_JSON ? boards_json : boards_csv)(boards, count, source_spec(source), tensor,
                                                    stdout);
  return STATUS_OK;
}

/* What people call the data that rows are calibrated on, into TEXT; NULL: the tensor at once. */
static const char *calibration_name(const struct recipe *recipe, char *text, size_t size)
{
  if (recipe->calibrate_on)
    return recipe->calibrate_on;
  snprintf(text, size, "itself along axis %d", recipe->batching.axis);
  return recipe->batching.on ? text : NULL;
}

static enum status compute(struct source *source, size_t index, const struct recipe *recipe,
                           const struct calibrated *calibrated, struct board **boards,
                           struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  char data[64];
  long unit = recipe->view.block;
  const struct board_request request = {.unit = unit < 0 ? PROBE_LARGEST : (size_t)unit,
                                        .axis = recipe->view.axis,
                                        .by = (enum board_ranking)recipe->view.rank,
                                        .calibrated = *calibrated,
                                        .theory = recipe->view.theory,
                                        .calibration = calibration_name(recipe, data, sizeof data)};
  size_t weight = tensor->count * (2 * calibrator_table_length + 2);
  meter_start(weight * recipe->quantizers);
  enum status status = work_load(source, index, error);
  if (status != STATUS_OK)
    return status;
  for (size_t i = 0; i < recipe->quantizers && status == STATUS_OK; i++)
    status = board_compute(tensor, &recipe->quantizer[i], &request,
                           meter_task(tensor->name, weight), &boards[i], error);
  if (status == STATUS_OK)
    return source_verify(source, error);
  if (status != STATUS_CANCELLED)
    work_place(source, index, error);
  return status;
}

static enum status board_tensor(struct source *source, size_t index, const struct recipe *recipe,
                                const struct options *options, struct error *error)
{
  struct board *boards[RECIPE_QUANTIZERS] = {NULL};
  struct picks picks = {0};
  struct pool pool = {0};
  struct calibrated calibrated;
  enum status status = pool_of_recipe(recipe, source, &picks, &pool, &calibrated, error);
  if (status == STATUS_OK)
    status = compute(source, index, recipe, &calibrated, boards, error);
  if (status == STATUS_OK)
    status = print_numbers(boards, recipe->quantizers, source, source_tensor(source, index),
                           options->style, error);
  for (size_t i = 0; i < recipe->quantizers; i++)
    board_free(boards[i]);
  pool_clear(&pool);
  picks_clear(&picks);
  return status;
}

static enum status board_source(const struct recipe *recipe, const struct options *options,
                                struct error *error)
{
  struct work_subject subject;
  enum status status = work_open(recipe, &subject, error);
  if (status == STATUS_OK)
    status = board_tensor(subject.source, subject.index, recipe, options, error);
  work_close(&subject);
  return status;
}

enum status board_run(const struct options *options, struct error *error)
{
  struct recipe recipe;
  enum status status =
      options_recipe(options, options->operands ? options->operand[0] : NULL, &recipe, error);
  recipe.view.kind = VIEW_BOARD;
  if (status == STATUS_OK && !recipe.source)
    status = error_set(error, STATUS_USAGE, "board: expected a SOURCE; see qscope board --help");
  if (status == STATUS_OK && figure_out_wanted(options) && recipe.quantizers > 1)
    status =
        error_set(error, STATUS_USAGE,
                  "board: a figure shows one board: expected one -q, found %zu", recipe.quantizers);
  if (status == STATUS_OK && recipe.quantizers == 0)
    recipe.quantizer[recipe.quantizers++] = work_default_quantizer();
  /* With -o the figure, with --data its numbers; the table when there is neither, or when a style
   * was asked for. */
  if (status == STATUS_OK && figure_out_wanted(options))
    status = plot_recipe(&recipe, options, error);
  if (status == STATUS_OK && (!figure_out_wanted(options) || options->style != REPORT_TEXT))
    status = board_source(&recipe, options, error);
  recipe_clear(&recipe);
  return status;
}
