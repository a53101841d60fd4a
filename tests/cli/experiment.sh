#!/bin/sh
# qscope experiment: the list, one of them measured, and both for programs.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

qscope experiment >list.txt
is "$?" 0 "the list"
is "$(qscope experiment --json | get experiments.#)" 20 "twenty"
for name in $(qscope experiment --json | get experiments.0.name experiments.19.name); do
  like "$(cat list.txt)" "^$name  " "the list knows $name"
done

qscope experiment clipping >clipping.txt
is "$?" 0 "one that holds"
like "$(cat clipping.txt)" "^2.0 on a step of 0.01: largest error +0.73 +" "its numbers"
like "$(cat clipping.txt)" "^holds     yes" "its conclusion"
is "$(awk 'length > 100' clipping.txt)" "" "lines that fit"
qscope experiment clipping --json >clipping.json
is "$(get holds <clipping.json)" true "for programs"
near "$(get rows.0.value <clipping.json)" 0.73 1e-5 "the value of a row"
is "$(get rows.3.source rows.3.spec rows.3.metric <clipping.json | tr '\n' ' ')" \
  "synth:gaussian int8,narrow,mse threshold_sigma " "a row names the state that it measured"
is "$(get rows.7.difference.0 rows.7.difference.1 <clipping.json | tr '\n' ' ')" "5 4 " "or the rows that it compares"
near "$(qscope report "$(get rows.2.source <clipping.json)" -q "$(get rows.2.spec <clipping.json)" --json | get metrics.sqnr_db)" \
  "$(get rows.2.value <clipping.json)" 1e-12 "a report of that state says the same"
recipe=$(get recipe <clipping.json)
like "$(qscope replay "$recipe" --print)" "^qscope synth:gaussian -q int4,sym,narrow" "its recipe opens"

fails 2 "there is no experiment 'cliping'; did you mean 'clipping'" "a typo" qscope experiment cliping
fails 2 "one word too many" "two of them" qscope experiment clipping rulers
done_testing
