/* The rules of AIMET (quic/aimet:ModelOptimizations/DlQuantization): range, percentile, and two
 * searches over the histogram of aimet_histogram.h. Sums are float32 where the original's are, so
 * that near ties fall as there. */
#include "quant/aimet_histogram.h"
#include "quant/calibrators.h"

#include <float.h>
#include <math.h>

enum { DELTAS = 17, OFFSETS = 21, SYMMETRIC_DELTAS = 101 };

static void take_extremes(const struct sample *sample, struct choice *choice)
{
  *choice = (struct choice){.lo = fmin((double)sample->min, 0), .hi = fmax((double)sample->max, 0)};
}

/* A range of less than 0.01 is widened: small tensors lose all. */
enum status aimet_tf_choose(const struct calibration *calibration, const struct sample *sample,
                            struct choice *choice, struct error *error)
{
  (void)calibration;
  (void)error;
  take_extremes(sample, choice);
  choice->hi = fmax(choice->hi, choice->lo + 0.01);
  return STATUS_OK;
}

/* --- percentile ----------------------------------------------------------------------- */

static void cut_shares(const struct aimet_histogram *histogram, double percent, float *lo,
                       float *hi)
{
  float below = 1 - (float)percent / 100, above = (float)percent / 100;
  double sum[AIMET_BINS_MOST];
  size_t bins = histogram->bins, first = 0, last = bins;
  sum[0] = histogram->share[0];
  for (size_t i = 1; i < bins; i++)
    sum[i] = sum[i - 1] + histogram->share[i];
  while (first < bins && sum[first] < (double)below)
    first++;
  while (last > 0 && sum[last - 1] >= (double)above)
    last--;
  /* LAST bins stay below the share; the range ends at the left edge of the next. */
  float end = histogram->left[bins - 1] + histogram->width;
  *lo = histogram->left[first < bins ? first : 0];
  *hi = last > 0 && last < bins ? histogram->left[last] : end;
  if (*lo == *hi)
    *hi += histogram->width;
}

enum status aimet_percentile_choose(const struct calibration *calibration,
                                    const struct sample *sample, struct choice *choice,
                                    struct error *error)
{
  struct aimet_histogram histogram;
  float lo, hi;
  enum status status =
      aimet_histogram_make(sample, (size_t)calibration->option[0], &histogram, error);
  take_extremes(sample, choice);
  if (status != STATUS_OK || histogram.bins == 0)
    return status;
  if (calibration->parameter < 100)
    cut_shares(&histogram, calibration->parameter, &lo, &hi);
  else
    aimet_histogram_range(&histogram, &lo, &hi);
  *choice = (struct choice){.lo = (double)fminf(lo, 0), .hi = (double)fmaxf(hi, 0)};
  return STATUS_OK;
}

/* --- tf_enhanced ---------------------------------------------------------------------- */

struct search {
  const struct aimet_histogram *histogram;
  double gamma;
  float steps;     /* of the scheme ... */
  float all_steps; /* ... and of the format: what the original's cost always takes */
  double best_cost;
  float best_delta;
  int best_offset;
  size_t tried, best; /* number of the best candidate */
};

static size_t bin_of(const struct aimet_histogram *histogram, float x)
{
  float bin = floorf((x - histogram->start) / histogram->width);
  return (size_t)fminf(fmaxf(bin, 0), (float)(histogram->bins - 1));
}

static float middle(const struct aimet_histogram *histogram, size_t bin)
{
  return fmaf((float)bin, histogram->width, histogram->start) + histogram->width / 2;
}

static double square(float x)
{
  return (double)x * (double)x;
}

/* Share-weighted squared distance of the bins FROM..TO-1 to the middle of bin EDGE. */
static double saturation(const struct aimet_histogram *histogram, size_t from, size_t to,
                         size_t edge)
{
  double cost = 0;
  float end = middle(histogram, edge);
  for (size_t i = from; i < to; i++)
    cost += histogram->share[i] * square(middle(histogram, i) - end);
  return cost;
}

static double cost_of(const struct search *search, float delta, int offset)
{
  const struct aimet_histogram *histogram = search->histogram;
  float lo = delta * (float)offset, hi = delta * search->all_steps + lo;
  double rounding = 0;
  size_t first = bin_of(histogram, lo), last = bin_of(histogram, hi);
  double clipping =
      saturation(histogram, 0, first, first) + saturation(histogram, last, histogram->bins, last);
  for (size_t i = first; i < last; i++) {
    if (histogram->share[i] <= 0)
      continue;
    float x = middle(histogram, i);
    float code = roundf(x / delta - (float)offset);
    float y = delta * (code + (float)offset);
    rounding += histogram->share[i] * square(x - y);
  }
  return search->gamma * clipping + rounding;
}

