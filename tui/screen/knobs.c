#include "tui/screen/knobs.h"

#include "quant/block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { GROUP_LEAST = 8, GROUP_MOST = 65536, GROUP_DEFAULT = 128 };

static bool is_integer(const struct format *format)
{
  return format_is_integer(format);
}

/* The codec of a format with blocks of its own; NULL for element formats. */
static const struct block_codec *codec_of(const struct quantizer *quantizer)
{
  return format_is_block(quantizer->format) ? block_codec_find(quantizer->format->name) : NULL;
}

/* Formats that leave no scale to choose. */
static bool finds_scales(const struct format *format)
{
  return format_is_block(format) || format->learned;
}

/* QUANTIZER, or int8 in place of a format that leaves no scale to choose. */
static struct quantizer element_of(const struct quantizer *quantizer)
{
  struct quantizer element = *quantizer;
  if (finds_scales(quantizer->format))
    quantizer_parse("int8", &element, NULL);
  return element;
}

struct knobs knobs_of(const struct quantizer *quantizer, int axis)
{
  const struct granularity *granularity = &quantizer->granularity;
  return (struct knobs){
      .quantizer = *quantizer,
      .axis = granularity->kind == GRAIN_CHANNEL ? granularity->axis : axis,
      .group = granularity->kind == GRAIN_GROUP ? granularity->group : GROUP_DEFAULT,
      .asymmetric = quantizer->asymmetric,
      .narrow = quantizer->narrow,
      .conventions = *quantizer,
      .integer = is_integer(quantizer->format) ? quantizer->format : format_find("int8"),
      .element = element_of(quantizer),
  };
}

/* --- conventions of a system ---------------------------------------------------------- */

/* What a quantizer says of them, word by word; bit i of a set stands for the i-th. */
enum { CONVENTIONS = 4 };

static void take_codes(struct quantizer *quantizer, const struct quantizer *from)
{
  quantizer->limited = from->limited;
  quantizer->code_lo = from->code_lo;
  quantizer->code_hi = from->code_hi;
}

static void take_numbering(struct quantizer *quantizer, const struct quantizer *from)
{
  quantizer->unsigned_codes = from->unsigned_codes;
  quantizer->signed_codes = from->signed_codes;
}

static void take_arithmetic(struct quantizer *quantizer, const struct quantizer *from)
{
  quantizer->arithmetic = from->arithmetic;
}

static void take_rule(struct quantizer *quantizer, const struct quantizer *from)
{
  quantizer->rule = from->rule;
  quantizer->eps = from->eps;
}

static struct quantizer without_some(const struct quantizer *quantizer,
                                     const struct quantizer *wishes, unsigned missing)
{
  static void (*const take[CONVENTIONS])(struct quantizer *, const struct quantizer *) = {
      take_codes, take_numbering, take_arithmetic, take_rule};
  static const struct quantizer plain;
  struct quantizer result = *quantizer;
  for (unsigned i = 0; i < CONVENTIONS; i++)
    take[i](&result, missing & 1u << i ? &plain : wishes);
  return result;
}

/* Gives the quantizer as many of the wished conventions as go with the rest of it. */
static enum status settle(struct knobs *knobs, struct error *error)
{
  struct quantizer best = knobs->quantizer;
  unsigned fewest = CONVENTIONS + 1;
  if (finds_scales(best.format))
    return quantizer_check(&best, error);
  for (unsigned missing = 0; missing < 1u << CONVENTIONS; missing++) {
    struct quantizer with = without_some(&knobs->quantizer, &knobs->conventions, missing);
    unsigned count = (unsigned)__builtin_popcount(missing);
    if (count < fewest && quantizer_check(&with, NULL) == STATUS_OK) {
      fewest = count;
      best = with;
    }
  }
  knobs->quantizer = best;
  return quantizer_check(&best, error);
}

/* --- calibrator ---------------------------------------------------------------------- */

