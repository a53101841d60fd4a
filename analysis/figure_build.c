/* From a result to a figure: title, captions, and what the builders of the views share. */
#include "analysis/figure.h"
#include "analysis/verdict.h"
#include "analysis/views.h"
#include "data/source.h"
#include "data/transformed.h"
#include "quant/base/size.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what the builders share ----------------------------------------------------------- */

bool fig_nothing(struct figure *figure, const char *why)
{
  return figure_add_panel(figure, why) != NULL;
}

bool fig_text(char **out, const char *format, ...)
{
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  *out = length < 0 ? NULL : malloc((size_t)length + 1);
  if (*out)
    vsnprintf(*out, (size_t)length + 1, format, again);
  va_end(again);
  va_end(arguments);
  return *out != NULL;
}

bool fig_note(struct figure *figure, const char *format, ...)
{
  char note[VERDICT_TEXT], *joined;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(note, sizeof note, format, arguments);
  va_end(arguments);
  char **line = &figure->caption[FIGURE_CAPTION_LINES - 1];
  if (!fig_text(&joined, "%s%s%s", *line ? *line : "", *line ? " " : "", note))
    return false;
  free(*line);
  *line = joined;
  return true;
}

bool fig_counts(struct panel *panel, enum mark_kind kind, enum role role, const struct histogram *h,
                const char *label)
{
  double *edge = mem_array(h->bins + 1, sizeof *edge), *count = mem_array(h->bins, sizeof *count);
  bool done = edge && count;
  if (done) {
    for (size_t i = 0; i <= h->bins; i++)
      edge[i] = h->lo + (h->hi - h->lo) * ((double)i / (double)h->bins);
    for (size_t i = 0; i < h->bins; i++)
      count[i] = (double)h->count[i];
    done = panel_add_mark(panel, kind, role, h->bins, edge, count, label);
  }
  free(edge);
  free(count);
  return done;
}

bool fig_count_axis(struct panel *panel, double peak, bool log_counts)
{
  panel->y.log = log_counts;
  panel->y.integral = true;
  peak = fmax(peak, 1);
  return axis_set(&panel->y, "elements per bin", NULL, log_counts ? 0.5 : 0,
                  log_counts ? peak * 2 : peak * 1.05);
}

bool fig_window(const struct view *view, double lo, double hi, double *out_lo, double *out_hi)
{
  bool zoomed = view->lo < view->hi;
  *out_lo = zoomed ? view->lo : lo;
  *out_hi = zoomed ? view->hi : hi;
  return *out_lo < *out_hi && isfinite(*out_hi - *out_lo);
}

/* --- the words of every figure --------------------------------------------------------- */

char *fig_subject(const struct tensor *tensor, const char *source, const char *channel)
{
  char name[256], from[256], shape[128], *subject;
  text_escape(tensor->name, name, sizeof name);
  text_escape(source ? source_short_title(source) : "", from, sizeof from);
  shape_print(&tensor->shape, shape, sizeof shape);
  fig_text(&subject, "%s%s (%s, %s)%s%s", name, channel, shape, tensor->stored->name,
           *from ? " from " : "", from);
  return subject;
}

/* ", channel 3 of axis 0" where it is one alone. */
static char *channel_words(const struct view *view, char *text, size_t size)
{
  *text = '\0';
  if (view->channel >= 0)
    snprintf(text, size, ", channel %ld of axis %d", view->channel, view->axis);
  return text;
}

/* "conv4.weight (128x64x3, f32) from model.safetensors, quantized as int8,sym,tensor,minmax." */
static bool caption_subject(struct figure *figure, const struct result *result, const char *source,
                            const struct tensor *tensor, const char *channel)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  char spec[QUANTIZER_TEXT], word[TRANSFORM_TEXT], how[TRANSFORM_TEXT + 32] = "";
  char *subject = fig_subject(tensor, source, channel);
  if (transformed)
    snprintf(how, sizeof how, " after %s along axis %u",
             transform_print(&transformed->transform, word), transformed->axis);
  bool done = subject && fig_text(&figure->caption[0], "%s, quantized as %s%s.", subject,
                                  quantizer_print(&result->quantizer, spec), how);
  free(subject);
  return done;
}

