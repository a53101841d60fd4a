#include "tui/screen/app.h"
