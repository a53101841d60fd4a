#!/bin/sh
# The commands that README.md shows are run; what it shows of their output must come out.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

mkdir bin && ln -s "$QSCOPE_PROGRAM" bin/qscope
PATH=$tmp/bin:$PATH

# Blocks of ```console: "$ command", then lines of its output; "..." stands for anything.
awk '/^```console/ { on = 1; next } /^```/ { on = 0 } on' "$QSCOPE_SRCDIR/README.md" >blocks
grep -c '^\$ qscope ' blocks >count
ok "$([ "$(cat count)" -ge 5 ]; echo $?)" "the README shows commands"

shown=
command=
check()
{
  [ -n "$command" ] || return 0
  unset -f qscope
  eval "$command" >out 2>&1 </dev/null
  is "$?" 0 "$command"
  printf '%s' "$shown" | while IFS= read -r line; do
    [ "$line" = ... ] || grep -Fqx -- "$line" out || printf 'not in the output: %s\n' "$line"
  done >lost
  is "$(cat lost)" "" "what it prints"
}
while IFS= read -r line; do
  case $line in
  '$ '*)
    check
    command=${line#\$ } shown= ;;
  *)
    shown="$shown$line
" ;;
  esac
done <blocks
check
done_testing
