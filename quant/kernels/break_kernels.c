/* Lines below the errors of values that change their levels: lp_search.h. */
#include "quant/kernels/table.h"

/* Whole lanes are worth it from so many values on. */
enum { FEW = 4 };

/* Of LANES values: the lines that change at which buckets, by where they are at the middle of all
 * buckets and by their slopes; and what is added to the bucket of the peak alone. */
enum { RISES, RISES_FASTER, PEAK, FALLS, FALLS_SLOWER, ENDS, CHANGES };
struct breaks {
  int32_t bucket[CHANGES][LANES];
  double at[CHANGES][LANES], steep[CHANGES][LANES], at_peak[LANES], steep_peak[LANES];
};

static inline int32_t first_of(int32_t a, int32_t b)
{
  return a < b ? a : b;
}

static inline int32_t last_of(int32_t a, int32_t b)
{
  return a > b ? a : b;
}

KERNEL_INLINE void put(struct breaks *out, int change, size_t i, int32_t bucket, double at,
                       double steep)
{
  out->bucket[change][i] = bucket;
  out->at[change][i] = at;
  out->steep[change][i] = steep;
}

/* Of N values, at most LANES. */
KERNEL_INLINE void find_breaks(const double *size, const double *mass, const double *pull, size_t n,
                               const struct level_pass *pass, const struct broken *broken,
                               struct breaks *out)
{
  const double from = broken->from, width = broken->width, per_width = 1 / width;
  const double middle = broken->middle, all = (double)broken->buckets;
  for (size_t i = 0; i < n; i++) {
    const double place = size[i] * pass->per_middle, at = (place - from) * per_width;
    const double unit = size[i] * per_width, offset = middle - place;
    const double begins = at - pass->up_reach[1] * unit;
    const int32_t b = (int32_t)within(at, all - 1);
    const int32_t begin = (int32_t)within(begins, all) + (begins > 0);
    const int32_t end = (int32_t)within(at + pass->down_reach[1] * unit, all);
    const int32_t rise = (int32_t)within(at - pass->up_reach[0] * unit + 0.5, all);
    const int32_t fall = (int32_t)within(at + pass->down_reach[0] * unit + 0.5, all);
    const int32_t first = first_of(begin, b), last = last_of(end, b + 1);
    const double high[2] = {pass->share[0] * mass[i], pass->share[1] * mass[i]};
    const double up[2] = {pass->up[0] * pull[i], pass->up[1] * pull[i]};
    const double down[2] = {pass->down[0] * pull[i], pass->down[1] * pull[i]};
    const double before[2] = {high[0] + up[0] * offset, high[1] + up[1] * offset};
    const double behind[2] = {high[0] + down[0] * offset, high[1] + down[1] * offset};
    put(out, RISES, i, first, before[1], up[1]);
    put(out, RISES_FASTER, i, last_of(first_of(rise, b), first), before[0] - before[1],
        up[0] - up[1]);
    put(out, PEAK, i, b, -before[0], -up[0]);
    put(out, FALLS, i, b + 1, behind[0], down[0]);
    put(out, FALLS_SLOWER, i, first_of(last_of(fall, b + 1), last), behind[1] - behind[0],
        down[1] - down[0]);
    put(out, ENDS, i, last, -behind[1], -down[1]);
    const double left = from + width * b, right = left + width;
    const double enters = high[0] + up[0] * (left - place);
    const double leaves = high[0] + down[0] * (right - place);
    const double steep = (leaves - enters) * per_width, ahead = enters + steep * (middle - left);
    const bool any = (enters >= 0) & (leaves >= 0);
    out->steep_peak[i] = any ? steep : 0;
    out->at_peak[i] = any ? ahead : 0;
  }
}

void KERNEL(breaks)(const double *size, const double *mass, const double *pull, size_t n,
                    const struct level_pass *pass, const struct broken *broken)
{
  struct breaks found;
  for (size_t done = 0; done < n; done += LANES) {
    const size_t m = n - done < LANES ? n - done : LANES;
    if (m < FEW)
      find_breaks(size + done, mass + done, pull + done, m, pass, broken, &found);
    else
      find_breaks(size + done, mass + done, pull + done, LANES, pass, broken, &found);
    for (size_t i = 0; i < m; i++) {
      for (int k = 0; k < CHANGES; k++)
        broken->change[found.bucket[k][i]] += (kernel_pair){found.at[k][i], found.steep[k][i]};
      broken->within[found.bucket[PEAK][i]] += (kernel_pair){found.at_peak[i], found.steep_peak[i]};
    }
  }
}
