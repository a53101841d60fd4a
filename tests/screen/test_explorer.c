/* The explorer at work: what it shows, and what each key does. */
#include "config.h"

#include "tests/screen/fixture.h"
#include "tui/screen/commands.h"
#include "tui/screen/keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number behind LABEL at the beginning of a panel line. */
static double number_behind(struct harness *harness, const char *label)
{
  int row, column;
  if (!harness_find(harness, label, &row, &column))
    fail_msg("no \"%s\" on the screen:\n%s", label, harness_screen(harness));
  return strtod(strstr(harness_row(harness, row), label) + strlen(label), NULL);
}

static double reported(const char *source, const char *tensor, const char *spec, const char *key)
{
  char command[1024], line[1024], quoted[64];
  double value = (double)NAN;
  snprintf(command, sizeof command, "'%s' report '%s' -t '%s' -q '%s' --json", fixture_program(),
           source, tensor, spec);
  snprintf(quoted, sizeof quoted, "\"%s\":", key);
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  while (fgets(line, sizeof line, pipe)) {
    const char *found = strstr(line, quoted);
    if (found && isnan(value)) /* channels follow with numbers of their own */
      value = strtod(found + strlen(quoted), NULL);
  }
  assert_int_equal(pclose(pipe), 0);
  return value;
}

/* The screen down to the last metric, without the lines that messages use. */
static void assert_same_panels(const char *before, const char *after)
{
  const char *end = strstr(before, "cosine");
  assert_non_null(end);
  assert_memory_equal(before, after, (size_t)(end - before));
}

/* --- what it shows ------------------------------------------------------------------------ */

/* Below 40x12 a summary, a number to a line; in a single line the one that matters most. */
static void small_screens_have_a_summary(void **state)
{
  static const char *const arguments[] = {"model.safetensors", "-t", "conv", NULL};
  (void)state;
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 5, .columns = 20});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "conv");
  assert_shows(harness, "int8 36.56 dB");
  assert_true(harness_press(harness, "2", 1)); /* a key is answered, where no view has room */
  assert_shows(harness, "view error");
  assert_true(harness_press(harness, "1", 1));
  assert_shows(harness, "MSE ");
  assert_shows(harness, "clipped 0 %");
  assert_true(harness_press(harness, "f", 1));
  assert_shows(harness, "e4m3");
  assert_shows_not(harness, "36.56");
  fixture_quit(harness);
  harness = fixture_start(arguments, &(struct harness_options){.rows = 1, .columns = 20});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "int8 36.56 dB");
  fixture_quit(harness);
}

/* What must never be out of sight; on a narrow screen, where there is any. 1e-40 and 1e-39 are
 * below the least normal float32. */
static void counts_what_is_no_number(void **state)
{
  (void)state;
  FILE *file = fopen("odd.csv", "w");
  assert_non_null(file);
  fputs("value\n1\nnan\n1e-40\n-1e-39\n0.5\n", file);
  assert_int_equal(fclose(file), 0);
  const char *arguments[] = {"odd.csv", NULL};
  static const struct {
    int columns;
    const char *counters;
  } screens[] = {{80, "NaN 1 Inf 0 denorm 2"}, {45, "NaN 1 denorm 2"}};
  for (size_t i = 0; i < 2; i++) {
    struct harness *harness = fixture_start(
        arguments, &(struct harness_options){.rows = 24, .columns = screens[i].columns});
    assert_true(harness_wait_settled(harness));
    assert_shows(harness, screens[i].counters);
    fixture_quit(harness);
  }
}

