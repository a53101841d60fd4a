#include "data/source.h"
