/* The calibrator table: how the range of a unit is chosen.
 *
 * A calibrator sees the values of one unit (whatever shares a scale) and answers with a range,
 * or with a scale outright. One row here and one file cal_<name>.c each. Ownership: the table
 * is constant; choose() borrows the sample. Threads: choose() is called for many units at once;
 * rows keep no state. */
#ifndef QSCOPE_QUANT_CALIBRATOR_H
#define QSCOPE_QUANT_CALIBRATOR_H

#include "quant/base/status.h"
#include "quant/family.h"
#include "quant/sample.h"

#include <stdbool.h>

/* What the range is for. */
struct calibration {
  const struct format *format;
  bool asymmetric, narrow;
  enum rounding rounding;
  double parameter; /* percentile=P and the like */
  bool pow2;        /* scales: see struct quantizer */
  const struct format *scale_type;
};

struct choice {
  double lo, hi;  /* symmetric: hi is the clip threshold, lo = -hi */
  bool has_scale; /* the calibrator fixed the scale (and zero point) itself: mse */
  float scale;
  long zero;
};

struct calibrator {
  const char *name;                  /* the word in the spec */
  const char *parameter;             /* name of its number ("P"), NULL without one */
  double default_value, least, most; /* of the parameter */
  const char *summary;               /* one line for `qscope calibrators` */
  bool integers_only;                /* its rule supposes evenly spaced levels */
  /* The sample has at least one finite value and is not all zero. STATUS_OK, STATUS_MEMORY,
   * STATUS_CANCELLED. NULL for minmax: the sample's extremes are the answer. */
  enum status (*choose)(const struct calibration *calibration, const struct sample *sample,
                        struct choice *choice, struct error *error);
};

extern const struct calibrator calibrator_table[];
extern const size_t calibrator_table_length;

/* The row named WORD, or NULL. */
const struct calibrator *calibrator_find(const char *word);

/* The parameter that CALIBRATOR takes for FORMAT when the spec leaves it out: percentile cuts
 * more at fewer bits (99.99 at 8 and more, 99.9 at 6 and 7, 99 below); else default_value. */
double calibrator_default(const struct calibrator *calibrator, const struct format *format);

/* The default scale rules, shared by all calibrators that answer with a range. Symmetric:
 * scale = max(|lo|, |hi|) / format_max, in float32 division of the float32 threshold.
 * Asymmetric: range widened to contain 0, scale = (hi - lo) / (levels - 1) in float32, zero
 * point = round_half_even(-lo / scale) clamped to the codes. The symmetric full scheme clamps to
 * -2^(b-1)..2^(b-1)-1 all the same: with scale = absmax / 127 the code -128 stays for hand-made
 * scales. A zero range gives scale 1; a scale below the smallest positive float32 is raised to
 * it. A choice that has a scale passes through. Last of all the scale is rounded as the spec says
 * (calibration_stored_scale); the zero point of a range goes with the rounded scale. */
void calibration_scale(const struct calibration *calibration, const struct choice *choice,
                       float *scale, long *zero);

/* SCALE as it is stored: up to a power of two (pow2), then to the nearest number of scale_type, at
 * least its smallest and at most its largest. */
float calibration_stored_scale(const struct calibration *calibration, float scale);

/* The grid that CALIBRATION is for; searches suppose that it saturates. */
struct grid calibration_grid(const struct calibration *calibration);

#endif
