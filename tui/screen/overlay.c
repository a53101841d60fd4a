#include "tui/screen/overlay.h"

#include "tui/screen/actions.h"
#include "tui/screen/paint.h"
#include "tui/screen/welcome.h"

const struct overlay overlay_table[MODE_COUNT] = {
    [MODE_BROWSER] = {action_browser_key, paint_browser},
    [MODE_HELP] = {help_key, help_paint},
    [MODE_PALETTE] = {palette_key, palette_paint},
    [MODE_CHECKS] = {action_checks_key, paint_checks},
    [MODE_SESSION] = {action_session_key, paint_session},
    [MODE_EXPERIMENTS] = {action_experiments_key, paint_experiments},
    [MODE_CHANGES] = {action_changes_key, paint_changes},
    [MODE_EXPORT] = {export_form_key, export_form_paint},
    [MODE_WELCOME] = {welcome_key, welcome_paint},
};
