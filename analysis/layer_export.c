/* Runs of the layer lab as JSON and as comma-separated values. */
#include "analysis/export.h"
#include "analysis/layer_lab.h"

#include <math.h>

#define NUMBER(name)                                                                               \
  static double value_##name(const struct layer_numbers *n)                                        \
  {                                                                                                \
    return n->name;                                                                                \
  }
NUMBER(output_mse)
NUMBER(output_sqnr_db)
NUMBER(weights_mse)
NUMBER(activations_mse)
NUMBER(interaction_mse)
NUMBER(output_power)
NUMBER(cosine)
NUMBER(weight_mse)
NUMBER(weight_sqnr_db)
NUMBER(bits_per_weight)

const struct layer_metric layer_metric_table[] = {
    {"output_mse", value_output_mse},
    {"output_sqnr_db", value_output_sqnr_db},
    {"weights_mse", value_weights_mse},
    {"activations_mse", value_activations_mse},
    {"interaction_mse", value_interaction_mse},
    {"output_power", value_output_power},
    {"cosine", value_cosine},
    {"weight_mse", value_weight_mse},
    {"weight_sqnr_db", value_weight_sqnr_db},
    {"bits_per_weight", value_bits_per_weight},
};
const size_t layer_metric_table_length = sizeof layer_metric_table / sizeof *layer_metric_table;

