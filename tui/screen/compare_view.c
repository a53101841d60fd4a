#include "tui/screen/compare_view.h"

#include "quant/base/size.h"
#include "tui/screen/cursor.h"
#include "tui/screen/plot.h"
#include "tui/screen/reading.h"
#include "tui/screen/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
  FIGURE_LEAST = 5, /* rows of the figure; with fewer there is the table alone */
  TABLE_LEAST = 6,  /* two heads, and rows */
  PANEL_LEAST = 7,  /* rows of each panel of the figure */
  NAME_LEAST = 20,
  NAME_MOST = 48,
  NAME_TEXT = 512,
  WIDE = 60, /* columns, from which on the total has room for the bits */
};

static const size_t none = SIZE_MAX;
static const struct style dim = {.ink = PAINT_DIM}, bold = {.attributes = CELL_BOLD};

/* What the pairs are ranked by. */
static const struct {
  const char *key, *words;
} ranks[] = {
    {"sqnr_db", "the lowest SQNR first"},         {"mse", "the largest MSE first"},
    {"max_abs_error", "the largest error first"}, {"cosine", "the lowest cosine first"},
    {"elements", "the largest tensor first"},     {"name", "in the order of A"},
};
enum { RANKS = sizeof ranks / sizeof *ranks };

/* --- the other source ----------------------------------------------------------------------- */

static enum status match(const struct source *a, const struct source *b,
                         const struct comparand *with, struct diff_table *table,
                         struct error *error)
{
  struct rename_rule rule[RECIPE_RENAMES];
  size_t rules;
  enum status status = comparand_rules(with, rule, &rules, error);
  if (status == STATUS_OK)
    status = diff_table_init(a, b, NULL, 0, rule, rules, with->align, table, error);
  if (status != STATUS_OK)
    return status;
  status = diff_table_check(table, error);
  if (status != STATUS_OK)
    diff_table_clear(table);
  return status;
}

/* Takes all three. */
static void take(struct explorer *explorer, struct comparand with, struct source *other,
                 struct diff_table table)
{
  struct comparing *compare = &explorer->compare;
  size_t rank = compare->rank;
  *compare = (struct comparing){.with = with, .other = other, .table = table, .rank = rank};
  compare->full = none;
  compare->unranked = true;
}

enum status compare_view_open(struct explorer *explorer, const struct comparand *with,
                              struct error *error)
{
  struct comparand copy;
  struct source *other;
  struct diff_table table;
  if (!comparand_copy(with, &copy))
    return error_memory(error, "the comparison");
  enum status status = reading_open(explorer, copy.source, NULL, &other, error);
  if (status == STATUS_OK) {
    status = match(explorer->source, other, &copy, &table, error);
    if (status != STATUS_OK)
      source_close(other);
  }
  if (status != STATUS_OK) {
    comparand_clear(&copy);
    return status;
  }
  if (explorer->work == WORK_VIEW)
    explorer->work = WORK_NONE;
  if (explorer->engine)
    engine_cancel(explorer->engine);
  compare_view_close(explorer);
  take(explorer, copy, other, table);
  return STATUS_OK;
}

void compare_view_close(struct explorer *explorer)
{
  struct comparing *compare = &explorer->compare;
  diff_table_clear(&compare->table);
  compare->waiting = 0;
  source_close(compare->other);
  comparand_clear(&compare->with);
  *compare = (struct comparing){.full = none, .rank = compare->rank};
}

/* --- which pair ----------------------------------------------------------------------------- */

/* The row of TENSOR of A, or none. */
static size_t row_of(const struct diff_table *table, size_t tensor)
{
  for (size_t i = 0; i < table->rows; i++)
    if (table->row[i].a == tensor)
      return i;
  return none;
}

static size_t own_row(const struct explorer *explorer)
{
  return row_of(&explorer->compare.table, explorer->state.tensor);
}

