#include "tui/cli/options.h"

#include "quant/base/nearest.h"
#include "quant/base/size.h"
#include "tui/base/xdg.h"
#include "tui/cli/commands.h"
#include "tui/cli/layer_options.h"
#include "tui/cli/option_values.h"
#include "tui/cli/user_settings.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- the table ----------------------------------------------------------------------- */

enum {
  STATE = COMMAND_EXPLORE | COMMAND_PLOT | COMMAND_REPLAY,
  DRAWS = COMMAND_PLOT | COMMAND_REPLAY | COMMAND_SWEEP | COMMAND_BOARD | COMMAND_LAYER,
  SCREEN = COMMAND_EXPLORE | COMMAND_REPLAY,
  CELLS = SCREEN | COMMAND_PLOT, /* where pictures are made of characters */
};

#define MEMBER(name) offsetof(struct options, name)

static const struct row {
  const char *name;
  int letter;
  const char *argument;
  const char *help;
  unsigned commands;
  size_t member; /* what apply sets: its place in struct options; 0: the options themselves */
  option_function *apply;
} rows[] = {
    {"tensor", 't', "NAME", "the tensor, by name or pattern (report: repeatable)",
     STATE | COMMAND_REPORT | COMMAND_INSPECT | COMMAND_SWEEP | COMMAND_BOARD | COMMAND_DIFF |
         COMMAND_LAYER,
     0, option_apply_tensor},
    {"input-format", 0, "TYPE", "what SOURCE is: npy, text ...; where it is not recognised",
     STATE | DRAWS | COMMAND_LIST | COMMAND_REPORT | COMMAND_INSPECT | COMMAND_DIFF | COMMAND_LAYER,
     MEMBER(input_format), option_apply_once},
    {"quantizer", 'q', "SPEC", "a quantizer, such as int4,group=128; repeatable",
     STATE | COMMAND_LIST | COMMAND_REPORT | COMMAND_INSPECT | COMMAND_SWEEP | COMMAND_BOARD |
         COMMAND_LAYER,
     0, option_apply_quantizer},
    {"weight", 0, "SRC", "the weight of the layer, as WEIGHT; the -t behind it is of it",
     COMMAND_LAYER, MEMBER(layer), layer_apply_weight},
    {"activation", 0, "SRC", "the tokens that go into the layer; the -t behind it is of it",
     STATE | COMMAND_LAYER, MEMBER(layer), layer_apply_activation},
    {"evaluate", 0, "SRC", "other tokens, to measure on; the -t behind it is of it",
     STATE | COMMAND_LAYER, MEMBER(layer), layer_apply_evaluate},
    {"hold-out", 0, "SHARE", "or this share of the tokens, the last ones: 0.25 or 25%",
     STATE | COMMAND_LAYER, MEMBER(layer.hold_out), layer_apply_hold_out},
    {"method", 'm', "METHOD", "a method, such as gptq,actorder; repeatable; list: all of them",
     STATE | COMMAND_LAYER, MEMBER(layer), layer_apply_method},
    {"activation-quantizer", 0, "SPEC", "also quantize the tokens, such as int8,token",
     STATE | COMMAND_LAYER, MEMBER(layer), layer_apply_activation_quantizer},
    {"transpose-weight", 0, NULL, "the weight is stored as input x output channels",
     STATE | COMMAND_LAYER, MEMBER(layer.transposed), option_apply_switch},
    {"weight-out", 0, "FILE.npy", "save what a method makes of the weight, float32", COMMAND_LAYER,
     MEMBER(layer.weight_out), option_apply_word},
    {"transform", 0, "T", "smooth=ALPHA, hadamard[=N] or split=K, along --axis; undone behind",
     STATE | COMMAND_REPORT | COMMAND_SWEEP | COMMAND_BOARD, MEMBER(transform),
     option_apply_transform},
    {"pin-transform", 0, "T", "the same for each -q but the last, in their order", STATE, 0,
     option_apply_pin_transform},
    {"pin-tensor", 0, "NAME", "the tensor of each -q but the last: compare tensors", STATE, 0,
     option_apply_pin_tensor},
    {"over", 0, "WHAT", "bits, group, block, clip, percentile, calibrator, format, distribution",
     STATE | COMMAND_SWEEP, MEMBER(view.over), option_apply_over},
    {"metric", 0, "NAME", "sqnr_db, mse or bulk_sqnr_db: what a sweep ranks by",
     STATE | COMMAND_SWEEP, MEMBER(view.metric), option_apply_metric},
    {"rank", 0, "BY", "the board, best first by total, bulk or channel SQNR", STATE | COMMAND_BOARD,
     MEMBER(view.rank), option_apply_rank},
    {"no-pareto", 0, NULL, "a figure of a sweep without the Pareto front", STATE | COMMAND_SWEEP,
     MEMBER(view.front_hidden), option_apply_switch},
    {"view", 0, "VIEW", "histogram, error, channels, heat, sweep, board, inspector, format ...",
     STATE, 0, option_apply_view},
    {"compare", 0, "SOURCE", "what SOURCE, another file, has lost of this one", STATE,
     MEMBER(compare), option_apply_once},
    {"log", 0, NULL, "logarithmic counts", STATE, MEMBER(view.log_counts), option_apply_switch},
    {"range", 0, "LO:HI", "look at this part of the x axis", STATE, MEMBER(view),
     option_apply_range},
    {"axis", 0, "N", "channels along axis N; negative: from the end",
     STATE | COMMAND_LIST | COMMAND_REPORT | COMMAND_DIFF | COMMAND_SWEEP | COMMAND_BOARD,
     MEMBER(view.axis), option_apply_axis},
    {"batches", 0, "AXIS", "calibrate on batches along AXIS; report: or tensors",
     STATE | COMMAND_REPORT | COMMAND_SWEEP | COMMAND_BOARD, 0, option_apply_batches},
    {"calibrate-on", 0, "DATA", "calibrate on DATA: TENSOR, SOURCE:TENSOR or SOURCE",
     (DRAWS & ~COMMAND_LAYER) | COMMAND_REPORT, MEMBER(calibrate_on), option_apply_once},
    {"evaluate-on", 0, "DATA", "and measure on DATA, named in the same way", COMMAND_REPORT,
     MEMBER(evaluate_on), option_apply_once},
    {"channel", 0, "N", "this channel alone", STATE, MEMBER(view.channel), option_apply_channel},
    {"against", 0, "LETTER", "of several quantizers A, B ...: compare the last with this one (A)",
     STATE, MEMBER(view.against), option_apply_against},
    {"block", 0, "N|worst", "the block to inspect, the unit of the board; from 0 (worst)",
     STATE | COMMAND_INSPECT | COMMAND_BOARD, MEMBER(view.block), option_apply_block},
    {"element", 0, "I,J,...", "the block of this element, by its place; from 0", COMMAND_INSPECT,
     MEMBER(element), option_apply_word},
    {"quantity", 0, "NAME", "of the heat map: error, sqnr, absmax or scale", STATE,
     MEMBER(view.quantity), option_apply_quantity},
    {"worst-first", 0, NULL, "rows of the heat map ranked by it, the worst channel first", STATE,
     MEMBER(view.worst_first), option_apply_switch},
    {"part", 0, "R0:R1,C0:C1", "rows and columns that the heat map shows", STATE, MEMBER(view.part),
     option_apply_part},
    {"bins", 0, "N", "bins of the histograms", STATE, MEMBER(view.bins), option_apply_bins},
    {"json", 0, NULL, "write JSON",
     COMMAND_LIST | COMMAND_REPORT | COMMAND_INSPECT | COMMAND_SWEEP | COMMAND_BOARD |
         COMMAND_DIFF | COMMAND_LAYER | COMMAND_METHODS | COMMAND_FORMATS | COMMAND_CALIBRATORS |
         COMMAND_PRESETS | COMMAND_THEORY | COMMAND_EXPERIMENT,
     MEMBER(style), option_apply_json},
    {"csv", 0, NULL, "write comma-separated values",
     COMMAND_LIST | COMMAND_REPORT | COMMAND_SWEEP | COMMAND_BOARD | COMMAND_DIFF | COMMAND_LAYER |
         COMMAND_FORMATS | COMMAND_THEORY,
     MEMBER(style), option_apply_csv},
    {"metadata", 0, NULL, "what the source says about itself; JSON: also that", COMMAND_LIST,
     MEMBER(metadata), option_apply_switch},
    {"values", 0, "FORMAT", "all codes of FORMAT and what they mean", COMMAND_FORMATS,
     MEMBER(values), option_apply_word},
    {"checks", 0, NULL, "also the checks that engineers do by hand", COMMAND_REPORT, MEMBER(checks),
     option_apply_switch},
    {"what-if", 0, NULL, "also the SQNR that smoothing, rotating, clipping ... would give",
     COMMAND_REPORT, MEMBER(what_if), option_apply_switch},
    {"theory", 0, NULL, "fit distributions; measured against predicted",
     STATE | COMMAND_REPORT | COMMAND_BOARD | COMMAND_SWEEP, MEMBER(view.theory),
     option_apply_switch},
    {"check", 0, "ASSERTION", "exit 1 unless it holds: 'sqnr_db>=30'; repeatable",
     COMMAND_REPORT | COMMAND_DIFF, 0, option_apply_check},
    {"rename", 0, "FROM=TO", "what A calls FROM is TO in B; * for any part; repeatable",
     STATE | COMMAND_DIFF, 0, option_apply_rename},
    {"align", 0, NULL, "compare transposed tensors and rotary row orders as they agree",
     STATE | COMMAND_DIFF, MEMBER(align), option_apply_switch},
    {"sort", 0, "KEY", "by size, kurtosis ... (list), sqnr_db ... (diff), output ... (layer)",
     STATE | COMMAND_LAYER | COMMAND_DIFF | COMMAND_LIST, MEMBER(sort), option_apply_word},
    {"filter", 0, "WORDS", "what holds alone: 'attn dtype:bf16 size>1M !role:bias'",
     STATE | COMMAND_LIST, MEMBER(filter), option_apply_word},
    {"tree", 0, NULL, "levels of the names, with totals of each", COMMAND_LIST, MEMBER(tree),
     option_apply_switch},
    {"stats", 0, NULL, "also role, absmax, std, kurtosis, outlier channel, SQNR", COMMAND_LIST,
     MEMBER(stats), option_apply_switch},
    {"top", 0, "N", "the first N tensors alone", COMMAND_DIFF, MEMBER(top), option_apply_top},
    {"levels", 0, "N:M", "numbers of levels: 2:256 (doubling), 2:16:1, 3,15,255", COMMAND_THEORY,
     MEMBER(levels), option_apply_word},
    {"distribution", 0, "NAME", "gaussian, laplace, student-t=NU, gamma, uniform", COMMAND_THEORY,
     MEMBER(distribution), option_apply_word},
    {"output", 'o', "FILE", "write to FILE; a figure: .png, .svg or .pdf", COMMAND_REPORT | DRAWS,
     MEMBER(output), option_apply_word},
    {"data", 0, "FILE.csv", "write the numbers behind the figure, series by series", DRAWS,
     MEMBER(data), option_apply_word},
    {"size", 0, "SIZE", "of the figure: 1600x1000 (pixels), 85x60mm, 85mm (tall as needed)", DRAWS,
     MEMBER(figure), option_apply_size},
    {"dpi", 0, "N", "its resolution; text and lines scale with it (200)", DRAWS, MEMBER(figure.dpi),
     option_apply_dpi},
    {"theme", 0, "NAME", "light or dark; explorer: also auto, NAME or FILE", DRAWS | SCREEN,
     MEMBER(app.theme), option_apply_word},
    {"codes", 0, "FILE.npy", "save the codes", COMMAND_REPORT | COMMAND_LAYER,
     MEMBER(save[SAVE_CODES]), option_apply_word},
    {"dequantized", 0, "FILE.npy", "save the reconstruction, float32", COMMAND_REPORT,
     MEMBER(save[SAVE_DEQUANTIZED]), option_apply_word},
    {"scales", 0, "FILE.npy", "save the scales, float32", COMMAND_REPORT | COMMAND_LAYER,
     MEMBER(save[SAVE_SCALES]), option_apply_word},
    {"zero-points", 0, "FILE.npy", "save the zero points, int32", COMMAND_REPORT | COMMAND_LAYER,
     MEMBER(save[SAVE_ZERO_POINTS]), option_apply_word},
    {"packed", 0, "FILE.npy", "save the bytes as a block format stores them", COMMAND_REPORT,
     MEMBER(save[SAVE_PACKED]), option_apply_word},
    {"codebook", 0, "FILE.npy", "save the levels of a codebook, learned ones too", COMMAND_REPORT,
     MEMBER(save[SAVE_CODEBOOK]), option_apply_word},
    {"group-index", 0, "FILE.npy", "save the group of each input channel (g_idx), int32",
     COMMAND_LAYER, MEMBER(save[SAVE_GROUP_INDEX]), option_apply_word},
    {"factors", 0, "FILE.npy", "save what each input channel is divided by, its weights times",
     COMMAND_LAYER, MEMBER(save[SAVE_FACTORS]), option_apply_word},
    {"bias", 0, "FILE.npy", "save what is added to each output channel", COMMAND_LAYER,
     MEMBER(save[SAVE_BIAS]), option_apply_word},
    {"print", 0, NULL, "print the recipe instead of opening it", COMMAND_REPLAY, MEMBER(print),
     option_apply_switch},
    {"color", 0, "WHEN", "auto, never, 8, 16 or 256", CELLS, MEMBER(app.color), option_apply_color},
    {"ascii", 0, NULL, "no characters beyond ASCII", CELLS, MEMBER(app.ascii), option_apply_switch},
    {"glyphs", 0, "NAME", "auto, eighth, half, quadrant, sextant, octant, braille, ascii", CELLS,
     MEMBER(app.glyphs), option_apply_glyphs},
    {"glyph-test", 0, NULL, "a card of all glyphs, to choose by", SCREEN, MEMBER(glyph_test),
     option_apply_switch},
    {"cache", 0, "MIB", "memory for results to come back to (256)", SCREEN, MEMBER(app.cache),
     option_apply_cache},
    {"hints", 0, "YES|NO", "the line of hints (yes)", SCREEN, MEMBER(app.no_hints),
     option_apply_yes},
    {"mouse", 0, "YES|NO", "the mouse is the explorer's, not the terminal's (yes)", SCREEN,
     MEMBER(app.no_mouse), option_apply_yes},
    {"escape-delay", 0, "MS", "how long the rest of a key's bytes may take (25)", SCREEN,
     MEMBER(app.escape_delay), option_apply_delay},
    {"ignore-config", 0, NULL, "as if there were no settings of the user", SCREEN,
     MEMBER(ignore_config), option_apply_switch},
    {"restore", 0, NULL, "open what was open last; after SOURCE: as it was left", COMMAND_EXPLORE,
     MEMBER(restore), option_apply_switch},
    {"linear", 0, NULL, "sentences in place of a screen: for screen readers, any terminal", SCREEN,
     MEMBER(app.linear), option_apply_switch},
    {"script", 0, "FILE", "do the commands in FILE (-: standard input) without a screen", SCREEN,
     MEMBER(app.script), option_apply_once},
    {"command", 'c', "COMMAND", "do this without a screen, behind the script's; repeatable", SCREEN,
     0, option_apply_command},
    {"screen", 0, "COLUMNSxROWS", "the size of that screen (80x24)", CELLS, MEMBER(app),
     option_apply_screen},
    {"trace-frames", 0, "FILE", "write how long each frame took after its key", SCREEN,
     MEMBER(app.trace), option_apply_word},
    {"threads", 0, "N", "worker threads (all processors)", COMMAND_ANY, 0, option_apply_threads},
    {"verbose", 'v', NULL, "with --version: libraries and instruction sets", COMMAND_ANY,
     MEMBER(verbose), option_apply_switch},
    {"help", 'h', NULL, "this help; after a subcommand, its own", COMMAND_ANY, MEMBER(help),
     option_apply_switch},
    {"version", 'V', NULL, "name and version", COMMAND_ANY, MEMBER(version), option_apply_switch},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* --- parsing --------------------------------------------------------------------------- */

/* The tables getopt_long wants, made from ours. */
struct getopt_tables {
  struct option longs[ROWS + 1];
  char shorts[2 * ROWS + 2];
};

static void make_tables(struct getopt_tables *tables)
{
  char *letter = tables->shorts;
  *letter++ = ':';
  memset(tables->longs, 0, sizeof tables->longs);
  for (int i = 0; i < ROWS; i++) {
    tables->longs[i] = (struct option){
        rows[i].name, rows[i].argument ? required_argument : no_argument, NULL, ROWS + 256 + i};
    if (rows[i].letter) {
      *letter++ = (char)rows[i].letter;
      if (rows[i].argument)
        *letter++ = ':';
    }
  }
  *letter = '\0';
}

static int row_of(int found)
{
  for (int i = 0; i < ROWS; i++)
    if (found == ROWS + 256 + i || (rows[i].letter && found == rows[i].letter))
      return i;
  return -1;
}

/* Says what is wrong where getopt only says that something is: WORD is what it read last. */
static enum status unknown_option(const char *word, struct error *error)
{
  if (optopt > 0 && optopt < 256)
    return error_set(error, STATUS_USAGE, "unknown option '-%c'; see qscope --help", optopt);
  const char *names[ROWS], *name = word + 2;
  size_t length = strcspn(name, "="), like = 0;
  for (int i = 0; i < ROWS; i++)
    if (strncmp(rows[i].name, name, length) == 0)
      names[like++] = rows[i].name;
  if (like > 1)
    return error_set(error, STATUS_USAGE, "option '%s' may be '--%s' or '--%s'", word, names[0],
                     names[1]);
  if (like == 1)
    return error_set(error, STATUS_USAGE, "option '--%s' takes no value", names[0]);
  char typed[64];
  snprintf(typed, sizeof typed, "%.*s", (int)size_min(length, sizeof typed - 1), name);
  for (int i = 0; i < ROWS; i++)
    names[i] = rows[i].name;
  const char *near = nearest_word(typed, names, ROWS);
  return near ? error_set(error, STATUS_USAGE, "unknown option '--%s'; did you mean '--%s'?", typed,
                          near)
              : error_set(error, STATUS_USAGE, "unknown option '--%s'; see qscope --help", typed);
}

/* Applies every option; USED tells for each row whether it occurred. */
static enum status read_options(int argc, char **argv, struct options *out, bool *used,
                                struct error *error)
{
  struct getopt_tables tables;
  make_tables(&tables);
  optind = 1;
  opterr = 0;
  int found;
  while ((found = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1) {
    int row = row_of(found);
    if (found == ':')
      return error_set(error, STATUS_USAGE, "option '%s' needs a value", argv[optind - 1]);
    if (row < 0)
      return unknown_option(argv[optind - 1], error);
    enum status status = rows[row].apply((char *)out + rows[row].member, optarg, error);
    if (status != STATUS_OK) {
      error_prefix(error, "--%s: ", rows[row].name);
      return status;
    }
    used[row] = true;
  }
  out->operand = (const char *const *)(argv + optind);
  out->operands = argc - optind;
  return STATUS_OK;
}

static const struct command *find_command(const char *word)
{
  for (size_t i = 0; i < command_table_length; i++)
    if (strcmp(command_table[i].name, word) == 0)
      return &command_table[i];
  return NULL;
}

/* A word that is no file may be a subcommand with a typo. */
static enum status check_word(const char *word, struct error *error)
{
  enum { MOST = 32 };
  const char *names[MOST];
  struct stat unused;
  size_t count = size_min(command_table_length, MOST);
  if (strpbrk(word, ":/.-") || stat(word, &unused) == 0)
    return STATUS_OK;
  for (size_t i = 0; i < count; i++)
    names[i] = command_table[i].name;
  const char *near = nearest_word(word, names, count);
  if (!near)
    return STATUS_OK;
  return error_set(error, STATUS_USAGE,
                   "no file and no subcommand is called '%s'; did you mean '%s'?", word, near);
}

/* The subcommands that take the options of MASK, for the message. */
static void name_commands(unsigned mask, char *text, size_t size)
{
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < command_table_length && used < size; i++)
    if (mask & command_table[i].mask)
      used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                               command_table[i].name);
}

