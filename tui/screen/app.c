#include "tui/screen/app.h"

#include "quant/base/size.h"
#include "tui/screen/actions.h"
#include "tui/screen/board_view.h"
#include "tui/screen/checks_view.h"
#include "tui/screen/compare_view.h"
#include "tui/screen/cursor.h"
#include "tui/screen/explorer.h"
#include "tui/screen/grid_watch.h"
#include "tui/screen/heat_view.h"
#include "tui/screen/inspector.h"
#include "tui/screen/keys.h"
#include "tui/screen/layer_view.h"
#include "tui/screen/linear.h"
#include "tui/screen/opening.h"
#include "tui/screen/overlay.h"
#include "tui/screen/part.h"
#include "tui/screen/pins.h"
#include "tui/screen/plot.h"
#include "tui/screen/run_line.h"
#include "tui/screen/screen_view.h"
#include "tui/screen/script.h"
#include "tui/screen/signals.h"
#include "tui/screen/sweep_view.h"
#include "tui/screen/terminal.h"
#include "tui/screen/transform_knob.h"
#include "tui/screen/welcome.h"

#include <locale.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  PATIENCE_MS = 25, /* an answer within this is shown without a stale frame before it, which is to
                       be drawn within 33 */
  PROGRESS_MS = 100,
  BINS_LEAST = 16,
};

/* --- small things --------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 0))) static void say(struct explorer *explorer, bool warning,
                                                      const char *format, va_list arguments)
{
  vsnprintf(explorer->message, sizeof explorer->message, format, arguments);
  explorer->warning = warning;
}

void explorer_say(struct explorer *explorer, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  say(explorer, false, format, arguments);
  va_end(arguments);
}

void explorer_warn(struct explorer *explorer, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  say(explorer, true, format, arguments);
  va_end(arguments);
}

bool explorer_stale(const struct explorer *explorer)
{
  return !explorer->result || !state_same_numbers(&explorer->state, &explorer->shown);
}

const struct result *explorer_drawn(const struct explorer *explorer)
{
  return explorer->drawn ? explorer->drawn : explorer->result;
}

bool explorer_draws(enum view_kind kind)
{
  return kind == VIEW_HISTOGRAM || view_type_of(kind)->errors;
}

enum drawn explorer_drawing(const struct explorer *explorer)
{
  bool draws = explorer_draws(explorer->state.view.kind) && !explorer->state.pairs;
  for (int i = 0; i < COMPANIONS; i++)
    draws = draws || (explorer->layout.place[PLACE_COMPANION + i].rows &&
                      explorer_draws(explorer_companion(explorer, i)));
  if (!draws || explorer_stale(explorer) || !explorer->result->numbers_only)
    return DRAWN_EXACT;
  if (!explorer->drawn)
    return DRAWN_NONE;
  bool same = state_same_numbers(&explorer->drawn_of, &explorer->shown);
  return explorer->drawn->estimated && same ? DRAWN_ESTIMATE : DRAWN_STALE;
}

/* --- recipe and figure ---------------------------------------------------------------------- */

static struct view view_of(const struct state *state)
{
  struct view view = state->view;
  view.axis = state->knobs.axis;
  return view;
}

static bool set_tokens(const struct explorer *explorer, struct recipe *recipe)
{
  const struct recipe_data *data = explorer->layer.data;
  return recipe_set_data(&recipe->activation, data[LAYER_ACTIVATION].source,
                         data[LAYER_ACTIVATION].tensor) &&
         recipe_set_data(&recipe->evaluate, data[LAYER_HELD_OUT].source,
                         data[LAYER_HELD_OUT].tensor);
}

