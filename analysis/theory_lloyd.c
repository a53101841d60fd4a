/* The best levels for a density that is symmetric about 0: Newton's method on the conditions that
 * every level is the mean of its cell. Only the levels above 0 are unknown. */
#include "analysis/theory.h"

#include "quant/base/size.h"

#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEWTON_MOST = 60, LLOYD_ROUNDS = 30, TABLE = 4096 };

struct problem {
  const struct distribution *d;
  size_t n;  /* levels above 0 */
  bool zero; /* 0 is a level, too */
  double *y, *trial, *f, *above, *below, *diagonal, *step;
};

static double threshold(const struct problem *p, const double *y, size_t i)
{
  if (i == 0)
    return p->zero ? y[0] / 2 : 0;
  return i == p->n ? (double)INFINITY : (y[i - 1] + y[i]) / 2;
}

/* Mass and first moment of the cell of level I. */
static void cell_moments(const struct problem *p, const double *y, size_t i, double *mass,
                         double *first)
{
  double a[3], b[3] = {0}, lo = threshold(p, y, i), hi = threshold(p, y, i + 1);
  p->d->type->tail(p->d->nu, lo, a);
  if (isfinite(hi))
    p->d->type->tail(p->d->nu, hi, b);
  *mass = a[0] - b[0];
  *first = a[1] - b[1];
}

/* f = y * mass - first moment of every cell; its largest magnitude. */
static double residual(const struct problem *p, const double *y, double *f)
{
  double largest = 0, mass, first;
  for (size_t i = 0; i < p->n; i++) {
    cell_moments(p, y, i, &mass, &first);
    f[i] = y[i] * mass - first;
    largest = fmax(largest, fabs(f[i]));
  }
  return largest;
}

static void lloyd_round(struct problem *p)
{
  double mass, first;
  for (size_t i = 0; i < p->n; i++) {
    cell_moments(p, p->y, i, &mass, &first);
    if (mass > 0)
      p->trial[i] = first / mass;
  }
  memcpy(p->y, p->trial, p->n * sizeof *p->y);
}

/* How f changes with the threshold T below or above level Y; a threshold follows its levels by
 * half. */
static double edge(const struct problem *p, double y, double t)
{
  return isfinite(t) && t > 0 ? (y - t) * p->d->type->density(p->d->nu, t) / 2 : 0;
}

static bool newton_step(struct problem *p)
{
  double mass, first;
  for (size_t i = 0; i < p->n; i++) {
    double low = edge(p, p->y[i], threshold(p, p->y, i));
    double high = edge(p, p->y[i], threshold(p, p->y, i + 1));
    cell_moments(p, p->y, i, &mass, &first);
    p->diagonal[i] = mass + high - low;
    if (i + 1 < p->n)
      p->above[i] = high;
    if (i > 0)
      p->below[i - 1] = -low;
  }
  if (p->n == 1) {
    p->step[0] = p->f[0] / p->diagonal[0];
    return isfinite(p->step[0]);
  }
  gsl_vector_view diagonal = gsl_vector_view_array(p->diagonal, p->n),
                  above = gsl_vector_view_array(p->above, p->n - 1),
                  below = gsl_vector_view_array(p->below, p->n - 1),
                  f = gsl_vector_view_array(p->f, p->n),
                  step = gsl_vector_view_array(p->step, p->n);
  return gsl_linalg_solve_tridiag(&diagonal.vector, &above.vector, &below.vector, &f.vector,
                                  &step.vector) == 0;
}

static bool is_ordered(const struct problem *p, const double *y)
{
  bool good = y[0] > 0 && isfinite(y[p->n - 1]);
  for (size_t i = 1; i < p->n; i++)
    good = good && y[i] > y[i - 1];
  return good;
}

/* Takes as much of the Newton step as keeps the levels in order and makes the residual smaller. */
static bool improve(struct problem *p, double *size)
{
  if (!newton_step(p))
    return false;
  for (double share = 1; share > 1e-4; share /= 2) {
    for (size_t i = 0; i < p->n; i++)
      p->trial[i] = p->y[i] - share * p->step[i];
    double found = is_ordered(p, p->trial) ? residual(p, p->trial, p->f) : (double)INFINITY;
    if (found < *size) {
      memcpy(p->y, p->trial, p->n * sizeof *p->y);
      *size = found;
      return true;
    }
  }
  return false;
}

/* Levels at equal shares of the density's third root (Panter and Dite 1951). The density is
 * followed, on a grid that is finer near 0, up to where its tail is empty. */
static void compand(struct problem *p)
{
  double most = fmin(p->d->type->end, 12 + 4 * log((double)p->n + 1)), sum[TABLE + 1], x[TABLE + 1];
  sum[0] = x[0] = 0;
  for (int i = 1; i <= TABLE; i++) {
    double u = (double)i / TABLE, middle = (x[i - 1] + (x[i] = most * u * u * u)) / 2;
    sum[i] = sum[i - 1] + (x[i] - x[i - 1]) * cbrt(p->d->type->density(p->d->nu, middle));
  }
  double all = (double)(2 * p->n + p->zero);
  for (size_t i = 0, k = 1; i < p->n; i++) {
    double want = (2 * (double)i + 1 + p->zero) / all * sum[TABLE];
    while (k < TABLE && sum[k] < want)
      k++;
    p->y[i] = x[k - 1] + (x[k] - x[k - 1]) * (want - sum[k - 1]) / (sum[k] - sum[k - 1]);
  }
}

static bool solve(struct problem *p)
{
  compand(p);
  for (int i = 0; i < LLOYD_ROUNDS; i++)
    lloyd_round(p);
  double size = residual(p, p->y, p->f);
  for (int i = 0; i < NEWTON_MOST && size > 0; i++) {
    if (!improve(p, &size))
      break;
    residual(p, p->y, p->f);
  }
  return size < 1e-11 && is_ordered(p, p->y);
}

enum status theory_lloyd_max(const struct distribution *d, size_t count, double *levels)
{
  size_t n = count / 2;
  double *room = mem_array(7 * n + 1, sizeof *room);
  struct problem p = {d,
                      n,
                      count % 2 != 0,
                      room,
                      room + n,
                      room + 2 * n,
                      room + 3 * n,
                      room + 4 * n,
                      room + 5 * n,
                      room + 6 * n};
  if (!room)
    return STATUS_MEMORY;
  bool good = isinf(d->limit) && (n == 0 || solve(&p));
  for (size_t i = 0; i < n && good; i++) {
    levels[count - n + i] = p.y[i] * d->deviation + d->mean;
    levels[n - 1 - i] = -p.y[i] * d->deviation + d->mean;
  }
  if (good && p.zero)
    levels[n] = d->mean;
  free(room);
  return good ? STATUS_OK : STATUS_FAILED;
}
