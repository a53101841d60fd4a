#include "analysis/facts.h"
