/* The recipe as a command line, both ways. */
#include "analysis/recipe.h"
#include "analysis/board.h"
#include "analysis/shell_words.h"

#include "analysis/figure.h"
#include "analysis/sweep.h"
#include "data/tensor.h"
#include "quant/base/nearest.h"
#include "quant/base/number.h"
#include "quant/base/size.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void recipe_init(struct recipe *recipe)
{
  *recipe = (struct recipe){.view = view_default()};
}

void recipe_clear(struct recipe *recipe)
{
  free(recipe->source);
  free(recipe->input_format);
  free(recipe->tensor);
  free(recipe->calibrate_on);
  comparand_clear(&recipe->compare);
  recipe_set_data(&recipe->activation, NULL, NULL);
  recipe_set_data(&recipe->evaluate, NULL, NULL);
  recipe_init(recipe);
}

/* Replaces *TEXT by a copy of VALUE (NULL: nothing); false when memory runs out. */
static bool replace(char **text, const char *value)
{
  char *copy = value ? strdup(value) : NULL;
  if (value && !copy)
    return false;
  free(*text);
  *text = copy;
  return true;
}

/* Both, or none. */
static bool replace_both(char **source, char **tensor, const char *of, const char *name)
{
  char *copy = NULL;
  if (!replace(&copy, name) || !replace(source, of)) {
    free(copy);
    return false;
  }
  free(*tensor);
  *tensor = copy;
  return true;
}

bool recipe_set(struct recipe *recipe, const char *source, const char *tensor)
{
  return replace_both(&recipe->source, &recipe->tensor, source, tensor);
}

bool recipe_set_data(struct recipe_data *data, const char *source, const char *tensor)
{
  return replace_both(&data->source, &data->tensor, source, tensor);
}

bool recipe_set_input_format(struct recipe *recipe, const char *type)
{
  return replace(&recipe->input_format, type);
}

bool recipe_set_comparand(struct recipe *recipe, const struct comparand *compare)
{
  struct comparand copy;
  if (!comparand_copy(compare, &copy))
    return false;
  comparand_clear(&recipe->compare);
  recipe->compare = copy;
  return true;
}

/* --- the other source --------------------------------------------------------------------- */

void comparand_clear(struct comparand *comparand)
{
  for (size_t i = 0; i < comparand->renames; i++)
    free(comparand->rename[i]);
  free(comparand->source);
  *comparand = (struct comparand){0};
}

bool comparand_copy(const struct comparand *from, struct comparand *out)
{
  *out = (struct comparand){.align = from->align};
  bool good = replace(&out->source, from->source);
  for (; good && out->renames < from->renames; out->renames += good)
    good = replace(&out->rename[out->renames], from->rename[out->renames]);
  if (!good)
    comparand_clear(out);
  return good;
}

enum status comparand_rules(const struct comparand *comparand,
                            struct rename_rule rule[RECIPE_RENAMES], size_t *count,
                            struct error *error)
{
  enum status status = STATUS_OK;
  *count = comparand->renames;
  for (size_t i = 0; i < comparand->renames && status == STATUS_OK; i++)
    status = rename_rule_parse(comparand->rename[i], &rule[i], error);
  return status;
}

/* --- print ------------------------------------------------------------------------------ */

/* A growing string; `failed` once memory ran out. */
struct text {
  char *bytes;
  size_t length, room;
  bool failed;
};

static void text_append(struct text *text, const char *bytes, size_t n)
{
  size_t needed = text->length + n + 1;
  if (!text->failed && needed > text->room) {
    char *grown = mem_resize(text->bytes, needed * 2, 1);
    text->failed = !grown;
    if (grown) {
      text->bytes = grown;
      text->room = needed * 2;
    }
  }
  if (text->failed)
    return;
  memcpy(text->bytes + text->length, bytes, n);
  text->length += n;
  text->bytes[text->length] = '\0';
}

