/* qscope plot: one figure. */
#include "analysis/figure.h"
#include "data/slice.h"
#include "tui/cli/commands.h"
#include "tui/cli/figure_out.h"
#include "tui/cli/meter.h"
#include "tui/cli/picks.h"
#include "tui/cli/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Results of all quantizers of a recipe: the last one's, and those it is compared with; and what
 * their transforms made of the tensor. */
struct measured {
  struct result *result[FIGURE_PINS + 1];
  struct source *made[FIGURE_PINS + 1];        /* NULL: the tensor as it is, or an earlier one's */
  const struct tensor *other[FIGURE_PINS + 1]; /* the tensor of a pin; NULL: that of the figure */
  size_t place[FIGURE_PINS + 1];               /* in the source, of each */
  size_t count;
};

/* A tensor as its source has it, whatever the figure shows of it. */
struct whole {
  struct source *source;
  size_t index;
};

static void measured_free(struct measured *measured)
{
  for (size_t i = 0; i < measured->count; i++)
    result_free(measured->result[i]);
  for (size_t i = 0; i <= FIGURE_PINS; i++)
    source_close(measured->made[i]);
}

/* Of the tensor, and of those that pins are of. */
static enum status stamp(struct figure *figure, const struct whole *whole,
                         const struct measured *measured, const struct options *options,
                         struct error *error)
{
  enum status status = figure_out_stamp(figure, whole->source, whole->index, options, error);
  for (size_t i = 1; i < measured->count && status == STATUS_OK; i++)
    if (measured->other[i])
      status = figure_out_stamp(figure, whole->source, measured->place[i], options, error);
  return status;
}

static enum status draw(const struct recipe *recipe, const struct tensor *tensor,
                        const struct whole *whole, const struct measured *measured,
                        const struct options *options, struct error *error)
{
  struct figure_pins pins = {.count = measured->count - 1, .against = recipe->view.against};
  for (size_t i = 0; i < pins.count; i++) {
    pins.result[i] = measured->result[i + 1];
    pins.transform[i] = recipe_transform(recipe, i);
    pins.tensor[i] = measured->other[i + 1];
  }
  pins.present = recipe->transform;
  char *text = recipe_print(recipe);
  struct figure *figure = text ? figure_build_pinned(measured->result[0], &pins, &recipe->view,
                                                     recipe->source, tensor, text)
                               : NULL;
  enum status status = stamp(figure, whole, measured, options, error);
  if (status == STATUS_OK)
    status = figure_out_write(figure, options, error);
  figure_free(figure);
  free(text);
  return status;
}

/* The channel that VIEW looks at, as a source of its own. */
static enum status open_channel(struct source *source, size_t index, const struct view *view,
                                struct source **out, struct error *error)
{
  enum status status = work_load(source, index, error);
  if (status != STATUS_OK)
    return status;
  status = source_channel(source, index, view->axis, (size_t)view->channel, out, error);
  if (status != STATUS_OK) {
    char spec[256]; /* the message names the tensor itself */
    error_prefix(error, "%s: ", text_escape(source_title(source_spec(source)), spec, sizeof spec));
  }
  return status;
}

/* What the view of sweeps shows beside the result. */
static enum status sweep_tensor(struct source *source, size_t index, const struct recipe *recipe,
                                const struct calibrated *calibrated, struct sweep **out,
                                struct error *error)
{
  const struct view *view = &recipe->view;
  const char *over =
      *view->over ? view->over : sweep_over_default(&recipe->quantizer[recipe->quantizers - 1]);
  enum status status = sweep_plan_view(over, recipe->quantizer, recipe->quantizers, out, error);
  if (status != STATUS_OK)
    return status;
  (*out)->calibrated = *calibrated;
  (*out)->theory = view->theory;
  (*out)->metric = view->metric;
  return work_sweep(source, index, *out, error);
}

/* What quantizer AT sees of tensor *INDEX of SOURCE: *SEEN, and its place there. That of the last
 * is result 0; pins that are transformed as that share it. */
