#include "config.h"

#include "tui/screen/terminal.h"

#include "tui/screen/glyphs.h"
#include "tui/screen/keys.h"
#include "tui/screen/signals.h"

/* Wide-character curses needs these before curses.h. */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
#undef columns /* term.h makes a macro of it */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum { PAIRS = 4096 };

static struct {
  int rows, columns; /* where there is no terminal */
  bool open, lost, console, synchronised, mouse;
  FILE *in, *out;
  SCREEN *screen;
  WINDOW *keyboard; /* a pad: reading keys from it never repaints */
  enum color_depth depth;
  struct screen_theme theme;
  struct cells shown;
  int pairs, pair_limit;
  struct {
    int ink, paper;
  } pair[PAIRS];
} self;

/* --- opening ---------------------------------------------------------------------------- */

/* What an option allows. */
static const enum color_depth most[] = {[COLOR_AUTO] = DEPTH_DIRECT,
                                        [COLOR_NEVER] = DEPTH_MONO,
                                        [COLOR_8] = DEPTH_8,
                                        [COLOR_16] = DEPTH_16,
                                        [COLOR_256] = DEPTH_256};

static enum color_depth depth_of(const struct app_options *options)
{
  const char *no_color = getenv("NO_COLOR");
  if (options->color == COLOR_NEVER || (options->color == COLOR_AUTO && no_color && *no_color))
    return DEPTH_MONO;
  int colors = tigetnum("colors");
  enum color_depth has = tigetflag("RGB") > 0 || tigetnum("RGB") > 0 ? DEPTH_DIRECT
                         : colors >= 256                             ? DEPTH_256
                         : colors >= 16                              ? DEPTH_16
                         : colors >= 8                               ? DEPTH_8
                                                                     : DEPTH_MONO;
  /* In direct colour a palette's index has another meaning. */
  return options->color == COLOR_AUTO || has == DEPTH_DIRECT || has < most[options->color]
             ? has
             : most[options->color];
}

/* Appends the string capability NAME without its padding marks ("$<5>"). */
static void append_capability(struct signal_rescue *rescue, const char *name)
{
  const char *text = tigetstr(name);
  if (!text || text == (char *)-1)
    return;
  for (; *text && rescue->length < sizeof rescue->restore; text++) {
    if (text[0] == '$' && text[1] == '<' && strchr(text, '>'))
      text = strchr(text, '>');
    else
      rescue->restore[rescue->length++] = *text;
  }
}

static void append_text(struct signal_rescue *rescue, const char *text)
{
  for (; *text && rescue->length < sizeof rescue->restore; text++)
    rescue->restore[rescue->length++] = *text;
}

static bool addressable(const char *name)
{
  const char *text = tigetstr(name);
  return text && text != (char *)-1;
}

static struct signal_rescue rescue_plan(void)
{
  static const char *const capabilities[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"};
  struct signal_rescue rescue = {.terminal = fileno(self.out)};
  tcgetattr(rescue.terminal, &rescue.settings);
  size_t count = sizeof capabilities / sizeof *capabilities;
  for (size_t i = 0; i < count; i++)
    if (i != 1 || self.depth != DEPTH_MONO) /* no colour sequence where none was asked for */
      append_capability(&rescue, capabilities[i]);
  if (addressable("kmous"))
    append_text(&rescue, "\033[?1002l\033[?1000l\033[?1006l");
  if (self.synchronised) /* a frame may be under way */
    append_text(&rescue, "\033[?2026l");
  if (rescue.length + 2 < sizeof rescue.restore && !tigetstr("rmcup"))
    rescue.restore[rescue.length++] = '\n';
  return rescue;
}

/* Terminals that show a frame as a whole between two marks (private mode 2026), or are known to
 * overlook them: their description says so, or the name is one of those. */
static bool synchronises(void)
{
  static const char *const names[] = {"xterm",   "tmux",    "foot",    "alacritty",
                                      "contour", "wezterm", "ghostty", "mintty"};
  const char *term = getenv("TERM");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strncmp(term, names[i], strlen(names[i])) == 0)
      return true;
  return addressable("Sync");
}