static void text_put(struct text *text, const char *string)
{
  text_append(text, string, strlen(string));
}

/* True when WORD can be shown as it is: no control characters, valid UTF-8. */
static bool is_printable(const char *word)
{
  size_t room;
  if (!size_mul(strlen(word), 8, &room))
    return false;
  char *shown = malloc(room + 1);
  bool same = shown && strcmp(text_escape(word, shown, room + 1), word) == 0;
  free(shown);
  return same;
}

static void put_single_quoted(struct text *text, const char *word)
{
  text_put(text, "'");
  for (const char *end; (end = strchr(word, '\'')); word = end + 1) {
    text_append(text, word, (size_t)(end - word));
    text_put(text, "'\\''");
  }
  text_put(text, word);
  text_put(text, "'");
}

/* $'...' with octal escapes (POSIX.1-2024; older in bash, ksh, zsh and busybox): the only
 * quoting that keeps control characters out of the line. */
static void put_dollar_quoted(struct text *text, const char *word)
{
  text_put(text, "$'");
  for (; *word; word++) {
    unsigned char c = (unsigned char)*word;
    char escaped[8];
    if (c == '\'' || c == '\\')
      snprintf(escaped, sizeof escaped, "\\%c", c);
    else if (c >= 0x20 && c < 0x7f)
      snprintf(escaped, sizeof escaped, "%c", c);
    else
      snprintf(escaped, sizeof escaped, "\\%03o", c);
    text_put(text, escaped);
  }
  text_put(text, "'");
}

static void put_word(struct text *text, const char *word)
{
  text_put(text, " ");
  if (shell_word_is_plain(word))
    text_put(text, word);
  else if (is_printable(word))
    put_single_quoted(text, word);
  else
    put_dollar_quoted(text, word);
}

static void put_option(struct text *text, const char *option, const char *value)
{
  put_word(text, option);
  put_word(text, value);
}

/* What is swept over, and what is shown of it. */
static void put_sweep(struct text *text, const struct view *view)
{
  if (*view->over)
    put_option(text, "--over", view->over);
  if (view->metric != view_default().metric)
    put_option(text, "--metric", sweep_metric_name(view->metric));
  if (view->front_hidden)
    put_word(text, "--no-pareto");
  if (view->theory)
    put_word(text, "--theory");
}

static void put_axis(struct text *text, const struct view *view)
{
  char number[16];
  if (view->axis == view_default().axis)
    return;
  snprintf(number, sizeof number, "%d", view->axis);
  put_option(text, "--axis", number);
}

static void put_view(struct text *text, const struct view *view)
{
  struct view standard = view_default();
  char number[2 * NUMBER_TEXT + 1], other[NUMBER_TEXT], part[VIEW_PART_TEXT];
  for (size_t i = 0; i < view_table_length; i++)
    if (view_table[i].kind == view->kind)
      put_option(text, "--view", view_table[i].name);
  if (view->log_counts)
    put_word(text, "--log");
  if (view->kind == VIEW_SWEEP)
    put_sweep(text, view);
  else if (view->theory)
    put_word(text, "--theory");
  if (view->kind == VIEW_TENSORS && *view->filter)
    put_option(text, "--filter", view->filter);
  if (view->kind == VIEW_BOARD && view->rank != BOARD_BY_TOTAL)
    put_option(text, "--rank", board_ranking_names[view->rank]);
  if (!isnan(view->lo) && !isnan(view->hi)) {
    number_print(view->lo, number);
    strcat(strcat(number, ":"), number_print(view->hi, other));
    put_word(text, "--range");
    put_word(text, number);
  }
  put_axis(text, view);
  if (view->channel >= 0) {
    snprintf(number, sizeof number, "%ld", view->channel);
    put_option(text, "--channel", number);
  }
  if (view->against > 0) {
    snprintf(number, sizeof number, "%c", (char)('A' + view->against));
    put_option(text, "--against", number);
  }
  if (view->block >= 0) {
    snprintf(number, sizeof number, "%ld", view->block);
    put_option(text, "--block", number);
  }
  if (view->quantity != standard.quantity)
    put_option(text, "--quantity", heat_quantities[view->quantity].name);
  if (view->worst_first)
    put_word(text, "--worst-first");
  if (*view_part_print(&view->part, part))
    put_option(text, "--part", part);
  if (view->bins) {
    snprintf(number, sizeof number, "%zu", view->bins);
    put_option(text, "--bins", number);
  }
}

