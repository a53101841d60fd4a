/* A glimpse: the estimate from as large a sample as there is time for, where the exact numbers take
 * much longer.
 *
 * Ownership: the caller frees the result. Threads: any thread; parallel inside. */
#ifndef QSCOPE_ANALYSIS_GLIMPSE_H
#define QSCOPE_ANALYSIS_GLIMPSE_H

#include "analysis/result.h"

/* Samples TENSOR, twice or three times, each sample four times as large, for less than a tenth of a
 * second on a machine that is not too slow; before that the extremes of the tensor are measured
 * where its facts are not known and QUANTIZER needs them. *out: the last estimate; NULL where the
 * exact numbers will be there soon (judged by the time that the first sample took), where
 * no sample tells, or something went wrong that will go wrong again: the status is STATUS_OK
 * all the same, or STATUS_CANCELLED. REQUEST as for result_sample. */
enum status glimpse(const struct tensor *tensor, const struct quantizer *quantizer,
                    const struct result_request *request, struct progress *progress,
                    struct result **out);

#endif
