#include "tui/screen/save_screen.h"

#include "data/outfile.h"
#include "quant/base/size.h"
#include "tui/figure/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static enum status save_text(const struct cells *cells, const char *path, struct error *error)
{
  struct outfile *file;
  char *text = cells_dump(cells);
  if (!text)
    return error_memory(error, "the screen as text");
  enum status status = outfile_open(path, &file, error);
  if (status == STATUS_OK) {
    outfile_write(file, text, strlen(text));
    status = outfile_commit(file, error);
  }
  free(text);
  return status;
}

/* --- as a terminal gets it -------------------------------------------------------------------- */

/* The parameter that sets COLOR, for ink (BASE 30) or paper (40): ";38;5;214"; none of -1. */
static int color_code(char *text, size_t size, int base, int32_t color, enum color_depth depth)
{
  unsigned value = (unsigned)color;
  if (color < 0)
    return snprintf(text, size, "%s", "");
  if (depth == DEPTH_DIRECT)
    return snprintf(text, size, ";%d;2;%u;%u;%u", base + 8, value >> 16 & 255, value >> 8 & 255,
                    value & 255);
  if (depth == DEPTH_256)
    return snprintf(text, size, ";%d;5;%u", base + 8, value);
  return snprintf(text, size, ";%u",
                  value < 8 ? (unsigned)base + value : (unsigned)base + 52 + value);
}

/* What makes a terminal draw in COLORS, whatever it drew in before (ECMA-48, SGR). */
static void sgr(struct outfile *file, const struct colors *colors, enum color_depth depth)
{
  static const struct {
    unsigned bit;
    const char *code;
  } attributes[] = {
      {CELL_BOLD, ";1"}, {CELL_DIM, ";2"}, {CELL_UNDERLINE, ";4"}, {CELL_REVERSE, ";7"}};
  char text[80];
  size_t used = (size_t)snprintf(text, sizeof text, "\033[0");
  for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
    if (colors->attributes & attributes[i].bit)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s", attributes[i].code);
  used += (size_t)color_code(text + used, sizeof text - used, 30, colors->ink, depth);
  used += (size_t)color_code(text + used, sizeof text - used, 40, colors->paper, depth);
  used += (size_t)snprintf(text + used, sizeof text - used, "m");
  outfile_write(file, text, used);
}

static bool same_colors(const struct colors *a, const struct colors *b)
{
  return a->ink == b->ink && a->paper == b->paper && a->attributes == b->attributes;
}

static void ansi_line(struct outfile *file, const struct cells *cells, int row,
                      const struct screen_theme *theme, enum color_depth depth)
{
  static const struct colors plain = {-1, -1, 0};
  struct colors last = plain;
  char text[5];
  for (int column = 0; column < cells->columns; column++) {
    const struct cell *cell = cells_at(cells, row, column);
    if (!cell->code)
      continue;
    struct colors colors = colors_of(theme, cell->style, depth);
    if (!same_colors(&colors, &last))
      sgr(file, &colors, depth);
    last = colors;
    utf8_encode(cell->code, text);
    outfile_write(file, text, strlen(text));
  }
  if (!same_colors(&last, &plain))
    sgr(file, &plain, depth);
  outfile_write(file, "\n", 1);
}

static enum status save_ansi(const struct cells *cells, const struct screen_theme *theme,
                             enum color_depth depth, const char *path, struct error *error)
{
  struct outfile *file;
  enum status status = outfile_open(path, &file, error);
  if (status != STATUS_OK)
    return status;
  for (int row = 0; row < cells->rows; row++)
    ansi_line(file, cells, row, theme, depth);
  return outfile_commit(file, error);
}

/* --- as a picture ----------------------------------------------------------------------------- */

/* Ink for a terminal whose own is not known: as far from the paper as reads well. */
static uint32_t plain_ink(uint32_t background)
{
  unsigned light = (background >> 16 & 255) + (background >> 8 & 255) + (background & 255);
  return light < 3 * 128 ? 0xd8d8d8 : 0x202020;
}

static struct snapshot_cell picture_cell(const struct cell *cell, const struct screen_theme *theme,
                                         enum color_depth depth)
{
  struct colors colors =
      colors_of(theme, cell->style, depth == DEPTH_MONO ? DEPTH_MONO : DEPTH_DIRECT);
  uint32_t ink = colors.ink < 0 ? plain_ink(theme->background) : (uint32_t)colors.ink;
  uint32_t paper = colors.paper < 0 ? theme->background : (uint32_t)colors.paper;
  bool reverse = colors.attributes & CELL_REVERSE;
  return (struct snapshot_cell){.code = cell->code,
                                .ink = reverse ? paper : ink,
                                .paper = reverse ? ink : paper,
                                .bold = colors.attributes & CELL_BOLD,
                                .dim = colors.attributes & CELL_DIM,
                                .underline = colors.attributes & CELL_UNDERLINE};
}

static enum status save_picture(const struct cells *cells, const struct screen_theme *theme,
                                enum color_depth depth, const char *path, struct error *error)
{
  size_t count = (size_t)cells->rows * (size_t)cells->columns;
  struct snapshot_cell *cell = mem_array(size_max(count, 1), sizeof *cell);
  if (!cell)
    return error_memory(error, "a picture");
  for (size_t i = 0; i < count; i++)
    cell[i] = picture_cell(&cells->cell[i], theme, depth);
  struct snapshot snapshot = {cells->rows, cells->columns, theme->background, cell};
  enum status status = snapshot_write(&snapshot, path, error);
  free(cell);
  return status;
}

enum status print_screen(const struct cells *cells, const struct screen_theme *theme,
                         enum color_depth depth, const char *path, struct error *error)
{
  return depth == DEPTH_MONO ? save_text(cells, path, error)
                             : save_ansi(cells, theme, depth, path, error);
}

enum status save_screen(const struct cells *cells, const struct screen_theme *theme,
                        enum color_depth depth, const char *path, struct error *error)
{
  const char *dot = strrchr(path, '.');
  if (dot && strcasecmp(dot, ".txt") == 0)
    return save_text(cells, path, error);
  if (dot && strcasecmp(dot, ".ansi") == 0)
    return save_ansi(cells, theme, depth, path, error);
  if (dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".svg") == 0))
    return save_picture(cells, theme, depth, path, error);
  return error_set(error, STATUS_USAGE,
                   "the screen is written as .txt, .ansi, .svg or .png; '%s' is none of these",
                   path);
}
