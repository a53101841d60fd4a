/* The scale searches, a sub-block in each lane. The sums run over the elements of a sub-block in
 * order, as in the reference; see wide.h. Candidates are told apart by the factor that makes
 * their codes, so no codes need to be kept. */
#include "quant/kernels/ggml_search.h"
#include "quant/kernels/wide.h"

enum { SUB_MOST = 32 };

#define TOO_SMALL 1e-15f /* of the largest magnitude: ggml's GROUP_MAX_EPS */

WIDE_INLINE wide wide_first_most(const wide *x, size_t n)
{
  wide most = {0}, first = {0};
  for (size_t i = 0; i < n; i++) {
    wide magnitude = wide_magnitude(x[i]);
    wide_int larger = magnitude > most;
    most = wide_select(larger, magnitude, most);
    first = wide_select(larger, x[i], first);
  }
  return first;
}

/* --- symmetric ------------------------------------------------------------------------------ */

struct products {
  wide xl, ll; /* weighted sums of x * l and l * l */
};

WIDE_INLINE struct products symmetric_products(const wide *x, const wide *w, const wide *wx,
                                               size_t n, int top, wide factor)
{
  wide xl = {0}, ll = {0};
  for (size_t i = 0; i < n; i++) {
    wide l = wide_clamped(wide_nearest(factor * x[i]), -top, top - 1);
    xl += wx[i] * l;
    ll += w[i] * l * l;
  }
  return (struct products){xl, ll};
}

WIDE_INLINE void symmetric_lanes(const float *x, const float *weights, size_t n, size_t lanes,
                                 int top, struct symmetric_fit *fits)
{
  wide xs[SUB_MOST], w[SUB_MOST], wx[SUB_MOST];
  wide_load(x, n, lanes, xs);
  wide_load(weights, n, lanes, w);
  for (size_t i = 0; i < n; i++)
    wx[i] = w[i] * xs[i];
  wide most = wide_first_most(xs, n);
  wide factor = (float)-top / most;
  struct products sums = symmetric_products(xs, w, wx, n, top, factor);
  wide scale = wide_select(sums.ll != 0.0f, sums.xl / sums.ll, (wide){0});
  wide best = scale * sums.xl;
  for (int s = -9; s <= 9; s++) {
    if (s == 0)
      continue;
    wide candidate = -((float)top + 0.1f * (float)s) / most;
    sums = symmetric_products(xs, w, wx, n, top, candidate);
    wide_int better = (sums.ll > 0.0f) & (sums.xl * sums.xl > best * sums.ll);
    scale = wide_select(better, sums.xl / sums.ll, scale);
    best = wide_select(better, scale * sums.xl, best);
    factor = wide_select(better, candidate, factor);
  }
  for (size_t lane = 0; lane < lanes; lane++) {
    bool empty = fabsf(most[lane]) < TOO_SMALL;
    fits[lane] = (struct symmetric_fit){empty ? 0 : scale[lane], factor[lane], empty};
  }
}

void KERNEL(symmetric_search)(const float *x, const float *weights, size_t n, size_t count, int top,
                              struct symmetric_fit *fits)
{
  for (size_t done = 0; done < count; done += WIDE) {
    size_t lanes = count - done < WIDE ? count - done : WIDE;
    const float *from = x + done * n, *w = weights + done * n;
    if (n == 16)
      symmetric_lanes(from, w, 16, lanes, top, fits + done);
    else
      symmetric_lanes(from, w, 32, lanes, top, fits + done);
  }
}

/* --- Q3_K ----------------------------------------------------------------------------------- */

enum { REFINE_LENGTH = 16, REFINE_TOP = 4, REFINE_ROUNDS = 5 };

/* One round over the elements; returns the lanes in which some code moved. */
WIDE_INLINE wide_int refine_round(const wide *x, wide *codes, struct products *sums)
{
  wide_int moved = {0};
  for (size_t i = 0; i < REFINE_LENGTH; i++) {
    wide w = x[i] * x[i], wx = w * x[i];
    wide xl = sums->xl - wx * codes[i], ll = sums->ll - w * codes[i] * codes[i];
    wide_int good = xl > 0.0f;
    wide l = wide_clamped(wide_nearest(x[i] * ll / xl), -REFINE_TOP, REFINE_TOP - 1);
    good &= l != codes[i];
    xl += wx * l;
    ll += w * l * l;
    good &= (ll > 0.0f) & (xl * xl * sums->ll > sums->xl * sums->xl * ll);
    codes[i] = wide_select(good, l, codes[i]);
    sums->xl = wide_select(good, xl, sums->xl);
    sums->ll = wide_select(good, ll, sums->ll);
    moved |= good;
  }
  return moved;
}