static void put_batching(struct text *text, struct batching batching)
{
  char number[NUMBER_TEXT];
  if (!batching.on)
    return;
  snprintf(number, sizeof number, "%d", batching.axis);
  put_option(text, "--batches", number);
}

static void put_comparand(struct text *text, const struct comparand *compare)
{
  if (!compare->source)
    return;
  put_option(text, "--compare", compare->source);
  if (compare->align)
    put_word(text, "--align");
  for (size_t i = 0; i < compare->renames; i++)
    put_option(text, "--rename", compare->rename[i]);
}

static void put_data(struct text *text, const char *option, const struct recipe_data *data)
{
  if (data->source)
    put_option(text, option, data->source);
  if (data->source && data->tensor)
    put_option(text, "-t", data->tensor);
}

/* What is done to the layer, and the tokens that go into it. */
static void put_layer(struct text *text, const struct recipe *recipe)
{
  const struct view_layer *layer = &recipe->view.layer;
  char method[METHOD_TEXT], spec[QUANTIZER_TEXT], number[NUMBER_TEXT];
  if (recipe->view.kind != VIEW_LAYER)
    return;
  for (size_t i = 0; i < layer->methods; i++)
    put_option(text, "-m", method_print(&layer->method[i], method));
  if (layer->quantizes_activation)
    put_option(text, "--activation-quantizer", quantizer_print(&layer->activation, spec));
  if (layer->sort != LAYER_BY_OUTPUT)
    put_option(text, "--sort", layer_sort_names[layer->sort]);
  if (layer->transposed)
    put_word(text, "--transpose-weight");
  if (layer->hold_out > 0)
    put_option(text, "--hold-out", number_print(layer->hold_out, number));
  put_data(text, "--activation", &recipe->activation);
  put_data(text, "--evaluate", &recipe->evaluate);
}

/* True when a command line would take WORD for a subcommand. */
static bool is_subcommand(const char *word)
{
  static const char *const subcommands[] = {
      "explore", "list",    "report",      "inspect", "board",  "plot",
      "sweep",   "survey",  "layer",       "plan",    "replay", "experiment",
      "diff",    "formats", "calibrators", "presets", "theory", "methods"};
  for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++)
    if (strcmp(word, subcommands[i]) == 0)
      return true;
  return false;
}

struct transform recipe_transform(const struct recipe *recipe, size_t i)
{
  return i < recipe->pin_transforms ? recipe->pin_transform[i] : recipe->transform;
}

enum status recipe_add_pin_tensor(struct recipe *recipe, const char *name, struct error *error)
{
  if (recipe->pin_tensors == RECIPE_PINS)
    return error_set(error, STATUS_USAGE, "given more than %d times", RECIPE_PINS);
  if (strlen(name) >= RECIPE_PIN_NAME)
    return error_set(error, STATUS_USAGE, "expected a name of at most %d bytes, found %zu",
                     RECIPE_PIN_NAME - 1, strlen(name));
  strcpy(recipe->pin_tensor[recipe->pin_tensors++], name);
  return STATUS_OK;
}

static enum status check_pins(const char *option, size_t found, size_t pins, struct error *error)
{
  return found == 0 || found == pins
             ? STATUS_OK
             : error_set(error, STATUS_USAGE,
                         "expected a %s for each -q but the last, %zu; found %zu", option, pins,
                         found);
}

