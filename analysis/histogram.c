#include "analysis/histogram.h"