static enum status transform_for(const struct recipe *recipe, size_t at, size_t i,
                                 struct measured *measured, struct source *source, size_t *index,
                                 struct source **seen, struct error *error)
{
  struct recipe one = {.transform = recipe_transform(recipe, at), .view = recipe->view};
  bool shared = i > 0 && !measured->other[i] && transform_equal(&one.transform, &recipe->transform);
  *seen = source;
  if (shared && measured->made[0]) {
    *seen = measured->made[0];
    *index = 0;
  }
  if (shared)
    return STATUS_OK;
  enum status status = work_transform(source, index, &one, &measured->made[i], error);
  if (status == STATUS_OK && measured->made[i])
    *seen = measured->made[i];
  return status;
}

/* The tensor that quantizer AT is of, where that is not the figure's, which *PLACE is: its place,
 * and what it is. */
static enum status other_tensor(const struct recipe *recipe, size_t at, struct source *source,
                                size_t *place, const struct tensor **out, struct error *error)
{
  size_t found = *place;
  *out = NULL;
  if (at >= recipe->pin_tensors)
    return STATUS_OK;
  enum status status = source_find(source, recipe->pin_tensor[at], &found, error);
  if (status == STATUS_OK && found != *place)
    *out = source_tensor(source, found);
  *place = found;
  return status;
}

/* The axis of QUANTIZER's channels, which may be another than the view's; else the first. */
static int own_axis(const struct quantizer *quantizer)
{
  return quantizer->granularity.kind == GRAIN_CHANNEL ? quantizer->granularity.axis : 0;
}

/* The last quantizer first: the others are measured over its bins, those of other tensors over
 * their own. */
static enum status measure(struct source *source, size_t index, const struct recipe *recipe,
                           const struct result_request *wanted, struct measured *measured,
                           struct error *error)
{
  struct result_request request = *wanted;
  size_t count = view_type_of(recipe->view.kind)->pinned ? recipe->quantizers : 1;
  enum status status = STATUS_OK;
  for (size_t i = 0; i < count && status == STATUS_OK; i++) {
    size_t at = i ? i - 1 : recipe->quantizers - 1, place = index;
    struct source *seen;
    status = other_tensor(recipe, at, source, &place, &measured->other[i], error);
    if (status != STATUS_OK)
      return status;
    measured->place[i] = place;
    request.axis = measured->other[i] ? own_axis(&recipe->quantizer[at]) : wanted->axis;
    request.lo = i == 0               ? wanted->lo
                 : measured->other[i] ? (double)NAN
                                      : measured->result[0]->original.lo;
    request.hi = i == 0               ? wanted->hi
                 : measured->other[i] ? (double)NAN
                                      : measured->result[0]->original.hi;
    status = transform_for(recipe, at, i, measured, source, &place, &seen, error);
    if (status == STATUS_OK)
      status =
          work_result(seen, place, &recipe->quantizer[at], &request, &measured->result[i], error);
    if (status != STATUS_OK)
      return status;
    measured->count++;
  }
  return status;
}

/* Measures and draws tensor INDEX, which is WHOLE or a channel of it; RECIPE names everything that
 * the figure depends on. */
static enum status plot_tensor(struct source *source, size_t index, const struct whole *whole,
                               const struct recipe *recipe, const struct calibrated *calibrated,
                               const struct options *options, struct error *error)
{
  const struct view *view = &recipe->view;
  const struct result_request request = {.axis = view->axis,
                                         .bins = view->bins ? view->bins : FIGURE_BINS,
                                         .lo = view->lo,
                                         .hi = view->hi,
                                         .no_errors = !view_type_of(view->kind)->errors,
                                         .blocks = view->kind == VIEW_INSPECTOR,
                                         .board = view->kind == VIEW_BOARD,
                                         .heat = heat_request_of(view, HEAT_CELLS, HEAT_CELLS),
                                         .theory = view->theory,
                                         .unit = view->block,
                                         .calibrated = *calibrated};
  struct measured measured = {.count = 0};
  enum status status = measure(source, index, recipe, &request, &measured, error);
  if (measured.made[0]) {
    source = measured.made[0];
    index = 0;
  }
  if (status == STATUS_OK && view->kind == VIEW_SWEEP)
    status = sweep_tensor(source, index, recipe, calibrated, &measured.result[0]->sweep, error);
  if (status == STATUS_OK)
    status = draw(recipe, source_tensor(source, index), whole, &measured, options, error);
  measured_free(&measured);
  return status;
}

