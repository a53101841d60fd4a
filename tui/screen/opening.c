#include "tui/screen/opening.h"

#include "tui/screen/compare_view.h"
#include "tui/screen/heat_view.h"
#include "tui/screen/layer_view.h"
#include "tui/screen/pins.h"
#include "tui/screen/reading.h"
#include "tui/screen/sweep_view.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

/* --- one in place of another -------------------------------------------------------------- */

static void forget_source(struct explorer *explorer)
{
  engine_cancel(explorer->engine);
  explorer->work = WORK_NONE;
  explorer->export_wanted = false;
  result_free(explorer->result);
  result_free(explorer->drawn);
  explorer->result = explorer->drawn = NULL;
  source_close(explorer->part);
  source_close(explorer->aside);
  explorer->part = explorer->aside = NULL;
  gather_free(explorer->gather);
  explorer->gather = NULL;
  compare_view_close(explorer);
  explorer->cursor.on = false;
  pins_forget(explorer);
  stamping_forget(explorer);
  explorer->state.pins.count = explorer->state.view.against = 0;
  explorer->state.pairs = false;
  layer_view_forget(explorer);
  source_close(explorer->source);
  explorer->grid.source = NULL;
  undo_forget(explorer);
  explorer->selected = explorer->first = explorer->element = 0;
  explorer->block_known = false;
  explorer->board = (struct board_place){0};
  explorer->asking = (struct asking){.open = explorer->asking.open};
  sweep_view_forget(explorer);
  heat_view_forget(explorer);
}

static enum status open_source(struct explorer *explorer, const char *spec, const char *type,
                               struct source **out, struct error *error)
{
  enum status status = reading_open(explorer, spec, type, out, error);
  if (status == STATUS_OK && source_count(*out) == 0) {
    char shown[256];
    source_close(*out);
    return error_set(error, STATUS_INPUT, "%s: holds no tensors",
                     text_escape(spec, shown, sizeof shown));
  }
  return status;
}

/* How many tensors there are, unless they are LISTED anyway, and what the source itself has to
 * say. */
static void say_opened(struct explorer *explorer, bool listed)
{
  const char *note = source_note(explorer->source);
  size_t count = source_count(explorer->source);
  if (count > 1 && !listed)
    explorer_say(explorer, "%zu tensors: t lists them, n takes the next%s%s", count,
                 *note ? "; " : "", note);
  else if (*note)
    explorer_say(explorer, "%s", note);
}

bool explorer_open(struct explorer *explorer, const char *spec)
{
  struct source *source;
  struct error error;
  bool pinned = explorer->state.pins.count > 0;
  if (open_source(explorer, spec, NULL, &source, &error) != STATUS_OK) {
    explorer_warn(explorer, "%s", error.text);
    return false;
  }
  forget_source(explorer);
  explorer->source = source;
  explorer->state.tensor = source_first(explorer->source);
  explorer->state.view.lo = explorer->state.view.hi = NAN;
  explorer->state.view.channel = -1;
  explorer->state.view.block = VIEW_WORST_BLOCK;
  explorer->state.view.part = (struct view_part){{0}, {0}};
  explorer->state.transform.kind = TRANSFORM_NONE;
  state_fit(&explorer->state, &source_tensor(source, explorer->state.tensor)->shape);
  explorer->wanted = true;
  explorer->message[0] = 0;
  explorer_refresh(explorer);
  say_opened(explorer, false);
  size_t said = strlen(explorer->message);
  if (pinned)
    snprintf(explorer->message + said, sizeof explorer->message - said,
             "%snothing is pinned any more", said ? "; " : "");
  return true;
}

/* --- a recipe ----------------------------------------------------------------------------- */

/* The tensor called NAME, else the first that fits it as a pattern. */
static enum status find_tensor(const struct source *source, const char *name, size_t *out,
                               struct error *error)
{
  enum status status = source_find(source, name, out, error);
  for (size_t i = 0; status != STATUS_OK && i < source_count(source); i++)
    if (fnmatch(name, source_tensor(source, i)->name, 0) == 0) {
      *out = i;
      return STATUS_OK;
    }
  return status;
}

/* The state that RECIPE describes, and its source, which the caller closes. */
static enum status find_state(struct explorer *explorer, const struct recipe *recipe,
                              struct source **source, struct state *state, struct error *error)
{
  struct quantizer quantizer;
  enum status status = open_source(
      explorer, recipe->source ? recipe->source : "synth:", recipe->input_format, source, error);
  if (status != STATUS_OK)
    return status;
  state->tensor = source_first(*source);
  if (recipe->tensor)
    status = find_tensor(*source, recipe->tensor, &state->tensor, error);
  if (status == STATUS_OK && recipe->quantizers == 0)
    status = quantizer_parse("int8", &quantizer, error);
  if (status != STATUS_OK) {
    source_close(*source);
    *source = NULL;
    return status;
  }
  if (recipe->quantizers)
    quantizer = recipe->quantizer[recipe->quantizers - 1];
  state->view = recipe->view;
  if (state->view.kind == VIEW_TENSORS) /* the list stands over a view */
    state->view.kind = VIEW_HISTOGRAM;
  state->transform = recipe->transform;
  state->knobs = knobs_of(&quantizer, recipe->view.axis);
  state->pairs = recipe->compare.source != NULL;
  status = pins_take_recipe(state, recipe, *source, error);
  state_fit(state, &source_tensor(*source, state->tensor)->shape);
  if (status != STATUS_OK) {
    source_close(*source);
    *source = NULL;
  }
  return status;
}

static enum status choose_tokens(struct explorer *explorer, enum layer_part part,
                                 const struct recipe_data *data, struct error *error)
{
  return data->source ? layer_view_choose(explorer, part, data->source, data->tensor, error)
                      : STATUS_OK;
}

enum status explorer_enter(struct explorer *explorer, const struct recipe *recipe,
                           struct error *error)
{
  struct source *source;
  struct state state = {.tensor = 0};
  enum status status = find_state(explorer, recipe, &source, &state, error);
  if (status != STATUS_OK)
    return status;
  if (explorer->source)
    forget_source(explorer);
  explorer->source = source;
  explorer->state = state;
  explorer->batching = recipe->batching;
  explorer->wanted = true;
  if (recipe->compare.source)
    status = compare_view_open(explorer, &recipe->compare, error);
  if (status == STATUS_OK)
    status = choose_tokens(explorer, LAYER_ACTIVATION, &recipe->activation, error);
  if (status == STATUS_OK)
    status = choose_tokens(explorer, LAYER_HELD_OUT, &recipe->evaluate, error);
  explorer_refresh(explorer);
  return status;
}

enum status opening_start(struct explorer *explorer, const struct recipe *recipe,
                          struct error *error)
{
  enum status status = explorer_enter(explorer, recipe, error);
  if (status != STATUS_OK)
    return status;
  if (!recipe->source)
    explorer_say(explorer,
                 "These are synthetic tensors: t lists them, n takes the next. S takes up "
                 "what is often said, o opens a file of yours, ? tells all keys.");
  else if (!recipe->tensor && !recipe->compare.source)
    say_opened(explorer, recipe->view.kind == VIEW_TENSORS);
  return STATUS_OK;
}
