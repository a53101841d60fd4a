/* Files that tests write: in one temporary folder per program, removed at its end.
 *
 * Ownership: paths live in static buffers until the next call of the same function. Threads:
 * one. */
#ifndef QSCOPE_TESTS_DATA_FILES_H
#define QSCOPE_TESTS_DATA_FILES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* the order that cmocka needs */
#include <setjmp.h>

#include <cmocka.h>

#include "data/source.h"

/* The folder; created by the first call. */
const char *files_folder(void);

/* cmocka group teardown: removes the folder. */
int files_remove(void **state);

/* Removes the files in the folder. */
void files_clear(void);

/* Writes SIZE bytes to NAME in the folder; the path. */
const char *files_write(const char *name, const void *bytes, size_t size);

/* A .npy of version 1 with the given header words and data. */
const char *files_npy(const char *name, const char *descr, const char *fortran, const char *shape,
                      const void *data, size_t size);

/* A .safetensors with the header text and data. */
const char *files_safetensors(const char *name, const char *header, const void *data, size_t size);

/* The file NAME of $QSCOPE_SHARED/samples, or NULL when it is not there. */
const char *files_sample(const char *name);

/* The file NAME of tests/data/FOLDER. */
const char *files_data(const char *folder, const char *name);

/* The file WRITTEN is what tests/data/good/NAME holds, at most 8 kB; set UPDATE_GOLDEN to write
 * that anew. */
void files_golden(const char *written, const char *name);

/* Opens PATH, which must succeed. */
struct source *files_open(const char *path);

/* Opens SPEC, which must fail with STATUS and a message that contains FRAGMENT. */
void files_refused(const char *spec, enum status status, const char *fragment);

/* Loads tensor INDEX and reads all of its values; the caller frees them. */
float *files_values(struct source *source, size_t index);

#endif
