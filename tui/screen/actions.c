#include "tui/screen/actions.h"

#include "tui/base/settings.h"
#include "tui/base/xdg.h"
#include "tui/screen/board_view.h"
#include "tui/screen/channels_view.h"
#include "tui/screen/checks_view.h"
#include "tui/screen/compare_view.h"
#include "tui/screen/cursor.h"
#include "tui/screen/heat_view.h"
#include "tui/screen/help.h"
#include "tui/screen/keys.h"
#include "tui/screen/layer_view.h"
#include "tui/screen/pins.h"
#include "tui/screen/run_line.h"
#include "tui/screen/screen_view.h"
#include "tui/screen/sweep_view.h"
#include "tui/screen/terminal.h"
#include "tui/screen/transform_knob.h"
#include "tui/screen/what_if_view.h"
#include "tui/screen/x_window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- knobs and history -------------------------------------------------------------------- */

static void turn(struct explorer *explorer, enum knob knob, int direction)
{
  struct state next = explorer->state;
  char message[256];
  bool turned = knob_turn(&next.knobs, knob, direction, &explorer_whole(explorer)->shape, message,
                          sizeof message);
  if (!turned) {
    explorer_warn(explorer, "%s", message);
    return;
  }
  if (next.knobs.axis != explorer->state.knobs.axis) {
    next.view.channel = -1;                        /* a channel is a channel of its axis, */
    next.view.part = (struct view_part){{0}, {0}}; /* rows and columns are what it makes them */
  }
  explorer_go(explorer, &next);
  explorer_say(explorer, "%s", message);
}

static void action_turn_next(struct explorer *explorer, int knob)
{
  turn(explorer, (enum knob)knob, 1);
}

static void action_turn_back(struct explorer *explorer, int knob)
{
  turn(explorer, (enum knob)knob, -1);
}

static void action_undo(struct explorer *explorer, int by)
{
  if (!undo_go(explorer, by))
    explorer_warn(explorer, "nothing to %s", by > 0 ? "undo" : "redo");
}

/* --- view --------------------------------------------------------------------------------- */

static void action_view(struct explorer *explorer, int kind)
{
  struct state next = explorer->state;
  next.view.kind = (enum view_kind)kind;
  if (kind == VIEW_BOARD)
    next.view.block = VIEW_WORST_BLOCK; /* a block of the inspector is no unit */
  explorer_go(explorer, &next);
  explorer->focus = FOCUS_PLOT;
  pins_tell_held(explorer);
}

/* What is pinned, or two files: the key goes on to the other. */
static void action_compare(struct explorer *explorer)
{
  struct state next = explorer->state;
  bool open = next.view.kind == VIEW_COMPARE;
  if (!explorer->compare.other)
    next.pairs = false;
  else
    next.pairs = open ? !next.pairs : next.pins.count == 0;
  next.view.kind = VIEW_COMPARE;
  explorer_go(explorer, &next);
  explorer->focus = FOCUS_PLOT;
}

static void action_log(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.log_counts = !next.view.log_counts;
  explorer_go(explorer, &next);
}

static void action_theory(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.theory = !next.view.theory;
  explorer_go(explorer, &next);
}

static void action_zoom(struct explorer *explorer, int direction)
{
  x_window_zoom(explorer, direction, cursor_share(explorer));
}

static void action_zoom_all(struct explorer *explorer)
{
  x_window_set(explorer, NAN, NAN);
}

static void action_pan(struct explorer *explorer, int direction)
{
  const struct screen_view *view = screen_view(explorer);
  if (view->step)
    view->step(explorer, direction);
  else
    x_window_pan(explorer, direction);
}

static void action_move(struct explorer *explorer, int by)
{
  const struct screen_view *view = screen_view(explorer);
  if (view->move)
    view->move(explorer, by);
  else
    action_zoom(explorer, by > 0 ? -1 : 1);
}

static void action_worst_block(struct explorer *explorer)
{
  struct state next = explorer->state;
  next.view.block = VIEW_WORST_BLOCK;
  next.view.kind = VIEW_INSPECTOR;
  explorer_go(explorer, &next);
}

