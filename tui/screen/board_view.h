/* The calibrator board: view 6, the curve of error against threshold above, every calibrator below.
 *
 * The board belongs to the result that is shown; its parts come from the engine one by one while
 * the view is open. Ownership: borrows the explorer. Threads: the UI thread. */
#ifndef QSCOPE_TUI_SCREEN_BOARD_VIEW_H
#define QSCOPE_TUI_SCREEN_BOARD_VIEW_H

#include "tui/screen/explorer.h"

/* True when the board of what is shown is not complete. */
bool board_view_lacks(const struct explorer *explorer);
/* Asks the engine for it. */
void board_view_ask(struct explorer *explorer);
/* Takes the board, or a part of it, or why there is none. */
void board_view_take(struct explorer *explorer, struct engine_answer *answer);
/* A figure needs all of it. */
void board_view_request(struct result_request *request, bool export);
/* Before NEXT replaces the result: hands the board on where it holds for NEXT, too. */
void board_view_keep(struct explorer *explorer, struct result *next);

/* BY rows down, or up. */
void board_view_move(struct explorer *explorer, int by);
/* To the rule with the next larger threshold (1), or smaller. */
void board_view_step(struct explorer *explorer, int direction);
/* To the rule whose threshold is nearest to TEXT, or to a place of the curve. */
enum status board_view_stand(struct explorer *explorer, const char *text, struct error *error);
bool board_view_click(struct explorer *explorer, int row, int column);
/* Takes the selected calibrator for the knobs. */
void board_view_enter(struct explorer *explorer);
/* Closes the explanation; false when none is open. */
bool board_view_back(struct explorer *explorer);

/* What the message line says of the knobs' calibrator: "" when there is nothing to say. */
char *board_view_verdict(const struct explorer *explorer, char *text, size_t size);

void board_view_paint(struct explorer *explorer, struct rect rect);

/* Ranks by the next of total, bulk and channel. */
void board_view_rank(struct explorer *explorer);
/* Before a frame: the rows in the order of the state, which undo may have changed. */
void board_view_settle(struct explorer *explorer);

#endif