static enum status check_use(const struct command *command, const struct options *options,
                             const bool *used, struct error *error)
{
  char where[128];
  for (int i = 0; i < ROWS; i++) {
    if (!used[i] || rows[i].commands & command->mask)
      continue;
    name_commands(rows[i].commands, where, sizeof where);
    return error_set(error, STATUS_USAGE, "'%s' has no option '--%s' (it belongs to: %s)",
                     command->name, rows[i].name, where);
  }
  if (options->operands > command->most)
    return error_set(error, STATUS_USAGE, "%s: one word too many: '%s'", command->name,
                     options->operand[command->most]);
  return STATUS_OK;
}

/* True when the command line says more of what is to be seen than its source. */
static bool asks_more(const struct options *options, const bool *used)
{
  bool more = options->operands > 1;
  for (int i = 0; i < ROWS; i++)
    more |= used[i] && rows[i].commands != COMMAND_ANY && (rows[i].commands & STATE) == STATE &&
            rows[i].member != MEMBER(input_format);
  return more;
}

/* A figure has one of two themes, the explorer any. */
static enum status set_theme(struct options *options, unsigned command, struct error *error)
{
  static const char *const words[] = {[THEME_LIGHT] = "light", [THEME_DARK] = "dark", NULL};
  size_t place;
  if (!options->app.theme || command & SCREEN)
    return STATUS_OK;
  enum status status = option_choose(options->app.theme, words, &place, error);
  if (status != STATUS_OK)
    error_prefix(error, "--theme: ");
  else
    options->figure.theme = (enum figure_theme)place;
  return status;
}

