#include "quant/kernels/kernels.h"
