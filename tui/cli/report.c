/* qscope report: the numbers. */
#include "analysis/report.h"
#include "analysis/checks.h"
#include "analysis/drift.h"
#include "data/outfile.h"
#include "data/transformed.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/meter.h"
#include "tui/cli/picks.h"
#include "tui/cli/save.h"
#include "tui/cli/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the loop over tensors and quantizers carries along. */
struct run {
  const struct options *options;
  const struct quantizer *quantizer;
  size_t quantizers;
  struct picks picks;          /* what is measured */
  struct picks calib;          /* what is calibrated on, named by --calibrate-on */
  struct pool pool;            /* the same, or `picks` (--batches tensors), as batches */
  struct report *report;       /* NULL when an array takes standard output */
  struct assertion *assertion; /* of --check, one for each */
  bool need_checks;            /* --checks, or an assertion on one */
  struct theory_fits fits;     /* of the tensor that is measured; --theory */
  struct on_grid grid;         /* the same: on which it lies already */
  size_t measured, failed;     /* results, and those that an assertion does not hold for */
};

/* Quantizers are calibrated on other data than they are measured on. */
static bool is_calibrated(const struct run *run)
{
  return run->pool.batches != NULL;
}

static enum status measure_drift(const struct run *run, const struct quantizer *quantizer,
                                 const struct calibrated *calibrated, struct drift *out,
                                 struct error *error)
{
  enum status status = drift_measure(run->pool.data, run->pool.count, quantizer, calibrated,
                                     meter_task("calibration data", 0), out, error);
  if (status != STATUS_OK)
    error_prefix(error, "calibration data: ");
  return status;
}

static enum status write_entry(struct run *run, const struct pick *pick,
                               const struct result *result, const struct calibrated *calibrated,
                               const struct checks *checks, const struct what_ifs *what_ifs,
                               struct error *error)
{
  struct drift drift;
  struct report_theory theory = {.fits = run->fits};
  const struct report_calibration calibration = {
      .batching = run->options->batching,
      .data = run->options->batch_tensors ? "all tensors" : run->options->calibrate_on,
      .batches = is_calibrated(run) ? run->pool.batches->count : 0,
      .drift = is_calibrated(run) ? &drift : NULL};
  const struct report_entry entry = {
      .source = source_spec(pick->source),
      .tensor = source_tensor(pick->source, pick->index),
      .result = result,
      .checks = run->options->checks ? checks : NULL,
      .what_ifs = run->options->what_if ? what_ifs : NULL,
      .theory = run->options->view.theory ? &theory : NULL,
      .grid = &run->grid,
      .calibration = is_calibrated(run) || calibrated->batching.on ? &calibration : NULL};
  enum status status = STATUS_OK;
  for (size_t i = 0; i < THEORY_FITS && run->fits.examined && status == STATUS_OK; i++)
    status = theory_predict(&run->fits.fit[i], result, &theory.prediction[i], error);
  if (status == STATUS_OK && is_calibrated(run))
    status = measure_drift(run, &result->quantizer, calibrated, &drift, error);
  return status == STATUS_OK ? report_entry(run->report, &entry, error) : status;
}

/* Says which assertions do not hold; the report goes on. */
static void assert_result(struct run *run, const struct pick *pick, const struct result *result,
                          const struct checks *checks)
{
  bool good = true;
  char spec[QUANTIZER_TEXT];
  for (size_t i = 0; i < run->options->check_count; i++) {
    const struct assertion *assertion = &run->assertion[i];
    double value;
    struct error error;
    if (assertion_holds(assertion, result, checks, &value))
      continue;
    good = false;
    if (isnan(value))
      error_set(&error, STATUS_FAILED, "%s: check %s fails: there is no such number here",
                quantizer_print(&result->quantizer, spec), assertion->text);
    else
      error_set(&error, STATUS_FAILED, "%s: check %s fails: found %.9g",
                quantizer_print(&result->quantizer, spec), assertion->text, value);
    work_place(pick->source, pick->index, &error);
    work_complain(&error);
  }
  run->measured++;
  run->failed += !good;
}

static enum status write_and_assert(struct run *run, const struct pick *pick,
                                    const struct result *result,
                                    const struct result_request *request, struct error *error)
{
  const struct tensor *tensor = source_tensor(pick->source, pick->index);
  struct checks checks = {.codes = 0};
  struct what_ifs what_ifs;
  enum status status = STATUS_OK;
  if (run->need_checks)
    status = checks_compute(tensor, result, request, meter_task(tensor->name, 0), &checks, error);
  if (status == STATUS_OK && run->report && run->options->what_if)
    status =
        what_ifs_measure(tensor, result, request, meter_task(tensor->name, 0), &what_ifs, error);
  if (status == STATUS_OK && run->report)
    status = write_entry(run, pick, result, &request->calibrated, &checks, &what_ifs, error);
  if (status == STATUS_OK)
    assert_result(run, pick, result, &checks);
  checks_free(&checks);
  return status;
}

