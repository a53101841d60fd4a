#include "analysis/metrics.h"
#include "tui/cli/layer_run.h"
#include "tui/cli/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_db(double db, char *text, size_t size)
{
  metric_print(metric_find("sqnr_db"), db, text, size);
}

/* A part of the output error as people compare it: the SQNR if it were the only one. */
static void print_part(const struct layer_numbers *n, double mse, char *text, size_t size)
{
  print_db(sqnr_db(n->output_power, mse), text, size);
}

/* Cells of a row, in the order of the headings; empty ones are left out for all. */
enum {
  MARK,
  METHOD,
  OUTPUT,
  HELD,
  OF_WEIGHTS,
  OF_ACTIVATIONS,
  WEIGHT_SQNR,
  WORST,
  BITS,
  TIME,
  CELLS
};
static const char *const heading[CELLS] = {"",
                                           "method",
                                           "output SQNR",
                                           "held out",
                                           "from weights",
                                           "from activations",
                                           "weight SQNR",
                                           "worst channel",
                                           "bits/weight",
                                           "time"};

static void fill_cells(const struct layer_row *row, bool best, char cell[CELLS][METHOD_TEXT])
{
  const struct layer_numbers *n = &row->calibration;
  const size_t size = METHOD_TEXT;
  strcpy(cell[MARK], best ? "*" : "");
  method_print(&row->ask.method, cell[METHOD]);
  print_db(n->output_sqnr_db, cell[OUTPUT], size);
  *cell[HELD] = '\0';
  if (row->held_out.tokens)
    print_db(row->held_out.output_sqnr_db, cell[HELD], size);
  print_part(n, n->weights_mse, cell[OF_WEIGHTS], size);
  print_part(n, n->activations_mse, cell[OF_ACTIVATIONS], size);
  print_db(n->weight_sqnr_db, cell[WEIGHT_SQNR], size);
  const struct layer_spread spread = layer_channel_spread(n);
  print_db(spread.worst_db, cell[WORST], size);
  snprintf(cell[BITS], size, "%.3f", n->bits_per_weight);
  snprintf(cell[TIME], size, row->seconds < 1 ? "%.0f ms" : "%.1f s",
           row->seconds < 1 ? 1e3 * row->seconds : row->seconds);
}

/* Columns that say something here. */
static bool is_shown(const struct layer_run *run, int column)
{
  const bool both = run->recipe->view.layer.quantizes_activation;
  return column == HELD ? run->problem.held_out != NULL
                        : (column != OF_WEIGHTS && column != OF_ACTIVATIONS) || both;
}

static bool add_cells(const struct layer_run *run, struct table *table, const char *const *cell)
{
  const char *shown[CELLS];
  size_t count = 0;
  for (int i = 0; i < CELLS; i++)
    if (is_shown(run, i))
      shown[count++] = cell[i];
  table->columns = count;
  return table_add(table, shown);
}

/* The rows with the quantizers of row FIRST. */
static bool print_group(const struct layer_run *run, size_t first, FILE *out)
{
  const size_t best = layer_best(run->row, run->rows, first);
  struct table table = {.right = ~3U};
  bool good = add_cells(run, &table, heading);
  for (size_t k = 0; k < run->rows && good; k++) {
    const size_t i = run->rank[k];
    char text[CELLS][METHOD_TEXT];
    const char *cell[CELLS];
    if (run->row[i].state != LAYER_DONE || layer_group(run->row, i) != first)
      continue;
    fill_cells(&run->row[i], i == best, text);
    for (int c = 0; c < CELLS; c++)
      cell[c] = text[c];
    good = add_cells(run, &table, cell);
  }
  if (good && table.rows > 1)
    table_print(&table, out);
  table_free(&table);
  return good;
}

/* What the methods say of themselves, who was left out, and the verdict. */
static void print_words(const struct layer_run *run, size_t first, FILE *out)
{
  char name[METHOD_TEXT], verdict[LAYER_VERDICT], words[METHOD_TEXT + METHOD_SAID];
  for (size_t i = first; i < run->rows; i++) {
    const struct layer_row *row = &run->row[i];
    if (layer_group(run->row, i) != first)
      continue;
    if (row->state == LAYER_DONE && *row->said) {
      snprintf(words, sizeof words, "%s: %s", method_print(&row->ask.method, name), row->said);
      table_words(out, "", 0, words);
    }
    if (row->state == LAYER_REFUSED)
      table_words(out, "without ", 8, row->reason);
  }
  if (*layer_verdict(&run->problem, run->row, run->rows, first, verdict))
    table_words(out, "", 0, verdict);
}

static void print_place(const char *what, const struct layer_place *place, FILE *out)
{
  char source[256], name[256], shape[128];
  fprintf(out, "%-11s %s (%s, %s) from %s", what,
          text_escape(place->tensor->name, name, sizeof name),
          shape_print(&place->tensor->shape, shape, sizeof shape), place->tensor->stored->name,
          text_escape(source_title(place->source), source, sizeof source));
}

static const char *plural(size_t count)
{
  return count == 1 ? "" : "s";
}

static void print_head(const struct layer_run *run, FILE *out)
{
  const struct layer_problem *problem = &run->problem;
  print_place("weight", &problem->question.weight, out);
  fprintf(out, "%s: %zu output channel%s of %zu input%s\n",
          problem->question.transposed ? ", transposed" : "", problem->layer.rows,
          plural(problem->layer.rows), problem->layer.columns, plural(problem->layer.columns));
  print_place("activation", &problem->question.activation, out);
  fprintf(out, ": %zu token%s\n", problem->layer.tokens, plural(problem->layer.tokens));
  if (problem->question.held_out.tensor) {
    print_place("held out", &problem->question.held_out, out);
    fprintf(out, ": %zu token%s\n", problem->held_tokens, plural(problem->held_tokens));
  } else if (problem->held_out)
    fprintf(out, "%-11s the last %zu token%s of it\n", "held out", problem->held_tokens,
            plural(problem->held_tokens));
}

enum status layer_text(const struct layer_run *run, FILE *out, struct error *error)
{
  char spec[QUANTIZER_TEXT];
  bool good = true;
  print_head(run, out);
  for (size_t i = 0; i < run->rows && good; i++) {
    const struct layer_ask *ask = &run->row[i].ask;
    if (layer_group(run->row, i) != i)
      continue;
    fprintf(out, "\n%s", quantizer_print(&ask->weight, spec));
    if (ask->quantizes_activation)
      fprintf(out, "  activation %s", quantizer_print(&ask->activation, spec));
    fputc('\n', out);
    good = print_group(run, i, out);
    print_words(run, i, out);
  }
  return good ? STATUS_OK : error_memory(error, "the table");
}
