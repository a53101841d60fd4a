#include "quant/sample.h"

#include "quant/base/size.h"

#include <math.h>
#include <string.h>

/* A visit keeps one state for each of at most MAX_SPANS stretches of the unit, whatever its
 * size. */
enum { MAX_SPANS = 32, MAX_PERCENTILES = 8 };

size_t sample_batches(const struct sample *sample)
{
  return sample->batches ? sample->batches : 1;
}

const struct sample *sample_batch(const struct sample *sample, size_t i)
{
  return sample->batches ? &sample->batch[i] : sample;
}

float sample_absmax(const struct sample *sample)
{
  return fmaxf(fabsf(sample->min), fabsf(sample->max));
}

/* --- visiting ------------------------------------------------------------------------ */

static bool all_finite(const float *x, size_t n)
{
  uint32_t special = 0; /* whole numbers, so that the loop runs in vectors */
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    special |= (bits & 0x7f800000U) == 0x7f800000U;
  }
  return !special;
}

/* Hands the finite ones of N values (n <= FEED_BLOCK) to the visitor. */
static void visit_block(const struct visitor *visitor, void *state, const float *x, size_t n)
{
  float finite[FEED_BLOCK];
  size_t count = 0;
  if (!all_finite(x, n)) {
    for (size_t i = 0; i < n; i++)
      if (isfinite(x[i]))
        finite[count++] = x[i];
    x = finite;
    n = count;
  }
  if (n > 0)
    visitor->block(state, x, NULL, n, visitor->context);
}

static enum status visit_gathered(const struct sample *sample, const struct visitor *visitor,
                                  void *state)
{
  size_t values = sample->counts ? sample->distinct : sample->finite;
  for (size_t start = 0; start < values; start += FEED_BLOCK) {
    if (progress_cancelled(sample->progress))
      return STATUS_CANCELLED;
    visitor->block(state, sample->values + start, sample->counts ? sample->counts + start : NULL,
                   size_min(FEED_BLOCK, values - start), visitor->context);
  }
  return STATUS_OK;
}

struct visit {
  const struct sample *sample;
  const struct visitor *visitor;
  size_t elements, spans; /* of the unit, finite or not */
  char *states;
};

/* Storage distance between neighbouring runs of the unit that is still worth reading across. */
static size_t window_length(const struct grain *grain, size_t start, size_t left)
{
  size_t unit, limit = size_min(FEED_BLOCK, grain->count - start);
  size_t run = grain_run(grain, start, size_min(limit, left), &unit);
  bool dense = grain->kind == GRAIN_CHANNEL && grain->channels <= FEED_BLOCK / 4 &&
               run * grain->channels <= FEED_BLOCK / 2;
  return dense ? limit : run;
}

/* Visits the elements FIRST.. of the unit that lie in one window of the storage; returns how
 * many, at most LEFT. */
static size_t visit_window(const struct visit *visit, void *state, size_t first, size_t left)
{
  const struct sample *sample = visit->sample;
  const struct grain *grain = sample->grain;
  float scratch[FEED_BLOCK], picked[FEED_BLOCK];
  size_t start = grain_element(grain, sample->unit, first);
  size_t length = window_length(grain, start, left), unit, count = 0;
  const float *x = feed_block(sample->feed, start, length, scratch);
  size_t run = grain_run(grain, start, size_min(length, left), &unit);
  if (run == length) {
    visit_block(visit->visitor, state, x, length);
    return length;
  }
  while (count < left) {
    size_t offset = grain_element(grain, sample->unit, first + count) - start;
    if (offset >= length)
      break;
    picked[count++] = x[offset];
  }
  visit_block(visit->visitor, state, picked, count);
  return count;
}

/* First element of SPAN: a border that depends on the size of the unit alone. */
static size_t span_start(const struct visit *visit, size_t span)
{
  size_t blocks = size_div_up(visit->elements, FEED_BLOCK);
  size_t whole = blocks / visit->spans, rest = blocks % visit->spans;
  return size_min((span * whole + size_min(span, rest)) * FEED_BLOCK, visit->elements);
}

