#include "analysis/purpose.h"

#include "analysis/names.h"

#include <string.h>
#include <strings.h>

const struct purpose_row purpose_table[PURPOSE_COUNT] = {
    [PURPOSE_WEIGHT] = {"weight", ""},      [PURPOSE_EMBEDDING] = {"embedding", "embed"},
    [PURPOSE_NORM] = {"norm", "norm"},      [PURPOSE_BIAS] = {"bias", "bias"},
    [PURPOSE_SCALE] = {"scale", "scale"},   [PURPOSE_ZERO_POINT] = {"zero-point", "zero"},
    [PURPOSE_PACKED] = {"packed", "codes"}, [PURPOSE_MASK] = {"mask", "mask"},
    [PURPOSE_INTEGER] = {"integer", "int"}, [PURPOSE_NUMBER] = {"number", "1"},
};

enum place { LAST, ANY }; /* the last level of the name, or any */
enum kind { EITHER, INTEGRAL, FLOATING };

/* A level fits a pattern without regard to case; * at an end stands for anything. The first rule
 * that fits decides. */
static const struct rule {
  enum purpose purpose;
  enum place place;
  const char *pattern;
  enum kind kind;
  unsigned least, most; /* dimensions */
} rules[] = {
    {PURPOSE_MASK, LAST, "*mask", EITHER, 0, 8},
    {PURPOSE_MASK, LAST, "masked_bias", EITHER, 0, 8},
    {PURPOSE_MASK, LAST, "bias", INTEGRAL, 3, 8}, /* the causal mask of GPT-2: h.0.attn.bias */
    {PURPOSE_ZERO_POINT, LAST, "*zero_point*", EITHER, 0, 8},
    {PURPOSE_ZERO_POINT, LAST, "qzeros", EITHER, 0, 8},
    {PURPOSE_PACKED, LAST, "qweight", INTEGRAL, 1, 8},
    {PURPOSE_PACKED, LAST, "*_packed", INTEGRAL, 1, 8},
    {PURPOSE_PACKED, LAST, "*_blocks", INTEGRAL, 1, 8},
    {PURPOSE_SCALE, LAST, "scales", EITHER, 0, 8},
    {PURPOSE_SCALE, LAST, "scb", EITHER, 0, 8},
    {PURPOSE_SCALE, LAST, "*weight_scale*", EITHER, 0, 8},
    {PURPOSE_SCALE, LAST, "*input_scale*", EITHER, 0, 8},
    {PURPOSE_SCALE, LAST, "*_scale", EITHER, 0, 8},
    {PURPOSE_SCALE, LAST, "*_scales", EITHER, 0, 8},
    {PURPOSE_SCALE, LAST, "*_scale_inv", EITHER, 0, 8},
    {PURPOSE_SCALE, LAST, "*absmax", EITHER, 0, 8},
    {PURPOSE_SCALE, LAST, "*:scale", EITHER, 0, 8}, /* torchao: weight:scale, weight:qdata */
    {PURPOSE_PACKED, LAST, "*:qdata", EITHER, 1, 8},
    {PURPOSE_INTEGER, ANY, "*", INTEGRAL, 0, 8},
    {PURPOSE_NORM, LAST, "running_mean", FLOATING, 0, 1},
    {PURPOSE_NORM, LAST, "running_var", FLOATING, 0, 1},
    {PURPOSE_NUMBER, ANY, "*", FLOATING, 0, 0},
    {PURPOSE_BIAS, LAST, "*bias", FLOATING, 1, 1},
    {PURPOSE_BIAS, LAST, "bias_*", FLOATING, 1, 1}, /* bias_ih_l0 of an LSTM */
    {PURPOSE_BIAS, LAST, "b", FLOATING, 1, 1},
    {PURPOSE_NORM, ANY, "*norm*", FLOATING, 0, 1},
    {PURPOSE_NORM, ANY, "ln_*", FLOATING, 0, 1},
    {PURPOSE_NORM, ANY, "ln", FLOATING, 0, 1},
    {PURPOSE_NORM, ANY, "ln1", FLOATING, 0, 1},
    {PURPOSE_NORM, ANY, "ln2", FLOATING, 0, 1},
    {PURPOSE_NORM, ANY, "bn*", FLOATING, 0, 1},
    {PURPOSE_NORM, ANY, "prelu*", FLOATING, 0, 1},
    {PURPOSE_EMBEDDING, ANY, "*embd*", FLOATING, 2, 3},
    {PURPOSE_EMBEDDING, LAST, "*embed*", FLOATING, 2, 3},
    {PURPOSE_EMBEDDING, ANY, "wte", FLOATING, 2, 3},
    {PURPOSE_EMBEDDING, ANY, "wpe", FLOATING, 2, 3},
    {PURPOSE_EMBEDDING, ANY, "embed_*", FLOATING, 2, 3},
    {PURPOSE_EMBEDDING, ANY, "*_embed", FLOATING, 2, 3},
    {PURPOSE_EMBEDDING, ANY, "*_embedding", FLOATING, 2, 3},
    {PURPOSE_EMBEDDING, ANY, "*_embeddings", FLOATING, 2, 3},
};

/* SIZE letters at LEVEL. */
static bool fits(const char *pattern, const char *level, size_t size)
{
  size_t length = strlen(pattern);
  bool open_start = length && pattern[0] == '*',
       open_end = length > 1 && pattern[length - 1] == '*';
  const char *core = pattern + open_start;
  size_t letters = length - open_start - open_end;
  if (letters > size)
    return false;
  size_t first = open_start ? 0 : size - letters;
  size_t last = size - letters;
  if (open_start && !open_end)
    first = last;
  else if (!open_start)
    first = 0, last = open_end || letters == size ? 0 : (size_t)-1;
  if (last == (size_t)-1)
    return false;
  for (size_t at = first; at <= last; at++)
    if (strncasecmp(level + at, core, letters) == 0)
      return true;
  return false;
}

enum { NAME_END = 512 }; /* of longer names only the end is looked at */

static bool name_fits(const struct rule *rule, const char *name, const char *last)
{
  /* "kernel:0" is a kernel, but "Relu__18:0_scale" a scale. */
  if (rule->place == LAST)
    return fits(rule->pattern, last, strcspn(last, ":")) || fits(rule->pattern, last, strlen(last));
  for (const char *level = name;; level++) {
    size_t size = strcspn(level, "./");
    if (fits(rule->pattern, level, size))
      return true;
    level += size;
    if (!*level)
      return false;
  }
}

static bool rule_fits(const struct rule *rule, const struct tensor *tensor, const char *name,
                      const char *last)
{
  bool integral = tensor->stored->integral && !tensor->derived;
  return tensor->shape.dims >= rule->least && tensor->shape.dims <= rule->most &&
         (rule->kind == EITHER || (rule->kind == INTEGRAL) == integral) &&
         name_fits(rule, name, last);
}

enum purpose purpose_of(const struct tensor *tensor)
{
  size_t length = strlen(tensor->name);
  const char *name = tensor->name + (length > NAME_END ? length - NAME_END : 0);
  const char *last = name + strlen(name);
  while (last > name && !name_separator(last[-1]))
    last--;
  if (strcmp(tensor->stored->name, "bool") == 0)
    return PURPOSE_MASK;
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (rule_fits(&rules[i], tensor, name, last))
      return rules[i].purpose;
  return PURPOSE_WEIGHT;
}
