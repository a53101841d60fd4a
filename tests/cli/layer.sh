#!/bin/sh
# qscope layer: the numbers of each method as text, JSON and CSV, what is saved, and everything that
# does not fit refused in words.
. "$QSCOPE_SRCDIR/tests/cli/cli.sh"

w=synth:llm-weight,shape=64x128
x=synth:llm-activation,seed=1

# Round to nearest by hand: int4 of absmax 7 has scale 1, so W' = W but for 6.25 (6) and 0.25 (0).
npy make W.npy f4 2,2 7 6.25 -7 0.25
npy make X.npy f4 3,2 1 0 0 1 1 1
qscope layer W.npy --activation X.npy -m rtn -q int4,channel --json >hand.json 2>err.txt
is "$? $(cat err.txt)" "0 " "a layer of two channels, without a remark"
# E = X Dᵀ, D = [[0, -.25], [0, -.25]]: 4 of 6 outputs are off by .25.
near "$(get 0.metrics.output_mse <hand.json)" "$(awk 'BEGIN { printf "%.17g", 4 * .0625 / 6 }')" 1e-12 "output_mse"
# Y: 7 6.25 13.25 and -7 .25 -6.75.
near "$(get 0.metrics.output_sqnr_db <hand.json)" "$(awk 'BEGIN {
  printf "%.17g", 10 * log((49 + 39.0625 + 175.5625 + 49 + .0625 + 45.5625) / .25) / log(10) }')" 1e-6 "output_sqnr_db"
near "$(get 0.metrics.weight_sqnr_db <hand.json)" "$(awk 'BEGIN {
  printf "%.17g", 10 * log((49 + 39.0625 + 49 + .0625) / .125) / log(10) }')" 1e-6 "weight_sqnr_db"
is "$(get 0.metrics.bits_per_weight 0.metrics.activations_mse 0.metrics.interaction_mse <hand.json | tr '\n' ' ')" \
  "20 0 0 " "4 bits, and 32 of a scale for 2 weights; the activation is exact"
is "$(get 0.method 0.quantizer 0.activation_quantizer 0.evaluation 0.said 0.search 0.refused 0.best <hand.json | tr '\n' ' ')" \
  "rtn int4,sym,channel,minmax null null null null null true " "what it is of, and null where there is nothing"
is "$(get 0.weight.tensor 0.weight.shape.1 0.activation.source 0.metrics.tokens <hand.json | tr '\n' ' ')" \
  "W 2 X.npy 3 " "which tensors"

# Several methods and quantizers: one object each, held-out tokens beside them.
qscope layer $w --activation $x,shape=300x128 --hold-out 1/3 >out.txt 2>err.txt
like "$(cat err.txt)" "hold-out: expected a share of the tokens such as 0.25 or 25%" "a share is a number"
qscope layer $w --activation $x,shape=400x128 --hold-out 25% -m rtn -m rtn -q int4 -q int8,channel \
  --activation-quantizer int8,token --json >all.json
is "$(get "#" 0.quantizer 3.quantizer 0.activation_quantizer 0.metrics.tokens 0.evaluation.tokens <all.json | tr '\n' ' ')" \
  "4 int4,sym,tensor,minmax int8,sym,channel,minmax int8,sym,token,minmax 300 100 " "methods x quantizers"
