/* What lets the searches for scales leave scales out: each bound against brute force, and the
 * searches with it against those without. */
#include "quant/best_scale.h"
#include "quant/lp_search.h"

#include "tests/support/portable.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- places ----------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void check_place(const struct places *places, const double *value, size_t count, double x)
{
  size_t expected = 0;
  while (expected < count && value[expected] < x)
    expected++;
  if (places_first(places, x) != expected)
    fail_msg("%zu numbers: %a is at %zu, not %zu", count, x, expected, places_first(places, x));
}

/* Many at once against one at a time, by all kernels. */
static void check_places_find(const struct places *places, uint64_t *seed)
{
  enum { MOST = 150 };
  double size[MOST];
  uint32_t found[MOST];
  for (size_t n = 0; n < MOST; n += 1 + n / 2)
    for (size_t l = 0; kernels_available()[l]; l++) {
      const double factor = exp2(-20 * portable_uniform(seed));
      for (size_t i = 0; i < n; i++)
        size[i] = i % 9 == 5 ? -1 : i % 9 == 7 ? 0 : exp2(24 * portable_uniform(seed) - 4);
      kernels_available()[l]->places_find(places, size, n, factor, found);
      for (size_t i = 0; i < n; i++)
        assert_int_equal(found[i], places_first(places, fmax(size[i] * factor, 0)));
    }
}

/* By counting. Numbers of many octaves, some of them equal, at both sizes of cells. */
static void test_places(void **state)
{
  (void)state;
  static const size_t counts[] = {0, 1, 2, 700, PLACES_MANY + 5};
  static double value[PLACES_MANY + 5];
  struct places *places = malloc(sizeof *places);
  uint64_t seed = 3;
  assert_non_null(places);
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
    for (int octaves = 1; octaves <= 30; octaves += 29) {
      const size_t n = counts[c];
      for (size_t i = 0; i < n; i++)
        value[i] = i % 5 == 4 ? value[i - 1] : exp2(-octaves * portable_uniform(&seed));
      if (n > 3)
        value[3] = 1;
      qsort(value, n, sizeof *value, ascending);
      places_fill(places, value, n);
      for (size_t i = 0; i < n; i += n / 50 + 1) {
        check_place(places, value, n, value[i]);
        check_place(places, value, n, nextafter(value[i], 2));
        check_place(places, value, n, nextafter(value[i], 0));
      }
      for (double x = 0x1p-40; x < 4; x *= 1.7)
        check_place(places, value, n, x);
      check_place(places, value, n, 0);
      check_place(places, value, n, HUGE_VAL);
      check_places_find(places, &seed);
    }
  free(places);
}

/* --- lines below errors ----------------------------------------------------------------------- */

enum { VALUES = 40, BUCKETS = 32 };

/* Values that pass the middle between two whole numbers somewhere from scale 1 to 1 + width. */
struct passing {
  double norm, lower, width;
  size_t count;
  double size[VALUES + 8], mass[VALUES + 8], pull[VALUES + 8];
  kernel_pair change[BUCKETS + 1], within[BUCKETS];
};

static void draw_passing(struct passing *passing, uint64_t *seed)
{
  for (size_t i = 0; i < passing->count; i++) {
    const double x = (passing->lower + 0.5) * (1 + passing->width * portable_uniform(seed));
    passing->size[i] = x;
    passing->mass[i] = (1 + (double)(i % 3)) * pow(x, passing->norm);
    passing->pull[i] = passing->mass[i] / x;
  }
}

/* Tangents of |e|^p where the middle is and at half that distance. */
static struct level_pass tangents(const struct passing *passing)
{
  const double p = passing->norm, k = passing->lower, middle = k + 0.5,
               share = pow(0.5 / middle, p);
  const double rises = p * share / (0.5 / middle), half = pow(0.5, p - 1);
  const double meet = p > 1 ? 1 - (p - 1) * (1 - half / 2) / (p * (1 - half)) : 0.3;
  const double far = k > 0 ? 0.5 / middle / k : HUGE_VAL, near = 0.5 / middle / (k + 1);
  return (struct level_pass){
      .per_middle = 1 / middle,
      .share = {share, share * (half / 2 + p * half / 2)},
      .up = {rises * (k + 1), rises * half * (k + 1)},
      .down = {-rises * k, -rises * half * k},
      .up_reach = {meet * near, (1 - (p - 1) / (2 * p)) * near},
      .down_reach = {k > 0 ? meet * far : far, (1 - (p - 1) / (2 * p)) * far}};
}

