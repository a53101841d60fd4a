/* A layer as people state it: tensors become matrices. */
#include "analysis/layer_lab.h"
#include "quant/base/size.h"

#include <gsl/gsl_sort_double.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHERE_TEXT = 256, SHAPE_TEXT = 128 };

/* --- shapes ----------------------------------------------------------------------------------- */

/* "source: tensor", for people. */
static char *where(const struct layer_place *place, char *text)
{
  char source[128], name[112];
  snprintf(text, WHERE_TEXT, "%s: %s", text_escape(place->source, source, sizeof source),
           text_escape(place->tensor->name, name, sizeof name));
  return text;
}

enum status layer_weight_shape(const struct layer_place *weight, bool transposed, size_t *rows,
                               size_t *columns, struct error *error)
{
  const struct shape *shape = &weight->tensor->shape;
  char place[WHERE_TEXT], sizes[SHAPE_TEXT];
  if (shape->dims < 2 || (transposed && shape->dims > 2))
    return error_set(error, STATUS_INPUT,
                     "%s: %s: expected a matrix of output channels x input channels%s, found %s",
                     where(weight, place), "the weight of a layer",
                     transposed ? " to transpose"
                                : " (more dimensions: output channels x the rest)",
                     shape_print(shape, sizes, sizeof sizes));
  size_t rest = 1;
  for (unsigned i = 1; i < shape->dims; i++)
    if (!size_mul(rest, shape->dim[i], &rest))
      return error_set(error, STATUS_INPUT, "%s: is too large for a layer", where(weight, place));
  *rows = transposed ? rest : shape->dim[0];
  *columns = transposed ? shape->dim[0] : rest;
  return STATUS_OK;
}

/* Tokens of an activation; its width is the last size. */
static enum status token_shape(const struct layer_place *activation, size_t *tokens, size_t *width,
                               struct error *error)
{
  const struct shape *shape = &activation->tensor->shape;
  char place[WHERE_TEXT];
  if (shape->dims == 0)
    return error_set(error, STATUS_INPUT,
                     "%s: the activation of a layer: expected tokens x input channels, found "
                     "a scalar",
                     where(activation, place));
  *width = shape->dim[shape->dims - 1];
  *tokens = *width ? shape_elements(shape) / *width : 0;
  return STATUS_OK;
}

static enum status misfit(const struct layer_question *question, const struct layer_place *other,
                          size_t columns, size_t rows, size_t width, struct error *error)
{
  const struct layer_place *weight = &question->weight;
  char place[WHERE_TEXT], also[WHERE_TEXT], sizes[SHAPE_TEXT], others[SHAPE_TEXT];
  const bool turn = rows == width && weight->tensor->shape.dims == 2;
  return error_set(
      error, STATUS_INPUT,
      "the weight %s (%s%s) takes %zu input channels, the activation %s (%s) has %zu%s",
      where(weight, place), shape_print(&weight->tensor->shape, sizes, sizeof sizes),
      question->transposed ? ", transposed" : "", columns, where(other, also),
      shape_print(&other->tensor->shape, others, sizeof others), width,
      turn ? question->transposed ? "; the weight as it is would fit"
                                  : "; the transposed weight would fit: --transpose-weight"
           : "");
}

static bool is_synth(const char *source)
{
  return strncmp(source, "synth:", 6) == 0 && source[6];
}

/* The number after WORD in the synthetic SOURCE, else OTHERWISE. */
static uint64_t number_after(const char *source, const char *word, uint64_t otherwise)
{
  const char *found = strstr(source, word);
  return found ? strtoull(found + strlen(word), NULL, 10) : otherwise;
}

static bool same_distribution(const char *a, const char *b)
{
  const size_t length = strcspn(a, ",");
  return is_synth(a) && strcspn(b, ",") == length && strncmp(a, b, length) == 0;
}

/* Where SOURCE has no seed: 2, or another than that of LIKE; never 1. And the channels of LIKE. */
static void match_seeds(const char *source, const char *like, char *text, size_t size)
{
  const uint64_t other = like && is_synth(like) ? number_after(like, ",seed=", 1) : 1;
  size_t used = 0;
  if (!strstr(source, ",seed="))
    used = (size_t)snprintf(text, size, ",seed=%" PRIu64, other ? other + 1 : 2);
  if (like && same_distribution(source, like) && !strstr(source, ",channel-seed="))
    snprintf(text + used, size - used, ",channel-seed=%" PRIu64,
             number_after(like, ",channel-seed=", other));
}

