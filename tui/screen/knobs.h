/* The knobs: the quantizer as settings that turn one step either way.
 *
 * A turn always gives a quantizer that passes quantizer_check: impossible combinations are
 * skipped, or refused with the reason. What a format cannot have (a zero point under e4m3) is
 * remembered for the next format that can; so are the conventions of a system (scale rule,
 * arithmetic, codes), which otherwise stay as they are. Under a format with blocks of its own the
 * calibrator knob turns its scale rule or variant, the parameter its further choice, the group its
 * block length. Ownership: plain values. Threads: no state. */
#ifndef QSCOPE_TUI_SCREEN_KNOBS_H
#define QSCOPE_TUI_SCREEN_KNOBS_H

#include "quant/quantizer.h"

#include <stdbool.h>
#include <stddef.h>

enum knob {
  KNOB_FORMAT,
  KNOB_BITS,
  KNOB_SCHEME,
  KNOB_RANGE,
  KNOB_GRANULARITY,
  KNOB_AXIS,
  KNOB_GROUP,
  KNOB_CALIBRATOR,
  KNOB_PARAMETER,
  KNOB_COUNT
};

struct knobs {
  struct quantizer quantizer;
  int axis;                     /* of the channels, also while the granularity is another */
  size_t group;                 /* the same for the group */
  bool asymmetric, narrow;      /* wishes, for formats that can */
  struct quantizer conventions; /* another wish: its rule, eps, arithmetic and codes */
  const struct format *integer; /* the integer format to come back to */
  struct quantizer element;     /* what a block format leaves no choice in, to come back to */
  struct granularity shares;    /* what a format with its own sharing replaced, while `lent` */
  bool lent;
};

/* Knobs set to QUANTIZER, channels along AXIS. */
struct knobs knobs_of(const struct quantizer *quantizer, int axis);

/* Turns KNOB by DIRECTION (+1, -1) for a tensor of SHAPE. True when something changed; MESSAGE
 * then says what else happened, or is empty. False: nothing changed, and MESSAGE says why. */
bool knob_turn(struct knobs *knobs, enum knob knob, int direction, const struct shape *shape,
               char *message, size_t size);

/* The name of KNOB, and its setting as people read it, into TEXT; returns TEXT. */
const char *knob_label(enum knob knob);
char *knob_text(const struct knobs *knobs, enum knob knob, const struct shape *shape, char *text,
                size_t size);
/* False when the knob has no meaning under the others (a zero point for e4m3). */
bool knob_active(const struct knobs *knobs, enum knob knob);

#endif
