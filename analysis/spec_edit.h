/* Specs as text that is edited: a word taken out, another put in its place.
 *
 * Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_SPEC_EDIT_H
#define QSCOPE_ANALYSIS_SPEC_EDIT_H

#include "quant/quantizer.h"

/* Is asked for the name of a word: "group" of "group=32". */
typedef bool spec_word_test(const char *name);

spec_word_test spec_word_is_grain;          /* tensor, channel, token, group */
spec_word_test spec_word_is_group;          /* group */
spec_word_test spec_word_is_block;          /* block */
spec_word_test spec_word_is_group_or_block; /* either */
spec_word_test spec_word_is_range;          /* a calibrator, scale, zero, range */
spec_word_test spec_word_is_scheme;         /* sym, asym, narrow */
spec_word_test spec_word_is_symmetric;      /* sym */

/* The words of SPEC that do not pass DROP, in OUT (QUANTIZER_TEXT bytes); the format stays. */
void spec_without(const char *spec, spec_word_test *drop, char *out);
/* The words of SPEC that OTHER has not, in OUT (QUANTIZER_TEXT bytes). */
void spec_beyond(const char *spec, const char *other, char *out);
/* True when a word of QUANTIZER's spec passes TEST. */
bool spec_has(const struct quantizer *quantizer, spec_word_test *test);

/* BASE with the words that pass DROP replaced by WORD. STATUS_USAGE: it makes no quantizer. */
enum status spec_replace(const struct quantizer *base, spec_word_test *drop, const char *word,
                         struct quantizer *out, struct error *error);

/* BASE with another format. A parameter that was the default of the old format becomes that of the
 * new one, as it would be if the spec had been written anew. */
enum status spec_replace_format(const struct quantizer *base, const char *format,
                                struct quantizer *out, struct error *error);

#endif