WIDE_INLINE bool wide_any(wide_int mask)
{
  int32_t any = 0;
  for (int lane = 0; lane < WIDE; lane++)
    any |= mask[lane];
  return any != 0;
}

static void refine_lanes(const float *x, size_t lanes, float *scales, uint8_t *out)
{
  wide xs[REFINE_LENGTH], codes[REFINE_LENGTH];
  wide_load(x, REFINE_LENGTH, lanes, xs);
  wide most = wide_first_most(xs, REFINE_LENGTH);
  struct products sums = {{0}, {0}};
  for (size_t i = 0; i < REFINE_LENGTH; i++) {
    wide factor = (float)-REFINE_TOP / most, w = xs[i] * xs[i];
    wide l = wide_clamped(wide_nearest(factor * xs[i]), -REFINE_TOP, REFINE_TOP - 1);
    sums.xl += w * xs[i] * l;
    sums.ll += w * l * l;
    codes[i] = l;
  }
  for (int round = 0; round < REFINE_ROUNDS; round++)
    if (!wide_any(refine_round(xs, codes, &sums)))
      break;
  for (size_t lane = 0; lane < lanes; lane++) {
    bool empty = fabsf(most[lane]) < TOO_SMALL;
    scales[lane] = empty || !(sums.ll[lane] > 0) ? 0 : sums.xl[lane] / sums.ll[lane];
    for (size_t i = 0; i < REFINE_LENGTH; i++)
      out[lane * REFINE_LENGTH + i] = empty ? 0 : (uint8_t)((int)codes[i][lane] + REFINE_TOP);
  }
}

void KERNEL(refine_search)(const float *x, size_t count, float *scales, uint8_t *codes)
{
  for (size_t done = 0; done < count; done += WIDE) {
    size_t lanes = count - done < WIDE ? count - done : WIDE;
    refine_lanes(x + done * REFINE_LENGTH, lanes, scales + done, codes + done * REFINE_LENGTH);
  }
}

/* --- affine --------------------------------------------------------------------------------- */

struct affine_state {
  wide x[SUB_MOST], w[SUB_MOST], l[SUB_MOST];
  wide sum_w, sum_wx, min, max;
  wide scale, error, factor, origin; /* of the best candidate */
};

WIDE_INLINE void affine_weigh(struct affine_state *s, const struct affine_rule *rule, size_t n)
{
  wide sum = {0}, root = {0};
  if (rule->weights == WEIGHT_GIVEN)
    return;
  if (rule->weights == WEIGHT_RMS) {
    for (size_t i = 0; i < n; i++)
      sum += s->x[i] * s->x[i];
    root = wide_root(sum / (float)n);
  }
  for (size_t i = 0; i < n; i++)
    s->w[i] = root + wide_magnitude(s->x[i]);
}

WIDE_INLINE void affine_extent(struct affine_state *s, size_t n)
{
  s->min = s->max = s->x[0];
  s->sum_w = s->w[0];
  s->sum_wx = s->w[0] * s->x[0];
  for (size_t i = 1; i < n; i++) {
    s->min = wide_select(s->x[i] < s->min, s->x[i], s->min);
    s->max = wide_select(s->x[i] > s->max, s->x[i], s->max);
    s->sum_w += s->w[i];
    s->sum_wx += s->w[i] * s->x[i];
  }
  s->min = wide_select(s->min > 0.0f, (wide){0}, s->min);
}

WIDE_INLINE wide affine_error(const struct affine_state *s, size_t n, bool absolute, wide scale,
                              wide min)
{
  wide error = {0};
  for (size_t i = 0; i < n; i++) {
    wide d = scale * s->l[i] + min - s->x[i];
    error += s->w[i] * (absolute ? wide_magnitude(d) : d * d);
  }
  return error;
}

WIDE_INLINE void affine_start(struct affine_state *s, size_t n, int top, bool absolute)
{
  s->factor = (float)top / (s->max - s->min);
  s->origin = s->min;
  s->scale = 1.0f / s->factor;
  for (size_t i = 0; i < n; i++)
    s->l[i] = wide_clamped(wide_nearest(s->factor * (s->x[i] - s->min)), 0, top);
  s->error = affine_error(s, n, absolute, s->scale, s->min);
}

