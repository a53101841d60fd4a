#include "quant/quantizer.h"
