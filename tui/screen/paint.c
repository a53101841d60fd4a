#include "tui/screen/paint.h"
#include "analysis/verdict.h"
#include "tui/screen/checks_view.h"
#include "tui/screen/cursor.h"
#include "tui/screen/explorer.h"
#include "tui/screen/grid_watch.h"
#include "tui/screen/help.h"
#include "tui/screen/metrics_panel.h"
#include "tui/screen/overlay.h"
#include "tui/screen/pins.h"
#include "tui/screen/plot.h"
#include "tui/screen/screen_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_TEXT = 512 };

static const char *ellipsis(const struct explorer *explorer, char *mark)
{
  return utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
}

/* --- title -------------------------------------------------------------------------------- */

static const char *source_name(const struct explorer *explorer, char *text)
{
  return text_escape(source_short_title(source_spec(explorer->source)), text, NAME_TEXT);
}

/* The counters that must never be out of sight; on a narrow screen only those that count. */
static void title_counters(const struct result *result, bool narrow, char *text, size_t size)
{
  const struct facts *facts = &result->facts;
  const struct {
    const char *name;
    uint64_t count;
  } counters[] = {{"NaN", facts->nan}, {"Inf", facts->inf}, {"denorm", facts->denormals}};
  size_t used = 0;
  for (size_t i = 0; i < sizeof counters / sizeof *counters && used < size; i++)
    if (!narrow || counters[i].count)
      used +=
          (size_t)snprintf(text + used, size - used, "%s%s %s%" PRIu64, used ? " " : "  ",
                           counters[i].name, result->facts_sampled ? "~" : "", counters[i].count);
}

/* Shape, stored format, and the counters. */
static void title_facts(const struct explorer *explorer, bool narrow, char *text, size_t size)
{
  const struct tensor *tensor = explorer_tensor(explorer);
  char shape[160], counters[96] = "";
  if (explorer->result)
    title_counters(explorer->result, narrow, counters, sizeof counters);
  snprintf(text, size, "%s %s%s ", shape_print(&tensor->shape, shape, sizeof shape),
           tensor->stored->name, counters);
}

/* The source, as much of it as ROOM columns hold, and what leads on to the tensor. */
static int paint_source(struct explorer *explorer, struct rect rect, int room, struct style style)
{
  enum { LEAST = 8 };
  char name[NAME_TEXT], shown[NAME_TEXT], mark[5];
  if (room < LEAST)
    return 1;
  text_shorten(&explorer->cells, source_name(explorer, name), room, ellipsis(explorer, mark), shown,
               sizeof shown);
  int column = cells_text(&explorer->cells, rect, 0, 1, style, shown);
  cells_put(&explorer->cells, rect.row, rect.column + column + 1,
            explorer->glyphs->code[GLYPH_INTO], style);
  return column + 3;
}

/* " A B [C]": what is pinned, and what the present quantizer is called beside it. */
static char *badges(const struct explorer *explorer, char *text, size_t size)
{
  size_t pins = explorer->state.pins.count, used = 0;
  *text = '\0';
  for (size_t i = 0; i < pins; i++)
    used += (size_t)snprintf(text + used, size - used, " %c", (char)('A' + i));
  if (pins)
    snprintf(text + used, size - used, " [%c]", (char)('A' + pins));
  return text;
}

