/* Block codecs: the formats that bring their own blocks (MX, NVFP4, the ggml types).
 *
 * A codec turns rows of float32 into packed bytes, exactly as the reference stores them, and
 * packed bytes back into codes, scales and values. The bytes are the truth: a fit of such a
 * format is the packed tensor, and everything else (reconstruction, codes, bounds, levels, the
 * block inspector) is read from them. Blocks lie along the last axis; a row that the block does
 * not divide is padded with zeros where the format allows it. One row in a family's table and
 * one file for the family. Ownership: codecs borrow; tables are constant. Threads: codecs keep
 * no state. */
#ifndef QSCOPE_QUANT_BLOCK_H
#define QSCOPE_QUANT_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  BLOCK_MOST = 256,       /* elements of the largest block */
  BLOCK_SUBS_MOST = 16,   /* sub-blocks of the largest block */
  BLOCK_BYTES_MOST = 512, /* packed bytes of the largest block, and some */
  BLOCK_NOTES_MOST = 4,   /* numbers of a block that stand above its sub-blocks */
};

/* Tensor-wide constants of one fit. */
struct block_setting {
  size_t length;      /* elements of a block when the spec chose them; 0: the codec's */
  float tensor_scale; /* NVFP4: the float32 scale above the block scales */
  int rule, variant;  /* choices of the spec: which of the codec's rules, variants */
  bool four_over_six; /* NVFP4: the largest of a block becomes 6 or 4, whichever errs less */
  int rounding;       /* enum rounding; ROUND_EVEN unless the spec says otherwise */
};

/* A stored number above the sub-blocks, for the inspector: "d", its value, its bits. */
struct block_note {
  const char *name; /* "d", "dmin", "shared exponent" */
  const char *type; /* "float16", "e8m0", "ue4m3" */
  float value;
  uint32_t bits;
};

/* One block taken apart: y = scale * levels[code] (+ offset), in float32, in this order. */
struct block_parts {
  uint8_t code[BLOCK_MOST];
  float scale[BLOCK_SUBS_MOST];
  float offset[BLOCK_SUBS_MOST];                                   /* used when has_offset */
  int32_t sub_scale[BLOCK_SUBS_MOST], sub_offset[BLOCK_SUBS_MOST]; /* as stored: 6-bit, 4-bit ... */
  bool has_offset;
  const float *levels; /* value of each code at scale 1; level_count of them; constant */
  size_t level_count;
  struct block_note note[BLOCK_NOTES_MOST];
  size_t notes;
};

struct block_codec {
  const char *name;  /* of the format row: "q4_k" */
  size_t length;     /* elements of a block */
  size_t bytes;      /* packed bytes of a block */
  size_t sub_length; /* elements that share a scale: length / sub_length sub-blocks */
  bool pads;         /* ragged rows are padded by the format itself (MX); else refused (ggml) */
  bool takes_importance;
  /* The levels that encode makes go from least to most; both 0: all of them. */
  float least, most;
  /* What the spec may choose; NULL or false where the format fixes it. The lists end with NULL and
   * begin with the default. */
  const char *const *rules, *const *variants; /* scale-rule=, variant= */
  bool resizes;                               /* block=N: see block_resized */
  bool rounds;                                /* round=away, round=zero */
  bool four_over_six;
  /* The tensor's scale from its largest finite magnitude, 0 where the variant has none; NULL: there
   * is never one. */
  float (*tensor_scale)(const struct block_setting *setting, float absmax);
  /* Packs a row of n elements (a multiple of length; the caller has padded). IMPORTANCE has n
   * weights (>= 0) or is NULL; codecs that do not take it ignore it. Any x is defined: NaN and
   * infinities give some bytes, the same on every machine. SCRATCH-free; may be called from many
   * threads. NULL: decoding only. */
  void (*encode)(const struct block_setting *setting, const float *x, const float *importance,
                 size_t n, unsigned char *packed);
  /* Takes one packed block apart. NULL for the types that are no scale times level. */
  void (*take_apart)(const struct block_setting *setting, const unsigned char *packed,
                     struct block_parts *parts);
  /* Values of BLOCKS packed blocks, length * blocks of them: the fast path of the reconstruction,
   * bit-identical to take_apart. Any bytes are defined. */
  void (*decode)(const struct block_setting *setting, const unsigned char *packed, size_t blocks,
                 float *y);
};

/* CODEC with blocks of LENGTH elements (a multiple of 4 up to BLOCK_MOST; the codec resizes, so it
 * has one sub-block). */
struct block_codec block_resized(const struct block_codec *codec, size_t length);

/* y of a block from its parts. */
void block_values(const struct block_codec *codec, const struct block_parts *parts, float *y);

/* Values of CODEC's codes at scale 1, code by code: *count of them, some perhaps not finite. */
const float *block_levels(const struct block_codec *codec, size_t *count);

/* True when CODEC makes LEVEL, one of block_levels. */
bool block_makes(const struct block_codec *codec, float level);

/* The codec called NAME, compiled for the instruction set in use (see kernels_init), or NULL. */
const struct block_codec *block_codec_find(const char *name);

/* All codecs in the order of their families: entry INDEX, or NULL after the last one. */
const struct block_codec *block_codec_at(size_t index);

/* The same for one level of kernels_available, so that tests and the benchmark can compare. */
struct kernels;
const struct block_codec *block_codec_of(const struct kernels *kernels, size_t index);

/* -128 .. 127: the levels of codecs whose codes are whole numbers; see BLOCK_LEVELS. */
extern const float block_whole_numbers[256];

/* Levels of the codes 0, 1, 2 ... when code ZERO has the value 0. */
#define BLOCK_LEVELS(zero) (block_whole_numbers + 128 - (zero))

#endif
