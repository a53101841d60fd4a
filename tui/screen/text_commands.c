#include "tui/screen/text_commands.h"

#include "analysis/checks.h"
#include "quant/spec_list.h"
#include "tui/screen/compare_view.h"
#include "tui/screen/cursor.h"
#include "tui/screen/layer_view.h"
#include "tui/screen/save_screen.h"
#include "tui/screen/screen_view.h"
#include "tui/screen/sweep_view.h"
#include "tui/screen/terminal.h"
#include "tui/screen/transform_knob.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- small things ------------------------------------------------------------------------- */

enum { PATH_TEXT = 1024 };

/* A leading ~/ is the home folder: nobody's shell has seen this text. */
static const char *expanded(const char *text, char path[PATH_TEXT])
{
  const char *home = getenv("HOME");
  if (strncmp(text, "~/", 2) == 0 && home)
    snprintf(path, PATH_TEXT, "%s/%s", home, text + 2);
  else
    snprintf(path, PATH_TEXT, "%s", text);
  return path;
}

/* What an action has said: an error when it was a warning. */
static enum status said(const struct explorer *explorer, enum status status, struct error *error)
{
  return explorer->warning ? error_set(error, status, "%s", explorer->message) : STATUS_OK;
}

/* --- what is looked at -------------------------------------------------------------------- */

static enum status text_quantizer(struct explorer *explorer, const char *text, struct error *error)
{
  struct quantizer quantizer;
  enum status status = quantizer_parse(text, &quantizer, error);
  if (status == STATUS_OK)
    explorer_apply(explorer, &quantizer);
  return status;
}

static enum status read_range(const char *text, double *lo, double *hi, struct error *error)
{
  if (view_range_parse(text, lo, hi))
    return STATUS_OK;
  return error_set(error, STATUS_USAGE, "expected LO:HI with LO below HI, found '%s'", text);
}

static enum status text_zoom(struct explorer *explorer, const char *text, struct error *error)
{
  struct state next = explorer->state;
  enum status status = read_range(text, &next.view.lo, &next.view.hi, error);
  if (status == STATUS_OK)
    explorer_go(explorer, &next);
  return status;
}

static enum status set_over(struct state *state, const char *text, struct error *error)
{
  enum status status = sweep_over_check(text, error);
  if (status != STATUS_OK)
    return status;
  state->view.kind = VIEW_SWEEP;
  snprintf(state->view.over, sizeof state->view.over, "%s", text);
  return status;
}

static enum status text_over(struct explorer *explorer, const char *text, struct error *error)
{
  struct state next = explorer->state;
  enum status status = set_over(&next, text, error);
  if (status != STATUS_OK)
    return status;
  explorer_go(explorer, &next);
  explorer_say(explorer, "over %s", text);
  return status;
}

static enum status text_transform(struct explorer *explorer, const char *text, struct error *error)
{
  struct transform transform;
  enum status status = transform_parse(text, &transform, error);
  return status == STATUS_OK ? transform_put_on(explorer, &transform, error) : status;
}

static enum status text_point(struct explorer *explorer, const char *text, struct error *error)
{
  return sweep_view_select(explorer, text, error);
}

static enum status text_cursor(struct explorer *explorer, const char *text, struct error *error)
{
  const struct screen_view *view = screen_view(explorer);
  char *end;
  double x = strtod(text, &end);
  if (view->stand)
    return view->stand(explorer, text, error);
  if (end == text || *end || !isfinite(x))
    return error_set(error, STATUS_USAGE, "expected a value, found '%s'", text);
  cursor_set(explorer, x);
  return STATUS_OK;
}

static enum status text_tensor(struct explorer *explorer, const char *text, struct error *error)
{
  size_t index;
  enum status status = source_find(explorer->source, text, &index, error);
  if (status == STATUS_OK)
    explorer_go_to(explorer, index);
  return status;
}

static enum status text_open(struct explorer *explorer, const char *text, struct error *error)
{
  char path[PATH_TEXT];
  explorer_open(explorer, expanded(text, path));
  return said(explorer, STATUS_INPUT, error);
}

static enum status text_compare_with(struct explorer *explorer, const char *text,
                                     struct error *error)
{
  char path[PATH_TEXT];
  const struct comparand with = {.source = (expanded(text, path), path)};
  enum status status = compare_view_open(explorer, &with, error);
  if (status != STATUS_OK)
    return status;
  struct state next = explorer->state;
  next.view.kind = VIEW_COMPARE;
  next.pairs = true;
  explorer_go(explorer, &next);
  explorer_refresh(explorer);
  return STATUS_OK;
}

/* --- the layer ---------------------------------------------------------------------------- */

static void go_to_layer(struct explorer *explorer, struct state *next)
{
  next->view.kind = VIEW_LAYER;
  explorer_go(explorer, next);
  explorer_refresh(explorer);
}

static enum status choose_tokens(struct explorer *explorer, enum layer_part part,
                                 const char *source, const char *tensor, struct error *error)
{
  struct state next = explorer->state;
  enum status status = layer_view_choose(explorer, part, source, tensor, error);
  if (part == LAYER_HELD_OUT && source)
    next.view.layer.hold_out = 0;
  if (status == STATUS_OK)
    go_to_layer(explorer, &next);
  return status;
}

