/* Recipes: print and parse. The shell itself is the oracle for the quoting. */
#include "analysis/recipe.h"

#include "data/tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void set(struct recipe *recipe, const char *source, const char *tensor)
{
  recipe_init(recipe);
  assert_true(recipe_set(recipe, source, tensor));
}

static void add_quantizer(struct recipe *recipe, const char *spec)
{
  struct error error;
  assert_int_equal(quantizer_parse(spec, &recipe->quantizer[recipe->quantizers++], &error),
                   STATUS_OK);
}

static void assert_text_same(const char *a, const char *b)
{
  if (a && b)
    assert_string_equal(a, b);
  else
    assert_true(!a && !b);
}

static bool same_number(double a, double b)
{
  return a == b || (isnan(a) && isnan(b));
}

static bool same_view(const struct view *a, const struct view *b)
{
  return a->kind == b->kind && a->log_counts == b->log_counts && same_number(a->lo, b->lo) &&
         same_number(a->hi, b->hi) && a->axis == b->axis && a->channel == b->channel &&
         a->block == b->block && a->bins == b->bins && strcmp(a->over, b->over) == 0 &&
         a->metric == b->metric && a->front_hidden == b->front_hidden && a->theory == b->theory;
}

static void assert_same(const struct recipe *a, const struct recipe *b)
{
  assert_text_same(a->source, b->source);
  assert_text_same(a->tensor, b->tensor);
  assert_text_same(a->input_format, b->input_format);
  assert_true(same_view(&a->view, &b->view));
  assert_int_equal(a->sweep, b->sweep);
  assert_int_equal(a->quantizers, b->quantizers);
  for (size_t i = 0; i < a->quantizers; i++)
    assert_true(quantizer_equal(&a->quantizer[i], &b->quantizer[i]));
}

/* Prints RECIPE, checks that it is one printable line, reads it back, compares; clears it. */
static void round_trip(struct recipe *recipe, const char *expected)
{
  struct recipe again;
  struct error error;
  char *text = recipe_print(recipe);
  assert_non_null(text);
  if (expected)
    assert_string_equal(text, expected);
  size_t room = 4 * strlen(text) + 1;
  char *shown = malloc(room);
  assert_non_null(shown);
  assert_string_equal(text_escape(text, shown, room), text);
  free(shown);
  if (recipe_parse(text, &again, &error) != STATUS_OK)
    fail_msg("%s: %s", text, error.text);
  assert_same(recipe, &again);
  free(text);
  recipe_clear(&again);
  recipe_clear(recipe);
}

static void default_settings_are_left_out(void **state)
{
  (void)state;
  struct recipe recipe;
  recipe_init(&recipe);
  round_trip(&recipe, "qscope --view histogram");
  set(&recipe, "synth:gaussian", "gaussian");
  add_quantizer(&recipe, "int8");
  round_trip(&recipe, "qscope synth:gaussian -t gaussian -q int8,sym,tensor,minmax "
                      "--view histogram");
}

static void every_setting_is_written(void **state)
{
  (void)state;
  struct recipe recipe;
  set(&recipe, "model.safetensors", "conv4.weight");
  add_quantizer(&recipe, "int4,group=32,percentile=99.9");
  add_quantizer(&recipe, "e4m3,channel");
  recipe.view = (struct view){.kind = VIEW_CHANNELS,
                              .log_counts = true,
                              .lo = -0.1,
                              .hi = 1e-7,
                              .axis = -1,
                              .channel = 53,
                              .block = 7,
                              .bins = 120};
  char *text = recipe_print(&recipe);
  assert_non_null(text);
  assert_non_null(strstr(text, " --view channels --log --range -0.1:1e-07 --axis -1 --channel 53 "
                               "--block 7 --bins 120"));
  free(text);
  round_trip(&recipe, NULL);
}

