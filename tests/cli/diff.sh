#!/bin/sh
# qscope diff: two sources, tensor by tensor. What it says of a file and its quantized self is what
# a report of that quantizer says, which is computed another way.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# A tensor and its reconstruction: the report's own numbers.
source=synth:laplace,shape=64x512
for spec in q4_0 int8,channel e4m3; do
  qscope report $source -q $spec --dequantized rec.npy --json >report.json
  qscope diff $source rec.npy --json >diff.json
  for metric in mse sqnr_db max_abs_error mean_error cosine zero_rate; do
    near "$(get tensors.0.metrics.$metric <diff.json)" "$(get metrics.$metric <report.json)" 1e-12 \
      "$spec: $metric is the report's"
  done
  is "$(get tensors.0.worst_channels.0.channel tensors.0.metrics.channel_sqnr_worst <diff.json)" \
    "$(get metrics.channel_sqnr_db.worst_channel metrics.channel_sqnr_db.worst <report.json)" \
    "$spec: the worst channel, too"
done
qscope report $source -q q4_0 --dequantized rec.npy >report.txt
qscope diff $source rec.npy >diff.txt 2>err.txt
is "$? $(cat err.txt)" "0 " "a comparison for people"
like "$(cat diff.txt)" '^laplace +f32, f32 +[0-9.]+ dB .* B: rec; B lies on a 4-bit grid, groups of 32, 16 levels used$' \
  "names, numbers, a grid"
