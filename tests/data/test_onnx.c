/* ONNX models: what samples/README.md says of the real ones, and models written here, field by
 * field (numbers of onnx.proto), with values that were chosen. */
#include "tests/data/files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- a writer of protocol buffers ------------------------------------------------------------ */

struct message {
  unsigned char bytes[6000];
  size_t size;
};

static void put_varint(struct message *to, uint64_t value)
{
  do {
    to->bytes[to->size++] = (unsigned char)((value & 127) | (value > 127 ? 128 : 0));
    value >>= 7;
  } while (value);
}

static void put_bytes(struct message *to, unsigned field, const void *bytes, size_t size)
{
  put_varint(to, field << 3 | 2);
  put_varint(to, size);
  assert_true(to->size + size <= sizeof to->bytes);
  memcpy(to->bytes + to->size, bytes, size);
  to->size += size;
}

static void put_text(struct message *to, unsigned field, const char *text)
{
  put_bytes(to, field, text, strlen(text));
}

static void put_message(struct message *to, unsigned field, const struct message *inside)
{
  put_bytes(to, field, inside->bytes, inside->size);
}

static void put_number(struct message *to, unsigned field, uint64_t value)
{
  put_varint(to, field << 3);
  put_varint(to, value);
}

/* Numbers one by one (PACKED: in one row). */
static void put_numbers(struct message *to, unsigned field, const int64_t *value, size_t n,
                        bool packed)
{
  struct message row = {.size = 0};
  for (size_t i = 0; i < n; i++)
    if (packed)
      put_varint(&row, (uint64_t)value[i]);
    else
      put_number(to, field, (uint64_t)value[i]);
  if (packed)
    put_message(to, field, &row);
}

enum { F32 = 1, U8, I8, U16, I16, I32, I64, STRING, BOOL, F16, F64, U32, U64, BF16 = 16, E4M3 };

/* A TensorProto without values: NAME may be NULL. */
static struct message tensor_of(const char *name, int type, size_t dims, const int64_t *dim)
{
  struct message tensor = {.size = 0};
  put_numbers(&tensor, 1, dim, dims, dims % 2);
  put_number(&tensor, 2, (uint64_t)type);
  if (name)
    put_text(&tensor, 8, name);
  return tensor;
}

static struct message row_of(const char *name, int type, int64_t count)
{
  return tensor_of(name, type, 1, &count);
}

static struct message floats_of(const char *name, const float *value, int64_t count)
{
  struct message tensor = row_of(name, F32, count);
  put_bytes(&tensor, 9, value, (size_t)count * sizeof *value);
  return tensor;
}

/* An AttributeProto that holds a message: a tensor (field 5) or a graph (6). */
static struct message attribute_of(const char *name, unsigned field, const struct message *value)
{
  struct message attribute = {.size = 0};
  put_text(&attribute, 1, name);
  put_message(&attribute, field, value);
  return attribute;
}

/* A NodeProto of TYPE; ATTRIBUTE may be NULL. */
static struct message node_of(const char *type, const char *name, const char *output,
                              const struct message *attribute)
{
  struct message node = {.size = 0};
  if (output)
    put_text(&node, 2, output);
  if (name)
    put_text(&node, 3, name);
  put_text(&node, 4, type);
  if (attribute)
    put_message(&node, 5, attribute);
  return node;
}

static struct message model_of(const struct message *graph)
{
  struct message model = {.size = 0};
  put_number(&model, 1, 9); /* ir_version */
  put_text(&model, 2, "test");
  put_message(&model, 7, graph);
  return model;
}

static struct source *open_model(const struct message *graph)
{
  struct message model = model_of(graph);
  return files_open(files_write("model.onnx", model.bytes, model.size));
}

/* A model with TENSOR alone is refused, with a message that names the file and has FRAGMENT. */
static void refuse_tensor(const struct message *tensor, const char *fragment)
{
  struct message graph = {.size = 0};
  put_message(&graph, 5, tensor);
  struct message model = model_of(&graph);
  const char *path = files_write("bad.onnx", model.bytes, model.size);
  files_refused(path, STATUS_INPUT, fragment);
  files_refused(path, STATUS_INPUT, path);
}