static const char *metric_text(const char *name, const struct metrics *metrics, char *text,
                               size_t size)
{
  const struct metric *metric = metric_find(name);
  return metric_print(metric, metric->value(metrics), text, size);
}

/* Share of PART in WHOLE, as the split of the error is quoted. */
static double percent(double part, double whole)
{
  return whole > 0 ? 100 * part / whole : 0;
}

static bool caption_metrics(struct figure *figure, const struct result *result)
{
  const struct metrics *m = &result->metrics;
  char mse[32], sqnr[32], clip[32], bits[32], split[96] = "";
  if (result->facts.finite == 0)
    return true;
  if (m->mse > 0)
    snprintf(split, sizeof split, " (%.3g %% rounding, %.3g %% clipping)",
             percent(m->rounding_mse, m->mse), percent(m->clipping_mse, m->mse));
  return fig_text(&figure->caption[1], "MSE %s%s; SQNR %s; clipped %s of the elements; %s/element.",
                  metric_text("mse", m, mse, sizeof mse), split,
                  metric_text("sqnr_db", m, sqnr, sizeof sqnr),
                  metric_text("clip_rate", m, clip, sizeof clip),
                  metric_text("bits_per_element", m, bits, sizeof bits));
}

static bool caption_special(struct figure *figure, const struct facts *facts)
{
  if (!facts->nan && !facts->inf)
    return true;
  return fig_text(&figure->caption[2],
                  "%" PRIu64 " NaN and %" PRIu64 " infinite elements are left out.", facts->nan,
                  facts->inf);
}

static bool add_words(struct figure *figure, const struct result *result, const struct view *view,
                      const char *source, const struct tensor *tensor)
{
  char channel[64];
  return caption_subject(figure, result, source, tensor,
                         channel_words(view, channel, sizeof channel)) &&
         caption_metrics(figure, result) && caption_special(figure, &result->facts);
}

/* "A, B and C": what is compared is said below. */
static void letters_of(const struct figure_pins *pins, char *text, size_t size)
{
  size_t used = 0;
  for (size_t i = 0; i <= pins->count && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%c",
                             i == 0             ? ""
                             : i == pins->count ? " and "
                                                : ", ",
                             (char)('A' + i));
}

static char *title_of(const struct result *result, const struct figure_pins *pins,
                      const struct view *view, const struct tensor *tensor)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  char name[256], spec[QUANTIZER_TEXT], channel[64] = "", how[TRANSFORM_TEXT] = "", *title;
  text_escape(tensor->name, name, sizeof name);
  quantizer_print(&result->quantizer, spec);
  if (view->channel >= 0)
    snprintf(channel, sizeof channel, " [channel %ld]", view->channel);
  if (transformed)
    transform_print(&transformed->transform, how);
  if (pins) {
    letters_of(pins, spec, sizeof spec);
    *how = '\0';
  }
  fig_text(&title, "%s%s \u00b7 %s%s%s", name, channel, spec, *how ? " after " : "", how);
  return title;
}

/* Why there is nothing to draw, or NULL. */
static const char *emptiness(const struct result *result)
{
  if (result->facts.count == 0)
    return "The tensor is empty: there is nothing to draw.";
  if (result->facts.finite == 0)
    return "The tensor has no finite values: there is nothing to draw.";
  return NULL;
}

/* --- what is pinned --------------------------------------------------------------------- */

/* Appends to *TEXT, which is replaced. */
static bool append(char **text, const char *words)
{
  char *longer;
  if (!fig_text(&longer, "%s%s", *text ? *text : "", words))
    return false;
  free(*text);
  *text = longer;
  return true;
}

