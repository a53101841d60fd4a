#include "quant/digest.h"

#include "quant/base/size.h"

#include <math.h>

struct entry {
  float value;
  uint64_t count;
};

static int ascending(const void *a, const void *b)
{
  float x = ((const struct entry *)a)->value, y = ((const struct entry *)b)->value;
  return (x > y) - (x < y);
}

/* Room for ENTRIES of them. */
static struct digest *digest_make(size_t entries)
{
  struct digest *digest = mem_array(1, sizeof *digest);
  if (!digest)
    return NULL;
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
  struct entry *entries = mem_array(codes, sizeof *entries);
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
      entries[used++] = (struct entry){value[i], count[i]};
  }
  qsort(entries, used, sizeof *entries, ascending);
  for (size_t i = 0; i < used; i++)
    append(digest, entries[i].value, entries[i].count);
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
