#include "tui/figure/octant.h"

#include <stddef.h>

/* Patterns that Unicode had before, or has under other names; the others follow each other from
 * U+1CD00 on, ascending. */
static const struct {
  unsigned pattern;
  uint32_t code;
} named[] = {
    {0x00, ' '},     {0x01, 0x1CEA8}, {0x02, 0x1CEAB}, {0x03, 0x1FB82}, {0x05, 0x2598},
    {0x0A, 0x259D},  {0x0F, 0x2580},  {0x14, 0x1FBE6}, {0x28, 0x1FBE7}, {0x3F, 0x1FB85},
    {0x40, 0x1CEA3}, {0x50, 0x2596},  {0x55, 0x258C},  {0x5A, 0x259E},  {0x5F, 0x259B},
    {0x80, 0x1CEA0}, {0xA0, 0x2597},  {0xA5, 0x259A},  {0xAA, 0x2590},  {0xAF, 0x259C},
    {0xC0, 0x2582},  {0xF0, 0x2584},  {0xF5, 0x2599},  {0xFA, 0x259F},  {0xFC, 0x2586},
    {0xFF, 0x2588},
};
enum { NAMED = sizeof named / sizeof *named };

uint32_t octant_code(unsigned pattern)
{
  unsigned below = 0;
  pattern %= OCTANT_PATTERNS;
  while (below < NAMED && named[below].pattern < pattern)
    below++;
  if (below < NAMED && named[below].pattern == pattern)
    return named[below].code;
  return 0x1CD00 + pattern - below;
}

bool octant_pattern(uint32_t code, unsigned *pattern)
{
  for (*pattern = 0; *pattern < OCTANT_PATTERNS; ++*pattern)
    if (octant_code(*pattern) == code)
      return true;
  return false;
}
