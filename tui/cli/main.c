/* qscope: reads the command line, runs a subcommand, says what went wrong. */
#include "config.h"

#include "data/numbers.h"
#include "quant/codebook.h"
#include "quant/kernels/kernels.h"
#include "tui/cli/commands.h"
#include "tui/cli/meter.h"
#include "tui/cli/options.h"
#include "tui/cli/work.h"
#include "tui/figure/libraries.h"
#include "tui/screen/glyphs.h"
#include "tui/screen/libraries.h"
#include "tui/screen/reading.h"

#include <errno.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_version.h>
#include <jansson.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

const struct command command_table[] = {
    {"explore", "[SOURCE]", "the explorer (default; no SOURCE: synthetic tensors)", COMMAND_EXPLORE,
     1, explore_run},
    {"list", "SOURCE", "the tensors, how they are stored, their sizes", COMMAND_LIST, 1, list_run},
    {"report", "SOURCE...", "the numbers: what each quantizer loses", COMMAND_REPORT, INT_MAX,
     report_run},
    {"inspect", "SOURCE", "one block: values, codes, scales, errors, where it stands",
     COMMAND_INSPECT, 1, inspect_run},
    {"plot", "SOURCE -o FIG", "one figure (.png, .svg, .pdf; without -o: in characters)",
     COMMAND_PLOT, 1, plot_run},
    {"sweep", "SOURCE --over WHAT", "the numbers while one word of the specs changes; -o: a figure",
     COMMAND_SWEEP, 1, sweep_command_run},
    {"board", "SOURCE", "every calibrator on one tensor, ranked, and what each costs",
     COMMAND_BOARD, 1, board_run},
    {"diff", "A B", "the error of B against A, tensor by tensor, whatever the formats",
     COMMAND_DIFF, 2, diff_run},
    {"layer", "WEIGHT --activation SRC", "what each method does to the output of a layer, W x",
     COMMAND_LAYER, 1, layer_command_run},
    {"theory", "", "the best quantizers of a known distribution, and what they cost",
     COMMAND_THEORY, 0, theory_run},
    {"experiment", "[NAME]", "a widespread claim, and what measurement says of it",
     COMMAND_EXPERIMENT, 1, experiment_command_run},
    {"formats", "", "the number formats", COMMAND_FORMATS, 0, formats_run},
    {"calibrators", "", "the ways to choose a range and to make a scale of it", COMMAND_CALIBRATORS,
     0, calibrators_run},
    {"presets", "", "quantizers as named systems make them, for -q", COMMAND_PRESETS, 0,
     presets_run},
    {"methods", "", "the methods of the layer lab and their options, for -m", COMMAND_METHODS, 0,
     methods_run},
    {"replay", "RECIPE|FIG", "the state that a recipe or a figure carries", COMMAND_REPLAY, 8,
     replay_run},
};
const size_t command_table_length = sizeof command_table / sizeof command_table[0];

#ifdef HAVE_HDF5
#define WITH_HDF5 "HDF5 (by " HDF5_FILE ")"
#else
#define WITH_HDF5 "no HDF5 (built without libhdf5)"
#endif
#ifdef HAVE_MATIO
#define WITH_MATIO "MATLAB (by " MATIO_FILE ")"
#else
#define WITH_MATIO "no MATLAB (built without libmatio)"
#endif

static void print_version(bool verbose)
{
  char text[128];
  puts(PACKAGE_STRING);
  if (!verbose)
    return;
  fputs("kernels:", stdout);
  for (const struct kernels *const *level = kernels_available(); *level; level++)
    printf(" %s%s", (*level)->name, strcmp((*level)->name, kernels.name) == 0 ? " (in use)" : "");
  printf("\nthreads: %u\n", pool_threads());
  printf("libraries: GSL %s, Jansson %s, libzip %s, %s", gsl_version, JANSSON_VERSION,
         zip_libzip_version(), figure_libraries(text, sizeof text));
  printf(", %s\n", screen_libraries(text, sizeof text));
  printf("also reads: %s, %s\n", WITH_HDF5, WITH_MATIO);
}

/* Standard output may be a full disk or a closed pipe: only the flush tells. */
static enum status finish_output(struct error *error)
{
  errno = 0;
  bool failed = fflush(stdout) != 0;
  if (!failed && !ferror(stdout))
    return STATUS_OK;
  return error_set(error, STATUS_OUTPUT, "standard output: cannot be written: %s",
                   errno ? strerror(errno) : "input/output error");
}

static enum status run(const struct command *command, const struct options *options,
                       struct error *error)
{
  if (options->help)
    options_help(stdout, options->named ? command : NULL);
  else if (options->version)
    print_version(options->verbose);
  else if (options->glyph_test)
    glyphs_card(stdout);
  else
    return command->run(options, error);
  return STATUS_OK;
}

/* The exit status for STATUS, after saying why; a reader who closed the pipe has heard enough. */
static int conclude(enum status status, const struct error *error)
{
  if (status == STATUS_CANCELLED)
    return 128 + (meter_signal() ? meter_signal() : SIGINT);
  /* Whoever met the error has put the system's words for it into the text. */
  bool closed_pipe = status == STATUS_OUTPUT && strstr(error->text, strerror(EPIPE));
  if (status != STATUS_OK && error->text[0] && !closed_pipe)
    work_complain(error);
  return status_exit_code(status);
}

/* What a thread still reads, though nobody waits for it, must not be taken away under it. */
static int leave(int status)
{
  if (!reading_goes_on())
    return status;
  fflush(NULL);
  _exit(status);
}

int main(int argc, char **argv)
{
  struct options options;
  struct error error = {0};
  const struct command *command;
  gsl_set_error_handler_off();
  setlocale(LC_ALL, "");
  setlocale(LC_NUMERIC, "C"); /* numbers are read and written the same everywhere */
  signal(SIGPIPE, SIG_IGN);
  kernels_init();
  codebook_reader = numbers_read;
  enum status status = options_parse(argc, argv, &options, &command, &error);
  if (status == STATUS_OK)
    status = run(command, &options, &error);
  meter_stop();
  if (status != STATUS_USAGE) {
    struct error output = {0};
    enum status written = finish_output(&output);
    if (status == STATUS_OK && written != STATUS_OK) {
      status = written;
      error = output;
    }
  }
  options_clear(&options);
  return leave(conclude(status, &error));
}
