/* SVG files through Cairo, which draws letters as outlines: they look the same everywhere. What
 * the picture says in words (title, caption, recipe) goes in front of them. */
#include "config.h"

#include "quant/base/size.h"
#include "tui/figure/file.h"

#include <cairo-svg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char recipe_space[] = "urn:qscope:recipe";

/* --- write ---------------------------------------------------------------------------------- */

/* TEXT as XML has it; control characters, which it cannot hold, become '?'. */
static void put_text(FILE *file, const char *text)
{
  for (; *text; text++)
    switch (*text) {
    case '&':
      fputs("&amp;", file);
      break;
    case '<':
      fputs("&lt;", file);
      break;
    case '>':
      fputs("&gt;", file);
      break;
    default:
      fputc(((unsigned char)*text < 0x20 && *text != '\n') || *text == 0x7f ? '?' : *text, file);
    }
}

static void put_words(FILE *file, const struct figure *figure, const char *origin)
{
  fputs("\n<title>", file);
  put_text(file, figure->title);
  fputs("</title>\n<desc>", file);
  for (size_t i = 0; i < FIGURE_CAPTION_LINES; i++)
    if (figure->caption[i]) {
      put_text(file, figure->caption[i]);
      fputc(' ', file);
    }
  fprintf(file, "</desc>\n<metadata>\n<recipe xmlns=\"%s\" generator=\"%s\">", recipe_space,
          PACKAGE_STRING);
  put_text(file, origin);
  fputs("</recipe>\n</metadata>", file);
}

/* Cairo numbers its surfaces, so that the second figure of a process would differ from the first:
 * the number is left out where nothing refers to it. Returns the length of what is left. */
static size_t drop_number(char *svg, size_t size)
{
  char *id = strstr(svg, " id=\"surface"), *end = id ? strchr(id + 5, '"') : NULL;
  if (!end || strstr(svg, "#surface"))
    return size;
  memmove(id, end + 1, size - (size_t)(end + 1 - svg) + 1);
  return size - (size_t)(end + 1 - id);
}

enum status svg_write(const struct figure *figure, const char *origin,
                      const struct figure_options *options, FILE *file, struct error *error)
{
  char *drawn = NULL;
  size_t size = 0;
  FILE *memory = open_memstream(&drawn, &size);
  if (!memory)
    return error_memory(error, "a picture");
  enum status status = vector_draw(cairo_svg_surface_create_for_stream(
                                       vector_put, memory, vector_points(options->width, options),
                                       vector_points(options->height, options)),
                                   figure, options, error);
  if (fclose(memory) && status == STATUS_OK)
    status = error_memory(error, "a picture");
  char *head = status == STATUS_OK ? strstr(drawn, "<svg") : NULL,
       *body = head ? strchr(head, '>') : NULL;
  if (body) {
    size = drop_number(drawn, size);
    size_t first = (size_t)(body + 1 - drawn);
    fwrite(drawn, 1, first, file);
    put_words(file, figure, origin);
    fwrite(drawn + first, 1, size - first, file);
  } else if (status == STATUS_OK) {
    status = error_set(error, STATUS_OUTPUT, "drawing failed: Cairo wrote no SVG");
  }
  free(drawn);
  return status;
}

/* --- read ----------------------------------------------------------------------------------- */

static const struct {
  const char *name, letter;
} entities[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}};

/* The letter of the entity behind an '&' at TEXT, or '\0'; *length is what it takes. */
static char entity(const char *text, size_t *length)
{
  for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
    *length = strlen(entities[i].name);
    if (strncmp(text, entities[i].name, *length) == 0)
      return entities[i].letter;
  }
  char *end;
  unsigned long code = text[0] != '#'   ? 0
                       : text[1] == 'x' ? strtoul(text + 2, &end, 16)
                                        : strtoul(text + 1, &end, 10);
  if (code == 0 || code > 0x7e || *end != ';')
    return '\0';
  *length = (size_t)(end + 1 - text);
  return (char)code;
}

/* The text of an element up to its end tag: a new string, or NULL. */
static char *element_text(const char *from)
{
  const char *end = strchr(from, '<');
  size_t length = end ? (size_t)(end - from) : RECIPE_MOST + 1, used = 0, taken;
  char *text = length <= RECIPE_MOST ? mem_array(length + 1, 1) : NULL;
  for (size_t i = 0; text && i < length; i++) {
    char letter = from[i] == '&' ? entity(from + i + 1, &taken) : '\0';
    text[used++] = letter ? letter : from[i];
    i += letter ? taken : 0;
  }
  return text;
}

/* The name at NAME is that of an element, perhaps with a prefix. */
static bool is_element(const char *bytes, const char *name, size_t length)
{
  const char *start = name;
  while (start > bytes && !strchr("<> \t\r\n\"'=/", start[-1]))
    start--;
  return start > bytes && start[-1] == '<' && (start == name || name[-1] == ':') &&
         strchr("> \t\r\n", name[length]);
}

/* The start tag of the recipe; NULL: there is none. Whoever saves the picture again may give it a
 * prefix, and declare the name space elsewhere. */
static const char *find_recipe(const char *bytes)
{
  static const char name[] = "recipe";
  if (!strstr(bytes, recipe_space))
    return NULL;
  for (const char *at = bytes; (at = strstr(at, name)); at += strlen(name))
    if (is_element(bytes, at, strlen(name)))
      return at;
  return NULL;
}

enum status svg_read(FILE *file, char **recipe, struct error *error)
{
  size_t size;
  char *bytes = vector_read(file, &size, error);
  if (!bytes)
    return STATUS_INPUT;
  const char *element = find_recipe(bytes), *text = element ? strchr(element, '>') : NULL;
  *recipe = text ? element_text(text + 1) : NULL;
  free(bytes);
  return *recipe ? STATUS_OK
                 : error_set(error, STATUS_INPUT, "the picture carries no recipe (no element %s)",
                             recipe_space);
}
