/* Tables of element values, written as their octaves: the numbers from V up to 2 V. */
#include "quant/block_levels.h"

#include <math.h>

/* Steps of an eighth of V: 0 to 7 below the smallest normal number, 8 to 15 from V on. */
#define PART8(v, n) (v) * ((n) / 8.0f)
#define HALF8(v, n) PART8(v, n), PART8(v, (n) + 1), PART8(v, (n) + 2), PART8(v, (n) + 3)
#define BELOW8(v)   HALF8(v, 0.0f), HALF8(v, 4.0f)
#define FROM8(v)    HALF8(v, 8.0f), HALF8(v, 12.0f)
#define BELOW4(v)   PART8(v, 0.0f), PART8(v, 2.0f), PART8(v, 4.0f), PART8(v, 6.0f)
#define FROM4(v)    PART8(v, 8.0f), PART8(v, 10.0f), PART8(v, 12.0f), PART8(v, 14.0f)
#define BELOW2(v)   PART8(v, 0.0f), PART8(v, 4.0f)
#define FROM2(v)    PART8(v, 8.0f), PART8(v, 12.0f)

#define E2M1(sign) BELOW2(sign), FROM2(sign), FROM2(sign * 2), FROM2(sign * 4)
#define E2M3(sign) BELOW8(sign), FROM8(sign), FROM8(sign * 2), FROM8(sign * 4)
#define E3M2(sign)                                                                                 \
  BELOW4(sign / 4), FROM4(sign / 4), FROM4(sign / 2), FROM4(sign), FROM4(sign * 2),                \
      FROM4(sign * 4), FROM4(sign * 8), FROM4(sign * 16)

#define FOUR8(v) FROM8(v), FROM8((v)*2), FROM8((v)*4), FROM8((v)*8)
#define FOUR4(v) FROM4(v), FROM4((v)*2), FROM4((v)*4), FROM4((v)*8)
#define E4M3(sign)                                                                                 \
  BELOW8(sign * 0x1p-6f), FOUR8(sign * 0x1p-6f), FOUR8(sign * 0x1p-2f), FOUR8(sign * 0x1p2f),      \
      FROM8(sign * 0x1p6f), FROM8(sign * 0x1p7f), HALF8(sign * 0x1p8f, 8.0f),                      \
      PART8(sign * 0x1p8f, 12.0f), PART8(sign * 0x1p8f, 13.0f), PART8(sign * 0x1p8f, 14.0f), NAN
#define E5M2(sign)                                                                                 \
  BELOW4(sign * 0x1p-14f), FOUR4(sign * 0x1p-14f), FOUR4(sign * 0x1p-10f), FOUR4(sign * 0x1p-6f),  \
      FOUR4(sign * 0x1p-2f), FOUR4(sign * 0x1p2f), FOUR4(sign * 0x1p6f), FOUR4(sign * 0x1p10f),    \
      FROM4(sign * 0x1p14f), FROM4(sign * 0x1p15f), sign *INFINITY, NAN, NAN, NAN

const float block_e2m1[16] = {E2M1(1.0f), E2M1(-1.0f)};
const float block_e2m3[64] = {E2M3(1.0f), E2M3(-1.0f)};
const float block_e3m2[64] = {E3M2(1.0f), E3M2(-1.0f)};
const float block_e4m3[256] = {E4M3(1.0f), E4M3(-1.0f)};
const float block_e5m2[256] = {E5M2(1.0f), E5M2(-1.0f)};

#define WHOLE4(n)  (n) / 64.0f, ((n) + 1) / 64.0f, ((n) + 2) / 64.0f, ((n) + 3) / 64.0f
#define WHOLE16(n) WHOLE4(n), WHOLE4((n) + 4), WHOLE4((n) + 8), WHOLE4((n) + 12)
#define WHOLE64(n) WHOLE16(n), WHOLE16((n) + 16), WHOLE16((n) + 32), WHOLE16((n) + 48)
const float block_64ths[256] = {WHOLE64(0), WHOLE64(64), WHOLE64(-128), WHOLE64(-64)};

#define POWER4(v)  (v), (v)*0x1p1f, (v)*0x1p2f, (v)*0x1p3f
#define POWER16(v) POWER4(v), POWER4((v)*0x1p4f), POWER4((v)*0x1p8f), POWER4((v)*0x1p12f)
#define POWER64(v) POWER16(v), POWER16((v)*0x1p16f), POWER16((v)*0x1p32f), POWER16((v)*0x1p48f)
const float block_e8m0[256] = {POWER64(0x1p-127f),
                               POWER64(0x1p-63f),
                               POWER64(0x1p1f),
                               POWER16(0x1p65f),
                               POWER16(0x1p81f),
                               POWER16(0x1p97f),
                               POWER4(0x1p113f),
                               POWER4(0x1p117f),
                               POWER4(0x1p121f),
                               0x1p125f,
                               0x1p126f,
                               0x1p127f,
                               NAN};
