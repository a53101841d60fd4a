#include "quant/layer/method.h"

#include "quant/base/nearest.h"
#include "quant/base/number.h"
#include "quant/base/size.h"
#include "quant/layer/methods.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What bias can correct: by their defaults. */
#define METHODS_WITH_BIAS                                                                          \
  "rtn|gptq|awq|smoothquant|llm.int8|protect|hadamard|zeroquant|llm-qat|alternating|joint|bits"

const struct method method_table[] = {
    {.name = "rtn",
     .summary = "round to nearest: the quantizer alone, whatever the inputs are",
     .why = "the baseline: no calibration, no cost",
     .run = rtn_run},
    {.name = "gptq",
     .summary = "columns rounded in turn; those to come make up for the error",
     .why = "inputs have much in common, and tokens are many: twice the input channels or more",
     .reference = "IST-DASLab/gptq",
     .option = {{.word = "actorder",
                 .kind = METHOD_FLAG,
                 .summary = "columns of large inputs first (desc_act)"},
                {.word = "static-groups",
                 .kind = METHOD_FLAG,
                 .summary = "groups of neighbours, scales found beforehand"},
                {.word = "blocksize",
                 .kind = METHOD_NUMBER,
                 .value = 128,
                 .least = 1,
                 .most = 65536,
                 .whole = true,
                 .summary = "columns between updates of all the rest"},
                {.word = "damp",
                 .kind = METHOD_NUMBER,
                 .value = 0.01,
                 .least = 0,
                 .most = 1e6,
                 .summary = "share of the mean diagonal that is added to the Hessian's"},
                {.word = "params",
                 .kind = METHOD_CHOICE,
                 .choices = "reference|reference-mse|quantizer",
                 .summary = "whose scales and zero points"}},
     .run = gptq_run},
    {.name = "awq",
     .summary = "input channels scaled by a power of their activations before rounding",
     .why = "outlier channels keep their weights exact enough; nothing is added at run time",
     .reference = "mit-han-lab/llm-awq",
     .option = {{.word = "clip", .kind = METHOD_FLAG, .summary = "then the clip search"},
                {.word = "grid",
                 .kind = METHOD_NUMBER,
                 .value = 20,
                 .least = 1,
                 .most = 1000,
                 .whole = true,
                 .summary = "exponents 0, 1/grid, 2/grid ... below 1 are tried"},
                {.word = "alpha",
                 .kind = METHOD_NUMBER,
                 .value = -1,
                 .least = 0,
                 .most = 2,
                 .summary = "this exponent, instead of the search"},
                {.word = "statistic",
                 .kind = METHOD_CHOICE,
                 .choices = "mean|max",
                 .summary = "of |x|: what is raised to the exponent"},
                {.word = "duo",
                 .kind = METHOD_FLAG,
                 .summary = "and divided by a power of the weights (AutoAWQ)"},
                {.word = "params",
                 .kind = METHOD_CHOICE,
                 .choices = "reference|quantizer",
                 .summary = "scales by AWQ's own rule, or as the quantizer has them"}},
     .run = awq_run},
    {.name = "smoothquant",
     .summary =
         "the size of outlier channels moves from activations to weights; both are quantized",
     .why = "rescues int8 activations; at run time only what the weights cost",
     .reference = "mit-han-lab/smoothquant",
     .option = {{.word = "alpha",
                 .kind = METHOD_NUMBER,
                 .value = 0.5,
                 .least = 0,
                 .most = 1,
                 .summary = "how much of it moves: 0 none, 1 all"},
                {.word = "sweep",
                 .kind = METHOD_FLAG,
                 .summary = "instead, the best of 0, 0.05 ... 1, and the curve"}},
     .run = smoothquant_run},
    {.name = "llm.int8",
     .summary = "int8 rows and tokens, but for outlier channels, which stay in 16 bits",
     .why = "nearly exact where few channels are large; two products at run time",
     .reference = "bitsandbytes-foundation/bitsandbytes",
     .option = {{.word = "threshold",
                 .kind = METHOD_NUMBER,
                 .value = 6,
                 .least = 0,
                 .most = 1e6,
                 .summary = "channels with |x| of at least this are outliers (0: none)"},
                {.word = "weights",
                 .kind = METHOD_CHOICE,
                 .choices = "float16|int8",
                 .summary = "of the outliers: the paper's, or those of bitsandbytes"},
                {.word = "params",
                 .kind = METHOD_CHOICE,
                 .choices = "reference|quantizer",
                 .summary = "int8 rows and tokens, or the rest as the quantizers have it"}},
     .run = llm_int8_run},
    {.name = "protect",
     .summary = "the worst input channels of the weight in more bits",
     .why = "a few channels decide the output: keep those that the activations make large",
     .option = {{.word = "k",
                 .kind = METHOD_NUMBER,
                 .value = 0,
                 .least = 0,
                 .most = 1e9,
                 .whole = true,
                 .summary = "as many channels (0: those above the median times `times`)"},
                {.word = "times",
                 .kind = METHOD_NUMBER,
                 .value = 10,
                 .least = 1,
                 .most = 1e6,
                 .summary = "the median of all channels"},
                {.word = "by",
                 .kind = METHOD_CHOICE,
                 .choices = "activation|weight|random",
                 .summary = "mean |x|, the norm of the weights, or chance"},
                {.word = "as",
                 .kind = METHOD_CHOICE,
                 .choices = "float16|int8|int5",
                 .summary = "what they are stored as"},
                {.word = "seed",
                 .kind = METHOD_NUMBER,
                 .value = 1,
                 .least = 0,
                 .most = 4294967295,
                 .whole = true,
                 .summary = "of chance"}},
     .run = protect_run},
    {.name = "hadamard",
     .summary = "weights and activations rotated by a Hadamard matrix before they are rounded",
     .why = "spreads outlier channels over a block; above all for quantized activations",
     .option = {{.word = "block",
                 .kind = METHOD_NUMBER,
                 .most = 1 << 24,
                 .whole = true,
                 .summary = "input channels of a block; 0: the largest power of two that fits"},
                {.word = "signs",
                 .kind = METHOD_FLAG,
                 .summary = "random signs before the rotation"},
                {.word = "seed",
                 .kind = METHOD_NUMBER,
                 .most = 0x1p53,
                 .whole = true,
                 .summary = "of the signs"}},
     .run = hadamard_run},
    {.name = "zeroquant",
     .summary =
         "a scale for each group of weights and each token; tokens are int8 unless quantized",
     .why = "tokens of different size; no calibration",
     .option = {{.word = "group",
                 .kind = METHOD_NUMBER,
                 .most = 1 << 24,
                 .whole = true,
                 .summary = "weights of a group; 0: as the quantizer says, else 128"}},
     .run = zeroquant_run},
    {.name = "llm-qat",
     .summary = "the quantizers of LLM-QAT: minmax, symmetric, a scale for each row and each token",
     .why = "what its training starts from: nothing is clipped, nothing calibrated",
     .run = llm_qat_run},
    {.name = "bias",
     .summary = "a method, then the mean output error of each channel is taken back by a bias",
     .why = "inputs whose means are not 0",
     .option = {{.word = "of",
                 .kind = METHOD_CHOICE,
                 .choices = METHODS_WITH_BIAS,
                 .summary = "the method"}},
     .run = bias_run},
    {.name = "alternating",
     .summary = "scale and zero point solved for against the output error, round by round",
     .why = "few bits; input channels of different size",
     .option = {{.word = "rounds",
                 .kind = METHOD_NUMBER,
                 .value = 20,
                 .most = 1000,
                 .whole = true,
                 .summary = "how often"},
                {.word = "free", .kind = METHOD_FLAG, .summary = "zero points need not be whole"}},
     .run = alternating_run},
    {.name = "joint",
     .summary = "scales of weights and activations multiplied by ratios, with the product fixed",
     .why = "both sides clip too little; independent ratios find more",
     .option = {{.word = "independent", .kind = METHOD_FLAG, .summary = "all pairs of ratios"},
                {.word = "least",
                 .kind = METHOD_NUMBER,
                 .value = 0.4,
                 .least = 0.05,
                 .most = 1,
                 .summary = "the least ratio"},
                {.word = "most",
                 .kind = METHOD_NUMBER,
                 .value = 1.2,
                 .least = 1,
                 .most = 4,
                 .summary = "the largest"},
                {.word = "step",
                 .kind = METHOD_NUMBER,
                 .value = 0.1,
                 .least = 0.01,
                 .most = 1,
                 .summary = "from one ratio to the next"},
                {.word = "tokens",
                 .kind = METHOD_NUMBER,
                 .value = 512,
                 .least = 1,
                 .most = 1 << 24,
                 .whole = true,
                 .summary = "at most so many, evenly spaced, are searched on"}},
     .run = joint_run},
    {.name = "bits",
     .summary = "bits by importance: each channel or group has its own width, under a budget",
     .why = "channels of different importance, formats that can store different widths",
     .option = {{.word = "budget",
                 .kind = METHOD_NUMBER,
                 .most = 64,
                 .summary = "stored bits for each weight, scales and all; 0: as many as rtn"},
                {.word = "least",
                 .kind = METHOD_NUMBER,
                 .value = 2,
                 .least = 2,
                 .most = 8,
                 .whole = true,
                 .summary = "the fewest bits of a code"},
                {.word = "most",
                 .kind = METHOD_NUMBER,
                 .value = 8,
                 .least = 2,
                 .most = 8,
                 .whole = true,
                 .summary = "the most"}},
     .run = bits_run},
};
const size_t method_table_length = sizeof method_table / sizeof *method_table;

