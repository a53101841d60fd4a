#!/bin/sh
# report --codes --dequantized --scales --zero-points: what is saved says what was reported.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

# Values of a known tensor with one column twenty times as large.
awk 'BEGIN { srand(7); for (i = 0; i < 6000; i++) { x = rand() + rand() + rand() - 1.5
  printf "%.7g\n", i % 100 == 42 ? 20 * x : x } }' >values.txt
# shellcheck disable=SC2046 # one word for each value
npy make x.npy f4 "60,100" $(cat values.txt)

# SPEC, elements that share a scale, expected types and shapes of codes and scales
check() # check SPEC RUN CODES-INFO SCALES-INFO
{
  qscope report x.npy -q "$1" --json --codes c.npy --dequantized d.npy --scales s.npy --zero-points z.npy >r.json
  is "$? $(npy info c.npy) $(npy info d.npy)" "0 $3 (60, 100) <f4 (60, 100)" "$1: codes and reconstruction"
  is "$(npy info s.npy) $(npy info z.npy)" "<f4 $4 <i4 $4" "$1: shape of scales and zero points"
  near "$(npy mse x.npy d.npy)" "$(get metrics.mse <r.json)" 1e-12 "$1: MSE between the files is the reported one"
  is "$(npy affine c.npy s.npy z.npy "$2" d.npy)" 0 "$1: (code - zero) x scale is the reconstruction"
}
check int8 6000 "|i1" "()"
check int8,asym 6000 "|u1" "()"
check int4,asym,channel=0,mse 100 "|u1" "(60,)"
check int16,asym 6000 "<u2" "()"
check int16 6000 "<i2" "()"
check int3,group=20 20 "|i1" "(60, 5)"
check int8,token,percentile=99 100 "|i1" "(60,)"
check uint8,sym 6000 "|u1" "()"
check int8,asym,signed 6000 "|i1" "()"
check int4,asym,signed,group=20,scale-rule=onnxruntime 20 "|i1" "(60, 5)"
check int8,asym,signed,codes=-64:63,scale-rule=pytorch 6000 "|i1" "()"
check uint8,codes=10:200 6000 "|u1" "()"
check int16,asym,signed 6000 "<i2" "()"
check int4,group=20,scale-rule=signed 20 "|i1" "(60, 5)"

# However codes are numbered, as many of them are high.
for spec in int8,asym int8,asym,signed; do
  qscope report x.npy -q $spec --json | get metrics.high_code_rate >"high.$spec"
done
is "$(cat high.int8,asym,signed)" "$(cat high.int8,asym)" "high codes are counted from the zero point"
qscope report x.npy -q uint8,scale-rule=free-minimum --zero-points p.npy >/dev/null 2>err.txt
is "$? $(grep -c 'stores an offset, no zero point$' err.txt)" "2 1" "a free minimum is no zero point"

# The reconstruction is on the grid already: the same scale again loses nothing.
qscope report x.npy -q int8,channel=1 --json --dequantized d.npy >first.json
qscope report d.npy -q int8,channel=1 --json >second.json
near "$(npy mse x.npy d.npy)" "$(get metrics.mse <first.json)" 1e-12 "channels along the last axis"
is "$(awk -v a="$(get metrics.mse <second.json)" -v b="$(get metrics.mse <first.json)" 'BEGIN { print (a < b * 1e-6) }')" 1 \
  "a reconstruction quantizes without a loss"

# Ragged groups: 100 = 3 x 32 + 4.
qscope report x.npy -q int4,group=32 --json --scales s.npy --codes c.npy >r.json
is "$(npy info s.npy)" "<f4 (60, 4)" "a short group at the end of each row"
is "$(npy dump c.npy | awk '$1 < -8 || $1 > 7' | wc -l)" 0 "int4 codes lie in -8..7"

# Block formats: the bytes by hand, a scale for each block, and what they cannot give.
npy make block.npy f4 1,33 1 6 -3 0.5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.375
qscope report block.npy -q mxfp4 --packed p.npy --scales s.npy --codes c.npy --dequantized d.npy >/dev/null
is "$(npy info p.npy) $(npy dump p.npy | head -n 4 | tr '\n' ' ')" "|u1 (1, 34) 127 114 29 0 " "mxfp4 bytes by hand"
is "$(npy dump p.npy | sed -n '18,19p' | tr '\n' ' ')" "123 7 " "the padded block behind them"
is "$(npy info s.npy) $(npy dump s.npy | tr '\n' ' ')" "<f4 (1, 2) 1 0.0625 " "a scale for each block"
is "$(npy info c.npy) $(npy dump c.npy | head -n 4 | tr '\n' ' ')" "|u1 (1, 33) 2 7 13 1 " "codes of the elements alone"
is "$(npy dump d.npy | tail -n 1)" "0.375" "the tail is reconstructed"
qscope report x.npy -q int4 --packed p.npy >/dev/null 2>err.txt
is "$? $(grep -c 'int4 has no blocks of its own' err.txt)" "2 1" "--packed without blocks"
qscope report x.npy -q q4_1,pad --zero-points p.npy >/dev/null 2>err.txt
is "$? $(grep -c 'stores an offset' err.txt)" "2 1" "offsets are no zero points"
qscope report x.npy -q q4_0 >/dev/null 2>err.txt
is "$? $(grep -c 'the rows have 100 elements, which its blocks of 32 do not divide; the word "pad"' err.txt)" "2 1" "rows that the block does not divide"

