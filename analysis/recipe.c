#include "analysis/recipe.h"