static void paint_title(struct explorer *explorer)
{
  enum { NARROW = 60 };
  struct rect rect = explorer->layout.place[PLACE_TITLE];
  struct style title = {.ink = PAINT_TITLE, .paper = PAINT_TITLE}, bold = title;
  char name[NAME_TEXT], shown[NAME_TEXT], facts[256], mark[5];
  char word[TRANSFORM_TEXT], channel[TRANSFORM_TEXT + 40] = "";
  bold.attributes = CELL_BOLD;
  cells_fill(&explorer->cells, rect, ' ', title);
  title_facts(explorer, rect.columns < NARROW, facts, sizeof facts);
  if (explorer->state.view.channel >= 0)
    snprintf(channel, sizeof channel, " channel %ld", explorer->state.view.channel);
  else if (explorer->state.transform.kind != TRANSFORM_NONE)
    snprintf(channel, sizeof channel, " after %s",
             transform_print(&explorer->state.transform, word));
  size_t said = strlen(channel);
  badges(explorer, channel + said, sizeof channel - said);
  int right = cells_text_right(&explorer->cells, rect, 0, title, facts);
  struct rect left = {rect.row, rect.column, 1, right > 2 ? right - 1 : 0};
  text_escape(explorer_whole(explorer)->name, name, sizeof name);
  int fixed = text_width(&explorer->cells, channel) + 2;
  int room = left.columns - fixed - text_width(&explorer->cells, name) - 3;
  int column = paint_source(explorer, left, room, title);
  text_shorten(&explorer->cells, name, left.columns - column - fixed + 1, ellipsis(explorer, mark),
               shown, sizeof shown);
  column = cells_text(&explorer->cells, left, 0, column, bold, shown);
  cells_text(&explorer->cells, left, 0, column, bold, channel);
}

/* --- knobs -------------------------------------------------------------------------------- */

static enum command_id knob_command(enum knob knob)
{
  static const enum command_id commands[KNOB_COUNT] = {
      [KNOB_FORMAT] = COMMAND_FORMAT_NEXT,
      [KNOB_BITS] = COMMAND_BITS_NEXT,
      [KNOB_SCHEME] = COMMAND_SCHEME,
      [KNOB_RANGE] = COMMAND_RANGE,
      [KNOB_GRANULARITY] = COMMAND_GRANULARITY_NEXT,
      [KNOB_AXIS] = COMMAND_AXIS_NEXT,
      [KNOB_GROUP] = COMMAND_GROUP_NEXT,
      [KNOB_CALIBRATOR] = COMMAND_CALIBRATOR_NEXT,
      [KNOB_PARAMETER] = COMMAND_PARAMETER_NEXT,
  };
  return commands[knob];
}

/* Bits of a code, and what an element costs with its share of the scales. */
static void bits_text(const struct explorer *explorer, char *text, size_t size)
{
  int bits = explorer->state.knobs.quantizer.format->bits;
  double stored = explorer->result ? explorer->result->metrics.bits_per_element : (double)NAN;
  if (!explorer_stale(explorer) && isfinite(stored))
    snprintf(text, size, "%d (%.4g stored)", bits, stored);
  else
    snprintf(text, size, "%d", bits);
}

static void paint_knob(struct explorer *explorer, struct rect rect, int row, enum knob knob)
{
  const struct knobs *knobs = &explorer->state.knobs;
  bool active = knob_active(knobs, knob);
  struct style key = {.ink = PAINT_KEY}, label = {.ink = PAINT_DIM};
  struct style value = {.ink = active ? PAINT_VALUE : PAINT_DIM};
  char text[64];
  command_key_in(knob_command(knob), explorer_scope(explorer), text, sizeof text);
  cells_text(&explorer->cells, rect, row, 0, key, text);
  mouse_spot(explorer, (struct rect){rect.row + row, rect.column, 1, rect.columns}, text);
  cells_text(&explorer->cells, rect, row, 2, label, knob_label(knob));
  knob_text(knobs, knob, &explorer_whole(explorer)->shape, text, sizeof text);
  if (knob == KNOB_BITS)
    bits_text(explorer, text, sizeof text);
  cells_text_right(&explorer->cells, rect, row, value, text);
}

static void paint_knobs(struct explorer *explorer)
{
  enum { KNOB_COLUMNS = 34 };
  const struct quantizer *quantizer = &explorer->state.knobs.quantizer;
  bool grouped = quantizer->granularity.kind == GRAIN_GROUP || format_is_block(quantizer->format);
  const enum knob order[KNOB_ROWS] = {
      KNOB_FORMAT,     KNOB_BITS,        KNOB_SCHEME,
      KNOB_RANGE,      KNOB_GRANULARITY, grouped ? KNOB_GROUP : KNOB_AXIS,
      KNOB_CALIBRATOR, KNOB_PARAMETER,
  };
  struct rect rect = explorer->layout.place[PLACE_KNOBS];
  if (rect.columns > KNOB_COLUMNS)
    rect.columns = KNOB_COLUMNS;
  for (int row = 0; row < KNOB_ROWS && row < rect.rows; row++)
    paint_knob(explorer, rect, row, order[row]);
}

