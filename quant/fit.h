/* What a fit is made of: shared by fitting.c, which makes it, and fit.c, which applies it.
 * Everybody else sees quantizer.h. */
#ifndef QSCOPE_QUANT_FIT_H
#define QSCOPE_QUANT_FIT_H

#include "quant/quantizer.h"

struct fit {
  struct quantizer quantizer;
  struct grain grain;
  struct minifloat_grid grid;    /* small floats */
  float *scale;                  /* of each unit */
  struct integer_unit *integers; /* of each unit; NULL for small floats */
};

/* What calibrators are told about QUANTIZER. */
struct calibration fit_calibration(const struct quantizer *quantizer);

#endif