static void action_panel(struct explorer *explorer, int direction)
{
  if (explorer->layout.form == LAYOUT_ONE) {
    explorer->focus = (enum focus)(((int)explorer->focus + FOCUS_COUNT + direction) % FOCUS_COUNT);
    return;
  }
  const int views = VIEW_TENSORS; /* those before it have the plot's place */
  action_view(explorer, ((int)explorer->state.view.kind + views + direction) % views);
}

/* The next set that can be shown; a histogram has a bin for each part of a column. */
static void action_glyphs(struct explorer *explorer)
{
  size_t place = 0;
  int bins = explorer_bins(explorer);
  while (place + 1 < glyphs_table_length && glyphs_table[place] != explorer->glyphs)
    place++;
  for (size_t i = 1; i <= glyphs_table_length; i++) {
    const struct glyphs *next = glyphs_table[(place + i) % glyphs_table_length];
    if (terminal_has(next)) {
      if (next == explorer->glyphs)
        return explorer_warn(explorer, "this terminal or its locale shows only ASCII characters");
      explorer->glyphs = next;
      break;
    }
  }
  if (explorer_bins(explorer) != bins)
    explorer->wanted = true;
  explorer_say(explorer, "glyphs: %s%s", explorer->glyphs->name,
               explorer->glyphs == &glyphs_auto
                   ? ", eighths for bars, braille dots for curves, halves for heat maps"
                   : "");
}

/* The built-in themes one after the other; one of the user's own is left for the first. */
static void action_theme(struct explorer *explorer)
{
  struct screen_theme theme;
  size_t next = 0;
  while (next < theme_texts_length && strcmp(theme_texts[next].name, terminal_theme()->name) != 0)
    next++;
  next = next < theme_texts_length ? (next + 1) % theme_texts_length : 0;
  if (theme_find(theme_texts[next].name, &theme, NULL) == STATUS_OK)
    terminal_set_theme(&theme);
  explorer_say(explorer,
               terminal_depth() == DEPTH_MONO ? "theme %s; this terminal has no colours"
                                              : "theme %s",
               terminal_theme()->name);
}

/* --- tensors ------------------------------------------------------------------------------ */

static void action_tensor(struct explorer *explorer, int direction)
{
  size_t count = source_count(explorer->source);
  if (count == 1) {
    explorer_warn(explorer, "the source has only this tensor");
    return;
  }
  explorer_go_to(explorer, (explorer->state.tensor + (direction > 0 ? 1 : count - 1)) % count);
}

static void action_browse(struct explorer *explorer, int unused)
{
  (void)unused;
  explorer_list(explorer, "");
}

void explorer_list(struct explorer *explorer, const char *filter)
{
  if (!explorer->gather)
    explorer->gather = gather_new(explorer->source, explorer->engine);
  if (!explorer->gather || !browser_open(&explorer->browser, explorer->source, explorer->gather,
                                         explorer->state.tensor, explorer->layout.body.rows))
    return explorer_warn(explorer, "out of memory: the list of tensors cannot be shown");
  /* Nothing gathers while the browser is closed. */
  gather_set_quantizer(explorer->gather, &explorer->state.knobs.quantizer,
                       explorer->state.knobs.axis);
  explorer->mode = MODE_BROWSER;
  struct error error;
  if (browser_show(&explorer->browser, filter, &error) != STATUS_OK)
    explorer_warn(explorer, "%s", error.text);
}

static void close_browser(struct explorer *explorer)
{
  engine_stop_idling(explorer->engine);
  browser_close(&explorer->browser);
  explorer->mode = MODE_MAIN;
}

void explorer_leave_page(struct explorer *explorer)
{
  if (explorer->mode == MODE_BROWSER)
    close_browser(explorer);
  explorer->mode = MODE_MAIN;
}

