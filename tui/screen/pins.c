#include "tui/screen/pins.h"

#include "analysis/verdict.h"
#include "quant/base/size.h"
#include "tui/screen/part.h"
#include "tui/screen/transform_knob.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static char letter(size_t i)
{
  return (char)('A' + i);
}

/* --- pinning ---------------------------------------------------------------------------------- */

/* What has the numbers of QUANTIZER after TRANSFORM for the tensor of STATE, over whatever bins. */
static struct state state_under(const struct state *state, const struct quantizer *quantizer,
                                const struct transform *transform)
{
  struct state of = *state;
  of.knobs.quantizer = *quantizer;
  of.transform = *transform;
  of.view.lo = of.view.hi = (double)NAN;
  of.view.theory = false;
  return of;
}

static bool is_other(const struct pins *pins, size_t i, size_t tensor)
{
  return i < pins->count && pins->held[i] && pins->held[i] - 1 != tensor;
}

bool pins_is_other(const struct state *state, size_t i)
{
  return is_other(&state->pins, i, state->tensor);
}

/* The same of pin I of PINS: of another tensor, all of that. */
static struct state state_of_pin(const struct state *state, const struct pins *pins, size_t i)
{
  struct state of = state_under(state, &pins->quantizer[i], &pins->transform[i]);
  if (is_other(pins, i, state->tensor)) {
    of.tensor = pins->held[i] - 1;
    of.view.channel = -1;
    of.knobs.axis = pins->quantizer[i].granularity.kind == GRAIN_CHANNEL
                        ? pins->quantizer[i].granularity.axis
                        : 0;
  }
  return of;
}

static bool is_pinned(const struct pins *pins, const struct state *state, size_t *which)
{
  for (*which = 0; *which < pins->count; ++*which)
    if (quantizer_equal(&pins->quantizer[*which], &state->knobs.quantizer) &&
        transform_equal(&pins->transform[*which], &state->transform) &&
        !is_other(pins, *which, state->tensor))
      return true;
  return false;
}

bool pins_are_mixed(const struct state *state)
{
  for (size_t i = 0; i < state->pins.count; i++)
    if (!transform_equal(&state->pins.transform[i], &state->transform))
      return true;
  return false;
}

char *pins_name(const struct explorer *explorer, const struct state *state, size_t i, char *text,
                size_t size)
{
  bool present = i == state->pins.count;
  const struct transform *transform = present ? &state->transform : &state->pins.transform[i];
  bool told = pins_are_mixed(state) && transform->kind != TRANSFORM_NONE;
  char spec[QUANTIZER_TEXT], word[TRANSFORM_TEXT], name[112] = "";
  bool other = pins_is_other(state, i);
  if (other)
    text_escape(source_tensor(explorer->source, state->pins.held[i] - 1)->name, name, sizeof name);
  quantizer_print(present ? &state->knobs.quantizer : &state->pins.quantizer[i], spec);
  snprintf(text, size, "%s%s%s%s%s", name, other ? ": " : "", spec, told ? " after " : "",
           told ? transform_print(transform, word) : "");
  return text;
}

/* A slot that holds nothing that is pinned. */
static struct pin_slot *free_slot(struct explorer *explorer)
{
  struct pinned *pinned = &explorer->pinned;
  size_t unused;
  for (size_t tries = 0; tries < PIN_SLOTS; tries++) {
    struct pin_slot *slot = &pinned->slot[pinned->turn];
    pinned->turn = (pinned->turn + 1) % PIN_SLOTS;
    if (!slot->result || !is_pinned(&explorer->state.pins, &slot->of, &unused))
      return slot;
  }
  return &pinned->slot[pinned->turn];
}

/* The slot that has them, or PIN_SLOTS. */
static size_t slot_of(const struct explorer *explorer, const struct state *wanted)
{
  const struct pin_slot *slot = explorer->pinned.slot;
  size_t i = 0;
  while (i < PIN_SLOTS && !(slot[i].result && state_same_numbers(&slot[i].of, wanted)))
    i++;
  return i;
}

/* Takes RESULT; NULL: memory ran out, and it will be measured again. */
static void keep(struct explorer *explorer, const struct state *of, struct result *result)
{
  size_t have = slot_of(explorer, of);
  if (!result)
    return;
  struct pin_slot *slot = have < PIN_SLOTS ? &explorer->pinned.slot[have] : free_slot(explorer);
  result_free(slot->result);
  *slot = (struct pin_slot){result, *of};
}

/* The present numbers are those of the pin that it becomes. */
static void keep_present(struct explorer *explorer)
{
  const struct result *result = explorer->result;
  if (!result || explorer_stale(explorer) || result->partial || result->numbers_only ||
      result->estimated)
    return;
  const struct state *shown = &explorer->shown;
  struct state of = state_under(shown, &shown->knobs.quantizer, &shown->transform);
  keep(explorer, &of, result_copy(result));
}

