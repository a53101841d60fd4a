/* PNG files through libpng: pixels, resolution and words out, the recipe back in. */
#include "config.h"

#include "tui/figure/png.h"

#include "data/tensor.h"
#include "quant/base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char recipe_keyword[] = "qscope:recipe";

enum {
  SIZE_LEAST = 160,
  SIZE_MOST = 16384,
  DPI_LEAST = 20,
  DPI_MOST = 2400,
  RECIPE_MOST = 65536,       /* bytes of a recipe that is read */
  READ_SIDE_MOST = 32768,    /* pixels of a picture that is read */
  READ_BYTES_MOST = 1 << 30, /* decoded, when the words may follow the pixels */
  READ_CHUNK_MOST = 1 << 20, /* bytes of a decompressed text */
  READ_CHUNKS_MOST = 256,
  READ_MEMORY_MOST = 1 << 24, /* bytes of one piece of memory: rows, texts, state */
  NAME_TRIES = 100,
};

struct figure_options figure_options_default(void)
{
  return (struct figure_options){.width = 1600, .height = 1000, .dpi = 200, .theme = THEME_LIGHT};
}

/* libpng reports by a jump; the words land here. */
struct failure {
  char text[128];
};

static void on_error(png_structp png, png_const_charp message)
{
  struct failure *failure = png_get_error_ptr(png);
  snprintf(failure->text, sizeof failure->text, "%s", message);
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
  (void)png, (void)message;
}

/* --- write -------------------------------------------------------------------------------------
 */

static void put_word(png_structp png, png_infop info, const char *keyword, const char *value)
{
  png_text text = {.compression = PNG_ITXT_COMPRESSION_NONE};
  char key[32], empty[1] = "", *copy;
  if (!value)
    return;
  copy = strdup(value); /* png_text wants it writable, and copies it */
  if (!copy)
    png_error(png, "out of memory");
  snprintf(key, sizeof key, "%s", keyword);
  text.key = key;
  text.text = copy;
  text.lang = text.lang_key = empty;
  png_set_text(png, info, &text, 1);
  free(copy);
}

static void put_header(png_structp png, png_infop info, const struct raster *raster,
                       const struct png_words *words)
{
  png_uint_32 per_metre = (png_uint_32)(words->dpi / 0.0254 + 0.5);
  png_set_IHDR(png, info, raster->width, raster->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_set_pHYs(png, info, per_metre, per_metre, PNG_RESOLUTION_METER);
  put_word(png, info, "Software", PACKAGE_STRING);
  put_word(png, info, "Title", words->title);
  put_word(png, info, recipe_keyword, words->recipe);
  png_write_info(png, info);
}

static void put_rows(png_structp png, const struct raster *raster, unsigned char *bytes)
{
  for (unsigned y = 0; y < raster->height; y++) {
    const uint32_t *pixel = raster->pixel + y * raster->stride;
    for (unsigned x = 0; x < raster->width; x++) {
      bytes[3 * x] = (unsigned char)(pixel[x] >> 16);
      bytes[3 * x + 1] = (unsigned char)(pixel[x] >> 8);
      bytes[3 * x + 2] = (unsigned char)pixel[x];
    }
    png_write_row(png, bytes);
  }
}

/* Everything between the jump buffer and the last byte; ROW holds one row of RGB. */
static bool encode(FILE *file, const struct raster *raster, const struct png_words *words,
                   unsigned char *row, struct failure *failure)
{
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, failure, on_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    png_destroy_write_struct(&png, NULL);
    snprintf(failure->text, sizeof failure->text, "out of memory");
    return false;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  png_init_io(png, file);
  put_header(png, info, raster, words);
  put_rows(png, raster, row);
  png_write_end(png, NULL);
  png_destroy_write_struct(&png, &info);
  return true;
}

/* Encodes to FILE and flushes it to the disk. */
static enum status write_stream(FILE *file, const struct raster *raster,
                                const struct png_words *words, struct error *error)
{
  struct failure failure = {""};
  unsigned char *row = mem_array(raster->width, 3);
  if (!row)
    return error_memory(error, "a picture");
  errno = 0;
  bool written = encode(file, raster, words, row, &failure);
  free(row);
  if (!written)
    return error_set(error, STATUS_OUTPUT, "cannot write the picture: %s",
                     ferror(file) && errno ? strerror(errno) : failure.text);
  /* Pipes and devices have no disk to wait for: EINVAL. */
  if (fflush(file) || (fsync(fileno(file)) && errno != EINVAL && errno != ENOTSUP))
    return error_set(error, STATUS_OUTPUT, "cannot write the picture: %s", strerror(errno));
  return STATUS_OK;
}

/* A new file beside PATH, its name in NAME; -1 with errno. */
static int open_beside(const char *path, char *name, size_t size)
{
  const char *slash = strrchr(path, '/');
  int folder = slash ? (int)(slash - path + 1) : 0;
  for (unsigned i = 0; i < NAME_TRIES; i++) {
    int length = snprintf(name, size, "%.*s.qscope-%ld-%u.tmp", folder, path, (long)getpid(), i);
    if (length < 0 || (size_t)length >= size) {
      errno = ENAMETOOLONG;
      return -1;
    }
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0 || errno != EEXIST)
      return file;
  }
  return -1;
}

