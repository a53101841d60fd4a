#include "config.h"

#include "analysis/diff_table.h"

#include "quant/base/nearest.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- rows ----------------------------------------------------------------------------------- */

static void check_shapes(const struct diff_table *table, struct diff_row *row, bool align)
{
  const struct tensor *a = source_tensor(table->a, row->a), *b = source_tensor(table->b, row->b);
  char expected[24 * SHAPE_MAX_DIMS], found[24 * SHAPE_MAX_DIMS], text[48 * SHAPE_MAX_DIMS + 64];
  bool transposed;
  if (diff_shapes_fit(a, b, align, &transposed))
    return;
  snprintf(text, sizeof text, "%s in A, %s in B%s",
           shape_print(&a->shape, expected, sizeof expected),
           shape_print(&b->shape, found, sizeof found),
           transposed ? ": transposed, --align compares them so" : "");
  row->state = DIFF_SHAPES;
  row->reason = strdup(text);
}

enum status diff_table_init(const struct source *a, const struct source *b, const size_t *chosen,
                            size_t count, const struct rename_rule *rule, size_t rules, bool align,
                            struct diff_table *out, struct error *error)
{
  *out = (struct diff_table){.a = a, .b = b};
  enum status status = match_sources(a, b, chosen, count, rule, rules, &out->matching, error);
  if (status != STATUS_OK)
    return status;
  out->rows = out->matching.pairs;
  out->row = mem_array(out->rows, sizeof *out->row);
  out->rank = mem_array(out->rows, sizeof *out->rank);
  if (!out->row || !out->rank) {
    out->rows = 0;
    diff_table_clear(out);
    return error_memory(error, "the comparison");
  }
  for (size_t i = 0; i < out->rows; i++) {
    out->rank[i] = i;
    out->row[i] = (struct diff_row){.a = out->matching.pair[i].a, .b = out->matching.pair[i].b};
    check_shapes(out, &out->row[i], align);
    out->done += out->row[i].state != DIFF_WAITING;
  }
  return STATUS_OK;
}

enum status diff_table_check(const struct diff_table *table, struct error *error)
{
  char a[128], b[128], first[128], second[128];
  const struct matching *m = &table->matching;
  if (table->rows)
    return STATUS_OK;
  const struct tensor *one = m->only_a_count ? source_tensor(table->a, m->only_a[0]) : NULL,
                      *other = m->only_b_count ? source_tensor(table->b, m->only_b[0]) : NULL;
  return error_set(error, STATUS_INPUT,
                   "no tensor of %s is called as one of %s (%s ..., %s ...); --rename FROM=TO "
                   "tells how A's names read in B",
                   text_escape(source_title(source_spec(table->a)), a, sizeof a),
                   text_escape(source_title(source_spec(table->b)), b, sizeof b),
                   one ? text_escape(one->name, first, sizeof first) : "none",
                   other ? text_escape(other->name, second, sizeof second) : "none");
}

void diff_table_clear(struct diff_table *table)
{
  for (size_t i = 0; i < table->rows; i++) {
    diff_free(table->row[i].diff);
    free(table->row[i].reason);
  }
  free(table->row);
  free(table->rank);
  matching_clear(&table->matching);
  *table = (struct diff_table){0};
}

void diff_table_set(struct diff_table *table, size_t at, struct diff *diff, enum status status,
                    const struct error *error)
{
  struct diff_row *row = &table->row[at];
  table->done += row->state == DIFF_WAITING;
  diff_free(row->diff);
  free(row->reason);
  row->diff = diff;
  row->state = status == STATUS_OK ? DIFF_DONE : DIFF_FAILED;
  row->reason = status == STATUS_OK ? NULL : strdup(error->text);
}

/* --- ranking -------------------------------------------------------------------------------- */

static const struct key {
  const char *name;
  bool ascending; /* the lowest is the worst */
} keys[] = {
    {"sqnr_db", true},
    {"mse", false},
    {"rmse", false},
    {"max_abs_error", false},
    {"mean_error", false},
    {"cosine", true},
    {"channel_sqnr_worst", true},
    {"zero_rate", false},
    {"bits_per_element", false},
    {"elements", false},
    {"name", true},
};
enum { KEYS = sizeof keys / sizeof *keys };

static enum status find_key(const char *name, const struct key **out, struct error *error)
{
  const char *names[KEYS];
  for (size_t i = 0; i < KEYS; i++) {
    names[i] = keys[i].name;
    if (strcmp(keys[i].name, name) == 0) {
      *out = &keys[i];
      return STATUS_OK;
    }
  }
  const char *near = nearest_word(name, names, KEYS);
  return error_set(error, STATUS_USAGE, "nothing to sort by is called '%s'; %s '%s'", name,
                   near ? "did you mean" : "the first one is", near ? near : keys[0].name);
}

/* What a row is ranked by: the largest first. */
struct place {
  double worth;
  size_t row;
};

static double worth_of(const struct diff_row *row, const struct key *key)
{
  if (strcmp(key->name, "name") == 0)
    return 0;
  if (!row->diff)
    return (double)NAN;
  if (strcmp(key->name, "elements") == 0)
    return (double)row->diff->count;
  double value = metric_find(key->name)->value(&row->diff->metrics);
  return key->ascending ? -value : fabs(value);
}

static int by_worth(const void *left, const void *right)
{
  const struct place *a = left, *b = right;
  if (isnan(a->worth) != isnan(b->worth))
    return isnan(a->worth) ? 1 : -1;
  if (a->worth > b->worth || a->worth < b->worth)
    return a->worth > b->worth ? -1 : 1;
  return (a->row > b->row) - (a->row < b->row);
}

enum status diff_table_rank(struct diff_table *table, const char *name, struct error *error)
{
  const struct key *key = keys;
  enum status status = find_key(name, &key, error);
  if (status != STATUS_OK)
    return status;
  struct place *place = mem_array(table->rows, sizeof *place);
  if (!place)
    return error_memory(error, "the ranking");
  for (size_t i = 0; i < table->rows; i++)
    place[i] = (struct place){worth_of(&table->row[i], key), i};
  if (table->rows)
    qsort(place, table->rows, sizeof *place, by_worth);
  for (size_t i = 0; i < table->rows; i++)
    table->rank[i] = place[i].row;
  free(place);
  return STATUS_OK;
}

struct diff_total diff_table_total(const struct diff_table *table)
{
  struct diff_total total = {0};
  double signal2 = 0, error2 = 0, a_bits = 0, b_bits = 0, finite = 0;
  for (size_t i = 0; i < table->rows; i++) {
    const struct diff *diff = table->row[i].diff;
    if (!diff)
      continue;
    double count = (double)diff->count;
    total.tensors++;
    total.identical += diff->differing == 0;
    total.count += diff->count;
    signal2 += diff->signal2;
    error2 += diff->error2;
    finite += (double)(diff->a.finite - diff->lost);
    a_bits += diff->count ? diff->a_bits * count : 0;
    b_bits += diff->count ? diff->b_bits * count : 0;
  }
  total.mse = finite > 0 ? error2 / finite : (double)NAN;
  total.sqnr_db = finite > 0 ? sqnr_db(signal2, error2) : (double)NAN;
  total.a_bits = total.count ? a_bits / (double)total.count : (double)NAN;
  total.b_bits = total.count ? b_bits / (double)total.count : (double)NAN;
  return total;
}
