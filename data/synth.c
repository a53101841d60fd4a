/* Synthetic tensors, drawn through GSL. "synth:" is the gallery, one tensor for each row of the
 * table; "synth:student-t,nu=3,shape=1024x4096,seed=7" is one of them.
 *
 * A tensor is a matrix: the last axis holds the columns (channels), the others together the rows
 * (tokens, or output channels). Elements come in chunks of FEED_CHUNK, each from a generator of
 * its own, seeded by seed and chunk: the values do not depend on the number of threads. What
 * belongs to a row or a column is drawn from streams of their own, so that a tensor with more
 * rows has the same channels, and, with channel-seed, one with other elements, too. */
#include "config.h"

#include "data/map_range.h"
#include "data/source_types.h"
#include "data/spill.h"
#include "data/synth.h"
#include "quant/base/size.h"

#include <errno.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST                                                                                    \
  ((size_t)1 << 31)            /* elements of one tensor, in a temporary file where it is large */
enum { GAINS_MOST = 4 << 20 }; /* rows or columns with a gain of their own, which is in memory */

/* --- the spec ------------------------------------------------------------------------------ */

static enum status bad_value(const char *name, const char *value, const char *expected,
                             struct error *error)
{
  return error_set(error, STATUS_USAGE, "%s=%s: expected %s", SHOWN(name), SHOWN(value), expected);
}

static enum status read_number(const struct synth_parameter *parameter, const char *value,
                               double *out, struct error *error)
{
  char *end, range[80];
  *out = strtod(value, &end);
  if (end != value && *end == '\0' && *out >= parameter->least && *out <= parameter->most)
    return STATUS_OK;
  snprintf(range, sizeof range, "a number from %g to %g", parameter->least, parameter->most);
  return bad_value(parameter->name, value, range, error);
}

static enum status read_seed(const char *name, const char *value, uint64_t *out,
                             struct error *error)
{
  char *end;
  errno = 0;
  *out = strtoull(value, &end, 10);
  if (value[0] < '0' || value[0] > '9' || *end || errno)
    return bad_value(name, value, "a whole number from 0 to 2^64-1", error);
  return STATUS_OK;
}

/* "1024x4096": sizes with x between them. */
static enum status read_shape(const char *value, struct shape *shape, struct error *error)
{
  size_t count;
  if (!shape_scan(value, shape, NULL))
    return bad_value("shape", value, "sizes with x between them, such as 1024x4096", error);
  if (!shape_count(shape, &count) || count > LARGEST)
    return bad_value("shape", value, "at most 2^31 elements", error);
  return STATUS_OK;
}

static enum status unknown_parameter(const struct distribution *distribution, const char *name,
                                     struct error *error)
{
  const char *names[5 + SYNTH_PARAMETERS] = {"shape", "seed", "channel-seed", "scale", "offset"};
  size_t count = 5;
  for (size_t i = 0; distribution && i < SYNTH_PARAMETERS && distribution->parameters[i].name; i++)
    names[count++] = distribution->parameters[i].name;
  return source_unknown_word("parameter", name, names, count, error);
}

static enum status set_parameter(struct synth_plan *plan, const char *name, const char *value,
                                 struct error *error)
{
  static const struct synth_parameter scale = {"scale", "", 1, 1e-30, 1e30};
  static const struct synth_parameter offset = {"offset", "", 0, -1e30, 1e30};
  const struct distribution *distribution = plan->distribution;
  if (strcmp(name, "shape") == 0)
    return read_shape(value, &plan->shape, error);
  if (strcmp(name, "seed") == 0)
    return read_seed(name, value, &plan->seed, error);
  if (strcmp(name, "channel-seed") == 0) {
    plan->channels_apart = true;
    return read_seed(name, value, &plan->channel_seed, error);
  }
  if (strcmp(name, "scale") == 0)
    return read_number(&scale, value, &plan->scale, error);
  if (strcmp(name, "offset") == 0)
    return read_number(&offset, value, &plan->offset, error);
  for (size_t i = 0; distribution && i < SYNTH_PARAMETERS && distribution->parameters[i].name; i++)
    if (strcmp(name, distribution->parameters[i].name) == 0)
      return read_number(&distribution->parameters[i], value, &plan->own[i], error);
  return unknown_parameter(distribution, name, error);
}

static void set_standard(struct synth_plan *plan)
{
  *plan = (struct synth_plan){
      .distribution = plan->distribution, .shape = {2, {1024, 1024}}, .seed = 1, .scale = 1.0};
  for (size_t i = 0; plan->distribution && i < SYNTH_PARAMETERS; i++)
    plan->own[i] = plan->distribution->parameters[i].standard;
}

/* Where a distribution has a low and a high, they are in order. */
static enum status check_order(const struct synth_plan *plan, struct error *error)
{
  double low = -HUGE_VAL, high = HUGE_VAL;
  for (size_t i = 0; plan->distribution && i < SYNTH_PARAMETERS; i++) {
    const char *name = plan->distribution->parameters[i].name;
    if (name && strcmp(name, "low") == 0)
      low = plan->own[i];
    if (name && strcmp(name, "high") == 0)
      high = plan->own[i];
  }
  if (low <= high)
    return STATUS_OK;
  return error_set(error, STATUS_USAGE, "low=%g: expected at most high=%g", low, high);
}

