/* The values of a search, by sign, and those of both signs that have the same levels together. */
#include "quant/base/ascending.h"
#include "quant/base/size.h"
#include "quant/lp_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Kernels read whole lanes of arrays; they stand one behind the other. */
enum { LANES_ROOM = 2 };

struct atom {
  double size, weight;
};

static int ascending(const void *a, const void *b)
{
  const struct atom *x = a, *y = b;
  return (x->size > y->size) - (x->size < y->size);
}

/* The magnitudes of one sign (0: of both) behind the N atoms already there; how many then. */
static size_t take_atoms(const struct sample *sample, double factor, int sign, struct atom *atom,
                         size_t n)
{
  size_t values = sample->counts ? sample->distinct : sample->finite;
  for (size_t i = 0; i < values; i++) {
    double x = (double)sample->values[i] * factor;
    if (x != 0 && (sign == 0 || (x < 0) == (sign < 0)))
      atom[n++] = (struct atom){fabs(x), sample->counts ? (double)sample->counts[i] : 1};
  }
  return n;
}

/* Turns N atoms over. */
static void turn_over(struct atom *atom, size_t n)
{
  for (size_t i = 0; i < n / 2; i++) {
    struct atom other = atom[i];
    atom[i] = atom[n - 1 - i];
    atom[n - 1 - i] = other;
  }
}

/* Merges two runs that ascend, of FIRST atoms and the rest of N, by way of ROOM for as many. */
static void merge_runs(struct atom *atom, size_t first, size_t n, struct atom *room)
{
  memcpy(room, atom, first * sizeof *atom);
  for (size_t i = 0, j = first, to = 0; i < first; to++)
    atom[to] = j < n && atom[j].size < room[i].size ? atom[j++] : room[i++];
}

/* Sorts N atoms, with room for as many at ROOM, and adds up those of one size; how many are left.
 * Digests come sorted: the magnitudes of one sign either way, those of both fall and then rise. */
static size_t sort_atoms(struct atom *atom, size_t n, struct atom *room)
{
  size_t kept = 0, falls = 0, first = 1;
  while (first < n && atom[first].size <= atom[first - 1].size)
    first++;
  for (size_t i = first; i < n; i++)
    falls += atom[i].size < atom[i - 1].size;
  if (falls > 0) {
    qsort(atom, n, sizeof *atom, ascending);
  } else if (n > 0) {
    turn_over(atom, first);
    merge_runs(atom, first, n, room);
  }
  for (size_t i = 0; i < n; i++)
    if (kept > 0 && atom[kept - 1].size == atom[i].size)
      atom[kept - 1].weight += atom[i].weight;
    else
      atom[kept++] = atom[i];
  return kept;
}

/* A side that is being written. */
struct writer {
  double *size, *weight, *mass, *pull, *tiny;
  size_t count;
};

/* One with ROOM for so many values, in the first 5 ROOM + 1 numbers of *MEMORY, which goes on
 * behind them. */
static struct writer writer_at(double **memory, size_t room)
{
  double *at = *memory;
  *memory += 5 * room + 1;
  return (struct writer){.size = at,
                         .weight = at + room,
                         .mass = at + 2 * room,
                         .pull = at + 3 * room,
                         .tiny = at + 4 * room};
}

static void end_side(const struct writer *from, struct lp_search *search, int which)
{
  from->tiny[0] = 0;
  for (size_t i = 0; i < from->count; i++)
    from->tiny[i + 1] = from->tiny[i] + from->mass[i];
  search->side[which] = (struct lp_side){.end = from->count,
                                         .size = from->size,
                                         .weight = from->weight,
                                         .mass = from->mass,
                                         .pull = from->pull,
                                         .tiny = from->tiny};
  if (from->count >= PLACES_WORTH)
    places_fill(&search->places[which], from->size, from->count);
}

static void fill_side(struct lp_search *search, int which, const struct atom *atom, size_t n,
                      double **memory)
{
  struct writer side = writer_at(memory, n);
  side.count = n;
  for (size_t i = 0; i < n; i++) {
    side.size[i] = atom[i].size;
    side.weight[i] = atom[i].weight;
    search->distance[i] = (float)atom[i].size;
  }
  kernels.powers(search->distance, n, search->norm, 1, search->power);
  for (size_t i = 0; i < n; i++) {
    side.mass[i] = side.weight[i] * search->power[i];
    side.pull[i] = side.mass[i] / side.size[i];
  }
  end_side(&side, search, which);
}

