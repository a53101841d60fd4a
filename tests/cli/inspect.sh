#!/bin/sh
# qscope inspect: one block, and where it stands among all.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# Two rows in groups of 4 with scale 0.5: by hand, x / 0.5 rounded to even, times 0.5.
#   0.75 -> 1, -70 -> -64 (clipped), 3 -> 3, 0.125 -> 0     errors 0.25, 6, 0, -0.125
#   1.1 -> 1, 2 -> 2, -0.5 -> -0.5, 0.3 -> 0.5              errors -0.1, 0, 0, 0.2
npy make two.npy f4 "2,4" 0.75 -70 3 0.125 1.1 2 -0.5 0.3
qscope inspect two.npy -q int8,group=4,scale=0.5 --block 0 >block.txt
is "$?" 0 "inspect works"
like "$(sed -n 1p block.txt)" "^two 2x4 f32 as int8,sym,group=4,scale=0.5" "the heading names the tensor and the quantizer"
like "$(cat block.txt)" "^Block 0 of 0..1: 4 elements, \[0,0\] .. \[0,3\]" "where the block lies"
like "$(cat block.txt)" "^scale 0.5 \(float32 0x3f000000\)" "the scale as it is stored"
like "$(cat block.txt)" "^ *\[0,0\] +0.75 +2 +1 +0.25 +\+0.50 +\.\.\.\.\.\|\.\.\.\.o" "a row of the table"
like "$(cat block.txt)" "^ *\[0,1\] +-70 +-128 +-64 +6 +\+12.00 +clipped" "a clipped row"
like "$(cat block.txt)" "x / scale = -140 -> clipped to -128, code -128" "how the largest error came to be"
like "$(cat block.txt)" "y = code -128 x 0.5 = -64" "the formula with its numbers"
like "$(cat block.txt)" "rank 1 of 2: 99.9 % of all squared error" "rank and share"
is "$(awk 'length > 80' block.txt | wc -l)" 0 "it fits 80 columns"
is "$(LC_ALL=C qscope inspect two.npy | LC_ALL=C grep -c '[^ -~]')" 0 "ASCII in a C locale"
qscope inspect two.npy -q int8,group=4,scale=0.5 | grep -v xyz >worst.txt
ok "$(cmp -s block.txt worst.txt; echo $?)" "the worst block is the default"
qscope inspect two.npy -q int8,group=4,scale=0.5 --block worst >worst.txt
ok "$(cmp -s block.txt worst.txt; echo $?)" "and has a name"

qscope inspect two.npy -q int8,group=4,scale=0.5 --block 1 --json >block.json
is "$(get block blocks rank worst length elements.# squared_errors.# elements.3.index elements.3.code elements.3.y \
  elements.0.clipped stored.0.name stored.0.type <block.json | tr '\n' ' ')" \
  "1 2 2 0 4 4 2 7 1 0.5 false scale float32 " "the block as JSON"
near "$(get elements.3.error <block.json)" 0.2 1e-6 "the error of an element"
near "$(get squared_error <block.json)" 0.05 1e-6 "the squared error of the block"
near "$(get mse <block.json)" 0.0125 1e-6 "its mean"
near "$(get squared_errors.0 <block.json)" 36.078125 1e-12 "the squared error of another"
is "$(get elements.3.formula <block.json)" "y = code 1 x 0.5 = 0.5" "the formula of every element"

# By its place: element [1,3] is the last of block 1, whatever has the largest error there.
qscope inspect two.npy -q int8,group=4,scale=0.5 --element 1,3 >place.txt
like "$(cat place.txt)" "^Block 1 of 0..1" "--element finds the block"
like "$(cat place.txt)" "^Element \[1,3\]:" "and explains the element"
like "$(cat place.txt)" "y = code 1 x 0.5 = 0.5" "with its formula"
is "$(qscope inspect two.npy -q int8,channel=1,scale=0.5 --element 1,3 --json | get block element elements.1.index | tr '\n' ' ')" \
  "3 1 7 " "where channels are columns"
fails 2 "--element: expected the place of an element of 2x4, such as 0,0; found '1,4'" "a place outside" \
  qscope inspect two.npy --element 1,4
fails 2 "--element: expected .* found '7'" "a place with an axis missing" qscope inspect two.npy --element 7
fails 2 "inspect: --element and --block both name a block" "both at once" \
  qscope inspect two.npy --element 0,0 --block 0

# The errors of all blocks add up to N x MSE of the report.
source="synth:student-t,shape=96x80"
mse=$(qscope report "$source" -q int4,asym,channel --json | get metrics.mse)
total=$(qscope inspect "$source" -q int4,asym,channel --json | sed -n '/"squared_errors"/,/\]/p' |
  tr -d ' ,' | awk '/^[0-9]/ { sum += $1 } END { printf "%.17g", sum }')
near "$total" "$(awk -v m="$mse" 'BEGIN { printf "%.17g", m * 96 * 80 }')" 1e-12 "blocks add up to the report"
is "$(qscope inspect "$source" -q int4,asym,channel --json | get blocks)" 288 "96 channels of 80: 32 + 32 + 16"

# The figure of the view, and the way back.
qscope plot two.npy -q int8,group=4,scale=0.5 --view inspector --block 1 -o strip.png --size 320x200
like "$(qscope replay strip.png --print)" "--view inspector --block 1\$" "the recipe names the block"

fails 2 "^qscope: two.npy: two: expected a block from 0 to 1, found 2" "a block that is not there" \
  qscope inspect two.npy -q int8,group=4 --block 2
fails 2 "--block: expected the number of a block, or worst; found 'best'" "no number" \
  qscope inspect two.npy --block best
fails 2 "'report' has no option '--block'" "an option of others" qscope report two.npy --block 1
fails 2 "inspect: expected one -q, found 2" "two quantizers" qscope inspect two.npy -q int8 -q int4
fails 2 "inspect: expected a SOURCE" "no source" qscope inspect
npy make none.npy f4 "0,4"
fails 2 "none: the tensor is empty: it has no block" "an empty tensor" qscope inspect none.npy
npy make odd.npy f4 "3" nan inf 1
like "$(qscope inspect odd.npy)" "^ *\[0\] +nan +0 +nan *$" "NaN has neither error nor step"
done_testing