static struct diff_request request_of(const struct explorer *explorer, const struct state *state,
                                      int bins)
{
  const struct shape *shape = &source_tensor(explorer->source, state->tensor)->shape;
  return (struct diff_request){.axis = shape->dims > 1 ? state->knobs.axis : 0,
                               .align = explorer->compare.with.align,
                               .grids = true,
                               .bins = (size_t)bins,
                               .lo = state->view.lo,
                               .hi = state->view.hi};
}

static bool same_end(double a, double b)
{
  return a == b || (isnan(a) && isnan(b));
}

/* True when ROW was compared as the present view needs it. */
static bool is_full(const struct explorer *explorer, size_t row)
{
  const struct comparing *compare = &explorer->compare;
  const struct diff_request *have = &compare->full_request,
                            want = request_of(explorer, &explorer->state, explorer_bins(explorer));
  return compare->full == row && have->axis == want.axis && have->bins == want.bins &&
         same_end(have->lo, want.lo) && same_end(have->hi, want.hi);
}

/* The present pair first, then those of which nothing is known. */
static size_t next_row(const struct explorer *explorer)
{
  const struct diff_table *table = &explorer->compare.table;
  size_t own = own_row(explorer);
  if (own != none && (table->row[own].state == DIFF_WAITING ||
                      (table->row[own].state == DIFF_DONE && !is_full(explorer, own))))
    return own;
  for (size_t i = explorer->compare.waiting; table->done < table->rows && i < table->rows; i++)
    if (table->row[i].state == DIFF_WAITING)
      return i;
  return none;
}

bool compare_view_lacks(const struct explorer *explorer)
{
  return explorer->compare.other && next_row(explorer) != none;
}

static void ask(struct explorer *explorer, size_t row, const struct diff_request *request)
{
  const struct diff_row *pair = &explorer->compare.table.row[row];
  engine_request_diff(explorer->engine, explorer->source, pair->a, explorer->compare.other, pair->b,
                      request);
}

void compare_view_ask(struct explorer *explorer)
{
  struct comparing *compare = &explorer->compare;
  struct diff_request brief = {.align = compare->with.align,
                               .brief = true,
                               .grids = true,
                               .lo = (double)NAN,
                               .hi = (double)NAN};
  compare->asked = next_row(explorer);
  compare->asked_request = compare->asked == own_row(explorer)
                               ? request_of(explorer, &explorer->state, explorer_bins(explorer))
                               : brief;
  ask(explorer, compare->asked, &compare->asked_request);
}

bool compare_view_ask_export(struct explorer *explorer, int bins)
{
  const struct state *state = &explorer->exported;
  const struct diff_table *table = &explorer->compare.table;
  size_t row = row_of(table, state->tensor);
  if (row == none || table->row[row].state == DIFF_SHAPES || table->row[row].state == DIFF_FAILED) {
    explorer_warn(explorer, "there is no pair to draw");
    explorer->fault = STATUS_USAGE;
    return false;
  }
  struct diff_request request = request_of(explorer, state, bins);
  explorer->work = WORK_EXPORT;
  ask(explorer, row, &request);
  return true;
}

void compare_view_take(struct explorer *explorer, struct engine_answer *answer)
{
  struct comparing *compare = &explorer->compare;
  struct diff_table *table = &compare->table;
  size_t row = compare->asked;
  diff_table_set(table, row, answer->diff, answer->status, &answer->error);
  compare->unranked = true;
  while (compare->waiting < table->rows && table->row[compare->waiting].state != DIFF_WAITING)
    compare->waiting++;
  if (compare->asked_request.brief)
    return;
  if (compare->full != none && compare->full != row && table->row[compare->full].diff)
    diff_shorten(table->row[compare->full].diff);
  compare->full = answer->diff ? row : none;
  compare->full_request = compare->asked_request;
  explorer_refresh(explorer);
}

void compare_view_settle(struct explorer *explorer)
{
  struct comparing *compare = &explorer->compare;
  if (compare->unranked && compare->other)
    diff_table_rank(&compare->table, ranks[compare->rank].key, NULL);
  compare->unranked = false;
}

/* --- the figure ----------------------------------------------------------------------------- */

