/* What a tensor is called elsewhere: Hugging Face's names of a model's parts, and those that GGUF
 * has for the same.
 *
 * GGUF's names are the common ones: two names mean the same tensor when they are equal, or when
 * the GGUF names of the one hold a GGUF name of the other (a GGUF name stands for itself). Both
 * come from a table (data/rename.c); rules of the user come before it.
 *
 * Ownership: texts go to the caller's buffers. Threads: no state. */
#ifndef QSCOPE_DATA_RENAME_H
#define QSCOPE_DATA_RENAME_H

#include "quant/base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum {
  RENAME_TEXT = 256, /* longer names are nobody's parts of a model */
  RENAME_MOST = 4,   /* GGUF names of one name */
};

/* The GGUF names that NAME may stand for, the likeliest first, into ALIAS; how many. None for a
 * name that the table does not know, and for one that is GGUF's own.
 *
 *   model.layers.7.self_attn.q_proj.weight   blk.7.attn_q.weight
 *   model.embed_tokens.weight                token_embd.weight
 *   layers.7.post_attention_layernorm.weight blk.7.post_attention_norm.weight,
 * blk.7.ffn_norm.weight
 *
 * A model has several for one name because architectures differ: take the first that is there. */
size_t rename_aliases(const char *name, char alias[RENAME_MOST][RENAME_TEXT]);

/* A rule of the user, "FROM=TO": a name that fits FROM as a whole becomes TO. A star in FROM
 * stands for any characters, and the n-th star of TO for what the n-th of FROM stood for:
 * "encoder.*.w=blk.*.weight". */
struct rename_rule {
  const char *text; /* borrowed */
};

/* STATUS_USAGE when TEXT has no "=", nothing before it, or more stars behind it. */
enum status rename_rule_parse(const char *text, struct rename_rule *out, struct error *error);

/* What the first of COUNT rules that fits makes of NAME, into TEXT. False when none fits, or the
 * new name is longer than SIZE - 1. */
bool rename_apply(const struct rename_rule *rule, size_t count, const char *name, char *text,
                  size_t size);

#endif
