#include "tui/screen/layer_view.h"

#include "quant/base/size.h"
#include "tui/screen/plot.h"
#include "tui/screen/reading.h"
#include "tui/screen/run_line.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A screen waits for nobody: layers beyond this are for the command line. */
enum { WEIGHTS_MOST = 1 << 26, WIDTH_MOST = 1 << 14, VALUES_MOST = 1 << 28 };

/* --- which layer ---------------------------------------------------------------------------- */

static void forget_rows(struct layering *layer)
{
  for (size_t i = 0; i < layer->rows; i++)
    layer_row_free(&layer->row[i]);
  for (size_t i = 0; i < LAYER_KEPT; i++)
    layer_row_free(&layer->kept[i]);
  layer_answer_free(layer->facts);
  layer->facts = NULL;
  layer->rows = layer->turn = 0;
}

static void close_tokens(struct layering *layer, enum layer_part part)
{
  source_close(layer->opened[part]);
  layer->opened[part] = NULL;
}

void layer_view_forget(struct explorer *explorer)
{
  struct layering *layer = &explorer->layer;
  forget_rows(layer);
  for (int i = 0; i < LAYER_PARTS; i++) {
    close_tokens(layer, (enum layer_part)i);
    recipe_set_data(&layer->data[i], NULL, NULL);
  }
  memset(layer, 0, sizeof *layer);
}

/* Opens SPEC for PART unless it is open; the explorer's own source is lent. */
static enum status open_tokens(struct explorer *explorer, enum layer_part part, const char *spec,
                               struct source **out, struct error *error)
{
  struct layering *layer = &explorer->layer;
  struct source *source = layer->opened[part];
  if (strcmp(spec, source_spec(explorer->source)) == 0)
    source = explorer->source;
  if (source && strcmp(source_spec(source), spec) == 0) {
    *out = source;
    return STATUS_OK;
  }
  enum status status = reading_open(explorer, spec, NULL, &source, error);
  if (status == STATUS_OK && source_count(source) == 0) {
    source_close(source);
    status = error_set(error, STATUS_INPUT, "%s holds no tensors", source_short_title(spec));
  }
  if (status != STATUS_OK)
    return status;
  if (explorer->engine)
    engine_cancel(explorer->engine);
  if (explorer->work == WORK_VIEW)
    explorer->work = WORK_NONE;
  forget_rows(layer);
  close_tokens(layer, part);
  *out = layer->opened[part] = source;
  return STATUS_OK;
}

static size_t width_of(const struct tensor *tensor)
{
  return tensor->shape.dims ? tensor->shape.dim[tensor->shape.dims - 1] : 0;
}

/* The first that is COLUMNS wide, a matrix before a row; else what one looks at first. */
static size_t first_fitting(const struct source *source, size_t columns)
{
  const size_t usual = source_first(source), count = source_count(source);
  if (width_of(source_tensor(source, usual)) == columns)
    return usual;
  for (unsigned least = 2; least > 0; least--)
    for (size_t i = 0; i < count; i++) {
      const struct tensor *tensor = source_tensor(source, i);
      if (tensor->shape.dims >= least && width_of(tensor) == columns && !tensor->stored->integral)
        return i;
    }
  return usual;
}

static enum status check_width(const struct explorer *explorer, const struct source *source,
                               size_t index, size_t rows, size_t columns, struct error *error)
{
  const struct tensor *weight = explorer_whole(explorer), *tokens = source_tensor(source, index);
  const size_t width = width_of(tokens);
  char name[160], sizes[128], other[160], others[128];
  if (width == columns && shape_elements(&tokens->shape) <= VALUES_MOST)
    return STATUS_OK;
  if (width == columns)
    return error_set(error, STATUS_INPUT,
                     "%s (%s) is too much for the screen: qscope layer takes it",
                     text_escape(tokens->name, other, sizeof other),
                     shape_print(&tokens->shape, others, sizeof others));
  return error_set(
      error, STATUS_INPUT,
      "The weight %s (%s%s) takes %zu input channels, the activation %s (%s) has %zu. %s",
      text_escape(weight->name, name, sizeof name),
      shape_print(&weight->shape, sizes, sizeof sizes),
      explorer->state.view.layer.transposed ? ", transposed" : "", columns,
      text_escape(tokens->name, other, sizeof other),
      shape_print(&tokens->shape, others, sizeof others), width,
      rows == width ? "T transposes the weight: then it fits."
                    : "activation and activation-tensor choose others.");
}

