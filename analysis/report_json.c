/* The report as JSON: the schema of DESIGN, and after it what else is known. */
#include "analysis/report_styles.h"

#include "analysis/export.h"
#include "data/transformed.h"
#include "quant/block.h"

#include <math.h>
#include <string.h>

static void set_number(json_t *object, const char *key, double value)
{
  json_object_set_new(object, key, export_number(value));
}

static void set_count(json_t *object, const char *key, uint64_t value)
{
  json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_facts(json_t *root, const struct facts *facts)
{
  set_count(root, "count", facts->count);
  set_count(root, "nan", facts->nan);
  set_count(root, "inf", facts->inf);
  set_count(root, "zeros", facts->zeros);
  set_count(root, "denormals", facts->denormals);
  set_number(root, "min", facts->min);
  set_number(root, "max", facts->max);
  set_number(root, "absmax", facts->absmax);
  set_number(root, "mean", facts->mean);
  set_number(root, "std", facts->std);
  set_number(root, "kurtosis", facts->kurtosis);
  set_number(root, "p99", facts->p99);
}

/* The kind as a word, and its number under a name of its own. */
static void set_granularity(json_t *object, const struct granularity *granularity)
{
  static const char *const words[] = {[GRAIN_TENSOR] = "tensor",
                                      [GRAIN_CHANNEL] = "channel",
                                      [GRAIN_TOKEN] = "token",
                                      [GRAIN_GROUP] = "group"};
  json_object_set_new(object, "granularity", json_string(words[granularity->kind]));
  if (granularity->kind == GRAIN_CHANNEL)
    json_object_set_new(object, "axis", json_integer(granularity->axis));
  if (granularity->kind == GRAIN_GROUP)
    set_count(object, "group", granularity->group);
}

/* The length of a block, and what the spec chose for it. */
static void set_block(json_t *object, const struct quantizer *quantizer)
{
  const struct block_codec *codec = block_codec_find(quantizer->format->name);
  const struct block_choice *choice = &quantizer->block;
  json_object_set_new(object, "granularity", json_string("block"));
  set_count(object, "block", choice->length ? choice->length : codec->length);
  if (codec->rules)
    json_object_set_new(object, "scale_rule", json_string(codec->rules[choice->rule]));
  if (codec->variants)
    json_object_set_new(object, "variant", json_string(codec->variants[choice->variant]));
  if (choice->importance[0])
    json_object_set_new(object, "importance", export_text(choice->importance));
}

static json_t *quantizer_json(const struct result *result)
{
  const struct quantizer *quantizer = &result->quantizer;
  const struct calibrator *calibrator = quantizer->calibrator;
  const struct report_unit unit = report_unit(result);
  char spec[QUANTIZER_TEXT];
  json_t *object = json_object();
  json_object_set_new(object, "spec", json_string(quantizer_print(quantizer, spec)));
  json_object_set_new(object, "format", json_string(quantizer->format->name));
  json_object_set_new(object, "symmetric", json_boolean(!quantizer->asymmetric));
  if (format_is_block(quantizer->format))
    set_block(object, quantizer);
  else
    set_granularity(object, &quantizer->granularity);
  json_object_set_new(object, "calibrator",
                      calibrator ? json_string(calibrator->name) : json_null());
  if (calibrator && calibrator->parameter)
    set_number(object, "parameter", quantizer->parameter);
  set_number(object, "scale", unit.scale);
  json_object_set_new(object, "zero_point",
                      isnan(unit.zero_point) ? json_null()
                                             : json_integer((json_int_t)unit.zero_point));
  json_object_set_new(object, "range",
                      isnan(unit.lo)
                          ? json_null()
                          : json_pack("[o,o]", export_number(unit.lo), export_number(unit.hi)));
  return object;
}

/* Metrics whose values are whole numbers are written as such. */
static bool is_count(const struct metric *metric)
{
  return strncmp(metric->name, "levels", 6) == 0;
}

static json_t *metrics_json(const struct metrics *metrics, bool exact)
{
  static const char nested[] = "channel_sqnr_";
  json_t *object = json_object(), *channels = json_object();
  for (size_t i = 0; i < metric_table_length; i++) {
    const struct metric *metric = &metric_table[i];
    double value = metric->value(metrics);
    if (strncmp(metric->name, nested, strlen(nested)) == 0) {
      json_object_set(object, "channel_sqnr_db", channels);
      set_number(channels, metric->name + strlen(nested), value);
    } else if (is_count(metric) && !isnan(value)) {
      set_count(object, metric->name, (uint64_t)value);
    } else {
      set_number(object, metric->name, value);
    }
  }
  json_object_set_new(channels, "worst_channel",
                      isnan(metrics->channel_sqnr_worst)
                          ? json_null()
                          : json_integer((json_int_t)metrics->worst_channel));
  json_object_set_new(object, "exact_reconstruction", json_boolean(exact));
  json_decref(channels);
  return object;
}

static json_t *channels_json(const struct channels *channels)
{
  json_t *object = json_object();
  json_object_set_new(object, "axis", json_integer(channels->axis));
  set_count(object, "count", channels->count);
  set_number(object, "median_absmax", channels->median_absmax);
  return object;
}

static json_t *outliers_json(const struct result *result)
{
  json_t *outliers = json_array();
  for (size_t i = 0; i < report_outliers(result); i++) {
    size_t number = result->channels.by_ratio[i];
    const struct channel *channel = &result->channels.channel[number];
    json_t *row = json_object();
    set_count(row, "channel", number);
    set_number(row, "absmax", channel->absmax);
    set_number(row, "ratio", channel->ratio);
    set_number(row, "sqnr_db", channel->sqnr_db);
    json_array_append_new(outliers, row);
  }
  return outliers;
}

static json_t *drift_json(const struct drift *drift)
{
  json_t *object = json_object();
  set_count(object, "finite", drift->finite);
  set_number(object, "min", drift->min);
  set_number(object, "max", drift->max);
  set_number(object, "mse", drift->mse);
  set_number(object, "sqnr_db", drift->sqnr_db);
  set_number(object, "max_abs_error", drift->max_abs_error);
  set_number(object, "clip_rate", drift->clip_rate);
  return object;
}

/* What was calibrated beforehand, on what, and what the quantizer costs there. */
static json_t *calibration_json(const struct report_entry *entry)
{
  const struct report_calibration *calibration = entry->calibration;
  json_t *object = json_object();
  json_object_set_new(object, "ranges", json_string(report_ranges(entry)));
  json_object_set_new(object, "data",
                      calibration->data ? export_text(calibration->data) : json_null());
  json_object_set_new(object, "axis",
                      calibration->batching.on ? json_integer(calibration->batching.axis)
                                               : json_null());
  set_count(object, "batches", report_batches(entry));
  if (calibration->drift)
    json_object_set_new(object, "metrics", drift_json(calibration->drift));
  return object;
}

static json_t *check_json(const struct check *check, const struct checks *checks)
{
  double value = check_value(check, checks);
  json_t *object = json_object();
  set_number(object, "value", value);
  json_object_set_new(object, "unit", json_string(check->unit[0] == '%' ? "share" : check->unit));
  json_object_set_new(object, "usual", json_string(check->usual));
  json_object_set_new(object, "verdict", json_string(check_verdict(check, value)));
  json_object_set_new(object, "why", json_string(check->why));
  return object;
}

static json_t *checks_json(const struct checks *checks)
{
  json_t *object = json_object(), *values = json_array(), *counts = json_array();
  for (size_t i = 0; i < check_table_length; i++)
    json_object_set_new(object, check_table[i].name, check_json(&check_table[i], checks));
  for (size_t i = 0; i < checks->codes; i++) {
    json_array_append_new(values, export_number(checks->code_value[i]));
    json_array_append_new(counts, json_integer((json_int_t)checks->code_count[i]));
  }
  set_count(object, "channels_kept", checks->channels_kept);
  set_count(object, "values_kept", checks->values_kept);
  json_object_set_new(object, "code_histogram",
                      checks->codes ? json_pack("{s:O,s:O}", "values", values, "counts", counts)
                                    : json_null());
  json_decref(values);
  json_decref(counts);
  return object;
}

static json_t *prediction_json(const struct theory_fit *fit,
                               const struct theory_prediction *prediction)
{
  json_t *object = json_object();
  json_object_set_new(object, "distribution", json_string(fit->d.type->name));
  set_number(object, "nu", fit->d.nu);
  set_number(object, "mean", fit->d.mean);
  set_number(object, "deviation", fit->d.deviation);
  set_number(object, "ks_distance", fit->ks);
  set_number(object, "log_likelihood", fit->log_likelihood);
  set_number(object, "sqnr_db", prediction->sqnr_db);
  set_number(object, "optimum_clip", prediction->optimum_clip);
  set_number(object, "optimum_sqnr_db", prediction->optimum_sqnr_db);
  return object;
}

static json_t *theory_json(const struct report_theory *theory, const struct result *result)
{
  const struct theory_fits *fits = &theory->fits;
  json_t *object = json_object(), *rows = json_array();
  for (size_t i = 0; i < THEORY_FITS && fits->examined; i++)
    json_array_append_new(rows, prediction_json(&fits->fit[i], &theory->prediction[i]));
  set_count(object, "values", fits->examined);
  json_object_set_new(object, "best",
                      fits->examined ? json_string(fits->fit[fits->best].d.type->name)
                                     : json_null());
  set_number(object, "measured_sqnr_db", result->metrics.sqnr_db);
  json_object_set_new(object, "fits", rows);
  return object;
}

static json_t *grid_json(const struct on_grid *grid)
{
  char text[GRID_TEXT];
  return grid->kind == GRID_NONE ? json_null() : json_string(grid_print(grid, text, sizeof text));
}

/* Every cause that is at work, in the order of the table, with what the SQNR would gain without. */
static json_t *causes_json(const struct evidence *evidence)
{
  json_t *causes = json_array();
  for (size_t i = 0; i < cause_table_length; i++) {
    double gain = cause_gain_db(&cause_table[i], evidence);
    if (gain >= 0.05)
      json_array_append_new(causes, json_pack("{s:s,s:o}", "name", cause_table[i].name, "gain_db",
                                              export_number(gain)));
  }
  return causes;
}

static json_t *word_or_null(const char *word)
{
  return word ? json_string(word) : json_null();
}

static json_t *pair_json(const struct report_judgement *judgement)
{
  static const char *const better[] = {"first", NULL, "this"};
  const struct verdict *pair = &judgement->pair;
  json_t *object = json_object();
  json_object_set_new(object, "first", json_string(judgement->first));
  json_object_set_new(object, "better", word_or_null(better[pair->better + 1]));
  json_object_set_new(object, "same", json_boolean(pair->same));
  set_number(object, "sqnr_db", pair->sqnr_db);
  set_number(object, "bulk_sqnr_db", pair->bulk_sqnr_db);
  set_number(object, "bits_per_element", pair->bits);
  json_object_set_new(object, "cause", word_or_null(pair->cause));
  json_object_set_new(object, "verdict", export_text(pair->text));
  return object;
}

static void set_judgement(json_t *root, const struct report_judgement *judgement)
{
  const struct cause *cause = cause_of(&judgement->evidence);
  char verdict[VERDICT_TEXT];
  json_object_set_new(root, "verdict",
                      export_text(verdict_print(&judgement->evidence, verdict, sizeof verdict)));
  json_object_set_new(root, "cause", word_or_null(cause ? cause->name : NULL));
  json_object_set_new(root, "causes", causes_json(&judgement->evidence));
  if (judgement->first)
    json_object_set_new(root, "against_first", pair_json(judgement));
}

static json_t *what_if_json(const struct what_if *what, const struct what_if_answer *answer,
                            double own)
{
  char spec[QUANTIZER_TEXT], word[TRANSFORM_TEXT];
  json_t *object = json_pack("{s:s,s:s}", "what", what->what, "why", what->why);
  set_number(object, "sqnr_db", answer->sqnr_db);
  set_number(object, "gain_db", answer->sqnr_db - own);
  set_number(object, "mse", answer->mse);
  set_number(object, "bits_per_element", answer->bits_per_element);
  json_object_set_new(object, "quantizer", export_text(quantizer_print(&answer->quantizer, spec)));
  json_object_set_new(object, "transform", json_string(transform_print(&answer->transform, word)));
  json_object_set_new(object, "refused",
                      answer->possible ? json_null() : export_text(answer->why_not));
  return object;
}

static json_t *what_ifs_json(const struct what_ifs *all)
{
  json_t *object = json_object();
  for (size_t i = 0; i < what_if_table_length; i++)
    json_object_set_new(object, what_if_table[i].name,
                        what_if_json(&what_if_table[i], &all->answer[i], all->sqnr_db));
  return object;
}

json_t *report_json(const struct report_entry *entry, const struct report_judgement *judgement)
{
  const struct tensor *tensor = entry->tensor;
  const struct result *result = entry->result;
  json_t *root = json_object(), *shape = json_array();
  for (unsigned i = 0; i < tensor->shape.dims; i++)
    json_array_append_new(shape, json_integer((json_int_t)tensor->shape.dim[i]));
  json_object_set_new(root, "source", export_text(entry->source));
  json_object_set_new(root, "tensor", export_text(tensor->name));
  json_object_set_new(root, "stored", json_string(tensor->stored->name));
  json_object_set_new(root, "shape", shape);
  set_facts(root, &result->facts);
  json_object_set_new(root, "quantizer", quantizer_json(result));
  json_object_set_new(root, "metrics", metrics_json(&result->metrics, result->metrics.mse == 0));
  if (entry->calibration)
    json_object_set_new(root, "calibration", calibration_json(entry));
  json_object_set_new(root, "exact", json_true());
  json_object_set_new(root, "channels", channels_json(&result->channels));
  json_object_set_new(root, "outlier_channels", outliers_json(result));
  if (entry->grid)
    json_object_set_new(root, "grid", grid_json(entry->grid));
  set_judgement(root, judgement);
  json_object_set_new(root, "transform", export_transform(tensor)); /* not there without one */
  if (entry->what_ifs)
    json_object_set_new(root, "what_if", what_ifs_json(entry->what_ifs));
  if (entry->theory)
    json_object_set_new(root, "theory", theory_json(entry->theory, result));
  if (entry->checks)
    json_object_set_new(root, "checks", checks_json(entry->checks));
  tensor = tensor_original(tensor);
  if (tensor->derived)
    json_object_set_new(root, "stored_bits_per_element",
                        json_real(8 * (double)tensor->bytes / (double)tensor->count));
  if (report_note(tensor))
    json_object_set_new(root, "note", json_string(report_note(tensor)));
  return root;
}
