/* PNG files through libpng: pixels, resolution and words out, the recipe back in. */
#include "config.h"

#include "quant/base/size.h"
#include "tui/figure/file.h"

#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char recipe_keyword[] = "qscope:recipe";

enum {
  READ_SIDE_MOST = 32768,    /* pixels of a picture that is read */
  READ_BYTES_MOST = 1 << 30, /* decoded, when the words may follow the pixels */
  READ_CHUNK_MOST = 1 << 20, /* bytes of a decompressed text */
  READ_CHUNKS_MOST = 256,
  READ_MEMORY_MOST = 1 << 24, /* bytes of one piece of memory: rows, texts, state */
};

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

/* --- write ---------------------------------------------------------------------------------- */

/* What a PNG says besides its pixels. */
struct png_words {
  unsigned dpi;
  const char *title, *recipe; /* UTF-8; NULL: none */
};

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

enum status png_write(const struct figure *figure, const char *origin,
                      const struct figure_options *options, FILE *file, struct error *error)
{
  struct raster raster;
  struct png_words words = {options->dpi, figure->title, origin};
  struct failure failure = {""};
  enum status status = figure_draw(figure, options, &raster, error);
  if (status != STATUS_OK)
    return status;
  unsigned char *row = mem_array(raster.width, 3);
  if (!row)
    status = error_memory(error, "a picture");
  else if (!encode(file, &raster, &words, row, &failure))
    status = error_set(error, STATUS_OUTPUT, "cannot write the picture: %s", failure.text);
  free(row);
  free(raster.pixel);
  return status;
}

/* --- read ----------------------------------------------------------------------------------- */

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

enum status png_read(FILE *file, char **recipe, struct error *error)
{
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
