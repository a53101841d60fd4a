/* A sweep as JSON and as comma-separated values. */
#include "analysis/export.h"
#include "analysis/sweep.h"

const char *const sweep_metrics[] = {"bits_per_element",
                                     "sqnr_db",
                                     "bulk_sqnr_db",
                                     "channel_sqnr_median",
                                     "mse",
                                     "max_abs_error",
                                     "clip_rate",
                                     "rounding_mse",
                                     "clipping_mse",
                                     "cosine",
                                     "papr"};
const size_t sweep_metrics_length = sizeof sweep_metrics / sizeof *sweep_metrics;

static double metric_of(const struct sweep_row *row, size_t i)
{
  return metric_find(sweep_metrics[i])->value(&row->metrics);
}

static json_t *row_json(const struct sweep *sweep, const struct sweep_row *row)
{
  char spec[QUANTIZER_TEXT];
  json_t *object = json_object(), *metrics = json_object();
  json_object_set_new(object, "line", json_integer((json_int_t)row->line));
  json_object_set_new(object, "value",
                      row->fixed ? json_null() : json_string(sweep->value[row->value]));
  json_object_set_new(object, "spec", export_text(quantizer_print(&row->quantizer, spec)));
  json_object_set_new(object, "pareto", json_boolean(row->pareto));
  for (size_t i = 0; i < sweep_metrics_length; i++)
    json_object_set_new(metrics, sweep_metrics[i], export_number(metric_of(row, i)));
  json_object_set_new(metrics, "exact_reconstruction", json_boolean(row->metrics.mse <= 0));
  if (sweep->theory)
    json_object_set_new(metrics, "predicted_sqnr_db", export_number(row->predicted_sqnr_db));
  json_object_set_new(object, "metrics", metrics);
  return object;
}

static json_t *calibration_json(const struct sweep *sweep)
{
  json_t *object = json_object();
  json_object_set_new(object, "data", sweep->data ? export_text(sweep->data) : json_null());
  json_object_set_new(object, "axis",
                      sweep->batching.on ? json_integer(sweep->batching.axis) : json_null());
  return object;
}

void sweep_json(const struct sweep *sweep, const char *source, const struct tensor *tensor,
                FILE *out)
{
  json_t *root = json_object(), *lines = json_array(), *rows = json_array(), *notes = json_array();
  char spec[QUANTIZER_TEXT];
  for (size_t i = 0; i < sweep->lines; i++)
    json_array_append_new(lines, export_text(quantizer_print(&sweep->line[i], spec)));
  for (size_t i = 0; i < sweep->rows; i++)
    if (sweep->row[i].state == SWEEP_DONE)
      json_array_append_new(rows, row_json(sweep, &sweep->row[i]));
  for (size_t i = 0; i < sweep->notes; i++)
    json_array_append_new(notes, export_text(sweep->note[i]));
  json_object_set_new(root, "source", export_text(source));
  json_object_set_new(root, "tensor", export_text(tensor->name));
  json_object_set_new(root, "transform", export_transform(tensor)); /* not there without one */
  json_object_set_new(root, "over", json_string(sweep_name(sweep)));
  json_object_set_new(root, "metric", json_string(sweep_metric_name(sweep->metric)));
  if (sweep->data || sweep->batching.on)
    json_object_set_new(root, "calibration", calibration_json(sweep));
  json_object_set_new(root, "lines", lines);
  json_object_set_new(root, "rows", rows);
  json_object_set_new(root, "notes", notes);
  export_json(root, out);
}

static void row_csv(const struct sweep *sweep, const struct sweep_row *row, const char *source,
                    const struct tensor *tensor, FILE *out)
{
  char spec[QUANTIZER_TEXT];
  export_csv_text(out, source);
  fputc(',', out);
  export_csv_text(out, tensor->name);
  fprintf(out, ",%s,%zu,%s,", sweep_name(sweep), row->line,
          row->fixed ? "" : sweep->value[row->value]);
  export_csv_text(out, quantizer_print(&row->quantizer, spec));
  for (size_t i = 0; i < sweep_metrics_length; i++) {
    fputc(',', out);
    export_csv_number(out, metric_of(row, i));
  }
  fputs(row->pareto ? ",1" : ",0", out);
  if (sweep->theory) {
    fputc(',', out);
    export_csv_number(out, row->predicted_sqnr_db);
  }
  export_csv_transform(out, tensor, false);
  fputc('\n', out);
}

void sweep_csv(const struct sweep *sweep, const char *source, const struct tensor *tensor,
               FILE *out)
{
  fputs("source,tensor,over,line,value,spec", out);
  for (size_t i = 0; i < sweep_metrics_length; i++)
    fprintf(out, ",%s", sweep_metrics[i]);
  fputs(sweep->theory ? ",pareto,predicted_sqnr_db" : ",pareto", out);
  export_csv_transform(out, tensor, true);
  fputc('\n', out);
  for (size_t i = 0; i < sweep->rows; i++)
    if (sweep->row[i].state == SWEEP_DONE)
      row_csv(sweep, &sweep->row[i], source, tensor, out);
}