/* What the figure of a view does not show is left out, unless the WHOLE state is wanted. */
static char *recipe_of(const struct explorer *explorer, const struct state *state, bool whole)
{
  struct recipe recipe;
  const char *tensor = source_tensor(explorer->source, state->tensor)->name;
  recipe_init(&recipe);
  const bool one = source_count(explorer->source) > 1 && state->view.kind != VIEW_TENSORS;
  if (!recipe_set(&recipe, source_spec(explorer->source), one ? tensor : NULL) ||
      !recipe_set_input_format(&recipe, source_input_format(explorer->source)) ||
      ((state->view.kind == VIEW_COMPARE || whole) && state->pairs &&
       !recipe_set_comparand(&recipe, &explorer->compare.with)) ||
      ((state->view.kind == VIEW_LAYER || whole) && !set_tokens(explorer, &recipe))) {
    recipe_clear(&recipe);
    return NULL;
  }
  bool pinned = whole || view_type_of(state->view.kind)->pinned || state->view.kind == VIEW_SWEEP ||
                state->view.kind == VIEW_LAYER || state->view.kind == VIEW_FORMAT;
  if (pinned && (whole || !recipe.compare.source))
    pins_put_recipe(explorer, state, &recipe, whole);
  recipe.quantizer[recipe.quantizers++] = state->knobs.quantizer;
  recipe.view = view_of(state);
  if (state->view.kind != VIEW_TENSORS) { /* which has each tensor as it is */
    recipe.transform = state_transform(state);
    recipe.batching = explorer->batching;
  }
  char *text = recipe_print(&recipe);
  recipe_clear(&recipe);
  return text;
}

char *explorer_recipe(const struct explorer *explorer, const struct state *state)
{
  return recipe_of(explorer, state, false);
}

char *explorer_session_recipe(const struct explorer *explorer)
{
  return recipe_of(explorer, &explorer->state, true);
}

static struct figure *figure_of(const struct explorer *explorer, enum view_kind kind)
{
  /* Numbers of the result, looks of the present state. */
  bool before = explorer->drawn && explorer_draws(kind);
  const struct result *result = before ? explorer->drawn : explorer->result;
  if (result->numbers_only && explorer_draws(kind))
    return NULL;
  struct state state = before ? explorer->drawn_of : explorer->shown;
  state.view.kind = kind;
  state.view.log_counts = explorer->state.view.log_counts;
  state.view.block = explorer->state.view.block;
  state.view.rank = explorer->state.view.rank;
  struct view view = view_of(&state);
  const struct figure_pins pins =
      pins_of(explorer, before ? &explorer->drawn_of : &explorer->shown);
  return figure_build_pinned(result, &pins, &view, source_spec(explorer->source),
                             explorer_tensor(explorer), explorer->recipe);
}

void explorer_name(struct explorer *explorer)
{
  free(explorer->recipe);
  explorer->recipe = explorer_recipe(explorer, &explorer->state);
}

static void free_companions(struct explorer *explorer)
{
  for (int i = 0; i < COMPANIONS; i++) {
    figure_free(explorer->companion[i]);
    explorer->companion[i] = NULL;
  }
}

/* What is usually asked next. */
enum view_kind explorer_companion(const struct explorer *explorer, int i)
{
  static const enum view_kind usual[] = {VIEW_HISTOGRAM, VIEW_CHANNELS, VIEW_ERROR};
  int at = 0;
  while (usual[at] == explorer->state.view.kind || i-- > 0)
    at++;
  return usual[at];
}

/* Where everything is on the screen as it is; a bin is a column, so another width needs others. */
static void place_panels(struct explorer *explorer)
{
  int figures = screen_view(explorer)->alone ? 1 : 3;
  /* Hidden hints have the row below the screen. */
  explorer->layout = layout_make(explorer->cells.rows + explorer->no_hints, explorer->cells.columns,
                                 explorer->focus, figures);
  if (explorer->result && explorer->layout.place[PLACE_PLOT].columns &&
      explorer_bins(explorer) != explorer->requested_bins)
    explorer->wanted = true;
}

