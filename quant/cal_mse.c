/* mse: the scale (and zero point) with the least squared error of rounding to nearest.
 *
 * Formats up to 8 bits: the exact search of best_scale.h. Small units hand it every value; large
 * ones a sketch, and what that finds is then refined on the values themselves. Asymmetric: the
 * search runs for each zero point that a scan of the scales finds promising, then for the
 * neighbours of the best. 16-bit formats have too many levels for that and too little ripple to
 * need it: 64 scales are measured (the clip from 1 to 0.02 of the range; small floats from 2 to
 * 1/2), and the best is refined.
 *
 * Everything is measured after division by a power of two, so that no square overflows. The
 * minmax choice is where every search starts: the answer is never worse than it. */
#include "quant/calibrators.h"

#include "quant/base/size.h"
#include "quant/best_scale.h"
#include "quant/scale_rule.h"
#include "quant/sketch.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Units up to DIRECT values are searched value by value. */
enum { DIRECT = 65536 };

/* Of the least error, where that is good enough. */
#define ROUGHLY 1e-2

struct job {
  const struct calibration *calibration;
  const struct sample *sample;
  struct choice *best;
  int exponent; /* magnitudes are divided by 2^exponent */
  bool turned;  /* the scale is negative: positive values take the levels below zero */
  bool roughly; /* one zero point, and what is near the least error */
  struct ladders ladders;
};

/* A scale of the sign of SCALE that is not 0. */
static float usable(double scale)
{
  return copysignf(fmaxf(fabsf((float)scale), FLT_TRUE_MIN), (float)scale);
}

/* --- errors on the values --------------------------------------------------------------- */

enum { MAX_TRIALS = 16, CLIPS = 4 * MAX_TRIALS, FEW_EXPONENT_BITS = 3 };

struct trials {
  struct grid grid;
  size_t count;
  float scale[MAX_TRIALS];
  long zero[MAX_TRIALS];
};

/* N <= FEED_BLOCK. */
static double counted_error(const struct grid *grid, const struct unit *unit, const float *x,
                            const uint64_t *counts, size_t n)
{
  float y[FEED_BLOCK];
  grid->format->family->run(grid, unit, x, n, y, NULL);
  return kernels.counted_error(x, y, counts, n);
}

static void measure_block(void *state, const float *x, const uint64_t *counts, size_t n,
                          const void *context)
{
  const struct trials *trials = context;
  double *errors = state;
  const struct family *family = trials->grid.format->family;
  for (size_t i = 0; i < trials->count; i++) {
    struct unit unit = family->unit(&trials->grid, trials->scale[i], trials->zero[i]);
    errors[i] += counts ? counted_error(&trials->grid, &unit, x, counts, n)
                        : family->sse(&trials->grid, &unit, x, n);
  }
}

static void merge_errors(void *into, const void *from, const void *context)
{
  const struct trials *trials = context;
  double *sum = into;
  const double *errors = from;
  for (size_t i = 0; i < trials->count; i++)
    sum[i] += errors[i];
}

/* A candidate has to be better by more than the sums of a digest and of the elements differ in
 * rounding: so both keep the same one, the first, of those that are as good. */
#define BETTER (1 - 1e-12)

/* Measures the trials in one visit and keeps the best of them and of *least. */
static enum status try_all(struct job *job, struct trials *trials, double *least)
{
  double errors[MAX_TRIALS];
  struct visitor visitor = {.state_size = trials->count * sizeof *errors,
                            .block = measure_block,
                            .merge = merge_errors,
                            .context = trials};
  trials->grid = calibration_grid(job->calibration);
  enum status status = sample_visit(job->sample, &visitor, errors);
  for (size_t i = 0; i < trials->count && status == STATUS_OK; i++)
    if (errors[i] < *least * BETTER) {
      *least = errors[i];
      job->best->scale = trials->scale[i];
      job->best->zero = trials->zero[i];
    }
  return status;
}

/* Narrows in on the best scale, from WIDTH (relative) on either side; every round looks at eight
 * scales beside it and goes on between the best and half way to its neighbours. */
static enum status refine(struct job *job, double width, double until, double *least)
{
  enum status status = STATUS_OK;
  for (; status == STATUS_OK && width > until; width /= 8) {
    struct trials trials = {.count = 0};
    for (int i = -4; i <= 4; i += i == -1 ? 2 : 1) {
      trials.scale[trials.count] = (float)((double)job->best->scale * (1 + width * i / 4));
      trials.zero[trials.count++] = job->best->zero;
    }
    status = try_all(job, &trials, least);
  }
  return status;
}

