#include "tui/screen/state.h"

#include <math.h>
#include <string.h>

static bool same_number(double a, double b)
{
  return a == b || (isnan(a) && isnan(b));
}

struct transform state_transform(const struct state *state)
{
  return state->view.channel < 0 ? state->transform : (struct transform){TRANSFORM_NONE, 0};
}

bool state_same_numbers(const struct state *a, const struct state *b)
{
  const struct transform one = state_transform(a), other = state_transform(b);
  return transform_equal(&one, &other) && a->tensor == b->tensor &&
         a->knobs.axis == b->knobs.axis &&
         quantizer_equal(&a->knobs.quantizer, &b->knobs.quantizer) &&
         a->view.channel == b->view.channel && a->view.theory == b->view.theory &&
         same_number(a->view.lo, b->view.lo) && same_number(a->view.hi, b->view.hi);
}

static bool same_sweep(const struct view *a, const struct view *b)
{
  return strcmp(a->over, b->over) == 0 && a->metric == b->metric &&
         a->front_hidden == b->front_hidden;
}

static bool same_pins(const struct pins *a, const struct pins *b)
{
  bool same = a->count == b->count;
  for (size_t i = 0; same && i < a->count; i++)
    same = quantizer_equal(&a->quantizer[i], &b->quantizer[i]) &&
           transform_equal(&a->transform[i], &b->transform[i]) && a->held[i] == b->held[i];
  return same;
}

static bool same_layer(const struct view_layer *a, const struct view_layer *b)
{
  bool same = a->methods == b->methods && a->transposed == b->transposed && a->sort == b->sort &&
              !(a->hold_out < b->hold_out) && !(a->hold_out > b->hold_out) &&
              a->quantizes_activation == b->quantizes_activation &&
              (!a->quantizes_activation || quantizer_equal(&a->activation, &b->activation));
  for (size_t i = 0; same && i < a->methods; i++)
    same = method_choice_equal(&a->method[i], &b->method[i]);
  return same;
}

bool state_equal(const struct state *a, const struct state *b)
{
  return state_same_numbers(a, b) && transform_equal(&a->transform, &b->transform) &&
         a->view.kind == b->view.kind && a->view.log_counts == b->view.log_counts &&
         a->view.quantity == b->view.quantity && a->view.worst_first == b->view.worst_first &&
         view_part_equal(&a->view.part, &b->view.part) && a->view.block == b->view.block &&
         a->view.rank == b->view.rank && a->knobs.group == b->knobs.group &&
         a->view.against == b->view.against && a->pairs == b->pairs &&
         same_pins(&a->pins, &b->pins) && same_sweep(&a->view, &b->view) &&
         same_layer(&a->view.layer, &b->view.layer);
}

struct state state_with(const struct state *from, const struct quantizer *quantizer)
{
  struct state next = *from;
  next.knobs = knobs_of(quantizer, from->knobs.axis);
  if (quantizer->granularity.kind != GRAIN_GROUP)
    next.knobs.group = from->knobs.group;
  if (next.knobs.axis != from->knobs.axis)
    next.view.channel = -1; /* a channel is a channel of its axis */
  return next;
}

void state_fit(struct state *state, const struct shape *shape)
{
  unsigned axis = 0;
  if (!shape_axis(shape, state->knobs.axis, &axis)) {
    axis = 0;
    if (state->knobs.quantizer.granularity.kind == GRAIN_CHANNEL)
      state->knobs.quantizer.granularity.axis = 0;
  }
  state->knobs.axis = (int)axis;
}
