#include "tui/cli/layer_options.h"

#include <string.h>

/* A source that must not come twice: the first would be forgotten. */
static enum status take_once(const char **member, const char *text, struct error *error)
{
  if (*member)
    return error_set(error, STATUS_USAGE, "given twice: '%s' and '%s'", *member, text);
  *member = text;
  return STATUS_OK;
}

enum status layer_apply_weight(void *member, const char *text, struct error *error)
{
  struct layer_options *layer = member;
  layer->naming = NULL;
  return take_once(&layer->weight, text, error);
}

enum status layer_apply_activation(void *member, const char *text, struct error *error)
{
  struct layer_options *layer = member;
  layer->naming = &layer->activation_tensor;
  return take_once(&layer->activation, text, error);
}

enum status layer_apply_evaluate(void *member, const char *text, struct error *error)
{
  struct layer_options *layer = member;
  layer->naming = &layer->evaluate_tensor;
  return take_once(&layer->evaluate, text, error);
}

enum status layer_apply_method(void *member, const char *text, struct error *error)
{
  struct layer_options *layer = member;
  if (strcmp(text, "list") == 0) {
    layer->lists_methods = true;
    return STATUS_OK;
  }
  if (layer->methods == VIEW_METHODS)
    return error_set(error, STATUS_USAGE, "more than %d methods", VIEW_METHODS);
  enum status status = method_parse(text, &layer->method[layer->methods], error);
  layer->methods += status == STATUS_OK;
  return status;
}

enum status layer_apply_activation_quantizer(void *member, const char *text, struct error *error)
{
  struct layer_options *layer = member;
  if (layer->quantizes_activation)
    return error_set(error, STATUS_USAGE, "given twice: one quantizer of the activation at a time");
  layer->quantizes_activation = true;
  return quantizer_parse(text, &layer->activation_quantizer, error);
}

enum status layer_apply_hold_out(void *member, const char *text, struct error *error)
{
  if (!view_share_scan(text, member))
    return error_set(error, STATUS_USAGE,
                     "expected a share of the tokens such as 0.25 or 25%%, found '%s'", text);
  return STATUS_OK;
}

/* One of the options that only a layer has use for, or NULL. */
static const char *said_of_layer(const struct layer_options *layer, const char *sort)
{
  return layer->activation             ? "--activation"
         : layer->evaluate             ? "--evaluate"
         : layer->methods              ? "--method"
         : layer->quantizes_activation ? "--activation-quantizer"
         : layer->hold_out > 0         ? "--hold-out"
         : layer->transposed           ? "--transpose-weight"
         : sort                        ? "--sort"
                                       : NULL;
}

static enum status choose_view(const char *said, bool view_given, struct recipe *recipe,
                               struct error *error)
{
  if (!said)
    return STATUS_OK;
  if (!view_given)
    recipe->view.kind = VIEW_LAYER;
  return recipe->view.kind == VIEW_LAYER
             ? STATUS_OK
             : error_set(error, STATUS_USAGE, "%s is for the view layer, not for %s", said,
                         view_type_of(recipe->view.kind)->name);
}

enum status layer_options_set(const struct layer_options *from, const char *sort, bool view_given,
                              struct recipe *recipe, struct error *error)
{
  struct view_layer *layer = &recipe->view.layer;
  if (from->lists_methods)
    return error_set(error, STATUS_USAGE, "-m list: qscope methods lists them");
  if (sort && !layer_sort_find(sort, &layer->sort))
    return error_set(error, STATUS_USAGE,
                     "--sort: expected output, held-out, weight, bits, time or method, found '%s'",
                     sort);
  layer->methods = from->methods;
  memcpy(layer->method, from->method, from->methods * sizeof *from->method);
  layer->quantizes_activation = from->quantizes_activation;
  layer->activation = from->activation_quantizer;
  layer->transposed = from->transposed;
  layer->hold_out = from->hold_out;
  if (!recipe_set_data(&recipe->activation, from->activation, from->activation_tensor) ||
      !recipe_set_data(&recipe->evaluate, from->evaluate, from->evaluate_tensor))
    return error_memory(error, "the recipe");
  return choose_view(said_of_layer(from, sort), view_given, recipe, error);
}
