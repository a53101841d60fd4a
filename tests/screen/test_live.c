/* What the screen shows before the numbers are exact, told by --trace-frames; and that it sleeps
 * when there is nothing to do. */
#include "tests/screen/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LINE = 128, FRAMES = 512 };

/* A frame of the trace. */
struct frame {
  unsigned long number;
  char key[16], ms[16], numbers[16];
};

struct frames {
  size_t count;
  struct frame at[FRAMES];
};

static void read_trace(const char *path, struct frames *frames)
{
  char line[LINE];
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_non_null(fgets(line, sizeof line, file));
  assert_string_equal(line, "frame\tkey\tms\tnumbers\n");
  for (frames->count = 0; frames->count < FRAMES && fgets(line, sizeof line, file);
       frames->count++) {
    struct frame *frame = &frames->at[frames->count];
    assert_int_equal(sscanf(line, "%lu\t%15[^\t]\t%15[^\t]\t%15s", &frame->number, frame->key,
                            frame->ms, frame->numbers),
                     4);
    assert_int_equal(frame->number, frames->count + 1);
    assert_true((strcmp(frame->key, "-") == 0) == (strcmp(frame->ms, "-") == 0));
    assert_true(frame->ms[0] == '-' || atof(frame->ms) > 0);
  }
  fclose(file);
}

/* What the numbers of the frames that answer the key TURN of KEY (counted from 0) went through,
 * each once: "digest exact". A slow machine may show stale ones first, and numbers before plots;
 * those are left out. */
static void course_of(const struct frames *frames, const char *key, int turn, char *course)
{
  int turns = -1;
  bool inside = false;
  const char *last = "";
  *course = '\0';
  for (size_t i = 0; i < frames->count; i++) {
    const struct frame *frame = &frames->at[i];
    bool is = strcmp(frame->key, key) == 0;
    turns += is && !inside;
    inside = is && strcmp(frame->numbers, "exact") != 0;
    if (!is || turns != turn || strcmp(frame->numbers, "stale") == 0 ||
        strcmp(frame->numbers, "numbers") == 0 || strcmp(frame->numbers, last) == 0)
      continue;
    sprintf(course + strlen(course), "%s%s", *course ? " " : "", frame->numbers);
    last = frame->numbers;
  }
}

static void check_course(const struct frames *frames, const char *key, int turn,
                         const char *expected)
{
  char course[FRAMES];
  course_of(frames, key, turn, course);
  assert_string_equal(course, expected);
}

/* The upper halves of floats. */
static void write_halves(const char *path, size_t count)
{
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  for (size_t i = 0; i < count; i++) {
    float x = ((float)((i * 37 + i / 400 * 11) % 6400) - 3199.5f) / 3200;
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    fputc((int)(bits >> 16 & 0xFF), file);
    fputc((int)(bits >> 24), file);
  }
  assert_int_equal(fclose(file), 0);
}

static const struct harness_options large = {.rows = 40, .columns = 120};