/* "A: SQNR 31.50 dB, clipped 0 %, 8 bit/element. " */
static bool append_numbers(char **line, char letter, const struct result *result)
{
  char sqnr[32], clip[32], bits[32], words[160];
  const struct metrics *m = &result->metrics;
  snprintf(words, sizeof words, "%c: SQNR %s, clipped %s, %s/element. ", letter,
           metric_text("sqnr_db", m, sqnr, sizeof sqnr),
           metric_text("clip_rate", m, clip, sizeof clip),
           metric_text("bits_per_element", m, bits, sizeof bits));
  return append(line, words);
}

static bool append_pin(struct figure *figure, const struct figure_pins *pins, size_t i,
                       const struct result *result)
{
  char label[PINS_LABEL], words[PINS_LABEL + 4];
  snprintf(words, sizeof words, "%s %s", i == 0 ? "." : ";", pins_label(pins, i, result, label));
  return append(&figure->caption[0], words) &&
         append_numbers(&figure->caption[1], (char)('A' + i), result);
}

/* The first two lines say what the letters mean, the last which is better. */
static bool add_pinned_words(struct figure *figure, const struct result *result,
                             const struct figure_pins *pins, const struct view *view,
                             const char *source, const struct tensor *tensor)
{
  char channel[64];
  const struct result *against = pins_against(pins);
  const char here[] = {pins_present(pins), '\0'}, there[] = {pins_letter(pins), '\0'};
  free(figure->caption[0]);
  free(figure->caption[1]);
  figure->caption[1] = NULL;
  figure->caption[0] = fig_subject(tensor, source, channel_words(view, channel, sizeof channel));
  bool done = figure->caption[0];
  for (size_t i = 0; done && i < pins->count; i++)
    done = !pins->result[i] || append_pin(figure, pins, i, pins->result[i]);
  done = done && append_pin(figure, pins, pins->count, result) && append(&figure->caption[0], ".");
  if (!done || !against)
    return done;
  const struct evidence a = evidence_of(against), b = evidence_of(result);
  return fig_note(figure, "%s",
                  (pins->tensor[pins->against] ? verdict_of_tensors(&a, &b, there, here)
                                               : verdict_of_pair(&a, &b, there, here))
                      .text);
}

static bool shows_pins(const struct result *result, const struct figure_pins *pins,
                       const struct view *view)
{
  return pins && pins->count > 0 && view_type_of(view->kind)->pinned && !emptiness(result);
}

/* --- the whole -------------------------------------------------------------------------- */

static bool build_panels(struct figure *figure, const struct result *result,
                         const struct figure_pins *pins, const struct view *view)
{
  const struct view_type *type = view_type_of(view->kind);
  bool pinned = pins && pins->count > 0 && type->pinned;
  bool done = true;
  if (type->build)
    done = type->build(figure, result, view);
  else if (type->of_quantizers)
    done = type->of_quantizers(figure, &result->quantizer, 1, view);
  else if (!pinned)
    done = fig_nothing(figure, "Nothing is pinned that could be compared.");
  return done && (!pinned || type->pinned(figure, result, pins, view));
}

static bool fill(struct figure *figure, const struct result *result, const struct figure_pins *pins,
                 const struct view *view, const char *source, const struct tensor *tensor,
                 const char *recipe)
{
  const char *why = emptiness(result);
  bool pinned = shows_pins(result, pins, view);
  return fig_text(&figure->recipe, "%s", recipe ? recipe : "") &&
         add_words(figure, result, view, source, tensor) &&
         (!pinned || add_pinned_words(figure, result, pins, view, source, tensor)) &&
         (why ? fig_nothing(figure, why) : build_panels(figure, result, pins, view));
}

struct figure *figure_build(const struct result *result, const struct view *view,
                            const char *source, const struct tensor *tensor, const char *recipe)
{
  return figure_build_pinned(result, NULL, view, source, tensor, recipe);
}

struct figure *figure_build_pinned(const struct result *result, const struct figure_pins *pins,
                                   const struct view *view, const char *source,
                                   const struct tensor *tensor, const char *recipe)
{
  char *title = title_of(result, shows_pins(result, pins, view) ? pins : NULL, view, tensor);
  struct figure *figure = title ? figure_new(title) : NULL;
  free(title);
  if (figure && !fill(figure, result, pins, view, source, tensor, recipe)) {
    figure_free(figure);
    return NULL;
  }
  return figure;
}

