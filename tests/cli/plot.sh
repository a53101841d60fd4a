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

# The same figure as SVG and as PDF: the state comes back out of both, to the pixel.
qscope plot $state --view error -o error.svg --size 640x400 --dpi 100
qscope replay error.svg -o error.pdf --size 640x400 --dpi 100
for file in error.svg error.pdf; do
  is "$(qscope replay "$file" --print)" "$recipe" "$file: the recipe is inside"
  cp "$file" unnamed
  qscope replay unnamed -o again.png --size 640x400 --dpi 100
  ok "$(cmp -s error.png again.png; echo $?)" "$file: redrawn, known by its first bytes"
done
is "$(head -c 8 error.pdf)" "%PDF-1.4" "a PDF"
if command -v xmllint >/dev/null; then
  is "$(xmllint --noout error.svg 2>&1)" "" "an SVG that an independent reader takes"
else
  skip "an SVG that an independent reader takes" "no xmllint"
fi
fails 2 "a.jpg: expected a file name that ends in .png, .svg or .pdf" "another ending" qscope plot $state -o a.jpg
qscope plot $state >plain.csv && qscope plot $state --data - | cmp -s - plain.csv
ok "$?" "without a file, what is no terminal gets the numbers"
fails 2 "are for characters" "a figure in ASCII" qscope plot $state -o no.png --ascii
fails 4 "none/a.svg: cannot be written" "a folder that is not there" qscope plot $state -o none/a.svg
fails 3 "x.svg: the picture carries no recipe" "an SVG of someone else" sh -c 'echo "<svg/>" >x.svg; "$QSCOPE_PROGRAM" replay x.svg --print'

# The numbers behind a figure: what the bars add up to is the tensor.
qscope plot $state --data histogram.csv
is "$(head -n 1 histogram.csv)" "panel,title,series,mark,x,x_to,y,x_name,x_axis,x_unit,y_axis,y_unit,y_to,value,y_name" "the columns of --data"
is "$(awk -F, '$3 == "original" { n += $7 } END { print n }' histogram.csv)" 4096 "its bars hold every element"
qscope plot $state --view channels -o c.png --data - >channels.csv
like "$(cat channels.csv)" '^2,Signal-to-quantization-noise ratio,.*,bar,.*,SQNR,dB,,,$' "units are in the rows"
fails 4 "none/a.csv: cannot be written" "--data into a folder that is not there" qscope plot $state --data none/a.csv

# A heat map: each cell with its place and its number; the recipe names quantity and part.
npy make map.npy f4 "2,4" 1 0.5 64 -1 0.25 -1 -32 nan
qscope plot map.npy --axis 1 -q int8 --view heat --quantity absmax --part 0:2,1:4 -o map.png --size 400x300 --data map.csv
is "$(awk -F, '$1 == 1 && $4 == "cell" { print $5, $6, $7, $13, $14 }' map.csv | tr '\n' ';')" \
  "1 2 0 1 0.5;2 3 0 1 64;3 4 0 1 1;1 2 1 2 1;2 3 1 2 32;3 4 1 2 ;" "the cells of a heat map"
# Worst first, by hand: the largest of the rows are 2, 6, 4, 7. A row of one channel has its number for a
# name, one of several has theirs.
npy make four.npy f4 "4,2" 1 2 5 6 3 4 7 0.5
qscope plot four.npy -q int8,scale=1 --view heat --quantity absmax --worst-first -o ranked.png --size 400x300 --data ranked.csv
is "$(awk -F, '$1 == 1 && $4 == "cell" && $5 == 0 { print $7, $(NF - 1), $NF }' ranked.csv | tr '\n' ';')" \
  "0 7 3;1 5 1;2 3 2;3 1 0;" "the worst row first, with the names of rows"
is "$(awk -F, '$1 == 1 && $4 == "cell" && $5 == 0 { print $11 }' ranked.csv | head -n 1)" 'worst first: channel (axis 0)' "the axis says so"
is "$(qscope replay ranked.png --print)" \
  "qscope four.npy -t four -q int8,sym,tensor,scale=1 --view heat --quantity absmax --worst-first" "the recipe says so"
qscope replay ranked.png -o ranked2.png --size 400x300
ok "$(cmp -s ranked.png ranked2.png; echo $?)" "and draws it again"
qscope plot four.npy -q int8,scale=1 --view heat --quantity absmax --worst-first --part 1:3,0:1 --data ranked.csv
is "$(awk -F, '$1 == 1 && $4 == "cell" { print $7, $(NF - 1), $NF }' ranked.csv | tr '\n' ';')" "1 5 1;2 3 2;" "a part of ranks"
qscope plot four.npy --axis 1 -q int8,scale=1 --view heat --quantity error --worst-first --data ranked.csv
is "$(awk -F, '$1 == 1 && $4 == "cell" && $7 == 0 { print $5, $(NF - 1), $8 }' ranked.csv | tr '\n' ';')" "0 0 1;1 0 0;" \
  "channels of the last axis are columns: 0.5 is rounded in the second alone"
