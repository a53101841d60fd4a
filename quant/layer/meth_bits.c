/* bits: each output channel, or each group of one, gets bits of its own under a budget.
 *
 * What unit u loses with b bits is measured: e_u(b) = sum_j h_j (w_j - w'_j)^2, h the mean of x^2,
 * which is the squared error of the output but for what different input channels have in common.
 * All units begin with the fewest bits; along the lower convex hull of each e_u the step that gains
 * most for each stored bit is taken, as long as the budget lasts: but for the last step that is the
 * least sum under the budget (the method of Lagrange). The widths themselves must be stored, and
 * are paid for. Where the output is no better than with one width for all, that one is taken, so
 * that the method is never worse than rounding to nearest at as many bits. There are no codes to
 * keep: without the map of widths they would mean nothing. */
#include "quant/base/number.h"
#include "quant/base/size.h"
#include "quant/layer/loss.h"
#include "quant/layer/methods.h"
#include "quant/layer/round.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDEST = 8 };

struct bits {
  const struct layer_task *task;
  size_t rows, columns, group, groups, units; /* group: columns of one */
  int least, most;
  double budget, map;                     /* bits of everything; bits that tell a unit's width */
  struct quantizer quantizer[WIDEST + 1]; /* of each width */
  struct fit *fit[WIDEST + 1];
  double scale_bits[WIDEST + 1]; /* of a unit's scale and zero point */
  double *error;                 /* of each unit, least..most */
  unsigned char *width;          /* of each unit */
};

/* --- what units lose -------------------------------------------------------------------------- */

static size_t unit_width(const struct bits *bits, size_t unit)
{
  const size_t start = unit % bits->groups * bits->group;
  return size_min(bits->group, bits->columns - start);
}

static size_t unit_start(const struct bits *bits, size_t unit)
{
  return unit / bits->groups * bits->columns + unit % bits->groups * bits->group;
}

static size_t widths(const struct bits *bits)
{
  return (size_t)(bits->most - bits->least + 1);
}

/* All that UNIT stores with WIDTH bits. */
static double unit_cost(const struct bits *bits, size_t unit, int width)
{
  return (double)unit_width(bits, unit) * width + bits->scale_bits[width];
}

/* UNIT with WIDTH bits into OUT, which begins with the unit. */
static void round_unit(const struct bits *bits, size_t unit, int width, float *out)
{
  const size_t first = unit_start(bits, unit), count = unit_width(bits, unit);
  for (size_t done = 0; done < count; done += FEED_BLOCK)
    fit_round_trip(bits->fit[width], first + done, size_min(FEED_BLOCK, count - done),
                   bits->task->layer->weight + first + done, out + done, NULL);
}

static double unit_error(const struct bits *bits, size_t unit, int width, float *scratch)
{
  const float *weight = bits->task->layer->weight + unit_start(bits, unit);
  const double *power = bits->task->layer->power + unit % bits->groups * bits->group;
  double sum = 0;
  round_unit(bits, unit, width, scratch);
  for (size_t j = 0; j < unit_width(bits, unit); j++) {
    const double wrong = (double)weight[j] - (double)scratch[j];
    sum += power[j] * wrong * wrong;
  }
  return sum;
}

struct measuring {
  const struct bits *bits;
  float *scratch; /* of each worker: a group */
};

static void measure_row(void *context, size_t row, unsigned worker)
{
  const struct measuring *job = context;
  const struct bits *bits = job->bits;
  for (size_t unit = row * bits->groups; unit < (row + 1) * bits->groups; unit++)
    for (int width = bits->least; width <= bits->most; width++)
      bits->error[unit * widths(bits) + (size_t)(width - bits->least)] =
          unit_error(bits, unit, width, job->scratch + worker * bits->group);
  progress_advance(bits->task->progress, widths(bits) * bits->columns);
}

