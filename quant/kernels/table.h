/* The kernels of one instruction set, as their sources offer them to table.c. Contracts:
 * kernels.h. */
#ifndef QSCOPE_QUANT_KERNELS_TABLE_H
#define QSCOPE_QUANT_KERNELS_TABLE_H

#include "quant/kernels/lanes.h"

extern const struct kernels KERNEL(kernels);

void KERNEL(integer_run)(const float *x, size_t n, struct unit unit, float *y, uint16_t *codes);
void KERNEL(integer_lanes)(const float *x, size_t n, const struct unit *units, float *y,
                           uint16_t *codes);
double KERNEL(integer_sse)(const float *x, size_t n, struct unit unit);
void KERNEL(integer_by)(enum arithmetic arithmetic, const float *x, size_t n,
                        const struct unit *units, size_t step, float *y, uint16_t *codes);

void KERNEL(minifloat_run)(const float *x, size_t n, const struct minifloat_grid *grid, float scale,
                           float *y, uint16_t *codes);
void KERNEL(minifloat_lanes)(const float *x, size_t n, const struct minifloat_grid *grid,
                             const struct unit *units, float *y, uint16_t *codes);
double KERNEL(minifloat_sse)(const float *x, size_t n, const struct minifloat_grid *grid,
                             float scale);

void KERNEL(codebook_run)(const float *x, size_t n, const struct codebook *codebook, float scale,
                          float *y, uint16_t *codes);
void KERNEL(codebook_lanes)(const float *x, size_t n, const struct codebook *codebook,
                            const struct unit *units, float *y, uint16_t *codes);
double KERNEL(codebook_sse)(const float *x, size_t n, const struct codebook *codebook, float scale);

void KERNEL(power_run)(const float *x, size_t n, const struct unit *units, size_t step,
                       bool nonfinite, float *y, uint16_t *codes);

double KERNEL(power_error)(const float *x, const float *y, const uint64_t *counts, size_t n,
                           double p, float unit);
double KERNEL(counted_error)(const float *x, const float *y, const uint64_t *counts, size_t n);
void KERNEL(powers)(const float *d, size_t n, double p, float unit, double *out);
void KERNEL(crossings)(const double *size, const double *inverse, const kernel_pair *own, size_t n,
                       const struct crossing *crossing, kernel_pair *gain);
void KERNEL(breaks)(const double *size, const double *mass, const double *pull, size_t n,
                    const struct level_pass *pass, const struct broken *broken);
void KERNEL(places_find)(const struct places *places, const double *size, size_t n, double factor,
                         uint32_t *at);
void KERNEL(rung_sums)(const struct rungs *rungs, double scale, double p, float rate, float near,
                       struct kept_sums *sums);
void KERNEL(line_sums)(const float *x, const float *y, size_t n, struct line_sums *sums);

void KERNEL(tally)(const float *x, const float *y, size_t n, const struct tally_bounds *bounds,
                   struct tally *tally);
void KERNEL(integer_tally)(const float *x, size_t n, struct unit unit,
                           const struct tally_bounds *bounds, struct tally *tally,
                           struct coded *coded);
void KERNEL(minifloat_tally)(const float *x, size_t n, const struct minifloat_grid *grid,
                             float scale, const struct tally_bounds *bounds, struct tally *tally,
                             struct coded *coded);
void KERNEL(integer_coded)(struct unit unit, const struct tally_bounds *bounds, struct coded *coded,
                           struct tally *tally, uint32_t *count);
void KERNEL(minifloat_coded)(const struct minifloat_grid *grid, float scale,
                             const struct tally_bounds *bounds, struct coded *coded,
                             struct tally *tally, uint32_t *count);
void KERNEL(extremes)(const float *x, size_t n, struct extremes *extremes);
uint32_t KERNEL(count_below)(const float *x, size_t n, float limit);
size_t KERNEL(find_between)(const float *x, size_t n, uint32_t first, uint32_t last, float *out);
void KERNEL(moments)(const float *x, size_t n, struct central_moments *out);
void KERNEL(extremes_lanes)(const float *x, size_t n, float *min, float *max, uint32_t *finite);

