#!/bin/sh
# qscope plot and replay: figures that carry their recipe, and recipes that make the figure again.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

state="synth:gaussian,shape=64x64 -q int4,sym,tensor,minmax"
# shellcheck disable=SC2086 # the words of a command
{
for view in histogram error channels; do
  qscope plot $state --view "$view" -o "$view.png" --size 640x400 --dpi 100 >out.txt 2>&1
  is "$? $(cat out.txt)" "0 " "a figure of the $view view, without a word"
  is "$(od -A n -t x1 -N 24 "$view.png" | tr -d ' \n')" \
    "89504e470d0a1a0a0000000d494844520000028000000190" "$view: PNG of 640 x 400"
  like "$(qscope replay "$view.png" --print)" "synth:gaussian,shape=64x64 .*-q int4,sym,tensor,minmax" \
    "$view: the recipe is inside"
done
is "$(cmp -s histogram.png error.png; echo $?)" 1 "views differ"

# The same state again, to the pixel: from the figure, from one argument, from many.
recipe=$(qscope replay error.png --print)
qscope replay error.png -o again.png --size 640x400 --dpi 100
ok "$(cmp -s error.png again.png; echo $?)" "redrawn from the figure"
qscope replay "$recipe" -o again2.png --size 640x400 --dpi 100
ok "$(cmp -s error.png again2.png; echo $?)" "redrawn from the recipe as one argument"
qscope replay $recipe -o again3.png --size 640x400 --dpi 100
ok "$(cmp -s error.png again3.png; echo $?)" "redrawn from the recipe as many words"
is "$(qscope replay "$recipe" --print)" "$recipe" "a printed recipe prints as itself"

qscope plot $state --log --range -2:2 --bins 50 --axis 1 --view histogram -o zoom.png --size 640x400
like "$(qscope replay zoom.png --print)" "--log" "the recipe keeps the log scale"
like "$(qscope replay zoom.png --print)" "--range -2:2" "the recipe keeps the zoom"
like "$(qscope replay zoom.png --print)" "--bins 50" "the recipe keeps the bins"
qscope plot $state -o light.png --size 320x200
qscope plot $state -o dark.png --size 320x200 --theme dark
is "$(cmp -s light.png dark.png; echo $?)" 1 "themes differ"
}

# One channel alone: the picture says so, and the recipe keeps it.
npy make rows.npy f4 "3,4" 1 2 3 4 10 -20 30 -40 5 6 7 8
qscope plot rows.npy --channel 1 -o row.png --size 320x200
grep -aqF 'rows [channel 1]' row.png
ok "$?" "the title names the channel"
like "$(qscope replay row.png --print)" "-t rows -q int8,sym,tensor,minmax .*--channel 1\$" "the recipe keeps the channel"
fails 2 "^qscope: rows.npy: rows: there is no channel 7" "a channel that is not there" qscope plot rows.npy --channel 7 -o row.png

# Words that need quoting survive the way through the figure.
npy make "two words.npy" f4 "2,3" 1 2 3 -1 -2 -3
qscope plot "two words.npy" -o quoted.png --size 320x200
qscope replay "$(qscope replay quoted.png --print)" -o quoted2.png --size 320x200
ok "$(cmp -s quoted.png quoted2.png; echo $?)" "a source with a space"
like "$(qscope replay quoted.png --print)" "-q int8,sym,tensor,minmax" "the default quantizer is named"

# Two sources: the figure of what the second lost; without --view it is this one.
npy make a.npy f4 "2,3" 1 2 3 -1 -2 -3
npy make b.npy f4 "2,3" 1 2 3 -1 -2 -3.5
qscope plot a.npy --compare b.npy -o pair.png --size 640x400
is "$(qscope replay pair.png --print)" "qscope a.npy -t a --compare b.npy --view compare" "the recipe names both"
qscope replay pair.png -o pair2.png --size 640x400
ok "$(cmp -s pair.png pair2.png; echo $?)" "two sources, redrawn from the figure"
grep -aqF "f32 against f32" pair.png
ok "$?" "the title says what against what"
is "$(qscope replay "a.npy --compare b.npy --align --rename 'a*=b*' --view error" --print)" \
  "qscope a.npy --compare b.npy --align --rename 'a*=b*' --view error" "what belongs to the comparison is kept"
is "$(qscope replay "a.npy --view histogram --compare b.npy" --print)" \
  "qscope a.npy --compare b.npy --view histogram" "--view says otherwise, wherever it stands"
is "$(qscope replay "a.npy --compare b.npy" --print)" \
  "qscope a.npy --compare b.npy --view compare" "a recipe without --view shows both"
npy make t.npy f4 "3,2" 1 -1 2 -2 3 -3
qscope plot a.npy --compare t.npy --align -o aligned.png --size 320x200
ok "$?" "--align lays them over each other"
fails 3 "a.npy: a: not compared: 2x3 in A, 3x2 in B: transposed" "other shapes" qscope plot a.npy --compare t.npy -o no.png
fails 3 "none.npy: " "no second source" qscope plot a.npy --compare none.npy -o no.png
fails 2 "needs a second source" "the view without it" qscope plot a.npy --view compare -o no.png
fails 2 "the view error shows one tensor" "another view of two" qscope plot a.npy --compare b.npy --view error -o no.png
fails 2 "need --compare" "--align alone" qscope plot a.npy --align -o no.png
fails 2 "rename" "a rule that is none" qscope plot a.npy --compare b.npy --rename nothing -o no.png

fails 2 "word|expected|unknown" "a recipe with nonsense" qscope replay "plot synth:gaussian --viwe error" --print
fails 3 "truncated.png: " "a truncated figure" sh -c 'head -c 200 error.png >truncated.png; "$QSCOPE_PROGRAM" replay truncated.png --print'
is "$(ls -A | grep -Ev '\.(png|npy|txt)$|^\.(out|err)$')" "" "nothing else is left in the folder"
done_testing
