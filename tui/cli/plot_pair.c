/* qscope plot --compare: the figure of two tensors. */
#include "analysis/diff_table.h"
#include "tui/cli/commands.h"
#include "tui/cli/figure_out.h"
#include "tui/cli/meter.h"
#include "tui/cli/work.h"

#include <stdlib.h>
#include <string.h>

struct pair {
  const struct recipe *wanted;
  const struct options *options;
  struct source *a, *b;
  size_t index; /* of A's tensor */
  struct diff_table table;
};

static enum status compute(const struct pair *pair, size_t b_index, struct diff **out,
                           struct error *error)
{
  const struct view *view = &pair->wanted->view;
  const struct tensor *a = source_tensor(pair->a, pair->index);
  const struct diff_request request = {.axis = a->shape.dims > 1 ? view->axis : 0,
                                       .align = pair->wanted->compare.align,
                                       .grids = true,
                                       .bins = view->bins ? view->bins : FIGURE_BINS,
                                       .lo = view->lo,
                                       .hi = view->hi};
  return work_diff(pair->a, pair->index, pair->b, b_index, &request, out, error);
}

static char *recipe_of(const struct pair *pair)
{
  struct recipe recipe = {.view = pair->wanted->view, .quantizers = pair->wanted->quantizers};
  memcpy(recipe.quantizer, pair->wanted->quantizer, sizeof recipe.quantizer);
  bool good =
      recipe_set(&recipe, source_spec(pair->a), source_tensor(pair->a, pair->index)->name) &&
      recipe_set_input_format(&recipe, source_input_format(pair->a)) &&
      recipe_set_comparand(&recipe, &pair->wanted->compare);
  char *text = good ? recipe_print(&recipe) : NULL;
  recipe_clear(&recipe);
  return text;
}

static enum status draw(const struct pair *pair, const struct diff *diff, size_t b_index,
                        struct error *error)
{
  const struct figure_pair two = {source_tensor(pair->a, pair->index),
                                  source_tensor(pair->b, b_index), source_spec(pair->a),
                                  source_spec(pair->b)};
  char *text = recipe_of(pair);
  struct figure *figure = text ? figure_of_pair(diff, &pair->wanted->view, &two, text) : NULL;
  enum status status = figure_out_stamp(figure, pair->a, pair->index, pair->options, error);
  if (status == STATUS_OK)
    status = figure_out_stamp(figure, pair->b, b_index, pair->options, error);
  if (status == STATUS_OK)
    status = figure_out_write(figure, pair->options, error);
  figure_free(figure);
  free(text);
  return status;
}

/* Finds the partner of A's tensor. */
static enum status match(struct pair *pair, struct error *error)
{
  const struct comparand *compare = &pair->wanted->compare;
  struct rename_rule rule[RECIPE_RENAMES];
  size_t rules;
  enum status status = comparand_rules(compare, rule, &rules, error);
  if (status == STATUS_OK)
    status = diff_table_init(pair->a, pair->b, &pair->index, 1, rule, rules, compare->align,
                             &pair->table, error);
  if (status == STATUS_OK)
    status = diff_table_check(&pair->table, error);
  if (status == STATUS_OK && pair->table.row[0].state == DIFF_SHAPES) {
    const char *reason = pair->table.row[0].reason;
    status = error_set(error, STATUS_INPUT, "not compared: %s", reason ? reason : "other shapes");
    work_place(pair->a, pair->index, error);
  }
  return status;
}

static enum status plot(struct pair *pair, struct error *error)
{
  const struct recipe *wanted = pair->wanted;
  struct diff *diff = NULL;
  enum status status = work_select_recipe(pair->a, wanted, &pair->index, error);
  if (status == STATUS_OK)
    status = match(pair, error);
  if (status != STATUS_OK)
    return status;
  size_t b_index = pair->table.row[0].b;
  meter_start(3 * source_tensor(pair->a, pair->index)->count);
  status = compute(pair, b_index, &diff, error);
  if (status == STATUS_OK)
    status = draw(pair, diff, b_index, error);
  diff_free(diff);
  return status;
}

enum status plot_pair(const struct recipe *recipe, const struct options *options,
                      struct error *error)
{
  struct pair pair = {.wanted = recipe, .options = options};
  if (recipe->view.channel >= 0)
    return error_set(error, STATUS_USAGE, "plot: --channel: whole tensors are compared");
  enum status status = source_open_as(recipe->source, recipe->input_format, &pair.a, error);
  if (status == STATUS_OK)
    status = source_open(recipe->compare.source, &pair.b, error);
  if (status == STATUS_OK)
    status = plot(&pair, error);
  diff_table_clear(&pair.table);
  source_close(pair.a);
  source_close(pair.b);
  return status;
}
