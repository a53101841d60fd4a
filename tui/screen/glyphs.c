#include "config.h"

#include "tui/screen/glyphs.h"

#include <langinfo.h>
#include <string.h>
#include <wchar.h>

const struct glyphs glyphs_utf8 = {
    .ascii = false,
    .code =
        {
#define GLYPH(name, utf8, ascii) [GLYPH_##name] = utf8,
#include "tui/screen/glyphs.def"
#undef GLYPH
        },
};

const struct glyphs glyphs_ascii = {
    .ascii = true,
    .code =
        {
#define GLYPH(name, utf8, ascii) [GLYPH_##name] = ascii,
#include "tui/screen/glyphs.def"
#undef GLYPH
        },
};

bool glyphs_usable(void)
{
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
    return false;
  for (int i = 0; i < GLYPH_COUNT; i++)
    if (wcwidth((wchar_t)glyphs_utf8.code[i]) != 1)
      return false;
  return true;
}
