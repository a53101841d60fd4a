#include "tui/cli/user_settings.h"

#include "data/tensor.h"
#include "quant/base/nearest.h"
#include "tui/base/xdg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The options that a user may decide for good; they count where they were not given. */
static const char *const settings[] = {"ascii", "cache", "color",   "escape-delay", "glyphs",
                                       "hints", "mouse", "restore", "theme",        "threads"};
enum { SETTINGS = sizeof settings / sizeof *settings };

static bool is_setting(const char *key)
{
  for (int i = 0; i < SETTINGS; i++)
    if (strcmp(settings[i], key) == 0)
      return true;
  return false;
}

/* What is wrong with LINE, when something is; else it is applied. */
static enum status read_line(struct options *out, const bool *used, apply_setting *apply,
                             const struct settings_line *line, struct error *error)
{
  char shown[128];
  if (line->wrong)
    return error_set(error, STATUS_INPUT, "expected KEY = VALUE");
  if (!line->key || strcmp(line->key, "version") == 0)
    return STATUS_OK;
  if (is_setting(line->key))
    return apply(out, used, line->key, line->value, error);
  const char *near = nearest_word(line->key, settings, SETTINGS);
  return error_set(error, STATUS_INPUT, "unknown key '%s'%s%s%s (it is kept)",
                   text_escape(line->key, shown, sizeof shown), near ? "; did you mean '" : "",
                   near ? near : "", near ? "'?" : "");
}

void user_settings_apply(struct options *out, const bool *used, apply_setting *apply)
{
  struct error error = {.status = STATUS_OK};
  char *path, shown[256], *notice = out->app.notice;
  if (xdg_path(XDG_CONFIG, "config", &path, &error) != STATUS_OK)
    return;
  enum status status = settings_read(path, &out->settings, &error);
  if (status != STATUS_OK)
    snprintf(notice, sizeof out->app.notice, "%.255s", error.text);
  else if (out->settings->version > SETTINGS_VERSION)
    snprintf(notice, sizeof out->app.notice, "%s is of a later version: what is known of it counts",
             text_escape(path, shown, sizeof shown));
  for (size_t i = 0; status == STATUS_OK && i < out->settings->lines; i++)
    if (read_line(out, used, apply, &out->settings->line[i], &error) != STATUS_OK && !*notice)
      snprintf(notice, sizeof out->app.notice, "%.200s:%zu: %.250s",
               text_escape(path, shown, sizeof shown), i + 1, error.text);
  free(path);
}