/* --- settings ------------------------------------------------------------------------------ */

/* Does what the option NAME does where it was not given; NAME is that of a row. */
static enum status set_option(struct options *out, const bool *used, const char *name,
                              const char *value, struct error *error)
{
  static const char *const words[] = {"yes", "no", NULL};
  int row = 0;
  size_t no = 0;
  enum status status = STATUS_OK;
  while (strcmp(rows[row].name, name) != 0)
    row++;
  if (used[row])
    return STATUS_OK;
  if (!rows[row].argument)
    status = option_choose(value, words, &no, error);
  if (status == STATUS_OK && !no)
    status = rows[row].apply((char *)out + rows[row].member, value, error);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", name);
  return status;
}

enum status options_parse(int argc, char **argv, struct options *out,
                          const struct command **command, struct error *error)
{
  bool used[ROWS] = {false};
  *command = &command_table[0];
  *out = (struct options){.view = view_default(),
                          .figure = figure_options_default(),
                          .app = {.cache = ENGINE_CACHE, .escape_delay = 25}};
  out->tensor = mem_array((size_t)argc, sizeof *out->tensor);
  out->check = mem_array((size_t)argc, sizeof *out->check);
  out->rename = mem_array((size_t)argc, sizeof *out->rename);
  out->line = mem_array((size_t)argc, sizeof *out->line);
  if (!out->tensor || !out->check || !out->rename || !out->line)
    return error_memory(error, "the command line");
  enum status status = read_options(argc, argv, out, used, error);
  if (status != STATUS_OK)
    return status;
  const struct command *named = out->operands ? find_command(out->operand[0]) : NULL;
  out->named = named;
  if (named) {
    *command = named;
    out->operand++;
    out->operands--;
  } else if (out->operands && (status = check_word(out->operand[0], error)) != STATUS_OK) {
    return status;
  }
  if (out->help || out->version)
    return STATUS_OK;
  status = check_use(*command, out, used, error);
  out->restore_asked = out->restore;
  out->asks_more = asks_more(out, used);
  if (status == STATUS_OK && (*command)->mask & SCREEN && !out->ignore_config &&
      !app_is_scripted(&out->app) && !out->output)
    user_settings_apply(out, used, set_option);
  return status == STATUS_OK ? set_theme(out, (*command)->mask, error) : status;
}

