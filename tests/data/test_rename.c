/* Names of the parts of a model. Expected: the names that the models' own files have, side by side
 * with those of their GGUF conversions. */
#include "tests/data/files.h"

#include "data/rename.h"

#include <stdio.h>
#include <string.h>

static const struct pair {
  const char *name, *gguf, *second;
} pairs[] = {
    /* LLaMA, as Hugging Face and as its authors name it */
    {"model.embed_tokens.weight", "token_embd.weight", NULL},
    {"model.norm.weight", "output_norm.weight", NULL},
    {"lm_head.weight", "output.weight", NULL},
    {"model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight", NULL},
    {"model.layers.31.self_attn.o_proj.weight", "blk.31.attn_output.weight", NULL},
    {"model.layers.7.input_layernorm.weight", "blk.7.attn_norm.weight", NULL},
    {"model.layers.7.post_attention_layernorm.weight", "blk.7.post_attention_norm.weight",
     "blk.7.ffn_norm.weight"},
    {"model.layers.7.mlp.gate_proj.weight", "blk.7.ffn_gate.weight", NULL},
    {"model.layers.7.mlp.up_proj.weight", "blk.7.ffn_up.weight", NULL},
    {"model.layers.7.mlp.down_proj.weight", "blk.7.ffn_down.weight", NULL},
    {"layers.7.feed_forward.w3.weight", "blk.7.ffn_up.weight", NULL},
    {"tok_embeddings.weight", "token_embd.weight", NULL},
    /* wrapped */
    {"language_model.model.layers.2.self_attn.k_proj.bias", "blk.2.attn_k.bias", NULL},
    {"base_model.model.model.layers.2.self_attn.v_proj.weight", "blk.2.attn_v.weight", NULL},
    /* experts */
    {"model.layers.3.block_sparse_moe.experts.12.w1.weight", "blk.3.ffn_gate.12.weight", NULL},
    {"model.layers.3.mlp.experts.0.down_proj.weight", "blk.3.ffn_down.0.weight", NULL},
    {"model.layers.3.mlp.gate.weight", "blk.3.ffn_gate_inp.weight", NULL},
    /* GPT-2, OPT, BERT, RoBERTa, T5 */
    {"transformer.wte.weight", "token_embd.weight", NULL},
    {"h.11.attn.c_attn.weight", "blk.11.attn_qkv.weight", NULL},
    {"transformer.h.11.mlp.c_proj.bias", "blk.11.ffn_down.bias", NULL},
    {"transformer.ln_f.weight", "output_norm.weight", NULL},
    {"model.decoder.layers.4.fc1.weight", "dec.blk.4.ffn_up.weight", "blk.4.ffn_up.weight"},
    {"model.decoder.embed_tokens.weight", "token_embd.weight", NULL},
    {"bert.encoder.layer.5.attention.self.query.weight", "blk.5.attn_q.weight", NULL},
    {"roberta.encoder.layer.5.attention.output.dense.weight", "blk.5.attn_output.weight", NULL},
    {"encoder.layer.5.output.LayerNorm.bias", "blk.5.layer_output_norm.bias", NULL},
    {"embeddings.word_embeddings.weight", "token_embd.weight", NULL},
    {"encoder.block.1.layer.0.SelfAttention.q.weight", "enc.blk.1.attn_q.weight", NULL},
    /* what is no part of a model that anybody knows */
    {"blk.0.attn_q.weight", NULL, NULL},
    {"token_embd.weight", NULL, NULL},
    {"", NULL, NULL},
    {"model.", NULL, NULL},
    {"model.layers.x.self_attn.q_proj.weight", NULL, NULL},
    {"model.layers..self_attn.q_proj.weight", NULL, NULL},
    {"model.layers.3", NULL, NULL},
    {"model.layers.3.", NULL, NULL},
    {"model.layers.3.mlp.experts.down_proj.weight", NULL, NULL},
    {"model.layers.3.self_attn.q_proj.weight.weight", NULL, NULL},
};

