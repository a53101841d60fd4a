#include "tui/screen/part.h"

#include "data/slice.h"
#include "data/transformed.h"

const struct tensor *explorer_whole(const struct explorer *explorer)
{
  return source_tensor(explorer->source, explorer->state.tensor);
}

/* True when the numbers of STATE are of something made of the tensor. */
bool part_is_needed(const struct state *state)
{
  return state->view.channel >= 0 || state->transform.kind != TRANSFORM_NONE;
}

/* True when what was made for A is what B looks at. */
static bool same_part(const struct state *a, const struct state *b)
{
  const struct transform one = state_transform(a), other = state_transform(b);
  return a->tensor == b->tensor && a->knobs.axis == b->knobs.axis &&
         a->view.channel == b->view.channel && transform_equal(&one, &other);
}

/* True when explorer->part is what STATE looks at. */
static bool has_part(const struct explorer *explorer, const struct state *state)
{
  return explorer->part && same_part(&explorer->part_of, state);
}

struct source *explorer_part(const struct explorer *explorer, size_t *index)
{
  bool part = part_is_needed(&explorer->state) && has_part(explorer, &explorer->state);
  *index = part ? 0 : explorer->state.tensor;
  return part ? explorer->part : explorer->source;
}

const struct tensor *explorer_tensor(const struct explorer *explorer)
{
  size_t index;
  const struct source *source = explorer_part(explorer, &index);
  return source_tensor(source, index);
}

/* The channel alone is copied, a transform is laid over the tensor and found when it is loaded. */
static enum status make_part(struct explorer *explorer, const struct state *state,
                             struct source **out, struct error *error)
{
  if (state->view.channel < 0)
    return source_transform(explorer->source, state->tensor, &state->transform, state->knobs.axis,
                            out, error);
  enum status status = source_load(explorer->source, state->tensor, NULL, error);
  if (status == STATUS_OK)
    status = source_channel(explorer->source, state->tensor, state->knobs.axis,
                            (size_t)state->view.channel, out, error);
  return status;
}

/* Makes explorer->part what STATE looks at. */
bool part_open(struct explorer *explorer, const struct state *state)
{
  struct error error;
  struct source *part;
  if (!part_is_needed(state) || has_part(explorer, state))
    return true;
  engine_cancel(explorer->engine);
  explorer->work = WORK_NONE;
  if (make_part(explorer, state, &part, &error) != STATUS_OK) {
    explorer_warn(explorer, "%s", error.text);
    return false;
  }
  source_close(explorer->part);
  explorer->part = part;
  explorer->part_of = *state;
  return true;
}

enum status part_open_aside(struct explorer *explorer, const struct state *state,
                            struct error *error)
{
  struct source *aside;
  bool open = explorer->aside && same_part(&explorer->aside_of, state);
  if (!part_is_needed(state) || has_part(explorer, state) || open)
    return STATUS_OK;
  enum status status = make_part(explorer, state, &aside, error);
  if (status != STATUS_OK)
    return status;
  source_close(explorer->aside);
  explorer->aside = aside;
  explorer->aside_of = *state;
  return status;
}

void explorer_request(struct explorer *explorer, const struct state *state, size_t bins, double lo,
                      double hi, bool errors)
{
  bool part = part_is_needed(state);
  struct source *made = has_part(explorer, state) ? explorer->part : explorer->aside;
  const struct result_request request = {.axis = state->knobs.axis,
                                         .bins = bins,
                                         .lo = lo,
                                         .hi = hi,
                                         .no_errors = !errors,
                                         .calibrated = {.batching = explorer->batching}};
  engine_request(explorer->engine, part ? made : explorer->source, part ? 0 : state->tensor,
                 &state->knobs.quantizer, &request);
}
