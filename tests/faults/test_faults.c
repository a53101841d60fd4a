/* Every call that can fail is made to fail, one after the other: the n-th allocation, read, map,
 * thread or write, with n = 1, 2, 3 ... until the scenario gets through. Each time: no crash; not a
 * block of memory more than before; status 3 or 4 with one line that says why, or 0 and then the
 * same output as without the fault; nothing half-written: the file that was there is untouched, and
 * no temporary file is left.
 *
 * Every n up to DENSE is tried, then ever larger steps (an eighth of n), so that scenarios of
 * thousands of calls end, too. Under a sanitizer DENSE is smaller. */
#include "config.h"

#include "tests/data/files.h"
#include "tests/faults/inject.h"

#include "data/tensor.h"
#include "quant/base/pool.h"
#include "quant/base/size.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { DENSE = 40 };
#else
enum { DENSE = 300 };
#endif
enum { WORDS = 24, OUTPUTS = 5, TEXT = 1 << 20, GIVE_UP = 1000000 };

/* What was being done, should it crash or hang. */
static char doing[400];

static void on_alarm(int signal)
{
  (void)signal;
  ssize_t unused = write(STDERR_FILENO, doing, strlen(doing));
  (void)unused;
  _exit(1);
}

static size_t next_fault(size_t n)
{
  return n < DENSE ? n + 1 : n + n / 8;
}

/* --- sources, through the library ------------------------------------------------------------- */

static enum status read_all(struct source *source, struct error *error)
{
  static float scratch[FEED_BLOCK];
  enum status status = STATUS_OK;
  for (size_t i = 0; i < source_count(source) && status == STATUS_OK; i++) {
    const struct tensor *tensor = source_tensor(source, i);
    if (!tensor->derived && !tensor->stored->decode)
      continue;
    status = source_load(source, i, NULL, error);
    if (status != STATUS_OK)
      break;
    struct feed feed = tensor_feed(tensor);
    feed_block(&feed, 0, size_min(feed.count, FEED_BLOCK), scratch);
    status = source_verify(source, error);
  }
  return status;
}

static enum status open_and_read(const char *path, struct error *error)
{
  struct source *source = NULL;
  enum status status = source_open(path, &source, error);
  if (status == STATUS_OK)
    status = read_all(source, error);
  source_close(status == STATUS_OK || source ? source : NULL);
  return status;
}

/* The calls that a run without faults makes of KIND; fails where the file cannot be read at all. */
static void check_source(const char *path, enum fault_kind kind)
{
  struct error error = {0};
  enum status usual = open_and_read(path, &error); /* some hold what cannot be decoded */
  size_t before = inject_live();
  bool reached = true;
  for (size_t n = 1; reached; n = next_fault(n)) {
    error = (struct error){0};
    snprintf(doing, sizeof doing, "# %s: %s number %zu\n", path, fault_names[kind], n);
    inject_arm(kind, n, false);
    enum status status = open_and_read(path, &error);
    reached = inject_disarm() >= n;
    if (inject_live() != before)
      fail_msg("%s number %zu: %zu blocks not freed", doing, n, inject_live() - before);
    if (!reached && status != usual)
      fail_msg("%s without a fault: %s", doing, error.text);
    if (status != STATUS_OK && status != STATUS_INPUT && status != STATUS_MEMORY)
      fail_msg("%s status %d: %s", doing, (int)status, error.text);
    if (status != STATUS_OK && !error.text[0])
      fail_msg("%s fails without a word", doing);
    if (kind == FAULT_MEMORY && status == STATUS_INPUT && usual == STATUS_OK)
      fail_msg("%s is blamed on the file: %s", doing, error.text);
  }
}

/* Every file and folder in FOLDER of the test data; how many there were. */
static size_t check_folder(const char *folder, enum fault_kind kind)
{
  char root[600], path[900];
  snprintf(root, sizeof root, "%s", files_data(folder, "."));
  DIR *list = opendir(root);
  size_t seen = 0;
  assert_non_null(list);
  for (struct dirent *item; (item = readdir(list));)
    if (item->d_name[0] != '.') {
      snprintf(path, sizeof path, "%s/%s", root, item->d_name);
      check_source(path, kind);
      seen++;
    }
  closedir(list);
  return seen;
}