static void refuse_graph(const struct message *graph, const char *fragment)
{
  struct message model = model_of(graph);
  files_refused(files_write("bad.onnx", model.bytes, model.size), STATUS_INPUT, fragment);
}

static void check_tensor(struct source *source, const char *name, const char *stored,
                         const float *expected, size_t count)
{
  size_t index;
  struct error error;
  if (source_find(source, name, &index, &error) != STATUS_OK)
    fail_msg("%s", error.text);
  assert_string_equal(source_tensor(source, index)->stored->name, stored);
  assert_int_equal(source_tensor(source, index)->count, count);
  float *values = files_values(source, index);
  for (size_t i = 0; i < count; i++)
    if (!(values[i] == expected[i]))
      fail_msg("%s[%zu]: expected %g, found %g", name, i, (double)expected[i], (double)values[i]);
  free(values);
}

static const char *remark_of(const struct source *source, const char *name)
{
  size_t index;
  struct error error;
  assert_int_equal(source_find(source, name, &index, &error), STATUS_OK);
  return source_remark(source, index);
}

/* --- the real ones ------------------------------------------------------------------------- */

static void check_sample(const char *file, size_t tensors, size_t elements)
{
  const char *path = files_sample(file);
  if (!path)
    skip();
  struct source *source = files_open(path);
  size_t sum = 0;
  assert_string_equal(source_type_name(source), "onnx");
  assert_int_equal(source_count(source), tensors);
  for (size_t i = 0; i < tensors; i++) {
    sum += source_tensor(source, i)->count;
    free(files_values(source, i));
  }
  assert_int_equal(sum, elements);
  source_close(source);
}

static void test_samples(void **state)
{
  (void)state;
  check_sample("onnx/silero_vad.onnx", 345, 545601);
  check_sample("onnx/dtln_model_1.onnx", 24, 363457);
  check_sample("onnx/qdq-conv-quantized.onnx", 54, 123402);
  check_sample("onnx/mnist-cnn.onnx", 9, 21842);
}

/* Encoder convolution 4 of the 16 kHz branch: row 53 is 198 times the median row. */
static void test_outlier_of_silero(void **state)
{
  (void)state;
  const char *path = files_sample("onnx/silero_vad.onnx");
  if (!path)
    skip();
  struct source *source = files_open(path);
  for (size_t i = 0; i < source_count(source); i++) {
    const struct tensor *tensor = source_tensor(source, i);
    if (!strstr(tensor->name, "then_branch") || !strstr(tensor->name, "encoder.3.") ||
        !strstr(tensor->name, "weight"))
      continue;
    size_t length = tensor->count / tensor->shape.dim[0], most = 0;
    float *x = files_values(source, i), row[1024] = {0};
    for (size_t k = 0; k < tensor->count; k++)
      row[k / length] = fmaxf(row[k / length], fabsf(x[k]));
    for (size_t k = 0; k < tensor->shape.dim[0]; k++)
      most = row[k] > row[most] ? k : most;
    assert_int_equal(most, 53);
    free(x);
    source_close(source);
    return;
  }
  fail_msg("no such tensor");
}

/* --- values --------------------------------------------------------------------------------- */