void pins_pin(struct explorer *explorer)
{
  struct state next = explorer->state;
  struct pins *pins = &next.pins;
  size_t which;
  if (is_pinned(pins, &next, &which))
    return explorer_warn(explorer, "this is pinned as %c already: turn a knob, and compare",
                         letter(which));
  if (pins->count == FIGURE_PINS)
    return explorer_warn(explorer, "%d are pinned: capital A lets go of one first", FIGURE_PINS);
  pins->transform[pins->count] = next.transform;
  pins->held[pins->count] = 0;
  pins->quantizer[pins->count++] = next.knobs.quantizer;
  explorer_go(explorer, &next);
  keep_present(explorer);
  explorer_refresh(explorer);
  explorer_say(explorer, "pinned as %c: turn a knob, 5 compares, x exchanges",
               letter(pins->count - 1));
}

void pins_unpin(struct explorer *explorer)
{
  struct state next = explorer->state;
  struct pins *pins = &next.pins;
  char name[PIN_NAME];
  size_t gone = next.view.against;
  if (pins->count == 0)
    return explorer_warn(explorer, "nothing is pinned; a pins what you see");
  pins_name(explorer, &next, gone, name, sizeof name);
  memmove(&pins->quantizer[gone], &pins->quantizer[gone + 1],
          (pins->count - gone - 1) * sizeof *pins->quantizer);
  memmove(&pins->transform[gone], &pins->transform[gone + 1],
          (pins->count - gone - 1) * sizeof *pins->transform);
  memmove(&pins->held[gone], &pins->held[gone + 1], (pins->count - gone - 1) * sizeof *pins->held);
  pins->count--;
  next.view.against = size_min(gone, pins->count ? pins->count - 1 : 0);
  explorer_go(explorer, &next);
  explorer_say(explorer, "%s is not pinned any more", name);
}

void pins_swap(struct explorer *explorer)
{
  struct state next = explorer->state;
  struct error error;
  size_t with = next.view.against;
  if (next.pins.count == 0)
    return explorer_warn(explorer, "nothing is pinned to exchange with; a pins what you see");
  if (pins_is_other(&next, with))
    return explorer_warn(explorer, "%c stays with another tensor: open that to turn its knobs",
                         letter(with));
  next.transform = next.pins.transform[with];
  if (!transform_fits(explorer, &next, &error)) /* it was pinned on another tensor */
    return explorer_warn(explorer, "%s", error.text);
  keep_present(explorer);
  next = state_with(&next, &next.pins.quantizer[with]);
  next.pins.quantizer[with] = explorer->state.knobs.quantizer;
  next.pins.transform[with] = explorer->state.transform;
  explorer_go(explorer, &next);
  explorer_say(explorer, "%c and %c are exchanged", letter(with), letter(next.pins.count));
}

void pins_hold(struct explorer *explorer)
{
  struct state next = explorer->state;
  const size_t with = next.view.against;
  if (next.pins.count == 0)
    return explorer_warn(explorer, "nothing is pinned that could stay; a pins what you see");
  const bool held = next.pins.held[with];
  next.pins.held[with] = held ? 0 : next.tensor + 1;
  explorer_go(explorer, &next);
  if (held)
    explorer_say(explorer, "%c goes along to other tensors again", letter(with));
  else
    explorer_say(explorer, "%c stays with this tensor: open another one, and compare them",
                 letter(with));
}

void pins_tell_held(struct explorer *explorer)
{
  const struct state *state = &explorer->state;
  bool lines = state->view.kind == VIEW_SWEEP || state->view.kind == VIEW_LAYER;
  for (size_t i = 0; lines && i < state->pins.count; i++)
    if (pins_is_other(state, i))
      return explorer_say(explorer,
                          "here %c is its quantizer on this tensor; it stays with its own in the "
                          "views that compare (5)",
                          letter(i));
}

void pins_choose(struct explorer *explorer, int by)
{
  struct state next = explorer->state;
  long last = (long)next.pins.count - 1, at = (long)next.view.against + by;
  if (last < 0)
    return explorer_warn(explorer, "nothing is pinned; a pins what you see");
  next.view.against = (size_t)(at < 0 ? 0 : at > last ? last : at);
  explorer_go(explorer, &next);
}

