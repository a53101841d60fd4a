#include "tui/screen/app.h"

enum status app_run(const struct recipe *recipe, const struct app_options *options,
                    struct error *error)
{
  (void)recipe, (void)options;
  return error_set(error, STATUS_OUTPUT, "the explorer is not built yet");
}