/* Scales of all widths, and what each unit loses with each. */
static enum status measure(struct bits *bits, struct error *error)
{
  const struct layer_task *task = bits->task;
  const struct shape shape = {2, {bits->rows, bits->columns}};
  const struct feed feed = feed_floats(task->layer->weight, shape_elements(&shape));
  enum status status = STATUS_OK;
  for (int width = bits->least; width <= bits->most && status == STATUS_OK; width++)
    status = quantizer_fit(&bits->quantizer[width], &feed, &shape, task->progress,
                           &bits->fit[width], error);
  if (status != STATUS_OK)
    return status;
  struct measuring job = {bits, mem_array(pool_threads() * bits->group, sizeof(float))};
  if (!job.scratch)
    return error_memory(error, "a group of weights");
  progress_expect(task->progress, widths(bits) * bits->rows * bits->columns);
  status = pool_for(bits->rows, measure_row, &job, task->progress);
  free(job.scratch);
  return status;
}

/* --- who gets them ---------------------------------------------------------------------------- */

/* UNIT goes to WIDTH, the next corner of its hull. */
struct step {
  double gain, cost; /* error less for each bit; bits */
  uint32_t unit;
  unsigned char width;
};

static int better_first(const void *a, const void *b)
{
  const struct step *x = a, *y = b;
  if (x->gain < y->gain || x->gain > y->gain)
    return x->gain < y->gain ? 1 : -1;
  if (x->unit != y->unit)
    return x->unit < y->unit ? -1 : 1;
  return (x->width > y->width) - (x->width < y->width);
}

/* The steps of UNIT, each the steepest from where the last one ended; how many. */
static size_t find_steps(const struct bits *bits, size_t unit, struct step *out)
{
  const double *error = bits->error + unit * widths(bits); /* of the least width first */
  size_t count = 0;
  for (int at = bits->least; at < bits->most;) {
    struct step best = {.unit = (uint32_t)unit};
    for (int to = at + 1; to <= bits->most; to++) {
      const double cost = unit_cost(bits, unit, to) - unit_cost(bits, unit, at);
      const double gain = (error[at - bits->least] - error[to - bits->least]) / cost;
      if (gain > 0 && gain >= best.gain)
        best = (struct step){gain, cost, (uint32_t)unit, (unsigned char)to};
    }
    if (best.width == 0)
      break;
    out[count++] = best;
    at = best.width;
  }
  return count;
}

/* A unit whose next step does not fit waits there: later ones would leave it out. */
static void take_steps(const struct bits *bits, const struct step *step, size_t count, double left)
{
  enum { FULL = 0x80 };
  for (size_t i = 0; i < count; i++) {
    unsigned char *width = &bits->width[step[i].unit];
    if (*width & FULL)
      continue;
    const bool fits = step[i].cost <= left;
    *width = fits ? step[i].width : (unsigned char)(*width | FULL);
    left -= fits ? step[i].cost : 0;
  }
  for (size_t unit = 0; unit < bits->units; unit++)
    bits->width[unit] &= (unsigned char)~FULL;
}

static double all_cost(const struct bits *bits, const unsigned char *width, int one)
{
  double sum = width ? bits->map * (double)bits->units : 0;
  for (size_t unit = 0; unit < bits->units; unit++)
    sum += unit_cost(bits, unit, width ? width[unit] : one);
  return sum;
}

/* Widths within the budget; false where even the fewest bits and the map are more. */
static enum status share_out(const struct bits *bits, bool *possible, struct error *error)
{
  size_t count = 0, most;
  memset(bits->width, bits->least, bits->units);
  const double left = bits->budget - all_cost(bits, bits->width, 0);
  *possible = left >= 0;
  if (!*possible)
    return STATUS_OK;
  struct step *step =
      size_mul(bits->units, widths(bits), &most) ? mem_array(most, sizeof *step) : NULL;
  if (!step)
    return error_memory(error, "the steps of a budget");
  for (size_t unit = 0; unit < bits->units; unit++)
    count += find_steps(bits, unit, step + count);
  qsort(step, count, sizeof *step, better_first);
  take_steps(bits, step, count, left);
  free(step);
  return STATUS_OK;
}

