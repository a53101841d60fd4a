#include "tui/screen/format_view.h"

#include "analysis/format_numbers.h"
#include "tui/screen/plot.h"
#include "tui/screen/run_line.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Those of the pins, and the present one behind them, into OUT; returns how many. */
static size_t quantizers_of(const struct explorer *explorer, const struct state *state,
                            struct quantizer out[FIGURE_PINS + 1])
{
  const size_t pins = explorer->state.pins.count;
  memcpy(out, explorer->state.pins.quantizer, pins * sizeof *out);
  out[pins] = state->knobs.quantizer;
  return pins + 1;
}

struct figure *format_view_figure(const struct explorer *explorer,
                                  const struct engine_answer *answer, const struct state *state,
                                  const char *recipe)
{
  struct quantizer quantizers[FIGURE_PINS + 1];
  (void)answer;
  return figure_of_quantizers(quantizers, quantizers_of(explorer, state, quantizers), &state->view,
                              recipe);
}

/* --- the cursor ------------------------------------------------------------------------------- */

/* The numbers of the present format; says so, and false, where it has none. */
static bool present_numbers(struct explorer *explorer, struct format_numbers *numbers)
{
  const bool made = format_numbers_of(&explorer->state.knobs.quantizer, numbers);
  if (made && numbers->count > 0)
    return true;
  free(numbers->value);
  explorer_warn(explorer, made ? "this format has no number to stand on" : "out of memory");
  return false;
}

static void stand_near(struct explorer *explorer, const struct format_numbers *numbers,
                       double share)
{
  const size_t place = format_number_near(numbers, share);
  explorer->number = (struct value_cursor){true, format_share(numbers, place)};
}

/* The axis of all panels; NULL where there is none. */
static const struct axis *axis_of(const struct explorer *explorer)
{
  const struct figure *figure = explorer->figure;
  const struct panel *last =
      figure && figure->panels > 0 ? figure->panel[figure->panels - 1] : NULL;
  return last && last->marks > 0 && last->x.log ? &last->x : NULL;
}

/* The first time it comes to the largest. */
void format_view_step(struct explorer *explorer, int direction)
{
  struct format_numbers numbers;
  if (!present_numbers(explorer, &numbers))
    return;
  const size_t at = format_number_near(&numbers, explorer->number.x), last = numbers.count - 1;
  if (!explorer->number.on)
    stand_near(explorer, &numbers, 1);
  else if (direction > 0 ? at == last : at == 0)
    explorer_warn(explorer, "this is the %s number", direction > 0 ? "largest" : "smallest");
  else
    stand_near(explorer, &numbers, format_share(&numbers, direction > 0 ? at + 1 : at - 1));
  free(numbers.value);
}

void format_view_move(struct explorer *explorer, int by)
{
  struct format_numbers numbers;
  if (!present_numbers(explorer, &numbers))
    return;
  const double from = explorer->number.on ? explorer->number.x : 1;
  const size_t at = format_number_near(&numbers, from);
  size_t to = format_number_near(&numbers, from * exp2(-by));
  if (to == at && by > 0 && at > 0) /* numbers may be further apart than that */
    to = at - 1;
  if (to == at && by < 0 && at + 1 < numbers.count)
    to = at + 1;
  if (to == at && explorer->number.on)
    explorer_warn(explorer, "this is the %s number", by < 0 ? "largest" : "smallest");
  stand_near(explorer, &numbers, format_share(&numbers, explorer->number.on ? to : at));
  free(numbers.value);
}

void format_view_end(struct explorer *explorer, int direction)
{
  struct format_numbers numbers;
  if (!present_numbers(explorer, &numbers))
    return;
  stand_near(explorer, &numbers, direction > 0 ? 1 : format_share(&numbers, 0));
  free(numbers.value);
}

enum status format_view_stand(struct explorer *explorer, const char *text, struct error *error)
{
  struct format_numbers numbers;
  char *end;
  const double share = strtod(text, &end);
  if (end == text || *end || !isfinite(share) || !(share > 0))
    return error_set(error, STATUS_USAGE,
                     "expected a share of the largest number, such as 0.5, found '%s'", text);
  if (!present_numbers(explorer, &numbers))
    return STATUS_OK;
  stand_near(explorer, &numbers, share);
  free(numbers.value);
  return STATUS_OK;
}

bool format_view_click(struct explorer *explorer, int row, int column)
{
  const struct axis *axis = axis_of(explorer);
  double share;
  return axis && plot_value(explorer->layout.place[PLACE_PLOT], axis, row, column, &share) &&
         run_cursor(explorer, "%.4g", share);
}

bool format_view_back(struct explorer *explorer)
{
  const bool was = explorer->number.on && explorer->work == WORK_NONE;
  explorer->number.on = explorer->number.on && !was;
  return was;
}

/* --- what is shown ---------------------------------------------------------------------------- */

/* The only scale of the present quantizer; NaN where it has several, or is not known yet. */
static double scale_of(const struct explorer *explorer)
{
  const struct fit *fit = explorer->result ? explorer->result->fit : NULL;
  const bool one = fit && !explorer_stale(explorer) && fit_grain(fit)->units == 1;
  return one ? fabs((double)fit_scale(fit, 0)) : (double)NAN;
}

char *format_view_readout(const struct explorer *explorer, char *text, size_t size)
{
  struct quantizer quantizers[FIGURE_PINS + 1];
  *text = '\0';
  if (!explorer->number.on)
    return text;
  const size_t count = quantizers_of(explorer, &explorer->state, quantizers);
  return format_readout(quantizers, count, explorer->number.x, scale_of(explorer), text, size);
}

void format_view_paint(struct explorer *explorer, struct rect rect)
{
  struct format_numbers numbers = {.count = 0};
  double at = (double)NAN;
  if (explorer->number.on && format_numbers_of(&explorer->state.knobs.quantizer, &numbers) &&
      numbers.count > 0)
    at = format_share(&numbers, format_number_near(&numbers, explorer->number.x));
  free(numbers.value);
  plot_figure(&explorer->cells, rect, explorer->figure, explorer->glyphs, at);
}
