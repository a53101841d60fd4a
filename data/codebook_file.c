#include "data/codebook_file.h"

#include "data/source.h"
#include "quant/base/size.h"
#include "quant/codebook.h"

static enum status read_tensor(struct source *source, float **levels, size_t *count,
                               struct error *error)
{
  size_t index;
  enum status status = source_find(source, NULL, &index, error);
  if (status == STATUS_OK)
    status = source_load(source, index, NULL, error);
  if (status != STATUS_OK)
    return status;
  const struct tensor *tensor = source_tensor(source, index);
  if (tensor->count > CODEBOOK_MOST)
    return error_set(error, STATUS_INPUT, "%zu levels: a codebook has %d to %d", tensor->count,
                     CODEBOOK_LEAST, CODEBOOK_MOST);
  struct feed feed = tensor_feed(tensor);
  *count = tensor->count;
  *levels = mem_array(tensor->count, sizeof **levels);
  if (!*levels)
    return error_memory(error, "the codebook");
  float scratch[FEED_BLOCK];
  for (size_t start = 0; start < *count; start += FEED_BLOCK) {
    size_t n = size_min(FEED_BLOCK, *count - start);
    const float *x = feed_block(&feed, start, n, scratch);
    for (size_t i = 0; i < n; i++)
      (*levels)[start + i] = x[i];
  }
  return source_verify(source, error);
}

enum status codebook_read_file(const char *file, float **levels, size_t *count, struct error *error)
{
  struct source *source;
  enum status status = source_open(file, &source, error);
  *levels = NULL;
  if (status != STATUS_OK)
    return status;
  status = read_tensor(source, levels, count, error);
  source_close(source);
  return status;
}