/* What the commands below work on. */
static void write_model(void)
{
  static float values[16 * 32 + 40];
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    values[i] = (float)((i * 7919) % 2003) / 1000 - 1;
  files_safetensors("model.safetensors",
                    "{\"a\":{\"dtype\":\"F32\",\"shape\":[16,32],\"data_offsets\":[0,2048]},"
                    "\"b\":{\"dtype\":\"F32\",\"shape\":[40],\"data_offsets\":[2048,2208]}}",
                    values, 2208);
}

/* Unpacks a model of the fuzzers' corpus ("==> NAME <==", its bytes, and so on) into the folder. */
static void unpack(const char *path)
{
  static char bytes[1 << 16];
  static const char opening[] = "==> ", closing[] = " <==\n";
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t size = fread(bytes, 1, sizeof bytes - 1, file);
  assert_true(size < sizeof bytes - 1);
  fclose(file);
  bytes[size] = '\0';
  files_clear();
  for (char *at = strstr(bytes, opening), *next; at; at = next) {
    char *name = at + strlen(opening), *begin = strstr(name, closing);
    assert_non_null(begin);
    *begin = '\0';
    begin += strlen(closing);
    next = memmem(begin, size - (size_t)(begin - bytes), opening, strlen(opening));
    files_write(name, begin, (size_t)((next ? next : bytes + size) - begin));
  }
}

/* Models in folders: packed weights of every kind, parts, data outside. */
static void check_models(enum fault_kind kind)
{
  char path[1024], root[700];
  struct dirent **items;
  snprintf(root, sizeof root, "%s", files_data("../fuzz/corpus", "folder"));
  int count = scandir(root, &items, NULL, alphasort);
  assert_true(count > 15);
  for (int i = 0; i < count; i++) {
    snprintf(path, sizeof path, "%s/%s", root, items[i]->d_name);
    if (items[i]->d_name[0] != '.') {
      unpack(path);
      check_source(files_folder(), kind);
    }
    free(items[i]);
  }
  free(items);
  files_clear();
  write_model();
}

/* "optional" are the files of HDF5 and MATLAB: where the libraries are missing, all say so. */
static void check_sources(enum fault_kind kind)
{
  char spec[900];
  assert_true(check_folder("good", kind) > 20);
  assert_int_equal(check_folder("optional", kind), 2);
  snprintf(spec, sizeof spec, "raw:%s,dtype=f32,shape=4x2", files_data("good", "npy-f4.npy"));
  check_source(spec, kind);
  check_source("synth:gaussian,shape=300x301", kind);
  check_source("synth:shape=8x8", kind);
  check_models(kind);
}

static void test_sources_memory(void **state)
{
  (void)state;
  check_sources(FAULT_MEMORY);
}

static void test_sources_files(void **state)
{
  (void)state;
  check_sources(FAULT_READ);
  check_sources(FAULT_MAP);
  check_sources(FAULT_THREAD);
}

/* --- commands, as they are typed -------------------------------------------------------------- */

struct scenario {
  const char *words[WORDS];
  const char *outputs[OUTPUTS]; /* files that it writes */
  bool varies;                  /* times: no run is like the other */
  bool threads;                 /* large enough for several */
};

