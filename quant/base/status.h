/* How a function says what went wrong.
 *
 * Every function that can fail returns a status and, where the caller passes one, fills an
 * error with a sentence for people: what was expected, what was found. Ownership: nothing
 * here allocates. Threads: each error belongs to its caller. */
#ifndef QSCOPE_QUANT_BASE_STATUS_H
#define QSCOPE_QUANT_BASE_STATUS_H

enum status {
  STATUS_OK,
  STATUS_USAGE,     /* the request is wrong: a typo, an impossible combination (exit 2) */
  STATUS_INPUT,     /* input that cannot be read (exit 3) */
  STATUS_OUTPUT,    /* output that cannot be written (exit 4) */
  STATUS_MEMORY,    /* memory ran out (exit 3) */
  STATUS_FAILED,    /* the numbers are there, but not as they were asserted to be (exit 1) */
  STATUS_CANCELLED, /* the caller asked to stop; partial results are invalid */
};

struct error {
  enum status status;
  char text[640];
};

/* Fills ERROR (may be NULL) and returns STATUS, so that a failure is one return statement.
 * Text beyond the buffer is cut; control characters, which should have been escaped, become '?'. */
enum status error_set(struct error *error, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a place ("model.npy: ") in front of the text already in ERROR; keeps its status. */
void error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Fills ERROR with "out of memory" for WHAT and returns STATUS_MEMORY. */
enum status error_memory(struct error *error, const char *what);

/* The process exit status that belongs to STATUS (DESIGN: 0, 2, 3, 4; 1: STATUS_FAILED). */
int status_exit_code(enum status status);

#endif
