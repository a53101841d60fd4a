#include "analysis/sweep.h"

#include "analysis/result.h"
#include "analysis/theory_fit.h"
#include "quant/base/nearest.h"
#include "quant/base/size.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* --- editing specs ------------------------------------------------------------------------ */

typedef bool name_test(const char *name);

/* Appends WORD to the words in TEXT (QUANTIZER_TEXT bytes); false when it does not fit. */
static bool add_word(char *text, const char *word, size_t length)
{
  size_t used = strlen(text);
  if (used + length + 2 > QUANTIZER_TEXT)
    return false;
  snprintf(text + used, QUANTIZER_TEXT - used, "%s%.*s", used ? "," : "", (int)length, word);
  return true;
}

/* True when the name of the WORD of LENGTH bytes ("group" of "group=32") passes TEST. */
static bool word_is(const char *word, size_t length, name_test *test)
{
  char name[QUANTIZER_TEXT];
  snprintf(name, sizeof name, "%.*s", (int)length, word);
  name[strcspn(name, "=")] = '\0';
  return test(name);
}

/* The words of SPEC that do not pass DROP, in OUT (QUANTIZER_TEXT bytes); the format stays. */
static void words_without(const char *spec, name_test *drop, char *out)
{
  *out = '\0';
  for (bool first = true; *spec; first = false) {
    size_t length = strcspn(spec, ",");
    if (first || !word_is(spec, length, drop))
      add_word(out, spec, length);
    spec += length + (spec[length] == ',');
  }
}

static bool has_word(const char *spec, name_test *test)
{
  for (; *spec; spec += *spec == ',') {
    size_t length = strcspn(spec, ",");
    if (word_is(spec, length, test))
      return true;
    spec += length;
  }
  return false;
}

static bool is_grain(const char *name)
{
  return strcmp(name, "tensor") == 0 || strcmp(name, "channel") == 0 ||
         strcmp(name, "token") == 0 || strcmp(name, "group") == 0;
}

static bool is_group(const char *name)
{
  return strcmp(name, "group") == 0;
}

static bool is_block(const char *name)
{
  return strcmp(name, "block") == 0;
}

static bool is_group_or_block(const char *name)
{
  return is_group(name) || is_block(name);
}

static bool is_range(const char *name)
{
  return strcmp(name, "scale") == 0 || strcmp(name, "zero") == 0 || strcmp(name, "range") == 0 ||
         calibrator_find(name);
}

static bool is_symmetric(const char *name)
{
  return strcmp(name, "sym") == 0;
}

/* BASE with the words that pass DROP replaced by WORD. */
static enum status replace_words(const struct quantizer *base, name_test *drop, const char *word,
                                 struct quantizer *out, struct error *error)
{
  char spec[QUANTIZER_TEXT], edited[QUANTIZER_TEXT];
  words_without(quantizer_print(base, spec), drop, edited);
  if (!add_word(edited, word, strlen(word)))
    return error_set(error, STATUS_USAGE, "the spec would be too long");
  return quantizer_parse(edited, out, error);
}

/* BASE with another format. A parameter that was the default of the old format becomes that of the
 * new one, as it would be if the spec had been written anew. */
static enum status replace_format(const struct quantizer *base, const char *format,
                                  struct quantizer *out, struct error *error)
{
  char spec[QUANTIZER_TEXT], kept[QUANTIZER_TEXT], edited[QUANTIZER_TEXT] = "";
  words_without(quantizer_print(base, spec), is_symmetric, kept);
  const char *rest = strchr(kept, ',');
  if (!add_word(edited, format, strlen(format)) ||
      (rest && !add_word(edited, rest + 1, strlen(rest + 1))))
    return error_set(error, STATUS_USAGE, "the spec would be too long");
  enum status status = quantizer_parse(edited, out, error);
  const struct calibrator *calibrator = base->by == BY_CALIBRATOR ? base->calibrator : NULL;
  if (status == STATUS_OK && calibrator && calibrator->parameter && out->calibrator == calibrator &&
      !(fabs(base->parameter - calibrator_default(calibrator, base->format)) > 0))
    out->parameter = calibrator_default(calibrator, out->format);
  return status;
}

