#include "config.h"

#include "analysis/filter.h"

#include "analysis/names.h"
#include "analysis/purpose.h"
#include "quant/base/nearest.h"
#include "quant/base/number.h"

#include <ctype.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind { TEXT, WORD, SHAPE, NUMBER };

static const struct subject {
  const char *word;
  enum filter_subject subject;
  enum kind kind;
  enum stat stat;
} subjects[] = {
    {"name", FILTER_NAME, TEXT, 0},
    {"dtype", FILTER_DTYPE, WORD, 0},
    {"role", FILTER_ROLE, WORD, 0},
    {"shape", FILTER_SHAPE, SHAPE, 0},
    {"size", FILTER_SIZE, NUMBER, 0},
    {"elements", FILTER_SIZE, NUMBER, 0},
    {"bytes", FILTER_BYTES, NUMBER, 0},
    {"ndim", FILTER_NDIM, NUMBER, 0},
    {"absmax", FILTER_STAT, NUMBER, STAT_ABSMAX},
    {"std", FILTER_STAT, NUMBER, STAT_STD},
    {"kurtosis", FILTER_STAT, NUMBER, STAT_KURTOSIS},
    {"outlier", FILTER_STAT, NUMBER, STAT_OUTLIER},
    {"sqnr", FILTER_STAT, NUMBER, STAT_SQNR},
    {"clip", FILTER_STAT, NUMBER, STAT_CLIP},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

/* Longer ones first. */
static const struct {
  const char *sign;
  enum filter_relation relation;
} relations[] = {{"!=", IS_NOT}, {"<=", AT_MOST}, {">=", AT_LEAST}, {":", IS},
                 {"=", EXACTLY}, {"<", BELOW},    {">", ABOVE}};

/* --- parsing -------------------------------------------------------------------------- */

struct place {
  const char *word; /* as written, for messages */
  size_t position;
};

#define SHOWN_WORD(word) text_escape((word), (char[FILTER_WORD]){0}, FILTER_WORD)

static const struct subject *find_subject(const char *word, size_t length)
{
  for (size_t i = 0; i < SUBJECTS; i++)
    if (strlen(subjects[i].word) == length && strncasecmp(subjects[i].word, word, length) == 0)
      return &subjects[i];
  return NULL;
}

static enum status unknown_subject(const struct place *place, const char *word, size_t length,
                                   struct error *error)
{
  const char *words[SUBJECTS];
  char text[FILTER_WORD];
  snprintf(text, sizeof text, "%.*s", (int)length, word);
  for (size_t i = 0; i < SUBJECTS; i++)
    words[i] = subjects[i].word;
  const char *near = nearest_word(text, words, SUBJECTS);
  return error_set(error, STATUS_USAGE, "position %zu: '%s' is no property of a tensor; %s%s%s",
                   place->position, SHOWN_WORD(text), near ? "did you mean " : "",
                   near ? near : "name:TEXT finds names with such signs", near ? "?" : "");
}

static bool read_number(const char *text, double *out)
{
  char *end;
  *out = strtod(text, &end);
  if (end == text || isnan(*out))
    return false;
  const char *rest = end;
  if (*rest == '%') {
    rest++;
    *out /= 100;
  } else {
    *out *= (double)number_unit(&rest);
  }
  return *rest == '\0';
}

static enum status unknown_word(const struct place *place, const char *what, const char *text,
                                const char *const *words, size_t count, struct error *error)
{
  const char *near = nearest_word(text, words, count);
  return error_set(error, STATUS_USAGE, "position %zu: no %s '%s'%s%s%s", place->position, what,
                   SHOWN_WORD(text), near ? "; did you mean " : "", near ? near : "",
                   near ? "?" : "");
}

/* Roles are few; stored types are those of the table and of what is packed, which is not known
 * here: a wrong one is told from one that is only not there when nothing is like it. */
static enum status check_word(const struct filter_term *term, const struct place *place,
                              struct error *error)
{
  const char *words[PURPOSE_COUNT];
  if (term->subject != FILTER_ROLE || strpbrk(term->text, "*?"))
    return STATUS_OK;
  for (size_t i = 0; i < PURPOSE_COUNT; i++) {
    words[i] = purpose_table[i].word;
    if (strncasecmp(words[i], term->text, strlen(term->text)) == 0)
      return STATUS_OK;
  }
  return unknown_word(place, "role", term->text, words, PURPOSE_COUNT, error);
}

static enum status check_dtype(const struct filter_term *term, const struct place *place,
                               struct error *error)
{
  enum { MOST = 128 };
  const char *words[MOST];
  size_t count = 0;
  if (term->subject != FILTER_DTYPE || strpbrk(term->text, "*?") || strchr(term->text, '_'))
    return STATUS_OK;
  for (size_t i = 0; i < stored_table_length && count < MOST; i++) {
    words[count++] = stored_table[i].name;
    if (strncasecmp(stored_table[i].name, term->text, strlen(term->text)) == 0)
      return STATUS_OK;
  }
  /* Names of packed types have an underscore; their beginnings are letters. */
  for (const char *at = term->text; *at; at++)
    if (isdigit((unsigned char)*at))
      return unknown_word(place, "stored type", term->text, words, count, error);
  return STATUS_OK;
}

static bool shape_is_pattern(const char *text)
{
  return strcmp(text, "scalar") == 0 || (*text && text[strspn(text, "0123456789*x")] == '\0');
}

static enum status finish_term(struct filter_term *term, enum kind kind, const char *value,
                               const struct place *place, struct error *error)
{
  snprintf(term->text, sizeof term->text, "%s", value);
  bool ordered = term->relation >= BELOW;
  if (kind == NUMBER) {
    if (!read_number(value, &term->number))
      return error_set(error, STATUS_USAGE,
                       "position %zu: '%s': expected a number such as 20 or 1.5M", place->position,
                       SHOWN_WORD(place->word));
    return STATUS_OK;
  }
  if (ordered)
    return error_set(error, STATUS_USAGE, "position %zu: '%s': text is compared by ':' or '='",
                     place->position, SHOWN_WORD(place->word));
  if (!*value)
    return error_set(error, STATUS_USAGE, "position %zu: '%s': expected a word behind it",
                     place->position, SHOWN_WORD(place->word));
  if (kind == SHAPE && !shape_is_pattern(value))
    return error_set(error, STATUS_USAGE,
                     "position %zu: '%s': expected a shape such as 768x* or scalar",
                     place->position, SHOWN_WORD(place->word));
  enum status status = check_word(term, place, error);
  return status == STATUS_OK ? check_dtype(term, place, error) : status;
}

static enum status read_term(const char *word, const struct place *place, struct filter_term *term,
                             struct error *error)
{
  *term = (struct filter_term){.subject = FILTER_WORDS};
  if (*word == '!') {
    term->negated = true;
    word++;
  }
  size_t length = strcspn(word, ":=<>!");
  if (!word[length] || length == 0 ||
      strspn(word, "abcdefghijklmnopqrstuvwxyz"
                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < length) {
    snprintf(term->text, sizeof term->text, "%s", word);
    return *word ? STATUS_OK
                 : error_set(error, STATUS_USAGE, "position %zu: expected a word behind '!'",
                             place->position);
  }
  const struct subject *subject = find_subject(word, length);
  if (!subject)
    return unknown_subject(place, word, length, error);
  term->subject = subject->subject;
  term->stat = subject->stat;
  for (size_t i = 0; i < sizeof relations / sizeof *relations; i++)
    if (strncmp(word + length, relations[i].sign, strlen(relations[i].sign)) == 0) {
      term->relation = relations[i].relation;
      return finish_term(term, subject->kind, word + length + strlen(relations[i].sign), place,
                         error);
    }
  return error_set(error, STATUS_USAGE,
                   "position %zu: '%s': expected one of : = != < <= > >=", place->position,
                   SHOWN_WORD(place->word));
}

enum status filter_parse(const char *text, struct filter *out, struct error *error)
{
  struct filter filter = {.terms = 0};
  for (const char *at = text + strspn(text, " "); *at; at += strspn(at, " ")) {
    size_t length = strcspn(at, " ");
    struct place place = {.position = (size_t)(at - text) + 1};
    char word[FILTER_WORD];
    if (filter.terms == FILTER_TERMS || length >= sizeof word)
      return error_set(error, STATUS_USAGE,
                       "position %zu: at most %d words of fewer than %d letters", place.position,
                       FILTER_TERMS, FILTER_WORD);
    snprintf(word, sizeof word, "%.*s", (int)length, at);
    place.word = word;
    struct filter_term *term = &filter.term[filter.terms++];
    enum status status = read_term(word, &place, term, error);
    if (status != STATUS_OK)
      return status;
    filter.ranks = filter.ranks || (term->subject == FILTER_WORDS && !term->negated);
    filter.asks_stats = filter.asks_stats || term->subject == FILTER_STAT;
    at += length;
  }
  *out = filter;
  return STATUS_OK;
}

/* --- testing -------------------------------------------------------------------------- */

static bool compare(const struct filter_term *term, double value)
{
  switch (term->relation) {
  case IS:
  case EXACTLY:
    return value == term->number;
  case IS_NOT:
    return value != term->number;
  case BELOW:
    return value < term->number;
  case AT_MOST:
    return value <= term->number;
  case ABOVE:
    return value > term->number;
  case AT_LEAST:
    return value >= term->number;
  }
  return false;
}

static bool has_word(const struct filter_term *term, const char *word)
{
  if (strpbrk(term->text, "*?"))
    return fnmatch(term->text, word, FNM_CASEFOLD) == 0;
  return term->relation == IS ? strncasecmp(word, term->text, strlen(term->text)) == 0
                              : strcasecmp(word, term->text) == 0;
}

static bool has_name(const struct filter_term *term, const char *name)
{
  if (strpbrk(term->text, "*?"))
    return fnmatch(term->text, name, FNM_CASEFOLD) == 0;
  return term->relation == IS ? strcasestr(name, term->text) != NULL
                              : strcmp(name, term->text) == 0;
}

/* "768x*": as many sizes, each the same or *. */
static bool has_shape(const char *pattern, const struct shape *shape)
{
  if (shape->dims == 0)
    return strcmp(pattern, "scalar") == 0;
  for (unsigned i = 0; i < shape->dims; i++) {
    if (*pattern == '*') {
      pattern++;
    } else {
      char *end;
      if (!isdigit((unsigned char)*pattern) ||
          strtoull(pattern, &end, 10) != (unsigned long long)shape->dim[i])
        return false;
      pattern = end;
    }
    if (i + 1 < shape->dims && *pattern++ != 'x')
      return false;
  }
  return *pattern == '\0';
}

static enum filter_verdict stat_verdict(const struct filter_term *term, const struct stats *stats)
{
  unsigned char state =
      stats ? atomic_load_explicit(&stats->state, memory_order_acquire) : STATS_UNKNOWN;
  if (state == STATS_UNKNOWN)
    return FILTER_PENDING;
  bool passes = state == STATS_KNOWN && !isnan(stats->value[term->stat]) &&
                compare(term, stats->value[term->stat]);
  return passes != term->negated ? FILTER_PASSES : FILTER_FAILS;
}

/* For bare words the score, 0: fails. */
static int term_score(const struct filter_term *term, const struct tensor *tensor)
{
  bool not_equal = term->relation == IS_NOT;
  switch (term->subject) {
  case FILTER_WORDS: {
    int score = name_score(term->text, tensor->name);
    return score ? score : strcasestr(tensor->stored->name, term->text) != NULL;
  }
  case FILTER_NAME:
    return has_name(term, tensor->name) != not_equal;
  case FILTER_DTYPE:
    return has_word(term, tensor->stored->name) != not_equal;
  case FILTER_ROLE:
    return has_word(term, purpose_table[purpose_of(tensor)].word) != not_equal;
  case FILTER_SHAPE:
    return has_shape(term->text, &tensor->shape) != not_equal;
  case FILTER_SIZE:
    return compare(term, (double)tensor->count);
  case FILTER_BYTES:
    return compare(term, (double)tensor->bytes);
  case FILTER_NDIM:
    return compare(term, (double)tensor->shape.dims);
  case FILTER_STAT:
    break;
  }
  return 0;
}

enum filter_verdict filter_test(const struct filter *filter, const struct tensor *tensor,
                                const struct stats *stats, int *score)
{
  enum filter_verdict verdict = FILTER_PASSES;
  int sum = 0;
  for (size_t i = 0; i < filter->terms; i++) {
    const struct filter_term *term = &filter->term[i];
    if (term->subject == FILTER_STAT) {
      enum filter_verdict one = stat_verdict(term, stats);
      if (one == FILTER_FAILS)
        return FILTER_FAILS;
      if (one == FILTER_PENDING)
        verdict = FILTER_PENDING;
      continue;
    }
    int one = term_score(term, tensor);
    if ((one > 0) == term->negated)
      return FILTER_FAILS;
    sum += term->subject == FILTER_WORDS ? one : 0;
  }
  if (score)
    *score = sum;
  return verdict;
}
