/* The explorer in a terminal of 120x40, a key at a time: milliseconds from reading a key to the
 * frame that answers it, as --trace-frames tells them, to the first with exact numbers, and to the
 * one that is exact in everything. Each press is of a state not seen before (no cache). Then a knob
 * that is held, and the same turns by a script. The last row is Esc in the middle of a slow
 * calibrator.
 *
 * Percentiles of the whole program on this machine as it is: with other work on it, the higher ones
 * tell how long a thread waits for a processor. */
#include "quant/base/size.h"
#include "tests/bench/rows.h"
#include "tests/screen/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PRESSES = 60, ESCAPES = 20, LINE = 128, FRAMES = 8192 };

struct times {
  size_t count;
  double ms[FRAMES];
};

struct answers {
  struct times first, numbers, exact;
};

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* PERCENT of the times are at most this. */
static double percentile(struct times *times, size_t percent)
{
  if (times->count == 0)
    return 0;
  qsort(times->ms, times->count, sizeof *times->ms, ascending);
  return times->ms[size_div_up(times->count * percent, 100) - 1];
}

static void add(struct times *times, double ms)
{
  if (times->count < FRAMES)
    times->ms[times->count++] = ms;
}

/* All numbers of the panels are exact: the rest follows. */
static bool tells_numbers(const char *numbers)
{
  return strcmp(numbers, "digest") == 0 || strcmp(numbers, "numbers") == 0 ||
         strcmp(numbers, "exact") == 0;
}

/* Frames of KEYS; a frame after an exact one, or after one of another key, answers another press.
 */
static bool read_trace(const char *path, const char *keys, struct answers *answers)
{
  char line[LINE], key[16], ms[16], numbers[16], before[16] = "";
  bool answered = false, told = false;
  FILE *file = fopen(path, "r");
  *answers = (struct answers){.first = {0}};
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "%*u\t%15[^\t]\t%15[^\t]\t%15s", key, ms, numbers) != 3 || *ms == '-')
      continue;
    bool exact = strcmp(numbers, "exact") == 0, wanted = strstr(keys, key) != NULL;
    answered = answered && strcmp(key, before) == 0;
    told = told && answered;
    strcpy(before, key);
    if (wanted && !answered)
      add(&answers->first, atof(ms));
    if (wanted && !told && tells_numbers(numbers))
      add(&answers->numbers, atof(ms));
    if (wanted && exact)
      add(&answers->exact, atof(ms));
    told = told || tells_numbers(numbers);
    answered = !exact;
  }
  if (file)
    fclose(file);
  return file && answers->first.count > 0;
}

static void say(const char *what, struct times *times, bool json)
{
  double median = percentile(times, 50), high = percentile(times, 99);
  if (json)
    printf("{\"bench\": \"live\", \"name\": \"%s\", \"count\": %zu, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f}\n",
           what, times->count, median, high);
  else
    printf("  %-44s %5zu %9.2f %9.2f\n", what, times->count, median, high);
}

/* SOURCE with a trace at PATH; all that is made in the background is there. */
static struct harness *start(const char *source, const char *path)
{
  const char *arguments[] = {"./qscope", source,           "--cache", "0", "-q",
                             "int3",     "--trace-frames", path,      NULL};
  struct harness *harness = harness_start(&(struct harness_options){arguments, 40, 120, {NULL}});
  if (harness && !harness_wait_settled(harness)) { /* who looks at it gives it time for a digest */
    harness_end(harness);
    return NULL;
  }
  return harness;
}

static bool quit(struct harness *harness)
{
  harness_bytes(harness, "q");
  bool ended = harness_wait_end(harness) == 0;
  harness_end(harness);
  return ended;
}

/* Presses KEY, which makes the integers BITS wide, and waits until every number is exact.
 * Background work may go on: it gives way to the next key. */
static bool press(struct harness *harness, const char *key, int bits)
{
  char recipe[32];
  snprintf(recipe, sizeof recipe, "-q int%d,", bits);
  harness_send(harness, key, 1);
  return harness_wait_text(harness, recipe) && harness_wait_no_text(harness, " stale ") &&
         harness_wait_no_text(harness, " ~ ") && harness_wait_no_text(harness, ", plots ") &&
         harness_wait_no_text(harness, "...");
}

/* Bits up and down: each press is another quantizer. */
static bool bench_presses(const char *name, const char *source, const char *path, bool json)
{
  static struct answers answers;
  char what[80];
  struct harness *harness = start(source, path);
  bool pressed = harness != NULL;
  for (int i = 0, bits = 3; i < PRESSES && pressed; i++) {
    bool up = i / 4 % 2 == 0;
    bits += up ? 1 : -1;
    pressed = press(harness, up ? "b" : "B", bits);
  }
  if (!harness || !quit(harness) || !pressed || !read_trace(path, "bB", &answers))
    return false;
  snprintf(what, sizeof what, "%s: key to first frame", name);
  say(what, &answers.first, json);
  snprintf(what, sizeof what, "%s: key to exact numbers", name);
  say(what, &answers.numbers, json);
  snprintf(what, sizeof what, "%s: key to exact frame", name);
  say(what, &answers.exact, json);
  return true;
}