/* "name=value,name=value" (cut up in place) into PLAN. */
static enum status read_parameters(char *words, struct synth_plan *plan, struct error *error)
{
  char *rest = words;
  while (rest && *rest) {
    char *word = strsep(&rest, ","), *value = strchr(word, '=');
    if (!value)
      return error_set(error, STATUS_USAGE, "\"%s\": expected PARAMETER=VALUE", SHOWN(word));
    *value++ = '\0';
    enum status status = set_parameter(plan, word, value, error);
    if (status != STATUS_OK)
      return status;
  }
  return check_order(plan, error);
}

static enum status find_distribution(const char *name, const struct distribution **out,
                                     struct error *error)
{
  enum { MOST = 64 };
  const char *names[MOST];
  size_t count = size_min(synth_table_length, MOST);
  for (size_t i = 0; i < count; i++) {
    names[i] = synth_table[i].name;
    if (strcmp(name, names[i]) == 0) {
      *out = &synth_table[i];
      return STATUS_OK;
    }
  }
  return source_unknown_word("distribution", name, names, count, error);
}

/* --- drawing ---------------------------------------------------------------------------------- */

struct drawing {
  struct synth_plan *plan;
  float *out;
  size_t count, columns;
  gsl_rng **generators; /* one per worker */
  struct progress *progress;
};

/* GSL's generators take 32 bits of seed; distinct numbers of one tensor get distinct ones. */
static uint32_t stream_seed(uint64_t seed, uint32_t number)
{
  uint32_t key =
      synth_scramble((uint32_t)seed + 0x9E3779B9u) ^ synth_scramble((uint32_t)(seed >> 32));
  return synth_scramble(number + key);
}

/* Stream 0 is the rows' and columns'; chunk c has stream c + 1. */
static void draw_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct drawing *drawing = context;
  const struct synth_plan *plan = drawing->plan;
  gsl_rng *rng = drawing->generators[worker];
  size_t first = chunk * FEED_CHUNK, end = size_min(first + FEED_CHUNK, drawing->count);
  size_t row = first / drawing->columns, column = first % drawing->columns;
  gsl_rng_set(rng, stream_seed(plan->seed, (uint32_t)chunk + 1));
  for (size_t i = first; i < end; i++) {
    double value = plan->distribution->draw(plan, rng, row, column);
    drawing->out[i] = (float)(plan->offset + plan->scale * value);
    if (++column == drawing->columns) {
      column = 0;
      row++;
    }
  }
  map_passed((end - first) * sizeof(float));
  progress_advance(drawing->progress, end - first);
}

static void free_generators(gsl_rng **generators, unsigned count)
{
  for (unsigned i = 0; generators && i < count && generators[i]; i++)
    gsl_rng_free(generators[i]);
  free(generators);
}

static gsl_rng **make_generators(unsigned count)
{
  gsl_rng **generators = mem_array(count, sizeof *generators);
  for (unsigned i = 0; generators && i < count; i++)
    if (!(generators[i] = gsl_rng_alloc(gsl_rng_mt19937))) {
      free_generators(generators, i);
      return NULL;
    }
  return generators;
}

static void finish_row(void *context, size_t row, unsigned worker)
{
  const struct drawing *drawing = context;
  (void)worker;
  drawing->plan->distribution->finish(drawing->out + row * drawing->columns, drawing->columns);
}

static enum status draw_all(struct drawing *drawing)
{
  struct synth_plan *plan = drawing->plan;
  plan->columns = drawing->columns;
  plan->rows = plan->columns ? drawing->count / plan->columns : 0;
  enum status status = STATUS_OK;
  if (plan->distribution->prepare && drawing->count > 0) { /* columns cost memory, too */
    plan->row_stream = stream_seed(plan->seed, 0);
    gsl_rng_set(drawing->generators[0],
                stream_seed(plan->channels_apart ? plan->channel_seed : plan->seed, 0));
    status = plan->distribution->prepare(plan, drawing->generators[0]);
  }
  progress_expect(drawing->progress, drawing->count);
  if (status == STATUS_OK)
    status =
        pool_for(size_div_up(drawing->count, FEED_CHUNK), draw_chunk, drawing, drawing->progress);
  if (status == STATUS_OK && plan->distribution->finish)
    status = pool_for(plan->rows, finish_row, drawing, drawing->progress);
  free(plan->row);
  free(plan->column);
  free(plan->also);
  free(plan->outlier);
  plan->row = plan->column = plan->also = NULL;
  plan->outlier = NULL;
  return status;
}

