#include "analysis/result.h"
