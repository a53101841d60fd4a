#include "analysis/what_if.h"

#include "data/transformed.h"
#include "quant/base/size.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- the changes ------------------------------------------------------------------------------ */

/* Words that number codes do not carry over to another grid, nor another calibrator to a range that
 * was set by hand. */
static const char *plain(const struct quantizer *quantizer)
{
  if (format_is_block(quantizer->format))
    return "the format brings its own blocks and scales";
  if (quantizer->by != BY_CALIBRATOR)
    return "the range is set by hand";
  return quantizer->limited ? "codes= numbers the codes of this grid" : NULL;
}

static const char *set_transform(const struct what_if_case *now, struct transform *transform,
                                 enum transform_kind kind, double parameter)
{
  *transform = (struct transform){kind, parameter};
  if (now->calibrated.on)
    return "the data to calibrate on would have to be transformed, too";
  return transform_equal(&now->transform, transform) ? "it is on" : NULL;
}

static const char *smooth(const struct what_if_case *now, struct quantizer *quantizer,
                          struct transform *transform)
{
  (void)quantizer;
  return set_transform(now, transform, TRANSFORM_SMOOTH, 0.5);
}

static const char *hadamard(const struct what_if_case *now, struct quantizer *quantizer,
                            struct transform *transform)
{
  (void)quantizer;
  return set_transform(now, transform, TRANSFORM_HADAMARD, 0);
}

/* At most half of all. */
static const char *split(const struct what_if_case *now, struct quantizer *quantizer,
                         struct transform *transform)
{
  unsigned axis;
  const struct shape *shape = &now->original->shape;
  size_t channels = shape_axis(shape, now->axis, &axis) ? shape->dim[axis] : 1;
  size_t keep = size_min(WHAT_IF_CHANNELS, channels / 2);
  if (format_is_block(quantizer->format))
    return "the format stores whole blocks";
  if (keep == 0)
    return "there is one channel";
  return set_transform(now, transform, TRANSFORM_SPLIT, (double)keep);
}

static const char *clip(const struct what_if_case *now, struct quantizer *quantizer,
                        struct transform *transform)
{
  const char *reason = plain(quantizer);
  const struct calibrator *mse = calibrator_find("mse");
  (void)transform, (void)now;
  if (reason)
    return reason;
  if (quantizer->calibrator == mse)
    return "it is on";
  quantizer->calibrator = mse;
  quantizer->parameter = calibrator_default(mse, quantizer->format);
  calibrator_options(mse, quantizer->option);
  return NULL;
}

static const char *channel(const struct what_if_case *now, struct quantizer *quantizer,
                           struct transform *transform)
{
  const char *reason = plain(quantizer);
  const struct granularity wanted = {.kind = GRAIN_CHANNEL, .axis = now->axis};
  const struct granularity *present = &quantizer->granularity;
  unsigned axis, other;
  (void)transform;
  if (reason)
    return reason;
  if (!shape_axis(&now->original->shape, now->axis, &axis))
    return "there is one channel";
  if (present->kind == GRAIN_CHANNEL && shape_axis(&now->original->shape, present->axis, &other) &&
      axis == other)
    return "it is on";
  quantizer->granularity = wanted;
  return NULL;
}

static const char *asymmetric(const struct what_if_case *now, struct quantizer *quantizer,
                              struct transform *transform)
{
  const char *reason = plain(quantizer);
  (void)now, (void)transform;
  if (reason)
    return reason;
  if (!format_is_integer(quantizer->format))
    return "only integers have a zero point";
  if (quantizer->asymmetric)
    return "it is on";
  quantizer->asymmetric = true;
  quantizer->narrow = quantizer->unsigned_codes = quantizer->signed_codes = false;
  quantizer->rule = NULL;
  return NULL;
}

static const char *one_bit(const struct what_if_case *now, struct quantizer *quantizer,
                           struct transform *transform)
{
  const char *reason = plain(quantizer);
  const struct format *format = quantizer->format;
  char word[32];
  struct error unused = {0};
  (void)now, (void)transform;
  if (reason)
    return reason;
  if (format_is_integer(format))
    snprintf(word, sizeof word, "int%d", format->bits + 1);
  else if (format->mantissa_bits > 0 && format->exponent_bits > 0)
    snprintf(word, sizeof word, "e%dm%d", format->exponent_bits, format->mantissa_bits + 1);
  else
    return "there is no such format with a bit more";
  quantizer->format = NULL;
  if (format_parse(word, &quantizer->format, &unused) == STATUS_OK && quantizer->format)
    return NULL;
  quantizer->format = format;
  return "there is no such format with a bit more";
}

