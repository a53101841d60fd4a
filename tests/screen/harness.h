/* The screen harness: a program in a pseudo-terminal, its screen read back through libvterm.
 *
 * Nothing sleeps: every wait is for a condition, with a deadline. The program says when it has
 * settled: with QSCOPE_TEST_IDLE set, qscope sends OSC 5379;idle;N;RxC after each settled frame:
 * N keys were handled, the frame has R rows and C columns. Ownership: harness_start returns a
 * harness that harness_end frees. Threads: one. */
#ifndef QSCOPE_TESTS_SCREEN_HARNESS_H
#define QSCOPE_TESTS_SCREEN_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct harness;

struct harness_cell {
  uint32_t code;
  bool bold, reverse, underline;
  bool plain_ink, plain_paper; /* the terminal's own colours */
  int ink;                     /* index in the palette; -1: none */
};

enum { HARNESS_ENVIRONMENT = 8 };

struct harness_options {
  const char *const *arguments;                 /* arguments[0] is the program; NULL-terminated */
  int rows, columns;                            /* 0: 24 x 80 */
  const char *environment[HARNESS_ENVIRONMENT]; /* NAME=VALUE, over the pinned ones */
};

struct harness *harness_start(const struct harness_options *options);
/* Kills the program if it still runs, waits for it, frees. */
void harness_end(struct harness *harness);

pid_t harness_child(const struct harness *harness);

/* Closes the terminal, as when its window goes. */
void harness_hang_up(struct harness *harness);

/* Sends bytes as they are. */
void harness_bytes(struct harness *harness, const char *bytes);
/* Sends KEYS keys ("\033[A" is one) without waiting; the next wait for settling covers them. */
void harness_send(struct harness *harness, const char *bytes, unsigned keys);
/* Sends KEYS keys and waits until the program has handled all of them and
 * settled. False at the deadline (the screen is printed then). */
bool harness_press(struct harness *harness, const char *bytes, unsigned keys);
/* One key for each byte. */
bool harness_type(struct harness *harness, const char *text);

/* Each waits until its condition holds; false at the deadline or when the program has ended, and
 * the screen is printed then. */
bool harness_wait_text(struct harness *harness, const char *text);
bool harness_wait_no_text(struct harness *harness, const char *text);
bool harness_wait_settled(struct harness *harness);
bool harness_wait_bytes(struct harness *harness, const char *bytes);
/* Waits for the end of the program; its wait status. -1 at the deadline. */
int harness_wait_end(struct harness *harness);
/* Waits until the program is stopped by job control. */
bool harness_wait_stopped(struct harness *harness);

/* Sets the size; the program gets its SIGWINCH. The next harness_press covers the redraw. */
void harness_resize(struct harness *harness, int rows, int columns);

/* What is on the screen: trailing blanks cut, rows end with newline; valid until the next call. */
const char *harness_screen(struct harness *harness);
bool harness_shows(struct harness *harness, const char *text);
/* Row as text; valid until the next call. */
const char *harness_row(struct harness *harness, int row);
struct harness_cell harness_cell(struct harness *harness, int row, int column);
/* Position of TEXT on the screen; false when it is not there. */
bool harness_find(struct harness *harness, const char *text, int *row, int *column);
bool harness_alternate(const struct harness *harness);
bool harness_cursor_visible(const struct harness *harness);

/* All bytes the program has written, and how many. */
const char *harness_output(const struct harness *harness, size_t *length);
/* True when the terminal settings are those the program found. */
bool harness_settings_restored(const struct harness *harness);

/* While set, failures do not print the screen: for tests that expect one. Shorter deadline too. */
void harness_quiet(struct harness *harness, bool quiet);

#endif
