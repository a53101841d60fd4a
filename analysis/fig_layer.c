/* The layer view: methods beside each other, and what one of them does to each channel. */
#include "analysis/fig_layer.h"

#include "analysis/views.h"
#include "quant/base/number.h"
#include "quant/base/size.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const layer_detail_names[LAYER_DETAILS] = {
    "error of each output channel", "size of each input channel", "weights of each input channel",
    "what the search tried"};

static const struct layer_row *selected_row(const struct layer_shown *shown)
{
  const struct layer_row *row = shown->rows ? &shown->row[shown->selected] : NULL;
  return row && row->state == LAYER_DONE ? row : NULL;
}

bool layer_has_detail(const struct layer_shown *shown, enum layer_detail detail)
{
  const struct layer_row *row = selected_row(shown);
  return detail == LAYER_OUTPUT || detail == LAYER_INPUTS || detail == LAYER_WEIGHTS
             ? row && shown->facts
             : row && row->search.width > 0;
}

/* A panel of DETAIL, whose name begins a line here. */
static struct panel *detail_panel(struct figure *figure, enum layer_detail detail)
{
  struct panel *panel = figure_add_panel(figure, layer_detail_names[detail]);
  if (panel)
    panel->title[0] = (char)toupper((unsigned char)panel->title[0]);
  return panel;
}

/* --- names ------------------------------------------------------------------------------------ */

enum { METHODS_MOST = 128, NAME_TEXT = METHOD_TEXT + 4 };

/* The rows that are done, in their order, and what they are called. */
struct named_rows {
  size_t count;
  const struct layer_row *row[METHODS_MOST];
  char text[METHODS_MOST][NAME_TEXT];
  const char *name[METHODS_MOST];
};

/* A for the first quantizer. */
static char letter_of(const struct layer_shown *shown, size_t i)
{
  const size_t group = layer_group(shown->row, i);
  size_t before = 0;
  for (size_t k = 0; k < group; k++)
    before += layer_group(shown->row, k) == k;
  return (char)('A' + before % 26);
}

static bool has_groups(const struct layer_shown *shown)
{
  return layer_group(shown->row, shown->rows - 1) > 0;
}

/* "awq", or "B awq" where there are several quantizers. */
static char *name_of(const struct layer_shown *shown, size_t i, char text[NAME_TEXT])
{
  char method[METHOD_TEXT];
  method_print(&shown->row[i].ask.method, method);
  if (has_groups(shown))
    snprintf(text, NAME_TEXT, "%c %s", letter_of(shown, i), method);
  else
    snprintf(text, NAME_TEXT, "%s", method);
  return text;
}

/* One quantizer after the other. */
static void name_rows(const struct layer_shown *shown, struct named_rows *out)
{
  for (size_t group = 0; group < shown->rows; group++)
    for (size_t k = 0; k < shown->rows && out->count < METHODS_MOST; k++) {
      const size_t i = shown->rank[k], at = out->count;
      if (shown->row[i].state != LAYER_DONE || layer_group(shown->row, i) != group)
        continue;
      out->row[at] = &shown->row[i];
      out->name[at] = name_of(shown, i, out->text[at]);
      out->count++;
    }
}

/* --- channels ------------------------------------------------------------------------------- */

/* Least and largest positive number of what is drawn. */
struct reach {
  double least, most;
};

static void reach_add(struct reach *reach, double value)
{
  if (!(value > 0) || !isfinite(value))
    return;
  reach->least = reach->least > 0 ? fmin(reach->least, value) : value;
  reach->most = fmax(reach->most, value);
}

/* One mark of N numbers: a bar each, or the line through their tops. */
static bool add_bars(struct panel *panel, enum mark_kind kind, enum role role, const double *value,
                     size_t n, const char *label, struct reach *reach)
{
  double *edge = mem_array(n + 1, sizeof *edge);
  for (size_t i = 0; edge && i <= n; i++)
    edge[i] = (double)i - (kind == MARK_BARS ? 0.5 : 0);
  for (size_t i = 0; i < n; i++)
    reach_add(reach, value[i]);
  bool done = edge && panel_add_mark(panel, kind, role, n, edge, value, label);
  free(edge);
  return done;
}

