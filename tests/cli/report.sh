#!/bin/sh
# qscope report: numbers against grids worked out by hand, and the shape of the output.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# The comparisons of this folder can fail.
ok "$( (near 1.01 1 1e-3 x >/dev/null; [ "$tap_failed" -eq 1 ]); echo $?)" "near notices a difference"
ok "$( (near null 1 1e-3 x >/dev/null; [ "$tap_failed" -eq 1 ]); echo $?)" "near notices null"
is "$(echo '[1}' | get 0; echo $?)" "not JSON: line 1: ']' expected near '}'
1" "json_get notices what is not JSON"
is "$(echo '{"a": [1]}' | get a.1; echo $?)" "nothing at a.1
1" "json_get notices what is missing"

# int8 by hand: absmax 1.27, scale 0.01, codes -100 -50 0 30 127; errors only where 0.304 and
# -0.003 fall between the grid's points: 0.004, 0.003 (rounds to 0).
npy make five.npy f4 6 -1 -0.5 0 0.304 1.27 -0.003
qscope report five.npy -q int8 --json >r.json
is "$(get tensor shape.0 count nan inf zeros <r.json | tr '\n' ' ')" "five 6 6 0 0 1 " "facts of six values"
is "$(npy make tiny.npy f4 4 0 1 1e-40 -1e-44 && qscope report tiny.npy -q int8 --json | get zeros denormals | tr '\n' ' ')" \
  "1 2 " "what is below the least normal float32, but not 0"
is "$(get quantizer.spec quantizer.format quantizer.symmetric quantizer.granularity \
  quantizer.calibrator quantizer.zero_point exact <r.json | tr '\n' ' ')" \
  "int8,sym,tensor,minmax int8 true tensor minmax 0 true " "the quantizer is named in full"
near "$(get quantizer.scale <r.json)" 0.01 1e-7 "int8: scale 1.27 / 127"
near "$(get quantizer.range.0 <r.json)" -1.28 1e-7 "int8: lowest value of the full range"
near "$(get quantizer.range.1 <r.json)" 1.27 1e-7 "int8: highest value"
near "$(get metrics.mse <r.json)" 4.1666667e-06 2e-4 "int8: (0.004^2 + 0.003^2) / 6"
near "$(get metrics.max_abs_error <r.json)" 0.004 2e-5 "int8: largest error"
near "$(get metrics.zero_rate <r.json)" 0.16666666666666666 1e-12 "one of six became zero"
near "$(get metrics.rail_rate <r.json)" 0.16666666666666666 1e-12 "one of six on the highest code"
is "$(get metrics.clip_rate metrics.levels_used metrics.levels <r.json | tr '\n' ' ')" "0 5 256 " "codes counted"
near "$(get metrics.sqnr_db <r.json)" 50.72665 1e-5 "10 log10(2.955325 / 2.5e-5) by hand"

# Asymmetric by hand: range 2.27 over 255 steps, zero point round(1 / 0.0089) = 112, codes
# 0 56 112 146 255 112.
qscope report five.npy -q int8,asym --json --codes codes.npy --zero-points zero.npy --scales scale.npy \
  --dequantized deq.npy >r.json
near "$(get quantizer.scale <r.json)" 0.00890196078431372 1e-7 "asymmetric: scale 2.27 / 255"
is "$(get quantizer.zero_point quantizer.symmetric <r.json | tr '\n' ' ')" "112 false " "asymmetric: zero point"
is "$(npy dump codes.npy | tr '\n' ' ')" "0 56 112 146 255 112 " "asymmetric: codes"
is "$(npy info codes.npy), $(npy info zero.npy), $(npy info scale.npy), $(npy info deq.npy)" \
  "|u1 (6,), <i4 (), <f4 (), <f4 (6,)" "asymmetric: types and shapes"

# By hand: the clamp shows in the clip rate, and its error apart from the rounding error.
qscope report five.npy -q int8,range=-0.5:0.5 --json >r.json
near "$(get metrics.clip_rate <r.json)" 0.3333333333333333 1e-12 "range=-0.5:0.5 clips two of six"
near "$(get metrics.clipping_mse <r.json)" 0.14 0.02 "clipping error about (0.5^2 + 0.77^2) / 6"
near "$(awk -v a="$(get metrics.rounding_mse <r.json)" -v b="$(get metrics.clipping_mse <r.json)" \
  'BEGIN { printf "%.17g", a + b }')" "$(get metrics.mse <r.json)" 1e-12 "rounding + clipping = MSE"
is "$(get quantizer.calibrator <r.json)" null "a range by hand has no calibrator"