enum status pins_take_recipe(struct state *state, const struct recipe *recipe,
                             const struct source *source, struct error *error)
{
  struct pins *pins = &state->pins;
  enum status status = STATUS_OK;
  pins->count = recipe->quantizers ? size_min(recipe->quantizers - 1, FIGURE_PINS) : 0;
  memcpy(pins->quantizer, recipe->quantizer, pins->count * sizeof *recipe->quantizer);
  for (size_t i = 0; i < pins->count; i++)
    pins->transform[i] = recipe_transform(recipe, i);
  memset(pins->held, 0, sizeof pins->held);
  for (size_t i = 0; i < pins->count && i < recipe->pin_tensors && status == STATUS_OK; i++) {
    size_t tensor = state->tensor;
    status = source_find(source, recipe->pin_tensor[i], &tensor, error);
    pins->held[i] = tensor != state->tensor ? tensor + 1 : 0;
  }
  if (state->view.against >= pins->count)
    state->view.against = 0;
  return status;
}

/* The tensor of each pin, when one is of another than STATE; names that are too long leave all out.
 */
static void put_tensors(const struct explorer *explorer, const struct state *state,
                        struct recipe *recipe)
{
  const struct pins *pins = &state->pins;
  struct error error;
  bool others = false, done = true;
  for (size_t i = 0; i < pins->count; i++)
    others = others || pins_is_other(state, i);
  for (size_t i = 0; others && done && i < pins->count; i++) {
    const size_t tensor = pins_is_other(state, i) ? pins->held[i] - 1 : state->tensor;
    done = recipe_add_pin_tensor(recipe, source_tensor(explorer->source, tensor)->name, &error) ==
           STATUS_OK;
  }
  if (!done)
    recipe->pin_tensors = 0;
}

void pins_put_recipe(const struct explorer *explorer, const struct state *state,
                     struct recipe *recipe, bool whole)
{
  const struct pins *pins = &state->pins;
  recipe->quantizers = pins->count;
  memcpy(recipe->quantizer, pins->quantizer, pins->count * sizeof *recipe->quantizer);
  if (!whole && !view_type_of(state->view.kind)->pinned)
    return;
  if (pins_are_mixed(state))
    recipe->pin_transforms = pins->count;
  memcpy(recipe->pin_transform, pins->transform,
         recipe->pin_transforms * sizeof *recipe->pin_transform);
  put_tensors(explorer, state, recipe);
}

/* --- numbers ---------------------------------------------------------------------------------- */

const struct result *pins_result(const struct explorer *explorer, const struct state *state,
                                 size_t i)
{
  const struct state wanted = state_of_pin(state, &explorer->state.pins, i);
  size_t slot = slot_of(explorer, &wanted);
  return slot < PIN_SLOTS ? explorer->pinned.slot[slot].result : NULL;
}

/* The tensor of pin I where it is another than TENSOR; else NULL. */
static const struct tensor *other_tensor(const struct explorer *explorer, const struct pins *pins,
                                         size_t i, size_t tensor)
{
  return is_other(pins, i, tensor) ? source_tensor(explorer->source, pins->held[i] - 1) : NULL;
}

struct figure_pins pins_of(const struct explorer *explorer, const struct state *state)
{
  struct figure_pins pins = {.count = explorer->state.pins.count,
                             .against = explorer->state.view.against};
  for (size_t i = 0; i < pins.count; i++) {
    pins.result[i] = pins_result(explorer, state, i);
    pins.transform[i] = explorer->state.pins.transform[i];
    pins.tensor[i] = other_tensor(explorer, &explorer->state.pins, i, state->tensor);
  }
  pins.present = state->transform;
  return pins;
}

char *pins_verdict(const struct explorer *explorer, char *text, size_t size)
{
  const struct state *state = &explorer->state;
  *text = '\0';
  if (state->pins.count == 0 || !explorer->result)
    return text;
  const struct result *pin = pins_result(explorer, &explorer->shown, state->view.against);
  if (!pin)
    return text;
  const char here[] = {letter(state->pins.count), '\0'},
             there[] = {letter(state->view.against), '\0'};
  struct evidence a = evidence_of(pin), b = evidence_of(explorer->result);
  b.uncertain |= explorer_stale(explorer);
  const struct verdict verdict = is_other(&state->pins, state->view.against, explorer->shown.tensor)
                                     ? verdict_of_tensors(&a, &b, there, here)
                                     : verdict_of_pair(&a, &b, there, here);
  snprintf(text, size, "%s", verdict.text);
  return text;
}

/* Over the bins of the present result, so that they can be laid over each other. */
static bool fits_present(const struct explorer *explorer, const struct result *pin)
{
  const struct histogram *have = &pin->original, *want = &explorer->result->original;
  return have->bins == want->bins && !(have->lo < want->lo) && !(have->lo > want->lo) &&
         !(have->hi < want->hi) && !(have->hi > want->hi);
}

/* The first pin whose numbers are missing, or how many there are. Only what is taken bin by bin
 * must have the bins of the present result. */