static enum status plot_whole_or_channel(struct source *source, size_t index,
                                         const struct recipe *recipe,
                                         const struct calibrated *calibrated,
                                         const struct options *options, struct error *error)
{
  const struct whole whole = {source, index};
  struct source *channel;
  meter_start(work_weight(source_tensor(source, index), recipe->quantizers));
  if (recipe->view.channel >= 0 &&
      (recipe->transform.kind != TRANSFORM_NONE || recipe->pin_transforms > 0))
    return error_set(error, STATUS_USAGE,
                     "plot: --transform works on all channels, --channel looks at one alone");
  if (recipe->view.channel >= 0 && recipe->pin_tensors > 0)
    return error_set(error, STATUS_USAGE,
                     "plot: --pin-tensor compares whole tensors, --channel looks at one alone");
  if (recipe->view.channel < 0)
    return plot_tensor(source, index, &whole, recipe, calibrated, options, error);
  enum status status = open_channel(source, index, &recipe->view, &channel, error);
  if (status != STATUS_OK)
    return status;
  status = plot_tensor(channel, 0, &whole, recipe, calibrated, options, error);
  source_close(channel);
  return status;
}

static enum status plot_calibrated(struct source *source, size_t index, const struct recipe *recipe,
                                   const struct options *options, struct error *error)
{
  struct picks picks = {0};
  struct pool pool = {0};
  struct calibrated calibrated;
  enum status status = pool_of_recipe(recipe, source, &picks, &pool, &calibrated, error);
  if (status == STATUS_OK)
    status = plot_whole_or_channel(source, index, recipe, &calibrated, options, error);
  pool_clear(&pool);
  picks_clear(&picks);
  return status;
}

static enum status plot_source(struct source *source, const struct recipe *wanted,
                               const struct options *options, struct error *error)
{
  size_t index;
  enum status status = work_select_recipe(source, wanted, &index, error);
  if (status != STATUS_OK)
    return status;
  struct recipe recipe = *wanted;
  recipe.source = recipe.tensor = recipe.input_format = NULL;
  recipe.compare = (struct comparand){0};
  recipe.calibrate_on = wanted->calibrate_on ? strdup(wanted->calibrate_on) : NULL;
  if (recipe.quantizers == 0)
    recipe.quantizer[recipe.quantizers++] = work_default_quantizer();
  if (!recipe.calibrate_on == !wanted->calibrate_on &&
      recipe_set_input_format(&recipe, source_input_format(source)) &&
      recipe_set(&recipe, wanted->source, source_tensor(source, index)->name))
    status = plot_calibrated(source, index, &recipe, options, error);
  else
    status = error_memory(error, "the recipe");
  recipe_clear(&recipe);
  return status;
}

/* A view of the quantizers alone: a tensor, where one was named, does not matter, but is told as
 * the explorer tells it. */
static enum status plot_quantizers(const struct recipe *wanted, const struct options *options,
                                   struct error *error)
{
  struct recipe recipe = *wanted; /* borrows the strings */
  recipe.calibrate_on = NULL;
  recipe.compare = (struct comparand){0};
  recipe.batching.on = false;
  recipe.transform.kind = TRANSFORM_NONE;
  if (recipe.quantizers == 0)
    recipe.quantizer[recipe.quantizers++] = work_default_quantizer();
  char *text = recipe_print(&recipe);
  struct figure *figure =
      text ? figure_of_quantizers(recipe.quantizer, recipe.quantizers, &recipe.view, text) : NULL;
  enum status status = figure_out_write(figure, options, error);
  figure_free(figure);
  free(text);
  return status;
}

static enum status refuse_pin_tensor(const char *view, struct error *error)
{
  return error_set(error, STATUS_USAGE,
                   "plot: --pin-tensor is not for the view %s: all its quantizers are tried on the "
                   "tensor that is shown",
                   view);
}