is "$(get 0.best 2.best <all.json | tr '\n' ' ')" "true true " "the best of each quantizer"
# The parts add up.
get 3.metrics.weights_mse 3.metrics.activations_mse 3.metrics.interaction_mse 3.metrics.output_mse <all.json | tr '\n' ' ' >parts
near "$(awk '{ printf "%.17g", $1 + $2 + $3 }' parts)" "$(awk '{ print $4 }' parts)" 1e-9 "weights + activations + interaction = output"
near "$(get 3.metrics.weight_sqnr_db <all.json)" "$(qscope report $w -q int8,channel --json | get metrics.sqnr_db)" 1e-4 "the weight SQNR is that of report"
qscope layer $w --activation $x --json >matched.json
is "$(get 0.activation.source 0.metrics.tokens <matched.json | tr '\n' ' ')" "$x,shape=512x128 512 " "synthetic tokens are as wide as the layer"
is "$(get 0.method 0.quantizer <matched.json | tr '\n' ' ')" "rtn int4,asym,group=128,minmax " "methods and quantizer unless they are said"
qscope layer --weight $w --activation $x --evaluate $x,seed=2 -m rtn -q int8,tensor --csv >rows.csv
is "$(wc -l <rows.csv | tr -d ' ')" 2 "CSV: a heading and a row"
is "$(awk -F, 'NR == 1 { n = NF } END { print n - NF }' rows.csv)" "$(awk -F'"' 'END { c = 0; for (i = 2; i <= NF; i += 2) c -= gsub(",", "", $i); print c }' rows.csv)" "as many columns"

qscope layer $w --activation $x,shape=4096x128 --evaluate synth:llm-activation,shape=4096x128 -m rtn -m awq --json >held.json
is "$(get 0.held_out.source <held.json)" "synth:llm-activation,shape=4096x128,seed=2,channel-seed=1" "held-out synthetic tokens are others, of the same channels"
near "$(get 1.evaluation.output_sqnr_db <held.json)" "$(get 1.metrics.output_sqnr_db <held.json)" 0.02 "so AWQ is about as good on them"

qscope layer synth:weight-gaussian,shape=64x128 --activation synth:gaussian,seed=1 -m rtn >own.txt
like "$(tr '\n' ' ' <own.txt)" "But the tokens are made of the weight.s own random numbers: another seed would tell" "one seed for both is noticed"
like "$(qscope layer $w --activation synth:llm-activation --evaluate synth:llm-activation,seed=2 -m rtn | tr '\n' ' ')" "But the held-out tokens are the ones that the methods have seen" "so are held-out tokens that are not"
is "$(qscope layer $w --activation synth:llm-activation --evaluate synth:llm-activation -m rtn | grep -c 'have seen')" 0 "others are"

qscope layer $w --activation $x --hold-out .25 -m rtn >text.txt
like "$(cat text.txt)" '^weight +llm-weight \(64x128, f32\) from .*: 64 output channels of 128 inputs' "what it is of"
like "$(cat text.txt)" '^held out +the last 128 tokens of it' "what is held out"
like "$(cat text.txt)" '^\* +rtn +[0-9.]+ dB +[0-9.]+ dB +[0-9.]+ dB' "the best is marked"
like "$(tr '\n' ' ' <text.txt)" ' rtn reaches [0-9.]+ dB at the output on held-out tokens, at 4\.[0-9]+ bits per weight\. $' "the verdict"
qscope layer $w --activation $x -m rtn -o text2.txt && grep -q '^rtn reaches' text2.txt
ok "$?" "-o writes a file"

npy make zeros.npy f4 3,2 0 0 0 0 0 0
qscope layer W.npy --activation zeros.npy -m rtn -q int4 --json >zeros.json
is "$(get 0.metrics.output_sqnr_db 0.metrics.output_mse 0.metrics.cosine 0.best 0.verdict <zeros.json | tr '\n' ' ')" \
  "null 0 null false The output is 0 for all tokens: there is nothing to compare. " "tokens of zeros"

