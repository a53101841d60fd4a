/* The words of formats that bring their own blocks: reading, checking, printing. */
#include "quant/spec.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The codec of the format, or NULL for an element format. */
static const struct block_codec *codec_of(const struct quantizer *quantizer)
{
  return format_is_block(quantizer->format) ? block_codec_find(quantizer->format->name) : NULL;
}

/* For element formats a block is a group of the last axis. */
enum status spec_read_block(struct parse *parse, const char *value)
{
  uint64_t length;
  const struct block_codec *codec = codec_of(&parse->quantizer);
  if (!spec_whole(value, &length) || length == 0 || length > SIZE_MAX)
    return spec_fail_expected(parse, "a length, as in block=32");
  if (!codec) {
    parse->decided_by[SLOT_BLOCK] = 0;
    return spec_decide(parse, SLOT_GRAIN) == STATUS_OK ? spec_read_group(parse, value)
                                                       : STATUS_USAGE;
  }
  parse->quantizer.block.length = length == codec->length ? 0 : (size_t)length;
  return STATUS_OK;
}

/* Reads one of WORDS (NULL-terminated; NULL: the format has none). */
static enum status read_choice(struct parse *parse, const char *const *words, const char *of,
                               const char *value, int *out)
{
  char what[160] = "one of";
  if (!words) {
    snprintf(what, sizeof what, "belongs to %s", of);
    return spec_fail(parse, what);
  }
  for (int i = 0; words[i]; i++) {
    if (strcasecmp(words[i], value) == 0) {
      *out = i;
      return STATUS_OK;
    }
    size_t used = strlen(what);
    snprintf(what + used, sizeof what - used, " %s", words[i]);
  }
  return spec_fail_expected(parse, what);
}

enum status spec_read_rule(struct parse *parse, const char *value)
{
  const struct block_codec *codec = codec_of(&parse->quantizer);
  return read_choice(parse, codec ? codec->rules : NULL, "the MX formats, as in mxfp4", value,
                     &parse->quantizer.block.rule);
}

enum status spec_read_variant(struct parse *parse, const char *value)
{
  const struct block_codec *codec = codec_of(&parse->quantizer);
  return read_choice(parse, codec ? codec->variants : NULL, "nvfp4 and iq4_nl", value,
                     &parse->quantizer.block.variant);
}

enum status spec_read_four_over_six(struct parse *parse, const char *value)
{
  (void)value;
  parse->quantizer.block.four_over_six = true;
  return STATUS_OK;
}

enum status spec_read_pad(struct parse *parse, const char *value)
{
  const struct block_codec *codec = codec_of(&parse->quantizer);
  (void)value;
  if (!codec)
    return spec_fail(parse,
                     "belongs to the formats with blocks of their own: groups need no padding");
  parse->quantizer.block.pad = !codec->pads;
  return STATUS_OK;
}

enum status spec_read_importance(struct parse *parse, const char *value)
{
  if (strcmp(value, "-") == 0)
    return spec_fail_expected(parse, "a file of weights, as in importance=weights.npy");
  snprintf(parse->quantizer.block.importance, QUANTIZER_TEXT, "%s", value);
  return STATUS_OK;
}

static enum status check_block_length(const struct quantizer *quantizer, enum slot *culprit,
                                      struct error *error)
{
  const struct block_codec *codec = codec_of(quantizer);
  size_t length = quantizer->block.length;
  *culprit = SLOT_BLOCK;
  if (length && !codec->resizes)
    return error_set(
        error, STATUS_USAGE,
        "\"block=%zu\" contradicts \"%s\": its blocks have %zu elements (the blocks of "
        "mxfp4 and nvfp4 can be set)",
        length, codec->name, codec->length);
  if (length % 4 != 0 || length > BLOCK_MOST) {
    size_t near = length > BLOCK_MOST ? BLOCK_MOST : (length + 3) / 4 * 4;
    return error_set(error, STATUS_USAGE,
                     "\"block=%zu\": expected a multiple of 4 up to %d; block=%zu is the nearest",
                     length, BLOCK_MOST, near);
  }
  return STATUS_OK;
}