/* Checks TERM before curses does, because curses' own answer is to end the process. */
static enum status check_term(struct error *error)
{
  const char *term = getenv("TERM");
  int found;
  if (!isatty(fileno(self.out)))
    return error_set(error, STATUS_OUTPUT,
                     "standard output is not a terminal; \"qscope report\" prints the numbers");
  if (!term || !*term)
    return error_set(
        error, STATUS_OUTPUT,
        "TERM is not set, so the terminal is unknown; \"qscope --linear\" works without");
  if (setupterm(term, fileno(self.out), &found) != OK)
    return error_set(
        error, STATUS_OUTPUT,
        "terminal type \"%.60s\" is unknown here (TERM); \"qscope --linear\" works on any", term);
  if (!addressable("cup") || !addressable("clear"))
    return error_set(
        error, STATUS_OUTPUT,
        "terminal type \"%.60s\" cannot place text (TERM); \"qscope --linear\" works on any", term);
  return STATUS_OK;
}

static void start_colors(void)
{
  self.pairs = 0;
  self.pair_limit = 0;
  if (self.depth == DEPTH_MONO || !has_colors() || start_color() != OK) {
    self.depth = DEPTH_MONO;
    return;
  }
  use_default_colors();
  self.pair_limit = COLOR_PAIRS - 1 < PAIRS ? COLOR_PAIRS - 1 : PAIRS;
}

/* ^Z undoes, as everywhere but in a shell: another key suspends. */
static void free_suspend_key(void)
{
  struct termios settings;
  if (tcgetattr(fileno(self.in), &settings) != 0)
    return;
  settings.c_cc[VSUSP] = _POSIX_VDISABLE;
#ifdef VDSUSP /* ^Y, where there is such a thing */
  settings.c_cc[VDSUSP] = _POSIX_VDISABLE;
#endif
  tcsetattr(fileno(self.in), TCSANOW, &settings);
  def_prog_mode();
}

/* What terminals send for keys whose sequence depends on their mode or their maker: a description
 * names one form of each, and the terminal may be set to another (cursor keys: DECCKM). Forms that
 * the description has keep their meaning there. */
static void define_other_forms(void)
{
  static const struct {
    const char *sequence;
    int key;
  } forms[] = {
      {"\033[A", KEY_UP},      {"\033OA", KEY_UP},      {"\033[B", KEY_DOWN},
      {"\033OB", KEY_DOWN},    {"\033[C", KEY_RIGHT},   {"\033OC", KEY_RIGHT},
      {"\033[D", KEY_LEFT},    {"\033OD", KEY_LEFT},    {"\033[H", KEY_HOME},
      {"\033OH", KEY_HOME},    {"\033[1~", KEY_HOME},   {"\033[7~", KEY_HOME},
      {"\033[F", KEY_END},     {"\033OF", KEY_END},     {"\033[4~", KEY_END},
      {"\033[8~", KEY_END},    {"\033[5~", KEY_PPAGE},  {"\033[6~", KEY_NPAGE},
      {"\033[3~", KEY_DC},     {"\033[Z", KEY_BTAB},    {"\033OP", KEY_F(1)},
      {"\033OQ", KEY_F(2)},    {"\033OR", KEY_F(3)},    {"\033OS", KEY_F(4)},
      {"\033[11~", KEY_F(1)},  {"\033[12~", KEY_F(2)},  {"\033[13~", KEY_F(3)},
      {"\033[14~", KEY_F(4)},  {"\033[15~", KEY_F(5)},  {"\033[17~", KEY_F(6)},
      {"\033[18~", KEY_F(7)},  {"\033[19~", KEY_F(8)},  {"\033[20~", KEY_F(9)},
      {"\033[21~", KEY_F(10)}, {"\033[23~", KEY_F(11)}, {"\033[24~", KEY_F(12)},
  };
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (key_defined(forms[i].sequence) == 0)
      define_key(forms[i].sequence, forms[i].key);
}

static void start_modes(int escape_delay)
{
  set_escdelay(escape_delay);
  cbreak();
  free_suspend_key();
  noecho();
  nonl();
  curs_set(0);
  self.keyboard = newpad(1, 1);
  keypad(self.keyboard, TRUE);
  define_other_forms();
  nodelay(self.keyboard, TRUE);
  meta(self.keyboard, TRUE);
}

/* What the terminal's description says, before curses reads it again for itself. */
static enum status look_up(const struct app_options *options, struct signal_rescue *rescue,
                           struct error *error)
{
  enum status status = check_term(error);
  if (status == STATUS_OK) {
    self.depth = depth_of(options);
    self.synchronised = synchronises();
    *rescue = rescue_plan();
  }
  if (cur_term)
    del_curterm(cur_term);
  return status;
}

