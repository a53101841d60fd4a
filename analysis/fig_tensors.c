/* The figure of the tensors of a source: what a quantizer costs each of them, and how far its
 * largest channel stands out; those that stand out have numbers, and their names are below. */
#include "analysis/catalog.h"
#include "analysis/fig_bars.h"
#include "analysis/views.h"
#include "quant/base/name_order.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 5, NAME_TEXT = 256 };

struct listed_tensor {
  const char *name;
  size_t index;
};

struct listed {
  const struct source *source;
  const struct stats *stats;
  const struct quantizer *quantizer;
  size_t count;
  struct listed_tensor *tensor;       /* as they are drawn: in natural order */
  double *edge, *value, *scratch;     /* count + 1, count, count */
  size_t numbered, number[2 * NAMED]; /* places of those that have a number: 1, 2 ... */
};

/* --- what is drawn ---------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
  const struct listed_tensor *x = a, *y = b;
  int order = name_order(x->name, y->name);
  return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* The tensors that FILTER lets through. */
static bool list_tensors(struct listed *listed, const char *filter)
{
  struct catalog *catalog = catalog_new(listed->source, listed->stats);
  if (!catalog)
    return false;
  catalog_set_tree(catalog, false);
  bool done = catalog_filter(catalog, filter, NULL) == STATUS_OK;
  listed->count = done ? catalog_rows(catalog) : 0;
  listed->tensor = mem_array(listed->count, sizeof *listed->tensor);
  for (size_t i = 0; listed->tensor && i < listed->count; i++) {
    const size_t index = catalog_row(catalog, i).tensor;
    listed->tensor[i] = (struct listed_tensor){source_tensor(listed->source, index)->name, index};
  }
  if (listed->tensor)
    qsort(listed->tensor, listed->count, sizeof *listed->tensor, by_name);
  catalog_free(catalog);
  return done && listed->tensor;
}

static bool make_room(struct listed *listed)
{
  const size_t n = listed->count;
  listed->edge = mem_array(n + 1, sizeof *listed->edge);
  listed->value = mem_array(n, sizeof *listed->value);
  listed->scratch = mem_array(n, sizeof *listed->scratch);
  for (size_t i = 0; listed->edge && i <= n; i++)
    listed->edge[i] = (double)i - 0.5;
  return listed->edge && listed->value && listed->scratch;
}

/* STAT of the one at PLACE; NaN where it has none. */
static double stat_of(const struct listed *listed, size_t place, enum stat stat)
{
  const struct stats *stats = &listed->stats[listed->tensor[place].index];
  return stats->state == STATS_KNOWN ? stats->value[stat] : (double)NAN;
}

static char *name_of(const struct listed *listed, size_t place, char name[NAME_TEXT])
{
  return text_escape(listed->tensor[place].name, name, NAME_TEXT);
}

/* --- panels ----------------------------------------------------------------------------------- */

/* Ticks have the names: a renderer leaves out those that it has no room for. */
static bool tensor_axis(struct panel *panel, const struct listed *listed)
{
  char(*text)[NAME_TEXT] = mem_array(listed->count, sizeof *text);
  const char **name = mem_array(listed->count, sizeof *name);
  for (size_t i = 0; text && name && i < listed->count; i++)
    name[i] = name_of(listed, i, text[i]);
  bool done = text && name && axis_set_names(&panel->x, "tensor", listed->count, name);
  free(text);
  free(name);
  return done;
}

/* The number of the tensor at PLACE, a new one when it has none. */
static size_t number_of(struct listed *listed, size_t place)
{
  size_t i = 0;
  while (i < listed->numbered && listed->number[i] != place)
    i++;
  if (i == listed->numbered)
    listed->number[listed->numbered++] = place;
  return i + 1;
}

/* The place of the worst value that is neither beyond BOUND nor taken; count: there is none. SIGN:
 * 1 where the largest are bad, -1 where the smallest are. */
static size_t next_worst(const struct listed *listed, double sign, double bound,
                         const size_t *taken, size_t count)
{
  size_t worst = listed->count;
  for (size_t i = 0; i < listed->count; i++) {
    bool known = isfinite(listed->value[i]) && sign * listed->value[i] >= sign * bound;
    for (size_t k = 0; known && k < count; k++)
      known = taken[k] != i;
    if (known && (worst == listed->count || sign * listed->value[i] > sign * listed->value[worst]))
      worst = i;
  }
  return worst;
}

static bool number_worst(struct panel *panel, struct listed *listed, double sign, double bound)
{
  size_t taken[NAMED];
  for (size_t k = 0; k < NAMED; k++) {
    taken[k] = next_worst(listed, sign, bound, taken, k);
    if (taken[k] == listed->count)
      return true;
    char label[16];
    snprintf(label, sizeof label, "%zu", number_of(listed, taken[k]));
    if (!fig_name_bar(panel, (double)taken[k], listed->value[taken[k]], label))
      return false;
  }
  return true;
}

static struct spread take_stat(struct listed *listed, enum stat stat)
{
  for (size_t i = 0; i < listed->count; i++)
    listed->value[i] = stat_of(listed, i, stat);
  memcpy(listed->scratch, listed->value, listed->count * sizeof *listed->scratch);
  return spread_of(listed->scratch, listed->count);
}