/* --- formats with many levels ----------------------------------------------------------- */

static enum status search_clips(struct job *job)
{
  const struct family *family = job->calibration->format->family;
  /* Few octaves are soon left by clipping. */
  bool few = job->calibration->format->exponent_bits > 0 &&
             job->calibration->format->exponent_bits <= FEW_EXPONENT_BITS;
  const double first = family->widest, last = few ? 0.02 : family->narrowest;
  const double step = pow(last / first, 1.0 / (CLIPS - 1));
  double least = HUGE_VAL, clip = first, whole = (double)job->best->scale;
  enum status status = STATUS_OK;
  for (int i = 0; i < CLIPS && status == STATUS_OK;) {
    struct trials trials = {.count = 0};
    for (; trials.count < MAX_TRIALS; i++, clip *= step) {
      trials.scale[trials.count] = usable(whole * clip);
      trials.zero[trials.count++] = job->best->zero;
    }
    status = try_all(job, &trials, &least);
  }
  return status == STATUS_OK ? refine(job, 1 - step, 1e-6, &least) : status;
}

/* --- levels --------------------------------------------------------------------------- */

static void set_search_sides(const struct job *job, long zero, struct scale_search *search)
{
  size_t steps[2];
  ladders_steps(job->calibration, zero, steps);
  for (int side = 0; side < 2; side++) {
    search->steps[side] = steps[side != job->turned];
    search->ladder[side] = job->ladders.side[side != job->turned];
  }
}

static void start_from_best(struct job *job, struct scale_search *search)
{
  job->turned = job->best->scale < 0;
  set_search_sides(job, job->best->zero, search);
  search->scale = ldexp(fabs((double)job->best->scale), -job->exponent);
  search->error = scale_error(search, search->scale);
}

static void improve(struct job *job, struct scale_search *search, long zero)
{
  set_search_sides(job, zero, search);
  if (scale_improve(search)) {
    double scale = ldexp(search->scale, job->exponent);
    job->best->scale = usable(job->turned ? -scale : scale);
    job->best->zero = zero;
  }
}

/* --- zero points ------------------------------------------------------------------------ */

enum { MAX_LEVELS = LADDER_STEPS, MOST_SCALES = 64, MOST_ZEROS = 24 };

/* What clamping the codes of one side to k levels leaves of B and C, for every k up to the
 * largest code: sums over the values of at least code k. */
struct side {
  size_t most;
  double b[MAX_LEVELS + 1], c[MAX_LEVELS + 1];
};

/* The values of each code, and from there on. */
static void side_sum(struct side *side, const struct atoms *atoms, int which, double inverse,
                     size_t levels)
{
  size_t end = atoms_end(atoms, which);
  for (size_t i = atoms_above(atoms, which, 0); i < end; i++) {
    double t = atoms->size[i] * inverse, weight = atoms->weight ? atoms->weight[i] : 1;
    size_t code = t < (double)levels ? (size_t)(t + 0.5) : levels;
    side->b[code] += weight * atoms->size[i];
    side->c[code] += weight;
  }
  for (size_t k = side->most; k-- > 1;) {
    side->b[k] += side->b[k + 1];
    side->c[k] += side->c[k + 1];
  }
}

/* The same where atoms are sorted. */
static void side_take_tails(struct side *side, const struct atoms *atoms, int which, double inverse)
{
  size_t end = atoms_end(atoms, which), i = atoms_above(atoms, which, 0.5 / inverse);
  for (size_t k = 1; k <= side->most; k++) {
    while (i < end && atoms->size[i] * inverse + 0.5 < (double)k)
      i++;
    side->b[k] = atoms->tail[i + (size_t)which].moment;
    side->c[k] = atoms->tail[i + (size_t)which].weight;
  }
}

static void side_fill(struct side *side, const struct atoms *atoms, int which, double inverse,
                      size_t levels)
{
  size_t first = atoms_above(atoms, which, 0), end = atoms_end(atoms, which);
  double largest = 0;
  if (atoms->tail && first < end)
    first = end - 1;
  for (size_t i = first; i < end; i++)
    largest = atoms->size[i] > largest ? atoms->size[i] : largest;
  side->most = (size_t)fmin(largest * inverse + 0.5, (double)levels);
  memset(side->b, 0, (side->most + 1) * sizeof *side->b);
  memset(side->c, 0, (side->most + 1) * sizeof *side->c);
  if (atoms->tail)
    side_take_tails(side, atoms, which, inverse);
  else
    side_sum(side, atoms, which, inverse, levels);
  side->b[0] = side->c[0] = 0;
  for (size_t k = 1; k <= side->most; k++) {
    side->b[k] += side->b[k - 1];
    side->c[k] = side->c[k - 1] + side->c[k] * (double)(2 * k - 1);
  }
}

