#!/bin/sh
# qscope board: rows are reports of their specs, the ranking is by SQNR, figures carry a recipe that
# makes them again, and what has no threshold says so.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

source=synth:laplace,shape=64x256
qscope board $source -q int8 -q int4,asym --json >board.json 2>err.txt
is "$? $(cat err.txt)" "0 " "two boards, without a remark"
is "$(get "#" 0.spec 1.spec 0.curve.# 0.units 0.exact <board.json | tr '\n' ' ')" \
  "2 int8,sym,tensor,minmax int4,asym,tensor,minmax 145 1 true " "curves of two quantizers"
rows=$(get 0.rows.# <board.json)
ok "$([ "$rows" -ge 4 ]; echo $?)" "a row for each calibrator"
for row in 0 1 2; do
  spec=$(get 0.rows.$row.spec <board.json)
  qscope report $source -q "$spec" --json >report.json
  for metric in sqnr_db clip_rate; do
    is "$(printf %.9g "$(get 0.rows.$row.metrics.$metric <board.json)")" \
      "$(printf %.9g "$(get metrics.$metric <report.json)")" "$spec: $metric is that of report"
  done
done
is "$(get 0.rows.0.distance_db <board.json)" 0 "the best row is the best"

qscope board $source -q int8 --csv >board.csv
is "$(wc -l <board.csv | tr -d ' ')" $((rows + 1)) "a heading and a row for each calibrator"
like "$(sed -n 1p board.csv)" '^source,tensor,unit,rank,name,spec,threshold,share_of_absmax,' "the heading"
qscope board $source >board.txt
is "$?" 0 "int8 unless a spec is named"
like "$(cat board.txt)" '^laplace  int8,sym,tensor,minmax' "what it is of"
like "$(cat board.txt)" '^minmax +[0-9.]+ +100 % +[0-9.]+ dB +[0-9.]+ dB +[0-9.]+ dB +0 %' "minmax clips at the largest magnitude"
like "$(qscope board $source -q e4m3)" '^without entropy: ' "who was left out, and why"
like "$(qscope board $source -q int8,channel --block 3)" 'unit 3 of 0\.\.63' "the unit that was asked for"

# The metric comes first: three of them side by side, and the reader chooses which one ranks.
like "$(cat board.txt)" '^calibrator +clips at +of absmax +SQNR +bulk +channel +clipped' "total, bulk and channels"
like "$(cat board.txt)" '^peak / RMS [0-9.]+: minmax int8 [0-9.]+ dB, scaled e4m3 31.5 dB' "the rule of the peak"
near "$(get 0.rows.0.bulk_sqnr_db <board.json)" \
  "$(qscope report $source -q "$(get 0.rows.0.spec <board.json)" --json | get metrics.bulk_sqnr_db)" 1e-9 "the bulk is that of report"
for by in total bulk channel; do
  qscope board synth:outliers,shape=64x256 -q int8 --rank $by --json >ranked.json
  is "$(get 0.ranked_by <ranked.json)" $by "ranked by $by"
  get 0.rows.0.name <ranked.json >$by.txt
done
is "$(cmp -s total.txt bulk.txt; echo $?)" 1 "another metric, another winner"
fails 2 "expected one of total, bulk, channel; found 'best'" "a metric that is none" qscope board $source --rank best
qscope board $source --rank bulk -o ranked.png --size 640x640
is "$(qscope replay ranked.png --print)" \
  "qscope $source -t laplace -q int8,sym,tensor,minmax --view board --rank bulk" "the recipe says which"
qscope replay ranked.png -o again.png --size 640x640
ok "$(cmp -s ranked.png again.png; echo $?)" "and makes the figure again"

# What has no threshold, and what is wrong.
like "$(qscope board $source -q q4_0)" 'brings its own blocks and scales' "block formats"
fails 2 "unit 64 does not exist" "no such unit" qscope board $source -q int8,channel --block 64
fails 2 "^qscope: board: expected a SOURCE" "no source" qscope board
fails 2 "has no option '--over'" "an option of another" qscope board $source --over bits
fails 3 "^qscope: none.npy: " "no such file" qscope board none.npy
fails 2 "a figure shows one board: expected one -q, found 2" "a figure of two" \
  qscope board $source -q int8 -q int4 -o two.png
fails 2 "fig.gif: expected a file name that ends in .png" "not a figure" qscope board $source -o fig.gif

# Calibrated on batches, and on other data: what a report of the row's spec gives.
npy make acts.npy f4 "3,4" -1 3 0.5 0.25 0 0.1 -0.2 0.3 -5 1 2 -3
npy make calm.npy f4 3 -1 0.5 1
for spec in int8 int8,channel=1 int4,asym; do
  for row in ema sample-mean mse percentile; do
    for data in "--batches 0" "--calibrate-on calm.npy" "--calibrate-on acts.npy --batches 0"; do
      case $spec$data in *channel*calm*) continue ;; esac
      near "$(qscope board acts.npy -q $spec,$row $data --json | tr -d '\n ' | grep -Eo "\"name\":\"$row[^}]*\"mse\":[^,}]*" | head -n 1 | sed 's/.*"mse"://')" \
        "$(qscope report acts.npy -q $spec,$row $data --json | get metrics.mse)" 1e-9 "$spec,$row $data: the report's error"
    done
  done
done
like "$(qscope board acts.npy -q int8 --batches 0)" 'calibrated on itself along axis 0' "the board says what it was calibrated on"
like "$(qscope board acts.npy -q int8,token --batches 0)" 'without ema.*made at run time' "no running ranges of tokens"
fails 2 "axis 0 holds the batches" "a scale for each batch" qscope board acts.npy -q int8,channel --batches 0
qscope board acts.npy -q int8 --batches 0 -o batches.png --size 640x400
is "$(qscope replay batches.png --print)" \
  "qscope acts.npy -t acts -q int8,sym,tensor,minmax --batches 0 --view board" "the recipe of its figure"

# Figures, and their recipes.
qscope board $source -q int8,mse -o board.png --size 85mm >out.txt 2>&1
is "$? $(cat out.txt)" "0 " "a figure, without a word"
is "$(qscope replay board.png --print)" \
  "qscope $source -t laplace -q int8,sym,tensor,mse --view board" "its recipe is inside"
qscope replay board.png -o again.png --size 85mm
ok "$(cmp -s board.png again.png; echo $?)" "redrawn from the figure"
qscope plot $source -q int8,mse --view board --log -o log.png --size 640x400
is "$? $(cmp -s board.png log.png; echo $?)" "0 1" "squared error is another picture"
qscope board $source -q int8 --csv -o both.png >both.csv
is "$? $(wc -l <both.csv | tr -d ' ') $([ -s both.png ]; echo $?)" "0 $((rows + 1)) 0" "numbers and figure at once"
done_testing