# What is saved reads back with the same error, and the arithmetic of the codes gives it.
qscope layer $w --activation $x -m rtn -q int4,asym,group=32 --weight-out out.npy --codes c.npy --scales s.npy --zero-points z.npy --json >saved.json
is "$?" 0 "--weight-out, --codes, --scales and --zero-points"
near "$(get 0.metrics.weight_sqnr_db <saved.json)" "$(qscope diff $w out.npy --json | get tensors.0.metrics.sqnr_db)" 1e-6 "diff finds the same weight SQNR in what was saved"
is "$(npy info out.npy)" "<f4 (64, 128)" "its shape is the weight's"
is "$(npy info s.npy) $(npy info z.npy)" "<f4 (64, 4) <i4 (64, 4)" "a scale and a zero point for each group"
near "$(npy affine c.npy s.npy z.npy 32 out.npy)" 0 1e-6 "(code - zero) x scale is what was saved"
qscope report $w -q int4,asym,group=32 --dequantized same.npy >/dev/null
ok "$(cmp -s same.npy out.npy; echo $?)" "of round to nearest it is what report saves"

# With the group of each channel, and what it is divided by, the codes of any method give its weight.
rebuilt() # rebuilt METHOD QUANTIZER: the largest difference, by (code - zero) x scale / factor
{
  qscope layer $w --activation $x -m "$1" -q "$2" --weight-out out.npy --codes c.npy --scales s.npy \
    --zero-points z.npy --group-index g.npy --factors f.npy --bias b.npy >/dev/null || echo failed
  for file in g f s z c out; do npy dump $file.npy | sed "s/^/$file /"; done |
    awk '{ n[$1]++; v[$1, n[$1] - 1] = $2 } END {
      for (i = 0; i < 64 * 128; i++) {
        j = i % 128; unit = int(i / 128) * n["s"] / 64 + v["g", j]
        d = (v["c", i] - v["z", unit]) * v["s", unit] / v["f", j] - v["out", i]
        worst = d > worst ? d : -d > worst ? -d : worst
      }
      printf "%.3g", worst }'
}
is "$(rebuilt gptq,actorder int4,asym,group=32 | awk '{ print ($1 < 1e-7) }')" 1 "gptq,actorder: --group-index says which scale"
is "$(npy info g.npy) $(npy dump g.npy | sort -n | uniq -c | awk '{ printf "%d ", $1 }')" "<i4 (128,) 32 32 32 32 " "32 channels in each group"
is "$(npy dump g.npy | sort -nc 2>/dev/null; echo $?)" 1 "which are not neighbours"
is "$(rebuilt awq int4,asym,group=32 | awk '{ print ($1 < 1e-7) }')" 1 "awq: --factors says what the codes are of"
is "$(npy info f.npy) $(npy dump f.npy | awk '$1 == 1' | wc -l | awk '{ print ($1 < 100) }')" "<f4 (128,) 1" "which are not 1"
is "$(npy dump g.npy | uniq -c | awk '{ printf "%d of %d, ", $1, $2 }')" "32 of 0, 32 of 1, 32 of 2, 32 of 3, " "groups of neighbours"
is "$(rebuilt bias int4,channel | awk '{ print ($1 < 1e-7) }')" 1 "bias: the codes are those of round to nearest"
is "$(npy info b.npy) $(npy dump b.npy | awk '$1 != 0' | wc -l | tr -d ' ')" "<f4 (64,) 64" "--bias: one for each output channel"
is "$(npy dump g.npy | uniq -c | tr -d ' ')" 1280 "one group for all"
qscope layer $w --activation $x -m hadamard,signs -q int4,group=32 --factors f.npy >/dev/null
is "$(npy dump f.npy | sort -u | tr '\n' ' ')" "-1 1 " "hadamard,signs: the signs"
qscope layer $w --activation $x -m rtn -q q4_0 --bias b.npy --factors f.npy >/dev/null
is "$? $(npy dump b.npy | sort -u) $(npy dump f.npy | sort -u)" "0 0 1" "0 and 1 where there are none, codes or not"

qscope layer $w --activation $x -m awq --factors - >stdout.npy && qscope layer $w --activation $x -m awq --factors f.npy >/dev/null
ok "$(cmp -s stdout.npy f.npy; echo $?)" "-: standard output, without the table"
fails 2 "only one array can go to standard output" "one of them" \
  qscope layer $w --activation $x -m rtn --weight-out - --bias -

