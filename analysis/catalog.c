#include "config.h"

#include "analysis/catalog.h"

#include "analysis/names.h"
#include "analysis/purpose.h"
#include "quant/base/nearest.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct catalog_key_row catalog_keys[KEY_COUNT] = {
    [KEY_NAME] = {"name", false},      [KEY_FILE] = {"file", false},
    [KEY_DTYPE] = {"dtype", false},    [KEY_ROLE] = {"role", false},
    [KEY_SHAPE] = {"shape", true},     [KEY_SIZE] = {"size", true},
    [KEY_BYTES] = {"bytes", true},     [KEY_ABSMAX] = {"absmax", true},
    [KEY_STD] = {"std", true},         [KEY_KURTOSIS] = {"kurtosis", true},
    [KEY_OUTLIER] = {"outlier", true}, [KEY_SQNR] = {"sqnr", false},
    [KEY_CLIP] = {"clip", true},
};

/* Node 0 is the root; nodes 1..count are the tensors in natural order; then the groups. */
struct node {
  uint32_t parent, first, last, next; /* 0: none */
  uint32_t tensor;
  uint32_t prefix; /* of a group: bytes of the name that its members share */
  uint32_t start;  /* leaves below it: leaves start .. start + leaves - 1, natural order */
  uint32_t leaves;
  uint32_t matches;
  bool open;
  uint32_t row;                /* from 1; 0: not in the list */
  const struct stored *stored; /* of what passes; NULL: several, or nothing */
  double elements, bytes;      /* likewise */
  double key;                  /* for sorting */
};

struct catalog {
  const struct source *source;
  const struct stats *stats;
  size_t count, nodes;
  struct node *node;
  uint32_t *leaf_of; /* node of each tensor */
  int *score;        /* of each node 1..count; -1: fails, -2: pending */
  uint32_t *row;     /* nodes */
  size_t rows;
  uint32_t *scratch; /* for sorting */
  struct filter filter;
  char *text; /* of the filter */
  size_t matches, pending;
  enum catalog_key key;
  bool reverse, tree;
};

enum { SCORE_FAILS = -1, SCORE_PENDING = -2 };

enum status catalog_key_parse(const char *text, enum catalog_key *key, bool *reverse,
                              struct error *error)
{
  const char *words[KEY_COUNT];
  char word[64];
  size_t length = strcspn(text, ",");
  *reverse = strcmp(text + length, ",reverse") == 0;
  snprintf(word, sizeof word, "%.*s", (int)size_min(length, sizeof word), text);
  for (int i = 0; i < KEY_COUNT; i++) {
    words[i] = catalog_keys[i].word;
    *key = (enum catalog_key)i;
    if (strcmp(word, words[i]) == 0 && (*reverse || !text[length]))
      return STATUS_OK;
  }
  if (text[length] && !*reverse)
    return error_set(error, STATUS_USAGE, "expected KEY or KEY,reverse; found '%s'", text);
  const char *near = nearest_word(word, words, KEY_COUNT);
  return error_set(error, STATUS_USAGE, "no column '%s'%s%s%s", word, near ? "; did you mean " : "",
                   near ? near : "", near ? "?" : "");
}

/* --- the tree --------------------------------------------------------------------------- */

struct named {
  const char *name;
  uint32_t tensor;
};

