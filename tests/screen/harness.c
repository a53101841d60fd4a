#include "config.h"

#include "tests/screen/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

enum { DEADLINE_MS = 30000, QUIET_DEADLINE_MS = 300, TEXT_BYTES = 1 << 18 };

struct harness {
  pid_t child;
  int master;
  int status; /* of waitpid */
  bool ended, closed, quiet, alternate, cursor;
  int rows, columns;
  VTerm *vterm;
  VTermScreen *screen;
  char *output;
  size_t length, room, scanned;
  unsigned keys, handled;      /* sent; said to be handled, plus 1 */
  int said_rows, said_columns; /* size of the last settled frame */
  struct termios settings;     /* as the program found them */
  char text[TEXT_BYTES];
};

static long now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- start and end ------------------------------------------------------------------------ */

static void child_environment(const struct harness_options *options)
{
  /* No mouse of a Linux console: its library, where it is installed, loses ten bytes on a pty. */
  static const char *const pinned[] = {
      "TERM=xterm-256color", "LC_ALL=C.UTF-8",     "TZ=UTC",
      "NCURSES_GPM_TERMS=",  "QSCOPE_TEST_IDLE=1", "QSCOPE_THREADS=2"};
  static const char *const kept[] = {"PATH",         "HOME",   "ASAN_OPTIONS",    "UBSAN_OPTIONS",
                                     "LSAN_OPTIONS", "TMPDIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"};
  char *values[sizeof kept / sizeof *kept];
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    const char *value = getenv(kept[i]);
    values[i] = value ? strdup(value) : NULL;
  }
  clearenv();
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    if (values[i])
      setenv(kept[i], values[i], 1);
  for (size_t i = 0; i < sizeof pinned / sizeof *pinned; i++)
    putenv(strdup(pinned[i]));
  for (size_t i = 0; i < HARNESS_ENVIRONMENT && options->environment[i]; i++)
    putenv(strdup(options->environment[i]));
}

static int on_property(VTermProp property, VTermValue *value, void *user)
{
  struct harness *harness = user;
  if (property == VTERM_PROP_ALTSCREEN)
    harness->alternate = value->boolean;
  if (property == VTERM_PROP_CURSORVISIBLE)
    harness->cursor = value->boolean;
  return 1;
}

static void open_screen(struct harness *harness)
{
  static const VTermScreenCallbacks callbacks = {.settermprop = on_property};
  harness->vterm = vterm_new(harness->rows, harness->columns);
  vterm_set_utf8(harness->vterm, 1);
  harness->screen = vterm_obtain_screen(harness->vterm);
  vterm_screen_enable_altscreen(harness->screen, 1);
  vterm_screen_set_callbacks(harness->screen, &callbacks, harness);
  vterm_screen_reset(harness->screen, 1);
}

/* What a new pseudo-terminal is set to. */
static struct termios usual_settings(void)
{
  struct termios settings = {0};
  int master, slave;
  if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
    abort();
  tcgetattr(slave, &settings);
  close(master);
  close(slave);
  return settings;
}

struct harness *harness_start(const struct harness_options *options)
{
  struct harness *harness = calloc(1, sizeof *harness);
  if (!harness)
    abort();
  harness->rows = options->rows ? options->rows : 24;
  harness->columns = options->columns ? options->columns : 80;
  harness->settings = usual_settings();
  open_screen(harness);
  struct winsize size = {.ws_row = (unsigned short)harness->rows,
                         .ws_col = (unsigned short)harness->columns};
  harness->child = forkpty(&harness->master, NULL, &harness->settings, &size);
  if (harness->child < 0)
    abort();
  if (harness->child == 0) {
    child_environment(options);
    char *arguments[16] = {NULL};
    for (size_t i = 0; i < 15 && options->arguments[i]; i++)
      arguments[i] = strdup(options->arguments[i]);
    execvp(arguments[0], arguments);
    _exit(127);
  }
  fcntl(harness->master, F_SETFL, O_NONBLOCK);
  return harness;
}

void harness_end(struct harness *harness)
{
  if (!harness->ended) {
    kill(harness->child, SIGKILL);
    waitpid(harness->child, &harness->status, 0);
  }
  close(harness->master);
  vterm_free(harness->vterm);
  free(harness->output);
  free(harness);
}

void harness_hang_up(struct harness *harness)
{
  close(harness->master);
  harness->master = open("/dev/null", O_RDWR);
  harness->closed = true;
}

pid_t harness_child(const struct harness *harness)
{
  return harness->child;
}

/* --- what the program writes -------------------------------------------------------------- */

static const char marker[] = "\033]5379;idle;";

