/* The figure model: panels, marks and words. */
#include "analysis/figure.h"

#include "quant/base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct figure *figure_new(const char *title)
{
  struct figure *figure = mem_array(1, sizeof *figure);
  if (figure && !(figure->title = strdup(title ? title : ""))) {
    free(figure);
    return NULL;
  }
  return figure;
}

static void mark_free(struct mark *mark)
{
  free(mark->x);
  free(mark->y);
  free(mark->label);
  free(mark);
}

static void axis_clear(struct axis *axis)
{
  free(axis->label);
  free(axis->unit);
  for (size_t i = 0; i < axis->names; i++)
    free(axis->name[i]);
  free(axis->name);
  axis->name = NULL;
  axis->names = 0;
}

static void panel_free(struct panel *panel)
{
  for (size_t i = 0; i < panel->marks; i++)
    mark_free(panel->mark[i]);
  free(panel->mark);
  axis_clear(&panel->x);
  axis_clear(&panel->y);
  axis_clear(&panel->color);
  free(panel->title);
  free(panel);
}

void figure_free(struct figure *figure)
{
  if (!figure)
    return;
  for (size_t i = 0; i < figure->panels; i++)
    panel_free(figure->panel[i]);
  free(figure->panel);
  for (size_t i = 0; i < figure->words; i++)
    free(figure->word[i]);
  free(figure->word);
  for (size_t i = 0; i < FIGURE_CAPTION_LINES; i++)
    free(figure->caption[i]);
  free(figure->recipe);
  free(figure->stamp);
  free(figure->title);
  free(figure);
}

/* A copy of TEXT (NULL stays NULL) in *out; false when memory runs out. */
static bool copy_text(const char *text, char **out)
{
  *out = text ? strdup(text) : NULL;
  return *out || !text;
}

struct panel *figure_add_panel(struct figure *figure, const char *title)
{
  struct panel **grown = mem_resize(figure->panel, figure->panels + 1, sizeof *grown);
  if (!grown)
    return NULL;
  figure->panel = grown;
  struct panel *panel = mem_array(1, sizeof *panel);
  if (!panel || !copy_text(title, &panel->title)) {
    free(panel);
    return NULL;
  }
  panel->x.hi = panel->y.hi = 1;
  figure->panel[figure->panels++] = panel;
  return panel;
}

bool figure_add_word(struct figure *figure, const char *text)
{
  char **grown = mem_resize(figure->word, figure->words + 1, sizeof *grown);
  if (!grown)
    return false;
  figure->word = grown;
  return copy_text(text, &figure->word[figure->words]) && ++figure->words;
}

/* N values of FROM in *out; NULL stays NULL. */
static bool copy_values(const double *from, size_t n, double **out)
{
  *out = NULL;
  if (!from)
    return true;
  *out = mem_array(n, sizeof **out);
  if (*out && n)
    memcpy(*out, from, n * sizeof **out);
  return *out != NULL;
}

/* Numbers in x of a mark of N points. */
static size_t mark_positions(enum mark_kind kind, size_t n)
{
  switch (kind) {
  case MARK_BARS:
  case MARK_STEPS:
    return n + 1;
  case MARK_BAND:
    return 2;
  case MARK_CELLS: /* panel_add_cells knows */
  case MARK_LINE:
  case MARK_POINTS:
  case MARK_TICKS:
  case MARK_VLINE:
  case MARK_HLINE:
  case MARK_SERIES:
    break;
  }
  return n;
}

struct mark *panel_add_mark(struct panel *panel, enum mark_kind kind, enum role role, size_t n,
                            const double *x, const double *y, const char *label)
{
  struct mark **grown = mem_resize(panel->mark, panel->marks + 1, sizeof *grown);
  if (!grown)
    return NULL;
  panel->mark = grown;
  struct mark *mark = mem_array(1, sizeof *mark);
  if (!mark)
    return NULL;
  *mark = (struct mark){.kind = kind, .role = role, .n = n};
  if (!copy_values(x, mark_positions(kind, n), &mark->x) || !copy_values(y, n, &mark->y) ||
      !copy_text(label, &mark->label)) {
    mark_free(mark);
    return NULL;
  }
  panel->mark[panel->marks++] = mark;
  return mark;
}

void panel_remove_mark(struct panel *panel, size_t at)
{
  mark_free(panel->mark[at]);
  panel->marks--;
  memmove(&panel->mark[at], &panel->mark[at + 1], (panel->marks - at) * sizeof(struct mark *));
}

struct mark *panel_add_cells(struct panel *panel, size_t across, size_t down, const double *x,
                             const double *y, const double *value)
{
  size_t edges = across + 1 + down + 1;
  double *both = mem_array(size_max(edges, across * down), sizeof *both);
  if (!both)
    return NULL;
  memcpy(both, x, (across + 1) * sizeof *x);
  memcpy(both + across + 1, y, (down + 1) * sizeof *y);
  struct mark *mark =
      panel_add_mark(panel, MARK_CELLS, ROLE_REFERENCE, across * down, both, value, NULL);
  double *kept = mark ? mem_resize(mark->x, edges, sizeof *kept) : NULL;
  if (kept) {
    memcpy(kept, both, edges * sizeof *kept);
    mark->x = kept;
    mark->across = across;
  }
  free(both);
  return kept ? mark : NULL;
}

bool axis_set(struct axis *axis, const char *label, const char *unit, double lo, double hi)
{
  char *new_label, *new_unit;
  if (!copy_text(label, &new_label))
    return false;
  if (!copy_text(unit, &new_unit)) {
    free(new_label);
    return false;
  }
  axis_clear(axis);
  axis->label = new_label;
  axis->unit = new_unit;
  axis->lo = lo;
  axis->hi = hi;
  return true;
}

bool axis_set_names(struct axis *axis, const char *label, size_t n, const char *const *names)
{
  axis->integral = true;
  return axis_set(axis, label, NULL, -0.5, (double)n - 0.5) &&
         axis_name_places(axis, 0, 1, n, names);
}

bool axis_name_places(struct axis *axis, double from, double step, size_t n,
                      const char *const *names)
{
  axis->name_from = from;
  axis->name_step = step;
  axis->name = mem_array(n, sizeof *axis->name);
  for (; axis->name && axis->names < n; axis->names++)
    if (!copy_text(names[axis->names], &axis->name[axis->names]))
      return false;
  return axis->name;
}

const char *axis_name_at(const struct axis *axis, double place)
{
  const double at = axis->names ? round((place - axis->name_from) / axis->name_step) : -1;
  return at >= 0 && at < (double)axis->names ? axis->name[(size_t)at] : NULL;
}
