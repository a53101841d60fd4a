#include "config.h"

#include "tui/screen/script.h"

#include "tui/screen/paint.h"
#include "tui/screen/run_line.h"
#include "tui/screen/save_screen.h"
#include "tui/screen/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line without its end and the blanks around it. */
static char *trimmed(char *line, size_t length)
{
  while (length > 0 && strchr(" \t\r\n", line[length - 1]))
    line[--length] = 0;
  return line + strspn(line, " \t");
}

static enum status run_one(struct explorer *explorer, const char *line, struct error *error)
{
  struct line_parts parts = line_split(line);
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)(parts.name_length < 40 ? parts.name_length : 40),
           line + parts.name_start);
  trace_command(explorer->trace, name);
  enum status status = run_line(explorer, line, error);
  if (status == STATUS_OK)
    status = explorer_settle(explorer, error);
  return status;
}

static enum status run_lines(struct explorer *explorer, FILE *file, const char *name,
                             struct error *error)
{
  char *line = NULL;
  size_t room = 0, number = 0;
  ssize_t length;
  enum status status = STATUS_OK;
  while (status == STATUS_OK && !explorer->quit && (length = getline(&line, &room, file)) > 0) {
    number++;
    bool text = !memchr(line, 0, (size_t)length);
    const char *command = trimmed(line, (size_t)length);
    if (!text)
      status = error_set(error, STATUS_INPUT, "holds a NUL byte: no text");
    else if (*command && *command != '#')
      status = run_one(explorer, command, error);
  }
  if (status != STATUS_OK)
    error_prefix(error, "%s:%zu: ", name, number);
  else if (ferror(file))
    status = error_set(error, STATUS_INPUT, "%s: cannot be read: %s", name, strerror(errno));
  free(line);
  return status;
}

static enum status run_file(struct explorer *explorer, const char *path, struct error *error)
{
  bool standard = strcmp(path, "-") == 0;
  char name[256];
  text_escape(standard ? "standard input" : path, name, sizeof name);
  FILE *file = standard ? stdin : fopen(path, "r");
  if (!file)
    return error_set(error, STATUS_INPUT, "%s: cannot open: %s", name, strerror(errno));
  enum status status = run_lines(explorer, file, name, error);
  if (!standard)
    fclose(file);
  return status;
}

enum status script_run(struct explorer *explorer, struct error *error)
{
  const struct app_options *options = explorer->options;
  enum status status = explorer_settle(explorer, error);
  if (status == STATUS_OK && options->script)
    status = run_file(explorer, options->script, error);
  for (size_t i = 0; i < options->lines && status == STATUS_OK && !explorer->quit; i++) {
    status = run_one(explorer, options->line[i], error);
    if (status != STATUS_OK)
      error_prefix(error, "-c %s: ", options->line[i]);
  }
  if (status == STATUS_OK && options->print) {
    *explorer->message = '\0'; /* it speaks of keys; the verdict takes its place */
    explorer_paint(explorer);
    status =
        print_screen(&explorer->cells, terminal_theme(), terminal_depth(), options->print, error);
  }
  return status;
}
