#include "config.h"

#include "data/plain_entry.h"

#include <string.h>

struct reader {
  const unsigned char *at, *end;
};

/* The byte behind blanks; 0 at the end. */
static unsigned char peek(struct reader *in)
{
  while (in->at < in->end &&
         (*in->at == ' ' || *in->at == '\n' || *in->at == '\t' || *in->at == '\r'))
    in->at++;
  return in->at < in->end ? *in->at : 0;
}

static bool take(struct reader *in, unsigned char byte)
{
  bool there = peek(in) == byte;
  in->at += there;
  return there;
}

static bool is_word_letter(unsigned char byte)
{
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
         (byte >= '0' && byte <= '9') || byte == '_';
}

/* In quotes, into WORD. */
static bool read_word(struct reader *in, char *word, size_t size)
{
  size_t length = 0;
  if (!take(in, '"'))
    return false;
  for (; in->at < in->end && is_word_letter(*in->at) && length + 1 < size; in->at++)
    word[length++] = (char)*in->at;
  word[length] = '\0';
  return in->at < in->end && *in->at++ == '"';
}

static bool read_number(struct reader *in, size_t *out)
{
  enum { DIGITS = sizeof(size_t) < 8 ? 9 : 18 };
  unsigned char first = peek(in);
  unsigned digits = 0;
  for (*out = 0; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++)
    if (++digits > DIGITS)
      return false;
    else
      *out = *out * 10 + (size_t)(*in->at - '0');
  return digits == 1 || (digits > 1 && first != '0');
}

static bool read_numbers(struct reader *in, size_t *numbers, unsigned most, unsigned *count)
{
  *count = 0;
  if (!take(in, '['))
    return false;
  if (take(in, ']'))
    return true;
  do {
    if (*count == most || !read_number(in, &numbers[*count]))
      return false;
    ++*count;
  } while (take(in, ','));
  return take(in, ']');
}

enum member { DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL = 7 };

/* Which member it was; 0: none of these. */
static unsigned read_member(struct reader *in, struct plain_entry *entry)
{
  char key[16];
  size_t offset[2];
  unsigned count;
  if (!read_word(in, key, sizeof key) || !take(in, ':'))
    return 0;
  if (strcmp(key, "dtype") == 0)
    return read_word(in, entry->dtype, sizeof entry->dtype) ? DTYPE : 0;
  if (strcmp(key, "shape") == 0)
    return read_numbers(in, entry->shape.dim, SHAPE_MAX_DIMS, &entry->shape.dims) ? SHAPE : 0;
  if (strcmp(key, "data_offsets") != 0 || !read_numbers(in, offset, 2, &count) || count != 2)
    return 0;
  entry->begin = offset[0];
  entry->end = offset[1];
  return OFFSETS;
}

bool plain_entry_read(const struct json_text *value, struct plain_entry *entry)
{
  struct reader in = {value->text, value->text + value->size};
  unsigned seen = 0;
  *entry = (struct plain_entry){.dtype = ""};
  if (!take(&in, '{'))
    return false;
  do {
    unsigned member = read_member(&in, entry);
    if (!member || (seen & member))
      return false;
    seen |= member;
  } while (take(&in, ','));
  return seen == ALL && take(&in, '}') && peek(&in) == 0 && in.at == in.end &&
         entry->begin <= entry->end;
}