static size_t calibrator_index(const struct quantizer *quantizer)
{
  for (size_t i = 0; i < calibrator_table_length; i++)
    if (quantizer->by == BY_CALIBRATOR && quantizer->calibrator == &calibrator_table[i])
      return i;
  return calibrator_table_length; /* by hand */
}

static void set_calibrator(struct quantizer *quantizer, size_t index)
{
  quantizer->by = BY_CALIBRATOR;
  quantizer->calibrator = &calibrator_table[index];
  quantizer->parameter = calibrator_default(&calibrator_table[index], quantizer->format);
  calibrator_options(&calibrator_table[index], quantizer->option);
  quantizer->scale = quantizer->zero = quantizer->lo = quantizer->hi = 0;
}

static void set_plain_cast(struct quantizer *quantizer)
{
  quantizer->by = BY_SCALE;
  quantizer->calibrator = NULL;
  quantizer->parameter = 0;
  quantizer->scale = 1;
  quantizer->zero = quantizer->lo = quantizer->hi = 0;
}

/* Formats that people use as a plain cast have that as one more setting, before the first row.
 * Calibrators that refuse the rest of the quantizer are skipped. */
static bool turn_calibrator(struct knobs *knobs, int direction)
{
  struct quantizer *quantizer = &knobs->quantizer;
  size_t rows = calibrator_table_length, stops = rows + quantizer->format->raw_by_default;
  size_t at = calibrator_index(quantizer);
  if (at == rows && stops == rows)
    at = direction > 0 ? rows - 1 : 0;
  for (size_t tries = 0; tries < stops; tries++) {
    at = (at + (direction > 0 ? 1 : stops - 1)) % stops;
    if (at == rows)
      set_plain_cast(quantizer);
    else
      set_calibrator(quantizer, at);
    if (settle(knobs, NULL) == STATUS_OK)
      break;
  }
  return true;
}

/* The next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15 ... */
static double step_series(double value, int direction)
{
  static const double series[] = {0.8, 1, 1.5, 2, 3, 4, 5, 6, 8, 10};
  enum { STEPS = sizeof series / sizeof *series };
  double exponent = floor(log10(value) + 1e-9), power = pow(10, fabs(exponent));
  double slack = 1e-9 * value, next = value;
  for (int i = 0; i < STEPS; i++) {
    double at = exponent < 0 ? series[i] / power : series[i] * power;
    if (direction > 0 && at > value + slack)
      return at;
    next = at < value - slack ? at : next;
  }
  return next;
}

/* Percentiles step by nines; a range that spans decades by a series of round numbers, others by a
 * twentieth. */
static double step_parameter(const struct calibrator *calibrator, double value, int direction)
{
  static const double nines[] = {50, 60,   70,   80,    90,    95,     98,
                                 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100};
  enum { NINES = sizeof nines / sizeof *nines };
  if (calibrator->least == 50 && calibrator->most == 100) {
    if (direction > 0) {
      for (int i = 0; i < NINES; i++)
        if (nines[i] > value)
          return nines[i];
    } else {
      for (int i = NINES - 1; i >= 0; i--)
        if (nines[i] < value)
          return nines[i];
    }
    return value;
  }
  if (calibrator->least > 0 && calibrator->most >= 10 * calibrator->least)
    value = step_series(value, direction);
  else
    value += direction * (calibrator->most - calibrator->least) / 20;
  return fmin(fmax(value, calibrator->least), calibrator->most);
}

static bool turn_parameter(struct knobs *knobs, int direction, char *message, size_t size)
{
  struct quantizer *quantizer = &knobs->quantizer;
  double factor = direction > 0 ? 1.0905077326652577 : 1 / 1.0905077326652577; /* 2^(1/8) */
  if (quantizer->by == BY_SCALE) {
    quantizer->scale *= factor;
    return true;
  }
  if (quantizer->by == BY_RANGE) {
    quantizer->lo *= factor;
    quantizer->hi *= factor;
    return true;
  }
  const struct calibrator *calibrator = quantizer->calibrator;
  if (!calibrator->parameter) {
    snprintf(message, size, "%s has no parameter; c chooses another calibrator", calibrator->name);
    return false;
  }
  double value = step_parameter(calibrator, quantizer->parameter, direction);
  if (value == quantizer->parameter) {
    snprintf(message, size, "%s goes from %g to %g", calibrator->name, calibrator->least,
             calibrator->most);
    return false;
  }
  quantizer->parameter = value;
  return true;
}

