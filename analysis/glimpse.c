#include "analysis/glimpse.h"

#include "analysis/counted.h"
#include "data/tensor_digest.h"
#include "quant/base/clock.h"
#include "quant/base/size.h"
#include "quant/extent.h"

#include <math.h>

enum {
  FIRST = 1 << 18, /* elements: enough for several threads, and little for the slowest format */
  FIRST_MOST = 1 << 20,
  MOST = 1 << 22,
  GROWTH = 4,
  COUNTED = 1 << 26, /* elements whose digest is made in a frame or a few */
};

static const double budget = 0.09, soon = 0.15; /* seconds */

static enum status measure_extremes(const struct tensor *tensor, struct progress *progress,
                                    struct extremes *out)
{
  const struct feed feed = tensor_feed(tensor);
  const struct grain whole = {.kind = GRAIN_TENSOR, .count = tensor->count, .units = 1};
  struct extent extent;
  progress_expect(progress, tensor->count);
  enum status status = extents_measure(&feed, &whole, progress, &extent);
  *out = (struct extremes){.min = INFINITY, .max = -INFINITY};
  if (status == STATUS_OK && extent_finite(&extent))
    *out = (struct extremes){.min = extent_min(&extent), .max = extent_max(&extent)};
  return status;
}

/* *known is EXTREMES, or NULL where nobody needs to know them. */
static enum status find_extremes(const struct tensor *tensor, const struct quantizer *quantizer,
                                 const struct facts *facts, struct progress *progress,
                                 struct extremes *extremes, const struct extremes **known)
{
  *known = facts || result_sample_extremes(quantizer) ? extremes : NULL;
  if (*known && !facts)
    return measure_extremes(tensor, progress, extremes);
  if (*known)
    *extremes = facts_extremes(facts);
  return STATUS_OK;
}

/* Samples that grow while there is time. */
static enum status grow(const struct tensor *tensor, const struct quantizer *quantizer,
                        const struct result_request *request, const struct extremes *extremes,
                        struct progress *progress, struct result **out)
{
  double start = seconds_now(), took = 0;
  struct result *next;
  struct error error;
  size_t most = size_min(MOST, tensor->count / GROWTH);
  for (size_t n = FIRST; n <= (took > 0 ? most : size_min(most, FIRST_MOST)); n *= GROWTH) {
    double now = seconds_now();
    bool first = !*out;
    if (!first && now - start + GROWTH * took > budget)
      break;
    if (!result_can_sample(tensor, quantizer, request, n))
      continue;
    enum status status =
        result_sample(tensor, quantizer, request, extremes, n, progress, &next, &error);
    if (status != STATUS_OK)
      return status;
    took = seconds_now() - now;
    result_free(*out);
    *out = next;
    if (first && took < soon * next->sampled) {
      result_free(*out);
      *out = NULL;
      break;
    }
  }
  return STATUS_OK;
}

enum status glimpse(const struct tensor *tensor, const struct quantizer *quantizer,
                    const struct result_request *request, struct progress *progress,
                    struct result **out)
{
  struct extremes extremes;
  const struct extremes *known;
  struct error error;
  struct result *result = NULL;
  bool counted = tensor_has_digest(tensor) && counted_can_answer(quantizer);
  if ((counted && tensor->count <= COUNTED) ||
      !result_can_sample(tensor, quantizer, request, FIRST_MOST) ||
      result_check_room(tensor, quantizer, &error) != STATUS_OK)
    return STATUS_OK;
  enum status status =
      find_extremes(tensor, quantizer, request->facts, progress, &extremes, &known);
  if (status == STATUS_OK)
    status = grow(tensor, quantizer, request, known, progress, &result);
  if (status == STATUS_CANCELLED) {
    result_free(result);
    return status;
  }
  *out = result;
  return STATUS_OK;
}
