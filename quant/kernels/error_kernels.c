/* Sums over a block and its reconstruction, for the searches: powers of the error, and the products
 * of a least-squares line. */
#include "quant/kernels/table.h"

/* --- powers ---------------------------------------------------------------------------- */

/* P is split, so that its product with an exponent is exact in the first part. */
struct power {
  float unit, p, high, low;
};

static struct power power_of(double p, float unit)
{
  struct power power = {.unit = unit, .p = (float)p};
  power.high = bits_float(float_bits(power.p) & 0xfffff000u);
  power.low = (float)(p - (double)power.high);
  return power;
}

/* log2(1 + f) / f and 2^f: least-squares fits on Chebyshev nodes, to 2e-9 and 3e-9. */
static inline float log2_near_1(float f)
{
  const float a = 1.4426950216f + f * (-0.7213473320f + f * 0.4808982015f);
  const float b = -0.3606966436f + f * (0.2885688841f + f * -0.2396190464f);
  const float c = 0.2045753002f + f * (-0.1910248890f + f * (0.1863120943f + f * -0.1102015836f));
  const float cube = f * f * f;
  return f * (a + cube * (b + cube * c));
}

static inline float exp2_near_0(float f)
{
  const float a = 0.2402265072f + f * (0.0555032715f + f * (0.0096180253f + f * 0.0013400433f));
  const float square = f * f;
  return (1 + f * 0.6931471825f) + square * (a + square * square * 0.0001546973f);
}

static inline float whole_part(float v)
{
  return (v + ROUND_MAGIC) - ROUND_MAGIC;
}

/* (d unit)^p as mantissa * 2^(exponent - 1023): float32 holds the one, not the other. The
 * parts are good to some 2e-7. Errors that are denormal count as none. */
static void block_powers(const float *distance, size_t n, struct power power, float *mantissa,
                         int32_t *exponent)
{
  const uint32_t root_half = 0x3f3504f3u;
  for (size_t i = 0; i < n; i++) {
    float d = distance[i] * power.unit;
    uint32_t shifted = float_bits(d) - root_half;
    float e = (float)((int32_t)shifted >> 23);
    float log = log2_near_1(bits_float((shifted & 0x7fffffu) + root_half) - 1);
    float coarse = power.high * e, first = whole_part(coarse);
    float rest = (coarse - first) + (power.low * e + power.p * log), second = whole_part(rest);
    mantissa[i] = exp2_near_0(rest - second);
    int32_t biased = (int32_t)(first + second) + 1023;
    biased = float_bits(d) < 0x00800000u ? 0 : biased;
    biased = biased < 0 ? 0 : biased;
    exponent[i] = biased > 2046 ? 2046 : biased;
  }
}

static void block_terms(const float *mantissa, const int32_t *exponent, size_t n, double *term)
{
  for (size_t i = 0; i < n; i++) {
    uint64_t bits = (uint64_t)(uint32_t)exponent[i] << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    term[i] = (double)mantissa[i] * power;
  }
}

void KERNEL(powers)(const float *d, size_t n, double p, float unit, double *out)
{
  const struct power power = power_of(p, unit);
  float mantissa[KERNEL_BLOCK];
  int32_t exponent[KERNEL_BLOCK];
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    block_powers(d + done, m, power, mantissa, exponent);
    block_terms(mantissa, exponent, m, out + done);
  }
}

static double sum_of_lanes(const double *v)
{
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* N terms, of a block that has room for whole LANES. */
static inline void add_terms(double *term, size_t n, double *lane)
{
  while (n % LANES)
    term[n++] = 0;
  for (size_t i = 0; i < n; i += LANES)
    for (size_t k = 0; k < LANES; k++)
      lane[k] += term[i + k];
}

double KERNEL(power_error)(const float *x, const float *y, const uint64_t *counts, size_t n,
                           double p, float unit)
{
  float d[KERNEL_BLOCK];
  double term[KERNEL_BLOCK], lane[LANES] = {0};
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++)
      d[i] = bits_float(float_magnitude(x[done + i] - y[done + i]));
    KERNEL(powers)(d, m, p, unit, term);
    for (size_t i = 0; counts && i < m; i++)
      term[i] *= (double)counts[done + i];
    add_terms(term, m, lane);
  }
  return sum_of_lanes(lane);
}

/* --- counted values -------------------------------------------------------------------------- */