const struct method *method_find(const char *name)
{
  for (size_t i = 0; i < method_table_length; i++)
    if (strcmp(method_table[i].name, name) == 0)
      return &method_table[i];
  return NULL;
}

/* --- options ---------------------------------------------------------------------------------- */

size_t method_option_count(const struct method *method)
{
  size_t count = 0;
  while (count < METHOD_OPTIONS && method->option[count].word)
    count++;
  return count;
}

struct method_choice method_plain(const struct method *method)
{
  struct method_choice choice = {.method = method};
  for (size_t i = 0; i < METHOD_OPTIONS; i++)
    choice.option[i] = method->option[i].value;
  return choice;
}

bool method_option_is_automatic(const struct method_option *option, double value)
{
  return option->kind == METHOD_NUMBER && (value < option->least || value > option->most);
}

const char *method_option_word(const struct method_option *option, size_t place, int *length)
{
  const char *at = option->choices;
  while (at && place-- > 0) {
    at = strchr(at, '|');
    at = at ? at + 1 : NULL;
  }
  *length = at ? (int)strcspn(at, "|") : 0;
  return at;
}

char *method_option_print(const struct method_option *option, double value, char *text)
{
  int length;
  if (option->kind == METHOD_FLAG)
    return strcpy(text, value != 0 ? "on" : "off");
  if (option->kind == METHOD_NUMBER)
    return method_option_is_automatic(option, value) ? strcpy(text, "auto")
                                                     : number_print(value, text);
  const char *word = method_option_word(option, (size_t)value, &length);
  snprintf(text, METHOD_TEXT, "%.*s", length, word);
  return text;
}

