#include "tui/cli/picks.h"

#include "analysis/recipe.h"
#include "data/transformed.h"
#include "quant/base/size.h"
#include "tui/cli/work.h"

#include <glob.h>
#include <string.h>

void picks_clear(struct picks *picks)
{
  for (size_t i = 0; i < picks->sources; i++)
    source_close(picks->opened[i]);
  free(picks->opened);
  free(picks->pick);
  *picks = (struct picks){0};
}

/* Among the first COUNT picks. */
static bool is_picked(const struct picks *picks, size_t count, const struct source *source,
                      size_t index)
{
  for (size_t i = 0; i < count; i++)
    if (picks->pick[i].source == source && picks->pick[i].index == index)
      return true;
  return false;
}

/* Picks tensors of SOURCE, each once. */
static enum status add(struct picks *picks, struct source *source, const char *const *patterns,
                       size_t pattern_count, struct error *error)
{
  size_t *index, count;
  enum status status = work_select(source, patterns, pattern_count, &index, &count, error);
  if (status != STATUS_OK)
    return status;
  struct pick *grown = mem_resize(picks->pick, picks->count + count, sizeof *grown);
  if (!grown) {
    free(index);
    return error_memory(error, "the list of tensors");
  }
  size_t before = picks->count;
  picks->pick = grown;
  for (size_t i = 0; i < count; i++)
    if (!is_picked(picks, before, source, index[i]))
      picks->pick[picks->count++] = (struct pick){source, index[i]};
  free(index);
  return STATUS_OK;
}

/* Takes SOURCE over. */
static enum status keep(struct picks *picks, struct source *source, struct error *error)
{
  struct source **grown = mem_resize(picks->opened, picks->sources + 1, sizeof(struct source *));
  if (!grown) {
    source_close(source);
    return error_memory(error, "the sources");
  }
  picks->opened = grown;
  picks->opened[picks->sources++] = source;
  return STATUS_OK;
}

enum status picks_open(struct picks *picks, const char *spec, const char *type,
                       const char *const *patterns, size_t pattern_count, struct error *error)
{
  struct source *source;
  enum status status = source_open_as(spec, type, &source, error);
  if (status == STATUS_OK)
    status = keep(picks, source, error);
  return status == STATUS_OK ? add(picks, source, patterns, pattern_count, error) : status;
}

enum status picks_more(struct picks *picks, const char *const *patterns, size_t pattern_count,
                       struct error *error)
{
  return add(picks, picks->opened[picks->sources - 1], patterns, pattern_count, error);
}

enum status picks_transform(struct picks *picks, size_t i, const struct transform *transform,
                            int axis, struct error *error)
{
  struct pick *pick = &picks->pick[i];
  struct source *made;
  enum status status = source_transform(pick->source, pick->index, transform, axis, &made, error);
  if (status != STATUS_OK) {
    work_place(pick->source, pick->index, error);
    return status;
  }
  status = keep(picks, made, error);
  if (status == STATUS_OK)
    *pick = (struct pick){made, 0};
  return status;
}

/* --- [SOURCE:]TENSOR ------------------------------------------------------------------------ */

/* Picks TENSOR (NULL: all) of every file that the pattern SPEC fits, or of the source SPEC. */
static enum status open_all(struct picks *picks, const char *spec, const char *tensor,
                            struct error *error)
{
  glob_t files;
  if (glob(spec, 0, NULL, &files) != 0)
    return picks_open(picks, spec, NULL, &tensor, tensor != NULL, error);
  enum status status = STATUS_OK;
  for (size_t i = 0; i < files.gl_pathc && status == STATUS_OK; i++)
    status = picks_open(picks, files.gl_pathv[i], NULL, &tensor, tensor != NULL, error);
  globfree(&files);
  return status;
}

/* True when there is something to open behind SPEC. */
static bool is_source(const char *spec)
{
  glob_t files;
  struct source *source;
  if (source_reads_stdin(spec)) /* can be read once */
    return true;
  if (glob(spec, 0, NULL, &files) == 0) {
    globfree(&files);
    return true;
  }
  if (source_open(spec, &source, NULL) != STATUS_OK)
    return false;
  source_close(source);
  return true;
}

