/* qscope inspect: one block, number by number. */
#include "analysis/inspect.h"
#include "analysis/export.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/meter.h"
#include "tui/cli/table.h"
#include "tui/cli/work.h"
#include "tui/screen/cells.h"
#include "tui/screen/glyphs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  STRIP_CELLS = 76,
  GAUGE = 11, /* characters from half a step below to half a step above */
};

struct subject {
  const char *source;
  const struct tensor *tensor;
  const struct result *result;
  const struct inspect_block *block;
  size_t element; /* of the block: the one that was asked for, or the one with the largest error */
  bool asked;
};

/* --- text --------------------------------------------------------------------------------- */

/* "[5,21,1]", "[]" for a scalar. */
static const char *place_text(const struct tensor *tensor, size_t index, char *text, size_t size)
{
  size_t place[SHAPE_MAX_DIMS], used = 0;
  for (unsigned i = tensor->shape.dims; i-- > 0; index /= tensor->shape.dim[i])
    place[i] = index % tensor->shape.dim[i];
  snprintf(text, size, "[");
  for (unsigned i = 0; i < tensor->shape.dims; i++) {
    used = strlen(text);
    snprintf(text + used, size - used, "%s%zu", i ? "," : "", place[i]);
  }
  used = strlen(text);
  snprintf(text + used, size - used, "]");
  return text;
}

/* Where the error of element K stands between half a step down and half a step up. */
static const char *gauge_text(const struct inspect_block *block, size_t k, char text[GAUGE + 1])
{
  double steps = inspect_error(block, k) / block->step[k];
  memset(text, '.', GAUGE);
  text[GAUGE / 2] = '|';
  text[GAUGE] = '\0';
  if (block->clipped[k])
    return "clipped";
  if (!isfinite(steps))
    return "";
  steps = fmin(fmax(steps, -0.5), 0.5);
  text[(size_t)lround((steps + 0.5) * (GAUGE - 1))] = 'o';
  return text;
}

static bool add_element(struct table *table, const struct subject *subject, size_t k)
{
  const struct inspect_block *block = subject->block;
  char place[128], x[32], code[32], y[32], error[32], steps[32], gauge[GAUGE + 1];
  snprintf(x, sizeof x, "%.6g", (double)block->x[k]);
  snprintf(y, sizeof y, "%.6g", (double)block->y[k]);
  snprintf(error, sizeof error, "%.3g", inspect_error(block, k));
  snprintf(steps, sizeof steps, "%+.2f", inspect_error(block, k) / block->step[k]);
  bool known = isfinite(block->x[k]);
  const char *cells[] = {place_text(subject->tensor, block->index[k], place, sizeof place),
                         x,
                         inspect_code(block, k, code, sizeof code),
                         y,
                         known ? error : "",
                         known ? steps : "",
                         gauge_text(block, k, gauge)};
  return table_add(table, cells);
}

static enum status print_elements(const struct subject *subject, struct error *error)
{
  static const char *const headings[] = {"element", "x",     "code",       "y",
                                         "y - x",   "steps", "-1/2 .. 1/2"};
  struct table table = {.columns = sizeof headings / sizeof *headings, .right = 0x3f};
  bool good = table_add(&table, headings);
  for (size_t k = 0; k < subject->block->length && good; k++)
    good = add_element(&table, subject, k);
  return table_finish(&table, good, false, error);
}

/* The element with the largest error; the first when there is none. */
static size_t largest(const struct inspect_block *block)
{
  size_t most = 0;
  for (size_t k = 1; k < block->length; k++) {
    double error = fabs(inspect_error(block, k)), before = fabs(inspect_error(block, most));
    if (isfinite(block->x[k]) && !(error <= before))
      most = k;
  }
  return most;
}

static void print_formula(const struct subject *subject)
{
  char text[INSPECT_TEXT], place[128];
  size_t k = subject->element;
  printf("\nElement %s%s:\n",
         place_text(subject->tensor, subject->block->index[k], place, sizeof place),
         subject->asked ? "" : ", with the largest error of the block");
  printf("  encode  %s\n", inspect_encoding(subject->block, k, text, sizeof text));
  printf("  decode  %s\n", inspect_formula(subject->block, k, text, sizeof text));
  printf("  error   %s\n", inspect_loss(subject->block, k, text, sizeof text));
}

/* Heights as eighth blocks, or as ASCII where the locale has nothing else. */
static void print_strip(const struct inspect_errors *blocks, size_t number)
{
  static const char ascii[] = " .:-=+*%#";
  double share[STRIP_CELLS];
  char text[5];
  bool utf8 = glyphs_usable(&glyphs_utf8);
  size_t cells = size_min(blocks->count, STRIP_CELLS);
  inspect_strip(blocks, cells, share);
  printf("\nError of all %zu blocks (root of the sum of squares%s):\n  ", blocks->count,
         cells < blocks->count ? "; each cell the largest of its blocks" : "");
  for (size_t i = 0; i < cells; i++) {
    size_t eighths = (size_t)ceil(share[i] * 8);
    if (utf8)
      fputs(utf8_encode(glyphs_utf8.code[GLYPH_BAR_0 + eighths], text), stdout);
    else
      putchar(ascii[eighths]);
  }
  printf("\n  %*s^ block %zu\n", (int)inspect_strip_cell(blocks, cells, number), "", number);
}