like "$(cat diff.txt)" '^total of 1 +[0-9.]+ dB' "a total"
is "$(qscope diff $source rec.npy --csv | wc -l | tr -d ' ')" 2 "a heading and a line"
is "$(qscope diff $source rec.npy --csv | sed 's/"[^"]*"//g' | awk -F, '{ print NF }' | sort -u)" 23 "as many cells in both"
is "$(qscope diff $source rec.npy --threads 1 --json)" "$(qscope diff $source rec.npy --threads 5 --json)" \
  "any number of threads"

# A report says it of the tensor that it is given.
qscope report $source -q q4_0 --dequantized rec.npy >report.txt
like "$(qscope report rec.npy)" '^  already lies on a 4-bit grid, groups of 32, 16 levels used$' "the report, too"
is "$(qscope report rec.npy --json | get grid)" "a 4-bit grid, groups of 32, 16 levels used" "as JSON"
is "$(qscope report $source --json | get grid)" null "a random tensor lies on none"

# The same twice; checks; sorting.
is "$(qscope diff $source $source --json | get tensors.0.identical total.identical total.sqnr_db | tr '\n' ' ')" \
  "true 1 null " "a source and itself"
like "$(qscope diff $source $source)" 'exact .* identical$' "said so"
qscope diff $source rec.npy --check 'sqnr_db>=10' >out.txt 2>err.txt
is "$? $(cat err.txt)" "0 " "a check that holds"
qscope diff $source rec.npy --check 'sqnr_db>=60' >out.txt 2>err.txt
is "$?" 1 "a check that does not"
like "$(cat err.txt)" '^qscope: rec.npy: rec: check sqnr_db>=60 fails: found [0-9.]+' "names the tensor of B"
ok "$([ -s out.txt ]; echo $?)" "the numbers are printed all the same"
fails 2 "is a check of a quantizer" "a check of codes" qscope diff $source rec.npy --check 'dead_codes<1'
fails 2 "nothing to sort by is called 'sqnr'; did you mean 'sqnr_db'" "an unknown key" \
  qscope diff $source rec.npy --sort sqnr

# Shapes.
npy make wide.npy f4 "2,3" 1 2 3 4 5 6
npy make tall.npy f4 "3,2" 1 4 2 5 3 6
npy make flat.npy f4 "6" 1 2 3 4 5 6
npy make five.npy f4 "5" 1 2 3 4 5
like "$(qscope diff wide.npy tall.npy)" '^not compared: wide: 2x3 in A, 3x2 in B: transposed, --align compares them so$' \
  "a transposed tensor is not compared silently"
like "$(qscope diff wide.npy tall.npy --align)" '^wide .* exact .*B: tall; identical; compared transposed' "but can be"
like "$(qscope diff flat.npy five.npy)" '^not compared: flat: 6 in A, 5 in B$' "other shapes"

# Bad input.
fails 2 "expected two sources, found 1" "one source" qscope diff $source
fails 3 "^qscope: none.npy: " "A cannot be read" qscope diff none.npy $source
fails 3 "^qscope: none.npy: " "B cannot be read" qscope diff $source none.npy
printf '\223NUMPY' >short.npy
fails 3 "^qscope: short.npy: " "B is no array" qscope diff $source short.npy
fails 2 "^qscope: --rename x: expected FROM=TO" "no rule" qscope diff $source rec.npy --rename x
fails 3 "no tensor of .* --rename FROM=TO tells" "no name in common" qscope diff synth: rec.npy
fails 3 "no tensor .*gaussian2" "no such tensor" qscope diff synth: synth: -t gaussian2

# Many tensors: named, ranked, cut.
is "$(qscope diff synth: synth: -t 'student*' --json | get only_in_a.# only_in_b.#| head -n 1)" 0 "those that are named"
qscope diff synth: synth: --sort name --top 2 --csv >top.csv
is "$(sed -n '2,3s/,.*//p' top.csv | tr '\n' ' ')" "$(qscope list synth: --csv | sed -n '2,3s/,.*//p' | tr '\n' ' ')" \
  "the first two, in A's order"

samples=$QSCOPE_SHARED/samples
if [ ! -d "$samples/gguf" ]; then
  skip "the samples" "no samples here"
  done_testing
fi
# A model and its quantized self, made by another program: the report's numbers, tensor by tensor.
qscope diff "$samples/gguf/stories260K.gguf" "$samples/gguf/stories260K-q4_0.gguf" --json --sort name >diff.json
is "$(get tensors.# only_in_a.# only_in_b.# total.identical <diff.json | tr '\n' ' ')" "48 0 0 11 " "48 pairs"
qscope report "$samples/gguf/stories260K.gguf" -q q4_0 --json -t 'blk.*.attn_*.weight' -t 'output.weight' >report.json 2>err.txt
compared=0
for row in 3 5 20 35; do
  name=$(get tensors.$row.a.tensor <diff.json)
  [ "$(get tensors.$row.b.stored <diff.json)" = q4_0 ] || continue
  compared=$((compared + 1))
  near "$(get tensors.$row.metrics.sqnr_db <diff.json)" \
    "$(qscope report "$samples/gguf/stories260K.gguf" -t "$name" -q q4_0 --json | get metrics.sqnr_db)" 1e-12 "$name: q4_0's SQNR"
done
ok "$([ "$compared" -ge 3 ]; echo $?)" "tensors in q4_0 were among them"
is "$(qscope diff "$samples/gguf/all-types.gguf" "$samples/gguf/all-types.dequant.npz" --json | get total.tensors total.identical | tr '\n' ' ')" \
  "28 28 " "every type of ggml, to the bit"
# Transposed, in another format, under another name. 22.63 and 34.86 dB are what was
# measured once, no reference: they guard against change.
longformer=$samples/gguf/longformer-layer0-q4_k_m.gguf
is "$(qscope diff "$samples/npy/longformer-l0-qkv.npy" "$longformer" --align --rename '*=blk.0.attn_qkv.weight' --json |
  get tensors.0.worst_channels.0.channel tensors.0.b.stored | tr '\n' ' ')" "588 q4_k " "the known outlier channel is the worst"
like "$(qscope diff "$samples/npy/longformer-l0-attn-output.npy" "$longformer" --rename '*=blk.0.attn_output.weight')" \
  'B: blk.0.attn_output.weight; transposed: --align compares them so' "a square one is found out by its values"
like "$(qscope diff "$samples/npy/longformer-l0-attn-output.npy" "$longformer" --align --rename '*=blk.0.attn_output.weight')" \
  '34\.86 dB .*compared transposed' "and compared"
done_testing
