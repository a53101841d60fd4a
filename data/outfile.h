/* A file that appears whole or not at all.
 *
 * Written to a temporary name in the same folder and renamed when it is complete, so that a full
 * disk or an interruption leaves an existing file untouched and nothing partial behind. "-" is
 * standard output; devices and pipes are written directly. Ownership: commit and discard free.
 * Threads: one at a time. */
#ifndef QSCOPE_DATA_OUTFILE_H
#define QSCOPE_DATA_OUTFILE_H

#include "quant/base/status.h"

#include <stdio.h>

struct outfile;

/* STATUS_OUTPUT, naming PATH and the reason; STATUS_MEMORY. */
enum status outfile_open(const char *path, struct outfile **out, struct error *error);

/* Writes SIZE bytes. An error is kept for commit, which reports the first one. */
void outfile_write(struct outfile *file, const void *bytes, size_t size);

/* For those who print; errors show in commit. */
FILE *outfile_stream(const struct outfile *file);

/* Finishes, puts the file in its place and frees FILE, whatever happens. STATUS_OUTPUT when
 * anything could not be written: then PATH is as it was before. */
enum status outfile_commit(struct outfile *file, struct error *error);

/* Removes what was written and frees FILE (may be NULL). */
void outfile_discard(struct outfile *file);

#endif
