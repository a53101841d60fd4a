/* The sentences: of one result, and of two.
 *
 * Of two, the dominant cause of the difference is, of what explains at least half of it (in dB),
 * the one that explains most: a cause that is at work in the worse one and not, or less, in the
 * better one; more levels; a shorter range. Where nothing does, it is what they differ in:
 * granularity, kind of format. */
#include "analysis/verdict.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double HALF = 0.5;
/* Fewer bits of difference are not worth a word: the one scale more of a large tensor. */
static const double FEW_BITS = 0.005;

char *verdict_print(const struct evidence *evidence, char *text, size_t size)
{
  const struct cause *cause = cause_of(evidence);
  if (evidence->facts.finite == 0)
    snprintf(text, size, "Nothing to measure: the tensor has no finite values.");
  else if (!cause)
    snprintf(text, size, "Exact: every value is on the grid of the quantizer.");
  else
    cause->tell(evidence, text, size);
  return text;
}

char *result_verdict(const struct result *result, char *text, size_t size)
{
  struct evidence evidence = evidence_of(result);
  return verdict_print(&evidence, text, size);
}

/* --- what two differ in ----------------------------------------------------------------------- */

struct party {
  const struct evidence *evidence;
  const char *name;
};

/* The sides of a comparison, and by how much the better one is better. */
struct contest {
  struct party worse, better;
  double db;
};

/* A reason why one is better: how many dB of the difference it explains (0: none), and the clause.
 */
struct reason {
  const char *name;
  double (*explains)(const struct contest *contest);
  void (*tell)(const struct contest *contest, char *text, size_t size);
};

/* Levels that are parts of a range. */
static bool have_fixed_grids(const struct contest *contest)
{
  return evidence_grid_is_fixed(contest->worse.evidence) &&
         evidence_grid_is_fixed(contest->better.evidence);
}

/* 20 log10 of how many steps the better one has where the worse one has one. */
static double levels_explain(const struct contest *contest)
{
  const struct format *worse = contest->worse.evidence->quantizer.format;
  const struct format *better = contest->better.evidence->quantizer.format;
  double worse_levels = (double)contest->worse.evidence->metrics.levels;
  double better_levels = (double)contest->better.evidence->metrics.levels;
  if (have_fixed_grids(contest) && worse_levels > 1)
    return 20 * log10((better_levels - 1) / (worse_levels - 1));
  if (worse->mantissa_bits > 0 && better->mantissa_bits > 0)
    return 20 * log10(2) * (better->mantissa_bits - worse->mantissa_bits);
  return 0;
}

static void tell_levels(const struct contest *contest, char *text, size_t size)
{
  const struct party *worse = &contest->worse, *better = &contest->better;
  if (have_fixed_grids(contest))
    snprintf(text, size, "%s has %zu levels, %s only %zu", better->name,
             better->evidence->metrics.levels, worse->name, worse->evidence->metrics.levels);
  else
    snprintf(text, size, "%s keeps %d fraction bits, %s only %d", better->name,
             better->evidence->quantizer.format->mantissa_bits, worse->name,
             worse->evidence->quantizer.format->mantissa_bits);
}

static double range_explains(const struct contest *contest)
{
  const struct evidence *worse = contest->worse.evidence, *better = contest->better.evidence;
  double ratio = (worse->hi - worse->lo) / (better->hi - better->lo);
  return have_fixed_grids(contest) && ratio > 1 ? 20 * log10(ratio) : 0;
}

static void tell_range(const struct contest *contest, char *text, size_t size)
{
  const struct evidence *worse = contest->worse.evidence, *better = contest->better.evidence;
  snprintf(text, size, "the range of %s is %.3gx as long, which makes its steps as much coarser",
           contest->worse.name, (worse->hi - worse->lo) / (better->hi - better->lo));
  if (better->metrics.clip_rate > 0 && strlen(text) < size)
    snprintf(text + strlen(text), size - strlen(text), "; %s clips %.3g %% of the values",
             contest->better.name, 100 * better->metrics.clip_rate);
}

/* The last resorts explain just enough to be named. */
static double if_true(const struct contest *contest, bool condition)
{
  return condition ? contest->db * HALF : 0;
}

static double scales_explain(const struct contest *contest)
{
  return if_true(contest, contest->better.evidence->units > contest->worse.evidence->units);
}

static void tell_scales(const struct contest *contest, char *text, size_t size)
{
  const struct party *worse = &contest->worse, *better = &contest->better;
  double count = (double)better->evidence->facts.count;
  snprintf(text, size, "%s has a scale for every %.4g values, %s for every %.4g", better->name,
           count / (double)better->evidence->units, worse->name,
           count / (double)worse->evidence->units);
}

static double ranges_explain(const struct contest *contest)
{
  const struct evidence *worse = contest->worse.evidence, *better = contest->better.evidence;
  return if_true(contest, have_fixed_grids(contest) && better->units == worse->units &&
                              better->metrics.clip_rate > worse->metrics.clip_rate);
}

