#include "config.h"

#include "tui/screen/palette.h"

#include "tui/screen/explorer.h"
#include "tui/screen/keys.h"
#include "tui/screen/layer_view.h"
#include "tui/screen/paint.h"
#include "tui/screen/run_line.h"
#include "tui/screen/text_commands.h"

#include <stdio.h>
#include <string.h>

/* --- preview ------------------------------------------------------------------------------ */

/* Goes to STATE without a trace in the history. */
static void peek(struct explorer *explorer, const struct state *state)
{
  if (state_equal(&explorer->state, state))
    return;
  bool same = state_same_numbers(&explorer->state, state);
  explorer->state = *state;
  explorer->wanted = explorer->wanted || !same;
  explorer->stopped = explorer->stopped && same;
  explorer_refresh(explorer);
}

static void end_preview(struct explorer *explorer)
{
  struct palette *palette = &explorer->palette;
  if (palette->previewing)
    peek(explorer, &palette->before);
  palette->previewing = false;
}

static const struct suggestion *selected(const struct palette *palette)
{
  return palette->selected < palette->suggested.count ? &palette->suggested.list[palette->selected]
                                                      : NULL;
}

/* The quantizer with calibrator NAME in place of its own, as a spec. */
static bool with_calibrator(const struct state *state, const char *name, char *text)
{
  struct quantizer quantizer = state->knobs.quantizer;
  quantizer.calibrator = calibrator_find(name);
  if (!quantizer.calibrator || format_is_block(quantizer.format))
    return false;
  quantizer.by = BY_CALIBRATOR;
  quantizer.parameter = calibrator_default(quantizer.calibrator, quantizer.format);
  calibrator_options(quantizer.calibrator, quantizer.option);
  quantizer_print(&quantizer, text);
  return true;
}

/* The line that Enter runs: the text, or what the selected suggestion stands for. */
static void meant(const struct explorer *explorer, char line[PROMPT_TEXT])
{
  const struct palette *palette = &explorer->palette;
  const struct suggestion *one = selected(palette);
  const struct state *from = palette->previewing ? &palette->before : &explorer->state;
  struct quantizer quantizer;
  char spec[QUANTIZER_TEXT];
  bool whole = quantizer_parse(palette->prompt.text, &quantizer, NULL) == STATUS_OK;
  snprintf(line, PROMPT_TEXT, "%s", palette->prompt.text);
  if (!one || one->kind == SUGGEST_PART || (whole && !palette->chosen))
    return;
  if (one->kind == SUGGEST_TENSOR)
    snprintf(line, PROMPT_TEXT, "tensor %s", one->text);
  else if (one->kind == SUGGEST_CALIBRATOR && with_calibrator(from, one->text, spec))
    snprintf(line, PROMPT_TEXT, "quantizer %s", spec);
  else
    snprintf(line, PROMPT_TEXT, "%s", one->text);
}

/* What ERROR says beside the spec, which stands above it. */
static const char *reason(const struct error *error)
{
  const char *word = strstr(error->text, "\": ");
  return strncmp(error->text, "spec \"", 6) == 0 && word ? word + 3 : error->text;
}

/* True behind a "=" whose values are offered: that there is none yet is no fault. */
static bool lacks_value(const struct palette *palette)
{
  const struct prompt *prompt = &palette->prompt;
  return palette->suggested.count > 0 && prompt->at > 0 && prompt->text[prompt->at - 1] == '=';
}

/* What the line would do: shown, where that can be; in words, where it cannot be done. */
static void preview(struct explorer *explorer)
{
  struct palette *palette = &explorer->palette;
  char line[PROMPT_TEXT], text[QUANTIZER_TEXT];
  struct error error;
  struct state next;
  palette->is_wrong = false;
  palette->words[0] = 0;
  meant(explorer, line);
  struct line_parts parts = line_split(line);
  bool spec = parts.id == COMMAND_COUNT;
  size_t start = spec ? parts.name_start : parts.text_start;
  if (!palette->previewing)
    palette->before = explorer->state;
  palette->previewing = true;
  enum status status = STATUS_CANCELLED;
  if (line[start] && (palette->chosen || strcmp(line, palette->prompt.text) == 0))
    status = text_command_preview(spec ? COMMAND_QUANTIZER : parts.id, line + start,
                                  &palette->before, &next, &palette->wrong, &error);
  peek(explorer, status == STATUS_OK ? &next : &palette->before);
  palette->wrong += start;
  palette->is_wrong =
      status == STATUS_USAGE && !lacks_value(palette) && (!spec || palette->suggested.count == 0);
  if (palette->is_wrong)
    snprintf(palette->words, sizeof palette->words, "%.255s", reason(&error));
  else if (status == STATUS_OK &&
           explorer_commands[spec ? COMMAND_QUANTIZER : parts.id].text == TEXT_SPEC)
    snprintf(palette->words, sizeof palette->words, "applies %s",
             quantizer_print(&next.knobs.quantizer, text));
}

