#include "analysis/theory.h"

#include "analysis/metrics.h"
#include "quant/base/size.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_roots.h>
#include <math.h>
#include <stdlib.h>

/* Gauss-Legendre on [-1, 1], 10 points: exact to the last digits in cells of up to NARROW
 * deviations that are away from the pole of the gamma density (Abramowitz and Stegun, table 25.4).
 */
static const double node[] = {0.1488743389816312, 0.4333953941292472, 0.6794095682990244,
                              0.8650633666889845, 0.9739065285171717};
static const double weight[] = {0.2955242247147529, 0.2692667193099963, 0.2190863625159820,
                                0.1494513491505806, 0.0666713443086881};
enum { HALF_NODES = sizeof node / sizeof *node };
#define NARROW 0.25

/* Moments of a cell about its level: of order 0, 1, 2. */
struct moments3 {
  double m[3];
};

static void quadrature(const struct distribution *d, double lo, double hi, double level,
                       struct moments3 *sum)
{
  double middle = (lo + hi) / 2, half = (hi - lo) / 2;
  for (int i = 0; i < 2 * HALF_NODES; i++) {
    double z = middle + (i & 1 ? half : -half) * node[i / 2], e = z - level;
    double p = weight[i / 2] * half * d->type->density(d->nu, z);
    sum->m[0] += p;
    sum->m[1] += p * e;
    sum->m[2] += p * e * e;
  }
}

static void tails(const struct distribution *d, double z, double out[3])
{
  out[0] = out[1] = out[2] = 0;
  if (isfinite(z))
    d->type->tail(d->nu, z, out);
}

static void closed_form(const struct distribution *d, double lo, double hi, double level,
                        struct moments3 *sum)
{
  double a[3], b[3];
  tails(d, lo, a);
  tails(d, hi, b);
  double m0 = a[0] - b[0], m1 = a[1] - b[1], m2 = a[2] - b[2];
  sum->m[0] += m0;
  sum->m[1] += m1 - level * m0;
  sum->m[2] += fmax(m2 - 2 * level * m1 + level * level * m0, 0);
}

/* Adds what lies beyond the limit, all of it there. */
static void add_point(const struct distribution *d, double level, struct moments3 *sum)
{
  double tail[3], e = d->limit - level;
  d->type->tail(d->nu, d->limit, tail);
  sum->m[0] += tail[0];
  sum->m[1] += tail[0] * e;
  sum->m[2] += tail[0] * e * e;
}

/* Adds the cell LO..HI, both on the same side of 0, of standard values. */
static void one_sided(const struct distribution *d, double lo, double hi, double level,
                      struct moments3 *sum)
{
  if (isfinite(d->limit) && lo <= d->limit && d->limit < hi)
    add_point(d, level, sum);
  hi = fmin(hi, fmin(d->limit, d->type->end));
  if (!(lo < hi))
    return;
  double width = hi - lo;
  bool smooth = lo > 0 ? width <= lo : !isinf(d->type->density(d->nu, 0));
  if (width <= NARROW && smooth)
    quadrature(d, lo, hi, level, sum);
  else
    closed_form(d, lo, hi, level, sum);
}

static struct moments3 cell(const struct distribution *d, double lo, double hi, double level)
{
  struct moments3 left = {{0}}, right = {{0}};
  if (hi > 0)
    one_sided(d, fmax(lo, 0), hi, level, &right);
  if (lo < 0)
    one_sided(d, fmax(-hi, 0), -lo, -level, &left);
  return (struct moments3){
      {left.m[0] + right.m[0], right.m[1] - left.m[1], left.m[2] + right.m[2]}};
}

/* Cells of standard values under LEVELS times SCALE. */
struct cells {
  const struct distribution *d;
  const double *levels;
  size_t count;
  double scale;
};

static double standard(const struct cells *cells, double level)
{
  return (level * cells->scale - cells->d->mean) / cells->d->deviation;
}

static double upper_end(const struct cells *cells, size_t i)
{
  if (i + 1 == cells->count)
    return (double)INFINITY;
  return standard(cells, (cells->levels[i] + cells->levels[i + 1]) / 2);
}

/* Where the clamp begins: half a step beyond the outermost level. */
static double range_end(const struct cells *cells, bool top)
{
  size_t n = cells->count, i = top ? n - 1 : 0;
  double step = n < 2 ? 0 : cells->levels[top ? n - 1 : 1] - cells->levels[top ? n - 2 : 0];
  return standard(cells, cells->levels[i] + (top ? step : -step) / 2);
}

static double power(const struct distribution *d)
{
  struct moments3 all = cell(d, -(double)INFINITY, (double)INFINITY, -d->mean / d->deviation);
  return all.m[2] / all.m[0] * d->deviation * d->deviation;
}

void theory_error(const struct distribution *d, const double *levels, size_t count, double scale,
                  struct theory_error *out)
{
  const struct cells cells = {d, levels, count, scale};
  double inside = 0, beyond = 0, mass = 0, clipped = 0, entropy = 0;
  double bottom = range_end(&cells, false), top = range_end(&cells, true), lo = -(double)INFINITY;
  for (size_t i = 0; i < count; i++) {
    double hi = upper_end(&cells, i), level = standard(&cells, levels[i]);
    struct moments3 in = cell(d, fmax(lo, bottom), fmin(hi, top), level), out_of = {{0}};
    if (i == 0)
      out_of = cell(d, lo, bottom, level);
    if (i + 1 == count) {
      struct moments3 more = cell(d, top, hi, level);
      out_of.m[0] += more.m[0], out_of.m[2] += more.m[2];
    }
    double share = in.m[0] + out_of.m[0];
    inside += in.m[2];
    beyond += out_of.m[2];
    clipped += out_of.m[0];
    mass += share;
    entropy += share > 0 ? share * log2(share) : 0;
    lo = hi;
  }
  double unit = d->deviation * d->deviation / mass;
  *out = (struct theory_error){.rounding = inside * unit,
                               .clipping = beyond * unit,
                               .mse = (inside + beyond) * unit,
                               .signal = power(d),
                               .clip_rate = clipped / mass,
                               .entropy_bits = log2(mass) - entropy / mass};
  out->sqnr_db = sqnr_db(out->signal, out->mse);
}

