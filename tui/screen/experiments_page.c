#include "tui/screen/experiments_page.h"

#include "analysis/recipe.h"
#include "quant/base/size.h"
#include "tui/screen/explorer.h"

#include <stdio.h>
#include <string.h>

enum { NAME_COLUMNS = 17, DETAIL_ROWS = 5, LEAST_LIST = 4, LABEL_COLUMNS = 10 };

static const struct style plain = {0}, bold = {.attributes = CELL_BOLD}, dim = {.ink = PAINT_DIM},
                          value = {.ink = PAINT_VALUE};

/* --- what happens ---------------------------------------------------------------------------- */

void experiments_open(struct explorer *explorer)
{
  struct experiments_page *page = &explorer->experiments;
  page->reading = page->open != NULL;
  page->top = 0;
  explorer->mode = MODE_EXPERIMENTS;
}

void experiments_move(struct explorer *explorer, int by)
{
  struct experiments_page *page = &explorer->experiments;
  size_t *what = page->reading ? &page->top : &page->at, step = (size_t)(by < 0 ? -by : by);
  *what = by < 0 ? *what - size_min(*what, step) : *what + step;
  if (!page->reading)
    page->at = size_min(page->at, experiment_table_length - 1);
}

static enum status open_state(struct explorer *explorer, const struct experiment *experiment,
                              struct error *error)
{
  struct recipe recipe;
  enum status status = recipe_parse(experiment->recipe, &recipe, error);
  if (status == STATUS_OK)
    status = explorer_enter(explorer, &recipe, error);
  recipe_clear(&recipe);
  return status;
}

void experiments_enter(struct explorer *explorer)
{
  struct experiments_page *page = &explorer->experiments;
  const struct experiment *experiment = experiment_table[page->at];
  struct error error;
  explorer_leave_page(explorer);
  if (page->reading)
    return;
  if (open_state(explorer, experiment, &error) != STATUS_OK) {
    explorer_warn(explorer, "%s", error.text);
    return;
  }
  page->open = experiment;
  session_note(explorer, COMMAND_RECIPE, experiment->recipe);
  explorer_say(explorer, "%s (S: what to see, and the answer)", experiment->question);
}

void experiments_back(struct explorer *explorer)
{
  struct experiments_page *page = &explorer->experiments;
  if (!page->reading)
    explorer_leave_page(explorer);
  page->reading = false;
  page->top = 0;
}

/* --- the answer ------------------------------------------------------------------------------- */

/* A run that a request interrupts begins again. */
static bool measure(void *context, struct progress *progress)
{
  struct experiments_page *page = context;
  struct error error;
  page->failed = experiment_run(page->measured, progress, &page->answer, &error);
  if (page->failed == STATUS_CANCELLED)
    return true;
  atomic_store(&page->known, true);
  return false;
}

static bool is_known(const struct experiments_page *page)
{
  return page->measured == page->open && atomic_load(&page->known);
}

bool experiments_tend(struct explorer *explorer)
{
  struct experiments_page *page = &explorer->experiments;
  if (explorer->mode != MODE_EXPERIMENTS || !page->reading || is_known(page) ||
      explorer->work != WORK_NONE || explorer->wanted)
    return false;
  if (page->measured == page->open && engine_idles(explorer->engine))
    return true;
  engine_stop_idling(explorer->engine);
  page->measured = page->open;
  atomic_store(&page->known, false);
  engine_set_idle(explorer->engine, measure, page);
  return true;
}

/* --- drawing ---------------------------------------------------------------------------------- */

/* Lines of the page of an experiment: painted where they are inside, counted in any case. */
struct writer {
  struct explorer *explorer;
  struct rect rect;
  size_t top, line;
};

static void write_line(struct writer *writer, int column, struct style style, const char *text)
{
  if (writer->line >= writer->top && writer->line < writer->top + (size_t)writer->rect.rows)
    cells_text(&writer->explorer->cells, writer->rect, (int)(writer->line - writer->top), column,
               style, text);
}

/* Bytes of TEXT, which is ASCII, that fit in COLUMNS: whole words, where there is one. */
static size_t fitting(const char *text, size_t columns)
{
  size_t fits = 0;
  for (size_t end = 0; text[end];) {
    end += strspn(text + end, " ");
    end += strcspn(text + end, " ");
    if (end > columns)
      break;
    fits = end;
  }
  return fits ? fits : size_min(strlen(text), columns);
}

/* LABEL, and WORDS behind it, over as many lines as it takes. */
static void write_words(struct writer *writer, const char *label, const char *words,
                        struct style style)
{
  size_t columns =
      (size_t)size_max((size_t)writer->rect.columns, LABEL_COLUMNS + 12) - LABEL_COLUMNS - 2;
  write_line(writer, 1, dim, label);
  for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
    char line[256];
    size_t length = size_min(fitting(words, columns), sizeof line - 1);
    snprintf(line, sizeof line, "%.*s", (int)length, words);
    write_line(writer, LABEL_COLUMNS, style, line);
    writer->line++;
    words += length;
  }
}

