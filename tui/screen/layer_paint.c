/* What the layer view looks like: the tokens, a row for each method, and the selected one closely.
 */
#include "quant/base/size.h"
#include "tui/screen/heat_cells.h"
#include "tui/screen/layer_view.h"
#include "tui/screen/plot.h"
#include "tui/screen/rows.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
  NAME_LEAST = 15,
  NAME_MOST = 34,
  PLOT_LEAST = 6,  /* rows of a plot that is worth a look */
  TABLE_LEAST = 4, /* heading, and rows */
};

static const struct style dim = {.ink = PAINT_DIM}, bold = {.attributes = CELL_BOLD},
                          value = {.ink = PAINT_VALUE};

static const char *ellipsis(const struct explorer *explorer, char *mark)
{
  return utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
}

static struct rect part_of(struct rect rect, int from, int rows)
{
  return (struct rect){rect.row + from, rect.column, rows, rect.columns};
}

/* --- the table ------------------------------------------------------------------------------ */

static void decibels(double ratio, char *text, size_t size)
{
  snprintf(text, size, isinf(ratio) ? "exact" : isnan(ratio) ? "n/a" : "%.2f", ratio);
}

static void output_text(const void *whole, const void *row, char *text, size_t size)
{
  (void)whole;
  decibels(((const struct layer_row *)row)->calibration.output_sqnr_db, text, size);
}

static void held_text(const void *whole, const void *row, char *text, size_t size)
{
  (void)whole;
  decibels(((const struct layer_row *)row)->held_out.output_sqnr_db, text, size);
}

static void weight_text(const void *whole, const void *row, char *text, size_t size)
{
  (void)whole;
  decibels(((const struct layer_row *)row)->calibration.weight_sqnr_db, text, size);
}

static void bits_text(const void *whole, const void *row, char *text, size_t size)
{
  (void)whole;
  snprintf(text, size, "%.4g", ((const struct layer_row *)row)->calibration.bits_per_weight);
}

/* The parts of the error that weights and activations have. */
static void parts_text(const void *whole, const void *row, char *text, size_t size)
{
  const struct layer_numbers *numbers = &((const struct layer_row *)row)->calibration;
  (void)whole;
  if (numbers->output_mse > 0)
    snprintf(text, size, "%.0f/%.0f", 100 * numbers->weights_mse / numbers->output_mse,
             100 * numbers->activations_mse / numbers->output_mse);
  else
    snprintf(text, size, "none");
}

static void cosine_text(const void *whole, const void *row, char *text, size_t size)
{
  (void)whole;
  snprintf(text, size, "%.6f", ((const struct layer_row *)row)->calibration.cosine);
}

static void time_text(const void *whole, const void *row, char *text, size_t size)
{
  const double seconds = ((const struct layer_row *)row)->seconds;
  (void)whole;
  if (seconds < 1e-4)
    snprintf(text, size, "<0.1 ms");
  else if (seconds < 0.9995)
    snprintf(text, size, seconds < 0.0995 ? "%.2g ms" : "%.3g ms", 1e3 * seconds);
  else
    snprintf(text, size, "%.3g s", seconds);
}

