/* The builders of the view table, one file each, and what they share. Internal to analysis/.
 *
 * Ownership: as figure.h. Threads: as figure.h. */
#ifndef QSCOPE_ANALYSIS_VIEWS_H
#define QSCOPE_ANALYSIS_VIEWS_H

#include "analysis/diff.h"
#include "analysis/figure.h"

bool fig_histogram(struct figure *figure, const struct result *result, const struct view *view);
bool fig_error(struct figure *figure, const struct result *result, const struct view *view);
bool fig_channels(struct figure *figure, const struct result *result, const struct view *view);
bool fig_heat(struct figure *figure, const struct result *result, const struct view *view);
bool fig_inspector(struct figure *figure, const struct result *result, const struct view *view);
bool fig_sweep_view(struct figure *figure, const struct result *result, const struct view *view);
bool fig_board(struct figure *figure, const struct result *result, const struct view *view);
bool fig_format(struct figure *figure, const struct quantizer *quantizers, size_t count,
                const struct view *view);
bool fig_compare(struct figure *figure, const struct diff *diff, const struct view *view);
bool fig_pins(struct figure *figure, const struct result *result, const struct figure_pins *pins,
              const struct view *view);
bool fig_histogram_pins(struct figure *figure, const struct result *result,
                        const struct figure_pins *pins, const struct view *view);
bool fig_error_pins(struct figure *figure, const struct result *result,
                    const struct figure_pins *pins, const struct view *view);
bool fig_channels_pins(struct figure *figure, const struct result *result,
                       const struct figure_pins *pins, const struct view *view);

/* The pin that differences are taken from, NULL while it is not measured; its letter; that of the
 * result. */
const struct result *pins_against(const struct figure_pins *pins);
char pins_letter(const struct figure_pins *pins);
char pins_present(const struct figure_pins *pins);
/* "A: int8,sym,tensor,minmax" into TEXT, of pin I or (their count) of the present RESULT; with the
 * transform where not all have the same. */
enum { PINS_NAME = 96, PINS_LABEL = QUANTIZER_TEXT + TRANSFORM_TEXT + PINS_NAME + 24 };
char *pins_label(const struct figure_pins *pins, size_t i, const struct result *result,
                 char text[PINS_LABEL]);
/* How many elements of the present RESULT one of pin I stands for, where it is of another tensor; 1
 * where it is not. */
double pins_weight(const struct figure_pins *pins, size_t i, const struct result *result);
/* Makes the x axis of PANEL reach what is drawn of H, unless VIEW looks at a part. */
void fig_widen(struct panel *panel, const struct histogram *h, const struct view *view);
/* True when not all of PINS, and what is present, are transformed alike. */
bool pins_mixed(const struct figure_pins *pins);
/* How pin I looks beside what is drawn of the result. */
enum role pins_role(size_t i);
/* Gives the marks of ROLE in PANEL their LABEL; false when memory runs out. */
bool fig_label(struct panel *panel, enum role role, const char *label);
/* The same with the letter of the present result alone, for legends without much room. */
bool fig_label_present(struct panel *panel, enum role role, const struct figure_pins *pins);
/* Makes the y axis of PANEL reach HEIGHT. */
void fig_reach(struct panel *panel, double height);

#define FIG_NO_HISTOGRAM "No histogram was computed."
#define FIG_NO_ERRORS    "The errors by value are not measured yet."

/* A panel that holds nothing but the sentence that says why; false when memory runs out. */
bool fig_nothing(struct figure *figure, const char *why);

/* "conv4.weight (128x64x3, f32) from model.safetensors", CHANNEL behind the name: a new string;
 * NULL when memory runs out. */
char *fig_subject(const struct tensor *tensor, const char *source, const char *channel);

/* A new formatted string in *out; false (and NULL) when memory runs out. */
bool fig_text(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends a sentence to the figure's last caption line. */
bool fig_note(struct figure *figure, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The counts of H as bars or steps. */
bool fig_counts(struct panel *panel, enum mark_kind kind, enum role role, const struct histogram *h,
                const char *label);

/* Sets the y axis of PANEL for counts up to PEAK. */
bool fig_count_axis(struct panel *panel, double peak, bool log_counts);

/* Sets it so that what the marks of PANEL show stays readable: a bin of H that towers over all
 * others is cut, and the caption says so. */
bool fig_readable_counts(struct figure *figure, struct panel *panel, const struct histogram *h,
                         bool log_counts);

/* A panel of the |error| (mean and largest, by the bins of H) against the value; HALF a step of the
 * only scale is a line, NaN: there is none. */
bool fig_error_against_value(struct figure *figure, const struct histogram *h,
                             const double *error_mean, const double *error_max, double half,
                             const struct view *view);

/* A panel of the SQNR of each channel, the worst named. */
bool fig_channel_sqnr(struct figure *figure, const struct channels *channels,
                      const struct view *view);

/* The part of the x axis to show: the view's window, else LO..HI. False when neither is one. */
bool fig_window(const struct view *view, double lo, double hi, double *out_lo, double *out_hi);

#endif
