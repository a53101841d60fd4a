/* Integer formats, and rounding in all its modes. */
#include "quant/rounding.h"

#include <math.h>

/* A number in [0, 1) from seed and index: the finalizer of SplitMix64 over a Weyl sequence
 * (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
static double uniform_at(uint64_t seed, uint64_t index)
{
  uint64_t z = seed * 0xd1342543de82ef95u + (index + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return (double)(z >> 11) * 0x1p-53;
}

double round_to_whole(double v, struct rounding_rule rule, size_t index)
{
  switch (rule.mode) {
  case ROUND_EVEN:
    return nearbyint(v);
  case ROUND_AWAY:
    return round(v);
  case ROUND_ZERO:
    return trunc(v);
  case ROUND_STOCHASTIC:
    break;
  }
  double below = floor(v);
  return v == below ? v : below + (uniform_at(rule.seed, index) < v - below);
}

float integer_round_any(float x, struct integer_unit unit, struct rounding_rule rule, size_t index)
{
  float v = x / unit.scale;
  v = unit.lo > v ? unit.lo : v;
  v = unit.hi < v ? unit.hi : v;
  return (float)round_to_whole((double)v, rule, index) + 0.0f;
}

float integer_value_any(float x, struct integer_unit unit, struct rounding_rule rule, size_t index,
                        uint16_t *code)
{
  float r = integer_round_any(x, unit, rule, index);
  if (code)
    *code = (uint16_t)((isnan(r) ? 0.0f : r) - unit.lo);
  return r * unit.scale;
}