static void close_input(void)
{
  if (self.in && self.in != stdin)
    fclose(self.in);
  self.in = NULL;
}

enum status terminal_open(const struct app_options *options, struct error *error)
{
  struct signal_rescue rescue;
  self.out = stdout;
  enum status status = theme_find(options->theme, &self.theme, error);
  if (status != STATUS_OK)
    return status;
  self.in = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "r");
  if (!self.in)
    return error_set(error, STATUS_OUTPUT, "no terminal to read keys from");
  status = look_up(options, &rescue, error);
  if (status == STATUS_OK) {
    signals_arm(&rescue);
    self.screen = newterm(NULL, self.out, self.in);
    if (!self.screen)
      status = error_set(error, STATUS_OUTPUT, "curses cannot use this terminal (TERM)");
  }
  if (status != STATUS_OK) {
    signals_arm(NULL);
    close_input();
    return status;
  }
  self.open = true;
  self.console = strncmp(getenv("TERM"), "linux", 5) == 0;
  start_modes(options->escape_delay);
  start_colors();
  if (!options->no_mouse)
    terminal_set_mouse(true);
  atexit(terminal_close);
  return STATUS_OK;
}

/* Of a terminal that text is printed on. */
static enum color_depth printed_depth(const struct app_options *options)
{
  int why;
  if (setupterm(NULL, STDOUT_FILENO, &why) != OK)
    return DEPTH_MONO;
  enum color_depth depth = depth_of(options);
  del_curterm(cur_term);
  return depth;
}

enum status terminal_absent(const struct app_options *options, struct error *error)
{
  self.rows = options->rows ? options->rows : 24;
  self.columns = options->columns ? options->columns : 80;
  self.depth = options->print ? printed_depth(options) : most[options->color];
  return theme_find(options->theme, &self.theme, error);
}

void terminal_close(void)
{
  if (!self.open)
    return;
  terminal_set_mouse(false);
  self.open = false;
  delwin(self.keyboard);
  endwin();
  signals_arm(NULL);
  delscreen(self.screen);
  cells_free(&self.shown);
  close_input();
}

/* --- facts ------------------------------------------------------------------------------ */

enum color_depth terminal_depth(void)
{
  return self.depth;
}

const struct screen_theme *terminal_theme(void)
{
  return &self.theme;
}

void terminal_set_theme(const struct screen_theme *theme)
{
  self.theme = *theme;
  cells_free(&self.shown); /* every cell may look different now */
}

/* The Linux console's font has neither eighths nor dots. A file takes what its reader shows,
 * whatever the C library knows of it. */
bool terminal_has(const struct glyphs *glyphs)
{
  if (!self.open)
    return glyphs_writable(glyphs);
  return glyphs->ascii || (!self.console && glyphs_usable(glyphs));
}

const struct glyphs *terminal_glyphs(const char *name)
{
  size_t place = 0, first = 0;
  while (first + 1 < glyphs_table_length && !terminal_has(glyphs_table[first]))
    first++;
  while (name && place + 1 < glyphs_table_length && strcmp(glyphs_table[place]->name, name) != 0)
    place++;
  while (place > first && !terminal_has(glyphs_table[place]))
    place--;
  return glyphs_table[place > first ? place : first];
}

int terminal_descriptor(void)
{
  return self.open ? fileno(self.in) : -1;
}

bool terminal_lost(void)
{
  return self.lost;
}

void terminal_size(int *rows, int *columns)
{
  *rows = self.rows;
  *columns = self.columns;
  if (self.open)
    getmaxyx(stdscr, *rows, *columns);
}

/* --- keys ------------------------------------------------------------------------------- */

