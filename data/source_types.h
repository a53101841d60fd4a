/* What a source is inside: shared by data/source.c and the files that read one type each.
 *
 * A type's open function adds maps and tensors to an empty source; source.c frees everything,
 * also after a failure. Ownership: the source owns its maps, memory blocks, names and tensors.
 * Threads: as source.h says. */
#ifndef QSCOPE_DATA_SOURCE_TYPES_H
#define QSCOPE_DATA_SOURCE_TYPES_H

#include "data/map.h"
#include "data/name_index.h"
#include "data/source.h"

struct source {
  uint64_t number;
  const struct source_type *type;
  const struct source_type *asked; /* by --input-format, where that was needed; or NULL */
  char *spec;
  struct tensor *tensors;
  size_t count, capacity;
  struct name_index names; /* of the tensors that types have checked, of all once it is open */
  struct map **maps;
  size_t maps_count;
  struct straight *straight; /* copies of tensors in C order, see data/straight.c */
  size_t straight_count, straight_memory, straight_files /* bytes of them */;
  struct derived **derived; /* one allocation each */
  size_t derived_count;
  char **remarks; /* of tensor INDEX < remarks_count; NULL: none */
  size_t remarks_count;
  char *note; /* see source_note; or NULL */
  struct metadatum *metadata;
  size_t metadata_count, metadata_capacity, metadata_left_out;
  void *state;              /* the type's own, released by close */
  struct progress *opening; /* of who watches it being opened; else NULL */
  bool metered;             /* what is read in a loop within another does not count */
  struct source *base; /* what this one is laid over, and borrows: verified with it; `load` loads
                          derived tensors, too. NULL: it stands alone */
  /* NULL where the type has nothing to do. */
  enum status (*load)(struct source *source, size_t index, struct progress *progress,
                      struct error *error);
  const char *(*remark)(const struct source *source, size_t index);
  void (*close)(struct source *source);
};

/* For the loop that opens SOURCE: TOTAL units of work lie ahead, which progress_advance counts on
 * what this returns. NULL (which it ignores) where nobody watches, or where a loop around counts.
 */
struct progress *source_meter(struct source *source, size_t total);

/* A number that no other source of this process has had. */
uint64_t source_new_number(void);

/* Bytes from the beginning of a file that types are known by, at most. */
enum { SOURCE_HEAD = 4096 };

/* Maps PATH ("-": standard input) and keeps the map until the source is closed. */
enum status source_map(struct source *source, const char *path, struct map **out,
                       struct error *error);

/* Keeps MAP until the source is closed; closes it when this fails. */
enum status source_keep(struct source *source, struct map *map, struct error *error);

/* The type that the regular file PATH is by its content, or NULL: not of one that may be any text.
 */
const struct source_type *source_recognise(const char *path);

/* Puts the values of TENSOR (of SOURCE, loaded) into C order where that is worth a copy and there
 * is room for one, once: what failed is not tried again, for others may be reading by now.
 * STATUS_CANCELLED, STATUS_MEMORY. */
enum status straight_make(struct source *source, size_t index, struct progress *progress,
                          struct error *error);
/* The bytes that tensor INDEX came with, where a copy in C order has taken their place; else NULL.
 */
const unsigned char *straight_before(const struct source *source, size_t index);
/* Gives the tensors the values back that they came with. */
void straight_free(struct source *source);

/* What SOURCE is called the type of, a row of source_types. */
void source_set_type(struct source *source, const char *name);

/* Appends TENSOR with a copy of its name. */
enum status source_add(struct source *source, const struct tensor *tensor, struct error *error);

/* Appends TENSOR, whose derived and data are NULL, as derived by DERIVED: one allocation
 * (mem_array) that the source frees, whether this succeeds or not. Its parts are tensors of SOURCE,
 * which source_load loads before it calls the tensor loaded; `stored` need not be in stored_table.
 */
enum status source_add_derived(struct source *source, const struct tensor *tensor,
                               struct derived *derived, struct error *error);

/* Says TEXT (copied) about tensor INDEX: what source_remark returns from now on. For relations
 * between tensors; types whose every tensor has a remark set `remark` instead. */
enum status source_set_remark(struct source *source, size_t index, const char *text,
                              struct error *error);

/* Adds TEXT (printable, copied) to what source_note returns, behind "; " when there is some. */
enum status source_add_note(struct source *source, const char *text, struct error *error);

