#include "config.h"

#include "analysis/match.h"

#include "quant/base/nearest.h"
#include "quant/base/size.h"

#include <stdlib.h>
#include <string.h>

enum { NEAREST_MOST = 4096 }; /* candidates: comparing names takes time */

/* A name that a tensor answers to. */
struct key {
  char *name;
  size_t tensor;
  size_t rank; /* 0: its own name, 1..: what that is elsewhere, the likeliest first */
};

struct keys {
  struct key *key;
  size_t count, capacity;
};

/* One of the two sources. */
struct side {
  const struct source *source;
  bool *barred;     /* not chosen, part of a derived tensor, or matched already */
  struct keys keys; /* by name, rank, tensor */
};

static void side_clear(struct side *side)
{
  for (size_t i = 0; i < side->keys.count; i++)
    free(side->keys.key[i].name);
  free(side->keys.key);
  free(side->barred);
}

static bool add_key(struct keys *keys, const char *name, size_t length, size_t tensor, size_t rank)
{
  if (keys->count == keys->capacity) {
    size_t capacity = keys->capacity ? 2 * keys->capacity : 64;
    struct key *grown = mem_resize(keys->key, capacity, sizeof *grown);
    if (!grown)
      return false;
    keys->key = grown;
    keys->capacity = capacity;
  }
  char *copy = strndup(name, length);
  if (!copy)
    return false;
  keys->key[keys->count++] = (struct key){copy, tensor, rank};
  return true;
}

/* Length of the name without what marks a derived tensor. */
static size_t plain_length(const struct tensor *tensor)
{
  size_t length = strlen(tensor->name), tail = strlen(DERIVED_SUFFIX);
  bool marked =
      tensor->derived && length > tail && strcmp(tensor->name + length - tail, DERIVED_SUFFIX) == 0;
  return marked ? length - tail : length;
}

static bool add_keys(struct side *side, size_t index, const struct rename_rule *rule, size_t rules)
{
  const struct tensor *tensor = source_tensor(side->source, index);
  char alias[RENAME_MOST][RENAME_TEXT], renamed[RENAME_TEXT], plain[RENAME_TEXT];
  size_t length = plain_length(tensor);
  if (length >= sizeof plain)
    return add_key(&side->keys, tensor->name, length, index, 0);
  memcpy(plain, tensor->name, length);
  plain[length] = '\0';
  const char *name = rename_apply(rule, rules, plain, renamed, sizeof renamed) ? renamed : plain;
  bool good = add_key(&side->keys, name, strlen(name), index, 0);
  size_t aliases = rename_aliases(name, alias);
  for (size_t i = 0; i < aliases && good; i++)
    good = add_key(&side->keys, alias[i], strlen(alias[i]), index, i + 1);
  return good;
}

static bool is_derived(const struct side *side, size_t index)
{
  return source_tensor(side->source, index)->derived != NULL;
}

static int by_name(const void *left, const void *right)
{
  const struct key *a = left, *b = right;
  int order = strcmp(a->name, b->name);
  if (order == 0)
    order = (a->rank > b->rank) - (a->rank < b->rank);
  return order ? order : (a->tensor > b->tensor) - (a->tensor < b->tensor);
}

static void bar_parts(struct side *side)
{
  for (size_t i = 0; i < source_count(side->source); i++) {
    const struct derived *derived = source_tensor(side->source, i)->derived;
    for (unsigned p = 0; derived && p < derived->parts; p++)
      side->barred[derived->part[p].index] = true;
  }
}

/* CHOSEN: see match_sources. */
static bool side_init(struct side *side, const size_t *chosen, size_t count,
                      const struct rename_rule *rule, size_t rules)
{
  size_t tensors = source_count(side->source);
  side->barred = mem_array(tensors, sizeof *side->barred);
  if (!side->barred)
    return false;
  memset(side->barred, chosen != NULL, tensors);
  for (size_t i = 0; i < count && chosen; i++)
    side->barred[chosen[i]] = false;
  bar_parts(side);
  bool good = true;
  for (size_t i = 0; i < tensors && good; i++)
    good = side->barred[i] || add_keys(side, i, rule, rules);
  if (good && side->keys.count)
    qsort(side->keys.key, side->keys.count, sizeof *side->keys.key, by_name);
  return good;
}

/* --- looking for partners ------------------------------------------------------------------- */

