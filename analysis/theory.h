/* Theory: what a grid of levels costs on a known distribution, exact up to rounding.
 *
 * The error of a grid is a sum over its cells of the integral of (x - level)^2 p(x): Gauss-Legendre
 * quadrature where a cell is narrow and the density smooth, closed forms of the partial moments in
 * wide cells and tails. Nothing is sampled. Ownership: plain values; theory_lloyd_max allocates.
 * Threads: no state. */
#ifndef QSCOPE_ANALYSIS_THEORY_H
#define QSCOPE_ANALYSIS_THEORY_H

#include "quant/base/status.h"
#include "quant/format.h"

#include <stdbool.h>
#include <stddef.h>

/* Families of densities, each scaled to variance 1 and symmetric about 0:
 *   gaussian; laplace: exp(-sqrt(2)|x|) / sqrt(2); uniform on +-sqrt(3);
 *   student-t=NU, NU > 2; gamma: sqrt(sqrt(3) / (8 pi |x|)) exp(-sqrt(3)|x| / 2). */
struct distribution_type {
  const char *name, *aliases; /* aliases: space-separated, or "" */
  bool has_nu;
  /* Density at x >= 0, and the integrals of p, x p and x^2 p from x to infinity. */
  double (*density)(double nu, double x);
  void (*tail)(double nu, double x, double out[3]);
  double end; /* of the support; infinity */
};
extern const struct distribution_type distribution_table[];
extern const size_t distribution_table_length;

/* x = mean + deviation * z. What is farther than LIMIT deviations from the mean is there, at the
 * limit (infinity: no limit): a tensor has a largest value, and its heavy tail ends there. */
struct distribution {
  const struct distribution_type *type;
  double nu, mean, deviation, limit;
};

/* NAME or NAME=NU ("student-t=5"; 5 when none is written), unit variance, no limit.
 * STATUS_USAGE with the nearest name. */
enum status distribution_parse(const char *word, struct distribution *out, struct error *error);

/* Density (without what lies at the limit), and the share of values up to X. */
double distribution_density(const struct distribution *d, double x);
double distribution_below(const struct distribution *d, double x);

/* Mean squares: of the error of values whose rounded code the clamp leaves alone, of the others, of
 * both, of the signal. The range ends half a step beyond the outermost levels. */
struct theory_error {
  double rounding, clipping, mse, signal, sqnr_db, clip_rate;
  double entropy_bits; /* of the codes */
};

/* Cost of COUNT ascending LEVELS times SCALE on D, each value going to the nearest. */
void theory_error(const struct distribution *d, const double *levels, size_t count, double scale,
                  struct theory_error *out);

/* The scale with the least MSE: a scan that brackets it, then the root of the derivative (grids of
 * several local minima: the best of them). NaN when no scale is better than its neighbours. */
double theory_best_scale(const struct distribution *d, const double *levels, size_t count);

/* COUNT whole numbers from LOWEST; those of COUNT levels symmetric about 0 in steps of 1. */
void theory_integers(long lowest, size_t count, double *levels);
void theory_symmetric(size_t count, double *levels);

/* All finite values of FORMAT at scale 1, ascending, each once: an array that the caller frees.
 * NULL when memory runs out. */
double *theory_format_levels(const struct format *format, size_t *count);

/* The best COUNT levels for a symmetric D (Lloyd 1957, Max 1960): LEVELS gets them ascending. The
 * start is the companding quantizer of Panter and Dite; Newton's method does the rest.
 * STATUS_MEMORY; STATUS_FAILED when it does not converge. */
enum status theory_lloyd_max(const struct distribution *d, size_t count, double *levels);

/* --- asymptotics --- */

double theory_db_per_bit(void); /* 20 log10 2 */
/* A uniform source that fills all levels: 20 log10(COUNT). */
double theory_uniform_db(size_t count);
double theory_sine_db(void); /* what a full-scale sine has more: 10 log10(3/2) */
/* Panter and Dite (1951): the best COUNT levels cost about this over COUNT^2, in units of the
 * variance: the cube of the integral of p^(1/3), over 12. */
double theory_panter_dite(const struct distribution *d);
double theory_entropy_coded_gap_db(void); /* 10 log10(pi e / 6) */

#endif
