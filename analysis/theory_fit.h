/* Distributions fitted to a tensor, and what they predict of a quantizer.
 *
 * Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_ANALYSIS_THEORY_FIT_H
#define QSCOPE_ANALYSIS_THEORY_FIT_H

#include "analysis/result.h"
#include "analysis/theory.h"

enum { THEORY_FITS = 3, THEORY_SAMPLE = 16384, THEORY_LEVELS_MOST = 1024 };

/* Gaussian: mean and deviation. Laplace: mean, and the mean of |x - mean|. Student-t: location,
 * scale and degrees of freedom of the largest likelihood, 2.1..200 (below, a prediction would hang
 * on the tail alone). The tail ends at the tensor's largest magnitude for predictions, not
 * for the goodness. */
struct theory_fit {
  struct distribution d;
  double ks;             /* Kolmogorov-Smirnov: largest distance between the shares below x */
  double log_likelihood; /* per element, nats */
};

struct theory_fits {
  struct theory_fit fit[THEORY_FITS];
  size_t best;     /* the one with the largest likelihood */
  size_t examined; /* finite values: all that a digest has, else up to THEORY_SAMPLE, evenly spaced;
                      0: nothing to fit (fewer than two distinct values) */
};

/* Fits TENSOR, whose FACTS and, where it has one, DIGEST are known. STATUS_MEMORY. */
enum status theory_fit(const struct tensor *tensor, const struct facts *facts,
                       const struct digest *digest, struct theory_fits *out, struct error *error);

/* What FIT predicts of the quantizer of RESULT; NaN where it has several scales, blocks, or more
 * levels than 65536 (optimum: than THEORY_LEVELS_MOST). */
struct theory_prediction {
  double sqnr_db;                       /* at the present scale */
  double optimum_clip, optimum_sqnr_db; /* the largest level, when the MSE is least */
};
enum status theory_predict(const struct theory_fit *fit, const struct result *result,
                           struct theory_prediction *out, struct error *error);

#endif
