#!/bin/sh
# Undo and redo bring back the same screen, whatever was done: each command alone, and then all of them
# in a row.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

awk 'BEGIN {
  for (i = 0; i < 64; i++)
    for (j = 0; j < 32; j++)
      printf "%g%s", ((i * 37 + j * 91 + i * j * 5) % 211 - 105) / 64 * (j == 5 ? 16 : 1), j < 31 ? "," : "\n"
}' >weights.csv

cat >changes <<'END'
bits-fewer
int4,group=16,mse
channels
axis-next
enter-channel
leave
heat-map
heat-quantity
heat-sort
histogram
zoom -2:2
log-counts
cursor 0.5
pin
e4m3,channel
compare
swap
transform smooth=0.5
transform-more
sweep
over bits=2:6
pareto
board
board-rank
inspector
theory
error
glyphs
theme
hints
unpin
zoom-all
layer
methods rtn awq
layer-transpose
format-view
END
count=$(wc -l <changes)

{
  echo 'save-screen at-0.txt'
  while read -r change; do
    n=$((${n:-0} + 1))
    printf '%s\n' "$change" "save-screen at-$n.txt" undo "save-screen undone-$((n - 1)).txt" redo \
      "save-screen redone-$n.txt"
  done <changes
  seq "$((count - 1))" -1 0 | sed 's/.*/undo\nsave-screen back-&.txt/'
  seq 1 "$count" | sed 's/.*/redo\nsave-screen forth-&.txt/'
} >script
LC_ALL=C.UTF-8 qscope weights.csv -q int8 --screen 80x60 --script script
is "$?" 0 "the script runs"

# same KIND NUMBER: that screen is the one that was there. The message is about something else, and
# 60 rows are enough for every list, so that nothing is scrolled.
same()
{
  for file in "at-$2.txt" "$1-$2.txt"; do
    timeless "$file" | sed '57,58d'
  done >both
  lines=$(($(wc -l <both) / 2))
  head -n "$lines" both >first
  tail -n "$lines" both | diff first - >differences
  code=$?
  sed 's/^/# /' differences
  return "$code"
}

n=0
while read -r change; do
  n=$((n + 1))
  same undone "$((n - 1))"
  ok "$?" "$change: undone"
  same redone "$n"
  ok "$?" "$change: redone"
done <changes
for n in $(seq 0 "$((count - 1))"); do
  same back "$n"
  ok "$?" "back at $n"
  same forth "$((n + 1))"
  ok "$?" "forth at $((n + 1))"
done
done_testing
