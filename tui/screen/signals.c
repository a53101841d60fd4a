#include "config.h"

#include "tui/screen/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const int fatal[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT,
                            SIGSEGV, SIGBUS, SIGFPE, SIGILL};
enum { FATAL = sizeof fatal / sizeof *fatal, OTHERS = 2, SAVED = FATAL + OTHERS };

static struct {
  int pipe[2];
  struct signal_rescue rescue;
  volatile sig_atomic_t armed;
  struct sigaction before[SAVED];
} state = {.pipe = {-1, -1}};

static void on_fatal(int number)
{
  const struct signal_rescue *rescue = &state.rescue;
  if (state.armed) {
    ssize_t written = write(rescue->terminal, rescue->restore, rescue->length);
    (void)written;
    tcsetattr(rescue->terminal, TCSANOW, &rescue->settings);
  }
  signal(number, SIG_DFL);
  raise(number);
}

static void on_event(int number)
{
  int saved = errno;
  ssize_t written = write(state.pipe[1], number == SIGWINCH ? "r" : "z", 1);
  (void)written;
  errno = saved;
}

static void install(int number, void (*handler)(int), int flags, struct sigaction *before)
{
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, before);
}

void signals_arm(const struct signal_rescue *rescue)
{
  state.armed = 0;
  if (!rescue)
    return;
  state.rescue = *rescue;
  state.armed = 1;
}

bool signals_install(void)
{
  if (pipe(state.pipe) != 0)
    return false;
  for (int i = 0; i < 2; i++) {
    fcntl(state.pipe[i], F_SETFL, O_NONBLOCK);
    fcntl(state.pipe[i], F_SETFD, FD_CLOEXEC);
  }
  for (int i = 0; i < FATAL; i++)
    install(fatal[i], on_fatal, 0, &state.before[i]);
  install(SIGWINCH, on_event, SA_RESTART, &state.before[FATAL]);
  install(SIGTSTP, on_event, SA_RESTART, &state.before[FATAL + 1]);
  return true;
}

/* Whoever has put a handler on top of ours (the file map does) keeps it. */
static void put_back(int number, void (*handler)(int), const struct sigaction *before)
{
  struct sigaction current;
  if (sigaction(number, NULL, &current) == 0 && current.sa_handler == handler)
    sigaction(number, before, NULL);
}

void signals_remove(void)
{
  if (state.pipe[0] < 0)
    return;
  for (int i = 0; i < FATAL; i++)
    put_back(fatal[i], on_fatal, &state.before[i]);
  put_back(SIGWINCH, on_event, &state.before[FATAL]);
  put_back(SIGTSTP, on_event, &state.before[FATAL + 1]);
  for (int i = 0; i < 2; i++) {
    close(state.pipe[i]);
    state.pipe[i] = -1;
  }
}

int signals_descriptor(void)
{
  return state.pipe[0];
}

char signals_take(void)
{
  char byte = 0;
  return read(state.pipe[0], &byte, 1) == 1 ? byte : 0;
}

void signals_stop(void)
{
  struct sigaction ours;
  sigset_t blocked, before;
  install(SIGTSTP, SIG_DFL, 0, &ours);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &blocked, &before);
  raise(SIGTSTP);
  sigprocmask(SIG_SETMASK, &before, NULL);
  sigaction(SIGTSTP, &ours, NULL);
}