WIDE_INLINE void affine_candidate(struct affine_state *s, size_t n, int top, bool absolute,
                                  float above)
{
  wide factor = above / (s->max - s->min);
  wide l1 = {0}, l2 = {0}, xl = {0};
  for (size_t i = 0; i < n; i++) {
    wide l = wide_clamped(wide_nearest(factor * (s->x[i] - s->min)), 0, top), wl = s->w[i] * l;
    l1 += wl;
    l2 += wl * l;
    xl += wl * s->x[i];
    s->l[i] = l;
  }
  wide determinant = s->sum_w * l2 - l1 * l1;
  wide scale = (s->sum_w * xl - s->sum_wx * l1) / determinant;
  wide min = (l2 * s->sum_wx - l1 * xl) / determinant;
  wide_int positive = min > 0.0f;
  min = wide_select(positive, (wide){0}, min);
  scale = wide_select(positive, xl / l2, scale);
  wide error = affine_error(s, n, absolute, scale, min);
  wide_int better = (determinant > 0.0f) & (error < s->error);
  s->error = wide_select(better, error, s->error);
  s->scale = wide_select(better, scale, s->scale);
  s->factor = wide_select(better, factor, s->factor);
  s->origin = wide_select(better, s->min, s->origin);
  s->min = wide_select(better, min, s->min);
}

WIDE_INLINE void affine_lanes(const struct affine_rule *rule, const float *x, const float *weights,
                              size_t n, bool absolute, size_t lanes, struct affine_fit *fits)
{
  struct affine_state s;
  wide_load(x, n, lanes, s.x);
  if (weights)
    wide_load(weights, n, lanes, s.w);
  affine_weigh(&s, rule, n);
  affine_extent(&s, n);
  wide_int flat = s.max == s.min;
  affine_start(&s, n, rule->top, absolute);
  wide lowest = s.min;
  for (int step = 0; step <= rule->steps; step++)
    affine_candidate(&s, n, rule->top, absolute,
                     rule->first + rule->step * (float)step + (float)rule->top);
  for (size_t lane = 0; lane < lanes; lane++)
    fits[lane] = flat[lane] ? (struct affine_fit){.min = lowest[lane]}
                            : (struct affine_fit){s.scale[lane], s.min[lane], s.factor[lane],
                                                  s.origin[lane]};
}

void KERNEL(affine_search)(const struct affine_rule *rule, const float *x, const float *weights,
                           size_t n, size_t count, struct affine_fit *fits)
{
  for (size_t done = 0; done < count; done += WIDE) {
    size_t lanes = count - done < WIDE ? count - done : WIDE;
    const float *from = x + done * n, *w = weights ? weights + done * n : NULL;
    if (n == 16 && rule->absolute)
      affine_lanes(rule, from, w, 16, true, lanes, fits + done);
    else if (n == 16)
      affine_lanes(rule, from, w, 16, false, lanes, fits + done);
    else
      affine_lanes(rule, from, w, 32, false, lanes, fits + done);
  }
}

/* --- positive numbers ----------------------------------------------------------------------- */

static inline int32_t positive_code(float factor, float v, int32_t top)
{
  int32_t l = magic_code(factor * v);
  return l < top ? l : top;
}

static float positive_error(const float *v, const float *w, size_t n, float factor, int32_t top)
{
  float error = 0, scale = 1.0f / factor;
  for (size_t i = 0; i < n; i++) {
    float d = v[i] - scale * (float)positive_code(factor, v[i], top);
    error += w[i] * d * d;
  }
  return error;
}

static float positive_factor(const float *v, const float *w, size_t n, float most, int32_t top)
{
  float factor = (float)top / most, best = positive_error(v, w, n, factor, INT32_MAX);
  for (int s = -4; s <= 4; s++) {
    float candidate = (0.1f * (float)s + (float)top) / most;
    float error = s == 0 ? best : positive_error(v, w, n, candidate, top);
    if (error < best) {
      best = error;
      factor = candidate;
    }
  }
  return factor;
}

float KERNEL(positive_fit)(const float *v, const float *weights, size_t n, int top, uint8_t *codes)
{
  float most = 0, xl = 0, ll = 0;
  for (size_t i = 0; i < n; i++)
    most = v[i] > most ? v[i] : most;
  memset(codes, 0, n);
  if (most < TOO_SMALL)
    return 0;
  float factor = positive_factor(v, weights, n, most, top);
  for (size_t i = 0; i < n; i++) {
    int32_t l = positive_code(factor, v[i], top);
    codes[i] = (uint8_t)l;
    xl += weights[i] * v[i] * (float)l;
    ll += weights[i] * (float)l * (float)l;
  }
  bool moved = true;
  for (int round = 0; round < REFINE_ROUNDS && moved; round++) {
    moved = false;
    for (size_t i = 0; i < n; i++) {
      float w = weights[i], old = (float)codes[i];
      float a = xl - w * v[i] * old, b = ll - w * old * old;
      if (!(a > 0 && b > 0))
        continue;
      int32_t l = positive_code(1.0f, v[i] * b / a, top);
      a += w * v[i] * (float)l;
      b += w * (float)l * (float)l;
      if (l == codes[i] || !(a * a * ll > xl * xl * b))
        continue;
      codes[i] = (uint8_t)l;
      xl = a;
      ll = b;
      moved = true;
    }
  }
  return ll > 0 ? xl / ll : 0;
}

