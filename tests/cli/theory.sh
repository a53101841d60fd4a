#!/bin/sh
# qscope theory: printed digits of the classical tables (CONVENTIONS 2.1), notes, lists of levels.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

qscope theory --levels 2:256 --distribution gaussian >gauss.txt
is "$(wc -l <gauss.txt)" 13 "a title, a heading, eight rows, what is to be said"
like "$(cat gauss.txt)" '^ *16 +0\.33520 +2\.6816 +0\.011543 +19\.377 +2?[0-9.]+ +0\.0095010 +20\.222$' "16 levels, Gaussian"
like "$(cat gauss.txt)" 'Max \(1960\) prints .* 0\.009497 and 0\.002499' "the misprints are noted"
is "$(qscope theory)" "$(cat gauss.txt)" "the defaults"
qscope theory --distribution laplace --json >laplace.json
is "$(get distribution nu 'rows.#' rows.2.levels <laplace.json | tr '\n' ' ')" "laplace null 8 8 " "JSON: rows"
near "$(get rows.2.uniform.step <laplace.json)" 0.7309 1e-4 "8 levels, Laplace: step"
near "$(get rows.2.uniform.mse <laplace.json)" 0.071748 1e-5 "8 levels, Laplace: MSE"
near "$(get rows.2.lloyd_max.mse <laplace.json)" 0.054476 1e-5 "8 levels, Laplace: Lloyd-Max"
is "$(get 'rows.2.lloyd_max.levels.#' 'rows.2.lloyd_max.thresholds.#' <laplace.json | tr '\n' ' ')" "8 7 " "levels and thresholds"
near "$(get panter_dite <laplace.json)" 4.5 1e-9 "Panter and Dite: 9/2"
like "$(get notes.0 <laplace.json)" "7.05, 11.39, 15.84, 20.46" "JSON: the misprints are noted"
qscope theory --distribution gamma --levels 3,4 --csv >gamma.csv
is "$(cut -d, -f1 gamma.csv | tr '\n' ' ')" "levels 3 4 " "a list of levels"
near "$(sed -n 2p gamma.csv | cut -d, -f4)" 0.2961 2e-4 "gamma: three levels ..."
near "$(sed -n 3p gamma.csv | cut -d, -f4)" 0.3200 2e-4 "... are better than four"
is "$(qscope theory --levels 2:5:1 --csv | cut -d, -f1 | tr '\n' ' ')" "levels 2 3 4 5 " "a step"
# Student's t of many degrees is nearly Gaussian.
near "$(qscope theory --levels 4 --distribution student-t=1e6 --csv | sed -n 2p | cut -d, -f4)" 0.11885 1e-3 "student-t=1e6"
fails 2 "did you mean 'laplace'" "a typo" qscope theory --distribution laplce
fails 2 "above 2" "an infinite variance" qscope theory --distribution student-t=2
for wrong in 1:8 8:2 2:256:0 2: x 2,, 2:8:-1 -4 5000 2:1024:1,2:1024:1; do
  fails 2 "expected numbers" "--levels $wrong" qscope theory --levels="$wrong"
done

# Fits: the distribution that made the data is recognised, and predicts what is measured. The digits
# of the gallery are samples: 0.1 dB.
qscope report synth: -t gaussian -t laplace -q int8,mse --theory --json >fits.json
is "$(get 0.theory.best 1.theory.best '1.theory.fits.#' <fits.json | tr '\n' ' ')" "gaussian laplace 3 " "the source is recognised"
near "$(get 1.theory.fits.1.sqnr_db <fits.json)" "$(get 1.metrics.sqnr_db <fits.json)" 0.01 "Laplace: measured is as predicted"
near "$(get 0.theory.fits.0.sqnr_db <fits.json)" "$(get 0.metrics.sqnr_db <fits.json)" 0.01 "Gaussian: measured is as predicted"
near "$(get 0.theory.fits.0.optimum_sqnr_db <fits.json)" 40.57 0.002 "Gaussian: the best int8 grid (README 3.6)"
is "$(qscope report synth:gaussian -q int8,channel --theory --json | get theory.fits.0.sqnr_db)" null "several scales: no prediction"
like "$(qscope report synth:laplace -q int4 --theory)" '^measured against predicted, int4,sym,tensor,minmax: [0-9.]+ dB against [0-9.]+ dB \(laplace, the best fit\)$' "text"
qscope board synth:laplace -q int8 --theory --json >board.json
is "$(get 0.lines.0.name 0.lines.1.name '0.lines.1.points.#' <board.json | tr '\n' ' ')" "predicted (laplace) predicted optimum 1 " "the board has the predicted curve and its optimum"
near "$(get 0.lines.0.points.120.sqnr_db <board.json)" "$(get 0.curve.120.sqnr_db <board.json)" 0.02 "which is near the measured one"
near "$(get 0.lines.1.points.0.sqnr_db <board.json)" 35.2 0.01 "Laplace: the best int8 grid"
like "$(qscope board synth:laplace -q int4 --theory)" '^predicted \(laplace\): best threshold [0-9.]+ \([0-9.]+ % of absmax\): 1[56]\.[0-9]+ dB$' "in words"
qscope board synth:laplace,shape=64x64 -q int8 --theory -o theory.png --size 640x400
is "$(qscope replay theory.png --print)" \
  "qscope synth:laplace,shape=64x64 -t laplace -q int8,sym,tensor,minmax --view board --theory" \
  "the recipe of a figure with predictions"
# The closed form of the best signed 4-bit grid for a Gaussian is 19.26 dB.
near "$(qscope sweep synth:gaussian -q int8,mse --over bits=4 --theory --json | get rows.0.metrics.predicted_sqnr_db)" 19.26 0.005 "a sweep predicts"
is "$(qscope sweep synth:gaussian -q int8 -q int8,channel --over bits=4 --theory --csv | awk -F, 'NR > 1 { print ($NF == "") }' | tr '\n' ' ')" "0 1 " "not with several scales"
is "$(qscope board synth:laplace -q int4,channel --theory --json | get '0.lines.#')" 0 "several scales: none"
npy make zero.npy f4 3 0 0 0
is "$(qscope report zero.npy --theory --json | get theory.values theory.best | tr '\n' ' ')" "0 null " "nothing to fit"
done_testing