void explorer_refresh(struct explorer *explorer)
{
  enum view_kind kind = explorer->state.view.kind;
  explorer_name(explorer);
  figure_free(explorer->figure);
  free_companions(explorer);
  explorer->figure = NULL;
  place_panels(explorer);
  if (!explorer->result)
    return;
  const struct screen_view *view = screen_view(explorer);
  explorer->figure = view->figure ? view->figure(explorer, NULL, &explorer->state, explorer->recipe)
                                  : figure_of(explorer, kind);
  for (int i = 0; i < COMPANIONS; i++)
    if (explorer->layout.place[PLACE_COMPANION + i].rows)
      explorer->companion[i] = figure_of(explorer, explorer_companion(explorer, i));
}

/* --- numbers -------------------------------------------------------------------------------- */

static void go(struct explorer *explorer, const struct state *next)
{
  explorer->wanted = explorer->wanted || !state_same_numbers(&explorer->state, next);
  explorer->stopped = explorer->pinned.stopped = explorer->rest_stopped = false;
  explorer->state = *next;
  explorer_refresh(explorer);
}

void explorer_go(struct explorer *explorer, const struct state *next)
{
  if (state_equal(&explorer->state, next))
    return;
  undo_remember(explorer, STRIDE_CHANGE);
  go(explorer, next);
}

void explorer_step(struct explorer *explorer, const struct state *next)
{
  if (state_equal(&explorer->state, next))
    return;
  undo_remember(explorer, STRIDE_STEP);
  go(explorer, next);
}

void explorer_go_to(struct explorer *explorer, size_t index)
{
  struct state next = explorer->state;
  next.tensor = index;
  next.view.channel = -1;
  next.view.block = VIEW_WORST_BLOCK;
  next.view.part = (struct view_part){{0}, {0}};
  next.view.lo = next.view.hi = NAN;
  state_fit(&next, &source_tensor(explorer->source, index)->shape);
  if (!transform_fits(explorer, &next, NULL)) {
    next.transform.kind = TRANSFORM_NONE;
    explorer_say(explorer, "the transform does not fit this tensor: it is off");
  }
  if (next.pins.count > 0 && !*explorer->message && !pins_is_other(&next, next.view.against))
    explorer_say(explorer, "what is pinned is measured on this tensor, too (J holds it to one)");
  explorer->selected = explorer->first = 0;
  explorer->cursor.on = false;
  explorer_go(explorer, &next);
}

int explorer_bins(const struct explorer *explorer)
{
  int bins = plot_data_columns(explorer->layout.place[PLACE_PLOT].columns) *
             glyphs_across(explorer->glyphs);
  return bins < BINS_LEAST ? BINS_LEAST : bins;
}

bool explorer_shows_errors(const struct explorer *explorer)
{
  bool shows = view_type_of(explorer->state.view.kind)->errors || !isnan(cursor_value(explorer));
  for (int i = 0; i < COMPANIONS; i++)
    shows = shows || (explorer->layout.place[PLACE_COMPANION + i].rows &&
                      view_type_of(explorer_companion(explorer, i))->errors);
  return shows;
}

/* True when no exact numbers of what is looked at are known: then they are wanted first. */
static bool lacks_exact(const struct explorer *explorer)
{
  return explorer_stale(explorer) || explorer->result->estimated;
}

static void ask(struct explorer *explorer, const struct state *state, int bins, enum work work)
{
  bool part = part_is_needed(state);
  bool errors = work == WORK_EXPORT ? view_type_of(state->view.kind)->errors
                                    : explorer_shows_errors(explorer);
  struct result_request request = {.axis = state->knobs.axis,
                                   .bins = (size_t)bins,
                                   .lo = state->view.lo,
                                   .hi = state->view.hi,
                                   .no_errors = !errors,
                                   .checks = explorer->mode == MODE_CHECKS && work != WORK_EXPORT,
                                   .theory = state->view.theory,
                                   .unit = state->view.block,
                                   .calibrated = {.batching = explorer->batching},
                                   .at_once = work == WORK_SHOW,
                                   .in_parts = work != WORK_EXPORT && lacks_exact(explorer)};
  const struct screen_view *view = screen_view_of(state);
  if (work == WORK_EXPORT)
    request.heat = heat_request_of(&state->view, HEAT_CELLS, HEAT_CELLS);
  if (view->request)
    view->request(&request, work == WORK_EXPORT);
  if (work != WORK_EXPORT) { /* else the screen would take its bins for its own, and ask again */
    explorer->requested = *state;
    explorer->requested_bins = bins;
  }
  explorer->work = work;
  engine_request(explorer->engine, part ? explorer->part : explorer->source,
                 part ? 0 : state->tensor, &state->knobs.quantizer, &request);
}

