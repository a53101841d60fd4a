/* tui/cli/main.c, to be called more than once. */
#include "tests/faults/inject.h"

#define main qscope_main
#include "tui/cli/main.c"
