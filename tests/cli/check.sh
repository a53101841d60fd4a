#!/bin/sh
# qscope report --checks and --check: readings by hand, exit status, who is named.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# int4 at scale 1: codes -7 -3 0 0 5 7.
npy make six.npy f4 6 -7 -3 0 0.25 5 7
qscope report six.npy -q int4 --checks --json >r.json
near "$(get checks.dead_codes.value <r.json)" 0.6666666666666666 1e-12 "10 of 15 codes in use are dead"
is "$(get checks.dead_codes.verdict checks.rail_rate.verdict <r.json | tr '\n' ' ')" "some beyond " "verdicts"
is "$(get 'checks.code_histogram.counts.#' checks.values_kept <r.json | tr '\n' ' ')" "16 0 " "a histogram of the codes"
is "$(qscope report six.npy -q int4 --json | get checks)" "nothing at checks" "only when asked for"
qscope report six.npy -q int4 --checks >r.txt
like "$(cat r.txt)" '^dead codes +66\.7 % +some +\(usual: none\)$' "text: a line for each"
is "$(awk 'length > 80' r.txt | grep -v minmax:)" "" "text: fits 80 columns"
qscope report six.npy -q int4 --checks --csv >r.csv
is "$(head -n 1 r.csv | tr ',' '\n' | grep -c '^check_')" "$(get checks <r.json >/dev/null 2>&1; grep -c '"usual":' r.json)" "CSV: a column for each"
like "$(tail -n 1 r.csv)" ',0\.66666666666666' "CSV: the values"

# Assertions: exit status 1, the numbers are still there, offenders are named.
qscope report synth: -t gaussian -t laplace -q int4 --check 'sqnr_db>=13' --json >r.json 2>err.txt
is "$?" 1 "an assertion that does not hold: exit status"
is "$(get '#' <r.json) $(wc -l <err.txt)" "2 2" "the numbers are there, one line each"
like "$(cat err.txt)" 'synth:: laplace: int4,sym,tensor,minmax: check sqnr_db>=13 fails: found [0-9.]+$' "the tensor and the number are named"
like "$(tail -n 1 err.txt)" '^qscope: 1 of 2 results fail a check$' "and how many"
ok "$(qscope report synth: -t gaussian -q int8 --check 'sqnr_db>=30' --check 'clip_rate<=0.1%' >/dev/null 2>err.txt && [ ! -s err.txt ]; echo $?)" "assertions that hold: 0, and silence"
qscope report synth: -t gaussian -q int8 --check 'extra_bit_gain_db>=5' >/dev/null 2>&1
is "$?" 0 "an assertion on a check"
npy make empty.npy f4 0
qscope report empty.npy --check 'mse<=1' >/dev/null 2>err.txt
is "$? $(head -n 1 err.txt | grep -c 'no such number')" "1 1" "a number that is not there fails"
npy make grid.npy f4 4 -127 0 5 127
qscope report grid.npy --check 'sqnr_db>=100' >/dev/null
is "$?" 0 "an exact reconstruction has any SQNR"
fails 2 "did you mean 'sqnr_db'" "a typo" qscope report six.npy --check 'sqnr_bd>=3'
fails 2 "expected NAME>=NUMBER" "no operator" qscope report six.npy --check sqnr_db
fails 2 "expected a number" "no number" qscope report six.npy --check 'sqnr_db>=x'
fails 3 "cannot" "a file that is not there is still 3" qscope report nothing.npy --check 'sqnr_db>=3'
done_testing