/* --- format and scheme --------------------------------------------------------------- */

/* Codebooks that come in blocks are looked at in blocks; afterwards what was chosen before
 * returns. */
static void set_shares(struct knobs *knobs, const struct format *format)
{
  struct granularity *now = &knobs->quantizer.granularity;
  if (knobs->lent) {
    knobs->lent = false;
    *now = knobs->shares;
  }
  if (!format->block || now->kind != GRAIN_TENSOR)
    return;
  knobs->lent = true;
  knobs->shares = *now;
  *now = (struct granularity){.kind = GRAIN_GROUP, .group = format->block};
}

static void set_format(struct knobs *knobs, const struct format *format)
{
  struct quantizer *quantizer = &knobs->quantizer;
  if (!finds_scales(quantizer->format))
    knobs->element = *quantizer;
  if (finds_scales(format)) {
    *quantizer = (struct quantizer){.format = format, .by = BY_FORMAT};
    if (format->learned)
      set_plain_cast(quantizer);
    return;
  }
  *quantizer = knobs->element;
  bool was_raw = quantizer->format->raw_by_default && quantizer->by == BY_SCALE;
  quantizer->format = format;
  quantizer->nonfinite = quantizer->nonfinite && format_overflows(format);
  quantizer->asymmetric = is_integer(format) && (knobs->asymmetric || format->bits == 1);
  quantizer->narrow = is_integer(format) && !quantizer->asymmetric && knobs->narrow;
  if (is_integer(format))
    knobs->integer = format;
  if (format->raw_by_default && quantizer->by == BY_CALIBRATOR &&
      !quantizer->calibrator->parameter && !quantizer->calibrator->choose)
    set_plain_cast(quantizer);
  else if (was_raw && !format->raw_by_default)
    set_calibrator(quantizer, 0);
  set_shares(knobs, format);
}

/* The stops of the format knob: those that people compare. The integers are one (bits has their
 * number); the others can be written by hand. */
static const char *const format_stops[] = {
    "int",           "float8_e4m3fn", "float8_e5m2", "float8_e3m4", "float6_e2m3fn",
    "float6_e3m2fn", "float4_e2m1fn", "nf4",         "lloyd=16",    "float16",
    "bfloat16",      "mxfp8_e4m3",    "mxfp4",       "nvfp4",       "q4_0",
    "q4_k",          "q6_k",          "iq4_nl"};
enum { FORMAT_STOPS = sizeof format_stops / sizeof *format_stops };

static const struct format *stop_format(const struct knobs *knobs, size_t stop)
{
  return stop == 0 ? knobs->integer : format_find(format_stops[stop]);
}

static bool is_stop(const struct knobs *knobs, size_t stop, const struct format *format)
{
  const struct format *at = stop_format(knobs, stop);
  return at == format || (at->learned && format->learned);
}

/* From a format that is no stop, the knob goes to the first or the last one. */
static bool turn_format(struct knobs *knobs, int direction)
{
  const struct format *now = knobs->quantizer.format;
  size_t at = is_integer(now) ? 0 : 1;
  while (at > 0 && at < FORMAT_STOPS && !is_stop(knobs, at, now))
    at++;
  if (at == FORMAT_STOPS)
    at = direction > 0 ? FORMAT_STOPS - 1 : 0;
  set_format(knobs,
             stop_format(knobs, (at + (direction > 0 ? 1 : FORMAT_STOPS - 1)) % FORMAT_STOPS));
  return true;
}