/* Every type in the field of numbers that onnx.proto gives it, and as raw bytes: the same. */
static void test_types(void **state)
{
  (void)state;
  static const struct {
    int type;
    const char *stored;
    unsigned field;
    int64_t number[3]; /* as the field has them */
    unsigned char raw[24];
    size_t size;
    float expected[3];
  } rows[] = {
      {U8, "u8", 5, {0, 7, 255}, {0, 7, 255}, 3, {0, 7, 255}},
      {I8, "i8", 5, {-128, -1, 127}, {128, 255, 127}, 3, {-128, -1, 127}},
      {U16, "u16", 5, {1, 258, 65535}, {1, 0, 2, 1, 255, 255}, 6, {1, 258, 65535}},
      {I16, "i16", 5, {-2, 3, -32768}, {254, 255, 3, 0, 0, 128}, 6, {-2, 3, -32768}},
      {I32,
       "i32",
       5,
       {-2, 3, 65536},
       {254, 255, 255, 255, 3, 0, 0, 0, 0, 0, 1},
       12,
       {-2, 3, 65536}},
      {BOOL, "bool", 5, {0, 1, 1}, {0, 1, 1}, 3, {0, 1, 1}},
      {F16, "f16", 5, {0x3C00, 0xC000, 1}, {0, 0x3C, 0, 0xC0, 1, 0}, 6, {1, -2, 0x1p-24f}},
      {BF16,
       "bf16",
       5,
       {0x3F80, 0xC000, 0x4049},
       {0x80, 0x3F, 0, 0xC0, 0x49, 0x40},
       6,
       {1, -2, 3.140625f}},
      {E4M3, "f8_e4m3", 5, {0x38, 0xFE, 1}, {0x38, 0xFE, 1}, 3, {1, -448, 0x1p-9f}},
      {19, "f8_e5m2", 5, {0x3C, 0xFB, 1}, {0x3C, 0xFB, 1}, 3, {1, -57344, 0x1p-16f}},
      {18, "f8_e4m3fnuz", 5, {0x40, 0xFF, 1}, {0x40, 0xFF, 1}, 3, {1, -240, 0x1p-10f}},
      {I64,
       "i64",
       7,
       {-5, 6, 7},
       {251, 255, 255, 255, 255, 255, 255, 255, 6, 0, 0, 0, 0, 0, 0, 0, 7},
       24,
       {-5, 6, 7}},
      {U32,
       "u32",
       11,
       {5, 6, 4294967295},
       {5, 0, 0, 0, 6, 0, 0, 0, 255, 255, 255, 255},
       12,
       {5, 6, 4294967296.0f}},
      {U64,
       "u64",
       11,
       {5, 6, 7},
       {5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 7},
       24,
       {5, 6, 7}},
  };
  struct message graph = {.size = 0};
  char name[32];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int kind = 0; kind < 3; kind++) {
      snprintf(name, sizeof name, "%s.%d", rows[i].stored, kind);
      struct message tensor = row_of(name, rows[i].type, 3);
      if (kind < 2)
        put_numbers(&tensor, rows[i].field, rows[i].number, 3, kind);
      else
        put_bytes(&tensor, 9, rows[i].raw, rows[i].size);
      put_message(&graph, 5, &tensor);
    }
  struct source *source = open_model(&graph);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int kind = 0; kind < 3; kind++) {
      snprintf(name, sizeof name, "%s.%d", rows[i].stored, kind);
      check_tensor(source, name, rows[i].stored, rows[i].expected, 3);
    }
  source_close(source);
}

/* Two to a byte, the first in the low half. */
static void test_nibbles(void **state)
{
  (void)state;
  static const int64_t bytes[2] = {0xF1, 0x08};
  struct message graph = {.size = 0}, u4 = row_of("u", 21, 3), i4 = row_of("i", 22, 3),
                 raw = row_of("r", 22, 3), f4 = row_of("f", 23, 4);
  put_numbers(&u4, 5, bytes, 2, true);
  put_numbers(&i4, 5, bytes, 2, false);
  put_bytes(&raw, 9, "\xF1\x08", 2);
  put_bytes(&f4, 9, "\xF1\x07", 2); /* E2M1: 0.5, -6, 6, 0 */
  put_message(&graph, 5, &u4);
  put_message(&graph, 5, &i4);
  put_message(&graph, 5, &raw);
  put_message(&graph, 5, &f4);
  struct source *source = open_model(&graph);
  check_tensor(source, "u", "u4", (const float[]){1, 15, 8}, 3);
  check_tensor(source, "i", "i4", (const float[]){1, -1, -8}, 3);
  check_tensor(source, "r", "i4", (const float[]){1, -1, -8}, 3);
  check_tensor(source, "f", "f4", (const float[]){0.5f, -6, 6, 0}, 4);
  source_close(source);
}