/* By the definition. */
static double rounding_error(const struct passing *passing, double scale)
{
  double sum = 0;
  for (size_t i = 0; i < passing->count; i++) {
    const double x = passing->size[i], e = fabs(x - scale * nearbyint(x / scale));
    sum += passing->mass[i] / pow(x, passing->norm) * pow(e, passing->norm);
  }
  return sum;
}

/* Every line against the error at five scales of its bucket; what part of it they reach. */
static double check_lines(const struct passing *passing)
{
  const double width = passing->width / BUCKETS, middle = 1 + passing->width / 2;
  kernel_pair sum = {0, 0};
  double below = 0, all = 0;
  for (size_t b = 0; b < BUCKETS; b++) {
    sum += passing->change[b];
    const kernel_pair line = sum + passing->within[b];
    for (int i = 0; i <= 4; i++) {
      const double scale = 1 + width * ((double)b + i / 4.0);
      const double bound = line[0] + line[1] * (scale - middle);
      const double error = rounding_error(passing, scale);
      if (bound > error + 1e-11 * (double)passing->count)
        fail_msg("norm %g, level %g, width %g, %zu values, scale %.9g: %.12g, error %.12g",
                 passing->norm, passing->lower, passing->width, passing->count, scale, bound,
                 error);
      below += fmax(bound, 0);
      all += error;
    }
  }
  return all > 0 ? below / all : 1;
}

/* All kernels, to the last bit; in narrow intervals the lines are near the errors. */
static void test_breaks(void **state)
{
  (void)state;
  static const double norms[] = {1, 1.5, 2.4, 4}, levels[] = {0, 1, 6, 90};
  const struct kernels *const *available = kernels_available();
  struct passing passing, first;
  uint64_t seed = 11;
  for (size_t c = 0; c < 16; c++)
    for (double width = 0.1; width > 1e-4; width /= 5)
      for (size_t n = 0; n <= VALUES; n += 1 + n / 3) {
        memset(&passing, 0, sizeof passing);
        passing.norm = norms[c / 4];
        passing.lower = levels[c % 4];
        passing.width = width;
        passing.count = n;
        draw_passing(&passing, &seed);
        const struct level_pass pass = tangents(&passing);
        first = passing;
        for (size_t l = 0; available[l]; l++) {
          struct passing again = passing;
          const struct broken broken = {.from = 1,
                                        .middle = 1 + width / 2,
                                        .width = width / BUCKETS,
                                        .buckets = BUCKETS,
                                        .change = again.change,
                                        .within = again.within};
          available[l]->breaks(again.size, again.mass, again.pull, n, &pass, &broken);
          const double part = check_lines(&again);
          assert_true(width > 1e-3 || part > 0.9);
          first = l == 0 ? again : first;
          assert_memory_equal(again.change, first.change, sizeof first.change);
          assert_memory_equal(again.within, first.within, sizeof first.within);
        }
      }
}

/* --- a digest --------------------------------------------------------------------------------- */

enum { SIDE = 1500 };

struct counted {
  float value[2 * SIDE];
  uint64_t count[2 * SIDE];
  struct sample sample;
};

static double density(int kind, double x)
{
  return kind == 0 ? exp(-x * x / 2) : kind == 1 ? exp(-x) : 1 / (1 + x * x * x * x);
}

/* Values of the precision of bfloat16 or of two bits more, with a density; kind 2 leans. */
static void fill_counted(struct counted *counted, int kind, unsigned bits)
{
  size_t n = 0;
  for (int side = 0; side < 2; side++) {
    for (size_t i = 0; i < SIDE / 2; i++) {
      size_t at = side == 0 ? SIDE / 2 - 1 - i : i, octave = at >> bits;
      double x = ldexp(1 + (double)(at & (((size_t)1 << bits) - 1)) / (double)(1U << bits),
                       (int)octave - (int)((SIDE / 2) >> bits) + (kind == 2 ? 1 + side : 2));
      double weight = 1e7 * density(kind, x) * x;
      if (weight < 1)
        continue;
      counted->value[n] = (float)(side == 0 ? -x : x);
      counted->count[n++] = (uint64_t)weight;
    }
  }
  counted->sample = (struct sample){.min = counted->value[0],
                                    .max = counted->value[n - 1],
                                    .values = counted->value,
                                    .counts = counted->count,
                                    .distinct = n};
  for (size_t i = 0; i < n; i++)
    counted->sample.finite += counted->count[i];
}

