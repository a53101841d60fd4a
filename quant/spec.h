/* Inside the spec parser: what quantizer.c shares with the families whose words have a file of
 * their own (spec_block.c). Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_QUANT_SPEC_H
#define QSCOPE_QUANT_SPEC_H

#include "quant/block.h"
#include "quant/quantizer.h"

/* What a word decides; each can be decided once. */
enum slot {
  SLOT_FORMAT,
  SLOT_SCHEME,
  SLOT_CLAMP,
  SLOT_GRAIN,
  SLOT_SCALE,
  SLOT_ZERO,
  SLOT_ROUND,
  SLOT_BLOCK,
  SLOT_RULE,
  SLOT_VARIANT,
  SLOT_FOUR_OVER_SIX,
  SLOT_PAD,
  SLOT_IMPORTANCE,
  SLOT_OVERFLOW,
  SLOT_POW2,
  SLOT_SCALE_TYPE,
  SLOTS
};

enum { MAX_WORDS = QUANTIZER_TEXT / 2 + 1, SHOWN_LENGTH = 64, SHOWN = 4 * SHOWN_LENGTH + 4 };

struct parse {
  char text[QUANTIZER_TEXT]; /* the spec, cut into words */
  char *words[MAX_WORDS];
  size_t count;
  size_t position;          /* of the word being read, from 1 */
  size_t decided_by[SLOTS]; /* position of the word, 0 when none */
  struct quantizer quantizer;
  struct error *error;
};

typedef enum status read_function(struct parse *parse, const char *value);

/* Each check names in *CULPRIT what the offending word decides. */
typedef enum status check_function(const struct quantizer *quantizer, enum slot *culprit,
                                   struct error *error);

/* Fails with `word 2 "chanel" WHAT`; with "... is not right: expected EXPECTED". */
enum status spec_fail(struct parse *parse, const char *what);
enum status spec_fail_expected(struct parse *parse, const char *expected);

/* Marks SLOT as decided by the word being read. */
enum status spec_decide(struct parse *parse, enum slot slot);

/* VALUE as a whole number. */
bool spec_whole(const char *text, uint64_t *out);

/* Adds to a spec that is being printed (QUANTIZER_TEXT bytes). */
void spec_append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

read_function spec_read_group; /* group=N */

/* --- the words of block formats ----------------------------------------------------------------
 */

read_function spec_read_block, spec_read_rule, spec_read_variant, spec_read_four_over_six,
    spec_read_pad, spec_read_importance;
check_function spec_check_block_scheme, spec_check_block_words;

/* What a block format leaves open; STATUS_USAGE for a word that it leaves nothing to decide. */
enum status spec_complete_block(struct parse *parse);

void spec_print_block(const struct quantizer *quantizer, char *text);
bool spec_block_equal(const struct block_choice *a, const struct block_choice *b);

#endif