static size_t first_lacking(const struct explorer *explorer)
{
  bool same_bins = explorer->state.view.kind == VIEW_COMPARE && !explorer->state.pairs;
  size_t i = 0;
  for (; i < explorer->state.pins.count; i++) {
    const struct result *pin = pins_result(explorer, &explorer->state, i);
    if (!pin || pin->original.bins == 0 || (!pin->error2 && explorer_shows_errors(explorer)))
      break;
    if (same_bins && !pins_is_other(&explorer->state, i) && !fits_present(explorer, pin))
      break;
  }
  return i;
}

bool pins_lack(const struct explorer *explorer)
{
  return explorer->work == WORK_NONE && !explorer->wanted && !explorer->pinned.stopped &&
         explorer->state.pins.count > 0 && !explorer_stale(explorer) &&
         explorer->result->original.bins > 0 &&
         first_lacking(explorer) < explorer->state.pins.count;
}

static void refuse(struct explorer *explorer, const struct error *error)
{
  explorer->pinned.stopped = true; /* else it would be asked for again */
  explorer_warn(explorer, "what is pinned cannot be measured: %s", error->text);
}

/* Over the BINS of the present result; of ANOTHER tensor over as many of its own. */
static void request(struct explorer *explorer, const struct state *of, const struct histogram *bins,
                    bool another, bool errors)
{
  explorer_request(explorer, of, bins->bins, another ? (double)NAN : bins->lo,
                   another ? (double)NAN : bins->hi, errors);
}

void pins_ask(struct explorer *explorer)
{
  const struct histogram *bins = &explorer->result->original;
  const struct state *state = &explorer->state;
  struct state of = state_of_pin(state, &state->pins, first_lacking(explorer));
  struct error error;
  if (part_open_aside(explorer, &of, &error) != STATUS_OK)
    return refuse(explorer, &error);
  explorer->work = WORK_PINS;
  explorer->pinned.asked = of;
  request(explorer, &of, bins, of.tensor != state->tensor, explorer_shows_errors(explorer));
}

void pins_take(struct explorer *explorer, struct engine_answer *answer)
{
  if (answer->status != STATUS_OK)
    return refuse(explorer, &answer->error);
  keep(explorer, &explorer->pinned.asked, answer->result);
  explorer_refresh(explorer);
}

void pins_stop(struct explorer *explorer)
{
  engine_cancel(explorer->engine);
  explorer->work = WORK_NONE;
  explorer->pinned.stopped = true;
  explorer_say(explorer, "stopped: what is pinned is not measured; any change starts again");
}

/* --- figures ---------------------------------------------------------------------------------- */

/* The pins that the exported figure shows. */
static size_t exports_wanted(const struct explorer *explorer)
{
  const struct state *state = &explorer->exported;
  return view_type_of(state->view.kind)->pinned && !state->pairs ? state->pins.count : 0;
}

bool pins_export_more(struct explorer *explorer, struct engine_answer *answer)
{
  struct pinned *pinned = &explorer->pinned;
  size_t wanted = exports_wanted(explorer);
  if (wanted == 0)
    return false;
  if (!pinned->present)
    pinned->present = answer->result;
  else
    pinned->exported[pinned->exports++] = answer->result;
  answer->result = NULL;
  if (pinned->exports < wanted) {
    const struct histogram *bins = &pinned->present->original;
    const struct state *state = &explorer->exported;
    struct state of = state_of_pin(state, &state->pins, pinned->exports);
    struct error error;
    if (part_open_aside(explorer, &of, &error) != STATUS_OK) {
      refuse(explorer, &error);
      answer->result = pinned->present; /* without the rest of them */
      pinned->present = NULL;
      return false;
    }
    explorer->work = WORK_EXPORT;
    request(explorer, &of, bins, of.tensor != state->tensor,
            view_type_of(state->view.kind)->errors);
    return true;
  }
  answer->result = pinned->present;
  pinned->present = NULL;
  return false;
}

struct figure_pins pins_exported(const struct explorer *explorer)
{
  const struct pinned *pinned = &explorer->pinned;
  struct figure_pins pins = {.count = pinned->exports, .against = explorer->exported.view.against};
  for (size_t i = 0; i < pins.count; i++) {
    pins.result[i] = pinned->exported[i];
    pins.transform[i] = explorer->exported.pins.transform[i];
    pins.tensor[i] = other_tensor(explorer, &explorer->exported.pins, i, explorer->exported.tensor);
  }
  pins.present = explorer->exported.transform;
  return pins;
}

void pins_export_end(struct explorer *explorer)
{
  struct pinned *pinned = &explorer->pinned;
  result_free(pinned->present);
  pinned->present = NULL;
  while (pinned->exports > 0)
    result_free(pinned->exported[--pinned->exports]);
}

void pins_forget(struct explorer *explorer)
{
  pins_export_end(explorer);
  for (size_t i = 0; i < PIN_SLOTS; i++)
    result_free(explorer->pinned.slot[i].result);
  explorer->pinned = (struct pinned){.turn = 0};
}
