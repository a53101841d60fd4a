/* Names, purposes, filters and the catalog: what a list of tensors is made of. Expected orders,
 * groups and verdicts are written down by hand from what the headers say. */
#include "analysis/catalog.h"
#include "analysis/names.h"
#include "analysis/purpose.h"
#include "data/source_types.h"
#include "quant/base/size.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- a source of nothing but names ------------------------------------------------------ */

static void add(struct source *source, const char *name, const char *stored, struct shape shape)
{
  struct error error;
  struct tensor tensor = {.name = name, .shape = shape, .stored = stored_find(stored)};
  tensor.count = shape_elements(&shape);
  tensor.bytes = tensor.count * tensor.stored->size;
  assert_int_equal(source_add(source, &tensor, &error), STATUS_OK);
}

static struct source *source_of(const char *const *names, size_t count)
{
  struct source *source = mem_array(1, sizeof *source);
  assert_non_null(source);
  for (size_t i = 0; i < count; i++)
    add(source, names[i], "f32", (struct shape){.dims = 1, .dim = {i + 1}});
  return source;
}

#define SOURCE_OF(...)                                                                             \
  source_of((const char *const[]){__VA_ARGS__},                                                    \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* All rows: labels, a dot for each level, + behind a closed group, - behind an open one. */
static const char *rows_of(const struct catalog *catalog)
{
  static char text[4096];
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < catalog_rows(catalog) && used < sizeof text; i++) {
    struct catalog_row row = catalog_row(catalog, i);
    used +=
        (size_t)snprintf(text + used, sizeof text - used, "%s%.*s%.*s%s", i ? " " : "",
                         (int)row.depth, "''''''''''''''''''''''''", (int)row.label_size, row.label,
                         row.tensor != CATALOG_NONE ? ""
                         : row.open                 ? "-"
                                                    : "+");
  }
  return text;
}

/* --- names ------------------------------------------------------------------------------ */

static void numbers_are_ordered_by_value(void **state)
{
  (void)state;
  static const char *const order[] = {"",
                                      "a",
                                      "a.",
                                      "a.0",
                                      "a.1",
                                      "a.01",
                                      "a.2",
                                      "a.10",
                                      "a.10.x",
                                      "a.10b",
                                      "a/b",
                                      "a1",
                                      "a2",
                                      "a10",
                                      "b",
                                      "layers.99999999999999999999",
                                      "layers.100000000000000000000"};
  for (size_t i = 0; i < sizeof order / sizeof *order; i++)
    for (size_t j = 0; j < sizeof order / sizeof *order; j++) {
      int expected = (i > j) - (i < j), found = name_order(order[i], order[j]);
      assert_int_equal((found > 0) - (found < 0), expected);
    }
}