static const struct rows_column held_column = {"held", 6, held_text};
static const struct rows_column columns[] = {
    {"output", 6, output_text}, {"weight", 6, weight_text}, {"bits", 5, bits_text},
    {"w/x %", 6, parts_text},   {"time", 7, time_text},     {"cosine", 8, cosine_text},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* Held-out tokens have a column behind the output where there are any. */
static int columns_of(const struct explorer *explorer, struct rows_column out[COLUMNS + 1])
{
  int count = 0;
  for (int i = 0; i < COLUMNS; i++) {
    out[count++] = columns[i];
    if (i == 0 && explorer->layer.facts && explorer->layer.facts->problem.held_tokens)
      out[count++] = held_column;
  }
  return count;
}

/* "A awq,clip": the letter of the quantizer where some are pinned. */
static void paint_name(struct explorer *explorer, struct rect line, const struct rows_form *form,
                       const struct layer_row *row, struct style style)
{
  const struct layering *layer = &explorer->layer;
  const size_t pins = explorer->state.pins.count;
  char method[METHOD_TEXT], text[METHOD_TEXT + 4], shown[METHOD_TEXT + 8], mark[5];
  method_print(&row->ask.method, method);
  if (pins)
    snprintf(text, sizeof text, "%c %s",
             (char)('A' + (size_t)(row - layer->row) / (layer->rows / (pins + 1))), method);
  else
    snprintf(text, sizeof text, "%s", method);
  text_cut(&explorer->cells, text, form->name - 2, form->name - 3, ellipsis(explorer, mark), shown,
           sizeof shown);
  cells_text(&explorer->cells, line, 0, 1, style, shown);
}

static const char *absence(const struct explorer *explorer, const struct layer_row *row)
{
  const struct layering *layer = &explorer->layer;
  size_t next = 0;
  if (row->state == LAYER_REFUSED)
    return row->reason;
  while (next < layer->rows && layer->row[next].state != LAYER_WAITING)
    next++;
  return explorer->stopped                                         ? "stopped"
         : explorer->work == WORK_VIEW && row == &layer->row[next] ? "computing"
                                                                   : "waits";
}

static void paint_row(struct explorer *explorer, struct rect line, const struct rows_form *form,
                      const struct layer_row *row, bool best, bool selected)
{
  struct style style = {.ink = row->state != LAYER_DONE ? PAINT_DIM
                               : best                   ? PAINT_GOOD
                                                        : PAINT_NONE,
                        .attributes = best ? CELL_BOLD : 0};
  style = rows_line(&explorer->cells, explorer->glyphs, line, style, selected);
  paint_name(explorer, line, form, row, style);
  if (row->state == LAYER_DONE)
    rows_numbers(&explorer->cells, line, form, NULL, row, style);
  else
    cells_text(&explorer->cells, line, 0, form->name + 1, style, absence(explorer, row));
}

static size_t count_done(const struct layer_shown *shown)
{
  size_t done = 0;
  for (size_t i = 0; i < shown->rows; i++)
    done += shown->row[i].state != LAYER_WAITING;
  return done;
}

static void paint_table(struct explorer *explorer, struct rect rect,
                        const struct layer_shown *shown)
{
  struct rows_column column[COLUMNS + 1];
  const int count = columns_of(explorer, column);
  const struct rows_form form = rows_fit(column, count, rect.columns, NAME_LEAST, NAME_MOST);
  const size_t rows = rect.rows > 1 ? (size_t)rect.rows - 1 : 0, done = count_done(shown),
               place = layer_view_place(explorer),
               best = layer_best(shown->row, shown->rows, shown->rows - 1);
  size_t *first = &explorer->layer.first;
  *first = rows_first(*first, place, rows, shown->rows);
  if (done < shown->rows)
    cells_printf(&explorer->cells, rect, 0, 1, dim, "%zu of %zu", done, shown->rows);
  else
    cells_printf(&explorer->cells, rect, 0, 1, dim, "by %s",
                 layer_sort_names[explorer->state.view.layer.sort]);
  rows_head(&explorer->cells, rect, 0, &form, dim);
  mouse_list(explorer, (struct rect){rect.row + 1, rect.column, rect.rows - 1, rect.columns});
  for (size_t i = 0; i < rows && *first + i < shown->rows; i++) {
    const size_t number = shown->rank[*first + i];
    paint_row(explorer, (struct rect){rect.row + 1 + (int)i, rect.column, 1, rect.columns}, &form,
              &shown->row[number], number == best, *first + i == place);
  }
}

/* --- the selected method ---------------------------------------------------------------------- */

/* " grid 20" of option I. */
static int option_width(const struct explorer *explorer, const struct layer_row *row, size_t i)
{
  const struct method_option *option = &row->ask.method.method->option[i];
  char text[METHOD_TEXT];
  return 3 + text_width(&explorer->cells, option->word) +
         text_width(&explorer->cells, method_option_print(option, row->ask.method.option[i], text));
}

/* The first option that is shown, so that the one that + and - turn has room. */
static size_t first_option(const struct explorer *explorer, const struct layer_row *row, int room)
{
  const size_t count = method_option_count(row->ask.method.method);
  size_t first = 0;
  if (count == 0)
    return 0;
  const size_t turned = size_min(explorer->layer.option, count - 1);
  for (int width = room + 1; first < turned && width > room; first += width > room) {
    width = 0;
    for (size_t i = first; i <= turned; i++)
      width += option_width(explorer, row, i);
  }
  return first;
}

/* "awq  alpha 0.5  grid 20": the one that + and - turn stands out. */
static void paint_options(struct explorer *explorer, struct rect line, const struct layer_row *row)
{
  const struct method *method = row->ask.method.method;
  const size_t count = method_option_count(method);
  char text[METHOD_TEXT];
  int column = cells_text(&explorer->cells, line, 0, 1, bold, method->name);
  for (size_t i = first_option(explorer, row, line.columns - column); i < count; i++) {
    const struct method_option *option = &method->option[i];
    const double given = row->ask.method.option[i];
    const bool turned = i == explorer->layer.option;
    if (column + option_width(explorer, row, i) > line.columns)
      break;
    column = cells_text(&explorer->cells, line, 0, column + 2,
                        (struct style){.ink = turned ? PAINT_KEY : PAINT_DIM,
                                       .attributes = turned ? CELL_UNDERLINE : 0},
                        option->word);
    column = cells_text(&explorer->cells, line, 0, column + 1,
                        given != option->value ? value : (struct style){0},
                        method_option_print(option, given, text));
  }
}

/* A sentence behind TEXT, unless WORDS are empty. */
static void add_sentence(char *text, size_t size, const char *head, const char *words)
{
  const size_t used = strlen(text);
  if (*words && used < size)
    snprintf(text + used, size - used, "%s%s%s.", used ? " " : "", head, words);
}

/* What the method is, what it did here, when it helps, and whose arithmetic it is. */
static void paint_words(struct explorer *explorer, struct rect rect, const struct layer_row *row)
{
  const struct method *method = row->ask.method.method;
  char text[2048] = "", mark[5];
  add_sentence(text, sizeof text, "", method->summary);
  text[0] = (char)toupper((unsigned char)text[0]);
  add_sentence(text, sizeof text, "As in ", method->reference ? method->reference : "");
  add_sentence(text, sizeof text, "Here: ", row->state == LAYER_REFUSED ? row->reason : row->said);
  add_sentence(text, sizeof text, "Why: ", method->why);
  cells_wrap(&explorer->cells, rect, (struct style){0}, text, ellipsis(explorer, mark));
}

/* The shades of a surface: an axis over its finite values. */
static struct axis shades_of(const struct method_search *search)
{
  struct axis color = {.lo = HUGE_VAL, .hi = 0, .log = true};
  for (size_t i = 0; i < search->width * search->height; i++)
    if (search->value[i] > 0 && isfinite(search->value[i])) {
      color.lo = fmin(color.lo, search->value[i]);
      color.hi = fmax(color.hi, search->value[i]);
    }
  return color;
}

/* The scale of the shades; where the best candidate lies, and what the axes are. */
static void paint_legend(struct explorer *explorer, struct rect rect,
                         const struct method_search *search, const struct axis *color)
{
  enum { RAMP = 16 };
  char text[256], mark[5];
  const struct rect line = {rect.row, rect.column, 1, rect.columns};
  const int column = heat_scale(&explorer->cells, line, 1, explorer->glyphs, color, NULL,
                                rect.columns < 3 * RAMP ? rect.columns / 4 : RAMP);
  cells_text(&explorer->cells, line, 0, column + 2, dim, search->loss);
  snprintf(text, sizeof text, "+ %.4g at %.3g across, %.3g down; across: %s; down: %s",
           search->value[search->best], search->x[search->best % search->width],
           search->y[search->best / search->width], search->across, search->down);
  cells_wrap(&explorer->cells,
             (struct rect){rect.row + 1, rect.column + 1, rect.rows - 1, rect.columns - 2}, dim,
             text, ellipsis(explorer, mark));
}

/* A surface in cells: a shade for each candidate, the best one marked. */
static void paint_surface(struct explorer *explorer, struct rect rect,
                          const struct method_search *search)
{
  enum { LEFT = 8, TALL = 10 };
  const struct axis color = shades_of(search);
  const int room = rect.columns > LEFT ? rect.columns - LEFT - 1 : 0,
            foot = rect.rows >= TALL ? 4 : 1, rows = rect.rows > foot ? rect.rows - foot : 0;
  const int across = (int)size_min(search->width, (size_t)room),
            down = (int)size_min(search->height, (size_t)rows);
  const int wide = across ? room / across : 0, tall = down ? rows / down : 0;
  for (int r = 0; r < down * tall; r++) {
    const size_t row = (size_t)(r / tall) * search->height / (size_t)down;
    if (r % tall == 0)
      cells_printf(&explorer->cells, rect, r, 0, dim, "%7.3g", search->y[row]);
    for (int c = 0; c < across * wide; c++) {
      const size_t at = row * search->width + (size_t)(c / wide) * search->width / (size_t)across;
      heat_put(&explorer->cells, rect.row + r, rect.column + LEFT + c, explorer->glyphs,
               colormap_level(&color, search->value[at]));
      if (at == search->best)
        cells_put(&explorer->cells, rect.row + r, rect.column + LEFT + c, '+',
                  (struct style){.ink = PAINT_OUTLIER, .attributes = CELL_BOLD | CELL_REVERSE});
    }
  }
  cells_printf(&explorer->cells, rect, down * tall, LEFT, dim, "%.3g", search->x[0]);
  cells_printf(&explorer->cells, rect, down * tall, LEFT + across * wide - 6, dim, "%6.3g",
               search->x[search->width - 1]);
  if (down && foot > 1)
    paint_legend(explorer, part_of(rect, down * tall + 1, rect.rows - down * tall - 1), search,
                 &color);
}

static double pointer_of(const struct explorer *explorer, const struct layer_row *row)
{
  const struct layering *layer = &explorer->layer;
  if (!layer->pointing || row->state != LAYER_DONE)
    return (double)NAN;
  return layer->detail == LAYER_SEARCH && layer->channel < row->search.width
             ? row->search.x[layer->channel]
             : (double)layer->channel;
}

/* The chosen detail, to which the pointer belongs, and below it the others. */
static void paint_plot(struct explorer *explorer, struct rect rect, const struct layer_row *row)
{
  const bool surface =
      explorer->layer.detail == LAYER_SEARCH && row->state == LAYER_DONE && row->search.height > 1;
  const struct figure *figure = explorer->figure;
  if (surface)
    return paint_surface(explorer, rect, &row->search);
  if (!figure || figure->panels == 0)
    return;
  const int each = rect.rows / (int)figure->panels;
  struct figure first = *figure; /* borrows */
  first.panels = 1;
  plot_figure(&explorer->cells, part_of(rect, 0, rect.rows - each * ((int)figure->panels - 1)),
              &first, explorer->glyphs, pointer_of(explorer, row));
  for (int i = 1; i < (int)figure->panels; i++) {
    first.panel = figure->panel + i;
    plot_figure(&explorer->cells, part_of(rect, rect.rows - each * ((int)figure->panels - i), each),
                &first, explorer->glyphs, (double)NAN);
  }
}

/* "awq 27.06 dB": the selected row, or why there is none. */
char *layer_view_summary(const struct explorer *explorer, char *text, size_t size)
{
  const struct layer_row *row = layer_view_selected(explorer);
  char method[METHOD_TEXT], number[32];
  if (!row)
    snprintf(text, size, "%s", *explorer->layer.why ? explorer->layer.why : "computing");
  else if (row->state != LAYER_DONE)
    snprintf(text, size, "%s: %s", method_print(&row->ask.method, method), absence(explorer, row));
  else
    snprintf(text, size, "%s %s", method_print(&row->ask.method, method),
             metric_print(metric_find("sqnr_db"), row->calibration.output_sqnr_db, number,
                          sizeof number));
  return text;
}

/* --- everything ----------------------------------------------------------------------------- */

/* "synthetic tokens llm-activation 512x32; held out x.npy 64x32; x int8,token" */
static void paint_tokens(struct explorer *explorer, struct rect line)
{
  const struct layering *layer = &explorer->layer;
  const struct view_layer *view = &explorer->state.view.layer;
  const char *const words[LAYER_PARTS] = {"", layer->synthetic ? "synthetic tokens" : "tokens",
                                          "held out"};
  char text[1024], name[256], sizes[128], spec[QUANTIZER_TEXT], shown[1024], mark[5];
  size_t used = 0;
  for (int part = LAYER_ACTIVATION; part < LAYER_PARTS; part++) {
    if (!layer->of.source[part])
      continue;
    const struct tensor *tensor = source_tensor(layer->of.source[part], layer->of.tensor[part]);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %s %s", used ? "; " : "",
                             words[part], text_escape(tensor->name, name, sizeof name),
                             shape_print(&tensor->shape, sizes, sizeof sizes));
  }
  if (view->hold_out > 0)
    used += (size_t)snprintf(text + used, sizeof text - used, "; the last %.3g %% held out",
                             100 * view->hold_out);
  if (view->quantizes_activation)
    used += (size_t)snprintf(text + used, sizeof text - used, "; x as %s",
                             quantizer_print(&view->activation, spec));
  if (view->transposed)
    snprintf(text + used, sizeof text - used, "; W transposed");
  text_cut(&explorer->cells, text, line.columns - 2, line.columns - 3, ellipsis(explorer, mark),
           shown, sizeof shown);
  cells_text(&explorer->cells, line, 0, 1, dim, shown);
}