/* --- keys --------------------------------------------------------------------------------- */

/* Whose tensors complete the line. */
static const struct source *source_of_line(const struct explorer *explorer)
{
  const struct line_parts parts = line_split(explorer->palette.prompt.text);
  const struct source *source = NULL;
  if (parts.id != COMMAND_COUNT && explorer_commands[parts.id].text == TEXT_TOKENS)
    source = layer_view_source(explorer, LAYER_ACTIVATION);
  else if (parts.id != COMMAND_COUNT && explorer_commands[parts.id].text == TEXT_HELD_OUT)
    source = layer_view_source(explorer, LAYER_HELD_OUT);
  return source ? source : explorer->source;
}

static void changed(struct explorer *explorer)
{
  struct palette *palette = &explorer->palette;
  palette->selected = 0;
  palette->chosen = false;
  suggest(palette->prompt.text, palette->prompt.at, source_of_line(explorer), &palette->suggested);
  preview(explorer);
}

void palette_open(struct explorer *explorer, enum command_id id)
{
  struct palette *palette = &explorer->palette;
  char line[PROMPT_TEXT] = "", spec[QUANTIZER_TEXT] = "";
  if (id != COMMAND_COUNT && explorer_commands[id].text == TEXT_SPEC)
    quantizer_print(&explorer->state.knobs.quantizer, spec);
  if (id != COMMAND_COUNT)
    snprintf(line, sizeof line, "%s %s", explorer_commands[id].name, spec);
  prompt_set(&palette->prompt, line);
  palette->over = (int)explorer->mode;
  palette->previewing = false;
  explorer->mode = MODE_PALETTE;
  changed(explorer);
}

static void close_palette(struct explorer *explorer)
{
  end_preview(explorer);
  explorer->mode = (enum mode)explorer->palette.over;
}

static void run(struct explorer *explorer)
{
  char line[PROMPT_TEXT];
  struct error error;
  const struct suggestion *one = selected(&explorer->palette);
  bool empty = explorer->palette.prompt.length == 0 && !explorer->palette.chosen;
  meant(explorer, line);
  struct line_parts parts = line_split(line);
  close_palette(explorer);
  explorer->message[0] = 0;
  if (empty)
    return;
  if (one && one->kind == SUGGEST_COMMAND && parts.id == one->id && !line[parts.text_start])
    run_command(explorer, one->id);
  else if (run_line(explorer, line, &error) != STATUS_OK)
    explorer_warn(explorer, "%s", error.text);
}

static void complete(struct explorer *explorer)
{
  struct palette *palette = &explorer->palette;
  const struct suggestion *one = selected(palette);
  char text[SUGGESTION_TEXT + 2];
  if (!one)
    return;
  snprintf(text, sizeof text, "%s%s", one->text, one->behind);
  if (prompt_replace(&palette->prompt, palette->suggested.from, palette->suggested.to, text))
    changed(explorer);
}

static void choose(struct explorer *explorer, int by)
{
  struct palette *palette = &explorer->palette;
  size_t last = palette->suggested.count ? palette->suggested.count - 1 : 0;
  if (by > 0 && palette->selected < last)
    palette->selected++;
  else if (by < 0 && palette->selected > 0)
    palette->selected--;
  palette->chosen = true;
  preview(explorer);
}

