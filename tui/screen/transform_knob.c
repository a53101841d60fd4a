#include "tui/screen/transform_knob.h"

#include "data/transformed.h"

#include <math.h>

bool transform_fits(const struct explorer *explorer, const struct state *state, struct error *error)
{
  struct transformed *made;
  if (state->transform.kind == TRANSFORM_NONE)
    return true;
  if (transformed_new(source_tensor(explorer->source, state->tensor), &state->transform,
                      state->knobs.axis, &made, error) != STATUS_OK)
    return false;
  transformed_free(made);
  return true;
}

enum status transform_put_on(struct explorer *explorer, const struct transform *transform,
                             struct error *error)
{
  struct state next = explorer->state;
  char word[TRANSFORM_TEXT];
  next.transform = *transform;
  if (next.view.channel >= 0)
    return error_set(error, STATUS_USAGE,
                     "a channel alone is not transformed: Backspace goes back to the whole tensor");
  if (!transform_fits(explorer, &next, error))
    return error->status;
  explorer_go(explorer, &next);
  explorer_say(explorer, "%s along axis %d", transform_print(transform, word), next.knobs.axis);
  return STATUS_OK;
}

/* The largest power of two that rotates the axis: what is meant without a number. */
static double largest_rotation(const struct explorer *explorer)
{
  const struct shape *shape = &explorer_whole(explorer)->shape;
  size_t length = shape->dims ? shape->dim[explorer->state.knobs.axis] : 1, largest = 1;
  while (length % (2 * largest) == 0 && 2 * largest <= TRANSFORM_BLOCK_MOST)
    largest *= 2;
  return (double)largest;
}

static double turned(const struct explorer *explorer, const struct transform *transform,
                     int direction)
{
  double at = transform->parameter;
  switch (transform->kind) {
  case TRANSFORM_SMOOTH:
    return round(20 * at + direction) / 20;
  case TRANSFORM_HADAMARD:
    at = at > 0 ? at : largest_rotation(explorer);
    return direction > 0 ? 2 * at : at / 2;
  default:
    return at + direction;
  }
}

void transform_turn(struct explorer *explorer, int direction)
{
  struct transform next = explorer->state.transform;
  struct error error;
  if (next.kind == TRANSFORM_NONE)
    return explorer_warn(explorer, "there is no transform: w says what one would give");
  const struct transform_type *type = transform_type_of(next.kind);
  next.parameter = turned(explorer, &next, direction);
  if (next.parameter < type->least || next.parameter > type->most)
    return explorer_warn(explorer, "%s goes from %g to %g", type->name, type->least, type->most);
  if (transform_put_on(explorer, &next, &error) != STATUS_OK)
    explorer_warn(explorer, "%s", error.text);
}

bool transform_off(struct explorer *explorer)
{
  struct state next = explorer->state;
  char word[TRANSFORM_TEXT];
  if (next.transform.kind == TRANSFORM_NONE)
    return false;
  transform_print(&next.transform, word);
  next.transform.kind = TRANSFORM_NONE;
  explorer_go(explorer, &next);
  explorer_say(explorer, "%s is off", word);
  return true;
}
