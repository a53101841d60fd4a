#include "tui/screen/prompt.h"

#include "tui/screen/cells.h"
#include "tui/screen/keys.h"

#include <string.h>

void prompt_clear(struct prompt *prompt)
{
  *prompt = (struct prompt){.length = 0};
}

/* The length without the last character. */
static size_t shorter(const struct prompt *prompt)
{
  size_t length = prompt->length;
  while (length > 0 && (prompt->text[--length] & 0xC0) == 0x80)
    ;
  return length;
}

static size_t without_word(const struct prompt *prompt)
{
  size_t length = prompt->length;
  while (length > 0 && strchr(" ,/=", prompt->text[length - 1]))
    length--;
  while (length > 0 && !strchr(" ,/=", prompt->text[length - 1]))
    length--;
  return length;
}

static bool append(struct prompt *prompt, uint32_t key)
{
  char character[5];
  size_t more = strlen(utf8_encode(key, character));
  if (prompt->length + more < PROMPT_TEXT) {
    memcpy(prompt->text + prompt->length, character, more + 1);
    prompt->length += more;
  }
  return true;
}

bool prompt_key(struct prompt *prompt, uint32_t key)
{
  enum { CONTROL_U = 'U' & 0x1F, CONTROL_W = 'W' & 0x1F };
  if (key >= ' ' && key < KEY_CODE_LETTERS_END && key != 0x7F)
    return append(prompt, key);
  if (key == KEY_CODE_BACKSPACE)
    prompt->length = shorter(prompt);
  else if (key == CONTROL_U)
    prompt->length = 0;
  else if (key == CONTROL_W)
    prompt->length = without_word(prompt);
  else
    return false;
  prompt->text[prompt->length] = 0;
  return true;
}
