#include "config.h"

#include "data/child.h"

#include "quant/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS_MOST = 120 };

/* Bytes of address space that this process has; 0 where the system does not tell. */
static size_t address_space(void)
{
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (!file)
    return 0;
  if (fscanf(file, "%lu", &pages) != 1)
    pages = 0;
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void set_limits(size_t memory)
{
  size_t space = memory > 0 ? address_space() : 0;
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  setrlimit(RLIMIT_CPU, &(struct rlimit){SECONDS_MOST, SECONDS_MOST});
  if (space > 0 && size_add(space, memory, &space))
    setrlimit(RLIMIT_AS, &(struct rlimit){space, space});
}

static _Noreturn void be_the_child(const struct trial *trial)
{
  static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGINT, SIGTERM};
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
    signal(deadly[i], SIG_DFL);
  set_limits(trial->memory);
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) {
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
  }
  _exit(trial->act(trial->state) ? 0 : 1);
}

static enum status failed(const struct trial *trial, struct error *error)
{
  if (trial->memory == 0)
    return error_set(error, STATUS_INPUT, "damaged: %s fails on it", trial->library);
  return error_set(error, STATUS_INPUT, "damaged: %s fails on it, or needs more than %zu bytes",
                   trial->library, trial->memory);
}

enum status child_try(const struct trial *trial, struct progress *progress, struct error *error)
{
  int outcome = 0;
  pid_t child = fork(), ended;
  if (child < 0)
    return error_set(error, STATUS_MEMORY, "cannot start a process: %s", strerror(errno));
  if (child == 0)
    be_the_child(trial);
  bool stop = false;
  while ((ended = waitpid(child, &outcome, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
    if (!stop && (stop = progress_cancelled(progress)))
      kill(child, SIGKILL);
    nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
  }
  if (stop)
    return error_set(error, STATUS_CANCELLED, "cancelled");
  bool good = ended == child && WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0;
  return good ? STATUS_OK : failed(trial, error);
}
