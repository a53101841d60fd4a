#include "data/tensor_digest.h"

#include "data/map_range.h"
#include "quant/base/size.h"

#include <string.h>

/* Where codes repeat, neighbours are counted in tables of their own: a run of equal codes would
 * wait for its own last count to be stored. Elsewhere one table takes less of the cache: of
 * float16, whose values have some ten thousand codes, a sixth faster. */
enum {
  LANES = 2,
  WORD = 4,
  SAMPLED = 512,     /* codes of a chunk that are looked at */
  REPEATS = 16,      /* one of so many repeats: then codes repeat */
  STRETCH = 1 << 30, /* a 32-bit count holds these */
  AHEAD = 2048,      /* bytes that are asked for before they are counted: few loads fit between the
                        counts, so that hardly any would be under way */
};

struct counting {
  const struct tensor *tensor;
  struct progress *progress;
  size_t first, end; /* elements of this stretch */
  uint32_t *counts;  /* a table of codes for each worker and lane */
};

static size_t codes_of(const struct tensor *tensor)
{
  return (size_t)1 << 8 * tensor->stored->size;
}

bool tensor_has_digest(const struct tensor *tensor)
{
  return !tensor->derived && tensor_is_dense(tensor) && tensor->stored->length == 1 &&
         tensor->stored->size <= 2 && tensor->stored->decode && tensor->count > DIGEST_MOST;
}

static uint16_t word_at(const unsigned char *bytes, size_t i)
{
  uint16_t code;
  memcpy(&code, bytes + i * sizeof code, sizeof code);
  return code;
}

static bool words_repeat(const unsigned char *bytes, size_t n)
{
  size_t repeats = 0, sampled = size_min(n, SAMPLED);
  for (size_t i = 1; i < sampled; i++)
    repeats += word_at(bytes, i) == word_at(bytes, i - 1);
  return repeats > sampled / REPEATS;
}

/* Codes are read as the machine has its words; values_of knows. EVEN and ODD places may be counted
 * in the same table. */
static void count_words(const unsigned char *bytes, size_t n, uint32_t *even, uint32_t *odd)
{
  size_t i = 0;
  for (; i + WORD <= n; i += WORD) {
    uint64_t codes; /* taken apart in a register: the loads would take turns with the counts */
    memcpy(&codes, bytes + 2 * i, sizeof codes);
    __builtin_prefetch(bytes + 2 * i + AHEAD);
    even[codes & 0xFFFF]++;
    odd[codes >> 16 & 0xFFFF]++;
    even[codes >> 32 & 0xFFFF]++;
    odd[codes >> 48]++;
  }
  for (; i < n; i++)
    even[word_at(bytes, i)]++;
}

static void count_bytes(const unsigned char *bytes, size_t n, uint32_t *even, uint32_t *odd)
{
  size_t i = 0;
  for (; i + WORD <= n; i += WORD) {
    uint32_t codes;
    memcpy(&codes, bytes + i, sizeof codes);
    __builtin_prefetch(bytes + i + AHEAD);
    even[codes & 0xFF]++;
    odd[codes >> 8 & 0xFF]++;
    even[codes >> 16 & 0xFF]++;
    odd[codes >> 24]++;
  }
  for (; i < n; i++)
    even[bytes[i]]++;
}

static void count_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct counting *counting = context;
  size_t size = counting->tensor->stored->size;
  size_t start = counting->first + chunk * FEED_CHUNK;
  size_t n = size_min(FEED_CHUNK, counting->end - start);
  const unsigned char *bytes = counting->tensor->data + start * size;
  uint32_t *even = counting->counts + worker * codes_of(counting->tensor) * LANES;
  uint32_t *odd = even + codes_of(counting->tensor);
  if (size == 1)
    count_bytes(bytes, n, even, odd);
  else
    count_words(bytes, n, even, words_repeat(bytes, n) ? odd : even);
  map_passed(n * size);
  progress_advance(counting->progress, n);
}

/* Adds what the workers counted to TOTAL and clears it. */
static void collect(const struct counting *counting, size_t workers, uint64_t *total)
{
  size_t codes = codes_of(counting->tensor);
  for (size_t table = 0; table < workers * LANES; table++)
    for (size_t code = 0; code < codes; code++)
      total[code] += counting->counts[table * codes + code];
  memset(counting->counts, 0, workers * codes * LANES * sizeof *counting->counts);
}

static enum status count_all(struct counting *counting, size_t workers, uint64_t *total)
{
  enum status status = STATUS_OK;
  size_t count = counting->tensor->count;
  for (; counting->first < count && status == STATUS_OK; counting->first = counting->end) {
    counting->end = size_min(counting->first + STRETCH, count);
    size_t chunks = size_div_up(counting->end - counting->first, FEED_CHUNK);
    status = pool_for(chunks, count_chunk, counting, counting->progress);
    collect(counting, workers, total);
  }
  return status;
}

/* The value of every code, as count_words and count_bytes read it. */
static void values_of(const struct tensor *tensor, unsigned char *bytes, float *value)
{
  size_t codes = codes_of(tensor);
  for (size_t code = 0; code < codes; code++) {
    uint16_t word = (uint16_t)(tensor->swapped ? __builtin_bswap16((uint16_t)code) : code);
    if (tensor->stored->size == 2)
      memcpy(bytes + 2 * code, &word, sizeof word);
    else
      bytes[code] = (unsigned char)code;
  }
  tensor->stored->decode(bytes, codes, value);
}

static struct digest *make(const struct tensor *tensor, const uint64_t *total)
{
  unsigned char *bytes = mem_array(codes_of(tensor), tensor->stored->size);
  float *value = mem_array(codes_of(tensor), sizeof *value);
  struct digest *digest = NULL;
  if (bytes && value) {
    values_of(tensor, bytes, value);
    digest = digest_new(value, total, codes_of(tensor));
  }
  free(bytes);
  free(value);
  return digest;
}

enum status tensor_digest(const struct tensor *tensor, struct progress *progress,
                          struct digest **out, struct error *error)
{
  size_t codes = codes_of(tensor);
  size_t workers = size_min(pool_threads(), size_div_up(tensor->count, FEED_CHUNK));
  struct counting counting = {.tensor = tensor,
                              .progress = progress,
                              .counts = mem_array(workers, codes * LANES * sizeof(uint32_t))};
  uint64_t *total = mem_array(codes, sizeof *total);
  enum status status = counting.counts && total ? STATUS_OK : STATUS_MEMORY;
  progress_expect(progress, tensor->count);
  if (status == STATUS_OK)
    status = count_all(&counting, workers, total);
  if (status == STATUS_OK && !(*out = make(tensor, total)))
    status = STATUS_MEMORY;
  free(counting.counts);
  free(total);
  if (status == STATUS_MEMORY)
    return error_memory(error, "the digest of the tensor");
  return status == STATUS_OK ? status : error_set(error, status, "cancelled");
}
