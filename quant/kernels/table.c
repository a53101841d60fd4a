/* The row of the kernel table that this instruction set fills. */
#include "quant/kernels/table.h"

#include "quant/kernels/blocks.h"
#include "quant/kernels/ggml.h"

const struct block_codec *const KERNEL(codecs)[] = {
    KERNEL(mx_codecs),       KERNEL(nvfp4_codecs),    KERNEL(ggml_legacy_codecs),
    KERNEL(ggml_k_codecs),   KERNEL(ggml_iq4_codecs), KERNEL(ggml_fp4_codecs),
    KERNEL(ggml_low_codecs), KERNEL(ggml_iq_codecs),  NULL};

const struct kernels KERNEL(kernels) = KERNEL_ROW;