static void action_list(struct explorer *explorer, int command)
{
  switch (
      browser_do(&explorer->browser, (enum browser_command)command, explorer->layout.body.rows)) {
  case BROWSER_STAYS:
    return;
  case BROWSER_LEAVES:
    return close_browser(explorer);
  case BROWSER_CHOOSES:
    break;
  }
  size_t choice = browser_choice(&explorer->browser);
  close_browser(explorer);
  if (choice == explorer->state.tensor && explorer->state.view.channel < 0)
    return;
  explorer_go_to(explorer, choice);
  session_note(explorer, COMMAND_TENSOR, explorer_whole(explorer)->name);
}

static void action_explain(struct explorer *explorer)
{
  if (explorer->state.view.kind != VIEW_BOARD)
    return explorer_warn(explorer, "the rules are explained in view 6");
  explorer->board.explaining = !explorer->board.explaining;
}

static void action_enter_channel(struct explorer *explorer, int unused)
{
  if (explorer->state.view.channel >= 0)
    return action_browse(explorer, unused);
  channels_view_enter(explorer);
}

/* --- output ------------------------------------------------------------------------------- */

static bool list_has_figure(struct explorer *explorer)
{
  const size_t count = source_count(explorer->source), done = gather_done(explorer->gather);
  if (done < count)
    explorer_warn(explorer, "%zu of %zu tensors are measured: the figure needs them all", done,
                  count);
  return done == count;
}

bool explorer_has_figure(struct explorer *explorer)
{
  const struct state *state = &explorer->state;
  if (explorer->mode == MODE_BROWSER)
    return list_has_figure(explorer);
  if (!explorer->result)
    explorer_warn(explorer, "there is nothing to export yet");
  else if (state->view.kind == VIEW_COMPARE && !state->pairs && state->pins.count == 0)
    explorer_warn(explorer, "nothing is pinned: there is no figure of it; a pins what you see");
  else
    return true;
  return false;
}

/* The figure of the list: of what its filter lets through. */
static void export_tensors(struct explorer *explorer)
{
  struct state state = explorer->state;
  struct error error;
  state.view.kind = VIEW_TENSORS;
  state.view.channel = -1;
  if (view_set_filter(&state.view, browser_filter(&explorer->browser), &error) != STATUS_OK)
    return explorer_warn(explorer, "%s", error.text);
  char *recipe = explorer_recipe(explorer, &state);
  struct figure *figure = NULL;
  if (recipe)
    figure = figure_of_tensors(explorer->source, gather_stats(explorer->gather),
                               &state.knobs.quantizer, &state.view, recipe);
  export_write(explorer, figure, &state);
  figure_free(figure);
  free(recipe);
}

void explorer_export(struct explorer *explorer, const char *path)
{
  if (!explorer_has_figure(explorer))
    return;
  snprintf(explorer->export_path, sizeof explorer->export_path, "%s", path ? path : "");
  if (explorer->mode == MODE_BROWSER)
    return export_tensors(explorer);
  explorer->exported = explorer->state;
  explorer->export_wanted = true;
  explorer->leaving = false;
}

static void action_export(struct explorer *explorer)
{
  if (explorer->scripted)
    explorer_export(explorer, NULL);
  else
    export_form_open(explorer);
}

static void action_export_again(struct explorer *explorer)
{
  explorer_export(explorer, NULL);
}

/* OSC 52 carries text to the clipboard as base64. */
void action_send_clipboard(const char *text)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t length = strlen(text);
  char *code = malloc(length / 3 * 4 + 32), *at = code;
  if (!code)
    return;
  at += sprintf(at, "\033]52;c;");
  for (size_t i = 0; i < length; i += 3) {
    unsigned left = (unsigned)(length - i < 3 ? length - i : 3), bits = 0;
    for (unsigned k = 0; k < 3; k++)
      bits = bits << 8 | (k < left ? (unsigned char)text[i + k] : 0);
    for (unsigned k = 0; k < 4; k++)
      *at++ = k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=';
  }
  strcpy(at, "\a");
  terminal_send(code);
  free(code);
}

static void action_copy(struct explorer *explorer)
{
  if (!explorer->recipe)
    return;
  action_send_clipboard(explorer->recipe);
  explorer->copied = true;
  explorer_say(explorer,
               "recipe copied (where the terminal allows it); it is printed when you leave");
}

