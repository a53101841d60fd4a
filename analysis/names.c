#include "config.h"

#include "analysis/names.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* --- levels --------------------------------------------------------------------------- */

size_t name_common(const char *a, const char *b, unsigned levels)
{
  size_t common = 0;
  for (size_t i = 0; a[i] && a[i] == b[i] && levels > 0; i++)
    if (name_separator(a[i])) {
      common = i + 1;
      levels--;
    }
  return common;
}

/* --- how well a pattern means a name ---------------------------------------------------- */

enum {
  PATTERN_MOST = 32,
  NAME_MOST = 256, /* of longer names the end is scored: it tells more than the beginning */
  LETTER = 2,
  IN_A_ROW = 7,
  WORD_START = 6,
  IN_ONE_PIECE = 1000,
};

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool occurs_in_order(const char *pattern, const char *name)
{
  for (; *pattern && *name; name++)
    pattern += lower(*pattern) == lower(*name);
  return !*pattern;
}

static bool starts_word(const char *name, const char *at)
{
  return at == name || !isalnum((unsigned char)at[-1]) ||
         (isdigit((unsigned char)*at) && !isdigit((unsigned char)at[-1]));
}

/* The best way to find the letters of PATTERN in NAME: best[j] is that of its first j letters that
 * ends at the letter before, or earlier; ended[j] that which ends there. */
static int best_alignment(const char *pattern, size_t letters, const char *name)
{
  int best[PATTERN_MOST + 1], ended[PATTERN_MOST + 1];
  for (size_t j = 0; j <= letters; j++)
    best[j] = ended[j] = j ? -1 : 0;
  for (const char *at = name; *at; at++) {
    int extra = LETTER + (starts_word(name, at) ? WORD_START : 0);
    for (size_t j = letters; j > 0; j--) {
      int score = -1;
      if (lower(*at) == lower(pattern[j - 1])) {
        if (best[j - 1] >= 0)
          score = best[j - 1] + extra;
        if (j > 1 && ended[j - 1] >= 0 && ended[j - 1] + extra + IN_A_ROW > score)
          score = ended[j - 1] + extra + IN_A_ROW;
      }
      ended[j] = score;
      if (score > best[j])
        best[j] = score;
    }
  }
  return best[letters];
}

/* Of all places of PATTERN in NAME: a whole word, the start of one, any. */
static int piece_score(const char *pattern, size_t letters, const char *name)
{
  int best = 0;
  for (const char *at = name; (at = strcasestr(at, pattern)); at++) {
    bool starts = starts_word(name, at), ends = !isalnum((unsigned char)at[letters]);
    int score = IN_ONE_PIECE + (starts ? 200 : 0) + (starts && ends ? 200 : 0);
    if (score > best)
      best = score;
    if (starts && ends)
      break;
  }
  return best;
}

int name_score(const char *pattern, const char *name)
{
  size_t letters = strlen(pattern), length = strlen(name);
  if (letters == 0)
    return 1;
  if (!occurs_in_order(pattern, name))
    return 0;
  int shortness = length < NAME_MOST ? (int)(NAME_MOST - length) / 4 : 0;
  int piece = piece_score(pattern, letters, name);
  if (piece)
    return 4 * piece + shortness;
  const char *tail = length > NAME_MOST ? name + length - NAME_MOST : name;
  if (letters > PATTERN_MOST || !occurs_in_order(pattern, tail))
    return 1;
  return 4 * best_alignment(pattern, letters, tail) + shortness + 1;
}
