/* qscope report: the numbers. */
#include "analysis/report.h"
#include "data/outfile.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/meter.h"
#include "tui/cli/save.h"
#include "tui/cli/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the loop over tensors and quantizers carries along. */
struct run {
  const struct options *options;
  struct source *source;
  const struct quantizer *quantizer;
  size_t quantizers;
  struct report *report; /* NULL when an array takes standard output */
};

static enum status one_quantizer(struct run *run, size_t index, const struct quantizer *quantizer,
                                 const struct facts *facts, const struct digest *digest,
                                 struct error *error)
{
  const struct result_request request = {.axis = run->options->view.axis,
                                         .lo = NAN,
                                         .hi = NAN,
                                         .details = true,
                                         .facts = facts,
                                         .digest = digest};
  struct result *result;
  enum status status = work_result(run->source, index, quantizer, &request, &result, error);
  if (status != STATUS_OK)
    return status;
  const struct tensor *tensor = source_tensor(run->source, index);
  if (save_wanted(run->options))
    status = save_all(run->options, tensor, result, meter_task(tensor->name, 0), error);
  const struct report_entry entry = {source_spec(run->source), tensor, result};
  if (status == STATUS_OK && run->report)
    status = report_entry(run->report, &entry, error);
  result_free(result);
  return status;
}

/* Every quantizer on one tensor; what is known of the tensor alone is computed once. */
static enum status one_tensor(struct run *run, size_t index, struct error *error)
{
  struct facts facts;
  struct digest *digest;
  enum status status = work_facts(run->source, index, &facts, &digest, error);
  for (size_t i = 0; i < run->quantizers && status == STATUS_OK; i++)
    status = one_quantizer(run, index, &run->quantizer[i], &facts, digest, error);
  digest_free(digest);
  return status;
}

/* True when the report can go on with the next tensor. */
static bool bearable(enum status status)
{
  return status == STATUS_INPUT || status == STATUS_USAGE || status == STATUS_MEMORY;
}

/* A tensor that fails is reported at once, and the others follow; the worst news comes last. */
static enum status all_tensors(struct run *run, const size_t *index, size_t count,
                               struct error *error)
{
  enum status outcome = STATUS_OK;
  for (size_t i = 0; i < count; i++) {
    struct error own = {0};
    enum status status = one_tensor(run, index[i], &own);
    if (status == STATUS_OK)
      continue;
    outcome = status;
    if (!bearable(status) || count == 1) {
      *error = own;
      return status;
    }
    work_complain(&own);
  }
  return outcome;
}

static size_t total_weight(const struct source *source, const size_t *index, size_t count,
                           size_t quantizers)
{
  size_t weight = 0;
  for (size_t i = 0; i < count; i++)
    weight += work_weight(source_tensor(source, index[i]), quantizers);
  return weight;
}

static enum status report_to(struct run *run, const size_t *index, size_t count, FILE *out,
                             struct error *error)
{
  if (out && !(run->report = report_begin(out, run->options->style, count * run->quantizers)))
    return error_memory(error, "the report");
  enum status status = all_tensors(run, index, count, error);
  struct error at_end = {0};
  enum status ended = out ? report_end(run->report, &at_end) : STATUS_OK;
  if (status != STATUS_OK || ended == STATUS_OK)
    return status;
  *error = at_end;
  return ended;
}

/* How many of the arrays go to standard output. */
static int saved_to_stdout(const struct options *options)
{
  int found = 0;
  for (int i = 0; i < SAVE_KINDS; i++)
    found += options->save[i] && strcmp(options->save[i], "-") == 0;
  return found;
}

static enum status check_saves(const struct run *run, size_t count, struct error *error)
{
  if (save_wanted(run->options) && count * run->quantizers != 1)
    return error_set(error, STATUS_USAGE,
                     "--codes, --dequantized, --scales, --zero-points and --packed save one tensor "
                     "under one quantizer; found %zu tensors and %zu quantizers",
                     count, run->quantizers);
  if (saved_to_stdout(run->options) > 1)
    return error_set(error, STATUS_USAGE, "only one array can go to standard output");
  return STATUS_OK;
}

/* To standard output as it comes, or to the file of -o, which appears when it is complete. */
static enum status report_tensors(struct run *run, const size_t *index, size_t count,
                                  struct error *error)
{
  struct outfile *file;
  enum status status = check_saves(run, count, error);
  if (status != STATUS_OK)
    return status;
  /* Signals are caught before there is a temporary file that they could leave behind. */
  meter_start(total_weight(run->source, index, count, run->quantizers));
  if (!run->options->output)
    return report_to(run, index, count, saved_to_stdout(run->options) ? NULL : stdout, error);
  status = outfile_open(run->options->output, &file, error);
  if (status != STATUS_OK)
    return status;
  status = report_to(run, index, count, outfile_stream(file), error);
  if (status != STATUS_OK && (count == 1 || !bearable(status))) {
    outfile_discard(file);
    return status;
  }
  struct error unwritten = {0};
  if (outfile_commit(file, &unwritten) == STATUS_OK)
    return status;
  *error = unwritten;
  return STATUS_OUTPUT;
}

static enum status report_source(struct source *source, const struct options *options,
                                 struct error *error)
{
  const struct quantizer fallback = work_default_quantizer();
  struct run run = {options, source, options->quantizer, options->quantizers, NULL};
  size_t *index, count;
  if (run.quantizers == 0) {
    run.quantizer = &fallback;
    run.quantizers = 1;
  }
  enum status status =
      work_select(source, options->tensor, options->tensors, &index, &count, error);
  if (status != STATUS_OK)
    return status;
  status = report_tensors(&run, index, count, error);
  free(index);
  return status;
}

enum status report_run(const struct options *options, struct error *error)
{
  struct source *source;
  if (options->operands == 0)
    return error_set(error, STATUS_USAGE, "report: expected a SOURCE; see qscope report --help");
  enum status status = source_open(options->operand[0], &source, error);
  if (status != STATUS_OK)
    return status;
  status = report_source(source, options, error);
  source_close(source);
  return status;
}
