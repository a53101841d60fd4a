/* Which tensor of one source is which of another: by name, by what the name is elsewhere
 * (data/rename.h), by the user's rules.
 *
 * A derived tensor goes by the name of the weight that it is, and comes before the codes of that
 * name; what it is made of is matched with nothing. Ownership: matching_clear frees; sources are
 * borrowed. Threads: one at a time. */
#ifndef QSCOPE_ANALYSIS_MATCH_H
#define QSCOPE_ANALYSIS_MATCH_H

#include "data/rename.h"
#include "data/source.h"

struct match_pair {
  size_t a, b; /* numbers of the tensors in their sources */
};

struct matching {
  struct match_pair *pair; /* in the order of A */
  size_t pairs;
  size_t *only_a, *only_b; /* tensors without a partner, in the order of their sources */
  size_t only_a_count, only_b_count;
};

/* Matches the tensors CHOSEN (count of them, ascending; NULL: all) of A with those of B. Where each
 * has a single tensor, these two are compared whatever they are called. STATUS_MEMORY. */
enum status match_sources(const struct source *a, const struct source *b, const size_t *chosen,
                          size_t count, const struct rename_rule *rule, size_t rules,
                          struct matching *out, struct error *error);
void matching_clear(struct matching *matching);

/* The name that is nearest to that of tensor INDEX of SOURCE among the partnerless CANDIDATES of
 * OTHER; NULL when none is near, and where there are too many to compare. */
const char *match_nearest(const struct source *source, size_t index, const struct source *other,
                          const size_t *candidate, size_t candidates);

#endif
