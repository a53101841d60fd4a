#!/bin/sh
# qscope sweep, and the view of formats: the numbers are those of report, figures carry a recipe
# that makes them again, and what cannot be swept is said.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

source=synth:laplace,shape=32x256
qscope sweep $source --over bits=3,8 -q int8,group=64 -q int8,asym,mse --json >sweep.json 2>err.txt
is "$? $(cat err.txt)" "0 " "a sweep, without a remark"
is "$(get rows.# over lines.1 rows.0.value rows.3.line <sweep.json | tr '\n' ' ')" \
  "4 bits int8,asym,tensor,mse 3 1 " "two specs by two values"
for row in 0 1 2 3; do
  spec=$(get rows.$row.spec <sweep.json)
  qscope report $source -q "$spec" --json >report.json
  for metric in sqnr_db mse bits_per_element clip_rate max_abs_error; do
    is "$(get rows.$row.metrics.$metric <sweep.json)" "$(get metrics.$metric <report.json)" \
      "$spec: $metric is that of report"
  done
done
qscope report $source -q int4 --json >other.json
is "$([ "$(get rows.0.metrics.mse <sweep.json)" = "$(get metrics.mse <other.json)" ]; echo $?)" 1 \
  "another quantizer has other numbers"

qscope sweep $source --over bits=3,8 -q int8,group=64 --csv >sweep.csv
is "$(wc -l <sweep.csv | tr -d ' ')" 3 "a heading and a row for each value"
like "$(sed -n 2p sweep.csv)" ',bits,0,3,"int3,sym,group=64,minmax",3.5,' "rows of comma-separated values"
like "$(qscope sweep $source --over group=16)" '^ *16 +int8,sym,group=16,minmax +10 bit' "int8 unless a spec is named"

# What cannot be taken.
qscope sweep $source --over bits=4,8 -q e4m3 -q int8 >out.txt 2>err.txt
is "$? $(grep -c . out.txt)" "0 4" "a spec without that word is measured once"
like "$(cat err.txt)" "^qscope: float8_e4m3fn,tensor,minmax: takes no bits" "and the remark says so"
fails 2 "^qscope: nothing to sweep over: float8_e4m3fn" "nothing left" qscope sweep $source --over bits=4 -q e4m3
fails 2 "^qscope: sweep: expected --over" "nothing to sweep over" qscope sweep $source
fails 2 "^qscope: sweep: expected a SOURCE" "no source" qscope sweep --over bits
fails 2 "did you mean 'bits'" "a typo" qscope sweep $source --over bit=4
fails 2 "fig.gif: expected a file name that ends in .png" "not a figure" qscope sweep $source --over bits -o fig.gif
qscope sweep $source --over bits=4,8 --data points.csv
is "$(grep -c '",series,' points.csv)" 2 "--data has a row for each point"
fails 3 "^qscope: none.npy: " "no such file" qscope sweep none.npy --over bits
fails 2 "'report' has no option '--over' \(it belongs to: sweep, replay\)" "an option of another" \
  qscope report $source --over bits

# Figures, and their recipes.
qscope sweep $source --over block=16:64 -q int4,group=8 -q int4,asym,group=8 -o sweep.png --size 640x400 >out.txt 2>&1
is "$? $(cat out.txt)" "0 " "a figure, without a word"
is "$(qscope replay sweep.png --print)" \
  "qscope sweep $source -t laplace -q int4,sym,group=8,minmax -q int4,asym,group=8,minmax --over block=16:64" \
  "its recipe is inside"
qscope replay sweep.png -o again.png --size 640x400
ok "$(cmp -s sweep.png again.png; echo $?)" "redrawn from the figure"
is "$(qscope replay sweep.png)" "$(qscope sweep $source --over block=16:64 -q int4,group=8 -q int4,asym,group=8)" \
  "replay of a sweep is its numbers"
qscope sweep $source --over block=16:64 -q int4,group=8 --csv -o both.png >both.csv
is "$? $(wc -l <both.csv | tr -d ' ') $([ -s both.png ]; echo $?)" "0 4 0" "numbers and figure at once"

# A row that does not fit the tensor is left out with a note; not when nothing would be left.
is "$(qscope sweep synth:gaussian,shape=4x128 -q int8 --over format=int8,q2_k,q4_0 --csv 2>out.txt | wc -l | tr -d ' ')" \
  3 "two of three formats fit rows of 128"
like "$(cat out.txt)" "left out: q2_k: .*blocks of 256" "the third is named"
qscope sweep synth:gaussian,shape=4x100 -q int8 --over format=q2_k,q4_k >out.txt 2>&1
is "$? $(grep -c 'blocks of 256' out.txt)" "2 2" "none fits: each is named"

qscope plot --view format -q e4m3 -q int8 -q e5m2 -o formats.png --size 640x400 >out.txt 2>&1
is "$? $(cat out.txt)" "0 " "the view of formats needs no source"
is "$(qscope replay formats.png --print)" \
  "qscope -q float8_e4m3fn,tensor,minmax -q int8,sym,tensor,minmax -q float8_e5m2,tensor,minmax --view format" \
  "its recipe is inside"
qscope replay formats.png -o again.png --size 640x400
ok "$(cmp -s formats.png again.png; echo $?)" "redrawn from the figure"
qscope plot --view format -q e4m3 -q int8 -o fewer.png --size 640x400
is "$(cmp -s formats.png fewer.png; echo $?)" 1 "other formats, another picture"
done_testing