/* float_data and double_data: a packed row is read in place, other numbers are gathered. */
static void test_float_fields(void **state)
{
  (void)state;
  static const float x[3] = {1.5f, -0.25f, 1e30f};
  static const double d[3] = {1.5, -0.25, 1e30};
  struct message graph = {.size = 0}, packed = row_of("packed", F32, 3),
                 single = row_of("single", F32, 3), twice = row_of("twice", F32, 3),
                 doubles = row_of("doubles", F64, 3), empty = row_of("empty", F32, 0),
                 scalar = tensor_of("scalar", F32, 0, NULL);
  put_bytes(&packed, 4, x, sizeof x);
  for (int i = 0; i < 3; i++) {
    put_varint(&single, 4 << 3 | 5);
    memcpy(single.bytes + single.size, &x[i], sizeof x[i]);
    single.size += sizeof x[i];
  }
  put_bytes(&twice, 4, x, sizeof *x);
  put_bytes(&twice, 4, x + 1, 2 * sizeof *x);
  put_bytes(&doubles, 10, d, sizeof d);
  put_bytes(&scalar, 4, x, sizeof *x);
  put_message(&graph, 5, &packed);
  put_message(&graph, 5, &single);
  put_message(&graph, 5, &twice);
  put_message(&graph, 5, &doubles);
  put_message(&graph, 5, &empty);
  put_message(&graph, 5, &scalar);
  struct source *source = open_model(&graph);
  check_tensor(source, "packed", "f32", x, 3);
  check_tensor(source, "single", "f32", x, 3);
  check_tensor(source, "twice", "f32", x, 3);
  check_tensor(source, "doubles", "f64", x, 3);
  check_tensor(source, "empty", "f32", NULL, 0);
  check_tensor(source, "scalar", "f32", x, 1);
  source_close(source);
}

/* --- places ---------------------------------------------------------------------------------- */

static void put_float(struct message *to, unsigned field, float value)
{
  put_varint(to, field << 3 | 5);
  memcpy(to->bytes + to->size, &value, sizeof value);
  to->size += sizeof value;
}

static void test_constants(void **state)
{
  (void)state;
  static const float x[2] = {3, 4};
  static const int64_t whole[3] = {7, -8, 9};
  struct message tensor = floats_of("inner", x, 2), value = attribute_of("value", 5, &tensor);
  struct message one = {.size = 0}, many = {.size = 0}, ints = {.size = 0}, text = {.size = 0};
  put_text(&one, 1, "value_float");
  put_float(&one, 2, 2.5f);
  put_text(&many, 1, "value_floats");
  put_float(&many, 7, 1);
  put_float(&many, 7, -1);
  put_text(&ints, 1, "value_ints");
  put_numbers(&ints, 8, whole, 3, true);
  put_text(&text, 1, "value_string");
  put_text(&text, 4, "hello");
  struct message nodes[] = {
      node_of("Constant", "named", "out", &value), node_of("Constant", NULL, "one", &one),
      node_of("Constant", NULL, "many", &many),    node_of("Constant", NULL, "ints", &ints),
      node_of("Constant", NULL, "text", &text),    node_of("Custom", "op", "y", &value),
      node_of("Custom", NULL, "z", &value)};
  struct message graph = {.size = 0};
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
    put_message(&graph, 1, &nodes[i]);
  struct source *source = open_model(&graph);
  assert_int_equal(source_count(source), 6);
  check_tensor(source, "out", "f32", x, 2);
  check_tensor(source, "one", "f32", (const float[]){2.5f}, 1);
  check_tensor(source, "many", "f32", (const float[]){1, -1}, 2);
  check_tensor(source, "ints", "i64", (const float[]){7, -8, 9}, 3);
  check_tensor(source, "inner", "f32", x, 2);   /* of a node that is no Constant: its own name, */
  check_tensor(source, "inner#2", "f32", x, 2); /* and when it occurs again, a number */
  assert_non_null(strstr(source_note(source), "1 tensor of text"));
  source_close(source);
}

/* Graphs inside: named by the way to them. */
static void test_subgraphs(void **state)
{
  (void)state;
  static const float x[1] = {5};
  struct message tensor = floats_of("w", x, 1), inner = {.size = 0}, outer = {.size = 0};
  put_message(&inner, 5, &tensor);
  struct message branch = attribute_of("then_branch", 6, &inner);
  struct message node = node_of("If", "choice", "y", &branch);
  struct message nameless = node_of("Loop", NULL, "z", &branch);
  put_message(&outer, 1, &node);
  put_message(&outer, 1, &nameless);
  put_message(&outer, 5, &tensor);
  struct message model = model_of(&outer), function = {.size = 0}, training = {.size = 0};
  struct message value = attribute_of("value", 5, &tensor);
  struct message constant = node_of("Constant", NULL, "c", &value);
  put_text(&function, 1, "gelu");
  put_message(&function, 7, &constant);
  put_message(&model, 25, &function);
  put_message(&training, 1, &inner);
  put_message(&model, 20, &training);
  struct source *source = files_open(files_write("model.onnx", model.bytes, model.size));
  static const char *const names[] = {"choice/then_branch/w", "Loop_1/then_branch/w", "w", "gelu/c",
                                      "training/initialization/w"};
  assert_int_equal(source_count(source), sizeof names / sizeof *names);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    check_tensor(source, names[i], "f32", x, 1);
  source_close(source);
}