/* The channels have numbers from 0 on; magnitudes need a logarithmic axis. */
static bool set_axes(struct panel *panel, const char *across, const char *up, size_t n,
                     struct reach reach)
{
  panel->x.integral = true;
  panel->y.log = true;
  if (!(reach.least > 0))
    reach = (struct reach){0.1, 1};
  return axis_set(&panel->x, across, NULL, -0.5, (double)n - 0.5) &&
         axis_set(&panel->y, up, NULL, reach.least / 2, reach.most * 3);
}

/* Round to nearest with the same quantizers: what the others are measured against. */
static const struct layer_row *baseline(const struct layer_shown *shown,
                                        const struct layer_row *row)
{
  for (size_t i = 0; i < shown->rows; i++)
    if (&shown->row[i] != row && shown->row[i].state == LAYER_DONE &&
        strcmp(shown->row[i].ask.method.method->name, "rtn") == 0 &&
        layer_ask_same_quantizers(&shown->row[i].ask, &row->ask))
      return &shown->row[i];
  return NULL;
}

static bool add_worst(struct panel *panel, const struct layer_numbers *numbers)
{
  const struct layer_spread spread = layer_channel_spread(numbers);
  char label[64];
  if (!isfinite(spread.worst_db) || !(spread.worst_db < spread.median_db - 3))
    return true;
  snprintf(label, sizeof label, "%zu (%.1f dB)", spread.worst, spread.worst_db);
  const double x = (double)spread.worst, y = numbers->channel_mse[spread.worst];
  return panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &x, &y, label);
}

static bool add_output(struct figure *figure, const struct layer_shown *shown)
{
  const struct layer_row *row = selected_row(shown), *rtn = baseline(shown, row);
  const struct layer_numbers *numbers = layer_row_numbers(row);
  struct reach reach = {0, 0};
  char label[NAME_TEXT];
  struct panel *panel = detail_panel(figure, LAYER_OUTPUT);
  bool done = panel && add_bars(panel, MARK_BARS, ROLE_ERROR, numbers->channel_mse, numbers->rows,
                                name_of(shown, shown->selected, label), &reach);
  if (done && rtn)
    done = add_bars(panel, MARK_LINE, ROLE_REFERENCE, layer_row_numbers(rtn)->channel_mse,
                    numbers->rows, "rtn", &reach);
  return done && add_worst(panel, numbers) &&
         set_axes(panel, "output channel", "output MSE", numbers->rows, reach);
}

/* MAX of each input channel, and behind it times or over the factor. */
static bool add_scales(struct figure *figure, const struct layer_shown *shown, bool weight)
{
  const struct layer_row *row = selected_row(shown);
  const size_t n = shown->facts->problem.layer.columns;
  const float *max = weight ? shown->facts->weight_max : shown->facts->input_max;
  struct reach reach = {0, 0};
  double *before = mem_array(n, sizeof *before), *after = mem_array(n, sizeof *after);
  for (size_t j = 0; before && after && j < n; j++) {
    const double factor = row->factor ? (double)row->factor[j] : 1;
    before[j] = (double)max[j];
    after[j] = weight ? before[j] * factor : before[j] / factor;
  }
  struct panel *panel = detail_panel(figure, weight ? LAYER_WEIGHTS : LAYER_INPUTS);
  bool done =
      before && after && panel &&
      add_bars(panel, MARK_BARS, ROLE_ORIGINAL, before, n, row->factor ? "before" : "max", &reach);
  if (done && row->factor)
    done = add_bars(panel, MARK_LINE, ROLE_RECONSTRUCTION, after, n,
                    weight ? "after, times its factor" : "after, over its factor", &reach);
  done = done && set_axes(panel, "input channel", weight ? "max |w|" : "max |x|", n, reach);
  free(before);
  free(after);
  return done;
}

