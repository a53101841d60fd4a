/* Synthetic tensors, drawn through GSL. "synth:" is the gallery, one tensor for each row of the
 * table; "synth:student-t,nu=3,shape=1024x4096,seed=7" is one of them.
 *
 * A tensor is a matrix: the last axis holds the columns (channels), the others together the rows
 * (tokens, or output channels). Elements come in chunks of FEED_CHUNK, each from a generator of
 * its own, seeded by seed and chunk: the values do not depend on the number of threads. What
 * belongs to a row or a column is drawn from streams of their own, so that a tensor with more
 * rows has the same channels. */
#include "config.h"

#include "data/map_range.h"
#include "data/source_types.h"
#include "data/spill.h"
#include "quant/base/size.h"

#include <errno.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMETERS = 4 };
#define LARGEST                                                                                    \
  ((size_t)1 << 31)            /* elements of one tensor, in a temporary file where it is large */
enum { GAINS_MOST = 4 << 20 }; /* rows or columns with a gain of their own, which is in memory */

struct parameter {
  const char *name, *meaning;
  double standard, least, most;
};

/* What one tensor is drawn from. */
struct plan {
  const struct distribution *distribution;
  struct shape shape;
  uint64_t seed;
  double scale, offset;
  double own[PARAMETERS]; /* the distribution's parameters */
  double *row, *column;   /* gains, while it is drawn; NULL where there are none */
  unsigned char *outlier; /* columns that are outliers */
  char remark[320];
};

struct distribution {
  const char *name, *remark;
  struct parameter parameters[PARAMETERS];
  double (*draw)(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column);
  /* Fills plan->row or plan->column; NULL when the elements are all alike. */
  enum status (*prepare)(struct plan *plan, gsl_rng *rng, size_t rows, size_t columns);
  bool of_rows; /* the gains that it fills */
};

/* --- the distributions ----------------------------------------------------------------- */

#define UNUSED_PLACE (void)row, (void)column

static double draw_gaussian(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column)
{
  (void)plan, UNUSED_PLACE;
  return gsl_ran_gaussian_ziggurat(rng, 1.0);
}

static double draw_laplace(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column)
{
  (void)plan, UNUSED_PLACE;
  return gsl_ran_laplace(rng, 1.0);
}

static double draw_student_t(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column)
{
  UNUSED_PLACE;
  return gsl_ran_tdist(rng, plan->own[0]);
}

static double draw_uniform(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column)
{
  UNUSED_PLACE;
  return gsl_ran_flat(rng, plan->own[0], plan->own[1]);
}

static double random_sign(const gsl_rng *rng)
{
  return gsl_rng_uniform(rng) < 0.5 ? -1.0 : 1.0;
}

static double draw_lognormal(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column)
{
  UNUSED_PLACE;
  double sign = random_sign(rng);
  return sign * gsl_ran_lognormal(rng, 0.0, plan->own[0]);
}

static double draw_bimodal(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column)
{
  UNUSED_PLACE;
  double mode = random_sign(rng);
  return mode + gsl_ran_gaussian_ziggurat(rng, plan->own[0]);
}

static double draw_relu(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column)
{
  UNUSED_PLACE;
  return fmax(0.0, plan->own[0] + gsl_ran_gaussian_ziggurat(rng, 1.0));
}

/* GELU(x) = x times the normal distribution's probability below x (exact, not the tanh form). */
static double draw_gelu(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column)
{
  UNUSED_PLACE;
  double x = plan->own[0] + gsl_ran_gaussian_ziggurat(rng, plan->own[1]);
  return x * gsl_cdf_ugaussian_P(x);
}

static enum status gains(double **out, gsl_rng *rng, size_t count, double sigma)
{
  double *gain = mem_array(count, sizeof *gain);
  if (!gain)
    return STATUS_MEMORY;
  for (size_t i = 0; i < count; i++)
    gain[i] = gsl_ran_lognormal(rng, 0.0, sigma);
  *out = gain;
  return STATUS_OK;
}

/* llm-weight: sigma, spread, nu. Student's t scaled to variance 1. */
static enum status prepare_weight(struct plan *plan, gsl_rng *rng, size_t rows, size_t columns)
{
  (void)columns;
  return gains(&plan->row, rng, rows, plan->own[1]);
}