static void test_known_names(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char alias[RENAME_MOST][RENAME_TEXT];
    size_t count = rename_aliases(pairs[i].name, alias);
    size_t expected = (size_t)(pairs[i].gguf != NULL) + (pairs[i].second != NULL);
    if (count != expected)
      fail_msg("%s: expected %zu names, found %zu", pairs[i].name, expected, count);
    if (pairs[i].gguf)
      assert_string_equal(alias[0], pairs[i].gguf);
    if (pairs[i].second)
      assert_string_equal(alias[1], pairs[i].second);
  }
}

static void test_long_names_are_nothing(void **state)
{
  (void)state;
  char alias[RENAME_MOST][RENAME_TEXT], name[2 * RENAME_TEXT];
  memset(name, '7', sizeof name);
  memcpy(name, "layers.", 7);
  name[sizeof name - 1] = '\0';
  assert_int_equal(rename_aliases(name, alias), 0);
  /* as long as a name may be, and longer in GGUF's words */
  snprintf(name + RENAME_TEXT - 23, 23, ".block_sparse_moe.gate");
  assert_int_equal(strlen(name), RENAME_TEXT - 1);
  assert_int_equal(rename_aliases(name, alias), 1);
  assert_int_equal(strlen(alias[0]), RENAME_TEXT - 1 - 7 + 4 - 21 + 12);
}

static void renamed(const char *rule, const char *name, const char *expected)
{
  struct rename_rule parsed;
  char text[32];
  assert_int_equal(rename_rule_parse(rule, &parsed, NULL), STATUS_OK);
  bool done = rename_apply(&parsed, 1, name, text, sizeof text);
  if (done != (expected != NULL))
    fail_msg("%s: %s", rule, name);
  if (expected)
    assert_string_equal(text, expected);
}

static void test_rules(void **state)
{
  (void)state;
  renamed("w=weight", "w", "weight");
  renamed("w=weight", "ww", NULL);
  renamed("model.*=*", "model.a.b", "a.b");
  renamed("model.*=*", "mode.a.b", NULL);
  renamed("*.w=*.weight", "a.w.w", "a.w.weight");
  renamed("encoder.*.w*=blk.*.v*", "encoder.3.w7", "blk.3.v7");
  renamed("*.*=*", "a.b.c", "a"); /* a star takes as little as it can; the last the rest */
  renamed("*=", "a", "");
  renamed("*a*b*=*-*-*", "xaaybz", "x-ay-z");
  renamed("*=x*", "0123456789012345678901234567890", NULL); /* no room */
  renamed("*=*", "0123456789012345678901234567890", "0123456789012345678901234567890");
}

static void test_first_rule_counts(void **state)
{
  (void)state;
  const struct rename_rule rules[] = {{"a=b"}, {"*=c"}};
  char text[8];
  assert_true(rename_apply(rules, 2, "a", text, sizeof text));
  assert_string_equal(text, "b");
  assert_true(rename_apply(rules, 2, "x", text, sizeof text));
  assert_string_equal(text, "c");
  assert_false(rename_apply(NULL, 0, "x", text, sizeof text));
}

static void refused(const char *rule)
{
  struct rename_rule parsed;
  struct error error;
  assert_int_equal(rename_rule_parse(rule, &parsed, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, rule));
}

static void test_wrong_rules(void **state)
{
  (void)state;
  refused("");
  refused("weight");
  refused("=weight");
  refused("a.*=b.*.*");
  refused("*********=x");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_known_names), cmocka_unit_test(test_long_names_are_nothing),
      cmocka_unit_test(test_rules),       cmocka_unit_test(test_first_rule_counts),
      cmocka_unit_test(test_wrong_rules),
  };
  return cmocka_run_group_tests_name("rename", tests, NULL, NULL);
}
