#include "tests/faults/inject.h"

const char *const fault_names[FAULT_KINDS] = {"memory", "read", "map", "thread", "write"};
