#include "tui/screen/stamping.h"

#include "tui/screen/explorer.h"
#include "tui/screen/pins.h"

/* --- what a figure is of ---------------------------------------------------------------------- */

struct subjects {
  struct engine_hashed *of;
  size_t count;
};

static void add(struct subjects *subjects, struct source *source, size_t tensor)
{
  if (source && subjects->count < ENGINE_HASHES)
    subjects->of[subjects->count++] = (struct engine_hashed){.source = source, .tensor = tensor};
}

static void add_layer(struct subjects *subjects, const struct layer_sources *of)
{
  for (int i = 0; i < LAYER_PARTS; i++)
    add(subjects, of->source[i], of->tensor[i]);
}

/* The partner in the other file. */
static void add_partner(struct subjects *subjects, const struct comparing *compare, size_t tensor)
{
  for (size_t i = 0; compare->other && i < compare->table.rows; i++)
    if (compare->table.row[i].a == tensor)
      return add(subjects, compare->other, compare->table.row[i].b);
}

static void add_held(struct subjects *subjects, struct source *source, const struct state *state)
{
  for (size_t i = 0; i < state->pins.count; i++)
    if (pins_is_other(state, i))
      add(subjects, source, state->pins.held[i] - 1);
}

/* In the order of "qscope plot", into OF of ENGINE_HASHES; how many there are. */
static size_t subjects_of(const struct explorer *explorer, const struct state *state,
                          struct engine_hashed *of)
{
  struct subjects subjects = {of, 0};
  const struct view_type *type = view_type_of(state->view.kind);
  if (type->of_quantizers)
    return 0;
  if (type->of_layer && explorer->layer.of.source[LAYER_WEIGHT]) {
    add_layer(&subjects, &explorer->layer.of);
    return subjects.count;
  }
  add(&subjects, explorer->source, state->tensor);
  if (type->of_pair && state->pairs)
    add_partner(&subjects, &explorer->compare, state->tensor);
  else if (type->pinned)
    add_held(&subjects, explorer->source, state);
  return subjects.count;
}

static bool add_stamps(struct figure *figure, const struct engine_answer *answer)
{
  for (size_t i = 0; i < answer->hashes; i++) {
    const struct engine_hashed *hashed = &answer->hashed[i];
    if (!figure_add_stamp(figure, source_tensor(hashed->source, hashed->tensor)->name,
                          hashed->hash))
      return false;
  }
  return true;
}

/* --- a figure that is written ----------------------------------------------------------------- */

static void write_figure(struct explorer *explorer)
{
  struct figure *figure = explorer->stamping.figure;
  explorer->stamping.figure = NULL;
  explorer->export_wanted = false;
  export_write(explorer, figure, &explorer->exported);
  figure_free(figure);
}

void stamping_ask(struct explorer *explorer, struct figure *figure)
{
  struct engine_hashed subject[ENGINE_HASHES];
  size_t count = figure ? subjects_of(explorer, &explorer->exported, subject) : 0;
  figure_free(explorer->stamping.figure); /* another one came between */
  explorer->stamping.figure = figure;
  if (count == 0)
    return write_figure(explorer);
  explorer->work = WORK_STAMP;
  engine_request_hashes(explorer->engine, subject, count);
}

void stamping_take(struct explorer *explorer, struct engine_answer *answer)
{
  if (answer->status == STATUS_OK && add_stamps(explorer->stamping.figure, answer))
    return write_figure(explorer);
  figure_free(explorer->stamping.figure);
  explorer->stamping.figure = NULL;
  explorer->export_wanted = false;
  explorer->fault = answer->status == STATUS_OK ? STATUS_MEMORY : answer->status;
  explorer_warn(explorer, "%s",
                answer->status == STATUS_OK ? "out of memory for the figure" : answer->error.text);
}

/* --- a figure that is opened ------------------------------------------------------------------ */

void stamping_begin(struct explorer *explorer)
{
  struct stamping *stamping = &explorer->stamping;
  if (explorer->options->stamp && *explorer->options->stamp)
    stamping->subjects = subjects_of(explorer, &explorer->state, stamping->subject);
}

bool stamping_lacks(const struct explorer *explorer)
{
  return explorer->work == WORK_NONE && explorer->stamping.subjects > 0 &&
         !explorer_stale(explorer);
}

void stamping_check(struct explorer *explorer)
{
  explorer->work = WORK_CHECK_STAMP;
  engine_request_hashes(explorer->engine, explorer->stamping.subject, explorer->stamping.subjects);
}

void stamping_compare(struct explorer *explorer, struct engine_answer *answer)
{
  struct figure *now = answer->status == STATUS_OK ? figure_new("") : NULL;
  char name[128];
  explorer->stamping.subjects = 0;
  if (now && add_stamps(now, answer) &&
      figure_stamps_differ(explorer->options->stamp, now->stamp, name, sizeof name))
    explorer_warn(explorer, "%s has other values than when this figure was made", name);
  figure_free(now);
}

void stamping_stop(struct explorer *explorer)
{
  bool writing = explorer->work == WORK_STAMP;
  engine_cancel(explorer->engine);
  explorer->work = WORK_NONE;
  stamping_forget(explorer);
  explorer_say(explorer, writing ? "cancelled: the figure is not written"
                                 : "cancelled: nobody knows whether the values are the same");
}

void stamping_forget(struct explorer *explorer)
{
  figure_free(explorer->stamping.figure);
  explorer->stamping = (struct stamping){.figure = NULL};
}
