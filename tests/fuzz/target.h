/* What is fuzzed: one row for each reader of files and each parser of text.
 *
 * A target is a function of bytes. It must survive any: crashes, leaks, reads outside a file, huge
 * allocations are for the sanitizers to see; what a target can see itself (a message that would
 * reach the terminal unescaped, a spec that is printed as another one) it reports by fuzz_fail.
 * Ownership: targets keep nothing between calls but the folder of fuzz_folder. Threads: one. */
#ifndef QSCOPE_TESTS_FUZZ_TARGET_H
#define QSCOPE_TESTS_FUZZ_TARGET_H

#include "quant/base/status.h"

#include <stddef.h>
#include <stdint.h>

struct fuzz_target {
  const char *name;     /* FORMAT of `make fuzz`; the program is called fuzz-NAME */
  const char *suffixes; /* of its files, with blanks between; "*": of every file; "/": folders */
  const char *place;    /* where its run puts the bytes: the name of a file, the prefix of a spec */
  const char *type;     /* what the source is opened as; NULL: what it is recognised as */
  void (*run)(const struct fuzz_target *target, const uint8_t *data, size_t size);
};
extern const struct fuzz_target fuzz_targets[];
extern const size_t fuzz_targets_length;

/* NULL when there is none. */
const struct fuzz_target *fuzz_find(const char *name);

/* --- for the functions of targets ---------------------------------------------------- */

/* Says what should not be, and aborts, so that the fuzzer keeps the bytes. */
_Noreturn void fuzz_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A failure must say something, and nothing that moves a terminal's cursor. */
void fuzz_refusal(enum status status, const struct error *error);

/* A private folder under TMPDIR, made by the first call and removed when the program ends; and the
 * path of the file NAME in it, in a static buffer, with DATA written to it. */
const char *fuzz_folder(void);
const char *fuzz_write(const char *name, const uint8_t *data, size_t size);

/* Opens SPEC as TYPE (NULL: what it is recognised as), asks all that can be asked of it, and closes
 * it. */
void fuzz_source(const char *spec, const char *type);

/* Bytes that stand for a folder: "==> NAME <==", a newline, the bytes of that file, and so on. */
void fuzz_run_folder(const struct fuzz_target *target, const uint8_t *data, size_t size);

#endif
