#include "tui/cli/meter.h"

#include "data/tensor.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 200, QUIET_MS = 1000, LINE_WIDTH = 78 };

static struct {
  struct progress progress; /* of the task that runs */
  volatile sig_atomic_t signal;
  pthread_t thread;
  bool drawing; /* the thread exists */
  pthread_mutex_t lock;
  pthread_cond_t wake;
  /* Guarded by lock: */
  bool over, shown;
  char name[48];
  double started, share;
  size_t weight, done, task; /* whole, finished tasks, this one */
} meter = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void on_signal(int number)
{
  meter.signal = number;
  progress_cancel(&meter.progress);
}

static void erase(void)
{
  if (meter.shown)
    fprintf(stderr, "\r%*s\r", LINE_WIDTH, "");
  meter.shown = false;
}

/* Share of the whole work that is done. Work announces its passes one after the other, so the
 * share of the moment may fall; what people see only rises. */
static double share(void)
{
  double total = (double)meter.progress.total, done = (double)meter.progress.done;
  double part = total > 0 ? done / total : 0;
  double whole = meter.weight ? (double)meter.weight : 1;
  double now_done = ((double)meter.done + (part < 1 ? part : 1) * (double)meter.task) / whole;
  return meter.share = now_done > meter.share ? now_done : meter.share;
}

static void draw(void)
{
  double elapsed = now() - meter.started, part = share();
  if (elapsed * 1000 < QUIET_MS)
    return;
  char line[120];
  int used = snprintf(line, sizeof line, "qscope: %s  %.0f %%", meter.name, 100 * part);
  if (part > 0.01)
    snprintf(line + used, sizeof line - (size_t)used, "  about %.0f s left",
             elapsed * (1 - part) / part);
  fprintf(stderr, "\r%-*.*s", LINE_WIDTH, LINE_WIDTH, line);
  meter.shown = true;
}

static void *draw_loop(void *unused)
{
  pthread_mutex_lock(&meter.lock);
  while (!meter.over) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&meter.wake, &meter.lock, &until);
    if (!meter.over)
      draw();
  }
  erase();
  pthread_mutex_unlock(&meter.lock);
  return unused;
}

/* The first signal cancels, the second has its usual effect. */
static void catch_signals(void)
{
  static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
    struct sigaction old;
    if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
      sigaction(stops[i], &action, NULL);
  }
}

void meter_start(size_t weight)
{
  catch_signals();
  meter.started = now();
  meter.weight = weight;
  meter.drawing =
      isatty(STDERR_FILENO) && pthread_create(&meter.thread, NULL, draw_loop, NULL) == 0;
}

struct progress *meter_task(const char *name, size_t weight)
{
  pthread_mutex_lock(&meter.lock);
  text_escape(name, meter.name, sizeof meter.name);
  meter.done += meter.task;
  meter.task = weight;
  meter.progress.done = 0;
  meter.progress.total = 0;
  pthread_mutex_unlock(&meter.lock);
  return &meter.progress;
}

void meter_clear(void)
{
  pthread_mutex_lock(&meter.lock);
  erase();
  pthread_mutex_unlock(&meter.lock);
}

void meter_stop(void)
{
  pthread_mutex_lock(&meter.lock);
  meter.over = true;
  pthread_cond_signal(&meter.wake);
  pthread_mutex_unlock(&meter.lock);
  if (meter.drawing)
    pthread_join(meter.thread, NULL);
  meter.drawing = false;
}

int meter_signal(void)
{
  return meter.signal;
}
