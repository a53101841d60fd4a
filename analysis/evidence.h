/* Evidence: what of a result tells why it is as bad as it is, as a plain value that outlives it.
 *
 * Ownership: plain value (its quantizer refers to constant tables). Threads: none needed. */
#ifndef QSCOPE_ANALYSIS_EVIDENCE_H
#define QSCOPE_ANALYSIS_EVIDENCE_H

#include "analysis/result.h"

struct evidence {
  struct facts facts;
  struct quantizer quantizer;
  struct metrics metrics;
  size_t units;  /* scales */
  double lo, hi; /* what the only scale can represent; NaN where there are several */
  /* The channel that stretches a scale which others have to live with, when there is one. */
  bool outlier;
  size_t channel, channels;
  unsigned axis;
  double ratio;   /* its absmax / the median channel's */
  double own_mse; /* about what the MSE would be if each channel had a scale of its own */
  bool uncertain; /* an estimate, or of a state that is no longer looked at: numbers wear a ~ */
};

struct evidence evidence_of(const struct result *result);

/* The MSE of rounding to COUNT even levels over a range of that SPAN: step^2 / 12. */
double evidence_even_mse(double span, size_t count);

/* The length of the part of the axis that holds the data and 0. */
double evidence_data_span(const struct evidence *evidence);

/* The range of the only scale over the data: of both sides where the scheme fits it to both, else
 * of the shorter side, since one may be a level longer. NaN where there are several scales. */
double evidence_width(const struct evidence *evidence);

/* A range this many times the data is too wide: it is not the data that set the scale. */
#define EVIDENCE_WIDE 1.5

/* True when the levels are fixed parts of the range, so that one large value makes the steps of
 * all others coarse: integers and codebooks that are not learned. */
bool evidence_grid_is_fixed(const struct evidence *evidence);

#endif
