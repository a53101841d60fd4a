/* The list below the panels: in as many columns as fit, read downwards. */
#include "quant/base/size.h"
#include "tui/figure/plot.h"

#include <cairo.h>
#include <math.h>

static const double column_gap = 12;

/* Columns that fit, each as wide as the longest entry. */
static size_t columns_of(const struct canvas *canvas, const struct figure *figure, double *width)
{
  *width = 1;
  for (size_t i = 0; i < figure->words; i++)
    *width = fmax(*width, canvas_text_width(canvas, TEXT_TICK, figure->word[i]));
  double fit = floor((canvas->width - 2 * figure_margin + column_gap) / (*width + column_gap));
  return size_min((size_t)fmax(fit, 1), size_max(figure->words, 1));
}

double list_height(const struct canvas *canvas, const struct figure *figure)
{
  double width;
  if (figure->words == 0)
    return 0;
  return (double)size_div_up(figure->words, columns_of(canvas, figure, &width)) *
         text_row(TEXT_TICK);
}

void list_draw(const struct canvas *canvas, const struct figure *figure, double top)
{
  double width;
  if (figure->words == 0)
    return;
  size_t columns = columns_of(canvas, figure, &width), rows = size_div_up(figure->words, columns);
  double step = (canvas->width - 2 * figure_margin + column_gap) / (double)columns;
  for (size_t i = 0; i < figure->words; i++)
    canvas_text(canvas, TEXT_TICK, figure->word[i], figure_margin + step * (double)(i / rows),
                top + text_size[TEXT_TICK] + text_row(TEXT_TICK) * (double)(i % rows), 0);
}