/* Back to the last state that has numbers. */
static void back_to_shown(struct explorer *explorer)
{
  if (explorer->result)
    explorer->state = explorer->shown;
  else {
    explorer->state.view.channel = -1;
    explorer->state.transform.kind = TRANSFORM_NONE;
  }
  explorer_refresh(explorer);
}

/* What "qscope plot" takes, so that the recipe makes the same figure. */
static int figure_bins(const struct view *view)
{
  return view->bins ? (int)view->bins : FIGURE_BINS;
}

/* True when what is seen needs more of the present numbers than was measured. */
static bool is_incomplete(const struct explorer *explorer)
{
  const struct screen_view *view = screen_view(explorer);
  const struct result *result = explorer->result;
  if (explorer->work != WORK_NONE || explorer_stale(explorer))
    return false;
  return (view->incomplete && view->incomplete(result)) ||
         (!explorer->rest_stopped &&
          (result->numbers_only ||
           (result->original.bins > 0 && !result->error2 && explorer_shows_errors(explorer))));
}

/* True when the view has something to ask, and the engine rests. */
static bool view_lacks(const struct explorer *explorer)
{
  const struct screen_view *view = screen_view(explorer);
  return explorer->work == WORK_NONE && !explorer->wanted && !explorer->stopped && view->lacks &&
         view->lacks(explorer);
}

static void start_export(struct explorer *explorer)
{
  const struct state *state = &explorer->exported;
  int bins = figure_bins(&state->view);
  const struct screen_view *view = screen_view_of(state);
  pins_export_end(explorer);
  if (view->ask_export)
    explorer->export_wanted = view->ask_export(explorer, bins);
  else if (part_open(explorer, state))
    ask(explorer, state, bins, WORK_EXPORT);
  else
    explorer->export_wanted = false;
}

/* True when the numbers on the screen came at once, and those that take longer are still to come.
 */
static bool lacks_rest(const struct explorer *explorer)
{
  return explorer->work == WORK_NONE && !explorer_stale(explorer) && explorer->result->partial &&
         !explorer->rest_stopped;
}

static void start_work(struct explorer *explorer)
{
  enum work kind = explorer->wanted ? WORK_SHOW : WORK_REST;
  if (explorer->wanted || is_incomplete(explorer) || checks_view_lacks(explorer)) {
    explorer->wanted = false;
    explorer->rest_stopped = false;
    if (part_open(explorer, &explorer->state))
      ask(explorer, &explorer->state, explorer_bins(explorer), kind);
    else
      back_to_shown(explorer);
  } else if (explorer->export_wanted && explorer->work == WORK_NONE) {
    start_export(explorer);
  } else if (lacks_rest(explorer) && explorer->result->sampled > 0) { /* only a glimpse is seen */
    ask(explorer, &explorer->state, explorer->requested_bins, WORK_REST);
  } else if (view_lacks(explorer)) {
    explorer->work = WORK_VIEW;
    explorer->asker = screen_view(explorer);
    explorer->asker->ask(explorer);
  } else if (lacks_rest(explorer)) {
    ask(explorer, &explorer->state, explorer->requested_bins, WORK_REST);
  } else if (pins_lack(explorer)) {
    pins_ask(explorer);
  } else if (stamping_lacks(explorer)) {
    stamping_check(explorer);
  }
}