static enum status write_descriptor(int descriptor, const struct raster *raster,
                                    const struct png_words *words, struct error *error)
{
  FILE *file = fdopen(descriptor, "wb");
  if (!file) {
    close(descriptor);
    return error_memory(error, "a picture");
  }
  enum status status = write_stream(file, raster, words, error);
  if (fclose(file) && status == STATUS_OK)
    status = error_set(error, STATUS_OUTPUT, "cannot write the picture: %s", strerror(errno));
  return status;
}

/* Writes beside PATH and renames, so that PATH is the old file or the whole new one. */
static enum status write_and_rename(const char *path, const struct raster *raster,
                                    const struct png_words *words, struct error *error)
{
  char name[PATH_MAX];
  int descriptor = open_beside(path, name, sizeof name);
  if (descriptor < 0)
    return error_set(error, STATUS_OUTPUT, "cannot create a file there: %s", strerror(errno));
  enum status status = write_descriptor(descriptor, raster, words, error);
  if (status == STATUS_OK && rename(name, path))
    status = error_set(error, STATUS_OUTPUT, "cannot replace it: %s", strerror(errno));
  if (status != STATUS_OK)
    unlink(name);
  return status;
}

/* A pipe or a device is written in place: a rename would replace it. */
static enum status write_device(const char *path, const struct raster *raster,
                                const struct png_words *words, struct error *error)
{
  int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0)
    return error_set(error, STATUS_OUTPUT, "cannot open: %s", strerror(errno));
  return write_descriptor(descriptor, raster, words, error);
}

static enum status write_path(const char *path, const struct raster *raster,
                              const struct png_words *words, struct error *error)
{
  struct stat found;
  char target[PATH_MAX];
  if (stat(path, &found)) /* not there yet, or not reachable: creating it will tell */
    return write_and_rename(path, raster, words, error);
  if (S_ISDIR(found.st_mode))
    return error_set(error, STATUS_OUTPUT, "expected a file to write, found a directory");
  if (!S_ISREG(found.st_mode))
    return write_device(path, raster, words, error);
  if (access(path, W_OK) || !realpath(path, target)) /* a link stays, its file is replaced */
    return error_set(error, STATUS_OUTPUT, "cannot replace it: %s", strerror(errno));
  return write_and_rename(target, raster, words, error);
}

enum status png_write_file(const char *path, const struct raster *raster,
                           const struct png_words *words, struct error *error)
{
  bool to_stdout = strcmp(path, "-") == 0;
  enum status status = to_stdout ? write_stream(stdout, raster, words, error)
                                 : write_path(path, raster, words, error);
  char shown[512];
  if (status != STATUS_OK)
    error_prefix(error,
                 "%s: ", to_stdout ? "standard output" : text_escape(path, shown, sizeof shown));
  return status;
}

static enum status check_options(const struct figure_options *options, struct error *error)
{
  if (options->width < SIZE_LEAST || options->width > SIZE_MOST || options->height < SIZE_LEAST ||
      options->height > SIZE_MOST)
    return error_set(error, STATUS_USAGE, "size: expected %d to %d pixels, found %ux%u", SIZE_LEAST,
                     SIZE_MOST, options->width, options->height);
  if (options->dpi < DPI_LEAST || options->dpi > DPI_MOST)
    return error_set(error, STATUS_USAGE, "resolution: expected %d to %d dpi, found %u", DPI_LEAST,
                     DPI_MOST, options->dpi);
  return STATUS_OK;
}

