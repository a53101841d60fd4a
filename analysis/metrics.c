#include "analysis/metrics.h"