/* plot without a file: in characters, also where the numbers go elsewhere. */
static void plots_in_characters(void **state)
{
  (void)state;
  static const char *const commands[] = {
      "\"$0\" plot model.safetensors -t conv -q int4 --color never",
      "\"$0\" plot model.safetensors -t conv -q int4 --color never | grep -c bar | sed 's/.*/& "
      "bars/'"};
  for (size_t i = 0; i < 2; i++) {
    const char *arguments[] = {"/bin/sh", "-c", commands[i], fixture_program(), NULL};
    struct harness *harness = harness_start(&(struct harness_options){.arguments = arguments});
    assert_int_equal(harness_wait_end(harness), 0);
    assert_shows(harness, "model.safetensors");
    assert_shows(harness, "elements per bin");
    assert_shows(harness, "symmetric");
    assert_shows_not(harness, "q quit");
    if (i)
      assert_shows(harness, "256 bars");
    size_t length;
    const char *output = harness_output(harness, &length);
    assert_null(memchr(output, '\033', length));
    harness_end(harness);
  }
}

static void starts_with_the_essentials(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  static const char *const texts[] = {"model.safetensors",
                                      "conv",
                                      "16x32 f32",
                                      "NaN 0 Inf 0 denorm 0",
                                      "format",
                                      "int8",
                                      "SQNR",
                                      "MSE",
                                      "RMSE",
                                      "symmetric",
                                      "minmax",
                                      "channel 5",
                                      "-t conv -q int8,sym,tensor,minmax --view histogram",
                                      "? help",
                                      "original",
                                      "levels"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_shows(harness, texts[i]);
  assert_true(harness_alternate(harness));
  assert_false(harness_cursor_visible(harness));
  fixture_quit(harness);
}

/* A recipe with batches: the numbers are those of the report, and the recipe keeps them. */
static void batches_are_kept(void **state)
{
  (void)state;
  const char *arguments[] = {"model.safetensors", "-t",        "conv", "-q",
                             "int8,ema=0.5",      "--batches", "0",    NULL};
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "--batches 0");
  double shown = number_behind(harness, "SQNR");
  double batched = reported("model.safetensors' --batches '0", "conv", "int8,ema=0.5", "sqnr_db");
  double at_once = reported("model.safetensors", "conv", "int8,ema=0.5", "sqnr_db");
  assert_true(fabs(shown - batched) < 0.00501);
  assert_true(fabs(shown - at_once) > 0.1); /* the option matters */
  fixture_quit(harness);
}

static void screen_and_report_agree(void **state)
{
  (void)state;
  static const char *const specs[] = {"int8", "int4,asym,group=8", "e4m3,channel"};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    const char *arguments[] = {"model.safetensors", "-t", "conv", "-q", specs[i], NULL};
    struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
    assert_true(harness_wait_settled(harness));
    double shown = number_behind(harness, "SQNR"), mse = number_behind(harness, "MSE");
    double sqnr_db = reported("model.safetensors", "conv", specs[i], "sqnr_db");
    assert_true(fabs(shown - sqnr_db) < 0.00501);
    assert_true(fabs(shown - (sqnr_db + 0.1)) > 0.00501); /* the comparison can fail */
    assert_true(fabs(mse / reported("model.safetensors", "conv", specs[i], "mse") - 1) < 1e-3);
    fixture_quit(harness);
  }
}

static void opens_the_real_network(void **state)
{
  (void)state;
  char path[512];
  const char *shared = getenv("QSCOPE_SHARED");
  snprintf(path, sizeof path, "%s/samples/safetensors/silero_vad_16k.safetensors",
           shared ? shared : "");
  if (access(path, R_OK) != 0)
    skip();
  const char *arguments[] = {path, "-t", "conv4.weight", NULL};
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "128x64x3 f32");
  assert_shows(harness, "channel 53");
  double whole = number_behind(harness, "SQNR");
  assert_true(fabs(whole - reported(path, "conv4.weight", "int8", "sqnr_db")) < 0.00501);
  type(harness, "g");
  double repaired = number_behind(harness, "SQNR");
  assert_true(fabs(repaired - reported(path, "conv4.weight", "int8,channel", "sqnr_db")) < 0.00501);
  assert_true(repaired > whole + 10); /* a scale per channel repairs what channel 53 wrecked */
  fixture_quit(harness);
}