enum status figure_write_png(const struct figure *figure, const char *path,
                             const struct figure_options *options, struct error *error)
{
  struct raster raster;
  enum status status = check_options(options, error);
  if (status == STATUS_OK)
    status = figure_draw(figure, options, &raster, error);
  if (status != STATUS_OK)
    return status;
  struct png_words words = {options->dpi, figure->title, figure->recipe};
  status = png_write_file(path, &raster, &words, error);
  free(raster.pixel);
  return status;
}

/* --- read --------------------------------------------------------------------------------------
 */

/* The recipe among the texts read so far: a new string, or NULL. */
static char *find_recipe(png_structp png, png_infop info)
{
  png_textp text = NULL;
  int count = 0;
  png_get_text(png, info, &text, &count);
  for (int i = 0; i < count; i++)
    if (strcmp(text[i].key, recipe_keyword) == 0 && text[i].text &&
        strnlen(text[i].text, RECIPE_MOST + 1) <= RECIPE_MOST)
      return strdup(text[i].text);
  return NULL;
}

/* Tools that save a picture again may put the words behind the pixels. */
static void skip_rows(png_structp png, png_infop info)
{
  int passes = png_set_interlace_handling(png);
  png_uint_32 height = png_get_image_height(png, info);
  size_t bytes;
  if (!size_mul(png_get_rowbytes(png, info), height, &bytes) || bytes > READ_BYTES_MOST)
    png_error(png, "no recipe in front of an oversized picture");
  png_read_update_info(png, info);
  for (int pass = 0; pass < passes; pass++)
    for (png_uint_32 y = 0; y < height; y++)
      png_read_row(png, NULL, NULL);
}

/* The length of a chunk is what the file says it is: libpng warns of one beyond the limit, but
 * allocates it all the same. */
static png_voidp take_memory(png_structp png, png_alloc_size_t size)
{
  (void)png;
  return size <= READ_MEMORY_MOST ? malloc(size) : NULL;
}

static void give_back(png_structp png, png_voidp memory)
{
  (void)png;
  free(memory);
}

/* *recipe is volatile because it changes between the jump buffer and a jump. */
static bool decode(FILE *file, char *volatile *recipe, struct failure *failure)
{
  png_structp png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, failure, on_error, on_warning,
                                             NULL, take_memory, give_back);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    snprintf(failure->text, sizeof failure->text, "out of memory");
    return false;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return false;
  }
  png_set_user_limits(png, READ_SIDE_MOST, READ_SIDE_MOST);
  png_set_chunk_malloc_max(png, READ_CHUNK_MOST);
  png_set_chunk_cache_max(png, READ_CHUNKS_MOST);
  png_init_io(png, file);
  png_read_info(png, info);
  *recipe = find_recipe(png, info);
  if (!*recipe) {
    skip_rows(png, info);
    png_read_end(png, info);
    *recipe = find_recipe(png, info);
  }
  png_destroy_read_struct(&png, &info, NULL);
  return true;
}

static enum status read_stream(FILE *file, char **recipe, struct error *error)
{
  unsigned char head[8] = {0};
  size_t length = fread(head, 1, sizeof head, file);
  if (ferror(file))
    return error_set(error, STATUS_INPUT, "cannot read: %s", strerror(errno));
  if (length < sizeof head || png_sig_cmp(head, 0, sizeof head))
    return error_set(error, STATUS_INPUT, "expected a PNG picture, found something else");
  rewind(file);
  struct failure failure = {""};
  char *volatile found = NULL;
  if (!decode(file, &found, &failure))
    return error_set(error, STATUS_INPUT, "the PNG is damaged: %s", failure.text);
  if (!found)
    return error_set(error, STATUS_INPUT,
                     "the picture carries no recipe (no text with the keyword %s)", recipe_keyword);
  *recipe = found;
  return STATUS_OK;
}

enum status figure_read_recipe(const char *path, char **recipe, struct error *error)
{
  char shown[512];
  struct stat found;
  FILE *file = fopen(path, "rbe");
  enum status status;
  *recipe = NULL;
  if (!file)
    status = error_set(error, STATUS_INPUT, "cannot open: %s", strerror(errno));
  else if (fstat(fileno(file), &found) || !S_ISREG(found.st_mode))
    status = error_set(error, STATUS_INPUT, "expected a PNG file, found something else");
  else
    status = read_stream(file, recipe, error);
  if (file)
    fclose(file);
  if (status != STATUS_OK)
    error_prefix(error, "%s: ", text_escape(path, shown, sizeof shown));
  return status;
}