static void quoting(void **state)
{
  (void)state;
  static const struct {
    const char *name, *quoted;
  } names[] = {
      {"plain/name_1.5,a=b:c@d%e+f", "plain/name_1.5,a=b:c@d%e+f"},
      {"", "''"},
      {"two words", "'two words'"},
      {"it's", "'it'\\''s'"},
      {"'", "''\\'''"},
      {"$HOME `x` \"y\" \\z", "'$HOME `x` \"y\" \\z'"},
      {"~/x", "'~/x'"},
      {"=x", "'=x'"},
      {"a*b?[c]{d}!#;&|<>()", "'a*b?[c]{d}!#;&|<>()'"},
      {"caf\u00e9 \u0394", "'caf\u00e9 \u0394'"},
      {"line\nbreak\ttab", "$'line\\012break\\011tab'"},
      {"\033]0;x\a\001"
       "2",
       "$'\\033]0;x\\007\\0012'"},
      {"bad\xff'\\utf8", "$'bad\\377\\'\\\\utf8'"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char expected[256];
    struct recipe recipe;
    set(&recipe, "x.npy", names[i].name);
    snprintf(expected, sizeof expected, "qscope x.npy -t %s --view histogram", names[i].quoted);
    round_trip(&recipe, expected);
  }
}

static void sources_that_look_like_options(void **state)
{
  (void)state;
  struct recipe recipe;
  set(&recipe, "-", NULL);
  round_trip(&recipe, "qscope - --view histogram");
  set(&recipe, "x.bin", "a");
  assert_true(recipe_set_input_format(&recipe, "npy"));
  round_trip(&recipe, "qscope x.bin --input-format npy -t a --view histogram");
  set(&recipe, "-weights.npy", "-t");
  round_trip(&recipe, "qscope -t -t --view histogram -- -weights.npy");
  set(&recipe, "--log", NULL);
  round_trip(&recipe, "qscope --view histogram -- --log");
  set(&recipe, "list", "plot");
  round_trip(&recipe, "qscope explore list -t plot --view histogram");
  set(&recipe, "diff", NULL); /* a file of that name */
  round_trip(&recipe, "qscope explore diff --view histogram");
  set(&recipe, "qscope", "plot");
  round_trip(&recipe, NULL);
}

/* The numbers of a sweep, and the view of one: the same words, told apart by --view. */
/* Each pin may have a transform of its own; where none is named, it has that of the last. */
static void pins_with_transforms(void **state)
{
  (void)state;
  struct recipe recipe;
  struct error error;
  recipe_init(&recipe);
  set(&recipe, "x.npy", NULL);
  add_quantizer(&recipe, "int8");
  add_quantizer(&recipe, "int4");
  recipe.transform = (struct transform){TRANSFORM_HADAMARD, 0};
  assert_int_equal(recipe_transform(&recipe, 0).kind, TRANSFORM_HADAMARD);
  recipe.pin_transforms = 1;
  recipe.pin_transform[0] = (struct transform){TRANSFORM_SMOOTH, 0.5};
  assert_int_equal(recipe_transform(&recipe, 0).kind, TRANSFORM_SMOOTH);
  assert_int_equal(recipe_transform(&recipe, 1).kind, TRANSFORM_HADAMARD);
  round_trip(&recipe, "qscope x.npy -q int8,sym,tensor,minmax -q int4,sym,tensor,minmax "
                      "--transform hadamard --pin-transform smooth=0.5 --view histogram");
  assert_int_equal(recipe_parse("qscope x.npy -q int8 --pin-transform none", &recipe, &error),
                   STATUS_USAGE);
  assert_non_null(strstr(error.text, "each -q but the last, 0; found 1"));
  assert_int_equal(
      recipe_parse("qscope x.npy -q int8 -q int4 --pin-transform smoth", &recipe, &error),
      STATUS_USAGE);
  assert_non_null(strstr(error.text, "--pin-transform"));
}

static void sweeps(void **state)
{
  (void)state;
  struct recipe recipe;
  set(&recipe, "a.npy", NULL);
  recipe.sweep = true;
  snprintf(recipe.view.over, VIEW_OVER, "clip=0.1:1:0.1");
  recipe.view.metric = SWEEP_BULK;
  round_trip(&recipe, "qscope sweep a.npy --over clip=0.1:1:0.1 --metric bulk_sqnr_db");
  set(&recipe, "a.npy", NULL);
  recipe.view.kind = VIEW_SWEEP;
  round_trip(&recipe, "qscope a.npy --view sweep");
  set(&recipe, "a.npy", NULL);
  recipe.view.kind = VIEW_SWEEP;
  snprintf(recipe.view.over, VIEW_OVER, "group=32,64");
  recipe.view.metric = SWEEP_MSE;
  recipe.view.front_hidden = recipe.view.theory = true;
  round_trip(&recipe,
             "qscope a.npy --view sweep --over group=32,64 --metric mse --no-pareto --theory");
  set(&recipe, "a.npy", NULL); /* what another view does not show is not written */
  snprintf(recipe.view.over, VIEW_OVER, "bits");
  recipe.view.metric = SWEEP_MSE;
  char *text = recipe_print(&recipe);
  assert_string_equal(text, "qscope a.npy --view histogram");
  free(text);
  recipe_clear(&recipe);
  char line[VIEW_OVER + 64] = "qscope sweep a.npy --over group=16";
  while (strlen(line) < VIEW_OVER + 32)
    strcat(line, ",16");
  struct error error = {STATUS_OK, ""};
  assert_int_equal(recipe_parse(line, &recipe, &error), STATUS_USAGE);
}

/* Lines people type, and what they mean: a source, a tensor, and the zoom. */
static void lines_of_people(void **state)
{
  (void)state;
  static const struct {
    const char *line, *source, *tensor;
    double lo;
  } lines[] = {
      {"qscope plot a.npy -t w", "a.npy", "w", NAN},
      {"qscope a.npy -t w", "a.npy", "w", NAN},
      {"a.npy -tw", "a.npy", "w", NAN},
      {"report a.npy --tensor=w", "a.npy", "w", NAN},
      {"  qscope\treplay  'a.npy'  --tensor w \n", "a.npy", "w", NAN},
      {"qscope plot \"a b.npy\" --range=-2:2", "a b.npy", NULL, -2},
      {"qscope plot a\\ b.npy --range -1e-3:.5", "a b.npy", NULL, -1e-3},
      {"qscope plot \"\\$a\\\"\\`\\\\\\n\"", "$a\"`\\\\n", NULL, NAN},
      {"qscope plot a''b'c'\"d\"$'\\x41\\t\\101\\e'", "abcdA\tA\033", NULL, NAN},
      {"qscope plot \\\n a.npy \\\n -t w", "a.npy", "w", NAN},
      {"qscope plot -t w -- a.npy", "a.npy", "w", NAN},
      {"", NULL, NULL, NAN},
      {"qscope", NULL, NULL, NAN},
      {"qscope plot", NULL, NULL, NAN},
      {"qscope plot $HOME", "$HOME", NULL, NAN}, /* no expansions */
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct recipe recipe;
    struct error error;
    if (recipe_parse(lines[i].line, &recipe, &error) != STATUS_OK)
      fail_msg("%s: %s", lines[i].line, error.text);
    assert_text_same(recipe.source, lines[i].source);
    assert_text_same(recipe.tensor, lines[i].tensor);
    assert_true(same_number(recipe.view.lo, lines[i].lo));
    recipe_clear(&recipe);
  }
}

/* Behind a source of tokens -t names a tensor of that source. */
static void a_layer_is_written_out(void **state)
{
  (void)state;
  static const char line[] =
      "qscope w.npz -t w -q int4,sym,group=32,minmax --view layer -m rtn -m awq,clip "
      "--activation-quantizer int8,sym,token,minmax --sort bits --transpose-weight "
      "--hold-out 0.25 --activation 'x y.npz' -t x --evaluate z.npy";
  struct recipe recipe;
  struct error error;
  assert_int_equal(recipe_parse(line, &recipe, &error), STATUS_OK);
  assert_string_equal(recipe.tensor, "w");
  assert_string_equal(recipe.activation.source, "x y.npz");
  assert_string_equal(recipe.activation.tensor, "x");
  assert_string_equal(recipe.evaluate.source, "z.npy");
  assert_null(recipe.evaluate.tensor);
  assert_int_equal(recipe.view.layer.methods, 2);
  assert_true(recipe.view.layer.quantizes_activation && recipe.view.layer.transposed);
  assert_int_equal(recipe.view.layer.sort, LAYER_BY_BITS);
  round_trip(&recipe, line);
  assert_int_equal(recipe_parse("qscope w.npy --activation x.npy", &recipe, &error), STATUS_OK);
  assert_int_equal(recipe.view.kind, VIEW_LAYER); /* who names tokens means the layer */
  recipe_clear(&recipe);
  assert_int_equal(recipe_parse("qscope layer --activation x.npy -t x --weight w.npz -t w "
                                "--hold-out 25%",
                                &recipe, &error),
                   STATUS_OK);
  assert_string_equal(recipe.source, "w.npz");
  assert_string_equal(recipe.tensor, "w");
  assert_string_equal(recipe.activation.tensor, "x");
  assert_true(recipe.view.layer.hold_out == 0.25);
  recipe_clear(&recipe);
  static const char *const wrong[] = {
      "qscope w.npy -m pie",       "qscope w.npy --hold-out pie",
      "qscope w.npy --weight pie", "qscope w.npy -m awq,pie=2",
      "qscope w.npy --sort pie",   "qscope w.npy --activation-quantizer pie"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(recipe_parse(wrong[i], &recipe, &error), STATUS_USAGE);
    assert_non_null(strstr(error.text, "pie"));
  }
}

static void mistakes_name_the_word(void **state)
{
  (void)state;
  static const struct {
    const char *line, *says;
  } lines[] = {
      {"qscope plot a.npy --vew error", "\"--vew\"; did you mean --view?"},
      {"qscope plot a.npy b.npy", "\"b.npy\""},
      {"qscope plot a.npy --view pie", "expected histogram, error, channels, heat, sweep, "
                                       "compare, board, inspector, layer or format, found \"pie\""},
      {"qscope plot a.npy --log=2", "\"--log=2\""},
      {"qscope plot a.npy --range 2:1", "\"2:1\""},
      {"qscope plot a.npy --range 1:1", "\"1:1\""},
      {"qscope plot a.npy --range 1", "\"1\""},
      {"qscope plot a.npy --range nan:1", "\"nan:1\""},
      {"qscope plot a.npy --range -1:inf", "\"-1:inf\""},
      {"qscope plot a.npy --range 0:1x", "\"0:1x\""},
      {"qscope plot a.npy --axis x", "\"x\""},
      {"qscope plot a.npy --axis 99", "\"99\""},
      {"qscope plot a.npy --channel -1", "\"-1\""},
      {"qscope plot a.npy --bins 0", "\"0\""},
      {"qscope plot a.npy --bins 99999999999999999999", "\"99999999999999999999\""},
      {"qscope plot a.npy -q", "-q: a value is missing"},
      {"qscope plot a.npy -q int17", "int17"},
      {"qscope plot 'a.npy", "quote is not closed"},
      {"qscope plot \"a.npy", "quote is not closed"},
      {"qscope plot $'a\\", "wrong"},
      {"qscope plot $'a\\0b'", "wrong"},
      {"qscope plot $'a\\q'", "wrong"},
      {"qscope plot a\\", "wrong"},
      {"qscope plot a.npy --over bit=2", "did you mean 'bits'"},
      {"qscope plot a.npy --over bits --view error", "--over is for the view sweep"},
      {"qscope plot a.npy --metric snr", "expected sqnr_db, mse or bulk_sqnr_db, found \"snr\""},
      {"qscope plot --\033[2J", "\\x1b"},
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct recipe recipe;
    struct error error = {STATUS_OK, ""};
    assert_int_equal(recipe_parse(lines[i].line, &recipe, &error), STATUS_USAGE);
    if (!strstr(error.text, lines[i].says))
      fail_msg("%s: no <%s> in <%s>", lines[i].line, lines[i].says, error.text);
    assert_null(recipe.source); /* *out can be cleared, and holds nothing */
    recipe_clear(&recipe);
  }
}

static void at_most_sixteen_quantizers(void **state)
{
  (void)state;
  char line[1024] = "qscope plot a.npy";
  struct recipe recipe;
  struct error error;
  for (int i = 0; i < RECIPE_QUANTIZERS; i++)
    strcat(line, " -q int8");
  assert_int_equal(recipe_parse(line, &recipe, &error), STATUS_OK);
  round_trip(&recipe, NULL);
  strcat(line, " -q int8");
  assert_int_equal(recipe_parse(line, &recipe, &error), STATUS_USAGE);
}

static uint64_t next(uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state >> 8;
}

/* Any bytes but NUL, often the ones that mean something to a shell. */
static void random_name(uint64_t *seed, char *name, size_t size)
{
  static const char hostile[] = "'\"\\$`\n\t -=~!*?\033\x7f\x80\xc3\xa9\xff/a0";
  size_t length = next(seed) % size;
  for (size_t i = 0; i < length; i++)
    name[i] =
        next(seed) % 2 ? hostile[next(seed) % (sizeof hostile - 1)] : (char)(1 + next(seed) % 255);
  name[length] = '\0';
}

static double random_number(uint64_t *seed)
{
  double value;
  uint64_t bits = next(seed) << 32 ^ next(seed);
  memcpy(&value, &bits, sizeof value);
  return isfinite(value) ? value : 0;
}

static void round_trip_of_anything(void **state)
{
  (void)state;
  uint64_t seed = 7231;
  for (int i = 0; i < 3000; i++) {
    char source[24], tensor[24];
    struct recipe recipe;
    random_name(&seed, source, sizeof source);
    random_name(&seed, tensor, sizeof tensor);
    set(&recipe, next(&seed) % 8 ? source : NULL, next(&seed) % 8 ? tensor : NULL);
    double lo = random_number(&seed), hi = random_number(&seed);
    if (lo < hi && isfinite(hi - lo)) {
      recipe.view.lo = lo;
      recipe.view.hi = hi;
    }
    recipe.view.kind = (enum view_kind)(next(&seed) % 3);
    recipe.view.axis = (int)(next(&seed) % 16) - 8;
    recipe.view.channel = (long)(next(&seed) % 100) - 1;
    recipe.view.block = (long)(next(&seed) % 100) - 1;
    recipe.view.bins = next(&seed) % RECIPE_BINS;
    round_trip(&recipe, NULL);
  }
}

/* No line, however broken, may crash the reader. */
static void any_line_is_survived(void **state)
{
  (void)state;
  uint64_t seed = 99;
  for (int i = 0; i < 5000; i++) {
    char line[64];
    struct recipe recipe;
    random_name(&seed, line, sizeof line);
    recipe_parse(line, &recipe, NULL);
    recipe_clear(&recipe);
  }
}

/* What printf in a real shell makes of a quoted word is the name again. (No word with control
 * characters here: $'...' is younger than some shells.) */
static void a_shell_agrees(void **state)
{
  (void)state;
  static const char *const names[] = {
      "two words", "it's", "$HOME `x` \"y\" \\z", "~/x", "a*b?[c]{d}!#;&|<>()", "caf\u00e9",
      "\\",        "''"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct recipe recipe;
    char line[512], found[128] = "";
    set(&recipe, NULL, names[i]);
    char *text = recipe_print(&recipe);
    assert_non_null(text);
    snprintf(line, sizeof line, "f() { printf %%s \"$2\"; }; set --; f %s",
             text + strlen("qscope "));
    FILE *shell = popen(line, "r");
    assert_non_null(shell);
    found[fread(found, 1, sizeof found - 1, shell)] = '\0';
    pclose(shell);
    assert_string_equal(found, names[i]);
    free(text);
    recipe_clear(&recipe);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(default_settings_are_left_out),
      cmocka_unit_test(every_setting_is_written),
      cmocka_unit_test(quoting),
      cmocka_unit_test(sources_that_look_like_options),
      cmocka_unit_test(pins_with_transforms),
      cmocka_unit_test(sweeps),
      cmocka_unit_test(lines_of_people),
      cmocka_unit_test(a_layer_is_written_out),
      cmocka_unit_test(mistakes_name_the_word),
      cmocka_unit_test(at_most_sixteen_quantizers),
      cmocka_unit_test(round_trip_of_anything),
      cmocka_unit_test(any_line_is_survived),
      cmocka_unit_test(a_shell_agrees),
  };
  return cmocka_run_group_tests_name("recipe", tests, NULL, NULL);
}
