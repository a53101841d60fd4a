#include "tui/screen/inspector.h"
