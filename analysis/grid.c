#include "config.h"

#include "analysis/grid.h"

#include "analysis/arrange.h"
#include "quant/base/size.h"
#include "quant/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  LEVELS_MOST = 256,
  SLOTS = 1024,       /* of the table of values: a power of two, well above LEVELS_MOST */
  UNITS_A_JOB = 1024, /* that one worker looks at */
  STRETCH = 1 << 20,  /* elements that one worker gathers of a unit that is the tensor, at least */
  STRETCHES_MOST = 1024,
  ZEROS = 256, /* neighbours that are known to be zero together */
};

static const double evidence_least = 64; /* bits */

/* Values of few bits lie on many a fine grid: each unit then costs more evidence than it gives. Who
 * has lost so much, in the order of a job's units, will not win it back. */
static const double evidence_lost = -1024;

/* --- what a stored value may have been ------------------------------------------------------ */

/* Half a step of a stored type: of normal numbers, relative; of subnormal ones, absolute. */
struct precision {
  double relative, absolute;
};

static const struct precision float_precision = {0x1p-24, 0x1p-150},
                              half_precision = {0x1p-11, 0x1p-25},
                              brain_precision = {0x1p-8, 0x1p-134};

static double error_of(const struct precision *precision, double value)
{
  return precision->relative * fabs(value) * (1 + 1e-9) + precision->absolute;
}

/* --- the values of a unit ------------------------------------------------------------------- */

struct values {
  size_t count;
  float value[LEVELS_MOST];
  uint32_t times[LEVELS_MOST];
  uint16_t slot[SLOTS]; /* place + 1; 0: empty */
};

/* False when there would be more than MOST, or X is no number. */
static bool add_value(struct values *values, float x, uint32_t times, size_t most)
{
  uint32_t bits;
  x += 0.0f; /* the two zeros are one */
  memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7F800000u) == 0x7F800000u)
    return false;
  uint32_t slot = (bits * 2654435761u) >> 22;
  for (;; slot = (slot + 1) % SLOTS) {
    size_t at = values->slot[slot];
    if (at == 0)
      break;
    if (memcmp(&values->value[at - 1], &x, sizeof x) == 0) {
      values->times[at - 1] += times;
      return true;
    }
  }
  if (values->count >= most)
    return false;
  values->value[values->count] = x;
  values->times[values->count++] = times;
  values->slot[slot] = (uint16_t)values->count;
  return true;
}

static void no_values(struct values *values)
{
  values->count = 0;
  memset(values->slot, 0, sizeof values->slot);
}

/* Which neighbours of a feed are all zero, found out once where somebody asks: in a sparse tensor
 * units of zeros speak against no idea, so that each idea would read all of it. */
struct zeros {
  const struct feed *feed;
  atomic_uchar *known; /* of each ZEROS neighbours: 0, or one of: */
};
enum { ALL_ZERO = 1, NOT_ALL_ZERO = 2 };

static bool zeros_init(struct zeros *zeros, const struct feed *feed)
{
  size_t stretches = size_div_up(feed->count, ZEROS);
  zeros->feed = feed;
  zeros->known = mem_array(stretches, sizeof *zeros->known);
  for (size_t i = 0; zeros->known && i < stretches; i++)
    atomic_init(&zeros->known[i], 0);
  return zeros->known != NULL;
}

static bool stretch_is_zero(const struct zeros *zeros, size_t stretch)
{
  unsigned char known = atomic_load_explicit(&zeros->known[stretch], memory_order_relaxed);
  if (known)
    return known == ALL_ZERO;
  float scratch[FEED_BLOCK];
  size_t start = stretch * ZEROS, n = size_min(ZEROS, zeros->feed->count - start), i = 0;
  const float *x = feed_block(zeros->feed, start, n, scratch);
  while (i < n && x[i] == 0)
    i++;
  known = i == n ? ALL_ZERO : NOT_ALL_ZERO;
  atomic_store_explicit(&zeros->known[stretch], known, memory_order_relaxed);
  return i == n;
}

