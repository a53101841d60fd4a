#include "data/tensor.h"
