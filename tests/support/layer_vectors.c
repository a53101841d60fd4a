#include "tests/support/layer_vectors.h"

#include "tests/support/manifest.h"
#include "tests/support/npy_vectors.h"
#include "tests/support/portable.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- the big layer ---------------------------------------------------------------------------- */

/* Four uniform numbers of 24 bits, centred and scaled to a variance of 1. */
static double sample(uint64_t *state)
{
  double sum = 0;
  for (int i = 0; i < 4; i++)
    sum += (double)(portable_next(state) >> 40);
  return (sum - 33554432.0 + 2) * (sqrt(3.0) / 16777216.0);
}

static void make_weight(struct layer_vectors *vectors, uint64_t seed)
{
  const size_t rows = vectors->rows, columns = vectors->columns;
  for (size_t i = 0; i < rows * columns; i++)
    vectors->weight[i] = (float)(sample(&seed) * 0.02);
  vectors->weight[rows / 3 * columns + columns / 5] = 0.5F;
  vectors->weight[rows / 2 * columns + columns / 7] = -0.375F;
}

/* The factor of each column: 1, but for six outlier channels and the dead one. */
static void make_factors(size_t columns, uint64_t seed, long dead, double *factor)
{
  size_t at[6];
  for (size_t j = 0; j < columns; j++)
    factor[j] = 1;
  for (size_t i = 0; i < 6; i++) {
    at[i] = portable_next(&seed) % columns;
    while (factor[at[i]] != 1 || (long)at[i] == dead)
      at[i] = (at[i] + 1) % columns;
    factor[at[i]] = 2;
  }
  for (size_t i = 0; i < 6; i++)
    factor[at[i]] = (double)(20 + portable_next(&seed) % 81);
  if (dead >= 0)
    factor[dead] = 0;
}

static void make_activation(struct layer_vectors *vectors, uint64_t seed, long dead)
{
  const size_t columns = vectors->columns;
  double *row = calloc(2 * columns, sizeof *row), *factor = row + columns;
  uint64_t state = seed + 1;
  assert_non_null(row);
  make_factors(columns, seed + 2, dead, factor);
  for (size_t t = 0; t < vectors->tokens; t++) {
    for (size_t j = 0; j < columns; j++)
      row[j] = sample(&state);
    for (size_t j = 1; j < columns; j++)
      row[j] += 0.5 * row[j - 1];
    for (size_t j = 0; j < columns; j++)
      vectors->activation[t * columns + j] = (float)(row[j] * 0.25 * factor[j]);
  }
  free(row);
}

/* --- both ------------------------------------------------------------------------------------- */

static void read_stored(const char *file, float *out, size_t count)
{
  struct vector vector;
  assert_true(vector_load(&vector, "conformance/layer/layers/small/%s", file));
  assert_true(vector.count == count && vector_floats(&vector));
  memcpy(out, vector.data, count * sizeof *out);
  vector_free(&vector);
}

static void check_sums(const json_t *meta, const char *sum_key, const char *square_key,
                       const float *values, size_t count)
{
  double sum = 0, square = 0;
  for (size_t i = 0; i < count; i++) {
    sum += (double)values[i];
    square += (double)values[i] * (double)values[i];
  }
  assert_true(fabs(sum - manifest_number(meta, sum_key)) < 1e-9 * sqrt(square * (double)count));
  assert_true(fabs(square - manifest_number(meta, square_key)) < 1e-12 * square);
}

static void check_first(const json_t *meta, const char *key, const float *values)
{
  const json_t *first = json_object_get(meta, key);
  assert_int_equal(json_array_size(first), 8);
  for (size_t i = 0; i < 8; i++)
    assert_true((double)values[i] == json_number_value(json_array_get(first, i)));
}

static void check(const struct layer_vectors *vectors, const json_t *meta)
{
  check_sums(meta, "W_sum", "W_sumsq", vectors->weight, vectors->rows * vectors->columns);
  check_sums(meta, "X_sum", "X_sumsq", vectors->activation, vectors->tokens * vectors->columns);
  check_first(meta, "W_first8", vectors->weight);
  check_first(meta, "X_first8", vectors->activation);
}

static void make_gram(struct layer_vectors *vectors)
{
  const size_t columns = vectors->columns;
  for (size_t t = 0; t < vectors->tokens; t++) {
    const float *x = vectors->activation + t * columns;
    for (size_t i = 0; i < columns; i++)
      for (size_t j = 0; j < columns; j++)
        vectors->gram[i * columns + j] += (double)x[i] * (double)x[j];
  }
}

void layer_vectors_load(const char *name, struct layer_vectors *out)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/conformance/layer/manifest_layer_%s.json", vectors_folder(),
           name);
  *out = (struct layer_vectors){.manifest = json_load_file(path, 0, NULL)};
  const json_t *meta = json_object_get(out->manifest, "meta");
  assert_non_null(meta);
  out->rows = (size_t)manifest_number(meta, "rows");
  out->columns = (size_t)manifest_number(meta, "cols");
  out->tokens = (size_t)manifest_number(meta, "tokens");
  out->weight = calloc(out->rows * out->columns, sizeof *out->weight);
  out->activation = calloc(out->tokens * out->columns, sizeof *out->activation);
  out->gram = calloc(out->columns * out->columns, sizeof *out->gram);
  assert_true(out->weight && out->activation && out->gram);
  if (strcmp(name, "small") == 0) {
    read_stored("W.npy", out->weight, out->rows * out->columns);
    read_stored("X.npy", out->activation, out->tokens * out->columns);
  } else {
    const uint64_t seed = (uint64_t)manifest_number(meta, "seed");
    const json_t *dead = json_object_get(meta, "dead_column");
    make_weight(out, seed);
    make_activation(out, seed, json_is_integer(dead) ? (long)json_integer_value(dead) : -1);
  }
  check(out, meta);
  make_gram(out);
}

void layer_vectors_free(struct layer_vectors *vectors)
{
  free(vectors->weight);
  free(vectors->activation);
  free(vectors->gram);
  json_decref(vectors->manifest);
  *vectors = (struct layer_vectors){0};
}

const json_t *layer_vectors_entry(const struct layer_vectors *vectors, const char *family,
                                  const char *config)
{
  size_t i;
  const json_t *entry;
  json_array_foreach(json_object_get(vectors->manifest, "entries"), i, entry) {
    if (strcmp(manifest_text(entry, "family"), family) == 0 &&
        strcmp(manifest_text(entry, "config"), config) == 0)
      return entry;
  }
  fail_msg("no vector of %s is called %s", family, config);
  return NULL;
}

double layer_vectors_output_error(const struct layer_vectors *vectors, const float *weight)
{
  const size_t columns = vectors->columns;
  double sum = 0, *row = calloc(2 * columns, sizeof *row), *product = row + columns;
  assert_non_null(row);
  for (size_t r = 0; r < vectors->rows; r++) {
    memset(product, 0, columns * sizeof *product);
    for (size_t j = 0; j < columns; j++)
      row[j] = (double)weight[r * columns + j] - (double)vectors->weight[r * columns + j];
    for (size_t i = 0; i < columns; i++)
      for (size_t j = 0; j < columns; j++)
        product[j] += row[i] * vectors->gram[i * columns + j];
    for (size_t j = 0; j < columns; j++)
      sum += product[j] * row[j];
  }
  free(row);
  return sum;
}

double layer_vectors_weight_mse(const struct layer_vectors *vectors, const float *weight)
{
  const size_t count = vectors->rows * vectors->columns;
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    const double error = (double)weight[i] - (double)vectors->weight[i];
    sum += error * error;
  }
  return sum / (double)count;
}
