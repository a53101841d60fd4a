/* The distributions of synthetic tensors. */
#include "config.h"

#include "data/synth.h"

#include "quant/base/size.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>

#define UNUSED_PLACE (void)row, (void)column

static double draw_gaussian(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                            size_t column)
{
  (void)plan, UNUSED_PLACE;
  return gsl_ran_gaussian_ziggurat(rng, 1.0);
}

static double draw_laplace(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                           size_t column)
{
  (void)plan, UNUSED_PLACE;
  return gsl_ran_laplace(rng, 1.0);
}

static double draw_student_t(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                             size_t column)
{
  UNUSED_PLACE;
  return gsl_ran_tdist(rng, plan->own[0]);
}

static double draw_uniform(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                           size_t column)
{
  UNUSED_PLACE;
  return gsl_ran_flat(rng, plan->own[0], plan->own[1]);
}

static double random_sign(const gsl_rng *rng)
{
  return gsl_rng_uniform(rng) < 0.5 ? -1.0 : 1.0;
}

static double draw_lognormal(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                             size_t column)
{
  UNUSED_PLACE;
  double sign = random_sign(rng);
  return sign * gsl_ran_lognormal(rng, 0.0, plan->own[0]);
}

static double draw_bimodal(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                           size_t column)
{
  UNUSED_PLACE;
  double mode = random_sign(rng);
  return mode + gsl_ran_gaussian_ziggurat(rng, plan->own[0]);
}

static double draw_relu(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                        size_t column)
{
  UNUSED_PLACE;
  return fmax(0.0, plan->own[0] + gsl_ran_gaussian_ziggurat(rng, 1.0));
}

/* GELU(x) = x times the normal distribution's probability below x (exact, not the tanh form). */
static double draw_gelu(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                        size_t column)
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
static enum status prepare_weight(struct synth_plan *plan, gsl_rng *rng)
{
  return gains(&plan->row, rng, plan->rows, plan->own[1]);
}

static double draw_weight(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                          size_t column)
{
  (void)column;
  double nu = plan->own[2];
  return plan->own[0] * plan->row[row] * gsl_ran_tdist(rng, nu) * sqrt((nu - 2) / nu);
}

/* llm-activation: spread, outliers, low, high. An outlier channel keeps its sign over the tokens:
 * magnitude times (0.7 + 0.3 n), scaled so that its RMS is magnitude. */