/* The tokens of PART for a weight of ROWS x COLUMNS. */
static enum status find_tokens(struct explorer *explorer, enum layer_part part, size_t rows,
                               size_t columns, struct layer_sources *of, struct error *error)
{
  const struct recipe_data *data = &explorer->layer.data[part];
  const char *source = data->source               ? data->source
                       : part == LAYER_ACTIVATION ? LAYER_OWN_TOKENS
                                                  : NULL;
  const struct source *tokens = of->source[LAYER_ACTIVATION]; /* NULL: these are them */
  char *spec =
      source ? layer_matched_source(source, tokens ? source_spec(tokens) : NULL, columns) : NULL;
  if (source && !spec)
    return error_memory(error, "the tokens");
  if (!source)
    return STATUS_OK;
  enum status status = open_tokens(explorer, part, spec, &of->source[part], error);
  free(spec);
  if (status != STATUS_OK)
    return status;
  of->tensor[part] = first_fitting(of->source[part], columns);
  if (data->tensor)
    status = source_find(of->source[part], data->tensor, &of->tensor[part], error);
  return status == STATUS_OK
             ? check_width(explorer, of->source[part], of->tensor[part], rows, columns, error)
             : status;
}

static enum status find_layer(struct explorer *explorer, struct layer_sources *of,
                              struct error *error)
{
  const struct layer_place weight = {source_short_title(source_spec(explorer->source)),
                                     explorer_whole(explorer)};
  size_t rows, columns, count;
  *of = (struct layer_sources){.source = {explorer->source},
                               .tensor = {explorer->state.tensor},
                               .hold_out = explorer->state.view.layer.hold_out,
                               .transposed = explorer->state.view.layer.transposed};
  enum status status = layer_weight_shape(&weight, of->transposed, &rows, &columns, error);
  if (status != STATUS_OK)
    return status;
  if (!size_mul(rows, columns, &count) || count > WEIGHTS_MOST || columns > WIDTH_MOST)
    return error_set(
        error, STATUS_INPUT,
        "A layer of %zu x %zu is too much for the screen, which takes %d M weights and "
        "%d input channels: qscope layer takes it.",
        rows, columns, WEIGHTS_MOST >> 20, WIDTH_MOST);
  for (int part = LAYER_ACTIVATION; part < LAYER_PARTS; part++) {
    struct error also;
    enum status found = find_tokens(explorer, (enum layer_part)part, rows, columns, of,
                                    status == STATUS_OK ? error : &also);
    status = status == STATUS_OK ? found : status;
  }
  return status;
}

/* --- which rows ----------------------------------------------------------------------------- */

static bool same_asks(const struct state *a, const struct state *b)
{
  const struct view_layer *one = &a->view.layer, *other = &b->view.layer;
  bool same =
      one->methods == other->methods && one->transposed == other->transposed &&
      !(one->hold_out < other->hold_out) && !(one->hold_out > other->hold_out) &&
      one->quantizes_activation == other->quantizes_activation &&
      (!one->quantizes_activation || quantizer_equal(&one->activation, &other->activation)) &&
      a->pins.count == b->pins.count && a->tensor == b->tensor &&
      quantizer_equal(&a->knobs.quantizer, &b->knobs.quantizer);
  for (size_t i = 0; same && i < one->methods; i++)
    same = method_choice_equal(&one->method[i], &other->method[i]);
  for (size_t i = 0; same && i < a->pins.count; i++)
    same = quantizer_equal(&a->pins.quantizer[i], &b->pins.quantizer[i]);
  return same;
}

static bool is_planned(const struct explorer *explorer)
{
  return explorer->layer.planned && same_asks(&explorer->layer.plan, &explorer->state);
}

