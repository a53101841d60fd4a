#include "tui/screen/keys.h"

#include "tui/screen/cells.h"

#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  uint32_t key;
} names[] = {
    {"Esc", KEY_CODE_ESCAPE},     {"Tab", KEY_CODE_TAB},      {"Enter", KEY_CODE_RETURN},
    {"Up", KEY_CODE_UP},          {"Down", KEY_CODE_DOWN},    {"Left", KEY_CODE_LEFT},
    {"Right", KEY_CODE_RIGHT},    {"PgUp", KEY_CODE_PAGE_UP}, {"PgDn", KEY_CODE_PAGE_DOWN},
    {"Home", KEY_CODE_HOME},      {"End", KEY_CODE_END},      {"Backspace", KEY_CODE_BACKSPACE},
    {"S-Tab", KEY_CODE_BACK_TAB}, {"Del", KEY_CODE_DELETE},   {"F1", KEY_CODE_F1},
    {"F2", KEY_CODE_F2},          {"F3", KEY_CODE_F3},        {"F4", KEY_CODE_F4},
    {"F5", KEY_CODE_F5},          {"F6", KEY_CODE_F6},        {"F7", KEY_CODE_F7},
    {"F8", KEY_CODE_F8},          {"F9", KEY_CODE_F9},        {"F10", KEY_CODE_F10},
    {"F11", KEY_CODE_F11},        {"F12", KEY_CODE_F12},      {"Space", ' '},
};
enum { NAMES = sizeof names / sizeof *names };

static uint32_t key_of(const char *word, size_t length)
{
  for (size_t i = 0; i < NAMES; i++)
    if (strlen(names[i].name) == length && memcmp(names[i].name, word, length) == 0)
      return names[i].key;
  if (length == 2 && word[0] == '^')
    return (uint32_t)word[1] & 0x1F;
  return utf8_next(&word);
}

size_t keys_parse(const char *list, uint32_t *keys, size_t most)
{
  size_t count = 0;
  for (;;) {
    list += strspn(list, " ");
    size_t length = strcspn(list, " ");
    if (!length || count == most)
      return count;
    keys[count++] = key_of(list, length);
    list += length;
  }
}

char *key_text(uint32_t key, char *text, size_t size)
{
  char character[5];
  for (size_t i = 0; i < NAMES; i++)
    if (names[i].key == key) {
      snprintf(text, size, "%s", names[i].name);
      return text;
    }
  if (key < ' ')
    snprintf(text, size, "^%c", (char)(key + '@'));
  else
    snprintf(text, size, "%s", utf8_encode(key, character));
  return text;
}