static void try_candidate(struct search *search, float delta, int offset)
{
  double cost = cost_of(search, delta, offset);
  if (cost < search->best_cost) {
    search->best_cost = cost;
    search->best_delta = delta;
    search->best_offset = offset;
    search->best = search->tried;
  }
  search->tried++;
}

/* A candidate that reaches beyond the values on both sides is left out; else it is cut to them. */
static void try_within(struct search *search, float lo, float hi, float delta, int offset)
{
  float from = delta * (float)offset, to = from + delta * search->steps;
  if (from < lo && to > hi)
    return;
  from = fmaxf(lo, from);
  to = fminf(hi, to);
  delta = (to - from) / search->steps;
  if (delta > 0)
    try_candidate(search, delta, (int)fmaxf(fminf(roundf(from / delta), 1 << 24), -(1 << 24)));
}

static void search_asymmetric(struct search *search, float lo, float hi)
{
  float whole = (hi - lo) / search->steps;
  int offset = (int)roundf(lo / whole);
  lo = whole * (float)offset;
  hi = lo + whole * search->steps;
  for (int k = 1; k <= DELTAS; k++) {
    float delta = (float)k / 16 * whole;
    for (int i = 0; i < OFFSETS; i++)
      try_within(search, lo, hi, delta,
                 (int)((double)-search->steps + (double)search->steps / 20 * i));
  }
  try_candidate(search, whole, offset);
}

static void search_symmetric(struct search *search, float whole, int offset)
{
  float factor = (float)(1.0 / 100);
  for (int k = 0; k < SYMMETRIC_DELTAS + 1 && (double)factor <= 1 + 1.0 / 100; k++) {
    try_candidate(search, factor * whole, offset);
    factor = (float)((double)factor + 1.0 / 100);
  }
}

enum status aimet_tf_enhanced_choose(const struct calibration *calibration,
                                     const struct sample *sample, struct choice *choice,
                                     struct error *error)
{
  struct aimet_histogram histogram;
  struct search search = {.histogram = &histogram,
                          .gamma = calibration->option[1],
                          .steps = (float)aimet_steps(calibration),
                          .all_steps = (float)(exp2(calibration->format->bits) - 1),
                          .best_cost = HUGE_VAL};
  float lo, hi;
  enum status status =
      aimet_histogram_make(sample, (size_t)calibration->option[0], &histogram, error);
  take_extremes(sample, choice);
  if (status != STATUS_OK || histogram.bins == 0)
    return status;
  aimet_histogram_range(&histogram, &lo, &hi);
  if (calibration->asymmetric)
    search_asymmetric(&search, lo, hi);
  else if (!aimet_symmetric(calibration, (double)lo))
    search_symmetric(&search, hi / search.steps, 0);
  else
    search_symmetric(&search, 2 * fmaxf(fabsf(hi), fabsf(lo)) / search.steps,
                     (int)floorf(-search.steps / 2));
  if (!(search.best_delta > 0)) /* errors beyond float32: nothing was better than nothing */
    return STATUS_OK;
  double delta = (double)search.best_delta;
  *choice = (struct choice){.lo = delta * search.best_offset,
                            .hi = delta * (search.best_offset + (double)search.steps),
                            .at_end = search.best == 0 || search.best + 1 == search.tried};
  if (calibration->asymmetric || choice->lo < 0) {
    choice->has_scale = true;
    choice->scale = search.best_delta;
    choice->zero = calibration->asymmetric || calibration->unsigned_codes ? -search.best_offset : 0;
  }
  return STATUS_OK;
}

/* --- mse ------------------------------------------------------------------------------ */

/* Sums of the shares of some bins, of share * centre and of share * centre^2. */
struct share_sums {
  double share, centre, square;
};

struct edges {
  size_t count, bins;
  float edge[AIMET_BINS_MOST + 2], centre[AIMET_BINS_MOST + 2];
  double share[AIMET_BINS_MOST + 2];
  struct share_sums below[AIMET_BINS_MOST + 3]; /* of the bins before each */
};