static enum status text_activation(struct explorer *explorer, const char *text, struct error *error)
{
  char path[PATH_TEXT];
  return choose_tokens(explorer, LAYER_ACTIVATION, expanded(text, path), NULL, error);
}

static enum status text_evaluate(struct explorer *explorer, const char *text, struct error *error)
{
  char path[PATH_TEXT];
  const bool none = strcmp(text, "none") == 0;
  return choose_tokens(explorer, LAYER_HELD_OUT, none ? NULL : expanded(text, path), NULL, error);
}

/* Where no source was named, the tensor is the open one's neighbour. */
static enum status choose_tensor(struct explorer *explorer, enum layer_part part, const char *text,
                                 struct error *error)
{
  const char *source = explorer->layer.data[part].source;
  char *copy = strdup(source ? source : source_spec(explorer->source));
  enum status status =
      copy ? choose_tokens(explorer, part, copy, text, error) : error_memory(error, "the tokens");
  free(copy);
  return status;
}

static enum status text_activation_tensor(struct explorer *explorer, const char *text,
                                          struct error *error)
{
  return choose_tensor(explorer, LAYER_ACTIVATION, text, error);
}

static enum status text_evaluate_tensor(struct explorer *explorer, const char *text,
                                        struct error *error)
{
  return choose_tensor(explorer, LAYER_HELD_OUT, text, error);
}

static enum status text_hold_out(struct explorer *explorer, const char *text, struct error *error)
{
  struct state next = explorer->state;
  if (strcmp(text, "none") == 0)
    next.view.layer.hold_out = 0;
  else if (!view_share_scan(text, &next.view.layer.hold_out))
    return error_set(error, STATUS_USAGE,
                     "expected a share of the tokens such as 0.25 or 25%%, or none, found '%s'",
                     text);
  enum status status = STATUS_OK;
  if (next.view.layer.hold_out > 0) /* in place of other tokens */
    status = layer_view_choose(explorer, LAYER_HELD_OUT, NULL, NULL, error);
  if (status == STATUS_OK)
    go_to_layer(explorer, &next);
  return status;
}

static enum status set_method(struct state *state, const char *text, struct error *error)
{
  struct method_choice choice;
  enum status status = method_parse(text, &choice, error);
  state->view.kind = VIEW_LAYER;
  return status == STATUS_OK ? layer_view_set_method(state, &choice, error) : status;
}

static enum status text_method(struct explorer *explorer, const char *text, struct error *error)
{
  struct state next = explorer->state;
  enum status status = set_method(&next, text, error);
  if (status == STATUS_OK)
    go_to_layer(explorer, &next);
  return status;
}

/* The methods that TEXT names, alone; "all": those of the table. */
static enum status set_methods(struct state *state, const char *text, struct error *error)
{
  char copy[PATH_TEXT], *rest = copy;
  struct view_layer layer = state->view.layer;
  snprintf(copy, sizeof copy, "%s", text);
  layer.methods = 0;
  for (const char *word; (word = strsep(&rest, " \t"));) {
    if (!*word || strcmp(word, "all") == 0)
      continue;
    if (layer.methods == VIEW_METHODS)
      return error_set(error, STATUS_USAGE, "more than %d methods", VIEW_METHODS);
    enum status status = method_parse(word, &layer.method[layer.methods], error);
    if (status != STATUS_OK)
      return status;
    layer.methods++;
  }
  state->view.layer = layer;
  return STATUS_OK;
}

static enum status text_methods(struct explorer *explorer, const char *text, struct error *error)
{
  struct state next = explorer->state;
  enum status status = set_methods(&next, text, error);
  if (status == STATUS_OK)
    go_to_layer(explorer, &next);
  return status;
}

static enum status set_activation_quantizer(struct state *state, const char *text,
                                            struct error *error)
{
  struct view_layer *layer = &state->view.layer;
  enum status status = STATUS_OK;
  layer->quantizes_activation = strcmp(text, "none") != 0;
  if (layer->quantizes_activation)
    status = quantizer_parse(text, &layer->activation, error);
  state->view.kind = VIEW_LAYER;
  return status;
}

static enum status text_activation_quantizer(struct explorer *explorer, const char *text,
                                             struct error *error)
{
  struct state next = explorer->state;
  enum status status = set_activation_quantizer(&next, text, error);
  if (status == STATUS_OK)
    go_to_layer(explorer, &next);
  return status;
}

static enum status text_recipe(struct explorer *explorer, const char *text, struct error *error)
{
  struct recipe recipe;
  enum status status = recipe_parse(text, &recipe, error);
  if (status == STATUS_OK)
    status = explorer_enter(explorer, &recipe, error);
  recipe_clear(&recipe);
  return status;
}

static enum status text_list_show(struct explorer *explorer, const char *text, struct error *error)
{
  return browser_show(&explorer->browser, text, error);
}

/* --- output ------------------------------------------------------------------------------- */

