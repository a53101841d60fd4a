#include "tui/screen/reading.h"

#include "quant/base/clock.h"
#include "quant/base/size.h"
#include "tui/screen/explorer.h"
#include "tui/screen/keys.h"
#include "tui/screen/paint.h"
#include "tui/screen/signals.h"
#include "tui/screen/terminal.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  PATIENCE_MS = 20, /* what is read within this needs no screen of its own */
  METER_MS = 100,
  LEAVE_MS = 50, /* for the thread to notice */
};

/* --- the thread ----------------------------------------------------------------------------- */

/* Shared by the screen and the thread; whoever is the last frees it. */
struct job {
  pthread_t thread;
  pthread_mutex_t lock;
  bool done, left;
  int wake[2]; /* a pipe: a byte comes when it is done */
  char *spec, *type;
  struct progress progress;
  struct source *source;
  enum status status;
  struct error error;
};

static atomic_uint left_alone;

bool reading_goes_on(void)
{
  return atomic_load(&left_alone) > 0;
}

static void job_free(struct job *job)
{
  source_close(job->source);
  for (int i = 0; i < 2; i++)
    if (job->wake[i] >= 0)
      close(job->wake[i]);
  pthread_mutex_destroy(&job->lock);
  free(job->spec);
  free(job->type);
  free(job);
}

static void *read_source(void *context)
{
  struct job *job = context;
  job->status =
      source_open_watched(job->spec, job->type, &job->progress, &job->source, &job->error);
  pthread_mutex_lock(&job->lock);
  job->done = true;
  bool left = job->left;
  pthread_mutex_unlock(&job->lock);
  if (left) {
    job_free(job);
    atomic_fetch_sub(&left_alone, 1);
  } else if (write(job->wake[1], "", 1) < 0) {
    return NULL; /* the screen looks by itself, a little later */
  }
  return NULL;
}

static bool job_fill(struct job *job, const char *spec, const char *type)
{
  job->spec = strdup(spec);
  job->type = type ? strdup(type) : NULL;
  return job->spec && (job->type || !type) && pipe(job->wake) == 0;
}

/* NULL without memory or threads. */
static struct job *job_start(const char *spec, const char *type)
{
  struct job *job = mem_array(1, sizeof *job);
  if (!job)
    return NULL;
  job->wake[0] = job->wake[1] = -1;
  pthread_mutex_init(&job->lock, NULL);
  if (job_fill(job, spec, type) && pthread_create(&job->thread, NULL, read_source, job) == 0)
    return job;
  job_free(job);
  return NULL;
}

static bool job_done(struct job *job)
{
  pthread_mutex_lock(&job->lock);
  bool done = job->done;
  pthread_mutex_unlock(&job->lock);
  return done;
}

/* What it has brought; frees it. */
static enum status job_take(struct job *job, struct source **out, struct error *error)
{
  enum status status = job->status;
  pthread_join(job->thread, NULL);
  if (status != STATUS_OK && error)
    *error = job->error;
  *out = job->source;
  job->source = NULL;
  job_free(job);
  return status;
}

/* Lets the thread end by itself, which then frees everything. */
static void job_leave(struct job *job)
{
  pthread_t thread = job->thread;
  progress_cancel(&job->progress);
  poll(&(struct pollfd){.fd = job->wake[0], .events = POLLIN}, 1, LEAVE_MS);
  atomic_fetch_add(&left_alone, 1);
  pthread_mutex_lock(&job->lock);
  job->left = true;
  bool done = job->done;
  pthread_mutex_unlock(&job->lock);
  if (!done) {
    pthread_detach(thread);
    return;
  }
  pthread_join(thread, NULL);
  job_free(job);
  atomic_fetch_sub(&left_alone, 1);
}

/* --- the screen ----------------------------------------------------------------------------- */

static void paint_name(struct explorer *explorer, const char *spec, struct rect rect)
{
  char name[512], shown[512], mark[5];
  const struct style bold = {.ink = PAINT_TITLE, .paper = PAINT_TITLE, .attributes = CELL_BOLD};
  cells_fill(&explorer->cells, rect, ' ', bold);
  text_escape(source_short_title(spec), name, sizeof name);
  text_shorten(&explorer->cells, name, rect.columns - 2,
               utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark), shown, sizeof shown);
  cells_text(&explorer->cells, rect, 0, 1, bold, shown);
}

