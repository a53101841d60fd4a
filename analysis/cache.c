#include "analysis/cache.h"

#include "quant/base/size.h"

#include <math.h>

/* In a ring through the cache's own `ends`: ends.next is the newest, ends.previous the oldest. */
enum holds { HOLDS_KNOWN, HOLDS_RESULT, HOLDS_METRICS };

struct entry {
  struct entry *next, *previous;
  size_t bytes;
  uint64_t source;
  size_t tensor;
  enum holds holds;
  struct quantizer quantizer; /* of a result, of metrics */
  struct result *result;
  struct result_request request; /* of the result */
  struct metrics metrics;
  struct known known;
};

struct cache {
  struct entry ends;
  size_t most, bytes;
};

struct cache *cache_new(size_t bytes)
{
  struct cache *cache = mem_array(1, sizeof *cache);
  if (!cache)
    return NULL;
  cache->ends.next = cache->ends.previous = &cache->ends;
  cache->most = bytes;
  return cache;
}

static void unlink_entry(struct entry *entry)
{
  entry->next->previous = entry->previous;
  entry->previous->next = entry->next;
}

static void make_newest(struct cache *cache, struct entry *entry)
{
  entry->next = cache->ends.next;
  entry->previous = &cache->ends;
  entry->next->previous = cache->ends.next = entry;
}

static void drop(struct cache *cache, struct entry *entry)
{
  unlink_entry(entry);
  cache->bytes -= entry->bytes;
  result_free(entry->result);
  known_free(&entry->known);
  free(entry);
}

static void drop_oldest(struct cache *cache)
{
  while (cache->bytes > cache->most)
    drop(cache, cache->ends.previous);
}

void cache_free(struct cache *cache)
{
  if (!cache)
    return;
  cache_set_most(cache, 0);
  free(cache);
}

void cache_set_most(struct cache *cache, size_t bytes)
{
  cache->most = bytes;
  drop_oldest(cache);
}

size_t cache_bytes(const struct cache *cache)
{
  return cache->bytes;
}

static void add(struct cache *cache, struct entry *entry)
{
  cache->bytes += entry->bytes;
  make_newest(cache, entry);
  drop_oldest(cache);
}

/* --- results ------------------------------------------------------------------------------ */

static bool same_number(double a, double b)
{
  return a == b || (isnan(a) && isnan(b));
}

/* True when what was computed for HAVE is what WANTED asks for, or more. */
static bool serves(const struct result_request *have, const struct result_request *wanted)
{
  return have->axis == wanted->axis && have->bins == wanted->bins &&
         same_number(have->lo, wanted->lo) && same_number(have->hi, wanted->hi) &&
         have->no_errors <= wanted->no_errors && have->errors_only <= wanted->errors_only &&
         have->details == wanted->details && have->blocks >= wanted->blocks &&
         have->calibrated.batching.on == wanted->calibrated.batching.on &&
         have->calibrated.batching.axis == wanted->calibrated.batching.axis;
}

static bool can_be_kept(const struct result_request *request)
{
  return !request->board && !request->checks && !request->heat.down && !request->calibrated.on;
}

static bool is_of(const struct entry *entry, uint64_t source, size_t tensor)
{
  return entry->source == source && entry->tensor == tensor;
}

static struct entry *find_result(struct cache *cache, uint64_t source, size_t tensor,
                                 const struct quantizer *quantizer,
                                 const struct result_request *request)
{
  struct entry *entry = cache->ends.next;
  for (; entry != &cache->ends; entry = entry->next)
    if (is_of(entry, source, tensor) && entry->holds == HOLDS_RESULT &&
        serves(&entry->request, request) && quantizer_equal(&entry->quantizer, quantizer))
      return entry;
  return NULL;
}

void cache_keep_result(struct cache *cache, uint64_t source, size_t tensor,
                       const struct quantizer *quantizer, const struct result_request *request,
                       const struct result *result)
{
  size_t bytes = sizeof(struct entry) + result_bytes(result);
  if (result->partial || !can_be_kept(request) || bytes > cache->most ||
      find_result(cache, source, tensor, quantizer, request))
    return;
  struct entry *entry = mem_array(1, sizeof *entry);
  struct result *copy = entry ? result_copy(result) : NULL;
  if (!copy) {
    free(entry);
    return;
  }
  *entry = (struct entry){.bytes = bytes,
                          .source = source,
                          .tensor = tensor,
                          .holds = HOLDS_RESULT,
                          .result = copy,
                          .quantizer = *quantizer,
                          .request = *request};
  entry->request.facts = NULL; /* the asker's */
  entry->request.digest = NULL;
  add(cache, entry);
}

