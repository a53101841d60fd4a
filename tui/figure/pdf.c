/* PDF files through Cairo, which embeds the letters that are used. The recipe is the document's
 * subject, where every reader shows it. */
#include "config.h"

#include "quant/base/size.h"
#include "tui/figure/file.h"

#include <cairo-pdf.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum status pdf_write(const struct figure *figure, const char *origin,
                      const struct figure_options *options, FILE *file, struct error *error)
{
  cairo_surface_t *surface =
      cairo_pdf_surface_create_for_stream(vector_put, file, vector_points(options->width, options),
                                          vector_points(options->height, options));
  const struct {
    cairo_pdf_metadata_t what;
    const char *text;
  } words[] = {{CAIRO_PDF_METADATA_TITLE, figure->title},
               {CAIRO_PDF_METADATA_SUBJECT, origin},
               {CAIRO_PDF_METADATA_CREATOR, PACKAGE_STRING},
               {CAIRO_PDF_METADATA_CREATE_DATE, ""}}; /* the same figure is the same file */
  /* Later versions compress what is said here, out of the reach of simple readers. */
  cairo_pdf_surface_restrict_to_version(surface, CAIRO_PDF_VERSION_1_4);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    cairo_pdf_surface_set_metadata(surface, words[i].what, words[i].text);
  return vector_draw(surface, figure, options, error);
}

/* --- read ----------------------------------------------------------------------------------- */

/* The code unit of four hexadecimal digits at *AT, which it passes; -1 at the end. */
static long next_unit(const char **at)
{
  char digits[5] = "";
  for (int i = 0; i < 4; i++, ++*at) {
    if (!isxdigit((unsigned char)**at))
      return -1;
    digits[i] = **at;
  }
  return strtol(digits, NULL, 16);
}

static size_t put_utf8(unsigned long code, char *out)
{
  size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
  for (size_t i = more; i > 0; i--, code >>= 6)
    out[i] = (char)(0x80 | (code & 0x3f));
  out[0] = (char)(first[more] | code);
  return more + 1;
}

/* <FEFF...>: UTF-16 in hexadecimal digits. */
static size_t read_hexadecimal(const char *at, char *out, size_t most)
{
  size_t used = 0;
  for (long unit; used + 4 < most && (unit = next_unit(&at)) >= 0;) {
    unsigned long code = (unsigned long)unit;
    if (code == 0xfeff && used == 0)
      continue;
    if (code >= 0xd800 && code < 0xdc00 && (unit = next_unit(&at)) >= 0xdc00 && unit < 0xe000)
      code = 0x10000 + ((code - 0xd800) << 10) + ((unsigned long)unit - 0xdc00);
    used += put_utf8(code, out + used);
  }
  return used;
}

/* (...): letters, where \ escapes; nested parentheses need none. */
static size_t read_literal(const char *at, char *out, size_t most)
{
  size_t used = 0;
  for (int depth = 1; *at && used + 1 < most; at++) {
    bool escaped = *at == '\\' && at[1];
    at += escaped;
    depth += escaped ? 0 : *at == '(' ? 1 : *at == ')' ? -1 : 0;
    if (depth == 0)
      break;
    char *end = NULL, octal[4] = "";
    if (escaped && *at >= '0' && *at <= '7') {
      memcpy(octal, at, strnlen(at, 3));
      out[used++] = (char)strtol(octal, &end, 8);
      at += end - octal - 1;
    } else {
      out[used++] = *at;
    }
  }
  return used;
}

/* The string object at AT in OUT (MOST bytes). */
static void read_string(const char *at, char *out, size_t most)
{
  at += strspn(at, " \t\r\n");
  size_t used = *at == '<'   ? read_hexadecimal(at + 1, out, most)
                : *at == '(' ? read_literal(at + 1, out, most)
                             : 0;
  out[used] = '\0';
}

enum status pdf_read(FILE *file, char **recipe, struct error *error)
{
  static const char key[] = "/Subject";
  size_t size;
  char *bytes = vector_read(file, &size, error), *found = NULL;
  char *text = bytes ? mem_array(RECIPE_MOST + 1, 1) : NULL;
  if (!text) {
    free(bytes);
    return bytes ? error_memory(error, "a recipe") : STATUS_INPUT;
  }
  /* A file that was saved again holds the words twice: the last ones count. */
  for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), key, strlen(key)));) {
    at += strlen(key);
    read_string(at, text, RECIPE_MOST);
    if (strncmp(text, "qscope ", 7) == 0) {
      free(found);
      found = strdup(text);
    }
  }
  free(text);
  free(bytes);
  *recipe = found;
  return found ? STATUS_OK
               : error_set(error, STATUS_INPUT,
                           "the document carries no recipe (no subject that begins with qscope)");
}
