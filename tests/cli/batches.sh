#!/bin/sh
# Calibration on batches and on other data: ranges worked out by hand, who is refused and why.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# max: 3, 1.5, 1.25 and min: -1, -0.5, -2.75, whichever axis the batches lie along.
npy make rows.npy f4 "3,2" -1 3 0 0 -5 1
npy make columns.npy f4 "2,3" -1 0 -5 3 0 1
npy make middle.npy f4 "1,3,2" -1 3 0 0 -5 1
npy make whole.npy i1 "3,2" -1 3 0 0 -5 1
for data in "rows.npy 0" "rows.npy -2" "columns.npy 1" "columns.npy -1" "middle.npy 1" "whole.npy 0"; do
  set -- $data
  near "$(qscope report "$1" --batches "$2" -q int8,asym,ema=0.5 --json | get quantizer.scale)" \
    0.01568627450980392 1e-7 "ema by hand: $data"
done
near "$(qscope report rows.npy --batches 0 -q int8,sample-mean --json | get quantizer.scale)" \
  0.015748031496062992 1e-7 "sample-mean by hand: max(|-6 / 3|, 4 / 3) / 127"
is "$(qscope report rows.npy --batches 1 -q int8,asym,percentile=90 -q int8,asym,percentile=90 --json | get 0.quantizer.scale)" \
  "$(qscope report rows.npy -q int8,asym,percentile=90 --json | get quantizer.scale)" \
  "who sees all values does not see the batches"
is "$(qscope report rows.npy -q int8,ema --json | get quantizer.scale)" \
  "$(qscope report rows.npy -q int8 --json | get quantizer.scale)" "one batch: ema is minmax"
is "$(qscope report middle.npy --batches 1 -q int8,channel=2,ema=1 --scales - | tail -c 8 | od -An -tf4 | tr -s ' ')" \
  " 0.03937008 0.007874016" "a scale for each column of the last batch: 5 / 127, 1 / 127"

near "$(qscope report rows.npy --batches 0 -q int8,asym,ema=0.5,magnitude=1 --json | get quantizer.scale)" \
  0.025490196078431372 1e-7 "of magnitudes: 3, 1.5, 3.25 on both sides"
is "$(qscope calibrators --json | tr -d '\n ' | grep -Eo '"name":"ema","parameter":"M","default":0.01[0-9]*,"options":\[\{"word":"magnitude"[^]]*\],"running":true' | wc -l | tr -d ' ')" \
  1 "calibrators --json says what runs over batches, and its options"

# Odd batches: nothing finite in one, nothing at all, a tensor without elements.
npy make gap.npy f4 "3,2" -1 3 nan inf 5 1
near "$(qscope report gap.npy --batches 0 -q int8,asym,ema=0.5 --json | get quantizer.scale)" \
  0.01568627450980392 1e-7 "a batch of NaN and Inf counts for nothing: 0 .. 4"
npy make void.npy f4 "2,2" nan nan nan inf
is "$(qscope report void.npy --batches 0 -q int8,ema --json | get quantizer.scale metrics.mse | tr '\n' ' ')" \
  "1 null " "no numbers at all"
npy make none.npy f4 "0,3"
is "$(qscope report none.npy --batches 0 -q int8,ema --json | get count calibration.batches quantizer.scale | tr '\n' ' ')" \
  "0 0 null " "no batches at all"

# What is refused.
fails 2 "rows.npy: rows: --batches 2: the tensor 3x2 has axes 0 to 1" "an axis out of range" \
  qscope report rows.npy --batches 2
fails 2 "expected the number of an axis, or tensors; found 'x'" "no axis" qscope report rows.npy --batches x
fails 2 "channel=0: axis 0 holds the batches" "a scale for each batch" \
  qscope report rows.npy --batches 0 -q int8,channel
fails 2 "channel=-1: axis 1 holds the batches" "the same, counted from the end" \
  qscope report rows.npy --batches 1 -q int8,channel=-1,ema
fails 2 "ema: goes from batch to batch, but scales of tokens" "a running range of tokens" \
  qscope report rows.npy --batches 0 -q int8,token,ema