/* The most bits that all can have; 0: not even the least. */
static int one_for_all(const struct bits *bits)
{
  int width = bits->most;
  while (width >= bits->least && all_cost(bits, NULL, width) > bits->budget)
    width--;
  return width >= bits->least ? width : 0;
}

/* --- what is made of it ----------------------------------------------------------------------- */

struct rounding_job {
  const struct bits *bits;
  const unsigned char *width; /* of each unit; NULL: ONE for all */
  int one;
  float *weight;
};

static void round_row(void *context, size_t row, unsigned worker)
{
  const struct rounding_job *job = context;
  const struct bits *bits = job->bits;
  (void)worker;
  for (size_t unit = row * bits->groups; unit < (row + 1) * bits->groups; unit++)
    round_unit(bits, unit, job->width ? job->width[unit] : job->one,
               job->weight + unit_start(bits, unit));
}

/* *mse: of the output, with WIDTH (NULL: ONE for all). */
static enum status judge(const struct bits *bits, const unsigned char *width, int one,
                         float *scratch, double *mse, struct error *error)
{
  const struct layer *layer = bits->task->layer;
  struct rounding_job job = {bits, width, one, scratch};
  enum status status = pool_for(bits->rows, round_row, &job, bits->task->progress);
  progress_expect(bits->task->progress, layer_loss_cost(layer));
  return status == STATUS_OK ? layer_loss(layer, scratch, NULL, bits->task->progress, mse, error)
                             : status;
}

/* "5 % of 2, 60 % of 3, 35 % of 4 bits" */
static void tell_shares(const struct bits *bits, char *text, size_t size)
{
  double weights[WIDEST + 1] = {0};
  size_t used = 0;
  *text = 0;
  for (size_t unit = 0; unit < bits->units; unit++)
    weights[bits->width[unit]] += (double)unit_width(bits, unit);
  for (int width = bits->least; width <= bits->most; width++)
    if (weights[width] > 0 && used < size)
      used += (size_t)snprintf(text + used, size - used, "%s%.3g %% of %d", used ? ", " : "",
                               100 * weights[width] / (double)bits->rows / (double)bits->columns,
                               width);
}

static void tell(const struct bits *bits, bool mixed, int one, double ratio, char *said)
{
  char shares[128];
  tell_shares(bits, shares, sizeof shares);
  if (mixed)
    snprintf(said, METHOD_SAID, "%s bits; %d for all had %.3g times the output MSE", shares, one,
             ratio);
  else
    snprintf(said, METHOD_SAID, "%d bits for all: sharing them out is no better at the output",
             one);
}

/* MADE gets the better one of the mixed widths (where POSSIBLE) and ONE for all. */
static enum status make(const struct bits *bits, bool possible, int one, struct layer_made *made,
                        struct error *error)
{
  double mixed_mse = HUGE_VAL, one_mse;
  enum status status = judge(bits, NULL, one, made->weight, &one_mse, error);
  if (possible && status == STATUS_OK)
    status = judge(bits, bits->width, 0, made->weight, &mixed_mse, error);
  if (status != STATUS_OK)
    return status;
  const bool mixed = mixed_mse < one_mse;
  struct rounding_job job = {bits, mixed ? bits->width : NULL, one, made->weight};
  tell(bits, mixed, one, one_mse / mixed_mse, made->said);
  made->stored_bits = all_cost(bits, job.width, one);
  return pool_for(bits->rows, round_row, &job, bits->task->progress);
}

/* --- the run ---------------------------------------------------------------------------------- */

