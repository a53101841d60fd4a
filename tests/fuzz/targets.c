/* The table of targets. A new type of file is one row. */
#include "tests/fuzz/target.h"

#include "analysis/recipe.h"
#include "data/rename.h"
#include "data/source.h"
#include "quant/quantizer.h"
#include "quant/spec_list.h"
#include "tui/base/session_file.h"
#include "tui/base/settings.h"
#include "tui/figure/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MOST = 4096 };

/* --- files --------------------------------------------------------------------------- */

static void run_file(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  fuzz_source(fuzz_write(target->place, data, size), target->type);
}

static void run_figure(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  char *text, *stamp, name[16];
  struct error error = {0};
  struct recipe recipe;
  enum status status = figure_read(fuzz_write(target->place, data, size), &text, &stamp, &error);
  if (status != STATUS_OK) {
    fuzz_refusal(status, &error);
    return;
  }
  if (recipe_parse(text, &recipe, &error) == STATUS_OK)
    recipe_clear(&recipe);
  if (figure_stamps_differ(stamp, stamp, name, sizeof name))
    fuzz_fail("\"%s\" differs from itself", stamp);
  free(text);
  free(stamp);
}

/* --- texts --------------------------------------------------------------------------- */

/* PREFIX and the bytes up to the first NUL, in a static buffer. */
static const char *as_text(const char *prefix, const uint8_t *data, size_t size)
{
  static char text[TEXT_MOST];
  snprintf(text, sizeof text, "%s%.*s", prefix, (int)(size < TEXT_MOST ? size : TEXT_MOST),
           size > 0 ? (const char *)data : "");
  return text;
}

static void run_spec_of_source(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  fuzz_source(as_text(target->place, data, size), target->type);
}

/* A line of options, then the file that they describe. */
static void run_raw(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  char spec[TEXT_MOST];
  const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
  size_t options = end ? (size_t)(end - data) : size, head = end ? options + 1 : size;
  const char *path = fuzz_write(target->place, size > 0 ? data + head : data, size - head);
  snprintf(spec, sizeof spec, "raw:%s,%.*s", path, (int)(options < 1000 ? options : 1000),
           size > 0 ? (const char *)data : "");
  fuzz_source(spec, NULL);
}