static const struct scenario scenarios[] = {
    {.words = {"list", "model.safetensors"}},
    {.words = {"list", "model.safetensors", "--json"}},
    {.words = {"report", "model.safetensors", "-q", "int8"}},
    {.words = {"report", "model.safetensors", "-t", "a", "-q", "int4,group=16,mse", "-q",
               "int8,entropy", "--json"}},
    {.words = {"report", "model.safetensors", "-t", "a", "-q", "q4_0", "--csv"}},
    {.words = {"report", "model.safetensors", "-t", "a", "-q", "e4m3,channel", "--json", "-o",
               "r.json"},
     .outputs = {"r.json"}},
    {.words = {"report", "model.safetensors", "-t", "a", "-q", "int8,asym", "--codes", "c.npy",
               "--dequantized", "d.npy", "--scales", "s.npy", "--zero-points", "z.npy", "-o",
               "r.txt"},
     .outputs = {"c.npy", "d.npy", "s.npy", "z.npy", "r.txt"}},
    {.words = {"report", "model.safetensors", "-t", "a", "-q", "mxfp4", "--packed", "p.npy"},
     .outputs = {"p.npy"}},
    {.words = {"report", "synth:gaussian,shape=300x301", "-q", "int8,channel"}, .threads = true},
    {.words = {"report", "synth:gaussian,shape=20x30", "-q", "int8,channel,mse"}},
    {.words = {"inspect", "model.safetensors", "-t", "a", "-q", "int4,group=32"}},
    {.words = {"sweep", "model.safetensors", "-t", "a", "--over", "bits=2:8"}},
    {.words = {"sweep", "model.safetensors", "-t", "a", "--over", "group=16,32", "-q", "int4", "-o",
               "w.png"},
     .outputs = {"w.png"}},
    {.words = {"board", "model.safetensors", "-t", "b", "-q", "int8"}, .varies = true},
    {.words = {"plot", "model.safetensors", "-t", "a", "-q", "int8", "-o", "f.png"},
     .outputs = {"f.png"}},
    {.words = {"plot", "model.safetensors", "-t", "a", "--view", "channels", "-q", "int8,channel",
               "-o", "f.png"},
     .outputs = {"f.png"}},
    {.words = {"plot", "model.safetensors", "-t", "a", "--view", "error", "-q", "nf4,group=16",
               "-o", "f.png"},
     .outputs = {"f.png"}},
    {.words = {"plot", "model.safetensors", "-t", "a", "--view", "heat", "-q", "int8", "--axis",
               "1", "--worst-first", "--data", "f.csv"},
     .outputs = {"f.csv"}},
    {.words = {"plot", "model.safetensors", "--view", "tensors", "-q", "int8", "--filter",
               "dtype:f32", "-o", "f.png", "--data", "f.csv"},
     .outputs = {"f.png", "f.csv"}},
    {.words = {"replay", "f.png", "--print"}},
    {.words = {"inspect", "model.safetensors", "-t", "a", "-q", "mxfp4", "--json"}},
    {.words = {"sweep", "model.safetensors", "-t", "a", "--over", "calibrator", "--json"}},
    {.words = {"sweep", "model.safetensors", "-t", "a", "--over",
               "distribution=uniform:shape=16x16,gaussian:shape=16x16", "-q", "int8", "-q", "e4m3",
               "-o", "data.png"},
     .outputs = {"data.png"}},
    {.words = {"report", "synth:llm-activation,shape=8x64", "-q", "int8", "--calibrate-on",
               "model.safetensors", "--json"}},
    {.words = {"presets"}},
    {.words = {"calibrators"}},
    {.words = {"theory", "--distribution", "gaussian", "--levels", "16,32"}},
    {.words = {"formats"}},
};

