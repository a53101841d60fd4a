#include "analysis/reconstruction.h"

static void decode_quantized(const void *self, size_t start, size_t n, float *out)
{
  const struct reconstruction *r = self;
  float scratch[FEED_BLOCK];
  const float *z = feed_block(&r->z, start, n, scratch);
  if (!fit_part_round_trip(r->fit, &r->z, start, n, z, out))
    atomic_store(r->failure, true);
}

enum status reconstruction_open(const struct tensor *tensor, const struct fit *fit,
                                struct progress *progress, struct reconstruction *out,
                                struct error *error)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  *out = (struct reconstruction){.z = tensor_feed(tensor), .fit = fit, .failure = &out->failed};
  const struct feed quantized = {.count = tensor->count, .self = out, .decode = decode_quantized};
  out->x = transformed ? transformed->feed : out->z;
  out->y = quantized;
  if (!transformed)
    return STATUS_OK;
  enum status status = way_back_open(transformed, &quantized, progress, &out->back, error);
  out->y = out->back.feed;
  return status;
}

enum status reconstruction_check(const struct reconstruction *reconstruction, enum status status,
                                 struct error *error)
{
  bool failed = status == STATUS_OK && atomic_load(&reconstruction->failed);
  return failed ? error_memory(error, "the reconstruction") : status;
}

void reconstruction_close(struct reconstruction *reconstruction)
{
  way_back_close(&reconstruction->back);
}