static enum status check(const struct quantizer *quantizer, int least, int most,
                         struct error *error)
{
  char spec[QUANTIZER_TEXT];
  quantizer_print(quantizer, spec);
  if (quantizer->by != BY_CALIBRATOR || !format_is_integer(quantizer->format) ||
      quantizer->limited || !layer_scales_rows(quantizer))
    return error_set(error, STATUS_USAGE,
                     "%s: integers with one scale for each output channel (channel) or group "
                     "(group=N), chosen by a calibrator, are expected: the width is varied",
                     spec);
  return least <= most ? STATUS_OK
                       : error_set(error, STATUS_USAGE, "least=%d, most=%d: the other way round?",
                                   least, most);
}

/* The task's quantizer with each width, and what its scales take. */
static enum status plan(const struct layer_task *task, struct bits *bits, struct error *error)
{
  const struct granularity *granularity = &task->weight.granularity;
  const size_t rows = task->layer->rows, columns = task->layer->columns;
  *bits = (struct bits){.task = task, .rows = rows, .columns = columns};
  bits->group = granularity->kind == GRAIN_GROUP ? size_min(granularity->group, columns) : columns;
  bits->groups = size_div_up(columns, bits->group);
  bits->units = rows * bits->groups;
  bits->least = (int)method_value(task, "least");
  bits->most = (int)method_value(task, "most");
  enum status status = check(&task->weight, bits->least, bits->most, error);
  for (int width = bits->least; width <= bits->most && status == STATUS_OK; width++) {
    char name[8];
    snprintf(name, sizeof name, "int%d", width);
    bits->quantizer[width] = task->weight;
    bits->quantizer[width].format = format_find(name);
    status = quantizer_check(&bits->quantizer[width], error);
    if (status == STATUS_OK)
      status = layer_scale_bits(&bits->quantizer[width], &bits->scale_bits[width], error);
  }
  bits->map = ceil(log2((double)widths(bits)));
  return status;
}

/* The budget in bits of everything: the option's, or what rounding to nearest would store. */
static enum status find_budget(struct bits *bits, struct error *error)
{
  const double weights = (double)bits->rows * (double)bits->columns;
  const double asked = method_value(bits->task, "budget");
  double scale_bits;
  enum status status = layer_scale_bits(&bits->task->weight, &scale_bits, error);
  bits->budget = asked > 0
                     ? asked * weights
                     : weights * bits->task->weight.format->bits + scale_bits * (double)bits->units;
  return status;
}

static enum status too_little(const struct bits *bits, struct error *error)
{
  const double weights = (double)bits->rows * (double)bits->columns;
  char budget[NUMBER_TEXT], needed[NUMBER_TEXT];
  return error_set(error, STATUS_USAGE,
                   "a budget of %s bits for each weight is too little: %d bits and the scales "
                   "take %s",
                   number_print(bits->budget / weights, budget), bits->least,
                   number_print(all_cost(bits, NULL, bits->least) / weights, needed));
}

static bool make_room(struct bits *bits, struct layer_made *made)
{
  const size_t count = bits->rows * bits->columns;
  made->weight = mem_array(count, sizeof *made->weight);
  bits->error = mem_array(bits->units, widths(bits) * sizeof *bits->error);
  bits->width = mem_array(bits->units, 1);
  return made->weight && bits->error && bits->width;
}

static enum status run(struct bits *bits, struct layer_made *made, struct error *error)
{
  bool possible;
  enum status status = find_budget(bits, error);
  if (status != STATUS_OK)
    return status;
  const int one = one_for_all(bits);
  if (!one)
    return too_little(bits, error);
  if (!make_room(bits, made))
    return error_memory(error, "the rounded weights");
  status = measure(bits, error);
  if (status == STATUS_OK)
    status = share_out(bits, &possible, error);
  return status == STATUS_OK ? make(bits, possible, one, made, error) : status;
}

enum status bits_run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  struct bits bits;
  enum status status = plan(task, &bits, error);
  if (status == STATUS_OK)
    status = run(&bits, made, error);
  for (int width = 0; width <= WIDEST; width++)
    fit_free(bits.fit[width]);
  free(bits.error);
  free(bits.width);
  return status;
}