/* A row that is known may be wanted again; takes it. */
static void keep_row(struct layering *layer, struct layer_row *row)
{
  if (row->state == LAYER_WAITING)
    return layer_row_free(row);
  layer_row_free(&layer->kept[layer->turn]);
  layer->kept[layer->turn] = *row;
  layer->turn = (layer->turn + 1) % LAYER_KEPT;
  *row = (struct layer_row){.state = LAYER_WAITING};
}

/* The row of ASK, with what is known of it. */
static struct layer_row recall_row(struct layering *layer, const struct layer_ask *ask)
{
  for (size_t i = 0; i < LAYER_KEPT; i++)
    if (layer->kept[i].state != LAYER_WAITING && layer_ask_equal(&layer->kept[i].ask, ask)) {
      const struct layer_row row = layer->kept[i];
      layer->kept[i] = (struct layer_row){.state = LAYER_WAITING};
      return row;
    }
  return (struct layer_row){.ask = *ask};
}

/* The methods of STATE, written out. */
static void write_out(struct view_layer *layer)
{
  if (layer->methods > 0)
    return;
  layer->methods = size_min(method_table_length, VIEW_METHODS);
  for (size_t i = 0; i < layer->methods; i++)
    layer->method[i] = method_plain(&method_table[i]);
}

static void plan_rows(struct layering *layer, const struct state *state)
{
  struct view_layer view = state->view.layer;
  write_out(&view);
  for (size_t i = 0; i < layer->rows; i++)
    keep_row(layer, &layer->row[i]);
  layer->rows = 0;
  for (size_t q = 0; q <= state->pins.count; q++)
    for (size_t m = 0; m < view.methods; m++) {
      const struct layer_ask ask = {.method = view.method[m],
                                    .weight = q < state->pins.count ? state->pins.quantizer[q]
                                                                    : state->knobs.quantizer,
                                    .quantizes_activation = view.quantizes_activation,
                                    .activation = view.activation};
      layer->row[layer->rows++] = recall_row(layer, &ask);
    }
}

/* --- numbers -------------------------------------------------------------------------------- */

static void begin(struct explorer *explorer)
{
  struct layering *layer = &explorer->layer;
  struct layer_sources of;
  struct error error;
  const bool same_methods = layer->plan.view.layer.methods == explorer->state.view.layer.methods;
  const size_t below = layer->rows - layer->selected;
  enum status status = find_layer(explorer, &of, &error);
  layer->planned = true;
  layer->plan = explorer->state;
  layer->why[0] = '\0';
  layer->synthetic = !layer->data[LAYER_ACTIVATION].source;
  if (status != STATUS_OK || !layer_sources_equal(&of, &layer->of))
    forget_rows(layer);
  layer->of = of;
  if (status == STATUS_OK)
    plan_rows(layer, &explorer->state);
  else
    snprintf(layer->why, sizeof layer->why, "%.*s", (int)sizeof layer->why - 1, error.text);
  if (layer->chosen && layer->rows > 0 && layer->rows >= below && same_methods)
    layer->selected = layer->rows - below; /* pins come before it */
  if (layer->selected >= layer->rows)
    layer->chosen = false;
  layer->pointing = false;
  layer_rank(layer->row, layer->rows, explorer->state.view.layer.sort, layer->rank);
}

/* The next row that waits; their number when none does. */
static size_t waiting_row(const struct layering *layer)
{
  size_t i = 0;
  while (i < layer->rows && layer->row[i].state != LAYER_WAITING)
    i++;
  return i;
}

bool layer_view_lacks(const struct explorer *explorer)
{
  const struct layering *layer = &explorer->layer;
  if (!explorer->result || explorer_stale(explorer))
    return false;
  return !is_planned(explorer) || waiting_row(layer) < layer->rows;
}

void layer_view_ask(struct explorer *explorer)
{
  struct layering *layer = &explorer->layer;
  if (!is_planned(explorer)) {
    begin(explorer);
    explorer_refresh(explorer);
  }
  const size_t next = waiting_row(layer);
  explorer->work = next < layer->rows ? WORK_VIEW : WORK_NONE;
  if (next < layer->rows)
    engine_request_layer(explorer->engine, &layer->of, &layer->row[next].ask);
}

