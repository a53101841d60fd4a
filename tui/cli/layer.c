/* qscope layer: what each method does to the output of a layer; and its figure, for plot and
 * replay.
 */
#include "analysis/fig_layer.h"
#include "analysis/layer_lab.h"
#include "data/outfile.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/figure_out.h"
#include "tui/cli/layer_run.h"
#include "tui/cli/layer_save.h"
#include "tui/cli/save.h"

#include <string.h>

/* --- output ----------------------------------------------------------------------------------- */

static enum status print_rows(const struct layer_run *run, const struct options *options, FILE *out,
                              struct error *error)
{
  if (options->style == REPORT_TEXT)
    return layer_text(run, out, error);
  (options->style == REPORT_JSON ? layer_json : layer_csv)(&run->problem, run->row, run->rows, out);
  return STATUS_OK;
}

/* To the file NAME, which appears when it is complete. */
static enum status write_rows(const struct layer_run *run, const struct options *options,
                              const char *name, struct error *error)
{
  struct outfile *file;
  enum status status = outfile_open(name, &file, error);
  if (status != STATUS_OK)
    return status;
  status = print_rows(run, options, outfile_stream(file), error);
  if (status == STATUS_OK)
    return outfile_commit(file, error);
  outfile_discard(file);
  return status;
}

/* RECIPE with the names that it leaves open; borrows its strings. */
static struct recipe named(const struct layer_run *run)
{
  struct recipe recipe = *run->recipe;
  recipe.view.kind = VIEW_LAYER;
  recipe.tensor = (char *)(uintptr_t)run->problem.question.weight.tensor->name;
  recipe.input_format = (char *)(uintptr_t)source_input_format(run->of.source[LAYER_WEIGHT]);
  recipe.activation.source = run->spec[LAYER_ACTIVATION];
  return recipe;
}

static enum status draw(const struct layer_run *run, const struct options *options,
                        struct error *error)
{
  const struct recipe recipe = named(run);
  char *text = recipe_print(&recipe);
  struct layer_answer *facts = layer_answer_new(&run->problem);
  const struct layer_shown shown = {.row = run->row,
                                    .rows = run->rows,
                                    .rank = run->rank,
                                    .selected = run->rank[0],
                                    .facts = facts};
  struct figure *figure = text && facts ? figure_of_layer(&shown, text) : NULL;
  enum status status = STATUS_OK;
  for (int i = 0; i < LAYER_PARTS && status == STATUS_OK; i++)
    if (run->of.source[i])
      status = figure_out_stamp(figure, run->of.source[i], run->of.tensor[i], options, error);
  if (status == STATUS_OK)
    status = figure_out_write(figure, options, error);
  figure_free(figure);
  layer_answer_free(facts);
  free(text);
  return status;
}

/* A figure is wanted, rather than numbers in a file. */
static bool draws(const struct options *options)
{
  return options->data || (options->output && figure_is_name(options->output));
}

/* With -o FIG the figure, with --data its numbers; the table when there is neither, or when a style
 * was asked for, unless an array takes its place. */
static enum status show(const struct layer_run *run, const struct options *options,
                        struct error *error)
{
  enum status status = STATUS_OK;
  if (draws(options))
    status = draw(run, options, error);
  if (status != STATUS_OK || (draws(options) && options->style == REPORT_TEXT))
    return status;
  if (options->output && !draws(options))
    return write_rows(run, options, options->output, error);
  return save_to_stdout(options) ? STATUS_OK : print_rows(run, options, stdout, error);
}

/* --- running ---------------------------------------------------------------------------------- */

static enum status check_outputs(const struct layer_run *run, const struct options *options,
                                 struct error *error)
{
  if (layer_save_wanted(options) && run->rows != 1)
    return error_set(error, STATUS_USAGE,
                     "--weight-out, --codes and their like save one method under one quantizer; "
                     "found %zu",
                     run->rows);
  if (save_to_stdout(options) > 1)
    return error_set(error, STATUS_USAGE, "only one array can go to standard output");
  return layer_save_check(options, (const char *const *)run->spec, LAYER_PARTS, error);
}

static bool anything_known(const struct layer_run *run)
{
  for (size_t i = 0; i < run->rows; i++)
    if (run->row[i].state != LAYER_WAITING)
      return true;
  return false;
}

enum status layer_recipe(const struct recipe *recipe, const struct options *options,
                         struct error *error)
{
  struct layer_run run;
  enum status status = layer_run_plan(&run, recipe, error);
  if (status == STATUS_OK)
    status = check_outputs(&run, options, error);
  if (status == STATUS_OK)
    status = layer_run_all(&run, layer_save_wanted(options), error);
  if (status == STATUS_OK && layer_save_wanted(options))
    status = layer_save(options, &run.problem, run.row, &run.made, error);
  if (status == STATUS_OK)
    status = show(&run, options, error);
  else if (status == STATUS_CANCELLED && anything_known(&run) && !options->output && !options->data)
    print_rows(&run, options, stdout, error); /* what is known is told */
  layer_run_clear(&run);
  return status;
}

/* --- the command ------------------------------------------------------------------------------ */

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
  if (options->tensors > 1)
    return error_set(error, STATUS_USAGE,
                     "layer: one -t names the weight; that of the activation goes behind "
                     "--activation");
  return STATUS_OK;
}

/* What is run where nobody says. */
static enum status fill(struct recipe *recipe, struct error *error)
{
  struct view_layer *layer = &recipe->view.layer;
  const struct method *method;
  const bool said = layer->methods > 0;
  enum status status = STATUS_OK;
  if (recipe->quantizers == 0)
    status =
        quantizer_parse("int4,asym,group=128", &recipe->quantizer[recipe->quantizers++], error);
  while (!said && status == STATUS_OK &&
         (method = layer_default_method(layer->methods, layer->quantizes_activation)))
    layer->method[layer->methods++] = method_plain(method);
  return status;
}

enum status layer_command_run(const struct options *options, struct error *error)
{
  struct recipe recipe;
  recipe_init(&recipe);
  if (options->layer.lists_methods)
    return methods_run(options, error);
  enum status status = check_words(options, error);
  if (status == STATUS_OK)
    status =
        options_recipe(options, options->layer.weight ? options->layer.weight : options->operand[0],
                       &recipe, error);
  if (status == STATUS_OK)
    status = fill(&recipe, error);
  if (status == STATUS_OK)
    status = layer_recipe(&recipe, options, error);
  recipe_clear(&recipe);
  return status;
}