/* Rows of the words on a method that is looked at closely. */
static int words_rows(struct rect rect)
{
  return rect.rows >= 16 ? 5 : rect.rows >= 14 ? 4 : rect.rows >= 9 ? 3 : 2;
}

/* Rows of the plot below the table of COUNT methods. */
static int plot_rows(struct rect rect, size_t count)
{
  const int plot = rect.rows - 2 - (int)size_min(count, 64);
  if (plot >= PLOT_LEAST)
    return plot;
  return rect.rows - 1 - TABLE_LEAST >= PLOT_LEAST ? (rect.rows - 1) / 2 : 0;
}

struct rect layer_plot_place(const struct explorer *explorer, struct rect rect)
{
  const size_t methods = layer_view_shown(explorer).rows;
  const struct figure *figure = explorer->figure;
  const struct rect rest = part_of(rect, 1, rect.rows - 1);
  const int rows =
      explorer->layer.open ? rest.rows - 1 - words_rows(rest) : plot_rows(rest, methods);
  if (methods == 0 || !figure || figure->panels == 0 || rows <= 0)
    return part_of(rect, 0, 0);
  const int others = rows / (int)figure->panels * ((int)figure->panels - 1);
  return part_of(rest, rest.rows - rows, rows - others);
}

/* The selected method in place of the table. */
static void paint_open(struct explorer *explorer, struct rect rect, const struct layer_row *row)
{
  const int words = words_rows(rect);
  paint_options(explorer, part_of(rect, 0, 1), row);
  struct rect text = part_of(rect, 1, words);
  text.column++;
  text.columns -= 2;
  paint_words(explorer, text, row);
  paint_plot(explorer, part_of(rect, 1 + words, rect.rows - 1 - words), row);
}

