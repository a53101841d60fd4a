#include "tui/cli/option_values.h"

#include "analysis/sweep.h"
#include "data/tensor.h"
#include "quant/base/nearest.h"
#include "quant/base/pool.h"
#include "quant/base/size.h"
#include "tui/cli/options.h"
#include "tui/screen/glyphs.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool read_long(const char *text, char **end, long least, long most, long *out)
{
  errno = 0;
  *out = strtol(text, end, 10);
  return *end != text && errno == 0 && *out >= least && *out <= most;
}

/* A whole number and nothing behind it. */
static enum status whole_number(const char *text, long least, long most, long *out,
                                struct error *error)
{
  char *end;
  if (read_long(text, &end, least, most, out) && *end == '\0')
    return STATUS_OK;
  return error_set(error, STATUS_USAGE, "expected a whole number from %ld to %ld, found '%s'",
                   least, most, text);
}

enum status option_apply_word(void *member, const char *text, struct error *error)
{
  (void)error;
  *(const char **)member = text;
  return STATUS_OK;
}

/* A word that must not come twice: the first would be forgotten. */
enum status option_apply_once(void *member, const char *text, struct error *error)
{
  if (*(const char **)member)
    return error_set(error, STATUS_USAGE, "given twice: '%s' and '%s'; a pattern names several",
                     *(const char **)member, text);
  return option_apply_word(member, text, error);
}

enum status option_apply_tensor(void *member, const char *text, struct error *error)
{
  (void)error;
  struct options *o = member;
  if (o->layer.naming)
    *o->layer.naming = text;
  else
    o->tensor[o->tensors++] = text;
  return STATUS_OK;
}

enum status option_apply_check(void *member, const char *text, struct error *error)
{
  (void)error;
  struct options *o = member;
  o->check[o->check_count++] = text;
  return STATUS_OK;
}

enum status option_apply_rename(void *member, const char *text, struct error *error)
{
  (void)error;
  struct options *o = member;
  o->rename[o->rename_count++] = text;
  return STATUS_OK;
}

enum status option_apply_command(void *member, const char *text, struct error *error)
{
  (void)error;
  struct options *o = member;
  o->line[o->app.lines++] = text;
  o->app.line = o->line;
  return STATUS_OK;
}

enum status option_apply_quantizer(void *member, const char *text, struct error *error)
{
  struct options *o = member;
  if (o->quantizers == RECIPE_QUANTIZERS)
    return error_set(error, STATUS_USAGE, "more than %d quantizers", RECIPE_QUANTIZERS);
  enum status status = quantizer_parse(text, &o->quantizer[o->quantizers], error);
  o->quantizers += status == STATUS_OK;
  return status;
}

enum status option_apply_pin_tensor(void *member, const char *text, struct error *error)
{
  struct options *options = member;
  if (options->pin_tensors == RECIPE_PINS)
    return error_set(error, STATUS_USAGE, "given more than %d times", RECIPE_PINS);
  options->pin_tensor[options->pin_tensors++] = text;
  return STATUS_OK;
}

enum status option_apply_pin_transform(void *member, const char *text, struct error *error)
{
  struct options *options = member;
  if (options->pin_transforms == RECIPE_QUANTIZERS)
    return error_set(error, STATUS_USAGE, "given more than %d times", RECIPE_QUANTIZERS);
  return transform_parse(text, &options->pin_transform[options->pin_transforms++], error);
}

enum status option_apply_transform(void *member, const char *text, struct error *error)
{
  struct transform *transform = member;
  if (transform->kind != TRANSFORM_NONE)
    return error_set(error, STATUS_USAGE, "given twice: one transform at a time");
  return transform_parse(text, transform, error);
}

static enum status set_style(enum report_style *style, enum report_style wanted,
                             struct error *error)
{
  if (*style != REPORT_TEXT && *style != wanted)
    return error_set(error, STATUS_USAGE, "--json and --csv exclude each other");
  *style = wanted;
  return STATUS_OK;
}

enum status option_apply_json(void *member, const char *text, struct error *error)
{
  (void)text;
  return set_style(member, REPORT_JSON, error);
}

enum status option_apply_csv(void *member, const char *text, struct error *error)
{
  (void)text;
  return set_style(member, REPORT_CSV, error);
}

