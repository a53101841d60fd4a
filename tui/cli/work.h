/* What report, plot and replay have in common: choosing tensors and computing results.
 *
 * Ownership: work_select allocates an array that the caller frees; a result belongs to the
 * caller; work_close. Threads: the main thread. */
#ifndef QSCOPE_TUI_CLI_WORK_H
#define QSCOPE_TUI_CLI_WORK_H

#include "analysis/diff.h"
#include "analysis/recipe.h"
#include "analysis/result.h"
#include "analysis/sweep.h"
#include "data/source.h"

#include <stddef.h>

/* Writes "qscope: ..." for ERROR to standard error, over the meter. */
void work_complain(const struct error *error);

/* The tensors of SOURCE that PATTERNS name, each once, in the source's order: by name, or by
 * shell pattern where no tensor bears that name. No pattern: all of them. STATUS_INPUT when a
 * pattern fits nothing, or there is no tensor at all. */
enum status work_select(const struct source *source, const char *const *patterns,
                        size_t pattern_count, size_t **out, size_t *count, struct error *error);

/* The same where exactly one is wanted (STATUS_USAGE when several fit). */
enum status work_select_one(const struct source *source, const char *const *patterns,
                            size_t pattern_count, size_t *out, struct error *error);

/* The same of the tensor that RECIPE names, or the only one. */
enum status work_select_recipe(const struct source *source, const struct recipe *recipe,
                               size_t *out, struct error *error);

/* What the transform of RECIPE makes of tensor *INDEX of SOURCE: a source in *MADE, which the
 * caller closes before that one, and the place in it. Without a transform *MADE is NULL. */
enum status work_transform(struct source *source, size_t *index, const struct recipe *recipe,
                           struct source **made, struct error *error);

/* The source of RECIPE, the one tensor that is meant, and what the transform makes of it. */
struct work_subject {
  struct source *whole, *made; /* made: NULL without a transform */
  struct source *source;       /* made, or whole */
  size_t index;                /* there */
};
enum status work_open(const struct recipe *recipe, struct work_subject *out, struct error *error);
void work_close(struct work_subject *subject);

/* Puts source and tensor in front of what ERROR says. */
void work_place(const struct source *source, size_t index, struct error *error);

/* Loads tensor INDEX, with the meter running. A message names the source and the tensor. */
enum status work_load(struct source *source, size_t index, struct error *error);

/* Loads tensor INDEX and describes it, with the meter running; the caller frees the digest (NULL
 * where the tensor has none). A message names the source and the tensor. */
enum status work_facts(struct source *source, size_t index, struct facts *facts,
                       struct digest **digest, struct error *error);

/* Loads tensor INDEX and measures it, with the meter running. A message names the source and the
 * tensor. */
enum status work_result(struct source *source, size_t index, const struct quantizer *quantizer,
                        const struct result_request *request, struct result **out,
                        struct error *error);

/* Loads tensor A_INDEX of A and B_INDEX of B and compares them, with the meter running. A message
 * names the source and the tensor. */
enum status work_diff(struct source *a, size_t a_index, struct source *b, size_t b_index,
                      const struct diff_request *request, struct diff **out, struct error *error);

/* Loads tensor INDEX and runs SWEEP on it, with the meter running. A message names the source and
 * the tensor. */
enum status work_sweep(struct source *source, size_t index, struct sweep *sweep,
                       struct error *error);

/* The statistics of all tensors under QUANTIZER, channels along AXIS, with the meter running: one
 * row each, which the caller frees also after a failure. What cannot be read has none: UNREAD
 * (or NULL) counts that, and then it is told. Tensors stay in memory for as long as the source is
 * open. */
enum status work_stats(struct source *source, const struct quantizer *quantizer, int axis,
                       struct stats **out, size_t *unread, struct error *error);

/* How much work TENSOR is under so many quantizers, for meter_start. */
size_t work_weight(const struct tensor *tensor, size_t quantizers);

/* int8: what is looked at when no quantizer was named. */
struct quantizer work_default_quantizer(void);

#endif
