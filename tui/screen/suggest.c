#include "config.h"

#include "tui/screen/suggest.h"

#include "analysis/checks.h"
#include "analysis/metrics.h"
#include "data/transform.h"
#include "quant/base/size.h"
#include "quant/calibrator.h"
#include "quant/layer/method.h"
#include "quant/spec_list.h"
#include "tui/screen/run_line.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- the list ----------------------------------------------------------------------------- */

/* Adds it where its score belongs, behind its equals; of too many the worst falls out. Texts that
 * are too long are left out: they could not be written. */
static struct suggestion *add(struct suggestions *out, enum suggestion_kind kind, const char *text,
                              const char *about, int score)
{
  size_t at = out->count;
  while (at > 0 && out->list[at - 1].score < score)
    at--;
  if (at == SUGGESTIONS || strlen(text) >= SUGGESTION_TEXT)
    return NULL;
  size_t moved = out->count - at - (out->count == SUGGESTIONS);
  memmove(&out->list[at + 1], &out->list[at], moved * sizeof *out->list);
  out->count += out->count < SUGGESTIONS;
  struct suggestion *one = &out->list[at];
  *one = (struct suggestion){.kind = kind, .id = COMMAND_COUNT, .score = score};
  snprintf(one->text, sizeof one->text, "%s", text);
  snprintf(one->about, sizeof one->about, "%.95s", about);
  return one;
}

/* --- by name ------------------------------------------------------------------------------ */

static void add_commands(const char *pattern, struct suggestions *out)
{
  enum command_id ids[COMMAND_COUNT];
  int scores[COMMAND_COUNT];
  size_t count = commands_match(pattern, ids, scores);
  for (size_t i = 0; i < count; i++) {
    const struct command *command = &explorer_commands[ids[i]];
    struct suggestion *one = add(out, SUGGEST_COMMAND, command->name, command->what, scores[i]);
    if (one) {
      one->id = ids[i];
      one->behind[0] = command->text == TEXT_NONE ? '\0' : ' ';
    }
  }
}

static void add_quantizers(const char *pattern, struct suggestions *out)
{
  struct spec_word word[SPEC_WORDS];
  size_t count = spec_words(true, word, SPEC_WORDS);
  for (size_t i = 0; i < count; i++) {
    int score = name_score(pattern, word[i].text);
    if (score)
      add(out, SUGGEST_SPEC, word[i].text, word[i].about, score);
  }
  for (size_t i = 0; i < calibrator_table_length; i++) {
    int score = name_score(pattern, calibrator_table[i].name);
    if (score)
      add(out, SUGGEST_CALIBRATOR, calibrator_table[i].name, calibrator_table[i].summary, score);
  }
}

/* Of very many tensors the first are looked at, so that every key is answered at once; the list of
 * tensors finds all. */
static void add_tensors(const char *pattern, const struct source *source, enum suggestion_kind kind,
                        struct suggestions *out)
{
  enum { LOOKED_AT = 100000 };
  size_t count = size_min(source_count(source), LOOKED_AT);
  for (size_t i = 0; i < count; i++) {
    const struct tensor *tensor = source_tensor(source, i);
    int score = name_score(pattern, tensor->name);
    bool full = out->count == SUGGESTIONS;
    char shape[96], about[96];
    if (!score || (full && score <= out->list[SUGGESTIONS - 1].score))
      continue;
    snprintf(about, sizeof about, "%.70s %.20s", shape_print(&tensor->shape, shape, sizeof shape),
             tensor->stored->name);
    add(out, kind, tensor->name, about, score);
  }
}