enum status recipe_check_pins(const struct recipe *recipe, struct error *error)
{
  size_t pins = recipe->quantizers > 0 ? recipe->quantizers - 1 : 0;
  enum status status = check_pins("--pin-transform", recipe->pin_transforms, pins, error);
  return status == STATUS_OK ? check_pins("--pin-tensor", recipe->pin_tensors, pins, error)
                             : status;
}

char *recipe_print(const struct recipe *recipe)
{
  struct text text = {0};
  /* A source that looks like an option goes behind "--"; "-" alone is standard input. */
  bool last = recipe->source && recipe->source[0] == '-' && recipe->source[1];
  text_put(&text, "qscope");
  if (recipe->sweep)
    text_put(&text, " sweep");
  else if (recipe->source && is_subcommand(recipe->source))
    text_put(&text, " explore");
  if (recipe->source && !last)
    put_word(&text, recipe->source);
  if (recipe->input_format)
    put_option(&text, "--input-format", recipe->input_format);
  if (recipe->tensor)
    put_option(&text, "-t", recipe->tensor);
  for (size_t i = 0; i < recipe->quantizers; i++) {
    char spec[QUANTIZER_TEXT];
    put_option(&text, "-q", quantizer_print(&recipe->quantizer[i], spec));
  }
  if (recipe->transform.kind != TRANSFORM_NONE) {
    char word[TRANSFORM_TEXT];
    put_option(&text, "--transform", transform_print(&recipe->transform, word));
  }
  for (size_t i = 0; i < recipe->pin_transforms; i++) {
    char word[TRANSFORM_TEXT];
    put_option(&text, "--pin-transform", transform_print(&recipe->pin_transform[i], word));
  }
  for (size_t i = 0; i < recipe->pin_tensors; i++)
    put_option(&text, "--pin-tensor", recipe->pin_tensor[i]);
  put_batching(&text, recipe->batching);
  if (recipe->calibrate_on)
    put_option(&text, "--calibrate-on", recipe->calibrate_on);
  put_comparand(&text, &recipe->compare);
  if (recipe->sweep) {
    put_sweep(&text, &recipe->view);
    put_axis(&text, &recipe->view);
  } else {
    put_view(&text, &recipe->view);
    put_layer(&text, recipe);
  }
  if (last)
    put_option(&text, "--", recipe->source);
  if (text.failed) {
    free(text.bytes);
    return NULL;
  }
  return text.bytes;
}

/* --- parse ---------------------------------------------------------------------------------- */

static enum status bad_value(struct error *error, const char *option, const char *expected,
                             const char *value)
{
  char shown[160];
  return error_set(error, STATUS_USAGE, "recipe: %s: expected %s, found \"%s\"", option, expected,
                   text_escape(value, shown, sizeof shown));
}

static enum status take_tensor(struct recipe *recipe, const char *value, struct error *error)
{
  char **tensor = recipe->naming ? &recipe->naming->tensor : &recipe->tensor;
  return replace(tensor, value) ? STATUS_OK : error_memory(error, "a recipe");
}

/* The next -t names a tensor of it. */
static enum status take_data(struct recipe *recipe, struct recipe_data *data, const char *value,
                             struct error *error)
{
  recipe->naming = data;
  return recipe_set_data(data, value, NULL) ? STATUS_OK : error_memory(error, "a recipe");
}

static enum status take_activation(struct recipe *recipe, const char *value, struct error *error)
{
  return take_data(recipe, &recipe->activation, value, error);
}

static enum status take_evaluate(struct recipe *recipe, const char *value, struct error *error)
{
  return take_data(recipe, &recipe->evaluate, value, error);
}

static enum status take_activation_quantizer(struct recipe *recipe, const char *value,
                                             struct error *error)
{
  struct view_layer *layer = &recipe->view.layer;
  enum status status = quantizer_parse(value, &layer->activation, error);
  layer->quantizes_activation = status == STATUS_OK;
  if (status != STATUS_OK)
    error_prefix(error, "recipe: --activation-quantizer: ");
  return status;
}