enum status option_apply_view(void *member, const char *text, struct error *error)
{
  const struct view_type *type = view_find(text);
  if (!type) {
    const char *names[16];
    size_t count = size_min(view_table_length, 16);
    for (size_t i = 0; i < count; i++)
      names[i] = view_table[i].name;
    const char *near = nearest_word(text, names, count);
    return error_set(error, STATUS_USAGE, "unknown view '%s'; %s '%s'", text,
                     near ? "did you mean" : "the first one is", near ? near : names[0]);
  }
  struct options *o = member;
  o->view.kind = type->kind;
  o->view_given = true;
  return STATUS_OK;
}

enum status option_apply_over(void *member, const char *text, struct error *error)
{
  enum status status = sweep_over_check(text, error);
  if (status == STATUS_OK)
    snprintf(member, VIEW_OVER, "%s", text);
  return status;
}

enum status option_apply_range(void *member, const char *text, struct error *error)
{
  struct view *view = member;
  if (view_range_parse(text, &view->lo, &view->hi))
    return STATUS_OK;
  return error_set(error, STATUS_USAGE, "expected LO:HI with LO below HI, found '%s'", text);
}

enum status option_apply_axis(void *member, const char *text, struct error *error)
{
  long axis;
  enum status status = whole_number(text, -SHAPE_MAX_DIMS, SHAPE_MAX_DIMS - 1, &axis, error);
  if (status == STATUS_OK)
    *(int *)member = (int)axis;
  return status;
}

enum status option_apply_batches(void *member, const char *text, struct error *error)
{
  struct options *o = member;
  long axis;
  char *end;
  o->batch_tensors = strcmp(text, "tensors") == 0;
  o->batching.on = !o->batch_tensors;
  if (o->batch_tensors)
    return STATUS_OK;
  if (!read_long(text, &end, -SHAPE_MAX_DIMS, SHAPE_MAX_DIMS - 1, &axis) || *end)
    return error_set(error, STATUS_USAGE, "expected the number of an axis, or tensors; found '%s'",
                     text);
  o->batching.axis = (int)axis;
  return STATUS_OK;
}

enum status option_apply_channel(void *member, const char *text, struct error *error)
{
  return whole_number(text, 0, LONG_MAX, member, error);
}

enum status option_apply_against(void *member, const char *text, struct error *error)
{
  if (text[0] < 'A' || text[0] >= 'A' + FIGURE_PINS || text[1])
    return error_set(error, STATUS_USAGE, "expected the letter of a quantizer, A to D; found '%s'",
                     text);
  *(size_t *)member = (size_t)(text[0] - 'A');
  return STATUS_OK;
}

enum status option_apply_block(void *member, const char *text, struct error *error)
{
  long block = VIEW_WORST_BLOCK;
  char *end;
  if (strcmp(text, "worst") != 0 && (!read_long(text, &end, 0, LONG_MAX, &block) || *end))
    return error_set(error, STATUS_USAGE, "expected the number of a block, or worst; found '%s'",
                     text);
  *(long *)member = block;
  return STATUS_OK;
}

enum status option_apply_part(void *member, const char *text, struct error *error)
{
  if (view_part_scan(text, member))
    return STATUS_OK;
  return error_set(error, STATUS_USAGE,
                   "expected R0:R1,C0:C1 with R0 below R1 and C0 below C1, found '%s'", text);
}

enum status option_apply_bins(void *member, const char *text, struct error *error)
{
  long bins;
  enum status status = whole_number(text, 1, 65536, &bins, error);
  if (status == STATUS_OK)
    *(size_t *)member = (size_t)bins;
  return status;
}

enum status option_apply_top(void *member, const char *text, struct error *error)
{
  long top;
  enum status status = whole_number(text, 1, LONG_MAX, &top, error);
  if (status == STATUS_OK)
    *(size_t *)member = (size_t)top;
  return status;
}

enum status option_apply_size(void *member, const char *text, struct error *error)
{
  return figure_size_scan(text, member)
             ? STATUS_OK
             : error_set(error, STATUS_USAGE,
                         "expected a size such as 1600x1000 (pixels), 85x60mm or, as tall as it "
                         "needs, 85mm; found '%s'",
                         text);
}

enum status option_choose(const char *text, const char *const *words, size_t *place,
                          struct error *error)
{
  char all[128] = "";
  for (*place = 0; words[*place]; ++*place) {
    if (strcmp(text, words[*place]) == 0)
      return STATUS_OK;
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *place ? ", " : "",
             words[*place]);
  }
  return error_set(error, STATUS_USAGE, "expected one of %s; found '%s'", all, text);
}

