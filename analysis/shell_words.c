#include "analysis/shell_words.h"

#include "data/tensor.h"
#include "quant/base/size.h"

#include <string.h>

void shell_words_free(struct shell_words *words)
{
  free(words->word);
  free(words->bytes);
}

/* Reads up to three octal digits at *AT, and moves it behind them. */
static unsigned read_octal(const char **at)
{
  unsigned value = 0;
  for (int i = 0; i < 3 && **at >= '0' && **at <= '7'; i++)
    value = value * 8 + (unsigned)(*(*at)++ - '0');
  return value;
}

static unsigned read_hex(const char **at)
{
  static const char digits[] = "0123456789abcdefABCDEF";
  unsigned value = 0;
  for (int i = 0; i < 2 && **at && strchr(digits, **at); i++) {
    unsigned digit = (unsigned)(strchr(digits, *(*at)++) - digits);
    value = value * 16 + (digit < 16 ? digit : digit - 6);
  }
  return value;
}

/* The escape behind a backslash in $'...'; 0 when it stands for nothing (or for NUL). */
static unsigned read_escape(const char **at)
{
  static const char letters[] = "abefnrtv\\'\"?";
  static const char meanings[] = "\a\b\033\f\n\r\t\v\\'\"?";
  if (**at >= '0' && **at <= '7')
    return read_octal(at) & 0xff;
  if (**at == 'x') {
    (*at)++;
    return read_hex(at);
  }
  const char *letter = **at ? strchr(letters, **at) : NULL;
  if (!letter)
    return 0;
  (*at)++;
  return (unsigned char)meanings[letter - letters];
}

enum quoting { QUOTE_NONE, QUOTE_SINGLE, QUOTE_DOUBLE, QUOTE_DOLLAR, QUOTE_BROKEN };

/* One step of the reader: moves *AT over a quote, an escape or a byte, appends what it stands
 * for to *OUT, and returns the quoting from there on. */
static enum quoting step_plain(const char **at, char **out)
{
  char c = *(*at)++;
  if (c == '\'')
    return QUOTE_SINGLE;
  if (c == '"')
    return QUOTE_DOUBLE;
  if (c == '$' && **at == '\'') {
    (*at)++;
    return QUOTE_DOLLAR;
  }
  if (c == '\\') {
    c = **at;
    if (!c)
      return QUOTE_BROKEN;
    (*at)++;
    if (c == '\n') /* a line that goes on */
      return QUOTE_NONE;
  }
  *(*out)++ = c;
  return QUOTE_NONE;
}

static enum quoting step_single(const char **at, char **out)
{
  char c = *(*at)++;
  if (c == '\'')
    return QUOTE_NONE;
  *(*out)++ = c;
  return QUOTE_SINGLE;
}

static enum quoting step_double(const char **at, char **out)
{
  char c = *(*at)++;
  if (c == '"')
    return QUOTE_NONE;
  if (c == '\\' && **at && strchr("$`\"\\\n", **at)) {
    c = *(*at)++;
    if (c == '\n')
      return QUOTE_DOUBLE;
  }
  *(*out)++ = c;
  return QUOTE_DOUBLE;
}

static enum quoting step_dollar(const char **at, char **out)
{
  char c = *(*at)++;
  if (c == '\'')
    return QUOTE_NONE;
  if (c == '\\') {
    unsigned value = read_escape(at);
    if (!value)
      return QUOTE_BROKEN;
    c = (char)value;
  }
  *(*out)++ = c;
  return QUOTE_DOLLAR;
}

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes between words at AT: a blank, or a line that goes on. */
static size_t blank_length(const char *at)
{
  return is_blank(*at) ? 1 : at[0] == '\\' && at[1] == '\n' ? 2 : 0;
}

/* Reads one word at *AT into *OUT and ends it; QUOTE_NONE, or the quoting that never ended. */
static enum quoting read_word(const char **at, char **out)
{
  static enum quoting (*const step[])(const char **, char **) = {step_plain, step_single,
                                                                 step_double, step_dollar};
  enum quoting quoting = QUOTE_NONE;
  while (**at && quoting != QUOTE_BROKEN && !(quoting == QUOTE_NONE && is_blank(**at)))
    quoting = step[quoting](at, out);
  *(*out)++ = '\0';
  return quoting;
}

/* Splits TEXT; each word begins after a blank, so that there are at most length / 2 + 1. */
enum status shell_words_split(const char *text, struct shell_words *words, struct error *error)
{
  size_t length = strlen(text);
  *words = (struct shell_words){.word = mem_array(length / 2 + 1, sizeof *words->word),
                                .bytes = malloc(length + 2)};
  if (!words->word || !words->bytes)
    return error_memory(error, "a recipe");
  char *out = words->bytes;
  for (const char *at = text;;) {
    for (size_t blank; (blank = blank_length(at)) > 0;)
      at += blank;
    if (!*at)
      return STATUS_OK;
    const char *start = at;
    words->word[words->count++] = out;
    if (read_word(&at, &out) != QUOTE_NONE) {
      char shown[128];
      return error_set(error, STATUS_USAGE,
                       "recipe: a quote is not closed, or an escape is wrong, in %s",
                       text_escape(start, shown, sizeof shown));
    }
  }
}

bool shell_word_is_plain(const char *word)
{
  /* '~' and '=' mean something to shells at the start of a word only; '%', '+' and the rest
   * never do. */
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "_-+./:,@%=";
  return *word && *word != '=' && word[strspn(word, plain)] == '\0';
}
