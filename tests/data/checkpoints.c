#include "tests/data/checkpoints.h"

#include "quant/base/size.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

static const struct {
  const char *dtype, *storage; /* storage: the class of PyTorch */
  size_t size;
} dtypes[] = {
    {"F32", "FloatStorage", 4},
    {"F16", "HalfStorage", 2},
    {"BF16", "BFloat16Storage", 2},
    {"I32", "IntStorage", 4},
    {"U32", "UInt32Storage", 4},
    {"I64", "LongStorage", 8},
    {"I8", "CharStorage", 1},
    {"U8", "ByteStorage", 1},
    {"F8_E4M3", "Float8_e4m3fnStorage", 1},
    {"F8_E5M2", "Float8_e5m2Storage", 1},
    {"F8_E8M0", "Float8_e8m0fnuStorage", 1},
};

static size_t row_of(const char *dtype)
{
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (strcmp(dtypes[i].dtype, dtype) == 0)
      return i;
  fail_msg("no dtype %s", dtype);
  return 0;
}

static size_t part_count(const struct part *part)
{
  size_t count = 1;
  for (unsigned i = 0; i < part->dims; i++)
    count *= part->dim[i];
  return count;
}

size_t part_size(const struct part *part)
{
  return part_count(part) * dtypes[row_of(part->dtype)].size;
}

/* --- bytes that grow -------------------------------------------------------------------------- */

struct bytes {
  unsigned char data[1 << 20];
  size_t size;
};
static struct bytes head, body;

static void put(struct bytes *bytes, const void *data, size_t size)
{
  assert_true(size <= sizeof bytes->data - bytes->size);
  if (size)
    memcpy(bytes->data + bytes->size, data, size);
  bytes->size += size;
}

static void put_text(struct bytes *bytes, const char *text)
{
  put(bytes, text, strlen(text));
}

/* BEFORE, then the number. */
static void put_number(struct bytes *bytes, const char *before, size_t number)
{
  char text[32];
  snprintf(text, sizeof text, "%zu", number);
  put_text(bytes, before);
  put_text(bytes, text);
}

/* --- safetensors ------------------------------------------------------------------------------ */

const char *checkpoint_safetensors(const char *name, const struct part *parts, size_t count)
{
  head.size = body.size = 0;
  put_text(&head, "{");
  for (size_t i = 0; i < count; i++) {
    put_text(&head, i ? ",\"" : "\"");
    put_text(&head, parts[i].name);
    put_text(&head, "\":{\"dtype\":\"");
    put_text(&head, parts[i].dtype);
    put_text(&head, "\",\"shape\":[");
    for (unsigned d = 0; d < parts[i].dims; d++)
      put_number(&head, d ? "," : "", parts[i].dim[d]);
    put_number(&head, "],\"data_offsets\":[", body.size);
    put(&body, parts[i].data, part_size(&parts[i]));
    put_number(&head, ",", body.size);
    put_text(&head, "]}");
  }
  put_text(&head, "}");
  put(&head, "", 1); /* files_safetensors wants text */
  return files_safetensors(name, (const char *)head.data, body.data, body.size);
}

/* --- PyTorch ---------------------------------------------------------------------------------- */

static void put_word(struct bytes *bytes, const char *opcode, size_t number)
{
  const unsigned char word[4] = {number & 255, number >> 8 & 255, number >> 16 & 255,
                                 number >> 24 & 255};
  put_text(bytes, opcode);
  put(bytes, word, sizeof word);
}

static void put_string(struct bytes *bytes, const char *text)
{
  put_word(bytes, "X", strlen(text));
  put_text(bytes, text);
}

/* A tuple of sizes, or of the strides that belong to them. */
static void put_sizes(struct bytes *bytes, const struct part *part, bool strides)
{
  put_text(bytes, "(");
  for (unsigned i = 0; i < part->dims; i++) {
    size_t number = strides ? 1 : part->dim[i];
    for (unsigned k = i + 1; strides && k < part->dims; k++)
      number *= part->dim[k];
    put_word(bytes, "J", number);
  }
  put_text(bytes, "t");
}