static enum status edit_bits(const struct quantizer *base, const char *value, struct quantizer *out,
                             struct error *error)
{
  char format[SWEEP_VALUE_TEXT + 4];
  if (!format_is_integer(base->format))
    return error_set(error, STATUS_USAGE, "the width of %s is fixed", base->format->name);
  snprintf(format, sizeof format, "int%s", value);
  return replace_format(base, format, out, error);
}

static enum status edit_group(const struct quantizer *base, const char *value,
                              struct quantizer *out, struct error *error)
{
  char word[SWEEP_VALUE_TEXT + 8];
  snprintf(word, sizeof word, "group=%s", value);
  return replace_words(base, is_grain, word, out, error);
}

/* The block of a format that has some, else the group of a spec that has some. */
static enum status edit_block(const struct quantizer *base, const char *value,
                              struct quantizer *out, struct error *error)
{
  char word[SWEEP_VALUE_TEXT + 8], spec[QUANTIZER_TEXT];
  if (has_word(quantizer_print(base, spec), is_group))
    return edit_group(base, value, out, error);
  snprintf(word, sizeof word, "block=%s", value);
  return replace_words(base, is_block, word, out, error);
}

static enum status edit_calibrator(const struct quantizer *base, const char *value,
                                   struct quantizer *out, struct error *error)
{
  return replace_words(base, is_range, value, out, error);
}

/* A format that brings its blocks has no use for the words of the others: it is taken alone. */
static enum status edit_format(const struct quantizer *base, const char *value,
                               struct quantizer *out, struct error *error)
{
  char spec[QUANTIZER_TEXT];
  struct quantizer alone;
  if (quantizer_parse(value, &alone, error) != STATUS_OK)
    return STATUS_USAGE;
  if (has_word(quantizer_print(&alone, spec), is_grain))
    return replace_format(base, value, out, error);
  *out = alone;
  return STATUS_OK;
}

/* --- the kinds ------------------------------------------------------------------------------ */

struct sweep_kind {
  const char *name;
  const char *standard; /* values when none are given; NULL: every name of the table */
  long least, most;     /* of numbers; names: 0, 0 */
  bool doubling;        /* LO:HI doubles; else it counts */
  enum status (*names)(struct sweep *sweep, struct error *error);
  name_test *replaced; /* words that have no place in the label of a line */
  const char *any;     /* what stands for the format in it; NULL: the format stays */
  enum status (*edit)(const struct quantizer *base, const char *value, struct quantizer *out,
                      struct error *error);
};

static enum status add_value(struct sweep *sweep, const char *value, struct error *error)
{
  if (sweep->values == SWEEP_VALUES)
    return error_set(error, STATUS_USAGE, "%s: more than %d values", sweep->kind->name,
                     SWEEP_VALUES);
  snprintf(sweep->value[sweep->values++], SWEEP_VALUE_TEXT, "%s", value);
  return STATUS_OK;
}

static enum status all_calibrators(struct sweep *sweep, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < calibrator_table_length && status == STATUS_OK; i++)
    status = add_value(sweep, calibrator_table[i].name, error);
  return status;
}

static enum status all_formats(struct sweep *sweep, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < format_table_length && status == STATUS_OK; i++)
    status = add_value(sweep, format_table[i].name, error);
  return status;
}