static void gallery_opens_without_a_source(void **state)
{
  (void)state;
  const char *none[] = {NULL};
  struct harness *harness = fixture_start(none, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "synth:");
  assert_shows(harness, "t lists them");
  fixture_quit(harness);
}

static void hostile_names_are_escaped(void **state)
{
  (void)state;
  size_t length;
  struct harness *harness = fixture_open();
  type(harness, "t");
  assert_shows(harness, "bad\\x1b[31mred\\x07");
  type(harness, "\033");
  type(harness, "nny");
  assert_shows(harness, "bad\\x1b[31mred");
  harness_bytes(harness, "q"); /* prints the recipe, which has the name in it */
  assert_int_equal(harness_wait_end(harness), 0);
  const char *output = harness_output(harness, &length);
  assert_null(memmem(output, length, "\033[31mred", 8));
  assert_non_null(memmem(output, length, "[31mred", 7)); /* the search can find */
  assert_non_null(memmem(output, length, "$'bad\\033[31mred\\007' -q", 24));
  harness_end(harness);
}

/* --- keys --------------------------------------------------------------------------------- */

/* Every key of the table, once, each from a fresh view: none is dead, none kills. */
static void every_key_does_something(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  for (int id = 0; id < COMMAND_COUNT; id++) {
    uint32_t keys[COMMAND_KEYS];
    size_t count = keys_parse(explorer_commands[id].keys, keys, COMMAND_KEYS);
    for (size_t i = 0; i < count; i++) {
      char buffer[2];
      if (id == COMMAND_QUIT || id == COMMAND_SUSPEND || id == COMMAND_SAVE_SETTINGS ||
          command_of_key(keys[i], VIEW_HISTOGRAM) != (enum command_id)id)
        continue;
      assert_true(harness_press(harness, "3", 1));
      assert_true(harness_press(harness, "1", 1));
      char *before = screen_of(harness);
      if (!harness_press(harness, key_bytes(keys[i], buffer), 1))
        fail_msg("after key %s of %s the screen never settles", explorer_commands[id].keys,
                 explorer_commands[id].name);
      bool quiet = id == COMMAND_CANCEL || id == COMMAND_REDRAW || id == COMMAND_VIEW_HISTOGRAM ||
                   id == COMMAND_ZOOM_ALL || id == COMMAND_REPEAT;
      if (!quiet && strcmp(before, harness_screen(harness)) == 0)
        fail_msg("key %s of %s changed nothing", explorer_commands[id].keys,
                 explorer_commands[id].name);
      free(before);
      assert_true(harness_press(harness, "\033", 1)); /* closes whatever opened */
    }
  }
  harness_bytes(harness, "q");
  assert_int_equal(harness_wait_end(harness), 0);
  harness_end(harness);
}

static void capital_letters_turn_back(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  for (const char *keys = "fbgacw"; *keys; keys++) {
    char there[2] = {*keys, 0}, back[2] = {(char)(*keys - 32), 0};
    if (*keys == 'w')
      type(harness, "w"); /* the first turn only switches to groups */
    char *before = screen_of(harness);
    type(harness, there);
    assert_string_not_equal(before, harness_screen(harness));
    type(harness, back);
    type(harness, "\033"); /* no message left */
    type(harness, "1");
    char *after = screen_of(harness);
    /* all but the message lines, which may speak of the turn */
    assert_same_panels(before, after);
    free(before);
    free(after);
  }
  fixture_quit(harness);
}

static void impossible_turns_say_why(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "p");
  assert_shows(harness, "minmax has no parameter");
  type(harness, "f");
  assert_shows(harness, "float8_e4m3fn");
  type(harness, "m");
  assert_shows(harness, "no zero point");
  type(harness, "r");
  assert_shows(harness, "narrow range is for symmetric integers");
  type(harness, "Fm");
  assert_shows(harness, "asymmetric");
  type(harness, "f");
  assert_shows_not(harness, "asymmetric");
  type(harness, "F"); /* the wish is remembered */
  assert_shows(harness, "asymmetric");
  fixture_quit(harness);
}