/* The layer itself cannot be worked on. */
static void refuse(struct layering *layer, const struct error *error)
{
  forget_rows(layer);
  snprintf(layer->why, sizeof layer->why, "%.*s", (int)sizeof layer->why - 1,
           *error->text ? error->text : "the layer cannot be computed");
}

void layer_view_take(struct explorer *explorer, struct engine_answer *answer)
{
  struct layering *layer = &explorer->layer;
  if (answer->status != STATUS_OK) {
    refuse(layer, &answer->error);
  } else {
    const size_t next = waiting_row(layer);
    if (next < layer->rows && layer_ask_equal(&layer->row[next].ask, &answer->layer->row.ask)) {
      layer->row[next] = answer->layer->row;
      answer->layer->row = (struct layer_row){.state = LAYER_WAITING};
    }
    layer_answer_free(layer->facts);
    layer->facts = answer->layer;
  }
  layer_rank(layer->row, layer->rows, explorer->state.view.layer.sort, layer->rank);
  explorer_refresh(explorer);
}

/* What the engine works on is of use while its row waits. */
void layer_view_settle(struct explorer *explorer)
{
  struct layering *layer = &explorer->layer;
  if (explorer->work == WORK_VIEW && !is_planned(explorer)) {
    engine_stop(explorer->engine);
    explorer->work = WORK_NONE;
  }
  if (layer->plan.view.layer.sort != explorer->state.view.layer.sort) {
    layer->plan.view.layer.sort = explorer->state.view.layer.sort;
    layer_rank(layer->row, layer->rows, layer->plan.view.layer.sort, layer->rank);
    explorer_refresh(explorer);
  }
}

/* --- what is chosen ------------------------------------------------------------------------- */

struct source *layer_view_source(const struct explorer *explorer, enum layer_part part)
{
  const struct layering *layer = &explorer->layer;
  return layer->planned && layer->data[part].source ? layer->of.source[part] : NULL;
}

/* Whether PART can be read; whether it fits is what the view says. */
static enum status check_choice(struct explorer *explorer, enum layer_part part,
                                struct error *error)
{
  const struct recipe_data *data = &explorer->layer.data[part];
  const struct layer_place weight = {"", explorer_whole(explorer)};
  struct layer_sources of;
  size_t rows, columns, tensor;
  if (!data->source || layer_weight_shape(&weight, explorer->state.view.layer.transposed, &rows,
                                          &columns, NULL) != STATUS_OK)
    return STATUS_OK;
  enum status status = find_layer(explorer, &of, error);
  if (status == STATUS_OK || !of.source[part])
    return status;
  return data->tensor ? source_find(of.source[part], data->tensor, &tensor, error) : STATUS_OK;
}

enum status layer_view_choose(struct explorer *explorer, enum layer_part part, const char *source,
                              const char *tensor, struct error *error)
{
  struct layering *layer = &explorer->layer;
  struct recipe_data before = layer->data[part], next = {NULL, NULL};
  if (!recipe_set_data(&next, source, tensor))
    return error_memory(error, "the tokens");
  layer->data[part] = next;
  enum status status = check_choice(explorer, part, error);
  if (status != STATUS_OK) {
    layer->data[part] = before;
    before = next;
  }
  recipe_set_data(&before, NULL, NULL);
  layer->planned = false;
  return status;
}

enum status layer_view_set_method(struct state *state, const struct method_choice *method,
                                  struct error *error)
{
  struct view_layer *layer = &state->view.layer;
  write_out(layer);
  size_t at = 0;
  while (at < layer->methods && layer->method[at].method != method->method)
    at++;
  if (at == VIEW_METHODS)
    return error_set(error, STATUS_USAGE, "the screen takes up to %d methods", VIEW_METHODS);
  layer->method[at] = *method;
  layer->methods = size_max(layer->methods, at + 1);
  return STATUS_OK;
}

/* --- keys ----------------------------------------------------------------------------------- */

