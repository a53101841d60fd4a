/* float16 and bfloat16 as tensors store them. */
#include "quant/base/half.h"
#include "quant/kernels/table.h"

#include <endian.h>

void KERNEL(half_decode)(const unsigned char *bytes, size_t n, float *out)
{
  size_t i = 0;
#ifdef __F16C__
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(bytes + 2 * i))));
#endif
  for (; i < n; i++) {
    uint16_t half;
    memcpy(&half, bytes + i * sizeof half, sizeof half);
    out[i] = half_to_float(le16toh(half));
  }
}

void KERNEL(bfloat_decode)(const unsigned char *bytes, size_t n, float *out)
{
  for (size_t i = 0; i < n; i++) {
    uint16_t high;
    memcpy(&high, bytes + i * sizeof high, sizeof high);
    out[i] = bits_float((uint32_t)le16toh(high) << 16);
  }
}