/* --- the best scale ------------------------------------------------------------------------- */

/* Half the derivative of the MSE by the scale: what moving the thresholds changes cancels. */
static double slope(double scale, void *context)
{
  struct cells cells = *(const struct cells *)context;
  double sum = 0, lo = -(double)INFINITY;
  cells.scale = scale;
  for (size_t i = 0; i < cells.count; i++) {
    double hi = upper_end(&cells, i);
    sum -= cells.levels[i] * cell(cells.d, lo, hi, standard(&cells, cells.levels[i])).m[1];
    lo = hi;
  }
  return sum;
}

static double root(struct cells *cells, double lo, double hi)
{
  gsl_function function = {slope, cells};
  gsl_root_fsolver *solver = gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
  double found = (double)NAN;
  if (solver && gsl_root_fsolver_set(solver, &function, lo, hi) == GSL_SUCCESS)
    for (int i = 0; i < 100; i++) {
      if (gsl_root_fsolver_iterate(solver) != GSL_SUCCESS)
        break;
      found = gsl_root_fsolver_root(solver);
      if (gsl_root_test_interval(gsl_root_fsolver_x_lower(solver), gsl_root_fsolver_x_upper(solver),
                                 0, 1e-15) == GSL_SUCCESS)
        break;
    }
  if (solver)
    gsl_root_fsolver_free(solver);
  return found;
}

/* The scan covers ranges of SCAN_FROM to SCAN_TO deviations (and means), finely enough to tell the
 * ripples of small floats, which come once for each power of two. */
#define SCAN_FROM 0.25
#define SCAN_TO   8192.0
enum { SCAN_MOST = 192 };

double theory_best_scale(const struct distribution *d, const double *levels, size_t count)
{
  struct cells cells = {d, levels, count, 1};
  double reach = count ? fmax(fabs(levels[0]), fabs(levels[count - 1])) : 0;
  double spread = d->deviation + fabs(d->mean), least = (double)INFINITY, best = (double)NAN;
  double widest = fmin(SCAN_TO, isfinite(d->limit) ? fmax(2 * d->limit, 1) : SCAN_TO);
  double ratio = pow(widest / SCAN_FROM, 1.0 / SCAN_MOST);
  if (!(reach > 0) || !(d->deviation > 0))
    return (double)NAN;
  double from = SCAN_FROM * spread / reach, before = slope(from, &cells);
  for (int i = 0; i < SCAN_MOST; i++) {
    double to = from * ratio, after = slope(to, &cells);
    if (before < 0 && after >= 0) {
      double scale = root(&cells, from, to);
      struct theory_error error;
      theory_error(d, levels, count, scale, &error);
      if (error.mse < least)
        least = error.mse, best = scale;
    }
    from = to;
    before = after;
  }
  return best;
}

void theory_integers(long lowest, size_t count, double *levels)
{
  for (size_t i = 0; i < count; i++)
    levels[i] = (double)lowest + (double)i;
}

void theory_symmetric(size_t count, double *levels)
{
  for (size_t i = 0; i < count; i++)
    levels[i] = (double)i - ((double)count - 1) / 2;
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double *theory_format_levels(const struct format *format, size_t *count)
{
  size_t codes = format_codes(format), used = 0;
  double *levels = mem_array(codes, sizeof *levels);
  if (!levels)
    return NULL;
  for (size_t i = 0; i < codes; i++) {
    double value = (double)format_decode(format, (uint32_t)i);
    if (isfinite(value))
      levels[used++] = value;
  }
  qsort(levels, used, sizeof *levels, ascending);
  *count = 0;
  for (size_t i = 0; i < used; i++)
    if (i == 0 || levels[i] != levels[*count - 1])
      levels[(*count)++] = levels[i];
  return levels;
}

/* --- asymptotics ---------------------------------------------------------------------------- */

double theory_db_per_bit(void)
{
  return 20 * log10(2);
}

double theory_uniform_db(size_t count)
{
  return 20 * log10((double)count);
}

double theory_sine_db(void)
{
  return 10 * log10(1.5);
}

double theory_entropy_coded_gap_db(void)
{
  return 10 * log10(M_PI * M_E / 6);
}

/* With x = u^3 / (1 - u), a pole at 0 and the tail both become tame. */
static double third_root(double u, void *context)
{
  const struct distribution *d = context;
  double v = 1 - u, x = u * u * u / v;
  if (u <= 0 || v <= 0 || x > d->type->end)
    return 0;
  return cbrt(d->type->density(d->nu, x)) * (3 * u * u * v + u * u * u) / (v * v);
}

double theory_panter_dite(const struct distribution *d)
{
  enum { INTERVALS = 1000 };
  gsl_integration_workspace *space = gsl_integration_workspace_alloc(INTERVALS);
  struct distribution copy = *d; /* GSL takes no constant */
  gsl_function function = {third_root, &copy};
  double half = (double)NAN, error;
  if (isfinite(d->type->end)) {
    half = d->type->end * cbrt(d->type->density(d->nu, 0)); /* flat: a step has no quadrature */
  } else if (space) {
    gsl_integration_qags(&function, 0, 1, 0, 1e-12, INTERVALS, space, &half, &error);
  }
  if (space)
    gsl_integration_workspace_free(space);
  return pow(2 * half, 3) / 12;
}
