/* Where libFuzzer and AFL++ come in: the target is named by the program, fuzz-NAME. */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *count, char ***words);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *count, char ***words)
{
  const char *dash = *count > 0 ? strrchr((*words)[0], '-') : NULL;
  target = dash ? fuzz_find(dash + 1) : NULL;
  if (target)
    return 0;
  fputs("fuzz: the name of the program says what is fuzzed: fuzz-TARGET, where TARGET is one of",
        stderr);
  for (size_t i = 0; i < fuzz_targets_length; i++)
    fprintf(stderr, " %s", fuzz_targets[i].name);
  fputc('\n', stderr);
  exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  target->run(target, data, size);
  return 0;
}
