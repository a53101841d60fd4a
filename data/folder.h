/* A folder that is no model of several files (data/shards.c): of .npy arrays, each a tensor, or
 * with one file of another type in it.
 *
 * Ownership: as data/source_types.h. Threads: as data/source.h. */
#ifndef QSCOPE_DATA_FOLDER_H
#define QSCOPE_DATA_FOLDER_H

#include "data/source_types.h"

/* How many levels of folders are looked into for .npy files; how many files, folders and links. */
enum { FOLDER_LEVELS = 8, FOLDER_ENTRIES = 1 << 18 };

/* Opens the folder PATH: its .npy files, also in folders within, in natural order, each named by
 * the way to it without ".npy"; links are not followed. Where there are none, the only file in PATH
 * of a type that source_recognise knows. A .npy that cannot be read is told in a note; STATUS_INPUT
 * when all are like that, or there is nothing to open. Messages start with the path. */
enum status folder_open(const char *path, struct source *source, struct error *error);

#endif