/* --- metrics ------------------------------------------------------------------------------ */

/* What is not of the present state is dim: nobody shall read it as exact. */
static void fade(struct explorer *explorer, struct rect rect)
{
  for (int row = 0; row < rect.rows; row++)
    for (int column = 0; column < rect.columns; column++)
      cells_at(&explorer->cells, rect.row + row, rect.column + column)->style.attributes |=
          CELL_DIM;
}

static void paint_metrics(struct explorer *explorer)
{
  struct rect rect = explorer->layout.place[PLACE_METRICS];
  if (rect.rows == 0)
    return;
  size_t against = explorer->state.view.against, pins = explorer->state.pins.count;
  const struct result *pin = pins ? pins_result(explorer, &explorer->shown, against) : NULL;
  if (explorer->result && pin)
    metrics_paint_pair(
        &explorer->cells, rect,
        &(struct metrics_pair){pin, explorer->result, (char)('A' + against), (char)('A' + pins)},
        explorer->glyphs);
  else if (explorer->result)
    metrics_paint(&explorer->cells, rect, explorer->result);
  if (explorer_stale(explorer))
    fade(explorer, rect);
}

/* How far the numbers can be trusted; of an estimate, how far its SQNR can be off. */
static const char *trust(const struct explorer *explorer, char *text, size_t size)
{
  if (explorer_stale(explorer))
    return " stale ";
  const struct result *result = explorer->result;
  double mse = result->metrics.mse, low = mse / result->least_mse, high = result->most_mse / mse;
  double off = 10 * log10(fmax(low, high));
  static const char *const exact[] = {
      [DRAWN_EXACT] = " exact ",
      [DRAWN_ESTIMATE] = " exact, plots ~ ",
      [DRAWN_STALE] = " exact, plots stale ",
      [DRAWN_NONE] = " exact, plots ... ",
  };
  if (!result->estimated)
    return exact[explorer_drawing(explorer)];
  if (isfinite(off))
    snprintf(text, size, " ~ %swithin %.2g dB ", result->sampled > 0 ? "likely " : "",
             fmax(off, 0.01));
  else if (result->sampled > 0)
    snprintf(text, size, " ~ of a %.2g %% sample ", result->sampled * 100);
  else
    snprintf(text, size, " ~ estimate ");
  return text;
}

/* The line between plot and side panel, and between knobs and metrics. */
static void paint_frame(struct explorer *explorer)
{
  struct rect frame = explorer->layout.frame, metrics = explorer->layout.place[PLACE_METRICS];
  struct style style = {.ink = PAINT_FRAME};
  if (frame.rows == 0)
    return;
  cells_fill(&explorer->cells, frame, explorer->glyphs->code[GLYPH_VERTICAL], style);
  struct rect line = {metrics.row - 1, frame.column + 1, 1, metrics.columns + 2};
  cells_fill(&explorer->cells, line, explorer->glyphs->code[GLYPH_HORIZONTAL], style);
  cells_put(&explorer->cells, line.row, frame.column, explorer->glyphs->code[GLYPH_TEE_LEFT],
            style);
  bool exact = !explorer_stale(explorer) && !explorer->result->estimated &&
               explorer_drawing(explorer) == DRAWN_EXACT;
  char text[48];
  cells_text(&explorer->cells, line, 0, 1, (struct style){.ink = exact ? PAINT_DIM : PAINT_WARNING},
             trust(explorer, text, sizeof text));
}

/* --- plot --------------------------------------------------------------------------------- */

/* Of a partial result only the channels, which are those of an earlier one; of numbers alone what
 * is drawn of an earlier one, but for an estimate of the same. */
static void fade_old(struct explorer *explorer, enum view_kind kind, struct rect rect)
{
  struct state state = explorer->state;
  state.view.kind = kind;
  bool old = explorer_draws(kind) ? explorer_drawing(explorer) == DRAWN_STALE
                                  : explorer->result->partial && kind == VIEW_CHANNELS;
  if (explorer_stale(explorer) ? !screen_view_of(&state)->figure : old)
    fade(explorer, rect);
}

