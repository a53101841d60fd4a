#include "analysis/readout.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What the two ends of the bin become, by the quantizer itself. */
static void map_ends(const struct result *result, struct readout *out)
{
  const float ends[] = {(float)out->lo, (float)out->hi};
  float levels[2];
  uint16_t codes[2];
  long lowest, highest;
  if (!result->fit || fit_grain(result->fit)->units != 1 || fit_alignment(result->fit) != 1 ||
      result->quantizer.rounding == ROUND_STOCHASTIC ||
      result->quantizer.format->bits > FORMAT_CODE_BITS)
    return;
  fit_round_trip(result->fit, 0, 2, ends, levels, codes);
  quantizer_code_range(&result->quantizer, &lowest, &highest);
  out->maps = true;
  out->first_level = (double)levels[0];
  out->last_level = (double)levels[1];
  out->first_code = lowest + codes[0];
  out->last_code = lowest + codes[1];
}

bool readout_at(const struct result *result, double x, struct readout *out)
{
  const struct histogram *h = &result->original;
  const struct bin_edges edges = histogram_edges(h);
  size_t bin = h->bins ? histogram_bin(&edges, x) : HISTOGRAM_OUTSIDE;
  double finite = (double)result->facts.finite, error2 = result->metrics.mse * finite;
  bool errors = result->error2 != NULL;
  if (bin == HISTOGRAM_OUTSIDE)
    return false;
  uint64_t below = h->under;
  for (size_t i = 0; i <= bin; i++)
    below += h->count[i];
  *out = (struct readout){.lo = histogram_edge(h, bin),
                          .hi = histogram_edge(h, bin + 1),
                          .count = h->count[bin],
                          .share = (double)h->count[bin] / finite,
                          .below = (double)below / finite,
                          .error_share =
                              errors && error2 > 0 ? result->error2[bin] / error2 : (double)NAN,
                          .error_mean = errors ? result->error_mean[bin] : (double)NAN,
                          .error_max = errors ? result->error_max[bin] : (double)NAN};
  map_ends(result, out);
  return true;
}

/* Behind what TEXT holds already. */
__attribute__((format(printf, 3, 4))) static void add(char *text, size_t size, const char *format,
                                                      ...)
{
  size_t used = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, size - used, format, arguments);
  va_end(arguments);
}

static void add_codes(const struct readout *readout, const struct quantizer *quantizer, char *text,
                      size_t size)
{
  bool one = !(readout->first_level < readout->last_level);
  if (!readout->maps)
    add(text, size, ", codes by the scales");
  else if (format_is_integer(quantizer->format) && one)
    add(text, size, ", code %ld", readout->first_code);
  else if (format_is_integer(quantizer->format))
    add(text, size, ", codes %ld to %ld", readout->first_code, readout->last_code);
  else if (one)
    add(text, size, ", becomes %.4g", readout->first_level);
  else
    add(text, size, ", becomes %.4g to %.4g", readout->first_level, readout->last_level);
}

char *readout_print(const struct readout *readout, const struct quantizer *quantizer, char *text,
                    size_t size)
{
  snprintf(text, size, "%.4g to %.4g: %" PRIu64 " values (%.3g %%, %.4g %% up to here)",
           readout->lo, readout->hi, readout->count, 100 * readout->share, 100 * readout->below);
  add_codes(readout, quantizer, text, size);
  if (!isnan(readout->error_share))
    add(text, size, ", %.3g %% of the error", 100 * readout->error_share);
  if (!isnan(readout->error_mean))
    add(text, size, " (mean %.3g, largest %.3g)", readout->error_mean, readout->error_max);
  return text;
}