static void visit_span(void *context, size_t span, unsigned worker)
{
  (void)worker;
  const struct visit *visit = context;
  void *state = visit->states + span * visit->visitor->state_size;
  size_t end = span_start(visit, span + 1);
  for (size_t first = span_start(visit, span); first < end;) {
    if (progress_cancelled(visit->sample->progress))
      return;
    first += visit_window(visit, state, first, end - first);
  }
}

static enum status visit_spread(const struct sample *sample, const struct visitor *visitor,
                                void *result)
{
  struct visit visit = {.sample = sample,
                        .visitor = visitor,
                        .elements = grain_unit_size(sample->grain, sample->unit)};
  visit.spans = size_min(MAX_SPANS, size_div_up(visit.elements, FEED_CHUNK));
  if (visit.spans == 0)
    return STATUS_OK;
  visit.states = mem_array(visit.spans, visitor->state_size);
  if (!visit.states)
    return STATUS_MEMORY;
  enum status status = pool_for(visit.spans, visit_span, &visit, sample->progress);
  for (size_t span = 0; span < visit.spans && status == STATUS_OK; span++)
    visitor->merge(result, visit.states + span * visitor->state_size, visitor->context);
  free(visit.states);
  return status;
}

static enum status visit_one(const struct sample *sample, const struct visitor *visitor,
                             void *result)
{
  memset(result, 0, visitor->state_size);
  return sample->values ? visit_gathered(sample, visitor, result)
                        : visit_spread(sample, visitor, result);
}

static enum status visit_batches(const struct sample *sample, const struct visitor *visitor,
                                 void *result)
{
  void *own = mem_array(1, visitor->state_size);
  enum status status = own ? STATUS_OK : STATUS_MEMORY;
  memset(result, 0, visitor->state_size);
  for (size_t i = 0; i < sample->batches && status == STATUS_OK; i++) {
    status = visit_one(&sample->batch[i], visitor, own);
    if (status == STATUS_OK)
      visitor->merge(result, own, visitor->context);
  }
  free(own);
  return status;
}

enum status sample_visit(const struct sample *sample, const struct visitor *visitor, void *result)
{
  return sample->values || sample->batches == 0 ? visit_one(sample, visitor, result)
                                                : visit_batches(sample, visitor, result);
}

/* --- order statistics ---------------------------------------------------------------- */

/* Radix selection: floats are ordered as their bits are, once negative ones are turned over. Each
 * visit counts the next digit of the keys that begin like a wanted one. */
enum { DIGITS = 3, DIGIT_BITS = 11, BUCKETS = 1 << DIGIT_BITS, MAX_RANKS = 2 * MAX_PERCENTILES };

static uint32_t key_of(float x, bool magnitude)
{
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if (magnitude)
    bits &= 0x7fffffffU;
  /* All bits of a negative number, the sign of another: no branch, signs are as good as random. */
  return bits ^ ((uint32_t)((int32_t)bits >> 31) | 0x80000000U);
}

