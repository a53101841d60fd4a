#include "tui/screen/save_screen.h"

#include "data/outfile.h"
#include "quant/base/size.h"
#include "tui/figure/snapshot.h"

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

enum status save_screen(const struct cells *cells, const struct screen_theme *theme,
                        enum color_depth depth, const char *path, struct error *error)
{
  const char *dot = strrchr(path, '.');
  if (dot && strcasecmp(dot, ".txt") == 0)
    return save_text(cells, path, error);
  if (dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".svg") == 0))
    return save_picture(cells, theme, depth, path, error);
  return error_set(error, STATUS_USAGE,
                   "the screen is written as .txt, .svg or .png; '%s' is none of these", path);
}
