/* Pins as people meet them: pinned and compared, exchanged and undone, the numbers and the sentence
 * of the command line, every size, figures that replay. */
#include "tests/screen/fixture.h"

#include <math.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct harness *open_two(int rows, int columns)
{
  static const char *const arguments[] = {
      "model.safetensors", "-t",     "conv",    "-q", "int8", "-q",
      "int8,channel",      "--view", "compare", NULL};
  struct harness *harness =
      fixture_start(arguments, &(struct harness_options){.rows = rows, .columns = columns});
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* A pins; a knob is turned; the pin stays what it was, in every view. */
static void pinned_and_compared(void **state)
{
  (void)state;
  struct harness *harness = fixture_open();
  assert_true(harness_press(harness, "A", 1));
  assert_shows(harness, "nothing is pinned");
  assert_true(harness_press(harness, "x", 1));
  assert_shows(harness, "nothing is pinned to exchange with");
  assert_true(harness_press(harness, "5", 1));
  assert_shows(harness, "Nothing to compare with: a pins");
  assert_true(harness_press(harness, "a", 1));
  assert_shows(harness, "pinned as A");
  assert_shows(harness, "conv A [B]");
  assert_true(harness_press(harness, "a", 1));
  assert_shows(harness, "this is pinned as A already");
  assert_true(harness_press(harness, "g", 1)); /* tensor to channel */
  assert_true(harness_press(harness, "\033", 1));
  assert_true(harness_press(harness, "V", 1)); /* any key clears the message */
  assert_shows(harness, "tensor,minmax -q int8,sym,channel,minmax --view compare --log");
  assert_shows(harness, "A to B: better by");
  assert_shows(harness, "B is better by");
  assert_shows(harness, "channel 5");
  for (const char *view = "123"; *view; view++) {
    const char keys[] = {*view, '\0'};
    assert_true(harness_press(harness, keys, 1));
    assert_shows(harness, "A: int8");
    assert_shows(harness, "B is better by");
  }
  fixture_quit(harness);
}

/* Every word of SENTENCE is on the screen in its order, though lines are broken there. */
static void assert_sentence(struct harness *harness, const char *sentence)
{
  char *screen = screen_of(harness), word[64];
  const char *at = screen;
  for (int used; sscanf(sentence, "%63s%n", word, &used) == 1; sentence += used) {
    at = strstr(at, word);
    if (!at)
      fail_msg("no \"%s\" in order in:\n%s", word, screen);
    at += strlen(word);
  }
  free(screen);
}

/* The numbers of the table are those that "qscope report" prints, and the sentence is its sentence.
 */
static void screen_and_command_agree(void **state)
{
  (void)state;
  char command[512], line[512], sentence[1024] = "", one[32] = "", two[32] = "";
  struct harness *harness = open_two(30, 120);
  snprintf(command, sizeof command, "'%s' report model.safetensors -t conv -q int8 -q int8,channel",
           fixture_program());
  FILE *pipe = popen(command, "r");
  assert_non_null(pipe);
  bool found = false;
  while (fgets(line, sizeof line, pipe)) {
    sscanf(line, "SQNR %31s dB %31s dB", one, two);
    if (strstr(line, "is better by"))
      found = true;
    if (found)
      strncat(sentence, line, sizeof sentence - strlen(sentence) - 1);
  }
  assert_int_equal(pclose(pipe), 0);
  assert_true(found && strlen(one) > 3 && strlen(two) > 3);
  assert_shows(harness, one);
  assert_shows(harness, two);
  /* The report says the specs where the screen says B and A. */
  char *tail = strstr(sentence, "is better by"), *end = strstr(tail, " int8,sym,tensor");
  assert_non_null(end);
  strcpy(end, " A.");
  assert_sentence(harness, tail);
  fixture_quit(harness);
}

static void exchanged_unpinned_undone(void **state)
{
  (void)state;
  struct harness *harness = open_two(24, 80);
  char *before = screen_of(harness);
  assert_true(harness_press(harness, "x", 1));
  assert_shows(harness, "A and B are exchanged");
  assert_shows(harness, "-q int8,sym,channel,minmax -q int8,sym,tensor,minmax --view compare");
  assert_shows(harness, "A to B: worse by");
  assert_true(harness_press(harness, "x", 1));
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "A to B: worse by");
  assert_true(harness_press(harness, "u", 1));
  char *after = screen_of(harness);
  assert_string_equal(before, after);
  assert_true(harness_press(harness, "A", 1));
  assert_shows(harness, "int8,sym,tensor,minmax is not pinned any more");
  assert_shows_not(harness, "conv A [B]");
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "conv A [B]");
  assert_shows(harness, "A to B: better by");
  free(before);
  free(after);
  fixture_quit(harness);
}

