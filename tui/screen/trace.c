#include "tui/screen/trace.h"

#include "quant/base/clock.h"
#include "quant/base/size.h"
#include "tui/screen/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct trace {
  FILE *file;
  const char *path;
  unsigned long frames;
  bool awaited;    /* a key has no frame with exact numbers yet */
  bool unanswered; /* ... nor any frame at all */
  char key[48];
  double start;
};

enum status trace_open(const char *path, struct trace **out, struct error *error)
{
  struct trace *trace = mem_array(1, sizeof *trace);
  if (!trace)
    return error_memory(error, "the trace");
  *trace = (struct trace){.file = fopen(path, "w"), .path = path};
  if (!trace->file) {
    enum status status = error_set(error, STATUS_OUTPUT, "%s: %s", path, strerror(errno));
    free(trace);
    return status;
  }
  setvbuf(trace->file, NULL, _IOLBF, BUFSIZ);
  fprintf(trace->file, "frame\tkey\tms\tnumbers\n");
  *out = trace;
  return STATUS_OK;
}

enum status trace_close(struct trace *trace, struct error *error)
{
  if (!trace)
    return STATUS_OK;
  bool failed = ferror(trace->file) != 0;
  enum status status = STATUS_OK;
  failed |= fclose(trace->file) != 0;
  if (failed)
    status = error_set(error, STATUS_OUTPUT, "%s: the trace could not be written", trace->path);
  free(trace);
  return status;
}

void trace_command(struct trace *trace, const char *name)
{
  if (!trace)
    return;
  if (!trace->unanswered)
    trace->start = seconds_now();
  trace->awaited = trace->unanswered = true;
  snprintf(trace->key, sizeof trace->key, "%s", name);
}

void trace_key(struct trace *trace, uint32_t key)
{
  char text[16];
  trace_command(trace, key_text(key, text, sizeof text));
}

void trace_frame(struct trace *trace, const char *numbers)
{
  if (!trace)
    return;
  trace->frames++;
  if (trace->awaited)
    fprintf(trace->file, "%lu\t%s\t%.3f\t%s\n", trace->frames, trace->key,
            1e3 * (seconds_now() - trace->start), numbers);
  else
    fprintf(trace->file, "%lu\t-\t-\t%s\n", trace->frames, numbers);
  trace->unanswered = false;
  trace->awaited = trace->awaited && strcmp(numbers, "exact") != 0;
}
