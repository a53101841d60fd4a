#include "tui/cli/work.h"

#include "analysis/stats.h"
#include "data/transformed.h"
#include "quant/base/size.h"
#include "tui/cli/meter.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void work_complain(const struct error *error)
{
  char text[4 * sizeof error->text];
  meter_clear();
  fprintf(stderr, "qscope: %s\n", text_escape(error->text, text, sizeof text));
}

/* Marks in CHOSEN what PATTERN names; how many that are. */
static size_t mark(const struct source *source, const char *pattern, bool *chosen)
{
  size_t found = 0, count = source_count(source);
  for (size_t i = 0; i < count; i++)
    if (strcmp(source_tensor(source, i)->name, pattern) == 0)
      chosen[i] = true, found++;
  for (size_t i = 0, exact = found; i < count && !exact; i++)
    if (fnmatch(pattern, source_tensor(source, i)->name, 0) == 0 &&
        !tensor_is_complex(source_tensor(source, i)))
      chosen[i] = true, found++;
  return found;
}

/* A pattern that fits nothing: the source says which names are near. */
static enum status nothing_fits(const struct source *source, const char *pattern,
                                struct error *error)
{
  size_t unused;
  return source_find(source, pattern, &unused, error);
}

static enum status mark_all(const struct source *source, const char *const *patterns,
                            size_t pattern_count, bool *chosen, struct error *error)
{
  if (source_count(source) == 0) {
    char shown[256];
    return error_set(error, STATUS_INPUT, "%s: expected tensors, found none",
                     text_escape(source_title(source_spec(source)), shown, sizeof shown));
  }
  for (size_t i = 0; i < source_count(source) && pattern_count == 0; i++)
    chosen[i] = !tensor_is_complex(source_tensor(source, i));
  for (size_t i = 0; i < pattern_count; i++)
    if (!mark(source, patterns[i], chosen))
      return nothing_fits(source, patterns[i], error);
  return STATUS_OK;
}

enum status work_select(const struct source *source, const char *const *patterns,
                        size_t pattern_count, size_t **out, size_t *count, struct error *error)
{
  size_t total = source_count(source), used = 0;
  bool *chosen = mem_array(total, sizeof *chosen);
  size_t *index = mem_array(total, sizeof *index);
  enum status status = chosen && index ? mark_all(source, patterns, pattern_count, chosen, error)
                                       : error_memory(error, "the list of tensors");
  for (size_t i = 0; i < total && status == STATUS_OK; i++)
    if (chosen[i])
      index[used++] = i;
  free(chosen);
  if (status != STATUS_OK) {
    free(index);
    return status;
  }
  *out = index;
  *count = used;
  return STATUS_OK;
}

enum status work_transform(struct source *source, size_t *index, const struct recipe *recipe,
                           struct source **made, struct error *error)
{
  *made = NULL;
  if (recipe->transform.kind == TRANSFORM_NONE)
    return STATUS_OK;
  enum status status =
      source_transform(source, *index, &recipe->transform, recipe->view.axis, made, error);
  if (status != STATUS_OK)
    work_place(source, *index, error);
  else
    *index = 0;
  return status;
}

enum status work_select_one(const struct source *source, const char *const *patterns,
                            size_t pattern_count, size_t *out, struct error *error)
{
  size_t *index, count;
  enum status status = work_select(source, patterns, pattern_count, &index, &count, error);
  if (status != STATUS_OK)
    return status;
  *out = index[0];
  if (count > 1) {
    char spec[256], first[128], second[128];
    status = error_set(error, STATUS_USAGE,
                       "%s: expected one tensor, found %zu (%s, %s%s); choose with -t",
                       text_escape(source_title(source_spec(source)), spec, sizeof spec), count,
                       text_escape(source_tensor(source, index[0])->name, first, sizeof first),
                       text_escape(source_tensor(source, index[1])->name, second, sizeof second),
                       count > 2 ? ", ..." : "");
  }
  free(index);
  return status;
}

enum status work_select_recipe(const struct source *source, const struct recipe *recipe,
                               size_t *out, struct error *error)
{
  const char *const pattern[] = {recipe->tensor};
  return work_select_one(source, pattern, recipe->tensor != NULL, out, error);
}

enum status work_open(const struct recipe *recipe, struct work_subject *out, struct error *error)
{
  *out = (struct work_subject){0};
  enum status status = source_open_as(recipe->source, recipe->input_format, &out->whole, error);
  if (status == STATUS_OK)
    status = work_select_recipe(out->whole, recipe, &out->index, error);
  if (status == STATUS_OK)
    status = work_transform(out->whole, &out->index, recipe, &out->made, error);
  out->source = out->made ? out->made : out->whole;
  if (status != STATUS_OK)
    work_close(out);
  return status;
}

void work_close(struct work_subject *subject)
{
  source_close(subject->made);
  source_close(subject->whole);
  *subject = (struct work_subject){0};
}

