/* The row of the kernel table that this instruction set fills. */
#include "quant/kernels/table.h"

const struct kernels KERNEL(kernels) = KERNEL_ROW;