static enum status one_quantizer(struct run *run, const struct pick *pick,
                                 const struct quantizer *quantizer, const struct facts *facts,
                                 const struct digest *digest, struct error *error)
{
  struct calibrated calibrated = {.on = run->pool.batches};
  if (!calibrated.on)
    calibrated.batching = run->options->batching;
  const struct result_request request = {.axis = run->options->view.axis,
                                         .lo = NAN,
                                         .hi = NAN,
                                         .details = true,
                                         .facts = facts,
                                         .digest = digest,
                                         .calibrated = calibrated};
  struct result *result;
  enum status status = work_result(pick->source, pick->index, quantizer, &request, &result, error);
  if (status != STATUS_OK)
    return status;
  const struct tensor *tensor = source_tensor(pick->source, pick->index);
  if (save_wanted(run->options))
    status = save_all(run->options, tensor, result, meter_task(tensor->name, 0), error);
  if (status == STATUS_OK)
    status = write_and_assert(run, pick, result, &request, error);
  result_free(result);
  return status;
}

/* What one of the quantizers cannot have is said before anything is read. */
static enum status check_room(const struct run *run, const struct pick *pick, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < run->quantizers && status == STATUS_OK; i++)
    status = result_check_room(source_tensor(pick->source, pick->index), &run->quantizer[i], error);
  if (status != STATUS_OK)
    work_place(pick->source, pick->index, error);
  return status;
}

/* Every quantizer on one tensor; what is known of the tensor alone is computed once. */
static enum status measure_tensor(struct run *run, const struct pick *pick, struct error *error)
{
  struct facts facts;
  struct digest *digest;
  enum status status = check_room(run, pick, error);
  if (status != STATUS_OK)
    return status;
  status = work_facts(pick->source, pick->index, &facts, &digest, error);
  if (status == STATUS_OK && run->options->view.theory)
    status =
        theory_fit(source_tensor(pick->source, pick->index), &facts, digest, &run->fits, error);
  if (status == STATUS_OK)
    status = grid_find(source_tensor(pick->source, pick->index), meter_task("grid", 0), &run->grid,
                       error);
  for (size_t i = 0; i < run->quantizers && status == STATUS_OK; i++)
    status = one_quantizer(run, pick, &run->quantizer[i], &facts, digest, error);
  digest_free(digest);
  return status;
}

/* The same of pick number I, transformed first where that is wanted. */
static enum status one_tensor(struct run *run, size_t i, struct error *error)
{
  const struct transform *transform = &run->options->transform;
  const struct pick *pick = &run->picks.pick[i];
  if (transform->kind == TRANSFORM_NONE)
    return measure_tensor(run, pick, error);
  enum status status = picks_transform(&run->picks, i, transform, run->options->view.axis, error);
  if (status != STATUS_OK)
    return status;
  status = measure_tensor(run, pick, error);
  transformed_release(tensor_transformed(source_tensor(pick->source, pick->index)));
  return status;
}

/* True when the report can go on with the next tensor. */
static bool bearable(enum status status)
{
  return status == STATUS_INPUT || status == STATUS_USAGE || status == STATUS_MEMORY;
}

/* A tensor that fails is reported at once, and the others follow; the worst news comes last. */
static enum status all_tensors(struct run *run, struct error *error)
{
  enum status outcome = STATUS_OK;
  for (size_t i = 0; i < run->picks.count; i++) {
    struct error own = {0};
    enum status status = one_tensor(run, i, &own);
    if (status == STATUS_OK)
      continue;
    outcome = status;
    if (!bearable(status) || run->picks.count == 1) {
      *error = own;
      return status;
    }
    work_complain(&own);
  }
  return outcome;
}

static size_t total_weight(const struct run *run)
{
  size_t weight = 0;
  for (size_t i = 0; i < run->picks.count; i++)
    weight += work_weight(source_tensor(run->picks.pick[i].source, run->picks.pick[i].index),
                          run->quantizers);
  return weight;
}

static enum status report_to(struct run *run, FILE *out, struct error *error)
{
  if (out &&
      !(run->report = report_begin(out, run->options->style, run->picks.count * run->quantizers)))
    return error_memory(error, "the report");
  enum status status = all_tensors(run, error);
  struct error at_end = {0};
  enum status ended = out ? report_end(run->report, &at_end) : STATUS_OK;
  if (status != STATUS_OK || ended == STATUS_OK)
    return status;
  *error = at_end;
  return ended;
}

static enum status check_saves(const struct run *run, struct error *error)
{
  if (save_wanted(run->options) && run->picks.count * run->quantizers != 1)
    return error_set(
        error, STATUS_USAGE,
        "--codes, --dequantized, --scales, --zero-points, --packed and --codebook save one tensor "
        "under one quantizer; found %zu tensors and %zu quantizers",
        run->picks.count, run->quantizers);
  if (save_to_stdout(run->options) > 1)
    return error_set(error, STATUS_USAGE, "only one array can go to standard output");
  return STATUS_OK;
}

