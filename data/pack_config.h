/* What the configuration beside a model says about its quantization: config.json's
 * quantization_config (or compression_config, or MLX's quantization), quantize_config.json,
 * quant_config.json, hf_quant_config.json.
 *
 * Ownership: pack_config_free releases what pack_config_read fills. Threads: no state. */
#ifndef QSCOPE_DATA_PACK_CONFIG_H
#define QSCOPE_DATA_PACK_CONFIG_H

#include "quant/base/status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct source;

/* Zero, false, empty: not said. */
struct pack_config {
  char method[32]; /* "gptq", "awq", "compressed-tensors", "bitsandbytes", "fp8", "mlx" ... */
  char format[40]; /* GPTQ's checkpoint_format, AWQ's version, format of compressed-tensors */
  size_t bits, group;
  size_t block[2]; /* of fp8 with a scale for each block */
  json_t *json;    /* the object that says so, or NULL */
};

/* Reads what lies in PATH, a folder, or beside it, a file; tells it as metadata of SOURCE, and adds
 * a note. A file that cannot be read, or is no JSON, is a note too. STATUS_MEMORY. */
enum status pack_config_read(const char *path, struct source *source, struct pack_config *config,
                             struct error *error);
void pack_config_free(struct pack_config *config);

/* The whole number under KEY of OBJECT, from 1 to 2^31 - 1; 0 when there is none. */
size_t pack_config_size(const json_t *object, const char *key);

#endif
