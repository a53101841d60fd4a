/* qscope replay: a recipe, as text or inside a figure, opened, redrawn or printed. */
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/figure_out.h"
#include "tui/figure/draw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A figure by its name or by its first bytes; anything else is the text of a recipe. */
static bool means_figure(const char *word)
{
  return (figure_is_name(word) && !strpbrk(word, " \t")) || figure_is_file(word);
}

static enum status read_figure(const char *path, struct recipe *recipe, char **stamp,
                               struct error *error)
{
  char *text, shown[256];
  enum status status = figure_read(path, &text, stamp, error);
  if (status != STATUS_OK)
    return status;
  status = recipe_parse(text, recipe, error);
  free(text);
  if (status == STATUS_OK)
    return status;
  /* The words came out of a file: it is the file that is wrong. */
  error_prefix(error, "%s: ", text_escape(path, shown, sizeof shown));
  return error->status = STATUS_INPUT;
}

/* A recipe that the shell has cut into words: its options were read as ours already, and what is
 * left is the source, perhaps behind "qscope" and a subcommand. */
static enum status read_words(const struct options *options, struct recipe *recipe,
                              struct error *error)
{
  const char *const *word = options->operand, *const *end = word + options->operands;
  if (word < end && strcmp(*word, "qscope") == 0)
    word++;
  for (size_t i = 0; word + 1 < end && i < command_table_length; i++)
    if (strcmp(*word, command_table[i].name) == 0) {
      word++;
      break;
    }
  if (end - word > 1)
    return error_set(error, STATUS_USAGE, "replay: one word too many: '%s'", word[1]);
  return options_recipe(options, word < end ? *word : NULL, recipe, error);
}

static enum status read_recipe(const struct options *options, struct recipe *recipe, char **stamp,
                               struct error *error)
{
  if (options->operands == 0)
    return error_set(error, STATUS_USAGE,
                     "replay: expected a recipe or a figure (.png, .svg, .pdf)");
  const char *first = options->operand[0];
  bool figure = options->operands == 1 && means_figure(first);
  if (!figure && (options->operands > 1 || !strpbrk(first, " \t")))
    return read_words(options, recipe, error);
  if (options->tensors || options->quantizers)
    return error_set(error, STATUS_USAGE,
                     "replay: -t and -q belong to the recipe, which brings its own");
  return figure ? read_figure(first, recipe, stamp, error) : recipe_parse(first, recipe, error);
}

static enum status print_recipe(const struct recipe *recipe, struct error *error)
{
  char *text = recipe_print(recipe);
  if (!text)
    return error_memory(error, "the recipe");
  puts(text);
  free(text);
  return STATUS_OK;
}

enum status replay_run(const struct options *given, struct error *error)
{
  struct options with = *given;
  const struct options *options = &with;
  struct recipe recipe;
  char *stamp = NULL;
  recipe_init(&recipe);
  enum status status = read_recipe(options, &recipe, &stamp, error);
  with.app.stamp = stamp;
  if (status == STATUS_OK && options->print)
    status = print_recipe(&recipe, error);
  else if (status == STATUS_OK && recipe.sweep)
    status = sweep_recipe(&recipe, options, error);
  else if (status == STATUS_OK && figure_out_wanted(options))
    status = plot_recipe(&recipe, options, error);
  else if (status == STATUS_OK)
    status = explore_recipe(&recipe, options, error);
  recipe_clear(&recipe);
  free(stamp);
  return status;
}
