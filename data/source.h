/* A source: something that lists tensors. A file, a directory of shards, standard input, or a
 * synthetic spec ("synth:student-t,nu=3").
 *
 * Ownership: the caller owns the source and closes it; tensors, names and bytes live until
 * then. Threads: open, load and close on one thread at a time; reading loaded tensors from any. */
#ifndef QSCOPE_DATA_SOURCE_H
#define QSCOPE_DATA_SOURCE_H

#include "data/tensor.h"
#include "quant/base/pool.h"
#include "quant/base/status.h"

#include <stddef.h>
#include <stdint.h>

struct source;

/* One row of the table of source types (data/source.c): .npy, .npz, .gguf, .safetensors, a
 * directory or an index of shards, synth:. A new file type is one row and one file. */
struct source_type {
  const char *name;    /* "safetensors" */
  const char *prefix;  /* "synth:": what begins so is of this type, and names no file; or NULL */
  const char *summary; /* one line for --help */
  /* True when this type is meant: by the first bytes, by the name. HEAD holds the first LENGTH
   * bytes of the file (0 for a directory). NULL where there is a prefix. */
  bool (*tastes)(const char *spec, const unsigned char *head, size_t length);
  enum status (*open)(const char *spec, struct source *source, struct error *error);
};
extern const struct source_type source_types[];
extern const size_t source_types_length;

/* Bytes of the prefix of SPEC ("synth:") that says its type; 0 where it has none. */
size_t source_prefix(const char *spec);

/* True when opening SPEC reads standard input, which can be done once: "-", "raw:-,...". */
bool source_reads_stdin(const char *spec);

/* Opens SPEC ("-" is a file on standard input). The message of a failure starts with the file's
 * name (escaped) and names tensor, offset, expected and found. STATUS_INPUT, STATUS_USAGE (a
 * wrong synth: parameter), STATUS_MEMORY. */
enum status source_open(const char *spec, struct source **out, struct error *error);

/* The same as the type that TYPE names (of source_types: --input-format), whatever the file looks
 * like; NULL: recognised, as source_open does it. STATUS_USAGE for an unknown type, with the
 * nearest and all there are. */
enum status source_open_as(const char *spec, const char *type, struct source **out,
                           struct error *error);

/* The same for someone who watches: while the source is opened, PROGRESS tells how much of it is
 * read, or how many bytes where the end is not known (total 0), and its flag ends the reading, most
 * often soon. STATUS_CANCELLED then. */
enum status source_open_watched(const char *spec, const char *type, struct progress *progress,
                                struct source **out, struct error *error);

/* The TYPE that source_open_as needs to open the same again; NULL where it is recognised. */
const char *source_input_format(const struct source *source);

void source_close(struct source *source);

/* The spec it was opened with; the type's name ("npy"). */
const char *source_spec(const struct source *source);
const char *source_type_name(const struct source *source);

/* SPEC for people: "standard input" for "-". The same without the folders in front. */
const char *source_title(const char *spec);
const char *source_short_title(const char *spec);

size_t source_count(const struct source *source);
const struct tensor *source_tensor(const struct source *source, size_t index);

/* Index of the tensor that is worth a look when nobody says which: the first that is unpacked from
 * others, else the first matrix that holds no integers, else the first such row, else the first
 * matrix of bytes, else the first number; 0 where there is none. */
size_t source_first(const struct source *source);

/* Tells SOURCE from every other that this process opens or has opened. */
uint64_t source_number(const struct source *source);

/* A line about tensor INDEX where the source has one (synth: the distribution's meaning), or "". */
const char *source_remark(const struct source *source, size_t index);

/* A line about the whole source (what of a checkpoint was skipped), or "". */
const char *source_note(const struct source *source);

/* What the source says about itself (GGUF's keys, __metadata__ of safetensors, config.json), in its
 * order; keys may repeat. A value is text for people: long ones are cut, arrays abridged. Any byte
 * but NUL may occur: escape before showing. */
struct metadatum {
  const char *key, *value;
};
size_t source_metadata_count(const struct source *source);
const struct metadatum *source_metadatum(const struct source *source, size_t index);

/* Index of the tensor called NAME; STATUS_INPUT with the nearest names when there is none. An
 * empty or NULL name means the only tensor, and is an error (naming some) when there are many. */
enum status source_find(const struct source *source, const char *name, size_t *index,
                        struct error *error);

/* Makes the tensor's data readable: nothing to do for a mapped file, inflates a member of an
 * archive, loads the parts of a derived tensor, generates a synthetic one (deterministic for its
 * seed, whatever the number of threads). STATUS_INPUT for a stored type that is listed only and for
 * a damaged member, STATUS_CANCELLED, STATUS_MEMORY; the message does not repeat source and tensor,
 * which the caller chose. */
enum status source_load(struct source *source, size_t index, struct progress *progress,
                        struct error *error);

/* Bytes of memory that the machine has; SIZE_MAX when it does not tell. What would take more than
 * half of it is refused before it is allocated. */
size_t source_memory(void);

/* STATUS_INPUT when a file of SOURCE shrank or failed while it was mapped (what was read of it
 * since is zeros): call after each pass over a tensor. */
enum status source_verify(const struct source *source, struct error *error);

#endif
