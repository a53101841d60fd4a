/* Inside the spec parser: spec.c reads, spec_words.c knows the words, spec_block.c those of the
 * block formats, spec_check.c what can be combined. Ownership: plain values. Threads: no state. */
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
  SLOT_EPS,
  SLOT_ARITHMETIC,
  SLOT_CODES,
  SLOT_SIGN,
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
  /* Options of the calibrator (bins=2048), which may stand before it: their positions. */
  size_t option[CALIBRATOR_OPTIONS];
  size_t options;
  bool preset; /* the first word named one: nothing is left open */
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

/* TEXT as a whole number; as a number. */
bool spec_whole(const char *text, uint64_t *out);
bool spec_number(const char *text, double *out);

/* TEXT made harmless for a terminal, and cut when it is long. */
const char *spec_shown(const char *text, char out[SHOWN]);

/* The words after the first. */
enum value { VALUE_NONE, VALUE_OPTIONAL, VALUE_NEEDED };

struct keyword {
  const char *name;
  enum slot slot;
  enum value value;
  read_function *read;
  const char *about;  /* a few words */
  const char *values; /* usual ones, or all there are, separated by blanks; NULL: none to offer */
};

extern const struct keyword spec_keywords[];
extern const size_t spec_keywords_length;
const struct keyword *spec_keyword_find(const char *name);

/* Words for the enumerations. */
extern const char *const spec_rounding_names[], *const spec_arithmetic_names[];

/* Stored types of scales; a plain cast (scale=1). */
bool spec_is_scale_type(const struct format *type);
bool spec_is_cast(const struct quantizer *quantizer);

/* All checks, in their order. */
check_function spec_check;

/* Adds to a spec that is being printed (QUANTIZER_TEXT bytes). */
void spec_append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

read_function spec_read_group; /* group=N */

/* --- the words of block formats --------------------------------------------------------------- */

read_function spec_read_block, spec_read_rule, spec_read_variant, spec_read_four_over_six,
    spec_read_pad, spec_read_importance;
check_function spec_check_block_scheme, spec_check_block_words;

/* What a block format leaves open; STATUS_USAGE for a word that it leaves nothing to decide. */
enum status spec_complete_block(struct parse *parse);

void spec_print_block(const struct quantizer *quantizer, char *text);
bool spec_block_equal(const struct block_choice *a, const struct block_choice *b);

#endif
