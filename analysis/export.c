#include "analysis/export.h"

#include "data/transformed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 17 significant digits tell any two doubles apart. ASCII: what moves a cursor or reorders text is
 * beyond it, too. */
#define EXPORT_FLAGS                                                                               \
  (JSON_REAL_PRECISION(17) | JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_ENSURE_ASCII)

json_t *export_number(double value)
{
  return isfinite(value) ? json_real(value) : json_null();
}

json_t *export_text(const char *text)
{
  json_t *string = json_string(text);
  size_t size = 4 * strlen(text) + 1;
  char *escaped = string ? NULL : malloc(size);
  if (escaped)
    string = json_string(text_escape(text, escaped, size));
  free(escaped);
  return string;
}

json_t *export_transform(const struct tensor *tensor)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  char word[TRANSFORM_TEXT];
  return transformed
             ? json_pack("{s:s,s:i}", "spec", transform_print(&transformed->transform, word),
                         "axis", (int)transformed->axis)
             : NULL;
}

void export_csv_transform(FILE *out, const struct tensor *tensor, bool heading)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  char word[TRANSFORM_TEXT];
  if (transformed && heading)
    fputs(",transform,transform_axis", out);
  else if (transformed)
    fprintf(out, ",%s,%u", transform_print(&transformed->transform, word), transformed->axis);
}

void export_json(json_t *root, FILE *out)
{
  json_dumpf(root, out, EXPORT_FLAGS);
  fputc('\n', out);
  json_decref(root);
}

static void write_cell(FILE *out, const char *text)
{
  if (!strpbrk(text, ",\"")) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (; *text; text++) {
    if (*text == '"')
      fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}

void export_csv_text(FILE *out, const char *text)
{
  char few[1024];
  size_t size = 4 * strlen(text) + 1;
  char *more = size > sizeof few ? malloc(size) : NULL; /* without it, a long text is cut */
  write_cell(out, more ? text_escape(text, more, size) : text_escape(text, few, sizeof few));
  free(more);
}

void export_csv_number(FILE *out, double value)
{
  if (!isnan(value))
    fprintf(out, "%.17g", value);
}
