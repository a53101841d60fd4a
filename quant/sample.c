#include "quant/sample.h"
