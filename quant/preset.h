/* The table of presets: a quantizer as a named system makes it, odd conventions and all. A preset
 * is the name of a spec: nothing knows presets but the spec reader and whoever lists them.
 *
 * Ownership: constant. Threads: no state. */
#ifndef QSCOPE_QUANT_PRESET_H
#define QSCOPE_QUANT_PRESET_H

#include <stddef.h>

struct preset {
  const char *name;      /* "pytorch-qint8": where a spec has its format */
  const char *spec;      /* what it stands for */
  const char *system;    /* "PyTorch" */
  const char *rules;     /* the exact rules in one line */
  const char *differs;   /* what it differs in from int8,sym,tensor,minmax and its like */
  const char *reference; /* "pytorch/pytorch:torch/ao/quantization/observer.py" */
};

extern const struct preset preset_table[];
extern const size_t preset_table_length;

/* The row named NAME (case does not matter), or NULL. */
const struct preset *preset_find(const char *name);

#endif
