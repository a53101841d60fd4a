/* How long slow work goes on after it is cancelled, at places that are spread over all of it: the
 * longest of many, in wall time and as processor time of one thread (what the wall shows on an idle
 * machine). Esc has to answer within 50 ms. */
#include "config.h"

#include "analysis/diff.h"
#include "analysis/result.h"
#include "analysis/sweep.h"
#include "data/source.h"
#include "quant/base/clock.h"
#include "quant/base/size.h"
#include "quant/kernels/kernels.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 16, FILE_BYTES = 48 << 20 };
static const double longest_delay = 0.7;

#define FLOATS "synth:gaussian,shape=4096x4096"
#define FLAT   "synth:gaussian,shape=16777216"
#define PACKED "raw:bench-cancel.bin,shape=-1x1024,dtype="

/* What is cancelled. */
struct job {
  const struct tensor *tensor;
  const char *words;
};
typedef enum status work(const struct job *job, struct progress *progress);

static enum status measure(const struct job *job, struct progress *progress,
                           struct result_request request)
{
  struct quantizer quantizer;
  struct result *result = NULL;
  struct error error;
  enum status status = quantizer_parse(job->words, &quantizer, &error);
  if (status == STATUS_OK)
    status = result_compute(job->tensor, &quantizer, &request, progress, &result, &error);
  result_free(result);
  return status;
}

static enum status plain(const struct job *job, struct progress *progress)
{
  return measure(job, progress,
                 (struct result_request){.bins = 100, .lo = (double)NAN, .hi = (double)NAN});
}

static enum status everything(const struct job *job, struct progress *progress)
{
  return measure(job, progress,
                 (struct result_request){.bins = 100,
                                         .lo = (double)NAN,
                                         .hi = (double)NAN,
                                         .details = true,
                                         .blocks = true,
                                         .board = true,
                                         .unit = -1,
                                         .theory = true,
                                         .checks = true});
}

static enum status sweep(const struct job *job, struct progress *progress)
{
  struct quantizer quantizer;
  struct sweep *plan = NULL;
  struct error error;
  enum status status = quantizer_parse("int4,channel,mse", &quantizer, &error);
  if (status == STATUS_OK)
    status = sweep_plan(job->words, &quantizer, 1, &plan, &error);
  if (status == STATUS_OK)
    status = sweep_run(plan, job->tensor, NULL, progress, &error);
  sweep_free(plan);
  return status;
}

static enum status compare(const struct job *job, struct progress *progress)
{
  const struct diff_request request = {
      .align = true, .grids = true, .bins = 100, .lo = (double)NAN, .hi = (double)NAN};
  struct diff *diff = NULL;
  struct error error;
  enum status status = diff_compute(job->tensor, job->tensor, &request, progress, &diff, &error);
  diff_free(diff);
  return status;
}

static const struct {
  const char *source, *words;
  work *run;
} jobs[] = {
    {FLOATS, "int4,asym,group=16,mse", plain},
    {FLOATS, "int4,group=128,mse", plain},
    {FLOATS, "int8,channel,mse", plain},
    {FLOATS, "int8,tensor,mse", plain},
    {FLOATS, "int8,tensor,lp=2.4", plain},
    {FLOATS, "int8,tensor,entropy", plain},
    {FLOATS, "int8,channel,entropy", plain},
    {FLOATS, "int8,channel,percentile=99.9", plain},
    {FLAT, "int8,tensor,percentile=99.9", plain},
    {FLOATS, "int8,tensor,nvidia-mse", plain},
    {FLOATS, "int8,channel,modelopt-mse", plain},
    {FLOATS, "int8,tensor,modelopt-mse", plain},
    {FLOATS, "uint8,tensor,torch-histogram", plain},
    {FLOATS, "uint8,channel,torch-histogram", plain},
    {FLOATS, "uint8,tensor,aimet-mse", plain},
    {FLOATS, "int8,tensor,aimet-entropy", plain},
    {FLOATS, "int8,tensor,onnxruntime-entropy", plain},
    {FLOATS, "int4,channel,gptq-mse", plain},
    {FLOATS, "int4,group=128,awq-clip", plain},
    {FLOATS, "int4,tensor,alternate", plain},
    {FLOATS, "nf4,block=64", plain},
    {FLOATS, "e4m3,channel,mse", plain},
    {FLOATS, "fp16,tensor,mse", plain},
    {FLOATS, "mxfp4", plain},
    {FLOATS, "nvfp4", plain},
    {FLOATS, "q2_k", plain},
    {FLOATS, "q4_k", plain},
    {FLOATS, "iq4_nl", plain},
    {FLOATS, "int8", everything},
    {FLOATS, "int4,group=128", everything},
    {FLOATS, "q4_k", everything},
    {FLAT, "int8", everything},
    {PACKED "q4_k", "int8", everything},
    {PACKED "q2_k", "int8,channel", plain},
    {PACKED "iq2_xxs", "int8,channel", plain},
    {PACKED "iq1_s", "int8,channel,mse", plain},
    {PACKED "bf16", "int8,tensor,mse", everything},
    {PACKED "f16,layout=fortran", "int8,channel", plain},
    {FLOATS, "bits=2:8", sweep},
    {FLOATS, "format", sweep},
    {FLOATS, "calibrator", sweep},
    {PACKED "bf16", "calibrator", sweep},
    {FLOATS, "", compare},
    {PACKED "q4_k", "", compare},
    {PACKED "f16", "", compare},
};