/* --- program ------------------------------------------------------------------------------ */

static void action_palette(struct explorer *explorer)
{
  palette_open(explorer, COMMAND_COUNT);
}

static void action_checks(struct explorer *explorer)
{
  explorer->mode = MODE_CHECKS;
}

static void action_check(struct explorer *explorer, int by)
{
  if (by)
    checks_view_move(explorer, by);
  else
    explorer->mode = MODE_MAIN;
}

/* Of a page whose keys are those of SCOPE. Others mean what they mean everywhere, and the number of
 * a view goes there; knobs and the like are not in sight. */
static void page_key(struct explorer *explorer, uint32_t key, int scope)
{
  enum command_id id = command_of_key(key, scope);
  if (id == COMMAND_COUNT) {
    id = command_of_key(key, explorer_scope(explorer));
    if (id == COMMAND_COUNT ||
        (explorer_commands[id].group != GROUP_PROGRAM && !(key >= '1' && key <= '9')))
      return;
  }
  run_command(explorer, id);
}

/* Knobs turn while the page is open. */
void action_checks_key(struct explorer *explorer, uint32_t key)
{
  enum command_id id = command_of_key(key, SCOPE_CHECKS);
  if (id == COMMAND_COUNT) {
    id = command_of_key(key, explorer_scope(explorer));
    if (id != COMMAND_COUNT && explorer_commands[id].group == GROUP_KNOBS)
      return run_command(explorer, id);
  }
  page_key(explorer, key, SCOPE_CHECKS);
}

/* What the view asked for ends; what it knows stays. */
static void stop_view(struct explorer *explorer)
{
  engine_cancel(explorer->engine);
  explorer->work = WORK_NONE;
  explorer->stopped = true;
  explorer_say(explorer, "%s", explorer->asker->stopped);
}

static void action_cancel(struct explorer *explorer)
{
  const struct screen_view *view = screen_view(explorer);
  explorer->export_wanted = false;
  if (view->back && view->back(explorer))
    return;
  if (explorer->work == WORK_VIEW)
    return stop_view(explorer);
  if (explorer->work == WORK_PINS)
    return pins_stop(explorer);
  if (explorer->work == WORK_STAMP || explorer->work == WORK_CHECK_STAMP)
    return stamping_stop(explorer);
  if (explorer->work == WORK_NONE && !explorer->wanted)
    return;
  bool plots = !explorer_stale(explorer) && explorer->result->numbers_only;
  bool known = !explorer->wanted && (explorer->work == WORK_REST || plots);
  bool rest = known && explorer->result->partial, errors = known && !explorer->result->error2;
  engine_cancel(explorer->engine);
  explorer->work = WORK_NONE;
  explorer->wanted = false;
  explorer->rest_stopped = rest || errors;
  if (errors && !rest)
    return explorer_say(explorer, plots ? "cancelled: these numbers are exact, the plots are older"
                                        : "cancelled: the errors by value are not measured");
  if (rest)
    return explorer_say(explorer, explorer->result->estimated
                                      ? "cancelled: these numbers are an estimate"
                                      : "cancelled: the channels are not measured");
  if (!explorer->result)
    return explorer_warn(explorer, "cancelled; any change of a knob starts again");
  explorer->state = explorer->shown; /* the numbers on the screen are exact for it */
  explorer_refresh(explorer);
  explorer_say(explorer, "cancelled: back to the last exact numbers");
}

/* The last change once more. */
static void action_repeat(struct explorer *explorer)
{
  struct error error;
  const char *last = session_last(explorer);
  char *line = last ? strdup(last) : NULL;
  if (!line)
    return explorer_warn(explorer, "there is nothing to repeat");
  if (run_line(explorer, line, &error) != STATUS_OK)
    explorer_warn(explorer, "%s", error.text);
  free(line);
}

static void action_hints(struct explorer *explorer)
{
  explorer->no_hints = !explorer->no_hints;
}