/* Sub-blocks and what is stored of them: their small integers in brackets. */
static void print_subs(const struct inspect_block *block)
{
  for (size_t i = 0; i < block->subs && block->subs > 1; i++) {
    char offset[32] = "";
    if (block->has_offset)
      snprintf(offset, sizeof offset, ", offset %.6g (%d)", (double)block->sub[i].offset,
               block->sub[i].stored_offset);
    printf("  %zu..%zu: scale %.6g (%d)%s\n", i * block->sub_length,
           size_min((i + 1) * block->sub_length, block->length) - 1, (double)block->sub[i].scale,
           block->sub[i].stored_scale, offset);
  }
}

static void print_heading(const struct subject *subject)
{
  const struct inspect_block *block = subject->block;
  const struct inspect_errors *blocks = subject->result->blocks;
  char name[256], shape[160], spec[QUANTIZER_TEXT], first[128], last[128], text[INSPECT_TEXT];
  printf("%s %s %s as %s\n", text_escape(subject->tensor->name, name, sizeof name),
         shape_print(&subject->tensor->shape, shape, sizeof shape), subject->tensor->stored->name,
         quantizer_print(&subject->result->quantizer, spec));
  printf("Block %zu of 0..%zu: %zu elements, %s .. %s\n", block->number, block->count - 1,
         block->length, place_text(subject->tensor, block->index[0], first, sizeof first),
         place_text(subject->tensor, block->index[block->length - 1], last, sizeof last));
  for (size_t i = 0; i < block->notes; i++)
    printf("%s%s", i ? ", " : "", inspect_note_text(block, i, text, sizeof text));
  putchar('\n');
  print_subs(block);
  char mse[32], sqnr[32];
  printf("MSE %s, SQNR %s; rank %zu of %zu",
         metric_print(metric_find("mse"), block->mse, mse, sizeof mse),
         metric_print(metric_find("sqnr_db"), block->sqnr_db, sqnr, sizeof sqnr),
         inspect_rank(blocks, block->number), blocks->count);
  if (blocks->total > 0)
    printf(": %.3g %% of all squared error", 100 * block->error2 / blocks->total);
  printf("\n\n");
}

static enum status print_text(const struct subject *subject, struct error *error)
{
  print_heading(subject);
  enum status status = print_elements(subject, error);
  if (status != STATUS_OK)
    return status;
  print_formula(subject);
  print_strip(subject->result->blocks, subject->block->number);
  return STATUS_OK;
}

/* --- JSON --------------------------------------------------------------------------------- */

static void set_number(json_t *object, const char *key, double value)
{
  json_object_set_new(object, key, export_number(value));
}

static void set_count(json_t *object, const char *key, size_t value)
{
  json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *notes_json(const struct inspect_block *block)
{
  json_t *array = json_array();
  for (size_t i = 0; i < block->notes; i++) {
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(block->note[i].name));
    json_object_set_new(object, "type", json_string(block->note[i].type));
    set_number(object, "value", block->note[i].value);
    set_count(object, "bits", block->note[i].bits);
    json_array_append_new(array, object);
  }
  return array;
}

static json_t *subs_json(const struct inspect_block *block)
{
  json_t *array = json_array();
  for (size_t i = 0; i < block->subs; i++) {
    json_t *object = json_object();
    set_count(object, "length", size_min(block->sub_length, block->length - i * block->sub_length));
    set_number(object, "scale", (double)block->sub[i].scale);
    if (block->subs > 1)
      json_object_set_new(object, "stored_scale", json_integer(block->sub[i].stored_scale));
    if (block->has_offset) {
      set_number(object, "offset", (double)block->sub[i].offset);
      json_object_set_new(object, "stored_offset", json_integer(block->sub[i].stored_offset));
    }
    json_array_append_new(array, object);
  }
  return array;
}

static json_t *elements_json(const struct inspect_block *block)
{
  json_t *array = json_array();
  char text[INSPECT_TEXT];
  for (size_t k = 0; k < block->length; k++) {
    json_t *object = json_object();
    set_count(object, "index", block->index[k]);
    set_number(object, "x", (double)block->x[k]);
    json_object_set_new(object, "code", json_integer(block->code[k]));
    set_number(object, "y", (double)block->y[k]);
    set_number(object, "error", isfinite(block->x[k]) ? inspect_error(block, k) : (double)NAN);
    set_number(object, "step", block->step[k]);
    json_object_set_new(object, "clipped", json_boolean(block->clipped[k]));
    json_object_set_new(object, "encoding",
                        json_string(inspect_encoding(block, k, text, sizeof text)));
    json_object_set_new(object, "formula",
                        json_string(inspect_formula(block, k, text, sizeof text)));
    json_array_append_new(array, object);
  }
  return array;
}