char *layer_matched_source(const char *source, const char *like, size_t columns)
{
  enum { LEAST_TOKENS = 512, MOST_TOKENS = 4096 };
  if (!is_synth(source))
    return strdup(source);
  char shape[48] = "", seeds[80] = "";
  const size_t tokens =
      columns > MOST_TOKENS / 2 ? MOST_TOKENS : size_max(LEAST_TOKENS, 2 * columns);
  const size_t length = strlen(source) + sizeof shape + sizeof seeds;
  char *matched = mem_array(length, 1);
  if (!strstr(source, ",shape="))
    snprintf(shape, sizeof shape, ",shape=%zux%zu", tokens, columns);
  match_seeds(source, like, seeds, sizeof seeds);
  if (matched)
    snprintf(matched, length, "%s%s%s", source, seeds, shape);
  return matched;
}

/* --- values ----------------------------------------------------------------------------------- */

struct decoding {
  const struct feed *feed;
  float *out;
};

static void decode_chunk(void *context, size_t chunk, unsigned worker)
{
  const struct decoding *job = context;
  const size_t first = chunk * FEED_CHUNK, end = size_min(job->feed->count, first + FEED_CHUNK);
  float scratch[FEED_BLOCK];
  (void)worker;
  for (size_t start = first; start < end; start += FEED_BLOCK) {
    const size_t n = size_min(FEED_BLOCK, end - start);
    memcpy(job->out + start, feed_block(job->feed, start, n, scratch), n * sizeof *job->out);
  }
}

/* *VALUES: those of PLACE's tensor, lent where they lie in memory, else decoded into *OWNED. */
static enum status read_values(const struct layer_place *place, struct progress *progress,
                               const float **values, float **owned, struct error *error)
{
  const struct feed feed = tensor_feed(place->tensor);
  *values = feed.direct;
  if (feed.direct)
    return STATUS_OK;
  struct decoding job = {&feed, mem_array(feed.count, sizeof(float))};
  if (!job.out)
    return error_memory(error, "the values of the layer");
  *values = *owned = job.out;
  return pool_for(size_div_up(feed.count, FEED_CHUNK), decode_chunk, &job, progress);
}

/* The ROWS x COLUMNS weight of a tensor that is COLUMNS x ROWS. */
static enum status transpose(struct layer_problem *problem, const float *stored, size_t rows,
                             size_t columns, const float **weight, struct error *error)
{
  enum { TILE = 64 };
  float *turned = mem_array(rows * columns, sizeof *turned);
  if (!turned)
    return error_memory(error, "the transposed weight");
  for (size_t top = 0; top < rows; top += TILE)
    for (size_t j = 0; j < columns; j++)
      for (size_t r = top; r < size_min(rows, top + TILE); r++)
        turned[r * columns + j] = stored[j * rows + r];
  free(problem->owned[0]);
  *weight = problem->owned[0] = turned;
  return STATUS_OK;
}