/* --- words ------------------------------------------------------------------------------------ */

static enum status unknown(const char *what, const char *word, const char *nearest,
                           struct error *error)
{
  return nearest ? error_set(error, STATUS_USAGE, "'%s' is no %s; did you mean '%s'?", word, what,
                             nearest)
                 : error_set(error, STATUS_USAGE, "'%s' is no %s", word, what);
}

static enum status no_method(const char *word, struct error *error)
{
  const char *names[64];
  for (size_t i = 0; i < method_table_length; i++)
    names[i] = method_table[i].name;
  return unknown("method of the layer lab", word, nearest_word(word, names, method_table_length),
                 error);
}

static enum status no_option(const struct method *method, const char *word, struct error *error)
{
  const char *names[METHOD_OPTIONS];
  char what[80];
  const size_t count = method_option_count(method);
  for (size_t i = 0; i < count; i++)
    names[i] = method->option[i].word;
  snprintf(what, sizeof what, "option of %s", method->name);
  return unknown(what, word, nearest_word(word, names, count), error);
}

/* The place of WORD among those of a choice, or -1. */
static int choice_place(const struct method_option *option, const char *word)
{
  const char *at;
  int length;
  for (size_t place = 0; (at = method_option_word(option, place, &length)); place++)
    if (strlen(word) == (size_t)length && strncmp(at, word, (size_t)length) == 0)
      return (int)place;
  return -1;
}

static enum status read_number(const struct method_option *option, const char *text, double *out,
                               struct error *error)
{
  char *end, least[NUMBER_TEXT], most[NUMBER_TEXT];
  const double value = strtod(text, &end);
  if (*text && *end == 0 && value >= option->least && value <= option->most &&
      (!option->whole || value == floor(value))) {
    *out = value;
    return STATUS_OK;
  }
  return error_set(error, STATUS_USAGE, "%s=%s: a %snumber from %s to %s is expected", option->word,
                   text, option->whole ? "whole " : "", number_print(option->least, least),
                   number_print(option->most, most));
}

