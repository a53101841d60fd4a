#include "analysis/counted.h"

#include "quant/base/size.h"

#include <math.h>

bool counted_can_answer(const struct quantizer *quantizer)
{
  return quantizer->granularity.kind == GRAIN_TENSOR && !format_is_block(quantizer->format) &&
         quantizer->rounding != ROUND_STOCHASTIC;
}

enum status counted_make(const struct digest *digest, const struct fit *fit, struct counted *out)
{
  size_t n = digest->distinct;
  *out = (struct counted){.n = n,
                          .x = digest->values,
                          .count = digest->counts,
                          .y = mem_array(n, sizeof *out->y),
                          .code = mem_array(n, sizeof *out->code),
                          .nan = digest->nan,
                          .inf = digest->inf,
                          .loses = fit_loses_numbers(fit)};
  if (!out->y || !out->code) {
    counted_free(out);
    return STATUS_MEMORY;
  }
  for (size_t i = 0; i < n; i += FEED_BLOCK)
    fit_round_trip(fit, i, size_min(FEED_BLOCK, n - i), out->x + i, out->y + i, out->code + i);
  return STATUS_OK;
}

void counted_free(struct counted *counted)
{
  free(counted->y);
  free(counted->code);
  counted->y = NULL;
  counted->code = NULL;
}

bool counted_is_lost(const struct counted *counted, size_t i)
{
  return counted->loses && !isfinite(counted->y[i]);
}

static void add_reconstruction(float y, struct tally *tally)
{
  tally->least = y < tally->least ? y + 0.0f : tally->least;
  tally->most = y > tally->most ? y + 0.0f : tally->most;
}

static void add_value(float x, float y, uint64_t count, const struct tally_bounds *bounds,
                      struct tally *tally)
{
  double n = (double)count, xd = (double)x, yd = (double)y, e = xd - yd;
  double error2 = n * (e * e), signal2 = n * (xd * xd);
  bool clipped = x < bounds->clip_lo || x > bounds->clip_hi;
  bool bulk = fabsf(x) <= bounds->bulk;
  tally->error += n * e;
  tally->error2 += error2;
  tally->clipped_error2 += clipped ? error2 : 0;
  tally->signal2 += signal2;
  tally->reconstruction2 += n * (yd * yd);
  tally->product += n * (xd * yd);
  tally->bulk_error2 += bulk ? error2 : 0;
  tally->bulk_signal2 += bulk ? signal2 : 0;
  tally->max_error = fabs(e) > tally->max_error ? fabs(e) : tally->max_error;
  if (isfinite(y))
    add_reconstruction(y, tally);
  tally->absmax = fmaxf(tally->absmax, fabsf(x));
  tally->finite += count;
  tally->clipped += clipped ? count : 0;
  tally->at_rail += y <= bounds->rail_lo || y >= bounds->rail_hi ? count : 0;
  tally->flushed += x != 0 && y == 0 ? count : 0;
}

struct tally counted_tally(const struct counted *counted, const struct tally_bounds *bounds,
                           uint64_t *lost)
{
  struct tally sum = {0};
  for (size_t start = 0; start < counted->n; start += COUNTED_BLOCK) {
    struct tally block = {.least = INFINITY, .most = -INFINITY};
    size_t end = size_min(start + COUNTED_BLOCK, counted->n);
    for (size_t i = start; i < end; i++)
      if (counted_is_lost(counted, i))
        *lost += counted->count[i];
      else
        add_value(counted->x[i], counted->y[i], counted->count[i], bounds, &block);
    tally_merge(&sum, &block);
  }
  return sum;
}