static void better_matches_have_higher_scores(void **state)
{
  (void)state;
  static const struct {
    const char *pattern, *better, *worse;
  } pairs[] = {
      {"attn", "layer.attn.weight", "layer.xattny.weight"},    /* a word before a part of one */
      {"attn", "layer.xattny.weight", "layer.a.t.t.n.weight"}, /* a piece before letters */
      {"qw", "q.weight", "qxw.eight"},                         /* word starts */
      {"abc", "xaxbcx", "xaxbxc"},                             /* letters in a row */
      {"bias", "a.bias", "a.longer.bias"},                     /* the shorter name */
      {"l10", "layers.10.w", "layers.1.0.w"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    int better = name_score(pairs[i].pattern, pairs[i].better);
    int worse = name_score(pairs[i].pattern, pairs[i].worse);
    if (better <= worse)
      print_error("%s: %s %d, %s %d\n", pairs[i].pattern, pairs[i].better, better, pairs[i].worse,
                  worse);
    assert_true(better > worse);
    assert_true(worse > 0);
  }
  assert_int_equal(name_score("ba", "ab"), 0);
  assert_int_equal(name_score("aa", "a"), 0);
  assert_true(name_score("CONV", "conv") > 0);
  assert_true(name_score("", "anything") > 0);
}

/* --- purposes --------------------------------------------------------------------------- */

static void purposes_follow_name_type_and_shape(void **state)
{
  (void)state;
  static const struct {
    const char *name, *stored, *purpose;
    unsigned dims;
  } cases[] = {
      {"model.layers.0.mlp.up_proj.weight", "bf16", "weight", 2},
      {"model.embed_tokens.weight", "bf16", "embedding", 2},
      {"token_embd.weight", "f32", "embedding", 2},
      {"transformer.wte.weight", "f32", "embedding", 2},
      {"model.layers.0.input_layernorm.weight", "bf16", "norm", 1},
      {"blk.0.attn_norm.weight", "f32", "norm", 1},
      {"bn1.running_var", "f32", "norm", 1},
      {"layers.0.q_proj.bias", "f16", "bias", 1},
      {"h.0.attn.bias", "u8", "mask", 4},
      {"attention_mask", "i64", "mask", 2},
      {"a.qweight", "i32", "packed", 2},
      {"a.qzeros", "i32", "zero-point", 2},
      {"a.scales", "f16", "scale", 2},
      {"a.weight_scale_inv", "f32", "scale", 2},
      {"x_zero_point", "u8", "zero-point", 0},
      {"position_ids", "i64", "integer", 2},
      {"flag", "bool", "mask", 1},
      {"normal", "f32", "weight", 2}, /* two dimensions: no gain of a normalisation */
      {"lstm.bias_ih_l0", "f32", "bias", 1},
      {"conv2/b", "f32", "bias", 1},
      {"conv2/W", "f32", "weight", 4},
      {"prelu1.weight", "f32", "norm", 1},
      {"dense/kernel:0", "f32", "weight", 2},
      {"Relu__18:0_scale", "f32", "scale", 0},
      {"0.weight:scale", "f32", "scale", 2},
      {"0.weight:qdata", "i8", "packed", 2},
      {"temperature", "f32", "number", 0},
      {"", "f32", "weight", 1},
      {"...", "f32", "weight", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct tensor tensor = {.name = cases[i].name,
                            .stored = stored_find(cases[i].stored),
                            .shape = {.dims = cases[i].dims, .dim = {4, 4, 4, 4}}};
    assert_string_equal(purpose_table[purpose_of(&tensor)].word, cases[i].purpose);
  }
}

/* What the files of the samples are for, as their README describes them. */
static void purposes_of_real_files(void **state)
{
  (void)state;
  static const struct {
    const char *file, *tensor, *purpose;
  } cases[] = {
      {"gguf/stories260K.gguf", "token_embd.weight", "embedding"},
      {"gguf/stories260K.gguf", "blk.3.attn_norm.weight", "norm"},
      {"gguf/stories260K.gguf", "blk.3.ffn_up.weight", "weight"},
      {"gguf/longformer-layer0-q4_k_m.gguf", "blk.0.attn_qkv.weight", "weight"},
      {"pt-legacy/facenet-rnet.pt", "conv1.weight", "weight"},
      {"pt-legacy/facenet-rnet.pt", "conv1.bias", "bias"},
      {"pt-legacy/facenet-rnet.pt", "prelu1.weight", "norm"},
      {"onnx/qdq-conv-quantized.onnx", "Relu__18:0_scale", "scale"},
      {"onnx/dtln_model_1.onnx", "dense_2/kernel:0", "weight"},
      {"onnx/silero_vad.onnx", "If_0/else_branch/If_0_else_branch__Inline_0__decoder.rnn.bias_ih",
       "bias"},
      {"safetensors/silero_vad_16k.safetensors", "lstm_cell.bias_hh", "bias"},
      {"safetensors/silero_vad_16k.safetensors", "stft_conv.weight", "weight"},
      {"safetensors/torchao-fp8-linear.safetensors", "0.weight", "weight"},
      {"safetensors/torchao-fp8-linear.safetensors", "0.weight:scale", "scale"},
      {"safetensors/torchao-fp8-linear.safetensors", "0.weight:qdata", "packed"},
      {"safetensors/csm-voice-prompts.safetensors", "mask", "mask"},
      {"safetensors/csm-voice-prompts.safetensors", "tokens", "integer"},
      {"npz/waifu2x-vgg7.npz", "conv2/W", "weight"},
      {"npz/waifu2x-vgg7.npz", "conv2/b", "bias"},
  };
  const char *shared = getenv("QSCOPE_SHARED");
  if (!shared)
    skip();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[4096];
    struct source *source;
    struct error error;
    size_t index = 0;
    snprintf(path, sizeof path, "%s/samples/%s", shared, cases[i].file);
    if (source_open(path, &source, &error) != STATUS_OK ||
        source_find(source, cases[i].tensor, &index, &error) != STATUS_OK)
      fail_msg("%s", error.text);
    enum purpose found = purpose_of(source_tensor(source, index));
    if (strcmp(purpose_table[found].word, cases[i].purpose) != 0)
      fail_msg("%s of %s: %s", cases[i].tensor, cases[i].file, purpose_table[found].word);
    source_close(source);
  }
}

/* --- filters ---------------------------------------------------------------------------- */

static enum filter_verdict verdict(const char *text, const struct stats *stats)
{
  struct filter filter;
  struct error error = {.text = ""};
  const struct tensor tensor = {.name = "model.layers.10.attn.q_proj.weight",
                                .shape = {.dims = 2, .dim = {768, 3072}},
                                .stored = stored_find("bf16"),
                                .count = 768 * 3072,
                                .bytes = 768 * 3072 * 2};
  if (filter_parse(text, &filter, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  return filter_test(&filter, &tensor, stats, NULL);
}

static void every_predicate_and_relation_decides(void **state)
{
  (void)state;
  struct stats stats = {.value = {[STAT_ABSMAX] = 2,
                                  [STAT_STD] = 0.5,
                                  [STAT_KURTOSIS] = 12,
                                  [STAT_OUTLIER] = 20,
                                  [STAT_SQNR] = 31.5,
                                  [STAT_CLIP] = 0.002},
                        .state = STATS_KNOWN};
  /* 768 * 3072 = 2359296 elements */
  static const char *const pass[] = {"",
                                     "attn",
                                     "ATTN q",
                                     "mlaq",
                                     "bf16 weight",
                                     "name:q_proj",
                                     "name:model*weight",
                                     "name=model.layers.10.attn.q_proj.weight",
                                     "!name:bias",
                                     "name!=bias",
                                     "dtype:bf16",
                                     "dtype:bf",
                                     "dtype=bf16",
                                     "dtype:b*",
                                     "!dtype:f32",
                                     "dtype!=f16",
                                     "role:weight",
                                     "role:w",
                                     "!role:bias",
                                     "shape:768x3072",
                                     "shape:768x*",
                                     "shape:*x3072",
                                     "!shape:768",
                                     "size>2M",
                                     "size>=2359296",
                                     "size<=2359296",
                                     "size=2359296",
                                     "size:2359296",
                                     "size!=1",
                                     "size<2.4M",
                                     "size>2.2Mi",
                                     "elements<1G",
                                     "bytes<2G",
                                     "bytes>4.7M",
                                     "bytes<4.6Mi",
                                     "bytes>4600K",
                                     "ndim:2",
                                     "ndim<3",
                                     "kurtosis>10",
                                     "clip>0.1%",
                                     "clip<=0.002",
                                     "!clip>1%",
                                     "kurtosis:12",
                                     "absmax<=2",
                                     "std<1",
                                     "outlier>=20",
                                     "sqnr<40",
                                     "!sqnr>40",
                                     "attn dtype:bf16 size>1M !role:bias outlier>10"};
  static const char *const fail[] = {
      "xyz",          "name:bias",   "name=q_proj", "dtype:f32",     "dtype=bf",
      "role:bias",    "!attn",       "shape:768",   "shape:768x307", "shape:*x*x*",
      "shape:scalar", "size<2M",     "bytes>2G",    "ndim:3",        "ndim!=2",
      "kurtosis<10",  "kurtosis=11", "sqnr>40",     "!outlier>10",   "attn dtype:f16"};
  for (size_t i = 0; i < sizeof pass / sizeof *pass; i++)
    if (verdict(pass[i], &stats) != FILTER_PASSES)
      fail_msg("%s does not pass", pass[i]);
  for (size_t i = 0; i < sizeof fail / sizeof *fail; i++)
    if (verdict(fail[i], &stats) != FILTER_FAILS)
      fail_msg("%s passes", fail[i]);
}

static void unknown_statistics_are_pending(void **state)
{
  (void)state;
  struct stats stats = {.state = STATS_UNKNOWN};
  assert_int_equal(verdict("kurtosis>10", &stats), FILTER_PENDING);
  assert_int_equal(verdict("!kurtosis>10", &stats), FILTER_PENDING);
  assert_int_equal(verdict("kurtosis>10 dtype:f32", &stats), FILTER_FAILS);
  assert_int_equal(verdict("kurtosis>10", NULL), FILTER_PENDING);
  stats.state = STATS_NONE;
  assert_int_equal(verdict("kurtosis>10", &stats), FILTER_FAILS);
  stats.state = STATS_KNOWN;
  stats.value[STAT_KURTOSIS] = (double)NAN;
  assert_int_equal(verdict("kurtosis>10", &stats), FILTER_FAILS);
  assert_int_equal(verdict("kurtosis<10", &stats), FILTER_FAILS);
}

static void wrong_filters_say_where_and_what(void **state)
{
  (void)state;
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"dtpe:bf16", "position 1: 'dtpe' is no property of a tensor; did you mean dtype?"},
      {"attn sze>1M", "position 6: 'sze' is no property of a tensor; did you mean size?"},
      {"kurtosis>", "position 1: 'kurtosis>': expected a number such as 20 or 1.5M"},
      {"a b size>1Q", "position 5: 'size>1Q': expected a number"},
      {"size>nan", "expected a number"},
      {"dtype>f32", "text is compared by ':' or '='"},
      {"name:", "expected a word behind it"},
      {"role:bais", "no role 'bais'; did you mean bias?"},
      {"dtype:bf61", "no stored type 'bf61'; did you mean bf16?"},
      {"shape:7by8", "expected a shape such as 768x* or scalar"},
      {"!", "position 1: expected a word behind '!'"},
      {"a:b", "position 1: 'a' is no property"},
      {"size!3", "expected one of : = != < <= > >="},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct filter filter;
    struct error error;
    assert_int_equal(filter_parse(cases[i].text, &filter, &error), STATUS_USAGE);
    if (!strstr(error.text, cases[i].says))
      fail_msg("%s: %s", cases[i].text, error.text);
  }
  char many[512] = "";
  struct filter filter;
  for (int i = 0; i < FILTER_TERMS + 1; i++)
    strcat(many, "a ");
  assert_int_equal(filter_parse(many, &filter, NULL), STATUS_USAGE);
}

/* --- the catalog ------------------------------------------------------------------------ */

static void chains_are_folded_and_levels_ordered(void **state)
{
  (void)state;
  struct source *source = SOURCE_OF("model.layers.10.w", "model.layers.2.w", "model.layers.2.b",
                                    "head/x", "head/y", "alone.with.levels");
  struct catalog *catalog = catalog_new(source, NULL);
  assert_true(catalog_has_groups(catalog));
  assert_string_equal(rows_of(catalog), "alone.with.levels head/x head/y model.layers.2.b "
                                        "model.layers.2.w model.layers.10.w");
  catalog_set_tree(catalog, true);
  assert_string_equal(rows_of(catalog), "alone.with.levels head+ model.layers+");
  struct catalog_row group = catalog_row(catalog, 2);
  assert_int_equal(group.tensors, 3);
  assert_true(group.elements == 1 + 2 + 3 && group.bytes == 4 * (1 + 2 + 3));
  catalog_open_all(catalog, true);
  assert_string_equal(rows_of(catalog), "alone.with.levels head- 'x 'y model.layers- '2- ''b ''w "
                                        "'10.w");
  catalog_open(catalog, group.node, false);
  assert_string_equal(rows_of(catalog), "alone.with.levels head- 'x 'y model.layers+");
  /* What is hidden is found as the group that hides it. */
  assert_int_equal(catalog_find(catalog, catalog_node(catalog, 0)), 4);
  catalog_free(catalog);
  source_close(source);
}

static void filters_narrow_and_wrong_ones_change_nothing(void **state)
{
  (void)state;
  struct error error;
  struct source *source = SOURCE_OF("a.conv", "a.bias", "b.conv", "b.bias", "c");
  struct catalog *catalog = catalog_new(source, NULL);
  catalog_set_tree(catalog, true);
  assert_string_equal(rows_of(catalog), "a+ b+ c");
  assert_int_equal(catalog_filter(catalog, "bi", &error), STATUS_OK);
  assert_string_equal(rows_of(catalog), "a- 'bias b- 'bias");
  assert_int_equal(catalog_total(catalog).tensors, 2);
  assert_true(catalog_total(catalog).elements == 2 + 4);
  assert_int_equal(catalog_filter(catalog, "bi nosuch:1", &error), STATUS_USAGE);
  assert_string_equal(rows_of(catalog), "a- 'bias b- 'bias");
  assert_int_equal(catalog_filter(catalog, "bias size>2", &error), STATUS_OK);
  assert_string_equal(rows_of(catalog), "b- 'bias");
  assert_int_equal(catalog_filter(catalog, "", &error), STATUS_OK);
  assert_string_equal(rows_of(catalog), "a+ b+ c");
  catalog_set_tree(catalog, false);
  assert_int_equal(catalog_filter(catalog, "b", &error), STATUS_OK);
  assert_int_equal(catalog_filter(catalog, "bc", &error), STATUS_OK); /* letters added */
  assert_string_equal(rows_of(catalog), "b.conv");
  assert_int_equal(catalog_filter(catalog, "c", &error), STATUS_OK); /* the best one first */
  assert_string_equal(rows_of(catalog), "c a.conv b.conv");
  assert_int_equal(catalog_filter(catalog, "kurtosis>1", &error), STATUS_OK);
  assert_int_equal(catalog_rows(catalog), 0);
  assert_int_equal(catalog_pending(catalog), 5);
  catalog_free(catalog);
  source_close(source);
}

static void siblings_and_lists_are_sorted_by_any_key(void **state)
{
  (void)state;
  struct source *source = SOURCE_OF("b.1", "b.0", "a.9", "a.2", "c");
  struct stats stats[5] = {0};
  for (int i = 0; i < 4; i++) {
    stats[i].state = STATS_KNOWN;
    for (int s = 0; s < STAT_COUNT; s++)
      stats[i].value[s] = (double)((i * 3) % 4); /* 0 3 2 1 */
  }
  struct catalog *catalog = catalog_new(source, stats);
  static const struct {
    enum catalog_key key;
    bool reverse;
    const char *list, *tree;
  } cases[] = {
      {KEY_NAME, false, "a.2 a.9 b.0 b.1 c", "a- '2 '9 b- '0 '1 c"},
      {KEY_NAME, true, "c b.1 b.0 a.9 a.2", "c b- '1 '0 a- '9 '2"},
      {KEY_FILE, false, "b.1 b.0 a.9 a.2 c", NULL},
      {KEY_SIZE, false, "c a.2 a.9 b.0 b.1", "a- '2 '9 c b- '0 '1"},
      {KEY_BYTES, true, "b.1 b.0 a.9 a.2 c", "b- '1 '0 c a- '9 '2"},
      {KEY_KURTOSIS, false, "b.0 a.9 a.2 b.1 c", "b- '0 '1 a- '9 '2 c"},
      {KEY_SQNR, false, "b.1 a.2 a.9 b.0 c", "b- '1 '0 a- '2 '9 c"},
      {KEY_SQNR, true, "b.0 a.9 a.2 b.1 c", NULL}, /* what is not known stays last */
  };
  catalog_open_all(catalog, true);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    catalog_set_tree(catalog, false);
    catalog_sort(catalog, cases[i].key, cases[i].reverse);
    assert_string_equal(rows_of(catalog), cases[i].list);
    catalog_set_tree(catalog, true);
    if (cases[i].tree)
      assert_string_equal(rows_of(catalog), cases[i].tree);
  }
  catalog_free(catalog);
  source_close(source);
  enum catalog_key key;
  bool reverse;
  struct error error;
  assert_int_equal(catalog_key_parse("bytes,reverse", &key, &reverse, &error), STATUS_OK);
  assert_true(key == KEY_BYTES && reverse);
  assert_int_equal(catalog_key_parse("byts", &key, &reverse, &error), STATUS_USAGE);
  assert_non_null(strstr(error.text, "did you mean bytes?"));
  assert_int_equal(catalog_key_parse("bytes,revers", &key, &reverse, &error), STATUS_USAGE);
}

