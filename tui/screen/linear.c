#include "config.h"

#include "tui/screen/linear.h"

#include "tui/screen/keys.h"
#include "tui/screen/run_line.h"
#include "tui/screen/screen_view.h"
#include "tui/screen/session.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NO_MENU = -2, ALL_GROUPS = -1, VERDICT = 1024 };

struct linear {
  struct explorer *explorer;
  FILE *in, *out;
  char *line;
  size_t room;
  int menu; /* what numbers choose from: nothing, the groups, or the commands of one */
};

/* --- what is said ----------------------------------------------------------------------------- */

static void say_sentence(FILE *out, const char *text)
{
  size_t length = strlen(text);
  bool ended = length > 0 && strchr(".!?", text[length - 1]);
  if (length)
    fprintf(out, "%s%s\n", text, ended ? "" : ".");
}

/* "SQNR 33.03 dB, 5.9 dB more than before." */
static void say_numbers(const struct linear *linear, double before)
{
  const struct explorer *explorer = linear->explorer;
  const struct result *result = explorer->result;
  const struct metric *sqnr = metric_find("sqnr_db"), *mse = metric_find("mse");
  char spec[QUANTIZER_TEXT], first[48], second[48], verdict[VERDICT];
  if (!result)
    return say_sentence(linear->out, "There are no numbers");
  fprintf(linear->out, "%s: SQNR %s%s", quantizer_print(&explorer->state.knobs.quantizer, spec),
          result->estimated ? "about " : "",
          metric_print(sqnr, result->metrics.sqnr_db, first, sizeof first));
  double change = result->metrics.sqnr_db - before;
  if (isfinite(change) && fabs(change) >= 0.005)
    fprintf(linear->out, ", %.2f dB %s than before", fabs(change), change > 0 ? "more" : "less");
  fprintf(linear->out, ", MSE %s.\n",
          metric_print(mse, result->metrics.mse, second, sizeof second));
  const struct screen_view *view = screen_view(explorer);
  if (!view->verdict || !*view->verdict(explorer, verdict, sizeof verdict))
    result_verdict(result, verdict, sizeof verdict);
  say_sentence(linear->out, verdict);
}

/* What the view itself has to say, if anything. */
static char *view_verdict(const struct linear *linear, char *text, size_t size)
{
  const struct screen_view *view = screen_view(linear->explorer);
  *text = '\0';
  return view->verdict ? view->verdict(linear->explorer, text, size) : text;
}

static void say_tensor(const struct linear *linear)
{
  const struct explorer *explorer = linear->explorer;
  const struct tensor *tensor = explorer_tensor(explorer);
  char name[512], shape[160];
  text_escape(explorer_whole(explorer)->name, name, sizeof name);
  fprintf(linear->out, "Tensor %s", name);
  if (explorer->state.view.channel >= 0)
    fprintf(linear->out, ", channel %ld", explorer->state.view.channel);
  fprintf(linear->out, ": %s, %s.\n", shape_print(&tensor->shape, shape, sizeof shape),
          tensor->stored->name);
}

static void say_view(const struct linear *linear)
{
  const struct view_type *type = view_type_of(linear->explorer->state.view.kind);
  fprintf(linear->out, "View %s: %s. 'read' reads it.\n", type->title, type->summary);
}

static void say_everything(const struct linear *linear)
{
  say_tensor(linear);
  say_view(linear);
  say_numbers(linear, (double)NAN);
}

/* A page that a command opened: its lines, and away with it. */
static void say_page(struct linear *linear)
{
  struct explorer *explorer = linear->explorer;
  char *text = cells_dump(&explorer->cells), *rest = text, *line;
  int row = 0, first = explorer->layout.body.row, last = explorer->cells.rows - 1;
  while (rest && (line = strsep(&rest, "\n"))) {
    if (row >= first && row < last && line[strspn(line, " ")])
      fprintf(linear->out, "%s\n", line);
    row++;
  }
  free(text);
  explorer_leave_page(explorer);
}