/* "e4m3, int8 and e5m2" */
static char *names_of(const struct quantizer *quantizers, size_t count)
{
  char *names = strdup(""), *longer, label[64];
  for (size_t i = 0; names && i < count; i++) {
    const char *link = i == 0 ? "" : i + 1 == count ? " and " : ", ";
    fig_text(&longer, "%s%s%s%s", names, link, quantizers[i].asymmetric ? "u" : "",
             format_label(quantizers[i].format, label, sizeof label));
    free(names);
    names = longer;
  }
  return names;
}

/* Those of WANTED that have numbers of their own, in OUT; returns how many. */
static size_t different_formats(const struct quantizer *wanted, size_t count, struct quantizer *out)
{
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    size_t k = 0;
    while (k < found &&
           !(out[k].format == wanted[i].format && out[k].asymmetric == wanted[i].asymmetric &&
             out[k].narrow == wanted[i].narrow))
      k++;
    if (k == found)
      out[found++] = wanted[i];
  }
  return found;
}

struct figure *figure_of_quantizers(const struct quantizer *wanted, size_t count,
                                    const struct view *view, const char *recipe)
{
  const struct view_type *type = view_type_of(view->kind);
  struct quantizer *quantizers = mem_array(count, sizeof *quantizers);
  if (!quantizers)
    return NULL;
  count = different_formats(wanted, count, quantizers);
  char *title = names_of(quantizers, count);
  struct figure *figure = title ? figure_new(title) : NULL;
  free(title);
  if (figure && !(fig_text(&figure->recipe, "%s", recipe ? recipe : "") &&
                  type->of_quantizers(figure, quantizers, count, view))) {
    figure_free(figure);
    figure = NULL;
  }
  free(quantizers);
  return figure;
}

/* --- two tensors ------------------------------------------------------------------------ */

static bool caption_pair(struct figure *figure, const struct diff *diff,
                         const struct figure_pair *pair)
{
  const struct metrics *m = &diff->metrics;
  char mse[32], sqnr[32], cosine[32], most[32], remark[2 * DIFF_TEXT];
  char *a = fig_subject(pair->a, pair->a_source, ""), *b = fig_subject(pair->b, pair->b_source, "");
  bool done =
      a && b && fig_text(&figure->caption[0], "A: %s; B: %s.", a, b) &&
      fig_text(&figure->caption[1],
               "B against A: MSE %s; SQNR %s; cosine %s; largest error %s; A %.4g, B %.4g "
               "bits/element.",
               metric_text("mse", m, mse, sizeof mse), metric_text("sqnr_db", m, sqnr, sizeof sqnr),
               metric_text("cosine", m, cosine, sizeof cosine),
               metric_text("max_abs_error", m, most, sizeof most), diff->a_bits, diff->b_bits) &&
      (!*diff_remark(diff, remark, sizeof remark) ||
       fig_text(&figure->caption[2], "%c%s.", toupper((unsigned char)*remark), remark + 1));
  free(a);
  free(b);
  return done;
}

struct figure *figure_of_pair(const struct diff *diff, const struct view *view,
                              const struct figure_pair *pair, const char *recipe)
{
  char name[256], *title = NULL;
  text_escape(pair->a->name, name, sizeof name);
  fig_text(&title, "%s \u00b7 %s against %s", name, pair->b->stored->name, pair->a->stored->name);
  struct figure *figure = title ? figure_new(title) : NULL;
  free(title);
  if (figure &&
      !(fig_text(&figure->recipe, "%s", recipe ? recipe : "") && caption_pair(figure, diff, pair) &&
        view_type_of(view->kind)->of_pair(figure, diff, view))) {
    figure_free(figure);
    return NULL;
  }
  return figure;
}

struct figure *figure_of_words(const char *title, const char *why)
{
  struct figure *figure = figure_new(title);
  if (figure && !fig_nothing(figure, why)) {
    figure_free(figure);
    return NULL;
  }
  return figure;
}
