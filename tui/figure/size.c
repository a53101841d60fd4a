/* The size of a figure: pixels, or millimetres on paper. */
#include "tui/figure/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double millimetres = 25.4; /* of an inch */
static const double legible = 5;        /* points: journals ask for 5 to 7 */

/* A number above 0 at *TEXT, which goes behind it. */
static bool scan_length(const char **text, double *out)
{
  char *end;
  if (**text < '0' || **text > '9')
    return false;
  *out = strtod(*text, &end);
  *text = end;
  return *out > 0 && *out < 1e5;
}

bool figure_size_scan(const char *text, struct figure_options *options)
{
  double size[2] = {0, 0};
  bool done = strncmp(text, "0x", 2) != 0 && scan_length(&text, &size[0]);
  if (done && (*text == 'x' || *text == 'X')) {
    text++;
    done = scan_length(&text, &size[1]);
  }
  bool paper = strcmp(text, "mm") == 0,
       whole = size[0] == floor(size[0]) && size[1] == floor(size[1]);
  if (!done || (*text && !paper) || !(paper || whole))
    return false;
  options->paper[0] = paper ? size[0] : 0;
  options->paper[1] = paper ? size[1] : 0;
  options->width = (unsigned)size[0];
  options->height = (unsigned)size[1];
  return true;
}

char *figure_size_print(const struct figure_options *options, char text[FIGURE_SIZE_TEXT])
{
  if (options->paper[0] > 0 && options->paper[1] > 0)
    snprintf(text, FIGURE_SIZE_TEXT, "%.6gx%.6gmm", options->paper[0], options->paper[1]);
  else if (options->paper[0] > 0)
    snprintf(text, FIGURE_SIZE_TEXT, "%.6gmm", options->paper[0]);
  else if (options->height)
    snprintf(text, FIGURE_SIZE_TEXT, "%ux%u", options->width, options->height);
  else
    snprintf(text, FIGURE_SIZE_TEXT, "%u", options->width);
  return text;
}

static unsigned pixels(double length, unsigned dpi)
{
  return (unsigned)fmin(round(length / millimetres * dpi), 1e6);
}

struct figure_options figure_pixels(const struct figure_options *options)
{
  struct figure_options out = *options;
  if (options->paper[0] > 0) {
    out.width = pixels(options->paper[0], options->dpi);
    out.height = pixels(options->paper[1], options->dpi);
  }
  out.paper[0] = out.paper[1] = 0;
  return out;
}

const char *figure_remark(const struct figure *figure, const struct figure_options *options,
                          char text[FIGURE_REMARK])
{
  struct figure_extent extent;
  struct error error;
  *text = '\0';
  if (figure_extent(figure, options, &extent, &error) == STATUS_OK && extent.letters < legible)
    snprintf(text, FIGURE_REMARK, "its letters are %.1f points tall on paper: %s", extent.letters,
             figure_pixels(options).height ? "a size without a height, such as 85mm, makes it as "
                                             "tall as it needs"
                                           : "it needs to be wider");
  return text;
}