/* To standard output as it comes, or to the file of -o, which appears when it is complete. */
static enum status report_tensors(struct run *run, struct error *error)
{
  struct outfile *file;
  if (!run->options->output)
    return report_to(run, save_to_stdout(run->options) ? NULL : stdout, error);
  enum status status = outfile_open(run->options->output, &file, error);
  if (status != STATUS_OK)
    return status;
  status = report_to(run, outfile_stream(file), error);
  if (status != STATUS_OK && (run->picks.count == 1 || !bearable(status))) {
    outfile_discard(file);
    return status;
  }
  struct error unwritten = {0};
  if (outfile_commit(file, &unwritten) == STATUS_OK)
    return status;
  *error = unwritten;
  return STATUS_OUTPUT;
}

/* --- what is measured, what is calibrated on ------------------------------------------------ */

static enum status check_words(const struct options *options, struct error *error)
{
  if (options->operands == 0)
    return error_set(error, STATUS_USAGE, "report: expected a SOURCE; see qscope report --help");
  if (options->evaluate_on && options->tensors)
    return error_set(error, STATUS_USAGE, "-t and --evaluate-on both name what is measured");
  if (options->evaluate_on && !options->calibrate_on)
    return error_set(error, STATUS_USAGE, "--evaluate-on needs --calibrate-on beside it");
  if (options->calibrate_on && options->batch_tensors)
    return error_set(error, STATUS_USAGE,
                     "--batches tensors and --calibrate-on both name what is calibrated on");
  return STATUS_OK;
}

/* Batches follow each other in the order of the command line, not of the source. */
static enum status pick_in_order(struct run *run, const char *spec, struct error *error)
{
  const struct options *options = run->options;
  size_t first = options->batch_tensors && options->tensors ? 1 : options->tensors;
  enum status status =
      picks_open(&run->picks, spec, options->input_format, options->tensor, first, error);
  for (size_t i = first; i < options->tensors && status == STATUS_OK; i++)
    status = picks_more(&run->picks, &options->tensor[i], 1, error);
  return status;
}

/* Opens all sources and picks what is measured. */
static enum status pick_tensors(struct run *run, struct error *error)
{
  const struct options *options = run->options;
  enum status status = STATUS_OK;
  for (int i = 0; i < options->operands && status == STATUS_OK; i++)
    status = pick_in_order(run, options->operand[i], error);
  if (status != STATUS_OK || !options->evaluate_on)
    return status;
  run->picks.count = 0; /* the operands are where the names are looked for */
  status =
      picks_find(&run->picks, run->picks.opened, run->picks.sources, options->evaluate_on, error);
  if (status != STATUS_OK)
    error_prefix(error, "--evaluate-on: ");
  return status;
}

static enum status check_quantizers(const struct run *run, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < run->quantizers && status == STATUS_OK; i++)
    status = pool_check(&run->pool, run->options->batching, &run->quantizer[i], error);
  return status;
}

static enum status pick_calibration(struct run *run, struct error *error)
{
  const struct options *options = run->options;
  enum status status = STATUS_OK;
  if (options->batch_tensors)
    status = pool_fill(&run->pool, &run->picks, options->batching, error);
  if (!options->calibrate_on)
    return status;
  status = picks_find(&run->calib, run->picks.opened, (size_t)options->operands,
                      options->calibrate_on, error);
  if (status == STATUS_OK)
    status = pool_fill(&run->pool, &run->calib, options->batching, error);
  if (status == STATUS_OK)
    status = check_quantizers(run, error);
  if (status != STATUS_OK)
    error_prefix(error, "--calibrate-on: ");
  return status;
}

static enum status read_assertions(struct run *run, struct error *error)
{
  const struct options *options = run->options;
  enum status status = STATUS_OK;
  run->need_checks = options->checks;
  run->assertion = mem_array(options->check_count, sizeof *run->assertion);
  if (!run->assertion)
    return error_memory(error, "the checks");
  for (size_t i = 0; i < options->check_count && status == STATUS_OK; i++) {
    status = assertion_parse(options->check[i], &run->assertion[i], error);
    run->need_checks |= run->assertion[i].check != NULL;
  }
  if (status != STATUS_OK)
    error_prefix(error, "--check: ");
  return status;
}

enum status report_run(const struct options *options, struct error *error)
{
  const struct quantizer fallback = work_default_quantizer();
  struct run run = {
      .options = options, .quantizer = options->quantizer, .quantizers = options->quantizers};
  if (run.quantizers == 0) {
    run.quantizer = &fallback;
    run.quantizers = 1;
  }
  enum status status = check_words(options, error);
  if (status == STATUS_OK)
    status = read_assertions(&run, error);
  if (status == STATUS_OK)
    status = pick_tensors(&run, error);
  if (status == STATUS_OK)
    status = check_saves(&run, error);
  if (status == STATUS_OK) {
    /* Signals are caught before there is a temporary file that they could leave behind. */
    meter_start(total_weight(&run));
    status = pick_calibration(&run, error);
  }
  if (status == STATUS_OK)
    status = report_tensors(&run, error);
  if (status == STATUS_OK && run.failed)
    status = error_set(error, STATUS_FAILED, "%zu of %zu results fail a check", run.failed,
                       run.measured);
  free(run.assertion);
  pool_clear(&run.pool);
  picks_clear(&run.calib);
  picks_clear(&run.picks);
  return status;
}
