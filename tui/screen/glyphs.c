#include "config.h"

#include "tui/screen/glyphs.h"

#include "tui/figure/octant.h"
#include "tui/screen/cells.h"

#include <langinfo.h>
#include <string.h>
#include <wchar.h>

/* --- parts of a cell -------------------------------------------------------------------------- */

static uint32_t quadrant(unsigned parts)
{
  static const uint16_t codes[16] = {
      ' ',    0x2598, 0x259D, 0x2580, 0x2596, 0x258C, 0x259E, 0x259B,
      0x2597, 0x259A, 0x2590, 0x259C, 0x2584, 0x2599, 0x259F, 0x2588,
  };
  return codes[parts & 15];
}

/* Unicode counts the sextants by their bits, without the four that older blocks have. */
static uint32_t sextant(unsigned parts)
{
  enum { LEFT_HALF = 21, RIGHT_HALF = 42, FULL = 63 };
  switch (parts & FULL) {
  case 0:
    return ' ';
  case LEFT_HALF:
    return 0x258C;
  case RIGHT_HALF:
    return 0x2590;
  case FULL:
    return 0x2588;
  default:
    parts &= FULL;
    return 0x1FB00 + parts - 1 - (parts > LEFT_HALF) - (parts > RIGHT_HALF);
  }
}

/* Dots 1, 2, 3 and 7 are on the left from the top, 4, 5, 6 and 8 on the right. */
static uint32_t braille(unsigned parts)
{
  static const uint8_t bits[8] = {0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80};
  uint32_t code = 0x2800;
  for (unsigned i = 0; i < 8; i++)
    if (parts >> i & 1)
      code |= bits[i];
  return code == 0x2800 ? ' ' : code;
}

/* --- sets ------------------------------------------------------------------------------------- */

#define GLYPH(name, utf8, ascii) [GLYPH_##name] = utf8,
static const uint32_t eighths[GLYPH_COUNT] = {
#include "tui/screen/glyphs.def"
};
#define GLYPH_PART(name, eighths, halves, ascii) [GLYPH_##name] = halves,
static const uint32_t halves[GLYPH_COUNT] = {
#include "tui/screen/glyphs.def"
};
#undef GLYPH
#define GLYPH(name, utf8, ascii) [GLYPH_##name] = ascii,
static const uint32_t letters[GLYPH_COUNT] = {
#include "tui/screen/glyphs.def"
};
#undef GLYPH

#define OF_CODE                                                                                    \
  {                                                                                                \
    8, NULL                                                                                        \
  }
#define QUADRANTS                                                                                  \
  {                                                                                                \
    2, quadrant                                                                                    \
  }
#define SEXTANTS                                                                                   \
  {                                                                                                \
    3, sextant                                                                                     \
  }
#define OCTANTS                                                                                    \
  {                                                                                                \
    4, octant_code                                                                                 \
  }
#define DOTS                                                                                       \
  {                                                                                                \
    4, braille                                                                                     \
  }

/* Eighths have the most heights, dots the most places. */
const struct glyphs glyphs_auto = {"auto", false, OF_CODE, DOTS, eighths};
const struct glyphs glyphs_utf8 = {"eighth", false, OF_CODE, OF_CODE, eighths};
const struct glyphs glyphs_ascii = {"ascii", true, OF_CODE, OF_CODE, letters};

static const struct glyphs half = {"half", false, OF_CODE, OF_CODE, halves};
static const struct glyphs quarter = {"quadrant", false, QUADRANTS, QUADRANTS, halves};
static const struct glyphs sixth = {"sextant", false, SEXTANTS, SEXTANTS, halves};
static const struct glyphs eighth = {"octant", false, OCTANTS, OCTANTS, halves};
static const struct glyphs dotted = {"braille", false, DOTS, DOTS, halves};