static void write_export(struct explorer *explorer, struct engine_answer *answer)
{
  const struct state *state = &explorer->exported;
  const struct screen_view *view = screen_view_of(state);
  if (!view->figure && pins_export_more(explorer, answer))
    return;
  char *recipe = explorer_recipe(explorer, state);
  const struct figure_pins pins = pins_exported(explorer);
  struct figure *figure = NULL;
  if (recipe)
    figure = view->figure ? view->figure(explorer, answer, state, recipe)
                          : figure_build_pinned(answer->result, &pins, &state->view,
                                                source_spec(explorer->source),
                                                explorer_tensor(explorer), recipe);
  pins_export_end(explorer);
  stamping_ask(explorer, figure);
  free(recipe);
  result_free(answer->result);
  diff_free(answer->diff);
  sweep_free(answer->sweep);
}

/* Channels have the same magnitudes and the same order under every quantizer: until those of a
 * partial result are measured, the earlier ones stay. */
static void keep_channels(const struct explorer *explorer, struct result *next)
{
  const struct state *before = &explorer->shown, *now = &explorer->requested;
  const struct transform one = state_transform(before), other = state_transform(now);
  if (next->partial && explorer->result && before->tensor == now->tensor &&
      before->knobs.axis == now->knobs.axis && before->view.channel == now->view.channel &&
      transform_equal(&one, &other))
    result_keep_channels(next, explorer->result);
}

/* Until NEXT has histograms, too, those before it go on being drawn. */
static void keep_drawn(struct explorer *explorer, const struct result *next)
{
  if (next->numbers_only && (!explorer->result || explorer->result->numbers_only))
    return;
  result_free(explorer->drawn);
  explorer->drawn = next->numbers_only ? explorer->result : NULL;
  explorer->drawn_of = explorer->shown;
  if (next->numbers_only)
    explorer->result = NULL;
}

static void show_result(struct explorer *explorer, struct result *result)
{
  board_view_keep(explorer, result);
  keep_channels(explorer, result);
  inspector_follow(explorer, result);
  keep_drawn(explorer, result);
  result_free(explorer->result);
  explorer->result = result;
  explorer->shown = explorer->requested;
  explorer_refresh(explorer);
}

/* Takes what the engine has finished. */
static void absorb(struct explorer *explorer)
{
  struct engine_answer answer;
  if (!engine_take(explorer->engine, &answer))
    return;
  enum work work = explorer->work;
  if (answer.complete)
    explorer->work = WORK_NONE;
  if (work == WORK_VIEW) {
    explorer->asker->take(explorer, &answer);
  } else if (work == WORK_PINS) {
    pins_take(explorer, &answer);
  } else if (work == WORK_STAMP || work == WORK_CHECK_STAMP) {
    (work == WORK_STAMP ? stamping_take : stamping_compare)(explorer, &answer);
  } else if (answer.status != STATUS_OK) {
    if (explorer->mode == MODE_CHECKS) /* else they would be asked for again */
      explorer->mode = MODE_MAIN;
    explorer_warn(explorer, "%s", answer.error.text);
    explorer->fault = answer.status;
    explorer->export_wanted = false;
    pins_export_end(explorer);
    explorer->rest_stopped = true;
    if (work == WORK_SHOW)
      back_to_shown(explorer);
  } else if (work == WORK_EXPORT) {
    write_export(explorer, &answer);
  } else {
    show_result(explorer, answer.result);
  }
}

/* --- the loop ------------------------------------------------------------------------------- */

/* Without memory for the cells there is nothing to paint on, until the next frame tries again. */
void explorer_relayout(struct explorer *explorer)
{
  int rows, columns;
  terminal_size(&rows, &columns);
  if (rows != explorer->cells.rows || columns != explorer->cells.columns)
    cells_resize(&explorer->cells, rows, columns);
  place_panels(explorer);
}

