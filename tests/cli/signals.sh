#!/bin/sh
# Stopping: Ctrl-C and its sisters end the work at once, with their own status, and nothing is left.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# Work that takes much longer than this test: 2^28 values, several passes.
endless="report synth:student-t,shape=16384x16384 -q int8,mse --threads 2 --codes c.npy --dequantized d.npy -o r.txt"

# stopped SIGNAL: starts the work, waits until it has begun, sends SIGNAL, and sets $status.
stopped()
{
  # shellcheck disable=SC2086 # a list of words
  "$tools/default_int" "$QSCOPE_PROGRAM" $endless </dev/null >out.txt 2>err.txt &
  pid=$!
  started=0
  while [ "$started" -eq 0 ] && kill -0 "$pid" 2>/dev/null; do
    ls -A | grep -q '^\.qscope' && started=1
  done
  kill "-$1" "$pid"
  wait "$pid"
  status=$?
}
for signal in INT:130 TERM:143 HUP:129; do
  stopped "${signal%:*}"
  is "$status" "${signal#*:}" "${signal%:*}: status"
  is "$(ls -A | grep -v '\.txt$')$(ls r.txt 2>/dev/null)" "" "${signal%:*}: nothing partial is left"
  is "$(cat out.txt err.txt)" "" "${signal%:*}: without a word"
done
done_testing
