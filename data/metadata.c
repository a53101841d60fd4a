/* What a source says about itself: keys and values as text for people. */
#include "config.h"

#include "data/source_types.h"
#include "quant/base/size.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t source_metadata_count(const struct source *source)
{
  return source->metadata_count;
}

const struct metadatum *source_metadatum(const struct source *source, size_t index)
{
  return &source->metadata[index];
}

/* --- short texts of long ones --------------------------------------------------------------- */

void brief_print(struct brief *brief, const char *format, ...)
{
  va_list arguments;
  size_t room = sizeof brief->text - brief->used;
  va_start(arguments, format);
  int length = vsnprintf(brief->text + brief->used, room, format, arguments);
  va_end(arguments);
  brief->used += length < 0 ? 0 : size_min((size_t)length, room - 1);
}

/* Where bytes FROM .. LENGTH of BYTES may be cut without parting a character of UTF-8. */
static size_t whole_characters(const unsigned char *bytes, size_t length)
{
  size_t end = length;
  while (end > 0 && length - end < 4 && (bytes[end] & 0xC0) == 0x80)
    end--;
  return length - end < 4 ? end : length;
}

void brief_quote(struct brief *brief, const void *text, size_t length, size_t most)
{
  const unsigned char *bytes = text;
  size_t shown = length > most ? whole_characters(bytes, most) : length;
  for (size_t i = 0; i < shown; i++)
    if (bytes[i])
      brief_print(brief, "%c", bytes[i]);
    else
      brief_print(brief, "\\x00");
  if (shown < length)
    brief_print(brief, "... (%zu bytes)", length);
}

enum status source_note_skipped(struct source *source, const struct skipped *kinds, size_t length,
                                struct error *error)
{
  struct brief note = {.used = 0};
  for (size_t i = 0; i < length; i++)
    if (kinds[i].count > 0)
      brief_print(&note, "%s%zu %s", note.used ? ", " : "skipped: ", kinds[i].count,
                  kinds[i].count == 1 ? kinds[i].one : kinds[i].many);
  return note.used ? source_add_note(source, note.text, error) : STATUS_OK;
}

/* --- into the list --------------------------------------------------------------------------- */

static char *copy_of(const char *text, size_t size)
{
  char *copy = malloc(size + 1);
  if (copy) {
    memcpy(copy, text, size);
    copy[size] = '\0';
  }
  return copy;
}

enum { METADATA_MOST = 4096 };

enum status source_tell(struct source *source, const char *key, const char *value,
                        struct error *error)
{
  if (source->metadata_count == METADATA_MOST) {
    source->metadata_left_out++;
    return STATUS_OK;
  }
  struct brief shown[2] = {{.used = 0}, {.used = 0}};
  size_t capacity = source->metadata_capacity;
  if (source->metadata_count == capacity) {
    capacity = capacity ? 2 * capacity : 16;
    struct metadatum *metadata = mem_resize(source->metadata, capacity, sizeof *metadata);
    if (!metadata)
      return error_memory(error, "the metadata");
    source->metadata = metadata;
    source->metadata_capacity = capacity;
  }
  brief_quote(&shown[0], key, strlen(key), BRIEF_TEXT);
  brief_quote(&shown[1], value, strlen(value), BRIEF_TEXT);
  char *texts[2] = {copy_of(shown[0].text, shown[0].used), copy_of(shown[1].text, shown[1].used)};
  if (!texts[0] || !texts[1]) {
    free(texts[0]);
    free(texts[1]);
    return error_memory(error, "the metadata");
  }
  source->metadata[source->metadata_count++] = (struct metadatum){texts[0], texts[1]};
  return STATUS_OK;
}

enum status metadata_note(struct source *source, struct error *error)
{
  char text[100];
  if (source->metadata_left_out == 0)
    return STATUS_OK;
  snprintf(text, sizeof text, "the first %d keys are listed as metadata, %zu more are not",
           METADATA_MOST, source->metadata_left_out);
  return source_add_note(source, text, error);
}

void metadata_free(struct source *source)
{
  for (size_t i = 0; i < source->metadata_count; i++) {
    free((char *)(uintptr_t)source->metadata[i].key);
    free((char *)(uintptr_t)source->metadata[i].value);
  }
  free(source->metadata);
}