/* Why nothing is drawn of the present tensor, or NULL. */
static const char *why_not(const struct explorer *explorer, size_t row)
{
  const struct diff_row *pair = row == none ? NULL : &explorer->compare.table.row[row];
  if (!explorer->compare.other)
    return "Nothing to compare with: O opens a second file.";
  if (!pair)
    return "No tensor of B is called so.";
  if (pair->state == DIFF_SHAPES || pair->state == DIFF_FAILED)
    return pair->reason ? pair->reason : "They cannot be compared.";
  return pair->diff && pair->diff->a_histogram.bins ? NULL
         : pair->diff && is_full(explorer, row)     ? "There are no finite values."
                                                    : "comparing";
}

struct figure *compare_view_figure(const struct explorer *explorer,
                                   const struct engine_answer *answer, const struct state *state,
                                   const char *recipe)
{
  const struct diff *diff = answer ? answer->diff : NULL;
  const struct tensor *a = source_tensor(explorer->source, state->tensor);
  const struct diff_table *table = &explorer->compare.table;
  size_t row = row_of(table, state->tensor);
  const char *why = diff ? NULL : why_not(explorer, row);
  if (why)
    return figure_of_words(a->name, why);
  const struct figure_pair pair = {a, source_tensor(table->b, table->row[row].b),
                                   source_spec(table->a), source_spec(table->b)};
  struct view view = state->view;
  view.axis = state->knobs.axis;
  return figure_of_pair(diff ? diff : table->row[row].diff, &view, &pair, recipe);
}

/* --- keys ----------------------------------------------------------------------------------- */

/* The table has the pairs as they are ranked, then A's partnerless, then B's. */
static size_t lines_of(const struct diff_table *table)
{
  return table->rows + table->matching.only_a_count + table->matching.only_b_count;
}

/* The line that the pointer stands on. */
static size_t selected_line(const struct explorer *explorer)
{
  const struct diff_table *table = &explorer->compare.table;
  const struct matching *matching = &table->matching;
  if (explorer->compare.in_b)
    return table->rows + matching->only_a_count + explorer->compare.in_b - 1;
  for (size_t i = 0; i < table->rows; i++)
    if (table->row[table->rank[i]].a == explorer->state.tensor)
      return i;
  for (size_t i = 0; i < matching->only_a_count; i++)
    if (matching->only_a[i] == explorer->state.tensor)
      return table->rows + i;
  return 0;
}

void compare_view_move(struct explorer *explorer, int by)
{
  const struct diff_table *table = &explorer->compare.table;
  const struct matching *matching = &table->matching;
  size_t lines = lines_of(table), step = (size_t)(by < 0 ? -by : by);
  if (lines == 0)
    return explorer_warn(explorer, "O opens a second source to compare with");
  size_t line = selected_line(explorer);
  line = by < 0 ? line - size_min(line, step) : size_min(line + step, lines - 1);
  size_t of_a = table->rows + matching->only_a_count;
  explorer->compare.in_b = line < of_a ? 0 : line - of_a + 1;
  if (line < table->rows)
    explorer_go_to(explorer, table->row[table->rank[line]].a);
  else if (line < of_a)
    explorer_go_to(explorer, matching->only_a[line - table->rows]);
}

void compare_view_rank(struct explorer *explorer)
{
  struct comparing *compare = &explorer->compare;
  compare->rank = (compare->rank + 1) % RANKS;
  compare->unranked = true;
  explorer_say(explorer, "ranked: %s", ranks[compare->rank].words);
}

void compare_view_align(struct explorer *explorer)
{
  struct comparing *compare = &explorer->compare;
  struct diff_table table;
  struct comparand with;
  struct error error;
  if (!compare->other)
    return explorer_warn(explorer, "O opens a second source to compare with");
  with = compare->with;
  with.align = !with.align;
  if (match(explorer->source, compare->other, &with, &table, &error) != STATUS_OK)
    return explorer_warn(explorer, "%s", error.text);
  if (explorer->work == WORK_VIEW) {
    engine_cancel(explorer->engine);
    explorer->work = WORK_NONE;
  }
  diff_table_clear(&compare->table);
  compare->waiting = 0;
  take(explorer, with, compare->other, table);
  explorer_refresh(explorer);
  explorer_say(explorer, with.align ? "transposed and reordered tensors are compared as they agree"
                                    : "tensors are compared element by element as they are");
}

