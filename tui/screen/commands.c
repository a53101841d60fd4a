#include "config.h"

#include "tui/screen/commands.h"

#include "analysis/names.h"
#include "quant/base/nearest.h"
#include "tui/screen/keys.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct command explorer_commands[COMMAND_COUNT] = {
#define COMMAND(id, name, keys, group, hint, what, why, handler, argument)                         \
  [COMMAND_##id] = {name, keys, GROUP_##group, hint, what, why, SCOPE_EVERYWHERE, TEXT_NONE},
#define COMMAND_IN(scope, id, name, keys, group, hint, what, why, handler, argument)               \
  [COMMAND_##id] = {name, keys, GROUP_##group, hint, what, why, scope, TEXT_NONE},
#define COMMAND_TEXT(scope, id, name, keys, group, hint, text, what, why, handler)                 \
  [COMMAND_##id] = {name, keys, GROUP_##group, hint, what, why, scope, TEXT_##text},
#include "tui/screen/commands.def"
#undef COMMAND
};

const char *const command_group_titles[GROUP_COUNT] = {
    [GROUP_KNOBS] = "Knobs (small letter forward, capital back)",
    [GROUP_VIEW] = "View",
    [GROUP_TENSOR] = "Tensors and channels",
    [GROUP_OUTPUT] = "Output",
    [GROUP_PROGRAM] = "Program",
    [GROUP_LIST] = "The list of tensors (t), and metadata",
    [GROUP_CHECKS] = "The page of checks (v); knobs turn there, too",
    [GROUP_SESSION] = "The session (L)",
    [GROUP_CHANGES] = "The changes (Y)",
    [GROUP_EXPERIMENTS] = "Experiments (S)",
};

const char *const command_text_names[TEXT_COUNT] = {
    [TEXT_NONE] = "",          [TEXT_SPEC] = "SPEC",
    [TEXT_FILE] = "FILE",      [TEXT_TENSOR] = "NAME",
    [TEXT_RANGE] = "LO:HI",    [TEXT_ASSERTION] = "METRIC>=NUMBER",
    [TEXT_WORDS] = "WORDS",    [TEXT_RECIPE] = "RECIPE",
    [TEXT_SWEEP] = "WHAT",     [TEXT_TRANSFORM] = "TRANSFORM",
    [TEXT_TOKENS] = "NAME",    [TEXT_HELD_OUT] = "NAME",
    [TEXT_METHOD] = "METHOD",  [TEXT_METHOD_NAMES] = "METHODS",
    [TEXT_OTHER_SPEC] = "SPEC"};

enum command_id command_of_name(const char *name, size_t length)
{
  for (int id = 0; id < COMMAND_COUNT; id++)
    if (strlen(explorer_commands[id].name) == length &&
        memcmp(explorer_commands[id].name, name, length) == 0)
      return (enum command_id)id;
  return COMMAND_COUNT;
}

const char *command_nearest(const char *typed)
{
  const char *names[COMMAND_COUNT];
  for (int id = 0; id < COMMAND_COUNT; id++)
    names[id] = explorer_commands[id].name;
  return nearest_word(typed, names, COMMAND_COUNT);
}

static bool has_key(enum command_id id, uint32_t key)
{
  uint32_t keys[COMMAND_KEYS];
  size_t count = keys_parse(explorer_commands[id].keys, keys, COMMAND_KEYS);
  for (size_t i = 0; i < count; i++)
    if (keys[i] == key)
      return true;
  return false;
}

static enum command_id command_with(uint32_t key, int scope)
{
  for (int id = 0; id < COMMAND_COUNT; id++)
    if (explorer_commands[id].scope == scope && has_key((enum command_id)id, key))
      return (enum command_id)id;
  return COMMAND_COUNT;
}

enum command_id command_of_key(uint32_t key, int scope)
{
  enum command_id id = command_with(key, scope);
  return id == COMMAND_COUNT && scope < SCOPE_PAGES ? command_with(key, SCOPE_EVERYWHERE) : id;
}

char *command_keys(enum command_id id, char *text, size_t size)
{
  snprintf(text, size, "%s", explorer_commands[id].keys);
  return text;
}

char *command_key_in(enum command_id id, int scope, char *text, size_t size)
{
  const char *word = explorer_commands[id].keys;
  for (size_t length; *word; word += length + (word[length] == ' ')) {
    uint32_t key;
    length = strcspn(word, " ");
    snprintf(text, size, "%.*s", (int)length, word);
    if (keys_parse(text, &key, 1) == 1 && command_of_key(key, scope) == id)
      return text;
  }
  return command_first_key(id, text, size);
}

char *command_first_key(enum command_id id, char *text, size_t size)
{
  const char *keys = explorer_commands[id].keys;
  snprintf(text, size, "%.*s", (int)strcspn(keys, " "), keys);
  return text;
}

static int command_score(enum command_id id, const char *pattern)
{
  enum { BY_WHAT = 1, EXACT = 1 << 20 };
  const struct command *command = &explorer_commands[id];
  if (command->scope >= SCOPE_PAGES)
    return 0;
  if (strcasecmp(pattern, command->name) == 0)
    return EXACT;
  int by_name = name_score(pattern, command->name);
  if (by_name)
    return BY_WHAT + by_name;
  return strlen(pattern) > 2 && strcasestr(command->what, pattern) ? BY_WHAT : 0;
}

size_t commands_match(const char *pattern, enum command_id *ids, int *scores)
{
  size_t count = 0;
  if (strpbrk(pattern, ",="))
    return 0;
  for (int id = 0; id < COMMAND_COUNT; id++) {
    int score = command_score((enum command_id)id, pattern);
    if (!score)
      continue;
    size_t at = count++;
    if (*pattern)
      for (; at > 0 && scores[at - 1] < score; at--) {
        scores[at] = scores[at - 1];
        ids[at] = ids[at - 1];
      }
    scores[at] = score;
    ids[at] = (enum command_id)id;
  }
  return count;
}