npy make scalar.npy f4 "" 2.5
fails 2 "a scalar has no axes" "batches of a scalar" qscope report scalar.npy --batches 0
fails 2 "only a report has several" "tensors as batches of a sweep" \
  qscope sweep rows.npy --batches tensors --over calibrator

# Static against dynamic, in one table.
qscope report rows.npy --batches 0 -q int8,token -q int8,tensor,ema=0.01 >table.txt
like "$(cat table.txt)" "calibrated on itself: 3 batches along axis 0" "the table says what was calibrated on"
like "$(cat table.txt)" "^ranges are +dynamic +static$" "and whose ranges are made at run time"
is "$(qscope report rows.npy --batches 0 -q int8,token -q int8 -q mxfp4 --json | get 0.calibration.ranges 1.calibration.ranges 2.calibration.ranges | tr '\n' ' ')" \
  "dynamic static dynamic " "JSON says so too"
is "$(qscope report rows.npy | grep -c 'ranges are')" 0 "nothing of that where nothing was calibrated before"

# Several tensors, of several shapes, from several files.
npy make a.npy f4 2 -1 3
npy make b.npy f4 "1,1" 0
npy make c.npy f4 "3,1" -5 1 0
qscope report a.npy b.npy c.npy --batches tensors -q int8,asym,ema=0.5 --json >r.json
near "$(get 0.quantizer.scale <r.json)" 0.01568627450980392 1e-7 "three files are three batches"
is "$(get '#' 2.tensor 2.calibration.batches 2.calibration.data 2.calibration.metrics.finite <r.json | tr '\n' ' ')" \
  "3 c 3 all tensors 6 " "each is measured, under the same range"
for order in "gaussian laplace uniform" "uniform gaussian laplace"; do
  set -- $order
  qscope report synth: --batches tensors -t $1 -t $2 -t $3 -q int8,ema=0.5 --json >r.json
  is "$(get 0.tensor 1.tensor 2.tensor <r.json | tr '\n' ' ')" "$order " "tensors in the order of the command line"
done
qscope report synth: --batches tensors -t laplace -t '[gl]a*' -q int8,ema=0.5 --json >r.json
is "$(get '#' 0.tensor 1.tensor <r.json | tr '\n' ' ')" "2 laplace gaussian " "each once"
is "$(qscope report a.npy b.npy c.npy --batches tensors -q int8 --csv | tail -n 1 | grep -Eo 'static,[^,]*,[0-9]*')" \
  "static,all tensors,3" "CSV says so"

# Calibrated on one, measured on another: 1 of 4 values beyond, none where it was calibrated.
npy make calm.npy f4 3 -1 0.5 1
npy make wild.npy f4 4 2 -0.5 0.5 1
qscope report wild.npy --calibrate-on calm.npy -q int8 --json >r.json
near "$(get quantizer.scale <r.json)" 0.007874016 1e-6 "the scale is that of the calibration data: 1 / 127"
is "$(get metrics.clip_rate calibration.metrics.clip_rate calibration.metrics.min calibration.metrics.max calibration.ranges calibration.data calibration.axis <r.json | tr '\n' ' ')" \
  "0.25 0 -1 1 static calm.npy null " "the drift"
near "$(get metrics.max_abs_error <r.json)" 1 1e-5 "2 is cut to 1"
near "$(get calibration.metrics.mse <r.json)" \
  "$(qscope report calm.npy -q int8 --json | get metrics.mse)" 1e-12 "its cost on the calibration data"
like "$(qscope report wild.npy --calibrate-on calm.npy -q int8 | tr -s '\n ' ' ')" \
  'Drift: 25 % of the values lie beyond the calibrated range, 0 % of the calibration data; SQNR [0-9.]+ dB against [0-9.]+ dB' \
  "and in words"
is "$(qscope report calm.npy --calibrate-on calm.npy --evaluate-on wild.npy -q int8 --json | get tensor metrics.clip_rate | tr '\n' ' ')" \
  "wild 0.25 " "--evaluate-on"
