# TAP for shell tests. Source it, call ok/is/like/skip_all, end with done_testing.
tap_count=0
tap_failed=0

ok() # ok CONDITION-STATUS NAME
{
  tap_count=$((tap_count + 1))
  if [ "$1" -eq 0 ]; then
    printf 'ok %d - %s\n' "$tap_count" "$2"
  else
    printf 'not ok %d - %s\n' "$tap_count" "$2"
    tap_failed=1
  fi
}

is() # is FOUND EXPECTED NAME
{
  if [ "$1" = "$2" ]; then
    ok 0 "$3"
  else
    ok 1 "$3"
    printf '%s\n' "expected: $2" "found:    $1" | sed 's/^/# /'
  fi
}

like() # like TEXT EXTENDED-REGEX NAME
{
  if printf '%s\n' "$1" | grep -Eq -- "$2"; then
    ok 0 "$3"
  else
    ok 1 "$3"
    printf '%s\n' "no match for: $2" "in: $1" | sed 's/^/# /'
  fi
}

skip() # skip NAME REASON
{
  tap_count=$((tap_count + 1))
  printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

skip_all() # skip_all REASON
{
  printf '1..0 # SKIP %s\n' "$1"
  exit 0
}

done_testing()
{
  printf '1..%d\n' "$tap_count"
  exit "$tap_failed"
}
