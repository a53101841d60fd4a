/* Reading a spec: word by word, then what it leaves open, then whether it makes sense. */
#include "quant/spec.h"

#include "quant/base/nearest.h"
#include "quant/base/number.h"
#include "quant/preset.h"
#include "quant/spec_list.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Not a position: the scheme was said by the format's own word, "uint8". */
enum { UNSIGNED_WORD = MAX_WORDS + 1 };

/* TEXT made harmless for a terminal, and cut when it is long. */
const char *spec_shown(const char *text, char out[SHOWN])
{
  size_t used = 0, i = 0;
  for (; text[i] && i < SHOWN_LENGTH; i++) {
    bool plain = isascii((unsigned char)text[i]) && isprint((unsigned char)text[i]);
    used += (size_t)snprintf(out + used, SHOWN - used, plain ? "%c" : "\\x%02x",
                             (unsigned char)text[i]);
  }
  snprintf(out + used, SHOWN - used, "%s", text[i] ? "..." : "");
  return out;
}

/* Fails with `word 2 "chanel" WHAT`. */
enum status spec_fail(struct parse *parse, const char *what)
{
  char word[SHOWN];
  return error_set(parse->error, STATUS_USAGE, "word %zu \"%s\" %s", parse->position,
                   spec_shown(parse->words[parse->position - 1], word), what);
}

enum status spec_fail_expected(struct parse *parse, const char *expected)
{
  char what[256];
  snprintf(what, sizeof what, "is not right: expected %s", expected);
  return spec_fail(parse, what);
}
/* The format called NAME into *OUT, NULL when there is none; "uint4" and the like are int4 with
 * *ASYMMETRIC set. */
static enum status find_format(const char *name, bool *asymmetric, const struct format **out,
                               struct error *error)
{
  enum status status = format_parse(name, out, error);
  *asymmetric = false;
  if (status != STATUS_OK || *out || (name[0] != 'u' && name[0] != 'U'))
    return status;
  const struct format *format = format_find(name + 1);
  *asymmetric = format && format_is_integer(format);
  *out = *asymmetric ? format : NULL;
  return STATUS_OK;
}

/* True when NAME looks like a format: a second one in a spec. */
static bool is_format(const char *name)
{
  bool asymmetric;
  const struct format *format;
  return find_format(name, &asymmetric, &format, NULL) == STATUS_OK && format;
}

/* --- words that do not exist ---------------------------------------------------------- */

