#include "analysis/figure.h"