static void set_zero(const struct calibration *calibration, const struct ladders *ladders,
                     long zero, struct lp_search *search)
{
  ladders_steps(calibration, zero, search->steps);
  search->ladder[0] = ladders->side[0];
  search->ladder[1] = ladders->side[1];
}

static double minmax_scale(const struct counted *counted, int exponent, long levels)
{
  double range = (double)counted->sample.max - (double)counted->sample.min;
  return ldexp(range / (double)(levels - 1), -exponent);
}

/* --- both signs together ---------------------------------------------------------------------- */

/* From scale LEAST up the errors are those of the sides by themselves; whether any are shared. */
static bool check_shared(const struct lp_search *search, double least)
{
  struct lp_search shared;
  bool any;
  assert_int_equal(lp_values_share(search, least, &shared, &any), STATUS_OK);
  if (!any)
    return false;
  double weight[2] = {0};
  for (int i = 0; i < LP_SIDES; i++) {
    for (size_t k = 0; k < search->side[i].end; k++)
      weight[0] += search->side[i].weight[k];
    for (size_t k = 0; k < shared.side[i].end; k++)
      weight[1] += shared.side[i].weight[k];
  }
  assert_true(weight[0] == weight[1]);
  for (double scale = least; scale < 8 * least; scale *= 1.037) {
    double error = lp_error(&shared, scale, HUGE_VAL);
    const double expected = lp_error(search, scale, HUGE_VAL);
    if (fabs(error - expected) > 1e-12 * expected)
      fail_msg("steps %zu %zu, scale %a: %.17g, expected %.17g", search->steps[0], search->steps[1],
               scale, error, expected);
  }
  lp_shared_free(&shared);
  return true;
}

/* Zero points all over the codes, least scales on either side of that of minmax. */
static void test_shared_sides(void **state)
{
  static const char *const formats[] = {"int8", "int4", "e4m3", "nf4"};
  static struct counted counted;
  size_t shared = 0, apart = 0;
  (void)state;
  for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
    const struct calibration calibration = {.format = format_find(formats[f]), .asymmetric = f < 2};
    const long levels = calibration.asymmetric ? 1L << calibration.format->bits : 1;
    struct ladders ladders;
    struct lp_search search;
    int exponent;
    fill_counted(&counted, (int)f % 3, 7);
    ladders_make(&calibration, &ladders);
    frexpf(sample_absmax(&counted.sample), &exponent);
    assert_int_equal(lp_values_make(&counted.sample, exponent, 2.4, false, &search), STATUS_OK);
    for (long zero = 0; zero < levels; zero += 1 + levels / 64)
      for (double least = 0x1p-12; least < 1; least *= 1.7) {
        set_zero(&calibration, &ladders, zero, &search);
        *(check_shared(&search, least) ? &shared : &apart) += 1;
      }
    lp_values_free(&search);
  }
  if (!(shared > 300 && apart > 300))
    fail_msg("%zu shared, %zu apart", shared, apart);
}

/* --- middles passed --------------------------------------------------------------------------- */

/* By counting products, where they are exactly the size and one step beside it. */
static void check_passed(const struct ladder *ladder, size_t steps, double scale, double size)
{
  size_t expected = 0;
  while (expected < steps && ladder->middle[expected] * scale <= size)
    expected++;
  assert_int_equal(ladder_passed(ladder, steps, scale, size), expected);
}

static void test_passed(void **state)
{
  static const char *const formats[] = {"int8", "int3", "e4m3", "e2m1", "nf4"};
  uint64_t seed = 5;
  (void)state;
  for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
    const struct calibration calibration = {.format = format_find(formats[f])};
    struct ladders ladders;
    ladders_make(&calibration, &ladders);
    for (int side = 0; side < 2; side++)
      for (int i = 0; i < 200; i++) {
        const struct ladder *ladder = ladders.side[side];
        const size_t steps = ladder->steps - (i % 3 == 1), k = (size_t)i % ladder->steps;
        const double scale = exp2(-12 * portable_uniform(&seed));
        const double size = ladder->middle[k] * scale;
        check_passed(ladder, steps, scale, size);
        check_passed(ladder, steps, scale, nextafter(size, 0));
        check_passed(ladder, steps, scale, nextafter(size, HUGE_VAL));
        check_passed(ladder, steps, scale, 2 * size);
      }
    check_passed(ladders.side[0], 0, 0.5, 1);
  }
}

/* --- floors of lp ----------------------------------------------------------------------------- */

enum { TRIES = 5 };