/* --- hostile names ---------------------------------------------------------------------- */

static void walk_everything(struct catalog *catalog, size_t tensors)
{
  size_t leaves = 0;
  catalog_open_all(catalog, true);
  catalog_set_tree(catalog, true);
  for (size_t i = 0; i < catalog_rows(catalog); i++) {
    struct catalog_row row = catalog_row(catalog, i);
    assert_true(row.depth < CATALOG_DEPTH);
    assert_true(row.label_size > 0);
    assert_int_equal(catalog_find(catalog, row.node), i);
    leaves += row.tensor != CATALOG_NONE;
  }
  assert_int_equal(leaves, tensors);
}

static void odd_names_are_listed(void **state)
{
  (void)state;
  struct source *source = SOURCE_OF("", ".", "..", "...", "/", "//", "a", "a.", "a..", "a..b",
                                    "\033[31mred", "\xff\xfe", "a.\033]0;x\a", "a.b.", "a.b");
  struct catalog *catalog = catalog_new(source, NULL);
  walk_everything(catalog, 15);
  catalog_free(catalog);
  source_close(source);
}

static void depth_is_bounded(void **state)
{
  (void)state;
  enum { LEVELS = 10000, NAMES = 200 };
  static char name[2 * LEVELS + 1];
  struct source *source = mem_array(1, sizeof *source);
  for (int i = 0; i < NAMES; i++) {
    for (int k = 0; k < LEVELS; k++)
      memcpy(name + 2 * (size_t)k, k < i * 50 ? "a." : "b.", 2);
    add(source, name, "f32", (struct shape){.dims = 0});
  }
  struct catalog *catalog = catalog_new(source, NULL);
  walk_everything(catalog, NAMES);
  catalog_free(catalog);
  source_close(source);
}