/* True when the N elements from START are zero; they may be without this knowing. */
static bool zeros_hold(const struct zeros *zeros, size_t start, size_t n)
{
  for (size_t stretch = start / ZEROS; stretch * ZEROS < start + n; stretch++)
    if (!stretch_is_zero(zeros, stretch))
      return false;
  return true;
}

static bool gather(const struct feed *feed, size_t start, size_t n, size_t most,
                   struct progress *progress, struct values *values)
{
  float scratch[FEED_BLOCK];
  no_values(values);
  for (size_t i = 0, run; i < n; i += run) {
    run = size_min(n - i, FEED_BLOCK);
    const float *x = feed_block(feed, start + i, run, scratch);
    for (size_t k = 0, times; k < run; k += times) {
      for (times = 1; k + times < run && x[k + times] == x[k]; times++)
        ;
      if (!add_value(values, x[k], (uint32_t)times, most))
        return false;
    }
    if (progress_cancelled(progress))
      return false;
  }
  return true;
}

/* The same by all threads, for the one unit that is the tensor. */
struct gathering {
  const struct feed *feed;
  size_t length, most;
  struct progress *progress;
  struct values *part; /* of each stretch of so many elements */
  atomic_bool failed;
};

static void gather_stretch(void *context, size_t stretch, unsigned worker)
{
  struct gathering *gathering = context;
  size_t start = stretch * gathering->length,
         n = size_min(gathering->length, gathering->feed->count - start);
  (void)worker;
  if (!atomic_load(&gathering->failed) && !gather(gathering->feed, start, n, gathering->most,
                                                  gathering->progress, &gathering->part[stretch]))
    atomic_store(&gathering->failed, true);
}

static bool merge(const struct values *from, size_t most, struct values *into)
{
  for (size_t i = 0; i < from->count; i++)
    if (!add_value(into, from->value[i], from->times[i], most))
      return false;
  return true;
}

/* The first stretch alone refutes most ideas, before any thread is woken. */
static bool gather_all(const struct feed *feed, size_t most, struct progress *progress,
                       struct values *values)
{
  size_t length = size_max(STRETCH, size_div_up(feed->count, STRETCHES_MOST)),
         stretches = size_div_up(feed->count, length);
  if (!gather(feed, 0, size_min(STRETCH, feed->count), most, progress, values))
    return false;
  struct gathering gathering = {.feed = feed,
                                .length = length,
                                .most = most,
                                .progress = progress,
                                .part = mem_array(stretches, sizeof *gathering.part)};
  atomic_init(&gathering.failed, !gathering.part);
  if (gathering.part)
    pool_for(stretches, gather_stretch, &gathering, progress);
  bool good = !atomic_load(&gathering.failed) && !progress_cancelled(progress);
  no_values(values);
  for (size_t i = 0; i < stretches && good; i++)
    good = merge(&gathering.part[i], most, values);
  free(gathering.part);
  return good;
}

/* --- a step --------------------------------------------------------------------------------- */

/* A value seen from the offset, and how far it may have been moved by rounding. */
struct point {
  double x, error;
  double times;
};

struct points {
  size_t count;
  struct point point[LEVELS_MOST]; /* smallest magnitude first */
};

/* What a unit says: in how many levels, and how sure. */
struct finding {
  size_t levels, span;
  double evidence;
};

static int by_magnitude(const void *left, const void *right)
{
  double a = fabs(((const struct point *)left)->x), b = fabs(((const struct point *)right)->x);
  return (a > b) - (a < b);
}

static void make_points(const struct values *values, const struct precision *precision,
                        bool from_least, struct points *out)
{
  double offset = 0;
  for (size_t i = 0; from_least && i < values->count; i++)
    offset = i ? fmin(offset, (double)values->value[i]) : (double)values->value[i];
  out->count = values->count;
  for (size_t i = 0; i < values->count; i++) {
    double value = (double)values->value[i], x = value - offset;
    double error = error_of(precision, value);
    if (from_least) /* the product was rounded before the sum was, in float32 or coarser */
      error += error_of(precision, offset) + error_of(precision, x);
    /* zeros come from elsewhere, too: a sparse tensor, a mask */
    out->point[i] = (struct point){x, error, value != 0 ? values->times[i] : 0};
  }
  qsort(out->point, out->count, sizeof *out->point, by_magnitude);
}

