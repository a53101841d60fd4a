#include "analysis/layer_bench.h"

#include "quant/base/size.h"

#include <string.h>

bool layer_sources_equal(const struct layer_sources *a, const struct layer_sources *b)
{
  bool same = a->transposed == b->transposed && !(a->hold_out < b->hold_out) &&
              !(a->hold_out > b->hold_out);
  for (int i = 0; same && i < LAYER_PARTS; i++)
    same = a->source[i] == b->source[i] && (!a->source[i] || a->tensor[i] == b->tensor[i]);
  return same;
}

void layer_bench_close(struct layer_bench *bench)
{
  if (bench->open)
    layer_problem_close(&bench->problem);
  bench->open = false;
}

struct layer_place layer_sources_place(const struct layer_sources *of, enum layer_part part)
{
  if (!of->source[part])
    return (struct layer_place){NULL, NULL};
  return (struct layer_place){source_spec(of->source[part]),
                              source_tensor(of->source[part], of->tensor[part])};
}

struct layer_question layer_sources_question(const struct layer_sources *of)
{
  return (struct layer_question){.weight = layer_sources_place(of, LAYER_WEIGHT),
                                 .activation = layer_sources_place(of, LAYER_ACTIVATION),
                                 .held_out = layer_sources_place(of, LAYER_HELD_OUT),
                                 .hold_out = of->hold_out,
                                 .transposed = of->transposed};
}

static enum status open_bench(struct layer_bench *bench, const struct layer_sources *of,
                              struct progress *progress, struct error *error)
{
  enum status status = STATUS_OK;
  if (bench->open && layer_sources_equal(&bench->of, of))
    return STATUS_OK;
  layer_bench_close(bench);
  for (int i = 0; i < LAYER_PARTS && status == STATUS_OK; i++)
    if (of->source[i])
      status = source_load(of->source[i], of->tensor[i], progress, error);
  const struct layer_question question = layer_sources_question(of);
  if (status == STATUS_OK)
    status = layer_problem_open(&question, progress, &bench->problem, error);
  bench->open = status == STATUS_OK;
  bench->of = *of;
  return status;
}

struct layer_answer *layer_answer_new(const struct layer_problem *problem)
{
  const struct layer *layer = &problem->layer;
  struct layer_answer *answer = mem_array(1, sizeof *answer);
  if (!answer)
    return NULL;
  *answer = (struct layer_answer){.problem = {.question = problem->question,
                                              .layer = {.rows = layer->rows,
                                                        .columns = layer->columns,
                                                        .tokens = layer->tokens},
                                              .held_tokens = problem->held_tokens,
                                              .half_energy = problem->half_energy,
                                              .same_draws = problem->same_draws,
                                              .same_tokens = problem->same_tokens},
                                  .input_max = mem_array(layer->columns, sizeof(float)),
                                  .weight_max = mem_array(layer->columns, sizeof(float))};
  if (answer->input_max && answer->weight_max) {
    memcpy(answer->input_max, layer->absmax, layer->columns * sizeof(float));
    memcpy(answer->weight_max, layer->weight_absmax, layer->columns * sizeof(float));
    return answer;
  }
  layer_answer_free(answer);
  return NULL;
}

enum status layer_bench_run(struct layer_bench *bench, const struct layer_sources *of,
                            const struct layer_ask *ask, struct progress *progress,
                            struct layer_answer **out, struct error *error)
{
  enum status status = open_bench(bench, of, progress, error);
  if (status != STATUS_OK)
    return status;
  struct layer_answer *answer = layer_answer_new(&bench->problem);
  if (!answer)
    return error_memory(error, "the layer");
  answer->row.ask = *ask;
  status = layer_row_run(&bench->problem, &answer->row, NULL, progress);
  if (status == STATUS_OK)
    *out = answer;
  else
    layer_answer_free(answer);
  return status;
}

void layer_answer_free(struct layer_answer *answer)
{
  if (!answer)
    return;
  layer_row_free(&answer->row);
  free(answer->input_max);
  free(answer->weight_max);
  free(answer);
}