static struct harness *open_halves(const char *cache)
{
  write_halves("halves.bin", 300 * 400);
  const char *arguments[] = {
      "raw:halves.bin,dtype=bf16,shape=300x400", "--trace-frames", "trace", "--cache", cache, NULL};
  struct harness *harness = fixture_start(arguments, &large);
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* 16 bits: all but the channels at once. Back again: everything at once, from the cache. */
static void a_digest_answers_first(void **state)
{
  (void)state;
  static struct frames frames;
  struct harness *harness = open_halves("256");
  assert_true(harness_press(harness, "B", 1));
  assert_true(harness_shows(harness, "exact"));
  assert_true(harness_press(harness, "b", 1));
  assert_true(harness_press(harness, "B", 1));
  fixture_quit(harness);
  read_trace("trace", &frames);
  check_course(&frames, "B", 0, "digest exact");
  check_course(&frames, "b", 0, "exact");
  check_course(&frames, "B", 1, "exact");
}

static void without_a_cache(void **state)
{
  (void)state;
  static struct frames frames;
  struct harness *harness = open_halves("0");
  assert_true(harness_press(harness, "B", 1));
  assert_true(harness_press(harness, "b", 1));
  fixture_quit(harness);
  read_trace("trace", &frames);
  check_course(&frames, "B", 0, "digest exact");
  check_course(&frames, "b", 0, "digest exact");
}

/* 32 bits: an estimate, then the exact numbers; for scales of channels on slow machines alone. */
static void an_estimate_comes_first(void **state)
{
  (void)state;
  static struct frames frames;
  const char *arguments[] = {"synth:gaussian,shape=2048x2048", "--trace-frames", "trace", NULL};
  struct harness *harness = fixture_start(arguments, &large);
  assert_true(harness_wait_settled(harness));
  assert_true(harness_press(harness, "B", 1));
  assert_true(harness_shows(harness, "exact"));
  assert_true(harness_press(harness, "g", 1));
  fixture_quit(harness);
  read_trace("trace", &frames);
  check_course(&frames, "B", 0, "estimate exact");
  char course[FRAMES];
  course_of(&frames, "g", 0, course);
  assert_true(strcmp(course, "exact") == 0 || strcmp(course, "estimate exact") == 0);
}

/* A tensor that is slow to measure: a sample of it, marked as such, until all of it is measured. */
static void a_sample_comes_first(void **state)
{
  (void)state;
  static struct frames frames;
  const char *arguments[] = {"synth:gaussian,shape=1024x2304",
                             "-q",
                             "int4,group=128,lp",
                             "--threads",
                             "1",
                             "--trace-frames",
                             "trace",
                             NULL};
  struct harness *harness = fixture_start(arguments, &large);
  assert_true(harness_wait_text(harness, "~ likely within"));
  assert_true(harness_wait_text(harness, "Channels come with the exact numbers."));
  assert_true(harness_wait_settled(harness));
  assert_true(harness_shows(harness, "exact") && !harness_shows(harness, "~"));
  assert_true(harness_press(harness, "7", 1)); /* the blocks, of all of it */
  fixture_quit(harness);
  read_trace("trace", &frames);
  check_course(&frames, "-", 0, "none estimate exact");
}

/* Esc keeps it, and what it is stays to be seen; a change starts again. */
static void esc_keeps_the_sample(void **state)
{
  (void)state;
  const char *arguments[] = {
      "synth:gaussian,shape=4096x4096", "-q", "int4,group=128,lp", "--threads", "1", NULL};
  struct harness *harness = fixture_start(arguments, &large);
  assert_true(harness_wait_text(harness, "~ likely within"));
  assert_true(harness_press(harness, "\033", 1));
  assert_true(harness_shows(harness, "cancelled: these numbers are an estimate"));
  assert_true(harness_shows(harness, "~ likely within"));
  harness_send(harness, "73h2", 4); /* there is no block, no channel and no map yet */
  assert_true(harness_wait_text(harness, "Esc stops")); /* it has started again */
  assert_true(harness_press(harness, "\033", 1));
  assert_true(harness_wait_text(harness, "~ likely within"));
  fixture_quit(harness);
}

static struct harness *open_numbers(void)
{
  const char *arguments[] = {"synth:gaussian,shape=4096x2048",
                             "-q",
                             "int4,group=128",
                             "--threads",
                             "1",
                             "--trace-frames",
                             "trace",
                             "--cache",
                             "0",
                             NULL};
  struct harness *harness = fixture_start(arguments, &large);
  assert_true(harness_wait_settled(harness));
  return harness;
}

/* All numbers before the plots, which are older by then. A reader that is slow may miss that. */
static void numbers_come_before_plots(void **state)
{
  enum { TURNS = 6 };
  (void)state;
  static struct frames frames;
  struct harness *harness = open_numbers();
  for (int turn = 0; turn < 2 * TURNS; turn++)
    assert_true(harness_press(harness, turn % 2 ? "B" : "b", 1));
  assert_true(harness_shows(harness, "\u2500 exact \u2500"));
  fixture_quit(harness);
  read_trace("trace", &frames);
  int seen = 0;
  for (size_t i = 0; i < frames.count; i++) {
    const struct frame *frame = &frames.at[i], *next = frame + 1;
    if (strcmp(frame->numbers, "numbers") != 0)
      continue;
    seen++;
    assert_true(i + 1 < frames.count);
    assert_string_equal(next->key, frame->key);
    assert_true(strcmp(next->numbers, "numbers") == 0 || strcmp(next->numbers, "exact") == 0);
  }
  for (int turn = 0; turn < 2 * TURNS; turn++) {
    char course[FRAMES];
    course_of(&frames, turn % 2 ? "B" : "b", turn / 2, course);
    assert_true(strcmp(course, "exact") == 0 || strcmp(course, "estimate exact") == 0);
  }
  assert_true(seen > 0);
}

/* Esc between the two keeps the numbers, and says what the plots are; another view starts again. */
static void esc_keeps_the_numbers(void **state)
{
  enum { TURNS = 20 };
  (void)state;
  struct harness *harness = open_numbers();
  bool kept = false;
  for (int turn = 0; turn < TURNS && !kept; turn++) {
    harness_send(harness, turn % 2 ? "B" : "b", 1);
    assert_true(harness_wait_text(harness, turn % 2 ? "-q int4," : "-q int5,"));
    assert_true(harness_wait_no_text(harness, "\u2500 stale \u2500"));
    assert_true(harness_wait_no_text(harness, "\u2500 ~ "));
    assert_true(harness_press(harness, "\033", 1));
    kept = harness_shows(harness, "cancelled: these numbers are exact, the plots are older");
  }
  assert_true(kept && harness_shows(harness, " exact, plots "));
  assert_true(harness_press(harness, "2", 1));
  assert_true(harness_shows(harness, "\u2500 exact \u2500"));
  fixture_quit(harness);
}

static void a_trace_that_cannot_be_written(void **state)
{
  (void)state;
  const char *arguments[] = {"model.safetensors", "--trace-frames", "nowhere/trace", NULL};
  struct harness *harness = fixture_start(arguments, &large);
  int status = harness_wait_end(harness);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 4);
  assert_true(harness_shows(harness, "nowhere/trace: No such file"));
  harness_end(harness);
}