/* Twice or half as many levels to learn. */
static bool turn_learned(struct knobs *knobs, int direction, char *message, size_t size)
{
  size_t levels = knobs->quantizer.format->learned;
  char word[32];
  snprintf(word, sizeof word, "lloyd=%zu", direction > 0 ? 2 * levels : levels / 2);
  const struct format *next = format_find(word);
  if (next)
    set_format(knobs, next);
  else
    snprintf(message, size, "2 to 65536 levels can be learned");
  return next;
}

/* The row of the same family with the next number of bits; wraps. */
static bool turn_bits(struct knobs *knobs, int direction, char *message, size_t size)
{
  const struct format *now = knobs->quantizer.format, *best = NULL, *wrap = NULL;
  if (now->learned)
    return turn_learned(knobs, direction, message, size);
  for (size_t i = 0; i < format_table_length; i++) {
    const struct format *row = &format_table[i];
    int ahead = (row->bits - now->bits) * direction;
    bool impossible = is_integer(row) && row->bits == 1 && !knobs->asymmetric;
    if (row->family != now->family || ahead == 0 || impossible)
      continue;
    if (ahead > 0 && (!best || ahead < (best->bits - now->bits) * direction))
      best = row;
    if (ahead < 0 && (!wrap || ahead < (wrap->bits - now->bits) * direction))
      wrap = row;
  }
  if (!best && !wrap) {
    snprintf(message, size, "%s has no relative with another number of bits", now->name);
    return false;
  }
  set_format(knobs, best ? best : wrap);
  return true;
}

static bool turn_scheme(struct knobs *knobs, char *message, size_t size)
{
  struct quantizer *quantizer = &knobs->quantizer;
  if (!is_integer(quantizer->format)) {
    snprintf(message, size, "%s has no zero point: only integers can be asymmetric",
             quantizer->format->name);
    return false;
  }
  knobs->asymmetric = quantizer->asymmetric = !quantizer->asymmetric;
  quantizer->narrow = !quantizer->asymmetric && knobs->narrow;
  quantizer->zero = 0;
  return true;
}

static bool turn_range(struct knobs *knobs, char *message, size_t size)
{
  struct quantizer *quantizer = &knobs->quantizer;
  if (!is_integer(quantizer->format) || quantizer->asymmetric) {
    snprintf(message, size, "narrow range is for symmetric integers%s",
             is_integer(quantizer->format) ? "; s makes this one symmetric" : "");
    return false;
  }
  knobs->narrow = quantizer->narrow = !quantizer->narrow;
  return true;
}

/* --- granularity --------------------------------------------------------------------- */

static void set_granularity(struct knobs *knobs, enum grain_kind kind)
{
  knobs->quantizer.granularity = (struct granularity){
      .kind = kind,
      .axis = kind == GRAIN_CHANNEL ? knobs->axis : 0,
      .group = kind == GRAIN_GROUP ? knobs->group : 0,
  };
}

/* How the choice number *CHOICE of WORDS turns. */
static void turn_word(const char *const *words, int direction, int *choice)
{
  int count = 0;
  while (words[count])
    count++;
  *choice = (*choice + count + direction) % count;
}

/* The scale rule or the variant. */
static bool turn_block_rule(struct knobs *knobs, int direction, char *message, size_t size)
{
  struct quantizer *quantizer = &knobs->quantizer;
  const struct block_codec *codec = codec_of(quantizer);
  if (codec->rules)
    turn_word(codec->rules, direction, &quantizer->block.rule);
  else if (codec->variants)
    turn_word(codec->variants, direction, &quantizer->block.variant);
  else
    snprintf(message, size, "%s finds its scales by a rule of its own", codec->name);
  return codec->rules || codec->variants;
}

/* The rounding of MX, four over six of NVFP4, padding of the others. */
static bool turn_block_choice(struct knobs *knobs, int direction)
{
  struct quantizer *quantizer = &knobs->quantizer;
  const struct block_codec *codec = codec_of(quantizer);
  if (codec->rounds)
    quantizer->rounding = (enum rounding)(
        ((int)quantizer->rounding + ROUND_STOCHASTIC + direction) % ROUND_STOCHASTIC);
  else if (codec->four_over_six)
    quantizer->block.four_over_six = !quantizer->block.four_over_six;
  else
    quantizer->block.pad = !quantizer->block.pad;
  return true;
}

