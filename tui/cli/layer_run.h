/* The runs of methods on a layer that a recipe describes: what layer, plot and replay have in
 * common.
 *
 * Ownership: borrows the recipe; layer_run_clear frees the rest. Threads: the main thread. */
#ifndef QSCOPE_TUI_CLI_LAYER_RUN_H
#define QSCOPE_TUI_CLI_LAYER_RUN_H

#include "analysis/layer_bench.h"
#include "analysis/recipe.h"

#include <stdio.h>

struct layer_run {
  const struct recipe *recipe;
  char *spec[LAYER_PARTS]; /* NULL: none; synthetic tokens with their shape */
  struct layer_sources of; /* which are the run's own */
  struct layer_problem problem;
  bool open; /* the problem is */
  size_t rows;
  struct layer_row *row;
  size_t *rank;           /* numbers of rows in the order of view.layer.sort */
  struct layer_made made; /* of the only row, where it is kept */
};

/* Takes the words of RECIPE; nothing is read yet. Without methods all of the table are run, without
 * an activation LAYER_OWN_TOKENS. STATUS_USAGE, STATUS_MEMORY; layer_run_clear in any case. */
enum status layer_run_plan(struct layer_run *run, const struct recipe *recipe, struct error *error);

/* Opens the layer and runs every row, with the meter running; KEEP: made is filled. When it is
 * cancelled the rows that are done stay. Fails with the first reason where nothing could be done.
 */
enum status layer_run_all(struct layer_run *run, bool keep, struct error *error);
void layer_run_clear(struct layer_run *run);

/* Prints what is known for people. */
enum status layer_text(const struct layer_run *run, FILE *out, struct error *error);

#endif