void work_place(const struct source *source, size_t index, struct error *error)
{
  char spec[256], name[128];
  error_prefix(error, "%s: %s: ", text_escape(source_title(source_spec(source)), spec, sizeof spec),
               text_escape(source_tensor(source, index)->name, name, sizeof name));
}

/* Measuring costs several passes where loading costs one, or none for a mapped file. */
enum { MEASURE_PASSES = 4 };

static enum status stats_of(struct source *source, size_t index, const struct quantizer *quantizer,
                            int axis, struct stats *out, size_t *unread, struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  struct progress *progress = meter_task(tensor->name, tensor->count);
  struct known known = {.digest = NULL};
  enum status status =
      stats_compute(source, index, quantizer, axis, &known, progress, out->value, error);
  known_free(&known);
  out->state = status == STATUS_OK ? STATS_KNOWN : STATS_NONE;
  if (status != STATUS_INPUT && status != STATUS_USAGE)
    return status;
  if (unread) {
    work_place(source, index, error);
    work_complain(error);
    ++*unread;
  }
  return source_verify(source, error);
}

enum status work_stats(struct source *source, const struct quantizer *quantizer, int axis,
                       struct stats **out, size_t *unread, struct error *error)
{
  size_t count = source_count(source), weight = 0;
  enum status status = STATUS_OK;
  *out = mem_array(count, sizeof **out);
  if (!*out)
    return error_memory(error, "the statistics");
  for (size_t i = 0; i < count; i++)
    weight += source_tensor(source, i)->count;
  meter_start(weight);
  for (size_t i = 0; i < count && status == STATUS_OK; i++)
    status = stats_of(source, i, quantizer, axis, &(*out)[i], unread, error);
  meter_stop();
  return status;
}

size_t work_weight(const struct tensor *tensor, size_t quantizers)
{
  return tensor->count * (MEASURE_PASSES * quantizers + !tensor_is_loaded(tensor));
}

enum status work_load(struct source *source, size_t index, struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  size_t weight = tensor_is_loaded(tensor) ? 0 : tensor->count;
  enum status status = source_load(source, index, meter_task(tensor->name, weight), error);
  if (status != STATUS_OK)
    work_place(source, index, error);
  return status;
}

enum status work_facts(struct source *source, size_t index, struct facts *facts,
                       struct digest **digest, struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  *digest = NULL;
  enum status status = work_load(source, index, error);
  if (status != STATUS_OK)
    return status;
  struct progress *progress = meter_task(tensor->name, 0);
  status = facts_of_tensor(tensor, progress, facts, digest, error);
  if (status != STATUS_OK)
    work_place(source, index, error);
  return status;
}

enum status work_result(struct source *source, size_t index, const struct quantizer *quantizer,
                        const struct result_request *request, struct result **out,
                        struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  enum status status = work_load(source, index, error);
  if (status != STATUS_OK)
    return status;
  struct result *result = NULL;
  struct progress *progress = meter_task(tensor->name, MEASURE_PASSES * tensor->count);
  status = result_compute(tensor, quantizer, request, progress, &result, error);
  if (status != STATUS_OK)
    work_place(source, index, error);
  else
    status = source_verify(source, error);
  if (status == STATUS_OK)
    *out = result;
  else
    result_free(result);
  return status;
}

enum status work_diff(struct source *a, size_t a_index, struct source *b, size_t b_index,
                      const struct diff_request *request, struct diff **out, struct error *error)
{
  const struct tensor *tensor = source_tensor(a, a_index);
  struct diff *diff = NULL;
  enum status status = work_load(a, a_index, error);
  if (status == STATUS_OK)
    status = work_load(b, b_index, error);
  if (status != STATUS_OK)
    return status;
  struct progress *progress = meter_task(tensor->name, tensor->count);
  status = diff_compute(tensor, source_tensor(b, b_index), request, progress, &diff, error);
  if (status != STATUS_OK) {
    work_place(a, a_index, error);
    return status;
  }
  status = source_verify(a, error);
  if (status == STATUS_OK)
    status = source_verify(b, error);
  if (status == STATUS_OK)
    *out = diff;
  else
    diff_free(diff);
  return status;
}

enum status work_sweep(struct source *source, size_t index, struct sweep *sweep,
                       struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  enum status status = work_load(source, index, error);
  if (status != STATUS_OK)
    return status;
  struct progress *progress = meter_task(tensor->name, work_weight(tensor, sweep->rows));
  status = sweep_run(sweep, tensor, NULL, progress, error);
  if (status == STATUS_OK)
    return source_verify(source, error);
  if (status != STATUS_CANCELLED)
    work_place(source, index, error);
  return status;
}

struct quantizer work_default_quantizer(void)
{
  struct quantizer quantizer;
  quantizer_parse("int8", &quantizer, NULL);
  return quantizer;
}
