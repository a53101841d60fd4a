/* The methods that quantize a linear layer: a table, one row and one file each.
 *
 * A method is written as a word with its options: "gptq,actorder,damp=0.01", "awq,clip". It is
 * given a layer, the quantizer of the weights and, where activations are quantized, theirs; what it
 * makes is W', what is done to the inputs, and what has to be stored.
 *
 * Ownership: methods and tasks are plain values that borrow; layer_made_free. Threads: a run is
 * parallel inside; one run at a time for a layer. */
#ifndef QSCOPE_QUANT_LAYER_METHOD_H
#define QSCOPE_QUANT_LAYER_METHOD_H

#include "quant/layer/inputs.h"
#include "quant/layer/layer.h"
#include "quant/quantizer.h"

enum { METHOD_OPTIONS = 8, METHOD_TEXT = 256, METHOD_SAID = 240 };

/* What may follow the name of a method. */
struct method_option {
  const char *word; /* "damp"; NULL: no more */
  enum { METHOD_FLAG, METHOD_NUMBER, METHOD_CHOICE } kind;
  double value, least, most; /* of a number: the default (below the bounds: automatic), the bounds;
                                of a flag: 0; of a choice: its place among the choices */
  bool whole;                /* whole numbers only */
  const char *choices;       /* "reference|quantizer" */
  const char *summary;       /* a few words */
};

struct layer_task;
struct layer_made;

struct method {
  const char *name;      /* "gptq" */
  const char *summary;   /* one line: what it does */
  const char *why;       /* one line: when it helps */
  const char *reference; /* whose arithmetic it is; NULL: ours */
  struct method_option option[METHOD_OPTIONS];
  /* Fills MADE, whose inputs are set to the task's activation quantizer beforehand. On failure what
   * MADE holds is freed by the caller. STATUS_USAGE (a sentence: what the method cannot take),
   * STATUS_CANCELLED, STATUS_MEMORY. */
  enum status (*run)(const struct layer_task *task, struct layer_made *made, struct error *error);
};

extern const struct method method_table[];
extern const size_t method_table_length;
const struct method *method_find(const char *name); /* or NULL */

/* A method with the values of its options, in the order of its row. */
struct method_choice {
  const struct method *method;
  double option[METHOD_OPTIONS];
};

/* METHOD with its defaults. */
struct method_choice method_plain(const struct method *method);

/* How many options METHOD has. */
size_t method_option_count(const struct method *method);
/* Whether VALUE leaves a number to the method: it lies beyond the bounds. */
bool method_option_is_automatic(const struct method_option *option, double value);
/* Word PLACE of a choice, not ended by a 0, and its length; NULL: it has no such word. */
const char *method_option_word(const struct method_option *option, size_t place, int *length);
/* VALUE as people read it: "on", "off", "auto", "0.01", "reference"; into TEXT (METHOD_TEXT bytes),
 * which is returned. */
char *method_option_print(const struct method_option *option, double value, char *text);

/* Reads "gptq,actorder,damp=0.01". STATUS_USAGE names the word, what it may be, or the nearest. */
enum status method_parse(const char *text, struct method_choice *out, struct error *error);
/* The text that method_parse reads back: the name and the options that are not as by default; into
 * TEXT (METHOD_TEXT bytes), which is returned. */
char *method_print(const struct method_choice *choice, char *text);

/* The same method with the same values. */
bool method_choice_equal(const struct method_choice *a, const struct method_choice *b);

struct layer_task {
  const struct layer *layer;
  struct quantizer weight;
  bool quantizes_activation;
  struct quantizer activation;
  struct method_choice method;
  bool keeps_codes; /* made->codes are wanted */
  struct progress *progress;
};

/* What a search has tried: the loss at each candidate, one line (height 1) or a surface. */
struct method_search {
  const char *across, *down; /* what the candidates are: "alpha"; down: NULL for a line */
  const char *loss;          /* what was measured: "output MSE" */
  size_t width, height;
  double *x, *y; /* width; height (NULL for a line) */
  double *value; /* height x width, row by row */
  size_t best;   /* index into value */
};

/* Codes as they are stored: one scale and one zero point for each group of a row. */
struct method_codes {
  uint16_t *code;  /* rows x columns */
  float *scale;    /* rows x groups */
  float *zero;     /* the same; NULL: symmetric */
  size_t groups;   /* in each row */
  uint32_t *group; /* of each column (g_idx); NULL: neighbours, in order */
};

struct layer_made {
  float *weight; /* rows x columns: what stands for W, in the domain of X (factors and rotations are
                    taken back), so that X' weightᵀ is the layer's output */
  struct layer_inputs inputs;
  float *bias;        /* rows: added to each output; NULL: none */
  double stored_bits; /* of the weights: codes, scales, zero points, what else must be kept */
  struct method_codes codes;
  struct method_search search; /* width 0: none */
  char said[METHOD_SAID];      /* what it did, a sentence without a full stop; may be empty */
};

/* Runs the method. Fails with the message of the method, which names it. */
enum status method_run(const struct layer_task *task, struct layer_made *made, struct error *error);
void layer_made_free(struct layer_made *made);

/* The value of option WORD of the task's method (which has it). */
double method_value(const struct layer_task *task, const char *word);
/* The same of a choice: the word that was chosen, in TEXT (METHOD_TEXT bytes), which is returned.
 */
char *method_word(const struct layer_task *task, const char *word, char *text);

#endif