/* The errors of scales between FROM and TO, against BOUND. */
static void check_bound(const struct lp_search *search, double from, double to, double bound)
{
  for (int i = 0; i <= TRIES; i++) {
    double scale = from + (to - from) * i / TRIES, error = lp_error(search, scale, HUGE_VAL);
    if (error < bound * (1 - 4e-6))
      fail_msg("norm %g, steps %zu %zu, scales %a to %a: error %.9g, bound %.9g", search->norm,
               search->steps[0], search->steps[1], from, to, error, bound);
  }
}

static void check_leaves(const struct lp_search *search, const struct lp_floor *floor)
{
  assert_true(floor->count > 0 && !floor->lost);
  for (size_t i = 0; i < floor->count; i++)
    check_bound(search, floor->leaf[i].from, floor->leaf[i].to, floor->leaf[i].bound);
}

/* What the floor of one zero point says of the next, on intervals of all widths; how often it says
 * anything. */
static size_t check_next(struct lp_search *search, double most)
{
  size_t said = 0;
  for (double width = 0.1; width > 1e-4; width /= 3)
    for (double to = most; to > most / 6; to *= 1 - 2.3 * width) {
      double from = to * (1 - width);
      double bound = lp_floor_bound(search, from, to, 0);
      if (bound == -HUGE_VAL)
        continue;
      said++;
      check_bound(search, from, to, bound);
    }
  return said;
}

/* What it says of its scale, against all values; and errors that may end where they are enough. */
static void check_found(const struct lp_search *search)
{
  struct lp_search all = *search;
  for (int i = 0; i < LP_SIDES; i++) {
    all.side[i].first = 0;
    all.side[i].settled = 0;
  }
  const double error = lp_error(&all, search->scale, HUGE_VAL);
  if (!(fabs(error - search->error) <= 1.2e-5 * error))
    fail_msg("norm %g, scale %a: %.9g, all values %.9g", search->norm, search->scale, search->error,
             error);
  for (double enough = error / 16; enough < 3 * error; enough *= 1.7) {
    const double found = lp_error(&all, search->scale, enough);
    assert_true(found <= error && (found == error || found >= enough));
  }
}

static void check_zeros(const struct calibration *calibration, struct counted *counted, double norm,
                        struct lp_floor floor[2])
{
  struct ladders ladders;
  struct lp_search search;
  int exponent;
  const long levels = 1L << calibration->format->bits;
  ladders_make(calibration, &ladders);
  frexpf(sample_absmax(&counted->sample), &exponent);
  assert_int_equal(lp_values_make(&counted->sample, exponent, norm, false, &search), STATUS_OK);
  const double most = 2 * minmax_scale(counted, exponent, levels);
  search.error = HUGE_VAL;
  for (int step = -1; step <= 1; step += 2) {
    long zero = levels / 2;
    set_zero(calibration, &ladders, zero, &search);
    search.error = lp_error(&search, most / 3, HUGE_VAL);
    search.floor = &floor[0];
    search.before = NULL;
    assert_int_equal(lp_improve(&search, most, NULL), STATUS_OK);
    check_leaves(&search, &floor[0]);
    check_found(&search);
    struct lp_search plain = search;
    plain.floor = NULL;
    search.floor = &floor[1];
    search.before = &floor[0];
    set_zero(calibration, &ladders, zero + step, &search);
    set_zero(calibration, &ladders, zero + step, &plain);
    assert_int_equal(lp_improve(&search, most, NULL), STATUS_OK);
    assert_int_equal(lp_improve(&plain, most, NULL), STATUS_OK);
    /* They cut the scales differently: either is within 1e-4 of the least error. */
    assert_true(fabs(search.error - plain.error) <= 1.2e-4 * plain.error);
    check_leaves(&search, &floor[1]);
    lp_floor_start(&floor[1], &search, most);
    assert_true(check_next(&search, most) > 50);
  }
  lp_values_free(&search);
}

static void test_lp_floors(void **state)
{
  (void)state;
  static const double norms[] = {1, 1.5, 2.4, 4};
  static struct counted counted;
  struct lp_floor *floor = malloc(2 * sizeof *floor);
  assert_non_null(floor);
  for (int kind = 0; kind < 3; kind++)
    for (size_t p = 0; p < sizeof norms / sizeof *norms; p++) {
      const struct calibration calibration = {.format = format_find(p % 2 ? "int8" : "int6"),
                                              .asymmetric = true,
                                              .parameter = norms[p]};
      fill_counted(&counted, kind, 7 + (unsigned)(p / 2));
      check_zeros(&calibration, &counted, norms[p], floor);
    }
  free(floor);
}

