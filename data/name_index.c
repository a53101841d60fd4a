#include "config.h"

#include "data/name_index.h"

#include "quant/base/size.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* --- SipHash-1-3 (Aumasson, Bernstein 2012; one round for each word, three at the end) ------- */

static uint64_t secret[2];

/* Without randomness the table is still right. */
static void make_secret(void)
{
  if (getentropy(secret, sizeof secret) != 0)
    secret[0] = secret[1] = (uint64_t)(uintptr_t)secret;
}

static uint64_t turned(uint64_t x, unsigned bits)
{
  return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
  v[0] += v[1];
  v[1] = turned(v[1], 13) ^ v[0];
  v[0] = turned(v[0], 32);
  v[2] += v[3];
  v[3] = turned(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = turned(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = turned(v[1], 17) ^ v[2];
  v[2] = turned(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
  v[3] ^= word;
  sip_round(v);
  v[0] ^= word;
}

static uint32_t hash_of(const char *name)
{
  size_t length = strlen(name), left = length;
  uint64_t word, v[4] = {secret[0] ^ 0x736f6d6570736575, secret[1] ^ 0x646f72616e646f6d,
                         secret[0] ^ 0x6c7967656e657261, secret[1] ^ 0x7465646279746573};
  for (; left >= sizeof word; left -= sizeof word, name += sizeof word) {
    memcpy(&word, name, sizeof word);
    sip_word(v, word);
  }
  word = 0;
  memcpy(&word, name, left);
  sip_word(v, word ^ (uint64_t)length << 56);
  v[2] ^= 0xFF;
  for (int i = 0; i < 3; i++)
    sip_round(v);
  return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

/* --- the table ------------------------------------------------------------------------------ */

/* The slot of NAME, or the free one where it belongs. */
static struct name_slot *slot_of(const struct name_index *index, const struct tensor *tensors,
                                 const char *name, uint32_t hash)
{
  for (size_t at = hash;; at++) {
    struct name_slot *slot = &index->slot[at & (index->slots - 1)];
    if (slot->place == 0 ||
        (slot->hash == hash && strcmp(tensors[slot->place - 1].name, name) == 0))
      return slot;
  }
}

/* Room for COUNT names, at most half of the slots taken. */
static bool reserve(struct name_index *index, size_t count)
{
  size_t slots = index->slots ? index->slots : 16;
  while (slots / 2 < count)
    slots *= 2;
  if (slots == index->slots)
    return true;
  struct name_slot *grown = mem_array(slots, sizeof *grown);
  if (!grown)
    return false;
  for (size_t i = 0; i < index->slots; i++) {
    size_t at = index->slot[i].hash;
    if (index->slot[i].place == 0)
      continue;
    while (grown[at & (slots - 1)].place)
      at++;
    grown[at & (slots - 1)] = index->slot[i];
  }
  free(index->slot);
  index->slot = grown;
  index->slots = slots;
  return true;
}

/* Takes tensor PLACE; true when another at FROM or behind it has its name. */
static bool take(struct name_index *index, const struct tensor *tensors, size_t place,
                 uint32_t hash, size_t from)
{
  struct name_slot *slot = slot_of(index, tensors, tensors[place].name, hash);
  if (slot->place)
    return slot->place > from;
  *slot = (struct name_slot){.place = (uint32_t)place + 1, .hash = hash};
  index->used++;
  return false;
}

/* Slots lie anywhere in memory: those of some names are fetched before the first is looked at. */
bool name_index_extend(struct name_index *index, const struct tensor *tensors, size_t count,
                       size_t from, size_t *twice)
{
  enum { AHEAD = 16 };
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  uint32_t hash[AHEAD];
  pthread_once(&once, make_secret);
  *twice = NAME_NONE;
  if (count >= UINT32_MAX / 2 || !reserve(index, index->used + (count - index->seen)))
    return false;
  for (size_t n; index->seen < count; index->seen += n) {
    n = size_min(AHEAD, count - index->seen);
    for (size_t i = 0; i < n; i++) {
      hash[i] = hash_of(tensors[index->seen + i].name);
      __builtin_prefetch(&index->slot[hash[i] & (index->slots - 1)]);
    }
    for (size_t i = 0; i < n; i++)
      if (take(index, tensors, index->seen + i, hash[i], from) && *twice == NAME_NONE)
        *twice = index->seen + i;
  }
  return true;
}

size_t name_index_find(const struct name_index *index, const struct tensor *tensors,
                       const char *name)
{
  if (index->slots == 0)
    return NAME_NONE;
  uint32_t place = slot_of(index, tensors, name, hash_of(name))->place;
  return place ? place - 1 : NAME_NONE;
}

void name_index_free(struct name_index *index)
{
  free(index->slot);
  *index = (struct name_index){.slot = NULL};
}
