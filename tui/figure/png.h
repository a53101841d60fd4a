#include "tui/figure/draw.h"
