#include "quant/base/nearest.h"

#include "quant/base/size.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 64 };

static int folded(char letter)
{
  return tolower((unsigned char)letter);
}

size_t edit_distance(const char *a, const char *b)
{
  size_t rows = strnlen(a, LONGEST), columns = strnlen(b, LONGEST);
  size_t lines[3][LONGEST + 1]; /* the table's last three lines, line i in lines[i % 3] */
  for (size_t j = 0; j <= columns; j++)
    lines[0][j] = j;
  for (size_t i = 1; i <= rows; i++) {
    const size_t *above = lines[(i - 1) % 3], *two_above = lines[(i + 1) % 3];
    size_t *line = lines[i % 3];
    line[0] = i;
    for (size_t j = 1; j <= columns; j++) {
      bool same = folded(a[i - 1]) == folded(b[j - 1]);
      line[j] = size_min(above[j - 1] + !same, size_min(above[j], line[j - 1]) + 1);
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
          folded(a[i - 2]) == folded(b[j - 1]))
        line[j] = size_min(line[j], two_above[j - 2] + 1);
    }
  }
  return lines[rows % 3][columns];
}

/* A beginning of three letters or more is one slip away from the whole word. */
static size_t distance(const char *word, const char *candidate)
{
  size_t length = strlen(word);
  if (length >= 3 && strncasecmp(word, candidate, length) == 0)
    return word[length] == candidate[length] ? 0 : 1;
  return edit_distance(word, candidate);
}

const char *nearest_word(const char *word, const char *const *candidates, size_t count)
{
  const char *nearest = NULL;
  size_t least = (size_t)-1;
  for (size_t i = 0; i < count; i++) {
    size_t longer = size_max(strlen(word), strlen(candidates[i]));
    size_t changes = distance(word, candidates[i]);
    if (changes < least && changes <= size_div_up(longer, 3)) {
      nearest = candidates[i];
      least = changes;
    }
  }
  return nearest;
}
