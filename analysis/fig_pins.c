/* The compare view of what is pinned: where each quantizer loses what, the present one filled and
 * the pinned ones as outlines; below, bin by bin, who loses more.
 *
 * Everything is in percent of the whole squared error of the pin that differences are taken from,
 * so that its bins add up to 100 and those of the lane to the change of the MSE. */
#include "analysis/views.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct result *pins_against(const struct figure_pins *pins)
{
  return pins->against < pins->count ? pins->result[pins->against] : NULL;
}

char pins_letter(const struct figure_pins *pins)
{
  return (char)('A' + pins->against);
}

char pins_present(const struct figure_pins *pins)
{
  return (char)('A' + pins->count);
}

bool pins_mixed(const struct figure_pins *pins)
{
  for (size_t i = 0; i < pins->count; i++)
    if (!transform_equal(&pins->transform[i], &pins->present))
      return true;
  return false;
}

char *pins_label(const struct figure_pins *pins, size_t i, const struct result *result,
                 char text[PINS_LABEL])
{
  const struct transform *transform = i < pins->count ? &pins->transform[i] : &pins->present;
  const struct tensor *other = i < pins->count ? pins->tensor[i] : NULL;
  char spec[QUANTIZER_TEXT], word[TRANSFORM_TEXT], name[PINS_NAME] = "";
  bool told = pins_mixed(pins) && transform->kind != TRANSFORM_NONE;
  if (other)
    text_escape(other->name, name, sizeof name);
  snprintf(text, PINS_LABEL, "%c: %s%s%s%s%s", (char)('A' + i),
           quantizer_print(&result->quantizer, spec), told ? " after " : "",
           told ? transform_print(transform, word) : "", other ? " of " : "", name);
  return text;
}

/* The first colours are those of what is compared, and of the error. */
enum role pins_role(size_t i)
{
  return (enum role)(ROLE_SERIES + 3 + i);
}

bool fig_label(struct panel *panel, enum role role, const char *label)
{
  for (size_t i = 0; i < panel->marks; i++) {
    struct mark *mark = panel->mark[i];
    char *copy = mark->role == role ? strdup(label) : NULL;
    if (mark->role != role)
      continue;
    if (!copy)
      return false;
    free(mark->label);
    mark->label = copy;
  }
  return true;
}

double pins_weight(const struct figure_pins *pins, size_t i, const struct result *result)
{
  const struct result *pin = pins->result[i];
  return pins->tensor[i] && pin->facts.finite
             ? (double)result->facts.finite / (double)pin->facts.finite
             : 1;
}

void fig_widen(struct panel *panel, const struct histogram *h, const struct view *view)
{
  if (view->lo < view->hi)
    return;
  panel->x.lo = fmin(panel->x.lo, h->lo);
  panel->x.hi = fmax(panel->x.hi, h->hi);
}

bool fig_label_present(struct panel *panel, enum role role, const struct figure_pins *pins)
{
  const char letter[] = {pins_present(pins), '\0'};
  return fig_label(panel, role, letter);
}

void fig_reach(struct panel *panel, double height)
{
  double room = panel->y.log ? 2 : 1.05;
  if (isfinite(height) && height * room > panel->y.hi)
    panel->y.hi = height * room;
}

/* --- the errors ------------------------------------------------------------------------------- */

struct shares {
  const struct histogram *edges;
  double whole; /* the squared error that is 100 % */
  double *edge; /* bins + 1, */
  double *value;
};

static bool shares_make(const struct result *result, const struct result *against,
                        struct shares *shares)
{
  const struct histogram *h = &result->original;
  double finite = (double)result->facts.finite;
  double mse = against->metrics.mse > 0 ? against->metrics.mse : result->metrics.mse;
  *shares = (struct shares){h, mse * finite, mem_array(h->bins + 1, sizeof(double)),
                            mem_array(h->bins, sizeof(double))};
  for (size_t i = 0; shares->edge && i <= h->bins; i++)
    shares->edge[i] = histogram_edge(h, i);
  return shares->edge && shares->value;
}

static void shares_free(struct shares *shares)
{
  free(shares->edge);
  free(shares->value);
}

/* Fills the values with what each bin of RESULT adds, less what it adds in LESS (NULL: nothing);
 * returns the largest magnitude. */
static double shares_fill(struct shares *shares, const struct result *result,
                          const struct result *less)
{
  double most = 0;
  for (size_t i = 0; i < shares->edges->bins; i++) {
    double error2 = result->error2[i] - (less ? less->error2[i] : 0);
    shares->value[i] = 100 * error2 / shares->whole;
    most = fmax(most, fabs(shares->value[i]));
  }
  return most;
}

/* Of pin I, or of the present one. */
static bool add_share(struct panel *panel, struct shares *shares, const struct figure_pins *pins,
                      size_t i, const struct result *result, enum mark_kind kind, enum role role,
                      double *peak)
{
  char label[PINS_LABEL];
  *peak = fmax(*peak, shares_fill(shares, result, NULL));
  return panel_add_mark(panel, kind, role, shares->edges->bins, shares->edge, shares->value,
                        pins_label(pins, i, result, label));
}