/* Bits that hitting an interval of WIDTH (in steps) tells. */
static double surprise(double width)
{
  return width < 1 ? -log2(fmax(width, 0x1p-40)) : 0;
}

/* Is every point a whole multiple of the step that makes the largest the MOST-th? The step is known
 * to lie between bounds that narrow with each point. */
static bool fits_step(const struct points *points, unsigned most, struct finding *out)
{
  const struct point *largest = &points->point[points->count - 1];
  double low = (fabs(largest->x) - largest->error) / most;
  double high = (fabs(largest->x) + largest->error) / most, lowest = 0, highest = 0;
  out->evidence = 0;
  if (low <= 0)
    return false;
  for (size_t i = 0; i < points->count; i++) {
    const struct point *point = &points->point[i];
    double x = fabs(point->x), least = (x - point->error) / high, top = (x + point->error) / low;
    double k = fmax(ceil(least), 0);
    if (point->x == 0)
      continue;
    if (k > top || (k < 1 && top < 1))
      return false;
    if (floor(top) <= k) { /* there is no other */
      low = fmax(low, (x - point->error) / k);
      high = fmin(high, (x + point->error) / k);
      out->evidence +=
          surprise(top - least) * (point == largest ? fmax(point->times - 1, 0) : point->times);
    } else {
      k = nearbyint(x / (low + (high - low) / 2));
    }
    lowest = fmin(lowest, copysign(k, point->x));
    highest = fmax(highest, copysign(k, point->x));
  }
  out->levels = points->count;
  out->span = (size_t)(highest - lowest) + 1;
  return out->span <= LEVELS_MOST;
}

static bool unit_is_uniform(const struct values *values, const struct precision *precision,
                            bool from_least, size_t levels_most, struct finding *out)
{
  struct points points;
  make_points(values, precision, from_least, &points);
  *out = (struct finding){.levels = values->count, .span = values->count};
  if (points.count == 0 || points.point[points.count - 1].x == 0)
    return true; /* nothing but zeros, or but one value: no grid is against it */
  for (unsigned most = 1; most < levels_most; most++)
    if (fits_step(&points, most, out)) {
      out->evidence -= log2(LEVELS_MOST);
      return out->span <= levels_most;
    }
  return false;
}

/* --- levels of a format --------------------------------------------------------------------- */

struct level_set {
  size_t count;
  double level[LEVELS_MOST]; /* ascending */
};

