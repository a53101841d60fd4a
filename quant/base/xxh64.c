#include "quant/base/xxh64.h"

#include <string.h>

static const uint64_t prime[] = {0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                                 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5};

static uint64_t rotate(uint64_t x, unsigned by)
{
  return x << by | x >> (64 - by);
}

/* Little-endian, whatever the machine. */
static uint64_t read_word(const unsigned char *bytes, unsigned length)
{
  uint64_t word = 0;
  memcpy(&word, bytes, length);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

static uint64_t mix(uint64_t lane, uint64_t word)
{
  return rotate(lane + word * prime[1], 31) * prime[0];
}

void xxh64_init(struct xxh64 *hash)
{
  *hash = (struct xxh64){.lane = {prime[0] + prime[1], prime[1], 0, 0 - prime[0]}};
}

/* Adds whole stripes; returns how many bytes they have. */
static size_t add_stripes(struct xxh64 *hash, const unsigned char *bytes, size_t length)
{
  uint64_t a = hash->lane[0], b = hash->lane[1], c = hash->lane[2], d = hash->lane[3];
  size_t at = 0;
  for (; length - at >= XXH64_STRIPE; at += XXH64_STRIPE) {
    a = mix(a, read_word(bytes + at, 8));
    b = mix(b, read_word(bytes + at + 8, 8));
    c = mix(c, read_word(bytes + at + 16, 8));
    d = mix(d, read_word(bytes + at + 24, 8));
  }
  hash->lane[0] = a;
  hash->lane[1] = b;
  hash->lane[2] = c;
  hash->lane[3] = d;
  return at;
}

void xxh64_add(struct xxh64 *hash, const void *bytes, size_t length)
{
  const unsigned char *from = bytes;
  size_t waiting = hash->total % XXH64_STRIPE;
  if (length == 0)
    return;
  hash->total += length;
  if (waiting > 0) {
    size_t fill = XXH64_STRIPE - waiting < length ? XXH64_STRIPE - waiting : length;
    memcpy(hash->rest + waiting, from, fill);
    from += fill;
    length -= fill;
    if (waiting + fill < XXH64_STRIPE)
      return;
    add_stripes(hash, hash->rest, XXH64_STRIPE);
  }
  size_t done = add_stripes(hash, from, length);
  memcpy(hash->rest, from + done, length - done);
}

static uint64_t merge_lanes(const uint64_t *lane)
{
  uint64_t value =
      rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
  for (int i = 0; i < 4; i++)
    value = (value ^ mix(0, lane[i])) * prime[0] + prime[3];
  return value;
}

static uint64_t add_rest(uint64_t value, const unsigned char *rest, size_t length)
{
  for (; length >= 8; length -= 8, rest += 8)
    value = rotate(value ^ mix(0, read_word(rest, 8)), 27) * prime[0] + prime[3];
  for (; length >= 4; length -= 4, rest += 4)
    value = rotate(value ^ read_word(rest, 4) * prime[0], 23) * prime[1] + prime[2];
  for (; length > 0; length--, rest++)
    value = rotate(value ^ *rest * prime[4], 11) * prime[0];
  return value;
}

uint64_t xxh64_value(const struct xxh64 *hash)
{
  uint64_t value = hash->total >= XXH64_STRIPE ? merge_lanes(hash->lane) : prime[4];
  value = add_rest(value + hash->total, hash->rest, hash->total % XXH64_STRIPE);
  value = (value ^ value >> 33) * prime[1];
  value = (value ^ value >> 29) * prime[2];
  return value ^ value >> 32;
}
