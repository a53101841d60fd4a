/* The words of specs as a list, for those who help people to write one.
 *
 * Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_QUANT_SPEC_LIST_H
#define QSCOPE_QUANT_SPEC_LIST_H

#include <stdbool.h>
#include <stddef.h>

enum { SPEC_WORDS = 512 };

struct spec_word {
  char text[40];     /* "int4", "group": as it is written */
  const char *about; /* a few words; "" for another name of the word before it */
  bool needs_value;  /* "=" and something must follow */
};

/* The words with which a spec begins (formats and presets), or those that may follow; at most MOST
 * into OUT, in the order of their tables. Returns how many. */
size_t spec_words(bool first, struct spec_word *out, size_t most);

/* The words NAME=VALUE that the word NAME may be: all of them where the values are words, usual
 * ones where they are numbers. At most MOST into OUT; returns how many. */
size_t spec_values(const char *name, struct spec_word *out, size_t most);

/* Where a word of a spec is: bytes START up to END, without the blanks around it. */
struct spec_place {
  size_t position; /* from 1 */
  size_t start, end;
};

/* The word in which byte AT is, or at whose end it is. */
struct spec_place spec_place_at(const char *spec, size_t at);
/* Word number POSITION; the last one when there are fewer. */
struct spec_place spec_place_of(const char *spec, size_t position);

/* The words that SPEC may have at byte AT: they begin with what the word has before AT, and do not
 * contradict the words around it; behind a "=" those with a value. At most MOST into OUT; returns
 * how many. */
size_t spec_complete(const char *spec, size_t at, struct spec_word *out, size_t most);

#endif