/* Takes the errors of one scale into error[]; the least of them. Only zero points between those
 * that just hold all of one side and those that just hold all of the other can be best. */
static double scan_scale(const struct scale_search *search, const struct side *positive,
                         const struct side *negative, double s, double *error)
{
  size_t levels = search->ladder[0]->steps, a = negative->most, b = levels - positive->most;
  double least = HUGE_VAL;
  for (size_t z = size_min(a, b); z <= size_max(a, b); z++) {
    size_t p = size_min(levels - z, positive->most), n = size_min(z, negative->most);
    double found = search->energy - 2 * s * (positive->b[p] + negative->b[n]) +
                   s * s * (positive->c[p] + negative->c[n]);
    error[z] = found < error[z] ? found : error[z];
    least = found < least ? found : least;
  }
  return least;
}

/* error[z] = the least error of zero point z among some scales from RANGE / levels down, until
 * clipping alone is worse than the best: rounding costs at most s^2 / 4 for each value. */
static void scan_zeros(const struct scale_search *search, double range, double *error)
{
  const struct atoms *atoms = &search->atoms;
  size_t levels = search->ladder[0]->steps;
  struct side positive, negative;
  double inverse = (double)levels / range, values = 0, best = search->error, clipping = 0;
  for (size_t i = 0; i < atoms->count; i++)
    values += atoms->weight ? atoms->weight[i] : 1;
  for (int i = 0; i < MOST_SCALES && clipping < best; i++, inverse *= 1.085) {
    double s = 1 / inverse;
    side_fill(&positive, atoms, 0, inverse, levels);
    side_fill(&negative, atoms, 1, inverse, levels);
    double least = scan_scale(search, &positive, &negative, s, error);
    best = fmin(best, least);
    clipping = least - values * s * s / 4;
  }
}

/* The zero point with the least error of those not yet done. */
static long next_zero(const double *error, const bool *done, size_t levels)
{
  long best = -1;
  for (size_t z = 0; z <= levels; z++)
    if (!done[z] && (best < 0 || error[z] < error[best]))
      best = (long)z;
  return best;
}

static enum status search_zeros(struct job *job, struct scale_search *search, double range)
{
  double error[MAX_LEVELS + 1];
  bool done[MAX_LEVELS + 3] = {false}; /* done[z + 1], with a fence on either side */
  size_t levels = search->ladder[0]->steps;
  long first = ladders_first_zero(job->calibration);
  for (size_t z = 0; z <= levels; z++)
    error[z] = HUGE_VAL;
  scan_zeros(search, range, error);
  done[0] = done[levels + 2] = true;
  for (int tried = 0; tried < (job->roughly ? 1 : MOST_ZEROS); tried++) {
    if (progress_cancelled(job->sample->progress))
      return STATUS_CANCELLED;
    long best = job->best->zero - first, zero = next_zero(error, done + 1, levels);
    if (zero < 0 || error[zero] >= 1.1 * search->error) {
      if (!done[best]) /* the neighbour below */
        zero = best - 1;
      else if (!done[best + 2])
        zero = best + 1;
      else
        break;
    }
    improve(job, search, first + zero);
    done[zero + 1] = true;
  }
  return STATUS_OK;
}

/* Whether the rule makes negative scales where the positive side is the heavier one. */
static bool turns(const struct calibration *calibration)
{
  const struct choice heavy = {.lo = -0.5, .hi = 1};
  struct scaling scaling;
  calibration_scale(calibration, &heavy, &scaling);
  return scaling.scale < 0;
}

static enum status search_all(struct job *job, struct scale_search *search)
{
  start_from_best(job, search);
  if (!job->calibration->asymmetric) {
    improve(job, search, job->best->zero);
    job->turned = !job->turned;
    if (turns(job->calibration))
      improve(job, search, job->best->zero);
    return STATUS_OK;
  }
  double lo = fmin((double)job->sample->min, 0), hi = fmax((double)job->sample->max, 0);
  search->floor = search->atoms.tail ? scale_floor_new() : NULL;
  if (search->atoms.tail && !search->floor)
    return STATUS_MEMORY;
  enum status status = search_zeros(job, search, ldexp(hi - lo, -job->exponent));
  free(search->floor);
  return status;
}

