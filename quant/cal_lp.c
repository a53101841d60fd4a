/* lp=P: the scale (and zero point) with the least sum of |x - y|^P. P = 2 is mse.
 *
 * Formats up to 8 bits: the search of lp_search.h. Large units are searched in a sketch, and what
 * that finds is settled on the values. Asymmetric: from a scan of zero points, each next to the
 * best is searched, where what is known of its neighbour (lp_floor.h) leaves a chance. 16-bit
 * formats: 64 scales, the best refined. minmax is where every search starts: the answer is never
 * worse than it. Searches in a sketch start from the scale of mse, too, for p of 1 and more from
 * what is near it. */
#include "quant/base/size.h"
#include "quant/calibrators.h"
#include "quant/lp_search.h"
#include "quant/sketch.h"
#include "quant/trial.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { SCANNED_ZEROS = 16, SCANNED_SCALES = 20, LEVELS_WORTH_FLOORS = 64, EXACT_TRIES = 16 };

struct search {
  const struct calibration *calibration;
  const struct family *family;
  double norm;
  int exponent;
  bool turned; /* scales are negative */
  struct scaling best;
  double least;
  struct ladders ladders;
  struct lp_search lp;
};

/* A scale of the sign of SCALE that is not 0. */
static float usable(double scale)
{
  return copysignf(fmaxf(fabsf((float)scale), FLT_TRUE_MIN), (float)scale);
}

/* --- scales and zero points --------------------------------------------------------------- */

static void set_zero(struct search *search, long zero)
{
  size_t steps[2];
  ladders_steps(search->calibration, zero, steps);
  for (int side = 0; side < 2; side++) {
    search->lp.steps[side] = steps[side != search->turned];
    search->lp.ladder[side] = search->ladders.side[side != search->turned];
  }
}

static void keep(struct search *search, long zero, double scale, double error)
{
  search->least = error;
  search->best = (struct scaling){
      .scale = usable(ldexp(search->turned ? -scale : scale, search->exponent)), .zero = zero};
}

/* The error of SCALE (1: of the range, times 2^-exponent), kept when it is the least. */
static double consider(struct search *search, long zero, double scale)
{
  set_zero(search, zero);
  double error = lp_error(&search->lp, scale, search->least);
  if (error < search->least)
    keep(search, zero, scale, error);
  return error;
}

#define DESCENT 0.97

/* Small steps down and up from the best scale, as long as they help: searches that begin with less
 * to beat rule out more at a glance. */
static void descend(struct search *search)
{
  const double begin = ldexp(fabs((double)search->best.scale), -search->exponent);
  const long zero = search->best.zero;
  for (int up = 0; up < 2; up++) {
    const double step = up ? 1 / DESCENT : DESCENT;
    double before, scale = begin;
    do {
      before = search->least;
      scale *= step;
    } while (consider(search, zero, scale) < before);
  }
}

/* Of the values of a side, the one with the largest mass below that; the end: there is none. */
static size_t heaviest_below(const struct lp_side *side, double mass)
{
  size_t heaviest = side->end;
  for (size_t k = side->first; k < side->end; k++)
    if (side->mass[k] < mass && (heaviest == side->end || side->mass[k] > side->mass[heaviest]))
      heaviest = k;
  return heaviest;
}

/* For p < 1 errors are concave between the scales at which some value has a level for itself, and
 * least at one of those: tries that of each of the values that matter most, at their levels now. */
static void try_exact_levels(struct search *search, long zero)
{
  const struct lp_search *lp = &search->lp;
  const double scale = ldexp(fabs((double)search->best.scale), -search->exponent);
  for (int which = 0; which < LP_SIDES; which++) {
    const struct lp_side *side = &lp->side[which];
    const struct ladder *ladder = lp->ladder[which];
    size_t heaviest = heaviest_below(side, HUGE_VAL);
    for (int i = 0; i < EXACT_TRIES && heaviest < side->end; i++) {
      const double size = side->size[heaviest];
      const double level = ladder->value[ladder_passed(ladder, lp->steps[which], scale, size)];
      if (level > 0)
        consider(search, zero, size / level);
      heaviest = heaviest_below(side, side->mass[heaviest]);
    }
  }
}

/* All scales of ZERO, from MOST down. */
static enum status search_scales(struct search *search, const struct sample *sample, long zero,
                                 double most)
{
  set_zero(search, zero);
  search->lp.error = search->least;
  search->lp.scale = 0;
  enum status status = lp_improve(&search->lp, most, sample->progress);
  if (search->lp.scale > 0)
    keep(search, zero, search->lp.scale, search->lp.error);
  if (status == STATUS_OK && search->norm < 1 && search->best.zero == zero)
    try_exact_levels(search, zero);
  return status;
}

