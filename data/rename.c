#include "config.h"

#include "data/rename.h"

#include "quant/base/size.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* --- the table ------------------------------------------------------------------------------ */

/* A part of a model outside its layers, and GGUF's name of it. Both without ".weight", ".bias". */
struct part {
  const char *name, *gguf;
};

static const struct part parts[] = {
    {"embed_tokens", "token_embd"},
    {"decoder.embed_tokens", "token_embd"},
    {"tok_embeddings", "token_embd"},
    {"wte", "token_embd"},
    {"embed_in", "token_embd"},
    {"word_embeddings", "token_embd"},
    {"embeddings.word_embeddings", "token_embd"},
    {"embedding.word_embeddings", "token_embd"},
    {"embeddings.tok_embeddings", "token_embd"},
    {"shared", "token_embd"},
    {"word_embeddings_layernorm", "token_embd_norm"},
    {"embeddings.LayerNorm", "token_embd_norm"},
    {"embeddings.norm", "token_embd_norm"},
    {"embed_positions", "position_embd"},
    {"decoder.embed_positions", "position_embd"},
    {"wpe", "position_embd"},
    {"embeddings.position_embeddings", "position_embd"},
    {"embeddings.token_type_embeddings", "token_types"},
    {"norm", "output_norm"},
    {"final_norm", "output_norm"},
    {"ln_f", "output_norm"},
    {"final_layernorm", "output_norm"},
    {"final_layer_norm", "output_norm"},
    {"encoder.final_layernorm", "output_norm"},
    {"encoder.final_layer_norm", "enc.output_norm"},
    {"decoder.final_layer_norm", "dec.output_norm"},
    {"decoder.final_layer_norm", "output_norm"},
    {"lm_head", "output"},
    {"output_layer", "output"},
    {"embed_out", "output"},
    {"pooler.dense", "cls"},
    {"classifier", "cls"},
    {"classifier.dense", "cls"},
    {"classifier.out_proj", "cls.output"},
};

/* A part of a layer, behind its number. An "#" stands for the number of an expert. A name with
 * two rows may be either; the one of fewer architectures is first. */
