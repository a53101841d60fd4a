/* How long a person waits for files of many tensors: opening, finding a tensor by name, the first
 * list, and what a key costs there; how long the program takes from its start to a whole first
 * frame; and what a whole report on a small file costs, from the loader to the exit. The files are
 * sparse: of the data nothing is written or read. Processor time, as if the machine were idle, and
 * wall time for the frame; the least of some runs. */
#include "config.h"

#include "analysis/catalog.h"
#include "quant/base/clock.h"
#include "quant/base/size.h"

#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPEATS = 2, EXPERTS = 64, PARTS = 4, BYTES = 64 };

/* In the order that writers use: by text, so that 10 stands before 2. */
static void name_of(size_t i, char *text, size_t size)
{
  static const char *const part[PARTS] = {"down", "gate", "norm", "up"};
  snprintf(text, size, "l.%zu.e.%zu.%s", i / (EXPERTS * PARTS), i / PARTS % EXPERTS,
           part[i % PARTS]);
}

static void put(FILE *file, uint64_t value, size_t bytes)
{
  for (; bytes > 0; bytes--, value >>= 8)
    putc((int)(value & 0xFF), file);
}

static void write_safetensors(FILE *file, size_t count)
{
  char name[64];
  put(file, 0, 8);
  for (size_t i = 0; i < count; i++) {
    name_of(i, name, sizeof name);
    fprintf(file, "%c\"%s\":{\"dtype\":\"F16\",\"shape\":[4,8],\"data_offsets\":[%zu,%zu]}",
            i ? ',' : '{', name, i * BYTES, (i + 1) * BYTES);
  }
  putc('}', file);
  long end = ftell(file);
  rewind(file);
  put(file, (uint64_t)end - 8, 8);
  fseek(file, end, SEEK_SET);
}

static void write_gguf(FILE *file, size_t count)
{
  enum { F16 = 1 };
  char name[64];
  fputs("GGUF", file);
  put(file, 3, 4);
  put(file, count, 8);
  put(file, 0, 8);
  for (size_t i = 0; i < count; i++) {
    name_of(i, name, sizeof name);
    put(file, strlen(name), 8);
    fputs(name, file);
    put(file, 2, 4);
    put(file, 8, 8);
    put(file, 4, 8);
    put(file, F16, 4);
    put(file, i * BYTES, 8);
  }
  while (ftell(file) % 32)
    putc(0, file);
}

static bool write_file(const char *path, size_t count, void (*write)(FILE *, size_t))
{
  FILE *file = fopen(path, "wb");
  if (!file)
    return false;
  write(file, count);
  bool good = fflush(file) == 0 &&
              ftruncate(fileno(file), (off_t)ftell(file) + (off_t)(count * BYTES)) == 0;
  return fclose(file) == 0 && good;
}

static double ms_since(double start)
{
  return 1e3 * (seconds_now() - start);
}

/* --- what is measured --------------------------------------------------------------------- */

struct subject {
  const char *path;
  size_t count;
  struct source *source;
  struct catalog *catalog;
};

static bool open_source(struct subject *subject)
{
  source_close(subject->source);
  subject->source = NULL;
  return source_open(subject->path, &subject->source, NULL) == STATUS_OK;
}

/* A thousand names, as a comparison of two sources asks for all of them. */
static bool find_names(struct subject *subject)
{
  char name[64];
  size_t index;
  bool good = true;
  for (size_t i = 0; i < 1000 && good; i++) {
    name_of(i * (subject->count / 1000), name, sizeof name);
    good = source_find(subject->source, name, &index, NULL) == STATUS_OK;
  }
  return good;
}

static bool first_list(struct subject *subject)
{
  catalog_free(subject->catalog);
  subject->catalog = catalog_new(subject->source, NULL);
  if (!subject->catalog)
    return false;
  catalog_set_tree(subject->catalog, true);
  return true;
}

static bool unfold(struct subject *subject)
{
  catalog_open_all(subject->catalog, true);
  return true;
}

static bool type_letter(struct subject *subject)
{
  return catalog_filter(subject->catalog, "e7do", NULL) == STATUS_OK &&
         catalog_filter(subject->catalog, "", NULL) == STATUS_OK;
}

static bool sort_sizes(struct subject *subject)
{
  catalog_sort(subject->catalog, KEY_BYTES, false);
  catalog_sort(subject->catalog, KEY_NAME, false);
  return true;
}

static bool scroll(struct subject *subject)
{
  size_t rows = catalog_rows(subject->catalog);
  double sum = 0;
  for (size_t i = 0; i < 1000 && i < rows; i++) {
    struct catalog_row row = catalog_row(subject->catalog, rows - 1 - i);
    sum += row.bytes + (double)catalog_find(subject->catalog, row.node);
  }
  return sum > 0;
}

static const struct step {
  const char *name;
  bool (*run)(struct subject *);
} steps[] = {
    {"open", open_source}, {"1000 names", find_names},     {"list", first_list},
    {"unfold", unfold},    {"filter on/off", type_letter}, {"sort on/off", sort_sizes},
    {"1000 rows", scroll},
};
enum { STEPS = sizeof steps / sizeof *steps };