static bool turn_block_length(struct knobs *knobs, int direction, char *message, size_t size)
{
  enum { LEAST = 4 };
  struct quantizer *quantizer = &knobs->quantizer;
  const struct block_codec *codec = codec_of(quantizer);
  size_t now = quantizer->block.length ? quantizer->block.length : codec->length;
  size_t next = direction > 0 ? now * 2 : now / 2 / LEAST * LEAST;
  if (!codec->resizes) {
    snprintf(message, size, "the blocks of %s have %zu elements", codec->name, codec->length);
    return false;
  }
  if (next < LEAST || next > BLOCK_MOST) {
    snprintf(message, size, "blocks go from %d to %d", LEAST, BLOCK_MOST);
    return false;
  }
  quantizer->block.length = next == codec->length ? 0 : next;
  return true;
}

/* Turns what a format with blocks of its own leaves open. */
static bool turn_block(struct knobs *knobs, enum knob knob, int direction, char *message,
                       size_t size)
{
  const char *name = knobs->quantizer.format->name;
  switch (knob) {
  case KNOB_GROUP:
    return turn_block_length(knobs, direction, message, size);
  case KNOB_CALIBRATOR:
    return turn_block_rule(knobs, direction, message, size);
  case KNOB_PARAMETER:
    return turn_block_choice(knobs, direction);
  case KNOB_GRANULARITY:
    snprintf(message, size, "%s brings its own blocks; f goes to formats with a choice", name);
    return false;
  default:
    snprintf(message, size, "%s fixes its codes and offsets; f goes to formats with a choice",
             name);
    return false;
  }
}

static bool turn_granularity(struct knobs *knobs, int direction)
{
  enum { KINDS = GRAIN_GROUP + 1 };
  int kind = (int)knobs->quantizer.granularity.kind;
  set_granularity(knobs, (enum grain_kind)((kind + KINDS + direction) % KINDS));
  return true;
}

static bool turn_axis(struct knobs *knobs, int direction, const struct shape *shape, char *message,
                      size_t size)
{
  unsigned axis = 0;
  int dims = (int)shape->dims;
  if (dims < 2) {
    snprintf(message, size, "this tensor has only one axis");
    return false;
  }
  shape_axis(shape, knobs->axis, &axis);
  knobs->axis = ((int)axis + dims + direction) % dims;
  if (knobs->quantizer.granularity.kind == GRAIN_CHANNEL)
    set_granularity(knobs, GRAIN_CHANNEL);
  snprintf(message, size, "channels along axis %d: %zu of them", knobs->axis,
           shape->dim[knobs->axis]);
  return true;
}

static bool turn_group(struct knobs *knobs, int direction, char *message, size_t size)
{
  if (knobs->quantizer.granularity.kind != GRAIN_GROUP) {
    set_granularity(knobs, GRAIN_GROUP);
    snprintf(message, size, "a scale per group of %zu", knobs->group);
    return true;
  }
  size_t group = direction > 0 ? knobs->group * 2 : knobs->group / 2;
  if (group < GROUP_LEAST || group > GROUP_MOST) {
    snprintf(message, size, "groups go from %d to %d; :group= sets others", GROUP_LEAST,
             GROUP_MOST);
    return false;
  }
  knobs->group = group;
  set_granularity(knobs, GRAIN_GROUP);
  return true;
}