static void undo_and_redo(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  char *first = screen_of(harness);
  type(harness, "BV2");
  char *last = screen_of(harness);
  assert_string_not_equal(first, last);
  type(harness, "uuu");
  assert_string_equal(first, harness_screen(harness));
  type(harness, "u");
  assert_shows(harness, "nothing to undo");
  type(harness, "UUU");
  assert_string_equal(last, harness_screen(harness));
  free(first);
  free(last);
  fixture_quit(harness);
}

static void zoom_and_pan_move_the_axis(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  char *all = screen_of(harness);
  type(harness, "zz");
  assert_string_not_equal(all, harness_screen(harness));
  assert_shows(harness, "--range ");
  type(harness, "0");
  assert_string_equal(all, harness_screen(harness));
  free(all);
  fixture_quit(harness);
}

/* --- channels ----------------------------------------------------------------------------- */

static void a_channel_alone_and_back(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "3");
  assert_shows(harness, "of median");
  int row, column;
  assert_true(harness_find(harness, "\xe2\x96\xb8", &row, &column));
  assert_non_null(strstr(harness_row(harness, row), "      5 ")); /* the loud one comes first */
  type(harness, "\r");
  assert_shows(harness, "conv channel 5");
  assert_shows(harness, "--channel");
  assert_true(number_behind(harness, "SQNR") > 40); /* its own scale suits it */
  type(harness, "\177");
  assert_shows_not(harness, "conv channel 5");
  assert_shows(harness, "of median");
  assert_true(harness_press(harness, "\033OB", 1));
  assert_true(harness_find(harness, "\xe2\x96\xb8", &row, &column));
  assert_null(strstr(harness_row(harness, row), "      5 "));
  fixture_quit(harness);
}

/* What a terminal sends for keys that its description lacks: Shift-F5, a click as SGR has it,
 * Ctrl-Up, a keypad's key. None of the characters is a command; Esc, and what follows it later,
 * still are. */
static void unknown_sequences_do_nothing(void **state)
{
  (void)state;
  static const char *const unknown[] = {"\033[15;2~", "\033[<0;30;10M", "\033[1;8A", "\033Oj"};
  struct harness *harness = fixture_open();
  char *before = screen_of(harness);
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    assert_true(harness_press(harness, unknown[i], 1));
    assert_same_panels(before, harness_screen(harness));
  }
  free(before);
  type(harness, ":\033");
  type(harness, "3");
  assert_shows(harness, "--view channels");
  fixture_quit(harness);
}

/* --- browser, palette, open --------------------------------------------------------------- */

static void palette_takes_specs_and_commands(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, ":int4,asym,group=16");
  assert_shows(harness, "applies int4,asym,group=16,minmax"); /* before Enter */
  type(harness, "\r");
  assert_shows(harness, "int4,asym,group=16,minmax");
  char *before = screen_of(harness);
  type(harness, ":int4,asym,grup=16\r");
  assert_shows(harness, "grup");
  assert_shows(harness, "int4,asym,group=16,minmax");
  type(harness, "1\033");
  assert_same_panels(before, harness_screen(harness));
  free(before);
  type(harness, ":log\r");
  assert_shows(harness, "--log");
  type(harness, ":chann");
  assert_shows(harness, "view 3");
  type(harness, "\r");
  assert_shows(harness, "--view channels");
  type(harness, ":\033");
  assert_shows(harness, "--view channels");
  fixture_quit(harness);
}

static void a_bad_file_changes_nothing(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  double sqnr_db = number_behind(harness, "SQNR");
  static const char *const bad[] = {"odamaged.npy\r", "onowhere.npy\r", "osynth:nosuch\r"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)strlen(bad[i]) - 2, bad[i] + 1);
    type(harness, bad[i]);
    assert_shows(harness, name);
    assert_shows(harness, "model.safetensors \u203a conv");
    assert_true(number_behind(harness, "SQNR") == sqnr_db);
  }
  type(harness, "osynth:uniform,shape=8x8\r");
  assert_shows(harness, "8x8");
  assert_shows_not(harness, "model.safetensors");
  fixture_quit(harness);
}

