/* What a fit is made of: shared by fitting.c, which makes it, and fit.c, which applies it.
 * Everybody else sees quantizer.h. */
#ifndef QSCOPE_QUANT_FIT_H
#define QSCOPE_QUANT_FIT_H

#include "quant/family.h"
#include "quant/quantizer.h"

struct fit {
  struct quantizer quantizer;
  const struct family *family; /* of the format */
  struct grain grain;
  struct grid grid;
  struct unit *unit; /* grain.units of them */
};

/* What calibrators are told about QUANTIZER. */
struct calibration fit_calibration(const struct quantizer *quantizer);

#endif
