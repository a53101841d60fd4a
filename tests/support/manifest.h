/* The lists of reference vectors: "manifest_NAME.json" of conformance/calibration, whose entries
 * say what an implementation was given and what it chose.
 *
 * Ownership: the caller frees with json_decref; texts live as long. Threads: no state. */
#ifndef QSCOPE_TESTS_MANIFEST_H
#define QSCOPE_TESTS_MANIFEST_H

#include <jansson.h>

/* The manifest NAME; there must be a vectors_folder(). Fails the test where it cannot be read. */
json_t *manifest_load(const char *name);

/* The text (or NULL), the number (or 0) at KEY. */
const char *manifest_text(const json_t *entry, const char *key);
double manifest_number(const json_t *entry, const char *key);

#endif