void KERNEL(bins)(const float *x, const float *less, size_t n, const struct bin_edges *edges,
                  int32_t *at);
void KERNEL(error_bins)(const float *x, const float *y, const int32_t *at, size_t n,
                        struct error_bin *bins);

void KERNEL(half_decode)(const unsigned char *bytes, size_t n, float *out);
void KERNEL(bfloat_decode)(const unsigned char *bytes, size_t n, float *out);

bool KERNEL(group_ranges)(const float *x, size_t n, size_t first, size_t length, float *lo,
                          float *hi);
void KERNEL(group_scales)(const float *lo, const float *hi, size_t n, float steps, bool asymmetric,
                          float *scale, float *zero);
size_t KERNEL(group_errors)(const float *x, size_t n, const struct group_row *row, float bulk,
                            const struct code_tables *tables, struct tally *tally, uint64_t *high);
void KERNEL(settle_pairs)(uint16_t *pairs, size_t codes, uint32_t *count);
/* Room for MORE in each of the pairs of CODES codes, none of which is above *PAIRED: settles them
 * where one might not have it, which it tells. */
bool KERNEL(pairs_room)(uint16_t *pairs, size_t codes, uint32_t more, uint32_t *paired,
                        uint32_t *count);

/* Adds sum (x - y)^2 of N elements (a multiple of LANES) to lanes. */
void KERNEL(lanes_add_error2)(const float *x, const float *y, size_t n, struct lanes *error2);

extern const struct block_codec *const KERNEL(codecs)[];

/* The row itself, as a constant initializer: the names are made from KERNEL_ISA. */
#define KERNEL_STRING_(isa) #isa
#define KERNEL_STRING(isa)  KERNEL_STRING_(isa)
#define KERNEL_ROW                                                                                 \
  {                                                                                                \
    .name = KERNEL_STRING(KERNEL_ISA), .codecs = KERNEL(codecs),                                   \
    .integer_run = KERNEL(integer_run), .integer_lanes = KERNEL(integer_lanes),                    \
    .minifloat_run = KERNEL(minifloat_run), .minifloat_lanes = KERNEL(minifloat_lanes),            \
    .integer_sse = KERNEL(integer_sse), .integer_by = KERNEL(integer_by),                          \
    .minifloat_sse = KERNEL(minifloat_sse), .power_run = KERNEL(power_run),                        \
    .power_error = KERNEL(power_error), .powers = KERNEL(powers), .line_sums = KERNEL(line_sums),  \
    .counted_error = KERNEL(counted_error), .crossings = KERNEL(crossings),                        \
    .places_find = KERNEL(places_find), .breaks = KERNEL(breaks), .rung_sums = KERNEL(rung_sums),  \
    .codebook_run = KERNEL(codebook_run), .codebook_lanes = KERNEL(codebook_lanes),                \
    .codebook_sse = KERNEL(codebook_sse), .tally = KERNEL(tally),                                  \
    .integer_tally = KERNEL(integer_tally), .minifloat_tally = KERNEL(minifloat_tally),            \
    .integer_coded = KERNEL(integer_coded), .minifloat_coded = KERNEL(minifloat_coded),            \
    .extremes = KERNEL(extremes), .extremes_lanes = KERNEL(extremes_lanes), .bins = KERNEL(bins),  \
    .error_bins = KERNEL(error_bins), .moments = KERNEL(moments),                                  \
    .count_below = KERNEL(count_below), .find_between = KERNEL(find_between),                      \
    .half_decode = KERNEL(half_decode), .bfloat_decode = KERNEL(bfloat_decode),                    \
    .group_ranges = KERNEL(group_ranges), .group_scales = KERNEL(group_scales),                    \
    .group_errors = KERNEL(group_errors), .settle_pairs = KERNEL(settle_pairs),                    \
  }

#endif
