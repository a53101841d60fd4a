/* The calibrator table: how the range of a unit is chosen.
 *
 * A calibrator sees the values of one unit (whatever shares a scale), in batches where they came in
 * batches, and answers with a range, or with a scale outright. One row here and one file
 * cal_<name>.c each. Ownership: the table is constant; choose() borrows the sample. Threads:
 * choose() is called for many units at once; rows keep no state. */
#ifndef QSCOPE_QUANT_CALIBRATOR_H
#define QSCOPE_QUANT_CALIBRATOR_H

#include "quant/base/status.h"
#include "quant/family.h"
#include "quant/sample.h"

#include <stdbool.h>

enum { CALIBRATOR_OPTIONS = 6 };

struct quantizer;
struct scale_rule; /* scale_rule.h */

/* What the range is for. */
struct calibration {
  const struct format *format;
  bool asymmetric, narrow;
  enum rounding rounding;
  double parameter;                  /* percentile=P and the like */
  double option[CALIBRATOR_OPTIONS]; /* in the order of the row's options */
  bool pow2;                         /* scales: see struct quantizer */
  const struct format *scale_type;
  const struct scale_rule *rule; /* NULL: the default rules below */
  double eps;                    /* least scale; 0: what the rule says */
  enum arithmetic arithmetic;
  bool limited; /* see struct quantizer, these too: */
  long code_lo, code_hi;
  bool unsigned_codes, signed_codes;
};

struct choice {
  double lo, hi;  /* symmetric: hi is the clip threshold, lo = -hi; a rule may use both sides */
  bool has_scale; /* the calibrator fixed the scale (and zero point) itself: mse */
  float scale;
  long zero;      /* from 0, as in struct scaling */
  float offset;   /* rules with a free minimum */
  bool at_end;    /* of a search: the best candidate was the first or the last one */
  char note[120]; /* what people should know of this choice; empty: nothing */
};

/* How a unit is quantized: r = round((x - offset) / scale), y = r * scale + offset. */
struct scaling {
  float scale;
  long zero;        /* the code of r = 0, from 0; 0 when symmetric */
  float offset;     /* rules with a free minimum: y = code * scale + offset; else 0 */
  float multiplier; /* ARITHMETIC_MULTIPLY: max / absmax; 0: 1 / scale */
};

/* A further number that a calibrator takes: "bins=2048". */
struct calibrator_option {
  const char *word;
  double value, least, most; /* value: the default */
  bool whole;                /* whole numbers only */
  const char *summary;       /* a few words */
};

struct calibrator {
  const char *name;                  /* the word in the spec */
  const char *parameter;             /* name of its number ("P"), NULL without one */
  double default_value, least, most; /* of the parameter */
  struct calibrator_option option[CALIBRATOR_OPTIONS]; /* the rest: word NULL */
  const char *summary;                                 /* one line for `qscope calibrators` */
  const char *explanation; /* three sentences: what it does, when it is good, when it is not */
  const char *reference;   /* whose rule it is: "NVIDIA/Model-Optimizer"; NULL: ours */
  bool integers_only;      /* its rule supposes evenly spaced levels */
  bool magnitude;          /* the range is +- the largest magnitude: the extremes tell */
  bool running;            /* what it chooses depends on how the values came in batches */
  /* Why the rule has no meaning for QUANTIZER (a sentence), NULL when it has. NULL: always has. */
  const char *(*refuse)(const struct quantizer *quantizer);
  /* The sample has at least one finite value and is not all zero. STATUS_OK, STATUS_MEMORY,
   * STATUS_CANCELLED. NULL for minmax: the sample's extremes are the answer. */
  enum status (*choose)(const struct calibration *calibration, const struct sample *sample,
                        struct choice *choice, struct error *error);
};

extern const struct calibrator calibrator_table[];
extern const size_t calibrator_table_length;

/* True when the extremes of a unit are all that CALIBRATOR asks for. */
bool calibrator_by_extremes(const struct calibrator *calibrator);

/* The row named WORD, or NULL. */
const struct calibrator *calibrator_find(const char *word);

/* The parameter that CALIBRATOR takes for FORMAT when the spec leaves it out: percentile cuts
 * more at fewer bits (99.99 at 8 and more, 99.9 at 6 and 7, 99 below); else default_value. */
double calibrator_default(const struct calibrator *calibrator, const struct format *format);

/* Fills OPTION (CALIBRATOR_OPTIONS of them) with the defaults of CALIBRATOR. */
void calibrator_options(const struct calibrator *calibrator, double *option);

/* The default scale rules, shared by all calibrators that answer with a range. Symmetric:
 * scale = max(|lo|, |hi|) / format_max, in float32 division of the float32 threshold.
 * Asymmetric: range widened to contain 0, scale = (hi - lo) / (levels - 1) in float32, zero
 * point = round_half_even(-lo / scale) clamped to the codes. The symmetric full scheme clamps to
 * -2^(b-1)..2^(b-1)-1 all the same: with scale = absmax / 127 the code -128 stays for hand-made
 * scales. A zero range gives scale 1; a scale below the smallest positive float32 is raised to
 * it. A choice that has a scale passes through. Last of all the scale is rounded as the spec says
 * (calibration_stored_scale); the zero point of a range goes with the rounded scale.
 * No scale makes a float32 reconstruct to infinity: where a range is so wide that its ends, rounded
 * to codes, would lie beyond float32, the scale shrinks until they do not.
 * With a rule in CALIBRATION, that rule takes the place of all this: see scale_rule.h. */
void calibration_scale(const struct calibration *calibration, const struct choice *choice,
                       struct scaling *scaling);

/* The unit that SCALING gives under the grid of CALIBRATION: with it, format->family->run is the
 * round trip that the quantizer will make. For searches that try candidates. */
struct unit calibration_unit(const struct grid *grid, const struct scaling *scaling);

/* SCALE as it is stored: up to a power of two (pow2), then to the nearest number of scale_type, at
 * least its smallest and at most its largest. */
float calibration_stored_scale(const struct calibration *calibration, float scale);

/* True when the default rules make the scales, and nothing rounds them afterwards. */
bool calibration_is_plain(const struct calibration *calibration);

/* The grid that CALIBRATION is for; searches suppose that it saturates. */
struct grid calibration_grid(const struct calibration *calibration);

#endif