/* In the order of the file; the domain of the usual operators has no name there. */
static void test_metadata(void **state)
{
  (void)state;
  static const char *const expected[][2] = {{"ir_version", "9"},
                                            {"producer_name", "test"},
                                            {"opset ai.onnx", "17"},
                                            {"opset com.microsoft", "1"},
                                            {"author", "nobody"}};
  struct message graph = {.size = 0}, usual = {.size = 0}, own = {.size = 0}, entry = {.size = 0};
  struct message model = model_of(&graph);
  put_text(&usual, 1, "");
  put_number(&usual, 2, 17);
  put_text(&own, 1, "com.microsoft");
  put_number(&own, 2, 1);
  put_text(&entry, 1, "author");
  put_text(&entry, 2, "nobody");
  put_message(&model, 8, &usual);
  put_message(&model, 8, &own);
  put_message(&model, 14, &entry);
  struct source *source = files_open(files_write("told.onnx", model.bytes, model.size));
  assert_int_equal(source_metadata_count(source), sizeof expected / sizeof *expected);
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    assert_string_equal(source_metadatum(source, i)->key, expected[i][0]);
    assert_string_equal(source_metadatum(source, i)->value, expected[i][1]);
  }
  source_close(source);
}

static void test_what_is_skipped(void **state)
{
  (void)state;
  struct message text = row_of("text", STRING, 1), strange = row_of("strange", 99, 1);
  struct message sparse = {.size = 0}, graph = {.size = 0};
  put_text(&text, 6, "abc");
  put_message(&graph, 5, &text);
  put_message(&graph, 5, &strange);
  put_message(&graph, 15, &sparse);
  put_message(&graph, 15, &sparse);
  struct source *source = open_model(&graph);
  assert_int_equal(source_count(source), 0);
  assert_string_equal(source_note(source), "skipped: 2 sparse tensors, 1 tensor of text, 1 tensor "
                                           "of an unknown type");
  source_close(source);
}

/* The file that test_mutations damages, with a tensor for each feature. */
static void test_features(void **state)
{
  (void)state;
  struct source *source = files_open(files_data("good", "onnx-features.onnx"));
  assert_int_equal(source_count(source), 14);
  check_tensor(source, "raw", "f32", (const float[]){1, 2, 3, 4, 5, 6}, 6);
  check_tensor(source, "packed", "f32", (const float[]){0.5f, -0.25f, 8}, 3);
  check_tensor(source, "codes", "u8", (const float[]){0, 128, 200, 255}, 4);
  check_tensor(source, "negative", "i8", (const float[]){-1, 5}, 2);
  check_tensor(source, "half", "f16", (const float[]){1, -2}, 2);
  check_tensor(source, "nibbles", "i4", (const float[]){1, -1, -8}, 3);
  check_tensor(source, "wide", "i64", (const float[]){-5, 0x1p40f}, 2);
  check_tensor(source, "c", "f32", (const float[]){7, 8}, 2);
  check_tensor(source, "ints", "i64", (const float[]){1, -2}, 2);
  check_tensor(source, "choice/then_branch/w", "f64", (const float[]){2.5f}, 1);
  check_tensor(source, "choice/else_branch/w", "f64", (const float[]){2.5f}, 1);
  check_tensor(source, "gelu/k", "f32", (const float[]){0.044715f}, 1);
  assert_non_null(strstr(remark_of(source, "codes"), "(code - 128) * 0.05"));
  source_close(source);
}

/* --- scales and zero points ----------------------------------------------------------------- */

static struct message quantize_node(const char *value, const char *scale, const char *zero)
{
  struct message node = {.size = 0};
  put_text(&node, 1, value);
  put_text(&node, 1, scale);
  put_text(&node, 1, zero);
  put_text(&node, 4, "DequantizeLinear");
  return node;
}

