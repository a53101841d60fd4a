#!/bin/sh
# Every header compiles on its own, twice over (its guard works).
. "$QSCOPE_SRCDIR/tests/support/tap.sh"

# alone HEADER: compiles a file that holds nothing else.
alone()
{
  # shellcheck disable=SC2086 # QSCOPE_COMPILE is a command line
  printf '#include "%s"\n#include "%s"\nint nothing_else;\n' "$1" "$1" |
    $QSCOPE_COMPILE -DKERNEL_ISA=baseline -fsyntax-only -x c - 2>&1
}

cd "$QSCOPE_SRCDIR" || exit 1
# missing HEADER: it is about a library that is not here.
missing()
{
  # shellcheck disable=SC2086
  [ "$1" = data/hdf5.h ] && ! printf '#include <hdf5.h>\n' | $QSCOPE_COMPILE -E - >/dev/null 2>&1
}

for header in $(find quant data analysis tui -name '*.h' | sort); do
  if missing "$header"; then
    skip "$header stands alone" "libhdf5 is not installed"
  else
    is "$(alone "$header")" "" "$header stands alone"
  fi
done

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
printf 'size_t needs_stddef(void);\n' >"$tree/bad.h"
like "$(alone "$tree/bad.h")" size_t "notices a header that needs another one"
done_testing