/* --- output ------------------------------------------------------------------------------- */

static bool is_png(const char *path)
{
  unsigned char head[8] = {0};
  FILE *file = fopen(path, "rb");
  if (!file)
    return false;
  size_t count = fread(head, 1, sizeof head, file);
  fclose(file);
  return count == 8 && memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static void export_writes_figures_and_overwrites_none(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  unlink("conv-histogram.png");
  unlink("conv-histogram-2.png");            /* of those who pressed all keys */
  assert_false(is_png("model.safetensors")); /* the check can fail */
  type(harness, "E");
  if (harness_shows(harness, "font")) { /* a bare machine: the program says so */
    fixture_quit(harness);
    skip();
  }
  assert_shows(harness, "wrote conv-histogram.png");
  assert_true(is_png("conv-histogram.png"));
  type(harness, "E");
  assert_shows(harness, "wrote conv-histogram-2.png");
  assert_true(is_png("conv-histogram-2.png"));
  type(harness, "3\rE");
  assert_shows(harness, "wrote conv-channel5-histogram.png");
  fixture_quit(harness);
}

static bool same_files(const char *a, const char *b)
{
  FILE *one = fopen(a, "rb"), *two = fopen(b, "rb");
  assert_true(one && two);
  int x, y;
  do {
    x = getc(one);
    y = getc(two);
  } while (x == y && x != EOF);
  fclose(one);
  fclose(two);
  return x == y;
}

/* The recipe line is the command that makes the exported picture, to the byte. */
static void the_recipe_makes_the_same_figure(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  unlink("conv-histogram.png");
  type(harness, "cVE");
  if (!harness_shows(harness, "wrote conv-histogram.png")) {
    fixture_quit(harness);
    skip();
  }
  fixture_quit(harness);
  char command[1024];
  static const char *const logs[] = {"--log", ""};
  for (int i = 0; i < 2; i++) {
    snprintf(command, sizeof command,
             "'%s' plot model.safetensors -t conv -q int8,sym,tensor,percentile=99.99 "
             "--view histogram %s -o again.png",
             fixture_program(), logs[i]);
    assert_int_equal(system(command), 0);
    assert_true(same_files("conv-histogram.png", "again.png") == (i == 0)); /* and can differ */
  }
}

static void copy_prints_the_recipe_at_the_end(void **state)
{
  (void)state;
  size_t length;
  struct harness *harness = fixture_open();
  type(harness, "y");
  assert_shows(harness, "recipe copied");
  const char *output = harness_output(harness, &length);
  assert_non_null(memmem(output, length, "\033]52;c;cXNjb3BlIG1vZGVs", 23)); /* "qscope model" */
  harness_bytes(harness, "q");
  assert_int_equal(harness_wait_end(harness), 0);
  assert_shows(harness, "qscope model.safetensors -t conv");
  harness_end(harness);
}

static void nothing_is_printed_without_it(void **state)
{
  (void)state;
  size_t length;
  struct harness *harness = fixture_open();
  harness_bytes(harness, "q");
  assert_int_equal(harness_wait_end(harness), 0);
  const char *output = harness_output(harness, &length);
  const char *leave = memmem(output, length, "\033[?1049l", 8);
  assert_non_null(leave);
  for (; leave < output + length; leave++)
    assert_true(*leave == '\r' || *leave == '\033' || strchr("[?0123456789lhmt>=;(B", *leave));
  assert_true(harness_settings_restored(harness));
  harness_end(harness);
}

static void help_lists_the_table(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  type(harness, "?");
  assert_shows(harness, explorer_commands[COMMAND_FORMAT_NEXT].what);
  assert_shows_not(harness, explorer_commands[COMMAND_EXPORT].what);
  for (int page = 0; page < 20 && !harness_shows(harness, explorer_commands[COMMAND_EXPORT].what);
       page++)
    type(harness, " ");
  assert_shows(harness, explorer_commands[COMMAND_EXPORT].what);
  type(harness, "?");
  assert_shows(harness, "SQNR");
  /* Typed letters find; Enter runs what is selected; the first Esc clears, the second closes. */
  type(harness, "?zero point");
  assert_shows(harness, explorer_commands[COMMAND_SCHEME].what);
  assert_shows_not(harness, explorer_commands[COMMAND_FORMAT_NEXT].what);
  type(harness, "\033");
  assert_shows(harness, explorer_commands[COMMAND_FORMAT_NEXT].what);
  type(harness, "symmetry\r");
  assert_shows(harness, "asymmetric");
  type(harness, "3?");
  assert_shows(harness, "Here, in the view Channels");
  type(harness, "qqq"); /* a letter like any other */
  assert_shows(harness, "0 of ");
  type(harness, "\r\0331?save-screen\r");
  assert_shows(harness, ":save-screen");
  type(harness, "\033");
  fixture_quit(harness);
}

/* --- size and speed ----------------------------------------------------------------------- */

/* What a command does has room beside its keys on 80 columns: nothing is cut off. */
static void no_explanation_is_cut(void **state)
{
  (void)state;
  enum { ROOM = 64 };
  for (int id = 0; id < COMMAND_COUNT; id++)
    if (strlen(explorer_commands[id].what) > ROOM)
      fail_msg("%s: %zu letters, there is room for %d: %s", explorer_commands[id].name,
               strlen(explorer_commands[id].what), ROOM, explorer_commands[id].what);
}

/* A kurtosis of five digits is no number of one digit with its exponent cut off. And -t takes a
 * pattern, as it does elsewhere. */
static void statistics_keep_their_size(void **state)
{
  (void)state;
  static const char source[] = "synth:outliers,share=1e-5,value=1000,shape=1000x1000";
  static const char *const arguments[] = {source, "-t", "out*", NULL};
  char shown[32];
  snprintf(shown, sizeof shown, " %.0f ", reported(source, "outliers", "int8", "kurtosis"));
  assert_int_equal(strlen(shown), 7);
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 30, .columns = 132});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "outliers");
  assert_shows_not(harness, "out*");
  assert_true(harness_press(harness, "t", 1));
  assert_shows(harness, shown);
  assert_true(harness_press(harness, "\033", 1));
  fixture_quit(harness);
}

