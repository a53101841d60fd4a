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

# The front: in JSON, in CSV, in the table. Fewer bits or a better ratio, else a row is not on it.
qscope sweep $source --over group=16,64 -q int4 -q int4,channel -q int3 --json >front.json
is "$(for row in 0 1 2 3 4; do get rows.$row.spec rows.$row.pareto <front.json | tr '\n' ' '; done)" \
  "int4,sym,group=16,minmax true int4,sym,group=64,minmax true int4,sym,group=16,minmax false int4,sym,group=64,minmax false int3,sym,group=16,minmax false " \
  "of equal rows the first is on the front, and none that costs more and is worse"
is "$(qscope sweep $source --over group=16,64 -q int4 -q int3 --csv | awk -F, '{ print $NF }' | tr '\n' ' ')" \
  "pareto 1 1 0 1 " "the front as a column"
is "$(qscope sweep $source --over group=16,64 -q int4 -q int3 | awk '{ print $NF }' | tr '\n' ' ')" \
  "front * * % * " "the front as stars"
is "$(qscope sweep $source --over clip=0.2,0.6,1 -q int4 --metric mse --json | get metric rows.1.value rows.1.spec rows.1.pareto rows.2.pareto | tr '\n' ' ')" \
  "mse 0.6 int4,sym,tensor,clip=0.6 true false " "clip thresholds, ranked by the squared error"
is "$(qscope sweep synth:laplace --over percentile=99:99.9 -q int8,channel --csv | cut -d, -f5 | tr '\n' ' ')" \
  "value 99 99.5 99.8 99.9 " "percentiles by what they cut off"

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
fails 2 "metric: expected one of sqnr_db, mse, bulk_sqnr_db; found 'snr'" "no such metric" qscope sweep $source --over bits --metric snr
fails 2 "clip: expected a number from 0.001 to 16, LO:HI or LO:HI:STEP, found '0'" "no threshold" qscope sweep $source --over clip=0
fails 3 "^qscope: none.npy: " "no such file" qscope sweep none.npy --over bits
fails 2 "'report' has no option '--over' \(it belongs to: explore, plot, sweep, replay\)" "an option of another" \
  qscope report $source --over bits

# Figures, and their recipes.
qscope sweep $source --over block=16:64 -q int4,group=8 -q int4,asym,group=8 -o sweep.png --size 640x400 --dpi 100 >out.txt 2>&1
is "$? $(cat out.txt)" "0 " "a figure, without a word"
is "$(qscope replay sweep.png --print)" \
  "qscope sweep $source -t laplace -q int4,sym,group=8,minmax -q int4,asym,group=8,minmax --over block=16:64" \
  "its recipe is inside"
qscope replay sweep.png -o again.png --size 640x400 --dpi 100
ok "$(cmp -s sweep.png again.png; echo $?)" "redrawn from the figure"
is "$(qscope replay sweep.png)" "$(qscope sweep $source --over block=16:64 -q int4,group=8 -q int4,asym,group=8)" \
  "replay of a sweep is its numbers"
qscope sweep $source --over block=16:64 -q int4,group=8 --csv -o both.png >both.csv
is "$? $(wc -l <both.csv | tr -d ' ') $([ -s both.png ]; echo $?)" "0 4 0" "numbers and figure at once"

# The view: the quantizer among its companions, or several as they are.
qscope plot $source --view sweep --over group=16:64 -q int4,group=48 --metric mse -o view.png --size 640x400 --dpi 100 >out.txt 2>&1
is "$? $(cat out.txt)" "0 " "the view as a figure"
is "$(qscope replay view.png --print)" \
  "qscope $source -t laplace -q int4,sym,group=48,minmax --view sweep --over group=16:64 --metric mse" \
  "its recipe is inside"
qscope replay view.png -o again.png --size 640x400 --dpi 100
ok "$(cmp -s view.png again.png; echo $?)" "redrawn from the figure"
qscope plot $source --over group=16:64 -q int4,group=48 --metric mse -o again.png --size 640x400 --dpi 100
ok "$(cmp -s view.png again.png; echo $?)" "--over alone is the view"
qscope plot $source --over group=16:64 -q int4,group=48 --metric mse --no-pareto -o fewer.png --size 640x400 --dpi 100
is "$(cmp -s view.png fewer.png; echo $?) $(qscope replay fewer.png --print | grep -c -e --no-pareto)" "1 1" "without the front"
qscope plot $source --over group=16:64 -q e4m3,channel -q int4,group=48 --metric mse -o two.png --size 640x400 --data two.csv
is "$(cmp -s view.png two.png; echo $?) $(qscope replay two.png --print | grep -c -e '-q float8')" "1 1" "two quantizers"
qscope report $source -q int4,group=48 --json >report.json
is "$(grep chosen two.csv | cut -d, -f7)" "$(get metrics.mse <report.json)" "the last is the chosen one"
qscope plot $source --view sweep -q int4 -o bits.png --size 640x400 --dpi 100
qscope replay bits.png -o again.png --size 640x400 --dpi 100
is "$(cmp -s bits.png again.png; echo $?) $(qscope replay bits.png --print)" \
  "0 qscope $source -t laplace -q int4,sym,tensor,minmax --view sweep" "what is swept over need not be said"
fails 2 "^qscope: --over is for the view sweep, not for error" "another view" \
  qscope plot $source --view error --over bits -o never.png
fails 2 "^qscope: recipe: --over is for the view sweep" "another view in a recipe" \
  qscope replay "qscope $source --view error --over bits" -o never.png
fails 2 "^qscope: .*nothing to sweep over" "a view of nothing" qscope plot $source --over block -q bf16 -o never.png

# A row that does not fit the tensor is left out with a note; not when nothing would be left.
is "$(qscope sweep synth:gaussian,shape=4x128 -q int8 --over format=int8,q2_k,q4_0 --csv 2>out.txt | wc -l | tr -d ' ')" \
  3 "two of three formats fit rows of 128"
like "$(cat out.txt)" "left out: q2_k: .*blocks of 256" "the third is named"
qscope sweep synth:gaussian,shape=4x100 -q int8 --over format=q2_k,q4_k >out.txt 2>&1
is "$? $(grep -c 'blocks of 256' out.txt)" "2 2" "none fits: each is named"

qscope plot --view format -q e4m3 -q int8 -q e5m2 -o formats.png --size 640x400 --dpi 100 >out.txt 2>&1
is "$? $(cat out.txt)" "0 " "the view of formats needs no source"
is "$(qscope replay formats.png --print)" \
  "qscope -q float8_e4m3fn,tensor,minmax -q int8,sym,tensor,minmax -q float8_e5m2,tensor,minmax --view format" \
  "its recipe is inside"
qscope replay formats.png -o again.png --size 640x400 --dpi 100
ok "$(cmp -s formats.png again.png; echo $?)" "redrawn from the figure"
qscope plot --view format -q e4m3 -q int8 -o fewer.png --size 640x400 --dpi 100
is "$(cmp -s formats.png fewer.png; echo $?)" 1 "other formats, another picture"
done_testing
