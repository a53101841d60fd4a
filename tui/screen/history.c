#include "tui/screen/history.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- the stacks ------------------------------------------------------------------------------- */

static void push(struct moment *stack, size_t *count, const struct moment *moment)
{
  if (*count == HISTORY_LENGTH) {
    memmove(stack, stack + 1, (HISTORY_LENGTH - 1) * sizeof *stack);
    --*count;
  }
  stack[(*count)++] = *moment;
}

void history_push(struct history *history, const struct moment *moment)
{
  push(history->past, &history->pasts, moment);
  history->futures = 0;
}

static bool exchange(struct moment *from, size_t *from_count, struct moment *to, size_t *to_count,
                     struct moment *moment)
{
  if (*from_count == 0)
    return false;
  push(to, to_count, moment);
  *moment = from[--*from_count];
  return true;
}

bool history_undo(struct history *history, struct moment *moment)
{
  return exchange(history->past, &history->pasts, history->future, &history->futures, moment);
}

bool history_redo(struct history *history, struct moment *moment)
{
  return exchange(history->future, &history->futures, history->past, &history->pasts, moment);
}

void history_clear(struct history *history)
{
  history->pasts = history->futures = 0;
}

/* --- what is the same ------------------------------------------------------------------------- */

bool looks_equal(const struct looks *a, const struct looks *b)
{
  return a->glyphs == b->glyphs && a->no_hints == b->no_hints &&
         strcmp(a->theme.name, b->theme.name) == 0;
}

static bool cursor_equal(const struct value_cursor *a, const struct value_cursor *b)
{
  return a->on == b->on && (!a->on || !(a->x < b->x || a->x > b->x));
}

bool places_equal(const struct places *a, const struct places *b)
{
  return cursor_equal(&a->cursor, &b->cursor) && cursor_equal(&a->number, &b->number) &&
         a->outlier == b->outlier && a->element == b->element && a->row == b->row &&
         a->column == b->column && a->on_point == b->on_point && a->point == b->point &&
         a->on_rule == b->on_rule && a->rule == b->rule && a->on_method == b->on_method &&
         (!a->on_method || a->method == b->method) && a->option == b->option &&
         a->detail == b->detail && a->closely == b->closely && a->on_channel == b->on_channel &&
         (!a->on_channel || a->channel == b->channel) && a->explaining == b->explaining &&
         a->asking == b->asking && a->focus == b->focus;
}

/* --- in words --------------------------------------------------------------------------------- */

struct words {
  char *text;
  size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  if (words->used > 0 && words->used < words->size)
    words->used += (size_t)snprintf(words->text + words->used, words->size - words->used, ", ");
  if (words->used < words->size)
    words->used +=
        (size_t)vsnprintf(words->text + words->used, words->size - words->used, format, arguments);
  va_end(arguments);
}

static bool same_window(const struct view *a, const struct view *b)
{
  bool lo = isnan(a->lo) ? isnan(b->lo) : a->lo == b->lo;
  return lo && (isnan(a->hi) ? isnan(b->hi) : a->hi == b->hi);
}

static void say_window(struct words *words, const struct view *view)
{
  if (isnan(view->lo))
    say(words, "the whole range");
  else
    say(words, "range %.4g:%.4g", view->lo, view->hi);
}

static void say_layer(struct words *words, const struct view_layer *a, const struct view_layer *b)
{
  char text[(int)METHOD_TEXT + QUANTIZER_TEXT];
  for (size_t i = 0; i < b->methods && a->methods > 0; i++)
    if (i >= a->methods || !method_choice_equal(&a->method[i], &b->method[i]))
      say(words, "%s", method_print(&b->method[i], text));
  if (a->methods != b->methods && (a->methods == 0 || b->methods < a->methods))
    say(words, "other methods");
  if (a->quantizes_activation != b->quantizes_activation ||
      (b->quantizes_activation && !quantizer_equal(&a->activation, &b->activation)))
    say(words, "activations %s",
        b->quantizes_activation ? quantizer_print(&b->activation, text) : "as they are");
  if (a->hold_out < b->hold_out || a->hold_out > b->hold_out)
    say(words, "%.3g %% held out", 100 * b->hold_out);
  if (a->transposed != b->transposed)
    say(words, "the weight %s", b->transposed ? "transposed" : "as it is");
  if (a->sort != b->sort)
    say(words, "sorted by %s", layer_sort_names[b->sort]);
}

static void say_view(struct words *words, const struct state *before, const struct state *after)
{
  const struct view *a = &before->view, *b = &after->view;
  if (a->kind != b->kind || before->pairs != after->pairs)
    say(words, "view %s", view_type_of(b->kind)->name);
  if (a->channel != b->channel && b->channel < 0)
    say(words, "all channels");
  else if (a->channel != b->channel)
    say(words, "channel %ld alone", b->channel);
  if (!same_window(a, b))
    say_window(words, b);
  if (a->log_counts != b->log_counts)
    say(words, "%s counts", b->log_counts ? "logarithmic" : "linear");
  if (a->theory != b->theory)
    say(words, "theory %s", b->theory ? "on" : "off");
  if (a->block != b->block && b->block >= 0)
    say(words, "block %ld", b->block);
  else if (a->block != b->block)
    say(words, "the worst block");
  if (strcmp(a->over, b->over) != 0)
    say(words, "over %s", *b->over ? b->over : "the usual");
  if (a->quantity != b->quantity)
    say(words, "%s", heat_quantities[b->quantity].label);
  if (a->worst_first != b->worst_first)
    say(words, "%s", b->worst_first ? "worst first" : "in the tensor's order");
  if (!view_part_equal(&a->part, &b->part))
    say(words, "another part");
  say_layer(words, &a->layer, &b->layer);
}

static void say_state(struct words *words, const struct state *before, const struct state *after)
{
  const struct transform a = before->transform, b = after->transform;
  char spec[QUANTIZER_TEXT];
  if (!quantizer_equal(&before->knobs.quantizer, &after->knobs.quantizer))
    say(words, "%s", quantizer_print(&after->knobs.quantizer, spec));
  if (before->knobs.axis != after->knobs.axis)
    say(words, "axis %d", after->knobs.axis);
  if (!transform_equal(&a, &b))
    say(words, "%s", b.kind == TRANSFORM_NONE ? "no transform" : transform_print(&b, spec));
  if (before->pins.count < after->pins.count)
    say(words, "pin %c", (char)('A' + before->pins.count));
  else if (before->pins.count > after->pins.count)
    say(words, "unpin");
  say_view(words, before, after);
}

static void say_looks(struct words *words, const struct looks *before, const struct looks *after)
{
  if (before->glyphs != after->glyphs)
    say(words, "glyphs %s", after->glyphs->name);
  if (strcmp(before->theme.name, after->theme.name) != 0)
    say(words, "theme %s", after->theme.name);
  if (before->no_hints != after->no_hints)
    say(words, "hints %s", after->no_hints ? "hidden" : "shown");
}

char *moment_words(const struct moment *before, const struct moment *after, moment_namer *name,
                   const void *names, char *text, size_t size)
{
  struct words words = {text, size, 0};
  *text = '\0';
  if (before->state.tensor != after->state.tensor)
    say(&words, "tensor %s", name(names, after->state.tensor));
  say_state(&words, &before->state, &after->state);
  say_looks(&words, &before->looks, &after->looks);
  if (!words.used && !places_equal(&before->places, &after->places))
    say(&words, "cursor");
  if (!words.used)
    say(&words, "another arrangement");
  return text;
}
