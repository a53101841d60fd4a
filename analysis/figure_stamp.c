/* What the tensors of a figure are: lines "# xxh64 HASH NAME". */
#include "config.h"

#include "analysis/figure.h"
#include "quant/base/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char head[] = "# xxh64 ";
enum { HEAD = sizeof head - 1, DIGITS = 16, NAME_MOST = 1024 };

bool figure_add_stamp(struct figure *figure, const char *name, uint64_t hash)
{
  char shown[NAME_MOST], *joined;
  const char *before = figure->stamp ? figure->stamp : "";
  int length = asprintf(&joined, "%s%s%0*" PRIx64 " %s\n", before, head, DIGITS, hash,
                        text_escape(name, shown, sizeof shown));
  if (length < 0)
    return false;
  if (strstr(before, joined + strlen(before))) { /* two pins of one tensor */
    free(joined);
    return true;
  }
  free(figure->stamp);
  figure->stamp = joined;
  return true;
}

/* The hash and the name of the line at TEXT: where they are, and their length; 0 when it is none.
 */
static size_t take_line(const char *text, const char **name, size_t *name_length)
{
  size_t length = strcspn(text, "\n");
  if (length <= HEAD + DIGITS + 1 || strncmp(text, head, HEAD) != 0)
    return 0;
  *name = text + HEAD + DIGITS + 1;
  *name_length = length - HEAD - DIGITS - 1;
  return length;
}

bool figure_stamps_differ(const char *was, const char *now, char *name, size_t size)
{
  const char *old_name, *new_name;
  size_t old_length, new_length;
  while (was && now) {
    size_t old = take_line(was, &old_name, &old_length),
           new = take_line(now, &new_name, &new_length);
    if (!old || !new)
      return false;
    bool same_name = old_length == new_length && memcmp(old_name, new_name, old_length) == 0;
    if (same_name && memcmp(was + HEAD, now + HEAD, DIGITS) != 0) {
      snprintf(name, size, "%.*s", (int)size_min(old_length, NAME_MOST), old_name);
      return true;
    }
    was = was[old] ? was + old + 1 : NULL;
    now = now[new] ? now + new + 1 : NULL;
  }
  return false;
}