static double draw_weight(const struct plan *plan, const gsl_rng *rng, size_t row, size_t column)
{
  (void)column;
  double nu = plan->own[2];
  return plan->own[0] * plan->row[row] * gsl_ran_tdist(rng, nu) * sqrt((nu - 2) / nu);
}

/* llm-activation: spread, outliers, low, high. An outlier channel keeps its sign over the tokens:
 * magnitude times (0.7 + 0.3 n), scaled so that its RMS is magnitude. */
static enum status prepare_activation(struct plan *plan, gsl_rng *rng, size_t rows, size_t columns)
{
  (void)rows;
  double share = plan->own[1], low = plan->own[2], high = plan->own[3];
  size_t outliers = share > 0 && columns > 0 ? (size_t)fmax(1, round(share * (double)columns)) : 0;
  plan->outlier = mem_array(columns, 1);
  enum status status = gains(&plan->column, rng, columns, plan->own[0]);
  if (status != STATUS_OK || !plan->outlier)
    return STATUS_MEMORY;
  for (size_t i = 0; i < outliers;) {
    size_t column = gsl_rng_uniform_int(rng, columns);
    double magnitude = exp(gsl_ran_flat(rng, log(low), log(high))), sign = random_sign(rng);
    if (plan->outlier[column])
      continue;
    plan->column[column] = sign * magnitude / sqrt(0.7 * 0.7 + 0.3 * 0.3);
    plan->outlier[column] = 1;
    i++;
  }
  return STATUS_OK;
}

static double draw_activation(const struct plan *plan, const gsl_rng *rng, size_t row,
                              size_t column)
{
  (void)row;
  double n = gsl_ran_gaussian_ziggurat(rng, 1.0);
  return plan->column[column] * (plan->outlier[column] ? 0.7 + 0.3 * n : n);
}

static const struct distribution distributions[] = {
    {"gaussian", "the normal distribution", {{0}}, draw_gaussian, NULL, false},
    {"laplace",
     "double exponential, tails heavier than the normal's",
     {{0}},
     draw_laplace,
     NULL,
     false},
    {"student-t",
     "Student's t, the heavier-tailed the smaller nu",
     {{"nu", "degrees of freedom", 3, 0.5, 1e6}},
     draw_student_t,
     NULL,
     false},
    {"uniform",
     "flat between low and high",
     {{"low", "lower end", -1, -1e30, 1e30}, {"high", "upper end", 1, -1e30, 1e30}},
     draw_uniform,
     NULL,
     false},
    {"lognormal",
     "random sign times exp(sigma n): many decades",
     {{"sigma", "standard deviation of the logarithm", 1, 0, 10}},
     draw_lognormal,
     NULL,
     false},
    {"bimodal",
     "two normal humps at -1 and 1",
     {{"width", "standard deviation of each hump", 0.15, 0, 1e6}},
     draw_bimodal,
     NULL,
     false},
    {"relu",
     "max(0, n + mean): zeros, and half of a normal distribution",
     {{"mean", "mean before the ReLU", 0, -30, 30}},
     draw_relu,
     NULL,
     false},
    {"gelu",
     "GELU of a normal variable, never below -0.17",
     {{"mean", "mean before the GELU", 0, -30, 30},
      {"sigma", "standard deviation before the GELU", 1, 0, 1e6}},
     draw_gelu,
     NULL,
     false},
    {"llm-weight",
     "weights of a linear layer: nearly normal rows of differing size",
     {{"sigma", "typical standard deviation", 0.02, 0, 1e6},
      {"spread", "of the rows' gains, standard deviation of the logarithm", 0.3, 0, 5},
      {"nu", "degrees of freedom of the tails", 10, 2.1, 1e6}},
     draw_weight,
     prepare_weight,
     true},
    {"llm-activation",
     "LayerNorm output, rows are tokens: a few channels dwarf the rest",
     {{"spread", "of the channels' gains, standard deviation of the logarithm", 0.4, 0, 5},
      {"outliers", "share of outlier channels (at least one, 0: none)", 0.005, 0, 0.5},
      {"low", "least size of an outlier channel over the typical one", 20, 1e-6, 1e6},
      {"high", "largest size of an outlier channel", 100, 1e-6, 1e6}},
     draw_activation,
     prepare_activation,
     false},
};
enum { DISTRIBUTIONS = sizeof distributions / sizeof *distributions };