static void test_scales(void **state)
{
  (void)state;
  static const float scale[3] = {0.5f, 0.25f, 2};
  static const int64_t zero = 128, codes[3] = {1, 2, 3};
  struct message graph = {.size = 0}, w = row_of("w", U8, 3), v = row_of("v", U8, 3),
                 u = row_of("u", U8, 3), z = tensor_of("z", U8, 0, NULL);
  put_numbers(&w, 5, codes, 3, true);
  put_numbers(&v, 5, codes, 3, true);
  put_numbers(&u, 5, codes, 3, true);
  put_numbers(&z, 5, &zero, 1, false);
  struct message s = floats_of("s", scale, 1), rows = floats_of("rows", scale, 3);
  struct message nodes[] = {quantize_node("w", "s", "z"), quantize_node("v", "rows", ""),
                            quantize_node("u", "elsewhere", "z")};
  put_message(&graph, 5, &w);
  put_message(&graph, 5, &v);
  put_message(&graph, 5, &u);
  put_message(&graph, 5, &z);
  put_message(&graph, 5, &s);
  put_message(&graph, 5, &rows);
  for (size_t i = 0; i < 3; i++)
    put_message(&graph, 1, &nodes[i]);
  struct source *source = open_model(&graph);
  assert_string_equal(remark_of(source, "w"), "quantized: (code - 128) * 0.5");
  assert_non_null(strstr(remark_of(source, "v"), "per channel of axis 1"));
  assert_non_null(strstr(remark_of(source, "v"), "3 scales in rows"));
  assert_non_null(strstr(remark_of(source, "u"), "its scale elsewhere is computed by the model"));
  assert_string_equal(remark_of(source, "s"), "scale of w");
  assert_string_equal(remark_of(source, "rows"), "scale of v");
  assert_string_equal(remark_of(source, "z"), "zero point of w");
  source_close(source);
}

/* --- external data ------------------------------------------------------------------------- */

static struct message external_tensor(const char *name, const char *location, const char *offset,
                                      const char *length)
{
  const char *const entries[][2] = {
      {"location", location}, {"offset", offset}, {"length", length}, {"checksum", "0"}};
  struct message tensor = row_of(name, F32, 2);
  for (size_t i = 0; i < 4; i++) {
    struct message entry = {.size = 0};
    if (!entries[i][1])
      continue;
    put_text(&entry, 1, entries[i][0]);
    put_text(&entry, 2, entries[i][1]);
    put_message(&tensor, 13, &entry);
  }
  put_number(&tensor, 14, 1);
  return tensor;
}

static void test_external(void **state)
{
  (void)state;
  static const float data[6] = {0, 1, 2, 3, 4, 5};
  struct message graph = {.size = 0}, a = external_tensor("a", "weights.bin", NULL, NULL),
                 b = external_tensor("b", "weights.bin", "16", "8"),
                 c = external_tensor("c", "./weights.bin", "12", NULL);
  files_write("weights.bin", data, sizeof data);
  put_message(&graph, 5, &a);
  put_message(&graph, 5, &b);
  put_message(&graph, 5, &c);
  struct source *source = open_model(&graph);
  check_tensor(source, "a", "f32", data, 2);
  check_tensor(source, "b", "f32", data + 4, 2);
  check_tensor(source, "c", "f32", data + 3, 2);
  source_close(source);
}

