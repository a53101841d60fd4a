# For the command-line tests: a folder that goes away, the program, and comparisons.
. "$QSCOPE_SRCDIR/tests/support/tap.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
tools=$QSCOPE_BUILDDIR/tests/cli

qscope()
{
  "$QSCOPE_PROGRAM" "$@" </dev/null
}

# get PATH...: what stands there in the JSON on standard input.
get()
{
  "$tools/json_get" "$@"
}

npy()
{
  "$tools/npy_tool" "$@"
}

escape=$(printf '\033')

# timeless SCREEN: without the times that calibrators and methods took, whatever the colour.
timeless()
{
  sed -E "s/ {0,5}[<.0-9]+ (ms|s)( |│|├|\||$escape|$)/   a time\2/" "$1"
}

# near FOUND EXPECTED RELATIVE-TOLERANCE NAME
near()
{
  if awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN {
    if (a !~ /^[-+]?[0-9]/ || b !~ /^[-+]?[0-9]/) exit 1
    d = a - b; m = b < 0 ? -b : b
    exit !((d < 0 ? -d : d) <= t * m) }'; then
    ok 0 "$4"
  else
    is "$1" "$2 within $3" "$4"
  fi
}

# fails STATUS PATTERN NAME COMMAND...: COMMAND exits with STATUS, prints nothing on standard
# output and one line that fits PATTERN on standard error.
fails()
{
  expected=$1 pattern=$2 name=$3
  shift 3
  "$@" >"$tmp/.out" 2>"$tmp/.err"
  status=$?
  is "$status" "$expected" "$name: exit status"
  like "$(cat "$tmp/.err")" "$pattern" "$name: message"
  is "$(wc -l <"$tmp/.err") $(wc -c <"$tmp/.out")" "1 0" "$name: one line, no output"
}