static bool is_marked_best(const struct layer_row *rows, size_t count, size_t i)
{
  return rows[i].state == LAYER_DONE && layer_best(rows, count, i) == i;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *numbers_json(const struct layer_numbers *numbers)
{
  json_t *object = json_object();
  for (size_t i = 0; i < layer_metric_table_length; i++)
    json_object_set_new(object, layer_metric_table[i].name,
                        export_number(layer_metric_table[i].value(numbers)));
  const struct layer_spread spread = layer_channel_spread(numbers);
  json_object_set_new(
      object, "channel_sqnr_db",
      json_pack("{s:o, s:o, s:o}", "median", export_number(spread.median_db), "worst",
                export_number(spread.worst_db), "worst_channel",
                isnan(spread.worst_db) ? json_null() : json_integer((json_int_t)spread.worst)));
  json_object_set_new(object, "tokens", json_integer((json_int_t)numbers->tokens));
  return object;
}

static json_t *place_json(const struct layer_place *place)
{
  json_t *object, *shape = json_array();
  if (!place->tensor) {
    json_decref(shape);
    return json_null();
  }
  object = json_object();
  for (unsigned i = 0; i < place->tensor->shape.dims; i++)
    json_array_append_new(shape, json_integer((json_int_t)place->tensor->shape.dim[i]));
  json_object_set_new(object, "source", export_text(place->source));
  json_object_set_new(object, "tensor", export_text(place->tensor->name));
  json_object_set_new(object, "stored", export_text(place->tensor->stored->name));
  json_object_set_new(object, "shape", shape);
  return object;
}

static json_t *doubles_json(const double *value, size_t count)
{
  json_t *array = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(array, export_number(value[i]));
  return array;
}

/* null where nothing was searched. */
static json_t *search_json(const struct method_search *search)
{
  if (search->width == 0)
    return json_null();
  json_t *object = json_object();
  json_object_set_new(object, "across", export_text(search->across));
  json_object_set_new(object, "x", doubles_json(search->x, search->width));
  json_object_set_new(object, "down", search->down ? export_text(search->down) : json_null());
  json_object_set_new(object, "y",
                      search->y ? doubles_json(search->y, search->height) : json_null());
  json_object_set_new(object, "loss", export_text(search->loss));
  json_object_set_new(object, "value", doubles_json(search->value, search->width * search->height));
  json_object_set_new(object, "best", json_integer((json_int_t)search->best));
  return object;
}

static void set_done(json_t *object, const struct layer_row *row)
{
  json_object_set_new(object, "metrics", numbers_json(&row->calibration));
  json_object_set_new(object, "evaluation",
                      row->held_out.tokens ? numbers_json(&row->held_out) : json_null());
  json_object_set_new(object, "seconds", export_number(row->seconds));
  json_object_set_new(object, "said", *row->said ? export_text(row->said) : json_null());
  json_object_set_new(object, "search", search_json(&row->search));
}

static json_t *row_json(const struct layer_problem *problem, const struct layer_row *rows,
                        size_t count, size_t i)
{
  const struct layer_row *row = &rows[i];
  char method[METHOD_TEXT], spec[QUANTIZER_TEXT], verdict[LAYER_VERDICT];
  json_t *object = json_object();
  json_object_set_new(object, "weight", place_json(&problem->question.weight));
  json_object_set_new(object, "transposed", json_boolean(problem->question.transposed));
  json_object_set_new(object, "activation", place_json(&problem->question.activation));
  json_object_set_new(object, "held_out", place_json(&problem->question.held_out));
  json_object_set_new(object, "method", export_text(method_print(&row->ask.method, method)));
  json_object_set_new(object, "quantizer", export_text(quantizer_print(&row->ask.weight, spec)));
  json_object_set_new(object, "activation_quantizer",
                      row->ask.quantizes_activation
                          ? export_text(quantizer_print(&row->ask.activation, spec))
                          : json_null());
  json_object_set_new(object, "refused",
                      row->state == LAYER_REFUSED ? export_text(row->reason) : json_null());
  if (row->state == LAYER_DONE)
    set_done(object, row);
  json_object_set_new(object, "best", json_boolean(is_marked_best(rows, count, i)));
  layer_verdict(problem, rows, count, i, verdict);
  json_object_set_new(object, "verdict", *verdict ? export_text(verdict) : json_null());
  return object;
}

void layer_json(const struct layer_problem *problem, const struct layer_row *rows, size_t count,
                FILE *out)
{
  json_t *root = json_array();
  for (size_t i = 0; i < count; i++)
    if (rows[i].state != LAYER_WAITING)
      json_array_append_new(root, row_json(problem, rows, count, i));
  export_json(root, out);
}

/* --- CSV -------------------------------------------------------------------------------------- */

static void numbers_csv(const struct layer_numbers *numbers, FILE *out)
{
  const bool known = numbers->tokens > 0;
  const struct layer_spread spread = layer_channel_spread(numbers);
  for (size_t i = 0; i < layer_metric_table_length; i++) {
    fputc(',', out);
    if (known)
      export_csv_number(out, layer_metric_table[i].value(numbers));
  }
  fputc(',', out);
  export_csv_number(out, spread.median_db);
  fputc(',', out);
  export_csv_number(out, spread.worst_db);
  fputc(',', out);
  if (!isnan(spread.worst_db))
    fprintf(out, "%zu", spread.worst);
  fputc(',', out);
  if (known)
    fprintf(out, "%zu", numbers->tokens);
}

static void heads_csv(const char *prefix, FILE *out)
{
  static const char *const others[] = {"channel_sqnr_median_db", "channel_sqnr_worst_db",
                                       "worst_channel", "tokens"};
  for (size_t i = 0; i < layer_metric_table_length; i++)
    fprintf(out, ",%s%s", prefix, layer_metric_table[i].name);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    fprintf(out, ",%s%s", prefix, others[i]);
}

static void place_csv(const struct layer_place *place, FILE *out)
{
  export_csv_text(out, place->tensor ? place->source : "");
  fputc(',', out);
  export_csv_text(out, place->tensor ? place->tensor->name : "");
  fputc(',', out);
}

static void row_csv(const struct layer_problem *problem, const struct layer_row *rows, size_t count,
                    size_t i, FILE *out)
{
  const struct layer_row *row = &rows[i];
  char method[METHOD_TEXT], spec[QUANTIZER_TEXT];
  place_csv(&problem->question.weight, out);
  place_csv(&problem->question.activation, out);
  place_csv(&problem->question.held_out, out);
  export_csv_text(out, method_print(&row->ask.method, method));
  fputc(',', out);
  export_csv_text(out, quantizer_print(&row->ask.weight, spec));
  fputc(',', out);
  if (row->ask.quantizes_activation)
    export_csv_text(out, quantizer_print(&row->ask.activation, spec));
  fprintf(out, ",%s", is_marked_best(rows, count, i) ? "yes" : "no");
  numbers_csv(&row->calibration, out);
  numbers_csv(&row->held_out, out);
  fputc(',', out);
  if (row->state == LAYER_DONE)
    export_csv_number(out, row->seconds);
  fputc(',', out);
  export_csv_text(out, row->said);
  fputc(',', out);
  export_csv_text(out, row->reason);
  fputc('\n', out);
}

void layer_csv(const struct layer_problem *problem, const struct layer_row *rows, size_t count,
               FILE *out)
{
  fputs("weight_source,weight,activation_source,activation,held_out_source,held_out,method,"
        "quantizer,activation_quantizer,best",
        out);
  heads_csv("", out);
  heads_csv("evaluation_", out);
  fputs(",seconds,said,refused\n", out);
  for (size_t i = 0; i < count; i++)
    if (rows[i].state != LAYER_WAITING)
      row_csv(problem, rows, count, i, out);
}
