#include "quant/calibrator.h"