static json_t *errors_json(const struct inspect_errors *blocks)
{
  json_t *array = json_array();
  for (size_t i = 0; i < blocks->count; i++)
    json_array_append_new(array, export_number(blocks->error2[i]));
  return array;
}

static void print_json(const struct subject *subject)
{
  const struct inspect_block *block = subject->block;
  const struct inspect_errors *blocks = subject->result->blocks;
  json_t *root = json_object();
  char spec[QUANTIZER_TEXT];
  json_object_set_new(root, "source", export_text(subject->source));
  json_object_set_new(root, "tensor", export_text(subject->tensor->name));
  json_object_set_new(root, "quantizer",
                      json_string(quantizer_print(&subject->result->quantizer, spec)));
  set_count(root, "block", block->number);
  set_count(root, "blocks", block->count);
  set_count(root, "length", block->length);
  set_count(root, "element", subject->element);
  set_number(root, "mse", block->mse);
  set_number(root, "sqnr_db", block->sqnr_db);
  set_number(root, "squared_error", block->error2);
  set_count(root, "rank", inspect_rank(blocks, block->number));
  set_count(root, "worst", blocks->worst);
  json_object_set_new(root, "stored", notes_json(block));
  json_object_set_new(root, "sub_blocks", subs_json(block));
  json_object_set_new(root, "elements", elements_json(block));
  json_object_set_new(root, "squared_errors", errors_json(blocks));
  export_json(root, stdout);
}

/* --- the command -------------------------------------------------------------------------- */

/* The block that is wanted; *K is the element in it that was asked for. */
static enum status find_block(const struct options *options, const struct tensor *tensor,
                              const struct result *result, size_t *number, size_t *k,
                              struct error *error)
{
  const struct inspect_grid grid = inspect_grid_of(result->fit);
  size_t index;
  char shape[160];
  *number = options->view.block < 0 ? result->blocks->worst : (size_t)options->view.block;
  if (!options->element || grid.count == 0)
    return STATUS_OK;
  if (!shape_place(&tensor->shape, options->element, &index))
    return error_set(error, STATUS_USAGE,
                     "--element: expected the place of an element of %s, such as %s; found '%s'",
                     shape_print(&tensor->shape, shape, sizeof shape),
                     tensor->shape.dims > 2    ? "0,0,0"
                     : tensor->shape.dims == 2 ? "0,0"
                                               : "0",
                     options->element);
  *number = inspect_block_of(&grid, index, k);
  return STATUS_OK;
}

static enum status inspect_result(struct source *source, size_t index,
                                  const struct options *options, const struct result *result,
                                  struct error *error)
{
  const struct tensor *tensor = source_tensor(source, index);
  struct inspect_block block;
  struct feed feed = tensor_feed(tensor);
  size_t number, k = 0;
  enum status status = find_block(options, tensor, result, &number, &k, error);
  if (status == STATUS_OK)
    status = inspect_read(&feed, result->fit, number, &block, error);
  if (status != STATUS_OK) {
    work_place(source, index, error);
    return status;
  }
  status = source_verify(source, error);
  bool asked = options->element;
  const struct subject subject = {source_spec(source),         tensor, result, &block,
                                  asked ? k : largest(&block), asked};
  if (status != STATUS_OK)
    return status;
  if (options->style == REPORT_TEXT)
    return print_text(&subject, error);
  print_json(&subject);
  return STATUS_OK;
}

static enum status inspect_source(struct source *source, const struct options *options,
                                  struct error *error)
{
  static const struct result_request request = {
      .lo = (double)NAN, .hi = (double)NAN, .blocks = true};
  const struct quantizer quantizer =
      options->quantizers ? options->quantizer[0] : work_default_quantizer();
  struct result *result = NULL;
  size_t index;
  enum status status = work_select_one(source, options->tensor, options->tensors, &index, error);
  if (status != STATUS_OK)
    return status;
  meter_start(work_weight(source_tensor(source, index), 1));
  status = work_result(source, index, &quantizer, &request, &result, error);
  meter_clear();
  if (status == STATUS_OK)
    status = inspect_result(source, index, options, result, error);
  result_free(result);
  return status;
}

enum status inspect_run(const struct options *options, struct error *error)
{
  struct source *source;
  if (options->operands == 0)
    return error_set(error, STATUS_USAGE, "inspect: expected a SOURCE; see qscope inspect --help");
  if (options->quantizers > 1)
    return error_set(error, STATUS_USAGE, "inspect: expected one -q, found %zu",
                     options->quantizers);
  if (options->element && options->view.block >= 0)
    return error_set(error, STATUS_USAGE, "inspect: --element and --block both name a block");
  enum status status = source_open_as(options->operand[0], options->input_format, &source, error);
  if (status != STATUS_OK)
    return status;
  status = inspect_source(source, options, error);
  source_close(source);
  return status;
}
