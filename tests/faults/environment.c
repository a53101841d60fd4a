/* The program itself with a fault named in the environment: QSCOPE_FAULT=memory:17, or memory:17+
 * for all from then on; 0 counts only. QSCOPE_FAULT_COUNT names a file for the number of calls. */
#include "tests/faults/inject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell(void)
{
  size_t calls = inject_disarm();
  const char *name = getenv("QSCOPE_FAULT_COUNT");
  FILE *file = name ? fopen(name, "w") : NULL;
  if (file) {
    fprintf(file, "%zu\n", calls);
    fclose(file);
  }
}

__attribute__((constructor)) static void arm(void)
{
  const char *fault = getenv("QSCOPE_FAULT"), *number = fault ? strchr(fault, ':') : NULL;
  for (int kind = 0; number && kind < FAULT_KINDS; kind++)
    if (strncmp(fault, fault_names[kind], (size_t)(number - fault)) == 0) {
      inject_arm((enum fault_kind)kind, strtoul(number + 1, NULL, 10), strchr(number, '+') != NULL);
      atexit(tell);
    }
}