/* Fits a small tensor with everything in it that is hard on arithmetic, and rounds it. */
static void fit_small(const struct quantizer *quantizer)
{
  enum { ROWS = 4, COLUMNS = 64, COUNT = ROWS * COLUMNS };
  static float x[COUNT], y[COUNT];
  static uint16_t codes[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    x[i] = i < COLUMNS ? 0 : sinf((float)i) * ldexpf(1, (int)(i % 31) - 15);
  x[COUNT - 1] = NAN, x[COUNT - 2] = INFINITY, x[COUNT - 3] = 3e38F, x[COUNT - 4] = 1e-44F;
  struct feed feed = feed_floats(x, COUNT);
  struct shape shape = {.dims = 2, .dim = {ROWS, COLUMNS}};
  struct fit *fit;
  struct error error = {0};
  enum status status = quantizer_fit(quantizer, &feed, &shape, NULL, &fit, &error);
  if (status != STATUS_OK) {
    fuzz_refusal(status, &error);
    return;
  }
  fit_round_trip(fit, 0, COUNT, x, y, codes);
  fit_free(fit);
}

/* What is printed must parse to the same quantizer. */
static void run_quantizer(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  struct quantizer quantizer, again;
  struct error error = {0};
  char printed[QUANTIZER_TEXT];
  const char *text = as_text(target->place, data, size);
  enum status status = quantizer_parse(text, &quantizer, &error);
  if (status != STATUS_OK) {
    fuzz_refusal(status, &error);
    return;
  }
  quantizer_print(&quantizer, printed);
  if (quantizer_parse(printed, &again, &error) != STATUS_OK)
    fuzz_fail("\"%s\" is printed as \"%s\", which is refused: %s", text, printed, error.text);
  if (!quantizer_equal(&quantizer, &again))
    fuzz_fail("\"%s\" is printed as \"%s\", which is another one", text, printed);
  fit_small(&quantizer);
}

/* What is printed must parse to what is printed the same. */
static void run_recipe(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  struct recipe recipe, again;
  struct error error = {0};
  enum status status = recipe_parse(as_text(target->place, data, size), &recipe, &error);
  if (status != STATUS_OK) {
    fuzz_refusal(status, &error);
    return;
  }
  char *first = recipe_print(&recipe);
  recipe_clear(&recipe);
  if (!first)
    return;
  if (recipe_parse(first, &again, &error) != STATUS_OK)
    fuzz_fail("\"%s\" is printed, but refused: %s", first, error.text);
  char *second = recipe_print(&again);
  recipe_clear(&again);
  if (second && strcmp(first, second) != 0)
    fuzz_fail("\"%s\" becomes \"%s\"", first, second);
  free(first);
  free(second);
}

/* A rule, a newline, a name: what the rule and the table make of it fits where it is put. */
static void run_rename(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  char text[TEXT_MOST], alias[RENAME_MOST][RENAME_TEXT];
  snprintf(text, sizeof text, "%s", as_text(target->place, data, size));
  char *name = strchr(text, '\n');
  name = name ? (*name = '\0', name + 1) : text + strlen(text);
  size_t count = rename_aliases(name, alias);
  if (count > RENAME_MOST)
    fuzz_fail("%zu aliases", count);
  for (size_t i = 0; i < count; i++)
    if (!memchr(alias[i], '\0', RENAME_TEXT) || !*alias[i])
      fuzz_fail("an alias of \"%s\" that is empty, or does not end", name);
  struct rename_rule rule;
  struct error error = {0};
  enum status status = rename_rule_parse(text, &rule, &error);
  if (status != STATUS_OK) {
    fuzz_refusal(status, &error);
    return;
  }
  for (size_t room = 1; room <= TEXT_MOST; room *= 2) {
    char *renamed = malloc(room); /* no byte more, for the sanitizer to see */
    if (renamed && rename_apply(&rule, 1, name, renamed, room) && strlen(renamed) >= room)
      fuzz_fail("\"%s\" does not end", name);
    free(renamed);
  }
}

/* Whatever comes before the cursor: a completion is what it says, and the spec with it is one. */
static void run_completion(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  static struct spec_word word[SPEC_WORDS];
  const char *spec = as_text(target->place, data, size < QUANTIZER_TEXT ? size : QUANTIZER_TEXT);
  size_t length = strlen(spec);
  for (size_t at = 0; at <= length; at++) {
    struct spec_place place = spec_place_at(spec, at);
    struct spec_place same = spec_place_of(spec, place.position);
    if (place.start > place.end || place.end > length || same.start != place.start ||
        same.end != place.end)
      fuzz_fail("word %zu of \"%s\" is not where it is", place.position, spec);
  }
  if (spec_complete(spec, length, word, SPEC_WORDS) > SPEC_WORDS)
    fuzz_fail("more words than there are");
}

/* What is written is read again, with what was set and everything else. */
static void run_settings(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  struct settings *settings, *again;
  struct error error = {0};
  enum status status = settings_parse(size > 0 ? (const char *)data : "", size, &settings, &error);
  if (status != STATUS_OK) {
    fuzz_refusal(status, &error);
    return;
  }
  if (settings_set(settings, "mouse", "no", &error) != STATUS_OK)
    fuzz_fail("%s", error.text);
  const char *path = fuzz_write(target->place, data, 0);
  if (settings_write(settings, path, &error) != STATUS_OK) {
    if (settings->version <= SETTINGS_VERSION)
      fuzz_fail("%s", error.text);
  } else if (settings_read(path, &again, &error) == STATUS_OK) {
    const char *mouse = settings_get(again, "mouse");
    if (!mouse || strcmp(mouse, "no") != 0 || again->lines < settings->lines)
      fuzz_fail("settings are lost between writing and reading");
    settings_free(again);
  }
  settings_free(settings);
}

/* A session that was damaged, or written by somebody else, gives a recipe or is refused. */
static void run_session(const struct fuzz_target *target, const uint8_t *data, size_t size)
{
  struct kept kept;
  struct error error = {0};
  enum status status = kept_read(fuzz_write(target->place, data, size), &kept, &error);
  char *text = status == STATUS_OK ? recipe_print(&kept.recipe) : NULL;
  if (status != STATUS_OK)
    fuzz_refusal(status, &error);
  free(text);
  kept_clear(&kept);
}

/* --- the table ------------------------------------------------------------------------ */

const struct fuzz_target fuzz_targets[] = {
    {"any", "*", "input.bin", NULL, run_file},
    {"folder", "/", "", NULL, fuzz_run_folder},
    {"gguf", ".gguf", "input.gguf", "gguf", run_file},
    {"hdf5", ".h5", "input.h5", "hdf5", run_file},
    {"imatrix", ".imatrix .dat", "input.imatrix", "imatrix", run_file},
    {"matlab", ".mat", "input.mat", "matlab", run_file},
    {"npy", ".npy", "input.npy", "npy", run_file},
    {"npz", ".npz", "input.npz", "npz", run_file},
    {"onnx", ".onnx", "input.onnx", "onnx", run_file},
    {"pickle", ".pth", "input.pth", "pytorch", run_file},
    {"pytorch", ".pt", "input.pt", "pytorch", run_file},
    {"safetensors", ".safetensors", "input.safetensors", "safetensors", run_file},
    {"index", ".safetensors.index.json", "input.safetensors.index.json", "safetensors", run_file},
    {"figure", ".png", "input.png", NULL, run_figure},
    {"completion", ".completion", "", NULL, run_completion},
    {"session", ".session", "input.session", NULL, run_session},
    {"settings", ".settings", "input.settings", NULL, run_settings},
    {"quantizer", ".quantizer", "", NULL, run_quantizer},
    {"recipe", ".recipe", "", NULL, run_recipe},
    {"rename", ".rename", "", NULL, run_rename},
    {"text", ".csv .tsv .txt", "input.csv", "text", run_file},
    {"raw", ".raw", "input.bin", NULL, run_raw},
    {"synth", ".synth", "synth:", NULL, run_spec_of_source},
};
const size_t fuzz_targets_length = sizeof fuzz_targets / sizeof *fuzz_targets;

const struct fuzz_target *fuzz_find(const char *name)
{
  for (size_t i = 0; i < fuzz_targets_length; i++)
    if (strcmp(fuzz_targets[i].name, name) == 0)
      return &fuzz_targets[i];
  return NULL;
}
