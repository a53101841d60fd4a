/* What the files of the HDF5 reader share. libhdf5 is not safe for threads in most builds: every
 * call of it lies between hdf5_lock and hdf5_unlock. */
#ifndef QSCOPE_DATA_HDF5_H
#define QSCOPE_DATA_HDF5_H

#include "data/source_types.h"
#include "quant/base/library.h"

#define H5_USE_110_API
#include <hdf5.h>

/* What is called of libhdf5, which is loaded at the first file: h5.Fopen is H5Fopen. The header's
 * own calls, in H5F_ACC_RDONLY and its like, are not needed: any call initialises the library. */
struct hdf5_calls {
#define CALL(name) LIBRARY_CALL(H5, name)
#include "data/hdf5_calls.def"
#undef CALL
};
extern struct hdf5_calls h5;
#undef H5OPEN
#define H5OPEN
#undef H5CHECK
#define H5CHECK

#define HDF5_LIBRARY "libhdf5"

struct hdf5 {
  const struct map *map;
  hid_t file;
  bool matlab;     /* MATLAB 7.3: dimensions are in reverse, the first axis is fastest */
  bool *in_memory; /* of each tensor: read by the library, freed with the source */
  size_t in_memory_count, loaded /* bytes */;
  size_t links, soft, external, foreign, text, other, deep; /* what was seen, what was skipped */
};

/* Also silences the library, which would write to the terminal. */
void hdf5_lock(void);
void hdf5_unlock(void);

/* STATUS_INPUT: WHAT, and why by the library's innermost message. */
enum status hdf5_failed(struct error *error, const char *what);

/* Lists the dataset at PATH, or counts it as skipped. */
enum status hdf5_add_dataset(struct source *source, const char *path, struct error *error);
enum status hdf5_load(struct source *source, size_t index, struct progress *progress,
                      struct error *error);

#endif
