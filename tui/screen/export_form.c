#include "config.h"

#include "tui/screen/export_form.h"

#include "analysis/figure.h"
#include "tui/screen/explorer.h"
#include "tui/screen/keys.h"
#include "tui/screen/paint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEM_TEXT = 160, LABEL_COLUMN = 2, VALUE_COLUMN = 10, BOX_ROWS = EXPORT_FIELDS + 2 };

static const char *const kinds[] = {".png", ".svg", ".pdf"};
static const char *const theme_names[] = {[THEME_LIGHT] = "light", [THEME_DARK] = "dark"};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* --- names of files ------------------------------------------------------------------------ */

/* NAME as part of a file name: what a shell or a file system could mind becomes '_'. */
static void file_stem(const char *name, char *text, size_t size)
{
  size_t length = 0;
  for (; *name && length + 1 < size && length < 80; name++)
    text[length++] = isalnum((unsigned char)*name) || strchr("._-", *name) ? *name : '_';
  text[length] = 0;
  if (length == 0 || text[0] == '.' || text[0] == '-')
    snprintf(text, size, "tensor");
}

/* "conv4.weight-histogram", of what STATE looks at. */
static void stem_of(const struct explorer *explorer, const struct state *state,
                    char stem[STEM_TEXT])
{
  const char *view = view_type_of(state->view.kind)->name;
  const char *subject = state->view.kind == VIEW_TENSORS
                            ? source_short_title(source_spec(explorer->source))
                            : source_tensor(explorer->source, state->tensor)->name;
  char name[96];
  file_stem(subject, name, sizeof name);
  if (state->view.channel >= 0)
    snprintf(stem, STEM_TEXT, "%s-channel%ld-%s", name, state->view.channel, view);
  else
    snprintf(stem, STEM_TEXT, "%s-%s", name, view);
}

/* The place in `kinds` of PATH's ending; 0 when it has none of them. */
static size_t kind_of(const char *path)
{
  const char *dot = strrchr(path, '.');
  for (size_t i = 0; dot && i < KINDS; i++)
    if (strcasecmp(dot, kinds[i]) == 0)
      return i;
  return 0;
}

/* PATH with ENDING in place of its own. */
static void with_ending(const char *path, const char *ending, char *out, size_t size)
{
  const char *dot = figure_is_name(path) ? strrchr(path, '.') : NULL;
  int length = (int)(dot ? (size_t)(dot - path) : strlen(path));
  snprintf(out, size, "%.*s%s", length, path, ending);
}

static bool is_taken(const struct explorer *explorer, const char *path)
{
  char data[PROMPT_TEXT];
  with_ending(path, ".csv", data, sizeof data);
  return access(path, F_OK) == 0 || (explorer->form.data && access(data, F_OK) == 0);
}

/* A name that no file has, in the folder and of the kind that were chosen last:
 * "conv4.weight-histogram.png", then "...-2.png". */
static void new_path(const struct explorer *explorer, const struct state *state, char *path,
                     size_t size)
{
  const char *last = explorer->form.text[EXPORT_FILE].text, *slash = strrchr(last, '/');
  int folder = slash ? (int)(slash - last + 1) : 0;
  const char *ending = kinds[kind_of(last)];
  char stem[STEM_TEXT];
  stem_of(explorer, state, stem);
  snprintf(path, size, "%.*s%s%s", folder, last, stem, ending);
  for (unsigned n = 2; is_taken(explorer, path) && n < 100000; n++)
    snprintf(path, size, "%.*s%s-%u%s", folder, last, stem, n, ending);
}

/* --- the form ------------------------------------------------------------------------------- */

static const struct figure_options *options_of(struct explorer *explorer)
{
  struct export_form *form = &explorer->form;
  if (!form->known)
    form->options = figure_options_default();
  form->known = true;
  return &form->options;
}

/* What is exported: the view, or the list of tensors. */
static enum view_kind kind_of_view(const struct explorer *explorer)
{
  return explorer->form.over == MODE_BROWSER ? VIEW_TENSORS : explorer->state.view.kind;
}

void export_form_open(struct explorer *explorer)
{
  struct export_form *form = &explorer->form;
  const struct figure_options *options = options_of(explorer);
  char text[PROMPT_TEXT];
  form->over = (int)explorer->mode;
  if (!explorer_has_figure(explorer))
    return;
  struct state state = explorer->state;
  state.view.kind = kind_of_view(explorer);
  new_path(explorer, &state, text, sizeof text);
  prompt_set(&form->text[EXPORT_FILE], text);
  char measures[FIGURE_SIZE_TEXT];
  prompt_set(&form->text[EXPORT_SIZE], figure_size_print(options, measures));
  snprintf(text, sizeof text, "%u", options->dpi);
  prompt_set(&form->text[EXPORT_DPI], text);
  form->field = EXPORT_FILE;
  form->confirmed[0] = '\0';
  explorer->mode = MODE_EXPORT;
}

