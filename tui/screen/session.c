#include "config.h"

#include "tui/screen/session.h"

#include "data/outfile.h"
#include "quant/base/size.h"
#include "tui/screen/explorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MOST = 100000 };

/* --- the log ------------------------------------------------------------------------------ */

void session_clear(struct session *session)
{
  for (size_t i = 0; i < session->count; i++)
    free(session->line[i]);
  free(session->line);
  free(session->start);
  *session = (struct session){.start = NULL};
}

void session_begin(struct explorer *explorer)
{
  session_clear(&explorer->session);
  explorer->session.start = explorer_recipe(explorer, &explorer->state);
}

/* A log that has no more room ends: what it has stays right. */
static void append(struct session *session, char *line)
{
  if (session->count == session->room) {
    size_t room = session->room ? 2 * session->room : 64;
    char **more = room <= LINES_MOST ? realloc(session->line, room * sizeof *more) : NULL;
    if (!more) {
      free(line);
      return;
    }
    session->line = more;
    session->room = room;
  }
  session->line[session->count++] = line;
}

void session_note(struct explorer *explorer, enum command_id id, const char *text)
{
  const struct command *command = &explorer_commands[id];
  char *line;
  if (command->scope >= SCOPE_PAGES || command->group == GROUP_PROGRAM ||
      explorer->mode != MODE_MAIN ||
      asprintf(&line, "%s%s%s", command->name, *text ? " " : "", text) < 0)
    return;
  append(&explorer->session, line);
}

/* Undo and redo are no change of their own. */
static bool changes(const char *line)
{
  return strcmp(line, explorer_commands[COMMAND_UNDO].name) != 0 &&
         strcmp(line, explorer_commands[COMMAND_REDO].name) != 0;
}

const char *session_last(const struct explorer *explorer)
{
  const struct session *session = &explorer->session;
  for (size_t i = session->count; i > 0; i--)
    if (changes(session->line[i - 1]))
      return session->line[i - 1];
  return NULL;
}

enum status session_save(const struct explorer *explorer, const char *path, struct error *error)
{
  const struct session *session = &explorer->session;
  struct outfile *file;
  enum status status = outfile_open(path, &file, error);
  if (status != STATUS_OK)
    return status;
  FILE *out = outfile_stream(file);
  fprintf(out, "# a session of qscope: qscope --script FILE does it again\n");
  if (session->start)
    fprintf(out, "recipe %s\n", session->start);
  for (size_t i = 0; i < session->count; i++)
    fprintf(out, "%s\n", session->line[i]);
  return outfile_commit(file, error);
}

/* --- its page ----------------------------------------------------------------------------- */

/* The first line of the page, so that the last lines fill it. */
static size_t last_top(const struct explorer *explorer)
{
  size_t rows = explorer->layout.body.rows > 2 ? (size_t)explorer->layout.body.rows - 2 : 1;
  size_t lines = explorer->session.count + 1;
  return lines > rows ? lines - rows : 0;
}

void session_move(struct explorer *explorer, int by)
{
  long top = (long)explorer->session.top + by, last = (long)last_top(explorer);
  explorer->session.top = (size_t)(top < 0 ? 0 : top > last ? last : top);
}

void session_paint(struct explorer *explorer)
{
  const struct session *session = &explorer->session;
  struct rect rect = explorer->layout.body;
  char shown[1024], cut[1024], mark[5];
  utf8_encode(explorer->glyphs->code[GLYPH_ELLIPSIS], mark);
  cells_fill(&explorer->cells, rect, ' ', (struct style){0});
  cells_text(&explorer->cells, rect, 0, 1, (struct style){.attributes = CELL_BOLD},
             "This session as a script; save-session writes it");
  size_t top = session->top < last_top(explorer) ? session->top : last_top(explorer);
  for (size_t i = top; i <= session->count && (int)(i - top) + 2 < rect.rows; i++) {
    bool first = i == 0;
    const char *line = first ? session->start : session->line[i - 1];
    text_escape(line ? line : "", shown, sizeof shown);
    int column = cells_text(&explorer->cells, rect, (int)(i - top) + 2, 2,
                            (struct style){.ink = PAINT_DIM}, first ? "recipe " : "");
    cells_text(
        &explorer->cells, rect, (int)(i - top) + 2, column, (struct style){0},
        text_shorten(&explorer->cells, shown, rect.columns - column - 1, mark, cut, sizeof cut));
  }
}