const struct glyphs *const glyphs_table[] = {&glyphs_auto, &glyphs_utf8, &half,   &quarter,
                                             &sixth,       &eighth,      &dotted, &glyphs_ascii};
const size_t glyphs_table_length = sizeof glyphs_table / sizeof *glyphs_table;

const struct glyphs *glyphs_find(const char *name)
{
  for (size_t i = 0; i < glyphs_table_length; i++)
    if (strcmp(glyphs_table[i]->name, name) == 0)
      return glyphs_table[i];
  return NULL;
}

int glyphs_across(const struct glyphs *glyphs)
{
  return glyphs->bars.pattern ? 2 : 1;
}

static bool parts_usable(const struct parts *parts)
{
  for (unsigned i = 0; parts->pattern && i < 1U << (2 * parts->down); i++)
    if (wcwidth((wchar_t)parts->pattern(i)) != 1)
      return false;
  return true;
}

bool glyphs_writable(const struct glyphs *glyphs)
{
  return glyphs->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

bool glyphs_usable(const struct glyphs *glyphs)
{
  if (glyphs->ascii || !glyphs_writable(glyphs))
    return glyphs->ascii;
  for (int i = 0; i < GLYPH_COUNT; i++)
    if (wcwidth((wchar_t)glyphs->code[i]) != 1)
      return false;
  return parts_usable(&glyphs->bars) && parts_usable(&glyphs->curves);
}

const char *glyphs_lack(const struct glyphs *glyphs)
{
  return glyphs_writable(glyphs) ? "in this C library, which must know their width (octants are of "
                                   "Unicode 16)"
                                 : "in the character set of this locale, which is not UTF-8";
}

/* --- the test card ---------------------------------------------------------------------------- */

/* The cell in ROW (0 is the lowest) of one bar, or of two side by side, HEIGHT parts high. */
static uint32_t bar_cell(const struct glyphs *glyphs, const int *height, int row)
{
  const struct parts *bars = &glyphs->bars;
  if (!bars->pattern) {
    int part = height[0] - row * bars->down;
    return glyphs->code[GLYPH_BAR_0 + (part < 0 ? 0 : part > 8 ? 8 : part)];
  }
  unsigned parts = 0;
  for (int column = 0; column < 2; column++)
    for (int i = 0; i < bars->down && row * bars->down + i < height[column]; i++)
      parts |= 1U << (2 * (bars->down - 1 - i) + column);
  return bars->pattern(parts);
}

static void card_row(FILE *out, const struct glyphs *glyphs, int row, const char *name)
{
  enum { COLUMNS = 48 };
  int across = glyphs_across(glyphs);
  char text[5];
  fprintf(out, "%-10s%s", name, utf8_encode(glyphs->code[GLYPH_VERTICAL], text));
  for (int column = 0; column < COLUMNS; column++) {
    int height[2];
    for (int i = 0; i < across; i++)
      height[i] = (column * across + i) * 2 * glyphs->bars.down / (COLUMNS * across - 1);
    fputs(utf8_encode(bar_cell(glyphs, height, row), text), out);
  }
  fprintf(out, "%s\n", utf8_encode(glyphs->code[GLYPH_VERTICAL], text));
}

void glyphs_card(FILE *out)
{
  fputs("Each slope should rise evenly, without gaps, boxes or ragged right edges; take the first\n"
        "that does: qscope --glyphs NAME, or i in the explorer. Where both eighth and braille do, "
        "auto\n"
        "(which is the default) takes eighths for bars and braille dots for curves.\n\n",
        out);
  for (size_t i = 1; i < glyphs_table_length; i++) {
    const struct glyphs *glyphs = glyphs_table[i];
    if (glyphs_usable(glyphs)) {
      card_row(out, glyphs, 1, "");
      card_row(out, glyphs, 0, glyphs->name);
    } else {
      fprintf(out, "%-10snot %s\n", glyphs->name, glyphs_lack(glyphs));
    }
    fputc('\n', out);
  }
}
