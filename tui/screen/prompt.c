#include "tui/screen/prompt.h"

#include "tui/screen/cells.h"
#include "tui/screen/keys.h"

#include <stdio.h>
#include <string.h>

void prompt_clear(struct prompt *prompt)
{
  *prompt = (struct prompt){.length = 0};
}

void prompt_set(struct prompt *prompt, const char *text)
{
  prompt_clear(prompt);
  snprintf(prompt->text, sizeof prompt->text, "%s", text);
  prompt->length = prompt->at = strlen(prompt->text);
}

bool prompt_replace(struct prompt *prompt, size_t from, size_t to, const char *text)
{
  size_t more = strlen(text);
  if (prompt->length - (to - from) + more >= PROMPT_TEXT)
    return false;
  memmove(prompt->text + from + more, prompt->text + to, prompt->length - to + 1);
  memcpy(prompt->text + from, text, more);
  prompt->length += more - (to - from);
  prompt->at = from + more;
  return true;
}

static bool continues(const struct prompt *prompt, size_t at)
{
  return (prompt->text[at] & 0xC0) == 0x80;
}

/* Where the character before the cursor begins. */
static size_t before(const struct prompt *prompt)
{
  size_t at = prompt->at;
  while (at > 0 && continues(prompt, --at))
    ;
  return at;
}

/* Where the character at the cursor ends. */
static size_t behind(const struct prompt *prompt)
{
  size_t at = prompt->at + (prompt->at < prompt->length);
  while (at < prompt->length && continues(prompt, at))
    at++;
  return at;
}

static size_t word_before(const struct prompt *prompt)
{
  size_t at = prompt->at;
  while (at > 0 && strchr(" ,/=", prompt->text[at - 1]))
    at--;
  while (at > 0 && !strchr(" ,/=", prompt->text[at - 1]))
    at--;
  return at;
}

enum {
  CONTROL_A = 'A' & 0x1F,
  CONTROL_E = 'E' & 0x1F,
  CONTROL_K = 'K' & 0x1F,
  CONTROL_U = 'U' & 0x1F,
  CONTROL_W = 'W' & 0x1F
};

bool prompt_key(struct prompt *prompt, uint32_t key)
{
  char character[5];
  if (key >= ' ' && key < KEY_CODE_LETTERS_END && key != 0x7F)
    prompt_replace(prompt, prompt->at, prompt->at, utf8_encode(key, character));
  else if (key == KEY_CODE_BACKSPACE)
    prompt_replace(prompt, before(prompt), prompt->at, "");
  else if (key == CONTROL_U)
    prompt_replace(prompt, 0, prompt->at, "");
  else if (key == CONTROL_W)
    prompt_replace(prompt, word_before(prompt), prompt->at, "");
  else
    return false;
  return true;
}

static bool moves(struct prompt *prompt, uint32_t key)
{
  if (key == KEY_CODE_LEFT)
    prompt->at = before(prompt);
  else if (key == KEY_CODE_RIGHT)
    prompt->at = behind(prompt);
  else if (key == KEY_CODE_HOME || key == CONTROL_A)
    prompt->at = 0;
  else if (key == KEY_CODE_END || key == CONTROL_E)
    prompt->at = prompt->length;
  else
    return false;
  return true;
}

bool prompt_edit(struct prompt *prompt, uint32_t key)
{
  if (key == KEY_CODE_DELETE)
    prompt_replace(prompt, prompt->at, behind(prompt), "");
  else if (key == CONTROL_K)
    prompt_replace(prompt, prompt->at, prompt->length, "");
  else
    return moves(prompt, key) || prompt_key(prompt, key);
  return true;
}
