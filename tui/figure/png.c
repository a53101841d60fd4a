#include "tui/figure/png.h"