static enum status prepare_activation(struct synth_plan *plan, gsl_rng *rng)
{
  size_t columns = plan->columns;
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

static double draw_activation(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                              size_t column)
{
  (void)row;
  double n = gsl_ran_gaussian_ziggurat(rng, 1.0);
  return plan->column[column] * (plan->outlier[column] ? 0.7 + 0.3 * n : n);
}

/* outliers: share, value. Exactly round(share N) values, at least one: one in each of as many equal
 * stretches, anywhere in it. */
static bool is_outlier(const struct synth_plan *plan, size_t row, size_t column)
{
  uint64_t all = (uint64_t)plan->rows * plan->columns, at = (uint64_t)row * plan->columns + column;
  uint64_t count = (uint64_t)fmax(1, round(plan->own[0] * (double)all));
  uint64_t stretch = at * count / all, first = (stretch * all + count - 1) / count;
  uint64_t length = ((stretch + 1) * all + count - 1) / count - first;
  return at - first == synth_scramble((uint32_t)(plan->seed + stretch)) % length;
}

static double draw_outliers(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                            size_t column)
{
  double body = gsl_ran_flat(rng, -1, 1);
  return is_outlier(plan, row, column) ? plan->own[1] : body;
}

static double draw_exponential(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                               size_t column)
{
  (void)plan, UNUSED_PLACE;
  return gsl_ran_exponential(rng, 1.0);
}

static double draw_gradient(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                            size_t column)
{
  UNUSED_PLACE;
  double sign = random_sign(rng);
  return plan->own[0] * sign * gsl_ran_lognormal(rng, 0.0, plan->own[1]);
}

/* llama-activation: a Laplace body within 12.5, two values in ten thousand up to 156.3, and the
 * ends -12.5 and 156.3 themselves, which are its first two values. */
static double draw_llama(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                         size_t column)
{
  static const double most = 156.3, least = 12.5, start = 8.2, width = 1.297, rare = 2e-4;
  (void)plan;
  if (row == 0 && column < 2)
    return column == 0 ? most : -least;
  double body = gsl_ran_laplace(rng, width);
  if (gsl_rng_uniform(rng) < rare)
    return exp(gsl_ran_flat(rng, log(start), log(most)));
  return fmin(fmax(body, -least), least);
}

/* Rows and columns with a normal body; the rows' gains, or the columns'. */
static double draw_rows(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                        size_t column)
{
  (void)column;
  return plan->own[0] * plan->row[row] * gsl_ran_gaussian_ziggurat(rng, 1.0);
}

static enum status prepare_layernorm(struct synth_plan *plan, gsl_rng *rng)
{
  return gains(&plan->column, rng, plan->columns, plan->own[0]);
}

static double draw_layernorm(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                             size_t column)
{
  (void)row;
  return plan->column[column] * gsl_ran_gaussian_ziggurat(rng, 1.0);
}

/* COUNT different columns into plan->outlier. */
static bool choose_columns(struct synth_plan *plan, gsl_rng *rng, size_t count)
{
  plan->outlier = mem_array(plan->columns, 1);
  for (size_t i = 0; plan->outlier && i < count && i < plan->columns;) {
    size_t column = gsl_rng_uniform_int(rng, plan->columns);
    i += !plan->outlier[column];
    plan->outlier[column] = 1;
  }
  return plan->outlier != NULL;
}

static size_t part_of(double share, size_t columns)
{
  return share > 0 ? (size_t)fmax(1, round(share * (double)columns)) : 0;
}

/* weight-columns: sigma, spread, columns, factor. */
static enum status prepare_weight_columns(struct synth_plan *plan, gsl_rng *rng)
{
  enum status status = prepare_weight(plan, rng);
  if (status == STATUS_OK && !choose_columns(plan, rng, part_of(plan->own[2], plan->columns)))
    status = STATUS_MEMORY;
  return status;
}

static double draw_weight_columns(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                                  size_t column)
{
  return draw_rows(plan, rng, row, column) * (plan->outlier[column] ? plan->own[3] : 1);
}

/* outlier-channels: spread, outliers, size. sign size LN(0.3) (0.7 + 0.3 n). */
static enum status prepare_channels(struct synth_plan *plan, gsl_rng *rng)
{
  enum status status = prepare_layernorm(plan, rng);
  if (status == STATUS_OK && !choose_columns(plan, rng, part_of(plan->own[1], plan->columns)))
    status = STATUS_MEMORY;
  for (size_t i = 0; status == STATUS_OK && i < plan->columns; i++)
    if (plan->outlier[i]) {
      double sign = random_sign(rng);
      plan->column[i] = sign * plan->own[2] * gsl_ran_lognormal(rng, 0.0, 0.3);
    }
  return status;
}

/* correlated: spread, outliers, size, correlation c. A channel that is no outlier is
 * (c z l + sqrt(1 - c^2) n) LN(spread), where z are CAUSES numbers of the row and l of the column,
 * |l| = 1 in the mean: what all channels share. */
enum { CAUSES = 32 };

static double *normals(gsl_rng *rng, size_t count, double sigma)
{
  size_t all;
  double *out = size_mul(count, CAUSES, &all) ? mem_array(all, sizeof *out) : NULL;
  for (size_t i = 0; out && i < all; i++)
    out[i] = gsl_ran_gaussian_ziggurat(rng, sigma);
  return out;
}

static enum status prepare_correlated(struct synth_plan *plan, gsl_rng *rng)
{
  enum status status = prepare_channels(plan, rng);
  plan->also = normals(rng, plan->columns, 1 / sqrt(CAUSES));
  if (plan->channels_apart)
    gsl_rng_set(rng, plan->row_stream);
  plan->row = normals(rng, plan->rows, 1);
  return plan->also && plan->row ? status : STATUS_MEMORY;
}

static double draw_correlated(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                              size_t column)
{
  const double *z = plan->row + row * CAUSES, *l = plan->also + column * CAUSES;
  const double c = plan->own[3], n = gsl_ran_gaussian_ziggurat(rng, 1.0);
  double shared = 0;
  if (plan->outlier[column])
    return plan->column[column] * (0.7 + 0.3 * n);
  for (size_t k = 0; k < CAUSES; k++)
    shared += z[k] * l[k];
  return plan->column[column] * (c * shared + sqrt(1 - c * c) * n);
}

/* massive-activation: two rows and two columns, 1000, -600, 800, -450 where they meet. */
static enum status prepare_massive(struct synth_plan *plan, gsl_rng *rng)
{
  return gains(&plan->column, rng, plan->columns, 0.4);
}

static double draw_massive(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                           size_t column)
{
  static const double massive[2][2] = {{1000, -600}, {800, -450}};
  size_t r = row == 0 ? 0 : row == 17 ? 1 : 2, c = column == 141 ? 0 : column == 253 ? 1 : 2;
  double body = 0.5 * plan->column[column] * gsl_ran_gaussian_ziggurat(rng, 1.0);
  return r < 2 && c < 2 ? massive[r][c] : body;
}

/* Hidden layers: own[0] the mean, own[1] its spread over the columns, own[2] that of their gains.
 */
static enum status prepare_hidden(struct synth_plan *plan, gsl_rng *rng)
{
  enum status status = gains(&plan->column, rng, plan->columns, plan->own[2]);
  plan->also = mem_array(plan->columns, sizeof *plan->also);
  for (size_t i = 0; plan->also && i < plan->columns; i++)
    plan->also[i] = plan->own[0] + plan->own[1] * gsl_ran_gaussian_ziggurat(rng, 1.0);
  return plan->also ? status : STATUS_MEMORY;
}

static double draw_hidden(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                          size_t column)
{
  (void)row;
  return plan->also[column] + plan->column[column] * gsl_ran_gaussian_ziggurat(rng, 1.0);
}

static double draw_hidden_gelu(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                               size_t column)
{
  double x = draw_hidden(plan, rng, row, column);
  return x * gsl_cdf_ugaussian_P(x);
}

static double draw_hidden_relu(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                               size_t column)
{
  return fmax(0, draw_hidden(plan, rng, row, column));
}

/* swiglu: mean, spread of the gate's columns, spread of the other's. SiLU(x) = x / (1 + e^-x). */
static enum status prepare_swiglu(struct synth_plan *plan, gsl_rng *rng)
{
  enum status status = gains(&plan->column, rng, plan->columns, plan->own[1]);
  return status == STATUS_OK ? gains(&plan->also, rng, plan->columns, plan->own[2]) : status;
}

static double draw_swiglu(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                          size_t column)
{
  (void)row;
  double gate = plan->own[0] + plan->column[column] * gsl_ran_gaussian_ziggurat(rng, 1.0);
  double up = plan->also[column] * gsl_ran_gaussian_ziggurat(rng, 1.0);
  return gate / (1 + exp(-gate)) * up;
}

/* attention: the rows' standard deviation is 1, 2, 3, 4 by quarter. */
static double draw_logits(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                          size_t column)
{
  double sigma = 1 + floor(4 * (double)row / (double)plan->rows);
  return sigma * gsl_ran_gaussian_ziggurat(rng, 1.0) + (column == 0 ? plan->own[0] : 0);
}

static void softmax(float *row, size_t columns)
{
  double most = -HUGE_VAL, sum = 0;
  for (size_t i = 0; i < columns; i++)
    most = fmax(most, (double)row[i]);
  for (size_t i = 0; i < columns; i++)
    sum += exp((double)row[i] - most);
  for (size_t i = 0; i < columns; i++)
    row[i] = (float)(exp((double)row[i] - most) / sum);
}

/* key-cache: share of the fixed columns, whose means are 6 to 12 on either side. */
static enum status prepare_key(struct synth_plan *plan, gsl_rng *rng)
{
  enum status status = gains(&plan->column, rng, plan->columns, 0.3);
  plan->also = mem_array(plan->columns, sizeof *plan->also);
  if (status != STATUS_OK || !plan->also ||
      !choose_columns(plan, rng, part_of(plan->own[0], plan->columns)))
    return STATUS_MEMORY;
  for (size_t i = 0; i < plan->columns; i++) {
    double body = 0.5 * gsl_ran_gaussian_ziggurat(rng, 1.0), sign = random_sign(rng);
    double far = sign * gsl_ran_flat(rng, 6, 12);
    plan->also[i] = plan->outlier[i] ? far : body;
  }
  return STATUS_OK;
}

/* Batches, one a row: how large each is. */
static enum status prepare_batches(struct synth_plan *plan, gsl_rng *rng,
                                   double (*size)(const struct synth_plan *plan, gsl_rng *rng,
                                                  size_t row))
{
  plan->row = mem_array(plan->rows, sizeof *plan->row);
  for (size_t i = 0; plan->row && i < plan->rows; i++)
    plan->row[i] = size(plan, rng, i);
  return plan->row ? STATUS_OK : STATUS_MEMORY;
}

static double drifted(const struct synth_plan *plan, gsl_rng *rng, size_t row)
{
  (void)rng;
  return 1 + (plan->own[0] - 1) * (double)row / (double)(plan->rows > 1 ? plan->rows - 1 : 1);
}

static double stepped(const struct synth_plan *plan, gsl_rng *rng, size_t row)
{
  (void)rng;
  return row < plan->rows / 2 ? 1 : plan->own[0];
}

static double spiky(const struct synth_plan *plan, gsl_rng *rng, size_t row)
{
  (void)row;
  return gsl_rng_uniform(rng) < plan->own[1] ? plan->own[0] : 1;
}

static enum status prepare_drift(struct synth_plan *plan, gsl_rng *rng)
{
  return prepare_batches(plan, rng, drifted);
}

static enum status prepare_step(struct synth_plan *plan, gsl_rng *rng)
{
  return prepare_batches(plan, rng, stepped);
}

static enum status prepare_spikes(struct synth_plan *plan, gsl_rng *rng)
{
  return prepare_batches(plan, rng, spiky);
}

static double draw_batch(const struct synth_plan *plan, const gsl_rng *rng, size_t row,
                         size_t column)
{
  (void)column;
  return plan->row[row] * gsl_ran_gaussian_ziggurat(rng, 1.0);
}

#define ROW_SIGMA                                                                                  \
  {                                                                                                \
    "sigma", "typical standard deviation", 0.02, 0, 1e6                                            \
  }
#define ROW_SPREAD                                                                                 \
  {                                                                                                \
    "spread", "of the rows' gains, standard deviation of the logarithm", 0.3, 0, 5                 \
  }
#define CHANNEL_SPREAD "of the channels' gains, standard deviation of the logarithm"

const struct distribution synth_table[] = {
    {.name = "gaussian", .remark = "the normal distribution", .draw = draw_gaussian},
    {.name = "laplace",
     .remark = "double exponential, tails heavier than the normal's",
     .draw = draw_laplace},
    {.name = "student-t",
     .remark = "Student's t, the heavier-tailed the smaller nu",
     .parameters = {{"nu", "degrees of freedom", 3, 0.5, 1e6}},
     .draw = draw_student_t},
    {.name = "uniform",
     .remark = "flat between low and high",
     .parameters = {{"low", "lower end", -1, -1e30, 1e30}, {"high", "upper end", 1, -1e30, 1e30}},
     .draw = draw_uniform},
    {.name = "lognormal",
     .remark = "random sign times exp(sigma n): many decades",
     .parameters = {{"sigma", "standard deviation of the logarithm", 1, 0, 10}},
     .draw = draw_lognormal},
    {.name = "exponential", .remark = "one-sided, with a long tail", .draw = draw_exponential},
    {.name = "bimodal",
     .remark = "two normal humps at -1 and 1",
     .parameters = {{"width", "standard deviation of each hump", 0.15, 0, 1e6}},
     .draw = draw_bimodal},
    {.name = "skewed",
     .remark = "flat, and nearly all on one side of zero",
     .parameters = {{"low", "lower end", -1, -1e30, 1e30}, {"high", "upper end", 100, -1e30, 1e30}},
     .draw = draw_uniform},
    {.name = "outliers",
     .remark = "flat from -1 to 1, and a few values far outside",
     .parameters = {{"share", "of the values outside, at least one", 1e-6, 0, 1},
                    {"value", "which all of them have", 100, -1e30, 1e30}},
     .draw = draw_outliers},
    {.name = "relu",
     .remark = "max(0, n + mean): zeros, and half of a normal distribution",
     .parameters = {{"mean", "mean before the ReLU", 0, -30, 30}},
     .draw = draw_relu},
    {.name = "gelu",
     .remark = "GELU of a normal variable, never below -0.17",
     .parameters = {{"mean", "mean before the GELU", 0, -30, 30},
                    {"sigma", "standard deviation before the GELU", 1, 0, 1e6}},
     .draw = draw_gelu},
    {.name = "gradient",
     .remark = "magnitudes over many decades around a small one",
     .parameters = {{"median", "of the magnitudes", 1e-4, 1e-30, 1e30},
                    {"sigma", "standard deviation of the logarithm", 2, 0, 10}},
     .draw = draw_gradient},
    {.name = "llm-weight",
     .remark = "weights of a linear layer: nearly normal rows of differing size",
     .parameters = {ROW_SIGMA, ROW_SPREAD, {"nu", "degrees of freedom of the tails", 10, 2.1, 1e6}},
     .draw = draw_weight,
     .prepare = prepare_weight,
     .of = SYNTH_OF_ROWS},
    {.name = "weight-gaussian",
     .remark = "the same with normal tails",
     .parameters = {ROW_SIGMA, ROW_SPREAD},
     .draw = draw_rows,
     .prepare = prepare_weight,
     .of = SYNTH_OF_ROWS},
    {.name = "weight-t5",
     .remark = "the same with heavier tails",
     .parameters = {ROW_SIGMA, ROW_SPREAD, {"nu", "degrees of freedom of the tails", 5, 2.1, 1e6}},
     .draw = draw_weight,
     .prepare = prepare_weight,
     .of = SYNTH_OF_ROWS},
    {.name = "weight-columns",
     .remark = "the same with a few larger input columns",
     .parameters = {ROW_SIGMA,
                    ROW_SPREAD,
                    {"columns", "share of the larger columns", 0.0078125, 0, 0.5},
                    {"factor", "how much larger they are", 8, 0, 1e6}},
     .draw = draw_weight_columns,
     .prepare = prepare_weight_columns,
     .of = SYNTH_OF_BOTH},
    {.name = "llm-activation",
     .remark = "LayerNorm output, rows are tokens: a few channels dwarf the rest",
     .parameters = {{"spread", CHANNEL_SPREAD, 0.4, 0, 5},
                    {"outliers", "share of outlier channels (at least one, 0: none)", 0.005, 0,
                     0.5},
                    {"low", "least size of an outlier channel over the typical one", 20, 1e-6, 1e6},
                    {"high", "largest size of an outlier channel", 100, 1e-6, 1e6}},
     .draw = draw_activation,
     .prepare = prepare_activation,
     .of = SYNTH_OF_COLUMNS},
    {.name = "post-layernorm",
     .remark = "LayerNorm output without outlier channels",
     .parameters = {{"spread", CHANNEL_SPREAD, 0.4, 0, 5}},
     .draw = draw_layernorm,
     .prepare = prepare_layernorm,
     .of = SYNTH_OF_COLUMNS},
    {.name = "outlier-channels",
     .remark = "LayerNorm output whose outlier channels are all of one size",
     .parameters = {{"spread", CHANNEL_SPREAD, 0.4, 0, 5},
                    {"outliers", "share of outlier channels (at least one, 0: none)", 0.005, 0,
                     0.5},
                    {"size", "of an outlier channel", 60, 1e-6, 1e6}},
     .draw = draw_activation,
     .prepare = prepare_channels,
     .of = SYNTH_OF_COLUMNS},
    {.name = "correlated",
     .remark = "inputs of a layer: channels of differing size that have causes in common",
     .parameters = {{"spread", CHANNEL_SPREAD, 0.4, 0, 5},
                    {"outliers", "share of outlier channels (at least one, 0: none)", 0, 0, 0.5},
                    {"size", "of an outlier channel", 60, 1e-6, 1e6},
                    {"correlation", "share of 32 common causes in a channel's deviation", 0.7, 0,
                     1}},
     .draw = draw_correlated,
     .prepare = prepare_correlated,
     .of = SYNTH_OF_BOTH},
    {.name = "massive-activation",
     .remark = "four values a thousand times larger than the rest",
     .draw = draw_massive,
     .prepare = prepare_massive,
     .of = SYNTH_OF_COLUMNS},
    {.name = "llama-activation",
     .remark = "a narrow body, and a few values up to 156.3",
     .draw = draw_llama},
    {.name = "hidden-gelu",
     .remark = "hidden layer after a GELU, its channels of differing size",
     .parameters = {{"mean", "before the GELU", -0.5, -30, 30},
                    {"apart", "of the channels' means, standard deviation", 0.5, 0, 30},
                    {"spread", CHANNEL_SPREAD, 0.3, 0, 5}},
     .draw = draw_hidden_gelu,
     .prepare = prepare_hidden,
     .of = SYNTH_OF_COLUMNS},
    {.name = "hidden-relu",
     .remark = "hidden layer after a ReLU, three in four values 0",
     .parameters = {{"mean", "before the ReLU", -0.8, -30, 30},
                    {"apart", "of the channels' means, standard deviation", 0.6, 0, 30},
                    {"spread", CHANNEL_SPREAD, 0.3, 0, 5}},
     .draw = draw_hidden_relu,
     .prepare = prepare_hidden,
     .of = SYNTH_OF_COLUMNS},
    {.name = "swiglu",
     .remark = "what a gated layer hands on: a product, with a very heavy tail",
     .parameters = {{"mean", "of the gate", -0.3, -30, 30},
                    {"spread", "of the gate's channels, standard deviation of the logarithm", 0.3,
                     0, 5},
                    {"other", "of the other factor's channels, the same", 0.5, 0, 5}},
     .draw = draw_swiglu,
     .prepare = prepare_swiglu,
     .of = SYNTH_OF_COLUMNS},
    {.name = "attention-logits",
     .remark = "attention scores, a row for each query, all looking at column 0",
     .parameters = {{"sink", "how much more column 0 gets", 6, -100, 100}},
     .draw = draw_logits},
    {.name = "attention-softmax",
     .remark = "the same after the softmax: rows that add up to 1",
     .parameters = {{"sink", "how much more column 0 gets", 6, -100, 100}},
     .draw = draw_logits,
     .finish = softmax},
    {.name = "key-cache",
     .remark = "keys of an attention: a few channels far from zero",
     .parameters = {{"fixed", "share of these channels", 0.03125, 0, 0.5}},
     .draw = draw_hidden,
     .prepare = prepare_key,
     .of = SYNTH_OF_COLUMNS},
    {.name = "value-cache",
     .remark = "values of an attention: tokens of slightly differing size",
     .parameters = {{"sigma", "typical standard deviation", 0.5, 0, 1e6},
                    {"spread", "of the tokens' gains, standard deviation of the logarithm", 0.15, 0,
                     5}},
     .draw = draw_rows,
     .prepare = prepare_weight,
     .of = SYNTH_OF_ROWS},
    {.name = "drift",
     .remark = "batches, one a row, that grow steadily",
     .parameters = {{"to", "times as large at the end", 3, 1e-3, 1e3}},
     .draw = draw_batch,
     .prepare = prepare_drift,
     .of = SYNTH_OF_ROWS},
    {.name = "step",
     .remark = "batches, one a row, that change halfway",
     .parameters = {{"to", "times as large from then on", 3, 1e-3, 1e3}},
     .draw = draw_batch,
     .prepare = prepare_step,
     .of = SYNTH_OF_ROWS},
    {.name = "spikes",
     .remark = "batches, one a row, of which a few are larger",
     .parameters = {{"size", "times as large", 10, 1e-3, 1e3},
                    {"share", "of such batches", 0.02, 0, 1}},
     .draw = draw_batch,
     .prepare = prepare_spikes,
     .of = SYNTH_OF_ROWS},
};
const size_t synth_table_length = sizeof synth_table / sizeof *synth_table;
