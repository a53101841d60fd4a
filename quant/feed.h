/* Where values come from, seen from the ground floor: a flat array of float32 that can be
 * read block by block. A mapped float32 file is lent directly; every other stored type is
 * decoded into the caller's scratch, so that no tensor is ever copied whole.
 *
 * Ownership: a feed borrows what it reads from; it must not outlive it. Threads: reading is
 * safe from any number of threads. */
#ifndef QSCOPE_QUANT_FEED_H
#define QSCOPE_QUANT_FEED_H

#include <stddef.h>

enum {
  FEED_BLOCK = 4096,  /* elements that one read may ask for: scratch stays in cache */
  FEED_CHUNK = 65536, /* elements of one parallel job: a multiple of FEED_BLOCK */
};

struct feed {
  size_t count;        /* elements, in C order of the tensor's shape */
  const float *direct; /* all values, when they lie in memory as aligned float32; else NULL */
  /* Decodes elements start..start+n-1 into out (n <= FEED_BLOCK). Cannot fail: sizes were
   * checked when the source was opened. NULL when direct is set. */
  void (*decode)(const void *self, size_t start, size_t n, float *out);
  const void *self;
  /* Told of the bytes of a file that a read may have touched: TOUCHED for each element. NULL:
   * nobody wants to know. */
  void (*passed)(size_t bytes);
  size_t touched;
};

/* A feed over COUNT floats in memory; borrows VALUES. */
static inline struct feed feed_floats(const float *values, size_t count)
{
  return (struct feed){.count = count, .direct = values};
}

/* Elements start..start+n-1 (n <= FEED_BLOCK): lent, or decoded into SCRATCH (FEED_BLOCK
 * floats, the caller's). */
static inline const float *feed_block(const struct feed *feed, size_t start, size_t n,
                                      float *scratch)
{
  if (feed->passed)
    feed->passed(n * feed->touched);
  if (feed->direct)
    return feed->direct + start;
  feed->decode(feed->self, start, n, scratch);
  return scratch;
}

#endif
