/* npy_tool: an independent eye on .npy files; shares no code with the program.
 *
 *   make FILE DESCR SHAPE VALUE...   writes an array ("f4", "u1"; SHAPE "2,3", "" for a scalar)
 *   info FILE                        "<f4 (2, 3)"
 *   dump FILE                        the values, one line each
 *   mse A B                          mean((a - b)^2), 17 digits
 *   affine CODES SCALES ZEROS RUN DEQUANTIZED
 *                                    largest |(code - zero) * scale - value|, where RUN
 *                                    neighbours share a scale
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct array {
  char descr[8], shape[128];
  size_t count;
  double *value;
};

/* All arrays of a run; they are freed at its end. */
static struct array arrays[4];
static size_t array_count;

static void die(const char *what, const char *path)
{
  fprintf(stderr, "npy_tool: %s: %s\n", path, what);
  exit(2);
}

static double decode(const char *descr, const unsigned char *p)
{
  int16_t i2;
  uint16_t u2;
  int32_t i4;
  float f4;
  if (strcmp(descr, "i1") == 0)
    return (int8_t)*p;
  if (strcmp(descr, "u1") == 0)
    return *p;
  if (strcmp(descr, "i2") == 0)
    return memcpy(&i2, p, 2), i2;
  if (strcmp(descr, "u2") == 0)
    return memcpy(&u2, p, 2), u2;
  if (strcmp(descr, "i4") == 0)
    return memcpy(&i4, p, 4), i4;
  return memcpy(&f4, p, 4), (double)f4;
}

static size_t element_size(const char *descr)
{
  return (size_t)(descr[1] - '0');
}

/* The text between FROM and the closing TO behind it. */
static void between(const char *text, const char *from, char to, char *out, size_t size)
{
  const char *start = strstr(text, from);
  const char *end = start ? strchr(start + strlen(from), to) : NULL;
  if (!end)
    die("bad header", from);
  start += strlen(from);
  snprintf(out, size, "%.*s", (int)(end - start), start);
}

static struct array load(const char *path)
{
  struct array array = {.count = 1};
  unsigned char head[10];
  char header[4096] = "";
  FILE *file = fopen(path, "rb");
  if (!file || fread(head, 1, 10, file) != 10 || memcmp(head, "\x93NUMPY\1\0", 8) != 0)
    die("not a .npy of version 1.0", path);
  size_t length = head[8] + 256u * head[9];
  if ((10 + length) % 64 || length >= sizeof header || fread(header, 1, length, file) != length)
    die("bad header length", path);
  between(header, "'descr': '", '\'', array.descr, sizeof array.descr);
  between(header, "'shape': (", ')', array.shape, sizeof array.shape);
  char *rest = array.shape;
  while (*rest) {
    array.count *= strtoul(rest, &rest, 10);
    rest += strspn(rest, ", ");
  }
  const char *descr = array.descr + 1;
  size_t size = element_size(descr);
  unsigned char *bytes = malloc(array.count * size + 1);
  array.value = malloc(array.count * sizeof *array.value + 1);
  if (!bytes || !array.value || fread(bytes, 1, array.count * size + 1, file) != array.count * size)
    die("data of another size than the header says", path);
  for (size_t i = 0; i < array.count; i++)
    array.value[i] = decode(descr, bytes + i * size);
  free(bytes);
  fclose(file);
  return arrays[array_count++] = array;
}

static void encode(const char *descr, double value, FILE *out)
{
  /* By way of a wide integer: a double outside the narrow type would be undefined. */
  int64_t whole = fabs(value) < 9e18 ? (int64_t)value : 0;
  int8_t i1 = (int8_t)whole;
  uint8_t u1 = (uint8_t)whole;
  int32_t i4 = (int32_t)whole;
  float f4 = (float)value;
  if (strcmp(descr, "i1") == 0)
    fwrite(&i1, 1, 1, out);
  else if (strcmp(descr, "u1") == 0)
    fwrite(&u1, 1, 1, out);
  else if (strcmp(descr, "i4") == 0)
    fwrite(&i4, 4, 1, out);
  else
    fwrite(&f4, 4, 1, out);
}

static void make(const char *path, const char *descr, const char *shape, char **values)
{
  char text[512];
  FILE *file = fopen(path, "wb");
  if (!file)
    die("cannot be written", path);
  int used = snprintf(
      text, sizeof text, "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s%s), }",
      element_size(descr) == 1 ? "|" : "<", descr, shape, *shape && !strchr(shape, ',') ? "," : "");
  int length = (10 + used + 64) / 64 * 64 - 10;
  fprintf(file, "%cNUMPY%c%c%c%c%s%*s", 0x93, 1, 0, length % 256, length / 256, text, length - used,
          "\n");
  for (; *values; values++)
    encode(descr, strtod(*values, NULL), file);
  fclose(file);
}

static double mse(struct array a, struct array b)
{
  double sum = 0;
  if (a.count != b.count)
    die("sizes differ", b.shape);
  for (size_t i = 0; i < a.count; i++)
    sum += (a.value[i] - b.value[i]) * (a.value[i] - b.value[i]);
  return sum / (double)a.count;
}

/* The products are rounded to float32, as a reconstruction in float32 is. */
static double affine(struct array codes, struct array scales, struct array zeros, size_t run,
                     struct array values)
{
  double worst = 0;
  if (codes.count != values.count || scales.count != zeros.count ||
      scales.count * run < codes.count)
    die("sizes do not fit together", codes.shape);
  for (size_t i = 0; i < codes.count; i++) {
    float y = (float)((codes.value[i] - zeros.value[i / run]) * scales.value[i / run]);
    worst = fmax(worst, fabs((double)y - values.value[i]));
  }
  return worst;
}

int main(int argc, char **argv)
{
  const char *verb = argc > 2 ? argv[1] : "";
  if (strcmp(verb, "make") == 0 && argc > 4) {
    make(argv[2], argv[3], argv[4], argv + 5);
  } else if (strcmp(verb, "info") == 0) {
    struct array a = load(argv[2]);
    printf("%s (%s)\n", a.descr, a.shape);
  } else if (strcmp(verb, "dump") == 0) {
    struct array a = load(argv[2]);
    for (size_t i = 0; i < a.count; i++)
      printf("%.9g\n", a.value[i]);
  } else if (strcmp(verb, "mse") == 0 && argc == 4) {
    printf("%.17g\n", mse(load(argv[2]), load(argv[3])));
  } else if (strcmp(verb, "affine") == 0 && argc == 7) {
    printf("%.17g\n", affine(load(argv[2]), load(argv[3]), load(argv[4]),
                             strtoul(argv[5], NULL, 10), load(argv[6])));
  } else {
    die("unknown request", "usage");
  }
  while (array_count)
    free(arrays[--array_count].value);
  return 0;
}