void options_clear(struct options *options)
{
  free(options->tensor);
  free(options->check);
  free(options->rename);
  free(options->line);
  settings_free(options->settings);
  options->settings = NULL;
  options->tensor = options->check = options->rename = options->line = NULL;
}

/* Who names a second source wants to see both, unless --view says otherwise. */
static enum status set_comparand(const struct options *options, struct recipe *recipe,
                                 struct error *error)
{
  struct comparand *compare = &recipe->compare;
  struct rename_rule rule[RECIPE_RENAMES];
  if ((options->align || options->rename_count) && !options->compare)
    return error_set(error, STATUS_USAGE, "--align and --rename need --compare SOURCE");
  if (options->rename_count > RECIPE_RENAMES)
    return error_set(error, STATUS_USAGE, "more than %d --rename", RECIPE_RENAMES);
  compare->align = options->align;
  if (options->compare && !(compare->source = strdup(options->compare)))
    return error_memory(error, "the recipe");
  for (; compare->renames < options->rename_count; compare->renames++)
    if (!(compare->rename[compare->renames] = strdup(options->rename[compare->renames])))
      return error_memory(error, "the recipe");
  if (options->compare && !options->view_given)
    recipe->view.kind = VIEW_COMPARE;
  size_t count;
  return comparand_rules(compare, rule, &count, error);
}