# Nothing lost: no number for the SQNR, and the report says why.
npy make grid.npy f4 4 -127 0 5 127
is "$(qscope report grid.npy --json | get metrics.sqnr_db metrics.exact_reconstruction metrics.mse quantizer.spec | tr '\n' ' ')" \
  "null true 0 int8,sym,tensor,minmax " "a tensor on the grid is exact, and int8 is the default"

# NaN and Inf are counted and stay out; an empty tensor has no numbers, and a scalar has all.
npy make odd.npy f4 4 nan inf 1 -2
is "$(qscope report odd.npy --json | get count nan inf min max | tr '\n' ' ')" "4 1 1 -2 1 " "NaN and Inf counted apart"
npy make empty.npy f4 "0,3"
is "$(qscope report empty.npy --json | get count min metrics.mse quantizer.scale | tr '\n' ' ')" "0 null null null " "an empty tensor"
npy make scalar.npy f4 "" 2.5
is "$(qscope report scalar.npy --json | get count max shape.# | tr '\n' ' ')" "1 2.5 0 " "a scalar"
npy make ints.npy i4 3 1 2 3
like "$(qscope report ints.npy --json | get note)" integers "integers come with a note"

# Several quantizers and tensors: an array, in order; per channel there is no single scale.
qscope report synth: -t 'gauss*' -t laplace -q int8 -q int4,channel=0 -q e4m3 --json >r.json
is "$(get '#' 0.tensor 1.tensor 3.tensor <r.json | tr '\n' ' ')" "6 gaussian gaussian laplace " "two tensors, three quantizers"
is "$(get 1.quantizer.spec 1.quantizer.scale 1.quantizer.zero_point 1.quantizer.range 1.quantizer.axis <r.json | tr '\n' ' ')" \
  "int4,sym,channel,minmax null null null 0 " "no single scale per channel"
is "$(qscope report five.npy -q int8 -q int4 --json | get '#' 0.metrics.levels 1.metrics.levels | tr '\n' ' ')" "2 256 16 " "an array for two quantizers"

# The three styles tell the same.
qscope report five.npy -q int8 -q int4 --csv >r.csv
is "$(wc -l <r.csv) $(head -n 1 r.csv | tr ',' '\n' | wc -l)" \
  "3 $(head -n 1 r.csv | tr ',' '\n' | wc -l)" "CSV: a heading and two rows"
like "$(head -n 1 r.csv)" '^source,tensor,stored,shape,count,.*,spec,.*,mse,rmse,sqnr_db,' "CSV: heading"
like "$(sed -n 2p r.csv)" '^five.npy,five,f32,6,6,0,0,1,.*"int8,sym,tensor,minmax"' "CSV: quoted where needed"
qscope report five.npy -q int8 -q int4 >r.txt
like "$(cat r.txt)" 'int8,sym,tensor,minmax +int4,sym,tensor,minmax' "text: quantizers side by side"
like "$(cat r.txt)" '^SQNR +50\.73 dB +[0-9.]+ dB$' "text: SQNR in dB"
is "$(awk 'length > 80' r.txt | grep -v minmax:)" "" "text: fits 80 columns"

# Whatever the number of threads and the instruction set, the same bytes.
for quantizer in int8 int4,asym,group=96,mse e4m3,channel,percentile=99.9 int8,entropy; do
  qscope report synth:student-t,shape=300x700 -q "$quantizer" --json --threads 1 >one.json
  qscope report synth:student-t,shape=300x700 -q "$quantizer" --json --threads 4 >four.json
  QSCOPE_ISA=baseline "$QSCOPE_PROGRAM" report synth:student-t,shape=300x700 -q "$quantizer" --json >base.json
  ok "$(get metrics.mse <one.json >/dev/null && cmp -s one.json four.json; echo $?)" "$quantizer: one thread or four"
  ok "$(cmp -s one.json base.json; echo $?)" "$quantizer: baseline kernels or the best"
done

# Files, pipes and standard input.
is "$("$QSCOPE_PROGRAM" report - --json <five.npy | get metrics.levels)" 256 "a .npy on standard input"
qscope report five.npy --json -o out.json >stdout.txt
is "$(get tensor <out.json) $(wc -c <stdout.txt)" "five 0" "-o writes the file and nothing else"
is "$(qscope report five.npy --dequantized - >piped.npy; npy info piped.npy)" "<f4 (6,)" "an array to standard output comes alone"
ok "$(qscope report synth: --json 2>err.txt | head -c 10 >/dev/null; [ ! -s err.txt ]; echo $?)" "a closed pipe is no event"
like "$(qscope report synth:gaussian,shape=600000x2 -q int8)" \
  '600000 channels along axis 0 are too many to tell apart: counted as one' "channels that nobody looks at"
done_testing
