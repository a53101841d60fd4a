#include "data/map.h"