static enum status read_value(const struct method_option *option, const char *text, double *out,
                              struct error *error)
{
  if (option->kind == METHOD_FLAG) {
    *out = 1;
    return text ? error_set(error, STATUS_USAGE, "%s takes no value", option->word) : STATUS_OK;
  }
  if (!text)
    return error_set(error, STATUS_USAGE, "%s needs a value: %s=%s", option->word, option->word,
                     option->kind == METHOD_CHOICE ? option->choices : "N");
  if (option->kind == METHOD_NUMBER)
    return read_number(option, text, out, error);
  const int place = choice_place(option, text);
  *out = place;
  return place < 0 ? error_set(error, STATUS_USAGE, "%s=%s: %s is expected", option->word, text,
                               option->choices)
                   : STATUS_OK;
}

static enum status read_option(struct method_choice *choice, char *word, struct error *error)
{
  char *value = strchr(word, '=');
  if (value)
    *value++ = 0;
  const size_t count = method_option_count(choice->method);
  for (size_t i = 0; i < count; i++)
    if (strcmp(choice->method->option[i].word, word) == 0)
      return read_value(&choice->method->option[i], value, &choice->option[i], error);
  return no_option(choice->method, word, error);
}

enum status method_parse(const char *text, struct method_choice *out, struct error *error)
{
  char copy[METHOD_TEXT];
  if (strlen(text) >= sizeof copy)
    return error_set(error, STATUS_USAGE, "the method is longer than %zu characters",
                     sizeof copy - 1);
  strcpy(copy, text);
  char *rest = copy, *word = strsep(&rest, ",");
  const struct method *method = method_find(word);
  if (!method)
    return no_method(word, error);
  struct method_choice choice = method_plain(method);
  while ((word = strsep(&rest, ","))) {
    enum status status = read_option(&choice, word, error);
    if (status != STATUS_OK)
      return status;
  }
  *out = choice;
  return STATUS_OK;
}

static void append_option(const struct method_option *option, double value, char *text)
{
  const size_t used = strlen(text), room = METHOD_TEXT - used;
  char words[METHOD_TEXT];
  if (option->kind == METHOD_FLAG)
    snprintf(text + used, room, ",%s", option->word);
  else
    snprintf(text + used, room, ",%s=%s", option->word, method_option_print(option, value, words));
}

char *method_print(const struct method_choice *choice, char *text)
{
  snprintf(text, METHOD_TEXT, "%s", choice->method->name);
  const size_t count = method_option_count(choice->method);
  for (size_t i = 0; i < count; i++)
    if (choice->option[i] != choice->method->option[i].value)
      append_option(&choice->method->option[i], choice->option[i], text);
  return text;
}

static size_t option_place(const struct method *method, const char *word)
{
  size_t i = 0;
  while (strcmp(method->option[i].word, word) != 0)
    i++;
  return i;
}

bool method_choice_equal(const struct method_choice *a, const struct method_choice *b)
{
  bool same = a->method == b->method;
  for (size_t i = 0; same && i < METHOD_OPTIONS; i++)
    same = !(a->option[i] < b->option[i] || a->option[i] > b->option[i]);
  return same;
}

double method_value(const struct layer_task *task, const char *word)
{
  return task->method.option[option_place(task->method.method, word)];
}

char *method_word(const struct layer_task *task, const char *word, char *text)
{
  const size_t place = option_place(task->method.method, word);
  return method_option_print(&task->method.method->option[place], task->method.option[place], text);
}

/* --- runs ------------------------------------------------------------------------------------- */

enum status method_run(const struct layer_task *task, struct layer_made *made, struct error *error)
{
  *made = (struct layer_made){
      .inputs = {.quantized = task->quantizes_activation, .quantizer = task->activation}};
  enum status status = task->method.method->run(task, made, error);
  if (status != STATUS_OK) {
    layer_made_free(made);
    error_prefix(error, "%s: ", task->method.method->name);
  }
  return status;
}

void layer_made_free(struct layer_made *made)
{
  free(made->weight);
  layer_inputs_free(&made->inputs);
  free(made->bias);
  free(made->codes.code);
  free(made->codes.scale);
  free(made->codes.zero);
  free(made->codes.group);
  free(made->search.x);
  free(made->search.y);
  free(made->search.value);
  *made = (struct layer_made){0};
}
