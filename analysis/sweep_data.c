/* Sweeps over data: the spec stays, and the values are distributions that it is tried on. What it
 * keeps of each stands at the ratio of peak and RMS of that distribution, beside the tensor. */
#include "analysis/sweep_kinds.h"
#include "data/source.h"

#include <stdio.h>
#include <string.h>

bool sweep_is_elsewhere(const struct sweep *sweep, const struct sweep_row *row)
{
  return sweep->kind->elsewhere && !row->fixed;
}

/* "student-t:nu=5" as a source: "synth:student-t,nu=5". */
static char *source_of(const char *value, char *text, size_t size)
{
  snprintf(text, size, "synth:%s", value);
  for (char *at = text + strlen("synth:"); *at; at++)
    if (*at == ':')
      *at = ',';
  return text;
}

enum { SOURCE_TEXT = SWEEP_VALUE_TEXT + 8 };

/* A scale or a range by hand was chosen for the tensor, and means nothing elsewhere. */
enum status sweep_edit_distribution(const struct quantizer *base, const char *value,
                                    struct quantizer *out, struct error *error)
{
  char spec[SOURCE_TEXT];
  struct source *source;
  if (base->by == BY_SCALE || base->by == BY_RANGE)
    return error_set(error, STATUS_USAGE, "its %s by hand is made for this tensor",
                     base->by == BY_SCALE ? "scale" : "range");
  enum status status = source_open(source_of(value, spec, sizeof spec), &source, error);
  if (status != STATUS_OK)
    return status == STATUS_MEMORY ? status : STATUS_USAGE;
  source_close(source);
  *out = *base;
  return STATUS_OK;
}

/* "student-t:nu=5" as "student-t 5". */
char *sweep_value_label(const struct sweep *sweep, size_t value, char *text)
{
  const char *from = sweep->value[value];
  char *to = text;
  bool named = false; /* within the name of a parameter */
  for (; *from; from++) {
    if (sweep->kind->elsewhere && *from == ':') {
      *to++ = ' ';
      named = strchr(from, '=') != NULL;
    } else if (named) {
      named = *from != '=';
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
  return text;
}

void sweep_data_close(struct sweep_data *data)
{
  digest_free(data->digest);
  source_close(data->source);
  *data = (struct sweep_data){.source = NULL};
}

enum status sweep_data_open(struct sweep_data *data, const struct sweep *sweep, size_t value,
                            struct progress *progress, struct error *error)
{
  char spec[SOURCE_TEXT];
  if (data->source && data->value == value)
    return STATUS_OK;
  sweep_data_close(data);
  enum status status =
      source_open(source_of(sweep->value[value], spec, sizeof spec), &data->source, error);
  if (status == STATUS_OK)
    status = source_load(data->source, 0, progress, error);
  if (status == STATUS_OK)
    status = facts_of_tensor(source_tensor(data->source, 0), progress, &data->facts, &data->digest,
                             error);
  if (status != STATUS_OK)
    sweep_data_close(data);
  data->value = value;
  return status;
}
