/* Choosing a row of the kernel table, and merging what the kernels gather. */
#include "config.h"

#define KERNEL_ISA baseline
#include "quant/kernels/table.h"

#include <stdio.h>
#include <stdlib.h>

#if defined HAVE_AVX2_KERNELS || defined HAVE_AVX512_KERNELS
#include <cpuid.h>
#endif

#ifdef HAVE_AVX2_KERNELS
extern const struct kernels kernels_avx2;
#endif
#ifdef HAVE_AVX512_KERNELS
extern const struct kernels kernels_avx512;
#endif

enum { LEVELS_MOST = 3 };

struct kernels kernels = KERNEL_ROW;

#if defined HAVE_AVX2_KERNELS || defined HAVE_AVX512_KERNELS
/* Older compilers do not know it by name. */
static bool has_f16c(void)
{
  unsigned a, b, c = 0, d;
  return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}
#endif

const struct kernels *const *kernels_available(void)
{
  static const struct kernels *levels[LEVELS_MOST + 1];
  if (levels[0])
    return levels;
  size_t count = 1;
#ifdef HAVE_AVX2_KERNELS
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
    levels[count++] = &kernels_avx2;
#endif
#ifdef HAVE_AVX512_KERNELS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && has_f16c())
    levels[count++] = &kernels_avx512;
#endif
  levels[0] = &kernels_baseline;
  return levels;
}

/* What QSCOPE_ISA may say, slowest first: also the levels that this build or processor lacks. */
static const char *const level_names[LEVELS_MOST] = {"baseline", "avx2", "avx512"};

static int level_rank(const char *name)
{
  for (int i = 0; i < LEVELS_MOST; i++)
    if (strcmp(name, level_names[i]) == 0)
      return i;
  return -1;
}

void kernels_init(void)
{
  const char *wish = getenv("QSCOPE_ISA");
  int cap = wish && *wish ? level_rank(wish) : LEVELS_MOST;
  if (cap < 0) {
    fprintf(stderr, "qscope: QSCOPE_ISA: expected baseline, avx2 or avx512; ignored\n");
    cap = LEVELS_MOST;
  }
  for (const struct kernels *const *level = kernels_available(); *level; level++)
    if (level_rank((*level)->name) <= cap)
      kernels = **level;
}

void extremes_merge(struct extremes *into, const struct extremes *from)
{
  into->min = from->min < into->min ? from->min : into->min;
  into->max = from->max > into->max ? from->max : into->max;
  into->finite += from->finite;
  into->nan += from->nan;
  into->inf += from->inf;
  into->zeros += from->zeros;
}

void tally_merge(struct tally *into, const struct tally *from)
{
  into->error += from->error;
  into->error2 += from->error2;
  into->clipped_error2 += from->clipped_error2;
  into->signal2 += from->signal2;
  into->reconstruction2 += from->reconstruction2;
  into->product += from->product;
  into->bulk_error2 += from->bulk_error2;
  into->bulk_signal2 += from->bulk_signal2;
  into->max_error = from->max_error > into->max_error ? from->max_error : into->max_error;
  into->absmax = from->absmax > into->absmax ? from->absmax : into->absmax;
  if (from->finite && (into->finite == 0 || from->least < into->least))
    into->least = from->least;
  if (from->finite && (into->finite == 0 || from->most > into->most))
    into->most = from->most;
  into->finite += from->finite;
  into->clipped += from->clipped;
  into->at_rail += from->at_rail;
  into->flushed += from->flushed;
}

void tally_merge_coded(struct tally *into, const struct tally *coded)
{
  uint64_t finite = into->finite;
  tally_merge(into, coded);
  into->finite = finite;
}