/* Turns the field that is selected; false when it is one of text. */
static bool turn(struct export_form *form, int direction)
{
  struct prompt *file = &form->text[EXPORT_FILE];
  char path[PROMPT_TEXT];
  switch (form->field) {
  case EXPORT_KIND:
    with_ending(file->text, kinds[(kind_of(file->text) + KINDS + (size_t)direction) % KINDS], path,
                sizeof path);
    prompt_set(file, path);
    return true;
  case EXPORT_THEME:
    form->options.theme = form->options.theme == THEME_LIGHT ? THEME_DARK : THEME_LIGHT;
    return true;
  case EXPORT_DATA:
    form->data = !form->data;
    return true;
  case EXPORT_FILE:
  case EXPORT_SIZE:
  case EXPORT_DPI:
  case EXPORT_FIELDS:
    break;
  }
  return false;
}

/* The numbers of the fields into the options; says which one is none. */
static bool read_numbers(struct explorer *explorer)
{
  struct export_form *form = &explorer->form;
  struct figure_options *options = &form->options;
  char rest;
  if (!figure_size_scan(form->text[EXPORT_SIZE].text, options))
    explorer_warn(explorer, "size: expected 1600x1000 (pixels), 85x60mm or 85mm, found '%s'",
                  form->text[EXPORT_SIZE].text);
  else if (sscanf(form->text[EXPORT_DPI].text, "%5u%c", &options->dpi, &rest) != 1)
    explorer_warn(explorer, "dpi: expected a number, found '%s'", form->text[EXPORT_DPI].text);
  else
    return true;
  return false;
}

static void submit(struct explorer *explorer)
{
  struct export_form *form = &explorer->form;
  const char *path = form->text[EXPORT_FILE].text;
  if (!read_numbers(explorer))
    return;
  if (!figure_is_name(path)) {
    explorer_warn(explorer, "file: expected a name that ends in .png, .svg or .pdf");
  } else if (is_taken(explorer, path) && strcmp(form->confirmed, path) != 0) {
    snprintf(form->confirmed, sizeof form->confirmed, "%s", path);
    explorer_warn(explorer, "there is such a file: Enter once more writes over it");
  } else {
    explorer->mode = (enum mode)form->over;
    form->asked = true;
    explorer_export(explorer, path);
  }
}

void export_form_key(struct explorer *explorer, uint32_t key)
{
  struct export_form *form = &explorer->form;
  explorer->message[0] = '\0';
  explorer->warning = false;
  if (key == KEY_CODE_ESCAPE)
    explorer->mode = (enum mode)form->over;
  else if (key == KEY_CODE_RETURN)
    submit(explorer);
  else if (key == KEY_CODE_DOWN || key == '\t')
    form->field = (form->field + 1) % EXPORT_FIELDS;
  else if (key == KEY_CODE_UP || key == KEY_CODE_BACK_TAB)
    form->field = (form->field + EXPORT_FIELDS - 1) % EXPORT_FIELDS;
  else if (form->field < EXPORT_TEXTS)
    prompt_edit(&form->text[form->field], key);
  else if (key == KEY_CODE_RIGHT || key == ' ')
    turn(form, 1);
  else if (key == KEY_CODE_LEFT)
    turn(form, -1);
}

/* --- drawing -------------------------------------------------------------------------------- */

static const char *const labels[EXPORT_FIELDS] = {
    [EXPORT_FILE] = "file", [EXPORT_SIZE] = "size",   [EXPORT_DPI] = "dpi",
    [EXPORT_KIND] = "kind", [EXPORT_THEME] = "theme", [EXPORT_DATA] = "data"};

/* What stands in FIELD. */
static const char *value_of(const struct export_form *form, enum export_field field)
{
  if (field < EXPORT_TEXTS)
    return form->text[field].text;
  if (field == EXPORT_KIND)
    return 1 + kinds[kind_of(form->text[EXPORT_FILE].text)];
  if (field == EXPORT_THEME)
    return theme_names[form->options.theme];
  return form->data ? "yes: its numbers in a .csv beside it" : "no";
}