static enum status set_filter(const struct options *options, struct recipe *recipe,
                              struct error *error)
{
  if (!options->filter)
    return STATUS_OK;
  if (options->view.kind != VIEW_TENSORS)
    return error_set(error, STATUS_USAGE, "--filter is for the view tensors, not for %s",
                     view_type_of(options->view.kind)->name);
  enum status status = view_set_filter(&recipe->view, options->filter, error);
  if (status != STATUS_OK)
    error_prefix(error, "--filter: ");
  return status;
}

enum status options_recipe(const struct options *options, const char *source, struct recipe *recipe,
                           struct error *error)
{
  recipe_init(recipe);
  if (options->tensors > 1)
    return error_set(error, STATUS_USAGE, "one -t is enough here; found %zu", options->tensors);
  recipe->quantizers = options->quantizers;
  memcpy(recipe->quantizer, options->quantizer, sizeof recipe->quantizer);
  recipe->transform = options->transform;
  recipe->pin_transforms = options->pin_transforms;
  memcpy(recipe->pin_transform, options->pin_transform, sizeof recipe->pin_transform);
  for (size_t i = 0; i < options->pin_tensors; i++) {
    enum status status = recipe_add_pin_tensor(recipe, options->pin_tensor[i], error);
    if (status != STATUS_OK) {
      error_prefix(error, "--pin-tensor: ");
      return status;
    }
  }
  recipe->view = options->view;
  recipe->batching = options->batching;
  if (options->batch_tensors)
    return error_set(error, STATUS_USAGE,
                     "--batches tensors: only a report has several; elsewhere "
                     "calibrate on them: --calibrate-on PATTERN");
  if (options->calibrate_on && !(recipe->calibrate_on = strdup(options->calibrate_on)))
    return error_memory(error, "the recipe");
  if (!recipe_set(recipe, source, options->tensors ? options->tensor[0] : NULL) ||
      !recipe_set_input_format(recipe, options->input_format))
    return error_memory(error, "the recipe");
  recipe->sweep = *options->view.over && !options->view_given;
  if (*options->view.over && !recipe->sweep && options->view.kind != VIEW_SWEEP)
    return error_set(error, STATUS_USAGE, "--over is for the view sweep, not for %s",
                     view_type_of(options->view.kind)->name);
  enum status status = recipe_check_pins(recipe, error);
  if (status == STATUS_OK)
    status = set_filter(options, recipe, error);
  if (status == STATUS_OK)
    status = set_comparand(options, recipe, error);
  if (status != STATUS_OK)
    return status;
  return layer_options_set(&options->layer, options->sort, options->view_given || options->compare,
                           recipe, error);
}