/* What is set now goes into the user's settings; everything else in them stays. */
static enum status save_settings(const struct explorer *explorer, const char *path,
                                 struct error *error)
{
  const char *const pairs[][2] = {{"glyphs", explorer->glyphs->name},
                                  {"theme", terminal_theme()->name},
                                  {"hints", explorer->no_hints ? "no" : "yes"},
                                  {"mouse", explorer->no_mouse ? "no" : "yes"}};
  struct settings *settings;
  enum status status = settings_read(path, &settings, error);
  for (size_t i = 0; status == STATUS_OK && i < sizeof pairs / sizeof *pairs; i++)
    status = settings_set(settings, pairs[i][0], pairs[i][1], error);
  if (status == STATUS_OK)
    status = settings_write(settings, path, error);
  settings_free(settings);
  return status;
}

static void action_save_settings(struct explorer *explorer)
{
  struct error error;
  char *path, shown[256];
  enum status status = xdg_path(XDG_CONFIG, "config", &path, &error);
  if (status == STATUS_OK)
    status = save_settings(explorer, path, &error);
  if (status == STATUS_OK)
    explorer_say(explorer, "wrote %s", text_escape(path, shown, sizeof shown));
  else
    explorer_warn(explorer, "%s", error.text);
  free(path);
}

static void action_mouse(struct explorer *explorer)
{
  if (!terminal_set_mouse(explorer->no_mouse))
    return explorer_warn(explorer, "this terminal tells nothing of a mouse");
  explorer->no_mouse = !explorer->no_mouse;
  explorer->mouse.dragging = false;
}

static void action_suspend(struct explorer *explorer)
{
  if (!terminal_stop())
    explorer_warn(explorer, "there is no terminal to leave");
}

static void action_session(struct explorer *explorer)
{
  explorer->session.top = explorer->session.count; /* its end */
  explorer->mode = MODE_SESSION;
}

static void action_write_session(struct explorer *explorer)
{
  palette_open(explorer, COMMAND_SAVE_SESSION);
}

static void action_redraw(struct explorer *explorer)
{
  explorer->redraw = true;
}

/* The session is kept in any case; a figure that was asked for is not dropped in silence. */
static void action_quit(struct explorer *explorer)
{
  const bool writing = explorer->export_wanted || explorer->work == WORK_EXPORT;
  explorer->quit = !writing || explorer->leaving;
  explorer->leaving = writing;
  if (!explorer->quit)
    explorer_warn(explorer, "a figure is still to be written; q again leaves without it");
}

void explorer_command(struct explorer *explorer, enum command_id id)
{
  static const struct {
    void (*plain)(struct explorer *); /* one of the two */
    void (*with)(struct explorer *, int);
    int argument;
  } table[COMMAND_COUNT] = {
#define HANDLER(type, handler) _Generic(&(handler), type : (handler), default : NULL)
#define COMMAND(id, name, keys, group, hint, what, why, handler, argument)                         \
  [COMMAND_##id] = {HANDLER(void (*)(struct explorer *), handler),                                 \
                    HANDLER(void (*)(struct explorer *, int), handler), argument},
#define COMMAND_TEXT(...) /* run_line.c */
#include "tui/screen/commands.def"
#undef COMMAND
#undef HANDLER
  };
  explorer->message[0] = 0;
  explorer->warning = false;
  if (table[id].plain)
    table[id].plain(explorer);
  else
    table[id].with(explorer, table[id].argument);
}

/* --- keys of the overlays ----------------------------------------------------------------- */

void action_browser_key(struct explorer *explorer, uint32_t key)
{
  if (!browser_write(&explorer->browser, key))
    page_key(explorer, key, SCOPE_LIST);
}

void action_session_key(struct explorer *explorer, uint32_t key)
{
  page_key(explorer, key, SCOPE_SESSION);
}

void action_experiments_key(struct explorer *explorer, uint32_t key)
{
  page_key(explorer, key, SCOPE_EXPERIMENTS);
}

void action_changes_key(struct explorer *explorer, uint32_t key)
{
  page_key(explorer, key, SCOPE_CHANGES);
}

void explorer_apply(struct explorer *explorer, const struct quantizer *quantizer)
{
  struct state next = state_with(&explorer->state, quantizer);
  explorer_go(explorer, &next);
}
