/* The report as comma-separated values: one row for each tensor and quantizer. */
#include "analysis/report_styles.h"

#include "analysis/export.h"
#include "data/transformed.h"

#include <inttypes.h>
#include <math.h>

void report_csv_heading(FILE *out)
{
  fputs("source,tensor,stored,shape,count,nan,inf,zeros,denormals,min,max,absmax,mean,std,kurtosis,"
        "p99,"
        "spec,scale,zero_point,range_lo,range_hi",
        out);
  for (size_t i = 0; i < metric_table_length; i++)
    fprintf(out, ",%s", metric_table[i].name);
  fputs(",worst_channel,verdict,ranges,calibrated_on,batches,calibration_sqnr_db,calibration_mse,"
        "calibration_clip_rate",
        out);
  for (size_t i = 0; i < check_table_length; i++)
    fprintf(out, ",check_%s", check_table[i].name);
  fputs(",cause,first_spec,sqnr_db_against_first,cause_against_first,verdict_against_first", out);
  fputs(",transform,transform_axis", out);
  for (size_t i = 0; i < what_if_table_length; i++)
    fprintf(out, ",what_if_%s_sqnr_db,what_if_%s_bits_per_element", what_if_table[i].name,
            what_if_table[i].name);
  fputc('\n', out);
}

static void write_numbers(FILE *out, const double *values, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    fputc(',', out);
    export_csv_number(out, values[i]);
  }
}

/* Empty where nothing was calibrated beforehand. */
static void write_calibration(FILE *out, const struct report_entry *entry)
{
  const struct drift none = {.sqnr_db = (double)NAN, .mse = (double)NAN, .clip_rate = (double)NAN};
  const struct report_calibration *calibration = entry->calibration;
  const struct drift *drift = calibration && calibration->drift ? calibration->drift : &none;
  fprintf(out, ",%s,", report_ranges(entry));
  if (calibration && calibration->data)
    export_csv_text(out, calibration->data);
  fputc(',', out);
  if (calibration)
    fprintf(out, "%zu", report_batches(entry));
  write_numbers(out, (const double[]){drift->sqnr_db, drift->mse, drift->clip_rate}, 3);
}

/* Empty without --checks. */
static void write_checks(FILE *out, const struct checks *checks)
{
  for (size_t i = 0; i < check_table_length; i++)
    write_numbers(out,
                  (const double[]){checks ? check_value(&check_table[i], checks) : (double)NAN}, 1);
}

/* Against the first quantizer of the tensor; empty for that one. */
static void write_judgement(FILE *out, const struct report_judgement *judgement)
{
  const struct cause *cause = cause_of(&judgement->evidence);
  const struct verdict *pair = &judgement->pair;
  fprintf(out, ",%s,", cause ? cause->name : "");
  if (!judgement->first) {
    fputs(",,,", out);
    return;
  }
  export_csv_text(out, judgement->first);
  write_numbers(out, (const double[]){pair->sqnr_db}, 1);
  fprintf(out, ",%s,", pair->cause ? pair->cause : "");
  export_csv_text(out, pair->text);
}

/* Empty without --transform. */
static void write_transform(FILE *out, const struct tensor *tensor)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  char word[TRANSFORM_TEXT];
  if (transformed)
    fprintf(out, ",%s,%u", transform_print(&transformed->transform, word), transformed->axis);
  else
    fputs(",,", out);
}

/* Empty without --what-if, and where a row cannot be. */
static void write_what_ifs(FILE *out, const struct what_ifs *all)
{
  const struct what_if_answer none = {.sqnr_db = (double)NAN, .bits_per_element = (double)NAN};
  for (size_t i = 0; i < what_if_table_length; i++) {
    const struct what_if_answer *answer = all ? &all->answer[i] : &none;
    write_numbers(out, (const double[]){answer->sqnr_db, answer->bits_per_element}, 2);
  }
}

void report_csv_row(FILE *out, const struct report_entry *entry,
                    const struct report_judgement *judgement)
{
  const struct result *result = entry->result;
  const struct facts *f = &result->facts;
  const struct report_unit unit = report_unit(result);
  char shape[24 * SHAPE_MAX_DIMS], spec[QUANTIZER_TEXT], verdict[VERDICT_TEXT];
  export_csv_text(out, entry->source);
  fputc(',', out);
  export_csv_text(out, entry->tensor->name);
  fprintf(out, ",%s,%s", entry->tensor->stored->name,
          shape_print(&entry->tensor->shape, shape, sizeof shape));
  fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, f->count, f->nan,
          f->inf, f->zeros, f->denormals);
  write_numbers(
      out, (const double[]){f->min, f->max, f->absmax, f->mean, f->std, f->kurtosis, f->p99}, 7);
  fputc(',', out);
  export_csv_text(out, quantizer_print(&result->quantizer, spec));
  write_numbers(out, (const double[]){unit.scale, unit.zero_point, unit.lo, unit.hi}, 4);
  for (size_t i = 0; i < metric_table_length; i++)
    write_numbers(out, (const double[]){metric_table[i].value(&result->metrics)}, 1);
  fprintf(out, ",%zu,", result->metrics.worst_channel);
  export_csv_text(out, verdict_print(&judgement->evidence, verdict, sizeof verdict));
  write_calibration(out, entry);
  write_checks(out, entry->checks);
  write_judgement(out, judgement);
  write_transform(out, entry->tensor);
  write_what_ifs(out, entry->what_ifs);
  fputc('\n', out);
}