/* One sentence for what a command has changed. */
static void announce(struct linear *linear, const struct state *before, double sqnr,
                     const char *said)
{
  struct explorer *explorer = linear->explorer;
  char verdict[VERDICT];
  const struct state *now = &explorer->state;
  bool numbers = !state_same_numbers(before, now);
  if (explorer->mode != MODE_MAIN)
    return say_page(linear);
  say_sentence(linear->out, explorer->message);
  if (before->tensor != now->tensor || before->view.channel != now->view.channel) {
    say_tensor(linear);
    sqnr = (double)NAN;
  }
  if (before->view.kind != now->view.kind)
    say_view(linear);
  if (numbers)
    say_numbers(linear, sqnr);
  else if (!*explorer->message && strcmp(said, view_verdict(linear, verdict, sizeof verdict)) != 0)
    say_sentence(linear->out, verdict);
  else if (!*explorer->message && state_equal(before, now))
    say_sentence(linear->out, "Nothing has changed");
}

/* --- menus ------------------------------------------------------------------------------------ */

/* A command of the menu of GROUP: those of pages have their place there alone. */
static bool in_menu(int id, int group)
{
  return (int)explorer_commands[id].group == group && explorer_commands[id].scope < SCOPE_PAGES;
}

static int commands_in(int group)
{
  int count = 0;
  for (int id = 0; id < COMMAND_COUNT; id++)
    count += in_menu(id, group);
  return count;
}

/* The groups that have commands outside of pages, numbered from 1. */
static int group_of_number(int number)
{
  for (int group = 0; group < GROUP_COUNT; group++)
    if (commands_in(group) && --number == 0)
      return group;
  return ALL_GROUPS;
}

static int command_of_number(int group, int number)
{
  for (int id = 0; id < COMMAND_COUNT; id++)
    if (in_menu(id, group) && --number == 0)
      return id;
  return COMMAND_COUNT;
}