static void write_file(const char *name, const char *text, size_t size)
{
  FILE *file = fopen(name, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static char *read_file(const char *name, size_t *size)
{
  char *text = malloc(TEXT);
  FILE *file = fopen(name, "rb");
  assert_non_null(text);
  *size = file ? fread(text, 1, TEXT - 1, file) : 0;
  text[*size] = '\0';
  if (file)
    fclose(file);
  return text;
}

static bool file_is(const char *name, const char *text, size_t size)
{
  size_t found;
  char *bytes = read_file(name, &found);
  bool same = found == size && memcmp(bytes, text, size) == 0;
  free(bytes);
  return same;
}

/* Runs the program in this process; standard output and error go to files. FAULT: of which kind,
 * which call and whether those behind it, too, fails; how many there were. */
struct fault {
  enum fault_kind kind;
  size_t n, calls;
  bool later;
};

static int run(const struct scenario *scenario, struct fault *fault)
{
  char *words[WORDS + 2] = {(char *)(uintptr_t) "qscope"};
  int count = 1, kept[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
  for (; count <= WORDS && scenario->words[count - 1]; count++)
    words[count] = (char *)(uintptr_t)scenario->words[count - 1];
  const char *names[2] = {"stdout.txt", "stderr.txt"};
  fflush(stdout);
  for (int i = 0; i < 2; i++) {
    int file = open(names[i], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0 && kept[i] >= 0 && dup2(file, i + STDOUT_FILENO) >= 0);
    close(file);
  }
  alarm(60);
  inject_arm(fault->kind, fault->n, fault->later);
  int status = qscope_main(count, words);
  fault->calls = inject_disarm();
  alarm(0);
  fflush(stdout);
  clearerr(stdout);
  for (int i = 0; i < 2; i++) {
    dup2(kept[i], i + STDOUT_FILENO);
    close(kept[i]);
  }
  return status;
}

static int run_faulty(const struct scenario *scenario, struct fault *fault)
{
  snprintf(doing, sizeof doing, "# %s %s ...: %s number %zu%s\n", scenario->words[0],
           scenario->words[1] ? scenario->words[1] : "", fault_names[fault->kind], fault->n,
           fault->later ? " and later" : "");
  return run(scenario, fault);
}

static const char precious[] = "what the user had";

struct reference {
  char *output, *files[OUTPUTS];
  size_t output_size, sizes[OUTPUTS];
};

static void make_reference(const struct scenario *scenario, struct reference *reference)
{
  int status = run(scenario, &(struct fault){0});
  size_t size;
  if (status != 0)
    fail_msg("%s: status %d: %s", scenario->words[0], status, read_file("stderr.txt", &size));
  reference->output = read_file("stdout.txt", &reference->output_size);
  for (size_t i = 0; i < OUTPUTS && scenario->outputs[i]; i++)
    reference->files[i] = read_file(scenario->outputs[i], &reference->sizes[i]);
}

static void free_reference(struct reference *reference)
{
  free(reference->output);
  for (size_t i = 0; i < OUTPUTS; i++)
    free(reference->files[i]);
}

/* One line that begins with the program's name. */
static void check_message(int status)
{
  size_t size;
  char *text = read_file("stderr.txt", &size), *line = strchr(text, '\n');
  if (status != 3 && status != 4)
    fail_msg("%s status %d: %s", doing, status, text);
  if (strncmp(text, "qscope: ", 8) != 0 || !line)
    fail_msg("%s message \"%s\"", doing, text);
  free(text);
}

/* A file that was written is whole; one that was not is as it was; nothing else is there. */
static void check_files(const struct scenario *scenario, const struct reference *reference,
                        int status)
{
  for (size_t i = 0; i < OUTPUTS && scenario->outputs[i]; i++) {
    const char *name = scenario->outputs[i];
    bool whole = file_is(name, reference->files[i], reference->sizes[i]);
    if (!whole && (status == 0 || !file_is(name, precious, sizeof precious)))
      fail_msg("%s status %d: %s is neither old nor whole", doing, status, name);
  }
  DIR *list = opendir(".");
  for (struct dirent *item; list && (item = readdir(list));)
    if (strncmp(item->d_name, ".qscope", 7) == 0)
      fail_msg("%s leaves %s", doing, item->d_name);
  closedir(list);
}

static void check_run(const struct scenario *scenario, const struct reference *reference,
                      int status)
{
  if (status != 0)
    check_message(status);
  else if (!scenario->varies && !file_is("stdout.txt", reference->output, reference->output_size))
    fail_msg("%s other output, status 0", doing);
  check_files(scenario, reference, status);
}

static void check_scenario(const struct scenario *scenario, enum fault_kind kind)
{
  struct reference reference = {0};
  struct fault fault = {.kind = kind, .n = 1};
  bool reached = true;
  make_reference(scenario, &reference);
  size_t before = inject_live();
  for (; reached; fault.n = next_fault(fault.n))
    for (int later = 0; later < 2; later++) {
      fault.later = later;
      for (size_t i = 0; i < OUTPUTS && scenario->outputs[i]; i++)
        write_file(scenario->outputs[i], precious, sizeof precious);
      int status = run_faulty(scenario, &fault);
      reached = fault.calls >= fault.n;
      if (!reached && status != 0)
        fail_msg("%s status %d without a fault", doing, status);
      check_run(scenario, &reference, status);
      if (inject_live() != before)
        fail_msg("%s %zd blocks not freed", doing, (ssize_t)(inject_live() - before));
    }
  if (getenv("QSCOPE_FAULTS_COUNT"))
    print_message("# %s %s: %zu calls at %ld ms\n", scenario->words[0], fault_names[kind],
                  fault.calls, clock() * 1000 / CLOCKS_PER_SEC);
  free_reference(&reference);
}

static void check_scenarios(enum fault_kind kind)
{
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
    if (scenarios[i].threads == (kind == FAULT_THREAD))
      check_scenario(&scenarios[i], kind);
}

static void test_commands_memory(void **state)
{
  (void)state;
  check_scenarios(FAULT_MEMORY);
}

static void test_commands_read(void **state)
{
  (void)state;
  check_scenarios(FAULT_READ);
  check_scenarios(FAULT_MAP);
}

static void test_commands_threads(void **state)
{
  (void)state;
  check_scenarios(FAULT_THREAD);
}

static void test_commands_write(void **state)
{
  (void)state;
  check_scenarios(FAULT_WRITE);
}

/* A disk that is full after so many bytes: the system's own answer to a write. */
static void test_full_disk(void **state)
{
  (void)state;
  static const rlim_t sizes[] = {0, 1, 100, 2000, 4096, 5000, 20000};
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    const struct scenario *scenario = &scenarios[i];
    struct reference reference = {0};
    if (!scenario->outputs[0])
      continue;
    make_reference(scenario, &reference);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      snprintf(doing, sizeof doing, "# %s, full after %zu bytes\n", scenario->words[0],
               (size_t)sizes[k]);
      for (size_t j = 0; j < OUTPUTS && scenario->outputs[j]; j++)
        write_file(scenario->outputs[j], precious, sizeof precious);
      int status;
      pid_t child = fork();
      if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){sizes[k], sizes[k]});
        _exit(run(scenario, &(struct fault){0}));
      }
      assert_int_equal(waitpid(child, &status, 0), child);
      if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 4))
        fail_msg("%s wait status %x", doing, status);
      check_files(scenario, &reference, WEXITSTATUS(status));
    }
    free_reference(&reference);
  }
}

