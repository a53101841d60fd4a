#include "analysis/spec_edit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Appends WORD to the words in TEXT (QUANTIZER_TEXT bytes); false when it does not fit. */
static bool add_word(char *text, const char *word, size_t length)
{
  size_t used = strlen(text);
  if (used + length + 2 > QUANTIZER_TEXT)
    return false;
  snprintf(text + used, QUANTIZER_TEXT - used, "%s%.*s", used ? "," : "", (int)length, word);
  return true;
}

static bool passes(const char *word, size_t length, spec_word_test *test)
{
  char name[QUANTIZER_TEXT];
  snprintf(name, sizeof name, "%.*s", (int)length, word);
  name[strcspn(name, "=")] = '\0';
  return test(name);
}

void spec_without(const char *spec, spec_word_test *drop, char *out)
{
  *out = '\0';
  for (bool first = true; *spec; first = false) {
    size_t length = strcspn(spec, ",");
    if (first || !passes(spec, length, drop))
      add_word(out, spec, length);
    spec += length + (spec[length] == ',');
  }
}

static bool has_word(const char *spec, const char *word, size_t length)
{
  for (; *spec; spec += *spec == ',') {
    size_t own = strcspn(spec, ",");
    if (own == length && strncmp(spec, word, length) == 0)
      return true;
    spec += own;
  }
  return false;
}

void spec_beyond(const char *spec, const char *other, char *out)
{
  *out = '\0';
  for (; *spec; spec += *spec == ',') {
    size_t length = strcspn(spec, ",");
    if (!has_word(other, spec, length))
      add_word(out, spec, length);
    spec += length;
  }
}

bool spec_has(const struct quantizer *quantizer, spec_word_test *test)
{
  char text[QUANTIZER_TEXT];
  for (const char *spec = quantizer_print(quantizer, text); *spec; spec += *spec == ',') {
    size_t length = strcspn(spec, ",");
    if (passes(spec, length, test))
      return true;
    spec += length;
  }
  return false;
}

static bool is_one_of(const char *name, const char *const *words)
{
  for (; *words; words++)
    if (strcmp(name, *words) == 0)
      return true;
  return false;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

bool spec_word_is_grain(const char *name)
{
  return is_one_of(name, WORDS("tensor", "channel", "token", "group"));
}

bool spec_word_is_group(const char *name)
{
  return is_one_of(name, WORDS("group"));
}

bool spec_word_is_block(const char *name)
{
  return is_one_of(name, WORDS("block"));
}

bool spec_word_is_group_or_block(const char *name)
{
  return is_one_of(name, WORDS("group", "block"));
}

/* "bins" of "entropy,bins=512": goes with its calibrator. */
static bool is_calibrator_option(const char *name)
{
  for (size_t i = 0; i < calibrator_table_length; i++)
    for (size_t k = 0; k < CALIBRATOR_OPTIONS && calibrator_table[i].option[k].word; k++)
      if (strcmp(calibrator_table[i].option[k].word, name) == 0)
        return true;
  return false;
}

bool spec_word_is_range(const char *name)
{
  return is_one_of(name, WORDS("scale", "zero", "range")) || calibrator_find(name) ||
         is_calibrator_option(name);
}

bool spec_word_is_scheme(const char *name)
{
  return is_one_of(name, WORDS("sym", "asym", "narrow"));
}

bool spec_word_is_symmetric(const char *name)
{
  return is_one_of(name, WORDS("sym"));
}

enum status spec_replace(const struct quantizer *base, spec_word_test *drop, const char *word,
                         struct quantizer *out, struct error *error)
{
  char spec[QUANTIZER_TEXT], edited[QUANTIZER_TEXT];
  spec_without(quantizer_print(base, spec), drop, edited);
  if (!add_word(edited, word, strlen(word)))
    return error_set(error, STATUS_USAGE, "the spec would be too long");
  return quantizer_parse(edited, out, error);
}

enum status spec_replace_format(const struct quantizer *base, const char *format,
                                struct quantizer *out, struct error *error)
{
  char spec[QUANTIZER_TEXT], kept[QUANTIZER_TEXT], edited[QUANTIZER_TEXT] = "";
  spec_without(quantizer_print(base, spec), spec_word_is_symmetric, kept);
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
