/* The table of scale rules: how a range becomes scale and zero point. Systems agree on the range
 * and still differ here: by the number they divide by, by what the zero point is rounded from, by
 * the least scale they allow.
 *
 * One row each, all in scale_rule.c. Ownership: constant. Threads: no state. */
#ifndef QSCOPE_QUANT_SCALE_RULE_H
#define QSCOPE_QUANT_SCALE_RULE_H

#include "quant/calibrator.h"

enum { SCALE_RULES_MOST = 64 };

/* What a rule is told. */
struct scale_input {
  float lo, hi;      /* the range as the calibrator chose it */
  double qmin, qmax; /* codes as they are numbered; small floats: -+ the largest number */
  double middle;     /* the code of 0 in the symmetric scheme */
  float eps;         /* least scale */
  bool asymmetric;
  bool limited; /* codes=LO:HI was said */
  int bits;
};

struct scale_rule {
  const char *name;
  const char *formula;        /* one line, a = max |x| */
  bool symmetric, asymmetric; /* schemes it has */
  bool integers;              /* it speaks of codes: not for small floats */
  bool offset;                /* a free minimum: zero need not be on the grid */
  bool clamps_whole_type;     /* codes=LO:HI makes the scale; the type's own range clamps */
  bool spares_a_code; /* symmetric scales of more than 4 bits come of an even number of steps */
  double eps;
  /* Fills scale, and zero as INPUT numbers codes (offset: the offset). */
  void (*make)(const struct scale_input *input, struct scaling *out);
  const char *reference; /* NULL: no system's own */
};

extern const struct scale_rule scale_rule_table[];
extern const size_t scale_rule_table_length;

/* The row named NAME, or NULL. */
const struct scale_rule *scale_rule_find(const char *name);

/* Applies RULE to the range LO..HI of CALIBRATION. OUT's zero counts codes from 0, see struct
 * scaling. */
void scale_rule_apply(const struct scale_rule *rule, const struct calibration *calibration,
                      float lo, float hi, struct scaling *out);

#endif
