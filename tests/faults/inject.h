/* Injected faults: the n-th call of a kind fails. The programs here are linked with the linker's
 * --wrap for the calls listed in inject.c, so that only what the project's own files call fails:
 * the libraries (GSL, Cairo, fontconfig, Jansson, libzip, ncurses) are not made to. Works with
 * every compiler and under the sanitizers.
 *
 * Threads: calls are counted from all of them. */
#ifndef QSCOPE_TESTS_FAULTS_INJECT_H
#define QSCOPE_TESTS_FAULTS_INJECT_H

#include <stdbool.h>
#include <stddef.h>

enum fault_kind {
  FAULT_MEMORY, /* malloc, calloc, realloc, strdup, strndup, realpath: NULL, ENOMEM */
  FAULT_READ,   /* open, read, pread, fstat, stat, opendir: EIO */
  FAULT_MAP,    /* mmap: ENOMEM */
  FAULT_THREAD, /* pthread_create, pipe: EAGAIN */
  FAULT_WRITE,  /* mkstemp, fopen, fdopen, fwrite, fflush, fclose, fsync, fchmod, rename: ENOSPC */
  FAULT_KINDS,
};
extern const char *const fault_names[FAULT_KINDS];

/* Starts to count calls of KIND, and fails number N (from 1; 0: none), and those behind it when
 * FROM_THEN_ON is set. */
void inject_arm(enum fault_kind kind, size_t n, bool from_then_on);

/* Fails nothing any more; calls of the kind since inject_arm. */
size_t inject_disarm(void);

/* Blocks of memory that the project's files have allocated and nobody has freed. */
size_t inject_live(void);

/* The program under test: tui/cli/main.c with its main renamed. */
int qscope_main(int argc, char **argv);

#endif
