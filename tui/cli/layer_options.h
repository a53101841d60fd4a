/* The options of a layer: its tokens, methods and quantizers. Behind a source, -t names a tensor of
 * it.
 *
 * Ownership: borrows the words of argv. Threads: the main thread. */
#ifndef QSCOPE_TUI_CLI_LAYER_OPTIONS_H
#define QSCOPE_TUI_CLI_LAYER_OPTIONS_H

#include "analysis/recipe.h"

/* What the words say. */
struct layer_options {
  const char *weight;                         /* --weight, or NULL: the operand */
  const char *activation, *activation_tensor; /* --activation and the -t behind it, or NULL */
  const char *evaluate, *evaluate_tensor;     /* --evaluate and the -t behind it, or NULL */
  const char **naming; /* while it is read: which of these -t names; NULL: the weight */
  size_t methods;      /* -m */
  struct method_choice method[VIEW_METHODS];
  bool lists_methods; /* -m list */
  bool quantizes_activation;
  struct quantizer activation_quantizer; /* --activation-quantizer */
  double hold_out;                       /* --hold-out, or 0 */
  bool transposed;                       /* --transpose-weight */
  const char *weight_out;                /* --weight-out, or NULL */
};

/* For the table of options: MEMBER is the struct (hold-out: its share). STATUS_USAGE. */
enum status layer_apply_weight(void *member, const char *text, struct error *error);
enum status layer_apply_activation(void *member, const char *text, struct error *error);
enum status layer_apply_evaluate(void *member, const char *text, struct error *error);
enum status layer_apply_method(void *member, const char *text, struct error *error);
enum status layer_apply_activation_quantizer(void *member, const char *text, struct error *error);
enum status layer_apply_hold_out(void *member, const char *text, struct error *error);

/* Puts LAYER, and SORT (--sort, or NULL), into RECIPE. Who says something of a layer wants to see
 * it, unless --view or --compare named another view (VIEW_GIVEN), which has no use for it:
 * STATUS_USAGE. */
enum status layer_options_set(const struct layer_options *layer, const char *sort, bool view_given,
                              struct recipe *recipe, struct error *error);

#endif