/* Four can be pinned, a fifth is refused in words; arrows choose what is compared with. */
static void four_and_no_more(void **state)
{
  (void)state;
  struct harness *harness = open_two(24, 80);
  assert_true(harness_press(harness, "B", 1)); /* fewer bits */
  assert_true(harness_press(harness, "a", 1));
  assert_shows(harness, "pinned as B");
  assert_true(harness_press(harness, "B", 1));
  assert_true(harness_press(harness, "a", 1));
  assert_true(harness_press(harness, "B", 1));
  assert_true(harness_press(harness, "a", 1));
  assert_shows(harness, "A B C D [E]");
  assert_true(harness_press(harness, "B", 1));
  assert_true(harness_press(harness, "a", 1));
  assert_shows(harness, "4 are pinned: capital A lets go of one first");
  assert_true(harness_press(harness, "j", 1));
  assert_shows(harness, "--against B");
  assert_shows(harness, "B to E: worse by");
  assert_shows(harness, "% of B\342\200\231s MSE");
  assert_true(harness_press(harness, "jjj", 3));
  assert_shows(harness, "D to E: worse by");
  assert_true(harness_press(harness, "A", 1));
  assert_shows(harness, "A B C [D]");
  assert_shows(harness, "--against C");
  fixture_quit(harness);
}

/* On another tensor they are measured again; another file lets go of them. */
static void other_tensors_other_files(void **state)
{
  (void)state;
  struct harness *harness = open_two(24, 80);
  assert_true(harness_press(harness, "n", 1));
  assert_shows(harness, "what is pinned is measured on this tensor, too");
  assert_shows(harness, "A [B]");
  assert_true(harness_press(harness, "V", 1));
  assert_shows(harness, "A to B:");
  assert_true(harness_press(harness, "osynth:gaussian,shape=8x8\r", 26));
  assert_shows(harness, "nothing is pinned any more");
  assert_shows_not(harness, "A [B]");
  fixture_quit(harness);
}

/* Two files and pins share view 5: its key goes from one to the other, and each has its recipe. */
static void beside_two_files(void **state)
{
  (void)state;
  struct harness *harness = open_two(24, 80);
  assert_true(harness_press(harness, "Osynth:gaussian,shape=16x32\r", 28));
  assert_shows(harness, "no tensor of model.safetensors is called as one of");
  assert_true(harness_press(harness, "Omodel.safetensors\r", 19));
  assert_shows(harness, "tensor of A");
  assert_shows(harness, "--compare model.safetensors --view compare");
  assert_shows(harness, "r rank");
  assert_true(harness_press(harness, "5", 1));
  assert_shows(harness, "A to B: better by");
  assert_shows_not(harness, "--compare");
  assert_shows_not(harness, "r rank");
  assert_true(harness_press(harness, "5", 1));
  assert_shows(harness, "tensor of A");
  fixture_quit(harness);
}

/* The figure that is written carries all quantizers, and replaying it gives the same pixels; so
 * does "qscope plot" of them. */
static void figures_replay(void **state)
{
  (void)state;
  static const char *const views[] = {"compare", "histogram", "error", "channels", "format"};
  static const char keys[] = "5123K";
  char command[1024];
  struct harness *harness = open_two(24, 80);
  for (size_t i = 0; i < 5; i++) {
    const char key[] = {keys[i], '\0'};
    if (i)
      assert_true(harness_press(harness, key, 1));
    assert_true(harness_press(harness, "E", 1));
    snprintf(command, sizeof command, "conv-%s.png", views[i]);
    assert_shows(harness, command);
    snprintf(
        command, sizeof command,
        "'%s' replay conv-%s.png -o again.png && cmp conv-%s.png again.png && "
        "'%s' plot model.safetensors -t conv -q int8 -q int8,channel --view %s -o plotted.png && "
        "cmp conv-%s.png plotted.png",
        fixture_program(), views[i], views[i], fixture_program(), views[i], views[i]);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "conv-%s.png", views[i]);
    unlink(command);
  }
  unlink("again.png");
  unlink("plotted.png");
  fixture_quit(harness);
}

/* Esc leaves a pin that takes long without numbers, and says so; so it stays until something
 * changes. The present ones are there. */
static void measuring_can_be_stopped(void **state)
{
  (void)state;
  static const char *const arguments[] = {"synth:laplace,shape=1024x4096",
                                          "-q",
                                          "e4m3,group=32,lp",
                                          "-q",
                                          "int8",
                                          "--view",
                                          "compare",
                                          NULL};
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 0});
  assert_true(
      harness_wait_text(harness, "─ exact ─")); /* before that an estimate would be stopped */
  assert_true(harness_wait_text(harness, "measuring"));
  assert_true(harness_press(harness, "\033", 1)); /* and then it rests */
  assert_shows(harness, "stopped: what is pinned is not measured");
  assert_shows(harness, "not measured");
  assert_shows(harness, "exact");
  assert_shows(harness, "B int8,sym");
  assert_true(harness_press(harness, "H", 1)); /* looks are no change of what is measured */
  assert_shows(harness, "not measured");
  harness_bytes(harness, "V");
  assert_true(harness_wait_text(harness, "measuring"));
  fixture_quit(harness);
}

