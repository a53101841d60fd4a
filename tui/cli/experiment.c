/* qscope experiment: the list of them, or one of them measured afresh. */
#include "analysis/experiment.h"
#include "quant/base/nearest.h"
#include "quant/base/size.h"
#include "tui/cli/commands.h"
#include "tui/cli/meter.h"
#include "tui/cli/table.h"

#include <stdio.h>
#include <string.h>

enum { INDENT = 10 };

static enum status list_text(struct error *error)
{
  struct table table = {.columns = 2};
  bool good = table_add(&table, (const char *const[]){"experiment", "what is often said"});
  for (size_t i = 0; i < experiment_table_length && good; i++)
    good = table_add(&table,
                     (const char *const[]){experiment_table[i]->name, experiment_table[i]->claim});
  enum status status = table_finish(&table, good, false, error);
  if (status != STATUS_OK)
    return status;
  puts("\nqscope experiment NAME measures one of them.");
  return STATUS_OK;
}

static enum status print_rows(const struct experiment *experiment,
                              const struct experiment_answer *answer, struct error *error)
{
  struct table table = {.columns = 4, .right = 2};
  bool good = table_add(&table, (const char *const[]){"what is measured", "value", "expected", ""});
  for (size_t i = 0; i < experiment->rows && good; i++) {
    char value[64], bounds[128];
    const char *const cells[] = {
        experiment->row[i].label,
        experiment_print(experiment, i, answer->value[i], value, sizeof value),
        experiment_bounds(experiment, i, bounds, sizeof bounds),
        answer->within[i] ? "" : "not so here",
    };
    good = table_add(&table, cells);
  }
  return table_finish(&table, good, false, error);
}

static enum status print_answer(const struct experiment *experiment,
                                const struct experiment_answer *answer, struct error *error)
{
  printf("%s: %s\n\n", experiment->name, experiment->title);
  table_words(stdout, "claim", INDENT, experiment->claim);
  table_words(stdout, "question", INDENT, experiment->question);
  printf("%-*sqscope %s\n", INDENT, "open it", experiment->recipe);
  table_words(stdout, "see", INDENT, experiment->see);
  putchar('\n');
  enum status status = print_rows(experiment, answer, error);
  if (status != STATUS_OK)
    return status;
  putchar('\n');
  table_words(stdout, "answer", INDENT, experiment->answer);
  printf("%-*s%s\n", INDENT, "holds", answer->holds ? "yes" : "no");
  return STATUS_OK;
}

static enum status unknown(const char *name, struct error *error)
{
  enum { MOST = 64 };
  const char *names[MOST];
  size_t count = size_min(experiment_table_length, MOST);
  for (size_t i = 0; i < count; i++)
    names[i] = experiment_table[i]->name;
  const char *near = nearest_word(name, names, count);
  return error_set(error, STATUS_USAGE, "there is no experiment '%s'; %s '%s'", name,
                   near ? "did you mean" : "the first one is", near ? near : names[0]);
}

static enum status measure(const struct experiment *experiment, enum report_style style,
                           struct error *error)
{
  struct experiment_answer answer;
  size_t weight = experiment_states(experiment) << 22; /* the tensors are not drawn yet */
  meter_start(weight);
  enum status status =
      experiment_run(experiment, meter_task(experiment->name, weight), &answer, error);
  meter_stop();
  if (status != STATUS_OK)
    return status;
  if (style == REPORT_JSON)
    experiment_json(experiment, &answer, stdout);
  else
    status = print_answer(experiment, &answer, error);
  if (status == STATUS_OK && !answer.holds)
    status = error_set(error, STATUS_FAILED, "experiment %s: the conclusion does not hold here",
                       experiment->name);
  return status;
}

enum status experiment_command_run(const struct options *options, struct error *error)
{
  const struct experiment *experiment =
      options->operands ? experiment_find(options->operand[0]) : NULL;
  if (experiment)
    return measure(experiment, options->style, error);
  if (options->operands)
    return unknown(options->operand[0], error);
  if (options->style != REPORT_JSON)
    return list_text(error);
  experiments_json(stdout);
  return STATUS_OK;
}
