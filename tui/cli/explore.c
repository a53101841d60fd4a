/* qscope [SOURCE]: the explorer. */
#include "data/source.h"
#include "tui/cli/commands.h"
#include "tui/screen/session_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keys come from the terminal itself where standard input is the source. */
static bool can_read_keys(const struct recipe *recipe)
{
  bool taken = recipe->source && source_reads_stdin(recipe->source);
  return isatty(STDIN_FILENO) || (taken && access("/dev/tty", R_OK) == 0);
}

/* A dumb terminal can show lines, and nothing else. */
static bool is_dumb(void)
{
  const char *term = getenv("TERM");
  return term && strcmp(term, "dumb") == 0;
}

enum status explore_recipe(const struct recipe *recipe, const struct options *options,
                           struct error *error)
{
  struct app_options app = options->app;
  bool script = app.script != NULL;
  app.linear = !script && (app.linear || is_dumb());
  if (script && strcmp(options->app.script, "-") == 0 && recipe->source &&
      source_reads_stdin(recipe->source))
    return error_set(error, STATUS_USAGE,
                     "standard input cannot be both the script and the source");
  if (app.linear && recipe->source && source_reads_stdin(recipe->source))
    return error_set(error, STATUS_USAGE,
                     "standard input cannot be both the commands and the source");
  if (!script && !options->app.linear && (!can_read_keys(recipe) || !isatty(STDOUT_FILENO)))
    return error_set(error, STATUS_USAGE,
                     "the explorer needs a terminal, and standard %s is none; for numbers: qscope "
                     "report SOURCE -q SPEC, for a picture: qscope plot SOURCE -o FIG.png",
                     isatty(STDOUT_FILENO) ? "input" : "output");
  if (recipe->calibrate_on)
    return error_set(error, STATUS_USAGE,
                     "the explorer calibrates on the tensor it shows; for --calibrate-on: qscope "
                     "report, sweep or plot");
  return app_run(recipe, &app, error);
}

/* The state that the last session was left in. */
static enum status restore(const struct options *options, struct recipe *recipe,
                           struct error *error)
{
  char *text = NULL;
  recipe_init(recipe);
  if (options->operands)
    return error_set(error, STATUS_USAGE,
                     "--restore opens what was open: '%s' is one word too many",
                     options->operand[0]);
  enum status status = session_kept(&text, error);
  if (status == STATUS_OK)
    status = recipe_parse(text, recipe, error);
  free(text);
  return status;
}

enum status explore_run(const struct options *options, struct error *error)
{
  struct recipe recipe;
  enum status status = options->restore ? restore(options, &recipe, error)
                                        : options_view_recipe(options, &recipe, error);
  if (status == STATUS_OK)
    status = explore_recipe(&recipe, options, error);
  recipe_clear(&recipe);
  return status;
}
