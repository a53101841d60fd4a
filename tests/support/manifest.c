#include "tests/support/manifest.h"

#include "tests/support/npy_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

json_t *manifest_load(const char *name)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/conformance/calibration/manifest_%s.json", vectors_folder(),
           name);
  json_t *loaded = json_load_file(path, 0, NULL);
  assert_non_null(loaded);
  return loaded;
}

const char *manifest_text(const json_t *entry, const char *key)
{
  return json_string_value(json_object_get(entry, key));
}

double manifest_number(const json_t *entry, const char *key)
{
  return json_number_value(json_object_get(entry, key));
}