/* What the user stands on; else the best method under the present quantizer. */
static size_t selected_row(const struct layering *layer)
{
  if (layer->chosen && layer->selected < layer->rows)
    return layer->selected;
  const size_t best = layer_best(layer->row, layer->rows, layer->rows - 1);
  return best < layer->rows ? best : layer->rank[0];
}

struct layer_shown layer_view_shown(const struct explorer *explorer)
{
  const struct layering *layer = &explorer->layer;
  if (!is_planned(explorer) || layer->rows == 0)
    return (struct layer_shown){.rows = 0};
  return (struct layer_shown){.row = layer->row,
                              .rows = layer->rows,
                              .rank = layer->rank,
                              .selected = selected_row(layer),
                              .facts = layer->facts};
}

const struct layer_row *layer_view_selected(const struct explorer *explorer)
{
  const struct layer_shown shown = layer_view_shown(explorer);
  return shown.rows ? &shown.row[shown.selected] : NULL;
}

size_t layer_view_place(const struct explorer *explorer)
{
  const struct layer_shown shown = layer_view_shown(explorer);
  size_t place = 0;
  while (place + 1 < shown.rows && shown.rank[place] != shown.selected)
    place++;
  return place;
}

/* Who sees no table is told of the row. */
static void say_row(struct explorer *explorer, const struct layer_row *row)
{
  char method[METHOD_TEXT];
  method_print(&row->ask.method, method);
  if (!explorer->spoken)
    return;
  if (row->state != LAYER_DONE)
    return explorer_say(explorer, "%s: %s", method,
                        row->state == LAYER_REFUSED ? row->reason : "not computed yet");
  explorer_say(explorer, "%s: output SQNR %.2f dB, weight SQNR %.2f dB, %.4g bits per weight%s%s",
               method, row->calibration.output_sqnr_db, row->calibration.weight_sqnr_db,
               row->calibration.bits_per_weight, *row->said ? "; " : "", row->said);
}

void layer_view_move(struct explorer *explorer, int by)
{
  const struct layer_shown shown = layer_view_shown(explorer);
  struct layering *layer = &explorer->layer;
  if (!shown.rows)
    return;
  size_t place = layer_view_place(explorer), step = (size_t)(by < 0 ? -by : by);
  place = by < 0 ? place - size_min(place, step) : size_min(place + step, shown.rows - 1);
  layer->chosen = true;
  layer->selected = shown.rank[place];
  layer->option = 0;
  say_row(explorer, &layer->row[layer->selected]);
  explorer_refresh(explorer);
}

void layer_view_enter(struct explorer *explorer)
{
  if (!layer_view_selected(explorer))
    return explorer_warn(explorer, "there is no method to look at");
  explorer->layer.open = !explorer->layer.open;
}

bool layer_view_back(struct explorer *explorer)
{
  struct layering *layer = &explorer->layer;
  const bool was = layer->pointing || layer->open;
  if (layer->pointing)
    layer->pointing = false;
  else
    layer->open = false;
  return was;
}

void layer_view_detail(struct explorer *explorer)
{
  const struct layer_shown shown = layer_view_shown(explorer);
  struct layering *layer = &explorer->layer;
  do
    layer->detail = (enum layer_detail)((layer->detail + 1) % LAYER_DETAILS);
  while (layer->detail != LAYER_OUTPUT && !layer_has_detail(&shown, layer->detail));
  layer->pointing = false;
  explorer_say(explorer, "%s", layer_detail_names[layer->detail]);
  explorer_refresh(explorer);
}

void layer_view_sort(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.layer.sort = (enum layer_sort)((next.view.layer.sort + 1) % LAYER_SORTS);
  explorer_go(explorer, &next);
  explorer_say(explorer, "sorted by %s", layer_sort_names[next.view.layer.sort]);
}

void layer_view_transpose(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.layer.transposed = !next.view.layer.transposed;
  explorer_go(explorer, &next);
  explorer_say(explorer, next.view.layer.transposed
                             ? "the weight is taken as input x output channels"
                             : "the weight is taken as output x input channels");
}