void palette_key(struct explorer *explorer, uint32_t key)
{
  struct palette *palette = &explorer->palette;
  if (key == KEY_CODE_ESCAPE || (key == KEY_CODE_BACKSPACE && palette->prompt.length == 0))
    close_palette(explorer);
  else if (key == KEY_CODE_RETURN)
    run(explorer);
  else if (key == KEY_CODE_TAB)
    complete(explorer);
  else if (key == KEY_CODE_DOWN)
    choose(explorer, 1);
  else if (key == KEY_CODE_UP || key == KEY_CODE_BACK_TAB)
    choose(explorer, -1);
  else if (prompt_edit(&palette->prompt, key))
    changed(explorer);
}

void palette_click(struct explorer *explorer, int row)
{
  struct palette *palette = &explorer->palette;
  int line = row - palette->first_row;
  if (line < 0 || line >= palette->rows ||
      palette->first + (size_t)line >= palette->suggested.count)
    return;
  palette->selected = palette->first + (size_t)line;
  palette->chosen = true;
  if (selected(palette)->kind == SUGGEST_PART)
    complete(explorer);
  else
    run(explorer);
}

/* --- drawing ------------------------------------------------------------------------------ */

/* Columns that the bytes FROM up to TO of the line take. */
static int columns_of(const struct explorer *explorer, size_t from, size_t to)
{
  char text[PROMPT_TEXT];
  snprintf(text, sizeof text, "%.*s", (int)(to - from), explorer->palette.prompt.text + from);
  return text_width(&explorer->cells, text);
}

/* The first byte that is shown, so that the cursor is in sight. */
static size_t scrolled(const struct explorer *explorer, int room)
{
  const struct prompt *prompt = &explorer->palette.prompt;
  const char *at = prompt->text;
  while (columns_of(explorer, (size_t)(at - prompt->text), prompt->at) > room)
    utf8_next(&at);
  return (size_t)(at - prompt->text);
}

/* Below the line: what is wrong with it, under the word that is; or what it would do. A mark points
 * at the word where the sentence has room behind or before it. */
static void paint_words(struct explorer *explorer, struct rect rect, int column)
{
  const struct palette *palette = &explorer->palette;
  struct style style = {.ink = palette->is_wrong ? PAINT_WARNING : PAINT_GOOD};
  int width = text_width(&explorer->cells, palette->words), last = rect.columns - 1, at = 2;
  bool behind = column + 2 + width <= last, before = column - 2 - width >= 1;
  if (palette->is_wrong) {
    at = behind ? column + 2 : before ? column - 1 - width : last - width;
    at = at > 1 ? at : 1;
    if (behind || before)
      cells_put(&explorer->cells, rect.row + 1, rect.column + column, '^', style);
  }
  char cut[sizeof palette->words + 8], mark[5];
  text_cut(&explorer->cells, palette->words, rect.columns - at, rect.columns - at - 1,
           utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark), cut, sizeof cut);
  cells_text(&explorer->cells, rect, 1, at, style, cut);
}

static void paint_line(struct explorer *explorer)
{
  const struct palette *palette = &explorer->palette;
  struct rect rect = explorer->layout.place[PLACE_MESSAGE];
  if (rect.rows == 0)
    rect = (struct rect){explorer->cells.rows - 1, 0, 1, explorer->cells.columns};
  else if (rect.rows == 1)
    rect.rows = 2; /* over the recipe */
  cells_fill(&explorer->cells, rect, ' ', (struct style){0});
  int left = cells_text(&explorer->cells, rect, 0, 1, (struct style){.ink = PAINT_KEY}, ":");
  size_t from = scrolled(explorer, rect.columns - left - 2);
  cells_text(&explorer->cells, rect, 0, left, (struct style){.ink = PAINT_VALUE},
             palette->prompt.text + from);
  if (palette->is_wrong && palette->wrong >= from && palette->wrong < palette->prompt.length) {
    int column = left + columns_of(explorer, from, palette->wrong);
    char word[PROMPT_TEXT];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(palette->prompt.text + palette->wrong, ","),
             palette->prompt.text + palette->wrong);
    cells_text(&explorer->cells, rect, 0, column,
               (struct style){.ink = PAINT_WARNING, .attributes = CELL_UNDERLINE}, word);
    paint_words(explorer, rect, column);
  } else if (palette->words[0]) {
    paint_words(explorer, rect, 2);
  }
  int column = left + columns_of(explorer, from, palette->prompt.at);
  explorer->cursor_row = rect.row;
  explorer->cursor_column = column < rect.columns ? column : rect.columns - 1;
}