static void long_names_cost_no_more_than_their_length(void **state)
{
  (void)state;
  enum { LENGTH = 1 << 20 };
  struct error error;
  char *name = mem_array(LENGTH + 1, 1);
  memset(name, 'a', LENGTH);
  struct source *source = mem_array(1, sizeof *source);
  add(source, name, "f32", (struct shape){.dims = 0});
  name[LENGTH - 1] = 'b';
  add(source, name, "f32", (struct shape){.dims = 0});
  struct catalog *catalog = catalog_new(source, NULL);
  walk_everything(catalog, 2);
  catalog_set_tree(catalog, false);
  assert_int_equal(catalog_filter(catalog, "aab", &error), STATUS_OK);
  assert_int_equal(catalog_matches(catalog), 1);
  assert_int_equal(catalog_filter(catalog, "name:*aab", &error), STATUS_OK);
  assert_int_equal(catalog_matches(catalog), 1);
  assert_int_equal(catalog_filter(catalog, "role:number", &error), STATUS_OK);
  assert_int_equal(catalog_matches(catalog), 2);
  catalog_free(catalog);
  source_close(source);
  free(name);
}

static void no_tensors_are_a_catalog_too(void **state)
{
  (void)state;
  struct error error;
  struct source *source = mem_array(1, sizeof *source);
  struct catalog *catalog = catalog_new(source, NULL);
  assert_int_equal(catalog_rows(catalog), 0);
  catalog_set_tree(catalog, true);
  assert_int_equal(catalog_filter(catalog, "x", &error), STATUS_OK);
  assert_int_equal(catalog_rows(catalog), 0);
  assert_int_equal(catalog_total(catalog).tensors, 0);
  catalog_free(catalog);
  source_close(source);
}

