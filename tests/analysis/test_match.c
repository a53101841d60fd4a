/* Which tensor of one source is which of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/diff_table.h"
#include "data/source_types.h"
#include "tests/analysis/tensors.h"

#include <math.h>
#include <string.h>

enum { MOST = 16 };
static const float values[4] = {1, 2, 3, 4};
static const struct derived derived = {.parts = 1, .part = {{.index = 0}}};

struct list {
  struct source source;
  struct tensor tensor[MOST];
};

/* NAMES end with NULL. One that ends in DERIVED_SUFFIX is made of tensor 0. */
static const struct source *list(struct list *list, const char *const *names)
{
  *list = (struct list){.source = {.spec = (char *)(uintptr_t) "list", .tensors = list->tensor}};
  for (size_t i = 0; names[i]; i++) {
    list->tensor[i] = tensor_over(values, (struct shape){.dims = 1, .dim = {4}});
    list->tensor[i].name = names[i];
    if (strstr(names[i], DERIVED_SUFFIX))
      list->tensor[i].derived = &derived;
    list->source.count++;
  }
  return &list->source;
}

struct expectation {
  const char *a[MOST], *b[MOST];
  int partner[MOST]; /* of each of A; -1: none */
};

static void expect(const struct expectation *expected, const char *rule_text)
{
  struct list a, b;
  struct matching matching;
  struct rename_rule rule;
  if (rule_text)
    assert_int_equal(rename_rule_parse(rule_text, &rule, NULL), STATUS_OK);
  assert_int_equal(match_sources(list(&a, expected->a), list(&b, expected->b), NULL, 0, &rule,
                                 rule_text != NULL, &matching, NULL),
                   STATUS_OK);
  size_t pair = 0;
  for (size_t i = 0; expected->a[i]; i++) {
    int found = -1;
    if (pair < matching.pairs && matching.pair[pair].a == i)
      found = (int)matching.pair[pair++].b;
    if (found != expected->partner[i])
      fail_msg("%s: expected %d, found %d", expected->a[i], expected->partner[i], found);
  }
  assert_int_equal(pair, matching.pairs);
  matching_clear(&matching);
}

static void test_names(void **state)
{
  (void)state;
  /* equal names win over what they may stand for */
  expect(&(struct expectation){.a = {"lm_head.weight", "x", "output.weight"},
                               .b = {"output.weight", "y"},
                               .partner = {-1, -1, 0}},
         NULL);
  expect(&(struct expectation){.a = {"model.layers.0.self_attn.q_proj.weight", "lm_head.weight"},
                               .b = {"output.weight", "blk.0.attn_q.weight", "blk.1.attn_q.weight"},
                               .partner = {1, 0}},
         NULL);
  expect(&(struct expectation){.a = {"blk.0.attn_q.weight", "token_embd.weight"},
                               .b = {"model.embed_tokens.weight",
                                     "model.layers.0.self_attn.q_proj.weight"},
                               .partner = {1, 0}},
         NULL);
  /* two names that are neither GGUF's: both stand for the same one */
  expect(&(struct expectation){.a = {"layers.0.attention.wq.weight", "z"},
                               .b = {"w", "model.layers.0.self_attn.q_proj.weight"},
                               .partner = {1, -1}},
         NULL);
}

/* LLaMA has one norm behind the attention, Gemma 2 two: the same word, two meanings. */
static void test_ambiguous_norms(void **state)
{
  (void)state;
  const char *llama = "model.layers.0.post_attention_layernorm.weight";
  const char *before = "model.layers.0.pre_feedforward_layernorm.weight";
  expect(&(struct expectation){.a = {llama, "x"},
                               .b = {"blk.0.ffn_norm.weight", "y"},
                               .partner = {0, -1}},
         NULL);
  expect(&(struct expectation){.a = {llama, before},
                               .b = {"blk.0.ffn_norm.weight", "blk.0.post_attention_norm.weight"},
                               .partner = {1, 0}},
         NULL);
  expect(&(struct expectation){.a = {"blk.0.ffn_norm.weight", "blk.0.post_attention_norm.weight"},
                               .b = {llama, before},
                               .partner = {1, 0}},
         NULL);
}

static void test_rules(void **state)
{
  (void)state;
  const struct expectation renamed = {
      .a = {"enc.0.w", "enc.1.w"}, .b = {"layer1/weight", "layer0/weight"}, .partner = {1, 0}};
  const struct expectation not = {
      .a = {"enc.0.w", "enc.1.w"}, .b = {"layer1/weight", "layer0/weight"}, .partner = {-1, -1}};
  expect(&renamed, "enc.*.w=layer*/weight");
  expect(&not, NULL);
}

/* One tensor each: no name needed. */
static void test_single_tensors(void **state)
{
  (void)state;
  expect(&(struct expectation){.a = {"x"}, .b = {"y"}, .partner = {0}}, NULL);
  expect(&(struct expectation){.a = {"x"}, .b = {"y", "z"}, .partner = {-1}}, NULL);
}

