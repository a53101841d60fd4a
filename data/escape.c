#include "data/tensor.h"

#include <string.h>

/* Length (1 to 4) of the well-formed UTF-8 sequence at BYTES and its code point; 0 when there
 * is none. BYTES ends with NUL, which no continuation byte matches. */
static size_t utf8_decode(const unsigned char *bytes, uint32_t *point)
{
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned char lead = bytes[0];
  size_t length = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 0 || lead >= 0xF8)
    return 0;
  *point = length == 1 ? lead : lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; i++) {
    if ((bytes[i] & 0xC0) != 0x80)
      return 0;
    *point = *point << 6 | (bytes[i] & 0x3F);
  }
  bool surrogate = *point >= 0xD800 && *point <= 0xDFFF;
  return *point < smallest[length] || *point > 0x10FFFF || surrogate ? 0 : length;
}

/* Code points that move the cursor, start an escape sequence, break a line or reorder text. */
static bool harmful(uint32_t point)
{
  static const struct {
    uint32_t first, last;
  } ranges[] = {
      {0x00, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200B, 0x200F},   {0x2028, 0x202E},
      {0x2060, 0x2069}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
  };
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (point >= ranges[i].first && point <= ranges[i].last)
      return true;
  return false;
}

static void hex_byte(unsigned char byte, char out[4])
{
  static const char digits[] = "0123456789abcdef";
  out[0] = '\\';
  out[1] = 'x';
  out[2] = digits[byte >> 4];
  out[3] = digits[byte & 15];
}

char *text_escape(const char *name, char *text, size_t size)
{
  const unsigned char *next = (const unsigned char *)name;
  size_t used = 0;
  while (size > 0 && *next) {
    uint32_t point = 0;
    size_t length = utf8_decode(next, &point);
    bool plain = length > 0 && !harmful(point);
    size_t taken = length ? length : 1, written = plain ? length : 4 * taken;
    if (used + written >= size)
      break;
    for (size_t i = 0; i < taken && !plain; i++)
      hex_byte(next[i], text + used + 4 * i);
    if (plain)
      memcpy(text + used, next, length);
    used += written;
    next += taken;
  }
  if (size > 0)
    text[used] = '\0';
  return text;
}
