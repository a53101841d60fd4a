/* Candidate scales tried out: the error that the quantizer itself would make with each.
 *
 * Ownership: plain values that borrow the calibration. Threads: no state. */
#ifndef QSCOPE_QUANT_TRIAL_H
#define QSCOPE_QUANT_TRIAL_H

#include "quant/calibrator.h"

enum { TRIALS_MOST = 16 };

struct trials {
  const struct calibration *calibration;
  double norm;  /* the error is sum |x - y|^norm, here ... */
  int exponent; /* ... of magnitudes divided by 2^exponent, so that nothing overflows */
  size_t count;
  struct scaling scaling[TRIALS_MOST];
  double error[TRIALS_MOST]; /* filled by trials_measure */
};

/* Trials for SAMPLE, none yet; the exponent is that of its largest magnitude. */
struct trials trials_make(const struct calibration *calibration, const struct sample *sample,
                          double norm);

/* Adds the candidate that CHOICE is under the scale rule of the calibration. */
void trials_add(struct trials *trials, const struct choice *choice);

/* Measures all of them in one visit. STATUS_MEMORY, STATUS_CANCELLED. */
enum status trials_measure(struct trials *trials, const struct sample *sample, struct error *error);

/* The error that clipping alone makes with trial I and one step of leeway: no candidate with a
 * narrower range has less. */
enum status trials_clipping(const struct trials *trials, size_t i, const struct sample *sample,
                            double *out, struct error *error);

#endif
