/* qscope layer: what each method does to the output of a layer. */
#include "analysis/layer_lab.h"
#include "analysis/metrics.h"
#include "data/outfile.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/layer_save.h"
#include "tui/cli/meter.h"
#include "tui/cli/table.h"
#include "tui/cli/work.h"

#include <math.h>
#include <string.h>

enum part { WEIGHT, ACTIVATION, HELD_OUT, PARTS };

/* What the command carries along. */
struct lab {
  const struct options *options;
  char *spec[PARTS]; /* NULL: none; owned */
  const char *name[PARTS];
  struct source *source[PARTS];
  size_t index[PARTS];
  struct layer_problem problem;
  bool open;
  size_t rows;
  struct layer_row *row;
  struct layer_made made; /* of the only row, where it is saved */
};

/* --- for people --------------------------------------------------------------------------------
 */

static void print_db(double db, char *text, size_t size)
{
  metric_print(metric_find("sqnr_db"), db, text, size);
}

/* A part of the output error as people compare it: the SQNR if it were the only one. */
static void print_part(const struct layer_numbers *n, double mse, char *text, size_t size)
{
  print_db(mse > 0 ? 10 * log10(n->output_power / mse) : HUGE_VAL, text, size);
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
static bool is_shown(const struct lab *lab, int column)
{
  const bool both = lab->options->layer.quantizes_activation;
  return column == HELD ? lab->problem.held_out != NULL
                        : (column != OF_WEIGHTS && column != OF_ACTIVATIONS) || both;
}

static bool add_cells(const struct lab *lab, struct table *table, const char *const *cell)
{
  const char *shown[CELLS];
  size_t count = 0;
  for (int i = 0; i < CELLS; i++)
    if (is_shown(lab, i))
      shown[count++] = cell[i];
  table->columns = count;
  return table_add(table, shown);
}

/* The rows with the quantizers of row FIRST. */
static bool print_group(const struct lab *lab, size_t first, FILE *out)
{
  const size_t best = layer_best(lab->row, lab->rows, first);
  struct table table = {.right = ~3U};
  bool good = add_cells(lab, &table, heading);
  for (size_t i = first; i < lab->rows && good; i++) {
    char text[CELLS][METHOD_TEXT];
    const char *cell[CELLS];
    if (lab->row[i].state != LAYER_DONE || layer_group(lab->row, i) != first)
      continue;
    fill_cells(&lab->row[i], i == best, text);
    for (int k = 0; k < CELLS; k++)
      cell[k] = text[k];
    good = add_cells(lab, &table, cell);
  }
  if (good && table.rows > 1)
    table_print(&table, out);
  table_free(&table);
  return good;
}

/* What the methods say of themselves, who was left out, and the verdict. */
static void print_words(const struct lab *lab, size_t first, FILE *out)
{
  char name[METHOD_TEXT], verdict[LAYER_VERDICT], words[METHOD_TEXT + METHOD_SAID];
  for (size_t i = first; i < lab->rows; i++) {
    const struct layer_row *row = &lab->row[i];
    if (layer_group(lab->row, i) != first)
      continue;
    if (row->state == LAYER_DONE && *row->said) {
      snprintf(words, sizeof words, "%s: %s", method_print(&row->ask.method, name), row->said);
      table_words(out, "", 0, words);
    }
    if (row->state == LAYER_REFUSED)
      table_words(out, "without ", 8, row->reason);
  }
  if (*layer_verdict(&lab->problem, lab->row, lab->rows, first, verdict))
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

static void print_head(const struct lab *lab, FILE *out)
{
  const struct layer_problem *problem = &lab->problem;
  print_place("weight", &problem->question.weight, out);
  fprintf(out, "%s: %zu output channels of %zu inputs\n",
          problem->question.transposed ? ", transposed" : "", problem->layer.rows,
          problem->layer.columns);
  print_place("activation", &problem->question.activation, out);
  fprintf(out, ": %zu tokens\n", problem->layer.tokens);
  if (problem->question.held_out.tensor) {
    print_place("held out", &problem->question.held_out, out);
    fprintf(out, ": %zu tokens\n", problem->held_tokens);
  } else if (problem->held_out)
    fprintf(out, "%-11s the last %zu tokens of it\n", "held out", problem->held_tokens);
}

static enum status print_text(const struct lab *lab, FILE *out, struct error *error)
{
  char spec[QUANTIZER_TEXT];
  bool good = true;
  print_head(lab, out);
  for (size_t i = 0; i < lab->rows && good; i++) {
    const struct layer_ask *ask = &lab->row[i].ask;
    if (layer_group(lab->row, i) != i)
      continue;
    fprintf(out, "\n%s", quantizer_print(&ask->weight, spec));
    if (ask->quantizes_activation)
      fprintf(out, "  activation %s", quantizer_print(&ask->activation, spec));
    fputc('\n', out);
    good = print_group(lab, i, out);
    print_words(lab, i, out);
  }
  return good ? STATUS_OK : error_memory(error, "the table");
}

/* --- output ------------------------------------------------------------------------------------
 */

static enum status print_rows(const struct lab *lab, FILE *out, struct error *error)
{
  if (lab->options->style == REPORT_TEXT)
    return print_text(lab, out, error);
  (lab->options->style == REPORT_JSON ? layer_json : layer_csv)(&lab->problem, lab->row, lab->rows,
                                                                out);
  return STATUS_OK;
}

/* To standard output, or to the file of -o, which appears when it is complete. */
static enum status write_rows(const struct lab *lab, struct error *error)
{
  struct outfile *file;
  if (!lab->options->output)
    return print_rows(lab, stdout, error);
  enum status status = outfile_open(lab->options->output, &file, error);
  if (status != STATUS_OK)
    return status;
  status = print_rows(lab, outfile_stream(file), error);
  if (status == STATUS_OK)
    return outfile_commit(file, error);
  outfile_discard(file);
  return status;
}

/* --- the question ------------------------------------------------------------------------------
 */

/* A layer of so many elements takes about as long to read as to measure once. */
enum { RUN_WEIGHT = 16 };

static enum status load(struct lab *lab, enum part part, struct error *error)
{
  enum status status =
      source_open_as(lab->spec[part], part == WEIGHT ? lab->options->input_format : NULL,
                     &lab->source[part], error);
  if (status != STATUS_OK)
    return status;
  status = work_select_one(lab->source[part], &lab->name[part], lab->name[part] != NULL,
                           &lab->index[part], error);
  return status == STATUS_OK ? work_load(lab->source[part], lab->index[part], error) : status;
}

static struct layer_place place_of(const struct lab *lab, enum part part)
{
  if (!lab->source[part])
    return (struct layer_place){NULL, NULL};
  return (struct layer_place){lab->spec[part], source_tensor(lab->source[part], lab->index[part])};
}

/* Synthetic tokens are as wide as the layer where no shape is written. */
static enum status match(struct lab *lab, enum part part, size_t columns, struct error *error)
{
  char *matched;
  if (!lab->spec[part])
    return STATUS_OK;
  if (!(matched = layer_matched_source(lab->spec[part], columns)))
    return error_memory(error, "the layer");
  free(lab->spec[part]);
  lab->spec[part] = matched;
  return load(lab, part, error);
}

static enum status open_problem(struct lab *lab, struct error *error)
{
  size_t rows, columns;
  enum status status = load(lab, WEIGHT, error);
  const struct layer_place weight =
      status == STATUS_OK ? place_of(lab, WEIGHT) : (struct layer_place){0};
  if (status == STATUS_OK)
    status = layer_weight_shape(&weight, lab->options->layer.transposed, &rows, &columns, error);
  if (status == STATUS_OK)
    status = match(lab, ACTIVATION, columns, error);
  if (status == STATUS_OK)
    status = match(lab, HELD_OUT, columns, error);
  if (status != STATUS_OK)
    return status;
  const struct layer_question question = {.weight = weight,
                                          .activation = place_of(lab, ACTIVATION),
                                          .held_out = place_of(lab, HELD_OUT),
                                          .hold_out = lab->options->layer.hold_out,
                                          .transposed = lab->options->layer.transposed};
  status = layer_problem_open(&question, meter_task("the layer", 1), &lab->problem, error);
  lab->open = status == STATUS_OK;
  return status;
}

static enum status verify(const struct lab *lab, struct error *error)
{
  enum status status = STATUS_OK;
  for (int i = 0; i < PARTS && status == STATUS_OK; i++)
    if (lab->source[i])
      status = source_verify(lab->source[i], error);
  return status;
}

/* --- running -----------------------------------------------------------------------------------
 */

static size_t count_methods(const struct layer_options *layer)
{
  size_t count = layer->methods;
  while (!layer->methods && layer_default_method(count, layer->quantizes_activation))
    count++;
  return count;
}

static enum status choose_method(const struct layer_options *layer, size_t i,
                                 struct method_choice *out, struct error *error)
{
  if (!layer->methods)
    return method_parse(layer_default_method(i, layer->quantizes_activation)->name, out, error);
  *out = layer->method[i];
  return STATUS_OK;
}

/* A row for each method under each quantizer. */
static enum status plan(struct lab *lab, struct error *error)
{
  const struct options *options = lab->options;
  const struct layer_options *layer = &options->layer;
  const size_t methods = count_methods(layer), quantizers = size_max(options->quantizers, 1);
  struct quantizer standard;
  enum status status = quantizer_parse("int4,asym,group=128", &standard, error);
  lab->rows = quantizers * methods;
  lab->row = mem_array(lab->rows, sizeof *lab->row);
  if (!lab->row)
    return error_memory(error, "the methods");
  for (size_t i = 0; i < lab->rows && status == STATUS_OK; i++) {
    struct layer_ask *ask = &lab->row[i].ask;
    ask->weight = options->quantizers ? options->quantizer[i / methods] : standard;
    ask->quantizes_activation = layer->quantizes_activation;
    ask->activation = layer->activation_quantizer;
    status = choose_method(layer, i % methods, &ask->method, error);
  }
  return status;
}

static enum status run_rows(struct lab *lab)
{
  const bool save = layer_save_wanted(lab->options);
  enum status status = STATUS_OK;
  for (size_t i = 0; i < lab->rows && status == STATUS_OK; i++) {
    char name[METHOD_TEXT];
    struct layer_row *row = &lab->row[i];
    status = layer_row_run(&lab->problem, row, save ? &lab->made : NULL,
                           meter_task(method_print(&row->ask.method, name), RUN_WEIGHT));
  }
  return status;
}

/* Nothing could be done: the first reason is the error. */
static enum status check_rows(const struct lab *lab, struct error *error)
{
  for (size_t i = 0; i < lab->rows; i++)
    if (lab->row[i].state == LAYER_DONE)
      return STATUS_OK;
  return error_set(error, STATUS_USAGE, "%s", lab->row[0].reason);
}

/* What is known is told also when the work was cancelled. */
static enum status run(struct lab *lab, struct error *error)
{
  enum status status = run_rows(lab), ran = status;
  bool known = false;
  for (size_t i = 0; i < lab->rows; i++)
    known = known || lab->row[i].state != LAYER_WAITING;
  if (ran == STATUS_OK)
    status = check_rows(lab, error);
  if (status == STATUS_OK)
    status = verify(lab, error);
  if (status == STATUS_OK && layer_save_wanted(lab->options))
    status = layer_save(lab->options, &lab->problem, lab->row, &lab->made, error);
  if (ran == STATUS_CANCELLED ? known && !lab->options->output : status == STATUS_OK)
    status = write_rows(lab, error);
  return ran == STATUS_OK ? status : ran;
}

/* --- words -------------------------------------------------------------------------------------
 */

static enum status check_words(const struct options *options, struct error *error)
{
  const struct layer_options *layer = &options->layer;
  if (layer->weight && options->operands)
    return error_set(error, STATUS_USAGE, "layer: '%s' and --weight both name the weight",
                     options->operand[0]);
  if (!layer->weight && !options->operands)
    return error_set(error, STATUS_USAGE,
                     "layer: expected a WEIGHT, and --activation SRC; see qscope layer --help");
  if (!layer->activation)
    return error_set(error, STATUS_USAGE,
                     "layer: expected --activation SRC, the tokens that go into the layer, such as "
                     "--activation synth:llm-activation");
  if (layer->hold_out > 0 && layer->evaluate)
    return error_set(error, STATUS_USAGE, "--hold-out and --evaluate both name held-out tokens");
  if (options->tensors > 1)
    return error_set(error, STATUS_USAGE,
                     "layer: one -t names the weight; that of the activation goes behind "
                     "--activation");
  return STATUS_OK;
}

static enum status check_stdin(const struct lab *lab, struct error *error)
{
  int readers = 0;
  for (int i = 0; i < PARTS; i++)
    readers += lab->spec[i] && source_reads_stdin(lab->spec[i]);
  return readers > 1 ? error_set(error, STATUS_USAGE, "only one source can be standard input")
                     : STATUS_OK;
}

static enum status check_outputs(const struct lab *lab, struct error *error)
{
  const struct options *options = lab->options;
  if (layer_save_wanted(options) && lab->rows != 1)
    return error_set(error, STATUS_USAGE,
                     "--weight-out, --codes, --scales and --zero-points save one method under one "
                     "quantizer; found %zu",
                     lab->rows);
  return layer_save_check(options, (const char *const *)lab->spec, PARTS, error);
}

static enum status take_words(struct lab *lab, struct error *error)
{
  const struct options *options = lab->options;
  const struct layer_options *layer = &options->layer;
  const char *const spec[PARTS] = {layer->weight ? layer->weight : options->operand[0],
                                   layer->activation, layer->evaluate};
  for (int i = 0; i < PARTS; i++)
    if (spec[i] && !(lab->spec[i] = strdup(spec[i])))
      return error_memory(error, "the layer");
  lab->name[WEIGHT] = options->tensors ? options->tensor[0] : NULL;
  lab->name[ACTIVATION] = layer->activation_tensor;
  lab->name[HELD_OUT] = layer->evaluate_tensor;
  return STATUS_OK;
}

static void lab_clear(struct lab *lab)
{
  layer_made_free(&lab->made);
  for (size_t i = 0; lab->row && i < lab->rows; i++)
    layer_row_free(&lab->row[i]);
  free(lab->row);
  if (lab->open)
    layer_problem_close(&lab->problem);
  for (int i = 0; i < PARTS; i++) {
    source_close(lab->source[i]);
    free(lab->spec[i]);
  }
}

enum status layer_run(const struct options *options, struct error *error)
{
  struct lab lab = {.options = options};
  if (options->layer.lists_methods)
    return methods_run(options, error);
  enum status status = check_words(options, error);
  if (status == STATUS_OK)
    status = take_words(&lab, error);
  if (status == STATUS_OK)
    status = check_stdin(&lab, error);
  if (status == STATUS_OK)
    status = plan(&lab, error);
  if (status == STATUS_OK)
    status = check_outputs(&lab, error);
  if (status == STATUS_OK) {
    meter_start(RUN_WEIGHT * lab.rows + 1);
    status = open_problem(&lab, error);
  }
  if (status == STATUS_OK)
    status = run(&lab, error);
  lab_clear(&lab);
  return status;
}