/* --- parts of texts ----------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
  DIR *directory = opendir(path);
  if (directory)
    closedir(directory);
  return directory != NULL;
}

/* Files and folders whose names begin with what is written, of the folder before it. */
static void add_files(const char *line, size_t from, size_t at, struct suggestions *out)
{
  char folder[PATH_MAX], path[PATH_MAX];
  const char *home = getenv("HOME");
  size_t name = at;
  while (name > from && line[name - 1] != '/')
    name--;
  bool of_home = strncmp(line + from, "~/", 2) == 0 && name > from && home;
  size_t skipped = of_home ? 1 : 0;
  snprintf(folder, sizeof folder, "%s%.*s",
           of_home        ? home
           : name == from ? "."
                          : "",
           (int)(name - from - skipped), line + from + skipped);
  out->from = name;
  out->to = at;
  DIR *directory = opendir(folder);
  for (struct dirent *entry; directory && (entry = readdir(directory));) {
    bool hidden = entry->d_name[0] == '.' && (name == at || line[name] != '.');
    if (hidden || strncmp(entry->d_name, line + name, at - name) != 0 ||
        (size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= sizeof path)
      continue;
    struct suggestion *one = add(out, SUGGEST_PART, entry->d_name, "", 0);
    if (one && is_folder(path))
      one->behind[0] = '/';
  }
  if (directory)
    closedir(directory);
}

/* True when the word in PLACE is importance=FILE, written as far as the "=" at least; then *file is
 * where the name begins. */
static bool names_file(const char *spec, const struct spec_place *place, size_t at, size_t *file)
{
  static const char word[] = "importance=";
  *file = place->start + sizeof word - 1;
  return strncasecmp(spec + place->start, word, sizeof word - 1) == 0 && at >= *file;
}

static void add_spec_words(const char *line, size_t from, size_t at, struct suggestions *out)
{
  struct spec_word word[SUGGESTIONS];
  struct spec_place place = spec_place_at(line + from, at - from);
  size_t file;
  if (names_file(line + from, &place, at - from, &file))
    return add_files(line, from + file, at, out);
  size_t count = spec_complete(line + from, at - from, word, SUGGESTIONS);
  out->from = from + place.start;
  out->to = from + place.end;
  for (size_t i = 0; i < count; i++) {
    struct suggestion *one = add(out, SUGGEST_PART, word[i].text, word[i].about, 0);
    if (one && word[i].needs_value)
      one->behind[0] = '=';
  }
}

static void add_assertions(const char *line, size_t from, size_t at, struct suggestions *out)
{
  out->from = from;
  out->to = from + strcspn(line + from, "<>=! ");
  if (at > out->to)
    return;
  for (size_t i = 0; i < metric_table_length; i++)
    if (strncmp(metric_table[i].name, line + from, at - from) == 0)
      add(out, SUGGEST_PART, metric_table[i].name, metric_table[i].label, 0);
  for (size_t i = 0; i < check_table_length; i++)
    if (strncmp(check_table[i].name, line + from, at - from) == 0)
      add(out, SUGGEST_PART, check_table[i].name, check_table[i].label, 0);
}

/* What is swept over, and behind its "=" the values it usually has. */
static void add_sweeps(const char *line, size_t from, size_t at, struct suggestions *out)
{
  char text[SUGGESTION_TEXT];
  const char *about, *name;
  out->from = from;
  out->to = from + strcspn(line + from, " ");
  if (at > out->to)
    return;
  bool values = memchr(line + from, '=', at - from);
  for (size_t i = 0; (name = sweep_over_at(i, &about)); i++) {
    if (values && !sweep_over_values(i))
      continue;
    snprintf(text, sizeof text, "%s%s%s", name, values ? "=" : "",
             values ? sweep_over_values(i) : "");
    if (strncmp(text, line + from, at - from) == 0)
      add(out, SUGGEST_PART, text, about, 0);
  }
}

static void add_transforms(const char *line, size_t from, size_t at, struct suggestions *out)
{
  char text[SUGGESTION_TEXT];
  out->from = from;
  out->to = strlen(line);
  for (size_t i = 0; i <= transform_table_length; i++) {
    const struct transform_type *type = &transform_table[i];
    bool none = i == transform_table_length;
    if (none)
      snprintf(text, sizeof text, "none");
    else if (type->standard > 0)
      snprintf(text, sizeof text, "%s=%g", type->name, type->standard);
    else
      snprintf(text, sizeof text, "%s", type->name);
    if (strncmp(text, line + from, at - from) == 0)
      add(out, SUGGEST_PART, text, none ? "the tensor as it is" : type->summary, 0);
  }
}

/* Methods; behind a comma the options of the one that is named. */
static void add_methods(const char *line, size_t from, size_t at, struct suggestions *out)
{
  size_t word = at, start = from;
  while (word > from && !strchr(", \t", line[word - 1]))
    word--;
  for (size_t i = from; i < word; i++)
    if (strchr(" \t", line[i]))
      start = i + 1;
  out->from = word;
  out->to = word + strcspn(line + word, ", \t");
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(line + start, ", \t"), line + start);
  const struct method *method = word > start ? method_find(name) : NULL;
  for (size_t i = 0; word == start && i < method_table_length; i++)
    if (strncmp(method_table[i].name, line + word, at - word) == 0)
      add(out, SUGGEST_PART, method_table[i].name, method_table[i].summary, 0);
  for (size_t i = 0; method && i < METHOD_OPTIONS && method->option[i].word; i++) {
    const struct method_option *option = &method->option[i];
    struct suggestion *one = NULL;
    if (strncmp(option->word, line + word, at - word) == 0)
      one = add(out, SUGGEST_PART, option->word, option->summary, 0);
    if (one && option->kind != METHOD_FLAG)
      one->behind[0] = '=';
  }
}

/* --- both --------------------------------------------------------------------------------- */

bool suggest_spec(const char *line, size_t *from)
{
  struct line_parts parts = line_split(line);
  *from = parts.id == COMMAND_COUNT ? parts.name_start : parts.text_start;
  if (parts.id == COMMAND_COUNT)
    return strpbrk(line, ",=") != NULL;
  return explorer_commands[parts.id].text == TEXT_SPEC && parts.text_start > parts.name_length;
}

void suggest(const char *line, size_t at, const struct source *source, struct suggestions *out)
{
  struct line_parts parts = line_split(line);
  size_t from;
  out->count = 0;
  out->from = out->to = parts.text_start;
  if (suggest_spec(line, &from) && at >= from)
    return add_spec_words(line, from, at, out);
  if (parts.id != COMMAND_COUNT && at >= parts.text_start &&
      parts.text_start > parts.name_start + parts.name_length) {
    const char *text = line + parts.text_start;
    out->to = strlen(line);
    switch (explorer_commands[parts.id].text) {
    case TEXT_FILE:
      return add_files(line, parts.text_start, at, out);
    case TEXT_TENSOR:
      return add_tensors(text, source, SUGGEST_PART, out);
    case TEXT_ASSERTION:
      return add_assertions(line, parts.text_start, at, out);
    case TEXT_TRANSFORM:
      return add_transforms(line, parts.text_start, at, out);
    case TEXT_SWEEP:
      return add_sweeps(line, parts.text_start, at, out);
    case TEXT_TOKENS:
    case TEXT_HELD_OUT:
      return add_tensors(text, source, SUGGEST_PART, out);
    case TEXT_METHOD:
    case TEXT_METHOD_NAMES:
      return add_methods(line, parts.text_start, at, out);
    case TEXT_OTHER_SPEC:
      return add_spec_words(line, parts.text_start, at, out);
    default:
      return;
    }
  }
  out->from = 0;
  out->to = strlen(line);
  add_commands(line, out);
  if (line[parts.name_start]) {
    add_quantizers(line, out);
    add_tensors(line, source, SUGGEST_TENSOR, out);
  }
}