static enum status take_method(struct recipe *recipe, const char *value, struct error *error)
{
  struct view_layer *layer = &recipe->view.layer;
  if (layer->methods == VIEW_METHODS)
    return error_set(error, STATUS_USAGE, "recipe: more than %d methods", VIEW_METHODS);
  enum status status = method_parse(value, &layer->method[layer->methods], error);
  layer->methods += status == STATUS_OK;
  if (status != STATUS_OK)
    error_prefix(error, "recipe: -m: ");
  return status;
}

static enum status take_sort(struct recipe *recipe, const char *value, struct error *error)
{
  return layer_sort_find(value, &recipe->view.layer.sort)
             ? STATUS_OK
             : bad_value(error, "--sort", "output, held-out, weight, bits, time or method", value);
}

static enum status take_hold_out(struct recipe *recipe, const char *value, struct error *error)
{
  return view_share_scan(value, &recipe->view.layer.hold_out)
             ? STATUS_OK
             : bad_value(error, "--hold-out", "a share of the tokens such as 0.25 or 25%", value);
}

static enum status take_weight(struct recipe *recipe, const char *value, struct error *error)
{
  recipe->naming = NULL;
  if (recipe->source)
    return bad_value(error, "--weight", "one weight", value);
  return replace(&recipe->source, value) ? STATUS_OK : error_memory(error, "a recipe");
}

static enum status take_input_format(struct recipe *recipe, const char *value, struct error *error)
{
  return recipe_set_input_format(recipe, value) ? STATUS_OK : error_memory(error, "a recipe");
}

static enum status take_quantizer(struct recipe *recipe, const char *value, struct error *error)
{
  if (recipe->quantizers == RECIPE_QUANTIZERS)
    return error_set(error, STATUS_USAGE, "recipe: more than %d quantizers", RECIPE_QUANTIZERS);
  enum status status = quantizer_parse(value, &recipe->quantizer[recipe->quantizers], error);
  if (status == STATUS_OK)
    recipe->quantizers++;
  else
    error_prefix(error, "recipe: ");
  return status;
}

static enum status take_pin_transform(struct recipe *recipe, const char *value, struct error *error)
{
  if (recipe->pin_transforms == RECIPE_QUANTIZERS)
    return error_set(error, STATUS_USAGE, "recipe: more than %d transforms", RECIPE_QUANTIZERS);
  enum status status =
      transform_parse(value, &recipe->pin_transform[recipe->pin_transforms], error);
  if (status == STATUS_OK)
    recipe->pin_transforms++;
  else
    error_prefix(error, "recipe: --pin-transform: ");
  return status;
}

static enum status take_transform(struct recipe *recipe, const char *value, struct error *error)
{
  enum status status = transform_parse(value, &recipe->transform, error);
  if (status != STATUS_OK)
    error_prefix(error, "recipe: --transform: ");
  return status;
}

static enum status take_view(struct recipe *recipe, const char *value, struct error *error)
{
  const struct view_type *type = view_find(value);
  if (!type)
    return bad_value(
        error, "--view",
        "histogram, error, channels, heat, sweep, compare, board, inspector, layer or format",
        value);
  recipe->view.kind = type->kind;
  return STATUS_OK;
}

static enum status take_range(struct recipe *recipe, const char *value, struct error *error)
{
  if (view_range_parse(value, &recipe->view.lo, &recipe->view.hi))
    return STATUS_OK;
  return bad_value(error, "--range", "LO:HI with LO below HI", value);
}

/* A whole number LEAST..MOST. */
static bool read_whole(const char *value, long least, long most, long *out)
{
  char *end;
  errno = 0;
  *out = strtol(value, &end, 10);
  return end != value && !*end && !errno && *out >= least && *out <= most;
}