/* --- words ---------------------------------------------------------------------------------- */

/* What the knobs would make of A; "" while that is not known. */
static void knobs_words(const struct explorer *explorer, char *text, size_t size)
{
  char spec[QUANTIZER_TEXT], sqnr[32];
  *text = '\0';
  if (explorer_stale(explorer))
    return;
  const struct metrics *metrics = &explorer->result->metrics;
  snprintf(text, size, " The knobs, %s: %s at %.4g bits.",
           quantizer_print(&explorer->state.knobs.quantizer, spec),
           metric_print(metric_find("sqnr_db"), metrics->sqnr_db, sqnr, sizeof sqnr),
           metrics->bits_per_element);
}

static const struct diff *own_diff(const struct explorer *explorer)
{
  const size_t row = explorer->state.view.kind == VIEW_COMPARE ? own_row(explorer) : none;
  return row == none ? NULL : explorer->compare.table.row[row].diff;
}

const struct histogram *compare_view_bins(const struct explorer *explorer)
{
  const struct diff *diff = explorer->state.pairs ? own_diff(explorer) : NULL;
  return diff && diff->a_histogram.bins > 0 ? &diff->a_histogram : NULL;
}

/* "1.2 to 1.4: 234 values in A (2.2 %), 231 in B; A - B is 0.001 on average, at most 0.02" */
static bool bin_words(const struct diff *diff, double x, char *text, size_t size)
{
  const struct histogram *a = &diff->a_histogram;
  const struct bin_edges edges = histogram_edges(a);
  const size_t bin = a->bins && !isnan(x) ? histogram_bin(&edges, x) : HISTOGRAM_OUTSIDE;
  if (bin == HISTOGRAM_OUTSIDE)
    return false;
  int used =
      snprintf(text, size, "%.4g to %.4g: %" PRIu64 " values in A (%.3g %%), %" PRIu64 " in B",
               histogram_edge(a, bin), histogram_edge(a, bin + 1), a->count[bin],
               100 * (double)a->count[bin] / (double)diff->count, diff->b_histogram.count[bin]);
  if (diff->error_mean && !isnan(diff->error_mean[bin]) && (size_t)used < size)
    snprintf(text + used, size - (size_t)used, "; |A - B| is %.4g on average, at most %.4g",
             diff->error_mean[bin], diff->error_max[bin]);
  return true;
}

char *compare_view_verdict(const struct explorer *explorer, char *text, size_t size)
{
  const struct diff_table *table = &explorer->compare.table;
  const size_t row = explorer->state.view.kind == VIEW_COMPARE ? own_row(explorer) : none;
  const struct diff *diff = own_diff(explorer);
  char sqnr[32], knobs[QUANTIZER_TEXT + 96], remark[2 * DIFF_TEXT];
  *text = '\0';
  if (!diff || bin_words(diff, cursor_value(explorer), text, size))
    return text;
  knobs_words(explorer, knobs, sizeof knobs);
  diff_remark(diff, remark, sizeof remark);
  snprintf(text, size, "B, %s: %s at %.4g bits.%s%s%s",
           source_tensor(table->b, table->row[row].b)->stored->name,
           metric_print(metric_find("sqnr_db"), diff->metrics.sqnr_db, sqnr, sizeof sqnr),
           diff->b_bits, knobs, *remark ? " Found: " : "", remark);
  return text;
}

static void sqnr_text(const void *table, const void *of, char *text, size_t size)
{
  const struct diff_row *row = of;
  (void)table;
  metric_print(metric_find("sqnr_db"), row->diff->metrics.sqnr_db, text, size);
}

static void mse_text(const void *table, const void *of, char *text, size_t size)
{
  const struct diff_row *row = of;
  (void)table;
  metric_print(metric_find("mse"), row->diff->metrics.mse, text, size);
}