static int ascending(const void *left, const void *right)
{
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void make_levels(const struct format *format, struct level_set *out)
{
  size_t codes = size_min(format_codes(format), LEVELS_MOST);
  out->count = 0;
  for (uint32_t code = 0; code < codes; code++) {
    double level = (double)format_decode(format, code) + 0.0;
    if (isfinite(level))
      out->level[out->count++] = level;
  }
  qsort(out->level, out->count, sizeof *out->level, ascending);
  size_t used = 0;
  for (size_t i = 0; i < out->count; i++)
    if (used == 0 || out->level[used - 1] < out->level[i])
      out->level[used++] = out->level[i];
  out->count = used;
}

/* The number of the level nearest to X. */
static size_t nearest_level(const struct level_set *set, double x)
{
  size_t low = 0, high = set->count - 1;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (x > (set->level[middle] + set->level[middle + 1]) / 2)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Distance from level I to the nearer of its neighbours. */
static double gap(const struct level_set *set, size_t i)
{
  double below = i > 0 ? set->level[i] - set->level[i - 1] : (double)INFINITY;
  double above = i + 1 < set->count ? set->level[i + 1] - set->level[i] : (double)INFINITY;
  return fmin(below, above);
}

/* Is every point a level times the scale that makes the largest the level TOP? */
static bool fits_scale(const struct points *points, const struct level_set *set, double top,
                       struct finding *out)
{
  const struct point *largest = &points->point[points->count - 1];
  double scale = largest->x / top, slack = largest->error / fabs(largest->x);
  out->evidence = 0;
  for (size_t i = 0; i + 1 < points->count; i++) {
    const struct point *point = &points->point[i];
    size_t at = nearest_level(set, point->x / scale);
    double allowed = point->error + slack * fabs(point->x);
    if (fabs(point->x - set->level[at] * scale) > allowed || (point->x != 0 && set->level[at] == 0))
      return false;
    if (point->x != 0)
      out->evidence += surprise(2 * allowed / (gap(set, at) * scale)) * point->times;
  }
  out->evidence += surprise(2 * largest->error / fabs(largest->x)) * fmax(largest->times - 1, 0);
  return true;
}

static bool unit_has_levels(const struct values *values, const struct precision *precision,
                            const struct level_set *set, struct finding *out)
{
  struct points points;
  make_points(values, precision, false, &points);
  *out = (struct finding){.levels = values->count, .span = values->count};
  if (points.count == 0 || points.point[points.count - 1].x == 0)
    return true;
  bool negative = points.point[points.count - 1].x < 0;
  for (size_t i = 0; i < set->count; i++) {
    double top = set->level[negative ? i : set->count - 1 - i];
    if (negative ? top >= 0 : top <= 0)
      return false;
    if (fits_scale(&points, set, top, out)) {
      out->evidence -= log2((double)set->count);
      return true;
    }
  }
  return false;
}

/* --- all units of a tensor ------------------------------------------------------------------ */

/* An idea of the grid, and what speaks for it. */
struct idea {
  const struct feed *feed;
  const struct zeros *zeros; /* of the feed */
  struct precision precision;
  size_t columns, length; /* units are stretches of LENGTH within rows of COLUMNS */
  bool from_least;
  const struct level_set *set; /* NULL: steps */
  size_t levels_most;          /* with more, another grid is cheaper */
  struct progress *progress;
  atomic_bool refuted;
  struct finding *finding; /* of each job */
};

static size_t units_of(const struct idea *idea)
{
  return idea->feed->count / idea->columns * size_div_up(idea->columns, idea->length);
}

static bool look_at_unit(const struct idea *idea, size_t unit, struct values *values,
                         struct finding *out)
{
  size_t each = size_div_up(idea->columns, idea->length), part = unit % each * idea->length;
  size_t start = unit / each * idea->columns + part, most = idea->levels_most;
  size_t n = size_min(idea->length, idea->columns - part);
  if (n < idea->feed->count && zeros_hold(idea->zeros, start, n)) {
    *out = (struct finding){.levels = 1, .span = 1};
    return true;
  }
  bool few = units_of(idea) == 1 ? gather_all(idea->feed, most, idea->progress, values)
                                 : gather(idea->feed, start, n, most, idea->progress, values);
  return few &&
         (idea->set ? unit_has_levels(values, &idea->precision, idea->set, out)
                    : unit_is_uniform(values, &idea->precision, idea->from_least, most, out));
}

static void add_finding(struct finding *into, const struct finding *from)
{
  into->levels = size_max(into->levels, from->levels);
  into->span = size_max(into->span, from->span);
  into->evidence += from->evidence;
}

static void look_at_units(void *context, size_t job, unsigned worker)
{
  struct idea *idea = context;
  struct values values;
  (void)worker;
  size_t end = size_min((job + 1) * UNITS_A_JOB, units_of(idea));
  for (size_t unit = job * UNITS_A_JOB; unit < end && !atomic_load(&idea->refuted); unit++) {
    struct finding finding;
    bool fits = look_at_unit(idea, unit, &values, &finding);
    if (fits)
      add_finding(&idea->finding[job], &finding);
    if (!fits || idea->finding[job].evidence < evidence_lost)
      atomic_store(&idea->refuted, true);
  }
}

static bool convinces(const struct finding *finding)
{
  return finding->levels > 1 && finding->evidence >= evidence_least;
}

/* Does every unit agree? Most ideas fail at the first unit, before any thread is woken. */
static enum status examine(struct idea *idea, bool *holds, struct finding *out)
{
  struct values values;
  size_t jobs = size_div_up(units_of(idea), UNITS_A_JOB);
  *holds = false;
  *out = (struct finding){0};
  if (!look_at_unit(idea, 0, &values, out))
    return progress_cancelled(idea->progress) ? STATUS_CANCELLED : STATUS_OK;
  if (units_of(idea) == 1) {
    *holds = convinces(out);
    return STATUS_OK;
  }
  idea->finding = mem_array(jobs, sizeof *idea->finding);
  if (!idea->finding)
    return STATUS_MEMORY;
  atomic_init(&idea->refuted, false);
  enum status status = pool_for(jobs, look_at_units, idea, idea->progress);
  *out = (struct finding){0};
  for (size_t i = 0; i < jobs; i++)
    add_finding(out, &idea->finding[i]);
  free(idea->finding);
  *holds = !atomic_load(&idea->refuted) && convinces(out);
  return progress_cancelled(idea->progress) ? STATUS_CANCELLED : status;
}

/* --- numbers of a smaller format ------------------------------------------------------------ */

/* What the bits of all finite values say: where the lowest set bit of any lies, the largest
 * exponent, the longest significand. */
struct bit_facts {
  int lowest, highest, longest; /* exponents of the bits; number of bits */
};

static void add_bits(struct bit_facts *facts, float x)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  int exponent = (int)(bits >> 23 & 0xFF);
  uint32_t fraction = bits & 0x7FFFFFu;
  if (exponent == 0xFF || (bits & 0x7FFFFFFFu) == 0)
    return;
  if (exponent)
    fraction |= 0x800000u;
  else
    exponent = 1;
  int bottom = __builtin_ctz(fraction), top = 31 - __builtin_clz(fraction), unit = exponent - 150;
  facts->lowest = unit + bottom < facts->lowest ? unit + bottom : facts->lowest;
  facts->highest = unit + top > facts->highest ? unit + top : facts->highest;
  facts->longest = top - bottom + 1 > facts->longest ? top - bottom + 1 : facts->longest;
}

/* Small floats: significant bits, exponents of the largest number and of the smallest, and whether
 * a power of two may stand before them. The largest number of e4m3 lacks one step. */
static const struct small {
  const char *format;
  int significant, top, bottom;
  bool scaled;
  int stored_bits;
} smalls[] = {
    {"e4m3", 4, 8, -9, true, 8},
    {"e5m2", 3, 15, -16, true, 8},
    {"bf16", 8, 127, -133, false, 16},
    {"f16", 11, 15, -24, false, 16},
};

static bool may_be(const struct small *small, const struct bit_facts *facts)
{
  if (facts->longest > small->significant)
    return false;
  if (small->scaled)
    return facts->highest - facts->lowest < small->top - small->bottom;
  return facts->highest <= small->top && facts->lowest >= small->bottom;
}

/* The smallest format that has all values of FEED, which is stored in STORED_BITS; NULL: none. */
static const struct small *find_small(const struct feed *feed, int stored_bits,
                                      struct progress *progress)
{
  enum { SMALLS = sizeof smalls / sizeof *smalls };
  struct bit_facts facts = {.lowest = 1000, .highest = -1000};
  float scratch[FEED_BLOCK];
  const struct small *found = smalls;
  for (size_t i = 0; i < feed->count; i += FEED_BLOCK) {
    size_t n = size_min(FEED_BLOCK, feed->count - i);
    const float *x = feed_block(feed, i, n, scratch);
    for (size_t k = 0; k < n; k++)
      add_bits(&facts, x[k]);
    while (found < smalls + SMALLS && !may_be(found, &facts))
      found++;
    if (found == smalls + SMALLS || found->stored_bits >= stored_bits ||
        progress_cancelled(progress))
      return NULL;
  }
  return facts.longest > 1 ? found : NULL;
}

/* --- everything ----------------------------------------------------------------------------- */

struct search {
  const struct tensor *tensor;
  struct feed feed;
  struct zeros zeros; /* of the feed */
  struct precision precision;
  struct progress *progress;
  struct on_grid *grid; /* the cheapest one so far */
  double *cost;         /* of it, in bits for each element */
};

/* Units of LENGTH in rows of COLUMNS, and what people call them. */
struct units {
  size_t columns, length;
  enum grid_unit unit;
  unsigned axis;
};

static struct precision precision_of(const char *format)
{
  return strcmp(format, "bf16") == 0  ? brain_precision
         : strcmp(format, "f16") == 0 ? half_precision
                                      : float_precision;
}

static int bits_for(size_t levels)
{
  int bits = 1;
  while ((size_t)1 << bits < levels)
    bits++;
  return bits;
}

/* What a grid would cost to store: codes, and 16 bits for each scale and offset. */
static double cost_of(const struct units *units, int bits, bool offset)
{
  return bits + (offset ? 32.0 : 16.0) / (double)units->length;
}

/* The most levels with which a grid is still cheaper than what was found; 0: with none. */
static size_t levels_below(const struct search *search, const struct units *units, bool offset)
{
  int bits = 8;
  while (bits > 0 && cost_of(units, bits, offset) >= *search->cost)
    bits--;
  return bits ? (size_t)1 << bits : 0;
}

static void propose(const struct search *search, const struct units *units, double cost,
                    struct on_grid grid)
{
  if (cost >= *search->cost)
    return;
  *search->cost = cost;
  grid.unit = units->unit;
  grid.axis = units->axis;
  grid.group = units->unit == GRID_OF_GROUP ? units->length : 0;
  *search->grid = grid;
}

static struct idea idea_of(const struct search *search, const struct units *units)
{
  return (struct idea){.feed = &search->feed,
                       .zeros = &search->zeros,
                       .precision = search->precision,
                       .columns = units->columns,
                       .length = units->length,
                       .progress = search->progress};
}

/* Multiples of a step; from an offset on where zero is no level. */
static enum status try_steps(const struct search *search, const struct units *units)
{
  enum status status = STATUS_OK;
  bool holds = false;
  for (int offset = 0; offset <= 1 && status == STATUS_OK && !holds; offset++) {
    struct idea idea = idea_of(search, units);
    struct finding finding;
    idea.levels_most = levels_below(search, units, offset);
    if (idea.levels_most < 2)
      break;
    idea.from_least = offset;
    status = examine(&idea, &holds, &finding);
    if (status != STATUS_OK || !holds)
      continue;
    int bits = bits_for(finding.span);
    propose(search, units, cost_of(units, bits, offset),
            (struct on_grid){
                .kind = GRID_UNIFORM, .bits = bits, .offset = offset, .levels = finding.levels});
  }
  return status;
}

static enum status try_formats(const struct search *search, const struct units *units)
{
  static const char *const names[] = {"nf4", "e2m1", "bnb_fp4", "e2m3", "e3m2", "e4m3", "e5m2"};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < sizeof names / sizeof *names && status == STATUS_OK; i++) {
    const struct format *format = format_find(names[i]);
    struct idea idea = idea_of(search, units);
    struct level_set set;
    struct finding finding;
    bool holds;
    double cost = cost_of(units, format->bits, false);
    if (cost >= *search->cost)
      continue;
    make_levels(format, &set);
    idea.set = &set;
    idea.levels_most = set.count;
    status = examine(&idea, &holds, &finding);
    if (status == STATUS_OK && holds)
      propose(search, units, cost,
              (struct on_grid){.kind = GRID_FORMAT, .format = names[i], .levels = finding.levels});
  }
  return status;
}