static bool add_bars(struct panel *panel, const struct listed *listed, enum role role)
{
  return panel_add_mark(panel, MARK_BARS, role, listed->count, listed->edge, listed->value, NULL);
}

/* Of tensors with next to no error the bars go on above the axis: the others are looked at. */
static bool add_sqnr(struct figure *figure, struct listed *listed)
{
  struct spread spread = take_stat(listed, STAT_SQNR);
  if (spread.median > 0)
    spread.most = fmin(spread.most, 3 * spread.median);
  if (spread.count == 0)
    return fig_nothing(figure, "No tensor has an error.");
  struct panel *panel = figure_add_panel(figure, "Signal-to-quantization-noise ratio");
  return panel && tensor_axis(panel, listed) && fig_sqnr_axis(panel, &spread) &&
         add_bars(panel, listed, ROLE_RECONSTRUCTION) && fig_median(panel, spread.median, " dB") &&
         number_worst(panel, listed, -1, spread.median - fig_bad_db);
}

static bool add_outliers(struct figure *figure, struct listed *listed, bool log)
{
  const struct spread spread = take_stat(listed, STAT_OUTLIER);
  if (!(spread.most > 0))
    return fig_nothing(figure, "No tensor has channels to compare.");
  struct panel *panel = figure_add_panel(figure, "Largest channel over the median channel");
  return panel && tensor_axis(panel, listed) && fig_magnitude_axis(panel, "ratio", &spread, log) &&
         add_bars(panel, listed, ROLE_ORIGINAL) && fig_median(panel, spread.median, "") &&
         number_worst(panel, listed, 1, fig_outlier_ratio);
}

/* --- words ------------------------------------------------------------------------------------ */

static bool add_names(struct figure *figure, const struct listed *listed)
{
  for (size_t i = 0; i < listed->numbered; i++) {
    const size_t place = listed->number[i];
    const double sqnr = stat_of(listed, place, STAT_SQNR);
    const double ratio = stat_of(listed, place, STAT_OUTLIER);
    char name[NAME_TEXT], word[NAME_TEXT + 96], decibels[32] = "", times[32] = "";
    if (isfinite(sqnr))
      snprintf(decibels, sizeof decibels, " %.1f dB", sqnr);
    if (isfinite(ratio))
      snprintf(times, sizeof times, " %.3g\u00d7", ratio);
    snprintf(word, sizeof word, "%zu  %s %s%s", i + 1, name_of(listed, place, name), decibels,
             times);
    if (!figure_add_word(figure, word))
      return false;
  }
  return true;
}

static bool add_caption(struct figure *figure, const struct listed *listed, const char *filter)
{
  char spec[QUANTIZER_TEXT], from[256], only[VIEW_FILTER + 32] = "";
  size_t exact = 0, unknown = 0;
  double elements = 0;
  for (size_t i = 0; i < listed->count; i++) {
    const double sqnr = stat_of(listed, i, STAT_SQNR);
    exact += sqnr > 0 && isinf(sqnr);
    unknown += isnan(sqnr) != 0;
    elements += (double)source_tensor(listed->source, listed->tensor[i].index)->count;
  }
  text_escape(source_short_title(source_spec(listed->source)), from, sizeof from);
  if (*filter)
    snprintf(only, sizeof only, " that pass \u201c%s\u201d", filter);
  return fig_text(&figure->caption[0], "%zu tensor%s of %s%s, %.0f elements, quantized as %s.",
                  listed->count, listed->count == 1 ? "" : "s", from, only, elements,
                  quantizer_print(listed->quantizer, spec)) &&
         (exact == 0 || fig_note(figure, "Without any loss: %zu.", exact)) &&
         (unknown == 0 ||
          fig_note(figure, "Without an SQNR, as they have no values that can be quantized: %zu.",
                   unknown));
}

/* --- the figure ------------------------------------------------------------------------------- */

static bool fill(struct figure *figure, struct listed *listed, const struct view *view)
{
  if (!list_tensors(listed, view->filter) || !make_room(listed) ||
      !add_caption(figure, listed, view->filter))
    return false;
  if (listed->count == 0)
    return fig_nothing(figure, "No tensor passes.");
  return add_sqnr(figure, listed) && add_outliers(figure, listed, view->log_counts) &&
         add_names(figure, listed);
}

struct figure *figure_of_tensors(const struct source *source, const struct stats *stats,
                                 const struct quantizer *quantizer, const struct view *view,
                                 const char *recipe)
{
  struct listed listed = {.source = source, .stats = stats, .quantizer = quantizer};
  char spec[QUANTIZER_TEXT], from[256], *title = NULL;
  text_escape(source_short_title(source_spec(source)), from, sizeof from);
  fig_text(&title, "%s \u00b7 %s", from, quantizer_print(quantizer, spec));
  struct figure *figure = title ? figure_new(title) : NULL;
  free(title);
  if (figure &&
      !(fig_text(&figure->recipe, "%s", recipe ? recipe : "") && fill(figure, &listed, view))) {
    figure_free(figure);
    figure = NULL;
  }
  free(listed.tensor);
  free(listed.edge);
  free(listed.value);
  free(listed.scratch);
  return figure;
}
