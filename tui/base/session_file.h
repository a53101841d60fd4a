/* Sessions as files in the user's state folder: one for each start of the explorer, written while
 * it goes on (tui/screen/journal.h), so that nothing is lost however it ends. Here they are found
 * and read.
 *
 * A file is the script of its session. Lines of comment that begin with "#= " say the rest:
 *
 *   # a session of qscope: ...
 *   #= folder /home/me/models               relative names begin there
 *   recipe qscope a.npy ...
 *   #= source 4224 17... 9c60... /home/me/models/a.npy    which file: fingerprint.h
 *   #= now qscope a.npy ...                 the state after the lines above; the last one counts
 *   #= left                                 it was left; or "#= ended by SIGTERM"; or nothing
 *
 * Ownership: kept_clear frees what a struct kept holds. Threads: any. */
#ifndef QSCOPE_TUI_BASE_SESSION_FILE_H
#define QSCOPE_TUI_BASE_SESSION_FILE_H

#include "analysis/recipe.h"
#include "data/fingerprint.h"
#include "quant/base/status.h"

#define SESSION_HEAD "# a session of qscope"
#define SESSION_NAME "session-"

enum { SESSIONS_KEPT = 32 };

struct kept {
  char *path;           /* of its file */
  struct recipe recipe; /* the last state; names of files as they are from here */
  bool has_files;       /* its source is a file, which was: */
  struct fingerprint files;
  bool left;       /* by the user */
  char signal[16]; /* that ended it, where that could be told; or "" */
};
void kept_clear(struct kept *kept);

/* The session that ended last. STATUS_INPUT: there is none, or it is not the user's own file. */
enum status kept_last(struct kept *out, struct error *error);
/* The last state that looked at SPEC, a file or a folder. STATUS_INPUT: there is none. */
enum status kept_of(const char *spec, struct kept *out, struct error *error);
/* That of the file PATH. */
enum status kept_read(const char *path, struct kept *out, struct error *error);
/* True when PATH is such a file by its first bytes. */
bool session_is_file(const char *path);

/* What SPEC is called here: the file's name without links from the root, where it names one. A new
 * string that the caller frees; NULL when memory runs out. */
char *session_source_name(const char *spec);

/* Makes a new one, *PATH, open for appending as *FILE (-1 on failure) and locked while it goes on.
 * STATUS_OUTPUT. */
enum status session_file_new(int *file, char **path, struct error *error);

/* Deletes all but the SESSIONS_KEPT newest of them, and none that goes on. */
void sessions_thin_out(void);

#endif
