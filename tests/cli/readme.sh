#!/bin/sh
# The commands that README.md shows are run; what it shows of their output must come out.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

mkdir bin && ln -s "$QSCOPE_PROGRAM" bin/qscope
PATH=$tmp/bin:$PATH

# Blocks of ```console: "$ command", then lines of its output; "..." stands for anything, at the end
# of a line for the rest of it.
awk '/^```console/ { on = 1; next } /^```/ { on = 0 } on' "$QSCOPE_SRCDIR/README.md" >blocks
grep -c '^\$ qscope ' blocks >count
ok "$([ "$(cat count)" -ge 5 ]; echo $?)" "the README shows commands"

# shows LINE: the file out has it.
shows()
{
  case $1 in
  *...) begin=${1%...} awk 'index($0, ENVIRON["begin"]) == 1 { found = 1 } END { exit !found }' out ;;
  *) grep -Fqx -- "$1" out ;;
  esac
}

shown=
command=
check()
{
  [ -n "$command" ] || return 0
  unset -f qscope
  eval "$command" >out 2>&1 </dev/null
  is "$?" 0 "$command"
  printf '%s' "$shown" | while IFS= read -r line; do
    shows "$line" || printf 'not in the output: %s\n' "$line"
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