static float key_value(uint32_t key)
{
  uint32_t bits = key & 0x80000000U ? key & 0x7fffffffU : ~key;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

struct selection {
  bool magnitude;
  unsigned digit;
  size_t targets, prefixes;
  uint64_t rank[MAX_RANKS]; /* within the keys that begin with its prefix */
  size_t prefix_of[MAX_RANKS];
  uint32_t prefix[MAX_RANKS]; /* distinct beginnings, ascending */
  bool wanted[BUCKETS];       /* first digits, once the first digit is known */
};

struct rank {
  uint64_t rank;
  size_t target;
};

static unsigned digit_shift(unsigned digit)
{
  return digit + 1 < DIGITS ? 32 - DIGIT_BITS * (digit + 1) : 0;
}

/* Counts the digit of the keys that begin like a wanted one. The first digit tells almost all
 * others apart. */
static void count_matches(const struct selection *selection, const uint32_t *keys,
                          const uint64_t *times, size_t n, uint64_t (*counts)[BUCKETS])
{
  unsigned shift = digit_shift(selection->digit), above = digit_shift(selection->digit - 1);
  uint32_t mask = selection->digit + 1 < DIGITS ? BUCKETS - 1 : BUCKETS / 2 - 1;
  for (size_t i = 0; i < n; i++) {
    if (!selection->wanted[keys[i] >> digit_shift(0)])
      continue;
    for (size_t p = 0; p < selection->prefixes; p++)
      if (keys[i] >> above == selection->prefix[p])
        counts[p][keys[i] >> shift & mask] += times ? times[i] : 1;
  }
}

/* N <= FEED_BLOCK. */
static void count_digits(void *state, const float *x, const uint64_t *times, size_t n,
                         const void *context)
{
  const struct selection *selection = context;
  uint64_t(*counts)[BUCKETS] = state;
  uint32_t keys[FEED_BLOCK];
  for (size_t i = 0; i < n; i++)
    keys[i] = key_of(x[i], selection->magnitude);
  if (selection->digit > 0)
    count_matches(selection, keys, times, n, counts);
  else
    for (size_t i = 0; i < n; i++)
      counts[0][keys[i] >> digit_shift(0)] += times ? times[i] : 1;
}

static void add_counts(void *into, const void *from, const void *context)
{
  const struct selection *selection = context;
  uint64_t *sum = into;
  const uint64_t *counts = from;
  for (size_t i = 0; i < selection->prefixes * BUCKETS; i++)
    sum[i] += counts[i];
}

/* The targets' next digit is known: sets their longer prefixes. */
static void descend(struct selection *selection, const uint64_t (*counts)[BUCKETS])
{
  struct selection next = *selection;
  unsigned width = selection->digit + 1 < DIGITS ? DIGIT_BITS : DIGIT_BITS - 1;
  next.digit++;
  next.prefixes = 0;
  for (size_t t = 0; t < selection->targets; t++) {
    const uint64_t *row = counts[selection->prefix_of[t]];
    uint32_t bucket = 0;
    while (bucket < BUCKETS - 1 && next.rank[t] >= row[bucket])
      next.rank[t] -= row[bucket++];
    uint32_t prefix = selection->prefix[selection->prefix_of[t]] << width | bucket;
    size_t p = 0;
    while (p < next.prefixes && next.prefix[p] != prefix)
      p++;
    next.prefix[p] = prefix;
    next.prefixes = size_max(next.prefixes, p + 1);
    next.prefix_of[t] = p;
    if (selection->digit == 0)
      next.wanted[prefix] = true;
  }
  *selection = next;
}

/* Turns the ranks of SELECTION into values. */
static enum status select_radix(const struct sample *sample, struct selection *selection,
                                float *out)
{
  selection->prefixes = 1;
  for (selection->digit = 0; selection->digit < DIGITS;) {
    struct visitor visitor = {.state_size = selection->prefixes * BUCKETS * sizeof(uint64_t),
                              .block = count_digits,
                              .merge = add_counts,
                              .context = selection};
    uint64_t(*counts)[BUCKETS] = mem_array(selection->prefixes, sizeof *counts);
    enum status status = counts ? sample_visit(sample, &visitor, counts) : STATUS_MEMORY;
    if (status == STATUS_OK)
      descend(selection, (const uint64_t(*)[BUCKETS])counts);
    free(counts);
    if (status != STATUS_OK)
      return status;
  }
  for (size_t t = 0; t < selection->targets; t++)
    out[t] = key_value(selection->prefix[selection->prefix_of[t]]);
  return STATUS_OK;
}

static void swap(float *a, float *b)
{
  float kept = *a;
  *a = *b;
  *b = kept;
}

/* The value of RANK in ascending order; x is reordered. */
static float quickselect(float *x, size_t n, size_t rank)
{
  size_t low = 0, high = n - 1;
  while (low < high) {
    float pivot = x[low + (high - low) / 2];
    size_t i = low, j = high;
    while (i <= j) {
      while (x[i] < pivot)
        i++;
      while (x[j] > pivot)
        j--;
      if (i <= j) {
        swap(&x[i++], &x[j]);
        if (j-- == 0)
          break;
      }
    }
    if (rank <= j && j != (size_t)-1)
      high = j;
    else if (rank >= i)
      low = i;
    else
      break;
  }
  return x[rank];
}

/* The same for values that fit on the stack. */
static void select_few(const struct sample *sample, const struct selection *selection, float *out)
{
  float x[FEED_BLOCK];
  for (size_t i = 0; i < sample->finite; i++)
    x[i] = selection->magnitude ? fabsf(sample->values[i]) : sample->values[i];
  for (size_t t = 0; t < selection->targets; t++)
    out[t] = quickselect(x, sample->finite, (size_t)selection->rank[t]);
}

/* --- of counted values: they lie in order --- */

static int ascending(const void *a, const void *b)
{
  const struct rank *x = a, *y = b;
  return (x->rank > y->rank) - (x->rank < y->rank);
}

/* Walks outwards from zero where magnitudes are wanted, else upwards. */
static void select_counted(const struct sample *sample, const struct selection *selection,
                           float *out)
{
  struct rank wanted[MAX_RANKS];
  size_t n = sample->distinct, up = 0, next = 0;
  uint64_t passed = 0;
  for (size_t t = 0; t < selection->targets; t++)
    wanted[t] = (struct rank){selection->rank[t], t};
  qsort(wanted, selection->targets, sizeof *wanted, ascending);
  while (selection->magnitude && up < n && sample->values[up] < 0)
    up++;
  for (size_t down = up; next < selection->targets && (up < n || down > 0);) {
    bool lower = down > 0 && (up == n || -sample->values[down - 1] < sample->values[up]);
    size_t i = lower ? --down : up++;
    passed += sample->counts[i];
    for (; next < selection->targets && wanted[next].rank < passed; next++)
      out[wanted[next].target] =
          selection->magnitude ? fabsf(sample->values[i]) : sample->values[i];
  }
}

enum status sample_ranks(const struct sample *sample, bool magnitude, const uint64_t *ranks,
                         size_t count, float *out, struct error *error)
{
  struct selection selection = {.magnitude = magnitude, .targets = count};
  enum status status = STATUS_OK;
  memcpy(selection.rank, ranks, count * sizeof *ranks);
  if (sample->values && sample->counts)
    select_counted(sample, &selection, out);
  else if (sample->values && sample->finite <= FEED_BLOCK)
    select_few(sample, &selection, out);
  else
    status = select_radix(sample, &selection, out);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the counts of a percentile");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}

enum status sample_percentiles(const struct sample *sample, bool magnitude,
                               const double *percentiles, size_t count, double *out,
                               struct error *error)
{
  double last = (double)(sample->finite - 1), fraction[MAX_PERCENTILES];
  uint64_t rank[MAX_RANKS] = {0};
  float found[MAX_RANKS];
  for (size_t i = 0; i < count; i++) {
    double position = fmin(fmax(last * (percentiles[i] / 100), 0), last);
    fraction[i] = position - floor(position);
    rank[2 * i] = (uint64_t)position;
    rank[2 * i + 1] = (uint64_t)fmin(floor(position) + 1, last);
  }
  enum status status = sample_ranks(sample, magnitude, rank, 2 * count, found, error);
  for (size_t i = 0; i < count && status == STATUS_OK; i++)
    out[i] = (double)found[2 * i] + fraction[i] * ((double)found[2 * i + 1] - (double)found[2 * i]);
  return status;
}
