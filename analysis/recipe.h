/* A recipe: source + tensor + quantizers + view, as a command line.
 *
 *   qscope synth:gaussian -t gaussian -q int8,sym,tensor,minmax --view histogram --log
 *
 *   qscope sweep synth:gaussian -t gaussian -q int4,sym,group=32,minmax --over group=16,32
 *
 * Pasted into a shell it opens the explorer on that state; a subcommand put behind "qscope"
 * makes a figure or a report of it. Words are quoted for a POSIX shell where they need it: in
 * single quotes; names with control characters or invalid UTF-8 in $'...' with octal escapes, so
 * that the recipe is always one line of printable UTF-8 that can be pasted. Ownership: recipe_clear
 * frees the strings; recipe_parse and the setters copy. Threads: one at a time. */
#ifndef QSCOPE_ANALYSIS_RECIPE_H
#define QSCOPE_ANALYSIS_RECIPE_H

#include "analysis/view.h"
#include "data/batches.h"
#include "data/rename.h"
#include "data/transform.h"
#include "quant/base/status.h"
#include "quant/quantizer.h"

#include <stddef.h>

enum {
  RECIPE_QUANTIZERS = 16,
  RECIPE_BINS = 65536, /* the most a recipe may ask for */
  RECIPE_RENAMES = 16,
};

/* What a source is compared with. */
struct comparand {
  char *source; /* NULL: with nothing */
  bool align;   /* lay tensors over each other as they agree */
  size_t renames;
  char *rename[RECIPE_RENAMES]; /* "FROM=TO" */
};

/* Data beside the tensor: tokens that go into its layer. */
struct recipe_data {
  char *source; /* NULL: none was named */
  char *tensor; /* NULL: the one that fits */
};

enum { RECIPE_PINS = 4, RECIPE_PIN_NAME = 256 };

struct recipe {
  char *source;       /* NULL: the gallery */
  char *input_format; /* what the source is, where that is not recognised; or NULL */
  char *tensor;       /* NULL: the only one */
  size_t quantizers;
  struct quantizer quantizer[RECIPE_QUANTIZERS];
  struct transform transform; /* of the tensor, along view.axis; kind TRANSFORM_NONE: none */
  size_t pin_transforms;      /* of the first quantizers, which have others than that: */
  struct transform pin_transform[RECIPE_QUANTIZERS];
  size_t pin_tensors; /* of the first quantizers, which are of these tensors: */
  char pin_tensor[RECIPE_PINS][RECIPE_PIN_NAME];
  struct view view;
  struct batching batching; /* --batches */
  char *calibrate_on;       /* other data to calibrate on: TENSOR, SOURCE:TENSOR, SOURCE; or NULL */
  struct comparand compare;
  struct recipe_data activation, evaluate; /* tokens of the layer: calibration, held out */
  struct recipe_data *naming; /* while it is read: whose tensor -t names; NULL: the recipe's */
  bool sweep;                 /* the numbers of a sweep over view.over, instead of a view */
};

void recipe_init(struct recipe *recipe);
void recipe_clear(struct recipe *recipe);
/* What is done to the tensor before quantizer I of RECIPE. */
struct transform recipe_transform(const struct recipe *recipe, size_t i);
/* Adds NAME to the tensors of pins. STATUS_USAGE: too many, or too long. */
enum status recipe_add_pin_tensor(struct recipe *recipe, const char *name, struct error *error);
/* STATUS_USAGE: not as many transforms or tensors of pins as there are quantizers but for the last.
 */
enum status recipe_check_pins(const struct recipe *recipe, struct error *error);
bool recipe_set(struct recipe *recipe, const char *source, const char *tensor);
bool recipe_set_input_format(struct recipe *recipe, const char *type);
bool recipe_set_data(struct recipe_data *data, const char *source, const char *tensor);
bool recipe_set_comparand(struct recipe *recipe, const struct comparand *compare);

void comparand_clear(struct comparand *comparand);
/* A copy of FROM in *OUT, which is overwritten; false (and nothing) when memory runs out. */
bool comparand_copy(const struct comparand *from, struct comparand *out);
/* Its rules, which borrow its words, into RULE; their number into *COUNT. STATUS_USAGE names the
 * one that is none. */
enum status comparand_rules(const struct comparand *comparand,
                            struct rename_rule rule[RECIPE_RENAMES], size_t *count,
                            struct error *error);

/* The recipe as one line, without a newline; a new string that the caller frees, NULL when
 * memory runs out. Default view settings are left out. recipe_parse reads it back. */
char *recipe_print(const struct recipe *recipe);

/* Reads a recipe as printed (with or without the leading "qscope" and subcommand). Quoting as a
 * POSIX shell does it, without expansions. STATUS_USAGE names the word (and the nearest option);
 * *out is then as recipe_init leaves it. What *out held before is overwritten, not freed. */
enum status recipe_parse(const char *text, struct recipe *out, struct error *error);

#endif
