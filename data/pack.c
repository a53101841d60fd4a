#include "data/pack.h"

#include "quant/base/size.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct pack_kind pack_kinds[] = {
    {"qweight", pack_gptq},
    {"qweight", pack_awq},
    {"weight_packed", pack_compressed},
    {"weight_packed", pack_fp4},
    {"weight_scale_2", pack_fp4},
    {"blocks", pack_fp4_blocks},
    {"weight_scale", pack_scaled},
    {"weight_scale_inv", pack_scaled_inverse},
    {"qdata", pack_torchao},
    {"SCB", pack_bnb_int8},
    {"quant_state.bitsandbytes__nf4", pack_bnb_nf4},
    {"quant_state.bitsandbytes__fp4", pack_bnb_fp4},
    {"scales", pack_mlx},
    {"scales", pack_mlx_fp4},
};
const size_t pack_kinds_length = sizeof pack_kinds / sizeof *pack_kinds;

/* Bytes of the longest part's ending, of DERIVED_SUFFIX, and of the NUL. */
enum { SUFFIX_MOST = 64 };

#define TYPE(text)                                                                                 \
  {                                                                                                \
    .name = text, .length = 1, .size = 1, .exact = true                                            \
  }
const struct stored pack_types[] = {
    TYPE("gptq_int2"), TYPE("gptq_int3"), TYPE("gptq_int4"), TYPE("gptq_int8"), TYPE("awq_int4"),
    TYPE("ct_int2"),   TYPE("ct_int3"),   TYPE("ct_int4"),   TYPE("ct_int5"),   TYPE("ct_int6"),
    TYPE("ct_int7"),   TYPE("ct_int8"),   TYPE("ct_nvfp4"),  TYPE("ct_mxfp4"),  TYPE("mo_nvfp4"),
    TYPE("oss_mxfp4"), TYPE("f8_scaled"), TYPE("i8_scaled"), TYPE("bnb_int8"),  TYPE("bnb_nf4"),
    TYPE("bnb_fp4"),   TYPE("mlx_int2"),  TYPE("mlx_int3"),  TYPE("mlx_int4"),  TYPE("mlx_int5"),
    TYPE("mlx_int6"),  TYPE("mlx_int8"),  TYPE("mlx_mxfp4"), TYPE("mlx_nvfp4"),
};
const size_t pack_types_length = sizeof pack_types / sizeof *pack_types;

/* --- parts by name ---------------------------------------------------------------------------- */

/* STEM + SUFFIX (or STEM without its last sign) as text, in the scratch. */
static const char *part_name(struct pack *pack, const char *suffix)
{
  size_t length = pack->stem_length;
  memcpy(pack->scratch, pack->stem, length);
  if (suffix)
    strcpy(pack->scratch + length, suffix);
  else
    pack->scratch[length ? length - 1 : 0] = '\0';
  return pack->scratch;
}

static size_t find_name(const struct pack *pack, const char *name)
{
  size_t first = 0, end = pack->stored;
  while (first < end) {
    size_t middle = first + (end - first) / 2;
    int order = strcmp(name, pack->by_name[middle].name);
    if (order == 0)
      return pack->by_name[middle].index;
    if (order < 0)
      end = middle;
    else
      first = middle + 1;
  }
  return NO_PART;
}

size_t pack_part(struct pack *pack, const char *suffix)
{
  return find_name(pack, part_name(pack, suffix));
}

const struct tensor *pack_tensor(const struct pack *pack, size_t part)
{
  return &pack->source->tensors[part];
}

/* --- what fits -------------------------------------------------------------------------------- */

enum pack_outcome pack_misfit(struct pack *pack, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(pack->problem, sizeof pack->problem, format, arguments);
  va_end(arguments);
  return PACK_MISFIT;
}