/* "reading ######......  43 %", or the bytes so far, or the seconds. */
static void paint_meter(struct explorer *explorer, struct rect rect, const struct job *job,
                        double seconds)
{
  enum { BAR = 24 };
  const struct style style = {.ink = PAINT_WARNING};
  size_t done = atomic_load(&job->progress.done), total = atomic_load(&job->progress.total);
  double share = total ? fmin((double)done / (double)total, 1) : 0;
  char bytes[32];
  int column = cells_text(&explorer->cells, rect, 0, 2, style, "reading ");
  if (total && rect.columns > column + BAR + 16)
    column = paint_bar(explorer, rect, column, BAR, share) + 1;
  if (total)
    column = cells_printf(&explorer->cells, rect, 0, column, style, "%3.0f %%", share * 100);
  else if (done)
    column = cells_text(&explorer->cells, rect, 0, column, style,
                        bytes_text((double)done, bytes, sizeof bytes));
  if (seconds >= 1)
    cells_printf(&explorer->cells, rect, 0, column + 1, style, "%.0f s", seconds);
}

static void paint_reading(struct explorer *explorer, const struct job *job, double seconds)
{
  /* Before a source is there, there is nothing to go back to. */
  static const char *const leave[] = {"Esc q", "leaves", NULL};
  static const char *const stop[] = {"Esc q", "stops", NULL};
  struct rect all = cells_all(&explorer->cells);
  int row = all.rows / 2;
  explorer->cells.ascii = explorer->glyphs->ascii;
  explorer->cursor_row = -1;
  cells_clear(&explorer->cells);
  if (all.rows > 1)
    paint_name(explorer, job->spec, (struct rect){0, 0, 1, all.columns});
  paint_meter(explorer, (struct rect){row, 0, 1, all.columns}, job, seconds);
  if (explorer->layout.form != LAYOUT_LINE)
    paint_fixed_hints(explorer, explorer->source ? stop : leave);
}

static enum status show(struct explorer *explorer, const struct job *job, double seconds,
                        struct error *error)
{
  enum status status = explorer_present(explorer, error);
  if (status != STATUS_OK)
    return status;
  explorer_relayout(explorer);
  paint_reading(explorer, job, seconds);
  terminal_show(&explorer->cells, -1, -1);
  trace_frame(explorer->trace, "none");
  return STATUS_OK;
}

/* --- keys ----------------------------------------------------------------------------------- */

static bool leaves(uint32_t key)
{
  return key == KEY_CODE_ESCAPE || command_of_key(key, SCOPE_EVERYWHERE) == COMMAND_QUIT;
}

/* True when one of them says that nobody waits. The mouse means what was on the screen before. */
static bool take_keys(struct explorer *explorer)
{
  struct kept_keys *kept = &explorer->kept;
  struct mouse_event event;
  uint32_t key;
  while (terminal_key(&key)) {
    if (leaves(key))
      return true;
    if (key == KEY_CODE_MOUSE)
      terminal_mouse(&event);
    else if (kept->count < sizeof kept->key / sizeof *kept->key)
      kept->key[kept->count++] = key;
  }
  return terminal_lost();
}

static void wait_for(const struct job *job)
{
  struct pollfd files[] = {{.fd = job->wake[0], .events = POLLIN},
                           {.fd = signals_descriptor(), .events = POLLIN},
                           {.fd = terminal_descriptor(), .events = POLLIN}};
  poll(files, sizeof files / sizeof *files, METER_MS);
}

/* Shows the meter until the job is done; STATUS_CANCELLED when the user does not want to wait. */
static enum status watch(struct explorer *explorer, struct job *job, struct error *error)
{
  double start = seconds_now();
  enum status status = STATUS_OK;
  poll(&(struct pollfd){.fd = job->wake[0], .events = POLLIN}, 1, PATIENCE_MS);
  while (status == STATUS_OK && !job_done(job)) {
    status = show(explorer, job, seconds_now() - start, error);
    if (status != STATUS_OK)
      return status;
    wait_for(job);
    explorer_heed_signals(explorer);
    if (take_keys(explorer))
      status = error_set(error, STATUS_CANCELLED, "reading %s was stopped",
                         source_short_title(job->spec));
  }
  return status;
}

enum status reading_open(struct explorer *explorer, const char *spec, const char *type,
                         struct source **out, struct error *error)
{
  struct job *job = explorer->scripted ? NULL : job_start(spec, type);
  if (!job)
    return source_open_as(spec, type, out, error);
  enum status status = watch(explorer, job, error);
  if (status == STATUS_OK)
    return job_take(job, out, error);
  job_leave(job);
  explorer->kept.count = 0; /* they were for what does not come */
  return status;
}