# An importance vector has a weight for each column.
npy make ones.npy f4 33 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
qscope report block.npy -q q4_0,pad,importance=ones.npy --json >r.json
is "$? $(get quantizer.spec <r.json)" "0 q4_0,importance=ones.npy,pad" "importance is read from its file"
qscope report x.npy -q q4_0,pad,importance=ones.npy >/dev/null 2>err.txt
is "$? $(grep -c 'expected 100 weights, one for each column, found 33' err.txt)" "2 1" "importance of the wrong length"
qscope report x.npy -q q4_0,pad,importance=none.npy >/dev/null 2>err.txt
is "$? $(grep -c 'none.npy: cannot open' err.txt)" "3 1" "importance that is not there"

# An importance matrix of llama.cpp has them for each tensor, by its name or by GGUF's for it.
good=$QSCOPE_SRCDIR/tests/data/good
npy make four.npy f4 4 1 0.25 0 4
npy make blk.0.attn_q.weight.npy f4 "2,4" 1 -2 3 0.5 4 -1 2 1.5
cp blk.0.attn_q.weight.npy model.layers.0.self_attn.q_proj.weight.npy
qscope report blk.0.attn_q.weight.npy -q q4_0,pad,importance=four.npy --packed a.npy >/dev/null
qscope report blk.0.attn_q.weight.npy -q "q4_0,pad,importance=$good/imatrix-older.dat" --packed b.npy >/dev/null
qscope report model.layers.0.self_attn.q_proj.weight.npy -q "q4_0,pad,importance=$good/imatrix.gguf" --packed c.npy >/dev/null
is "$(npy dump b.npy) $(npy dump c.npy)" "$(npy dump a.npy) $(npy dump a.npy)" "importance from either kind of matrix"
cp four.npy blk.1.attn_q.weight.npy
qscope report blk.1.attn_q.weight.npy -q "q4_0,pad,importance=$good/imatrix.gguf" >/dev/null 2>err.txt
is "$? $(grep -c 'no entry for the tensor blk.1.attn_q.weight; the first one is blk.0.attn_q.weight' err.txt)" "2 1" "a tensor that the matrix does not know"
qscope report blk.0.attn_q.weight.npy blk.1.attn_q.weight.npy -q "q4_0,pad,importance=$good/imatrix.gguf" --csv >r.csv 2>err.txt
is "$? $(grep -c attn_q r.csv) $(grep -c 'no entry' err.txt)" "2 1 1" "of several tensors the others are measured"
qscope report block.npy -q mxfp4,scale-rule=even --json >r.json
is "$(get quantizer.granularity <r.json) $(get quantizer.block <r.json) $(get quantizer.scale_rule <r.json) $(get metrics.clipped_blocks <r.json)" \
  "block 32 even 0" "the report of a block format"
is "$(qscope report x.npy -q int4 --json | get metrics.clipped_blocks)" "null" "clipped_blocks is for blocks alone"

# Small floats are saved as their bit patterns.
npy make floats.npy f4 6 448 -448 1 0 0.001953125 2
qscope report floats.npy -q e4m3 --codes c.npy --scales s.npy >/dev/null
is "$(npy info c.npy) $(npy dump c.npy | tr '\n' ' ')" "|u1 (6,) 126 254 56 0 1 64 " "e4m3 bit patterns by hand"
qscope report floats.npy -q fp16 --codes c.npy >/dev/null
is "$(npy info c.npy) $(npy dump c.npy | tr '\n' ' ')" "<u2 (6,) 24320 57088 15360 0 6144 16384 " "fp16 bit patterns by hand"

# Levels: what was learned can be used again; the levels of nf4 end at 1.
qscope report x.npy -q lloyd=6 --codebook levels.npy --dequantized d.npy >/dev/null
is "$? $(npy info levels.npy)" "0 <f4 (6,)" "learned levels are saved"
qscope report x.npy -q codebook=levels.npy,scale=1 --dequantized again.npy >/dev/null
ok "$(cmp -s d.npy again.npy; echo $?)" "and give the same reconstruction as a codebook of their own"
qscope report x.npy -q nf4 --codebook levels.npy >/dev/null
is "$(npy dump levels.npy | sed -n '1p;8p;16p' | tr '\n' ' ')" "-1 0 1 " "so are those of nf4"
fails 2 "^qscope: (x.npy: x: )?--codebook: the levels of int8 are no list" "not of an integer" \
  qscope report x.npy -q int8 --codebook levels.npy

# An empty tensor has no codes and no scales.
npy make empty.npy f4 "0,3"
for grain in tensor channel token group=2; do
  qscope report empty.npy -q "int8,$grain" --codes c.npy --scales s.npy >/dev/null
  is "$? $(npy info c.npy) $(npy info s.npy)" "0 |i1 (0, 3) <f4 (0,)" "an empty tensor, $grain"
done

# What is not a number stays so.
npy make odd.npy f4 3 nan 1 -1
qscope report odd.npy -q int8 --dequantized d.npy --codes c.npy >/dev/null
is "$(npy dump d.npy | tr '\n' ' ')" "nan 1 -1 " "NaN reconstructs to NaN"
is "$(npy dump c.npy | tr '\n' ' ')" "0 127 -127 " "and has the code of zero"
done_testing