/* How many quantizers the view can draw of a tensor. */
static enum status check_quantizers(const struct recipe *recipe, struct error *error)
{
  const struct view_type *type = view_type_of(recipe->view.kind);
  size_t most = type->pinned && !recipe->compare.source ? FIGURE_PINS + 1 : 1;
  if (recipe->pin_tensors && (!type->pinned || recipe->compare.source))
    return refuse_pin_tensor(type->name, error);
  if (type->kind == VIEW_SWEEP) /* a line each */
    return STATUS_OK;
  if (recipe->quantizers > most && most == 1)
    return error_set(error, STATUS_USAGE, "plot: expected one -q for the view %s, found %zu",
                     recipe->compare.source ? "of two files" : type->name, recipe->quantizers);
  if (recipe->quantizers > most)
    return error_set(error, STATUS_USAGE, "plot: at most %zu quantizers are compared, found %zu",
                     most, recipe->quantizers);
  if (recipe->view.against && recipe->view.against + 1 >= recipe->quantizers)
    return error_set(error, STATUS_USAGE,
                     "--against %c: there is no such quantizer before the last one",
                     (char)('A' + recipe->view.against));
  if (type->of_pair && !recipe->compare.source && recipe->quantizers < 2)
    return error_set(error, STATUS_USAGE,
                     "plot: the view compare needs two quantizers (-q A -q B), or a second source: "
                     "--compare SOURCE");
  return STATUS_OK;
}

static enum status plot_layer(const struct recipe *recipe, const struct options *options,
                              struct error *error)
{
  struct recipe whole = *recipe; /* borrows the strings */
  if (recipe->pin_tensors)
    return refuse_pin_tensor("layer", error);
  if (options->transform.kind != TRANSFORM_NONE || options->pin_transforms ||
      recipe->compare.source)
    return error_set(error, STATUS_USAGE,
                     "plot: the view layer has methods (-m smoothquant, hadamard ...) instead of "
                     "--transform, and no --compare");
  if (whole.quantizers == 0)
    whole.quantizer[whole.quantizers++] = work_default_quantizer();
  return layer_recipe(&whole, options, error);
}

enum status plot_recipe(const struct recipe *recipe, const struct options *options,
                        struct error *error)
{
  struct source *source;
  if (!figure_out_wanted(options))
    return plot_cells(recipe, options, error);
  enum status status = figure_out_check(options, error);
  if (status != STATUS_OK)
    return status;
  if (view_type_of(recipe->view.kind)->of_quantizers)
    return plot_quantizers(recipe, options, error);
  if (!recipe->source)
    return error_set(error, STATUS_USAGE, "plot: expected a SOURCE; see qscope plot --help");
  if (view_type_of(recipe->view.kind)->of_layer)
    return plot_layer(recipe, options, error);
  if (view_type_of(recipe->view.kind)->of_tensors)
    return plot_tensors(recipe, options, error);
  status = check_quantizers(recipe, error);
  if (status != STATUS_OK)
    return status;
  if (view_type_of(recipe->view.kind)->of_pair && recipe->compare.source &&
      recipe->transform.kind != TRANSFORM_NONE)
    return error_set(error, STATUS_USAGE,
                     "plot: --transform belongs to a quantizer; the view %s has none",
                     view_type_of(recipe->view.kind)->name);
  if (view_type_of(recipe->view.kind)->of_pair && recipe->compare.source)
    return plot_pair(recipe, options, error);
  if (recipe->compare.source)
    return error_set(error, STATUS_USAGE,
                     "plot: --compare is for the view compare; the view %s shows one tensor",
                     view_type_of(recipe->view.kind)->name);
  status = source_open_as(recipe->source, recipe->input_format, &source, error);
  if (status != STATUS_OK)
    return status;
  status = plot_source(source, recipe, options, error);
  source_close(source);
  return status;
}

enum status plot_run(const struct options *options, struct error *error)
{
  const struct app_options *app = &options->app;
  struct recipe recipe;
  if (figure_out_wanted(options) &&
      (app->rows || app->ascii || app->glyphs || app->color != COLOR_AUTO))
    return error_set(error, STATUS_USAGE,
                     "plot: --screen, --color, --ascii and --glyphs are for characters: without -o "
                     "and --data");
  enum status status = options_view_recipe(options, &recipe, error);
  if (status == STATUS_OK)
    status = plot_recipe(&recipe, options, error);
  recipe_clear(&recipe);
  return status;
}
