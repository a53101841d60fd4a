/* Temporary files without a name: they are gone when they are closed, whatever happens.
 *
 * Ownership: the caller closes the file. Threads: any. */
#ifndef QSCOPE_DATA_TEMPORARY_H
#define QSCOPE_DATA_TEMPORARY_H

#include <stddef.h>

/* The folder that they lie in: TMPDIR, or /tmp. */
const char *temporary_folder(void);

/* A new empty file; -1 and errno. *ROOM: the bytes that it may take, half of what is free on its
 * disk; SIZE_MAX where that is not known. */
int temporary_file(size_t *room);

#endif
