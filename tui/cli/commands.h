/* The subcommands: one file each, one row each in command_table (tui/cli/main.c). */
#ifndef QSCOPE_TUI_CLI_COMMANDS_H
#define QSCOPE_TUI_CLI_COMMANDS_H

#include "tui/cli/options.h"

enum {
  COMMAND_EXPLORE = 1,
  COMMAND_LIST = 2,
  COMMAND_REPORT = 4,
  COMMAND_PLOT = 8,
  COMMAND_FORMATS = 16,
  COMMAND_CALIBRATORS = 32,
  COMMAND_REPLAY = 64,
  COMMAND_INSPECT = 128,
  COMMAND_SWEEP = 256,
  COMMAND_LAYER = 512,
  COMMAND_METHODS = 1024,
  COMMAND_BOARD = 2048,
  COMMAND_THEORY = 4096,
  COMMAND_PRESETS = 8192,
  COMMAND_DIFF = 16384,
  COMMAND_EXPERIMENT = 32768,
  COMMAND_ANY = 65535,
};

enum status explore_run(const struct options *options, struct error *error);
enum status list_run(const struct options *options, struct error *error);
enum status report_run(const struct options *options, struct error *error);
enum status inspect_run(const struct options *options, struct error *error);
enum status plot_run(const struct options *options, struct error *error);
enum status sweep_command_run(const struct options *options, struct error *error);
enum status board_run(const struct options *options, struct error *error);
enum status theory_run(const struct options *options, struct error *error);
enum status diff_run(const struct options *options, struct error *error);
enum status layer_command_run(const struct options *options, struct error *error);
enum status methods_run(const struct options *options, struct error *error);
enum status formats_run(const struct options *options, struct error *error);
enum status calibrators_run(const struct options *options, struct error *error);
enum status presets_run(const struct options *options, struct error *error);
enum status experiment_command_run(const struct options *options, struct error *error);
enum status replay_run(const struct options *options, struct error *error);

/* The explorer on RECIPE; says what to do instead when there is no terminal. */
enum status explore_recipe(const struct recipe *recipe, const struct options *options,
                           struct error *error);

/* Draws RECIPE to the files that -o and --data name. */
enum status plot_recipe(const struct recipe *recipe, const struct options *options,
                        struct error *error);

/* RECIPE's view in characters, on a terminal; its numbers on a standard output that is none
 * (plot_cells.c). */
enum status plot_cells(const struct recipe *recipe, const struct options *options,
                       struct error *error);

/* The same as plot_recipe of RECIPE's view of two sources (plot_pair.c). */
enum status plot_pair(const struct recipe *recipe, const struct options *options,
                      struct error *error);

/* The same of its view of all tensors of a source (plot_tensors.c). */
enum status plot_tensors(const struct recipe *recipe, const struct options *options,
                         struct error *error);

/* Runs the sweep of RECIPE: to the files that -o and --data name, or as numbers. */
enum status sweep_recipe(const struct recipe *recipe, const struct options *options,
                         struct error *error);

/* Runs the methods of RECIPE on its layer: to the files that -o and --data name, or as numbers. */
enum status layer_recipe(const struct recipe *recipe, const struct options *options,
                         struct error *error);

/* The state that OPTIONS and SOURCE (may be NULL) describe; recipe_clear frees it. STATUS_USAGE
 * when there is more than one -t. */
enum status options_recipe(const struct options *options, const char *source, struct recipe *recipe,
                           struct error *error);
/* The same for those that show views, where --over alone means the view of sweeps. */
enum status options_view_recipe(const struct options *options, struct recipe *recipe,
                                struct error *error);

#endif