is "$(qscope report synth: --calibrate-on gaussian --evaluate-on synth:laplace:lap* -q int8,token --json | get source tensor calibration.data calibration.ranges | tr '\n' ' ')" \
  "synth:laplace laplace gaussian dynamic " "a tensor of the source, SOURCE:PATTERN"
is "$(qscope report wild.npy --calibrate-on '[ac]*.npy' -q int8,ema=1 --json | get calibration.batches calibration.metrics.finite | tr '\n' ' ')" \
  "4 14 " "a pattern of file names: a, c, calm, columns"
is "$(qscope report wild.npy --calibrate-on rows.npy --batches 0 -q int8,sample-mean --json | get calibration.batches calibration.axis | tr '\n' ' ')" \
  "3 0 " "calibration data cut into batches"
# The colon of raw: and synth: parts no tensor from a source, even where a folder has that name.
mkdir raw synth
printf '\3\375' >three.bin
npy make raw/three.npy i1 1 9
for data in raw:three.bin,dtype=i8 raw:three.bin,dtype=i8:three; do
  is "$(qscope report wild.npy --calibrate-on "$data" -q int8 --json 2>/dev/null | get quantizer.range.1)" \
    3 "calibrated on $data"
done
fails 3 "calibrate-on: .*found 'raw:three'" "no tensor of the folder raw" qscope report wild.npy --calibrate-on raw:three
fails 3 "calibrate-on: expected a tensor of the source, SOURCE:TENSOR or a source; found 'nix'" \
  "no such data" qscope report wild.npy --calibrate-on nix
fails 3 "calibrate-on: calm.npy: .*nix" "no such tensor in it" qscope report wild.npy --calibrate-on calm.npy:nix
fails 2 "batch 1 has 3 channels, the tensor that is quantized 4" "channels that do not fit" \
  qscope report wild.npy --calibrate-on calm.npy -q int8,channel
fails 2 "calibrate-on: channel=0: axis 0 holds the batches" "batches of the calibration data with scales of their own" \
  qscope report rows.npy --calibrate-on rows.npy --batches 0 -q int8,channel
fails 2 "evaluate-on needs --calibrate-on" "--evaluate-on alone" qscope report wild.npy --evaluate-on calm.npy
fails 2 "both name what is measured" "-t and --evaluate-on" \
  qscope report wild.npy -t wild --evaluate-on calm.npy --calibrate-on calm.npy
fails 2 "both name what is calibrated on" "two sorts of calibration data" \
  qscope report wild.npy --batches tensors --calibrate-on calm.npy
fails 2 "calibrate-on: given twice" "calibration data named twice" \
  qscope report wild.npy --calibrate-on calm.npy --calibrate-on a.npy
fails 2 "no option '--calibrate-on'" "the explorer has none" qscope wild.npy --calibrate-on calm.npy

# Sweeps and figures take part; a figure carries it in its recipe.
near "$(qscope sweep wild.npy --calibrate-on calm.npy --over calibrator=minmax,mse -q int8 --json | get rows.0.metrics.clip_rate)" \
  0.25 1e-12 "a sweep"
is "$(qscope sweep rows.npy --batches 0 --over calibrator=minmax,ema -q int8 --json | get calibration.axis calibration.data rows.1.spec | tr '\n' ' ')" \
  "0 null int8,sym,tensor,ema=0.01 " "a sweep over batches"
qscope plot rows.npy --batches 0 -q int8,ema=0.5 -o one.png
is "$(qscope replay one.png --print)" \
  "qscope rows.npy -t rows -q int8,sym,tensor,ema=0.5 --batches 0 --view histogram" "the recipe has the batches"
qscope replay one.png -o two.png
cmp -s one.png two.png
ok "$?" "and makes the same figure"
qscope plot wild.npy --calibrate-on calm.npy -q int8 -o one.png
is "$(qscope replay one.png --print)" \
  "qscope wild.npy -t wild -q int8,sym,tensor,minmax --calibrate-on calm.npy --view histogram" "the recipe has the calibration data"
qscope replay one.png -o two.png
cmp -s one.png two.png
ok "$?" "and makes the same figure again"
done_testing
