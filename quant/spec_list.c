#include "quant/spec_list.h"

#include "quant/calibrator.h"
#include "quant/format.h"
#include "quant/preset.h"
#include "quant/spec.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct list {
  struct spec_word *word;
  size_t count, most;
};

static void add(struct list *list, const char *prefix, const char *text, size_t length,
                const char *about, bool needs_value)
{
  if (list->count == list->most)
    return;
  struct spec_word *word = &list->word[list->count++];
  snprintf(word->text, sizeof word->text, "%s%.*s", prefix, (int)length, text);
  word->about = about;
  word->needs_value = needs_value;
}

static void add_formats(struct list *list)
{
  for (size_t i = 0; i < format_table_length; i++) {
    const struct format *format = &format_table[i];
    add(list, "", format->name, strlen(format->name), format->summary, false);
    if (format_is_integer(format))
      add(list, "u", format->name, strlen(format->name), "", false);
    for (const char *alias = format->aliases; *alias;) {
      size_t length = strcspn(alias, " ");
      add(list, "", alias, length, "", false);
      alias += length + strspn(alias + length, " ");
    }
  }
}

static void add_presets(struct list *list)
{
  for (size_t i = 0; i < preset_table_length; i++)
    add(list, "", preset_table[i].name, strlen(preset_table[i].name), preset_table[i].rules, false);
}

static bool is_listed(const struct list *list, const char *text)
{
  for (size_t i = 0; i < list->count; i++)
    if (strcasecmp(list->word[i].text, text) == 0)
      return true;
  return false;
}

/* Options of calibrators; several share a word. */
static void add_options(struct list *list, const struct calibrator *calibrator)
{
  for (size_t k = 0; k < CALIBRATOR_OPTIONS && calibrator->option[k].word; k++) {
    const struct calibrator_option *option = &calibrator->option[k];
    if (!is_listed(list, option->word))
      add(list, "", option->word, strlen(option->word), option->summary, true);
  }
}

static void add_others(struct list *list)
{
  for (size_t i = 0; i < spec_keywords_length; i++) {
    const struct keyword *keyword = &spec_keywords[i];
    add(list, "", keyword->name, strlen(keyword->name), keyword->about,
        keyword->value == VALUE_NEEDED);
  }
  for (size_t i = 0; i < calibrator_table_length; i++)
    add(list, "", calibrator_table[i].name, strlen(calibrator_table[i].name),
        calibrator_table[i].summary, false);
  for (size_t i = 0; i < calibrator_table_length; i++)
    add_options(list, &calibrator_table[i]);
}

size_t spec_words(bool first, struct spec_word *out, size_t most)
{
  struct list list = {.word = out, .most = most};
  if (first) {
    add_formats(&list);
    add_presets(&list);
  } else {
    add_others(&list);
  }
  return list.count;
}

/* --- places ------------------------------------------------------------------------------- */

/* The word that begins at byte FROM, behind a comma. */
static struct spec_place place_from(const char *spec, size_t position, size_t from)
{
  size_t end = from + strcspn(spec + from, ",");
  while (from < end && spec[from] == ' ')
    from++;
  while (end > from && spec[end - 1] == ' ')
    end--;
  return (struct spec_place){position, from, end};
}

struct spec_place spec_place_at(const char *spec, size_t at)
{
  size_t position = 1, from = 0;
  for (size_t i = 0; i < at && spec[i]; i++)
    if (spec[i] == ',') {
      position++;
      from = i + 1;
    }
  return place_from(spec, position, from);
}

struct spec_place spec_place_of(const char *spec, size_t position)
{
  size_t at = 0, found = 1;
  for (; found < position && spec[at + strcspn(spec + at, ",")]; found++)
    at += strcspn(spec + at, ",") + 1;
  return place_from(spec, found, at);
}

/* --- completion --------------------------------------------------------------------------- */

/* True when SPEC with WORD in PLACE is a quantizer. A word that lacks its value is not judged. */
static bool fits(const char *spec, const struct spec_place *place, const struct spec_word *word)
{
  char text[2 * QUANTIZER_TEXT];
  struct quantizer quantizer;
  struct error error;
  int length = snprintf(text, sizeof text, "%.*s%s%s", (int)place->start, spec, word->text,
                        spec + place->end);
  return word->needs_value ||
         ((size_t)length < sizeof text && quantizer_parse(text, &quantizer, &error) == STATUS_OK);
}

/* The words that may stand in PLACE, as far as TYPED bytes of it tell. */
static size_t candidates(const char *spec, const struct spec_place *place, size_t typed,
                         struct spec_word out[SPEC_WORDS])
{
  char name[sizeof out->text];
  const char *word = spec + place->start, *equals = memchr(word, '=', strnlen(word, typed));
  if (!equals || place->position == 1)
    return spec_words(place->position == 1, out, SPEC_WORDS);
  if ((size_t)(equals - word) >= sizeof name)
    return 0;
  snprintf(name, sizeof name, "%.*s", (int)(equals - word), word);
  return spec_values(name, out, SPEC_WORDS);
}

size_t spec_complete(const char *spec, size_t at, struct spec_word *out, size_t most)
{
  struct spec_word all[SPEC_WORDS];
  struct spec_place place = spec_place_at(spec, at);
  size_t typed = at > place.start ? at - place.start : 0, count = 0;
  size_t words = candidates(spec, &place, typed, all);
  for (size_t i = 0; i < words && count < most; i++)
    if (strncasecmp(all[i].text, spec + place.start, typed) == 0 && fits(spec, &place, &all[i]))
      out[count++] = all[i];
  return count;
}
