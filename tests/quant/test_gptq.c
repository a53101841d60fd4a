/* GPTQ against the results of the reference implementation (conformance/layer). */
#include "tests/support/layer_vectors.h"
#include "tests/support/manifest.h"
#include "tests/support/npy_vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The layers are those of the reference: the diagonal of its Hessian (2 / 8 sequences) XᵀX. */
static void check_layer(const char *name)
{
  struct layer_vectors vectors;
  struct vector diagonal;
  layer_vectors_load(name, &vectors);
  assert_true(vector_load(&diagonal, "conformance/layer/layers/%s/H_diag.npy", name));
  assert_int_equal(diagonal.count, vectors.columns);
  for (size_t i = 0; i < vectors.columns; i++) {
    const double expected = vector_number(&diagonal, i);
    assert_true(fabs(vectors.gram[i * vectors.columns + i] / 4 - expected) <= 1e-5 * expected);
  }
  vector_free(&diagonal);
  layer_vectors_free(&vectors);
}

static void test_layers(void **state)
{
  (void)state;
  if (!vectors_folder())
    skip();
  check_layer("small");
  check_layer("big");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_layers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