/* Adds KEY and VALUE (copied, cut to BRIEF_TEXT bytes) to the metadata; behind very many of them
 * only counts, and metadata_note says so once the source is open. */
enum { BRIEF_TEXT = 240 };
enum status source_tell(struct source *source, const char *key, const char *value,
                        struct error *error);
enum status metadata_note(struct source *source, struct error *error);
void metadata_free(struct source *source);

/* A short text of something long. What has no room is dropped. */
struct brief {
  char text[BRIEF_TEXT + 64];
  size_t used;
};
void brief_print(struct brief *brief, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* TEXT of LENGTH bytes; of more than MOST the first ones and the length. NUL becomes \\x00. */
void brief_quote(struct brief *brief, const void *text, size_t length, size_t most);

/* Adds the note "skipped: 2 sparse tensors, 1 tensor of text"; none where every count is 0. */
struct skipped {
  size_t count;
  const char *one, *many;
};
enum status source_note_skipped(struct source *source, const struct skipped *kinds, size_t length,
                                struct error *error);

/* STATUS_INPUT when two tensors have one name. From now on the tensors keep their names and places.
 */
enum status source_check_names(struct source *source, struct error *error);

/* SPEC without the prefix of its type ("synth:"), where it has that: --input-format asks for none.
 */
const char *source_words(const struct source *source, const char *spec);

/* STATUS_USAGE: "unknown WHAT WORD", the nearest of NAMES, and all of them. */
enum status source_unknown_word(const char *what, const char *word, const char *const *names,
                                size_t count, struct error *error);

/* Does TEXT end with SUFFIX; the part of PATH after the last slash; is
 * there a folder at PATH. */
bool text_ends(const char *text, const char *suffix);
const char *path_base(const char *path);
bool path_is_folder(const char *path);

/* NAME as text_escape shows it, for one message: lives to the end of the enclosing block. */
enum { SHOWN_SIZE = 256 };
#define SHOWN(name) text_escape((name), (char[SHOWN_SIZE]){0}, SHOWN_SIZE)

/* The same of LENGTH bytes that no NUL ends; what is behind the first 40 is left out. */
#define SHOWN_PART(bytes, length) text_part((bytes), (length), (char[SHOWN_SIZE]){0})
char *text_part(const void *bytes, size_t length, char text[SHOWN_SIZE]);

/* What a tensor is called that has no name but its file's: that without folder and suffix; "stdin".
 * Into TEXT of SHOWN_SIZE bytes; returns it. */
char *source_file_name(const char *path, char text[SHOWN_SIZE]);

/* The first eight of SIZE bytes in hexadecimal, into TEXT (BYTES_SHOWN); returns TEXT. */
enum { BYTES_SHOWN = 3 * 8 + 1 };
char *first_bytes(const unsigned char *bytes, size_t size, char *text);

/* The types, one file each. */
bool npy_tastes(const char *spec, const unsigned char *head, size_t length);
enum status npy_open(const char *spec, struct source *source, struct error *error);
bool npz_tastes(const char *spec, const unsigned char *head, size_t length);
enum status npz_open(const char *spec, struct source *source, struct error *error);
bool pytorch_tastes(const char *spec, const unsigned char *head, size_t length);
enum status pytorch_open(const char *spec, struct source *source, struct error *error);
bool gguf_tastes(const char *spec, const unsigned char *head, size_t length);
enum status gguf_open(const char *spec, struct source *source, struct error *error);
bool imatrix_tastes(const char *spec, const unsigned char *head, size_t length);
enum status imatrix_open(const char *spec, struct source *source, struct error *error);
bool safetensors_tastes(const char *spec, const unsigned char *head, size_t length);
enum status safetensors_open(const char *spec, struct source *source, struct error *error);
bool onnx_tastes(const char *spec, const unsigned char *head, size_t length);
enum status onnx_open(const char *spec, struct source *source, struct error *error);
bool hdf5_tastes(const char *spec, const unsigned char *head, size_t length);
enum status hdf5_open(const char *spec, struct source *source, struct error *error);
bool matlab_tastes(const char *spec, const unsigned char *head, size_t length);
enum status matlab_open(const char *spec, struct source *source, struct error *error);
bool text_tastes(const char *spec, const unsigned char *head, size_t length);
enum status text_open(const char *spec, struct source *source, struct error *error);
enum status raw_open(const char *spec, struct source *source, struct error *error);
enum status synth_open(const char *spec, struct source *source, struct error *error);

#endif
