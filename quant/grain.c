#include "quant/grain.h"
