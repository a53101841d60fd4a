/* Values of the codes of the elements that MX and NVFP4 store, at scale 1, in the order of the
 * codes (OCP Microscaling Formats 1.0, section 5.3). Immutable. */
#ifndef QSCOPE_QUANT_BLOCK_LEVELS_H
#define QSCOPE_QUANT_BLOCK_LEVELS_H

extern const float block_e2m1[16];
extern const float block_e2m3[64], block_e3m2[64];
extern const float block_e4m3[256], block_e5m2[256]; /* with NaN, and infinity in E5M2 */
extern const float block_64ths[256];                 /* int8: k / 64 in two's complement */
extern const float block_e8m0[256];                  /* 2^(code - 127); 255 is NaN */

#endif
