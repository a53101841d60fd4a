/* Copies of results, and what they weigh. */
#include "analysis/result.h"

#include "quant/base/size.h"

#include <string.h>

/* COUNT things at ARRAY again, NULL where there are none; clears *made when memory runs out. */
static void *copy_of(const void *array, size_t count, size_t size, bool *made)
{
  if (!array)
    return NULL;
  void *copy = mem_array(count, size);
  if (copy)
    memcpy(copy, array, count * size);
  else
    *made = false;
  return copy;
}

static struct histogram copy_histogram(const struct histogram *from, bool *made)
{
  struct histogram copy = *from;
  copy.count = copy_of(from->count, from->bins, sizeof *from->count, made);
  return copy;
}

static struct channels copy_channels(const struct channels *from, bool *made)
{
  struct channels copy = *from;
  copy.channel = copy_of(from->channel, from->count, sizeof *from->channel, made);
  copy.by_ratio = copy_of(from->by_ratio, from->count, sizeof *from->by_ratio, made);
  return copy;
}

static struct inspect_errors *copy_blocks(const struct inspect_errors *from, bool *made)
{
  struct inspect_errors *copy = copy_of(from, 1, sizeof *from, made);
  if (copy)
    copy->error2 = copy_of(from->error2, from->count, sizeof *from->error2, made);
  return copy;
}

struct result *result_copy(const struct result *result)
{
  bool made = true;
  size_t bins = result->original.bins;
  struct result *copy = copy_of(result, 1, sizeof *result, &made);
  if (!copy)
    return NULL;
  copy->original = copy_histogram(&result->original, &made);
  copy->reconstruction = copy_histogram(&result->reconstruction, &made);
  copy->error = copy_histogram(&result->error, &made);
  copy->error_mean = copy_of(result->error_mean, bins, sizeof *result->error_mean, &made);
  copy->error_max = copy_of(result->error_max, bins, sizeof *result->error_max, &made);
  copy->error2 = copy_of(result->error2, bins, sizeof *result->error2, &made);
  copy->channels = copy_channels(&result->channels, &made);
  copy->fit = result->fit ? fit_share(result->fit) : NULL;
  copy->blocks = copy_blocks(result->blocks, &made);
  copy->board = NULL;
  copy->heat = NULL;
  copy->checks = NULL;
  copy->sweep = NULL;
  if (made)
    return copy;
  result_free(copy);
  return NULL;
}

size_t result_bytes(const struct result *result)
{
  size_t bins = result->original.bins, errors = result->error.bins,
         channels = result->channels.count;
  size_t blocks = result->blocks ? result->blocks->count : 0;
  return sizeof *result + bins * 2 * sizeof(uint64_t) +
         errors * (sizeof(uint64_t) + 3 * sizeof(double)) +
         channels * (sizeof(struct channel) + sizeof(size_t)) + blocks * sizeof(double) +
         (result->fit ? fit_bytes(result->fit) : 0);
}

void result_keep_channels(struct result *partial, const struct result *earlier)
{
  bool made = true;
  struct channels kept = copy_channels(&earlier->channels, &made);
  if (!made) {
    free(kept.channel);
    free(kept.by_ratio);
    return;
  }
  free(partial->channels.channel);
  free(partial->channels.by_ratio);
  kept.share_scales = kept.count > 1; /* partial: one scale serves all */
  partial->channels = kept;
}