/* Bins between the outermost values; the loop over float32 edges decides how many. */
static void edges_make(struct edges *edges, const struct aimet_histogram *histogram, float lo,
                       float hi)
{
  edges->count = 0;
  edges->edge[edges->count++] = lo;
  float at = histogram->start, end = histogram->left[histogram->bins - 1] + histogram->width;
  for (size_t i = 0; i <= histogram->bins && at <= end; i++, at += histogram->width)
    if (at >= lo && at <= hi)
      edges->edge[edges->count++] = at;
  edges->bins = edges->count - 1;
  for (size_t i = 0; i < edges->bins; i++) {
    edges->centre[i] = i == 0 ? lo + histogram->width / 2 : edges->centre[i - 1] + histogram->width;
    edges->share[i] = histogram->share[bin_of(histogram, edges->centre[i])];
  }
  edges->below[0] = (struct share_sums){0, 0, 0};
  for (size_t i = 0; i < edges->bins; i++) {
    double share = fmax(edges->share[i], 0), centre = (double)edges->centre[i];
    edges->below[i + 1] =
        (struct share_sums){edges->below[i].share + share, edges->below[i].centre + share * centre,
                            edges->below[i].square + share * centre * centre};
  }
}

/* The error of coding all the bins FIRST to END - 1 as Y. */
static double coded_as(const struct edges *edges, size_t first, size_t end, double y)
{
  const struct share_sums *from = &edges->below[first], *to = &edges->below[end];
  return fmax(to->square - from->square - 2 * y * (to->centre - from->centre) +
                  y * y * (to->share - from->share),
              0);
}

static size_t first_above(const struct edges *edges, float value)
{
  size_t low = 0, high = edges->bins;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (edges->centre[middle] < value)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static double coded(const struct aimet_encoding *code, float value)
{
  return code->delta * (round((double)value / code->delta - code->offset) + code->offset);
}

/* True when what LO..HI clips alone costs LIMIT, with some leeway for sums in float32. */
static bool clips_too_much(const struct edges *edges, const struct aimet_encoding *code, float lo,
                           float hi, float limit)
{
  double clipped = coded_as(edges, 0, first_above(edges, lo), coded(code, lo)) +
                   coded_as(edges, first_above(edges, hi), edges->bins, coded(code, hi));
  return clipped > 1.001 * (double)limit;
}

/* The error of coding LO..HI, or something not below LIMIT. */
static float pair_cost(const struct calibration *calibration, const struct edges *edges, float lo,
                       float hi, float limit)
{
  struct aimet_encoding code = aimet_encode(calibration, (double)lo, (double)hi);
  float cost = 0;
  if (clips_too_much(edges, &code, lo, hi, limit))
    return limit;
  for (size_t i = 0; i < edges->bins && cost < limit; i++) {
    if (edges->share[i] <= 0)
      continue;
    float raised = edges->centre[i] < lo ? lo : edges->centre[i];
    double distance = (double)edges->centre[i] - coded(&code, raised > hi ? hi : raised);
    cost = (float)((double)cost + edges->share[i] * (distance * distance));
  }
  return cost;
}

/* All pairs of an edge below 0 (or 0) and one above (or 0), the first of equals. */
static void search_pairs(const struct calibration *calibration, const struct edges *edges,
                         struct choice *choice)
{
  float least = FLT_MAX;
  for (size_t i = 0; i <= edges->count; i++) {
    float lo = i < edges->count ? edges->edge[i] : 0;
    if (i < edges->count && lo >= 0)
      continue;
    for (size_t j = 0; j <= edges->count; j++) {
      float hi = j < edges->count ? edges->edge[j] : 0;
      if ((j < edges->count && hi <= 0) || lo == hi)
        continue;
      float cost = pair_cost(calibration, edges, lo, hi, least);
      if (cost < least) {
        least = cost;
        *choice = (struct choice){.lo = (double)lo, .hi = (double)hi};
      }
    }
  }
}

enum status aimet_mse_choose(const struct calibration *calibration, const struct sample *sample,
                             struct choice *choice, struct error *error)
{
  struct aimet_histogram histogram;
  struct edges edges;
  float lo, hi;
  enum status status =
      aimet_histogram_make(sample, (size_t)calibration->option[0], &histogram, error);
  take_extremes(sample, choice);
  if (status != STATUS_OK || histogram.bins == 0)
    return status;
  aimet_histogram_range(&histogram, &lo, &hi);
  hi += histogram.width;
  *choice = (struct choice){.lo = (double)lo, .hi = (double)hi};
  edges_make(&edges, &histogram, lo, hi);
  search_pairs(calibration, &edges, choice);
  return STATUS_OK;
}
