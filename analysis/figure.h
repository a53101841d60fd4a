/* A figure is data: panels with axes and marks, and words. The terminal draws it in cells and
 * the exporter with Cairo, from the same numbers.
 *
 * Ownership: figure_new returns a figure that the caller frees with everything in it; the add
 * functions copy what they are given. Threads: one at a time; a finished figure is immutable. */
#ifndef QSCOPE_ANALYSIS_FIGURE_H
#define QSCOPE_ANALYSIS_FIGURE_H

#include "analysis/result.h"
#include "analysis/view.h"
#include "data/transform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What a mark means; each renderer maps a role to colour, dash and glyph, so that the meaning
 * survives without colour. */
enum role {
  ROLE_ORIGINAL,
  ROLE_RECONSTRUCTION,
  ROLE_ERROR,
  ROLE_CLIP,  /* thresholds, and the clipped share */
  ROLE_LEVEL, /* quantization levels */
  ROLE_OUTLIER,
  ROLE_MEDIAN,
  ROLE_REFERENCE, /* zero lines, half steps */
  ROLE_SERIES,    /* the first of FIGURE_SERIES things that are compared */
};
enum { FIGURE_SERIES = 16 };

enum mark_kind {
  MARK_BARS,   /* n+1 edges in x, n heights in y: a solid histogram */
  MARK_STEPS,  /* the same, as an outline */
  MARK_LINE,   /* n points; NaN is a gap */
  MARK_POINTS, /* a single point has its label beside it, several share one in the legend */
  MARK_TICKS,  /* n positions in x, drawn on the axis (levels) */
  MARK_VLINE,  /* one position, with a label */
  MARK_HLINE,
  MARK_BAND,   /* from x[0] to x[1], shaded, with a label */
  MARK_SERIES, /* n points, each with the shape of its role, and the line that joins them */
  MARK_CELLS, /* ACROSS columns of cells, n in all, row by row from the top: across+1 edges in x and
                 behind them those in y; their values, which panel->color tells the colours of */
};

struct mark {
  enum mark_kind kind;
  enum role role;
  size_t n, across; /* across: of cells */
  double *x, *y;
  char *label; /* legend entry, or label of the line, band or single point; NULL: none */
};

struct axis {
  char *label;
  char *unit; /* or NULL */
  double lo, hi;
  bool log;
  bool down;     /* of y: grows downwards, as rows do */
  bool integral; /* only whole-number ticks: channel numbers, counts */
  size_t names;  /* the ticks are name_from, each name_step, and have these names; 0: numbers */
  char **name;
  double name_from, name_step;
  bool numbered; /* the ticks are numbers all the same: the names are for who reads the data */
};

/* Marks may reach beyond the axes: renderers cut them off, and mark bars that go on above the y
 * axis. A panel without marks is a sentence, its title, that says why. */
struct panel {
  char *title; /* or NULL */
  bool ruler;  /* a number line: low, its ticks stand on the x axis, there is no y axis */
  bool lane;   /* low, its bars stand and hang on the line 0 in its middle */
  struct axis x, y;
  struct axis color; /* of cells */
  size_t marks;
  struct mark **mark;
};

enum {
  FIGURE_CAPTION_LINES = 4,
  FIGURE_BINS = 256, /* of a figure for print, when nobody asked for another number */
};

struct figure {
  char *title;
  size_t panels;
  struct panel **panel; /* stacked, top to bottom, sharing the width */
  size_t words;
  char **word; /* a list below the panels, in columns: what labels in the panels stand for */
  char *caption[FIGURE_CAPTION_LINES];
  char *recipe; /* the command line that makes this figure again */
  char *stamp;  /* what its tensors are: lines "# xxh64 HASH NAME" (data/tensor_hash.h); or NULL */
};

/* What a result is compared with: the same tensor under other quantizers, over the same bins. They
 * are called A, B ... in their order, and the result itself takes the letter behind them. */
enum { FIGURE_PINS = 4 };
struct figure_pins {
  size_t count;
  const struct result *result[FIGURE_PINS];         /* NULL: not measured yet */
  struct transform transform[FIGURE_PINS], present; /* what each was transformed with before */
  const struct tensor *tensor[FIGURE_PINS]; /* what each is of; NULL: what the result is of */
  size_t against;                           /* the one that differences are taken from */
};

struct figure *figure_new(const char *title);
void figure_free(struct figure *figure);
struct panel *figure_add_panel(struct figure *figure, const char *title);
/* Copies N values of x and y (n + 1 of x for bars and steps; y may be NULL where the kind has
 * none). NULL when memory runs out. */