static void every_size_survives(void **state)
{
  (void)state;
  static const struct {
    int rows, columns;
    const char *shows;
  } sizes[] = {{12, 40, "conv"},      {1, 1, ""},           {5, 20, "dB"},
               {60, 200, "kurtosis"}, {3, 200, "dB"},       {200, 3, ""},
               {18, 66, "int8"},      {17, 65, "original"}, {40, 120, "entropy"}};
  struct harness *harness = fixture_open();
  char *first = screen_of(harness);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    harness_resize(harness, sizes[i].rows, sizes[i].columns);
    assert_true(harness_wait_settled(harness));
    assert_shows(harness, sizes[i].shows);
  }
  for (int i = 0; i < 200; i++) /* a storm: nobody waits */
    harness_resize(harness, 1 + i * 7 % 60, 1 + i * 13 % 200);
  harness_resize(harness, 24, 80);
  assert_true(harness_wait_settled(harness));
  assert_string_equal(first, harness_screen(harness));
  free(first);
  fixture_quit(harness);
}

static void small_screens_have_all_panels(void **state)
{
  (void)state;
  const char *arguments[] = {"model.safetensors", "-t", "conv", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = 12, .columns = 40});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "original");
  type(harness, "\t");
  assert_shows(harness, "SQNR");
  assert_shows(harness, "bits/elem");
  type(harness, "\t");
  assert_shows(harness, "symmetric");
  type(harness, "\t");
  assert_shows(harness, "original");
  fixture_quit(harness);
}