struct sleeping {
  long times; /* that threads gave up the processor of their own accord: each wake-up ends so */
  bool all;   /* every thread sleeps now */
};

static void add_thread(const char *path, struct sleeping *sleeping)
{
  char line[LINE], state;
  long times;
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "voluntary_ctxt_switches: %ld", &times) == 1)
      sleeping->times += times;
    else if (sscanf(line, "State: %c", &state) == 1)
      sleeping->all &= state == 'S';
  if (file)
    fclose(file);
}

#ifdef __SANITIZE_THREAD__
enum { OWN_THREADS = 1 }; /* of the sanitizer, which wake up by themselves */
#else
enum { OWN_THREADS = 0 };
#endif

/* False where it cannot be told. */
static bool look(pid_t process, struct sleeping *sleeping)
{
  char path[300];
  snprintf(path, sizeof path, "/proc/%ld/task", (long)process);
  DIR *tasks = opendir(path);
  *sleeping = (struct sleeping){.all = true};
  for (struct dirent *task; tasks && (task = readdir(tasks));) {
    snprintf(path, sizeof path, "/proc/%ld/task/%.20s/status", (long)process, task->d_name);
    if (task->d_name[0] != '.')
      add_thread(path, sleeping);
  }
  if (tasks)
    closedir(tasks);
  return tasks && sleeping->times > 0 && !OWN_THREADS;
}

/* While another one starts, works and ends, the first does not wake up once. */
static void it_sleeps(void **state)
{
  (void)state;
  struct harness *harness = open_halves("256");
  assert_true(harness_press(harness, "B", 1));
  struct sleeping before, after;
  bool told;
  do /* it has said that it is idle: it is about to sleep */
    told = look(harness_child(harness), &before);
  while (told && !before.all);
  fixture_quit(fixture_open());
  if (told) {
    assert_true(look(harness_child(harness), &after));
    assert_true(after.all);
    assert_int_equal(after.times, before.times);
  }
  fixture_quit(harness);
  if (!told)
    skip();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_digest_answers_first),
      cmocka_unit_test(without_a_cache),
      cmocka_unit_test(an_estimate_comes_first),
      cmocka_unit_test(a_sample_comes_first),
      cmocka_unit_test(esc_keeps_the_sample),
      cmocka_unit_test(numbers_come_before_plots),
      cmocka_unit_test(esc_keeps_the_numbers),
      cmocka_unit_test(a_trace_that_cannot_be_written),
      cmocka_unit_test(it_sleeps),
  };
  return cmocka_run_group_tests(tests, fixture_enter, fixture_leave);
}
