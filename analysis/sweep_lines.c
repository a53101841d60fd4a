/* The further lines of a sweep of one quantizer: what differs from it in one word. */
#include "analysis/sweep_kinds.h"

#include <string.h>

static bool with_word(const struct quantizer *base, spec_word_test *drop, const char *word,
                      struct quantizer *out)
{
  return spec_replace(base, drop, word, out, NULL) == STATUS_OK;
}

static bool with_bits(const struct quantizer *base, int bits, struct quantizer *out)
{
  char format[16];
  snprintf(format, sizeof format, "int%d", bits);
  return format_is_integer(base->format) &&
         spec_replace_format(base, format, out, NULL) == STATUS_OK;
}

bool sweep_other_scheme(const struct quantizer *base, struct quantizer *out)
{
  return format_is_integer(base->format) &&
         with_word(base, spec_word_is_scheme, base->asymmetric ? "sym" : "asym", out);
}

bool sweep_mse(const struct quantizer *base, struct quantizer *out)
{
  bool least = base->by == BY_CALIBRATOR && strcmp(base->calibrator->name, "mse") == 0;
  return with_word(base, spec_word_is_range, least ? "minmax" : "mse", out);
}

bool sweep_other_grain(const struct quantizer *base, struct quantizer *out)
{
  bool tensor = strcmp(quantizer_granularity_name(base), "tensor") == 0;
  bool channel = strcmp(quantizer_granularity_name(base), "channel") == 0;
  return (tensor || channel) &&
         with_word(base, spec_word_is_grain, tensor ? "channel" : "group=128", out);
}

bool sweep_narrower(const struct quantizer *base, struct quantizer *out)
{
  return base->format->bits > 2 && with_bits(base, base->format->bits - 1, out);
}

bool sweep_wider(const struct quantizer *base, struct quantizer *out)
{
  return with_bits(base, base->format->bits + 1, out);
}

bool sweep_other_width(const struct quantizer *base, struct quantizer *out)
{
  return with_bits(base, base->format->bits > 5 ? 4 : 8, out);
}

static bool with_format(const struct quantizer *base, const char *format, struct quantizer *out)
{
  if (spec_has(base, spec_word_is_grain))
    return spec_replace_format(base, format, out, NULL) == STATUS_OK;
  return quantizer_parse(format, out, NULL) == STATUS_OK;
}

bool sweep_integers(const struct quantizer *base, struct quantizer *out)
{
  if (format_is_integer(base->format))
    return false;
  return with_format(base, spec_has(base, spec_word_is_grain) ? "int4" : "int4,group=32", out);
}

bool sweep_int8(const struct quantizer *base, struct quantizer *out)
{
  return with_format(base, "int8", out);
}

bool sweep_e4m3(const struct quantizer *base, struct quantizer *out)
{
  return with_format(base, "e4m3", out);
}

bool sweep_e5m2(const struct quantizer *base, struct quantizer *out)
{
  return with_format(base, "e5m2", out);
}