/* --- the spec ------------------------------------------------------------------------------ */

static enum status bad_value(const char *name, const char *value, const char *expected,
                             struct error *error)
{
  return error_set(error, STATUS_USAGE, "%s=%s: expected %s", SHOWN(name), SHOWN(value), expected);
}

static enum status read_number(const struct parameter *parameter, const char *value, double *out,
                               struct error *error)
{
  char *end, range[80];
  *out = strtod(value, &end);
  if (end != value && *end == '\0' && *out >= parameter->least && *out <= parameter->most)
    return STATUS_OK;
  snprintf(range, sizeof range, "a number from %g to %g", parameter->least, parameter->most);
  return bad_value(parameter->name, value, range, error);
}

static enum status read_seed(const char *value, uint64_t *out, struct error *error)
{
  char *end;
  errno = 0;
  *out = strtoull(value, &end, 10);
  if (value[0] < '0' || value[0] > '9' || *end || errno)
    return bad_value("seed", value, "a whole number from 0 to 2^64-1", error);
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
  const char *names[4 + PARAMETERS] = {"shape", "seed", "scale", "offset"};
  size_t count = 4;
  for (size_t i = 0; distribution && i < PARAMETERS && distribution->parameters[i].name; i++)
    names[count++] = distribution->parameters[i].name;
  return source_unknown_word("parameter", name, names, count, error);
}

static enum status set_parameter(struct plan *plan, const char *name, const char *value,
                                 struct error *error)
{
  static const struct parameter scale = {"scale", "", 1, 1e-30, 1e30};
  static const struct parameter offset = {"offset", "", 0, -1e30, 1e30};
  const struct distribution *distribution = plan->distribution;
  if (strcmp(name, "shape") == 0)
    return read_shape(value, &plan->shape, error);
  if (strcmp(name, "seed") == 0)
    return read_seed(value, &plan->seed, error);
  if (strcmp(name, "scale") == 0)
    return read_number(&scale, value, &plan->scale, error);
  if (strcmp(name, "offset") == 0)
    return read_number(&offset, value, &plan->offset, error);
  for (size_t i = 0; distribution && i < PARAMETERS && distribution->parameters[i].name; i++)
    if (strcmp(name, distribution->parameters[i].name) == 0)
      return read_number(&distribution->parameters[i], value, &plan->own[i], error);
  return unknown_parameter(distribution, name, error);
}

static void set_standard(struct plan *plan)
{
  *plan = (struct plan){
      .distribution = plan->distribution, .shape = {2, {1024, 1024}}, .seed = 1, .scale = 1.0};
  for (size_t i = 0; plan->distribution && i < PARAMETERS; i++)
    plan->own[i] = plan->distribution->parameters[i].standard;
}