static void paint_companions(struct explorer *explorer)
{
  for (int i = 0; i < COMPANIONS; i++) {
    struct rect rect = explorer->layout.place[PLACE_COMPANION + i];
    if (!explorer->companion[i])
      continue;
    plot_figure(&explorer->cells, rect, explorer->companion[i], explorer->glyphs, (double)NAN);
    fade_old(explorer, explorer_companion(explorer, i), rect);
  }
}

static void paint_plot(struct explorer *explorer)
{
  struct rect rect = explorer->layout.place[PLACE_PLOT];
  if (rect.rows == 0)
    return;
  if (!explorer->result || !explorer->figure) {
    cells_text(&explorer->cells, rect, rect.rows / 2, 2, (struct style){.ink = PAINT_DIM},
               explorer->work != WORK_NONE ? "computing" : "nothing computed yet");
    return;
  }
  const struct screen_view *view = screen_view(explorer);
  if (view->paint)
    view->paint(explorer, rect);
  else
    plot_figure(&explorer->cells, rect, explorer->figure, explorer->glyphs, cursor_value(explorer));
  fade_old(explorer, view->kind, rect);
  paint_companions(explorer);
}

/* --- message, recipe, hints --------------------------------------------------------------- */

int paint_bar(struct explorer *explorer, struct rect rect, int column, int width, double share)
{
  struct style style = {.ink = PAINT_WARNING}, ground = {.ink = PAINT_FRAME};
  int eighths = (int)(share * width * 8);
  for (int i = 0; i < width; i++, eighths -= 8) {
    enum glyph glyph = eighths >= 8  ? GLYPH_LEFT_8
                       : eighths > 0 ? (enum glyph)(GLYPH_LEFT_1 + eighths - 1)
                                     : GLYPH_DOT;
    cells_put(&explorer->cells, rect.row, rect.column + column + i, explorer->glyphs->code[glyph],
              eighths > 0 ? style : ground);
  }
  return column + width;
}

/* "~12 s" of SECONDS that are left, or nothing. */
static char *left_text(double seconds, char *text, size_t size)
{
  *text = '\0';
  if (seconds < 100)
    snprintf(text, size, "~%.0f s", fmax(1, seconds));
  else if (seconds < 6000)
    snprintf(text, size, "~%.0f min", seconds / 60);
  else if (seconds >= 6000)
    snprintf(text, size, "> 1 h");
  return text;
}

/* "stale ####    43 % ~12 s  Esc stops" at the right end of the message line. Returns the columns
 * it takes. */
static int paint_progress(struct explorer *explorer, struct rect rect)
{
  enum { BAR = 6, WIDTH = BAR + 32, LEFT = 7, LEAST = 2 * WIDTH };
  size_t done, total;
  char left[16];
  if (!engine_busy(explorer->engine, &done, &total) || rect.columns < LEAST)
    return 0;
  struct style style = {.ink = PAINT_WARNING};
  struct rect part = {rect.row, rect.column + rect.columns - WIDTH, 1, WIDTH};
  double share = total ? fmin((double)done / (double)total, 1) : 0;
  bool exports = explorer->work == WORK_EXPORT || explorer->work == WORK_STAMP;
  int column = cells_text(&explorer->cells, part, 0, 1, style,
                          exports                              ? "export "
                          : explorer_stale(explorer)           ? "stale  "
                          : explorer->work == WORK_VIEW        ? explorer->asker->work
                          : explorer->work == WORK_PINS        ? "pins   "
                          : explorer->work == WORK_CHECK_STAMP ? "compare"
                          : explorer->result->estimated        ? "exact  "
                          : explorer->result->numbers_only     ? "plots  "
                          : explorer->result->partial          ? "channel"
                                                               : "blocks ");
  column = paint_bar(explorer, part, column, BAR, share);
  column = cells_printf(&explorer->cells, part, 0, column + 1, style, "%3.0f %% %-*s ", share * 100,
                        LEFT, left_text(engine_left(explorer->engine), left, sizeof left));
  column = cells_text(&explorer->cells, part, 0, column, (struct style){.ink = PAINT_KEY}, "Esc");
  cells_text(&explorer->cells, part, 0, column + 1, (struct style){.ink = PAINT_DIM}, "stops");
  return WIDTH;
}

