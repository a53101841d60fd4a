/* Which addresses are mapped files: what the SIGBUS handler asks, and what keeps the memory that
 * a process shows in bounds.
 *
 * Mapped pages that were read count as resident until someone lets go of them. Those who walk over
 * tensors say how many bytes they have read (map_passed); when the resident mapped pages exceed
 * MAP_RESIDENT_MOST, or MAP_RESIDENT_LEAST where the process is large without them, all are let go
 * of. They stay in the system's cache of files: whoever still reads there maps them again at little
 * cost, and no number depends on it. So tensors that fit stay mapped from key press to key press,
 * and larger ones stream.
 *
 * Ownership: ranges are never freed, only used again. Threads: all functions from any thread;
 * map_range_repair also from a signal handler. */
#ifndef QSCOPE_DATA_MAP_RANGE_H
#define QSCOPE_DATA_MAP_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  MAP_RESIDENT_MOST = 160 << 20,
  MAP_RESIDENT_LEAST = 48 << 20,
  MAP_PROCESS_MOST = 192 << 20, /* with all else that it has */
  MAP_LISTED_MOST = 32 << 20,   /* while what a file holds is listed */
  MAP_AROUND = 64 << 10,        /* bytes that the system maps around one that is read */
};

struct map_range;

/* Notes the LENGTH bytes (whole pages) mapped at START, the beginning of FILE, which stays open as
 * long; NULL when memory runs out. */
struct map_range *map_range_add(const void *start, size_t length, int file);

/* Copies SIZE bytes from FROM, through the file where they are mapped: nothing becomes resident. */
void map_copy(const unsigned char *from, size_t size, unsigned char *to);

/* The range that begins at START, or NULL; its file. */
struct map_range *map_range_at(const void *start);
int map_range_file(const struct map_range *range);

/* The file of the range is closed: what was read through it is read where it is mapped. */
void map_range_forget_file(struct map_range *range);

/* Unmaps the range; nothing of it is watched any more. */
void map_range_unmap(struct map_range *range);

/* Puts zeros in place of what follows ADDRESS in its range, and marks that as failed. False when
 * the address is in no range. */
bool map_range_repair(uintptr_t address);
bool map_range_failed(const struct map_range *range);

/* Lets go of all mapped pages: they are read again where they are still needed. */
void map_let_go(void);

/* BYTES more have been read; lets go of all mapped pages when too many are resident. */
void map_passed(size_t bytes);

/* The same of something BYTES long in what describes the tensors, when only its beginning is read.
 */
void map_listed(size_t bytes);

#endif
