#include "analysis/engine.h"