struct result *cache_find_result(struct cache *cache, uint64_t source, size_t tensor,
                                 const struct quantizer *quantizer,
                                 const struct result_request *request)
{
  struct entry *entry =
      can_be_kept(request) ? find_result(cache, source, tensor, quantizer, request) : NULL;
  if (!entry)
    return NULL;
  unlink_entry(entry);
  make_newest(cache, entry);
  return result_copy(entry->result);
}

/* --- metrics alone ------------------------------------------------------------------------ */

/* Exact ones, of the tensor calibrated on itself. */
static const struct metrics *metrics_of(const struct entry *entry)
{
  bool result = entry->holds == HOLDS_RESULT && !entry->result->estimated &&
                !entry->request.calibrated.batching.on;
  return result ? &entry->result->metrics : entry->holds == HOLDS_METRICS ? &entry->metrics : NULL;
}

bool cache_find_metrics(struct cache *cache, uint64_t source, size_t tensor,
                        const struct quantizer *quantizer, struct metrics *out)
{
  struct entry *entry = cache->ends.next;
  while (entry != &cache->ends && !(is_of(entry, source, tensor) && metrics_of(entry) &&
                                    quantizer_equal(&entry->quantizer, quantizer)))
    entry = entry->next;
  if (entry == &cache->ends)
    return false;
  *out = *metrics_of(entry);
  unlink_entry(entry);
  make_newest(cache, entry);
  return true;
}

void cache_keep_metrics(struct cache *cache, uint64_t source, size_t tensor,
                        const struct quantizer *quantizer, const struct metrics *metrics)
{
  struct entry *entry = sizeof *entry <= cache->most ? mem_array(1, sizeof *entry) : NULL;
  if (!entry)
    return;
  *entry = (struct entry){.bytes = sizeof *entry,
                          .source = source,
                          .tensor = tensor,
                          .holds = HOLDS_METRICS,
                          .quantizer = *quantizer,
                          .metrics = *metrics};
  add(cache, entry);
}

/* --- what is known of a tensor ---------------------------------------------------------------- */

void known_free(struct known *known)
{
  digest_free(known->digest);
  high_digest_free(known->high);
  histogram_free(&known->original);
  *known = (struct known){.digest = NULL};
}

/* An entry for KNOWN of at most MOST bytes; KNOWN is freed where there is none. */
static struct entry *entry_of_known(size_t most, uint64_t source, size_t tensor,
                                    const struct known *known)
{
  struct known lost = *known;
  size_t bytes = sizeof(struct entry) + (known->digest ? digest_bytes(known->digest) : 0) +
                 (known->high ? high_digest_bytes(known->high) : 0) +
                 known->original.bins * sizeof *known->original.count;
  struct entry *entry = bytes <= most ? mem_array(1, sizeof *entry) : NULL;
  if (entry)
    *entry = (struct entry){.bytes = bytes, .source = source, .tensor = tensor, .known = *known};
  else
    known_free(&lost);
  return entry;
}

void cache_keep_known(struct cache *cache, uint64_t source, size_t tensor,
                      const struct known *known)
{
  struct entry *entry = entry_of_known(cache->most, source, tensor, known);
  if (entry)
    add(cache, entry);
}

void cache_offer_known(struct cache *cache, uint64_t source, size_t tensor,
                       const struct known *known)
{
  struct entry *entry = entry_of_known(cache->most - cache->bytes, source, tensor, known);
  if (!entry)
    return;
  cache->bytes += entry->bytes;
  entry->next = &cache->ends;
  entry->previous = cache->ends.previous;
  entry->previous->next = cache->ends.previous = entry;
}

bool cache_take_known(struct cache *cache, uint64_t source, size_t tensor, struct known *known)
{
  struct entry *entry = cache->ends.next;
  while (entry != &cache->ends && (!is_of(entry, source, tensor) || entry->holds != HOLDS_KNOWN))
    entry = entry->next;
  if (entry == &cache->ends)
    return false;
  *known = entry->known;
  entry->known = (struct known){.digest = NULL};
  drop(cache, entry);
  return true;
}
