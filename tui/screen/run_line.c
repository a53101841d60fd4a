#include "tui/screen/run_line.h"

#include "tui/screen/actions.h"
#include "tui/screen/palette.h"
#include "tui/screen/session.h"
#include "tui/screen/text_commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t";

struct line_parts line_split(const char *line)
{
  struct line_parts parts = {.name_start = strspn(line, blanks)};
  const char *name = line + parts.name_start;
  parts.name_length = strcspn(name, blanks);
  parts.id = command_of_name(name, parts.name_length);
  parts.text_start = parts.name_start + parts.name_length;
  parts.text_start += strspn(line + parts.text_start, blanks);
  return parts;
}

/* Which page a command belongs to, and what opens it. */
static const struct {
  int scope;
  enum mode mode;
  const char *page, *opener;
} pages[] = {{SCOPE_LIST, MODE_BROWSER, "the list of tensors", "tensors"},
             {SCOPE_CHECKS, MODE_CHECKS, "the page of checks", "checks"},
             {SCOPE_SESSION, MODE_SESSION, "the session's page", "session"},
             {SCOPE_EXPERIMENTS, MODE_EXPERIMENTS, "the experiments", "experiments"},
             {SCOPE_CHANGES, MODE_CHANGES, "the list of changes", "changes"}};

/* The commands of a page are for those who see it. */
static enum status check_page(const struct explorer *explorer, const struct command *command,
                              struct error *error)
{
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
    if (pages[i].scope == command->scope && pages[i].mode != explorer->mode)
      return error_set(error, STATUS_USAGE, "%s: that is for %s, which '%s' opens", command->name,
                       pages[i].page, pages[i].opener);
  return STATUS_OK;
}

static enum status check_text(const struct command *command, const char *text, struct error *error)
{
  if (command->text == TEXT_NONE && *text)
    return error_set(error, STATUS_USAGE, "%s takes no text: '%s'", command->name, text);
  if (command->text != TEXT_NONE && !*text)
    return error_set(error, STATUS_USAGE, "%s needs %s behind it", command->name,
                     command_text_names[command->text]);
  return STATUS_OK;
}

/* What changes the view closes a page that stands over it; on the page of checks, knobs turn. */
static void leave_page(struct explorer *explorer, const struct command *command)
{
  bool stays = command->scope >= SCOPE_PAGES || command->group == GROUP_OUTPUT ||
               command->group == GROUP_PROGRAM ||
               (explorer->mode == MODE_CHECKS && command->group == GROUP_KNOBS);
  if (!stays)
    explorer_leave_page(explorer);
}

static enum status unknown(const char *name, size_t length, struct error *error)
{
  char typed[64], shown[256];
  snprintf(typed, sizeof typed, "%.*s", (int)(length < sizeof typed ? length : sizeof typed - 1),
           name);
  const char *near = command_nearest(typed);
  text_escape(typed, shown, sizeof shown);
  return near ? error_set(error, STATUS_USAGE, "no command is called '%s'; did you mean '%s'?",
                          shown, near)
              : error_set(error, STATUS_USAGE, "no command is called '%s'", shown);
}

static enum status run_parts(struct explorer *explorer, enum command_id id, const char *text,
                             struct error *error)
{
  const struct command *command = &explorer_commands[id];
  enum status status = check_page(explorer, command, error);
  if (status == STATUS_OK)
    status = check_text(command, text, error);
  if (status != STATUS_OK)
    return status;
  undo_begin(explorer);
  leave_page(explorer, command);
  explorer->message[0] = 0;
  explorer->warning = false;
  if (command->text != TEXT_NONE) {
    status = text_command_of(id)(explorer, text, error);
  } else {
    explorer_command(explorer, id);
    if (explorer->warning)
      status = error_set(error, STATUS_USAGE, "%s", explorer->message);
  }
  undo_end(explorer);
  if (status == STATUS_OK)
    session_note(explorer, id, text);
  return status;
}

enum status run_line(struct explorer *explorer, const char *line, struct error *error)
{
  struct line_parts parts = line_split(line);
  struct quantizer quantizer;
  size_t length = strlen(line);
  while (length > parts.text_start && strchr(blanks, line[length - 1]))
    length--;
  if (parts.name_length == 0)
    return STATUS_OK;
  bool spec = parts.id == COMMAND_COUNT &&
              quantizer_parse(line + parts.name_start, &quantizer, NULL) == STATUS_OK;
  if (parts.id == COMMAND_COUNT && !spec)
    return unknown(line + parts.name_start, parts.name_length, error);
  size_t start = spec ? parts.name_start : parts.text_start;
  char *text = strndup(line + start, length > start ? length - start : 0);
  if (!text)
    return error_memory(error, "a command");
  enum status status = run_parts(explorer, spec ? COMMAND_QUANTIZER : parts.id, text, error);
  free(text);
  return status;
}

bool run_cursor(struct explorer *explorer, const char *words, ...)
{
  char text[64];
  struct error error;
  va_list arguments;
  va_start(arguments, words);
  vsnprintf(text, sizeof text, words, arguments);
  va_end(arguments);
  return run_parts(explorer, COMMAND_CURSOR, text, &error) == STATUS_OK;
}

void run_command(struct explorer *explorer, enum command_id id)
{
  struct error error;
  if (explorer_commands[id].text != TEXT_NONE)
    palette_open(explorer, id);
  else if (run_parts(explorer, id, "", &error) != STATUS_OK && !explorer->warning)
    explorer_warn(explorer, "%s", error.text);
}