/* --- small units: value by value ---------------------------------------------------------- */

/* Takes the magnitudes of SAMPLE of one sign behind the atoms already there; those of a digest in
 * ascending order. */
static void add_atoms(struct atoms *atoms, const struct sample *sample, double factor,
                      bool negative, double *size, double *weight)
{
  size_t n = sample->counts ? sample->distinct : sample->finite;
  for (size_t i = 0; i < n; i++) {
    size_t from = negative && sample->counts ? n - 1 - i : i;
    float x = negative ? -sample->values[from] : sample->values[from];
    if (!(x > 0))
      continue;
    size[atoms->count] = (double)x * factor;
    if (sample->counts)
      weight[atoms->count] = (double)sample->counts[from];
    atoms->count++;
  }
}

static enum status search_values(struct job *job, struct scale_search *search)
{
  const struct sample *sample = job->sample;
  size_t n = sample->counts ? sample->distinct : sample->finite;
  double *size = mem_room(sample->counts ? 2 * n : n, sizeof *size);
  double *weight = sample->counts ? size + n : NULL;
  struct atoms atoms = {.size = size, .weight = weight};
  if (!size)
    return STATUS_MEMORY;
  add_atoms(&atoms, sample, ldexp(1, -job->exponent), false, size, weight);
  atoms.positive = atoms.count;
  add_atoms(&atoms, sample, ldexp(1, -job->exponent), true, size, weight);
  for (size_t i = 0; i < atoms.count; i++)
    search->energy += (weight ? weight[i] : 1) * size[i] * size[i];
  if (weight && !atoms_prepare(&atoms)) {
    free(size);
    return STATUS_MEMORY;
  }
  search->atoms = atoms;
  enum status status = search_all(job, search);
  atoms_release(&atoms);
  free(size);
  return status;
}

/* --- large units: a sketch ---------------------------------------------------------------- */

static enum status search_sketch(struct job *job, struct scale_search *search)
{
  const struct sample *whole = job->sample;
  struct sketch sketch;
  enum status status = sketch_make(whole, &sketch);
  if (status != STATUS_OK)
    return status;
  job->sample = &sketch.sample;
  status = search_values(job, search);
  job->sample = whole;
  sketch_free(&sketch);
  return status;
}

/* The sketch's answer against minmax, and what lies around the better one, on the values. */
static enum status settle(struct job *job, const struct choice *minmax)
{
  double least = HUGE_VAL;
  struct trials trials = {.count = 2,
                          .scale = {minmax->scale, job->best->scale},
                          .zero = {minmax->zero, job->best->zero}};
  enum status status = try_all(job, &trials, &least);
  return status == STATUS_OK ? refine(job, 1e-3, 1e-4, &least) : status;
}

/* --- the row -------------------------------------------------------------------------- */

static enum status search_format(struct job *job)
{
  struct scale_search search = {.tolerance = job->roughly ? ROUGHLY : 0};
  const struct format *format = job->calibration->format;
  if (job->calibration->rule && job->calibration->rule->offset)
    return free_minimum_least(job->calibration, job->sample, job->best, NULL);
  if (format->bits > 8)
    return search_clips(job);
  ladders_make(job->calibration, &job->ladders);
  if (job->sample->values && job->sample->finite <= DIRECT)
    return search_values(job, &search);
  struct choice minmax = *job->best;
  enum status status = search_sketch(job, &search);
  return status == STATUS_OK && !job->roughly ? settle(job, &minmax) : status;
}

static enum status choose(const struct calibration *calibration, const struct sample *sample,
                          bool roughly, struct choice *choice, struct error *error)
{
  struct job job;
  job.calibration = calibration;
  job.sample = sample;
  job.best = choice;
  job.roughly = roughly;
  frexpf(sample_absmax(sample), &job.exponent);
  *choice = (struct choice){.lo = (double)sample->min, .hi = (double)sample->max};
  struct scaling scaling;
  calibration_scale(calibration, choice, &scaling);
  choice->scale = scaling.scale;
  choice->zero = scaling.zero;
  choice->has_scale = true;
  enum status status = search_format(&job);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the mse search");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}

enum status mse_choose(const struct calibration *calibration, const struct sample *sample,
                       struct choice *choice, struct error *error)
{
  return choose(calibration, sample, false, choice, error);
}

enum status mse_choose_roughly(const struct calibration *calibration, const struct sample *sample,
                               struct choice *choice, struct error *error)
{
  return choose(calibration, sample, true, choice, error);
}
