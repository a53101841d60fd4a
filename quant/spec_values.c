/* The values that words of a spec may have. */
#include "quant/spec_list.h"

#include "quant/block.h"
#include "quant/calibrator.h"
#include "quant/scale_rule.h"
#include "quant/spec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct list {
  const char *name;
  struct spec_word *word;
  size_t count, most;
};

static void add(struct list *list, const char *value, size_t length, const char *about)
{
  char text[sizeof list->word->text];
  int size = snprintf(text, sizeof text, "%s=%.*s", list->name, (int)length, value);
  if (list->count == list->most || size < 0 || (size_t)size >= sizeof text)
    return;
  for (size_t i = 0; i < list->count; i++)
    if (strcasecmp(list->word[i].text, text) == 0)
      return;
  struct spec_word *word = &list->word[list->count++];
  memcpy(word->text, text, sizeof text);
  word->about = about;
  word->needs_value = false;
}

static void add_number(struct list *list, double number, const char *about)
{
  char value[32];
  snprintf(value, sizeof value, "%.8g", number);
  add(list, value, strlen(value), about);
}

/* "16 32 64": a value each. */
static void add_usual(struct list *list, const char *values)
{
  while (*values) {
    size_t length = strcspn(values, " ");
    add(list, values, length, "");
    values += length + strspn(values + length, " ");
  }
}

static void add_names(struct list *list, const char *const *names)
{
  for (size_t i = 0; names && names[i]; i++)
    add(list, names[i], strlen(names[i]), i == 0 ? "the default" : "");
}

/* What the formats with blocks of their own have to choose from, and for scales of the others the
 * rules of their table. */
static void add_choices(struct list *list, enum slot slot)
{
  for (size_t i = 0; slot == SLOT_RULE && i < scale_rule_table_length; i++)
    add(list, scale_rule_table[i].name, strlen(scale_rule_table[i].name),
        scale_rule_table[i].formula);
  const struct block_codec *codec;
  for (size_t i = 0; (codec = block_codec_at(i)); i++)
    add_names(list, slot == SLOT_RULE      ? codec->rules
                    : slot == SLOT_VARIANT ? codec->variants
                                           : NULL);
}

/* A number that a calibrator takes. */
struct taken {
  double usual, least, most;
  bool whole;
};

static void add_taken(struct list *list, const struct taken *taken, double number,
                      const char *about)
{
  if (number >= taken->least && number <= taken->most &&
      (!taken->whole || !(floor(number) < number)))
    add_number(list, number, about);
}

/* Around the default; of percentiles those that people use. */
static void add_numbers(struct list *list, const struct taken *taken)
{
  static const double nines[] = {99, 99.5, 99.9, 99.99, 99.999, 100};
  bool percentile = taken->least >= 50 && taken->most <= 100;
  add_taken(list, taken, taken->usual, percentile ? "" : "the default");
  for (size_t i = 0; percentile && i < sizeof nines / sizeof *nines; i++)
    add_taken(list, taken, nines[i], "");
  if (!percentile) {
    add_taken(list, taken, taken->usual / 2, "half the default");
    add_taken(list, taken, taken->usual * 2, "twice the default");
  }
}

static void add_calibrators(struct list *list)
{
  for (size_t i = 0; i < calibrator_table_length; i++) {
    const struct calibrator *calibrator = &calibrator_table[i];
    if (calibrator->parameter && strcasecmp(calibrator->name, list->name) == 0)
      add_numbers(list, &(struct taken){calibrator->default_value, calibrator->least,
                                        calibrator->most, false});
    for (size_t k = 0; k < CALIBRATOR_OPTIONS && calibrator->option[k].word; k++) {
      const struct calibrator_option *option = &calibrator->option[k];
      if (strcasecmp(option->word, list->name) == 0)
        add_numbers(list,
                    &(struct taken){option->value, option->least, option->most, option->whole});
    }
  }
}

size_t spec_values(const char *name, struct spec_word *out, size_t most)
{
  struct list list = {.name = name, .word = out, .most = most};
  const struct keyword *keyword = spec_keyword_find(name);
  if (keyword && keyword->values)
    add_usual(&list, keyword->values);
  if (keyword)
    add_choices(&list, keyword->slot);
  add_calibrators(&list);
  return list.count;
}