/* A seeded storm of keys and sizes; whatever was typed, it leaves in order. */
static void a_storm_of_keys_and_sizes(void **state)
{
  (void)state;
  static const char keys[] = "fFbBsSrRgGaAwW[]cCpPuU123lzZ+-0nNt:?hjki/ \033\033\033\t\r\177";
  struct harness *harness = fixture_open();
  uint32_t seed = 2463534242u; /* xorshift32 */
  for (int i = 0; i < 600; i++) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    char key[2] = {keys[seed % (sizeof keys - 1)], 0};
    if (seed % 37 == 0)
      harness_resize(harness, 1 + (int)(seed >> 8) % 50, 1 + (int)(seed >> 16) % 150);
    harness_bytes(harness, key);
  }
  harness_resize(harness, 24, 80);
  harness_bytes(harness, "\033\033\033\033");
  fixture_quit(harness);
}

/* Slow work: the old numbers stay, marked; Esc goes back to them; a new key replaces the work. */
static void slow_work_is_marked_and_cancelled(void **state)
{
  (void)state;
  static const char slow[] = ":int8,asym,group=16,mse\r";
  const char *arguments[] = {"synth:gaussian,shape=2048x2048", NULL};
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "exact");
  double sqnr_db = number_behind(harness, "SQNR");
  harness_send(harness, slow, sizeof slow - 1);
  assert_true(harness_wait_text(harness, "stale"));
  assert_true(number_behind(harness, "SQNR") == sqnr_db);
  type(harness, "\033");
  assert_shows(harness, "cancelled");
  assert_shows(harness, "exact");
  assert_shows(harness, "int8,sym,tensor,minmax");
  assert_true(number_behind(harness, "SQNR") == sqnr_db);
  harness_send(harness, slow, sizeof slow - 1);
  assert_true(harness_wait_text(harness, "stale"));
  type(harness, ":int4\r");
  assert_shows(harness, "int4,sym,tensor,minmax");
  assert_shows(harness, "exact");
  assert_true(number_behind(harness, "SQNR") < sqnr_db);
  harness_send(harness, slow, sizeof slow - 1);
  assert_true(harness_wait_text(harness, "stale"));
  fixture_quit(harness); /* at once, in the middle of it */
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(small_screens_have_a_summary),
      cmocka_unit_test(starts_with_the_essentials),
      cmocka_unit_test(plots_in_characters),
      cmocka_unit_test(counts_what_is_no_number),
      cmocka_unit_test(screen_and_report_agree),
      cmocka_unit_test(batches_are_kept),
      cmocka_unit_test(opens_the_real_network),
      cmocka_unit_test(gallery_opens_without_a_source),
      cmocka_unit_test(hostile_names_are_escaped),
      cmocka_unit_test(every_key_does_something),
      cmocka_unit_test(capital_letters_turn_back),
      cmocka_unit_test(impossible_turns_say_why),
      cmocka_unit_test(undo_and_redo),
      cmocka_unit_test(zoom_and_pan_move_the_axis),
      cmocka_unit_test(a_channel_alone_and_back),
      cmocka_unit_test(unknown_sequences_do_nothing),
      cmocka_unit_test(palette_takes_specs_and_commands),
      cmocka_unit_test(a_bad_file_changes_nothing),
      cmocka_unit_test(export_writes_figures_and_overwrites_none),
      cmocka_unit_test(the_recipe_makes_the_same_figure),
      cmocka_unit_test(copy_prints_the_recipe_at_the_end),
      cmocka_unit_test(nothing_is_printed_without_it),
      cmocka_unit_test(help_lists_the_table),
      cmocka_unit_test(no_explanation_is_cut),
      cmocka_unit_test(statistics_keep_their_size),
      cmocka_unit_test(every_size_survives),
      cmocka_unit_test(small_screens_have_all_panels),
      cmocka_unit_test(a_storm_of_keys_and_sizes),
      cmocka_unit_test(slow_work_is_marked_and_cancelled),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
