#include "config.h"

#include "tui/screen/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What ends a program that does nothing about it. SIGPIPE is ignored from the start. */
static const struct fatal {
  int number;
  const char *name;
} fatal[] = {
    {SIGTERM, "SIGTERM"},     {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},
    {SIGABRT, "SIGABRT"},     {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
    {SIGILL, "SIGILL"},       {SIGSYS, "SIGSYS"},   {SIGTRAP, "SIGTRAP"}, {SIGXCPU, "SIGXCPU"},
    {SIGXFSZ, "SIGXFSZ"},     {SIGALRM, "SIGALRM"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"},
    {SIGVTALRM, "SIGVTALRM"},
};
enum { FATAL = sizeof fatal / sizeof *fatal };

/* Those that arrive as a byte. */
static const struct event {
  int number;
  char byte;
} events[] = {{SIGWINCH, 'r'}, {SIGTSTP, 'z'}, {SIGCONT, 'c'}};
enum { EVENTS = sizeof events / sizeof *events };

/* An overflow of the stack has none left to be handled on. */
enum { RESCUE_STACK = 64 << 10 };

static struct {
  int pipe[2];
  struct signal_rescue rescue;
  volatile sig_atomic_t armed;
  int file;
  char advice[1024];
  struct sigaction before[FATAL + EVENTS];
  bool own_stack;
} state = {.pipe = {-1, -1}, .file = -1};

static char rescue_stack[RESCUE_STACK];

/* --- handlers: async-signal-safe calls only ------------------------------------------------- */

struct line {
  char text[sizeof state.advice + 64];
  size_t length;
};

static void add(struct line *line, const char *text)
{
  size_t length = strlen(text), room = sizeof line->text - line->length;
  memcpy(line->text + line->length, text, length < room ? length : room);
  line->length += length < room ? length : room;
}

static void put(int file, const char *text, size_t length)
{
  ssize_t written = write(file, text, length);
  (void)written;
}

static void put_end(int file, const char *before, int number, const char *after)
{
  struct line line = {.length = 0};
  add(&line, before);
  for (int i = 0; i < FATAL; i++)
    if (fatal[i].number == number)
      add(&line, fatal[i].name);
  add(&line, after);
  add(&line, "\n");
  put(file, line.text, line.length);
}

static void on_fatal(int number)
{
  const struct signal_rescue *rescue = &state.rescue;
  if (state.armed) {
    state.armed = 0; /* should another thread fail meanwhile */
    put(rescue->terminal, rescue->restore, rescue->length);
    tcsetattr(rescue->terminal, TCSANOW, &rescue->settings);
    if (state.file >= 0)
      put_end(state.file, "#= ended by ", number, "");
    put_end(STDERR_FILENO, "qscope: ended by ", number, state.advice);
  }
  signal(number, SIG_DFL);
  raise(number);
}

static void on_event(int number)
{
  int saved = errno;
  for (int i = 0; i < EVENTS; i++)
    if (events[i].number == number)
      put(state.pipe[1], &events[i].byte, 1);
  errno = saved;
}

/* --- installing ----------------------------------------------------------------------------- */

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

void signals_leave(int file, const char *advice)
{
  sig_atomic_t armed = state.armed;
  state.armed = 0; /* not half of it */
  state.file = file;
  snprintf(state.advice, sizeof state.advice, "%s", advice);
  state.armed = armed;
}

/* Unless somebody (a sanitizer) has one already. */
static void take_stack(void)
{
  stack_t old, stack = {.ss_sp = rescue_stack, .ss_size = sizeof rescue_stack};
  state.own_stack =
      sigaltstack(NULL, &old) == 0 && old.ss_flags & SS_DISABLE && sigaltstack(&stack, NULL) == 0;
}

static void give_stack_back(void)
{
  stack_t none = {.ss_flags = SS_DISABLE};
  if (state.own_stack)
    sigaltstack(&none, NULL);
}

bool signals_install(void)
{
  if (pipe(state.pipe) != 0)
    return false;
  for (int i = 0; i < 2; i++) {
    fcntl(state.pipe[i], F_SETFL, O_NONBLOCK);
    fcntl(state.pipe[i], F_SETFD, FD_CLOEXEC);
  }
  take_stack();
  for (int i = 0; i < FATAL; i++)
    install(fatal[i].number, on_fatal, SA_ONSTACK, &state.before[i]);
  for (int i = 0; i < EVENTS; i++)
    install(events[i].number, on_event, SA_RESTART, &state.before[FATAL + i]);
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
    put_back(fatal[i].number, on_fatal, &state.before[i]);
  for (int i = 0; i < EVENTS; i++)
    put_back(events[i].number, on_event, &state.before[FATAL + i]);
  give_stack_back();
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
  struct sigaction ours, going_on;
  sigset_t blocked, before;
  install(SIGTSTP, SIG_DFL, 0, &ours);
  install(SIGCONT, SIG_DFL, 0, &going_on); /* whoever stops knows when it goes on */
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &blocked, &before);
  raise(SIGTSTP);
  sigprocmask(SIG_SETMASK, &before, NULL);
  sigaction(SIGCONT, &going_on, NULL);
  sigaction(SIGTSTP, &ours, NULL);
}