enum status options_view_recipe(const struct options *options, struct recipe *recipe,
                                struct error *error)
{
  const char *source = options->operands ? options->operand[0] : NULL;
  enum status status = options_recipe(options, source, recipe, error);
  if (recipe->sweep)
    recipe->view.kind = VIEW_SWEEP;
  recipe->sweep = false;
  return status;
}

/* --- help --------------------------------------------------------------------------------- */

enum { HELP_LEFT = 26 }; /* columns of an option's name; a longer one has a line to itself */

static void help_options(FILE *out, unsigned mask)
{
  fputs("\nOptions:\n", out);
  for (int i = 0; i < ROWS; i++) {
    char left[40];
    if (!(rows[i].commands & mask))
      continue;
    char letter[] = {'-', (char)rows[i].letter, ',', '\0'};
    snprintf(left, sizeof left, "%3s --%s%s%s", rows[i].letter ? letter : "", rows[i].name,
             rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
    const bool fits = strlen(left) <= HELP_LEFT;
    if (!fits)
      fprintf(out, "  %s\n", left);
    fprintf(out, "  %-*s %s\n", HELP_LEFT, fits ? left : "", rows[i].help);
  }
}

void options_help(FILE *out, const struct command *command)
{
  if (command) {
    fprintf(out, "Usage: qscope %s%s%s [OPTION]...\n%s.\n", command->name,
            command->operands[0] ? " " : "", command->operands, command->summary);
    help_options(out, command->mask);
    return;
  }
  fputs("Usage: qscope [SOURCE] [OPTION]...\n"
        "   or: qscope COMMAND [OPERAND] [OPTION]...\n"
        "An oscilloscope for quantization error: what is lost when a tensor is stored in\n"
        "fewer bits, and why.\n\nCommands:\n",
        out);
  for (size_t i = 0; i < command_table_length; i++) {
    char left[40];
    snprintf(left, sizeof left, "%s %s", command_table[i].name, command_table[i].operands);
    fprintf(out, "  %-26s %s\n", left, command_table[i].summary);
  }
  help_options(out, COMMAND_ANY);
  fputs("\nSOURCE is a file (.safetensors, .gguf, .npy, .npz, .pt, .onnx, .h5, .mat, .csv ...),\n"
        "a model's folder or index of shards, a folder of .npy files, synth:NAME (see\n"
        "qscope list synth:), or - for any of these files on standard input. Numbers without\n"
        "a header: raw:FILE,dtype=bf16,shape=4096x4096,offset=128,order=big,layout=fortran,\n"
        "of which only dtype must be said.\n"
        "\nExit status: 0 done, 1 a --check does not hold, 2 wrong usage, 3 input that cannot be "
        "read,\n"
        "4 output that cannot be written.\n"
        "The manual: man qscope\n",
        out);
}