static void handle_key(struct explorer *explorer, uint32_t key)
{
  explorer->keys++;
  trace_key(explorer->trace, key);
  if (explorer->mode != MODE_MAIN) {
    overlay_table[explorer->mode].key(explorer, key);
    return;
  }
  enum command_id id = command_of_key(key, explorer_scope(explorer));
  if (id != COMMAND_COUNT)
    run_command(explorer, id);
  else
    explorer_warn(explorer, "no command has this key; ? lists them all");
}

/* An event of the mouse counts as one key, whatever it does. */
static void handle_mouse(struct explorer *explorer)
{
  struct mouse_event event;
  unsigned keys = explorer->keys + 1;
  if (terminal_mouse(&event))
    mouse_event(explorer, &event, handle_key);
  explorer->keys = keys;
}

void explorer_heed_signals(struct explorer *explorer)
{
  for (char byte; (byte = signals_take());) {
    if (byte == 'z')
      terminal_suspend();
    else if (byte == 'c')
      terminal_continue();
    else
      terminal_resized();
    explorer_relayout(explorer);
    explorer->resized = true;
  }
}

/* The next key: first those that waited for a source. */
static bool next_key(struct explorer *explorer, uint32_t *key)
{
  struct kept_keys *kept = &explorer->kept;
  if (kept->count == 0)
    return terminal_key(key);
  *key = kept->key[0];
  memmove(kept->key, kept->key + 1, --kept->count * sizeof *kept->key);
  return true;
}

/* Waits for keys, signals or the engine. */
static void wait_for_events(struct explorer *explorer, int timeout)
{
  if (explorer->kept.count > 0)
    timeout = 0;
  struct pollfd files[] = {{.fd = engine_descriptor(explorer->engine), .events = POLLIN},
                           {.fd = signals_descriptor(), .events = POLLIN},
                           {.fd = terminal_descriptor(), .events = POLLIN}};
  poll(files, sizeof files / sizeof *files, timeout);
}

/* Tells a test that nothing more will happen by itself. */
static void mark_idle(const struct explorer *explorer)
{
  static unsigned keys = (unsigned)-1;
  static int rows, columns;
  char text[64];
  if (!getenv("QSCOPE_TEST_IDLE") || (keys == explorer->keys && rows == explorer->cells.rows &&
                                      columns == explorer->cells.columns))
    return;
  keys = explorer->keys;
  rows = explorer->cells.rows;
  columns = explorer->cells.columns;
  snprintf(text, sizeof text, "\033]5379;idle;%u;%dx%d\a", keys, rows, columns);
  terminal_send(text);
}

static const char *kind_of_numbers(const struct explorer *explorer)
{
  const struct result *result = explorer->result;
  if (!result)
    return "none";
  if (explorer_stale(explorer))
    return "stale";
  return result->estimated      ? "estimate"
         : result->partial      ? "digest"
         : result->numbers_only ? "numbers"
                                : "exact";
}

static void show(struct explorer *explorer)
{
  if (explorer->redraw)
    terminal_forget();
  explorer->redraw = false;
  explorer_relayout(explorer);
  explorer_paint(explorer);
  terminal_show(&explorer->cells, explorer->cursor_row, explorer->cursor_column);
  trace_frame(explorer->trace, kind_of_numbers(explorer));
}

/* While the browser is open, statistics are computed whenever nothing else is. True while some
 * are missing. */
static bool gather(struct explorer *explorer)
{
  if (explorer->mode != MODE_BROWSER || !explorer->gather)
    return false;
  bool missing = gather_done(explorer->gather) < source_count(explorer->source);
  if (missing && !engine_idles(explorer->engine))
    engine_set_idle(explorer->engine, gather_work, explorer->gather);
  browser_update(&explorer->browser, explorer->cells.rows);
  return missing;
}

