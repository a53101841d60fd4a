/* The grids of the ggml IQ types, as data: see the .c file for where they come from. An entry is
 * the values of eight elements (IQ1, IQ2) or of four (IQ3) without their signs, at scale 1.
 * Ownership: constant. Threads: immutable. */
#ifndef QSCOPE_QUANT_GGML_IQ_TABLES_H
#define QSCOPE_QUANT_GGML_IQ_TABLES_H

extern const float iq2_xxs_grid[256][8]; /* 8, 25, 43 */
extern const float iq2_xs_grid[512][8];  /* 8, 25, 43 */
extern const float iq2_s_grid[1024][8];  /* 8, 25, 43 */
extern const float iq1_grid[2048][8];    /* -1, 0, 1: iq1_s and iq1_m */
extern const float iq3_xxs_grid[256][4]; /* 4, 12, 20, 28, 36, 44, 52, 62 */
extern const float iq3_s_grid[512][4];   /* 1, 3, 5 ... 15 */

#endif
