/* A probe: one unit of a tensor on which thresholds are tried before any is taken.
 *
 * It holds the unit's values as calibrators see them, and tells what any scaling of them would
 * lose, many scalings in one visit of the values. Ownership: probe_open allocates, probe_close
 * frees; batch and progress are borrowed until then. Threads: immutable once open; probe_measure is
 * itself parallel. */
#ifndef QSCOPE_QUANT_PROBE_H
#define QSCOPE_QUANT_PROBE_H

#include "quant/calibrator.h"
#include "quant/quantizer.h"

enum { PROBE_MOST = 256 }; /* scalings that probe_measure takes at once */

/* The unit with the largest magnitude, the first one of several. */
#define PROBE_LARGEST SIZE_MAX

struct probe {
  struct quantizer quantizer;
  struct calibration calibration;
  struct grid grid; /* saturates */
  struct grain grain;
  const struct batch *batch;
  struct sample sample; /* of `unit`; `finite` may be 0 */
  size_t unit;
  double signal2;               /* sum of x^2 */
  float *values;                /* of a small unit */
  struct probe_basis *basis[2]; /* of probe_calibrate; else NULL */
};

/* STATUS_USAGE when QUANTIZER leaves no threshold to choose (its format brings blocks and scales,
 * or learns its levels), and the sentence that says so. */
enum status probe_check(const struct quantizer *quantizer, struct error *error);

/* Lays QUANTIZER, whose scales a calibrator chooses, over the tensor that BATCH holds, and reads
 * UNIT (or PROBE_LARGEST) of it; a digest saves the reading where all elements share one scale.
 * STATUS_USAGE: the axis or the unit does not exist, or probe_check says no; STATUS_MEMORY,
 * STATUS_CANCELLED. Nothing to close on failure. */
enum status probe_open(const struct quantizer *quantizer, const struct batch *batch, size_t unit,
                       struct progress *progress, struct probe *out, struct error *error);
void probe_close(struct probe *probe);

/* From now on running calibrators (RUNNING), or all others, choose from the unit's values in COUNT
 * batches (borrowed until probe_close), as quantizer_fit_batches makes them. STATUS_USAGE when a
 * batch has other units than the tensor, STATUS_MEMORY, STATUS_CANCELLED; close the probe all the
 * same. */
enum status probe_calibrate(struct probe *probe, bool running, const struct batch *batches,
                            size_t count, struct error *error);

/* True when there is something to choose: a finite value other than 0. */
bool probe_has_values(const struct probe *probe);

/* True when one visit of the values takes long enough to show an estimate before. */
bool probe_is_long(const struct probe *probe);

/* A few percent of the values of PROBE, a long one that must outlive it: to estimate what a visit
 * of all will say. Extremes stay those of all values; `finite` and `signal2` are of the few. */
struct probe_few;
enum status probe_take_few(const struct probe *probe, struct probe_few **out, struct error *error);
const struct probe *probe_of_few(const struct probe_few *few);
void probe_few_free(struct probe_few *few);

/* The choice of QUANTIZER, which differs from the probe's in its calibrator alone. Calibration data
 * without a value other than 0 give scale 1. */
enum status probe_choose(const struct probe *probe, const struct quantizer *quantizer,
                         struct choice *choice, struct error *error);

/* The choice that cuts at THRESHOLD, in the domain of x: both sides there when symmetric; when
 * asymmetric both ends of the data moved by the same factor, the farther one to THRESHOLD. */
struct choice probe_threshold(const struct probe *probe, double threshold);

/* Scale and zero point of CHOICE, as a fit would have them. */
struct scaling probe_scaling(const struct probe *probe, const struct choice *choice);

/* The threshold that CHOICE means: the larger magnitude of its ends, or of the ends of its grid
 * when it fixed the scale. */
double probe_threshold_of(const struct probe *probe, const struct choice *choice);

/* Ends of the grid under SCALING, in the domain of x. */
void probe_range(const struct probe *probe, const struct scaling *scaling, double *lo, double *hi);

/* Zero point of SCALING as people number codes. */
long probe_zero_point(const struct probe *probe, const struct scaling *scaling);

/* What a scaling loses, summed over the finite values: the error, the part of it that values beyond
 * the range make, and how many these are (definitions: analysis/metrics.h). */
struct loss {
  double error2, clipped_error2;
  uint64_t clipped;
};

/* The losses of COUNT (at most PROBE_MOST) scalings. STATUS_MEMORY, STATUS_CANCELLED. */
enum status probe_measure(const struct probe *probe, const struct scaling *scalings, size_t count,
                          struct loss *out, struct error *error);

#endif