static void show_menu(const struct linear *linear)
{
  int number = 0;
  if (linear->menu == ALL_GROUPS) {
    for (int group = 0; group < GROUP_COUNT; group++)
      if (commands_in(group))
        fprintf(linear->out, "%d. %s\n", ++number, command_group_titles[group]);
    fputs("A number chooses; 0 leaves the menu.\n", linear->out);
    return;
  }
  for (int id = 0; id < COMMAND_COUNT; id++)
    if (in_menu(id, linear->menu))
      fprintf(linear->out, "%d. %s: %s\n", ++number, explorer_commands[id].name,
              explorer_commands[id].what);
  fputs("A number does it; 0 goes back.\n", linear->out);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Nobody waits for a prompt at the end of a pipe. */
static bool next_line(struct linear *linear)
{
  bool asked = isatty(fileno(linear->in));
  if (asked)
    fputs("> ", linear->out);
  fflush(linear->out);
  ssize_t length = getline(&linear->line, &linear->room, linear->in);
  if (length <= 0 && asked)
    fputc('\n', linear->out);
  if (length <= 0)
    return false;
  while (length > 0 && isspace((unsigned char)linear->line[length - 1]))
    linear->line[--length] = '\0';
  return true;
}

static void run(struct linear *linear, const char *line)
{
  struct explorer *explorer = linear->explorer;
  const struct state before = explorer->state;
  double sqnr = explorer->result ? explorer->result->metrics.sqnr_db : (double)NAN;
  char said[VERDICT];
  struct error error;
  view_verdict(linear, said, sizeof said);
  enum status status = run_line(explorer, line, &error);
  if (status == STATUS_OK)
    status = explorer_settle(explorer, &error);
  journal_follow(explorer);
  if (status != STATUS_OK)
    say_sentence(linear->out, error.text);
  else if (!explorer->quit)
    announce(linear, &before, sqnr, said);
}

/* A command that was chosen by its number; what it needs is asked for. */
static void run_chosen(struct linear *linear, int id)
{
  const struct command *command = &explorer_commands[id];
  char line[1024];
  snprintf(line, sizeof line, "%s", command->name);
  if (command->text != TEXT_NONE) {
    fprintf(linear->out, "%s: type %s; nothing goes back.\n", command->name,
            command_text_names[command->text]);
    if (!next_line(linear) || !*linear->line)
      return;
    snprintf(line, sizeof line, "%.64s %.900s", command->name, linear->line);
  }
  run(linear, line);
}

static void choose(struct linear *linear, int number)
{
  int id;
  if (linear->menu == NO_MENU) {
    linear->menu = ALL_GROUPS;
  } else if (number == 0) {
    linear->menu = linear->menu == ALL_GROUPS ? NO_MENU : ALL_GROUPS;
  } else if (linear->menu == ALL_GROUPS) {
    linear->menu = group_of_number(number);
  } else if ((id = command_of_number(linear->menu, number)) < COMMAND_COUNT) {
    run_chosen(linear, id);
    return;
  }
  if (linear->menu == NO_MENU)
    say_sentence(linear->out, "Out of the menu");
  else
    show_menu(linear);
}

static void read_figure(const struct linear *linear)
{
  if (linear->explorer->figure)
    figure_words(linear->explorer->figure, linear->out);
  else
    say_sentence(linear->out, "There is no figure");
}

static void help(const struct linear *linear)
{
  fputs("Type the name of a command, such as bits-more, or a quantizer, such as int4,group=128.\n"
        "A key alone does what it does on the screen: 3 opens view 3, n takes the next tensor.\n"
        "'menu' numbers the commands. 'read' reads the view. 'where' says what is shown.\n"
        "'quit' leaves.\n",
        linear->out);
}

/* The command of the key that LINE is, as messages and hints name them; in an open menu digits are
 * numbers. COMMAND_COUNT: it is no key. */
static int command_of_line(const struct linear *linear, const char *line)
{
  uint32_t key;
  const bool number = *line >= '0' && *line <= '9' && linear->menu != NO_MENU;
  if (!*line || line[1] || number || keys_parse(line, &key, 1) != 1)
    return COMMAND_COUNT;
  return (int)command_of_key(key, explorer_scope(linear->explorer));
}

static void take(struct linear *linear)
{
  const char *line = linear->line + strspn(linear->line, " \t");
  const int id = command_of_line(linear, line);
  if (id == COMMAND_HELP || id == COMMAND_PALETTE)
    help(linear); /* lines are what is typed here anyway */
  else if (id < COMMAND_COUNT)
    run_chosen(linear, id);
  else if (*line && line[strspn(line, "0123456789")] == '\0')
    choose(linear, (int)strtol(line, NULL, 10));
  else if (!*line || strcmp(line, "where") == 0)
    say_everything(linear);
  else if (strcmp(line, "menu") == 0)
    choose(linear, (linear->menu = NO_MENU, 0));
  else if (strcmp(line, "read") == 0)
    read_figure(linear);
  else if (strcmp(line, "help") == 0)
    help(linear);
  else
    run(linear, line);
}

enum status linear_run(struct explorer *explorer, FILE *in, FILE *out, struct error *error)
{
  struct linear linear = {.explorer = explorer, .in = in, .out = out, .menu = NO_MENU};
  enum status status = explorer_settle(explorer, error);
  if (status != STATUS_OK)
    return status;
  say_sentence(out, explorer->message);
  say_everything(&linear);
  help(&linear);
  while (!explorer->quit && next_line(&linear))
    take(&linear);
  if (explorer->recipe)
    fprintf(out, "The same state again: %s\n", explorer->recipe);
  free(linear.line);
  return ferror(in) ? error_set(error, STATUS_INPUT, "standard input: %s", strerror(errno))
                    : STATUS_OK;
}