double KERNEL(counted_error)(const float *x, const float *y, const uint64_t *counts, size_t n)
{
  double term[KERNEL_BLOCK], lane[LANES] = {0};
  for (size_t done = 0; done < n; done += KERNEL_BLOCK) {
    size_t m = n - done < KERNEL_BLOCK ? n - done : KERNEL_BLOCK;
    for (size_t i = 0; i < m; i++) {
      double error = (double)x[done + i] - (double)y[done + i];
      term[i] = (double)counts[done + i] * error * error;
    }
    add_terms(term, m, lane);
  }
  return sum_of_lanes(lane);
}

/* --- values that change their levels --------------------------------------------------------- */

enum { CROSSING_BLOCK = 64 };

/* By products with inverses, but for those that come so near a border that a division may decide
 * otherwise: DOUBT is some times the rounding of both. */
static void find_buckets(const double *size, const double *inverse, size_t n,
                         const struct crossing *c, double doubt, int32_t *bucket)
{
  double rest[CROSSING_BLOCK];
  int32_t doubtful = 0;
  for (size_t i = 0; i < n; i++) {
    double place = c->per_size * inverse[i] - c->offset, inside = within(place, c->last);
    rest[i] = place - (double)(int32_t)inside;
    bucket[i] = (int32_t)inside;
    doubtful |= (rest[i] < doubt) | (rest[i] > 1 - doubt);
  }
  for (size_t i = 0; doubtful && i < n; i++)
    if (rest[i] < doubt || rest[i] > 1 - doubt)
      bucket[i] = (int32_t)within(c->per_size / size[i] - c->offset, c->last);
}

/* A whole block. Neighbours often share a bucket: they are added apart, so that none waits. */
static void add_block(const int32_t *bucket, const kernel_pair *own, kernel_pair rise,
                      kernel_pair *gain)
{
  for (int i = 0; i < CROSSING_BLOCK / 8; i++) {
    KERNEL_UNROLL
    for (int k = i; k < CROSSING_BLOCK; k += CROSSING_BLOCK / 8)
      gain[bucket[k]] += own[k] * rise;
  }
}

void KERNEL(crossings)(const double *size, const double *inverse, const kernel_pair *own, size_t n,
                       const struct crossing *crossing, kernel_pair *gain)
{
  const struct crossing c = *crossing;
  const double doubt = 4 * __DBL_EPSILON__ * (c.offset + c.last + 1);
  int32_t bucket[CROSSING_BLOCK];
  for (size_t done = 0; done < n; done += CROSSING_BLOCK) {
    size_t m = n - done < CROSSING_BLOCK ? n - done : CROSSING_BLOCK;
    find_buckets(size + done, inverse + done, m, &c, doubt, bucket);
    if (m == CROSSING_BLOCK)
      add_block(bucket, own + done, c.rise, gain);
    else
      for (size_t i = 0; i < m; i++)
        gain[bucket[i]] += own[done + i] * c.rise;
  }
}

/* --- values that keep their levels ----------------------------------------------------------- */

static void rung_distances(const double *size, const float *rung, size_t n, double scale,
                           float *distance, float *level)
{
  for (size_t i = 0; i < n; i++) {
    float e = (float)(scale * (double)rung[i] - size[i]);
    distance[i] = bits_float(float_magnitude(e));
    level[i] = bits_float(float_bits(rung[i]) ^ (float_bits(e) & FLOAT_SIGN));
  }
}

struct kept_lanes {
  struct lanes error, kept, slope, curve;
};

/* N is a multiple of LANES, at most KERNEL_BLOCK. What is float32 of all of them first. */
static void add_kept(const float *distance, const float *level, const double *weight,
                     const double *power, size_t n, float rate, float near, struct kept_lanes *sums)
{
  float inverse[KERNEL_BLOCK], stays[KERNEL_BLOCK], bend[KERNEL_BLOCK];
  for (size_t i = 0; i < n; i++) {
    float d = distance[i] > 1e-30f ? distance[i] : 1e-30f,
          size = bits_float(float_magnitude(level[i]));
    float one = 1 / d, left = 1 - rate * size * one;
    left = left > 0 ? left : 0;
    left = d >= near * size ? left : 0;
    inverse[i] = one;
    stays[i] = level[i] != 0 ? 1.0f : 0.0f;
    bend[i] = left * size * size;
  }
  for (int p = 0; p < PARTS; p++) {
    doubles error = sums->error.part[p], kept = sums->kept.part[p];
    doubles slope = sums->slope.part[p], curve = sums->curve.part[p];
    for (size_t i = (size_t)(p * DOUBLES); i < n; i += LANES) {
      doubles w, q, one = doubles_load(inverse + i);
      memcpy(&w, weight + i, sizeof w);
      memcpy(&q, power + i, sizeof q);
      doubles term = w * q, pull = term * one;
      error += term;
      kept += term * doubles_load(stays + i);
      slope += pull * doubles_load(level + i);
      curve += pull * one * doubles_load(bend + i);
    }
    sums->error.part[p] = error;
    sums->kept.part[p] = kept;
    sums->slope.part[p] = slope;
    sums->curve.part[p] = curve;
  }
}