static void tell_ranges(const struct contest *contest, char *text, size_t size)
{
  snprintf(text, size, "%s has shorter ranges and so finer steps: it clips %.3g %% of the values",
           contest->better.name, 100 * contest->better.evidence->metrics.clip_rate);
}

static double kind_explains(const struct contest *contest)
{
  return if_true(contest, contest->worse.evidence->quantizer.format->family !=
                              contest->better.evidence->quantizer.format->family);
}

static void tell_kind(const struct contest *contest, char *text, size_t size)
{
  char worse[64], better[64];
  format_label(contest->worse.evidence->quantizer.format, worse, sizeof worse);
  format_label(contest->better.evidence->quantizer.format, better, sizeof better);
  snprintf(text, size, "the levels of %s suit these data (peak / RMS %.3g) better than those of %s",
           better, contest->better.evidence->facts.papr, worse);
}

static const struct reason reasons[] = {
    {"levels", levels_explain, tell_levels},   {"range", range_explains, tell_range},
    {"scales", scales_explain, tell_scales},   {"short-ranges", ranges_explain, tell_ranges},
    {"format-kind", kind_explains, tell_kind},
};
enum { REASONS = sizeof reasons / sizeof *reasons };

/* dB that CAUSE costs the worse one more than the better one. */
static double cause_explains(const struct cause *cause, const struct contest *contest)
{
  double worse = cause_gain_db(cause, contest->worse.evidence);
  double better = cause_gain_db(cause, contest->better.evidence);
  return worse > better ? worse - better : 0;
}

/* The word of the dominant cause of the difference, its clause in TEXT. A cause explains at most
 * all of it, so that the first of several which do is named. Of what is exact nothing can be said
 * but what keeps the other from it. */
static const char *explain(const struct contest *contest, char *text, size_t size)
{
  const struct cause *cause = cause_of(contest->worse.evidence);
  const struct reason *reason = NULL;
  double most = 0, needed = contest->db * HALF * (1 - 1e-9);
  if (isfinite(needed))
    cause = &cause_table[cause_table_length - 1];
  for (size_t i = 0; isfinite(needed) && i < cause_table_length; i++) {
    double explained = fmin(cause_explains(&cause_table[i], contest), contest->db);
    if (explained >= needed && explained > most) {
      cause = &cause_table[i];
      most = explained;
    }
  }
  for (size_t i = 0; isfinite(needed) && i < REASONS; i++) {
    double explained = fmin(reasons[i].explains(contest), contest->db);
    if (explained >= needed && explained > most) {
      reason = &reasons[i];
      most = explained;
    }
  }
  if (reason)
    reason->tell(contest, text, size);
  else
    cause->blame(contest->worse.evidence, contest->worse.name, text, size);
  return reason ? reason->name : cause->name;
}

/* --- the sentence
 * --------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say(struct verdict *verdict, const char *format,
                                                      ...)
{
  size_t used = strlen(verdict->text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(verdict->text + used, sizeof verdict->text - used, format, arguments);
  va_end(arguments);
}

/* "at the same 8 bit/element", "for 0.25 bit/element more", "and saves 4 bit/element". */
static void say_cost(struct verdict *verdict, double bits_more, double bits)
{
  if (isnan(bits_more))
    return;
  if (fabs(bits_more) < FEW_BITS)
    say(verdict, " at the same %.4g bit/element", bits);
  else if (bits_more > 0)
    say(verdict, " for %.3g bit/element more", bits_more);
  else
    say(verdict, " and saves %.3g bit/element", -bits_more);
}

/* The largest values decide the SQNR; where the others say the opposite, that is said, too. */
static void say_bulk(struct verdict *verdict, const char *a_name, const char *b_name, bool about)
{
  double bulk = verdict->bulk_sqnr_db;
  if (!(fabs(bulk) >= 1) || (bulk > 0) == (verdict->better > 0) || !isfinite(bulk))
    return;
  say(verdict, " For the smallest 99 %% of the values %s is better by %s%.1f dB.",
      bulk > 0 ? b_name : a_name, about ? "~" : "", fabs(bulk));
}

static void say_tie(struct verdict *verdict, const struct evidence *a, const char *a_name,
                    const char *b_name)
{
  if (verdict->same)
    say(verdict, "%s and %s are the same in every metric, to the bit.", a_name, b_name);
  else
    say(verdict, "%s and %s are equally good, within %.2f dB.", a_name, b_name, VERDICT_TIE);
  if (fabs(verdict->bits) >= FEW_BITS)
    say(verdict, " %s saves %.3g bit/element.", verdict->bits < 0 ? b_name : a_name,
        fabs(verdict->bits));
  else if (!verdict->same && !isnan(verdict->bits))
    say(verdict, " Both take %.4g bit/element.", a->metrics.bits_per_element);
}