/* The instrument itself: what must be noticed is noticed. */
static void test_notices(void **state)
{
  (void)state;
  size_t before = inject_live();
  void *block = malloc(10);
  assert_int_equal(inject_live(), before + 1);
  block = realloc(block, 1000);
  assert_int_equal(inject_live(), before + 1);
  free(block);
  assert_int_equal(inject_live(), before);
  inject_arm(FAULT_MEMORY, 2, false);
  char *first = strdup("a"), *second = strdup("b"), *third = strdup("c");
  assert_int_equal(inject_disarm(), 3);
  assert_non_null(first);
  assert_null(second);
  assert_non_null(third);
  free(first);
  free(third);
}

static int enter(void **state)
{
  (void)state;
  if (chdir(files_folder()) != 0)
    return -1;
  write_model();
  signal(SIGALRM, on_alarm);
  setenv("QSCOPE_THREADS", "2", 1);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_notices),        cmocka_unit_test(test_sources_memory),
      cmocka_unit_test(test_sources_files),  cmocka_unit_test(test_commands_memory),
      cmocka_unit_test(test_commands_read),  cmocka_unit_test(test_commands_threads),
      cmocka_unit_test(test_commands_write), cmocka_unit_test(test_full_disk),
  };
  return cmocka_run_group_tests_name("faults", tests, enter, files_remove);
}
