#include "tui/screen/overlay.h"

#include "tui/screen/actions.h"
#include "tui/screen/paint.h"

const struct overlay overlay_table[MODE_COUNT] = {
    [MODE_BROWSER] = {action_browser_key, paint_browser},
    [MODE_HELP] = {action_help_key, paint_help},
    [MODE_PALETTE] = {action_palette_key, paint_palette},
    [MODE_OPEN] = {action_open_key, paint_open},
    [MODE_COMPARE] = {action_open_key, paint_open},
    [MODE_CHECKS] = {action_checks_key, paint_checks},
};