/* A packed weight goes by its own name, before its codes, which are matched with nothing. */
static void test_derived(void **state)
{
  (void)state;
  expect(&(struct expectation){.a = {"w.weight", "v"},
                               .b = {"w.weight", "w.weight" DERIVED_SUFFIX, "v"},
                               .partner = {1, 2}},
         NULL);
  expect(&(struct expectation){.a = {"w.weight", "w.weight" DERIVED_SUFFIX},
                               .b = {"w.weight", "w.weight" DERIVED_SUFFIX},
                               .partner = {-1, 1}},
         NULL);
  expect(&(struct expectation){.a = {"w.weight", "w.weight" DERIVED_SUFFIX, "u"},
                               .b = {"v", "w.weight"},
                               .partner = {-1, 1, -1}},
         NULL);
}

static void test_partnerless(void **state)
{
  (void)state;
  const char *const a_names[] = {"alpha.weight", "beta.weight", NULL}, *const b_names[] = {
                                                                           "alpha.weight",
                                                                           "beta.wieght", "omega",
                                                                           NULL};
  struct list a, b;
  struct diff_table table;
  assert_int_equal(
      diff_table_init(list(&a, a_names), list(&b, b_names), NULL, 0, NULL, 0, false, &table, NULL),
      STATUS_OK);
  const struct matching *m = &table.matching;
  assert_int_equal(table.rows, 1);
  assert_int_equal(m->only_a_count, 1);
  assert_int_equal(m->only_b_count, 2);
  assert_string_equal(match_nearest(table.a, m->only_a[0], table.b, m->only_b, 2), "beta.wieght");
  assert_null(match_nearest(table.b, m->only_b[1], table.a, m->only_a, 1));
  diff_table_clear(&table);
}

/* --- the table ------------------------------------------------------------------------------ */

static void compute(struct diff_table *table)
{
  for (size_t i = 0; i < table->rows; i++) {
    const struct diff_request request = {.lo = (double)NAN, .hi = (double)NAN};
    struct diff *diff = NULL;
    struct error error;
    if (table->row[i].state != DIFF_WAITING)
      continue;
    enum status status =
        diff_compute(source_tensor(table->a, table->row[i].a),
                     source_tensor(table->b, table->row[i].b), &request, NULL, &diff, &error);
    diff_table_set(table, i, diff, status, &error);
  }
}

static void test_ranking_and_total(void **state)
{
  (void)state;
  static const float near[4] = {1, 2, 3, 4.5f}, far[4] = {0, 2, 3, 4}, wide[2] = {1, 1};
  const char *const names[] = {"same", "near", "far", "misfit", NULL};
  struct list a, b;
  struct diff_table table;
  list(&a, names);
  list(&b, names);
  b.tensor[1] = tensor_over(near, b.tensor[1].shape);
  b.tensor[2] = tensor_over(far, b.tensor[2].shape);
  b.tensor[3] = tensor_over(wide, (struct shape){.dims = 1, .dim = {2}});
  for (size_t i = 1; i < 4; i++)
    b.tensor[i].name = names[i];
  assert_int_equal(diff_table_init(&a.source, &b.source, NULL, 0, NULL, 0, false, &table, NULL),
                   STATUS_OK);
  assert_int_equal(table.row[3].state, DIFF_SHAPES);
  assert_string_equal(table.row[3].reason, "4 in A, 2 in B");
  assert_int_equal(table.done, 1);
  compute(&table);
  assert_int_equal(table.done, 4);
  const struct {
    const char *key;
    size_t order[4];
  } cases[] = {{"sqnr_db", {2, 1, 0, 3}}, {"max_abs_error", {2, 1, 0, 3}}, {"name", {0, 1, 2, 3}}};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(diff_table_rank(&table, cases[i].key, NULL), STATUS_OK);
    assert_memory_equal(table.rank, cases[i].order, sizeof cases[i].order);
  }
  struct error error;
  assert_int_equal(diff_table_rank(&table, "sqnr", &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "sqnr_db"));
  /* 12 values, 90 of signal, 1 + 0.25 of error */
  struct diff_total total = diff_table_total(&table);
  assert_int_equal(total.tensors, 3);
  assert_int_equal(total.identical, 1);
  assert_int_equal(total.count, 12);
  assert_true(fabs(total.mse - 1.25 / 12) < 1e-15);
  assert_true(fabs(total.sqnr_db - 10 * log10(90 / 1.25)) < 1e-13);
  assert_true(total.a_bits == 32 && total.b_bits == 32);
  diff_table_clear(&table);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_ambiguous_norms),
      cmocka_unit_test(test_rules),
      cmocka_unit_test(test_single_tensors),
      cmocka_unit_test(test_derived),
      cmocka_unit_test(test_partnerless),
      cmocka_unit_test(test_ranking_and_total),
  };
  return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