static enum status fail_unknown(struct parse *parse, const char *name)
{
  struct spec_word all[SPEC_WORDS];
  const char *words[SPEC_WORDS];
  bool first = parse->position == 1;
  size_t count = spec_words(first, all, SPEC_WORDS);
  char what[160];
  for (size_t i = 0; i < count; i++)
    words[i] = all[i].text;
  const char *meant = nearest_word(name, words, count);
  snprintf(what, sizeof what, "is not %s%s%s%s",
           first ? "a format or a preset, with which a spec begins" : "known",
           meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
  return spec_fail(parse, what);
}

/* --- reading -------------------------------------------------------------------------- */

/* Marks SLOT as decided by the word being read. */
enum status spec_decide(struct parse *parse, enum slot slot)
{
  size_t earlier = parse->decided_by[slot];
  char word[SHOWN], what[SHOWN + 64];
  if (earlier == 0) {
    parse->decided_by[slot] = parse->position;
    return STATUS_OK;
  }
  earlier = earlier == UNSIGNED_WORD ? 1 : earlier;
  const char *before = parse->words[earlier - 1];
  bool same = strcasecmp(before, parse->words[parse->position - 1]) == 0;
  snprintf(what, sizeof what, "%s word %zu \"%s\"", same ? "repeats" : "contradicts", earlier,
           spec_shown(before, word));
  return spec_fail(parse, what);
}

static enum status read_calibrator(struct parse *parse, const struct calibrator *calibrator,
                                   const char *value)
{
  char what[160], least[32], most[32];
  double parameter = calibrator_default(calibrator, parse->quantizer.format);
  if (value && (!spec_number(value, &parameter) || parameter < calibrator->least ||
                parameter > calibrator->most)) {
    snprintf(what, sizeof what, "a number from %s to %s", number_print(calibrator->least, least),
             number_print(calibrator->most, most));
    return spec_fail_expected(parse, what);
  }
  parse->quantizer.calibrator = calibrator;
  parse->quantizer.parameter = parameter;
  calibrator_options(calibrator, parse->quantizer.option);
  parse->quantizer.by = BY_CALIBRATOR;
  return STATUS_OK;
}

static enum status check_value(struct parse *parse, enum value rule, const char *value)
{
  if (rule == VALUE_NONE && value)
    return spec_fail(parse, "has a value where none belongs");
  if ((rule == VALUE_NEEDED && !value) || (value && !*value))
    return spec_fail(parse, "lacks its value (NAME=VALUE)");
  return STATUS_OK;
}

/* True when some calibrator has an option NAME. */
static bool is_option(const char *name)
{
  for (size_t i = 0; i < calibrator_table_length; i++)
    for (size_t k = 0; k < CALIBRATOR_OPTIONS && calibrator_table[i].option[k].word; k++)
      if (strcasecmp(calibrator_table[i].option[k].word, name) == 0)
        return true;
  return false;
}

/* Options wait until the calibrator is known. */
static enum status keep_option(struct parse *parse)
{
  const char *word = parse->words[parse->position - 1];
  for (size_t i = 0; i < parse->options; i++) {
    const char *earlier = parse->words[parse->option[i] - 1];
    size_t length = strcspn(earlier, "=");
    if (strncasecmp(earlier, word, length + 1) == 0)
      return spec_fail(parse, "says again what an earlier word says");
  }
  if (parse->options == CALIBRATOR_OPTIONS)
    return spec_fail(parse, "is one option too many");
  parse->option[parse->options++] = parse->position;
  return STATUS_OK;
}

/* Reads a word after the first. */
static enum status read_word(struct parse *parse, char *word)
{
  char name[QUANTIZER_TEXT];
  char *equals = strchr(word, '=');
  const char *value = equals ? equals + 1 : NULL;
  snprintf(name, sizeof name, "%.*s", (int)(equals ? equals - word : (long)strlen(word)), word);
  const struct keyword *keyword = spec_keyword_find(name);
  const struct calibrator *calibrator = calibrator_find(name);
  bool block = format_is_block(parse->quantizer.format);
  if (value && !calibrator && !(keyword && block) && is_option(name))
    return keep_option(parse);
  if (!keyword && !calibrator)
    return is_format(word) ? spec_decide(parse, SLOT_FORMAT) : fail_unknown(parse, name);
  enum value rule = keyword ? keyword->value : calibrator->parameter ? VALUE_OPTIONAL : VALUE_NONE;
  enum status status = check_value(parse, rule, value);
  if (status == STATUS_OK)
    status = spec_decide(parse, keyword ? keyword->slot : SLOT_SCALE);
  if (status != STATUS_OK)
    return status;
  return keyword ? keyword->read(parse, value) : read_calibrator(parse, calibrator, value);
}

/* "uint8,asym" says one thing twice; "uint8,sym" means codes from 0 around the zero point in the
 * middle. Neither is a contradiction. */
static bool says_scheme_of_unsigned(struct parse *parse, const char *word)
{
  bool sym = strcasecmp(word, "sym") == 0;
  if (parse->decided_by[SLOT_SCHEME] != UNSIGNED_WORD || (!sym && strcasecmp(word, "asym") != 0))
    return false;
  parse->quantizer.asymmetric = !sym;
  parse->quantizer.unsigned_codes = sym;
  parse->decided_by[SLOT_SCHEME] = parse->position;
  return true;
}

/* The words from number FIRST to number LAST; after a failure the position is that of the wrong
 * one. */
static enum status read_rest(struct parse *parse, size_t first, size_t last)
{
  for (parse->position = first; parse->position <= last; parse->position++) {
    char *word = parse->words[parse->position - 1];
    enum status status = says_scheme_of_unsigned(parse, word) ? STATUS_OK : read_word(parse, word);
    if (status != STATUS_OK)
      return status;
  }
  return STATUS_OK;
}

static enum status read_format(struct parse *parse)
{
  struct quantizer *quantizer = &parse->quantizer;
  parse->position = 1;
  enum status status =
      find_format(parse->words[0], &quantizer->asymmetric, &quantizer->format, parse->error);
  if (status != STATUS_OK) {
    error_prefix(parse->error, "word 1: ");
    return status;
  }
  if (!quantizer->format)
    return fail_unknown(parse, parse->words[0]);
  parse->decided_by[SLOT_FORMAT] = 1;
  parse->decided_by[SLOT_SCHEME] = quantizer->asymmetric ? UNSIGNED_WORD : 0;
  return STATUS_OK;
}

static enum status spec_read(struct parse *parse, const char *spec);

/* A preset stands for a spec; what follows it takes the place of what that says. */
static enum status read_preset(struct parse *parse, const struct preset *preset)
{
  struct parse inner = {.error = parse->error};
  enum status status = spec_read(&inner, preset->spec);
  if (status != STATUS_OK) {
    error_prefix(parse->error, "preset %s: ", preset->name);
    return status;
  }
  parse->quantizer = inner.quantizer;
  parse->decided_by[SLOT_FORMAT] = 1;
  parse->preset = true;
  return STATUS_OK;
}

static enum status read_words(struct parse *parse)
{
  const struct preset *preset = preset_find(parse->words[0]);
  enum status status = preset ? read_preset(parse, preset) : read_format(parse);
  return status == STATUS_OK ? read_rest(parse, 2, parse->count) : status;
}

/* "bins=2048" for the calibrator, whose options these are. */
static enum status set_option(struct parse *parse, const char *name, const char *value)
{
  const struct calibrator *calibrator = parse->quantizer.calibrator;
  char what[200], least[32], most[32];
  size_t used = 0;
  for (size_t i = 0; calibrator && i < CALIBRATOR_OPTIONS && calibrator->option[i].word; i++) {
    const struct calibrator_option *option = &calibrator->option[i];
    double number;
    if (strcasecmp(option->word, name) != 0)
      continue;
    if (!spec_number(value, &number) || number < option->least || number > option->most ||
        (option->whole && number != rint(number))) {
      snprintf(what, sizeof what, "a %snumber from %s to %s", option->whole ? "whole " : "",
               number_print(option->least, least), number_print(option->most, most));
      return spec_fail_expected(parse, what);
    }
    parse->quantizer.option[i] = number;
    return STATUS_OK;
  }
  if (!calibrator)
    return spec_fail(parse, "is the option of a calibrator, and there is none");
  used = (size_t)snprintf(what, sizeof what, "is no option of \"%s\"", calibrator->name);
  for (size_t i = 0; i < CALIBRATOR_OPTIONS && calibrator->option[i].word && used < sizeof what;
       i++)
    used += (size_t)snprintf(what + used, sizeof what - used, "%s%s", i ? ", " : ", which takes ",
                             calibrator->option[i].word);
  return spec_fail(parse, what);
}

static enum status set_options(struct parse *parse)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < parse->options && status == STATUS_OK; i++) {
    char name[QUANTIZER_TEXT];
    parse->position = parse->option[i];
    snprintf(name, sizeof name, "%s", parse->words[parse->position - 1]);
    char *value = strchr(name, '=');
    *value++ = 0;
    status = set_option(parse, name, value);
  }
  return status;
}