static enum status try_units(const struct search *search, struct units units)
{
  enum status status = try_steps(search, &units);
  return status == STATUS_OK ? try_formats(search, &units) : status;
}

/* Channels along the second of two axes are rows of the transpose. */
static enum status try_columns(const struct search *search)
{
  struct arranged turned;
  struct search other = *search;
  size_t rows = search->tensor->shape.dim[0];
  if (!arrange_can_transpose(search->tensor) || rows < 2)
    return STATUS_OK;
  arrange_transpose(search->tensor, &turned);
  other.feed = turned.feed;
  enum status status = zeros_init(&other.zeros, &turned.feed)
                           ? try_units(&other, (struct units){rows, rows, GRID_OF_CHANNEL, 1})
                           : STATUS_MEMORY;
  free(other.zeros.known);
  return status;
}

/* Every idea holds for a tensor of a single value, and none says anything. */
static bool is_constant(const struct search *search)
{
  const struct feed *feed = &search->feed;
  float first = 0, scratch[FEED_BLOCK];
  for (size_t i = 0; i < feed->count; i += FEED_BLOCK) {
    size_t n = size_min(FEED_BLOCK, feed->count - i);
    const float *x = feed_block(feed, i, n, scratch);
    first = i ? first : x[0];
    for (size_t k = 0; k < n; k++)
      if (!(x[k] == first))
        return false;
    if (progress_cancelled(search->progress))
      return false; /* the search tells */
  }
  return true;
}