/* WORD cut at its last colon that has a source before it. *found tells whether there is one. */
static enum status find_behind_colon(struct picks *picks, const char *word, bool *found,
                                     struct error *error)
{
  enum status status = STATUS_OK;
  size_t prefix = source_prefix(word); /* its colon is none, whatever is called "synth" here */
  char *copy = strdup(word);
  *found = false;
  if (!copy)
    return error_memory(error, "the name of a source");
  for (char *colon; !*found && (colon = strrchr(copy + prefix, ':'));) {
    *colon = '\0';
    *found = copy[0] && word[colon - copy + 1] && is_source(copy);
    if (*found)
      status = open_all(picks, copy, word + (colon - copy) + 1, error);
  }
  free(copy);
  return status;
}

enum status picks_find(struct picks *picks, struct source *const *home, size_t homes,
                       const char *word, struct error *error)
{
  char shown[256];
  bool found = false;
  for (size_t i = 0; i < homes; i++)
    found |= add(picks, home[i], &word, 1, NULL) == STATUS_OK;
  if (found)
    return STATUS_OK;
  enum status status = find_behind_colon(picks, word, &found, error);
  if (found || status != STATUS_OK)
    return status;
  if (is_source(word))
    return open_all(picks, word, NULL, error);
  return error_set(error, STATUS_INPUT,
                   "expected a tensor of the source, SOURCE:TENSOR or a source; found '%s'",
                   text_escape(word, shown, sizeof shown));
}

/* --- the pool ------------------------------------------------------------------------------- */

void pool_clear(struct pool *pool)
{
  for (size_t i = 0; i < pool->count; i++)
    digest_free(pool->data[i].digest);
  free(pool->data);
  batches_free(pool->batches);
  *pool = (struct pool){0};
}

static enum status fill_one(struct pool *pool, const struct pick *pick, struct batching batching,
                            struct error *error)
{
  struct described *described = &pool->data[pool->count];
  enum status status =
      work_facts(pick->source, pick->index, &described->facts, &described->digest, error);
  if (status != STATUS_OK)
    return status;
  described->tensor = source_tensor(pick->source, pick->index);
  pool->count++;
  status = batches_add(pool->batches, described->tensor, described->digest, batching, error);
  if (status != STATUS_OK)
    work_place(pick->source, pick->index, error);
  return status == STATUS_OK ? source_verify(pick->source, error) : status;
}

enum status pool_fill(struct pool *pool, const struct picks *picks, struct batching batching,
                      struct error *error)
{
  *pool =
      (struct pool){.batches = batches_new(), .data = mem_array(picks->count, sizeof *pool->data)};
  if (!pool->batches || !pool->data)
    return error_memory(error, "the batches");
  enum status status = STATUS_OK;
  for (size_t i = 0; i < picks->count && status == STATUS_OK; i++)
    status = fill_one(pool, &picks->pick[i], batching, error);
  return status;
}

enum status pool_check(const struct pool *pool, struct batching batching,
                       const struct quantizer *quantizer, struct error *error)
{
  enum status status = STATUS_OK;
  for (size_t i = 0; i < pool->count && status == STATUS_OK; i++)
    status = batching_check(batching, quantizer, &pool->data[i].tensor->shape, error);
  return status;
}

enum status pool_of_recipe(const struct recipe *recipe, struct source *home, struct picks *picks,
                           struct pool *pool, struct calibrated *out, struct error *error)
{
  *out = (struct calibrated){.batching = recipe->batching};
  if (!recipe->calibrate_on)
    return STATUS_OK;
  enum status status = picks_find(picks, &home, 1, recipe->calibrate_on, error);
  if (status == STATUS_OK)
    status = pool_fill(pool, picks, recipe->batching, error);
  for (size_t i = 0; i < recipe->quantizers && status == STATUS_OK; i++)
    status = pool_check(pool, recipe->batching, &recipe->quantizer[i], error);
  if (status != STATUS_OK)
    error_prefix(error, "--calibrate-on: ");
  *out = (struct calibrated){.on = pool->batches};
  return status;
}
