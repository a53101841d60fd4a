/* The verdict: why a result is as bad as it is, and which of two is better and why, in sentences
 * made from measured numbers alone.
 *
 * A cause says what the MSE would be without it: what the other part of the error is (clipping,
 * rounding, bias), or what the closed form step^2 / 12 gives for the levels where they would lie
 * then. The cause whose absence would leave the least is the dominant one, provided that it takes
 * away at least CAUSE_LEAST of the error; otherwise rounding to the format is.
 *
 * Ownership: plain values and constant tables. Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_VERDICT_H
#define QSCOPE_ANALYSIS_VERDICT_H

#include "analysis/evidence.h"

enum { VERDICT_TEXT = 640 };

/* A cause that takes away less than this share of the error is not worth blaming. */
#define CAUSE_LEAST 0.3

struct cause {
  const char *name; /* "outlier-channel": in JSON and CSV */
  /* What the MSE would be without it; NaN where it is not at work. NULL: the last resort. */
  double (*without)(const struct evidence *evidence);
  /* The sentence; and the clause that says so of a quantizer called NAME, for a comparison. */
  void (*tell)(const struct evidence *evidence, char *text, size_t size);
  void (*blame)(const struct evidence *evidence, const char *name, char *text, size_t size);
};
extern const struct cause cause_table[];
extern const size_t cause_table_length;

/* Decibels that the SQNR would rise by without CAUSE; 0 where it is not at work, infinity where it
 * is the whole error. */
double cause_gain_db(const struct cause *cause, const struct evidence *evidence);

/* The dominant cause; NULL where there is no error, or nothing to measure. */
const struct cause *cause_of(const struct evidence *evidence);

/* The dominant cause in one sentence, into TEXT. */
char *verdict_print(const struct evidence *evidence, char *text, size_t size);

/* Of two quantizers of one tensor. */
struct verdict {
  int better; /* -1: A, 1: B, 0: neither; by the SQNR, unless values overflow in one alone */
  bool same;  /* the same in every metric, to the bit */
  /* B's numbers less A's; infinite where one is exact, NaN where a number does not exist. */
  double sqnr_db, bulk_sqnr_db, bits;
  const char *cause;       /* of the difference, a word; NULL: there is none */
  char text[VERDICT_TEXT]; /* the sentence */
};

/* A smaller difference than this (in dB) is none. */
#define VERDICT_TIE 0.05

/* Which is better, by how much, at what cost in bits, and the dominant cause of the difference;
 * A_NAME and B_NAME are what the sentence calls them. */
struct verdict verdict_of_pair(const struct evidence *a, const struct evidence *b,
                               const char *a_name, const char *b_name);
/* The same of two tensors, each with its quantizer: which keeps more of its signal, and what of the
 * two distributions tells why; no cause. */
struct verdict verdict_of_tensors(const struct evidence *a, const struct evidence *b,
                                  const char *a_name, const char *b_name);

#endif