/* A knob that is held: keys come as a keyboard repeats them, whatever is shown by then. Two keys by
 * turns, so that the trace tells which frame answers which press. */
static bool bench_held(const char *name, const char *source, const char *path, bool json)
{
  enum { HELD = 120, REPEAT_MS = 33 };
  static struct answers answers;
  char what[80];
  struct harness *harness = start(source, path);
  if (!harness)
    return false;
  for (int i = 0; i < HELD; i++) {
    harness_send(harness, i % 2 == 0 ? "b" : "B", 1);
    for (int ms = 0; ms < REPEAT_MS; ms++) { /* a terminal reads all the while */
      harness_shows(harness, " ");
      usleep(1000);
    }
  }
  bool settled = harness_press(harness, "0", 1);
  if (!quit(harness) || !settled || !read_trace(path, "bB", &answers))
    return false;
  snprintf(what, sizeof what, "%s: knob held, key to frame", name);
  say(what, &answers.first, json);
  return true;
}

/* The same turns by a script: what the explorer itself takes, without a terminal. */
static bool bench_script(const char *name, const char *source, const char *path, bool json)
{
  static struct answers answers;
  char command[512], what[80];
  snprintf(command, sizeof command,
           "./qscope '%s' --cache 0 -q int3 --screen 120x40 --trace-frames '%s' --script -", source,
           path);
  FILE *script = popen(command, "w");
  for (int i = 0; script && i < PRESSES; i++)
    fputs(i / 4 % 2 == 0 ? "bits-more\n" : "bits-fewer\n", script);
  if (!script || pclose(script) != 0 || !read_trace(path, "bits-more bits-fewer", &answers))
    return false;
  snprintf(what, sizeof what, "%s: script, line to exact frame", name);
  say(what, &answers.exact, json);
  return true;
}

/* A channel's scale by mse takes its time; Esc comes when the screen says that it is at work. */
static bool bench_escape(const char *name, const char *source, const char *path, bool json)
{
  static struct answers answers;
  static const char slow[] = ":int4,asym,group=16,mse\r";
  char what[80];
  struct harness *harness = start(source, path);
  bool pressed = harness != NULL;
  for (int i = 0; i < ESCAPES && pressed; i++) {
    harness_send(harness, slow, sizeof slow - 1);
    pressed = harness_wait_text(harness, " stale ") && harness_press(harness, "\033", 1);
  }
  if (!harness || !quit(harness) || !pressed || !read_trace(path, "Esc", &answers))
    return false;
  snprintf(what, sizeof what, "%s: Esc to frame", name);
  say(what, &answers.first, json);
  return true;
}

/* The upper halves of COUNT floats in the file DESCRIPTOR. */
static bool write_halves(int descriptor, size_t count)
{
  float *x = rows_bell_shaped(count);
  FILE *file = fdopen(descriptor, "wb");
  for (size_t i = 0; x && file && i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    putc((int)(bits >> 16 & 0xFF), file);
    putc((int)(bits >> 24), file);
  }
  free(x);
  return file && fclose(file) == 0 && x;
}

int main(int argc, char **argv)
{
  char halves[] = "/tmp/qscope-bench-XXXXXX", path[sizeof halves + 8], source[128];
  bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
  int descriptor = mkstemp(halves);
  if (descriptor < 0 || !write_halves(descriptor, 4096UL * 11008)) {
    fprintf(stderr, "bench_live: cannot write %s\n", halves);
    return 1;
  }
  snprintf(path, sizeof path, "%s.trace", halves);
  snprintf(source, sizeof source, "raw:%s,dtype=bf16,shape=4096x11008", halves);
  if (!json)
    printf("the explorer at 120 x 40%29s %5s %9s %9s\n", "", "keys", "p50 ms", "p99 ms");
  bool done =
      bench_presses("1M float32", "synth:gaussian,shape=1024x1024", path, json) &&
      bench_presses("45M bf16", source, path, json) && bench_held("45M bf16", source, path, json) &&
      bench_script("45M bf16", source, path, json) &&
      bench_presses("17M float32", "synth:gaussian,shape=4096x4096", path, json) &&
      bench_presses("45M float32", "synth:gaussian,shape=4096x11008", path, json) &&
      bench_escape("17M float32, group=16, mse", "synth:gaussian,shape=4096x4096", path, json);
  unlink(halves);
  unlink(path);
  if (!done)
    fprintf(stderr, "bench_live: the explorer did not do as it was told\n");
  return done ? 0 : 1;
}