/* What only some block formats have. */
enum status spec_check_block_words(const struct quantizer *quantizer, enum slot *culprit,
                                   struct error *error)
{
  const struct block_codec *codec = codec_of(quantizer);
  *culprit = SLOT_FOUR_OVER_SIX;
  if (quantizer->block.four_over_six && !(codec && codec->four_over_six))
    return error_set(error, STATUS_USAGE, "\"four-over-six\" belongs to nvfp4");
  *culprit = SLOT_IMPORTANCE;
  if (quantizer->block.importance[0] && !(codec && codec->takes_importance))
    return error_set(
        error, STATUS_USAGE,
        "\"importance\" contradicts \"%s\": its rule looks at no weights (q4_0, q4_k and "
        "iq4_nl do)",
        quantizer->format->name);
  if (quantizer->block.importance[0] && quantizer->block.variant)
    return error_set(error, STATUS_USAGE,
                     "\"importance\" contradicts \"variant=%s\": it looks at no weights",
                     codec->variants[quantizer->block.variant]);
  *culprit = SLOT_ROUND;
  if (codec && quantizer->rounding != ROUND_EVEN &&
      (!codec->rounds || quantizer->rounding == ROUND_STOCHASTIC))
    return error_set(error, STATUS_USAGE, "\"round\" contradicts \"%s\": %s", codec->name,
                     codec->rounds ? "its elements round to even, away or to zero"
                                   : "its rule fixes the rounding (mxfp4,round=away has a choice)");
  return codec ? check_block_length(quantizer, culprit, error) : STATUS_OK;
}

/* Scales, zero points and groups are the format's own. */
enum status spec_check_block_scheme(const struct quantizer *quantizer, enum slot *culprit,
                                    struct error *error)
{
  bool block = format_is_block(quantizer->format), by_format = quantizer->by == BY_FORMAT;
  *culprit = SLOT_SCALE;
  if (block != by_format)
    return error_set(error, STATUS_USAGE, "\"%s\" %s", quantizer->format->name,
                     block ? "finds its scales itself" : "needs a calibrator, a scale or a range");
  *culprit = SLOT_GRAIN;
  if (block && quantizer->granularity.kind != GRAIN_TENSOR)
    return error_set(error, STATUS_USAGE, "\"%s\" brings its own blocks", quantizer->format->name);
  return STATUS_OK;
}

/* Words that block formats leave nothing to decide for. */
static enum status refuse_words(struct parse *parse, const struct block_codec *codec)
{
  static const struct refusal {
    enum slot slot;
    const char *reason;
  } refusals[] = {
      {SLOT_SCHEME, "it fixes sign and offset (q4_0 has none, q4_1 and q4_k have one)"},
      {SLOT_CLAMP, "it fixes its codes"},
      {SLOT_SCALE, "it finds its scales itself (int4,group=32 takes a calibrator)"},
      {SLOT_ZERO, "it has no zero point (int4,asym,group=32 has)"},
  };
  char what[192];
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    parse->position = parse->decided_by[refusals[i].slot];
    if (!parse->position)
      continue;
    snprintf(what, sizeof what, "contradicts \"%s\": %s", codec->name, refusals[i].reason);
    return spec_fail(parse, what);
  }
  parse->position = parse->decided_by[SLOT_GRAIN];
  if (!parse->position)
    return STATUS_OK;
  snprintf(what, sizeof what, "contradicts \"%s\": it brings its own blocks of %zu%s", codec->name,
           codec->length, codec->resizes ? " (block=N changes their length)" : "");
  return spec_fail(parse, what);
}

enum status spec_complete_block(struct parse *parse)
{
  parse->quantizer.by = BY_FORMAT;
  parse->quantizer.calibrator = NULL;
  return refuse_words(parse, codec_of(&parse->quantizer));
}

void spec_print_block(const struct quantizer *quantizer, char *text)
{
  const struct block_codec *codec = codec_of(quantizer);
  const struct block_choice *choice = &quantizer->block;
  if (choice->length)
    spec_append(text, ",block=%zu", choice->length);
  if (choice->rule)
    spec_append(text, ",scale-rule=%s", codec->rules[choice->rule]);
  if (choice->variant)
    spec_append(text, ",variant=%s", codec->variants[choice->variant]);
  if (choice->four_over_six)
    spec_append(text, ",four-over-six");
  if (choice->importance[0])
    spec_append(text, ",importance=%s", choice->importance);
  if (choice->pad)
    spec_append(text, ",pad");
}

bool spec_block_equal(const struct block_choice *a, const struct block_choice *b)
{
  return a->length == b->length && a->rule == b->rule && a->variant == b->variant &&
         a->four_over_six == b->four_over_six && a->pad == b->pad &&
         strcmp(a->importance, b->importance) == 0 && a->weights == b->weights;
}
