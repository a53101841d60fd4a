/* The trace of frames: how long each takes after the key that it answers, and what its numbers are.
 *
 * A line for each frame, its columns separated by tabs, below a line that names them: the
 * frame's number; the last key (or command of a script) that was handled ("-": none since the
 * numbers were exact); the milliseconds from reading the first key that no frame had answered yet
 * to the frame's last byte
 * ("-"); and whether the numbers are `exact`, `digest` (exact but for the channels, which follow),
 * `numbers` (exact, but the plots follow), `estimate`, `stale` or `none`.
 * Ownership: trace_open returns a trace that trace_close ends. Threads: the UI thread. NULL in
 * place of a trace: nothing is written. */
#ifndef QSCOPE_TUI_SCREEN_TRACE_H
#define QSCOPE_TUI_SCREEN_TRACE_H

#include "quant/base/status.h"

#include <stdint.h>

struct trace;

/* STATUS_OUTPUT when PATH cannot be written. */
enum status trace_open(const char *path, struct trace **out, struct error *error);
/* STATUS_OUTPUT when something could not be written. */
enum status trace_close(struct trace *trace, struct error *error);

/* KEY was read. */
void trace_key(struct trace *trace, uint32_t key);
/* A script's command, called NAME, was read: it stands for a key. */
void trace_command(struct trace *trace, const char *name);
/* A frame is on its way to the terminal, all of it, with such NUMBERS. */
void trace_frame(struct trace *trace, const char *numbers);

#endif