static int64_t now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Steps of the view that are faster than frames are drawn come without one between them. */
static void take_steps(struct explorer *explorer)
{
  for (int64_t end = now_ms() + PATIENCE_MS; view_lacks(explorer) && now_ms() < end;) {
    start_work(explorer);
    wait_for_events(explorer, PATIENCE_MS);
    absorb(explorer);
  }
  if (screen_view(explorer)->settle)
    screen_view(explorer)->settle(explorer);
}

/* One frame, with what is known by then. Returns the milliseconds until the next when nobody does
 * anything: -1 when nothing changes by itself (*settled), or before the engine tells. */
static int take_turn(struct explorer *explorer, bool *settled)
{
  if (explorer->resized)
    explorer_refresh(explorer);
  explorer->resized = false;
  start_work(explorer);
  if (explorer->work != WORK_NONE)
    wait_for_events(explorer, PATIENCE_MS);
  absorb(explorer);
  take_steps(explorer);
  bool gathering = gather(explorer) || experiments_tend(explorer) || grid_watch_tend(explorer);
  show(explorer);
  start_work(explorer); /* what the frame lacks */
  bool busy = explorer->work != WORK_NONE || explorer->wanted || explorer->export_wanted;
  bool lacking = view_lacks(explorer);
  *settled = !busy && !gathering && !lacking;
  return lacking ? 0 : busy ? PROGRESS_MS : -1;
}

enum status explorer_settle(struct explorer *explorer, struct error *error)
{
  bool settled = explorer->quit;
  explorer->fault = STATUS_OK;
  while (!settled) {
    int patience = take_turn(explorer, &settled);
    if (!settled)
      wait_for_events(explorer, patience);
  }
  return explorer->fault == STATUS_OK ? STATUS_OK
                                      : error_set(error, explorer->fault, "%s", explorer->message);
}

static void run(struct explorer *explorer)
{
  uint32_t key;
  bool settled;
  while (!explorer->quit && !terminal_lost()) {
    int patience = take_turn(explorer, &settled);
    journal_follow(explorer); /* behind the frame: it waits for no disk */
    if (settled && explorer->kept.count == 0 && !engine_idles(explorer->engine))
      mark_idle(explorer);
    wait_for_events(explorer, patience);
    explorer_heed_signals(explorer);
    while (!explorer->quit && next_key(explorer, &key))
      (key == KEY_CODE_MOUSE ? handle_mouse(explorer) : handle_key(explorer, key));
  }
}

/* --- start and end -------------------------------------------------------------------------- */

static void finish(struct explorer *explorer)
{
  if (explorer->engine)
    engine_free(explorer->engine);
  browser_close(&explorer->browser);
  gather_free(explorer->gather);
  compare_view_close(explorer);
  sweep_view_forget(explorer);
  layer_view_forget(explorer);
  pins_forget(explorer);
  stamping_forget(explorer);
  figure_free(explorer->figure);
  free_companions(explorer);
  result_free(explorer->result);
  result_free(explorer->drawn);
  heat_view_forget(explorer);
  source_close(explorer->part);
  source_close(explorer->aside);
  source_close(explorer->source);
  cells_free(&explorer->cells);
  session_clear(&explorer->session);
  free(explorer->recipe);
}

static void take_options(struct explorer *explorer, const struct app_options *options)
{
  explorer->options = options;
  explorer->no_hints = options->no_hints;
  explorer->scripted = app_is_scripted(options) || options->linear;
  explorer->spoken = options->linear;
  explorer->journal.file = -1;
  explorer->no_mouse = options->no_mouse;
}

/* Those that were asked for cannot be had: which are taken, and why. */
static void tell_glyphs(struct explorer *explorer)
{
  const struct app_options *options = explorer->options;
  const struct glyphs *wanted = options->glyphs ? glyphs_find(options->glyphs) : NULL;
  if (wanted && wanted != explorer->glyphs && !options->ascii && !options->linear)
    explorer_warn(explorer, "%s instead of %s: they are not %s", explorer->glyphs->name,
                  wanted->name, glyphs_usable(wanted) ? "on this terminal" : glyphs_lack(wanted));
}