qscope plot synth:llm-weight,shape=512x64 -q int4 --view heat --worst-first --data ranked.csv
like "$(awk -F, '$1 == 1 && $4 == "cell"' ranked.csv | head -n 1)" '"rank, worst first: channel .axis 0.",,4,.*,"[0-9]*, [0-9]*, [0-9]*, [0-9]*"$' \
  "ranks of several, and which they are"
is "$(awk -F, '$1 == 1 && $4 == "point" { print $5, $7 }' map.csv)" "3.5 1.5" "NaN has a mark of its own"
is "$(qscope replay map.png --print)" \
  "qscope map.npy -t map -q int8,sym,tensor,minmax --view heat --axis 1 --quantity absmax --part 0:2,1:4" "its recipe"
qscope replay map.png -o map2.png --size 400x300
ok "$(cmp -s map.png map2.png; echo $?)" "redrawn from the figure"
for view in error sqnr absmax scale; do
  qscope plot map.npy --view heat --quantity $view -o map.svg
  ok "$?" "a map of $view"
done
# The scale of colours has the colours of what lies beyond it at its ends, a gap apart.
qscope plot synth:llm-weight,shape=64x64 -q int8 --view heat --data scale.csv
is "$(awk -F, '$1 == 2 { n++; value[n] = $(NF - 1); from[n] = $5; to[n] = $6 }
  END { print n, (value[1] + 0 < from[3] + 0), (value[2] == ""), (value[n - 1] == ""), (value[n] + 0 > to[n - 2] + 0) }' scale.csv)" \
  "68 1 1 1 1" "the scale of a heat map and what is beyond it"
rm -f scale.csv
fails 2 "expected R0:R1,C0:C1" "a part that is none" qscope plot map.npy --view heat --part 1:1,0:2 -o no.png
fails 2 "map.npy: map: there is no part" "a part outside" qscope plot map.npy --view heat --part 0:3,0:2 -o no.png
fails 2 "expected one of error, sqnr, absmax, scale" "no such quantity" qscope plot map.npy --view heat --quantity mse -o no.png

# Words that need quoting survive the way through the figure.
npy make "two words.npy" f4 "2,3" 1 2 3 -1 -2 -3
qscope plot "two words.npy" -o quoted.png --size 320x200
qscope replay "$(qscope replay quoted.png --print)" -o quoted2.png --size 320x200
ok "$(cmp -s quoted.png quoted2.png; echo $?)" "a source with a space"
like "$(qscope replay quoted.png --print)" "-q int8,sym,tensor,minmax" "the default quantizer is named"

# Several quantizers: the last one, and what it is compared with; again to the pixel.
for view in compare histogram error channels; do
  qscope plot synth:gaussian,shape=64x64 -q int4 -q int4,mse -q int8 --against B --view "$view" -o pins.png --size 640x400
  is "$?" 0 "three quantizers, view $view"
  is "$(qscope replay pins.png --print)" \
    "qscope synth:gaussian,shape=64x64 -t gaussian -q int4,sym,tensor,minmax -q int4,sym,tensor,mse -q int8,sym,tensor,minmax --view $view --against B" \
    "$view: the recipe names all three"
  qscope replay pins.png -o pins2.png --size 640x400
  ok "$(cmp -s pins.png pins2.png; echo $?)" "$view: redrawn from the figure"
done
qscope plot synth:gaussian,shape=64x64 -q int4 -q int8 --view compare --data pins.csv
is "$(awk -F, '/A: int4/ { a += $10 } END { printf "%.6f", a }' pins.csv)" 100.000000 "A's error by value adds up to 100 %"
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
fails 2 "or a second source" "the view without it" qscope plot a.npy --view compare -o no.png
fails 2 "the view error shows one tensor" "another view of two" qscope plot a.npy --compare b.npy --view error -o no.png
fails 2 "need --compare" "--align alone" qscope plot a.npy --align -o no.png
fails 2 "rename" "a rule that is none" qscope plot a.npy --compare b.npy --rename nothing -o no.png

# A figure knows what its tensors were; made again of others it says so, and the status tells. The
# hash is XXH64 of the 24 bytes, as libxxhash 0.8.1 has it.
npy make stamped.npy f4 "2,3" 1 2 3 -1 -2 -3
for type in png svg pdf; do
  qscope plot stamped.npy -o "stamped.$type" --size 640x400
  qscope replay "stamped.$type" -o "again.$type" --size 640x400
  is "$? $(cmp "stamped.$type" "again.$type")" "0 " "$type: the same again"