/* --- one measurement ------------------------------------------------------------------------- */

static double processor(void)
{
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

struct canceller {
  struct progress *progress;
  double delay, wall, cpu; /* seconds; when it was done */
};

static void *cancel_later(void *argument)
{
  struct canceller *canceller = argument;
  const struct timespec delay = {.tv_sec = (time_t)canceller->delay,
                                 .tv_nsec = (long)(1e9 * fmod(canceller->delay, 1))};
  nanosleep(&delay, NULL);
  canceller->wall = seconds_now();
  canceller->cpu = processor();
  progress_cancel(canceller->progress);
  return NULL;
}

struct latency {
  double wall, cpu;
  size_t count;
};

/* Runs the work and cancels it after DELAY; false when it was done before, or has failed. */
static bool cancel_after(double delay, work *run, const struct job *job, struct latency *worst)
{
  struct progress progress = {.done = 0};
  struct canceller canceller = {.progress = &progress, .delay = delay};
  pthread_t thread;
  if (pthread_create(&thread, NULL, cancel_later, &canceller) != 0)
    return false;
  enum status status = run(job, &progress);
  double wall = seconds_now(), cpu = processor();
  pthread_join(thread, NULL);
  if (status != STATUS_CANCELLED)
    return status == STATUS_OK;
  worst->wall = fmax(worst->wall, wall - canceller.wall);
  worst->cpu = fmax(worst->cpu, (cpu - canceller.cpu) / pool_threads());
  worst->count++;
  return true;
}

/* Places over all of the work, or its first part. */
static bool measure_job(work *run, const struct job *job, struct latency *worst)
{
  double start = seconds_now(), span = longest_delay;
  struct latency first = {.count = 0};
  bool good = cancel_after(longest_delay, run, job, &first);
  if (first.count == 0)
    span = fmin(span, seconds_now() - start);
  for (int i = 0; i < PLACES && good; i++)
    good = cancel_after(span * (i + 0.5) / PLACES, run, job, worst);
  if (first.count) {
    worst->wall = fmax(worst->wall, first.wall);
    worst->cpu = fmax(worst->cpu, first.cpu);
    worst->count++;
  }
  return good;
}

static bool run_job(size_t i, bool json)
{
  struct source *source = NULL;
  struct error error;
  struct latency worst = {.count = 0};
  char name[120];
  if (source_open(jobs[i].source, &source, &error) != STATUS_OK ||
      source_load(source, 0, NULL, &error) != STATUS_OK) {
    fprintf(stderr, "bench_cancel: %s\n", error.text);
    source_close(source);
    return false;
  }
  const struct job job = {source_tensor(source, 0), jobs[i].words};
  bool good = measure_job(jobs[i].run, &job, &worst);
  source_close(source);
  snprintf(name, sizeof name, "%s %s%s", strchr(jobs[i].source, ',') + 1, jobs[i].words,
           jobs[i].run == everything ? ", everything"
           : jobs[i].run == compare  ? "diff"
                                     : "");
  if (!good)
    fprintf(stderr, "bench_cancel: %s: failed\n", name);
  else if (json)
    printf("{\"program\": \"bench_cancel\", \"row\": \"%s\", \"count\": %zu, \"wall_ms\": %.3f, "
           "\"cpu_ms\": %.3f}\n",
           name, worst.count, 1e3 * worst.wall, 1e3 * worst.cpu);
  else
    printf("  %-58s %5zu %9.2f %9.2f\n", name, worst.count, 1e3 * worst.wall, 1e3 * worst.cpu);
  fflush(stdout);
  return good;
}

/* Random bytes are blocks of any type. */
static bool write_bytes(const char *path)
{
  FILE *file = fopen(path, "wb");
  uint64_t state = 1;
  for (size_t i = 0; file && i < FILE_BYTES / 8; i++) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    fwrite(&state, sizeof state, 1, file);
  }
  return file && fclose(file) == 0;
}

int main(int argc, char **argv)
{
  bool json = argc > 1 && strcmp(argv[1], "--json") == 0, good = write_bytes("bench-cancel.bin");
  kernels_init();
  if (!json)
    printf("\n%-60s %5s %9s %9s\n", "work goes on after a cancel, at most", "times", "wall ms",
           "cpu ms");
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs && good; i++)
    good = run_job(i, json);
  unlink("bench-cancel.bin");
  return good ? 0 : 1;
}
