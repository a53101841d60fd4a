#!/bin/sh
# Figures from every view of the explorer: each carries its recipe, and replaying that draws the same
# picture, whatever was pinned, zoomed or transformed.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

if ! qscope plot synth:gaussian,shape=4x4 -o font.png --size 320x200 2>words.txt; then
  skip "figures of every view" "$(cat words.txt)"
  done_testing
  exit
fi

awk 'BEGIN {
  for (i = 0; i < 32; i++)
    for (j = 0; j < 32; j++)
      printf "%g%s", ((i * 37 + j * 91 + i * j * 5) % 211 - 105) / 64 * (j == 5 ? 16 : 1), j < 31 ? "," : "\n"
}' >weights.csv
mkdir second
sed 's/^[^,]*/1/' weights.csv >second/weights.csv
cp weights.csv nameless.csv

# drawn FIGURE.svg: all but the recipe, which may name more than the explorer's own: the tokens that a
# layer took, or less: a transform that a view of formats alone does not need.
drawn()
{
  sed '/<metadata>/,/<.metadata>/d' "$1"
}

# exported NAME [--compare FILE] COMMAND...: what the explorer writes after these commands.
exported()
{
  name=$1
  shift
  second=
  case $1 in --compare) second="$1 $2"; shift 2 ;; esac
  printf '%s\n' "$@" 'save-figure first.svg' >commands
  # shellcheck disable=SC2086 # two words, or none
  qscope weights.csv -q int8 --axis 1 $second --script commands
  is "$?" 0 "$name: exported"
  like "$(qscope replay first.svg --print)" "^qscope weights.csv .*--view " "$name: its recipe is inside"
  qscope replay first.svg -o again.svg
  is "$?" 0 "$name: replayed"
  drawn first.svg >first.drawn
  drawn again.svg >again.drawn
  ok "$(test -s first.drawn && cmp -s first.drawn again.drawn; echo $?)" "$name: the same picture"
  rm -f first.svg again.svg
}

for view in histogram error channels heat-map sweep board inspector layer format-view; do
  exported "$view" "$view"
  exported "$view, another quantizer, zoomed" int4,channel=1 'zoom -2:2' log-counts "$view"
  exported "$view, two pins, transformed" pin bits-fewer pin 'transform hadamard' int5 theory "$view"
done
exported "the worst channels first" heat-map heat-sort heat-quantity
exported "the worst of a part" heat-map heat-into heat-sort
exported "compare, pinned" pin bits-fewer compare
exported "compare, two pins, transformed" pin bits-fewer pin 'transform hadamard' int5 compare
exported "compare, two files" --compare second/weights.csv histogram compare
printf '%s\n' compare 'save-figure none.svg' >commands
fails 2 "commands:2: nothing is pinned: there is no figure of it" "a comparison with nothing" qscope weights.csv --script commands
printf '%s\n' histogram compare 'save-figure none.svg' >commands
fails 2 "commands:3: there is no pair to draw" "two files without a pair" \
  qscope weights.csv --compare nameless.csv --script commands
is "$(ls none.svg 2>/dev/null)" "" "and there is no figure"
done_testing
