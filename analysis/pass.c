#include "analysis/pass.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdatomic.h>

enum { SPANS_MOST = 128 };

size_t pass_spans(size_t count, size_t most)
{
  size_t chunks = size_div_up(count, FEED_CHUNK);
  return size_min(chunks, size_min(SPANS_MOST, size_max(most, 1)));
}

void pass_span(const struct pass *pass, size_t span, size_t *start, size_t *end)
{
  size_t chunks = size_div_up(pass->feed->count, FEED_CHUNK);
  size_t each = chunks / pass->spans, longer = chunks % pass->spans;
  size_t first = span * each + size_min(span, longer);
  size_t length = each + (span < longer);
  *start = first * FEED_CHUNK;
  *end = size_min(*start + length * FEED_CHUNK, pass->feed->count);
}

struct walk {
  const struct pass *pass;
  void (*block)(void *context, const struct pass_block *block);
  void *context;
  struct fit_part *parts; /* of each worker; NULL where the fit keeps its scales */
  atomic_bool failed;
};

const float *pass_without_lost(const float *x, const float *y, size_t n, float *scratch,
                               size_t *lost)
{
  *lost = 0;
  for (size_t i = 0; i < n; i++) {
    bool gone = isfinite(x[i]) && !isfinite(y[i]);
    *lost += gone;
    scratch[i] = gone ? NAN : x[i];
  }
  return scratch;
}

static void walk_span(void *context, size_t span, unsigned worker)
{
  struct walk *walk = context;
  const struct pass *pass = walk->pass;
  float scratch[FEED_BLOCK], y[FEED_BLOCK];
  uint16_t codes[FEED_BLOCK];
  struct pass_block block = {.span = span,
                             .worker = worker,
                             .fit = pass->fit,
                             .y = pass->bare ? NULL : y,
                             .codes = pass->codes && !pass->bare ? codes : NULL};
  size_t end;
  pass_span(pass, span, &block.start, &end);
  for (; block.start < end && !progress_cancelled(pass->progress); block.start += block.n) {
    block.n = size_min(FEED_BLOCK, end - block.start);
    block.x = feed_block(pass->feed, block.start, block.n, scratch);
    if (walk->parts)
      block.fit = fit_part_at(&walk->parts[worker], pass->fit, pass->feed, block.start, block.n);
    if (walk->parts && !block.fit) {
      atomic_store(&walk->failed, true);
      return;
    }
    if (pass->waiting)
      fit_block(pass->waiting, block.start, block.x, block.n);
    if (pass->other) {
      block.y = feed_block(pass->other, block.start, block.n, y);
    } else if (!pass->bare) {
      fit_round_trip(block.fit, block.start, block.n, block.x, y, pass->codes ? codes : NULL);
      if (fit_loses_numbers(pass->fit) && !pass->lost)
        block.x = pass_without_lost(block.x, y, block.n, scratch, &block.lost);
    }
    walk->block(walk->context, &block);
    progress_advance(pass->progress, block.n);
  }
}

/* Each worker has one, whose scales are made a chunk ahead. */
static bool make_parts(struct walk *walk)
{
  const struct fit *fit = walk->pass->fit;
  if (!fit || !fit_is_on_demand(fit))
    return true;
  walk->parts = fit_parts_new(FEED_CHUNK);
  return walk->parts != NULL;
}

static void free_parts(struct walk *walk)
{
  struct ranges *ranges = walk->pass->ranges;
  for (unsigned w = 0; walk->parts && w < pool_threads(); w++) {
    const struct fit_part *part = &walk->parts[w];
    if (ranges && part->any) {
      ranges->lo = fmin(ranges->lo, part->lo);
      ranges->hi = fmax(ranges->hi, part->hi);
    }
  }
  fit_parts_free(walk->parts);
}

enum status pass_run(const struct pass *pass,
                     void (*block)(void *context, const struct pass_block *block), void *context)
{
  struct walk walk = {.pass = pass, .block = block, .context = context};
  if (!make_parts(&walk))
    return STATUS_MEMORY;
  enum status status = pool_for(pass->spans, walk_span, &walk, pass->progress);
  free_parts(&walk);
  return status == STATUS_OK && atomic_load(&walk.failed) ? STATUS_MEMORY : status;
}
