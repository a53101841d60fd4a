/* A machine without fonts: an error that says what to install, not a picture without words. A
 * program of its own, because the font library reads its configuration once. */
#include "tests/figure/picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void no_font_is_an_error(void **state)
{
  (void)state;
  static const double heights[] = {1, 2};
  char *folder = folder_make(), config[4200], path[4200];
  snprintf(config, sizeof config, "%s/fonts.conf", folder);
  snprintf(path, sizeof path, "%s/a.png", folder);
  FILE *file = fopen(config, "w");
  assert_non_null(file);
  fprintf(file, "<?xml version=\"1.0\"?><fontconfig><cachedir>%s</cachedir></fontconfig>\n",
          folder);
  fclose(file);
  setenv("FONTCONFIG_FILE", config, 1);
  struct figure *figure = bars_figure(heights, 2);
  struct figure_options options = figure_options_default();
  struct error error;
  assert_int_equal(figure_write(figure, path, &options, &error), STATUS_OUTPUT);
  assert_non_null(strstr(error.text, "no font is installed"));
  assert_non_null(strstr(error.text, "fonts-dejavu-core"));
  assert_int_not_equal(access(path, F_OK), 0);
  figure_free(figure);
  folder_remove(folder);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_font_is_an_error)};
  return cmocka_run_group_tests_name("no font", tests, NULL, NULL);
}
