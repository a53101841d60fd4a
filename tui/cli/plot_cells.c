/* qscope plot without a file: the view in characters, on the terminal. */
#include "tui/cli/commands.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { ROWS = 24, PROMPT = 2 /* what the shell writes below */ };

/* As wide as the terminal behind DESCRIPTOR, and not so tall that the top is lost. */
static void size_for(int descriptor, struct app_options *app)
{
  struct winsize size = {.ws_row = 0};
  if (app->rows || ioctl(descriptor, TIOCGWINSZ, &size) != 0 || !size.ws_row || !size.ws_col)
    return;
  app->columns = size.ws_col;
  app->rows = size.ws_row < ROWS + PROMPT ? size.ws_row - PROMPT : ROWS;
  if (app->rows < 1)
    app->rows = 1;
}

static enum status print_cells(const struct recipe *recipe, const struct options *options,
                               int descriptor, const char *path, struct error *error)
{
  struct options printing = *options;
  size_for(descriptor, &printing.app);
  printing.app.print = path;
  printing.app.no_hints = true;
  return explore_recipe(recipe, &printing, error);
}

static enum status check(const struct recipe *recipe, const struct options *options,
                         struct error *error)
{
  if (recipe->calibrate_on)
    return error_set(error, STATUS_USAGE,
                     "plot: --calibrate-on is for figures: expected -o FIG.png, .svg or .pdf");
  const struct figure_options usual = figure_options_default(), *figure = &options->figure;
  if (figure->width != usual.width || figure->height != usual.height || figure->dpi != usual.dpi ||
      figure->paper[0] > 0)
    return error_set(error, STATUS_USAGE,
                     "plot: --size and --dpi are of figures: expected -o FIG.png, .svg or .pdf; "
                     "for characters: --screen 80x24");
  return STATUS_OK;
}

enum status plot_cells(const struct recipe *recipe, const struct options *options,
                       struct error *error)
{
  if (isatty(STDOUT_FILENO)) {
    enum status status = check(recipe, options, error);
    return status == STATUS_OK ? print_cells(recipe, options, STDOUT_FILENO, "-", error) : status;
  }
  struct options passing = *options;
  passing.data = "-";
  enum status status = plot_recipe(recipe, &passing, error);
  return status == STATUS_OK && isatty(STDERR_FILENO) && !recipe->calibrate_on
             ? print_cells(recipe, options, STDERR_FILENO, "/dev/stderr", error)
             : status;
}
