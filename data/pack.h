/* Packed checkpoints: a layer's weight lies in the file as several tensors, codes and scales and
 * more. Each kind of packing is one row of pack_kinds (data/pack.c) and one file; it looks at the
 * parts of one weight and, when shapes and types fit together, offers the weight as a derived
 * tensor beside them, called as the model that was not quantized calls it. What does not fit stays
 * as it is, and the source's note says which part was expected and found.
 *
 * Shapes, types and the configuration decide; values are looked at only where a shape is stored as
 * a tensor, so that opening does not wait for the data. Inside data/ only.
 *
 * Ownership: the source owns everything. Threads: as source.h says. */
#ifndef QSCOPE_DATA_PACK_H
#define QSCOPE_DATA_PACK_H

#include "data/pack_config.h"
#include "data/source_types.h"

#include <endian.h>
#include <string.h>

#define NO_PART SIZE_MAX

enum pack_outcome {
  PACK_OTHER,  /* not of this kind */
  PACK_MADE,   /* `derived` and `tensor` are filled */
  PACK_MISFIT, /* of this kind, but its parts do not fit: `problem` says why */
  PACK_MEMORY,
};

struct named {
  const char *name;
  size_t index;
};

/* The parts of one weight, while they are looked at. */
struct pack {
  struct source *source;
  const struct pack_config *config;
  const struct named *by_name; /* the tensors of the file, in the order of their names */
  size_t stored;               /* how many they are */
  size_t anchor;               /* the tensor that shows the kind */
  const char *stem;            /* its name up to the kind's ending: "model.layers.0.q_proj." */
  size_t stem_length;
  char *scratch; /* for names */
  /* What a kind fills in. */
  const char *name;     /* behind the stem ("weight"), or NULL: the stem without its last sign */
  struct tensor tensor; /* shape and stored type */
  struct derived *derived;
  char remark[160];
  char problem[320];
};

struct pack_kind {
  const char *anchor; /* ending of a tensor's name, behind ".", ":" or "_" */
  enum pack_outcome (*match)(struct pack *pack);
};
/* Names for what is derived: they decode nothing and are no rows of stored_table. */
extern const struct stored pack_types[];
extern const size_t pack_types_length;

extern const struct pack_kind pack_kinds[];
extern const size_t pack_kinds_length;

/* Reads the configuration in the folder of PATH (a file in it, or a folder) and offers all that it
 * and the tensors of SOURCE describe. STATUS_MEMORY. */
enum status packs_open(const char *path, struct source *source, struct error *error);

/* Offers derived tensors for all packs of SOURCE, whose tensors are complete. CONFIG may be empty.
 * STATUS_MEMORY. */
enum status packs_offer(struct source *source, const struct pack_config *config,
                        struct error *error);

/* --- for the kinds ------------------------------------------------------------------------- */

/* The tensor called STEM + SUFFIX; with a NULL suffix, STEM without its last sign. NO_PART. */
size_t pack_part(struct pack *pack, const char *suffix);
const struct tensor *pack_tensor(const struct pack *pack, size_t part);

/* True when part is stored as one of TYPES (words, "i32 u32") in DIMS dimensions of the sizes that
 * follow (size_t; ANY_SIZE: any), in C order. Else says in `problem` what was expected. */
#define ANY_SIZE SIZE_MAX
bool pack_fits(struct pack *pack, size_t part, const char *types, unsigned dims, ...);
bool pack_is_one_of(const struct tensor *tensor, const char *types);

/* Says in `problem` what is wrong. */
enum pack_outcome pack_misfit(struct pack *pack, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A new derived tensor of SIZE bytes, freed with the source; NULL when memory runs out. */
void *pack_derive(struct pack *pack, size_t size,
                  void (*decode)(const struct derived *, size_t, size_t, float *));

/* Adds a part to it; its number. */
unsigned pack_add_part(struct pack *pack, size_t part);

/* Fills in the pack's tensor (TYPE is of pack_types, the first DIMS sizes of SHAPE) and remark.
 * PACK_MADE, or PACK_MISFIT for a type that is not known and for no elements or too many. */
enum pack_outcome pack_made(struct pack *pack, const char *type, const struct shape *shape,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The float that is element INDEX of a loaded part; the little-endian word at 4 * INDEX. */
float pack_float(const struct tensor *part, size_t index);
static inline uint32_t pack_word(const unsigned char *bytes, size_t index)
{
  uint32_t word;
  memcpy(&word, bytes + index * sizeof word, sizeof word);
  return le32toh(word);
}

/* Types of floats that scales are stored as. */
#define PACK_FLOATS "f16 bf16 f32 f64"

enum pack_outcome pack_gptq(struct pack *pack);
enum pack_outcome pack_awq(struct pack *pack);
enum pack_outcome pack_compressed(struct pack *pack);
enum pack_outcome pack_fp4(struct pack *pack);
enum pack_outcome pack_fp4_blocks(struct pack *pack);
enum pack_outcome pack_scaled(struct pack *pack);
enum pack_outcome pack_scaled_inverse(struct pack *pack);
enum pack_outcome pack_torchao(struct pack *pack);
enum pack_outcome pack_bnb_int8(struct pack *pack);
enum pack_outcome pack_bnb_nf4(struct pack *pack);
enum pack_outcome pack_bnb_fp4(struct pack *pack);
enum pack_outcome pack_mlx(struct pack *pack);
enum pack_outcome pack_mlx_fp4(struct pack *pack);

#endif