static bool turn(struct knobs *knobs, enum knob knob, int direction, const struct shape *shape,
                 char *message, size_t size)
{
  message[0] = 0;
  if (format_is_block(knobs->quantizer.format) && knob != KNOB_FORMAT && knob != KNOB_BITS &&
      knob != KNOB_AXIS)
    return turn_block(knobs, knob, direction, message, size);
  switch (knob) {
  case KNOB_FORMAT:
    return turn_format(knobs, direction);
  case KNOB_BITS:
    return turn_bits(knobs, direction, message, size);
  case KNOB_SCHEME:
    return turn_scheme(knobs, message, size);
  case KNOB_RANGE:
    return turn_range(knobs, message, size);
  case KNOB_GRANULARITY:
    return turn_granularity(knobs, direction);
  case KNOB_AXIS:
    return turn_axis(knobs, direction, shape, message, size);
  case KNOB_GROUP:
    return turn_group(knobs, direction, message, size);
  case KNOB_CALIBRATOR:
    return turn_calibrator(knobs, direction);
  case KNOB_PARAMETER:
    return turn_parameter(knobs, direction, message, size);
  case KNOB_COUNT:
    break;
  }
  return false;
}

/* A format whose blocks refuse the rows of SHAPE pads them: a key that turns to it must not end
 * at an error. */
static void pad_rows(struct knobs *knobs, const struct shape *shape, char *message, size_t size)
{
  struct quantizer *quantizer = &knobs->quantizer;
  const struct block_codec *codec = codec_of(quantizer);
  size_t columns = shape->dims ? shape->dim[shape->dims - 1] : 1;
  if (!codec || codec->pads || quantizer->block.pad || columns % codec->length == 0)
    return;
  quantizer->block.pad = true;
  snprintf(message, size, "%s: rows of %zu are padded with zeros to blocks of %zu", codec->name,
           columns, codec->length);
}

bool knob_turn(struct knobs *knobs, enum knob knob, int direction, const struct shape *shape,
               char *message, size_t size)
{
  struct knobs before = *knobs;
  struct error error;
  if (!turn(knobs, knob, direction, shape, message, size))
    return false;
  if (knob == KNOB_FORMAT || knob == KNOB_BITS)
    pad_rows(knobs, shape, message, size);
  if (settle(knobs, &error) == STATUS_OK)
    return true;
  *knobs = before;
  snprintf(message, size, "%s", error.text);
  return false;
}

/* --- as text ------------------------------------------------------------------------- */

const char *knob_label(enum knob knob)
{
  static const char *const labels[KNOB_COUNT] = {
      [KNOB_FORMAT] = "format", [KNOB_BITS] = "bits",        [KNOB_SCHEME] = "scheme",
      [KNOB_RANGE] = "range",   [KNOB_GRANULARITY] = "per",  [KNOB_AXIS] = "axis",
      [KNOB_GROUP] = "group",   [KNOB_CALIBRATOR] = "calib", [KNOB_PARAMETER] = "param",
  };
  return labels[knob];
}

bool knob_active(const struct knobs *knobs, enum knob knob)
{
  const struct quantizer *quantizer = &knobs->quantizer;
  const struct block_codec *codec = codec_of(quantizer);
  if (codec)
    return knob == KNOB_FORMAT || knob == KNOB_BITS || knob == KNOB_PARAMETER ||
           (knob == KNOB_GROUP && codec->resizes) ||
           (knob == KNOB_CALIBRATOR && (codec->rules || codec->variants));
  switch (knob) {
  case KNOB_SCHEME:
    return is_integer(quantizer->format);
  case KNOB_RANGE:
    return is_integer(quantizer->format) && !quantizer->asymmetric;
  case KNOB_GROUP:
    return quantizer->granularity.kind == GRAIN_GROUP;
  case KNOB_AXIS:
    return quantizer->granularity.kind == GRAIN_CHANNEL;
  case KNOB_PARAMETER:
    return quantizer->by != BY_CALIBRATOR || quantizer->calibrator->parameter;
  default:
    return true;
  }
}

static void range_text(const struct quantizer *quantizer, char *text, size_t size)
{
  if (!is_integer(quantizer->format)) {
    snprintf(text, size, "+-%g", format_max(quantizer->format));
    return;
  }
  long lowest, highest;
  quantizer_code_range(quantizer, &lowest, &highest);
  snprintf(text, size, "%s %ld..%ld", quantizer->narrow ? "narrow" : "full", lowest, highest);
}

