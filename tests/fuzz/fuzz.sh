#!/bin/sh
# fuzz.sh SOURCE-TREE FUZZER FORMAT SECONDS, in a build tree: looks for inputs that break a reader.
# `make fuzz FORMAT=gguf TIME=60 [FUZZER=afl]` calls it. Everything it makes is in fuzz-FUZZER/:
# a build with sanitizers, corpus/FORMAT that grows from run to run, found/FORMAT.
set -eu

source_tree=$1 fuzzer=$2 format=$3 seconds=$4
tree=$PWD/fuzz-$fuzzer

stop()
{
  printf 'fuzz: %s\n' "$*" >&2
  exit 2
}

case $fuzzer in
libfuzzer)
  compiler=clang
  flags='-O1 -g -fsanitize=fuzzer-no-link'
  package="clang with its compiler-rt (FUZZER=libfuzzer needs clang's -fsanitize=fuzzer)" ;;
afl)
  compiler=afl-clang-fast
  flags='-O1 -g'
  package='AFL++ (FUZZER=afl needs afl-clang-fast and afl-fuzz)' ;;
*)
  stop "expected FUZZER=libfuzzer or FUZZER=afl, found '$fuzzer'" ;;
esac
case $seconds in
'' | *[!0-9]*) stop "expected TIME in seconds, found '$seconds'" ;;
esac

# What is asked of the compiler, tried before ten minutes are spent on a build.
mkdir -p "$tree"
cat >"$tree/try.c" <<'END'
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  return size > 0 && data[0] == 1 ? 0 : 0;
}
END
$compiler -fsanitize=fuzzer,address,undefined -o "$tree/try" "$tree/try.c" >"$tree/try.log" 2>&1 ||
  stop "$compiler -fsanitize=fuzzer,address,undefined does not work here ($tree/try.log); install $package"

if [ ! -f "$tree/Makefile" ]; then
  (cd "$tree" && "$source_tree/configure" --quiet --enable-asan --enable-ubsan \
    CC="$compiler" CFLAGS="$flags") || stop "configure failed in $tree"
fi
make -s -C "$tree" tests/fuzz/replay tests/fuzz/fuzzer
program=$tree/tests/fuzz/fuzz-$format

corpus=$tree/corpus/$format seeds=$tree/seeds/$format found=$tree/found/$format
rm -rf "$seeds"
mkdir -p "$corpus" "$seeds" "$found"
"$tree/tests/fuzz/replay" -o "$seeds" -t "$format" "$source_tree/tests/data/good" \
  "$source_tree/tests/data/bad" "$source_tree/tests/fuzz/corpus" >/dev/null ||
  stop "there is no such FORMAT: '$format'"
ln -sf fuzzer "$program"

# Inputs are written to files: in memory, where that is possible.
files=$(mktemp -d /dev/shm/qscope-fuzz-XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$files"' EXIT
trap 'exit 130' INT TERM HUP
export TMPDIR="$files"
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1
export LSAN_OPTIONS="suppressions=$source_tree/tests/support/lsan.supp:print_suppressions=0"
export UBSAN_OPTIONS=print_stacktrace=1
words=$source_tree/tests/fuzz/dictionaries/$format.dict

# Memory in proportion to a file of at most 64 kB: 256 MB at once is a defect, and so are 10 s.
with_libfuzzer()
{
  set -- -max_total_time="$seconds" -max_len=65536 -timeout=10 -malloc_limit_mb=256 \
    -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$found/"
  [ ! -f "$words" ] || set -- "$@" -dict="$words"
  "$program" "$@" "$corpus" "$seeds"
}

with_afl()
{
  export ASAN_OPTIONS="$ASAN_OPTIONS:abort_on_error=1:symbolize=0:max_allocation_size_mb=256"
  export LSAN_OPTIONS="$LSAN_OPTIONS:exitcode=23:symbolize=0" UBSAN_OPTIONS=abort_on_error=1:symbolize=0
  export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
  set -- -V "$seconds" -t 10000 -m none -i "$seeds" -o "$corpus"
  [ ! -f "$words" ] || set -- "$@" -x "$words"
  AFL_AUTORESUME=1 afl-fuzz "$@" -- "$program" || return
  find "$corpus" -path '*/crashes/id*' -exec cp {} "$found" ';'
}

status=0
"with_$fuzzer" || status=$?
if [ -n "$(ls "$found")" ]; then
  echo "fuzz: found, to be replayed by $program FILE:"
  ls "$found"/*
  exit 1
fi
exit "$status"
