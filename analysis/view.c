#include "analysis/view.h"