/* The first key of that name. */
static size_t first_key(const struct keys *keys, const char *name)
{
  size_t low = 0, high = keys->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(keys->key[middle].name, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The best free tensor that answers to NAME with a rank up to MOST: a derived one before others.
 * SIZE_MAX: none. */
static size_t find_partner(const struct side *side, const char *name, size_t most)
{
  size_t found = SIZE_MAX;
  for (size_t i = first_key(&side->keys, name); i < side->keys.count; i++) {
    const struct key *key = &side->keys.key[i];
    if (strcmp(key->name, name) != 0)
      break;
    if (side->barred[key->tensor] || key->rank > most)
      continue;
    if (is_derived(side, key->tensor))
      return key->tensor;
    if (found == SIZE_MAX)
      found = key->tensor;
  }
  return found;
}

struct search {
  struct side a, b;
  size_t *partner; /* of each tensor of A; SIZE_MAX: none */
};

static void join(struct search *search, size_t a, size_t b)
{
  search->partner[a] = b;
  search->a.barred[a] = search->b.barred[b] = true;
}

/* All keys of A of one rank against those of B up to rank MOST; derived tensors of A come first. */
static void match_rank(struct search *search, size_t rank, size_t most, bool derived)
{
  for (size_t i = 0; i < search->a.keys.count; i++) {
    const struct key *key = &search->a.keys.key[i];
    if (key->rank != rank || search->a.barred[key->tensor] ||
        is_derived(&search->a, key->tensor) != derived)
      continue;
    size_t partner = find_partner(&search->b, key->name, most);
    if (partner != SIZE_MAX)
      join(search, key->tensor, partner);
  }
}

static size_t free_tensors(const struct side *side, size_t *last)
{
  size_t count = 0;
  for (size_t i = 0; i < source_count(side->source); i++)
    if (!side->barred[i]) {
      count++;
      *last = i;
    }
  return count;
}

static void match_all(struct search *search)
{
  size_t a, b;
  if (free_tensors(&search->a, &a) == 1 && free_tensors(&search->b, &b) == 1) {
    join(search, a, b);
    return;
  }
  for (int derived = 1; derived >= 0; derived--) /* equal names */
    match_rank(search, 0, 0, derived);
  for (size_t rank = 0; rank <= RENAME_MOST; rank++)
    for (int derived = 1; derived >= 0; derived--)
      match_rank(search, rank, RENAME_MOST, derived);
}

static bool collect(const struct search *search, struct matching *out)
{
  size_t a_count = source_count(search->a.source), b_count = source_count(search->b.source);
  out->pair = mem_array(a_count, sizeof *out->pair);
  out->only_a = mem_array(a_count, sizeof *out->only_a);
  out->only_b = mem_array(b_count, sizeof *out->only_b);
  if (!out->pair || !out->only_a || !out->only_b)
    return false;
  for (size_t i = 0; i < a_count; i++) {
    if (search->partner[i] != SIZE_MAX)
      out->pair[out->pairs++] = (struct match_pair){i, search->partner[i]};
    else if (!search->a.barred[i])
      out->only_a[out->only_a_count++] = i;
  }
  for (size_t i = 0; i < b_count; i++)
    if (!search->b.barred[i])
      out->only_b[out->only_b_count++] = i;
  return true;
}

enum status match_sources(const struct source *a, const struct source *b, const size_t *chosen,
                          size_t count, const struct rename_rule *rule, size_t rules,
                          struct matching *out, struct error *error)
{
  struct search search = {.a.source = a, .b.source = b};
  *out = (struct matching){0};
  search.partner = mem_array(source_count(a), sizeof *search.partner);
  bool good = search.partner && side_init(&search.a, chosen, count, rule, rules) &&
              side_init(&search.b, NULL, 0, NULL, 0);
  if (good) {
    memset(search.partner, 0xff, source_count(a) * sizeof *search.partner);
    match_all(&search);
    good = collect(&search, out);
  }
  side_clear(&search.a);
  side_clear(&search.b);
  free(search.partner);
  if (good)
    return STATUS_OK;
  matching_clear(out);
  return error_memory(error, "the names of the tensors");
}

void matching_clear(struct matching *matching)
{
  free(matching->pair);
  free(matching->only_a);
  free(matching->only_b);
  *matching = (struct matching){0};
}

const char *match_nearest(const struct source *source, size_t index, const struct source *other,
                          const size_t *candidate, size_t candidates)
{
  if (candidates > NEAREST_MOST)
    return NULL;
  const char **names = mem_array(candidates, sizeof *names), *found = NULL;
  for (size_t i = 0; names && i < candidates; i++)
    names[i] = source_tensor(other, candidate[i])->name;
  if (names)
    found = nearest_word(source_tensor(source, index)->name, names, candidates);
  free(names);
  return found;
}