/* Finds idle markers in what came in; a marker may be cut anywhere. */
static void scan_markers(struct harness *harness)
{
  const size_t width = sizeof marker - 1;
  for (; harness->scanned + width < harness->length; harness->scanned++) {
    const char *at = harness->output + harness->scanned;
    if (memcmp(at, marker, width) != 0)
      continue;
    if (!memchr(at, '\a', harness->length - harness->scanned))
      return;
    harness->said_rows = harness->rows;
    harness->said_columns = harness->columns;
    sscanf(at + width, "%u;%dx%d", &harness->handled, &harness->said_rows, &harness->said_columns);
    harness->handled++;
  }
}

static void keep_output(struct harness *harness, const char *bytes, size_t count)
{
  if (harness->length + count + 1 > harness->room) {
    harness->room = (harness->length + count + 1) * 2;
    harness->output = realloc(harness->output, harness->room);
    if (!harness->output)
      abort();
  }
  memcpy(harness->output + harness->length, bytes, count);
  harness->length += count;
  harness->output[harness->length] = 0;
  scan_markers(harness);
}

/* What the emulator answers (reports that the program asked for). */
static void answer(struct harness *harness)
{
  char reply[256];
  size_t count;
  while ((count = vterm_output_read(harness->vterm, reply, sizeof reply)) > 0)
    if (write(harness->master, reply, count) < 0)
      return;
}

static void note_end(struct harness *harness, int options)
{
  int status;
  if (!harness->ended && waitpid(harness->child, &status, options) == harness->child &&
      (WIFEXITED(status) || WIFSIGNALED(status))) {
    harness->ended = true;
    harness->status = status;
  }
}

/* Reads what there is, waiting at most TIMEOUT ms for the first byte. False when all is said. */
static bool pump(struct harness *harness, int timeout)
{
  char bytes[65536];
  struct pollfd poll_master = {.fd = harness->master, .events = POLLIN};
  if (harness->closed)
    return false;
  if (poll(&poll_master, 1, timeout) <= 0)
    return true;
  ssize_t count = read(harness->master, bytes, sizeof bytes);
  if (count > 0) {
    keep_output(harness, bytes, (size_t)count);
    vterm_input_write(harness->vterm, bytes, (size_t)count);
    answer(harness);
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return true;
  harness->closed = true; /* Linux says EIO when the last user of the terminal is gone */
  return false;
}

static bool wait_at_most(struct harness *harness, long deadline, const char *what,
                         bool (*holds)(struct harness *, const void *), const void *context)
{
  long end = now_ms() + deadline;
  while (!holds(harness, context)) {
    long left = end - now_ms();
    bool more = left > 0 && pump(harness, (int)left);
    if (more || holds(harness, context))
      continue;
    if (!harness->quiet)
      fprintf(stderr, "# %s: waited in vain for %s; the screen was:\n%s# ---\n",
              left > 0 ? "program ended" : "deadline", what, harness_screen(harness));
    return false;
  }
  return true;
}

static bool wait_for(struct harness *harness, const char *what,
                     bool (*holds)(struct harness *, const void *), const void *context)
{
  return wait_at_most(harness, harness->quiet ? QUIET_DEADLINE_MS : DEADLINE_MS, what, holds,
                      context);
}

static bool holds_text(struct harness *harness, const void *text)
{
  return strstr(harness_screen(harness), text) != NULL;
}

static bool holds_no_text(struct harness *harness, const void *text)
{
  return !holds_text(harness, text);
}

static bool holds_settled(struct harness *harness, const void *unused)
{
  (void)unused;
  return harness->handled > harness->keys && harness->said_rows == harness->rows &&
         harness->said_columns == harness->columns;
}

static bool holds_bytes(struct harness *harness, const void *bytes)
{
  return harness->length >= strlen(bytes) &&
         memmem(harness->output, harness->length, bytes, strlen(bytes));
}

bool harness_wait_text(struct harness *harness, const char *text)
{
  return wait_for(harness, text, holds_text, text);
}

bool harness_wait_no_text(struct harness *harness, const char *text)
{
  return wait_for(harness, "the end of a text", holds_no_text, text);
}

bool harness_wait_settled(struct harness *harness)
{
  return wait_for(harness, "the idle marker", holds_settled, NULL);
}

bool harness_wait_bytes(struct harness *harness, const char *bytes)
{
  return wait_for(harness, "certain bytes", holds_bytes, bytes);
}

static bool holds_closed(struct harness *harness, const void *unused)
{
  (void)unused;
  return harness->closed;
}

int harness_wait_end(struct harness *harness)
{
  /* Who expects a failure expects an end, however busy the machine is. */
  if (!wait_at_most(harness, DEADLINE_MS, "the end of the program", holds_closed, NULL))
    return -1;
  note_end(harness, 0);
  return harness->status;
}

bool harness_wait_stopped(struct harness *harness)
{
  int status = 0;
  long end = now_ms() + DEADLINE_MS;
  while (now_ms() < end) {
    if (waitpid(harness->child, &status, WNOHANG | WUNTRACED) == harness->child)
      return WIFSTOPPED(status);
    pump(harness, 10);
  }
  return false;
}

/* --- keys --------------------------------------------------------------------------------- */

void harness_bytes(struct harness *harness, const char *bytes)
{
  size_t left = strlen(bytes);
  long end = now_ms() + DEADLINE_MS;
  while (left && now_ms() < end) {
    ssize_t count = write(harness->master, bytes, left);
    if (count > 0) {
      bytes += count;
      left -= (size_t)count;
    } else if (!pump(harness, 10)) {
      return;
    }
  }
}

void harness_send(struct harness *harness, const char *bytes, unsigned keys)
{
  harness->keys += keys;
  harness_bytes(harness, bytes);
}

bool harness_press(struct harness *harness, const char *bytes, unsigned keys)
{
  harness_send(harness, bytes, keys);
  return harness_wait_settled(harness);
}

bool harness_type(struct harness *harness, const char *text)
{
  return harness_press(harness, text, (unsigned)strlen(text));
}

void harness_resize(struct harness *harness, int rows, int columns)
{
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  harness->rows = rows;
  harness->columns = columns;
  vterm_set_size(harness->vterm, rows, columns);
  ioctl(harness->master, TIOCSWINSZ, &size);
}

/* --- the screen --------------------------------------------------------------------------- */

static size_t encode(uint32_t code, char *out)
{
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (char)(0xC0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3F));
    return 2;
  }
  out[0] = (char)(0xE0 | code >> 12);
  out[1] = (char)(0x80 | (code >> 6 & 0x3F));
  out[2] = (char)(0x80 | (code & 0x3F));
  return 3;
}

