#include "analysis/view.h"

#include "analysis/fig_layer.h"
#include "analysis/filter.h"
#include "analysis/views.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct view_type view_table[] = {
    {.name = "histogram",
     .title = "Histogram",
     .summary = "original, reconstruction, levels and clip thresholds",
     .kind = VIEW_HISTOGRAM,
     .build = fig_histogram,
     .pinned = fig_histogram_pins},
    {.name = "error",
     .title = "Error",
     .summary = "distribution of the error, and error against value",
     .kind = VIEW_ERROR,
     .errors = true,
     .build = fig_error,
     .pinned = fig_error_pins},
    {.name = "channels",
     .title = "Channels",
     .summary = "largest magnitude and SQNR of each channel, outliers named",
     .kind = VIEW_CHANNELS,
     .build = fig_channels,
     .pinned = fig_channels_pins},
    {.name = "heat",
     .title = "Heat map",
     .summary = "error, magnitude or scale of each block of rows and columns",
     .kind = VIEW_HEAT,
     .build = fig_heat},
    {.name = "sweep",
     .title = "Sweep",
     .summary = "SQNR against bits, groups, clip thresholds, formats; the Pareto front",
     .kind = VIEW_SWEEP,
     .build = fig_sweep_view},
    {.name = "compare",
     .title = "Compare",
     .summary = "where each of several quantizers loses what; or what a file has lost",
     .kind = VIEW_COMPARE,
     .errors = true,
     .of_pair = fig_compare,
     .pinned = fig_pins},
    {.name = "board",
     .title = "Board",
     .summary = "error against clip threshold, and what every calibrator chooses",
     .kind = VIEW_BOARD,
     .build = fig_board},
    {.name = "inspector",
     .title = "Inspector",
     .summary = "one block with its codes and scales, and the error of all blocks",
     .kind = VIEW_INSPECTOR,
     .build = fig_inspector},
    {.name = "layer",
     .title = "Layer",
     .summary = "what each method does to the output of a layer, W x, and why",
     .kind = VIEW_LAYER,
     .of_layer = figure_of_layer},
    {.name = "format",
     .title = "Format",
     .summary = "the numbers of a format, and how far apart they are",
     .kind = VIEW_FORMAT,
     .of_quantizers = fig_format},
    {.name = "tensors",
     .title = "Tensors",
     .summary = "what a quantizer costs each tensor of a file, outliers named",
     .kind = VIEW_TENSORS,
     .of_tensors = figure_of_tensors},
};
const size_t view_table_length = sizeof view_table / sizeof *view_table;

const struct view_type *view_type_of(enum view_kind kind)
{
  size_t i = 0;
  while (i + 1 < view_table_length && view_table[i].kind != kind)
    i++;
  return &view_table[i];
}

const struct view_type *view_find(const char *name)
{
  for (size_t i = 0; i < view_table_length; i++)
    if (strcmp(view_table[i].name, name) == 0)
      return &view_table[i];
  return NULL;
}

const char *const layer_sort_names[LAYER_SORTS] = {"output", "held-out", "weight",
                                                   "bits",   "time",     "method"};

bool layer_sort_find(const char *name, enum layer_sort *out)
{
  for (int i = 0; i < LAYER_SORTS; i++)
    if (strcmp(layer_sort_names[i], name) == 0) {
      *out = (enum layer_sort)i;
      return true;
    }
  return false;
}

struct view view_default(void)
{
  return (struct view){
      .kind = VIEW_HISTOGRAM, .lo = NAN, .hi = NAN, .channel = -1, .block = VIEW_WORST_BLOCK};
}

enum status view_set_filter(struct view *view, const char *words, struct error *error)
{
  struct filter filter;
  if (strlen(words) >= VIEW_FILTER)
    return error_set(error, STATUS_USAGE, "expected at most %d bytes, found %zu", VIEW_FILTER - 1,
                     strlen(words));
  enum status status = filter_parse(words, &filter, error);
  if (status == STATUS_OK)
    strcpy(view->filter, words);
  return status;
}

bool view_share_scan(const char *text, double *out)
{
  char *end;
  double share = strtod(text, &end);
  if (end == text || strcmp(end, *end == '%' ? "%" : "") != 0)
    return false;
  if (*end == '%')
    share /= 100;
  if (!(share > 0 && share < 1))
    return false;
  *out = share;
  return true;
}

bool view_range_parse(const char *text, double *lo, double *hi)
{
  char *colon, *end;
  double from = strtod(text, &colon), to = strtod(*colon ? colon + 1 : colon, &end);
  if (colon == text || *colon != ':' || end == colon + 1 || *end || !isfinite(to - from) ||
      !(from < to))
    return false;
  *lo = from;
  *hi = to;
  return true;
}

/* A number at *TEXT and END behind it; moves *TEXT past both. */
static bool scan_number(const char **text, char end, size_t *out)
{
  char *behind;
  if (**text < '0' || **text > '9')
    return false;
  unsigned long long value = strtoull(*text, &behind, 10);
  *out = (size_t)value;
  *text = behind + 1;
  return *behind == end && value <= SIZE_MAX / 2;
}

bool view_part_scan(const char *text, struct view_part *out)
{
  struct view_part part;
  if (!scan_number(&text, ':', &part.row[0]) || !scan_number(&text, ',', &part.row[1]) ||
      !scan_number(&text, ':', &part.column[0]) || !scan_number(&text, '\0', &part.column[1]) ||
      part.row[0] >= part.row[1] || part.column[0] >= part.column[1])
    return false;
  *out = part;
  return true;
}

char *view_part_print(const struct view_part *part, char *text)
{
  text[0] = '\0';
  if (part->row[1] && part->column[1])
    snprintf(text, VIEW_PART_TEXT, "%zu:%zu,%zu:%zu", part->row[0], part->row[1], part->column[0],
             part->column[1]);
  return text;
}

bool view_part_equal(const struct view_part *a, const struct view_part *b)
{
  return a->row[0] == b->row[0] && a->row[1] == b->row[1] && a->column[0] == b->column[0] &&
         a->column[1] == b->column[1];
}
