/* The command line: one table of options, one of subcommands; the help is made from both.
 *
 * Ownership: options borrow the words of argv; options_clear frees the rest. Threads: the main
 * thread. */
#ifndef QSCOPE_TUI_CLI_OPTIONS_H
#define QSCOPE_TUI_CLI_OPTIONS_H

#include "analysis/recipe.h"
#include "analysis/report.h"
#include "quant/base/status.h"
#include "tui/base/settings.h"
#include "tui/cli/layer_options.h"
#include "tui/figure/draw.h"
#include "tui/screen/app.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What `--codes` and its sisters save. */
enum save_kind {
  SAVE_CODES,
  SAVE_DEQUANTIZED,
  SAVE_SCALES,
  SAVE_ZERO_POINTS,
  SAVE_PACKED,
  SAVE_CODEBOOK,
  SAVE_GROUP_INDEX,
  SAVE_FACTORS,
  SAVE_BIAS,
  SAVE_KINDS
};

struct options {
  const char *const *operand; /* what is left of argv, without the subcommand */
  int operands;
  const char **tensor; /* -t, in order; owned array of borrowed words */
  size_t tensors;
  struct quantizer quantizer[RECIPE_QUANTIZERS];
  size_t quantizers;
  struct transform transform; /* --transform */
  size_t pin_transforms;      /* --pin-transform */
  struct transform pin_transform[RECIPE_QUANTIZERS];
  const char *pin_tensor[RECIPE_PINS]; /* --pin-tensor */
  size_t pin_tensors;
  struct layer_options layer;
  struct view view;
  bool view_given;
  enum report_style style;
  const char *input_format; /* --input-format, or NULL */
  const char *compare;      /* --compare, or NULL */
  const char *output;       /* -o, or NULL */
  const char *data;         /* --data, or NULL */
  const char *values;       /* --values, or NULL */
  const char *element;      /* --element, or NULL */
  struct batching batching; /* --batches AXIS */
  bool batch_tensors;       /* --batches tensors */
  const char *calibrate_on; /* --calibrate-on, or NULL */
  const char *evaluate_on;  /* --evaluate-on, or NULL */
  const char **check;       /* --check, in order; owned array of borrowed words */
  size_t check_count;
  const char **rename; /* --rename, in order; owned array of borrowed words */
  size_t rename_count;
  const char **line;        /* -c, in order; owned array of borrowed words */
  const char *sort;         /* --sort, or NULL */
  const char *filter;       /* --filter, or NULL */
  bool tree, stats;         /* --tree, --stats */
  size_t top;               /* --top; 0: all */
  bool align;               /* --align */
  bool checks;              /* --checks */
  bool what_if;             /* --what-if */
  const char *levels;       /* --levels, or NULL */
  const char *distribution; /* --distribution, or NULL */
  const char *save[SAVE_KINDS];
  struct figure_options figure;
  struct app_options app;
  bool glyph_test;           /* --glyph-test */
  bool named;                /* the subcommand was written out */
  bool metadata;             /* --metadata */
  bool asks_more;            /* than to open its source: a tensor, quantizers, a view ... */
  bool restore_asked;        /* --restore */
  bool restore;              /* the same, or as a setting: where it is possible */
  bool ignore_config;        /* --ignore-config */
  struct settings *settings; /* of the user, whose words others borrow; or NULL */
  bool print, verbose, help, version;
};

/* One row for each subcommand. RUN returns STATUS_OK, or fills ERROR with what to say. */
struct command {
  const char *name;
  const char *operands; /* for the usage line */
  const char *summary;
  unsigned mask; /* one bit, for the options' table */
  int most;      /* operands it takes */
  enum status (*run)(const struct options *options, struct error *error);
};

extern const struct command command_table[];
extern const size_t command_table_length;

/* Reads ARGV. *command is the subcommand (the first operand, or the explorer). STATUS_USAGE with
 * a sentence that names the nearest right word. */
enum status options_parse(int argc, char **argv, struct options *out,
                          const struct command **command, struct error *error);
void options_clear(struct options *options);

/* The help of COMMAND, or of the whole program (NULL). */
void options_help(FILE *out, const struct command *command);

#endif