/* The fewest input channels that have half of the energy of x. */
static enum status find_energy(struct layer_problem *problem, struct error *error)
{
  const size_t columns = problem->layer.columns;
  double *energy = mem_array(columns, sizeof *energy), all = 0, sum = 0;
  if (!energy)
    return error_memory(error, "the input channels");
  memcpy(energy, problem->layer.power, columns * sizeof *energy);
  gsl_sort(energy, 1, columns);
  for (size_t j = 0; j < columns; j++)
    all += energy[j];
  for (size_t j = 0; j < columns && 2 * sum < all; j++) {
    sum += energy[columns - 1 - j];
    problem->half_energy = j + 1;
  }
  free(energy);
  return STATUS_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum status read_held_out(struct layer_problem *problem, struct progress *progress,
                                 struct error *error)
{
  const struct layer_place *place = &problem->question.held_out;
  const size_t columns = problem->layer.columns;
  size_t width;
  char text[WHERE_TEXT];
  if (!place->tensor)
    return STATUS_OK;
  enum status status = token_shape(place, &problem->held_tokens, &width, error);
  if (status != STATUS_OK)
    return status;
  if (width != columns)
    return misfit(&problem->question, place, columns, problem->layer.rows, width, error);
  status = read_values(place, progress, &problem->held_out, &problem->owned[2], error);
  if (status == STATUS_OK)
    status = layer_check_tokens(problem->held_out, problem->held_tokens, columns, error);
  if (status != STATUS_OK && status != STATUS_CANCELLED)
    error_prefix(error, "%s: held out: ", where(place, text));
  return status;
}

/* The last tokens are set aside where a share of them is to be held out. */
static enum status hold_out(struct layer_problem *problem, const float *activation, size_t width,
                            size_t *tokens, struct error *error)
{
  const double share = problem->question.hold_out;
  char place[WHERE_TEXT];
  if (!(share > 0))
    return STATUS_OK;
  const size_t held = (size_t)fmin((double)*tokens, round(share * (double)*tokens));
  if (held == 0 || held == *tokens)
    return error_set(error, STATUS_INPUT,
                     "%s: %zu of %zu tokens would be held out: some are needed on either side",
                     where(&problem->question.activation, place), held, *tokens);
  *tokens -= held;
  problem->held_out = activation + *tokens * width;
  problem->held_tokens = held;
  enum status status = layer_check_tokens(problem->held_out, held, width, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: held out: ", where(&problem->question.activation, place));
  return status;
}

/* True when the signs of the first elements of W and X go together: what is drawn with one seed is
 * the same numbers, whatever gains and outliers are made of it. */
static bool draws_alike(const struct layer *layer)
{
  enum { FEWEST = 256, MOST = 1 << 16 };
  static const double alike = 0.8; /* correlation of the signs; 0 if they are independent */
  const size_t rows = size_min(layer->rows, layer->tokens),
               count = size_min(rows * layer->columns, MOST);
  double both = 0, w = 0, x = 0;
  for (size_t i = 0; i < count; i++) {
    const bool a = layer->weight[i] > 0, b = layer->activation[i] > 0;
    both += a && b;
    w += a;
    x += b;
  }
  const double n = (double)count, spread = w * (n - w) * x * (n - x);
  return count >= FEWEST && spread > 0 && (n * both - w * x) / sqrt(spread) > alike;
}

static bool tokens_again(const struct layer_problem *problem)
{
  const struct layer *layer = &problem->layer;
  const size_t tokens = size_min(layer->tokens, problem->held_tokens);
  return problem->held_out &&
         memcmp(problem->held_out, layer->activation, tokens * layer->columns * sizeof(float)) == 0;
}

static enum status read_layer(struct layer_problem *problem, struct progress *progress,
                              struct error *error)
{
  const struct layer_question *question = &problem->question;
  size_t rows, columns, tokens, width;
  const float *weight, *activation;
  char place[WHERE_TEXT], also[WHERE_TEXT];
  enum status status =
      layer_weight_shape(&question->weight, question->transposed, &rows, &columns, error);
  if (status == STATUS_OK)
    status = token_shape(&question->activation, &tokens, &width, error);
  if (status == STATUS_OK && width != columns)
    status = misfit(question, &question->activation, columns, rows, width, error);
  if (status == STATUS_OK)
    status = read_values(&question->weight, progress, &weight, &problem->owned[0], error);
  if (status == STATUS_OK && question->transposed)
    status = transpose(problem, weight, rows, columns, &weight, error);
  if (status == STATUS_OK)
    status = read_values(&question->activation, progress, &activation, &problem->owned[1], error);
  if (status == STATUS_OK)
    status = hold_out(problem, activation, width, &tokens, error);
  if (status != STATUS_OK)
    return status;
  status = layer_open(weight, rows, columns, activation, tokens, progress, &problem->layer, error);
  if (status == STATUS_INPUT)
    error_prefix(error, "%s, %s: ", where(&question->weight, place),
                 where(&question->activation, also));
  return status;
}

enum status layer_problem_open(const struct layer_question *question, struct progress *progress,
                               struct layer_problem *out, struct error *error)
{
  struct layer_problem problem = {.question = *question};
  enum status status = read_layer(&problem, progress, error);
  if (status == STATUS_OK)
    status = read_held_out(&problem, progress, error);
  if (status == STATUS_OK)
    status = find_energy(&problem, error);
  problem.same_draws = status == STATUS_OK && draws_alike(&problem.layer);
  problem.same_tokens = status == STATUS_OK && tokens_again(&problem);
  problem.output = (struct layer_output){problem.layer.activation, problem.layer.tokens, NULL};
  problem.held_output = (struct layer_output){problem.held_out, problem.held_tokens, NULL};
  if (status == STATUS_OK)
    *out = problem;
  else
    layer_problem_close(&problem);
  return status;
}

void layer_problem_close(struct layer_problem *problem)
{
  layer_close(&problem->layer);
  layer_output_free(&problem->output);
  layer_output_free(&problem->held_output);
  for (size_t i = 0; i < sizeof problem->owned / sizeof *problem->owned; i++)
    free(problem->owned[i]);
  *problem = (struct layer_problem){.layer = {0}};
}