/* Where a distribution has a low and a high, they are in order. */
static enum status check_order(const struct plan *plan, struct error *error)
{
  double low = -HUGE_VAL, high = HUGE_VAL;
  for (size_t i = 0; plan->distribution && i < PARAMETERS; i++) {
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
static enum status read_parameters(char *words, struct plan *plan, struct error *error)
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
  const char *names[DISTRIBUTIONS];
  for (size_t i = 0; i < DISTRIBUTIONS; i++) {
    names[i] = distributions[i].name;
    if (strcmp(name, names[i]) == 0) {
      *out = &distributions[i];
      return STATUS_OK;
    }
  }
  return source_unknown_word("distribution", name, names, DISTRIBUTIONS, error);
}

/* --- drawing ---------------------------------------------------------------------------------- */

struct drawing {
  struct plan *plan;
  float *out;
  size_t count, columns;
  gsl_rng **generators; /* one per worker */
  struct progress *progress;
};

/* A bijection of 32-bit words without structure (the finaliser of MurmurHash3). */
static uint32_t scramble(uint32_t word)
{
  word = (word ^ word >> 16) * 0x85EBCA6Bu;
  word = (word ^ word >> 13) * 0xC2B2AE35u;
  return word ^ word >> 16;
}

/* GSL's generators take 32 bits of seed; distinct numbers of one tensor get distinct ones. */
static uint32_t stream_seed(uint64_t seed, uint32_t number)
{
  uint32_t key = scramble((uint32_t)seed + 0x9E3779B9u) ^ scramble((uint32_t)(seed >> 32));
  return scramble(number + key);
}

/* Stream 0 is the rows' and columns'; chunk c has stream c + 1. */
static void draw_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct drawing *drawing = context;
  const struct plan *plan = drawing->plan;
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

static enum status draw_all(struct drawing *drawing)
{
  struct plan *plan = drawing->plan;
  size_t columns = drawing->columns, rows = columns ? drawing->count / columns : 0;
  enum status status = STATUS_OK;
  if (plan->distribution->prepare && drawing->count > 0) { /* columns cost memory, too */
    gsl_rng_set(drawing->generators[0], stream_seed(plan->seed, 0));
    status = plan->distribution->prepare(plan, drawing->generators[0], rows, columns);
  }
  progress_expect(drawing->progress, drawing->count);
  if (status == STATUS_OK)
    status =
        pool_for(size_div_up(drawing->count, FEED_CHUNK), draw_chunk, drawing, drawing->progress);
  free(plan->row);
  free(plan->column);
  free(plan->outlier);
  plan->row = plan->column = NULL;
  plan->outlier = NULL;
  return status;
}

static enum status check_gains(const struct plan *plan, size_t rows, size_t columns,
                               struct error *error)
{
  const struct distribution *distribution = plan->distribution;
  size_t count = distribution->of_rows ? rows : columns;
  if (!distribution->prepare || count <= GAINS_MOST)
    return STATUS_OK;
  return error_set(error, STATUS_MEMORY,
                   "%s draws a gain for each %s, and keeps them: expected at most %d, found %zu",
                   distribution->name, distribution->of_rows ? "row" : "column", GAINS_MOST, count);
}

static enum status draw_tensor(struct plan *plan, struct tensor *tensor, struct progress *progress,
                               struct error *error)
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
  struct plan *plans = source->state;
  return draw_tensor(&plans[index], &source->tensors[index], progress, error);
}

/* --- the source ------------------------------------------------------------------------------- */

static const char *synth_remark(const struct source *source, size_t index)
{
  const struct plan *plans = source->state;
  return plans[index].remark;
}

static void synth_close(struct source *source)
{
  for (size_t i = 0; i < source->count; i++)
    spill_free(source->tensors[i].data);
  free(source->state);
}

/* "what it is; nu=3 degrees of freedom" */
static void write_remark(struct plan *plan)
{
  const struct distribution *distribution = plan->distribution;
  size_t used = (size_t)snprintf(plan->remark, sizeof plan->remark, "%s", distribution->remark);
  for (size_t i = 0; i < PARAMETERS && distribution->parameters[i].name; i++)
    if (used < sizeof plan->remark)
      used += (size_t)snprintf(plan->remark + used, sizeof plan->remark - used, "; %s=%g %s",
                               distribution->parameters[i].name, plan->own[i],
                               distribution->parameters[i].meaning);
}

static enum status add_plan(struct source *source, struct plan *plan, struct error *error)
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
static enum status open_gallery(char *words, struct source *source, struct plan *plans,
                                struct error *error)
{
  struct plan common = {0};
  set_standard(&common);
  enum status status = read_parameters(words, &common, error);
  for (size_t i = 0; i < DISTRIBUTIONS && status == STATUS_OK; i++) {
    plans[i].distribution = &distributions[i];
    set_standard(&plans[i]);
    plans[i].shape = common.shape;
    plans[i].seed = common.seed;
    plans[i].scale = common.scale;
    plans[i].offset = common.offset;
    status = add_plan(source, &plans[i], error);
  }
  return status;
}

static enum status open_one(char *words, struct source *source, struct plan *plan,
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
  struct plan *plans = mem_array(DISTRIBUTIONS, sizeof *plans);
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