/* Of a switch that is on until somebody says no. */
enum status option_apply_yes(void *member, const char *text, struct error *error)
{
  static const char *const words[] = {"yes", "no", NULL};
  size_t place;
  enum status status = option_choose(text, words, &place, error);
  if (status == STATUS_OK)
    *(bool *)member = place == 1;
  return status;
}

enum status option_apply_delay(void *member, const char *text, struct error *error)
{
  long delay;
  enum status status = whole_number(text, 0, 10000, &delay, error);
  if (status == STATUS_OK)
    *(int *)member = (int)delay;
  return status;
}

enum status option_apply_screen(void *member, const char *text, struct error *error)
{
  char *end;
  long columns, rows;
  if (!read_long(text, &end, 1, 1000, &columns) || *end != 'x' ||
      !read_long(end + 1, &end, 1, 1000, &rows) || *end)
    return error_set(error, STATUS_USAGE, "expected COLUMNSxROWS, as in 80x24; found '%s'", text);
  struct app_options *app = member;
  app->columns = (int)columns;
  app->rows = (int)rows;
  return STATUS_OK;
}

enum status option_apply_dpi(void *member, const char *text, struct error *error)
{
  long dpi;
  enum status status = whole_number(text, 10, 2400, &dpi, error);
  if (status == STATUS_OK)
    *(unsigned *)member = (unsigned)dpi;
  return status;
}

enum status option_apply_glyphs(void *member, const char *text, struct error *error)
{
  if (strcmp(text, "auto") != 0 && !glyphs_find(text))
    return error_set(
        error, STATUS_USAGE,
        "expected auto, eighth, half, quadrant, sextant, octant, braille or ascii; found '%s'",
        text);
  *(const char **)member = text;
  return STATUS_OK;
}

enum status option_apply_color(void *member, const char *text, struct error *error)
{
  static const char *const words[] = {
      [COLOR_AUTO] = "auto", [COLOR_NEVER] = "never", [COLOR_8] = "8",
      [COLOR_16] = "16",     [COLOR_256] = "256",     NULL};
  size_t place;
  enum status status = option_choose(text, words, &place, error);
  if (status == STATUS_OK)
    *(enum color_mode *)member = (enum color_mode)place;
  return status;
}

enum status option_apply_quantity(void *member, const char *text, struct error *error)
{
  const char *words[HEAT_QUANTITIES + 1] = {NULL};
  size_t place;
  for (size_t i = 0; i < HEAT_QUANTITIES; i++)
    words[i] = heat_quantities[i].name;
  enum status status = option_choose(text, words, &place, error);
  if (status == STATUS_OK)
    *(enum heat_quantity *)member = (enum heat_quantity)place;
  return status;
}

enum status option_apply_metric(void *member, const char *text, struct error *error)
{
  const char *words[SWEEP_METRICS + 1] = {NULL};
  size_t place;
  for (size_t i = 0; i < SWEEP_METRICS; i++)
    words[i] = sweep_metric_name((enum sweep_metric)i);
  enum status status = option_choose(text, words, &place, error);
  if (status == STATUS_OK)
    *(enum sweep_metric *)member = (enum sweep_metric)place;
  return status;
}

enum status option_apply_rank(void *member, const char *text, struct error *error)
{
  enum board_ranking by;
  if (!board_ranking_find(text, &by))
    return error_set(error, STATUS_USAGE, "expected one of total, bulk, channel; found '%s'", text);
  *(int *)member = (int)by;
  return STATUS_OK;
}

enum status option_apply_threads(void *member, const char *text, struct error *error)
{
  (void)member;
  long threads;
  enum status status = whole_number(text, 1, 256, &threads, error);
  if (status == STATUS_OK)
    pool_set_threads((unsigned)threads);
  return status;
}

enum status option_apply_cache(void *member, const char *text, struct error *error)
{
  long mebibytes;
  enum status status = whole_number(text, 0, 1 << 20, &mebibytes, error);
  if (status == STATUS_OK)
    *(size_t *)member = (size_t)mebibytes << 20;
  return status;
}

enum status option_apply_switch(void *member, const char *text, struct error *error)
{
  (void)text, (void)error;
  *(bool *)member = true;
  return STATUS_OK;
}