enum status lp_values_make(const struct sample *sample, int exponent, double norm, bool merged,
                           struct lp_search *out)
{
  size_t values = sample->counts ? sample->distinct : sample->finite;
  struct atom *atom = mem_room(values, 2 * sizeof *atom);
  *out = (struct lp_search){.norm = norm,
                            .memory =
                                mem_room(values + LP_SIDES + LANES_ROOM, 5 * sizeof *out->memory),
                            .distance = mem_room(values, sizeof *out->distance),
                            .rung = mem_room(values + RUNG_ROOM, sizeof *out->rung),
                            .power = mem_room(values, sizeof *out->power),
                            .pass = mem_array(LP_SIDES, sizeof *out->pass)};
  if (values >= PLACES_WORTH)
    out->places = mem_room(2, sizeof *out->places);
  if (!atom || !out->memory || !out->distance || !out->rung || !out->power || !out->pass ||
      (values >= PLACES_WORTH && !out->places)) {
    free(atom);
    lp_values_free(out);
    return STATUS_MEMORY;
  }
  double factor = ldexp(1, -exponent), *memory = out->memory;
  for (int i = 0; i < LP_SIDES; i++) {
    const bool none = i > 1 || (merged && i > 0);
    int sign = merged ? 0 : 1 - 2 * i;
    size_t n =
        none ? 0 : sort_atoms(atom, take_atoms(sample, factor, sign, atom, 0), atom + values);
    fill_side(out, i, atom, n, &memory);
  }
  free(atom);
  return STATUS_OK;
}

void lp_values_free(struct lp_search *search)
{
  free(search->memory);
  free(search->places);
  free(search->distance);
  free(search->rung);
  free(search->power);
  free(search->pass);
}

size_t lp_first_beyond(const struct lp_search *search, int which, double size)
{
  const struct lp_side *side = &search->side[which];
  if (side->end < PLACES_WORTH)
    return first_at_least(side->size, side->first, side->end, size);
  return size_max(places_first(&search->places[which], size), side->first);
}

/* --- both signs together ---------------------------------------------------------------------- */

/* Levels that both sides have alike, as far as one ends. */
static size_t common_steps(const struct lp_search *search)
{
  const struct ladder *up = search->ladder[0], *down = search->ladder[1];
  const size_t steps = size_min(search->steps[0], search->steps[1]);
  size_t k = 0;
  while (k < steps && up->value[k] == down->value[k] && up->middle[k] == down->middle[k] &&
         up->value[k + 1] == down->value[k + 1])
    k++;
  return k;
}

/* Smaller values have levels up to STEPS on both sides, from scale LEAST up. */
static double end_of_common(const struct lp_search *search, size_t steps, double least)
{
  double end = HUGE_VAL;
  for (int i = 0; i < 2; i++)
    if (steps < search->steps[i])
      end = fmin(end, least * search->ladder[i]->middle[steps]);
  return end;
}

static void put(struct writer *to, const struct lp_side *side, size_t i)
{
  size_t n = to->count;
  if (n > 0 && to->size[n - 1] == side->size[i]) {
    n--;
    to->weight[n] += side->weight[i];
    to->mass[n] += side->mass[i];
    to->pull[n] += side->pull[i];
    return;
  }
  to->size[n] = side->size[i];
  to->weight[n] = side->weight[i];
  to->mass[n] = side->mass[i];
  to->pull[n] = side->pull[i];
  to->count++;
}

/* The first COUNT[0] and COUNT[1] values of the sides, by size. */
static void put_both(struct writer *to, const struct lp_side side[2], const size_t count[2])
{
  size_t i = 0, k = 0;
  while (i < count[0] || k < count[1])
    if (k >= count[1] || (i < count[0] && side[0].size[i] <= side[1].size[k]))
      put(to, &side[0], i++);
    else
      put(to, &side[1], k++);
}

enum status lp_values_share(const struct lp_search *search, double least, struct lp_search *out,
                            bool *any)
{
  const struct lp_side *side = search->side;
  const size_t steps = common_steps(search), all = side[0].end + side[1].end;
  const double end = end_of_common(search, steps, least);
  size_t count[2];
  for (int i = 0; i < 2; i++)
    count[i] = first_at_least(side[i].size, 0, side[i].end, end);
  *any = side[2].end == 0 && size_min(count[0], count[1]) >= all / 8 && all >= PLACES_WORTH;
  if (!*any)
    return STATUS_OK;
  *out = *search;
  out->memory = mem_room(all + LP_SIDES + LANES_ROOM, 5 * sizeof *out->memory);
  out->places = mem_room(LP_SIDES, sizeof *out->places);
  if (!out->memory || !out->places) {
    lp_shared_free(out);
    return STATUS_MEMORY;
  }
  double *memory = out->memory;
  struct writer common = writer_at(&memory, count[0] + count[1]);
  put_both(&common, side, count);
  end_side(&common, out, 2);
  for (int i = 0; i < 2; i++) {
    struct writer rest = writer_at(&memory, side[i].end - count[i]);
    for (size_t k = count[i]; k < side[i].end; k++)
      put(&rest, &side[i], k);
    end_side(&rest, out, i);
  }
  out->ladder[2] = search->ladder[0];
  out->steps[2] = steps;
  return STATUS_OK;
}

void lp_shared_free(struct lp_search *shared)
{
  free(shared->memory);
  free(shared->places);
}