static void bits_text(const void *table, const void *of, char *text, size_t size)
{
  const struct diff_row *row = of;
  (void)table;
  snprintf(text, size, "%.4g", row->diff->b_bits);
}

static void most_text(const void *table, const void *of, char *text, size_t size)
{
  const struct diff_row *row = of;
  (void)table;
  metric_print(metric_find("max_abs_error"), row->diff->metrics.max_abs_error, text, size);
}

static void cosine_text(const void *table, const void *of, char *text, size_t size)
{
  const struct diff_row *row = of;
  (void)table;
  metric_print(metric_find("cosine"), row->diff->metrics.cosine, text, size);
}

static void worst_text(const void *table, const void *of, char *text, size_t size)
{
  const struct diff_row *row = of;
  (void)table;
  *text = '\0';
  if (row->diff->worst_count)
    snprintf(text, size, "%zu: %.1f dB", row->diff->worst[0].channel, row->diff->worst[0].sqnr_db);
}

static const struct rows_column columns[] = {
    {"SQNR", 9, sqnr_text},      {"MSE", 9, mse_text},       {"bits", 5, bits_text},
    {"max error", 9, most_text}, {"cosine", 8, cosine_text}, {"worst channel", 13, worst_text},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* --- the table ------------------------------------------------------------------------------ */

/* "B quantized.npy  19.44 dB in all  32 -> 4.5 bits/element" */
static void paint_total(struct explorer *explorer, struct rect rect)
{
  const struct diff_table *table = &explorer->compare.table;
  const struct diff_total total = diff_table_total(table);
  char name[NAME_TEXT], shown[NAME_TEXT], sqnr[32], numbers[128] = "", mark[5];
  if (total.tensors) {
    metric_print(metric_find("sqnr_db"), total.sqnr_db, sqnr, sizeof sqnr);
    if (rect.columns < WIDE)
      snprintf(numbers, sizeof numbers, "all %zu: %s ", total.tensors, sqnr);
    else
      snprintf(numbers, sizeof numbers, "all %zu: %s, %.4g to %.4g bits ", total.tensors, sqnr,
               total.a_bits, total.b_bits);
  }
  int right =
      cells_text_right(&explorer->cells, rect, 0, (struct style){.ink = PAINT_VALUE}, numbers);
  text_escape(source_short_title(source_spec(table->b)), name, sizeof name);
  cells_text(&explorer->cells, rect, 0, 1, dim, "B");
  cells_text(&explorer->cells, rect, 0, 3, bold,
             text_shorten(&explorer->cells, name, right - 4,
                          utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark), shown,
                          sizeof shown));
}

static void paint_head(struct explorer *explorer, struct rect rect, const struct rows_form *form)
{
  const struct diff_table *table = &explorer->compare.table;
  if (table->done < table->rows)
    cells_printf(&explorer->cells, rect, 0, 1, dim, "%zu of %zu", table->done, table->rows);
  else
    cells_text(&explorer->cells, rect, 0, 1, dim, "tensor of A");
  rows_head(&explorer->cells, rect, 0, form, dim);
}

/* A line without numbers: its name, and why. */
static void paint_words(struct explorer *explorer, struct rect line, const struct rows_form *form,
                        struct style style, const char *words)
{
  cells_text(&explorer->cells, line, 0, form->name + 1, style, words);
}

static void paint_name(struct explorer *explorer, struct rect line, const struct rows_form *form,
                       const struct tensor *tensor, struct style style)
{
  char name[NAME_TEXT], shown[NAME_TEXT], mark[5];
  text_escape(tensor->name, name, sizeof name);
  cells_text(&explorer->cells, line, 0, 1, style,
             text_shorten(&explorer->cells, name, form->name - 2,
                          utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark), shown,
                          sizeof shown));
}

