/* The row of the kernel table that this instruction set fills. */
#include "quant/kernels/table.h"

#include "quant/kernels/blocks.h"

const struct block_codec *const KERNEL(codecs)[] = {KERNEL(mx_codecs), KERNEL(nvfp4_codecs), NULL};

const struct kernels KERNEL(kernels) = KERNEL_ROW;
