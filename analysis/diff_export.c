/* Comparisons of two sources as JSON and as comma-separated values. */
#include "analysis/diff_table.h"
#include "analysis/export.h"
#include "quant/base/size.h"

#include <math.h>
#include <string.h>

/* The metrics that a comparison has, in the order of the table. */
static const char *const metrics[] = {"mse",
                                      "rmse",
                                      "sqnr_db",
                                      "max_abs_error",
                                      "mean_error",
                                      "cosine",
                                      "zero_rate",
                                      "channel_sqnr_median",
                                      "channel_sqnr_worst"};
enum { METRICS = sizeof metrics / sizeof *metrics };

static double metric_of(const struct diff *diff, size_t i)
{
  return metric_find(metrics[i])->value(&diff->metrics);
}

/* --- JSON ----------------------------------------------------------------------------------- */

static json_t *shape_json(const struct shape *shape)
{
  json_t *array = json_array();
  for (unsigned i = 0; i < shape->dims; i++)
    json_array_append_new(array, json_integer((json_int_t)shape->dim[i]));
  return array;
}

static json_t *side_json(const struct tensor *tensor)
{
  json_t *object = json_object();
  json_object_set_new(object, "tensor", export_text(tensor->name));
  json_object_set_new(object, "stored", json_string(tensor->stored->name));
  json_object_set_new(object, "shape", shape_json(&tensor->shape));
  return object;
}

static json_t *grid_json(const struct on_grid *grid)
{
  char text[GRID_TEXT];
  return grid->kind == GRID_NONE ? json_null() : json_string(grid_print(grid, text, sizeof text));
}

static void set_facts(json_t *side, const struct extremes *extremes, double bits,
                      const struct on_grid *grid)
{
  json_object_set_new(side, "nan", json_integer((json_int_t)extremes->nan));
  json_object_set_new(side, "inf", json_integer((json_int_t)extremes->inf));
  json_object_set_new(side, "min", export_number((double)extremes->min));
  json_object_set_new(side, "max", export_number((double)extremes->max));
  json_object_set_new(side, "bits_per_element", export_number(bits));
  json_object_set_new(side, "grid", grid_json(grid));
}

static json_t *worst_json(const struct diff *diff)
{
  json_t *array = json_array();
  for (size_t i = 0; i < diff->worst_count; i++) {
    json_t *object = json_object();
    const struct diff_channel *channel = &diff->worst[i];
    json_object_set_new(object, "channel", json_integer((json_int_t)channel->channel));
    json_object_set_new(object, "sqnr_db", export_number(channel->sqnr_db));
    json_object_set_new(object, "mse", export_number(channel->mse));
    json_array_append_new(array, object);
  }
  return array;
}

static void set_numbers(json_t *object, const struct diff *diff)
{
  char text[2 * DIFF_TEXT];
  json_t *numbers = json_object();
  for (size_t i = 0; i < METRICS; i++)
    json_object_set_new(numbers, metrics[i], export_number(metric_of(diff, i)));
  json_object_set_new(object, "elements", json_integer((json_int_t)diff->count));
  json_object_set_new(object, "identical", json_boolean(diff->differing == 0));
  json_object_set_new(object, "differing", json_integer((json_int_t)diff->differing));
  json_object_set_new(object, "finite_in_a_only", json_integer((json_int_t)diff->lost));
  json_object_set_new(object, "finite_in_b_only", json_integer((json_int_t)diff->found));
  json_object_set_new(object, "metrics", numbers);
  json_object_set_new(object, "axis", json_integer((json_int_t)diff->channels.axis));
  json_object_set_new(object, "worst_channels", worst_json(diff));
  diff_remark(diff, text, sizeof text);
  json_object_set_new(object, "remark", *text ? json_string(text) : json_null());
}

static json_t *row_json(const struct diff_table *table, const struct diff_row *row)
{
  json_t *object = json_object(), *a = side_json(source_tensor(table->a, row->a)),
         *b = side_json(source_tensor(table->b, row->b));
  if (row->diff) {
    set_facts(a, &row->diff->a, row->diff->a_bits, &row->diff->a_grid);
    set_facts(b, &row->diff->b, row->diff->b_bits, &row->diff->b_grid);
  }
  json_object_set_new(object, "a", a);
  json_object_set_new(object, "b", b);
  if (row->diff)
    set_numbers(object, row->diff);
  else
    json_object_set_new(object, row->state == DIFF_SHAPES ? "shapes" : "failed",
                        row->reason ? export_text(row->reason) : json_null());
  return object;
}

static json_t *alone_json(const struct source *source, const size_t *index, size_t count,
                          const struct source *other, const size_t *others, size_t other_count)
{
  json_t *array = json_array();
  for (size_t i = 0; i < count; i++) {
    const char *near = match_nearest(source, index[i], other, others, other_count);
    json_t *object = side_json(source_tensor(source, index[i]));
    json_object_set_new(object, "nearest", near ? export_text(near) : json_null());
    json_array_append_new(array, object);
  }
  return array;
}

