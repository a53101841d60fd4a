#include "tui/screen/screen_view.h"

#include "tui/screen/board_view.h"
#include "tui/screen/channels_view.h"
#include "tui/screen/compare_view.h"
#include "tui/screen/cursor.h"
#include "tui/screen/format_view.h"
#include "tui/screen/heat_view.h"
#include "tui/screen/inspector.h"
#include "tui/screen/layer_view.h"
#include "tui/screen/pins.h"
#include "tui/screen/pins_view.h"
#include "tui/screen/sweep_view.h"
#include "tui/screen/what_if_view.h"

static const struct screen_view table[] = {
    {.kind = VIEW_HISTOGRAM,
     .command = COMMAND_VIEW_HISTOGRAM,
     .window = true,
     .step = cursor_step,
     .back = cursor_back,
     .verdict = cursor_words},
    {.kind = VIEW_ERROR,
     .command = COMMAND_VIEW_ERROR,
     .window = true,
     .step = cursor_step,
     .back = cursor_back,
     .verdict = cursor_words},
    {.kind = VIEW_CHANNELS,
     .command = COMMAND_VIEW_CHANNELS,
     .paint = channels_view_paint,
     .move = channels_view_move,
     .step = channels_view_step,
     .click = channels_view_click,
     .stand = channels_view_stand,
     .back = what_if_back,
     .lacks = what_if_lacks,
     .ask = what_if_ask,
     .take = what_if_take,
     .work = "what if",
     .stopped = "stopped: the what-ifs that are known stay; w starts again"},
    {.kind = VIEW_SWEEP,
     .command = COMMAND_VIEW_SWEEP,
     .alone = true,
     .arrows = "points",
     .paint = sweep_view_paint,
     .move = sweep_view_move,
     .step = sweep_view_step,
     .click = sweep_view_click,
     .verdict = sweep_view_verdict,
     .lacks = sweep_view_lacks,
     .ask = sweep_view_ask,
     .take = sweep_view_take,
     .work = "sweep  ",
     .stopped = "stopped: the points that are known stay; any change of a knob starts again",
     .settle = sweep_view_settle,
     .figure = sweep_view_figure,
     .ask_export = sweep_view_ask_export},
    {.kind = VIEW_HEAT,
     .command = COMMAND_HEAT,
     .alone = true,
     .arrows = "move",
     .paint = heat_view_paint,
     .move = heat_view_move,
     .step = heat_view_step,
     .click = heat_view_click,
     .stand = heat_view_stand,
     .verdict = heat_view_readout,
     .lacks = heat_view_lacks,
     .ask = heat_view_ask,
     .take = heat_view_take,
     .figure = heat_view_figure,
     .work = "map    ",
     .stopped = "stopped: any change of a knob starts again"},
    {.kind = VIEW_COMPARE,
     .command = COMMAND_VIEW_COMPARE,
     .window = true,
     .alone = true,
     .arrows = "choose",
     .paint = pins_view_paint,
     .move = pins_choose,
     .step = cursor_step,
     .click = pins_view_click,
     .back = cursor_back,
     .verdict = cursor_words},
    {.kind = VIEW_COMPARE,
     .command = COMMAND_VIEW_COMPARE,
     .pairs = true,
     .window = true,
     .alone = true,
     .paint = compare_view_paint,
     .move = compare_view_move,
     .step = cursor_step,
     .back = cursor_back,
     .verdict = compare_view_verdict,
     .lacks = compare_view_lacks,
     .ask = compare_view_ask,
     .take = compare_view_take,
     .work = "compare",
     .stopped = "stopped: the pairs that are known stay; another tensor starts again",
     .settle = compare_view_settle,
     .figure = compare_view_figure,
     .ask_export = compare_view_ask_export},
    {.kind = VIEW_BOARD,
     .command = COMMAND_VIEW_BOARD,
     .alone = true,
     .paint = board_view_paint,
     .move = board_view_move,
     .step = board_view_step,
     .click = board_view_click,
     .stand = board_view_stand,
     .back = board_view_back,
     .verdict = board_view_verdict,
     .request = board_view_request,
     .lacks = board_view_lacks,
     .ask = board_view_ask,
     .take = board_view_take,
     .settle = board_view_settle,
     .work = "board  ",
     .stopped = "stopped: the rows that are known stay; any change of a knob starts again"},
    {.kind = VIEW_INSPECTOR,
     .command = COMMAND_VIEW_INSPECTOR,
     .arrows = "walk",
     .paint = inspector_paint,
     .move = inspector_move,
     .step = inspector_step,
     .click = inspector_click,
     .stand = inspector_stand,
     .request = inspector_request,
     .incomplete = inspector_incomplete},
    {.kind = VIEW_LAYER,
     .command = COMMAND_VIEW_LAYER,
     .alone = true,
     .arrows = "choose",
     .paint = layer_view_paint,
     .move = layer_view_move,
     .step = layer_view_step,
     .click = layer_view_click,
     .stand = layer_view_stand,
     .back = layer_view_back,
     .verdict = layer_view_verdict,
     .summary = layer_view_summary,
     .lacks = layer_view_lacks,
     .ask = layer_view_ask,
     .take = layer_view_take,
     .settle = layer_view_settle,
     .figure = layer_view_figure,
     .work = "method ",
     .stopped = "stopped: the methods that are known stay; any change of a knob starts again"},
    {.kind = VIEW_FORMAT,
     .command = COMMAND_VIEW_FORMAT,
     .arrows = "numbers",
     .paint = format_view_paint,
     .move = format_view_move,
     .step = format_view_step,
     .end = format_view_end,
     .click = format_view_click,
     .stand = format_view_stand,
     .back = format_view_back,
     .verdict = format_view_readout,
     .figure = format_view_figure},
};

const struct screen_view *screen_view_of(const struct state *state)
{
  enum view_kind kind = state->view.kind;
  bool pairs = kind == VIEW_COMPARE && state->pairs;
  size_t i = 0;
  while (i + 1 < sizeof table / sizeof *table && (table[i].kind != kind || table[i].pairs != pairs))
    i++;
  return &table[i];
}

const struct screen_view *screen_view(const struct explorer *explorer)
{
  return screen_view_of(&explorer->state);
}

int explorer_scope(const struct explorer *explorer)
{
  return screen_view(explorer)->pairs ? SCOPE_PAIRS : (int)explorer->state.view.kind;
}