static enum status take_axis(struct recipe *recipe, const char *value, struct error *error)
{
  long axis;
  if (!read_whole(value, -SHAPE_MAX_DIMS, SHAPE_MAX_DIMS - 1, &axis))
    return bad_value(error, "--axis", "the number of an axis", value);
  recipe->view.axis = (int)axis;
  return STATUS_OK;
}

static enum status take_batches(struct recipe *recipe, const char *value, struct error *error)
{
  long axis;
  if (!read_whole(value, -SHAPE_MAX_DIMS, SHAPE_MAX_DIMS - 1, &axis))
    return bad_value(error, "--batches", "the number of an axis", value);
  recipe->batching = (struct batching){true, (int)axis};
  return STATUS_OK;
}

static enum status take_channel(struct recipe *recipe, const char *value, struct error *error)
{
  long channel;
  if (!read_whole(value, 0, LONG_MAX, &channel))
    return bad_value(error, "--channel", "the number of a channel", value);
  recipe->view.channel = channel;
  return STATUS_OK;
}

static enum status take_block(struct recipe *recipe, const char *value, struct error *error)
{
  long block = VIEW_WORST_BLOCK;
  if (strcmp(value, "worst") != 0 && !read_whole(value, 0, LONG_MAX, &block))
    return bad_value(error, "--block", "the number of a block, or worst", value);
  recipe->view.block = block;
  return STATUS_OK;
}

static enum status take_against(struct recipe *recipe, const char *value, struct error *error)
{
  if (value[0] < 'A' || value[0] >= 'A' + FIGURE_PINS || value[1])
    return bad_value(error, "--against", "the letter of a pin, A to D", value);
  recipe->view.against = (size_t)(value[0] - 'A');
  return STATUS_OK;
}

static enum status take_quantity(struct recipe *recipe, const char *value, struct error *error)
{
  return heat_quantity_find(value, &recipe->view.quantity)
             ? STATUS_OK
             : bad_value(error, "--quantity", "error, sqnr, absmax or scale", value);
}

static enum status take_part(struct recipe *recipe, const char *value, struct error *error)
{
  return view_part_scan(value, &recipe->view.part)
             ? STATUS_OK
             : bad_value(error, "--part", "R0:R1,C0:C1 with R0 below R1, C0 below C1", value);
}

static enum status take_bins(struct recipe *recipe, const char *value, struct error *error)
{
  long bins;
  if (!read_whole(value, 1, RECIPE_BINS, &bins))
    return bad_value(error, "--bins", "a number of bins (1 to 65536)", value);
  recipe->view.bins = (size_t)bins;
  return STATUS_OK;
}

static enum status take_pin_tensor(struct recipe *recipe, const char *value, struct error *error)
{
  enum status status = recipe_add_pin_tensor(recipe, value, error);
  if (status != STATUS_OK)
    error_prefix(error, "recipe: --pin-tensor: ");
  return status;
}

static enum status take_calibrate_on(struct recipe *recipe, const char *value, struct error *error)
{
  return replace(&recipe->calibrate_on, value) ? STATUS_OK : error_memory(error, "a recipe");
}

static enum status take_compare(struct recipe *recipe, const char *value, struct error *error)
{
  return replace(&recipe->compare.source, value) ? STATUS_OK : error_memory(error, "a recipe");
}

static enum status take_rename(struct recipe *recipe, const char *value, struct error *error)
{
  struct comparand *compare = &recipe->compare;
  struct rename_rule rule;
  if (compare->renames == RECIPE_RENAMES)
    return error_set(error, STATUS_USAGE, "recipe: more than %d renames", RECIPE_RENAMES);
  enum status status = rename_rule_parse(value, &rule, error);
  if (status != STATUS_OK)
    error_prefix(error, "recipe: ");
  else if (!replace(&compare->rename[compare->renames], value))
    status = error_memory(error, "a recipe");
  compare->renames += status == STATUS_OK;
  return status;
}