/* --- searches ------------------------------------------------------------------------------- */

/* Edges of N cells around the places X. */
static double *edges_of(const double *x, size_t n)
{
  double *edge = mem_array(n + 1, sizeof *edge);
  for (size_t i = 1; edge && i < n; i++)
    edge[i] = (x[i - 1] + x[i]) / 2;
  if (edge) {
    edge[0] = n > 1 ? x[0] - (edge[1] - x[0]) : x[0] - 0.5;
    edge[n] = n > 1 ? x[n - 1] + (x[n - 1] - edge[n - 1]) : x[0] + 0.5;
  }
  return edge;
}

static bool add_surface(struct figure *figure, const struct method_search *search)
{
  double *x = edges_of(search->x, search->width), *y = edges_of(search->y, search->height);
  struct reach reach = {0, 0};
  const double at[2] = {search->x[search->best % search->width],
                        search->y[search->best / search->width]};
  for (size_t i = 0; i < search->width * search->height; i++)
    reach_add(&reach, search->value[i]);
  struct panel *panel = detail_panel(figure, LAYER_SEARCH);
  if (panel)
    panel->color.log = reach.most > 100 * reach.least;
  bool done = x && y && panel &&
              axis_set(&panel->color, search->loss, NULL, reach.least, reach.most) &&
              axis_set(&panel->x, search->across, NULL, x[0], x[search->width]) &&
              axis_set(&panel->y, search->down, NULL, y[0], y[search->height]) &&
              panel_add_cells(panel, search->width, search->height, x, y, search->value) &&
              panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &at[0], &at[1], "best");
  free(x);
  free(y);
  return done;
}

static bool add_line(struct figure *figure, const struct method_search *search)
{
  const size_t n = search->width;
  const double at = search->x[search->best], least = search->value[search->best];
  struct reach reach = {0, 0};
  char label[64];
  for (size_t i = 0; i < n; i++)
    reach_add(&reach, search->value[i]);
  snprintf(label, sizeof label, "%.4g", at);
  struct panel *panel = detail_panel(figure, LAYER_SEARCH);
  double lo = fmin(search->x[0], search->x[n - 1]), hi = fmax(search->x[0], search->x[n - 1]);
  const double room = hi > lo ? 0.03 * (hi - lo) : 0.5;
  if (panel)
    panel->y.log = reach.most > 20 * reach.least;
  return panel && axis_set(&panel->x, search->across, NULL, lo - room, hi + room) &&
         axis_set(&panel->y, search->loss, NULL,
                  panel->y.log ? reach.least / 1.5 : reach.least * 0.95,
                  panel->y.log ? reach.most * 1.5 : reach.most * 1.05) &&
         panel_add_mark(panel, MARK_SERIES, ROLE_SERIES, n, search->x, search->value,
                        search->loss) &&
         panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, 1, &at, &least, label);
}

bool fig_layer_detail(struct figure *figure, const struct layer_shown *shown,
                      enum layer_detail detail)
{
  const struct layer_row *row = selected_row(shown);
  if (!layer_has_detail(shown, detail))
    return fig_nothing(figure, row ? "This method has searched nothing."
                                   : "Nothing is known of this method yet.");
  if (detail == LAYER_OUTPUT)
    return add_output(figure, shown);
  if (detail == LAYER_SEARCH)
    return row->search.height > 1 ? add_surface(figure, &row->search)
                                  : add_line(figure, &row->search);
  return add_scales(figure, shown, detail == LAYER_WEIGHTS);
}

/* --- all methods ------------------------------------------------------------------------------ */

/* Names that have no room on the axis become numbers, which the figure's words explain. */
static bool shorten_names(struct figure *figure, struct named_rows *rows)
{
  enum { LINE = 90, TURNED = 11 }; /* characters of the axis; of a name that stands upright */
  size_t longest = 0;
  for (size_t i = 0; i < rows->count; i++)
    longest = size_max(longest, strlen(rows->name[i]));
  if (longest <= TURNED || longest * rows->count <= LINE)
    return true;
  bool done = true;
  for (size_t i = 0; done && i < rows->count; i++) {
    char word[NAME_TEXT + 32];
    snprintf(word, sizeof word, "%zu: %s", i + 1, rows->text[i]);
    done = figure_add_word(figure, word);
    snprintf(rows->text[i], NAME_TEXT, "%zu", i + 1);
  }
  return done;
}