# A transposed weight is the same layer, and comes back as it was stored.
npy make WT.npy f4 2,2 7 -7 6.25 0.25
qscope layer WT.npy --transpose-weight --activation X.npy -m rtn -q int4,channel --weight-out back.npy --json >turned.json
is "$(get 0.metrics.output_mse <turned.json)" "$(get 0.metrics.output_mse <hand.json)" "--transpose-weight"
is "$(npy dump back.npy | tr '\n' ' ')" "7 -7 6 0 " "and back"

# -t names a tensor of the source before it.
mkdir acts && cp X.npy acts/x.npy && npy make acts/y.npy f4 1,2 1 1
qscope layer -t W --activation acts -t y --weight W.npy --evaluate acts -t x -m rtn --json >named.json
is "$(get 0.activation.tensor 0.metrics.tokens 0.held_out.tensor <named.json | tr '\n' ' ')" "y 1 x " "-t is of the source before it; one token will do"

npy make one.npy f4 1,1 2
like "$(qscope layer one.npy --activation one.npy -m rtn -q int8)" ": 1 output channel of 1 input$" "one of each"

# --sort: the order of the rows for people.
qscope layer $w --activation $x -m rtn -m awq -q int4,group=32 --sort method >bymethod.txt
is "$(awk '/output SQNR/ { on = 1; next } on && / dB / { print $1 == "*" ? $2 : $1 } !/ dB / { on = 0 }' bymethod.txt | tr '\n' ' ')" \
  "rtn awq " "--sort method: as they were named"
fails 2 "sort: expected output, held-out, weight, bits, time or method, found 'pie'" "no such order" \
  qscope layer $w --activation $x --sort pie

# The figure: bars by method, its recipe inside, which draws it again.
qscope layer $w -t llm-weight --activation $x --hold-out 25% -m rtn -m awq -q int4,group=32 -q int8 -o fig.png --data fig.csv --size 640x640
is "$?" 0 "-o FIG.png, --data"
is "$(qscope replay fig.png --print)" \
  "qscope $w -t llm-weight -q int4,sym,group=32,minmax -q int8,sym,tensor,minmax --view layer -m rtn -m awq --hold-out 0.25 --activation $x,shape=512x128" \
  "the recipe names everything"
qscope replay fig.png -o again.png --size 640x640
ok "$(cmp -s fig.png again.png; echo $?)" "and draws the figure again"
eval "$(qscope replay fig.png --print | sed 's/^qscope/qscope plot/') -o plot.png --size 640x640"
ok "$(cmp -s fig.png plot.png; echo $?)" "so does plot --view layer"
qscope layer $w --activation $x --hold-out 25% -m rtn -m awq -q int4,group=32 --json >fig.json
near "$(awk -F, '$3 == "output" && $8 == "A awq" && $7 != "" { print $7 }' fig.csv)" "$(get 1.metrics.output_sqnr_db <fig.json)" 1e-12 "its bars are the numbers"
near "$(awk -F, '$3 == "weight" && $8 == "A awq" && $7 != "" { print $7 }' fig.csv)" "$(get 1.metrics.weight_sqnr_db <fig.json)" 1e-12 "those of the weight, too"
is "$(awk -F, '$3 ~ /held-out/ { print $8 }' fig.csv | wc -l | tr -d ' ')" 4 "a point for each method on held-out tokens"
qscope layer --weight $w --activation $x -m smoothquant,alpha=0.123 -m gptq,actorder,damp=0.0123 -m awq,alpha=0.123 -m rtn -m bias -m hadamard -m zeroquant -o many.svg
like "$(cat many.svg)" 'smoothquant,alpha=0.123' "names that have no room are explained below"
fails 2 "has no option '--weight-out'" "of layer alone" qscope plot $w --weight-out x.npy

