#include "config.h"

#include "tui/screen/journal.h"

#include "analysis/shell_words.h"
#include "tui/base/session_file.h"
#include "tui/screen/explorer.h"
#include "tui/screen/signals.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Only the first thing that goes wrong is told, and nothing is written behind a gap. */
static void fail(struct journal *journal, const char *what)
{
  error_set(&journal->error, STATUS_OUTPUT, "%s: %s", what, strerror(errno));
  signals_leave(-1, "");
  if (journal->file >= 0)
    close(journal->file);
  journal->file = -1;
}

static void put(struct journal *journal, const char *text, size_t length)
{
  while (length > 0 && journal->file >= 0) {
    ssize_t written = write(journal->file, text, length);
    if (written < 0 && errno != EINTR)
      fail(journal, "its file cannot be written");
    if (written > 0) {
      text += written;
      length -= (size_t)written;
    }
  }
}

/* A line; one that cannot be one (a name with an end of line in it) is left out. */
__attribute__((format(printf, 2, 3))) static void put_line(struct journal *journal,
                                                           const char *format, ...)
{
  va_list arguments;
  char *text;
  va_start(arguments, format);
  int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (length < 0)
    return;
  if (!strchr(text, '\n')) {
    text[length] = '\n';
    put(journal, text, (size_t)length + 1);
  }
  free(text);
}

/* --- beginning ------------------------------------------------------------------------------ */

/* The command that goes on with the session at PATH. */
static void leave_advice(const struct journal *journal, const char *path)
{
  char advice[1024];
  bool whole = shell_word_is_plain(path) && strlen(path) < sizeof advice / 2;
  snprintf(advice, sizeof advice, "; to go on where it was: qscope --restore%s%s", whole ? " " : "",
           whole ? path : "");
  signals_leave(journal->file, advice);
}

void journal_begin(struct explorer *explorer)
{
  struct journal *journal = &explorer->journal;
  *journal = (struct journal){.file = -1};
  if (explorer->options->forgets)
    return signals_leave(-1, "");
  sessions_thin_out();
  char *folder = getcwd(NULL, 0), *path;
  if (session_file_new(&journal->file, &path, &journal->error) == STATUS_OK)
    leave_advice(journal, path);
  put_line(journal, SESSION_HEAD ": qscope --restore goes on, qscope --script FILE does it again");
  if (folder)
    put_line(journal, "#= folder %s", folder);
  if (explorer->session.start)
    put_line(journal, "recipe %s", explorer->session.start);
  free(folder);
  free(path);
  journal_follow(explorer);
}

/* --- going on ------------------------------------------------------------------------------- */

static void put_source(struct explorer *explorer)
{
  struct journal *journal = &explorer->journal;
  const char *spec = source_spec(explorer->source);
  struct fingerprint files;
  char text[FINGERPRINT_TEXT], *name;
  if (journal->source == source_number(explorer->source))
    return;
  journal->source = source_number(explorer->source);
  name = session_source_name(spec);
  put_line(journal, "#= source %s %s",
           fingerprint_take(spec, &files) ? fingerprint_print(&files, text) : "-",
           name && !strchr(name, '\n') ? name : "");
  free(name);
}

static void put_state(struct explorer *explorer)
{
  struct journal *journal = &explorer->journal;
  char *now = explorer_session_recipe(explorer);
  bool tried = explorer->mode == MODE_PALETTE; /* only while it is being written */
  if (!now || tried || (journal->now && strcmp(now, journal->now) == 0)) {
    free(now);
    return;
  }
  put_source(explorer);
  put_line(journal, "#= now %s", now);
  free(journal->now);
  journal->now = now;
}

void journal_follow(struct explorer *explorer)
{
  struct journal *journal = &explorer->journal;
  const struct session *session = &explorer->session;
  if (journal->file < 0)
    return;
  for (; journal->lines < session->count; journal->lines++)
    put_line(journal, "%s", session->line[journal->lines]);
  put_state(explorer);
}

enum status journal_end(struct explorer *explorer, struct error *error)
{
  struct journal *journal = &explorer->journal;
  journal_follow(explorer);
  if (journal->file >= 0) {
    signals_leave(-1, "");
    put_line(journal, "#= left");
    fsync(journal->file);
    close(journal->file);
  }
  free(journal->now);
  journal->now = NULL;
  journal->file = -1;
  if (journal->error.status != STATUS_OK && error)
    *error = journal->error;
  return journal->error.status;
}
