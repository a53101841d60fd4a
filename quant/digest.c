#include "quant/digest.h"

#include "quant/base/size.h"
#include "quant/kernels/lanes.h"

#include <math.h>

struct entry {
  uint32_t key; /* ordered as the values are */
  float value;
  uint64_t count;
};

enum { DIGITS = 3, DIGIT_BITS = 11, BUCKETS = 1 << DIGIT_BITS };

/* One pass of a radix sort: stable by digit DIGIT of the key. */
static void sort_digit(const struct entry *from, struct entry *to, size_t n, unsigned digit)
{
  size_t start[BUCKETS + 1] = {0};
  unsigned shift = digit * DIGIT_BITS;
  for (size_t i = 0; i < n; i++)
    start[(from[i].key >> shift & (BUCKETS - 1)) + 1]++;
  for (size_t bucket = 0; bucket < BUCKETS; bucket++)
    start[bucket + 1] += start[bucket];
  for (size_t i = 0; i < n; i++)
    to[start[from[i].key >> shift & (BUCKETS - 1)]++] = from[i];
}

/* Sorts the N entries at ENTRIES, which has room for twice as many; where they are then. */
static const struct entry *sort(struct entry *entries, size_t n)
{
  struct entry *from = entries, *to = entries + n;
  for (unsigned digit = 0; digit < DIGITS; digit++) {
    sort_digit(from, to, n, digit);
    struct entry *kept = from;
    from = to;
    to = kept;
  }
  return from;
}

/* Room for ENTRIES of them. */
static struct digest *digest_make(size_t entries)
{
  struct digest *digest = mem_array(1, sizeof *digest);
  if (!digest)
    return NULL;
  digest->room = entries;
  digest->values = mem_array(entries, sizeof *digest->values);
  digest->counts = mem_array(entries, sizeof *digest->counts);
  if (digest->values && digest->counts)
    return digest;
  digest_free(digest);
  return NULL;
}

void digest_free(struct digest *digest)
{
  if (!digest)
    return;
  free(digest->values);
  free(digest->counts);
  free(digest);
}

size_t digest_bytes(const struct digest *digest)
{
  return sizeof *digest + digest->room * (sizeof *digest->values + sizeof *digest->counts);
}

/* VALUE is no less than all before it. */
static void append(struct digest *digest, float value, uint64_t count)
{
  size_t last = digest->distinct - 1;
  digest->finite += count;
  if (digest->distinct > 0 && digest->values[last] == value) {
    digest->counts[last] += count;
    return;
  }
  digest->values[digest->distinct] = value + 0.0f; /* a zero is +0 */
  digest->counts[digest->distinct++] = count;
}

struct digest *digest_new(const float *value, const uint64_t *count, size_t codes)
{
  struct digest *digest = digest_make(codes);
  struct entry *entries = mem_array(codes, 2 * sizeof *entries);
  size_t used = 0;
  if (!digest || !entries) {
    digest_free(digest);
    free(entries);
    return NULL;
  }
  for (size_t i = 0; i < codes; i++) {
    if (isnan(value[i]))
      digest->nan += count[i];
    else if (isinf(value[i]))
      digest->inf += count[i];
    else if (count[i] > 0)
      entries[used++] =
          (struct entry){(uint32_t)float_key(value[i]) ^ 0x80000000U, value[i], count[i]};
  }
  const struct entry *sorted = sort(entries, used);
  for (size_t i = 0; i < used; i++)
    append(digest, sorted[i].value, sorted[i].count);
  free(entries);
  return digest;
}

struct digest *digest_merge(const struct digest *a, const struct digest *b)
{
  struct digest *sum = digest_make(a->distinct + b->distinct);
  if (!sum)
    return NULL;
  for (size_t i = 0, j = 0; i < a->distinct || j < b->distinct;) {
    bool first = j == b->distinct || (i < a->distinct && a->values[i] <= b->values[j]);
    append(sum, first ? a->values[i] : b->values[j], first ? a->counts[i] : b->counts[j]);
    *(first ? &i : &j) += 1;
  }
  sum->nan = a->nan + b->nan;
  sum->inf = a->inf + b->inf;
  if (sum->distinct <= DIGEST_MOST)
    return sum;
  digest_free(sum);
  return NULL;
}