# What the literature says of outlier channels, on tokens that nothing was calibrated on. In 4 bits
# round to nearest is poor, GPTQ and AWQ repair it; in W8A8 with one scale for the activation the
# outliers ruin the others, SmoothQuant and LLM.int8() rescue them; and the verdict says why.
layer="qscope layer synth:llm-weight,shape=256x512 --activation $x,outliers=0.01,shape=4096x512 --hold-out 25% --json"
$layer -m rtn -m gptq,actorder -m awq >int4.json
rtn=$(get 0.evaluation.output_sqnr_db <int4.json)
near "$rtn" 19 0.05 "int4: round to nearest is poor"
near "$(get 1.evaluation.output_sqnr_db <int4.json)" "$(awk -v a="$rtn" 'BEGIN { print a + 4 }')" 0.08 "GPTQ gives 4 dB back"
near "$(get 2.evaluation.output_sqnr_db <int4.json)" "$(awk -v a="$rtn" 'BEGIN { print a + 6 }')" 0.05 "AWQ gives 6 dB back"
for method in 1 2; do
  ok "$(get $method.metrics.weight_sqnr_db 0.metrics.weight_sqnr_db <int4.json | tr '\n' ' ' | awk '{ print !($1 < $2 - 1) }')" \
    "$(get $method.method <int4.json): while the weights get worse"
  near "$(get $method.metrics.bits_per_weight <int4.json)" "$(get 0.metrics.bits_per_weight <int4.json)" 0.05 "in about as many bits"
done
like "$(get 0.verdict <int4.json)" '^awq is best: .* dB over rtn, .* [12] of the 512 input channels carr(y|ies) half of the energy of the inputs: what (their|its) weights lose counts most\. By their weights alone awq would be [0-9.]+ dB worse than rtn\.' \
  "the verdict says why"
$layer -m rtn -m smoothquant -m llm.int8 -q int8,channel --activation-quantizer int8 >w8a8.json
rtn=$(get 0.evaluation.output_sqnr_db <w8a8.json)
near "$rtn" 23.5 0.05 "W8A8: the outliers ruin it"
near "$(get 1.evaluation.output_sqnr_db <w8a8.json)" 37.5 0.03 "SmoothQuant rescues it"
near "$(get 2.evaluation.output_sqnr_db <w8a8.json)" 49 0.03 "so does LLM.int8()"
near "$(get 0.evaluation.activations_mse <w8a8.json)" "$(get 0.evaluation.output_mse <w8a8.json)" 0.05 "the activation was to blame"
like "$(get 0.verdict <w8a8.json)" 'The error from the activations is [0-9.]+ dB smaller, .* (they set|it sets) the scale that the others have to share' \
  "and the verdict says so"
qscope layer synth:llm-weight,shape=256x512 --activation synth:correlated,shape=256x512 --hold-out 25% -m rtn -m gptq --json >few.json
like "$(get 0.verdict <few.json)" 'gptq fits its calibration tokens too closely: [0-9.]+ dB on them, [0-9.]+ dB on held-out ones \(192 tokens for 512 input channels\)' \
  "too few tokens, and a method that fits them"

fails 2 "activation is for the view layer, not for error" "another view has no layer" \
  qscope plot $w --activation $x --view error -o none.png
fails 2 "hold-out is for the view layer, not for compare" "nor has a comparison" \
  qscope plot $w --compare $w --hold-out .5 -o none.png
fails 2 "the view layer has methods .* instead of --transform" "no transforms beside methods" \
  qscope plot $w --view layer --transform hadamard -o none.png
fails 2 "activation: given twice" "one activation" qscope layer $w --activation $x --activation $x

# The table of methods.
qscope methods >methods.txt
like "$(cat methods.txt)" '^rtn +round to nearest' "methods: what each does"
is "$(qscope layer -m list)" "$(cat methods.txt)" "-m list: the same"
is "$(qscope methods --json | get 0.name 0.options.# | tr '\n' ' ')" "rtn 0 " "methods: as JSON"