static enum status text_save_figure(struct explorer *explorer, const char *text,
                                    struct error *error)
{
  char path[PATH_TEXT];
  if (!figure_is_name(text))
    return error_set(error, STATUS_USAGE, "expected a file that ends in .png, .svg or .pdf");
  explorer_export(explorer, expanded(text, path));
  return said(explorer, STATUS_USAGE, error);
}

static enum status text_save_screen(struct explorer *explorer, const char *text,
                                    struct error *error)
{
  char path[PATH_TEXT];
  explorer_paint(explorer);
  enum status status = save_screen(&explorer->cells, terminal_theme(), terminal_depth(),
                                   expanded(text, path), error);
  if (status == STATUS_OK)
    explorer_say(explorer, "wrote %.400s", path);
  return status;
}

/* A copy of what RECT shows of FROM. */
static bool cut_out(const struct cells *from, struct rect rect, struct cells *out)
{
  if (!cells_resize(out, rect.rows, rect.columns))
    return false;
  for (int row = 0; row < rect.rows; row++)
    for (int column = 0; column < rect.columns; column++)
      *cells_at(out, row, column) = *cells_at(from, rect.row + row, rect.column + column);
  return true;
}

/* What the line says of panels: "numbers FILE"; FILE alone is of the plot. */
static enum panel_place panel_of(const char **text)
{
  static const struct {
    const char *word;
    enum panel_place place;
  } panels[] = {{"plot ", PLACE_PLOT}, {"numbers ", PLACE_METRICS}, {"knobs ", PLACE_KNOBS}};
  for (size_t i = 0; i < sizeof panels / sizeof *panels; i++)
    if (strncmp(*text, panels[i].word, strlen(panels[i].word)) == 0) {
      *text += strlen(panels[i].word);
      return panels[i].place;
    }
  return PLACE_PLOT;
}

static enum status text_save_panel(struct explorer *explorer, const char *text, struct error *error)
{
  char path[PATH_TEXT];
  struct cells panel = {0};
  explorer_paint(explorer);
  const struct rect rect = explorer->layout.place[panel_of(&text)];
  if (rect.rows < 1 || rect.columns < 1)
    return error_set(error, STATUS_USAGE, "that panel is not on this screen");
  if (!cut_out(&explorer->cells, rect, &panel))
    return error_memory(error, "the panel");
  enum status status =
      save_screen(&panel, terminal_theme(), terminal_depth(), expanded(text, path), error);
  if (status == STATUS_OK)
    explorer_say(explorer, "wrote %.400s", path);
  cells_free(&panel);
  return status;
}

static enum status text_save_session(struct explorer *explorer, const char *text,
                                     struct error *error)
{
  char path[PATH_TEXT];
  enum status status = session_save(explorer, expanded(text, path), error);
  if (status == STATUS_OK)
    explorer_say(explorer, "wrote %.400s", path);
  return status;
}

/* NAME OPERATOR NUMBER of the numbers that are shown. */
static enum status text_assert(struct explorer *explorer, const char *text, struct error *error)
{
  struct assertion assertion;
  double value;
  enum status status = assertion_parse(text, &assertion, error);
  if (status != STATUS_OK)
    return status;
  const struct result *result = explorer->result;
  if (!result || explorer_stale(explorer) || result->estimated)
    return error_set(error, STATUS_USAGE, "there are no exact numbers yet");
  if (assertion.check && !result->checks)
    return error_set(error, STATUS_USAGE, "'%s' is known when the page of checks is open (checks)",
                     assertion.check->name);
  bool holds = assertion_holds(&assertion, result, result->checks, &value);
  if (!holds)
    return error_set(error, STATUS_FAILED, "%s does not hold: it is %.9g", text, value);
  explorer_say(explorer, "%s holds: it is %.9g", text, value);
  return STATUS_OK;
}

/* --- the table ---------------------------------------------------------------------------- */

text_command *text_command_of(enum command_id id)
{
  static text_command *const table[COMMAND_COUNT] = {
#define COMMAND(id, name, keys, group, hint, what, why, handler, argument)
#define COMMAND_TEXT(scope, id, name, keys, group, hint, text, what, why, handler)                 \
  [COMMAND_##id] = handler,
#include "tui/screen/commands.def"
#undef COMMAND
  };
  return table[id];
}

enum status text_command_preview(enum command_id id, const char *text, const struct state *from,
                                 struct state *out, size_t *wrong, struct error *error)
{
  struct quantizer quantizer;
  enum status status = STATUS_CANCELLED;
  size_t word;
  *out = *from;
  *wrong = 0;
  if (explorer_commands[id].text == TEXT_SPEC) {
    status = quantizer_parse_word(text, &quantizer, &word, error);
    if (status == STATUS_OK)
      *out = state_with(from, &quantizer);
    else if (word)
      *wrong = spec_place_of(text, word).start;
  } else if (explorer_commands[id].text == TEXT_RANGE) {
    status = read_range(text, &out->view.lo, &out->view.hi, error);
  } else if (explorer_commands[id].text == TEXT_SWEEP) {
    status = set_over(out, text, error);
  }
  return status;
}