static int by_name(const void *a, const void *b)
{
  return name_order(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static void attach(struct catalog *catalog, uint32_t child, uint32_t parent)
{
  struct node *node = catalog->node;
  node[child].parent = parent;
  if (node[parent].last)
    node[node[parent].last].next = child;
  else
    node[parent].first = child;
  node[parent].last = child;
  if (node[parent].leaves == 0)
    node[parent].start = node[child].start;
  node[parent].leaves += node[child].leaves;
}

/* From the beginnings that neighbours in natural order share: a group is made where one ends, so a
 * level with a single one below it never becomes a group. */
static void build(struct catalog *catalog, const struct named *named)
{
  struct node *node = catalog->node;
  uint32_t stack[CATALOG_DEPTH] = {0}, last = 0;
  size_t depth = 1;
  for (size_t i = 0; i <= catalog->count && catalog->count > 0; i++) {
    size_t common = i > 0 && i < catalog->count
                        ? name_common(named[i - 1].name, named[i].name, CATALOG_DEPTH - 1)
                        : 0;
    for (; depth > 1 && node[stack[depth - 1]].prefix > common; depth--) {
      attach(catalog, last, stack[depth - 1]);
      last = stack[depth - 1];
    }
    if (last && node[stack[depth - 1]].prefix < common) {
      uint32_t group = (uint32_t)catalog->nodes++;
      node[group] = (struct node){.tensor = CATALOG_NONE, .prefix = (uint32_t)common};
      stack[depth++] = group;
    }
    if (last)
      attach(catalog, last, stack[depth - 1]);
    if (i == catalog->count)
      break;
    last = (uint32_t)i + 1;
    node[last] = (struct node){.tensor = named[i].tensor, .start = last, .leaves = 1};
    catalog->leaf_of[named[i].tensor] = last;
  }
}

static bool make_tree(struct catalog *catalog)
{
  struct named *named = mem_array(catalog->count, sizeof *named);
  bool sorted = true;
  if (!named)
    return false;
  for (size_t i = 0; i < catalog->count; i++) {
    named[i] = (struct named){source_tensor(catalog->source, i)->name, (uint32_t)i};
    sorted = sorted && (i == 0 || name_order(named[i - 1].name, named[i].name) <= 0);
  }
  if (!sorted)
    qsort(named, catalog->count, sizeof *named, by_name);
  catalog->nodes = catalog->count + 1;
  catalog->node[0] = (struct node){.tensor = CATALOG_NONE, .open = true};
  build(catalog, named);
  free(named);
  return true;
}

void catalog_free(struct catalog *catalog)
{
  if (!catalog)
    return;
  free(catalog->node);
  free(catalog->leaf_of);
  free(catalog->score);
  free(catalog->row);
  free(catalog->scratch);
  free(catalog->text);
  free(catalog);
}

bool catalog_has_groups(const struct catalog *catalog)
{
  return catalog->nodes > catalog->count + 1;
}

/* --- what passes ------------------------------------------------------------------------ */

static const struct tensor *leaf_tensor(const struct catalog *catalog, uint32_t node)
{
  return source_tensor(catalog->source, catalog->node[node].tensor);
}

static const struct stats *stats_of(const struct catalog *catalog, uint32_t tensor)
{
  return catalog->stats ? &catalog->stats[tensor] : NULL;
}

/* Tests all tensors; AGAIN: those alone that passed before, because the filter has only become
 * narrower. */
static void test_all(struct catalog *catalog, bool again)
{
  for (uint32_t leaf = 1; leaf <= catalog->count; leaf++) {
    int score = 0;
    if (again && catalog->score[leaf] == SCORE_FAILS)
      continue;
    enum filter_verdict verdict =
        filter_test(&catalog->filter, leaf_tensor(catalog, leaf),
                    stats_of(catalog, catalog->node[leaf].tensor), &score);
    catalog->score[leaf] = verdict == FILTER_PASSES    ? score
                           : verdict == FILTER_PENDING ? SCORE_PENDING
                                                       : SCORE_FAILS;
  }
}

static const struct stored *same(const struct stored *a, const struct stored *b)
{
  return a == b ? a : NULL;
}

static void add_up(struct catalog *catalog)
{
  struct node *node = catalog->node;
  catalog->matches = catalog->pending = 0;
  for (size_t i = 0; i < catalog->nodes; i++) {
    node[i].matches = 0;
    node[i].elements = node[i].bytes = 0;
    node[i].stored = NULL;
  }
  for (uint32_t leaf = 1; leaf <= catalog->count; leaf++) {
    const struct tensor *tensor = leaf_tensor(catalog, leaf);
    catalog->pending += catalog->score[leaf] == SCORE_PENDING;
    if (catalog->score[leaf] < 0)
      continue;
    catalog->matches++;
    for (uint32_t at = leaf;; at = node[at].parent) {
      node[at].stored = node[at].matches++ ? same(node[at].stored, tensor->stored) : tensor->stored;
      node[at].elements += tensor->derived && at != leaf ? 0 : (double)tensor->count;
      node[at].bytes += tensor->derived && at != leaf ? 0 : (double)tensor->bytes;
      if (at == 0)
        break;
    }
  }
}

/* --- order ------------------------------------------------------------------------------ */

static enum stats_state stat_below(const struct catalog *catalog, uint32_t node, enum stat stat,
                                   double *value)
{
  const struct node *of = &catalog->node[node];
  enum stats_state best = STATS_NONE;
  *value = (double)NAN;
  if (!catalog->stats)
    return STATS_UNKNOWN;
  for (uint32_t leaf = of->start; leaf < of->start + of->leaves; leaf++) {
    const struct stats *stats = &catalog->stats[catalog->node[leaf].tensor];
    if (catalog->score[leaf] < 0)
      continue;
    enum stats_state state =
        (enum stats_state)atomic_load_explicit(&stats->state, memory_order_acquire);
    if (state != STATS_KNOWN) {
      if (best != STATS_KNOWN && state != STATS_NONE)
        best = state;
      continue;
    }
    best = STATS_KNOWN;
    double one = stats->value[stat];
    if (isnan(*value) || (stat == STAT_SQNR ? one < *value : one > *value))
      *value = one;
  }
  return best;
}

static double shape_key(const struct shape *shape)
{
  return shape->dims + 1 - 1 / (1 + (double)(shape->dims ? shape->dim[0] : 0));
}

static size_t place_of_type(const struct stored *stored)
{
  for (size_t i = 0; i < stored_table_length; i++)
    if (stored == &stored_table[i])
      return i;
  return stored_table_length;
}

/* What does not order by text has a number, NaN where it is not known: these come last. */
static double key_of(const struct catalog *catalog, uint32_t node)
{
  const struct node *of = &catalog->node[node];
  bool leaf = of->tensor != CATALOG_NONE;
  const struct tensor *tensor = leaf_tensor(catalog, leaf ? node : of->start);
  double value;
  switch (catalog->key) {
  case KEY_FILE:
    return leaf ? of->tensor : catalog->node[of->start].tensor;
  case KEY_DTYPE:
    return (double)place_of_type(tensor->stored);
  case KEY_ROLE:
    return purpose_of(tensor);
  case KEY_SHAPE:
    return leaf ? shape_key(&tensor->shape) : (double)NAN;
  case KEY_SIZE:
    return of->elements;
  case KEY_BYTES:
    return of->bytes;
  case KEY_ABSMAX:
  case KEY_STD:
  case KEY_KURTOSIS:
  case KEY_OUTLIER:
  case KEY_SQNR:
  case KEY_CLIP:
    stat_below(catalog, node, (enum stat)(STAT_ABSMAX + (int)(catalog->key - KEY_ABSMAX)), &value);
    return value;
  case KEY_NAME:
  case KEY_COUNT:
    break;
  }
  return of->start;
}

/* qsort takes no context: the order is in the nodes' keys alone, lower first. */
static const struct node *sorted_nodes;

static int by_key(const void *a, const void *b)
{
  const struct node *x = &sorted_nodes[*(const uint32_t *)a],
                    *y = &sorted_nodes[*(const uint32_t *)b];
  if (isnan(x->key) || isnan(y->key)) {
    if (isnan(x->key) != isnan(y->key))
      return isnan(x->key) ? 1 : -1;
  } else if (x->key < y->key || x->key > y->key) {
    return x->key < y->key ? -1 : 1;
  }
  return (x->start > y->start) - (x->start < y->start);
}

static void sort_nodes(struct catalog *catalog, uint32_t *nodes, size_t count)
{
  bool down = catalog_keys[catalog->key].largest != catalog->reverse;
  bool ranked = catalog->key == KEY_NAME && catalog->filter.ranks && !catalog->tree;
  bool sorted = true;
  for (size_t i = 0; i < count; i++) {
    struct node *node = &catalog->node[nodes[i]];
    double key = ranked ? -(double)catalog->score[nodes[i]] : key_of(catalog, nodes[i]);
    node->key = down ? -key : key;
  }
  sorted_nodes = catalog->node;
  for (size_t i = 1; i < count && sorted; i++)
    sorted = by_key(&nodes[i - 1], &nodes[i]) <= 0;
  if (!sorted)
    qsort(nodes, count, sizeof *nodes, by_key);
}

static void sort_children(struct catalog *catalog, uint32_t parent)
{
  struct node *node = catalog->node;
  size_t count = 0;
  for (uint32_t at = node[parent].first; at; at = node[at].next)
    catalog->scratch[count++] = at;
  sort_nodes(catalog, catalog->scratch, count);
  node[parent].first = count ? catalog->scratch[0] : 0;
  for (size_t i = 0; i < count; i++)
    node[catalog->scratch[i]].next = i + 1 < count ? catalog->scratch[i + 1] : 0;
}

static void list_flat(struct catalog *catalog)
{
  for (uint32_t leaf = 1; leaf <= catalog->count; leaf++)
    if (catalog->score[leaf] >= 0)
      catalog->row[catalog->rows++] = leaf;
  sort_nodes(catalog, catalog->row, catalog->rows);
}

static bool is_open(const struct catalog *catalog, uint32_t node)
{
  return catalog->node[node].open || catalog->filter.terms > 0;
}

static void list_tree(struct catalog *catalog)
{
  const struct node *node = catalog->node;
  for (uint32_t at = node[0].first; at;) {
    bool shown = node[at].matches > 0;
    if (shown)
      catalog->row[catalog->rows++] = at;
    if (shown && node[at].first && is_open(catalog, at)) {
      at = node[at].first;
      continue;
    }
    while (at && !node[at].next)
      at = node[at].parent;
    at = at ? node[at].next : 0;
  }
}

static void list(struct catalog *catalog)
{
  for (size_t i = 0; i < catalog->rows; i++)
    catalog->node[catalog->row[i]].row = 0;
  catalog->rows = 0;
  if (catalog->tree)
    list_tree(catalog);
  else
    list_flat(catalog);
  for (size_t i = 0; i < catalog->rows; i++)
    catalog->node[catalog->row[i]].row = (uint32_t)i + 1;
}

static void sort_tree(struct catalog *catalog)
{
  if (!catalog->tree)
    return;
  sort_children(catalog, 0);
  for (size_t i = catalog->count + 1; i < catalog->nodes; i++)
    sort_children(catalog, (uint32_t)i);
}

static void remake(struct catalog *catalog, bool narrower)
{
  test_all(catalog, narrower);
  add_up(catalog);
  sort_tree(catalog);
  list(catalog);
}

struct catalog *catalog_new(const struct source *source, const struct stats *stats)
{
  struct catalog *catalog = mem_array(1, sizeof *catalog);
  if (!catalog)
    return NULL;
  size_t count = source_count(source), most = 2 * count + 1;
  *catalog = (struct catalog){.source = source, .stats = stats, .count = count};
  bool small = count < CATALOG_NONE / 2;
  if (small) {
    catalog->node = mem_array(most, sizeof *catalog->node);
    catalog->leaf_of = mem_array(count, sizeof *catalog->leaf_of);
    catalog->score = mem_array(count + 1, sizeof *catalog->score);
    catalog->row = mem_array(most, sizeof *catalog->row);
    catalog->scratch = mem_array(most, sizeof *catalog->scratch);
    catalog->text = strdup("");
  }
  if (!small || !catalog->node || !catalog->leaf_of || !catalog->score || !catalog->row ||
      !catalog->scratch || !catalog->text || !make_tree(catalog)) {
    catalog_free(catalog);
    return NULL;
  }
  remake(catalog, false);
  return catalog;
}

/* The list is as it was unless the filter or the order asks for statistics. */
void catalog_refresh(struct catalog *catalog)
{
  if (catalog->filter.asks_stats)
    return remake(catalog, false);
  if (catalog->key < KEY_ABSMAX)
    return;
  sort_tree(catalog);
  list(catalog);
}

/* Letters were added to what was a bare word, and nothing else. */
static bool only_narrower(const char *before, const char *after)
{
  size_t length = strlen(before);
  return length && strncmp(before, after, length) == 0 && !strpbrk(after, ":=<>!");
}

enum status catalog_filter(struct catalog *catalog, const char *text, struct error *error)
{
  struct filter filter;
  enum status status = filter_parse(text, &filter, error);
  char *copy = status == STATUS_OK ? strdup(text) : NULL;
  if (!copy)
    return status == STATUS_OK ? error_memory(error, "the filter") : status;
  bool narrower = only_narrower(catalog->text, text);
  free(catalog->text);
  catalog->text = copy;
  catalog->filter = filter;
  remake(catalog, narrower);
  return STATUS_OK;
}

void catalog_sort(struct catalog *catalog, enum catalog_key key, bool reverse)
{
  catalog->key = key;
  catalog->reverse = reverse;
  sort_tree(catalog);
  list(catalog);
}

void catalog_set_tree(struct catalog *catalog, bool tree)
{
  catalog->tree = tree;
  sort_tree(catalog);
  list(catalog);
}

void catalog_open(struct catalog *catalog, uint32_t node, bool open)
{
  catalog->node[node].open = open;
  list(catalog);
}

void catalog_open_all(struct catalog *catalog, bool open)
{
  for (size_t i = catalog->count + 1; i < catalog->nodes; i++)
    catalog->node[i].open = open;
  list(catalog);
}

/* --- what is shown ---------------------------------------------------------------------- */

size_t catalog_matches(const struct catalog *catalog)
{
  return catalog->matches;
}

size_t catalog_pending(const struct catalog *catalog)
{
  return catalog->pending;
}

bool catalog_is_filtered(const struct catalog *catalog)
{
  return catalog->filter.terms > 0;
}

size_t catalog_rows(const struct catalog *catalog)
{
  return catalog->rows;
}

/* The part of the name that the levels above do not have; its last separator goes, where something
 * is left. */
static void label_of(const struct catalog *catalog, uint32_t node, struct catalog_row *row)
{
  const struct node *of = &catalog->node[node];
  bool leaf = of->tensor != CATALOG_NONE;
  const char *name = leaf_tensor(catalog, leaf ? node : of->start)->name;
  size_t start = catalog->tree ? catalog->node[of->parent].prefix : 0;
  size_t end = leaf ? strlen(name) : of->prefix;
  row->label = name + start;
  row->label_size = end - start - (!leaf && end - start > 1);
  if (leaf && end == start) { /* the name ends with the separator */
    row->label = "(no name)";
    row->label_size = strlen(row->label);
  }
}

static struct catalog_row row_of(const struct catalog *catalog, uint32_t node)
{
  const struct node *of = &catalog->node[node];
  struct catalog_row row = {.node = node,
                            .tensor = of->tensor,
                            .open = of->first && is_open(catalog, node),
                            .tensors = of->matches,
                            .elements = of->elements,
                            .bytes = of->bytes,
                            .stored = of->stored};
  if (catalog->tree)
    for (uint32_t at = of->parent; at; at = catalog->node[at].parent)
      row.depth++;
  if (node)
    label_of(catalog, node, &row);
  return row;
}

struct catalog_row catalog_row(const struct catalog *catalog, size_t row)
{
  return row_of(catalog, catalog->row[row]);
}

struct catalog_row catalog_total(const struct catalog *catalog)
{
  return row_of(catalog, 0);
}

uint32_t catalog_node(const struct catalog *catalog, size_t tensor)
{
  return catalog->leaf_of[tensor];
}

uint32_t catalog_parent(const struct catalog *catalog, uint32_t node)
{
  return catalog->node[node].parent;
}

size_t catalog_find(const struct catalog *catalog, uint32_t node)
{
  while (node && !catalog->node[node].row)
    node = catalog->node[node].parent;
  return node ? catalog->node[node].row - 1 : 0;
}

size_t catalog_best(const struct catalog *catalog)
{
  size_t best = 0;
  int score = 0;
  for (size_t i = 0; i < catalog->rows; i++)
    if (catalog->row[i] <= catalog->count && catalog->score[catalog->row[i]] > score) {
      score = catalog->score[catalog->row[i]];
      best = i;
    }
  return best;
}

enum stats_state catalog_stat(const struct catalog *catalog, const struct catalog_row *row,
                              enum stat stat, double *value)
{
  return stat_below(catalog, row->node, stat, value);
}