enum status explorer_present(struct explorer *explorer, struct error *error)
{
  const struct app_options *options = explorer->options;
  if (explorer->presented)
    return STATUS_OK;
  enum status status =
      explorer->scripted ? terminal_absent(options, error) : terminal_open(options, error);
  if (status != STATUS_OK)
    return status;
  explorer->presented = true;
  explorer->glyphs =
      options->ascii || options->linear ? &glyphs_ascii : terminal_glyphs(options->glyphs);
  tell_glyphs(explorer);
  return STATUS_OK;
}

static enum status start(struct explorer *explorer, const struct recipe *recipe,
                         const struct app_options *options, struct error *error)
{
  take_options(explorer, options);
  enum status status = opening_start(explorer, recipe, error);
  if (status != STATUS_OK)
    return status;
  explorer->engine = engine_new(options->cache);
  if (!explorer->engine)
    return error_memory(error, "the engine");
  status = explorer_present(explorer, error);
  if (status != STATUS_OK)
    return status;
  explorer_relayout(explorer);
  explorer_refresh(explorer);
  session_begin(explorer);
  stamping_begin(explorer);
  if (recipe->view.kind == VIEW_TENSORS)
    explorer_list(explorer, recipe->view.filter);
  if (*options->notice)
    explorer_warn(explorer, "%s", options->notice);
  return STATUS_OK;
}

/* What cannot be kept of the session is no reason to fail. */
static void end_session(struct explorer *explorer)
{
  struct error error;
  if (journal_end(explorer, &error) != STATUS_OK)
    fprintf(stderr, "qscope: the session is not kept: %s\n", error.text);
}

/* The user at the terminal. */
static void run_interactive(struct explorer *explorer)
{
  bool settled;
  welcome_once(explorer);
  take_turn(explorer, &settled); /* nothing that follows delays the first screen */
  welcome_back(explorer);
  journal_begin(explorer);
  run(explorer);
  terminal_close();
  end_session(explorer);
  if (explorer->copied && explorer->recipe)
    printf("%s\n", explorer->recipe); /* control characters in names are quoted in it */
}

/* The same in sentences; lines that come through a pipe are a script, which keeps no session. */
static enum status run_spoken(struct explorer *explorer, struct error *error)
{
  if (isatty(STDIN_FILENO))
    journal_begin(explorer);
  enum status status = linear_run(explorer, stdin, stdout, error);
  end_session(explorer);
  return status;
}

enum status app_run(const struct recipe *recipe, const struct app_options *options,
                    struct error *error)
{
  struct explorer *explorer = mem_array(1, sizeof *explorer);
  if (!explorer)
    return error_memory(error, "the explorer");
  setlocale(LC_ALL, "");
  setlocale(LC_NUMERIC, "C");
  if (!app_is_scripted(options) && !options->linear && !signals_install()) {
    free(explorer);
    return error_set(error, STATUS_OUTPUT, "cannot create a pipe for signals");
  }
  enum status status = STATUS_OK;
  if (options->trace)
    status = trace_open(options->trace, &explorer->trace, error);
  if (status == STATUS_OK)
    status = start(explorer, recipe, options, error);
  if (status == STATUS_OK && app_is_scripted(options))
    status = script_run(explorer, error);
  else if (status == STATUS_OK && options->linear)
    status = run_spoken(explorer, error);
  else if (status == STATUS_OK)
    run_interactive(explorer);
  terminal_close();
  struct error broken;
  if (trace_close(explorer->trace, &broken) != STATUS_OK && status == STATUS_OK) {
    *error = broken;
    status = STATUS_OUTPUT;
  }
  if (status == STATUS_CANCELLED) /* left before there was anything to see */
    status = STATUS_OK;
  finish(explorer);
  signals_remove();
  free(explorer);
  return status;
}
