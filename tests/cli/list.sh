#!/bin/sh
# qscope list, formats and calibrators.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

npy make small.npy f4 "3,2" 1 2 3 4 5 6
is "$(qscope list small.npy)" "name   stored  shape  elements  bytes
small  f32     3x2           6     24" "the table of a .npy"
is "$(qscope list small.npy --csv)" "name,stored,shape,elements,bytes
small,f32,3x2,6,24" "as comma-separated values"
is "$(qscope list small.npy --json | get source type tensors.# tensors.0.name tensors.0.stored \
  tensors.0.shape.0 tensors.0.shape.1 tensors.0.elements tensors.0.bytes | tr '\n' ' ')" \
  "small.npy npy 1 small f32 3 2 6 24 " "as JSON"
is "$("$QSCOPE_PROGRAM" list - --json <small.npy | get tensors.0.elements)" 6 "from standard input" 
qscope list synth: >gallery.txt
for name in gaussian laplace student-t uniform lognormal bimodal relu gelu llm-weight llm-activation; do
  like "$(grep "^$name " gallery.txt)" ' f32 .*[a-z]{4}' "the gallery describes $name"
done
is "$(qscope list synth: --json | get tensors.#)" "$(($(wc -l <gallery.txt) - 1))" "as many in JSON"

# A name from a file never reaches the terminal raw, and never breaks JSON.
printf '\033[31mred\n.npy' >name
cp small.npy "$(cat name)"
is "$(qscope list "$(cat name)" | tr -d '[:print:]\n' | wc -c)" 0 "control characters are escaped"
is "$(qscope list "$(cat name)" --json | get tensors.0.elements)" 6 "and JSON stays JSON"
bad=$(printf 'bad\377name.npy')
if cp small.npy "$bad" 2>/dev/null; then
  is "$(qscope report "$bad" --json | get tensor)" 'bad\xffname' "invalid UTF-8 is escaped in JSON"
else
  skip "invalid UTF-8 is escaped in JSON" "this file system wants UTF-8"
fi

for word in int2 int3 int4 int5 int6 int7 int8 int16 e4m3 e5m2 bf16; do
  like "$(qscope formats)" "(^| )$word " "formats lists $word"
done
is "$(qscope formats --json | get '#')" "$(($(qscope formats | wc -l) - 1))" "formats as JSON"
for word in minmax percentile entropy mse; do
  like "$(qscope calibrators)" "^$word" "calibrators lists $word"
done
is "$(qscope calibrators --json | get '#')" "$(($(qscope calibrators | wc -l) - 1))" "calibrators as JSON"
done_testing