void layer_view_quantize(struct explorer *explorer)
{
  static const char *const specs[] = {"int8,token", "int8,tensor", "e4m3,token", "int4,token"};
  enum { SPECS = sizeof specs / sizeof *specs };
  struct state next = explorer->state;
  struct view_layer *layer = &next.view.layer;
  struct quantizer quantizer;
  char spec[QUANTIZER_TEXT];
  size_t at = 0;
  for (size_t i = 0; layer->quantizes_activation && i < SPECS; i++)
    if (quantizer_parse(specs[i], &quantizer, NULL) == STATUS_OK &&
        quantizer_equal(&quantizer, &layer->activation))
      at = i + 1;
  if (layer->quantizes_activation && (at == 0 || at == SPECS)) {
    layer->quantizes_activation = false;
    explorer_go(explorer, &next);
    return explorer_say(explorer, "activations are not quantized");
  }
  layer->quantizes_activation = quantizer_parse(specs[at], &layer->activation, NULL) == STATUS_OK;
  explorer_go(explorer, &next);
  explorer_say(explorer, "activations: %s", quantizer_print(&layer->activation, spec));
}

/* --- options -------------------------------------------------------------------------------- */

void layer_view_option(struct explorer *explorer)
{
  const struct layer_row *row = layer_view_selected(explorer);
  const size_t count = row ? method_option_count(row->ask.method.method) : 0;
  struct layering *layer = &explorer->layer;
  if (count == 0)
    return explorer_warn(explorer, "this method has no options");
  layer->option = (layer->option + 1) % count;
  const struct method_option *option = &row->ask.method.method->option[layer->option];
  explorer_say(explorer, "%s: %s; + and - turn it", option->word, option->summary);
}

/* The next number up or down: sizes by factors of two, small numbers along 1, 2, 5, others in
 * twentieths. A default beyond the bounds means that the method chooses. */
static double turned_number(const struct method_option *option, double value, int direction)
{
  const bool automatic = method_option_is_automatic(option, option->value);
  if (automatic && value == option->value)
    return direction > 0 ? option->least : option->most;
  if (automatic && (direction > 0 ? value >= option->most : value <= option->least))
    return option->value;
  double next;
  if (option->whole && option->value >= 16)
    next = direction > 0 ? value * 2 : floor(value / 2);
  else if (option->whole)
    next = value + direction;
  else if (option->value > 0 && option->value < 0.1) {
    const double decade = pow(10, floor(log10(fmax(value, 1e-9)) + 1e-9)), lead = value / decade;
    next = direction > 0 ? decade * (lead < 1.5   ? 2
                                     : lead < 3.5 ? 5
                                                  : 10)
                         : decade * (lead < 1.5   ? 0.5
                                     : lead < 3.5 ? 1
                                                  : 2);
  } else {
    next = (round(value * 20) + direction) / 20;
  }
  return fmin(fmax(next, option->least), option->most);
}

static double turned(const struct method_option *option, double value, int direction)
{
  int choices = 0, length;
  if (option->kind == METHOD_FLAG)
    return value == 0;
  if (option->kind == METHOD_NUMBER)
    return turned_number(option, value, direction);
  while (method_option_word(option, (size_t)choices, &length))
    choices++;
  return ((int)value + choices + direction) % choices;
}

void layer_view_turn(struct explorer *explorer, int direction)
{
  const struct layer_row *row = layer_view_selected(explorer);
  const size_t count = row ? method_option_count(row->ask.method.method) : 0;
  struct layering *layer = &explorer->layer;
  struct state next = explorer->state;
  char text[METHOD_TEXT];
  if (count == 0)
    return explorer_warn(explorer, "this method has no options");
  struct method_choice choice = row->ask.method;
  const size_t at = size_min(layer->option, count - 1);
  choice.option[at] = turned(&choice.method->option[at], choice.option[at], direction);
  write_out(&next.view.layer);
  const size_t place = (size_t)(row - layer->row) % next.view.layer.methods;
  next.view.layer.method[place] = choice;
  layer->selected = (size_t)(row - layer->row);
  layer->chosen = true;
  if (method_choice_equal(&choice, &row->ask.method))
    return explorer_warn(explorer, "%s ends here", choice.method->option[at].word);
  explorer_go(explorer, &next);
  explorer_say(explorer, "%s", method_print(&choice, text));
}