static const struct part layer_parts[] = {
    /* LLaMA, Mistral, Qwen, Gemma, Phi-3, OPT */
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.out_proj", "attn_output"},
    {"self_attn.dense", "attn_output"},
    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.query_key_value", "attn_qkv"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"self_attn.q_layernorm", "attn_q_norm"},
    {"self_attn.k_layernorm", "attn_k_norm"},
    {"self_attn.sinks", "attn_sinks"},
    {"self_attn.rotary_emb.inv_freq", "attn_rot_embd"},
    {"self_attn.q_a_proj", "attn_q_a"},
    {"self_attn.q_b_proj", "attn_q_b"},
    {"self_attn.q_a_layernorm", "attn_q_a_norm"},
    {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
    {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
    {"self_attn.kv_b_proj", "attn_kv_b"},
    {"self_attn_layer_norm", "attn_norm"},
    {"input_layernorm", "attn_norm"},
    {"post_attention_layernorm", "post_attention_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"post_feedforward_layernorm", "post_ffn_norm"},
    {"final_layer_norm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate_up_proj", "ffn_up"},
    {"fc1", "ffn_up"},
    {"fc2", "ffn_down"},
    {"mlp.fc1", "ffn_up"},
    {"mlp.fc2", "ffn_down"},
    /* experts */
    {"mlp.gate", "ffn_gate_inp"},
    {"mlp.router", "ffn_gate_inp"},
    {"block_sparse_moe.gate", "ffn_gate_inp"},
    {"mlp.gate.e_score_correction_bias", "exp_probs_b.bias"},
    {"mlp.shared_expert_gate", "ffn_gate_inp_shexp"},
    {"mlp.shared_expert.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_expert.up_proj", "ffn_up_shexp"},
    {"mlp.shared_expert.down_proj", "ffn_down_shexp"},
    {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
    {"mlp.shared_experts.down_proj", "ffn_down_shexp"},
    {"mlp.experts.#.gate_proj", "ffn_gate.#"},
    {"mlp.experts.#.up_proj", "ffn_up.#"},
    {"mlp.experts.#.down_proj", "ffn_down.#"},
    {"block_sparse_moe.experts.#.w1", "ffn_gate.#"},
    {"block_sparse_moe.experts.#.w3", "ffn_up.#"},
    {"block_sparse_moe.experts.#.w2", "ffn_down.#"},
    /* LLaMA as its authors call it */
    {"attention.wq", "attn_q"},
    {"attention.wk", "attn_k"},
    {"attention.wv", "attn_v"},
    {"attention.wo", "attn_output"},
    {"attention_norm", "attn_norm"},
    {"ffn_norm", "ffn_norm"},
    {"feed_forward.w1", "ffn_gate"},
    {"feed_forward.w3", "ffn_up"},
    {"feed_forward.w2", "ffn_down"},
    /* GPT-2, GPT-J, MPT, Bloom, Falcon, GPT-NeoX, StarCoder */
    {"ln_1", "attn_norm"},
    {"ln_2", "ffn_norm"},
    {"ln_attn", "attn_norm_2"},
    {"ln_mlp", "attn_norm"},
    {"norm_1", "attn_norm"},
    {"norm_2", "ffn_norm"},
    {"attn.c_attn", "attn_qkv"},
    {"attn.c_proj", "attn_output"},
    {"attn.Wqkv", "attn_qkv"},
    {"attn.out_proj", "attn_output"},
    {"attn.q_proj", "attn_q"},
    {"attn.k_proj", "attn_k"},
    {"attn.v_proj", "attn_v"},
    {"mlp.c_fc", "ffn_up"},
    {"mlp.c_proj", "ffn_down"},
    {"mlp.fc_in", "ffn_up"},
    {"mlp.fc_out", "ffn_down"},
    {"ffn.up_proj", "ffn_up"},
    {"ffn.down_proj", "ffn_down"},
    {"attention.query_key_value", "attn_qkv"},
    {"attention.dense", "attn_output"},
    {"self_attention.query_key_value", "attn_qkv"},
    {"self_attention.dense", "attn_output"},
    {"mlp.dense_h_to_4h", "ffn_up"},
    {"mlp.dense_4h_to_h", "ffn_down"},
    /* BERT, RoBERTa, DistilBERT */
    {"attention.self.query", "attn_q"},
    {"attention.self.key", "attn_k"},
    {"attention.self.value", "attn_v"},
    {"attention.output.dense", "attn_output"},
    {"attention.output.LayerNorm", "attn_output_norm"},
    {"intermediate.dense", "ffn_up"},
    {"output.dense", "ffn_down"},
    {"output.LayerNorm", "layer_output_norm"},
    {"attention.q_lin", "attn_q"},
    {"attention.k_lin", "attn_k"},
    {"attention.v_lin", "attn_v"},
    {"attention.out_lin", "attn_output"},
    {"sa_layer_norm", "attn_output_norm"},
    {"ffn.lin1", "ffn_up"},
    {"ffn.lin2", "ffn_down"},
    {"output_layer_norm", "layer_output_norm"},
    /* T5: the first part of a layer is attention, the last the feed-forward net */
    {"layer.0.SelfAttention.q", "attn_q"},
    {"layer.0.SelfAttention.k", "attn_k"},
    {"layer.0.SelfAttention.v", "attn_v"},
    {"layer.0.SelfAttention.o", "attn_o"},
    {"layer.0.SelfAttention.relative_attention_bias", "attn_rel_b"},
    {"layer.0.layer_norm", "attn_norm"},
    {"layer.1.EncDecAttention.q", "cross_attn_q"},
    {"layer.1.EncDecAttention.k", "cross_attn_k"},
    {"layer.1.EncDecAttention.v", "cross_attn_v"},
    {"layer.1.EncDecAttention.o", "cross_attn_o"},
    {"layer.1.layer_norm", "cross_attn_norm"},
    {"layer.1.layer_norm", "ffn_norm"},
    {"layer.1.DenseReluDense.wi", "ffn_up"},
    {"layer.1.DenseReluDense.wi_0", "ffn_gate"},
    {"layer.1.DenseReluDense.wi_1", "ffn_up"},
    {"layer.1.DenseReluDense.wo", "ffn_down"},
    {"layer.2.layer_norm", "ffn_norm"},
    {"layer.2.DenseReluDense.wi", "ffn_up"},
    {"layer.2.DenseReluDense.wi_0", "ffn_gate"},
    {"layer.2.DenseReluDense.wi_1", "ffn_up"},
    {"layer.2.DenseReluDense.wo", "ffn_down"},
};

/* Wrappers around a model, which say nothing of the part. */
static const char *const wrappers[] = {
    "base_model.model.", "language_model.", "model.",   "transformer.",
    "gpt_neox.",         "bert.",           "roberta.", "longformer.",
    "distilbert.",       "electra.",        "module.",  "text_model.",
    "_orig_mod.",
};

/* What stands in front of a layer's number, and what GGUF has in its place. */
static const struct part stacks[] = {
    {"layers.", "blk."},
    {"h.", "blk."},
    {"blocks.", "blk."},
    {"layer.", "blk."},
    {"encoder.layer.", "blk."},
    {"encoder.layers.", "enc.blk."},
    {"encoder.layers.", "blk."},
    {"decoder.layers.", "dec.blk."},
    {"decoder.layers.", "blk."},
    {"encoder.block.", "enc.blk."},
    {"decoder.block.", "dec.blk."},
};

/* Ends that stay as they are. */
static const char *const ends[] = {".weight", ".bias", ""};

#define LENGTH(table) (sizeof(table) / sizeof *(table))

/* --- reading a name ------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
  return strncmp(text, with, strlen(with)) == 0;
}

static const char *unwrapped(const char *name)
{
  for (size_t i = 0; i < LENGTH(wrappers); i++)
    if (begins(name, wrappers[i])) {
      name += strlen(wrappers[i]);
      i = (size_t)-1; /* there may be more of them, in any order */
    }
  return name;
}

static size_t digits(const char *text)
{
  size_t n = 0;
  while (isdigit((unsigned char)text[n]))
    n++;
  return n;
}

/* Does NAME, up to LENGTH, read as PATTERN, in which "#" is a number: the last one goes to *EXPERT.
 */
static bool fits(const char *pattern, const char *name, size_t length, const char **expert)
{
  const char *end = name + length;
  for (; *pattern; pattern++) {
    size_t step = 1;
    if (*pattern == '#') {
      *expert = name;
      step = digits(name);
    } else if (*name != *pattern) {
      return false;
    }
    if (step == 0 || step > (size_t)(end - name))
      return false;
    name += step;
  }
  return name == end;
}

/* --- writing GGUF's ------------------------------------------------------------------------- */

struct aliases {
  char (*text)[RENAME_TEXT];
  size_t count;
};

/* Adds HEAD, LAYER (as long as its digits are) and ".", PART with its "#" for EXPERT, and END. */
static void add(struct aliases *aliases, const char *head, const char *layer, const char *part,
                const char *expert, const char *end)
{
  char *text = aliases->text[aliases->count];
  size_t before = strcspn(part, "#");
  const char *after = part[before] ? part + before + 1 : "";
  int used =
      snprintf(text, RENAME_TEXT, "%s%.*s%s%.*s%.*s%s%s", head, (int)digits(layer), layer,
               *layer ? "." : "", (int)before, part, (int)digits(expert), expert, after, end);
  if (used > 0 && used < RENAME_TEXT)
    aliases->count++;
}

/* Adds what the rows of TABLE know of NAME. */
static void look_up(struct aliases *aliases, const struct part *table, size_t rows,
                    const char *head, const char *layer, const char *name)
{
  size_t length = strlen(name);
  const char *const *end = ends;
  while (strlen(*end) > length || strcmp(name + length - strlen(*end), *end) != 0)
    end++;
  for (size_t i = 0; i < rows && aliases->count < RENAME_MOST; i++) {
    const char *expert = "";
    if (fits(table[i].name, name, length - strlen(*end), &expert))
      add(aliases, head, layer, table[i].gguf, expert, *end);
  }
}

size_t rename_aliases(const char *name, char alias[RENAME_MOST][RENAME_TEXT])
{
  struct aliases aliases = {.text = alias};
  if (strnlen(name, RENAME_TEXT) == RENAME_TEXT)
    return 0;
  const char *rest = unwrapped(name);
  look_up(&aliases, parts, LENGTH(parts), "", "", rest);
  for (size_t i = 0; i < LENGTH(stacks); i++) {
    const char *layer = rest + strlen(stacks[i].name);
    if (begins(rest, stacks[i].name) && digits(layer) > 0 && layer[digits(layer)] == '.')
      look_up(&aliases, layer_parts, LENGTH(layer_parts), stacks[i].gguf, layer,
              layer + digits(layer) + 1);
  }
  return aliases.count;
}

/* --- rules of the user ---------------------------------------------------------------------- */

enum { STARS_MOST = 8 };

struct stretch {
  const char *start;
  size_t length;
};

static size_t stars(const char *from, const char *to)
{
  size_t n = 0;
  for (; from < to; from++)
    n += *from == '*';
  return n;
}

enum status rename_rule_parse(const char *text, struct rename_rule *out, struct error *error)
{
  const char *equals = strchr(text, '=');
  if (!equals || equals == text)
    return error_set(error, STATUS_USAGE, "--rename %s: expected FROM=TO", text);
  size_t from = stars(text, equals), to = stars(equals, text + strlen(text));
  if (to > from || from > STARS_MOST)
    return error_set(error, STATUS_USAGE,
                     "--rename %s: expected at most %d stars, and no more of them behind the \"=\" "
                     "than before; found %zu and %zu",
                     text, STARS_MOST, from, to);
  out->text = text;
  return STATUS_OK;
}

/* Fits NAME to the pattern up to END, greedily from the left: each star takes as little as lets
 * the stretch behind it fit, the last one what remains. */
static bool fit_pattern(const char *pattern, const char *end, const char *name,
                        struct stretch star[STARS_MOST])
{
  size_t found = 0;
  const char *back_pattern = NULL, *back_name = NULL;
  while (*name || pattern < end) {
    if (pattern < end && *pattern == '*') {
      star[found++] = (struct stretch){name, 0};
      back_pattern = ++pattern;
      back_name = name;
    } else if (pattern < end && *name && *pattern == *name) {
      pattern++;
      name++;
    } else if (back_pattern && *back_name) {
      star[found - 1].length = (size_t)(++back_name - star[found - 1].start);
      pattern = back_pattern;
      name = back_name;
    } else {
      return false;
    }
  }
  return true;
}

static bool put(char *text, size_t size, size_t *used, const char *from, size_t length)
{
  if (length >= size - *used)
    return false;
  memcpy(text + *used, from, length);
  *used += length;
  text[*used] = '\0';
  return true;
}

static bool apply(const char *rule, const char *name, char *text, size_t size)
{
  struct stretch star[STARS_MOST];
  const char *equals = strchr(rule, '=');
  size_t used = 0, next = 0;
  if (!fit_pattern(rule, equals, name, star))
    return false;
  text[0] = '\0';
  for (const char *to = equals + 1; *to; to++) {
    struct stretch piece = {to, 1};
    if (*to == '*')
      piece = star[next++];
    if (!put(text, size, &used, piece.start, piece.length))
      return false;
  }
  return true;
}

bool rename_apply(const struct rename_rule *rule, size_t count, const char *name, char *text,
                  size_t size)
{
  for (size_t i = 0; i < count; i++)
    if (apply(rule[i].text, name, text, size))
      return true;
  return false;
}