/* The least errors of some scales for zero points all over the codes, down to where clipping alone
 * is too much: from there on there are no better ones. */
static void scan_zeros(struct search *search, double most, long first, long levels)
{
  long step = levels / SCANNED_ZEROS > 0 ? levels / SCANNED_ZEROS : 1;
  for (long zero = 0; zero < levels; zero += step) {
    double scale = most;
    set_zero(search, first + zero);
    for (int i = 0; i < SCANNED_SCALES; i++, scale *= 0.8) {
      if (lp_clipped_error(&search->lp, scale) >= search->least)
        break;
      consider(search, first + zero, scale);
    }
  }
}

/* What the searches of the lowest and of the highest zero point so far have proved, and room for
 * one more. */
struct floors {
  struct lp_floor *low, *high, *all;
};

static struct lp_floor *spare_floor(const struct floors *floors)
{
  struct lp_floor *floor = floors->all;
  while (floor == floors->low || floor == floors->high)
    floor++;
  return floor;
}

/* The scales of ZERO, which is next to all that were searched, ABOVE them or below. */
static enum status search_next(struct search *search, const struct sample *sample, long zero,
                               bool above, double most, struct floors *floors)
{
  struct lp_floor *floor = floors->all ? spare_floor(floors) : NULL;
  search->lp.floor = floor;
  search->lp.before = above ? floors->high : floors->low;
  enum status status = search_scales(search, sample, zero, most);
  if (above || !floors->high)
    floors->high = floor;
  if (!above || !floors->low)
    floors->low = floor;
  return status;
}

/* From the best of a scan to either side, as long as that is better. */
static enum status search_zeros(struct search *search, const struct sample *sample, double most)
{
  struct grid grid = calibration_grid(search->calibration);
  long levels = (long)grid_levels(&grid), first = ladders_first_zero(search->calibration);
  /* For p < 1 nothing is proved. With few values or levels searches are short. */
  const bool worth =
      search->norm >= 1 && levels >= LEVELS_WORTH_FLOORS && search->lp.places != NULL;
  struct floors floors = {.all = worth ? mem_room(3, sizeof *floors.all) : NULL};
  if (worth && !floors.all)
    return STATUS_MEMORY;
  scan_zeros(search, most, first, levels);
  long low = search->best.zero, high = low; /* done from LOW to HIGH */
  enum status status = search_next(search, sample, low, true, most, &floors);
  while (status == STATUS_OK)
    if (search->best.zero == high && high + 1 < first + levels)
      status = search_next(search, sample, ++high, true, most, &floors);
    else if (search->best.zero == low && low > first)
      status = search_next(search, sample, --low, false, most, &floors);
    else
      break;
  free(floors.all);
  return status;
}

static enum status search_sketch(struct search *search, const struct sample *sketch,
                                 const struct scaling starts[2])
{
  bool asymmetric = search->calibration->asymmetric;
  ladders_make(search->calibration, &search->ladders);
  set_zero(search, starts[1].zero);
  bool merged = !asymmetric && search->lp.ladder[0] == search->lp.ladder[1] &&
                search->lp.steps[0] == search->lp.steps[1];
  enum status status = lp_values_make(sketch, search->exponent, search->norm, merged, &search->lp);
  if (status != STATUS_OK)
    return status;
  for (int i = 0; i < 2; i++)
    consider(search, starts[i].zero, ldexp(fabs((double)starts[i].scale), -search->exponent));
  descend(search);
  /* Beyond twice the scale of minmax all codes are in the lower half of the levels, and half the
   * scale has those levels, too. */
  double most = ldexp(2 * fabs((double)starts[0].scale), -search->exponent);
  status = asymmetric ? search_zeros(search, sketch, most)
                      : search_scales(search, sketch, starts[1].zero, most);
  lp_values_free(&search->lp);
  return status;
}

/* --- settling on the values --------------------------------------------------------------- */