/* The levels of those of START .. START + N - 1 that do not keep theirs; *AT: the first passes that
 * matter from there on. */
static void clear_passing(const struct rungs *rungs, size_t start, size_t n, size_t *at,
                          float *level)
{
  while (*at < rungs->passes && rungs->high[*at] <= start)
    ++*at;
  for (size_t k = *at; k < rungs->passes && rungs->low[k] < start + n; k++) {
    size_t low = rungs->low[k] > start ? rungs->low[k] : start;
    size_t high = rungs->high[k] < start + n ? rungs->high[k] : start + n;
    for (size_t i = low; i < high; i++)
      level[i - start] = 0;
  }
}

void KERNEL(rung_sums)(const struct rungs *rungs, double scale, double p, float rate, float near,
                       struct kept_sums *sums)
{
  const struct power power = power_of(p, 1);
  float distance[KERNEL_BLOCK], level[KERNEL_BLOCK], mantissa[KERNEL_BLOCK];
  int32_t exponent[KERNEL_BLOCK];
  double term[KERNEL_BLOCK], weight[KERNEL_BLOCK];
  struct kept_lanes lanes = {0};
  size_t at = 0;
  for (size_t start = rungs->first; start < rungs->end; start += KERNEL_BLOCK) {
    size_t n = rungs->end - start < KERNEL_BLOCK ? rungs->end - start : KERNEL_BLOCK;
    const double *w = rungs->weight + start;
    rung_distances(rungs->size + start, rungs->rung + start, n, scale, distance, level);
    clear_passing(rungs, start, n, &at, level);
    block_powers(distance, n, power, mantissa, exponent);
    block_terms(mantissa, exponent, n, term);
    if (rungs->power)
      memcpy(rungs->power + start, term, n * sizeof *term);
    if (n % LANES) {
      memcpy(weight, w, n * sizeof *w);
      w = weight;
    }
    for (; n % LANES; n++)
      weight[n] = term[n] = distance[n] = level[n] = 0;
    add_kept(distance, level, w, term, n, rate, near, &lanes);
  }
  sums->error += lanes_total(&lanes.error);
  sums->kept += lanes_total(&lanes.kept);
  sums->slope += lanes_total(&lanes.slope);
  sums->curve += lanes_total(&lanes.curve);
}

/* --- least squares --------------------------------------------------------------------- */

struct line_lanes {
  struct lanes x, y, xx, xy, yy;
};

static void add_line(const float *x, const float *y, size_t n, struct line_lanes *sums)
{
  for (int p = 0; p < PARTS; p++) {
    doubles sx = sums->x.part[p], sy = sums->y.part[p], xx = sums->xx.part[p];
    doubles xy = sums->xy.part[p], yy = sums->yy.part[p];
    for (size_t i = (size_t)(p * DOUBLES); i < n; i += LANES) {
      doubles a = doubles_load(x + i), b = doubles_load(y + i);
      sx += a;
      sy += b;
      xx += a * a;
      xy += a * b;
      yy += b * b;
    }
    sums->x.part[p] = sx;
    sums->y.part[p] = sy;
    sums->xx.part[p] = xx;
    sums->xy.part[p] = xy;
    sums->yy.part[p] = yy;
  }
}

void KERNEL(line_sums)(const float *x, const float *y, size_t n, struct line_sums *sums)
{
  float copy[2][LANES] = {{0}};
  size_t whole = n / LANES * LANES;
  struct line_lanes lanes = {0};
  add_line(x, y, whole, &lanes);
  memcpy(copy[0], x + whole, (n - whole) * sizeof *x);
  memcpy(copy[1], y + whole, (n - whole) * sizeof *y);
  if (n > whole)
    add_line(copy[0], copy[1], LANES, &lanes);
  sums->x += lanes_total(&lanes.x);
  sums->y += lanes_total(&lanes.y);
  sums->xx += lanes_total(&lanes.xx);
  sums->xy += lanes_total(&lanes.xy);
  sums->yy += lanes_total(&lanes.yy);
}
