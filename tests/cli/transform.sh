#!/bin/sh
# --transform and --what-if: against numbers worked out by hand, and against each other.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# One channel of four is 64 times the others. Smoothed with ALPHA 1 all channels reach 1: 127 steps.
npy make x.npy f4 "2,4" 1 0.5 64 -1 0.25 -1 -32 0.5
qscope report x.npy --axis 1 -q int8 --transform smooth=1 --json >r.json
is "$(get transform.spec transform.axis absmax quantizer.spec <r.json | tr '\n' ' ')" \
  "smooth=1 1 1 int8,sym,tensor,minmax " "what is quantized after smoothing"
near "$(get metrics.bits_per_element <r.json)" 28 1e-12 "8 bits, a scale for 8 elements, 4 factors of 32 bits"

# By hand: z = 1 0.5 1 -1 0.25 -1 -0.5 0.5 on a grid of 1/127: codes 127 64 127 -127 32 -127 -64 64;
# the errors 0.5/127 (three halves, one times 64) and 0.25/127 times their factors.
near "$(get metrics.max_abs_error <r.json)" 0.251968503937 1e-5 "64 * 0.5 / 127: in the original's domain"
near "$(get metrics.mse <r.json)" 0.0079403677 1e-6 "(64^2 + 1 + 1) * 0.25 / 127^2 / 8 + 0.0625 / 127^2 / 8"

# A rotation of (v, 0, 0, 0) is v/2 everywhere, which lies on the grid: nothing is lost, nothing stored.
npy make hot.npy f4 "1,4" 6 0 0 0
qscope report hot.npy --axis 1 -q int4 --transform hadamard --json --dequantized deq.npy >r.json
is "$(get min max metrics.mse <r.json | tr '\n' ' ')" "3 3 0 " "a rotated one-hot channel is flat"
is "$(npy dump deq.npy | tr '\n' ' ')" "6 0 0 0 " "--dequantized is the original's domain"

# What the table of what-ifs promises is what the words give.
qscope report synth:llm-activation,shape=64x256 --axis 1 -q int8 --what-if --json >w.json
for name in smooth rotate split clip channel asym bit; do
  spec=$(get what_if.$name.quantizer <w.json) word=$(get what_if.$name.transform <w.json)
  qscope report synth:llm-activation,shape=64x256 --axis 1 -q "$spec" --transform "$word" --json >r.json
  near "$(get what_if.$name.sqnr_db <w.json)" "$(get metrics.sqnr_db <r.json)" 1e-12 "$name: SQNR"
  near "$(get what_if.$name.bits_per_element <w.json)" "$(get metrics.bits_per_element <r.json)" 1e-12 "$name: bits"
done
qscope report synth:llm-activation,shape=64x256 --axis 1 -q q4_0 --what-if --json >w.json
is "$(get what_if.split.refused what_if.split.sqnr_db what_if.smooth.refused <w.json | tr '\n' '|')" \
  "the format stores whole blocks|null|null|" "what cannot be says why"
ok "$(qscope report x.npy --what-if | grep -q -- '--transform smooth=0.5'; echo $?)" "the text names the words"
is "$(qscope report x.npy --what-if --transform split=1 --axis 1 --csv | head -1 | tr ',' '\n' | grep -c what_if_)" 14 "CSV has two columns for each"
is "$(qscope report x.npy --transform split=1 --axis 1 --csv | tail -1 | grep -o 'split=1,1')" "split=1,1" "and names the transform"

# A sweep has what reports have, in the domain of the original, with the bits of the factors.
qscope sweep synth:llm-activation,shape=64x256 --axis 1 -q int8 --transform smooth=0.5 --over bits=5,8 --json >s.json
for row in 0 1; do
  qscope report synth:llm-activation,shape=64x256 --axis 1 -q "$(get rows.$row.spec <s.json)" --transform smooth=0.5 --json >r.json
  near "$(get rows.$row.metrics.sqnr_db <s.json)" "$(get metrics.sqnr_db <r.json)" 1e-12 "sweep, row $row: SQNR"
  near "$(get rows.$row.metrics.bits_per_element <s.json)" "$(get metrics.bits_per_element <r.json)" 1e-12 "sweep, row $row: bits"
done
is "$(get transform.spec transform.axis <s.json | tr '\n' ' ')" "smooth=0.5 1 " "a sweep says what was done"
like "$(qscope sweep x.npy --axis 1 -q int8 --transform split=1 --over bits=4 --csv | tail -n 1)" ',split=1,1$' "in CSV, too"
qscope sweep x.npy --axis 1 -q int8 --transform smooth=1 --over bits=4:8 -o s.png --size 400x300
is "$(qscope replay s.png --print)" \
  "qscope sweep x.npy -t x -q int8,sym,tensor,minmax --transform smooth=1 --over bits=4:8 --axis 1" "its figure's recipe has it"
qscope replay s.png -o t.png --size 400x300
ok "$(cmp -s s.png t.png; echo $?)" "and is replayed to the byte"