static bool json;

static void say(const char *type, size_t count, const char *what, double ms)
{
  if (json)
    printf("{\"program\": \"bench_open\", \"row\": \"%s, %zu tensors: %s\", \"seconds\": %.6g}\n",
           type, count, what, 1e-3 * ms);
  else
    printf("%-12s %8zu  %-16s %10.2f\n", type, count, what, ms);
  fflush(stdout);
}

static double processor_ms(void)
{
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

static bool measure(const char *type, const char *path, size_t count)
{
  struct subject subject = {.path = path, .count = count};
  bool good = true;
  for (size_t step = 0; step < STEPS && good; step++) {
    double best = 0;
    for (int repeat = 0; repeat < REPEATS && good; repeat++) {
      double start = processor_ms();
      good = steps[step].run(&subject);
      double took = processor_ms() - start;
      best = repeat == 0 || took < best ? took : best;
    }
    say(type, count, steps[step].name, best);
  }
  catalog_free(subject.catalog);
  source_close(subject.source);
  return good;
}

/* --- the first frame ---------------------------------------------------------------------- */

/* Processor time that a child has used, who is waited for; negative where it failed. */
static double child_ms(pid_t child, bool killed)
{
  struct rusage used;
  int status;
  if (wait4(child, &status, 0, &used) != child ||
      !(killed ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0))
    return -1;
  return 1e3 * (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         1e-3 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* Milliseconds until the program says that its first frame is whole and nothing more comes by
 * itself, and of the processor until then; negative where it does not. */
static double first_frame(const char *path, double *processor)
{
  static const char settled[] = "\033]5379;idle;";
  const struct winsize size = {.ws_row = 24, .ws_col = 80};
  char output[1 << 16];
  size_t used = 0;
  int terminal;
  double start = seconds_now();
  pid_t child = forkpty(&terminal, NULL, NULL, &size);
  if (child == 0) {
    setenv("QSCOPE_TEST_IDLE", "1", 1);
    setenv("TERM", "xterm-256color", 1);
    execl("./qscope", "qscope", path, (char *)NULL);
    _exit(127);
  }
  double took = -1;
  while (child > 0 && took < 0) {
    ssize_t got = read(terminal, output + used, sizeof output - used);
    if (got <= 0)
      break;
    used += (size_t)got;
    if (memmem(output, used, settled, sizeof settled - 1))
      took = ms_since(start);
    else if (used == sizeof output) /* an end that may be the beginning of it stays */
    {
      used = sizeof settled;
      memmove(output, output + sizeof output - used, used);
    }
  }
  if (child > 0) {
    kill(child, SIGKILL);
    *processor = child_ms(child, true);
    close(terminal);
  }
  return took;
}

static double least(double a, double b)
{
  return b >= 0 && (a < 0 || b < a) ? b : a;
}

static bool measure_frame(const char *type, const char *path, size_t count)
{
  double best = -1, cost = -1;
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    double processor = -1;
    best = least(best, first_frame(path, &processor));
    cost = least(cost, processor);
  }
  if (best < 0 || cost < 0)
    return false;
  say(type, count, "first frame", best);
  say(type, count, "its processor", cost);
  return true;
}

/* `qscope report PATH`, all of it. */
static double report_ms(const char *path)
{
  pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stdout))
      execl("./qscope", "qscope", "report", path, "-q", "int8", (char *)NULL);
    _exit(127);
  }
  return child > 0 ? child_ms(child, false) : -1;
}

static bool measure_report(const char *type, const char *path, size_t count)
{
  enum { STARTS = 30 };
  double best = -1;
  for (int repeat = 0; repeat < STARTS; repeat++)
    best = least(best, report_ms(path));
  if (best >= 0)
    say(type, count, "report", best);
  return best >= 0;
}

int main(int argc, char **argv)
{
  static const struct {
    const char *type, *suffix;
    size_t count;
    void (*write)(FILE *, size_t);
  } files[] = {
      {"safetensors", ".safetensors", 10, write_safetensors},
      {"safetensors", ".safetensors", 10000, write_safetensors},
      {"gguf", ".gguf", 10000, write_gguf},
      {"safetensors", ".safetensors", 1000000, write_safetensors},
      {"gguf", ".gguf", 1000000, write_gguf},
  };
  bool good = true;
  json = argc > 1 && strcmp(argv[1], "--json") == 0;
  if (!json)
    printf("\n%-12s %8s  %-16s %10s\n", "sources", "tensors", "what", "ms");
  for (size_t i = 0; i < sizeof files / sizeof *files && good; i++) {
    char path[64];
    snprintf(path, sizeof path, "bench-open%s", files[i].suffix);
    good = write_file(path, files[i].count, files[i].write) &&
           (files[i].count < 1000 || measure(files[i].type, path, files[i].count)) &&
           measure_frame(files[i].type, path, files[i].count) &&
           (files[i].count > 10 || measure_report(files[i].type, path, files[i].count));
    unlink(path);
  }
  if (!good)
    fputs("bench_open: failed\n", stderr);
  return good ? 0 : 1;
}