static uint32_t translate(wint_t code)
{
  static const struct {
    int curses;
    uint32_t key;
  } table[] = {
      {KEY_UP, KEY_CODE_UP},         {KEY_DOWN, KEY_CODE_DOWN},
      {KEY_LEFT, KEY_CODE_LEFT},     {KEY_RIGHT, KEY_CODE_RIGHT},
      {KEY_PPAGE, KEY_CODE_PAGE_UP}, {KEY_NPAGE, KEY_CODE_PAGE_DOWN},
      {KEY_HOME, KEY_CODE_HOME},     {KEY_END, KEY_CODE_END},
      {KEY_ENTER, KEY_CODE_RETURN},  {KEY_BACKSPACE, KEY_CODE_BACKSPACE},
      {KEY_DC, KEY_CODE_DELETE},     {KEY_BTAB, KEY_CODE_BACK_TAB},
      {KEY_FIND, KEY_CODE_HOME},     {KEY_SELECT, KEY_CODE_END}, /* as a VT220 names them */
  };
  if (code == KEY_MOUSE)
    return KEY_CODE_MOUSE;
  if (code >= KEY_F(1) && code <= KEY_F(12))
    return KEY_CODE_F1 + (uint32_t)(code - KEY_F(1));
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].curses == (int)code)
      return table[i].key;
  return KEY_CODE_UNKNOWN;
}

/* True when the escape character that was read begins the sequence of a key that the terminal's
 * description does not have: "ESC [ parameters final" or "ESC O final" (ECMA-48, 5.4), which is
 * taken whole. Its characters would be commands. Esc itself comes alone. */
static bool skip_sequence(void)
{
  wint_t code;
  int kind = wget_wch(self.keyboard, &code);
  if (kind == KEY_CODE_YES)
    ungetch((int)code);
  else if (kind == OK && code != '[' && code != 'O')
    unget_wch((wchar_t)code);
  if (kind != OK || (code != '[' && code != 'O'))
    return false;
  do
    kind = wget_wch(self.keyboard, &code);
  while (kind == OK && code >= ' ' && code < '@');
  return true;
}

/* End of input looks like "no key" to curses; poll tells them apart. */
static void notice_loss(void)
{
  struct pollfd poll_in = {.fd = fileno(self.in), .events = POLLIN};
  if (poll(&poll_in, 1, 0) > 0 && (poll_in.revents & (POLLHUP | POLLERR | POLLNVAL)))
    self.lost = true;
}

bool terminal_key(uint32_t *key)
{
  wint_t code;
  int kind;
  if (!self.open)
    return false;
  do /* curses reports a resize as a key; the signal has told already */
    kind = wget_wch(self.keyboard, &code);
  while (kind == KEY_CODE_YES && code == KEY_RESIZE);
  if (kind == ERR) {
    notice_loss();
    return false;
  }
  if (kind == KEY_CODE_YES)
    *key = translate(code);
  else if (code == '\n' || code == '\r')
    *key = KEY_CODE_RETURN;
  else if (code == 127 || code == 8)
    *key = KEY_CODE_BACKSPACE;
  else if (code == KEY_CODE_ESCAPE && skip_sequence())
    *key = KEY_CODE_UNKNOWN;
  else
    *key = (uint32_t)code;
  return true;
}

/* --- mouse ------------------------------------------------------------------------------- */

/* Motion is asked for while a button is down, and no longer: nobody else needs it. */
static void follow(bool on)
{
  if (self.mouse && addressable("kmous"))
    terminal_send(on ? "\033[?1002h" : "\033[?1002l\033[?1000h");
}

bool terminal_set_mouse(bool on)
{
  mmask_t wanted = BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON4_PRESSED | BUTTON5_PRESSED |
                   REPORT_MOUSE_POSITION;
  if (!self.open || !addressable("kmous"))
    return false;
  follow(false);
  mouseinterval(0);
  self.mouse = mousemask(on ? wanted : 0, NULL) != 0;
  return self.mouse || !on;
}

bool terminal_mouse(struct mouse_event *event)
{
  static const struct {
    mmask_t button;
    enum mouse_kind kind;
  } kinds[] = {{BUTTON1_PRESSED, MOUSE_PRESS},
               {BUTTON1_RELEASED, MOUSE_RELEASE},
               {BUTTON4_PRESSED, MOUSE_WHEEL_UP},
               {BUTTON5_PRESSED, MOUSE_WHEEL_DOWN},
               {REPORT_MOUSE_POSITION, MOUSE_DRAG}};
  MEVENT found;
  if (getmouse(&found) != OK)
    return false;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (found.bstate & kinds[i].button) {
      *event = (struct mouse_event){kinds[i].kind, found.y, found.x};
      if (event->kind == MOUSE_PRESS || event->kind == MOUSE_RELEASE)
        follow(event->kind == MOUSE_PRESS);
      return true;
    }
  return false;
}

