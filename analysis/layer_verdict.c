/* What is said of the methods that were run on a layer: from measured numbers alone. */
#include "analysis/layer_lab.h"
#include "analysis/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* A part of the error above this share is the one to blame. */
#define PART_MOST 0.8
/* Half of the energy in fewer than this share of the channels: they are outliers. */
#define FEW_CHANNELS 0.05
/* Bits per weight that a factor for each channel may cost without being another budget. */
#define SAME_BITS 0.25

/* The rows that are compared, and where the words go. */
struct telling {
  const struct layer_problem *problem;
  const struct layer_row *rows;
  size_t count, like;
  const struct layer_row *best, *rtn; /* rtn: NULL where it was not run */
  const struct layer_row *next;       /* the best of the others; NULL: alone */
  const struct layer_row *frugal;     /* the best at the bits of rtn */
  char *text;
};

static void add(const struct telling *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One more sentence. */
static void add(const struct telling *t, const char *format, ...)
{
  size_t used = strlen(t->text);
  if (used && used + 1 < LAYER_VERDICT)
    t->text[used++] = ' ';
  va_list list;
  va_start(list, format);
  vsnprintf(t->text + used, LAYER_VERDICT - used, format, list);
  va_end(list);
}

static double sqnr_of(const struct layer_row *row)
{
  return layer_row_numbers(row)->output_sqnr_db;
}

static bool is_rtn(const struct layer_row *row)
{
  return strcmp(row->ask.method.method->name, "rtn") == 0;
}

static bool is_told(const struct telling *t, const struct layer_row *row)
{
  return row->state == LAYER_DONE && !isnan(sqnr_of(row)) &&
         layer_ask_same_quantizers(&row->ask, &t->rows[t->like].ask);
}

static void find(struct telling *t)
{
  const size_t best = layer_best(t->rows, t->count, t->like);
  t->best = best < t->count ? &t->rows[best] : NULL;
  for (size_t i = 0; i < t->count && t->best; i++) {
    const struct layer_row *row = &t->rows[i];
    if (!is_told(t, row))
      continue;
    if (is_rtn(row) && !t->rtn)
      t->rtn = row;
    if (row != t->best && (!t->next || sqnr_of(row) > sqnr_of(t->next)))
      t->next = row;
  }
}

/* The best of those that need no more bits than rtn. */
static void find_frugal(struct telling *t)
{
  for (size_t i = 0; i < t->count && t->rtn; i++) {
    const struct layer_row *row = &t->rows[i];
    if (is_told(t, row) && (!t->frugal || sqnr_of(row) > sqnr_of(t->frugal)) &&
        row->calibration.bits_per_weight <= t->rtn->calibration.bits_per_weight + SAME_BITS)
      t->frugal = row;
  }
}

/* --- the sentences ---------------------------------------------------------------------------- */

/* Who is best, by how much, at what cost. */
static void tell_best(const struct telling *t)
{
  const struct layer_row *best = t->best, *other = t->rtn && t->rtn != best ? t->rtn : t->next;
  char name[METHOD_TEXT], than[METHOD_TEXT] = "";
  method_print(&best->ask.method, name);
  if (other)
    method_print(&other->ask.method, than);
  const double bits = best->calibration.bits_per_weight,
               lead = other ? sqnr_of(best) - sqnr_of(other) : 0;
  const char *on = best->held_out.tokens ? " on held-out tokens" : "";
  if (isinf(sqnr_of(best)))
    add(t, "%s leaves the output exact%s, at %.2f bits per weight.", name, on, bits);
  else if (!other)
    add(t, "%s reaches %.1f dB at the output%s, at %.2f bits per weight.", name, sqnr_of(best), on,
        bits);
  else if (lead < VERDICT_TIE)
    add(t, "%s and %s are level: %.1f dB at the output%s, at %.2f and %.2f bits per weight.", name,
        than, sqnr_of(best), on, bits, other->calibration.bits_per_weight);
  else
    add(t,
        "%s is best: %.1f dB at the output%s, %.1f dB over %s, at %.2f bits per weight (%s %.2f).",
        name, sqnr_of(best), on, lead, than, bits, than, other->calibration.bits_per_weight);
}

/* Who is best where the best needs another budget. */
static void tell_frugal(const struct telling *t)
{
  char name[METHOD_TEXT];
  if (!t->frugal || t->frugal == t->best)
    return;
  if (sqnr_of(t->frugal) - sqnr_of(t->rtn) < VERDICT_TIE)
    add(t, "At the bits of rtn nothing is better than rtn.");
  else
    add(t, "At the bits of rtn %s is best: %.1f dB.", method_print(&t->frugal->ask.method, name),
        sqnr_of(t->frugal));
}

/* Decibels by which a part of the error is smaller in A than in B; 0 where it is in neither. */
static double part_gain(double a, double b)
{
  return a > 0 && b > 0 ? 10 * log10(b / a) : 0;
}

/* Which part the best method took away. */
static void tell_gain(const struct telling *t)
{
  if (!t->rtn || t->rtn == t->best || sqnr_of(t->best) - sqnr_of(t->rtn) < VERDICT_TIE)
    return;
  const struct layer_numbers *a = layer_row_numbers(t->best), *b = layer_row_numbers(t->rtn);
  const double weights = part_gain(a->weights_mse, b->weights_mse),
               activations = part_gain(a->activations_mse, b->activations_mse);
  const size_t few = t->problem->half_energy, columns = t->problem->layer.columns;
  if (t->best->ask.quantizes_activation)
    add(t, "The error from the activations is %.1f dB %s, that from the weights %.1f dB %s.",
        fabs(activations), activations < 0 ? "larger" : "smaller", fabs(weights),
        weights < 0 ? "larger" : "smaller");
  const char *const scale[] = {"they set the scale that the others have to share",
                               "it sets the scale that the others have to share"},
                    *const count[] = {"what their weights lose counts most",
                                      "what its weights lose counts most"};
  const bool shared = b->activations_mse - a->activations_mse > b->weights_mse - a->weights_mse;
  if ((double)few <= FEW_CHANNELS * (double)columns)
    add(t, "%zu of the %zu input channels carr%s half of the energy of the inputs: %s.", few,
        columns, few == 1 ? "ies" : "y", (shared ? scale : count)[few == 1]);
}

/* What the error that is left comes from. */
static void tell_parts(const struct telling *t)
{
  const struct layer_numbers *n = layer_row_numbers(t->best);
  const double both = n->weights_mse + n->activations_mse;
  if (!t->best->ask.quantizes_activation || !(both > 0))
    return;
  const double share = n->weights_mse / both;
  if (share > PART_MOST)
    add(t, "%.0f %% of what is left comes from the weights.", 100 * share);
  else if (1 - share > PART_MOST)
    add(t, "%.0f %% of what is left comes from the activations: better weights would not help.",
        100 * (1 - share));
  else
    add(t, "Of what is left %.0f %% comes from the weights, %.0f %% from the activations.",
        100 * share, 100 * (1 - share));
}

/* Whether the weights alone would have said otherwise. */
static void tell_disagreement(const struct telling *t)
{
  const struct layer_row *other = t->rtn && t->rtn != t->best ? t->rtn : t->next;
  if (!other || sqnr_of(t->best) - sqnr_of(other) < VERDICT_TIE)
    return;
  const double behind = other->calibration.weight_sqnr_db - t->best->calibration.weight_sqnr_db;
  char name[METHOD_TEXT], than[METHOD_TEXT];
  if (isfinite(behind) && behind >= VERDICT_TIE)
    add(t, "By their weights alone %s would be %.1f dB worse than %s.",
        method_print(&t->best->ask.method, name), behind, method_print(&other->ask.method, than));
}

/* How much of ROW's SQNR is lost on held-out tokens. */
static double held_out_loss(const struct layer_row *row)
{
  const double loss = row->calibration.output_sqnr_db - row->held_out.output_sqnr_db;
  return row->held_out.tokens && isfinite(loss) ? loss : 0;
}

/* Who fits the calibration tokens too closely: what rtn loses is the tokens' own. */
static void tell_overfit(const struct telling *t)
{
  const double own = t->rtn ? held_out_loss(t->rtn) : 0;
  const size_t tokens = t->problem->layer.tokens, columns = t->problem->layer.columns;
  const struct layer_row *worst = NULL;
  for (size_t i = 0; i < t->count; i++)
    if (is_told(t, &t->rows[i]) && held_out_loss(&t->rows[i]) - own > LAYER_OVERFIT_DB &&
        (!worst || held_out_loss(&t->rows[i]) > held_out_loss(worst)))
      worst = &t->rows[i];
  char name[METHOD_TEXT];
  if (worst)
    add(t,
        "%s fits its calibration tokens too closely: %.1f dB on them, %.1f dB on held-out ones "
        "(%zu tokens for %zu input channels).",
        method_print(&worst->ask.method, name), worst->calibration.output_sqnr_db,
        worst->held_out.output_sqnr_db, tokens, columns);
  else if (!t->best->held_out.tokens && !is_rtn(t->best) && tokens < 2 * columns)
    add(t, "%zu token%s few for %zu input channels: held-out ones would tell whether it lasts.",
        tokens, tokens == 1 ? " is" : "s are", columns);
}

static void tell_same_numbers(const struct telling *t)
{
  if (t->problem->same_tokens)
    add(t, "But the held-out tokens are the ones that the methods have seen.");
  if (t->problem->same_draws)
    add(t, "But the tokens are made of the weight's own random numbers: another seed would tell.");
}

/* Nothing can be ranked where the output is no signal. */
static void tell_nothing(const struct telling *t)
{
  for (size_t i = 0; i < t->count; i++)
    if (t->rows[i].state == LAYER_DONE &&
        layer_ask_same_quantizers(&t->rows[i].ask, &t->rows[t->like].ask)) {
      add(t, layer_row_numbers(&t->rows[i])->output_power == 0
                 ? "The output is 0 for all tokens: there is nothing to compare."
                 : "The output is too large for float32: there is nothing to compare.");
      return;
    }
}

char *layer_verdict(const struct layer_problem *problem, const struct layer_row *rows, size_t count,
                    size_t like, char *text)
{
  struct telling t = {problem, rows, count, like, NULL, NULL, NULL, NULL, text};
  *text = '\0';
  find(&t);
  find_frugal(&t);
  if (!t.best) {
    tell_nothing(&t);
    return text;
  }
  tell_best(&t);
  tell_frugal(&t);
  tell_gain(&t);
  tell_parts(&t);
  tell_disagreement(&t);
  tell_overfit(&t);
  tell_same_numbers(&t);
  return text;
}
