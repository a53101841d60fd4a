/* The histogram that AIMET's calibrators share: bins over three times the range of the first batch,
 * each batch a distribution that is averaged with the others. A value belongs to the nearest
 * multiple of the bin width, so that a bin is centred on what is called its left edge. float32
 * throughout, as quic/aimet:ModelOptimizations/DlQuantization computes it.
 *
 * Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_QUANT_AIMET_HISTOGRAM_H
#define QSCOPE_QUANT_AIMET_HISTOGRAM_H

#include "quant/calibrator.h"

enum { AIMET_BINS = 512, AIMET_BINS_MOST = 4096 };

struct aimet_histogram {
  size_t bins;
  float start, width;
  float left[AIMET_BINS_MOST];
  double share[AIMET_BINS_MOST];
};

/* Fills OUT from the batches of SAMPLE. out->bins is 0 when there is no histogram to speak of: the
 * range is too narrow or too wide for bins in float32. STATUS_MEMORY, STATUS_CANCELLED. */
enum status aimet_histogram_make(const struct sample *sample, size_t bins,
                                 struct aimet_histogram *out, struct error *error);

/* Edges of the first and the last bin that is not empty, zero included, at least 0.01 apart. */
void aimet_histogram_range(const struct aimet_histogram *histogram, float *lo, float *hi);

/* How AIMET codes a range: q = round(x / delta - offset), y = delta * (q + offset). */
struct aimet_encoding {
  double delta, offset, steps;
};

/* The encoding of LO..HI under the scheme of CALIBRATION. */
struct aimet_encoding aimet_encode(const struct calibration *calibration, double lo, double hi);

/* Number of steps of the scheme: 2^b - 1, one less when narrow. */
double aimet_steps(const struct calibration *calibration);

/* The scheme is symmetric for a range from LO: not so without negative values and with unsigned
 * codes. */
bool aimet_symmetric(const struct calibration *calibration, double lo);

#endif