static const struct sweep_kind kinds[] = {
    {"bits", "2:8", 1, 16, false, NULL, NULL, "intN", edit_bits},
    {"group", "16:256", 1, 1L << 30, true, NULL, is_grain, NULL, edit_group},
    {"block", "16:256", 1, 1L << 30, true, NULL, is_group_or_block, NULL, edit_block},
    {"calibrator", NULL, 0, 0, false, all_calibrators, is_range, NULL, edit_calibrator},
    {"format", NULL, 0, 0, false, all_formats, is_symmetric, "any", edit_format},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *sweep_name(const struct sweep *sweep)
{
  return sweep->kind->name;
}

bool sweep_of_names(const struct sweep *sweep)
{
  return sweep->kind->edit == edit_calibrator;
}

bool sweep_of_points(const struct sweep *sweep)
{
  return sweep->kind->edit == edit_format;
}

/* --- reading what to sweep over ------------------------------------------------------------- */

static enum status wrong_kind(const char *word, struct error *error)
{
  const char *names[KINDS];
  for (size_t i = 0; i < KINDS; i++)
    names[i] = kinds[i].name;
  const char *near = nearest_word(word, names, KINDS);
  return error_set(
      error, STATUS_USAGE,
      "unknown '%s'%s%s%s; expected bits=2:8, group=16,32, block=16:256, calibrator or "
      "format",
      word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool read_number(const struct sweep_kind *kind, const char *text, char **end, long *out)
{
  errno = 0;
  *out = strtol(text, end, 10);
  return *end != text && !errno && *out >= kind->least && *out <= kind->most;
}

/* "4", "2:8" or "16:256". */
static enum status add_numbers(struct sweep *sweep, const char *text, struct error *error)
{
  const struct sweep_kind *kind = sweep->kind;
  char *end, number[24];
  long from, to;
  bool good = read_number(kind, text, &end, &from);
  to = from;
  if (good && *end == ':')
    good = read_number(kind, end + 1, &end, &to) && from <= to;
  if (!good || *end)
    return error_set(error, STATUS_USAGE,
                     "%s: expected a whole number from %ld to %ld, or LO:HI, "
                     "found '%s'",
                     kind->name, kind->least, kind->most, text);
  for (long at = from; at <= to; at = kind->doubling ? 2 * at : at + 1) {
    snprintf(number, sizeof number, "%ld", at);
    enum status status = add_value(sweep, number, error);
    if (status != STATUS_OK)
      return status;
  }
  return STATUS_OK;
}

static bool is_calibrator(const char *text)
{
  char name[SWEEP_VALUE_TEXT];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
  return calibrator_find(name);
}

/* A name is tried on the spec that takes all of its kind, so that a typo is told from a value
 * that some spec cannot take. */
static enum status add_name(struct sweep *sweep, const char *text, struct error *error)
{
  struct quantizer any, unused;
  enum status status = quantizer_parse("int8", &any, error);
  if (strlen(text) >= SWEEP_VALUE_TEXT)
    return error_set(error, STATUS_USAGE, "%s: '%.32s...' is too long", sweep->kind->name, text);
  if (sweep_of_names(sweep) && !is_calibrator(text))
    return error_set(error, STATUS_USAGE, "calibrator: '%s' is none; see qscope calibrators", text);
  if (status == STATUS_OK)
    status = sweep->kind->edit(&any, text, &unused, error);
  if (status == STATUS_OK)
    return add_value(sweep, text, error);
  error_prefix(error, "%s: ", sweep->kind->name);
  return status;
}

static enum status read_values(struct sweep *sweep, const char *text, struct error *error)
{
  enum status status = STATUS_OK;
  char *copy = strdup(text), *rest = NULL;
  if (!copy)
    return error_memory(error, "the sweep");
  for (char *word = strtok_r(copy, ",", &rest); word && status == STATUS_OK;
       word = strtok_r(NULL, ",", &rest))
    status = sweep->kind->names ? add_name(sweep, word, error) : add_numbers(sweep, word, error);
  free(copy);
  if (status == STATUS_OK && sweep->values == 0)
    status = error_set(error, STATUS_USAGE, "%s: expected values, found none", sweep->kind->name);
  return status;
}

static enum status read_over(struct sweep *sweep, const char *over, struct error *error)
{
  char name[32];
  const char *equals = strchr(over, '=');
  snprintf(name, sizeof name, "%.*s", (int)strcspn(over, "="), over);
  for (size_t i = 0; i < KINDS; i++)
    if (strcmp(kinds[i].name, name) == 0)
      sweep->kind = &kinds[i];
  if (!sweep->kind)
    return wrong_kind(name, error);
  if (equals)
    return read_values(sweep, equals + 1, error);
  if (sweep->kind->standard)
    return read_values(sweep, sweep->kind->standard, error);
  return sweep->kind->names(sweep, error);
}

/* --- the plan ------------------------------------------------------------------------------- */

static bool add_note(struct sweep *sweep, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool add_note(struct sweep *sweep, const char *format, ...)
{
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char **grown = mem_resize(sweep->note, sweep->notes + 1, sizeof *grown);
  if (!grown)
    return false;
  sweep->note = grown;
  return (sweep->note[sweep->notes] = strdup(text)) && ++sweep->notes;
}

/* What the parser says, without the spec that was made for it. */
static const char *reason(const struct error *why)
{
  const char *behind = strncmp(why->text, "spec \"", 6) == 0 ? strstr(why->text, "\": ") : NULL;
  return behind ? behind + 3 : why->text;
}

/* Appends the value to the list in TEXT, as far as it fits. */
static void list_value(char *text, size_t size, const char *value)
{
  size_t used = strlen(text);
  snprintf(text + used, size - used, "%s%s", used ? ", " : "", value);
}

/* One note for the values in MISSED; WHY belongs to the first of them. A spec that takes none of
 * the values (FIXED) is measured all the same. */
static bool note_missed(struct sweep *sweep, const struct quantizer *base, bool fixed,
                        const char *missed, const struct error *why)
{
  char spec[QUANTIZER_TEXT];
  quantizer_print(base, spec);
  if (fixed)
    return add_note(sweep, "%s: takes no %s, and is measured once as it is: %s", spec,
                    sweep->kind->name, reason(why));
  return add_note(sweep, "%s: without %s %s: %s", spec, sweep->kind->name, missed, reason(why));
}

/* The rows of one spec; *taken tells whether it took any value. */
static bool plan_line(struct sweep *sweep, size_t line, bool *taken)
{
  const struct quantizer *base = &sweep->line[line];
  char missed[256] = "";
  struct error why = {0}, first = {0};
  size_t rows = sweep->rows;
  for (size_t v = 0; v < sweep->values; v++) {
    struct sweep_row *row = &sweep->row[sweep->rows];
    *row = (struct sweep_row){.line = line, .value = v};
    if (sweep->kind->edit(base, sweep->value[v], &row->quantizer, &why) == STATUS_OK) {
      sweep->rows++;
      continue;
    }
    if (!*missed)
      first = why;
    list_value(missed, sizeof missed, sweep->value[v]);
  }
  *taken = sweep->rows > rows;
  if (!*taken)
    sweep->row[sweep->rows++] = (struct sweep_row){.line = line, .fixed = true, .quantizer = *base};
  return !*missed || note_missed(sweep, base, !*taken, missed, &first);
}

static enum status plan(struct sweep *sweep, struct error *error)
{
  bool any = false;
  for (size_t i = 0; i < sweep->lines; i++) {
    bool taken = false;
    if (!plan_line(sweep, i, &taken))
      return error_memory(error, "the sweep");
    any = any || taken;
  }
  if (any)
    return STATUS_OK;
  return error_set(error, STATUS_USAGE, "nothing to sweep over: %s", sweep->note[0]);
}

enum status sweep_plan(const char *over, const struct quantizer *quantizers, size_t count,
                       struct sweep **out, struct error *error)
{
  struct sweep *sweep = mem_array(1, sizeof *sweep);
  if (!sweep)
    return error_memory(error, "the sweep");
  sweep->lines = count;
  sweep->value = mem_array(SWEEP_VALUES, sizeof *sweep->value);
  sweep->line = mem_array(count, sizeof *sweep->line);
  sweep->row = mem_array(count * SWEEP_VALUES, sizeof *sweep->row);
  enum status status =
      sweep->value && sweep->line && sweep->row ? STATUS_OK : error_memory(error, "the sweep");
  if (status == STATUS_OK) {
    memcpy(sweep->line, quantizers, count * sizeof *quantizers);
    status = read_over(sweep, over, error);
  }
  if (status == STATUS_OK)
    status = plan(sweep, error);
  if (status == STATUS_OK)
    *out = sweep;
  else
    sweep_free(sweep);
  return status;
}

void sweep_free(struct sweep *sweep)
{
  if (!sweep)
    return;
  for (size_t i = 0; i < sweep->notes; i++)
    free(sweep->note[i]);
  free(sweep->note);
  free(sweep->value);
  free(sweep->line);
  free(sweep->row);
  free(sweep);
}

static bool is_fixed(const struct sweep *sweep, size_t line)
{
  for (size_t i = 0; i < sweep->rows; i++)
    if (sweep->row[i].line == line && sweep->row[i].fixed)
      return true;
  return false;
}

char *sweep_label(const struct sweep *sweep, size_t line, char *text)
{
  char spec[QUANTIZER_TEXT], kept[QUANTIZER_TEXT];
  const struct sweep_kind *kind = sweep->kind;
  quantizer_print(&sweep->line[line], spec);
  if (is_fixed(sweep, line))
    return strcpy(text, spec);
  if (kind->replaced)
    words_without(spec, kind->replaced, kept);
  else
    strcpy(kept, spec);
  size_t format = kind->any ? strcspn(kept, ",") : 0;
  snprintf(text, QUANTIZER_TEXT, "%s%.*s", kind->any ? kind->any : "", QUANTIZER_TEXT - 8,
           kept + format);
  return text;
}

/* --- measuring ------------------------------------------------------------------------------ */

/* FIT is NULL when nothing is predicted. */
static enum status run_row(struct sweep_row *row, const struct tensor *tensor,
                           const struct result_request *request, const struct theory_fit *fit,
                           struct progress *progress, struct error *error)
{
  struct theory_prediction prediction = {.sqnr_db = (double)NAN};
  struct result *result;
  enum status status = result_compute(tensor, &row->quantizer, request, progress, &result, error);
  if (status == STATUS_OK) {
    row->metrics = result->metrics;
    if (fit)
      status = theory_predict(fit, result, &prediction, error);
    row->predicted_sqnr_db = prediction.sqnr_db;
    result_free(result);
  } else if (status != STATUS_CANCELLED) {
    char spec[QUANTIZER_TEXT];
    error_prefix(error, "%s: ", quantizer_print(&row->quantizer, spec));
  }
  return status;
}

enum status sweep_run(struct sweep *sweep, const struct tensor *tensor, struct progress *progress,
                      struct error *error)
{
  struct facts facts;
  struct digest *digest;
  enum status status = facts_of_tensor(tensor, progress, &facts, &digest, error);
  const struct result_request request = {.lo = (double)NAN,
                                         .hi = (double)NAN,
                                         .facts = &facts,
                                         .digest = digest,
                                         .calibrated = sweep->calibrated,
                                         .at_once = true}; /* no metric of the channels is kept */
  struct theory_fits fits = {.examined = 0};
  if (status == STATUS_OK && sweep->theory)
    status = theory_fit(tensor, &facts, digest, &fits, error);
  const struct theory_fit *fit = fits.examined ? &fits.fit[fits.best] : NULL;
  size_t kept = 0, rows = sweep->rows;
  for (size_t i = 0; i < rows && status == STATUS_OK; i++) {
    struct error why = {.text = ""};
    sweep->row[kept] = sweep->row[i];
    status = run_row(&sweep->row[kept], tensor, &request, fit, progress, &why);
    kept += status == STATUS_OK;
    /* What does not fit this tensor is left out, unless nothing would be left. */
    if (status == STATUS_USAGE && kept + rows - i > 1 && add_note(sweep, "left out: %s", why.text))
      status = STATUS_OK;
    else if (status != STATUS_OK && error)
      *error = why;
  }
  if (status == STATUS_OK)
    sweep->rows = kept;
  digest_free(digest);
  return status;
}