/* Where the text of a suggestion ends that is chosen among N of them; the rest says what it is. */
static int names_width(const struct explorer *explorer, size_t first, size_t count, int columns)
{
  int widest = 16;
  for (size_t i = first; i < first + count; i++) {
    int width = text_width(&explorer->cells, explorer->palette.suggested.list[i].text) + 1;
    widest = width > widest ? width : widest;
  }
  return widest < columns / 2 ? widest : columns / 2;
}

static void paint_suggestion(struct explorer *explorer, struct rect line, size_t index, int names)
{
  static const char *const kinds[] = {[SUGGEST_COMMAND] = "",
                                      [SUGGEST_SPEC] = "format",
                                      [SUGGEST_CALIBRATOR] = "calibrator",
                                      [SUGGEST_TENSOR] = "tensor",
                                      [SUGGEST_PART] = ""};
  enum { KEYS = 9 };
  const struct suggestion *one = &explorer->palette.suggested.list[index];
  bool chosen = index == explorer->palette.selected;
  struct style style = {.paper = chosen ? PAINT_SELECTED : PAINT_NONE}, key = style, dim = style;
  char text[SUGGESTION_TEXT * 4], keys[32], mark[5], cut[SUGGESTION_TEXT * 4];
  key.ink = chosen ? PAINT_NONE : PAINT_KEY;
  dim.ink = chosen ? PAINT_NONE : PAINT_DIM;
  utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
  cells_fill(&explorer->cells, line, ' ', style);
  snprintf(text, sizeof text, "%s%s", text_escape(one->text, cut, sizeof cut - 4), one->behind);
  cells_text(&explorer->cells, line, 0, 1, style,
             text_shorten(&explorer->cells, text, names, mark, cut, sizeof cut));
  int column = names + 2;
  if (one->kind == SUGGEST_COMMAND)
    cells_text(&explorer->cells, line, 0, column, key, command_keys(one->id, keys, sizeof keys));
  else
    cells_text(&explorer->cells, line, 0, column, dim, kinds[one->kind]);
  column += one->kind == SUGGEST_PART ? 0 : one->kind == SUGGEST_COMMAND ? KEYS : 12;
  cells_text(&explorer->cells, line, 0, column, dim, one->about);
}

/* The suggestions, in a box above the line: few while what the line does is shown. */
static void paint_box(struct explorer *explorer)
{
  enum { MOST = 8, WITH_PREVIEW = 4 };
  struct palette *palette = &explorer->palette;
  struct rect body = explorer->layout.body;
  size_t most = palette->suggested.count && palette->suggested.list[0].kind == SUGGEST_PART
                    ? WITH_PREVIEW
                    : MOST;
  size_t rows = palette->suggested.count < most ? palette->suggested.count : most;
  palette->first = palette->selected >= rows ? palette->selected + 1 - rows : 0;
  palette->first_row = body.row + body.rows - (int)rows;
  palette->rows = (int)rows;
  if (rows == 0)
    return;
  struct rect box = {palette->first_row - 1, 0, (int)rows + 1, body.columns};
  int names = names_width(explorer, palette->first, rows, box.columns);
  cells_fill(&explorer->cells, box, ' ', (struct style){0});
  cells_fill(&explorer->cells, (struct rect){box.row, 0, 1, box.columns},
             explorer->glyphs->code[GLYPH_HORIZONTAL], (struct style){.ink = PAINT_FRAME});
  for (size_t i = 0; i < rows; i++)
    paint_suggestion(explorer, (struct rect){box.row + 1 + (int)i, 0, 1, box.columns},
                     palette->first + i, names);
}

void palette_paint(struct explorer *explorer)
{
  static const char *const hints[] = {"Enter",  "run or apply", "Tab",  "complete", "Up/Down",
                                      "choose", "Esc",          "back", NULL};
  explorer->palette.rows = 0;
  paint_line(explorer);
  paint_fixed_hints(explorer, hints);
  if (explorer->layout.form != LAYOUT_LINE)
    paint_box(explorer);
}