static void paint_pair(struct explorer *explorer, struct rect line, const struct rows_form *form,
                       const struct diff_row *row, struct style style)
{
  char remark[2 * DIFF_TEXT];
  const struct diff_table *table = &explorer->compare.table;
  paint_name(explorer, line, form, source_tensor(table->a, row->a), style);
  if (!row->diff)
    return paint_words(explorer, line, form, style,
                       row->state == DIFF_WAITING ? "waiting"
                       : row->reason              ? row->reason
                                                  : "not compared");
  int column = rows_numbers(&explorer->cells, line, form, table, row, style);
  if (line.columns - column > 12)
    cells_text(&explorer->cells, line, 0, column + 2, (struct style){PAINT_DIM, style.paper, 0},
               diff_remark(row->diff, remark, sizeof remark));
}

static void paint_line(struct explorer *explorer, struct rect rect, const struct rows_form *form,
                       size_t line, bool selected)
{
  const struct diff_table *table = &explorer->compare.table;
  const struct matching *matching = &table->matching;
  const struct diff_row *row = line < table->rows ? &table->row[table->rank[line]] : NULL;
  struct style style = {.ink = row && row->diff ? PAINT_NONE : PAINT_DIM};
  style = rows_line(&explorer->cells, explorer->glyphs, rect, style, selected);
  if (row)
    return paint_pair(explorer, rect, form, row, style);
  size_t alone = line - table->rows;
  bool of_a = alone < matching->only_a_count;
  paint_name(explorer, rect, form,
             of_a ? source_tensor(table->a, matching->only_a[alone])
                  : source_tensor(table->b, matching->only_b[alone - matching->only_a_count]),
             style);
  paint_words(explorer, rect, form, style, of_a ? "only in A" : "only in B");
}

static void paint_table(struct explorer *explorer, struct rect rect)
{
  const struct rows_form form = rows_fit(columns, COLUMNS, rect.columns, NAME_LEAST, NAME_MOST);
  size_t rows = rect.rows > 2 ? (size_t)rect.rows - 2 : 0, *first = &explorer->compare.first,
         lines = lines_of(&explorer->compare.table), selected = selected_line(explorer);
  if (selected < *first)
    *first = selected;
  if (rows && selected >= *first + rows)
    *first = selected - rows + 1;
  *first = size_min(*first, lines > rows ? lines - rows : 0);
  paint_total(explorer, rect);
  paint_head(explorer, (struct rect){rect.row + 1, rect.column, 1, rect.columns}, &form);
  mouse_list(explorer, (struct rect){rect.row + 2, rect.column, rect.rows - 2, rect.columns});
  for (size_t i = 0; i < rows && *first + i < lines; i++)
    paint_line(explorer, (struct rect){rect.row + 2 + (int)i, rect.column, 1, rect.columns}, &form,
               *first + i, *first + i == selected);
}

/* --- everything ----------------------------------------------------------------------------- */

/* Rows of the figure: what the table does not need, at least half. */
static int figure_rows(const struct explorer *explorer, struct rect rect)
{
  size_t lines = size_min(lines_of(&explorer->compare.table), 1000);
  int table = explorer->compare.other ? (int)lines + 2 : 0;
  if (!explorer->compare.other || rect.rows < FIGURE_LEAST + TABLE_LEAST)
    return explorer->compare.other ? 0 : rect.rows;
  int least = rect.rows - rect.rows / 2;
  if (rect.rows - least < TABLE_LEAST)
    least = rect.rows - TABLE_LEAST;
  return rect.rows - table > least ? rect.rows - table : least;
}

void compare_view_paint(struct explorer *explorer, struct rect rect)
{
  int rows = figure_rows(explorer, rect);
  struct figure part = *explorer->figure; /* as many panels as can be read */
  part.panels = size_min(part.panels, (size_t)(rows < 2 * PANEL_LEAST ? 1 : rows / PANEL_LEAST));
  if (rows)
    plot_figure(&explorer->cells, (struct rect){rect.row, rect.column, rows, rect.columns}, &part,
                explorer->glyphs, cursor_value(explorer));
  if (explorer->compare.other)
    paint_table(explorer,
                (struct rect){rect.row + rows, rect.column, rect.rows - rows, rect.columns});
}