const struct what_if what_if_table[] = {
    {"smooth", "divide each channel by the root of its absmax",
     "the channels come nearer to each other; another layer can take the factors up", smooth},
    {"rotate", "multiply the channels by a Hadamard matrix",
     "what one channel has too much is spread over all; nothing is stored for it", hadamard},
    {"split", "keep the 4 largest channels in 16 bits",
     "the scale is left to the others; helps where few channels stand out", split},
    {"clip", "the clip threshold of the least squared error",
     "helps where rare values cost the many their resolution", clip},
    {"channel", "a scale for each channel", "no channel pays for another one", channel},
    {"asym", "a zero point", "one-sided data gain 6 dB, symmetric data nothing", asymmetric},
    {"bit", "one bit more", "6 dB where rounding costs; near 0 where clipping does", one_bit},
};
const size_t what_if_table_length = sizeof what_if_table / sizeof *what_if_table;

const struct what_if *what_if_find(const char *name)
{
  for (size_t i = 0; i < what_if_table_length; i++)
    if (strcmp(what_if_table[i].name, name) == 0)
      return &what_if_table[i];
  return NULL;
}

/* --- measuring -------------------------------------------------------------------------------- */

static enum status measure(const struct what_if_case *now, const struct tensor *tensor,
                           struct progress *progress, struct what_if_answer *answer,
                           struct error *error)
{
  const bool same = tensor == now->original;
  const struct result_request request = {.axis = now->axis,
                                         .lo = (double)NAN,
                                         .hi = (double)NAN,
                                         .facts = same ? now->facts : NULL,
                                         .digest = same ? now->digest : NULL,
                                         .calibrated = now->calibrated,
                                         .at_once = true};
  struct result *result;
  enum status status =
      result_compute(tensor, &answer->quantizer, &request, progress, &result, error);
  if (status != STATUS_OK)
    return status;
  answer->sqnr_db = result->metrics.sqnr_db;
  answer->mse = result->metrics.mse;
  answer->bits_per_element = result->metrics.bits_per_element;
  result_free(result);
  return STATUS_OK;
}

static enum status measure_transformed(const struct what_if_case *now, struct progress *progress,
                                       struct what_if_answer *answer, struct error *error)
{
  struct transformed *transformed;
  if (answer->transform.kind == TRANSFORM_NONE)
    return measure(now, now->original, progress, answer, error);
  enum status status =
      transformed_new(now->original, &answer->transform, now->axis, &transformed, error);
  if (status != STATUS_OK)
    return status;
  status = transformed_prepare(transformed, progress, error);
  if (status == STATUS_OK)
    status = measure(now, &transformed->tensor, progress, answer, error);
  transformed_free(transformed);
  return status;
}

enum status what_if_measure(const struct what_if *what, const struct what_if_case *now,
                            struct progress *progress, struct what_if_answer *out,
                            struct error *error)
{
  struct error refused = {0};
  *out = (struct what_if_answer){.quantizer = now->quantizer,
                                 .transform = now->transform,
                                 .sqnr_db = (double)NAN,
                                 .mse = (double)NAN,
                                 .bits_per_element = (double)NAN};
  const char *reason = what->change(now, &out->quantizer, &out->transform);
  enum status status = reason ? error_set(&refused, STATUS_USAGE, "%s", reason)
                              : quantizer_check(&out->quantizer, &refused);
  if (status == STATUS_OK)
    status = measure_transformed(now, progress, out, &refused);
  out->possible = status == STATUS_OK;
  if (status == STATUS_USAGE) {
    snprintf(out->why_not, sizeof out->why_not, "%.*s", (int)sizeof out->why_not - 1, refused.text);
    return STATUS_OK;
  }
  if (status != STATUS_OK && error)
    *error = refused;
  return status;
}

struct what_if_case what_if_case_of(const struct tensor *tensor, const struct result *result,
                                    const struct result_request *request)
{
  const struct transformed *transformed = tensor_transformed(tensor);
  return (struct what_if_case){.original = tensor_original(tensor),
                               .quantizer = result->quantizer,
                               .transform = transformed ? transformed->transform
                                                        : (struct transform){TRANSFORM_NONE, 0},
                               .axis = request->axis,
                               .facts = transformed ? NULL : request->facts,
                               .digest = request->digest,
                               .calibrated = request->calibrated};
}

char *what_if_print(const struct what_if_answer *answer, const struct what_if_case *now,
                    char text[WHAT_IF_TEXT])
{
  char word[TRANSFORM_TEXT], spec[QUANTIZER_TEXT];
  if (transform_equal(&answer->transform, &now->transform))
    snprintf(text, WHAT_IF_TEXT, "-q %s", quantizer_print(&answer->quantizer, spec));
  else
    snprintf(text, WHAT_IF_TEXT, "--transform %s", transform_print(&answer->transform, word));
  return text;
}

enum status what_ifs_measure(const struct tensor *tensor, const struct result *result,
                             const struct result_request *request, struct progress *progress,
                             struct what_ifs *out, struct error *error)
{
  enum status status = STATUS_OK;
  *out = (struct what_ifs){.now = what_if_case_of(tensor, result, request),
                           .sqnr_db = result->metrics.sqnr_db};
  for (size_t i = 0; i < what_if_table_length && status == STATUS_OK; i++)
    status = what_if_measure(&what_if_table[i], &out->now, progress, &out->answer[i], error);
  return status;
}
