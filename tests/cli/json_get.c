/* json_get PATH...: reads JSON from standard input and prints what stands at each path, one line
 * each. A path is names and numbers joined by dots: "0.metrics.sqnr_db", "shape.1"; a trailing
 * ".#" counts. Doubles keep 17 digits. Exit 1 when the input is not JSON or a path leads nowhere.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *step(const json_t *node, const char *name)
{
  if (json_is_array(node))
    return json_array_get(node, strtoul(name, NULL, 10));
  return json_object_get(node, name);
}

static void print(const json_t *node)
{
  if (json_is_string(node))
    puts(json_string_value(node));
  else if (json_is_real(node))
    printf("%.17g\n", json_real_value(node));
  else if (json_is_integer(node))
    printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(node));
  else
    puts(json_is_true(node)    ? "true"
         : json_is_false(node) ? "false"
         : json_is_null(node)  ? "null"
         : json_is_array(node) ? "array"
                               : "object");
}

static int get(const json_t *root, const char *path)
{
  char words[256], *rest = words, *name;
  snprintf(words, sizeof words, "%s", path);
  const json_t *node = root;
  while ((name = strsep(&rest, ".")) && *name) {
    if (strcmp(name, "#") == 0) {
      printf("%zu\n", json_is_array(node) ? json_array_size(node) : json_object_size(node));
      return 0;
    }
    node = step(node, name);
    if (!node) {
      printf("nothing at %s\n", path);
      return 1;
    }
  }
  print(node);
  return 0;
}

int main(int argc, char **argv)
{
  json_error_t error;
  json_t *root = json_loadf(stdin, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  int failed = 0;
  if (!root) {
    printf("not JSON: line %d: %s\n", error.line, error.text);
    return 1;
  }
  for (int i = 1; i < argc; i++)
    failed |= get(root, argv[i]);
  json_decref(root);
  return failed;
}
