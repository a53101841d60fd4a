#include "tests/support/layer_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

void layer_runs_open(const struct layer_vectors *vectors, struct layer *out)
{
  struct error error;
  if (layer_open(vectors->weight, vectors->rows, vectors->columns, vectors->activation,
                 vectors->tokens, NULL, out, &error) != STATUS_OK)
    fail_msg("%s", error.text);
}

void layer_runs_do(struct layer *layer, const char *method, const char *weight,
                   const char *activation, struct layer_made *made)
{
  struct layer_task task = {.layer = layer, .quantizes_activation = activation != NULL};
  struct error error;
  if (quantizer_parse(weight, &task.weight, &error) != STATUS_OK ||
      (activation && quantizer_parse(activation, &task.activation, &error) != STATUS_OK) ||
      method_parse(method, &task.method, &error) != STATUS_OK ||
      method_run(&task, made, &error) != STATUS_OK)
    fail_msg("%s of %s: %s", method, weight, error.text);
}

/* The error of one output, split so that nothing cancels. */
static double output_error(const float *x, const float *moved, const float *w, const float *reached,
                           size_t columns)
{
  double sum = 0;
  for (size_t j = 0; j < columns; j++)
    sum += (double)x[j] * ((double)reached[j] - (double)w[j]) +
           ((double)moved[j] - (double)x[j]) * (double)reached[j];
  return sum;
}

double layer_runs_error(const struct layer *layer, const struct layer_made *made)
{
  const size_t columns = layer->columns;
  struct error error;
  double sum = 0;
  float *moved = calloc(layer->tokens * columns, sizeof *moved);
  assert_non_null(moved);
  assert_int_equal(layer_inputs_apply(&made->inputs, layer, layer->activation, layer->tokens, moved,
                                      NULL, &error),
                   STATUS_OK);
  for (size_t t = 0; t < layer->tokens; t++)
    for (size_t r = 0; r < layer->rows; r++) {
      const double e =
          output_error(layer->activation + t * columns, moved + t * columns,
                       layer->weight + r * columns, made->weight + r * columns, columns);
      sum += e * e;
    }
  free(moved);
  return sum;
}