static bool add_letters(struct figure *figure, const struct layer_shown *shown)
{
  char word[2 * QUANTIZER_TEXT + 32], spec[QUANTIZER_TEXT], other[QUANTIZER_TEXT];
  bool done = true;
  for (size_t i = 0; done && has_groups(shown) && i < shown->rows; i++) {
    const struct layer_ask *ask = &shown->row[i].ask;
    if (layer_group(shown->row, i) != i)
      continue;
    snprintf(word, sizeof word, "%c: %s%s%s", letter_of(shown, i),
             quantizer_print(&ask->weight, spec), ask->quantizes_activation ? ", activation " : "",
             ask->quantizes_activation ? quantizer_print(&ask->activation, other) : "");
    done = figure_add_word(figure, word);
  }
  return done;
}

/* Bars FROM..TO beside the place of each row, with gaps between them. */
static bool add_beside(struct panel *panel, enum mark_kind kind, enum role role,
                       const double *value, size_t n, double from, double to, const char *label)
{
  double edge[2 * METHODS_MOST + 1], height[2 * METHODS_MOST];
  for (size_t i = 0; i < n; i++) {
    edge[2 * i] = (double)i + from;
    edge[2 * i + 1] = (double)i + to;
    height[2 * i] = value[i];
    height[2 * i + 1] = (double)NAN;
  }
  return panel_add_mark(panel, kind, role, n ? 2 * n - 1 : 0, edge, height, label);
}

bool fig_layer_methods(struct figure *figure, const struct layer_shown *shown)
{
  struct named_rows rows = {0};
  double x[METHODS_MOST], output[METHODS_MOST], held[METHODS_MOST], weight[METHODS_MOST];
  double lo = 0, hi = 1;
  bool held_out = false;
  name_rows(shown, &rows);
  for (size_t i = 0; i < rows.count; i++) {
    const struct layer_row *row = rows.row[i];
    x[i] = (double)i - 0.2;
    output[i] = row->calibration.output_sqnr_db;
    weight[i] = row->calibration.weight_sqnr_db;
    held[i] = row->held_out.tokens ? row->held_out.output_sqnr_db : (double)NAN;
    held_out = held_out || !isnan(held[i]);
    const double all[] = {output[i], weight[i], held[i]};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
      if (isfinite(all[k])) {
        lo = fmin(lo, 10 * floor(all[k] / 10));
        hi = fmax(hi, 10 * ceil(all[k] / 10 + 0.1));
      }
  }
  if (rows.count == 0)
    return fig_nothing(figure, "No method was run on the layer.");
  struct panel *panel = figure_add_panel(figure, NULL);
  return panel && shorten_names(figure, &rows) &&
         axis_set_names(&panel->x, "method", rows.count, rows.name) &&
         axis_set(&panel->y, "SQNR", "dB", lo, hi) &&
         add_beside(panel, MARK_BARS, ROLE_ORIGINAL, output, rows.count, -0.4, 0, "output") &&
         add_beside(panel, MARK_STEPS, ROLE_RECONSTRUCTION, weight, rows.count, 0, 0.4, "weight") &&
         (!held_out || panel_add_mark(panel, MARK_POINTS, ROLE_OUTLIER, rows.count, x, held,
                                      "held-out tokens")) &&
         add_letters(figure, shown);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* The quantizers, and what the methods do with them. */
static bool caption_verdict(struct figure *figure, const struct layer_shown *shown)
{
  const struct layer_ask *ask = &shown->row[0].ask;
  char verdict[LAYER_VERDICT], spec[QUANTIZER_TEXT], other[QUANTIZER_TEXT];
  return fig_text(&figure->caption[1], "Quantized as %s%s%s.", quantizer_print(&ask->weight, spec),
                  ask->quantizes_activation ? ", the activation as " : "",
                  ask->quantizes_activation ? quantizer_print(&ask->activation, other) : "") &&
         (!*layer_verdict(&shown->facts->problem, shown->row, shown->rows, 0, verdict) ||
          fig_text(&figure->caption[2], "%s", verdict));
}

/* The same of the first quantizers, whose letters are explained above. */
static bool caption_groups(struct figure *figure, const struct layer_shown *shown)
{
  char verdict[LAYER_VERDICT];
  size_t line = 1;
  bool done = true;
  for (size_t i = 0; done && i < shown->rows && line < FIGURE_CAPTION_LINES; i++)
    if (layer_group(shown->row, i) == i &&
        *layer_verdict(&shown->facts->problem, shown->row, shown->rows, i, verdict))
      done = fig_text(&figure->caption[line++], "%c: %s", letter_of(shown, i), verdict);
  return done;
}

/* A method that was asked for and refused does not just vanish: why it did, or who they are. */
static bool say_refused(struct figure *figure, const struct layer_shown *shown)
{
  char names[256] = "";
  size_t used = 0, refused = 0, last = 0;
  for (size_t i = 0; i < shown->rows; i++) {
    char name[NAME_TEXT];
    if (shown->row[i].state != LAYER_REFUSED)
      continue;
    last = i;
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", refused++ ? ", " : "",
                             name_of(shown, i, name));
    used = size_min(used, sizeof names - 1);
  }
  return refused == 0 || (refused == 1 ? fig_note(figure, "Without %s.", shown->row[last].reason)
                                       : fig_note(figure, "Not possible here: %s.", names));
}

