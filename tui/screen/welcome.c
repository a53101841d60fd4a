#include "tui/screen/welcome.h"

#include "data/outfile.h"
#include "tui/base/session_file.h"
#include "tui/base/xdg.h"
#include "tui/screen/explorer.h"
#include "tui/screen/run_line.h"
#include "tui/screen/screen_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The keys that matter most: what they are called is in the table. */
static const struct {
  enum command_id id;
  const char *does;
} keys[] = {{COMMAND_FORMAT_NEXT, "turns the format"},
            {COMMAND_VIEW_CHANNELS, "shows which channel is to blame"},
            {COMMAND_EXPERIMENTS, "opens experiments"},
            {COMMAND_HELP, "lists every key"}};
enum { KEYS = sizeof keys / sizeof *keys, LINES = 3 };

/* Leaves the mark; without a place for it the welcome comes again. */
static void leave_mark(const char *path)
{
  struct outfile *file;
  if (xdg_make_folders(path, NULL) != STATUS_OK || outfile_open(path, &file, NULL) != STATUS_OK)
    return;
  fputs("The welcome of qscope was shown. Without this file it is shown once more.\n",
        outfile_stream(file));
  outfile_commit(file, NULL);
}

/* Most tests are about something else. */
static bool is_unwanted(void)
{
  return getenv("QSCOPE_TEST_IDLE") && !getenv("QSCOPE_TEST_WELCOME");
}

/* PATH as people write it into a shell. */
static const char *from_home(const char *path, char *text, size_t size)
{
  const char *home = getenv("HOME");
  size_t length = home ? strlen(home) : 0;
  bool below = length > 1 && strncmp(path, home, length) == 0 && path[length] == '/';
  char whole[256];
  snprintf(whole, sizeof whole, "%s%s", below ? "~" : "", below ? path + length : path);
  return text_escape(whole, text, size);
}

void welcome_back(struct explorer *explorer)
{
  struct kept kept;
  char path[256];
  if (is_unwanted() || explorer->options->restored || explorer->options->forgets ||
      *explorer->message)
    return;
  bool killed = kept_last(&kept, NULL) == STATUS_OK && !kept.left;
  if (killed && strcmp(kept.signal, "SIGINT") != 0)
    explorer_say(explorer, "the last session was ended%s%s; to go on with it: qscope --restore %s",
                 *kept.signal ? " by " : "", kept.signal, from_home(kept.path, path, sizeof path));
  kept_clear(&kept);
}

void welcome_once(struct explorer *explorer)
{
  char *path;
  if (is_unwanted() || xdg_path(XDG_STATE, "welcomed", &path, NULL) != STATUS_OK)
    return;
  if (access(path, F_OK) != 0) {
    explorer->mode = MODE_WELCOME;
    leave_mark(path);
  }
  free(path);
}

void welcome_key(struct explorer *explorer, uint32_t key)
{
  enum command_id id = command_of_key(key, explorer_scope(explorer));
  explorer->mode = MODE_MAIN;
  if (id != COMMAND_COUNT)
    run_command(explorer, id);
}

/* "f turns the format, 3 shows ..." of the keys FIRST to LAST. */
static void write_keys(struct explorer *explorer, struct rect rect, int row, size_t first,
                       size_t last)
{
  int column = 2;
  for (size_t i = first; i <= last; i++) {
    char key[32];
    column = cells_text(&explorer->cells, rect, row, column, (struct style){.ink = PAINT_KEY},
                        command_first_key(keys[i].id, key, sizeof key));
    column =
        cells_printf(&explorer->cells, rect, row, column, (struct style){0}, " %s%s", keys[i].does,
                     i < last       ? ", "
                     : i + 1 < KEYS ? ","
                                    : ".");
  }
}

void welcome_paint(struct explorer *explorer)
{
  struct rect body = explorer->layout.body;
  int rows = body.rows < LINES + 2 ? body.rows : LINES + 2;
  struct rect box = {body.row + (body.rows - rows) / 2, body.column, rows, body.columns};
  cells_fill(&explorer->cells, box, ' ', (struct style){0});
  cells_text(&explorer->cells, box, 1, 2, (struct style){.attributes = CELL_BOLD},
             "Welcome to qscope, an oscilloscope for quantization error.");
  write_keys(explorer, box, 2, 0, 1);
  write_keys(explorer, box, 3, 2, KEYS - 1);
}