/* What the spec leaves open, and the word that needs another. */
static enum status complete(struct parse *parse)
{
  struct quantizer *quantizer = &parse->quantizer;
  if (format_is_block(quantizer->format))
    return spec_complete_block(parse);
  if (!parse->decided_by[SLOT_SCALE] && !parse->preset) {
    quantizer->by = quantizer->format->raw_by_default ? BY_SCALE : BY_CALIBRATOR;
    quantizer->scale = 1;
    quantizer->calibrator = quantizer->format->raw_by_default ? NULL : calibrator_find("minmax");
  }
  if (!parse->decided_by[SLOT_GRAIN] && quantizer->format->block && !parse->preset)
    quantizer->granularity =
        (struct granularity){.kind = GRAIN_GROUP, .group = quantizer->format->block};
  parse->position = parse->decided_by[SLOT_ZERO];
  if (parse->position && quantizer->by != BY_SCALE)
    return spec_fail(parse, "needs a scale beside it (scale=S)");
  return set_options(parse);
}

static enum status check_combination(struct parse *parse)
{
  enum slot culprit;
  enum status status = spec_check(&parse->quantizer, &culprit, parse->error);
  if (status == STATUS_OK)
    return status;
  size_t word = parse->decided_by[culprit] == UNSIGNED_WORD ? 1 : parse->decided_by[culprit];
  parse->position = word;
  if (word)
    error_prefix(parse->error, "word %zu: ", word);
  return status;
}

static void trim(char **word)
{
  *word += strspn(*word, " ");
  for (size_t n = strlen(*word); n > 0 && (*word)[n - 1] == ' '; n--)
    (*word)[n - 1] = 0;
}

/* Cuts the spec at its commas. */
static enum status split(struct parse *parse, const char *spec)
{
  if (strlen(spec) >= sizeof parse->text)
    return error_set(parse->error, STATUS_USAGE, "%zu characters are too long, at most %zu fit",
                     strlen(spec), sizeof parse->text - 1);
  strcpy(parse->text, spec);
  for (char *rest = parse->text; rest;) {
    char *word = strsep(&rest, ",");
    trim(&word);
    parse->position = parse->count + 1;
    if (parse->count == MAX_WORDS)
      return error_set(parse->error, STATUS_USAGE, "more than %d words", MAX_WORDS);
    parse->words[parse->count++] = word;
    if (!*word)
      return error_set(parse->error, STATUS_USAGE, "word %zu is empty", parse->position);
  }
  return STATUS_OK;
}

static enum status spec_read(struct parse *parse, const char *spec)
{
  enum status status = split(parse, spec);
  if (status == STATUS_OK)
    status = read_words(parse);
  if (status == STATUS_OK)
    status = complete(parse);
  return status == STATUS_OK ? check_combination(parse) : status;
}

enum status quantizer_parse(const char *spec, struct quantizer *out, struct error *error)
{
  size_t wrong;
  return quantizer_parse_word(spec, out, &wrong, error);
}

enum status quantizer_parse_word(const char *spec, struct quantizer *out, size_t *wrong,
                                 struct error *error)
{
  struct parse parse = {.error = error};
  enum status status = spec_read(&parse, spec);
  *wrong = status == STATUS_OK ? 0 : parse.position;
  if (status == STATUS_OK) {
    *out = parse.quantizer;
    return status;
  }
  char text[SHOWN];
  error_prefix(error, "spec \"%s\": ", spec_shown(spec, text));
  return status;
}
