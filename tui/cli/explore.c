/* qscope [SOURCE]: the explorer. */
#include "data/source.h"
#include "data/tensor.h"
#include "tui/base/session_file.h"
#include "tui/cli/commands.h"

#include <stdio.h>
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
  bool script = app_is_scripted(&app);
  app.linear = !script && (app.linear || is_dumb());
  if (app.script && strcmp(app.script, "-") == 0 && recipe->source &&
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

/* --- what was open ------------------------------------------------------------------------ */

static void tell_change(struct options *options, const char *spec, const char *what)
{
  char shown[160];
  snprintf(options->app.notice, sizeof options->app.notice, "%s has changed%s",
           text_escape(source_short_title(spec), shown, sizeof shown), what);
}

static bool has_changed(const struct kept *kept)
{
  struct fingerprint now;
  return kept->has_files &&
         (!fingerprint_take(kept->recipe.source, &now) || !fingerprint_equal(&now, &kept->files));
}

/* The state that the last session was left in; that of a file of sessions; or the last that looked
 * at a source. */
static enum status find_session(const char *operand, struct kept *kept, struct error *error)
{
  return !operand                   ? kept_last(kept, error)
         : session_is_file(operand) ? kept_read(operand, kept, error)
                                    : kept_of(operand, kept, error);
}

/* Opens RECIPE. Where its FILE has changed, so that it does not fit any more, opens that alone. */
static enum status open_kept(const struct recipe *recipe, bool changed, struct options *options,
                             struct error *error)
{
  struct recipe bare;
  enum status status = explore_recipe(recipe, options, error);
  if (status == STATUS_OK || !changed || !recipe->source)
    return status;
  recipe_init(&bare);
  tell_change(options, recipe->source, ": what was looked at is not there any more");
  if (recipe_set(&bare, recipe->source, NULL) &&
      recipe_set_input_format(&bare, recipe->input_format))
    status = explore_recipe(&bare, options, error);
  recipe_clear(&bare);
  return status;
}

static enum status restore(struct options *options, const struct recipe *asked, struct error *error)
{
  struct kept kept;
  if (options->asks_more)
    return error_set(error, STATUS_USAGE,
                     "--restore brings tensor, quantizer and view: leave out theirs");
  enum status status = find_session(asked->source, &kept, error);
  bool changed = status == STATUS_OK && has_changed(&kept);
  if (changed)
    tell_change(options, kept.recipe.source, " since then: the view is the old one");
  if (status == STATUS_OK)
    status = open_kept(&kept.recipe, changed, options, error);
  kept_clear(&kept);
  return status;
}

/* The user's setting: a source comes back as it was left, unless the command line says how. */
static enum status open_as_usual(struct options *options, const struct recipe *asked,
                                 struct error *error)
{
  struct kept kept;
  bool back = options->restore && asked->source && !app_is_scripted(&options->app) &&
              !options->asks_more && kept_of(asked->source, &kept, NULL) == STATUS_OK;
  if (!back)
    return explore_recipe(asked, options, error);
  bool changed = has_changed(&kept);
  if (changed)
    tell_change(options, asked->source, " since it was left: opened afresh (--restore: as then)");
  enum status status = explore_recipe(changed ? asked : &kept.recipe, options, error);
  kept_clear(&kept);
  return status;
}

enum status explore_run(const struct options *given, struct error *error)
{
  struct options options = *given;
  struct recipe recipe;
  enum status status = options_view_recipe(&options, &recipe, error);
  options.app.forgets = options.ignore_config;
  options.app.restored = options.restore_asked;
  if (status == STATUS_OK)
    status = options.restore_asked ? restore(&options, &recipe, error)
                                   : open_as_usual(&options, &recipe, error);
  recipe_clear(&recipe);
  return status;
}