static void test_external_outside(void **state)
{
  (void)state;
  static const struct {
    const char *location, *offset, *length, *fragment;
  } rows[] = {
      {"/etc/passwd", NULL, NULL,
       "expected a file in the folder of the model, found \"/etc/passwd\""},
      {"../weights.bin", NULL, NULL, "expected a file in the folder of the model"},
      {"a/../../weights.bin", NULL, NULL, "expected a file in the folder of the model"},
      {"", NULL, NULL, "expected a file in the folder of the model"},
      {"missing.bin", NULL, NULL, "external data: cannot open missing.bin"},
      {"link.bin", NULL, NULL, "is a link to a file outside the model's folder"},
      {"loop.bin", NULL, NULL, "external data: cannot open loop.bin"},
      {".", NULL, NULL, ""},
      {"weights.bin", "24", NULL, "8 bytes from offset 24, but weights.bin ends at 24"},
      {"weights.bin", "18446744073709551615", NULL, "but weights.bin ends at 24"},
      {"weights.bin", "18446744073709551616", NULL, "expected a number of bytes"},
      {"weights.bin", "-1", NULL, "expected a number of bytes, found \"-1\""},
      {"weights.bin", "0", "9", "expected 8 bytes of external data, found 9"},
      {"weights.bin\033[2J", NULL, NULL, "\\x1b[2J"},
  };
  static const float data[6] = {0, 1, 2, 3, 4, 5};
  char path[600];
  files_write("weights.bin", data, sizeof data);
  snprintf(path, sizeof path, "%s/link.bin", files_folder());
  assert_int_equal(symlink("/etc/passwd", path), 0);
  snprintf(path, sizeof path, "%s/loop.bin", files_folder());
  assert_int_equal(symlink("loop.bin", path), 0);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct message tensor = external_tensor("w", rows[i].location, rows[i].offset, rows[i].length);
    refuse_tensor(&tensor, rows[i].fragment);
  }
}

/* --- damage ---------------------------------------------------------------------------------- */

static void test_damaged_tensors(void **state)
{
  (void)state;
  static const unsigned char bytes[12] = {0};
  struct message tensor = row_of("w", F32, 3);
  put_bytes(&tensor, 9, bytes, 8);
  refuse_tensor(&tensor, "w: 3 of f32: expected 12 bytes of raw data, found 8");
  tensor = row_of("w", F32, 1);
  put_bytes(&tensor, 9, bytes, 8);
  refuse_tensor(&tensor, "w: 1 of f32: expected 4 bytes of raw data, found 8");
  tensor = row_of("w", F32, 3);
  put_bytes(&tensor, 4, bytes, 10);
  refuse_tensor(&tensor, "w: 3 of f32: expected 12 bytes of values, found 10");
}

static void test_damaged_shapes(void **state)
{
  (void)state;
  static const int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, huge[2] = {1LL << 40, 1LL << 40},
                       negative[1] = {-3};
  struct message tensor = tensor_of("w", F32, 9, nine);
  refuse_tensor(&tensor, "w: more than 8 dimensions");
  tensor = tensor_of("w", F32, 2, huge);
  refuse_tensor(&tensor, "w: the shape is larger than the address space");
  tensor = tensor_of("w", F32, 1, negative);
  refuse_tensor(&tensor, "w: a size of the shape: -3");
  tensor = row_of("w", I8, 1000000);
  refuse_tensor(&tensor, "w: 1000000 values, but 0 bytes hold them");
  tensor = row_of("w", F32, 1000000);
  refuse_tensor(&tensor, "w: 1000000 of f32: expected 4000000 bytes of values, found 0");
}

static void test_damaged_names(void **state)
{
  (void)state;
  static char longest[70000];
  struct message tensor = row_of(NULL, I8, 0);
  put_bytes(&tensor, 8, "a\0b", 3);
  refuse_tensor(&tensor, "the name of a tensor holds a NUL");
  memset(longest, 'x', sizeof longest);
  /* A name longer than the writer's message: by hand. */
  unsigned char *bytes = malloc(sizeof longest + 64);
  struct message head = {.size = 0};
  size_t inside = 2 + 4 + sizeof longest; /* type; key and length; name */
  put_number(&head, 1, 9);
  put_text(&head, 2, "test");
  put_varint(&head, 7 << 3 | 2);
  put_varint(&head, inside + 4);
  put_varint(&head, 5 << 3 | 2);
  put_varint(&head, inside);
  put_number(&head, 2, I8);
  put_varint(&head, 8 << 3 | 2);
  put_varint(&head, sizeof longest);
  assert_non_null(bytes);
  memcpy(bytes, head.bytes, head.size);
  memcpy(bytes + head.size, longest, sizeof longest);
  files_refused(files_write("bad.onnx", bytes, head.size + sizeof longest), STATUS_INPUT,
                "a name of 70000 bytes; expected at most 65536");
  free(bytes);
}

/* Numbers that the type does not hold, and too many or too few of them: found when they are read.
 */
