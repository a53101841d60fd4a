/* Whether a file is the one that it was: its size, when it was written, and a hash of its first and
 * last bytes, which costs two small reads whatever the size.
 *
 * Of a folder of shards (or their index) the regular files in it count, together. Ownership: plain
 * values. Threads: no state. */
#ifndef QSCOPE_DATA_FINGERPRINT_H
#define QSCOPE_DATA_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fingerprint {
  uint64_t bytes; /* of all files */
  uint64_t time;  /* when the last was written, in nanoseconds since 1970 */
  uint64_t hash;  /* XXH64 of the bytes FINGERPRINT_BLOCK from both ends, file by file by name */
};

enum { FINGERPRINT_BLOCK = 4096, FINGERPRINT_TEXT = 64 };

/* Where the file of a source's SPEC is named in it: *LENGTH bytes from the returned place on. NULL:
 * it names none (synth:, standard input). */
const char *spec_file(const char *spec, size_t *length);

/* False where SPEC names no file that can be read. */
bool fingerprint_take(const char *spec, struct fingerprint *out);

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b);

/* As text of one line, and back: *LENGTH bytes were read. */
char *fingerprint_print(const struct fingerprint *fingerprint, char text[FINGERPRINT_TEXT]);
bool fingerprint_scan(const char *text, struct fingerprint *out, size_t *length);

#endif