static void put_tensor(struct bytes *bytes, const struct part *part, size_t key)
{
  char text[64];
  put_string(bytes, part->name);
  put_text(bytes, "ctorch._utils\n_rebuild_tensor_v2\n((");
  put_string(bytes, "storage");
  snprintf(text, sizeof text, "ctorch\n%s\n", dtypes[row_of(part->dtype)].storage);
  put_text(bytes, text);
  snprintf(text, sizeof text, "%zu", key);
  put_string(bytes, text);
  put_string(bytes, "cpu");
  put_word(bytes, "J", part_count(part));
  put_text(bytes, "tQ");
  put_word(bytes, "J", 0);
  put_sizes(bytes, part, false);
  put_sizes(bytes, part, true);
  put_text(bytes, "\x89"
                  "ccollections\nOrderedDict\n)RtR");
}

static void add_member(zip_t *zip, const char *name, const void *data, size_t size, bool deflated)
{
  zip_source_t *source = zip_source_buffer(zip, data, size, 0);
  assert_non_null(source);
  zip_int64_t index = zip_file_add(zip, name, source, 0);
  assert_true(index >= 0);
  zip_set_file_compression(zip, (zip_uint64_t)index, deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
}

const char *checkpoint_pytorch(const char *name, const struct part *parts, size_t count,
                               bool deflated)
{
  const char *path = files_write(name, "", 0);
  zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
  assert_non_null(zip);
  head.size = 0;
  put_text(&head, "\x80\x02}(");
  for (size_t i = 0; i < count; i++)
    put_tensor(&head, &parts[i], i);
  put_text(&head, "u.");
  add_member(zip, "archive/data.pkl", head.data, head.size, false);
  for (size_t i = 0; i < count; i++) {
    char member[64];
    snprintf(member, sizeof member, "archive/data/%zu", i);
    add_member(zip, member, parts[i].data, part_size(&parts[i]), deflated);
  }
  assert_int_equal(zip_close(zip), 0);
  return path;
}

/* --- what is read ----------------------------------------------------------------------------- */

void checkpoint_config(const char *text)
{
  files_write("config.json", text, strlen(text));
}

static void expect_piece(const struct feed *feed, const float *expected, size_t start, size_t n)
{
  float out[FEED_BLOCK];
  feed->decode(feed->self, start, n, out);
  for (size_t i = 0; i < n; i++)
    if (out[i] != expected[start + i])
      fail_msg("element %zu of a piece from %zu on: expected %.9g, found %.9g", start + i, start,
               (double)expected[start + i], (double)out[i]);
}

enum { CHUNK = 1000 };

struct parallel {
  const struct feed *feed;
  const float *expected;
  atomic_size_t wrong;
};

static void expect_chunk(void *context, size_t chunk, unsigned worker)
{
  struct parallel *parallel = context;
  float out[CHUNK];
  size_t start = chunk * CHUNK, n = size_min(CHUNK, parallel->feed->count - start);
  (void)worker;
  parallel->feed->decode(parallel->feed->self, start, n, out);
  for (size_t i = 0; i < n; i++)
    if (out[i] != parallel->expected[start + i])
      atomic_fetch_add(&parallel->wrong, 1);
}

static void expect_of_all_threads(const struct feed *feed, const float *expected)
{
  struct parallel parallel = {.feed = feed, .expected = expected};
  assert_int_equal(pool_for(size_div_up(feed->count, CHUNK), expect_chunk, &parallel, NULL),
                   STATUS_OK);
  assert_int_equal(atomic_load(&parallel.wrong), 0);
}

size_t checkpoint_expect(struct source *source, const char *name, const float *expected,
                         size_t count)
{
  struct error error = {0};
  size_t index = 0;
  if (source_find(source, name, &index, &error) != STATUS_OK ||
      source_load(source, index, NULL, &error) != STATUS_OK)
    fail_msg("%s; note: %s", error.text, source_note(source));
  const struct tensor *tensor = source_tensor(source, index);
  assert_non_null(tensor->derived);
  assert_int_equal(tensor->count, count);
  struct feed feed = tensor_feed(tensor);
  for (size_t start = 0; start < count; start += FEED_BLOCK)
    expect_piece(&feed, expected, start, size_min(FEED_BLOCK, count - start));
  for (size_t start = 0, n = 1; start < count; start += n, n = n * 5 % 97 + 1)
    expect_piece(&feed, expected, start, size_min(n, count - start));
  expect_of_all_threads(&feed, expected);
  return index;
}
