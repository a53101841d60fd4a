/* The grids of the ggml IQ types, as data: see the .c file for where they come from. An entry of
 * the IQ1 and IQ2 grids holds eight elements of two bits, of the IQ3 grids four of three bits, the
 * first element lowest. Ownership: constant. Threads: immutable. */
#ifndef QSCOPE_QUANT_GGML_IQ_TABLES_H
#define QSCOPE_QUANT_GGML_IQ_TABLES_H

#include <stdint.h>

extern const uint16_t iq2_xxs_grid[256]; /* 8, 25, 43 */
extern const uint16_t iq2_xs_grid[512];  /* 8, 25, 43 */
extern const uint16_t iq2_s_grid[1024];  /* 8, 25, 43 */
extern const uint16_t iq1_grid[2048];    /* -1, 0, 1: iq1_s and iq1_m */
extern const uint16_t iq3_xxs_grid[256]; /* 4, 12, 20, 28, 36, 44, 52, 62 */
extern const uint16_t iq3_s_grid[512];   /* 1, 3, 5 ... 15 */

#endif