/* --- showing ---------------------------------------------------------------------------- */

/* The pair of two colours, made on first use. When the terminal has no more, the ink survives. */
static int pair_of(int ink, int paper)
{
  if (ink < 0 && paper < 0)
    return 0;
  for (int i = 0; i < self.pairs; i++)
    if (self.pair[i].ink == ink && self.pair[i].paper == paper)
      return i + 1;
  if (self.pairs >= self.pair_limit)
    return paper < 0 ? 0 : pair_of(ink, -1);
  self.pair[self.pairs].ink = ink;
  self.pair[self.pairs].paper = paper;
  init_extended_pair(++self.pairs, ink, paper);
  return self.pairs;
}

static attr_t attributes_of(unsigned bits)
{
  return (bits & CELL_BOLD ? A_BOLD : 0) | (bits & CELL_DIM ? A_DIM : 0) |
         (bits & CELL_REVERSE ? A_REVERSE : 0) | (bits & CELL_UNDERLINE ? A_UNDERLINE : 0);
}

static void put(int row, int column, const struct cell *cell)
{
  struct colors colors = colors_of(&self.theme, cell->style, self.depth);
  int pair = self.depth == DEPTH_MONO ? 0 : pair_of(colors.ink, colors.paper);
  wchar_t text[2] = {(wchar_t)cell->code, 0};
  cchar_t character;
  setcchar(&character, text, attributes_of(colors.attributes), 0, &pair);
  mvadd_wch(row, column, &character);
}

static bool same(const struct cell *a, const struct cell *b)
{
  return a->code == b->code && a->style.ink == b->style.ink && a->style.paper == b->style.paper &&
         a->style.attributes == b->style.attributes;
}

/* Sends what curses has collected, between the marks of a synchronised update. The first must be
 * out before curses writes: it keeps a buffer of its own. */
static void send_frame(bool changed)
{
  bool marked = changed && self.synchronised;
  if (marked)
    terminal_send("\033[?2026h");
  refresh();
  if (marked)
    terminal_send("\033[?2026l");
}

void terminal_show(const struct cells *cells, int cursor_row, int cursor_column)
{
  bool changed = false;
  bool all = self.shown.rows != cells->rows || self.shown.columns != cells->columns;
  if (!self.open)
    return;
  if (all && !cells_resize(&self.shown, cells->rows, cells->columns))
    return;
  for (int row = 0; row < cells->rows; row++)
    for (int column = 0; column < cells->columns; column++) {
      const struct cell *cell = cells_at(cells, row, column);
      struct cell *shown = cells_at(&self.shown, row, column);
      if (cell->code && (all || !same(cell, shown))) {
        put(row, column, cell);
        changed = true;
      }
      *shown = *cell;
    }
  curs_set(cursor_row >= 0);
  move(cursor_row >= 0 ? cursor_row : cells->rows - 1, cursor_row >= 0 ? cursor_column : 0);
  send_frame(changed);
}

void terminal_forget(void)
{
  cells_free(&self.shown);
  if (self.open)
    clearok(curscr, TRUE);
}

void terminal_resized(void)
{
  struct winsize size;
  if (ioctl(fileno(self.out), TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
    resizeterm(size.ws_row, size.ws_col);
  erase();
  cells_free(&self.shown);
}

/* Somebody else has had the terminal: everything is set and drawn again. */
static void take_back(bool mouse)
{
  reset_prog_mode();
  terminal_set_mouse(mouse);
  terminal_resized();
  terminal_forget();
  refresh();
}

void terminal_suspend(void)
{
  bool mouse = self.mouse;
  terminal_set_mouse(false);
  def_prog_mode();
  endwin();
  signals_stop();
  take_back(mouse);
}

void terminal_continue(void)
{
  if (!self.open)
    return;
  endwin();
  take_back(self.mouse);
}

bool terminal_stop(void)
{
  return self.open && raise(SIGTSTP) == 0;
}

void terminal_send(const char *text)
{
  if (!self.open)
    return;
  fflush(self.out);
  for (size_t left = strlen(text); left;) {
    ssize_t written = write(fileno(self.out), text, left);
    if (written < 0 && errno != EINTR && errno != EAGAIN)
      return;
    if (written > 0) {
      text += written;
      left -= (size_t)written;
    }
  }
}