/* --- codebook ------------------------------------------------------------------------------- */

/* ggml-org/ggml (MIT), kvalues_iq4nl. */
#define IQ4_LEVELS(_)                                                                              \
  _(-127, -104)                                                                                    \
  _(-104, -83)                                                                                     \
  _(-83, -65)                                                                                      \
  _(-65, -49)                                                                                      \
  _(-49, -35)                                                                                      \
  _(-35, -22)                                                                                      \
  _(-22, -10) _(-10, 1) _(1, 13) _(13, 25) _(25, 38) _(38, 53) _(53, 69) _(69, 89) _(89, 113)

#define LEVEL(low, high) low,
const float KERNEL(iq4_levels)[16] = {IQ4_LEVELS(LEVEL) 113};

/* The level nearest to v, the upper one on a tie and for NaN: from the highest down, each
 * midpoint above v takes off the gap below it. All sums are whole numbers. */
WIDE_INLINE wide nearest_level(wide v)
{
  wide level = (wide){0} + 113.0f, gap = {0};
#define STEP_DOWN(low, high)                                                                       \
  gap = (wide){0} + (float)((high) - (low));                                                       \
  level -= (wide)((v < 0.5f * (float)((low) + (high))) & (wide_int)gap);
  IQ4_LEVELS(STEP_DOWN)
  return level;
}

WIDE_INLINE struct products codebook_products(const wide *x, const wide *w, wide factor)
{
  wide xq = {0}, qq = {0};
  for (size_t i = 0; i < SUB_MOST; i++) {
    wide q = nearest_level(factor * x[i]);
    xq += w[i] * q * x[i];
    qq += w[i] * q * q;
  }
  return (struct products){xq, qq};
}

static void codebook_lanes(const float *x, const float *weights, size_t lanes, float *scales)
{
  wide xs[SUB_MOST], w[SUB_MOST];
  wide_load(x, SUB_MOST, lanes, xs);
  if (weights)
    wide_load(weights, SUB_MOST, lanes, w);
  else
    for (size_t i = 0; i < SUB_MOST; i++)
      w[i] = xs[i] * xs[i];
  wide most = wide_first_most(xs, SUB_MOST);
  struct products sums = codebook_products(xs, w, 1.0f / (-most / -127.0f));
  wide scale = sums.xl / sums.ll, best = scale * sums.xl;
  for (int t = -7; t <= 7; t++) {
    sums = codebook_products(xs, w, (float)(t - 127) / most);
    wide_int better = (sums.ll > 0.0f) & (sums.xl * sums.xl > best * sums.ll);
    scale = wide_select(better, sums.xl / sums.ll, scale);
    best = wide_select(better, scale * sums.xl, best);
  }
  for (size_t lane = 0; lane < lanes; lane++)
    scales[lane] = fabsf(most[lane]) < TOO_SMALL ? 0 : scale[lane];
}

void KERNEL(codebook_search)(const float *x, const float *weights, size_t count, float *scales)
{
  for (size_t done = 0; done < count; done += WIDE) {
    size_t lanes = count - done < WIDE ? count - done : WIDE;
    const float *w = weights ? weights + done * SUB_MOST : NULL;
    codebook_lanes(x + done * SUB_MOST, w, lanes, scales + done);
  }
}

void KERNEL(codebook_rows)(const float *x, size_t count, float *scales, uint8_t *codes)
{
  for (size_t done = 0; done < count; done += WIDE) {
    size_t lanes = count - done < WIDE ? count - done : WIDE;
    wide xs[SUB_MOST], w[SUB_MOST];
    wide_load(x + done * SUB_MOST, SUB_MOST, lanes, xs);
    for (size_t i = 0; i < SUB_MOST; i++)
      w[i] = xs[i] * xs[i];
    wide most = wide_first_most(xs, SUB_MOST), factor = 1.0f / (most / -127.0f);
    struct products sums = codebook_products(xs, w, factor);
    for (size_t lane = 0; lane < lanes; lane++) {
      bool empty = fabsf(most[lane]) < TOO_SMALL;
      size_t at = done + lane;
      scales[at] = empty ? 0 : sums.xl[lane] / sums.ll[lane];
      KERNEL(codebook_codes)
      (x + at * SUB_MOST, SUB_MOST, empty ? 0 : factor[lane], codes + at * SUB_MOST);
    }
  }
}

/* Codes of one run of values already divided by their scale. */
void KERNEL(codebook_codes)(const float *restrict x, size_t n, float factor, uint8_t *restrict code)
{
#define COUNT(low, high) at_least += !(v < 0.5f * (float)((low) + (high)));
  for (size_t i = 0; i < n; i++) {
    float v = factor * x[i];
    int at_least = 0;
    IQ4_LEVELS(COUNT)
    code[i] = (uint8_t)at_least;
  }
}
