#include "tests/support/kernel_draws.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const size_t lengths_beyond[] = {511, 512, 513, 520, 1023, 1024, 1025, 1399};

bool kernel_next_length(size_t *n)
{
  size_t beyond = sizeof lengths_beyond / sizeof lengths_beyond[0];
  if (*n < 257) {
    ++*n;
    return true;
  }
  for (size_t i = 0; i < beyond; i++)
    if (lengths_beyond[i] > *n) {
      *n = lengths_beyond[i];
      return true;
    }
  return false;
}

static uint64_t random_state = 0x853c49e6748fea9bu;

uint32_t kernel_random(void)
{
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (uint32_t)(random_state * 2685821657736338717u >> 32);
}

float kernel_float(uint32_t bits)
{
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

float kernel_bell(void)
{
  float sum = 0;
  for (int i = 0; i < 4; i++)
    sum += (float)(int32_t)kernel_random() * 0x1p-31f;
  return sum;
}

static const uint32_t special[] = {0,          0x80000000, 1,          0x80000001, 0x007fffff,
                                   0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x7f800000,
                                   0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffbfffff,
                                   0x3f000000, 0xbf000000, 0x3effffff};

static float kernel_draw(enum mix mix)
{
  if (mix == MIX_BITS)
    return kernel_float(kernel_random());
  if (mix == MIX_SPECIAL && kernel_random() % 4 == 0)
    return kernel_float(special[kernel_random() % (sizeof special / sizeof special[0])]);
  if (mix == MIX_FINITE && kernel_random() % 16 == 0)
    return kernel_float(special[kernel_random() % 9]) * (kernel_random() % 2 ? 1.0f : 1e-30f);
  return kernel_bell();
}

void kernel_fill(float *x, size_t n, enum mix mix)
{
  for (size_t i = 0; i < n; i++)
    x[i] = kernel_draw(mix);
}

bool kernel_same(float a, float b)
{
  return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof a) == 0;
}

void kernel_check_bits(double found, double expected, const char *what)
{
  if (memcmp(&found, &expected, sizeof found) != 0 && !(isnan(found) && isnan(expected)))
    fail_msg("%s: found %a, expected %a", what, found, expected);
}

double kernel_lane_sum(const double *terms, size_t n)
{
  double v[8] = {0};
  for (size_t i = 0; i < n; i++)
    v[i % 8] += terms[i];
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

void kernel_integer(float x, const struct unit *unit, float *y, uint16_t *code)
{
  if (isnan(x)) {
    *y = NAN;
    *code = (uint16_t)-unit->lo;
    return;
  }
  double r = nearbyint((double)(x / unit->scale));
  r = r < (double)unit->lo ? (double)unit->lo : r > (double)unit->hi ? (double)unit->hi : r;
  *y = (float)(r + 0.0) * unit->scale; /* + 0.0: integers have no negative zero */
  *code = (uint16_t)(uint32_t)(r - (double)unit->lo);
}

/* Nearest by bits of the double: cut the mantissa, compare what was cut with half of a step. */
static float nearest_in_format(const struct format *format, float v)
{
  double max = format_max(format), a = fmin(fabs((double)v), 4 * max);
  if (isnan(v))
    return NAN;
  int exponent = a > 0 ? ilogb(a) : -2000;
  if (exponent < 1 - format->bias)
    exponent = 1 - format->bias;
  double step = ldexp(1, exponent - format->mantissa_bits);
  double below = floor(a / step), rest = a / step - below;
  if (rest > 0.5 || (rest == 0.5 && fmod(below, 2) == 1))
    below++;
  return copysignf((float)fmin(below * step, max), v);
}

void kernel_minifloat(float x, const struct format *format, float scale, float *y, uint16_t *code)
{
  bool fn = format->top == TOP_FN;
  uint32_t sign = signbit(x) ? 1u << (format->bits - 1) : 0;
  uint32_t top = ((1u << format->exponent_bits) - 1) << format->mantissa_bits;
  uint32_t quiet = top | 1u << (format->mantissa_bits - 1), ones = sign ^ (fn ? 0x7f : 0);
  if (isnan(x) || isinf(x)) {
    *y = isinf(x) && !fn ? x : NAN;
    *code = (uint16_t)(fn ? ones : isinf(x) ? sign | top : sign | quiet);
    return;
  }
  float g = nearest_in_format(format, x / scale);
  *y = g * scale;
  int exponent = 0;
  double fraction = frexp(fabs((double)g), &exponent) * 2; /* 1 <= fraction < 2 */
  exponent += format->bias - 1;
  double units = ldexp(1, format->mantissa_bits);
  uint32_t field = g == 0         ? 0
                   : exponent > 0 ? (uint32_t)((exponent - 1 + fraction) * units)
                                  : (uint32_t)(ldexp(fraction, exponent - 1) * units);
  *code = (uint16_t)(sign | field);
}