static bool over_same_bins(const struct result *a, const struct result *b)
{
  return a->error2 && b->error2 && a->original.bins == b->original.bins &&
         !(a->original.lo < b->original.lo) && !(a->original.lo > b->original.lo) &&
         !(a->original.hi < b->original.hi) && !(a->original.hi > b->original.hi);
}

static bool share_axis(struct panel *panel, double peak, char letter, const struct view *view)
{
  char label[64];
  snprintf(label, sizeof label, "%% of %c\u2019s MSE", letter);
  panel->y.log = view->log_counts;
  return axis_set(&panel->y, label, NULL, view->log_counts ? peak * 1e-5 : 0,
                  view->log_counts ? peak * 2 : peak * 1.05);
}

static bool add_errors(struct figure *figure, const struct result *result,
                       const struct figure_pins *pins, struct shares *shares,
                       const struct view *view)
{
  double lo, hi, peak = 0;
  const struct histogram *h = &result->original;
  struct panel *panel = figure_add_panel(figure, NULL);
  bool done =
      panel && fig_window(view, h->lo, h->hi, &lo, &hi) &&
      axis_set(&panel->x, "value", NULL, lo, hi) &&
      add_share(panel, shares, pins, pins->count, result, MARK_BARS, ROLE_RECONSTRUCTION, &peak);
  for (size_t i = 0; done && i < pins->count; i++)
    if (pins->result[i] && !pins->tensor[i] && over_same_bins(pins->result[i], result))
      done = add_share(panel, shares, pins, i, pins->result[i], MARK_STEPS,
                       i == pins->against ? ROLE_SERIES : pins_role(i), &peak);
  return done && share_axis(panel, peak, pins_letter(pins), view);
}

/* --- the lane --------------------------------------------------------------------------------- */

/* The bins of one sign: 1, or -1. */
static bool add_side(struct panel *panel, const struct shares *shares, int sign, enum role role,
                     const char *label)
{
  size_t bins = shares->edges->bins;
  double *side = mem_array(bins, sizeof *side);
  for (size_t i = 0; side && i < bins; i++)
    side[i] = shares->value[i] * sign > 0 ? shares->value[i] : 0;
  bool done = side && panel_add_mark(panel, MARK_BARS, role, bins, shares->edge, side, label);
  free(side);
  return done;
}

static bool add_lane(struct figure *figure, const struct result *result,
                     const struct figure_pins *pins, struct shares *shares)
{
  const struct panel *above = figure->panel[figure->panels - 1];
  double most = shares_fill(shares, result, pins_against(pins)), zero = 0;
  char more[48], less[48], label[32];
  snprintf(more, sizeof more, "+ %c loses more", pins_present(pins));
  snprintf(less, sizeof less, "\u2212 %c loses more", pins_letter(pins));
  snprintf(label, sizeof label, "%c \u2212 %c (%%)", pins_present(pins), pins_letter(pins));
  struct panel *panel = figure_add_panel(figure, NULL);
  if (!panel)
    return false;
  panel->lane = true;
  most = most > 0 ? most * 1.05 : 1;
  return axis_set(&panel->x, above->x.label, NULL, above->x.lo, above->x.hi) &&
         axis_set(&panel->y, label, NULL, -most, most) &&
         add_side(panel, shares, 1, ROLE_RECONSTRUCTION, more) &&
         add_side(panel, shares, -1, ROLE_ORIGINAL, less) &&
         panel_add_mark(panel, MARK_HLINE, ROLE_REFERENCE, 1, &zero, NULL, NULL);
}

/* Values of two tensors do not belong together: their distributions, on the same axes. */
static bool beside_another(struct figure *figure, const struct result *result,
                           const struct figure_pins *pins, const struct view *view)
{
  return fig_histogram(figure, result, view) && fig_histogram_pins(figure, result, pins, view) &&
         fig_note(figure,
                  "%c is of another tensor: there is no difference of the two, value by value.",
                  pins_letter(pins));
}

bool fig_pins(struct figure *figure, const struct result *result, const struct figure_pins *pins,
              const struct view *view)
{
  const struct result *against = pins_against(pins);
  struct shares shares;
  if (!against)
    return fig_nothing(figure, "What is pinned is not measured yet.");
  if (pins->tensor[pins->against])
    return beside_another(figure, result, pins, view);
  if (result->original.bins == 0 || !over_same_bins(result, against))
    return fig_nothing(figure, result->original.bins && !(result->error2 && against->error2)
                                   ? FIG_NO_ERRORS
                                   : FIG_NO_HISTOGRAM);
  if (!(result->metrics.mse > 0) && !(against->metrics.mse > 0))
    return fig_nothing(figure, "Neither of the two has an error.");
  bool done = shares_make(result, against, &shares) &&
              add_errors(figure, result, pins, &shares, view) &&
              add_lane(figure, result, pins, &shares);
  shares_free(&shares);
  return done;
}