struct mark *panel_add_mark(struct panel *panel, enum mark_kind kind, enum role role, size_t n,
                            const double *x, const double *y, const char *label);
/* Copies ACROSS x DOWN cells: across+1 edges X, down+1 edges Y, and a VALUE for each. */
struct mark *panel_add_cells(struct panel *panel, size_t across, size_t down, const double *x,
                             const double *y, const double *value);
/* Takes mark AT out of PANEL. */
void panel_remove_mark(struct panel *panel, size_t at);
/* Appends TEXT to the list; false when memory runs out. */
bool figure_add_word(struct figure *figure, const char *text);
/* Says that FIGURE is of the tensor NAME, which has this HASH; false when memory runs out. */
bool figure_add_stamp(struct figure *figure, const char *name, uint64_t hash);
/* True when a tensor of the stamp WAS (may be NULL) has another hash in NOW; its name in NAME. */
bool figure_stamps_differ(const char *was, const char *now, char *name, size_t size);
bool axis_set(struct axis *axis, const char *label, const char *unit, double lo, double hi);
/* An axis of N things with names (copied): the ticks 0..n-1, with half a place around them. */
bool axis_set_names(struct axis *axis, const char *label, size_t n, const char *const *names);
/* Names (copied) for N places of an axis that is set: FROM, FROM + STEP ... */
bool axis_name_places(struct axis *axis, double from, double step, size_t n,
                      const char *const *names);
/* The name of what stands next to PLACE on AXIS; NULL where nothing has a name. */
const char *axis_name_at(const struct axis *axis, double place);

/* FIGURE in sentences: what stands on its axes, and how each curve begins, ends, rises and falls.
 */
void figure_words(const struct figure *figure, FILE *out);

/* The whole figure of RESULT in VIEW: title, panels, caption (tensor, quantizer, metrics). NULL
 * when memory runs out. */
struct figure *figure_build(const struct result *result, const struct view *view,
                            const char *source, const struct tensor *tensor, const char *recipe);

/* The same with what is pinned (NULL, or none: nothing) beside it. */
struct figure *figure_build_pinned(const struct result *result, const struct figure_pins *pins,
                                   const struct view *view, const char *source,
                                   const struct tensor *tensor, const char *recipe);

/* The figure of a view that needs no tensor: of the formats of COUNT quantizers, each once. NULL
 * when memory runs out. */
struct figure *figure_of_quantizers(const struct quantizer *quantizers, size_t count,
                                    const struct view *view, const char *recipe);

struct stats;

/* The figure of the tensors of SOURCE that pass view->filter, which is a right one: STATS has a row
 * for each, under QUANTIZER. NULL when memory runs out. */
struct figure *figure_of_tensors(const struct source *source, const struct stats *stats,
                                 const struct quantizer *quantizer, const struct view *view,
                                 const char *recipe);

/* The two tensors of a comparison, and where they are from. */
struct figure_pair {
  const struct tensor *a, *b;
  const char *a_source, *b_source;
};

/* The figure of a view of two tensors. NULL when memory runs out. */
struct figure *figure_of_pair(const struct diff *diff, const struct view *view,
                              const struct figure_pair *pair, const char *recipe);

/* A figure that is nothing but a title and the sentence that says WHY. NULL when memory runs out.
 */
struct figure *figure_of_words(const char *title, const char *why);

/* The numbers behind FIGURE as comma-separated values, one row for each bar, point, tick or line:
 *
 *   panel,title,series,mark,x,x_to,y,x_name,x_axis,x_unit,y_axis,y_unit,y_to,value,y_name
 *
 * Panels count from 1; series is the legend's word, or what the mark means; x_to is the right end
 * of what has a width; x_name the name of what stands there, where it has one (y_name); a gap (NaN)
 * is an empty cell. Of a cell, y reaches to y_to. Errors show in ferror(OUT). */
void figure_csv(const struct figure *figure, FILE *out);

/* Nice tick positions for lo..hi (1, 2, 5 times a power of ten; powers of ten on a log axis), at
 * most MOST of them, written to TICKS; returns how many. */
size_t axis_ticks(const struct axis *axis, size_t most, double *ticks);
/* VALUE as a tick label, given the distance between ticks: as few digits as tell them apart. */
char *axis_tick_text(const struct axis *axis, double value, double step, char *text, size_t size);

#endif