/* --- floors of mse ---------------------------------------------------------------------------- */

static void fill_atoms(const struct counted *counted, int exponent, struct atoms *atoms,
                       double *size, double *weight)
{
  const struct sample *sample = &counted->sample;
  *atoms = (struct atoms){.size = size, .weight = weight};
  for (int side = 0; side < 2; side++) {
    for (size_t i = 0; i < sample->distinct; i++) {
      size_t at = side == 0 ? i : sample->distinct - 1 - i;
      double x = ldexp((double)sample->values[at], -exponent) * (side == 0 ? 1 : -1);
      if (x <= 0)
        continue;
      size[atoms->count] = x;
      weight[atoms->count++] = (double)sample->counts[at];
    }
    atoms->positive = side == 0 ? atoms->count : atoms->positive;
  }
}

/* A search that a floor cuts short finds what it finds without. */
static void check_floor(struct scale_search *search, const struct calibration *calibration)
{
  const long levels = 1L << calibration->format->bits;
  size_t left_out = 0;
  search->floor = scale_floor_new();
  assert_non_null(search->floor);
  for (long i = 0, zero = levels / 2; i < 40 && i < levels - 1; i++) {
    zero += i % 2 ? i : -i;
    ladders_steps(calibration, zero, search->steps);
    struct scale_search plain = *search;
    plain.floor = NULL;
    scale_improve(&plain);
    bool found = scale_improve(search);
    left_out += !found;
    if (search->error > plain.error * (1 + 2e-7) + 1e-12 * search->energy)
      fail_msg("zero %ld: %.12g, without the floor %.12g", zero, search->error, plain.error);
  }
  assert_true(left_out > 0);
  free(search->floor);
}

static void test_mse_floors(void **state)
{
  (void)state;
  static struct counted counted;
  static double size[2 * SIDE], weight[2 * SIDE];
  for (int kind = 0; kind < 3; kind++)
    for (int f = 0; f < 2; f++) {
      const struct calibration calibration = {.format = format_find(f ? "int8" : "int5"),
                                              .asymmetric = true};
      struct ladders ladders;
      struct atoms atoms;
      int exponent;
      fill_counted(&counted, kind, 8);
      frexpf(sample_absmax(&counted.sample), &exponent);
      fill_atoms(&counted, exponent, &atoms, size, weight);
      assert_true(atoms_prepare(&atoms) && atoms.places);
      ladders_make(&calibration, &ladders);
      struct scale_search search = {.ladder = {ladders.side[0], ladders.side[1]}, .atoms = atoms};
      for (size_t i = 0; i < atoms.count; i++)
        search.energy += weight[i] * size[i] * size[i];
      ladders_steps(&calibration, 1L << (calibration.format->bits - 1), search.steps);
      search.scale = minmax_scale(&counted, exponent, 1L << calibration.format->bits);
      search.error = scale_error(&search, search.scale);
      check_floor(&search, &calibration);
      atoms_release(&atoms);
    }
}

/* Sorted atoms take steps of their own; the same sums one by one. */
static void test_scale_error(void **state)
{
  (void)state;
  static struct counted counted;
  static double size[2 * SIDE], weight[2 * SIDE];
  static const char *const formats[] = {"int8", "float8_e4m3fn", "int4"};
  for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
    const struct calibration calibration = {.format = format_find(formats[f])};
    struct ladders ladders;
    struct atoms atoms;
    int exponent;
    fill_counted(&counted, (int)f, 7);
    frexpf(sample_absmax(&counted.sample), &exponent);
    fill_atoms(&counted, exponent, &atoms, size, weight);
    ladders_make(&calibration, &ladders);
    struct scale_search any = {.ladder = {ladders.side[0], ladders.side[1]}, .atoms = atoms};
    ladders_steps(&calibration, 0, any.steps);
    struct scale_search sorted = any;
    assert_true(atoms_prepare(&sorted.atoms));
    for (double scale = 0.05; scale > 1e-4; scale *= 0.83)
      assert_true(scale_error(&any, scale) == scale_error(&sorted, scale));
    atoms_release(&sorted.atoms);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_places),      cmocka_unit_test(test_breaks),
      cmocka_unit_test(test_passed),      cmocka_unit_test(test_shared_sides),
      cmocka_unit_test(test_lp_floors),   cmocka_unit_test(test_mse_floors),
      cmocka_unit_test(test_scale_error),
  };
  kernels_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
