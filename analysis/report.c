#include "analysis/report.h"

#include "analysis/report_styles.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct report {
  FILE *out;
  enum report_style style;
  bool array; /* JSON: more than one entry was announced */
  size_t written;
  struct report_page *page;    /* REPORT_TEXT */
  const struct tensor *tensor; /* of the last entry; only compared */
  struct evidence first;       /* its first quantizer, which the others are compared with: */
  char first_spec[QUANTIZER_TEXT];
};

struct report_unit report_unit(const struct result *result)
{
  struct report_unit unit = {NAN, NAN, NAN, NAN};
  const struct grain *grain = fit_grain(result->fit);
  if (grain->kind != GRAIN_TENSOR || grain->units == 0)
    return unit;
  unit.scale = (double)fit_scale(result->fit, 0);
  unit.zero_point = (double)fit_zero_point(result->fit, 0);
  fit_range(result->fit, 0, &unit.lo, &unit.hi);
  return unit;
}

const char *report_ranges(const struct report_entry *entry)
{
  if (!entry->calibration)
    return "";
  return quantizer_is_dynamic(&entry->result->quantizer) ? "dynamic" : "static";
}

size_t report_batches(const struct report_entry *entry)
{
  const struct report_calibration *calibration = entry->calibration;
  unsigned axis;
  if (!calibration)
    return 0;
  if (calibration->data)
    return calibration->batches;
  return shape_axis(&entry->tensor->shape, calibration->batching.axis, &axis)
             ? entry->tensor->shape.dim[axis]
             : 1;
}

const char *report_note(const struct tensor *tensor)
{
  if (tensor->stored->integral)
    return "stored as integers: often indices or masks, not meant to be quantized";
  if (!tensor->stored->exact)
    return "read as float32, which rounds what is stored";
  return NULL;
}

size_t report_outliers(const struct result *result)
{
  size_t count = result->channels.count;
  return count < 2 ? 0 : count < REPORT_OUTLIERS ? count : REPORT_OUTLIERS;
}

static enum status cannot_write(struct error *error)
{
  return error_set(error, STATUS_OUTPUT, "the report cannot be written: %s",
                   errno ? strerror(errno) : "input/output error");
}

struct report *report_begin(FILE *out, enum report_style style, size_t count)
{
  struct report *report = calloc(1, sizeof *report);
  if (!report)
    return NULL;
  *report = (struct report){.out = out, .style = style, .array = count > 1};
  if (style == REPORT_TEXT && !(report->page = report_page_new())) {
    free(report);
    return NULL;
  }
  if (style == REPORT_CSV)
    report_csv_heading(out);
  return report;
}

static struct report_judgement judge(struct report *report, const struct report_entry *entry)
{
  struct report_judgement judgement = {.evidence = evidence_of(entry->result)};
  char spec[QUANTIZER_TEXT];
  quantizer_print(&entry->result->quantizer, spec);
  if (report->tensor == entry->tensor) {
    judgement.first = report->first_spec;
    judgement.pair = verdict_of_pair(&report->first, &judgement.evidence, report->first_spec, spec);
    return judgement;
  }
  report->tensor = entry->tensor;
  report->first = judgement.evidence;
  memcpy(report->first_spec, spec, sizeof spec);
  return judgement;
}

static bool write_json(struct report *report, const struct report_entry *entry,
                       const struct report_judgement *judgement)
{
  json_t *object = report_json(entry, judgement);
  if (report->array)
    fputs(report->written ? ",\n" : "[\n", report->out);
  bool good =
      object && json_dumpf(object, report->out,
                           JSON_REAL_PRECISION(17) | JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0;
  json_decref(object);
  return good;
}

enum status report_entry(struct report *report, const struct report_entry *entry,
                         struct error *error)
{
  const struct report_judgement judgement = judge(report, entry);
  bool good = true;
  errno = 0;
  if (report->style == REPORT_TEXT)
    good = report_page_add(report->page, entry, &judgement, report->out);
  else if (report->style == REPORT_JSON)
    good = write_json(report, entry, &judgement);
  else
    report_csv_row(report->out, entry, &judgement);
  report->written++;
  if (fflush(report->out) != 0 || ferror(report->out))
    return cannot_write(error);
  return good ? STATUS_OK : error_memory(error, "the report");
}

enum status report_end(struct report *report, struct error *error)
{
  errno = 0;
  if (report->style == REPORT_TEXT)
    report_page_print(report->page, report->out);
  else if (report->style == REPORT_JSON)
    fputs(report->array ? report->written ? "\n]\n" : "[]\n" : "\n", report->out);
  bool failed = fflush(report->out) != 0 || ferror(report->out);
  report_page_free(report->page);
  free(report);
  return failed ? cannot_write(error) : STATUS_OK;
}
