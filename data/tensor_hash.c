#include "data/tensor_hash.h"

#include "data/map_range.h"
#include "data/source_types.h"
#include "quant/base/size.h"
#include "quant/base/xxh64.h"

#include <string.h>

enum { PIECE = 1 << 20 }; /* bytes between two looks at the cancel flag */

/* A copy in C order may have taken their place: whether there is one depends on the memory. */
static const unsigned char *bytes_in_file(const struct source *source, size_t index)
{
  const unsigned char *copy = straight_before(source, index);
  return copy ? copy : source->tensors[index].data;
}

static bool add_bytes(struct xxh64 *hash, const unsigned char *bytes, const struct tensor *tensor,
                      struct progress *progress)
{
  size_t told = 0;
  for (size_t at = 0, taken; at < tensor->bytes; at += taken) {
    taken = size_min(tensor->bytes - at, PIECE);
    if (progress_cancelled(progress))
      return false;
    xxh64_add(hash, bytes + at, taken);
    map_passed(taken);
    size_t done = (size_t)((double)tensor->count * ((double)(at + taken) / (double)tensor->bytes));
    progress_advance(progress, done - told);
    told = done;
  }
  return true;
}

static void add_values(struct xxh64 *hash, const float *values, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    uint32_t word;
    memcpy(&word, &values[i], sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    xxh64_add(hash, &word, sizeof word);
  }
}

static bool add_elements(struct xxh64 *hash, const struct tensor *tensor, struct progress *progress)
{
  float scratch[FEED_BLOCK];
  const struct feed feed = tensor_feed(tensor);
  for (size_t at = 0, taken; at < feed.count; at += taken) {
    taken = size_min(feed.count - at, FEED_BLOCK);
    if (progress_cancelled(progress))
      return false;
    add_values(hash, feed_block(&feed, at, taken, scratch), taken);
    progress_advance(progress, taken);
  }
  return true;
}

static bool add_stored(struct xxh64 *hash, const struct source *source, size_t index,
                       struct progress *progress)
{
  const struct tensor *tensor = &source->tensors[index];
  return tensor_is_dense(tensor) ? add_bytes(hash, bytes_in_file(source, index), tensor, progress)
                                 : add_elements(hash, tensor, progress);
}

static bool add_tensor(struct xxh64 *hash, const struct source *source, size_t index,
                       struct progress *progress)
{
  const struct derived *derived = source->tensors[index].derived;
  if (derived && source->base) /* its parts are not in this source */
    return add_elements(hash, &source->tensors[index], progress);
  bool good = true;
  for (unsigned i = 0; derived && i < derived->parts && good; i++)
    good = add_stored(hash, source, derived->part[i].index, progress);
  return derived ? good : add_stored(hash, source, index, progress);
}

enum status tensor_hash(struct source *source, size_t index, struct progress *progress,
                        uint64_t *out, struct error *error)
{
  struct xxh64 hash;
  enum status status = source_load(source, index, progress, error);
  if (status != STATUS_OK)
    return status;
  xxh64_init(&hash);
  if (!add_tensor(&hash, source, index, progress))
    return error_set(error, STATUS_CANCELLED, "cancelled");
  *out = xxh64_value(&hash);
  return source_verify(source, error);
}
