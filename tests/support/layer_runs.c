#include "tests/support/layer_runs.h"

#include "tests/support/portable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void layer_runs_fill(float *values, size_t count, uint64_t state)
{
  for (size_t i = 0; i < count; i++)
    values[i] = (float)(2 * portable_uniform(&state) - 1);
}

void layer_runs_open(const float *weight, size_t rows, size_t columns, const float *activation,
                     size_t tokens, struct layer *out)
{
  struct error error;
  if (layer_open(weight, rows, columns, activation, tokens, NULL, out, &error) != STATUS_OK)
    fail_msg("%s", error.text);
}

void layer_runs_open_vectors(const struct layer_vectors *vectors, struct layer *out)
{
  layer_runs_open(vectors->weight, vectors->rows, vectors->columns, vectors->activation,
                  vectors->tokens, out);
}

size_t layer_runs_each(const char *name, bool (*check)(const struct layer_vectors *vectors,
                                                       struct layer *layer, const json_t *entry))
{
  struct layer_vectors vectors;
  struct layer layer;
  const json_t *entry;
  size_t i, checked = 0;
  layer_vectors_load(name, &vectors);
  layer_runs_open_vectors(&vectors, &layer);
  json_array_foreach(json_object_get(vectors.manifest, "entries"), i, entry) {
    checked += check(&vectors, &layer, entry);
  }
  layer_close(&layer);
  layer_vectors_free(&vectors);
  return checked;
}

void layer_runs_task(const struct layer *layer, const char *method, const char *weight,
                     const char *activation, struct layer_task *out)
{
  struct error error;
  *out = (struct layer_task){
      .layer = layer, .quantizes_activation = activation != NULL, .keeps_codes = true};
  if (quantizer_parse(weight, &out->weight, &error) != STATUS_OK ||
      (activation && quantizer_parse(activation, &out->activation, &error) != STATUS_OK) ||
      method_parse(method, &out->method, &error) != STATUS_OK)
    fail_msg("%s of %s: %s", method, weight, error.text);
}

void layer_runs_do(struct layer *layer, const char *method, const char *weight,
                   const char *activation, struct layer_made *made)
{
  struct layer_task task;
  struct error error;
  layer_runs_task(layer, method, weight, activation, &task);
  if (method_run(&task, made, &error) != STATUS_OK)
    fail_msg("%s of %s: %s", method, weight, error.text);
}

void layer_runs_refuse(struct layer *layer, const char *method, const char *weight,
                       const char *message)
{
  struct layer_task task;
  struct layer_made made;
  struct error error;
  layer_runs_task(layer, method, weight, NULL, &task);
  assert_int_equal(method_run(&task, &made, &error), STATUS_USAGE);
  if (!strstr(error.text, message))
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