/* "8 bits, absmax/127    45.45 dB  45.34 dB to 45.54 dB" */
static void write_row(struct writer *writer, const struct experiments_page *page, size_t i)
{
  const struct experiment *experiment = page->open;
  char number[64] = "...", bounds[128], line[320];
  bool known = is_known(page) && page->failed == STATUS_OK;
  if (known)
    experiment_print(experiment, i, page->answer.value[i], number, sizeof number);
  experiment_bounds(experiment, i, bounds, sizeof bounds);
  int wide = writer->rect.columns - 14;
  int label = wide > 60 ? 44 : wide > 34 ? wide - 12 : 22, room = wide > 60 ? 10 : 12;
  write_line(writer, 1, plain, experiment->row[i].label);
  snprintf(line, sizeof line, "%*s", room, number);
  write_line(writer, label, plain, room > 10 ? "            " : "          ");
  write_line(writer, label, value, line);
  snprintf(line, sizeof line, "%s%s", known && !page->answer.within[i] ? "! " : "  ", bounds);
  if (wide > 60)
    write_line(writer, label + room + 1, dim, line);
  writer->line++;
}

static void write_page(struct writer *writer, const struct experiments_page *page)
{
  const struct experiment *experiment = page->open;
  write_line(writer, 1, bold, experiment->title);
  writer->line++;
  write_words(writer, "claim", experiment->claim, plain);
  write_words(writer, "question", experiment->question, plain);
  write_words(writer, "see", experiment->see, plain);
  writer->line++;
  for (size_t i = 0; i < experiment->rows; i++)
    write_row(writer, page, i);
  writer->line++;
  write_words(writer, "answer", experiment->answer, plain);
  write_line(writer, 1, dim, "holds");
  write_line(writer, LABEL_COLUMNS, value,
             !is_known(page)             ? "being measured"
             : page->failed != STATUS_OK ? "there was no memory to measure it"
             : page->answer.holds        ? "yes"
                                         : "no");
  writer->line++;
}

static void paint_reading(struct explorer *explorer, struct rect rect)
{
  struct experiments_page *page = &explorer->experiments;
  struct writer count = {.explorer = explorer, .rect = {rect.row, rect.column, 0, rect.columns}};
  write_page(&count, page);
  size_t rows = (size_t)rect.rows, most = count.line > rows ? count.line - rows : 0;
  page->top = size_min(page->top, most);
  struct writer writer = {.explorer = explorer, .rect = rect, .top = page->top};
  write_page(&writer, page);
}

static void paint_name(struct explorer *explorer, struct rect rect, int row, size_t i)
{
  const struct experiments_page *page = &explorer->experiments;
  const struct experiment *experiment = experiment_table[i];
  bool here = i == page->at;
  char mark[5], shown[512];
  struct style style = here ? bold : plain;
  cells_text(&explorer->cells, rect, row, 0, style, here ? ">" : " ");
  cells_text(&explorer->cells, rect, row, 2, style, experiment->name);
  cells_text(&explorer->cells, rect, row, NAME_COLUMNS + 2, here ? plain : dim,
             text_cut(&explorer->cells, experiment->claim, rect.columns - NAME_COLUMNS - 3,
                      rect.columns - NAME_COLUMNS - 4,
                      utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark), shown,
                      sizeof shown));
}

/* The list, and below it the selected one in full. */
static void paint_list(struct explorer *explorer, struct rect rect)
{
  struct experiments_page *page = &explorer->experiments;
  const struct experiment *experiment = experiment_table[page->at];
  int detail = rect.rows >= DETAIL_ROWS + LEAST_LIST + 2 ? DETAIL_ROWS : 0;
  size_t rows = (size_t)(rect.rows > detail + 2 ? rect.rows - detail - 1 : 1);
  if (page->at < page->top)
    page->top = page->at;
  if (page->at >= page->top + rows)
    page->top = page->at + 1 - rows;
  cells_text(&explorer->cells, rect, 0, 1, bold, "Experiments: what is often said");
  for (size_t i = page->top; i < experiment_table_length && i < page->top + rows; i++)
    paint_name(explorer, rect, (int)(i - page->top) + 1, i);
  struct writer writer = {
      .explorer = explorer,
      .rect = {rect.row + rect.rows - detail + 1, rect.column, detail - 1, rect.columns}};
  if (detail == 0)
    return;
  write_words(&writer, "claim", experiment->claim, plain);
  write_words(&writer, "question", experiment->question, plain);
}

void experiments_paint(struct explorer *explorer)
{
  struct rect rect = explorer->layout.body;
  cells_fill(&explorer->cells, rect, ' ', plain);
  if (explorer->experiments.reading)
    paint_reading(explorer, rect);
  else
    paint_list(explorer, rect);
}