# What does not fit.
fails 2 "layer: expected a WEIGHT, and --activation" "nothing" qscope layer
fails 2 "layer: expected --activation SRC" "no activation" qscope layer W.npy
fails 2 "'W.npy' and --weight both name the weight" "two weights" qscope layer W.npy --weight W.npy --activation X.npy
fails 2 "'gtpq' is no method of the layer lab" "no such method" qscope layer W.npy --activation X.npy -m gtpq
fails 2 "'fast' is no option of rtn" "no such option" qscope layer W.npy --activation X.npy -m rtn,fast
fails 2 "rtn: channel=7: the tensor 2x2 has axes 0 to 1" "a quantizer that does not fit" qscope layer W.npy --activation X.npy -m rtn -q int8,channel=7
fails 2 "--hold-out and --evaluate both name held-out tokens" "held out twice" \
  qscope layer W.npy --activation X.npy --hold-out .5 --evaluate X.npy
fails 2 "save one method under one quantizer; found 2" "two methods are not saved" \
  qscope layer W.npy --activation X.npy -m rtn -m rtn --weight-out both.npy
cp W.npy keep.npy
fails 2 "W.npy: is what the layer is read from, and is not overwritten" "what is read" \
  qscope layer W.npy --activation X.npy -m rtn --weight-out ./W.npy
ok "$(cmp -s W.npy keep.npy; echo $?)" "and stays as it was"
fails 2 "the groups of gptq are not of neighbours: --group-index FILE.npy is needed" "codes without their groups" \
  qscope layer $w --activation $x -m gptq,actorder -q int4,group=32 --codes lost.npy
qscope layer $w --activation $x -m gptq,actorder,static-groups -q int4,asym,group=32 --codes c.npy --scales s.npy >static.txt
is "$?" 0 "and with static groups they are saved"
like "$(cat static.txt)" "^gptq,actorder,static-groups: damp 0.01, loss [0-9.]+ a token" "gptq says what it did"
fails 2 "a budget of 2 bits for each weight is too little: 2 bits and the scales take 2.25" "too little for bits" \
  qscope layer $w --activation $x -m bits,budget=2 -q int4,channel --weight-out b.npy
fails 2 "keeps no codes with a scale for each group" "blocks of a format" \
  qscope layer $w --activation $x -m rtn -q q4_0 --codes none.npy
fails 3 "W.npy: W \(2x2\) takes 2 input channels, the activation A.npy: A \(2x3\) has 3$" "widths that do not match" \
  sh -c "'$tools/npy_tool' make A.npy f4 2,3 1 2 3 4 5 6; '$QSCOPE_PROGRAM' layer W.npy --activation A.npy </dev/null"
npy make W23.npy f4 2,3 1 2 3 4 5 6
fails 3 "W23 \(2x3\) takes 3 input channels, .*X \(3x2\) has 2; the transposed weight would fit: --transpose-weight" "a hint" \
  qscope layer W23.npy --activation X.npy
npy make one.npy f4 4 1 2 3 4
fails 3 "one.npy: one: the weight of a layer: expected a matrix of output channels x input channels" "a vector is no weight" \
  qscope layer one.npy --activation X.npy
npy make nan.npy f4 2,2 1 nan 3 4
fails 3 "nan.npy: nan: the activation: NaN at token 0, input channel 1" "NaN in X" qscope layer W.npy --activation nan.npy
fails 3 "nan.npy: nan: held out: the activation: NaN at token 0" "NaN in held-out tokens" \
  qscope layer W.npy --activation X.npy --evaluate nan.npy
fails 3 "^qscope: none.npy: " "no such file" qscope layer W.npy --activation none.npy
fails 2 "only one source can be standard input" "standard input twice" qscope layer - --activation -

done_testing
