/* Experiments for machines. */
#include "analysis/experiment.h"

#include "analysis/export.h"

#include <string.h>

/* The words of EXPERIMENT; a new reference. */
static json_t *words_json(const struct experiment *experiment)
{
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s*}", "name", experiment->name, "title",
                   experiment->title, "claim", experiment->claim, "question", experiment->question,
                   "recipe", experiment->recipe, "see", experiment->see, "weight",
                   experiment->weight);
}

/* SOURCE and SPEC: of the state that the row measures; NULL for a difference. */
static json_t *row_json(const struct experiment *experiment, size_t i, const char *source,
                        const char *spec, const struct experiment_answer *answer)
{
  const struct experiment_row *row = &experiment->row[i];
  json_t *root = json_object();
  json_object_set_new(root, "label", json_string(row->label));
  json_object_set_new(root, "metric", json_string(experiment_metric(experiment, i)));
  if (row->metric) {
    json_object_set_new(root, "source", json_string(source));
    json_object_set_new(root, "spec", json_string(spec));
  } else {
    json_object_set_new(root, "difference", json_pack("[i,i]", (int)row->a, (int)row->b));
  }
  json_object_set_new(root, "value", export_number(answer->value[i]));
  json_object_set_new(root, "least", export_number(row->least));
  json_object_set_new(root, "most", export_number(row->most));
  json_object_set_new(root, "within", json_boolean(answer->within[i]));
  return root;
}

void experiment_json(const struct experiment *experiment, const struct experiment_answer *answer,
                     FILE *out)
{
  json_t *root = words_json(experiment), *rows = json_array();
  const char *source = NULL, *spec = NULL;
  for (size_t i = 0; answer && i < experiment->rows; i++) {
    source = experiment->row[i].source ? experiment->row[i].source : source;
    spec = experiment->row[i].spec ? experiment->row[i].spec : spec;
    json_array_append_new(rows, row_json(experiment, i, source, spec, answer));
  }
  json_object_set_new(root, "answer", json_string(experiment->answer));
  json_object_set_new(root, "rows", rows);
  if (answer)
    json_object_set_new(root, "holds", json_boolean(answer->holds));
  export_json(root, out);
}

void experiments_json(FILE *out)
{
  json_t *root = json_object(), *list = json_array();
  for (size_t i = 0; i < experiment_table_length; i++)
    json_array_append_new(list, words_json(experiment_table[i]));
  json_object_set_new(root, "experiments", list);
  export_json(root, out);
}