static void plain_verdict(const struct explorer *explorer, char *text, size_t size)
{
  size_t used = explorer->result->estimated ? (size_t)snprintf(text, size, "~ ") : 0;
  result_verdict(explorer->result, text + used, size - used);
  used = strlen(text);
  grid_watch_words(explorer, text + used, size - used);
}

static void paint_message(struct explorer *explorer)
{
  struct rect rect = explorer->layout.place[PLACE_MESSAGE];
  char verdict[VERDICT_TEXT], mark[5];
  rect.column++;
  rect.columns -= 2 + paint_progress(explorer, explorer->layout.place[PLACE_MESSAGE]);
  if (*explorer->message) {
    struct style style = {.ink = explorer->warning ? PAINT_WARNING : PAINT_GOOD};
    cells_wrap(&explorer->cells, rect, style, explorer->message, ellipsis(explorer, mark));
  } else if (explorer->result) {
    struct style style = {.attributes = explorer_stale(explorer) ? CELL_DIM : 0};
    const struct screen_view *view = screen_view(explorer);
    *verdict = '\0';
    if (view->verdict)
      view->verdict(explorer, verdict, sizeof verdict);
    if (!*verdict && view_type_of(view->kind)->pinned)
      pins_verdict(explorer, verdict, sizeof verdict);
    if (!*verdict)
      plain_verdict(explorer, verdict, sizeof verdict);
    cells_wrap(&explorer->cells, rect, style, verdict, ellipsis(explorer, mark));
  }
}

/* A state that people must not forget, at the end of the recipe's line. */
static void paint_badge(struct explorer *explorer, const char *text)
{
  struct rect rect = explorer->layout.place[PLACE_RECIPE];
  cells_text_right(&explorer->cells, rect, 0,
                   (struct style){.ink = PAINT_WARNING, .attributes = CELL_REVERSE}, text);
}

static void paint_recipe(struct explorer *explorer)
{
  enum { VERB = sizeof "qscope" }; /* kept when the path does not fit */
  struct rect rect = explorer->layout.place[PLACE_RECIPE];
  char shown[1024], mark[5];
  rect.column++;
  rect.columns -= 2;
  if (explorer->recipe)
    cells_text(&explorer->cells, rect, 0, 0, (struct style){.ink = PAINT_DIM},
               text_cut(&explorer->cells, explorer->recipe, rect.columns, VERB,
                        ellipsis(explorer, mark), shown, sizeof shown));
  if (explorer->no_mouse)
    paint_badge(explorer, " mouse off (M) ");
}

static int hint_width(const struct explorer *explorer, enum command_id id)
{
  char key[32];
  command_key_in(id, explorer_scope(explorer), key, sizeof key);
  return text_width(&explorer->cells, key) + 3 +
         text_width(&explorer->cells, explorer_commands[id].hint);
}

static int paint_hint(struct explorer *explorer, struct rect rect, int column, const char *key,
                      const char *word, struct style style)
{
  int end = cells_text(&explorer->cells, rect, 0, column, (struct style){.ink = PAINT_KEY}, key);
  end = cells_text(&explorer->cells, rect, 0, end + 1, style, word);
  mouse_spot(explorer, (struct rect){rect.row, rect.column + column, rect.rows, end - column}, key);
  return end + 2;
}

static const struct style quiet = {.ink = PAINT_DIM};

static int paint_command_hint(struct explorer *explorer, struct rect rect, int column,
                              enum command_id id)
{
  bool here = id == screen_view(explorer)->command; /* the view that is shown */
  struct style style = {.ink = here ? PAINT_VALUE : PAINT_DIM,
                        .attributes = here ? CELL_UNDERLINE : 0};
  char key[32];
  command_key_in(id, explorer_scope(explorer), key, sizeof key);
  return paint_hint(explorer, rect, column, key, explorer_commands[id].hint, style);
}

static bool is_last(enum command_id id)
{
  return id == COMMAND_EXPORT || id == COMMAND_HELP || id == COMMAND_QUIT;
}

