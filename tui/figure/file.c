/* Figure files: which kinds there are, and what they have in common. */
#include "config.h"

#include "tui/figure/file.h"

#include "data/outfile.h"
#include "data/tensor.h"
#include "quant/base/size.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DPI_LEAST = 20, DPI_MOST = 2400, HEAD = 8 };

/* The first is what standard output gets. */
static const struct type {
  const char *ending, *head; /* ".png", and how such files begin */
  enum status (*write)(const struct figure *figure, const char *origin,
                       const struct figure_options *options, FILE *file, struct error *error);
  enum status (*read)(FILE *file, char **recipe, struct error *error);
} types[] = {
    {".png", "\x89PNG\r\n\x1a\n", png_write, png_read},
    {".svg", "<?xml", svg_write, svg_read},
    {".svg", "<svg", svg_write, svg_read},
    {".pdf", "%PDF-", pdf_write, pdf_read},
};
enum { TYPES = sizeof types / sizeof *types };

struct figure_options figure_options_default(void)
{
  return (struct figure_options){.width = 1600, .height = 1000, .dpi = 200, .theme = THEME_LIGHT};
}

static const struct type *type_of_name(const char *path)
{
  const char *dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < TYPES; i++)
    if (strcasecmp(dot, types[i].ending) == 0)
      return &types[i];
  return NULL;
}

static const struct type *type_of_head(const char *head)
{
  for (size_t i = 0; i < TYPES; i++)
    if (strncmp(head, types[i].head, strlen(types[i].head)) == 0)
      return &types[i];
  return NULL;
}

bool figure_is_name(const char *path)
{
  return type_of_name(path) != NULL;
}

static enum status check_size(const struct figure_options *options, struct error *error)
{
  if (options->width < FIGURE_SIZE_LEAST || options->width > FIGURE_SIZE_MOST ||
      options->height < FIGURE_SIZE_LEAST || options->height > FIGURE_SIZE_MOST)
    return error_set(error, STATUS_USAGE, "size: expected %d to %d pixels, found %ux%u",
                     FIGURE_SIZE_LEAST, FIGURE_SIZE_MOST, options->width, options->height);
  return STATUS_OK;
}

static enum status check_dpi(const struct figure_options *options, struct error *error)
{
  if (options->dpi < DPI_LEAST || options->dpi > DPI_MOST)
    return error_set(error, STATUS_USAGE, "resolution: expected %d to %d dpi, found %u", DPI_LEAST,
                     DPI_MOST, options->dpi);
  return STATUS_OK;
}

/* Where FIGURE comes from, in words: a new string, NULL when memory runs out. */
static char *origin_of(const struct figure *figure)
{
  const char *recipe = figure->recipe ? figure->recipe : "";
  char *text;
  int length = figure->stamp ? asprintf(&text, "%s\n%s", recipe, figure->stamp)
                             : asprintf(&text, "%s", recipe);
  return length < 0 ? NULL : text;
}

/* Draws to memory, so that what fails fails before the file is touched. */
static enum status draw_in_memory(const struct figure *figure, const struct type *type,
                                  const struct figure_options *options, char **bytes, size_t *size,
                                  struct error *error)
{
  char *origin = origin_of(figure);
  FILE *memory = origin ? open_memstream(bytes, size) : NULL;
  if (!memory) {
    free(origin);
    return error_memory(error, "a picture");
  }
  enum status status = type->write(figure, origin, options, memory, error);
  free(origin);
  if (fclose(memory) && status == STATUS_OK)
    status = error_memory(error, "a picture");
  return status;
}

/* Makes the picture as tall as FIGURE needs. */
static enum status choose_height(const struct figure *figure, struct figure_options *options,
                                 struct error *error)
{
  struct figure_extent extent;
  enum status status = figure_extent(figure, options, &extent, error);
  if (status == STATUS_OK)
    options->height = extent.height;
  return status;
}

enum status figure_write(const struct figure *figure, const char *path,
                         const struct figure_options *options, struct error *error)
{
  const struct type *type = type_of_name(path);
  struct outfile *file;
  char *bytes = NULL;
  size_t size = 0;
  struct figure_options sized = figure_pixels(options);
  enum status status = check_dpi(options, error);
  if (status == STATUS_OK && sized.height == 0)
    status = choose_height(figure, &sized, error);
  if (status == STATUS_OK)
    status = check_size(&sized, error);
  if (status == STATUS_OK)
    status = draw_in_memory(figure, type ? type : types, &sized, &bytes, &size, error);
  if (status == STATUS_OK)
    status = outfile_open(path, &file, error);
  if (status == STATUS_OK) {
    outfile_write(file, bytes, size);
    status = outfile_commit(file, error);
  }
  free(bytes);
  return status;
}

/* --- read ----------------------------------------------------------------------------------- */

/* The type of FILE by its first bytes, which are read again; NULL when it is none of ours. */
static const struct type *recognise(FILE *file)
{
  char head[HEAD + 1] = "";
  size_t length = fread(head, 1, HEAD, file);
  rewind(file);
  return length > 0 ? type_of_head(head) : NULL;
}

bool figure_is_file(const char *path)
{
  struct stat found;
  FILE *file = stat(path, &found) == 0 && S_ISREG(found.st_mode) ? fopen(path, "rbe") : NULL;
  bool is = file && recognise(file);
  if (file)
    fclose(file);
  return is;
}

static enum status read_stream(FILE *file, char **recipe, struct error *error)
{
  errno = 0;
  const struct type *type = recognise(file);
  if (type)
    return type->read(file, recipe, error);
  return errno ? error_set(error, STATUS_INPUT, "cannot read: %s", strerror(errno))
               : error_set(error, STATUS_INPUT,
                           "expected a figure (PNG, SVG or PDF), found something else");
}

/* Cuts ORIGIN behind the recipe; *STAMP is a copy of the rest. False when memory runs out. */
static bool cut_stamp(char *origin, char **stamp)
{
  char *end = strchr(origin, '\n');
  *stamp = strdup(end ? end + 1 : "");
  if (end)
    *end = '\0';
  return *stamp != NULL;
}

enum status figure_read_recipe(const char *path, char **recipe, struct error *error)
{
  char *stamp;
  enum status status = figure_read(path, recipe, &stamp, error);
  free(stamp);
  return status;
}

enum status figure_read(const char *path, char **recipe, char **stamp, struct error *error)
{
  char shown[512];
  struct stat found;
  FILE *file = fopen(path, "rbe");
  enum status status;
  *recipe = *stamp = NULL;
  if (!file)
    status = error_set(error, STATUS_INPUT, "cannot open: %s", strerror(errno));
  else if (fstat(fileno(file), &found) || !S_ISREG(found.st_mode))
    status =
        error_set(error, STATUS_INPUT, "expected a figure (PNG, SVG or PDF), found something else");
  else
    status = read_stream(file, recipe, error);
  if (status == STATUS_OK && !cut_stamp(*recipe, stamp)) {
    free(*recipe);
    *recipe = NULL;
    status = error_memory(error, "a recipe");
  }
  if (file)
    fclose(file);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", text_escape(path, shown, sizeof shown));
  return status;
}

enum status figure_write_data(const struct figure *figure, const char *path, struct error *error)
{
  struct outfile *file;
  enum status status = outfile_open(path, &file, error);
  if (status != STATUS_OK)
    return status;
  figure_csv(figure, outfile_stream(file));
  return outfile_commit(file, error);
}