bool pack_is_one_of(const struct tensor *tensor, const char *types)
{
  size_t length = strlen(tensor->stored->name);
  for (const char *at = types; (at = strstr(at, tensor->stored->name)); at += length)
    if ((at == types || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
      return true;
  return false;
}

/* "(4096, any)" */
static void print_wanted(const struct shape *shape, char *text, size_t size)
{
  size_t used = (size_t)snprintf(text, size, "(");
  for (unsigned i = 0; i < shape->dims && used < size; i++)
    used +=
        (size_t)(shape->dim[i] == ANY_SIZE
                     ? snprintf(text + used, size - used, "%sany", i ? ", " : "")
                     : snprintf(text + used, size - used, "%s%zu", i ? ", " : "", shape->dim[i]));
  if (used < size)
    snprintf(text + used, size - used, ")");
}

bool pack_fits(struct pack *pack, size_t part, const char *types, unsigned dims, ...)
{
  const struct tensor *tensor = pack_tensor(pack, part);
  struct shape wanted = {.dims = dims};
  bool fits = tensor->shape.dims == dims && pack_is_one_of(tensor, types);
  va_list sizes;
  va_start(sizes, dims);
  for (unsigned i = 0; i < dims; i++) {
    wanted.dim[i] = va_arg(sizes, size_t);
    fits = fits && (wanted.dim[i] == ANY_SIZE || wanted.dim[i] == tensor->shape.dim[i]);
  }
  va_end(sizes);
  if (fits && !tensor->strided && !tensor->swapped)
    return true;
  char want[120], found[200];
  print_wanted(&wanted, want, sizeof want);
  pack_misfit(pack, "%s: expected %s %s%s, found %s %s", SHOWN(tensor->name), types, want,
              fits ? " in C order, little-endian" : "", tensor->stored->name,
              fits ? "otherwise" : shape_print(&tensor->shape, found, sizeof found));
  return false;
}

/* --- what is made ----------------------------------------------------------------------------- */

void *pack_derive(struct pack *pack, size_t size,
                  void (*decode)(const struct derived *, size_t, size_t, float *))
{
  free(pack->derived);
  pack->derived = mem_array(1, size);
  if (pack->derived)
    pack->derived->decode = decode;
  return pack->derived;
}

unsigned pack_add_part(struct pack *pack, size_t part)
{
  pack->derived->part[pack->derived->parts].index = part;
  return pack->derived->parts++;
}

enum pack_outcome pack_made(struct pack *pack, const char *type, const struct shape *shape,
                            const char *format, ...)
{
  struct tensor *tensor = &pack->tensor;
  char text[200];
  va_list arguments;
  tensor->shape = *shape;
  for (size_t i = 0; i < pack_types_length; i++)
    if (strcmp(pack_types[i].name, type) == 0)
      tensor->stored = &pack_types[i];
  if (!tensor->stored)
    return pack_misfit(pack, "%s: %s is not read", SHOWN(pack_tensor(pack, pack->anchor)->name),
                       type);
  if (!shape_count(shape, &tensor->count) || tensor->count == 0)
    return pack_misfit(pack, "%s: a weight of shape %s",
                       SHOWN(pack_tensor(pack, pack->anchor)->name),
                       shape_print(shape, text, sizeof text));
  va_start(arguments, format);
  vsnprintf(pack->remark, sizeof pack->remark, format, arguments);
  va_end(arguments);
  return PACK_MADE;
}

float pack_float(const struct tensor *part, size_t index)
{
  float value;
  part->stored->decode(part->data + index * part->stored->size, 1, &value);
  return value;
}

/* --- all of a source -------------------------------------------------------------------------- */

/* A derived tensor that is not yet added. */
struct made {
  char *name;
  struct tensor tensor;
  struct derived *derived;
  char *remark;
  size_t order;
};

struct offer {
  struct pack pack;
  struct made *made;
  size_t count, capacity;
  size_t misfits;
  char misfit[sizeof((struct pack *)0)->problem]; /* the first */
};

/* Length of the stem when NAME, of LENGTH bytes, is STEM + anchor; SIZE_MAX when it is not. */
static size_t stem_of(const char *name, size_t length, const char *anchor)
{
  size_t tail = strlen(anchor);
  if (length < tail || name[length - 1] != anchor[tail - 1] ||
      memcmp(name + length - tail, anchor, tail) != 0)
    return SIZE_MAX;
  size_t stem = length - tail;
  return stem == 0 || strchr(".:_", name[stem - 1]) ? stem : SIZE_MAX;
}

static bool may_be_anchor(const char *name)
{
  size_t length = strlen(name);
  for (size_t i = 0; i < pack_kinds_length; i++)
    if (stem_of(name, length, pack_kinds[i].anchor) != SIZE_MAX)
      return true;
  return false;
}

/* The name of what was made: as usual, with a suffix where a stored tensor is called so. */
static char *choose_name(struct pack *pack)
{
  const char *usual = part_name(pack, pack->name);
  size_t length = strlen(usual);
  if (length == 0)
    usual = strcpy(pack->scratch, "weight");
  if (find_name(pack, usual) != NO_PART)
    strcat(pack->scratch, DERIVED_SUFFIX);
  return strdup(pack->scratch);
}

/* The kind's remark and what the weight costs; the caller frees it. */
static char *describe(const struct pack *pack, const struct tensor *tensor)
{
  char text[sizeof pack->remark + 40];
  snprintf(text, sizeof text, "%s; %.3g bits per weight", pack->remark,
           8 * (double)tensor->bytes / (double)tensor->count);
  return strdup(text);
}

static bool keep(struct offer *offer)
{
  struct pack *pack = &offer->pack;
  if (offer->count == offer->capacity) {
    size_t capacity = offer->capacity ? 2 * offer->capacity : 64;
    struct made *grown = mem_resize(offer->made, capacity, sizeof *grown);
    if (!grown)
      return false;
    offer->made = grown;
    offer->capacity = capacity;
  }
  struct made made = {.name = choose_name(pack),
                      .tensor = pack->tensor,
                      .derived = pack->derived,
                      .order = offer->count};
  for (unsigned i = 0; i < made.derived->parts; i++)
    made.tensor.bytes += pack_tensor(pack, made.derived->part[i].index)->bytes;
  made.remark = describe(pack, &made.tensor);
  if (!made.name || !made.remark) {
    free(made.name);
    free(made.remark);
    return false;
  }
  pack->derived = NULL;
  offer->made[offer->count++] = made;
  return true;
}

static void count_misfit(struct offer *offer)
{
  if (offer->misfits++ == 0)
    memcpy(offer->misfit, offer->pack.problem, sizeof offer->misfit);
}

/* The first kind that knows the parts of the tensor ANCHOR. */
static bool match_one(struct offer *offer, size_t anchor)
{
  struct pack *pack = &offer->pack;
  enum pack_outcome outcome = PACK_OTHER;
  pack->anchor = anchor;
  pack->stem = pack_tensor(pack, anchor)->name;
  for (size_t i = 0; i < pack_kinds_length && outcome == PACK_OTHER; i++) {
    pack->stem_length = stem_of(pack->stem, strlen(pack->stem), pack_kinds[i].anchor);
    if (pack->stem_length == SIZE_MAX)
      continue;
    pack->name = "weight";
    pack->tensor = (struct tensor){0};
    pack->remark[0] = '\0';
    outcome = pack_kinds[i].match(pack);
  }
  bool good = outcome != PACK_MEMORY;
  if (outcome == PACK_MISFIT)
    count_misfit(offer);
  if (outcome == PACK_MADE)
    good = keep(offer);
  free(pack->derived);
  pack->derived = NULL;
  return good;
}

static int by_made_name(const void *left, const void *right)
{
  const struct made *a = left, *b = right;
  int order = strcmp(a->name, b->name);
  return order ? order : (a->order > b->order) - (a->order < b->order);
}

static int by_order(const void *left, const void *right)
{
  const struct made *a = left, *b = right;
  return (a->order > b->order) - (a->order < b->order);
}

static void made_clear(struct made *made)
{
  free(made->name);
  free(made->remark);
  free(made->derived);
  *made = (struct made){0};
}

/* Two kinds may want one name, and a hostile file may have it already: the later ones go. */
static void drop_duplicates(struct offer *offer)
{
  size_t kept = 0;
  qsort(offer->made, offer->count, sizeof *offer->made, by_made_name);
  for (size_t i = 0; i < offer->count; i++) {
    struct made *made = &offer->made[i];
    bool again = kept > 0 && strcmp(offer->made[kept - 1].name, made->name) == 0;
    if (again || find_name(&offer->pack, made->name) != NO_PART) {
      pack_misfit(&offer->pack, "%s: another tensor is called so", SHOWN(made->name));
      count_misfit(offer);
      made_clear(made);
    } else {
      offer->made[kept++] = *made;
    }
  }
  offer->count = kept;
  qsort(offer->made, offer->count, sizeof *offer->made, by_order);
}

static enum status add_made(struct offer *offer, struct made *made, struct error *error)
{
  struct source *source = offer->pack.source;
  made->tensor.name = made->name;
  enum status status = source_add_derived(source, &made->tensor, made->derived, error);
  made->derived = NULL;
  return status == STATUS_OK ? source_set_remark(source, source->count - 1, made->remark, error)
                             : status;
}

/* Says so where the configuration made one expect something. */
static enum status nothing_unpacked(struct source *source, const struct pack_config *config,
                                    struct error *error)
{
  if (!config->json)
    return STATUS_OK;
  return source_add_note(source,
                         "nothing is unpacked: expected the parts of GPTQ, AWQ, "
                         "compressed-tensors, bitsandbytes, fp8, MXFP4, NVFP4 or MLX",
                         error);
}

static enum status add_all(struct offer *offer, struct error *error)
{
  char note[sizeof offer->misfit + 80];
  enum status status = STATUS_OK;
  if (offer->count > 0)
    drop_duplicates(offer);
  for (size_t i = 0; i < offer->count && status == STATUS_OK; i++)
    status = add_made(offer, &offer->made[i], error);
  if (status == STATUS_OK && offer->count == 0 && offer->misfits == 0)
    return nothing_unpacked(offer->pack.source, offer->pack.config, error);
  if (status != STATUS_OK || offer->misfits == 0)
    return status;
  snprintf(note, sizeof note, "%zu packed weight%s not unpacked: %s", offer->misfits,
           offer->misfits == 1 ? " is" : "s are", offer->misfit);
  return source_add_note(offer->pack.source, note, error);
}

static int by_tensor_name(const void *left, const void *right)
{
  return strcmp(((const struct named *)left)->name, ((const struct named *)right)->name);
}

/* The tensors sorted by name, and room for the longest name that may be put together. */
static bool prepare(struct pack *pack, struct named **names)
{
  size_t longest = 0;
  *names = mem_array(pack->stored, sizeof **names);
  for (size_t i = 0; *names && i < pack->stored; i++) {
    (*names)[i] = (struct named){pack_tensor(pack, i)->name, i};
    longest = size_max(longest, strlen((*names)[i].name));
  }
  pack->scratch = mem_array(longest + SUFFIX_MOST, 1);
  if (*names && pack->stored > 0)
    qsort(*names, pack->stored, sizeof **names, by_tensor_name);
  pack->by_name = *names;
  return *names && pack->scratch;
}

static bool any_anchor(const struct source *source)
{
  for (size_t i = 0; i < source->count; i++)
    if (may_be_anchor(source->tensors[i].name))
      return true;
  return false;
}

static void offer_clear(struct offer *offer, struct named *names)
{
  for (size_t i = 0; i < offer->count; i++)
    made_clear(&offer->made[i]);
  free(offer->made);
  free(offer->pack.scratch);
  free(names);
}

enum status packs_offer(struct source *source, const struct pack_config *config,
                        struct error *error)
{
  struct offer offer = {.pack = {.source = source, .config = config, .stored = source->count}};
  struct named *names = NULL;
  if (!any_anchor(source))
    return nothing_unpacked(source, config, error);
  bool good = prepare(&offer.pack, &names);
  for (size_t i = 0; i < offer.pack.stored && good; i++)
    if (may_be_anchor(source->tensors[i].name))
      good = match_one(&offer, i);
  enum status status =
      good ? add_all(&offer, error) : error_memory(error, "the list of packed weights");
  offer_clear(&offer, names);
  return status;
}

enum status packs_open(const char *path, struct source *source, struct error *error)
{
  struct pack_config config = {0};
  if (!path_is_folder(path) && !any_anchor(source))
    return STATUS_OK; /* what lies beside a file is no matter of ours */
  enum status status = pack_config_read(path, source, &config, error);
  if (status == STATUS_OK)
    status = packs_offer(source, &config, error);
  pack_config_free(&config);
  return status;
}