static enum status take_over(struct recipe *recipe, const char *value, struct error *error)
{
  enum status status = sweep_over_check(value, error);
  if (status == STATUS_OK)
    snprintf(recipe->view.over, VIEW_OVER, "%s", value);
  else
    error_prefix(error, "recipe: ");
  return status;
}

static enum status take_filter(struct recipe *recipe, const char *value, struct error *error)
{
  enum status status = view_set_filter(&recipe->view, value, error);
  if (status != STATUS_OK)
    error_prefix(error, "recipe: --filter: ");
  return status;
}

static enum status take_metric(struct recipe *recipe, const char *value, struct error *error)
{
  return sweep_metric_find(value, &recipe->view.metric)
             ? STATUS_OK
             : bad_value(error, "--metric", "sqnr_db, mse or bulk_sqnr_db", value);
}

static enum status take_rank(struct recipe *recipe, const char *value, struct error *error)
{
  enum board_ranking by;
  if (!board_ranking_find(value, &by))
    return bad_value(error, "--rank", "total, bulk or channel", value);
  recipe->view.rank = (int)by;
  return STATUS_OK;
}

/* Options without a value. */
#define TAKE_SWITCH(name, member)                                                                  \
  static enum status take_##name(struct recipe *recipe, const char *value, struct error *error)    \
  {                                                                                                \
    (void)value, (void)error;                                                                      \
    recipe->member = true;                                                                         \
    return STATUS_OK;                                                                              \
  }
TAKE_SWITCH(transpose, view.layer.transposed)
TAKE_SWITCH(log, view.log_counts)
TAKE_SWITCH(theory, view.theory)
TAKE_SWITCH(align, compare.align)
TAKE_SWITCH(no_pareto, view.front_hidden)
TAKE_SWITCH(worst_first, view.worst_first)
#undef TAKE_SWITCH

static const struct option {
  const char *name, *letter;
  bool has_value;
  enum status (*take)(struct recipe *recipe, const char *value, struct error *error);
} options[] = {
    {"--tensor", "-t", true, take_tensor},
    {"--input-format", NULL, true, take_input_format},
    {"--quantizer", "-q", true, take_quantizer},
    {"--transform", NULL, true, take_transform},
    {"--view", NULL, true, take_view},
    {"--log", NULL, false, take_log},
    {"--theory", NULL, false, take_theory},
    {"--range", NULL, true, take_range},
    {"--axis", NULL, true, take_axis},
    {"--channel", NULL, true, take_channel},
    {"--bins", NULL, true, take_bins},
    {"--block", NULL, true, take_block},
    {"--quantity", NULL, true, take_quantity},
    {"--part", NULL, true, take_part},
    {"--worst-first", NULL, false, take_worst_first},
    {"--against", NULL, true, take_against},
    {"--over", NULL, true, take_over},
    {"--filter", NULL, true, take_filter},
    {"--metric", NULL, true, take_metric},
    {"--no-pareto", NULL, false, take_no_pareto},
    {"--batches", NULL, true, take_batches},
    {"--calibrate-on", NULL, true, take_calibrate_on},
    {"--compare", NULL, true, take_compare},
    {"--align", NULL, false, take_align},
    {"--rank", NULL, true, take_rank},
    {"--rename", NULL, true, take_rename},
    {"--weight", NULL, true, take_weight},
    {"--activation", NULL, true, take_activation},
    {"--evaluate", NULL, true, take_evaluate},
    {"--hold-out", NULL, true, take_hold_out},
    {"--activation-quantizer", NULL, true, take_activation_quantizer},
    {"--method", "-m", true, take_method},
    {"--sort", NULL, true, take_sort},
    {"--transpose-weight", NULL, false, take_transpose},
    {"--pin-transform", NULL, true, take_pin_transform},
    {"--pin-tensor", NULL, true, take_pin_tensor},
};
enum { OPTIONS = sizeof options / sizeof *options };

/* The row WORD names ("--view", "--view=error", "-q", "-qint8"), or NULL; *value is what is
 * joined to it, or NULL. */
