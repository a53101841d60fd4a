/* qscope sweep: one word of the specs takes value after value. */
#include "analysis/fig_sweep.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/figure_out.h"
#include "tui/cli/meter.h"
#include "tui/cli/picks.h"
#include "tui/cli/table.h"
#include "tui/cli/work.h"

#include <stdlib.h>
#include <string.h>

/* What people see first; the rest is in JSON and CSV. */
enum { SHOWN_METRICS = 7 };

static bool add_row(struct table *table, const struct sweep *sweep, const struct sweep_row *row)
{
  char spec[QUANTIZER_TEXT], number[SHOWN_METRICS][32];
  const char *cell[4 + SHOWN_METRICS] = {row->fixed ? "-" : sweep->value[row->value],
                                         quantizer_print(&row->quantizer, spec)};
  for (size_t i = 0; i < SHOWN_METRICS; i++) {
    const struct metric *metric = metric_find(sweep_metrics[i]);
    cell[2 + i] = metric_print(metric, metric->value(&row->metrics), number[i], sizeof number[i]);
  }
  char predicted[64];
  metric_print(metric_find("sqnr_db"), row->predicted_sqnr_db, predicted, sizeof predicted);
  if (sweep->theory)
    cell[2 + SHOWN_METRICS] = predicted;
  cell[2 + SHOWN_METRICS + sweep->theory] = row->pareto ? "*" : "";
  return table_add(table, cell);
}

static enum status print_table(const struct sweep *sweep, struct error *error)
{
  struct table table = {.columns = 3 + SHOWN_METRICS + sweep->theory,
                        .right = sweep->theory ? 0x3fd : 0x1fd};
  const char *heading[4 + SHOWN_METRICS] = {sweep_name(sweep), "quantizer"};
  for (size_t i = 0; i < SHOWN_METRICS; i++)
    heading[2 + i] = metric_find(sweep_metrics[i])->label;
  heading[2 + SHOWN_METRICS] = "predicted";
  heading[2 + SHOWN_METRICS + sweep->theory] = "front";
  bool good = table_add(&table, heading);
  for (size_t i = 0; i < sweep->rows && good; i++)
    if (sweep->row[i].state == SWEEP_DONE)
      good = add_row(&table, sweep, &sweep->row[i]);
  return table_finish(&table, good, false, error);
}

static enum status print_numbers(const struct sweep *sweep, const char *source,
                                 const struct tensor *tensor, enum report_style style,
                                 struct error *error)
{
  if (style == REPORT_TEXT)
    return print_table(sweep, error);
  if (style == REPORT_JSON)
    sweep_json(sweep, source, tensor, stdout);
  else
    sweep_csv(sweep, source, tensor, stdout);
  return STATUS_OK;
}

static enum status draw(const struct sweep *sweep, const struct recipe *recipe,
                        struct source *source, size_t index, const struct options *options,
                        struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  char *text = recipe_print(recipe);
  struct figure *figure =
      text ? fig_sweep(sweep, &recipe->view, recipe->source, tensor, text) : NULL;
  enum status status = figure_out_stamp(figure, source, index, options, error);
  if (status == STATUS_OK)
    status = figure_out_write(figure, options, error);
  figure_free(figure);
  free(text);
  return status;
}

/* With -o the figure, with --data its numbers; the table when there is neither, or when a style was
 * asked for. */
static enum status show(const struct sweep *sweep, const struct recipe *recipe,
                        struct source *source, size_t index, const struct options *options,
                        struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  enum status status = STATUS_OK;
  if (figure_out_wanted(options)) {
    struct recipe whole = *recipe; /* borrows the strings, but for the tensor's name */
    char *name = whole.tensor = strdup(tensor->name);
    whole.input_format = (char *)(uintptr_t)source_input_format(source);
    status = name ? draw(sweep, &whole, source, index, options, error)
                  : error_memory(error, "the recipe");
    free(name);
  }
  if (status == STATUS_OK && (!figure_out_wanted(options) || options->style != REPORT_TEXT))
    status = print_numbers(sweep, source_spec(source), tensor, options->style, error);
  return status;
}

/* Those from FIRST on. */
static void complain_notes(const struct sweep *sweep, size_t first)
{
  for (size_t i = first; i < sweep->notes; i++) {
    struct error note = {0};
    error_set(&note, STATUS_USAGE, "%s", sweep->note[i]);
    work_complain(&note);
  }
}

/* With what the recipe says that quantizers are calibrated on. */
static enum status run_calibrated(struct sweep *sweep, struct source *source, size_t index,
                                  const struct recipe *recipe, struct error *error)
{
  struct picks picks = {0};
  struct pool pool = {0};
  enum status status = pool_of_recipe(recipe, source, &picks, &pool, &sweep->calibrated, error);
  meter_start(work_weight(source_tensor(source, index), sweep->rows));
  if (status == STATUS_OK)
    status = work_sweep(source, index, sweep, error);
  sweep->batching = recipe->batching;
  sweep->data = recipe->calibrate_on;
  pool_clear(&pool);
  picks_clear(&picks);
  return status;
}

static enum status sweep_source(struct sweep *sweep, const struct recipe *recipe,
                                const struct options *options, struct error *error)
{
  struct work_subject subject;
  enum status status = work_open(recipe, &subject, error);
  if (status == STATUS_OK)
    status = run_calibrated(sweep, subject.source, subject.index, recipe, error);
  if (status == STATUS_OK)
    status = show(sweep, recipe, subject.source, subject.index, options, error);
  work_close(&subject);
  return status;
}

enum status sweep_recipe(const struct recipe *recipe, const struct options *options,
                         struct error *error)
{
  struct sweep *sweep;
  struct recipe whole = *recipe; /* borrows the strings */
  if (!*recipe->view.over)
    return error_set(error, STATUS_USAGE,
                     "sweep: expected --over WHAT, such as --over bits=2:8 or --over group=32,64");
  if (!recipe->source)
    return error_set(error, STATUS_USAGE, "sweep: expected a SOURCE; see qscope sweep --help");
  if (whole.quantizers == 0)
    whole.quantizer[whole.quantizers++] = work_default_quantizer();
  enum status status = figure_out_wanted(options) ? figure_out_check(options, error) : STATUS_OK;
  if (status == STATUS_OK)
    status = sweep_plan(recipe->view.over, whole.quantizer, whole.quantizers, &sweep, error);
  if (status != STATUS_OK)
    return status;
  size_t before = sweep->notes;
  sweep->theory = whole.view.theory;
  sweep->metric = whole.view.metric;
  complain_notes(sweep, 0);
  status = sweep_source(sweep, &whole, options, error);
  complain_notes(sweep, before);
  sweep_free(sweep);
  return status;
}

enum status sweep_command_run(const struct options *options, struct error *error)
{
  struct recipe recipe;
  enum status status =
      options_recipe(options, options->operands ? options->operand[0] : NULL, &recipe, error);
  if (status == STATUS_OK)
    status = sweep_recipe(&recipe, options, error);
  recipe_clear(&recipe);
  return status;
}