/* The hints of the commands with keys in SCOPE, in the table's order, as far as there is ROOM; the
 * last ones are left out. */
static int paint_hints_of(struct explorer *explorer, struct rect rect, int column, int room,
                          int scope)
{
  for (int i = 0; i < COMMAND_COUNT; i++) {
    enum command_id id = (enum command_id)i;
    const struct command *command = &explorer_commands[id];
    if (command->scope == scope && *command->hint && !is_last(id) &&
        column + hint_width(explorer, id) <= room)
      column = paint_command_hint(explorer, rect, column, id);
  }
  return column;
}

/* Hints of the place first, then the view's, then those that hold everywhere; at the end, whatever
 * there is room for, how to get help and out, and on a wide enough line how to take the figure
 * along. */
static void paint_hints(struct explorer *explorer)
{
  struct rect rect = explorer->layout.place[PLACE_HINTS];
  static const char *const next_panel[] = {
      [FOCUS_PLOT] = "numbers", [FOCUS_METRICS] = "knobs", [FOCUS_KNOBS] = "plot"};
  enum { WIDE = 60 };
  const enum command_id last[] = {COMMAND_HELP, COMMAND_QUIT};
  const struct screen_view *view = screen_view(explorer);
  int column = 1, room = rect.columns + 1;
  for (int i = 0; i < 2; i++)
    room -= hint_width(explorer, last[i]);
  if (explorer->layout.form == LAYOUT_ONE)
    column = paint_hint(explorer, rect, column, "Tab", next_panel[explorer->focus], quiet);
  if (explorer->state.view.channel >= 0)
    column = paint_hint(explorer, rect, column, "Backspace", "whole tensor", quiet);
  if (view->arrows && explorer->layout.form == LAYOUT_FULL)
    column = paint_hint(explorer, rect, column, "Arrows", view->arrows, quiet);
  column = paint_hints_of(explorer, rect, column, room, explorer_scope(explorer));
  const int export = hint_width(explorer, COMMAND_EXPORT);
  const bool exports = rect.columns >= WIDE && column + export <= room;
  column = paint_hints_of(explorer, rect, column, room - (exports ? export : 0), SCOPE_EVERYWHERE);
  if (exports)
    column = paint_command_hint(explorer, rect, column, COMMAND_EXPORT);
  for (int i = 0; i < 2; i++)
    column = paint_command_hint(explorer, rect, column, last[i]);
}

/* The hints of a page, from the table. */
static void paint_page_hints(struct explorer *explorer, int scope)
{
  struct rect rect = explorer->layout.place[PLACE_HINTS];
  int column = 1;
  cells_fill(&explorer->cells, rect, ' ', (struct style){0});
  for (int id = 0; id < COMMAND_COUNT; id++) {
    const struct command *command = &explorer_commands[id];
    char key[32];
    if (command->scope == scope && *command->hint)
      column =
          paint_hint(explorer, rect, column,
                     command_first_key((enum command_id)id, key, sizeof key), command->hint, quiet);
  }
}

void paint_fixed_hints(struct explorer *explorer, const char *const *pairs)
{
  struct rect rect = explorer->layout.place[PLACE_HINTS];
  cells_fill(&explorer->cells, rect, ' ', (struct style){0});
  for (int column = 1; *pairs; pairs += 2)
    column = paint_hint(explorer, rect, column, pairs[0], pairs[1], quiet);
}

/* --- overlays ----------------------------------------------------------------------------- */

void paint_checks(struct explorer *explorer)
{
  checks_view_paint(explorer, explorer->layout.body);
  paint_page_hints(explorer, SCOPE_CHECKS);
}

void paint_session(struct explorer *explorer)
{
  session_paint(explorer);
  paint_page_hints(explorer, SCOPE_SESSION);
}

void paint_experiments(struct explorer *explorer)
{
  experiments_paint(explorer);
  paint_page_hints(explorer, SCOPE_EXPERIMENTS);
}

void paint_changes(struct explorer *explorer)
{
  undo_page_paint(explorer);
  paint_page_hints(explorer, SCOPE_CHANGES);
}

