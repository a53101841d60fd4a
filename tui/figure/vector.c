/* What SVG and PDF share: a surface in points, and files that are read whole. */
#include "quant/base/size.h"
#include "tui/figure/file.h"

#include <cairo.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { READ_MOST = 1 << 26 }; /* bytes of a file that is read */

cairo_status_t vector_put(void *closure, const unsigned char *data, unsigned length)
{
  return fwrite(data, 1, length, closure) == length ? CAIRO_STATUS_SUCCESS
                                                    : CAIRO_STATUS_WRITE_ERROR;
}

double vector_points(unsigned pixels, const struct figure_options *options)
{
  return 72.0 * pixels / options->dpi;
}

enum status vector_draw(cairo_surface_t *surface, const struct figure *figure,
                        const struct figure_options *options, struct error *error)
{
  enum status status = figure_draw_on(surface, vector_points(1, options), figure, options, error);
  cairo_surface_finish(surface);
  cairo_status_t result = cairo_surface_status(surface);
  if (status == STATUS_OK && result != CAIRO_STATUS_SUCCESS)
    status = error_set(error, STATUS_OUTPUT, "drawing failed: %s", cairo_status_to_string(result));
  cairo_surface_destroy(surface);
  return status;
}

char *vector_read(FILE *file, size_t *size, struct error *error)
{
  char *bytes = NULL;
  size_t room = 0;
  *size = 0;
  for (;;) {
    if (*size == room) {
      room = size_max(2 * room, 1 << 16);
      char *grown = room <= READ_MOST ? mem_resize(bytes, room + 1, 1) : NULL;
      if (!grown) {
        error_set(error, STATUS_INPUT, "the figure is too large: expected at most %d MiB",
                  READ_MOST >> 20);
        break;
      }
      bytes = grown;
    }
    size_t got = fread(bytes + *size, 1, room - *size, file);
    *size += got;
    bytes[*size] = '\0';
    if (got == 0 && !ferror(file))
      return bytes;
    if (ferror(file)) {
      error_set(error, STATUS_INPUT, "cannot read: %s", strerror(errno));
      break;
    }
  }
  free(bytes);
  return NULL;
}
