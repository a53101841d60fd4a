/* The fixtures of packed checkpoints in tests/data/good: every kind once, as small as can be, for
 * the tests that damage files and let calls fail. They are written here, and compared. */
#include "tests/data/packs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char bytes[PACKS_MOST];
static float scale[PACKS_SCALES];
static int32_t order[32];

/* tests/data/good/NAME holds COUNT parts, and DERIVED weights are made of them. */
static void open_fixture(const char *name, size_t count, size_t derived)
{
  struct source *source = files_open(files_data("good", name));
  assert_null(strstr(source_note(source), "not unpacked"));
  assert_int_equal(source_count(source), count + derived);
  assert_int_equal(source_first(source), count);
  for (size_t i = count; i < count + derived; i++)
    free(files_values(source, i));
  source_close(source);
}

static void check_fixture(const char *name, const struct part *parts, size_t count, size_t derived)
{
  files_golden(checkpoint_safetensors(name, parts, count), name);
  open_fixture(name, count, derived);
}

/* A folder with a configuration, without which MLX's codes cannot be read. */
static void test_fixture_of_a_folder(void **state)
{
  (void)state;
  const struct part parts[] = {
      {"v.weight", "U32", 2, {4, 12}, bytes},
      {"v.scales", "BF16", 2, {4, 2}, bytes},
      {"v.biases", "BF16", 2, {4, 2}, bytes},
      {"norm.weight", "BF16", 1, {4}, bytes},
  };
  const char config[] = "{\"model_type\": \"llama\", \"quantization\": {\"bits\": 6, "
                        "\"group_size\": 32}}\n";
  packs_draw(512, bytes, scale);
  files_clear();
  files_golden(checkpoint_safetensors("model.safetensors", parts, 4),
               "model-mlx/model.safetensors");
  files_golden(files_write("config.json", config, sizeof config - 1), "model-mlx/config.json");
  open_fixture("model-mlx", 4, 1);
}

static void test_fixtures(void **state)
{
  (void)state;
  static const int64_t shape[] = {4, 32};
  static const char json[] = "{\"shape\":[8,8],\"blocksize\":64,\"nested_blocksize\":256,"
                             "\"nested_offset\":0.5}";
  const struct part integers[] = {
      {"g.qweight", "I32", 2, {2, 8}, bytes},
      {"g.qzeros", "I32", 2, {2, 1}, bytes},
      {"g.scales", "F16", 2, {2, 8}, bytes},
      {"g.g_idx", "I32", 1, {16}, order},
      {"a.qweight", "I32", 2, {16, 1}, bytes},
      {"a.qzeros", "I32", 2, {2, 1}, bytes},
      {"a.scales", "BF16", 2, {2, 8}, bytes},
      {"c.weight_packed", "I32", 2, {4, 4}, bytes},
      {"c.weight_shape", "I64", 1, {2}, shape},
      {"c.weight_scale", "F16", 2, {4, 2}, bytes},
      {"c.weight_zero_point", "I32", 2, {1, 2}, bytes},
      {"c.weight_g_idx", "I32", 1, {32}, order},
      {"i.weight", "I8", 2, {4, 8}, bytes},
      {"i.weight_scale", "F32", 2, {4, 1}, scale},
      {"i.weight_zero_point", "I8", 2, {4, 1}, bytes},
      {"b.weight", "I8", 2, {4, 8}, bytes},
      {"b.SCB", "F32", 1, {4}, scale},
  };
  const struct part floats[] = {
      {"f.weight", "F8_E4M3", 2, {4, 8}, bytes},
      {"f.weight_scale_inv", "BF16", 2, {1, 1}, bytes},
      {"t.weight:qdata", "F8_E5M2", 2, {4, 8}, bytes},
      {"t.weight:scale", "F32", 2, {4, 1}, scale},
      {"n.weight_packed", "U8", 2, {2, 16}, bytes},
      {"n.weight_scale", "F8_E4M3", 2, {2, 2}, bytes},
      {"n.weight_global_scale", "F32", 1, {1}, scale},
      {"x.weight_packed", "U8", 2, {2, 16}, bytes},
      {"x.weight_scale", "F8_E8M0", 2, {2, 1}, bytes},
      {"m.weight", "U8", 2, {2, 16}, bytes},
      {"m.weight_scale", "F8_E4M3", 2, {2, 2}, bytes},
      {"m.weight_scale_2", "F32", 0, {0}, scale},
      {"o_blocks", "U8", 3, {2, 2, 16}, bytes},
      {"o_scales", "U8", 2, {2, 2}, bytes},
      {"q.weight", "U8", 2, {32, 1}, bytes},
      {"q.weight.absmax", "U8", 1, {1}, bytes},
      {"q.weight.quant_map", "F32", 1, {16}, scale},
      {"q.weight.nested_absmax", "F32", 1, {1}, scale},
      {"q.weight.nested_quant_map", "F32", 1, {256}, scale},
      {"q.weight.quant_state.bitsandbytes__nf4", "U8", 1, {sizeof json - 1}, json},
  };
  packs_draw(512, bytes, scale);
  for (size_t i = 0; i < 32; i++)
    order[i] = (int32_t)(i / 3 % 2);
  files_clear();
  check_fixture("pack-integers.safetensors", integers, sizeof integers / sizeof *integers, 5);
  check_fixture("pack-floats.safetensors", floats, sizeof floats / sizeof *floats, 7);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fixtures),
      cmocka_unit_test(test_fixture_of_a_folder),
  };
  return cmocka_run_group_tests_name("data/pack_fixtures", tests, NULL, files_remove);
}