static bool caption(struct figure *figure, const struct layer_shown *shown)
{
  const struct layer_problem *problem = &shown->facts->problem;
  const struct layer_question *question = &problem->question;
  char held[64] = "";
  char *weight = fig_subject(question->weight.tensor, question->weight.source, ""),
       *tokens = fig_subject(question->activation.tensor, question->activation.source, "");
  if (problem->held_tokens)
    snprintf(held, sizeof held, ", %zu held out", problem->held_tokens);
  bool done =
      weight && tokens &&
      fig_text(&figure->caption[0], "Weight %s%s; activation %s, %zu tokens%s.", weight,
               question->transposed ? ", transposed" : "", tokens, problem->layer.tokens, held) &&
      (has_groups(shown) ? caption_groups(figure, shown) : caption_verdict(figure, shown));
  free(weight);
  free(tokens);
  return done && (has_groups(shown) || say_refused(figure, shown));
}

/* All methods, and the channels of the best: the recipe does not say who is selected. */
static bool add_panels(struct figure *figure, const struct layer_shown *shown)
{
  struct layer_shown chosen = *shown;
  const size_t best = layer_best(shown->row, shown->rows, 0);
  chosen.selected = best < shown->rows ? best : shown->rank[0];
  const struct layer_row *row = selected_row(&chosen);
  return fig_layer_methods(figure, shown) &&
         (!row || fig_layer_detail(figure, &chosen, LAYER_OUTPUT)) &&
         (!row || !row->factor || fig_layer_detail(figure, &chosen, LAYER_INPUTS));
}

struct figure *figure_of_layer(const struct layer_shown *shown, const char *recipe)
{
  const struct tensor *weight = shown->facts->problem.question.weight.tensor;
  char name[256], *title = NULL;
  text_escape(weight->name, name, sizeof name);
  fig_text(&title, "%s \u00b7 what methods do to the output of its layer", name);
  struct figure *figure = title ? figure_new(title) : NULL;
  free(title);
  if (figure && !(fig_text(&figure->recipe, "%s", recipe ? recipe : "") && caption(figure, shown) &&
                  add_panels(figure, shown))) {
    figure_free(figure);
    return NULL;
  }
  return figure;
}
