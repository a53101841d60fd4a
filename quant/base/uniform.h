/* Random numbers that need no state: the same seed and index give the same number, in any order and
 * on any thread.
 *
 * Ownership: none. Threads: any. */
#ifndef QSCOPE_QUANT_BASE_UNIFORM_H
#define QSCOPE_QUANT_BASE_UNIFORM_H

#include <stdint.h>

/* A number in [0, 1) from SEED and INDEX: the finalizer of SplitMix64 over a Weyl sequence
 * (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
static inline double uniform_at(uint64_t seed, uint64_t index)
{
  uint64_t z = seed * 0xd1342543de82ef95u + (index + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return (double)(z >> 11) * 0x1p-53;
}

#endif