/* --- the cursor ----------------------------------------------------------------------------- */

/* Places that the cursor may stand on in the detail. */
static size_t places(const struct explorer *explorer, const struct layer_row *row)
{
  const struct layering *layer = &explorer->layer;
  if (!row || row->state != LAYER_DONE || !layer->facts)
    return 0;
  const struct layer *of = &layer->facts->problem.layer;
  return layer->detail == LAYER_OUTPUT   ? of->rows
         : layer->detail != LAYER_SEARCH ? of->columns
         : row->search.height == 1       ? row->search.width
                                         : 0;
}

/* Where one looks first: the worst output channel, the largest input channel, the best candidate.
 */
static size_t first_place(const struct explorer *explorer, const struct layer_row *row)
{
  const struct layering *layer = &explorer->layer;
  const float *max =
      layer->detail == LAYER_WEIGHTS ? layer->facts->weight_max : layer->facts->input_max;
  size_t at = 0;
  if (layer->detail == LAYER_OUTPUT)
    return layer_channel_spread(layer_row_numbers(row)).worst;
  if (layer->detail == LAYER_SEARCH)
    return row->search.best;
  for (size_t j = 1; j < layer->facts->problem.layer.columns; j++)
    at = max[j] > max[at] ? j : at;
  return at;
}

/* The place that is drawn at X of the plot: a channel, or the candidate that is nearest to it. */
static size_t place_at(const struct layering *layer, const struct layer_row *row, double x,
                       size_t count)
{
  size_t near = 0;
  if (layer->detail != LAYER_SEARCH)
    return (size_t)fmin(fmax(round(x), 0), (double)count - 1);
  for (size_t i = 1; i < count; i++)
    if (fabs(row->search.x[i] - x) < fabs(row->search.x[near] - x))
      near = i;
  return near;
}

enum status layer_view_stand(struct explorer *explorer, const char *text, struct error *error)
{
  struct layering *layer = &explorer->layer;
  const struct layer_row *row = layer_view_selected(explorer);
  const size_t count = places(explorer, row);
  char *end;
  const double x = strtod(text, &end);
  if (end == text || *end || !isfinite(x))
    return error_set(error, STATUS_USAGE, "expected a channel, or what the axis counts, found '%s'",
                     text);
  if (count == 0)
    return error_set(error, STATUS_USAGE, "there is nothing to point at");
  layer->channel = place_at(layer, row, x, count);
  layer->pointing = true;
  return STATUS_OK;
}

bool layer_view_click(struct explorer *explorer, int row, int column)
{
  const struct rect plot = layer_plot_place(explorer, explorer->layout.place[PLACE_PLOT]);
  const struct layering *layer = &explorer->layer;
  double x;
  return explorer->figure->panel[0]->marks > 0 &&
         places(explorer, layer_view_selected(explorer)) > 0 &&
         plot_value(plot, &explorer->figure->panel[0]->x, row, column, &x) &&
         run_cursor(explorer, "%.4g", layer->detail == LAYER_SEARCH ? x : round(x));
}

void layer_view_step(struct explorer *explorer, int direction)
{
  struct layering *layer = &explorer->layer;
  const struct layer_row *row = layer_view_selected(explorer);
  const size_t count = places(explorer, row);
  if (count == 0)
    return explorer_warn(explorer, "there is nothing to point at");
  const size_t across = (size_t)plot_data_columns(explorer->layout.place[PLACE_PLOT].columns > 12
                                                      ? explorer->layout.place[PLACE_PLOT].columns
                                                      : 12);
  const size_t step = size_max(1, count / across);
  if (!layer->pointing)
    layer->channel = first_place(explorer, row);
  else if (direction > 0)
    layer->channel = size_min(layer->channel + step, count - 1);
  else
    layer->channel -= size_min(layer->channel, step);
  layer->pointing = true;
}