static enum status try_scales(struct search *search, const struct sample *sample, double center,
                              double width, int count)
{
  struct trials trials = trials_make(search->calibration, sample, search->norm);
  struct scaling before = search->best;
  for (int i = -count; i <= count; i++) {
    float scale = usable(center * (1 + (count ? width * i / count : 0)));
    scale = calibration_stored_scale(search->calibration, scale);
    if (count > 0 && scale == before.scale) /* no better than itself */
      continue;
    trials.scaling[trials.count++] =
        (struct scaling){.scale = scale, .zero = before.zero, .offset = before.offset};
  }
  enum status status = trials.count > 0 ? trials_measure(&trials, sample, NULL) : STATUS_OK;
  for (size_t i = 0; i < trials.count && status == STATUS_OK; i++)
    if (trials.error[i] < search->least) {
      search->least = trials.error[i];
      search->best = trials.scaling[i];
    }
  return status;
}

static enum status refine(struct search *search, const struct sample *sample, double width,
                          double until)
{
  enum status status = STATUS_OK;
  for (; status == STATUS_OK && width > until; width /= 4)
    status = try_scales(search, sample, (double)search->best.scale, width, 4);
  return status;
}

/* The best of the sketch and the two starts, on the values. */
static enum status settle(struct search *search, const struct sample *sample,
                          const struct scaling starts[2], bool sketched)
{
  struct scaling candidate[] = {starts[0], starts[1], search->best};
  enum status status = STATUS_OK;
  search->least = HUGE_VAL;
  for (size_t i = 0; i < 3 && status == STATUS_OK; i++) {
    struct scaling best = search->best;
    double least = search->least;
    search->best = candidate[i];
    status = try_scales(search, sample, (double)candidate[i].scale, 0, 0);
    if (!(search->least < least))
      search->best = best;
  }
  /* The error is flat there: a thousandth beside the best scale costs a millionth. */
  return status == STATUS_OK && sketched
             ? try_scales(search, sample, (double)search->best.scale, 1e-3, 2)
             : status;
}

/* --- the row ------------------------------------------------------------------------------ */

static enum status search_many_levels(struct search *search, const struct sample *sample,
                                      double most)
{
  enum status status = STATUS_OK;
  const struct family *family = search->family;
  double step = pow(family->narrowest / family->widest, 1.0 / 63);
  for (int i = 0; i < 64 && status == STATUS_OK; i += 16) {
    struct trials trials = trials_make(search->calibration, sample, search->norm);
    for (int k = i; k < i + 16; k++) {
      float scale = usable(most * pow(step, k));
      trials.scaling[trials.count++] = (struct scaling){.scale = scale, .zero = search->best.zero};
    }
    status = trials_measure(&trials, sample, NULL);
    for (size_t k = 0; k < trials.count && status == STATUS_OK; k++)
      if (trials.error[k] < search->least) {
        search->least = trials.error[k];
        search->best = trials.scaling[k];
      }
  }
  return status == STATUS_OK ? refine(search, sample, 1 - step, 1e-6) : status;
}

static enum status search_format(struct search *search, const struct sample *sample,
                                 const struct scaling starts[2])
{
  if (search->calibration->format->bits > 8)
    return search_many_levels(search, sample, (double)starts[0].scale * search->family->widest);
  struct sketch sketch;
  enum status status = sketch_make(sample, &sketch);
  if (status != STATUS_OK)
    return status;
  status = search_sketch(search, &sketch.sample, starts);
  sketch_free(&sketch);
  return status == STATUS_OK ? settle(search, sample, starts, !sketch.exact) : status;
}

enum status lp_choose(const struct calibration *calibration, const struct sample *sample,
                      struct choice *choice, struct error *error)
{
  const double norm = calibration->parameter;
  const struct choice minmax = {.lo = (double)sample->min, .hi = (double)sample->max};
  if (norm == 2)
    return mse_choose(calibration, sample, choice, error);
  /* For p < 1 what is found depends on the start. */
  choose_function *start = norm < 1 ? mse_choose : mse_choose_roughly;
  const bool few = calibration->format->bits <= 8;
  struct scaling starts[2];
  *choice = minmax;
  enum status status = few ? start(calibration, sample, choice, error) : STATUS_OK;
  if (status != STATUS_OK)
    return status;
  calibration_scale(calibration, &minmax, &starts[0]);
  calibration_scale(calibration, choice, &starts[1]);
  struct search search = {.calibration = calibration,
                          .family = calibration->format->family,
                          .norm = norm,
                          .turned = starts[1].scale < 0,
                          .best = starts[0],
                          .least = HUGE_VAL};
  search.exponent = trials_make(calibration, sample, norm).exponent;
  status = search_format(&search, sample, starts);
  choice->has_scale = true;
  choice->scale = search.best.scale;
  choice->zero = search.best.zero;
  if (status == STATUS_MEMORY)
    return error_memory(error, "the search for the least error");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}
