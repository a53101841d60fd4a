/* What the screen tests share: a small model file, and the program started on it.
 *
 * Ownership: fixture_enter makes a temporary folder and goes there; fixture_leave deletes it. */
#ifndef QSCOPE_TESTS_SCREEN_FIXTURE_H
#define QSCOPE_TESTS_SCREEN_FIXTURE_H

#include "tests/screen/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Group set-up and tear-down. The folder holds:
 *   model.safetensors  "conv" 16x32 f32, channel 5 forty times the others; "bias" 16 f32;
 *                      a name with terminal controls, 4 f32
 *   damaged.npy        the first bytes of a .npy
 * The user's own folders (XDG) are another temporary one. */
int fixture_enter(void **state);
int fixture_leave(void **state);

/* Deletes the files in FOLDER. */
void fixture_empty(const char *folder);

/* qscope with ARGUMENTS (NULL-terminated, without the program), settled unless it ended. */
struct harness *fixture_start(const char *const *arguments, const struct harness_options *options);
/* qscope model.safetensors -t conv at 24 x 80. */
struct harness *fixture_open(void);

/* Quits with q; checks that everything is as it was and the exit status is 0. */
void fixture_quit(struct harness *harness);

const char *fixture_program(void);

/* Fail with the screen when TEXT is not, or is, on it. */
void assert_shows(struct harness *harness, const char *text);
void assert_shows_not(struct harness *harness, const char *text);

/* A copy of the screen; the caller frees it. */
char *screen_of(struct harness *harness);

/* Types TEXT, each character a key. */
void type(struct harness *harness, const char *text);

/* What a terminal sends for KEY (tui/screen/keys.h); BUFFER holds two bytes. */
const char *key_bytes(uint32_t key, char *buffer);

/* The row of the table that the pointer stands on, at the left edge, into TEXT. */
void fixture_selected(struct harness *harness, char *text, size_t size);

#endif