done
is "$(grep -a "^# xxh64" stamped.png)" "# xxh64 580b5ae05971c1d5 stamped" "the hash is in the picture"
is "$(grep "^# xxh64" stamped.svg)" "# xxh64 580b5ae05971c1d5 stamped" "the hash is in the SVG"
npy make stamped.npy f4 "2,3" 1 2 3 -1 -2 -4
for type in png svg pdf; do
  rm "again.$type"
  fails 1 "^qscope: stamped has other values than when that figure was made: again.$type shows the present" \
    "$type: other values" qscope replay "stamped.$type" -o "again.$type" --size 640x400
  ok "$(test -s "again.$type"; echo $?)" "$type: written all the same"
done
qscope replay "$(qscope replay stamped.png --print)" -o again.png --size 640x400
ok "$?" "the recipe alone does not know"
qscope plot synth:gaussian,shape=8x8 -q int8 -q int4 --view compare -o synthetic.png --size 640x400
qscope replay synthetic.png -o again.png --size 640x400
ok "$?" "a synthetic tensor is the same every time"
qscope plot synth: -t gaussian -q int8 -q int4 --pin-tensor laplace -o pinned.png --size 640x400
is "$(grep -ac '^# xxh64 [0-9a-f]* \(gaussian\|laplace\)$' pinned.png)" 2 "the tensor of a pin counts, too"
npy make stamped2.npy f4 "2,3" 1 2 3 -1 -2 -4
qscope plot stamped.npy --compare stamped2.npy -o pair.png --size 640x400
is "$(grep -a '^# xxh64' pair.png | cut -d ' ' -f 3 | uniq | wc -l)$(grep -ac '^# xxh64' pair.png)" 12 "two files, the same values"

# All tensors of a source: in the order that people count in, each with the numbers that a report of
# it alone has; the largest channel of t2 is five times the median channel, 2.
mkdir many
npy make many/t10.npy f4 "2,2" 1 0.3 1 0.7
npy make many/t2.npy f4 "3,2" 1 0.5 2 0.25 10 0.125
npy make many/t1.npy f4 "2,2" 1 1 -1 1
qscope plot many --view tensors -q int4 -o many.png --size 640x400 --data many.csv
is "$(awk -F, '$1 == 1 && $4 == "bar" { print $8 }' many.csv | tr '\n' ' ')" "t1 t2 t10 " "tensors in natural order"
for name in t2 t10; do
  is "$(awk -F, -v name=$name '$1 == 1 && $4 == "bar" && $8 == name { printf "%.6f", $7 }' many.csv)" \
    "$(qscope report many -t $name -q int4 --csv | sed 's/"[^"]*"/spec/' | awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "sqnr_db") at = i } NR == 2 { printf "%.6f", $at }')" \
    "$name: its SQNR is the report's"
done
is "$(awk -F, '$1 == 2 && $4 == "bar" && $8 == "t2" { print $7 }' many.csv)" 5 "the largest channel over the median one"
is "$(qscope replay many.png --print)" "qscope many -q int4,sym,tensor,minmax --view tensors" "its recipe"
qscope replay many.png -o many2.png --size 640x400
ok "$(cmp -s many.png many2.png; echo $?)" "all tensors, redrawn from the figure"
qscope plot many --view tensors --filter "t1 sqnr<20" -o few.svg --data few.csv
is "$(awk -F, '$1 == 1 && $4 == "bar" { print $8 }' few.csv | tr '\n' ' ')" "" "a filter by SQNR lets none through"
qscope plot many --view tensors --filter "t1" -o few.png --data few.csv
is "$(awk -F, '$1 == 1 && $4 == "bar" { print $8 }' few.csv | tr '\n' ' ')" "t1 t10 " "a filter by name"
is "$(qscope replay few.png --print)" "qscope many -q int8,sym,tensor,minmax --view tensors --filter t1" "the recipe has the filter"
fails 2 "filter is for the view tensors" "--filter with another view" qscope plot many -t t1 --filter t1 -o no.png
fails 2 "unknown word|expected|did you mean" "a filter that is none" qscope plot many --view tensors --filter "sqrn<2" -o no.png
fails 2 "expected one -q" "two quantizers" qscope plot many --view tensors -q int4 -q int8 -o no.png
fails 2 "not one \(-t\)" "all tensors, and one" qscope plot many --view tensors -t t1 -o no.png
fails 2 "takes each tensor as it is" "all tensors, transformed" qscope plot many --view tensors --transform hadamard -o no.png
rm -r many

fails 2 "word|expected|unknown" "a recipe with nonsense" qscope replay "plot synth:gaussian --viwe error" --print
fails 3 "truncated.png: " "a truncated figure" sh -c 'head -c 200 error.png >truncated.png; "$QSCOPE_PROGRAM" replay truncated.png --print'
is "$(ls -A | grep -Ev '\.(png|svg|pdf|csv|npy|txt)$|^\.(out|err)$|^unnamed$')" "" "nothing else is left in the folder"
done_testing