static void test_damaged_numbers(void **state)
{
  (void)state;
  static const int64_t large[2] = {1, 300}, few[1] = {1}, many[3] = {1, 2, 3};
  static const struct {
    const int64_t *number;
    size_t count;
    const char *fragment;
  } rows[] = {{large, 2, "value 1 is 300, which 8 bits cannot hold"},
              {many, 3, "more than 2 values"}};
  for (size_t i = 0; i < 2; i++) {
    struct message graph = {.size = 0}, tensor = row_of("w", U8, 2);
    struct error error;
    put_numbers(&tensor, 5, rows[i].number, rows[i].count, i == 0);
    put_message(&graph, 5, &tensor);
    struct source *source = open_model(&graph);
    assert_int_equal(source_load(source, 0, NULL, &error), STATUS_INPUT);
    assert_non_null(strstr(error.text, rows[i].fragment));
    source_close(source);
  }
  struct message tensor = row_of("w", U8, 2);
  put_numbers(&tensor, 5, few, 1, true);
  refuse_tensor(&tensor, "w: 2 values, but 1 bytes hold them");
}

/* Graphs inside graphs: built from the inside out. */
static void test_deep(void **state)
{
  (void)state;
  struct message graph = {.size = 0};
  for (int depth = 0; depth < 100; depth++) {
    struct message branch = attribute_of("b", 6, &graph), node = node_of("If", "n", NULL, &branch);
    graph.size = 0;
    put_message(&graph, 1, &node);
  }
  refuse_graph(&graph, "graphs nest deeper than 64");
}

static void test_damaged_wire(void **state)
{
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    const char *fragment;
  } rows[] = {
      {"\x2b", 1, "unknown or withdrawn wire type"}, /* a group */
      {"\x2f", 1, "unknown or withdrawn wire type"},
      {"\x02\x00", 2, "expected a field, found no number of one"}, /* field 0 */
      {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "bytes, but its message ends after 0"},
      {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "a length that does not end"},
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, "a number that does not end"},
      {"\x08", 1, "a number that does not end"},
      {"\x0d\x01\x02", 3, "4 bytes, but its message ends after 2"},
      {"\x09\x01\x02", 3, "8 bytes, but its message ends after 2"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct message graph = {.size = rows[i].size};
    memcpy(graph.bytes, rows[i].bytes, rows[i].size);
    refuse_graph(&graph, rows[i].fragment);
  }
  struct message model = {.size = 0};
  put_number(&model, 1, 9);
  put_text(&model, 2, "test");
  put_number(&model, 5, 1);
  files_refused(files_write("bad.onnx", model.bytes, model.size), STATUS_INPUT, "it has no graph");
}

/* Wherever a model is cut, it is refused. */
static void test_cut(void **state)
{
  (void)state;
  static const float x[2] = {3, 4};
  struct message graph = {.size = 0}, tensor = floats_of("w", x, 2);
  put_message(&graph, 5, &tensor);
  struct message model = model_of(&graph);
  for (size_t size = 1; size < model.size; size++) {
    struct source *source;
    struct error error = {0};
    if (source_open(files_write("cut.onnx", model.bytes, size), &source, &error) == STATUS_OK)
      fail_msg("opens with %zu bytes", size);
    assert_int_equal(error.status, STATUS_INPUT);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples),
                                     cmocka_unit_test(test_outlier_of_silero),
                                     cmocka_unit_test(test_types),
                                     cmocka_unit_test(test_nibbles),
                                     cmocka_unit_test(test_float_fields),
                                     cmocka_unit_test(test_constants),
                                     cmocka_unit_test(test_subgraphs),
                                     cmocka_unit_test(test_metadata),
                                     cmocka_unit_test(test_what_is_skipped),
                                     cmocka_unit_test(test_features),
                                     cmocka_unit_test(test_scales),
                                     cmocka_unit_test(test_external),
                                     cmocka_unit_test(test_external_outside),
                                     cmocka_unit_test(test_damaged_tensors),
                                     cmocka_unit_test(test_damaged_shapes),
                                     cmocka_unit_test(test_damaged_names),
                                     cmocka_unit_test(test_damaged_numbers),
                                     cmocka_unit_test(test_deep),
                                     cmocka_unit_test(test_damaged_wire),
                                     cmocka_unit_test(test_cut)};
  return cmocka_run_group_tests(tests, NULL, files_remove);
}