static void say_winner(struct verdict *verdict, const struct contest *contest, bool about)
{
  const struct party *better = &contest->better, *worse = &contest->worse;
  double bits = better->evidence->metrics.bits_per_element;
  char clause[VERDICT_TEXT / 2];
  if (isfinite(contest->db))
    say(verdict, "%s is better by %s%.*f dB", better->name, about ? "~" : "",
        contest->db < 0.995 ? 2 : 1, contest->db);
  else
    say(verdict, "%s is exact, %s is not (SQNR %.1f dB)", better->name, worse->name,
        worse->evidence->metrics.sqnr_db);
  say_cost(verdict, bits - worse->evidence->metrics.bits_per_element, bits);
  verdict->cause = explain(contest, clause, sizeof clause);
  say(verdict, ": %s.", clause);
}

/* Values that are gone are in no metric: who loses more of them is worse, whatever the SQNR. */
static int better_by_overflow(const struct metrics *a, const struct metrics *b)
{
  return (a->overflow_rate > b->overflow_rate) - (a->overflow_rate < b->overflow_rate);
}

static void say_overflow(struct verdict *verdict, const struct contest *contest)
{
  char clause[VERDICT_TEXT / 2];
  const struct cause *overflow = &cause_table[0];
  overflow->blame(contest->worse.evidence, contest->worse.name, clause, sizeof clause);
  say(verdict, "%s is better: %s, and its SQNR leaves them out.", contest->better.name, clause);
  verdict->cause = overflow->name;
}

/* B less A, where both may be exact. */
static double difference(double a, double b)
{
  return a == b ? 0 : b - a;
}

static bool measures_same(const struct metrics *a, const struct metrics *b)
{
  for (size_t i = 0; i < metric_table_length; i++) {
    double x = metric_table[i].value(a), y = metric_table[i].value(b);
    bool stored = strcmp(metric_table[i].name, "bits_per_element") == 0;
    if (!stored && x != y && !(isnan(x) && isnan(y)))
      return false;
  }
  return true;
}

static bool can_compare(const struct evidence *evidence)
{
  return evidence->facts.finite > 0 && !isnan(evidence->metrics.mse);
}

static double sqnr_of(const struct evidence *evidence)
{
  const struct metrics *metrics = &evidence->metrics;
  return metrics->mse == 0 ? (double)INFINITY : metrics->sqnr_db;
}

/* The differences; false when there is nothing to judge, which VERDICT says then. */
static bool begin(const struct evidence *a, const struct evidence *b, struct verdict *verdict)
{
  bool comparable = can_compare(a) && can_compare(b);
  *verdict = (struct verdict){
      .sqnr_db = comparable ? difference(sqnr_of(a), sqnr_of(b)) : (double)NAN,
      .bulk_sqnr_db = difference(a->metrics.bulk_sqnr_db, b->metrics.bulk_sqnr_db),
      .bits = difference(a->metrics.bits_per_element, b->metrics.bits_per_element)};
  if (!comparable)
    say(verdict, "Nothing to compare: there are no finite values.");
  return comparable;
}

struct verdict verdict_of_pair(const struct evidence *a, const struct evidence *b,
                               const char *a_name, const char *b_name)
{
  struct verdict verdict;
  bool about = a->uncertain || b->uncertain;
  if (!begin(a, b, &verdict))
    return verdict;
  verdict.same = measures_same(&a->metrics, &b->metrics);
  int lost = better_by_overflow(&a->metrics, &b->metrics);
  if (!lost && !(fabs(verdict.sqnr_db) >= VERDICT_TIE)) {
    say_tie(&verdict, a, a_name, b_name);
    return verdict;
  }
  verdict.better = lost ? lost : verdict.sqnr_db > 0 ? 1 : -1;
  const struct party first = {a, a_name}, second = {b, b_name};
  const struct contest contest = {verdict.better > 0 ? first : second,
                                  verdict.better > 0 ? second : first, fabs(verdict.sqnr_db)};
  if (lost) {
    say_overflow(&verdict, &contest);
    return verdict;
  }
  say_winner(&verdict, &contest, about);
  say_bulk(&verdict, a_name, b_name, about);
  return verdict;
}

struct verdict verdict_of_tensors(const struct evidence *a, const struct evidence *b,
                                  const char *a_name, const char *b_name)
{
  struct verdict verdict;
  if (!begin(a, b, &verdict))
    return verdict;
  const char *about = a->uncertain || b->uncertain ? "~" : "";
  const double by = fabs(verdict.sqnr_db);
  if (by >= VERDICT_TIE)
    verdict.better = verdict.sqnr_db > 0 ? 1 : -1;
  if (verdict.better == 0)
    say(&verdict, "%s and %s, two tensors, keep as much of their signals", a_name, b_name);
  else if (isinf(by))
    say(&verdict, "%s is exact, %s, another tensor, is not", verdict.better > 0 ? b_name : a_name,
        verdict.better > 0 ? a_name : b_name);
  else
    say(&verdict, "%s keeps %s%.1f dB more of its signal than %s, another tensor",
        verdict.better > 0 ? b_name : a_name, about, by, verdict.better > 0 ? a_name : b_name);
  say(&verdict, ": peak / RMS %.3g in %s, %.3g in %s; %.4g and %.4g bit/element.", a->metrics.papr,
      a_name, b->metrics.papr, b_name, a->metrics.bits_per_element, b->metrics.bits_per_element);
  return verdict;
}