static void every_size(void **state)
{
  (void)state;
  static const struct {
    int rows, columns;
    const char *text;
  } sizes[] = {{12, 40, "A to B: better by"},
               {18, 66, "A to B: better by"},
               {24, 80, "B loses more"},
               {43, 132, "bulk 99%"},
               {5, 20, "dB"},
               {1, 1, ""},
               {24, 80, "B loses more"}};
  struct harness *harness = open_two(24, 80);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    harness_resize(harness, sizes[i].rows, sizes[i].columns);
    assert_true(harness_wait_settled(harness));
    assert_shows(harness, sizes[i].text);
  }
  fixture_quit(harness);
}

/* The SQNR of A among the metrics; NaN: there is none. */
static double sqnr_of_a(struct harness *harness)
{
  double db = (double)NAN;
  for (int row = 0; row < 24; row++) {
    const char *at = strstr(harness_row(harness, row), "SQNR");
    if (at && sscanf(at, "SQNR %lf", &db) == 1)
      return db;
  }
  return (double)NAN;
}

/* J: the pin stays where it is while the tensor changes; the numbers of A do not move, and what
 * cannot be is said. */
static void held_to_its_tensor(void **state)
{
  (void)state;
  struct harness *harness = open_two(24, 80);
  assert_true(harness_press(harness, "J", 1));
  assert_shows(harness, "A stays with this tensor");
  const double before = sqnr_of_a(harness);
  assert_true(harness_press(harness, "n", 1));
  assert_true(harness_wait_settled(harness));
  assert_shows(harness, "bias A [B]");
  assert_shows(harness, "A conv:");
  assert_shows(harness, "another tensor");
  assert_shows(harness, "--pin-tensor conv --view compare");
  assert_true(before > 1 && sqnr_of_a(harness) == before);
  assert_true(harness_press(harness, "x", 1));
  assert_shows(harness, "A stays with another tensor: open that");
  for (const char *view = "123"; *view; view++) {
    const char keys[] = {*view, '\0'};
    assert_true(harness_press(harness, keys, 1));
    assert_shows(harness, "another tensor");
  }
  assert_true(harness_press(harness, "J", 1));
  assert_shows(harness, "A goes along to other tensors again");
  assert_true(harness_press(harness, "u", 1));
  assert_shows(harness, "--pin-tensor conv");
  fixture_quit(harness);
}

/* Views that try all quantizers on the present tensor say what becomes of a pin that is held; their
 * figures replay all the same, and the pin is still held afterwards. */
static void held_where_it_does_not_count(void **state)
{
  (void)state;
  static const struct {
    const char *key, *view;
  } rows[] = {{"4", "sweep"}, {"9", "layer"}};
  char command[1024];
  static const char *const arguments[] = {
      "synth:shape=32x64", "-t", "gaussian", "-q", "int8", "-q", "int4", "--view", "compare", NULL};
  struct harness *harness = fixture_start(arguments, &(struct harness_options){.rows = 24});
  assert_true(harness_wait_settled(harness));
  type(harness, "J:methods rtn awq\r:tensor laplace\r");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_true(harness_press(harness, rows[i].key, 1));
    assert_shows(harness, "here A is its quantizer on this tensor");
    assert_shows_not(harness, "--pin-tensor");
    snprintf(command, sizeof command, ":save-figure %s.svg\r", rows[i].view);
    type(harness, command);
    bool drawn = !harness_shows(harness, "font is installed");
    if (!drawn)
      continue;
    snprintf(command, sizeof command, /* the recipe of a layer also names the tokens that it took */
             "'%s' replay %s.svg -o again.svg && for f in %s again; do sed '/<metadata>/,/"
             "<.metadata>/d' $f.svg >$f.drawn; done && cmp again.drawn %s.drawn",
             fixture_program(), rows[i].view, rows[i].view, rows[i].view);
    assert_int_equal(system(command), 0);
  }
  assert_true(harness_press(harness, "5", 1));
  assert_shows(harness, "--pin-tensor gaussian --view compare");
  fixture_quit(harness);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pinned_and_compared),
      cmocka_unit_test(screen_and_command_agree),
      cmocka_unit_test(exchanged_unpinned_undone),
      cmocka_unit_test(four_and_no_more),
      cmocka_unit_test(other_tensors_other_files),
      cmocka_unit_test(beside_two_files),
      cmocka_unit_test(figures_replay),
      cmocka_unit_test(measuring_can_be_stopped),
      cmocka_unit_test(every_size),
      cmocka_unit_test(held_to_its_tensor),
      cmocka_unit_test(held_where_it_does_not_count),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