/* The part of the text that has room for its cursor; *cursor is where that stands. */
static const char *visible(const struct cells *cells, const struct prompt *prompt, int room,
                           int *cursor)
{
  char before[PROMPT_TEXT];
  snprintf(before, sizeof before, "%.*s", (int)prompt->at, prompt->text);
  const char *from = prompt->text, *start = before;
  while ((*cursor = text_width(cells, start)) >= room && *start)
    utf8_next(&start);
  return from + (start - before);
}

static void paint_field(struct explorer *explorer, struct rect box, enum export_field field)
{
  const struct export_form *form = &explorer->form;
  struct rect line = {box.row + 1 + (int)field, box.column, 1, box.columns};
  bool here = form->field == field, text = field < EXPORT_TEXTS;
  const char *value = value_of(form, field);
  int cursor = 0;
  if (text && here)
    value = visible(&explorer->cells, &form->text[field], box.columns - VALUE_COLUMN - 1, &cursor);
  cells_text(&explorer->cells, line, 0, 0, (struct style){.ink = PAINT_KEY}, here ? ">" : " ");
  cells_text(&explorer->cells, line, 0, LABEL_COLUMN, (struct style){.ink = PAINT_DIM},
             labels[field]);
  int end = cells_text(&explorer->cells, line, 0, VALUE_COLUMN,
                       (struct style){.ink = here ? PAINT_VALUE : PAINT_NONE}, value);
  static const char size[] = "pixels, or for paper 85x60mm, 85mm (as tall as it needs)";
  if (here && (!text || field == EXPORT_SIZE))
    cells_text(&explorer->cells, line, 0, end + 2, (struct style){.ink = PAINT_DIM},
               text ? size : "Left/Right changes it");
  if (here && text) {
    explorer->cursor_row = line.row;
    explorer->cursor_column = line.column + VALUE_COLUMN + cursor;
  }
}

void export_form_paint(struct explorer *explorer)
{
  static const char *const hints[] = {"Enter", "write", "Up/Down", "field", "Esc", "cancel", NULL};
  struct rect body = explorer->layout.body;
  if (explorer->form.over == MODE_BROWSER)
    paint_browser(explorer);
  int rows = body.rows < BOX_ROWS ? body.rows : BOX_ROWS;
  struct rect box = {body.row + body.rows - rows, body.column, rows, body.columns};
  cells_fill(&explorer->cells, box, ' ', (struct style){0});
  cells_fill(&explorer->cells, (struct rect){box.row, box.column, 1, box.columns},
             explorer->glyphs->code[GLYPH_HORIZONTAL], (struct style){.ink = PAINT_FRAME});
  cells_printf(&explorer->cells, box, 0, LABEL_COLUMN, (struct style){.attributes = CELL_BOLD},
               " Export: %s ", view_type_of(kind_of_view(explorer))->name);
  for (int field = 0; field < EXPORT_FIELDS && field + 1 < rows; field++)
    paint_field(explorer, box, (enum export_field)field);
  paint_fixed_hints(explorer, hints);
}

/* --- writing -------------------------------------------------------------------------------- */

static void say_written(struct explorer *explorer, const struct figure *figure, const char *path)
{
  const struct export_form *form = &explorer->form;
  char size[FIGURE_SIZE_TEXT], remark[FIGURE_REMARK];
  figure_remark(figure, &form->options, remark);
  explorer_say(explorer, "wrote %.240s%s (%s at %u dpi)%s%s", path,
               form->data ? " and its numbers" : "", figure_size_print(&form->options, size),
               form->options.dpi, *remark ? "; " : "", remark);
}

void export_write(struct explorer *explorer, const struct figure *figure, const struct state *state)
{
  struct export_form *form = &explorer->form;
  const struct figure_options *options = options_of(explorer);
  struct error error;
  char path[sizeof explorer->export_path], data[sizeof path];
  bool asked = form->asked;
  form->asked = false;
  if (*explorer->export_path)
    snprintf(path, sizeof path, "%s", explorer->export_path);
  else
    new_path(explorer, state, path, sizeof path);
  with_ending(path, ".csv", data, sizeof data);
  enum status status =
      figure ? figure_write(figure, path, options, &error) : error_memory(&error, "a figure");
  if (status == STATUS_OK && form->data)
    status = figure_write_data(figure, data, &error);
  if (status == STATUS_OK)
    return say_written(explorer, figure, path);
  explorer->fault = status;
  if (asked)
    explorer->mode = MODE_EXPORT;
  explorer_warn(explorer, "%s", error.text);
}