/* The table, and below it the options and a plot of the selected method where there is room. */
static void paint_methods(struct explorer *explorer, struct rect rect,
                          const struct layer_shown *shown)
{
  const struct layer_row *row = &shown->row[shown->selected];
  const int plot = plot_rows(rect, shown->rows);
  const int table = plot ? rect.rows - 1 - plot : rect.rows;
  paint_table(explorer, part_of(rect, 0, table), shown);
  if (!plot)
    return;
  paint_options(explorer, part_of(rect, table, 1), row);
  paint_plot(explorer, part_of(rect, table + 1, plot), row);
}

void layer_view_paint(struct explorer *explorer, struct rect rect)
{
  const struct layer_shown shown = layer_view_shown(explorer);
  const char *why = explorer->layer.why;
  char mark[5];
  if (!shown.rows) {
    struct rect text = {rect.row + rect.rows / 3, rect.column + 2, rect.rows - rect.rows / 3,
                        rect.columns - 4};
    cells_wrap(&explorer->cells, text, dim, *why ? why : "computing", ellipsis(explorer, mark));
    return;
  }
  paint_tokens(explorer, part_of(rect, 0, 1));
  const struct rect rest = part_of(rect, 1, rect.rows - 1);
  if (explorer->layer.open)
    paint_open(explorer, rest, &shown.row[shown.selected]);
  else
    paint_methods(explorer, rest, &shown);
}