/* On the last line of a page. */
static void paint_page_message(struct explorer *explorer, const struct rect *rect)
{
  const struct rect line = {rect->row + rect->rows - 1, rect->column, 1, rect->columns};
  if (!*explorer->message)
    return;
  cells_fill(&explorer->cells, line, ' ', (struct style){0});
  cells_text(&explorer->cells, line, 0, 2,
             (struct style){.ink = explorer->warning ? PAINT_WARNING : PAINT_NONE},
             explorer->message);
}

void paint_browser(struct explorer *explorer)
{
  struct rect rect = explorer->layout.body;
  rect.rows = explorer->cells.rows - rect.row - (explorer->layout.form != LAYOUT_LINE);
  browser_paint(&explorer->browser, &explorer->cells, rect, explorer->glyphs);
  paint_page_message(explorer, &rect);
  const char *const *hints = browser_hints(&explorer->browser);
  if (hints)
    paint_fixed_hints(explorer, hints);
  else
    paint_page_hints(explorer, SCOPE_LIST);
}

/* --- everything --------------------------------------------------------------------------- */

/* "SQNR 33.03 dB", with what is to be thought of it. */
static void paint_number(struct explorer *explorer, int row, const char *key, const char *label)
{
  struct rect rect = cells_all(&explorer->cells);
  const struct result *result = explorer->result;
  const struct metric *metric = metric_find(key);
  char text[48];
  if (!result)
    return;
  metric_print(metric, metric->value(&result->metrics), text, sizeof text);
  cells_printf(&explorer->cells, rect, row, 0, (struct style){0}, "%s %s%s%s", label,
               result->estimated ? "~" : "", text, explorer_stale(explorer) ? " stale" : "");
}

/* Too small for panels: the numbers that matter most, a line each; in one line what fits. */
static void paint_summary(struct explorer *explorer)
{
  struct rect rect = cells_all(&explorer->cells);
  char format[32], name[NAME_TEXT], shown[NAME_TEXT], mark[5];
  const struct style bold = {.attributes = CELL_BOLD};
  format_label(explorer->state.knobs.quantizer.format, format, sizeof format);
  text_escape(explorer_whole(explorer)->name, name, sizeof name);
  if (rect.rows == 1) {
    paint_number(explorer, 0, "sqnr_db", format);
    return;
  }
  text_shorten(&explorer->cells, name, rect.columns, ellipsis(explorer, mark), shown, sizeof shown);
  cells_text(&explorer->cells, rect, 0, 0, bold, shown);
  paint_number(explorer, 1, "sqnr_db", format);
  paint_number(explorer, 2, "mse", "MSE");
  const struct screen_view *view = screen_view(explorer);
  if (view->summary)
    cells_text(&explorer->cells, rect, 3, 0, (struct style){0},
               view->summary(explorer, name, sizeof name));
  else
    paint_number(explorer, 3, "clip_rate", "clipped");
  cells_text(&explorer->cells, rect, 4, 0, (struct style){.ink = PAINT_WARNING}, explorer->message);
  if (!*explorer->message) /* the keys of the views are answered */
    cells_printf(&explorer->cells, rect, 4, 0, (struct style){.ink = PAINT_DIM}, "view %s",
                 view_type_of(explorer->state.view.kind)->name);
}

static void paint_main(struct explorer *explorer)
{
  paint_title(explorer);
  paint_plot(explorer);
  if (explorer->layout.place[PLACE_KNOBS].rows)
    paint_knobs(explorer);
  paint_metrics(explorer);
  paint_frame(explorer);
  paint_message(explorer);
  paint_recipe(explorer);
  paint_hints(explorer);
}

void explorer_paint(struct explorer *explorer)
{
  explorer->cells.ascii = explorer->glyphs->ascii;
  explorer->cursor_row = -1;
  mouse_forget(explorer);
  cells_clear(&explorer->cells);
  if (explorer->layout.form == LAYOUT_LINE)
    paint_summary(explorer);
  else
    paint_main(explorer);
  if (overlay_table[explorer->mode].paint) {
    mouse_forget(explorer); /* what it covers cannot be clicked */
    mouse_list(explorer, explorer->layout.body);
    overlay_table[explorer->mode].paint(explorer);
  }
  mouse_paint(explorer);
}