# So has a board of rotated values, whose squares are those of the original. Of others it tells which.
qscope board synth:llm-activation,shape=64x256 --axis 1 -q int8 --transform hadamard --json >b.json
qscope report synth:llm-activation,shape=64x256 --axis 1 -q int8 --transform hadamard --json >r.json
is "$(get 0.transform.spec <b.json)" hadamard "a board says what was done"
sqnr=$(get metrics.sqnr_db <r.json | xargs printf '%.2f dB')
like "$(qscope board synth:llm-activation,shape=64x256 --axis 1 -q int8 --transform hadamard)" "^minmax .* $sqnr " "its minmax is the report's"
like "$(qscope board x.npy --axis 1 -q int8 --transform smooth=1)" '^after smooth=1 along axis 1: thresholds and SQNR are of the transformed values, bulk and channel' "whose numbers they are"

# Figures carry it.
qscope plot x.npy --axis 1 -q int8 --transform hadamard=2 --view channels -o a.png --size 400x300
is "$(qscope replay a.png --print)" \
  "qscope x.npy -t x -q int8,sym,tensor,minmax --transform hadamard=2 --view channels --axis 1" "the recipe names it"
qscope replay a.png -o b.png --size 400x300
ok "$(cmp -s a.png b.png; echo $?)" "replayed to the byte"

# What is compared may be transformed each in its own way: a report tells the same of each.
printf 'save-screen c.txt\nsave-figure c.png\ntransform split=1\nswap\nassert sqnr_db>=40\nsave-screen d.txt\n' >steps
qscope x.npy --axis 1 -q int8 -q int4 --transform smooth=1 --pin-transform none --view compare --screen 120x30 --script steps
is "$?" 0 "pins with transforms of their own"
db() # db SPEC TRANSFORM
{
  qscope report x.npy --axis 1 -q "$1" --transform "$2" --json | get metrics.sqnr_db | xargs printf '%.2f dB'
}
like "$(cat c.txt)" "^.A int8,sym,tensor,minmax +$(db int8 none) " "A: untransformed"
like "$(cat c.txt)" "^ B int4.*after smooth=1 +$(db int4 smooth=1) " "B: smoothed"
like "$(cat d.txt)" "^.A int4.*after split=1 +$(db int4 split=1) " "exchanged with what came after"
like "$(cat d.txt)" "^ B int8,sym,tensor,minmax +$(db int8 none) " "the transforms are exchanged, too"
is "$(qscope replay c.png --print)" \
  "qscope x.npy -q int8,sym,tensor,minmax -q int4,sym,tensor,minmax --transform smooth=1 --pin-transform none --view compare --axis 1" \
  "the recipe tells them apart"
qscope replay c.png -o d.png --size 400x300 --data d.csv
ok "$?" "and is drawn"
like "$(cat d.csv)" 'B: int4,sym,tensor,minmax after smooth=1' "with the transforms in the legend"
fails 2 "expected a --pin-transform for each -q but the last, 1; found 2" "too many" \
  qscope plot x.npy -q int8 -q int4 --pin-transform none --pin-transform smooth -o c.png

# A pin of another tensor: its numbers are those of a report on that.
pair="synth: -t gaussian -q int8 -q int4 --pin-tensor laplace"
# shellcheck disable=SC2086 # the words of a command
qscope plot $pair --view compare -o p.png --size 85mm --data p.csv
is "$?" 0 "tensors are compared"
is "$(qscope replay p.png --print)" \
  "qscope synth: -t gaussian -q int8,sym,tensor,minmax -q int4,sym,tensor,minmax --pin-tensor laplace --view compare" \
  "the recipe names the other tensor"
qscope replay p.png -o r.png --size 85mm
ok "$(cmp -s p.png r.png; echo $?)" "redrawn from the figure"
like "$(cat p.csv)" "A: int8,sym,tensor,minmax of laplace" "the legend names it"
fails 3 "no tensor .nope." "a tensor that is not there" \
  qscope plot synth: -t gaussian -q int8 -q int8 --pin-tensor nope -o p.png
fails 2 "found 2" "more tensors than pins" \
  qscope plot synth: -t gaussian -q int8 -q int8 --pin-tensor laplace --pin-tensor laplace -o p.png
fails 2 "pin-tensor is not for the view sweep" "a view of one tensor" \
  qscope plot synth: -t gaussian -q int8 -q int4 --pin-tensor laplace --over bits=2:3 -o p.png
fails 2 "pin-tensor is not for the view layer" "a layer" \
  qscope plot synth: -t gaussian -q int8 -q int4 --pin-tensor laplace --view layer -o p.png
fails 2 "pin-tensor compares whole tensors" "a channel alone" \
  qscope plot synth: -t gaussian -q int8 -q int8 --pin-tensor laplace --channel 3 -o p.png

fails 2 "did you mean 'hadamard'" "a typo" qscope report x.npy --transform hadamrd
fails 2 "x.npy: x: hadamard: axis 1 has 4 channels" "a length that does not fit" qscope report x.npy --axis 1 --transform hadamard=8
fails 2 "nothing would be left" "all channels kept" qscope report x.npy --axis 1 --transform split=4
fails 2 "no axis 5" "no such axis" qscope report x.npy --axis 5 --transform smooth
fails 2 "given twice" "two transforms" qscope report x.npy --transform smooth --transform hadamard
fails 2 "would have to be transformed" "other data to calibrate on" qscope report x.npy --transform smooth --calibrate-on x.npy
fails 2 "channel looks at one" "a channel alone" qscope plot x.npy --transform smooth --channel 0 -o c.png
fails 2 "has none" "two sources" qscope plot x.npy --transform smooth --compare x.npy -o c.png
done_testing