static char *row_text(struct harness *harness, int row, char *at)
{
  char *end = at;
  for (int column = 0; column < harness->columns; column++) {
    struct harness_cell cell = harness_cell(harness, row, column);
    if (cell.code == UINT32_MAX)
      continue;
    at += encode(cell.code, at);
    if (cell.code != ' ')
      end = at;
  }
  *end = 0;
  return end;
}

const char *harness_row(struct harness *harness, int row)
{
  row_text(harness, row, harness->text);
  return harness->text;
}

const char *harness_screen(struct harness *harness)
{
  char *at = harness->text;
  for (int row = 0; row < harness->rows; row++) {
    if (at - harness->text > TEXT_BYTES - harness->columns * 4 - 2)
      break;
    at = row_text(harness, row, at);
    *at++ = '\n';
  }
  *at = 0;
  return harness->text;
}

bool harness_shows(struct harness *harness, const char *text)
{
  while (pump(harness, 0)) {
    struct pollfd more = {.fd = harness->master, .events = POLLIN};
    if (poll(&more, 1, 0) <= 0)
      break;
  }
  return holds_text(harness, text);
}

struct harness_cell harness_cell(struct harness *harness, int row, int column)
{
  VTermScreenCell cell;
  VTermPos position = {.row = row, .col = column};
  memset(&cell, 0, sizeof cell);
  vterm_screen_get_cell(harness->screen, position, &cell);
  return (struct harness_cell){
      .code = cell.chars[0] ? cell.chars[0] : ' ',
      .bold = cell.attrs.bold,
      .reverse = cell.attrs.reverse,
      .underline = cell.attrs.underline != 0,
      .plain_ink = VTERM_COLOR_IS_DEFAULT_FG(&cell.fg),
      .plain_paper = VTERM_COLOR_IS_DEFAULT_BG(&cell.bg),
      .ink = VTERM_COLOR_IS_INDEXED(&cell.fg) ? cell.fg.indexed.idx : -1,
  };
}

bool harness_find(struct harness *harness, const char *text, int *row, int *column)
{
  for (int r = 0; r < harness->rows; r++) {
    const char *line = harness_row(harness, r), *found = strstr(line, text);
    if (!found)
      continue;
    *row = r;
    *column = 0;
    for (; line < found; line++)
      *column += (*line & 0xC0) != 0x80;
    return true;
  }
  return false;
}

bool harness_alternate(const struct harness *harness)
{
  return harness->alternate;
}

bool harness_cursor_visible(const struct harness *harness)
{
  return harness->cursor;
}

const char *harness_output(const struct harness *harness, size_t *length)
{
  *length = harness->length;
  return harness->output ? harness->output : "";
}

bool harness_settings_restored(const struct harness *harness)
{
  struct termios now;
  const struct termios *then = &harness->settings;
  return tcgetattr(harness->master, &now) == 0 && now.c_iflag == then->c_iflag &&
         now.c_oflag == then->c_oflag && now.c_lflag == then->c_lflag &&
         now.c_cflag == then->c_cflag && memcmp(now.c_cc, then->c_cc, sizeof now.c_cc) == 0;
}

void harness_quiet(struct harness *harness, bool quiet)
{
  harness->quiet = quiet;
}