static void axis_text(const struct knobs *knobs, const struct shape *shape, char *text, size_t size)
{
  unsigned axis;
  if (shape_axis(shape, knobs->axis, &axis))
    snprintf(text, size, "%u (%zu)", axis, shape->dim[axis]);
  else
    snprintf(text, size, "%s", shape->dims ? "?" : "none");
}

static void parameter_text(const struct quantizer *quantizer, char *text, size_t size)
{
  if (quantizer->by == BY_SCALE)
    snprintf(text, size, "%.4g", quantizer->scale);
  else if (quantizer->by == BY_RANGE)
    snprintf(text, size, "%.3g..%.3g", quantizer->lo, quantizer->hi);
  else if (quantizer->calibrator->parameter)
    snprintf(text, size, "%s=%.8g", quantizer->calibrator->parameter, quantizer->parameter);
  else
    snprintf(text, size, "none");
}

static const char *calibrator_word(const struct quantizer *quantizer)
{
  if (quantizer->by == BY_CALIBRATOR)
    return quantizer->calibrator->name;
  if (quantizer->by == BY_RANGE)
    return "range by hand";
  return quantizer->scale == 1 && quantizer->zero == 0 ? "plain cast" : "scale by hand";
}

static const char *block_choice_word(const struct quantizer *quantizer,
                                     const struct block_codec *codec)
{
  static const char *const roundings[] = {"round even", "round away", "round zero"};
  if (codec->rounds)
    return roundings[quantizer->rounding];
  if (codec->four_over_six)
    return quantizer->block.four_over_six ? "4 over 6" : "always 6";
  return quantizer->block.pad ? "pad rows" : "no padding";
}

/* The settings of a format with blocks of its own; false: as for any other. */
static bool block_text(const struct quantizer *quantizer, enum knob knob, char *text, size_t size)
{
  const struct block_codec *codec = codec_of(quantizer);
  const struct block_choice *choice = &quantizer->block;
  switch (knob) {
  case KNOB_SCHEME:
    snprintf(text, size, "fixed");
    return true;
  case KNOB_GRANULARITY:
    snprintf(text, size, "block");
    return true;
  case KNOB_GROUP:
    snprintf(text, size, "%zu", choice->length ? choice->length : codec->length);
    return true;
  case KNOB_CALIBRATOR:
    snprintf(text, size, "%s",
             codec->rules      ? codec->rules[choice->rule]
             : codec->variants ? codec->variants[choice->variant]
                               : "its own");
    return true;
  case KNOB_PARAMETER:
    snprintf(text, size, "%s", block_choice_word(quantizer, codec));
    return true;
  default:
    return false;
  }
}

char *knob_text(const struct knobs *knobs, enum knob knob, const struct shape *shape, char *text,
                size_t size)
{
  static const char *const granularities[] = {"tensor", "channel", "token", "group"};
  const struct quantizer *quantizer = &knobs->quantizer;
  snprintf(text, size, "%s", "");
  if (format_is_block(quantizer->format) && block_text(quantizer, knob, text, size))
    return text;
  switch (knob) {
  case KNOB_FORMAT:
    return format_label(quantizer->format, text, size);
  case KNOB_BITS:
    snprintf(text, size, "%d", quantizer->format->bits);
    break;
  case KNOB_SCHEME:
    snprintf(text, size, "%s", quantizer->asymmetric ? "asymmetric" : "symmetric");
    break;
  case KNOB_RANGE:
    range_text(quantizer, text, size);
    break;
  case KNOB_GRANULARITY:
    snprintf(text, size, "%s", granularities[quantizer->granularity.kind]);
    break;
  case KNOB_AXIS:
    axis_text(knobs, shape, text, size);
    break;
  case KNOB_GROUP:
    snprintf(text, size, "%zu", knobs->group);
    break;
  case KNOB_CALIBRATOR:
    snprintf(text, size, "%s", calibrator_word(quantizer));
    break;
  case KNOB_PARAMETER:
    parameter_text(quantizer, text, size);
    break;
  case KNOB_COUNT:
    break;
  }
  return text;
}