static enum status check_gains(const struct synth_plan *plan, size_t rows, size_t columns,
                               struct error *error)
{
  const struct distribution *distribution = plan->distribution;
  bool of_rows = distribution->of != SYNTH_OF_COLUMNS && rows > GAINS_MOST;
  bool of_columns = distribution->of != SYNTH_OF_ROWS && columns > GAINS_MOST;
  if (!distribution->prepare || !(of_rows || of_columns))
    return STATUS_OK;
  return error_set(error, STATUS_MEMORY,
                   "%s draws a gain for each %s, and keeps them: expected at most %d, found %zu",
                   distribution->name, of_rows ? "row" : "column", GAINS_MOST,
                   of_rows ? rows : columns);
}

static enum status draw_tensor(struct synth_plan *plan, struct tensor *tensor,
                               struct progress *progress, struct error *error)
{
  unsigned dims = tensor->shape.dims, threads = pool_threads();
  size_t columns = dims ? tensor->shape.dim[dims - 1] : 1;
  unsigned char *out = NULL;
  enum status status = check_gains(plan, columns ? tensor->count / columns : 0, columns, error);
  if (status == STATUS_OK)
    status = spill_new(tensor->bytes, &out, error);
  if (status != STATUS_OK)
    return status;
  struct drawing drawing = {.plan = plan,
                            .out = (float *)(void *)out,
                            .count = tensor->count,
                            .columns = columns,
                            .generators = make_generators(threads),
                            .progress = progress};
  status = drawing.generators ? draw_all(&drawing) : STATUS_MEMORY;
  free_generators(drawing.generators, threads);
  if (status != STATUS_OK)
    spill_free(out);
  else
    tensor->data = out;
  return status == STATUS_MEMORY      ? error_memory(error, "a synthetic tensor")
         : status == STATUS_CANCELLED ? error_set(error, status, "cancelled")
                                      : status;
}

static enum status synth_load(struct source *source, size_t index, struct progress *progress,
                              struct error *error)
{
  struct synth_plan *plans = source->state;
  return draw_tensor(&plans[index], &source->tensors[index], progress, error);
}

/* --- the source ------------------------------------------------------------------------------- */

static const char *synth_remark(const struct source *source, size_t index)
{
  const struct synth_plan *plans = source->state;
  return plans[index].remark;
}

static void synth_close(struct source *source)
{
  for (size_t i = 0; i < source->count; i++)
    spill_free(source->tensors[i].data);
  free(source->state);
}

/* "what it is; nu=3 degrees of freedom" */
static void write_remark(struct synth_plan *plan)
{
  const struct distribution *distribution = plan->distribution;
  size_t used = (size_t)snprintf(plan->remark, sizeof plan->remark, "%s", distribution->remark);
  for (size_t i = 0; i < SYNTH_PARAMETERS && distribution->parameters[i].name; i++)
    if (used < sizeof plan->remark)
      used += (size_t)snprintf(plan->remark + used, sizeof plan->remark - used, "; %s=%g %s",
                               distribution->parameters[i].name, plan->own[i],
                               distribution->parameters[i].meaning);
}

static enum status add_plan(struct source *source, struct synth_plan *plan, struct error *error)
{
  write_remark(plan);
  struct tensor tensor = {.name = plan->distribution->name,
                          .shape = plan->shape,
                          .stored = stored_find("f32"),
                          .swapped = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__};
  tensor.count = shape_elements(&plan->shape);
  tensor.bytes = tensor.count * sizeof(float);
  return source_add(source, &tensor, error);
}

/* One plan for each row of the table, all with the parameters in WORDS. */
static enum status open_gallery(char *words, struct source *source, struct synth_plan *plans,
                                struct error *error)
{
  struct synth_plan common = {0};
  set_standard(&common);
  enum status status = read_parameters(words, &common, error);
  for (size_t i = 0; i < synth_table_length && status == STATUS_OK; i++) {
    plans[i].distribution = &synth_table[i];
    set_standard(&plans[i]);
    plans[i].shape = common.shape;
    plans[i].seed = common.seed;
    plans[i].channel_seed = common.channel_seed;
    plans[i].channels_apart = common.channels_apart;
    plans[i].scale = common.scale;
    plans[i].offset = common.offset;
    status = add_plan(source, &plans[i], error);
  }
  return status;
}

static enum status open_one(char *words, struct source *source, struct synth_plan *plan,
                            struct error *error)
{
  char *rest = words, *name = strsep(&rest, ",");
  enum status status = find_distribution(name, &plan->distribution, error);
  if (status != STATUS_OK)
    return status;
  set_standard(plan);
  status = read_parameters(rest, plan, error);
  return status == STATUS_OK ? add_plan(source, plan, error) : status;
}

enum status synth_open(const char *spec, struct source *source, struct error *error)
{
  char *words = strdup(source_words(source, spec));
  struct synth_plan *plans = mem_array(synth_table_length, sizeof *plans);
  source->state = plans;
  source->load = synth_load;
  source->remark = synth_remark;
  source->close = synth_close;
  if (!words || !plans) {
    free(words);
    return error_memory(error, "a synthetic source");
  }
  bool gallery = !*words || words[strcspn(words, ",=")] == '=';
  enum status status =
      gallery ? open_gallery(words, source, plans, error) : open_one(words, source, plans, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", SHOWN(spec));
  free(words);
  return status;
}