/* From the coarsest units to the finest. */
static enum status search_units(const struct search *search)
{
  static const size_t groups[] = {256, 128, 64, 32, 16};
  const struct shape *shape = &search->tensor->shape;
  size_t count = search->feed.count, last = shape->dims ? shape->dim[shape->dims - 1] : 1;
  enum status status = try_units(search, (struct units){count, count, GRID_OF_TENSOR, 0});
  if (status == STATUS_OK && shape->dims > 1) {
    size_t row = count / shape->dim[0];
    status = try_units(search, (struct units){row, row, GRID_OF_CHANNEL, 0});
    if (status == STATUS_OK)
      status = try_columns(search);
  }
  for (size_t i = 0; i < sizeof groups / sizeof *groups && status == STATUS_OK; i++)
    if (groups[i] < last)
      status = try_units(search, (struct units){last, groups[i], GRID_OF_GROUP, 0});
  return status;
}

static bool is_float(const struct tensor *tensor)
{
  static const char *const names[] = {"f64", "f32", "f16", "bf16"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!tensor->derived && strcmp(tensor->stored->name, names[i]) == 0)
      return true;
  return false;
}

enum status grid_find(const struct tensor *tensor, struct progress *progress, struct on_grid *out,
                      struct error *error)
{
  *out = (struct on_grid){.kind = GRID_NONE};
  if (tensor->count == 0 || !is_float(tensor))
    return STATUS_OK;
  double cost = (double)INFINITY;
  struct search search = {.tensor = tensor,
                          .feed = tensor_feed(tensor),
                          .precision = precision_of(tensor->stored->name),
                          .progress = progress,
                          .grid = out,
                          .cost = &cost};
  const struct small *small = find_small(&search.feed, 8 * (int)tensor->stored->size, progress);
  if (small && small->stored_bits == 16)
    search.precision = precision_of(small->format);
  if (small) {
    cost = small->stored_bits;
    *out = (struct on_grid){.kind = GRID_VALUES, .format = small->format};
  }
  enum status status = STATUS_OK;
  if (!is_constant(&search))
    status = zeros_init(&search.zeros, &search.feed) ? search_units(&search) : STATUS_MEMORY;
  free(search.zeros.known);
  return status == STATUS_MEMORY ? error_memory(error, "the search for a grid") : status;
}

static void print_unit(const struct on_grid *grid, char *text, size_t size)
{
  if (grid->unit == GRID_OF_TENSOR)
    snprintf(text, size, "one for the tensor");
  else if (grid->unit == GRID_OF_CHANNEL)
    snprintf(text, size, "one for each channel of axis %u", grid->axis);
  else
    snprintf(text, size, "groups of %zu", grid->group);
}

char *grid_print(const struct on_grid *grid, char *text, size_t size)
{
  char unit[GRID_TEXT];
  print_unit(grid, unit, sizeof unit);
  text[0] = '\0';
  if (grid->kind == GRID_UNIFORM)
    snprintf(text, size, "a %d-bit grid%s, %s, %zu levels used", grid->bits,
             grid->offset ? " with an offset" : "", unit, grid->levels);
  else if (grid->kind == GRID_FORMAT)
    snprintf(text, size, "the grid of %s, %s, %zu levels used", grid->format, unit, grid->levels);
  else if (grid->kind == GRID_VALUES)
    snprintf(text, size, "the values of %s", grid->format);
  return text;
}