static const struct option *find_option(const char *word, const char **value)
{
  size_t name = strcspn(word, "=");
  for (size_t i = 0; i < OPTIONS; i++) {
    const struct option *option = &options[i];
    if (strlen(option->name) == name && strncmp(word, option->name, name) == 0) {
      *value = word[name] ? word + name + 1 : NULL;
      return option;
    }
    if (option->letter && strncmp(word, option->letter, 2) == 0) {
      *value = word[2] ? word + 2 : NULL;
      return option;
    }
  }
  return NULL;
}

static enum status unknown_word(const char *word, struct error *error)
{
  const char *names[OPTIONS];
  char shown[160];
  for (size_t i = 0; i < OPTIONS; i++)
    names[i] = options[i].name;
  const char *nearest = nearest_word(word, names, OPTIONS);
  return error_set(error, STATUS_USAGE, "recipe: unknown word \"%s\"%s%s%s",
                   text_escape(word, shown, sizeof shown), nearest ? "; did you mean " : "",
                   nearest ? nearest : "", nearest ? "?" : "");
}

static enum status take_operand(struct recipe *recipe, const char *word, struct error *error)
{
  if (recipe->source)
    return unknown_word(word, error);
  return replace(&recipe->source, word) ? STATUS_OK : error_memory(error, "a recipe");
}

/* Takes the option at word *I; moves *I to its value when that is the next word. */
static enum status take_option(const struct shell_words *words, size_t *i, struct recipe *recipe,
                               struct error *error)
{
  const char *value, *word = words->word[*i];
  const struct option *option = find_option(word, &value);
  if (!option || (value && !option->has_value))
    return unknown_word(word, error);
  if (option->has_value && !value) {
    if (*i + 1 == words->count)
      return error_set(error, STATUS_USAGE, "recipe: %s: a value is missing", word);
    value = words->word[++*i];
  }
  return option->take(recipe, value, error);
}

/* Where the arguments begin: behind "qscope" and the subcommand, if they are there. */
static size_t skip_command(const struct shell_words *words)
{
  size_t i = words->count > 0 && strcmp(words->word[0], "qscope") == 0;
  return i + (i < words->count && is_subcommand(words->word[i]));
}

static enum status take_words(const struct shell_words *words, struct recipe *recipe,
                              struct error *error)
{
  bool operands_only = false;
  enum status status = STATUS_OK;
  for (size_t i = skip_command(words); status == STATUS_OK && i < words->count; i++) {
    const char *word = words->word[i];
    if (operands_only || word[0] != '-' || !word[1])
      status = take_operand(recipe, word, error);
    else if (strcmp(word, "--") == 0)
      operands_only = true;
    else
      status = take_option(words, &i, recipe, error);
  }
  return status;
}

enum status recipe_parse(const char *text, struct recipe *out, struct error *error)
{
  static const enum view_kind unsaid = (enum view_kind) - 1;
  struct shell_words words;
  recipe_init(out);
  out->view.kind = unsaid;
  enum status status = shell_words_split(text, &words, error);
  if (status == STATUS_OK)
    status = take_words(&words, out, error);
  /* What is swept over without a view is the numbers. */
  out->sweep = *out->view.over && out->view.kind == unsaid;
  if (status == STATUS_OK && *out->view.over && !out->sweep && out->view.kind != VIEW_SWEEP)
    status = error_set(error, STATUS_USAGE, "recipe: --over is for the view sweep alone");
  if (status == STATUS_OK)
    status = recipe_check_pins(out, error);
  /* Who names a second source wants to see both, unless --view says otherwise. */
  if (out->view.kind == unsaid)
    out->view.kind = out->compare.source      ? VIEW_COMPARE
                     : out->activation.source ? VIEW_LAYER
                                              : view_default().kind;
  out->naming = NULL;
  if (status != STATUS_OK)
    recipe_clear(out);
  shell_words_free(&words);
  return status;
}