static void ten_thousand_tensors_are_found(void **state)
{
  (void)state;
  enum { LAYERS = 2500 };
  static const char *const parts[] = {"q", "k", "v", "o"};
  struct error error;
  struct source *source = mem_array(1, sizeof *source);
  for (int i = 0; i < LAYERS; i++)
    for (int k = 0; k < 4; k++) {
      char name[64];
      snprintf(name, sizeof name, "model.layers.%d.%s.weight", i, parts[k]);
      add(source, name, "bf16", (struct shape){.dims = 2, .dim = {64, 64}});
    }
  struct catalog *catalog = catalog_new(source, NULL);
  assert_int_equal(catalog_rows(catalog), 4 * LAYERS);
  assert_int_equal(catalog_filter(catalog, "name:.999.", &error), STATUS_OK);
  assert_int_equal(catalog_rows(catalog), 4);
  assert_int_equal(catalog_filter(catalog, "", &error), STATUS_OK);
  catalog_set_tree(catalog, true);
  assert_string_equal(rows_of(catalog), "model.layers+");
  walk_everything(catalog, (size_t)4 * LAYERS);
  catalog_free(catalog);
  source_close(source);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_ordered_by_value),
      cmocka_unit_test(better_matches_have_higher_scores),
      cmocka_unit_test(purposes_follow_name_type_and_shape),
      cmocka_unit_test(purposes_of_real_files),
      cmocka_unit_test(every_predicate_and_relation_decides),
      cmocka_unit_test(unknown_statistics_are_pending),
      cmocka_unit_test(wrong_filters_say_where_and_what),
      cmocka_unit_test(chains_are_folded_and_levels_ordered),
      cmocka_unit_test(filters_narrow_and_wrong_ones_change_nothing),
      cmocka_unit_test(siblings_and_lists_are_sorted_by_any_key),
      cmocka_unit_test(odd_names_are_listed),
      cmocka_unit_test(depth_is_bounded),
      cmocka_unit_test(long_names_cost_no_more_than_their_length),
      cmocka_unit_test(no_tensors_are_a_catalog_too),
      cmocka_unit_test(ten_thousand_tensors_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