static json_t *total_json(const struct diff_total *total)
{
  json_t *object = json_object();
  json_object_set_new(object, "tensors", json_integer((json_int_t)total->tensors));
  json_object_set_new(object, "identical", json_integer((json_int_t)total->identical));
  json_object_set_new(object, "elements", json_integer((json_int_t)total->count));
  json_object_set_new(object, "mse", export_number(total->mse));
  json_object_set_new(object, "sqnr_db", export_number(total->sqnr_db));
  json_object_set_new(object, "a_bits_per_element", export_number(total->a_bits));
  json_object_set_new(object, "b_bits_per_element", export_number(total->b_bits));
  return object;
}

void diff_table_json(const struct diff_table *table, size_t top, FILE *out)
{
  const struct matching *m = &table->matching;
  struct diff_total total = diff_table_total(table);
  json_t *root = json_object(), *rows = json_array();
  for (size_t i = 0; i < size_min(table->rows, top); i++)
    json_array_append_new(rows, row_json(table, &table->row[table->rank[i]]));
  json_object_set_new(root, "a", export_text(source_spec(table->a)));
  json_object_set_new(root, "b", export_text(source_spec(table->b)));
  json_object_set_new(root, "tensors", rows);
  json_object_set_new(
      root, "only_in_a",
      alone_json(table->a, m->only_a, m->only_a_count, table->b, m->only_b, m->only_b_count));
  json_object_set_new(
      root, "only_in_b",
      alone_json(table->b, m->only_b, m->only_b_count, table->a, m->only_a, m->only_a_count));
  json_object_set_new(root, "total", total_json(&total));
  json_object_set_new(root, "exact", json_true());
  export_json(root, out);
}

/* --- comma-separated values ----------------------------------------------------------------- */

static void text_cell(FILE *out, const char *text)
{
  export_csv_text(out, text);
  fputc(',', out);
}

static void number_cell(FILE *out, double value)
{
  export_csv_number(out, value);
  fputc(',', out);
}

static void side_cells(FILE *out, const struct source *source, size_t index)
{
  char text[24 * SHAPE_MAX_DIMS];
  const struct tensor *tensor = source ? source_tensor(source, index) : NULL;
  text_cell(out, tensor ? tensor->name : "");
  text_cell(out, tensor ? tensor->stored->name : "");
  text_cell(out, tensor ? shape_print(&tensor->shape, text, sizeof text) : "");
}

static void row_csv(const struct diff_table *table, const struct diff_row *row, FILE *out)
{
  char text[2 * DIFF_TEXT] = "";
  const struct diff *diff = row->diff;
  side_cells(out, table->a, row->a);
  side_cells(out, table->b, row->b);
  fprintf(out, diff ? "%llu," : ",", diff ? (unsigned long long)diff->count : 0);
  for (size_t i = 0; i < METRICS; i++)
    number_cell(out, diff ? metric_of(diff, i) : (double)NAN);
  number_cell(out, diff && diff->worst_count ? (double)diff->worst[0].channel : (double)NAN);
  number_cell(out, diff ? diff->a_bits : (double)NAN);
  number_cell(out, diff ? diff->b_bits : (double)NAN);
  if (diff)
    fprintf(out, "%llu,%llu,%llu,", (unsigned long long)diff->differing,
            (unsigned long long)diff->lost, (unsigned long long)diff->found);
  else
    fputs(",,,", out);
  export_csv_text(out, diff          ? diff_remark(diff, text, sizeof text)
                       : row->reason ? row->reason
                                     : "");
  fputc('\n', out);
}

static void alone_csv(const struct source *source, const size_t *index, size_t count, bool of_a,
                      FILE *out)
{
  for (size_t i = 0; i < count; i++) {
    side_cells(out, of_a ? source : NULL, index[i]);
    side_cells(out, of_a ? NULL : source, index[i]);
    for (size_t k = 0; k < METRICS + 7; k++)
      fputc(',', out);
    fprintf(out, "only in %s\n", of_a ? "A" : "B");
  }
}

void diff_table_csv(const struct diff_table *table, size_t top, FILE *out)
{
  fputs("a,a_stored,a_shape,b,b_stored,b_shape,elements", out);
  for (size_t i = 0; i < METRICS; i++)
    fprintf(out, ",%s", metrics[i]);
  fputs(",worst_channel,a_bits_per_element,b_bits_per_element,differing,finite_in_a_only,"
        "finite_in_b_only,remark\n",
        out);
  for (size_t i = 0; i < size_min(table->rows, top); i++)
    row_csv(table, &table->row[table->rank[i]], out);
  alone_csv(table->a, table->matching.only_a, table->matching.only_a_count, true, out);
  alone_csv(table->b, table->matching.only_b, table->matching.only_b_count, false, out);
}