static void readout(const struct explorer *explorer, const struct layer_row *row, char *text,
                    size_t size)
{
  const struct layering *layer = &explorer->layer;
  const size_t at = layer->channel;
  if (layer->detail == LAYER_SEARCH) {
    const struct method_search *search = &row->search;
    snprintf(text, size, "%s %.4g: %s %.4g, %.2f times the least", search->across, search->x[at],
             search->loss, search->value[at], search->value[at] / search->value[search->best]);
  } else if (layer->detail == LAYER_OUTPUT) {
    const struct layer_numbers *numbers = layer_row_numbers(row);
    snprintf(text, size, "output channel %zu: MSE %.4g, SQNR %.2f dB; %.3g times the mean error",
             at, numbers->channel_mse[at], layer_channel_sqnr(numbers, at),
             numbers->channel_mse[at] / numbers->output_mse);
  } else {
    const double x = (double)layer->facts->input_max[at], w = (double)layer->facts->weight_max[at];
    size_t used =
        (size_t)snprintf(text, size, "input channel %zu: max |x| %.4g, max |w| %.4g", at, x, w);
    if (row->factor && used < size)
      snprintf(text + used, size - used, "; factor %.4g: %.4g and %.4g", (double)row->factor[at],
               x / (double)row->factor[at], w * (double)row->factor[at]);
  }
}

char *layer_view_verdict(const struct explorer *explorer, char *text, size_t size)
{
  const struct layering *layer = &explorer->layer;
  const struct layer_row *row = layer_view_selected(explorer);
  char verdict[LAYER_VERDICT] = "";
  if (size)
    *text = '\0';
  if (!row || !layer->facts)
    return text;
  if (layer->pointing && layer->channel < places(explorer, row))
    readout(explorer, row, verdict, sizeof verdict);
  else
    layer_verdict(&layer->facts->problem, layer->row, layer->rows, layer->rows - 1, verdict);
  snprintf(text, size, "%s", verdict);
  return text;
}

/* --- the figure ----------------------------------------------------------------------------- */

/* How many details find room below the table. */
static int details_shown(const struct explorer *explorer, const struct layer_shown *shown)
{
  enum { EACH = 9, WORDS = 8 };
  const int table = explorer->layer.open ? WORDS : (int)size_min(shown->rows, 64) + 3;
  return (explorer->layout.place[PLACE_PLOT].rows - table) / EACH;
}

/* That of the screen has the detail that was chosen, and those behind it that find room: the
 * methods are its table. */
static struct figure *detail_figure(const struct explorer *explorer,
                                    const struct layer_shown *shown, const char *recipe)
{
  struct figure *figure = figure_new("");
  const int most = details_shown(explorer, shown);
  const int chosen =
      layer_has_detail(shown, explorer->layer.detail) ? (int)explorer->layer.detail : LAYER_OUTPUT;
  bool done = figure && (figure->recipe = strdup(recipe ? recipe : "")) &&
              fig_layer_detail(figure, shown, (enum layer_detail)chosen);
  for (int i = 1; done && i < LAYER_DETAILS && (int)figure->panels < most; i++) {
    const enum layer_detail next = (enum layer_detail)((chosen + i) % LAYER_DETAILS);
    if (layer_has_detail(shown, next))
      done = fig_layer_detail(figure, shown, next);
  }
  if (done)
    return figure;
  figure_free(figure);
  return NULL;
}

struct figure *layer_view_figure(const struct explorer *explorer,
                                 const struct engine_answer *answer, const struct state *state,
                                 const char *recipe)
{
  const struct layer_shown shown = layer_view_shown(explorer);
  const bool known = shown.rows && shown.facts && (!answer || same_asks(state, &explorer->state));
  if (!known)
    return figure_of_words(explorer_whole(explorer)->name, *explorer->layer.why
                                                               ? explorer->layer.why
                                                               : "the methods are being computed");
  if (!answer && !explorer->spoken)
    return detail_figure(explorer, &shown, recipe);
  return figure_of_layer(&shown, recipe);
}
