#include "quant/base/status.h"
